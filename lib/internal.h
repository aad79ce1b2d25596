/*
 * internal.h: what the files of the library share.  Nothing here is exported;
 * cs_<file>_<verb> lives in <file>.c.  No OpenSSL type here: those are in
 * crypto.h, so that the core (error buf file store info index name idn time
 * match list remove) links without libcrypto.
 */
#ifndef INTERNAL_H
#define INTERNAL_H

#include <sys/types.h>

#include <time.h>

#include "certstore.h"

#define CS_NAME_MAX	200		/* an entry's name, bytes */
#define CS_GENDIR	(CS_NAME_MAX + 24)	/* ".NAME@N" */
#define CS_HOST_MAX	253		/* a host name, bytes */
#define CS_KEY_MAX	253		/* a name in index/, bytes */
#define CS_RECORD_MAX	(1024 * 1024)	/* info and props, bytes */

#define CS_PRINTFLIKE(a, b)	__attribute__((__format__(__printf__, a, b)))

/* error.c: always -1, so that `return cs_fail(...)` reads well. */
void	cs_error_clear(struct certstore_error *);
int	cs_fail(struct certstore_error *, enum certstore_code, const char *, ...)
	    CS_PRINTFLIKE(3, 4);
int	cs_fail_errno(struct certstore_error *, const char *, ...)
	    CS_PRINTFLIKE(2, 3);		/* ": strerror(errno)" added */
int	cs_fail_nomem(struct certstore_error *);

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

/* escape.c: foreign text in quotes for a message, escaped, cut if long. */
#define CS_QUOTE_LEN	160
const char *cs_escape_quote(char [CS_QUOTE_LEN], const char *);
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
int64_t	cs_time_fromtm(int, int, int, int, int, int);	/* y m(1-12) d h m s */

/* stamp.c */
struct stat;
struct cs_stamp {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 modified, changed;
	int		 settled;	/* changed long enough before */
};
void	cs_stamp_take(struct cs_stamp *, const struct stat *);
int	cs_stamp_holds(const struct cs_stamp *, const struct stat *);

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
/* An IP address in any notation (also in brackets) to inet_ntop's; 1 or 0.
 * out has INET6_ADDRSTRLEN bytes; raw (16 bytes) and rawlen (4 or 16) may
 * be NULL. */
int	cs_name_ip(const char *, char *, unsigned char *, size_t *);
/* A SAN as typed: "dns:" "ip:" "email:" "uri:" force, else by shape;
 * out is malloc'ed and normalised. */
int	cs_name_san(const char *, enum cs_san_type *, char **,
	    struct certstore_error *);
/* The host in an e-mail address or URI: 1 or 0. */
int	cs_name_hostof(enum cs_san_type, const char *, char [CS_HOST_MAX + 1]);
/* Why a name of a certificate never matches, or NULL. */
const char *cs_name_certflaw(enum cs_san_type, const char *);
int	cs_name_isloopback(const char *);	/* localhost, *.localhost, 127/8, ::1 */

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
#define CS_STAMP	96	/* tells a directory from what replaces it */
int	cs_file_stamp(int, const char *, char [CS_STAMP]);
int	cs_file_each(int, const char *, int (*)(void *, const char *), void *);
int	cs_file_lock(int, const char *);	/* fd, flock(2)ed; EWOULDBLOCK */
/* What is noted in a file that is open; no matter if that is lost. */
void	cs_file_note(int, const char *);
void	cs_file_noted(int, char *, size_t);
int	cs_file_changed(int, char [CS_STAMP]);	/* when a directory was, and which */
int	cs_file_mkdir(int, const char *, int *);	/* 0755 whatever the umask; fd */
int	cs_file_newdir(int, const char *, int *);	/* the same; EEXIST */
int	cs_file_remove(int, const char *);		/* a file or link; absent is fine */
int	cs_file_rmdir(int, const char *, const char *const *, size_t);
int	cs_file_rmtree(int, const char *);		/* a tree; absent is fine */
int	cs_file_isours(int);			/* owner and mode of a directory */
int	cs_file_hasacl(int, const char *);	/* beyond its mode */
int	cs_file_restrict(int, const char *);	/* to its owner; on disk */
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

