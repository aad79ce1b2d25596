/*
 * repair.c: repairs the links of a store, its modes, and what interrupted
 * writers and removed entries left.  It looks without the lock, and repairs in
 * batches under it, where it looks again.  All of it can be repeated after a
 * kill; .links is made last.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

#define BATCH 64		    /* names while the lock is held */
#define YEAR ((time_t)366 * CS_DAY) /* a host is away for at most so long */

/* Is it one of the names that are repaired?  Without any, all are. */
static int
isasked(const struct cs_repair *r, const char *name)
{
	return r->names.n == 0 || r->copied || cs_told_isnamed(r, name);
}

static void
failname(struct cs_repair *r, const char *name,
    const struct certstore_error *err)
{
	r->nfailed++;
	if (r->failed != NULL)
		r->failed(r->arg, name, err);
}

static int
takeownername(void *arg, const char *file)
{
	char name[CS_NAME_MAX + 1];

	if (file[0] == '.') {
		if (cs_generation_owner(file, name) == 0)
			return 0;
		file = name;
	}
	return cs_name_isvalid(file) ? cs_strings_add(arg, file) : 0;
}

/* One barrier for all that a batch did. */
static int
syncbatch(struct certstore *store)
{
	if (store->syncall || cs_file_hassyncfs(store->fd)) {
		if (syncfs(store->fd) == -1)
			return -1;
		cs_index_synced(store);
		store->uncombined = 0;
		return 0;
	}
	return cs_index_sync(store) == -1 || cs_combined_sync(store) == -1 ||
		fsync(store->certs) == -1 ?
	    -1 :
	    0;
}

static int
failstore(struct cs_repair *r, const char *what, struct certstore_error *err)
{
	return cs_fail_errno(err, "%s%s", r->store->path, what);
}

/* Repairs so many entries under the lock. */
static int
repairbatch(struct cs_repair *r, char *const *names, size_t n,
    struct certstore_error *err)
{
	struct certstore *store = r->store;
	struct certstore_error flaw;
	size_t i;
	int rv = 0;

	if (cs_lock_take(store, err) == -1)
		return -1;
	for (i = 0; i < n; i++)
		if (cs_mend_entry(r, names[i], &flaw) == -1)
			failname(r, names[i], &flaw);
	if (syncbatch(store) == -1)
		rv = failstore(r, "", err);
	else
		cs_indexed_end(store);
	cs_lock_release(store);
	return rv;
}

/* Looks for what there is to do, and does it in batches. */
static int
repairentries(struct cs_repair *r, struct certstore_error *err)
{
	struct cs_strings names = { 0 }, todo = { 0 };
	struct certstore_error flaw;
	size_t i, n;
	int rv = -1;

	if (cs_file_each(r->store->certs, ".", takeownername, &names) == -1) {
		failstore(r, "/certs", err);
		goto out;
	}
	cs_strings_sort(&names);
	r->looks = !r->dry;
	r->leaves = 1;
	for (i = 0; i < names.n; i++) {
		cs_progress(r->store, "checking", i, names.n);
		if (!isasked(r, names.v[i]))
			continue;
		r->found = 0;
		/* while others write, what fails may not fail under the lock */
		if (cs_mend_entry(r, names.v[i], &flaw) == -1) {
			r->found = 1;
			if (r->dry)
				failname(r, names.v[i], &flaw);
		}
		if (r->found && cs_strings_add(&todo, names.v[i]) == -1) {
			cs_fail_nomem(err);
			goto out;
		}
	}
	r->looks = r->leaves = 0;
	for (i = 0; !r->dry && i < todo.n; i += n) {
		cs_progress(r->store, "repairing", i, todo.n);
		n = todo.n - i < BATCH ? todo.n - i : BATCH;
		if (repairbatch(r, todo.v + i, n, err) == -1)
			goto out;
	}
	rv = 0;
out:
	cs_strings_free(&names);
	cs_strings_free(&todo);
	return rv;
}

static int
takesurplus(void *arg, const char *path, const char *name)
{
	return name == NULL ? 0 : cs_strings_add(arg, path);
}

