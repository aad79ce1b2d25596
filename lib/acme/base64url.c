/*
 * base64url.c: base64 for URLs, without padding (RFC 4648 section 5, RFC 7515
 * section 2).
 */
#include <string.h>

#include "acme/private.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789-_";

int
cs_base64url_add(struct cs_buf *b, const void *data, size_t len)
{
	const unsigned char *p = data;
	unsigned int bits = 0;
	size_t have = 0, i;
	char c;

	if (cs_buf_reserve(b, len / 3 * 4 + 4) == -1)
		return -1;
	for (i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6) {
			c = alphabet[bits >> (have - 6) & 63];
			if (cs_buf_add(b, &c, 1) == -1)
				return -1;
		}
	}
	if (have == 0)
		return 0;
	return cs_buf_add(b, &alphabet[bits << (6 - have) & 63], 1);
}

/* Also malformed: bits behind the last byte that are not 0. */
int
cs_base64url_decode(struct cs_buf *b, const char *s, size_t len)
{
	unsigned int bits = 0;
	const char *found;
	size_t have = 0, i;
	char c;

	if (len % 4 == 1)
		return 0;
	if (cs_buf_reserve(b, len / 4 * 3 + 3) == -1)
		return -1;
	for (i = 0; i < len; i++) {
		if (s[i] == '\0' || (found = strchr(alphabet, s[i])) == NULL)
			return 0;
		bits = bits << 6 | (unsigned int)(found - alphabet);
		if ((have += 6) < 8)
			continue;
		have -= 8;
		c = (char)(bits >> have & 255);
		if (cs_buf_add(b, &c, 1) == -1)
			return -1;
	}
	return (bits & ((1u << have) - 1)) == 0;
}

/* Whether a text has 1 to max characters, all of the alphabet: 1 or 0. */
int
cs_base64url_isvalid(const char *s, size_t max)
{
	size_t len = strspn(s, alphabet);

	return len > 0 && len <= max && s[len] == '\0';
}
