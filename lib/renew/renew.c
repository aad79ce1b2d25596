/*
 * renew.c: certstore_renew(3).  All is decided and made before the lock is
 * taken; if the entry changed meanwhile it is decided again, the last time under
 * the lock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/err.h>

#include "renew/private.h"

#define TRIES 4 /* the last one with the lock */
#define AGAIN 2 /* its CA was renewed */

static int renewentry(struct cs_reissue *, struct certstore_error *);

/* The certificates of an entry: its own, the chain, and what ca.pem adds. */
static int
readchain(struct cs_reissue *r, struct certstore_error *err)
{
	STACK_OF(X509) *ca = NULL;
	int rv;

	if ((rv = cs_cert_read(&r->old, CS_FULLCHAIN, &r->was, err)) == 0)
		rv = cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: fullchain.pem is missing: use cert-create -f to "
		    "replace the entry",
		    r->name);
	if (rv == 1 && r->old.info.hasca)
		rv = cs_cert_read(&r->old, CS_CA, &ca, err);
	if (rv != -1 && ca != NULL &&
	    X509_add_certs(r->was, ca,
		X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1)
		rv = cs_fail_nomem(err);
	sk_X509_pop_free(ca, X509_free);
	if (rv != -1)
		r->x509 = sk_X509_value(r->was, 0);
	return rv == -1 ? -1 : 0;
}

/* All files are read before a passphrase is asked for: a writer that changes
 * only properties meanwhile does not matter. */
static int
loadrenewed(struct cs_reissue *r, struct certstore_error *err)
{
	struct certstore *store = r->all->store;

	if (cs_store_refresh(store, err) == -1 ||
	    cs_entry_load(store, r->name, &r->old, err) == -1)
		return -1;
	if (r->old.info.fingerprint == NULL)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: has no certificate yet: import the answer to its "
		    "request first",
		    r->name);
	if (cs_reissue_iscompromised(&r->old.info) &&
	    strcmp(r->old.info.kind, "ca") == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its key is compromised, and what it has signed can "
		    "only be verified by that: use cert-create to make another "
		    "CA",
		    r->name);
	if (!r->old.info.haskey)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its private key is not in the store: use cert-import "
		    "to add it",
		    r->name);
	if (readchain(r, err) == -1 ||
	    cs_entry_read(&r->old, CS_PRIVKEY, &r->pem, err) == -1)
		return -1;
	return cs_wishes_read(store, r->name, &r->wishes, err);
}

/* In a dry run: the CAs as they would be. */
static void
assumeissuers(struct cs_reissue *r)
{
	size_t i;

	for (i = 0; i < r->all->nassumed && r->hasissuer; i++)
		cs_issuer_assume(&r->issuer, r->all->assumed[i].was,
		    r->all->assumed[i].fresh);
}

static int
findcasigner(struct cs_reissue *r, struct certstore_error *err)
{
	const char *issuer = r->old.info.issuer;
	int rv;

	if (r->old.info.self)
		return 0;
	rv = cs_issuer_find(&r->issuer, &r->old, r->x509, err);
	if (rv == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its CA \"%.200s\" is not in the store with its key: "
		    "renew it with that CA, or use cert-import to add the CA "
		    "and its key",
		    r->name, issuer == NULL ? "" : issuer);
	r->hasissuer = rv == 1;
	assumeissuers(r);
	return rv == 1 ? 0 : -1;
}

/* Is an entry renewed for this one already?  CAs may sign each other. */
static int
isbelowitself(const struct cs_reissue *r, const char *name)
{
	for (; r != NULL; r = r->below)
		if (strcmp(r->name, name) == 0)
			return 1;
	return 0;
}

/* Of the CAs above the name of the first whose end is that of the chain, or ""
 * if that is not in the store. */
static int
findearliest(const struct cs_reissue *r, char name[CS_NAME_MAX + 1],
    struct certstore_entry *entry, struct certstore_error *err)
{
	struct cs_issuer is, next;
	int rv;

