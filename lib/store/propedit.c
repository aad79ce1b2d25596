/*
 * propedit.c: changes of single properties, checked as typed and applied to the
 * lines of props.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define VALUE_MAX 1000		      /* bytes */
#define PROPS_MAX (CS_RECORD_MAX / 2) /* info repeats most of them */
#define OWN "x-"		      /* of properties that are the user's */

struct value {
	const char *prop;
	const char *text;
	char *kept; /* what is written, malloc'ed */
	struct certstore_error *err;
};

static int
refusevalue(const struct value *v, const char *what)
{
	char prop[CS_QUOTE_LEN], q[CS_QUOTE_LEN];

	certstore_escape(prop, sizeof(prop), v->prop, strlen(v->prop));
	return cs_fail(v->err, CERTSTORE_EARGUMENT, "%s: %s: %s", prop,
	    cs_escape_quote(q, v->text), what);
}

/* Any text of one line. */
static int
checktextvalue(struct value *v)
{
	const char *p = v->text;
	size_t i, len = strlen(p), slashes = 0;

	if (len > VALUE_MAX)
		return refusevalue(v, "is longer than 1000 bytes");
	for (i = 0; i < len; i++)
		slashes += p[i] == '\\';
	if (certstore_escape(NULL, 0, p, len) != len + slashes)
		return refusevalue(v, "has a byte that is not printable UTF-8");
	if (*p == ' ' || p[len - 1] == ' ')
		return refusevalue(v, "begins or ends with a blank");
	v->kept = strdup(p);
	return v->kept == NULL ? cs_fail_nomem(v->err) : 0;
}

/* An exact host name (RFC 9525, section 6.3), in lower case and A-labels. */
static int
checktenantvalue(struct value *v)
{
	char host[CS_HOST_MAX + 1];
	const char *flaw;

	if ((flaw = cs_name_hostflaw(v->text, 0, 0, host)) == cs_idn_nomem)
		return cs_fail_nomem(v->err);
	if (flaw != NULL)
		return refusevalue(v, flaw);
	v->kept = strdup(host);
	return v->kept == NULL ? cs_fail_nomem(v->err) : 0;
}

static int
checkgroupvalue(struct value *v)
{
	char q[CS_QUOTE_LEN];
	gid_t gid;

	if (checktextvalue(v) == -1)
		return -1;
	switch (cs_mode_findgroup(v->text, &gid)) {
	case 1:
		return 0;
	case 0:
		return refusevalue(v, "there is no such group on this host");
	default:
		return cs_fail_errno(v->err, "group %s",
		    cs_escape_quote(q, v->text));
	}
}

/* The URL of a directory, with a slash at the end. */
static int
checkx5uvalue(struct value *v)
{
	const char *flaw;
	size_t len = strlen(v->text);

	if (len > VALUE_MAX - 1)
		return refusevalue(v, "is longer than 1000 bytes");
	if (asprintf(&v->kept, "%s%s", v->text,
		v->text[len - 1] == '/' ? "" : "/") == -1) {
		v->kept = NULL;
		return cs_fail_nomem(v->err);
	}
	flaw = cs_x5u_flaw(v->kept);
	return flaw == NULL ? 0 : refusevalue(v, flaw);
}

/* A value that is kept as it was typed, if it has no flaw. */
static int
checkflawvalue(struct value *v, const char *(*findflaw)(const char *))
{
	const char *flaw;

	if (checktextvalue(v) == -1)
		return -1;
	flaw = findflaw(v->text);
	return flaw == NULL ? 0 : refusevalue(v, flaw);
}

static int
checkendpointvalue(struct value *v)
{
	return checkflawvalue(v, cs_endpoint_flaw);
}

static int
checkpointervalue(struct value *v)
{
	return checkflawvalue(v, cs_pointer_flaw);
}

static int
checkrenewvalue(struct value *v)
{
	return checkflawvalue(v, cs_due_renewflaw);
}

static int
checklifevalue(struct value *v)
{
	return checkflawvalue(v, cs_due_lifeflaw);
}

static int
checkkeepkeyvalue(struct value *v)
{
	return checkflawvalue(v, cs_due_keepkeyflaw);
}

