/*
 * attempt.c: renewal/NAME, certstore(5): renewals that failed, so that the next
 * one waits and people are told.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "due/private.h"

#define DIRECTORY "renewal"
#define FILE_MAX 4096
#define MINUTE 60
#define HOUR 3600
#define WAIT_MIN (12 * MINUTE) /* five an hour */

/* Opens the store's directory: -1 and errno. */
static int
openstore(const struct certstore *store)
{
	return cs_file_openpath(certstore_path(store));
}

static int64_t
readnumber(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return *end == '\0' && n > 0 ? n : 0;
}

static int
setline(struct cs_attempt *a, const char *key, const char *value)
{
	if (strcmp(key, "failed") == 0)
		a->failed = (unsigned int)readnumber(value);
	else if (strcmp(key, "since") == 0)
		a->since = readnumber(value);
	else if (strcmp(key, "tried") == 0)
		a->tried = readnumber(value);
	else if (strcmp(key, "next") == 0)
		a->next = readnumber(value);
	else if (strcmp(key, "text") == 0 && a->text == NULL &&
	    (a->text = strdup(value)) == NULL)
		return -1;
	return 0;
}

/* Returns 1 if it is of this certificate, else 0; -1 without memory. */
static int
parselines(struct cs_attempt *a, struct cs_buf *b, const char *fingerprint)
{
	char *last, *line, *value;
	int ours = 0;

	for (line = strtok_r(b->p, "\n", &last); line != NULL;
	     line = strtok_r(NULL, "\n", &last)) {
		if ((value = strchr(line, ' ')) == NULL)
			continue;
		*value++ = '\0';
		if (strcmp(line, "certificate") == 0)
			ours = strcmp(value, fingerprint) == 0;
		else if (setline(a, line, value) == -1)
			return -1;
	}
	return ours;
}

/*
 * What was written while the clock was wrong must not stop renewal for years.
 */
static int
ispossible(const struct cs_attempt *a, int64_t now)
{
	return a->failed > 0 && a->tried <= now + CS_DAY &&
	    a->next <= now + 2 * CS_DAY;
}

/* What attempts are about: a certificate, or the request for the first one. */
static const char *
nameattempt(const struct cs_info *info)
{
	return info->fingerprint != NULL ? info->fingerprint : info->request;
}

/* What cannot be read is as if there were nothing: then it is tried again. */
int
cs_attempt_read(const struct certstore *store, const struct cs_info *info,
    int64_t now, struct cs_attempt *a)
{
	char path[sizeof(DIRECTORY) + CS_NAME_MAX + 1];
	struct cs_buf b = { 0 };
	int fd, rv = 0;

	memset(a, 0, sizeof(*a));
	if (nameattempt(info) == NULL || (fd = openstore(store)) == -1)
		return 0;
	snprintf(path, sizeof(path), DIRECTORY "/%s", info->name);
	if (cs_file_read(fd, path, FILE_MAX, &b) == 0 && b.len > 0)
		rv = parselines(a, &b, nameattempt(info)) == 1 &&
		    ispossible(a, now);
	cs_buf_free(&b);
	close(fd);
	if (rv == 0)
		cs_attempt_done(a);
	return rv;
}

void
cs_attempt_done(struct cs_attempt *a)
{
	free(a->text);
	memset(a, 0, sizeof(*a));
}

/*
 * How long to wait: an hour, doubled with each failure up to a day, at most an
 * eighth of what is left, and up to a fifth more or less.
 */
static int64_t
waitafter(unsigned int failed, int64_t left)
{
	int64_t wait = HOUR;

	while (failed-- > 1 && wait < CS_DAY)
		wait *= 2;
	if (wait > CS_DAY)
		wait = CS_DAY;
	if (wait > left / 8)
		wait = left / 8;
	wait += wait * ((int64_t)arc4random_uniform(401) - 200) / 1000;
	return wait < WAIT_MIN ? WAIT_MIN : wait;
}

/* Writes the file; another writer's is replaced. */
static int
writelines(int fd, const struct cs_info *info, const struct cs_attempt *a)
{
	char path[sizeof(DIRECTORY) + CS_NAME_MAX + 1];
	char tmp[sizeof(path) + 16], text[2048];
	struct cs_buf b = { 0 };
	int rv;

	snprintf(path, sizeof(path), DIRECTORY "/%s", info->name);
	snprintf(tmp, sizeof(tmp), DIRECTORY "/.%s@new", info->name);
	certstore_escape(text, sizeof(text), a->text, strlen(a->text));
	rv = cs_buf_printf(&b,
	    "certificate %s\nfailed %u\nsince %lld\ntried %lld\nnext %lld\n"
	    "text %s\n",
	    nameattempt(info), a->failed, (long long)a->since,
	    (long long)a->tried, (long long)a->next, text);
	if (rv == 0)
		rv = cs_file_mkdir(fd, DIRECTORY, NULL);
	if (rv == 0)
		rv = cs_file_remove(fd, tmp);
	if (rv == 0)
		rv = cs_file_write(fd, tmp, &b, 0644, (gid_t)-1, NULL);
	if (rv == 0)
		rv = cs_file_rename(fd, tmp, path);
	cs_buf_free(&b);
	return rv;
}

int
cs_attempt_failed(const struct certstore *store, const struct cs_info *info,
    int64_t begun, const char *text, struct cs_attempt *a,
    struct certstore_error *err)
{
	int64_t now = certstore_time_now();
	int fd, rv;

	if (cs_attempt_read(store, info, now, a) == 1 && a->tried > begun)
		return 0;
	free(a->text);
	if ((a->text = strdup(text)) == NULL)
		return cs_fail_nomem(err);
	if (a->failed++ == 0)
		a->since = now;
	a->tried = now;
	a->next = now +
	    waitafter(a->failed,
		info->fingerprint == NULL ? INT64_MAX : info->ends - now);
	if ((fd = openstore(store)) == -1)
		return cs_fail_errno(err, "%s", certstore_path(store));
	if ((rv = writelines(fd, info, a)) == -1)
		cs_fail_errno(err, "%s/" DIRECTORY "/%s", certstore_path(store),
		    info->name);
	close(fd);
	return rv;
}

void
cs_attempt_forget(const struct certstore *store, const char *name)
{
	char path[sizeof(DIRECTORY) + CS_NAME_MAX + 1];
	int fd;

	if ((fd = openstore(store)) == -1)
		return;
	snprintf(path, sizeof(path), DIRECTORY "/%s", name);
	(void)cs_file_remove(fd, path);
	close(fd);
}
