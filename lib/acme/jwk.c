/*
 * jwk.c: keys for JWS: the algorithm of each, as JSON Web Key, and read from
 * one (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include <sha2.h>

#include "acme/private.h"

#define POINT_MAX (1 + 2 * 66) /* uncompressed, of P-521 */

static const struct cs_jwsalg algs[] = {
	{ "ES256", CS_JWS_EC, "P-256", SN_X9_62_prime256v1, "SHA256", 32 },
	{ "ES384", CS_JWS_EC, "P-384", SN_secp384r1, "SHA384", 48 },
	{ "RS256", CS_JWS_RSA, NULL, NULL, "SHA256", 0 },
	{ "EdDSA", CS_JWS_OKP, "Ed25519", NULL, NULL, 32 }
};
#define NALGS (sizeof(algs) / sizeof(algs[0]))

static int
isofalg(EVP_PKEY *pkey, const struct cs_jwsalg *alg)
{
	char group[80];

	switch (alg->kty) {
	case CS_JWS_EC:
		return EVP_PKEY_is_a(pkey, "EC") &&
		    EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) ==
		    1 &&
		    strcmp(group, alg->group) == 0;
	case CS_JWS_RSA:
		return EVP_PKEY_is_a(pkey, "RSA");
	default:
		return EVP_PKEY_is_a(pkey, "ED25519");
	}
}

const struct cs_jwsalg *
cs_jwk_alg(EVP_PKEY *pkey)
{
	const struct cs_jwsalg *found = NULL;
	size_t i;

	ERR_set_mark();
	for (i = 0; i < NALGS && found == NULL; i++)
		if (isofalg(pkey, &algs[i]))
			found = &algs[i];
	ERR_pop_to_mark();
	return found;
}

/* May it be an account's key? */
int
cs_jwk_check(const char *label, EVP_PKEY *pkey, struct certstore_error *err)
{
	char name[80];

	cs_key_name(pkey, name, sizeof(name));
	if (cs_jwk_alg(pkey) == NULL)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: ACME servers accept no key of type %s: use p256, "
		    "p384, ed25519 or RSA",
		    label, name);
	if (cs_strength_isweak(pkey))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the key is weak (%s): use p256, p384, ed25519, or "
		    "RSA with 2048 bits or more",
		    label, name);
	if (!cs_keypair_matches(pkey))
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: this private key is damaged, its public part does "
		    "not match: copy it again",
		    label);
	return 0;
}

/* Appends ,"NAME":"VALUE" without the comma. */
static int
addmember(struct cs_buf *b, const char *name, const void *value, size_t len)
{
	return cs_buf_printf(b, "\"%s\":\"", name) == -1 ||
		cs_base64url_add(b, value, len) == -1 ||
		cs_buf_adds(b, "\"") == -1 ?
	    -1 :
	    0;
}

/* A number in as few bytes as it needs (RFC 7518 section 6.3.1). */
static int
addnumber(struct cs_buf *b, const char *name, EVP_PKEY *pkey, const char *param)
{
	unsigned char raw[CS_RSA_MAX];
	BIGNUM *bn = NULL;
	int len, rv = -1;

	if (EVP_PKEY_get_bn_param(pkey, param, &bn) == 1 &&
	    BN_num_bytes(bn) <= (int)sizeof(raw) &&
	    (len = BN_bn2bin(bn, raw)) > 0)
		rv = addmember(b, name, raw, (size_t)len);
	BN_free(bn);
	return rv;
}

static int
addrsa(struct cs_buf *b, EVP_PKEY *pkey)
{
	return cs_buf_adds(b, "{") == -1 ||
		addnumber(b, "e", pkey, OSSL_PKEY_PARAM_RSA_E) == -1 ||
		cs_buf_adds(b, ",\"kty\":\"RSA\",") == -1 ||
		addnumber(b, "n", pkey, OSSL_PKEY_PARAM_RSA_N) == -1 ?
	    -1 :
	    0;
}

static int
addec(struct cs_buf *b, const struct cs_jwsalg *alg, EVP_PKEY *pkey)
{
	unsigned char *point = NULL;
	size_t len;
	int rv = -1;

	len = EVP_PKEY_get1_encoded_public_key(pkey, &point);
	if (len == 1 + 2 * alg->len &&
	    point[0] == POINT_CONVERSION_UNCOMPRESSED &&
	    cs_buf_printf(b, "{\"crv\":\"%s\",\"kty\":\"EC\",", alg->curve) ==
		0 &&
	    addmember(b, "x", point + 1, alg->len) == 0 &&
	    cs_buf_adds(b, ",") == 0)
		rv = addmember(b, "y", point + 1 + alg->len, alg->len);
	OPENSSL_free(point);
	return rv;
}

