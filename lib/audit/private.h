/*
 * private.h: what the files of audit share.
 */
#ifndef AUDIT_PRIVATE_H
#define AUDIT_PRIVATE_H

#include "issue/issue.h"
#include "trust/trust.h"

struct stat;

/* code.c: what is found, in the order of the table. */
enum cs_code {
	CS_CODE_ACCOUNT_READABLE,
	CS_CODE_CHAIN_GAP,
	CS_CODE_CHAIN_ORDER,
	CS_CODE_CHANGED_BY_HAND,
	CS_CODE_COMBINED_DIFFERS,
	CS_CODE_COMBINED_MISSING,
	CS_CODE_COMBINED_SURPLUS,
	CS_CODE_CRL_DAMAGED,
	CS_CODE_CRL_EXPIRED,
	CS_CODE_CRL_EXPIRES,
	CS_CODE_CRL_LATE,
	CS_CODE_CRL_UNCOVERED,
	CS_CODE_CRL_UNPUBLISHED,
	CS_CODE_DEFAULT_DANGLING,
	CS_CODE_DELIVERY_PENDING,
	CS_CODE_DISTRUSTED,
	CS_CODE_EXPIRED,
	CS_CODE_EXPIRES,
	CS_CODE_FILE_CLOSED,
	CS_CODE_FILE_MISSING,
	CS_CODE_GENERATION_ORPHAN,
	CS_CODE_GROUP_UNKNOWN,
	CS_CODE_HARD_LINK,
	CS_CODE_INDEX_MISSING,
	CS_CODE_INDEX_SURPLUS,
	CS_CODE_INFO_DAMAGED,
	CS_CODE_INFO_DIFFERS,
	CS_CODE_INTERRUPTED,
	CS_CODE_ISSUED_EXPIRES,
	CS_CODE_ISSUED_MISSING,
	CS_CODE_ISSUER_ENDS_FIRST,
	CS_CODE_KEPT_MISSING,
	CS_CODE_KEY_CHANGED,
	CS_CODE_KEY_CLOSED,
	CS_CODE_KEY_MISMATCH,
	CS_CODE_KEY_READABLE,
	CS_CODE_KEY_SHARED,
	CS_CODE_KEYS_UNREAD,
	CS_CODE_LINK_DANGLING,
	CS_CODE_LINK_FOLLOWED,
	CS_CODE_LINK_FOREIGN,
	CS_CODE_LINKS_LOST,
	CS_CODE_LOST,
	CS_CODE_NOT_YET_VALID,
	CS_CODE_ORDER_HELD,
	CS_CODE_ORDER_LEFTOVER,
	CS_CODE_ORDER_STUCK,
	CS_CODE_OWNER,
	CS_CODE_PARTS_DIFFER,
	CS_CODE_PROFILE_BAD,
	CS_CODE_PROPS_BAD,
	CS_CODE_PROPS_NOT_IN_FORCE,
	CS_CODE_RENEWAL_FAILED,
	CS_CODE_RENEWAL_LATE,
	CS_CODE_REQUEST_WAITS,
	CS_CODE_REVOKED,
	CS_CODE_REVOKED_LOST,
	CS_CODE_REVOKED_UNMARKED,
	CS_CODE_STATE_ORPHAN,
	CS_CODE_STORE_UNSAFE,
	CS_CODE_TENANT_SHARED,
	CS_CODE_TENANT_UNCOVERED,
	CS_CODE_TRUST_DAMAGED,
	CS_CODE_TRUST_DIFFERS,
	CS_CODE_TWINS_DIFFER,
	CS_CODE_UNKNOWN_FILE,
	CS_CODE_UNLOGGED,
	CS_CODE_WEAK_KEY,
	CS_CODE_WEAK_SIGNATURE,
	CS_CODE_WRITABLE,
	CS_CODE_X5U_DAMAGED,
	CS_CODE_X5U_MISSING,
	CS_NCODE
};
struct cs_codeline {
	const char		*word;
	enum certstore_severity	 severity;
	const char		*text;		/* one line */
};
const struct cs_codeline *cs_code_line(enum cs_code);
int	cs_code_isword(const char *, size_t);

