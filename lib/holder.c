/*
 * holder.c: which entries of the store have a key, or wait with it for the
 * answer to their request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "import.h"

/* 1 if the name was taken over, 0, or -1. */
static int
hold(struct cs_holders *h, char *name, const struct cs_info *info,
    const char *spki)
{
	if (info->request != NULL && strcmp(info->request, spki) == 0) {
		if (h->waiting == NULL)
			h->waiting = strdup(name);
		return h->waiting == NULL ? -1 : 0;
	}
	if (info->fingerprint == NULL || info->spki == NULL ||
	    strcmp(info->spki, spki) != 0)
		return 0;
	h->v[h->n++] = name;
	return 1;
}

static int
isgone(const struct certstore_error *err)
{
	return err->code == CERTSTORE_EDAMAGED ||
	    err->code == CERTSTORE_ENOENTRY;
}

/* A hit in the index is only a hint; a damaged entry is passed over. */
int
cs_holder_find(struct certstore *store, const char *spki, struct cs_holders *h,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	char **names;
	size_t i, n;
	int rv = -1, taken;

	memset(h, 0, sizeof(*h));
	if (store->fd == -1)
		return 0;
	if (cs_index_find(store, "spki", spki, &names, &n) == -1)
		return cs_fail_errno(err, "%s/index/spki", store->path);
	if (n > 0 && (h->v = calloc(n, sizeof(*h->v))) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < n; i++) {
		if (cs_entry_load(store, names[i], &entry, err) == -1) {
			if (!isgone(err))
				goto out;
			continue;
		}
		if ((taken = hold(h, names[i], &entry.info, spki)) == -1) {
			cs_fail_nomem(err);
			goto out;
		}
		if (taken)
			names[i] = NULL;
	}
	cs_error_clear(err);
	rv = 0;
out:
	cs_entry_done(&entry);
	cs_store_names_free(names, n);
	return rv;
}

void
cs_holder_free(struct cs_holders *h)
{
	while (h->n > 0)
		free(h->v[--h->n]);
	free(h->v);
	free(h->waiting);
	memset(h, 0, sizeof(*h));
}

static int
readkey(struct certstore *store, const char *name, enum cs_file file,
    struct cs_buf *pem, char *label, size_t size, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	int rv;

	snprintf(label, size, "%s: %s", name, cs_file_names[file]);
	rv = cs_entry_load(store, name, &entry, err);
	if (rv == -1 && err->code == CERTSTORE_ENOENTRY)
		cs_fail(err, CERTSTORE_ECHANGED,
		    "%s: another writer removed the entry meanwhile: try again",
		    name);
	if (rv == 0)
		rv = cs_entry_read(&entry, file, pem, err);
	cs_entry_done(&entry);
	return rv;
}

int
cs_holder_key(struct certstore *store, const struct cs_holders *h,
    struct cs_buf *pem, char *label, size_t size, struct certstore_error *err)
{
	size_t i;
	int rv = 0;

	if (h->waiting != NULL)
		rv = readkey(store, h->waiting, CS_REQUEST_KEY, pem, label,
		    size, err);
	for (i = 0; i < h->n && rv == 0; i++)
		rv = readkey(store, h->v[i], CS_PRIVKEY, pem, label, size, err);
	return rv;
}
