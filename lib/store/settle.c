/*
 * settle.c: the last steps of a write or a removal, or those that take it back.
 * All of them can be repeated after a kill.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/*
 * Loads the info of a generation: 1, 0 it cannot be believed, -1 and errno.  If
 * only its files were changed, info keeps the names that were linked.
 */
static int
loadgeneration(struct certstore *store, const char *name, unsigned long gen,
    struct cs_info *info)
{
	struct certstore_error err;
	char dir[CS_GENDIR];

	if (gen == 0)
		return 0;
	cs_generation_dir(dir, name, gen);
	if (cs_info_load(store, dir, name, info, &err) == 0)
		return 1;
	if (err.code != CERTSTORE_EDAMAGED) {
		errno = err.errnum;
		return -1;
	}
	if (info->name == NULL || strcmp(info->name, name) != 0)
		cs_info_reset(info);
	return 0;
}

/* Removes the generations that an info held and a later one, or NULL, does not. */
static int
sweepheld(struct certstore *store, const struct cs_info *old,
    const struct cs_info *info)
{
	unsigned long gen;
	size_t i;

	for (i = 0; i < old->nheld; i++) {
		gen = old->held[i].gen;
		if (gen < old->gen &&
		    (info == NULL || !cs_held_keeps(info, gen)) &&
		    cs_sweep_generation(store, old->name, gen, NULL) == -1)
			return -1;
	}
	return 0;
}

/*
 * The link leads to the generation of info: removes the links and generations
 * of what it replaced.
 */
int
cs_settle_finish(struct certstore *store, const struct cs_info *info,
    struct cs_todo *todo)
{
	struct cs_info old = { 0 };
	struct cs_link link;
	int known, rv = -1;

	if (info->before == 0 || info->before == info->gen)
		return 0;
	known = loadgeneration(store, info->name, info->before, &old);
	if (known == -1 ||
	    (known == 1 ? cs_index_drop(store, &old, info) :
			  cs_strings_add(&todo->unknown, info->name)) == -1)
		goto out;
	if (known == 0) { /* what that one kept is not known either */
		link = cs_resolve_link(store, info->name);
		if (cs_generation_sweep(&link, info->gen, 0, info->kept,
			info) == -1)
			goto out;
	} else if (sweepheld(store, &old, info) == -1) {
		goto out;
	} else if (!cs_held_keeps(info, old.kept) && old.kept < info->gen &&
	    cs_sweep_generation(store, info->name, old.kept, NULL) == -1)
		goto out;
	if (known == 1 && !cs_held_keeps(info, info->before) &&
	    cs_sweep_generation(store, info->name, info->before, &old) == -1)
		goto out;
	rv = cs_mode_tighten(store, info);
out:
	cs_info_free(&old);
	return rv;
}

/*
 * The link does not lead to generation gen: removes it, and its links, which
 * may be on disk without its info.
 */
static int
takebackput(const struct cs_link *link, unsigned long gen,
    const struct cs_info *now, struct cs_todo *todo)
{
	struct certstore *store = link->store;
	struct cs_info info = { 0 };
	int known, rv = -1;

	known = loadgeneration(store, link->name, gen, &info);
	if (known == -1 ||
	    (known == 1 ? cs_index_drop(store, &info, now) :
			  cs_strings_add(&todo->unknown, link->name)) == -1)
		goto out;
	if (cs_combined_update(store, link->name, now) == -1 ||
	    cs_generation_remove(link, gen) == -1)
		goto out;
	rv = 0;
out:
	cs_info_free(&info);
	return rv;
}

int
cs_settle_switch(const struct cs_link *link, const struct cs_intent *in)
{
	struct cs_info info = { 0 };
	char dir[CS_GENDIR];
	unsigned long live;
	int found, rv = 0;

	if ((found = cs_generation_current(link, dir, &live)) == -1)
		return -1;
	if (in->verb[0] != '\0' || live == in->gen ||
	    (found != CS_LINK_NONE && found != CS_LINK_GENERATION))
		return 0;
	if ((found = loadgeneration(link->store, link->name, in->gen, &info)) ==
	    -1)
		rv = -1;
	else if (found == 1 && info.before == live)
		rv = cs_generation_lead(link, in->gen);
	cs_info_free(&info);
	return rv;
}

/* Removes the default if it leads to this entry. */
static int
dropdefault(struct certstore *store, const char *name)
{
	char now[CS_NAME_MAX + 1];
	int rv;

	if ((rv = cs_resolve_default(store, now)) != 1)
		return rv == -1 && errno == EISDIR ? 0 : rv;
	if (strcmp(now, name) != 0)
		return 0;
	if (cs_file_rmtree(store->fd, "default") == -1)
		return -1;
	return fsync(store->fd);
}

/* Removes what is remembered of renewals that failed. */
static int
dropattempts(struct certstore *store, const char *name)
{
	char path[CS_NAME_MAX + 16];

	snprintf(path, sizeof(path), "renewal/%s", name);
	return cs_file_remove(store->fd, path) == -1 && errno != ENOTDIR ? -1 :
									   0;
}

/*
 * The entry's link is removed: removes all else of it.  If its info cannot be
 * believed (NULL), its generations and links are searched for.
 */
