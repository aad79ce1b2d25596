/*
 * private.h: what the files of audit share.
 */
#ifndef AUDIT_PRIVATE_H
#define AUDIT_PRIVATE_H

#include "trust/trust.h"

/* code.c: what is found, in the order of the table. */
enum cs_code {
	CS_CODE_COMBINED_MISSING,
	CS_CODE_DAMAGED,
	CS_CODE_EXPIRED,
	CS_CODE_EXPIRES,
	CS_CODE_INDEX_MISSING,
	CS_CODE_KEY_READABLE,
	CS_CODE_LINKS_LOST,
	CS_NCODE
};
struct cs_codeline {
	const char		*word;
	enum certstore_severity	 severity;
	int			 repairs;	/* cert-check -r repairs it */
	const char		*text;		/* one line */
};
const struct cs_codeline *cs_code_line(enum cs_code);

/* A finding; name and text are malloc'ed. */
struct cs_finding {
	enum cs_code		 code;
	enum certstore_severity	 severity;
	int			 ignored;
	char			*name, *text;
};

struct certstore_audit {
	struct certstore	*store;
	int64_t			 when;
	struct certstore_span	 within[2];	/* warning, critical */
	int			 nwithin;
	struct cs_strings	 names;		/* only these, if there are any */
	struct certstore_error	 failed;	/* of a setter */
	/* of certstore_audit_next() */
	int			 phase;
	struct cs_strings	 entries;	/* all, by name */
	size_t			 nextentry;
	struct certstore_entry	 entry;
	struct cs_finding	*queue;
	size_t			 nqueue, size, nextfinding;
	struct certstore_finding given;
};

/* finding.c: adds one, of an entry or what the name stands for; 0, or -1. */
int	cs_finding_add(struct certstore_audit *, enum cs_code, const char *,
	    struct certstore_error *, const char *, ...) CS_PRINTFLIKE(5, 6);
void	cs_finding_clear(struct certstore_audit *);	/* all */

/* auditentry.c: an entry as its info describes it; 0, or -1. */
int	cs_auditentry_look(struct certstore_audit *, const char *,
	    struct certstore_error *);

#endif
