/*
 * pem.h: what people paste, and files of any kind, to DER items.
 */
#ifndef PEM_PEM_H
#define PEM_PEM_H

#include <openssl/x509.h>

#include "base/base.h"

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
int	cs_pem_encode_item(struct cs_buf *, const char *, const ASN1_ITEM *,
	    const void *, struct certstore_error *);	/* an object of libcrypto */

/* item.c */
void	cs_item_free(struct cs_pems *);
int	cs_item_iskey(const struct cs_pem *);	/* private, encrypted or not */
/* "label:line" (or the label alone in binary input) for messages. */
const char *cs_item_where(const struct cs_pem *, char *, size_t);
/* A file name as messages show it: escaped, of a long one the end; malloc'ed. */
char	*cs_item_label(const char *);

/* der.c: the outer shape of DER. */
int	cs_der_looks(const unsigned char *, size_t);	/* and not like text */
int	cs_der_type(const unsigned char *, size_t);	/* cs_pem_type or -1 */

/* pkcs8.c: a private key of version 2 (RFC 5958), NULL if it is not that. */
PKCS8_PRIV_KEY_INFO *cs_pkcs8_version2(const unsigned char *, size_t);

/* decrypt.c: opens encrypted keys.  The passphrase that opened it, malloc'ed,
 * goes to the char **. */
PKCS8_PRIV_KEY_INFO *cs_decrypt_pkcs8(const char *, const unsigned char *,
	    size_t, const struct certstore_passphrase *, char **,
	    struct certstore_error *);
/* DEK-Info and what it covers, for OPENSSL_clear_free().  A wrong passphrase
 * may give good padding, one in 256 does: the function says whether the result
 * is what it should be. */
unsigned char *cs_decrypt_dek(const char *, const char *,
	    const unsigned char *, size_t,
	    const struct certstore_passphrase *,
	    int (*)(const unsigned char *, size_t), size_t *, char **,
	    struct certstore_error *);

#endif
