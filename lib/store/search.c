/*
 * search.c: finds the entries that may have a key: in index/, and if there are
 * none, among those that index/ does not list.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

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

static int
addcandidate(void *arg, const char *name)
{
	return cs_name_isvalid(name) ? cs_strings_add(arg, name) : 0;
}

/*
 * Adds those of some entries, or of all for NULL, that have the key.  A damaged
 * one is a candidate: the caller finds out when it loads it.
 */
static int
scanentries(struct certstore *store, const struct cs_strings *names,
    struct wanted *w, struct cs_strings *found)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error err;
	struct cs_strings all = { 0 };
	size_t i;
	int errnum, rv = 0;

	if (names == NULL) {
		if (cs_resolve_names(store, &all, &err) == -1) {
			errno = err.errnum;
			return -1;
		}
		names = &all;
	}
	for (i = 0; i < names->n && rv == 0; i++) {
		if (cs_entry_load(store, names->v[i], &entry, &err) == 0) {
			if (cs_index_keys(&entry.info, iswanted, w) == 1)
				rv = cs_strings_add(found, names->v[i]);
		} else if (cs_error_isnomem(&err)) {
			errno = err.errnum;
			rv = -1;
		} else if (err.code != CERTSTORE_ENOENTRY)
			rv = cs_strings_add(found, names->v[i]);
	}
	errnum = errno;
	cs_entry_done(&entry);
	cs_strings_free(&all);
	errno = errnum;
	return rv;
}

static int
lookupkey(struct certstore *store, const char *sub, const char *key,
    struct cs_strings *found)
{
	char path[CS_INDEX_PATH], text[CS_NAME_MAX + 32];
	const char *name;

	snprintf(path, sizeof(path), "%s/%s", sub, key);
	if (cs_file_readlink(store->index, path, text, sizeof(text)) != -1) {
		if ((name = cs_index_linkname(text)) != NULL &&
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

/* The key is not in index/: searches those that may be missing there. */
static int
searchfurther(struct certstore *store, struct wanted *w,
    struct cs_strings *found)
{
	int rv, waited;

	if ((rv = cs_indexed_check(store, &waited)) == -1)
		return -1;
	if (waited && store->index != -1 &&
	    lookupkey(store, w->sub, w->key, found) == -1)
		return -1;
	return rv == 1 ? 0 : scanentries(store, &store->unlinked, w, found);
}

int
cs_search_index(struct certstore *store, const char *sub, const char *key,
    struct cs_strings *found)
{
	struct wanted w = { sub, key };
	int rv = 0;

	memset(found, 0, sizeof(*found));
	if (store->certs == -1)
		return 0;
	if (strlen(key) > CS_KEY_MAX) {
		rv = scanentries(store, NULL, &w, found);
	} else {
		if (store->index != -1 && cs_index_isusable(key))
			rv = lookupkey(store, sub, key, found);
		if (rv == 0 && found->n == 0)
			rv = searchfurther(store, &w, found);
	}
	if (rv == -1)
		cs_strings_free(found);
	else
		cs_strings_sort(found);
	return rv;
}

/* Those that index/ lists in a directory of days, or may not list. */
int
cs_search_moments(struct certstore *store, const char *dir, int64_t until,
    struct cs_strings *found)
{
	struct certstore_error err;
	int rv, waited;
	size_t i;

	memset(found, 0, sizeof(*found));
	if (store->certs == -1)
		return 0;
	if ((rv = cs_indexed_check(store, &waited)) == -1)
		return -1;
	for (i = 0; rv == 0 && i < store->unlinked.n; i++)
		if (cs_strings_add(found, store->unlinked.v[i]) == -1)
			goto fail;
	if (store->index == -1 ||
	    cs_moment_names(store, dir, until, found) == 0) {
		cs_strings_sort(found);
		return 0;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		goto fail;
	/* an earlier version did not have it */
	cs_strings_free(found);
	if (cs_resolve_names(store, found, &err) == -1) {
		errno = err.errnum;
		return -1;
	}
	return 0;
fail:
	cs_strings_free(found);
	return -1;
}
