/*
 * unlink.c: removes entries that may be removed: intents, links in combined/,
 * the links of the entries, then all else.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/* An entry that is being removed. */
struct going {
	const char *name;
	unsigned long gen;
	char file[CS_NAME_MAX + 8]; /* its intent in .pending/ */
	char intent[CS_GENDIR + 8]; /* the text of that */
	int moves; /* its own link is moved there as the intent */
	struct certstore_error *err;
};

/* The directory of the highest generation of an entry without a link: 0, -1. */
static int
resolveorphan(struct certstore *store, const char *name, char dir[CS_GENDIR],
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(store, name);
	unsigned long gen;

	if (err->code != CERTSTORE_ENOENTRY || store->tidy)
		return -1;
	if (cs_generation_highest(&link, &gen) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	if (gen == 0)
		return -1;
	cs_generation_dir(dir, name, gen);
	cs_error_clear(err);
	return 0;
}

/*
 * Makes the intent to remove an entry: 1, 0 the name is given twice, -1.  If
 * there is no inode for it, the entry's own link is used: unlinkone() moves it
 * to .pending/.
 */
static int
intendremoval(struct certstore *store, struct going *going,
    struct certstore_error *err)
{
	const char *name = going->name;
	char dir[CS_GENDIR];

	if (cs_resolve_entry(store, name, dir, err) == -1 &&
	    resolveorphan(store, name, dir, err) == -1)
		return -1;
	going->gen = cs_generation_number(dir, name);
	snprintf(going->file, sizeof(going->file), "%s", name);
	snprintf(going->intent, sizeof(going->intent), "%s/rm", dir);
	if (cs_file_newlink(store->pending, going->intent, name) == 0)
		return 1;
	if (errno == EEXIST)
		return cs_fence_intent(store, name, going->intent, err);
	if (errno != ENOSPC && errno != EDQUOT)
		return cs_fence_failintent(store, name, err);
	if (cs_file_readlink(store->certs, name, dir, sizeof(dir)) == -1)
		return cs_fail_errno(err, "%s", name);
	memcpy(going->intent, dir, sizeof(dir));
	snprintf(going->file, sizeof(going->file), "%s" CS_MOVED, name);
	going->moves = 1;
	return 1;
}

/* Are the intents still this writer's?  gone: also the moved links. */
static int
checkgoing(const struct certstore *store, const struct going *going, size_t n,
    int gone, struct certstore_error *err)
{
	size_t i;

	if (cs_fence_verify(store, err) == -1)
		return -1;
	for (i = 0; i < n; i++)
		if ((gone || !going[i].moves) &&
		    cs_fence_intent(store, going[i].file, going[i].intent,
			err) == -1)
			return -1;
	return 0;
}

/*
 * Removes the intents of entries whose links are still there, as far as they
 * are this writer's.
 */
static void
dropintents(struct certstore *store, const struct going *going, size_t n)
{
	struct certstore_error ignored;
	size_t i;

	for (i = 0; i < n; i++)
		if (!going[i].moves &&
		    cs_fence_intent(store, going[i].file, going[i].intent,
			&ignored) == 0)
			(void)cs_file_remove(store->pending, going[i].file);
}

/*
 * Another writer took the intents for those of a killed writer, and the entries
 * stay: makes their links again, and those in combined/.
 */
static void
relinkgoing(struct certstore *store, const struct going *going, size_t n)
{
	struct certstore_entry now = { 0 };
	struct certstore_error ignored;
	struct cs_link link;
	char dir[CS_GENDIR];
	size_t i;

	for (i = 0; i < n; i++) {
		if (cs_fence_intent(store, going[i].file, going[i].intent,
			&ignored) == 0)
			continue;
		link = cs_resolve_link(store, going[i].name);
		cs_generation_dir(dir, going[i].name, going[i].gen);
		if (cs_generation_has(&link, going[i].gen, "info"))
			(void)cs_file_newlink(store->certs, dir, going[i].name);
		if (cs_entry_load(store, going[i].name, &now, &ignored) == 0)
			(void)cs_combined_update(store, going[i].name,
			    &now.info);
	}
	cs_entry_done(&now);
}

static int
unlinkone(struct certstore *store, const struct going *going,
    struct certstore_error *err)
{
	char from[CS_NAME_MAX + 8], to[CS_NAME_MAX + 24], now[CS_GENDIR];
	int rv;

	if (!going->moves &&
	    cs_fence_intent(store, going->file, going->intent, err) == -1)
		return -1;
	if (cs_file_readlink(store->certs, going->name, now, sizeof(now)) !=
		-1 &&
	    cs_generation_number(now, going->name) != going->gen)
		return cs_fence_lost(store, going->name, err);
	snprintf(from, sizeof(from), "certs/%s", going->name);
	snprintf(to, sizeof(to), ".pending/%s", going->file);
	rv = going->moves ? cs_file_rename(store->fd, from, to) :
			    cs_file_remove(store->fd, from);
	return rv == -1 ? cs_fail_errno(err, "%s", going->name) : 0;
}

/*
 * Each step has to be on disk before the next: without its intent an entry
 * would be lost half-way, and combined/ must not lead to what is removed.
 */
static int
removelinks(struct certstore *store, const struct going *going, size_t n,
    struct certstore_error *err)
{
	int moved = 0;
	size_t i;

	cs_progress(store, "waiting for the disk", 0, 0);
	if (cs_store_sync(store, store->pending) == -1)
		goto fail;
	if (checkgoing(store, going, n, 0, err) == -1) {
		dropintents(store, going, n);
		return -1;
	}
	for (i = 0; i < n; i++)
		if (cs_combined_update(store, going[i].name, NULL) == -1)
			goto fail;
	if (cs_combined_sync(store) == -1)
		goto fail;
	cs_progress(store, "switching", 0, n);
	if (cs_fence_verify(store, err) == -1)
		goto lost;
	for (i = 0; i < n; i++) {
		moved |= going[i].moves;
		if (unlinkone(store, &going[i], err) == -1)
			goto lost;
	}
	if (fsync(store->certs) == -1 || (moved && fsync(store->pending) == -1))
		goto fail;
	cs_progress(store, "removing", 0, n);
	if (checkgoing(store, going, n, 1, err) == -1)
		goto lost;
	return 0;
lost:
	if (err->code == CERTSTORE_EBUSY)
		relinkgoing(store, going, n);
	return -1;
fail:
	return cs_fail_errno(err, "%s", going[0].name);
}

/*
 * Removes all else of entries whose links are gone, and the intents; loaded is
 * the record of one of them, or NULL.  What is left half-done has its error.
 */
static void
finishgoing(struct certstore *store, struct going *going, size_t n,
    const struct cs_info *loaded)
{
	struct cs_todo todo = { 0 };
	struct certstore_error err;
	const char **names;
	size_t i, done = 0;

	if ((names = reallocarray(NULL, n + 1, sizeof(*names))) == NULL) {
		for (i = 0; i < n; i++)
			cs_fail_nomem(going[i].err);
		return;
	}
	for (i = 0; i < n; i++) {
		cs_progress(store, "removing", i, n);
		if (cs_settle_removal(store, going[i].name, going[i].gen,
			loaded, 0, &todo) == -1) {
			store->tidy = 0;
			cs_settle_fail(store, going[i].name, going[i].err);
		} else
			names[done++] = going[i].file;
	}
	if (cs_settle_conclude(store, names, done, &todo, &err) == -1) {
		store->tidy = 0;
		for (i = 0; i < n; i++)
			*going[i].err = err;
	}
	free(names);
	cs_settle_done(&todo);
}

/*
 * Removes the entries of those names that have no error; loaded is the info of
 * one of them, or NULL.  Returns how many were removed.
 */
size_t
cs_unlink_entries(struct certstore *store, const char *const *names, size_t n,
    const struct cs_info *loaded, struct certstore_error *errs)
{
	struct certstore_error err;
	struct going *going;
	size_t count = 0, i, ngoing = 0;
	int rv;

	if ((going = calloc(n + 1, sizeof(*going))) == NULL ||
	    cs_lock_take(store, &err) == -1) {
		if (going == NULL)
			cs_fail_nomem(&err);
		for (i = 0; i < n; i++)
			errs[i] = err;
		free(going);
		return 0;
	}
	for (i = 0; i < n; i++) {
		if (errs[i].code != CERTSTORE_OK)
			continue;
		going[ngoing].name = names[i];
		going[ngoing].err = &errs[i];
		rv = intendremoval(store, &going[ngoing], &errs[i]);
		ngoing += rv == 1;
	}
	if (ngoing > 0 && removelinks(store, going, ngoing, &err) == -1) {
		for (i = 0; i < ngoing; i++)
			*going[i].err = err;
		store->tidy = 0;
		(void)cs_recover_abandon(store, &err);
	} else if (ngoing > 0)
		finishgoing(store, going, ngoing, loaded);
	cs_lock_release(store);
	for (i = 0; i < ngoing; i++)
		count += going[i].err->code == CERTSTORE_OK;
	free(going);
	return count;
}
