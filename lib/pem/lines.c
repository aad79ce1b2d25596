/*
 * lines.c: reads pasted text line by line, and removes what mail, editors,
 * terminals and JSON have added.  It does not know PEM.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "pem/private.h"

/* Characters that become a blank: BOM, no-break and zero width ones. */
static const char *const unseen[] = { "\xef\xbb\xbf", "\xc2\xa0", "\xc2\xad",
	"\xe2\x80\x8b", "\xe2\x80\x8c", "\xe2\x80\x8d", "\xe2\x80\xa8",
	"\xe2\x80\xaf", "\xe2\x81\xa0" };

/* Dashes that editors put in place of "-", then those in place of "--". */
static const char *const dashes[] = { "\xe2\x80\x90", "\xe2\x80\x91",
	"\xe2\x80\x92", "\xe2\x80\x93", "\xe2\x88\x92", "\xe2\x80\x94",
	"\xe2\x80\x95" };
#define NDASHES (sizeof(dashes) / sizeof(dashes[0]))
#define WIDE 5	  /* index of the first one for "--" */
#define TWO 0x100 /* nextchar() returns it for "--" */

int
cs_lines_open(struct cs_lines *t, const void *p, size_t len)
{
	memset(t, 0, sizeof(*t));
	t->p = p;
	t->len = len;
	t->line = 1;
	/* has room for the longest line: all of the text */
	if ((t->buf = malloc(len + 1)) == NULL)
		return -1;
	return 0;
}

void
cs_lines_close(struct cs_lines *t)
{
	freezero(t->buf, t->buf == NULL ? 0 : t->len + 1);
	memset(t, 0, sizeof(*t));
}

static size_t
unseenlen(const unsigned char *p, size_t left)
{
	size_t i, n;

	if (p[0] < 0x80)
		return 0;
	for (i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++) {
		n = strlen(unseen[i]);
		if (n <= left && memcmp(p, unseen[i], n) == 0)
			return n;
	}
	return 0;
}

static int
hexdigit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Decodes the four digits after \u.  Returns an ASCII character, a blank for a
 * BOM, or -1 for any other.
 */
static int
readunicode(const unsigned char *p, size_t left)
{
	int c = 0, d;
	size_t i;

	if (left < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		if ((d = hexdigit(p[i])) == -1)
			return -1;
		c = c << 4 | d;
	}
	if (c == 0xfeff)
		return ' ';
	if (c == '\r')
		return '\n';
	return c < 0x80 ? c : -1;
}

/*
 * Decodes an escape of JSON or C, such as \n, \/ or \u002b, also after several
 * backslashes.  Returns the character; a backslash if it is not an escape.
 */
static int
nextescape(struct cs_lines *t)
{
	int c = -1;

	while (t->pos < t->len && t->p[t->pos] == '\\')
		t->pos++;
	if (t->pos == t->len)
		return '\\';
	switch (t->p[t->pos]) {
	case 'n':
	case 'r':
		c = '\n';
		break;
	case 't':
		c = ' ';
		break;
	case '/':
	case '"':
		c = t->p[t->pos];
		break;
	case 'u':
		c = readunicode(t->p + t->pos + 1, t->len - t->pos - 1);
		if (c != -1)
			t->pos += 4;
		break;
	}
	if (c == -1)
		return '\\';
	t->pos++;
	return c;
}

/* Ends a line at pos, and records it if a terminal may have cut it. */
static void
endline(struct cs_lines *t)
{
	if (t->pos - t->start == CS_LINES_TTY)
		t->cut = t->line;
}

static int
newline(struct cs_lines *t)
{
	endline(t);
	if (t->p[t->pos] == '\r' && t->pos + 1 < t->len &&
	    t->p[t->pos + 1] == '\n')
		t->pos++;
	t->pos++;
	t->line++;
	t->start = t->pos;
	return '\n';
}

static int
nextchar(struct cs_lines *t)
{
	const unsigned char *p = t->p + t->pos;
	size_t n;

	switch (*p) {
	case '\n':
	case '\r':
		return newline(t);
	case '\\':
		return nextescape(t);
	case '\t':
	case '\v':
	case '\f':
		t->pos++;
		return ' ';
	}
	if ((n = unseenlen(p, t->len - t->pos)) > 0) {
		t->pos += n;
		return ' ';
	}
	for (n = 0; n < NDASHES && *p == 0xe2 && t->len - t->pos >= 3; n++)
		if (memcmp(p, dashes[n], 3) == 0) {
			t->pos += 3;
			t->dashes = 1;
			return n < WIDE ? '-' : TWO;
		}
	t->pos++;
	return *p;
}

