/*
 * keyform.c: keys of the usual kinds to and from ASN.1.  For each key the
 * encoders and decoders of libcrypto go through all they know, at many times
 * the price; what is unusual is left to them.
 */
#include <string.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "x509/private.h"

#define EC_PRIVATE_MAX 80 /* bytes, of a curve of 640 bits */
#define EC_PUBLIC_MAX 200 /* two coordinates, uncompressed */
#define ED_MAX 57	  /* ED448 */
#define UNCOMPRESSED 0x04 /* SEC 1, section 2.3.3 */
#define SEQUENCE 0x30	  /* tag octets */
#define CONSTRUCTED 0x20
#define CONTEXT 0x80
#define EC_NAMED "named_curve" /* OSSL_PKEY_PARAM_EC_ENCODING */

/* RFC 5915, section 3. */
struct ecprivate {
	int32_t version;
	ASN1_OCTET_STRING *key;
	ASN1_TYPE *curve;
	ASN1_BIT_STRING *pub;
};

ASN1_SEQUENCE(ECPRIVATE) = {
	ASN1_EMBED(struct ecprivate, version, INT32),
	ASN1_SIMPLE(struct ecprivate, key, ASN1_OCTET_STRING),
	ASN1_EXP_OPT(struct ecprivate, curve, ASN1_ANY, 0),
	ASN1_EXP_OPT(struct ecprivate, pub, ASN1_BIT_STRING, 1),
} static_ASN1_SEQUENCE_END_name(struct ecprivate, ECPRIVATE)

/* RFC 8017, section A.1, of two primes: n e d p q dp dq qi. */
#define RSA_PARTS 8
#define RSA_PUBLIC_PARTS 2
struct rsakey {
	int32_t version;
	BIGNUM *part[RSA_PARTS];
};

ASN1_SEQUENCE(RSAPUBLIC) = {
	ASN1_SIMPLE(struct rsakey, part[0], BIGNUM),
	ASN1_SIMPLE(struct rsakey, part[1], BIGNUM),
} static_ASN1_SEQUENCE_END_name(struct rsakey, RSAPUBLIC)

ASN1_SEQUENCE(RSAPRIVATE) = {
	ASN1_EMBED(struct rsakey, version, INT32),
	ASN1_SIMPLE(struct rsakey, part[0], BIGNUM),
	ASN1_SIMPLE(struct rsakey, part[1], BIGNUM),
	ASN1_SIMPLE(struct rsakey, part[2], CBIGNUM),
	ASN1_SIMPLE(struct rsakey, part[3], CBIGNUM),
	ASN1_SIMPLE(struct rsakey, part[4], CBIGNUM),
	ASN1_SIMPLE(struct rsakey, part[5], CBIGNUM),
	ASN1_SIMPLE(struct rsakey, part[6], CBIGNUM),
	ASN1_SIMPLE(struct rsakey, part[7], CBIGNUM),
} static_ASN1_SEQUENCE_END_name(struct rsakey, RSAPRIVATE)

static const char *const rsaparts[RSA_PARTS] = { OSSL_PKEY_PARAM_RSA_N,
	OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };

static void
ecfree(struct ecprivate *ec)
{
	if (ec == NULL)
		return;
	ASN1_STRING_clear_free(ec->key);
	ec->key = NULL;
	ASN1_item_free((ASN1_VALUE *)ec, ASN1_ITEM_rptr(ECPRIVATE));
}

/* EdDSA: the name of an algorithm whose parts are strings of octets. */
static const char *
edname(int nid)
{
	return nid == NID_ED25519 ? "ED25519" :
	    nid == NID_ED448	  ? "ED448" :
				    NULL;
}

static int
ednid(EVP_PKEY *pkey)
{
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return NID_ED25519;
	return EVP_PKEY_is_a(pkey, "ED448") ? NID_ED448 : NID_undef;
}

/* The curve of an EC key, if it is to be written as a name. */
static int
ecnid(EVP_PKEY *pkey)
{
	char text[80];

	if (!EVP_PKEY_is_a(pkey, "EC") ||
	    EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING,
		text, sizeof(text), NULL) != 1 ||
	    strcmp(text, EC_NAMED) != 0 ||
	    EVP_PKEY_get_group_name(pkey, text, sizeof(text), NULL) != 1)
		return NID_undef;
	return OBJ_sn2nid(text);
}

