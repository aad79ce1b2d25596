/*
 * recover.c: finishes or takes back what a writer that did not come to its end
 * left.  The intent in .pending/ says what it was about:
 *
 *	NAME -> .NAME@N		generation N was being written
 *	NAME -> .NAME@N/mend	the link is to be made to lead to N
 *	NAME -> .NAME@N/rm	N was being removed
 *	NAME@rm -> .NAME@N	the same; it is the entry's link, that was moved
 *
 * It is renamed to NAME@taken first: should its writer be alive, because .lock
 * was removed or does not reach where that writer runs, he misses it before he
 * says that all went well, or his switch is seen here.
 *
 * Generations that no intent names are never removed: where the link was lost
 * they may hold the only key.  A writer that fails half-way uses the same
 * steps to take back what it began.
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

/* Is that the end of a name?  Then it is cut off. */
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
 * The name of what a file of .pending/ is about, whether the file is the link
 * itself, and what it is called once it is this writer's: 1, 0 if it is gone,
 * -1.  What is no intent has the name "".
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
	if (strcmp(name, CS_TRUST_INTENT) != 0 && !cs_name_isvalid(name))
		name[0] = '\0';
	if (name[0] == '\0' || mine)
		return 1;
	strlcat(taken, CS_TAKEN, NAME_MAX + 1);
	if (faccessat(store->pending, taken, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		cutsuffix(taken, CS_TAKEN); /* both are to be kept */
	else if (cs_file_rename(store->pending, file, taken) == -1)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

/* Adds to done how it is called by now; -1 and errno. */
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
	set = strcmp(name, CS_TRUST_INTENT) == 0;
	link = set ? cs_trustgen_link(store) : cs_resolve_link(store, name);
	if ((rv = cs_generation_intent(&link, taken, moved, &in)) != 1 ||
	    (rv = cs_generation_settle(&link, &in, &live)) != 1)
		return rv;
	return set ? cs_trustgen_settle(&link, &in, live) :
		     cs_settle_intent(&link, &in, live, todo);
}

/* Whatever is in .pending/, an intent or not, is gone after. */
int
cs_recover_all(struct certstore *store, struct certstore_error *err)
{
	struct cs_strings files = { 0 }, done = { 0 };
	struct cs_todo todo = { 0 };
	size_t i;
	int rv = -1;

	if (cs_file_each(store->pending, ".", takeintent, &files) == -1) {
		cs_fail_errno(err, "%s/.pending", store->path);
		goto out;
	}
	if (files.n == 0) {
		rv = 0;
		goto out;
	}
	/* what was before goes only once the switch is on disk */
	if (cs_store_sync(store, store->certs) == -1) {
		cs_fail_errno(err, "%s/certs", store->path);
		goto out;
	}
	for (i = 0; i < files.n; i++)
		if (recoverone(store, files.v[i], &done, &todo) == -1) {
			cs_settle_fail(store, files.v[i], err);
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
 * After a failure: what this writer began is taken back, and 1 given; 0 if by
 * now another writer's work may be there, too.
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
