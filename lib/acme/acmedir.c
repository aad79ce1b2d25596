/*
 * acmedir.c: the directories in STORE/acme, which only the owner of the store
 * can read.
 */
#include <errno.h>
#include <unistd.h>

#include "acme/private.h"

/* Opens a directory, which path names in messages. */
static int
openprivate(int above, const char *name, enum cs_acmedir how, const char *path,
    struct certstore_error *err)
{
	int fd, rv;

	if ((fd = cs_file_opendir(above, name)) == -1 && errno == ENOENT &&
	    how == CS_ACMEDIR_MAKE &&
	    cs_file_mkprivate(above, name, &fd) == 0 && fsync(above) == -1)
		cs_file_close(&fd);
	if (fd == -1)
		return cs_fail_errno(err, "%s", path);
	if (how == CS_ACMEDIR_READ || (rv = cs_file_isours(fd)) == 1)
		return fd;
	if (rv == -1)
		cs_fail_errno(err, "%s", path);
	else
		cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s: belongs to another user or others can write it: run "
		    "this as its owner, or chown it and chmod go-w",
		    path);
	close(fd);
	return -1;
}

int
cs_acmedir_open(const struct certstore *store, const char *sub,
    enum cs_acmedir how, struct certstore_error *err)
{
	int acme, fd = -1, top;
	struct cs_buf path = { 0 };

	if ((top = cs_file_openpath(certstore_path(store))) == -1)
		return cs_fail_errno(err, "%s", certstore_path(store));
	if (cs_buf_printf(&path, "%s/" CS_ACME_DIR, certstore_path(store)) ==
	    -1)
		goto nomem;
	acme = openprivate(top, CS_ACME_DIR, how, path.p, err);
	if (acme == -1)
		goto out;
	if (cs_buf_printf(&path, "/%s", sub) == -1) {
		close(acme);
		goto nomem;
	}
	fd = openprivate(acme, sub, how, path.p, err);
	close(acme);
	goto out;
nomem:
	cs_fail_nomem(err);
out:
	cs_buf_free(&path);
	close(top);
	return fd;
}
