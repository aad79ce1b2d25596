/*
 * test-match.c: which entry matches: RFC 9525, the order of candidates, and
 * entries that never match.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/private.h"
#include "tap.h"
#include "scratch.h"

#define HEX64(c) c c c c c c c c
#define NOW 1000

static char warned[512];

static void
warn(void *arg, const char *msg)
{
	(void)arg;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static const struct {
	const char *name;
	const char *lines;
} entries[] = { { "bank",
		    "kind server\nserves\nstarts 100 x\nends 2000 x\n"
		    "san dns Bank.Example.com\nsan dns www.example.com\n" },
	{ "wild",
	    "kind server\nserves\nstarts 500 x\nends 2000 x\n"
	    "san dns *.example.com\n" },
	{ "old",
	    "kind server\nserves\nstarts 100 x\nends 900 x\n"
	    "san dns bank.example.com\nsan dns gone.example.org\n" },
	{ "older",
	    "kind server\nserves\nstarts 50 x\nends 2000 x\n"
	    "san dns bank.example.com\n" },
	{ "soon",
	    "kind server\nserves\nstarts 1001 x\nends 3000 x\n"
	    "san dns bank.example.com\nsan dns soon.example.org\n" },
	{ "partial",
	    "kind server\nserves\nstarts 1 x\nends 2000 x\n"
	    "san dns f*.example.org\nsan dns *.*.example.org\n" },
	{ "cnonly",
	    "kind server\nserves\nstarts 1 x\nends 2000 x\n"
	    "cn cn.example.net\n" },
	{ "local",
	    "kind self\nself\nserves\nstarts 1 x\nends 2000 x\n"
	    "san dns localhost\nsan ip 127.0.0.1\n" },
	{ "addr",
	    "kind server\nserves\nstarts 1 x\nends 2000 x\n"
	    "san ip 192.0.2.1\nsan ip 2001:db8::1\nsan dns 192.0.2.9\n"
	    "san dns idn.xn--mnchen-3ya.de\n" },
	{ "client",
	    "kind client\nstarts 1 x\nends 2000 x\n"
	    "san dns client.example.com\nsan email joe@example.com\n" },
	{ "ca", "kind ca\nstarts 1 x\nends 2000 x\nsan dns ca.example.org\n" },
	{ "tn",
	    "kind shaken\nserves\nstarts 1 x\nends 2000 x\n"
	    "san dns tn.example.org\n" },
	{ "uri",
	    "kind server\nserves\nstarts 1 x\nends 2000 x\n"
	    "san uri sip:pbx.example.com\n" } };

static const struct {
	const char *question;
	const char *kinds;
	int flags;
	const char *answer; /* names in order, or what is refused */
} questions[] = {
	{ "bank.example.com", NULL, 0, "bank older wild soon old" },
	{ "BANK.example.com.", NULL, 0, "bank older wild soon old" },
	{ "dns:bank.example.com", NULL, 0, "bank older wild soon old" },
	{ "www.example.com", NULL, 0, "bank wild" },
	{ "any.example.com", NULL, 0, "wild" },
	{ "a.b.example.com", NULL, 0, "" },
	{ "example.com", NULL, 0, "" },
	{ ".example.com", NULL, 0, "!" },
	{ "*.example.com", NULL, 0, "!" },
	{ "a..example.com", NULL, 0, "!" },
	{ "a b", NULL, 0, "!" },
	{ "", NULL, 0, "!" },
	{ "../certs/bank", NULL, 0, "!" },
	{ "foo.example.org", NULL, 0, "" },
	{ "a.b.example.org", NULL, 0, "" },
	{ "cn.example.net", NULL, 0, "cnonly" },
	{ "localhost", NULL, 0, "local" },
	{ "127.0.0.1", NULL, 0, "local" },
	{ "192.0.2.1", NULL, 0, "addr" },
	{ "192.0.2.9", NULL, 0, "" },
	{ "dns:192.0.2.9", NULL, 0, "!" },
	{ "[2001:DB8:0::1]", NULL, 0, "addr" },
	{ "ip:2001:db8::1", NULL, 0, "addr" },
	{ "ip:bank.example.com", NULL, 0, "!" },
	{ "idn.m\303\274nchen.de", NULL, 0, "addr" },
	{ "idn.M\303\234NCHEN.de", NULL, 0, "addr" },
	{ "client.example.com", NULL, 0, "wild" },
	{ "client.example.com", "client", 0, "client" },
	{ "client.example.com", "server,client", 0, "client wild" },
	{ "localhost", "server", 0, "local" },
	{ "localhost", "peer", 0, "" },
	{ "joe@example.com", NULL, 0, "client" },
	{ "email:joe@example.com", NULL, 0, "client" },
	{ "sip:pbx.example.com", NULL, 0, "uri" },
	{ "ca.example.org", NULL, 0, "" },
	{ "ca.example.org", "ca", 0, "" },
	{ "tn.example.org", NULL, 0, "" },
	{ "gone.example.org", NULL, 0, "old" },
	{ "soon.example.org", NULL, 0, "soon" },
	{ "nobody.example.org", NULL, CERTSTORE_MATCH_FALLBACK, "bank" },
	{ "gone.example.org", NULL, CERTSTORE_MATCH_FALLBACK, "bank old" },
	{ "any.example.com", NULL, CERTSTORE_MATCH_FALLBACK, "wild bank" },
	{ "sha256:" HEX64("0123abcd"), NULL, 0, "printed" },
	{ "sha256:01:23:AB:CD" HEX64("0123abcd"), NULL, 0, "!" },
	{ "SHA256:" HEX64("0123ABCD"), NULL, 0, "printed" },
	{ "sha256:01", NULL, 0, "!" },
	{ "spki:" HEX64("0123abcd"), NULL, 0, "" },
};

