/*
 * pool.c: the input of one import, parsed once, and which key belongs to which
 * certificate.  All lookups are in sorted arrays, for ten thousand of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include <openssl/err.h>

#include "import/private.h"

/* Forgets what was parsed: it points into pems, which moves when it grows. */
static void
forgetparsed(struct cs_pool *pool)
{
	size_t i;

	for (i = 0; i < pool->ncert; i++)
		X509_free(pool->cert[i].x509);
	for (i = 0; i < pool->nkey; i++)
		EVP_PKEY_free(pool->key[i].pkey);
	free(pool->cert);
	free(pool->key);
	free(pool->ca);
	pool->cert = NULL;
	pool->key = NULL;
	pool->ca = NULL;
	cs_issuers_forget(pool);
	pool->ncert = pool->nkey = pool->nca = 0;
	pool->parsed = pool->hasee = 0;
}

void
cs_pool_free(struct cs_pool *pool)
{
	forgetparsed(pool);
	cs_item_free(&pool->pems);
	cs_item_free(&pool->keyfile);
}

static int
addtopems(struct cs_pool *pool, struct cs_pems *pems, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	forgetparsed(pool);
	if (cs_pem_read(label, data, len, &pool->pass, pems, err) == -1)
		return -1;
	if (pems->n > 2 * CS_POOL_MAX)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "over %d certificates "
		    "and as many keys: import them in parts",
		    CS_POOL_MAX);
	return 0;
}

int
cs_pool_add(struct cs_pool *pool, const char *label, const void *data,
    size_t len, struct certstore_error *err)
{
	return addtopems(pool, &pool->pems, label, data, len, err);
}

int
cs_pool_add_key(struct cs_pool *pool, const char *label, const void *data,
    size_t len, struct certstore_error *err)
{
	char quoted[CS_QUOTE_LEN];
	size_t i, had = pool->keyfile.n;

	if (addtopems(pool, &pool->keyfile, label, data, len, err) == -1)
		return -1;
	for (i = had; i < pool->keyfile.n; i++)
		if (cs_item_iskey(&pool->keyfile.v[i]))
			return 0;
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: no private key in it: use -K with a key file",
	    cs_escape_quote(quoted, label));
}

static int
comparepem(const void *a, const void *b)
{
	const struct cs_pem *x = *(struct cs_pem *const *)a;
	const struct cs_pem *y = *(struct cs_pem *const *)b;
	int c;

	if (x->derlen != y->derlen)
		return x->derlen < y->derlen ? -1 : 1;
	if ((c = memcmp(x->der, y->der, x->derlen)) != 0)
		return c;
	return x < y ? -1 : x > y;
}

static int
comparepemplace(const void *a, const void *b)
{
	const struct cs_pem *x = *(struct cs_pem *const *)a;
	const struct cs_pem *y = *(struct cs_pem *const *)b;

	return x < y ? -1 : x > y;
}

/* The distinct certificates, in the order given, n of them; NULL without
 * memory. */
static struct cs_pem **
distinctcerts(struct cs_pems *pems, size_t *n)
{
	struct cs_pem **v;
	size_t i, kept = 0, had = 0;

	*n = 0;
	if ((v = reallocarray(NULL, pems->n + 1, sizeof(*v))) == NULL)
		return NULL;
	for (i = 0; i < pems->n; i++)
		if (pems->v[i].type == CS_PEM_CERT)
			v[had++] = &pems->v[i];
	qsort(v, had, sizeof(*v), comparepem);
	for (i = 0; i < had; i++) {
		if (kept == 0 || v[kept - 1]->derlen != v[i]->derlen ||
		    memcmp(v[kept - 1]->der, v[i]->der, v[i]->derlen) != 0)
			v[kept++] = v[i];
	}
	qsort(v, kept, sizeof(*v), comparepemplace);
	*n = kept;
	return v;
}

static int
parsecert(struct cs_pool *pool, const struct cs_pem *pem,
    struct certstore_error *err)
{
	struct cs_pool_cert *cert = &pool->cert[pool->ncert];
	char where[CS_WHERE_LEN];

	cs_item_where(pem, where, sizeof(where));
	cert->pem = pem;
	cert->x509 = cs_cert_parse(where, pem->der, pem->derlen, err);
	if (cert->x509 == NULL)
		return -1;
	pool->ncert++;
	cert->starts = cs_cert_starts(cert->x509);
	cert->ends = cs_cert_ends(cert->x509);
	cert->valid = cert->starts <= pool->now && pool->now <= cert->ends;
	cert->ca = cs_cert_is_ca(cert->x509);
	if (!cert->ca)
		pool->hasee = 1;
	if (cs_cert_spki(X509_get_X509_PUBKEY(cert->x509), cert->spki) == -1)
		return cs_fail_nomem(err);
	if (cs_cert_match(cert->x509, cert->match) == -1)
		return cs_fail_crypto(err, CERTSTORE_EINPUT,
		    "%s: the certificate's key cannot be read", where);
	return 0;
}

