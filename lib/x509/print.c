/*
 * print.c: certificates, requests and public keys as text for people, escaped.
 */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

#include "x509/private.h"

struct raw {
	struct cs_buf text;
	int nomem; /* a part of it is missing */
};

/*
 * Collects what libcrypto prints.  It writes its own newlines at the start or
 * end of a write; one inside comes from a foreign value, which could forge a
 * line, and becomes a CR, which is escaped later.
 */
static int
filterwrite(BIO *bio, const char *p, size_t len, size_t *written)
{
	struct raw *raw = BIO_get_data(bio);
	struct cs_buf *buf = &raw->text;
	size_t first = 0, last = len, i, start = buf->len;

	if (cs_buf_add(buf, p, len) == -1) {
		raw->nomem = 1;
		return 0;
	}
	while (first < len && p[first] == '\n')
		first++;
	while (last > first && p[last - 1] == '\n')
		last--;
	for (i = first; i < last; i++) {
		if (p[i] == '\n')
			buf->p[start + i] = '\r';
	}
	*written = len;
	return 1;
}

static int
filterputs(BIO *bio, const char *s)
{
	size_t written;

	return filterwrite(bio, s, strlen(s), &written) == 1 ? (int)written :
							       -1;
}

static long
filterctrl(BIO *bio, int cmd, long larg, void *parg)
{
	(void)bio;
	(void)larg;
	(void)parg;
	return cmd == BIO_CTRL_FLUSH;
}

/* Appends, escaped and not cut. */
int
cs_print_escape(struct cs_buf *buf, const void *text, size_t len)
{
	size_t n;

	n = certstore_escape(NULL, 0, text, len);
	if (cs_buf_printf(buf, "%*s", (int)n, "") == -1)
		return -1;
	certstore_escape(buf->p + buf->len - n, n + 1, text, len);
	return 0;
}

static int
addescapedlines(struct cs_buf *buf, const struct cs_buf *raw)
{
	const char *next, *p = raw->p, *end = raw->p + raw->len;

	for (; p < end; p = next) {
		if ((next = memchr(p, '\n', (size_t)(end - p))) == NULL)
			next = end;
		if (cs_print_escape(buf, p, (size_t)(next - p)) == -1 ||
		    cs_buf_add(buf, "\n", 1) == -1)
			return -1;
		if (next < end)
			next++;
	}
	return 0;
}

static int
printobject(BIO *bio, enum cs_print what, void *obj)
{
	const unsigned long flags = XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB;

	switch (what) {
	case CS_PRINT_CERT:
		return X509_print_ex(bio, obj, flags, 0);
	case CS_PRINT_CSR:
		return X509_REQ_print_ex(bio, obj, flags, 0);
	default:
		return EVP_PKEY_print_public(bio, obj, 0, NULL);
	}
}

int
cs_print_text(struct cs_buf *buf, enum cs_print what, void *obj,
    struct certstore_error *err)
{
	struct raw raw = { 0 };
	BIO_METHOD *method = NULL;
	BIO *bio = NULL;
	int rv = -1;

	ERR_clear_error();
	if ((method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "text")) == NULL ||
	    BIO_meth_set_write_ex(method, filterwrite) != 1 ||
	    BIO_meth_set_puts(method, filterputs) != 1 ||
	    BIO_meth_set_ctrl(method, filterctrl) != 1 ||
	    (bio = BIO_new(method)) == NULL)
		goto out;
	BIO_set_data(bio, &raw);
	BIO_set_init(bio, 1);
	/* libcrypto goes on without what could not be written */
	if (printobject(bio, what, obj) != 1 || raw.nomem)
		goto out;
	if ((rv = addescapedlines(buf, &raw.text)) == -1)
		raw.nomem = 1;
out:
	BIO_free(bio);
	BIO_meth_free(method);
	cs_buf_free(&raw.text);
	if (rv == -1 && !raw.nomem)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the text cannot be made");
	ERR_clear_error();
	return rv == -1 ? cs_fail_nomem(err) : 0;
}
