/*
 * jws.c: what the key of an account signs: flattened JWS (RFC 7515), as requests
 * (RFC 8555 section 6.2), for an external account (section 7.3.4) and for
 * another key (section 7.3.5).
 */
#include <limits.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "acme/private.h"

#define NONCE_MAX 1024
#define SIG_MAX CS_RSA_MAX

/* Signs with a digest, or NULL: EdDSA.  The signature is malloc'ed. */
static unsigned char *
signtext(EVP_PKEY *pkey, const char *digest, const struct cs_buf *text,
    size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *sig = OPENSSL_malloc(SIG_MAX);

	*len = SIG_MAX;
	if (ctx == NULL || sig == NULL ||
	    EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, pkey, NULL) !=
		1 ||
	    EVP_DigestSign(ctx, sig, len, (const unsigned char *)text->p,
		text->len) != 1) {
		OPENSSL_free(sig);
		sig = NULL;
	}
	EVP_MD_CTX_free(ctx);
	return sig;
}

/* Both numbers in full length, instead of DER (RFC 7518 section 3.4). */
static int
flatten(unsigned char *sig, size_t *len, size_t numlen)
{
	const unsigned char *p = sig;
	ECDSA_SIG *ec = d2i_ECDSA_SIG(NULL, &p, (long)*len);
	int rv = -1;

	*len = 2 * numlen;
	if (ec != NULL &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(ec), sig, (int)numlen) > 0 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(ec), sig + numlen, (int)numlen) > 0)
		rv = 0;
	ECDSA_SIG_free(ec);
	return rv;
}

/* Where the two parts are joined by a dot, the signing input; then the JWS. */
static int
composejws(struct cs_buf *b, EVP_PKEY *pkey, const char *digest, size_t numlen,
    const char *header, const char *payload, struct certstore_error *err)
{
	struct cs_buf input = { 0 };
	unsigned char *sig = NULL;
	size_t len, dot;
	int rv = -1;

	ERR_clear_error();
	if (cs_base64url_add(&input, header, strlen(header)) == -1)
		goto nomem;
	dot = input.len;
	if (cs_buf_adds(&input, ".") == -1 ||
	    cs_base64url_add(&input, payload, strlen(payload)) == -1)
		goto nomem;
	if ((sig = signtext(pkey, digest, &input, &len)) == NULL ||
	    (numlen != 0 && flatten(sig, &len, numlen) == -1)) {
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the request cannot be signed");
		goto out;
	}
	if (cs_buf_printf(b,
		"{\"protected\":\"%.*s\",\"payload\":\"%s\","
		"\"signature\":\"",
		(int)dot, input.p, input.p + dot + 1) == -1 ||
	    cs_base64url_add(b, sig, len) == -1 || cs_buf_adds(b, "\"}") == -1)
		goto nomem;
	rv = 0;
	goto out;
nomem:
	cs_fail_nomem(err);
out:
	OPENSSL_free(sig);
	cs_buf_free(&input);
	return rv;
}

int
cs_jws_sign(struct cs_buf *b, EVP_PKEY *pkey, const char *header,
    const char *payload, struct certstore_error *err)
{
	const struct cs_jwsalg *alg = cs_jwk_alg(pkey);

	if (alg == NULL)
		return cs_fail_nomem(err);
	return composejws(b, pkey, alg->digest,
	    alg->kty == CS_JWS_EC ? alg->len : 0, header, payload, err);
}

int
cs_jws_mac(struct cs_buf *b, const void *key, size_t len, const char *header,
    const char *payload, struct certstore_error *err)
{
	EVP_PKEY *pkey;
	int rv;

	ERR_clear_error();
	pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "HMAC", NULL, key, len);
	if (pkey == NULL)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the HMAC key cannot be used");
	rv = composejws(b, pkey, "SHA256", 0, header, payload, err);
	EVP_PKEY_free(pkey);
	return rv;
}

/* Gives out a JWS. */
static char *
stealjws(struct cs_buf *b, int rv, struct certstore_error *err)
{
	char *jws = NULL;

	if (rv == 0 && (jws = strdup(b->p)) == NULL)
		cs_fail_nomem(err);
	cs_buf_free(b);
	return jws;
}

