/*
 * entry.h: cert-acme: what one call asks for, and what is done for an entry.
 */
#ifndef ENTRY_H
#define ENTRY_H

#include "acme.h"
#include "method.h"

/* A CA with which this call speaks, by the account. */
struct session {
	struct session	*next;
	struct certstore_account *account;
	struct acme	*acme;		/* NULL: not yet, or it failed */
	int64_t		 until;		/* no order before this time */
	int		 refused;	/* nor after it, as things are */
	char		*why;		/* why not, said once */
	size_t		 nwaiting;	/* names that this stopped */
};

#define ENTRY_METHODS_MAX	16
struct job {
	struct certstore *store;
	const char	*account;	/* -A, or NULL: that of the entry */
	const char	*cafile;	/* -T, absolute, or NULL */
	int		 agreed;	/* -y */
	int		 force, dryrun, ifneeded, verbose;
	int		 unattended;	/* run by cert-renew, */
	int		 named;		/* which got the names from people */
	int		 existing;	/* no account is made */
	char		*method[ENTRY_METHODS_MAX];	/* -m */
	size_t		 nmethod;
	struct certstore_template *tmpl;	/* NULL: nothing was given */
	struct certstore_set *props;
	const struct certstore_span *within;	/* -e, or NULL */
	int64_t		 life;		/* -l in seconds, or 0 */
	int64_t		 deadline;	/* -W, of the monotonic clock; 0: none */
	struct session	*sessions;
};

/* What became of a name. */
enum outcome {
	ISSUED,		/* the entry has a new certificate */
	CHANGED,	/* only what is kept of it */
	UNCHANGED,
	HELD,		/* a certificate came and is held */
	LATER,		/* another run has to continue */
	WAITING,	/* for the CA, which the session says */
	FAILED
};

/* An entry whose certificate is ordered. */
struct issue {
	struct job	*job;
	struct session	*session;
	struct certstore_order *order;
	const char	*name;
	char		*why;
	char		*account;	/* its name */
	char		*method[ENTRY_METHODS_MAX];	/* words */
	size_t		 nmethod;
	char		*profile, *chain;	/* acmeprofile=, chain=, or NULL */
	char		*url;		/* of the order */
	int		 late;	/* less than half of the time to renew is left */
};

/* acme-session.c: NULL and why; or one that takes no orders, and says why. */
struct session *session_find(struct job *, const char *, char *, size_t);
int	session_is(const struct session *, const char *);
int	session_stop(struct session *, const struct acme_error *);
int	session_waits(const struct session *);
void	session_end(struct job *);	/* ends all */

/* acme-entry.c: the text, of METHOD_WHY_LEN bytes, says why not, without the
 * name. */
enum outcome entry_issue(struct job *, const char *, char *);

/* acme-issue.c: the order of an entry, as far as it gets; to give it up, so that
 * the next one is new; and why there is no certificate. */
enum outcome issue_run(struct issue *);
void	issue_drop(struct issue *);
int	issue_fail(struct issue *, const char *);	/* -1 */
enum outcome issue_failerror(struct issue *, const struct certstore_error *);
enum outcome issue_failrequest(struct issue *, const struct acme_error *);
void	issue_keepproblem(struct certstore_order *, const json_t *);

/* acme-window.c: asks when the certificate should be replaced. */
void	window_ask(struct job *, struct session *, struct certstore_order *,
	    const char *);
int	window_isold(const struct certstore_order *,
	    const struct certstore_entry *);
void	window_begin(struct session *, struct certstore_order *);

/* acme-chain.c: of an entry, with an issuer of that name or NULL. */
int	chain_get(struct acme *, const char *, const char *, const char *,
	    struct acme_answer *, struct acme_error *);

/* acme-prove.c: proves that the names of an order are ours; 0, or -1, and then
 * the error is not ACME_OK if a request failed. */
int	prove_order(struct job *, struct session *, struct certstore_order *,
	    const json_t *, const char *const *, size_t, char *,
	    struct acme_error *);
int	prove_try(struct job *, struct session *, struct certstore_order *,
	    const char *const *, size_t, char *);
int	prove_undo(struct job *, struct certstore_order *);

/* acme-caa.c: does a CAA record forbid it?  1 and the record, or 0. */
int	caa_forbids(const struct session *, const struct method_task *,
	    struct method_why *);

#endif
