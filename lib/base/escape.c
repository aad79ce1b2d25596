/*
 * escape.c: makes text safe to print: vis(3) with VIS_OCTAL | VIS_CSTYLE, but
 * UTF-8 is kept in every locale, and characters that are invisible or change
 * the direction of text are escaped, too.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "base/base.h"

/* First and last of each range of characters that are escaped. */
static const struct {
	uint32_t first;
	uint32_t last;
} unseen[] = {
	{ 0x0080, 0x009f },  /* C1 controls */
	{ 0x00ad, 0x00ad },  /* soft hyphen */
	{ 0x061c, 0x061c },  /* Arabic letter mark */
	{ 0x180e, 0x180e },  /* Mongolian vowel separator */
	{ 0x200b, 0x200f },  /* zero width, direction marks */
	{ 0x2028, 0x202e },  /* separators, direction overrides */
	{ 0x2060, 0x206f },  /* word joiner, direction isolates */
	{ 0xfeff, 0xfeff },  /* byte order mark */
	{ 0xfff9, 0xfffb },  /* interlinear annotation */
	{ 0xe0000, 0xe007f } /* tags */
};

static int
isunseen(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		if (c >= unseen[i].first && c <= unseen[i].last)
			return 1;
	}
	return 0;
}

/*
 * Decodes the UTF-8 character at p (RFC 3629) to c.  Returns its length in
 * bytes, or 0 if it is malformed.
 */
static size_t
decodeutf8(const unsigned char *p, size_t len, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, n;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	*c = p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (p[i] & 0x3fu);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff))
		return 0;
	return n;
}

/*
 * Writes the escape of a byte to out and returns its length: a letter for the
 * bytes 7 to 13, a second backslash for a backslash, else three octal digits.
 */
static size_t
escapebyte(char *out, unsigned char c)
{
	out[0] = '\\';
	if (c >= '\a' && c <= '\r') {
		out[1] = "abtnvfr"[c - '\a'];
		return 2;
	}
	if (c == '\\') {
		out[1] = '\\';
		return 2;
	}
	out[1] = (char)('0' + (c >> 6));
	out[2] = (char)('0' + (c >> 3 & 7));
	out[3] = (char)('0' + (c & 7));
	return 4;
}

/*
 * Writes the character at p to out, unchanged or escaped, and its length there
 * to outlen.  Returns its length at p.
 */
static size_t
takechar(const unsigned char *p, size_t len, char out[16], size_t *outlen)
{
	uint32_t c = p[0];
	size_t i, n = 1;

	if (p[0] >= 0x20 && p[0] < 0x7f && p[0] != '\\') {
		out[0] = (char)p[0];
		*outlen = 1;
		return 1;
	}
	if (p[0] >= 0x80 && (n = decodeutf8(p, len, &c)) > 0 && !isunseen(c)) {
		memcpy(out, p, n);
		*outlen = n;
		return n;
	}
	if (n == 0)
		n = 1;
	*outlen = 0;
	for (i = 0; i < n; i++)
		*outlen += escapebyte(out + *outlen, p[i]);
	return n;
}

/*
 * Returns the length of the whole escaped text, without NUL, like snprintf(3).
 * A text that is too long is cut between characters, never inside one or
 * inside an escape.  Escaping a text again doubles its backslashes.
 */
size_t
certstore_escape(char *dst, size_t size, const char *src, size_t len)
{
	const unsigned char *p = (const unsigned char *)src;
	char piece[16];
	size_t n, need = 0, room = size > 0 ? size - 1 : 0, used = 0;

	while (len > 0) {
		size_t took = takechar(p, len, piece, &n);

		p += took;
		len -= took;
		need += n;
		if (need <= room) {
			memcpy(dst + used, piece, n);
			used += n;
		}
	}
	if (size > 0)
		dst[used] = '\0';
	return need;
}

const char *
cs_escape_quote(char out[CS_QUOTE_LEN], const char *s)
{
	size_t room = CS_QUOTE_LEN - strlen("\"...\"");
	size_t need;

	out[0] = '"';
	need = certstore_escape(out + 1, room, s, strlen(s));
	strlcat(out, need < room ? "\"" : "...\"", CS_QUOTE_LEN);
	return out;
}

static int
isplain(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s >= 0x7f)
			return 0;
	return 1;
}

void
cs_escape_message(char msg[CS_MESSAGE_LEN])
{
	char raw[CS_MESSAGE_LEN];
	size_t len = 0, run;
	const char *p;

	if (isplain(msg)) /* nearly all are */
		return;
	strlcpy(raw, msg, sizeof(raw));
	for (p = raw; *p != '\0' && len + 1 < CS_MESSAGE_LEN; p += run) {
		if ((run = strcspn(p, "\\")) > 0) {
			certstore_escape(msg + len, CS_MESSAGE_LEN - len, p,
			    run);
			len += strlen(msg + len);
		} else {
			msg[len++] = *p;
			run = 1;
		}
	}
	msg[len] = '\0';
}

/* Puts a word in quotes if a shell needs them. */
char *
cs_escape_word(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:@%+,=-";
	char *p, *word;

	if (*s != '\0' && s[strspn(s, plain)] == '\0')
		return strdup(s);
	if ((word = p = malloc(4 * strlen(s) + 3)) == NULL)
		return NULL;
	*p++ = '\'';
	for (; *s != '\0'; s++) {
		if (*s == '\'') {
			memcpy(p, "'\\'", 3);
			p += 3;
		}
		*p++ = *s;
	}
	memcpy(p, "'", 2);
	return word;
}

int
cs_escape_fit(const char *text, int max)
{
	if (strlen(text) <= (size_t)max)
		return (int)strlen(text);
	while (max > 0 && (text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/*
 * Adds a string of JSON in its quotes (RFC 8259 section 7).  Bytes from 0x80 on
 * are copied: the text must be UTF-8.
 */
int
cs_escape_json(struct cs_buf *b, const char *s)
{
	int rv = cs_buf_adds(b, "\"");

	for (; rv == 0 && *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			rv = cs_buf_printf(b, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			rv = cs_buf_printf(b, "\\u%04x", (unsigned int)*s);
		else
			rv = cs_buf_add(b, s, 1);
	}
	return rv == -1 ? -1 : cs_buf_adds(b, "\"");
}
