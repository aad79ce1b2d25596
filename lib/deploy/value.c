/*
 * value.c: the hash of all that a user reads of an entry or a trust set, as it
 * is now.  What has the same value need not be delivered again.
 */
#include <errno.h>
#include <string.h>

#include "deploy/private.h"

#define FILE_MAX ((size_t)256 * 1024 * 1024) /* a bundle, or a CRL */
#define TRIES 3
#define CRL ".crl"
#define CRLS "crls"

int
cs_value_isuser(const struct cs_info *info, const char *user)
{
	size_t i;

	for (i = 0; i < info->users.n; i++)
		if (strcmp(info->users.v[i], user) == 0)
			return 1;
	return 0;
}

/* Adds a line for a file: 1, 0 there is none, -1 and errno. */
static int
addfilehash(struct cs_buf *to, int dir, const char *file)
{
	char hex[CS_HASH_LEN];
	struct cs_buf b = { 0 };

	if (cs_file_read(dir, file, FILE_MAX, &b) == -1)
		return errno == ENOENT ? 0 : -1;
	cs_hash(hex, b.p, b.len);
	cs_buf_free(&b);
	if (cs_buf_printf(to, "%s %s\n", file, hex) == 0)
		return 1;
	errno = ENOMEM;
	return -1;
}

static int
takecrlname(void *arg, const char *file)
{
	size_t len = strlen(file), n = strlen(CRL);

	return len > n && strcmp(file + len - n, CRL) == 0 ?
	    cs_strings_add(arg, file) :
	    0;
}

/* Adds a line for each CRL, and for the file of all: that one may be missing
 * while they are there.  -1 and errno. */
static int
hashcrls(struct cs_buf *to, int set)
{
	struct cs_strings crls = { 0 };
	int dir, rv = 0;
	size_t i;

	if ((dir = cs_file_opendir(set, CRLS)) == -1)
		return errno == ENOENT ? 0 : -1;
	if (cs_file_each(dir, ".", takecrlname, &crls) == -1)
		rv = -1;
	cs_strings_sort(&crls);
	for (i = 0; rv != -1 && i < crls.n; i++)
		rv = addfilehash(to, dir, crls.v[i]);
	if (rv != -1)
		rv = addfilehash(to, dir, "crls.pem");
	cs_strings_free(&crls);
	cs_file_close(&dir);
	return rv;
}

/* What servers read of a set: bundle.pem, and the CRLs. */
static int
hashset(struct certstore *store, const char *section, enum cs_use *use,
    char value[CS_HASH_LEN], struct certstore_error *err)
{
	const char *slash = strchr(section, '/');
	struct cs_buf text = { 0 };
	struct cs_setgen live;
	struct cs_setname tn;
	int rv;

	if (cs_trustname_init(&tn, store, slash == NULL ? NULL : slash + 1,
		err) == -1)
		return -1;
	if ((rv = cs_setgen_open(&tn, &live, err)) == 1) {
		rv = addfilehash(&text, live.fd, "bundle.pem");
		if (rv != -1)
			rv = hashcrls(&text, live.fd);
		if (rv == -1)
			cs_fail_errno(err, "%s", tn.path);
		else {
			cs_hash(value, text.p, text.len);
			*use = CS_USE_VALUE;
		}
		cs_file_close(&live.fd);
	}
	cs_buf_free(&text);
	cs_trustname_done(&tn);
	return rv == -1 ? -1 : 0;
}

struct usersearch {
	const char *section, *user;
};

static int
issetuser(void *arg, const char *section, const char *user)
{
	const struct usersearch *want = arg;

	return strcmp(want->section, section) == 0 &&
	    strcmp(want->user, user) == 0;
}

/* Of a CA with a CRL, which one: its number, and the generation of its file, which
 * also has the CRLs of its issuers.  0, or -1. */
static int
addcrlstate(struct cs_buf *text, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	struct cs_crlinfo crl;
	int rv = 0;

	if (strcmp(entry->info.kind, "ca") != 0)
		return 0;
	if (cs_crlinfo_read(entry->store, entry->info.name, &crl, err) == -1) {
		if (err->code != CERTSTORE_EDAMAGED)
			return -1;
		cs_error_clear(err);
	}
	if (crl.number != 0 &&
	    cs_buf_printf(text, "crl.pem %llu %lu\n",
		(unsigned long long)crl.number, crl.gen) == -1)
		rv = cs_fail_nomem(err);
	cs_crlinfo_done(&crl);
	return rv;
}

/*
 * Certificates and chain, issuers, key, who may read it, and the CRL.  The hash
 * of fullchain.pem is that in info, which was checked.
 */
static int
hashentry(const struct certstore_entry *entry, char value[CS_HASH_LEN],
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	struct cs_buf ca = { 0 }, text = { 0 };
	char hex[CS_HASH_LEN] = "";
	int rv;

	if ((rv = cs_entry_read(entry, CS_CA, &ca, err)) == 1)
		cs_hash(hex, ca.p, ca.len);
	if (rv != -1) {
		rv = cs_buf_printf(&text,
		    "fullchain.pem %s\nca.pem %s\nspki %s\ngroup %s\n",
		    info->filehash, hex, info->spki == NULL ? "" : info->spki,
		    info->group == NULL ? "" : info->group);
		if (rv == -1)
			cs_fail_nomem(err);
		else
			rv = addcrlstate(&text, entry, err);
		if (rv == 0)
			cs_hash(value, text.p, text.len);
	}
	cs_buf_free(&ca);
	cs_buf_free(&text);
	return rv;
}

/* Loads an entry and hashes it, if it has this user. */
static int
loadentryvalue(struct certstore *store, const char *name, const char *user,
    enum cs_use *use, char value[CS_HASH_LEN], struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	int rv = 0;

	if (cs_entry_glance(store, name, &entry, err) == -1) {
		if (err->code == CERTSTORE_EDAMAGED)
			*use = CS_USE_UNKNOWN;
		else if (err->code != CERTSTORE_ENOENTRY &&
		    err->code != CERTSTORE_EARGUMENT)
			rv = -1;
	} else if (cs_value_isuser(&entry.info, user)) {
		*use = CS_USE_UNKNOWN;
		if (entry.info.fingerprint != NULL &&
		    (rv = hashentry(&entry, value, err)) == 0)
			*use = CS_USE_VALUE;
	}
	cs_entry_done(&entry);
	return rv;
}

/* An entry that is replaced while it is read is read again. */
static int
findentryvalue(struct certstore *store, const char *name, const char *user,
    enum cs_use *use, char value[CS_HASH_LEN], struct certstore_error *err)
{
	int i, rv = -1;

	for (i = 0; rv == -1 && i < TRIES; i++) {
		*use = CS_USE_NONE;
		rv = loadentryvalue(store, name, user, use, value, err);
		if (rv == -1 && err->code != CERTSTORE_ECHANGED)
			break;
	}
	return rv;
}

int
cs_value_of(struct certstore *store, const char *name, const char *user,
    enum cs_use *use, char value[CS_HASH_LEN], struct certstore_error *err)
{
	struct usersearch want = { name, user };
	int rv;

	*use = CS_USE_NONE;
	if (*name != '@')
		return findentryvalue(store, name, user, use, value, err);
	if ((rv = cs_settings_trustusers(store, issetuser, &want, err)) != 1)
		return rv;
	return hashset(store, name, use, value, err);
}
