/*
 * pems.h: for the tests of PEM: a valid text, the items it must result in, and
 * ways to damage it.  Include it in one file of a program.
 */
#ifndef PEMS_H
#define PEMS_H

#include <openssl/err.h>
#include <openssl/pem.h>

#include "issue/private.h"
#include "input.h"
#include "tap.h"

__attribute__((unused)) static void
addfile(struct cs_buf *buf, const char *path)
{
	struct cs_buf file = { NULL, 0, 0 };

	readfile(path, &file);
	if (cs_buf_add(buf, file.p, file.len) == -1)
		bail("no memory");
	cs_buf_free(&file);
}

/* Replaces the nth from in a text by to, counted from 1; 0: all of them. */
__attribute__((unused)) static void
replace(struct cs_buf *buf, const char *from, const char *to, int nth)
{
	struct cs_buf out = { NULL, 0, 0 };
	const char *p = buf->p, *q;
	int n = 0;

	while ((q = strstr(p, from)) != NULL) {
		cs_buf_add(&out, p, (size_t)(q - p));
		n++;
		cs_buf_adds(&out, nth == 0 || n == nth ? to : from);
		p = q + strlen(from);
	}
	cs_buf_adds(&out, p);
	if (n < (nth == 0 ? 1 : nth))
		bail("`%s` is not in the text", from);
	cs_buf_free(buf);
	*buf = out;
}

/* Makes the list that the valid text must result in, with libcrypto. */
__attribute__((unused)) static void
oracle(const struct cs_buf *text, struct cs_pems *list)
{
	struct cs_pem *item;
	BIO *bio;
	char *name, *header;
	unsigned char *der;
	long len;

	memset(list, 0, sizeof(*list));
	if ((list->v = calloc(16, sizeof(*list->v))) == NULL ||
	    (bio = BIO_new_mem_buf(text->p, (int)text->len)) == NULL)
		bail("no memory");
	while (list->n < 16 &&
	    PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		item = &list->v[list->n];
		if (strcmp(name, "EC PARAMETERS") != 0 &&
		    strcmp(name, "X509 CRL") != 0) {
			item->type = strstr(name, "KEY") == NULL ? CS_PEM_CERT :
			    header[0] != '\0' ? CS_PEM_KEY_DEK :
						CS_PEM_KEY;
			item->derlen = (size_t)len;
			item->der = malloc((size_t)len);
			item->label = strdup("text");
			item->pemlabel = strdup(name);
			memcpy(item->der, der, (size_t)len);
			list->n++;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	BIO_free(bio);
	ERR_clear_error();
}

/* Whether got has the same items as want, or only the first of them. */
__attribute__((unused)) static int
isprefix(const struct cs_pems *got, const struct cs_pems *want)
{
	size_t i;

	if (got->n > want->n)
		return 0;
	for (i = 0; i < got->n; i++) {
		if (!issame(&got->v[i], &want->v[i]))
			return 0;
	}
	return 1;
}

/* The valid text: a certificate, its key, an encrypted key, a CA. */
__attribute__((unused)) static void
maketext(struct cs_buf *buf)
{
	cs_buf_reset(buf);
	addfile(buf, DATA "cert.pem");
	addfile(buf, DATA "sec1.pem");
	addfile(buf, KEYS "dek-ec.pem");
	addfile(buf, DATA "ca.pem");
}

__attribute__((unused)) static int
parse(const struct cs_buf *text, struct cs_pems *list,
    struct certstore_error *err)
{
	char *exact;
	int rv;

	/* exactly this size, so that ASan detects reads after the end */
	if ((exact = malloc(text->len)) == NULL && text->len > 0)
		bail("no memory");
	if (text->len > 0)
		memcpy(exact, text->p, text->len);
	memset(list, 0, sizeof(*list));
	memset(err, 0, sizeof(*err));
	rv = cs_pem_read("text", exact, text->len, NULL, list, err);
	free(exact);
	return rv;
}

__attribute__((unused)) static void
check_same(const struct cs_buf *text, const struct cs_pems *want,
    const char *name)
{
	struct cs_pems got;
	struct certstore_error err;
	int rv;

	rv = parse(text, &got, &err);
	is_str(err.msg, "", "%s: understood", name);
	ok(rv == 0 && got.n == want->n && isprefix(&got, want), "%s: the same",
	    name);
	cs_item_free(&got);
}

__attribute__((unused)) static void
check_refused(const struct cs_buf *text, const char *want, const char *name)
{
	struct cs_pems got;
	struct certstore_error err;
	int rv;

	rv = parse(text, &got, &err);
	ok(rv == -1 && err.code == CERTSTORE_EINPUT && got.n == 0,
	    "%s: refused", name);
	if (!ok(strstr(err.msg, want) != NULL, "%s: says why", name))
		printf("#  got: %s\n# want: %s\n", err.msg, want);
	cs_item_free(&got);
}

#endif
