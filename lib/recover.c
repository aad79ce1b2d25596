/*
 * recover.c: finishes or takes back what a writer that did not come to its end
 * left.  The intent in .pending/ says what it was about:
 *
 *	NAME -> .NAME@N		generation N was being written
 *	NAME -> .NAME@N/mend	the link is to be made to lead to N
 *	NAME -> .NAME@N/rm	N was being removed
 *
 * Generations that no intent names are never removed: where the link was lost
 * they may hold the only key.  A writer that fails half-way uses the same
 * steps to take back what it began.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct intent {
	struct certstore *store;
	const char *name;
	unsigned long gen;
	const char *verb; /* "", "mend" or "rm" */
	char text[CS_GENDIR + 8];
};

/*
 * combined/ never holds more than is true: a link only for an entry that
 * serves TLS, has its key, and that every server will load.
 */
int
cs_recover_combined(struct certstore *store, const char *name,
    const struct cs_info *info)
{
	char file[CS_GENDIR], text[CS_GENDIR + 32], now[CS_GENDIR + 32];

	snprintf(file, sizeof(file), "%s.pem", name);
	if (info == NULL || !info->serves || !info->haskey || info->weak) {
		if (unlinkat(store->combined, file, 0) == -1)
			return errno == ENOENT ? 0 : -1;
		return fsync(store->combined);
	}
	snprintf(text, sizeof(text), "../certs/%s/combined.pem", name);
	if (cs_file_readlink(store->combined, file, now, sizeof(now)) != -1 &&
	    strcmp(now, text) == 0)
		return 0;
	if (cs_file_link(store->combined, text, file) == -1)
		return -1;
	return fsync(store->combined);
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
	cs_gen_dir(dir, name, gen);
	if (cs_info_load(store->certs, dir, name, info, &err) == 0)
		return 1;
	if (err.code != CERTSTORE_EDAMAGED) {
		errno = err.errnum;
		return -1;
	}
	if (info->name == NULL || strcmp(info->name, name) != 0)
		cs_info_reset(info);
	return 0;
}

static int
removegen(struct certstore *store, const char *name, unsigned long gen)
{
	char dir[CS_GENDIR];

	if (gen == 0)
		return 0;
	cs_gen_dir(dir, name, gen);
	return cs_file_rmtree(store->certs, dir);
}

/* The link leads to N: the entry is as it should be, what was before goes. */
static int
finish(struct intent *in, const struct cs_info *info)
{
	struct certstore *store = in->store;
	struct cs_info old = { 0 };
	int known, rv = -1;

	if (cs_recover_combined(store, in->name, info) == -1)
		goto out;
	if (info->before != 0 && info->before != in->gen) {
		known = loadgen(store, in->name, info->before, &old);
		if (known == -1 ||
		    (known == 1 ? cs_index_drop(store, &old, info) :
				  cs_index_purge(store, in->name, info)) == -1)
			goto out;
		if (old.kept != info->kept && old.kept < in->gen &&
		    removegen(store, in->name, old.kept) == -1)
			goto out;
		if (info->before != info->kept &&
		    removegen(store, in->name, info->before) == -1)
			goto out;
	}
	rv = 0;
out:
	cs_info_free(&old);
	return rv;
}

/* The link leads elsewhere or nowhere: N never came to be. */
static int
takeback(struct intent *in, const struct cs_info *now)
{
	struct certstore *store = in->store;
	struct cs_info info = { 0 };
	int rv = -1;

	if (loadgen(store, in->name, in->gen, &info) == -1 ||
	    cs_index_drop(store, &info, now) == -1)
		goto out;
	if (cs_recover_combined(store, in->name, now) == -1 ||
	    removegen(store, in->name, in->gen) == -1)
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
	char text[CS_NAME_MAX + 16];

	if (cs_file_readlink(store->fd, "default", text, sizeof(text)) == -1)
		return errno == ENOENT || errno == EINVAL ? 0 : -1;
	if (strncmp(text, "certs/", 6) != 0 || strcmp(text + 6, name) != 0)
		return 0;
	cs_store_forget(store);
	if (cs_file_remove(store->fd, "default") == -1)
		return -1;
	return fsync(store->fd);
}