/* The derived record of an entry.  Pointers lead into text. */
struct cs_san {
	enum cs_san_type	 type;
	const char		*value;
};
struct cs_issuing {
	int64_t		 ends;
	const char	*fingerprint;
	const char	*subject;
};
struct cs_list {
	const char	**v;
	size_t		 n;
	size_t		 size;
};
struct cs_info {
	struct cs_buf	 text;
	const char	*name, *kind, *subject, *issuer, *serial, *key;
	const char	*fingerprint, *spki, *samekey, *request, *ski, *aki;
	const char	*subjecthash, *issuerhash, *origin, *cn, *group;
	const char	*file, *filehash;	/* the file info was made from */
	int64_t		 filesize, filesec;
	long		 filensec;
	int64_t		 starts, ends;		/* 0 when there is no certificate */
	unsigned long	 gen, before, kept;
	int		 haskey, haschain, hasca, hasrequest;
	int		 hasparts;	/* ca.pem, cert.pem, chain.pem */
	int		 self;			/* signed by its own key */
	int		 serves;		/* an end-entity fit for a TLS server */
	int		 weak;			/* below security level 2 */
	struct cs_list	 usage, tenants, users;
	struct cs_san	*san;
	size_t		 nsan, sansize;
	struct cs_issuing *issuing;		/* fullchain.pem behind the first */
	size_t		 nissuing, issuingsize;
};

/* store.c */
enum cs_file {
	CS_FULLCHAIN, CS_PRIVKEY, CS_COMBINED, CS_CA, CS_CERT, CS_CHAIN,
	CS_REQUEST_KEY, CS_REQUEST_CSR, CS_INFO, CS_PROPS, CS_NFILE
};
extern const char *const cs_file_names[CS_NFILE];
#define CS_NINDEX	6
extern const char *const cs_index_names[CS_NINDEX];

#define CS_NHELD	6		/* see cs_lock_verify() */

/* All generations, where links were lost: see repair.c. */
struct cs_generations {
	struct cs_strings dirs;
	int		  known;
	struct cs_stamp	  certs;	/* when they were read */
};

struct certstore {
	char	*path;			/* absolute */
	char	*word;			/* the same for a shell */
	char	*option;		/* "", or " -d " and that if it was named */
	int	 flags;
	int	 fd;			/* -1: not made yet (CERTSTORE_CREATE) */
	int	 certs;			/* certs/, or -1 */
	int	 index;			/* index/, or -1 */
	int	 combined, pending;	/* opened by the lock, or -1 */
	int	 intact;		/* index/ and links can be believed */
	int	 complete;		/* index/ has all names; 0: not asked yet */
	unsigned int present;		/* directories of index/ seen just now */
	struct cs_stamp	at;		/* of fd when all this was looked at */
	unsigned int epoch;		/* counts the directories certs has been */
	int	 lock;			/* -1: not held */
	struct cs_inode held[CS_NHELD];	/* the files that it is about */
	int	 tidy;			/* each generation is known: lock.c */
	int	 depth;			/* how often it was taken */
	unsigned int touched;		/* directories of index/ to be synced */
	struct cs_strings shared;	/* and directories below those */
	int	 uncombined;		/* combined/ is to be synced */
	int	 fresh;			/* all of it is, and .links not made */
	int	 whole;			/* only all of the file system is synced */
	struct cs_generations gens;
	void	(*warn)(void *, const char *);
	void	*warnarg;
	void	(*progress)(void *, const char *, size_t, size_t);
	void	*progressarg;
};
void	cs_warn(const struct certstore *, const char *, ...) CS_PRINTFLIKE(2, 3);
/* What goes on (a literal), how many are done, of how many; 0: who knows. */
void	cs_progress(const struct certstore *, const char *, size_t, size_t);

/*
 * Which generation of an entry a writer decided upon: numbers begin again after
 * a removal, so it is its number and a hash of what is in it.  All of it is 0
 * where there is no entry.
 */
