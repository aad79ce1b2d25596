/*
 * test-acme.c: certstore_acme(3): the vectors of RFC 7515, 7638, 8037 and 9773,
 * keys as other clients keep them, and accounts on disk.
 */
#include <sys/stat.h>

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
#define OKP_FINGERPRINT \
	"SHA256 90:FA:CA:FE:A9:B1:55:66:98:54:0F:70:C0:11:7A:22:" \
	"EA:37:BD:5C:F3:ED:3C:47:09:3C:17:07:28:2B:4B:89"

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

/* JWK that are cut, too long, or of numbers that are no key. */
static void
test_members(void)
{
	char json[8192];
	size_t i, n;

	refusedkey(" \n{\"kty\":\"RSA\"", CERTSTORE_EINPUT, "is cut");
	refusedkey("\f{", CERTSTORE_EINPUT, "does not begin with {");
	refusedkey("{\"kty", CERTSTORE_EINPUT, "not an object of strings");
	refusedkey("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\"}",
	    CERTSTORE_EINPUT, "the member x of this JWK is damaged");
	refusedkey("{\"kty\":\"EC\",\"crv\":\"P-256\","
		   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		   "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
		   "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}",
	    CERTSTORE_EINPUT, "this JWK is damaged");
	n = (size_t)snprintf(json, sizeof(json), "{\"kty\":\"RSA\"");
	for (i = 0; i < 32; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n,
		    ",\"m%zu\":\"\"", i);
	snprintf(json + n, sizeof(json) - n, "}");
	refusedkey(json, CERTSTORE_EINPUT, "too many members");
	n = (size_t)snprintf(json, sizeof(json), "{\"kty\":\"RSA\",\"n\":\"");
	memset(json + n, 'A', 2732);
	snprintf(json + n + 2732, sizeof(json) - n - 2732, "\"}");
	refusedkey(json, CERTSTORE_EINPUT,
	    "the member n of this JWK is too long");
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
	test_members();
	cs_buf_free(&pem);
	cs_buf_free(&b);
}

static struct certstore_account *
account(const char *name, int flags)
{
	struct certstore_account *a;

	if ((a = certstore_account_open(store, name, flags, &err)) == NULL)
		bail("%s: %s", name, err.msg);
	return a;
}

static void
noaccount(const char *name, enum certstore_code code, const char *says)
{
	struct certstore_account *a;

	a = certstore_account_open(store, name, 0, &err);
	if (!ok(a == NULL && err.code == code && strstr(err.msg, says) != NULL,
		"not opened: %s: %s", name, says))
		printf("# %d: %s\n", err.code, err.msg);
	certstore_account_free(a);
}

static int
set(struct certstore_account *a, const char *key, const char *value)
{
	return certstore_account_set(a, key, CERTSTORE_SET_REPLACE, value,
	    &err);
}

/* A new account, saved; its key is given, or NULL: a new one. */
static struct certstore_account *
made(const char *name, const char *directory, const char *jwk)
{
	struct certstore_account *a;

	a = certstore_account_new(store, name, directory, &err);
	if (a == NULL ||
	    (jwk != NULL &&
		certstore_account_set_key(a, "key", jwk, strlen(jwk), &err) ==
		    -1) ||
	    certstore_account_save(a, &err) == -1)
		bail("new: %s", err.msg);
	return a;
}

static void
mode(const char *file, mode_t want)
{
	struct stat st;

	if (stat(path("store/acme/%s", file), &st) == -1)
		bail("%s", file);
	is_int(st.st_mode & 07777, want, "mode of %s", file);
}

/* Is the file there? */
static int
exists(const char *file)
{
	return access(path("store/acme/accounts/%s", file), F_OK) == 0;
}

/* Text that malloc'ed it, compared and freed. */
static void
istext(char *got, const char *want, const char *what)
{
	is_str(got, want, "%s", what);
	free(got);
}

