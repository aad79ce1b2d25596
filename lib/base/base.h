/*
 * base.h: errors, text, time, names and files; no OpenSSL type here, so that what
 * is made of this and of store links without libcrypto.  cs_<file>_<verb> lives
 * in <file>.c, in this folder and in all.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <sys/types.h>

#include <time.h>

#include "certstore.h"

#define CS_NAME_MAX	200		/* an entry's name, bytes */
#define CS_HOST_MAX	253		/* a host name, bytes */

#define CS_PRINTFLIKE(a, b)	__attribute__((__format__(__printf__, a, b)))

/* error.c: always -1, so that `return cs_fail(...)` reads well. */
void	cs_error_clear(struct certstore_error *);
int	cs_fail(struct certstore_error *, enum certstore_code, const char *, ...)
	    CS_PRINTFLIKE(3, 4);
int	cs_fail_errno(struct certstore_error *, const char *, ...)
	    CS_PRINTFLIKE(2, 3);		/* ": strerror(errno)" added */
int	cs_fail_nomem(struct certstore_error *);
/* Flags of a caller, and all that the function has: 0, or -1. */
int	cs_error_flags(int, int, struct certstore_error *);

/* buf.c: a growing buffer, NUL behind the end, wiped when freed. */
struct cs_buf {
	char	*p;
	size_t	 len;
	size_t	 size;
};
int	cs_buf_add(struct cs_buf *, const void *, size_t);
int	cs_buf_adds(struct cs_buf *, const char *);
int	cs_buf_printf(struct cs_buf *, const char *, ...) CS_PRINTFLIKE(2, 3);
int	cs_buf_reserve(struct cs_buf *, size_t);	/* room for so many more */
int	cs_buf_copy(struct cs_buf *, const struct cs_buf *);
void	cs_buf_reset(struct cs_buf *);		/* len 0, keeps the memory */
void	cs_buf_free(struct cs_buf *);
void	cs_hex(char *, const unsigned char *, size_t);	/* 2n + 1 bytes */

/* hash.c: SHA-256 of so many bytes, in lower-case hex. */
#define CS_HASH_LEN	65
void	cs_hash(char [CS_HASH_LEN], const void *, size_t);
/* 64 digits in any case, or 32 pairs with colons between them: 1 or 0. */
int	cs_hash_read(const char *, char [CS_HASH_LEN]);

/* array.c: room for one more element than n, zeroed when it is new: the array,
 * or NULL without memory; size is how many there is room for. */
void	*cs_array_extend(void *, size_t, size_t *, size_t);

/* escape.c: foreign text in quotes for a message, escaped, cut if long. */
#define CS_QUOTE_LEN	160
const char *cs_escape_quote(char [CS_QUOTE_LEN], const char *);
/* The bytes of a text, at most so many, that end with a whole character. */
int	cs_escape_fit(const char *, int);
char	*cs_escape_word(const char *);	/* as a shell takes it; malloc'ed */
/* A message made safe to print, in place; what is escaped already stays. */
#define CS_MESSAGE_LEN	512
void	cs_escape_message(char [CS_MESSAGE_LEN]);

/* strings.c */
struct cs_strings {
	char	**v;
	size_t	 n;
	size_t	 size;
};
int	cs_strings_add(struct cs_strings *, const char *);
void	cs_strings_sort(struct cs_strings *);	/* each once */
int	cs_strings_has(const struct cs_strings *, const char *); /* sorted */
void	cs_strings_free(struct cs_strings *);

/* time.c */
#define CS_DAY	((int64_t)86400)
int	cs_time_checkspan(const struct certstore_span *, struct certstore_error *);

/* stamp.c */
struct stat;
struct cs_stamp {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 modified, changed;
	int		 settled;	/* changed long enough before */
};
#define CS_STAMP_TEXT	64
void	cs_stamp_take(struct cs_stamp *, const struct stat *);
int	cs_stamp_fd(struct cs_stamp *, int);		/* errno */
void	cs_stamp_text(const struct cs_stamp *, char [CS_STAMP_TEXT]);
int	cs_stamp_holds(const struct cs_stamp *, const struct stat *);
int	cs_stamp_same(const struct cs_stamp *, const struct cs_stamp *);

/* name.c: entry names, hosts, SANs: the one place that judges them. */
enum cs_san_type {
	CS_SAN_DNS, CS_SAN_IP, CS_SAN_EMAIL, CS_SAN_URI, CS_SAN_OTHER
};
extern const char *const cs_san_names[];	/* "dns" "ip" "email" "uri" "other" */
int	cs_name_check(const char *, struct certstore_error *);
int	cs_name_isvalid(const char *);
/* Lower case, no trailing dot, A-labels; out has CS_HOST_MAX + 1 bytes.
 * wildcard: 1 allows a leading "*." ; strict: 1 refuses underscores. */
int	cs_name_host(const char *, int, int, char *, struct certstore_error *);
/* What is wrong with it, out being "" then, or NULL; and a text refused for
 * what is wrong, perhaps with a part of it: -1. */
