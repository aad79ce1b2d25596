/*
 * revoked.c: revoked/SPKI/SERIAL, what CAs of the store have revoked,
 * certstore(5).  A file stands alone: of what is revoked there may be no
 * certificate.  All users may read it, as a CRL: they verify, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "store/private.h"

#define DIRECTORY "revoked"
#define BULK 16 /* files from which one syncfs is cheaper */
#define FILE_MAX 4096
#define PATH_LEN (sizeof(DIRECTORY) + CS_HASH_LEN + CS_SERIAL_LEN)

/* RFC 5280 section 5.3.1; 7 is not used. */
static const char *const words[] = { "unspecified", "keyCompromise",
	"cACompromise", "affiliationChanged", "superseded",
	"cessationOfOperation", "certificateHold", NULL, "removeFromCRL",
	"privilegeWithdrawn", "aACompromise" };
#define NWORD ((int)(sizeof(words) / sizeof(words[0])))

/* The word for a CRLReason, or NULL. */
const char *
cs_revoked_word(int reason)
{
	return reason < 0 || reason >= NWORD ? NULL : words[reason];
}

/* The CRLReason of a word, in any case, or -1. */
int
cs_revoked_reason(const char *word)
{
	int i;

	for (i = 0; i < NWORD; i++)
		if (words[i] != NULL && strcasecmp(words[i], word) == 0)
			return i;
	return -1;
}

/* As the property of an entry has it: the time, then perhaps the reason. */
const char *
cs_revoked_text(const struct cs_revocation *r, char out[CS_REVOKED_LEN])
{
	char when[CERTSTORE_TIME_LEN];
	const char *word = r->reason == 0 ? NULL : cs_revoked_word(r->reason);

	snprintf(out, CS_REVOKED_LEN, "%s%s%s",
	    certstore_time_format(r->when, when), word == NULL ? "" : " ",
	    word == NULL ? "" : word);
	return out;
}

static int
failrevoked(const struct certstore *store, const char *spki, const char *serial,
    struct certstore_error *err)
{
	if (errno == EBADMSG)
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s/" DIRECTORY "/%s/%s: is damaged: revoke this serial "
		    "number again",
		    store->path, spki, serial);
	return cs_fail_errno(err, "%s/" DIRECTORY "/%s%s%s", store->path, spki,
	    *serial == '\0' ? "" : "/", serial);
}

/* The seconds that a line begins with; 0: there is none. */
static int64_t
findtime(const struct cs_buf *text, const char *key)
{
	const char *value;
	size_t len;

	value = cs_info_find(text, key, &len);
	return value == NULL ? 0 : strtoll(value, NULL, 10);
}

/* Copies the value of a line; -1: it is missing or too long. */
static int
findtext(const struct cs_buf *text, const char *key, char *out, size_t size)
{
	const char *value;
	size_t len;

	value = cs_info_find(text, key, &len);
	if (value == NULL || len >= size)
		return -1;
	memcpy(out, value, len);
	out[len] = '\0';
	return 0;
}

static int
parserevocation(const struct cs_buf *text, struct cs_revocation *r)
{
	static const char first[] = "certstore 1\n";
	char word[32];

	if (text->len < sizeof(first) ||
	    strncmp(text->p, first, sizeof(first) - 1) != 0 ||
	    text->p[text->len - 1] != '\n')
		return -1;
	r->when = findtime(text, "revoked");
	r->ends = findtime(text, "ends");
	if (findtext(text, "reason", word, sizeof(word)) == 0 &&
	    (r->reason = cs_revoked_reason(word)) == -1)
		return -1;
	return r->when == 0 ?
	    -1 :
	    findtext(text, "issuer", r->issuer, sizeof(r->issuer));
}

/* Reads a file: 0, or -1 and errno, which is EBADMSG for a damaged one. */
static int
readrevocation(int dir, const char *path, const char *serial,
    struct cs_revocation *r)
{
	struct cs_buf text = { 0 };
	int rv = -1;

