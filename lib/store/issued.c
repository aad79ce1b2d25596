/*
 * issued.c: issued/SPKI/SS/SERIAL.pem, all that CAs of the store have signed,
 * certstore(5).  SPKI is the hash of the public key of the CA, not its name or
 * key identifier: those are not unique.  A file that is there says that the
 * serial number is taken (RFC 5280 section 4.1.2.2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define DIRECTORY "issued"
#define ENDS "ends" /* months in which one of them expires */
#define MONTH_LEN sizeof("2027-01")
#define BULK 16 /* files from which one syncfs is cheaper */
#define SUB_MAX (CS_HASH_LEN + 32)

/* A serial number as hex digits becomes a file name: lower case, without
 * leading zeros.  -1: it is none. */
int
cs_issued_serial(char out[CS_SERIAL_LEN], const char *text)
{
	size_t len = strlen(text), i;

	if (len == 0 || strspn(text, "0123456789abcdefABCDEF") != len)
		return -1;
	while (*text == '0' && text[1] != '\0') {
		text++;
		len--;
	}
	if (len >= CS_SERIAL_LEN)
		return -1;
	for (i = 0; i <= len; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'F' ?
		    (char)(text[i] - 'A' + 'a') :
		    text[i];
	return 0;
}

/* The same of the line in a description. */
int
cs_issued_described(char out[CS_SERIAL_LEN], const struct cs_buf *desc)
{
	char text[CS_SERIAL_LEN];
	const char *found;
	size_t len;

	found = cs_info_find(desc, "serial", &len);
	if (found == NULL || len >= sizeof(text))
		return -1;
	memcpy(text, found, len);
	text[len] = '\0';
	return cs_issued_serial(out, text);
}

/* "issued/SPKI/SS": the last two digits, since a directory of 1,000,000 files
 * is slow on network file systems. */
static void
composesub(char sub[SUB_MAX], const char *signer, const char *serial)
{
	size_t len = strlen(serial);

	snprintf(sub, SUB_MAX, DIRECTORY "/%s/%s%s", signer, len < 2 ? "0" : "",
	    len < 2 ? serial : serial + len - 2);
}

static int
failissued(const struct certstore *store, const char *sub,
    struct certstore_error *err)
{
	return cs_fail_errno(err, "%s/%s", store->path, sub);
}

/* Opens a directory below issued/, or makes it; fresh: its name is to be
 * synced. */
static int
openmade(struct certstore *store, int parent, const char *name, int *dir,
    int *fresh, struct certstore_error *err)
{
	*fresh = faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW) == -1;
	if (cs_file_mkprivate(parent, name, dir) == -1)
		return failissued(store, DIRECTORY, err);
	return cs_fence_ours(store, *dir, "/" DIRECTORY, err);
}

/* Opens issued/SPKI, which is made if need be. */
static int
opensigner(struct certstore *store, const char *signer, int *dir,
    struct certstore_error *err)
{
	int fresh, freshest, rv = -1, top = -1;

	if (openmade(store, store->fd, DIRECTORY, &top, &freshest, err) == -1 ||
	    openmade(store, top, signer, dir, &fresh, err) == -1)
		goto out;
	if ((fresh && cs_store_sync(store, top) == -1) ||
	    (freshest && cs_store_sync(store, store->fd) == -1))
		failissued(store, DIRECTORY, err);
	else
		rv = 0;
out:
	cs_file_close(&top);
	return rv;
}

/* Opens issued/SPKI/SS; if that is new, parent is left open to be synced. */
static int
openserials(struct certstore *store, const char *signer, const char *sub,
    int *dir, int *parent, struct certstore_error *err)
{
	int fresh;

	if ((*dir = cs_file_opendir(store->fd, sub)) != -1)
		return cs_fence_ours(store, *dir, "/" DIRECTORY, err);
	if (errno != ENOENT)
		return failissued(store, sub, err);
	if (opensigner(store, signer, parent, err) == -1 ||
	    openmade(store, *parent, strrchr(sub, '/') + 1, dir, &fresh, err) ==
		-1)
		return -1;
	return 0;
}

/* Notes the month in which one expires, so that only then all are read. */
static int
markmonth(struct certstore *store, const struct cs_issued *is,
    struct certstore_error *err)
{
	const struct cs_buf empty = { 0 };
	char path[SUB_MAX + MONTH_LEN];
	char iso[CERTSTORE_TIME_LEN];
	const char *ends, *month;
	int dir = -1, fresh, parent = -1, rv = -1;
	size_t len;

