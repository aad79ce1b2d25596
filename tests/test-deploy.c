/*
 * test-deploy.c: certstore_deploy(3): what is pending for whom, and the ledger
 * files: lines that are malformed, times that cannot be, waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/private.h"
#include "tap.h"
#include "scratch.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
write_ledger(int dir, const char *text)
{
	struct cs_buf b = { 0 };

	cs_buf_adds(&b, text);
	if (cs_file_replace(dir, "web", &b, 0644) == -1)
		bail("web");
	cs_buf_free(&b);
}

static void
test_lines(int dir)
{
	struct cs_ledger l;

	is_int(cs_ledger_read(dir, "web", &l, &err), 0, "no file");
	ok(l.n == 0 && l.failed == 0, "is an empty ledger");
	write_ledger(dir,
	    "entry b " HASH "\nentry\nentry a\nentry  \nentry c x y\n"
	    "entry d " HASH "0\nfuture text\n\nentry a " HASH "\r\n"
	    "entry @trust/x " HASH " \nfailed 3\nsince 5 x\ntried 6\n"
	    "next 7 y\ntext it failed\ntext twice");
	is_int(cs_ledger_read(dir, "web", &l, &err), 0, "odd lines");
	is_str(cs_ledger_find(&l, "a"), HASH, "a line with a CR");
	is_str(cs_ledger_find(&l, "b"), HASH, "the first line");
	is_str(cs_ledger_find(&l, "@trust/x"), HASH, "a trust set");
	ok(cs_ledger_find(&l, "d") == NULL, "a hash that is too long");
	ok(cs_ledger_find(&l, "e") == NULL, "no such line");
	ok(l.failed == 3 && l.since == 5 && l.tried == 6 && l.next == 7,
	    "numbers");
	is_str(l.text, "it failed", "text");
	ok(cs_ledger_set(&l, "a", NULL) == 0 &&
		cs_ledger_set(&l, "zz", NULL) == 0 &&
		cs_ledger_set(&l, "z", HASH) == 0,
	    "lines are set and removed");
	cs_ledger_succeed(&l);
	is_int(cs_ledger_write(dir, "web", &l, &err), 0, "written");
	cs_ledger_free(&l);
	is_int(cs_ledger_read(dir, "web", &l, &err), 0, "read again");
	ok(cs_ledger_find(&l, "a") == NULL, "the removed line is gone");
	is_str(cs_ledger_find(&l, "z"), HASH, "the new one is there");
	ok(l.failed == 0 && l.text == NULL, "and no failure");
	while (l.n > 0)
		cs_ledger_set(&l, l.v[0].name, NULL);
	is_int(cs_ledger_write(dir, "web", &l, &err), 0, "an empty one");
	ok(faccessat(dir, "web", F_OK, 0) == -1, "is removed");
	cs_ledger_free(&l);
}

static void
test_waits(int dir)
{
	static const int waits[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600 };
	const int64_t now = certstore_time_now();
	struct cs_ledger l = { 0 };
	char text[600];
	size_t i;

	for (i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		cs_ledger_fail(&l, HASH, "a\nb", now + (int64_t)i);
		is_int(l.next - l.tried, waits[i], "wait %zu", i);
	}
	ok(l.since == now && l.tried == now + 7 && l.failed == 8,
	    "since the first one");
	is_str(l.text, "a\\nb", "the text is one line");
	cs_ledger_fail(&l, HASH, "c", now - 100);
	ok(l.since == now - 100, "never since a time to come");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cs_ledger_fail(&l, HASH, text, now);
	ok(strlen(l.text) < CS_MESSAGE_LEN, "a long text is cut");
	is_int(cs_ledger_write(dir, "web", &l, &err), 0, "written");
	cs_ledger_free(&l);
	is_int(cs_ledger_read(dir, "web", &l, &err), 0, "read");
	is_str(l.pending, HASH, "what was pending");
	ok(l.next == now + 3600, "the next try");
	cs_ledger_free(&l);
	write_ledger(dir,
	    "failed 99999999999999999999\nnext 99999999999999999999");
	is_int(cs_ledger_read(dir, "web", &l, &err), 0, "large numbers");
	is_int(l.next, 0, "an hour ahead at most");
	cs_ledger_free(&l);
	unlinkat(dir, "web", 0);
}

/* "web: a changed, b removed; ", ... of all users that have something pending. */
static const char *
pending(struct certstore *store, int flags)
{
	static char text[1000];
	const char *name, *user, *verb, *why;
	struct certstore_deploy *d;
	size_t i, len = 0;

	text[0] = '\0';
	d = certstore_deploy_new(store, flags, &err);
	if (d == NULL)
		return err.msg;
	while (certstore_deploy_next(d, &user, &err) == 1) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s:", user);
		for (i = 0; certstore_deploy_change(d, i, &name, &verb, &why);
		     i++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    " %s %s", name, verb);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "; ");
	}
	certstore_deploy_free(d);
	return text;
}

