/*
 * test-acme.c: certstore_acme(3): the vectors of RFC 7515, 7638, 8037 and 9773,
 * keys as other clients keep them, and accounts on disk.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "acme/private.h"
#include "tap.h"
#include "scratch.h"

#define RSA_N \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx" \
	"HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMs" \
	"D1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSH" \
	"SXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdV" \
	"MTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8" \
	"NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_D \
	"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97I" \
	"jlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0" \
	"BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn" \
	"439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYT" \
	"CBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLh" \
	"BOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"
#define RSA_P \
	"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdi" \
	"YrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPG" \
	"BY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc"
#define RSA_Q \
	"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxa" \
	"ewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA" \
	"-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"
#define RSA_DP \
	"BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3Q" \
	"CLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb" \
	"34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0"
#define RSA_DQ \
	"h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7" \
	"I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyN" \
	"lxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU"
#define RSA_QI \
	"IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy" \
	"26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW" \
	"0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U"

/* RFC 7515 appendix A.2, as certbot writes such a key. */
static const char rsa[] = "{\"n\": \"" RSA_N
			  "\", \"e\": \"AQAB\", \"d\": \"" RSA_D
			  "\", \"p\": \"" RSA_P "\", \"q\": \"" RSA_Q
			  "\", \"dp\": \"" RSA_DP "\", \"dq\": \"" RSA_DQ
			  "\", \"qi\": \"" RSA_QI "\", \"kty\": \"RSA\"}";
