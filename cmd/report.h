/*
 * report.h: what the files of cert-report share.  Each part of the page first
 * collects in one pass over the store, then prints itself; the rows of entries
 * are printed in a second pass, so that memory does not grow with them.
 */
#ifndef REPORT_H
#define REPORT_H

#include "cmd.h"

/* The states of an entry; the words that the page has for them are classes of
 * report.css, too. */
enum report_state {
	REPORT_EXPIRED,		/* a certificate of it or of its chain */
	REPORT_SOON,		/* within -e */
	REPORT_EARLY,		/* not yet valid */
	REPORT_VALID,
	REPORT_WAITING,		/* a request without a certificate */
	REPORT_NSTATE
};

struct report {
	struct certstore	*store;
	struct certstore_span	 within;	/* -e */
	const char		*withintext;
	int64_t			 now;		/* -w */
	size_t			 nentry;	/* that could be read */
	size_t			 nunread;
	size_t			 n[REPORT_NSTATE];
	struct cmd_text		 page;		/* what is not yet written */
};
/* Above this many entries only what is cheap is looked at: no findings on the
 * files of entries, no properties; rows are grouped. */
#define REPORT_MANY	1000

/*
 * report-html.c: markup, and foreign text in it.  html_text() is the only way
 * for the latter.
 */
void	html_text(struct cmd_text *, const char *);
void	html_print(struct cmd_text *, const char *, ...)	/* no foreign text */
	    __attribute__((__format__(__printf__, 2, 3)));
void	html_name(struct cmd_text *, const char *);	/* subject or issuer */
int	html_hasmore(const char *);	/* than one attribute */
void	html_rest(struct cmd_text *, const char *);
void	html_link(struct cmd_text *, const char *);	/* to an entry's row */
void	html_date(struct cmd_text *, int64_t);
void	html_plural(struct cmd_text *, size_t, const char *, const char *);
void	html_flush(struct report *);	/* writes what there is, if it is much */
void	html_end(struct report *);	/* writes all */

/* report-page.c: begin and end of the page, and its summary. */
void	page_begin(struct report *, const size_t [3]);
void	page_end(struct report *);
void	page_section(struct report *, const char *, const char *);
extern const char page_style[];		/* report.css */

/* report-entry.c: the state of an entry, and the rows of all. */
enum report_state entry_state(const struct report *,
	    const struct certstore_entry *, const char **, int64_t *);
void	entry_ends(struct cmd_text *, const struct report *,
	    enum report_state, int64_t);	/* word and days */
void	entry_print(struct report *);

/* report-timeline.c: how many certificates expire in which week. */
struct timeline;
struct timeline *timeline_new(const struct report *);
void	timeline_add(struct timeline *, const struct certstore_entry *,
	    enum report_state);
void	timeline_print(struct report *, const struct timeline *);
void	timeline_free(struct timeline *);

/* report-chain.c: who issued whom. */
struct chains;
struct chains *chains_new(void);
void	chains_add(struct chains *, const struct certstore_entry *,
	    enum report_state);
void	chains_print(struct report *, struct chains *);
void	chains_free(struct chains *);

/* report-finding.c: those of certstore_audit(3). */
struct findings;
struct findings *findings_read(struct report *);
const size_t *findings_count(const struct findings *);	/* by severity */
void	findings_print(struct report *, const struct findings *);
void	findings_free(struct findings *);

/* report-trust.c: anchors that were added or distrusted by hand. */
void	trust_print(struct report *);

#endif
