/*
 * test-store.c: lib/store without real certificates: what writing, removal,
 * recovery and repair leave on disk.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"
#include "tap.h"
#include "scratch.h"

static int
exists(const char *file)
{
	struct stat st;

	return lstat(path("%s", file), &st) == 0;
}

static const char *
text(const char *link)
{
	static char buf[4][256];
	static unsigned int turn;
	char *p = buf[turn++ % 4];
	ssize_t n;

	n = readlink(path("%s", link), p, 255);
	p[n == -1 ? 0 : n] = '\0';
	return p;
}

static int
found(struct certstore *store, const char *host, const char *expect)
{
	struct cs_strings names;
	char got[256] = "";
	size_t i;

	if (cs_search_index(store, "host", host, &names) == -1)
		return 0;
	for (i = 0; i < names.n; i++) {
		strcat(got, i > 0 ? " " : "");
		strcat(got, names.v[i]);
	}
	cs_strings_free(&names);
	if (strcmp(got, expect) != 0)
		printf("# %s: got \"%s\", expected \"%s\"\n", host, got,
		    expect);
	return strcmp(got, expect) == 0;
}

static long long
filesize(const char *file)
{
	struct stat st;

	return lstat(path("%s", file), &st) == -1 ? -1 : (long long)st.st_size;
}

static int
mode(const char *file)
{
	struct stat st;

	return lstat(path("%s", file), &st) == -1 ? -1 :
						    (int)(st.st_mode & 07777);
}

static void
testput(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	struct certstore_entry *entry;

	ok(!exists("store"), "opening makes nothing yet");
	umask(0);
	ok(put(store, "a", 0, "c1", "san dns A.example\n") == 0, "put");
	is_str(text("store/certs/a"), ".a@1", "one link to generation 1");
	is_int(mode("store/certs/a/../.a@1"), 0755, "directory 0755");
	is_int(mode("store/certs/a/privkey.pem"), 0600, "key 0600");
	is_int(mode("store/certs/a/combined.pem"), 0600, "combined 0600");
	is_int(mode("store/certs/a/fullchain.pem"), 0644, "chain 0644");
	is_int(mode("store/.lock"), 0600, "lock 0600");
	umask(077);
	is_str(text("store/combined/a.pem"), "../certs/a/combined.pem",
	    "combined");
	is_str(text("store/index/host/a.example"), "../../certs/a", "index");
	ok(put(store, "a", 0, "c2", "") == -1 && err.code == CERTSTORE_ECHANGED,
	    "another generation was seen");
	ok(put(store, "a", 1, "c2", "san dns b.example\n") == 0, "replace");
	is_int(mode("store/certs/a/fullchain.pem"), 0644, "umask 077");
	is_str(text("store/certs/a"), ".a@2", "generation 2");
	ok(exists("store/certs/.a@1/privkey.pem"), "generation 1 kept");
	ok(!exists("store/index/host/a.example"), "old name dropped");
	ok(put(store, "a", 2, "c2", "san dns b.example\n") == 0, "props only");
	ok(exists("store/certs/.a@1") && !exists("store/certs/.a@2"),
	    "kept is the newest whose certificate differs");
	ok(put(store, "a", 3, "c3", "") == 0, "again");
	ok(exists("store/certs/.a@3") && !exists("store/certs/.a@1"),
	    "only one is kept");
	entry = certstore_entry_get(store, "a", &err);
	ok(entry != NULL && entry->info.kept == 3 && entry->info.gen == 4,
	    "info knows");
	certstore_entry_free(entry);
	ok(!exists("store/.pending/a"), "no intent is left");
	certstore_close(store);
}

static int
removed(struct certstore *store, const char *name)
{
	cs_error_clear(&err);
	return cs_unlink_entries(store, &name, 1, NULL, &err) == 1;
}

/* Is that the size and time of a file? */
static int
isfile(const struct cs_written *key, const char *file)
{
	struct stat st;

	return lstat(path("%s", file), &st) == 0 && key->size == st.st_size &&
	    key->sec == st.st_mtim.tv_sec && key->nsec == st.st_mtim.tv_nsec;
}

/* info has size and time of the key files, and no reader judges them. */
static void
testkeyfiles(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_entry entry = { 0 };

	ok(put(store, "keys", 0, "k1", "") == 0 &&
		cs_entry_load(store, "keys", &entry, &err) == 0 &&
		isfile(&entry.info.privkey, "store/certs/keys/privkey.pem") &&
		isfile(&entry.info.combined, "store/certs/keys/combined.pem"),
	    "size and time of the files with a key");
	sh("touch -d 2020-01-01 store/certs/keys/*.pem");
	ok(cs_entry_load(store, "keys", &entry, &err) == 0 &&
		!isfile(&entry.info.privkey, "store/certs/keys/privkey.pem"),
	    "a copy with other times is read");
	sh("sed -i /^keyfile/d store/certs/keys/info");
	ok(cs_entry_load(store, "keys", &entry, &err) == 0 &&
		entry.info.privkey.size == 0,
	    "and an entry of an earlier version");
	cs_entry_done(&entry);
	is_int(removed(store, "keys"), 1, "removed");
	certstore_close(store);
}

/* Ends, and the directories that their links are in. */
static const struct ending {
	const char *name, *ends, *issuing, *sub;
} endings[] = {
	{ "n0", "-86401", NULL, "1969-12/30" },
	{ "n1", "-1", NULL, "1969-12/31" },
	{ "n2", "0", NULL, "1970-01/01" },
	{ "n3", "951868799", NULL, "2000-02/29" }, /* its last second */
	{ "n4", "951868800", NULL, "2000-03/01" },
	{ "n5", "4107542399", "1835395199", "2028-02/28" },
	{ "n6", "4107542399", "1835481599", "2028-02/29" },
	{ "n7", "1835481600", "4107542399", "2028-03/01" },
	{ "n8", "4107542400", NULL, "2100-03/01" }, /* no leap year */
	{ "n9", "253402300798", NULL, "9999-12/31" },
	{ "na", "253402300799", NULL, "never" },
	{ "nb", "999999999999", NULL, "never" },
};
#define NENDING (sizeof(endings) / sizeof(endings[0]))

static void
putending(struct certstore *store, const struct ending *e, unsigned long seen)
{
	char lines[256];

	snprintf(lines, sizeof(lines),
	    "kind server\nserves\nstarts -99999 x\nends %s x\n%s%s%s", e->ends,
	    e->issuing == NULL ? "" : "issuing ",
	    e->issuing == NULL ? "" : e->issuing,
	    e->issuing == NULL ? "" : " 00 CN=issuer\n");
	if (put(store, e->name, seen, e->name, lines) != 0)
		bail("%s: %s", e->name, err.msg);
}

