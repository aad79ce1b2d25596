/*
 * create.h: what create.c is made of: create request carry.
 */
#ifndef CREATE_H
#define CREATE_H

#include "crypto.h"

/* One call of certstore_create(3). */
struct cs_create {
	struct certstore *store;
	const char *name;
	int flags;
	const struct certstore_template *asked;
	struct certstore_template full;	 /* with all defaults */
	struct certstore_template t;	 /* and with what is kept */
	struct certstore_template *kept; /* which owns that, or NULL */
	struct cs_san_own own;
	EVP_PKEY *pkey; /* lasts for all tries of its type */
	char type[16];
	struct certstore_entry old;
	int exists, damaged;
	int uncombined; /* the pair is there, and combined.pem is not of it */
	struct cs_reuse reuse;
	struct cs_issuer issuer;
	int hasissuer, inherited; /* the old one's issuer, not asked for */
	struct cs_put put;
	struct cs_buf cautions; /* to be given when it is done */
};

/* The key of what is made, once; and what encrypts it, or NULL: a CA's key that
 * came encrypted stays so. */
int	cs_create_key(struct cs_create *, struct certstore_error *);
const char *cs_create_passphrase(const struct cs_create *);

/* carry.c: what a new generation takes over from the one before. */
int	cs_carry_file(struct cs_create *, enum cs_file,
	    struct certstore_error *);
int	cs_carry_props(struct cs_create *, const char *,
	    struct certstore_error *);	/* with this origin; NULL: the old one */
int	cs_carry_pair(struct cs_create *, struct certstore_error *);
int	cs_carry_request(struct cs_create *, struct certstore_error *);
int	cs_carry_waiting(struct cs_create *, const char *,
	    struct certstore_error *);	/* the key that a request is for */

/* request.c: a request that waits in an entry: is another one needed, 1, 0 and
 * the CSR, or -1; made, 1 or -1; described anew. */
int	cs_request_needed(struct cs_create *, char **, struct certstore_error *);
int	cs_request_make(struct cs_create *, char **, struct certstore_error *);
int	cs_request_carry(struct cs_create *, struct certstore_error *);

#endif
