/*
 * text.c: a buffer of text for output.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static void
growtext(struct cmd_text *t, size_t more)
{
	size_t size = t->size < 1024 ? 1024 : t->size;

	if (more < t->size - t->len)
		return;
	if (more > SIZE_MAX / 4 || t->len > SIZE_MAX / 4)
		cmd_die("no memory left");
	while (size <= t->len + more)
		size *= 2;
	if ((t->p = realloc(t->p, size)) == NULL)
		cmd_die("no memory left");
	t->size = size;
}

void
cmd_text_add(struct cmd_text *t, const char *s, size_t len)
{
	growtext(t, len);
	if (len > 0)
		memcpy(t->p + t->len, s, len);
	t->len += len;
	t->p[t->len] = '\0';
}

void
cmd_text_adds(struct cmd_text *t, const char *s)
{
	cmd_text_add(t, s, strlen(s));
}

static int
isplain(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] < ' ' || s[i] > '~')
			return 0;
	}
	return 1;
}

/* Adds a word, quoted for a shell. */
void
cmd_text_word(struct cmd_text *t, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_./:@%+,=-";
	size_t n;

	if (*s != '\0' && s[strspn(s, plain)] == '\0') {
		cmd_text_adds(t, s);
		return;
	}
	cmd_text_adds(t, "'");
	for (; *s != '\0'; s += n) {
		n = strcspn(s, "'");
		cmd_text_add(t, s, n);
		if (s[n] == '\'') {
			cmd_text_adds(t, "'\\''");
			n++;
		}
	}
	cmd_text_adds(t, "'");
}

/*
 * Adds a text without control characters, in well-formed UTF-8.  Text from the
 * library already is like that; a path may not be.  Backslashes stay: they
 * begin escapes that the library made.
 */
void
cmd_text_clean(struct cmd_text *t, const char *s)
{
	size_t len = strlen(s), need, run;

	if (isplain(s, len)) {
		cmd_text_add(t, s, len);
		return;
	}
	while (*s != '\0') {
		run = strcspn(s, "\\");
		if (run == 0) {
			cmd_text_add(t, s++, 1);
			continue;
		}
		need = certstore_escape(NULL, 0, s, run);
		growtext(t, need + 1);
		certstore_escape(t->p + t->len, need + 1, s, run);
		t->len += need;
		s += run;
	}
}

/* The columns on a terminal: the number of UTF-8 characters. */
size_t
cmd_text_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (((unsigned char)*s & 0xc0) != 0x80)
			n++;
	}
	return n;
}

void
cmd_text_free(struct cmd_text *t)
{
	free(t->p);
	memset(t, 0, sizeof(*t));
}