static int
checkurl(const char *url, struct certstore_error *err)
{
	const char *flaw = cs_weburl_flaw(url);

	return flaw == NULL ? 0 : cs_name_refuse(url, flaw, err);
}

/* RFC 8555 section 6.5.1. */
static int
checknonce(const char *nonce, struct certstore_error *err)
{
	if (cs_base64url_isvalid(nonce, NONCE_MAX))
		return 0;
	cs_name_refuse(nonce, "is not a nonce (RFC 8555 section 6.5.1)", err);
	err->code = CERTSTORE_EINPUT;
	return -1;
}

static const char *
accounturl(const struct certstore_account *account, struct certstore_error *err)
{
	const char *url = certstore_account_value(account, "url", 0);

	if (url == NULL)
		cs_fail(err, CERTSTORE_EREFUSED,
		    "account %s: the server has no account for it yet: "
		    "cert-account%s new %s",
		    account->name, cs_store_option(account->store),
		    account->name);
	return url;
}

/* The key of the signature: "kid", the URL of the account, or for NULL "jwk". */
static int
addsigner(struct cs_buf *b, EVP_PKEY *pkey, const char *kid,
    struct certstore_error *err)
{
	const struct cs_jwsalg *alg = cs_jwk_alg(pkey);

	/* no memory: the type of the key was checked */
	if (alg == NULL ||
	    cs_buf_printf(b, "{\"alg\":\"%s\",", alg->name) == -1)
		return cs_fail_nomem(err);
	if (kid != NULL)
		return cs_buf_printf(b, "\"kid\":\"%s\"", kid) == -1 ?
		    cs_fail_nomem(err) :
		    0;
	if (cs_buf_adds(b, "\"jwk\":") == -1)
		return cs_fail_nomem(err);
	return cs_jwk_add(b, pkey, err);
}

/* The URL and the nonce are checked. */
static char *
signrequest(EVP_PKEY *pkey, const char *kid, const char *url, const char *nonce,
    const char *payload, struct certstore_error *err)
{
	struct cs_buf b = { 0 }, header = { 0 };
	int rv;

	if ((rv = addsigner(&header, pkey, kid, err)) == 0) {
		if ((rv = cs_buf_printf(&header,
			 ",\"nonce\":\"%s\",\"url\":\"%s\"}", nonce, url)) ==
		    -1)
			cs_fail_nomem(err);
		else
			rv = cs_jws_sign(&b, pkey, header.p,
			    payload == NULL ? "" : payload, err);
	}
	cs_buf_free(&header);
	return stealjws(&b, rv, err);
}

char *
certstore_account_jws(struct certstore_account *account, const char *url,
    const char *nonce, const char *payload, int flags,
    struct certstore_error *err)
{
	const char *kid = NULL;
	EVP_PKEY *pkey;

	cs_error_clear(err);
	if (cs_error_flags(flags, CERTSTORE_JWS_JWK | CERTSTORE_JWS_NEWKEY,
		err) == -1 ||
	    checkurl(url, err) == -1 || checknonce(nonce, err) == -1)
		return NULL;
	if ((flags & CERTSTORE_JWS_JWK) == 0 &&
	    (kid = accounturl(account, err)) == NULL)
		return NULL;
	pkey = cs_account_key(account, (flags & CERTSTORE_JWS_NEWKEY) != 0,
	    err);
	return pkey == NULL ? NULL :
			      signrequest(pkey, kid, url, nonce, payload, err);
}

