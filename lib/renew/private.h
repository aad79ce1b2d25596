/*
 * private.h: what the files of renew share.
 */
#ifndef RENEW_PRIVATE_H
#define RENEW_PRIVATE_H

#include "issue/issue.h"
#include "trust/trust.h"

/* wishes.c: what the props of an entry say about its next certificate. */
struct cs_wishes {
	int64_t	 life;		/* seconds; 0: as the certificate has it */
	int	 keepkey;	/* 1, 0, -1: as its kind has it */
};
int	cs_wishes_read(struct certstore *, const char *, struct cs_wishes *,
	    struct certstore_error *);

/* A CA certificate that is renewed in a dry run, and what it would be. */
struct cs_assumed {
	X509	*was, *fresh;
};

/* One call of certstore_renew(3). */
struct cs_renewal {
	struct certstore *store;
	const struct certstore_passphrase *pass;
	int	 dryrun;
	struct cs_strings done;		/* the names that were written */
	struct cs_assumed *assumed;
	size_t	 nassumed, assumedsize;
};

/* One entry of it: first what holds in all tries, then that of one try. */
struct cs_reissue {
	struct cs_renewal *all;
	const char *name;
	int	 force;
	const struct cs_reissue *below;	/* what it is renewed for, or NULL */
	char	 first[CS_HASH_LEN];	/* the certificate that was found */
	EVP_PKEY *pkey;			/* a new key, once it is made */
	int	 climbed;		/* its CA was looked at */
	struct certstore_error why;	/* why that cannot be renewed */
	struct certstore_entry old;
	struct cs_buf pem;		/* its private key */
	STACK_OF(X509) *was;		/* its certificate and chain, ca.pem */
	X509	*x509, *fresh;		/* the certificate, the new one */
	struct cs_wishes wishes;
	struct cs_issuer issuer;
	int	 hasissuer;		/* else it is self-signed */
	int64_t	 asked, now, until;	/* its life, when it begins and ends */
	struct cs_strings names;	/* of the entries below it */
	struct cs_put *put;		/* its own, and theirs */
	struct cs_life *life;		/* of each */
	size_t	 nput;
	struct cs_buf cautions;		/* warnings when all is done */
};

/* reissue.c: decides on the validity; is it cut to the end of an issuer; makes
 * the certificate and the first put.  The life in seconds that the certificate
 * of an entry shows: if its end is that of one above, at least the default. */
void	cs_reissue_plan(struct cs_reissue *);
int	cs_reissue_iscut(const struct cs_reissue *);
int	cs_reissue_iscompromised(const struct cs_info *);
int	cs_reissue_make(struct cs_reissue *, struct certstore_error *);
int64_t	cs_reissue_life(const struct cs_info *, int);

/* below.c: the names of the entries that may have the certificate of a CA in
 * their chains; then makes puts of those that have it. */
int	cs_below_find(struct cs_reissue *, struct certstore_error *);
int	cs_below_make(struct cs_reissue *, struct certstore_error *);

/* retrust.c: does an entry lose the anchor of the default set that it led to;
 * adds a CA certificate to the sets that have the old one, with warnings. */
int	cs_retrust_check(struct cs_reissue *, struct certstore_error *);
void	cs_retrust_update(const struct cs_reissue *);

#endif
