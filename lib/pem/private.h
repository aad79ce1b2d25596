/*
 * private.h: what the files of pem share.
 */
#ifndef PEM_PRIVATE_H
#define PEM_PRIVATE_H

#include <openssl/provider.h>

#include "pem/pem.h"

/* lines.c: lines of text as people paste it, without what is around them. */
#define CS_LINES_TTY 4095 /* a terminal cuts a longer line */
struct cs_lines {
	const unsigned char *p;
	size_t len, pos;
	size_t line, start; /* where pos is */
	char *buf;
	char *s; /* the line that next gave */
	size_t n;
	size_t at;   /* its number, from 1 */
	int comment; /* of which nothing is left */
	int dashes;  /* some were not "-" */
	size_t cut;  /* the last line of CS_LINES_TTY bytes */
};
int cs_lines_open(struct cs_lines *, const void *, size_t);
int cs_lines_next(struct cs_lines *); /* 1, 0 at the end */
void cs_lines_close(struct cs_lines *);
int cs_lines_isutf16(const unsigned char *, size_t);
/* "reason: remedy" for input in which nothing was found, or NULL. */
const char *cs_lines_guess(const unsigned char *, size_t);

/* der.c: the outer shape of DER. */
/* How long the SEQUENCE at p says it is: 1, 0 indefinite, -1 no SEQUENCE. */
int cs_der_total(const unsigned char *, size_t, size_t *);
#define CS_DER_BER \
	"%s in BER, with an indefinite length: it must be DER (X.690 10.1), " \
	"ask for it in DER or PEM"
const char *cs_der_name(int);			/* "a certificate" */

/* marker.c: -----BEGIN X----- and -----END X-----, or what was meant to be. */
#define CS_MARKER_DASHES 5
#define CS_MARKER_LABEL 80 /* with its NUL */
enum {
	CS_PEM_SKIPPED = -1, /* of no use here */
	CS_PEM_OPENSSH = -2
};
struct cs_marker {
	size_t at;	    /* of its first byte in the line */
	size_t next;	    /* of what follows */
	size_t lead, trail; /* dashes */
	int end;
	int type; /* cs_pem_type or one of the above */
	char label[CS_MARKER_LABEL];
};
int cs_marker_find(const char *, size_t, size_t, struct cs_marker *);

/* block.c: what stands between two markers. */
#define CS_BLOCK_DEK 96
#define CS_BLOCK_CHUNK 64 /* characters that are decoded at a time */
struct cs_block {
	size_t line; /* of BEGIN; 0: outside of any */
	int type;    /* that the label says */
	char label[CS_MARKER_LABEL];
	int encrypted; /* Proc-Type said so */
	char dek[CS_BLOCK_DEK];
	size_t chars, pads; /* of base64 */
	unsigned char chunk[CS_BLOCK_CHUNK];
	unsigned char *der;   /* room for all there can be */
	size_t len;	      /* decoded so far */
	size_t width;	      /* characters in the first line, */
	size_t odd, oddwidth; /* a line that differs, */
	int more;	      /* and isn't the last */
};

/* pem.c */
struct cs_reader {
	struct cs_pems *list;
	const struct certstore_passphrase *pass;
	struct certstore_error *err;
	int crls;	     /* CRLs are of use */
	size_t outer;	     /* line of the base64 that is read, or 0 */
	struct cs_pem proto; /* label, line and pemlabel of items */
	char pemlabel[CS_MARKER_LABEL];
	char skipped[CS_MARKER_LABEL]; /* the first label of no use */
	struct cs_lines text;
	struct cs_block b;
};
/* item.c */
/* CERTSTORE_EINPUT with file and line; line 0: none. */
int cs_item_refuse(struct cs_reader *, size_t, const char *, ...)
    CS_PRINTFLIKE(3, 4);
/* Adds a copy of a DER with the label, line and pemlabel of an item. */
int cs_item_add(struct cs_pems *, const struct cs_pem *, enum cs_pem_type,
    const unsigned char *, size_t);
void cs_item_drop(struct cs_pems *, size_t); /* all behind the first n */

/* block.c */
int cs_block_add(struct cs_reader *, const char *, size_t);
size_t cs_block_digits(const char *, size_t);
void cs_block_push(struct cs_block *, const char *, size_t);
int cs_block_flush(struct cs_block *);
int cs_block_finish(struct cs_reader *);
/* Why data is missing and what to do, as far as the lines show it. */
const char *cs_block_missing(const struct cs_reader *, char *, size_t);

/* container.c: a whole DER becomes an item, PKCS#7 and PKCS#12 what is in
 * them. */
int cs_container_open(struct cs_reader *, enum cs_pem_type,
    const unsigned char *, size_t);

#define CS_ITERATIONS_MAX	10000000	/* of a key derivation */

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

#endif
