/*
 * trusted.c: finding trust anchors: in the store's trust, in a directory with
 * OpenSSL's links by the hash of the subject, or in files.  A directory is
 * opened once and read inside, so that all that is asked is of one set.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "pem.h"
#include "verify.h"

#define TRIES 3

/* Who is kept out.  Beside anchors that are not ours it may be missing. */
static int
distrusted(struct cs_trusted *a, int ours, struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };
	char *label;
	int rv = 0;

	if (asprintf(&label, "%s/distrusted", a->label) == -1)
		return cs_fail_nomem(err);
	if (cs_file_read(a->fd, "distrusted", CS_RECORD_MAX, &b) == 0)
		rv = cs_trustset_read_distrusted(&a->distrusted, label, &b,
		    err);
	else if (ours || errno != ENOENT)
		rv = cs_fail_errno(err, "%s", label);
	cs_buf_free(&b);
	free(label);
	return rv;
}

/* Another set may be switched to meanwhile: 1, 0 there is none, -1. */
static int
opentrust(struct cs_trusted *a, struct certstore *store,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];
	unsigned long gen;
	int i, rv = 0;

	for (i = 0; i < TRIES; i++) {
		if ((rv = cs_trustgen_live(store, dir, &gen, err)) != 1)
			return rv;
		if ((a->fd = cs_file_opendir(store->fd, dir)) != -1)
			return 1;
		if (errno != ENOENT && errno != ESTALE)
			break;
	}
	return cs_fail_errno(err, "%s", a->label);
}

int
cs_trusted_store(struct cs_trusted *a, struct certstore *store,
    struct certstore_error *err)
{
	int rv;

	if (asprintf(&a->label, "%s/trust", store->path) == -1) {
		a->label = NULL;
		return cs_fail_nomem(err);
	}
	if ((rv = opentrust(a, store, err)) == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: there are no trust anchors: take the system's with "
		    "cert-trust reset, or add some with cert-trust add",
		    a->label);
	return rv == -1 ? -1 : distrusted(a, 1, err);
}

int
cs_trusted_directory(struct cs_trusted *a, const char *path,
    struct certstore_error *err)
{
	if ((a->label = cs_item_label(path)) == NULL)
		return cs_fail_nomem(err);
	if ((a->fd = cs_file_openpath(path)) == -1)
		return cs_fail_errno(err, "%s", a->label);
	return distrusted(a, 0, err);
}

int
cs_trusted_add(struct cs_trusted *a, const char *label, const void *data,
    size_t len, struct certstore_error *err)
{
	size_t before = a->certs.n;

	if (cs_pile_read(&a->certs, label, data, len, NULL, err) == -1)
		return -1;
	if (a->certs.n == before)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no certificate in it: give a file that "
		    "holds one",
		    label);
	return 0;
}

/* 1, 0 there is no such file, -1 */
static int
readfile(struct cs_trusted *a, const char *name, struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };
	char *label;
	int rv = -1;

	if (asprintf(&label, "%s/%s", a->label, name) == -1)
		return cs_fail_nomem(err);
	if (cs_file_follow(a->fd, name, CERTSTORE_INPUT_MAX, &b) == -1)
		rv = errno == ENOENT ? 0 : cs_fail_errno(err, "%s", label);
	else if (cs_pile_read(&a->certs, label, b.p, b.len, NULL, err) == 0)
		rv = 1;
	cs_buf_free(&b);
	free(label);
	return rv;
}

static int
ishashlink(const char *name)
{
	size_t n = strspn(name, "0123456789abcdef");

	return n == 8 && name[8] == '.' && name[9] != '\0' &&
	    name[9 + strspn(name + 9, "0123456789")] == '\0';
}

static int
findhashlink(void *arg, const char *name)
{
	(void)arg;
	return ishashlink(name);
}

struct reading {
	struct cs_trusted *a;
	struct certstore_error *err;
	int failed;
};

/* A plain directory of certificates may hold other things as well. */
static int
readany(void *arg, const char *name)
{
	static const char *const ends[] = { ".pem", ".crt", ".cer", ".cert" };
	struct reading *reading = arg;
	size_t i, len = strlen(name), n;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		n = strlen(ends[i]);
		if (name[0] == '.' || len <= n ||
		    strcmp(name + len - n, ends[i]) != 0)
			continue;
		if (readfile(reading->a, name, reading->err) == -1 &&
		    reading->err->code != CERTSTORE_EINPUT) {
			reading->failed = 1;
			return 1;
		}
	}
	return 0;
}

/*
 * Nothing was found: perhaps there are no links at all.  1 if the directory
 * was then read whole, 0 if there is no more than was known, -1 also if there
 * is not one anchor.
 */
int
cs_trusted_readall(struct cs_trusted *a, struct certstore_error *err)
{
	struct reading reading = { a, err, 0 };
	int rv;

	if (a->fd == -1 || a->unhashed || a->certs.n > 0)
		return 0;
	if ((rv = cs_file_each(a->fd, ".", findhashlink, NULL)) == 1)
		return 0;
	if (rv == 0)
		rv = cs_file_each(a->fd, ".", readany, &reading);
	if (rv == -1)
		return cs_fail_errno(err, "%s", a->label);
	if (reading.failed)
		return -1;
	a->unhashed = 1;
	if (a->certs.n == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: there are no trust anchors in it: add some, or name "
		    "another directory",
		    a->label);
	cs_error_clear(err);
	return 1;
}

