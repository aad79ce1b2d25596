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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "store/private.h"

/* What is looked for once, for all names. */
struct todo {
	struct cs_strings unknown; /* whose links are not known */
	struct cs_strings gone;	   /* of whom nothing is to be left */
};

struct intent {
	struct certstore *store;
	const char *file; /* in .pending/ */
	const char *name;
	unsigned long gen;
	const char *verb; /* "", "mend" or "rm" */
	char text[CS_GENDIR + 8];
	int moved; /* it is the entry's own link */
	struct todo *todo;
};

/*
 * What is in combined/ in the place of an entry: 1 the link to it, 0 nothing,
 * -1 and errno; EEXIST if it is somebody else's.  In a copy that followed links
 * it is a file, which the link is to replace again.
 */
int
cs_recover_incombined(const struct certstore *store, const char *name)
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
	return store->intact ? -1 : 1;
}

/*
 * combined/ never holds more than is true: a link only for an entry that
 * serves TLS, has its key, and that every server will load.  On disk once
 * cs_recover_sync() is done.  What is somebody else's stays.
 */
int
cs_recover_combined(struct certstore *store, const char *name,
    const struct cs_info *info)
{
	char file[CS_GENDIR], text[CS_GENDIR + 32];
	int rv;

	if ((rv = cs_recover_incombined(store, name)) == -1)
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
	if (rv == 1 && store->intact)
		return 0;
	snprintf(text, sizeof(text), "../certs/%s/combined.pem", name);
	if (cs_file_link(store->combined, text, file) == -1)
		return -1;
	store->uncombined = 1;
	return 0;
}

int
cs_recover_sync(struct certstore *store)
{
	if (store->uncombined && cs_store_sync(store, store->combined) == -1)
		return -1;
	store->uncombined = 0;
	return 0;
}

/*
 * What info says of a generation: 1, 0 if it can't be believed, or -1.  Of one
 * that was changed by hand the names may still be those that were linked.
 */
