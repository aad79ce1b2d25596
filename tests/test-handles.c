/*
 * test-handles.c: an open handle sees the same as a new one, whatever other
 * processes have changed in the store.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "scratch.h"

static const char *const questions[] = { "a.example.com", "b.example.com",
	"c.example.com", "t.example.com", "none.example.com", "192.0.2.1",
	"mail@example.com", NULL };
static const char *const names[] = { "a", "b", "c", "none" };

static struct certstore *
openstore(const char *where, int flags)
{
	return certstore_open(path("%s", where), flags, &err);
}

/* What another process does, with a handle of its own. */
static void
writer(const char *where, void (*fn)(struct certstore *))
{
	struct certstore *store;
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if ((store = openstore(where, CERTSTORE_OPEN_CREATE)) == NULL)
			_exit(1);
		fn(store);
		certstore_close(store);
		_exit(err.code != CERTSTORE_OK);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0)
		bail("%s: another writer failed", where);
}

static void
fill(struct certstore *store)
{
	(void)(put(store, "a", 0, "cert of a",
		   "san dns a.example.com\nsan email mail@example.com\n") ==
		0 &&
	    put(store, "b", 0, "cert of b",
		"san dns b.example.com\nsan ip 192.0.2.1\n"
		"tenant t.example.com\n") == 0);
}

static void
addc(struct certstore *store)
{
	(void)put(store, "c", 0, "cert of c",
	    "san dns c.example.com\nsan dns none.example.com\n");
}

static void
replacea(struct certstore *store)
{
	(void)put(store, "a", 1, "new cert of a",
	    "san dns b.example.com\nsan dns none.example.com\n");
}

static void
removeb(struct certstore *store)
{
	const char *const b = "b";

	(void)certstore_remove(store, &b, 1, CERTSTORE_REMOVE_FORCE, NULL, NULL,
	    &err);
}

/* What others do to a store, by commands in it or with a handle. */
static const struct change {
	const char *what;
	const char *commands;
	void (*fn)(struct certstore *);
	const char *before; /* a part of what is seen before and not after */
	const char *after;  /* and the other way round */
} changes[] = {
	{ "a list begins again", NULL, NULL, "and again from a",
	    "and again from a" },
	{ "an entry is added", NULL, addc, "c.example.com: 0;",
	    "c.example.com: 1 c;" },
	{ "an entry is replaced", NULL, replacea, "a.example.com: 1 a;",
	    "b.example.com: 1 a b;" },
	{ "an entry is removed", NULL, removeb, "t.example.com: 1 b;",
	    "192.0.2.1: 0;" },
	{ "index/host is lost", "rm -r index/host", NULL, NULL, NULL },
	{ "index/host is lost, and an entry added", "rm -r index/host", addc,
	    "c.example.com: 0;", "c.example.com: 1 c;" },
	{ "index/tenant is lost", "rm -r index/tenant", NULL, NULL, NULL },
	{ "index/tn is lost, and an entry added", "rmdir index/tn", addc,
	    "c.example.com: 0;", "c.example.com: 1 c;" },
	{ "index/spc is lost, and an entry added", "rmdir index/spc", addc,
	    "c.example.com: 0;", "c.example.com: 1 c;" },
	{ "index is lost", "rm -r index", NULL, NULL, NULL },
	{ "index is lost, and an entry added", "rm -r index", addc,
	    "c.example.com: 0;", "c.example.com: 1 c;" },
	{ "index is of an earlier version", "rm index/host/*; touch index",
	    NULL, NULL, NULL },
	{ "the same, and an entry added", "rm index/host/*; touch index", addc,
	    "c.example.com: 0;", "c.example.com: 1 c;" },
	{ "index is replaced", "rm -r index; cp -a ../other/index .", NULL,
	    NULL, NULL },
	{ "links are dropped", "find . -type l -delete", NULL,
	    "b.example.com: 1 b;", "b.example.com: -1;" },
	{ "links are followed",
	    "rm -f default; cp -rLp . ../followed; rm -r certs index .links; "
	    "mv ../followed/certs ../followed/index ../followed/.links .; "
	    "rm -r ../followed",
	    NULL, "b.example.com: 1 b;", "b.example.com: -1;" },
	{ "the default is another", "ln -sfn certs/b default", NULL,
	    "default a;", "default b;" },
	{ "the default is written another way", "ln -sfn ./certs//b/ default",
	    NULL, "default a;", "default b;" },
	{ "there is no default", "rm default", NULL, "default a;", NULL },
	{ "certs is replaced", "mv certs old; cp -a ../other/certs .", NULL,
	    "b 1", "c 1" },
	{ "certs and index are replaced",
	    "mv certs index ..; cp -a ../other/certs ../other/index .; "
	    "rm -r ../certs ../index",
	    NULL, "b.example.com: 1 b;", "c.example.com: 1 c;" },
	{ "the store is replaced",
	    "cd ..; mv $store gone; cp -a other $store; rm -r gone", NULL,
	    "b.example.com: 1 b;", "c.example.com: 1 c;" },
	{ "it is replaced and the old one kept",
	    "cd ..; mv $store kept.$store; cp -a other $store", NULL,
	    "b.example.com: 1 b;", "c.example.com: 1 c;" },
	{ "it is a link to another",
	    "cd ..; mv $store l.$store; "
	    "ln -s other $store",
	    NULL, "b.example.com: 1 b;", "c.example.com: 1 c;" },
	{ "the store is emptied", "rm -rf .[a-z]* *", NULL,
	    "b.example.com: 1 b;", NULL },
	{ "the store is gone", "cd ..; rm -r $store", NULL,
	    "b.example.com: 1 b;", NULL },
	{ "it is gone and made anew", "cd ..; rm -r $store", addc,
	    "b.example.com: 1 b;", "c.example.com: 1 c;" },
	{ "the store's mode is no obstacle", "chmod 700 .", NULL, NULL, NULL },
	{ "an entry is damaged", "echo x >>certs/b/fullchain.pem", NULL,
	    "b.example.com: 1 b;", "b.example.com: -1;" },
	{ "an entry's record is damaged", "rm certs/b/info", NULL,
	    "192.0.2.1: 1 b;", "192.0.2.1: -1;" },
	{ "an entry is pinned to what is not there", "ln -sfn .b@7 certs/b",
	    NULL, "192.0.2.1: 1 b;", "192.0.2.1: -1;" },
	{ "an entry's link is gone", "rm certs/b", NULL, "192.0.2.1: 1 b;",
	    "192.0.2.1: 0;" },
};
#define NCHANGES (sizeof(changes) / sizeof(changes[0]))

