/*
 * store.h: the entries on disk, read and written, certstore(5).  No OpenSSL
 * type here.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/base.h"

struct stat;
struct certstore_entry;

#define CS_GENDIR	(CS_NAME_MAX + 24)	/* ".NAME@N" */
#define CS_RECORD_MAX	(1024 * 1024)	/* info and props, bytes */

/* The info of an entry, parsed.  Strings are parts of text. */
struct cs_san {
	enum cs_san_type	 type;
	char			*value;
};
struct cs_issuing {
	int64_t		 ends;
	const char	*fingerprint;
	const char	*subject;
};
/* A generation that signers of calls may still use, and until when. */
struct cs_held {
	unsigned long	 gen;
	int64_t		 until;
};
/* Size and time of a file when it was written; size 0: not known. */
struct cs_written {
	int64_t		 size, sec;
	long		 nsec;
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
	const char	*subjecthash, *issuerhash, *origin, *cn, *group, *x5u;
	const char	*renew, *hold, *acme, *revoked, *crlurl, *aiaurl;
	const char	*file, *filehash;	/* the file info was made from */
	int64_t		 filesize, filesec;
	long		 filensec;
	struct cs_written privkey, combined, props;	/* for an audit: readers do not judge */
	int64_t		 starts, ends;		/* 0 when there is no certificate */
	unsigned long	 gen, before, kept;
	unsigned long	 pair;		/* the generation its files are of; 0: gen */
	int		 haskey, haschain, hasca, hasrequest;
	int		 hasparts;	/* ca.pem, cert.pem, chain.pem */
	int		 ordered;	/* the request is of an ACME order */
	int		 self;			/* signed by its own key */
	int		 serves;		/* an end-entity fit for a TLS server */
	int		 weak;			/* below security level 2 */
	struct cs_list	 usage, tenants, users;
	struct cs_list	 spcs, tns;	/* that it signs calls for */
	const char	*tnauth;	/* that its TNAuthList is malformed, and why */
	struct cs_san	*san;
	size_t		 nsan, sansize;
	struct cs_issuing *issuing;		/* fullchain.pem behind the first */
	size_t		 nissuing, issuingsize;
	struct cs_held	*held;
	size_t		 nheld, heldsize;
};

/* The files of a generation. */
enum cs_file {
	CS_FULLCHAIN, CS_PRIVKEY, CS_COMBINED, CS_CA, CS_CERT, CS_CHAIN,
	CS_REQUEST_KEY, CS_REQUEST_CSR, CS_INFO, CS_PROPS, CS_NFILE
};
extern const char *const cs_file_names[CS_NFILE];
/* store.c: " -d PATH" for commands in messages; "" if -d was not given. */
const char *cs_store_option(const struct certstore *);
void	cs_warn(const struct certstore *, const char *, ...) CS_PRINTFLIKE(2, 3);
void	cs_warn_lines(const struct certstore *,
	    const struct cs_buf *);	/* each line is a warning */
/* A literal that says what is done, how many are, of how many (0: unknown). */
void	cs_progress(const struct certstore *, const char *, size_t, size_t);

/* Before a question: opens again what others replaced since the last one. */
int	cs_store_refresh(struct certstore *, struct certstore_error *);
/* Allows a copy without its links, which is refused otherwise.  Is it one?  1,
 * 0, -1 and errno. */
void	cs_store_allowcopy(struct certstore *);
int	cs_store_iscopied(const struct certstore *);
int	cs_store_isthere(const struct certstore *);	/* does it exist?  as refresh found */
/* Opens a directory in the store's own one; 1: makes it, on disk.  -1, errno. */
int	cs_store_opendir(const struct certstore *, const char *, int);

/*
 * The state of an entry that a writer decided upon: the number of its
 * generation, and a hash, since numbers begin again after a removal.  All of it
 * is 0 if there is no entry.
 */
struct cs_identity {
	unsigned long	 gen;
	unsigned char	 hash[32];
};

#define CS_NISSUED	3
#define CS_SERIAL_LEN	65		/* 20 octets are allowed; others exist */

/*
 * One entry to write.  The caller fills in name, seen, the contents of the
 * files (a buffer without memory: no such file) and in CS_INFO what
 * cs_describe_cert() or cs_describe_csr() gave; put adds the rest of info and
 * makes CS_COMBINED, CS_CERT, CS_CHAIN, and CS_CA where no issuer is known.
 */
