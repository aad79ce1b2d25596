/*
 * private.h: what the files of store share; struct certstore is theirs alone.
 */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "store/store.h"

#define CS_KEY_MAX	253		/* a name in index/, bytes */

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
	int	 fd;			/* -1: not made yet (CERTSTORE_OPEN_CREATE) */
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

/* store.c */
/* The directory in certs/ that a name stands for now: ".NAME@N", or the name
 * itself where a restore made it a real directory. */
int	cs_store_resolve(struct certstore *, const char *, char [CS_GENDIR],
	    struct certstore_error *);
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

/* write.c */
int	cs_write_verify(struct certstore *, const struct cs_put *, int,
	    struct certstore_error *);	/* is it still mine, once switched? */
int	cs_write_failcombined(const struct certstore *, const char *,
	    struct certstore_error *);	/* somebody else's file is there */
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

/* lock.c */
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

/* info.c */
/* Reads and checks info of a directory in certs/ (directory, entry name):
 * CERTSTORE_EDAMAGED when it is missing, bad or not of these files. */
int	cs_info_load(const struct certstore *, const char *, const char *,
	    struct cs_info *, struct certstore_error *);
int	cs_info_current(int, const char *, int, struct cs_info *,
	    char [CS_GENDIR]);

/* props.c */
struct cs_props {
	char			*origin, *group;	/* or NULL */
	struct cs_strings	 tenants, users;	/* sorted */
};
int	cs_props_read(const struct certstore_entry *, struct cs_props *,
	    struct certstore_error *);
void	cs_props_free(struct cs_props *);
int	cs_props_repeat(struct cs_buf *, const struct cs_buf *); /* no memory */
int	cs_props_group(const char *, const struct cs_buf *, gid_t *,
	    struct certstore_error *);
int	cs_props_tighten(struct certstore *, const struct cs_info *); /* errno */

/* trustgen.c */
#define CS_TRUST_INTENT	"@trust"	/* in .pending/ */
int	cs_trustgen_settle(struct certstore *, const char *);	/* by its intent */

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
int	cs_index_make(struct certstore *);		/* the empty directories */
int	cs_index_ismade(const struct certstore *);	/* 1, 0, -1 */

#endif