/* What is open of one store. */
struct handles {
	struct certstore *store;
	struct certstore *makes; /* with CERTSTORE_OPEN_CREATE */
	struct certstore_match *match;
};

static char seen[2][8192];

__attribute__((format(printf, 2, 3))) static void
add(char *out, const char *fmt, ...)
{
	size_t len = strlen(out);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out + len, sizeof(seen[0]) - len, fmt, ap);
	va_end(ap);
}

static void
seelist(struct certstore *store, char *out)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	int rv;

	if ((list = certstore_list_new(store, &err)) == NULL) {
		add(out, "list: %d\n", err.code);
		return;
	}
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1)
			add(out, "bad: %d;", err.code);
		else
			add(out, "%s %lu;", certstore_entry_name(entry),
			    entry->info.gen);
		if (rv == 1 && certstore_entry_is_default(entry))
			add(out, "default %s;", certstore_entry_name(entry));
	}
	if (certstore_list_next(list, &entry, &err) == 1)
		add(out, "and again from %s", certstore_entry_name(entry));
	certstore_list_free(list);
	add(out, "\n");
}

static void
seematch(struct certstore_match *match, char *out)
{
	const struct certstore_entry *entry;
	size_t i;

	for (i = 0; questions[i] != NULL; i++) {
		add(out, "%s: %d", questions[i],
		    certstore_match_ask(match, questions[i], &err));
		while (certstore_match_next(match, &entry, &err) == 1)
			add(out, " %s", certstore_entry_name(entry));
		add(out, ";\n");
	}
}

static void
addfailed(void *out, const char *name, const struct certstore_error *why)
{
	add(out, "rm %s: %d;", name, why->code);
}

static void
seenames(struct certstore *store, int dry, char *out)
{
	struct certstore_entry *entry;
	size_t i;

	for (i = 0; i < 4; i++) {
		entry = certstore_entry_get(store, names[i], &err);
		add(out, "%s: %d;", names[i], entry == NULL ? err.code : 0);
		certstore_entry_free(entry);
	}
	if (dry)
		(void)certstore_remove(store, names, 4, CERTSTORE_REMOVE_DRYRUN,
		    addfailed, out, &err);
	add(out, "\n");
}

