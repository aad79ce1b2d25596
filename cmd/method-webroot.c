/*
 * method-webroot.c: webroot:DIR, a file that a web server serves, RFC 8555
 * section 8.3.  Whoever may write to DIR must not lead us elsewhere.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kind.h"

#define NSTEP 2
static const char *const steps[NSTEP] = { ".well-known", "acme-challenge" };

/* Directories that another order removes meanwhile are made again. */
#define TRIES 10

/* In a note: method, token, and how many of the directories were missing. */
enum { NOTE_TOKEN = 1, NOTE_MISSING, NOTE_LEN };

static int
parsewebroot(struct method *m, const char *arg, struct method_why *why)
{
	char *path;

	if (arg == NULL || *arg == '\0')
		return kind_fail(why,
		    "-m %s: use webroot:DIR, the directory that the web "
		    "server serves",
		    m->word);
	path = kind_absolute(arg);
	free(m->word);
	m->word = kind_print("webroot:%s", path);
	free(path);
	return 0;
}

static const char *
webrootof(const struct method *m)
{
	return strchr(m->word, ':') + 1;
}

static int
canwebroot(const struct method *m, const struct method_task *task)
{
	(void)m;
	return strcmp(task->type, "http-01") == 0 && !task->wildcard;
}

/* May only root and this user make links in this directory? */
static int
isours(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 &&
	    (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    (st.st_mode & 022) == 0;
}

/*
 * Opens a directory in another one; follows a link only if nobody else can have
 * made it.  With make, it is made if it is missing.  Returns -1 and errno, which
 * is ELOOP or ENOTDIR for such a link.
 */
static int
opendirectory(int dir, const char *name, int make)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, fd, made;
	struct stat st;

	made = make && mkdirat(dir, name, 0755) == 0;
	if (make && !made && errno != EEXIST)
		return -1;
	if (!made && isours(dir))
		flags &= ~O_NOFOLLOW;
	if ((fd = openat(dir, name, flags)) == -1 || !made)
		return fd;
	/* a default ACL may have taken bits away */
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid())
		(void)fchmod(fd, 0755);
	return fd;
}

/*
 * Opens DIR and what is below it, as far as there is something: the number of
 * steps, or -1 and errno.  fd[0] is DIR; those not open are -1.
 */
static int
openall(const char *root, int fd[NSTEP + 1], int make)
{
	int i;

	fd[1] = fd[2] = -1;
	fd[0] = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd[0] == -1)
		return -1;
	for (i = 0; i < NSTEP; i++)
		if ((fd[i + 1] = opendirectory(fd[i], steps[i], make)) == -1)
			return !make && errno == ENOENT ? i : -1;
	return NSTEP;
}

static void
closeall(int fd[NSTEP + 1])
{
	int i;

	for (i = 0; i <= NSTEP; i++)
		if (fd[i] != -1)
			close(fd[i]);
}

/* Says why, from errno, at the first directory that is not open. */
static int
failwebroot(const char *root, const int fd[NSTEP + 1], struct method_why *why)
{
	const char *at = "", *what = strerror(errno), *todo = "";

	if (fd[0] != -1)
		at = fd[1] == -1 ? "/.well-known" :
				   "/.well-known/acme-challenge";
	if (errno == ENOTDIR || errno == ELOOP) {
		what = "is not a directory, or a link that others can change";
		todo = ": replace it by a directory";
	} else if (errno == EROFS)
		todo = ": for a unit of systemd add ReadWritePaths= with it";
	return kind_fail(why, "%s%s: %s%s", root, at, what, todo);
}

static int
beginwebroot(struct method *m, struct method_why *why)
{
	int fd[NSTEP + 1], n, rv = 0;

	if ((n = openall(webrootof(m), fd, 0)) == -1 ||
	    faccessat(fd[n], ".", W_OK | X_OK, AT_EACCESS) == -1)
		rv = failwebroot(webrootof(m), fd, why);
	closeall(fd);
	return rv;
}

/* A token becomes a name in a directory: RFC 8555 section 8.3. */
static int
istoken(const char *s)
{
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t len = strspn(s, ok);

	return len > 0 && len <= 128 && s[len] == '\0';
}