/* The first n parts in the form of the item: its length, or -1.  Memory is for
 * OPENSSL_free(). */
static int
encodersa(EVP_PKEY *pkey, const ASN1_ITEM *it, int n, unsigned char **der)
{
	struct rsakey *rsa;
	int i, len = -1;

	if ((rsa = (struct rsakey *)ASN1_item_new(it)) == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		BN_free(rsa->part[i]);
		rsa->part[i] = NULL;
		if (EVP_PKEY_get_bn_param(pkey, rsaparts[i], &rsa->part[i]) !=
		    1)
			break;
	}
	if (i == n)
		len = ASN1_item_i2d((ASN1_VALUE *)rsa, der, it);
	ASN1_item_free((ASN1_VALUE *)rsa, it);
	return len;
}

/* The public part of an EC or EdDSA key; key is for OPENSSL_free(). */
static int
octets(EVP_PKEY *pkey, int isec, unsigned char **key)
{
	unsigned char buf[EC_PUBLIC_MAX];
	size_t len = sizeof(buf);
	int ok;

	if (isec)
		ok = EVP_PKEY_get_octet_string_param(pkey,
		    OSSL_PKEY_PARAM_PUB_KEY, buf, sizeof(buf), &len);
	else
		ok = EVP_PKEY_get_raw_public_key(pkey, buf, &len);
	if (ok != 1 || (*key = OPENSSL_memdup(buf, len)) == NULL)
		return -1;
	return (int)len;
}

static int
fill(X509_PUBKEY *pub, EVP_PKEY *pkey)
{
	unsigned char *key = NULL;
	void *param = NULL;
	int len = -1, nid, type = V_ASN1_UNDEF, curve;

	if ((nid = ednid(pkey)) != NID_undef) {
		len = octets(pkey, 0, &key);
	} else if ((curve = ecnid(pkey)) != NID_undef) {
		nid = NID_X9_62_id_ecPublicKey;
		type = V_ASN1_OBJECT;
		param = OBJ_nid2obj(curve);
		len = octets(pkey, 1, &key);
	} else if (EVP_PKEY_is_a(pkey, "RSA")) {
		nid = NID_rsaEncryption;
		type = V_ASN1_NULL;
		len = encodersa(pkey, ASN1_ITEM_rptr(RSAPUBLIC),
		    RSA_PUBLIC_PARTS, &key);
	}
	if (len > 0 &&
	    X509_PUBKEY_set0_param(pub, OBJ_nid2obj(nid), type, param, key,
		len) == 1)
		return 1;
	OPENSSL_free(key);
	return 0;
}

int
cs_keyform_fill(X509_PUBKEY *pub, EVP_PKEY *pkey)
{
	int filled;

	ERR_set_mark();
	filled = fill(pub, pkey);
	ERR_pop_to_mark();
	return filled;
}

int
cs_keyform_spki(EVP_PKEY *pkey, unsigned char **der)
{
	X509_PUBKEY *pub;
	int len;

	*der = NULL;
	if ((pub = X509_PUBKEY_new()) == NULL)
		return -1;
	len = cs_keyform_fill(pub, pkey) ? i2d_X509_PUBKEY(pub, der) :
					   i2d_PUBKEY(pkey, der);
	X509_PUBKEY_free(pub);
	return len;
}

/* The contents of PKCS#8, which it takes over. */
static PKCS8_PRIV_KEY_INFO *
wrap(int nid, int type, void *param, unsigned char *der, int len)
{
	PKCS8_PRIV_KEY_INFO *p8;

	if ((p8 = PKCS8_PRIV_KEY_INFO_new()) != NULL &&
	    PKCS8_pkey_set0(p8, OBJ_nid2obj(nid), 0, type, param, der, len) ==
		1)
		return p8;
	OPENSSL_clear_free(der, (size_t)len);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return NULL;
}

