/*
 * chain.c: finds the issuers of a certificate by signature, and makes the files
 * of an entry.
 */
#include <errno.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "x509/private.h"

#define DEPTH_MAX 16

/* One search for the issuers of a certificate. */
struct search {
	struct certstore *store; /* or NULL */
	int64_t now;
	STACK_OF(X509) *path;  /* from the certificate upwards */
	STACK_OF(X509) *pool;  /* possible issuers */
	STACK_OF(X509) *roots; /* of the pool: known to be self-signed */
};

/* Is a certificate with this subject and key in the path?  Another would be a
 * loop. */
static int
isinpath(STACK_OF(X509) *path, X509 *x509)
{
	X509 *p;
	int i;

	for (i = 0; i < sk_X509_num(path); i++) {
		p = sk_X509_value(path, i);
		if (X509_NAME_cmp(X509_get_subject_name(p),
			X509_get_subject_name(x509)) == 0 &&
		    EVP_PKEY_eq(X509_get0_pubkey(p), X509_get0_pubkey(x509)) ==
			1)
			return 1;
	}
	return 0;
}

/* The better issuer: a CA, then the valid one, then the one that ends last. */
static int
isbetter(X509 *a, X509 *b, int64_t now)
{
	int ca, cb;

	if (b == NULL)
		return 1;
	ca = cs_cert_is_ca(a) == 1;
	cb = cs_cert_is_ca(b) == 1;
	if (ca != cb)
		return ca;
	ca = cs_cert_isvalid(a, now);
	cb = cs_cert_isvalid(b, now);
	if (ca != cb)
		return ca;
	return cs_cert_ends(a) > cs_cert_ends(b);
}

/* The best issuer of x509 in the pool, borrowed, or NULL. */
static X509 *
findissuerof(const struct search *s, X509 *x509)
{
	X509 *best = NULL, *x;
	int i;

	for (i = 0; i < sk_X509_num(s->pool); i++) {
		x = sk_X509_value(s->pool, i);
		if (cs_cert_is_signed_by(x509, x) == 1 &&
		    !isinpath(s->path, x) && isbetter(x, best, s->now))
			best = x;
	}
	return best;
}

static int
appendcerts(STACK_OF(X509) *to, STACK_OF(X509) *from,
    struct certstore_error *err)
{
	if (X509_add_certs(to, from,
		X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO, "chain");
	return 0;
}

static int
readpoolfile(struct search *s, const struct certstore_entry *entry,
    enum cs_file file, struct certstore_error *err)
{
	STACK_OF(X509) *certs;
	int rv;

	if ((rv = cs_cert_read(entry, file, &certs, err)) == 1)
		rv = appendcerts(s->pool, certs, err);
	if (rv == 0 && certs != NULL && file == CS_FULLCHAIN &&
	    entry->info.self &&
	    X509_add_cert(s->roots, sk_X509_value(certs, 0),
		X509_ADD_FLAG_UP_REF) != 1)
		rv = cs_fail_nomem(err);
	sk_X509_pop_free(certs, X509_free);
	return rv;
}

/* Adds the certificates of an entry; of one that is damaged, or that this user
 * may not read, there is a warning. */
static int
addentrycerts(struct search *s, const char *name, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	int rv = 0;

	if (cs_entry_load(s->store, name, &entry, err) == -1 ||
	    readpoolfile(s, &entry, CS_FULLCHAIN, err) == -1 ||
	    (entry.info.hasca && readpoolfile(s, &entry, CS_CA, err) == -1)) {
		if (err->code == CERTSTORE_ESYSTEM && err->errnum != EACCES)
			rv = -1;
		else if (err->code != CERTSTORE_ENOENTRY) /* stale index/ */
			cs_warn(s->store, "%s", err->msg);
	}
	if (rv == 0)
		cs_error_clear(err);
	cs_entry_done(&entry);
	return rv;
}

/* Adds the CA entries under a key of the index; how many, or -1. */
static int
addindexkey(struct search *s, const char *sub, const char *key,
    struct certstore_error *err)
{
	struct cs_strings names;
	size_t i;
	int rv;

