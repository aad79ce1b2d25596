/*
 * ordered.c: puts the certificate of an ACME order into its entry, if there is
 * no reason to hold it.
 */
#include <string.h>

#include "import/private.h"

/* Another issuer or a shorter life than before is one line, and no reason. */
static void
warndifferent(struct certstore *store, const struct cs_info *old,
    const struct cs_info *new)
{
	int64_t life = new->ends - new->starts, was = old->ends - old->starts;

	if (old->fingerprint == NULL || life > was - CS_DAY)
		return;
	cs_warn(store, "%s: is valid for %lld days, not %lld as before",
	    new->name, (long long)((life + CS_DAY / 2) / CS_DAY),
	    (long long)((was + CS_DAY / 2) / CS_DAY));
}

int
cs_ordered_check(const struct certstore_entry *entry,
    const struct cs_ordered *a, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;

	if (info->name != NULL && info->hasrequest && info->ordered &&
	    info->request != NULL && strcmp(info->request, a->spki) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_ECHANGED,
	    "%s: its request was removed or replaced while the order was under "
	    "way: a certificate for it cannot be used",
	    a->name);
}

/* With the lock: plans it, and writes it if there is no reason to hold it. */
static int
placeanswer(struct certstore_import *im, struct cs_ordered *a,
    const struct certstore_entry *old, struct certstore_error *err)
{
	const struct cs_info *new;

	if (certstore_import_plan(im, err) == -1)
		return -1;
	if (im->pool.nkey > 0 || im->n != 1)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the CA sent more than a certificate and its issuers",
		    a->name);
	new = &im->v[0].entry.info;
	if (old->info.fingerprint != NULL &&
	    strcmp(old->info.fingerprint, new->fingerprint) == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent the certificate that it replaces",
		    a->name);
	if (cs_buf_add(&a->why, im->v[0].objections.p,
		im->v[0].objections.len) == -1)
		return cs_fail_nomem(err);
	if (a->why.len > 0 && !a->force)
		return 0;
	if (certstore_import_commit(im, err) == -1)
		return -1;
	cs_warn_lines(im->store, &a->why);
	cs_warn_lines(im->store, &im->v[0].remarks);
	warndifferent(im->store, &old->info, new);
	return 1;
}

int
cs_ordered_import(struct certstore *store, struct cs_ordered *a,
    const void *pem, size_t len, struct certstore_error *err)
{
	struct certstore_entry old = { 0 };
	struct certstore_import *im;
	int rv = -1;

	im = certstore_import_new(store,
	    a->dryrun ? CERTSTORE_IMPORT_DRYRUN : 0, err);
	if (im == NULL)
		return -1;
	im->answer = a;
	im->told = 1;
	if (certstore_import_set_name(im, a->name, err) == -1 ||
	    certstore_import_add(im, a->name, pem, len, err) == -1)
		goto out;
	if (!a->dryrun && cs_lock_take(store, err) == -1)
		goto out;
	if (cs_entry_load(store, a->name, &old, err) == 0 ||
	    err->code == CERTSTORE_ENOENTRY) {
		cs_error_clear(err);
		if (cs_ordered_check(&old, a, err) == 0)
			rv = placeanswer(im, a, &old, err);
	}
	cs_entry_done(&old);
	if (!a->dryrun)
		cs_lock_release(store);
out:
	certstore_import_free(im);
	return rv;
}