/* Not one of more than two primes, or without all of them. */
static PKCS8_PRIV_KEY_INFO *
wraprsa(EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	BIGNUM *third = NULL;
	int len;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) ==
	    1) {
		BN_clear_free(third);
		return NULL;
	}
	len = encodersa(pkey, ASN1_ITEM_rptr(RSAPRIVATE), RSA_PARTS, &der);
	if (len <= 0)
		return NULL;
	return wrap(NID_rsaEncryption, V_ASN1_NULL, NULL, der, len);
}

/* RFC 8410, section 7: an OCTET STRING. */
static PKCS8_PRIV_KEY_INFO *
wraped(EVP_PKEY *pkey, int nid)
{
	ASN1_OCTET_STRING *os;
	unsigned char raw[ED_MAX], *der = NULL;
	size_t rawlen = sizeof(raw);
	int len = -1;

	if ((os = ASN1_OCTET_STRING_new()) != NULL &&
	    EVP_PKEY_get_raw_private_key(pkey, raw, &rawlen) == 1 &&
	    ASN1_OCTET_STRING_set(os, raw, (int)rawlen) == 1)
		len = i2d_ASN1_OCTET_STRING(os, &der);
	OPENSSL_cleanse(raw, sizeof(raw));
	ASN1_STRING_clear_free(os);
	return len > 0 ? wrap(nid, V_ASN1_UNDEF, NULL, der, len) : NULL;
}

/* As long as the order of the group (RFC 5915, section 3). */
static int
setscalar(struct ecprivate *ec, EVP_PKEY *pkey)
{
	unsigned char buf[EC_PRIVATE_MAX];
	BIGNUM *bn = NULL, *order = NULL;
	int len, ok = 0;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &bn) == 1 &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_ORDER, &order) ==
		1 &&
	    (len = BN_num_bytes(order)) <= (int)sizeof(buf) &&
	    BN_bn2binpad(bn, buf, len) == len)
		ok = ASN1_OCTET_STRING_set(ec->key, buf, len);
	OPENSSL_cleanse(buf, sizeof(buf));
	BN_clear_free(bn);
	BN_free(order);
	return ok == 1;
}

static int
setpublic(struct ecprivate *ec, EVP_PKEY *pkey)
{
	unsigned char *pub = NULL;
	int len;

	if ((len = octets(pkey, 1, &pub)) == -1 ||
	    (ec->pub = ASN1_BIT_STRING_new()) == NULL) {
		OPENSSL_free(pub);
		return 0;
	}
	ASN1_STRING_set0(ec->pub, pub, len);
	ec->pub->flags |= ASN1_STRING_FLAG_BITS_LEFT; /* none are unused */
	return 1;
}

/* A key that came without its public part goes without. */
static PKCS8_PRIV_KEY_INFO *
wrapec(EVP_PKEY *pkey, int curve)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	struct ecprivate *ec;
	unsigned char *der = NULL;
	int has = 1, len;

	EVP_PKEY_get_int_param(pkey, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, &has);
	ec = (struct ecprivate *)ASN1_item_new(ASN1_ITEM_rptr(ECPRIVATE));
	if (ec == NULL)
		return NULL;
	ec->version = 1;
	if (setscalar(ec, pkey) && (!has || setpublic(ec, pkey)) &&
	    (len = ASN1_item_i2d((ASN1_VALUE *)ec, &der,
		 ASN1_ITEM_rptr(ECPRIVATE))) > 0)
		p8 = wrap(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT,
		    OBJ_nid2obj(curve), der, len);
	ecfree(ec);
	return p8;
}

PKCS8_PRIV_KEY_INFO *
cs_keyform_wrap(EVP_PKEY *pkey)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	int nid;

	ERR_set_mark();
	if ((nid = ednid(pkey)) != NID_undef)
		p8 = wraped(pkey, nid);
	else if ((nid = ecnid(pkey)) != NID_undef)
		p8 = wrapec(pkey, nid);
	else if (EVP_PKEY_is_a(pkey, "RSA"))
		p8 = wraprsa(pkey);
	ERR_pop_to_mark();
	return p8 != NULL ? p8 : EVP_PKEY2PKCS8(pkey);
}