/* "2027-01-31 some reason": the time is kept as that. */
static int
checkrevokedvalue(struct value *v)
{
	struct certstore_error ignored;
	char first[CERTSTORE_TIME_LEN], when[CERTSTORE_TIME_LEN];
	size_t len = strcspn(v->text, " ");
	int64_t time;

	if (checktextvalue(v) == -1)
		return -1;
	snprintf(first, sizeof(first), "%.*s", (int)len, v->text);
	if (len >= sizeof(first) ||
	    certstore_time_parse(first, &time, &ignored) == -1)
		return refusevalue(v,
		    "does not begin with a date: use 2027-01-31 and a reason");
	/* elsewhere a date is its end */
	if (len == strlen("2027-01-31"))
		time -= CS_DAY - 1;
	free(v->kept);
	if (asprintf(&v->kept, "%s%s", certstore_time_format(time, when),
		v->text + len) == -1) {
		v->kept = NULL;
		return cs_fail_nomem(v->err);
	}
	return 0;
}

/* "7d some reason" or "2027-01-31 some reason": the time is kept as that. */
static int
checkholdvalue(struct value *v)
{
	struct certstore_error ignored;
	struct certstore_span span;
	char first[CERTSTORE_TIME_LEN], when[CERTSTORE_TIME_LEN];
	size_t len = strcspn(v->text, " ");

	if (checktextvalue(v) == -1)
		return -1;
	snprintf(first, sizeof(first), "%.*s", (int)len, v->text);
	if (len >= sizeof(first) ||
	    certstore_span_parse(first, &span, &ignored) == -1 ||
	    span.type == CERTSTORE_SPAN_PART)
		return refusevalue(v,
		    "does not begin with a duration or a date: use 7d, or "
		    "2027-01-31 and a reason");
	if (span.type == CERTSTORE_SPAN_FOR)
		span.secs += certstore_time_now();
	free(v->kept);
	if (asprintf(&v->kept, "%s%s", certstore_time_format(span.secs, when),
		v->text + len) == -1) {
		v->kept = NULL;
		return cs_fail_nomem(v->err);
	}
	return 0;
}

static int
checkaccountvalue(struct value *v)
{
	return checkflawvalue(v, cs_method_accountflaw);
}

static int
checkmethodvalue(struct value *v)
{
	return checkflawvalue(v, cs_method_flaw);
}

static int
checkignorevalue(struct value *v)
{
	return checkflawvalue(v, cs_props_ignoreflaw);
}

static int
checkhostvalue(struct value *v)
{
	if (checktextvalue(v) == -1)
		return -1;
	return strpbrk(v->text, " \t") == NULL ?
	    0 :
	    refusevalue(v, "is not a host name: use that of uname -n");
}

static int
checklogvalue(struct value *v)
{
	if (strcmp(v->text, CS_LOG_SYSLOG) != 0)
		return refusevalue(v, "use " CS_LOG_SYSLOG ", or no value");
	return checktextvalue(v);
}

static const struct property {
	const char *name;
	int islist;
	int (*check)(struct value *);
} properties[] = {
	{ "tenant", 1, checktenantvalue },
	{ "user", 1, checktextvalue },
	{ "group", 0, checkgroupvalue },
	{ "x5u", 0, checkx5uvalue },
	{ "endpoint", 1, checkendpointvalue },
	{ "note", 0, checktextvalue },
	{ "renew", 0, checkrenewvalue },
	{ "life", 0, checklifevalue },
	{ "keepkey", 0, checkkeepkeyvalue },
	{ "hold", 0, checkholdvalue },
	{ "revoked", 0, checkrevokedvalue },
	{ "crlurl", 0, checkpointervalue },
	{ "aiaurl", 0, checkpointervalue },
	{ "acme", 0, checkaccountvalue },
	{ "method", 1, checkmethodvalue },
	{ "acmeprofile", 0, checktextvalue },
	{ "chain", 0, checktextvalue },
	{ "ignore", 1, checkignorevalue },
	{ "renewhost", 0, checkhostvalue },
	{ "log", 0, checklogvalue },
};
static const struct property own = { OWN, 1, checktextvalue };

/* A property that can be changed, or NULL. */
static const struct property *
findproperty(const char *prop)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t i, n = strlen(OWN);

	for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		if (strcmp(properties[i].name, prop) == 0)
			return &properties[i];
	if (strncmp(prop, OWN, n) == 0 && prop[n] != '\0' &&
	    prop[strlen(prop) - 1] != '-' &&
	    strspn(prop, chars) == strlen(prop))
		return &own;
	return NULL;
}

