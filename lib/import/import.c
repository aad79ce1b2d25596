/*
 * import.c: the public calls of certstore_import(3). pool.c parses the input,
 * plan.c makes each entry; all are written in one call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include <openssl/err.h>

#include "import/private.h"

#define TRIES 4 /* when others change entries; the last with the lock */

struct certstore_import *
certstore_import_new(struct certstore *store, int flags,
    struct certstore_error *err)
{
	struct certstore_import *im;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_IMPORT_FORCE | CERTSTORE_IMPORT_DRYRUN |
		    CERTSTORE_IMPORT_IFNEEDED,
		err) == -1 ||
	    cs_crypto_check(err) == -1)
		return NULL;
	if ((im = calloc(1, sizeof(*im))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	im->store = store;
	im->pool.store = store;
	im->flags = flags;
	return im;
}

static void
forgetplans(struct certstore_import *im)
{
	while (im->n > 0)
		cs_plan_free(&im->v[--im->n]);
	free(im->v);
	im->v = NULL;
	im->size = im->pos = 0;
	im->planned = 0;
}

void
certstore_import_free(struct certstore_import *im)
{
	if (im == NULL)
		return;
	forgetplans(im);
	cs_pool_free(&im->pool);
	free(im->name);
	freezero(im, sizeof(*im));
}

/* A failed setter makes planning fail until it succeeds. */
void
cs_import_keeporigin(struct certstore_import *im, const char *origin)
{
	im->origin = origin;
}

int
certstore_import_set_name(struct certstore_import *im, const char *name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	forgetplans(im);
	return cs_error_keep(&im->badname, cs_name_set(&im->name, name, err),
	    err);
}

int
certstore_import_set_passphrase(struct certstore_import *im,
    const struct certstore_passphrase *pass, struct certstore_error *err)
{
	cs_error_clear(err);
	im->pool.pass = *pass;
	return 0;
}

static int
addinput(struct certstore_import *im, int key, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	int rv;

	cs_error_clear(err);
	ERR_clear_error();
	forgetplans(im);
	rv = key ? cs_pool_add_key(&im->pool, label, data, len, err) :
		   cs_pool_add(&im->pool, label, data, len, err);
	ERR_clear_error();
	if (rv == -1 && im->badinput.code == CERTSTORE_OK)
		im->badinput = *err;
	return rv;
}

int
certstore_import_add(struct certstore_import *im, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return addinput(im, 0, label, data, len, err);
}

int
certstore_import_set_key(struct certstore_import *im, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return addinput(im, 1, label, data, len, err);
}

static size_t
countkeyed(const struct cs_pool *pool)
{
	size_t i, n = 0;

	for (i = 0; i < pool->ncert; i++)
		n += pool->cert[i].newer == NULL &&
		    (!pool->cert[i].ca || pool->cert[i].key != NULL);
	return n;
}

static int
adoptcert(struct certstore_import *im, struct cs_pool_cert *cert,
    struct certstore_error *err)
{
	struct cs_plan *v;
	size_t size;

	if (im->n == im->size) {
		size = im->size == 0 ? countkeyed(&im->pool) + 1 : im->size * 2;
		v = recallocarray(im->v, im->size, size, sizeof(*v));
		if (v == NULL)
			return cs_fail_nomem(err);
		im->v = v;
		im->size = size;
	}
	cert->adopted = 1;
	if (cs_poolcert_hold(cert, err) == -1 ||
	    cs_plan_make(im, &im->v[im->n++], cert, err) == -1)
		return -1;
	cs_poolcert_release(cert);
	return 0;
}

/* Does the store have the private key of a CA that is given without? */
static int
isheld(struct certstore_import *im, const struct cs_pool_cert *cert,
    struct certstore_error *err)
{
	struct cs_keyowners holders;
	struct cs_buf key = { 0 };
	char label[CS_NAME_MAX + 32];
	int rv;

	if (cs_keyowner_find(im->store, cert, &holders, err) == -1)
		return -1;
	rv = cs_keyowner_key(im->store, &holders, &key, label, sizeof(label),
	    err);
	cs_buf_free(&key);
	cs_keyowner_free(&holders);
	return rv;
}

static int
failmany(const struct certstore_import *im, size_t n,
    struct certstore_error *err)
{
	if (im->answer != NULL)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the CA sent more than a certificate and its issuers",
		    im->name);
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: there are certificates for %zu entries: remove -N, or "
	    "import them one by one",
	    im->name, n);
}

