/*
 * parents.c: the way to the store.  Whoever can rename a directory or a link
 * on it can lead a writer to another store, so a writer looks at what sshd(8)
 * looks at with StrictModes: each directory from / down belongs to root or to
 * the user, and nobody else may write it.
 */
#include <sys/stat.h>

#include <bsd/string.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define LINKS_MAX 40 /* as the kernel has it */

struct walk {
	const struct certstore *store;
	struct certstore_error *err;
	uid_t rootuid;	     /* the owner of /, who can replace everything */
	char real[PATH_MAX]; /* without links; "" is / */
	char rest[PATH_MAX]; /* what is still to be walked */
	struct stat st;	     /* of real */
	int links;
};

static int
istrusted(const struct walk *w, uid_t uid)
{
	return uid == 0 || uid == geteuid() || uid == w->rootuid;
}

static int
iswritable(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static int
refuseowner(const struct walk *w, const char *path, uid_t uid)
{
	struct passwd pw, *found = NULL;
	char buf[4096], clean[200], who[64];

	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) != 0 ||
	    found == NULL)
		snprintf(who, sizeof(who), "user %lu", (unsigned long)uid);
	else
		snprintf(who, sizeof(who), "%s", found->pw_name);
	certstore_escape(clean, sizeof(clean), path, strlen(path));
	return cs_fail(w->err, CERTSTORE_EUNSAFE,
	    "%s: belongs to %s, who can replace this store: chown it to "
	    "root or to yourself, or use a store elsewhere",
	    clean, who);
}

static int
refusemode(const struct walk *w, const char *path)
{
	char clean[200];

	certstore_escape(clean, sizeof(clean), path, strlen(path));
	return cs_fail(w->err, CERTSTORE_EUNSAFE,
	    "%s: has mode %04o, so that others can replace this store: "
	    "chmod go-w %s",
	    clean, (unsigned int)(w->st.st_mode & 07777), clean);
}

/*
 * Is the directory at real safe from others?  Asked before a name in it is
 * used.
 */
static int
checkdir(const struct walk *w)
{
	const char *path = w->real[0] == '\0' ? "/" : w->real;

	if (!istrusted(w, w->st.st_uid))
		return refuseowner(w, path, w->st.st_uid);
	/* in a sticky directory others can rename only their own files */
	if (iswritable(&w->st) && (w->st.st_mode & S_ISVTX) == 0)
		return refusemode(w, path);
	return 0;
}

static int
toolong(const struct walk *w)
{
	errno = ENAMETOOLONG;
	return cs_fail_errno(w->err, "%s", w->store->path);
}

/* Cuts the next name from rest: 1, 0 there is no more. */
static int
nextname(struct walk *w, char name[PATH_MAX])
{
	const char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");

	memcpy(name, p, len);
	name[len] = '\0';
	p += len;
	memmove(w->rest, p, strlen(p) + 1);
	return len > 0;
}

/* Puts the target of a link before rest. */
static int
followlink(struct walk *w, const char *path)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n;

	if ((n = readlink(path, target, sizeof(target) - 1)) == -1)
		return cs_fail_errno(w->err, "%s", w->store->path);
	target[n] = '\0';
	if (++w->links > LINKS_MAX ||
	    (size_t)snprintf(rest, sizeof(rest), "%s/%s", target, w->rest) >=
		sizeof(rest))
		return toolong(w);
	memcpy(w->rest, rest, sizeof(rest));
	if (target[0] != '/')
		return 0;
	w->real[0] = '\0';
	return lstat("/", &w->st) == -1 ? cs_fail_errno(w->err, "/") : 0;
}

/* "..": cuts the last name from real, which has no links.  1 or -1. */
static int
stepup(struct walk *w)
{
	char *slash;

	if ((slash = strrchr(w->real, '/')) != NULL)
		*slash = '\0';
	if (lstat(w->real[0] == '\0' ? "/" : w->real, &w->st) == -1)
		return cs_fail_errno(w->err, "%s", w->store->path);
	return 1;
}

/* Goes down by one name: 1, 0 it is not there, -1. */
static int
stepdown(struct walk *w, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", w->real, name) >=
	    sizeof(path))
		return toolong(w);
	if (lstat(path, &st) == -1)
		return errno == ENOENT || errno == ENOTDIR ?
		    0 :
		    cs_fail_errno(w->err, "%s", w->store->path);
	if (iswritable(&w->st) && !istrusted(w, st.st_uid))
		return refuseowner(w, path, st.st_uid);
	if (S_ISLNK(st.st_mode))
		return followlink(w, path) == -1 ? -1 : 1;
	memcpy(w->real, path, sizeof(path));
	w->st = st;
	return 1;
}

/* Goes down all names of rest: 1, 0 one of them is not there, -1. */
static int
walkpath(struct walk *w)
{
	char name[PATH_MAX];
	int rv;

	while (nextname(w, name)) {
		if (checkdir(w) == -1)
			return -1;
		if (strcmp(name, ".") == 0)
			continue;
		rv = strcmp(name, "..") == 0 ? stepup(w) : stepdown(w, name);
		if (rv != 1)
			return rv;
	}
	return 1;
}

/*
 * Checks each directory from / to the store: after that no other user can
 * change the path, so that what was opened is what the path leads to.  The
 * store's own directory is for cs_fence_ours().
 */
int
cs_parents_check(const struct certstore *store, struct certstore_error *err)
{
	struct walk w = { .store = store, .err = err };
	struct stat st;
	int found;

	if (lstat("/", &w.st) == -1)
		return cs_fail_errno(err, "/");
	w.rootuid = w.st.st_uid;
	/* open(2) took it, so that it fits */
	strlcpy(w.rest, store->path, sizeof(w.rest));
	if ((found = walkpath(&w)) == -1)
		return -1;
	if (store->fd == -1) /* the store is about to be created */
		return 0;
	if (fstat(store->fd, &st) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (found && st.st_dev == w.st.st_dev && st.st_ino == w.st.st_ino)
		return 0;
	return cs_fail(err, CERTSTORE_ECHANGED,
	    "%s: is another directory than the one that was opened: try again",
	    store->path);
}