/* Is the first of these? */
static int
isvalid(const char *answer)
{
	return strncmp(answer, "old", strcspn(answer, " ")) != 0 &&
	    strncmp(answer, "soon", strcspn(answer, " ")) != 0;
}

/* Who wants the winner alone has it. */
static void
askone(struct certstore *store, size_t i, const char *answer, int rv)
{
	const struct certstore_entry *entry;
	struct certstore_match *match;
	size_t len = strcspn(answer, " ");
	const char *name;

	match = certstore_match_new(store, NOW, questions[i].kinds,
	    questions[i].flags | CERTSTORE_MATCH_WINNER, &err);
	is_int(certstore_match_ask(match, questions[i].question, &err), rv,
	    "%s: the same result", questions[i].question);
	if (certstore_match_next(match, &entry, &err) == 1) {
		name = certstore_entry_name(entry);
		ok(strlen(name) == len && strncmp(name, answer, len) == 0,
		    "the winner is %s", name);
		ok(certstore_match_next(match, &entry, &err) == 0, "and alone");
	} else
		ok(rv <= 0, "no winner");
	certstore_match_free(match);
}

static void
ask(struct certstore *store, size_t i)
{
	const struct certstore_entry *entry;
	struct certstore_match *match;
	char got[256] = "";
	int rv;

	if (skipidn(questions[i].question))
		return;
	match = certstore_match_new(store, NOW, questions[i].kinds,
	    questions[i].flags, &err);
	if (match == NULL)
		bail("%s", err.msg);
	rv = certstore_match_ask(match, questions[i].question, &err);
	if (rv == -1)
		strcat(got, "!");
	if (rv == -1 && err.code != CERTSTORE_EARGUMENT)
		ok(0, "refused as an argument: %s", err.msg);
	while (certstore_match_next(match, &entry, &err) == 1) {
		strcat(got, got[0] != '\0' ? " " : "");
		strcat(got, certstore_entry_name(entry));
	}
	is_str(got, questions[i].answer, "%s", questions[i].question);
	if (rv != (got[0] == '!' ? -1 : got[0] == '\0' ? 0 : 2 - isvalid(got)))
		ok(0, "the result is %d", rv);
	certstore_match_free(match);
	askone(store, i, got, rv);
}