static int
loadgen(struct certstore *store, const char *name, unsigned long gen,
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

/*
 * The link leads to what info says: links and generations of what was before
 * go.
 */
static int
finish(struct certstore *store, const struct cs_info *info, struct todo *todo)
{
	struct cs_info old = { 0 };
	int known, rv = -1;

	if (info->before == 0 || info->before == info->gen)
		return 0;
	known = loadgen(store, info->name, info->before, &old);
	if (known == -1 ||
	    (known == 1 ? cs_index_drop(store, &old, info) :
			  cs_strings_add(&todo->unknown, info->name)) == -1)
		goto out;
	if (known == 0) { /* nor is what it kept */
		if (cs_generation_sweepbelow(store, info->name, info->gen,
			info->kept) == -1)
			goto out;
	} else if (old.kept != info->kept && old.kept < info->gen &&
	    cs_generation_remove(store, info->name, old.kept, NULL) == -1)
		goto out;
	if (known == 1 && info->before != info->kept &&
	    cs_generation_remove(store, info->name, info->before, &old) == -1)
		goto out;
	rv = cs_props_tighten(store, info);
out:
	cs_info_free(&old);
	return rv;
}

/*
 * The link leads elsewhere or nowhere: N never came to be.  Its links may be
 * on disk without its record.
 */
static int
takeback(struct intent *in, const struct cs_info *now)
{
	struct certstore *store = in->store;
	struct cs_info info = { 0 };
	int known, rv = -1;

	known = loadgen(store, in->name, in->gen, &info);
	if (known == -1 ||
	    (known == 1 ? cs_index_drop(store, &info, now) :
			  cs_strings_add(&in->todo->unknown, in->name)) == -1)
		goto out;
	if (cs_recover_combined(store, in->name, now) == -1 ||
	    cs_generation_remove(store, in->name, in->gen, NULL) == -1)
		goto out;
	rv = 0;
out:
	cs_info_free(&info);
	return rv;
}

/* The default goes with its entry. */
static int
dropdefault(struct certstore *store, const char *name)
{
	char now[CS_NAME_MAX + 1];
	int rv;

	if ((rv = cs_store_default(store, now)) != 1)
		return rv;
	if (strcmp(now, name) != 0)
		return 0;
	if (cs_file_rmtree(store->fd, "default") == -1)
		return -1;
	return fsync(store->fd);
}

/*
 * The link is gone for good: all else of the entry goes too.  Where it is not
 * known what there is (info NULL), it is looked for.
 */
static int
finishremoval(struct certstore *store, const char *name, unsigned long gen,
    const struct cs_info *info, struct todo *todo)
{
	if (dropdefault(store, name) == -1 ||
	    cs_strings_add(&todo->gone, name) == -1)
		return -1;
	if (info == NULL) {
		store->tidy = 0;
		return cs_strings_add(&todo->unknown, name);
	}
	if (cs_index_drop(store, info, NULL) == -1 ||
	    cs_generation_remove(store, name, info->before, NULL) == -1 ||
	    (info->kept != info->before &&
		cs_generation_remove(store, name, info->kept, NULL) == -1))
		return -1;
	return cs_generation_remove(store, name, gen, info);
}

/* 1, 0 if it is no intent, -1. */
static int
parseintent(struct intent *in)
{
	char *slash;

	if (cs_file_readlink(in->store->pending, in->file, in->text,
		sizeof(in->text)) == -1)
		return errno == ENOENT || errno == EINVAL ||
			errno == ENAMETOOLONG ?
		    0 :
		    -1;
	in->verb = in->moved ? "rm" : "";
	if ((slash = strchr(in->text, '/')) != NULL) {
		*slash = '\0';
		in->verb = slash + 1;
	}
	in->gen = cs_generation_number(in->text, in->name);
	return in->gen != 0;
}

static int
removal(struct intent *in)
{
	struct cs_info info = { 0 };
	int known, rv = -1;

	known = loadgen(in->store, in->name, in->gen, &info);
	if (known != -1)
		rv = finishremoval(in->store, in->name, in->gen,
		    known == 1 ? &info : NULL, in->todo);
	cs_info_free(&info);
	return rv;
}

static int
settle(struct intent *in)
{
	struct certstore *store = in->store;
	struct cs_info info = { 0 };
	char dir[CS_GENDIR], tmp[CS_GENDIR];
	const struct cs_info *now = NULL;
	unsigned long gen = 0;
	int rv = -1;

	snprintf(tmp, sizeof(tmp), ".%s@link", in->name);
	if (cs_file_remove(store->certs, tmp) == -1)
		return -1;
	snprintf(tmp, sizeof(tmp), ".%s.pem@link", in->name);
	if (cs_file_remove(store->combined, tmp) == -1)
		return -1;
	if (cs_file_readlink(store->certs, in->name, dir, sizeof(dir)) != -1)
		gen = cs_generation_number(dir, in->name);
	else if (errno == EINVAL) /* a real directory: mended later */
		return 0;
	else if (errno != ENOENT)
		return -1;
	if (gen == 0 && strcmp(in->verb, "rm") == 0)
		return cs_recover_combined(store, in->name, NULL) == -1 ?
		    -1 :
		    removal(in);
	if (gen == 0 && strcmp(in->verb, "mend") == 0) {
		if (cs_file_link(store->certs, in->text, in->name) == -1 ||
		    cs_store_sync(store, store->certs) == -1)
			return -1;
		gen = in->gen;
	}
	if (loadgen(store, in->name, gen, &info) == -1)
		goto out;
	if (info.name != NULL)
		now = &info;
	if (gen != in->gen)
		rv = takeback(in, now);
	else if (now == NULL)
		rv = 0;
	else if (cs_recover_combined(store, in->name, now) == 0)
		rv = finish(store, now, in->todo);
out:
	cs_info_free(&info);
	return rv;
}

static int
failsettle(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	int errnum = errno;

	if (errnum == ESTALE && cs_lock_verify(store, err) == -1)
		return -1;
	errno = errnum;
	return cs_fail_errno(err,
	    "%s: what a writer left "
	    "half-done can't be finished",
	    name);
}

/*
 * After a restore over a store that went on, or somebody's mv, there may be
 * generations that no info names.
 */
static int
sweep(struct certstore *store, struct todo *todo)
{
	int known;

	if (todo->gone.n == 0 || store->tidy)
		return 0;
	cs_strings_sort(&todo->gone);
	if (cs_generation_sweep(store, &todo->gone, &todo->unknown) == -1 ||
	    (known = cs_generation_audit(store)) == -1)
		return -1;
	store->tidy = known;
	return 0;
}

/* All else is done: the intents go last. */
static int
conclude(struct certstore *store, const char *const *names, size_t n,
    struct todo *todo, struct certstore_error *err)
{
	size_t i;

	if (cs_recover_sync(store) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	if (sweep(store, todo) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	cs_strings_sort(&todo->unknown);
	if (cs_index_purge(store, &todo->unknown) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	for (i = 0; i < n; i++)
		if (cs_file_rmtree(store->pending, names[i]) == -1)
			return cs_fail_errno(err, "%s/.pending/%s", store->path,
			    names[i]);
	return 0;
}

static void
freetodo(struct todo *todo)
{
	cs_strings_free(&todo->unknown);
	cs_strings_free(&todo->gone);
}

static int
takename(void *arg, const char *file)
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
 * What a file of .pending/ is about, and what it is called once it is this
 * writer's, in in->file: 1, 0 if it is gone, -1.  No intent has the name "".
 */
static int
claim(struct intent *in, const char *file, char *name, char *taken)
{
	struct certstore *store = in->store;
	int mine;

	strlcpy(name, file, NAME_MAX + 1);
	strlcpy(taken, file, NAME_MAX + 1);
	mine = cutsuffix(name, CS_TAKEN);
	in->moved = cutsuffix(name, CS_MOVED);
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
    struct todo *todo)
{
	char name[NAME_MAX + 1], taken[NAME_MAX + 1];
	struct intent in = { .store = store,
		.file = taken,
		.name = name,
		.todo = todo };
	int rv;

	if ((rv = claim(&in, file, name, taken)) != 1)
		return rv;
	if (cs_strings_add(done, taken) == -1)
		return -1;
	if (name[0] == '\0')
		return 0;
	if (strcmp(name, CS_TRUST_INTENT) == 0)
		return cs_trustgen_settle(store, taken);
	return (rv = parseintent(&in)) == 1 ? settle(&in) : rv;
}

/* Whatever is in .pending/, an intent or not, is gone after. */
int
cs_recover_all(struct certstore *store, struct certstore_error *err)
{
	struct cs_strings files = { 0 }, done = { 0 };
	struct todo todo = { 0 };
	size_t i;
	int rv = -1;

	if (cs_file_each(store->pending, ".", takename, &files) == -1) {
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
			failsettle(store, files.v[i], err);
			goto out;
		}
	rv = conclude(store, (const char *const *)done.v, done.n, &todo, err);
out:
	cs_strings_free(&files);
	cs_strings_free(&done);
	freetodo(&todo);
	return rv;
}

/*
 * The same of what this writer has switched, and knows.  It is this writer's
 * still: asked once the switch is on disk, and before what was goes.
 */
int
cs_recover_put(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	struct todo todo = { 0 };
	const char **names;
	size_t i;
	int rv = -1;

	if ((names = reallocarray(NULL, n + 1, sizeof(*names))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < n; i++) {
		names[i] = puts[i].name;
		if (cs_write_verify(store, &puts[i], 1, err) == -1)
			goto out;
		if (cs_recover_combined(store, names[i], &puts[i].info) == -1) {
			failsettle(store, names[i], err);
			goto out;
		}
	}
	for (i = 0; i < n; i++) {
		cs_progress(store, "finishing", i, n);
		if (puts[i].before != 0 &&
		    cs_write_verify(store, &puts[i], 1, err) == -1)
			goto out;
		if (finish(store, &puts[i].info, &todo) == -1) {
			failsettle(store, names[i], err);
			goto out;
		}
	}
	if (cs_lock_verify(store, err) == 0)
		rv = conclude(store, names, n, &todo, err);
out:
	free(names);
	freetodo(&todo);
	return rv;
}

/*
 * The same of entries whose links it has removed; loaded is the record of one
 * of them, or NULL.  What is left half-done has its error.
 */
void
cs_recover_removed(struct certstore *store, struct cs_going *going, size_t n,
    const struct cs_info *loaded)
{
	struct todo todo = { 0 };
	struct certstore_error err;
	const char **names;
	size_t i, done = 0;
	int rv;

	if ((names = reallocarray(NULL, n + 1, sizeof(*names))) == NULL) {
		for (i = 0; i < n; i++)
			cs_fail_nomem(going[i].err);
		return;
	}
	for (i = 0; i < n; i++) {
		struct intent in = { .store = store,
			.name = going[i].name,
			.gen = going[i].gen,
			.todo = &todo };

		cs_progress(store, "removing", i, n);
		if (loaded != NULL && loaded->name != NULL &&
		    loaded->gen == in.gen && strcmp(loaded->name, in.name) == 0)
			rv = finishremoval(store, in.name, in.gen, loaded,
			    &todo);
		else
			rv = removal(&in);
		if (rv == -1) {
			store->tidy = 0;
			failsettle(store, in.name, going[i].err);
		} else
			names[done++] = going[i].file;
	}
	if (conclude(store, names, done, &todo, &err) == -1) {
		store->tidy = 0;
		for (i = 0; i < n; i++)
			*going[i].err = err;
	}
	free(names);
	freetodo(&todo);
}