static int
removeother(void *arg, const char *dir)
{
	struct intent *in = arg;

	if (cs_gen_number(dir, in->name) == 0)
		return 0;
	return cs_file_rmtree(in->store->certs, dir);
}

/*
 * The link is gone for good: all else of the entry goes too.  Where it is not
 * known what there is, it is looked for.
 */
static int
finishremoval(struct intent *in)
{
	struct certstore *store = in->store;
	struct cs_info info = { 0 };
	int known, rv = -1;

	if (cs_recover_combined(store, in->name, NULL) == -1 ||
	    dropdefault(store, in->name) == -1)
		goto out;
	known = loadgen(store, in->name, in->gen, &info);
	if (known == -1)
		goto out;
	if (known == 0) {
		if (cs_index_purge(store, in->name, NULL) == -1 ||
		    cs_file_each(store->certs, ".", removeother, in) == -1)
			goto out;
	} else if (cs_index_drop(store, &info, NULL) == -1 ||
	    removegen(store, in->name, info.before) == -1 ||
	    removegen(store, in->name, info.kept) == -1 ||
	    removegen(store, in->name, in->gen) == -1)
		goto out;
	rv = 0;
out:
	cs_info_free(&info);
	return rv;
}

/* 1, 0 if it is no intent, -1. */
static int
parseintent(struct intent *in)
{
	char *slash;

	if (cs_file_readlink(in->store->pending, in->name, in->text,
		sizeof(in->text)) == -1)
		return errno == ENOENT || errno == EINVAL ||
			errno == ENAMETOOLONG ?
		    0 :
		    -1;
	in->verb = "";
	if ((slash = strchr(in->text, '/')) != NULL) {
		*slash = '\0';
		in->verb = slash + 1;
	}
	in->gen = cs_gen_number(in->text, in->name);
	return in->gen != 0;
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
		gen = cs_gen_number(dir, in->name);
	else if (errno == EINVAL) /* a real directory: mended later */
		return 0;
	else if (errno != ENOENT)
		return -1;
	if (gen == 0 && strcmp(in->verb, "rm") == 0)
		return finishremoval(in);
	if (gen == 0 && strcmp(in->verb, "mend") == 0) {
		if (cs_file_link(store->certs, in->text, in->name) == -1 ||
		    fsync(store->certs) == -1)
			return -1;
		gen = in->gen;
	}
	if (loadgen(store, in->name, gen, &info) == -1)
		goto out;
	if (info.name != NULL)
		now = &info;
	if (gen != in->gen)
		rv = takeback(in, now);
	else
		rv = now == NULL ? 0 : finish(in, now);
out:
	cs_info_free(&info);
	return rv;
}

int
cs_recover_intent(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct intent in = { .store = store, .name = name };
	int rv = 0;

	if (cs_name_isvalid(name) && (rv = parseintent(&in)) == 1)
		rv = settle(&in);
	if (rv == -1)
		return cs_fail_errno(err,
		    "%s: what a writer left "
		    "half-done can't be finished",
		    name);
	if (cs_file_rmtree(store->pending, name) == -1)
		return cs_fail_errno(err, "%s/.pending/%s", store->path, name);
	return 0;
}

struct all {
	struct certstore *store;
	struct certstore_error *err;
	int synced;
};

static int
recoverone(void *arg, const char *name)
{
	struct all *all = arg;

	/* what was before goes only once the switch is on disk */
	if (!all->synced && fsync(all->store->certs) == -1)
		return -1;
	all->synced = 1;
	return cs_recover_intent(all->store, name, all->err) == -1 ? 1 : 0;
}

int
cs_recover_all(struct certstore *store, struct certstore_error *err)
{
	struct all all = { store, err, 0 };
	int rv;

	rv = cs_file_each(store->pending, ".", recoverone, &all);
	if (rv == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	return rv == 1 ? -1 : 0;
}
