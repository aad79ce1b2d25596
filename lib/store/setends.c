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
	struct cs_propline l;
	size_t pos = 0;
	int found = 0;

	if (text->len < strlen(FIRST) ||
	    strncmp(text->p, FIRST, strlen(FIRST)) != 0)
		return -1;
	while (cs_props_nextline(text, &pos, &l))
		if (l.wordlen == 4 && memcmp(l.word, "ends", 4) == 0) {
			e->ends = strtoll(l.value, NULL, 10);
			found |= 1;
		} else if (l.wordlen == 4 && memcmp(l.word, "late", 4) == 0) {
			e->late = strtoll(l.value, NULL, 10);
			found |= 2;
		}
	return found == 3 ? 0 : -1;
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
