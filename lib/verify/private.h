/*
 * private.h: what the files of verify share.
 */
#ifndef VERIFY_PRIVATE_H
#define VERIFY_PRIVATE_H

#include <openssl/provider.h>

#include "trust/trust.h"

#define CS_PATH_MAX 32	/* certificates in one path */

enum cs_profile {
	CS_PROFILE_NONE, /* from the certificate */
	CS_PROFILE_ANY,
	CS_PROFILE_SERVER,
	CS_PROFILE_CLIENT,
	CS_PROFILE_PEER,
	CS_PROFILE_MAIL,
	CS_PROFILE_CA,
	CS_PROFILE_SHAKEN,
	CS_PROFILE_WEBPKI
};

/* The rules; rule.c says of each what it is and how bad. */
enum cs_rule {
	/* the path */
	CS_RULE_UNTRUSTED,
	CS_RULE_SELF_SIGNED,
	CS_RULE_DISTRUSTED,
	CS_RULE_ANCHOR_USE,
	CS_RULE_GAVE_UP,
	CS_RULE_TOO_LONG,
	CS_RULE_SIGNATURE,
	CS_RULE_AKI_MISMATCH,
	CS_RULE_NOT_YET,
	CS_RULE_EXPIRED,
	CS_RULE_NOT_CA,
	CS_RULE_V1_ANCHOR,
	CS_RULE_CERT_SIGN,
	CS_RULE_PATH_LENGTH,
	CS_RULE_CONSTRAINED,
	CS_RULE_CONSTRAINED_WILDCARD,
	CS_RULE_POLICY,
	/* what it is asked for */
	CS_RULE_HOST,
	CS_RULE_PURPOSE,
	CS_RULE_PURPOSE_CA,
	CS_RULE_NO_CA,
	CS_RULE_USAGE,
	CS_RULE_USAGE_CA,
	CS_RULE_TNAUTHLIST, CS_RULE_TNAUTHLIST_BAD,
	CS_RULE_DELEGATE, CS_RULE_DELEGATE_UNSURE,
	/* its form */
	CS_RULE_MALFORMED,
	CS_RULE_TIME_BAD,
	CS_RULE_DUPLICATE,
	CS_RULE_UNKNOWN_CRITICAL,
	CS_RULE_PROXY,
	CS_RULE_ALGORITHM_MISMATCH,
	CS_RULE_VERSION,
	CS_RULE_EXTENSIONS_VERSION,
	CS_RULE_SERIAL,
	CS_RULE_TIME_FORM,
	CS_RULE_TIME_ORDER,
	CS_RULE_LIFE,
	CS_RULE_UNIQUE_ID,
	CS_RULE_ISSUER_EMPTY,
	CS_RULE_SUBJECT_EMPTY,
	/* key identifiers */
	CS_RULE_AKI_MISSING,
	CS_RULE_AKI_CRITICAL,
	CS_RULE_AKI_KEYID,
	CS_RULE_AKI_ISSUER,
	CS_RULE_AKI_ROOT,
	CS_RULE_AKI_ANCHOR,
	CS_RULE_SKI_MISSING,
	CS_RULE_SKI_CRITICAL,
	/* what a CA says of itself */
	CS_RULE_CA_NOT_CRITICAL,
	CS_RULE_CA_USAGE_MISSING,
	CS_RULE_CA_LEAF,
	CS_RULE_NON_CA_CERT_SIGN,
	CS_RULE_PATHLEN_NON_CA,
	CS_RULE_PATHLEN_CERT_SIGN,
	CS_RULE_POLICY_NOT_CRITICAL,
	CS_RULE_POLICY_EMPTY,
	CS_RULE_POLICY_BAD,
	CS_RULE_POLICY_QUALIFIER,
	/* extended key usage */
	CS_RULE_EKU_EMPTY,
	CS_RULE_EKU_MISSING,
	CS_RULE_EKU_ANY,
	CS_RULE_EKU_OTHER,
	CS_RULE_EKU_CRITICAL,
	CS_RULE_EKU_ROOT,
	/* names */
	CS_RULE_SAN_MISSING,
	CS_RULE_SAN_EMPTY,
	CS_RULE_SAN_NOT_CRITICAL,
	CS_RULE_SAN_CRITICAL,
	CS_RULE_SAN_DNS,
	CS_RULE_SAN_IP,
	CS_RULE_SAN_EMAIL,
	CS_RULE_SAN_URI,
	CS_RULE_SAN_TYPE,
	CS_RULE_SAN_SUFFIX,
	CS_RULE_CN,
	/* name constraints */
	CS_RULE_NC_LEAF,
	CS_RULE_NC_EMPTY,
	CS_RULE_NC_NOT_CRITICAL,
	CS_RULE_NC_RANGE,
	CS_RULE_NC_DNS,
	CS_RULE_NC_IP,
	CS_RULE_NC_EMAIL,
	CS_RULE_NC_URI,
	CS_RULE_NC_UNSUPPORTED,
	CS_RULE_NC_MANY,
	/* keys and algorithms */
	CS_RULE_KEY_UNKNOWN,
	CS_RULE_KEY_WEAK,
	CS_RULE_KEY_OLD,
	CS_RULE_DIGEST_WEAK,
	CS_RULE_DIGEST_OLD,
	CS_RULE_KEY_TLS,
	CS_RULE_KEY_ALGORITHM,
	CS_RULE_RSA_SIZE,
	CS_RULE_RSA_EXPONENT,
	CS_RULE_EXPLICIT_CURVE,
	/* revocation */
	CS_RULE_REVOKED,
	CS_RULE_CRL_MISSING,
	CS_RULE_CRL_UNCOVERED,
	CS_RULE_CRL_EXPIRED,
	CS_RULE_CRL_NOT_YET,
	CS_RULE_CRL_SIGNATURE,
	CS_RULE_CRL_SIGN,
	CS_RULE_CRL_SCOPE,
	CS_RULE_CRL_EXTENSION,
	CS_RULE_CRL_NUMBER,
	CS_RULE_CRL_PATH,
	CS_RULE_OTHER,
	CS_NRULE
};