const char *cs_name_hostflaw(const char *, int, int, char *);
/* The same of a host that is asked for, which people paste with a port. */
const char *cs_name_askedflaw(const char *, char *);
int	cs_name_refuse(const char *, const char *, struct certstore_error *);
/* The same for text from a certificate: 1 if it is a usable host name (or
 * "*." wildcard), else 0; plain ASCII only, no error, never loads anything. */
int	cs_name_certhost(const char *, char *);
/* Is a host, normalised, that DNS name of a certificate, or one that its
 * wildcard stands for (RFC 9525 section 6.3)?  1 or 0. */
int	cs_name_covers(const char *, const char *);
/* An IP address in any notation (also in brackets) to inet_ntop's; 1 or 0.
 * out has INET6_ADDRSTRLEN bytes; raw (16 bytes) and rawlen (4 or 16) may
 * be NULL. */
int	cs_name_ip(const char *, char *, unsigned char *, size_t *);
/* A SAN as typed: "dns:" "ip:" "email:" "uri:" force, else by shape;
 * out is malloc'ed and normalised. */
int	cs_name_san(const char *, enum cs_san_type *, char **,
	    struct certstore_error *);
size_t	cs_name_prefix(const char *, enum cs_san_type *); /* bytes, or 0 */
/* The host in an e-mail address or URI: 1 or 0. */
int	cs_name_hostof(enum cs_san_type, const char *, char [CS_HOST_MAX + 1]);
/* Why a name of a certificate never matches, or NULL. */
const char *cs_name_certflaw(enum cs_san_type, const char *);
int	cs_name_isloopback(const char *);	/* localhost, *.localhost, 127/8, ::1 */

/* tel.c: telephone numbers: NUMBER, or a range START+COUNT. */
#define CS_TEL_MAX	15
int	cs_tel_isnumber(const char *, size_t);
int	cs_tel_check(const char *);		/* a number or a range: 1, 0 */
const char *cs_tel_rangeflaw(const char *, size_t, uint64_t);
uint64_t cs_tel_covers(const char *, const char *);
const char *cs_tel_read(const char *, char [CS_TEL_MAX + 1]);

/* idn.c: U-labels to A-labels; loads libidn2 when first called.  The flaw, or
 * NULL. */
extern const char cs_idn_nomem[];
const char *cs_idn_toascii(const char *, char *, size_t);

/* file.c: the only one that opens, renames and unlinks. Relative to dirfd. */
int	cs_file_read(int, const char *, size_t, struct cs_buf *);	/* errno */
int	cs_file_record(int, const char *, size_t, struct cs_buf *);
int	cs_file_follow(int, const char *, size_t, struct cs_buf *); /* links, too */
int	cs_file_write(int, const char *, const struct cs_buf *, mode_t, gid_t,
	    int *);				/* O_EXCL; gid -1: leave; fd out or closed if NULL */
int	cs_file_newlink(int, const char *, const char *);	/* EEXIST */
int	cs_file_link(int, const char *, const char *);	/* symlink text at name, replacing */
void	cs_file_close(int *);
ssize_t	cs_file_readlink(int, const char *, char *, size_t);
int	cs_file_opendir(int, const char *);		/* O_DIRECTORY|O_NOFOLLOW */
int	cs_file_openpath(const char *);		/* a directory, links followed */
int	cs_file_rename(int, const char *, const char *);
int	cs_file_each(int, const char *, int (*)(void *, const char *), void *);
int	cs_file_lock(int, const char *);	/* fd, flock(2)ed; EWOULDBLOCK */
/* What is noted in a file that is open; no matter if that is lost. */
void	cs_file_note(int, const char *);
void	cs_file_noted(int, char *, size_t);
int	cs_file_mkdir(int, const char *, int *);	/* 0755 whatever the umask; fd */
int	cs_file_newdir(int, const char *, int *);	/* the same; EEXIST */
int	cs_file_remove(int, const char *);		/* a file or link; absent is fine */
int	cs_file_rmdir(int, const char *, const char *const *, size_t);
int	cs_file_rmtree(int, const char *);		/* a tree; absent is fine */
int	cs_file_isours(int);			/* owner and mode of a directory */
int	cs_file_hasacl(int, const char *);	/* beyond its mode */
int	cs_file_restrict(int, const char *, int);	/* to its owner; on disk */
struct cs_inode {
	dev_t	dev;
	ino_t	ino;
};
int	cs_file_inode(int, struct cs_inode *);	/* what is open */
int	cs_file_isinode(int, const char *, int, const struct cs_inode *);
						/* 1, 0, -1; flags of fstatat */
int	cs_file_aside(int, const char *, const char *); /* what link renames */
int	cs_file_losesnames(int);		/* fsync(2) leaves out symlinks */
int	cs_file_hassyncfs(int);			/* is one syncfs(2) enough? */

/* crypto.c: the queue of libcrypto as an error; the queue is empty after. */
int	cs_crypto_check(struct certstore_error *);	/* 0, -1: misconfigured */
int	cs_fail_crypto(struct certstore_error *, enum certstore_code,
	    const char *, ...) CS_PRINTFLIKE(3, 4);

#endif
