/*
 * tnauth.c: the TNAuthList of a certificate that signs calls, RFC 8226 section
 * 9: the service provider codes and telephone numbers that it may sign for.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "x509/private.h"

#define OID "1.3.6.1.5.5.7.1.26"
#define ANYTAG 0
#define SHOWN_MAX 64 /* of a code, in a message */

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

/* The i-th such extension, from 0, or NULL. */
static X509_EXTENSION *
findtnauth(const STACK_OF(X509_EXTENSION) *exts, int i)
{
	ASN1_OBJECT *obj;
	int at = -1;

	if ((obj = OBJ_txt2obj(OID, 1)) == NULL)
		return NULL;
	do
		at = X509v3_get_ext_by_OBJ(exts, obj, at);
	while (at >= 0 && i-- > 0);
	ASN1_OBJECT_free(obj);
	return at < 0 ? NULL : sk_X509_EXTENSION_value(exts, at);
}

int
cs_tnauth_isin(const STACK_OF(X509_EXTENSION) *exts)
{
	return findtnauth(exts, 0) != NULL;
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
	char text[CS_TEL_RANGE_MAX + 1];
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
cs_tnauth_read(const STACK_OF(X509_EXTENSION) *exts, struct cs_tnauth *out,
    const char **why)
{
	X509_EXTENSION *ext = findtnauth(exts, 0);
	TNLIST *list = NULL;
	int i, rv = 0;

	memset(out, 0, sizeof(*out));
	*why = NULL;
	if (ext == NULL)
		return 0;
	if (findtnauth(exts, 1) != NULL)
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

int
cs_tnauth_encoded(const STACK_OF(X509_EXTENSION) *exts, struct cs_buf *der)
{
	X509_EXTENSION *ext = findtnauth(exts, 0);
	const ASN1_OCTET_STRING *s;

	if (ext == NULL)
		return 0;
	s = X509_EXTENSION_get_data(ext);
	return cs_buf_add(der, ASN1_STRING_get0_data(s),
		   (size_t)ASN1_STRING_length(s)) == -1 ?
	    -1 :
	    1;
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

int
cs_tnauth_add(struct cs_tnauth *list, const char *text,
    struct certstore_error *err)
{
	char key[CS_SPC_MAX + 1], range[CS_TEL_RANGE_MAX + 1];
	const char *flaw;
	int rv = 0;

	if (strncasecmp(text, "spc:", 4) == 0) {
		if (!cs_tel_code(text + 4, key))
			return cs_name_refuse(text,
			    "a service provider code is 1 to 16 letters and "
			    "digits",
			    err);
		if (!hascode(list, text + 4))
			rv = cs_strings_add(&list->spc, text + 4);
	} else if (strncasecmp(text, "tel:", 4) == 0) {
		if ((flaw = cs_tel_readrange(text + 4, range)) != NULL)
			return cs_name_refuse(text, flaw, err);
		if (!hasnumbers(list, range))
			rv = cs_strings_add(&list->tn, range);
	} else
		return 0;
	return rv == -1 ? cs_fail_nomem(err) : 1;
}

int
cs_tnauth_addinfo(struct cs_tnauth *list, const struct cs_info *info)
{
	size_t i;

	for (i = 0; i < info->spcs.n; i++)
		if (!hascode(list, info->spcs.v[i]) &&
		    cs_strings_add(&list->spc, info->spcs.v[i]) == -1)
			return -1;
	for (i = 0; i < info->tns.n; i++)
		if (!hasnumbers(list, info->tns.v[i]) &&
		    cs_strings_add(&list->tn, info->tns.v[i]) == -1)
			return -1;
	return 0;
}

/* The range of numbers as a list of its elements, or NULL. */
static ASN1_SEQUENCE_ANY *
makerange(const char *text, size_t len)
{
	ASN1_SEQUENCE_ANY *range = sk_ASN1_TYPE_new_null();
	ASN1_IA5STRING *start = ASN1_IA5STRING_new();
	ASN1_INTEGER *count = ASN1_INTEGER_new();
	ASN1_TYPE *v[2] = { ASN1_TYPE_new(), ASN1_TYPE_new() };
	int i;

	if (range == NULL || start == NULL || count == NULL || v[0] == NULL ||
	    v[1] == NULL || ASN1_STRING_set(start, text, (int)len) != 1 ||
	    ASN1_INTEGER_set_uint64(count,
		strtoull(text + len + 1, NULL, 10)) != 1)
		goto fail;
	ASN1_TYPE_set(v[0], V_ASN1_IA5STRING, start);
	ASN1_TYPE_set(v[1], V_ASN1_INTEGER, count);
	start = NULL;
	count = NULL;
	for (i = 0; i < 2; i++) {
		if (sk_ASN1_TYPE_push(range, v[i]) <= 0)
			goto fail;
		v[i] = NULL;
	}
	return range;
fail:
	ASN1_TYPE_free(v[0]);
	ASN1_TYPE_free(v[1]);
	ASN1_INTEGER_free(count);
	ASN1_IA5STRING_free(start);
	sk_ASN1_TYPE_pop_free(range, ASN1_TYPE_free);
	return NULL;
}

/* Adds an entry with a code, a number or a range: 1, or 0. */
static int
pushentry(TNLIST *list, int isspc, const char *text)
{
	size_t len = strcspn(text, "+");
	TNENTRY *entry;

	entry = (TNENTRY *)ASN1_item_new(ASN1_ITEM_rptr(TNENTRY));
	if (entry == NULL)
		return 0;
	if (text[len] != '\0') {
		entry->type = RANGE;
		entry->d.range = makerange(text, len);
	} else {
		entry->type = isspc ? SPC : ONE;
		entry->d.one = ASN1_IA5STRING_new();
		if (entry->d.one != NULL &&
		    ASN1_STRING_set(entry->d.one, text, (int)len) != 1) {
			ASN1_IA5STRING_free(entry->d.one);
			entry->d.one = NULL;
		}
	}
	if (entry->d.one != NULL && sk_TNENTRY_push(list, entry) > 0)
		return 1;
	ASN1_item_free((ASN1_VALUE *)entry, ASN1_ITEM_rptr(TNENTRY));
	return 0;
}

/* The DER of a list, or NULL. */
static ASN1_OCTET_STRING *
encodelist(const struct cs_tnauth *from)
{
	ASN1_OCTET_STRING *out = NULL;
	TNLIST *list = sk_TNENTRY_new_null();
	size_t i;
	int ok = list != NULL;

	for (i = 0; i < from->spc.n && ok; i++)
		ok = pushentry(list, 1, from->spc.v[i]);
	for (i = 0; i < from->tn.n && ok; i++)
		ok = pushentry(list, 0, from->tn.v[i]);
	if (ok)
		out = ASN1_item_pack(list, ASN1_ITEM_rptr(TNLIST), NULL);
	freelist(list);
	return out;
}

X509_EXTENSION *
cs_tnauth_make(const struct cs_tnauth *list)
{
	ASN1_OCTET_STRING *der = encodelist(list);
	ASN1_OBJECT *obj = OBJ_txt2obj(OID, 1);
	X509_EXTENSION *ext = NULL;

	if (der != NULL && obj != NULL)
		ext = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, der);
	ASN1_OBJECT_free(obj);
	ASN1_OCTET_STRING_free(der);
	return ext;
}

static const char *
firstoutside(const struct cs_strings *list, const struct cs_tnauth *of,
    int (*has)(const struct cs_tnauth *, const char *))
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (!has(of, list->v[i]))
			return list->v[i];
	return NULL;
}

const char *
cs_tnauth_outside(const struct cs_tnauth *list, const struct cs_tnauth *of)
{
	const char *code = firstoutside(&list->spc, of, hascode);

	return code != NULL ? code : firstoutside(&list->tn, of, hasnumbers);
}

int
cs_tnauth_lost(struct cs_buf *b, const struct cs_info *info,
    const struct cs_info *old)
{
	struct cs_tnauth had = { 0 }, has = { 0 };
	const char *first;
	int rv = -1;

	if (cs_tnauth_addinfo(&has, info) == 0 &&
	    cs_tnauth_addinfo(&had, old) == 0) {
		first = cs_tnauth_outside(&had, &has);
		rv = first != NULL;
		if (rv == 1 &&
		    cs_buf_printf(b, "%.*s", cs_escape_fit(first, SHOWN_MAX),
			first) == -1)
			rv = -1;
	}
	cs_tnauth_free(&has);
	cs_tnauth_free(&had);
	return rv;
}

/*
 * A malformed list of the issuer allows nothing; numbers may belong to its
 * code, which no certificate tells.
 */
int
cs_tnauth_delegate(const X509 *x509, const X509 *issuer,
    char which[CS_QUOTE_LEN])
{
	struct cs_tnauth list, of = { 0 };
	const char *outside = NULL, *why;
	int rv;

	if ((rv = cs_tnauth_read(X509_get0_extensions(x509), &list, &why)) == 1)
		rv = cs_tnauth_read(X509_get0_extensions(issuer), &of, &why);
	if (rv == 1 || (rv == 0 && why != NULL))
		outside = cs_tnauth_outside(&list, &of);
	if (rv != -1)
		rv = CS_DELEGATE_INSIDE;
	if (outside != NULL) {
		snprintf(which, CS_QUOTE_LEN, "%s", outside);
		rv = of.spc.n > 0 &&
			firstoutside(&list.spc, &of, hascode) == NULL ?
		    CS_DELEGATE_UNSURE :
		    CS_DELEGATE_OUTSIDE;
	}
	cs_tnauth_free(&list);
	cs_tnauth_free(&of);
	return rv;
}

/* Is a word of the text the code?  In any case of letters. */
static int
hasword(const char *text, const char *code)
{
	size_t len = strlen(code), n;

	for (; *text != '\0'; text += n + (text[n] != '\0')) {
		n = strcspn(text, " ");
		if (n == len && strncasecmp(text, code, n) == 0)
			return 1;
	}
	return 0;
}

int
cs_tnauth_isnamed(const X509_NAME *subject, const char *code,
    char q[CS_QUOTE_LEN])
{
	unsigned char *cn = NULL;
	int len, rv;

	len = cs_asn1_last(subject, NID_commonName, &cn);
	rv = len > 0 && hasword((const char *)cn, code);
	cs_escape_quote(q, len > 0 ? (const char *)cn : "");
	OPENSSL_free(cn);
	return rv;
}

void
cs_tnauth_free(struct cs_tnauth *list)
{
	cs_strings_free(&list->spc);
	cs_strings_free(&list->tn);
}