/* RFC 8555 section 7.6: the key of a certificate, which may be weak. */
char *
certstore_key_jws(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *passphrase, const char *url,
    const char *nonce, const char *payload, struct certstore_error *err)
{
	struct cs_buf pem = { 0 };
	EVP_PKEY *pkey = NULL;
	char *jws = NULL, type[80];

	cs_error_clear(err);
	if (checkurl(url, err) == -1 || checknonce(nonce, err) == -1 ||
	    cs_crypto_check(err) == -1)
		return NULL;
	if (cs_buf_add(&pem, data, len) == -1)
		cs_fail_nomem(err);
	else
		pkey = cs_key_frompem(label, &pem, passphrase, err);
	if (pkey != NULL && cs_jwk_alg(pkey) != NULL)
		jws = signrequest(pkey, NULL, url, nonce, payload, err);
	else if (pkey != NULL) {
		cs_key_name(pkey, type, sizeof(type));
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: a key of type %s signs no request of ACME: use the "
		    "account",
		    label, type);
	}
	EVP_PKEY_free(pkey);
	cs_buf_free(&pem);
	return jws;
}

/* The old key, in what the new one signs; the caller signs that by the old. */
char *
certstore_account_rollover(struct certstore_account *account, const char *url,
    struct certstore_error *err)
{
	struct cs_buf b = { 0 }, header = { 0 }, payload = { 0 };
	const char *kid;
	EVP_PKEY *pkey, *new;
	int rv = -1;

	cs_error_clear(err);
	if (checkurl(url, err) == -1 ||
	    (kid = accounturl(account, err)) == NULL ||
	    (pkey = cs_account_key(account, 0, err)) == NULL ||
	    (new = cs_account_key(account, 1, err)) == NULL ||
	    addsigner(&header, new, NULL, err) == -1)
		goto out;
	if (cs_buf_printf(&header, ",\"url\":\"%s\"}", url) == -1 ||
	    cs_buf_printf(&payload, "{\"account\":\"%s\",\"oldKey\":", kid) ==
		-1) {
		cs_fail_nomem(err);
		goto out;
	}
	if (cs_jwk_add(&payload, pkey, err) == -1)
		goto out;
	if (cs_buf_adds(&payload, "}") == -1)
		cs_fail_nomem(err);
	else
		rv = cs_jws_sign(&b, new, header.p, payload.p, err);
out:
	cs_buf_free(&payload);
	cs_buf_free(&header);
	return stealjws(&b, rv, err);
}

static int
checkkid(const char *kid, struct certstore_error *err)
{
	struct cs_value v;

	if (*kid == '\0')
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "the key identifier of the external account is empty");
	if (cs_values_make(&v, "eab", CERTSTORE_SET_REPLACE, kid, err) == -1)
		return -1;
	cs_values_done(&v);
	return 0;
}

/* Decodes the HMAC key, which some CAs give with padding. */
static int
decodehmac(struct cs_buf *b, const char *hmackey, struct certstore_error *err)
{
	size_t len = strlen(hmackey);
	int rv;

	while (len > 0 && hmackey[len - 1] == '=')
		len--;
	if ((rv = cs_base64url_decode(b, hmackey, len)) == -1)
		return cs_fail_nomem(err);
	if (rv == 0 || b->len == 0)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "the HMAC key of the external account is not base64url: "
		    "copy it again");
	return 0;
}

char *
certstore_account_eab(struct certstore_account *account, const char *kid,
    const char *hmackey, const char *url, struct certstore_error *err)
{
	struct cs_buf b = { 0 }, header = { 0 }, payload = { 0 }, key = { 0 };
	EVP_PKEY *pkey;
	int rv = -1;

	cs_error_clear(err);
	if (checkurl(url, err) == -1 || checkkid(kid, err) == -1 ||
	    decodehmac(&key, hmackey, err) == -1 ||
	    (pkey = cs_account_key(account, 0, err)) == NULL ||
	    cs_jwk_add(&payload, pkey, err) == -1)
		goto out;
	if (cs_buf_adds(&header, "{\"alg\":\"HS256\",\"kid\":") == -1 ||
	    cs_escape_json(&header, kid) == -1 ||
	    cs_buf_printf(&header, ",\"url\":\"%s\"}", url) == -1)
		cs_fail_nomem(err);
	else
		rv = cs_jws_mac(&b, key.p, key.len, header.p, payload.p, err);
out:
	cs_buf_free(&key);
	cs_buf_free(&payload);
	cs_buf_free(&header);
	return stealjws(&b, rv, err);
}