	name[0] = '\0';
	if (cs_issuer_open(&is, r->all->store, r->issuer.entry.info.name,
		err) == -1)
		return -1;
	rv = cs_issuer_read(&is, err);
	while (rv == 0 && is.entry.info.ends > r->issuer.ends &&
	    !is.entry.info.self) {
		rv = cs_issuer_find(&next, &is.entry,
		    sk_X509_value(is.certs, 0), err);
		if (rv != 1)
			break;
		cs_issuer_close(&is);
		is = next;
		rv = 0;
	}
	if (rv == 0 && is.entry.info.ends <= r->issuer.ends) {
		strlcpy(name, is.entry.info.name, CS_NAME_MAX + 1);
		rv = cs_entry_load(r->all->store, name, entry, err);
	}
	cs_issuer_close(&is);
	return rv == -1 ? -1 : 0;
}

/* May a CA be renewed unasked, and is less than two thirds of its validity
 * left? */
static int
mayprecede(const struct cs_info *info)
{
	int64_t now = certstore_time_now(), until;
	const char *reason;

	return cs_due_never(info, 0) == NULL &&
	    (!cs_due_hold(info, &until, &reason) || until <= now) &&
	    info->ends - now < (info->ends - info->starts) / 3 * 2;
}

/*
 * What would be cut to the end of a CA can have all of its life if that CA is
 * renewed first: 1 it was, 0 it cannot be or need not be, -1.
 */
static int
renewabove(struct cs_reissue *r, struct certstore_error *err)
{
	struct cs_reissue ca = { .all = r->all, .below = r };
	struct certstore_entry entry = { 0 };
	char name[CS_NAME_MAX + 1];
	int rv;

	r->climbed = 1;
	ca.name = name;
	if ((rv = findearliest(r, name, &entry, err)) == -1)
		goto out;
	if (name[0] == '\0' || !mayprecede(&entry.info) ||
	    isbelowitself(r, name))
		goto out;
	rv = renewentry(&ca, err) == -1 ? -1 : 1;
	if (rv == -1 &&
	    (err->code == CERTSTORE_EREFUSED ||
		err->code == CERTSTORE_EPASSPHRASE ||
		err->code == CERTSTORE_EDAMAGED)) {
		r->why = *err;
		cs_error_clear(err);
		rv = 0;
	}
out:
	cs_entry_done(&entry);
	return rv;
}

static int
allocateputs(struct cs_reissue *r, struct certstore_error *err)
{
	r->put = calloc(r->names.n + 1, sizeof(*r->put));
	r->life = calloc(r->names.n + 1, sizeof(*r->life));
	if (r->put == NULL || r->life == NULL)
		return cs_fail_nomem(err);
	r->nput = 1;
	return 0;
}

/* In a dry run: what follows has to know the new certificate of a CA. */
static int
assumerenewed(struct cs_reissue *r, struct certstore_error *err)
{
	struct cs_renewal *all = r->all;
	struct cs_assumed *a;

	a = cs_array_extend(all->assumed, all->nassumed, &all->assumedsize,
	    sizeof(*a));
	if (a == NULL)
		return cs_fail_nomem(err);
	all->assumed = a;
	a += all->nassumed++;
	a->fresh = r->fresh;
	r->fresh = NULL;
	a->was = sk_X509_shift(r->was);
	r->x509 = NULL;
	return 0;
}

static int
writerenewed(struct cs_reissue *r, struct certstore_error *err)
{
	struct certstore *store = r->all->store;
	int isca = strcmp(r->old.info.kind, "ca") == 0;
	size_t i;

	for (i = 0; i < r->nput; i++)
		r->put[i].reason = "renew";
	if ((r->all->dryrun ? cs_write_check : cs_write_entries)(store, r->put,
		r->nput, err) == -1)
		return -1;
	for (i = 0; i < r->nput; i++)
		if (cs_strings_add(&r->all->done, r->put[i].name) == -1)
			return cs_fail_nomem(err);
	if (r->why.code != CERTSTORE_OK && cs_reissue_iscut(r))
		cs_warn(store,
		    "%s: expires with its CA, which cannot be "
		    "renewed: %s",
		    r->name, r->why.msg);
	cs_warn_lines(store, &r->cautions);
	if (isca && r->all->dryrun)
		return assumerenewed(r, err);
	if (isca)
		cs_retrust_update(r);
	return 0;
}

