/*
 * setends.c: the file ends of a trust set, certstore(5): when the first of its
 * certificates and CRLs expires, so that who asks for that parses none before.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define FIRST "certstore 1\n"

/* One of the set ends, and is late, at these times. */
void
cs_setends_note(struct cs_setends *e, int64_t ends, int64_t late)
{
	if (ends < e->ends)
		e->ends = ends;
	if (late < e->late)
		e->late = late;
}

int
cs_setends_compose(struct cs_buf *b, const struct cs_setends *e)
{
	char ends[CERTSTORE_TIME_LEN], late[CERTSTORE_TIME_LEN];

	return cs_buf_printf(b, FIRST "ends %lld %s\nlate %lld %s\n",
	    (long long)e->ends, certstore_time_format(e->ends, ends),
	    (long long)e->late, certstore_time_format(e->late, late));
}

static int
parseends(const struct cs_buf *text, struct cs_setends *e)
{
	const char *ends, *late;
	size_t len;

	if (text->len < strlen(FIRST) ||
	    strncmp(text->p, FIRST, strlen(FIRST)) != 0 ||
	    (ends = cs_info_find(text, "ends", &len)) == NULL ||
	    (late = cs_info_find(text, "late", &len)) == NULL)
		return -1;
	e->ends = strtoll(ends, NULL, 10);
	e->late = strtoll(late, NULL, 10);
	return 0;
}

/* Has nothing been added to a directory of the set, or removed from it, since?
 * One that is not there has nothing in it. */
static int
isolder(int fd, const char *dir, const struct stat *than)
{
	struct stat st;

	if (fstatat(fd, dir, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT;
	return st.st_mtim.tv_sec < than->st_mtim.tv_sec ||
	    (st.st_mtim.tv_sec == than->st_mtim.tv_sec &&
		st.st_mtim.tv_nsec <= than->st_mtim.tv_nsec);
}

int
cs_setends_written(int fd, struct cs_setends *e)
{
	struct cs_buf text = { 0 };
	int rv = -1;

	if (cs_file_record(fd, CS_TRUST_ENDS, CS_RECORD_MAX, &text) == 0)
		rv = parseends(&text, e);
	cs_buf_free(&text);
	return rv;
}

int
cs_setends_read(int fd, struct cs_setends *e)
{
	struct cs_buf text = { 0 };
	struct stat st;
	int rv;

	rv = fstatat(fd, CS_TRUST_ENDS, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		isolder(fd, ".", &st) && isolder(fd, CS_TRUST_CRLS, &st) &&
		isolder(fd, CS_TRUST_HELPERS, &st) &&
		cs_file_record(fd, CS_TRUST_ENDS, CS_RECORD_MAX, &text) == 0 ?
	    parseends(&text, e) :
	    -1;
	cs_buf_free(&text);
	return rv;
}
