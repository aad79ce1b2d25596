/*
 * container.c: extracts certificates and keys from PKCS#7 (RFC 5652) and
 * PKCS#12 (RFC 7292).
 */
#include <limits.h>
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs12err.h>

#include "pem/private.h"

#define DEPTH_MAX 4   /* of bags within bags */
#define LOCKED_MAX 32 /* encrypted parts in one PKCS#12 */
#define WHERE_LEN 1024

/* A PKCS#12 that is opened with one passphrase. */
struct safe {
	struct cs_reader *r;
	char where[WHERE_LEN];
	const char *pass;
	int passlen;
	struct cs_old old; /* for old ciphers */
	int locked;	   /* number of encrypted parts so far */
};

/* Adds a certificate, or a private key in PKCS#8. */
static int
additem(struct cs_reader *r, enum cs_pem_type type, const void *item)
{
	int iskey = type == CS_PEM_KEY, len, rv;
	unsigned char *der = NULL;

	if ((len = ASN1_item_i2d(item, &der,
		 iskey ? ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO) :
			 ASN1_ITEM_rptr(X509))) <= 0)
		return cs_fail_crypto(r->err, CERTSTORE_ECRYPTO,
		    "%s: a %s cannot be encoded", r->proto.label,
		    iskey ? "key" : "certificate");
	rv = cs_item_add(r->list, &r->proto, type, der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	return rv == -1 ? cs_fail_nomem(r->err) : 0;
}

static int
openpkcs7(struct cs_reader *r, const unsigned char *der, size_t len)
{
	STACK_OF(X509) *certs = NULL;
	CMS_ContentInfo *cms = NULL;
	const unsigned char *p = der;
	int i, rv = -1;

	cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
	if (cms == NULL || p != der + len) {
		cs_item_refuse(r, r->proto.line,
		    "PKCS#7 that cannot be read (RFC 5652): copy it again");
		goto out;
	}
	certs = CMS_get1_certs(cms);
	if (certs == NULL || sk_X509_num(certs) == 0) {
		cs_item_refuse(r, r->proto.line,
		    "PKCS#7 without certificates: use the file that holds "
		    "them");
		goto out;
	}
	for (i = 0; i < sk_X509_num(certs); i++) {
		if (additem(r, CS_PEM_CERT, sk_X509_value(certs, i)) == -1)
			goto out;
	}
	rv = 0;
out:
	sk_X509_pop_free(certs, X509_free);
	CMS_ContentInfo_free(cms);
	return rv;
}

static int
failcipher(struct safe *s, const X509_ALGOR *alg)
{
	const ASN1_OBJECT *obj;
	char name[128];

	X509_ALGOR_get0(&obj, NULL, NULL, alg);
	OBJ_obj2txt(name, sizeof(name), obj, 0);
	return cs_item_refuse(s->r, s->r->proto.line,
	    "PKCS#12 encrypted with %s, which %s: export it again with AES",
	    name,
	    s->old.ctx == NULL ? "needs OpenSSL's legacy provider" :
				 "libcrypto cannot open");
}

/* Decrypts and parses: 1, 0 if the passphrase is wrong, -1. */
static int
unlock(struct safe *s, const X509_ALGOR *alg, const ASN1_OCTET_STRING *data,
    const ASN1_ITEM *it, void **out)
{
	int rv;

	if (++s->locked > LOCKED_MAX)
		return cs_item_refuse(s->r, s->r->proto.line,
		    "PKCS#12 with more than %d encrypted parts: export it in "
		    "several files",
		    LOCKED_MAX);
	if (cs_decrypt_check(s->where, alg, s->r->err) == -1)
		return -1;
	rv = cs_decrypt_item(&s->old, alg, data, it, s->pass, s->passlen, out);
	return rv == -1 ? failcipher(s, alg) : rv;
}

static int
takeshrouded(struct safe *s, const X509_SIG *sig)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	const ASN1_OCTET_STRING *data;
	const X509_ALGOR *alg;
	void *plain = NULL;
	int rv;

	X509_SIG_get0(sig, &alg, &data);
	rv = unlock(s, alg, data, ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO), &plain);
	if (rv != 1)
		return rv;
	p8 = plain;
	rv = additem(s->r, CS_PEM_KEY, p8) == -1 ? -1 : 1;
	PKCS8_PRIV_KEY_INFO_free(p8);
	return rv;
}

