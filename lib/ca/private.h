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

#endif
