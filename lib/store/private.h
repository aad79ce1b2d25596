/*
 * private.h: what the files of store share; struct certstore is theirs alone.
 */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "store/store.h"

#define CS_NINDEX	9
/* Its presence says that every name of every entry is linked.  "+" is in no
 * host name.  Made together with the directory. */
#define CS_INDEX_COMPLETE "host/+"
#define CS_INDEX_NUMBERED "+"		/* the only key in index/tn */
extern const char *const cs_index_names[CS_NINDEX];

#define CS_NHELD	6		/* see cs_fence_verify() */

/* The generations in a directory, sorted: cs_generation_list(). */
struct cs_generations {
	struct cs_strings dirs;
	int		  known;
	struct cs_stamp	  at;		/* of the directory when it was read */
};

struct certstore {
	char	*path;			/* absolute */
	char	*word;			/* the same for a shell */
	char	*option;		/* "", or " -d " and that if it was named */
	int	 flags;
	int	 fd;			/* -1: still to be created */
	int	 certs;			/* certs/, or -1 */
	int	 index;			/* index/, or -1 */
	int	 combined, pending;	/* open under the lock, or -1 */
	int	 trusts, crls;		/* trusts/, crl/, or -1: setgen.c opens them */
	int	 repairs;		/* a copy without links, too */
	int	 linked;		/* .links is a link */
	int	 indexed;		/* index/ lists all; under the lock */
	int	 compared;		/* just now: 1 it does, -1 it may not */
	struct cs_strings unlinked;	/* entries that index/ may not list */
	struct cs_stamp	 searched;	/* of certs/ when these were found */
	int	 warned;		/* of that */
	struct cs_stamp	at;		/* of fd when these were opened */
	unsigned int epoch;		/* counts new certs/ directories */
	int	 lock;			/* -1: not held */
	struct cs_inode held[CS_NHELD];	/* what the lock is of: fence.c */
	int	 tidy;			/* each generation is known: lock.c */
	int	 depth;			/* how often the lock was taken */
	unsigned int touched;		/* directories of index/ to be synced */
	struct cs_strings shared;	/* and directories below those */
	int	 uncombined;		/* combined/ is to be synced */
	int	 syncall;		/* fsync(2) loses links */
	struct cs_generations gens;	/* in certs/ */
	int	log;			/* STORE/log, under the lock, or -1 */
	int64_t	logsize;
	int	logfailed;		/* a line could not be written */
	int	loggives;		/* lines go to logline, too; -1: unknown */
	struct cs_buf logwho;		/* what each line begins with */
	struct cs_buf loglines;		/* that go to logline */
	const char *command;		/* for the log, or NULL */
	void	(*logline)(void *, const char *);
	void	*loglinearg;
	void	(*warn)(void *, const char *);
	void	*warnarg;
	void	(*progress)(void *, const char *, size_t, size_t);
	void	*progressarg;
};

/* From the bottom up: a file calls those before it. */

/* store.c */
/* The store is not there: can it be created by its path?  0, or -1. */
int	cs_store_refuseplace(const struct certstore *, struct certstore_error *);
/* Opens certs/ and index/ again: NULL, or what cannot be opened, and errno. */
const char *cs_store_reopen(struct certstore *);
/* Is it a copy without links that is to be refused?  0, or -1. */
int	cs_store_refusecopy(const struct certstore *, struct certstore_error *);
/* Syncs the links that were made in one of its directories. */
int	cs_store_sync(const struct certstore *, int);

/*
 * fence.c: does this writer still have what it began with?  Asked before what
 * cannot be taken back, and at the end.  CERTSTORE_EBUSY if not.
 */
int	cs_fence_ours(const struct certstore *, int, const char *,
	    struct certstore_error *);	/* a directory of the store, by path */
int	cs_fence_begin(struct certstore *, struct certstore_error *);
int	cs_fence_verify(const struct certstore *, struct certstore_error *);
int	cs_fence_isheld(const struct certstore *);	/* .lock alone: 1, 0 */
int	cs_fence_isplace(const struct certstore *);	/* all but .lock: 1, 0 */
int	cs_fence_intent(const struct certstore *, const char *, const char *,
	    struct certstore_error *);	/* it still has this text */
int	cs_fence_lost(const struct certstore *, const char *,
	    struct certstore_error *);	/* always -1: CERTSTORE_EBUSY */
