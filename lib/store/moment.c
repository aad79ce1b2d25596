/*
 * moment.c: the directories of days in index/: next and ends.  Days are in UTC.
 *
 *	DIR/2027-01/31/NAME
 *	DIR/never/NAME		after the year 9999
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/private.h"

#define NEVER INT64_C(253402300799) /* RFC 5280 section 4.1.2.5: no end */

int
cs_moment_isdir(const char *sub)
{
	return strcmp(sub, CS_INDEX_NEXT) == 0 ||
	    strcmp(sub, CS_INDEX_ENDS) == 0;
}

/* The directory below index/ for a time: "ends/2027-01/31". */
void
cs_moment_sub(char sub[CS_MOMENT_SUB], const char *dir, int64_t when)
{
	char day[CERTSTORE_TIME_LEN];

	certstore_time_format(when, day);
	day[7] = '/'; /* 2027-01/31 */
	day[10] = '\0';
	(void)cs_file_join(sub, CS_MOMENT_SUB, dir,
	    when >= NEVER ? CS_MOMENT_NEVER : day);
}

struct search {
	struct certstore *store;
	const char *dir;
	int64_t until;
	char last[CERTSTORE_TIME_LEN]; /* until, as text */
	char month[8];		       /* that is being read */
	struct cs_strings *found;
};

/* Calls fn for each file of a directory, which may be removed meanwhile. */
static int
eachmoment(struct search *in, const char *path, int (*fn)(void *, const char *))
{
	if (cs_file_each(in->store->index, path, fn, in) == 0)
		return 0;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

static int
takeindexed(void *arg, const char *name)
{
	struct search *in = arg;

	return cs_name_isvalid(name) ? cs_strings_add(in->found, name) : 0;
}

static int
takeday(void *arg, const char *day)
{
	char path[CS_MOMENT_SUB];
	struct search *in = arg;

	if (strlen(day) != 2 ||
	    (strncmp(in->month, in->last, 7) == 0 &&
		strncmp(day, in->last + 8, 2) > 0))
		return 0;
	snprintf(path, sizeof(path), "%.4s/%.7s/%.2s", in->dir, in->month, day);
	return eachmoment(in, path, takeindexed);
}

static int
takemonth(void *arg, const char *month)
{
	char path[CS_MOMENT_SUB];
	struct search *in = arg;
	int never = strcmp(month, CS_MOMENT_NEVER) == 0;

	if (never ? in->until < NEVER :
		    strlen(month) != 7 || strncmp(month, in->last, 7) > 0)
		return 0;
	snprintf(in->month, sizeof(in->month), "%s", month);
	snprintf(path, sizeof(path), "%.4s/%.7s", in->dir, month);
	return eachmoment(in, path, never ? takeindexed : takeday);
}

/* Adds the names that a directory lists until the end of the day of a time. */
int
cs_moment_names(struct certstore *store, const char *dir, int64_t until,
    struct cs_strings *found)
{
	struct search in = { .store = store,
		.dir = dir,
		.until = until,
		.found = found };

	certstore_time_format(until, in.last);
	return cs_file_each(store->index, dir, takemonth, &in);
}
