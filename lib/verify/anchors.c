/*
 * anchors.c: trust anchors by subject, from the store, from a directory with
 * OpenSSL's links HASH.N (see openssl-rehash(1)), and from files.  Before each
 * question a directory that changed is opened anew; within a question it stays
 * the same.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "verify/private.h"

static void
dropfiles(struct cs_anchors *a, size_t n)
{
	while (a->nfile > n)
		free(a->files[--a->nfile].name);
}

static int
addnotedfile(struct cs_anchors *a, const char *name, const struct stat *st)
{
	struct cs_anchors_file *v;

	v = cs_array_extend(a->files, a->nfile, &a->filesize, sizeof(*v));
	if (v == NULL)
		return -1;
	a->files = v;
	if ((a->files[a->nfile].name = strdup(name)) == NULL)
		return -1;
	cs_stamp_take(&a->files[a->nfile++].stamp, st);
	return 0;
}

/* Notes size and time of a file before it is read: 1, 0 if there is no such
 * file, -1 and errno. */
static int
notefile(struct cs_anchors *a, const char *name)
{
	struct stat st;

	if (fstatat(a->fd, name, &st, 0) == 0)
		return addnotedfile(a, name, &st) == -1 ? -1 : 1;
	if (errno != ENOENT)
		return -1;
	if (fstatat(a->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		errno = ENOENT; /* a link that leads to nothing */
	else if (errno == ENOENT)
		return 0;
	return -1;
}

/* Reads the file distrusted, which a set of the store always has and another
 * directory may have: 0 or 1, or -1. */
static int
readdistrusted(struct cs_anchors *a, struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };
	char *label;
	int rv;

	if (asprintf(&label, "%s/distrusted", a->label) == -1)
		return cs_fail_nomem(err);
	if ((rv = notefile(a, "distrusted")) == 1)
		rv = cs_file_read(a->fd, "distrusted", CS_RECORD_MAX, &b) == 0 ?
		    1 :
		    -1;
	if (rv == 0 && a->tn.store != NULL) {
		errno = ENOENT;
		rv = -1;
	}
	if (rv == -1)
		cs_fail_errno(err, "%s", label);
	else if (rv == 1)
		rv = cs_trustset_read_distrusted(&a->distrusted, label, &b,
		    err);
	cs_buf_free(&b);
	free(label);
	return rv;
}

/* Reads what is distrusted in every set, if this is not the one that says so. */
static int
readeverywhere(struct cs_anchors *a, struct certstore_error *err)
{
	if (!a->tn.named)
		return 0;
	return cs_trustdir_distrusted(&a->common, &a->everywhere, err) == -1 ?
	    -1 :
	    0;
}

static int
openanchordir(struct cs_anchors *a, struct certstore_error *err)
{
	struct cs_setgen live;
	int rv;

	if (a->tn.store == NULL) {
		if ((a->fd = cs_file_openpath(a->path)) == -1 ||
		    cs_stamp_fd(&a->dir, a->fd) == -1)
			return cs_fail_errno(err, "%s", a->label);
		return readdistrusted(a, err);
	}
	if ((rv = cs_setgen_open(&a->tn, &live, err)) == -1)
		return -1;
	if (rv == 0 && a->tn.named)
		return cs_trustname_absent(&a->tn, err);
	if (rv == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: there are no trust anchors: use cert-trust%s update "
		    "for those of the system, or cert-trust%s add to add some",
		    a->label, a->tn.option, a->tn.option);
	a->fd = live.fd;
	a->dir = live.stamp;
	if (readdistrusted(a, err) == -1 || readeverywhere(a, err) == -1 ||
	    cs_setcrls_helpers(&a->helpers, a->fd, a->label, err) == -1)
		return -1;
	return cs_setcrls_read(&a->crls, a->fd, a->label, err);
}

/* Forgets all that was read from the directory. */
static void
closeanchordir(struct cs_anchors *a)
{
	cs_file_close(&a->fd);
	cs_lazycerts_free(&a->certs);
	cs_trustset_free(&a->distrusted);
	cs_trustset_free(&a->everywhere);
	cs_buf_free(&a->helpers);
	sk_X509_CRL_pop_free(a->crls, X509_CRL_free);
	a->crls = NULL;
	dropfiles(a, 0);
	a->nhash = 0;
	a->unhashed = 0;
	cs_error_clear(&a->doubt);
}

static int
reopenanchors(struct cs_anchors *a, struct certstore_error *err)
{
	closeanchordir(a);
	if (openanchordir(a, err) == 0)
		return 0;
	closeanchordir(a);
	return -1;
}

void
cs_anchors_init(struct cs_anchors *a)
{
	memset(a, 0, sizeof(*a));
	a->fd = -1;
}

int
cs_anchors_open(struct cs_anchors *a, struct certstore *store, const char *path,
    struct certstore_error *err)
{
	cs_anchors_close(a);
	if (path != NULL && strpbrk(path, "/.") != NULL) {
		a->label = cs_item_label(path);
		a->path = strdup(path);
		if (a->path == NULL)
			return cs_fail_nomem(err);
	} else {
		if (cs_trustname_init(&a->tn, store, path, err) == -1 ||
		    cs_trustname_init(&a->common, store, NULL, err) == -1)
			return -1;
		a->label = strdup(a->tn.path);
	}
	if (a->label == NULL)
		return cs_fail_nomem(err);
	return reopenanchors(a, err);
}

/* Is the directory still the one that was opened, with the same files? */
static int
isunchanged(struct cs_anchors *a)
{
	struct stat st;
	size_t i;

	if (a->fd == -1)
		return 0;
	if (a->tn.store == NULL) {
		if (stat(a->path, &st) == -1)
			return 0;
	} else if (!cs_setgen_stat(&a->tn, &st))
		return 0;
	if (!cs_stamp_holds(&a->dir, &st))
		return 0;
	for (i = 0; i < a->nfile; i++)
		if (fstatat(a->fd, a->files[i].name, &st, 0) == -1 ||
		    !cs_stamp_holds(&a->files[i].stamp, &st))
			return 0;
	return 1;
}

int
cs_anchors_refresh(struct cs_anchors *a, struct certstore_error *err)
{
	if (a->tn.store == NULL && a->path == NULL)
		return 0;
	if (isunchanged(a))
		return readeverywhere(a, err);
	return reopenanchors(a, err);
}

int
cs_anchors_add(struct cs_anchors *a, const char *label, const void *data,
    size_t len, struct certstore_error *err)
{
	size_t before = a->given.n;
	char clean[300];

	if (cs_lazycerts_read(&a->given, label, data, len, NULL, err) == -1)
		return -1;
	if (a->given.n > before)
		return 0;
	certstore_escape(clean, sizeof(clean), label, strlen(label));
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: there is no certificate in it: use a file that holds one",
	    clean);
}