int	cs_fence_failmake(const struct certstore *, const char *,
	    struct certstore_error *);	/* a link or more: errno */
int	cs_fence_failintent(const struct certstore *, const char *,
	    struct certstore_error *);	/* that could not be made: errno */

/*
 * generation.c: a link NAME -> .NAME@N and its generations; -1 and errno.  The
 * generations are in the same directory as the link.
 */
#define CS_SWITCHED	"@@switched"	/* in .pending/: see recover.c */
#define CS_TAKEN	"@taken"	/* behind the name of an intent */
#define CS_MOVED	"@rm"		/* behind that of a link moved there */
struct cs_link {
	struct certstore	*store;
	int			 dir;		/* where the link is; open */
	const char		*name;
	const char		*intent;	/* its name in .pending/ */
	struct cs_generations	*gens;		/* known of dir, or NULL */
	int			(*iswhole)(const struct cs_link *,
				    const char *);	/* .NAME@N: 1, 0, -1;
							   of a set alone */
};
/* What is found where the link should be. */
enum {
	CS_LINK_NONE, CS_LINK_GENERATION, CS_LINK_FOREIGN, CS_LINK_DIRECTORY
};
/* What .pending/ tells of a link: recover.c has the forms. */
struct cs_intent {
	unsigned long	 gen;
	const char	*verb;			/* "", "mend" or "rm" */
	char		 text[CS_GENDIR + 8];	/* .NAME@N */
};
int	cs_generation_list(const struct certstore *, int,
	    struct cs_generations *);
void	cs_generation_forget(struct cs_generations *);
int	cs_generation_current(const struct cs_link *, char [CS_GENDIR],
	    unsigned long *);		/* CS_LINK_*; its text, its number or 0 */
int	cs_generation_iscurrent(const struct cs_link *, unsigned long);
int	cs_generation_has(const struct cs_link *, unsigned long, const char *);
int	cs_generation_highest(const struct cs_link *, unsigned long *); /* or 0 */
/* The highest whole one below a number; that of a link that was lost: 1, 0
 * there is none, -1. */
int	cs_generation_wholebelow(const struct cs_link *, unsigned long,
	    unsigned long *);
int	cs_generation_find(const struct cs_link *, unsigned long *);
/* The intent in a file of .pending/, which may be the link, moved there: 1, 0
 * it is none, -1. */
int	cs_generation_intent(const struct cs_link *, const char *, int,
	    struct cs_intent *);
/* To write one: the first free number from one on, the intent, what the switch
 * renames, the switch from one (0: no link) to another; EEXIST: another writer
 * came between. */
int	cs_generation_free(const struct cs_link *, unsigned long,
	    unsigned long *);
int	cs_generation_begin(const struct cs_link *, unsigned long,
	    struct certstore_error *);
int	cs_generation_prepare(const struct cs_link *, unsigned long);
int	cs_generation_switch(const struct cs_link *, unsigned long,
	    unsigned long);
/* To mend a link: the intent, on disk, and the link, which is not yet. */
int	cs_generation_mend(const struct cs_link *, unsigned long);
int	cs_generation_lead(const struct cs_link *, unsigned long);
/* What each intent begins with; which generation is live then, or 0: 1, 0
 * nothing is to be done, -1. */
int	cs_generation_settle(const struct cs_link *, const struct cs_intent *,
	    unsigned long *);
/* Not if by now the number may be another writer's: ESTALE.  Sweep: all below
 * a number but two, and what an info, or NULL, holds. */
int	cs_generation_remove(const struct cs_link *, unsigned long);
int	cs_generation_sweep(const struct cs_link *, unsigned long,
	    unsigned long, unsigned long, const struct cs_info *);

/* info.c */
/* Reads and checks info of a directory in certs/ (directory, entry name):
 * CERTSTORE_EDAMAGED when it is missing, bad or not of these files. */
int	cs_info_load(const struct certstore *, const char *, const char *,
	    struct cs_info *, struct certstore_error *);
int	cs_info_current(int, const char *, int, struct cs_info *,
	    char [CS_GENDIR], struct stat *);

/* resolve.c */
struct cs_link cs_resolve_link(struct certstore *, const char *);
/* The directory in certs/ that a name stands for now: ".NAME@N". */
int	cs_resolve_entry(struct certstore *, const char *, char [CS_GENDIR],
	    struct certstore_error *);
