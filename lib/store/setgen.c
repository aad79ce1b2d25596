/*
 * setgen.c: sets of files that a link switches: trust sets, and the CRL of a CA
 * with those of its issuers.  Which generation the link leads to, and what
 * is left of others.
 *
 *	trust -> .trust@N		the default trust set
 *	trusts/SET -> .SET@N		another one
 *	crl/.NAME -> ..NAME@N		the CRL of the CA NAME
 *	crl/NAME.pem -> .NAME/crl.pem	what servers read of that; also .der
 *
 *	.pending/@SET -> .SET@N		generation N was being written
 *	.pending/@SET -> .SET@N/mend	the link is to be made to lead to N
 *
 * SET is ".NAME" for a CRL.  No entry can have that name.  The newest generation
 * before the live one is kept, for readers that have opened it.
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
#define BULK 16 /* files from which one syncfs(2) is cheaper */
#define TRIES 3 /* a generation may be removed before it is opened */

int
cs_setgen_isintent(const char *file)
{
	return cs_trustname_isintent(file) || cs_crlname_isintent(file);
}

/* The directory that a link is in, below the store's own; "": that one. */
static const char *
subof(const char *intent)
{
	if (cs_crlname_isintent(intent))
		return CS_CRL_DIR;
	return strcmp(intent, CS_TRUST_INTENT) == 0 ? "" : SETS;
}

/* The descriptor of that directory. */
static int *
fdof(struct certstore *store, const char *sub)
{
	return strcmp(sub, CS_CRL_DIR) == 0 ? &store->crls : &store->trusts;
}

