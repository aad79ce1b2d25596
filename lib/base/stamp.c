/*
 * stamp.c: whether a file or a directory is as it was when it was read.  Time
 * stamps are coarse: what changes twice at once may have one time for both, so
 * that what was read just after a change has to be read again.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

#define COARSE 2 /* seconds: as of the coarsest of file systems */

static int
issametime(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The stamp of a file that is read after st was taken. */
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
 * Which inode it is, and its ctime, which no copy and no restore sets back:
 * inode numbers are used again.  Without the device, whose number may be
 * another after each mount.
 */
void
cs_stamp_text(const struct cs_stamp *stamp, char text[CS_STAMP_TEXT])
{
	snprintf(text, CS_STAMP_TEXT, "%llu %lld.%09ld",
	    (unsigned long long)stamp->ino, (long long)stamp->changed.tv_sec,
	    stamp->changed.tv_nsec);
}

/* Are two stamps of one unchanged file, as far as time stamps tell? */
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
