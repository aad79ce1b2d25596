/*
 * system.h: what differs between systems, for the library and the commands.
 * The tree is written for Linux.  FreeBSD and OpenBSD get here what they lack
 * of it; SYSTEM_PORTABLE chooses that on Linux too, so that it can be tested.
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/sysmacros.h>	/* elsewhere major() is in <sys/types.h> */
#endif

#if defined(__linux__) && !defined(SYSTEM_PORTABLE)
#define SYSTEM_LINUX

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <linux/capability.h>

/* The kind of file system that fd is on, as in statfs(2); 0: unknown. */
static inline int64_t
system_filesystem(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == -1 ? 0 : (int64_t)fs.f_type;
}

/*
 * A lock of the whole file as fcntl(2) has it, which flock(2) does not see,
 * held until fd is closed; without waiting.
 */
static inline int
system_lockrange(int fd, int shared)
{
	struct flock lock = { .l_type = shared ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock);
}

/* Opens for reading what was opened with O_PATH. */
static inline int
system_reopen(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* This process gets the signal when its parent ends. */
static inline int
system_followparent(int sig)
{
	return prctl(PR_SET_PDEATHSIG, sig, 0, 0, 0);
}

/* Gives up what a process may do that is not root's: 0, -1. */
static inline int
system_dropcapabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) == -1 ||
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ? -1 : 0;
}

/* Neither a debugger of the same user nor a core file gets the memory. */
static inline void
system_hidememory(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

#else

/* Without it each file is synced. */
static inline int64_t
system_filesystem(int fd)
{
	(void)fd;
	return 0;
}

/* There flock(2) sees the locks of fcntl(2). */
static inline int
system_lockrange(int fd, int shared)
{
	(void)fd;
	(void)shared;
	return 0;
}

static inline int
system_unsupported(int fd)
{
	(void)fd;
	errno = ENOTSUP;
	return -1;
}
#define syncfs(fd)			system_unsupported(fd)
/* as on a file system without access control lists */
#define fgetxattr(fd, name, p, size) \
	((void)(name), (ssize_t)system_unsupported(fd))
#define fremovexattr(fd, name)		((void)(name), system_unsupported(fd))
/* the program is then run by its name */
#define fexecve(fd, argv, env)		((void)(errno = ENOENT))
/* only a hint */
#undef SYNC_FILE_RANGE_WRITE
#define SYNC_FILE_RANGE_WRITE		0
#define sync_file_range(fd, at, n, how)	system_unsupported(fd)

#ifndef __linux__
#define dirent64			dirent
#define getdents64			getdents
#endif

#ifdef __OpenBSD__
#define secure_getenv(name)		(issetugid() ? NULL : getenv(name))
#endif

#undef O_PATH
#define O_PATH				O_RDONLY
static inline int
system_reopen(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* A file without a name. */
static inline int
system_memfd(void)
{
	char path[] = "/tmp/certstore.XXXXXXXXXX";
	int fd;

	if ((fd = mkostemp(path, O_CLOEXEC)) != -1)
		(void)unlink(path);
	return fd;
}
#undef MFD_CLOEXEC
#define MFD_CLOEXEC			0
#define memfd_create(name, flags)	system_memfd()

/* Processes see the end of their input instead. */
static inline int
system_followparent(int sig)
{
	(void)sig;
	return 0;
}

static inline int
system_dropcapabilities(void)
{
	return 0;
}

static inline void
system_hidememory(void)
{
}

#endif

/* strerror(3) for threads.  That of glibc need not use the buffer. */
static inline const char *
system_strerror(int errnum, char *buf, size_t size)
{
#ifdef __GLIBC__
	return strerror_r(errnum, buf, size);
#else
	return strerror_r(errnum, buf, size) == 0 ? buf : "unknown error";
#endif
}

#endif