struct cs_put {
	const char	*name;
	struct cs_identity seen;	/* decided upon: cs_entry_identify() */
	const char	*origin;	/* of its props; NULL: what they have */
	const char	*reason;	/* for the log, or NULL */
	const struct cs_propchange *change;	/* of its props, borrowed */
	size_t		 nchange;
	unsigned long	 pair;		/* the generation its files are of; 0: its own */
	struct cs_buf	 file[CS_NFILE];
	size_t		 leaf;		/* bytes of CS_FULLCHAIN's first; 0: all */
	char		 signer[CS_HASH_LEN];	/* SPKI of the CA that signed it now */
	unsigned long	 gen;		/* set by cs_write_entries() from here on */
	unsigned long	 before;
	unsigned long	 kept;
	struct cs_held	*held;
	size_t		 nheld;
	char		 old[CS_HASH_LEN]; /* fingerprint of that, or "" */
	unsigned long	 closes[2];	/* whose keys a group may no longer read */
	struct cs_info	 info;		/* as it was written */
	int		 fd[CS_NFILE + 1];	/* and the directory */
	int		 recorded[CS_NISSUED];	/* of issued/, to be synced */
};
/* write.c: writes all of them or none. */
int	cs_write_entries(struct certstore *, struct cs_put *, size_t,
	    struct certstore_error *);
int	cs_write_check(struct certstore *, struct cs_put *, size_t,
	    struct certstore_error *);	/* dry run: would it fail? */
/* put.c: the contents of a file but CS_COMBINED, borrowed; p is NULL if there
 * is no such file. */
struct cs_buf cs_put_contents(const struct cs_put *, enum cs_file);
int	cs_put_compose(struct cs_buf *, const struct cs_put *,
	    const struct timespec *, struct certstore_error *);	/* its info */
int	cs_put_serves(const struct cs_put *);	/* a TLS server, as it says */
void	cs_put_free(struct cs_put *);

/*
 * issued.c: what a CA has signed.  A serial number in hex as a file name, -1 if
 * it is none; records what gets no entry; reads one: 1, 0, -1; is it there?  1,
 * 0, -1 and errno.  The second of the latter two is the SPKI of the CA.
 */
struct cs_issued {
	const char	*signer;	/* SPKI of the CA */
	const char	*name;		/* of the entry, or NULL */
	const struct cs_buf *desc;	/* cs_describe_cert() */
	struct cs_buf	 pem;		/* borrowed */
};
int	cs_issued_serial(char [CS_SERIAL_LEN], const char *);
int	cs_issued_described(char [CS_SERIAL_LEN],
	    const struct cs_buf *);	/* the same of a description */
int	cs_issued_add(struct certstore *, const struct cs_issued *, size_t,
	    struct certstore_error *);
int	cs_issued_read(const struct certstore *, const char *, const char *,
	    struct certstore_entry *, struct certstore_error *);
/* Calls fn for each serial number until it gives other than 0, which is given
 * back.  For a repair: the whole file; takes its place, NULL: removes it. */
int	cs_issued_each(struct certstore *, const char *,
	    int (*)(void *, const char *), void *, struct certstore_error *);
int	cs_issued_text(const struct certstore *, const char *, const char *,
	    struct cs_buf *);		/* errno */
int	cs_issued_mend(struct certstore *, const char *, const char *,
	    const struct cs_issued *, struct certstore_error *);
int	cs_issued_has(const struct certstore *, const char *, const char *);
/* The same of one CA, in its open directory, and the size of the file. */
int	cs_issued_open(const struct certstore *, const char *);
int	cs_issued_hasin(int, const char *, int64_t *);
/* The SPKI of all that have signed; may something expire between two times that
 * one has signed: 1, 0; both -1 and errno. */
int	cs_issued_signers(const struct certstore *, struct cs_strings *);
int	cs_issued_isending(const struct certstore *, const char *, int64_t,
	    int64_t);

/*
 * revoked.c: the words for reasons; is a serial number of a CA, by its SPKI,
 * revoked: 1, 0, -1 and errno; records some: how many were not before, or -1;
 * calls fn for each.
 */