static int
checktoken(const struct method *m, const char *token, struct method_why *why)
{
	return istoken(token) ?
	    0 :
	    kind_fail(why, "%s: \"%s\": is not a token", m->word, token);
}

static int
notewebroot(struct method *m, const struct method_task *task,
    struct kind_note *note, struct method_why *why)
{
	int fd[NSTEP + 1], n;
	char missing[16];

	if (checktoken(m, task->token, why) == -1)
		return -1;
	if ((n = openall(webrootof(m), fd, 0)) == -1)
		failwebroot(webrootof(m), fd, why);
	closeall(fd);
	if (n == -1)
		return -1;
	snprintf(missing, sizeof(missing), "%d", NSTEP - n);
	kind_note_add(note, task->token);
	kind_note_add(note, missing);
	return 1;
}

static int
writefile(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n)
		if ((n = write(fd, text, len)) == -1)
			return -1;
	return fchmod(fd, 0644);
}

/* A file of an order that was interrupted is replaced: 0, -1 and errno. */
static int
makefile(int dir, const char *token, const char *text)
{
	int fd, errnum, rv;

	if (unlinkat(dir, token, 0) == -1 && errno != ENOENT)
		return -1;
	fd = openat(dir, token,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd == -1)
		return -1;
	rv = writefile(fd, text);
	errnum = errno;
	if (close(fd) == -1 && rv == 0) {
		errnum = errno;
		rv = -1;
	}
	if (rv == -1)
		(void)unlinkat(dir, token, 0);
	errno = errnum;
	return rv;
}

static int
setupwebroot(struct method *m, const struct method_task *task,
    const struct kind_note *note, struct method_why *why)
{
	int fd[NSTEP + 1], errnum, i, rv = -1;
	mode_t mask;

	(void)note;
	if (checktoken(m, task->token, why) == -1)
		return -1;
	mask = umask(022);
	for (i = 0; i < TRIES && rv == -1; i++) {
		if (i > 0)
			closeall(fd);
		if (openall(webrootof(m), fd, 1) == NSTEP)
			rv = makefile(fd[NSTEP], task->token,
			    task->authorization);
		if (rv == -1 && errno != ENOENT)
			break;
	}
	errnum = errno;
	umask(mask);
	errno = errnum;
	if (rv == -1 && fd[NSTEP] == -1)
		failwebroot(webrootof(m), fd, why);
	else if (rv == -1)
		kind_fail(why, "%s/%s/%s/%s: %s", webrootof(m), steps[0],
		    steps[1], task->token, strerror(errnum));
	closeall(fd);
	return rv;
}

static int
undowebroot(struct method *m, const struct kind_note *note,
    struct method_why *why)
{
	const char *root = webrootof(m);
	int fd[NSTEP + 1], i, missing, n, rv = 0;

	if (note->n != NOTE_LEN)
		return kind_fail(why, "%s: the note of it is malformed", root);
	if (checktoken(m, note->word[NOTE_TOKEN], why) == -1)
		return -1;
	missing = atoi(note->word[NOTE_MISSING]);
	n = openall(root, fd, 0);
	if (n == -1 && !(fd[0] == -1 && errno == ENOENT))
		rv = failwebroot(root, fd, why);
	else if (n == NSTEP &&
	    unlinkat(fd[n], note->word[NOTE_TOKEN], 0) == -1 && errno != ENOENT)
		rv = kind_fail(why, "%s/%s/%s/%s: cannot be removed: %s", root,
		    steps[0], steps[1], note->word[NOTE_TOKEN],
		    strerror(errno));
	/* others may use a directory that is not empty */
	for (i = n - 1; i >= 0 && i >= NSTEP - missing; i--)
		if (unlinkat(fd[i], steps[i], AT_REMOVEDIR) == -1)
			break;
	closeall(fd);
	return rv;
}

const struct kind kind_webroot = {
	.name = "webroot",
	.parse = parsewebroot,
	.can = canwebroot,
	.begin = beginwebroot,
	.note = notewebroot,
	.setup = setupwebroot,
	.undo = undowebroot,
};