static char *
see(const struct handles *h, char *out)
{
	out[0] = '\0';
	if (h->store == NULL) {
		add(out, "no store: %d\n", err.code);
	} else {
		seelist(h->store, out);
		seematch(h->match, out);
		seenames(h->store, 0, out);
	}
	seelist(h->makes, out);
	seenames(h->makes, 1, out);
	return out;
}

static void
openhandles(struct handles *h, const char *where)
{
	if ((h->makes = openstore(where, CERTSTORE_OPEN_CREATE)) == NULL)
		bail("%s: %s", where, err.msg);
	h->match = NULL;
	if ((h->store = openstore(where, 0)) != NULL)
		h->match = certstore_match_new(h->store, CERTSTORE_NOW, NULL, 0,
		    &err);
}

static void
closehandles(struct handles *h)
{
	certstore_match_free(h->match);
	certstore_close(h->store);
	certstore_close(h->makes);
}

/* A store that is gone is an error to the one, no store to the other. */
static void
compare(const struct change *change, const struct handles *old,
    const char *where)
{
	struct handles new;
	char *a, *b;

	openhandles(&new, where);
	a = see(old, seen[0]);
	b = see(&new, seen[1]);
	if (new.store == NULL) {
		ok(certstore_list_new(old->store, &err) == NULL &&
			err.code == CERTSTORE_ENOSTORE,
		    "%s: it is missed", change->what);
		ok(certstore_match_ask(old->match, "a.example.com", &err) ==
			    -1 &&
			err.code == CERTSTORE_ENOSTORE,
		    "%s: nobody says no", change->what);
		a[0] = b[0] = '\0';
		seelist(old->makes, a);
		seelist(new.makes, b);
	}
	is_str(a, b, "%s", change->what);
	if (change->after != NULL && strstr(b, change->after) == NULL)
		ok(0, "%s: not \"%s\" but %s", change->what, change->after, b);
	closehandles(&new);
}

static void
apply(const struct change *change, const char *where)
{
	char line[900];

	if (change->commands != NULL) {
		snprintf(line, sizeof(line), "store=%s; cd $store; { %s; }",
		    where, change->commands);
		sh(line);
	}
	if (change->fn != NULL)
		writer(where, change->fn);
}

/* "Now" is when it is asked. */
static struct certstore *ticking;
static struct certstore_match *now, *then;

static void
addshort(struct certstore *store)
{
	char lines[256];

	snprintf(lines, sizeof(lines),
	    "kind server\nserves\nstarts 100 x\nends %lld x\n"
	    "san dns short.example.com\n",
	    (long long)certstore_time_now() + 2);
	(void)put(store, "short", 0, "short", lines);
}

static void
startclock(void)
{
	sh("cp -a template clock");
	ticking = openstore("clock", 0);
	now = certstore_match_new(ticking, CERTSTORE_NOW, NULL, 0, &err);
	then = certstore_match_new(ticking, certstore_time_now(), NULL, 0,
	    &err);
	writer("clock", addshort);
	is_int(certstore_match_ask(now, "short.example.com", &err), 1, "valid");
}

static void
endclock(void)
{
	const struct certstore_entry *entry;

	is_int(certstore_match_ask(now, "short.example.com", &err), 2,
	    "it has ended meanwhile");
	if (certstore_match_next(now, &entry, &err) != 1)
		bail("no entry");
	ok(certstore_entry_is_valid(entry, CERTSTORE_NOW) == 0 &&
		certstore_entry_is_valid(entry, 100) == 1 &&
		certstore_entry_is_valid(entry, 99) == 0,
	    "it is not valid any more");
	ok(strncmp(certstore_entry_how(entry), "exact: expired ", 15) == 0,
	    "and says so: %s", certstore_entry_how(entry));
	is_int(certstore_match_ask(then, "short.example.com", &err), 1,
	    "as of a time that was given it has not");
	certstore_match_free(now);
	certstore_match_free(then);
	certstore_close(ticking);
	sh("rm -r clock");
}

/*
 * Each change to a store of its own, all of which were made just before, or
 * so long ago that time stamps tell.
 */