struct cs_revocation {
	char	 serial[CS_SERIAL_LEN];	/* cs_issued_serial() */
	char	 issuer[CS_HASH_LEN];	/* subjecthash of the CA */
	int64_t	 when, ends;		/* ends: of the certificate; 0: not known */
	int	 reason;		/* CRLReason, RFC 5280 section 5.3.1 */
};
const char *cs_revoked_word(int);	/* or NULL */
int	cs_revoked_reason(const char *);	/* or -1 */
#define CS_REVOKED_LEN	(CERTSTORE_TIME_LEN + 24)
const char *cs_revoked_text(const struct cs_revocation *,
	    char [CS_REVOKED_LEN]);	/* as the property has it */
int	cs_revoked_isused(const struct certstore *);	/* is anything? */
int	cs_revoked_find(const struct certstore *, const char *, const char *,
	    struct cs_revocation *);
int	cs_revoked_add(struct certstore *, const char *,
	    const struct cs_revocation *, size_t, struct certstore_error *);
int	cs_revoked_each(struct certstore *, const char *,
	    int (*)(void *, const struct cs_revocation *), void *,
	    struct certstore_error *);

/* issuedkey.c: has a CA signed one with the key and names of an info that is
 * valid: 1 and its serial number, 0, -1; notes that it has: -1 and errno. */
int	cs_issuedkey_find(const struct certstore *, const char *,
	    const struct cs_info *, char [CS_SERIAL_LEN],
	    struct certstore_error *);
int	cs_issuedkey_add(const struct certstore *, const char *,
	    const struct cs_info *);

/* generation.c: the N of ".NAME@N" of that name, else 0; the other way round;
 * whose it is: 1, 0. */
unsigned long cs_generation_number(const char *, const char *);
void	cs_generation_dir(char [CS_GENDIR], const char *, unsigned long);
int	cs_generation_owner(const char *, char [CS_NAME_MAX + 1]);

/* resolve.c: the names of all entries, sorted, each once; the entry that the
 * link default leads to: 1, 0 none, -1 and errno. */
int	cs_resolve_names(struct certstore *, struct cs_strings *,
	    struct certstore_error *);
int	cs_resolve_default(struct certstore *, char [CS_NAME_MAX + 1]);

/* mode.c: the group of a name: 1, 0, -1 and errno; the mode that a file has
 * with a group, or -1 for none. */
int	cs_mode_findgroup(const char *, gid_t *);
mode_t	cs_mode_of(enum cs_file, gid_t);

/* held.c: is a generation of an entry kept or held? */
int	cs_held_keeps(const struct cs_info *, unsigned long);

/* index.c: calls fn for each link in index/ that an info calls for: "host",
 * "a.example".  Collect is such a fn, for a struct cs_strings:
 * "host/a.example".  May a key be a file name? */
#define CS_KEY_MAX	253		/* bytes */
#define CS_INDEX_PATH	(CS_KEY_MAX + CS_NAME_MAX + 32)	/* below index/ */
int	cs_index_keys(const struct cs_info *,
	    int (*)(void *, const char *, const char *), void *);
int	cs_index_collect(void *, const char *, const char *);
int	cs_index_isusable(const char *);

/*
 * purge.c: links of index/ that their entry does not call for, or of these
 * entries (sorted): fn is called for each, with its path and the name of its
 * entry, or NULL for what is no link of ours; -1 and errno, or what fn gave.
 * Purge removes those of these entries.
 */
int	cs_purge_find(struct certstore *, const struct cs_strings *,
	    int (*)(void *, const char *, const char *), void *);
int	cs_purge_index(struct certstore *, const struct cs_strings *);
/* Looks at a link of cs_purge_find() again (1: and removes it), and tells its
 * entry: 1, 0 it is called for, -1. */
int	cs_purge_link(struct certstore *, const char *, int,
	    char [CS_NAME_MAX + 1]);

/*
 * linkcheck.c: the first link in index/ that an entry lacks, 1, or 0; -1 and
 * errno; adds how many it has.  All links in index/.  In combined/, an entry has
 * its link where it should and not elsewhere: 0, CS_LINKCHECK_*, -1 and errno.
 */
enum {
	CS_LINKCHECK_MISSING = 1, CS_LINKCHECK_SURPLUS, CS_LINKCHECK_FOREIGN
};
int	cs_linkcheck_index(struct certstore *, const struct cs_info *, int,
	    char [CS_INDEX_PATH], size_t *);	/* 1: there may be orders */
int	cs_linkcheck_count(struct certstore *, size_t *);
int	cs_linkcheck_combined(struct certstore *, const char *,
	    const struct cs_info *, size_t *);

