/*
 * index.c: index/, the links by which an entry is found at any size of the
 * store.  It may list a stale candidate and never misses a valid one: links are
 * made before an entry is switched and removed after, and whoever follows one
 * checks the entry.
 *
 *	index/host/HOST		-> ../../certs/NAME	the first with HOST
 *	index/host/HOST@/NAME	-> ../../../certs/NAME	each later one
 *	index/next/2027-01/31/NAME, index/ends/2027-01/31/NAME
 *				-> ../../../../certs/NAME, see moment.c
 *
 * A link is never moved, so that no search misses it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/*
 * Is everything there that cs_index_make() makes?  1, 0, or -1 and errno.  An
 * index that has ends had next, too: a copy can have dropped that, empty.
 */
int
cs_index_ismade(const struct certstore *store)
{
	const char *path;
	size_t i;

	/* the first is host, which has the mark */
	for (i = 0; i < CS_NINDEX; i++) {
		if (strcmp(cs_index_names[i], CS_INDEX_NEXT) == 0)
			continue;
		path = i > 0 ? cs_index_names[i] : CS_INDEX_COMPLETE;
		if (faccessat(store->index, path, F_OK, AT_SYMLINK_NOFOLLOW) ==
		    -1)
			return errno == ENOENT ? 0 : -1;
	}
	return 1;
}

int
cs_index_make(struct certstore *store)
{
	size_t i;

	for (i = 0; i < CS_NINDEX; i++)
		if (cs_file_mkdir(store->index, cs_index_names[i], NULL) == -1)
			return -1;
	if (symlinkat("../../.lock", store->index, CS_INDEX_COMPLETE) == -1 &&
	    errno != EEXIST)
		return -1;
	store->touched = (1u << CS_NINDEX) - 1;
	return 0;
}

static int
syncdir(const struct certstore *store, const char *name)
{
	int fd, rv;

	if ((fd = cs_file_opendir(store->index, name)) == -1)
		return -1;
	rv = fsync(fd);
	close(fd);
	return rv;
}

/* Syncs the directories of all links that were made. */
int
cs_index_sync(struct certstore *store)
{
	size_t i;

	for (i = 0; i < CS_NINDEX; i++)
		if ((store->touched & (1u << i)) != 0 &&
		    syncdir(store, cs_index_names[i]) == -1)
			return -1;
	cs_strings_sort(&store->shared);
	for (i = 0; i < store->shared.n; i++)
		if (syncdir(store, store->shared.v[i]) == -1 && errno != ENOENT)
			return -1;
	cs_index_synced(store);
	return 0;
}

void
cs_index_synced(struct certstore *store)
{
	store->touched = 0;
	cs_strings_free(&store->shared);
}

unsigned int
cs_index_bit(const char *sub)
{
	unsigned int bit = 0;
	size_t i;

	for (i = 0; i < CS_NINDEX; i++)
		if (strcmp(sub, cs_index_names[i]) == 0)
			bit = 1u << i;
	return bit;
}

static void
touchsub(struct certstore *store, const char *sub)
{
	store->touched |= cs_index_bit(sub);
}

static int
hostkeys(const struct cs_info *info,
    int (*fn)(void *, const char *, const char *), void *arg)
{
	char host[CS_HOST_MAX + 1];
	size_t i;
	int rv = 0;

	for (i = 0; i < info->nsan && rv == 0; i++) {
		if (info->san[i].type == CS_SAN_IP)
			rv = fn(arg, "host", info->san[i].value);
		else if (info->san[i].type == CS_SAN_DNS &&
		    cs_name_certhost(info->san[i].value, host) == 1)
			rv = fn(arg, "host", host);
	}
	if (rv == 0 && info->nsan == 0 && info->cn != NULL &&
	    cs_name_certhost(info->cn, host) == 1)
		rv = fn(arg, "host", host);
	return rv;
}