static void
testchanges(unsigned int age)
{
	static struct handles handles[NCHANGES];
	char line[64], where[16];
	const struct change *change;
	size_t i;

	for (i = 0; i < NCHANGES; i++) {
		snprintf(line, sizeof(line), "cp -a template s%zu", i);
		sh(line);
	}
	if (age > 0) {
		startclock();
		sleep(age);
		endclock();
	}
	for (i = 0; i < NCHANGES; i++) {
		snprintf(where, sizeof(where), "s%zu", i);
		openhandles(&handles[i], where);
		change = &changes[i];
		see(&handles[i], seen[0]);
		if (change->before != NULL &&
		    strstr(seen[0], change->before) == NULL)
			ok(0, "%s: no \"%s\" before: %s", change->what,
			    change->before, seen[0]);
		apply(change, where);
		compare(change, &handles[i], where);
		closehandles(&handles[i]);
	}
	sh("rm -rf s* l.* kept.*");
}

/* One change after the other, seen by the same handles. */
static void
testmonths(void)
{
	static const struct change empty = { .what = "all over again" };
	struct handles old;
	size_t i;

	sh("cp -a template s");
	openhandles(&old, "s");
	for (i = 0; i < NCHANGES; i++) {
		see(&old, seen[0]);
		sh("rm -rf s; cp -a template s");
		apply(&changes[i], "s");
		compare(&changes[i], &old, "s");
	}
	sh("rm -rf s; cp -a template s");
	compare(&empty, &old, "s");
	closehandles(&old);
	sh("rm -rf s l.* kept.*");
}

/* A store that is made once it is open. */
static void
testmade(void)
{
	static const struct change made = { .what = "the store is made",
		.after = "a.example.com: 1 a;" };
	struct handles old;

	openhandles(&old, "s");
	ok(old.store == NULL && err.code == CERTSTORE_ENOSTORE,
	    "there is none yet");
	see(&old, seen[0]);
	writer("s", fill);
	old.store = old.makes;
	old.match = certstore_match_new(old.makes, CERTSTORE_NOW, NULL, 0,
	    &err);
	compare(&made, &old, "s");
	certstore_match_free(old.match);
	certstore_close(old.makes);
	sh("rm -r s");
}

/* What a handle held open writes goes where the path leads now. */
static void
testwrites(void)
{
	struct certstore *store;
	const char *const a = "a";

	sh("cp -a template s");
	store = openstore("s", CERTSTORE_OPEN_WRITE);
	sh("mv s away; cp -a other s");
	addc(store);
	ok(err.code == CERTSTORE_ECHANGED, "c is there by now: %s", err.msg);
	ok(put(store, "d", 0, "cert of d", "san dns d.example.com\n") == 0,
	    "another is made");
	sh("test -e s/certs/d && ! test -e away/certs/d");
	is_int(certstore_remove(store, &a, 1, CERTSTORE_REMOVE_FORCE, NULL,
		   NULL, &err),
	    1, "one removed");
	sh("! test -e s/certs/a && test -e away/certs/a");
	sh("rm -r s");
	ok(put(store, "d", 0, "cert of d", "san dns d.example.com\n") == -1 &&
		err.code == CERTSTORE_ENOSTORE,
	    "not where there is no store any more: %s", err.msg);
	sh("! test -e s");
	certstore_close(store);
	sh("rm -r away");
}

/* An entry is of one store: of another nothing is read for it. */
static void
testentry(void)
{
	struct certstore_entry *entry;
	struct cs_buf buf = { 0 };
	struct certstore *store;

	sh("cp -a template s");
	store = openstore("s", 0);
	entry = certstore_entry_get(store, "a", &err);
	ok(cs_entry_read(entry, CS_FULLCHAIN, &buf, &err) == 1, "read");
	sh("mv s away; cp -a other s");
	ok(cs_entry_read(entry, CS_FULLCHAIN, &buf, &err) == 1 &&
		strcmp(buf.p, "cert of a") == 0,
	    "what was open stays as it was");
	certstore_entry_free(certstore_entry_get(store, "a", &err));
	ok(cs_entry_read(entry, CS_FULLCHAIN, &buf, &err) == -1 &&
		err.code == CERTSTORE_ECHANGED,
	    "the store is another: %s", err.msg);
	cs_buf_free(&buf);
	certstore_entry_free(entry);
	certstore_close(store);
	sh("rm -r s away");
}

/* What makes certificates, and what judges them, in a store that is replaced. */
static struct certstore_template *template(const char *san, int ca)
{
	struct certstore_template *t;

