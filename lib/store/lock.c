/*
 * lock.c: the writer's lock.  Whoever gets it finds a store that is its own,
 * whole, and with nothing left half-done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/private.h"

#define LOCK_SECONDS 60
#define NOTE (2 * CS_STAMP + 32)

int
cs_lock_ours(const struct certstore *store, int fd, const char *sub,
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_isours(fd)) == -1)
		return cs_fail_errno(err, "%s%s", store->path, sub);
	if (rv == 0)
		return cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s%s: belongs to "
		    "another user or others can write it: run this as its "
		    "owner, or chown it and chmod go-w",
		    store->path, sub);
	return 0;
}

static int
refusereader(const struct certstore *store, struct certstore_error *err)
{
	if ((store->flags & (CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE)) !=
	    0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: the store was opened for reading", store->path);
}

static int
isforeign(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, ".lock") != 0 && strcmp(name, "index") != 0 &&
	    strcmp(name, "combined") != 0 && strcmp(name, ".pending") != 0 &&
	    strcmp(name, ".links") != 0 && strcmp(name, ".index") != 0 &&
	    /* what a file system has in its own top directory */
	    strcmp(name, "lost+found") != 0 && strcmp(name, ".snapshot") != 0 &&
	    strcmp(name, ".snapshots") != 0;
}

static int
subdir(const struct certstore *store, const char *name, int *fd, int *made)
{
	if ((*fd = cs_file_opendir(store->fd, name)) != -1)
		return 0;
	if (errno != ENOENT)
		return -1;
	*made = 1;
	return cs_file_mkdir(store->fd, name, fd);
}

