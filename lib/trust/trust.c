/*
 * trust.c: certstore_trust(3): changes to the set of trust anchors are
 * collected, applied to the live set, and written if that differs.  Slow work
 * is done before the lock is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "trust/private.h"

struct certstore_trust *
certstore_trust_new(struct certstore *store, const char *set, int flags,
    struct certstore_error *err)
{
	struct certstore_trust *t;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_TRUST_FORCE | CERTSTORE_TRUST_DRYRUN, err) == -1 ||
	    cs_crypto_check(err) == -1)
		return NULL;
	if ((t = calloc(1, sizeof(*t))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	t->flags = flags;
	if (cs_trustname_init(&t->tn, store, set, err) == 0 &&
	    cs_trustname_init(&t->common, store, NULL, err) == 0)
		return t;
	certstore_trust_free(t);
	return NULL;
}

static void
dropchange(struct cs_change *c)
{
	while (c->n > 0)
		X509_free(c->given[--c->n].x509);
	free(c->given);
	cs_item_free(&c->pems);
	free(c->text);
	memset(c, 0, sizeof(*c));
}

static void
dropchanges(struct certstore_trust *t)
{
	while (t->nchange > 0)
		dropchange(&t->change[--t->nchange]);
}

void
certstore_trust_free(struct certstore_trust *t)
{
	if (t == NULL)
		return;
	dropchanges(t);
	free(t->change);
	free(t->limited);
	cs_result_drop(t);
	free(t->result);
	cs_trustset_free(&t->set);
	cs_trustset_free(&t->everywhere);
	cs_entry_done(&t->entry);
	cs_trustname_done(&t->tn);
	cs_trustname_done(&t->common);
	free(t);
}

int
certstore_trust_set_passphrase(struct certstore_trust *t,
    const struct certstore_passphrase *pass, struct certstore_error *err)
{
	cs_error_clear(err);
	t->pass = *pass;
	t->haspass = 1;
	return 0;
}

/*
 * Is the set that was read still the live one?  1, 0, -1.  The number is not
 * enough: it is used again after the set was removed or restored.
 */
static int
islive(const struct cs_setname *tn, const struct cs_trustset *set,
    struct certstore_error *err)
{
	struct cs_setgen live;

	if (cs_setgen_open(tn, &live, err) == -1)
		return -1;
	cs_file_close(&live.fd);
	return live.gen == set->gen && cs_stamp_same(&live.stamp, &set->stamp);
}

static int
iscurrentset(const struct certstore_trust *t, struct certstore_error *err)
{
	int rv;

	rv = islive(&t->tn, &t->set, err);
	if (rv == 1 && t->tn.named)
		rv = islive(&t->common, &t->everywhere, err);
	return rv;
}

/* Drops what is distrusted in every set; the next writer removes its files. */
static void
dropdistrusted(struct certstore_trust *t)
{
	struct cs_anchor *a;
	size_t i;

	for (i = 0; i < t->set.n; i++) {
		a = &t->set.v[i];
		if (a->der == NULL ||
		    cs_trustset_byfingerprint(&t->everywhere, a->fingerprint) ==
			NULL)
			continue;
		cs_trustset_drop(a);
		t->set.dirty = t->swept = 1;
	}
	cs_trustset_sort(&t->set);
}

/* Continues a listing in a set that was read again, behind the last name. */
static void
resumelisting(struct certstore_trust *t)
{
	const char *last = t->entry.info.name;

	if (t->listing != 1 || t->next == 0)
		return;
	for (t->next = 0; t->next < t->set.n && last != NULL; t->next++)
		if (strcmp(t->set.v[t->next].name, last) > 0)
			break;
}

/* Reads the set unless the one in memory is still the live one. */
static int
loadset(struct certstore_trust *t, struct certstore_error *err)
{
	int current = 0, rv;

	if (t->loaded && (current = iscurrentset(t, err)) == -1)
		return -1;
	if (current)
		return 0;
	t->loaded = 0;
	if (t->tn.named &&
	    cs_trustdir_distrusted(&t->common, &t->everywhere, err) == -1)
		return -1;
	if ((rv = cs_trustdir_load(&t->tn, &t->set, err)) == -1)
		return -1;
	t->absent = t->tn.named && rv == 0;
	dropdistrusted(t);
	t->loaded = 1;
	resumelisting(t);
	return 0;
}

/* The same of a set that has to be there. */
static int
loadpresent(struct certstore_trust *t, struct certstore_error *err)
{
	if (loadset(t, err) == -1)
		return -1;
	return t->absent ? cs_trustname_absent(&t->tn, err) : 0;
}

