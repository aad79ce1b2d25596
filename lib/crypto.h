/*
 * crypto.h: what the files that use libcrypto share (pem cert key chain
 * describe issue create import part).  See internal.h for the rest.
 */
#ifndef CRYPTO_H
#define CRYPTO_H

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "internal.h"

#define CS_ITERATIONS_MAX	10000000	/* of a key derivation */
#define CS_PASSPHRASE_MAX	1024

/*
 * pem.c: the only one that knows "-----BEGIN".  Text with any damage that can
 * be understood without guessing, DER, PKCS#7 and PKCS#12 become a flat list
 * of items; what cannot be understood is refused, naming label, line, reason.
 */
enum cs_pem_type {
	CS_PEM_CERT,		/* DER certificate */
	CS_PEM_KEY,		/* private key in clear: PKCS#8, PKCS#1, SEC1 */
	CS_PEM_KEY_PKCS8ENC,	/* EncryptedPrivateKeyInfo */
	CS_PEM_KEY_DEK,		/* traditional, Proc-Type: 4,ENCRYPTED; dek set */
	CS_PEM_CSR,
	CS_PEM_CRL,
	CS_PEM_PUBKEY,
	CS_PEM_PKCS7,		/* DER, to be opened by cs_pem_read itself */
	CS_PEM_PKCS12		/* DER */
};
struct cs_pem {
	enum cs_pem_type	 type;
	char			*label;		/* file name or "stdin", for messages */
	size_t			 line;		/* of BEGIN; 0 in binary input */
	char			*pemlabel;	/* "RSA PRIVATE KEY"; "" in binary input */
	unsigned char		*der;
	size_t			 derlen;
	char			*dek;		/* text of DEK-Info, or NULL */
	char			*passphrase;	/* that opened it, or NULL */
	unsigned char		*aux;		/* OpenSSL's trust settings, or NULL */
	size_t			 auxlen;
};
struct cs_pems {
	struct cs_pem	*v;
	size_t		 n;
	size_t		 size;
};
/* Appends to the list.  PKCS#7 and PKCS#12 are opened here (the passphrase,
 * which may be NULL, is asked only for PKCS#12 that the empty one does not
 * open).  CRLs, parameters and unknown labels are skipped; an input that holds
 * nothing at all is CERTSTORE_EINPUT. */
int	cs_pem_read(const char *, const void *, size_t,
	    const struct certstore_passphrase *, struct cs_pems *,
	    struct certstore_error *);
/* The same, and CRLs are items, too. */
int	cs_pem_read_crls(const char *, const void *, size_t, struct cs_pems *,
	    struct certstore_error *);
int	cs_pem_encode(struct cs_buf *, const char *, const unsigned char *,
	    size_t);

/* item.c */
void	cs_item_free(struct cs_pems *);
/* "label:line" (or the label alone in binary input) for messages. */
const char *cs_item_where(const struct cs_pem *, char *, size_t);

/*
 * decrypt.c: opens encrypted keys.  A passphrase is asked for once; what does
 * not open is tried in its other forms: a file may have been saved with a byte
 * order mark or with CR LF.
 */
struct cs_opener {
	char		 text[CS_PASSPHRASE_MAX + 1];
	int		 len;
	int		 form;
	const char	*pass;		/* the form to be tried */
	int		 passlen;
};
/* -1 if deriving the key of an algorithm would take more than
 * CS_ITERATIONS_MAX (also if it cannot be told). */
int	cs_decrypt_check(const char *, const X509_ALGOR *,
	    struct certstore_error *);
int	cs_decrypt_iswrong(void);	/* what the queue says of a passphrase */
/* Asks; the last is what is encrypted, for a message: 0, or -1, also without
 * anybody to ask.  The caller wipes. */
int	cs_decrypt_ask(const char *, const struct certstore_passphrase *,
	    struct cs_opener *, const char *, struct certstore_error *);
