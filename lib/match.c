/*
 * match.c: which entry answers for a name, RFC 9525.  The index gives the
 * candidates, info judges them, time ranks them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

/* How a candidate came to be one; the first that holds a valid one wins. */
enum rung { EXACT, WILDCARD, TENANT, DEFAULT, FINGERPRINT, SPKI };

static const char *const rungs[] = { "exact", "wildcard", "tenant", "default",
	"fingerprint", "spki" };
static const char *const comesfirst[] = { "an exact name comes first",
	"a wildcard comes first", "a tenant's comes first" };

struct candidate {
	struct certstore_entry entry;
	enum rung rung;
	int valid;
	char why[160];
};

struct certstore_match {
	struct certstore *store;
	int64_t when;
	char *kinds;
	int flags;
	char question[CS_HOST_MAX + 80];
	char host[CS_HOST_MAX + 1];
	enum cs_san_type type;
	struct candidate **v; /* n in use, the others to be used again */
	size_t n;
	size_t size;
	size_t next;
};

struct certstore_match *
certstore_match_new(struct certstore *store, int64_t when, const char *kinds,
    int flags, struct certstore_error *err)
{
	struct certstore_match *match;

	cs_error_clear(err);
	if (kinds != NULL && certstore_kinds_check(kinds, err) == -1)
		return NULL;
	if ((match = calloc(1, sizeof(*match))) == NULL ||
	    (kinds != NULL && (match->kinds = strdup(kinds)) == NULL)) {
		cs_fail_nomem(err);
		free(match);
		return NULL;
	}
	match->store = store;
	match->when = when;
	match->flags = flags;
	return match;
}

void
certstore_match_free(struct certstore_match *match)
{
	size_t i;

	if (match == NULL)
		return;
	for (i = 0; i < match->size; i++) {
		if (match->v[i] != NULL)
			cs_entry_done(&match->v[i]->entry);
		free(match->v[i]);
	}
	free(match->v);
	free(match->kinds);
	free(match);
}

/* A candidate to fill in; it counts once n is raised. */
static struct candidate *
spare(struct certstore_match *match)
{
	struct candidate **v;
	size_t i, size;

	if (match->n == match->size) {
		size = match->size == 0 ? 8 : match->size * 2;
		v = reallocarray(match->v, size, sizeof(*v));
		if (v == NULL)
			return NULL;
		for (i = match->size; i < size; i++)
			v[i] = NULL;
		match->v = v;
		match->size = size;
	}
	if (match->v[match->n] == NULL)
		match->v[match->n] = calloc(1, sizeof(struct candidate));
	return match->v[match->n];
}

/* Do all its names stand for the machine itself? */
static int
isloopback(const struct cs_info *info)
{
	size_t i;

	if (info->nsan == 0)
		return info->cn != NULL && cs_name_isloopback(info->cn);
	for (i = 0; i < info->nsan; i++)
		if (!cs_name_isloopback(info->san[i].value))
			return 0;
	return 1;
}

static int
istenant(const struct cs_info *info, const char *host)
{
	char tenant[CS_HOST_MAX + 1];
	size_t i;

	for (i = 0; i < info->tenants.n; i++)
		if (cs_name_certhost(info->tenants.v[i], tenant) == 1 &&
		    strcmp(tenant, host) == 0)
			return 1;
	return 0;
}

/* A link in index/ may be surplus: does the entry really answer? */
static int
answers(const struct certstore_match *match,
    const struct certstore_entry *entry, enum rung rung, const char *key)
{
	const struct cs_info *info = &entry->info;

	if (!info->haskey || info->fingerprint == NULL)
		return 0;
	if (match->kinds != NULL ?
		!certstore_entry_is_kind(entry, match->kinds) :
		rung < FINGERPRINT && match->type <= CS_SAN_IP && !info->serves)
		return 0;
	switch (rung) {
	case EXACT:
	case WILDCARD:
		return cs_info_covers(info, match->type, key);
	case TENANT:
		return istenant(info, key) && !isloopback(info);
	case DEFAULT:
		return !isloopback(info) || cs_name_isloopback(key);
	case FINGERPRINT:
		return strcmp(info->fingerprint, key) == 0;
	case SPKI:
		return (info->spki != NULL && strcmp(info->spki, key) == 0) ||
		    (info->samekey != NULL && strcmp(info->samekey, key) == 0);
	}
	return 0;
}

