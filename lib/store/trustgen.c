/*
 * trustgen.c: the link trust and the generations .trust@N that it leads to:
 * which one is the live one, and what is left of others.
 *
 *	.pending/@trust -> .trust@N		generation N was being written
 *	.pending/@trust -> .trust@N/mend	the link is to be made to lead
 *						to N
 *
 * No entry is called like that.  Beside the live generation the newest one
 * before it is kept, for a reader that has opened it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define TRUST "trust"
#define LAST "shipped" /* the file that is written last */
#define BULK 16	       /* files from which one syncfs(2) is cheaper */
#define TRIES 3	       /* a generation may go before it is opened */

struct scan {
	const struct certstore *store;
	unsigned long below;
	unsigned long most;
	int whole;
};

static int
iswhole(const struct certstore *store, const char *dir)
{
	char path[CS_GENDIR + sizeof(LAST)];

	snprintf(path, sizeof(path), "%s/" LAST, dir);
	return faccessat(store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
takemost(void *arg, const char *file)
{
	struct scan *scan = arg;
	unsigned long gen;

	gen = cs_generation_number(file, TRUST);
	if (gen > scan->most && gen < scan->below &&
	    (!scan->whole || iswhole(scan->store, file)))
		scan->most = gen;
	return 0;
}

/* The highest generation below another, or 0; -1 and errno. */
static int
highest(const struct certstore *store, unsigned long below, int whole,
    unsigned long *gen)
{
	struct scan scan = { store, below, 0, whole };

	if (cs_file_each(store->fd, ".", takemost, &scan) == -1)
		return -1;
	*gen = scan.most;
	return 0;
}

/* 1, 0 there is none, -1 and errno; mend: what it says besides. */
static int
readintent(const struct certstore *store, const char *file,
    char text[CS_GENDIR], unsigned long *gen, int *mend)
{
	char path[64], *slash;

	snprintf(path, sizeof(path), ".pending/%s", file);
	if (cs_file_readlink(store->fd, path, text, CS_GENDIR) == -1)
		return errno == ENOENT || errno == EINVAL ||
			errno == ENAMETOOLONG ?
		    0 :
		    -1;
	*mend = 0;
	if ((slash = strchr(text, '/')) != NULL) {
		*slash = '\0';
		*mend = strcmp(slash + 1, "mend") == 0;
	}
	*gen = cs_generation_number(text, TRUST);
	return *gen != 0;
}

/*
 * The directory that holds the anchors, and its number, which is 0 where a
 * copy made a real directory of the link: 1, 0 there are none, -1.
 */
static int
findlive(struct certstore *store, char dir[CS_GENDIR], unsigned long *gen,
    struct certstore_error *err)
{
	unsigned long begun;
	int mend, rv;

	*gen = 0;
	if (cs_store_refresh(store, err) == -1)
		return -1;
	if (store->fd == -1)
		return 0;
	if (cs_file_readlink(store->fd, TRUST, dir, CS_GENDIR) != -1) {
		if ((*gen = cs_generation_number(dir, TRUST)) != 0)
			return 1;
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s/trust: leads elsewhere: remove this link, and the next "
		    "writer makes it again",
		    store->path);
	}
	if (errno == EINVAL) {
		snprintf(dir, CS_GENDIR, TRUST);
		return 1;
	}
	if (errno != ENOENT)
		return cs_fail_errno(err, "%s/trust", store->path);
	/* the first ones are being written, or the link was lost; an intent
	 * may be one that another writer is about to finish */
	rv = readintent(store, CS_TRUST_INTENT, dir, &begun, &mend);
	if (rv == 0)
		rv = readintent(store, CS_TRUST_INTENT CS_TAKEN, dir, &begun,
		    &mend);
	if (rv == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	if (rv == 1 && !mend)
		return 0;
	if (highest(store, (unsigned long)-1, 1, gen) == -1)
		return cs_fail_errno(err, "%s", store->path);
	cs_generation_dir(dir, TRUST, *gen);
	return *gen != 0;
}

/* What is opened is a directory that may have gone when it is. */
static int
failopen(const struct certstore *store, struct certstore_error *err)
{
	if (errno != ENOENT && errno != ESTALE)
		return cs_fail_errno(err, "%s/trust", store->path);
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s/trust: leads to nothing: remove this link, and the next "
	    "writer makes it again if it can",
	    store->path);
}

int
cs_trustgen_open(struct certstore *store, struct cs_trustgen *live,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];
	struct stat st;
	int i, rv;

	memset(live, 0, sizeof(*live));
	live->fd = -1;
	for (i = 0; i < TRIES; i++) {
		if ((rv = findlive(store, dir, &live->gen, err)) != 1)
			return rv;
		live->fd = cs_file_opendir(store->fd, dir);
		if (live->fd != -1 && fstat(live->fd, &st) == 0) {
			cs_stamp_take(&live->stamp, &st);
			return 1;
		}
		cs_file_close(&live->fd);
		if (errno != ENOENT && errno != ESTALE)
			break;
	}
	return failopen(store, err);
}