/* What a store has, made where it is missing; then opened anew. */
static int
layout(struct certstore *store, struct certstore_error *err)
{
	int certs = -1, made = 0, whole = 1;
	const char *what;

	if (subdir(store, ".pending", &store->pending, &made) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	if (subdir(store, "combined", &store->combined, &made) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	store->fresh = 0;
	what = cs_store_reopen(store);
	if (what != NULL && errno == ENOENT && strcmp(what, "/certs") == 0) {
		if (cs_file_mkdir(store->fd, "certs", &certs) == -1)
			return cs_fail_errno(err, "%s/certs", store->path);
		close(certs);
		store->fresh = 1;
		what = cs_store_reopen(store);
	}
	if (what != NULL)
		return cs_fail_errno(err, "%s%s", store->path, what);
	if (store->intact && (whole = cs_index_ismade(store)) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	if (!whole || store->fresh)
		store->intact = 0;
	if (cs_lock_ours(store, store->certs, "/certs", err) == -1 ||
	    cs_lock_ours(store, store->pending, "/.pending", err) == -1 ||
	    cs_lock_ours(store, store->combined, "/combined", err) == -1 ||
	    (store->index != -1 &&
		cs_lock_ours(store, store->index, "/index", err) == -1))
		return -1;
	store->whole = cs_file_losesnames(store->fd);
	if (made && store->intact && fsync(store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	return 0;
}

/* There was no certs/; if there is by now, another writer has made it. */
static int
refuseforeign(const struct certstore *store, struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_each(store->fd, ".", isforeign, NULL)) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (rv == 0 ||
	    faccessat(store->fd, "certs", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is not a store and not "
	    "empty: name a new or an empty directory",
	    store->path);
}

/* May this process open a file of the store like that, or make it? */
static int
checkwrite(const struct certstore *store, const char *name, int mode,
    struct certstore_error *err)
{
	if (faccessat(store->fd, name, mode, AT_EACCESS) == 0 ||
	    (errno == ENOENT &&
		faccessat(store->fd, ".", W_OK | X_OK, AT_EACCESS) == 0))
		return 0;
	return cs_fail_errno(err, "%s/%s", store->path, name);
}

static int
checksubdir(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	char sub[16];
	int fd, rv;

	snprintf(sub, sizeof(sub), "/%s", name);
	if ((fd = cs_file_opendir(store->fd, name)) == -1 && errno == ENOENT)
		return checkwrite(store, name, F_OK, err);
	if (fd == -1)
		return cs_fail_errno(err, "%s%s", store->path, sub);
	rv = cs_lock_ours(store, fd, sub, err);
	if (rv == 0)
		rv = checkwrite(store, name, W_OK | X_OK, err);
	close(fd);
	return rv;
}

/* A store that is to be made: can it be, in the directory above it? */
static int
checkparent(const struct certstore *store, struct certstore_error *err)
{
	char *parent, *slash;
	int rv = 0;

	if ((parent = strdup(store->path)) == NULL)
		return cs_fail_nomem(err);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == -1)
		rv = cs_fail_errno(err, "%s", store->path);
	free(parent);
	return rv;
}

/*
 * For a dry run: whether cs_lock_take() would give the lock and let its holder
 * write, as far as that can be told without changing or waiting.
 */
int
cs_lock_check(struct certstore *store, struct certstore_error *err)
{
	static const char *const subs[] = { "certs", ".pending", "combined",
		"index" };
	size_t i;

	if (store->depth > 0)
		return 0;
	if (cs_store_refresh(store, err) == -1 ||
	    refusereader(store, err) == -1 ||
	    (store->fd == -1 && cs_store_refuseplace(store, err) == -1) ||
	    cs_parents_check(store, err) == -1)
		return -1;
	if (store->fd == -1)
		return cs_store_refuseplace(store, err) == -1 ?
		    -1 :
		    checkparent(store, err);
	if (cs_lock_ours(store, store->fd, "", err) == -1 ||
	    (store->certs == -1 && refuseforeign(store, err) == -1) ||
	    checkwrite(store, ".lock", R_OK | W_OK, err) == -1)
		return -1;
	for (i = 0; i < sizeof(subs) / sizeof(subs[0]); i++)
		if (checksubdir(store, subs[i], err) == -1)
			return -1;
	return 0;
}

static int64_t
elapsed(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)(now.tv_sec - since->tv_sec) * 1000000000 +
	    (now.tv_nsec - since->tv_nsec);
}

/* The lock, within LOCK_SECONDS, or EWOULDBLOCK. */
static int
await(const struct certstore *store)
{
	const int64_t limit = LOCK_SECONDS * INT64_C(1000000000);
	struct timespec nap = { 0, 1000000 }, since;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &since);
	while ((fd = cs_file_lock(store->fd, ".lock")) == -1 &&
	    (errno == EWOULDBLOCK || errno == EINTR) &&
	    elapsed(&since) < limit) {
		cs_progress(store, "waiting for another writer", 0, 0);
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < 50000000)
			nap.tv_nsec += nap.tv_nsec / 2;
	}
	return fd;
}

static const char *const heldnames[CS_NHELD - 1] = { ".lock", "certs",
	".pending", "combined", "index" };

/*
 * The directories that are open; each name has to stand for what is held of it.
 * The store's own comes last, by its path.
 */
static int
know(struct certstore *store, struct certstore_error *err)
{
	const int fds[CS_NHELD] = { store->lock, store->certs, store->pending,
		store->combined, store->index, store->fd };
	size_t i;

	for (i = 0; i < CS_NHELD; i++)
		if (fds[i] != -1 &&
		    cs_file_inode(fds[i], &store->held[i]) == -1)
			return cs_fail_errno(err, "%s", store->path);
	return 0;
}

/* The first of them, from one on, that is not what is held: or the last. */
static size_t
firstlost(const struct certstore *store, size_t i, int *rv)
{
	for (*rv = 1; i < CS_NHELD - 1; i++) {
		*rv = cs_file_isinode(store->fd, heldnames[i],
		    AT_SYMLINK_NOFOLLOW, &store->held[i]);
		if (*rv != 1)
			break;
	}
	return i;
}

/*
 * Under the lock: whoever removes .lock, or puts a store over this one, lets
 * another writer in, who takes what is half-done here for a dead one's.
 */
int
cs_lock_verify(const struct certstore *store, struct certstore_error *err)
{
	const char *name = "", *slash = "";
	size_t i;
	int rv;

	if ((i = firstlost(store, 0, &rv)) < CS_NHELD - 1) {
		name = heldnames[i];
		slash = "/";
	} else
		rv = cs_file_isinode(AT_FDCWD, store->path, 0, &store->held[i]);
	if (rv == 1)
		return 0;
	if (rv == -1)
		return cs_fail_errno(err, "%s%s%s", store->path, slash, name);
	return cs_fail(err, CERTSTORE_EBUSY,
	    "%s%s%s: was removed or replaced while this wrote, and another "
	    "writer may have come between: see with cert-list%s what is there, "
	    "then run this again",
	    store->path, slash, name, store->option);
}

/* Are the directories that are open those of the store still? */
int
cs_lock_isplace(const struct certstore *store)
{
	int rv;

	return firstlost(store, 1, &rv) == CS_NHELD - 1;
}

int
cs_lock_isheld(const struct certstore *store)
{
	return cs_file_isinode(store->fd, ".lock", AT_SYMLINK_NOFOLLOW,
		   &store->held[0]) == 1;
}

int
cs_lock_lost(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EBUSY,
	    "%s: another writer came between while this wrote, without waiting "
	    "for the lock: see with cert-list%s what is there, then run this "
	    "again",
	    name, store->option);
}

/* A link could not be made, with this errno: is it because of what it is? */
static int
lackslinks(const struct certstore *store, int errnum)
{
	static const char probe[] = ".probe";

	if (errnum != EPERM && errnum != EOPNOTSUPP && errnum != ENOSYS)
		return 0;
	/* a directory that is immutable gives EPERM, too */
	return cs_file_mkdir(store->pending, probe, NULL) == 0 &&
	    cs_file_rmtree(store->pending, probe) == 0;
}

int
cs_lock_failmake(const struct certstore *store, const char *what,
    struct certstore_error *err)
{
	int errnum = errno;

