/*
 * purge.c: finds links of index/ that no entry calls for, where it is not
 * known which ones those are, and removes them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/private.h"

struct purge {
	struct certstore *store;
	const struct cs_strings *names; /* or NULL: all */
	int (*fn)(void *, const char *, const char *);
	void *arg;
	struct certstore_entry entry;
	char loaded[CS_NAME_MAX + 1]; /* the entry that keys is of */
	struct cs_strings keys;
	const char *sub;
	char day[CS_MOMENT_SUB];  /* such a sub, "next/2027-01/31" */
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
	if (cs_linkcheck_keys(in->store, &in->entry.info,
		cs_orderstate_isused(in->store), &in->keys) == -1)
		return -1;
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

	if (in->names != NULL && !cs_strings_has(in->names, name))
		return 0;
	if ((rv = loadkeys(in, name)) != 1)
		return rv == 2 ? 1 : rv;
	snprintf(path, sizeof(path), "%s/%s", in->sub, key);
	return !cs_strings_has(&in->keys, path);
}

static int
findshared(void *arg, const char *name)
{
	struct purge *in = arg;
	char path[CS_INDEX_PATH];
	int surplus;

	snprintf(path, sizeof(path), "%s/%s@/%s", in->sub, in->key, name);
	if (!cs_name_isvalid(name))
		return in->fn(in->arg, path, NULL);
	if ((surplus = issurplus(in, name, in->key)) != 1)
		return surplus;
	return in->fn(in->arg, path, name);
}

static int
findlink(void *arg, const char *file)
{
	struct purge *in = arg;
	char path[CS_KEY_MAX + 16], text[CS_NAME_MAX + 32];
	size_t len = strlen(file);
	const char *name;
	int surplus;

	if (len == 0 || len > CS_KEY_MAX + 1)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", in->sub, file);
	if (strcmp(path, CS_INDEX_COMPLETE) == 0)
		return 0;
	if (file[len - 1] == '@') {
		snprintf(in->key, sizeof(in->key), "%.*s", (int)len - 1, file);
		return cs_file_each(in->store->index, path, findshared, in) ==
			    -1 &&
			errno != ENOENT ?
		    -1 :
		    0;
	}
	if (cs_file_readlink(in->store->index, path, text, sizeof(text)) ==
		-1 ||
	    (name = cs_index_linkname(text)) == NULL)
		return in->fn(in->arg, path, NULL);
	if ((surplus = issurplus(in, name, file)) != 1)
		return surplus;
	return in->fn(in->arg, path, name);
}

/* Reads a directory that is two levels or one above the links of days. */
static int
finddays(void *arg, const char *file)
{
	struct purge *in = arg;
	size_t len = strlen(in->day);
	int month = strchr(in->day, '/') == NULL &&
	    strcmp(file, CS_MOMENT_NEVER) != 0;
	int rv;

	if (len + 1 + strlen(file) >= sizeof(in->day))
		return 0;
	snprintf(in->day + len, sizeof(in->day) - len, "/%s", file);
	rv = cs_file_each(in->store->index, in->day,
	    month ? finddays : findlink, in);
	in->day[len] = '\0';
	return rv == -1 && (errno == ENOENT || errno == ENOTDIR) ? 0 : rv;
}

/*
 * Finds all links to these entries (sorted), or to any, that they do not call
 * for.  Reads all of index/ once.
 */
int
cs_purge_find(struct certstore *store, const struct cs_strings *names,
    int (*fn)(void *, const char *, const char *), void *arg)
{
	struct purge in = { .store = store,
		.names = names,
		.fn = fn,
		.arg = arg };
	int rv = 0;
	size_t i;

	for (i = 0; i < CS_NINDEX && rv == 0 && store->index != -1; i++) {
		in.sub = cs_index_names[i];
		if (cs_moment_isdir(in.sub)) {
			snprintf(in.day, sizeof(in.day), "%s", in.sub);
			in.sub = in.day;
			rv = cs_file_each(store->index, cs_index_names[i],
			    finddays, &in);
		} else
			rv = cs_file_each(store->index, in.sub, findlink, &in);
		if (rv == -1 && errno == ENOENT)
			rv = 0;
	}
	cs_entry_done(&in.entry);
	cs_strings_free(&in.keys);
	return rv;
}

/* Removes a link of an entry that is in the list. */
static int
removelink(void *arg, const char *path, const char *name)
{
	struct certstore *store = arg;
	char sub[CS_MOMENT_SUB], key[CS_KEY_MAX + 1];
	const char *slash = strchr(path, '/'), *at = strstr(path, "@/");

	if (name == NULL)
		return 0;
	if (at == NULL)
		return cs_file_remove(store->index, path);
	snprintf(sub, sizeof(sub), "%.*s", (int)(slash - path), path);
	snprintf(key, sizeof(key), "%.*s", (int)(at - slash) - 1, slash + 1);
	return cs_index_unshare(store, sub, key, name);
}

int
cs_purge_index(struct certstore *store, const struct cs_strings *names)
{
	return names->n == 0 ? 0 :
			       cs_purge_find(store, names, removelink, store);
}

int
cs_purge_link(struct certstore *store, const char *path, int removes,
    char name[CS_NAME_MAX + 1])
{
	struct purge in = { .store = store };
	char sub[CS_INDEX_PATH], text[CS_NAME_MAX + 32], *key, *shared;
	const char *owner;
	int rv;

	if (cs_file_readlink(store->index, path, text, sizeof(text)) == -1)
		return errno == ENOENT ? 0 : -1;
	if ((owner = cs_index_linkname(text)) == NULL)
		return 0;
	snprintf(name, CS_NAME_MAX + 1, "%s", owner);
	snprintf(sub, sizeof(sub), "%s", path);
	if ((shared = strstr(sub, "@/")) != NULL)
		*shared = '\0';
	key = strrchr(sub, '/');
	*key++ = '\0';
	in.sub = sub;
	if ((rv = issurplus(&in, name, key)) == 1 && removes &&
	    removelink(store, path, name) == -1)
		rv = -1;
	cs_entry_done(&in.entry);
	cs_strings_free(&in.keys);
	return rv;
}
