/*
 * trustcheck.c: the trust sets: damaged files, what expires, CRLs that are late
 * or lack a CA; and what is distrusted, to be found in the chains of entries.
 */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "audit/private.h"

#define NO_END INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int
cs_trustcheck_begin(struct certstore_audit *audit, struct certstore_error *err)
{
	struct cs_setname tn;
	struct certstore_error why;
	int rv;

	if (cs_trustname_init(&tn, audit->store, NULL, err) == -1)
		return -1;
	rv = cs_trustdir_distrusted(&tn, &audit->distrusted, &why);
	cs_trustname_done(&tn);
	if (rv == -1)
		cs_trustset_free(&audit->distrusted);
	/* a damaged set of the whole store is reported later */
	if (rv == -1 && (audit->named || why.code != CERTSTORE_EDAMAGED))
		cs_finding_fail(audit, &why);
	return 0;
}

static int
lookcrl(struct certstore_audit *audit, const char *name,
    const struct cs_setname *tn, const struct cs_crl *crl,
    struct certstore_error *err)
{
	int64_t starts = cs_crl_starts(crl), ends = cs_crl_ends(crl);
	char text[CERTSTORE_TIME_LEN];
	int i, soon = 0, late;

	if (ends >= NO_END)
		return 0;
	if ((i = cs_crlcheck_isown(audit, crl->fingerprint)) != 0)
		return i == 1 ? 0 : cs_fail_nomem(err);
	certstore_time_format(ends, text);
	if (ends < audit->when)
		return cs_finding_add(audit, CS_CODE_CRL_EXPIRED, name, err,
		    "crls/%s.crl expired at %s: servers refuse all clients of "
		    "this CA: use cert-trust%s add with the current one",
		    crl->name, text, tn->option);
	late = audit->when > cs_crl_late(crl);
	for (i = 0; i < audit->nwithin; i++)
		if (cs_endcheck_iswithin(audit, i, starts, ends))
			soon = i + 1;
	if (!late && soon == 0)
		return 0;
	return cs_finding_addas(audit,
	    late || soon == 2 ? CERTSTORE_CRITICAL : CERTSTORE_WARNING,
	    CS_CODE_CRL_EXPIRES, name, err,
	    "crls/%s.crl expires at %s: use cert-trust%s add with the current "
	    "one",
	    crl->name, text, tn->option);
}

static int
lookanchors(struct certstore_audit *audit, const char *name,
    struct cs_trustset *set, struct cs_setends *first,
    struct certstore_error *err)
{
	struct cs_buf subject = { 0 };
	struct cs_anchor *a;
	size_t i;
	int rv = 0;
	X509 *x509;

	for (i = 0; rv == 0 && i < set->n; i++) {
		a = &set->v[i];
		if (a->der == NULL)
			continue;
		if ((x509 = cs_cert_decode(a->name, a->der, a->derlen, err)) ==
		    NULL) {
			rv = cs_finding_add(audit, CS_CODE_TRUST_DAMAGED, name,
			    err, "%s", err->msg);
			cs_error_clear(err);
			continue;
		}
		cs_setends_note(first, cs_cert_ends(x509), INT64_MAX);
		cs_buf_reset(&subject);
		if (cs_buf_printf(&subject, "the anchor %s", a->name) == -1)
			rv = cs_fail_nomem(err);
		else
			rv = cs_endcheck_cert(audit, name, subject.p,
			    cs_cert_starts(x509), cs_cert_ends(x509),
			    /* the list is not this host's to change */
			    a->origin == CS_ANCHOR_SHIPPED ? CERTSTORE_NOTE :
							     CERTSTORE_CRITICAL,
			    err);
		X509_free(x509);
	}
	cs_buf_free(&subject);
	ERR_clear_error();
	return rv;
}

/* The file ends: who asks what expires believes it. */
static int
lookends(struct certstore_audit *audit, const char *name,
    const struct cs_setname *tn, const struct cs_trustset *set,
    const struct cs_setends *first, struct certstore_error *err)
{
	struct cs_setends said;
	struct cs_setgen live;
	int differs, rv;

	if ((rv = cs_setgen_open(tn, &live, err)) != 1)
		return rv;
	differs = live.gen == set->gen &&
	    cs_setends_read(live.fd, &said) == 0 &&
	    (said.ends != first->ends || said.late != first->late);
	cs_file_close(&live.fd);
	if (!differs)
		return 0;
	return cs_finding_add(audit, CS_CODE_TRUST_DIFFERS, name, err,
	    "%s/" CS_TRUST_ENDS " has another time than what expires first: "
	    "rm %s/" CS_TRUST_ENDS,
	    tn->path, tn->path);
}

/* Is there something of this name that no copy made of a set? */
static int
isstrayset(const struct cs_setname *tn)
{
	char path[PATH_MAX];
	struct stat st;

	return lstat(tn->path, &st) == 0 && !S_ISLNK(st.st_mode) &&
	    (!S_ISDIR(st.st_mode) ||
		(snprintf(path, sizeof(path), "%s/bundle.pem", tn->path) <
			(int)sizeof(path) &&
		    access(path, F_OK) == -1 && errno == ENOENT));
}

