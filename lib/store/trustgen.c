/*
 * trustgen.c: the link of a trust set and the generations that it leads to:
 * which one is the live one, and what is left of others.  The link of the
 * default set is STORE/trust, those of others are in STORE/trusts/.
 *
 *	.pending/@SET -> .SET@N		generation N was being written
 *	.pending/@SET -> .SET@N/mend	the link is to be made to lead to N
 *
 * No entry can have that name.  The newest generation before the live one is
 * kept, for readers that have opened it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

#define SETS "trusts"
#define LAST "shipped" /* written last */
#define BULK 16	       /* files from which one syncfs(2) is cheaper */
#define TRIES 3	       /* a generation may be removed before it is opened */

/* Was a generation written to its end? */
static int
iswholeset(const struct cs_link *link, const char *dir)
{
	char path[CS_GENDIR + sizeof(LAST)];

	snprintf(path, sizeof(path), "%s/" LAST, dir);
	return faccessat(link->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Opens trusts/ once: 1, 0 there is none, -1. */
static int
opensets(struct certstore *store)
{
	if (store->trusts == -1)
		store->trusts = cs_file_opendir(store->fd, SETS);
	if (store->trusts == -1)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

int
cs_trustgen_link(struct certstore *store, const char *intent,
    struct cs_link *link)
{
	int rv = 1;

	link->store = store;
	link->dir = store->fd;
	link->name = intent + 1;
	link->intent = intent;
	link->gens = NULL;
	link->iswhole = iswholeset;
	if (strcmp(intent, CS_TRUST_INTENT) != 0) {
		rv = opensets(store);
		link->dir = store->trusts;
	}
	return rv;
}

static int
takesetname(void *arg, const char *file)
{
	char name[CS_NAME_MAX + 1];

	if (cs_generation_owner(file, name) == 1)
		file = name;
	return cs_trustname_isvalid(file) ? cs_strings_add(arg, file) : 0;
}

/* The names of all sets but the default one, also of those without a link. */
int
cs_trustgen_names(struct certstore *store, struct cs_strings *names)
{
	int rv;

	if ((rv = opensets(store)) != 1)
		return rv;
	if (cs_file_each(store->trusts, ".", takesetname, names) == -1)
		return -1;
	cs_strings_sort(names);
	return 0;
}

static int
failgen(const struct cs_trustname *tn, const char *what,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EDAMAGED, "%s: %s use cert-check -r%s",
	    tn->path, what, tn->store->option);
}

/*
 * The directory that holds the anchors, and its number: 1, 0 there are none, -1.
 */
static int
findlive(const struct cs_trustname *tn, struct cs_link *link,
    char dir[CS_GENDIR], unsigned long *gen, struct certstore_error *err)
{
	int i, rv = -1;

	*gen = 0;
	if (cs_store_refresh(tn->store, err) == -1)
		return -1;
	if (tn->store->fd == -1)
		return 0;
	if ((rv = cs_trustgen_link(tn->store, tn->intent, link)) != 1)
		return rv == -1 ? cs_fail_errno(err, "%s", tn->path) : 0;
	for (i = 0; i < TRIES; i++) {
		rv = cs_generation_current(link, dir, gen);
		if (rv == CS_LINK_GENERATION)
			return 1;
		if (rv == CS_LINK_FOREIGN)
			return failgen(tn,
			    "leads elsewhere: remove this link, then", err);
		if (rv == CS_LINK_DIRECTORY)
			return failgen(tn, "was copied without its link:", err);
		if (rv == -1)
			break;
		/* another writer may make the link, or remove what is found */
		rv = cs_generation_find(link, gen);
		if (rv == 0)
			return 0;
		if (rv == -1 && errno != ENOENT && errno != ESTALE)
			break;
	}
	return rv == 1 ? failgen(tn, "its link is missing:", err) :
			 cs_fail_errno(err, "%s", tn->path);
}

/* The generation that the link leads to cannot be opened. */
static int
failopen(const struct cs_trustname *tn, struct certstore_error *err)
{
	if (errno != ENOENT && errno != ESTALE)
		return cs_fail_errno(err, "%s", tn->path);
	return failgen(tn, "leads to nothing: remove this link, then", err);
}

int
cs_trustgen_open(const struct cs_trustname *tn, struct cs_trustgen *live,
    struct certstore_error *err)
{
	struct cs_link link;
	char dir[CS_GENDIR];
	int i, rv;

	memset(live, 0, sizeof(*live));
	live->fd = -1;
	for (i = 0; i < TRIES; i++) {
		if ((rv = findlive(tn, &link, dir, &live->gen, err)) != 1)
			return rv;
		live->fd = cs_file_opendir(link.dir, dir);
		if (live->fd != -1 && cs_stamp_fd(&live->stamp, live->fd) == 0)
			return 1;
		cs_file_close(&live->fd);
		if (errno != ENOENT && errno != ESTALE)
			break;
	}
	return failopen(tn, err);
}

int
cs_trustgen_stat(const struct cs_trustname *tn, struct stat *st)
{
	struct certstore_error ignored;
	struct cs_link link;
	char dir[CS_GENDIR];
	unsigned long gen;

	return findlive(tn, &link, dir, &gen, &ignored) == 1 &&
	    fstatat(link.dir, dir, st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A live set that others can write is not carried over. */
static int
checkours(const struct cs_link *link, unsigned long gen,
    struct certstore_error *err)
{
	const struct certstore *store = link->store;
	char dir[CS_GENDIR], sub[CS_TRUSTNAME_MAX + 16];
	int fd, rv;

	snprintf(sub, sizeof(sub), "/%s%s",
	    link->dir == store->fd ? "" : SETS "/", link->name);
	if (link->dir != store->fd &&
	    cs_fence_ours(store, link->dir, "/" SETS, err) == -1)
		return -1;
	if (gen == 0)
		return 0;
	cs_generation_dir(dir, link->name, gen);
	if ((fd = cs_file_opendir(link->dir, dir)) == -1)
		return cs_fail_errno(err, "%s%s", store->path, sub);
	rv = cs_fence_ours(store, fd, sub, err);
	close(fd);
	return rv;
}

/* Gets the link; the first set that has a name needs trusts/. */
static int
preparelink(const struct cs_trustname *tn, struct cs_link *link,
    struct certstore_error *err)
{
	struct certstore *store = tn->store;
	int rv;

	if ((rv = cs_trustgen_link(store, tn->intent, link)) == 1)
		return 0;
	if (rv == 0 && cs_file_mkdir(store->fd, SETS, &store->trusts) == 0) {
		link->dir = store->trusts;
		return 0;
	}
	return cs_fail_errno(err, "%s/" SETS, store->path);
}

int
cs_trustgen_begin(const struct cs_trustname *tn, unsigned long live,
    size_t nfile, struct cs_trustgen *new, struct certstore_error *err)
{
	struct certstore *store = tn->store;
	struct cs_link link;
	char dir[CS_GENDIR];

	memset(new, 0, sizeof(*new));
	new->fd = -1;
	if (preparelink(tn, &link, err) == -1 ||
	    checkours(&link, live, err) == -1)
		return -1;
	new->before = live;
	new->bulk = store->syncall ||
	    (nfile >= BULK && cs_file_hassyncfs(store->fd));
	if (cs_generation_free(&link, live + 1, &new->gen) == -1)
		return cs_fail_errno(err, "%s", tn->path);
	if (cs_generation_begin(&link, new->gen, err) == -1)
		return -1;
	/* without the intent on disk a part of the first set could pass for
	 * one that lost its link */
	if (live == 0 && cs_store_sync(store, store->pending) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	cs_generation_dir(dir, link.name, new->gen);
	if (cs_file_newdir(link.dir, dir, &new->fd) == 0)
		return 0;
	return errno == EEXIST ? cs_fence_lost(store, tn->intent + 1, err) :
				 cs_fail_errno(err, "%s", tn->path);
}

/* Is trusts/ still the directory that was opened?  1, 0, -1. */
static int
issetsplace(const struct cs_link *link)
{
	struct cs_inode held;

	if (link->dir == link->store->fd)
		return 1;
	if (cs_file_inode(link->dir, &held) == -1)
		return -1;
	return cs_file_isinode(link->store->fd, SETS, AT_SYMLINK_NOFOLLOW,
	    &held);
}

/*
 * Are the new generation and its intent still there, and not taken back by a
 * writer that has another lock?  switched: and does the link lead to it?
 */
static int
verifyset(const struct cs_link *link, const struct cs_trustgen *new,
    int switched, struct certstore_error *err)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, link->name, new->gen);
	if (cs_fence_verify(link->store, err) == -1 ||
	    cs_fence_intent(link->store, link->intent, dir, err) == -1)
		return -1;
	if (issetsplace(link) == 1 && iswholeset(link, dir) &&
	    (!switched || cs_generation_iscurrent(link, new->gen)))
		return 0;
	return cs_fence_lost(link->store, link->name, err);
}

/* Syncs the generation, its name, its intent and the place of its link. */
static int
syncset(const struct cs_link *link, const struct cs_trustgen *new)
{
	const struct certstore *store = link->store;

	if (new->bulk)
		return syncfs(store->fd);
	return fsync(new->fd) == -1 || fsync(link->dir) == -1 ||
		(link->dir != store->fd && new->before == 0 &&
		    fsync(store->fd) == -1) ||
		fsync(store->pending) == -1 ?
	    -1 :
	    0;
}

/* Logs why a set was switched; NULL: recovered, and it may be logged already. */
static void
logset(const struct cs_link *link, unsigned long gen, const char *reason)
{
	char name[sizeof("@trust/") + CS_TRUSTNAME_MAX];
	const struct cs_logline change = { .name = name,
		.gen = gen,
		.reason = reason };

	snprintf(name, sizeof(name), "@trust%s%s",
	    link->dir == link->store->fd ? "" : "/",
	    link->dir == link->store->fd ? "" : link->name);
	if (reason == NULL)
		cs_log_recover(link->store, &change);
	else
		cs_log_add(link->store, &change);
}

int
cs_trustgen_commit(const struct cs_trustname *tn, struct cs_trustgen *new,
    struct certstore_error *err)
{
	struct certstore *store = tn->store;
	struct cs_link link;

	if (cs_trustgen_link(store, tn->intent, &link) != 1 ||
	    (store->syncall && cs_generation_prepare(&link, new->gen) == -1) ||
	    syncset(&link, new) == -1)
		return cs_fail_errno(err, "%s", tn->path);
	cs_progress(store, "switching", 0, 0);
	if (verifyset(&link, new, 0, err) == -1)
		return -1;
	if (cs_generation_switch(&link, new->before, new->gen) == -1 ||
	    cs_store_sync(store, link.dir) == -1)
		return errno == EEXIST ? cs_fence_lost(store, link.name, err) :
					 cs_fail_errno(err, "%s", tn->path);
	if (verifyset(&link, new, 1, err) == -1)
		return -1;
	logset(&link, new->gen, "trust");
	return 0;
}

/* Removes all generations but the live one and the newest before it. */
static int
removeothers(const struct cs_link *link, unsigned long live)
{
	unsigned long kept;

	if (cs_generation_wholebelow(link, live, &kept) == -1)
		return -1;
	return cs_generation_sweep(link, (unsigned long)-1, live, kept, NULL);
}

int
cs_trustgen_settle(const struct cs_link *link, const struct cs_intent *in,
    unsigned long live)
{
	/* the switch has to be on disk before what it replaced is removed */
	if (cs_store_sync(link->store, link->dir) == -1)
		return -1;
	if (live != in->gen)
		return cs_generation_remove(link, in->gen);
	if (in->verb[0] == '\0' || link->store->linked)
		logset(link, live, NULL);
	return removeothers(link, live);
}

/*
 * Lets the link lead to a generation again, and logs that, unless the store is
 * a copy, whose links are all made again as they were.
 */
static int
leadsetagain(const struct cs_link *link, unsigned long gen)
{
	if (cs_generation_lead(link, gen) == -1 ||
	    cs_store_sync(link->store, link->dir) == -1)
		return -1;
	if (link->store->linked)
		logset(link, gen, CS_LOG_REPAIR);
	return 0;
}

/* Makes a real directory a generation again; the intent remembers which. */
static int
turnbackset(const struct cs_link *link)
{
	struct certstore *store = link->store;
	char dir[CS_GENDIR];
	unsigned long gen;

	if (cs_generation_highest(link, &gen) == -1)
		return -1;
	cs_generation_dir(dir, link->name, ++gen);
	if (cs_generation_mend(link, gen) == -1 ||
	    cs_file_rename(link->dir, link->name, dir) == -1 ||
	    leadsetagain(link, gen) == -1 || removeothers(link, gen) == -1)
		return -1;
	return cs_file_remove(store->pending, link->intent);
}

/* Is the link of a set missing, or a directory in its place?  1, 0, -1. */
int
cs_trustgen_islost(struct certstore *store, const char *intent)
{
	struct cs_link link;
	char dir[CS_GENDIR];
	unsigned long gen;
	int rv;

	if ((rv = cs_trustgen_link(store, intent, &link)) != 1)
		return rv;
	rv = cs_generation_current(&link, dir, &gen);
	if (rv == CS_LINK_NONE)
		return cs_generation_find(&link, &gen);
	if (rv != CS_LINK_DIRECTORY)
		return rv == -1 ? -1 : 0;
	return iswholeset(&link, link.name);
}

/*
 * Under the lock: makes the link again if it is missing.  A copy that followed
 * links made a real directory of it; where it was dropped or lost, the highest
 * whole generation is taken.
 */
int
cs_trustgen_repair(struct certstore *store, const char *intent)
{
	struct cs_link link;
	char dir[CS_GENDIR];
	unsigned long gen;
	int rv;

	if ((rv = cs_trustgen_link(store, intent, &link)) != 1)
		return rv;
	rv = cs_generation_current(&link, dir, &gen);
	if (rv == CS_LINK_DIRECTORY)
		return turnbackset(&link);
	if (rv != CS_LINK_NONE)
		return rv == -1 ? -1 : 0;
	if ((rv = cs_generation_find(&link, &gen)) != 1)
		return rv;
	return leadsetagain(&link, gen);
}
