/*
 * copy.c: makes a certificate again.  The old one is the record: version,
 * subject and extensions are copied, in their order and octet by octet; serial
 * number, validity, key identifiers, the URLs of the issuer and the signature are
 * new.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

/* How key identifiers are made of a public key: of the octets of the BIT STRING
 * (RFC 5280 section 4.2.1.2 (1), RFC 7093 section 2 (1)), or of all of
 * SubjectPublicKeyInfo (RFC 7093 section 2 (4)); and how many of the digest's
 * octets.  The first is the one that cert-create uses. */
static const struct method {
	const EVP_MD *(*digest)(void);
	int whole;
	int len;
} methods[] = { { EVP_sha1, 0, 20 }, { EVP_sha256, 0, 20 },
	{ EVP_sha256, 0, 32 }, { EVP_sha1, 1, 20 }, { EVP_sha256, 1, 20 },
	{ EVP_sha256, 1, 32 }, { EVP_sha384, 0, 20 }, { EVP_sha512, 0, 20 } };
#define NMETHODS (sizeof(methods) / sizeof(methods[0]))

/* The key identifier of a certificate by a method: 1 or 0. */
static int
digestkey(const struct method *m, X509 *x509, ASN1_OCTET_STRING *id)
{
	const EVP_MD *md = m->digest();
	unsigned char *der = NULL, hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	int len, ok = 0;

	if (!m->whole)
		ok = X509_pubkey_digest(x509, md, hash, &n) == 1;
	else if ((len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der)) > 0)
		ok = EVP_Digest(der, (size_t)len, hash, &n, md, NULL) == 1;
	OPENSSL_free(der);
	return ok && n >= (unsigned int)m->len &&
	    ASN1_OCTET_STRING_set(id, hash, m->len) == 1;
}

/* The method of the subject key identifier of a certificate, else the first. */
static const struct method *
methodof(X509 *x509)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(x509);
	ASN1_OCTET_STRING *id;
	size_t i = NMETHODS;

	if ((id = ASN1_OCTET_STRING_new()) != NULL)
		for (i = 0; i < NMETHODS; i++)
			if (digestkey(&methods[i], x509, id) &&
			    ASN1_OCTET_STRING_cmp(id, ski) == 0)
				break;
	ASN1_OCTET_STRING_free(id);
	ERR_clear_error();
	return &methods[i < NMETHODS ? i : 0];
}

/* Sets another value of an extension, in its place: 1 or 0. */
static int
replacevalue(X509 *x509, int nid, void *value)
{
	int at = X509_get_ext_by_NID(x509, nid, -1);

	return X509_add1_ext_i2d(x509, nid, value,
		   X509_EXTENSION_get_critical(X509_get_ext(x509, at)),
		   X509V3_ADD_REPLACE) == 1;
}

/* For another key, the subject key identifier by the method it had. */
static int
replaceski(X509 *x509, X509 *old)
{
	ASN1_OCTET_STRING *id;
	int ok;

	if (X509_get0_subject_key_id(old) == NULL)
		return 1;
	if ((id = ASN1_OCTET_STRING_new()) == NULL)
		return 0;
	ok = digestkey(methodof(old), x509, id) &&
	    replacevalue(x509, NID_subject_key_identifier, id);
	ASN1_OCTET_STRING_free(id);
	return ok;
}

/* The serial number, and the issuer, of the issuer's certificate. */
static int
setissuerserial(AUTHORITY_KEYID *aki, X509 *issuer)
{
	GENERAL_NAME *gen;

	ASN1_INTEGER_free(aki->serial);
	GENERAL_NAMES_free(aki->issuer);
	aki->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(issuer));
	aki->issuer = sk_GENERAL_NAME_new_null();
	if (aki->serial == NULL || aki->issuer == NULL ||
	    (gen = GENERAL_NAME_new()) == NULL)
		return 0;
	gen->type = GEN_DIRNAME;
	gen->d.directoryName = X509_NAME_dup(X509_get_issuer_name(issuer));
	if (gen->d.directoryName != NULL &&
	    sk_GENERAL_NAME_push(aki->issuer, gen) > 0)
		return 1;
	GENERAL_NAME_free(gen);
	return 0;
}

/*
 * The authority key identifier, where there was one: by the key of the issuer
 * if that is possible.  The serial number of its certificate is not that of the
 * next one, so it is used only if there is nothing else.
 */
static int
replaceaki(X509 *x509, X509 *issuer)
{
	const ASN1_OCTET_STRING *above = X509_get0_subject_key_id(issuer);
	AUTHORITY_KEYID *aki;
	int ok = 1;

	aki = X509_get_ext_d2i(x509, NID_authority_key_identifier, NULL, NULL);
	if (aki == NULL)
		return 1;
	if (above != NULL) {
		ASN1_OCTET_STRING_free(aki->keyid);
		ok = (aki->keyid = ASN1_OCTET_STRING_dup(above)) != NULL;
	}
	if (aki->keyid == NULL) {
		ok = ok && setissuerserial(aki, issuer);
	} else {
		ASN1_INTEGER_free(aki->serial);
		GENERAL_NAMES_free(aki->issuer);
		aki->serial = NULL;
		aki->issuer = NULL;
	}
	ok = ok && replacevalue(x509, NID_authority_key_identifier, aki);
	AUTHORITY_KEYID_free(aki);
	return ok;
}

/* Removes what logs signed for the old certificate alone (RFC 6962 section
 * 3.3). */
static void
droplogged(X509 *x509)
{
	int at = X509_get_ext_by_NID(x509, NID_ct_precert_scts, -1);

	if (at >= 0)
		X509_EXTENSION_free(X509_delete_ext(x509, at));
}

/* Sets all but the validity and the signature: 1 or 0. */
static int
fillcopy(X509 *x509, X509 *old, EVP_PKEY *pkey, const struct cs_issuer *is)
{
	X509 *ca = is == NULL ? NULL : sk_X509_value(is->certs, 0);
	int same = pkey == NULL ||
	    EVP_PKEY_eq(pkey, X509_get0_pubkey(old)) == 1;

	droplogged(x509);
	return cs_sign_serial(x509) == 1 &&
	    (ca == NULL ||
		X509_set_issuer_name(x509, X509_get_subject_name(ca)) == 1) &&
	    (same || X509_set_pubkey(x509, pkey) == 1) &&
	    (same || replaceski(x509, old)) &&
	    replaceaki(x509, ca == NULL ? x509 : ca) &&
	    (is == NULL || cs_extension_pointers(x509, is));
}

X509 *
cs_copy_cert(struct certstore *store, const char *name, X509 *old,
    EVP_PKEY *pkey, int64_t now, int64_t until, const struct cs_issuer *is,
    struct certstore_error *err)
{
	X509 *fresh = NULL, *x509;

	ERR_clear_error();
	if ((x509 = X509_dup(old)) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if (!fillcopy(x509, old, pkey, is))
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: the certificate cannot be made", name);
	else if (cs_sign_times(name, x509, now, until, is, err) == 0)
		fresh = cs_sign_cert(store, name, x509, CS_PURPOSE_COPY,
		    is == NULL ? pkey : is->pkey, is, err);
	X509_free(x509);
	ERR_clear_error();
	return fresh;
}