static void
testwhy(struct certstore *store)
{
	static const char *const why[] = { "exact", "exact: another is newer",
		"wildcard: an exact name comes first",
		"exact: valid only from 1970-01-01T00:16:41Z",
		"exact: expired 1970-01-01T00:15:00Z" };
	const struct certstore_entry *entry;
	struct certstore_match *match;
	size_t i;

	match = certstore_match_new(store, NOW, NULL, 0, &err);
	warned[0] = '\0';
	certstore_match_ask(match, "bank.example.com", &err);
	is_str(warned, "", "no warning when something valid answers");
	for (i = 0; certstore_match_next(match, &entry, &err) == 1; i++)
		is_str(certstore_entry_how(entry), why[i], "why %zu", i);
	ok(i == 5 && certstore_match_next(match, &entry, &err) == 1,
	    "behind the end it begins again");
	is_str(certstore_entry_how(entry), why[0], "with the winner");
	certstore_match_ask(match, "gone.example.org", &err);
	certstore_match_next(match, &entry, &err);
	is_str(certstore_entry_host(entry), "gone.example.org",
	    "the question goes along");
	ok(strstr(warned, "old: expired 1970") != NULL, "warned: %s", warned);
	certstore_match_ask(match, "soon.example.org", &err);
	ok(strstr(warned, "soon: valid only from") != NULL, "warned: %s",
	    warned);
	certstore_match_free(match);
	ok(certstore_match_new(store, NOW, "servers", 0, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "no such kind");
	match = certstore_match_new(store, 2000, NULL, 0, &err);
	warned[0] = '\0';
	ok(certstore_match_ask(match, "any.example.com", &err) == 1 &&
		warned[0] == '\0',
	    "valid to the very second");
	certstore_match_free(match);
}

static void
testloopback(void)
{
	struct certstore_match *match;
	struct certstore *store;

	sh("rm store/default; ln -s certs/local store/default");
	store = opened(0);
	match = certstore_match_new(store, NOW, NULL, CERTSTORE_MATCH_FALLBACK,
	    &err);
	is_int(certstore_match_ask(match, "nobody.example.org", &err), 0,
	    "a loopback default answers for no other host");
	certstore_match_free(match);
	certstore_close(store);
}

/* What is asked of who can sign calls, and of the type of a key. */
static void
testcalls(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_match *match;
	struct certstore_error again;

	put(store, "phone", 0, "phone",
	    "kind shaken\nstarts 1 x\nends 2000 x\nspc 709J\n");
	put(store, "odd", 0, "odd",
	    "kind shaken\nstarts 1 x\nends 2000 x\nspc 70-9J\n");
	sh("ln -s ../../certs/phone store/index/spc/STALE");
	match = certstore_match_new(store, NOW, NULL, 0, &err);
	ok(certstore_match_ask(match, "spc:709j", &err) == 1 &&
		certstore_match_next(match, &entry, &err) == 1 &&
		strcmp(certstore_entry_name(entry), "phone") == 0,
	    "by its code");
	ok(certstore_match_ask(match, "spc:70-9j", &err) == 1 &&
		certstore_match_next(match, &entry, &err) == 1 &&
		strcmp(certstore_entry_name(entry), "odd") == 0,
	    "by one that index/ does not have: %s", err.msg);
	is_int(certstore_match_ask(match, "spc:70-9K", &err), 0,
	    "nobody has this one");
	is_int(certstore_match_ask(match, "spc:STALE", &err), 0,
	    "nor one that index/ has by mistake");
	ok(certstore_match_set_type(match, "dsa", &err) == -1 &&
		err.code == CERTSTORE_EARGUMENT,
	    "no such type of keys");
	again = err;
	ok(certstore_match_ask(match, "spc:709j", &err) == -1 &&
		strcmp(err.msg, again.msg) == 0,
	    "then no question is answered");
	ok(certstore_match_set_type(match, "p256", &err) == 0 &&
		certstore_match_ask(match, "any.example.com", &err) == 0,
	    "a key of an unknown type is of none");
	certstore_match_free(match);
}

int
main(void)
{
	struct certstore *store;
	size_t i;

	makescratch();
	store = opened(CERTSTORE_OPEN_CREATE);
	certstore_set_warn(store, warn, NULL);
	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		put(store, entries[i].name, 0, entries[i].name,
		    entries[i].lines);
	put(store, "printed", 0, HEX64("0123abcd"), "");
	sh("ln -s certs/bank store/default");
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		ask(store, i);
	testwhy(store);
	testcalls(store);
	/* and without index/ */
	sh("rm -r store/index");
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		ask(store, i);
	certstore_close(store);
	testloopback();
	removescratch();
	return tap_done();
}
