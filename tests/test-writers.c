/*
 * test-writers.c: two writers where the second one does not see the lock of the
 * first, because .lock was removed or replaced, or locks do not work between
 * hosts.  The second one writes in the progress callback of the first.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "tap.h"
#include "scratch.h"

/* What else happens, once, when that is about to be done. */
static struct {
	const char *when;
	const char *cmd;   /* in the directory of the store */
	const char *after; /* and once the other one is done, or NULL */
	const char *name;  /* what the other one writes, or NULL */
	int happened;
	int rv;
} other;

static unsigned long
gennow(struct certstore *store, const char *name)
{
	struct certstore_entry entry = { 0 };
	unsigned long gen;

	gen = cs_entry_load(store, name, &entry, &err) == 0 ? entry.info.gen :
							      0;
	cs_entry_done(&entry);
	return gen;
}

static void
comebetween(void *arg, const char *what, size_t done, size_t total)
{
	struct certstore_error mine = err;
	struct certstore *store;

	(void)arg;
	(void)done;
	(void)total;
	if (other.happened || strcmp(what, other.when) != 0)
		return;
	other.happened = 1;
	sh(other.cmd);
	if (other.name == NULL)
		return;
	store = opened(CERTSTORE_OPEN_WRITE);
	other.rv = put(store, other.name, gennow(store, other.name), "theirs",
	    "san dns theirs.example\n");
	if (other.rv == -1)
		printf("# the other writer: %s\n", err.msg);
	certstore_close(store);
	if (other.after != NULL)
		sh(other.after);
	err = mine;
}

/* Is the entry there, with its certificate, and found by its host? */
static int
iswhole(struct certstore *store, const char *name, const char *cert,
    const char *host)
{
	struct certstore_entry entry = { 0 };
	struct cs_buf key = { 0 };
	struct cs_strings names;
	size_t i;
	int rv = 0;

	if (cs_entry_load(store, name, &entry, &err) == 0 &&
	    strcmp(entry.info.fingerprint, cert) == 0 &&
	    cs_entry_read(&entry, CS_PRIVKEY, &key, &err) == 1 &&
	    cs_search_index(store, "host", host, &names) == 0) {
		for (i = 0; i < names.n; i++)
			rv |= strcmp(names.v[i], name) == 0;
		cs_strings_free(&names);
	}
	cs_buf_free(&key);
	cs_entry_done(&entry);
	return rv;
}

/* Runs it; is it true? */
static int
istrue(const char *cmd)
{
	char line[512];

	snprintf(line, sizeof(line), "cd '%s' && %s", root, cmd);
	return system(line) == 0;
}

#define DANGLES \
	"! find store/certs store/combined -xtype l |" \
	" sed 's/^/# dangles: /' | grep ."
#define LEFT \
	"! find store/.pending store/certs -name '*@link' -o" \
	" -path '*/.pending/*' | sed 's/^/# left: /' | grep ."
#define GONE \
	"! find store/certs store/combined -name '.a@*' -o -name a.pem | grep ."
#define CLEAR "rm -rf store gone copy tar .lock"

/* What is there once both are done; was: what "a" was before, or NULL. */
static const char *
flaw(const char *was, int removal)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	const char *flaw = NULL;
	int round;

	for (round = 0; round < 2 && flaw == NULL; round++) {
		if (!istrue(DANGLES))
			flaw = "a link dangles";
		else if (other.name != NULL &&
		    !iswhole(store, other.name, "theirs", "theirs.example"))
			flaw = "the other one's entry is lost";
		else if (gennow(store, "a") == 0 && was != NULL && !removal)
			flaw = "what was there before is lost";
		else if (round == 1 && gennow(store, "a") == 0 && !istrue(GONE))
			flaw = "a key of what is gone is left";
		else if (gennow(store, "a") != 0 &&
		    !iswhole(store, "a", "theirs", "theirs.example") &&
		    !iswhole(store, "a", "mine", "mine.example") &&
		    (was == NULL || !iswhole(store, "a", was, "old.example")))
			flaw = "half an entry is left";
		else if (round == 1 && !istrue(LEFT))
			flaw = "something is left";
		/* then the same once the next writer was there */
		if (flaw == NULL && round == 0 &&
		    put(store, "next", 0, "next", "") == -1)
			flaw = err.msg;
	}
	certstore_close(store);
	return flaw;
}

