/*
 * extension.c: the extensions of certificates and requests (RFC 5280 section
 * 4.2).
 */
#include <string.h>

#include <openssl/x509v3.h>

#include "issue/private.h"

#define FULL_NAME 0 /* the choice in a DistributionPointName */

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

/* The bits that a type of key can be used for: RFC 3279 section 2.3.1, RFC 5480
 * section 3, RFC 8410 section 5. */
static unsigned int
usageofkey(EVP_PKEY *pkey)
{
	const unsigned int sign = CS_USAGE_SIGN | CS_USAGE_COMMIT;

	if (EVP_PKEY_is_a(pkey, "RSA"))
		return sign | CS_USAGE_ENCIPHER | CS_USAGE_DATA;
	if (EVP_PKEY_is_a(pkey, "EC"))
		return sign | CS_USAGE_AGREE | CS_USAGE_ENCIPHERONLY |
		    CS_USAGE_DECIPHERONLY;
	return sign;
}

unsigned int
cs_extension_usage(const char *profile, unsigned int own, EVP_PKEY *pkey)
{
	unsigned int usage = CS_USAGE_SIGN;
	unsigned int wants = CS_USAGE_SIGN | CS_USAGE_AGREE;
	int client = strcmp(profile, "client") == 0;
	int mail = strcmp(profile, "mail") == 0;

	if (own == 0) {
		if (!client && *profile != '\0')
			usage |= CS_USAGE_ENCIPHER;
		if (mail)
			usage |= CS_USAGE_AGREE;
		return usage & usageofkey(pkey);
	}
	/* one of these, as cert-verify(1) has it */
	if (mail)
		wants |= CS_USAGE_COMMIT;
	if (mail || strcmp(profile, "server") == 0)
		wants |= CS_USAGE_ENCIPHER;
	usage = own & usageofkey(pkey);
	return *profile == '\0' || (usage & wants) != 0 ? usage : 0;
}

/* The extension is critical (RFC 5280 section 4.2.1.3). */
static int
addkeyusage(STACK_OF(X509_EXTENSION) **exts, unsigned int usage)
{
	ASN1_BIT_STRING *bits;
	int i, rv = 0;

	if ((bits = ASN1_BIT_STRING_new()) == NULL)
		return 0;
	for (i = 0; i < CS_USAGE_NBITS; i++)
		if ((usage & 1U << i) != 0 &&
		    ASN1_BIT_STRING_set_bit(bits, i, 1) != 1)
			goto out;
	rv = X509V3_add1_i2d(exts, NID_key_usage, bits, 1, 0);
out:
	ASN1_BIT_STRING_free(bits);
	return rv;
}

/* Time stamps want it critical, and no other purpose (RFC 3161 section 2.3). */
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
	const STACK_OF(ASN1_OBJECT) *more = t->extra.purposes;
	EXTENDED_KEY_USAGE *eku;
	size_t i, j;
	int critical, k, rv = 0;

	if (t->ca || cs_calls_signs(t))
		return 1;
	if ((eku = sk_ASN1_OBJECT_new_null()) == NULL)
		return 0;
	for (i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++)
		for (j = 0; strcmp(purposes[i].profile, t->profile) == 0 &&
		     j < 2 && purposes[i].nid[j] != NID_undef;
		     j++)
			if (sk_ASN1_OBJECT_push(eku,
				OBJ_nid2obj(purposes[i].nid[j])) <= 0)
				goto out;
	for (k = 0; k < sk_ASN1_OBJECT_num(more); k++)
		if (sk_ASN1_OBJECT_push(eku, sk_ASN1_OBJECT_value(more, k)) <=
		    0)
			goto out;
	critical = sk_ASN1_OBJECT_num(eku) == 1 &&
	    OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, 0)) == NID_time_stamp;
	rv = X509V3_add1_i2d(exts, NID_ext_key_usage, eku, critical, 0);
out:
	sk_ASN1_OBJECT_free(eku);
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

/* Those that a profile has as they are. */
static int
addgivenexts(STACK_OF(X509_EXTENSION) **exts,
    const struct certstore_template *t)
{
	const STACK_OF(X509_EXTENSION) *given = t->extra.exts;
	int i;

	for (i = 0; i < sk_X509_EXTENSION_num(given); i++)
		if (X509v3_add_ext(exts, sk_X509_EXTENSION_value(given, i),
			-1) == NULL)
			return 0;
	return 1;
}