static int
lookset(struct certstore_audit *audit, const char *name,
    const struct cs_setname *tn, struct certstore_error *err)
{
	struct cs_setends first = CS_SETENDS_NEVER;
	struct cs_trustset set = { 0 };
	struct cs_buf names = { 0 };
	struct certstore_error why;
	size_t i, n = 0;
	int rv;

	if ((rv = cs_trustdir_load(tn, &set, &why)) == -1) {
		if (why.code == CERTSTORE_EDAMAGED && isstrayset(tn))
			rv = cs_finding_add(audit, CS_CODE_UNKNOWN_FILE, name,
			    err, "%s is not a trust set: remove it", tn->path);
		else if (why.code == CERTSTORE_EDAMAGED)
			rv = cs_finding_add(audit, CS_CODE_TRUST_DAMAGED, name,
			    err, "%s", why.msg);
		else
			*err = why;
		goto out;
	}
	rv = lookanchors(audit, name, &set, &first, err);
	for (i = 0; rv == 0 && i < set.ncrl; i++) {
		cs_setends_note(&first, cs_crl_ends(&set.crls[i]),
		    cs_crl_late(&set.crls[i]));
		rv = lookcrl(audit, name, tn, &set.crls[i], err);
	}
	if (audit->endsonly)
		goto out;
	for (i = 0; rv == 0 && i < set.bad.n; i++)
		rv = cs_finding_add(audit, CS_CODE_TRUST_DAMAGED, name, err,
		    "%s", set.bad.v[i]);
	if (rv == 0 && set.dirty && set.bad.n == 0)
		rv = cs_finding_add(audit, CS_CODE_TRUST_DIFFERS, name, err,
		    "files or links in %s are missing or surplus: "
		    "cert-check%s -r",
		    tn->path, cs_store_option(audit->store));
	if (rv == 0 && set.bad.n == 0)
		rv = lookends(audit, name, tn, &set, &first, err);
	if (rv == 0 && set.ncrl > 0) {
		if (cs_crl_uncovered(&set, &names, &n) == -1)
			rv = cs_fail_nomem(err);
		else if (n > 0)
			rv = cs_finding_add(audit, CS_CODE_CRL_UNCOVERED, name,
			    err,
			    "there are CRLs, but none of %s: servers that ask "
			    "for CRLs refuse all clients of these CAs",
			    names.p);
	}
out:
	cs_trustset_free(&set);
	cs_buf_free(&names);
	return rv;
}

static int
looknamed(struct certstore_audit *audit, const char *set,
    struct certstore_error *err)
{
	struct cs_setname tn;
	char name[CS_TRUSTNAME_MAX + 16];
	int rv;

	if (cs_trustname_init(&tn, audit->store, set, err) == -1)
		return -1;
	snprintf(name, sizeof(name), "@trust%s%s", set == NULL ? "" : "/",
	    set == NULL ? "" : set);
	rv = lookset(audit, name, &tn, err);
	cs_trustname_done(&tn);
	return rv;
}

/* A set that is asked for is there: 0, or -1. */
static int
requireset(struct certstore_audit *audit, const struct cs_strings *names,
    const char *set, struct certstore_error *err)
{
	struct cs_setname tn;

	if (cs_strings_has(names, set))
		return 0;
	if (cs_trustname_init(&tn, audit->store, set, err) == -1)
		return -1;
	cs_trustname_absent(&tn, err);
	cs_trustname_done(&tn);
	return -1;
}

/* The sets that are asked for by name; those that are not there at the end. */
static int
lookasked(struct certstore_audit *audit, const struct cs_strings *names,
    struct certstore_error *err)
{
	struct certstore_error why = { 0 };
	const char *name, *set;
	size_t i;
	int rv = 0;

	for (i = 0; rv == 0 && i < audit->names.n; i++) {
		name = audit->names.v[i];
		if (strncmp(name, "@trust", 6) != 0)
			continue;
		set = name[6] == '/' ? name + 7 : NULL;
		if (set == NULL || requireset(audit, names, set, &why) == 0)
			rv = looknamed(audit, set, err);
	}
	if (rv == 0 && why.code != CERTSTORE_OK) {
		*err = why;
		rv = -1;
	}
	return rv;
}

int
cs_trustcheck_sets(struct certstore_audit *audit, struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	if (cs_setgen_names(audit->store, &names) == -1)
		rv = cs_fail_errno(err, "%s/trusts",
		    certstore_path(audit->store));
	else if (audit->named)
		rv = lookasked(audit, &names, err);
	else
		rv = looknamed(audit, NULL, err);
	for (i = 0; rv == 0 && i < names.n && !audit->named; i++)
		rv = looknamed(audit, names.v[i], err);
	cs_strings_free(&names);
	return rv;
}
