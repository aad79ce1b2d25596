/*
 * issuedcheck.c: what CAs of the store have signed: that the certificates of
 * entries are recorded, and what expires of those that no entry has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"
#include "issue/issue.h"

/*
 * Finds the public key of the CA in the store that may have signed an entry, by
 * what index/ has: "" if there is none.  The last answer is kept.
 */
static int
findsignerkey(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	const char *key = info->aki != NULL ? info->aki : info->issuerhash;
	struct certstore_entry ca = { 0 };
	struct certstore_error ignored;
	struct cs_strings names = { 0 };
	size_t i;

	if (key == NULL)
		key = "";
	if (audit->signer != NULL && strcmp(audit->signer, key) == 0)
		return 0;
	free(audit->signer);
	audit->signerspki[0] = '\0';
	cs_file_close(&audit->signerdir);
	audit->revokes = cs_revoked_isused(audit->store);
	if ((audit->signer = strdup(key)) == NULL)
		return cs_fail_nomem(err);
	if (*key != '\0' &&
	    cs_search_index(audit->store, info->aki != NULL ? "ski" : "subject",
		key, &names) == -1)
		return cs_fail_errno(err, "%s/index",
		    certstore_path(audit->store));
	for (i = 0; i < names.n && audit->signerspki[0] == '\0'; i++)
		if (cs_entry_glance(audit->store, names.v[i], &ca, &ignored) ==
			0 &&
		    ca.info.haskey && ca.info.spki != NULL &&
		    strcmp(ca.info.kind, "ca") == 0)
			memcpy(audit->signerspki, ca.info.spki,
			    strlen(ca.info.spki) + 1);
	cs_entry_done(&ca);
	cs_strings_free(&names);
	if (audit->signerspki[0] != '\0')
		audit->signerdir = cs_issued_open(audit->store,
		    audit->signerspki);
	return 0;
}

/* Is there a record, and of which size?  1, 0; -1: who may not read it, does not
 * find out. */
static int
hasrecord(const struct certstore_audit *audit, const char *serial,
    int64_t *size)
{
	if (audit->signerdir != -1)
		return cs_issued_hasin(audit->signerdir, serial, size);
	*size = INT64_MAX; /* not known */
	return cs_issued_has(audit->store, audit->signerspki, serial);
}

/*
 * Has a CA of the store signed an entry without a record of it?  1 and the CA,
 * to be closed; 0, -1.
 */
int
cs_issuedcheck_lacks(const struct certstore_entry *entry, struct cs_issuer *is,
    struct certstore_error *err)
{
	STACK_OF(X509) *certs = NULL;
	const struct cs_info *info = &entry->info;
	char serial[CS_SERIAL_LEN];
	int rv;

	if (info->fingerprint == NULL || info->self || info->serial == NULL ||
	    cs_issued_serial(serial, info->serial) == -1)
		return 0;
	if ((rv = cs_cert_read(entry, CS_FULLCHAIN, &certs, err)) == 1)
		rv = cs_issuer_find(is, entry, sk_X509_value(certs, 0), err);
	sk_X509_pop_free(certs, X509_free);
	if (rv == 1 &&
	    cs_issued_has(entry->store, is->entry.info.spki, serial) != 0) {
		cs_issuer_close(is);
		rv = 0;
	}
	return rv;
}

/* Only what the entry itself says is seen everywhere. */
static int
lookrevoked(struct certstore_audit *audit, const char *serial,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	struct cs_revocation r;

	if (audit->signerspki[0] == '\0' || info->revoked != NULL ||
	    !audit->revokes ||
	    cs_revoked_find(audit->store, audit->signerspki, serial, &r) != 1)
		return 0;
	return cs_finding_add(audit, CS_CODE_REVOKED_UNMARKED, info->name, err,
	    "its CA has revoked it, and the entry does not say so: "
	    "cert-check%s -r %s",
	    cs_store_option(audit->store), info->name);
}