static int
parsecerts(struct cs_pool *pool, struct certstore_error *err)
{
	struct cs_pem **v;
	size_t i, n;
	int rv = -1;

	if ((v = distinctcerts(&pool->pems, &n)) == NULL)
		return cs_fail_nomem(err);
	if (n > CS_POOL_MAX) {
		cs_fail(err, CERTSTORE_EINPUT,
		    "%zu certificates, more than "
		    "%d: import them in parts",
		    n, CS_POOL_MAX);
		goto out;
	}
	if ((pool->cert = calloc(n + 1, sizeof(*pool->cert))) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < n; i++) {
		cs_progress(pool->store, "reading certificates", i, n);
		if (parsecert(pool, v[i], err) == -1)
			goto out;
	}
	rv = 0;
out:
	free(v);
	return rv;
}

static int
parsekey(struct cs_pool *pool, struct cs_pem *pem, struct certstore_error *err)
{
	struct cs_pool_key *key = &pool->key[pool->nkey];

	key->pem = pem;
	key->pkey = cs_key_parse(pem, &pool->pass, err);
	if (key->pkey == NULL)
		return -1;
	key->order = pool->nkey++;
	key->passphrase = pem->passphrase;
	return cs_key_spki(key->pkey, key->spki, err);
}

static int
parsekeys(struct cs_pool *pool, struct certstore_error *err)
{
	struct cs_pems *from[] = { &pool->keyfile, &pool->pems };
	size_t i, j, n = 0;

	for (j = 0; j < 2; j++)
		for (i = 0; i < from[j]->n; i++)
			n += (size_t)cs_item_iskey(&from[j]->v[i]);
	if (n > CS_POOL_MAX)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%zu keys, more than "
		    "%d: import them in parts",
		    n, CS_POOL_MAX);
	if ((pool->key = calloc(n + 1, sizeof(*pool->key))) == NULL)
		return cs_fail_nomem(err);
	for (j = 0; j < 2; j++)
		for (i = 0; i < from[j]->n; i++) {
			if (!cs_item_iskey(&from[j]->v[i]))
				continue;
			cs_progress(pool->store, "reading keys", pool->nkey, n);
			if (parsekey(pool, &from[j]->v[i], err) == -1)
				return -1;
		}
	return 0;
}

static int
comparekey(const void *a, const void *b)
{
	const struct cs_pool_key *x = a, *y = b;

	return strcmp(x->spki, y->spki);
}

