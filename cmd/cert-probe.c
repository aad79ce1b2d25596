/*
 * cert-probe: asks servers which certificate they really serve, and compares it
 * with what the store has.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

#define SECONDS_MAX 3600

static const struct cmd_opt opts[] = {
	{ 'H', "name", "ask for this host name" },
	{ 'j', NULL, "print JSON, one object for each answer" },
	{ 'm', "proto", "begin with this protocol's STARTTLS" },
	{ 'T', "anchors",
	    "trust this set, or what is in this file or directory" },
	{ 'W', "seconds", "wait so long for each answer; 10 by default" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-probe",
	.operands = "[name | host:port ...]",
	.opts = opts,
};

/* What the options ask for, and all that is found for it. */
static struct {
	const char *anchors;
	struct certstore_endpoint given; /* its name and protocol, by options */
	int json;
	unsigned int seconds;
	struct probe_target **v;
	size_t n, size;
	void *byplace; /* tsearch(3) */
	struct probe_judge judge;
	struct cmd_text text;
	int different;
} probe = { .seconds = 10 };

static int
compareplaces(const void *a, const void *b)
{
	const struct certstore_endpoint *x = a, *y = b;
	int rv;

	if ((rv = strcmp(x->protocol, y->protocol)) != 0 ||
	    (rv = strcmp(x->host, y->host)) != 0 ||
	    (rv = strcmp(x->port, y->port)) != 0)
		return rv;
	return strcmp(x->name, y->name);
}

/* The target at a place, a new one if it is the first time. */
static struct probe_target *
findtarget(const struct certstore_endpoint *e)
{
	struct probe_target *t;
	void *found;

	if ((found = tfind(e, &probe.byplace, compareplaces)) != NULL)
		return *(struct probe_target **)found;
	if (probe.n == probe.size) {
		probe.size = probe.size == 0 ? 64 : probe.size * 2;
		probe.v = reallocarray(probe.v, probe.size, sizeof(*probe.v));
		if (probe.v == NULL)
			cmd_die("no memory left");
	}
	if ((t = calloc(1, sizeof(*t))) == NULL)
		cmd_die("no memory left");
	t->e = *e;
	/* the endpoint is the first member */
	if (tsearch(t, &probe.byplace, compareplaces) == NULL)
		cmd_die("no memory left");
	probe.v[probe.n++] = t;
	return t;
}

/* The endpoints of an entry.  Returns how many it has. */
static size_t
addentry(struct certstore *store, const char *name)
{
	const char *prop, *value;
	struct certstore_endpoint e;
	struct certstore_entry *entry;
	struct certstore_error err;
	struct certstore_props *props;
	struct probe_target *t;
	size_t n = 0;

	if ((props = certstore_props_read(store, name, &err)) == NULL) {
		cmd_error("%s", err.msg);
		return 1;
	}
	while (certstore_props_next(props, &prop, &value, &err) == 1) {
		if (strcmp(prop, "endpoint") != 0)
			continue;
		n++;
		entry = certstore_entry_get(store, name, &err);
		if (entry == NULL ||
		    certstore_endpoint_parse(value, entry, &e, &err) == -1) {
			cmd_error("%s", err.msg);
			certstore_entry_free(entry);
			continue;
		}
		t = findtarget(&e);
		if (t->expected.nowner > 0 &&
		    strcmp(certstore_entry_name(
			       t->expected.v[t->expected.nowner - 1]),
			name) == 0) {
			certstore_entry_free(entry);
			continue;
		}
		probe_expected_add(&t->expected, entry);
		t->expected.nowner++;
	}
	certstore_props_free(props);
	return n;
}

