/*
 * target.c: finds what is to be revoked: by the name of an entry, a serial
 * number, a fingerprint or the certificate itself.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "ca/private.h"

#define SERIAL "serial:"
#define SHA256 "sha256:"

/* Adds one, of which info is known, or NULL: 1, -1. */
static int
addtarget(struct certstore_revoke *rev, const char *name, const char *ca,
    const char *spki, const char *issuerhash, const char *serial,
    const struct cs_info *info, struct certstore_error *err)
{
	struct cs_target *t;
	void *v;

	v = cs_array_extend(rev->v, rev->n, &rev->size, sizeof(*rev->v));
	if (v == NULL)
		return cs_fail_nomem(err);
	rev->v = v;
	t = &rev->v[rev->n];
	memset(t, 0, sizeof(*t));
	t->name = strdup(name);
	t->ca = strdup(ca);
	if (t->name == NULL || t->ca == NULL) {
		free(t->name);
		free(t->ca);
		return cs_fail_nomem(err);
	}
	rev->n++;
	snprintf(t->spki, sizeof(t->spki), "%s", spki);
	snprintf(t->r.serial, sizeof(t->r.serial), "%s", serial);
	snprintf(t->r.issuer, sizeof(t->r.issuer), "%s", issuerhash);
	t->r.reason = rev->reason;
	t->r.when = rev->when != 0 ? rev->when : certstore_time_now();
	if (info == NULL)
		return 1;
	t->r.ends = info->ends;
	t->isca = info->kind != NULL && strcmp(info->kind, "ca") == 0;
	snprintf(t->fingerprint, sizeof(t->fingerprint), "%s",
	    info->fingerprint);
	snprintf(t->ownspki, sizeof(t->ownspki), "%s", info->spki);
	return 1;
}

/* The entry of a CA by its key and the hash of its name, or "". */
static int
findcaentry(struct certstore_revoke *rev, const char *spki,
    const char *issuerhash, char name[CS_NAME_MAX + 1],
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error ignored;
	struct cs_strings names = { 0 };
	size_t i;

	name[0] = '\0';
	if (cs_search_index(rev->store, "spki", spki, &names) == -1)
		return cs_fail_errno(err, "%s/index",
		    certstore_path(rev->store));
	for (i = 0; i < names.n && name[0] == '\0'; i++)
		if (cs_entry_glance(rev->store, names.v[i], &entry, &ignored) ==
			0 &&
		    strcmp(entry.info.kind, "ca") == 0 &&
		    entry.info.subjecthash != NULL && issuerhash != NULL &&
		    strcmp(entry.info.subjecthash, issuerhash) == 0)
			snprintf(name, CS_NAME_MAX + 1, "%s", names.v[i]);
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return 0;
}

/* What a CA has signed, by the record of it: 1, -1. */
static int
addrecord(struct certstore_revoke *rev, const char *what, const char *spki,
    const char *serial, const struct cs_info *info, struct certstore_error *err)
{
	char ca[CS_NAME_MAX + 1];

	if (info->issuerhash == NULL)
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: its record has no issuer: use cert-check%s -r", what,
		    cs_store_option(rev->store));
	if (findcaentry(rev, spki, info->issuerhash, ca, err) == -1)
		return -1;
	return addtarget(rev, what, ca, spki, info->issuerhash, serial, info,
	    err);
}

/* A serial number of the CA that was given: it may have no record. */
static int
addserialof(struct certstore_revoke *rev, const char *what, const char *serial,
    struct certstore_error *err)
{
	const struct cs_info *ca = &rev->ca.entry.info;
	struct certstore_entry record = { 0 };
	int rv;

	rv = cs_issued_read(rev->store, ca->spki, serial, &record, err);
	if (rv == -1 && err->code == CERTSTORE_EDAMAGED)
		rv = 0;
	if (rv == 0 && !rev->force)
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %s has no record of this serial number: use -f to "
		    "revoke it all the same",
		    what, ca->name);
	if (rv != -1)
		rv = addtarget(rev, what, ca->name, ca->spki, ca->subjecthash,
		    serial, rv == 1 ? &record.info : NULL, err);
	cs_entry_done(&record);
	return rv;
}

