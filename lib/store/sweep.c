/*
 * sweep.c: removes generations of entries, also those that no info names, and
 * tells whether there are any of these.
 */
#include <string.h>

#include "store/private.h"

/*
 * Removes a generation of an entry; 0: none.  With its info only the files are
 * removed that it names, which is enough unless there are others.
 */
int
cs_sweep_generation(struct certstore *store, const char *name,
    unsigned long gen, const struct cs_info *info)
{
	const char *files[CS_NFILE];
	struct cs_link link;
	char dir[CS_GENDIR];
	size_t n = 0;

	if (gen == 0)
		return 0;
	if (info != NULL && info->gen == gen && cs_fence_isheld(store)) {
		if (info->haschain)
			files[n++] = cs_file_names[CS_FULLCHAIN];
		if (info->haskey)
			files[n++] = cs_file_names[CS_PRIVKEY];
		if (info->haskey && info->haschain)
			files[n++] = cs_file_names[CS_COMBINED];
		if (info->hasca || info->hasparts)
			files[n++] = cs_file_names[CS_CA];
		if (info->hasparts) {
			files[n++] = cs_file_names[CS_CERT];
			files[n++] = cs_file_names[CS_CHAIN];
		}
		if (info->hasrequest) {
			files[n++] = cs_file_names[CS_REQUEST_KEY];
			files[n++] = cs_file_names[CS_REQUEST_CSR];
		}
		files[n++] = cs_file_names[CS_PROPS];
		files[n++] = cs_file_names[CS_INFO];
		cs_generation_dir(dir, name, gen);
		if (cs_file_rmdir(store->certs, dir, files, n) == 0)
			return 0;
	}
	link = cs_resolve_link(store, name);
	return cs_generation_remove(&link, gen);
}

/* Removes a generation and its links in index/. */
static int
sweepone(struct certstore *store, const char *dir, const char *name,
    struct cs_strings *unknown)
{
	struct certstore_error err;
	struct cs_info info = { 0 };
	int rv;

	if (cs_info_load(store, dir, name, &info, &err) == 0)
		rv = cs_index_drop(store, &info, NULL);
	else
		rv = cs_strings_add(unknown, name);
	if (rv == 0)
		rv = cs_sweep_generation(store, name,
		    cs_generation_number(dir, name), NULL);
	cs_info_free(&info);
	return rv;
}

int
cs_sweep_names(struct certstore *store, const struct cs_strings *names,
    struct cs_strings *unknown)
{
	char name[CS_NAME_MAX + 1];
	size_t i;

	cs_generation_forget(&store->gens);
	if (cs_generation_list(store, store->certs, &store->gens) == -1)
		return -1;
	for (i = 0; i < store->gens.dirs.n; i++)
		if (cs_generation_owner(store->gens.dirs.v[i], name) == 1 &&
		    cs_strings_has(names, name) &&
		    sweepone(store, store->gens.dirs.v[i], name, unknown) == -1)
			return -1;
	cs_generation_forget(&store->gens);
	return 0;
}

/* Are the n generations of a name the live one and the one that it kept? */
static int
auditone(struct certstore *store, const char *name, char *const *dirs, size_t n)
{
	struct certstore_error err;
	struct cs_info info = { 0 };
	char live[CS_GENDIR];
	size_t i;
	int rv;

	if (cs_file_readlink(store->certs, name, live, sizeof(live)) == -1)
		return 0;
	if (n == 1)
		return strcmp(live, dirs[0]) == 0;
	rv = cs_info_load(store, live, name, &info, &err) == 0;
	for (i = 0; i < n && rv; i++)
		rv = strcmp(live, dirs[i]) == 0 ||
		    cs_held_keeps(&info, cs_generation_number(dirs[i], name));
	cs_info_free(&info);
	return rv;
}

/*
 * Is each generation in certs/ live, or kept by a live one?  1, 0, -1.  Reads
 * every info of an entry with two generations.
 */
int
cs_sweep_audit(struct certstore *store)
{
	const struct cs_strings *dirs = &store->gens.dirs;
	char name[CS_NAME_MAX + 1], next[CS_NAME_MAX + 1];
	size_t i, n;

	cs_generation_forget(&store->gens);
	if (cs_generation_list(store, store->certs, &store->gens) == -1)
		return -1;
	for (i = 0; i < dirs->n; i += n) {
		n = 1;
		if (cs_generation_owner(dirs->v[i], name) == 0)
			continue;
		while (i + n < dirs->n &&
		    cs_generation_owner(dirs->v[i + n], next) == 1 &&
		    strcmp(name, next) == 0)
			n++;
		if (auditone(store, name, dirs->v + i, n) != 1)
			return 0;
	}
	return 1;
}
