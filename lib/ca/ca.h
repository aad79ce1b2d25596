/*
 * ca.h: what a CA of the store does beside issuing: it revokes, and makes CRLs.
 */
#ifndef CA_CA_H
#define CA_CA_H

#include "issue/issue.h"

/*
 * publish.c: makes the CRL of the CA with this entry, and publishes it: in
 * crl/NAME.pem and .der, in crl/ of each CA that it issued, and in the trust sets that
 * it is an anchor of.  0, or -1: with CERTSTORE_EPASSPHRASE or CERTSTORE_EREFUSED
 * it cannot be signed, and cert-renew and cert-crl find that there are
 * revocations which are not published.
 */
struct cs_publish {
	const struct certstore_passphrase *pass;	/* of its key, or NULL */
	const struct certstore_span *life;	/* NULL: as before, or usual */
	int	 dryrun;
	void	(*made)(void *, const struct certstore_crl *);	/* or NULL */
	void	*arg;
};
int	cs_publish_crl(struct certstore *, const char *,
	    const struct cs_publish *, struct certstore_error *);

#endif
