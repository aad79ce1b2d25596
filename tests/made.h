/*
 * made.h: makes certificates for unit tests, and the lines of info for them.
 */
#ifndef MADE_H
#define MADE_H

#include <string.h>

#include <openssl/x509v3.h>

#include "x509/private.h"
#include "tap.h"

#define NAMEOF(s) s, sizeof(s) - 1

static EVP_PKEY *key1, *key2;

static inline void
mkkeys(void)
{
	struct certstore_error err;

	key1 = cs_key_generate(NULL, "p256", &err);
	key2 = cs_key_generate(NULL, "p256", &err);
}

static inline void
freekeys(void)
{
	EVP_PKEY_free(key1);
	EVP_PKEY_free(key2);
}

static void
addext(X509 *x509, X509 *issuer, const char *name, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	ext = X509V3_EXT_nconf(NULL, &ctx, name, value);
	if (ext == NULL)
		bail("%s = %s is not an extension", name, value);
	X509_add_ext(x509, ext, -1);
	X509_EXTENSION_free(ext);
}

/* Makes a certificate without a signature; exts: name, value, ..., NULL. */
static X509 *
mkcert(EVP_PKEY *pkey, const char *cn, X509 *issuer, const char *const *exts)
{
	X509_NAME *name = X509_NAME_new();
	X509 *x509 = X509_new();

	if (cn[0] != '\0')
		X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
		    (const unsigned char *)cn, -1, -1, 0);
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_set_subject_name(x509, name);
	X509_set_issuer_name(x509,
	    issuer == NULL ? name : X509_get_subject_name(issuer));
	ASN1_TIME_set_string(X509_getm_notBefore(x509), "260101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(x509), "270101000000Z");
	X509_set_pubkey(x509, pkey);
	for (; exts != NULL && exts[0] != NULL; exts += 2)
		addext(x509, issuer == NULL ? x509 : issuer, exts[0], exts[1]);
	X509_NAME_free(name);
	return x509;
}

/* Signs a certificate, encodes it and parses it as input. */
static X509 *
finish(X509 *x509, EVP_PKEY *pkey, const EVP_MD *md)
{
	struct certstore_error err;
	unsigned char *der = NULL;
	X509 *again;
	int len;

	if (X509_sign(x509, pkey, md) <= 0)
		bail("a certificate cannot be signed");
	len = i2d_X509(x509, &der);
	X509_free(x509);
	again = cs_cert_parse("made", der, (size_t)len, &err);
	OPENSSL_free(der);
	if (again == NULL)
		bail("%s", err.msg);
	return again;
}

static inline X509 *
selfsigned(const char *cn, const char *const *exts)
{
	return finish(mkcert(key1, cn, NULL, exts), key1, EVP_sha256());
}

static int
printable(const struct cs_buf *buf)
{
	size_t i;

	for (i = 0; i < buf->len; i++) {
		unsigned char c = (unsigned char)buf->p[i];

		if ((c < ' ' && c != '\n') || c == 0x7f)
			return 0;
	}
	return 1;
}

/* Makes the lines of info for a certificate and its issuer, and parses them. */
static inline void
describe(struct cs_info *info, X509 *x509, X509 *issuer)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct certstore_error err;

	cs_info_reset(info);
	sk_X509_push(certs, x509);
	if (issuer != NULL)
		sk_X509_push(certs, issuer);
	if (cs_describe_cert(&info->text, certs, &err) == -1)
		bail("%s", err.msg);
	if (!printable(&info->text))
		bail("not printable: %s", info->text.p);
	if (cs_info_parse(info, &err) == -1)
		bail("%s", err.msg);
	sk_X509_free(certs);
}

#endif