/* The number of bytes from pos on that are copied unchanged. */
static size_t
plainlen(const struct cs_lines *t)
{
	const unsigned char *p = t->p + t->pos;
	size_t left = t->len - t->pos, n = 0;

	while (n < left && p[n] >= ' ' && p[n] < 0x80 && p[n] != '\\')
		n++;
	return n;
}

static int
isone(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/*
 * Removes the quoting of mail and strings, and the "- " that OpenPGP puts
 * before a dash (RFC 9580 section 7.2).  A comment becomes an empty line.
 */
static void
stripline(struct cs_lines *t)
{
	while (t->n > 0 && isone(t->s[0], " >\"'")) {
		t->s++;
		t->n--;
	}
	if (t->n > 2 && memcmp(t->s, "- -", 3) == 0) {
		t->s += 2;
		t->n -= 2;
	}
	while (t->n > 0 && isone(t->s[t->n - 1], " \"',;\\"))
		t->n--;
	t->comment = t->n > 0 && t->s[0] == '#';
	if (t->comment)
		t->n = 0;
}

int
cs_lines_next(struct cs_lines *t)
{
	size_t n;
	int c;

	if (t->pos == t->len)
		return 0;
	t->s = t->buf;
	t->n = 0;
	t->dashes = 0;
	t->at = t->line;
	for (;;) {
		n = plainlen(t);
		memcpy(t->s + t->n, t->p + t->pos, n);
		t->n += n;
		t->pos += n;
		if (t->pos == t->len || (c = nextchar(t)) == '\n')
			break;
		t->s[t->n++] = c == TWO ? '-' : (char)c;
		if (c == TWO)
			t->s[t->n++] = '-';
	}
	if (t->pos == t->len)
		endline(t);
	stripline(t);
	return 1;
}

/*
 * Whether a text is UTF-16: it has a byte order mark, or dashes with NUL
 * between them, or every other byte at the start is NUL.
 */
int
cs_lines_isutf16(const unsigned char *p, size_t n)
{
	size_t i, odd = 0, even = 0;

	if (n >= 2 &&
	    ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
		return 1;
	if (memmem(p, n, "-\0-\0-\0-\0", 8) != NULL ||
	    memmem(p, n, "\0-\0-\0-\0-", 8) != NULL)
		return 1;
	for (i = 0; i < n && i < 16; i++) {
		if (p[i] == '\0' && i % 2 == 0)
			even++;
		else if (p[i] == '\0')
			odd++;
	}
	return n >= 16 && even + odd == 8 && (even == 0 || odd == 0);
}

const char *
cs_lines_guess(const unsigned char *p, size_t n)
{
	static const char ssh[] = "an SSH public key: certificates need a "
				  "certificate's key";
	static const struct {
		const char *start;
		const char *says;
	} guesses[] = { { "<",
			    "an HTML or XML page: check what was downloaded" },
		{ "ssh-", ssh }, { "ecdsa-sha2-", ssh }, { "sk-ssh-", ssh },
		{ "---- BEGIN SSH2", ssh },
		{ "PuTTY-User-Key-File",
		    "an SSH key of PuTTY: export it as OpenSSH's, then "
		    "ssh-keygen -p -m PEM -f copy" },
		{ "\xfe\xed\xfe\xed",
		    "a Java keystore: convert it with keytool -importkeystore "
		    "-deststoretype pkcs12" },
		{ "PK\3\4", "a zip archive: unpack it first" },
		{ "\x1f\x8b", "compressed by gzip: unpack it first" },
		{ "%PDF", "a PDF document: ask for the PEM file" },
		{ "MI",
		    "base64 without a BEGIN line: add BEGIN and END around "
		    "it" } };
	size_t i, len;

	while (n > 0 &&
	    ((len = unseenlen(p, n)) > 0 || isone((char)p[0], " \t\r\n>\"'"))) {
		len = len > 0 ? len : 1;
		p += len;
		n -= len;
	}
	if (n == 0)
		return "empty: check where it comes from";
	for (i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		len = strlen(guesses[i].start);
		if (n >= len && memcmp(p, guesses[i].start, len) == 0)
			return guesses[i].says;
	}
	if (memchr(p, '\0', n) != NULL)
		return "neither PEM nor DER: use a certificate, key, PKCS#7 "
		       "or PKCS#12 file";
	return NULL;
}