int	cs_resolve_isstray(const struct certstore *, const char *);
int	cs_resolve_defaultname(struct certstore *, char [CS_NAME_MAX + 1],
	    struct certstore_error *);	/* "": there is none */

/* mode.c */
/* The group that a name stands for; NULL: none, which is -1. */
int	cs_mode_group(const char *, const char *, gid_t *,
	    struct certstore_error *);
/* Has a file of an entry another owner, group or mode?  1 and why, 0, -1. */
int	cs_mode_differ(const struct certstore_entry *, enum cs_file, gid_t,
	    char [CS_PROPS_WHY], struct certstore_error *);
/* Can others read it who can not read what a group may? */
int	cs_mode_isopen(const struct certstore *, const char *, enum cs_file,
	    gid_t);
int	cs_mode_close(struct certstore *, const char *, unsigned long, int);
int	cs_mode_tighten(struct certstore *, const struct cs_info *); /* errno */

/* props.c */
const char *cs_props_ignoreflaw(const char *);
enum cs_prop {			/* those with one value that info repeats */
	CS_PROP_ORIGIN, CS_PROP_GROUP, CS_PROP_X5U, CS_PROP_RENEW, CS_PROP_HOLD,
	CS_PROP_ACME, CS_PROP_REVOKED, CS_PROP_CRLURL, CS_PROP_AIAURL, CS_NPROP
};
struct cs_props {
	char			*value[CS_NPROP];	/* or NULL */
	struct cs_strings	 tenants, users;	/* sorted */
};
int	cs_props_read(const struct certstore_entry *, struct cs_props *,
	    struct certstore_error *);
void	cs_props_free(struct cs_props *);
int	cs_props_repeat(struct cs_buf *, const struct cs_buf *); /* no memory */
int	cs_props_group(const char *, const struct cs_buf *, gid_t *,
	    struct certstore_error *);
int	cs_props_isgroup(const struct cs_buf *, const char *);	/* is it theirs? */
int	cs_props_text(const struct certstore_entry *, struct cs_buf *,
	    struct certstore_error *);		/* the file as it is now */

/* held.c: what is written, of what it replaces. */
int	cs_held_add(struct cs_put *, const struct cs_info *);	/* no memory */

/* issued.c: the record of what is put, or 0; writes one, and what is to be synced
 * (NULL: the caller syncs all). */
int	cs_issued_newfile(int, const char *, const struct cs_buf *, mode_t,
	    int, int *);		/* appears whole; synced before; errno */
int	cs_issued_ofput(struct cs_issued *, const struct cs_put *);
int	cs_issued_write(struct certstore *, const struct cs_issued *,
	    int [CS_NISSUED], struct certstore_error *);

/* pointer.c: what is wrong with a URL of a scheme, or NULL. */
const char *cs_pointer_urlflaw(const char *, const char *);

/* x5u.c */
const char *cs_x5u_flaw(const char *);
int	cs_x5u_add(struct certstore *, const struct cs_put *, int,
	    struct certstore_error *);
int	cs_x5u_remove(struct certstore *, const char *);	/* by its hash */

/*
 * due.c: what is wrong with a value of a property, or NULL; the first moment at
 * which there is something to do: 1, 0 there is none.
 */
const char *cs_due_renewflaw(const char *);
const char *cs_due_lifeflaw(const char *);
const char *cs_due_keepkeyflaw(const char *);
const char *cs_due_holdflaw(const char *);	/* and of revoked */
int	cs_due_moment(const struct cs_info *, int64_t *);

/* moment.c: a directory below index/ for a time. */
#define CS_MOMENT_NEVER	"never"
#define CS_MOMENT_SUB	16		/* "next/2027-01/31" */
int	cs_moment_isdir(const char *);	/* is it one of those with days? */
void	cs_moment_sub(char [CS_MOMENT_SUB], const char *, int64_t);
/* The names in one until the end of the day of a time; errno, also ENOENT. */
int	cs_moment_names(struct certstore *, const char *, int64_t,
	    struct cs_strings *);

/* method.c: what is wrong with the name of an account, or a way to prove control
 * of a name, as a property has it; or NULL. */
const char *cs_method_flaw(const char *);
const char *cs_method_accountflaw(const char *);

/* endpoint.c: what is wrong with the text, or NULL; the name that is asked for,
 * -1 if the certificate has only wildcards. */
