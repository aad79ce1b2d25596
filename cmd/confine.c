/*
 * confine.c: what a command does not need, it gives up: writing elsewhere than
 * in its store, running programs, TCP.  What reads foreign bytes then cannot be
 * made to do these things.  Reading stays, since libcrypto, NSS and others read
 * files of their own at any time.  See landlock(7); an older kernel refuses
 * less, without a word.
 */
#include <sys/resource.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "system.h"

/* No key reaches a core file, nor a debugger of the same user. */
void
cmd_nocore(void)
{
	static const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef CMD_UNCONFINED
	system_hidememory();
#endif
}

#if defined(SYSTEM_LINUX) && !defined(CMD_UNCONFINED)

#include <linux/landlock.h>

/* In <linux/landlock.h> only since Linux 5.19, 6.2 and 6.7. */
#define FS_REFER (UINT64_C(1) << 13)
#define FS_TRUNCATE (UINT64_C(1) << 14)
#define NET_BIND_TCP (UINT64_C(1) << 0)
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
struct ruleset {
	uint64_t fs;
	uint64_t net; /* since version 4 */
};

#define FS_WRITE_FILE LANDLOCK_ACCESS_FS_WRITE_FILE
#define FS_CHANGE_DIR \
	(LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
	    LANDLOCK_ACCESS_FS_MAKE_SYM)

/* Permits writing at a path and below it.  Returns -1 if it is not there. */
static int
permitwriting(int ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };

	if ((rule.parent_fd = open(path, O_PATH | O_CLOEXEC)) == -1)
		return -1;
	(void)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return 0;
}

/* Is a path in the same directory as another one? */
static int
sameparent(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');

	if (x == NULL || y == NULL)
		return x == y;
	return x - a == y - b && memcmp(a, b, (size_t)(x - a)) == 0;
}

/* The same for the directory that a path is in. */
static void
permitparent(int ruleset, const char *path, uint64_t access)
{
	const char *slash = strrchr(path, '/');
	char *parent;

	if (slash == NULL) {
		(void)permitwriting(ruleset, ".", access);
		return;
	}
	parent = strndup(path, (size_t)(slash - path) + 1);
	if (parent != NULL)
		(void)permitwriting(ruleset, parent, access);
	free(parent);
}

static void
confine(const struct certstore *store, const char *const *files, size_t n,
    int network)
{
	struct ruleset r = { FS_WRITE_FILE | FS_CHANGE_DIR |
		    LANDLOCK_ACCESS_FS_EXECUTE,
		network ? 0 : NET_BIND_TCP | NET_CONNECT_TCP };
	uint64_t writing;
	size_t i;
	long version;
	int fd;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	/* the first version refuses each rename(2) to another directory */
	if (version < 1 || (version == 1 && (store != NULL || n > 0)))
		return;
	if (version >= 2)
		r.fs |= FS_REFER;
	if (version >= 3)
		r.fs |= FS_TRUNCATE;
	fd = (int)syscall(SYS_landlock_create_ruleset, &r,
	    version < 4 ? sizeof(r.fs) : sizeof(r), 0);
	if (fd == -1)
		return;
	writing = r.fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE;
	for (i = 0; i < n; i++)
		if (i == 0 || !sameparent(files[i], files[i - 1]))
			permitparent(fd, files[i], writing);
	if (store != NULL) {
		if (permitwriting(fd, certstore_path(store), writing) == -1)
			permitparent(fd, certstore_path(store), writing);
		/* for passphrases */
		(void)permitwriting(fd, "/dev/tty", FS_WRITE_FILE);
	}
	(void)syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
}

#else

static void
confine(const struct certstore *store, const char *const *files, size_t n,
    int network)
{
	(void)store;
	(void)files;
	(void)n;
	(void)network;
}

#endif

void
cmd_confine(const struct certstore *store, const char *file, int network)
{
	confine(store, &file, file != NULL, network);
}

/* The same, without TCP, but files beside these can be written. */
void
cmd_confine_beside(const struct certstore *store, const char *const *files,
    size_t n)
{
	confine(store, files, n, 0);
}