/* Does a file that cannot be parsed look as if it held a certificate? */
static int
heldcert(const struct cs_buf *b)
{
	const unsigned char *p = (const unsigned char *)b->p;
	size_t total;

	if (b->len == 0)
		return 0;
	/* what is cut may be anything */
	if (cs_der_looks(p, b->len))
		return cs_der_type(p, b->len) == CS_PEM_CERT ||
		    (cs_der_total(p, b->len, &total) == 1 && total > b->len);
	return memmem(b->p, b->len, "CERTIFICATE-----",
		   strlen("CERTIFICATE-----")) != NULL;
}

/*
 * Adds the certificates of a file: 1, 0 if there is no such file, -1.  With
 * any, a file without certificates is 0, too; a damaged one is then noted in
 * doubt.
 */
static int
readanchorfile(struct cs_anchors *a, const char *name, int any,
    struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };
	char clean[CS_QUOTE_LEN], *label;
	int rv;

	certstore_escape(clean, sizeof(clean), name, strlen(name));
	if (asprintf(&label, "%s/%s", a->label, clean) == -1)
		return cs_fail_nomem(err);
	if ((rv = notefile(a, name)) == 1 &&
	    cs_file_follow(a->fd, name, CERTSTORE_INPUT_MAX, &b) == -1)
		rv = -1;
	if (rv == -1) {
		cs_fail_errno(err, "%s", label);
	} else if (rv == 1 &&
	    cs_lazycerts_read(&a->certs, label, b.p, b.len, NULL, err) == -1) {
		rv = any && err->code == CERTSTORE_EINPUT ? 0 : -1;
		if (rv == 0 && heldcert(&b) && a->doubt.code == CERTSTORE_OK)
			a->doubt = *err;
	}
	cs_buf_free(&b);
	free(label);
	return rv;
}

