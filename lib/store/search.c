/*
 * search.c: finds the entries that may have a key, in index/ or, where that
 * cannot be believed, by asking every entry.
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

/*
 * Is a directory of index/ missing, as in a copy, or does it lack names, as
 * earlier versions left it?  Then a key that is not found may still be there.
 */
static int
lackssub(struct certstore *store, const char *sub)
{
	int host = strcmp(sub, "host") == 0;

	if ((store->present & cs_index_bit(sub)) != 0)
		return 0;
	if (faccessat(store->index, host ? CS_INDEX_COMPLETE : sub, F_OK,
		AT_SYMLINK_NOFOLLOW) == -1)
		return 1;
	store->present |= cs_index_bit(sub);
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
cs_search_index(struct certstore *store, const char *sub, const char *key,
    struct cs_strings *found)
{
	struct wanted w = { sub, key };
	int rv = 0;

	memset(found, 0, sizeof(*found));
	if (store->certs == -1)
		return 0;
	if (store->intact && cs_index_isusable(key))
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
