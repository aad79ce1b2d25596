/*
 * caa.c: whether the CAA records of a name let a CA issue, RFC 8659 and RFC 8657.
 * The CA decides; this is for a message that says what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

/* The next parameter behind a semicolon, without blanks around: 1 or 0. */
int
kind_part_next(const char **rest, const char **part, size_t *len)
{
	const char *p = *rest;

	if (p == NULL)
		return 0;
	p += strspn(p, " \t");
	*part = p;
	*len = strcspn(p, ";");
	*rest = p[*len] == ';' ? p + *len + 1 : NULL;
	while (*len > 0 && (p[*len - 1] == ' ' || p[*len - 1] == '\t'))
		(*len)--;
	return 1;
}

/* The value of "key=" at the start of a part, or NULL. */
const char *
kind_part_value(const char *part, size_t *len, const char *key)
{
	size_t n = strlen(key);

	if (*len < n || strncasecmp(part, key, n) != 0)
		return NULL;
	*len -= n;
	return part + n;
}

int
kind_part_is(const char *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

/* Is the word in a list with commas? */
static int
islistedword(const char *list, size_t len, const char *word)
{
	const char *end = list + len;
	size_t n;

	for (;; list += n + 1) {
		n = 0;
		while (list + n < end && list[n] != ',')
			n++;
		if (kind_part_is(list, n, word))
			return 1;
		if (list + n == end)
			return 0;
	}
}

/* Does the value of a record allow one of these issuers to do this? */
static int
allowsissuer(const char *text, const char *const *issuers,
    const struct method_task *task)
{
	const char *part, *rest = text, *value;
	size_t len, n;
	int found = 0;

	(void)kind_part_next(&rest, &part, &len);
	for (; *issuers != NULL && !found; issuers++)
		found = len == strlen(*issuers) &&
		    strncasecmp(part, *issuers, len) == 0;
	while (found && kind_part_next(&rest, &part, &len)) {
		n = len;
		if ((value = kind_part_value(part, &n, "accounturi=")) !=
			NULL &&
		    task->account != NULL)
			found = kind_part_is(value, n, task->account);
		n = len;
		if ((value = kind_part_value(part, &n, "validationmethods=")) !=
		    NULL)
			found = islistedword(value, n, task->type);
	}
	return found;
}

/*
 * Judges the records of one name by RFC 8659 section 4: 1 it may issue, else 0
 * and the record that is in the way.
 */
static int
judgerecords(const struct dns_caa *caa, const char *const *issuers,
    const struct method_task *task, const struct caa_record **bad)
{
	const char *tag = "issue";
	const struct caa_record *r;
	size_t i;

	*bad = NULL;
	for (i = 0; i < caa->n; i++) {
		r = &caa->record[i];
		if (task->wildcard && strcasecmp(r->tag, "issuewild") == 0)
			tag = "issuewild";
		if ((r->flags & 0x80) != 0 &&
		    strcasecmp(r->tag, "issue") != 0 &&
		    strcasecmp(r->tag, "issuewild") != 0 &&
		    strcasecmp(r->tag, "iodef") != 0 && *bad == NULL)
			*bad = r;
	}
	if (*bad != NULL)
		return 0;
	for (i = 0; i < caa->n; i++) {
		r = &caa->record[i];
		if (strcasecmp(r->tag, tag) != 0)
			continue;
		if (allowsissuer(r->value, issuers, task))
			return 1;
		*bad = r;
	}
	return *bad == NULL;
}

int
method_caa(const struct method_task *task, const char *const *issuers,
    struct method_why *why)
{
	const struct caa_record *bad;
	const char *name = task->name;
	struct dns_caa *caa;
	int rv = 0;

	if (task->isip)
		return 0;
	caa = kind_alloc(sizeof(*caa));
	for (; rv == 0 && name != NULL; name = strchr(name, '.')) {
		name += *name == '.';
		if (kind_stopped(why) == -1) {
			rv = -1;
			break;
		}
		switch (dns_caa(name, caa)) {
		case -1:
			kind_fail(why,
			    "%s: its CAA records cannot be read here: a CA "
			    "that sees the same issues nothing",
			    name);
			rv = 1;
			break;
		case 1:
			if (!judgerecords(caa, issuers, task, &bad)) {
				kind_fail(why,
				    "%s: CAA record of %s does not allow it: "
				    "%d %s \"%s\"",
				    task->name, name, bad->flags, bad->tag,
				    bad->value);
				rv = 1;
			} else
				rv = 2;
			break;
		}
	}
	dns_caa_free(caa);
	free(caa);
	return rv == 2 ? 0 : rv;
}