/* Removes links in index/ that no entry calls for. */
static int
repairindex(struct cs_repair *r, struct certstore_error *err)
{
	const struct cs_strings *names = r->names.n > 0 && !r->copied ?
	    &r->names :
	    NULL;
	struct certstore *store = r->store;
	struct cs_strings found = { 0 };
	char name[CS_NAME_MAX + 1];
	size_t i, k;
	int rv = -1, gone;

	if (store->index == -1)
		return 0;
	if (cs_purge_find(store, names, takesurplus, &found) == -1) {
		failstore(r, "/index", err);
		goto out;
	}
	for (i = 0; i < found.n; i += BATCH) {
		if (!r->dry && cs_lock_take(store, err) == -1)
			goto out;
		for (k = i; k < found.n && k < i + BATCH; k++) {
			gone = cs_purge_link(store, found.v[k], !r->dry, name);
			if (gone == 1)
				cs_told_add(r, name, "index", 0,
				    "index/%s was stale", found.v[k]);
			else if (gone == -1)
				break;
		}
		rv = k < found.n && k < i + BATCH ?
		    failstore(r, "/index", err) :
		    0;
		if (!r->dry)
			cs_lock_release(store);
		if (rv == -1)
			goto out;
	}
	rv = 0;
out:
	cs_strings_free(&found);
	return rv;
}

static int
takefile(void *arg, const char *file)
{
	return cs_strings_add(arg, file);
}

/* The files of a directory, sorted; none if there is no such directory. */
static int
listfiles(int dirfd, const char *path, struct cs_strings *files)
{
	memset(files, 0, sizeof(*files));
	if (cs_file_each(dirfd, path, takefile, files) == -1) {
		cs_strings_free(files);
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	}
	cs_strings_sort(files);
	return 0;
}

/* Cuts a suffix off a name that is valid without: 1 or 0. */
static int
isnamewith(const char *file, const char *prefix, const char *suffix,
    char name[CS_NAME_MAX + 1])
{
	size_t len = strlen(file), n = strlen(prefix), m = strlen(suffix);

	if (len <= n + m || len - n - m > CS_NAME_MAX ||
	    strncmp(file, prefix, n) != 0 ||
	    strcmp(file + len - m, suffix) != 0)
		return 0;
	memcpy(name, file + n, len - n - m);
	name[len - n - m] = '\0';
	return cs_name_isvalid(name);
}

/* Links in combined/ of entries that are gone, and those made aside. */
static int
repaircombined(struct cs_repair *r)
{
	struct certstore *store = r->store;
	char name[CS_NAME_MAX + 1], text[CS_GENDIR + 32];
	char want[CS_GENDIR + 32];
	struct cs_strings files;
	const char *file;
	size_t i;
	int rv;

	rv = listfiles(store->combined != -1 ? store->combined : store->fd,
	    store->combined != -1 ? "." : "combined", &files);
	for (i = 0; i < files.n && rv != -1; i++) {
		file = files.v[i];
		snprintf(want, sizeof(want), "combined/%s", file);
		if (cs_file_readlink(store->fd, want, text, sizeof(text)) == -1)
			continue;
		if (isnamewith(file, ".", ".pem@link", name)) {
			rv = cs_told_acts(r) ? cs_file_remove(store->fd, want) :
					       0;
			cs_told_add(r, name, "leftover", 0,
			    "a link of an interrupted writer was left");
			continue;
		}
		if (!isnamewith(file, "", ".pem", name) || !isasked(r, name))
			continue;
		snprintf(want, sizeof(want), "../certs/%s/combined.pem", name);
		if (strcmp(text, want) != 0 ||
		    faccessat(store->certs, name, F_OK, AT_SYMLINK_NOFOLLOW) ==
			0)
			continue;
		snprintf(want, sizeof(want), "combined/%s", file);
		if (cs_told_acts(r)) {
			rv = cs_file_remove(store->fd, want);
			store->uncombined = 1;
		}
		cs_told_add(r, name, "combined", 0,
		    "combined had it, though there is no such entry");
	}
	cs_strings_free(&files);
	return rv;
}

