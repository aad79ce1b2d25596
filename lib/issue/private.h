/*
 * private.h: what the files of issue share.
 */
#ifndef ISSUE_PRIVATE_H
#define ISSUE_PRIVATE_H

#include "issue/issue.h"

/* issue.c */
enum cs_setter {		/* those that can fail; adders last */
	CS_SET_TYPE, CS_SET_PROFILE, CS_SET_LIFE, CS_SET_WITHIN,
	CS_SET_ISSUER, CS_SET_KEY, CS_SET_ENCRYPT, CS_ADD_SAN, CS_ADD_SUBJECT, CS_ADD_CONSTRAINT,
	CS_NSETTER
};
/* extra.c: what a certificate has beyond its built-in profile. */
#define CS_USAGE_SIGN		0x001	/* bit n of KeyUsage is 1 << n */
#define CS_USAGE_COMMIT		0x002
#define CS_USAGE_ENCIPHER	0x004
#define CS_USAGE_DATA		0x008
#define CS_USAGE_AGREE		0x010
#define CS_USAGE_CERTS		0x020
#define CS_USAGE_CRLS		0x040
#define CS_USAGE_ENCIPHERONLY	0x080
#define CS_USAGE_DECIPHERONLY	0x100
#define CS_USAGE_NBITS		9
struct cs_extra {
	unsigned int	 usage;		/* 0: by the profile */
	STACK_OF(ASN1_OBJECT) *purposes; /* beside those of the profile */
	STACK_OF(X509_EXTENSION) *exts;
};

struct certstore_template {
	struct certstore_error failed[CS_NSETTER];	/* the last of each */
	int		 ca;
	char		 type[16];		/* "" : the default */
	char		 profile[16];	/* built in; resolved "": only extra */
	struct cs_extra	 extra;
	struct certstore_span life, within;
	int		 haslife;		/* 2: only its profile has one */
	int		 haswithin;
	char		*issuer;		/* entry name, NULL: self-signed */
	EVP_PKEY	*pkey;			/* -K, or NULL */
	char		*opened;		/* its passphrase, or NULL */
	char		*encrypt;		/* passphrase for the new key */
	struct certstore_passphrase pass;
	struct cs_san	*san;
	size_t		 nsan, sansize;
	struct cs_tnauth calls;			/* that it signs */
	struct cs_attr { const char *attr; char *value; } *subject;
	size_t		 nsubject, subjectsize;
	int		 pathlen;		/* -1: none */
	STACK_OF(GENERAL_SUBTREE) *permit, *exclude;	/* or NULL */
};
/* A certificate for pkey, with the SANs of cs_template_resolve().  The issuer
 * was judged and has its key; NULL: self-signed. */
int	cs_issue_check(const char *, const struct certstore_template *,
	    const struct cs_issuer *, struct certstore_error *);
					/* subject and names, before the key is
					 * asked for */
X509	*cs_issue_cert(struct certstore *, const char *,
	    const struct certstore_template *, EVP_PKEY *,
	    const struct cs_issuer *, struct certstore_error *);
X509_REQ *cs_issue_request(const char *, const struct certstore_template *,
	    EVP_PKEY *, struct certstore_error *);

/* life.c */
int64_t	cs_life_asked(const struct certstore_template *, int64_t);
void	cs_life_warn(const struct certstore *, const char *,
	    const struct certstore_template *, const struct cs_issuer *);

/*
 * sign.c: 1 or 0; the times, from now to an end or that of the issuers; signed, judged and parsed again.  The int is one of
 * libcrypto's purposes.  The issuer is NULL for a self-signed certificate.
 */
#define CS_PURPOSE_COPY	0	/* is what its extensions say, malformed or not */
int	cs_sign_serial(X509 *);
int	cs_sign_times(const char *, X509 *, int64_t, int64_t,
	    const struct cs_issuer *, struct certstore_error *);
X509	*cs_sign_cert(struct certstore *, const char *, X509 *, int,
	    EVP_PKEY *, const struct cs_issuer *, struct certstore_error *);

/* extra.c: these add a word of a profile file; all that the second has; what a
 * certificate has. */
void	cs_extra_free(struct cs_extra *);
int	cs_extra_isset(const struct cs_extra *);
int	cs_extra_addusage(struct cs_extra *, const char *,
	    struct certstore_error *);
int	cs_extra_addpurpose(struct cs_extra *, const char *,
	    struct certstore_error *);
