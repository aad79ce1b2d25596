/*
 * keyauth.c: what proves control of a name to an ACME server: the key
 * authorization (RFC 8555 section 8.1), its value in the DNS (section 8.4), and
 * the fingerprint for a token authority (RFC 9448 section 5.4).
 */
#include <stdlib.h>
#include <string.h>

#include <sha2.h>

#include "acme/private.h"

#define TOKEN_MAX 128

/* Gives out a text of ours. */
static char *
stealtext(struct cs_buf *b, int rv, struct certstore_error *err)
{
	char *text = NULL;

	if (rv == 0 && (text = strdup(b->p)) == NULL)
		cs_fail_nomem(err);
	cs_buf_free(b);
	return text;
}

char *
certstore_account_thumbprint(struct certstore_account *account,
    struct certstore_error *err)
{
	struct cs_buf b = { 0 };
	EVP_PKEY *pkey;
	int rv = -1;

	cs_error_clear(err);
	if ((pkey = cs_account_key(account, 0, err)) != NULL)
		rv = cs_jwk_thumbprint(&b, pkey, err);
	return stealtext(&b, rv, err);
}

char *
certstore_account_fingerprint(struct certstore_account *account,
    struct certstore_error *err)
{
	char *p, *thumbprint = certstore_account_thumbprint(account, err);
	struct cs_buf hash = { 0 }, text = { 0 };
	size_t i;
	int bad;

	if (thumbprint == NULL)
		return NULL;
	bad = cs_base64url_decode(&hash, thumbprint, strlen(thumbprint)) != 1;
	bad |= cs_buf_adds(&text, "SHA256 ");
	for (i = 0; i < hash.len; i++)
		bad |= cs_buf_printf(&text, "%s%02X", i == 0 ? "" : ":",
		    (unsigned int)(unsigned char)hash.p[i]);
	if (bad)
		cs_fail_nomem(err);
	p = stealtext(&text, bad ? -1 : 0, err);
	cs_buf_free(&hash);
	free(thumbprint);
	return p;
}

/* A token becomes a file name: only letters, digits, "-" and "_". */
char *
certstore_account_authorization(struct certstore_account *account,
    const char *token, struct certstore_error *err)
{
	struct cs_buf b = { 0 };
	EVP_PKEY *pkey;
	int rv = -1;

	cs_error_clear(err);
	if (!cs_base64url_isvalid(token, TOKEN_MAX)) {
		cs_name_refuse(token,
		    "the token of a challenge has 1 to 128 letters, digits, "
		    "\"-\" and \"_\" (RFC 8555 section 8.3)",
		    err);
		err->code = CERTSTORE_EINPUT;
	} else if (cs_buf_printf(&b, "%s.", token) == -1)
		cs_fail_nomem(err);
	else if ((pkey = cs_account_key(account, 0, err)) != NULL)
		rv = cs_jwk_thumbprint(&b, pkey, err);
	return stealtext(&b, rv, err);
}

char *
certstore_account_txt(struct certstore_account *account, const char *token,
    struct certstore_error *err)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	struct cs_buf b = { 0 };
	SHA2_CTX ctx;
	char *text;
	int rv;

	text = certstore_account_authorization(account, token, err);
	if (text == NULL)
		return NULL;
	SHA256Init(&ctx);
	SHA256Update(&ctx, (const unsigned char *)text, strlen(text));
	SHA256Final(md, &ctx);
	free(text);
	if ((rv = cs_base64url_add(&b, md, sizeof(md))) == -1)
		cs_fail_nomem(err);
	return stealtext(&b, rv, err);
}