static const struct {
	const char *label, *cmd, *after;
} ways[] = { { ".lock removed", "rm store/.lock", NULL },
	{ "a lock of another host", "mv store/.lock .lock",
	    "mv -f .lock store/.lock" },
	{ "another store in its place",
	    "tar -cf tar store && mv store gone && tar -xf tar", NULL },
	{ "certs/ put back",
	    "tar -cf tar store && rm -r store/certs && tar -xf tar", NULL } };
static const char *const names[] = { "a", "b", NULL };

/* Both wrote, and the first was told; mine: unless it had been done. */
static const char *
result(int rv, int mine)
{
	if (!other.happened)
		return "not reached";
	if (other.rv == -1)
		return "the other one failed";
	if (rv != -1)
		return mine ? NULL : "done";
	/* a directory that is gone is not there to be written into */
	return err.code == CERTSTORE_EBUSY ||
		(err.code == CERTSTORE_ESYSTEM && strstr(other.cmd, "certs")) ?
	    NULL :
	    err.msg;
}

static void
await(struct certstore *store, const char *when, size_t way, const char *name)
{
	other.when = when;
	other.cmd = ways[way].cmd;
	other.after = ways[way].after;
	other.name = name;
	other.happened = other.rv = 0;
	certstore_set_progress(store, comebetween, NULL);
}

/* A writer of "a", which may have been there before. */
static void
testputs(void)
{
	static const char *const phases[] = { "writing", "waiting for the disk",
		"switching", "finishing" };
	struct certstore *store;
	size_t i, j, k;
	const char *why;
	int old, rv;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (j = 0; j < 4; j++)
			for (k = 0; k < 6; k++) {
				old = k >= 3;
				sh(CLEAR);
				store = opened(CERTSTORE_OPEN_CREATE);
				put(store, "z", 0, "z", "");
				if (old)
					put(store, "a", 0, "old",
					    "san dns old.example\n");
				await(store, phases[j], i, names[k % 3]);
				rv = put(store, "a", gennow(store, "a"), "mine",
				    "san dns mine.example\n");
				certstore_close(store);
				why = result(rv, j == 3 && i == 1);
				if (why == NULL)
					why = flaw(old ? "old" : NULL, 0);
				ok(why == NULL, "%s, %s: %s, other: %s%s%s",
				    ways[i].label, phases[j],
				    old ? "replaced" : "new",
				    names[k % 3] == NULL ? "none" :
							   names[k % 3],
				    why == NULL ? "" : ": ",
				    why == NULL ? "" : why);
			}
}

static void
testremovals(void)
{
	static const char *const phases[] = { "waiting for the disk",
		"switching", "removing" };
	struct certstore *store;
	const char *name = "a", *why;
	size_t i, j, k;
	int rv;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (j = 0; j < 3; j++)
			for (k = 0; k < 3; k++) {
				sh(CLEAR);
				store = opened(CERTSTORE_OPEN_CREATE);
				put(store, "z", 0, "z", "");
				put(store, "a", 0, "older", "");
				put(store, "a", 1, "old",
				    "san dns old.example\n");
				await(store, phases[j], i, names[k]);
				cs_error_clear(&err);
				rv = cs_unlink_entries(store, &name, 1, NULL,
					 &err) == 1 ?
				    0 :
				    -1;
				certstore_close(store);
				why = result(rv, 0);
				if (why == NULL)
					why = flaw("old", 1);
				ok(why == NULL, "%s, %s, other: %s%s%s",
				    ways[i].label, phases[j],
				    names[k] == NULL ? "none" : names[k],
				    why == NULL ? "" : ": ",
				    why == NULL ? "" : why);
			}
}

/* A new store whose entry has two generations, and where the command is run when
 * a writer says this. */
static struct certstore *
contested(const char *when, const char *cmd)
{
	struct certstore *store;

	sh(CLEAR);
	store = opened(CERTSTORE_OPEN_CREATE);
	put(store, "a", 0, "older", "");
	put(store, "a", 1, "old", "san dns old.example\n");
	await(store, when, 0, NULL);
	other.cmd = cmd;
	return store;
}