/* A finding; name and text are malloc'ed.  It is repaired by -r if the text tells
 * to run that. */
struct cs_finding {
	enum cs_code		 code;
	enum certstore_severity	 severity;
	int			 ignored, repairs;
	char			*name, *text;
};

/* The codes that are only noted, of an entry or a section of settings. */
struct cs_ignored {
	char			*name;		/* NULL: not read yet */
	struct cs_strings	 codes;		/* sorted */
};

struct certstore_audit {
	struct certstore	*store;
	struct cs_ahead		*ahead;		/* of entries; NULL: not begun */
	int64_t			 when;
	struct certstore_span	 within[2];	/* warning, critical */
	int			 nwithin;
	int			 endsonly;	/* only what expires */
	struct cs_strings	 names;		/* only these, if there are any */
	int			 named;
	/* of certstore_audit_next() */
	size_t			 phase;
	int			 root, certs;	/* directories, or -1 */
	uid_t			 owner;		/* of the store */
	struct certstore_list	*ending;
	struct cs_strings	 files;		/* in certs/, sorted */
	struct cs_strings	 entries;	/* those to be looked at */
	size_t			 nextentry;
	struct certstore_entry	 entry;
	struct cs_trustset	 distrusted;
	struct cs_strings	 owncrls;	/* hashes of crl/NAME.der */
	int			 hasowncrls;
	struct cs_logtold	 told;		/* by the log */
	int			 haslog, logerror;	/* an errno, or 0 */
	char			*group;		/* the last that was looked up */
	gid_t			 gid;
	size_t			 nindex, ncombined;	/* links that are right */
	int			 incomplete;	/* an entry could not be read */
	int			 indexed;	/* index/ is to list all */
	char			 lacking[CS_NAME_MAX + 1]; /* one it does not list */
	int			 failed;	/* behind the queue, for this: */
	struct certstore_error	 why;
	int64_t			 ends;		/* the first end of an entry */
	int			 orders;	/* there may be some */
	int			 users;		/* an entry has a user */
	int			 hasrsa, hasother;	/* keys of certificates */
	int			 unread;	/* a key may not be read */
	char			*signer;	/* key identifier or name of the last CA */
	char			 signerspki[CS_HASH_LEN];	/* "" : not here */
	int			 signerdir;	/* of what it has signed, or -1 */
	int			 revokes;	/* a CA has revoked something */
	struct cs_ignored	 ignored[2];	/* of @store, of the last name */
	struct cs_finding	*queue;
	size_t			 nqueue, size, nextfinding;
	struct certstore_finding given;
};

/* Each function returns 0, or -1 when it could not look at all. */

/* finding.c: adds one about an entry or what the name stands for. */
int	cs_finding_add(struct certstore_audit *, enum cs_code, const char *,
	    struct certstore_error *, const char *, ...) CS_PRINTFLIKE(5, 6);
/* The same with another severity than that of the table. */
int	cs_finding_addas(struct certstore_audit *, enum certstore_severity,
	    enum cs_code, const char *, struct certstore_error *,
	    const char *, ...) CS_PRINTFLIKE(6, 7);
void	cs_finding_drop(struct certstore_audit *, size_t);	/* all from one on */
void	cs_finding_fail(struct certstore_audit *, const struct certstore_error *);
/* Some became notes by the property ignore. */
int	cs_finding_judge(struct certstore_audit *, struct certstore_error *);
/* The text of an error without the name before it. */
const char *cs_finding_text(const char *, const char *);

/* endcheck.c: what expires: of the subject, or NULL for the certificate of an
 * entry; begin and end of its validity; the highest severity. */
int	cs_endcheck_cert(struct certstore_audit *, const char *, const char *,
	    int64_t, int64_t, enum certstore_severity,
	    struct certstore_error *);
int	cs_endcheck_entry(struct certstore_audit *,
	    const struct certstore_entry *, struct certstore_error *);
/* Does a moment come within the span of -e with this index? */
int	cs_endcheck_iswithin(const struct certstore_audit *, int, int64_t,
	    int64_t);

