/*
 * issuedlist.c: what a CA of the store has signed, one after the other.  Only
 * the names of one directory are in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define DIRECTORIES 256 /* issued/SPKI/00 to ff */
#define SPKI "spki:"

struct certstore_issued {
	struct certstore *store;
	char signer[CS_HASH_LEN];
	unsigned int next; /* directory */
	struct cs_strings serials;
	size_t at;
	char name[CS_SERIAL_LEN + 8];
	char revoked[CS_REVOKED_LEN];
	struct certstore_entry record; /* as it was signed */
	struct certstore_entry live;   /* that has it now */
};

/* The public key of a CA, by the name of its entry or as spki:HEX. */
static int
findcakey(struct certstore *store, const char *ca, char spki[CS_HASH_LEN],
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	char q[CS_QUOTE_LEN];
	int rv;

	if (strncmp(ca, SPKI, sizeof(SPKI) - 1) == 0) {
		if (cs_hash_read(ca + sizeof(SPKI) - 1, spki))
			return 0;
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not spki: and 64 hex digits",
		    cs_escape_quote(q, ca));
	}
	if (cs_name_check(ca, err) == -1)
		return -1;
	rv = cs_entry_load(store, ca, &entry, err);
	if (rv == 0 &&
	    (entry.info.spki == NULL || strcmp(entry.info.kind, "ca") != 0))
		rv = cs_fail(err, CERTSTORE_EREFUSED, "%s: is not a CA", ca);
	if (rv == 0)
		snprintf(spki, CS_HASH_LEN, "%s", entry.info.spki);
	cs_entry_done(&entry);
	return rv;
}

struct certstore_issued *
certstore_issued_new(struct certstore *store, const char *ca,
    struct certstore_error *err)
{
	struct certstore_issued *list;

	cs_error_clear(err);
	if ((list = calloc(1, sizeof(*list))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	list->store = store;
	if (cs_store_refresh(store, err) == 0 &&
	    findcakey(store, ca, list->signer, err) == 0)
		return list;
	certstore_issued_free(list);
	return NULL;
}

/* Adds the serial number of a file; others are none of ours. */
static int
collectserial(void *arg, const char *file)
{
	char own[CS_SERIAL_LEN], text[CS_SERIAL_LEN + 4];
	size_t len = strlen(file);

	if (len < 5 || len >= sizeof(text) ||
	    strcmp(file + len - 4, ".pem") != 0)
		return 0;
	snprintf(text, sizeof(text), "%.*s", (int)(len - 4), file);
	if (cs_issued_serial(own, text) == -1 || strcmp(own, text) != 0)
		return 0;
	return cs_strings_add(arg, own);
}

/* Reads the names in the next directory that has any: 1, 0, -1. */
static int
nextdirectory(struct certstore_issued *list, struct certstore_error *err)
{
	char sub[CS_HASH_LEN + 16];

	list->at = 0;
	while (list->next < DIRECTORIES) {
		cs_strings_free(&list->serials);
		snprintf(sub, sizeof(sub), "issued/%s/%02x", list->signer,
		    list->next++);
		if (cs_file_each(list->store->fd, sub, collectserial,
			&list->serials) == -1 &&
		    errno != ENOENT) {
			if (errno == EACCES)
				list->next = DIRECTORIES; /* nor the others */
			return cs_fail_errno(err, "%s/%s", list->store->path,
			    sub);
		}
		cs_strings_sort(&list->serials);
		if (list->serials.n > 0)
			return 1;
	}
	return 0;
}

int
cs_issued_each(struct certstore *store, const char *signer,
    int (*fn)(void *, const char *), void *arg, struct certstore_error *err)
{
	struct certstore_issued list = { .store = store };
	int rv;

	snprintf(list.signer, sizeof(list.signer), "%s", signer);
	while ((rv = nextdirectory(&list, err)) == 1)
		for (rv = 0; list.at < list.serials.n && rv == 0; list.at++)
			if ((rv = fn(arg, list.serials.v[list.at])) != 0)
				goto out;
out:
	cs_strings_free(&list.serials);
	return rv;
}

/* Is what was signed the certificate of the entry it was signed for? */
static int
isliving(struct certstore_issued *list)
{
	const struct cs_info *info = &list->record.info;
	struct certstore_error ignored;

	return cs_name_isvalid(info->name) &&
	    cs_entry_glance(list->store, info->name, &list->live, &ignored) ==
	    0 &&
	    list->live.info.fingerprint != NULL &&
	    strcmp(list->live.info.fingerprint, info->fingerprint) == 0;
}

/* As the property of an entry has it. */
static void
setrevoked(struct certstore_issued *list, const char *serial)
{
	struct cs_revocation r;

	list->record.info.revoked = NULL;
	if (cs_revoked_find(list->store, list->signer, serial, &r) != 0)
		list->record.info.revoked = cs_revoked_text(&r, list->revoked);
}

int
certstore_issued_next(struct certstore_issued *list,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	const char *serial;
	int rv;

	cs_error_clear(err);
	*entry = NULL;
	for (;;) {
		if (list->at == list->serials.n) {
			if ((rv = nextdirectory(list, err)) == -1)
				return -1;
			if (rv == 0)
				break;
		}
		serial = list->serials.v[list->at++];
		rv = cs_issued_read(list->store, list->signer, serial,
		    &list->record, err);
		if (rv == -1)
			return -1;
		if (rv == 0)
			continue;
		if (isliving(list)) {
			*entry = &list->live;
			return 1;
		}
		snprintf(list->name, sizeof(list->name), "serial:%s", serial);
		list->record.info.name = list->name;
		setrevoked(list, serial);
		*entry = &list->record;
		return 1;
	}
	list->next = 0;
	cs_strings_free(&list->serials);
	list->at = 0;
	return 0;
}

void
certstore_issued_free(struct certstore_issued *list)
{
	if (list == NULL)
		return;
	cs_strings_free(&list->serials);
	cs_entry_done(&list->record);
	cs_entry_done(&list->live);
	free(list);
}
