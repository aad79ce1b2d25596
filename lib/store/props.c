/*
 * props.c: what no certificate says of an entry, certstore(5).  These lines are
 * edited by hand: readers ignore what is malformed, writers refuse it and name
 * the line.
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/private.h"

#define VALUE_MAX 1000 /* of a line with a key, bytes */
#define BOM "\xef\xbb\xbf"

/* Those with one value that info repeats, as CS_PROP_GROUP, come first. */
enum key {
	TENANT = CS_NPROP,
	USER,
	LIFE,
	KEEPKEY,
	METHOD,
	ACMEPROFILE,
	CHAIN,
	ENDPOINT,
	NOTE,
	IGNORE,
	RENEWHOST,
	LOG,
	OTHER
};

static const struct {
	const char *name;
	int single;			   /* at most one line */
	const char *(*flaw)(const char *); /* of the value, or NULL */
} keys[OTHER] = {
	[CS_PROP_ORIGIN] = { "origin", 0, NULL },
	[CS_PROP_GROUP] = { "group", 1, NULL },
	[CS_PROP_X5U] = { "x5u", 1, cs_x5u_flaw },
	[CS_PROP_RENEW] = { "renew", 1, cs_due_renewflaw },
	[CS_PROP_HOLD] = { "hold", 1, cs_due_holdflaw },
	[CS_PROP_ACME] = { "acme", 1, cs_method_accountflaw },
	[CS_PROP_REVOKED] = { "revoked", 1, cs_due_holdflaw },
	[CS_PROP_CRLURL] = { "crlurl", 1, cs_pointer_flaw },
	[CS_PROP_AIAURL] = { "aiaurl", 1, cs_pointer_flaw },
	[TENANT] = { "tenant", 0, NULL },
	[USER] = { "user", 0, NULL },
	[LIFE] = { "life", 1, cs_due_lifeflaw },
	[KEEPKEY] = { "keepkey", 1, cs_due_keepkeyflaw },
	[METHOD] = { "method", 0, cs_method_flaw },
	[ACMEPROFILE] = { "acmeprofile", 1, NULL },
	[CHAIN] = { "chain", 1, NULL },
	[ENDPOINT] = { "endpoint", 0, cs_endpoint_flaw },
	[NOTE] = { "note", 0, NULL },
	[IGNORE] = { "ignore", 0, cs_props_ignoreflaw },
	[RENEWHOST] = { "renewhost", 1, NULL },
	[LOG] = { "log", 1, NULL },
};

struct line {
	struct cs_propline l;
	enum key key;
};

/* What is wrong with a list of codes of findings, "a-b,c"; or NULL. */
const char *
cs_props_ignoreflaw(const char *value)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len;

	for (;; value += len + 1) {
		len = strspn(value, chars);
		if (len == 0 || (value[len] != '\0' && value[len] != ','))
			return "is not a code of cert-check, or several with "
			       "commas between";
		if (value[len] == '\0')
			return NULL;
	}
}

static int
isblank_ascii(char c)
{
	return c == ' ' || c == '\t';
}

static void
splitline(struct cs_propline *l)
{
	const char *end = l->text + l->textlen, *p = l->text;

	while (p < end && isblank_ascii(*p))
		p++;
	for (l->word = p; p < end && !isblank_ascii(*p); p++)
		;
	l->wordlen = (size_t)(p - l->word);
	while (p < end && isblank_ascii(*p))
		p++;
	l->value = p;
	l->len = (size_t)(end - p);
}

/* Splits the line at *pos and moves *pos behind it: 1, or 0 at the end. */
int
cs_props_nextline(const struct cs_buf *b, size_t *pos, struct cs_propline *l)
{
	const char *nl, *p;
	size_t len;

	if (b->p == NULL)
		return 0;
	if (*pos == 0 && b->len >= strlen(BOM) &&
	    memcmp(b->p, BOM, strlen(BOM)) == 0)
		*pos = strlen(BOM);
	if (*pos >= b->len)
		return 0;
	p = b->p + *pos;
	if ((nl = memchr(p, '\n', b->len - *pos)) != NULL)
		len = (size_t)(nl - p);
	else
		len = b->len - *pos;
	*pos += len + (nl != NULL);
	while (len > 0 && (isblank_ascii(p[len - 1]) || p[len - 1] == '\r'))
		len--;
	l->text = p;
	l->textlen = len;
	splitline(l);
	return 1;
}

