/*
 * issuedread.c: what CAs of the store have signed, asked for by serial number:
 * see issued.c.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define DIRECTORY "issued"
#define ENDS "ends"
#define MONTH_LEN sizeof("2027-01")
#define NAME_LEN (CS_SERIAL_LEN + 8)
#define PATH_LEN (sizeof(DIRECTORY) + CS_HASH_LEN + NAME_LEN)

/* "SS/SERIAL.pem" */
static void
composename(char name[NAME_LEN], const char *serial)
{
	size_t len = strlen(serial);

	snprintf(name, NAME_LEN, "%s%s/%s.pem", len < 2 ? "0" : "",
	    len < 2 ? serial : serial + len - 2, serial);
}

static void
composepath(char path[PATH_LEN], const char *signer, const char *serial)
{
	char name[NAME_LEN];

	composename(name, serial);
	snprintf(path, PATH_LEN, DIRECTORY "/%.64s/%s", signer, name);
}

/* Divides a record into the lines and the certificate. */
static int
splitrecord(struct cs_buf *text, char **pem)
{
	static const char end[] = "\n-----END CERTIFICATE-----\n";
	char *gap;

	if (text->len < sizeof(end) || strlen(text->p) != text->len ||
	    strcmp(text->p + text->len - (sizeof(end) - 1), end) != 0 ||
	    (gap = strstr(text->p, "\n\n")) == NULL)
		return 0;
	if ((*pem = strdup(gap + 2)) == NULL)
		return -1;
	text->len = (size_t)(gap + 1 - text->p);
	text->p[text->len] = '\0';
	return 1;
}

/* May it be what it says: that entry's, or no entry's? */
static int
isnamed(const struct cs_info *info, const char *serial)
{
	static const char prefix[] = "serial:";
	char own[CS_SERIAL_LEN];

	if (info->name == NULL || info->kind == NULL || info->serial == NULL ||
	    info->fingerprint == NULL || info->spki == NULL ||
	    cs_issued_serial(own, info->serial) == -1 ||
	    strcmp(own, serial) != 0)
		return 0;
	return cs_name_isvalid(info->name) ||
	    (strncmp(info->name, prefix, sizeof(prefix) - 1) == 0 &&
		strcmp(info->name + sizeof(prefix) - 1, serial) == 0);
}

/*
 * Reads what a CA has signed: 1, 0 there is no such serial number, -1.  The
 * entry may have held another one; it is in no store.
 */
int
cs_issued_read(const struct certstore *store, const char *signer,
    const char *serial, struct certstore_entry *entry,
    struct certstore_error *err)
{
	char path[PATH_LEN];
	struct cs_info *info = &entry->info;
	int rv;

	cs_info_reset(info);
	free(entry->pem);
	entry->pem = NULL;
	entry->store = NULL;
	if (store->fd == -1)
		return 0;
	composepath(path, signer, serial);
	if (cs_file_record(store->fd, path, CS_RECORD_MAX, &info->text) == -1) {
		if (errno == ENOENT)
			return 0;
		return cs_fail_errno(err, "%s/%s", store->path, path);
	}
	if ((rv = splitrecord(&info->text, &entry->pem)) == -1)
		return cs_fail_nomem(err);
	if (rv == 1 && cs_info_parse(info, err) == -1)
		return -1;
	if (rv == 1 && isnamed(info, serial))
		return 1;
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s/%s: is damaged: use cert-check%s -r", store->path, path,
	    cs_store_option(store));
}

int
cs_issued_text(const struct certstore *store, const char *signer,
    const char *serial, struct cs_buf *text)
{
	char path[PATH_LEN];

	composepath(path, signer, serial);
	return cs_file_read(store->fd, path, CS_RECORD_MAX, text);
}

int
cs_issued_has(const struct certstore *store, const char *signer,
    const char *serial)
{
	char path[PATH_LEN];
	struct stat st;

	if (store->fd == -1)
		return 0;
	composepath(path, signer, serial);
	if (fstatat(store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/* issued/SPKI of a CA, for many questions; -1 and errno: there is none. */
int
cs_issued_open(const struct certstore *store, const char *signer)
{
	char sub[PATH_LEN];

	snprintf(sub, sizeof(sub), DIRECTORY "/%.64s", signer);
	return cs_file_opendir(store->fd, sub);
}

int
cs_issued_hasin(int dir, const char *serial, int64_t *size)
{
	char path[NAME_LEN];
	struct stat st;

	composename(path, serial);
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		*size = st.st_size;
		return 1;
	}
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

static int
collectsigner(void *arg, const char *file)
{
	char hex[CS_HASH_LEN];

	return cs_hash_read(file, hex) && strcmp(file, hex) == 0 ?
	    cs_strings_add(arg, file) :
	    0;
}

/* The public keys of all CAs that have signed something: 0, or -1 and errno. */
int
cs_issued_signers(const struct certstore *store, struct cs_strings *signers)
{
	int errnum;

	if (store->fd != -1 &&
	    cs_file_each(store->fd, DIRECTORY, collectsigner, signers) == -1 &&
	    errno != ENOENT) {
		errnum = errno;
		cs_strings_free(signers);
		errno = errnum;
		return -1;
	}
	cs_strings_sort(signers);
	return 0;
}

/* Months, as "2027-01". */
struct months {
	char from[CERTSTORE_TIME_LEN], until[CERTSTORE_TIME_LEN];
};

static int
isbetween(void *arg, const char *file)
{
	const struct months *m = arg;

	return strlen(file) == MONTH_LEN - 1 &&
	    strncmp(file, m->from, MONTH_LEN - 1) >= 0 &&
	    strncmp(file, m->until, MONTH_LEN - 1) <= 0;
}

/* May something expire that the CA has signed?  1, 0, -1 and errno. */
int
cs_issued_isending(const struct certstore *store, const char *signer,
    int64_t from, int64_t until)
{
	char sub[PATH_LEN];
	struct months m;
	int rv;

	certstore_time_format(from, m.from);
	snprintf(m.until, sizeof(m.until), "9999-12");
	if (until != INT64_MAX)
		certstore_time_format(until, m.until);
	snprintf(sub, sizeof(sub), DIRECTORY "/%s/" ENDS, signer);
	rv = cs_file_each(store->fd, sub, isbetween, &m);
	return rv == -1 && errno == ENOENT ? 0 : rv;
}