struct cs_reason {
	enum cs_rule	 rule;
	int		 warning;
	int		 depth;		/* 0 is the end-entity */
	X509		*x509;		/* borrowed; NULL: of the path */
	char		*detail;	/* or NULL */
};
struct cs_reasons {
	struct cs_reason *v;
	size_t		 n;
	size_t		 size;
	size_t		 nerror;
};

/* What a certificate is asked to be good for. */
struct cs_asked {
	enum cs_profile	 profile;
	int64_t		 when;
	const struct certstore *store;		/* whose revocations count, or NULL */
	int		 hashost;
	char		 host[CS_HOST_MAX + 1];	/* normalised */
	unsigned char	 ip[16];
	size_t		 iplen;			/* 0: host is a name */
	STACK_OF(X509_CRL) *crls;
	int		 (*suffix)(void *, const char *);
	void		*suffixarg;
};

/* A certificate that may be part of a path: the rules it breaks in any path,
 * and its possible issuers. */
struct cs_node;
struct cs_candidate {
	struct cs_node	*node;
	int		 rank;		/* lowest first */
};
struct cs_node {
	X509		*x509;
	uint64_t	 order;		/* see orderof() */
	int		 leaf, anchor;
	int		 checked;
	struct cs_reasons own;
	size_t		 nname, nconstraint;	/* names and name constraints */
	int		 cost;		/* of a signature by its key */
	int		 gathered;
	struct cs_candidate *issuers;
	int		 nissuer;
	int		 dead;		/* no issuer leads to an anchor */
};

/* rule.c */
struct cs_rule_text {
	const char	*code;
	const char	*how;	/* any, purposes, webpki: 'E' 'W' or '-' */
	const char	*rfc;
	const char	*text;
};
extern const struct cs_rule_text cs_rules[CS_NRULE];
int	cs_rule_profile(const char *, enum cs_profile *);	/* by name */
const char *cs_rule_profile_name(enum cs_profile);
/*
 * Adds a reason, unless the rule does not count for the profile or the list has
 * it already: to any list, or to the own ones of a certificate.  The detail is
 * formatted, or NULL; foreign text in it must be escaped.  0, -1 no memory.
 */
