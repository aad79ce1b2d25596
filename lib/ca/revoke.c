/*
 * revoke.c: certstore_revoke(3): takes back what CAs of the store have signed.
 * It is recorded before anything else is done, and holds here from then on.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "ca/private.h"

#define SERIAL "serial:"
#define SHA256 "sha256:"
#define KEY_COMPROMISE 1
#define CERTIFICATE_HOLD 6
#define REMOVE_FROM_CRL 8

/* One certificate that is to be revoked. */
struct target {
	char *name; /* as it was asked for */
	char *ca;   /* the entry of the CA, "" if it has none */
	char spki[CS_HASH_LEN];
	struct cs_revocation r;
	char fingerprint[CS_HASH_LEN]; /* "": not known */
	char ownspki[CS_HASH_LEN];     /* of its own key; "": not known */
	int isca, before, again;       /* it was added before */
	size_t below;		       /* what it has signed */
};

struct certstore_revoke {
	struct certstore *store;
	int reason, force, dryrun;
	int64_t when; /* 0: now */
	struct cs_issuer ca;
	int hasca;
	struct target *v;
	struct target **sorted; /* by CA and serial number; once decided */
	size_t n, size, nsorted, pos;
	struct certstore_revocation given;
};

struct certstore_revoke *
certstore_revoke_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_revoke *rev;

	cs_error_clear(err);
	if (cs_crypto_check(err) == -1)
		return NULL;
	if ((rev = calloc(1, sizeof(*rev))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	rev->store = store;
	return rev;
}

void
certstore_revoke_free(struct certstore_revoke *rev)
{
	size_t i;

	if (rev == NULL)
		return;
	for (i = 0; i < rev->n; i++) {
		free(rev->v[i].name);
		free(rev->v[i].ca);
	}
	free(rev->v);
	free(rev->sorted);
	if (rev->hasca)
		cs_issuer_close(&rev->ca);
	free(rev);
}

void
certstore_revoke_set_force(struct certstore_revoke *rev)
{
	rev->force = 1;
}

void
certstore_revoke_set_dryrun(struct certstore_revoke *rev)
{
	rev->dryrun = 1;
}

int
certstore_revoke_set_reason(struct certstore_revoke *rev, const char *word,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	int reason;

	cs_error_clear(err);
	reason = cs_revoked_reason(word);
	if (reason == -1 || reason == REMOVE_FROM_CRL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not a reason: use one of unspecified, "
		    "keyCompromise, affiliationChanged, superseded, "
		    "cessationOfOperation, privilegeWithdrawn",
		    cs_escape_quote(q, word));
	if (reason == CERTIFICATE_HOLD)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "certificateHold: a CA of the store revokes for good: use "
		    "another reason");
	rev->reason = reason;
	return 0;
}

int
certstore_revoke_set_time(struct certstore_revoke *rev, int64_t when,
    struct certstore_error *err)
{
	char text[CERTSTORE_TIME_LEN];

	cs_error_clear(err);
	if (when <= 0 || when > certstore_time_now())
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not a time in the past",
		    certstore_time_format(when, text));
	rev->when = when;
	return 0;
}

/* The CA that has signed all that is added from here on; its key may be
 * elsewhere. */
int
certstore_revoke_set_ca(struct certstore_revoke *rev, const char *ca,
    struct certstore_error *err)
{
	struct cs_issuer is;

	cs_error_clear(err);
	if (cs_name_check(ca, err) == -1 ||
	    cs_store_refresh(rev->store, err) == -1 ||
	    cs_issuer_open(&is, rev->store, ca, err) == -1)
		return -1;
	if (strcmp(is.entry.info.kind, "ca") != 0) {
		cs_issuer_close(&is);
		return cs_fail(err, CERTSTORE_EREFUSED, "%s: is not a CA", ca);
	}
	if (rev->hasca)
		cs_issuer_close(&rev->ca);
	rev->ca = is;
	rev->hasca = 1;
	return 0;
}

