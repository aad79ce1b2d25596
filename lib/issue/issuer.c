/*
 * issuer.c: a CA entry that is to sign: the CAs above it, whether it may sign,
 * and its key.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

/* Sets the certificate and all above it, from its own files before the store's.
 * Self-signature is taken from info, where it was verified. */
static int
assemblechain(struct cs_issuer *is, STACK_OF(X509) *full, STACK_OF(X509) *ca,
    struct certstore_error *err)
{
	STACK_OF(X509) *chain = NULL, *above = NULL;
	X509 *x509 = sk_X509_value(full, 0);
	int rv = -1;

	if (is->entry.info.self) {
		is->complete = 1;
		above = sk_X509_new_null();
	} else if (ca != NULL &&
	    X509_add_certs(full, ca,
		X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1)
		above = NULL;
	else if (cs_chain_build(is->entry.store, x509, full, &chain, &above,
		     &is->complete, err) == -1)
		return -1;
	if (above == NULL ||
	    X509_add_cert(above, x509,
		X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_PREPEND) != 1) {
		cs_fail_nomem(err);
	} else {
		is->certs = above;
		above = NULL;
		rv = 0;
	}
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(above, X509_free);
	return rv;
}

static int
failwaits(const char *name, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: has no certificate yet: import the answer to its request "
	    "first",
	    name);
}

static int
failkeyless(const char *name, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: its private key is not in the store: use cert-import to add "
	    "it",
	    name);
}

/* On failure there is nothing to close. */
int
cs_issuer_open(struct cs_issuer *is, struct certstore *store, const char *name,
    struct certstore_error *err)
{
	memset(is, 0, sizeof(*is));
	if (cs_entry_load(store, name, &is->entry, err) == 0) {
		if (is->entry.info.fingerprint != NULL)
			return 0;
		failwaits(name, err);
	}
	cs_issuer_close(is);
	return -1;
}

/* Does ca.pem of the entry begin with fullchain.pem of the issuer?  1, 0, -1.
 * 0 may mean that the issuer was renewed. */
int
cs_issuer_isabove(const struct cs_issuer *is,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	struct cs_buf above = { NULL, 0, 0 }, own = { NULL, 0, 0 };
	int rv;

	if (!entry->info.hasca)
		return 0;
	if ((rv = cs_entry_read(entry, CS_CA, &above, err)) == 1 &&
	    (rv = cs_entry_read(&is->entry, CS_FULLCHAIN, &own, err)) == 1)
		rv = own.len <= above.len &&
		    memcmp(own.p, above.p, own.len) == 0;
	cs_buf_free(&above);
	cs_buf_free(&own);
	return rv;
}

/* Is it a CA with its key in the store that signed x509?  -1: no memory. */
static int
issigner(struct cs_issuer *is, X509 *x509, struct certstore_error *err)
{
	if (!is->entry.info.haskey || strcmp(is->entry.info.kind, "ca") != 0)
		return 0;
	if (cs_issuer_read(is, err) == -1)
		return cs_error_isnomem(err) ? -1 : 0;
	return cs_cert_is_signed_by(x509, sk_X509_value(is->certs, 0)) == 1;
}

/* Of the signers under a key of the index the one that ends last: 1, 0, -1. */
static int
searchissuer(struct cs_issuer *best, struct certstore *store, const char *sub,
    const char *key, const struct certstore_entry *entry, X509 *x509,
    struct certstore_error *err)
{
	struct cs_issuer is;
	struct cs_strings names = { 0 };
	size_t i;
	int rv = 0;

	if (key == NULL)
		return 0;
	if (cs_search_index(store, sub, key, &names) == -1)
		return cs_fail_errno(err, "%s: index/%s", certstore_path(store),
		    sub);
	for (i = 0; i < names.n && rv != -1; i++) {
		if (strcmp(names.v[i], entry->info.name) == 0)
			continue;
		if (cs_issuer_open(&is, store, names.v[i], err) == -1) {
			rv = cs_error_isnomem(err) ? -1 : 0;
			continue;
		}
		if ((rv = issigner(&is, x509, err)) == 1 &&
		    (best->certs == NULL || is.ends > best->ends)) {
			cs_issuer_close(best);
			*best = is;
		} else
			cs_issuer_close(&is);
	}
	cs_strings_free(&names);
	if (rv == -1) {
		cs_issuer_close(best);
		return -1;
	}
	cs_error_clear(err); /* of a damaged one */
	return best->certs != NULL;
}

