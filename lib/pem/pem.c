/*
 * pem.c: makes a list of items of pasted PEM (RFC 7468), DER, PKCS#7 and
 * PKCS#12.  Damaged text is accepted if it has only one possible meaning, else
 * refused with line, reason and remedy.  The time is linear in the input.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "pem/private.h"

#define LABEL_SHOWN 64 /* bytes of a foreign label in a message */
#define LINE_BYTES 48  /* 64 characters of base64 */

/* What becomes an item, and how messages name what is asked for. */
enum { ANYTHING, CRLS_ONLY, CRLS_TOO, A_REQUEST };
static const struct {
	const char *all, *one, *label;
} wanted[] = {
	[ANYTHING] = { "certificate, key or request", "certificate",
	    "CERTIFICATE" },
	[CRLS_ONLY] = { "CRL", "CRL", "X509 CRL" },
	[CRLS_TOO] = { "certificate, key or request", "certificate",
	    "CERTIFICATE" },
	[A_REQUEST] = { "request", "request", "CERTIFICATE REQUEST" },
};

static int
failend(struct cs_reader *r)
{
	char label[LABEL_SHOWN], why[160];

	certstore_escape(label, sizeof(label), r->b.label, strlen(r->b.label));
	return cs_item_refuse(r, r->b.line,
	    "no `-----END %s-----` for this BEGIN: %s", label,
	    r->text.cut < r->b.line ? "copy it again to the end" :
				      cs_block_missing(r, why, sizeof(why)));
}

static int
beginblock(struct cs_reader *r, const struct cs_marker *m)
{
	struct cs_block *b = &r->b;
	unsigned char *der = b->der;

	if (b->line != 0)
		return failend(r);
	/* this has no END: a signature follows the text (RFC 9580 section 7) */
	if (strcmp(m->label, "PGP SIGNED MESSAGE") == 0)
		return 0;
	if (m->type == CS_PEM_OPENSSH)
		return cs_item_refuse(r, r->text.at,
		    "an SSH key: copy the file and convert the copy with "
		    "ssh-keygen -p -m PEM -f copy");
	memset(b, 0, sizeof(*b));
	b->der = der;
	b->line = r->text.at;
	b->type = m->type;
	memcpy(b->label, m->label, sizeof(b->label));
	if (r->crls && strcmp(m->label, "X509 CRL") == 0)
		b->type = CS_PEM_CRL;
	if (b->type == CS_PEM_SKIPPED && r->skipped[0] == '\0')
		memcpy(r->skipped, m->label, sizeof(r->skipped));
	return 0;
}

static int
endblock(struct cs_reader *r, const struct cs_marker *m, const char *label)
{
	char other[LABEL_SHOWN];

	if (r->b.line == 0)
		return cs_item_refuse(r, r->text.at,
		    "`-----END %s-----` without its BEGIN: copy it again from "
		    "the beginning",
		    label);
	if (strcmp(m->label, r->b.label) != 0) {
		certstore_escape(other, sizeof(other), r->b.label,
		    strlen(r->b.label));
		return cs_item_refuse(r, r->text.at,
		    "`-----END %s-----` where `-----END %s-----` belongs "
		    "(BEGIN is line %zu): copy it again",
		    label, other, r->b.line);
	}
	if (cs_block_finish(r) == -1)
		return -1;
	r->b.line = 0;
	return 0;
}

static int
takemarker(struct cs_reader *r, const struct cs_marker *m)
{
	char label[LABEL_SHOWN];
	size_t wrong;

	certstore_escape(label, sizeof(label), m->label, strlen(m->label));
	wrong = m->lead != CS_MARKER_DASHES ? m->lead : m->trail;
	/* after an editor replaced dashes, their number is unknown */
	if (wrong != CS_MARKER_DASHES && !r->text.dashes)
		return cs_item_refuse(r, r->text.at,
		    "%zu dash%s instead of %d: the marker is `-----%s %s-----`",
		    wrong, wrong == 1 ? "" : "es", CS_MARKER_DASHES,
		    m->end ? "END" : "BEGIN", label);
	return m->end ? endblock(r, m, label) : beginblock(r, m);
}

static int
readline(struct cs_reader *r)
{
	const char *s = r->text.s;
	size_t from = 0, n = r->text.n;
	struct cs_marker m;

	while (cs_marker_find(s, n, from, &m)) {
		if (cs_block_add(r, s + from, m.at - from) == -1 ||
		    takemarker(r, &m) == -1)
			return -1;
		from = m.next;
	}
	return cs_block_add(r, s + from, n - from);
}