/* The names that a list gives, and those that all entries give. */
static int
sameending(struct certstore *store, const struct certstore_span *within,
    int64_t now)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	char got[512] = "", all[512] = "";
	const char *which;
	int64_t when;

	if ((list = certstore_list_ending(store, within, now, &err)) == NULL)
		bail("%s", err.msg);
	while (certstore_list_next(list, &entry, &err) == 1)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), " %s",
		    certstore_entry_name(entry));
	certstore_list_free(list);
	list = certstore_list_new(store, &err);
	while (certstore_list_next(list, &entry, &err) == 1)
		if (certstore_entry_ends_within(entry, within, now, &which,
			&when) == 1)
			snprintf(all + strlen(all), sizeof(all) - strlen(all),
			    " %s", certstore_entry_name(entry));
	certstore_list_free(list);
	if (strcmp(got, all) != 0)
		printf("# got%s, expected%s\n", got, all);
	return strcmp(got, all) == 0;
}

static int
sameatall(struct certstore *store)
{
	static const int64_t times[] = { -86402, -86401, -2, -1, 0, 951868798,
		951868799, 951868800, 1835395198, 1835395199, 1835481599,
		1835481600, 4107542399, 4107542400, 253402300798,
		253402300799 };
	struct certstore_span at = { .type = CERTSTORE_SPAN_AT };
	struct certstore_span later = { .type = CERTSTORE_SPAN_FOR };
	struct certstore_span part = { .type = CERTSTORE_SPAN_PART,
		.num = 1,
		.den = 3 };
	size_t i;
	int same = 1;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		at.secs = times[i];
		later.secs = 0;
		same &= sameending(store, &at, 0) &&
		    sameending(store, &later, times[i]) &&
		    sameending(store, &part, times[i]);
		later.secs = CS_DAY;
		same &= sameending(store, &later, times[i]);
	}
	return same;
}

/* index/ends: by days in UTC, whatever the time zone is. */
/* Repairs all of the store: how many things there were, or -1. */
static int
repaired(int dry)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_repair *repair = certstore_repair_new(store, &err);
	int n;

	if (dry)
		certstore_repair_set_dryrun(repair);
	n = certstore_repair_run(repair, NULL, NULL, NULL, &err);
	certstore_repair_free(repair);
	certstore_close(store);
	return n;
}

static void
testends(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	const struct ending later = { "n3", "1835481600", NULL, "2028-03/01" };
	char file[64];
	size_t i;

	setenv("TZ", "Pacific/Kiritimati", 1);
	for (i = 0; i < NENDING; i++) {
		putending(store, &endings[i], 0);
		/* by way of the link */
		snprintf(file, sizeof(file), "store/index/ends/%s/%s/info",
		    endings[i].sub, endings[i].name);
		ok(exists(file), "%s: %s", endings[i].ends, endings[i].sub);
	}
	ok(sameatall(store), "a list by the index is that of all entries");
	putending(store, &later, 1);
	ok(exists("store/index/ends/2028-03/01/n3") &&
		!exists("store/index/ends/2000-02"),
	    "another end has another link, and an empty month is removed");
	sh("mkdir -p store/index/ends/1999-01/01;"
	   "ln -s ../../../../certs/n3 store/index/ends/1999-01/01/n3;"
	   "ln -s ../../../../certs/gone store/index/ends/1999-01/01/gone");
	ok(sameatall(store), "a stale link leads to nothing that is not true");
	sh("rm -r store/index/ends");
	ok(sameatall(store), "without it all entries are read");
	ok(put(store, "next", 0, "next", "") == 0 && repaired(0) > 0 &&
		exists("store/index/ends/2028-03/01/n3") &&
		exists("store/index/ends/never/na"),
	    "a repair makes it again");
	ok(sameatall(store), "again by the index");
	for (i = 0; i < NENDING; i++)
		ok(removed(store, endings[i].name), "%s removed",
		    endings[i].name);
	ok(removed(store, "next") && exists("store/index/ends") &&
		!exists("store/index/ends/never"),
	    "nothing is left but the directory");
	unsetenv("TZ");
	certstore_close(store);
}

/* The log as an audit reads it: which generations it tells of. */
static void
testlog(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_entry one = { 0 }, two = { 0 };
	struct cs_logtold told;

	if (put(store, "l1", 0, "l1", "") != 0 ||
	    put(store, "l2", 0, "l2", "") != 0 ||
	    put(store, "l2", 1, "l3", "") != 0 ||
	    cs_entry_load(store, "l1", &one, &err) == -1 ||
	    cs_entry_load(store, "l2", &two, &err) == -1)
		bail("%s", err.msg);
	sh("sed -i '1s/:\"20../:\"1999/' store/log");
	ok(cs_log_load(store, &told, &err) == 1 &&
		!cs_log_lacks(store, &told, &one.info) &&
		!cs_log_lacks(store, &told, &two.info),
	    "each change has a line");
	cs_log_done(&told);
	sh("sed -i '/\"l2\",\"generation\":2/d' store/log");
	ok(cs_log_load(store, &told, &err) == 1 &&
		!cs_log_lacks(store, &told, &one.info) &&
		cs_log_lacks(store, &told, &two.info),
	    "one has none");
	if (put(store, "l2", 2, "l4", "") != 0 ||
	    cs_entry_load(store, "l2", &two, &err) == -1)
		bail("%s", err.msg);
	ok(!cs_log_lacks(store, &told, &two.info),
	    "what another writer did meanwhile has its line");
	cs_log_done(&told);
	sh("sed -i '/\"l2\",\"generation\":3/d' store/log");
	sh("sed -i '1s/:\"1999/:\"2999/' store/log");
	ok(cs_log_load(store, &told, &err) == 1 &&
		!cs_log_lacks(store, &told, &two.info),
	    "what was made before a log began is not missed");
	cs_log_done(&told);
	sh("sed -i 1d store/log; printf 'x%0100000d' 1 >>store/log");
	ok(cs_log_load(store, &told, &err) == 1 && told.n >= 1,
	    "the first line counts, and one that is too long is skipped");
	cs_log_done(&told);
	sh(": >store/log");
	is_int(cs_log_load(store, &told, &err), 0, "nothing is in it");
	sh("rm store/log");
	is_int(cs_log_load(store, &told, &err), 0, "there is none");
	sh("ln -s /etc/passwd store/log");
	ok(cs_log_load(store, &told, &err) == -1 &&
		err.code == CERTSTORE_ESYSTEM,
	    "a link is not followed");
	sh("rm store/log");
	cs_entry_done(&one);
	cs_entry_done(&two);
	ok(removed(store, "l1") && removed(store, "l2"), "removed");
	certstore_close(store);
}

static void
testshared(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	const char *x = "san dns x.example\nsan ip 192.0.2.1\n";

	put(store, "b", 0, "b1", x);
	put(store, "c", 0, "k1", x);
	put(store, "d", 0, "d1", x);
	is_str(text("store/index/host/x.example"), "../../certs/b",
	    "who came first has the plain link");
	ok(exists("store/index/host/x.example@/c") &&
		exists("store/index/host/x.example@/d"),
	    "the others are in a directory");
	ok(found(store, "x.example", "b c d"), "all candidates");
	ok(found(store, "192.0.2.1", "b c d"), "also for an address");
	ok(put(store, "c", 1, "k2", "san dns y.example\n") == 0, "one leaves");
	ok(found(store, "x.example", "b d"), "the others stay");
	ok(removed(store, "b"), "one is removed");
	ok(found(store, "x.example", "d"), "the last stays");
	ok(removed(store, "d"), "the last is removed");
	ok(found(store, "x.example", ""), "nothing found");
	ok(!exists("store/index/host/x.example@"), "and no directory left");
	ok(removed(store, "c"), "the third, too");
	certstore_close(store);
}

