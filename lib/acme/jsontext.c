/*
 * jsontext.c: as much of JSON (RFC 8259) as keys and signatures need: reads an
 * object of nothing but strings.
 */
#include <string.h>

#include "acme/private.h"

#define BLANKS " \t\r\n"

/* What is left of the text. */
struct rest {
	const char *p, *end;
};

static void
skipblanks(struct rest *r)
{
	while (r->p < r->end && *r->p != '\0' && strchr(BLANKS, *r->p) != NULL)
		r->p++;
}

/* Whether this character comes next, which is then skipped with blanks. */
static int
skipchar(struct rest *r, char c)
{
	skipblanks(r);
	if (r->p == r->end || *r->p != c)
		return 0;
	r->p++;
	skipblanks(r);
	return 1;
}

/* Reads a string of printable ASCII without escapes. */
static int
readstring(struct rest *r, const char **s, size_t *len)
{
	skipblanks(r);
	if (r->p == r->end || *r->p != '"')
		return 0;
	*s = ++r->p;
	while (r->p < r->end && *r->p != '"') {
		if (*r->p < 0x20 || *r->p >= 0x7f || *r->p == '\\')
			return 0;
		r->p++;
	}
	if (r->p == r->end)
		return 0;
	*len = (size_t)(r->p++ - *s);
	return 1;
}

static int
istwice(const struct cs_member *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].namelen == v[n].namelen &&
		    memcmp(v[i].name, v[n].name, v[n].namelen) == 0)
			return 1;
	return 0;
}

const char *
cs_jsontext_read(const char *text, size_t len, size_t *n,
    struct cs_member v[CS_MEMBERS_MAX])
{
	struct rest r = { text, text + len };
	struct cs_member *m;

	*n = 0;
	if (!skipchar(&r, '{'))
		return "does not begin with {";
	do {
		if (*n == CS_MEMBERS_MAX)
			return "has too many members";
		m = &v[*n];
		if (!readstring(&r, &m->name, &m->namelen) ||
		    !skipchar(&r, ':') || !readstring(&r, &m->value, &m->len))
			return "is not an object of strings";
		if (istwice(v, *n))
			return "has a member twice";
		(*n)++;
	} while (skipchar(&r, ','));
	if (!skipchar(&r, '}') || r.p != r.end)
		return "is cut, or text follows it";
	return NULL;
}