int
cs_trustgen_stat(struct certstore *store, struct stat *st)
{
	struct certstore_error ignored;
	char dir[CS_GENDIR];
	unsigned long gen;

	return findlive(store, dir, &gen, &ignored) == 1 &&
	    fstatat(store->fd, dir, st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whoever else can write the directory would be trusted with the rest. */
static int
checkours(const struct certstore *store, unsigned long gen,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];
	int fd, rv;

	if (gen == 0)
		return 0;
	cs_generation_dir(dir, TRUST, gen);
	if ((fd = cs_file_opendir(store->fd, dir)) == -1)
		return cs_fail_errno(err, "%s/%s", store->path, dir);
	rv = cs_lock_ours(store, fd, "/" TRUST, err);
	close(fd);
	return rv;
}

/* A free number behind the live one, and its intent; -1 and errno. */
static int
makeintent(struct certstore *store, unsigned long live, unsigned long *gen)
{
	char dir[CS_GENDIR];

	for (*gen = live + 1; *gen != 0; ++*gen) {
		cs_generation_dir(dir, TRUST, *gen);
		if (faccessat(store->fd, dir, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno != ENOENT)
			return -1;
		return cs_file_newlink(store->pending, dir, CS_TRUST_INTENT);
	}
	errno = EOVERFLOW;
	return -1;
}

int
cs_trustgen_begin(struct certstore *store, unsigned long live, size_t nfile,
    struct cs_trustgen *new, struct certstore_error *err)
{
	char dir[CS_GENDIR];

	memset(new, 0, sizeof(*new));
	new->fd = -1;
	if (checkours(store, live, err) == -1)
		return -1;
	new->bulk = store->whole ||
	    (nfile >= BULK && cs_file_hassyncfs(store->fd));
	if (makeintent(store, live, &new->gen) == -1)
		return cs_lock_failintent(store, CS_TRUST_INTENT, err);
	/* without a link a part of the first set could pass for one that lost
	 * it, but for the intent */
	if (store->fresh && cs_repair_conclude(store, err) == -1)
		return -1;
	if (live == 0 && cs_store_sync(store, store->pending) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	cs_generation_dir(dir, TRUST, new->gen);
	if (cs_file_newdir(store->fd, dir, &new->fd) == 0)
		return 0;
	return errno == EEXIST ? cs_lock_lost(store, TRUST, err) :
				 cs_fail_errno(err, "%s/%s", store->path, dir);
}

static int
makelink(struct certstore *store, unsigned long gen)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, TRUST, gen);
	if (cs_file_link(store->fd, dir, TRUST) == -1)
		return -1;
	return cs_store_sync(store, store->fd);
}

/*
 * As cs_write_verify(): the generation and its intent are there, and once the
 * switch was made the link leads to it.
 */
static int
checkmine(const struct certstore *store, const char *dir, int switched,
    struct certstore_error *err)
{
	char now[CS_GENDIR];

	if (cs_lock_verify(store, err) == -1 ||
	    cs_lock_intent(store, CS_TRUST_INTENT, dir, err) == -1)
		return -1;
	if (iswhole(store, dir) &&
	    (!switched ||
		(cs_file_readlink(store->fd, TRUST, now, sizeof(now)) != -1 &&
		    strcmp(now, dir) == 0)))
		return 0;
	return cs_lock_lost(store, TRUST, err);
}

int
cs_trustgen_commit(struct certstore *store, struct cs_trustgen *new,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, TRUST, new->gen);
	if (store->whole && cs_file_aside(store->fd, dir, TRUST) == -1)
		return cs_fail_errno(err, "%s/trust", store->path);
	if (new->bulk ? syncfs(store->fd) == -1 :
			fsync(new->fd) == -1 || fsync(store->fd) == -1 ||
		    fsync(store->pending) == -1)
		return cs_fail_errno(err, "%s/%s", store->path, dir);
	cs_progress(store, "switching", 0, 0);
	if (checkmine(store, dir, 0, err) == -1)
		return -1;
	if (makelink(store, new->gen) == -1)
		return cs_fail_errno(err, "%s/trust", store->path);
	if (checkmine(store, dir, 1, err) == -1)
		return -1;
	return cs_recover_all(store, err);
}

