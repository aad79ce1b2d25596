/*
 * private.h: what the files of import share.
 */
#ifndef IMPORT_PRIVATE_H
#define IMPORT_PRIVATE_H

#include "import/import.h"

#define CS_POOL_MAX	20000		/* certificates, and keys, of one call */
#define CS_MEMO_MAX	64		/* issuers whose chain is remembered */
#define CS_WHERE_LEN	300		/* of "file:line" in a message */
#define CS_SUBJECT_LEN	140		/* of a subject in a message */

/* pool.c: all of the input, parsed once. */
struct cs_pool_key {
	struct cs_pem		*pem;
	EVP_PKEY		*pkey;		/* NULL: released */
	char			*passphrase;	/* that opened it, or NULL */
	char			 spki[CS_HASH_LEN];
	size_t			 order;		/* in the input */
	int			 used;
};
struct cs_pool_cert {
	const struct cs_pem	*pem;
	X509			*x509;		/* NULL: released */
	struct cs_pool_key	*key;		/* its own, or NULL */
	const struct cs_pool_cert *newer;	/* supersedes it */
	char			 spki[CS_HASH_LEN];
	char			 match[CS_HASH_LEN];	/* see cs_cert_match() */
	int64_t			 starts, ends;
	int			 valid;		/* at the time of parsing */
	int			 ca;
	int			 related;	/* is an issuer of some entry */
	int			 adopted;	/* becomes an entry itself */
	size_t			 asked;		/* see collectabove() */
};
/* The issuers of a certificate. */
struct cs_issuers {
	STACK_OF(X509)	*chain;		/* without the root */
	STACK_OF(X509)	*above;		/* with it */
	int		 complete;
};
struct cs_pool {
	const struct certstore	*store;		/* gets the progress */
	struct cs_pems		 pems;
	struct cs_pems		 keyfile;	/* -K: only its keys count */
	struct certstore_passphrase pass;
	int			 parsed;
	int64_t			 now;		/* when that was */
	int			 hasee;		/* an end-entity is there */
	struct cs_pool_cert	*cert;		/* in the order given */
	size_t			 ncert;
	struct cs_pool_key	*key;
	size_t			 nkey;
	struct cs_pool_cert	**ca;		/* by subject */
	size_t			 nca;
	STACK_OF(X509)		*known;		/* issuers the store had */
	struct cs_issuers		 memo[CS_MEMO_MAX];	/* of issuers */
	size_t			 nmemo;
	size_t			 asked;
};
int	cs_pool_add(struct cs_pool *, const char *, const void *, size_t,
	    struct certstore_error *);
int	cs_pool_add_key(struct cs_pool *, const char *, const void *, size_t,
	    struct certstore_error *);
int	cs_pool_parse(struct cs_pool *, struct certstore_error *);
void	cs_pool_free(struct cs_pool *);

/* poolcert.c: frees an end-entity when its entry is planned; parses it again. */
void	cs_poolcert_release(struct cs_pool_cert *);
int	cs_poolcert_hold(struct cs_pool_cert *, struct certstore_error *);
/* Is the SHA-256, which may be NULL, that of its key in either form? */
int	cs_poolcert_haskey(const struct cs_pool_cert *, const char *);
/* `file:line: certificate "CN=x"` */
const char *cs_poolcert_name(const struct cs_pool_cert *, char *, size_t);

/* issuers.c: see cs_chain_build(). */
int	cs_issuers_build(struct cs_pool *, struct certstore *,
	    const struct cs_pool_cert *, STACK_OF(X509) *,
	    struct cs_issuers *, struct certstore_error *);
void	cs_issuers_free(struct cs_issuers *);
void	cs_issuers_forget(struct cs_pool *);
/* Marks the issuers of an entry as related. */
int	cs_issuers_use(struct cs_pool *, STACK_OF(X509) *,
	    struct certstore_error *);
/* When all entries are planned: marks what could be in their chains, too. */
int	cs_issuers_relate(struct cs_pool *, struct certstore_error *);

