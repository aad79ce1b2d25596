/*
 * cache.c: cache of CA certificates and of verified signatures, for many
 * verifications in a row.
 */
#include <stdlib.h>
#include <string.h>

#include "verify/private.h"

#define DER_MAX 8192 /* bytes: no CA of use is larger */

/* Borrowed, or NULL. */
X509 *
cs_cache_find(const struct cs_cache *cache, const unsigned char *der,
    size_t len)
{
	const struct cs_cache_cert *c;
	size_t i;

	for (i = 0; i < CS_CACHE_MAX; i++) {
		c = &cache->cert[i];
		if (c->derlen == len && c->x509 != NULL &&
		    memcmp(c->der, der, len) == 0)
			return c->x509;
	}
	return NULL;
}

/* Replaces the oldest.  A certificate that is not added is no failure. */
void
cs_cache_add(struct cs_cache *cache, const unsigned char *der, size_t len,
    X509 *x509)
{
	struct cs_cache_cert *c = &cache->cert[cache->nextcert];
	unsigned char *copy;

	if (len > DER_MAX || (copy = malloc(len)) == NULL)
		return;
	if (X509_up_ref(x509) != 1) {
		free(copy);
		return;
	}
	memcpy(copy, der, len);
	free(c->der);
	X509_free(c->x509);
	c->der = copy;
	c->derlen = len;
	c->x509 = x509;
	cache->nextcert = (cache->nextcert + 1) % CS_CACHE_MAX;
}

/* Is the first signed by the second: 1 good, 0 bad, -1 not cached. */
int
cs_cache_signed(const struct cs_cache *cache, const X509 *x509,
    const X509 *issuer)
{
	const struct cs_sigcheck *c;
	size_t i;

	for (i = 0; i < CS_CACHE_MAX; i++) {
		c = &cache->check[i];
		if (c->x509 == x509 && c->issuer == issuer)
			return c->yes;
	}
	return -1;
}

/* Adds an answer about a cached certificate.  References to both are held,
 * since the answer is found by their addresses. */
void
cs_cache_addsigned(struct cs_cache *cache, X509 *x509, X509 *issuer, int yes)
{
	struct cs_sigcheck *c = &cache->check[cache->nextcheck];
	size_t i;

	for (i = 0; i < CS_CACHE_MAX; i++)
		if (cache->cert[i].x509 == x509)
			break;
	if (i == CS_CACHE_MAX || X509_up_ref(x509) != 1)
		return;
	if (X509_up_ref(issuer) != 1) {
		X509_free(x509);
		return;
	}
	X509_free(c->x509);
	X509_free(c->issuer);
	c->x509 = x509;
	c->issuer = issuer;
	c->yes = yes;
	cache->nextcheck = (cache->nextcheck + 1) % CS_CACHE_MAX;
}

void
cs_cache_free(struct cs_cache *cache)
{
	size_t i;

	for (i = 0; i < CS_CACHE_MAX; i++) {
		free(cache->cert[i].der);
		X509_free(cache->cert[i].x509);
		X509_free(cache->check[i].x509);
		X509_free(cache->check[i].issuer);
	}
	memset(cache, 0, sizeof(*cache));
}
