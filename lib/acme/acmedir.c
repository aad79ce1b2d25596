/*
 * acmedir.c: the directories in STORE/acme, which only the owner of the store
 * can read.
 */
#include <errno.h>
#include <unistd.h>

#include "acme/private.h"

/* Opens a directory, perhaps made; a writer's must be its own. */
static int
openprivate(int above, const char *name, int make)
{
	int fd, rv;

	if ((fd = cs_file_opendir(above, name)) == -1 && errno == ENOENT &&
	    make && cs_file_mkprivate(above, name, &fd) == 0 &&
	    fsync(above) == -1)
		cs_file_close(&fd);
	if (fd == -1 || !make || (rv = cs_file_isours(fd)) == 1)
		return fd;
	if (rv == 0)
		errno = EPERM;
	cs_file_close(&fd);
	return -1;
}

int
cs_acmedir_open(const struct certstore *store, const char *sub, int make,
    struct certstore_error *err)
{
	int acme = -1, fd = -1, top;

	if ((top = cs_file_openpath(certstore_path(store))) == -1)
		return cs_fail_errno(err, "%s", certstore_path(store));
	if ((acme = openprivate(top, CS_ACME_DIR, make)) == -1)
		cs_fail_errno(err, "%s/" CS_ACME_DIR, certstore_path(store));
	else if ((fd = openprivate(acme, sub, make)) == -1)
		cs_fail_errno(err, "%s/" CS_ACME_DIR "/%s",
		    certstore_path(store), sub);
	cs_file_close(&acme);
	close(top);
	return fd;
}
