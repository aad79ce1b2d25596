/*
 * kind.h: what the kinds of methods share, for their own files; callers use
 * method.h.
 */
#ifndef KIND_H
#define KIND_H

#include "cmd.h"
#include "method.h"

/* The words of a note; the first is that of the method. */
#define KIND_WORDS	10
struct kind_note {
	char	*word[KIND_WORDS];
	size_t	 n;
};

/* Each function may be NULL: there is nothing to do. */
struct kind {
	const char	*name;		/* what the word of the method begins with */
	/* what is behind the colon, or NULL; may set word */
	int	 (*parse)(struct method *, const char *, struct method_why *);
	int	 (*can)(const struct method *, const struct method_task *);
	int	 (*begin)(struct method *, struct method_why *);
	int	 (*serial)(const struct method *);
	/* 1 and all words but the first, 0 nothing will have to be undone */
	int	 (*note)(struct method *, const struct method_task *,
		    struct kind_note *, struct method_why *);
	int	 (*setup)(struct method *, const struct method_task *,
		    const struct kind_note *, struct method_why *);
	/* after setup: JSON for free(3), with which the CA is told */
	char	*(*answer)(struct method *);
	int	 (*wait)(struct method *, const struct method_task *,
		    const struct kind_note *, struct method_why *);
	int	 (*look)(struct method *, const struct method_task *,
		    struct method_why *);
	int	 (*undo)(struct method *, const struct kind_note *,
		    struct method_why *);
	void	 (*end)(struct method *);
};
extern const struct kind kind_webroot, kind_http, kind_hook, kind_persist,
	    kind_tkauth;

struct method {
	const struct kind	*kind;
	struct certstore	*store;
	char			*word;
	void			*state;		/* of the kind */
	int64_t			 limit;		/* of waiting for DNS, or 0 */
};

/* method.c */
int	kind_fail(struct method_why *, const char *, ...)
	    __attribute__((__format__(__printf__, 2, 3)));	/* -1 */
int	kind_stopped(struct method_why *);	/* -1 because of method_stop */
int64_t	kind_clock(void);			/* seconds, monotonic */
void	*kind_alloc(size_t);
char	*kind_print(const char *, ...)
	    __attribute__((__format__(__printf__, 1, 2)));
char	*kind_absolute(const char *);		/* path, for free(3) */
void	kind_note_add(struct kind_note *, const char *);

/*
 * method-program.c: a program and its words, PROGRAM[,WORD...]; begin finds it
 * and its credentials, and so does run, whose words are at least three and no
 * secrets.
 */
#define KIND_PROGRAM_WORDS	16
struct kind_program {
	char		*text;		/* with NUL between the words */
	char		*word[KIND_PROGRAM_WORDS];	/* [0] is the program */
	size_t		 nword;
	struct cmd_hook	 hook;
};
int	kind_program_parse(struct method *, struct kind_program *,
	    const char *, struct method_why *);
const char *kind_program_name(const struct kind_program *);	/* no directory */
int	kind_program_begin(struct method *, struct kind_program *,
	    struct method_why *);
int	kind_program_run(struct method *, struct kind_program *, char *const *,
	    size_t, struct method_why *);
void	kind_program_end(struct kind_program *);

/* caa.c: "DOMAIN; KEY=VALUE; ..." of RFC 8659 section 4.2, in parts */
int	kind_part_next(const char **, const char **, size_t *);
const char *kind_part_value(const char *, size_t *, const char *);
int	kind_part_is(const char *, size_t, const char *);

/* httplook.c: what http-01 answers, from each address of the name */
int	kind_look_http(struct method *, const struct method_task *,
	    struct method_why *);

/* portowner.c: "nginx (pid 17)", the program that listens on a port, or "" */
void	kind_portowner(int, char *, size_t);

/*
 * dns.c: questions to the authoritative servers of a zone.  The recursive
 * resolver of this host is only asked for zones and addresses, since it would
 * keep the answer that there is no such record.
 */
#define DNS_NAME_LEN	1025
struct dns_txt {
	char	*text[64];		/* the strings of each, joined */
	size_t	 n;
};
enum dns_found {
	DNS_ALL,		/* all servers that answer have it */
	DNS_SOME,		/* at least one that answers does not have it */
	DNS_SILENT		/* no server was found, or none answers */
};
struct caa_record {
	int	 flags;
	char	*tag;
	char	*value;
};
struct dns_caa {
	struct caa_record	 record[32];
	size_t			 n;
};
int	dns_caa(const char *, struct dns_caa *);	/* 1, 0 none, -1 unknown */
void	dns_caa_free(struct dns_caa *);
int	dns_alias(const char *, char [DNS_NAME_LEN]);	/* 1, 0: end of CNAMEs */
/* has decides whether these TXT records of a name will do */
enum dns_found dns_look(const char *, int (*)(const struct dns_txt *, void *),
	    void *, char *, size_t);		/* and which server does not */

#endif
