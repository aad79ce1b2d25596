/*
 * entry.c: one entry, loaded from its info.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sha2.h>

#include "store/private.h"

#define TRIES 3 /* a generation may be removed while it is read */

static const char *const kinds[] = { "server", "ca", "client", "peer", "mail",
	"shaken", "self", "other", "waiting" };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Loads an entry that is as its link and its info say: 1, or 0. */
static int
peekentry(int certs, const char *name, int whole, struct certstore_entry *entry,
    struct stat *seen)
{
	entry->host = entry->how = NULL;
	entry->gendir[0] = '\0';
	if (certs != -1 && cs_name_isvalid(name) &&
	    cs_info_current(certs, name, whole, &entry->info, entry->gendir,
		seen))
		return 1;
	entry->gendir[0] = '\0';
	return 0;
}

/* The same as cs_entry_glance() for what needs no second look, in a thread;
 * certs is the directory.  The caller sets store and epoch. */
int
cs_entry_peek(int certs, const char *name, struct certstore_entry *entry)
{
	return peekentry(certs, name, 0, entry, NULL);
}

/*
 * Loads the entry of a name into a struct that may have held another.  Of a
 * damaged one (CERTSTORE_EDAMAGED) gendir and info.gen are set too; if gendir
 * is empty, what the name stands for is not an entry and must not be touched.
 *
 * whole: each key file is looked at, not only one.  seen: as for
 * cs_entry_examine(), or NULL.
 */
static int
loadentry(struct certstore *store, const char *name, int whole,
    struct certstore_entry *entry, struct stat *seen,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];
	int i;

	entry->store = store;
	entry->epoch = store->epoch;
	if (peekentry(store->certs, name, whole, entry, seen))
		return 0;
	for (i = 0; i < TRIES; i++) {
		if (cs_resolve_entry(store, name, dir, err) == -1) {
			cs_info_reset(&entry->info);
			entry->gendir[0] = '\0';
			return -1;
		}
		if (strcmp(dir, entry->gendir) == 0)
			break; /* still the same: it is damaged */
		memcpy(entry->gendir, dir, sizeof(dir));
		if (cs_info_load(store, dir, name, &entry->info, err) == 0) {
			cs_error_clear(err);
			return 0;
		}
		if (err->code != CERTSTORE_EDAMAGED)
			return -1;
	}
	if (entry->info.gen == 0)
		entry->info.gen = cs_generation_number(entry->gendir, name);
	return -1;
}

int
cs_entry_load(struct certstore *store, const char *name,
    struct certstore_entry *entry, struct certstore_error *err)
{
	return loadentry(store, name, 1, entry, NULL, err);
}

/* As cs_entry_load(), but only one key file is looked at: for lists. */
int
cs_entry_glance(struct certstore *store, const char *name,
    struct certstore_entry *entry, struct certstore_error *err)
{
	return loadentry(store, name, 0, entry, NULL, err);
}

/*
 * As cs_entry_glance(), but what is known of its files is kept: seen has one
 * for each enum cs_file, all zero, and is set for those that were looked at.
 */
int
cs_entry_examine(struct certstore *store, const char *name,
    struct certstore_entry *entry, struct stat *seen,
    struct certstore_error *err)
{
	return loadentry(store, name, 0, entry, seen, err);
}

void
cs_entry_done(struct certstore_entry *entry)
{
	cs_info_free(&entry->info);
	free(entry->pem);
	free(entry->flaw);
	entry->pem = entry->flaw = NULL;
}

int
cs_entry_stat(const struct certstore_entry *entry, enum cs_file which,
    struct stat *st)
{
	char path[CS_GENDIR + 16];

	(void)cs_file_join(path, sizeof(path), entry->gendir,
	    cs_file_names[which]);
	return fstatat(entry->store->certs, path, st, AT_SYMLINK_NOFOLLOW);
}

/*
 * Hashes what is in an entry but its props: the hash of fullchain.pem or the
 * request, and of the keys.  The number is that of the generation that first
 * had them.  If info cannot be believed: the inode and ctime of the directory,
 * since each generation has its own.
 */