	if (lackslinks(store, errnum))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: this file system has no symbolic links, of which a "
		    "store is made: name a directory elsewhere with -d or "
		    "CERTSTORE",
		    store->path);
	errno = errnum;
	return cs_fail_errno(err, "%s/%s", store->path, what);
}

int
cs_lock_failintent(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	char what[CS_NAME_MAX + 16];

	if (errno == EEXIST)
		return cs_lock_lost(store, name, err);
	snprintf(what, sizeof(what), ".pending/%s", name);
	return cs_lock_failmake(store, what, err);
}

int
cs_lock_intent(const struct certstore *store, const char *name,
    const char *text, struct certstore_error *err)
{
	char now[CS_GENDIR + 8];

	if (cs_file_readlink(store->pending, name, now, sizeof(now)) != -1) {
		if (strcmp(now, text) == 0)
			return 0;
	} else if (errno != ENOENT && errno != EINVAL && errno != ENAMETOOLONG)
		return cs_fail_errno(err, "%s/.pending/%s", store->path, name);
	return cs_lock_lost(store, name, err);
}

/*
 * A writer notes in .lock when certs/ and index/ were changed last, by their
 * ctime, which no copy and no restore puts back.  As long as that is so of
 * certs/, writers that came to their end were the last ones there, and there is
 * no generation but those that info names: cert-rm need not look for others.
 * Nobody but a writer that makes all of it changes index/ itself: if that was
 * replaced, it may lack what is newer than the backup.
 */
static void
stamp(const struct certstore *store, char note[NOTE])
{
	char certs[CS_STAMP], index[CS_STAMP];

	note[0] = '\0';
	if (cs_file_changed(store->certs, certs) == -1 ||
	    cs_file_changed(store->index, index) == -1)
		return;
	snprintf(note, NOTE, "index %s\ncerts %s\n", index,
	    store->tidy ? certs : "-");
}

static void
readnote(struct certstore *store)
{
	char noted[NOTE], now[NOTE];
	size_t len;

	store->tidy = 1;
	stamp(store, now);
	cs_file_noted(store->lock, noted, sizeof(noted));
	store->tidy = now[0] != '\0' && strcmp(noted, now) == 0;
	/* without a note, as after .lock was removed, that is not known */
	len = strcspn(now, "\n");
	if (noted[0] != '\0' && now[0] != '\0' &&
	    strncmp(noted, now, len + 1) != 0)
		store->intact = 0;
}

static void
writenote(struct certstore *store)
{
	char noted[NOTE], now[NOTE];

	if (!store->intact || store->lock == -1 || store->certs == -1 ||
	    store->index == -1)
		return;
	stamp(store, now);
	cs_file_noted(store->lock, noted, sizeof(noted));
	if (strcmp(noted, now) != 0)
		cs_file_note(store->lock, now);
}

/*
 * The writer's lock; what a killed writer left is finished and what a copy
 * broke is mended before it is given.  It nests.
 */
int
cs_lock_take(struct certstore *store, struct certstore_error *err)
{
	if (store->depth == 0 && cs_store_refresh(store, err) == -1)
		return -1;
	if (store->depth++ > 0)
		return 0;
	if (refusereader(store, err) == -1 ||
	    (store->fd == -1 && cs_store_refuseplace(store, err) == -1) ||
	    cs_parents_check(store, err) == -1)
		goto fail;
	if (store->fd == -1 &&
	    cs_file_mkdir(AT_FDCWD, store->path, &store->fd) == -1) {
		cs_fail_errno(err, "%s", store->path);
		goto fail;
	}
	if (cs_lock_ours(store, store->fd, "", err) == -1 ||
	    (store->certs == -1 && refuseforeign(store, err) == -1))
		goto fail;
	if ((store->lock = await(store)) == -1) {
		if (errno == EWOULDBLOCK)
			cs_fail(err, CERTSTORE_EBUSY,
			    "%s: another writer has "
			    "held the lock for %d s: see which with "
			    "fuser -v %s/.lock",
			    store->path, LOCK_SECONDS, store->word);
		else
			cs_fail_errno(err, "%s/.lock", store->path);
		goto fail;
	}
	cs_generation_forget(store);
	if (layout(store, err) == -1 || know(store, err) == -1)
		goto fail;
	store->tidy = store->fresh;
	if (store->index != -1)
		readnote(store);
	if (!store->intact &&
	    (cs_repair_index(store, err) == -1 || know(store, err) == -1))
		goto fail;
	if (cs_recover_all(store, err) == -1 ||
	    (!store->intact && cs_repair_store(store, err) == -1))
		goto fail;
	return 0;
fail:
	store->tidy = 0;
	cs_lock_release(store);
	return -1;
}

void
cs_lock_release(struct certstore *store)
{
	if (--store->depth > 0)
		return;
	writenote(store);
	store->tidy = 0;
	cs_file_close(&store->combined);
	cs_file_close(&store->pending);
	cs_file_close(&store->lock);
}