static void
test_calls(void)
{
	struct certstore *reader, *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_deploy *d;
	const char *name, *text, *user, *verb, *why;
	unsigned int times;
	int64_t next, since;

	setprop("a", "user", "web");
	setprop("b", "user", "web");
	is_str(pending(store, CERTSTORE_DEPLOY_DRYRUN),
	    "web: a changed b changed; ", "both are new");
	ok(certstore_deploy_new(store, 1, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "a flag of another function");
	reader = opened(0);
	ok(certstore_deploy_new(reader, 0, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "a store that was opened for reading");
	d = certstore_deploy_new(reader, CERTSTORE_DEPLOY_DRYRUN, &err);
	ok(d != NULL, "which is enough for a dry run");
	ok(certstore_deploy_next(d, &user, &err) == 1 &&
		certstore_deploy_begin(d, 1, &err) == -1 &&
		err.code == CERTSTORE_EARGUMENT,
	    "that delivers nothing");
	certstore_deploy_free(d);
	certstore_close(reader);

	d = certstore_deploy_new(store, 0, &err);
	ok(certstore_deploy_begin(d, 1, &err) == -1, "begin before next");
	ok(certstore_deploy_next(d, &user, &err) == 1, "a user");
	ok(certstore_deploy_delivered(d, "changed", &err) == -1,
	    "delivered before begin");
	ok(certstore_deploy_failed(d, "x", &err) == -1, "failed before it");
	is_int(certstore_deploy_begin(d, 1, &err), 1, "begin");
	is_int(certstore_deploy_failed(d, "x", &err), 0, "it failed");
	ok(certstore_deploy_failure(d, &text, &times, &since, &next) == 1 &&
		times == 1 && strcmp(text, "x") == 0 && next == since + 60,
	    "and that is known");
	ok(certstore_deploy_next(d, &user, &err) == 0, "nobody else");
	ok(certstore_deploy_next(d, &user, &err) == 0, "still nobody");
	certstore_deploy_free(d);

	d = certstore_deploy_new(store, 0, &err);
	certstore_deploy_next(d, &user, &err);
	ok(certstore_deploy_failure(d, &text, &times, &since, &next) == 1,
	    "also to the next one");
	is_int(certstore_deploy_begin(d, 1, &err), 1, "begin");
	/* what changes from here on is not what is delivered */
	is_int(put(store, "a", 1, "newer", ""), 0, "a is replaced meanwhile");
	is_int(certstore_deploy_delivered(d, "changed", &err), 0, "delivered");
	ok(certstore_deploy_failure(d, &text, &times, &since, &next) == 0,
	    "the failure is over");
	certstore_deploy_free(d);
	is_str(pending(store, 0), "web: a changed; ", "a is pending again");
	is_str(pending(store, CERTSTORE_DEPLOY_FORCE),
	    "web: a changed b changed; ", "with force both");

	/* the same in two processes: the second one finds nothing left */
	d = certstore_deploy_new(store, 0, &err);
	certstore_deploy_next(d, &user, &err);
	{
		struct certstore *two = opened(CERTSTORE_OPEN_WRITE);
		struct certstore_deploy *other;

		other = certstore_deploy_new(two, 0, &err);
		certstore_deploy_next(other, &user, &err);
		is_int(certstore_deploy_begin(other, 1, &err), 1, "the first");
		is_int(certstore_deploy_begin(d, 0, &err), -1, "the second");
		is_int(err.code, CERTSTORE_EBUSY, "has to wait");
		certstore_deploy_delivered(other, "changed", &err);
		certstore_deploy_free(other);
		certstore_close(two);
		is_int(certstore_deploy_begin(d, 1, &err), 0, "nothing left");
		ok(certstore_deploy_change(d, 0, &name, &verb, &why) == 0,
		    "no change");
	}
	certstore_deploy_free(d);

	d = certstore_deploy_new(store, 0, &err);
	is_int(certstore_deploy_add(d, ".x", &err), -1, "a name that is none");
	is_int(certstore_deploy_add(d, "a", &err), 0, "one that is");
	ok(certstore_deploy_next(d, &user, &err) == -1 &&
		err.code == CERTSTORE_EARGUMENT,
	    "next fails");
	ok(certstore_deploy_next(d, &user, &err) == 0, "and then ends");
	certstore_deploy_free(d);
	certstore_deploy_free(NULL);

	/* an odd entry does not end the others */
	sh("rm store/certs/.a@*/info; ln -s ../none store/certs/c");
	setprop("b", "user", "other");
	d = certstore_deploy_new(store, 0, &err);
	certstore_deploy_add(d, "none", &err);
	certstore_deploy_add(d, "b", &err);
	certstore_deploy_add(d, "a", &err);
	ok(certstore_deploy_next(d, &user, &err) == -1 &&
		err.code == CERTSTORE_EDAMAGED,
	    "the damaged one");
	ok(certstore_deploy_next(d, &user, &err) == -1 &&
		err.code == CERTSTORE_ENOENTRY,
	    "the missing one");
	ok(certstore_deploy_next(d, &user, &err) == 1 &&
		strcmp(user, "other") == 0,
	    "the first user");
	ok(certstore_deploy_next(d, &user, &err) == 1 &&
		strcmp(user, "web") == 0 &&
		certstore_deploy_change(d, 0, &name, &verb, &why) == 1 &&
		strcmp(verb, "removed") == 0 && strcmp(name, "b") == 0 &&
		certstore_deploy_change(d, 1, &name, &verb, &why) == 0,
	    "the second one, and nothing of the damaged entry");
	certstore_deploy_free(d);
	certstore_close(store);
}

static void
test_types(void)
{
	static const struct {
		const char *user;
		enum certstore_user_type type;
		const char *unit;
	} t[] = { { "web", CERTSTORE_USER_HOOK, NULL },
		{ "/etc/x", CERTSTORE_USER_NOTE, NULL },
		{ "a/b.service", CERTSTORE_USER_NOTE, NULL },
		{ "x.service", CERTSTORE_USER_RELOAD, "x.service" },
		{ "k@main.service", CERTSTORE_USER_RELOAD, "k@main.service" },
		{ "a\\x2db.service", CERTSTORE_USER_RELOAD, "a\\x2db.service" },
		{ "restart:x.service", CERTSTORE_USER_RESTART, "x.service" },
		{ "restart:x", CERTSTORE_USER_BAD, NULL },
		{ "restart:", CERTSTORE_USER_BAD, NULL },
		{ "restart:-x.service", CERTSTORE_USER_BAD, NULL },
		{ "reload:x.service", CERTSTORE_USER_BAD, NULL },
		{ ".service", CERTSTORE_USER_BAD, NULL },
		{ "-h", CERTSTORE_USER_BAD, NULL },
		{ "..", CERTSTORE_USER_BAD, NULL },
		{ "", CERTSTORE_USER_BAD, NULL },
		{ "a b", CERTSTORE_USER_BAD, NULL },
		{ "a\\x2", CERTSTORE_USER_BAD, NULL },
		{ "a\\x", CERTSTORE_USER_BAD, NULL },
		{ "a\\", CERTSTORE_USER_BAD, NULL },
		{ "a\\n41", CERTSTORE_USER_BAD, NULL },
		{ "\xc3\xa4", CERTSTORE_USER_BAD, NULL } };
	const char *unit;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_int(certstore_user_type(t[i].user, &unit), t[i].type,
		    "type of \"%s\"", t[i].user);
		is_str(unit, t[i].unit, "its unit");
	}
}

int
main(void)
{
	struct certstore *store;
	int dir;

	makescratch();
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	if (put(store, "a", 0, "one", "") == -1 ||
	    put(store, "b", 0, "two", "") == -1)
		bail("put: %s", err.msg);
	ok(cs_ledger_opendir(store, 0, &err) == -1 && err.errnum == ENOENT,
	    "no ledgers");
	dir = cs_ledger_opendir(store, 1, &err);
	ok(dir != -1, "a directory for them");
	test_lines(dir);
	test_waits(dir);
	close(dir);
	certstore_close(store);
	test_types();
	test_calls();
	removescratch();
	return tap_done();
}