/* The record has more in it than the certificate, which has this size. */
int
cs_issuedcheck_entry(struct certstore_audit *audit, int64_t certsize,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	char serial[CS_SERIAL_LEN];
	struct cs_issuer is;
	int64_t size;
	int rv;

	if (info->fingerprint == NULL || info->self || info->serial == NULL ||
	    cs_issued_serial(serial, info->serial) == -1)
		return 0;
	if (findsignerkey(audit, err) == -1)
		return -1;
	if ((rv = lookrevoked(audit, serial, err)) == -1)
		return -1;
	if (audit->signerspki[0] == '\0')
		return 0;
	if ((rv = hasrecord(audit, serial, &size)) == 1 && size <= certsize)
		return cs_finding_add(audit, CS_CODE_ISSUED_MISSING, info->name,
		    err,
		    "its record in issued/%s is cut short: cert-check%s -r",
		    audit->signerspki, cs_store_option(audit->store));
	if (rv != 0)
		return 0;
	if ((rv = cs_issuedcheck_lacks(&audit->entry, &is, err)) != 1)
		return rv;
	rv = cs_finding_add(audit, CS_CODE_ISSUED_MISSING, info->name, err,
	    "%s has signed it, and has no record of that: cert-check%s -r %s",
	    is.entry.info.name, cs_store_option(audit->store), info->name);
	cs_issuer_close(&is);
	return rv;
}

/* What expires of what one CA has signed for no entry: the newest of each
 * subject. */
struct ending {
	struct certstore_audit *audit;
	const char *spki;
	char ca[CS_NAME_MAX + 1];   /* or "@store" */
	struct cs_strings subjects; /* of which one expires, sorted */
	int64_t *last;		    /* when the last of each does */
};

/* Is its end what is asked for?  Nobody uses what has expired. */
static int
isexpiring(const struct ending *e, const struct certstore_entry *entry)
{
	int64_t ends = certstore_entry_ends(entry);

	return ends >= e->audit->when &&
	    cs_endcheck_iswithin(e->audit, 0, certstore_entry_starts(entry),
		ends);
}

