/*
 * recover.c: recovery after an interrupted writer: finishes or takes back what
 * the intents in .pending/ name.
 *
 *	NAME -> .NAME@N		generation N was being written
 *	NAME -> .NAME@N/mend	the link is to be made to lead to N
 *	NAME -> .NAME@N/rm	N was being removed
 *	NAME@rm -> .NAME@N	the same: the entry's own link was moved there
 *	@@switched		the new generations of several entries are on
 *				disk: all of their links are to be switched
 *
 * An intent is renamed to NAME@taken first.  If its writer is alive after all,
 * because .lock was removed or does not work between two hosts, that writer
 * misses the intent before it reports success, or its switch is seen here.
 *
 * Generations that no intent names are never removed: where the link was lost
 * they may hold the only key.  A writer that fails uses the same steps to take
 * back what it began.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "store/private.h"

static int
takeintent(void *arg, const char *file)
{
	return cs_strings_add(arg, file);
}

/* Cuts a suffix off a name: 1, or 0 if it has another end. */
static int
cutsuffix(char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	if (len <= n || strcmp(name + len - n, suffix) != 0)
		return 0;
	name[len - n] = '\0';
	return 1;
}

/*
 * Claims a file of .pending/ for this writer by renaming it.  name: of the link
 * that it is about, "" if it is no intent; moved: whether the file is the link
 * itself; taken: its name by now.  1, 0 it is gone, -1.
 */
static int
claimintent(struct certstore *store, const char *file, char *name, int *moved,
    char *taken)
{
	int mine;

	strlcpy(name, file, NAME_MAX + 1);
	strlcpy(taken, file, NAME_MAX + 1);
	mine = cutsuffix(name, CS_TAKEN);
	*moved = cutsuffix(name, CS_MOVED);
	if (!cs_setgen_isintent(name) && !cs_name_isvalid(name))
		name[0] = '\0';
	if (name[0] == '\0' || mine)
		return 1;
	strlcat(taken, CS_TAKEN, NAME_MAX + 1);
	if (faccessat(store->pending, taken, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		cutsuffix(taken, CS_TAKEN); /* it is there: keep both */
	else if (cs_file_rename(store->pending, file, taken) == -1)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

/*
 * Finishes or takes back one intent, and adds its name by now to done; -1,
 * errno.
 */
static int
recoverone(struct certstore *store, const char *file, struct cs_strings *done,
    struct cs_todo *todo)
{
	char name[NAME_MAX + 1], taken[NAME_MAX + 1];
	struct cs_intent in;
	struct cs_link link;
	unsigned long live;
	int moved, rv, set;

	if ((rv = claimintent(store, file, name, &moved, taken)) != 1)
		return rv;
	if (cs_strings_add(done, taken) == -1)
		return -1;
	if (name[0] == '\0')
		return 0;
	if ((set = cs_setgen_isintent(name)) == 0)
		link = cs_resolve_link(store, name);
	else if ((rv = cs_setgen_link(store, name, &link)) != 1)
		return rv;
	if ((rv = cs_generation_intent(&link, taken, moved, &in)) != 1 ||
	    (rv = cs_generation_settle(&link, &in, &live)) != 1)
		return rv;
	return set ? cs_setgen_settle(&link, &in, live) :
		     cs_settle_intent(&link, &in, live, todo);
}

static int
isswitched(const struct cs_strings *files)
{
	size_t i;

	for (i = 0; i < files->n; i++)
		if (strcmp(files->v[i], CS_SWITCHED) == 0)
			return 1;
	return 0;
}

/* Switches the links of a writer that was interrupted while it did this. */
static int
switchothers(struct certstore *store, const struct cs_strings *files)
{
	char name[NAME_MAX + 1];
	struct cs_intent in;
	struct cs_link link;
	size_t i;
	int rv;

	for (i = 0; i < files->n; i++) {
		strlcpy(name, files->v[i], sizeof(name));
		cutsuffix(name, CS_TAKEN);
		if (!cs_name_isvalid(name))
			continue;
		link = cs_resolve_link(store, name);
		rv = cs_generation_intent(&link, files->v[i], 0, &in);
		if (rv == -1 || (rv == 1 && cs_settle_switch(&link, &in) == -1))
			return -1;
	}
	return 0;
}

/* Finishes or takes back all of .pending/, which is empty when it returns 0. */
int
cs_recover_all(struct certstore *store, struct certstore_error *err)
{
	struct cs_strings files = { 0 }, done = { 0 };
	struct cs_todo todo = { 0 };
	size_t i;
	int rv = -1, switched;

	if (cs_file_each(store->pending, ".", takeintent, &files) == -1) {
		cs_fail_errno(err, "%s/.pending", store->path);
		goto out;
	}
	if (files.n == 0) {
		rv = 0;
		goto out;
	}
	switched = isswitched(&files);
	if (switched && switchothers(store, &files) == -1) {
		cs_fail_errno(err, "%s/certs", store->path);
		goto out;
	}
	/* the switch has to be on disk before what it replaced is removed */
	if (cs_store_sync(store, store->certs) == -1) {
		cs_fail_errno(err, "%s/certs", store->path);
		goto out;
	}
	for (i = 0; i < files.n; i++)
		if (strcmp(files.v[i], CS_SWITCHED) != 0 &&
		    recoverone(store, files.v[i], &done, &todo) == -1) {
			cs_settle_fail(store, files.v[i], err);
			goto out;
		}
	if (switched && cs_strings_add(&done, CS_SWITCHED) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	rv = cs_settle_conclude(store, (const char *const *)done.v, done.n,
	    &todo, err);
out:
	cs_strings_free(&files);
	cs_strings_free(&done);
	cs_settle_done(&todo);
	return rv;
}

/*
 * After a failure: takes back what this writer began, and returns 1; 0: nothing
 * is done, since another writer's work may be there by now.
 */
int
cs_recover_abandon(struct certstore *store, const struct certstore_error *why)
{
	struct certstore_error ignored;

	if (why->code == CERTSTORE_EBUSY ||
	    cs_fence_verify(store, &ignored) == -1)
		return 0;
	(void)cs_recover_all(store, &ignored);
	return 1;
}

/* Was a writer interrupted: is an intent there while nobody writes?  1, 0, -1. */
int
cs_recover_isneeded(const struct certstore *store)
{
	struct cs_strings files = { 0 };
	int fd, rv;

	if (store->fd == -1 ||
	    faccessat(store->fd, ".lock", R_OK | W_OK, AT_EACCESS) == -1 ||
	    (fd = cs_file_lock(store->fd, ".lock", 1)) == -1)
		return 0;
	rv = cs_file_each(store->fd, ".pending", takeintent, &files);
	rv = rv == -1 ? (errno == ENOENT ? 0 : -1) : files.n > 0;
	cs_strings_free(&files);
	close(fd);
	return rv;
}
