/*
 * private.h: what the files of deploy share.  Nothing here needs libcrypto.
 */
#ifndef DEPLOY_PRIVATE_H
#define DEPLOY_PRIVATE_H

#include "store/store.h"

/*
 * ledger.c: what was delivered on this host to one user, certstore(5): a file
 * in the directory of the host.
 */
struct cs_delivered {
	char		*name;		/* an entry, "@trust", "@trust/SET" */
	char		 value[CS_HASH_LEN];
};
struct cs_ledger {
	struct cs_delivered *v;
	size_t		 n, size;
	unsigned int	 failed;	/* attempts since the last success */
	int64_t		 since, tried, next;
	char		 pending[CS_HASH_LEN];	/* hash of what failed */
	char		*text;		/* why the last one failed */
};
/* Opens the directory of this host; 1: makes it.  -1: also ENOENT in errnum. */
int	cs_ledger_opendir(const struct certstore *, int,
	    struct certstore_error *);
int	cs_ledger_users(int, struct cs_strings *);	/* errno */
int	cs_ledger_read(int, const char *, struct cs_ledger *,
	    struct certstore_error *);	/* empty if there is no file */
int	cs_ledger_write(int, const char *, const struct cs_ledger *,
	    struct certstore_error *);	/* on disk; without lines: removed */
const char *cs_ledger_find(const struct cs_ledger *, const char *);
					/* the value of a name, or NULL */
int	cs_ledger_set(struct cs_ledger *, const char *,
	    const char *);		/* NULL: no longer; no memory */
/* What was pending, why it failed, now. */
void	cs_ledger_fail(struct cs_ledger *, const char *, const char *, int64_t);
void	cs_ledger_succeed(struct cs_ledger *);
void	cs_ledger_free(struct cs_ledger *);
int	cs_ledger_lock(const struct certstore *, int, const char *,
	    unsigned int, int *, struct certstore_error *);

/*
 * value.c: the hash of all that a user reads of an entry or a trust set, as it
 * is now.
 */
enum cs_use {
	CS_USE_NONE,		/* it is gone, or has no such user */
	CS_USE_UNKNOWN,		/* damaged, or without a certificate yet */
	CS_USE_VALUE
};
int	cs_value_of(struct certstore *, const char *, const char *,
	    enum cs_use *, char [CS_HASH_LEN],
	    struct certstore_error *);	/* the name, the user */
int	cs_value_isuser(const struct cs_info *, const char *);

#endif