static EVP_PKEY *
fromdata(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;

	if ((ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL)) != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* libcrypto sees to it that the public part is on the curve. */
static EVP_PKEY *
eckey(int curve, BIGNUM *scalar, const ASN1_BIT_STRING *pub)
{
	char group[80];
	unsigned char key[EC_PRIVATE_MAX], point[EC_PUBLIC_MAX];
	OSSL_PARAM params[4];
	EVP_PKEY *pkey;
	size_t len = (size_t)ASN1_STRING_length(pub);

	if (OBJ_nid2sn(curve) == NULL || len > sizeof(point) ||
	    BN_bn2nativepad(scalar, key, sizeof(key)) == -1)
		return NULL;
	snprintf(group, sizeof(group), "%s", OBJ_nid2sn(curve));
	memcpy(point, ASN1_STRING_get0_data(pub), len);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
	    group, 0);
	params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, key,
	    sizeof(key));
	params[2] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
	    point, len);
	params[3] = OSSL_PARAM_construct_end();
	pkey = fromdata("EC", params);
	OPENSSL_cleanse(key, sizeof(key));
	return pkey;
}

/* The curve it names, which has to be that of PKCS#8, if there is one. */
static int
curveof(const struct ecprivate *ec, int outer)
{
	int curve;

	if (ec->curve == NULL)
		return outer;
	if (ASN1_TYPE_get(ec->curve) != V_ASN1_OBJECT)
		return NID_undef;
	curve = OBJ_obj2nid(ec->curve->value.object);
	return outer == NID_undef || outer == curve ? curve : NID_undef;
}

static EVP_PKEY *
unwrapec(const unsigned char *der, long len, int outer)
{
	const unsigned char *p = der;
	struct ecprivate *ec;
	EVP_PKEY *pkey = NULL;
	BIGNUM *scalar = NULL;
	int curve;

	ec = (struct ecprivate *)ASN1_item_d2i(NULL, &p, len,
	    ASN1_ITEM_rptr(ECPRIVATE));
	if (ec == NULL)
		return NULL;
	if (p == der + len && ec->version == 1 && ec->pub != NULL &&
	    (ec->pub->flags & 0x07) == 0 && ASN1_STRING_length(ec->pub) > 0 &&
	    ASN1_STRING_get0_data(ec->pub)[0] == UNCOMPRESSED &&
	    (curve = curveof(ec, outer)) != NID_undef &&
	    (scalar = BN_bin2bn(ASN1_STRING_get0_data(ec->key),
		 ASN1_STRING_length(ec->key), NULL)) != NULL)
		pkey = eckey(curve, scalar, ec->pub);
	BN_clear_free(scalar);
	ecfree(ec);
	return pkey;
}