struct cs_identity {
	unsigned long	 gen;
	unsigned char	 hash[32];
};

/*
 * One entry to write.  The caller fills in name, seen, the contents of the
 * files (a buffer without memory: no such file) and in CS_INFO what
 * cs_describe_cert() or cs_describe_csr() gave; put adds the rest of info and
 * makes CS_COMBINED, CS_CERT, CS_CHAIN, and CS_CA where no issuer is known.
 */
struct cs_put {
	const char	*name;
	struct cs_identity seen;	/* decided upon: cs_entry_identify() */
	struct cs_buf	 file[CS_NFILE];
	size_t		 leaf;		/* bytes of CS_FULLCHAIN's first; 0: all */
	unsigned long	 gen;		/* put's own from here */
	unsigned long	 before;
	unsigned long	 kept;
	struct cs_info	 info;		/* as it was written */
	int		 fd[CS_NFILE + 1];	/* and the directory */
};
/* write.c: one lock, all of them or none but for a system failure. */
int	cs_write_entries(struct certstore *, struct cs_put *, size_t,
	    struct certstore_error *);
/* What is written into a file but CS_COMBINED, borrowed; no memory: none. */
struct cs_buf cs_write_contents(const struct cs_put *, enum cs_file);
int	cs_write_check(struct certstore *, const struct cs_put *, size_t,
	    struct certstore_error *);	/* would put refuse?  changes nothing */
int	cs_write_verify(struct certstore *, const struct cs_put *, int,
	    struct certstore_error *);	/* is it still mine, once switched? */
int	cs_write_failcombined(const struct certstore *, const char *,
	    struct certstore_error *);	/* somebody else's file is there */
void	cs_write_free(struct cs_put *);
size_t	cs_write_removal(struct certstore *, const char *const *, size_t,
	    const struct cs_info *, struct certstore_error *);
/* recover.c: finishes or takes back what .pending/ names. */
struct cs_going {
	const char		*name;
	unsigned long		 gen;
	char			 file[CS_NAME_MAX + 8];	/* in .pending/ */
	char			 intent[CS_GENDIR + 8];	/* what it says */
	int			 moves;	/* its own link becomes the intent */
	struct certstore_error	*err;
};
#define CS_TAKEN	"@taken"	/* behind the name of an intent */
#define CS_MOVED	"@rm"		/* behind that of a link moved there */
int	cs_recover_all(struct certstore *, struct certstore_error *);
int	cs_recover_put(struct certstore *, struct cs_put *, size_t,
	    struct certstore_error *);		/* once they are switched */
void	cs_recover_removed(struct certstore *, struct cs_going *, size_t,
	    const struct cs_info *);		/* once their links are gone */
int	cs_recover_combined(struct certstore *, const char *,
	    const struct cs_info *);	/* makes combined/ true; NULL: no entry */
int	cs_recover_incombined(const struct certstore *, const char *);
int	cs_recover_sync(struct certstore *);	/* and that is on disk */
/* repair.c: after a copy that did not keep the links. */
int	cs_repair_index(struct certstore *, struct certstore_error *); /* first */
int	cs_repair_store(struct certstore *, struct certstore_error *);
int	cs_repair_conclude(struct certstore *, struct certstore_error *);
int	cs_repair_entry(struct certstore *, const char *,
	    struct certstore_error *);
/* Of an entry that is left as it is: the links that lead to it. */
int	cs_repair_links(struct certstore *, const struct certstore_entry *,
	    struct certstore_error *);

/* The directory in certs/ that a name stands for now: ".NAME@N", or the name
 * itself where a restore made it a real directory. */
int	cs_store_resolve(struct certstore *, const char *, char [CS_GENDIR],
	    struct certstore_error *);