/* Refuses an input without items, and reports what it seems to be. */
static int
failnothing(struct cs_reader *r)
{
	char label[LABEL_SHOWN];
	const char *guess;

	if (r->skipped[0] != '\0') {
		certstore_escape(label, sizeof(label), r->skipped,
		    strlen(r->skipped));
		return cs_item_refuse(r, 0,
		    "holds `%s`, but no %s: use the file that does", label,
		    wanted[r->asked].all);
	}
	if ((guess = cs_lines_guess(r->text.p, r->text.len)) != NULL)
		return cs_item_refuse(r, 0, "%s", guess);
	return cs_item_refuse(r, 0,
	    "no PEM block: a %s begins with `-----BEGIN %s-----`",
	    wanted[r->asked].one, wanted[r->asked].label);
}

/* "-----BEGIN" in base64: so Kubernetes, key vaults and Traefik store PEM. */
static const char begins[] = "LS0tLS1CRUdJTi";

/* Where base64 continues after the end of a line at p; NULL: it does not. */
static const char *
nextline64(const char *p, const char *end)
{
	const char *q;

	while (p < end && isspace((unsigned char)*p) != 0)
		p++;
	for (q = p; q < end && (cs_block_digits(q, 1) == 1 || *q == '='); q++)
		;
	return q > p && (q == end || *q == '\r' || *q == '\n') ? p : NULL;
}

/* Decodes base64 from p to b->der, which has room.  Returns where it ends. */
static const char *
decode64(const char *p, const char *end, struct cs_block *b)
{
	const char *next;
	size_t len;

	for (;; p += len) {
		if (end - p > 1 && p[0] == '\\' && (p[1] == 'n' || p[1] == 'r'))
			p += 2;
		else if (p < end && (*p == '\r' || *p == '\n') &&
		    (next = nextline64(p, end)) != NULL)
			p = next;
		if ((len = cs_block_digits(p, (size_t)(end - p))) == 0)
			break;
		cs_block_push(b, p, len);
	}
	(void)cs_block_flush(b);
	return p;
}

static int readtext(struct cs_reader *, const unsigned char *, size_t);

/* Decodes and reads PEM that is in base64, once: 1, 0 there is none, -1. */
static int
readwrapped(struct cs_reader *r, const unsigned char *text, size_t n)
{
	const char *p = (const char *)text, *end = p + n, *from = p, *at;
	struct cs_block b = { 0 };
	unsigned char *buf;
	size_t line = 1;
	int rv = 0;

	if (r->outer != 0 || memmem(p, n, begins, strlen(begins)) == NULL)
		return 0;
	if ((buf = malloc(n + 1)) == NULL)
		return cs_fail_nomem(r->err);
	while (rv != -1 &&
	    (at = memmem(from, (size_t)(end - from), begins, strlen(begins))) !=
		NULL) {
		for (; p < at; p++)
			line += *p == '\n';
		from = at + strlen(begins);
		if (at > end - n && cs_block_digits(at - 1, 1) == 1 &&
		    !(at > end - n + 1 && at[-2] == '\\'))
			continue;
		memset(&b, 0, sizeof(b));
		b.der = buf;
		from = decode64(at, end, &b);
		cs_lines_close(&r->text);
		r->outer = line;
		rv = readtext(r, buf, b.len) == -1 ? -1 : 1;
		r->outer = 0;
	}
	OPENSSL_cleanse(&b, sizeof(b));
	freezero(buf, n + 1);
	return rv;
}

static int
readtext(struct cs_reader *r, const unsigned char *p, size_t n)
{
	size_t before = r->list->n;
	int rv;

	if (cs_lines_isutf16(p, n))
		return cs_item_refuse(r, 0,
		    "UTF-16: save it as UTF-8, or convert it with iconv -f "
		    "UTF-16 -t UTF-8");
	if (cs_lines_open(&r->text, p, n) == -1)
		return cs_fail_nomem(r->err);
	while (cs_lines_next(&r->text) == 1) {
		if (readline(r) == -1)
			return -1;
	}
	if (r->b.line != 0)
		return failend(r);
	if (r->list->n > before)
		return 0;
	if ((rv = readwrapped(r, p, n)) != 0)
		return rv == -1 ? -1 : 0;
	return failnothing(r);
}

