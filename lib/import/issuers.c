/*
 * issuers.c: finds the issuers of each certificate, in the input by subject and
 * in the store, and notes which certificates of the input were used.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "import/private.h"

#define ABOVE_MAX 64 /* possible issuers of one certificate */

/* The index in ca of the first with that subject, or where it would be. */
static size_t
firstbysubject(const struct cs_pool *pool, const X509_NAME *subject)
{
	size_t low = 0, high = pool->nca, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (X509_NAME_cmp(X509_get_subject_name(pool->ca[mid]->x509),
			subject) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int
issubject(const struct cs_pool *pool, size_t i, const X509_NAME *subject)
{
	return i < pool->nca &&
	    X509_NAME_cmp(X509_get_subject_name(pool->ca[i]->x509), subject) ==
	    0;
}

/* A new stack, which holds no references, of all possible issuers. */
static STACK_OF(X509) *
collectabove(struct cs_pool *pool, const struct cs_pool_cert *cert,
    struct certstore_error *err)
{
	const X509_NAME *issuer;
	STACK_OF(X509) *stack;
	X509 *x509 = cert->x509;
	char name[sizeof(err->msg)];
	size_t i;
	int j, next = 0;

	if ((stack = sk_X509_new_null()) == NULL)
		goto nomem;
	pool->asked++;
	for (;;) {
		issuer = X509_get_issuer_name(x509);
		for (i = firstbysubject(pool, issuer);
		     issubject(pool, i, issuer); i++) {
			if (pool->ca[i]->asked == pool->asked ||
			    pool->ca[i] == cert ||
			    !cs_cert_mayissue(pool->ca[i]->x509, x509))
				continue;
			pool->ca[i]->asked = pool->asked;
			if (sk_X509_push(stack, pool->ca[i]->x509) <= 0)
				goto nomem;
		}
		if (sk_X509_num(stack) > ABOVE_MAX) {
			cs_fail(err, CERTSTORE_EINPUT,
			    "%s: has more than %d possible issuers: import "
			    "it with its own chain only",
			    cs_poolcert_name(cert, name, sizeof(name)),
			    ABOVE_MAX);
			goto fail;
		}
		if (next == sk_X509_num(stack))
			break;
		x509 = sk_X509_value(stack, next++);
	}
	for (j = 0; j < sk_X509_num(pool->known); j++)
		if (sk_X509_push(stack, sk_X509_value(pool->known, j)) <= 0)
			goto nomem;
	return stack;
nomem:
	cs_fail_nomem(err);
fail:
	ERR_clear_error();
	sk_X509_free(stack);
	return NULL;
}

/* The only possible issuer; NULL if there is none or more than one. */
static X509 *
onlyissuer(const struct cs_pool *pool, X509 *x509)
{
	const X509_NAME *issuer = X509_get_issuer_name(x509);
	X509 *found = NULL, *x;
	size_t i;
	int j, n = 0;

	for (i = firstbysubject(pool, issuer);
	     n < 2 && issubject(pool, i, issuer); i++) {
		if (cs_cert_mayissue(pool->ca[i]->x509, x509)) {
			found = pool->ca[i]->x509;
			n++;
		}
	}
	for (j = 0; n < 2 && j < sk_X509_num(pool->known); j++) {
		x = sk_X509_value(pool->known, j);
		if (X509_NAME_cmp(X509_get_subject_name(x), issuer) == 0 &&
		    cs_cert_mayissue(x, x509)) {
			found = x;
			n++;
		}
	}
	return n == 1 ? found : NULL;
}

static int
copyissuers(struct cs_issuers *to, const struct cs_issuers *from,
    struct certstore_error *err)
{
	to->complete = from->complete;
	to->chain = X509_chain_up_ref(from->chain);
	to->above = X509_chain_up_ref(from->above);
	return to->chain == NULL || to->above == NULL ? cs_fail_nomem(err) : 0;
}

/* Looks up the chain of an issuer: 1, 0 not cached, -1.  Only the signature of
 * x509 is verified then. */
static int
recallissuers(const struct cs_pool *pool, X509 *x509, X509 *issuer,
    struct cs_issuers *above, struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < pool->nmemo; i++) {
		if (sk_X509_value(pool->memo[i].above, 0) != issuer ||
		    cs_cert_is_signed_by(x509, issuer) != 1)
			continue;
		return copyissuers(above, &pool->memo[i], err) == -1 ? -1 : 1;
	}
	return 0;
}

static int
learnissuers(struct cs_pool *pool, const struct cs_issuers *above,
    struct certstore_error *err)
{
	X509 *issuer;
	size_t i;

	if (!above->complete || sk_X509_num(above->above) < 1 ||
	    pool->nmemo == CS_MEMO_MAX)
		return 0;
	issuer = sk_X509_value(above->above, 0);
	for (i = 0; i < pool->nmemo; i++)
		if (sk_X509_value(pool->memo[i].above, 0) == issuer)
			return 0;
	return copyissuers(&pool->memo[pool->nmemo++], above, err);
}

void
cs_issuers_free(struct cs_issuers *above)
{
	sk_X509_pop_free(above->chain, X509_free);
	sk_X509_pop_free(above->above, X509_free);
	above->chain = above->above = NULL;
	above->complete = 0;
}

/* Forgets the chains and the issuers found in the store. */
void
cs_issuers_forget(struct cs_pool *pool)
{
	sk_X509_pop_free(pool->known, X509_free);
	pool->known = NULL;
	while (pool->nmemo > 0)
		cs_issuers_free(&pool->memo[--pool->nmemo]);
}

int
cs_issuers_build(struct cs_pool *pool, struct certstore *store,
    const struct cs_pool_cert *cert, STACK_OF(X509) *more,
    struct cs_issuers *above, struct certstore_error *err)
{
	STACK_OF(X509) *stack;
	X509 *issuer = NULL;
	int rv = 0;

	cs_issuers_free(above);
	if (more == NULL && !cert->ca)
		issuer = onlyissuer(pool, cert->x509);
	if (issuer != NULL)
		rv = recallissuers(pool, cert->x509, issuer, above, err);
	if (rv != 0)
		return rv == 1 ? 0 : -1;
	if ((stack = collectabove(pool, cert, err)) == NULL)
		return -1;
	if (more != NULL &&
	    X509_add_certs(stack, more, X509_ADD_FLAG_DEFAULT) != 1)
		rv = cs_fail_nomem(err);
	else
		rv = cs_chain_build(store, cert->x509, stack, &above->chain,
		    &above->above, &above->complete, err);
	sk_X509_free(stack);
	if (rv == 0 && more == NULL && !cert->ca)
		rv = learnissuers(pool, above, err);
	return rv;
}

static int
isstoreissuer(const struct cs_pool *pool, X509 *x509)
{
	int i;

	for (i = 0; i < sk_X509_num(pool->known); i++)
		if (cs_cert_same(sk_X509_value(pool->known, i), x509) == 1)
			return 1;
	return 0;
}

int
cs_issuers_use(struct cs_pool *pool, STACK_OF(X509) *above,
    struct certstore_error *err)
{
	const X509_NAME *subject;
	X509 *x509;
	size_t i;
	int found, j;

	for (j = 0; j < sk_X509_num(above); j++) {
		x509 = sk_X509_value(above, j);
		subject = X509_get_subject_name(x509);
		found = 0;
		for (i = firstbysubject(pool, subject);
		     !found && issubject(pool, i, subject); i++) {
			found = cs_cert_same(pool->ca[i]->x509, x509) == 1;
			if (found)
				pool->ca[i]->related = 1;
		}
		/* found in the store: kept for the next certificate */
		if (found || sk_X509_num(pool->known) >= ABOVE_MAX ||
		    isstoreissuer(pool, x509))
			continue;
		if ((pool->known == NULL &&
			(pool->known = sk_X509_new_null()) == NULL) ||
		    X509_add_cert(pool->known, x509, X509_ADD_FLAG_UP_REF) != 1)
			return cs_fail_nomem(err);
	}
	return 0;
}

/* Does it have the key of a certificate in some chain, or did it sign that one?
 * Bundles often hold both ends of a cross-signature. */
static int
isequivalent(struct cs_pool_cert *cert, struct cs_pool_cert *used)
{
	return strcmp(cert->spki, used->spki) == 0 ||
	    (cs_cert_mayissue(cert->x509, used->x509) &&
		cs_cert_is_signed_by(used->x509, cert->x509) == 1);
}

static int
relatesubject(struct cs_pool *pool, struct cs_pool_cert *used,
    const X509_NAME *subject)
{
	size_t i;
	int n = 0;

	for (i = firstbysubject(pool, subject); issubject(pool, i, subject);
	     i++) {
		if (pool->ca[i]->related || !isequivalent(pool->ca[i], used))
			continue;
		pool->ca[i]->related = 1;
		n++;
	}
	return n;
}

int
cs_issuers_relate(struct cs_pool *pool, struct certstore_error *err)
{
	struct cs_pool_cert **todo, *cert;
	size_t i, n = 0, left = 0;

	for (i = 0; i < pool->nca; i++)
		left += (size_t)!pool->ca[i]->related;
	if (left == 0 || left == pool->nca)
		return 0;
	if ((todo = reallocarray(NULL, pool->nca, sizeof(*todo))) == NULL)
		return cs_fail_nomem(err);
	/* each is looked at once, when it becomes related */
	pool->asked++;
	do {
		n = 0;
		for (i = 0; i < pool->nca; i++) {
			if (pool->ca[i]->related &&
			    pool->ca[i]->asked != pool->asked) {
				pool->ca[i]->asked = pool->asked;
				todo[n++] = pool->ca[i];
			}
		}
		for (i = 0; i < n; i++) {
			cert = todo[i];
			relatesubject(pool, cert,
			    X509_get_subject_name(cert->x509));
			relatesubject(pool, cert,
			    X509_get_issuer_name(cert->x509));
		}
	} while (n > 0);
	free(todo);
	ERR_clear_error();
	return 0;
}
