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

/* What info says of a generation, as far as it can still be read. */
static int
loadgen(struct certstore *store, const char *name, unsigned long gen,
    struct cs_info *info)
{
	struct certstore_error err;
	char dir[CS_GENDIR];

	if (gen == 0)
		return -1;
	cs_store_gendir(dir, name, gen);
	if (cs_info_load(store->certs, dir, name, info, &err) == 0)
		return 0;
	/* changed by hand: its names are still those that were linked */
	return info->name != NULL && strcmp(info->name, name) == 0 ? 0 : -1;
}

static int
removegen(struct certstore *store, const char *name, unsigned long gen)
{
	char dir[CS_GENDIR];

	if (gen == 0)
		return 0;
	cs_store_gendir(dir, name, gen);
	return cs_file_rmtree(store->certs, dir);
}

/* The link leads to N: the entry is as it should be, what was before goes. */
static int
finish(struct intent *in, const struct cs_info *info)
{
	struct certstore *store = in->store;
	struct cs_info old = { 0 };
	int rv = -1;

	if (cs_recover_combined(store, in->name, info) == -1)
		goto out;
	if (info->before != 0 && info->before != in->gen) {
		if (loadgen(store, in->name, info->before, &old) == 0) {
			if (cs_index_drop(store, &old, info) == -1)
				goto out;
			if (old.kept != info->kept && old.kept < in->gen &&
			    removegen(store, in->name, old.kept) == -1)
				goto out;
		}
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

	if (loadgen(store, in->name, in->gen, &info) == 0 &&
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

/* The link is gone for good: all else of the entry goes too. */
static int
finishremoval(struct intent *in)
{
	struct certstore *store = in->store;
	struct cs_info info = { 0 };
	int rv = -1;

	if (cs_recover_combined(store, in->name, NULL) == -1)
		goto out;
	if (loadgen(store, in->name, in->gen, &info) == 0 &&
	    (cs_index_drop(store, &info, NULL) == -1 ||
		removegen(store, in->name, info.before) == -1 ||
		removegen(store, in->name, info.kept) == -1))
		goto out;
	if (removegen(store, in->name, in->gen) == -1)
		goto out;
	rv = 0;
out:
	cs_info_free(&info);
	return rv;
}

static int
parseintent(struct intent *in)
{
	char *slash;

	if (cs_file_readlink(in->store->pending, in->name, in->text,
		sizeof(in->text)) == -1)
		return -1;
	in->verb = "";
	if ((slash = strchr(in->text, '/')) != NULL) {
		*slash = '\0';
		in->verb = slash + 1;
	}
	in->gen = cs_store_generation(in->text, in->name);
	return in->gen == 0 ? -1 : 0;
}

static int
settle(struct intent *in)
{
	struct certstore *store = in->store;
	struct cs_info info = { 0 };
	char dir[CS_GENDIR], tmp[CS_GENDIR];
	const struct cs_info *now = NULL;
	unsigned long gen = 0;
	int rv;

	snprintf(tmp, sizeof(tmp), ".%s@link", in->name);
	if (cs_file_remove(store->certs, tmp) == -1)
		return -1;
	snprintf(tmp, sizeof(tmp), ".%s.pem@link", in->name);
	if (cs_file_remove(store->combined, tmp) == -1)
		return -1;
	if (cs_file_readlink(store->certs, in->name, dir, sizeof(dir)) != -1)
		gen = cs_store_generation(dir, in->name);
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
	if (loadgen(store, in->name, gen, &info) == 0)
		now = &info;
	if (gen != in->gen)
		rv = takeback(in, now);
	else
		rv = now == NULL ? 0 : finish(in, now);
	cs_info_free(&info);
	return rv;
}

int
cs_recover_intent(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct intent in = { .store = store, .name = name };

	if (cs_name_isvalid(name) && parseintent(&in) == 0) {
		if (settle(&in) == -1)
			return cs_fail_errno(err,
			    "%s: what a writer left "
			    "half-done can't be finished",
			    name);
	}
	if (cs_file_rmtree(store->pending, name) == -1)
		return cs_fail_errno(err, "%s/.pending/%s", store->path, name);
	return 0;
}

struct all {
	struct certstore *store;
	struct certstore_error *err;
};

static int
recoverone(void *arg, const char *name)
{
	struct all *all = arg;

	return cs_recover_intent(all->store, name, all->err) == -1 ? 1 : 0;
}

int
cs_recover_all(struct certstore *store, struct certstore_error *err)
{
	struct all all = { store, err };
	int rv;

	rv = cs_file_each(store->pending, ".", recoverone, &all);
	if (rv == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	return rv == 1 ? -1 : 0;
}
