/*
 * failing.h: allocations and system calls that fail when a test says so.  The
 * Makefile replaces the functions of libc by those here, with the linker's
 * --wrap, also in the library.  Include it in one file of a program.
 */
#ifndef FAILING_H
#define FAILING_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <unwind.h>
#endif

void *__real_malloc(size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void __wrap_free(void *);
void __wrap_freezero(void *, size_t);
void *__wrap_recallocarray(void *, size_t, size_t, size_t);
char *__wrap_strdup(const char *);
char *__wrap_strndup(const char *, size_t);
int __wrap_vasprintf(char **, const char *, va_list);
int __wrap_asprintf(char **, const char *, ...);
int __wrap___vasprintf_chk(char **, int, const char *, va_list);
int __wrap___asprintf_chk(char **, int, const char *, ...);

/* Allocations of the library, those of libcrypto, and system calls. */
enum owner { OURS, CRYPTO, KERNEL, OWNERS };
static size_t count[OWNERS]; /* how many there were */
static size_t fail[OWNERS];  /* the one that fails, from 1; 0: none */
static long live[OWNERS];    /* what is not freed */

/* The ways to what was counted while noting was an owner: a hash of all callers,
 * and the first and the last count that came from them. */
struct way {
	uint64_t callers;
	size_t first, last;
};
static struct way *ways;
static size_t nways;
static enum owner noting = OWNERS;

/* The next count after n that is the first or the last of a way; 0: none. */
static size_t
nextway(size_t n)
{
	size_t i, next = 0;

	for (i = 0; i < nways; i++) {
		if (ways[i].first > n && (next == 0 || ways[i].first < next))
			next = ways[i].first;
		if (ways[i].last > n && (next == 0 || ways[i].last < next))
			next = ways[i].last;
	}
	return next;
}

#ifdef __GLIBC__
static _Unwind_Reason_Code
addcaller(struct _Unwind_Context *frame, void *arg)
{
	uint64_t *hash = arg;

	*hash = (*hash ^ _Unwind_GetIP(frame)) * 0x100000001b3;
	return _URC_NO_REASON;
}
#endif

static void
noteway(size_t n)
{
	uint64_t hash = 0;
	struct way *more;
	size_t i;

#ifdef __GLIBC__
	_Unwind_Backtrace(addcaller, &hash);
#else
	hash = n; /* each is a way of its own */
#endif
	for (i = 0; i < nways && ways[i].callers != hash; i++)
		;
	if (i == nways) {
		more = __real_realloc(ways, (nways + 1) * sizeof(ways[0]));
		if (more == NULL)
			abort();
		ways = more;
		ways[nways++] = (struct way){ hash, n, n };
	}
	ways[i].last = n;
}

/* Counts one; whether it is to fail. */
static int
isfailing(enum owner owner)
{
	count[owner]++;
	if (noting == owner)
		noteway(count[owner]);
	return count[owner] == fail[owner];
}

static void *
allocate(enum owner owner, void *old, size_t size)
{
	void *p;

	if (isfailing(owner)) {
		errno = ENOMEM;
		return NULL;
	}
	p = __real_realloc(old, size == 0 ? 1 : size);
	if (p != NULL && old == NULL)
		live[owner]++;
	return p;
}

static void
release(enum owner owner, void *p)
{
	if (p != NULL)
		live[owner]--;
	__real_free(p);
}

void *
__wrap_malloc(size_t size)
{
	return allocate(OURS, NULL, size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *p;

	if ((p = allocate(OURS, NULL, n * size)) != NULL)
		memset(p, 0, n * size);
	return p;
}

void *
__wrap_realloc(void *old, size_t size)
{
	return allocate(OURS, old, size);
}

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return allocate(OURS, old, n * size);
}

void
__wrap_free(void *p)
{
	release(OURS, p);
}

/* Those of a libbsd that is shared would not come here. */
void
__wrap_freezero(void *p, size_t size)
{
	if (p != NULL)
		explicit_bzero(p, size);
	release(OURS, p);
}

void *
__wrap_recallocarray(void *old, size_t n, size_t more, size_t size)
{
	void *p = __wrap_calloc(more, size);

	if (p != NULL && old != NULL) {
		memcpy(p, old, (n < more ? n : more) * size);
		__wrap_freezero(old, n * size);
	}
	return p;
}

char *
__wrap_strndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *p;

	if ((p = allocate(OURS, NULL, len + 1)) == NULL)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

__attribute__((format(printf, 2, 0))) int
__wrap_vasprintf(char **out, const char *fmt, va_list ap)
{
	va_list again;
	size_t size;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	size = (size_t)n + 1;
	if ((*out = allocate(OURS, NULL, size)) == NULL)
		return -1;
	return vsnprintf(*out, size, fmt, ap);
}

__attribute__((format(printf, 2, 3))) int
__wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}