/* What signs calls: its codes, and whether it has numbers. */
static int
callkeys(const struct cs_info *info,
    int (*fn)(void *, const char *, const char *), void *arg)
{
	char key[CS_SPC_MAX + 1];
	size_t i;
	int rv = 0;

	for (i = 0; i < info->spcs.n && rv == 0; i++)
		if (cs_tel_code(info->spcs.v[i], key))
			rv = fn(arg, "spc", key);
	if (rv == 0 && info->tns.n > 0)
		rv = fn(arg, "tn", CS_INDEX_NUMBERED);
	return rv;
}

/* When there is something to do, and when the first certificate expires. */
static int
momentkeys(const struct cs_info *info,
    int (*fn)(void *, const char *, const char *), void *arg)
{
	char sub[CS_MOMENT_SUB];
	const char *subject;
	int64_t when;
	int rv = 0;

	if (cs_due_moment(info, &when)) {
		cs_moment_sub(sub, CS_INDEX_NEXT, when);
		rv = fn(arg, sub, info->name);
	}
	if (rv == 0 && info->fingerprint != NULL) {
		cs_moment_sub(sub, CS_INDEX_ENDS, cs_info_ends(info, &subject));
		rv = fn(arg, sub, info->name);
	}
	return rv;
}

/*
 * Calls fn for each link that an info calls for.  An entry is listed under its
 * hosts only if it has its key and is no CA.
 */
int
cs_index_keys(const struct cs_info *info,
    int (*fn)(void *, const char *, const char *), void *arg)
{
	char host[CS_HOST_MAX + 1];
	size_t i;
	int ca, rv = 0;

	if (info->name == NULL || info->kind == NULL)
		return 0;
	ca = strcmp(info->kind, "ca") == 0;
	if (strcmp(info->kind, "shaken") == 0)
		rv = callkeys(info, fn, arg);
	else if (info->haskey && !ca)
		rv = hostkeys(info, fn, arg);
	for (i = 0; i < info->tenants.n && rv == 0; i++)
		if (cs_name_certhost(info->tenants.v[i], host) == 1)
			rv = fn(arg, "tenant", host);
	if (rv == 0 && info->spki != NULL)
		rv = fn(arg, "spki", info->spki);
	if (rv == 0 && info->samekey != NULL)
		rv = fn(arg, "spki", info->samekey);
	if (rv == 0 && info->request != NULL &&
	    (info->spki == NULL || strcmp(info->request, info->spki) != 0))
		rv = fn(arg, "spki", info->request);
	if (rv == 0 && ca && info->ski != NULL)
		rv = fn(arg, "ski", info->ski);
	if (rv == 0 && ca && info->subjecthash != NULL)
		rv = fn(arg, "subject", info->subjecthash);
	if (rv == 0)
		rv = momentkeys(info, fn, arg);
	return rv;
}

/*
 * May a key be a file name in index/?  info can be edited by anybody, so
 * nothing that leads out of the directory, and no "@".
 */
int
cs_index_isusable(const char *key)
{
	return key[0] != '\0' && key[0] != '.' && strchr(key, '/') == NULL &&
	    strchr(key, '@') == NULL && strlen(key) <= CS_KEY_MAX;
}

/* The entry's name in the text of a link, or NULL. */
const char *
cs_index_linkname(const char *text)
{
	while (strncmp(text, "../", 3) == 0)
		text += 3;
	if (strncmp(text, "certs/", 6) != 0 || !cs_name_isvalid(text + 6))
		return NULL;
	return text + 6;
}

struct job {
	struct certstore *store;
	const char *name;
	struct cs_strings stay; /* "host/a.example", sorted */
};

int
cs_index_collect(void *arg, const char *sub, const char *key)
{
	char path[CS_KEY_MAX + 16];

	if (!cs_index_isusable(key))
		return 0;
	return cs_file_join(path, sizeof(path), sub, key) == -1 ?
	    -1 :
	    cs_strings_add(arg, path);
}

/* Is it a directory whose links are one for each entry? */
static int
isnested(const char *sub)
{
	return strchr(sub, '/') != NULL;
}

/* The text of a link in a directory of index/. */
static void
linktext(char *text, size_t size, const char *sub, const char *name)
{
	const char *p = strchr(sub, '/');
	const char *up = p == NULL     ? "" :
	    strchr(p + 1, '/') == NULL ? "../" :
					 "../../";

	snprintf(text, size, "../../%scerts/%s", up, name);
}

