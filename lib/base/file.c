/*
 * file.c: the only file with calls of open(2), rename(2) and unlink(2).  Names
 * are relative to an open directory, links are not followed, and modes do not
 * depend on the umask.  Functions return -1 and errno on an error.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "system.h"

#define RECORD_SIZE 8192 /* bytes of a file that one read(2) takes */
#define DEPTH_MAX 8	 /* of a tree that is removed */
#define EXT_MAGIC 0xEF53 /* ext2, ext3 and ext4 */
#define ACCESS_ACL "system.posix_acl_access"
#define DEFAULT_ACL "system.posix_acl_default"
#define FUSE_MAGIC 0x65735546 /* does not pass syncfs(2) on */

int
cs_file_join(char *path, size_t size, const char *dir, const char *file)
{
	size_t dirlen = strlen(dir), len = strlen(file);

	if (dirlen + 1 + len >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, dir, dirlen);
	path[dirlen] = '/';
	memcpy(path + dirlen + 1, file, len + 1);
	return 0;
}

static void
closekeep(int fd)
{
	int errnum = errno;

	close(fd);
	errno = errnum;
}

static ssize_t
readchunk(int fd, void *p, size_t len)
{
	ssize_t n;

	do
		n = read(fd, p, len);
	while (n == -1 && errno == EINTR);
	return n;
}

/* Reads a regular file of at most max bytes from fd, and closes fd. */
static int
readfd(int fd, size_t max, struct cs_buf *b)
{
	struct stat st;
	size_t size;
	ssize_t n;

	cs_buf_reset(b);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		goto fail;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 ||
	    (size_t)st.st_size > max) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		goto fail;
	}
	size = (size_t)st.st_size;
	if (cs_buf_reserve(b, size) == -1) {
		errno = ENOMEM;
		goto fail;
	}
	while (b->len < size &&
	    (n = readchunk(fd, b->p + b->len, size - b->len)) != 0) {
		if (n == -1)
			goto fail;
		b->len += (size_t)n;
	}
	b->p[b->len] = '\0';
	close(fd);
	return 0;
fail:
	closekeep(fd);
	return -1;
}

/* Reads a file.  O_NONBLOCK: a FIFO in its place must not block the reader. */
int
cs_file_read(int dirfd, const char *name, size_t max, struct cs_buf *b)
{
	return readfd(openat(dirfd, name,
			  O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
			      O_CLOEXEC),
	    max, b);
}