int	cs_decrypt_form(struct cs_opener *);	/* the next: 1, 0 */
void	cs_decrypt_wipe(struct cs_opener *);
/* The passphrase that opened it, malloc'ed, goes to the char **. */
PKCS8_PRIV_KEY_INFO *cs_decrypt_pkcs8(const char *, const unsigned char *,
	    size_t, const struct certstore_passphrase *, char **,
	    struct certstore_error *);
/* One try: an item of this kind, or NULL and a queue. */
void	*cs_decrypt_item(OSSL_LIB_CTX *, const X509_ALGOR *,
	    const ASN1_OCTET_STRING *, const ASN1_ITEM *, const char *, int);
/* A context in which old ciphers (RC2, single DES) work, too; NULL if there
 * is no legacy provider. */
struct cs_old {
	OSSL_LIB_CTX	*ctx;
	OSSL_PROVIDER	*now, *legacy;
};
OSSL_LIB_CTX *cs_decrypt_old(struct cs_old *);
void	cs_decrypt_old_done(struct cs_old *);
/* DEK-Info and what it covers, for OPENSSL_clear_free().  A wrong passphrase
 * may give good padding, one in 256 does: the function says whether the result
 * is what it should be. */
unsigned char *cs_decrypt_dek(const char *, const char *,
	    const unsigned char *, size_t,
	    const struct certstore_passphrase *,
	    int (*)(const unsigned char *, size_t), size_t *, char **,
	    struct certstore_error *);

/* key.c; cs_key_parse gives a pair and sets the item's passphrase, cs_key_parse_public takes CS_PEM_PUBKEY */
EVP_PKEY *cs_key_parse_public(const struct cs_pem *, struct certstore_error *);
EVP_PKEY *cs_key_parse(struct cs_pem *,
	    const struct certstore_passphrase *, struct certstore_error *);
EVP_PKEY *cs_key_frompem(const char *, const struct cs_buf *,
	    const struct certstore_passphrase *, struct certstore_error *);
int	cs_key_type_check(const char *, struct certstore_error *);
EVP_PKEY *cs_key_generate(const char *, struct certstore_error *);
EVP_PKEY *cs_key_search(const struct certstore *, const char *,
	    struct certstore_error *);		/* the same, with progress */
int	cs_key_encode(struct cs_buf *, EVP_PKEY *, const char *,
	    struct certstore_error *);		/* PKCS#8 PEM; passphrase or NULL */
int	cs_key_encode_public(struct cs_buf *, EVP_PKEY *,
	    struct certstore_error *);		/* PEM */
void	cs_key_name(EVP_PKEY *, char *, size_t);	/* "p256" "rsa:2048" */
int	cs_key_spki(EVP_PKEY *, char [65], struct certstore_error *);	/* SHA-256 hex */
int	cs_key_match(EVP_PKEY *, char [65], struct certstore_error *);
				/* the same, whatever form its point has */
int	cs_key_isweak(EVP_PKEY *);		/* below security level 2 */
int	cs_key_isencrypted(const struct cs_buf *);	/* PEM as the store has it */

/* uses.c: what an anchor may be trusted for, by OpenSSL's trust settings. */
#define CS_USE_SERVER	0x1
#define CS_USE_CLIENT	0x2
#define CS_USE_MAIL	0x4
#define CS_USE_ANY	0x8
struct cs_uses {
	int		 limited;	/* to what it trusts */
	unsigned int	 trusts, rejects;	/* CS_USE_* */
	int		 damaged;
};
/* 1 if there are settings, 0 if not, -1 without memory. */
int	cs_uses_read(const struct cs_pem *, struct cs_uses *);
void	cs_uses_merge(struct cs_uses *, const struct cs_uses *);
/* Is it no anchor for one of the uses, 0: for any: 1 and why, or 0. */
int	cs_uses_forbid(const struct cs_uses *, unsigned int, char *, size_t);

