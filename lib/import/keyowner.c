/*
 * keyowner.c: finds the entries that have the key of a certificate, or whose
 * request for that key waits for its answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "import/private.h"

/* Adds an entry that has, or waits with, the key of the certificate, whose
 * names are in info. */
static int
addowner(struct cs_keyowners *h, const struct certstore_entry *entry,
    const struct cs_pool_cert *cert, const struct cs_info *info,
    struct certstore_error *err)
{
	struct cs_keyowner *v;
	size_t i;
	int waits;

	waits = cs_poolcert_haskey(cert, entry->info.request);
	if (!waits &&
	    (entry->info.fingerprint == NULL ||
		(!cs_poolcert_haskey(cert, entry->info.spki) &&
		    !cs_poolcert_haskey(cert, entry->info.samekey))))
		return 0;
	for (i = 0; i < h->n; i++)
		if (strcmp(h->v[i].name, entry->info.name) == 0)
			return 0;
	if ((v = reallocarray(h->v, h->n + 1, sizeof(*v))) == NULL)
		return cs_fail_nomem(err);
	h->v = v;
	v += h->n;
	v->waits = waits;
	if ((v->shares = cs_ident_shares(info, &entry->info)) == -1 ||
	    (v->name = strdup(entry->info.name)) == NULL)
		return cs_fail_nomem(err);
	h->n++;
	return 0;
}

/* Adds the owners under a key of the index, where entries may be stale; damaged
 * ones are skipped. */
static int
findowners(struct certstore *store, const struct cs_pool_cert *cert,
    const char *spki, struct cs_info *info, struct cs_keyowners *h,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_strings names = { 0 };
	size_t i;
	int rv = -1;

	if (cs_search_index(store, "spki", spki, &names) == -1)
		return cs_fail_errno(err, "%s/index/spki",
		    certstore_path(store));
	if (names.n > 0 && info->text.p == NULL &&
	    (cs_describe_shown(&info->text, cert->x509, err) == -1 ||
		cs_info_parse(info, err) == -1))
		goto out;
	for (i = 0; i < names.n; i++) {
		if (cs_entry_load(store, names.v[i], &entry, err) == -1) {
			if (err->code != CERTSTORE_EDAMAGED &&
			    err->code != CERTSTORE_ENOENTRY)
				goto out;
			continue;
		}
		if (addowner(h, &entry, cert, info, err) == -1)
			goto out;
	}
	cs_error_clear(err);
	rv = 0;
out:
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return rv;
}

int
cs_keyowner_find(struct certstore *store, const struct cs_pool_cert *cert,
    struct cs_keyowners *h, struct certstore_error *err)
{
	struct cs_info info = { 0 };
	int rv = 0;

	memset(h, 0, sizeof(*h));
	if (!cs_store_isthere(store))
		return 0;
	rv = findowners(store, cert, cert->spki, &info, h, err);
	if (rv == 0 && strcmp(cert->spki, cert->match) != 0)
		rv = findowners(store, cert, cert->match, &info, h, err);
	cs_info_free(&info);
	return rv;
}

void
cs_keyowner_free(struct cs_keyowners *h)
{
	while (h->n > 0)
		free(h->v[--h->n].name);
	free(h->v);
	memset(h, 0, sizeof(*h));
}

static int
readkey(struct certstore *store, const char *name, enum cs_file file,
    struct cs_buf *pem, char *label, size_t size, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	int rv;

	snprintf(label, size, "%s: %s", name, cs_file_names[file]);
	rv = cs_entry_load(store, name, &entry, err);
	if (rv == -1 && err->code == CERTSTORE_ENOENTRY)
		cs_fail(err, CERTSTORE_ECHANGED,
		    "%s: another writer removed the entry meanwhile: try again",
		    name);
	if (rv == 0)
		rv = cs_entry_read(&entry, file, pem, err);
	cs_entry_done(&entry);
	return rv;
}

int
cs_keyowner_key(struct certstore *store, const struct cs_keyowners *h,
    struct cs_buf *pem, char *label, size_t size, struct certstore_error *err)
{
	size_t i;
	int rv = 0, waits;

	for (waits = 1; waits >= 0; waits--)
		for (i = 0; i < h->n && rv == 0; i++)
			if (h->v[i].waits == waits)
				rv = readkey(store, h->v[i].name,
				    waits ? CS_REQUEST_KEY : CS_PRIVKEY, pem,
				    label, size, err);
	return rv;
}