	memset(r, 0, sizeof(*r));
	snprintf(r->serial, sizeof(r->serial), "%s", serial);
	if (cs_file_record(dir, path, FILE_MAX, &text) == -1) {
		if (errno == EFBIG || errno == EISDIR || errno == ELOOP ||
		    errno == EINVAL)
			errno = EBADMSG;
	} else if ((rv = parserevocation(&text, r)) == -1) {
		errno = EBADMSG;
	}
	cs_buf_free(&text);
	return rv;
}

int
cs_revoked_isused(const struct certstore *store)
{
	return store->fd != -1 &&
	    (faccessat(store->fd, DIRECTORY, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		errno != ENOENT);
}

/*
 * Has the CA with this public key revoked this serial number?  1, 0, -1 and
 * errno; what is damaged is EBADMSG, and better held to be revoked.
 */
int
cs_revoked_find(const struct certstore *store, const char *spki,
    const char *serial, struct cs_revocation *r)
{
	char path[PATH_LEN];

	if (store->fd == -1)
		return 0;
	snprintf(path, sizeof(path), DIRECTORY "/%s/%s", spki, serial);
	if (readrevocation(store->fd, path, serial, r) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

static int
composerevocation(struct cs_buf *b, const struct cs_revocation *r)
{
	char when[CERTSTORE_TIME_LEN];
	int bad;

	bad = cs_buf_printf(b, "certstore 1\nrevoked %lld %s\n",
	    (long long)r->when, certstore_time_format(r->when, when));
	if (r->reason != 0)
		bad |= cs_buf_printf(b, "reason %s\n",
		    cs_revoked_word(r->reason));
	bad |= cs_buf_printf(b, "issuer %s\n", r->issuer);
	if (r->ends != 0)
		bad |= cs_buf_printf(b, "ends %lld %s\n", (long long)r->ends,
		    certstore_time_format(r->ends, when));
	return bad == 0 ? 0 : -1;
}

/* Writes one, under another name if it is given: 1, 0 it was revoked before, -1
 * and errno.  A damaged file is replaced. */
static int
writerevocation(int dir, const struct cs_revocation *r, const char *unnamed)
{
	struct cs_revocation was;
	struct cs_buf b = { 0 };
	int rv = -1;

	if (readrevocation(dir, r->serial, r->serial, &was) == 0)
		return 0;
	if (errno != ENOENT && errno != EBADMSG)
		return -1;
	if (composerevocation(&b, r) == -1)
		errno = ENOMEM;
	else if ((unnamed == NULL ?
			 cs_issued_newfile(dir, r->serial, &b, 0644, 1, NULL) :
			 cs_file_write(dir, unnamed, &b, 0644, (gid_t)-1,
			     NULL)) == 0)
		rv = 1;
	else if (unnamed != NULL && errno == EEXIST)
		rv = 0; /* it was given twice */
	cs_buf_free(&b);
	return rv;
}

/* Opens revoked/SPKI, which is made if need be, on disk. */
static int
openrevoked(struct certstore *store, const char *spki, int *dir,
    struct certstore_error *err)
{
	int rv = -1, top = -1;

	if (cs_file_mkdir(store->fd, DIRECTORY, &top) == -1 ||
	    cs_file_mkdir(top, spki, dir) == -1)
		failrevoked(store, spki, "", err);
	else if (cs_fence_ours(store, top, "/" DIRECTORY, err) == 0 &&
	    cs_fence_ours(store, *dir, "/" DIRECTORY, err) == 0) {
		if (cs_store_sync(store, top) == -1 ||
		    cs_store_sync(store, store->fd) == -1)
			failrevoked(store, spki, "", err);
		else
			rv = 0;
	}
	cs_file_close(&top);
	return rv;
}

static void
logrevocation(struct certstore *store, const char *serial)
{
	char name[CS_SERIAL_LEN + 8];
	struct cs_logline change = { .name = name, .reason = "revoke" };

	snprintf(name, sizeof(name), "serial:%s", serial);
	cs_log_add(store, &change);
}

static int
recordone(struct certstore *store, int dir, const char *spki,
    const struct cs_revocation *r, struct certstore_error *err)
{
	int rv;

	if ((rv = writerevocation(dir, r, NULL)) == -1)
		return failrevoked(store, spki, r->serial, err);
	if (rv == 1)
		logrevocation(store, r->serial);
	return rv;
}

/* Removes what a writer of many that was interrupted has left. */
static int
dropunnamed(void *arg, const char *file)
{
	return file[0] == '.' ? cs_file_remove(*(int *)arg, file) : 0;
}

/* Writes many: none has its name before the contents of all are on disk.  How
 * many are new, or -1. */
static int
recordmany(struct certstore *store, int dir, const char *spki,
    const struct cs_revocation *r, size_t n, struct certstore_error *err)
{
	char unnamed[CS_SERIAL_LEN + 1];
	int made = 0, rv;
	size_t i;

	if (cs_file_each(dir, ".", dropunnamed, &dir) == -1)
		return failrevoked(store, spki, "", err);
	for (i = 0; i < n; i++) {
		snprintf(unnamed, sizeof(unnamed), ".%s", r[i].serial);
		if (writerevocation(dir, &r[i], unnamed) == -1)
			return failrevoked(store, spki, r[i].serial, err);
	}
	if (syncfs(store->fd) == -1)
		return failrevoked(store, spki, "", err);
	for (i = 0; i < n; i++) {
		snprintf(unnamed, sizeof(unnamed), ".%s", r[i].serial);
		if ((rv = cs_file_rename(dir, unnamed, r[i].serial)) == 0) {
			logrevocation(store, r[i].serial);
			made++;
		} else if (errno != ENOENT) { /* revoked before, or twice */
			return failrevoked(store, spki, r[i].serial, err);
		}
	}
	return made;
}

/* Records revocations of one CA: how many are new, or -1.  All of them are on
 * disk when it returns. */
int
cs_revoked_add(struct certstore *store, const char *spki,
    const struct cs_revocation *r, size_t n, struct certstore_error *err)
{
	int dir = -1, one, rv = -1, made = 0;
	size_t i;

	if (cs_lock_take(store, err) == -1)
		return -1;
	if (openrevoked(store, spki, &dir, err) == -1)
		goto out;
	if (n >= BULK && cs_file_hassyncfs(store->fd)) {
		if ((made = recordmany(store, dir, spki, r, n, err)) == -1)
			goto out;
	} else {
		for (i = 0; i < n; i++, made += one)
			if ((one = recordone(store, dir, spki, &r[i], err)) ==
			    -1)
				goto out;
	}
	if (cs_store_sync(store, dir) == -1)
		failrevoked(store, spki, "", err);
	else
		rv = made;
out:
	cs_file_close(&dir);
	cs_lock_release(store);
	return rv;
}

/* Adds what is the name of such a file. */
static int
collectrevoked(void *arg, const char *file)
{
	char own[CS_SERIAL_LEN];

	if (cs_issued_serial(own, file) == -1 || strcmp(own, file) != 0)
		return 0;
	return cs_strings_add(arg, file);
}

/* Calls fn for each revocation of a CA, by serial number, until it gives other
 * than 0, which is given back; -1 with the error also for a damaged file. */
int
cs_revoked_each(struct certstore *store, const char *spki,
    int (*fn)(void *, const struct cs_revocation *), void *arg,
    struct certstore_error *err)
{
	char path[PATH_LEN];
	struct cs_revocation r;
	struct cs_strings names = { 0 };
	int dir = -1, rv = 0;
	size_t i;

	snprintf(path, sizeof(path), DIRECTORY "/%s", spki);
	if (store->fd == -1 || (dir = cs_file_opendir(store->fd, path)) == -1) {
		if (store->fd == -1 || errno == ENOENT)
			return 0;
		return failrevoked(store, spki, "", err);
	}
	if (cs_file_each(dir, ".", collectrevoked, &names) == -1)
		rv = failrevoked(store, spki, "", err);
	cs_strings_sort(&names);
	for (i = 0; i < names.n && rv == 0; i++) {
		if (readrevocation(dir, names.v[i], names.v[i], &r) == 0)
			rv = fn(arg, &r);
		else if (errno != ENOENT)
			rv = failrevoked(store, spki, names.v[i], err);
	}
	cs_strings_free(&names);
	cs_file_close(&dir);
	return rv;
}