/* plan.c: one certificate as an entry of the store. */
struct cs_plan {
	const struct cs_pool_cert *cert;
	char			*name;
	const char		*action;
	struct cs_put		 put;
	struct certstore_entry	 entry;		/* as it would be */
	struct cs_buf		 remarks;	/* warnings, one a line */
	struct cs_buf		 objections;	/* to the answer of an order */
};
struct certstore_import {
	struct certstore	*store;
	int			 flags;
	char			*name;		/* -N, or NULL */
	struct certstore_error	 badname;	/* why the last one failed */
	struct certstore_error	 badinput;	/* why some input is missing */
	struct cs_pool		 pool;
	struct cs_plan		*v;
	size_t			 n, size;
	size_t			 pos;		/* of the iterator */
	int			 planned;
	int			 told;		/* warned already */
	const char		*origin;	/* of entries, or NULL */
	const struct cs_ordered	*answer;	/* of an order, or NULL */
	char			 signer[CS_HASH_LEN];	/* the last issuer's key */
	int			 records;	/* it is that of a CA of the store */
};

/* keyowner.c: entries of the store that have a certificate's key. */
struct cs_keyowner {
	char	*name;
	int	 waits;		/* its request waits */
	int	 shares;	/* has a name of the certificate */
};
struct cs_keyowners {
	struct cs_keyowner	*v;
	size_t			 n;
};
int	cs_keyowner_find(struct certstore *, const struct cs_pool_cert *,
	    struct cs_keyowners *, struct certstore_error *);
void	cs_keyowner_free(struct cs_keyowners *);
/* The key in PEM, from the store, and a label for messages: 1, 0 the store does
 * not have it, -1. */
int	cs_keyowner_key(struct certstore *, const struct cs_keyowners *,
	    struct cs_buf *, char *, size_t, struct certstore_error *);

/* One entry while it is planned. */
struct cs_planning {
	struct certstore_import	*im;
	struct cs_plan		*a;
	const struct cs_pool_cert *cert;
	struct cs_keyowners	 holders;
	struct cs_buf		 key;		/* PEM; none: a CA without */
	char			 keylabel[CS_NAME_MAX + 32];
	int			 fromstore;	/* the key is the store's */
	struct cs_issuers		 above;
	struct certstore_entry	 old;
	enum { CS_WAS_ABSENT, CS_WAS_PRESENT, CS_WAS_DAMAGED } was;
	int			 isold;		/* old has this certificate */
};
/* keyfile.c: its private key. */
int	cs_keyfile_take(struct cs_planning *, struct certstore_error *);
int	cs_keyfile_fits(struct cs_planning *, const struct cs_buf *);
int	cs_keyfile_settle(struct cs_planning *, struct certstore_error *);
int	cs_keyfile_check(struct cs_planning *, struct certstore_error *);

/* answer.c: refuses what is no answer to the waiting request: 0 or -1. */
int	cs_answer_check(struct cs_planning *, struct certstore_error *);

/* objection.c: is it a certificate for the request of the order? */
int	cs_objection_check(const struct certstore_import *,
	    const struct cs_pool_cert *, struct certstore_error *);

int	cs_plan_make(struct certstore_import *, struct cs_plan *,
	    const struct cs_pool_cert *, struct certstore_error *);
int	cs_plan_changes(const struct cs_plan *);	/* is it to be written? */
void	cs_plan_free(struct cs_plan *);

/* naming.c: the name of the entry, malloc'ed. */
char	*cs_naming_choose(const struct certstore_import *,
	    const struct cs_pool_cert *, const struct cs_info *,
	    const struct cs_keyowners *, struct certstore_error *);

/* ident.c: are both for the same hosts (or other names, or subject)?  For one that is
 * the same?  1, 0, -1 without memory. */
int	cs_ident_same(const struct cs_info *, const struct cs_info *);
int	cs_ident_shares(const struct cs_info *, const struct cs_info *);
/*
 * Of certificates of one key, the best first: sets newer of those superseded.
 */
int	cs_ident_sort(struct cs_pool_cert **, size_t,
	    struct certstore_error *);

/* warning.c: adds warnings, one a line; 0, or -1 without memory. */
int	cs_warning_cert(struct cs_buf *, const struct cs_info *, X509 *,
	    STACK_OF(X509) *, int);
int	cs_warning_times(struct cs_buf *, const struct cs_info *, int64_t);
int	cs_warning_change(struct cs_buf *, const struct cs_info *,
	    const struct cs_info *);
/* -u: is the second to be kept?  1 and a line that says why, 0, -1. */
int	cs_warning_worse(struct cs_buf *, const struct cs_info *,
	    const struct cs_info *, int64_t);

#endif