/*
 * If the default was copied as a directory: makes it a link again.  The link is
 * made under another name first, since only the copy says which entry it was.
 */
static int
repairdefault(struct cs_repair *r)
{
	static const char aside[] = ".default";
	struct certstore *store = r->store;
	char name[CS_NAME_MAX + 1], text[CS_NAME_MAX + 8];
	struct cs_buf b = { 0 };
	struct stat st;
	const char *p = NULL;
	size_t len = 0;
	int moved;

	moved = faccessat(store->fd, aside, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (fstatat(store->fd, "default", &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno != ENOENT)
			return -1;
		if (!moved)
			return 0;
	} else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return moved ? cs_file_remove(store->fd, aside) : 0;
	if (!moved) {
		if (cs_file_read(store->fd, "default/info", CS_RECORD_MAX,
			&b) == 0)
			p = cs_info_find(&b, "name", &len);
		snprintf(name, sizeof(name), "%.*s", (int)len, p ? p : "");
		cs_buf_free(&b);
		if (!cs_name_isvalid(name) ||
		    faccessat(store->certs, name, F_OK, AT_SYMLINK_NOFOLLOW) ==
			-1)
			return 0;
		snprintf(text, sizeof(text), "certs/%s", name);
	}
	if (cs_told_acts(r) &&
	    ((!moved &&
		 (cs_file_link(store->fd, text, aside) == -1 ||
		     cs_store_sync(store, store->fd) == -1)) ||
		cs_file_rmtree(store->fd, "default") == -1 ||
		cs_file_rename(store->fd, aside, "default") == -1))
		return -1;
	cs_told_add(r, "@store", "default", 0,
	    "the link default was replaced by a directory");
	return 0;
}

/* Files of a directory of the store that an interrupted writer made aside. */
static int
removeaside(struct cs_repair *r, int dir, const char *sub)
{
	struct cs_strings files;
	const char *file, *at;
	struct stat st;
	size_t i;
	int rv;

	rv = listfiles(dir, ".", &files);
	for (i = 0; i < files.n && rv != -1; i++) {
		file = files.v[i];
		if (file[0] != '.' || (at = strchr(file, '@')) == NULL ||
		    (strcmp(at, "@link") != 0 && strcmp(at, "@new") != 0) ||
		    fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    S_ISDIR(st.st_mode) || st.st_uid != geteuid())
			continue;
		if (cs_told_acts(r))
			rv = cs_file_remove(dir, file);
		cs_told_add(r, "@store", "leftover", 0,
		    "%s%s of an interrupted writer was left", sub, file);
	}
	cs_strings_free(&files);
	return rv;
}

/* Those of the store's own directory, and of crl/. */
static int
repairaside(struct cs_repair *r)
{
	int fd, rv;

	if (removeaside(r, r->store->fd, "") == -1)
		return -1;
	if ((fd = cs_file_opendir(r->store->fd, CS_CRL_DIR)) == -1)
		return errno == ENOENT ? 0 : -1;
	rv = removeaside(r, fd, CS_CRL_DIR "/");
	cs_file_close(&fd);
	return rv;
}

static int
repairset(struct cs_repair *r, const char *intent)
{
	char shown[CS_SETGEN_SHOWN];
	int rv;

	if ((rv = cs_setgen_islost(r->store, intent)) != 1)
		return rv;
	if (cs_told_acts(r) && cs_setgen_repair(r->store, intent) == -1)
		return -1;
	cs_setgen_show(intent, shown);
	cs_told_add(r, shown, "link", 0, "the link to its files was missing");
	return 0;
}

/* The same of each name; what its intent begins with. */
static int
repaireach(struct cs_repair *r, const char *prefix,
    int (*list)(struct certstore *, struct cs_strings *))
{
	char intent[CS_GENDIR];
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	rv = list(r->store, &names);
	for (i = 0; i < names.n && rv != -1; i++) {
		snprintf(intent, sizeof(intent), "%s%s", prefix, names.v[i]);
		rv = repairset(r, intent);
	}
	cs_strings_free(&names);
	return rv;
}

/* The links of all trust sets and CRLs. */
static int
repairsets(struct cs_repair *r)
{
	return repairset(r, CS_TRUST_INTENT) == -1 ||
		repaireach(r, "@", cs_setgen_names) == -1 ||
		repaireach(r, CS_CRL_INTENT, cs_setgen_crls) == -1 ?
	    -1 :
	    0;
}

/* Is an entry, or what may be one, there?  1 also if that cannot be told. */
static int
isthere(const struct certstore *store, const char *name)
{
	char path[CS_NAME_MAX + 16];

	if (faccessat(store->certs, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT)
		return 1;
	snprintf(path, sizeof(path), ".pending/%s", name);
	return faccessat(store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
}

/* An order whose steps must be undone, or that a process works at, stays. */
static int
isorderheld(const struct certstore *store, const char *name)
{
	char path[CS_NAME_MAX + 32];
	struct certstore_error err;
	struct cs_buf text = { 0 };
	size_t len;
	int fd, held;

	held = cs_orderstate_read(store, name, &text, &err) == -1 ||
	    cs_orderstate_find(&text, "setup", &len) != NULL;
	cs_buf_free(&text);
	snprintf(path, sizeof(path), "acme/orders/%s/lock", name);
	if (!held &&
	    faccessat(store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		if ((fd = cs_file_lock(store->fd, path, 1)) == -1)
			return 1;
		close(fd);
	}
	return held;
}

/* What is remembered of orders and renewals of entries that are gone. */
static int
repairstate(struct cs_repair *r, const char *dir, int order)
{
	struct certstore *store = r->store;
	char path[CS_NAME_MAX + 16];
	struct cs_strings files;
	const char *name;
	size_t i;
	int rv;

	rv = listfiles(store->fd, dir, &files);
	for (i = 0; i < files.n && rv != -1; i++) {
		name = files.v[i];
		if (!cs_name_isvalid(name) || !isasked(r, name) ||
		    isthere(store, name) || (order && isorderheld(store, name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		if (cs_told_acts(r))
			rv = order ? cs_orderstate_remove(store, name) :
				     cs_file_remove(store->fd, path);
		cs_told_add(r, name, "state", 0, "%s was of no entry", path);
	}
	cs_strings_free(&files);
	return rv;
}

/* When a directory, or a file in it, was last changed. */
static time_t
lastchange(int dirfd, const char *path)
{
	struct cs_strings files;
	struct stat st;
	time_t last = 0;
	size_t i;
	int fd;

	if ((fd = cs_file_opendir(dirfd, path)) == -1)
		return time(NULL);
	if (fstat(fd, &st) == 0)
		last = st.st_mtime;
	if (listfiles(fd, ".", &files) == -1)
		last = time(NULL);
	for (i = 0; i < files.n; i++)
		if (fstatat(fd, files.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtime > last)
			last = st.st_mtime;
	cs_strings_free(&files);
	close(fd);
	return last;
}

/* Ledgers of hosts that have written nothing for a year. */
static int
repairledgers(struct cs_repair *r)
{
	static const char hex[] = "0123456789abcdef";
	struct certstore *store = r->store;
	struct cs_strings files;
	char path[64];
	size_t i;
	int rv;

	rv = listfiles(store->fd, "deployed", &files);
	for (i = 0; i < files.n && rv != -1; i++) {
		if (strlen(files.v[i]) != 12 || strspn(files.v[i], hex) != 12)
			continue;
		snprintf(path, sizeof(path), "deployed/%s", files.v[i]);
		if (lastchange(store->fd, path) > time(NULL) - YEAR)
			continue;
		if (cs_told_acts(r))
			rv = cs_file_rmtree(store->fd, path);
		cs_told_add(r, "@store", "state", 0,
		    "%s is of a host that was not seen for a year", path);
	}
	cs_strings_free(&files);
	return rv;
}

static int
repairmode(struct cs_repair *r, const char *path, mode_t mode)
{
	mode_t now;
	int rv;

	rv = cs_file_setmode(r->store->fd, path, mode, (gid_t)-1,
	    cs_told_acting(r), &now);
	if (rv != 1)
		return rv;
	(void)cs_told_acts(r);
	cs_told_add(r, "@store", "mode", 0,
	    "%s had mode %04o or an access control list", path,
	    (unsigned int)now);
	return 0;
}

/* Directories that only the owner may see. */
static int
repairprivate(struct cs_repair *r)
{
	static const char *const dirs[] = { "acme", "lost", "issued" };
	size_t i;
	int rv = 0;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && rv != -1; i++)
		rv = repairmode(r, dirs[i], S_IFDIR | 0700);
	return rv;
}

/* Files that hold keys and tokens, and their directories. */
static int
repairsecrets(struct cs_repair *r, const char *dir)
{
	static const char *const secrets[] = { "key.pem", "key.new", "account",
		"state", "held.pem", "lock" };
	struct cs_strings names;
	char path[CS_NAME_MAX + 64];
	size_t i, k;
	int rv;

	rv = listfiles(r->store->fd, dir, &names);
	for (i = 0; i < names.n && rv != -1; i++) {
		if (!cs_name_isvalid(names.v[i]))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names.v[i]);
		rv = repairmode(r, path, S_IFDIR | 0700);
		for (k = 0;
		     k < sizeof(secrets) / sizeof(secrets[0]) && rv != -1;
		     k++) {
			snprintf(path, sizeof(path), "%s/%s/%s", dir,
			    names.v[i], secrets[k]);
			rv = repairmode(r, path, 0600);
		}
	}
	cs_strings_free(&names);
	return rv;
}

/*
 * The keys of what was removed.  A repair that was interrupted can have left one
 * in part; the generation it was of stayed, so it is in the store.
 */
static int
repairlost(struct cs_repair *r)
{
	struct cs_strings files;
	char path[NAME_MAX + 8];
	size_t i;
	int rv;

	rv = listfiles(r->store->fd, "lost", &files);
	for (i = 0; i < files.n && rv != -1; i++) {
		snprintf(path, sizeof(path), "lost/%s", files.v[i]);
		if (files.v[i][0] != '.' || strstr(path, "@new") == NULL) {
			rv = repairmode(r, path, 0600);
			continue;
		}
		if (cs_told_acts(r))
			rv = cs_file_remove(r->store->fd, path);
		cs_told_add(r, "@store", "leftover", 0, "%s was left over",
		    path);
	}
	cs_strings_free(&files);
	return rv;
}

/* Profiles that others can write. */
static int
repairprofiles(struct cs_repair *r)
{
	struct cs_strings files;
	char path[NAME_MAX + 16];
	size_t i;
	int rv;

	rv = listfiles(r->store->fd, "profiles", &files);
	for (i = 0; i < files.n && rv != -1; i++) {
		snprintf(path, sizeof(path), "profiles/%s", files.v[i]);
		rv = repairmode(r, path, 0);
	}
	cs_strings_free(&files);
	return rv;
}

/* All that is not of one entry. */
static int
repairothers(struct cs_repair *r, struct certstore_error *err)
{
	if (repaircombined(r) == -1)
		return failstore(r, "/combined", err);
	if (repairstate(r, "renewal", 0) == -1)
		return failstore(r, "/renewal", err);
	if (repairstate(r, "acme/orders", 1) == -1)
		return failstore(r, "/acme/orders", err);
	if (r->names.n > 0 && !r->copied)
		return 0;
	if (repairledgers(r) == -1)
		return failstore(r, "/deployed", err);
	if (repairprivate(r) == -1)
		return failstore(r, "", err);
	if (repairsecrets(r, "acme/accounts") == -1 ||
	    repairsecrets(r, "acme/orders") == -1)
		return failstore(r, "/acme", err);
	if (repairlost(r) == -1)
		return failstore(r, "/lost", err);
	if (repairprofiles(r) == -1)
		return failstore(r, "/profiles", err);
	if (repairdefault(r) == -1)
		return failstore(r, "/default", err);
	if (repairaside(r) == -1)
		return failstore(r, "", err);
	return 0;
}

/* Marks the store as one that has all its links, if that is so by now. */
static int
concludestore(struct cs_repair *r, struct certstore_error *err)
{
	struct certstore *store = r->store;

	if (syncbatch(store) == -1)
		return failstore(r, "", err);
	if (!store->linked && r->nfailed == 0) {
		if (cs_layout_conclude(store, err) == -1)
			return -1;
		cs_told_add(r, "@store", "link", 0,
		    "the store was copied without its links");
	}
	if ((r->names.n == 0 || r->copied) && r->nfailed == 0 &&
	    !store->indexed) {
		/* what came meanwhile is searched once more */
		cs_strings_free(&store->unlinked);
		if (cs_indexed_verify(store) == -1)
			return failstore(r, "/index", err);
	}
	return 0;
}

/* The same after files of entries were made again: with them they may have links
 * in index/ that they lacked before. */
int
cs_repair_conclude(struct cs_repair *r, struct certstore_error *err)
{
	int rv;

	if (r->dry || (rv = cs_indexed_isknown(r->store)) == 1)
		return 0;
	if (rv == -1)
		return failstore(r, "/index", err);
	if (cs_lock_take(r->store, err) == -1)
		return -1;
	rv = concludestore(r, err);
	cs_lock_release(r->store);
	return rv;
}

static void
tellindexed(struct cs_repair *r)
{
	cs_told_add(r, "@store", "index", 0,
	    "what index did not list was searched in all entries");
}

/* All that a dry run tells without the lock. */
static int
looktotell(struct cs_repair *r, struct certstore_error *err)
{
	struct certstore *store = r->store;
	int rv;

	if (cs_lock_check(store, err) == -1)
		return -1;
	if ((rv = cs_recover_isneeded(store)) == -1)
		return failstore(r, "/.pending", err);
	if (rv == 1)
		cs_told_add(r, "@store", "leftover", 0,
		    "a writer was interrupted, and its change is not complete");
	if (repairsets(r) == -1)
		return failstore(r, "/trust", err);
	if (repairentries(r, err) == -1 ||
	    (!r->copied && repairindex(r, err) == -1) ||
	    repairothers(r, err) == -1)
		return -1;
	if (r->copied)
		cs_told_add(r, "@store", "link", 0,
		    "the store was copied without its links");
	else if (r->names.n == 0) {
		if ((rv = cs_indexed_isknown(store)) == -1)
			return failstore(r, "/index", err);
		if (rv == 0)
			tellindexed(r);
	}
	return 0;
}

static int
repairall(struct cs_repair *r, struct certstore_error *err)
{
	struct certstore *store = r->store;
	int known = 1, rv;

	if (r->names.n == 0 && !r->copied &&
	    (known = cs_indexed_isknown(store)) == -1)
		return failstore(r, "/index", err);
	rv = cs_recover_isneeded(store);
	if (cs_lock_take(store, err) == -1)
		return -1;
	if (rv == 1)
		cs_told_add(r, "@store", "leftover", 0,
		    "a writer was interrupted, and its change is complete now, "
		    "or undone");
	r->leaves = 1;
	rv = repairsets(r) == -1 ? failstore(r, "/trust", err) : 0;
	cs_lock_release(store);
	if (rv == -1 || repairentries(r, err) == -1 ||
	    repairindex(r, err) == -1 || cs_lock_take(store, err) == -1)
		return -1;
	rv = repairothers(r, err);
	if (rv == 0)
		rv = concludestore(r, err);
	if (rv == 0 && !known && store->indexed)
		tellindexed(r);
	cs_lock_release(store);
	return rv;
}

int
cs_repair_store(struct cs_repair *r, struct certstore_error *err)
{
	struct certstore *store = r->store;
	int rv;

	if (cs_store_refresh(store, err) == -1)
		return -1;
	if (store->certs == -1)
		return 0;
	if ((rv = cs_store_iscopied(store)) == -1)
		return failstore(r, "", err);
	r->copied = rv;
	cs_strings_sort(&r->names);
	return r->dry ? looktotell(r, err) : repairall(r, err);
}