static void
testhostile(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_entry *entry;

	ok(put(store, "e", 0, "e1",
	       "san dns ../../certs/a\n"
	       "san dns .hidden\nsan dns a/b\nsan ip ../x\n") == 0,
	    "names that are no names");
	is_str(text("store/certs/a"), ".a@4", "the victim is untouched");
	ok(!exists("store/index/host/.hidden"), "no hidden name");
	ok(!exists("store/index/x"), "nothing outside index/host");
	ok(removed(store, "e"), "and removed again");
	ok(exists("store/certs/a/info"), "the victim is there");
	ok(certstore_entry_get(store, "../a", &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "no path as a name");
	sh("ln -s ../../elsewhere store/certs/f");
	ok(certstore_entry_get(store, "f", &err) == NULL &&
		err.code == CERTSTORE_EDAMAGED,
	    "a link that leads elsewhere");
	sh("rm store/certs/f; ln -s .g@7 store/certs/g");
	ok(certstore_entry_get(store, "g", &err) == NULL &&
		err.code == CERTSTORE_EDAMAGED,
	    "a dangling link");
	ok(removed(store, "g") && !exists("store/certs/g"),
	    "which can be removed");
	sh("echo x >>store/certs/.a@4/fullchain.pem");
	ok(certstore_entry_get(store, "a", &err) == NULL &&
		strstr(err.msg, "changed by hand") != NULL,
	    "changed by hand");
	sh("printf c3 >store/certs/.a@4/fullchain.pem");
	entry = certstore_entry_get(store, "a", &err);
	ok(entry != NULL, "changed back");
	certstore_entry_free(entry);
	sh("rm store/certs/.a@4/info; mkfifo store/certs/.a@4/info");
	ok(certstore_entry_get(store, "a", &err) == NULL &&
		err.code == CERTSTORE_EDAMAGED,
	    "a FIFO in place of info");
	ok(removed(store, "a"), "removed without its info");
	ok(!exists("store/certs/.a@4") && !exists("store/certs/.a@3") &&
		found(store, "b.example", ""),
	    "nothing of it is left");
	certstore_close(store);
}

static void
testintents(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);

	put(store, "p", 0, "p1", "san dns p.example\n");
	put(store, "p", 1, "p2", "san dns p.example\nsan dns q.example\n");
	/* killed before the switch */
	sh("ln -s .p@3 store/.pending/p; cp -a store/certs/.p@2 "
	   "store/certs/.p@3; rm store/certs/.p@3/info; "
	   "sed -e 's/^generation.*/generation 3/' -e 's/q.example/r.example/'"
	   " store/certs/.p@2/info >store/certs/.p@3/info; "
	   "ln -s ../../certs/p store/index/host/r.example");
	ok(cs_lock_take(store, &err) == 0, "lock: %s", err.msg);
	cs_lock_release(store);
	ok(!exists("store/certs/.p@3"), "what was not switched is taken back");
	ok(found(store, "r.example", "") && found(store, "q.example", "p"),
	    "with its index links");
	is_str(text("store/certs/p"), ".p@2", "the entry is the old one");
	/* killed behind the switch */
	sh("ln -s .p@2 store/.pending/p; rm store/combined/p.pem; "
	   "ln -s .p@9 store/certs/.p@link");
	ok(cs_lock_take(store, &err) == 0, "lock: %s", err.msg);
	cs_lock_release(store);
	ok(exists("store/combined/p.pem"), "combined/ is finished");
	ok(!exists("store/certs/.p@link"), "no temporary link is left");
	ok(!exists("store/.pending/p"), "nor the intent");
	/* the same, and its info is damaged since */
	sh("ln -s .p@2 store/.pending/p; cp store/certs/p/info info; "
	   "echo x >store/certs/p/info");
	ok(cs_lock_take(store, &err) == 0, "lock: %s", err.msg);
	cs_lock_release(store);
	ok(!exists("store/.pending/p") && exists("store/certs/p/privkey.pem"),
	    "what is damaged stays as it is");
	sh("cat info >store/certs/p/info");
	/* a lost link: the generation is not named by an intent */
	sh("rm store/certs/p");
	ok(cs_lock_take(store, &err) == 0, "lock: %s", err.msg);
	cs_lock_release(store);
	ok(exists("store/certs/.p@2/privkey.pem"), "the only key stays");
	ok(put(store, "p", 0, "p3", "") == 0, "the name can be made anew");
	is_str(text("store/certs/p"), ".p@3", "N is never used again");
	/* killed while removing */
	sh("ln -s .p@3/rm store/.pending/p; rm store/certs/p");
	ok(cs_lock_take(store, &err) == 0, "lock: %s", err.msg);
	cs_lock_release(store);
	ok(!exists("store/certs/.p@3") && !exists("store/combined/p.pem"),
	    "a removal is finished");
	ok(!exists("store/certs/.p@2"), "nothing of the name is left");
	certstore_close(store);
}

/* Takes the lock, which recovers what is there. */
static int
recovers(struct certstore *store)
{
	if (cs_lock_take(store, &err) == -1)
		return 0;
	cs_lock_release(store);
	sh("find store/.pending -mindepth 1 >pending");
	return filesize("pending") == 0;
}

/* What was in .pending/, in any state that a writer or a hand can leave. */
static void
testrecovery(void)
{
	struct certstore *store;

	sh("rm -rf store");
	store = opened(CERTSTORE_OPEN_CREATE);
	put(store, "u", 0, "u1", "san dns u.example\n");
	put(store, "v", 0, "v1", "san dns v.example\n");
	put(store, "w", 0, "w1", "san dns w.example\n");
	sh(": >store/.pending/junk~; ln -s x store/.pending/@nosuch;"
	   " ln -s x store/.pending/..q; ln -s .u@1 store/.pending/u");
	ok(recovers(store), "what is no intent goes: %s", err.msg);
	sh("for i in u v; do cp -a store/certs/.$i@1 store/certs/.$i@2;"
	   " sed -e 's/^generation.*/&\\nbefore 1/; s/^generation 1/generation 2/'"
	   " store/certs/.$i@1/info >store/certs/.$i@2/info;"
	   " ln -s .$i@2 store/.pending/$i; done");
	sh("cp -a store halfway; ln -sfn .u@2 store/certs/u;"
	   " : >store/.pending/@@switched; : >store/.pending/junk~");
	ok(recovers(store), "all were to be switched: %s", err.msg);
	is_str(text("store/certs/u"), ".u@2", "the first was");
	is_str(text("store/certs/v"), ".v@2", "the second is now");
	ok(!exists("store/certs/.v@1"), "what it replaced goes");
	certstore_close(store);
	sh("rm -rf store; mv halfway store; : >store/.lock");
	store = opened(CERTSTORE_OPEN_WRITE);
	sh("cp -P store/.pending/u store/.pending/u@taken");
	ok(recovers(store), "none was, one intent was taken: %s", err.msg);
	is_str(text("store/certs/u"), ".u@1", "the first is as it was");
	is_str(text("store/certs/v"), ".v@1", "so is the second");
	ok(!exists("store/certs/.u@2") && !exists("store/certs/.v@2"),
	    "what was written goes");
	sh("rm store/certs/u; ln -s .u@1/mend store/.pending/u");
	ok(recovers(store), "a link was to be made again: %s", err.msg);
	is_str(text("store/certs/u"), ".u@1", "it is");
	sh("rm store/certs/w; cp -a store/certs/.w@1 store/certs/w;"
	   " ln -s .w@1 store/.pending/w; ln -s .w@2 store/.pending/w@rm");
	ok(recovers(store) && exists("store/certs/.w@1/privkey.pem") &&
		exists("store/certs/w/privkey.pem"),
	    "a directory in the place of a link stays: %s", err.msg);
	certstore_close(store);
	sh("rm -rf store");
}

