/*
 * repair.c: turns a store back that was copied by a tool which follows links (an
 * entry is then a real directory) or drops them.  All of it may be done again
 * after a kill: the sentinel .links is made last.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/* Does a directory hold all that another holds?  1, 0, -1. */
static int
samefiles(struct certstore *store, const char *a, const char *b)
{
	struct cs_buf one = { 0 }, two = { 0 };
	char path[CS_GENDIR + 16];
	int i, rv = 1;

	for (i = 0; i < CS_NFILE && rv == 1; i++) {
		snprintf(path, sizeof(path), "%s/%s", a, cs_file_names[i]);
		if (cs_file_read(store->certs, path, CS_RECORD_MAX, &one) ==
		    -1) {
			rv = errno == ENOENT ? 1 : -1;
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", b, cs_file_names[i]);
		if (cs_file_read(store->certs, path, CS_RECORD_MAX, &two) == -1)
			rv = errno == ENOENT ? 0 : -1;
		else
			rv = one.len == two.len &&
			    memcmp(one.p, two.p, one.len) == 0;
	}
	cs_buf_free(&one);
	cs_buf_free(&two);
	return rv;
}

static int
exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
intend(struct certstore *store, const char *name, const char *dir)
{
	char text[CS_GENDIR + 8];

	snprintf(text, sizeof(text), "%s/mend", dir);
	if (cs_file_link(store->pending, text, name) == -1)
		return -1;
	return cs_store_sync(store, store->pending);
}

/*
 * A real directory becomes a generation again: the one that info names if that
 * is there already and lacks nothing, else the next that is free.  What is
 * surplus goes to .pending/, from where the next writer removes it if this one
 * does not.
 */
static int
turnback(struct certstore *store, const char *name, unsigned long gen)
{
	char dir[CS_GENDIR], from[CS_GENDIR + 8], to[CS_GENDIR + 16];
	int surplus = 0;

	if (!cs_lock_isheld(store)) {
		errno = ESTALE;
		return -1;
	}
	for (gen += gen == 0;; gen++) {
		cs_generation_dir(dir, name, gen);
		if (!exists(store->certs, dir))
			break;
		if ((surplus = samefiles(store, name, dir)) == 1)
			break;
	}
	snprintf(from, sizeof(from), "certs/%s", name);
	snprintf(to, sizeof(to), "%s/%s", surplus == 1 ? ".pending" : "certs",
	    dir);
	if (intend(store, name, dir) == -1 ||
	    cs_file_rename(store->fd, from, to) == -1 ||
	    cs_file_link(store->certs, dir, name) == -1 ||
	    cs_store_sync(store, store->certs) == -1)
		return -1;
	if (surplus == 1 && cs_file_rmtree(store->pending, dir) == -1)
		return -1;
	return cs_file_rmtree(store->pending, name);
}

int
cs_repair_entry(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct cs_info info = { 0 };
	char text[CS_GENDIR];
	unsigned long gen;
	int found, rv = 0;

	cs_error_clear(err);
	if (cs_file_readlink(store->certs, name, text, sizeof(text)) != -1)
		return 0;
	if (errno == ENOENT) {
		found = store->intact ? 0 :
					cs_generation_find(store, name, &gen);
		if (found == 0)
			return 0;
		cs_generation_dir(text, name, gen);
		if (found == -1 || cs_file_link(store->certs, text, name) == -1)
			rv = -1;
	} else if (errno == EINVAL) {
		if (cs_store_isstray(store, name))
			return 0;
		(void)cs_info_load(store, name, name, &info, err);
		gen = info.gen;
		cs_info_free(&info);
		cs_error_clear(err);
		rv = turnback(store, name, gen);
	} else
		rv = -1;
	if (rv == -1)
		return cs_fail_errno(err, "%s: the entry can't be mended",
		    name);
	return 0;
}

/* 1, 0, -1 and errno: EEXIST if something else is there. */
static int
islinked(struct certstore *store, const struct cs_info *info)
{
	int serves = info->serves && info->haskey && !info->weak, rv;

	if (!store->intact)
		return 0;
	if ((rv = cs_index_has(store, info)) != 1)
		return rv;
	if ((rv = cs_recover_incombined(store, info->name)) == -1)
		return errno == EEXIST && !serves ? 1 : -1;
	return rv == serves;
}

static int
relink(struct certstore *store, const struct certstore_entry *was,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_identity now, seen;
	int rv = -1;

	if (cs_entry_identify(was, &seen, err) == -1 ||
	    cs_entry_load(store, was->info.name, &entry, err) == -1 ||
	    cs_entry_identify(&entry, &now, err) == -1)
		goto out;
	if (now.gen != seen.gen ||
	    memcmp(now.hash, seen.hash, sizeof(now.hash)) != 0)
		cs_fail(err, CERTSTORE_ECHANGED,
		    "%s: another writer changed the entry meanwhile: try again",
		    was->info.name);
	else if (cs_index_add(store, &entry.info) == -1 ||
	    cs_index_sync(store) == -1 ||
	    cs_recover_combined(store, was->info.name, &entry.info) == -1 ||
	    cs_recover_sync(store) == -1)
		cs_fail_errno(err, "%s: the links to it", was->info.name);
	else
		rv = 0;
out:
	cs_entry_done(&entry);
	return rv;
}

/*
 * An entry that was put back from a backup, or by hand, has no links in index/
 * and combined/: whoever finds it as it should be makes them.  The lock is
 * taken only if one is missing.
 */
int
cs_repair_links(struct certstore *store, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	int rv;

	if ((rv = islinked(store, &entry->info)) == -1)
		return errno == EEXIST ?
		    cs_write_failcombined(store, entry->info.name, err) :
		    cs_fail_errno(err, "%s: the links to it", entry->info.name);
	if (rv == 1)
		return 0;
	if (cs_lock_take(store, err) == -1)
		return -1;
	if ((rv = relink(store, entry, err)) == 0)
		cs_warn(store,
		    "%s: links to it were missing and are made again",
		    entry->info.name);
	cs_lock_release(store);
	return rv;
}

/*
 * The default, if it was copied: its entry again.  The link is made aside
 * first, since the copy is all that says which entry it was.
 */
static int
menddefault(struct certstore *store)
{
	char name[CS_NAME_MAX + 1], text[CS_NAME_MAX + 8];
	struct stat st;

	if (!exists(store->fd, ".default")) {
		if (fstatat(store->fd, "default", &st, AT_SYMLINK_NOFOLLOW) ==
		    -1)
			return errno == ENOENT ? 0 : -1;
		if (S_ISLNK(st.st_mode) || cs_store_default(store, name) != 1 ||
		    !exists(store->certs, name))
			return 0;
		snprintf(text, sizeof(text), "certs/%s", name);
		if (cs_file_link(store->fd, text, ".default") == -1 ||
		    cs_store_sync(store, store->fd) == -1)
			return -1;
	}
	if (cs_file_rmtree(store->fd, "default") == -1)
		return -1;
	return cs_file_rename(store->fd, ".default", "default");
}

/* index/ is made anew: nobody believes it before .links is there. */
static int
remakeindex(struct certstore *store)
{
	if (!cs_lock_isheld(store)) {
		errno = ESTALE;
		return -1;
	}
	if (store->index != -1)
		close(store->index);
	store->index = -1;
	if (cs_file_rmtree(store->fd, ".index") == -1 ||
	    (exists(store->fd, "index") &&
		cs_file_rename(store->fd, "index", ".index") == -1) ||
	    cs_file_rmtree(store->fd, ".index") == -1 ||
	    cs_file_mkdir(store->fd, "index", &store->index) == -1)
		return -1;
	return cs_index_make(store);
}

static int
mendnames(struct certstore *store, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	const struct cs_info *info;
	char **names;
	size_t i, n;
	int rv = 0;

	if (cs_store_names(store, &names, &n, err) == -1)
		return -1;
	for (i = 0; i < n && rv == 0; i++) {
		if ((rv = cs_repair_entry(store, names[i], err)) == -1)
			break;
		info = &entry.info;
		if (cs_entry_load(store, names[i], &entry, err) == -1) {
			if (err->code == CERTSTORE_ENOENTRY)
				continue; /* no generation of it is complete */
			if (err->code != CERTSTORE_EDAMAGED) {
				rv = -1;
				break;
			}
			/* its names may be found again if it is set right */
			cs_warn(store, "%s", err->msg);
			info = NULL;
			if (entry.info.name == NULL ||
			    strcmp(entry.info.name, names[i]) != 0)
				cs_info_reset(&entry.info);
		}
		if (cs_index_add(store, &entry.info) == -1 ||
		    cs_recover_combined(store, names[i], info) == -1)
			rv = cs_fail_errno(err,
			    "%s: the entry can't be "
			    "mended",
			    names[i]);
	}
	cs_entry_done(&entry);
	cs_store_names_free(names, n);
	return rv;
}

static int
dropdangling(void *arg, const char *name)
{
	struct certstore *store = arg;

	if (faccessat(store->combined, name, F_OK, 0) == 0)
		return 0;
	return errno == ENOENT ? cs_file_remove(store->combined, name) : -1;
}

int
cs_repair_index(struct certstore *store, struct certstore_error *err)
{
	if (cs_file_rmtree(store->fd, ".links") == -1 ||
	    (!store->fresh && fsync(store->fd) == -1) ||
	    remakeindex(store) == -1)
		return cs_lock_failmake(store, "index", err);
	return 0;
}

/* The directory of the store itself is durable in its parent. */
static int
syncparent(const struct certstore *store)
{
	int fd, rv;

	if ((fd = cs_file_opendir(store->fd, "..")) == -1)
		return errno == EACCES ? 0 : -1;
	rv = fsync(fd);
	close(fd);
	return rv;
}

static int
syncdirs(struct certstore *store)
{
	return cs_index_sync(store) == -1 || fsync(store->index) == -1 ||
		fsync(store->certs) == -1 || fsync(store->combined) == -1 ||
		fsync(store->pending) == -1 || fsync(store->fd) == -1 ||
		syncparent(store) == -1 ?
	    -1 :
	    0;
}

/*
 * All directories of the store and all links in them are on disk: it may be
 * called whole.  That it is still has to be synced.
 */
int
cs_repair_conclude(struct certstore *store, struct certstore_error *err)
{
	int rv;

	if (cs_lock_verify(store, err) == -1)
		return -1;
	if (store->whole) {
		rv = syncfs(store->fd);
		cs_index_synced(store);
	} else {
		rv = syncdirs(store);
	}
	if (rv == -1 || cs_file_link(store->fd, ".lock", ".links") == -1)
		return cs_fail_errno(err, "%s", store->path);
	store->uncombined = 0;
	store->fresh = 0;
	return 0;
}

/* In a store that is new and empty the first entry's writer concludes. */
int
cs_repair_store(struct certstore *store, struct certstore_error *err)
{
	if (!store->fresh) {
		if (mendnames(store, err) == -1)
			return -1;
		if (cs_file_each(store->combined, ".", dropdangling, store) ==
		    -1)
			return cs_fail_errno(err, "%s/combined", store->path);
		if (menddefault(store) == -1)
			return cs_fail_errno(err, "%s/default", store->path);
		if (cs_trustgen_repair(store) == -1)
			return cs_fail_errno(err, "%s/trust", store->path);
		if (cs_repair_conclude(store, err) == -1)
			return -1;
		if (cs_store_sync(store, store->fd) == -1)
			return cs_fail_errno(err, "%s", store->path);
	}
	store->intact = 1;
	cs_error_clear(err);
	return 0;
}