/* Finds the entry that signed x509, the certificate of another: 1, 0, -1. */
int
cs_issuer_find(struct cs_issuer *is, const struct certstore_entry *entry,
    X509 *x509, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	int rv;

	memset(is, 0, sizeof(*is));
	rv = searchissuer(is, entry->store, "ski", info->aki, entry, x509, err);
	if (rv == 0)
		rv = searchissuer(is, entry->store, "subject", info->issuerhash,
		    entry, x509, err);
	return rv;
}

/* None is valid longer than those above it. */
static void
setearliest(struct cs_issuer *is)
{
	int64_t ends;
	int i;

	is->ends = INT64_MAX;
	for (i = 0; i < sk_X509_num(is->certs); i++) {
		ends = cs_cert_ends(sk_X509_value(is->certs, i));
		if (ends < is->ends)
			is->ends = ends;
	}
}

/* One of the certificates is another one from here on. */
void
cs_issuer_assume(struct cs_issuer *is, X509 *was, X509 *fresh)
{
	X509 *x509;
	int i;

	for (i = 0; i < sk_X509_num(is->certs); i++) {
		x509 = sk_X509_value(is->certs, i);
		if (!cs_cert_same(x509, was) || X509_up_ref(fresh) != 1)
			continue;
		(void)sk_X509_set(is->certs, i, fresh);
		X509_free(x509);
	}
	setearliest(is);
}

/* Reads the certificates, unless that was done. */
int
cs_issuer_read(struct cs_issuer *is, struct certstore_error *err)
{
	STACK_OF(X509) *full = NULL, *ca = NULL;
	int rv;

	if (is->certs != NULL)
		return 0;
	if (cs_crypto_check(err) == -1)
		return -1;
	if ((rv = cs_cert_read(&is->entry, CS_FULLCHAIN, &full, err)) == 0)
		rv = failwaits(is->entry.info.name, err);
	if (rv == -1 ||
	    (is->entry.info.hasca &&
		(rv = cs_cert_read(&is->entry, CS_CA, &ca, err)) == -1) ||
	    (rv = assemblechain(is, full, ca, err)) == -1)
		goto out;
	setearliest(is);
out:
	sk_X509_pop_free(ca, X509_free);
	sk_X509_pop_free(full, X509_free);
	return rv;
}

void
cs_issuer_close(struct cs_issuer *is)
{
	EVP_PKEY_free(is->pkey);
	sk_X509_pop_free(is->certs, X509_free);
	cs_entry_done(&is->entry);
	memset(is, 0, sizeof(*is));
}

static int
judgevalidity(const char *name, STACK_OF(X509) *ca, struct certstore_error *err)
{
	struct cs_buf subject = { NULL, 0, 0 };
	char when[CERTSTORE_TIME_LEN];
	int64_t now = certstore_time_now();
	X509 *x509;
	int i, rv = 0;

	for (i = 0; i < sk_X509_num(ca) && rv == 0; i++) {
		x509 = sk_X509_value(ca, i);
		if (cs_cert_isvalid(x509, now))
			continue;
		if (i > 0 &&
		    (cs_buf_adds(&subject, ": ") == -1 ||
			cs_cert_name_text(X509_get_subject_name(x509),
			    &subject) == -1 ||
			cs_buf_adds(&subject, " in its chain") == -1)) {
			cs_buf_free(&subject);
			return cs_fail_nomem(err);
		}
		if (cs_cert_starts(x509) > now)
			rv = cs_fail(err, CERTSTORE_EREFUSED,
			    "%s%s: is not yet valid (valid from %s): check "
			    "the clock",
			    name, subject.p == NULL ? "" : subject.p,
			    certstore_time_format(cs_cert_starts(x509), when));
		else
			rv = cs_fail(err, CERTSTORE_EREFUSED,
			    "%s%s: expired %s: renew the CA first", name,
			    subject.p == NULL ? "" : subject.p,
			    certstore_time_format(cs_cert_ends(x509), when));
	}
	cs_buf_free(&subject);
	return rv;
}

/* What a revoked CA signs, nobody accepts. */
static int
judgerevocation(const struct cs_issuer *is, struct certstore_error *err)
{
	const char *name = is->entry.info.name;
	char when[CERTSTORE_TIME_LEN];
	struct cs_revocation r;
	int i, rv;

	for (i = 0; i + 1 < sk_X509_num(is->certs); i++) {
		rv = cs_revocation_find(is->entry.store,
		    sk_X509_value(is->certs, i),
		    sk_X509_value(is->certs, i + 1), &r);
		if (rv == -1)
			return cs_fail_errno(err, "%s/revoked",
			    certstore_path(is->entry.store));
		if (rv == 1)
			return cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: %swas revoked at %s: use another CA", name,
			    i == 0 ? "" : "a CA in its chain ",
			    certstore_time_format(r.when, when));
	}
	return 0;
}