static int
addbyserial(struct certstore_revoke *rev, const char *what, const char *text,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN], serial[CS_SERIAL_LEN];
	struct certstore_entry record = { 0 };
	struct cs_strings cas = { 0 };
	const char *spki = NULL;
	size_t i, n = 0;
	int rv;

	if (cs_issued_serial(serial, text) == -1)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not a serial number in hexadecimal",
		    cs_escape_quote(q, what));
	if (rev->hasca)
		return addserialof(rev, what, serial, err);
	if (cs_issued_signers(rev->store, &cas) == -1)
		return cs_fail_errno(err, "%s/issued",
		    certstore_path(rev->store));
	for (i = 0; i < cas.n; i++)
		if (cs_issued_has(rev->store, cas.v[i], serial) == 1) {
			spki = cas.v[i];
			n++;
		}
	if (n == 1 &&
	    (rv = cs_issued_read(rev->store, spki, serial, &record, err)) != 0)
		rv = rv == -1 ?
		    -1 :
		    addrecord(rev, what, spki, serial, &record.info, err);
	else
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %s has a record of this serial number: use -A with "
		    "the name of its CA",
		    what, n > 1 ? "more than one CA" : "no CA of the store");
	cs_entry_done(&record);
	cs_strings_free(&cas);
	return rv;
}

/* What a certificate says, and who of the store has signed it: 1, 0 nobody,
 * -1. */
static int
addcertificate(struct certstore_revoke *rev, const char *what,
    const struct certstore_entry *entry, X509 *x509,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info, *ca;
	char serial[CS_SERIAL_LEN];
	struct cs_issuer found;
	int rv;

	if (info->self && info->acme != NULL)
		return 0;
	if (info->self)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is self-signed, and nobody can revoke it: remove it "
		    "from those who trust it",
		    what);
	if (rev->hasca) {
		if (cs_issuer_read(&rev->ca, err) == -1)
			return -1;
		ca = &rev->ca.entry.info;
		if (cs_cert_is_signed_by(x509,
			sk_X509_value(rev->ca.certs, 0)) != 1)
			return cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: was not signed by %s", what, ca->name);
	} else {
		if ((rv = cs_issuer_find(&found, entry, x509, err)) != 1)
			return rv;
		ca = &found.entry.info;
	}
	if (cs_issued_serial(serial, info->serial) == -1)
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its serial number is negative, or longer than a CA of "
		    "the store gives",
		    what);
	else
		rv = addtarget(rev, what, ca->name, ca->spki, ca->subjecthash,
		    serial, info, err);
	if (!rev->hasca)
		cs_issuer_close(&found);
	return rv;
}

static int
addholder(struct certstore_revoke *rev, const char *what, const char *name,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	STACK_OF(X509) *certs = NULL;
	int rv = -1;

	if (cs_name_check(name, err) == -1 ||
	    cs_entry_load(rev->store, name, &entry, err) == -1)
		goto out;
	if (entry.info.fingerprint == NULL)
		cs_fail(err, CERTSTORE_EREFUSED, "%s: has no certificate yet",
		    what);
	else if ((rv = cs_cert_read(&entry, CS_FULLCHAIN, &certs, err)) == 1)
		rv = addcertificate(rev, what, &entry, sk_X509_value(certs, 0),
		    err);
out:
	sk_X509_pop_free(certs, X509_free);
	cs_entry_done(&entry);
	return rv;
}

/* A search through all that CAs have signed. */
struct search {
	struct certstore_revoke *rev;
	const char *what, *spki, *fingerprint;
	struct certstore_entry record;
	struct certstore_error *err;
};

static int
isfingerprint(void *arg, const char *serial)
{
	struct search *s = arg;

	if (cs_issued_read(s->rev->store, s->spki, serial, &s->record,
		s->err) != 1 ||
	    strcmp(s->record.info.fingerprint, s->fingerprint) != 0)
		return 0;
	return addrecord(s->rev, s->what, s->spki, serial, &s->record.info,
	    s->err);
}

/* By its fingerprint: of an entry, or of all that was signed, which is slow. */
static int
addfingerprint(struct certstore_revoke *rev, const char *what, const char *text,
    struct certstore_error *err)
{
	struct search s = { .rev = rev, .what = what, .err = err };
	const struct certstore_entry *entry = NULL;
	char hex[CS_HASH_LEN], q[CS_QUOTE_LEN];
	struct certstore_match *match;
	struct cs_strings cas = { 0 };
	size_t i;
	int rv;

