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
		HOLDS(!cs_index_spc(list->spc.v[i], key) ||
		    strspn(key, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
			strlen(key));
	}
	for (i = 0; i < list->tn.n; i++) {
		HOLDS(cs_tel_check(list->tn.v[i]));
		HOLDS(cs_tel_covers(list->tn.v[i], list->tn.v[i]) > 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	ASN1_OBJECT *obj = OBJ_txt2obj("1.3.6.1.5.5.7.1.26", 1);
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	char number[CS_TEL_MAX + 1], text[64];
	X509_EXTENSION *ext;
	struct cs_tnauth list;
	X509 *x509 = X509_new();
	const char *why;
	int rv;

	ASN1_OCTET_STRING_set(s, data, (int)len);
	ext = X509_EXTENSION_create_by_OBJ(NULL, obj, 0, s);
	X509_add_ext(x509, ext, -1);
	rv = cs_tnauth_read(x509, &list, &why);
	HOLDS(rv == 0 || rv == 1);
	HOLDS((rv == 1) == (why == NULL));
	HOLDS(ERR_peek_error() == 0);
	if (rv == 1)
		judge_list(&list);
	cs_tnauth_free(&list);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(obj);
	X509_free(x509);
	if (len < sizeof(text)) {
		memcpy(text, data, len);
		text[len] = '\0';
		if (cs_tel_read(text, number) == NULL)
			HOLDS(cs_tel_covers(number, number) == 1);
	}
	return 0;
}
