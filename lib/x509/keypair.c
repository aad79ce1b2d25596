/*
 * keypair.c: whether the private part of a key belongs to its public part.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "x509/private.h"

/* The parts of an RSA key of two primes (RFC 8017, section A.1.2). */
enum { N, E, D, P, Q, DP, DQ, QI, NPARTS };
static const char *const rsaparts[NPARTS] = { OSSL_PKEY_PARAM_RSA_N,
	OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };

/* e * d is 1 modulo the prime less one, and its exponent is d modulo that. */
static int
isexponent(BIGNUM *const *v, int prime, int exponent, BIGNUM *less, BIGNUM *t,
    BN_CTX *ctx)
{
	return BN_sub(less, v[prime], BN_value_one()) == 1 &&
	    BN_mod(t, v[D], less, ctx) == 1 && BN_cmp(t, v[exponent]) == 0 &&
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

/* RFC 8017, section 3.2, but that p and q are prime is not proven. */
static int
isrsapair(EVP_PKEY *pkey)
{
	BIGNUM *less, *t, *v[NPARTS] = { NULL };
	BN_CTX *ctx;
	int i, ok = 0;

	if ((ctx = BN_CTX_secure_new()) == NULL)
		return 0;
	BN_CTX_start(ctx);
	less = BN_CTX_get(ctx);
	t = BN_CTX_get(ctx);
	for (i = 0; i < NPARTS; i++)
		if (EVP_PKEY_get_bn_param(pkey, rsaparts[i], &v[i]) != 1)
			break;
	if (i == NPARTS && t != NULL)
		ok = isproduct(v, t, ctx) &&
		    isexponent(v, P, DP, less, t, ctx) &&
		    isexponent(v, Q, DQ, less, t, ctx);
	for (i = 0; i < NPARTS; i++)
		BN_clear_free(v[i]);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return ok;
}

/*
 * 1 if the private part is that of the public one, or if libcrypto cannot tell;
 * else 0.  Of RSA EVP_PKEY_pairwise_check() also proves the primes: 30 ms with
 * 2,048 bits, where this takes 0.1.
 */
int
cs_keypair_matches(EVP_PKEY *pkey)
{
	BIGNUM *third = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	int ok;

	ERR_set_mark();
	if ((EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS")) &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) !=
		1)
		ok = isrsapair(pkey);
	else
		ok = (ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL)) !=
			NULL &&
		    EVP_PKEY_pairwise_check(ctx) != 0;
	EVP_PKEY_CTX_free(ctx);
	BN_clear_free(third);
	ERR_pop_to_mark();
	return ok;
}