const char *cs_endpoint_read(const char *, struct certstore_endpoint *);
const char *cs_endpoint_flaw(const char *);
int	cs_endpoint_choose(struct certstore_endpoint *, const struct cs_info *);

/* orderstate.c: with its link in index/next; errno. */
int	cs_orderstate_remove(struct certstore *, const char *);

/* propedit.c: a change as typed is checked, copied and later freed; to lines as
 * compose makes them: 1, 0 no difference, -1 no memory. */
int	cs_propedit_parse(struct cs_propchange *, const char *,
	    enum certstore_set_how, const char *, struct certstore_error *);
int	cs_propedit_apply(struct cs_buf *, const struct cs_propchange *);
void	cs_propedit_free(struct cs_propchange *);
/* Are changed lines, of an entry or a section, few enough to be read?  0, -1. */
int	cs_propedit_checksize(const char *, const struct cs_buf *,
	    const struct cs_buf *, struct certstore_error *);

/* user.c: warns if cert-deploy(1) could not tell this user of a change. */
#define CS_USER_ETC	"/etc/certstore"
void	cs_user_warn(const struct certstore *, const char *);

/* settings.c: STORE/props, the lines of a section such as "@new". */
int	cs_settings_issection(const char *);	/* "@new", "@trust/SET", ... */
int	cs_settings_istrust(const char *);	/* "@trust", "@trust/SET" */
/* To change it: the whole file, changes of a section (1, 0 no difference, -1),
 * a new file, which takes its place; or is removed.  The latter three: errno. */
int	cs_settings_load(struct certstore *, struct cs_buf *,
	    struct certstore_error *);
int	cs_settings_edit(struct cs_buf *, const char *,
	    const struct cs_propchange *, size_t, struct certstore_error *);
int	cs_settings_prepare(struct certstore *, const struct cs_buf *);
int	cs_settings_switch(struct certstore *);
void	cs_settings_cancel(struct certstore *);

#define CS_LOG_FILE	"log"
/* log.c: each line, until the function returns other than 0: that, or -1 and
 * errno; a change that may have its line; the lock is released. */
int	cs_log_each(const struct certstore *,
	    int (*)(void *, const char *, size_t), void *);
void	cs_log_recover(struct certstore *, const struct cs_logline *);
void	cs_log_close(struct certstore *);

/* index.c */
const char *cs_index_linkname(const char *);	/* the entry's, in a link's text */
unsigned int cs_index_bit(const char *);	/* of a directory, in touched */
int	cs_index_add(struct certstore *, const struct cs_info *);	/* errno */
int	cs_index_has(struct certstore *, const struct cs_info *);
						/* all of them?  1, 0, -1 */
int	cs_index_unshare(struct certstore *, const char *, const char *,
	    const char *);	/* out of KEY@/; errno */
int	cs_index_drop(struct certstore *, const struct cs_info *,
	    const struct cs_info *);	/* links of the first the second lacks (or NULL) */
/* A further link in index/next, for a moment that info does not tell; without
 * it, but for that of the next one (0: none) and those that an info calls for. */
int	cs_index_addmoment(struct certstore *, const char *, int64_t);
int	cs_index_dropmoment(struct certstore *, const char *, int64_t, int64_t,
	    const struct cs_info *);
int	cs_index_sync(struct certstore *);
void	cs_index_synced(struct certstore *);	/* by other means */
int	cs_index_make(struct certstore *);		/* the empty directories */
int	cs_index_ismade(const struct certstore *);	/* 1, 0, -1 */

/* linkcheck.c: all links in index/ that an entry calls for, sorted; errno. */
int	cs_linkcheck_keys(struct certstore *, const struct cs_info *, int,
	    struct cs_strings *);

/* combined.c: the link of an entry in combined/. */
int	cs_combined_has(const struct certstore *, const char *);
int	cs_combined_check(const struct certstore *, const struct cs_put *,
	    struct certstore_error *);	/* is its place free? */
int	cs_combined_fail(const struct certstore *, const char *,
	    struct certstore_error *);	/* somebody else's file is there */
int	cs_combined_update(struct certstore *, const char *,
	    const struct cs_info *);	/* makes it true; NULL: no entry; errno */
int	cs_combined_sync(struct certstore *);	/* and that is on disk */

/* layout.c */
int	cs_layout_refuseforeign(const struct certstore *,
	    struct certstore_error *);	/* a directory that is no store */