/* What is secret is a CBIGNUM, whose copies are wiped, too. */
static EVP_PKEY *
unwraprsa(const unsigned char *der, long len)
{
	const unsigned char *p = der;
	struct rsakey *rsa;
	OSSL_PARAM_BLD *bld;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *pkey = NULL;
	int i;

	rsa = (struct rsakey *)ASN1_item_d2i(NULL, &p, len,
	    ASN1_ITEM_rptr(RSAPRIVATE));
	if (rsa == NULL)
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	for (i = 0; bld != NULL && i < RSA_PARTS; i++)
		if (OSSL_PARAM_BLD_push_BN(bld, rsaparts[i], rsa->part[i]) != 1)
			break;
	if (i == RSA_PARTS && p == der + len && rsa->version == 0 &&
	    (params = OSSL_PARAM_BLD_to_param(bld)) != NULL)
		pkey = fromdata("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	ASN1_item_free((ASN1_VALUE *)rsa, ASN1_ITEM_rptr(RSAPRIVATE));
	return pkey;
}

EVP_PKEY *
cs_keyform_pkcs1(const unsigned char *der, size_t len)
{
	EVP_PKEY *pkey;

	ERR_set_mark();
	pkey = unwraprsa(der, (long)len);
	ERR_pop_to_mark();
	return pkey;
}

EVP_PKEY *
cs_keyform_sec1(const unsigned char *der, size_t len)
{
	EVP_PKEY *pkey;

	ERR_set_mark();
	pkey = unwrapec(der, (long)len, NID_undef);
	ERR_pop_to_mark();
	return pkey;
}

static EVP_PKEY *
unwraped(const unsigned char *der, long len, const char *name)
{
	const unsigned char *p = der;
	ASN1_OCTET_STRING *os;
	EVP_PKEY *pkey = NULL;

	os = d2i_ASN1_OCTET_STRING(NULL, &p, len);
	if (os != NULL && p == der + len)
		pkey = EVP_PKEY_new_raw_private_key_ex(NULL, name, NULL,
		    ASN1_STRING_get0_data(os), (size_t)ASN1_STRING_length(os));
	ASN1_STRING_clear_free(os);
	return pkey;
}

EVP_PKEY *
cs_keyform_unwrap(const PKCS8_PRIV_KEY_INFO *p8)
{
	const unsigned char *der;
	const X509_ALGOR *alg;
	const ASN1_OBJECT *obj;
	const void *curve;
	EVP_PKEY *pkey = NULL;
	int len, nid, type;

	if (PKCS8_pkey_get0(&obj, &der, &len, &alg, p8) != 1)
		return NULL;
	nid = OBJ_obj2nid(obj);
	X509_ALGOR_get0(NULL, &type, &curve, alg);
	ERR_set_mark();
	if (nid == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT)
		pkey = unwrapec(der, len, OBJ_obj2nid(curve));
	else if (edname(nid) != NULL && type == V_ASN1_UNDEF)
		pkey = unwraped(der, len, edname(nid));
	else if (nid == NID_rsaEncryption && type == V_ASN1_NULL)
		pkey = unwraprsa(der, len);
	ERR_pop_to_mark();
	return pkey;
}

/* The parts of an RSA key of two primes, and numbers to reckon with. */
enum { N, E, D, P, Q, DP, DQ, QI };

/* d undoes e modulo this prime, and its share of d is that. */
static int
isexponent(BIGNUM *const *v, int prime, int share, BIGNUM *less, BIGNUM *t,
    BN_CTX *ctx)
{
	return BN_sub(less, v[prime], BN_value_one()) == 1 &&
	    BN_mod(t, v[D], less, ctx) == 1 && BN_cmp(t, v[share]) == 0 &&
	    BN_mod_mul(t, t, v[E], less, ctx) == 1 && BN_is_one(t);
}

static int
isproduct(BIGNUM *const *v, BIGNUM *t, BN_CTX *ctx)
{
	return BN_cmp(v[P], BN_value_one()) > 0 &&
	    BN_cmp(v[Q], BN_value_one()) > 0 &&
	    BN_mul(t, v[P], v[Q], ctx) == 1 && BN_cmp(t, v[N]) == 0 &&
	    BN_mod_mul(t, v[Q], v[QI], v[P], ctx) == 1 && BN_is_one(t);
}

/* RFC 8017, section 3.2, but for whether the primes are. */
static int
isrsapair(EVP_PKEY *pkey)
{
	BIGNUM *less, *t, *v[RSA_PARTS] = { NULL };
	BN_CTX *ctx;
	int i, ok = 0;

	if ((ctx = BN_CTX_secure_new()) == NULL)
		return 0;
	BN_CTX_start(ctx);
	less = BN_CTX_get(ctx);
	t = BN_CTX_get(ctx);
	for (i = 0; i < RSA_PARTS; i++)
		if (EVP_PKEY_get_bn_param(pkey, rsaparts[i], &v[i]) != 1)
			break;
	if (i == RSA_PARTS && t != NULL)
		ok = isproduct(v, t, ctx) &&
		    isexponent(v, P, DP, less, t, ctx) &&
		    isexponent(v, Q, DQ, less, t, ctx);
	for (i = 0; i < RSA_PARTS; i++)
		BN_clear_free(v[i]);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return ok;
}

/* libcrypto's own check looks for primes, too, which takes 30 ms. */
int
cs_keyform_ispair(EVP_PKEY *pkey)
{
	BIGNUM *third = NULL;
	EVP_PKEY_CTX *ctx;
	int ok = 0;

	ERR_set_mark();
	if ((EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS")) &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) !=
		1)
		ok = isrsapair(pkey);
	else if ((ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) != NULL) {
		ok = EVP_PKEY_pairwise_check(ctx) != 0;
		EVP_PKEY_CTX_free(ctx);
	}
	BN_clear_free(third);
	ERR_pop_to_mark();
	return ok;
}
