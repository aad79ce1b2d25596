/*
 * private.h: what the files of due share.
 */
#ifndef DUE_PRIVATE_H
#define DUE_PRIVATE_H

#include "store/store.h"

/* attempt.c: what is remembered of renewals that failed. */
#define CS_ATTEMPT_DIR	"renewal"
struct cs_attempt {
	unsigned int	 failed;	/* how often, one after the other */
	int64_t		 since;		/* the first of these */
	int64_t		 tried;		/* the last */
	int64_t		 next;		/* not before */
	char		*text;		/* why the last one failed; malloc'ed */
};
const char *cs_attempt_of(const struct cs_info *);	/* which certificate */
int	cs_attempt_read(const struct certstore *, const struct cs_info *,
	    int64_t, struct cs_attempt *);	/* 1, 0: nothing of this one */
void	cs_attempt_done(struct cs_attempt *);

/*
 * backoff.c: counts one failure more, unless another process has done so since
 * the time given; none is remembered any more.
 */
int	cs_backoff_add(const struct certstore *, const struct cs_info *,
	    int64_t, const char *, struct cs_attempt *,
	    struct certstore_error *);
void	cs_backoff_forget(const struct certstore *, const char *);

#endif
