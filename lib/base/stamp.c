/*
 * stamp.c: whether a file or directory is unchanged since it was read.  Two
 * changes shortly after each other may have the same time stamp, so a stamp
 * that was taken just after a change does not count as proof.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

#define COARSE 2 /* seconds: the coarsest time stamps of file systems */

static int
issametime(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Takes the stamp of a file from st, which is from before it was read. */
void
cs_stamp_take(struct cs_stamp *stamp, const struct stat *st)
{
	struct timespec now;

	stamp->dev = st->st_dev;
	stamp->ino = st->st_ino;
	stamp->size = st->st_size;
	stamp->modified = st->st_mtim;
	stamp->changed = st->st_ctim;
	stamp->settled = clock_gettime(CLOCK_REALTIME, &now) == 0 &&
	    now.tv_sec - COARSE > st->st_ctim.tv_sec;
}

int
cs_stamp_fd(struct cs_stamp *stamp, int fd)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	cs_stamp_take(stamp, &st);
	return 0;
}

/*
 * Writes the inode number and its ctime as text.  Inode numbers are reused, but
 * no copy or restore can set a ctime.  The device is left out: its number may
 * change with each mount.
 */
void
cs_stamp_text(const struct cs_stamp *stamp, char text[CS_STAMP_TEXT])
{
	snprintf(text, CS_STAMP_TEXT, "%llu %lld.%09ld",
	    (unsigned long long)stamp->ino, (long long)stamp->changed.tv_sec,
	    stamp->changed.tv_nsec);
}

/* Whether two stamps are equal, so that the file seems unchanged. */
int
cs_stamp_same(const struct cs_stamp *a, const struct cs_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    issametime(&a->modified, &b->modified) &&
	    issametime(&a->changed, &b->changed);
}

int
cs_stamp_holds(const struct cs_stamp *stamp, const struct stat *st)
{
	struct cs_stamp now;

	cs_stamp_take(&now, st);
	return stamp->settled && cs_stamp_same(stamp, &now);
}