/* The same, but follows links: for directories such as /etc/ssl/certs. */
int
cs_file_follow(int dirfd, const char *name, size_t max, struct cs_buf *b)
{
	return readfd(openat(dirfd, name,
			  O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
	    max, b);
}

/*
 * cs_file_read() of a mostly small file, without fstat(2): read(2) fails for a
 * directory, and what reads as empty may be a FIFO.
 */
int
cs_file_record(int dirfd, const char *name, size_t max, struct cs_buf *b)
{
	char text[RECORD_SIZE];
	ssize_t n;
	int fd;

	cs_buf_reset(b);
	fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = readchunk(fd, text, sizeof(text));
	closekeep(fd);
	if (n == -1)
		return -1;
	if (n == 0 || (size_t)n == sizeof(text))
		return cs_file_read(dirfd, name, max, b);
	if (cs_buf_add(b, text, (size_t)n) == -1) {
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

/* Removes an access control list, if there is one. */
static int
dropacl(int fd, const char *acl)
{
	if (fgetxattr(fd, acl, NULL, 0) == -1)
		return 0;
	return fremovexattr(fd, acl);
}

/* Is it a file of ours, or with S_IFDIR in mode a directory? */
static int
isownfile(const struct stat *st, mode_t mode)
{
	return st->st_uid == geteuid() &&
	    (S_ISDIR(mode) ? S_ISDIR(st->st_mode) :
			     S_ISREG(st->st_mode) && st->st_nlink == 1);
}

int
cs_file_setmode(int dirfd, const char *name, mode_t mode, gid_t gid, int set,
    mode_t *now)
{
	struct stat st;
	int fd, ours, rv = 0;

	fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT || errno == ELOOP || errno == EACCES ||
			errno == ENOTDIR || errno == ENXIO ?
		    0 :
		    -1;
	if (fstat(fd, &st) == -1) {
		closekeep(fd);
		return -1;
	}
	ours = isownfile(&st, mode);
	*now = st.st_mode & 07777;
	mode = mode == 0 ? *now & (mode_t)~022 : mode & 07777;
	if ((mode & 040) == 0 || (mode & 04) != 0)
		gid = (gid_t)-1;
	if (ours &&
	    (*now != mode || (gid != (gid_t)-1 && st.st_gid != gid) ||
		((mode & 04) == 0 && fgetxattr(fd, ACCESS_ACL, NULL, 0) >= 0)))
		rv = 1;
	/* nobody may read it for an instant who may not in the end */
	if (rv == 1 && set &&
	    (fchmod(fd, mode & 0700) == -1 || dropacl(fd, ACCESS_ACL) == -1 ||
		(gid != (gid_t)-1 && fchown(fd, (uid_t)-1, gid) == -1) ||
		fchmod(fd, mode) == -1)) {
		closekeep(fd);
		return -1;
	}
	close(fd);
	return rv;
}

/* Whether a file has an ACL with more entries than its mode: 1, 0, -1. */
int
cs_file_hasacl(int dirfd, const char *name)
{
	ssize_t n;
	int fd;

	fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	n = fgetxattr(fd, ACCESS_ACL, NULL, 0);
	close(fd);
	return n >= 0;
}

/*
 * Lets only the owner access a file: mode 0600, no ACL.  With sync this is on
 * disk when it returns.
 */
int
cs_file_restrict(int dirfd, const char *name, int sync)
{
	int fd;

	fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fchmod(fd, 0600) == -1 || dropacl(fd, ACCESS_ACL) == -1 ||
	    (sync && fsync(fd) == -1)) {
		closekeep(fd);
		return -1;
	}
	return close(fd);
}

static int
writebytes(int fd, const char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		do
			n = write(fd, p, len);
		while (n == -1 && errno == EINTR);
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * Writes a new file.  Its mode is 0600 until the contents are complete, then it
 * gets its group and mode.  A default ACL of the directory gives nobody access:
 * 0600 masks it, and it is removed before the mode changes.  With out, the file
 * stays open there: writing to disk has begun, and the caller must fsync.
 */
int
cs_file_write(int dirfd, const char *name, const struct cs_buf *b, mode_t mode,
    gid_t gid, int *out)
{
	int fd;

	fd = openat(dirfd, name,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	if (writebytes(fd, b->p, b->len) == -1 ||
	    ((mode & 07) == 0 && dropacl(fd, ACCESS_ACL) == -1) ||
	    (gid != (gid_t)-1 && fchown(fd, (uid_t)-1, gid) == -1) ||
	    fchmod(fd, mode) == -1) {
		closekeep(fd);
		return -1;
	}
	if (out != NULL) {
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		*out = fd;
		return 0;
	}
	return close(fd);
}

/*
 * Writes .NAME@new and renames it.  One that is left behind by an interruption
 * is removed.
 */
int
cs_file_replace(int dirfd, const char *name, const struct cs_buf *b,
    mode_t mode)
{
	char tmp[NAME_MAX + 1];
	int fd;

	if ((size_t)snprintf(tmp, sizeof(tmp), ".%s@new", name) >=
	    sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (cs_file_remove(dirfd, tmp) == -1 ||
	    cs_file_write(dirfd, tmp, b, mode, (gid_t)-1, &fd) == -1)
		return -1;
	if (fsync(fd) == -1) {
		closekeep(fd);
		return -1;
	}
	close(fd);
	if (renameat(dirfd, tmp, dirfd, name) == -1)
		return -1;
	return fsync(dirfd);
}

/* Appends a plain file. */
static int
appendfile(int to, int dirfd, const char *name)
{
	char chunk[65536];
	struct stat st;
	ssize_t n = -1;
	int fd;

	fd = openat(dirfd, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EINVAL;
	else
		while ((n = readchunk(fd, chunk, sizeof(chunk))) > 0)
			if (writebytes(to, chunk, (size_t)n) == -1) {
				n = -1;
				break;
			}
	closekeep(fd);
	return n == 0 ? 0 : -1;
}

int
cs_file_concat(int dirfd, const char *name, int from, const char *const *names,
    size_t n, mode_t mode, int *out)
{
	struct cs_buf none = { 0 };
	size_t i;
	int fd;

	if (cs_file_write(dirfd, name, &none, mode, (gid_t)-1, &fd) == -1)
		return -1;
	for (i = 0; i < n; i++)
		if (appendfile(fd, from, names[i]) == -1) {
			closekeep(fd);
			return -1;
		}
	if (out == NULL)
		return close(fd);
	*out = fd;
	return 0;
}

int
cs_file_newlink(int dirfd, const char *text, const char *name)
{
	return symlinkat(text, dirfd, name);
}

/* The temporary name of a link, in the same directory: .NAME@link. */
static int
asidename(char tmp[CS_NAME_MAX + 64], const char *name)
{
	const char *base;

	base = strrchr(name, '/');
	base = base == NULL ? name : base + 1;
	if ((size_t)snprintf(tmp, CS_NAME_MAX + 64, "%.*s.%s@link",
		(int)(base - name), name, base) < CS_NAME_MAX + 64)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int
linkaside(int dirfd, const char *text, const char *tmp)
{
	char now[CS_NAME_MAX + 64];

	if (symlinkat(text, dirfd, tmp) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (cs_file_readlink(dirfd, tmp, now, sizeof(now)) != -1 &&
	    strcmp(now, text) == 0)
		return 0;
	if (unlinkat(dirfd, tmp, 0) == -1)
		return -1;
	return symlinkat(text, dirfd, tmp);
}

/*
 * Makes the temporary link that the next cs_file_link() with this text and name
 * renames, so that the caller can sync it to disk before.
 */
int
cs_file_aside(int dirfd, const char *text, const char *name)
{
	char tmp[CS_NAME_MAX + 64];

	if (asidename(tmp, name) == -1)
		return -1;
	return linkaside(dirfd, text, tmp);
}

/* Makes a symbolic link, or replaces what has that name in one step. */
int
cs_file_link(int dirfd, const char *text, const char *name)
{
	char tmp[CS_NAME_MAX + 64];

	if (symlinkat(text, dirfd, name) == 0)
		return 0;
	if (errno != EEXIST)
		return -1;
	if (asidename(tmp, name) == -1 || linkaside(dirfd, text, tmp) == -1)
		return -1;
	if (renameat(dirfd, tmp, dirfd, name) == -1) {
		int errnum = errno;

		unlinkat(dirfd, tmp, 0);
		errno = errnum;
		return -1;
	}
	return 0;
}

/*
 * Opens a regular file to read, or to append, too; EINVAL if it is none.  size:
 * how many bytes it has, or NULL.
 */
int
cs_file_open(int dirfd, const char *name, int append, int64_t *size)
{
	struct stat st;
	int fd;

	fd = openat(dirfd, name,
	    (append ? O_RDWR | O_APPEND : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK |
		O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (size != NULL)
			*size = st.st_size;
		return fd;
	}
	close(fd);
	errno = EINVAL;
	return -1;
}

/*
 * Adds all of b to an open file of that size; if there is no space for all of
 * it, nothing is added.
 */
int
cs_file_append(int fd, int64_t size, const struct cs_buf *b)
{
	int errnum, rv;

	if (writebytes(fd, b->p, b->len) == 0)
		return 0;
	errnum = errno;
	do
		rv = ftruncate(fd, (off_t)size);
	while (rv == -1 && errno == EINTR);
	errno = errnum;
	return -1;
}

/* Closes a descriptor, unless it is -1, and sets it to -1. */
void
cs_file_close(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

ssize_t
cs_file_readlink(int dirfd, const char *name, char *text, size_t size)
{
	ssize_t n;

	n = readlinkat(dirfd, name, text, size);
	if (n == -1)
		return -1;
	if ((size_t)n >= size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	text[n] = '\0';
	return n;
}

int
cs_file_opendir(int dirfd, const char *name)
{
	return openat(dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Opens a directory by the path that a user typed; follows links. */
int
cs_file_openpath(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
cs_file_rename(int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to);
}

/* Opens a directory; if it was just made, removes inherited access. */
static int
opendirto(int dirfd, const char *name, int made, mode_t mode, int *out)
{
	int fd;

	if ((fd = cs_file_opendir(dirfd, name)) == -1)
		return -1;
	if (made &&
	    (dropacl(fd, DEFAULT_ACL) == -1 || dropacl(fd, ACCESS_ACL) == -1 ||
		fchmod(fd, mode) == -1)) {
		closekeep(fd);
		return -1;
	}
	if (out != NULL)
		*out = fd;
	else
		close(fd);
	return 0;
}

/*
 * Makes and opens a directory; EEXIST if it exists.  mkdir(2) gets 0755, too:
 * after an interruption the mode is then right, but for the umask.
 */
int
cs_file_newdir(int dirfd, const char *name, int *out)
{
	if (mkdirat(dirfd, name, 0755) == -1)
		return -1;
	return opendirto(dirfd, name, 1, 0755, out);
}

/* The same, but one that exists is opened, and keeps its mode. */
int
cs_file_mkdir(int dirfd, const char *name, int *out)
{
	int made;

	made = mkdirat(dirfd, name, 0755) == 0;
	if (!made && errno != EEXIST)
		return -1;
	return opendirto(dirfd, name, made, 0755, out);
}

/* For keys and tokens. */
int
cs_file_mkprivate(int dirfd, const char *name, int *out)
{
	int made;

	made = mkdirat(dirfd, name, 0700) == 0;
	if (!made && errno != EEXIST)
		return -1;
	return opendirto(dirfd, name, made, 0700, out);
}

int
cs_file_remove(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == -1 && errno != ENOENT)
		return -1;
	return 0;
}

/*
 * cs_file_each() for an open directory, which is closed.  readdir(3) would make
 * three more system calls, which counts where each entry's directory is read.
 */
static int
eachin(int fd, int (*fn)(void *, const char *), void *arg)
{
	_Alignas(struct dirent64) char buf[16384];
	const struct dirent64 *de;
	ssize_t at, n;
	int rv = 0;

	while (rv == 0 && (n = getdents64(fd, (void *)buf, sizeof(buf))) != 0) {
		if (n == -1) {
			rv = -1;
			break;
		}
		for (at = 0; rv == 0 && at < n; at += de->d_reclen) {
			de = (const struct dirent64 *)(void *)(buf + at);
			if (strcmp(de->d_name, ".") != 0 &&
			    strcmp(de->d_name, "..") != 0)
				rv = fn(arg, de->d_name);
		}
	}
	closekeep(fd);
	return rv;
}

/*
 * Calls fn for each name in a directory except "." and "..".  If fn returns
 * other than 0, stops and returns that.
 */
int
cs_file_each(int dirfd, const char *name, int (*fn)(void *, const char *),
    void *arg)
{
	int fd;

	if ((fd = cs_file_opendir(dirfd, name)) == -1)
		return -1;
	return eachin(fd, fn, arg);
}

struct removal {
	int dirfd;
	int depth;
};

static int removeone(void *, const char *);

static int
removetree(int dirfd, const char *name, int depth)
{
	struct removal in;
	int rv;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if ((errno != EISDIR && errno != EPERM) || depth == 0)
		return -1;
	if ((in.dirfd = cs_file_opendir(dirfd, name)) == -1)
		return errno == ENOENT ? 0 : -1;
	in.depth = depth - 1;
	rv = eachin(in.dirfd, removeone, &in);
	if (rv == -1)
		return -1;
	return unlinkat(dirfd, name, AT_REMOVEDIR);
}

static int
removeone(void *arg, const char *name)
{
	struct removal *in = arg;

	return removetree(in->dirfd, name, in->depth);
}

int
cs_file_rmtree(int dirfd, const char *name)
{
	return removetree(dirfd, name, DEPTH_MAX);
}

/*
 * Removes a directory and these files in it, of which any may be missing.
 * Fails if it has other files.
 */
int
cs_file_rmdir(int dirfd, const char *name, const char *const *files, size_t n)
{
	size_t i;
	int fd, rv = 0;

	if ((fd = cs_file_opendir(dirfd, name)) == -1)
		return -1;
	for (i = 0; i < n && rv == 0; i++)
		rv = cs_file_remove(fd, files[i]);
	closekeep(fd);
	return rv == -1 ? -1 : unlinkat(dirfd, name, AT_REMOVEDIR);
}

/* Whether the effective user owns fd and nobody else can write: 1, 0, -1. */
int
cs_file_isours(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	return st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

/* Reads a short text, from a file in /sys. */
static int
readshort(const char *path, char *text, size_t size)
{
	ssize_t n;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return -1;
	n = readchunk(fd, text, size - 1);
	close(fd);
	if (n == -1)
		return -1;
	text[n] = '\0';
	return 0;
}

/*
 * Whether fsync(2) of a directory leaves out the symbolic links in it: on ext2,
 * and on ext4 without a journal, it writes the names, but not the inodes of
 * links.  Returns 1 also if this cannot be determined, else 0.
 */
int
cs_file_losesnames(int fd)
{
	char device[256], path[300], text[32];
	const char *base;
	struct stat st;

	if (system_filesystem(fd) != EXT_MAGIC)
		return 0;
	if (fstat(fd, &st) == -1)
		return 1;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev),
	    minor(st.st_dev));
	if (cs_file_readlink(AT_FDCWD, path, device, sizeof(device)) == -1 ||
	    (base = strrchr(device, '/')) == NULL)
		return 1;
	snprintf(path, sizeof(path), "/sys/fs/ext4%s/journal_task", base);
	return readshort(path, text, sizeof(text)) == -1 || text[0] == '<';
}

int
cs_file_inode(int fd, struct cs_inode *node)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	node->dev = st.st_dev;
	node->ino = st.st_ino;
	return 0;
}

int
cs_file_isinode(int dirfd, const char *name, int flags,
    const struct cs_inode *node)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, flags) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	return st.st_dev == node->dev && st.st_ino == node->ino;
}

int
cs_file_hassyncfs(int fd)
{
	int64_t type = system_filesystem(fd);

	return type != 0 && type != FUSE_MAGIC;
}