void
cs_entry_identify(const struct certstore_entry *entry, struct cs_identity *id)
{
	const struct cs_info *info = &entry->info;
	const char *part[3] = { info->filehash, info->spki, info->request };
	struct cs_stamp stamp;
	char text[CS_STAMP_TEXT];
	SHA2_CTX ctx;
	size_t i;
	int fd;

	memset(id, 0, sizeof(*id));
	if (entry->store == NULL || entry->gendir[0] == '\0')
		return;
	SHA256Init(&ctx);
	for (i = 0; i < sizeof(part) / sizeof(part[0]); i++)
		if (part[i] != NULL)
			SHA256Update(&ctx, (const uint8_t *)part[i],
			    strlen(part[i]) + 1);
	if (info->kind == NULL &&
	    (fd = cs_file_opendir(entry->store->certs, entry->gendir)) != -1) {
		if (cs_stamp_fd(&stamp, fd) == 0) {
			cs_stamp_text(&stamp, text);
			SHA256Update(&ctx, (const uint8_t *)text, strlen(text));
		}
		close(fd);
	}
	SHA256Final(id->hash, &ctx);
	id->gen = info->pair != 0 ? info->pair : info->gen;
}

static int
failchanged(const char *name, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_ECHANGED,
	    "%s: another writer changed the entry meanwhile: try again", name);
}

int
cs_entry_unchanged(const struct certstore_entry *entry, const char *name,
    const struct cs_identity *seen, struct certstore_error *err)
{
	struct cs_identity now;

	cs_entry_identify(entry, &now);
	if (now.gen == seen->gen &&
	    memcmp(now.hash, seen->hash, sizeof(now.hash)) == 0)
		return 0;
	return failchanged(name, err);
}

/* A file of the generation that was loaded: 1, 0 it has none, -1. */
int
cs_entry_read(const struct certstore_entry *entry, enum cs_file which,
    struct cs_buf *b, struct certstore_error *err)
{
	const char *name = entry->info.name;
	char path[CS_GENDIR + 16];
	int rv;

	if (entry->store == NULL || entry->gendir[0] == '\0')
		return 0;
	if (name == NULL) /* it is damaged */
		name = entry->gendir;
	if (entry->epoch != entry->store->epoch)
		return failchanged(name, err);
	(void)cs_file_join(path, sizeof(path), entry->gendir,
	    cs_file_names[which]);
	rv = which == CS_PROPS ?
	    cs_file_record(entry->store->certs, path, CS_RECORD_MAX, b) :
	    cs_file_read(entry->store->certs, path, CS_RECORD_MAX, b);
	if (rv == 0)
		return 1;
	if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE)
		return cs_fail_errno(err, "%s: %s", name, cs_file_names[which]);
	/* the generation has no such file, or is removed: info tells which */
	snprintf(path, sizeof(path), "%s/info", entry->gendir);
	if (entry->info.file == NULL ||
	    faccessat(entry->store->certs, path, F_OK, AT_SYMLINK_NOFOLLOW) ==
		0)
		return 0;
	return failchanged(name, err);
}

