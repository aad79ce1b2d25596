/*
 * repair.c: repairs a store that was copied by a tool which follows links (an
 * entry is then a real directory) or drops them.  All of it can be repeated
 * after a kill: .links is made last.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/* Has directory b all files that a has, with the same contents?  1, 0, -1. */
static int
samefiles(struct certstore *store, const char *a, const char *b)
{
	struct cs_buf one = { 0 }, two = { 0 };
	char path[CS_GENDIR + 16];
	int i, rv = 1;

	for (i = 0; i < CS_NFILE && rv == 1; i++) {
		snprintf(path, sizeof(path), "%s/%s", a, cs_file_names[i]);
		if (cs_file_read(store->certs, path, CS_RECORD_MAX, &one) ==
		    -1) {
			rv = errno == ENOENT ? 1 : -1;
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", b, cs_file_names[i]);
		if (cs_file_read(store->certs, path, CS_RECORD_MAX, &two) == -1)
			rv = errno == ENOENT ? 0 : -1;
		else
			rv = one.len == two.len &&
			    memcmp(one.p, two.p, one.len) == 0;
	}
	cs_buf_free(&one);
	cs_buf_free(&two);
	return rv;
}

static int
haspath(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Makes a real directory a generation again: the one whose number info has, or
 * the next free one.  If that one is there and has the same files, the
 * directory is moved to .pending/ and removed, by the next writer if not by
 * this one.
 */
static int
turnbackentry(const struct cs_link *link, unsigned long gen)
{
	char dir[CS_GENDIR], from[CS_GENDIR + 8], to[CS_GENDIR + 16];
	struct certstore *store = link->store;
	int surplus = 0;

	if (!cs_fence_isheld(store)) {
		errno = ESTALE;
		return -1;
	}
	for (gen += gen == 0;; gen++) {
		cs_generation_dir(dir, link->name, gen);
		if (!haspath(store->certs, dir))
			break;
		if ((surplus = samefiles(store, link->name, dir)) == 1)
			break;
	}
	snprintf(from, sizeof(from), "certs/%s", link->name);
	snprintf(to, sizeof(to), "%s/%s", surplus == 1 ? ".pending" : "certs",
	    dir);
	if (cs_generation_mend(link, gen) == -1 ||
	    cs_file_rename(store->fd, from, to) == -1 ||
	    cs_generation_lead(link, gen) == -1 ||
	    cs_store_sync(store, store->certs) == -1)
		return -1;
	if (surplus == 1 && cs_file_rmtree(store->pending, dir) == -1)
		return -1;
	return cs_file_rmtree(store->pending, link->name);
}

/* The generation that info in a real directory names, or 0. */
static unsigned long
copiednumber(struct certstore *store, const char *name)
{
	struct certstore_error ignored;
	struct cs_info info = { 0 };
	unsigned long gen;

	(void)cs_info_load(store, name, name, &info, &ignored);
	gen = info.gen;
	cs_info_free(&info);
	return gen;
}

int
cs_repair_entry(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(store, name);
	char text[CS_GENDIR];
	unsigned long gen;
	int rv;

	cs_error_clear(err);
	rv = cs_generation_current(&link, text, &gen);
	if (rv == CS_LINK_GENERATION || rv == CS_LINK_FOREIGN)
		return 0;
	if (rv == CS_LINK_DIRECTORY) {
		if (cs_resolve_isstray(store, name))
			return 0;
		rv = turnbackentry(&link, copiednumber(store, name));
	} else if (rv == CS_LINK_NONE) {
		rv = store->intact ? 0 : cs_generation_find(&link, &gen);
		if (rv == 1)
			rv = cs_generation_lead(&link, gen);
	}
	if (rv == -1)
		return cs_fail_errno(err, "%s: the entry cannot be repaired",
		    name);
	return 0;
}

/*
 * If the default was copied as a directory: makes it a link again.  The link is
 * made under another name first, since only the copy says which entry it was.
 */
static int
menddefault(struct certstore *store)
{
	char name[CS_NAME_MAX + 1], text[CS_NAME_MAX + 8];
	struct stat st;

	if (!haspath(store->fd, ".default")) {
		if (fstatat(store->fd, "default", &st, AT_SYMLINK_NOFOLLOW) ==
		    -1)
			return errno == ENOENT ? 0 : -1;
		if (S_ISLNK(st.st_mode) ||
		    cs_resolve_default(store, name) != 1 ||
		    !haspath(store->certs, name))
			return 0;
		snprintf(text, sizeof(text), "certs/%s", name);
		if (cs_file_link(store->fd, text, ".default") == -1 ||
		    cs_store_sync(store, store->fd) == -1)
			return -1;
	}
	if (cs_file_rmtree(store->fd, "default") == -1)
		return -1;
	return cs_file_rename(store->fd, ".default", "default");
}

/* Makes index/ anew, empty.  Nobody believes it while .links is missing. */
static int
remakeindex(struct certstore *store)
{
	if (!cs_fence_isheld(store)) {
		errno = ESTALE;
		return -1;
	}
	if (store->index != -1)
		close(store->index);
	store->index = -1;
	if (cs_file_rmtree(store->fd, ".index") == -1 ||
	    (haspath(store->fd, "index") &&
		cs_file_rename(store->fd, "index", ".index") == -1) ||
	    cs_file_rmtree(store->fd, ".index") == -1 ||
	    cs_file_mkdir(store->fd, "index", &store->index) == -1)
		return -1;
	return cs_index_make(store);
}

static int
mendnames(struct certstore *store, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	const struct cs_info *info;
	struct cs_strings names = { 0 };
	size_t i;
	int rv = 0;

	if (cs_resolve_names(store, &names, err) == -1)
		return -1;
	for (i = 0; i < names.n && rv == 0; i++) {
		if ((rv = cs_repair_entry(store, names.v[i], err)) == -1)
			break;
		info = &entry.info;
		if (cs_entry_load(store, names.v[i], &entry, err) == -1) {
			if (err->code == CERTSTORE_ENOENTRY)
				continue; /* no generation of it is complete */
			if (err->code != CERTSTORE_EDAMAGED) {
				rv = -1;
				break;
			}
			/* its links in index/ are kept for when it is
			 * repaired */
			cs_warn(store, "%s", err->msg);
			info = NULL;
			if (entry.info.name == NULL ||
			    strcmp(entry.info.name, names.v[i]) != 0)
				cs_info_reset(&entry.info);
		}
		if (cs_index_add(store, &entry.info) == -1 ||
		    cs_combined_update(store, names.v[i], info) == -1)
			rv = cs_fail_errno(err,
			    "%s: the entry cannot be repaired", names.v[i]);
	}
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return rv;
}

static int
dropdangling(void *arg, const char *name)
{
	struct certstore *store = arg;

	if (faccessat(store->combined, name, F_OK, 0) == 0)
		return 0;
	return errno == ENOENT ? cs_file_remove(store->combined, name) : -1;
}

int
cs_repair_index(struct certstore *store, struct certstore_error *err)
{
	if (cs_file_rmtree(store->fd, ".links") == -1 ||
	    (!store->fresh && fsync(store->fd) == -1) ||
	    remakeindex(store) == -1)
		return cs_fence_failmake(store, "index", err);
	return 0;
}

/* Mends the links of all trust sets; -1 and errno. */
static int
mendsets(struct certstore *store)
{
	char intent[CS_TRUSTNAME_MAX + 2];
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	rv = cs_trustgen_repair(store, CS_TRUST_INTENT);
	if (rv != -1)
		rv = cs_trustgen_names(store, &names);
	for (i = 0; i < names.n && rv != -1; i++) {
		snprintf(intent, sizeof(intent), "@%s", names.v[i]);
		rv = cs_trustgen_repair(store, intent);
	}
	cs_strings_free(&names);
	return rv;
}

/*
 * Repairs all of a store.  In a new and empty one the writer of the first entry
 * calls cs_layout_conclude().
 */
int
cs_repair_store(struct certstore *store, struct certstore_error *err)
{
	if (!store->fresh) {
		if (mendnames(store, err) == -1)
			return -1;
		if (cs_file_each(store->combined, ".", dropdangling, store) ==
		    -1)
			return cs_fail_errno(err, "%s/combined", store->path);
		if (menddefault(store) == -1)
			return cs_fail_errno(err, "%s/default", store->path);
		if (mendsets(store) == -1)
			return cs_fail_errno(err, "%s/trust", store->path);
		if (cs_layout_conclude(store, err) == -1)
			return -1;
		if (cs_store_sync(store, store->fd) == -1)
			return cs_fail_errno(err, "%s", store->path);
	}
	store->intact = 1;
	cs_error_clear(err);
	return 0;
}