	if ((t = certstore_template_new(&err)) == NULL ||
	    (ca && certstore_template_set_ca(t, &err) == -1) ||
	    (san != NULL && certstore_template_add_san(t, san, &err) == -1))
		bail("%s", err.msg);
	return t;
}

static void
make(struct certstore *store, const char *name, const char *san, int ca)
{
	struct certstore_template *t = template(san, ca);

	if (!ca && certstore_template_set_issuer(t, "ca", &err) == -1)
		bail("%s", err.msg);
	(void)certstore_create(store, name, t, 0, NULL, &err);
	certstore_template_free(t);
}

static void
makeca(struct certstore *store)
{
	make(store, "ca", NULL, 1);
	make(store, "www", "www.example.com", 0);
}

/* The same, and the CA is trusted. */
static void
maketrust(struct certstore *store)
{
	struct certstore_entry *entry;
	struct certstore_trust *trust;
	char *pem = NULL;
	size_t len;

	makeca(store);
	entry = certstore_entry_get(store, "ca", &err);
	trust = certstore_trust_new(store, NULL, CERTSTORE_TRUST_FORCE, &err);
	if (entry == NULL || trust == NULL ||
	    certstore_entry_part(entry, "cert", &pem, &len, &err) != 1 ||
	    certstore_trust_add(trust, "ca", pem, len, &err) == -1 ||
	    certstore_trust_commit(trust, &err) != 1)
		err.code = CERTSTORE_EREFUSED;
	free(pem);
	certstore_trust_free(trust);
	certstore_entry_free(entry);
}

static int
verified(struct certstore *store, struct certstore_verify *v)
{
	struct certstore_entry *entry;
	int rv = -2;

	if ((entry = certstore_entry_get(store, "www", &err)) != NULL)
		rv = certstore_verify_entry(v, entry, &err);
	certstore_entry_free(entry);
	return rv;
}

static void
testmakers(void)
{
	struct certstore *store, *from;
	struct certstore_entry *entry;
	struct certstore_import *im;
	struct certstore_template *t;
	struct certstore_trust *trust;
	struct certstore_verify *v;
	struct cs_buf pair = { 0 };

	writer("s", makeca);
	writer("two", maketrust);
	writer("from", makeca);
	from = openstore("from", 0);
	entry = certstore_entry_get(from, "www", &err);
	if (cs_entry_read(entry, CS_COMBINED, &pair, &err) != 1)
		bail("%s", err.msg);
	certstore_entry_free(entry);
	certstore_close(from);

	store = openstore("s", CERTSTORE_OPEN_WRITE);
	t = template("n.example.com", 0);
	im = certstore_import_new(store, 0, &err);
	trust = certstore_trust_new(store, NULL, 0, &err);
	v = certstore_verify_new(store, &err);
	ok(certstore_import_set_name(im, "new", &err) == 0 &&
		certstore_import_add(im, "in", pair.p, pair.len, &err) == 0 &&
		certstore_import_plan(im, &err) == 0,
	    "planned: %s", err.msg);
	is_int(certstore_trust_has(trust, "ca", &err), 0, "not trusted");
	is_int(verified(store, v), -1, "no anchors: %s", err.msg);

	sh("mv s away; mv two s");
	is_int(certstore_import_commit(im, &err), 1, "imported: %s", err.msg);
	is_int(certstore_create(store, "n", t, 0, NULL, &err), 1, "made: %s",
	    err.msg);
	is_int(certstore_create(store, "n", t, CERTSTORE_CREATE_IFNEEDED, NULL,
		   &err),
	    0, "once: %s", err.msg);
	sh("test -e s/certs/n && test -e s/certs/new");
	sh("test ! -e away/certs/n && test ! -e away/certs/new");
	is_int(certstore_trust_has(trust, "ca", &err), 1, "trusted");
	is_int(verified(store, v), 1, "good: %s", err.msg);
	is_int(certstore_verify_set_time(v, 0, &err), 0, "in 1970");
	is_int(verified(store, v), 0, "it is not yet valid");
	is_int(certstore_verify_set_time(v, CERTSTORE_NOW, &err), 0, "now");
	is_int(verified(store, v), 1, "it is good again: %s", err.msg);

	sh("rm -r s");
	is_int(certstore_trust_has(trust, "ca", &err), -1, "nobody knows: %s",
	    err.msg);
	is_int(certstore_create(store, "n", t, CERTSTORE_CREATE_DRYRUN, NULL,
		   &err),
	    -1, "nowhere: %s", err.msg);
	is_int(err.code, CERTSTORE_ENOSTORE, "the store is gone");
	sh("mv away s");
	is_int(certstore_create(store, "n", t, CERTSTORE_CREATE_IFNEEDED, NULL,
		   &err),
	    1, "made in the one that was put back: %s", err.msg);
	is_int(certstore_trust_has(trust, "ca", &err), 0, "not trusted there");
	is_int(verified(store, v), -1, "no anchors there: %s", err.msg);
	certstore_verify_free(v);
	certstore_trust_free(trust);
	certstore_import_free(im);
	certstore_template_free(t);
	certstore_close(store);
	cs_buf_free(&pair);
	sh("rm -r s from");
}