static int
consider(struct certstore_match *match, const char *name, enum rung rung,
    const char *key, struct certstore_error *err)
{
	struct candidate *c;
	size_t i;

	for (i = 0; i < match->n; i++)
		if (strcmp(match->v[i]->entry.info.name, name) == 0)
			return 0;
	if ((c = spare(match)) == NULL)
		return cs_fail_nomem(err);
	if (cs_entry_load(match->store, name, &c->entry, err) == -1) {
		if (err->code == CERTSTORE_EDAMAGED)
			cs_warn(match->store, "%s", err->msg);
		else if (err->code != CERTSTORE_ENOENTRY)
			return -1;
		cs_error_clear(err);
		return 0;
	}
	if (!answers(match, &c->entry, rung, key))
		return 0;
	c->rung = rung;
	c->valid = c->entry.info.starts <= match->when &&
	    match->when <= c->entry.info.ends;
	match->n++;
	return 0;
}

static int
considerkey(struct certstore_match *match, const char *sub, const char *key,
    enum rung rung, struct certstore_error *err)
{
	char **names;
	size_t i, n;
	int rv = 0;

	if (cs_index_find(match->store, sub, key, &names, &n) == -1)
		return cs_fail_errno(err, "%s/index", match->store->path);
	for (i = 0; i < n && rv == 0; i++)
		rv = consider(match, names[i], rung, key, err);
	cs_store_names_free(names, n);
	return rv;
}

/* What is not in the index: every entry is looked at. */
static int
considerall(struct certstore_match *match, enum rung rung, const char *key,
    struct certstore_error *err)
{
	char **names;
	size_t i, n;
	int rv = 0;

	if (cs_store_names(match->store, &names, &n, err) == -1)
		return -1;
	for (i = 0; i < n && rv == 0; i++)
		rv = consider(match, names[i], rung, key, err);
	cs_store_names_free(names, n);
	return rv;
}

static int
considerhost(struct certstore_match *match, struct certstore_error *err)
{
	char wild[CS_HOST_MAX + 3];
	char name[CS_NAME_MAX + 1];
	const char *dot;
	int rv;

	if (considerkey(match, "host", match->host, EXACT, err) == -1)
		return -1;
	if (match->type == CS_SAN_DNS) {
		dot = strchr(match->host, '.');
		snprintf(wild, sizeof(wild), "*%s", dot == NULL ? "" : dot);
		if ((dot != NULL &&
			considerkey(match, "host", wild, WILDCARD, err) ==
			    -1) ||
		    considerkey(match, "tenant", match->host, TENANT, err) ==
			-1)
			return -1;
	}
	if ((match->flags & CERTSTORE_FALLBACK) == 0)
		return 0;
	if ((rv = cs_store_default(match->store, name)) == -1)
		return cs_fail_errno(err, "%s/default", match->store->path);
	return rv == 0 ? 0 : consider(match, name, DEFAULT, match->host, err);
}

/* "AB:cd...": 64 hex digits in lower case, without colons. */
static const char *
digestflaw(const char *text, char hex[65])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n == 64)
			break;
		hex[n++] = (char)tolower((unsigned char)*text);
	}
	hex[n] = '\0';
	return *text == '\0' && n == 64 ?
	    NULL :
	    "a SHA-256 has 64 hexadecimal digits: copy it again";
}

static int
considersan(struct certstore_match *match, const char *question,
    struct certstore_error *err)
{
	char *value = NULL;
	int rv;

	if (cs_name_san(question, &match->type, &value, err) == -1)
		return -1;
	rv = considerall(match, EXACT, value, err);
	free(value);
	return rv;
}

static int
prefixed(const char *text, const char *prefix, const char **rest)
{
	size_t len = strlen(prefix);

	if (strncasecmp(text, prefix, len) != 0)
		return 0;
	*rest = text + len;
	return 1;
}

static int
classify(struct certstore_match *match, const char *question,
    struct certstore_error *err)
{
	const char *flaw, *rest = question;
	char hex[65];

