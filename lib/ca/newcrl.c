/*
 * newcrl.c: makes a CRL, version 2 (RFC 5280 section 5): the revocations that are
 * recorded in revoked/SPKI, the authority key identifier and the CRL number.
 */
#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "ca/private.h"

#define NREASON 11 /* of CRLReason */

/* A CRL while revocations are added to it. */
struct filling {
	X509_CRL *crl;
	const struct cs_crlinfo *info;
	int64_t since; /* certificates that ended before are left out */
	size_t count;
	BIGNUM *bn; /* these are used again for each */
	ASN1_INTEGER *serial;
	ASN1_TIME *when;
	X509_EXTENSION *reason[NREASON];
	int bad; /* libcrypto failed */
};

/* The entry extension for a reason, made once (RFC 5280 section 5.3.1). */
static X509_EXTENSION *
findreason(struct filling *f, int reason)
{
	ASN1_ENUMERATED *value;

	if (reason < 0 || reason >= NREASON)
		return NULL;
	if (f->reason[reason] == NULL &&
	    (value = ASN1_ENUMERATED_new()) != NULL) {
		if (ASN1_ENUMERATED_set(value, reason) == 1)
			f->reason[reason] = X509V3_EXT_i2d(NID_crl_reason, 0,
			    value);
		ASN1_ENUMERATED_free(value);
	}
	return f->reason[reason];
}

/* "Unspecified" is left out. */
static int
addcrlreason(struct filling *f, X509_REVOKED *entry, int reason)
{
	X509_EXTENSION *ext;

	if (reason == 0)
		return 1;
	return (ext = findreason(f, reason)) != NULL &&
	    X509_REVOKED_add_ext(entry, ext, -1) == 1;
}

/*
 * Adds a revocation, if it is one of this issuer's name.  A certificate that
 * expired stays for one CRL after its end (RFC 5280 section 3.3).  0, -1.
 */
static int
addrevocation(void *arg, const struct cs_revocation *r)
{
	struct filling *f = arg;
	X509_REVOKED *entry;

	if (strcmp(r->issuer, f->info->issuer) != 0 ||
	    (r->ends != 0 && r->ends < f->since))
		return 0;
	if ((entry = X509_REVOKED_new()) != NULL &&
	    BN_hex2bn(&f->bn, r->serial) != 0 &&
	    BN_to_ASN1_INTEGER(f->bn, f->serial) != NULL &&
	    cs_sign_settime(f->when, r->when) == 0 &&
	    X509_REVOKED_set_serialNumber(entry, f->serial) == 1 &&
	    X509_REVOKED_set_revocationDate(entry, f->when) == 1 &&
	    addcrlreason(f, entry, r->reason) &&
	    X509_CRL_add0_revoked(f->crl, entry) == 1) {
		f->count++;
		return 0;
	}
	X509_REVOKED_free(entry);
	f->bad = 1;
	return -1;
}

/* The key identifier of the issuer, as in what it issues. */
static int
addkeyid(X509_CRL *crl, X509 *issuer)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(issuer);
	unsigned char md[EVP_MAX_MD_SIZE];
	AUTHORITY_KEYID *aki;
	unsigned int len;
	int rv = 0;

	if ((aki = AUTHORITY_KEYID_new()) == NULL)
		return 0;
	if (ski != NULL)
		aki->keyid = ASN1_OCTET_STRING_dup(ski);
	else if ((aki->keyid = ASN1_OCTET_STRING_new()) != NULL &&
	    (X509_pubkey_digest(issuer, EVP_sha1(), md, &len) != 1 ||
		ASN1_OCTET_STRING_set(aki->keyid, md, (int)len) != 1)) {
		ASN1_OCTET_STRING_free(aki->keyid);
		aki->keyid = NULL;
	}
	if (aki->keyid != NULL)
		rv = X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier,
			 aki, 0, X509V3_ADD_DEFAULT) == 1;
	AUTHORITY_KEYID_free(aki);
	return rv;
}

static int
addcrlnumber(X509_CRL *crl, uint64_t number)
{
	ASN1_INTEGER *value;
	int rv = 0;

	if ((value = ASN1_INTEGER_new()) != NULL &&
	    ASN1_INTEGER_set_uint64(value, number) == 1)
		rv = X509_CRL_add1_ext_i2d(crl, NID_crl_number, value, 0,
			 X509V3_ADD_DEFAULT) == 1;
	ASN1_INTEGER_free(value);
	return rv;
}

