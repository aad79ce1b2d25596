/*
 * tnauth.c: the TNAuthList of a certificate that signs calls, RFC 8226 section
 * 9: the service provider codes and telephone numbers that it may sign for.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "x509/private.h"

#define OID "1.3.6.1.5.5.7.1.26"
#define ANYTAG 0

/*
 *	TNEntry ::= CHOICE {
 *		spc	[0] IA5String,
 *		range	[1] SEQUENCE { start IA5String, count INTEGER, ... },
 *		one	[2] IA5String }		-- tags are explicit
 *
 * A template of a SEQUENCE refuses what may follow count, so that a range is
 * taken as a list of any elements.
 */
typedef struct {
	int type;
	union {
		ASN1_IA5STRING *spc;
		ASN1_SEQUENCE_ANY *range;
		ASN1_IA5STRING *one;
	} d;
} TNENTRY;
enum { SPC, RANGE, ONE };

DEFINE_STACK_OF(TNENTRY)
typedef STACK_OF(TNENTRY) TNLIST;

ASN1_CHOICE(TNENTRY) = {
	ASN1_EXP(TNENTRY, d.spc, ASN1_IA5STRING, SPC),
	ASN1_EXP(TNENTRY, d.range, ASN1_SEQUENCE_ANY, RANGE),
	ASN1_EXP(TNENTRY, d.one, ASN1_IA5STRING, ONE),
} static_ASN1_CHOICE_END(TNENTRY)

ASN1_ITEM_TEMPLATE(TNLIST) = ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF,
    ANYTAG, TNLIST, TNENTRY)
static_ASN1_ITEM_TEMPLATE_END(TNLIST)

/* The i-th such extension of a certificate, from 0, or NULL. */
static X509_EXTENSION *
findtnauth(const X509 *x509, int i)
{
	ASN1_OBJECT *obj;
	int at = -1;

	if ((obj = OBJ_txt2obj(OID, 1)) == NULL)
		return NULL;
	do
		at = X509_get_ext_by_OBJ(x509, obj, at);
	while (at >= 0 && i-- > 0);
	ASN1_OBJECT_free(obj);
	return at < 0 ? NULL : X509_get_ext(x509, at);
}

int
cs_tnauth_isin(const X509 *x509)
{
	return findtnauth(x509, 0) != NULL;
}

static void
freelist(TNLIST *list)
{
	ASN1_item_free((ASN1_VALUE *)list, ASN1_ITEM_rptr(TNLIST));
}

/* DER has one encoding: what libcrypto makes of it again must be the same. */
static TNLIST *
decodelist(const ASN1_OCTET_STRING *s)
{
	const unsigned char *data = ASN1_STRING_get0_data(s), *p = data;
	long len = ASN1_STRING_length(s);
	unsigned char *again = NULL;
	ASN1_VALUE *list;

	list = ASN1_item_d2i(NULL, &p, len, ASN1_ITEM_rptr(TNLIST));
	if (list != NULL &&
	    (p != data + len ||
		ASN1_item_i2d(list, &again, ASN1_ITEM_rptr(TNLIST)) != len ||
		memcmp(again, data, (size_t)len) != 0)) {
		ASN1_item_free(list, ASN1_ITEM_rptr(TNLIST));
		list = NULL;
	}
	OPENSSL_free(again);
	ERR_clear_error();
	return (TNLIST *)list;
}

static int
isascii7(const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int i, len = ASN1_STRING_length(s);

	for (i = 0; i < len && p[i] < 0x80; i++)
		;
	return i == len;
}

/* These add what an entry stands for: 0, -1 no memory; or *why it is bad. */

static int
takespc(struct cs_tnauth *out, const ASN1_IA5STRING *s, const char **why)
{
	struct cs_buf text = { 0 };
	int rv;

	if (ASN1_STRING_length(s) == 0 || !isascii7(s)) {
		*why = ASN1_STRING_length(s) == 0 ?
		    "a service provider code is empty" :
		    "a service provider code is not ASCII";
		return 0;
	}
	rv = cs_print_escape(&text, ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s));
	if (rv == 0)
		rv = cs_strings_add(&out->spc, text.p);
	cs_buf_free(&text);
	return rv;
}