static void
addall(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	struct certstore_error err;
	size_t n = 0;
	int rv;

	if ((list = certstore_list_new(store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else
			n += addentry(store, certstore_entry_name(entry));
	}
	certstore_list_free(list);
	if (n == 0)
		cmd_say("no entry has an endpoint: use cert-set NAME "
			"endpoint=host:port");
}

/* A place that is named, with the name and the protocol of the options. */
static void
addplace(const char *text)
{
	struct certstore_endpoint e;
	struct certstore_error err;

	if (certstore_endpoint_parse(text, NULL, &e, &err) == -1) {
		cmd_error("%s", err.msg);
		return;
	}
	if (probe.given.name[0] != '\0')
		memcpy(e.name, probe.given.name, sizeof(e.name));
	if (probe.given.protocol[0] != '\0')
		memcpy(e.protocol, probe.given.protocol, sizeof(e.protocol));
	(void)findtarget(&e);
}

static void
addoperands(struct certstore *store, char **argv)
{
	struct cmd_operands ops = { 0 };
	const char *operand;

	cmd_operands_start(&ops, argv);
	while ((operand = cmd_operand(&ops)) != NULL) {
		if (strchr(operand, ':') != NULL)
			addplace(operand);
		else if (addentry(store, operand) == 0)
			cmd_error("%s: has no endpoint: use cert-set %s "
				  "endpoint=host:port",
			    operand, operand);
	}
}

/* A place as text: with the name if it is not the host. */
static const char *
placename(const struct certstore_endpoint *e, char text[600])
{
	int v6 = strchr(e->host, ':') != NULL;
	int named = e->name[0] != '\0' && strcmp(e->name, e->host) != 0;

	snprintf(text, 600, "%s%s%s%s%s:%s%s%s", e->protocol,
	    e->protocol[0] == '\0' ? "" : ":", v6 ? "[" : "", e->host,
	    v6 ? "]" : "", e->port, named ? "=" : "", named ? e->name : "");
	return text;
}

static void
jsonkey(const char *key, const char *value)
{
	struct cmd_text *t = &probe.text;

	cmd_text_adds(t,
	    t->len == 0 || t->p[t->len - 1] == '\n' ? "{\"" : ",\"");
	cmd_text_adds(t, key);
	cmd_text_adds(t, "\":");
	cmd_json_string(t, value);
}

static void
putjson(const struct probe_target *t, const struct probe_question *q,
    const char *state, const char *why)
{
	static const enum cmd_field fields[] = { CMD_KEY, CMD_FINGERPRINT,
		CMD_SUBJECT, CMD_ISSUER };
	struct cmd_item item = { .now = certstore_time_now() };
	char buf[CMD_STRING_LEN], when[CERTSTORE_TIME_LEN], place[600];
	struct probe_judge *j = &probe.judge;
	int64_t ends;
	size_t i;

	item.entry = state == NULL ? NULL : j->leaf;
	jsonkey("endpoint", placename(&t->e, place));
	jsonkey("protocol", t->e.protocol[0] == '\0' ? NULL : t->e.protocol);
	jsonkey("host", t->e.host);
	cmd_text_adds(&probe.text, ",\"port\":");
	cmd_text_adds(&probe.text, t->e.port);
	jsonkey("name", t->e.name[0] == '\0' ? NULL : t->e.name);
	jsonkey("address", q == NULL ? NULL : q->address);
	jsonkey("entry", state == NULL ? NULL : j->name);
	jsonkey("state", state);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		jsonkey(cmd_field_names[fields[i]],
		    item.entry == NULL ?
			NULL :
			cmd_field_string(&item, fields[i], buf));
	if (item.entry == NULL)
		cmd_text_adds(&probe.text,
		    ",\"ends\":null,\"ends_epoch\":null,\"left\":null");
	else {
		ends = certstore_entry_ends(item.entry);
		snprintf(place, sizeof(place),
		    ",\"ends\":\"%s\",\"ends_epoch\":%lld,\"left\":%lld",
		    certstore_time_format(ends, when), (long long)ends,
		    (long long)cmd_field_left(&item));
		cmd_text_adds(&probe.text, place);
	}
	jsonkey("verdict",
	    item.entry == NULL || j->verdict == -1 ? NULL :
		j->verdict			   ? "good" :
						     "bad");
	jsonkey("text", why);
	cmd_text_adds(&probe.text, "}\n");
}

static void
putline(const struct probe_target *t, const struct probe_question *q)
{
	struct cmd_item item = { .entry = probe.judge.leaf,
		.now = certstore_time_now() };
	const struct probe_judge *j = &probe.judge;
	struct cmd_text *out = &probe.text;
	char place[600];

	cmd_text_adds(out, placename(&t->e, place));
	cmd_text_adds(out, "\t");
	cmd_text_adds(out, q->address);
	cmd_text_adds(out, "\t");
	cmd_text_adds(out, j->name == NULL ? "-" : j->name);
	cmd_text_adds(out, "\t");
	cmd_text_adds(out, j->state);
	cmd_text_adds(out, "\t");
	cmd_field_text(out, &item, CMD_LEFT);
	cmd_text_adds(out, "\t");
	cmd_text_add(out, j->text.p, j->text.len);
	cmd_text_adds(out, "\n");
}

static void
flushtext(void)
{
	struct cmd_text *t = &probe.text;

	if (!cmd_quiet && t->len > 0 &&
	    fwrite(t->p, 1, t->len, stdout) != t->len)
		cmd_lost();
	t->len = 0;
}

/* There is no answer: to a question, or NULL, to all of the target. */
static void
reportfailure(const struct probe_target *t, const struct probe_question *q,
    const char *why)
{
	char place[600];

	placename(&t->e, place);
	if (q == NULL || strcmp(q->address, t->e.host) == 0)
		cmd_error("%s: %s", place, why);
	else
		cmd_error("%s: %s: %s", place, q->address, why);
	if (probe.json)
		putjson(t, q, NULL, why);
}

/* Has an earlier question, for another type of key, failed at this address for
 * the same reason? */
static int
isreported(const struct probe_target *t, size_t i)
{
	const struct probe_question *q = &t->question[i], *was;
	size_t k;

	for (k = 0; k < i; k++) {
		was = &t->question[k];
		if (!was->dropped && was->chain == NULL &&
		    strcmp(was->address, q->address) == 0 &&
		    strcmp(was->why, q->why) == 0)
			return 1;
	}
	return 0;
}

static void
reporttarget(struct probe_target *t)
{
	struct probe_judge *j = &probe.judge;
	struct probe_question *q;
	int answered = 0;
	size_t i;

	if (t->nquestion == 0)
		reportfailure(t, NULL, t->why);
	for (i = 0; i < t->nquestion; i++)
		answered |= t->question[i].chain != NULL;
	for (i = 0; i < t->nquestion; i++) {
		q = &t->question[i];
		if (q->dropped)
			continue;
		if (q->chain == NULL) {
			if (q->unreachable && answered)
				cmd_say("%s: not asked: %s", q->address,
				    q->why);
			else if (!isreported(t, i))
				reportfailure(t, q, q->why);
		} else if (probe_judge_answer(j, t, q) == 0) {
			probe.different |= j->different;
			if (probe.json)
				putjson(t, q, j->state,
				    j->text.len > 0 ? j->text.p : NULL);
			else
				putline(t, q);
		}
		free(q->chain);
		q->chain = NULL;
	}
	flushtext();
	free(t->question);
	t->question = NULL;
}

/* The argument of -H or -m, in the place of an endpoint. */
static void
readgiven(int ch, const char *text)
{
	struct certstore_endpoint e;
	struct certstore_error err;
	char clean[CERTSTORE_HOST_LEN], place[CERTSTORE_HOST_LEN + 32];

	snprintf(place, sizeof(place), "%s%s%s%s", ch == 'H' ? "" : text,
	    ch == 'H' ? "localhost:1" : ":localhost:1", ch == 'H' ? "=" : "",
	    ch == 'H' ? text : "");
	if (strlen(text) >= CERTSTORE_HOST_LEN || *text == '\0' ||
	    certstore_endpoint_parse(place, NULL, &e, &err) == -1)
		cmd_die("-%c %s: is not %s", ch,
		    cmd_clean(text, clean, sizeof(clean)),
		    ch == 'H' ? "a host name" :
				"a protocol with STARTTLS: see cert-set(1)");
	if (ch == 'H')
		memcpy(probe.given.name, e.name, sizeof(e.name));
	else
		memcpy(probe.given.protocol, e.protocol, sizeof(e.protocol));
}

static void
readprobeoptions(int argc, char **argv)
{
	int ch, given = 0;

	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "H:jm:T:W:")) != -1) {
		switch (ch) {
		case 'H':
		case 'm':
			readgiven(ch, optarg);
			given = ch;
			break;
		case 'j':
			probe.json = 1;
			break;
		case 'T':
			probe.anchors = optarg;
			break;
		case 'W':
			probe.seconds = cmd_seconds(optarg, 1, SECONDS_MAX);
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	if (argc == optind && given != 0) {
		cmd_error("-%c: is for operands: add host:port", given);
		cmd_usage();
	}
}

/* Removes the targets for which the store cannot be asked. */
static void
findexpected(void)
{
	size_t i, n = 0;

	for (i = 0; i < probe.n; i++)
		if (probe_judge_find(&probe.judge, probe.v[i]) == 0)
			probe.v[n++] = probe.v[i];
	probe.n = n;
}

int
main(int argc, char *argv[])
{
	struct certstore *store;

	cmd_start(&help, argv);
	cmd_memory_watch();
	readprobeoptions(argc, argv);
	store = cmd_open(0);
	cmd_confine(NULL, NULL, 1);
	if (argc > optind)
		addoperands(store, argv + optind);
	else
		addall(store);
	probe_judge_open(&probe.judge, store, probe.anchors);
	findexpected();
	probe_run(probe.v, probe.n, probe.seconds, reporttarget);
	probe_judge_close(&probe.judge);
	certstore_close(store);
	if (probe.different)
		cmd_certain();
	return cmd_end();
}
