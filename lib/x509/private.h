/*
 * private.h: what the files of x509 share.
 */
#ifndef X509_PRIVATE_H
#define X509_PRIVATE_H

#include "x509/x509.h"

/* key.c */
EVP_PKEY *cs_key_parse_public(const struct cs_pem *,
	    struct certstore_error *);		/* of CS_PEM_PUBKEY */
int	cs_key_encode_public(struct cs_buf *, EVP_PKEY *,
	    struct certstore_error *);		/* PEM */
int	cs_key_match(EVP_PKEY *, char [CS_HASH_LEN], struct certstore_error *);
				/* as cs_key_parse() would encode it */

/* cert.c: a malformed extension is told in the text, malloc'ed. */
int	cs_cert_check(const char *, X509 *, char **, struct certstore_error *);

/* describe.c */
int	cs_describe_key(struct cs_buf *, EVP_PKEY *, struct certstore_error *);

/* print.c: for people to read; control bytes of foreign values escaped. */
int	cs_print_escape(struct cs_buf *, const void *, size_t);
enum cs_print {
	CS_PRINT_CERT,		/* X509 */
	CS_PRINT_CSR,		/* X509_REQ */
	CS_PRINT_KEY		/* EVP_PKEY, its public part */
};
int	cs_print_text(struct cs_buf *, enum cs_print, void *,
	    struct certstore_error *);

#endif