int	cs_rule_add(struct cs_reasons *, const struct cs_asked *, enum cs_rule,
	    X509 *, const char *, ...) CS_PRINTFLIKE(5, 6);
int	cs_rule_note(const struct cs_asked *, struct cs_node *, enum cs_rule,
	    const char *, ...) CS_PRINTFLIKE(4, 5);
int	cs_rule_copy(struct cs_reasons *, const struct cs_reasons *);
void	cs_rule_free(struct cs_reasons *);

/* The rules for one certificate, by theme: reasons go to node->own; 0, or not 0
 * without memory. */
int	cs_syntax_check(const struct cs_asked *, struct cs_node *);
int	cs_san_check(const struct cs_asked *, struct cs_node *);
int	cs_nameconstraint_check(const struct cs_asked *, struct cs_node *);
int	cs_purpose_check(const struct cs_asked *, struct cs_node *);
unsigned int cs_purpose_uses(enum cs_profile);	/* CS_USE_*, 0: any */
int	cs_algorithm_check(const struct cs_asked *, struct cs_node *);
/* Names of a path, end-entity first, that a constraint above them forbids. */
int	cs_nameconstraint_path(const struct cs_asked *,
	    struct cs_node *const *, int, struct cs_reasons *);

/* cache.c: CA certificates and verified signatures. */
#define CS_CACHE_MAX	64
struct cs_sigcheck {		/* is x509 signed by issuer? */
	X509	*x509, *issuer;
	int	 yes;
};
struct cs_cache_cert {
	unsigned char	*der;
	size_t		 derlen;
	X509		*x509;
};
struct cs_cache {
	struct cs_cache_cert	 cert[CS_CACHE_MAX];
	struct cs_sigcheck		 check[CS_CACHE_MAX];	/* of those */
	size_t			 nextcert, nextcheck;	/* the oldest */
};
X509	*cs_cache_find(const struct cs_cache *, const unsigned char *, size_t);
void	cs_cache_add(struct cs_cache *, const unsigned char *, size_t, X509 *);
int	cs_cache_signed(const struct cs_cache *, const X509 *, const X509 *);
void	cs_cache_addsigned(struct cs_cache *, X509 *, X509 *, int);
void	cs_cache_free(struct cs_cache *);

/* setcrls.c: the CRLs of a text: adds those of cs_pems to a stack, and sorts
 * it, so that their order in the input does not matter: how many, or -1. */
int	cs_setcrls_add(STACK_OF(X509_CRL) **, const struct cs_pems *,
	    struct certstore_error *);
/* Of the open directory of a trust set, by its path: reads what it has. */
int	cs_setcrls_read(STACK_OF(X509_CRL) **, int, const char *,
	    struct certstore_error *);
int	cs_setcrls_helpers(struct cs_buf *, int, const char *,
	    struct certstore_error *);

/* lazycerts.c: certificates whose keys are decoded on demand. */
struct cs_lazycert {
	X509	*x509;
	int	 whole;		/* with its key */
	int	 hasuses;
	struct cs_uses uses;	/* trust settings */
};
struct cs_lazycerts {
	struct cs_lazycert	*v;
	size_t		 n, size;
	size_t		 nuses;		/* those with trust settings */
	OSSL_LIB_CTX	*ctx;
	OSSL_PROVIDER	*null;
	struct cs_cache	*cache;		/* for all but the first; or NULL */
};
int	cs_lazycerts_read(struct cs_lazycerts *, const char *, const void *,
	    size_t, const struct certstore_passphrase *, struct certstore_error *);
const X509_NAME *cs_lazycerts_subject(const struct cs_lazycerts *, size_t);
X509	*cs_lazycerts_get(struct cs_lazycerts *, size_t,
	    struct certstore_error *);
void	cs_lazycerts_drop(struct cs_lazycerts *, size_t);
void	cs_lazycerts_free(struct cs_lazycerts *);

/*
 * anchors.c: the trust anchors of a store or of a directory, and those that
 * were added.  A question sees a set or directory that was replaced, and files
 * that changed.
 */
