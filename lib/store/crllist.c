/*
 * crllist.c: which CAs have a CRL, and when it is made again,
 * certstore_crls_new(3); also those that should have one, since they revoked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

struct certstore_crls {
	struct certstore *store;
	struct cs_strings names;
	size_t next;
	struct certstore_crl row;
	char name[CS_NAME_MAX + 1];
};

static int
takespki(void *arg, const char *file)
{
	char hex[CS_HASH_LEN];

	return cs_hash_read(file, hex) == 1 ? cs_strings_add(arg, file) : 0;
}

/* Adds the entries whose keys have revoked something. */
static int
addrevokers(struct certstore *store, struct cs_strings *names,
    struct certstore_error *err)
{
	struct cs_strings found, spkis = { 0 };
	size_t i, j;
	int rv = 0;

	if (cs_file_each(store->fd, "revoked", takespki, &spkis) == -1 &&
	    errno != ENOENT && errno != EACCES)
		rv = cs_fail_errno(err, "%s/revoked", store->path);
	for (i = 0; i < spkis.n && rv == 0; i++) {
		if (cs_search_index(store, "spki", spkis.v[i], &found) == -1)
			rv = cs_fail_errno(err, "%s/index/spki", store->path);
		for (j = 0; j < found.n && rv == 0; j++)
			if (cs_strings_add(names, found.v[j]) == -1)
				rv = cs_fail_nomem(err);
		cs_strings_free(&found);
	}
	cs_strings_free(&spkis);
	return rv;
}

struct certstore_crls *
certstore_crls_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_crls *crls;

	cs_error_clear(err);
	if (cs_store_refresh(store, err) == -1)
		return NULL;
	if ((crls = calloc(1, sizeof(*crls))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	crls->store = store;
	if (store->fd == -1)
		return crls;
	if (cs_setgen_crls(store, &crls->names) == -1)
		cs_fail_errno(err, "%s/" CS_CRL_DIR, store->path);
	else if (addrevokers(store, &crls->names, err) == 0) {
		cs_strings_sort(&crls->names);
		return crls;
	}
	certstore_crls_free(crls);
	return NULL;
}

void
certstore_crls_free(struct certstore_crls *crls)
{
	if (crls == NULL)
		return;
	cs_strings_free(&crls->names);
	free(crls);
}

static int
isofissuer(void *arg, const struct cs_revocation *r)
{
	return strcmp(r->issuer, arg) == 0;
}

/*
 * How many revocations of a CA are in no CRL.  Files are only added to
 * revoked/SPKI, so that their number tells whether there are new ones.  0, -1.
 */
static int
countunpublished(struct certstore *store, const struct cs_info *info,
    const struct cs_crlinfo *ci, size_t *n, struct certstore_error *err)
{
	char issuer[CS_HASH_LEN];
	int known = strcmp(ci->spki, info->spki) == 0, rv;

	*n = 0;
	if (cs_crlinfo_recorded(store, info->spki, n) == -1)
		return errno == EACCES ? 0 :
					 cs_fail_errno(err, "%s/revoked/%s",
					     store->path, info->spki);
	if (known || *n == 0) {
		*n = *n > ci->recorded ? *n - ci->recorded : 0;
		return 0;
	}
	/* another entry may have the same key */
	snprintf(issuer, sizeof(issuer), "%s", info->subjecthash);
	rv = cs_revoked_each(store, info->spki, isofissuer, issuer, err);
	if (rv == 0)
		*n = 0;
	return rv == -1 ? -1 : 0;
}

static int
isofca(const struct cs_crlinfo *ci, const struct cs_info *info)
{
	return strcmp(ci->spki, info->spki) == 0 &&
	    strcmp(ci->issuer, info->subjecthash) == 0;
}

/* When the CRL is made again, and by which rule: by the CA and what it had before. */
static void
judgecrl(struct certstore_crl *row, const struct cs_info *info,
    const struct cs_crlinfo *ci)
{
	int64_t now = certstore_time_now();

	row->why = "third";
	row->due = row->number == 0 ? now : cs_crlinfo_due(ci);
	/* until then it is that of another CA of this name */
	if (row->number != 0 && !isofca(ci, info))
		row->due = ci->ends;
	if (info->ends < now) {
		row->due = 0;
		row->why = "the CA expired";
	} else if (row->number != 0 && row->ends < now) {
		row->why = "expired";
	} else if (row->unpublished > 0) {
		row->due = now;
		row->why = "revoked";
	}
}

/* Is the entry a CA that has a certificate? */
static int
loadca(struct certstore *store, const char *name, struct certstore_entry *ca,
    struct certstore_error *err)
{
	int rv = cs_entry_glance(store, name, ca, err);

	if (rv == -1 && err->code == CERTSTORE_ENOENTRY) {
		cs_error_clear(err);
		return 0;
	}
	return rv == -1 ?
	    -1 :
	    ca->info.fingerprint != NULL && strcmp(ca->info.kind, "ca") == 0 &&
		ca->info.spki != NULL && ca->info.subjecthash != NULL;
}

/* Reads the state of one CA: 1, 0 it has no CRL and needs none, -1. */
static int
readrow(struct certstore_crls *crls, struct certstore_error *err)
{
	struct certstore_crl *row = &crls->row;
	struct certstore_entry ca = { 0 };
	struct cs_crlinfo ci = { 0 };
	int has, isca = 0;

	memset(row, 0, sizeof(*row));
	row->name = crls->name;
	if ((has = cs_crlinfo_read(crls->store, crls->name, &ci, err)) == -1 ||
	    (isca = loadca(crls->store, crls->name, &ca, err)) == -1 ||
	    (isca == 1 &&
		countunpublished(crls->store, &ca.info, &ci, &row->unpublished,
		    err) == -1)) {
		has = -1;
		goto out;
	}
	row->number = ci.number;
	row->starts = ci.starts;
	row->ends = ci.ends;
	row->revoked = ci.count;
	if (isca == 1)
		judgecrl(row, &ca.info, &ci);
	else
		row->why = "the CA is not in the store";
	has = has == 1 || row->unpublished > 0;
out:
	cs_crlinfo_done(&ci);
	cs_entry_done(&ca);
	return has;
}

int
certstore_crls_next(struct certstore_crls *crls,
    const struct certstore_crl **crl, struct certstore_error *err)
{
	int rv = 0;

	cs_error_clear(err);
	*crl = NULL;
	while (rv == 0 && crls->next < crls->names.n) {
		snprintf(crls->name, sizeof(crls->name), "%s",
		    crls->names.v[crls->next++]);
		rv = readrow(crls, err);
	}
	if (rv == 1)
		*crl = &crls->row;
	return rv;
}
