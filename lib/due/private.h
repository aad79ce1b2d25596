/*
 * private.h: what the files of due share.
 */
#ifndef DUE_PRIVATE_H
#define DUE_PRIVATE_H

#include "store/store.h"

/*
 * attempt.c: what is remembered of renewals that failed.  Read: 1, 0 there is
 * nothing, or it is about another certificate.  Failed: counts one more, unless
 * another process has done so since the time given.
 */
struct cs_attempt {
	unsigned int	 failed;	/* how often, one after the other */
	int64_t		 since;		/* the first of these */
	int64_t		 tried;		/* the last */
	int64_t		 next;		/* not before */
	char		*text;		/* why the last one failed; malloc'ed */
};
int	cs_attempt_read(const struct certstore *, const struct cs_info *,
	    int64_t, struct cs_attempt *);
int	cs_attempt_failed(const struct certstore *, const struct cs_info *,
	    int64_t, const char *, struct cs_attempt *,
	    struct certstore_error *);
void	cs_attempt_forget(const struct certstore *, const char *);
void	cs_attempt_done(struct cs_attempt *);

#endif
