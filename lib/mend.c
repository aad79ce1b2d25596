/*
 * mend.c: turns a store back that was copied by a tool which follows links (an
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

#include "internal.h"

static int
sameinfo(struct certstore *store, const char *a, const char *b)
{
	struct cs_buf one = { 0 }, two = { 0 };
	char path[CS_GENDIR + 8];
	int rv = 0;

	snprintf(path, sizeof(path), "%s/info", a);
	if (cs_file_read(store->certs, path, CS_RECORD_MAX, &one) == 0) {
		snprintf(path, sizeof(path), "%s/info", b);
		rv = cs_file_read(store->certs, path, CS_RECORD_MAX, &two) ==
			0 &&
		    one.len == two.len && memcmp(one.p, two.p, one.len) == 0;
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
	return fsync(store->pending);
}

/*
 * A real directory becomes a generation again: the one that info names if a
 * copy of it is there already, else the next that is free.
 */
static int
turnback(struct certstore *store, const char *name, unsigned long gen)
{
	char dir[CS_GENDIR], aside[CS_GENDIR];
	int surplus;

	if (gen == 0)
		gen = 1;
	cs_store_gendir(dir, name, gen);
	surplus = exists(store->certs, dir) && sameinfo(store, dir, name);
	do {
		cs_store_gendir(aside, name, gen++);
	} while (exists(store->certs, aside));
	if (!surplus)
		snprintf(dir, sizeof(dir), "%s", aside);
	if (intend(store, name, dir) == -1 ||
	    cs_file_rename(store->certs, name, aside) == -1 ||
	    cs_file_link(store->certs, dir, name) == -1 ||
	    fsync(store->certs) == -1)
		return -1;
	if (surplus && cs_file_rmtree(store->certs, aside) == -1)
		return -1;
	return cs_file_rmtree(store->pending, name);
}

int
cs_mend_entry(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct cs_info info = { 0 };
	char text[CS_GENDIR];
	unsigned long gen;
	int rv = 0;

	cs_error_clear(err);
	if (cs_file_readlink(store->certs, name, text, sizeof(text)) != -1)
		return 0;
	if (errno == ENOENT) {
		if (store->intact || cs_store_complete(store, name, &gen) != 1)
			return 0;
		cs_store_gendir(text, name, gen);
		if (cs_file_link(store->certs, text, name) == -1)
			rv = -1;
	} else if (errno == EINVAL) {
		(void)cs_info_load(store->certs, name, name, &info, err);
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

/* The default, if it was copied: its entry again. */
static int
menddefault(struct certstore *store)
{
	const char *name;
	char text[CS_NAME_MAX + 8];
	struct stat st;

	if (fstatat(store->fd, "default", &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (S_ISLNK(st.st_mode))
		return 0;
	if ((name = cs_store_default(store)) == NULL ||
	    !exists(store->certs, name))
		return 0;
	snprintf(text, sizeof(text), "certs/%s", name);
	if (cs_file_rmtree(store->fd, "default") == -1)
		return -1;
	return cs_file_link(store->fd, text, "default");
}

/* index/ is made anew: nobody believes it before .links is there. */
static int
remakeindex(struct certstore *store)
{
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
	char **names;
	size_t i, n;
	int rv = 0;

	if (cs_store_names(store, &names, &n, err) == -1)
		return -1;
	for (i = 0; i < n && rv == 0; i++) {
		if ((rv = cs_mend_entry(store, names[i], err)) == -1)
			break;
		if (cs_entry_load(store, names[i], &entry, err) == -1) {
			cs_warn(store, "%s", err->msg);
			continue;
		}
		if (cs_index_add(store, &entry.info) == -1 ||
		    cs_recover_combined(store, names[i], &entry.info) == -1)
			rv = cs_fail_errno(err,
			    "%s: the entry can't be "
			    "mended",
			    names[i]);
	}
	cs_entry_done(&entry);
	cs_store_names_free(names, n);
	return rv;
}

int
cs_mend_store(struct certstore *store, struct certstore_error *err)
{
	if (remakeindex(store) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	if (mendnames(store, err) == -1)
		return -1;
	if (menddefault(store) == -1)
		return cs_fail_errno(err, "%s/default", store->path);
	if (syncfs(store->fd) == -1 ||
	    cs_file_remove(store->fd, ".links") == -1 ||
	    cs_file_link(store->fd, ".lock", ".links") == -1 ||
	    fsync(store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	store->intact = 1;
	cs_error_clear(err);
	return 0;
}