/* Steps of a writer that removes what another one wrote, without the lock. */
static void
teststeps(void)
{
	static const struct {
		const char *when, *cmd, *left, *label;
	} steps[] = {
		{ "waiting for the disk",
		    "rm -r store/certs/.a@3; ln -s .a@3 store/certs/.a@link",
		    "[ \"$(readlink store/certs/a)\" = .a@2 ] && "
		    "[ ! -L store/certs/.a@link ]",
		    "a link that was made aside" },
		{ "finishing", "rm -r store/certs/.a@3",
		    "[ \"$(readlink store/certs/a)\" = .a@2 ] && "
		    "[ -s store/certs/a/privkey.pem ]",
		    "back to what was there before" },
		{ "finishing", "rm -r store/certs/.a@[23]",
		    "[ ! -L store/certs/a ] && [ ! -L store/combined/a.pem ]",
		    "nothing is there to go back to" },
	};
	struct certstore *store;
	size_t i;
	int rv;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		store = contested(steps[i].when, steps[i].cmd);
		rv = put(store, "a", 2, "mine", "san dns mine.example\n");
		ok(rv == -1 && err.code == CERTSTORE_EBUSY &&
			istrue(steps[i].left) && istrue(DANGLES),
		    "%s", steps[i].label);
		certstore_close(store);
	}
}

/* A writer without the lock whose intent, or link, is there before a removal's. */
static void
testtaken(void)
{
	static const struct {
		const char *when, *cmd, *label;
	} steps[] = {
		{ "checking", "ln -s .a@3 store/.pending/a", "its intent" },
		{ "switching", "ln -sfn .a@1 store/certs/a", "its link" },
	};
	static const char *const twice[] = { "a", "a" };
	struct certstore *store;
	size_t i;
	int rv;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		store = contested(steps[i].when, steps[i].cmd);
		rv = certstore_remove(store, twice, 1, 0, NULL, NULL, &err);
		ok(rv == -1 && err.code == CERTSTORE_EBUSY &&
			gennow(store, "a") != 0 && istrue(DANGLES),
		    "a removal finds %s", steps[i].label);
		certstore_close(store);
	}
	sh(CLEAR);
	store = opened(CERTSTORE_OPEN_CREATE);
	put(store, "a", 0, "old", "");
	is_int(certstore_remove(store, twice, 2, 0, NULL, NULL, &err), 1,
	    "one that is given twice is removed once: %s", err.msg);
	put(store, "a", 0, "c", "kind ca\n");
	is_int(certstore_remove(store, twice, 1, 0, NULL, NULL, &err), 1,
	    "a CA whose record has no subject: %s", err.msg);
	ok(istrue(GONE), "nothing is left");
	certstore_close(store);
}

/* Two entries that are written together, and another writer of many. */
static void
testmany(void)
{
#define MARK "store/.pending/@@switched"
	static const struct {
		const char *when, *cmd, *left, *label;
	} steps[] = {
		{ "writing", "mkdir store/certs/.a@1",
		    "[ ! -L store/certs/a ] && [ ! -L store/certs/c ]",
		    "its generation is there" },
		{ "waiting for the disk", "ln -s . " MARK, "[ -L " MARK " ]",
		    "its mark stays" },
		{ "switching", "rm store/.lock", "[ ! -L " MARK " ]",
		    "the mark of the one that gives up goes" },
	};
	struct certstore *store;
	struct cs_put puts[2];
	const char *why;
	size_t i;
	int rv;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		sh(CLEAR);
		store = opened(CERTSTORE_OPEN_CREATE);
		put(store, "z", 0, "z", "");
		prepare(&puts[0], store, "a", 0, "mine",
		    "san dns mine.example\n");
		prepare(&puts[1], store, "c", 0, "more",
		    "san dns more.example\n");
		await(store, steps[i].when, 0, NULL);
		other.cmd = steps[i].cmd;
		rv = cs_write_entries(store, puts, 2, &err);
		ok(rv == -1 && err.code == CERTSTORE_EBUSY &&
			istrue(steps[i].left),
		    "another writer of many: %s", steps[i].label);
		cs_put_free(&puts[0]);
		cs_put_free(&puts[1]);
		certstore_close(store);
		why = flaw(NULL, 0);
		ok(why == NULL, "what is there then%s%s",
		    why == NULL ? "" : ": ", why == NULL ? "" : why);
	}
}

int
main(void)
{
	makescratch();
	testputs();
	testremovals();
	teststeps();
	testtaken();
	testmany();
	removescratch();
	return tap_done();
}