/* strength.c: do TLS peers take it by their defaults, of an end-entity? */
int	cs_strength_istls(EVP_PKEY *);

/*
 * keyform.c: keys to and from ASN.1, most of them without libcrypto's encoders
 * and decoders.  The last three give NULL for what has to be tried with a
 * decoder; the public part of what they give need not be that of the private
 * one.
 */
int	cs_keyform_fill(X509_PUBKEY *, EVP_PKEY *);	/* 0: not of these */
int	cs_keyform_spki(EVP_PKEY *, unsigned char **);	/* length, or <= 0 */
PKCS8_PRIV_KEY_INFO *cs_keyform_wrap(EVP_PKEY *);
EVP_PKEY *cs_keyform_pkcs1(const unsigned char *, size_t);
EVP_PKEY *cs_keyform_sec1(const unsigned char *, size_t);
EVP_PKEY *cs_keyform_unwrap(const PKCS8_PRIV_KEY_INFO *);
PKCS8_PRIV_KEY_INFO *cs_keyform_version2(const unsigned char *, size_t);
int	cs_keyform_ispair(EVP_PKEY *);	/* is its private part its own? */

/* cert.c: certificates and requests, strictly: after d2i all input is used. */
X509	*cs_cert_parse(const char *, const unsigned char *, size_t,
	    struct certstore_error *);		/* where, DER */
X509	*cs_cert_decode(const char *, const unsigned char *, size_t,
	    struct certstore_error *);		/* extensions may be malformed */
/* What is wrong with an extension, malloc'ed, is no error. */
int	cs_cert_check(const char *, X509 *, char **, struct certstore_error *);
X509_REQ *cs_cert_csr_frompem(const char *, const struct cs_buf *,
	    struct certstore_error *);
X509_REQ *cs_cert_parse_csr(const char *, const unsigned char *, size_t,
	    struct certstore_error *);
int	cs_cert_encode(struct cs_buf *, X509 *, struct certstore_error *);
STACK_OF(X509) *cs_cert_stack(const char *, const struct cs_buf *,
	    struct certstore_error *);		/* of our own PEM files */
STACK_OF(X509) *cs_cert_stack_shown(const char *, const struct cs_buf *,
	    struct certstore_error *);		/* extensions may be malformed */
int	cs_cert_isbad(X509_EXTENSION *);	/* malformed */
int	cs_cert_istwice(const STACK_OF(X509_EXTENSION) *, int);
int	cs_cert_is_ca(X509 *);
int	cs_cert_is_shaken(const X509 *);	/* says telephone numbers */
int	cs_cert_is_self_signed(X509 *);		/* by signature, not by name */
int	cs_cert_is_signed_by(X509 *, X509 *);	/* name, AKI where given, signature */
int	cs_cert_same(X509 *, X509 *);
int	cs_cert_fingerprint(X509 *, char [65]);
int	cs_cert_spki(const X509_PUBKEY *, char [65]);
int	cs_cert_match(X509 *, char [65]);
int64_t	cs_cert_starts(X509 *);
int64_t	cs_cert_ends(X509 *);
int	cs_cert_called(X509 *, int (*)(void *, const unsigned char *, size_t),
	    void *);
int	cs_cert_name_text(const X509_NAME *, struct cs_buf *);	/* RFC 4514 order, escaped */

/* describe.c: what info says of a certificate (fullchain, leaf first) or CSR. */
int	cs_describe_cert(struct cs_buf *, STACK_OF(X509) *,
	    struct certstore_error *);
int	cs_describe_shown(struct cs_buf *, X509 *,
	    struct certstore_error *);	/* one that is not in the store */
int	cs_describe_csr(struct cs_buf *, X509_REQ *, struct certstore_error *);
int	cs_describe_key(struct cs_buf *, EVP_PKEY *, struct certstore_error *);