static int
takecertbag(struct safe *s, const PKCS12_SAFEBAG *bag)
{
	X509 *x509;
	int rv;

	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return 1;
	if ((x509 = PKCS12_SAFEBAG_get1_cert(bag)) == NULL)
		return cs_item_refuse(s->r, s->r->proto.line,
		    "PKCS#12 with a certificate that cannot be read: export it "
		    "again");
	rv = additem(s->r, CS_PEM_CERT, x509) == -1 ? -1 : 1;
	X509_free(x509);
	return rv;
}

/*
 * Adds the certificates and keys of a SafeContents, RFC 7292 section 4.2: 1, 0
 * if the passphrase is wrong, -1.
 */
static int
takebags(struct safe *s, const STACK_OF(PKCS12_SAFEBAG) *bags, int depth)
{
	const PKCS12_SAFEBAG *bag;
	const PKCS8_PRIV_KEY_INFO *p8;
	const X509_SIG *sig;
	int i, rv = 1;

	if (depth > DEPTH_MAX)
		return cs_item_refuse(s->r, s->r->proto.line,
		    "PKCS#12 with bags within bags within bags: export it "
		    "again");
	for (i = 0; rv == 1 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		bag = sk_PKCS12_SAFEBAG_value(bags, i);
		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_keyBag:
			if ((p8 = PKCS12_SAFEBAG_get0_p8inf(bag)) != NULL &&
			    additem(s->r, CS_PEM_KEY, p8) == -1)
				rv = -1;
			break;
		case NID_pkcs8ShroudedKeyBag:
			if ((sig = PKCS12_SAFEBAG_get0_pkcs8(bag)) != NULL)
				rv = takeshrouded(s, sig);
			break;
		case NID_certBag:
			rv = takecertbag(s, bag);
			break;
		case NID_safeContentsBag:
			rv = takebags(s, PKCS12_SAFEBAG_get0_safes(bag),
			    depth + 1);
			break;
		}
	}
	return rv;
}

/* The same for one part of the AuthenticatedSafe, RFC 7292 section 4.1. */
static int
takepart(struct safe *s, PKCS7 *p7)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	const PKCS7_ENC_CONTENT *enc;
	void *plain = NULL;
	int rv;

	if (PKCS7_type_is_data(p7)) {
		bags = PKCS12_unpack_p7data(p7);
	} else if (PKCS7_type_is_encrypted(p7) && p7->d.encrypted != NULL &&
	    (enc = p7->d.encrypted->enc_data) != NULL &&
	    enc->algorithm != NULL && enc->enc_data != NULL) {
		rv = unlock(s, enc->algorithm, enc->enc_data,
		    ASN1_ITEM_rptr(PKCS12_SAFEBAGS), &plain);
		if (rv != 1)
			return rv;
		bags = plain;
	}
	if (bags == NULL)
		return cs_item_refuse(s->r, s->r->proto.line,
		    "PKCS#12 with a part that no passphrase opens: export it "
		    "again");
	rv = takebags(s, bags, 0);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return rv;
}

static int
checkmac(struct safe *s, PKCS12 *p12)
{
	const ASN1_INTEGER *iter;
	const X509_ALGOR *alg;
	uint64_t n = 1;
	int rv;

	PKCS12_get0_mac(NULL, &alg, NULL, &iter, p12);
	if (iter != NULL &&
	    (ASN1_INTEGER_get_uint64(&n, iter) != 1 || n > CS_ITERATIONS_MAX))
		return cs_item_refuse(s->r, s->r->proto.line,
		    "opening it would take more than %d iterations: export it "
		    "again with fewer",
		    CS_ITERATIONS_MAX);
	rv = PKCS12_verify_mac(p12, s->pass, s->passlen);
	if (rv != 1 && ERR_peek_error() != 0) {
		ERR_clear_error();
		return cs_item_refuse(s->r, s->r->proto.line,
		    "PKCS#12 with a MAC that libcrypto cannot verify: export "
		    "it again with SHA-256");
	}
	return rv == 1;
}

