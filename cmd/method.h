/*
 * method.h: the methods of -m: how it is shown to a CA that a name is ours, RFC
 * 8555 section 8.  Only cert-acme is linked with these files.
 *
 * In their order: method_new() for each -m; method_begin() before each order is
 * made, and method_can() for each challenge that the CA offers.  For each
 * authorization method_note(), whose text the caller keeps durably, and then
 * method_setup().  When all are set up, method_wait() and method_look() for each.
 * After the CA has looked, or if anything failed, method_undo() of each note,
 * also in a later process after a kill; method_end().
 *
 * Nothing here ends the process or prints, but for the output of hooks.  These
 * functions return 0, or -1 and why; some also 1: go on, with that warning.
 */
#ifndef METHOD_H
#define METHOD_H

#include <signal.h>
#include <stddef.h>

#include <certstore.h>

#define METHOD_WHY_LEN	1024
struct method_why {
	int	 interrupted;	/* -1 because of method_stop */
	char	 msg[METHOD_WHY_LEN];	/* escaped: what, why and what to do */
};

/*
 * Set by a handler of SIGINT and SIGTERM: everything but method_undo() returns
 * -1 soon.  Also set here if the signal came while a hook ran.
 */
extern volatile sig_atomic_t method_stop;

struct method_task {		/* an authorization and one of its challenges */
	const char	*type;	/* "http-01", "dns-01", "dns-persist-01", ... */
	/* A-labels without "*.", an address, or the base64url of a TNAuthList */
	const char	*name;
	int		 wildcard;
	int		 isip;
	/* checked text; all but dns-persist-01 and tkauth-01: */
	const char	*token;
	const char	*authorization;	/* RFC 8555 section 8.1 */
	const char	*txt;		/* of dns-01, section 8.4 */
	/* dns-persist-01: */
	const char	*issuer;	/* one of issuer-domain-names */
	const char	*account;	/* URL */
	/* tkauth-01: */
	const char	*tkauth;	/* its type, "atc" */
	const char	*fingerprint;	/* of the account, RFC 9448 section 5.4 */
	const char	*authority;	/* URL, or NULL */
};

struct method;
/* From the word of -m; a path in it is made absolute. */
struct method *method_new(struct certstore *, const char *,
	    struct method_why *);
const char *method_word(const struct method *);	/* as it is kept in props */
/* Can it do that challenge of that name?  Uses type, wildcard, isip, tkauth. */
int	method_can(const struct method *, const struct method_task *);
/* Binds ports, finds the hook and its credentials, looks at the webroot. */
int	method_begin(struct method *, struct method_why *);
/* One line of printable ASCII for free(3); "": nothing will have to be undone. */
char	*method_note(struct method *, const struct method_task *,
	    struct method_why *);
/* Only one name after the other: the next is set up after this is undone. */
int	method_serial(const struct method *);
int	method_setup(struct method *, const struct method_task *, const char *,
	    struct method_why *);		/* with its note */
/* With what the CA is told that it is set up: JSON for free(3), a secret. */
char	*method_answer(struct method *);
int	method_wait(struct method *, const struct method_task *, const char *,
	    struct method_why *);		/* also 1 */
/* -1 is a wrong answer from a public address, which -f may pass over; also 1. */
int	method_look(struct method *, const struct method_task *,
	    struct method_why *);
/*
 * Whether CAA records let one of these issuers, caaIdentities of the directory
 * that end with NULL, issue: also 1.  Uses name, wildcard, isip, type, account.
 */
int	method_caa(const struct method_task *, const char *const *,
	    struct method_why *);
/* Also if it was never set up, or undone before. */
int	method_undo(struct certstore *, const char *, struct method_why *);
void	method_end(struct method *);		/* and frees it; NULL */

#endif