/*
 * Makes the directory of a day, "ends/2027-01/31", and those above it, and notes
 * what is to be synced.
 */
static int
makeday(struct certstore *store, const char *sub)
{
	char above[CS_MOMENT_SUB];
	const char *slash = strrchr(sub, '/');

	if (slash == NULL) {
		store->touched |= cs_index_bit(sub);
		return cs_file_mkdir(store->index, sub, NULL);
	}
	snprintf(above, sizeof(above), "%.*s", (int)(slash - sub), sub);
	return makeday(store, above) == -1 ||
		cs_strings_add(&store->shared, above) == -1 ?
	    -1 :
	    cs_file_mkdir(store->index, sub, NULL);
}

/*
 * Another entry has the link of this key: makes the link in KEY@/, which holds
 * those of all later entries.
 */
static int
sharekey(struct job *job, const char *sub, const char *path)
{
	char dir[CS_INDEX_PATH - CS_NAME_MAX], link[CS_INDEX_PATH];
	char text[CS_NAME_MAX + 32], now[CS_NAME_MAX + 32];

	snprintf(dir, sizeof(dir), "%s@", path);
	snprintf(link, sizeof(link), "%s/%s", dir, job->name);
	snprintf(text, sizeof(text), "../../../certs/%s", job->name);
	if (symlinkat(text, job->store->index, link) == -1) {
		if (errno == EEXIST) {
			if (cs_file_readlink(job->store->index, link, now,
				sizeof(now)) != -1)
				return 0;
			/* a copy made a directory of it, with keys */
			if (errno != EINVAL ||
			    cs_file_rmtree(job->store->index, link) == -1)
				return -1;
		} else if (errno != ENOENT ||
		    cs_file_mkdir(job->store->index, dir, NULL) == -1)
			return -1;
		touchsub(job->store, sub);
		if (symlinkat(text, job->store->index, link) == -1)
			return -1;
	}
	return cs_strings_add(&job->store->shared, dir);
}