/* All extensions but the key identifiers. */
STACK_OF(X509_EXTENSION) *
cs_extension_make(const struct certstore_template *t, EVP_PKEY *pkey,
    int nosubject, struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	unsigned int usage = CS_USAGE_CERTS | CS_USAGE_CRLS;
	char type[80];

	if (!t->ca)
		usage = cs_extension_usage(t->profile, t->extra.usage, pkey);
	if (usage == 0) {
		cs_key_name(pkey, type, sizeof(type));
		cs_fail(err, CERTSTORE_EREFUSED,
		    "the keyusage of the profile has no use for a key of type "
		    "%s: add digitalSignature to it, or use another type",
		    type);
		return NULL;
	}
	if (addbasicconstraints(&exts, t) == 1 &&
	    addkeyusage(&exts, usage) == 1 && addextkeyusage(&exts, t) == 1 &&
	    addsans(&exts, t, nosubject) == 1 && addcalls(&exts, t) == 1 &&
	    addconstraints(&exts, t) == 1 && addgivenexts(&exts, t) == 1)
		return exts;
	cs_fail_crypto(err, CERTSTORE_ECRYPTO, "the extensions cannot be made");
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return NULL;
}

/* A URL as the only name: NULL without memory. */
static GENERAL_NAMES *
makeurlname(const char *url)
{
	GENERAL_NAMES *names;
	GENERAL_NAME *gen;

	if ((names = sk_GENERAL_NAME_new_null()) == NULL)
		return NULL;
	gen = cs_asn1_name(CS_SAN_URI, url, strlen(url));
	if (gen != NULL && sk_GENERAL_NAME_push(names, gen) > 0)
		return names;
	GENERAL_NAME_free(gen);
	GENERAL_NAMES_free(names);
	return NULL;
}

/* Sets where the CRL of the issuer is (RFC 5280 section 4.2.1.13): 1 or 0. */
static int
setcrlurl(X509 *x509, const char *url)
{
	CRL_DIST_POINTS *points;
	DIST_POINT *point = NULL;
	int rv = 0;

	if ((points = sk_DIST_POINT_new_null()) == NULL ||
	    (point = DIST_POINT_new()) == NULL ||
	    (point->distpoint = DIST_POINT_NAME_new()) == NULL)
		goto out;
	point->distpoint->type = FULL_NAME;
	point->distpoint->name.fullname = makeurlname(url);
	if (point->distpoint->name.fullname == NULL ||
	    sk_DIST_POINT_push(points, point) <= 0)
		goto out;
	point = NULL;
	rv = X509_add1_ext_i2d(x509, NID_crl_distribution_points, points, 0,
	    X509V3_ADD_REPLACE);
out:
	DIST_POINT_free(point);
	CRL_DIST_POINTS_free(points);
	return rv == 1;
}

/* Removes the places of the issuer's certificate, but not those of OCSP. */
static void
dropcaissuers(AUTHORITY_INFO_ACCESS *places)
{
	int i;

	for (i = sk_ACCESS_DESCRIPTION_num(places); i > 0; i--)
		if (OBJ_obj2nid(
			sk_ACCESS_DESCRIPTION_value(places, i - 1)->method) ==
		    NID_ad_ca_issuers)
			ACCESS_DESCRIPTION_free(
			    sk_ACCESS_DESCRIPTION_delete(places, i - 1));
}

/* Sets where the certificate of the issuer is (RFC 5280 section 4.2.2.1): 1 or
 * 0. */
static int
setaiaurl(X509 *x509, const char *url)
{
	AUTHORITY_INFO_ACCESS *places;
	ACCESS_DESCRIPTION *ad = NULL;
	int rv = 0;

	places = X509_get_ext_d2i(x509, NID_info_access, NULL, NULL);
	if (places == NULL)
		places = sk_ACCESS_DESCRIPTION_new_null();
	if (places == NULL || (ad = ACCESS_DESCRIPTION_new()) == NULL)
		goto out;
	dropcaissuers(places);
	ASN1_OBJECT_free(ad->method);
	ad->method = OBJ_nid2obj(NID_ad_ca_issuers);
	GENERAL_NAME_free(ad->location);
	ad->location = cs_asn1_name(CS_SAN_URI, url, strlen(url));
	if (ad->location == NULL || sk_ACCESS_DESCRIPTION_push(places, ad) <= 0)
		goto out;
	ad = NULL;
	rv = X509_add1_ext_i2d(x509, NID_info_access, places, 0,
	    X509V3_ADD_REPLACE);
out:
	ACCESS_DESCRIPTION_free(ad);
	AUTHORITY_INFO_ACCESS_free(places);
	return rv == 1;
}

/* Sets the URLs that the issuer has as properties, if any: 1 or 0. */
int
cs_extension_pointers(X509 *x509, const struct cs_issuer *is)
{
	const struct cs_info *info = &is->entry.info;

	return (info->crlurl == NULL || cs_pointer_flaw(info->crlurl) != NULL ||
		   setcrlurl(x509, info->crlurl)) &&
	    (info->aiaurl == NULL || cs_pointer_flaw(info->aiaurl) != NULL ||
		setaiaurl(x509, info->aiaurl));
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