static void
testcopies(void)
{
	static const char *const ways[] = { "follow", "drop" };
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_list *list;
	const struct certstore_entry *entry;
	char names[64];
	size_t i;

	put(store, "s", 0, "s1", "san dns s.example\n");
	put(store, "s", 1, "s2", "san dns s.example\n");
	put(store, "t", 0, "t1", "san dns t.example\n");
	sh("ln -s certs/t store/default");
	certstore_close(store);
	sh("mv store original");
	for (i = 0; i < 2; i++) {
		sh("rm -rf store");
		if (i == 0)
			sh("cp -RLp original store 2>/dev/null || :");
		else
			sh("cp -Rp original store; "
			   "find store -type l -exec rm {} +");
		store = opened(CERTSTORE_OPEN_WRITE);
		ok(certstore_list_new(store, &err) == NULL &&
			err.code == CERTSTORE_EDAMAGED,
		    "%s: a reader stops: %s", ways[i], err.msg);
		ok(put(store, "u", 0, "u1", "") == -1 &&
			err.code == CERTSTORE_EDAMAGED,
		    "%s: so does a writer", ways[i]);
		ok(repaired(1) > 2, "%s: told what is to be done", ways[i]);
		ok(i == 0 || !exists("store/.links"), "%s: nothing is done",
		    ways[i]);
		ok(repaired(0) > 2, "%s: repaired: %s", ways[i], err.msg);
		ok(repaired(0) == 0, "%s: once", ways[i]);
		names[0] = '\0';
		list = certstore_list_new(store, &err);
		while (certstore_list_next(list, &entry, &err) == 1) {
			strcat(names, certstore_entry_name(entry));
			strcat(names, certstore_entry_fingerprint(entry));
		}
		certstore_list_free(list);
		is_str(names, "ss2tt1", "%s: it can be listed", ways[i]);
		ok(found(store, "s.example", "s"), "%s: and asked", ways[i]);
		ok(put(store, "u", 0, "u1", "") == 0, "%s: a writer", ways[i]);
		is_str(text("store/certs/s"), ".s@2", "%s: links", ways[i]);
		is_str(text("store/certs/t"), ".t@1", "%s: both", ways[i]);
		is_str(text("store/combined/s.pem"), "../certs/s/combined.pem",
		    "%s: combined", ways[i]);
		is_str(text("store/index/host/s.example"), "../../certs/s",
		    "%s: index", ways[i]);
		if (i == 0)
			is_str(text("store/default"), "certs/t",
			    "%s: the default", ways[i]);
		ok(!exists("store/certs/.s@3"), "%s: no copy left", ways[i]);
		ok(put(store, "s", 2, "s3", "") == 0, "%s: s goes on", ways[i]);
		certstore_close(store);
	}
}

