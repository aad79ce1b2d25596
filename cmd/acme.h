/*
 * acme.h: the client of ACME, RFC 8555, that the ACME commands share.  Nothing
 * here ends the process: a command has many names, and each gets its error.
 *
 * Text and URLs of answers are checked where they come in: acme-http.c and
 * acme-json.c.  An acme_error has one line that is escaped already.
 */
#ifndef ACME_H
#define ACME_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <certstore.h>

#define ACME_URL_MAX	2000

enum acme_why {			/* what the callers tell apart */
	ACME_OK,
	ACME_LOCAL,		/* this host: a file, the key, memory */
	ACME_DOWN,		/* no answer or 5xx: perhaps carried out */
	ACME_LIMITED,		/* a rate limit: rateLimited, or 429 */
	ACME_TERMS,		/* userActionRequired: url has to be read */
	ACME_NOACCOUNT,		/* accountDoesNotExist */
	ACME_CLOSED,		/* the account is deactivated or revoked */
	ACME_REFUSED,		/* another problem document: type */
	ACME_ODD,		/* an answer that the RFC does not allow */
	ACME_LATER		/* not done in time: retry */
};
struct acme_error {
	enum acme_why	 why;
	long		 status;	/* of HTTP, or 0 */
	char		 type[48];	/* "badCSR", without the URN; or "" */
	int64_t		 retry;		/* Retry-After as a time, or 0 */
	char		 url[ACME_URL_MAX];	/* of ACME_TERMS, or "" */
	char		 msg[800];
};
int	acme_fail(struct acme_error *, enum acme_why, const char *, ...)
	    __attribute__((__format__(__printf__, 3, 4)));	/* -1 */

/* acme-header.c: values of header fields; nothing of them is believed. */
int	acme_link_next(const char **, char *, size_t, char *, size_t);
int	acme_link_is(const char *, const char *);
int64_t	acme_date_parse(const char *);
int64_t	acme_retry_parse(const char *, int64_t, int64_t);
int	acme_nonce_is(const char *);
int	acme_url_is(const char *);	/* https, and safe in a line */
int	acme_url_place(const char *, char *, size_t);	/* host:port */

/* acme-http.c: HTTPS requests, over one connection if it can be. */
enum acme_method { ACME_GET, ACME_HEAD, ACME_POST };
struct acme_link {
	struct acme_link	*next;
	char			*rel;	/* the relation types, with blanks */
	char			 url[];
};
struct acme_answer {
	long			 status;
	char			*body;	/* never NULL; body[len] is NUL */
	size_t			 len;
	char			*location;	/* these are NULL or checked */
	char			*nonce;
	struct acme_link	*links;
	int64_t			 retry;		/* a time; 0: none */
	int64_t			 date;		/* 0: none */
};
struct acme_http;
struct acme_http *acme_http_new(const char *, const char *,
	    struct acme_error *);	/* file of anchors, proxy; or NULL */
void	acme_http_free(struct acme_http *);
int	acme_http_send(struct acme_http *, enum acme_method, const char *,
	    const char *, struct acme_answer *, struct acme_error *);
void	acme_answer_free(struct acme_answer *);
char	*acme_http_proxy(struct acme_http *);	/* of the environment */

/* acme-json.c: JSON objects; a value of another type is as if missing. */
json_t	*acme_json_parse(const char *, size_t, const char *,
	    struct acme_error *);
const char *acme_json_string(const json_t *, const char *);
const char *acme_json_url(const json_t *, const char *);
const char *acme_json_item(const json_t *, size_t);
json_t	*acme_json_array(const json_t *, const char *);
json_t	*acme_json_object(const json_t *, const char *);
int64_t	acme_json_time(const json_t *, const char *);	/* RFC 3339; 0 */
char	*acme_json_text(const json_t *);	/* compact, for free(3) */
void	acme_problem_text(const json_t *, char *, size_t);

/*
 * acme-client.c: the directory, nonces, signed requests, problem documents and
 * polling.  Functions that return JSON give it to the caller, json_decref().
 */
enum {				/* how a request is signed: else by the account */
	ACME_JWK = CERTSTORE_JWS_JWK,
	ACME_NEWKEY = CERTSTORE_JWS_NEWKEY
};
/* Set by a handler of signals: what waits ends with ACME_LATER. */
extern volatile sig_atomic_t acme_stop;
struct acme;
struct acme *acme_open(struct certstore *, struct certstore_account *,
	    struct acme_error *);		/* reads the directory */
void	acme_close(struct acme *);
struct certstore_account *acme_account(const struct acme *);
const char *acme_resource(const struct acme *, const char *,
	    struct acme_error *);		/* "newOrder" */
