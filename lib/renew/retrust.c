/*
 * retrust.c: renewal and trust anchors: a renewed entry leads to the anchor that
 * it led to, and a renewed CA that is one becomes one again.
 */
#include <stdio.h>
#include <string.h>

#include "renew/private.h"

/* Is there a certificate of this subject and key? */
static int
hassubjectkey(STACK_OF(X509) *certs, X509 *x509)
{
	X509 *other;
	int i;

	for (i = 0; i < sk_X509_num(certs); i++) {
		other = sk_X509_value(certs, i);
		if (X509_NAME_cmp(X509_get_subject_name(other),
			X509_get_subject_name(x509)) == 0 &&
		    EVP_PKEY_eq(X509_get0_pubkey(other),
			X509_get0_pubkey(x509)) == 1)
			return 1;
	}
	return 0;
}

/* Does one of the certificates, or what signed the last, stand for the anchor? */
static int
reachesanchor(STACK_OF(X509) *certs, X509 *anchor)
{
	int n = sk_X509_num(certs);

	return hassubjectkey(certs, anchor) ||
	    (n > 0 &&
		cs_cert_is_signed_by(sk_X509_value(certs, n - 1), anchor) == 1);
}

/* The next anchor of a set; what is no helper, not distrusted, not damaged. */
static int
nextanchor(struct certstore_trust *trust, const struct certstore_entry **entry,
    struct certstore_error *err)
{
	const char *origin;
	int rv;

	while ((rv = certstore_trust_next(trust, entry, err)) != 0) {
		if (rv == -1 && err->code != CERTSTORE_EDAMAGED)
			return -1;
		origin = rv == -1 ? NULL : certstore_entry_origin(*entry);
		if (origin != NULL &&
		    (strcmp(origin, "added") == 0 ||
			strcmp(origin, "shipped") == 0))
			return 1;
	}
	return 0;
}

/* Does the old chain lead to an anchor, and the new one to none?  1, 0, -1. */
static int
losesanchor(struct certstore_trust *trust, STACK_OF(X509) *was,
    STACK_OF(X509) *now, struct certstore_error *err)
{
	const struct certstore_entry *entry;
	struct cs_buf pem = { 0 };
	STACK_OF(X509) *one;
	int led = 0, leads = 0, rv = 0;

	while (!leads && (rv = nextanchor(trust, &entry, err)) == 1) {
		pem.p = entry->pem;
		pem.len = strlen(entry->pem);
		one = cs_cert_stack(entry->info.name, &pem, 0, err);
		if (one == NULL)
			return -1;
		led |= reachesanchor(was, sk_X509_value(one, 0));
		leads |= reachesanchor(now, sk_X509_value(one, 0));
		sk_X509_pop_free(one, X509_free);
	}
	return rv == -1 ? -1 : led && !leads;
}

/* The set is read only if something of the old chain is not in the new one. */
int
cs_retrust_check(struct cs_reissue *r, struct certstore_error *err)
{
	struct certstore_trust *trust;
	int i, rv;

	for (i = 1; r->hasissuer && i < sk_X509_num(r->was); i++)
		if (!hassubjectkey(r->issuer.certs, sk_X509_value(r->was, i)))
			break;
	if (!r->hasissuer || i >= sk_X509_num(r->was))
		return 0;
	trust = certstore_trust_new(r->all->store, NULL, 0, err);
	rv = trust == NULL ? -1 :
			     losesanchor(trust, r->was, r->issuer.certs, err);
	certstore_trust_free(trust);
	if (rv == 1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its chain leads to a trust anchor, and that of a new "
		    "certificate by %s does not: use cert-trust%s add for the "
		    "root of %s, or -f",
		    r->name, r->issuer.entry.info.name,
		    cs_store_option(r->all->store), r->issuer.entry.info.name);
	return rv;
}

/* Is a certificate an anchor of the set?  1, 0, -1. */
static int
isanchorof(struct certstore_trust *trust, const char *fingerprint,
    struct certstore_error *err)
{
	const struct certstore_entry *entry;
	int rv;

	if ((rv = certstore_trust_has(trust, fingerprint, err)) != 1)
		return rv;
	while ((rv = nextanchor(trust, &entry, err)) == 1)
		if (strcmp(entry->info.fingerprint, fingerprint) == 0)
			break;
	return rv;
}

static int
updateset(const struct cs_reissue *r, const char *set, const struct cs_buf *pem,
    struct certstore_error *err)
{
	struct certstore_trust *trust;
	int rv = -1;

	/* what its old certificate is does not have to be judged again */
	trust = certstore_trust_new(r->all->store, set, CERTSTORE_TRUST_FORCE,
	    err);
	if (trust != NULL &&
	    (rv = isanchorof(trust, r->old.info.fingerprint, err)) == 1 &&
	    (rv = certstore_trust_add(trust, r->name, pem->p, pem->len, err)) ==
		0)
		rv = certstore_trust_commit(trust, err);
	certstore_trust_free(trust);
	return rv == -1 ? -1 : 0;
}

void
cs_retrust_update(const struct cs_reissue *r)
{
	struct certstore *store = r->all->store;
	struct certstore_error err;
	struct cs_strings sets = { 0 };
	struct cs_buf pem = { 0 };
	size_t i;
	int bad;

	if ((bad = cs_cert_encode(&pem, r->fresh, &err)) == 0 &&
	    cs_setgen_names(store, &sets) == -1)
		bad = cs_fail_errno(&err, "%s/trusts", certstore_path(store));
	for (i = 0; bad == 0 && i <= sets.n; i++)
		bad = updateset(r, i == 0 ? NULL : sets.v[i - 1], &pem, &err);
	if (bad != 0)
		cs_warn(store,
		    "%s: the sets of trust anchors that have its old "
		    "certificate did not get the new one: %s",
		    r->name, err.msg);
	cs_strings_free(&sets);
	cs_buf_free(&pem);
}
