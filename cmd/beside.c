/*
 * beside.c: writes files that are not in the store, such as one beside each of
 * many others.  All are on disk before the first has its name.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cmd.h"
#include "system.h"

#define BULK 16 /* files from which one syncfs is cheaper */
#define FUSE_MAGIC 0x65735546

/* "a.crt" for "a.csr"; what has no such ending keeps all of its name. */
char *
cmd_beside_name(const char *file)
{
	static const char *const endings[] = { ".csr", ".req", ".p10" };
	size_t i, len = strlen(file);
	char *name;

	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (len > 4 && file[len - 5] != '/' &&
		    strcasecmp(file + len - 4, endings[i]) == 0) {
			len -= 4;
			break;
		}
	if (asprintf(&name, "%.*s.crt", (int)len, file) == -1)
		cmd_die("no memory left");
	return name;
}

/* The length of what comes before the last part of a path. */
static size_t
dirlength(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Can a file be written, and may it: 1, or 0 with a message.  A link is not
 * followed. */
int
cmd_beside_may(const char *path, int force)
{
	size_t len = dirlength(path);
	char clean[256], *dir;
	struct stat st;
	int rv = 0;

	cmd_clean(path, clean, sizeof(clean));
	dir = len == 0 ? strdup(".") : strndup(path, len);
	if (dir == NULL)
		cmd_die("no memory left");
	if (lstat(path, &st) == -1)
		rv = errno == ENOENT ? 0 : -1;
	else if (!force || !S_ISREG(st.st_mode)) {
		errno = S_ISREG(st.st_mode) ? EEXIST : EINVAL;
		rv = -1;
	}
	if (rv == 0)
		rv = access(dir, W_OK | X_OK);
	if (rv == -1 && errno == EEXIST)
		cmd_error("%s: exists: use -f to replace it", clean);
	else if (rv == -1 && errno == EINVAL)
		cmd_error("%s: is not a regular file", clean);
	else if (rv == -1)
		cmd_error("%s: %s", clean, strerror(errno));
	free(dir);
	return rv == 0;
}

static int
failbeside(const char *path)
{
	char clean[256];

	cmd_error("%s: %s", cmd_clean(path, clean, sizeof(clean)),
	    errno == EEXIST ? "exists: use -f to replace it" : strerror(errno));
	return -1;
}

int
cmd_beside_add(struct cmd_beside *b, const char *path, const char *data,
    size_t len, mode_t mode)
{
	size_t dir = dirlength(path), done = 0;
	struct cmd_besidefile *file;
	ssize_t n = 0;
	int error, fd;

	if (b->n == b->size) {
		b->size = b->size == 0 ? 64 : 2 * b->size;
		b->v = reallocarray(b->v, b->size, sizeof(*b->v));
		if (b->v == NULL)
			cmd_die("no memory left");
	}
	file = &b->v[b->n];
	file->path = strdup(path);
	if (file->path == NULL ||
	    asprintf(&file->tmp, "%.*s.%s.%ld", (int)dir, path, path + dir,
		(long)getpid()) == -1)
		cmd_die("no memory left");
	(void)unlink(file->tmp);
	fd = open(file->tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	while (fd != -1 && done < len &&
	    ((n = write(fd, data + done, len - done)) > 0 ||
		(n == -1 && errno == EINTR)))
		done += n > 0 ? (size_t)n : 0;
	error = errno;
	if (fd != -1 && close(fd) == -1 && done == len) {
		error = errno;
		done = 0;
	}
	if (fd != -1 && done == len) {
		b->n++;
		return 0;
	}
	(void)unlink(file->tmp);
	errno = error;
	(void)failbeside(path);
	free(file->path);
	free(file->tmp);
	return -1;
}

static int
opendirof(const char *path)
{
	size_t len = dirlength(path);
	char *dir;
	int fd;

	dir = len == 0 ? strdup(".") : strndup(path, len);
	if (dir == NULL)
		cmd_die("no memory left");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	return fd;
}

/* How many files from the i-th on are in one directory. */
static size_t
countsame(const struct cmd_beside *b, size_t i)
{
	size_t len = dirlength(b->v[i].path), n;

	for (n = 1; i + n < b->n; n++)
		if (dirlength(b->v[i + n].path) != len ||
		    memcmp(b->v[i].path, b->v[i + n].path, len) != 0)
			break;
	return n;
}

static int
syncfile(const char *path)
{
	int error, fd, rv;

	if ((fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return -1;
	rv = fsync(fd);
	error = errno;
	close(fd);
	errno = error;
	return rv;
}

/* Has the file system of a directory syncfs(2)?  FUSE does nothing there. */
static int
syncsall(int dir)
{
	int64_t type = system_filesystem(dir);

	return type != 0 && type != FUSE_MAGIC;
}

static void
dropfile(struct cmd_besidefile *file)
{
	(void)failbeside(file->path);
	(void)unlink(file->tmp);
	free(file->path);
	file->path = NULL;
}

/* Gives a file its name, which another may have got meanwhile.  Some file
 * systems have no links. */
static int
namefile(const struct cmd_besidefile *file, int force)
{
	if (!force && link(file->tmp, file->path) == 0)
		return unlink(file->tmp);
	if (!force && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return -1;
	return rename(file->tmp, file->path);
}

/* Gives the files of one directory their names. */
static void
commitdirectory(struct cmd_besidefile *v, size_t n, int force)
{
	int dir, rv = 0;
	size_t i;

	if ((dir = opendirof(v[0].path)) == -1)
		rv = -1;
	else if (n >= BULK && syncsall(dir))
		rv = syncfs(dir);
	else
		for (i = 0; i < n && rv == 0; i++)
			rv = syncfile(v[i].tmp);
	for (i = 0; i < n; i++)
		if (rv == -1 || namefile(&v[i], force) == -1)
			dropfile(&v[i]);
	if (rv == 0 && fsync(dir) == -1)
		(void)failbeside(v[0].path == NULL ? v[0].tmp : v[0].path);
	if (dir != -1)
		close(dir);
}

void
cmd_beside_commit(struct cmd_beside *b)
{
	size_t i, n;

	for (i = 0; i < b->n; i += n) {
		n = countsame(b, i);
		commitdirectory(b->v + i, n, b->force);
	}
}

void
cmd_beside_free(struct cmd_beside *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		free(b->v[i].path);
		free(b->v[i].tmp);
	}
	free(b->v);
}
