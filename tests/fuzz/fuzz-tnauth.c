/*
 * fuzz-tnauth.c: any bytes as the TNAuthList of a certificate, and as a
 * telephone number.  What is accepted must be fit for info and an index, and
 * cover itself.  A libFuzzer target.
 */
#include <string.h>

#include <openssl/err.h>

#include "fuzz.h"
#include "store/private.h"
#include "x509/x509.h"

static void
judge_list(const struct cs_tnauth *list)
{
	char key[CS_SPC_MAX + 1];
	const char *p;
	size_t i;

	HOLDS(list->spc.n + list->tn.n > 0);
	for (i = 0; i < list->spc.n; i++) {
		for (p = list->spc.v[i]; *p != '\0'; p++)
			HOLDS(*p >= 0x20 && *p < 0x7f);
		HOLDS(!cs_tel_code(list->spc.v[i], key) ||
		    strspn(key, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
			strlen(key));
	}
	for (i = 0; i < list->tn.n; i++) {
		HOLDS(cs_tel_covers(list->tn.v[i], list->tn.v[i]) > 0);
	}
}

/* What is encoded again has the same entries. */
static void
judge_make(const struct cs_tnauth *list)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	struct cs_tnauth again;
	char key[CS_SPC_MAX + 1];
	const char *why;
	size_t i;

	for (i = 0; i < list->spc.n && cs_tel_code(list->spc.v[i], key); i++)
		;
	if (i == list->spc.n) {
		sk_X509_EXTENSION_push(exts, cs_tnauth_make(list));
		HOLDS(cs_tnauth_read(exts, &again, &why) == 1);
		HOLDS(again.spc.n == list->spc.n && again.tn.n == list->tn.n);
		HOLDS(cs_tnauth_outside(list, &again) == NULL);
		HOLDS(cs_tnauth_outside(&again, list) == NULL);
		cs_tnauth_free(&again);
	}
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	ASN1_OBJECT *obj = OBJ_txt2obj("1.3.6.1.5.5.7.1.26", 1);
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	char number[CS_TEL_MAX + 1], range[CS_TEL_RANGE_MAX + 1];
	char text[64];
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	struct cs_tnauth list;
	const char *why;
	int rv;

	ASN1_OCTET_STRING_set(s, data, (int)len);
	sk_X509_EXTENSION_push(exts,
	    X509_EXTENSION_create_by_OBJ(NULL, obj, 0, s));
	rv = cs_tnauth_read(exts, &list, &why);
	HOLDS(rv == 0 || rv == 1);
	HOLDS((rv == 1) == (why == NULL));
	HOLDS(ERR_peek_error() == 0);
	if (rv == 1) {
		judge_list(&list);
		judge_make(&list);
	}
	cs_tnauth_free(&list);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(obj);
	if (len < sizeof(text)) {
		memcpy(text, data, len);
		text[len] = '\0';
		if (cs_tel_read(text, number) == NULL)
			HOLDS(cs_tel_covers(number, number) == 1);
		if (cs_tel_readrange(text, range) == NULL)
			HOLDS(cs_tel_covers(range, range) > 0);
	}
	return 0;
}
