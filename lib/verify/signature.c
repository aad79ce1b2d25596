/*
 * signature.c: whether one certificate is signed by another, within the budget
 * of one search (RFC 4158 section 3).
 */
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "verify/private.h"

/*
 * What checking a signature by this key takes, in microseconds of a slow
 * machine: with RSA it grows with the modulus and the exponent, and either may
 * have been chosen to be slow.
 */
int
cs_signature_cost(EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	double cost;
	int bits;

	if (pkey == NULL)
		return 0;
	bits = EVP_PKEY_get_bits(pkey);
	if (EVP_PKEY_is_a(pkey, "RSA") || EVP_PKEY_is_a(pkey, "RSA-PSS")) {
		cost = 1.2 * bits / 1024 * bits / 1024;
		if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1)
			cost *= BN_num_bits(e);
		BN_free(e);
	} else if (EVP_PKEY_is_a(pkey, "EC"))
		cost = bits <= 256 ? 150 : 1500;
	else
		cost = bits <= 256 ? 150 : 2000;
	ERR_clear_error();
	return cost > CS_COST_MAX ? CS_COST_MAX + 1 : (int)cost + 1;
}

int
cs_signature_samekey(X509 *a, X509 *b)
{
	const ASN1_BIT_STRING *x = X509_get0_pubkey_bitstr(a);
	const ASN1_BIT_STRING *y = X509_get0_pubkey_bitstr(b);
	int same;

	if (ASN1_STRING_cmp(x, y) != 0)
		return 0;
	same = EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
	ERR_clear_error();
	return same;
}

static struct cs_sigcheck *
newsigcheck(struct cs_search *s)
{
	struct cs_sigcheck *v;

	v = cs_array_extend(s->checks, s->ncheck, &s->checksize, sizeof(*v));
	if (v == NULL)
		return NULL;
	s->checks = v;
	return &s->checks[s->ncheck++];
}

/*
 * Is the first signed by the key of the second: 1, 0, or -1 when the budget of
 * the search is spent.  Each key is tried once on each certificate.
 */
int
cs_signature_check(struct cs_search *s, X509 *x509, X509 *issuer)
{
	EVP_PKEY *pkey = X509_get0_pubkey(issuer);
	struct cs_cache *cache = s->untrusted->cache;
	struct cs_sigcheck *c;
	int cost, yes;
	size_t i;

	if (cache != NULL && (yes = cs_cache_signed(cache, x509, issuer)) != -1)
		return yes;
	for (i = 0; i < s->ncheck; i++) {
		c = &s->checks[i];
		if (c->x509 == x509 &&
		    (c->issuer == issuer ||
			cs_signature_samekey(c->issuer, issuer)))
			return c->yes;
	}
	cost = cs_signature_cost(pkey);
	if (cost > CS_COST_MAX - s->cost || (c = newsigcheck(s)) == NULL) {
		s->gaveup = 1;
		s->nomem |= cost <= CS_COST_MAX - s->cost;
		return -1;
	}
	s->cost += cost;
	c->x509 = x509;
	c->issuer = issuer;
	c->yes = pkey != NULL && X509_verify(x509, pkey) == 1;
	ERR_clear_error();
	if (cache != NULL)
		cs_cache_addsigned(cache, x509, issuer, c->yes);
	return c->yes;
}
