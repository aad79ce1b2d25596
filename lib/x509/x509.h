/*
 * x509.h: certificates and keys: parsed, compared, described.
 */
#ifndef X509_X509_H
#define X509_X509_H

#include <netinet/in.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pem/pem.h"
#include "store/store.h"

/* asn1.c: ASN.1 strings as text. */
char	*cs_asn1_text(const ASN1_STRING *);	/* or NULL: it holds a NUL */
const char *cs_asn1_quote(const ASN1_STRING *, char [CS_QUOTE_LEN]);
int	cs_asn1_ip(const ASN1_STRING *, char [INET6_ADDRSTRLEN]);
int	cs_asn1_last(const X509_NAME *, int, unsigned char **);
enum cs_san_type cs_asn1_santype(int);		/* of GEN_DNS and so on */
GENERAL_NAME *cs_asn1_name(enum cs_san_type, const void *, size_t);

/* key.c: parsing gives a pair, and sets the passphrase of the item. */
EVP_PKEY *cs_key_parse(struct cs_pem *,
	    const struct certstore_passphrase *, struct certstore_error *);
EVP_PKEY *cs_key_frompem(const char *, const struct cs_buf *,
	    const struct certstore_passphrase *, struct certstore_error *);
int	cs_key_type_check(const char *, struct certstore_error *);
EVP_PKEY *cs_key_generate(const struct certstore *, const char *,
	    struct certstore_error *);		/* a new one, with progress */
EVP_PKEY *cs_key_again(const struct certstore *, EVP_PKEY *,
	    struct certstore_error *);		/* of the type of another */
int	cs_key_encode(struct cs_buf *, EVP_PKEY *, const char *,
	    struct certstore_error *);		/* PKCS#8 PEM; passphrase or NULL */
/* Is the item the PKCS#8 of a P-256 key as cs_key_encode() writes it (RFC 5915)?
 * It can be kept: libcrypto's encoders take 4 million instructions. */
int	cs_key_iswritten(const struct cs_pem *);
/* Sets a P-256 key, 1; 0: another kind.  X509_PUBKEY_set() encodes and decodes,
 * which takes 2 million instructions. */
int	cs_key_fill(X509_PUBKEY *, EVP_PKEY *);
int	cs_key_setnamed(EVP_PKEY *);	/* by the name of its curve: 1, 0 none */
void	cs_key_name(EVP_PKEY *, char *, size_t);	/* "p256" "rsa:2048" */
int	cs_key_spki(EVP_PKEY *, char [CS_HASH_LEN],
	    struct certstore_error *);		/* SHA-256 of its SPKI */
int	cs_key_isencrypted(const struct cs_buf *);	/* PEM of the store */

/* keypair.c */
int	cs_keypair_matches(EVP_PKEY *);	/* is its public part its own? */

/* strength.c: bits of security of a signature and the name of its digest, or
 * -1; why security level 2 refuses a certificate: 1 and a text, or 0. */
#define CS_SECURITY_MIN	112		/* of security level 2 */
int	cs_strength_isweak(EVP_PKEY *);		/* below it */
int	cs_strength_signature(X509 *, const char **);
int	cs_strength_text(X509 *, char *, size_t);
int	cs_strength_istls(EVP_PKEY *);		/* do TLS peers take it? */

/* uses.c: OpenSSL's trust settings of an anchor. */
#define CS_USE_SERVER	0x1
#define CS_USE_CLIENT	0x2
#define CS_USE_MAIL	0x4
#define CS_USE_ANY	0x8
struct cs_uses {
	int		 limited;	/* has a list of trusted uses */
	unsigned int	 trusts, rejects;	/* CS_USE_* */
	int		 damaged;
};
/* 1 if there are settings, 0 if not, -1 without memory. */
int	cs_uses_read(const struct cs_pem *, struct cs_uses *);
void	cs_uses_merge(struct cs_uses *, const struct cs_uses *);
/* Does it refuse one of the uses, 0: any?  1 and why, or 0. */
int	cs_uses_forbid(const struct cs_uses *, unsigned int, char *, size_t);

/* cert.c: certificates and requests, strictly: after d2i all input is used. */
X509	*cs_cert_parse(const char *, const unsigned char *, size_t,
	    struct certstore_error *);		/* where, DER */
X509	*cs_cert_decode(const char *, const unsigned char *, size_t,
	    struct certstore_error *);		/* extensions may be malformed */
X509_REQ *cs_cert_parse_csr(const char *, const unsigned char *, size_t,
	    struct certstore_error *);
X509_REQ *cs_cert_csr_frompem(const char *, const struct cs_buf *,
	    struct certstore_error *);
int	cs_cert_encode(struct cs_buf *, X509 *, struct certstore_error *);
STACK_OF(X509) *cs_cert_stack(const char *, const struct cs_buf *, int,
	    struct certstore_error *);	/* of our own PEM; 1: only to be shown */
int	cs_cert_read(const struct certstore_entry *, enum cs_file,
	    STACK_OF(X509) **, struct certstore_error *);
				/* of one in the store; 1, 0 no such file, -1 */
int	cs_cert_isbad(X509_EXTENSION *);	/* malformed */
int	cs_cert_istwice(const STACK_OF(X509_EXTENSION) *, int);
int	cs_cert_is_ca(X509 *);
int	cs_cert_is_self_signed(X509 *);		/* by signature, not by name */
int	cs_cert_mayissue(X509 *, X509 *);	/* issuer first; AKI alone */
int	cs_cert_is_signed_by(X509 *, X509 *);	/* name, AKI, signature */
int	cs_cert_same(X509 *, X509 *);
int	cs_cert_fingerprint(X509 *, char [CS_HASH_LEN]);
int	cs_cert_spki(const X509_PUBKEY *, char [CS_HASH_LEN]);
int	cs_cert_match(X509 *, char [CS_HASH_LEN]);
int	cs_cert_time(const ASN1_TIME *, int64_t *);
int64_t	cs_cert_starts(X509 *);
int64_t	cs_cert_ends(X509 *);
int	cs_cert_isvalid(X509 *, int64_t);	/* at that time */
int	cs_cert_called(X509 *, int (*)(void *, const unsigned char *, size_t),
	    void *);
