/*
 * generation.c: the generations of an entry: what their directories are called, which
 * one stands in for a link that was lost, and how one goes.
 */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

/* ".NAME@12" of that name: 12, else 0. */
unsigned long
cs_generation_number(const char *text, const char *name)
{
	size_t len = strlen(name);
	unsigned long gen;
	char *end;

	if (text[0] != '.' || strncmp(text + 1, name, len) != 0 ||
	    text[len + 1] != '@' || !isdigit((unsigned char)text[len + 2]))
		return 0;
	errno = 0;
	gen = strtoul(text + len + 2, &end, 10);
	return errno == 0 && *end == '\0' ? gen : 0;
}

void
cs_generation_dir(char dir[CS_GENDIR], const char *name, unsigned long gen)
{
	char digits[CS_GENDIR - CS_NAME_MAX];
	size_t len = strlen(name), n = sizeof(digits);

	do
		digits[--n] = (char)('0' + gen % 10);
	while ((gen /= 10) != 0);
	if (len > CS_NAME_MAX)
		len = CS_NAME_MAX;
	dir[0] = '.';
	memcpy(dir + 1, name, len);
	dir[1 + len] = '@';
	memcpy(dir + len + 2, digits + n, sizeof(digits) - n);
	dir[len + 2 + sizeof(digits) - n] = '\0';
}

/* 1 and the name if it is a generation of any, else 0. */
int
cs_generation_owner(const char *dir, char name[CS_NAME_MAX + 1])
{
	const char *at;
	size_t len;

	if (dir[0] != '.' || (at = strrchr(dir, '@')) == NULL ||
	    (len = (size_t)(at - dir) - 1) > CS_NAME_MAX)
		return 0;
	memcpy(name, dir + 1, len);
	name[len] = '\0';
	return cs_name_isvalid(name) && cs_generation_number(dir, name) != 0;
}

static int
takegen(void *arg, const char *file)
{
	struct cs_generations *gens = arg;

	if (file[0] != '.' || strchr(file, '@') == NULL)
		return 0;
	return cs_strings_add(&gens->dirs, file);
}

void
cs_generation_forget(struct certstore *store)
{
	cs_strings_free(&store->gens.dirs);
	memset(&store->gens, 0, sizeof(store->gens));
}

/*
 * All generations, sorted: one reading of certs/ does for all names.  A reader
 * reads it again when it changed; nobody changes it for who has the lock.
 */
static int
readgens(struct certstore *store)
{
	struct cs_generations *gens = &store->gens;
	struct stat st;

	if (fstat(store->certs, &st) == -1)
		return -1;
	if (gens->known &&
	    (store->depth > 0 || cs_stamp_holds(&gens->certs, &st)))
		return 0;
	cs_generation_forget(store);
	cs_stamp_take(&gens->certs, &st);
	if (cs_file_each(store->certs, ".", takegen, gens) == -1) {
		cs_generation_forget(store);
		return -1;
	}
	cs_strings_sort(&gens->dirs);
	gens->known = 1;
	return 0;
}

/* The highest generation of a name that is below another, or 0. */
static unsigned long
highest(const struct cs_generations *gens, const char *name,
    unsigned long below)
{
	char dir[CS_GENDIR];
	size_t high = gens->dirs.n, i, len, low = 0;
	unsigned long gen, most = 0;

	len = (size_t)snprintf(dir, sizeof(dir), ".%s@", name);
	while (low < high) {
		i = low + (high - low) / 2;
		if (strcmp(gens->dirs.v[i], dir) < 0)
			low = i + 1;
		else
			high = i;
	}
	for (i = low;
	     i < gens->dirs.n && strncmp(gens->dirs.v[i], dir, len) == 0; i++) {
		gen = cs_generation_number(gens->dirs.v[i], name);
		if (gen > most && gen < below)
			most = gen;
	}
	return most;
}

/*
 * Below which number a generation may be one that lost its link: not what a
 * writer had not yet led to, which need not be whole, nor what it removes.
 */
static int
bound(const struct certstore *store, const char *name, unsigned long *below)
{
	static const char *const suffixes[] = { "", CS_TAKEN, CS_MOVED,
		CS_MOVED CS_TAKEN };
	char path[CS_NAME_MAX + 32], text[CS_GENDIR + 8];
	const char *verb;
	unsigned long gen;
	ssize_t len = -1;
	size_t i;

	*below = (unsigned long)-1;
	errno = ENOENT;
	for (i = 0; i < 4 && len == -1 && errno == ENOENT; i++) {
		snprintf(path, sizeof(path), ".pending/%s%s", name,
		    suffixes[i]);
		len = cs_file_readlink(store->fd, path, text, sizeof(text));
	}
	if (len == -1)
		return errno == ENOENT || errno == EINVAL ||
			errno == ENAMETOOLONG ?
		    0 :
		    -1;
	if ((verb = strchr(text, '/')) == NULL && i > 2)
		verb = "/rm"; /* the link itself, that was moved there */
	if (verb != NULL)
		*below = strcmp(verb, "/rm") == 0 ? 0 : *below;
	else if ((gen = cs_generation_number(text, name)) != 0)
		*below = gen;
	return 0;
}