static int
nextprop(const struct cs_buf *b, size_t *pos, struct line *line)
{
	size_t i;

	if (!cs_props_nextline(b, pos, &line->l))
		return 0;
	line->key = OTHER;
	for (i = 0; i < OTHER; i++)
		if (strlen(keys[i].name) == line->l.wordlen &&
		    memcmp(keys[i].name, line->l.word, line->l.wordlen) == 0)
			line->key = (enum key)i;
	return 1;
}

/*
 * Lists are sorted, so that they can be compared; of other keys the first line
 * counts.
 */
static int
parseprops(struct cs_props *props, const struct cs_buf *text)
{
	struct line l;
	char value[VALUE_MAX + 1];
	size_t len, pos = 0;

	while (nextprop(text, &pos, &l)) {
		if (l.key == OTHER || l.l.len == 0)
			continue;
		len = l.l.len < VALUE_MAX ? l.l.len : VALUE_MAX;
		snprintf(value, sizeof(value), "%.*s", (int)len, l.l.value);
		if ((l.key == TENANT &&
			cs_strings_add(&props->tenants, value) == -1) ||
		    (l.key == USER &&
			cs_strings_add(&props->users, value) == -1) ||
		    ((size_t)l.key < CS_NPROP && props->value[l.key] == NULL &&
			(props->value[l.key] = strdup(value)) == NULL))
			return -1;
	}
	cs_strings_sort(&props->tenants);
	cs_strings_sort(&props->users);
	return 0;
}

void
cs_props_free(struct cs_props *props)
{
	size_t i;

	cs_strings_free(&props->tenants);
	cs_strings_free(&props->users);
	for (i = 0; i < CS_NPROP; i++)
		free(props->value[i]);
	memset(props, 0, sizeof(*props));
}

/* A line for each value; other than 0: no memory. */
static int
addlines(struct cs_buf *b, enum key key, const char *const *v, size_t n)
{
	int bad = 0;
	size_t i;

	for (i = 0; i < n; i++)
		bad |= cs_buf_printf(b, "%s %s\n", keys[key].name, v[i]);
	return bad;
}

/* The line for a property with one value, which may be NULL. */
static int
addvalue(struct cs_buf *b, enum cs_prop prop, const char *value)
{
	return value == NULL ? 0 : addlines(b, (enum key)prop, &value, 1);
}

/* What info repeats of a property with one value, or NULL. */
static const char *
repeated(const struct cs_info *info, int prop)
{
	const char *const values[CS_NPROP] = {
		[CS_PROP_GROUP] = info->group,
		[CS_PROP_X5U] = info->x5u,
		[CS_PROP_RENEW] = info->renew,
		[CS_PROP_HOLD] = info->hold,
		[CS_PROP_ACME] = info->acme,
		[CS_PROP_REVOKED] = info->revoked,
		[CS_PROP_CRLURL] = info->crlurl,
		[CS_PROP_AIAURL] = info->aiaurl,
	};

	return values[prop];
}

/*
 * Reads props as they are now; if the file is missing, what info repeats of it.
 */