/* Before a question: sees what others did to the store since the last one. */
int	cs_store_refresh(struct certstore *, struct certstore_error *);
/* Why the store, which is not there, can't be made by its path: 0, -1. */
int	cs_store_refuseplace(const struct certstore *, struct certstore_error *);
/* Opens certs/ and index/ anew: NULL, or what it can't open, and errno. */
int	cs_store_isstray(const struct certstore *, const char *);
const char *cs_store_reopen(struct certstore *);
/* The links that were made in one of its directories are on disk. */
int	cs_store_sync(const struct certstore *, int);
int	cs_store_default(struct certstore *, char [CS_NAME_MAX + 1]); /* errno */
/* Names of all entries, sorted, each once: a malloc'ed array of strings. */
int	cs_store_names(struct certstore *, char ***, size_t *,
	    struct certstore_error *);
void	cs_store_names_free(char **, size_t);

/* generation.c: generation N of ".NAME@N" of that name, else 0; the other way round;
 * the highest whole one of a name without link: 1, 0 there is none, -1. */
unsigned long cs_generation_number(const char *, const char *);
void	cs_generation_dir(char [CS_GENDIR], const char *, unsigned long);
int	cs_generation_owner(const char *, char [CS_NAME_MAX + 1]);	/* whose it is */
int	cs_generation_find(struct certstore *, const char *, unsigned long *);
int	cs_generation_highest(struct certstore *, const char *, unsigned long *);
						/* whole or not; 0: none */
/* Removes all of the names, which are sorted and have no link; of what cannot
 * be believed the name is added to the second list. */
int	cs_generation_sweep(struct certstore *, const struct cs_strings *,
	    struct cs_strings *);
int	cs_generation_sweepbelow(struct certstore *, const char *, unsigned long,
	    unsigned long);		/* of one, below N, but for one */
int	cs_generation_audit(struct certstore *);	/* is each one known?  1, 0, -1 */
void	cs_generation_forget(struct certstore *);	/* what find remembers */
int	cs_generation_remove(struct certstore *, const char *, unsigned long,
	    const struct cs_info *);

/* lock.c: it nests; what others left half-done is finished first. */
int	cs_lock_take(struct certstore *, struct certstore_error *);
void	cs_lock_release(struct certstore *);
int	cs_lock_check(struct certstore *,
	    struct certstore_error *);	/* would take refuse? changes nothing */
int	cs_lock_ours(const struct certstore *, int, const char *,
	    struct certstore_error *);	/* a directory of the store, by path */
/* Is it still held, of the store that is there; is an intent still the one that
 * was made?  Asked before what cannot be taken back, and at the end. */
int	cs_lock_verify(const struct certstore *, struct certstore_error *);
int	cs_lock_isheld(const struct certstore *);	/* .lock alone */
int	cs_lock_isplace(const struct certstore *);	/* all but .lock */
int	cs_lock_intent(const struct certstore *, const char *, const char *,
	    struct certstore_error *);
int	cs_lock_lost(const struct certstore *, const char *,
	    struct certstore_error *);	/* CERTSTORE_EBUSY */
int	cs_lock_failmake(const struct certstore *, const char *,
	    struct certstore_error *);	/* a link or more: errno */
int	cs_lock_failintent(const struct certstore *, const char *,
	    struct certstore_error *);	/* that could not be made: errno */

/* parents.c: can another user lead a writer elsewhere? */
int	cs_parents_check(const struct certstore *, struct certstore_error *);

/* trustgen.c: the link trust and its generations; see there. */
#define CS_TRUST_INTENT	"@trust"	/* in .pending/ */
int	cs_trustgen_live(struct certstore *, char [CS_GENDIR],
	    unsigned long *, struct certstore_error *);
int	cs_trustgen_begin(struct certstore *, unsigned long, unsigned long *);
int	cs_trustgen_switch(struct certstore *, unsigned long);
int	cs_trustgen_settle(struct certstore *, const char *);	/* by its intent */
int	cs_trustgen_check(const struct certstore *, unsigned long, int,
	    struct certstore_error *);	/* is it still mine, once switched? */
int	cs_trustgen_mend(struct certstore *);

