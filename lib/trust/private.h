/*
 * private.h: what the files of trust share.
 */
#ifndef TRUST_PRIVATE_H
#define TRUST_PRIVATE_H

#include "trust/trust.h"

/* Names of files and directories of a set. */
#define CS_TRUST_SUFFIX		".pem"
#define CS_TRUST_ALLCRLS	"crls.pem"
#define CS_TRUST_WHERE	300			/* of "file:line" in a message */
#define CS_ANCHOR_BASE	128			/* of a name without its suffix */
#define CS_BUNDLE_MAX	(16 * 1024 * 1024)	/* bytes, of all anchors */

/* trustset.c */
struct cs_anchor *cs_trustset_byname(const struct cs_trustset *, const char *);
/* By name or fingerprint: 1, 0 not in the set, -1.  hex: the fingerprint, or
 * "" if the text is a name. */
int	cs_trustset_find(const struct cs_trustset *, const char *,
	    struct cs_anchor **, char [65], struct certstore_error *);
/* Copies name and DER, which may be NULL; cs_trustset_sort() has to follow. */
struct cs_anchor *cs_trustset_add(struct cs_trustset *, const char *,
	    const char *, const unsigned char *, size_t, unsigned int);
void	cs_trustset_drop(struct cs_anchor *);
X509	*cs_trustset_parse(struct cs_anchor *);	/* once; borrowed, or NULL */
int	cs_trustset_hasissuer(struct cs_trustset *, X509 *);	/* a CA of it */
void	cs_trustset_freecrl(struct cs_crl *);
int	cs_trustset_isempty(const struct cs_trustset *);	/* no anchor */
void	cs_trustset_sort(struct cs_trustset *);
/* A free name: the base, or the base and digits of the fingerprint. */
void	cs_trustset_name(const struct cs_trustset *, const char *, int,
	    const char *, char [CS_NAME_MAX + 1]);
/* The files distrusted and shipped, read and written; label is for messages. */
int	cs_trustset_read_shipped(struct cs_trustset *, const char *,
	    const struct cs_buf *, struct certstore_error *);
int	cs_trustset_write_distrusted(const struct cs_trustset *,
	    struct cs_buf *);
int	cs_trustset_write_shipped(const struct cs_trustset *, struct cs_buf *);

/* anchor.c: one certificate. */
/* A name made of its subject; "" if that has no usable character. */
void	cs_anchor_base(X509 *, char [CS_ANCHOR_BASE + 1]);
/* Reads a fingerprint as it is written here or by openssl: 1 or 0. */
int	cs_anchor_fingerprint(const char *, char [65]);
/* Rules are overridden; or the certificate is in a shipped list. */
#define CS_JUDGE_FORCE		1
#define CS_JUDGE_SHIPPED	2
#define CS_JUDGE_HELPER		4	/* not as an anchor */
/* May it sign CRLs (RFC 5280 section 4.2.1.3)?  1: only if it says so. */
int	cs_anchor_signscrls(X509 *, int);
int	cs_anchor_judge(const char *, X509 *, int, struct certstore_error *);
/* Do trust settings forbid it as an anchor?  That of the default set must be
 * for servers, that of another set for servers or clients: 1 and why, or 0. */
int	cs_anchor_isbarred(const struct cs_setname *, const struct cs_uses *,
	    char *, size_t);

/* Is it an anchor, and neither distrusted nor a helper? */
int	cs_trustset_isanchor(const struct cs_anchor *);

/*
 * crl.c.  Load takes one from the directory: 1, 0 it is signed by nobody in the
 * set, -1 without memory.  Give takes one that is given, and gives its name: 1
 * it replaces one, 3 it does not, 2 the set has it, 0 refused, -1 without
 * memory.
 */
void	cs_crl_link(char [CS_ANCHOR_LINK], unsigned long, size_t);
int	cs_crl_islink(const char *, unsigned long *, size_t *);
int	cs_crl_addlink(struct cs_trustset *, unsigned long, size_t, size_t);
int	cs_crl_load(struct cs_trustset *, const char *, const struct cs_pem *);
int	cs_crl_give(struct cs_trustset *, const struct cs_pem *, int,
	    char [CS_NAME_MAX + 8], struct certstore_error *);
