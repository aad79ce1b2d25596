/*
 * base.h: errors, text, time, names and files.  It has no OpenSSL type:
 * programs that need only base/ and store/ are linked without libcrypto.  In
 * every folder cs_<file>_<verb> is in <file>.c.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <sys/types.h>

#include <time.h>

#include "certstore.h"

#define CS_NAME_MAX	200		/* an entry's name, bytes */
#define CS_HOST_MAX	253		/* a host name, bytes */

#define CS_PRINTFLIKE(a, b)	__attribute__((__format__(__printf__, a, b)))

/* error.c: sets the error and returns -1, for `return cs_fail(...)`. */
void	cs_error_clear(struct certstore_error *);
int	cs_fail(struct certstore_error *, enum certstore_code, const char *, ...)
	    CS_PRINTFLIKE(3, 4);
int	cs_fail_errno(struct certstore_error *, const char *, ...)
	    CS_PRINTFLIKE(2, 3);		/* ": strerror(errno)" added */
int	cs_fail_nomem(struct certstore_error *);
int	cs_error_isnomem(const struct certstore_error *);
/* Refuses flags that are not among the known ones (second): 0 or -1. */
int	cs_error_flags(int, int, struct certstore_error *);
/* The result of a setter: keeps its error until it succeeds; that result. */
int	cs_error_keep(struct certstore_error *, int,
	    const struct certstore_error *);

/* buf.c: a growing buffer that ends with NUL and is wiped when freed. */
struct cs_buf {
	char	*p;
	size_t	 len;
	size_t	 size;
};
int	cs_buf_add(struct cs_buf *, const void *, size_t);
int	cs_buf_adds(struct cs_buf *, const char *);
int	cs_buf_printf(struct cs_buf *, const char *, ...) CS_PRINTFLIKE(2, 3);
int	cs_buf_reserve(struct cs_buf *, size_t);	/* so many more bytes */
int	cs_buf_copy(struct cs_buf *, const struct cs_buf *);	/* to, from */
void	cs_buf_reset(struct cs_buf *);		/* len 0, keeps the memory */
void	cs_buf_free(struct cs_buf *);
void	cs_hex(char *, const unsigned char *, size_t);	/* 2n + 1 bytes */

/* hash.c: SHA-256 of so many bytes, in lower-case hex. */
#define CS_HASH_LEN	65
void	cs_hash(char [CS_HASH_LEN], const void *, size_t);
/* Reads 64 digits in any case, or 32 pairs with colons between: 1 or 0. */
int	cs_hash_read(const char *, char [CS_HASH_LEN]);

/*
 * array.c: makes room for element n.  The arguments: the array, n, the number
 * of elements that there is room for (updated), the size of one.  Returns the
 * array, whose new elements are zero, or NULL: no memory.
 */
void	*cs_array_extend(void *, size_t, size_t *, size_t);

/* escape.c: foreign text in quotes for a message, escaped, cut if long. */
#define CS_QUOTE_LEN	160
const char *cs_escape_quote(char [CS_QUOTE_LEN], const char *);
/* The length of a UTF-8 text, cut between characters to at most so many. */
int	cs_escape_fit(const char *, int);
char	*cs_escape_word(const char *);	/* quoted for a shell; malloc'ed */
/* Escapes a message in place, except escapes that it already has. */
#define CS_MESSAGE_LEN	512
void	cs_escape_message(char [CS_MESSAGE_LEN]);
int	cs_escape_json(struct cs_buf *, const char *);	/* UTF-8, in quotes */

/* strings.c */
struct cs_strings {
	char	**v;
	size_t	 n;
	size_t	 size;
};
int	cs_strings_add(struct cs_strings *, const char *);
void	cs_strings_sort(struct cs_strings *);	/* removes duplicates */
int	cs_strings_has(const struct cs_strings *, const char *); /* sorted */
void	cs_strings_free(struct cs_strings *);

/*
 * ahead.c: reads the items of a list, by threads where that is waiting.  Of a
 * thread: begin makes its own data, or NULL, and end frees them, both in the
 * caller's thread; read fills a slot, which is all zero or what an item left:
 * 1, or 0 if the caller is to read that item; clean frees what a slot has.
 */
struct cs_aheadcalls {
	size_t	 size;			/* of a slot */
	void	*(*begin)(void *);
	int	(*read)(void *, const char *, void *);
	void	(*end)(void *);
	void	(*clean)(void *);
};
struct cs_ahead;
struct cs_ahead *cs_ahead_new(const struct cs_strings *,
	    const struct cs_aheadcalls *, void *);
void	*cs_ahead_get(struct cs_ahead *, size_t);	/* or NULL: read it */
void	 cs_ahead_done(struct cs_ahead *, size_t);	/* it was read */
void	 cs_ahead_free(struct cs_ahead *);