	if (!cs_hash_read(text, hex))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not a SHA-256 fingerprint",
		    cs_escape_quote(q, what));
	match = certstore_match_new(rev->store, CERTSTORE_NOW, NULL, 0, err);
	if (match == NULL)
		return -1;
	rv = certstore_match_ask(match, what, err);
	if (rv != -1 && (rv = certstore_match_next(match, &entry, err)) == 1)
		rv = addholder(rev, what, certstore_entry_name(entry), err);
	certstore_match_free(match);
	if (rv != 0 || entry != NULL)
		return rv;
	if (cs_issued_signers(rev->store, &cas) == -1)
		return cs_fail_errno(err, "%s/issued",
		    certstore_path(rev->store));
	s.fingerprint = hex;
	for (i = 0; i < cas.n && rv == 0; i++) {
		s.spki = cas.v[i];
		rv = cs_issued_each(rev->store, s.spki, isfingerprint, &s, err);
	}
	cs_entry_done(&s.record);
	cs_strings_free(&cas);
	if (rv != 0)
		return rv;
	return cs_fail(err, CERTSTORE_ENOENTRY,
	    "%s: no entry has this certificate, and no CA of the store has "
	    "signed it",
	    what);
}

/* Is it a serial number of the CA that was given, and no entry?  1, 0, -1. */
static int
isserial(const struct certstore_revoke *rev, const char *what,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error ignored;
	struct cs_revocation r;
	char serial[CS_SERIAL_LEN];
	const char *spki;
	int isentry;

	if (!rev->hasca || cs_issued_serial(serial, what) == -1)
		return 0;
	isentry = cs_name_isvalid(what) &&
	    (cs_entry_glance(rev->store, what, &entry, &ignored) == 0 ||
		ignored.code != CERTSTORE_ENOENTRY);
	cs_entry_done(&entry);
	spki = rev->ca.entry.info.spki;
	if (!isentry)
		return 1;
	if (cs_issued_has(rev->store, spki, serial) == 0 &&
	    cs_revoked_find(rev->store, spki, serial, &r) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: is the name of an entry, and a serial number of %s: use "
	    "serial:%s, or leave out -A",
	    what, rev->ca.entry.info.name, what);
}

/*
 * What is to be revoked: the name of an entry, serial:HEX, sha256:HEX, and with
 * a CA also a serial number alone.  1, 0 no CA of the store has signed it, -1.
 */
int
certstore_revoke_add(struct certstore_revoke *rev, const char *what,
    struct certstore_error *err)
{
	int rv;

	cs_error_clear(err);
	ERR_clear_error();
	if (cs_store_refresh(rev->store, err) == -1)
		return -1;
	if (strncmp(what, SERIAL, sizeof(SERIAL) - 1) == 0)
		rv = addbyserial(rev, what, what + sizeof(SERIAL) - 1, err);
	else if (strncmp(what, SHA256, sizeof(SHA256) - 1) == 0)
		rv = addfingerprint(rev, what, what + sizeof(SHA256) - 1, err);
	else if ((rv = isserial(rev, what, err)) != 0)
		rv = rv == -1 ? -1 : addbyserial(rev, what, what, err);
	else
		rv = addholder(rev, what, what, err);
	ERR_clear_error();
	return rv;
}

/* The first certificate of an input is the one that is meant. */
int
certstore_revoke_add_cert(struct certstore_revoke *rev, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	struct certstore_entry entry = { .store = rev->store };
	const struct certstore_entry *shown;
	struct certstore_certs *certs;
	STACK_OF(X509) *stack = NULL;
	struct cs_buf pem = { 0 };
	int rv = -1;

	cs_error_clear(err);
	if (cs_store_refresh(rev->store, err) == -1 ||
	    (certs = certstore_certs_read(label, data, len, NULL, err)) == NULL)
		return -1;
	if (certstore_certs_next(certs, &shown, err) != 1)
		goto out;
	if (cs_buf_adds(&pem, shown->pem) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	if ((stack = cs_cert_stack(label, &pem, 1, err)) == NULL ||
	    cs_describe_cert(&entry.info.text, stack, err) == -1 ||
	    cs_info_parse(&entry.info, err) == -1)
		goto out;
	entry.info.name = "";
	rv = addcertificate(rev, label, &entry, sk_X509_value(stack, 0), err);
out:
	sk_X509_pop_free(stack, X509_free);
	cs_buf_free(&pem);
	cs_entry_done(&entry);
	certstore_certs_free(certs);
	ERR_clear_error();
	return rv;
}