static int
findhashlink(void *arg, const char *name)
{
	(void)arg;
	return cs_anchor_islink(name);
}

struct reading {
	struct cs_anchors *a;
	struct certstore_error *err;
	int failed;
};

/* Reads what is named like a certificate; a plain directory may hold other
 * things. */
static int
readanycert(void *arg, const char *name)
{
	static const char *const ends[] = { ".pem", ".crt", ".cer", ".cert" };
	struct reading *reading = arg;
	size_t i, len = strlen(name), n;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		n = strlen(ends[i]);
		if (name[0] == '.' || len <= n ||
		    strcmp(name + len - n, ends[i]) != 0)
			continue;
		if (readanchorfile(reading->a, name, 1, reading->err) == -1) {
			reading->failed = 1;
			return 1;
		}
	}
	return 0;
}

/* Reads all certificates of the directory; after a failure none of them is
 * kept. */
static int
readwholedir(struct cs_anchors *a, struct certstore_error *err)
{
	struct reading reading = { a, err, 0 };
	size_t nfile = a->nfile;
	int rv;

	rv = cs_file_each(a->fd, ".", readanycert, &reading);
	if (rv == -1)
		cs_fail_errno(err, "%s", a->label);
	if (rv != -1 && !reading.failed)
		return 0;
	cs_lazycerts_drop(&a->certs, 0);
	dropfiles(a, nfile);
	cs_error_clear(&a->doubt);
	return -1;
}

/*
 * Called when no path was found: without any link HASH.N all files are read.  1
 * if that was done now, 0 if there is nothing new, -1 also if there is no
 * anchor at all.
 */
int
cs_anchors_readall(struct cs_anchors *a, struct certstore_error *err)
{
	int rv = 0;

	if (a->fd == -1 || (a->certs.n > 0 && !a->unhashed))
		return 0;
	if (!a->unhashed) {
		if ((rv = cs_file_each(a->fd, ".", findhashlink, NULL)) == 1)
			return 0;
		if (rv == -1)
			return cs_fail_errno(err, "%s", a->label);
		if (readwholedir(a, err) == -1)
			return -1;
		a->unhashed = rv = 1;
	}
	if (a->certs.n > 0 || a->given.n > 0)
		return rv;
	if (a->doubt.code != CERTSTORE_OK) {
		*err = a->doubt;
		return -1;
	}
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: there are no trust anchors in it: add some, or use another "
	    "directory",
	    a->label);
}

static int
ishashknown(const struct cs_anchors *a, unsigned long hash)
{
	size_t i;

	for (i = 0; i < a->nhash; i++)
		if (a->hashes[i] == hash)
			return 1;
	return 0;
}

static int
addhash(struct cs_anchors *a, unsigned long hash)
{
	unsigned long *v;

	v = cs_array_extend(a->hashes, a->nhash, &a->hashsize, sizeof(*v));
	if (v == NULL)
		return -1;
	a->hashes = v;
	a->hashes[a->nhash++] = hash;
	return 0;
}

/*
 * Reads HASH.0, HASH.1, ... of a subject once.  If one of them cannot be read
 * it may be the anchor that is needed: there is no answer then, and the next
 * question tries again.
 */
static int
loadbyhash(struct cs_anchors *a, const X509_NAME *name,
    struct certstore_error *err)
{
	size_t ncert = a->certs.n, nfile = a->nfile;
	char file[CS_ANCHOR_LINK];
	unsigned long hash;
	unsigned int i;
	int ok = 0, rv;

	hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);
	if (ok != 1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s", a->label);
	if (ishashknown(a, hash))
		return 0;
	for (i = 0, rv = 1; rv == 1; i++) {
		cs_anchor_link(file, hash, i);
		rv = readanchorfile(a, file, 0, err);
	}
	if (rv == 0 && addhash(a, hash) == -1)
		rv = cs_fail_nomem(err);
	if (rv == -1) {
		cs_lazycerts_drop(&a->certs, ncert);
		dropfiles(a, nfile);
	}
	return rv;
}

static int
findbysubject(struct cs_lazycerts *certs, const X509_NAME *name,
    STACK_OF(X509) *out, struct certstore_error *err)
{
	X509 *x509;
	size_t i;

	for (i = 0; i < certs->n; i++) {
		if (X509_NAME_cmp(cs_lazycerts_subject(certs, i), name) != 0)
			continue;
		if ((x509 = cs_lazycerts_get(certs, i, err)) == NULL)
			return -1;
		if (sk_X509_push(out, x509) <= 0)
			return cs_fail_nomem(err);
	}
	return 0;
}

int
cs_anchors_find(struct cs_anchors *a, const X509_NAME *name,
    STACK_OF(X509) *out, struct certstore_error *err)
{
	if (a->fd != -1 && !a->unhashed && loadbyhash(a, name, err) == -1)
		return -1;
	if (findbysubject(&a->given, name, out, err) == -1)
		return -1;
	return findbysubject(&a->certs, name, out, err);
}

static int
mergeuses(const struct cs_lazycerts *certs, const X509 *x509,
    struct cs_uses *uses)
{
	size_t i;
	int found = 0;

	for (i = 0; i < certs->n && certs->nuses > 0; i++) {
		if (!certs->v[i].hasuses ||
		    X509_cmp(certs->v[i].x509, x509) != 0)
			continue;
		cs_uses_merge(uses, &certs->v[i].uses);
		found = 1;
	}
	return found;
}

int
cs_anchors_uses(const struct cs_anchors *a, const X509 *x509,
    struct cs_uses *uses)
{
	memset(uses, 0, sizeof(*uses));
	return mergeuses(&a->given, x509, uses) |
	    mergeuses(&a->certs, x509, uses);
}

static int
isdistrusted(const struct cs_anchors *a, const char *hex)
{
	return cs_trustset_byfingerprint(&a->distrusted, hex) != NULL ||
	    cs_trustset_byfingerprint(&a->everywhere, hex) != NULL;
}

int
cs_anchors_distrust(const struct cs_anchors *a, X509 *x509)
{
	char hex[CS_HASH_LEN];

	if (a->distrusted.n + a->everywhere.n == 0)
		return 0;
	if (cs_cert_fingerprint(x509, hex) == -1)
		return -1;
	return isdistrusted(a, hex);
}

/* (r, s) and (r, order - s) are both valid ECDSA signatures: makes the other
 * one. */
static int
negatesignature(ECDSA_SIG *sig, EVP_PKEY *issuer)
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
twinfingerprint(X509 *x509, EVP_PKEY *issuer, char hex[CS_HASH_LEN])
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
	if (sig == NULL || !negatesignature(sig, issuer) ||
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

/* Is the certificate with the other valid ECDSA signature distrusted?  Anybody
 * can make that one, and it has another fingerprint. */
int
cs_anchors_distrust_twin(const struct cs_anchors *a, X509 *x509, X509 *issuer)
{
	EVP_PKEY *pkey = X509_get0_pubkey(issuer);
	char hex[CS_HASH_LEN];
	int rv;

	if (a->distrusted.n + a->everywhere.n == 0 || pkey == NULL ||
	    !EVP_PKEY_is_a(pkey, "EC"))
		return 0;
	if ((rv = twinfingerprint(x509, pkey, hex)) != 1)
		return rv;
	return isdistrusted(a, hex);
}

void
cs_anchors_close(struct cs_anchors *a)
{
	closeanchordir(a);
	cs_lazycerts_free(&a->given);
	free(a->files);
	free(a->hashes);
	free(a->label);
	free(a->path);
	cs_trustname_done(&a->tn);
	cs_trustname_done(&a->common);
	cs_anchors_init(a);
}