static int
comparekeyorder(const void *a, const void *b)
{
	const struct cs_pool_key *x = a, *y = b;
	int c;

	if ((c = strcmp(x->spki, y->spki)) != 0)
		return c;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Sorts the keys and drops duplicates. */
static void
dropdoublekeys(struct cs_pool *pool)
{
	size_t i, kept = 0;

	qsort(pool->key, pool->nkey, sizeof(*pool->key), comparekeyorder);
	for (i = 0; i < pool->nkey; i++) {
		if (kept > 0 &&
		    strcmp(pool->key[kept - 1].spki, pool->key[i].spki) == 0)
			EVP_PKEY_free(pool->key[i].pkey);
		else
			pool->key[kept++] = pool->key[i];
	}
	pool->nkey = kept;
}

/* By key; of one key first the valid, then the newer, which stands for it. */
static int
comparecert(const void *a, const void *b)
{
	const struct cs_pool_cert *x = *(struct cs_pool_cert *const *)a;
	const struct cs_pool_cert *y = *(struct cs_pool_cert *const *)b;
	int c;

	if ((c = strcmp(x->match, y->match)) != 0)
		return c;
	if (x->valid != y->valid)
		return x->valid ? -1 : 1;
	if (x->starts != y->starts)
		return x->starts > y->starts ? -1 : 1;
	if (x->ends != y->ends)
		return x->ends > y->ends ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Finds the key of a certificate in the input, and checks the pair. */
static int
givekey(struct cs_pool *pool, struct cs_pool_cert *cert,
    struct certstore_error *err)
{
	struct cs_pool_key want = { 0 };
	char where[CS_WHERE_LEN];

	memcpy(want.spki, cert->match, sizeof(want.spki));
	cert->key = bsearch(&want, pool->key, pool->nkey, sizeof(*pool->key),
	    comparekey);
	if (cert->key == NULL)
		return 0;
	cert->key->used = 1;
	if (X509_check_private_key(cert->x509, cert->key->pkey) == 1 &&
	    cs_keypair_matches(cert->key->pkey))
		return 0;
	ERR_clear_error();
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: this private key is damaged, its public part does not "
	    "match: copy it again",
	    cs_item_where(cert->key->pem, where, sizeof(where)));
}

/* Pairs keys and certificates, but those that a better one of the same key and
 * names supersedes. */
static int
pairkeys(struct cs_pool *pool, struct certstore_error *err)
{
	struct cs_pool_cert **v;
	size_t i, n;
	int rv = -1;

	if ((v = reallocarray(NULL, pool->ncert + 1, sizeof(*v))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < pool->ncert; i++)
		v[i] = &pool->cert[i];
	qsort(v, pool->ncert, sizeof(*v), comparecert);
	for (i = 0; i < pool->ncert; i += n) {
		for (n = 1; i + n < pool->ncert; n++)
			if (strcmp(v[i]->match, v[i + n]->match) != 0)
				break;
		if (n > 1 && cs_ident_sort(v + i, n, err) == -1)
			goto out;
	}
	for (i = 0; i < pool->ncert; i++)
		if (v[i]->newer == NULL && givekey(pool, v[i], err) == -1)
			goto out;
	rv = 0;
out:
	free(v);
	return rv;
}

/* A key without certificate is an error; often some certificate then lacks its
 * key. */
static int
checkunusedkeys(const struct cs_pool *pool, struct certstore_error *err)
{
	const struct cs_pool_key *key = NULL;
	char name[sizeof(err->msg)], where[CS_WHERE_LEN];
	size_t i;

	for (i = 0; i < pool->nkey; i++)
		if (!pool->key[i].used &&
		    (key == NULL || pool->key[i].order < key->order))
			key = &pool->key[i];
	if (key == NULL)
		return 0;
	cs_item_where(key->pem, where, sizeof(where));
	for (i = 0; i < pool->ncert; i++)
		if (!pool->cert[i].ca && pool->cert[i].newer == NULL &&
		    pool->cert[i].key == NULL)
			return cs_fail(err, CERTSTORE_EINPUT,
			    "%s: the key in %s is not its private key: use "
			    "the key that it was issued for",
			    cs_poolcert_name(&pool->cert[i], name,
				sizeof(name)),
			    where);
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: this private key matches no certificate here: add its "
	    "certificate, or remove it",
	    where);
}

static int
comparesubject(const void *a, const void *b)
{
	const struct cs_pool_cert *x = *(struct cs_pool_cert *const *)a;
	const struct cs_pool_cert *y = *(struct cs_pool_cert *const *)b;
	int c;

	c = X509_NAME_cmp(X509_get_subject_name(x->x509),
	    X509_get_subject_name(y->x509));
	if (c != 0)
		return c;
	return x < y ? -1 : x > y;
}

/* The error for an input without certificate, by what it has instead. */
static int
failnocert(const struct cs_pool *pool, struct certstore_error *err)
{
	const struct cs_pems *pems = &pool->pems;
	const struct cs_pem *key = NULL, *csr = NULL, *first = NULL;
	char where[CS_WHERE_LEN];
	size_t i;

	for (i = pems->n; i > 0; i--) {
		first = &pems->v[i - 1];
		if (cs_item_iskey(first))
			key = first;
		else if (first->type == CS_PEM_CSR)
			csr = first;
	}
	if (csr != NULL)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: a certificate "
		    "request, not a certificate: send it to a CA and import "
		    "the answer",
		    cs_item_where(csr, where, sizeof(where)));
	if (key != NULL)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: a private key without its certificate: add the "
		    "certificate",
		    cs_item_where(key, where, sizeof(where)));
	if (first != NULL)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no certificate: use a certificate and its "
		    "key",
		    cs_item_where(first, where, sizeof(where)));
	return cs_fail(err, CERTSTORE_EINPUT,
	    "there is nothing to import: use a certificate and its key");
}

int
cs_pool_parse(struct cs_pool *pool, struct certstore_error *err)
{
	size_t i;

	cs_issuers_forget(pool); /* the store may have changed */
	for (i = 0; i < pool->ncert; i++)
		pool->cert[i].related = pool->cert[i].adopted = 0;
	if (pool->parsed)
		return 0;
	forgetparsed(pool);
	pool->now = certstore_time_now();
	if (parsecerts(pool, err) == -1)
		return -1;
	if (pool->ncert == 0)
		return failnocert(pool, err);
	if (parsekeys(pool, err) == -1)
		return -1;
	dropdoublekeys(pool);
	if (pairkeys(pool, err) == -1 || checkunusedkeys(pool, err) == -1)
		return -1;
	pool->ca = reallocarray(NULL, pool->ncert + 1, sizeof(*pool->ca));
	if (pool->ca == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < pool->ncert; i++)
		if (pool->cert[i].ca)
			pool->ca[pool->nca++] = &pool->cert[i];
	qsort(pool->ca, pool->nca, sizeof(*pool->ca), comparesubject);
	pool->parsed = 1;
	return 0;
}