static int
addokp(struct cs_buf *b, const struct cs_jwsalg *alg, EVP_PKEY *pkey)
{
	unsigned char raw[32];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1 ||
	    cs_buf_printf(b, "{\"crv\":\"%s\",\"kty\":\"OKP\",", alg->curve) ==
		-1)
		return -1;
	return addmember(b, "x", raw, len);
}

int
cs_jwk_add(struct cs_buf *b, EVP_PKEY *pkey, struct certstore_error *err)
{
	const struct cs_jwsalg *alg = cs_jwk_alg(pkey);
	int rv = -1;

	ERR_clear_error();
	if (alg != NULL && alg->kty == CS_JWS_EC)
		rv = addec(b, alg, pkey);
	else if (alg != NULL && alg->kty == CS_JWS_RSA)
		rv = addrsa(b, pkey);
	else if (alg != NULL)
		rv = addokp(b, alg, pkey);
	if (rv == 0 && cs_buf_adds(b, "}") == 0) {
		ERR_clear_error(); /* what libcrypto got over */
		return 0;
	}
	return ERR_peek_error() == 0 ? cs_fail_nomem(err) :
				       cs_fail_crypto(err, CERTSTORE_ECRYPTO,
					   "the public key cannot be encoded");
}

int
cs_jwk_thumbprint(struct cs_buf *b, EVP_PKEY *pkey, struct certstore_error *err)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	struct cs_buf jwk = { 0 };
	SHA2_CTX ctx;
	int rv;

	if ((rv = cs_jwk_add(&jwk, pkey, err)) == 0) {
		SHA256Init(&ctx);
		SHA256Update(&ctx, (const unsigned char *)jwk.p, jwk.len);
		SHA256Final(md, &ctx);
		if ((rv = cs_base64url_add(b, md, sizeof(md))) == -1)
			cs_fail_nomem(err);
	}
	cs_buf_free(&jwk);
	return rv;
}

/* A JWK while it is read. */
struct jwk {
	const char *label;
	struct cs_member v[CS_MEMBERS_MAX];
	size_t n;
	struct certstore_error *err;
};

static const struct cs_member *
findmember(const struct jwk *j, const char *name)
{
	size_t i;

	for (i = 0; i < j->n; i++)
		if (j->v[i].namelen == strlen(name) &&
		    memcmp(j->v[i].name, name, j->v[i].namelen) == 0)
			return &j->v[i];
	return NULL;
}

static int
ismember(const struct jwk *j, const char *name, const char *value)
{
	const struct cs_member *m = findmember(j, name);

	return m != NULL && m->len == strlen(value) &&
	    memcmp(m->value, value, m->len) == 0;
}

/* The bytes of a member, of this length if it is not 0. */
static int
readbytes(const struct jwk *j, const char *name, size_t len, struct cs_buf *b)
{
	const struct cs_member *m = findmember(j, name);
	int rv;

	cs_buf_reset(b);
	if (m == NULL)
		return cs_fail(j->err, CERTSTORE_EINPUT,
		    "%s: not a private key: this JWK has no member %s",
		    j->label, name);
	if ((rv = cs_base64url_decode(b, m->value, m->len)) == -1)
		return cs_fail_nomem(j->err);
	if (rv == 0 || b->len == 0 || (len != 0 && b->len != len))
		return cs_fail(j->err, CERTSTORE_EINPUT,
		    "%s: the member %s of this JWK is damaged: copy it again",
		    j->label, name);
	return 0;
}

static EVP_PKEY *
makejwk(const struct jwk *j, const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
		pkey = NULL;
		cs_fail_crypto(j->err, CERTSTORE_EINPUT,
		    "%s: this JWK is damaged: copy it again", j->label);
	}
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

/* The private numbers are marked, so that libcrypto wipes them. */
static BIGNUM *
makenumber(const struct cs_buf *b)
{
	BIGNUM *bn = BN_secure_new();

	if (bn != NULL &&
	    BN_bin2bn((const unsigned char *)b->p, (int)b->len, bn) == NULL) {
		BN_clear_free(bn);
		bn = NULL;
	}
	return bn;
}