struct cs_anchors_file {
	char		*name;
	struct cs_stamp	 stamp;
};
struct cs_anchors {
	struct cs_setname tn;		/* of a set; its store is NULL if none */
	struct cs_setname common;	/* the default set of that store */
	char		*path;		/* of a directory, or NULL */
	char		*label;		/* for messages */
	int		 fd;		/* the directory, or -1 */
	struct cs_stamp	 dir;
	struct cs_anchors_file *files;	/* those read so far */
	size_t		 nfile, filesize;
	int		 unhashed;	/* no links HASH.N: all files are read */
	unsigned long	*hashes;	/* of the subjects looked up so far */
	size_t		 nhash, hashsize;
	struct cs_lazycerts	 certs;		/* of the directory, read so far */
	struct cs_lazycerts	 given;
	struct cs_trustset distrusted;	/* the certificates that are kept out */
	struct cs_trustset everywhere;	/* those of the default set */
	struct cs_buf	 helpers;	/* of a set, as PEM */
	STACK_OF(X509_CRL) *crls;	/* of a set, or NULL */
	struct certstore_error doubt;	/* a damaged file, perhaps an anchor */
};
void	cs_anchors_init(struct cs_anchors *);
/* Of the default set (NULL), of a set by name, or of a directory by a path,
 * which has a slash or a dot. */
int	cs_anchors_open(struct cs_anchors *, struct certstore *, const char *,
	    struct certstore_error *);
/* Called before each question, when nothing is borrowed. */
int	cs_anchors_refresh(struct cs_anchors *, struct certstore_error *);
int	cs_anchors_add(struct cs_anchors *, const char *, const void *, size_t,
	    struct certstore_error *);
/* Pushes those with that subject, borrowed. */
int	cs_anchors_find(struct cs_anchors *, const X509_NAME *,
	    STACK_OF(X509) *, struct certstore_error *);
int	cs_anchors_readall(struct cs_anchors *, struct certstore_error *);
int	cs_anchors_distrust(const struct cs_anchors *, X509 *); /* 1, 0, -1 */
int	cs_anchors_distrust_twin(const struct cs_anchors *, X509 *, X509 *);
/* Trust settings, the strictest of all copies: 1, or 0 if there are none. */
int	cs_anchors_uses(const struct cs_anchors *, const X509 *,
	    struct cs_uses *);
void	cs_anchors_close(struct cs_anchors *);

/* path.c: searches a good path, else the best bad one. */
struct cs_search {
	const char		*label;		/* for messages */
	const struct cs_asked	*asked;
	struct cs_anchors	*anchors;
	struct cs_lazycerts	*untrusted;	/* from the second on */
	struct cs_node		**nodes;
	size_t			 nnode, nodesize;
	struct cs_node		**lazynodes;	/* of untrusted, or NULL */
	struct cs_sigcheck		*checks;
	size_t			 ncheck, checksize;
	int			 cost, nstep, npath;	/* spent so far */
	int			 gaveup, toolong, nomem;
	unsigned int		 cuts;		/* issuers not tried to the end */
	struct cs_node		*path[CS_PATH_MAX];
	int			 n;
	struct cs_node		*best[CS_PATH_MAX];	/* the answer */
	int			 nbest;
	int			 anchored;	/* is the last of best an anchor? */
	struct cs_reasons	 reasons;	/* of best */
	struct certstore_error	*err;
};
int	cs_path_search(struct cs_search *, X509 *);	/* 1 good, 0, -1 */
void	cs_path_free(struct cs_search *);

/* signature.c */
#define CS_COST_MAX	300000	/* of one search, in about microseconds */
int	cs_signature_cost(EVP_PKEY *);
int	cs_signature_samekey(X509 *, X509 *);	/* do both certify one key? */
int	cs_signature_check(struct cs_search *, X509 *, X509 *);	/* 1, 0, -1 */

/* judge.c: judges the current path; anchored: its last is an anchor. */
int	cs_purpose_path(const struct cs_asked *,
	    struct cs_node *const *, int, struct cs_reasons *);
int	cs_judge_path(struct cs_search *, int, struct cs_reasons *);

#endif
