/*
 * revoke.c: certstore_revoke(3): takes back what CAs of the store have signed.
 * It is recorded before anything else is done, and holds here from then on.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "ca/private.h"

#define KEY_COMPROMISE 1
#define CERTIFICATE_HOLD 6
#define REMOVE_FROM_CRL 8

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
judgeca(struct certstore_revoke *rev, struct cs_target *t,
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
	const struct cs_target *x = *(struct cs_target *const *)a;
	const struct cs_target *y = *(struct cs_target *const *)b;
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
	struct cs_target *last = NULL;
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
	struct cs_target **v = rev->sorted;
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
addholders(struct certstore_revoke *rev, const struct cs_target *t,
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
	const struct cs_revocation r = { .reason = rev->reason,
		.when = rev->when != 0 ? rev->when : certstore_time_now() };
	struct certstore_set *mark, *newkey;
	char value[CS_REVOKED_LEN];
	size_t i;
	int rv = -1;

	cs_revoked_text(&r, value);
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
	struct cs_target *t;
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
	const struct cs_target *t;

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
