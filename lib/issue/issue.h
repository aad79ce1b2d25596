/*
 * issue.h: the CAs that sign, and certificates made again.
 */
#ifndef ISSUE_ISSUE_H
#define ISSUE_ISSUE_H

#include "x509/x509.h"

#define CS_LIFE		(397 * CS_DAY)
#define CS_LIFE_CA	(3650 * CS_DAY)
#define CS_BACK		((int64_t)300)	/* seconds before now; clocks differ */
#define CS_YEAR_9999	INT64_C(253402300799) /* RFC 5280 section 4.1.2.5 */

/* issuer.c: a CA entry that is to sign, one generation of it. */
struct cs_issuer {
	struct certstore_entry	 entry;
	/* Once cs_issuer_read() got them: */
	STACK_OF(X509)		*certs;		/* its own, then all known above */
	int			 complete;	/* the last is self-signed */
	int64_t			 ends;		/* the earliest of them */
	EVP_PKEY		*pkey;		/* once cs_issuer_key() got it */
};
int	cs_issuer_open(struct cs_issuer *, struct certstore *, const char *,
	    struct certstore_error *);
void	cs_issuer_close(struct cs_issuer *);
int	cs_issuer_find(struct cs_issuer *, const struct certstore_entry *,
	    X509 *, struct certstore_error *);	/* who signed it: 1, 0, -1 */
int	cs_issuer_isabove(const struct cs_issuer *,
	    const struct certstore_entry *, struct certstore_error *);
int	cs_issuer_read(struct cs_issuer *, struct certstore_error *);
void	cs_issuer_assume(struct cs_issuer *, X509 *, X509 *); /* was, is now */
int	cs_issuer_judge(const struct cs_issuer *, int,
	    struct certstore_error *);		/* may it sign; 1: for a CA */
int	cs_issuer_key(struct cs_issuer *, const struct certstore_passphrase *,
	    struct certstore_error *);
/* The private key of a certificate, as PEM; the name is for messages. */
EVP_PKEY *cs_issuer_pair(const char *, const struct cs_buf *, X509 *,
	    const struct certstore_passphrase *, struct certstore_error *);
/* The files of an entry: its certificate, the issuer's (NULL: self-signed), and
 * the key as PEM. */
int	cs_issuer_files(struct cs_put *, X509 *, const struct cs_issuer *,
	    const struct cs_buf *, struct certstore_error *);

/*
 * create.c: makes the request of an ACME order wait in an entry, or finds it
 * there, and changes props in the same switch.  The template is NULL for what
 * the entry has.  1 made, 0 found, -1; the CSR is PEM, malloc'ed.
 */
struct cs_ordering {
	const struct certstore_template *tmpl;
	const struct cs_propchange *change;
	size_t	 nchange;
	int	 keepcn;	/* the CN of the certificate was asked for */
	int	 fresh;		/* no request and no key that is there */
	int	 dryrun;
};
int	cs_create_order(struct certstore *, const char *,
	    const struct cs_ordering *, char **, struct certstore_error *);

/* sign.c: sets a time: 0 or -1; the digest for a signature by a key, or NULL:
 * the algorithm includes one. */
int	cs_sign_settime(ASN1_TIME *, int64_t);
const EVP_MD *cs_sign_digest(EVP_PKEY *);

/* reuse.c: is a private key of an entry encrypted?  1, 0, -1. */
int	cs_reuse_isencrypted(const struct certstore_entry *, enum cs_file,
	    struct certstore_error *);

/* profileline.c: would certstore_template_load_profile() take the file
 * profiles/NAME, if there is one?  0, -1. */
int	cs_profileline_check(struct certstore *, const char *,
	    struct certstore_error *);

/* life.c: a property of what is written. */
struct cs_life {
	char			 text[24];
	struct cs_propchange	 change;
};
void	cs_life_record(struct cs_life *, struct cs_put *, int64_t);

/* copy.c: the certificate again, from now to another end, by the issuer (NULL:
 * by its own key), for the key given, which may be the one it has; NULL: for
 * that.  The name is for messages. */
X509	*cs_copy_cert(struct certstore *, const char *, X509 *, EVP_PKEY *,
	    int64_t, int64_t, const struct cs_issuer *,
	    struct certstore_error *);

#endif