/* Somebody was at the store with rm and cp. */
static void
testhands(void)
{
	struct certstore_entry entry = { 0 };
	struct cs_buf b = { 0 };
	struct certstore *store;
	char name[CS_NAME_MAX + 1], line[2 * CS_NAME_MAX];

	sh("rm -rf store original");
	store = opened(CERTSTORE_OPEN_CREATE);
	put(store, "v", 0, "v1", "san dns v.example\n");
	put(store, "v", 1, "v2", "san dns w.example\n");
	certstore_close(store);
	sh("sleep 0.02; rm -r store/index/host"); /* a later time for index/ */
	store = opened(CERTSTORE_OPEN_WRITE);
	ok(found(store, "w.example", "v"), "without index/host it is scanned");
	/* a killed writer, and then a lost index */
	sh("ln -s .v@3 store/.pending/v; cp -a store/certs/.v@2 "
	   "store/certs/.v@3; rm -r store/index");
	ok(put(store, "x", 0, "x1", "san dns w.example\n") == 0,
	    "the next writer mends that");
	ok(exists("store/index/host/w.example") &&
		found(store, "w.example", "x"),
	    "index/ is there again, with that entry");
	ok(repaired(0) > 0 && found(store, "w.example", "v x"),
	    "and when it is repaired, with the other");
	ok(!exists("store/certs/.v@3"), "and what was half-done is not");
	certstore_close(store);
	/* the power went: links are on disk, the record they are of is not */
	store = opened(CERTSTORE_OPEN_WRITE);
	put(store, "q", 0, "q1", "san dns q.example\n");
	put(store, "r", 0, "r1", "san dns q.example\nsan dns r.example\n");
	sh("mkdir store/certs/.q@2; : >store/certs/.q@2/info; "
	   "ln -s .q@2 store/.pending/q; ln -s .t@1 store/.pending/t; "
	   "ln -s ../../certs/q store/index/host/lost.example; "
	   "ln -s ../../certs/t store/index/host/new.example; "
	   "ln -s ../../../certs/t store/index/host/q.example@/t; "
	   "mkdir store/index/spki/ab@; "
	   "ln -s ../../../certs/t store/index/spki/ab@/t");
	put(store, "u", 0, "u1", "");
	ok(!exists("store/index/host/lost.example") &&
		!exists("store/index/host/new.example") &&
		!exists("store/index/host/q.example@/t") &&
		!exists("store/index/spki/ab@"),
	    "links of what never came to be go");
	ok(found(store, "q.example", "q r") && found(store, "r.example", "r"),
	    "all others stay");
	ok(!exists("store/.pending/q") && !exists("store/.pending/t") &&
		!exists("store/certs/.q@2") && exists("store/certs/.q@1"),
	    "and the generations that were");
	certstore_close(store);
	/* and in a store that was new: no link, no intent, half a generation */
	sh("mkdir store/certs/.half@1; : >store/certs/.half@1/info; "
	   "mkdir store/certs/.none@1; rm store/.links");
	ok(repaired(0) > 0, "repaired: %s", err.msg);
	store = opened(CERTSTORE_OPEN_WRITE);
	ok(put(store, "after", 0, "a1", "san dns after.example\n") == 0,
	    "half a generation does not stop the next writer");
	ok(found(store, "after.example", "after") &&
		found(store, "r.example", "r"),
	    "nor what it mends");
	sh("rmdir store/certs/.none@1; rm -r store/certs/.half@1");
	certstore_close(store);
	/* the record of the entry that is replaced is gone */
	store = opened(CERTSTORE_OPEN_WRITE);
	put(store, "y", 0, "y1", "san dns y.example\nsan dns z.example\n");
	sh("rm store/certs/.y@1/info");
	ok(put(store, "y", 1, "y2", "san dns z.example\n") == 0,
	    "a damaged entry is replaced");
	ok(!exists("store/index/host/y.example") &&
		found(store, "z.example", "y"),
	    "its links that are no longer true go all the same");
	/* replaced twice since it was looked at */
	ok(cs_entry_load(store, "y", &entry, &err) == 0, "looked at");
	put(store, "y", 2, "y3", "san dns z.example\n");
	put(store, "y", 3, "y4", "san dns z.example\n");
	ok(cs_entry_read(&entry, CS_PRIVKEY, &b, &err) == -1 &&
		err.code == CERTSTORE_ECHANGED,
	    "a generation that went is not an entry without key");
	ok(cs_entry_load(store, "y", &entry, &err) == 0 &&
		cs_entry_read(&entry, CS_PROPS, &b, &err) == 0,
	    "a file that never was is just not there");
	cs_entry_done(&entry);
	cs_buf_free(&b);
	/* what was taken for a generation's directory is a file */
	sh("mv store/certs/.y@4 aside; touch store/certs/.y@4");
	ok(certstore_entry_get(store, "y", &err) == NULL &&
		err.code == CERTSTORE_EDAMAGED,
	    "a file in place of a generation");
	sh("rm store/certs/.y@4; mv aside store/certs/.y@4");
	/* a record without kind where a writer was killed */
	sh("sed -i /^kind/d store/certs/.y@4/info; "
	   "ln -s .y@4 store/.pending/y");
	ok(cs_lock_take(store, &err) == 0, "lock: %s", err.msg);
	cs_lock_release(store);
	/* restored as a directory, and the generation lost its key */
	sh("cp -RLp store/certs/x aside; rm store/certs/x; "
	   "mv aside store/certs/x; rm store/certs/.x@1/privkey.pem");
	ok(put(store, "x2", 0, "x2", "") == 0 && exists("store/certs/x/info"),
	    "other entries do not mind");
	ok(cs_entry_load(store, "x", &entry, &err) == -1 &&
		err.code == CERTSTORE_EDAMAGED,
	    "it is not read: %s", err.msg);
	cs_entry_done(&entry);
	memset(&entry, 0, sizeof(entry));
	ok(repaired(0) > 0, "repaired: %s", err.msg);
	is_str(text("store/certs/x"), ".x@2", "to a generation of its own");
	ok(exists("store/certs/x/privkey.pem"), "its key is not lost");
	ok(repaired(0) == 0, "once");
	/* changed by hand, then repaired with all others, then set right */
	sh("echo x >>store/certs/.x@2/fullchain.pem; rm store/.links");
	ok(repaired(0) > 0, "repaired: %s", err.msg);
	certstore_close(store);
	store = opened(CERTSTORE_OPEN_WRITE);
	put(store, "x3", 0, "x3", "");
	ok(!exists("store/combined/x.pem"), "not served as long as it is bad");
	sh("printf x1 >store/certs/.x@2/fullchain.pem");
	ok(found(store, "w.example", "v x"), "found again when set right");
	/* the longest name */
	memset(name, 'n', CS_NAME_MAX);
	name[CS_NAME_MAX] = '\0';
	ok(put(store, name, 0, "n1", "san dns v.example\n") == 0 &&
		put(store, name, 1, "n2", "san dns v.example\n") == 0 &&
		put(store, name, 2, "n3", "san dns w.example\n") == 0,
	    "a name of %d bytes", CS_NAME_MAX);
	ok(found(store, "v.example", "") && removed(store, name),
	    "is removed: %s", err.msg);
	snprintf(line, sizeof(line), "! find store | grep %s", name);
	sh(line);
	certstore_close(store);
}

static void
testpaths(void)
{
	static const char *const forms[] = { "store", "./store", ".//store",
		"././store//", "../%s/store", "link", "link/" };
	struct certstore *store;
	char form[512];
	size_t i;

	sh("rm -rf store; ln -s store link");
	if (chdir(root) == -1)
		bail("chdir");
	store = certstore_open(".//store", CERTSTORE_OPEN_CREATE, &err);
	ok(store != NULL && put(store, "a", 0, "c", "") == 0 &&
		exists("store/certs/a"),
	    "made relative to where we are");
	certstore_close(store);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(form, sizeof(form), "%s", forms[i]);
		if (strstr(form, "%s") != NULL)
			snprintf(form, sizeof(form), "..%s/store",
			    strrchr(root, '/'));
		store = certstore_open(form, 0, &err);
		ok(store != NULL && store->path[0] == '/' &&
			certstore_path(store)[strlen(store->path) - 1] != '/',
		    "%s", form);
		certstore_close(store);
	}
	store = certstore_open("", 0, &err);
	ok(store == NULL && err.code == CERTSTORE_EARGUMENT, "empty");
	setenv("CERTSTORE", "", 1);
	store = certstore_open(NULL, 0, &err);
	ok(store == NULL ? err.code != CERTSTORE_EARGUMENT :
			   strcmp(store->path, "/var/lib/certstore") == 0,
	    "an empty CERTSTORE is none");
	certstore_close(store);
	store = certstore_open("/", CERTSTORE_OPEN_CREATE, &err);
	if (getenv("EMULATOR") != NULL)
		skip("an emulator has two directories of the name /");
	else
		ok(store != NULL && put(store, "a", 0, "c", "") == -1 &&
			err.code == CERTSTORE_EREFUSED,
		    "/ is no store");
	certstore_close(store);
	sh("rm -rf store");
	store = certstore_open("link", CERTSTORE_OPEN_CREATE, &err);
	ok(store != NULL && put(store, "a", 0, "c", "") == -1 &&
		!exists("store"),
	    "nothing is made behind a link");
	certstore_close(store);
	sh("rm link");
}

static void
testrefusals(void)
{
	struct certstore *store;

	sh("rm -rf store; mkdir store; touch store/file");
	store = opened(CERTSTORE_OPEN_CREATE);
	ok(put(store, "a", 0, "c", "") == -1 && err.code == CERTSTORE_EREFUSED,
	    "a directory with other things");
	certstore_close(store);
	sh("rm store/file; chmod 775 store");
	store = opened(CERTSTORE_OPEN_CREATE);
	ok(put(store, "a", 0, "c", "") == -1 && err.code == CERTSTORE_EUNSAFE,
	    "writable by the group");
	certstore_close(store);
	sh("chmod 755 store");
	store = opened(CERTSTORE_OPEN_CREATE);
	ok(put(store, "a", 0, "c", "") == 0, "an empty directory will do");
	sh("chmod 777 store/certs");
	ok(put(store, "b", 0, "c", "") == -1 && err.code == CERTSTORE_EUNSAFE,
	    "certs/ writable by all");
	certstore_close(store);
	store = certstore_open(path("none"), 0, &err);
	ok(store == NULL && err.code == CERTSTORE_ENOSTORE, "no store");
	store = certstore_open(path("store"), 0, &err);
	ok(cs_lock_take(store, &err) == -1 && err.code == CERTSTORE_EARGUMENT,
	    "no lock for a reader");
	ok(cs_parents_check(store, &err) == 0, "the way to the store");
	sh("mv store other; mkdir store");
	ok(cs_parents_check(store, &err) == -1 &&
		err.code == CERTSTORE_ECHANGED,
	    "the way to another store than the open one");
	sh("rmdir store; mv other store");
	certstore_close(store);
}

