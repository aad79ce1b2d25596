/*
 * indexed.c: whether index/ lists all entries.  The last step of a writer gives
 * index/ the time of modification of certs/.  While they are the same, nothing
 * else has changed certs/ since, and what index/ does not list is not there.
 * Else, as after a restore, all entries are searched once for those whose links
 * are missing.
 *
 * A writer that finds such entries sets the time of index/ to 0, which stays
 * until they are repaired: its own changes must not hide that.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "store/private.h"

#define TRIES 7 /* waits of 1 to 64 ms for a writer */

/* tar(1) drops fractions of a second. */
static int
issamemoment(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec &&
	    (a->tv_nsec == b->tv_nsec || a->tv_nsec == 0 || b->tv_nsec == 0);
}

/* Are both times the same?  1, 0, -1 and errno. */
static int
comparetimes(const struct certstore *store, struct cs_stamp *certs,
    struct cs_stamp *index)
{
	memset(index, 0, sizeof(*index));
	if (cs_stamp_fd(certs, store->certs) == -1 ||
	    (store->index != -1 && cs_stamp_fd(index, store->index) == -1))
		return -1;
	return store->index != -1 &&
	    issamemoment(&certs->modified, &index->modified);
}

static int
stopatname(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return 1;
}

/* Is a writer at work, or was one interrupted?  1, 0, -1 and errno. */
static int
iswriting(const struct certstore *store)
{
	int rv;

	rv = cs_file_each(store->fd, ".pending", stopatname, NULL);
	return rv == -1 && errno == ENOENT ? 0 : rv;
}

/* Is an entry one that index/ may not list?  1, 0, -1 and errno. */
static int
isunlinked(struct certstore *store, const char *name,
    struct certstore_entry *entry)
{
	struct certstore_error err;
	int rv;

	if (cs_entry_load(store, name, entry, &err) == -1) {
		if (err.code != CERTSTORE_ENOENTRY &&
		    err.code != CERTSTORE_EDAMAGED) {
			errno = err.errnum;
			return -1;
		}
		if (err.code == CERTSTORE_ENOENTRY ||
		    cs_resolve_isstray(store, name))
			return 0;
		if (entry->info.name == NULL ||
		    strcmp(entry->info.name, name) != 0)
			return 1; /* the caller finds out when it loads it */
	}
	if (store->index == -1)
		return 1;
	return (rv = cs_index_has(store, &entry->info)) == -1 ? -1 : !rv;
}

/* Lists the entries that index/ may not list. */
static int
searchunlinked(struct certstore *store)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error err;
	struct cs_strings names = { 0 };
	size_t i;
	int errnum, rv;

	cs_strings_free(&store->unlinked);
	if ((rv = cs_resolve_names(store, &names, &err)) == -1)
		errno = err.errnum;
	for (i = 0; i < names.n && rv != -1; i++) {
		cs_progress(store, "searching", i, names.n);
		rv = isunlinked(store, names.v[i], &entry);
		if (rv == 1)
			rv = cs_strings_add(&store->unlinked, names.v[i]);
	}
	errnum = errno;
	cs_entry_done(&entry);
	cs_strings_free(&names);
	errno = errnum;
	return rv == -1 ? -1 : 0;
}

static void
warnsearched(struct certstore *store)
{
	if (store->warned || store->repairs)
		return; /* it is what repairs */
	store->warned = 1;
	cs_warn(store,
	    "%s: index may not list all entries, so all were searched: "
	    "use cert-check -r%s",
	    store->path, store->option);
}

/* The result of a search holds for this question, and while certs/ is as it is.
 */
static int
searchonce(struct certstore *store, const struct cs_stamp *certs, int warn)
{
	if (searchunlinked(store) == -1)
		return -1;
	store->searched = *certs;
	store->compared = -1;
	if (warn)
		warnsearched(store);
	return 0;
}

/*
 * Does index/ list all entries?  1, 0: those of the store's list may be missing
 * there, -1 and errno.  waited: a writer was at work, so what was not found
 * before may be found now.
 */
