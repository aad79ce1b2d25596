/*
 * pem.h: reads pasted text and files of any format, and makes DER items.
 */
#ifndef PEM_PEM_H
#define PEM_PEM_H

#include <openssl/x509.h>

#include "base/base.h"

#define CS_PASSPHRASE_MAX	1024

/*
 * pem.c: PEM text, DER, PKCS#7 and PKCS#12 become a flat list of items.
 * Damaged text is accepted if it has only one possible meaning; other input is
 * refused with its label, the line and the reason.
 */
enum cs_pem_type {
	CS_PEM_CERT,		/* DER certificate */
	CS_PEM_KEY,		/* unencrypted: PKCS#8, PKCS#1, SEC1 */
	CS_PEM_KEY_PKCS8ENC,	/* EncryptedPrivateKeyInfo */
	CS_PEM_KEY_DEK,		/* traditional, Proc-Type: 4,ENCRYPTED */
	CS_PEM_CSR,
	CS_PEM_CRL,
	CS_PEM_PUBKEY,
	/* these two never become items: cs_pem_read() opens them */
	CS_PEM_PKCS7,
	CS_PEM_PKCS12
};
struct cs_pem {
	enum cs_pem_type	 type;
	char			*label;		/* file name or "stdin" */
	size_t			 line;		/* of BEGIN; 0: binary input */
	char			*pemlabel;	/* "PRIVATE KEY"; "": binary */
	unsigned char		*der;
	size_t			 derlen;
	char			*dek;		/* DEK-Info, or NULL */
	char			*passphrase;	/* that opened it, or NULL */
	unsigned char		*aux;		/* trust settings, or NULL */
	size_t			 auxlen;
};
struct cs_pems {
	struct cs_pem	*v;
	size_t		 n;
	size_t		 size;
};
/*
 * Appends the items of an input to the list.  The passphrase may be NULL; it is
 * asked for only if a PKCS#12 does not open without one and with an empty one.
 * CRLs, parameters and unknown labels are skipped; an input that has nothing
 * else is CERTSTORE_EINPUT.
 */
int	cs_pem_read(const char *, const void *, size_t,
	    const struct certstore_passphrase *, struct cs_pems *,
	    struct certstore_error *);
/* The same, but CRLs become items, too: of an input of anything, and of one that
 * should have CRLs, which messages then name. */
int	cs_pem_read_all(const char *, const void *, size_t,
	    const struct certstore_passphrase *, struct cs_pems *,
	    struct certstore_error *);
int	cs_pem_read_crls(const char *, const void *, size_t, struct cs_pems *,
	    struct certstore_error *);
/* As cs_pem_read(), of one that should have a request, which messages name. */
int	cs_pem_read_csr(const char *, const void *, size_t, struct cs_pems *,
	    struct certstore_error *);
/* Appends PEM text with this label: of DER, of an object of libcrypto. */
int	cs_pem_encode(struct cs_buf *, const char *, const unsigned char *,
	    size_t);
int	cs_pem_encode_item(struct cs_buf *, const char *, const ASN1_ITEM *,
	    const void *, struct certstore_error *);

/* item.c: items and their names in messages */
void	cs_item_free(struct cs_pems *);
int	cs_item_iskey(const struct cs_pem *);	/* private, encrypted or not */
/* "label:line", or the label alone for binary input. */
const char *cs_item_where(const struct cs_pem *, char *, size_t);
/* A file name, escaped; of a long one only the end; malloc'ed. */
char	*cs_item_label(const char *);

/* der.c: the structure of DER */
int	cs_der_looks(const unsigned char *, size_t);	/* is DER, not text */
int	cs_der_type(const unsigned char *, size_t);	/* cs_pem_type or -1 */
/* Reads the length of a SEQUENCE with its header.  Returns 1, 0 if the length
 * is indefinite, -1 if it is not a SEQUENCE. */
int	cs_der_total(const unsigned char *, size_t, size_t *);

/* pkcs8.c: parses a private key of version 2 (RFC 5958); NULL: it is not. */
PKCS8_PRIV_KEY_INFO *cs_pkcs8_version2(const unsigned char *, size_t);

/*
 * decrypt.c: opens an encrypted PKCS#8 key.  The first argument is its name in
 * messages; the char ** receives the passphrase, malloc'ed, or NULL if it was
 * empty.
 */
PKCS8_PRIV_KEY_INFO *cs_decrypt_pkcs8(const char *, const unsigned char *,
	    size_t, const struct certstore_passphrase *, char **,
	    struct certstore_error *);
/* Answers with this passphrase, which is borrowed, or for NULL with none. */
struct certstore_passphrase cs_decrypt_known(char *);
/*
 * Opens a traditional key: the text of DEK-Info, then the encrypted bytes.  The
 * result is for OPENSSL_clear_free().  With one in 256 wrong passphrases the
 * padding is valid, so the function passed checks whether the result is a key.
 */
unsigned char *cs_decrypt_dek(const char *, const char *,
	    const unsigned char *, size_t,
	    const struct certstore_passphrase *,
	    int (*)(const unsigned char *, size_t), size_t *, char **,
	    struct certstore_error *);

#endif
