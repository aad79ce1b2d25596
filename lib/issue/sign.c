/*
 * sign.c: what all certificates that are signed here have in common: the serial
 * number, the validity, the signature, and that libcrypto verifies them.
 */
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

#define SERIAL_BITS 127

/* A new one, RFC 5280 section 4.1.2.2: 1 or 0. */
int
cs_sign_serial(X509 *x509)
{
	BIGNUM *bn;
	int rv = 0;

	if ((bn = BN_new()) == NULL)
		return 0;
	do {
		if (BN_rand(bn, SERIAL_BITS, BN_RAND_TOP_ANY,
			BN_RAND_BOTTOM_ANY) != 1)
			goto out;
	} while (BN_is_zero(bn));
	if (BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x509)) != NULL)
		rv = 1;
out:
	BN_free(bn);
	return rv;
}

/* Not ASN1_TIME_set(): time_t of libcrypto may have 32 bits.  0 or -1. */
int
cs_sign_settime(ASN1_TIME *time, int64_t t)
{
	char iso[CERTSTORE_TIME_LEN], text[16];

	/* 2027-01-31T12:00:00Z */
	certstore_time_format(t, iso);
	snprintf(text, sizeof(text), "%.4s%.2s%.2s%.2s%.2s%.2sZ", iso, iso + 5,
	    iso + 8, iso + 11, iso + 14, iso + 17);
	return ASN1_TIME_set_string_X509(time, text) == 1 ? 0 : -1;
}

/* From now, as far as clocks differ, to the end given: both within the validity
 * of all CAs above. */
int
cs_sign_times(const char *name, X509 *x509, int64_t now, int64_t until,
    const struct cs_issuer *is, struct certstore_error *err)
{
	int64_t from = now - CS_BACK;

	if (is != NULL && until > is->ends)
		until = is->ends;
	if (is != NULL && from < cs_cert_starts(sk_X509_value(is->certs, 0)))
		from = cs_cert_starts(sk_X509_value(is->certs, 0));
	if (cs_sign_settime(X509_getm_notBefore(x509), from) == -1 ||
	    cs_sign_settime(X509_getm_notAfter(x509), until) == -1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s: validity",
		    name);
	return 0;
}

/* The digest for a signature by this key; NULL where the algorithm includes
 * one.  A key that is limited to one (RFC 4055 section 1.2) gets that. */
const EVP_MD *
cs_sign_digest(EVP_PKEY *pkey)
{
	char name[80];

	if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "ED448"))
		return NULL;
	if (EVP_PKEY_is_a(pkey, "RSA-PSS") &&
	    EVP_PKEY_get_default_digest_name(pkey, name, sizeof(name)) == 2)
		return EVP_get_digestbyname(name);
	if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_bits(pkey) < 384)
		return EVP_sha256();
	return EVP_PKEY_get_bits(pkey) > 384 ? EVP_sha512() : EVP_sha384();
}

/* Ignores errors about extensions that are missing in a CA above: the new
 * certificate cannot help that. */
static int
tolerateissuer(int ok, X509_STORE_CTX *ctx)
{
	if (ok || X509_STORE_CTX_get_error_depth(ctx) == 0)
		return ok;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER:
	case X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER:
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	default:
		return 0;
	}
}

/* Of a copy also a critical extension that libcrypto does not know: the clients
 * of the old certificate do. */
