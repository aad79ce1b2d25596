/*
 * import.h: the answer of a CA to the request of an ACME order.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include "x509/x509.h"

/* ordered.c */
struct cs_ordered {
	const char	*name;		/* of the entry */
	const char	*spki;		/* of the request that is answered */
	const struct cs_info *wanted;	/* that, described */
	int		 force;		/* also if there is a reason to hold it */
	int		 dryrun;
	struct cs_buf	 why;		/* reasons to hold it, one a line */
};
/* With the lock: does the request of the order still wait in the entry? */
int	cs_ordered_check(const struct certstore_entry *,
	    const struct cs_ordered *, struct certstore_error *);
/* Puts it into the entry: 1, 0 it is to be held, -1. */
int	cs_ordered_import(struct certstore *, struct cs_ordered *, const void *,
	    size_t, struct certstore_error *);

/* import.c: what is imported again keeps its origin, which is borrowed, or has
 * none for "". */
void	cs_import_keeporigin(struct certstore_import *, const char *);

/* objection.c: adds the reasons to hold a certificate for the entry, by what was
 * requested, one a line: 0, or -1 without memory. */
int	cs_objection_add(struct cs_buf *, const struct cs_info *,
	    const struct certstore_entry *, const struct cs_info *);

#endif
