/*
 * stamp.c: whether a file or a directory is as it was when it was read.  Time
 * stamps are coarse: what changes twice at once may have one time for both, so
 * that what was read just after a change has to be read again.
 */
#include <sys/stat.h>

#include <string.h>
#include <time.h>

#include "internal.h"

#define COARSE 2 /* seconds: as of the coarsest of file systems */

static int
issame(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Of what will be read now. */
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
cs_stamp_holds(const struct cs_stamp *stamp, const struct stat *st)
{
	return stamp->settled && stamp->dev == st->st_dev &&
	    stamp->ino == st->st_ino && stamp->size == st->st_size &&
	    issame(&stamp->modified, &st->st_mtim) &&
	    issame(&stamp->changed, &st->st_ctim);
}