enum taker { OPEN, MATCH, REMOVE, CREATE, IMPORT, TRUST, NTAKER };

/* Calls one function that takes flags: 0, or -1 if it failed. */
static int
takeflags(struct certstore *store, struct certstore_template *t,
    enum taker taker, int flags)
{
	const char *const none = "none";
	struct certstore_import *im = NULL;
	struct certstore_match *match = NULL;
	struct certstore_trust *trust = NULL;
	struct certstore *again = NULL;
	int rv = -1;

	switch (taker) {
	case OPEN:
		again = openstore("s", flags);
		break;
	case MATCH:
		match = certstore_match_new(store, 0, NULL, flags, &err);
		break;
	case REMOVE:
		rv = certstore_remove(store, &none, 1, flags, NULL, NULL, &err);
		break;
	case CREATE:
		rv = certstore_create(store, "n", t, flags, NULL, &err);
		break;
	case IMPORT:
		im = certstore_import_new(store, flags, &err);
		break;
	default:
		trust = certstore_trust_new(store, NULL, flags, &err);
		break;
	}
	if (again != NULL || match != NULL || im != NULL || trust != NULL)
		rv = 0;
	certstore_close(again);
	certstore_match_free(match);
	certstore_import_free(im);
	certstore_trust_free(trust);
	return rv == -1 ? -1 : 0;
}

/* A flag of another function, or of none, is refused. */
static void
testflags(void)
{
	static const int own[NTAKER] = {
		[OPEN] = CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE,
		[MATCH] = CERTSTORE_MATCH_FALLBACK | CERTSTORE_MATCH_WINNER,
		[REMOVE] = CERTSTORE_REMOVE_FORCE | CERTSTORE_REMOVE_DRYRUN,
		[CREATE] = CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_DRYRUN |
		    CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_REQUEST,
		[IMPORT] = CERTSTORE_IMPORT_FORCE | CERTSTORE_IMPORT_DRYRUN |
		    CERTSTORE_IMPORT_IFNEEDED,
		[TRUST] = CERTSTORE_TRUST_FORCE | CERTSTORE_TRUST_DRYRUN,
	};
	struct certstore_template *t = template("n.example.com", 0);
	struct certstore *store;
	int bit, i;

	sh("cp -a template s");
	store = openstore("s", CERTSTORE_OPEN_WRITE);
	for (i = 0; i < NTAKER; i++) {
		is_int(takeflags(store, t, (enum taker)i, own[i]), 0,
		    "its own flags: %s", err.msg);
		for (bit = 0; bit < 32; bit++)
			if (((unsigned int)own[i] & 1u << bit) == 0 &&
			    (takeflags(store, t, (enum taker)i,
				 (int)(1u << bit)) != -1 ||
				err.code != CERTSTORE_EARGUMENT))
				ok(0, "function %d takes flag %d: %s", i, bit,
				    err.msg);
	}
	certstore_template_free(t);
	certstore_close(store);
	sh("rm -r s");
}

int
main(void)
{
	makescratch();
	is_str(certstore_version(), CERTSTORE_VERSION, "the version");
	writer("template", fill);
	sh("ln -s certs/a template/default");
	writer("other", addc);
	writer("other", fill);
	writer("other", removeb);
	sh("ln -s certs/c other/default");
	testchanges(0);
	testchanges(4);
	testmonths();
	testmade();
	testwrites();
	testentry();
	testmakers();
	testflags();
	removescratch();
	return tap_done();
}