static void
countreading(void *arg, const char *what, size_t done, size_t total)
{
	(void)done;
	(void)total;
	*(int *)arg += strcmp(what, "reading") == 0;
}

/* Which names could not be removed, and why. */
struct failures {
	char name[64][8];
	struct certstore_error err[64];
	size_t n;
};

static void
addfailure(void *arg, const char *name, const struct certstore_error *why)
{
	struct failures *f = arg;

	if (f->n == 64)
		bail("more failures than names");
	snprintf(f->name[f->n], sizeof(f->name[0]), "%s", name);
	f->err[f->n++] = *why;
}

/* A store that is still to be made has nothing. */
static void
testnothing(void)
{
	static const struct certstore_span within = { CERTSTORE_SPAN_FOR, 1000,
		0, 0 };
	const struct certstore_entry *entry;
	const struct certstore_crl *crl;
	struct certstore_repair *repair;
	struct certstore_crls *crls;
	struct certstore_list *list;
	struct certstore *store;
	struct cs_revocation r;
	struct cs_buf text = { 0 };
	size_t n;

	sh("rm -rf store");
	store = opened(CERTSTORE_OPEN_CREATE);
	list = certstore_list_ending(store, &within, CERTSTORE_NOW, &err);
	ok(list != NULL && certstore_list_next(list, &entry, &err) == 0,
	    "no entry expires");
	certstore_list_free(list);
	crls = certstore_crls_new(store, &err);
	ok(crls != NULL && certstore_crls_next(crls, &crl, &err) == 0,
	    "there is no CRL");
	certstore_crls_free(crls);
	ok(cs_revoked_find(store, "5p", "1", &r) == 0 &&
		cs_crlinfo_recorded(store, "5p", &n) == 0 && n == 0,
	    "nothing is revoked");
	ok(cs_orderstate_read(store, "a", &text, &err) == 0, "no order");
	ok(cs_indexed_isknown(store) == 1, "index/ lists all");
	if ((repair = certstore_repair_new(store, &err)) == NULL)
		bail("%s", err.msg);
	is_int(certstore_repair_run(repair, NULL, NULL, NULL, &err), 0,
	    "nothing is to be repaired: %s", err.msg);
	certstore_repair_free(repair);
	ok(!exists("store"), "and it is not made");
	certstore_close(store);
}

/* A key that is no file name in index/ is searched in all entries. */
static void
testlongkeys(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	struct certstore_entry entry = { 0 };
	struct cs_strings names = { 0 };
	char ski[301], lines[400], name[CS_NAME_MAX + 1];

	memset(ski, 'a', 300);
	ski[300] = '\0';
	snprintf(lines, sizeof(lines), "kind ca\nski %s\n", ski);
	put(store, "other", 0, "o1", "kind ca\nski aa\n");
	put(store, "long", 0, "l1", lines);
	ok(cs_search_index(store, "ski", ski, &names) == 0 && names.n == 1 &&
		strcmp(names.v[0], "long") == 0,
	    "by a key identifier of 150 bytes");
	cs_strings_free(&names);
	ok(cs_entry_load(store, "long", &entry, &err) == 0 &&
		cs_index_has(store, &entry.info) == 1,
	    "index/ has all that it can have");
	cs_entry_done(&entry);
	sh("mkdir store/certs/.odd@");
	is_int(cs_sweep_audit(store), 1, "what is no generation needs no link");
	sh("rmdir store/certs/.odd@");
	ok(cs_setgen_islost(store, "@none") == 0 &&
		cs_setgen_repair(store, "@none") == 0,
	    "no link of a trust set is missing where there are none");
	ok(put(store, "long", 1, "l2", lines) == 0, "it is replaced");
	sh("ln -s elsewhere store/index/ski/ff");
	ok(cs_search_index(store, "ski", "ff", &names) == 0 && names.n == 0 &&
		cs_purge_link(store, "ski/ff", 1, name) == 0 &&
		exists("store/index/ski/ff"),
	    "a link that leads to no entry");
	ok(put(store, "other", 1, "o2", "kind ca\nski ff\n") == 0 &&
		cs_search_index(store, "ski", "ff", &names) == 0 &&
		names.n == 1,
	    "does not hide one");
	cs_strings_free(&names);
	certstore_close(store);
}

/* When ACME has something to do for an entry, until it is removed. */
static void
testmoment(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	struct cs_strings names = { 0 };

	put(store, "m", 0, "m1", "");
	ok(cs_lock_take(store, &err) == 0 &&
		cs_index_addmoment(store, "m", 5000000000) == 0,
	    "a moment");
	cs_lock_release(store);
	sh("mkdir -p store/acme/orders/m; "
	   "echo ari-next 5000000000 >store/acme/orders/m/state");
	ok(exists("store/index/next/2128-06/11/m") &&
		cs_search_moments(store, "next", 5000000000, &names) == 0 &&
		cs_strings_has(&names, "m"),
	    "is found");
	cs_strings_free(&names);
	ok(removed(store, "m") && !exists("store/acme/orders/m") &&
		!exists("store/index/next/2128-06"),
	    "and goes with the entry");
	certstore_close(store);
}

/* Another directory is in the place of certs/ while entries are listed. */
static void
testreplaced(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	const struct certstore_entry *entry;
	struct certstore_list *list;

	sh("rm -rf store/*");
	put(store, "one", 0, "n1", "");
	put(store, "two", 0, "n2", "");
	if ((list = certstore_list_new(store, &err)) == NULL)
		bail("%s", err.msg);
	ok(certstore_list_next(list, &entry, &err) == 1 &&
		strcmp(certstore_entry_name(entry), "one") == 0,
	    "the first one");
	sh("cp -a store/certs new; mv store/certs old; mv new store/certs; "
	   "rm -r old");
	ok(cs_store_refresh(store, &err) == 0 &&
		certstore_list_next(list, &entry, &err) == 1 &&
		strcmp(certstore_entry_name(entry), "two") == 0,
	    "the second one is read where it is now: %s", err.msg);
	certstore_list_free(list);
	certstore_close(store);
}

/* What is held for those who have a key still, and of how many. */
static void
testheld(void)
{
	struct cs_held many[1000] = { { 0 } };
	struct cs_info old = { .kind = "shaken", .gen = 1001, .held = many };
	struct cs_put p = { 0 };
	int64_t until = certstore_time_now() + 1000;
	size_t i;

	for (i = 0; i < 1000; i++) {
		many[i].gen = i + 1;
		many[i].until = i % 2 == 0 ? until : 1;
	}
	old.nheld = 999;
	ok(cs_held_add(&p, &old) == 0 && p.nheld == 501 && p.held[0].gen == 1 &&
		p.held[500].gen == 1001,
	    "what is not over, and the last one");
	for (i = 0; i < 1000; i++)
		many[i].until = until;
	old.nheld = 1000;
	ok(cs_held_add(&p, &old) == 0 && p.nheld == 1000 &&
		p.held[0].gen == 2 && p.held[999].gen == 1001,
	    "the first one goes if there are too many");
	free(p.held);
}

