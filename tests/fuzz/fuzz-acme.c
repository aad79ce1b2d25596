/*
 * fuzz-acme.c: a key as PEM or JWK, the file of an account, a URL, base64url and
 * a string of JSON.  What is accepted signs, can be written and read again, and
 * means the same.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "acme/private.h"
#include "fuzz.h"

static void
judge_key(const char *text, size_t len)
{
	struct certstore_error err;
	struct cs_buf b = { 0 }, again = { 0 };
	EVP_PKEY *pkey;

	pkey = cs_jwk_parse("key", text, len, &err);
	HOLDS(ERR_peek_error() == 0);
	if (pkey == NULL) {
		HOLDS(err.code != CERTSTORE_OK && err.msg[0] != '\0');
		return;
	}
	HOLDS(cs_jwk_alg(pkey) != NULL);
	HOLDS(cs_jwk_thumbprint(&b, pkey, &err) == 0);
	HOLDS(b.len == 43 && cs_base64url_isvalid(b.p, 43));
	cs_buf_reset(&b);
	HOLDS(cs_jwk_add(&b, pkey, &err) == 0);
	HOLDS(cs_jws_sign(&again, pkey, b.p, "", &err) == 0);
	EVP_PKEY_free(pkey);
	cs_buf_free(&again);
	cs_buf_free(&b);
}

static void
judge_account(const char *text, size_t len)
{
	struct certstore_error err;
	struct cs_values v = { 0 }, back = { 0 };
	struct cs_buf b = { 0 }, once = { 0 }, twice = { 0 };
	const char *url;

	if (cs_buf_add(&b, text, len) == -1)
		abort();
	if (cs_values_parse(&v, "account", &b, &err) == 0) {
		HOLDS(cs_values_compose(&once, &v) == 0);
		cs_buf_reset(&b);
		HOLDS(cs_buf_add(&b, once.p, once.len) == 0);
		HOLDS(cs_values_parse(&back, "account", &b, &err) == 0);
		HOLDS(cs_values_compose(&twice, &back) == 0);
		HOLDS(once.len == twice.len);
		HOLDS(once.len == 0 || memcmp(once.p, twice.p, once.len) == 0);
		if ((url = cs_values_get(&v, "url", 0)) != NULL)
			HOLDS(strpbrk(url, "\"\\ \n") == NULL);
	} else
		HOLDS(err.code == CERTSTORE_EDAMAGED);
	cs_values_free(&v);
	cs_values_free(&back);
	cs_buf_free(&b);
	cs_buf_free(&once);
	cs_buf_free(&twice);
}

/* A URL of a server names an account, or the name is refused as any is. */
static void
judge_url(char *text)
{
	char name[CS_NAME_MAX + 1];

	if (cs_weburl_flaw(text) != NULL)
		return;
	cs_weburl_lower(text);
	HOLDS(cs_weburl_flaw(text) == NULL);
	cs_weburl_name(text, name);
	HOLDS(strchr(name, '/') == NULL);
	HOLDS(cs_name_isvalid(name));
}

static void
judge_text(const char *text, size_t len)
{
	struct cs_buf raw = { 0 }, b = { 0 };

	if (cs_base64url_decode(&raw, text, len) == 1) {
		HOLDS(cs_base64url_add(&b, raw.p, raw.len) == 0);
		HOLDS(b.len == len && memcmp(b.p, text, len) == 0);
	}
	cs_buf_reset(&b);
	HOLDS(cs_escape_json(&b, text) == 0);
	HOLDS(b.len >= 2 && b.p[0] == '"' && b.p[b.len - 1] == '"');
	HOLDS(strpbrk(b.p, "\n\r\t") == NULL);
	cs_buf_free(&raw);
	cs_buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text;

	if ((text = malloc(len + 1)) == NULL)
		return 0;
	if (len > 0)
		memcpy(text, data, len);
	text[len] = '\0';
	judge_key(text, len);
	judge_account(text, len);
	judge_text(text, len);
	judge_url(text);
	free(text);
	return 0;
}