/* filelock.c: locks a file that is made if need be, shared (1) or not: its
 * descriptor, or -1 and errno, which is EWOULDBLOCK if another has it.  Note
 * writes a text into an open file and noted reads it: losing it does no harm. */
int	cs_file_lock(int, const char *, int);
void	cs_file_note(int, const char *);
void	cs_file_noted(int, char *, size_t);

/* mount.c: does flock(2) hold for this host only?  Of a line of mountinfo and a
 * device: the type, or NULL; of a directory: 1 and the type, or 0.  The last
 * one locks a file that flock(2) has locked, shared or not, against those who
 * mount the disk of this host. */
#define CS_MOUNT_TYPE	32
const char *cs_mount_local(char *, unsigned int, unsigned int);
int	cs_mount_islocal(int, char [CS_MOUNT_TYPE]);
int	cs_mount_lockserved(int, int);

/* time.c: 0 or -1 */
#define CS_DAY	((int64_t)86400)
int	cs_time_checkspan(const struct certstore_span *,
	    struct certstore_error *);

/* stamp.c: whether a file is unchanged since it was read */
struct stat;
struct cs_stamp {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 modified, changed;
	int		 settled;	/* not just changed: it is proof */
};
#define CS_STAMP_TEXT	64
void	cs_stamp_take(struct cs_stamp *, const struct stat *);
int	cs_stamp_fd(struct cs_stamp *, int);		/* -1 and errno */
void	cs_stamp_text(const struct cs_stamp *, char [CS_STAMP_TEXT]);
int	cs_stamp_holds(const struct cs_stamp *, const struct stat *);
int	cs_stamp_same(const struct cs_stamp *, const struct cs_stamp *);

/* name.c: checks entry names, hosts, SANs. */
enum cs_san_type {
	CS_SAN_DNS, CS_SAN_IP, CS_SAN_EMAIL, CS_SAN_URI, CS_SAN_OTHER
};
extern const char *const cs_san_names[];	/* "dns", "ip", ... */
int	cs_name_check(const char *, struct certstore_error *);
int	cs_name_set(char **, const char *, struct certstore_error *);
				/* checked, copied, the old one freed */
int	cs_name_isvalid(const char *);
int	cs_name_isascii(const char *);
/*
 * Normalises a host: lower case, no trailing dot, A-labels.  The arguments: the
 * host; 1 to allow a leading "*."; 1 to refuse underscores; the result, of
 * CS_HOST_MAX + 1 bytes.
 */
int	cs_name_host(const char *, int, int, char *, struct certstore_error *);
/* The same, but returns what is wrong, or NULL; the result is "" then. */
const char *cs_name_hostflaw(const char *, int, int, char *);
/* The same for the host of a question, which may be pasted with a port. */
const char *cs_name_askedflaw(const char *, char *);
/* Sets the error: the whole text that was typed, and what is wrong.  -1. */
int	cs_name_refuse(const char *, const char *, struct certstore_error *);
/* Normalises a DNS name of a certificate: 1, or 0 if it is not a host name or
 * a wildcard in ASCII.  No U-labels, so libidn2 is not loaded. */
int	cs_name_certhost(const char *, char *);
int	cs_name_isdns(const char *, int);	/* 1: also a wildcard; no "_" */
/* Whether a DNS name of a certificate covers a host, which is normalised (RFC
 * 9525 section 6.3): 1 or 0. */
int	cs_name_covers(const char *, const char *);
/*
 * Reads an IP address in any notation, perhaps in brackets: 1 or 0.  The
 * results: the text of inet_ntop(3), INET6_ADDRSTRLEN bytes; the address, 16
 * bytes, and its length, 4 or 16, which may both be NULL.
 */
int	cs_name_ip(const char *, char *, unsigned char *, size_t *);
/* Reads a SAN as typed: its type is that of the prefix "dns:", "ip:", "email:"
 * or "uri:", or is found by its form.  The result is normalised, malloc'ed. */
int	cs_name_san(const char *, enum cs_san_type *, char **,
	    struct certstore_error *);
size_t	cs_name_prefix(const char *, enum cs_san_type *); /* length, or 0 */
/* The host in an e-mail address or URI: 1 or 0. */
int	cs_name_hostof(enum cs_san_type, const char *, char [CS_HOST_MAX + 1]);
/* Why a name of a certificate never matches, or NULL. */
const char *cs_name_certflaw(enum cs_san_type, const char *);
int	cs_name_isport(const char *, size_t);	/* 1 to 65535 */
int	cs_name_isloopback(const char *);  /* (*.)localhost, 127/8, ::1 */

/* tel.c: telephone numbers: NUMBER, or a range START+COUNT; codes of service
 * providers. */
