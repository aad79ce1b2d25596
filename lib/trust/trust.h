/*
 * trust.h: the set of trust anchors in memory.
 */
#ifndef TRUST_TRUST_H
#define TRUST_TRUST_H

#include "x509/x509.h"

#define CS_ANCHOR_ADDED		0x1	/* by hand: an update keeps it */
#define CS_ANCHOR_SHIPPED	0x2	/* in the shipped list */
#define CS_ANCHOR_DISTRUSTED	0x4	/* without the others: no anchor */
#define CS_ANCHOR_HELPER	0x8	/* completes paths, signs CRLs: no anchor */

struct cs_anchor {
	char		*name;
	char		 fingerprint[65];
	unsigned int	 origin;	/* CS_ANCHOR_* */
	unsigned char	*der;		/* NULL: distrusted */
	size_t		 derlen;
	int		 listed;	/* in the shipped list that is given */
	int		 gone;		/* dropped: cs_trustset_sort() frees it */
	X509		*x509;		/* parsed when crl.c needs it */
};

/* anchor.c: the link by which OpenSSL finds an anchor, by the hash of its
 * subject: its name, and whether a file is called like that. */
#define CS_ANCHOR_LINK	32
void	cs_anchor_link(char [CS_ANCHOR_LINK], unsigned long, size_t);
int	cs_anchor_islink(const char *);

/* crl.c: a CRL of the set, in crls/NAME.crl, and a link HASH.rN to it. */
enum cs_crl_kind { CS_CRL_WHOLE, CS_CRL_PARTIAL, CS_CRL_INDIRECT };
struct cs_crl {
	char		*name;
	char		 fingerprint[65];
	char		 signer[65];	/* hash of issuer and key */
	char		 scope[65];	/* and of distribution point, delta */
	unsigned long	 hash;		/* of the issuer, as in the link */
	enum cs_crl_kind kind;
	X509_CRL	*crl;
	const struct cs_pem *pem;	/* NULL: as in the directory; borrowed */
	int		 fresh;		/* the first of its scope */
	int		 gone;
};
struct cs_crllink {
	unsigned long	 hash;
	size_t		 n, crl;
};

/* trustset.c: the set, by name; each name and each fingerprint once. */
struct cs_trustset {
	struct cs_anchor *v;
	size_t		 n, size;
	size_t		*slots, nslot;	/* where each is, by name, fingerprint */
	unsigned long	 gen;		/* the generation it was read from */
	struct cs_stamp	 stamp;		/* of its directory */
	int		 dirty;	/* a file differs from its canonical form */
	struct cs_strings bad;		/* what is damaged in it */
	struct cs_crl	*crls;
	size_t		 ncrl, crlsize;
	struct cs_crllink *crllinks;
	size_t		 ncrllink, crllinksize;
	int		 hascrlspem;	/* crls/crls.pem is there */
};
void	cs_trustset_free(struct cs_trustset *);

/* trust.c: has a set, by name or NULL, a file or link other than those that are
 * written for what it contains?  1, 0, -1. */
int	cs_trust_isdirty(struct certstore *, const char *,
	    struct certstore_error *);
struct cs_anchor *cs_trustset_byfingerprint(const struct cs_trustset *,
	    const char *);
/* Adds what the file distrusted says; label is for messages. */
int	cs_trustset_read_distrusted(struct cs_trustset *, const char *,
	    const struct cs_buf *, struct certstore_error *);

/* crl.c: thisUpdate, nextUpdate, and after which time a newer one should be there
 * (INT64_MAX: never); names of the CAs that have no CRL which tells all they
 * revoked: 0, -1. */
int64_t	cs_crl_starts(const struct cs_crl *);
int64_t	cs_crl_ends(const struct cs_crl *);
int64_t	cs_crl_late(const struct cs_crl *);
int	cs_crl_uncovered(struct cs_trustset *, struct cs_buf *, size_t *);

/* trustdir.c: a set, or what is distrusted in it: 1, 0 there is no such set,
 * -1. */
int	cs_trustdir_load(const struct cs_setname *, struct cs_trustset *,
	    struct certstore_error *);
int	cs_trustdir_distrusted(const struct cs_setname *,
	    struct cs_trustset *, struct certstore_error *);

#endif
