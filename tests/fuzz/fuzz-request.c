/*
 * fuzz-request.c: any bytes as a request that a CA is to sign.  What is accepted
 * is proven, has a key that can be used and names as a store has them, and what
 * is left out is safe to print.  A libFuzzer target.
 */
#include <string.h>

#include <openssl/err.h>

#include "fuzz.h"
#include "issue/private.h"

static void
judge(const struct certstore_template *t, const struct cs_csr *csr)
{
	const char *p;
	size_t i;

	HOLDS(csr->pkey != NULL && !cs_strength_isweak(csr->pkey));
	HOLDS(X509_REQ_verify(csr->req, csr->pkey) == 1);
	for (i = 0; i < t->nsan; i++)
		for (p = t->san[i].value; *p != '\0'; p++)
			HOLDS(*p > 0x20 && *p < 0x7f);
	for (i = 0; i < csr->left.len; i++)
		HOLDS(csr->left.p[i] >= 0x20 && csr->left.p[i] != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct certstore_template *asked, t;
	struct certstore_error err;
	struct cs_csr csr;
	int i;

	for (i = 0; i < 3; i++) {
		if ((asked = certstore_template_new(&err)) == NULL)
			abort();
		if (i == 1)
			certstore_template_set_ca(asked, &err);
		if (i == 2)
			certstore_template_set_profile(asked, "shaken", &err);
		if (cs_csr_read(&csr, "fuzz", data, len, &err) == 0) {
			if (cs_csr_apply(&t, asked, &csr, &err) == 0)
				judge(&t, &csr);
			cs_csr_drop(&t, asked);
		}
		cs_csr_free(&csr);
		certstore_template_free(asked);
		ERR_clear_error();
	}
	return 0;
}
