/*
 * extension.c: the extensions of certificates and requests (RFC 5280 section
 * 4.2).
 */
#include <string.h>

#include <openssl/x509v3.h>

#include "issue/private.h"

static GENERAL_NAME *
makesan(const struct cs_san *san)
{
	char norm[INET6_ADDRSTRLEN];
	unsigned char raw[16];
	size_t len;

	if (san->type != CS_SAN_IP)
		return cs_asn1_name(san->type, san->value, strlen(san->value));
	if (cs_name_ip(san->value, norm, raw, &len) != 1)
		return NULL;
	return cs_asn1_name(san->type, raw, len);
}

/* The SANs of a template; NULL without memory, empty if there are none. */
GENERAL_NAMES *
cs_extension_sans(const struct certstore_template *t)
{
	GENERAL_NAMES *names;
	GENERAL_NAME *gen;
	size_t i;

	if ((names = sk_GENERAL_NAME_new_null()) == NULL)
		return NULL;
	for (i = 0; i < t->nsan; i++) {
		if ((gen = makesan(&t->san[i])) == NULL ||
		    sk_GENERAL_NAME_push(names, gen) <= 0) {
			GENERAL_NAME_free(gen);
			GENERAL_NAMES_free(names);
			return NULL;
		}
	}
	return names;
}

/* Critical exactly when the subject is empty (RFC 5280, section 4.2.1.6). */
static int
addsans(STACK_OF(X509_EXTENSION) **exts, const struct certstore_template *t,
    int critical)
{
	GENERAL_NAMES *names;
	int rv;

	if (t->nsan == 0)
		return 1;
	if ((names = cs_extension_sans(t)) == NULL)
		return 0;
	rv = X509V3_add1_i2d(exts, NID_subject_alt_name, names, critical, 0);
	GENERAL_NAMES_free(names);
	return rv;
}

static int
addbasicconstraints(STACK_OF(X509_EXTENSION) **exts,
    const struct certstore_template *t)
{
	BASIC_CONSTRAINTS *bc;
	int rv = 0;

	if ((bc = BASIC_CONSTRAINTS_new()) == NULL)
		return 0;
	bc->ca = t->ca ? 0xff : 0;
	if (t->ca && t->pathlen >= 0 &&
	    ((bc->pathlen = ASN1_INTEGER_new()) == NULL ||
		ASN1_INTEGER_set(bc->pathlen, t->pathlen) != 1))
		goto out;
	rv = X509V3_add1_i2d(exts, NID_basic_constraints, bc, 1, 0);
out:
	BASIC_CONSTRAINTS_free(bc);
	return rv;
}

/* Key usage (RFC 5280 section 4.2.1.3) by the profile and the type of key. */
static int
addkeyusage(STACK_OF(X509_EXTENSION) **exts, const struct certstore_template *t,
    EVP_PKEY *pkey)
{
	enum { SIGNATURE = 0, ENCIPHER = 2, AGREE = 4, CERTS = 5, CRLS = 6 };
	ASN1_BIT_STRING *bits;
	int ok, rv = 0, client;

	if ((bits = ASN1_BIT_STRING_new()) == NULL)
		return 0;
	client = strcmp(t->profile, "client") == 0;
	if (t->ca)
		ok = ASN1_BIT_STRING_set_bit(bits, CERTS, 1) == 1 &&
		    ASN1_BIT_STRING_set_bit(bits, CRLS, 1) == 1;
	else
		ok = ASN1_BIT_STRING_set_bit(bits, SIGNATURE, 1) == 1;
	if (ok && !t->ca && !client && EVP_PKEY_is_a(pkey, "RSA"))
		ok = ASN1_BIT_STRING_set_bit(bits, ENCIPHER, 1) == 1;
	if (ok && !t->ca && strcmp(t->profile, "mail") == 0 &&
	    EVP_PKEY_is_a(pkey, "EC"))
		ok = ASN1_BIT_STRING_set_bit(bits, AGREE, 1) == 1;
	if (ok)
		rv = X509V3_add1_i2d(exts, NID_key_usage, bits, 1, 0);
	ASN1_BIT_STRING_free(bits);
	return rv;
}

