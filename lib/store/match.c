/*
 * match.c: which entry answers for a name, RFC 9525.  index/ lists candidates,
 * info tells whether they answer, validity ranks them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/private.h"

#define ASK_MAX 20 /* times, while others write */

/* By what a candidate answers; the first rung with a valid one wins. */
enum rung {
	EXACT,
	WILDCARD,
	TENANT,
	DEFAULT,
	FINGERPRINT,
	SPKI,
	SPC,
	NUMBER,
	RANGE,
	AVAILABLE
};

static const char *const rungs[] = { "exact", "wildcard", "tenant", "default",
	"fingerprint", "spki", "spc", "number", "range", "available" };
static const char *const comesfirst[] = {
	[EXACT] = "an exact name comes first",
	[WILDCARD] = "a wildcard comes first",
	[TENANT] = "a tenant comes first",
	[SPC] = "the service provider code comes first",
	[NUMBER] = "a single number comes first",
	[RANGE] = "a range comes first",
};

#define NRUNGS (sizeof(rungs) / sizeof(rungs[0]))

struct candidate {
	struct certstore_entry entry;
	enum rung rung;
	uint64_t numbers; /* in the range that the question is in */
	int valid, revoked;
	char why[160];
};

struct certstore_match {
	struct certstore *store;
	int64_t asof; /* as it was given */
	int64_t when;
	char *kinds;
	char *keytype; /* or NULL: any */
	int flags;
	struct certstore_error failed; /* of a setter */
	char question[CS_HOST_MAX + 80];
	char host[CS_HOST_MAX + 1];
	enum cs_san_type type;
	int calls;	      /* who can sign a call? */
	struct candidate **v; /* n in use, the others to be used again */
	size_t n;
	size_t size;
	size_t next;
	size_t run[NRUNGS]; /* where those of each key begin, by name */
	size_t nrun;
	struct certstore_error unread; /* of the first damaged entry */
};

struct certstore_match *
certstore_match_new(struct certstore *store, int64_t when, const char *kinds,
    int flags, struct certstore_error *err)
{
	struct certstore_match *match;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_MATCH_FALLBACK | CERTSTORE_MATCH_WINNER, err) == -1 ||
	    (kinds != NULL && certstore_kinds_check(kinds, err) == -1))
		return NULL;
	if ((match = calloc(1, sizeof(*match))) == NULL ||
	    (kinds != NULL && (match->kinds = strdup(kinds)) == NULL)) {
		cs_fail_nomem(err);
		free(match);
		return NULL;
	}
	match->store = store;
	match->asof = when;
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
	free(match->keytype);
	free(match);
}

static int
iskeytype(const char *type)
{
	static const char *const types[] = { "ec", "rsa", "p256", "p384",
		"p521", "ed25519", "ed448" };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], type) == 0)
			return 1;
	return strncmp(type, "rsa:", 4) == 0 && type[4] != '\0' &&
	    type[4 + strspn(type + 4, "0123456789")] == '\0';
}

int
certstore_match_set_type(struct certstore_match *match, const char *type,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN], *copy = NULL;

	cs_error_clear(err);
	if (type != NULL && !iskeytype(type))
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: no such key type: use ec, rsa, p256, p384, p521, "
		    "ed25519, ed448, or rsa:2048 and the like",
		    cs_escape_quote(q, type));
	else if (type != NULL && (copy = strdup(type)) == NULL)
		cs_fail_nomem(err);
	match->failed = *err;
	if (err->code != CERTSTORE_OK)
		return -1;
	free(match->keytype);
	match->keytype = copy;
	return 0;
}

/* Is a key, such as "rsa:2048" or "p256", of a type, or of a family of types? */
static int
isoftype(const char *key, const char *type)
{
	if (key == NULL)
		return 0;
	if (strcmp(type, "rsa") == 0)
		return strncmp(key, "rsa:", 4) == 0;
	if (strcmp(type, "ec") == 0)
		return strcmp(key, "p256") == 0 || strcmp(key, "p384") == 0 ||
		    strcmp(key, "p521") == 0;
	return strcmp(key, type) == 0;
}

