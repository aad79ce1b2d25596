/*
 * private.h: what the files of issue share.
 */
#ifndef ISSUE_PRIVATE_H
#define ISSUE_PRIVATE_H

#include "x509/x509.h"

/* issue.c: signs. */
struct cs_issuer;
#define CS_LIFE		(397 * CS_DAY)
#define CS_LIFE_CA	(3650 * CS_DAY)
enum cs_setter {		/* those that can fail; adders last */
	CS_SET_TYPE, CS_SET_PROFILE, CS_SET_LIFE, CS_SET_WITHIN,
	CS_SET_ISSUER, CS_SET_KEY, CS_SET_ENCRYPT, CS_ADD_SAN, CS_ADD_SUBJECT, CS_ADD_CONSTRAINT,
	CS_NSETTER
};
struct certstore_template {
	struct certstore_error failed[CS_NSETTER];	/* the last of each */
	int		 ca;
	char		 type[16];		/* "" : the default */
	char		 profile[16];
	struct certstore_span life, within;	/* den 0 and secs 0: the default */
	int		 haslife, haswithin;
	char		*issuer;		/* entry name, NULL: self-signed */
	EVP_PKEY	*pkey;			/* -K, or NULL */
	char		*opened;		/* its passphrase, or NULL */
	char		*encrypt;		/* passphrase for the new key */
	struct certstore_passphrase pass;
	int		 haspass;
	struct cs_san	*san;
	size_t		 nsan;
	struct cs_attr { char *attr; char *value; } *subject;
	size_t		 nsubject;
	int		 pathlen;		/* -1: none */
	STACK_OF(GENERAL_SUBTREE) *permit, *exclude;	/* or NULL */
};
/* A certificate for pkey by the template, which has the SANs that
 * cs_template_resolve() gave.  The issuer, judged and with its key, or NULL:
 * self-signed. */
int	cs_issue_check(const char *, const struct certstore_template *,
	    const struct cs_issuer *, struct certstore_error *);
					/* what needs no key: subject, names */
X509	*cs_issue_cert(struct certstore *, const char *,
	    const struct certstore_template *, EVP_PKEY *,
	    const struct cs_issuer *, struct certstore_error *);
X509_REQ *cs_issue_request(const char *, const struct certstore_template *,
	    EVP_PKEY *, struct certstore_error *);

/* extension.c: its extensions; the last int: there is no subject.  The SANs
 * alone: NULL without memory, and empty if there are none.  Key identifiers,
 * with the issuer's or NULL: 1 or 0. */
STACK_OF(X509_EXTENSION) *cs_extension_make(const struct certstore_template *,
	    EVP_PKEY *, int, struct certstore_error *);
GENERAL_NAMES *cs_extension_sans(const struct certstore_template *);
int	cs_extension_keyids(X509 *, X509 *);

/*
 * reuse.c: will what there is do for the template as asked and as resolved: 1,
 * 0 and why not, -1.  The issuer is NULL where none is asked for.
 */
struct cs_reuse {
	char	why[240];	/* "does not cover ..." */
	int	none;		/* there is nothing to replace */
	int	works;		/* it is valid and has its key */
	int	due;		/* only its life is too short */
	int	refused;	/* -1 because only -f may replace it */
};
int	cs_reuse_entry(const struct certstore_entry *,
	    const struct certstore_template *,
	    const struct certstore_template *, struct cs_issuer *,
	    struct cs_reuse *, struct certstore_error *);
int	cs_reuse_haskey(const struct certstore_entry *, enum cs_file,
	    const char *, struct cs_reuse *, struct certstore_error *);
int	cs_reuse_isclamped(const struct certstore_entry *, struct cs_issuer *,
	    struct certstore_error *);
int	cs_reuse_isencrypted(const struct certstore_entry *, enum cs_file,
	    struct certstore_error *);
int	cs_reuse_answered(const struct certstore_entry *,
	    const struct certstore_template *,
	    const struct certstore_template *);	/* no need to ask a CA */
int	cs_reuse_request(const struct certstore_entry *, X509_REQ *,
	    const struct certstore_template *,
	    const struct certstore_template *, struct cs_reuse *,
	    struct certstore_error *);