const char *acme_terms(const struct acme *);	/* URL, or NULL */
int	acme_wants_eab(const struct acme *);
json_t	*acme_meta(const struct acme *);	/* borrowed, or NULL */
int	acme_host_is(const struct acme *, const char *);
char	*acme_proxy(struct acme *);		/* to be kept, or NULL */
int64_t	acme_skew(const struct acme *);		/* our clock less theirs */
const json_t *acme_problem(const struct acme *);	/* the last one */
void	acme_limit(struct acme *, int64_t);	/* polls for so many seconds */
int	acme_get(struct acme *, const char *, struct acme_answer *,
	    struct acme_error *);		/* unsigned */
int	acme_send(struct acme *, const char *, const char *, int,
	    struct acme_answer *, struct acme_error *);
struct acme_key {		/* the private key of a certificate */
	const char	*label;
	const char	*data;		/* PEM, not encrypted */
	size_t		 len;
};
int	acme_send_key(struct acme *, const struct acme_key *, const char *,
	    const char *, struct acme_answer *, struct acme_error *);
char	*acme_location(const struct acme *, const struct acme_answer *,
	    const char *, struct acme_error *);
int	acme_pause(struct acme *, unsigned int, int64_t, const char *,
	    struct acme_error *);

/* acme-account.c: the account at its CA; what is learned is saved. */
struct certstore_account *acme_account_new(struct certstore *, const char *,
	    const char *, struct certstore_error *);
int	acme_account_open(struct certstore *, const char *, int,
	    struct certstore_account **, struct acme **,
	    struct acme_error *);
int	acme_account_find(struct acme *, int, struct acme_error *);
int	acme_account_allowed(struct acme *, int, const char *,
	    struct acme_error *);		/* agreed, KID of an EAB */
int	acme_account_keepproxy(struct acme *, struct acme_error *);
int	acme_account_register(struct acme *, int, const char *, const char *,
	    struct acme_error *);		/* and its HMAC key */
int	acme_account_make(struct acme *, int, const char *, const char *,
	    struct acme_error *);
int	acme_account_settle(struct acme *, struct acme_error *);
json_t	*acme_account_fetch(struct acme *, struct acme_error *);
int	acme_account_contacts(struct acme *, struct acme_error *);
int	acme_account_roll(struct acme *, struct acme_error *);
int	acme_account_deactivate(struct acme *, struct acme_error *);
int	acme_post(struct acme *, const char *, const char *,
	    struct acme_answer *, struct acme_error *);
json_t	*acme_ask(struct acme *, const char *, const json_t *,
	    struct acme_answer *, struct acme_error *);
json_t	*acme_wait(struct acme *, const char *, const char *,
	    struct acme_error *);

/*
 * acme-order.c: orders, authorizations and certificates.  An order and an
 * authorization are the JSON of the CA, whose form was checked: what the
 * comments of their functions name can be used without a further look.
 */
json_t	*acme_order_new(struct acme *, json_t *, char **, struct acme_error *);
json_t	*acme_order_get(struct acme *, const char *, struct acme_error *);
json_t	*acme_order_wait(struct acme *, const char *, const char *,
	    struct acme_error *);
json_t	*acme_order_finalize(struct acme *, const json_t *, const char *,
	    struct acme_error *);
json_t	*acme_authz_get(struct acme *, const char *, struct acme_error *);
json_t	*acme_authz_wait(struct acme *, const char *, struct acme_error *);
int	acme_authz_deactivate(struct acme *, const char *, struct acme_error *);
int	acme_challenge_answer(struct acme *, const char *, const char *,
	    struct acme_error *);
int	acme_certificate(struct acme *, const char *, struct acme_answer *,
	    struct acme_error *);
struct acme_ari {
	int64_t	 start, end;		/* the window; 0, 0: none */
	int64_t	 retry;			/* ask again then */
	char	 explanation[ACME_URL_MAX];
};
int	acme_ari(struct acme *, const char *, struct acme_ari *,
	    struct acme_error *);
int	acme_revoke(struct acme *, const char *, int, const struct acme_key *,
	    struct acme_error *);
char	*acme_base64url(const char *);		/* of PEM, for free(3) */
char	*acme_base64url_der(const void *, size_t);

/*
 * acme-show.c: accounts on stdout, of these operands or all; named: with its
 * name in each line.  A warning if the clock is more than ten minutes wrong.
 */
struct acme_show {
	struct certstore	*store;
	int			 json;
	int			 ask;	/* the CA, too */
};
void	acme_show_account(const struct acme_show *, const char *, int);
void	acme_show_list(const struct acme_show *, char **);
void	acme_show_skew(const struct acme *);

#endif