int	cs_extra_addext(struct cs_extra *, const char *,
	    struct certstore_error *);		/* OID=HEX */
int	cs_extra_merge(struct cs_extra *, const struct cs_extra *); /* -1: memory */
int	cs_extra_fold(struct certstore_template *);	/* -1: no memory */
int	cs_extra_keep(struct certstore_template *, X509 *,
	    struct certstore_error *);
int	cs_extra_lacks(const struct certstore_template *,
	    const STACK_OF(X509_EXTENSION) *, EVP_PKEY *, char *, size_t);


/* profileline.c: the lines of a profile file, for a new template; the second:
 * what messages call the file. */
int	cs_profileline_parse(struct certstore_template *, const char *,
	    const struct cs_buf *, struct certstore_error *);

/* extension.c: the key usage for a profile, or its own bits that the type of key
 * allows; 0: that does not allow the use of the profile. */
unsigned int cs_extension_usage(const char *, unsigned int, EVP_PKEY *);
/* extension.c: all extensions but key identifiers (the int: the subject is
 * empty); the SANs; the key identifiers, by the issuer or NULL: 1 or 0; where the
 * issuer publishes its CRL and its certificate: 1 or 0. */
STACK_OF(X509_EXTENSION) *cs_extension_make(const struct certstore_template *,
	    EVP_PKEY *, int, struct certstore_error *);
GENERAL_NAMES *cs_extension_sans(const struct certstore_template *);
int	cs_extension_keyids(X509 *, X509 *);
int	cs_extension_pointers(X509 *, const struct cs_issuer *);

/* reuse.c: is what the entry has good enough for the template, as asked and as
 * resolved?  1, 0 and why not, -1.  The issuer is NULL if none is asked for. */