/* One entry for each end-entity, and for each CA that has its key. */
static int
adoptkeyed(struct certstore_import *im, struct certstore_error *err)
{
	struct cs_pool *pool = &im->pool;
	struct cs_pool_cert *cert;
	size_t i;
	int held;

	if (im->name != NULL && countkeyed(pool) > 1)
		return failmany(im, countkeyed(pool), err);
	for (i = 0; i < pool->ncert; i++) {
		cert = &pool->cert[i];
		cs_progress(im->store, "checking", i, pool->ncert);
		if (cert->newer != NULL)
			continue;
		if (cert->ca && cert->key == NULL) {
			if (pool->hasee)
				continue;
			if ((held = isheld(im, cert, err)) == -1)
				return -1;
			if (!held)
				continue;
		}
		if (adoptcert(im, cert, err) == -1)
			return -1;
	}
	return 0;
}

/* CA certificates without key that issued nothing here: an entry each if only
 * CAs were given, else an error. */
static int
adoptrest(struct certstore_import *im, struct certstore_error *err)
{
	struct cs_pool *pool = &im->pool;
	struct cs_pool_cert **rest, *cert;
	char name[sizeof(err->msg)];
	size_t i, n = 0;
	int rv = -1;

	if (cs_issuers_relate(pool, err) == -1)
		return -1;
	if ((rest = reallocarray(NULL, pool->ncert + 1, sizeof(*rest))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < pool->ncert; i++) {
		cert = &pool->cert[i];
		if (cert->ca && !cert->related && cert->key == NULL &&
		    cert->newer == NULL && !cert->adopted)
			rest[n++] = cert;
	}
	if (n > 0 && pool->hasee) {
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: is a CA that issued none of these certificates: "
		    "remove it, or import it by itself",
		    cs_poolcert_name(rest[0], name, sizeof(name)));
		goto out;
	}
	for (i = 0; i < n; i++)
		if (adoptcert(im, rest[i], err) == -1)
			goto out;
	rv = 0;
out:
	free(rest);
	return rv;
}

static int
compareplans(const void *a, const void *b)
{
	const struct cs_plan *x = *(struct cs_plan *const *)a;
	const struct cs_plan *y = *(struct cs_plan *const *)b;

	return strcmp(x->name, y->name);
}

/* No two certificates may become one entry. */
static int
checkentrynames(const struct certstore_import *im, struct certstore_error *err)
{
	char a[CS_WHERE_LEN], b[CS_WHERE_LEN];
	struct cs_plan **v;
	size_t i;
	int rv = 0;

	if (im->name != NULL && im->n > 1)
		return failmany(im, im->n, err);
	if ((v = reallocarray(NULL, im->n + 1, sizeof(*v))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < im->n; i++)
		v[i] = &im->v[i];
	qsort(v, im->n, sizeof(*v), compareplans);
	for (i = 1; i < im->n && rv == 0; i++)
		if (strcmp(v[i - 1]->name, v[i]->name) == 0)
			rv = cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: both %s and %s would get this entry name: "
			    "use -N, and import them one by one",
			    v[i]->name,
			    cs_item_where(v[i - 1]->cert->pem, a, sizeof(a)),
			    cs_item_where(v[i]->cert->pem, b, sizeof(b)));
	free(v);
	return rv;
}

static void
telldropped(const struct certstore_import *im)
{
	const struct cs_pool_cert *cert;
	char name[CS_WHERE_LEN + CS_SUBJECT_LEN + 32], where[CS_WHERE_LEN];
	size_t i;

	for (i = 0; i < im->pool.ncert; i++) {
		cert = &im->pool.cert[i];
		if (cert->newer != NULL && !cert->related)
			cs_warn(im->store,
			    "%s: left out: %s has a %s certificate for the "
			    "same key and names",
			    cs_poolcert_name(cert, name, sizeof(name)),
			    cs_item_where(cert->newer->pem, where,
				sizeof(where)),
			    cert->valid == cert->newer->valid ? "newer" :
								"valid");
	}
}