static int
finishremoval(struct certstore *store, const char *name, unsigned long gen,
    const struct cs_info *info, int recovered, struct cs_todo *todo)
{
	const struct cs_logline change = { .name = name,
		.gen = gen,
		.reason = CS_LOG_REMOVE,
		.old = info == NULL ? NULL : info->fingerprint };

	if (recovered)
		cs_log_recover(store, &change);
	else
		cs_log_add(store, &change);
	if (dropdefault(store, name) == -1 ||
	    cs_orderstate_remove(store, name) == -1 ||
	    dropattempts(store, name) == -1 ||
	    cs_strings_add(&todo->gone, name) == -1)
		return -1;
	if (info == NULL) {
		store->tidy = 0;
		return cs_strings_add(&todo->unknown, name);
	}
	if (cs_index_drop(store, info, NULL) == -1 ||
	    sweepheld(store, info, NULL) == -1 ||
	    cs_sweep_generation(store, name, info->before, NULL) == -1 ||
	    (info->kept != info->before &&
		cs_sweep_generation(store, name, info->kept, NULL) == -1))
		return -1;
	return cs_sweep_generation(store, name, gen, info);
}

int
cs_settle_removal(struct certstore *store, const char *name, unsigned long gen,
    const struct cs_info *loaded, int recovered, struct cs_todo *todo)
{
	struct cs_info info = { 0 };
	int known, rv = -1;

	if (loaded != NULL && loaded->name != NULL && loaded->gen == gen &&
	    strcmp(loaded->name, name) == 0)
		return finishremoval(store, name, gen, loaded, recovered, todo);
	known = loadgeneration(store, name, gen, &info);
	if (known != -1)
		rv = finishremoval(store, name, gen, known == 1 ? &info : NULL,
		    recovered, todo);
	cs_info_free(&info);
	return rv;
}

/* Logs a switch that another writer did not finish, or this one did not. */
static void
logswitch(struct certstore *store, const struct cs_info *now)
{
	struct cs_info old = { 0 };
	struct cs_logline change = { .name = now->name,
		.gen = now->gen,
		.new = now->fingerprint };

	if (loadgeneration(store, now->name, now->before, &old) == 1)
		change.old = old.fingerprint;
	cs_log_recover(store, &change);
	cs_info_free(&old);
}

int
cs_settle_intent(const struct cs_link *link, const struct cs_intent *in,
    unsigned long live, struct cs_todo *todo)
{
	struct certstore *store = link->store;
	const struct cs_info *now = NULL;
	struct cs_info info = { 0 };
	char tmp[CS_GENDIR];
	int rv = -1;

	snprintf(tmp, sizeof(tmp), ".%s.pem@link", link->name);
	if (cs_file_remove(store->combined, tmp) == -1)
		return -1;
	if (live == 0 && strcmp(in->verb, "rm") == 0)
		return cs_combined_update(store, link->name, NULL) == -1 ?
		    -1 :
		    cs_settle_removal(store, link->name, in->gen, NULL, 1,
			todo);
	if (loadgeneration(store, link->name, live, &info) == -1)
		goto out;
	if (info.name != NULL)
		now = &info;
	if (live != in->gen)
		rv = takebackput(link, in->gen, now, todo);
	else if (now == NULL)
		rv = 0;
	else if (cs_combined_update(store, link->name, now) == 0) {
		if (strcmp(in->verb, "rm") != 0)
			logswitch(store, now);
		rv = cs_settle_finish(store, now, todo);
	}
out:
	cs_info_free(&info);
	return rv;
}

int
cs_settle_fail(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	int errnum = errno;

	if (errnum == ESTALE && cs_fence_verify(store, err) == -1)
		return -1;
	errno = errnum;
	return cs_fail_errno(err,
	    "%s: recovery after an interrupted writer failed", name);
}

/* Searches for generations that no info names, as after a restore or a mv. */
static int
sweepgone(struct certstore *store, struct cs_todo *todo)
{
	int known;

	if (todo->gone.n == 0 || store->tidy)
		return 0;
	cs_strings_sort(&todo->gone);
	if (cs_sweep_names(store, &todo->gone, &todo->unknown) == -1 ||
	    (known = cs_sweep_audit(store)) == -1)
		return -1;
	store->tidy = known;
	return 0;
}

/* Does what was left for all names at once, and removes the intents last. */
int
cs_settle_conclude(struct certstore *store, const char *const *names, size_t n,
    struct cs_todo *todo, struct certstore_error *err)
{
	size_t i;

	if (cs_combined_sync(store) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	if (sweepgone(store, todo) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	cs_strings_sort(&todo->unknown);
	if (cs_purge_index(store, &todo->unknown) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	cs_indexed_end(store);
	for (i = 0; i < n; i++)
		if (cs_file_rmtree(store->pending, names[i]) == -1)
			return cs_fail_errno(err, "%s/.pending/%s", store->path,
			    names[i]);
	return 0;
}

void
cs_settle_done(struct cs_todo *todo)
{
	cs_strings_free(&todo->unknown);
	cs_strings_free(&todo->gone);
}