struct cs_reuse {
	char	why[240];	/* "does not cover ..." */
	int	none;		/* there is no certificate */
	int	works;		/* it is valid and has its key */
	int	due;		/* only its end is too near */
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
int	cs_reuse_answered(const struct certstore_entry *,
	    const struct certstore_template *,
	    const struct certstore_template *);	/* no request is needed */
int	cs_reuse_request(const struct certstore_entry *, X509_REQ *,
	    const struct certstore_template *,
	    const struct certstore_template *, struct cs_reuse *,
	    struct certstore_error *);

/* keep.c: a template as asked (and resolved), with all that the entry has
 * beyond it. */
X509	*cs_keep_cert(const struct certstore_entry *, struct certstore_error *);
struct certstore_template *cs_keep_make(const struct certstore_template *,
	    const struct certstore_template *, const struct certstore_entry *,
	    X509 *, struct certstore_error *);

/* caution.c: warnings, collected as lines and given when all is done: on names,
 * on what -f, a request, or a new key of a CA takes away. */
void	cs_caution_names(struct cs_buf *, const char *,
	    const struct certstore_template *, int);	/* 1: a request */
void	cs_caution_calls(struct cs_buf *, const char *,
	    const struct certstore_template *, const X509_NAME *);
void	cs_caution_force(struct cs_buf *, const struct certstore_entry *,
	    const struct certstore_template *, const struct certstore_template *,
	    const struct cs_issuer *);
void	cs_caution_request(struct cs_buf *, const struct certstore_entry *,
	    const struct certstore_template *);
void	cs_caution_ca(struct cs_buf *, const struct certstore_entry *,
	    EVP_PKEY *);

/*
 * template.c: 0 if no setter failed; which parts do not go together, or NULL; is
 * it for a TLS server; a shallow copy with
 * defaults, and with the entry's name as SAN if there is none.  The copy and own,
 * which holds that SAN, last as long as the first.
 */
int	cs_template_check(const struct certstore_template *,
	    struct certstore_error *);
int	cs_template_isprofile(const char *);	/* a built-in one */
int	cs_template_concludeprofile(struct certstore_template *, int,
	    struct certstore_error *);	/* the result of its setter */
int	cs_template_addsan(struct certstore_template *, enum cs_san_type,
	    const char *);			/* -1: no memory */
const char *cs_template_flaw(const struct certstore_template *);
int	cs_template_serves(const struct certstore_template *);
int	cs_template_resolve(struct certstore_template *, struct cs_san *,
	    const struct certstore_template *, const char *,
	    struct certstore_error *);

/*
 * calls.c: is a template for an end-entity that signs calls; has it a TNAuthList;
 * what the first cannot have, or NULL; the CN for it, 1, or 0; adds the calls of
 * another template and of info.
 */
#define CS_CALLS_CN	65
int	cs_calls_signs(const struct certstore_template *);
int	cs_calls_has(const struct certstore_template *);
const char *cs_calls_flaw(const struct certstore_template *);
int	cs_calls_cn(const struct certstore_template *, char [CS_CALLS_CN]);
int	cs_calls_add(struct certstore_template *,
	    const struct certstore_template *, const struct cs_info *,
	    struct certstore_error *);		/* info may be NULL */

/*
 * csr.c: a request that others made.  Read: parses it, and checks its key and
 * its signature.  Apply: a template, as asked and with what the request asks
 * for beyond it; drop frees what apply added.  Compare adds to left which
 * extensions the certificate does not have.
 */
struct cs_csr {
	char		*name;		/* in messages */
	X509_REQ	*req;
	EVP_PKEY	*pkey;		/* of req */
	STACK_OF(X509_EXTENSION) *exts;	/* that it asks for, or NULL */
	struct cs_buf	 left;		/* what else it asks for, a list */
	int		 more;		/* than left has room for */
};
int	cs_csr_read(struct cs_csr *, const char *, const void *, size_t,
	    struct certstore_error *);
int	cs_csr_apply(struct certstore_template *,
	    const struct certstore_template *, struct cs_csr *,
	    struct certstore_error *);
void	cs_csr_drop(struct certstore_template *,
	    const struct certstore_template *);
void	cs_csr_compare(struct cs_csr *, X509 *);
void	cs_csr_free(struct cs_csr *);

/* subject.c: adds attr=value; cs_subject_build() adds the CN if there is
 * none. */
int	cs_subject_add(struct certstore_template *, const char *,
	    struct certstore_error *);
const char *cs_subject_lacks(const X509_NAME *,
	    const struct certstore_template *);	/* an attribute, or NULL */
int	cs_subject_merge(struct certstore_template *,
	    const struct certstore_template *, const X509_NAME *,
	    struct certstore_error *);
int	cs_subject_inherit(struct certstore_template *,
	    const struct certstore_template *);	/* -1: no memory */
int	cs_subject_take(struct certstore_template *,
	    const struct certstore_template *, const X509_NAME_ENTRY *,
	    struct certstore_error *);	/* of a request: 1, 0, -1 */
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

/* One call of certstore_create(3). */
struct cs_create {
	struct certstore *store;
	const char *name;
	int flags;
	const struct certstore_template *asked;
	struct certstore_template full;	 /* with all defaults */
	struct certstore_template t;	 /* and with what -u keeps */
	struct certstore_template *kept; /* owns what t has, or NULL */
	struct cs_san own;
	EVP_PKEY *pkey; /* used in all tries of that type */
	char type[16];
	struct certstore_entry old;
	int exists, damaged;
	int uncombined; /* combined.pem is missing, or not of the pair */
	struct cs_reuse reuse;
	struct cs_issuer issuer;
	int hasissuer, inherited; /* from the old certificate, not given */
	struct cs_put put;
	struct cs_life life; /* a change of its props */
	const struct cs_ordering *order; /* whose request it is, or NULL */
	struct cs_buf cautions; /* given when all is done */
	int deferred;		/* one of many: what is put is written later */
	const struct cs_issuer *lent; /* of all of them, with its key */
};
int	cs_create_prepare(struct cs_create *, struct certstore_error *);
void	cs_create_done(struct cs_create *);

/* newkey.c: the key, made once; the passphrase that encrypts it, or NULL. */
int	cs_newkey_make(struct cs_create *, struct certstore_error *);
const char *cs_newkey_passphrase(const struct cs_create *);

/* ordering.c: the request of an ACME order: is a new one needed: 1, 0 and the
 * CSR of the one that waits, -1; may another one take its place: 0, -1. */
int	cs_ordering_decide(struct cs_create *, char **,
	    struct certstore_error *);
int	cs_ordering_protect(struct cs_create *, struct certstore_error *);

/* request.c: a request that waits in an entry: is a new one needed, 1, 0 and
 * the CSR of the old one, -1; make one, 1 or -1. */
int	cs_request_needed(struct cs_create *, char **, struct certstore_error *);
int	cs_request_make(struct cs_create *, char **, struct certstore_error *);

#endif