/* Opens it with one passphrase: 1, 0 if the passphrase is wrong, -1. */
static int
trypassphrase(struct safe *s, PKCS12 *p12, const char *pass, int passlen)
{
	STACK_OF(PKCS7) *parts = NULL;
	size_t before = s->r->list->n;
	int i, rv = 1;

	s->pass = pass;
	s->passlen = passlen;
	s->locked = 0;
	if (PKCS12_mac_present(p12) && (rv = checkmac(s, p12)) != 1)
		return rv;
	if ((parts = PKCS12_unpack_authsafes(p12)) == NULL)
		return cs_item_refuse(s->r, s->r->proto.line,
		    "PKCS#12 that cannot be read (RFC 7292): copy it again");
	for (i = 0; rv == 1 && i < sk_PKCS7_num(parts); i++)
		rv = takepart(s, sk_PKCS7_value(parts, i));
	sk_PKCS7_pop_free(parts, PKCS7_free);
	if (rv != 1)
		cs_item_drop(s->r->list, before);
	return rv;
}

/* Records the passphrase of the file with each key from it. */
static int
notepassphrases(struct cs_reader *r, size_t before, const char *pass, int len)
{
	size_t i;

	for (i = before; i < r->list->n && len > 0; i++) {
		if (r->list->v[i].type != CS_PEM_KEY)
			continue;
		r->list->v[i].passphrase = strndup(pass, (size_t)len);
		if (r->list->v[i].passphrase == NULL)
			return cs_fail_nomem(r->err);
	}
	return 0;
}

/*
 * Opens it without a passphrase, then with an empty one, then with the one that
 * is asked for, in all its forms: 1, -1.
 */
static int
tryforms(struct safe *s, PKCS12 *p12)
{
	size_t before = s->r->list->n;
	struct cs_opener o;
	int rv;

	if ((rv = trypassphrase(s, p12, NULL, 0)) != 0 ||
	    (rv = trypassphrase(s, p12, "", 0)) != 0)
		return rv;
	if (cs_decrypt_ask(s->where, s->r->pass, &o, "the file is",
		s->r->err) == -1)
		return -1;
	while (rv == 0 && cs_decrypt_form(&o))
		rv = trypassphrase(s, p12, o.pass, o.passlen);
	if (rv == 0)
		rv = cs_fail(s->r->err, CERTSTORE_EPASSPHRASE,
		    "%s: the passphrase does not open it", s->where);
	else if (rv == 1 &&
	    notepassphrases(s->r, before, o.pass, o.passlen) == -1)
		rv = -1;
	cs_decrypt_wipe(&o);
	return rv;
}

static int
openpkcs12(struct cs_reader *r, const unsigned char *der, size_t len)
{
	struct safe s = { .r = r };
	PKCS12 *p12 = NULL;
	const unsigned char *p = der;
	size_t before = r->list->n;
	int rv = -1;

	cs_item_where(&r->proto, s.where, sizeof(s.where));
	if ((p12 = d2i_PKCS12(NULL, &p, (long)len)) == NULL || p != der + len) {
		cs_item_refuse(r, r->proto.line,
		    "PKCS#12 that cannot be read (RFC 7292): copy it again");
		goto out;
	}
	if (tryforms(&s, p12) == -1)
		goto out;
	if (r->list->n == before) {
		cs_item_refuse(r, r->proto.line,
		    "PKCS#12 without certificates and keys: export it again");
		goto out;
	}
	rv = 0;
out:
	PKCS12_free(p12);
	cs_decrypt_old_done(&s.old);
	return rv;
}

int
cs_container_open(struct cs_reader *r, enum cs_pem_type type,
    const unsigned char *der, size_t len)
{
	int rv = 0;

	ERR_clear_error();
	if (type == CS_PEM_PKCS7)
		rv = openpkcs7(r, der, len);
	else if (type == CS_PEM_PKCS12)
		rv = openpkcs12(r, der, len);
	else if (cs_item_add(r->list, &r->proto, type, der, len) == -1)
		rv = cs_fail_nomem(r->err);
	ERR_clear_error();
	return rv;
}
