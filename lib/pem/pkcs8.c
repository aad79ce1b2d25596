/*
 * pkcs8.c: private keys of version 2 (RFC 5958), as BoringSSL, ring and Java
 * write them.
 */
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include "pem/private.h"

#define UNCOMPRESSED 0x04 /* SEC 1, section 2.3.3 */
#define SEQUENCE 0x30	  /* tag octets */
#define CONSTRUCTED 0x20
#define CONTEXT 0x80

/* Reads an element at *p and moves *p after it.  Its tag octet, or -1. */
static int
nextelement(const unsigned char **p, const unsigned char *end,
    const unsigned char **contents, long *len)
{
	const unsigned char *start = *p;
	int class, tag;

	if (start >= end)
		return -1;
	*contents = start;
	if ((ASN1_get_object(contents, len, &tag, &class, end - start) &
		0x81) != 0)
		return -1;
	*p = *contents + *len;
	return *start;
}

/*
 * Whether a BIT STRING is the public key of this private key.  outer is its tag
 * octet: IMPLICIT, or EXPLICIT, which ring writes.
 */
static int
ispublic(const PKCS8_PRIV_KEY_INFO *p8, int outer, const unsigned char *bits,
    long len)
{
	const unsigned char *end = bits + len, *p = bits, *mine;
	X509_PUBKEY *pub = NULL;
	EVP_PKEY *pkey;
	int minelen, same = 0;

	if (outer == (CONTEXT | CONSTRUCTED | 1) &&
	    (nextelement(&p, end, &bits, &len) != V_ASN1_BIT_STRING ||
		p != end))
		return 0;
	if (len < 2 || bits[0] != 0)
		return 0;
	if ((pkey = EVP_PKCS82PKEY_ex(p8, NULL, NULL)) == NULL)
		return 0;
	if (X509_PUBKEY_set(&pub, pkey) == 1 &&
	    X509_PUBKEY_get0_param(NULL, &mine, &minelen, NULL, pub) == 1)
		same = len - 1 != minelen ?
		    bits[1] == UNCOMPRESSED - 1 || bits[1] == UNCOMPRESSED - 2 :
		    memcmp(bits + 1, mine, (size_t)minelen) == 0;
	X509_PUBKEY_free(pub);
	EVP_PKEY_free(pkey);
	return same;
}

/*
 * Parses a private key of version 2, which may have its public key in it
 * (RFC 5958 section 2).  It is rewritten as version 1, which libcrypto parses.
 * NULL if it is something else.
 */
PKCS8_PRIV_KEY_INFO *
cs_pkcs8_version2(const unsigned char *der, size_t len)
{
	static const unsigned char one[] = { V_ASN1_INTEGER, 1, 1 };
	const unsigned char *end, *key, *p = der, *q, *body;
	unsigned char *v1 = NULL, *w;
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	long n, keylen;
	int tag, size;

	if (len > CERTSTORE_INPUT_MAX ||
	    nextelement(&p, der + len, &body, &n) != SEQUENCE || p != der + len)
		return NULL;
	end = p;
	if (end - body < (long)sizeof(one) ||
	    memcmp(body, one, sizeof(one)) != 0)
		return NULL;
	body = q = body + sizeof(one);
	if (nextelement(&q, end, &key, &keylen) != SEQUENCE ||
	    nextelement(&q, end, &key, &keylen) != V_ASN1_OCTET_STRING)
		return NULL;
	keylen = q - body;
	/* the attributes, which are ignored, and the public key */
	if ((tag = nextelement(&q, end, &key, &n)) ==
	    (CONTEXT | CONSTRUCTED | 0))
		tag = nextelement(&q, end, &key, &n);
	if (q != end || (tag != -1 && (tag & ~CONSTRUCTED) != (CONTEXT | 1)))
		return NULL;
	size = ASN1_object_size(1, (int)(keylen + (long)sizeof(one)),
	    V_ASN1_SEQUENCE);
	if ((v1 = OPENSSL_malloc((size_t)size)) == NULL)
		return NULL;
	w = v1;
	ASN1_put_object(&w, 1, (int)(keylen + (long)sizeof(one)),
	    V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	memcpy(w, one, sizeof(one));
	w[sizeof(one) - 1] = 0;
	memcpy(w + sizeof(one), body, (size_t)keylen);
	q = v1;
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &q, size);
	OPENSSL_clear_free(v1, (size_t)size);
	if (p8 != NULL && tag != -1 && !ispublic(p8, tag, key, n)) {
		PKCS8_PRIV_KEY_INFO_free(p8);
		p8 = NULL;
	}
	return p8;
}
