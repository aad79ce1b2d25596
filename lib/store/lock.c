/*
 * lock.c: the writer's lock.  It checks ownership and runs recovery before it
 * returns.
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
#define NOTE (2 * CS_STAMP_TEXT + 32)

static int
refusereader(const struct certstore *store, struct certstore_error *err)
{
	if ((store->flags & (CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE)) !=
	    0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: the store was opened for reading", store->path);
}

/* The path of the directory that the store is in, or NULL. */
static char *
parentof(const struct certstore *store)
{
	char *parent, *slash;

	if ((parent = strdup(store->path)) == NULL)
		return NULL;
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	return parent;
}

/*
 * Two hosts that both have the lock would lose each other's changes.  A store
 * that does not exist yet is judged by the directory it would be in.
 */
static int
refuselocal(const struct certstore *store, struct certstore_error *err)
{
	char type[CS_MOUNT_TYPE], *parent;
	int fd = store->fd, is;

	if (fd == -1) {
		if ((parent = parentof(store)) == NULL)
			return cs_fail_nomem(err);
		fd = cs_file_openpath(parent);
		free(parent);
		if (fd == -1)
			return 0;
	}
	is = cs_mount_islocal(fd, type);
	if (fd != store->fd)
		close(fd);
	if (!is)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is on %s, where a lock holds for this host only: write it on "
	    "the host that has the disk, or move it to NFS with its locks or "
	    "to GlusterFS",
	    store->path, type);
}

/* May this process open a file of the store in this mode, or create it? */
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
	rv = cs_fence_ours(store, fd, sub, err);
	if (rv == 0)
		rv = checkwrite(store, name, W_OK | X_OK, err);
	close(fd);
	return rv;
}

/* May this process create the store in the directory above it? */
static int
checkparent(const struct certstore *store, struct certstore_error *err)
{
	char *parent;
	int rv = 0;

	if ((parent = parentof(store)) == NULL)
		return cs_fail_nomem(err);
	if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) == -1)
		rv = cs_fail_errno(err, "%s", store->path);
	free(parent);
	return rv;
}

/*
 * For a dry run: would cs_lock_take() succeed, and may its holder write, as far
 * as that can be told without changing anything and without waiting?
 */
int
cs_lock_check(struct certstore *store, struct certstore_error *err)
{
	static const char *const subs[] = { "certs", ".pending", "combined",
		"index", "trusts", CS_CRL_DIR };
	size_t i;

	if (store->depth > 0)
		return 0;
	if (cs_store_refresh(store, err) == -1 ||
	    refusereader(store, err) == -1 ||
	    (store->fd == -1 && cs_store_refuseplace(store, err) == -1) ||
	    cs_parents_check(store, err) == -1 || refuselocal(store, err) == -1)
		return -1;
	if (store->fd == -1)
		return checkparent(store, err);
	if (cs_fence_ours(store, store->fd, "", err) == -1 ||
	    (store->certs == -1 && cs_layout_refuseforeign(store, err) == -1) ||
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

int
cs_lock_await(const struct certstore *store, int dirfd, const char *name,
    int shared, unsigned int seconds, const char *what)
{
	const int64_t limit = seconds * INT64_C(1000000000);
	struct timespec nap = { 0, 1000000 }, since;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &since);
	while ((fd = cs_file_lock(dirfd, name, shared)) == -1 &&
	    (errno == EWOULDBLOCK || errno == EINTR) &&
	    elapsed(&since) < limit) {
		cs_progress(store, what, 0, 0);
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < 50000000)
			nap.tv_nsec += nap.tv_nsec / 2;
	}
	return fd;
}

/*
 * What a writer notes in .lock when it is done: the stamps of certs/ and
 * index/, whose ctime no copy and no restore sets back.  While that of certs/
 * is unchanged, only writers that finished were there, so that all generations
 * are named by an info and cert-rm need not search for others.  index/ itself
 * changes only when all of it is made anew: if it was replaced, by that from a
 * backup, it may lack newer entries.
 */
static void
makenote(const struct certstore *store, struct cs_stamp stamp[2],
    char note[NOTE])
{
	char certs[CS_STAMP_TEXT], index[CS_STAMP_TEXT];

	note[0] = '\0';
	memset(stamp, 0, 2 * sizeof(*stamp));
	if (cs_stamp_fd(&stamp[0], store->certs) == -1 ||
	    cs_stamp_fd(&stamp[1], store->index) == -1)
		return;
	cs_stamp_text(&stamp[0], certs);
	cs_stamp_text(&stamp[1], index);
	snprintf(note, NOTE, "index %s\ncerts %s\n", index,
	    store->tidy ? certs : "-");
}

/* What the last writer left, and whether something else has changed it: 1 it is
 * to be searched, 0, or -1 and errno. */
static int
readnote(struct certstore *store)
{
	int fresh = store->tidy, same;
	char noted[NOTE], now[NOTE];
	struct cs_stamp stamp[2];
	size_t len;

	store->tidy = 1;
	makenote(store, stamp, now);
	cs_file_noted(store->lock, noted, sizeof(noted));
	store->tidy = fresh || (now[0] != '\0' && strcmp(noted, now) == 0);
	/* without a note, as after .lock was removed, that cannot be told */
	len = strcspn(now, "\n");
	same = noted[0] == '\0' || now[0] == '\0' ||
	    strncmp(noted, now, len + 1) == 0;
	return cs_indexed_begin(store, &stamp[0], &stamp[1], same);
}

static void
writenote(struct certstore *store)
{
	char noted[NOTE], now[NOTE];
	struct cs_stamp stamp[2];

	if (store->lock == -1 || store->certs == -1 || store->index == -1)
		return;
	makenote(store, stamp, now);
	cs_file_noted(store->lock, noted, sizeof(noted));
	if (strcmp(noted, now) != 0)
		cs_file_note(store->lock, now);
}

/*
 * Takes the lock, which nests.  Before it returns, the work of a killed writer
 * is finished or taken back.
 */
int
cs_lock_take(struct certstore *store, struct certstore_error *err)
{
	int doubt;

	if (store->depth == 0 && cs_store_refresh(store, err) == -1)
		return -1;
	if (store->depth++ > 0)
		return 0;
	if (refusereader(store, err) == -1 ||
	    (store->fd == -1 && cs_store_refuseplace(store, err) == -1) ||
	    cs_parents_check(store, err) == -1 || refuselocal(store, err) == -1)
		goto fail;
	if (store->fd == -1 &&
	    cs_file_mkdir(AT_FDCWD, store->path, &store->fd) == -1) {
		cs_fail_errno(err, "%s", store->path);
		goto fail;
	}
	if (cs_fence_ours(store, store->fd, "", err) == -1 ||
	    (store->certs == -1 && cs_layout_refuseforeign(store, err) == -1))
		goto fail;
	store->lock = cs_lock_await(store, store->fd, ".lock", 0, LOCK_SECONDS,
	    "waiting for another writer");
	if (store->lock == -1) {
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
	cs_generation_forget(&store->gens);
	store->tidy = 0;
	if (cs_layout_make(store, err) == -1 ||
	    cs_fence_begin(store, err) == -1)
		goto fail;
	if ((doubt = readnote(store)) == -1) {
		cs_fail_errno(err, "%s/index", store->path);
		goto fail;
	}
	if (cs_recover_all(store, err) == -1)
		goto fail;
	if (doubt && !store->repairs && cs_indexed_verify(store) == -1) {
		cs_fail_errno(err, "%s/certs", store->path);
		goto fail;
	}
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
	cs_log_close(store);
}
