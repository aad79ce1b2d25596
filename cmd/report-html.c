/*
 * report-html.c: text of a page, and the form of times, names and links.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define MUCH (60 * 1024)

static const char *
findentity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* How many bytes stand for themselves. */
static size_t
plainrun(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] <= '~' && s[n] != '&' && s[n] != '<' &&
	    s[n] != '>' && s[n] != '"' && s[n] != '\'')
		n++;
	return n;
}

/* Adds the character at s, escaped if it is malformed, unseen, or controls
 * something; returns its bytes. */
static size_t
addescaped(struct cmd_text *t, const char *s)
{
	char out[32];
	size_t n = 1;

	if ((unsigned char)*s >= 0xc0)
		while (n < 4 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	certstore_escape(out, sizeof(out), s, n);
	cmd_text_adds(t, out);
	return n;
}

/*
 * Adds foreign text, in an element or an attribute with quotes.  Backslashes
 * stay: they begin escapes that the library made.
 */
void
html_text(struct cmd_text *t, const char *s)
{
	const char *entity;
	size_t n;

	for (; *s != '\0'; s += n) {
		if ((n = plainrun(s)) > 0)
			cmd_text_add(t, s, n);
		else if ((entity = findentity(*s)) != NULL) {
			cmd_text_adds(t, entity);
			n = 1;
		} else
			n = addescaped(t, s);
	}
}

void
html_print(struct cmd_text *t, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	cmd_text_adds(t, buf);
}

/* The end of the first attribute of a name, RFC 4514 section 2.1. */
static size_t
firstpart(const char *name)
{
	size_t n;

	for (n = 0; name[n] != '\0' && name[n] != ',' && name[n] != '+'; n++)
		if (name[n] == '\\' && name[n + 1] != '\0')
			n++;
	return n;
}

int
html_hasmore(const char *name)
{
	return name[firstpart(name)] != '\0';
}

/* Adds what a name has behind its first attribute, smaller. */
void
html_rest(struct cmd_text *t, const char *name)
{
	if (!html_hasmore(name))
		return;
	cmd_text_adds(t, " <small>");
	html_text(t, name + firstpart(name) + 1);
	cmd_text_adds(t, "</small>");
}

/* Adds a subject: a common name that comes first without "CN=". */
void
html_name(struct cmd_text *t, const char *name)
{
	size_t len = firstpart(name);
	char *first;

	if (strncmp(name, "CN=", 3) != 0 || len == 3) {
		html_text(t, *name == '\0' ? "(no name)" : name);
		return;
	}
	if ((first = strndup(name + 3, len - 3)) == NULL)
		cmd_die("no memory left");
	html_text(t, first);
	free(first);
	html_rest(t, name);
}

void
html_link(struct cmd_text *t, const char *name)
{
	cmd_text_adds(t, "<a href=\"#e-");
	html_text(t, name);
	cmd_text_adds(t, "\">");
	html_text(t, name);
	cmd_text_adds(t, "</a>");
}

void
html_date(struct cmd_text *t, int64_t when)
{
	char text[CERTSTORE_TIME_LEN];

	certstore_time_format(when, text);
	html_print(t, "<time datetime=\"%s\">%.10s</time>", text, text);
}

/* Adds "1 entry" or "2 entries". */
void
html_plural(struct cmd_text *t, size_t n, const char *one, const char *many)
{
	html_print(t, "%zu %s", n, n == 1 ? one : many);
}

void
html_end(struct report *r)
{
	if (cmd_erase != NULL)
		cmd_erase();
	if (!cmd_quiet &&
	    fwrite(r->page.p, 1, r->page.len, stdout) != r->page.len)
		cmd_lost();
	r->page.len = 0;
}

void
html_flush(struct report *r)
{
	if (r->page.len > MUCH)
		html_end(r);
}