static int
describeanchor(struct certstore_entry *entry, const struct cs_anchor *a,
    struct certstore_error *err)
{
	struct cs_buf pem = { 0 };
	X509 *x509;
	int rv = -1;

	if ((x509 = cs_cert_parse(a->name, a->der, a->derlen, err)) == NULL)
		return -1;
	if (cs_describe_shown(&entry->info.text, x509, err) == 0 &&
	    cs_cert_encode(&pem, x509, err) == 0) {
		entry->pem = pem.p;
		memset(&pem, 0, sizeof(pem));
		rv = 0;
	}
	cs_buf_free(&pem);
	X509_free(x509);
	return rv;
}

static int
setentry(struct certstore_trust *t, const struct cs_anchor *a,
    struct certstore_error *err)
{
	struct certstore_entry *entry = &t->entry;
	const char *origin = "distrusted";
	int rv;

	cs_entry_done(entry);
	memset(entry, 0, sizeof(*entry));
	entry->trust = &t->tn;
	entry->place = (a->origin & CS_ANCHOR_HELPER) != 0 ? "untrusted/" : "";
	if (a->der == NULL)
		rv = cs_buf_printf(&entry->info.text, "fingerprint %s\n",
		    a->fingerprint);
	else if (describeanchor(entry, a, err) == -1)
		return -1;
	else
		rv = 0;
	if (a->der != NULL)
		origin = (a->origin & CS_ANCHOR_HELPER) != 0 ? "helper" :
		    (a->origin & CS_ANCHOR_ADDED) != 0	     ? "added" :
							       "shipped";
	rv |= cs_buf_printf(&entry->info.text, "name %s\norigin %s\n", a->name,
	    origin);
	if (rv != 0)
		return cs_fail_nomem(err);
	return cs_info_parse(&entry->info, err);
}

/* Shows a CRL: its issuer is the subject, its next update the end. */
static int
setcrlentry(struct certstore_trust *t, const struct cs_crl *c,
    struct certstore_error *err)
{
	struct certstore_entry *entry = &t->entry;
	struct cs_buf issuer = { 0 };
	int bad;

	cs_entry_done(entry);
	memset(entry, 0, sizeof(*entry));
	entry->trust = &t->tn;
	entry->place = "crls/";
	bad = cs_cert_name_text(X509_CRL_get_issuer(c->crl), &issuer);
	bad |= cs_buf_printf(&entry->info.text,
	    "name %s.crl\norigin crl\nfingerprint %s\nsubject %s\nissuer %s\n"
	    "starts %lld\nends %lld\n",
	    c->name, c->fingerprint, issuer.p, issuer.p,
	    (long long)cs_crl_starts(c), (long long)cs_crl_ends(c));
	cs_buf_free(&issuer);
	if (bad != 0 || (entry->pem = strdup("")) == NULL)
		return cs_fail_nomem(err);
	return cs_info_parse(&entry->info, err);
}

/*
 * Returns each anchor and distrusted certificate, by name; then what is
 * damaged.
 */
int
certstore_trust_next(struct certstore_trust *t,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	cs_error_clear(err);
	*entry = NULL;
	if (t->listing == -1) {
		t->listing = 0;
		return 0;
	}
	if (t->listing == 0) {
		t->loaded = 0;
		t->next = t->nextcrl = t->nextbad = 0;
		/* without the set there is nothing to list: the next call is
		 * the end */
		t->listing = loadpresent(t, err) == 0 ? 1 : -1;
		if (t->listing == -1)
			return -1;
	}
	if (t->next < t->set.n) {
		if (setentry(t, &t->set.v[t->next++], err) == -1)
			return -1;
		*entry = &t->entry;
		return 1;
	}
	if (t->nextcrl < t->set.ncrl) {
		if (setcrlentry(t, &t->set.crls[t->nextcrl++], err) == -1)
			return -1;
		*entry = &t->entry;
		return 1;
	}
	if (t->nextbad < t->set.bad.n)
		return cs_fail(err, CERTSTORE_EDAMAGED, "%s",
		    t->set.bad.v[t->nextbad++]);
	t->listing = 0;
	return 0;
}

int
certstore_trust_has(struct certstore_trust *t, const char *anchor,
    struct certstore_error *err)
{
	struct cs_anchor *a;
	char hex[65];

	cs_error_clear(err);
	if (loadpresent(t, err) == -1)
		return -1;
	return cs_trustset_find(&t->set, anchor, &a, hex, err);
}

/*
 * A change that failed makes the commit fail: the others alone are not what the
 * caller asked for.
 */
static int
failchange(struct certstore_trust *t, const struct certstore_error *err)
{
	if (t->failed.code == CERTSTORE_OK)
		t->failed = *err;
	return -1;
}