/* print.c: for people to read; control bytes of foreign values escaped. */
int	cs_print_escape(struct cs_buf *, const void *, size_t);
int	cs_print_cert(struct cs_buf *, X509 *, struct certstore_error *);
int	cs_print_csr(struct cs_buf *, X509_REQ *, struct certstore_error *);
int	cs_print_key(struct cs_buf *, EVP_PKEY *, struct certstore_error *);

/* chain.c */
/*
 * Orders what stands above a certificate, from the pool and then from the
 * store's CA entries (store may be NULL): the issuers up to, not including, a
 * self-signed root go to chain; the same with the root, if known, to above.
 * Both are owned by the caller.  complete: 1 if a root was reached.
 */
int	cs_chain_build(struct certstore *, X509 *, STACK_OF(X509) *,
	    STACK_OF(X509) **, STACK_OF(X509) **, int *,
	    struct certstore_error *);
/*
 * Fills in the files of an entry: fullchain, privkey, ca and what
 * describes them.  keypem is PKCS#8 PEM, or NULL for a CA without key.
 */
int	cs_chain_files(struct cs_put *, X509 *, STACK_OF(X509) *,
	    STACK_OF(X509) *, const struct cs_buf *, struct certstore_error *);

/* issue.c: signs. */
struct cs_issuer;
#define CS_LIFE		(397 * CS_DAY)
#define CS_LIFE_CA	(3650 * CS_DAY)
enum cs_setter {		/* those that can fail; adders last */
	CS_SET_TYPE, CS_SET_PROFILE, CS_SET_LIFE, CS_SET_ISSUER, CS_SET_KEY,
	CS_SET_ENCRYPT, CS_ADD_SAN, CS_ADD_SUBJECT, CS_ADD_CONSTRAINT,
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
	struct cs_san_own { enum cs_san_type type; char *value; } *san;
	size_t		 nsan;
	struct cs_attr { char *attr; char *value; } *subject;
	size_t		 nsubject;
	int		 pathlen;		/* -1: none */
	char		**permit, **exclude;
	size_t		 npermit, nexclude;
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
int	cs_keep_constraints(struct certstore_template *,
	    const STACK_OF(X509_EXTENSION) *, struct certstore_error *);

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
int	cs_template_resolve(struct certstore_template *, struct cs_san_own *,
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

/*
 * subtree.c: name constraints as they are: what is wrong with their form, and
 * the names of a certificate that they forbid or may forbid, where libcrypto
 * does not see it.  What the function gives for each is or'ed together.
 */
enum cs_subtree {
	CS_SUBTREE_EMPTY,	/* no constraints */
	CS_SUBTREE_RANGE,	/* minimum or maximum */
	CS_SUBTREE_DNS, CS_SUBTREE_IP, CS_SUBTREE_EMAIL, CS_SUBTREE_URI,
	CS_SUBTREE_EXCLUDED,
	CS_SUBTREE_WILDCARD,	/* a part of it is */
	CS_SUBTREE_UNSUPPORTED	/* it cannot be told */
};
typedef int cs_subtree_fn(void *, enum cs_subtree, const ASN1_STRING *);
int	cs_subtree_form(const NAME_CONSTRAINTS *, cs_subtree_fn *, void *);
int	cs_subtree_names(X509 *, const NAME_CONSTRAINTS *, cs_subtree_fn *,
	    void *);

/* constraint.c: name constraints as typed, as an extension, and applied: entry
 * and certificate against a CA's name and certificate. */
int	cs_constraint_parse(const char *, char **, struct certstore_error *);
int	cs_constraint_add(STACK_OF(X509_EXTENSION) **,
	    const struct certstore_template *, struct certstore_error *);
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

/* crypto.c: the queue of libcrypto as an error; the queue is empty after. */
int	cs_crypto_check(struct certstore_error *);	/* 0, -1: misconfigured */
int	cs_fail_crypto(struct certstore_error *, enum certstore_code,
	    const char *, ...) CS_PRINTFLIKE(3, 4);

#endif