/*
 * The highest complete generation of a name whose link was lost: 1, 0 there is
 * none, -1.  Only where the links of the store can't be believed.
 */
int
cs_generation_find(struct certstore *store, const char *name,
    unsigned long *gen)
{
	struct certstore_error err;
	struct cs_info info = { 0 };
	char dir[CS_GENDIR];
	int rv = 0;

	if (readgens(store) == -1 || bound(store, name, gen) == -1)
		return -1;
	while (rv == 0 && (*gen = highest(&store->gens, name, *gen)) != 0) {
		cs_generation_dir(dir, name, *gen);
		if (cs_info_load(store, dir, name, &info, &err) == 0)
			rv = 1;
		else if (err.code != CERTSTORE_EDAMAGED)
			rv = -1;
	}
	cs_info_free(&info);
	if (rv == -1)
		errno = err.errnum;
	return rv;
}

/* The highest generation of a name, whole or not, or 0. */
int
cs_generation_highest(struct certstore *store, const char *name,
    unsigned long *gen)
{
	if (readgens(store) == -1)
		return -1;
	*gen = highest(&store->gens, name, (unsigned long)-1);
	return 0;
}

/* What a generation was found by goes with it. */
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
		rv = cs_generation_remove(store, name,
		    cs_generation_number(dir, name), NULL);
	cs_info_free(&info);
	return rv;
}

int
cs_generation_sweep(struct certstore *store, const struct cs_strings *names,
    struct cs_strings *unknown)
{
	char name[CS_NAME_MAX + 1];
	size_t i;

	cs_generation_forget(store);
	if (readgens(store) == -1)
		return -1;
	for (i = 0; i < store->gens.dirs.n; i++)
		if (cs_generation_owner(store->gens.dirs.v[i], name) == 1 &&
		    cs_strings_has(names, name) &&
		    sweepone(store, store->gens.dirs.v[i], name, unknown) == -1)
			return -1;
	cs_generation_forget(store);
	return 0;
}

/* The first of the names of generations, sorted, that begins with a text. */
static size_t
firstof(const struct cs_generations *gens, const char *text, size_t len)
{
	size_t from = 0, to = gens->dirs.n, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (strncmp(gens->dirs.v[at], text, len) < 0)
			from = at + 1;
		else
			to = at;
	}
	return from;
}

int
cs_generation_sweepbelow(struct certstore *store, const char *name,
    unsigned long gen, unsigned long kept)
{
	char dir[CS_GENDIR];
	unsigned long n;
	size_t i, len;

	if (readgens(store) == -1)
		return -1;
	len = (size_t)snprintf(dir, sizeof(dir), ".%s@", name);
	for (i = firstof(&store->gens, dir, len); i < store->gens.dirs.n &&
	     strncmp(store->gens.dirs.v[i], dir, len) == 0;
	     i++) {
		n = cs_generation_number(store->gens.dirs.v[i], name);
		if (n < gen && n != kept &&
		    cs_generation_remove(store, name, n, NULL) == -1)
			return -1;
	}
	return 0;
}

/* Of n generations of a name: the live one, and what that has kept? */
static int
auditone(struct certstore *store, const char *name, char *const *dirs, size_t n)
{
	struct certstore_error err;
	struct cs_info info = { 0 };
	char live[CS_GENDIR], kept[CS_GENDIR];
	int rv = 0;

	if (n > 2 ||
	    cs_file_readlink(store->certs, name, live, sizeof(live)) == -1)
		return 0;
	if (n == 1)
		return strcmp(live, dirs[0]) == 0;
	if (cs_info_load(store, live, name, &info, &err) == 0) {
		cs_generation_dir(kept, name, info.kept);
		rv = (strcmp(live, dirs[0]) == 0 &&
			 strcmp(kept, dirs[1]) == 0) ||
		    (strcmp(live, dirs[1]) == 0 && strcmp(kept, dirs[0]) == 0);
	}
	cs_info_free(&info);
	return rv;
}

/* Costs as the store, unless something is found. */
int
cs_generation_audit(struct certstore *store)
{
	const struct cs_strings *dirs = &store->gens.dirs;
	char name[CS_NAME_MAX + 1], next[CS_NAME_MAX + 1];
	size_t i, n;

	cs_generation_forget(store);
	if (readgens(store) == -1)
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

/*
 * Removes a generation, 0: none; not if by now its number may be another
 * writer's.  With its info what must be in it goes first,
 * and mostly that is all.
 */
int
cs_generation_remove(struct certstore *store, const char *name,
    unsigned long gen, const struct cs_info *info)
{
	const char *files[CS_NFILE];
	char dir[CS_GENDIR];
	size_t n = 0;

	if (gen == 0)
		return 0;
	if (!cs_lock_isheld(store)) {
		errno = ESTALE;
		return -1;
	}
	cs_generation_dir(dir, name, gen);
	if (info != NULL && info->gen == gen) {
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
		if (cs_file_rmdir(store->certs, dir, files, n) == 0)
			return 0;
	}
	return cs_file_rmtree(store->certs, dir);
}
