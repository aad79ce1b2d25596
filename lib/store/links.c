/*
 * links.c: the links in index/ and combined/ of an entry that is left as it is,
 * made again where they are missing.
 */
#include <errno.h>

#include "store/private.h"

/*
 * Has an entry all its links?  1, 0, -1 and errno: EEXIST if something else has
 * the place of the one in combined/.
 */
static int
islinked(struct certstore *store, const struct cs_info *info)
{
	int serves = info->serves && info->haskey && !info->weak, rv;

	if ((rv = cs_index_has(store, info)) != 1)
		return rv;
	if ((rv = cs_combined_has(store, info->name)) == -1)
		return errno == EEXIST && !serves ? 1 : -1;
	return rv == serves;
}

static int
relinkentry(struct certstore *store, const struct certstore_entry *was,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_identity seen;
	int rv = -1;

	cs_entry_identify(was, &seen);
	if (cs_entry_load(store, was->info.name, &entry, err) == -1 ||
	    cs_entry_unchanged(&entry, was->info.name, &seen, err) == -1)
		goto out;
	if (cs_index_add(store, &entry.info) == -1 ||
	    cs_index_sync(store) == -1 ||
	    cs_combined_update(store, was->info.name, &entry.info) == -1 ||
	    cs_combined_sync(store) == -1)
		cs_fail_errno(err, "%s: the links to it", was->info.name);
	else
		rv = 0;
out:
	cs_entry_done(&entry);
	return rv;
}

/*
 * Makes the links in index/ and combined/ that an entry lacks, as after it was
 * restored by hand.  Takes the lock only if one is missing.
 */
int
cs_links_make(struct certstore *store, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	int rv;

	if ((rv = islinked(store, &entry->info)) == -1)
		return errno == EEXIST ?
		    cs_combined_fail(store, entry->info.name, err) :
		    cs_fail_errno(err, "%s: the links to it", entry->info.name);
	if (rv == 1)
		return 0;
	if (cs_lock_take(store, err) == -1)
		return -1;
	if ((rv = relinkentry(store, entry, err)) == 0)
		cs_warn(store,
		    "%s: links to it were missing and were made again",
		    entry->info.name);
	cs_lock_release(store);
	return rv;
}