struct certstore_entry *
certstore_entry_get(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct certstore_entry *entry;

	cs_error_clear(err);
	if ((entry = calloc(1, sizeof(*entry))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if (cs_store_refresh(store, err) == -1 ||
	    cs_entry_load(store, name, entry, err) == -1) {
		certstore_entry_free(entry);
		return NULL;
	}
	cs_error_clear(err);
	return entry;
}

void
certstore_entry_free(struct certstore_entry *entry)
{
	if (entry == NULL)
		return;
	cs_entry_done(entry);
	free(entry);
}

const char *
certstore_entry_name(const struct certstore_entry *entry)
{
	return entry->info.name;
}

const char *
certstore_entry_kind(const struct certstore_entry *entry)
{
	return entry->info.kind;
}

const char *
certstore_entry_subject(const struct certstore_entry *entry)
{
	return entry->info.subject;
}

const char *
certstore_entry_issuer(const struct certstore_entry *entry)
{
	return entry->info.issuer;
}

const char *
certstore_entry_serial(const struct certstore_entry *entry)
{
	return entry->info.serial;
}

const char *
certstore_entry_key(const struct certstore_entry *entry)
{
	return entry->info.key;
}

const char *
certstore_entry_fingerprint(const struct certstore_entry *entry)
{
	return entry->info.fingerprint;
}

const char *
certstore_entry_spki(const struct certstore_entry *entry)
{
	return entry->info.spki;
}

const char *
certstore_entry_ski(const struct certstore_entry *entry)
{
	return entry->info.ski;
}

const char *
certstore_entry_aki(const struct certstore_entry *entry)
{
	return entry->info.aki;
}

const char *
certstore_entry_origin(const struct certstore_entry *entry)
{
	return entry->info.origin;
}

const char *
certstore_entry_revoked(const struct certstore_entry *entry)
{
	return entry->info.revoked;
}

const char *
certstore_entry_group(const struct certstore_entry *entry)
{
	return entry->info.group;
}

const char *
certstore_entry_tnauth(const struct certstore_entry *entry)
{
	return entry->info.tnauth;
}

const char *
certstore_entry_flaw(const struct certstore_entry *entry)
{
	return entry->flaw;
}

const char *
certstore_entry_host(const struct certstore_entry *entry)
{
	return entry->host;
}

const char *
certstore_entry_how(const struct certstore_entry *entry)
{
	return entry->how;
}

int64_t
certstore_entry_starts(const struct certstore_entry *entry)
{
	return entry->info.starts;
}

int64_t
certstore_entry_ends(const struct certstore_entry *entry)
{
	return entry->info.ends;
}

/* The i-th SAN, from 0; the common name if there is no SAN at all. */
int
certstore_entry_san(const struct certstore_entry *entry, size_t i,
    const char **type, const char **value)
{
	const struct cs_info *info = &entry->info;

	if (i < info->nsan) {
		*type = cs_san_names[info->san[i].type];
		*value = info->san[i].value;
		return 1;
	}
	if (i == 0 && info->cn != NULL) {
		*type = "cn";
		*value = info->cn;
		return 1;
	}
	*type = *value = NULL;
	return 0;
}

static int
listvalue(const struct cs_list *list, size_t i, const char **value)
{
	*value = i < list->n ? list->v[i] : NULL;
	return i < list->n;
}

int
certstore_entry_tenant(const struct certstore_entry *entry, size_t i,
    const char **value)
{
	return listvalue(&entry->info.tenants, i, value);
}

int
certstore_entry_user(const struct certstore_entry *entry, size_t i,
    const char **value)
{
	return listvalue(&entry->info.users, i, value);
}

int
certstore_entry_spc(const struct certstore_entry *entry, size_t i,
    const char **value)
{
	return listvalue(&entry->info.spcs, i, value);
}

int
certstore_entry_tn(const struct certstore_entry *entry, size_t i,
    const char **value)
{
	return listvalue(&entry->info.tns, i, value);
}

int
certstore_entry_issuing(const struct certstore_entry *entry, size_t i,
    const char **subject, int64_t *ends)
{
	if (i >= entry->info.nissuing) {
		*subject = NULL;
		*ends = 0;
		return 0;
	}
	*subject = entry->info.issuing[i].subject;
	*ends = entry->info.issuing[i].ends;
	return 1;
}

/* Is kind a word of a comma-separated list? */
static int
iskindin(const char *list, const char *kind)
{
	size_t len = strlen(kind), n;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		if (n == len && strncmp(list, kind, n) == 0)
			return 1;
		if (list[n] == '\0')
			return 0;
	}
}

/* A self-signed certificate that serves TLS is also of the kind server. */
int
certstore_entry_is_kind(const struct certstore_entry *entry, const char *list)
{
	const struct cs_info *info = &entry->info;

	if (info->kind == NULL)
		return 0;
	if (iskindin(list, info->kind))
		return 1;
	return strcmp(info->kind, "self") == 0 && info->serves &&
	    iskindin(list, "server");
}

int
certstore_kinds_check(const char *list, struct certstore_error *err)
{
	char word[16], shown[64];
	size_t i, n;

	cs_error_clear(err);
	for (;; list += n + 1) {
		n = strcspn(list, ",");
		snprintf(word, sizeof(word), "%.*s", (int)n, list);
		for (i = 0; i < NKINDS; i++)
			if (strcmp(word, kinds[i]) == 0)
				break;
		if (i == NKINDS) {
			certstore_escape(shown, sizeof(shown), list, n);
			return cs_fail(err, CERTSTORE_EARGUMENT,
			    "\"%s\": is not a kind: use server, ca, client, "
			    "peer, mail, shaken, self, other or waiting",
			    shown);
		}
		if (list[n] == '\0')
			return 0;
	}
}

int
certstore_entry_is_selfsigned(const struct certstore_entry *entry)
{
	return entry->info.self;
}

int
certstore_entry_is_default(const struct certstore_entry *entry)
{
	char name[CS_NAME_MAX + 1];

	return entry->store != NULL && entry->info.name != NULL &&
	    cs_resolve_default(entry->store, name) == 1 &&
	    strcmp(name, entry->info.name) == 0;
}

int
certstore_entry_is_valid(const struct certstore_entry *entry, int64_t when)
{
	return cs_info_isvalid(&entry->info,
	    when == CERTSTORE_NOW ? certstore_time_now() : when);
}

int
certstore_entry_has_key(const struct certstore_entry *entry)
{
	return entry->info.haskey;
}

static char *
anchorpath(const struct certstore_entry *entry, enum certstore_file which)
{
	const char *dir = entry->trust->path;
	char *path;
	int len = -1;

	if (which == CERTSTORE_DIRECTORY)
		len = asprintf(&path, "%s", dir);
	else if (which == CERTSTORE_FULLCHAIN && entry->pem != NULL)
		len = asprintf(&path, "%s/%s%s%s", dir, entry->place,
		    entry->info.name,
		    strcmp(entry->place, "crls/") == 0 ? "" : ".pem");
	return len == -1 ? NULL : path;
}

char *
certstore_entry_path(const struct certstore_entry *entry,
    enum certstore_file which)
{
	const struct cs_info *info = &entry->info;
	const char *dir, *file = NULL;
	char *path;

	if (entry->trust != NULL)
		return anchorpath(entry, which);
	if (entry->store == NULL || info->name == NULL)
		return NULL;
	switch (which) {
	case CERTSTORE_DIRECTORY:
		file = "";
		break;
	case CERTSTORE_FULLCHAIN:
		file = info->haschain ? "/fullchain.pem" : NULL;
		break;
	case CERTSTORE_PRIVKEY:
		file = info->haskey ? "/privkey.pem" : NULL;
		break;
	case CERTSTORE_COMBINED:
		file = info->haskey ? "/combined.pem" : NULL;
		break;
	case CERTSTORE_CA:
		file = info->hasca || info->hasparts ? "/ca.pem" : NULL;
		break;
	}
	/* key and URL of a signature must be of the same generation */
	dir = strcmp(info->kind, "shaken") == 0 && entry->gendir[0] != '\0' ?
	    entry->gendir :
	    info->name;
	if (file == NULL ||
	    asprintf(&path, "%s/certs/%s%s", entry->store->path, dir, file) ==
		-1)
		return NULL;
	return path;
}

/* Does less than num/den of the validity period remain? */
static int
withinpart(const struct certstore_span *span, int64_t starts, int64_t ends,
    int64_t now)
{
	return (double)(ends - now) * span->den <
	    (double)(ends - starts) * span->num;
}

/*
 * Does its certificate, or one of the chain served with it, expire within the
 * span?  ends: the earliest notAfter; subject: whose it is, NULL for the
 * certificate itself.
 */
int
certstore_entry_ends_within(const struct certstore_entry *entry,
    const struct certstore_span *span, int64_t now, const char **subject,
    int64_t *ends)
{
	const struct cs_info *info = &entry->info;
	int64_t limit;

	*ends = cs_info_ends(info, subject);
	if (info->fingerprint == NULL)
		return 0;
	if (span->type == CERTSTORE_SPAN_PART)
		return withinpart(span, info->starts, *ends, now);
	limit = span->type == CERTSTORE_SPAN_AT ? span->secs : now + span->secs;
	/* notAfter is the last valid second: RFC 5280 section 4.1.2.5 */
	if (span->type == CERTSTORE_SPAN_FOR && span->secs == 0)
		return *ends < now;
	return *ends <= limit;
}