/* All but the revocations and the signature: 1 or 0. */
static int
begincrl(struct filling *f, X509 *issuer)
{
	const struct cs_crlinfo *info = f->info;

	return (f->crl = X509_CRL_new()) != NULL &&
	    (f->bn = BN_new()) != NULL &&
	    (f->serial = ASN1_INTEGER_new()) != NULL &&
	    (f->when = ASN1_TIME_new()) != NULL &&
	    X509_CRL_set_version(f->crl, X509_CRL_VERSION_2) == 1 &&
	    X509_CRL_set_issuer_name(f->crl, X509_get_subject_name(issuer)) ==
	    1 &&
	    cs_sign_settime(f->when, info->starts) == 0 &&
	    X509_CRL_set1_lastUpdate(f->crl, f->when) == 1 &&
	    cs_sign_settime(f->when, info->ends) == 0 &&
	    X509_CRL_set1_nextUpdate(f->crl, f->when) == 1 &&
	    addkeyid(f->crl, issuer) && addcrlnumber(f->crl, info->number);
}

/* Signs the CRL and encodes it: its length, or 0 or less. */
static int
endcrl(struct filling *f, EVP_PKEY *pkey, unsigned char **der)
{
	if (X509_CRL_sort(f->crl) != 1 ||
	    X509_CRL_sign(f->crl, pkey, cs_sign_digest(pkey)) <= 0)
		return 0;
	return i2d_X509_CRL(f->crl, der);
}

static void
freefilling(struct filling *f)
{
	size_t i;

	for (i = 0; i < NREASON; i++)
		X509_EXTENSION_free(f->reason[i]);
	X509_CRL_free(f->crl);
	BN_free(f->bn);
	ASN1_INTEGER_free(f->serial);
	ASN1_TIME_free(f->when);
	ERR_clear_error();
}

int
cs_newcrl_make(struct cs_buf *der, struct certstore *store,
    const struct cs_issuer *is, struct cs_crlinfo *info, int64_t since,
    struct certstore_error *err)
{
	struct filling f = { .info = info, .since = since };
	const char *name = is->entry.info.name;
	unsigned char *p = NULL;
	int len, rv = -1;

	ERR_clear_error();
	cs_progress(store, "making the CRL", 0, 0);
	/* before they are read: one that comes meanwhile is not counted */
	if (cs_crlinfo_recorded(store, info->spki, &info->recorded) == -1) {
		cs_fail_errno(err, "%s/revoked/%s", certstore_path(store),
		    info->spki);
		goto out;
	}
	f.bad = !begincrl(&f, sk_X509_value(is->certs, 0));
	if (!f.bad &&
	    cs_revoked_each(store, info->spki, addrevocation, &f, err) == -1 &&
	    !f.bad)
		goto out;
	cs_buf_reset(der);
	if (f.bad || (len = endcrl(&f, is->pkey, &p)) <= 0) {
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: the CRL cannot be made", name);
		goto out;
	}
	if (cs_buf_add(der, p, (size_t)len) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	info->count = f.count;
	rv = 0;
out:
	OPENSSL_free(p);
	freefilling(&f);
	return rv;
}

/* May it sign CRLs (RFC 5280 section 4.2.1.3)?  A CA that expired needs none: all
 * that it issued is refused. */
int
cs_newcrl_judge(const struct cs_issuer *is, struct certstore_error *err)
{
	const char *name = is->entry.info.name;
	X509 *x509 = sk_X509_value(is->certs, 0);
	char ends[CERTSTORE_TIME_LEN];

	if (cs_cert_is_ca(x509) != 1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is not a CA: it has no CRL", name);
	if ((X509_get_key_usage(x509) & KU_CRL_SIGN) == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its keyUsage does not allow it to sign CRLs (RFC "
		    "5280, section 4.2.1.3): use a CA that may",
		    name);
	if (cs_cert_ends(x509) < certstore_time_now())
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: expired at %s: renew it first", name,
		    certstore_time_format(cs_cert_ends(x509), ends));
	if (!is->entry.info.haskey)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its private key is not in the store: use cert-import "
		    "to add it",
		    name);
	return 0;
}
