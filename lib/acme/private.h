/*
 * private.h: what the files of acme share.
 */
#ifndef ACME_PRIVATE_H
#define ACME_PRIVATE_H

#include "x509/x509.h"

#define CS_URL_MAX	2048		/* bytes; ours */
#define CS_RSA_MAX	2048		/* bytes of a number of RSA */

/* base64url.c: RFC 7515 section 2, without padding. */
int	cs_base64url_add(struct cs_buf *, const void *, size_t);
/* Appends what a text of so many characters means: 1, 0 malformed, -1. */
int	cs_base64url_decode(struct cs_buf *, const char *, size_t);
int	cs_base64url_isvalid(const char *, size_t);	/* of at most so many */

/* jsontext.c: reads an object whose members are strings. */
struct cs_member {
	const char	*name, *value;	/* parts of the text: no escapes */
	size_t		 namelen, len;
};
#define CS_MEMBERS_MAX	32
/* NULL, or what is wrong; how many, and the members. */
const char *cs_jsontext_read(const char *, size_t, size_t *,
	    struct cs_member [CS_MEMBERS_MAX]);

/* jwk.c: keys for JWS (RFC 7517, 7518, 8037). */
enum { CS_JWS_EC, CS_JWS_RSA, CS_JWS_OKP };
struct cs_jwsalg {
	const char	*name;		/* "ES256" */
	int		 kty;
	const char	*curve;		/* "P-256"; NULL: RSA */
	const char	*group;		/* libcrypto's name for it */
	const char	*digest;
	size_t		 len;		/* of a number, bytes */
};
const struct cs_jwsalg *cs_jwk_alg(EVP_PKEY *);		/* NULL: none */
int	cs_jwk_check(const char *, EVP_PKEY *, struct certstore_error *);
/* The public key as its thumbprint has it (RFC 7638 section 3); that. */
int	cs_jwk_add(struct cs_buf *, EVP_PKEY *, struct certstore_error *);
int	cs_jwk_thumbprint(struct cs_buf *, EVP_PKEY *,
	    struct certstore_error *);
/* A private key, as PEM or JWK.  The label is for messages. */
EVP_PKEY *cs_jwk_parse(const char *, const void *, size_t,
	    struct certstore_error *);

/*
 * jws.c: appends a flattened JWS (RFC 7515 section 7.2.2) of a protected header
 * and a payload, by a private key or by an HMAC key.
 */
int	cs_jws_sign(struct cs_buf *, EVP_PKEY *, const char *, const char *,
	    struct certstore_error *);
int	cs_jws_mac(struct cs_buf *, const void *, size_t, const char *,
	    const char *, struct certstore_error *);

/*
 * acmedir.c: opens a directory in STORE/acme, with mode 0700: to read it; to
 * write it, so that it must belong to this user; to make it, too.  -1: ENOENT in
 * errnum if it does not exist.
 */
enum cs_acmedir {
	CS_ACMEDIR_READ, CS_ACMEDIR_WRITE, CS_ACMEDIR_MAKE
};
#define CS_ACME_DIR	"acme"
#define CS_ACCOUNTS_DIR	"accounts"
int	cs_acmedir_open(const struct certstore *, const char *,
	    enum cs_acmedir, struct certstore_error *);

/*
 * weburl.c: what is wrong with a URL of an ACME server, or NULL.  Lower: its
 * scheme and host in lower case.  Known: the directory of a CA that has a short
 * name, or NULL.  Name: that name, or one made of host and port.
 */
const char *cs_weburl_flaw(const char *);
void	cs_weburl_lower(char *);
const char *cs_weburl_known(const char *);
void	cs_weburl_name(const char *, char [CS_NAME_MAX + 1]);

/* values.c: what is in the file of an account: lines, and changes of them. */
struct cs_value {
	char			*key;
	enum certstore_set_how	 how;
	char			*value;		/* normalised */
};
struct cs_values {
	struct cs_value	*v;
	size_t		 n, size;
};
int	cs_values_make(struct cs_value *, const char *, enum certstore_set_how,
	    const char *, struct certstore_error *);
void	cs_values_done(struct cs_value *);
int	cs_values_add(struct cs_values *, struct cs_value *);	/* takes it */
int	cs_values_apply(struct cs_values *, const struct cs_value *);
const char *cs_values_get(const struct cs_values *, const char *, size_t);
int	cs_values_parse(struct cs_values *, const char *, struct cs_buf *,
	    struct certstore_error *);		/* cuts the text; label */
int	cs_values_compose(struct cs_buf *, const struct cs_values *);
void	cs_values_free(struct cs_values *);

/* account.c */
struct certstore_account {
	struct certstore	*store;
	char			 name[CS_NAME_MAX + 1];
	int			 named;		/* a new one, by the caller */
	int			 flags;
	int			 dir;		/* -1: not yet made */
	int			 lock;		/* -1: not locked */
	int			 logged;	/* by this handle */
	struct cs_values	 values;
	struct cs_values	 changes;	/* since it was read */
	EVP_PKEY		*pkey, *newkey;	/* NULL: not yet read */
};
/* Its key, or that of a rollover (1), borrowed; NULL and an error. */
EVP_PKEY *cs_account_key(struct certstore_account *, int,
	    struct certstore_error *);

/* order.c */
struct certstore_order {
	struct certstore *store;
	char		*name;		/* of the entry */
	int		 dir, lock;	/* acme/orders/NAME, and its lock */
	struct cs_buf	 text;		/* the state */
	struct cs_strings keys, values;	/* its lines */
	unsigned char	*der;		/* the CSR that waits, or NULL */
	size_t		 derlen;
	struct cs_info	 wanted;	/* that, described; its names sorted */
	struct cs_buf	 calls;		/* base64url of its TNAuthList, or empty */
	int		 hascn;		/* it has a common name */
	int		 dry;		/* it was made by a dry run */
	char		 fingerprint[CS_HASH_LEN];	/* what serves, or "" */
};
#define CS_ORDER_HELD	"held.pem"	/* in the directory of the order */
/* A system call failed, for this file of it; "" for the directory. */
int	cs_order_fail(const struct certstore_order *, const char *,
	    struct certstore_error *);
int	cs_order_opendir(struct certstore_order *, struct certstore_error *);
int	cs_order_lock(struct certstore_order *, struct certstore_error *);
int	cs_order_load(struct certstore_order *, struct certstore_error *);
int	cs_order_removeheld(struct certstore_order *, struct certstore_error *);
/* The i-th value of a key.  Changes of the text, which write puts on disk: of a
 * value; all lines about the order (1), about the certificate (2) dropped; only
 * what holds for this certificate, which the order is for, kept. */
const char *cs_order_find(const struct certstore_order *, const char *, size_t);
int	cs_order_change(struct certstore_order *, const char *,
	    enum certstore_set_how, const char *, struct certstore_error *);
int	cs_order_droplines(struct certstore_order *, int,
	    struct certstore_error *);
int	cs_order_conclude(struct certstore_order *, const char *,
	    struct certstore_error *);
int	cs_order_write(struct certstore_order *, struct certstore_error *);
/* The request in this PEM is the one that waits; none is. */
int	cs_order_takerequest(struct certstore_order *, const struct cs_buf *,
	    struct certstore_error *);
void	cs_order_forget(struct certstore_order *);

/* anchored.c: adds a line if the chain of an entry leads to a trust anchor, and
 * that of its new certificate to none. */
int	cs_anchored_check(struct certstore *, const char *, const void *,
	    size_t, struct cs_buf *, struct certstore_error *);

#endif
