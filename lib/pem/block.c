/*
 * block.c: decodes headers (RFC 1421) and base64 (RFC 4648) between BEGIN and
 * END, and checks that nothing is missing.  libcrypto decodes the base64, but
 * does not report which character of which line is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/string.h>

#include <openssl/evp.h>

#include "pem/private.h"

/* Writes why data is missing, from what the lines show, and what to do. */
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

	/* the whole UTF-8 character */
	while (len < n && len < 4 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len++;
	certstore_escape(shown, sizeof(shown), s, len);
	return cs_item_refuse(r, r->text.at,
	    "`%s` is not base64: copy `%s` again", shown, r->b.label);
}

/* The number of base64 characters at the start of s (RFC 4648 section 4). */
size_t
cs_block_digits(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') ||
			(s[i] >= '/' && s[i] <= '9') ||
			(s[i] >= 'A' && s[i] <= 'Z') || s[i] == '+'))
			break;
	return i;
}

/*
 * Decodes the n characters in the chunk.  The last group of four is padded with
 * "A" (zero bits), which is not counted.
 */
static void
decodechunk(struct cs_block *b, size_t n)
{
	size_t whole = n;

	while (whole % 4 != 0)
		b->chunk[whole++] = 'A';
	EVP_DecodeBlock(b->der + b->len, b->chunk, (int)whole);
	b->len += n * 3 / 4;
}

/* Adds characters of base64. */
void
cs_block_push(struct cs_block *b, const char *s, size_t n)
{
	size_t at, len;

	for (; n > 0; s += len, n -= len) {
		at = b->chars % CS_BLOCK_CHUNK;
		len = n < CS_BLOCK_CHUNK - at ? n : CS_BLOCK_CHUNK - at;
		memcpy(b->chunk + at, s, len);
		b->chars += len;
		if (at + len == CS_BLOCK_CHUNK)
			decodechunk(b, CS_BLOCK_CHUNK);
	}
}

/* Decodes the rest: 0, or -1 if it is not a whole number of bytes. */
int
cs_block_flush(struct cs_block *b)
{
	size_t rest = b->chars % 4;

	decodechunk(b, b->chars % CS_BLOCK_CHUNK);
	return rest == 1 || b->pads > (rest == 0 ? 0 : 4 - rest) ? -1 : 0;
}

/* Records the first line of another width, and whether another one follows. */
static void
measureline(struct cs_reader *r, size_t width)
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
addbase64(struct cs_reader *r, const char *s, size_t n)
{
	size_t before = r->b.chars, i, len;

	for (i = 0; i < n; i += len) {
		if ((len = cs_block_digits(s + i, n - i)) > 0) {
			if (r->b.pads > 0)
				return cs_item_refuse(r, r->text.at,
				    "base64 continues after its `=`: two blocks "
				    "were run together: copy them again");
			cs_block_push(&r->b, s + i, len);
			continue;
		}
		len = 1;
		if (s[i] == '=')
			r->b.pads++;
		else if (s[i] != ' ')
			return failchar(r, s + i, n - i);
	}
	measureline(r, r->b.chars - before);
	return 0;
}

/* Moves *i to the next word and returns its length. */
static size_t
nextword(const char *s, size_t n, size_t *i)
{
	size_t len = 0;

	while (*i < n && s[*i] == ' ')
		*i += 1;
	while (*i + len < n && s[*i + len] != ' ')
		len++;
	return len;
}

/*
 * Copies the value of a header at *i and moves *i after it: one word, and the
 * next one after a word that ends with a comma.
 */
static int
headervalue(const char *s, size_t n, size_t *i, char buf[CS_BLOCK_DEK])
{
	size_t len, used = 0;

	do {
		len = nextword(s, n, i);
		if (len >= CS_BLOCK_DEK - used)
			return -1;
		memcpy(buf + used, s + *i, len);
		used += len;
		*i += len;
	} while (len > 0 && buf[used - 1] == ',');
	buf[used] = '\0';
	return strlen(buf) == used ? 0 : -1;
}

/* Whether a value is CIPHER,HEX with an IV of 8 or 16 bytes. */
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
readheader(struct cs_reader *r, const char *s, size_t n, size_t *i, int dek)
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

/*
 * Reads the headers before the base64 (RFC 1421 section 4.6).  used receives
 * their length.
 */
static int
skipheaders(struct cs_reader *r, const char *s, size_t n, size_t *used)
{
	const char *colon;
	size_t i = 0, len, namelen;
	int dek;

	for (;;) {
		*used = i;
		len = nextword(s, n, &i);
		if (len == 0 || (colon = memchr(s + i, ':', len)) == NULL)
			return 0;
		namelen = (size_t)(colon - (s + i));
		dek = isheader(s + i, namelen, "DEK-Info");
		if (!dek && !isheader(s + i, namelen, "Proc-Type")) {
			/* another header has the rest of the line */
			if (namelen + 1 == len && r->b.dek[0] == '\0')
				*used = n;
			return 0;
		}
		i += namelen + 1;
		if (readheader(r, s, n, &i, dek) == -1)
			return -1;
	}
}

/* Adds a piece of a line between BEGIN and END; ignored outside of a block. */
int
cs_block_add(struct cs_reader *r, const char *s, size_t n)
{
	size_t used = 0;

	if (r->b.line == 0 || r->b.type == CS_PEM_SKIPPED)
		return 0;
	/* a missing line of encrypted data could not be detected */
	if (r->b.encrypted && r->text.comment)
		return failchar(r, "#", 1);
	if (r->b.chars == 0 && memchr(s, ':', n) != NULL &&
	    skipheaders(r, s, n, &used) == -1)
		return -1;
	return addbase64(r, s + used, n - used);
}

/*
 * Whether DER of the type found may have a label of this type: keys come with
 * the labels of other keys, PKCS#7 and PKCS#12 with that of certificates.
 */
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

/* Ends a key with DEK-Info: it must be whole blocks of the cipher. */
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

/*
 * Keeps OpenSSL's trust settings, which follow a TRUSTED CERTIFICATE: they
 * count if it becomes a trust anchor.
 */
static int
takeaux(struct cs_reader *r, const unsigned char *aux, size_t len)
{
	struct cs_pem *item = &r->list->v[r->list->n - 1];

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
	if (strcmp(b->label, "TRUSTED CERTIFICATE") != 0 ||
	    (found != CS_PEM_CERT && found != -1) || total == b->len ||
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
	if (cs_block_flush(b) == -1)
		return cs_item_refuse(r, b->line,
		    "truncated: %zu characters of base64 and %zu `=` do not "
		    "make whole bytes: %s",
		    b->chars, b->pads, cs_block_missing(r, why, sizeof(why)));
	if (b->encrypted || b->dek[0] != '\0')
		return finishdek(r);
	return finishder(r);
}