/* Whether the files for the hash still have to be read; notes that. */
static int
isnew(struct cs_trusted *a, unsigned long hash)
{
	unsigned long *v;
	size_t i, size;

	for (i = 0; i < a->nhash; i++)
		if (a->hashes[i] == hash)
			return 0;
	if (a->nhash == a->hashsize) {
		size = a->hashsize == 0 ? 16 : a->hashsize * 2;
		if ((v = reallocarray(a->hashes, size, sizeof(*v))) == NULL)
			return -1;
		a->hashes = v;
		a->hashsize = size;
	}
	a->hashes[a->nhash++] = hash;
	return 1;
}

/* One that can't be read may be the one that is needed: no answer then. */
static int
load(struct cs_trusted *a, const X509_NAME *name, struct certstore_error *err)
{
	char file[32];
	unsigned long hash;
	unsigned int i;
	int ok = 0, rv;

	hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);
	if (ok != 1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s", a->label);
	if ((rv = isnew(a, hash)) != 1)
		return rv == -1 ? cs_fail_nomem(err) : 0;
	for (i = 0;; i++) {
		snprintf(file, sizeof(file), "%08lx.%u", hash, i);
		if ((rv = readfile(a, file, err)) == -1)
			return -1;
		if (rv == 0)
			break;
	}
	return 0;
}

int
cs_trusted_find(struct cs_trusted *a, const X509_NAME *name,
    STACK_OF(X509) *out, struct certstore_error *err)
{
	X509 *x509;
	size_t i;

	if (a->fd != -1 && !a->unhashed && load(a, name, err) == -1)
		return -1;
	for (i = 0; i < a->certs.n; i++) {
		if (X509_NAME_cmp(cs_pile_subject(&a->certs, i), name) != 0)
			continue;
		if ((x509 = cs_pile_get(&a->certs, i, err)) == NULL)
			return -1;
		if (sk_X509_push(out, x509) <= 0)
			return cs_fail_nomem(err);
	}
	return 0;
}

int
cs_trusted_distrust(const struct cs_trusted *a, X509 *x509)
{
	char hex[65];

	if (a->distrusted.n == 0)
		return 0;
	if (cs_cert_fingerprint(x509, hex) == -1)
		return -1;
	return cs_trustset_byfingerprint(&a->distrusted, hex) != NULL;
}

/* The other s of an ECDSA signature: it is the order less this one. */
static int
negate(ECDSA_SIG *sig, EVP_PKEY *issuer)
{
	BIGNUM *order = NULL, *r;
	int ok = 0;

	if (EVP_PKEY_get_bn_param(issuer, OSSL_PKEY_PARAM_EC_ORDER, &order) !=
	    1)
		return 0;
	r = BN_dup(ECDSA_SIG_get0_r(sig));
	if (r != NULL && BN_sub(order, order, ECDSA_SIG_get0_s(sig)) == 1)
		ok = ECDSA_SIG_set0(sig, r, order);
	if (ok != 1) {
		BN_free(r);
		BN_free(order);
	}
	return ok == 1;
}

static int
twin(X509 *x509, EVP_PKEY *issuer, char hex[65])
{
	const ASN1_BIT_STRING *bits;
	const unsigned char *p;
	unsigned char *der = NULL;
	ECDSA_SIG *sig;
	X509 *copy = NULL;
	int len, rv = 0;

	X509_get0_signature(&bits, NULL, x509);
	p = ASN1_STRING_get0_data(bits);
	sig = d2i_ECDSA_SIG(NULL, &p, ASN1_STRING_length(bits));
	if (sig == NULL || !negate(sig, issuer) ||
	    (len = i2d_ECDSA_SIG(sig, &der)) <= 0)
		goto out;
	rv = -1;
	if ((copy = X509_dup(x509)) == NULL)
		goto out;
	X509_get0_signature(&bits, NULL, copy);
	if (ASN1_STRING_set((ASN1_BIT_STRING *)(uintptr_t)bits, der, len) ==
		1 &&
	    cs_cert_fingerprint(copy, hex) == 0)
		rv = 1;
out:
	X509_free(copy);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	ERR_clear_error();
	return rv;
}

/*
 * Anybody can make the other signature that holds as well, and with it a
 * certificate of another fingerprint; one that is distrusted stays so.
 */
int
cs_trusted_distrust_twin(const struct cs_trusted *a, X509 *x509, X509 *issuer)
{
	EVP_PKEY *pkey = X509_get0_pubkey(issuer);
	char hex[65];
	int rv;

	if (a->distrusted.n == 0 || pkey == NULL || !EVP_PKEY_is_a(pkey, "EC"))
		return 0;
	if ((rv = twin(x509, pkey, hex)) != 1)
		return rv;
	return cs_trustset_byfingerprint(&a->distrusted, hex) != NULL;
}

void
cs_trusted_close(struct cs_trusted *a)
{
	cs_file_close(&a->fd);
	cs_pile_free(&a->certs);
	cs_trustset_free(&a->distrusted);
	free(a->hashes);
	free(a->label);
	memset(a, 0, sizeof(*a));
	a->fd = -1;
}
