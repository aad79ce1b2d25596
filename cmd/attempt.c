/*
 * attempt.c: what is said of a renewal that failed.
 */
#include <stdio.h>

#include "cmd.h"

#define DAY 86400

/* " (12d)", or " (5h)" for less than two days; "" if it is over. */
static const char *
formatleft(int64_t ends, char buf[32])
{
	int64_t left = ends - certstore_time_now();

	buf[0] = '\0';
	if (left >= 2 * DAY)
		snprintf(buf, 32, " (%lldd)", (long long)left / DAY);
	else if (left > 0)
		snprintf(buf, 32, " (%lldh)", (long long)left / 3600);
	return buf;
}

/*
 * Counts a failure.  It is an error if the entry was named, was tried in vain
 * three times, or has little time left; else people are told of it, and it is
 * tried again.  Nothing is said if another process renewed it meanwhile.
 */
void
cmd_attempt_failed(struct certstore_due *due, const struct certstore_renewal *r,
    const char *why, int named)
{
	struct certstore_error err;
	char ends[CERTSTORE_TIME_LEN], next[CERTSTORE_TIME_LEN];
	char since[CERTSTORE_TIME_LEN], left[32];
	void (*say)(const char *, ...) = cmd_say;
	int good = r->ends > certstore_time_now(), rv;

	if ((rv = certstore_due_failed(due, r->name, why, &err)) == 1)
		return;
	if (rv == -1) {
		cmd_error("%s", why);
		cmd_error("%s", err.msg);
		return;
	}
	if (named || r->failed >= 3 || r->late || r->ends == 0)
		say = cmd_error;
	certstore_time_format(r->next, next);
	certstore_time_format(r->since, since);
	if (r->ends == 0) {
		say("%s; there is no certificate yet, next try %s, failed %u "
		    "times since %s",
		    why, next, r->failed, since);
		return;
	}
	say("%s; %s %s%s, next try %s, failed %u times since %s", why,
	    good ? "still good until" : "expired",
	    certstore_time_format(r->ends, ends), formatleft(r->ends, left),
	    next, r->failed, since);
}