/* Gives the warnings, only once if a commit plans again. */
static void
tellremarks(struct certstore_import *im)
{
	size_t i;

	if (im->told)
		return;
	im->told = 1;
	telldropped(im);
	for (i = 0; i < im->n; i++)
		cs_warn_lines(im->store, &im->v[i].remarks);
}

/* Plans all entries, from the store as it is now. */
static int
decideimport(struct certstore_import *im, struct certstore_error *err)
{
	cs_error_clear(err);
	ERR_clear_error();
	forgetplans(im);
	if (cs_store_refresh(im->store, err) == -1 ||
	    cs_pool_parse(&im->pool, err) == -1 || adoptkeyed(im, err) == -1 ||
	    adoptrest(im, err) == -1 || checkentrynames(im, err) == -1) {
		forgetplans(im);
		ERR_clear_error();
		return -1;
	}
	tellremarks(im);
	im->planned = 1;
	cs_error_clear(err);
	ERR_clear_error();
	return 0;
}

/* Fails if an earlier call to set or add something failed. */
static int
isinputwhole(const struct certstore_import *im, struct certstore_error *err)
{
	cs_error_clear(err);
	if (im->badname.code != CERTSTORE_OK)
		*err = im->badname;
	else if (im->badinput.code != CERTSTORE_OK)
		*err = im->badinput;
	return err->code == CERTSTORE_OK;
}

/* Plans again when another writer removed a generation meanwhile, the last time
 * with the lock, but in a dry run. */
int
certstore_import_plan(struct certstore_import *im, struct certstore_error *err)
{
	int dry = (im->flags & CERTSTORE_IMPORT_DRYRUN) != 0, i, locked, rv;

	if (!isinputwhole(im, err))
		return -1;
	for (i = 1;; i++) {
		locked = i == TRIES && !dry;
		if (locked && cs_lock_take(im->store, err) == -1)
			return -1;
		rv = decideimport(im, err);
		if (locked)
			cs_lock_release(im->store);
		if (rv == 0 || i == TRIES || err->code != CERTSTORE_ECHANGED)
			break;
	}
	return rv;
}

int
certstore_import_next(struct certstore_import *im,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	cs_error_clear(err);
	*entry = NULL;
	if (!im->planned)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "import: there is no plan: call certstore_import_plan() "
		    "before");
	if (im->pos == im->n) {
		im->pos = 0;
		return 0;
	}
	*entry = &im->v[im->pos++].entry;
	return 1;
}

/* Writes the entries that change: how many, or -1. */
static int
putplans(struct certstore_import *im, struct certstore_error *err)
{
	struct cs_put *puts;
	size_t i, k, n = 0;
	int rv = 0;

	if ((puts = calloc(im->n + 1, sizeof(*puts))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < im->n && rv == 0; i++)
		if (cs_plan_changes(&im->v[i]))
			puts[n++] = im->v[i].put;
		else if ((im->flags & CERTSTORE_IMPORT_DRYRUN) == 0)
			rv = cs_links_make(im->store, &im->v[i].entry, err);
	if (rv == 0 && n > 0)
		rv = (im->flags & CERTSTORE_IMPORT_DRYRUN) != 0 ?
		    cs_write_check(im->store, puts, n, err) :
		    cs_write_entries(im->store, puts, n, err);
	/* props may have grown: what the puts own is the plans' again */
	for (i = k = 0; k < n; i++)
		if (cs_plan_changes(&im->v[i])) {
			cs_info_free(&puts[k].info);
			im->v[i].put = puts[k++];
		}
	free(puts);
	return rv == -1 ? -1 : (int)n;
}

int
certstore_import_commit(struct certstore_import *im,
    struct certstore_error *err)
{
	int i, last, n;

	if (!isinputwhole(im, err))
		return -1;
	for (i = 1;; i++) {
		last = i == TRIES;
		if (last && cs_lock_take(im->store, err) == -1)
			return -1;
		n = im->planned || decideimport(im, err) == 0 ?
		    putplans(im, err) :
		    -1;
		if (last)
			cs_lock_release(im->store);
		if (n != -1 || last || err->code != CERTSTORE_ECHANGED)
			break;
		cs_error_clear(err);
		im->planned = 0;
	}
	if (n != -1)
		cs_error_clear(err);
	return n;
}
