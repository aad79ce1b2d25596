/*
 * block.c: decodes what stands between BEGIN and END: headers (RFC 1421) and
 * base64, line by line, and judges whether all of it is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/string.h>

#include "pem/private.h"

/* Why data is missing, as far as the lines show it. */
const char *
cs_block_missing(const struct cs_reader *r, char *buf, size_t size)
{
	if (r->text.cut >= r->b.line)
		snprintf(buf, size,
		    "line %zu has exactly %d bytes, where a terminal cuts a "
		    "pasted line: use the file instead",
		    r->text.cut, CS_LINES_TTY);
	else if (r->b.more)
		snprintf(buf, size,
		    "line %zu has %zu characters, the first has %zu: copy it "
		    "again",
		    r->b.odd, r->b.oddwidth, r->b.width);
	else
		snprintf(buf, size, "a line is missing: copy it again");
	return buf;
}

static int
failchar(struct cs_reader *r, const char *s, size_t n)
{
	char shown[24];
	size_t len = 1;

	/* The whole of a UTF-8 character. */
	while (len < n && len < 4 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len++;
	certstore_escape(shown, sizeof(shown), s, len);
	return cs_item_refuse(r, r->text.at,
	    "`%s` is not base64: copy `%s` again", shown, r->b.label);
}

/* What the characters from '+' to 'z' stand for. */
static const signed char sixes[] = { 62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57,
	58, 59, 60, 61, -1, -1, -1, -1, -1, -1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1,
	-1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
	39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51 };

static int
value(char c)
{
	size_t i = (size_t)((unsigned char)c - '+');

	return i < sizeof(sixes) ? sixes[i] : -1;
}

/* Whole groups of four at the beginning, nearly all there is; how many bytes
 * of s that were. */
static size_t
fours(struct cs_block *b, const char *s, size_t n)
{
	uint32_t quad;
	size_t i;
	int v, w, x, y;

	if (b->chars % 4 != 0 || b->pads > 0)
		return 0;
	for (i = 0; n - i >= 4; i += 4) {
		v = value(s[i]);
		w = value(s[i + 1]);
		x = value(s[i + 2]);
		y = value(s[i + 3]);
		if ((v | w | x | y) < 0)
			break;
		quad = (uint32_t)v << 18 | (uint32_t)w << 12 |
		    (uint32_t)x << 6 | (uint32_t)y;
		b->der[b->len++] = (unsigned char)(quad >> 16);
		b->der[b->len++] = (unsigned char)(quad >> 8 & 0xff);
		b->der[b->len++] = (unsigned char)(quad & 0xff);
	}
	b->chars += i;
	return i;
}

static void
push(struct cs_reader *r, uint32_t six)
{
	struct cs_block *b = &r->b;

	b->quad = b->quad << 6 | six;
	if (++b->chars % 4 != 0)
		return;
	r->b.der[b->len++] = (unsigned char)(b->quad >> 16);
	r->b.der[b->len++] = (unsigned char)(b->quad >> 8 & 0xff);
	r->b.der[b->len++] = (unsigned char)(b->quad & 0xff);
	b->quad = 0;
}

/* Remembers the first line that is not as wide as the first and not last. */
static void
measure(struct cs_reader *r, size_t width)
{
	struct cs_block *b = &r->b;

	if (width == 0 || b->more)
		return;
	if (b->odd != 0)
		b->more = 1;
	else if (b->width == 0)
		b->width = width;
	else if (width != b->width) {
		b->odd = r->text.at;
		b->oddwidth = width;
	}
}

static int
base64(struct cs_reader *r, const char *s, size_t n)
{
	size_t before = r->b.chars, i;
	int v;

	for (i = fours(&r->b, s, n); i < n; i++) {
		if (s[i] == ' ')
			continue;
		if (s[i] == '=') {
			r->b.pads++;
			continue;
		}
		if ((v = value(s[i])) == -1)
			return failchar(r, s + i, n - i);
		if (r->b.pads > 0)
			return cs_item_refuse(r, r->text.at,
			    "base64 continues after its `=`: two blocks "
			    "were run together: copy them again");
		push(r, (uint32_t)v);
	}
	measure(r, r->b.chars - before);
	return 0;
}

/* What is left of the last four; -1 if no bytes end like that. */
static int
flush(struct cs_reader *r)
{
	struct cs_block *b = &r->b;
	size_t rest = b->chars % 4;

	if (rest == 1 || b->pads > (rest == 0 ? 0 : 4 - rest))
		return -1;
	if (rest >= 2)
		r->b.der[b->len++] = (unsigned char)(b->quad >>
			(rest == 2 ? 4 : 10) &
		    0xff);
	if (rest == 3)
		r->b.der[b->len++] = (unsigned char)(b->quad >> 2 & 0xff);
	b->quad = 0;
	return 0;
}

/* The next word, at *i: its length. */
static size_t
word(const char *s, size_t n, size_t *i)
{
	size_t len = 0;

	while (*i < n && s[*i] == ' ')
		*i += 1;
	while (*i + len < n && s[*i + len] != ' ')
		len++;
	return len;
}

/* A header's value, at *i: one word, or two if a comma ends the first. */
static int
headervalue(const char *s, size_t n, size_t *i, char buf[CS_BLOCK_DEK])
{
	size_t len, used = 0;

	do {
		len = word(s, n, i);
		if (len >= CS_BLOCK_DEK - used)
			return -1;
		memcpy(buf + used, s + *i, len);
		used += len;
		*i += len;
	} while (len > 0 && buf[used - 1] == ',');
	buf[used] = '\0';
	return strlen(buf) == used ? 0 : -1;
}

/* CIPHER,HEX with an IV of 8 or 16 bytes. */
static int
isdek(const char *s)
{
	size_t len;

	len = strspn(s,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
	if (len == 0 || s[len] != ',')
		return 0;
	s += len + 1;
	len = strspn(s, "0123456789ABCDEFabcdef");
	return s[len] == '\0' && (len == 16 || len == 32);
}

static int
isheader(const char *s, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(s, name, len) == 0;
}

static int
header(struct cs_reader *r, const char *s, size_t n, size_t *i, int dek)
{
	char buf[CS_BLOCK_DEK];

	if (headervalue(s, n, i, buf) == -1 ||
	    (dek ? !isdek(buf) : strcmp(buf, "4,ENCRYPTED") != 0))
		return cs_item_refuse(r, r->text.at,
		    "%s is damaged: copy `%s` again",
		    dek ? "DEK-Info" : "Proc-Type", r->b.label);
	if (dek)
		strlcpy(r->b.dek, buf, sizeof(r->b.dek));
	else
		r->b.encrypted = 1;
	return 0;
}

/* RFC 1421 section 4.6: headers before the base64; used: what they took. */
static int
headers(struct cs_reader *r, const char *s, size_t n, size_t *used)
{
	const char *colon;
	size_t i = 0, len, namelen;
	int dek;

	for (;;) {
		*used = i;
		len = word(s, n, &i);
		if (len == 0 || (colon = memchr(s + i, ':', len)) == NULL)
			return 0;
		namelen = (size_t)(colon - (s + i));
		dek = isheader(s + i, namelen, "DEK-Info");
		if (!dek && !isheader(s + i, namelen, "Proc-Type")) {
			/* Another header takes the rest of the line. */
			if (namelen + 1 == len && r->b.dek[0] == '\0')
				*used = n;
			return 0;
		}
		i += namelen + 1;
		if (header(r, s, n, &i, dek) == -1)
			return -1;
	}
}

/* What stands between BEGIN and END, a piece of one line. */
int
cs_block_add(struct cs_reader *r, const char *s, size_t n)
{
	size_t used = 0;

	if (r->b.line == 0 || r->b.type == CS_PEM_SKIPPED)
		return 0;
	/* No length in what is encrypted shows that a line was left out. */
	if (r->b.encrypted && r->text.comment)
		return failchar(r, "#", 1);
	if (r->b.chars == 0 && memchr(s, ':', n) != NULL &&
	    headers(r, s, n, &used) == -1)
		return -1;
	return base64(r, s + used, n - used);
}

/* Keys come under the labels of other keys, and containers under any. */
static int
fitslabel(int type, int found)
{
	if (found == CS_PEM_PKCS7 || found == CS_PEM_PKCS12)
		return type == CS_PEM_CERT || type == CS_PEM_PKCS7 ||
		    type == CS_PEM_PKCS12;
	if (found == CS_PEM_KEY || found == CS_PEM_KEY_PKCS8ENC)
		return type == CS_PEM_KEY || type == CS_PEM_KEY_PKCS8ENC;
	if (found == CS_PEM_CERT)
		return type == CS_PEM_CERT || type == CS_PEM_PKCS7;
	return type == found;
}

/* A key under DEK-Info: no DER yet, but whole blocks of its cipher. */
static int
finishdek(struct cs_reader *r)
{
	struct cs_block *b = &r->b;
	struct cs_pem *item;
	char why[160];

	if (b->type != CS_PEM_KEY || !b->encrypted || b->dek[0] == '\0')
		return cs_item_refuse(r, b->line,
		    "Proc-Type and DEK-Info go together, before a private key: "
		    "copy `%s` again",
		    b->label);
	if (b->len % 8 != 0)
		return cs_item_refuse(r, b->line,
		    "truncated: %zu bytes are not whole blocks of the "
		    "cipher: %s",
		    b->len, cs_block_missing(r, why, sizeof(why)));
	if (cs_container_open(r, CS_PEM_KEY_DEK, b->der, b->len) == -1)
		return -1;
	item = &r->list->v[r->list->n - 1];
	if ((item->dek = strdup(b->dek)) == NULL)
		return cs_fail_nomem(r->err);
	return 0;
}

/* OpenSSL's trust settings, a second SEQUENCE: for who makes it an anchor. */
static int
takeaux(struct cs_reader *r, const unsigned char *aux, size_t len)
{
	struct cs_pem *item = &r->list->v[r->list->n - 1];

	if (item->type != CS_PEM_CERT)
		return 0;
	if ((item->aux = malloc(len)) == NULL)
		return cs_fail_nomem(r->err);
	memcpy(item->aux, aux, len);
	item->auxlen = len;
	return 0;
}

static int
finishder(struct cs_reader *r)
{
	struct cs_block *b = &r->b;
	char why[160];
	size_t aux = 0, total = 0;
	int found, whole;

	whole = cs_der_total(b->der, b->len, &total);
	found = cs_der_type(b->der, b->len);
	if (whole == 0 && found != -1 && found != CS_PEM_PKCS7 &&
	    found != CS_PEM_PKCS12)
		return cs_item_refuse(r, b->line, CS_DER_BER,
		    cs_der_name(found));
	if (whole == -1 ||
	    (whole == 0 && found != CS_PEM_PKCS7 && found != CS_PEM_PKCS12))
		return cs_item_refuse(r, b->line,
		    "not DER: the first line is missing or damaged: copy `%s` "
		    "again",
		    b->label);
	if (total > b->len)
		return cs_item_refuse(r, b->line,
		    "truncated: the DER says %zu bytes, %zu are there: %s",
		    total, b->len, cs_block_missing(r, why, sizeof(why)));
	if (strcmp(b->label, "TRUSTED CERTIFICATE") != 0 || total == b->len ||
	    cs_der_total(b->der + total, b->len - total, &aux) != 1 ||
	    aux != b->len - total)
		aux = 0;
	b->len -= aux;
	if (total < b->len)
		return cs_item_refuse(r, b->line,
		    "%zu byte%s after the DER, which TLS servers refuse: copy "
		    "`%s` again",
		    b->len - total, b->len - total == 1 ? "" : "s", b->label);
	if (found == -1)
		found = b->type;
	if (!fitslabel(b->type, found))
		return cs_item_refuse(r, b->line,
		    "labelled `%s`, but it holds %s: correct the label",
		    b->label, cs_der_name(found));
	if (cs_container_open(r, (enum cs_pem_type)found, b->der, b->len) == -1)
		return -1;
	return aux == 0 ? 0 : takeaux(r, b->der + total, aux);
}

int
cs_block_finish(struct cs_reader *r)
{
	struct cs_block *b = &r->b;
	char why[160];

	if (b->type == CS_PEM_SKIPPED)
		return 0;
	r->proto.line = r->outer != 0 ? r->outer : b->line;
	memcpy(r->pemlabel, b->label, sizeof(r->pemlabel));
	if (b->chars == 0)
		return cs_item_refuse(r, b->line,
		    "nothing between BEGIN and END of `%s`: copy it again",
		    b->label);
	if (flush(r) == -1)
		return cs_item_refuse(r, b->line,
		    "truncated: %zu characters of base64 and %zu `=` do not "
		    "make whole bytes: %s",
		    b->chars, b->pads, cs_block_missing(r, why, sizeof(why)));
	if (b->encrypted || b->dek[0] != '\0')
		return finishdek(r);
	return finishder(r);
}