	if (cs_search_index(s->store, sub, key, &names) == -1)
		return cs_fail_errno(err, "%s: index/%s",
		    certstore_path(s->store), sub);
	for (i = 0; i < names.n; i++)
		if (addentrycerts(s, names.v[i], err) == -1)
			break;
	rv = i < names.n ? -1 : i > 0;
	cs_strings_free(&names);
	return rv;
}

/* Adds the entries that may be issuers of x509, and their issuers. */
static int
addstoreissuers(struct search *s, X509 *x509, struct certstore_error *err)
{
	const ASN1_OCTET_STRING *keyid;
	char key[2 * 64 + 1];
	int len, rv = 0;

	keyid = X509_get0_authority_key_id(x509);
	len = keyid == NULL ? 0 : ASN1_STRING_length(keyid);
	if (len > 0 && len <= 64) {
		cs_hex(key, ASN1_STRING_get0_data(keyid), (size_t)len);
		rv = addindexkey(s, "ski", key, err);
	}
	if (rv == 0) {
		snprintf(key, sizeof(key), "%08lx",
		    X509_issuer_name_hash(x509));
		rv = addindexkey(s, "subject", key, err);
	}
	return rv == -1 ? -1 : 0;
}

/* Finds the issuer of the last in the path, in the pool or in the store:
 * borrowed, or NULL. */
static int
nextissuer(struct search *s, X509 **issuer, struct certstore_error *err)
{
	X509 *x509;

	x509 = sk_X509_value(s->path, sk_X509_num(s->path) - 1);
	*issuer = findissuerof(s, x509);
	if (s->store == NULL ||
	    (*issuer != NULL && cs_cert_isvalid(*issuer, s->now)))
		return 0;
	if (addstoreissuers(s, x509, err) == -1)
		return -1;
	*issuer = findissuerof(s, x509);
	return 0;
}

/* Is it self-signed?  Of a certificate of the store info knows. */
static int
isrootcert(const struct search *s, X509 *x509)
{
	int i;

	for (i = 0; i < sk_X509_num(s->roots); i++)
		if (cs_cert_same(sk_X509_value(s->roots, i), x509))
			return 1;
	return cs_cert_is_self_signed(x509);
}

/* Makes chain (without a root) and above (with it) of the path. */
static int
splitpath(STACK_OF(X509) *path, int complete, STACK_OF(X509) **chain,
    STACK_OF(X509) **above, struct certstore_error *err)
{
	X509 *x509;

	X509_free(sk_X509_shift(path));
	if ((*chain = X509_chain_up_ref(path)) == NULL)
		return cs_fail_nomem(err);
	if (complete && sk_X509_num(*chain) > 0) {
		x509 = sk_X509_pop(*chain);
		X509_free(x509);
	}
	*above = path;
	return 0;
}

int
cs_chain_build(struct certstore *store, X509 *x509, STACK_OF(X509) *given,
    STACK_OF(X509) **chain, STACK_OF(X509) **above, int *complete,
    struct certstore_error *err)
{
	struct search s = { .store = store, .now = certstore_time_now() };
	X509 *issuer = x509;
	int rv = -1;

	*chain = *above = NULL;
	*complete = 0;
	if ((s.path = sk_X509_new_null()) == NULL ||
	    (s.pool = sk_X509_new_null()) == NULL ||
	    (s.roots = sk_X509_new_null()) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	if (given != NULL && appendcerts(s.pool, given, err) == -1)
		goto out;
	while (issuer != NULL && sk_X509_num(s.path) <= DEPTH_MAX) {
		if (X509_add_cert(s.path, issuer, X509_ADD_FLAG_UP_REF) != 1) {
			cs_fail_nomem(err);
			goto out;
		}
		if ((*complete = isrootcert(&s, issuer)))
			break;
		if (nextissuer(&s, &issuer, err) == -1)
			goto out;
	}
	if (splitpath(s.path, *complete, chain, above, err) == -1)
		goto out;
	s.path = NULL;
	rv = 0;
out:
	sk_X509_pop_free(s.roots, X509_free);
	sk_X509_pop_free(s.pool, X509_free);
	sk_X509_pop_free(s.path, X509_free);
	ERR_clear_error();
	return rv;
}

static int
encodecerts(struct cs_buf *buf, STACK_OF(X509) *certs,
    struct certstore_error *err)
{
	int i;

	for (i = 0; i < sk_X509_num(certs); i++)
		if (cs_cert_encode(buf, sk_X509_value(certs, i), err) == -1)
			return -1;
	return 0;
}

int
cs_chain_files(struct cs_put *put, X509 *x509, STACK_OF(X509) *chain,
    STACK_OF(X509) *above, const struct cs_buf *keypem,
    struct certstore_error *err)
{
	STACK_OF(X509) *full = NULL;
	struct cs_buf *file = put->file;
	int rv = -1;

	cs_buf_free(&file[CS_FULLCHAIN]);
	cs_buf_free(&file[CS_PRIVKEY]);
	cs_buf_free(&file[CS_CA]);
	cs_buf_free(&file[CS_INFO]);
	if ((full = sk_X509_new_null()) == NULL ||
	    X509_add_cert(full, x509, X509_ADD_FLAG_UP_REF) != 1) {
		cs_fail_nomem(err);
		goto out;
	}
	if (encodecerts(&file[CS_FULLCHAIN], full, err) == -1)
		goto out;
	put->leaf = file[CS_FULLCHAIN].len;
	if (encodecerts(&file[CS_FULLCHAIN], chain, err) == -1 ||
	    (chain != NULL && appendcerts(full, chain, err) == -1) ||
	    encodecerts(&file[CS_CA], above, err) == -1 ||
	    cs_describe_cert(&file[CS_INFO], full, err) == -1)
		goto out;
	if (keypem != NULL && cs_buf_copy(&file[CS_PRIVKEY], keypem) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	rv = 0;
out:
	sk_X509_pop_free(full, X509_free);
	return rv;
}