static int
addextkeyusage(STACK_OF(X509_EXTENSION) **exts,
    const struct certstore_template *t)
{
	static const struct {
		const char *profile;
		int nid[2];
	} purposes[] = { { "server", { NID_server_auth, NID_undef } },
		{ "client", { NID_client_auth, NID_undef } },
		{ "peer", { NID_server_auth, NID_client_auth } },
		{ "mail", { NID_email_protect, NID_undef } } };
	EXTENDED_KEY_USAGE *eku;
	size_t i, j;
	int rv = 0;

	if (t->ca || cs_calls_signs(t))
		return 1;
	for (i = 0; strcmp(purposes[i].profile, t->profile) != 0; i++)
		if (i + 1 == sizeof(purposes) / sizeof(purposes[0]))
			return 0;
	if ((eku = sk_ASN1_OBJECT_new_null()) == NULL)
		return 0;
	for (j = 0; j < 2 && purposes[i].nid[j] != NID_undef; j++)
		if (sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(purposes[i].nid[j])) <=
		    0)
			goto out;
	rv = X509V3_add1_i2d(exts, NID_ext_key_usage, eku, 0, 0);
out:
	sk_ASN1_OBJECT_pop_free(eku, ASN1_OBJECT_free);
	return rv;
}

/* The extension is critical (RFC 5280 section 4.2.1.10). */
static int
addconstraints(STACK_OF(X509_EXTENSION) **exts,
    const struct certstore_template *t)
{
	NAME_CONSTRAINTS nc = { t->permit, t->exclude };

	if (t->permit == NULL && t->exclude == NULL)
		return 1;
	return X509V3_add1_i2d(exts, NID_name_constraints, &nc, 1, 0);
}

static int
addcalls(STACK_OF(X509_EXTENSION) **exts, const struct certstore_template *t)
{
	X509_EXTENSION *ext;
	int rv;

	if (!cs_calls_has(t))
		return 1;
	if ((ext = cs_tnauth_make(&t->calls)) == NULL)
		return 0;
	rv = X509v3_add_ext(exts, ext, -1) != NULL;
	X509_EXTENSION_free(ext);
	return rv;
}

/* All extensions but the key identifiers. */
STACK_OF(X509_EXTENSION) *
cs_extension_make(const struct certstore_template *t, EVP_PKEY *pkey,
    int nosubject, struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;

	if (addbasicconstraints(&exts, t) == 1 &&
	    addkeyusage(&exts, t, pkey) == 1 && addextkeyusage(&exts, t) == 1 &&
	    addsans(&exts, t, nosubject) == 1 && addcalls(&exts, t) == 1 &&
	    addconstraints(&exts, t) == 1)
		return exts;
	cs_fail_crypto(err, CERTSTORE_ECRYPTO, "the extensions cannot be made");
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return NULL;
}

/* Adds SKI (method 1 of RFC 5280 section 4.2.1.2) and AKI, which is the SKI of
 * the issuer, or its own where that is NULL: 1 or 0. */
int
cs_extension_keyids(X509 *x509, X509 *issuer)
{
	ASN1_OCTET_STRING *ski = NULL;
	AUTHORITY_KEYID *aki = NULL;
	const ASN1_OCTET_STRING *above = NULL;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len;
	int rv = 0;

	if ((ski = ASN1_OCTET_STRING_new()) == NULL ||
	    X509_pubkey_digest(x509, EVP_sha1(), md, &len) != 1 ||
	    ASN1_OCTET_STRING_set(ski, md, (int)len) != 1 ||
	    X509_add1_ext_i2d(x509, NID_subject_key_identifier, ski, 0,
		X509V3_ADD_DEFAULT) != 1)
		goto out;
	if (issuer != NULL)
		above = X509_get0_subject_key_id(issuer);
	if (issuer != NULL && above == NULL &&
	    (X509_pubkey_digest(issuer, EVP_sha1(), md, &len) != 1 ||
		ASN1_OCTET_STRING_set(ski, md, (int)len) != 1))
		goto out;
	if ((aki = AUTHORITY_KEYID_new()) == NULL ||
	    (aki->keyid = ASN1_OCTET_STRING_dup(above == NULL ? ski : above)) ==
		NULL)
		goto out;
	rv = X509_add1_ext_i2d(x509, NID_authority_key_identifier, aki, 0,
	    X509V3_ADD_DEFAULT);
out:
	AUTHORITY_KEYID_free(aki);
	ASN1_OCTET_STRING_free(ski);
	return rv;
}