int
cs_propedit_parse(struct cs_propchange *c, const char *prop,
    enum certstore_set_how how, const char *text, struct certstore_error *err)
{
	const struct property *p;
	struct value v = { prop, text, NULL, err };
	char q[CS_QUOTE_LEN];

	memset(c, 0, sizeof(*c));
	if ((p = findproperty(prop)) == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: no such property: use tenant, user, group, "
		    "x5u, endpoint, renew, life, keepkey, hold, revoked, "
		    "crlurl, aiaurl, acme, method, acmeprofile, chain, ignore, "
		    "note, default or x-NAME; of @store renewhost, log",
		    cs_escape_quote(q, prop));
	if (!p->islist && how != CERTSTORE_SET_REPLACE)
		return refusevalue(&v, "this property has one value: use =");
	if (*text == '\0' && how != CERTSTORE_SET_REPLACE)
		return refusevalue(&v, "there is no value");
	if (*text == '\0')
		v.kept = strdup("");
	else if (p->check(&v) == -1) {
		free(v.kept);
		return -1;
	}
	c->prop = strdup(prop);
	c->how = how;
	c->value = v.kept;
	if (c->prop != NULL && c->value != NULL)
		return 0;
	cs_propedit_free(c);
	return cs_fail_nomem(err);
}

void
cs_propedit_free(struct cs_propchange *c)
{
	free(c->prop);
	free(c->value);
	memset(c, 0, sizeof(*c));
}

static int
isprop(const struct cs_propline *l, const char *prop)
{
	return strlen(prop) == l->wordlen &&
	    memcmp(prop, l->word, l->wordlen) == 0;
}

static int
isvalue(const struct cs_propline *l, const char *value)
{
	return strlen(value) == l->len && memcmp(value, l->value, l->len) == 0;
}

/* Is there anything to be done, with so many values and so many like it? */
static int
changematters(const struct cs_propchange *c, size_t nvalue, size_t same)
{
	if (c->how == CERTSTORE_SET_ADD)
		return same == 0;
	if (c->how == CERTSTORE_SET_REMOVE)
		return same > 0;
	if (c->unset && nvalue > 0)
		return 0;
	return *c->value == '\0' ? nvalue > 0 : nvalue != 1 || same != 1;
}

static int
addvalueline(struct cs_buf *to, const struct cs_propchange *c, int *added)
{
	if (*added || c->how == CERTSTORE_SET_REMOVE || *c->value == '\0')
		return 0;
	*added = 1;
	return cs_buf_printf(to, "%s %s\n", c->prop, c->value);
}

/* A new value comes in the place of the old ones, or behind them. */
int
cs_propedit_apply(struct cs_buf *text, const struct cs_propchange *c)
{
	struct cs_buf to = { 0 };
	struct cs_propline l;
	size_t nvalue = 0, pos = 0, same = 0, seen = 0;
	int added = 0, bad = 0, ours;

	while (cs_props_nextline(text, &pos, &l))
		if (isprop(&l, c->prop)) {
			nvalue++;
			same += (size_t)isvalue(&l, c->value);
		}
	if (!changematters(c, nvalue, same))
		return 0;
	for (pos = 0; cs_props_nextline(text, &pos, &l);) {
		ours = isprop(&l, c->prop);
		if (!ours || c->how == CERTSTORE_SET_ADD ||
		    (c->how == CERTSTORE_SET_REMOVE && !isvalue(&l, c->value)))
			bad |= cs_buf_add(&to, l.text, l.textlen) |
			    cs_buf_add(&to, "\n", 1);
		if (ours && ++seen == nvalue)
			bad |= addvalueline(&to, c, &added);
	}
	bad |= addvalueline(&to, c, &added);
	if (bad != 0) {
		cs_buf_free(&to);
		return -1;
	}
	cs_buf_free(text);
	*text = to;
	return 1;
}

int
cs_propedit_checksize(const char *name, const struct cs_buf *text,
    const struct cs_buf *was, struct certstore_error *err)
{
	if (text->len <= PROPS_MAX || text->len <= was->len)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: its properties would have more than %d bytes: remove some",
	    name, PROPS_MAX);
}
