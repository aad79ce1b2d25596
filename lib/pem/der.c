/*
 * der.c: finds the length of a DER structure, and its type by the tags of its
 * first elements.  libcrypto checks the contents later.
 */
#include <string.h>

#include "pem/private.h"

#define INTEGER 0x02
#define BITSTRING 0x03
#define OCTETSTRING 0x04
#define OID 0x06
#define UTCTIME 0x17
#define GENTIME 0x18
#define SEQUENCE 0x30
#define CONTEXT0 0xa0

#define NTAGS 6 /* enough to tell the types apart */

struct tlv {
	unsigned char tag;
	const unsigned char *p; /* the contents */
	size_t len;
	size_t header;
};

/*
 * Reads the header of an element at p: 1, 0 if its length is indefinite (X.690
 * 8.1.3.6), -1 if it is malformed.  The contents may be longer than n.
 */
static int
readtlv(const unsigned char *p, size_t n, struct tlv *t)
{
	size_t i, octets;

	if (n < 2 || (p[0] & 0x1f) == 0x1f)
		return -1;
	t->tag = p[0];
	t->len = p[1];
	t->header = 2;
	t->p = p + 2;
	if (p[1] < 0x80)
		return 1;
	if (p[1] == 0x80) {
		t->len = n - 2;
		return 0;
	}
	octets = p[1] & 0x7f;
	if (octets > 4 || n < 2 + octets)
		return -1;
	t->len = 0;
	for (i = 0; i < octets; i++)
		t->len = t->len << 8 | p[2 + i];
	t->header += octets;
	t->p += octets;
	return 1;
}

/* Writes the tags of the first NTAGS elements in t, then zeros. */
static void
tagsof(const struct tlv *t, unsigned char tags[NTAGS])
{
	struct tlv el;
	size_t i, pos = 0;

	memset(tags, 0, NTAGS);
	for (i = 0; i < NTAGS; i++) {
		if (pos >= t->len ||
		    readtlv(t->p + pos, t->len - pos, &el) == -1)
			return;
		tags[i] = el.tag;
		if (el.len > t->len - pos - el.header)
			return;
		pos += el.header + el.len;
	}
}

static int
istime(unsigned char tag)
{
	return tag == UTCTIME || tag == GENTIME;
}

/*
 * The type of a signed structure, by the tags in it: certificate, CRL or
 * request, or -1.
 */
static int
signedtype(const struct tlv *outer)
{
	unsigned char t[NTAGS];
	struct tlv tbs;

	/* tagsof() has passed over it, so it is whole */
	if (readtlv(outer->p, outer->len, &tbs) == -1)
		return -1;
	tagsof(&tbs, t);
	if (t[0] == CONTEXT0)
		return CS_PEM_CERT;
	if (t[0] == SEQUENCE && t[1] == SEQUENCE && istime(t[2]))
		return CS_PEM_CRL;
	if (t[0] != INTEGER || t[1] != SEQUENCE || t[2] != SEQUENCE)
		return -1;
	if (istime(t[3]))
		return CS_PEM_CRL;
	if (t[3] == CONTEXT0 || t[3] == 0)
		return CS_PEM_CSR;
	return t[3] == SEQUENCE ? CS_PEM_CERT : -1; /* X.509 version 1 */
}

/*
 * The type of a structure that begins with an INTEGER: a private key (RFC 5958,
 * 5915, 8017) or PKCS#12 (RFC 7292), or -1.
 */
static int
numberedtype(const struct tlv *outer, const unsigned char t[NTAGS])
{
	size_t i;

	if (t[1] == OCTETSTRING || (t[1] == SEQUENCE && t[2] == OCTETSTRING))
		return CS_PEM_KEY;
	if (t[1] == SEQUENCE && memcmp(outer->p, "\2\1\3", 3) == 0)
		return CS_PEM_PKCS12;
	for (i = 0; i < NTAGS; i++) {
		if (t[i] != INTEGER)
			return -1;
	}
	return CS_PEM_KEY;
}

int
cs_der_type(const unsigned char *p, size_t n)
{
	unsigned char t[NTAGS];
	struct tlv outer;

	if (readtlv(p, n, &outer) == -1 || outer.tag != SEQUENCE ||
	    outer.len > n - outer.header || outer.len < 4)
		return -1;
	tagsof(&outer, t);
	if (t[0] == OID)
		return CS_PEM_PKCS7;
	if (t[0] == INTEGER)
		return numberedtype(&outer, t);
	if (t[0] != SEQUENCE)
		return -1;
	if (t[1] == SEQUENCE && t[2] == BITSTRING && t[3] == 0)
		return signedtype(&outer);
	if (t[1] == OCTETSTRING && t[2] == 0)
		return CS_PEM_KEY_PKCS8ENC;
	if (t[1] == BITSTRING && t[2] == 0)
		return CS_PEM_PUBKEY;
	return -1;
}

int
cs_der_total(const unsigned char *p, size_t n, size_t *total)
{
	struct tlv t;
	int rv;

	rv = readtlv(p, n, &t);
	if (rv == -1 || t.tag != SEQUENCE)
		return -1;
	*total = t.header + t.len;
	return rv;
}

/*
 * Whether an input is DER and not text.  The tag of SEQUENCE is also the digit
 * "0", so the length or the bytes after it must not be text.
 */
int
cs_der_looks(const unsigned char *p, size_t n)
{
	if (n < 2 || p[0] != SEQUENCE || p[1] == 0)
		return 0;
	if (p[1] >= 0x80)
		return p[1] <= 0x84;
	return n >= 4 && (p[2] == INTEGER || p[2] == OID || p[2] == SEQUENCE) &&
	    p[3] < ' ' && (p[3] < '\t' || p[3] > '\r');
}

const char *
cs_der_name(int type)
{
	switch (type) {
	case CS_PEM_CERT:
		return "a certificate";
	case CS_PEM_KEY:
	case CS_PEM_KEY_DEK:
		return "a private key";
	case CS_PEM_KEY_PKCS8ENC:
		return "an encrypted private key";
	case CS_PEM_CSR:
		return "a certificate request";
	case CS_PEM_CRL:
		return "a revocation list (CRL)";
	case CS_PEM_PUBKEY:
		return "a public key";
	case CS_PEM_PKCS7:
		return "PKCS#7";
	case CS_PEM_PKCS12:
		return "PKCS#12";
	default:
		return "something else";
	}
}