/* A candidate to fill in; it is in use once n is incremented. */
static struct candidate *
sparecandidate(struct certstore_match *match)
{
	struct candidate **v;

	v = cs_array_extend(match->v, match->n, &match->size, sizeof(*v));
	if (v == NULL)
		return NULL;
	match->v = v;
	if (match->v[match->n] == NULL)
		match->v[match->n] = calloc(1, sizeof(struct candidate));
	return match->v[match->n];
}

/* Are all its names those of the machine itself, as localhost? */
static int
isloopback(const struct cs_info *info)
{
	const struct cs_san *names;
	struct cs_san cn;
	size_t i, n;

	names = cs_names_of(info, &cn, &n);
	for (i = 0; i < n; i++)
		if (!cs_name_isloopback(names[i].value))
			return 0;
	return n > 0;
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

static int
hasspc(const struct cs_info *info, const char *code)
{
	size_t i;

	for (i = 0; i < info->spcs.n; i++)
		if (strcasecmp(info->spcs.v[i], code) == 0)
			return 1;
	return 0;
}

/* The fewest numbers of a range that a number is in; 1: itself, 0: of none. */
static uint64_t
fewestnumbers(const struct cs_info *info, const char *number)
{
	uint64_t fewest = 0, n;
	size_t i;

	for (i = 0; i < info->tns.n; i++) {
		n = cs_tel_covers(info->tns.v[i], number);
		if (n != 0 && (fewest == 0 || n < fewest))
			fewest = n;
	}
	return fewest;
}

/* A malformed TNAuthList has no codes and no numbers. */
static int
iscaller(const struct cs_info *info)
{
	return strcmp(info->kind, "shaken") == 0 &&
	    info->spcs.n + info->tns.n > 0;
}

/*
 * As answers(), of a question for what can sign a call.  A certificate for
 * numbers signs for no other, so it is not available for any call.
 */
static int
signs(const struct cs_info *info, enum rung rung, const char *key)
{
	if (!iscaller(info))
		return 0;
	switch (rung) {
	case TENANT:
		return istenant(info, key);
	case SPC:
		return hasspc(info, key);
	case RANGE:
		return fewestnumbers(info, key) > 0;
	default:
		return info->tns.n == 0;
	}
}

/*
 * index/ may list a stale candidate: does the entry's info say that it answers?
 */
static int
answers(const struct certstore_match *match,
    const struct certstore_entry *entry, enum rung rung, const char *key)
{
	const struct cs_info *info = &entry->info;
	const struct cs_san *names;
	struct cs_san cn;
	size_t n;

	if (!info->haskey || info->fingerprint == NULL ||
	    (match->keytype != NULL && !isoftype(info->key, match->keytype)))
		return 0;
	if (match->kinds != NULL ?
		!certstore_entry_is_kind(entry, match->kinds) :
		rung < FINGERPRINT && match->type <= CS_SAN_IP &&
		    !match->calls && !info->serves)
		return 0;
	if (match->calls)
		return signs(info, rung, key);
	if (rung < FINGERPRINT && match->type <= CS_SAN_IP &&
	    strcmp(info->kind, "shaken") == 0)
		return 0;
	switch (rung) {
	case EXACT:
	case WILDCARD:
		names = cs_names_of(info, &cn, &n);
		return cs_names_have(names, n, match->type, key);
	case TENANT:
		return istenant(info, key) && !isloopback(info);
	case DEFAULT:
		return !isloopback(info) || cs_name_isloopback(key);
	case FINGERPRINT:
		return strcmp(info->fingerprint, key) == 0;
	default: /* SPKI: signs() answers for the others */
		return (info->spki != NULL && strcmp(info->spki, key) == 0) ||
		    (info->samekey != NULL && strcmp(info->samekey, key) == 0);
	}
}

/* What was revoked comes after all else that is for the name, and before what is
 * for none; what is not valid comes last. */
static int
rankcandidate(const struct candidate *c)
{
	if (!c->valid)
		return 3;
	if (c->rung == DEFAULT || c->rung == AVAILABLE)
		return 2;
	return c->revoked;
}

/* By rank, then by rung, fewest numbers, newest, longest, name. */
static int
comparecandidates(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a;
	const struct candidate *y = *(struct candidate *const *)b;

	if (rankcandidate(x) != rankcandidate(y))
		return rankcandidate(x) - rankcandidate(y);
	if (x->rung != y->rung)
		return x->rung < y->rung ? -1 : 1;
	if (x->numbers != y->numbers)
		return x->numbers < y->numbers ? -1 : 1;
	if (x->entry.info.starts != y->entry.info.starts)
		return x->entry.info.starts > y->entry.info.starts ? -1 : 1;
	if (x->entry.info.ends != y->entry.info.ends)
		return x->entry.info.ends > y->entry.info.ends ? -1 : 1;
	return strcmp(x->entry.info.name, y->entry.info.name);
}

static int
comparecandidatename(const void *name, const void *candidate)
{
	const struct candidate *c = *(struct candidate *const *)candidate;

	return strcmp(name, c->entry.info.name);
}

/* Was the entry found by an earlier key already? */
static int
iscandidate(const struct certstore_match *match, const char *name)
{
	size_t i;

	for (i = 1; i < match->nrun; i++)
		if (match->run[i] > match->run[i - 1] &&
		    bsearch(name, match->v + match->run[i - 1],
			match->run[i] - match->run[i - 1], sizeof(*match->v),
			comparecandidatename) != NULL)
			return 1;
	return 0;
}

/*
 * Notes the error of a damaged entry, which might have been the answer; the
 * others are still asked.
 */
static int
noteunread(struct certstore_match *match, const char *name,
    const struct certstore_error *err)
{
	if (cs_error_isnomem(err))
		return -1;
	if (err->code == CERTSTORE_EDAMAGED &&
	    cs_resolve_isstray(match->store, name))
		cs_warn(match->store, "%s", err->msg);
	else if (match->unread.code == CERTSTORE_OK)
		match->unread = *err;
	else
		cs_warn(match->store, "%s", err->msg);
	return 0;
}

/* Keeps the candidate just filled in; with WINNER only the better of two. */
static void
takecandidate(struct certstore_match *match)
{
	struct candidate *other;

	if (match->n == 0 || (match->flags & CERTSTORE_MATCH_WINNER) == 0) {
		match->n++;
	} else if (comparecandidates(&match->v[1], &match->v[0]) < 0) {
		other = match->v[0];
		match->v[0] = match->v[1];
		match->v[1] = other;
	}
}

static int
consider(struct certstore_match *match, const char *name, enum rung rung,
    const char *key, struct certstore_error *err)
{
	struct candidate *c;

	if (iscandidate(match, name))
		return 0;
	if ((c = sparecandidate(match)) == NULL)
		return cs_fail_nomem(err);
	if (cs_entry_load(match->store, name, &c->entry, err) == -1) {
		if (err->code != CERTSTORE_ENOENTRY &&
		    noteunread(match, name, err) == -1)
			return -1;
		cs_error_clear(err);
		return 0;
	}
	if (!answers(match, &c->entry, rung, key))
		return 0;
	c->rung = rung;
	c->numbers = rung == RANGE ? fewestnumbers(&c->entry.info, key) : 0;
	if (c->numbers == 1)
		c->rung = NUMBER;
	c->valid = cs_info_isvalid(&c->entry.info, match->when);
	c->revoked = c->entry.info.revoked != NULL;
	takecandidate(match);
	return 0;
}

/* Can no further candidate win? */
static int
isdecided(const struct certstore_match *match)
{
	return (match->flags & CERTSTORE_MATCH_WINNER) != 0 && match->n > 0 &&
	    match->v[0]->valid && !match->v[0]->revoked;
}

/* Considers the entries that a link in index/ lists. */
static int
considerlink(struct certstore_match *match, const char *sub, const char *link,
    enum rung rung, const char *key, struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv = 0;

	if (isdecided(match))
		return 0;
	if (cs_search_index(match->store, sub, link, &names) == -1)
		return cs_fail_errno(err, "%s/index", match->store->path);
	match->run[match->nrun++] = match->n;
	for (i = 0; i < names.n && rv == 0; i++)
		rv = consider(match, names.v[i], rung, key, err);
	cs_strings_free(&names);
	return rv;
}

static int
considerkey(struct certstore_match *match, const char *sub, const char *key,
    enum rung rung, struct certstore_error *err)
{
	return considerlink(match, sub, key, rung, key, err);
}

/* Asks every entry, where there is no index of the key. */
static int
considerall(struct certstore_match *match, enum rung rung, const char *key,
    struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv = 0;

	if (isdecided(match))
		return 0;
	if (cs_resolve_names(match->store, &names, err) == -1)
		return -1;
	match->run[match->nrun++] = match->n;
	for (i = 0; i < names.n && rv == 0; i++)
		rv = consider(match, names.v[i], rung, key, err);
	cs_strings_free(&names);
	return rv;
}

/* With FALLBACK any entry that can sign calls, if no other can. */
static int
consideravailable(struct certstore_match *match, struct certstore_error *err)
{
	if ((match->flags & CERTSTORE_MATCH_FALLBACK) == 0)
		return 0;
	return considerall(match, AVAILABLE, "", err);
}

/* A service provider code, RFC 8226; index/ does not have all of them. */
static int
considerspc(struct certstore_match *match, const char *code,
    struct certstore_error *err)
{
	char key[CS_SPC_MAX + 1];
	int rv;

	match->calls = 1;
	if (*code == '\0')
		return cs_name_refuse("spc:", "there is no code", err);
	if (cs_tel_code(code, key))
		rv = considerkey(match, "spc", key, SPC, err);
	else
		rv = considerall(match, SPC, code, err);
	return rv == -1 ? -1 : consideravailable(match, err);
}

static int
considernumber(struct certstore_match *match, const char *question,
    const char *text, struct certstore_error *err)
{
	char number[CS_TEL_MAX + 1];
	const char *flaw;

	match->calls = 1;
	if ((flaw = cs_tel_read(text, number)) != NULL)
		return cs_name_refuse(question, flaw, err);
	if (considerlink(match, "tn", CS_INDEX_NUMBERED, RANGE, number, err) ==
	    -1)
		return -1;
	return consideravailable(match, err);
}

/* The number in a SIP URI with user=phone, RFC 3261 section 19.1.6: 1, or 0. */
static int
sipnumber(const char *rest, char *out, size_t size)
{
	const char *at = strchr(rest, '@');
	size_t n = strcspn(rest, ";@");

	if (at == NULL || strcasestr(at, ";user=phone") == NULL || n >= size)
		return 0;
	memcpy(out, rest, n);
	out[n] = '\0';
	return 1;
}

static int
considertenant(struct certstore_match *match, struct certstore_error *err)
{
	if (considerkey(match, "tenant", match->host, TENANT, err) == -1)
		return -1;
	return consideravailable(match, err);
}

static int
considerhost(struct certstore_match *match, struct certstore_error *err)
{
	char wild[CS_HOST_MAX + 3];
	char name[CS_NAME_MAX + 1];
	const char *dot;

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
	if ((match->flags & CERTSTORE_MATCH_FALLBACK) == 0 || isdecided(match))
		return 0;
	match->run[match->nrun++] = match->n;
	if (cs_resolve_defaultname(match->store, name, err) == -1)
		return -1;
	return *name == '\0' ? 0 :
			       consider(match, name, DEFAULT, match->host, err);
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
hasprefix(const char *text, const char *prefix, const char **rest)
{
	size_t len = strlen(prefix);

	if (strncasecmp(text, prefix, len) != 0)
		return 0;
	*rest = text + len;
	return 1;
}

static int
askquestion(struct certstore_match *match, const char *question,
    struct certstore_error *err)
{
	static const char nohash[] =
	    "a SHA-256 has 64 hexadecimal digits: copy it again";
	const char *flaw, *rest = question;
	char hex[CS_HASH_LEN], number[64];
	size_t n;

	if (hasprefix(question, "sha256:", &rest)) {
		if (!cs_hash_read(rest, hex))
			return cs_name_refuse(question, nohash, err);
		return considerall(match, FINGERPRINT, hex, err);
	}
	if (hasprefix(question, "spki:", &rest)) {
		if (!cs_hash_read(rest, hex))
			return cs_name_refuse(question, nohash, err);
		return considerkey(match, "spki", hex, SPKI, err);
	}
	if (hasprefix(question, "spc:", &rest))
		return considerspc(match, rest, err);
	if (hasprefix(question, "tel:", &rest))
		return considernumber(match, question, rest, err);
	if ((hasprefix(question, "sip:", &rest) ||
		hasprefix(question, "sips:", &rest)) &&
	    sipnumber(rest, number, sizeof(number)))
		return considernumber(match, question, number, err);
	match->calls = match->kinds != NULL &&
	    strcmp(match->kinds, "shaken") == 0;
	match->type = CS_SAN_DNS;
	n = cs_name_prefix(question, &match->type);
	rest = question + n;
	if ((n == 0 || match->type == CS_SAN_IP) &&
	    cs_name_ip(rest, match->host, NULL, NULL)) {
		match->type = CS_SAN_IP;
		return match->calls ? consideravailable(match, err) :
				      considerhost(match, err);
	}
	if (match->type != CS_SAN_DNS ||
	    (n == 0 && strpbrk(rest, ":@") != NULL))
		return considersan(match, question, err);
	if ((flaw = cs_name_hostflaw(rest, 0, 0, match->host)) != NULL)
		return cs_name_refuse(question, flaw, err);
	return match->calls ? considertenant(match, err) :
			      considerhost(match, err);
}

/* Is it expired or not yet valid?  1 and a text, or 0. */
static int
untimely(const struct certstore_match *match, const struct candidate *c,
    char *buf, size_t size)
{
	char t[CERTSTORE_TIME_LEN];
	int over = match->when > c->entry.info.ends;

	if (c->valid)
		return 0;
	snprintf(buf, size, "%s %s", over ? "expired" : "valid only from",
	    certstore_time_format(over ? c->entry.info.ends :
					 c->entry.info.starts,
		t));
	return 1;
}

static void
explainlosing(const struct certstore_match *match, struct candidate *c)
{
	const struct candidate *best = match->v[0];
	char time[64];
	const char *why;

	if (untimely(match, c, time, sizeof(time)))
		why = time;
	else if (c->revoked && !best->revoked && c->rung < DEFAULT)
		why = "revoked";
	else if (c->rung != best->rung)
		why = comesfirst[best->rung];
	else if (c->numbers != best->numbers)
		why = "another is for fewer numbers";
	else if (c->entry.info.starts != best->entry.info.starts)
		why = "another is newer";
	else if (c->entry.info.ends != best->entry.info.ends)
		why = "another expires later";
	else
		why = "another comes first by name";
	snprintf(c->why, sizeof(c->why), "%s: %s", rungs[c->rung], why);
}

/* The rung of an answer; clients refuse a tenant that is not in the names. */
static const char *
answerhow(const struct certstore_match *match, const struct candidate *c)
{
	const struct cs_san *names;
	struct cs_san cn;
	size_t n;

	if (c->rung != TENANT || match->calls)
		return rungs[c->rung];
	names = cs_names_of(&c->entry.info, &cn, &n);
	return cs_names_cover(names, n, CS_SAN_DNS, match->host) ?
	    rungs[TENANT] :
	    "tenant, not covered";
}

static void
explain(struct certstore_match *match)
{
	struct candidate *c;
	char time[64];
	size_t i;

	for (i = 0; i < match->n; i++) {
		c = match->v[i];
		c->entry.host = match->question;
		c->entry.how = answerhow(match, c);
		if (i > 0 || !c->valid) {
			explainlosing(match, c);
			c->entry.how = c->why;
		}
	}
	c = match->v[0];
	if (untimely(match, c, time, sizeof(time)))
		cs_warn(match->store, "%s: no valid certificate: %s: %s%s",
		    match->question, c->entry.info.name, time,
		    match->when > c->entry.info.ends ? ": renew it" : "");
}

static void
startquestion(struct certstore_match *match, const char *question)
{
	match->n = match->next = match->nrun = 0;
	match->calls = 0;
	match->when = match->asof == CERTSTORE_NOW ? certstore_time_now() :
						     match->asof;
	cs_error_clear(&match->unread);
	certstore_escape(match->question, sizeof(match->question), question,
	    strlen(question));
}

/*
 * Asks again if nothing but the default answers while others write: between the
 * links of index/ and the entries they lead to, a tenant name may have moved.
 */
static int
askuntilsettled(struct certstore_match *match, const char *question,
    struct certstore_error *err)
{
	struct certstore *store = match->store;
	struct cs_stamp now, was;
	int i;

	memset(&now, 0, sizeof(now));
	for (i = 0; i < ASK_MAX; i++) {
		startquestion(match, question);
		if (cs_store_refresh(store, err) == -1 ||
		    askquestion(match, question, err) == -1)
			return -1;
		if ((match->n > 0 && match->v[0]->rung != DEFAULT &&
			match->v[0]->rung != AVAILABLE) ||
		    store->certs == -1)
			break;
		was = now;
		if (cs_stamp_fd(&now, store->certs) == -1)
			return cs_fail_errno(err, "%s/certs", store->path);
		if (now.settled || (i > 0 && cs_stamp_same(&was, &now)))
			break;
	}
	return 0;
}

/*
 * 1: there is a valid answer, 2: all that answers has ended or not begun, 0:
 * none, -1: no question, or a failure.  If it failed for some entries alone,
 * the others are there.
 */
int
certstore_match_ask(struct certstore_match *match, const char *question,
    struct certstore_error *err)
{
	int some, valid;

	cs_error_clear(err);
	if (match->failed.code != CERTSTORE_OK) {
		*err = match->failed;
		return -1;
	}
	if (askuntilsettled(match, question, err) == -1) {
		match->n = 0;
		return -1;
	}
	if (match->n > 0) {
		qsort(match->v, match->n, sizeof(*match->v), comparecandidates);
		explain(match);
	}
	valid = match->n > 0 && match->v[0]->valid;
	some = match->n > 0;
	if (some && !valid && (match->flags & CERTSTORE_MATCH_WINNER) != 0 &&
	    strcmp(match->v[0]->entry.info.kind, "shaken") == 0)
		match->n = 0; /* no call is signed with it */
	if (match->unread.code != CERTSTORE_OK) {
		*err = match->unread;
		return -1;
	}
	return valid ? 1 : some ? 2 : 0;
}

int
certstore_match_next(struct certstore_match *match,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	cs_error_clear(err);
	*entry = NULL;
	if (match->next == match->n) {
		match->next = 0;
		return 0;
	}
	*entry = &match->v[match->next++]->entry;
	return 1;
}
