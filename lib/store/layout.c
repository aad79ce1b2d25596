/*
 * layout.c: the directories of a store: made where they are missing, and called
 * whole once all of it is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

static int
isforeign(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, ".lock") != 0 && strcmp(name, "index") != 0 &&
	    strcmp(name, "combined") != 0 && strcmp(name, ".pending") != 0 &&
	    strcmp(name, ".links") != 0 && strcmp(name, ".index") != 0 &&
	    strcmp(name, CS_LOG_FILE) != 0 &&
	    /* what file systems have in their root directory */
	    strcmp(name, "lost+found") != 0 && strcmp(name, ".snapshot") != 0 &&
	    strcmp(name, ".snapshots") != 0;
}

static int
makesub(const struct certstore *store, const char *name, int *fd, int *made)
{
	if ((*fd = cs_file_opendir(store->fd, name)) != -1)
		return 0;
	if (errno != ENOENT)
		return -1;
	*made = 1;
	return cs_file_mkdir(store->fd, name, fd);
}

/* Makes index/, and what is missing of its directories: 1 if any, 0, -1. */
static int
makeindex(struct certstore *store, int *made)
{
	int rv;

	if (store->index == -1 &&
	    cs_file_mkdir(store->fd, "index", &store->index) == -1)
		return -1;
	if ((rv = cs_index_ismade(store)) != 0)
		return rv == -1 ? -1 : 0;
	*made = 1;
	if (cs_index_make(store) == -1)
		return -1;
	if (store->linked)
		cs_indexed_doubt(store);
	return 0;
}

/*
 * Makes what is missing of a store's directories, and opens all of them anew.
 */
int
cs_layout_make(struct certstore *store, struct certstore_error *err)
{
	int certs = -1, made = 0;
	const char *what;

	if (makesub(store, ".pending", &store->pending, &made) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	if (makesub(store, "combined", &store->combined, &made) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	what = cs_store_reopen(store);
	if (what != NULL && errno == ENOENT && strcmp(what, "/certs") == 0) {
		if (cs_file_mkdir(store->fd, "certs", &certs) == -1)
			return cs_fail_errno(err, "%s/certs", store->path);
		close(certs);
		what = cs_store_reopen(store);
	}
	if (what != NULL)
		return cs_fail_errno(err, "%s%s", store->path, what);
	if (cs_store_refusecopy(store, err) == -1)
		return -1;
	if (makeindex(store, &made) == -1)
		return cs_fence_failmake(store, "index", err);
	if (cs_fence_ours(store, store->certs, "/certs", err) == -1 ||
	    cs_fence_ours(store, store->pending, "/.pending", err) == -1 ||
	    cs_fence_ours(store, store->combined, "/combined", err) == -1 ||
	    cs_fence_ours(store, store->index, "/index", err) == -1)
		return -1;
	store->syncall = cs_file_losesnames(store->fd);
	if (made && store->linked && fsync(store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (store->linked || cs_store_iscopied(store) != 0)
		return 0;
	store->tidy = 1; /* it is new, and empty */
	return cs_layout_conclude(store, err);
}

/*
 * A directory without certs/ has to be empty but for what a writer makes; if
 * certs/ is there by now, another writer has made it.
 */
int
cs_layout_refuseforeign(const struct certstore *store,
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_each(store->fd, ".", isforeign, NULL)) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (rv == 0 ||
	    faccessat(store->fd, "certs", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is not a store and not empty: use a new or an empty "
	    "directory",
	    store->path);
}

/* Syncs the directory that the store is in. */
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

/* Makes .links once all that it speaks of is on disk, but for the names in the
 * store's own directory, which are synced with it. */
static int
conclude(struct certstore *store)
{
	if (store->syncall) {
		if (syncfs(store->fd) == -1)
			return -1;
		cs_index_synced(store);
	} else if (cs_index_sync(store) == -1 || fsync(store->index) == -1 ||
	    fsync(store->certs) == -1 || fsync(store->combined) == -1 ||
	    fsync(store->pending) == -1)
		return -1;
	if (cs_file_link(store->fd, ".lock", ".links") == -1 ||
	    cs_store_sync(store, store->fd) == -1)
		return -1;
	return syncparent(store);
}

int
cs_layout_conclude(struct certstore *store, struct certstore_error *err)
{
	if (conclude(store) == -1)
		return cs_fence_failmake(store, ".links", err);
	store->linked = 1;
	store->uncombined = 0;
	return 0;
}