/* keep.c: as asked (and resolved), and all that the entry has beyond it. */
X509	*cs_keep_cert(const struct certstore_entry *, struct certstore_error *);
struct certstore_template *cs_keep_make(const struct certstore_template *,
	    const struct certstore_template *, const struct certstore_entry *,
	    X509 *, struct certstore_error *);

/* caution.c: lines on what is made, on what -f and a request take away, and on
 * a CA; given as warnings when it is done. */
void	cs_caution_names(struct cs_buf *, const char *,
	    const struct certstore_template *, int);	/* 1: a request */
void	cs_caution_force(struct cs_buf *, const struct certstore_entry *,
	    const struct certstore_template *, const struct certstore_template *,
	    const struct cs_issuer *);
void	cs_caution_request(struct cs_buf *, const struct certstore_entry *,
	    const struct certstore_template *);
void	cs_caution_ca(struct cs_buf *, const struct certstore_entry *,
	    EVP_PKEY *);
void	cs_caution_give(const struct certstore *, struct cs_buf *);

/*
 * template.c: no setter failed: 0 or -1; is it for a TLS server; a shallow copy
 * with the entry's own name as SAN where none was given: own, which holds that
 * one, and the first live as long as it does.
 */
int	cs_template_check(const struct certstore_template *,
	    struct certstore_error *);
int	cs_template_serves(const struct certstore_template *);
int	cs_template_resolve(struct certstore_template *, struct cs_san *,
	    const struct certstore_template *, const char *,
	    struct certstore_error *);

/* subject.c: attr=value; what cs_subject_build adds, with a CN of last resort. */
int	cs_subject_parse(const char *, char **, char **,
	    struct certstore_error *);
const char *cs_subject_lacks(const X509_NAME *,
	    const struct certstore_template *);	/* an attribute, or NULL */
int	cs_subject_merge(struct certstore_template *,
	    const struct certstore_template *, const X509_NAME *,
	    struct certstore_error *);
int	cs_subject_build(X509_NAME *, const struct certstore_template *,
	    const char *, struct certstore_error *);

/* constraint.c: name constraints. */
int	cs_constraint_add(STACK_OF(GENERAL_SUBTREE) **, const char *,
	    struct certstore_error *);		/* one as it is typed */
int	cs_constraint_merge(STACK_OF(GENERAL_SUBTREE) **,
	    const STACK_OF(GENERAL_SUBTREE) *, struct certstore_error *);
const GENERAL_SUBTREE *cs_constraint_lacks(const STACK_OF(GENERAL_SUBTREE) *,
	    const STACK_OF(GENERAL_SUBTREE) *);
#define CS_CONSTRAINT_LEN	160
const char *cs_constraint_spell(const GENERAL_SUBTREE *,
	    char [CS_CONSTRAINT_LEN]);
int	cs_constraint_pathlen(const STACK_OF(X509_EXTENSION) *);
int	cs_constraint_check(const char *, X509 *, const char *, X509 *,
	    struct certstore_error *);

/* issuer.c: a CA entry that is to sign, one generation of it. */
struct cs_issuer {
	struct certstore_entry	 entry;
	/* Once cs_issuer_read() got them: */
	STACK_OF(X509)		*certs;		/* its own, then all known above */
	int			 complete;	/* the last is signed by itself */
	int64_t			 ends;		/* what nothing below outlives */
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
int	cs_issuer_judge(const struct cs_issuer *, int,
	    struct certstore_error *);		/* may it sign; 1: a CA */
int	cs_issuer_key(struct cs_issuer *, const struct certstore_passphrase *,
	    struct certstore_error *);

/* One call of certstore_create(3). */
struct cs_create {
	struct certstore *store;
	const char *name;
	int flags;
	const struct certstore_template *asked;
	struct certstore_template full;	 /* with all defaults */
	struct certstore_template t;	 /* and with what is kept */
	struct certstore_template *kept; /* which owns that, or NULL */
	struct cs_san own;
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

/* request.c: a request that waits in an entry: is another one needed, 1, 0 and
 * the CSR, or -1; made, 1 or -1. */
int	cs_request_needed(struct cs_create *, char **, struct certstore_error *);
int	cs_request_make(struct cs_create *, char **, struct certstore_error *);

#endif
