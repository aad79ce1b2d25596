/*
 * private.h: what the files of ca share.
 */
#ifndef CA_PRIVATE_H
#define CA_PRIVATE_H

#include "ca/ca.h"

/*
 * newcrl.c: a signed CRL in DER, of what is recorded as revoked by the key and
 * the name in info.  It takes number, starts and ends, and when the last one was
 * made, or 0: what expired before that is left out; it sets count and recorded.
 */
int	cs_newcrl_make(struct cs_buf *, struct certstore *,
	    const struct cs_issuer *, struct cs_crlinfo *, int64_t,
	    struct certstore_error *);
int	cs_newcrl_judge(const struct cs_issuer *, struct certstore_error *);

/* target.c finds one certificate that revoke.c revokes. */
struct cs_target {
	char			*name;		/* as it was asked for */
	char			*ca;		/* its CA's entry, or "" */
	char			 spki[CS_HASH_LEN];	/* of the CA */
	struct cs_revocation	 r;
	char			 fingerprint[CS_HASH_LEN]; /* "": not known */
	char			 ownspki[CS_HASH_LEN];	/* the same */
	int			 isca;
	int			 before;	/* it was revoked before */
	int			 again;		/* it was added before */
	size_t			 below;		/* what it has signed */
};
struct certstore_revoke {
	struct certstore	*store;
	int			 reason, force, dryrun;
	int64_t			 when;		/* 0: now */
	struct cs_issuer	 ca;		/* that was set, if there is one */
	int			 hasca;
	struct cs_target	*v;		/* as they were added */
	struct cs_target	**sorted;	/* by CA and serial number, each once */
	size_t			 n, size, nsorted, pos;
	struct certstore_revocation given;
};

#endif