/* What is asked of a record without a store, as of a file. */
static void
testrecord(void)
{
	static const struct certstore_span at = { CERTSTORE_SPAN_AT, 100, 0,
		0 };
	struct certstore_entry entry = { 0 };
	struct cs_buf b = { 0 };

	is_int(cs_entry_read(&entry, CS_PROPS, &b, &err), 0, "it has no files");
	is_int(certstore_entry_is_kind(&entry, "server"), 0, "nor a kind");
	entry.info.name = "a";
	entry.info.fingerprint = "aa";
	entry.info.starts = 10;
	entry.info.ends = 100;
	is_int(cs_due_at(&entry.info, &at), 10,
	    "it expires by then: it is due from the start");
	entry.info.ends = 101;
	is_int(cs_due_at(&entry.info, &at), 101, "it does not");
}

/* However many CAs go, the store is looked through once. */
static void
testmany(void)
{
	static char names[60][8];
	static struct failures f;
	const char *v[60];
	struct certstore *store;
	char lines[128];
	size_t i;
	int read = 0;

	sh("rm -rf store");
	store = opened(CERTSTORE_OPEN_CREATE);
	for (i = 0; i < 60; i++) {
		v[i] = names[i];
		snprintf(names[i], sizeof(names[i]), "%s%02zu",
		    i < 30 ? "ca" : "e", i % 30);
		if (i < 30)
			snprintf(lines, sizeof(lines),
			    "kind ca\nsubjecthash %08zx\nissuerhash %08zx\n", i,
			    i + 1);
		else
			snprintf(lines, sizeof(lines), "issuerhash %08zx\n",
			    i % 30);
		put(store, names[i], 0, names[i], lines);
	}
	certstore_set_progress(store, countreading, &read);
	is_int(certstore_remove(store, v, 59, CERTSTORE_REMOVE_DRYRUN,
		   addfailure, &f, &err),
	    -1, "one that stays");
	ok(read <= 60, "all are read once: %d", read);
	ok(f.n == 1 && strcmp(f.name[0], "ca29") == 0 &&
		f.err[0].code == CERTSTORE_EREFUSED,
	    "and keeps its own CA");
	ok(strstr(err.msg, "ca29: issued e29") != NULL &&
		strcmp(err.msg, f.err[0].msg) == 0,
	    "%s", err.msg);
	/* and this one keeps all that are in the way up to it */
	v[0] = "none";
	read = 0;
	f.n = 0;
	is_int(certstore_remove(store, v, 60, 0, addfailure, &f, &err), -1,
	    "but the first");
	ok(f.n == 30 && f.err[0].code == CERTSTORE_ENOENTRY &&
		strstr(f.err[1].msg, "ca01: issued ca00") != NULL &&
		strstr(f.err[29].msg, "ca29: issued ca28") != NULL,
	    "all CAs above it stay, and nothing else");
	is_int(err.code, CERTSTORE_ENOENTRY, "the error is the first one's");
	ok(read <= 60, "all are read once: %d", read);
	v[0] = "ca00";
	f.n = 0;
	is_int(certstore_remove(store, v, 30, 0, addfailure, &f, &err), 30,
	    "then all go");
	ok(f.n == 0 && err.code == CERTSTORE_OK, "without an error");
	is_int(certstore_remove(store, v, 0, 0, NULL, NULL, &err), 0,
	    "no name at all");
	is_int(certstore_remove(store, v, 2, 0, NULL, NULL, &err), -1,
	    "without a function for failures");
	is_int(err.code, CERTSTORE_ENOENTRY, "the error says it");
	certstore_close(store);

	store = opened(0);
	is_int(certstore_remove(store, v, 3, 0, addfailure, &f, &err), -1,
	    "opened for reading");
	ok(f.n == 3 && f.err[2].code == CERTSTORE_EARGUMENT &&
		strcmp(f.name[2], "ca02") == 0,
	    "each name is told of: %s", f.err[2].msg);
	certstore_close(store);
}

/* What was changed just before it was looked at is looked at again. */
static void
teststamp(void)
{
	struct stat st = { .st_dev = 1, .st_ino = 2, .st_size = 3 }, other;
	struct cs_stamp stamp;
	time_t now = time(NULL);

	st.st_mtim.tv_sec = st.st_ctim.tv_sec = now;
	cs_stamp_take(&stamp, &st);
	ok(!cs_stamp_holds(&stamp, &st), "changed just now");
	st.st_mtim.tv_sec = now; /* anybody can set it */
	st.st_ctim.tv_sec = now - 10;
	cs_stamp_take(&stamp, &st);
	ok(cs_stamp_holds(&stamp, &st), "changed a while ago");
	other = st;
	other.st_ctim.tv_nsec++;
	ok(!cs_stamp_holds(&stamp, &other), "changed since");
	other = st;
	other.st_mtim.tv_nsec++;
	ok(!cs_stamp_holds(&stamp, &other), "another time");
	other = st;
	other.st_ino++;
	ok(!cs_stamp_holds(&stamp, &other), "another file");
	other = st;
	other.st_dev++;
	ok(!cs_stamp_holds(&stamp, &other), "another file system");
	other = st;
	other.st_size++;
	ok(!cs_stamp_holds(&stamp, &other), "another size");
	st.st_ctim.tv_sec = now + 3600;
	cs_stamp_take(&stamp, &st);
	ok(!cs_stamp_holds(&stamp, &st), "changed by another's clock");
}

/* Lines of /proc/self/mountinfo: where locks do not reach other hosts. */
static void
testmounts(void)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "36 35 0:40 / /srv rw,relatime shared:1 - fuse.sshfs a:/b "
		  "rw,user_id=0\n",
		    "fuse.sshfs" },
		{ "36 35 0:40 / /srv rw - fuse.glusterfs a:/b rw\n", "" },
		{ "36 35 0:41 / /srv rw - fuse.sshfs a:/b rw\n", "" },
		{ "36 35 10:40 / /srv rw - fuse.sshfs a:/b rw\n", "" },
		{ "36 35 0:40 / /srv rw - nfs4 a:/b rw,local_lock=none\n", "" },
		{ "36 35 0:40 / /srv rw - nfs4 a:/b rw,local_lock=all,x\n",
		    "nfs4" },
		{ "36 35 0:40 / /srv rw - nfs a:/b nolock", "nfs" },
		{ "36 35 0:40 / /srv rw - nfs a:/b rw,nolocks\n", "" },
		{ "36 35 0:40 / /srv rw - cifs //a/b rw,nobrl\n", "cifs" },
		{ "36 35 0:40 / /a\\040-\\040b rw - ext4 /dev/sda rw\n", "" },
		{ "36 35 0:40 / /srv rw", "" },
		{ "36 35 0:40 / /srv rw - fuse.sshfs", "" },
		{ "36", "" },
		{ "", "" },
	};
	const char *is;
	char line[256];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "%s", rows[i].line);
		is = cs_mount_local(line, 0, 40);
		is_str(is == NULL ? "" : is, rows[i].want, "%s", rows[i].line);
	}
}