static int
linkkey(void *arg, const char *sub, const char *key)
{
	struct job *job = arg;
	char path[CS_KEY_MAX + 16], text[CS_NAME_MAX + 32];
	char want[CS_NAME_MAX + 32];
	int rv;

	if (!cs_index_isusable(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	linktext(want, sizeof(want), sub, job->name);
	rv = symlinkat(want, job->store->index, path);
	if (rv == -1 && errno == ENOENT && isnested(sub) &&
	    makeday(job->store, sub) == 0)
		rv = symlinkat(want, job->store->index, path);
	if (rv == -1) {
		if (errno != EEXIST)
			return -1;
		if (cs_file_readlink(job->store->index, path, text,
			sizeof(text)) != -1)
			return strcmp(text, want) == 0 ?
			    0 :
			    sharekey(job, sub, path);
		if ((errno != EINVAL && errno != ENAMETOOLONG) ||
		    cs_file_rmtree(job->store->index, path) == -1 ||
		    symlinkat(want, job->store->index, path) == -1)
			return -1;
	}
	if (isnested(sub))
		return cs_strings_add(&job->store->shared, sub);
	touchsub(job->store, sub);
	return 0;
}

int
cs_index_add(struct certstore *store, const struct cs_info *info)
{
	struct job job = { store, info->name, { 0 } };

	return cs_index_keys(info, linkkey, &job);
}

static int
islackingkey(void *arg, const char *sub, const char *key)
{
	const struct job *job = arg;
	char path[CS_INDEX_PATH], text[CS_NAME_MAX + 32];
	const char *name;

	if (!cs_index_isusable(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	if (cs_file_readlink(job->store->index, path, text, sizeof(text)) !=
	    -1) {
		name = cs_index_linkname(text);
		if (name != NULL && strcmp(name, job->name) == 0)
			return 0;
	} else if (errno != ENOENT && errno != EINVAL && errno != ENAMETOOLONG)
		return -1;
	snprintf(path, sizeof(path), "%s/%s@/%s", sub, key, job->name);
	if (faccessat(job->store->index, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR ? 1 : -1;
}

int
cs_index_has(struct certstore *store, const struct cs_info *info)
{
	struct job job = { store, info->name, { 0 } };
	int rv;

	rv = cs_index_keys(info, islackingkey, &job);
	return rv == -1 ? -1 : !rv;
}

/* Removes an entry's link from KEY@/, and the directory if it is empty. */
int
cs_index_unshare(struct certstore *store, const char *sub, const char *key,
    const char *name)
{
	char dir[CS_KEY_MAX + 16], path[CS_INDEX_PATH];

	snprintf(dir, sizeof(dir), "%s/%s@", sub, key);
	if (unlinkat(store->index, dir, AT_REMOVEDIR) == 0 || errno == ENOENT ||
	    errno == ENOTDIR)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (unlinkat(store->index, path, 0) == -1)
		return errno == ENOENT ? 0 : -1;
	if (unlinkat(store->index, dir, AT_REMOVEDIR) == -1 &&
	    errno != ENOTEMPTY && errno != EEXIST)
		return -1;
	return 0;
}

/* Removes the directories of a day and its month if they are empty. */
static int
dropday(const struct certstore *store, const char *sub)
{
	char dir[CS_MOMENT_SUB], *slash;

	snprintf(dir, sizeof(dir), "%s", sub);
	while ((slash = strrchr(dir, '/')) != NULL) {
		if (unlinkat(store->index, dir, AT_REMOVEDIR) == -1)
			return errno == ENOTEMPTY || errno == EEXIST ||
				errno == ENOENT ?
			    0 :
			    -1;
		*slash = '\0';
	}
	return 0;
}

static int
unlinkkey(void *arg, const char *sub, const char *key)
{
	struct job *job = arg;
	char path[CS_INDEX_PATH], text[CS_NAME_MAX + 32];
	const char *name;

	if (!cs_index_isusable(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	if (cs_strings_has(&job->stay, path))
		return 0;
	if (cs_file_readlink(job->store->index, path, text, sizeof(text)) ==
	    -1) {
		if (errno != ENOENT && errno != EINVAL && errno != ENAMETOOLONG)
			return -1;
	} else if ((name = cs_index_linkname(text)) != NULL &&
	    strcmp(name, job->name) == 0 &&
	    cs_file_remove(job->store->index, path) == -1)
		return -1;
	return isnested(sub) ?
	    dropday(job->store, sub) :
	    cs_index_unshare(job->store, sub, key, job->name);
}

int
cs_index_drop(struct certstore *store, const struct cs_info *info,
    const struct cs_info *stay)
{
	struct job job = { store, info->name, { 0 } };
	int rv = 0;

	if (stay != NULL)
		rv = cs_index_keys(stay, cs_index_collect, &job.stay);
	cs_strings_sort(&job.stay);
	if (rv == 0)
		rv = cs_index_keys(info, unlinkkey, &job);
	cs_strings_free(&job.stay);
	return rv;
}

int
cs_index_addmoment(struct certstore *store, const char *name, int64_t when)
{
	struct job job = { store, name, { 0 } };
	char sub[CS_MOMENT_SUB];

	cs_moment_sub(sub, CS_INDEX_NEXT, when);
	if (linkkey(&job, sub, name) == -1)
		return -1;
	return cs_index_sync(store);
}

int
cs_index_dropmoment(struct certstore *store, const char *name, int64_t when,
    int64_t next, const struct cs_info *stay)
{
	struct job job = { store, name, { 0 } };
	char sub[CS_MOMENT_SUB];
	int rv = 0;

	if (next != 0) {
		cs_moment_sub(sub, CS_INDEX_NEXT, next);
		rv = cs_index_collect(&job.stay, sub, name);
	}
	if (rv == 0 && stay != NULL && stay->name != NULL)
		rv = cs_index_keys(stay, cs_index_collect, &job.stay);
	cs_strings_sort(&job.stay);
	cs_moment_sub(sub, CS_INDEX_NEXT, when);
	if (rv == 0)
		rv = unlinkkey(&job, sub, name);
	cs_strings_free(&job.stay);
	return rv;
}
