/*
 * private.h: for the files of pem only.
 */
#ifndef PEM_PRIVATE_H
#define PEM_PRIVATE_H

#include <openssl/provider.h>

#include "pem/pem.h"

/* lines.c: the lines of pasted text, without quoting. */
#define CS_LINES_TTY 4095 /* bytes of a line that a terminal keeps */
struct cs_lines {
	const unsigned char *p;
	size_t len, pos;
	size_t line, start; /* the line at pos, from 1, and its beginning */
	char *buf;
	/* the line that cs_lines_next() read */
	char *s;
	size_t n;
	size_t at;   /* its number, from 1 */
	int comment; /* it was a comment, and n is 0 */
	int dashes;  /* it had dashes other than "-" */
	size_t cut;  /* the last line of CS_LINES_TTY bytes so far */
};
int cs_lines_open(struct cs_lines *, const void *, size_t);
int cs_lines_next(struct cs_lines *); /* 1, 0 at the end */
void cs_lines_close(struct cs_lines *);
int cs_lines_isutf16(const unsigned char *, size_t);
/* "reason: remedy" for an input of another format, or NULL. */
const char *cs_lines_guess(const unsigned char *, size_t);

/* der.c: the structure of DER */
#define CS_DER_BER \
	"%s in BER, with an indefinite length: it must be DER (X.690 10.1), " \
	"ask for it in DER or PEM"
const char *cs_der_name(int);			/* "a certificate" */

/* marker.c: -----BEGIN X----- and -----END X-----, also damaged ones. */
#define CS_MARKER_DASHES 5
#define CS_MARKER_LABEL 80 /* with its NUL */
enum {
	CS_PEM_SKIPPED = -1, /* a label that is not used */
	CS_PEM_OPENSSH = -2
};
struct cs_marker {
	size_t at;	    /* its first byte in the line */
	size_t next;	    /* the first byte after it */
	size_t lead, trail; /* number of dashes before and after */
	int end;	    /* END, not BEGIN */
	int type;	    /* cs_pem_type or one of the above */
	char label[CS_MARKER_LABEL];
};
int cs_marker_find(const char *, size_t, size_t, struct cs_marker *);

/* block.c: headers and base64 between BEGIN and END */
#define CS_BLOCK_DEK 96
#define CS_BLOCK_CHUNK 64 /* characters that are decoded at a time */
struct cs_block {
	size_t line; /* of BEGIN; 0: not in a block */
	int type;    /* cs_pem_type of the label */
	char label[CS_MARKER_LABEL];
	int encrypted; /* it has Proc-Type: 4,ENCRYPTED */
	char dek[CS_BLOCK_DEK];
	size_t chars, pads; /* base64: characters and "=" so far */
	unsigned char chunk[CS_BLOCK_CHUNK];
	unsigned char *der;   /* has room for the whole input */
	size_t len;	      /* decoded so far */
	size_t width;	      /* characters in the first line */
	size_t odd, oddwidth; /* the first line of another width */
	int more;	      /* that line is not the last */
};

/* pem.c */
struct cs_reader {
	struct cs_pems *list;
	const struct certstore_passphrase *pass;
	struct certstore_error *err;
	int asked;	     /* what the input should have, see pem.c */
	int crls;	     /* CRLs become items, too */
	size_t outer;	     /* line of PEM that is itself in base64, or 0 */
	struct cs_pem proto; /* label, line and pemlabel of the next item */
	char pemlabel[CS_MARKER_LABEL];
	char skipped[CS_MARKER_LABEL]; /* the first label that is not used */
	struct cs_lines text;
	struct cs_block b;
};
/* item.c */
/* Sets CERTSTORE_EINPUT with file and line (0: no line).  Returns -1. */
int cs_item_refuse(struct cs_reader *, size_t, const char *, ...)
    CS_PRINTFLIKE(3, 4);
/* Adds a copy of the DER, with the label, line and pemlabel of an item. */
int cs_item_add(struct cs_pems *, const struct cs_pem *, enum cs_pem_type,
    const unsigned char *, size_t);
void cs_item_drop(struct cs_pems *, size_t); /* keeps the first n */

/* block.c */
int cs_block_add(struct cs_reader *, const char *, size_t);
size_t cs_block_digits(const char *, size_t);
void cs_block_push(struct cs_block *, const char *, size_t);
int cs_block_flush(struct cs_block *);
int cs_block_finish(struct cs_reader *);
/* Writes "reason: remedy" for missing data. */
const char *cs_block_missing(const struct cs_reader *, char *, size_t);

/* container.c: makes an item of a complete DER, or items of the certificates
 * and keys in PKCS#7 and PKCS#12. */
int cs_container_open(struct cs_reader *, enum cs_pem_type,
    const unsigned char *, size_t);

#define CS_ITERATIONS_MAX	10000000	/* of a key derivation */

/*
 * decrypt.c: opens encrypted keys.  A passphrase is asked for once and tried in
 * several forms: its file may have been saved with a byte order mark, or with
 * CR LF.
 */
struct cs_opener {
	char		 text[CS_PASSPHRASE_MAX + 1];
	int		 len;
	int		 form;
	const char	*pass;		/* the current form */
	int		 passlen;
};
/* Returns -1 if deriving the key would take more than CS_ITERATIONS_MAX, or the
 * number is unknown; else 0. */
int	cs_decrypt_check(const char *, const X509_ALGOR *,
	    struct certstore_error *);
/* Asks for the passphrase: 0, or -1, also if nobody can be asked.  The fourth
 * argument is "the key is" or the like.  The caller wipes the opener. */
int	cs_decrypt_ask(const char *, const struct certstore_passphrase *,
	    struct cs_opener *, const char *, struct certstore_error *);
int	cs_decrypt_form(struct cs_opener *);	/* the next form: 1, 0 */
void	cs_decrypt_wipe(struct cs_opener *);
/* Returns a context with the old ciphers (RC2, single DES), too; NULL if there
 * is no legacy provider. */
struct cs_old {
	OSSL_LIB_CTX	*ctx;
	OSSL_PROVIDER	*now, *legacy;
};
OSSL_LIB_CTX *cs_decrypt_old(struct cs_old *);
void	cs_decrypt_old_done(struct cs_old *);
/* Decrypts and decodes an item of this kind, if need be with an old cipher: 1,
 * 0 the passphrase is wrong, -1 libcrypto cannot. */
int	cs_decrypt_item(struct cs_old *, const X509_ALGOR *,
	    const ASN1_OCTET_STRING *, const ASN1_ITEM *, const char *, int,
	    void **);

#endif