static int
readder(struct cs_reader *r, const unsigned char *p, size_t n)
{
	size_t total;
	int type, whole;

	type = cs_der_type(p, n);
	whole = cs_der_total(p, n, &total);
	if (whole == 1 && total > n)
		return cs_item_refuse(r, 0,
		    "truncated: the DER says %zu bytes, %zu are there: copy "
		    "the file again",
		    total, n);
	if (whole == 1 && total < n)
		return cs_item_refuse(r, 0,
		    "%zu byte%s after the DER: use one file for each "
		    "certificate or key",
		    n - total, n - total == 1 ? "" : "s");
	if (whole == 0 && type != -1 && type != CS_PEM_PKCS7 &&
	    type != CS_PEM_PKCS12)
		return cs_item_refuse(r, 0, CS_DER_BER, cs_der_name(type));
	if (type == -1 || (type == CS_PEM_CRL && !r->crls) ||
	    (whole != 1 && type != CS_PEM_PKCS7 && type != CS_PEM_PKCS12))
		return cs_item_refuse(r, 0,
		    "DER of %s: use a certificate, key, PKCS#7 or PKCS#12 "
		    "file",
		    cs_der_name(type));
	return cs_container_open(r, (enum cs_pem_type)type, p, n);
}

static int
readall(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *pass, int asked, struct cs_pems *list,
    struct certstore_error *err)
{
	struct cs_reader r = { .list = list, .pass = pass, .err = err };
	size_t before = list->n, max;
	int rv = -1;

	r.asked = asked;
	r.crls = asked == CRLS_ONLY || asked == CRLS_TOO;
	max = r.crls ? CERTSTORE_CRL_MAX : CERTSTORE_INPUT_MAX;
	if (len == 0)
		data = "";
	r.proto.pemlabel = r.pemlabel;
	if ((r.proto.label = cs_item_label(label)) == NULL)
		return cs_fail_nomem(err);
	if (len > max)
		cs_item_refuse(&r, 0,
		    "larger than %zu bytes: split it into several files", max);
	else if ((r.b.der = malloc(len + 1)) == NULL)
		cs_fail_nomem(err);
	else if (cs_der_looks(data, len))
		rv = readder(&r, data, len);
	else
		rv = readtext(&r, data, len);
	if (rv == -1)
		cs_item_drop(list, before);
	cs_lines_close(&r.text);
	freezero(r.b.der, r.b.der == NULL ? 0 : len + 1);
	OPENSSL_cleanse(&r.b, sizeof(r.b));
	free(r.proto.label);
	return rv;
}

int
cs_pem_read(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *pass, struct cs_pems *list,
    struct certstore_error *err)
{
	return readall(label, data, len, pass, ANYTHING, list, err);
}

int
cs_pem_read_crls(const char *label, const void *data, size_t len,
    struct cs_pems *list, struct certstore_error *err)
{
	return readall(label, data, len, NULL, CRLS_ONLY, list, err);
}

int
cs_pem_read_csr(const char *label, const void *data, size_t len,
    struct cs_pems *list, struct certstore_error *err)
{
	return readall(label, data, len, NULL, A_REQUEST, list, err);
}

int
cs_pem_read_all(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *pass, struct cs_pems *list,
    struct certstore_error *err)
{
	return readall(label, data, len, pass, CRLS_TOO, list, err);
}

int
cs_pem_encode(struct cs_buf *b, const char *label, const unsigned char *der,
    size_t len)
{
	unsigned char line[LINE_BYTES / 3 * 4 + 1];
	size_t i, n, width;
	int rv = -1;

	if (cs_buf_printf(b, "-----BEGIN %s-----\n", label) == -1)
		return -1;
	for (i = 0; i < len; i += n) {
		n = len - i < LINE_BYTES ? len - i : LINE_BYTES;
		width = (size_t)EVP_EncodeBlock(line, der + i, (int)n);
		line[width] = '\n';
		if (cs_buf_add(b, line, width + 1) == -1)
			goto out;
	}
	rv = cs_buf_printf(b, "-----END %s-----\n", label);
out:
	OPENSSL_cleanse(line, sizeof(line));
	return rv;
}

int
cs_pem_encode_item(struct cs_buf *b, const char *label, const ASN1_ITEM *it,
    const void *item, struct certstore_error *err)
{
	unsigned char *der = NULL;
	int len, rv;

	ERR_clear_error();
	if ((len = ASN1_item_i2d(item, &der, it)) <= 0)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: cannot be encoded", label);
	rv = cs_pem_encode(b, label, der, (size_t)len);
	OPENSSL_clear_free(der, (size_t)len);
	return rv == -1 ? cs_fail_nomem(err) : 0;
}