static int
takenumber(struct cs_tnauth *out, const ASN1_IA5STRING *s, const char **why)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	char text[CS_TEL_MAX + 1];
	size_t len = (size_t)ASN1_STRING_length(s);

	if (!cs_tel_isnumber(p, len)) {
		*why = "a telephone number is not 1 to 15 of 0-9, * and #";
		return 0;
	}
	snprintf(text, sizeof(text), "%.*s", (int)len, p);
	return cs_strings_add(&out->tn, text);
}

static int
takerange(struct cs_tnauth *out, const ASN1_SEQUENCE_ANY *range,
    const char **why)
{
	const ASN1_TYPE *count = NULL, *start = NULL;
	const ASN1_STRING *s;
	char text[2 * CS_TEL_MAX + 8];
	uint64_t n;
	size_t len;

	if (sk_ASN1_TYPE_num(range) >= 2) {
		start = sk_ASN1_TYPE_value(range, 0);
		count = sk_ASN1_TYPE_value(range, 1);
	}
	if (start == NULL || start->type != V_ASN1_IA5STRING ||
	    count->type != V_ASN1_INTEGER) {
		*why = "a range is not a number and a count";
		return 0;
	}
	s = start->value.ia5string;
	len = (size_t)ASN1_STRING_length(s);
	if (ASN1_INTEGER_get_uint64(&n, count->value.integer) != 1)
		n = ASN1_STRING_type(count->value.integer) == V_ASN1_INTEGER ?
		    UINT64_MAX :
		    0;
	*why = cs_tel_rangeflaw((const char *)ASN1_STRING_get0_data(s), len, n);
	if (*why != NULL)
		return 0;
	snprintf(text, sizeof(text), "%.*s+%llu", (int)len,
	    (const char *)ASN1_STRING_get0_data(s), (unsigned long long)n);
	return cs_strings_add(&out->tn, text);
}

static int
takeentry(struct cs_tnauth *out, const TNENTRY *entry, const char **why)
{
	switch (entry->type) {
	case SPC:
		return takespc(out, entry->d.spc, why);
	case RANGE:
		return takerange(out, entry->d.range, why);
	default:
		return takenumber(out, entry->d.one, why);
	}
}

int
cs_tnauth_read(const X509 *x509, struct cs_tnauth *out, const char **why)
{
	X509_EXTENSION *ext = findtnauth(x509, 0);
	TNLIST *list = NULL;
	int i, rv = 0;

	memset(out, 0, sizeof(*out));
	*why = NULL;
	if (ext == NULL)
		return 0;
	if (findtnauth(x509, 1) != NULL)
		*why = "it is there twice";
	else if ((list = decodelist(X509_EXTENSION_get_data(ext))) == NULL)
		*why = "it is not in the form of RFC 8226 section 9";
	else if (sk_TNENTRY_num(list) == 0)
		*why = "it is empty";
	for (i = 0; i < sk_TNENTRY_num(list) && *why == NULL && rv == 0; i++)
		rv = takeentry(out, sk_TNENTRY_value(list, i), why);
	freelist(list);
	ERR_clear_error();
	if (rv == 0 && *why == NULL)
		return 1;
	cs_tnauth_free(out);
	return rv;
}

static int
hascode(const struct cs_tnauth *list, const char *code)
{
	size_t i;

	for (i = 0; i < list->spc.n; i++)
		if (strcasecmp(list->spc.v[i], code) == 0)
			return 1;
	return 0;
}

static int
hasnumbers(const struct cs_tnauth *list, const char *numbers)
{
	size_t i;

	for (i = 0; i < list->tn.n; i++)
		if (cs_tel_covers(list->tn.v[i], numbers) > 0)
			return 1;
	return 0;
}

const char *
cs_tnauth_outside(const struct cs_tnauth *list, const struct cs_tnauth *issuer)
{
	size_t i;

	for (i = 0; i < list->spc.n; i++)
		if (!hascode(issuer, list->spc.v[i]))
			return list->spc.v[i];
	for (i = 0; i < list->tn.n; i++)
		if (!hasnumbers(issuer, list->tn.v[i]))
			return list->tn.v[i];
	return NULL;
}

void
cs_tnauth_free(struct cs_tnauth *list)
{
	cs_strings_free(&list->spc);
	cs_strings_free(&list->tn);
}