#define CS_TEL_MAX	15
#define CS_TEL_RANGE_MAX (CS_TEL_MAX + 21)
#define CS_SPC_MAX	16
int	cs_tel_isnumber(const char *, size_t);
const char *cs_tel_rangeflaw(const char *, size_t, uint64_t);
uint64_t cs_tel_covers(const char *, const char *);
const char *cs_tel_read(const char *, char [CS_TEL_MAX + 1]);
const char *cs_tel_readrange(const char *, char [CS_TEL_RANGE_MAX + 1]);
int	cs_tel_code(const char *, char [CS_SPC_MAX + 1]);

/* idn.c: converts U-labels to A-labels; loads libidn2 on the first call.
 * Returns what is wrong, or NULL. */
extern const char cs_idn_nomem[];
const char *cs_idn_toascii(const char *, char *, size_t);

/*
 * file.c: the first argument is the descriptor of a directory, the second a
 * name in it.  Functions return -1 and errno on an error.
 */
/* The third argument of these is the maximal size; follow follows links. */
int	cs_file_read(int, const char *, size_t, struct cs_buf *);
int	cs_file_record(int, const char *, size_t, struct cs_buf *);
int	cs_file_follow(int, const char *, size_t, struct cs_buf *);
/* Makes a new file with contents, mode and group (-1: not changed).  The last
 * receives its descriptor; if it is NULL, the file is closed. */
int	cs_file_write(int, const char *, const struct cs_buf *, mode_t, gid_t,
	    int *);
/* Replaces a file, whose name begins with no dot; on disk when it returns. */
int	cs_file_replace(int, const char *, const struct cs_buf *, mode_t);
/* Makes a new file of the contents of others, which may be large: directory,
 * name, the directory of the others, their names, how many, mode; the last as
 * of cs_file_write(). */
int	cs_file_concat(int, const char *, int, const char *const *, size_t,
	    mode_t, int *);
/* Make a symbolic link.  The arguments: directory, target, name.  newlink
 * fails with EEXIST, link replaces. */
int	cs_file_newlink(int, const char *, const char *);
int	cs_file_link(int, const char *, const char *);
void	cs_file_close(int *);
int	cs_file_join(char *, size_t, const char *, const char *);
ssize_t	cs_file_readlink(int, const char *, char *, size_t);
/* Opens a regular file to read, or (1) to append, too; what cannot be added whole
 * to one of that size is cut off again. */
int	cs_file_open(int, const char *, int, int64_t *);
int	cs_file_append(int, int64_t, const struct cs_buf *);
int	cs_file_opendir(int, const char *);	/* follows no link */
int	cs_file_openpath(const char *);		/* a directory; follows links */
int	cs_file_rename(int, const char *, const char *);
int	cs_file_each(int, const char *, int (*)(void *, const char *), void *);
/* Make a directory of mode 0755, whatever the umask is, and open it.  mkdir
 * opens one that exists, newdir fails with EEXIST. */
int	cs_file_mkdir(int, const char *, int *);
int	cs_file_newdir(int, const char *, int *);
int	cs_file_mkprivate(int, const char *, int *);	/* as mkdir; 0700 */
int	cs_file_remove(int, const char *);	/* 0 if it does not exist */
int	cs_file_rmdir(int, const char *, const char *const *, size_t);
int	cs_file_rmtree(int, const char *);	/* 0 if it does not exist */
int	cs_file_isours(int);			/* owner and mode: 1, 0, -1 */
int	cs_file_hasacl(int, const char *);	/* 1, 0, -1 */
int	cs_file_restrict(int, const char *, int);	/* 1: fsync(2) */
/* Has one of our own files with one link another mode, group (-1: any) or an
 * access control list?  1 and its mode, 0, -1.  The fifth: sets them (1).  With
 * mode 0 others are only kept from writing; with S_IFDIR it is a directory. */
int	cs_file_setmode(int, const char *, mode_t, gid_t, int, mode_t *);
struct cs_inode {
	dev_t	dev;
	ino_t	ino;
};
int	cs_file_inode(int, struct cs_inode *);	/* of an open file */
/* Whether a name is that inode: 1, 0, -1; the third: flags of fstatat(2). */
int	cs_file_isinode(int, const char *, int, const struct cs_inode *);
int	cs_file_aside(int, const char *, const char *);
int	cs_file_losesnames(int);		/* fsync(2) leaves out links */
int	cs_file_hassyncfs(int);			/* syncfs(2) can be relied on */

/* crypto.c: sets the error from the queue of libcrypto, and empties it. */
int	cs_crypto_check(struct certstore_error *);  /* 0, -1: no algorithms */
int	cs_fail_crypto(struct certstore_error *, enum certstore_code,
	    const char *, ...) CS_PRINTFLIKE(3, 4);

#endif