static int
toleratecopy(int ok, X509_STORE_CTX *ctx)
{
	if (!ok && X509_STORE_CTX_get_error_depth(ctx) == 0 &&
	    X509_STORE_CTX_get_error(ctx) ==
		X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	return tolerateissuer(ok, ctx);
}

/* Verifies the new certificate by libcrypto, in strict mode unless it is a copy.
 * The signature of a root that was found to be self-signed is not verified
 * again. */
static int
verifyissued(const char *name, X509 *x509, int purpose,
    const struct cs_issuer *is, struct certstore_error *err)
{
	STACK_OF(X509) *between = NULL;
	X509_STORE *anchors = NULL;
	X509_STORE_CTX *ctx = NULL;
	X509_VERIFY_PARAM *param;
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
	int copy = purpose == CS_PURPOSE_COPY, i, code,
	    n = is == NULL ? 0 : sk_X509_num(is->certs), rv = -1;

	if (!copy)
		flags |= X509_V_FLAG_X509_STRICT;
	if (is == NULL || !is->complete)
		flags |= X509_V_FLAG_CHECK_SS_SIGNATURE;

	/* only the last is an anchor, so that the whole path is verified */
	if ((anchors = X509_STORE_new()) == NULL ||
	    (ctx = X509_STORE_CTX_new()) == NULL ||
	    (between = sk_X509_new_null()) == NULL ||
	    X509_STORE_add_cert(anchors,
		n == 0 ? x509 : sk_X509_value(is->certs, n - 1)) != 1)
		goto fail;
	for (i = 0; i + 1 < n; i++)
		if (sk_X509_push(between, sk_X509_value(is->certs, i)) <= 0)
			goto fail;
	if (X509_STORE_CTX_init(ctx, anchors, x509, between) != 1)
		goto fail;
	param = X509_STORE_CTX_get0_param(ctx);
	if (X509_VERIFY_PARAM_set_flags(param, flags) != 1 ||
	    X509_VERIFY_PARAM_set_purpose(param,
		copy ? X509_PURPOSE_ANY : purpose) != 1)
		goto fail;
	/* the common name of a CA is not held against constraints */
	if ((X509_get_extension_flags(x509) & EXFLAG_CA) != 0)
		X509_VERIFY_PARAM_set_hostflags(param,
		    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	X509_STORE_CTX_set_verify_cb(ctx, copy ? toleratecopy : tolerateissuer);
	rv = 0;
	if (X509_verify_cert(ctx) != 1) {
		code = X509_STORE_CTX_get_error(ctx);
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the certificate would not verify: %s%s", name,
		    X509_STORE_CTX_get_error_depth(ctx) > 0 ?
			"an issuer in its chain: " :
			"",
		    X509_verify_cert_error_string(code));
	}
	goto out;
fail:
	cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s: verifying", name);
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(anchors);
	sk_X509_free(between);
	ERR_clear_error();
	return rv;
}

/* RFC 9060 section 4.1: a delegate signs for a part of what its issuer may. */
static int
judgedelegate(struct certstore *store, const char *name, X509 *x509,
    int purpose, const char *above, X509 *ca, struct certstore_error *err)
{
	char which[CS_QUOTE_LEN];

	switch (cs_tnauth_delegate(x509, ca, which)) {
	case CS_DELEGATE_INSIDE:
		return 0;
	case CS_DELEGATE_UNSURE:
		if (purpose != CS_PURPOSE_COPY)
			cs_warn(store,
			    "%s: signs calls for %s, and it cannot be checked whether "
			    "that belongs to the service provider code of %s",
			    name, which, above);
		return 0;
	case CS_DELEGATE_OUTSIDE:
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %s is not in the TNAuthList of %s (RFC 9060, section "
		    "4.1): use another CA",
		    name, which, above);
	default:
		return cs_fail_nomem(err);
	}
}

static int
judgeissued(struct certstore *store, const char *name, X509 *x509, int purpose,
    const struct cs_issuer *is, struct certstore_error *err)
{
	char above[CS_QUOTE_LEN];
	X509 *ca, *below;
	int i, j;

	/* RFC 5280 section 6.1.3 (b): not self-issued CAs */
	for (i = 0; is != NULL && i < sk_X509_num(is->certs); i++) {
		snprintf(above, sizeof(above), "%s%s",
		    i == 0 ? "" : "a CA in the chain of ", is->entry.info.name);
		ca = sk_X509_value(is->certs, i);
		if (cs_constraint_check(name, x509, above, ca, err) == -1 ||
		    (i == 0 &&
			judgedelegate(store, name, x509, purpose, above, ca,
			    err) == -1))
			return -1;
		for (j = 0; j < i; j++) {
			below = sk_X509_value(is->certs, j);
			if ((X509_get_extension_flags(below) & EXFLAG_SI) ==
				0 &&
			    cs_constraint_check(name, below, above, ca, err) ==
				-1)
				return -1;
		}
	}
	return verifyissued(name, x509, purpose, is, err);
}

/*
 * Encodes and parses it, so that libcrypto caches nothing of how it was made.
 */
static X509 *
reparsecert(const char *name, X509 *x509, struct certstore_error *err)
{
	X509 *fresh = NULL;
	unsigned char *der = NULL;
	int len;

	if ((len = i2d_X509(x509, &der)) <= 0)
		cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s: encoding", name);
	else
		fresh = cs_cert_parse(name, der, (size_t)len, err);
	OPENSSL_free(der);
	return fresh;
}

/*
 * Signs, with the key of the issuer or for NULL its own, and judges the result:
 * what the constraints of the CAs above forbid, or libcrypto, is not given out.
 */
X509 *
cs_sign_cert(struct certstore *store, const char *name, X509 *x509, int purpose,
    EVP_PKEY *signer, const struct cs_issuer *is, struct certstore_error *err)
{
	X509 *fresh;

	if (X509_sign(x509, signer, cs_sign_digest(signer)) <= 0) {
		cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s: signing", name);
		return NULL;
	}
	if ((fresh = reparsecert(name, x509, err)) != NULL &&
	    judgeissued(store, name, fresh, purpose, is, err) == -1) {
		X509_free(fresh);
		fresh = NULL;
	}
	return fresh;
}