/* 0, AGAIN, -1. */
static int
tryrenew(struct cs_reissue *r, struct certstore_error *err)
{
	int rv;

	if (loadrenewed(r, err) == -1)
		return -1;
	if (r->first[0] != '\0' &&
	    strcmp(r->first, r->old.info.fingerprint) != 0) {
		if (!r->force)
			return 0; /* another writer has renewed it */
		EVP_PKEY_free(r->pkey);
		r->pkey = NULL;
	}
	strlcpy(r->first, r->old.info.fingerprint, sizeof(r->first));
	if (findcasigner(r, err) == -1)
		return -1;
	cs_reissue_plan(r);
	if (cs_reissue_iscut(r) && !r->climbed) {
		if ((rv = renewabove(r, err)) == -1)
			return -1;
		if (rv == 1 && !r->all->dryrun)
			return AGAIN;
		assumeissuers(r);
	}
	if ((strcmp(r->old.info.kind, "ca") == 0 &&
		cs_below_find(r, err) == -1) ||
	    allocateputs(r, err) == -1 || cs_reissue_make(r, err) == -1 ||
	    cs_below_make(r, err) == -1)
		return -1;
	return writerenewed(r, err);
}

static void
resettry(struct cs_reissue *r)
{
	size_t i;

	for (i = 0; i < r->nput; i++)
		cs_put_free(&r->put[i]);
	free(r->put);
	free(r->life);
	r->put = NULL;
	r->life = NULL;
	r->nput = 0;
	cs_strings_free(&r->names);
	cs_buf_free(&r->cautions);
	if (r->hasissuer)
		cs_issuer_close(&r->issuer);
	r->hasissuer = 0;
	X509_free(r->fresh);
	sk_X509_pop_free(r->was, X509_free);
	r->was = NULL;
	r->fresh = r->x509 = NULL;
	cs_buf_free(&r->pem);
	cs_entry_done(&r->old);
	memset(&r->old, 0, sizeof(r->old));
}

static int
renewentry(struct cs_reissue *r, struct certstore_error *err)
{
	int i, last, rv = 0;

	for (i = 1;; i++) {
		last = i == TRIES;
		if (last && (rv = cs_lock_take(r->all->store, err)) == -1)
			break;
		do {
			rv = tryrenew(r, err);
			resettry(r);
		} while (rv == AGAIN);
		if (last)
			cs_lock_release(r->all->store);
		if (rv != -1 || last || err->code != CERTSTORE_ECHANGED)
			break;
		cs_error_clear(err);
	}
	EVP_PKEY_free(r->pkey);
	return rv;
}

static void
donerenewal(struct cs_renewal *all)
{
	while (all->nassumed > 0) {
		X509_free(all->assumed[--all->nassumed].was);
		X509_free(all->assumed[all->nassumed].fresh);
	}
	free(all->assumed);
	cs_strings_free(&all->done);
}

int
certstore_renew(struct certstore *store, const char *name, const char *was,
    const struct certstore_passphrase *pass, int flags,
    void (*changed)(void *arg, const char *name), void *arg,
    struct certstore_error *err)
{
	struct cs_renewal all = { .store = store, .pass = pass };
	struct cs_reissue r = { .all = &all, .name = name };
	size_t i;
	int rv = -1;

	cs_error_clear(err);
	ERR_clear_error();
	all.dryrun = (flags & CERTSTORE_RENEW_DRYRUN) != 0;
	r.force = (flags & CERTSTORE_RENEW_FORCE) != 0;
	if (was != NULL)
		strlcpy(r.first, was, sizeof(r.first));
	if (cs_error_flags(flags,
		CERTSTORE_RENEW_FORCE | CERTSTORE_RENEW_DRYRUN, err) == 0 &&
	    cs_name_check(name, err) == 0 && cs_crypto_check(err) == 0)
		rv = renewentry(&r, err);
	cs_strings_sort(&all.done);
	for (i = 0; i < all.done.n && changed != NULL; i++)
		changed(arg, all.done.v[i]);
	donerenewal(&all);
	ERR_clear_error();
	if (rv == 0)
		cs_error_clear(err);
	return rv;
}
