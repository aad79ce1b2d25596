/*
 * profile.c: the file profiles/NAME of a store, certstore(5): who may have
 * written it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>

#include "store/private.h"

#define DIR_NAME "profiles"
#define MAX_SIZE (64 * 1024)

/*
 * Nobody may change what a CA signs but the owner of the store, or root: fails
 * if others can, or if the type is another one.
 */
static int
checkowner(const struct certstore *store, const char *file,
    const struct stat *st, mode_t type, struct certstore_error *err)
{
	const char *slash = *file == '\0' ? "" : "/";
	struct stat root;

	if (fstat(store->fd, &root) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if ((st->st_mode & S_IFMT) != type)
		return cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s/" DIR_NAME "%s%s: is %s: use %s", store->path, slash,
		    file,
		    S_ISLNK(st->st_mode) ? "a symbolic link" :
					   "of another type",
		    type == S_IFDIR ? "a directory" : "a regular file");
	if (st->st_uid != root.st_uid && st->st_uid != 0)
		return cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s/" DIR_NAME "%s%s: belongs to uid %lu: chown it to uid "
		    "%lu",
		    store->path, slash, file, (unsigned long)st->st_uid,
		    (unsigned long)root.st_uid);
	if ((st->st_mode & 022) != 0)
		return cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s/" DIR_NAME "%s%s: others can write it: chmod go-w",
		    store->path, slash, file);
	return 0;
}

/* The name is that of an entry. */
int
cs_profile_read(struct certstore *store, const char *name, struct cs_buf *text,
    struct certstore_error *err)
{
	struct stat st;
	int dir, rv = -1;

	cs_buf_reset(text);
	if (store->fd == -1 ||
	    fstatat(store->fd, DIR_NAME, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return store->fd == -1 || errno == ENOENT ?
		    0 :
		    cs_fail_errno(err, "%s/" DIR_NAME, store->path);
	if (checkowner(store, "", &st, S_IFDIR, err) == -1)
		return -1;
	if ((dir = cs_file_opendir(store->fd, DIR_NAME)) == -1)
		return cs_fail_errno(err, "%s/" DIR_NAME, store->path);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		rv = errno == ENOENT ?
		    0 :
		    cs_fail_errno(err, "%s/" DIR_NAME "/%s", store->path, name);
	else if (checkowner(store, name, &st, S_IFREG, err) == 0) {
		if (cs_file_read(dir, name, MAX_SIZE, text) == 0)
			rv = 1;
		else if (errno == EFBIG)
			cs_fail(err, CERTSTORE_EREFUSED,
			    "%s/" DIR_NAME "/%s: larger than %d bytes",
			    store->path, name, MAX_SIZE);
		else
			cs_fail_errno(err, "%s/" DIR_NAME "/%s", store->path,
			    name);
	}
	cs_file_close(&dir);
	return rv;
}