/* Unless there is another writer's work to be taken back, too. */
void
cs_trustgen_cancel(struct certstore *store, const struct certstore_error *err)
{
	struct certstore_error ignored;

	if (err->code != CERTSTORE_EBUSY &&
	    cs_lock_verify(store, &ignored) == 0)
		(void)cs_recover_all(store, &ignored);
}

static int
takeall(void *arg, const char *file)
{
	return cs_generation_number(file, TRUST) == 0 ?
	    0 :
	    cs_strings_add(arg, file);
}

/* The link is there, so that what it does not lead to can be missed. */
static int
removeothers(struct certstore *store, unsigned long live)
{
	struct cs_strings dirs = { 0 };
	unsigned long gen, kept;
	int rv = -1;
	size_t i;

	if (highest(store, live, 1, &kept) == -1 ||
	    cs_file_each(store->fd, ".", takeall, &dirs) == -1)
		goto out;
	for (i = 0; i < dirs.n; i++) {
		gen = cs_generation_number(dirs.v[i], TRUST);
		if (gen != live && gen != kept &&
		    cs_file_rmtree(store->fd, dirs.v[i]) == -1)
			goto out;
	}
	rv = 0;
out:
	cs_strings_free(&dirs);
	return rv;
}

/* Finishes or takes back what the intent is about; -1 and errno. */
int
cs_trustgen_settle(struct certstore *store, const char *file)
{
	char now[CS_GENDIR], text[CS_GENDIR];
	unsigned long gen, live = 0;
	int mend, rv;

	if (cs_file_remove(store->fd, "." TRUST "@link") == -1)
		return -1;
	if ((rv = readintent(store, file, text, &gen, &mend)) != 1)
		return rv;
	if (cs_file_readlink(store->fd, TRUST, now, sizeof(now)) != -1)
		live = cs_generation_number(now, TRUST);
	else if (errno == EINVAL) /* a real directory: mended later */
		return 0;
	else if (errno != ENOENT)
		return -1;
	if (mend && live == 0) {
		if (makelink(store, gen) == -1)
			return -1;
		live = gen;
	}
	/* what was before goes only once the switch is on disk */
	if (cs_store_sync(store, store->fd) == -1)
		return -1;
	if (live == gen)
		return removeothers(store, live);
	return cs_file_rmtree(store->fd, text);
}

/* A real directory becomes a generation; the intent remembers which. */
static int
turnback(struct certstore *store)
{
	char dir[CS_GENDIR], text[CS_GENDIR + 8];
	unsigned long gen;

	if (highest(store, (unsigned long)-1, 0, &gen) == -1)
		return -1;
	cs_generation_dir(dir, TRUST, ++gen);
	snprintf(text, sizeof(text), "%s/mend", dir);
	if (cs_file_link(store->pending, text, CS_TRUST_INTENT) == -1 ||
	    cs_store_sync(store, store->pending) == -1 ||
	    cs_file_rename(store->fd, TRUST, dir) == -1 ||
	    makelink(store, gen) == -1 || removeothers(store, gen) == -1)
		return -1;
	return cs_file_remove(store->pending, CS_TRUST_INTENT);
}

/*
 * Under the lock: the link is there again if it can be.  A copy that followed
 * links made a real directory of it; where it was dropped or lost, the highest
 * whole generation is taken.
 */
int
cs_trustgen_repair(struct certstore *store)
{
	unsigned long gen;
	struct stat st;

	if (fstatat(store->fd, TRUST, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? turnback(store) : 0;
	if (errno != ENOENT || highest(store, (unsigned long)-1, 1, &gen) == -1)
		return -1;
	return gen == 0 ? 0 : makelink(store, gen);
}
