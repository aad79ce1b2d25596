/*
 * pem.h: what pem.c is made of: lines der marker block container item.
 */
#ifndef PEM_H
#define PEM_H

#include "crypto.h"

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
int cs_der_looks(const unsigned char *, size_t); /* and not like text */
/* How long the SEQUENCE at p says it is: 1, 0 indefinite, -1 no SEQUENCE. */
int cs_der_total(const unsigned char *, size_t, size_t *);
#define CS_DER_BER \
	"%s in BER, with an indefinite length: it must be DER (X.690 10.1), " \
	"ask for it in DER or PEM"
int cs_der_type(const unsigned char *, size_t); /* cs_pem_type or -1 */
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
struct cs_block {
	size_t line; /* of BEGIN; 0: outside of any */
	int type;    /* that the label says */
	char label[CS_MARKER_LABEL];
	int encrypted; /* Proc-Type said so */
	char dek[CS_BLOCK_DEK];
	size_t chars, pads; /* of base64 */
	uint32_t quad;
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
/* A file name as messages show it: escaped, of a long one the end; malloc'ed. */
char *cs_item_label(const char *);
/* CERTSTORE_EINPUT with file and line; line 0: none. */
int cs_item_refuse(struct cs_reader *, size_t, const char *, ...)
    CS_PRINTFLIKE(3, 4);
/* Adds a copy of a DER with the label, line and pemlabel of an item. */
int cs_item_add(struct cs_pems *, const struct cs_pem *, enum cs_pem_type,
    const unsigned char *, size_t);
void cs_item_drop(struct cs_pems *, size_t); /* all behind the first n */

/* block.c */
int cs_block_add(struct cs_reader *, const char *, size_t);
int cs_block_finish(struct cs_reader *);
/* Why data is missing and what to do, as far as the lines show it. */
const char *cs_block_missing(const struct cs_reader *, char *, size_t);

/* container.c: a whole DER becomes an item, PKCS#7 and PKCS#12 what is in
 * them. */
int cs_container_open(struct cs_reader *, enum cs_pem_type,
    const unsigned char *, size_t);

#endif
