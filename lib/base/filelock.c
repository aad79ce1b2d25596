/*
 * filelock.c: locks of files, and what their holder notes in them.  What only
 * matches needs none of it.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

#define MODE 0600 /* others could hold the lock for ever */

void
cs_file_note(int fd, const char *text)
{
	size_t len = strlen(text);

	if (pwrite(fd, text, len, 0) != (ssize_t)len ||
	    ftruncate(fd, (off_t)len) == -1)
		(void)!ftruncate(fd, 0);
}

void
cs_file_noted(int fd, char *text, size_t size)
{
	ssize_t n;

	n = pread(fd, text, size - 1, 0);
	text[n < 0 ? 0 : n] = '\0';
}

/*
 * Opens and locks a file with flock(2), without waiting: EWOULDBLOCK if another
 * process has the lock, also on a host that mounts the disk by NFS.  Shared, it
 * excludes only one that is not.  Returns the descriptor.  If the name is that of
 * another file by then, tries again.
 */
int
cs_file_lock(int dirfd, const char *name, int shared)
{
	const int op = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
	struct stat st, now;
	int errnum, fd;

	for (;;) {
		fd = openat(dirfd, name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    MODE);
		if (fd == -1)
			return -1;
		if (flock(fd, op) == -1 ||
		    cs_mount_lockserved(fd, shared) == -1 ||
		    fstat(fd, &st) == -1 ||
		    ((st.st_mode & 07777) != MODE && st.st_uid == geteuid() &&
			fchmod(fd, MODE) == -1))
			break;
		if (fstatat(dirfd, name, &now, AT_SYMLINK_NOFOLLOW) == -1) {
			if (errno != ENOENT)
				break;
		} else if (st.st_dev == now.st_dev && st.st_ino == now.st_ino)
			return fd;
		close(fd);
	}
	errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}