/* Appendix A.3. */
static const char ec[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\","
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\","
    "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}\n";
/* RFC 8037 appendix A.1. */
static const char okp[] =
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
    "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
#define OKP_THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

#define JOE \
	"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n " \
	"\"http://example.com/is_root\":true}"
#define JOE64 \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l" \
	"eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define DIRECTORY "https://acme.example.com:14000/dir"

static struct certstore *store;
static char warned[1024];

static void
warn(void *arg, const char *msg)
{
	(void)arg;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static EVP_PKEY *
parsed(const char *jwk)
{
	EVP_PKEY *pkey = cs_jwk_parse("key", jwk, strlen(jwk), &err);

	if (pkey == NULL)
		bail("%s", err.msg);
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	return pkey;
}

/* The value of a member, of our own JSON; in a buffer that is used again. */
static const char *
member(const char *json, const char *name)
{
	static char value[4096];
	char key[64];
	const char *p;

	snprintf(key, sizeof(key), "\"%s\":\"", name);
	if ((p = strstr(json, key)) == NULL)
		return NULL;
	p += strlen(key);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(p, "\""), p);
	return value;
}

/* The decoded protected header or payload. */
static const char *
decoded(const char *json, const char *name)
{
	static struct cs_buf b;
	const char *value = member(json, name);

	cs_buf_reset(&b);
	if (value == NULL || cs_base64url_decode(&b, value, strlen(value)) != 1)
		return NULL;
	return b.p;
}

/* Whether a JWS, or the signature that is given, is of a key: 1 or 0. */
static int
verifies(const char *json, const char *given, EVP_PKEY *pkey)
{
	const struct cs_jwsalg *alg = cs_jwk_alg(pkey);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ECDSA_SIG *sig = ECDSA_SIG_new();
	struct cs_buf input = { 0 }, raw = { 0 };
	unsigned char *der = NULL;
	const char *value;
	int len, rv;

	cs_buf_printf(&input, "%s.", member(json, "protected"));
	cs_buf_adds(&input, member(json, "payload"));
	value = given != NULL ? given : member(json, "signature");
	if (cs_base64url_decode(&raw, value, strlen(value)) != 1)
		bail("signature");
	if (alg->kty == CS_JWS_EC) {
		const unsigned char *p = (unsigned char *)raw.p;

		if (raw.len != 2 * alg->len)
			bail("length");
		ECDSA_SIG_set0(sig, BN_bin2bn(p, (int)alg->len, NULL),
		    BN_bin2bn(p + alg->len, (int)alg->len, NULL));
		len = i2d_ECDSA_SIG(sig, &der);
		cs_buf_reset(&raw);
		cs_buf_add(&raw, der, (size_t)len);
	}
	rv = EVP_DigestVerifyInit_ex(ctx, NULL, alg->digest, NULL, NULL, pkey,
		 NULL) == 1 &&
	    EVP_DigestVerify(ctx, (unsigned char *)raw.p, raw.len,
		(unsigned char *)input.p, input.len) == 1;
	ERR_clear_error();
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	cs_buf_free(&raw);
	cs_buf_free(&input);
	return rv;
}

static void
test_base64url(void)
{
	static const char *const bad[] = { "A", "AAAAA", "A=", "AA==", "A+A",
		"A/A", "AB", "AAB", "A A", "AA\n" };
	static const char *const texts[] = { "", "f", "fo", "foo", "foob",
		"fooba", "foobar", "\1\2\3\377\376\375\200" };
	struct cs_buf b = { 0 }, back = { 0 };
	size_t i;

	/* RFC 7515 appendix C */
	cs_base64url_add(&b, "\3\354\377\340\301", 5);
	is_str(b.p, "A-z_4ME", "the vector of RFC 7515 appendix C");
	is_int(cs_base64url_decode(&back, "A-z_4ME", 7), 1, "and back");
	ok(back.len == 5 && memcmp(back.p, "\3\354\377\340\301", 5) == 0,
	    "to the same bytes");
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cs_buf_reset(&b);
		cs_buf_reset(&back);
		cs_base64url_add(&b, texts[i], strlen(texts[i]));
		is_int(cs_base64url_decode(&back, b.p, b.len), 1,
		    "\"%s\" is decoded", b.p);
		is_str(back.p, texts[i], "to what it was");
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(cs_base64url_decode(&back, bad[i], strlen(bad[i])), 0,
		    "refused: %s", bad[i]);
	is_int(cs_base64url_decode(&back, "AA\0A", 4), 0, "refused: NUL");
	cs_buf_free(&b);
	cs_buf_free(&back);
}

static void
test_vectors(void)
{
	static const char hmac[] =
	    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr"
	    "_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
	struct cs_buf b = { 0 }, key = { 0 };
	EVP_PKEY *pkey;

	cs_base64url_decode(&key, hmac, strlen(hmac));
	cs_jws_mac(&b, key.p, key.len,
	    "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", JOE, &err);
	is_str(b.p,
	    "{\"protected\":\"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\","
	    "\"payload\":\"" JOE64 "\",\"signature\":\"dBjftJeZ4CVP-mB92K27uhb"
	    "UJU1p1r_wW1gFWFOEjXk\"}",
	    "HS256: RFC 7515 appendix A.1");
	cs_buf_reset(&b);
	pkey = parsed(rsa);
	cs_jws_sign(&b, pkey, "{\"alg\":\"RS256\"}", JOE, &err);
	is_str(member(b.p, "signature"),
	    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"
	    "AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
	    "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K"
	    "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv"
	    "hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB"
	    "p0igcN_IoypGlUPQGe77Rw",
	    "RS256: appendix A.2");
	EVP_PKEY_free(pkey);
	cs_buf_reset(&b);
	pkey = parsed(ec);
	cs_jws_sign(&b, pkey, "{\"alg\":\"ES256\"}", JOE, &err);
	ok(verifies(b.p, NULL, pkey), "ES256: our signature verifies");
	ok(verifies(b.p,
	       "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS"
	       "lSApmWQxfKTUJqPP3-Kg6NU1Q",
	       pkey),
	    "and that of appendix A.3, with the same key and input");
	EVP_PKEY_free(pkey);
	cs_buf_reset(&b);
	pkey = parsed(okp);
	cs_jws_sign(&b, pkey, "{\"alg\":\"EdDSA\"}",
	    "Example of Ed25519 signing", &err);
	is_str(member(b.p, "signature"),
	    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5Bh"
	    "VsPt9g7sVvpAr_MuM0KAg",
	    "EdDSA: RFC 8037 appendix A.4");
	cs_buf_reset(&b);
	cs_jwk_thumbprint(&b, pkey, &err);
	is_str(b.p, OKP_THUMBPRINT, "and the thumbprint of appendix A.3");
	EVP_PKEY_free(pkey);
	cs_buf_free(&key);
	cs_buf_free(&b);
}

/* RFC 7638 section 3.1, of a public key. */
static void
test_thumbprint(void)
{
	static const char n[] =
	    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM"
	    "78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
	    "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
	    "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO"
	    "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniI"
	    "qbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	struct cs_buf raw = { 0 }, b = { 0 };
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;
	BIGNUM *bn;

	cs_base64url_decode(&raw, n, strlen(n));
	bn = BN_bin2bn((unsigned char *)raw.p, (int)raw.len, NULL);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn);
	OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_E, 65537);
	params = OSSL_PARAM_BLD_to_param(bld);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		bail("fromdata");
	cs_jwk_thumbprint(&b, pkey, &err);
	is_str(b.p, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
	    "the thumbprint of RFC 7638 section 3.1");
	EVP_PKEY_free(pkey);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(bn);
	cs_buf_free(&raw);
	cs_buf_free(&b);
}

