/*
 * fence.c: whether a writer still has the lock, the directories and the intents
 * that it began with.  Asked before each step that cannot be taken back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "store/private.h"

int
cs_fence_ours(const struct certstore *store, int fd, const char *sub,
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_isours(fd)) == -1)
		return cs_fail_errno(err, "%s%s", store->path, sub);
	if (rv == 0)
		return cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s%s: belongs to "
		    "another user or others can write it: run this as its "
		    "owner, or chown it and chmod go-w",
		    store->path, sub);
	return 0;
}

static const char *const heldnames[CS_NHELD - 1] = { ".lock", "certs",
	".pending", "combined", "index" };

/*
 * Notes the inodes of the lock and of the open directories: each name has to
 * lead to the same inode until the lock is released.  The last one is the
 * store's own directory, by its path.
 */
int
cs_fence_begin(struct certstore *store, struct certstore_error *err)
{
	const int fds[CS_NHELD] = { store->lock, store->certs, store->pending,
		store->combined, store->index, store->fd };
	size_t i;

	for (i = 0; i < CS_NHELD; i++)
		if (fds[i] != -1 &&
		    cs_file_inode(fds[i], &store->held[i]) == -1)
			return cs_fail_errno(err, "%s", store->path);
	return 0;
}

/*
 * The first of heldnames, from i on, that leads to another inode; the number of
 * names if there is none.  rv: 1, 0 another inode, -1 and errno.
 */
static size_t
firstlost(const struct certstore *store, size_t i, int *rv)
{
	for (*rv = 1; i < CS_NHELD - 1; i++) {
		*rv = cs_file_isinode(store->fd, heldnames[i],
		    AT_SYMLINK_NOFOLLOW, &store->held[i]);
		if (*rv != 1)
			break;
	}
	return i;
}

/*
 * Does this process still have the lock and the directories?  If .lock was
 * removed or the store replaced, another writer may have taken the lock, and
 * takes this writer's intents for those of a killed one.
 */
int
cs_fence_verify(const struct certstore *store, struct certstore_error *err)
{
	const char *name = "", *slash = "";
	size_t i;
	int rv;

	if ((i = firstlost(store, 0, &rv)) < CS_NHELD - 1) {
		name = heldnames[i];
		slash = "/";
	} else
		rv = cs_file_isinode(AT_FDCWD, store->path, 0, &store->held[i]);
	if (rv == 1)
		return 0;
	if (rv == -1)
		return cs_fail_errno(err, "%s%s%s", store->path, slash, name);
	return cs_fail(err, CERTSTORE_EBUSY,
	    "%s%s%s: was removed or replaced during this change, and "
	    "another writer may have written: check with cert-list%s what "
	    "is there, then run this again",
	    store->path, slash, name, store->option);
}

/* Are the open directories still those of the store? */
int
cs_fence_isplace(const struct certstore *store)
{
	int rv;

	return firstlost(store, 1, &rv) == CS_NHELD - 1;
}

int
cs_fence_isheld(const struct certstore *store)
{
	return cs_file_isinode(store->fd, ".lock", AT_SYMLINK_NOFOLLOW,
		   &store->held[0]) == 1;
}

int
cs_fence_lost(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EBUSY,
	    "%s: another writer wrote during this change, without waiting "
	    "for the lock: check with cert-list%s what is there, then run "
	    "this again",
	    name, store->option);
}

/* Is errnum what symlink(2) gives on a file system without symbolic links? */
static int
lackslinks(const struct certstore *store, int errnum)
{
	static const char probe[] = ".probe";

	if (errnum != EPERM && errnum != EOPNOTSUPP && errnum != ENOSYS)
		return 0;
	/* an immutable directory gives EPERM too, and takes no directory
	 * either */
	return cs_file_mkdir(store->pending, probe, NULL) == 0 &&
	    cs_file_rmtree(store->pending, probe) == 0;
}

int
cs_fence_failmake(const struct certstore *store, const char *what,
    struct certstore_error *err)
{
	int errnum = errno;

	if (lackslinks(store, errnum))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: this file system has no symbolic links, which a "
		    "store needs: use -d or CERTSTORE with a directory "
		    "elsewhere",
		    store->path);
	errno = errnum;
	return cs_fail_errno(err, "%s/%s", store->path, what);
}

int
cs_fence_failintent(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	char what[CS_NAME_MAX + 16];

	if (errno == EEXIST)
		return cs_fence_lost(store, name, err);
	snprintf(what, sizeof(what), ".pending/%s", name);
	return cs_fence_failmake(store, what, err);
}

int
cs_fence_intent(const struct certstore *store, const char *name,
    const char *text, struct certstore_error *err)
{
	char now[CS_GENDIR + 8];

	if (cs_file_readlink(store->pending, name, now, sizeof(now)) != -1) {
		if (strcmp(now, text) == 0)
			return 0;
	} else if (errno != ENOENT && errno != EINVAL && errno != ENAMETOOLONG)
		return cs_fail_errno(err, "%s/.pending/%s", store->path, name);
	return cs_fence_lost(store, name, err);
}
