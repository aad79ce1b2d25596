/*
 * repeat.c: what an entry has, to be written again as a generation that differs
 * in its props alone, certstore(5).  The key is copied and never decoded.
 */
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define END "-----END CERTIFICATE-----\n"

static int
copyfile(struct cs_put *put, const struct certstore_entry *entry,
    enum cs_file file, struct certstore_error *err)
{
	return cs_entry_read(entry, file, &put->file[file], err) == -1 ? -1 : 0;
}

/* The bytes of the first certificate. */
static size_t
leaflen(const struct cs_buf *fullchain)
{
	const char *end;

	if (fullchain->p == NULL || (end = strstr(fullchain->p, END)) == NULL)
		return 0;
	return (size_t)(end - fullchain->p) + strlen(END);
}

static int
copydescription(struct cs_put *put, const struct certstore_entry *entry,
    const char *without, struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	int rv;

	if ((rv = cs_entry_read(entry, CS_INFO, &text, err)) != -1)
		rv = cs_info_description(&put->file[CS_INFO], &text, without) ==
			-1 ?
		    cs_fail_nomem(err) :
		    0;
	cs_buf_free(&text);
	return rv;
}

int
cs_repeat_pair(struct cs_put *put, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;

	if (copyfile(put, entry, CS_FULLCHAIN, err) == -1 ||
	    (info->haskey && copyfile(put, entry, CS_PRIVKEY, err) == -1) ||
	    (info->hasca && copyfile(put, entry, CS_CA, err) == -1))
		return -1;
	put->leaf = leaflen(&put->file[CS_FULLCHAIN]);
	return copydescription(put, entry, "request", err);
}

/* The line of info that names the key of a request and whose that is. */
int
cs_repeat_requestline(struct cs_put *put, const char *spki, int ordered)
{
	return cs_buf_printf(&put->file[CS_INFO], "request %s%s\n", spki,
	    ordered ? " acme" : "");
}

int
cs_repeat_request(struct cs_put *put, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const char *key = entry->info.request;

	if (!entry->info.hasrequest || key == NULL)
		return 0;
	if (copyfile(put, entry, CS_REQUEST_KEY, err) == -1 ||
	    copyfile(put, entry, CS_REQUEST_CSR, err) == -1)
		return -1;
	if (put->file[CS_INFO].len == 0)
		return copydescription(put, entry, NULL, err);
	return cs_repeat_requestline(put, key, entry->info.ordered) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

int
cs_repeat_files(struct cs_put *put, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;

	put->pair = info->pair != 0 ? info->pair : info->gen;
	if (info->fingerprint != NULL && cs_repeat_pair(put, entry, err) == -1)
		return -1;
	return cs_repeat_request(put, entry, err);
}