int	cs_cert_name_text(const X509_NAME *, struct cs_buf *);	/* escaped */

/*
 * tnauth.c: the TNAuthList of a certificate or a request, as info has it:
 * escaped codes of service providers; numbers and ranges, as
 * cs_tel_readrange() gives them.
 * Read: 1; 0, and why it is malformed, or NULL: there is none; -1 no memory.
 * Add takes what is typed, "spc:818H" or "tel:12155550000+100": 1, 0 for any
 * other text, -1; addinfo what info has, -1 no memory.  Make gives the
 * extension, or NULL.  Outside: the first entry, a code or a number, that the
 * second list does not have; or NULL.  Encoded adds the DER that is there: 1, 0
 * none, -1 no memory.  Lost adds the first entry of old that info does not have: 1,
 * 0 there is none, -1 no memory.
 */
struct cs_tnauth {
	struct cs_strings spc, tn;
};
int	cs_tnauth_isin(const STACK_OF(X509_EXTENSION) *); /* or malformed */
int	cs_tnauth_read(const STACK_OF(X509_EXTENSION) *, struct cs_tnauth *,
	    const char **);
int	cs_tnauth_add(struct cs_tnauth *, const char *,
	    struct certstore_error *);
int	cs_tnauth_addinfo(struct cs_tnauth *, const struct cs_info *);
X509_EXTENSION *cs_tnauth_make(const struct cs_tnauth *);
const char *cs_tnauth_outside(const struct cs_tnauth *,
	    const struct cs_tnauth *);
int	cs_tnauth_encoded(const STACK_OF(X509_EXTENSION) *, struct cs_buf *);
int	cs_tnauth_lost(struct cs_buf *, const struct cs_info *,
	    const struct cs_info *);	/* info, old */
void	cs_tnauth_free(struct cs_tnauth *);
/* Does the list of an issuer, if it has one, encompass that of a certificate
 * (RFC 9060 section 4)?  CS_DELEGATE_* and what it does not; -1 no memory. */
enum {
	CS_DELEGATE_INSIDE, CS_DELEGATE_OUTSIDE,
	CS_DELEGATE_UNSURE	/* numbers, which may be of the issuer's code */
};
int	cs_tnauth_delegate(const X509 *, const X509 *, char [CS_QUOTE_LEN]);
/* Does the CN, which is quoted, have the code as a word?  1 or 0. */
int	cs_tnauth_isnamed(const X509_NAME *, const char *, char [CS_QUOTE_LEN]);

/*
 * describe.c: the lines of info for certificates, end-entity first, or a CSR.
 */
int	cs_describe_cert(struct cs_buf *, STACK_OF(X509) *,
	    struct certstore_error *);
int	cs_describe_shown(struct cs_buf *, X509 *,
	    struct certstore_error *);	/* one that is not in the store */
int	cs_describe_csr(struct cs_buf *, X509_REQ *, int,
	    struct certstore_error *);	/* 1: of an ACME order */

/* revocation.c: has a CA of the store, which is the issuer, revoked it?  1, 0, -1
 * and errno. */
int	cs_revocation_find(const struct certstore *, const X509 *,
	    const X509 *, struct cs_revocation *);

/* chain.c */
/*
 * Finds the issuers of a certificate, in the pool and then among the CA entries
 * of the store (or NULL): chain has them without a self-signed root, above with
 * it; the caller frees both. complete: a root was reached.
 */
int	cs_chain_build(struct certstore *, X509 *, STACK_OF(X509) *,
	    STACK_OF(X509) **, STACK_OF(X509) **, int *,
	    struct certstore_error *);
/* Makes the files of an entry and its description. keypem is PKCS#8 PEM, or
 * NULL for a CA without key. */
int	cs_chain_files(struct cs_put *, X509 *, STACK_OF(X509) *,
	    STACK_OF(X509) *, const struct cs_buf *, struct certstore_error *);

/*
 * subtree.c: what is wrong with the form of name constraints; the names of a
 * certificate that they forbid, or may forbid, where libcrypto does not see it
 * (what the function gives for each is or'ed together); the first name that
 * either refuses, as text: 1, or 0.
 */
enum cs_subtree {
	CS_SUBTREE_EMPTY,	/* no constraints */
	CS_SUBTREE_RANGE,	/* minimum or maximum */
	CS_SUBTREE_DNS, CS_SUBTREE_IP, CS_SUBTREE_EMAIL, CS_SUBTREE_URI,
	CS_SUBTREE_EXCLUDED,
	CS_SUBTREE_WILDCARD,	/* it stands for an excluded name */
	CS_SUBTREE_UNSUPPORTED	/* it cannot be compared */
};
typedef int cs_subtree_fn(void *, enum cs_subtree, const ASN1_STRING *);
int	cs_subtree_form(const NAME_CONSTRAINTS *, cs_subtree_fn *, void *);
int	cs_subtree_names(X509 *, const NAME_CONSTRAINTS *, cs_subtree_fn *,
	    void *);
int	cs_subtree_outside(X509 *, NAME_CONSTRAINTS *, char *, size_t);

#endif