static void
refusedkey(const char *jwk, enum certstore_code code, const char *says)
{
	EVP_PKEY *pkey = cs_jwk_parse("key", jwk, strlen(jwk), &err);

	if (!ok(pkey == NULL && err.code == code && strstr(err.msg, says),
		"refused: %s", says))
		printf("# %s: %d: %s\n", jwk, err.code, err.msg);
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	EVP_PKEY_free(pkey);
}

static void
test_keys(void)
{
	static const char *const types[] = { "p256", "p384", "rsa:2048",
		"ed25519" };
	struct cs_buf pem = { 0 }, b = { 0 };
	EVP_PKEY *pkey, *back;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cs_buf_reset(&pem);
		cs_buf_reset(&b);
		pkey = cs_key_generate(NULL, types[i], &err);
		cs_key_encode(&pem, pkey, NULL, &err);
		back = parsed(pem.p);
		cs_jws_sign(&b, back, "{}", "", &err);
		ok(verifies(b.p, NULL, pkey), "%s signs", types[i]);
		EVP_PKEY_free(pkey);
		EVP_PKEY_free(back);
	}
	cs_buf_reset(&pem);
	pkey = cs_key_generate(NULL, NULL, &err);
	cs_key_encode(&pem, pkey, "secret", &err);
	EVP_PKEY_free(pkey);
	refusedkey(pem.p, CERTSTORE_EPASSPHRASE, "encrypted");
	cs_buf_reset(&pem);
	pkey = EVP_EC_gen("P-521");
	cs_key_encode(&pem, pkey, NULL, &err);
	EVP_PKEY_free(pkey);
	refusedkey(pem.p, CERTSTORE_EREFUSED, "no key of type p521");
	cs_buf_reset(&pem);
	pkey = EVP_RSA_gen(1024);
	cs_key_encode(&pem, pkey, NULL, &err);
	EVP_PKEY_free(pkey);
	refusedkey(pem.p, CERTSTORE_EREFUSED, "weak (rsa:1024)");
	refusedkey("", CERTSTORE_EINPUT, "");
	refusedkey("{", CERTSTORE_EINPUT, "not an object of strings");
	refusedkey("{}", CERTSTORE_EINPUT, "not an object of strings");
	refusedkey("{\"kty\":\"oct\"}", CERTSTORE_EINPUT, "unknown kind");
	refusedkey("{\"kty\":\"EC\",\"crv\":\"P-521\"}", CERTSTORE_EINPUT,
	    "unknown kind");
	refusedkey("{\"kty\":\"EC\",\"crv\":\"P-256\"}", CERTSTORE_EINPUT,
	    "no member x");
	refusedkey("{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
	    CERTSTORE_EINPUT, "no member d");
	refusedkey("{\"kty\":\"RSA\",\"kty\":\"EC\"}", CERTSTORE_EINPUT,
	    "twice");
	refusedkey("{\"kty\":\"R\\u0053A\"}", CERTSTORE_EINPUT, "of strings");
	refusedkey("{\"kty\":\"RSA\",\"n\":1}", CERTSTORE_EINPUT, "of strings");
	refusedkey("{\"kty\":\"RSA\"} x", CERTSTORE_EINPUT, "follows");
	refusedkey("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
		   "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\","
		   "\"x\":\"21qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	    CERTSTORE_EINPUT, "damaged");
	refusedkey("{\"kty\":\"EC\",\"crv\":\"P-256\","
		   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\","
		   "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LA\"}",
	    CERTSTORE_EINPUT, "damaged");
	cs_buf_free(&pem);
	cs_buf_free(&b);
}

int
main(void)
{
	makescratch();
	store = opened(CERTSTORE_OPEN_CREATE);
	certstore_set_warn(store, warn, NULL);
	test_base64url();
	test_vectors();
	test_thumbprint();
	test_keys();
	(void)decoded;
	certstore_close(store);
	removescratch();
	return tap_done();
}