static void
test_new(void)
{
	struct certstore_account *a, *b;
	struct certstore_accounts *list;
	const char *name;

	list = certstore_accounts_new(store, &err);
	is_int(certstore_accounts_next(list, &name, &err), 0,
	    "a new store has no account");
	certstore_accounts_free(list);
	noaccount("letsencrypt", CERTSTORE_ENOENTRY, "does not exist");
	noaccount(DIRECTORY, CERTSTORE_ENOENTRY, "/store new " DIRECTORY);
	noaccount("mine", CERTSTORE_ENOENTRY, "/store list prints");
	ok(certstore_account_open(store, "letsencrypt",
	       CERTSTORE_ACCOUNT_SHARED | CERTSTORE_ACCOUNT_EXCLUSIVE,
	       &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "a lock is of one kind");
	noaccount("../x", CERTSTORE_EARGUMENT, "https");
	noaccount("a b", CERTSTORE_EARGUMENT, "entry name");
	noaccount("http://acme.example.com/", CERTSTORE_EARGUMENT, "https");

	ok(certstore_account_new(store, "mine", NULL, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "a name alone is not enough");
	ok(certstore_account_new(store, "a/b", DIRECTORY, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "the name must be one");
	umask(0);
	a = certstore_account_new(store, NULL,
	    "HTTPS://ACME.example.com:14000/dir", &err);
	is_str(certstore_account_name(a), "acme.example.com-14000",
	    "named after host and port");
	is_str(certstore_account_value(a, "directory", 0), DIRECTORY,
	    "scheme and host are in lower case");
	ok(certstore_account_thumbprint(a, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "it signs nothing before it is saved");
	ok(!exists(""), "nothing is on disk");
	certstore_account_set_key(a, "key", okp, strlen(okp), &err);
	is_int(certstore_account_save(a, &err), 0, "saved");
	umask(022);
	mode("", 0700);
	mode("accounts", 0700);
	mode("accounts/acme.example.com-14000", 0700);
	mode("accounts/acme.example.com-14000/key.pem", 0600);
	mode("accounts/acme.example.com-14000/account", 0600);
	istext(certstore_account_thumbprint(a, &err), OKP_THUMBPRINT,
	    "it has the key that was given");
	istext(certstore_account_fingerprint(a, &err), OKP_FINGERPRINT,
	    "that in the form of RFC 9448 section 5.4");
	istext(certstore_account_authorization(a, TOKEN, &err),
	    TOKEN "." OKP_THUMBPRINT, "a key authorization");
	istext(certstore_account_txt(a, TOKEN, &err),
	    "lAV291d372xyXVEZRY9j2FQ8g1TYpOaJr620CiahePA",
	    "its value for the DNS");
	is_int(certstore_account_set_key(a, "key", ec, strlen(ec), &err), -1,
	    "a key is not replaced");
	certstore_account_free(a);

	a = account(DIRECTORY, CERTSTORE_ACCOUNT_SHARED);
	b = account("acme.example.com-14000", CERTSTORE_ACCOUNT_SHARED);
	istext(certstore_account_thumbprint(b, &err), OKP_THUMBPRINT,
	    "read again, by URL and by name, together");
	certstore_account_free(a);
	certstore_account_free(b);

	a = certstore_account_new(store, NULL, DIRECTORY, &err);
	ok(certstore_account_save(a, &err) == -1 &&
		err.code == CERTSTORE_EEXIST,
	    "no second account of a directory, unless it has a name");
	certstore_account_free(a);
	a = made("other", DIRECTORY, NULL);
	certstore_account_free(a);
	noaccount(DIRECTORY, CERTSTORE_EARGUMENT,
	    "one: acme.example.com-14000 other");
	a = certstore_account_new(store, "other", DIRECTORY, &err);
	ok(certstore_account_save(a, &err) == -1 &&
		err.code == CERTSTORE_EEXIST,
	    "nor of a name");
	certstore_account_free(a);
	a = made(NULL, DIRECTORY "2", NULL);
	is_str(certstore_account_name(a), "acme.example.com-14000-2",
	    "another directory of a host gets a number");
	certstore_account_free(a);
	a = made("le", "https://acme-v02.api.letsencrypt.org/directory", NULL);
	certstore_account_free(a);
	a = account("letsencrypt", 0);
	is_str(certstore_account_name(a), "le",
	    "the name of a CA finds an account with its directory");
	certstore_account_free(a);
	a = certstore_account_new(store, "zerossl", NULL, &err);
	is_str(certstore_account_value(a, "directory", 0),
	    "https://acme.zerossl.com/v2/DV90", "and is enough for a new one");
	certstore_account_free(a);
	sh("mkdir store/acme/accounts/.gone@new");
	list = certstore_accounts_new(store, &err);
	is_int(certstore_accounts_next(list, &name, &err), 1, "a list");
	is_str(name, "acme.example.com-14000", "begins with the first");
	certstore_accounts_next(list, &name, &err);
	certstore_accounts_next(list, &name, &err);
	certstore_accounts_next(list, &name, &err);
	is_str(name, "other", "ends with the last");
	is_int(certstore_accounts_next(list, &name, &err), 0, "and ends");
	certstore_accounts_free(list);
}

/* The name of an account that gets none, by its directory. */
static void
test_names(void)
{
	static const struct {
		const char *url;
		const char *name;
	} names[] = {
		{ "https://acme.example.net/dir", "acme.example.net" },
		{ "https://ACME.example.net:4443", "acme.example.net-4443" },
		{ "https://acme.example.net./?a", "acme.example.net" },
		{ "https://[::1]:14000/dir", "_-1-14000" },
		{ "https://acme-v02.api.letsencrypt.org/directory",
		    "letsencrypt" },
	};
	struct certstore_account *a;
	char url[300], label[64];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		a = certstore_account_new(store, NULL, names[i].url, &err);
		is_str(a == NULL ? err.msg : certstore_account_name(a),
		    names[i].name, "%s", names[i].url);
		certstore_account_free(a);
	}
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(url, sizeof(url), "https://%s.%s.%s.examples.net", label,
	    label, label);
	a = certstore_account_new(store, NULL, url, &err);
	ok(a != NULL && strlen(certstore_account_name(a)) == CS_NAME_MAX &&
		strncmp(certstore_account_name(a), url + 8, CS_NAME_MAX) == 0,
	    "a long host name is cut");
	certstore_account_free(a);
}

static void
refusedvalue(struct certstore_account *a, const char *key, const char *value)
{
	ok(set(a, key, value) == -1 && err.code == CERTSTORE_EARGUMENT &&
		strstr(err.msg, "secret") == NULL,
	    "refused: a value of \"%s\"", key);
	ok(certstore_account_value(a, key, 0) == NULL ||
		strcmp(certstore_account_value(a, key, 0), value) != 0,
	    "and not set");
}

static void
test_values(void)
{
	static const char *const urls[] = { "http://a.example/", "https://",
		"https:///x", "https://u:secret@a.example/", "https://a b/",
		"https://a.example/\n", "https://a.example/%4",
		"https://a.example/\"", "https://a.example/#x",
		"https://a.example:0/", "https://a.example:65536/",
		"https://a.example:1x/", "https://a..b/", "https://[::1/",
		"https://[::1]x/", "https://1.2.3/", "https://\303\244.de/" };
	static const char *const good[] = { "https://a.example",
		"https://[::1]:443/x", "https://192.0.2.1/?a=b%20c" };
	struct certstore_account *a = account("other", 0), *b;
	char longest[2100];
	size_t i;

	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
		refusedvalue(a, "url", urls[i]);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_int(set(a, "url", good[i]), 0, "a URL: %s", good[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refusedvalue(a, "eab", longest);
	memcpy(longest, "https://", strlen("https://"));
	refusedvalue(a, "url", longest);
	ok(certstore_account_new(store, NULL, longest, &err) == NULL &&
		strstr(err.msg, "longer than ") != NULL,
	    "a URL that is too long: %s", err.msg);
	refusedvalue(a, "contact", "mailto:\"a\"@example.com");
	refusedvalue(a, "contact", "root@example.com");
	refusedvalue(a, "contact", "mailto:a@example.com,b@example.com");
	refusedvalue(a, "contact", "mailto:a@example.com?subject=x");
	refusedvalue(a, "contact", "mailto:@example.com");
	refusedvalue(a, "proxy", "http://u:secret@proxy:3128 x");
	refusedvalue(a, "eab", "a\nurl https://b.example/");
	refusedvalue(a, "eab", " a");
	refusedvalue(a, "status", "good");
	refusedvalue(a, "retry", "soon");
	refusedvalue(a, "unknown", "x");
	refusedvalue(a, "", "x");
	is_int(set(a, "url", "https://a.example/acct/1"), 0, "url");
	is_int(set(a, "retry", "@1900000000"), 0, "retry");
	is_str(certstore_account_value(a, "retry", 0), "2030-03-17T17:46:40Z",
	    "a time has one form");
	is_int(set(a, "contact", "mailto:a@example.com"), 0, "contact");
	is_int(certstore_account_set(a, "contact", CERTSTORE_SET_ADD,
		   "mailto:b@example.com", &err),
	    0, "another");
	is_int(certstore_account_set(a, "url", CERTSTORE_SET_ADD,
		   "https://b.example/", &err),
	    -1, "not another URL");
	/* two orders at once: the second does not undo what the first did */
	b = account("other", 0);
	set(b, "terms", "data:text/plain,Do%20what%20thou%20wilt");
	is_int(certstore_account_save(b, &err), 0, "another handle saves");
	certstore_account_free(b);
	sh("echo 'later version two' >>store/acme/accounts/other/account");
	is_int(certstore_account_save(a, &err), 0, "and this one");
	mode("accounts/other/account", 0600);
	certstore_account_free(a);
	a = account("other", 0);
	is_str(certstore_account_value(a, "terms", 0),
	    "data:text/plain,Do%20what%20thou%20wilt", "both are kept");
	is_str(certstore_account_value(a, "contact", 1), "mailto:b@example.com",
	    "with both contacts");
	ok(certstore_account_value(a, "contact", 2) == NULL, "and no more");
	is_str(certstore_account_value(a, "later", 0), "version two",
	    "and a key of a later version");
	certstore_account_set(a, "contact", CERTSTORE_SET_REMOVE,
	    "mailto:a@example.com", &err);
	set(a, "terms", "");
	is_str(certstore_account_value(a, "contact", 0), "mailto:b@example.com",
	    "a contact is removed");
	ok(certstore_account_value(a, "terms", 0) == NULL, "and a value");
	certstore_account_free(a);
}

static void
damaged(const char *line, const char *says)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
	    "cp -p store/acme/accounts/le/account keep && "
	    "printf '%s' >>store/acme/accounts/le/account",
	    line);
	sh(cmd);
	noaccount("le", CERTSTORE_EDAMAGED, says);
	sh("mv keep store/acme/accounts/le/account");
}

static void
test_damage(void)
{
	struct certstore_account *a;

	damaged("contact\\n", "account:3: this line is not a key");
	damaged("url http://b.example/\\n", "https");
	damaged("directory https://b.example/\\n", "twice");
	damaged("x a\\033b\\n", "control");
	damaged("x a\\000b\\n", "NUL");
	sh("mv store/acme/accounts/le/key.pem keep");
	a = account("le", 0);
	ok(certstore_account_thumbprint(a, &err) == NULL &&
		err.code == CERTSTORE_ESYSTEM,
	    "no key");
	sh("echo x >store/acme/accounts/le/key.pem;"
	   "chmod 600 store/acme/accounts/le/key.pem");
	ok(certstore_account_thumbprint(a, &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "a damaged key");
	sh("mv keep store/acme/accounts/le/key.pem;"
	   "chmod 644 store/acme/accounts/le/key.pem");
	warned[0] = '\0';
	free(certstore_account_thumbprint(a, &err));
	mode("accounts/le/key.pem", 0600);
	ok(strstr(warned, "others could read key.pem") != NULL,
	    "a key that others could read is closed, with a warning");
	certstore_account_free(a);
	sh("chmod 777 store/acme/accounts");
	a = certstore_account_open(store, "le", CERTSTORE_ACCOUNT_SHARED, &err);
	ok(a == NULL && err.code == CERTSTORE_EUNSAFE,
	    "not used if others can replace it");
	sh("chmod 700 store/acme/accounts");
}

static void
isheader(const char *jws, const char *want, const char *what)
{
	is_str(decoded(jws, "protected"), want, "%s", what);
}

static void
refusedjws(struct certstore_account *a, const char *url, const char *nonce,
    enum certstore_code code, const char *what)
{
	ok(certstore_account_jws(a, url, nonce, "{}", 0, &err) == NULL &&
		err.code == code,
	    "refused: %s", what);
}

static void
test_requests(void)
{
	struct certstore_account *a;
	EVP_PKEY *pkey = parsed(ec);
	char *jws;

	a = made("signs", "https://ca.example/", ec);
	ok(certstore_account_jws(a, "https://ca.example/order", "n0-_", "{}", 0,
	       &err) == NULL &&
		err.code == CERTSTORE_EREFUSED,
	    "no request in the name of an account that is not known");
	jws = certstore_account_jws(a, "https://ca.example/new", "n0-_",
	    "{\"termsOfServiceAgreed\":true}", CERTSTORE_JWS_JWK, &err);
	isheader(jws,
	    "{\"alg\":\"ES256\",\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\","
	    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
	    "\"nonce\":\"n0-_\",\"url\":\"https://ca.example/new\"}",
	    "newAccount has the key");
	is_str(decoded(jws, "payload"), "{\"termsOfServiceAgreed\":true}",
	    "and the payload");
	ok(verifies(jws, NULL, pkey), "and verifies");
	free(jws);
	set(a, "url", "https://ca.example/acct/1");
	jws = certstore_account_jws(a, "https://ca.example/order", "n", NULL, 0,
	    &err);
	isheader(jws,
	    "{\"alg\":\"ES256\",\"kid\":\"https://ca.example/acct/1\","
	    "\"nonce\":\"n\",\"url\":\"https://ca.example/order\"}",
	    "other requests have the account");
	is_str(member(jws, "payload"), "", "POST-as-GET: an empty payload");
	ok(verifies(jws, NULL, pkey), "and verify");
	free(jws);
	refusedjws(a, "https://ca.example/\"", "n", CERTSTORE_EARGUMENT,
	    "a URL with a quote");
	refusedjws(a, "http://ca.example/", "n", CERTSTORE_EARGUMENT,
	    "not https");
	refusedjws(a, "https://ca.example/", "", CERTSTORE_EINPUT,
	    "an empty nonce");
	refusedjws(a, "https://ca.example/", "a\nb", CERTSTORE_EINPUT,
	    "a nonce with a newline");
	refusedjws(a, "https://ca.example/", "a\"", CERTSTORE_EINPUT,
	    "a nonce with a quote");
	ok(certstore_account_jws(a, "https://ca.example/", "n", "", 1, &err) ==
		    NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "refused: a flag of another function");

	jws = certstore_account_eab(a, "kid-\"1",
	    "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
	    "https://ca.example/new", &err);
	isheader(jws,
	    "{\"alg\":\"HS256\",\"kid\":\"kid-\\\"1\","
	    "\"url\":\"https://ca.example/new\"}",
	    "an external account");
	is_str(decoded(jws, "payload"),
	    "{\"crv\":\"P-256\",\"kty\":\"EC\","
	    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	    "of this key");
	free(jws);
	ok(certstore_account_eab(a, "k", "sec ret", "https://ca.example/",
	       &err) == NULL &&
		err.code == CERTSTORE_EINPUT && strstr(err.msg, "sec") == NULL,
	    "a damaged HMAC key is refused, and not printed");
	ok(certstore_account_eab(a, "k", "==", "https://ca.example/", &err) ==
		NULL,
	    "as is an empty one");
	ok(certstore_account_eab(a, "", "AAAA", "https://ca.example/", &err) ==
		NULL,
	    "and an empty identifier");
	jws = certstore_account_eab(a, "k", "AAAAAA==", "https://ca.example/",
	    &err);
	ok(jws != NULL, "padding is allowed");
	free(jws);
	EVP_PKEY_free(pkey);
	certstore_account_free(a);
}

/* The key of a certificate revokes it, also a weak or encrypted one. */
static int
secret(void *arg, const char *what, char *buf, size_t size)
{
	(void)arg;
	(void)what;
	return snprintf(buf, size, "secret");
}

static void
test_keyjws(void)
{
	const struct certstore_passphrase pass = { secret, NULL };
	struct cs_buf pem = { 0 };
	EVP_PKEY *pkey = EVP_RSA_gen(1024);
	char *jws;

	cs_key_encode(&pem, pkey, "secret", &err);
	ok(certstore_key_jws("key", pem.p, pem.len, NULL, "https://ca.example/",
	       "n", "{}", &err) == NULL &&
		err.code == CERTSTORE_EPASSPHRASE,
	    "an encrypted key needs its passphrase");
	jws = certstore_key_jws("key", pem.p, pem.len, &pass,
	    "https://ca.example/", "n", "{}", &err);
	if (jws == NULL)
		bail("%s", err.msg);
	ok(strncmp(decoded(jws, "protected"),
	       "{\"alg\":\"RS256\",\"jwk\":{\"e\":\"AQAB\",\"kty\":\"RSA\",",
	       45) == 0,
	    "a request has the key");
	ok(verifies(jws, NULL, pkey), "and is signed by it");
	free(jws);
	EVP_PKEY_free(pkey);
	cs_buf_reset(&pem);
	pkey = EVP_EC_gen("P-521");
	cs_key_encode(&pem, pkey, NULL, &err);
	ok(certstore_key_jws("key", pem.p, pem.len, NULL, "https://ca.example/",
	       "n", "{}", &err) == NULL &&
		err.code == CERTSTORE_EREFUSED,
	    "refused: a key without an algorithm");
	ok(certstore_key_jws("key", pem.p, pem.len, NULL, "https://ca.example/",
	       "n\n", "{}", &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "refused: a nonce with a newline");
	EVP_PKEY_free(pkey);
	cs_buf_free(&pem);
}

static void
test_tokens(void)
{
	static const char *const bad[] = { "", "../../etc/x", "a/b", ".", "a b",
		"a\n", "a=", "\303\244" };
	struct certstore_account *a = account("signs", 0);
	char longest[130];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(certstore_account_authorization(a, bad[i], &err) == NULL &&
			err.code == CERTSTORE_EINPUT &&
			certstore_account_txt(a, bad[i], &err) == NULL,
		    "not a token: %zu", i);
	memset(longest, 'a', sizeof(longest));
	longest[129] = '\0';
	ok(certstore_account_authorization(a, longest, &err) == NULL,
	    "nor 129 letters");
	longest[128] = '\0';
	free(certstore_account_authorization(a, longest, &err));
	is_int(err.code, CERTSTORE_OK, "but 128");
	certstore_account_free(a);
}

/* Another key: what is on disk after each step, and an interruption. */
static void
test_rollover(void)
{
	struct certstore_account *a, *b;
	char *inner, *outer, *was, *now;
	EVP_PKEY *new;

	b = account("signs", 0);
	is_int(certstore_account_newkey(b, NULL, NULL, 0, &err), -1,
	    "not without the lock");
	certstore_account_free(b);
	b = account("signs", CERTSTORE_ACCOUNT_SHARED);
	is_int(certstore_account_newkey(b, NULL, NULL, 0, &err), -1,
	    "nor with others");
	certstore_account_free(b);

	a = account("signs", CERTSTORE_ACCOUNT_EXCLUSIVE);
	set(a, "url", "https://ca.example/acct/1");
	certstore_account_save(a, &err);
	was = certstore_account_thumbprint(a, &err);
	is_int(certstore_account_has_newkey(a), 0, "no new key yet");
	ok(certstore_account_rollover(a, "https://ca.example/key", &err) ==
		NULL,
	    "so none to change to");
	is_int(certstore_account_takenew(a, &err), -1, "or to take");
	is_int(certstore_account_newkey(a, "key", ec, strlen(ec), &err), -1,
	    "the same key is none");
	is_int(certstore_account_newkey(a, NULL, NULL, 0, &err), 0,
	    "a new key");
	mode("accounts/signs/key.new", 0600);
	is_int(certstore_account_has_newkey(a), 1, "is there");
	is_int(certstore_account_newkey(a, NULL, NULL, 0, &err), -1,
	    "and is not replaced before it is settled");
	inner = certstore_account_rollover(a, "https://ca.example/key", &err);
	new = cs_account_key(a, 1, &err);
	ok(verifies(inner, NULL, new), "it signs the inner JWS");
	ok(strstr(decoded(inner, "protected"), "\"jwk\":{") != NULL &&
		strstr(decoded(inner, "protected"), "nonce") == NULL,
	    "with its own key and without a nonce");
	ok(strncmp(decoded(inner, "payload"),
	       "{\"account\":\"https://ca.example/acct/1\",\"oldKey\":{\"crv\"",
	       54) == 0,
	    "about the account and its old key");
	outer = certstore_account_jws(a, "https://ca.example/key", "n", inner,
	    0, &err);
	ok(verifies(outer, NULL, cs_account_key(a, 0, &err)),
	    "the old one signs the outer");
	is_str(decoded(outer, "payload"), inner, "around it");
	free(outer);
	outer = certstore_account_jws(a, "https://ca.example/acct/1", "n", NULL,
	    CERTSTORE_JWS_NEWKEY, &err);
	ok(verifies(outer, NULL, new), "the new one signs when asked to");
	free(outer);
	free(inner);
	certstore_account_free(a);

	a = account("signs", CERTSTORE_ACCOUNT_EXCLUSIVE);
	is_int(certstore_account_has_newkey(a), 1,
	    "an interruption leaves both keys");
	is_int(certstore_account_takenew(a, &err), 0, "the new one is taken");
	now = certstore_account_thumbprint(a, &err);
	ok(strcmp(was, now) != 0, "and signs from now on");
	ok(!exists("signs/key.new") && exists("signs/key.pem"),
	    "only one is left");
	certstore_account_free(a);
	free(was);
	a = account("signs", CERTSTORE_ACCOUNT_EXCLUSIVE);
	istext(certstore_account_thumbprint(a, &err), now, "for others, too");
	is_int(certstore_account_newkey(a, "key", rsa, strlen(rsa), &err), 0,
	    "a key that is given");
	is_int(certstore_account_dropnew(a, &err), 0, "is removed");
	istext(certstore_account_thumbprint(a, &err), now,
	    "the account keeps its own");
	ok(!exists("signs/key.new"), "only one is left");
	certstore_account_free(a);
	free(now);
}

static struct certstore_account *held;
static int waited;

/* Ends the wait for the other handle. */
static void
release(void *arg, const char *what, size_t done, size_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	waited += strcmp(what, "waiting for the account") == 0;
	certstore_account_free(held);
	held = NULL;
}

static void
waits(int first, int second, int want)
{
	struct certstore_account *a;

	held = account("signs", first);
	waited = 0;
	a = account("signs", second);
	is_int(waited, want, "lock %d, then %d: %s", first, second,
	    want ? "waits" : "does not wait");
	certstore_account_free(a);
	certstore_account_free(held);
	held = NULL;
}

static void
test_locks(void)
{
	const int shared = CERTSTORE_ACCOUNT_SHARED;
	const int alone = CERTSTORE_ACCOUNT_EXCLUSIVE;
	struct certstore_account *a;

	certstore_set_progress(store, release, NULL);
	waits(shared, shared, 0);
	waits(shared, alone, 1);
	waits(alone, shared, 1);
	waits(alone, alone, 1);
	waits(alone, 0, 0);
	held = made("locked", "https://locked.example/", NULL);
	waited = 0;
	a = account("locked", shared);
	is_int(waited, 1, "a new one is locked");
	certstore_account_free(a);
	certstore_set_progress(store, NULL, NULL);

	sh("mkdir store/acme/accounts/.killed@new && "
	   "touch store/acme/accounts/.killed@new/key.pem");
	noaccount("killed", CERTSTORE_ENOENTRY, "does not exist");
	a = made("killed", "https://killed.example/", NULL);
	ok(!exists(".killed@new") && exists("killed/key.pem"),
	    "what an interruption left is removed");
	certstore_account_free(a);
}

/* RFC 9773 section 4.1; the other cases are ours. */
static void
certid(const char *lines, const char *want, const char *what)
{
	struct certstore_entry *e;

	put(store, "a", 0, "c1", lines);
	if ((e = certstore_entry_get(store, "a", &err)) == NULL)
		bail("%s", err.msg);
	istext(certstore_entry_certid(e, &err), want, what);
	is_int(err.code, want == NULL ? CERTSTORE_EREFUSED : CERTSTORE_OK,
	    "and its code");
	certstore_entry_free(e);
	sh("rm -rf store/certs/a store/certs/.a@*");
}

static void
test_certid(void)
{
	static const char keyid[] =
	    "aki 69885b6b87464041e1b37b847ba0ae2cde01c8d4\n";
	char lines[256];

	snprintf(lines, sizeof(lines), "%sserial 87654321\n", keyid);
	certid(lines, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
	    "the vector of RFC 9773 section 4.1");
	snprintf(lines, sizeof(lines), "%sserial 07654321\n", keyid);
	certid(lines, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.B2VDIQ",
	    "a serial number that needs no zero");
	certid("serial 01\n", NULL, "no key identifier");
	snprintf(lines, sizeof(lines), "%sserial -01\n", keyid);
	certid(lines, NULL, "a negative serial number");
	snprintf(lines, sizeof(lines), "%sserial -001\n", keyid);
	certid(lines, NULL, "another one");
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
	test_new();
	test_names();
	test_values();
	test_damage();
	test_requests();
	test_keyjws();
	test_tokens();
	test_rollover();
	test_locks();
	test_certid();
	certstore_close(store);
	removescratch();
	return tap_done();
}