/* Nothing can be written beyond so many bytes of a file. */
static void
limitfiles(rlim_t bytes)
{
	static struct rlimit was;
	struct rlimit now;

	if (was.rlim_max == 0 && getrlimit(RLIMIT_FSIZE, &was) == -1)
		bail("getrlimit");
	now = was;
	if (bytes != RLIM_INFINITY)
		now.rlim_cur = bytes;
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &now) == -1)
		bail("setrlimit");
}

/* What a call of file.c that fails leaves. */
static void
testfiles(void)
{
	static const char *const names[] = { "log", "gone" };
	struct cs_buf line = { 0 }, b = { 0 };
	struct cs_inode node;
	char name[256], small[4];
	int dir, fd, out;
	int64_t size;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	sh("mkdir files; cd files; printf 12345 >log; ln -s log link; mkdir d; "
	   "mkdir -p 1/2/3/4/5/6/7/8/9; mkdir .x@link; ln -s a x");
	if ((dir = cs_file_openpath(path("files"))) == -1 ||
	    cs_buf_adds(&line, "123456789") == -1)
		bail("files");
	ok(cs_file_join(small, sizeof(small), "a", "bc") == -1 &&
		errno == ENAMETOOLONG &&
		cs_file_readlink(dir, "link", small, 3) == -1 &&
		errno == ENAMETOOLONG &&
		cs_file_replace(dir, name, &line, 0600) == -1 &&
		errno == ENAMETOOLONG && cs_file_aside(dir, "a", name) == -1 &&
		errno == ENAMETOOLONG,
	    "what is too long");
	ok(cs_file_mkdir(dir, "gone/d", NULL) == -1 && errno == ENOENT &&
		cs_file_mkprivate(dir, "gone/d", NULL) == -1 &&
		errno == ENOENT && cs_file_aside(dir, "a", "gone/x") == -1 &&
		errno == ENOENT,
	    "in a directory that is not there");
	ok(cs_file_aside(dir, "a", "y") == 0 &&
		cs_file_aside(dir, "a", "y") == 0 &&
		strcmp(text("files/.y@link"), "a") == 0 &&
		cs_file_aside(dir, "b", "y") == 0 &&
		strcmp(text("files/.y@link"), "b") == 0,
	    "a link that is there already, and one to something else");
	ok(cs_file_link(dir, "b", "x") == -1 &&
		strcmp(text("files/x"), "a") == 0 &&
		cs_file_link(dir, "b", "d") == -1 && errno == EISDIR &&
		!exists("files/.d@link"),
	    "a link that cannot be made, or cannot replace a directory");
	ok(cs_file_rmtree(dir, "1") == -1 && exists("files/1/2/3/4/5/6/7/8/9"),
	    "a tree that is too deep stays");
	ok(cs_file_inode(dir, &node) == 0 &&
		cs_file_isinode(dir, ".", 0, &node) == 1 &&
		cs_file_isinode(dir, "d", 0, &node) == 0 &&
		cs_file_isinode(dir, "gone", 0, &node) == 0,
	    "the inode of a name");
	ok(cs_file_concat(dir, "all", dir, names, 2, 0600, NULL) == -1 &&
		errno == ENOENT &&
		cs_file_concat(dir, "only", dir, names, 1, 0600, NULL) == 0 &&
		cs_file_read(dir, "only", 99, &b) == 0 &&
		strcmp(b.p, "12345") == 0,
	    "files in one, of which one is missing");
	sh("rm files/all; rm files/log; mkdir files/log");
	ok(cs_file_concat(dir, "all", dir, names, 1, 0600, &out) == -1 &&
		errno == EINVAL,
	    "a directory is no file");
	sh("rm -r files/log; printf 12345 >files/log; rm files/all");
	fd = cs_file_open(dir, "log", 1, &size);
	limitfiles(8);
	ok(cs_file_append(fd, size, &line) == -1 && errno == EFBIG &&
		cs_file_read(dir, "log", 99, &b) == 0 &&
		strcmp(b.p, "12345") == 0,
	    "without space for a line nothing is added: %s", b.p);
	close(fd);
	limitfiles(3);
	ok(cs_file_concat(dir, "all", dir, names, 1, 0600, &out) == -1 &&
		errno == EFBIG,
	    "without space for all files");
	limitfiles(RLIM_INFINITY);
	sh("chmod 640 files/log");
	fd = cs_file_lock(dir, "log", 0);
	ok(fd != -1 && mode("files/log") == 0600,
	    "who has a lock lets nobody else take it");
	limitfiles(3);
	cs_file_note(fd, "1234");
	cs_file_noted(fd, name, sizeof(name));
	is_str(name, "", "a note without space is none");
	limitfiles(RLIM_INFINITY);
	close(fd);
	close(dir);
	cs_buf_free(&line);
	cs_buf_free(&b);
}

/* nfsd locks with fcntl(2) what a host that mounts the disk locks. */
static void
testserved(void)
{
#ifdef SYSTEM_LINUX
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	const char *file = path("served");
	int fd, far, other;

	far = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ok(fcntl(far, F_OFD_SETLK, &lock) == 0, "another host has the lock");
	ok(cs_file_lock(AT_FDCWD, file, 0) == -1 && errno == EWOULDBLOCK,
	    "so this one does not get it");
	ok(cs_file_lock(AT_FDCWD, file, 1) == -1 && errno == EWOULDBLOCK,
	    "nor shared");
	lock.l_type = F_UNLCK;
	ok(fcntl(far, F_OFD_SETLK, &lock) == 0, "the lock is released");
	fd = cs_file_lock(AT_FDCWD, file, 1);
	other = cs_file_lock(AT_FDCWD, file, 1);
	ok(fd != -1 && other != -1, "two of this host share it");
	lock.l_type = F_WRLCK;
	ok(fcntl(far, F_OFD_SETLK, &lock) == -1, "the other host has to wait");
	close(fd);
	close(other);
	ok(fcntl(far, F_OFD_SETLK, &lock) == 0, "and gets it then");
	close(far);
	fd = cs_file_lock(AT_FDCWD, file, 0);
	ok(fd != -1, "a host that is gone has it no longer");
	close(fd);
	unlink(file);
#else
	ok(system_lockrange(-1, 0) == 0, "flock(2) sees all locks");
#endif
}

int
main(void)
{
	teststamp();
	testmounts();
	makescratch();
	testfiles();
	testserved();
	testput();
	testkeyfiles();
	testends();
	testlog();
	testshared();
	testhostile();
	testintents();
	testcopies();
	testhands();
	testpaths();
	testrefusals();
	testnothing();
	testlongkeys();
	testmoment();
	testreplaced();
	testheld();
	testrecord();
	testmany();
	testrecovery();
	removescratch();
	return tap_done();
}
