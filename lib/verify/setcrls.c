/*
 * setcrls.c: CRLs, of a text and of a trust set, and the helpers of a trust
 * set.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "verify/private.h"

static int
comparecrls(const X509_CRL *const *a, const X509_CRL *const *b)
{
	return X509_CRL_match(*a, *b);
}

int
cs_setcrls_add(STACK_OF(X509_CRL) **crls, const struct cs_pems *pems,
    struct certstore_error *err)
{
	const unsigned char *p;
	X509_CRL *crl;
	char where[512];
	size_t i;
	int n = 0;

	if (*crls == NULL && (*crls = sk_X509_CRL_new_null()) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < pems->n; i++) {
		if (pems->v[i].type != CS_PEM_CRL)
			continue;
		p = pems->v[i].der;
		crl = d2i_X509_CRL(NULL, &p, (long)pems->v[i].derlen);
		if (crl == NULL || p != pems->v[i].der + pems->v[i].derlen) {
			X509_CRL_free(crl);
			return cs_fail(err, CERTSTORE_EINPUT,
			    "%s: the CRL is damaged: copy it again",
			    cs_item_where(&pems->v[i], where, sizeof(where)));
		}
		if (sk_X509_CRL_push(*crls, crl) <= 0) {
			X509_CRL_free(crl);
			return cs_fail_nomem(err);
		}
		n++;
	}
	(void)sk_X509_CRL_set_cmp_func(*crls, comparecrls);
	sk_X509_CRL_sort(*crls);
	return n;
}

struct reading {
	const char *path; /* of the directory */
	int fd;
	const char *end; /* of the names that are read */
	size_t max;
	STACK_OF(X509_CRL) **crls; /* or NULL */
	struct cs_buf *pem;	   /* or NULL */
	struct certstore_error *err;
};

/* Reads a file if its name has that end: 0, or 1, which ends it. */
static int
readnamed(void *arg, const char *name)
{
	struct reading *r = arg;
	struct cs_pems pems = { NULL, 0, 0 };
	struct cs_buf b = { NULL, 0, 0 };
	char label[600];
	size_t len = strlen(name), n = strlen(r->end);
	int rv = 0;

	if (len <= n || strcmp(name + len - n, r->end) != 0)
		return 0;
	snprintf(label, sizeof(label), "%.400s/%.190s", r->path, name);
	if (cs_file_read(r->fd, name, r->max, &b) == -1)
		rv = cs_fail_errno(r->err, "%s", label);
	else if (r->pem != NULL)
		rv = cs_buf_add(r->pem, b.p, b.len) == -1 ?
		    cs_fail_nomem(r->err) :
		    0;
	else if (cs_pem_read_crls(label, b.p, b.len, &pems, r->err) == -1 ||
	    cs_setcrls_add(r->crls, &pems, r->err) == -1)
		rv = -1;
	ERR_clear_error();
	cs_item_free(&pems);
	cs_buf_free(&b);
	return rv == -1;
}

/* Reads all such files of a directory below another one, which may be missing:
 * 0, -1. */
static int
readbelow(struct reading *r, int fd, const char *name)
{
	char path[512];
	int rv;

	if ((r->fd = cs_file_opendir(fd, name)) == -1)
		return errno == ENOENT ?
		    0 :
		    cs_fail_errno(r->err, "%s/%s", r->path, name);
	snprintf(path, sizeof(path), "%.400s/%s", r->path, name);
	r->path = path;
	cs_error_clear(r->err);
	rv = cs_file_each(r->fd, ".", readnamed, r);
	cs_file_close(&r->fd);
	if (rv == 0)
		return 0;
	return rv == 1 ? -1 : cs_fail_errno(r->err, "%s", path);
}

int
cs_setcrls_read(STACK_OF(X509_CRL) **crls, int fd, const char *path,
    struct certstore_error *err)
{
	struct reading r = { .path = path,
		.end = ".crl",
		.max = CERTSTORE_CRL_MAX,
		.crls = crls,
		.err = err };

	return readbelow(&r, fd, "crls");
}

int
cs_setcrls_helpers(struct cs_buf *pem, int fd, const char *path,
    struct certstore_error *err)
{
	struct reading r = { .path = path,
		.end = ".pem",
		.max = CS_RECORD_MAX,
		.pem = pem,
		.err = err };

	return readbelow(&r, fd, "untrusted");
}
