/*
 * backoff.c: writes renewal/NAME, certstore(5), so that the next renewal waits
 * and people are told.  Apart from attempt.c, since random numbers cost the
 * start of a command that only reads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "due/private.h"

#define MINUTE 60
#define HOUR 3600
#define WAIT_MIN (12 * MINUTE) /* five an hour */

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
writelines(const struct certstore *store, const struct cs_info *info,
    const struct cs_attempt *a)
{
	struct cs_buf b = { 0 };
	char text[2048];
	int fd = -1, rv;

	certstore_escape(text, sizeof(text), a->text, strlen(a->text));
	rv = cs_buf_printf(&b,
	    "certificate %s\nfailed %u\nsince %lld\ntried %lld\nnext %lld\n"
	    "text %s\n",
	    cs_attempt_of(info), a->failed, (long long)a->since,
	    (long long)a->tried, (long long)a->next, text);
	if (rv == 0)
		rv = fd = cs_store_opendir(store, CS_ATTEMPT_DIR, 1);
	if (rv != -1)
		rv = cs_file_replace(fd, info->name, &b, 0644);
	cs_file_close(&fd);
	cs_buf_free(&b);
	return rv;
}

int
cs_backoff_add(const struct certstore *store, const struct cs_info *info,
    int64_t begun, const char *text, struct cs_attempt *a,
    struct certstore_error *err)
{
	int64_t now = certstore_time_now();

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
	if (writelines(store, info, a) == -1)
		return cs_fail_errno(err, "%s/" CS_ATTEMPT_DIR "/%s",
		    certstore_path(store), info->name);
	return 0;
}

void
cs_backoff_forget(const struct certstore *store, const char *name)
{
	int fd;

	if ((fd = cs_store_opendir(store, CS_ATTEMPT_DIR, 0)) == -1)
		return;
	(void)cs_file_remove(fd, name);
	cs_file_close(&fd);
}