/* Adds a change; the text is copied. */
static struct cs_change *
addchange(struct certstore_trust *t, enum cs_verb verb, const char *text,
    struct certstore_error *err)
{
	struct cs_change *c;

	c = cs_array_extend(t->change, t->nchange, &t->changesize, sizeof(*c));
	if (c == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	t->change = c;
	c += t->nchange;
	memset(c, 0, sizeof(*c));
	c->verb = verb;
	if ((c->text = strdup(text)) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	t->nchange++;
	return c;
}

static int
readgiven(struct cs_change *c, const struct certstore_passphrase *pass,
    const void *data, size_t len, struct certstore_error *err)
{
	struct cs_given *g;
	char q[CS_QUOTE_LEN];
	size_t i;
	int rv;

	rv = (c->verb == CS_TRUST_ADD ? cs_pem_read_all : cs_pem_read)(c->text,
	    data, len, pass, &c->pems, err);
	if (rv == -1)
		return -1;
	if ((c->given = calloc(c->pems.n + 1, sizeof(*c->given))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < c->pems.n; i++) {
		c->ncrl += c->pems.v[i].type == CS_PEM_CRL;
		if (len > CERTSTORE_INPUT_MAX &&
		    c->pems.v[i].type != CS_PEM_CRL)
			return cs_fail(err, CERTSTORE_EINPUT,
			    "%s: larger than %d bytes: only CRLs may be, use "
			    "a file of their own for them",
			    cs_escape_quote(q, c->text), CERTSTORE_INPUT_MAX);
		if (c->pems.v[i].type != CS_PEM_CERT)
			continue;
		g = &c->given[c->n++];
		g->pem = &c->pems.v[i];
		g->hasuses = cs_uses_read(g->pem, &g->uses);
		if (g->hasuses == -1)
			return cs_fail_nomem(err);
		cs_hash(g->fingerprint, g->pem->der, g->pem->derlen);
	}
	if (c->n == 0 && c->ncrl == 0)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no certificate in it: use a file that "
		    "holds one",
		    cs_escape_quote(q, c->text));
	return 0;
}

static int
addcertchange(struct certstore_trust *t, enum cs_verb verb, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	struct cs_change *c;
	int rv;

	cs_error_clear(err);
	ERR_clear_error();
	if ((c = addchange(t, verb, label, err)) == NULL)
		return failchange(t, err);
	rv = readgiven(c, t->haspass ? &t->pass : NULL, data, len, err);
	ERR_clear_error();
	if (rv == 0)
		return 0;
	dropchange(&t->change[--t->nchange]);
	return failchange(t, err);
}

static int
addnamechange(struct certstore_trust *t, enum cs_verb verb, const char *anchor,
    struct certstore_error *err)
{
	cs_error_clear(err);
	return addchange(t, verb, anchor, err) == NULL ? failchange(t, err) : 0;
}

int
certstore_trust_add(struct certstore_trust *t, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return addcertchange(t, CS_TRUST_ADD, label, data, len, err);
}

int
certstore_trust_update(struct certstore_trust *t, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return addcertchange(t, CS_TRUST_UPDATE, label, data, len, err);
}

int
certstore_trust_reset(struct certstore_trust *t, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return addcertchange(t, CS_TRUST_RESET, label, data, len, err);
}

int
certstore_trust_distrust_certs(struct certstore_trust *t, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return addcertchange(t, CS_TRUST_DISTRUST, label, data, len, err);
}

int
certstore_trust_remove(struct certstore_trust *t, const char *anchor,
    struct certstore_error *err)
{
	return addnamechange(t, CS_TRUST_REMOVE, anchor, err);
}

int
certstore_trust_distrust(struct certstore_trust *t, const char *anchor,
    struct certstore_error *err)
{
	return addnamechange(t, CS_TRUST_DISTRUST, anchor, err);
}

/* Is there a change that makes a set which is absent?  A name that was mistyped
 * must not make one. */
static int
ismaker(const struct certstore_trust *t)
{
	size_t i;

	for (i = 0; i < t->nchange; i++)
		if (t->change[i].verb != CS_TRUST_REMOVE &&
		    t->change[i].verb != CS_TRUST_DISTRUST)
			return 1;
	return t->nchange == 0;
}

static int
applychanges(struct certstore_trust *t, struct certstore_error *err)
{
	size_t i;

	t->loaded = 0;
	t->listing = 0;
	cs_result_drop(t);
	if (loadset(t, err) == -1)
		return -1;
	if (t->absent && !ismaker(t))
		return cs_trustname_absent(&t->tn, err);
	if (cs_given_limits(t) == -1)
		return cs_fail_nomem(err);
	for (i = 0; i < t->set.bad.n && !t->told; i++)
		cs_warn(t->tn.store, "%s", t->set.bad.v[i]);
	for (i = 0; i < t->nchange; i++)
		if (cs_change_apply(t, &t->change[i], err) == -1)
			return -1;
	if (cs_change_finish(t) == -1)
		return cs_fail_nomem(err);
	t->told = 1;
	cs_trustset_sort(&t->set);
	return 0;
}

/* Under the lock: applies the changes again if another writer came between. */
static int
writeset(struct certstore_trust *t, struct certstore_error *err)
{
	int current;

	if ((current = iscurrentset(t, err)) == -1 ||
	    (!current && applychanges(t, err) == -1))
		return -1;
	if (t->count == 0 && !t->set.dirty)
		return 0;
	return cs_trustwrite_set(&t->tn, &t->set, err);
}

/* Warns that bundle.pem is empty, which servers refuse. */
static void
warnempty(const struct certstore_trust *t)
{
	if ((t->count > 0 || t->swept) && cs_trustset_isempty(&t->set))
		cs_warn(t->tn.store,
		    "%s/bundle.pem: no anchor is left, and servers "
		    "refuse an empty file: use cert-trust%s add to add one"
		    "%s%s%s",
		    t->tn.path, t->tn.option,
		    t->tn.named ? "" : ", or cert-trust",
		    t->tn.named ? "" : t->tn.option,
		    t->tn.named ? "" : " update for those of the system");
}

/* Removes from one set what is distrusted in every set. */
static int
sweepset(struct certstore_trust *t, struct certstore_error *err)
{
	int rv;

	if (applychanges(t, err) == -1)
		return -1;
	if (!t->swept || (t->flags & CERTSTORE_TRUST_DRYRUN) != 0)
		return 0;
	if (cs_lock_take(t->tn.store, err) == -1)
		return -1;
	rv = writeset(t, err);
	cs_lock_release(t->tn.store);
	warnempty(t);
	return rv;
}

/*
 * After something was distrusted in the default set: the same in all others.
 * Until then cert-verify(1) knows, and so does who adds.
 */
static int
sweepsets(struct certstore_trust *t, struct certstore_error *err)
{
	struct certstore_trust *other;
	struct cs_strings names = { 0 };
	int rv = 0;
	size_t i;

	if (cs_setgen_names(t->tn.store, &names) == -1)
		rv = cs_fail_errno(err, "%s/trusts",
		    certstore_path(t->tn.store));
	for (i = 0; i < names.n && rv == 0; i++) {
		other = certstore_trust_new(t->tn.store, names.v[i], t->flags,
		    err);
		rv = other == NULL ? -1 : sweepset(other, err);
		certstore_trust_free(other);
	}
	cs_strings_free(&names);
	return rv;
}

/* Is there a change that holds in every set? */
static int
isforall(const struct certstore_trust *t)
{
	size_t i;

	for (i = 0; i < t->nchange && !t->tn.named; i++)
		if (t->change[i].verb == CS_TRUST_DISTRUST)
			return 1;
	return 0;
}

int
certstore_trust_commit(struct certstore_trust *t, struct certstore_error *err)
{
	int rv;

	cs_error_clear(err);
	ERR_clear_error();
	if (t->failed.code != CERTSTORE_OK) {
		cs_result_drop(t);
		cs_fail(err, t->failed.code,
		    "an earlier change was refused: %s", t->failed.msg);
		err->errnum = t->failed.errnum;
		return -1;
	}
	t->told = 0;
	rv = applychanges(t, err);
	if (rv == 0 && (t->count > 0 || t->set.dirty)) {
		if ((t->flags & CERTSTORE_TRUST_DRYRUN) != 0)
			rv = cs_lock_check(t->tn.store, err);
		else if ((rv = cs_lock_take(t->tn.store, err)) == 0) {
			rv = writeset(t, err);
			cs_lock_release(t->tn.store);
		}
	}
	if (rv == 0 && isforall(t))
		rv = sweepsets(t, err);
	t->loaded = 0; /* the next listing reads the set again */
	ERR_clear_error();
	if (rv == -1) {
		cs_result_drop(t);
		return -1;
	}
	warnempty(t);
	dropchanges(t);
	cs_error_clear(err);
	return t->count;
}

int
cs_trust_isdirty(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct cs_trustset set = { 0 };
	struct cs_setname tn;
	int rv;

	if (cs_trustname_init(&tn, store, name, err) == -1)
		return -1;
	rv = cs_trustdir_load(&tn, &set, err);
	/* what is damaged would be dropped */
	if (rv == 1)
		rv = set.dirty && set.bad.n == 0;
	cs_trustset_free(&set);
	cs_trustname_done(&tn);
	return rv;
}