/* info.c */
/* In a text that is not parsed: the value of the first line with a key, and
 * how many bytes it has; NULL if there is none. */
const char *cs_info_find(const struct cs_buf *, const char *, size_t *);
int	cs_info_parse(struct cs_info *, struct certstore_error *); /* text is cut into strings */
void	cs_info_reset(struct cs_info *);	/* empty, keeps the memory */
void	cs_info_free(struct cs_info *);
int	cs_info_has_usage(const struct cs_info *, const char *);
int	cs_info_isvalid(const struct cs_info *, int64_t);	/* at that time */
/* The first end of its certificates, and whose it is; NULL: its own. */
int64_t	cs_info_ends(const struct cs_info *, const char **);

/* The lines of a whole info that describe certificate and request, but for one
 * word's, or NULL. */
int	cs_info_description(struct cs_buf *, const struct cs_buf *,
	    const char *);

/* parents.c: can another user change the path of the store?  -1: yes. */
int	cs_parents_check(const struct certstore *, struct certstore_error *);

/* names.c */
const struct cs_san *cs_names_of(const struct cs_info *, struct cs_san *,
	    size_t *);
int	cs_names_hashost(const struct cs_san *, size_t);
int	cs_names_have(const struct cs_san *, size_t, enum cs_san_type,
	    const char *);		/* exactly */
int	cs_names_cover(const struct cs_san *, size_t, enum cs_san_type,
	    const char *);		/* by a wildcard, too */
int	cs_names_lost(struct cs_buf *, const struct cs_san *, size_t,
	    const struct cs_info *);