	if (prefixed(question, "sha256:", &rest)) {
		if ((flaw = digestflaw(rest, hex)) != NULL)
			return cs_name_refuse(question, flaw, err);
		return considerall(match, FINGERPRINT, hex, err);
	}
	if (prefixed(question, "spki:", &rest)) {
		if ((flaw = digestflaw(rest, hex)) != NULL)
			return cs_name_refuse(question, flaw, err);
		return considerkey(match, "spki", hex, SPKI, err);
	}
	match->type = CS_SAN_IP;
	if (!prefixed(question, "dns:", &rest) &&
	    (prefixed(question, "ip:", &rest) || strchr(rest, ':') != NULL ||
		cs_name_ip(rest, match->host, NULL, NULL))) {
		if (cs_name_ip(rest, match->host, NULL, NULL))
			return considerhost(match, err);
		return considersan(match, question, err);
	}
	if (strchr(rest, '@') != NULL)
		return considersan(match, question, err);
	match->type = CS_SAN_DNS;
	if ((flaw = cs_name_hostflaw(rest, 0, 0, match->host)) != NULL)
		return cs_name_refuse(question, flaw, err);
	return considerhost(match, err);
}

/* Valid ones first, then by rung, newest, longest, name. */
static int
compare(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a;
	const struct candidate *y = *(struct candidate *const *)b;

	if (x->valid != y->valid)
		return y->valid - x->valid;
	if (x->rung != y->rung)
		return x->rung < y->rung ? -1 : 1;
	if (x->entry.info.starts != y->entry.info.starts)
		return x->entry.info.starts > y->entry.info.starts ? -1 : 1;
	if (x->entry.info.ends != y->entry.info.ends)
		return x->entry.info.ends > y->entry.info.ends ? -1 : 1;
	return strcmp(x->entry.info.name, y->entry.info.name);
}

static void
whynot(const struct certstore_match *match, struct candidate *c)
{
	const struct candidate *best = match->v[0];
	char t[CERTSTORE_TIME_LEN];
	const char *why;

	if (!c->valid && match->when > c->entry.info.ends) {
		snprintf(c->why, sizeof(c->why), "%s: ended %s", rungs[c->rung],
		    certstore_time_format(c->entry.info.ends, t));
		return;
	}
	if (!c->valid) {
		snprintf(c->why, sizeof(c->why), "%s: starts only %s",
		    rungs[c->rung],
		    certstore_time_format(c->entry.info.starts, t));
		return;
	}
	if (c->rung != best->rung)
		why = comesfirst[best->rung];
	else if (c->entry.info.starts != best->entry.info.starts)
		why = "another is newer";
	else if (c->entry.info.ends != best->entry.info.ends)
		why = "another lasts longer";
	else
		why = "another comes first by name";
	snprintf(c->why, sizeof(c->why), "%s: %s", rungs[c->rung], why);
}

static void
explain(struct certstore_match *match)
{
	struct candidate *c;
	char t[CERTSTORE_TIME_LEN];
	size_t i;

	for (i = 0; i < match->n; i++) {
		c = match->v[i];
		c->entry.host = match->question;
		c->entry.how = i == 0 ? rungs[c->rung] : c->why;
		if (i > 0)
			whynot(match, c);
	}
	c = match->v[0];
	if (c->valid)
		return;
	if (match->when > c->entry.info.ends)
		cs_warn(match->store,
		    "%s: nothing valid answers: %s ended "
		    "%s: renew it",
		    match->question, c->entry.info.name,
		    certstore_time_format(c->entry.info.ends, t));
	else
		cs_warn(match->store,
		    "%s: nothing valid answers: %s starts "
		    "only %s",
		    match->question, c->entry.info.name,
		    certstore_time_format(c->entry.info.starts, t));
}

/* 1: there is an answer, 0: none, -1: no question, or a failure. */
int
certstore_match_ask(struct certstore_match *match, const char *question,
    struct certstore_error *err)
{
	cs_error_clear(err);
	match->n = match->next = 0;
	certstore_escape(match->question, sizeof(match->question), question,
	    strlen(question));
	if (classify(match, question, err) == -1) {
		match->n = 0;
		return -1;
	}
	if (match->n == 0)
		return 0;
	qsort(match->v, match->n, sizeof(*match->v), compare);
	explain(match);
	return 1;
}

int
certstore_match_next(struct certstore_match *match,
    const struct certstore_entry **entry)
{
	*entry = NULL;
	if (match->next == match->n)
		return 0;
	*entry = &match->v[match->next++]->entry;
	return 1;
}