int
cs_indexed_check(struct certstore *store, int *waited)
{
	struct timespec nap = { 0, 1000000 };
	struct cs_stamp certs, index;
	int busy = 0, i, rv;

	*waited = 0;
	if (store->depth > 0 && store->indexed)
		return 1;
	if (store->compared != 0)
		return store->compared == 1;
	for (i = 0;; i++) {
		rv = comparetimes(store, &certs, &index);
		if (rv == -1)
			return -1;
		if (rv == 1 && store->depth == 0)
			return store->compared = 1;
		if (store->searched.settled &&
		    cs_stamp_same(&store->searched, &certs)) {
			store->compared = -1;
			return 0;
		}
		if (store->depth > 0 || (busy = iswriting(store)) == -1)
			break;
		if (i == TRIES || (i > 0 && !busy))
			break;
		if (busy)
			nanosleep(&nap, NULL);
		nap.tv_nsec *= 2;
		*waited = 1;
		if (cs_store_reopen(store) != NULL)
			return -1;
	}
	return busy == -1 ? -1 : searchonce(store, &certs, !busy);
}

/*
 * Do the times say that index/ lists all entries?  Waits for a writer, but
 * searches nothing.  1, also if a writer is still at work; 0, -1 and errno.
 */
int
cs_indexed_isknown(struct certstore *store)
{
	struct timespec nap = { 0, 1000000 }, before;
	struct cs_stamp certs = { 0 }, index;
	int busy, i, rv;

	if (store->certs == -1)
		return 1;
	for (i = 0;; i++) {
		before = certs.modified;
		if (store->index == -1 || (rv = cs_index_ismade(store)) == 0)
			return 0;
		if (rv == -1 || (rv = comparetimes(store, &certs, &index)) != 0)
			return rv;
		if (index.modified.tv_sec == 0)
			return 0;
		if ((busy = iswriting(store)) == -1)
			return -1;
		/* a writer removes its intent before it sets the time */
		if (i == TRIES)
			return busy || before.tv_sec != certs.modified.tv_sec ||
			    before.tv_nsec != certs.modified.tv_nsec;
		nanosleep(&nap, NULL);
		nap.tv_nsec *= 2;
		if (cs_store_reopen(store) != NULL)
			return -1;
	}
}

/*
 * Under the lock, before recovery: sets store->indexed, whether index/ lists
 * all.  The arguments: the stamps of certs/ and index/; whether the latter is the
 * directory that the last writer left.  1: cs_indexed_verify() must find out, 0,
 * or -1 and errno.
 */
int
cs_indexed_begin(struct certstore *store, const struct cs_stamp *certs,
    const struct cs_stamp *index, int noted)
{
	int busy = 0, same;

	store->compared = 0;
	store->indexed = 0;
	if (index->modified.tv_sec == 0)
		return 0;
	same = issamemoment(&certs->modified, &index->modified);
	/* what an interrupted writer did is known, and recovered */
	if (noted && !same && (busy = iswriting(store)) == -1)
		return -1;
	store->indexed = noted && (same || busy);
	return !store->indexed;
}

static void
setmoment(const struct certstore *store, const struct timespec *modified)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT }, *modified };

	/* without it each question that has no answer is a search */
	(void)futimens(store->index, times);
}

/* Lets all know that index/ lists all, if that is so. */
void
cs_indexed_end(struct certstore *store)
{
	struct stat st;

	if (store->indexed && fstat(store->certs, &st) == 0)
		setmoment(store, &st.st_mtim);
}

/* Lets all know that index/ may not list all. */
void
cs_indexed_doubt(struct certstore *store)
{
	static const struct timespec never = { 0, 0 };

	store->indexed = 0;
	setmoment(store, &never);
}

/* Finds out whether index/ lists all.  0, or -1 and errno. */
int
cs_indexed_verify(struct certstore *store)
{
	if (searchunlinked(store) == -1)
		return -1;
	store->indexed = store->unlinked.n == 0;
	cs_indexed_end(store);
	if (!store->indexed) {
		cs_indexed_doubt(store);
		warnsearched(store);
	}
	return 0;
}
