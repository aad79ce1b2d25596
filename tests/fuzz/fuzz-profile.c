/*
 * fuzz-profile.c: a profile file.  What is taken makes extensions that are well
 * formed, each once, and of which only those are critical that RFC 5280 wants to
 * be; and what is merged into a template changes nothing there when it is merged
 * again.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "fuzz.h"
#include "issue/private.h"

static EVP_PKEY *pkey;

static void
judge_extensions(const struct certstore_template *t)
{
	struct certstore_error err;
	STACK_OF(X509_EXTENSION) *exts;
	X509_EXTENSION *ext;
	char why[160];
	int i, nid;

	exts = cs_extension_make(t, pkey, 0, &err);
	if (exts == NULL) {
		HOLDS(err.code == CERTSTORE_EREFUSED && t->extra.usage != 0);
		return;
	}
	for (i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		ext = sk_X509_EXTENSION_value(exts, i);
		HOLDS(!cs_cert_isbad(ext));
		HOLDS(!cs_cert_istwice(exts, i));
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		HOLDS(X509_EXTENSION_get_critical(ext) == 0 ||
		    nid == NID_basic_constraints || nid == NID_key_usage ||
		    nid == NID_ext_key_usage || nid == NID_name_constraints);
	}
	HOLDS(!cs_extra_lacks(t, exts, pkey, why, sizeof(why)));
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct certstore_error err;
	struct certstore_template *t;
	struct cs_buf text = { 0 };
	struct cs_extra again = { 0 };

	if (pkey == NULL &&
	    (pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")) == NULL)
		abort();
	if (cs_buf_add(&text, (const char *)data, len) == -1 ||
	    (t = certstore_template_new(&err)) == NULL)
		abort();
	if (cs_profileline_parse(t, "FILE", &text, &err) == -1) {
		HOLDS(err.code == CERTSTORE_EREFUSED);
		HOLDS(strncmp(err.msg, "FILE:", 5) == 0);
	} else {
		HOLDS(cs_template_check(t, &err) == 0);
		judge_extensions(t);
		if (cs_extra_merge(&again, &t->extra) == -1 ||
		    cs_extra_merge(&again, &t->extra) == -1)
			abort();
		HOLDS(sk_X509_EXTENSION_num(again.exts) ==
		    sk_X509_EXTENSION_num(t->extra.exts));
		HOLDS(sk_ASN1_OBJECT_num(again.purposes) ==
		    sk_ASN1_OBJECT_num(t->extra.purposes));
		cs_extra_free(&again);
	}
	HOLDS(ERR_peek_error() == 0);
	certstore_template_free(t);
	cs_buf_free(&text);
	return 0;
}