/* filecheck.c: the files of the generation that is loaded, in an open directory;
 * a path in the store that belongs to somebody else, or that others can write. */
int	cs_filecheck_isas(const struct cs_written *, const struct stat *);
int	cs_filecheck_entry(struct certstore_audit *, struct stat *,
	    struct certstore_error *);
int	cs_filecheck_key(struct certstore_audit *, const char *, const char *,
	    int, const char *, const struct stat *, gid_t,
	    struct certstore_error *);
int	cs_filecheck_public(struct certstore_audit *, const char *, const char *,
	    const struct stat *, struct certstore_error *);

/* parsecheck.c: certificates and keys by libcrypto: all; or which is weak; or
 * whether the key is that of the certificate; combined.pem is not its parts. */
int	cs_parsecheck_entry(struct certstore_audit *,
	    struct certstore_error *);
int	cs_parsecheck_weak(struct certstore_audit *, struct certstore_error *);
int	cs_parsecheck_key(struct certstore_audit *, struct certstore_error *);
int	cs_parsecheck_combined(struct certstore_audit *,
	    struct certstore_error *);

/* entrycheck.c: an entry: the link, the files, info, props, links to it. */
int	cs_entrycheck_look(struct certstore_audit *, const char *,
	    struct certstore_error *);
int	cs_entrycheck_ispending(const struct certstore_audit *, const char *);
int	cs_entrycheck_ignore(struct certstore_audit *, const char *,
	    const struct cs_buf *, struct certstore_error *);
int	cs_entrycheck_isclean(struct certstore_audit *, const char *);

/* sidecheck.c: the same by threads, for cs_ahead_new(); what became of one that
 * is in order: 1, or 0 if it is to be looked at again. */
extern const struct cs_aheadcalls cs_sidecheck_calls;
int	cs_sidecheck_take(struct certstore_audit *, const char *, const void *);

/* issuedcheck.c: is the certificate of an entry recorded; what expires of what no
 * entry has.  For a repair: has a CA signed an
 * entry without a record?  1 and the CA, to be closed; 0, -1. */
struct cs_issuer;
int	cs_issuedcheck_entry(struct certstore_audit *, int64_t,
	    struct certstore_error *);
int	cs_issuedcheck_ends(struct certstore_audit *, struct certstore_error *);
int	cs_issuedcheck_lacks(const struct certstore_entry *, struct cs_issuer *,
	    struct certstore_error *);

/* issuedrepair.c */
struct cs_repair;
int	cs_issuedrepair_entry(struct cs_repair *, const char *,
	    const struct certstore_entry *, struct certstore_error *);
int	cs_issuedrepair_records(struct cs_repair *, struct certstore_error *);

/* needed.c: until when a span asks for what expires. */
int64_t	cs_needed_until(const struct certstore_span *, int64_t);

/* crlcheck.c: the CRLs of the store's own CAs; is a CRL of a trust set one of
 * them, by its hash: 1, 0, -1 no memory. */
int	cs_crlcheck_all(struct certstore_audit *, struct certstore_error *);
int	cs_crlcheck_isown(struct certstore_audit *, const char *);

/* indexcheck.c: what is surplus in index/ and combined/, what is shared. */
int	cs_indexcheck_store(struct certstore_audit *, struct certstore_error *);

/* trustcheck.c: all trust sets. */
int	cs_trustcheck_begin(struct certstore_audit *, struct certstore_error *);
int	cs_trustcheck_sets(struct certstore_audit *, struct certstore_error *);

/* placecheck.c: the store's own directory, and others that are one for all. */
int	cs_placecheck_store(struct certstore_audit *, struct certstore_error *);
int	cs_placecheck_certs(struct certstore_audit *, struct certstore_error *);

/* workcheck.c: renewals, orders, accounts, deliveries. */
int	cs_workcheck_renewals(struct certstore_audit *,
	    struct certstore_error *);
int	cs_workcheck_orders(struct certstore_audit *, struct certstore_error *);
int	cs_workcheck_deliveries(struct certstore_audit *,
	    struct certstore_error *);

#endif