	ends = cs_info_find(is->desc, "ends", &len);
	if (ends == NULL)
		return 0;
	/* 2027-01-31T12:00:00Z */
	certstore_time_format(strtoll(ends, NULL, 10), iso);
	snprintf(path, sizeof(path), DIRECTORY "/%s/" ENDS "/%.7s", is->signer,
	    iso);
	if (faccessat(store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	month = strrchr(path, '/') + 1;
	if (opensigner(store, is->signer, &parent, err) == -1 ||
	    openmade(store, parent, ENDS, &dir, &fresh, err) == -1)
		goto out;
	if ((cs_file_write(dir, month, &empty, 0600, (gid_t)-1, NULL) == -1 &&
		errno != EEXIST) ||
	    cs_store_sync(store, dir) == -1 ||
	    (fresh && cs_store_sync(store, parent) == -1))
		failissued(store, path, err);
	else
		rv = 0;
out:
	cs_file_close(&dir);
	cs_file_close(&parent);
	return rv;
}

static int
composerecord(struct cs_buf *b, const struct cs_issued *is, const char *serial)
{
	int bad;

	bad = cs_buf_adds(b, "certstore 1\nname ");
	if (is->name == NULL)
		bad |= cs_buf_printf(b, "serial:%s\n", serial);
	else
		bad |= cs_buf_printf(b, "%s\n", is->name);
	bad |= cs_info_description(b, is->desc, "issuing");
	bad |= cs_buf_add(b, "\n", 1);
	bad |= cs_buf_add(b, is->pem.p, is->pem.len);
	return bad == 0 ? 0 : -1;
}

/* Is it there with this certificate?  1, 0, -1. */
static int
isrecord(int dir, const char *file, const struct cs_buf *pem)
{
	struct cs_buf b = { 0 };
	int rv;

	if ((rv = cs_file_read(dir, file, CS_RECORD_MAX, &b)) == 0)
		rv = b.len > pem->len &&
		    memcmp(b.p + b.len - pem->len, pem->p, pem->len) == 0;
	cs_buf_free(&b);
	return rv;
}

/* Makes a file that gets its name with all its contents, with sync on disk
 * before that: 0, or -1 and errno. */
int
cs_issued_newfile(int dir, const char *file, const struct cs_buf *b,
    mode_t mode, int sync, int *fd)
{
	static const char tmp[] = ".new";
	int mine = -1, rv;

	if ((rv = cs_file_write(dir, tmp, b, mode, (gid_t)-1, &mine)) == -1 &&
	    errno == EEXIST && cs_file_remove(dir, tmp) == 0)
		rv = cs_file_write(dir, tmp, b, mode, (gid_t)-1, &mine);
	if (rv == 0 && sync)
		rv = fsync(mine);
	if (rv == 0)
		rv = cs_file_rename(dir, tmp, file);
	if (rv == 0 && fd != NULL)
		*fd = mine;
	else
		cs_file_close(&mine);
	return rv;
}

/* The file of one: no other may have its name. */
static int
writerecord(struct certstore *store, const char *sub, int dir,
    const char *serial, const struct cs_issued *is, const struct cs_buf *b,
    int *fd, struct certstore_error *err)
{
	char file[CS_SERIAL_LEN + 4];

	snprintf(file, sizeof(file), "%s.pem", serial);
	switch (isrecord(dir, file, &is->pem)) {
	case 1:
		return 0;
	case 0:
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s/%s/%s: this serial number was issued before: try "
		    "again",
		    store->path, sub, file);
	default:
		break;
	}
	if (errno == ENOENT &&
	    cs_issued_newfile(dir, file, b, 0600, 0, fd) == 0)
		return 0;
	return failissued(store, sub, err);
}

/*
 * Writes one, under the lock.  fd receives what is to be synced by the caller,
 * the file, its directory and the one above, or -1; NULL: the caller syncs the
 * whole file system.
 */
int
cs_issued_write(struct certstore *store, const struct cs_issued *is,
    int fd[CS_NISSUED], struct certstore_error *err)
{
	char serial[CS_SERIAL_LEN], sub[SUB_MAX];
	struct cs_buf b = { 0 };
	int dir = -1, file = -1, parent = -1, rv = -1;

	if (cs_issued_described(serial, is->desc) == -1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its serial number is negative or too long, and cannot "
		    "be recorded",
		    is->name == NULL ? is->signer : is->name);
	composesub(sub, is->signer, serial);
	if (composerecord(&b, is, serial) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	if (markmonth(store, is, err) == -1 ||
	    openserials(store, is->signer, sub, &dir, &parent, err) == -1)
		goto out;
	rv = writerecord(store, sub, dir, serial, is, &b,
	    fd == NULL ? NULL : &file, err);
out:
	cs_buf_free(&b);
	if (fd != NULL && rv == 0) {
		fd[0] = file;
		fd[1] = dir;
		fd[2] = parent;
	} else {
		cs_file_close(&dir);
		cs_file_close(&parent);
	}
	return rv;
}

/* What a put has to be recorded: that of its certificate, if it was signed for
 * it: 1, or 0. */
int
cs_issued_ofput(struct cs_issued *is, const struct cs_put *put)
{
	if (put->signer[0] == '\0' || put->file[CS_FULLCHAIN].p == NULL)
		return 0;
	is->signer = put->signer;
	is->name = put->name;
	is->desc = &put->file[CS_INFO];
	is->pem = cs_put_contents(put, CS_CERT);
	return 1;
}

static int
syncone(struct certstore *store, int fd[CS_NISSUED],
    struct certstore_error *err)
{
	int i, rv = 0;

	for (i = 0; i < CS_NISSUED; i++) {
		if (fd[i] != -1 && rv == 0 && fsync(fd[i]) == -1)
			rv = failissued(store, DIRECTORY, err);
		cs_file_close(&fd[i]);
	}
	return rv;
}

static void
logissued(struct certstore *store, const struct cs_issued *is)
{
	struct cs_logline change = { .reason = "sign" };
	char name[CS_SERIAL_LEN + 8], print[CS_HASH_LEN], serial[CS_SERIAL_LEN];
	const char *found;
	size_t len = 0;

	(void)cs_issued_described(serial,
	    is->desc); /* it was written by that */
	found = cs_info_find(is->desc, "fingerprint", &len);
	snprintf(print, sizeof(print), "%.*s", (int)len,
	    found == NULL ? "" : found);
	snprintf(name, sizeof(name), "serial:%s", serial);
	change.name = name;
	change.new = print;
	cs_log_add(store, &change);
}

/* Records what was signed and gets no entry: all of it is on disk when it
 * returns. */
int
cs_issued_add(struct certstore *store, const struct cs_issued *is, size_t n,
    struct certstore_error *err)
{
	int bulk, fd[CS_NISSUED] = { -1, -1, -1 }, rv = -1;
	size_t i;

	if (cs_lock_take(store, err) == -1)
		return -1;
	bulk = store->syncall || (n >= BULK && cs_file_hassyncfs(store->fd));
	for (i = 0; i < n; i++) {
		cs_progress(store, "recording", i, n);
		if (cs_issued_write(store, &is[i], bulk ? NULL : fd, err) ==
			-1 ||
		    (!bulk && syncone(store, fd, err) == -1))
			goto out;
	}
	if (bulk && syncfs(store->fd) == -1) {
		failissued(store, DIRECTORY, err);
		goto out;
	}
	for (i = 0; i < n; i++)
		logissued(store, &is[i]);
	rv = 0;
out:
	cs_lock_release(store);
	return rv;
}

/* For a repair: the record takes the place of a damaged one; NULL: removes it. */
int
cs_issued_mend(struct certstore *store, const char *signer, const char *serial,
    const struct cs_issued *is, struct certstore_error *err)
{
	char file[CS_SERIAL_LEN + 4], sub[SUB_MAX];
	struct cs_buf b = { 0 };
	int dir = -1, parent = -1, rv = -1;

	if (cs_lock_take(store, err) == -1)
		return -1;
	composesub(sub, signer, serial);
	snprintf(file, sizeof(file), "%s.pem", serial);
	if (openserials(store, signer, sub, &dir, &parent, err) == -1)
		goto out;
	if (is != NULL && composerecord(&b, is, serial) == -1)
		cs_fail_nomem(err);
	else if (is != NULL ? cs_file_replace(dir, file, &b, 0600) == -1 :
			      cs_file_remove(dir, file) == -1)
		failissued(store, sub, err);
	else
		rv = 0;
out:
	cs_buf_free(&b);
	cs_file_close(&dir);
	cs_file_close(&parent);
	cs_lock_release(store);
	return rv;
}