int
cs_props_text(const struct certstore_entry *entry, struct cs_buf *b,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	int bad, i, rv;

	if ((rv = cs_entry_read(entry, CS_PROPS, b, err)) != 0)
		return rv == -1 ? -1 : 0;
	cs_buf_reset(b);
	bad = addlines(b, TENANT, info->tenants.v, info->tenants.n) |
	    addlines(b, USER, info->users.v, info->users.n);
	for (i = CS_PROP_GROUP; i < CS_NPROP; i++)
		bad |= addvalue(b, (enum cs_prop)i, repeated(info, i));
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

int
cs_props_read(const struct certstore_entry *entry, struct cs_props *props,
    struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	int rv;

	memset(props, 0, sizeof(*props));
	rv = cs_props_text(entry, &text, err);
	if (rv == 0 && parseprops(props, &text) == -1)
		rv = cs_fail_nomem(err);
	cs_buf_free(&text);
	if (rv == -1)
		cs_props_free(props);
	return rv;
}

/*
 * Is it a key of ours in a form that would be ignored, as "group=x" or "User:
 * x"?
 */
static int
misspelt(const struct line *l, enum key *key)
{
	const char *p = l->l.text;
	size_t i, left = l->l.textlen, n;

	for (; left > 0 && isblank_ascii(*p); p++)
		left--;
	for (i = 0; i < OTHER; i++) {
		n = strlen(keys[i].name);
		if (left < n || strncasecmp(p, keys[i].name, n) != 0)
			continue;
		if (left == n || isblank_ascii(p[n]) || p[n] == '=' ||
		    p[n] == ':') {
			*key = (enum key)i;
			return 1;
		}
	}
	return 0;
}

struct place {
	const char *name; /* of the entry */
	size_t n;	  /* of the line */
	struct certstore_error *err;
};

static int
refuseline(const struct place *at, const char *what)
{
	if (*at->name == '@')
		return cs_fail(at->err, CERTSTORE_EREFUSED,
		    "props: line %zu of those of %s: %s: correct this line or "
		    "remove it",
		    at->n, at->name, what);
	return cs_fail(at->err, CERTSTORE_EREFUSED,
	    "certs/%s/props:%zu: %s: correct this line or remove it", at->name,
	    at->n, what);
}

/*
 * A tenant has to be an exact host name as matches look for it: lower case and
 * A-labels.
 */
static int
checktenant(const struct place *at, const char *value)
{
	char host[CS_HOST_MAX + 1], plain[CS_HOST_MAX + 1];
	char q[CS_QUOTE_LEN], what[CS_QUOTE_LEN + CS_HOST_MAX + 80];
	const char *flaw;

	if ((flaw = cs_name_hostflaw(value, 0, 0, host)) == cs_idn_nomem)
		return cs_fail_nomem(at->err);
	cs_escape_quote(q, value);
	if (flaw != NULL)
		snprintf(what, sizeof(what), "tenant %s: %s", q, flaw);
	else if (cs_name_certhost(value, plain) == 1)
		return 0;
	else
		snprintf(what, sizeof(what),
		    "tenant %s would match nothing: use %s", q, host);
	return refuseline(at, what);
}

static int
checkline(const struct place *at, const struct line *l, int seen[OTHER])
{
	char value[VALUE_MAX + 1], what[160];
	const char *flaw;
	enum key key;
	size_t i, slashes = 0;

	if (memchr(l->l.text, '\0', l->l.textlen) != NULL)
		return refuseline(at, "has a NUL byte");
	if (l->key == OTHER) {
		if (!misspelt(l, &key))
			return 0;
		snprintf(what, sizeof(what),
		    "is not \"%s\", a blank and a value", keys[key].name);
		return refuseline(at, what);
	}
	if (l->l.len == 0 || l->l.len > VALUE_MAX) {
		snprintf(what, sizeof(what), "%s %s", keys[l->key].name,
		    l->l.len == 0 ? "without a value" :
				    "of more than 1000 bytes");
		return refuseline(at, what);
	}
	for (i = 0; i < l->l.len; i++)
		slashes += l->l.value[i] == '\\';
	if (certstore_escape(NULL, 0, l->l.value, l->l.len) !=
	    l->l.len + slashes)
		return refuseline(at, "has a byte that is not printable UTF-8");
	snprintf(value, sizeof(value), "%.*s", (int)l->l.len, l->l.value);
	if (++seen[l->key] > 1 && keys[l->key].single) {
		snprintf(what, sizeof(what), "is a second %s",
		    keys[l->key].name);
		return refuseline(at, what);
	}
	if (keys[l->key].flaw != NULL &&
	    (flaw = keys[l->key].flaw(value)) != NULL) {
		snprintf(what, sizeof(what), "%s %s", keys[l->key].name, flaw);
		return refuseline(at, what);
	}
	return l->key == TENANT ? checktenant(at, value) : 0;
}

int
cs_props_check(const char *name, const struct cs_buf *text,
    struct certstore_error *err)
{
	struct place at = { name, 0, err };
	struct line l;
	size_t pos = 0;
	int seen[OTHER] = { 0 };

	while (nextprop(text, &pos, &l)) {
		at.n++;
		if (checkline(&at, &l, seen) == -1)
			return -1;
	}
	return 0;
}

/* Adds the lines that info repeats of props. */
int
cs_props_repeat(struct cs_buf *info, const struct cs_buf *text)
{
	struct cs_props props = { 0 };
	int bad, i;

	bad = parseprops(&props, text);
	bad |= addvalue(info, CS_PROP_ORIGIN, props.value[CS_PROP_ORIGIN]);
	bad |= addlines(info, TENANT, (const char *const *)props.tenants.v,
	    props.tenants.n);
	bad |= addlines(info, USER, (const char *const *)props.users.v,
	    props.users.n);
	for (i = CS_PROP_GROUP; i < CS_NPROP; i++)
		bad |= addvalue(info, (enum cs_prop)i, props.value[i]);
	cs_props_free(&props);
	return bad == 0 ? 0 : -1;
}

int
cs_props_isgroup(const struct cs_buf *text, const char *group)
{
	struct line l;
	size_t pos = 0;

	while (nextprop(text, &pos, &l))
		if ((int)l.key == CS_PROP_GROUP && l.l.len > 0)
			return strlen(group) == l.l.len &&
			    memcmp(group, l.l.value, l.l.len) == 0;
	return 0;
}

/*
 * The gid that the group line of props stands for; -1: there is no such line.
 */
int
cs_props_group(const char *name, const struct cs_buf *text, gid_t *gid,
    struct certstore_error *err)
{
	struct cs_props props = { 0 };
	int rv;

	*gid = (gid_t)-1;
	rv = parseprops(&props, text) == -1 ?
	    cs_fail_nomem(err) :
	    cs_mode_group(name, props.value[CS_PROP_GROUP], gid, err);
	cs_props_free(&props);
	return rv;
}

/* Does info have the same values in any order?  1, 0, -1. */
static int
samelist(const struct cs_strings *want, const struct cs_list *has)
{
	struct cs_strings list = { 0 };
	size_t i;
	int rv = -1;

	for (i = 0; i < has->n; i++)
		if (cs_strings_add(&list, has->v[i]) == -1)
			goto out;
	cs_strings_sort(&list);
	rv = list.n == want->n;
	for (i = 0; rv == 1 && i < list.n; i++)
		rv = strcmp(list.v[i], want->v[i]) == 0;
out:
	cs_strings_free(&list);
	return rv;
}

/* What differs first, or NULL.  Returns -1 without memory. */
static int
finddifference(const struct cs_props *props, const struct cs_info *info,
    const char **what)
{
	static const char *const others[CS_NPROP] = { NULL, "another group",
		"another x5u", "another renew", "another hold", "another acme",
		"another revoked", "another crlurl", "another aiaurl" };
	const char *has, *want;
	int i, tenants, users;

	tenants = samelist(&props->tenants, &info->tenants);
	users = samelist(&props->users, &info->users);
	if (tenants == -1 || users == -1)
		return -1;
	*what = NULL;
	for (i = CS_PROP_GROUP; i < CS_NPROP && *what == NULL; i++) {
		want = props->value[i];
		has = repeated(info, i);
		if (strcmp(want == NULL ? "" : want, has == NULL ? "" : has) !=
		    0)
			*what = others[i];
	}
	if (*what == NULL && !tenants)
		*what = "other tenants";
	else if (*what == NULL && !users)
		*what = "other users";
	return 0;
}

/*
 * Do the props as they are now differ from what info repeats?  1 and why, 0,
 * -1: CERTSTORE_EREFUSED if they are malformed.  text receives the file, and props what
 * it says.
 */
static int
compareprops(const struct certstore_entry *entry, struct cs_buf *text,
    struct cs_props *props, char why[CS_PROPS_WHY], struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	const char *what = NULL;

	if (cs_props_text(entry, text, err) == -1 ||
	    cs_props_check(info->name, text, err) == -1)
		return -1;
	if (parseprops(props, text) == -1 ||
	    finddifference(props, info, &what) == -1)
		return cs_fail_nomem(err);
	if (what != NULL)
		snprintf(why, CS_PROPS_WHY, "its props have %s", what);
	return what != NULL;
}

int
cs_props_compare(const struct certstore_entry *entry, struct cs_buf *text,
    char why[CS_PROPS_WHY], struct certstore_error *err)
{
	struct cs_props props = { 0 };
	int rv;

	rv = compareprops(entry, text, &props, why, err);
	cs_props_free(&props);
	return rv;
}

/* Has it other props than those in force?  1 and which, 0, -1. */
int
cs_props_changed(const struct certstore_entry *entry, char why[CS_PROPS_WHY],
    struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	int rv;

	rv = cs_props_compare(entry, &text, why, err);
	cs_buf_free(&text);
	return rv;
}

/* The same, but also the files' modes are compared with what props ask for. */
int
cs_props_differ(const struct certstore_entry *entry, char why[CS_PROPS_WHY],
    struct certstore_error *err)
{
	struct cs_props props = { 0 };
	struct cs_buf text = { 0 };
	gid_t gid;
	size_t i;
	int rv;

	rv = compareprops(entry, &text, &props, why, err);
	cs_buf_free(&text);
	if (rv != -1 &&
	    cs_mode_group(entry->info.name, props.value[CS_PROP_GROUP], &gid,
		err) == -1)
		rv = -1;
	for (i = 0; rv == 0 && i < CS_NFILE; i++)
		rv = cs_mode_differ(entry, (enum cs_file)i, gid, why, err);
	cs_props_free(&props);
	return rv;
}