int	cs_layout_make(struct certstore *, struct certstore_error *);
/* All is on disk, and .links, which says so. */
int	cs_layout_conclude(struct certstore *, struct certstore_error *);

/* indexed.c: does index/ list all entries?  1, 0 not those in unlinked, -1. */
int	cs_indexed_check(struct certstore *, int *);	/* 1: others wrote */
int	cs_indexed_begin(struct certstore *, const struct cs_stamp *,
	    const struct cs_stamp *, int);	/* 1: to be verified */
int	cs_indexed_verify(struct certstore *);
void	cs_indexed_end(struct certstore *);	/* it does */
void	cs_indexed_doubt(struct certstore *);	/* it may not */

/* sweep.c */
/* Removes all generations of the names, which are sorted and have no link; of
 * what cannot be believed the name is added to the second list. */
int	cs_sweep_names(struct certstore *, const struct cs_strings *,
	    struct cs_strings *);
int	cs_sweep_audit(struct certstore *);	/* is each one known?  1, 0, -1 */
int	cs_sweep_generation(struct certstore *, const char *, unsigned long,
	    const struct cs_info *);

/* trustname.c, crlname.c, setgen.c: the parts that others in this folder need. */
#define CS_TRUST_INTENT	"@trust"	/* in .pending/, of the default set */
#define CS_TRUST_LAST	"shipped"	/* the last file without which it is none */
#define CS_CRL_DIR	"crl"
#define CS_CRL_INTENT	"@."		/* what those of CRLs begin with */
#define CS_SETGEN_SHOWN	(CS_NAME_MAX + 16)
int	cs_crlname_isintent(const char *);
int	cs_setgen_isintent(const char *);	/* of one or the other */
/* By intent: "@trust", "@trust/SET", "@crl/NAME" */
void	cs_setgen_show(const char *, char [CS_SETGEN_SHOWN]);
int	cs_trustname_isintent(const char *);
/* By intent, which the link borrows: 1, 0 its directory is missing, -1. */
int	cs_setgen_link(struct certstore *, const char *, struct cs_link *);
int	cs_setgen_settle(const struct cs_link *, const struct cs_intent *,
	    unsigned long);		/* live; errno */

/* settle.c: what is left to do is added to a list, for all names at once. */
struct cs_todo {
	struct cs_strings unknown;	/* whose links in index/ are not known */
	struct cs_strings gone;		/* of which nothing is to be left */
};
/* Switches a link to what its intent names, if it leads to what that replaces;
 * errno. */
int	cs_settle_switch(const struct cs_link *, const struct cs_intent *);
int	cs_settle_intent(const struct cs_link *, const struct cs_intent *,
	    unsigned long, struct cs_todo *);	/* live; errno */
int	cs_settle_finish(struct certstore *, const struct cs_info *,
	    struct cs_todo *);		/* of a link that was switched; errno */
int	cs_settle_removal(struct certstore *, const char *, unsigned long,
	    const struct cs_info *, int,
	    struct cs_todo *);	/* whose link is gone; 1: by another writer */
int	cs_settle_fail(const struct certstore *, const char *,
	    struct certstore_error *);	/* errno of one of these */
int	cs_settle_conclude(struct certstore *, const char *const *, size_t,
	    struct cs_todo *, struct certstore_error *); /* intents by file name */
void	cs_settle_done(struct cs_todo *);	/* frees it */

/* mend.c */
int	cs_mend_entry(struct cs_repair *, const char *,
	    struct certstore_error *);

/* lost.c: removes a generation that nothing uses; its keys are kept. */
int	cs_lost_move(struct cs_repair *, const char *, const char *,
	    struct certstore_error *);

/* put.c */
int	cs_put_write(struct certstore *, struct cs_put *, int,
	    struct certstore_error *);	/* all files; 1: they are left open */
void	cs_put_begin(struct cs_put *);
void	cs_put_await(const struct cs_put *);
int	cs_put_sync(struct cs_put *, struct certstore_error *);
void	cs_put_close(struct cs_put *);

/* list.c */
const char *cs_list_last(const struct certstore_list *,
	    const struct cs_info **);

/* unlink.c */
size_t	cs_unlink_entries(struct certstore *, const char *const *, size_t,
	    const struct cs_info *, struct certstore_error *);

#endif