/* The place of a subject, or -1. */
static ssize_t
findsubject(const struct ending *e, const char *subject)
{
	size_t lo = 0, hi = e->subjects.n, mid;
	int cmp;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		cmp = strcmp(subject, e->subjects.v[mid]);
		if (cmp == 0)
			return (ssize_t)mid;
		if (cmp < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -1;
}

/* Is it revoked?  What cannot be read is. */
static int
isrevoked(const struct ending *e, const struct certstore_entry *entry)
{
	char serial[CS_SERIAL_LEN];
	struct cs_revocation r;

	return cs_issued_serial(serial, entry->info.serial) == 0 &&
	    cs_revoked_find(e->audit->store, e->spki, serial, &r) != 0;
}

static int
collectsubject(struct ending *e, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const char *subject = certstore_entry_subject(entry);

	if (!isexpiring(e, entry) || cs_name_isvalid(entry->info.name) ||
	    subject == NULL || isrevoked(e, entry))
		return 0;
	return cs_strings_add(&e->subjects, subject) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

/* Also what an entry has replaces one that was signed before. */
static int
notelast(struct ending *e, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const char *subject = certstore_entry_subject(entry);
	int64_t ends = certstore_entry_ends(entry);
	ssize_t i;

	(void)err;
	if (subject == NULL || (i = findsubject(e, subject)) == -1 ||
	    isrevoked(e, entry))
		return 0;
	if (ends > e->last[i])
		e->last[i] = ends;
	return 0;
}

/* Has an entry imported it since?  Then it is looked at there. */
static int
isimported(const struct ending *e, const struct certstore_entry *record)
{
	struct certstore *store = e->audit->store;
	struct certstore_entry entry = { 0 };
	struct certstore_error ignored;
	struct cs_strings names = { 0 };
	int rv = 0;
	size_t i;

	if (cs_search_index(store, "spki", record->info.spki, &names) == -1)
		return 0;
	for (i = 0; i < names.n && !rv; i++)
		rv = cs_entry_glance(store, names.v[i], &entry, &ignored) ==
			0 &&
		    entry.info.fingerprint != NULL &&
		    strcmp(entry.info.fingerprint, record->info.fingerprint) ==
			0;
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return rv;
}

static int
tellending(struct ending *e, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	struct certstore_audit *audit = e->audit;
	const char *subject = certstore_entry_subject(entry);
	int64_t ends = certstore_entry_ends(entry);
	int64_t days = (ends - audit->when) / CS_DAY;
	char text[CERTSTORE_TIME_LEN];
	ssize_t i;

	if (!isexpiring(e, entry) || cs_name_isvalid(entry->info.name) ||
	    subject == NULL || (i = findsubject(e, subject)) == -1 ||
	    e->last[i] != ends || isrevoked(e, entry) || isimported(e, entry))
		return 0;
	return cs_finding_addas(audit,
	    audit->nwithin == 2 &&
		    cs_endcheck_iswithin(audit, 1, entry->info.starts, ends) ?
		CERTSTORE_CRITICAL :
		CERTSTORE_WARNING,
	    CS_CODE_ISSUED_EXPIRES, e->ca, err,
	    "%s, which it has signed (%s), expires at %s, in %lld day%s",
	    subject, certstore_entry_name(entry),
	    certstore_time_format(ends, text), (long long)days,
	    days == 1 ? "" : "s");
}

/* One turn through all that the CA has signed. */
struct turn {
	struct ending *e;
	int (*fn)(struct ending *, const struct certstore_entry *,
	    struct certstore_error *);
	struct certstore_entry entry;
	struct certstore_error *err;
};

static int
turnrecord(void *arg, const char *serial)
{
	struct turn *t = arg;
	int rv;

	rv = cs_issued_read(t->e->audit->store, t->e->spki, serial, &t->entry,
	    t->err);
	if (rv == 1)
		return t->fn(t->e, &t->entry, t->err);
	/* what is damaged is for a repair */
	return rv == -1 && t->err->code != CERTSTORE_EDAMAGED ? -1 : 0;
}

static int
eachissued(struct ending *e,
    int (*fn)(struct ending *, const struct certstore_entry *,
	struct certstore_error *),
    struct certstore_error *err)
{
	struct turn t = { .e = e, .fn = fn, .err = err };
	int rv;

	rv = cs_issued_each(e->audit->store, e->spki, turnrecord, &t, err);
	cs_entry_done(&t.entry);
	return rv;
}

/* The name of the CA with a public key, or "@store" if it is not there. */
static int
nameca(struct ending *e, struct certstore_error *err)
{
	struct cs_strings names = { 0 };

	if (cs_search_index(e->audit->store, "spki", e->spki, &names) == -1)
		return cs_fail_errno(err, "%s/index",
		    certstore_path(e->audit->store));
	snprintf(e->ca, sizeof(e->ca), "%s",
	    names.n > 0 ? names.v[0] : "@store");
	cs_strings_free(&names);
	return 0;
}

static int
lookca(struct certstore_audit *audit, const char *spki, int64_t until,
    struct certstore_error *err)
{
	struct ending e = { .audit = audit, .spki = spki };
	int rv;

	if ((rv = cs_issued_isending(audit->store, spki, audit->when, until)) !=
	    1)
		return rv == -1 ? cs_fail_errno(err, "%s/issued",
				      certstore_path(audit->store)) :
				  0;
	rv = -1;
	if (nameca(&e, err) == -1 || eachissued(&e, collectsubject, err) == -1)
		goto out;
	cs_strings_sort(&e.subjects);
	if ((e.last = calloc(e.subjects.n + 1, sizeof(*e.last))) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	rv = e.subjects.n == 0 ? 0 : eachissued(&e, notelast, err);
	if (rv == 0 && e.subjects.n > 0)
		rv = eachissued(&e, tellending, err);
out:
	free(e.last);
	cs_strings_free(&e.subjects);
	return rv;
}

/* With -e: what no entry has, as the certificates of phones. */
int
cs_issuedcheck_ends(struct certstore_audit *audit, struct certstore_error *err)
{
	struct cs_strings cas = { 0 };
	int64_t until;
	size_t i;
	int rv = 0;

	if (audit->nwithin == 0)
		return 0;
	until = cs_needed_until(&audit->within[0], audit->when);
	if (cs_issued_signers(audit->store, &cas) == -1)
		return errno == EACCES ? 0 :
					 cs_fail_errno(err, "%s/issued",
					     certstore_path(audit->store));
	for (i = 0; i < cas.n && rv == 0; i++)
		rv = lookca(audit, cas.v[i], until, err);
	cs_strings_free(&cas);
	return rv;
}