/* Was a generation written to its end? */
static int
iswholeset(const struct cs_link *link, const char *dir)
{
	char path[CS_GENDIR + 16];

	snprintf(path, sizeof(path), "%s/%s", dir,
	    cs_crlname_isintent(link->intent) ? CS_CRL_INFO : CS_TRUST_LAST);
	return faccessat(link->dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Opens the directory of links once: 1, 0 there is none, -1. */
static int
opensets(struct certstore *store, const char *sub)
{
	int *fd = fdof(store, sub);

	if (*fd == -1)
		*fd = cs_file_opendir(store->fd, sub);
	if (*fd == -1)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

int
cs_setgen_link(struct certstore *store, const char *intent,
    struct cs_link *link)
{
	const char *sub = subof(intent);
	int rv = 1;

	link->store = store;
	link->dir = store->fd;
	link->name = intent + 1;
	link->intent = intent;
	link->gens = NULL;
	link->iswhole = iswholeset;
	if (*sub != '\0') {
		rv = opensets(store, sub);
		link->dir = *fdof(store, sub);
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

/* The CA of crl/.NAME or crl/..NAME@N. */
static int
takecaname(void *arg, const char *file)
{
	char name[CS_NAME_MAX + 2], *at;

	if (file[0] != '.' || strlen(file) >= CS_GENDIR)
		return 0;
	file += file[1] == '.' ? 2 : 1;
	snprintf(name, sizeof(name), "%s", file);
	if ((at = strchr(name, '@')) != NULL)
		*at = '\0';
	return cs_name_isvalid(name) ? cs_strings_add(arg, name) : 0;
}

static int
listsets(struct certstore *store, const char *sub,
    int (*fn)(void *, const char *), struct cs_strings *names)
{
	int errnum, rv;

	if ((rv = opensets(store, sub)) != 1)
		return rv;
	if (cs_file_each(*fdof(store, sub), ".", fn, names) == -1) {
		errnum = errno;
		cs_strings_free(names);
		errno = errnum;
		return -1;
	}
	cs_strings_sort(names);
	return 0;
}

/* The names of all sets but the default one, also of those without a link. */
int
cs_setgen_names(struct certstore *store, struct cs_strings *names)
{
	return listsets(store, SETS, takesetname, names);
}

/* The CAs that have a CRL in crl/, also without a link. */
int
cs_setgen_crls(struct certstore *store, struct cs_strings *names)
{
	return listsets(store, CS_CRL_DIR, takecaname, names);
}

static int
failgen(const struct cs_setname *tn, const char *what,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EDAMAGED, "%s: %s use cert-check -r%s",
	    tn->path, what, tn->store->option);
}

/*
 * The directory that holds the anchors, and its number: 1, 0 there are none, -1.
 */
static int
findlive(const struct cs_setname *tn, struct cs_link *link, char dir[CS_GENDIR],
    unsigned long *gen, struct certstore_error *err)
{
	int i, rv = -1;

	*gen = 0;
	if (cs_store_refresh(tn->store, err) == -1)
		return -1;
	if (tn->store->fd == -1)
		return 0;
	if ((rv = cs_setgen_link(tn->store, tn->intent, link)) != 1)
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
failopen(const struct cs_setname *tn, struct certstore_error *err)
{
	if (errno != ENOENT && errno != ESTALE)
		return cs_fail_errno(err, "%s", tn->path);
	return failgen(tn, "leads to nothing: remove this link, then", err);
}

int
cs_setgen_open(const struct cs_setname *tn, struct cs_setgen *live,
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
cs_setgen_stat(const struct cs_setname *tn, struct stat *st)
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
	char dir[CS_GENDIR], sub[CS_GENDIR + 16];
	const char *in = subof(link->intent);
	int fd, rv;

	snprintf(sub, sizeof(sub), "/%s", in);
	if (*in != '\0' && cs_fence_ours(store, link->dir, sub, err) == -1)
		return -1;
	snprintf(sub, sizeof(sub), "/%s%s%s", in, *in == '\0' ? "" : "/",
	    link->name);
	if (gen == 0)
		return 0;
	cs_generation_dir(dir, link->name, gen);
	if ((fd = cs_file_opendir(link->dir, dir)) == -1)
		return cs_fail_errno(err, "%s%s", store->path, sub);
	rv = cs_fence_ours(store, fd, sub, err);
	close(fd);
	return rv;
}

/* Gets the link; the first set needs the directory of links. */
static int
preparelink(const struct cs_setname *tn, struct cs_link *link,
    struct certstore_error *err)
{
	struct certstore *store = tn->store;
	const char *sub = subof(tn->intent);
	int *fd = fdof(store, sub), rv;

	if ((rv = cs_setgen_link(store, tn->intent, link)) == 1)
		return 0;
	if (rv == 0 && cs_file_mkdir(store->fd, sub, fd) == 0) {
		link->dir = *fd;
		return 0;
	}
	return cs_fail_errno(err, "%s/%s", store->path, sub);
}

int
cs_setgen_begin(const struct cs_setname *tn, unsigned long live, size_t nfile,
    struct cs_setgen *new, struct certstore_error *err)
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

/* Is the directory of links still the one that was opened?  1, 0, -1. */
static int
issetsplace(const struct cs_link *link)
{
	struct cs_inode held;

	if (link->dir == link->store->fd)
		return 1;
	if (cs_file_inode(link->dir, &held) == -1)
		return -1;
	return cs_file_isinode(link->store->fd, subof(link->intent),
	    AT_SYMLINK_NOFOLLOW, &held);
}

/*
 * Are the new generation and its intent still there, and not taken back by a
 * writer that has another lock?  switched: and does the link lead to it?
 */
static int
verifyset(const struct cs_link *link, const struct cs_setgen *new, int switched,
    struct certstore_error *err)
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
syncset(const struct cs_link *link, const struct cs_setgen *new)
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

void
cs_setgen_show(const char *intent, char name[CS_SETGEN_SHOWN])
{
	if (cs_crlname_isintent(intent))
		snprintf(name, CS_SETGEN_SHOWN, "@crl/%s", intent + 2);
	else if (strcmp(intent, CS_TRUST_INTENT) == 0)
		snprintf(name, CS_SETGEN_SHOWN, "%s", CS_TRUST_INTENT);
	else
		snprintf(name, CS_SETGEN_SHOWN, "@trust/%s", intent + 1);
}

/* Logs why a set was switched; NULL: recovered, and it may be logged already. */
static void
logset(const struct cs_link *link, unsigned long gen, const char *reason)
{
	char name[CS_SETGEN_SHOWN];
	const struct cs_logline change = { .name = name,
		.gen = gen,
		.reason = reason };

	cs_setgen_show(link->intent, name);
	if (reason == NULL)
		cs_log_recover(link->store, &change);
	else
		cs_log_add(link->store, &change);
}

/* What servers read of a CRL: crl/NAME.pem -> .NAME/crl.pem, and .der.  1 if a
 * link is missing, and is made unless it is only looked; 0, -1 and errno. */
static int
linkfile(const struct cs_link *link, const char *file, int looks)
{
	char name[CS_GENDIR], target[CS_GENDIR], now[CS_GENDIR];

	snprintf(name, sizeof(name), "%s%s", link->name + 1, file);
	snprintf(target, sizeof(target), "%s/crl%s", link->name, file);
	if (cs_file_readlink(link->dir, name, now, sizeof(now)) != -1 &&
	    strcmp(now, target) == 0)
		return 0;
	return !looks && cs_file_link(link->dir, target, name) == -1 ? -1 : 1;
}

/* The same of both links, which are on disk then. */
static int
linkfiles(const struct cs_link *link, int looks)
{
	int der, pem;

	if (!cs_crlname_isintent(link->intent))
		return 0;
	if ((pem = linkfile(link, ".pem", looks)) == -1 ||
	    (der = linkfile(link, ".der", looks)) == -1)
		return -1;
	if (pem + der == 0 || looks)
		return pem + der > 0;
	return cs_store_sync(link->store, link->dir) == -1 ? -1 : 1;
}

int
cs_setgen_commit(const struct cs_setname *tn, struct cs_setgen *new,
    struct certstore_error *err)
{
	struct certstore *store = tn->store;
	struct cs_link link;

	if (cs_setgen_link(store, tn->intent, &link) != 1 ||
	    (store->syncall && cs_generation_prepare(&link, new->gen) == -1) ||
	    syncset(&link, new) == -1)
		return cs_fail_errno(err, "%s", tn->path);
	cs_progress(store, "switching", 0, 0);
	if (verifyset(&link, new, 0, err) == -1)
		return -1;
	if (cs_generation_switch(&link, new->before, new->gen) == -1 ||
	    cs_store_sync(store, link.dir) == -1 || linkfiles(&link, 0) == -1)
		return errno == EEXIST ? cs_fence_lost(store, link.name, err) :
					 cs_fail_errno(err, "%s", tn->path);
	if (verifyset(&link, new, 1, err) == -1)
		return -1;
	logset(&link, new->gen,
	    cs_crlname_isintent(link.intent) ? "crl" : "trust");
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
cs_setgen_settle(const struct cs_link *link, const struct cs_intent *in,
    unsigned long live)
{
	/* the switch has to be on disk before what it replaced is removed */
	if (cs_store_sync(link->store, link->dir) == -1)
		return -1;
	if (live != in->gen)
		return cs_generation_remove(link, in->gen);
	if (linkfiles(link, 0) == -1)
		return -1;
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
	    cs_store_sync(link->store, link->dir) == -1 ||
	    linkfiles(link, 0) == -1)
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

/* Is a link of a set missing, or a directory in its place?  1, 0, -1. */
int
cs_setgen_islost(struct certstore *store, const char *intent)
{
	struct cs_link link;
	char dir[CS_GENDIR];
	unsigned long gen;
	int rv;

	if ((rv = cs_setgen_link(store, intent, &link)) != 1)
		return rv;
	rv = cs_generation_current(&link, dir, &gen);
	if (rv == CS_LINK_NONE)
		return cs_generation_find(&link, &gen);
	if (rv == CS_LINK_GENERATION)
		return linkfiles(&link, 1);
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
cs_setgen_repair(struct certstore *store, const char *intent)
{
	struct cs_link link;
	char dir[CS_GENDIR];
	unsigned long gen;
	int rv;

	if ((rv = cs_setgen_link(store, intent, &link)) != 1)
		return rv;
	rv = cs_generation_current(&link, dir, &gen);
	if (rv == CS_LINK_DIRECTORY)
		return turnbackset(&link);
	if (rv == CS_LINK_GENERATION)
		return linkfiles(&link, 0) == -1 ? -1 : 0;
	if (rv != CS_LINK_NONE)
		return rv == -1 ? -1 : 0;
	if ((rv = cs_generation_find(&link, &gen)) != 1)
		return rv;
	return leadsetagain(&link, gen);
}
