/*
 * combined.c: combined/, the links to the combined.pem of each entry that a
 * TLS server may load.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/private.h"

int
cs_combined_fail(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: combined/%s.pem is not its link, but something else: "
	    "mv -n %s/combined/%s.pem %s/%s.pem.moved",
	    name, name, store->word, name, store->word, name);
}

/* Is the place of an entry in combined/ free, or its own link?  0, or -1. */
int
cs_combined_check(const struct certstore *store, const struct cs_put *put,
    struct certstore_error *err)
{
	if (!cs_put_serves(put))
		return 0;
	if (cs_combined_has(store, put->name) != -1)
		return 0;
	return errno == EEXIST ? cs_combined_fail(store, put->name, err) :
				 cs_fail_errno(err, "%s: combined", put->name);
}

/*
 * What is in combined/ under the name of an entry: 1 its link, 0 nothing, -1
 * and errno, EEXIST if it is anything else.
 */
int
cs_combined_has(const struct certstore *store, const char *name)
{
	char path[CS_NAME_MAX + 32], want[CS_NAME_MAX + 32];
	char now[CS_NAME_MAX + 32];

	snprintf(path, sizeof(path), "combined/%s.pem", name);
	snprintf(want, sizeof(want), "../certs/%s/combined.pem", name);
	if (cs_file_readlink(store->fd, path, now, sizeof(now)) != -1) {
		if (strcmp(now, want) == 0)
			return 1;
	} else if (errno != EINVAL && errno != ENAMETOOLONG)
		return errno == ENOENT ? 0 : -1;
	errno = EEXIST;
	return -1;
}

/*
 * Makes the link of an entry in combined/ if it serves TLS, has its key and is
 * not weak; else removes it.  combined/ never lists an entry that does not.  On
 * disk once cs_combined_sync() returns.  A file that is no link of ours stays.
 */
int
cs_combined_update(struct certstore *store, const char *name,
    const struct cs_info *info)
{
	char file[CS_GENDIR], text[CS_GENDIR + 32];
	int rv;

	if ((rv = cs_combined_has(store, name)) == -1)
		return errno == EEXIST ? 0 : -1;
	snprintf(file, sizeof(file), "%s.pem", name);
	if (info == NULL || !info->serves || !info->haskey || info->weak) {
		if (rv == 0)
			return 0;
		if (cs_file_remove(store->combined, file) == -1)
			return -1;
		store->uncombined = 1;
		return 0;
	}
	if (rv == 1)
		return 0;
	snprintf(text, sizeof(text), "../certs/%s/combined.pem", name);
	if (cs_file_link(store->combined, text, file) == -1)
		return -1;
	store->uncombined = 1;
	return 0;
}

int
cs_combined_sync(struct certstore *store)
{
	if (store->uncombined && cs_store_sync(store, store->combined) == -1)
		return -1;
	store->uncombined = 0;
	return 0;
}
