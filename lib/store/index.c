/*
 * index.c: index/, the links by which an entry is found at any size of the
 * store.  It may list a stale candidate and never misses a valid one: links are
 * made before an entry is switched and removed after, and whoever follows one
 * checks the entry.
 *
 *	index/host/HOST		-> ../../certs/NAME	the first with HOST
 *	index/host/HOST@/NAME	-> ../../../certs/NAME	each later one
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
 * Its presence says that every name of every entry is linked.  "+" is in no
 * host name.  Made together with the directory.
 */
#define COMPLETE "host/+"
#define PATH_SIZE (CS_KEY_MAX + CS_NAME_MAX + 32)

/* Is everything there that cs_index_make() makes?  1, 0, or -1 and errno. */
int
cs_index_ismade(const struct certstore *store)
{
	const char *path;
	size_t i;

	for (i = 0; i <= CS_NINDEX; i++) {
		path = i < CS_NINDEX ? cs_index_names[i] : COMPLETE;
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
	if (symlinkat("../../.lock", store->index, COMPLETE) == -1 &&
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
		if (syncdir(store, store->shared.v[i]) == -1)
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

static unsigned int
subbit(const char *sub)
{
	size_t i;

	for (i = 0; i < CS_NINDEX; i++)
		if (strcmp(sub, cs_index_names[i]) == 0)
			return 1u << i;
	return 0;
}

static void
touchsub(struct certstore *store, const char *sub)
{
	store->touched |= subbit(sub);
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

	if (info->kind == NULL)
		return 0;
	ca = strcmp(info->kind, "ca") == 0;
	if (info->haskey && !ca && strcmp(info->kind, "shaken") != 0)
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
	return rv;
}

/*
 * May a key be a file name in index/?  info can be edited by anybody, so
 * nothing that leads out of the directory, and no "@".
 */
static int
isusablekey(const char *key)
{
	return key[0] != '\0' && key[0] != '.' && strchr(key, '/') == NULL &&
	    strchr(key, '@') == NULL && strlen(key) <= CS_KEY_MAX;
}

/* The entry's name in the text of a link, or NULL. */
static const char *
linkname(const char *text)
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

static int
collectkey(void *arg, const char *sub, const char *key)
{
	char path[CS_KEY_MAX + 16];

	if (!isusablekey(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	return cs_strings_add(arg, path);
}

/*
 * Another entry has the link of this key: makes the link in KEY@/, which holds
 * those of all later entries.
 */
static int
sharekey(struct job *job, const char *sub, const char *path)
{
	char dir[PATH_SIZE - CS_NAME_MAX], link[PATH_SIZE];
	char text[CS_NAME_MAX + 32];

	snprintf(dir, sizeof(dir), "%s@", path);
	snprintf(link, sizeof(link), "%s/%s", dir, job->name);
	snprintf(text, sizeof(text), "../../../certs/%s", job->name);
	if (symlinkat(text, job->store->index, link) == -1) {
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT ||
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

	if (!isusablekey(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	snprintf(want, sizeof(want), "../../certs/%s", job->name);
	if (symlinkat(want, job->store->index, path) == -1) {
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
	char path[PATH_SIZE], text[CS_NAME_MAX + 32];
	const char *name;

	if (!isusablekey(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	if (cs_file_readlink(job->store->index, path, text, sizeof(text)) !=
	    -1) {
		name = linkname(text);
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

struct wanted {
	const char *sub;
	const char *key;
};

static int
iswanted(void *arg, const char *sub, const char *key)
{
	const struct wanted *w = arg;

	return strcmp(sub, w->sub) == 0 && strcmp(key, w->key) == 0;
}

/* Removes an entry's link from KEY@/, and the directory if it is empty. */
static int
unsharekey(struct certstore *store, const char *sub, const char *key,
    const char *name)
{
	char dir[CS_KEY_MAX + 16], path[PATH_SIZE];

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

static int
unlinkkey(void *arg, const char *sub, const char *key)
{
	struct job *job = arg;
	char path[PATH_SIZE], text[CS_NAME_MAX + 32];
	const char *name;

	if (!isusablekey(key))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", sub, key);
	if (cs_strings_has(&job->stay, path))
		return 0;
	if (cs_file_readlink(job->store->index, path, text, sizeof(text)) ==
	    -1) {
		if (errno != ENOENT && errno != EINVAL && errno != ENAMETOOLONG)
			return -1;
	} else if ((name = linkname(text)) != NULL &&
	    strcmp(name, job->name) == 0 &&
	    cs_file_remove(job->store->index, path) == -1)
		return -1;
	return unsharekey(job->store, sub, key, job->name);
}

int
cs_index_drop(struct certstore *store, const struct cs_info *info,
    const struct cs_info *stay)
{
	struct job job = { store, info->name, { 0 } };
	int rv = 0;

	if (info->name == NULL || info->kind == NULL)
		return 0;
	if (stay != NULL)
		rv = cs_index_keys(stay, collectkey, &job.stay);
	cs_strings_sort(&job.stay);
	if (rv == 0)
		rv = cs_index_keys(info, unlinkkey, &job);
	cs_strings_free(&job.stay);
	return rv;
}

struct purge {
	struct certstore *store;
	const struct cs_strings *names;
	struct certstore_entry entry;
	char loaded[CS_NAME_MAX + 1]; /* the entry that keys is of */
	struct cs_strings keys;
	const char *sub;
	char key[CS_KEY_MAX + 1]; /* of KEY@/, while that is read */
};

/*
 * Loads the keys of an entry: 1, 0 unknown since it is damaged, 2 there is no
 * such entry, -1.
 */
static int
loadkeys(struct purge *in, const char *name)
{
	struct certstore_error err;

	if (strcmp(in->loaded, name) == 0)
		return 1;
	in->loaded[0] = '\0';
	cs_strings_free(&in->keys);
	if (cs_entry_load(in->store, name, &in->entry, &err) == -1) {
		if (err.code == CERTSTORE_ENOENTRY)
			return 2;
		if (err.code != CERTSTORE_EDAMAGED) {
			errno = err.errnum;
			return -1;
		}
		if (in->entry.info.name == NULL)
			return 0;
	}
	if (cs_index_keys(&in->entry.info, collectkey, &in->keys) == -1)
		return -1;
	cs_strings_sort(&in->keys);
	snprintf(in->loaded, sizeof(in->loaded), "%s", name);
	return 1;
}

/*
 * Does an entry no longer call for a link?  1; 0 also if it is damaged and may
 * be repaired; -1.
 */
static int
issurplus(struct purge *in, const char *name, const char *key)
{
	char path[CS_KEY_MAX + 16];
	int rv;

	if (!cs_strings_has(in->names, name))
		return 0;
	if ((rv = loadkeys(in, name)) != 1)
		return rv == 2 ? 1 : rv;
	snprintf(path, sizeof(path), "%s/%s", in->sub, key);
	return !cs_strings_has(&in->keys, path);
}

static int
purgeshared(void *arg, const char *name)
{
	struct purge *in = arg;
	int surplus;

	if ((surplus = issurplus(in, name, in->key)) != 1)
		return surplus;
	return unsharekey(in->store, in->sub, in->key, name);
}

static int
purgekey(void *arg, const char *file)
{
	struct purge *in = arg;
	char path[CS_KEY_MAX + 16], text[CS_NAME_MAX + 32];
	size_t len = strlen(file);
	const char *name;
	int surplus;

	if (len == 0 || len > CS_KEY_MAX + 1)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", in->sub, file);
	if (file[len - 1] == '@') {
		snprintf(in->key, sizeof(in->key), "%.*s", (int)len - 1, file);
		return cs_file_each(in->store->index, path, purgeshared, in) ==
			    -1 &&
			errno != ENOENT ?
		    -1 :
		    0;
	}
	if (cs_file_readlink(in->store->index, path, text, sizeof(text)) ==
		-1 ||
	    (name = linkname(text)) == NULL)
		return 0;
	if ((surplus = issurplus(in, name, file)) != 1)
		return surplus;
	return cs_file_remove(in->store->index, path);
}

/*
 * Removes all links to these entries (sorted) that they do not call for, where
 * it is not known which they had before.  Reads all of index/ once.
 */
int
cs_index_purge(struct certstore *store, const struct cs_strings *names)
{
	struct purge in = { .store = store, .names = names };
	int rv = 0;
	size_t i;

	for (i = 0; i < CS_NINDEX && names->n > 0 && rv == 0; i++) {
		in.sub = cs_index_names[i];
		if (cs_file_each(store->index, in.sub, purgekey, &in) == -1 &&
		    errno != ENOENT)
			rv = -1;
	}
	cs_entry_done(&in.entry);
	cs_strings_free(&in.keys);
	return rv;
}

static int
addcandidate(void *arg, const char *name)
{
	return cs_name_isvalid(name) ? cs_strings_add(arg, name) : 0;
}

/*
 * Without an index: loads every entry and asks whether it has the key.  A
 * damaged one is a candidate: the caller finds out when it loads it.
 */
static int
scanentries(struct certstore *store, struct wanted *w, struct cs_strings *found)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error err;
	struct cs_strings names = { 0 };
	size_t i;
	int errnum, rv = 0;

	if (cs_resolve_names(store, &names, &err) == -1) {
		errno = err.errnum;
		return -1;
	}
	for (i = 0; i < names.n && rv == 0; i++) {
		if (cs_entry_load(store, names.v[i], &entry, &err) == 0) {
			if (cs_index_keys(&entry.info, iswanted, w) == 1)
				rv = cs_strings_add(found, names.v[i]);
		} else if (err.errnum == ENOMEM) {
			errno = ENOMEM;
			rv = -1;
		} else if (err.code != CERTSTORE_ENOENTRY)
			rv = cs_strings_add(found, names.v[i]);
	}
	errnum = errno;
	cs_entry_done(&entry);
	cs_strings_free(&names);
	errno = errnum;
	return rv;
}

static int
lookupkey(struct certstore *store, const char *sub, const char *key,
    struct cs_strings *found)
{
	char path[PATH_SIZE], text[CS_NAME_MAX + 32];
	const char *name;

	snprintf(path, sizeof(path), "%s/%s", sub, key);
	if (cs_file_readlink(store->index, path, text, sizeof(text)) != -1) {
		if ((name = linkname(text)) != NULL &&
		    cs_strings_add(found, name) == -1)
			return -1;
	} else if (errno != ENOENT && errno != EINVAL)
		return -1;
	snprintf(path, sizeof(path), "%s/%s@", sub, key);
	if (faccessat(store->index, path, F_OK, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1; /* the common case */
	if (cs_file_each(store->index, path, addcandidate, found) == -1 &&
	    errno != ENOENT)
		return -1;
	return 0;
}

/*
 * Is a directory of index/ missing, as in a copy, or does it lack names, as
 * earlier versions left it?  Then a key that is not found may still be there.
 */
static int
lackssub(struct certstore *store, const char *sub)
{
	int host = strcmp(sub, "host") == 0;

	if ((store->present & subbit(sub)) != 0)
		return 0;
	if (faccessat(store->index, host ? COMPLETE : sub, F_OK,
		AT_SYMLINK_NOFOLLOW) == -1)
		return 1;
	store->present |= subbit(sub);
	store->complete |= host;
	return 0;
}

/* Is that all there is under a key?  Else all entries have to be asked. */
static int
isallfound(struct certstore *store, const char *sub, size_t found)
{
	if (!store->intact)
		return 0;
	if (found > 0 && (store->complete || strcmp(sub, "host") != 0))
		return 1;
	return !lackssub(store, sub);
}

int
cs_index_find(struct certstore *store, const char *sub, const char *key,
    struct cs_strings *found)
{
	struct wanted w = { sub, key };
	int rv = 0;

	memset(found, 0, sizeof(*found));
	if (store->certs == -1)
		return 0;
	if (store->intact && isusablekey(key))
		rv = lookupkey(store, sub, key, found);
	if (rv == 0 && !isallfound(store, sub, found->n))
		store->intact = 0;
	if (rv == 0 && (!store->intact || strlen(key) > CS_KEY_MAX))
		rv = scanentries(store, &w, found);
	if (rv == -1)
		cs_strings_free(found);
	else
		cs_strings_sort(found);
	return rv;
}