static EVP_PKEY *
readrsa(const struct jwk *j)
{
	static const struct {
		const char *name, *param;
	} parts[] = { { "n", OSSL_PKEY_PARAM_RSA_N },
		{ "e", OSSL_PKEY_PARAM_RSA_E }, { "d", OSSL_PKEY_PARAM_RSA_D },
		{ "p", OSSL_PKEY_PARAM_RSA_FACTOR1 },
		{ "q", OSSL_PKEY_PARAM_RSA_FACTOR2 },
		{ "dp", OSSL_PKEY_PARAM_RSA_EXPONENT1 },
		{ "dq", OSSL_PKEY_PARAM_RSA_EXPONENT2 },
		{ "qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1 } };
	BIGNUM *bn[sizeof(parts) / sizeof(parts[0])] = { NULL };
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;
	struct cs_buf b = { 0 };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (readbytes(j, parts[i].name, 0, &b) == -1)
			goto out;
		if (b.len > CS_RSA_MAX) {
			cs_fail(j->err, CERTSTORE_EINPUT,
			    "%s: the member %s of this JWK is too long",
			    j->label, parts[i].name);
			goto out;
		}
		if (bld == NULL || (bn[i] = makenumber(&b)) == NULL ||
		    OSSL_PARAM_BLD_push_BN(bld, parts[i].param, bn[i]) != 1) {
			cs_fail_nomem(j->err);
			goto out;
		}
	}
	pkey = makejwk(j, "RSA", bld);
out:
	OSSL_PARAM_BLD_free(bld);
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		BN_clear_free(bn[i]);
	cs_buf_free(&b);
	return pkey;
}

static EVP_PKEY *
readec(const struct jwk *j, const struct cs_jwsalg *alg)
{
	unsigned char point[POINT_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM_BLD *bld = NULL;
	struct cs_buf b = { 0 };
	BIGNUM *d = NULL;
	EVP_PKEY *pkey = NULL;

	if (readbytes(j, "x", alg->len, &b) == -1)
		goto out;
	memcpy(point + 1, b.p, alg->len);
	if (readbytes(j, "y", alg->len, &b) == -1)
		goto out;
	memcpy(point + 1 + alg->len, b.p, alg->len);
	if (readbytes(j, "d", alg->len, &b) == -1)
		goto out;
	if ((d = makenumber(&b)) == NULL ||
	    (bld = OSSL_PARAM_BLD_new()) == NULL ||
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
		alg->group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
		point, 1 + 2 * alg->len) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1)
		cs_fail_nomem(j->err);
	else
		pkey = makejwk(j, "EC", bld);
out:
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	cs_buf_free(&b);
	return pkey;
}

/* Whether the public key is the one that the JWK claims is not left to
 * libcrypto, which derives it. */
static EVP_PKEY *
readokp(const struct jwk *j, const struct cs_jwsalg *alg)
{
	unsigned char raw[32];
	struct cs_buf b = { 0 }, x = { 0 };
	size_t len = sizeof(raw);
	EVP_PKEY *pkey = NULL;

	if (readbytes(j, "d", alg->len, &b) == 0 &&
	    readbytes(j, "x", alg->len, &x) == 0) {
		pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL,
		    (const unsigned char *)b.p, b.len);
		if (pkey == NULL ||
		    EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1 ||
		    len != x.len || memcmp(raw, x.p, len) != 0) {
			cs_fail_crypto(j->err, CERTSTORE_EINPUT,
			    "%s: this JWK is damaged: copy it again", j->label);
			EVP_PKEY_free(pkey);
			pkey = NULL;
		}
	}
	cs_buf_free(&b);
	cs_buf_free(&x);
	return pkey;
}

static EVP_PKEY *
readjwk(const char *label, const void *data, size_t len,
    struct certstore_error *err)
{
	struct jwk j = { .label = label, .err = err };
	const char *flaw;
	size_t i;

	ERR_clear_error();
	if ((flaw = cs_jsontext_read(data, len, &j.n, j.v)) != NULL) {
		cs_fail(err, CERTSTORE_EINPUT, "%s: this JWK %s: copy it again",
		    label, flaw);
		return NULL;
	}
	if (ismember(&j, "kty", "RSA"))
		return readrsa(&j);
	for (i = 0; i < NALGS; i++) {
		if (algs[i].curve == NULL ||
		    !ismember(&j, "crv", algs[i].curve))
			continue;
		if (algs[i].kty == CS_JWS_EC && ismember(&j, "kty", "EC"))
			return readec(&j, &algs[i]);
		if (algs[i].kty == CS_JWS_OKP && ismember(&j, "kty", "OKP"))
			return readokp(&j, &algs[i]);
	}
	cs_fail(err, CERTSTORE_EINPUT,
	    "%s: this JWK is of an unknown kind: use RSA, P-256, P-384 or "
	    "Ed25519",
	    label);
	return NULL;
}

EVP_PKEY *
cs_jwk_parse(const char *label, const void *data, size_t len,
    struct certstore_error *err)
{
	const char *p = data;
	struct cs_buf b = { 0 };
	EVP_PKEY *pkey = NULL;
	size_t i = 0;

	if (cs_crypto_check(err) == -1)
		return NULL;
	while (i < len && (p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r')))
		i++;
	if (i < len && p[i] == '{')
		pkey = readjwk(label, data, len, err);
	else if (cs_buf_add(&b, data, len) == -1)
		cs_fail_nomem(err);
	else
		pkey = cs_key_frompem(label, &b, NULL, err);
	cs_buf_free(&b);
	if (pkey != NULL && cs_jwk_check(label, pkey, err) == -1) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	ERR_clear_error();
	return pkey;
}
