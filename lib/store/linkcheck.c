/*
 * linkcheck.c: do the links in index/ and combined/ agree with an entry?
 * Nothing is changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

/* Is the link there, alone or with others below KEY@?  1, 0, -1. */
static int
haslink(const struct certstore *store, const char *path, const char *name)
{
	char text[CS_NAME_MAX + 32], shared[CS_INDEX_PATH];
	const char *is;

	if (store->index == -1)
		return 0;
	if (cs_file_readlink(store->index, path, text, sizeof(text)) != -1) {
		is = cs_index_linkname(text);
		if (is != NULL && strcmp(is, name) == 0)
			return 1;
	} else if (errno != ENOENT && errno != EINVAL && errno != ENAMETOOLONG)
		return -1;
	snprintf(shared, sizeof(shared), "%s@/%s", path, name);
	if (cs_file_readlink(store->index, shared, text, sizeof(text)) != -1)
		return 1;
	/* a copy can have made a directory of it */
	return errno == ENOENT || errno == ENOTDIR || errno == EINVAL ? 0 : -1;
}

/* The link of a moment that info does not tell, if there is an order. */
static int
addmoment(const struct certstore *store, const char *name,
    struct cs_strings *keys)
{
	struct certstore_error err;
	struct cs_buf text = { 0 };
	char sub[CS_MOMENT_SUB];
	int64_t moment;
	int rv;

	if ((rv = cs_orderstate_read(store, name, &text, &err)) == -1)
		errno = err.errnum;
	if (rv == 1) {
		rv = 0;
		if ((moment = cs_orderstate_moment(&text)) != 0) {
			cs_moment_sub(sub, CS_INDEX_NEXT, moment);
			rv = cs_index_collect(keys, sub, name);
		}
	}
	cs_buf_free(&text);
	return rv;
}

int
cs_linkcheck_keys(struct certstore *store, const struct cs_info *info,
    int orders, struct cs_strings *keys)
{
	if (cs_index_keys(info, cs_index_collect, keys) == -1) {
		errno = ENOMEM;
		return -1;
	}
	if (orders && addmoment(store, info->name, keys) == -1 &&
	    errno != EACCES)
		return -1;
	cs_strings_sort(keys);
	return 0;
}

int
cs_linkcheck_index(struct certstore *store, const struct cs_info *info,
    int orders, char lacks[CS_INDEX_PATH], size_t *n)
{
	struct cs_strings keys = { 0 };
	size_t i;
	int has, rv;

	rv = cs_linkcheck_keys(store, info, orders, &keys);
	for (i = 0; i < keys.n && rv != -1; i++) {
		if ((has = haslink(store, keys.v[i], info->name)) == -1)
			rv = -1;
		else if (has == 1)
			++*n;
		else if (rv == 0) {
			snprintf(lacks, CS_INDEX_PATH, "%s", keys.v[i]);
			rv = 1;
		}
	}
	cs_strings_free(&keys);
	return rv;
}

struct count {
	struct certstore *store;
	char path[CS_INDEX_PATH]; /* of the directory that is read */
	int depth;		  /* 1: there may be directories in it */
	size_t n;
};

static int countdir(struct count *, const char *, int);

static int
counttaken(void *arg, const char *file)
{
	struct count *in = arg;
	size_t len = strlen(file);

	if (strcmp(in->path, "host") == 0 && strcmp(file, "+") == 0)
		return 0; /* the mark */
	if (cs_moment_isdir(in->path))
		return countdir(in, file, strcmp(file, CS_MOMENT_NEVER) != 0);
	if (in->depth > 0 &&
	    (strchr(in->path, '/') != NULL || file[len - 1] == '@'))
		return countdir(in, file, 0);
	in->n++;
	return 0;
}

static int
countdir(struct count *in, const char *file, int depth)
{
	size_t len = strlen(in->path);
	int rv, was = in->depth;

	if (len + strlen(file) + 1 >= sizeof(in->path))
		return 0;
	snprintf(in->path + len, sizeof(in->path) - len, "%s%s",
	    len > 0 ? "/" : "", file);
	in->depth = depth;
	rv = cs_file_each(in->store->index, in->path, counttaken, in);
	in->depth = was;
	in->path[len] = '\0';
	return rv == -1 && (errno == ENOENT || errno == ENOTDIR) ? 0 : rv;
}

int
cs_linkcheck_count(struct certstore *store, size_t *n)
{
	struct count in = { .store = store };
	size_t i;
	int rv = 0;

	for (i = 0; i < CS_NINDEX && rv == 0 && store->index != -1; i++)
		rv = countdir(&in, cs_index_names[i], 1);
	*n = in.n;
	return rv;
}

int
cs_linkcheck_combined(struct certstore *store, const char *name,
    const struct cs_info *info, size_t *n)
{
	int serves = info->serves && info->haskey && !info->weak, rv;

	if ((rv = cs_combined_has(store, name)) == -1)
		return errno != EEXIST ? -1 : serves ? CS_LINKCHECK_FOREIGN : 0;
	*n += (size_t)rv;
	if (rv == serves)
		return 0;
	return serves ? CS_LINKCHECK_MISSING : CS_LINKCHECK_SURPLUS;
}