/* Adds one, of which info is known, or NULL: 1, -1. */
static int
addtarget(struct certstore_revoke *rev, const char *name, const char *ca,
    const char *spki, const char *issuerhash, const char *serial,
    const struct cs_info *info, struct certstore_error *err)
{
	struct target *t;
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
addentry(struct certstore_revoke *rev, const char *what, const char *name,
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
		rv = addentry(rev, what, certstore_entry_name(entry), err);
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
		rv = addentry(rev, what, what, err);
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

static int
countissued(void *arg, const char *serial)
{
	size_t *n = arg;

	(void)serial;
	(*n)++;
	return 0;
}

/* With a CA falls all that it has signed: that is to be meant. */
static int
judgeca(struct certstore_revoke *rev, struct target *t,
    struct certstore_error *err)
{
	if (!t->isca)
		return 0;
	if (cs_issued_each(rev->store, t->ownspki, countissued, &t->below,
		err) == -1)
		return -1;
	if (t->below == 0 || rev->force || t->before)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is a CA, and %zu certificate%s that it has signed would be "
	    "refused, too: see them with cert-list%s -A spki:%s, and use -f",
	    t->name, t->below, t->below == 1 ? "" : "s",
	    cs_store_option(rev->store), t->ownspki);
}

static int
comparetargets(const void *a, const void *b)
{
	const struct target *x = *(struct target *const *)a;
	const struct target *y = *(struct target *const *)b;
	int cmp;

	if ((cmp = strcmp(x->spki, y->spki)) == 0 &&
	    (cmp = strcmp(x->r.serial, y->r.serial)) == 0)
		cmp = x < y ? -1 : x > y;
	return cmp;
}

/* Sorts them; what was added twice, by two names, counts once. */
static int
sorttargets(struct certstore_revoke *rev, struct certstore_error *err)
{
	struct target *last = NULL;
	size_t i, n = 0;

	free(rev->sorted);
	rev->nsorted = 0;
	rev->sorted = calloc(rev->n + 1, sizeof(*rev->sorted));
	if (rev->sorted == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < rev->n; i++)
		rev->sorted[i] = &rev->v[i];
	qsort(rev->sorted, rev->n, sizeof(*rev->sorted), comparetargets);
	for (i = 0; i < rev->n; i++) {
		rev->sorted[i]->again = last != NULL &&
		    strcmp(last->spki, rev->sorted[i]->spki) == 0 &&
		    strcmp(last->r.serial, rev->sorted[i]->r.serial) == 0;
		if (!rev->sorted[i]->again)
			rev->sorted[n++] = last = rev->sorted[i];
	}
	rev->nsorted = n;
	return 0;
}

/* Records all, one CA after the other: how many are new, -1. */
static int
recordtargets(struct certstore_revoke *rev, struct certstore_error *err)
{
	struct target **v = rev->sorted;
	struct cs_revocation *r;
	size_t from, to;
	int made = 0, rv = 0;

	if ((r = calloc(rev->nsorted + 1, sizeof(*r))) == NULL)
		return cs_fail_nomem(err);
	for (from = 0; from < rev->nsorted && rv != -1; from = to) {
		for (to = from; to < rev->nsorted &&
		     strcmp(v[to]->spki, v[from]->spki) == 0;
		     to++)
			r[to - from] = v[to]->r;
		rv = cs_revoked_add(rev->store, v[from]->spki, r, to - from,
		    err);
		made += rv;
	}
	free(r);
	return rv == -1 ? -1 : made;
}

/* Adds the entries that have the certificate now. */
static int
addholders(struct certstore_revoke *rev, const struct target *t,
    struct certstore_set *mark, struct certstore_set *newkey,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error ignored;
	struct cs_strings names = { 0 };
	size_t i;
	int rv = 0;

	if (t->ownspki[0] == '\0')
		return 0;
	if (cs_search_index(rev->store, "spki", t->ownspki, &names) == -1)
		return cs_fail_errno(err, "%s/index",
		    certstore_path(rev->store));
	for (i = 0; i < names.n && rv == 0; i++) {
		if (cs_entry_glance(rev->store, names.v[i], &entry, &ignored) ==
		    -1)
			continue;
		if (entry.info.fingerprint != NULL &&
		    strcmp(entry.info.fingerprint, t->fingerprint) == 0)
			rv = certstore_set_add(mark, names.v[i], err);
		if (rv == 0 && rev->reason == KEY_COMPROMISE)
			rv = certstore_set_add(newkey, names.v[i], err);
	}
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return rv;
}

/* Those entries are due from then on, and answer last; after a compromise with
 * another key, whatever keepkey says. */
static int
markentries(struct certstore_revoke *rev, struct certstore_error *err)
{
	char when[CERTSTORE_TIME_LEN], value[CERTSTORE_TIME_LEN + 32];
	struct certstore_set *mark, *newkey;
	const char *word = cs_revoked_word(rev->reason);
	size_t i;
	int rv = -1;

	certstore_time_format(rev->when != 0 ? rev->when : certstore_time_now(),
	    when);
	snprintf(value, sizeof(value), "%s%s%s", when,
	    rev->reason == 0 ? "" : " ", rev->reason == 0 ? "" : word);
	mark = certstore_set_new(rev->store, CERTSTORE_SET_IFNEEDED, err);
	newkey = mark == NULL ? NULL : certstore_set_new(rev->store, 0, err);
	if (newkey == NULL ||
	    certstore_set_change(mark, "revoked", CERTSTORE_SET_REPLACE, value,
		err) == -1 ||
	    certstore_set_change(newkey, "keepkey", CERTSTORE_SET_REPLACE, "",
		err) == -1)
		goto out;
	for (i = 0; i < rev->nsorted; i++)
		if (addholders(rev, rev->sorted[i], mark, newkey, err) == -1)
			goto out;
	if (certstore_set_commit(mark, err) != -1 &&
	    (rev->reason != KEY_COMPROMISE ||
		certstore_set_commit(newkey, err) != -1))
		rv = 0;
out:
	certstore_set_free(mark);
	certstore_set_free(newkey);
	return rv;
}

/* Records all that was added, and marks the entries that have it: how many were
 * not revoked before, or -1. */
int
certstore_revoke_commit(struct certstore_revoke *rev,
    struct certstore_error *err)
{
	struct certstore_error why;
	struct cs_revocation was;
	struct target *t;
	size_t i;
	int made = 0;

	cs_error_clear(err);
	if (sorttargets(rev, err) == -1)
		return -1;
	for (i = 0; i < rev->nsorted; i++) {
		t = rev->sorted[i];
		t->before = cs_revoked_find(rev->store, t->spki, t->r.serial,
				&was) == 1;
		made += !t->before;
		if (judgeca(rev, t, err) == -1)
			return -1;
	}
	if (rev->dryrun || rev->n == 0)
		return made;
	if ((made = recordtargets(rev, err)) == -1)
		return -1;
	if (markentries(rev, &why) == -1)
		return cs_fail(err, why.code,
		    "recorded as revoked, but an entry does not say so: %s",
		    why.msg);
	return made;
}

int
certstore_revoke_next(struct certstore_revoke *rev,
    const struct certstore_revocation **revocation)
{
	const struct target *t;

	*revocation = NULL;
	while (rev->pos < rev->n && rev->v[rev->pos].again)
		rev->pos++;
	if (rev->pos == rev->n) {
		rev->pos = 0;
		return 0;
	}
	t = &rev->v[rev->pos++];
	rev->given.name = t->name;
	rev->given.ca = t->ca[0] == '\0' ? NULL : t->ca;
	rev->given.serial = t->r.serial;
	rev->given.before = t->before;
	rev->given.below = t->below;
	*revocation = &rev->given;
	return 1;
}