/* entry.c */
struct certstore_entry {
	struct certstore	*store;		/* NULL: not in a store */
	const struct cs_setname *trust;	/* the set it is an anchor of */
	const char		*place;		/* in that: "", "crls/", ... */
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
int	cs_entry_examine(struct certstore *, const char *,
	    struct certstore_entry *, struct stat *, struct certstore_error *);
int	cs_entry_peek(int, const char *, struct certstore_entry *);
void	cs_entry_done(struct certstore_entry *);	/* frees what load allocated */
void	cs_entry_identify(const struct certstore_entry *, struct cs_identity *);
					/* of what load found, or 0 */
int	cs_entry_unchanged(const struct certstore_entry *, const char *,
	    const struct cs_identity *,
	    struct certstore_error *);	/* the name is for the message */
int	cs_entry_read(const struct certstore_entry *, enum cs_file,
	    struct cs_buf *, struct certstore_error *);	/* 1, 0 no such file, -1 */
int	cs_entry_stat(const struct certstore_entry *, enum cs_file,
	    struct stat *);			/* errno */

/* A change of a property, checked; see certstore_set_change(3). */
struct cs_propchange {
	char			*prop;
	enum certstore_set_how	 how;
	char			*value;		/* normalised */
	int			 unset;		/* replaces only where there is none */
};

int	cs_set_changes(const struct certstore_set *,
	    const struct cs_propchange **, size_t *,
	    struct certstore_error *);		/* set.c: those of a set */

/* repeat.c: copies the files and the description of an entry to what is to be
 * written: those of its pair; of a waiting request, if there is one; both. */
int	cs_repeat_pair(struct cs_put *, const struct certstore_entry *,
	    struct certstore_error *);
int	cs_repeat_request(struct cs_put *, const struct certstore_entry *,
	    struct certstore_error *);
int	cs_repeat_requestline(struct cs_put *, const char *,
	    int);		/* its SPKI; 1: of an order; -1: no memory */
int	cs_repeat_files(struct cs_put *, const struct certstore_entry *,
	    struct certstore_error *);

/* props.c: a line, without the blanks at its end; a byte order mark is none. */
struct cs_propline {
	const char	*text;
	size_t		 textlen;
	const char	*word, *value;
	size_t		 wordlen, len;
};
int	cs_props_nextline(const struct cs_buf *, size_t *, struct cs_propline *);
/* What people write about an entry, as it is now: does it differ from what is in
 * force, but for modes or with them?  1 and why, 0, -1.  Is a text malformed, of
 * an entry or a section of settings?  0, -1. */
#define CS_PROPS_WHY	160
int	cs_props_compare(const struct certstore_entry *, struct cs_buf *,
	    char [CS_PROPS_WHY], struct certstore_error *);	/* and the text */
int	cs_props_differ(const struct certstore_entry *, char [CS_PROPS_WHY],
	    struct certstore_error *);
int	cs_props_changed(const struct certstore_entry *, char [CS_PROPS_WHY],
	    struct certstore_error *);	/* the same, of the props alone */
int	cs_props_check(const char *, const struct cs_buf *,
	    struct certstore_error *);

/* newprops.c: makes CS_PROPS of what is to be written, from the props of the
 * entry that is replaced, or for NULL from the defaults of the store, and from
 * the put's origin and changes: 1 if a change made a difference, 0, -1. */
int	cs_newprops_compose(struct certstore *, struct cs_put *,
	    const struct certstore_entry *, struct certstore_error *);
int	cs_newprops_dropsgroup(const struct cs_put *,
	    const struct certstore_entry *);	/* of the entry: 1, 0 */
int	cs_newprops_setshold(const struct cs_put *,
	    const struct certstore_entry *,
	    char [CERTSTORE_TIME_LEN]);		/* composed: 1, 0 */
int	cs_newprops_endshold(const struct cs_put *,
	    const struct certstore_entry *, int64_t *);	/* composed: 1, 0 */

/*
 * due.c: why an entry is not renewed, or NULL; fewer reasons count if it was
 * named (1).  When it is, by a span that overrides its own, or NULL; how long
 * before its end that is without one; until when that is held, and why: 1 or
 * 0.
 */
const char *cs_due_never(const struct cs_info *, int);
int	cs_due_waits(const struct cs_info *);
int64_t	cs_due_at(const struct cs_info *, const struct certstore_span *);
int64_t	cs_due_span(const struct cs_info *);
int	cs_due_hold(const struct cs_info *, int64_t *, const char **);

/* pointer.c: what is wrong with a value of crlurl or aiaurl, or NULL. */
const char *cs_pointer_flaw(const char *);

/* search.c: the entries for which there may be something to do, or of which a
 * certificate may expire, by the end of the day of a time, sorted; -1, errno. */
#define CS_INDEX_NEXT	"next"
#define CS_INDEX_ENDS	"ends"
int	cs_search_moments(struct certstore *, const char *, int64_t,
	    struct cs_strings *);

/* revert.c: is a fingerprint that of the kept certificate?  1 or 0. */
int	cs_revert_iskept(const struct certstore_entry *, const char *);

/*
 * orderstate.c: acme/orders/NAME/state, lines "key value": 1, 0 there is none,
 * -1.  A value, not ended by NUL, or NULL; has a key this value; seconds, or 0;
 * the next moment for index/next, or 0; is it about the request that waits.
 */
int	cs_orderstate_read(const struct certstore *, const char *,
	    struct cs_buf *, struct certstore_error *);
int	cs_orderstate_isused(const struct certstore *);	/* 1, 0 no ACME here */
const char *cs_orderstate_find(const struct cs_buf *, const char *, size_t *);
int	cs_orderstate_is(const struct cs_buf *, const char *, const char *);
int64_t	cs_orderstate_time(const struct cs_buf *, const char *);
int64_t	cs_orderstate_moment(const struct cs_buf *);
int	cs_orderstate_isours(const struct cs_buf *, const struct cs_info *);
/* Is an order under way for an entry, since when, and may the CA have signed
 * its request by now: 1, 0, -1. */
struct cs_underway {
	char		 since[CERTSTORE_TIME_LEN];
	int		 processing, signs;
};
int	cs_orderstate_underway(const struct certstore_entry *,
	    struct cs_underway *, struct certstore_error *);
/* orderwrite.c: a change of the text as of a property: 1, 0 no difference, -1 no
 * memory; the file replaced, in its directory, and on disk. */
int	cs_orderwrite_change(struct cs_buf *, const char *,
	    enum certstore_set_how, const char *);
int	cs_orderwrite_state(struct certstore *, const char *, int,
	    const struct cs_buf *, struct certstore_error *);

/* lock.c: nests; runs recovery before it returns. */
int	cs_lock_take(struct certstore *, struct certstore_error *);
void	cs_lock_release(struct certstore *);
int	cs_lock_check(struct certstore *,
	    struct certstore_error *);	/* dry run: would take fail? */
/* Waits for the lock of a file (1: shared): its descriptor, or -1 and errno,
 * EWOULDBLOCK after so many seconds.  The last is a literal for the progress. */
int	cs_lock_await(const struct certstore *, int, const char *, int,
	    unsigned int, const char *);

/* recover.c: finishes or takes back what .pending/ names. */
int	cs_recover_all(struct certstore *, struct certstore_error *);
int	cs_recover_isneeded(const struct certstore *);	/* nobody writes; 1, 0, -1 */
int	cs_recover_abandon(struct certstore *, const struct certstore_error *);

/*
 * log.c: STORE/log, under the lock: a line for a change that is made, but whose
 * intent is still there.
 */
#define CS_LOG_REMOVE	"remove"
#define CS_LOG_REPAIR	"repair"
#define CS_LOG_SYSLOG	"syslog"	/* the value of log= */
struct cs_logline {
	const char	*name;		/* of an entry, "@trust/SET", "@store" */
	int		 account;	/* or of an ACME account */
	unsigned long	 gen;		/* 0: it has none */
	const char	*reason;	/* a word of ours, or NULL */
	const char	*old, *new;	/* fingerprints, "" or NULL */
};
void	cs_log_add(struct certstore *, const struct cs_logline *);
/* For an audit, the changes that the log has: 1, 0 none, -1; is there no line of
 * what made the generation of an info, though the log began before, also by now?
 * 1 or 0. */
struct cs_logtold {
	int64_t		 begin;
	uint64_t	*v;
	size_t		 n, size;
	ino_t		 inode;		/* of the file that was read, or 0 */
	off_t		 filesize;
};
int	cs_log_load(struct certstore *, struct cs_logtold *,
	    struct certstore_error *);
#define CS_LOG_REMOVED 2
int	cs_log_lacks(struct certstore *, struct cs_logtold *,
	    const struct cs_info *);
void	cs_log_done(struct cs_logtold *);

/* search.c: the names of entries that may have a key, sorted; -1 and errno. */
int	cs_search_index(struct certstore *, const char *, const char *,
	    struct cs_strings *);

/* profile.c: the file profiles/NAME: 1, 0 there is none, -1. */
int	cs_profile_read(struct certstore *, const char *, struct cs_buf *,
	    struct certstore_error *);

/* settings.c: the lines of a section.  Calls for each user of a trust set: its section, such as
 * "@trust/SET", and the user.  Other than 0 ends that, and is returned. */
int	cs_settings_read(struct certstore *, const char *, struct cs_buf *,
	    struct certstore_error *);
int	cs_settings_trustusers(struct certstore *,
	    int (*)(void *, const char *, const char *), void *,
	    struct certstore_error *);

/*
 * repair.c: links, modes and what was left, of all entries or those of names.
 * dry: nothing is changed.  force: generations without a link are removed, and
 * their keys moved to lost/.
 */
struct cs_repair {
	struct certstore *store;
	struct cs_strings names;
	int		 dry, force;
	void		 (*told)(void *, const struct certstore_repaired *);
	void		 (*failed)(void *, const char *,
			    const struct certstore_error *);
	void		*arg;
	size_t		 count, nfailed;	/* set: repaired, could not be */
	/* of repair.c and mend.c */
	int		 copied;		/* without its links */
	int		 looks, leaves;		/* silent; tells what it leaves */
	int		 found, acts;
};
int	cs_repair_store(struct cs_repair *, struct certstore_error *);
int	cs_repair_conclude(struct cs_repair *, struct certstore_error *);
/* indexed.c: do the times say that index/ lists all entries?  1, 0, -1. */
int	cs_indexed_isknown(struct certstore *);
/* told.c: something is to be repaired: now?  1 or 0; is that so at all; tells of
 * it: name, what, whether it is left as it is, text; was it named? */
int	cs_told_acts(struct cs_repair *);
int	cs_told_acting(const struct cs_repair *);
void	cs_told_add(struct cs_repair *, const char *, const char *, int,
	    const char *, ...) CS_PRINTFLIKE(5, 6);
int	cs_told_isnamed(const struct cs_repair *, const char *);

/* links.c: makes missing links to an entry that is left as it is. */
int	cs_links_make(struct certstore *, const struct certstore_entry *,
	    struct certstore_error *);

/*
 * A set of files that a link switches.  trustname.c: a trust set: the default
 * one, for a name that is NULL, or one by name.  Absent is always -1.
 */
#define CS_TRUSTNAME_MAX	32
struct cs_setname {
	struct certstore *store;
	int		 named;		/* not the default trust set */
	char		 intent[CS_NAME_MAX + 3];	/* "@" and its name */
	char		*path;		/* for messages */
	char		*option;	/* " -d STORE -T SET", for a remedy */
};
int	cs_trustname_isvalid(const char *);
int	cs_trustname_init(struct cs_setname *, struct certstore *,
	    const char *, struct certstore_error *);
int	cs_trustname_absent(const struct cs_setname *,
	    struct certstore_error *);
void	cs_trustname_done(struct cs_setname *);

/* crlname.c: crl/NAME.pem and crl/NAME.der, by the name of the CA. */
int	cs_crlname_init(struct cs_setname *, struct certstore *,
	    const char *, struct certstore_error *);
void	cs_crlname_done(struct cs_setname *);

/*
 * setgen.c: a generation of a set, read or written.  Open: 1, 0 there is no
 * such set, -1.  Begin takes the number of the live generation and
 * how many files there will be.  Begin and commit need the lock; after them
 * comes cs_recover_all(), or if one failed cs_recover_abandon().
 */
struct cs_setgen {
	unsigned long	 gen;
	unsigned long	 before;	/* the live one when it was begun */
	int		 fd;		/* the caller's to close */
	struct cs_stamp	 stamp;
	int		 bulk;		/* files need no fsync(2) of their own */
};
int	cs_setgen_open(const struct cs_setname *, struct cs_setgen *,
	    struct certstore_error *);
int	cs_setgen_stat(const struct cs_setname *, struct stat *); /* 1, 0 */
int	cs_setgen_begin(const struct cs_setname *, unsigned long, size_t,
	    struct cs_setgen *, struct certstore_error *);
int	cs_setgen_commit(const struct cs_setname *, struct cs_setgen *,
	    struct certstore_error *);
int	cs_setgen_islost(struct certstore *, const char *); /* by intent; errno */
int	cs_setgen_repair(struct certstore *, const char *);
int	cs_setgen_names(struct certstore *, struct cs_strings *); /* errno */
int	cs_setgen_crls(struct certstore *, struct cs_strings *);

/*
 * setends.c: when the first certificate of a trust set expires, and when its first
 * CRL expires or is late; INT64_MAX is never.  Read takes the directory of the
 * generation: 0, -1 it does not tell, and all has to be parsed.
 */
#define CS_TRUST_ENDS		"ends"
#define CS_TRUST_HELPERS	"untrusted"	/* directories of a set */
#define CS_TRUST_CRLS		"crls"
struct cs_setends {
	int64_t	 ends, late;
};
#define CS_SETENDS_NEVER	{ INT64_MAX, INT64_MAX }
void	cs_setends_note(struct cs_setends *, int64_t, int64_t);
int	cs_setends_compose(struct cs_buf *, const struct cs_setends *);
int	cs_setends_read(int, struct cs_setends *);
int	cs_setends_written(int, struct cs_setends *);	/* however old */

/*
 * crlinfo.c: crl/.NAME/info, what the CRL of a CA contains, without libcrypto:
 * 1, 0 the CA has none, -1.  As text: -1 no memory.  How many serial numbers are
 * in revoked/SPKI: -1 and errno.  When it is to be made anew.
 */
#define CS_CRL_DER	"crl.der"
#define CS_CRL_PEM	"crl.pem"
#define CS_CRL_INFO	"info"		/* written last */
struct cs_crlinfo {
	char		 spki[CS_HASH_LEN];
	char		 issuer[CS_HASH_LEN];	/* subjecthash of the CA */
	uint64_t	 number;
	int64_t		 starts, ends;		/* this and next update */
	size_t		 count;			/* how many it revokes */
	size_t		 recorded;		/* were in revoked/SPKI then */
	struct cs_strings chain;		/* CAs whose CRLs are behind it */
	unsigned long	 gen;			/* of its link */
};
int	cs_crlinfo_read(struct certstore *, const char *,
	    struct cs_crlinfo *, struct certstore_error *);
int	cs_crlinfo_compose(struct cs_buf *, const struct cs_crlinfo *);
int	cs_crlinfo_recorded(const struct certstore *, const char *, size_t *);
int64_t	cs_crlinfo_due(const struct cs_crlinfo *);
void	cs_crlinfo_done(struct cs_crlinfo *);

#endif
