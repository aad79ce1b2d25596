/*
 * layout.c: the directories of a store: made where they are missing, and called
 * whole once all of it is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

static int
isforeign(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, ".lock") != 0 && strcmp(name, "index") != 0 &&
	    strcmp(name, "combined") != 0 && strcmp(name, ".pending") != 0 &&
	    strcmp(name, ".links") != 0 && strcmp(name, ".index") != 0 &&
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

/*
 * Makes what is missing of a store's directories, and opens all of them anew.
 */
int
cs_layout_make(struct certstore *store, struct certstore_error *err)
{
	int certs = -1, made = 0, whole = 1;
	const char *what;

	if (makesub(store, ".pending", &store->pending, &made) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	if (makesub(store, "combined", &store->combined, &made) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	store->fresh = 0;
	what = cs_store_reopen(store);
	if (what != NULL && errno == ENOENT && strcmp(what, "/certs") == 0) {
		if (cs_file_mkdir(store->fd, "certs", &certs) == -1)
			return cs_fail_errno(err, "%s/certs", store->path);
		close(certs);
		store->fresh = 1;
		what = cs_store_reopen(store);
	}
	if (what != NULL)
		return cs_fail_errno(err, "%s%s", store->path, what);
	if (store->intact && (whole = cs_index_ismade(store)) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	if (!whole || store->fresh)
		store->intact = 0;
	if (cs_fence_ours(store, store->certs, "/certs", err) == -1 ||
	    cs_fence_ours(store, store->pending, "/.pending", err) == -1 ||
	    cs_fence_ours(store, store->combined, "/combined", err) == -1 ||
	    (store->index != -1 &&
		cs_fence_ours(store, store->index, "/index", err) == -1))
		return -1;
	store->syncall = cs_file_losesnames(store->fd);
	if (made && store->intact && fsync(store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	return 0;
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
 * All directories and links of the store are on disk: makes .links, which says
 * so.  The caller must fsync the store's directory.
 */
int
cs_layout_conclude(struct certstore *store, struct certstore_error *err)
{
	int rv;

	if (cs_fence_verify(store, err) == -1)
		return -1;
	if (store->syncall) {
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