/* info.c */
int	cs_info_parse(struct cs_info *, struct certstore_error *); /* cuts text */
void	cs_info_reset(struct cs_info *);	/* empty, keeps the memory */
void	cs_info_free(struct cs_info *);
/* Reads and checks info of a directory in certs/ (directory, entry name):
 * CERTSTORE_EDAMAGED when it is missing, bad or not of these files. */
int	cs_info_load(const struct certstore *, const char *, const char *,
	    struct cs_info *, struct certstore_error *);
int	cs_info_current(int, const char *, int, struct cs_info *,
	    char [CS_GENDIR]);
/* What put adds before and behind the description: see certstore(5). */
int	cs_info_compose(struct cs_buf *, const struct cs_put *, int64_t, long,
	    struct certstore_error *);
int	cs_info_has_usage(const struct cs_info *, const char *);
int	cs_info_covers(const struct cs_info *, enum cs_san_type, const char *);

/* entry.c */
struct certstore_entry {
	struct certstore	*store;		/* NULL: not in a store */
	const struct certstore	*trust;		/* whose trust anchor it is */
	struct cs_info		 info;
	char			 gendir[CS_GENDIR]; /* in certs/ */
	unsigned int		 epoch;		/* of its store */
	char			*pem;		/* certificate or public key, not in a store */
	char			*flaw;		/* of that, or NULL */
	const char		*host, *how;	/* set by match and import */
	char			 question[CS_HOST_MAX + 80];
};
int	cs_entry_load(struct certstore *, const char *, struct certstore_entry *,
	    struct certstore_error *);
int	cs_entry_glance(struct certstore *, const char *,
	    struct certstore_entry *, struct certstore_error *);
void	cs_entry_done(struct certstore_entry *);	/* what load took, not the struct */
int	cs_entry_identify(const struct certstore_entry *, struct cs_identity *,
	    struct certstore_error *);	/* what load found, or did not find */
int	cs_entry_read(const struct certstore_entry *, enum cs_file,
	    struct cs_buf *, struct certstore_error *);	/* 1, 0 no such file, -1 */

/* props.c: what people write of an entry, as it is now. */
#define CS_PROPS_WHY	160
struct cs_props {
	char			*origin, *group;	/* or NULL */
	struct cs_strings	 tenants, users;	/* sorted */
};
int	cs_props_read(const struct certstore_entry *, struct cs_props *,
	    struct certstore_error *);
void	cs_props_free(struct cs_props *);
int	cs_props_carry(struct cs_buf *, const struct certstore_entry *,
	    const char *, const char *, struct certstore_error *);
int	cs_props_repeat(struct cs_buf *, const struct cs_buf *); /* no memory */
int	cs_props_group(const char *, const struct cs_buf *, gid_t *,
	    struct certstore_error *);
int	cs_props_differ(const struct certstore_entry *, char [CS_PROPS_WHY],
	    struct certstore_error *);	/* from what is in force: 1, 0, -1 */
int	cs_props_tighten(struct certstore *, const struct cs_info *); /* errno */

/* list.c */
const char *cs_list_last(const struct certstore_list *,
	    const struct cs_info **);

/* index.c */
/* Calls fn for each index link an info calls for: "host", "a.example". */
int	cs_index_keys(const struct cs_info *,
	    int (*)(void *, const char *, const char *), void *);
int	cs_index_add(struct certstore *, const struct cs_info *);	/* errno */
int	cs_index_has(struct certstore *, const struct cs_info *);
						/* all of them?  1, 0, -1 */
int	cs_index_drop(struct certstore *, const struct cs_info *,
	    const struct cs_info *);	/* links of the first the second lacks (or NULL) */
int	cs_index_purge(struct certstore *, const struct cs_strings *);
int	cs_index_sync(struct certstore *);
void	cs_index_synced(struct certstore *);	/* by other means */
/* Entry names under a key, sorted, surplus ones included; -1 and errno. */
int	cs_index_find(struct certstore *, const char *, const char *, char ***,
	    size_t *);
int	cs_index_make(struct certstore *);		/* the empty directories */
int	cs_index_ismade(const struct certstore *);	/* 1, 0, -1 */

#endif