/* What -D_FORTIFY_SOURCE makes of both. */
__attribute__((format(printf, 3, 0))) int
__wrap___vasprintf_chk(char **out, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return __wrap_vasprintf(out, fmt, ap);
}

__attribute__((format(printf, 3, 4))) int
__wrap___asprintf_chk(char **out, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = __wrap_vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}

static void *
cryptomalloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return allocate(CRYPTO, NULL, size);
}

static void *
cryptorealloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return allocate(CRYPTO, old, size);
}

static void
cryptofree(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	release(CRYPTO, p);
}

/* Whether a system call is the one that fails; errno is set then. */
static int
isrefused(void)
{
	if (!isfailing(KERNEL))
		return 0;
	errno = EIO;
	return 1;
}

/*
 * A system call by the name that it has in an object file, which with large
 * files can end in 64.  What this libc does not have is weak, and not called; the
 * others are not, since an archive is not searched for a weak symbol.
 */
#define WEAK __attribute__((weak))
#define CALL(type, name, params, args) CALLAS(, type, name, params, args)
#define CALL64(type, name, params, args) \
	CALLAS(, type, name, params, args) \
	CALLAS(WEAK, type, name##64, params, args)
#define CALLAS(how, type, name, params, args) \
	type __real_##name params how; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return isrefused() ? -1 : __real_##name args; \
	}
#define OPENAS(how, name, params, args) \
	int __real_##name params how; \
	int __wrap_##name params; \
	int __wrap_##name params \
	{ \
		mode_t mode = 0; \
		va_list ap; \
\
		va_start(ap, flags); \
		if ((flags & O_CREAT) != 0) \
			mode = va_arg(ap, mode_t); \
		va_end(ap); \
		return isrefused() ? -1 : __real_##name args; \
	}

OPENAS(, open, (const char *path, int flags, ...), (path, flags, mode))
OPENAS(WEAK, open64, (const char *path, int flags, ...), (path, flags, mode))
OPENAS(, openat, (int dir, const char *path, int flags, ...),
    (dir, path, flags, mode))
OPENAS(WEAK, openat64, (int dir, const char *path, int flags, ...),
    (dir, path, flags, mode))
CALL64(int, stat, (const char *path, void *st), (path, st))
CALL64(int, lstat, (const char *path, void *st), (path, st))
CALL64(int, fstat, (int fd, void *st), (fd, st))
CALL64(int, fstatat, (int dir, const char *path, void *st, int flags),
    (dir, path, st, flags))
CALL64(int, fstatfs, (int fd, void *fs), (fd, fs))
CALL64(int, ftruncate, (int fd, off_t size), (fd, size))
CALL64(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
CALL64(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at),
    (fd, p, n, at))
CALL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
CALL(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
CALLAS(WEAK, ssize_t, getdents64, (int fd, void *p, size_t n), (fd, p, n))
CALL(ssize_t, readlink, (const char *path, char *p, size_t n), (path, p, n))
CALL(ssize_t, readlinkat, (int dir, const char *path, char *p, size_t n),
    (dir, path, p, n))
CALL(ssize_t, fgetxattr, (int fd, const char *name, void *p, size_t n),
    (fd, name, p, n))
CALL(int, fremovexattr, (int fd, const char *name), (fd, name))
CALL(int, faccessat, (int dir, const char *path, int mode, int flags),
    (dir, path, mode, flags))
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
CALL(int, flock, (int fd, int op), (fd, op))
CALL(int, fsync, (int fd), (fd))
CALL(int, syncfs, (int fd), (fd))
CALL(int, futimens, (int fd, const struct timespec *ts), (fd, ts))
CALL(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode))
CALL(int, symlinkat, (const char *text, int dir, const char *path),
    (text, dir, path))
CALL(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
CALL(int, renameat, (int dir, const char *from, int to, const char *path),
    (dir, from, to, path))

/* What is waited for here would not come. */
int __wrap_nanosleep(const struct timespec *, struct timespec *);
int
__wrap_nanosleep(const struct timespec *nap, struct timespec *left)
{
	(void)nap;
	(void)left;
	return 0;
}

#endif