struct cs_crl *cs_crl_byname(const struct cs_trustset *, const char *);
int	cs_crl_isorphan(struct cs_trustset *, const struct cs_crl *);
void	cs_crl_closegaps(struct cs_trustset *);
int	cs_crl_renumber(struct cs_trustset *);	/* from r0 on */

/* trustwrite.c: replaces the live set, under the lock. */
int	cs_trustwrite_set(const struct cs_setname *, struct cs_trustset *,
	    struct certstore_error *);

/* change.c: what a change makes of the set, and what becomes of each of its
 * certificates, or of the one anchor that text names. */
enum cs_verb {
	CS_TRUST_ADD, CS_TRUST_UPDATE, CS_TRUST_RESET, CS_TRUST_REMOVE,
	CS_TRUST_DISTRUST
};
struct cs_given {
	const struct cs_pem	*pem;
	char			 fingerprint[65];
	int			 hasuses;
	struct cs_uses		 uses;		/* its trust settings */
	X509			*x509;		/* parsed when needed, once */
	int			 waits;		/* for its issuer */
	struct certstore_error	 err;		/* why it is refused */
};
struct cs_change {
	enum cs_verb	 verb;
	char		*text;			/* name, fingerprint or label */
	struct cs_pems	 pems;
	struct cs_given	*given;			/* the certificates of pems */
	size_t		 n, ncrl;
};
struct cs_result {
	char		*name;
	const char	*action;
	char		*text;
};
struct certstore_trust {
	struct cs_setname		 tn;
	int				 flags;
	struct certstore_passphrase	 pass;
	int				 haspass;
	struct cs_change		*change;
	size_t				 nchange, changesize;
	const struct cs_given		**limited; /* with trust settings */
	size_t				 nlimited;
	struct certstore_error		 failed; /* of the first change that failed */
	struct cs_setname		 common; /* the default set */
	struct cs_trustset		 set;
	struct cs_trustset		 everywhere; /* distrusted in common */
	int				 absent; /* there is no such set */
	int				 swept; /* everywhere has some of set */
	int				 loaded;
	int				 listing; /* 1, or -1: it failed */
	struct cs_result		*result;
	size_t				 nresult, resultsize;
	int				 count;	/* results that are changes */
	int				 told;	/* warnings, once a commit */
	size_t				 next, nextcrl, nextbad; /* of the listing */
	struct certstore_entry		 entry;
};
int	cs_change_apply(struct certstore_trust *, struct cs_change *,
	    struct certstore_error *);
/* After the changes: what follows from them for helpers and CRLs. */
int	cs_change_finish(struct certstore_trust *);

/* add.c.  Finish, after all changes: certificates that waited for an issuer
 * behind them, and the CRLs. */
int	cs_add_apply(struct certstore_trust *, struct cs_change *);
int	cs_add_finish(struct certstore_trust *);

/* given.c: a certificate that is given. */
X509	*cs_given_parse(struct cs_given *);	/* once; NULL: see its err */
/* The name of a new one in the set and in messages. */
void	cs_given_name(const struct certstore_trust *, const struct cs_given *,
	    char [CS_NAME_MAX + 1]);
/* Before the changes: notes which certificates have trust settings. */
int	cs_given_limits(struct certstore_trust *);
/* Do they forbid it as an anchor of the set?  1 and why, or 0. */
int	cs_given_isbarred(const struct certstore_trust *,
	    const struct cs_given *, char *, size_t);
/* Is it an intermediate below a CA of the set, or one that is no CA but says
 * that it signs CRLs? */
int	cs_given_ishelper(struct certstore_trust *, X509 *);
/* Checks and adds one that is not in the set: 1, 0 refused, with a result,
 * -1. */
int	cs_given_take(struct certstore_trust *, struct cs_given *,
	    unsigned int);
/* Adds a result for each private key in the input: it is not stored. */
int	cs_given_saykeys(struct certstore_trust *, const struct cs_change *);

/* result.c.  Adds one, without or with a message: 0, or -1 without memory.  The
 * action is one of those in certstore_trust(3). */
int	cs_result_add(struct certstore_trust *, const char *, const char *);
int	cs_result_say(struct certstore_trust *, const char *, const char *,
	    const char *, ...) CS_PRINTFLIKE(4, 5);
/* Was the name removed in this commit already?  Duplicates are ignored. */
int	cs_result_isremoved(const struct certstore_trust *, const char *);
void	cs_result_drop(struct certstore_trust *);

#endif