/* The path lengths of all CAs above (RFC 5280 section 4.2.1.9): self-issued
 * ones do not count, a new CA does. */
static int
judgepathlen(const char *name, STACK_OF(X509) *ca, int isca,
    struct certstore_error *err)
{
	X509 *x509;
	long between, max;
	int i;

	between = isca ? 1 : 0;
	for (i = 0; i < sk_X509_num(ca); i++) {
		x509 = sk_X509_value(ca, i);
		max = X509_get_pathlen(x509);
		if (max >= 0 && between > max && i == 0)
			return cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: its path length %ld allows no CA below it: "
			    "use another CA",
			    name, max);
		if (max >= 0 && between > max)
			return cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: the path length %ld of an issuer in its "
			    "chain is exceeded: use another CA",
			    name, max);
		if ((X509_get_extension_flags(x509) & EXFLAG_SI) == 0)
			between++;
	}
	return 0;
}

int
cs_issuer_judge(const struct cs_issuer *is, int isca,
    struct certstore_error *err)
{
	const char *name = is->entry.info.name;
	X509 *x509 = sk_X509_value(is->certs, 0);

	if ((X509_get_extension_flags(x509) & EXFLAG_CA) != 0 &&
	    (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its keyUsage does not allow it to sign "
		    "certificates (RFC 5280, section 4.2.1.3): use another "
		    "CA",
		    name);
	if (cs_cert_is_ca(x509) != 1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is not a CA: use cert-create -c to make one", name);
	if (!is->entry.info.haskey)
		return failkeyless(name, err);
	if (judgerevocation(is, err) == -1 ||
	    judgevalidity(name, is->certs, err) == -1)
		return -1;
	return judgepathlen(name, is->certs, isca, err);
}

/* Asks for a passphrase only if the key is encrypted. */
EVP_PKEY *
cs_issuer_pair(const char *name, const struct cs_buf *pem, X509 *x509,
    const struct certstore_passphrase *pass, struct certstore_error *err)
{
	EVP_PKEY *pkey;
	int rv;

	if (pem->len == 0) {
		failkeyless(name, err);
		return NULL;
	}
	if ((pkey = cs_key_frompem(name, pem, pass, err)) == NULL)
		return NULL;
	rv = X509_check_private_key(x509, pkey);
	ERR_clear_error();
	if (rv == 1)
		return pkey;
	cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: the private key does not match the certificate: import both "
	    "again",
	    name);
	EVP_PKEY_free(pkey);
	return NULL;
}

int
cs_issuer_key(struct cs_issuer *is, const struct certstore_passphrase *pass,
    struct certstore_error *err)
{
	struct cs_buf pem = { NULL, 0, 0 };

	if (is->pkey != NULL)
		return 0;
	if (cs_entry_read(&is->entry, CS_PRIVKEY, &pem, err) != -1)
		is->pkey = cs_issuer_pair(is->entry.info.name, &pem,
		    sk_X509_value(is->certs, 0), pass, err);
	cs_buf_free(&pem);
	return is->pkey == NULL ? -1 : 0;
}

/* The chain to serve: the issuers but a root. */
static STACK_OF(X509) *
withoutroot(const struct cs_issuer *is)
{
	STACK_OF(X509) *chain;

	if ((chain = sk_X509_dup(is->certs)) != NULL && is->complete)
		(void)sk_X509_pop(chain);
	return chain;
}

int
cs_issuer_files(struct cs_put *put, X509 *x509, const struct cs_issuer *is,
    const struct cs_buf *keypem, struct certstore_error *err)
{
	STACK_OF(X509) *chain;
	int rv;

	if (is == NULL)
		return cs_chain_files(put, x509, NULL, NULL, keypem, err);
	if (cs_cert_spki(X509_get_X509_PUBKEY(sk_X509_value(is->certs, 0)),
		put->signer) == -1)
		return cs_fail_nomem(err);
	if ((chain = withoutroot(is)) == NULL)
		return cs_fail_nomem(err);
	rv = cs_chain_files(put, x509, chain, is->certs, keypem, err);
	sk_X509_free(chain);
	return rv;
}
