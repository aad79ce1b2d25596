/*
 * cmd.h: functions that the commands share.  A command is linked with those of
 * these files that it uses; only memory.c needs libcrypto.
 */
#ifndef CMD_H
#define CMD_H

#include <sys/types.h>

#include <stddef.h>
#include <stdint.h>

#include <certstore.h>

#define CMD_PRINTFLIKE	__attribute__((__format__(__printf__, 1, 2)))
#define CMD_NORETURN	__attribute__((__noreturn__))

/*
 * cmd.c: start, options, messages, end.  The exit status is 0, 1 after
 * cmd_no(), and 2 after any error; it is never lowered.
 */
#define CMD_OPTIONS	"d:hqV"		/* options of every command */
struct cmd_opt {
	char		 letter;
	const char	*arg;		/* the name of its argument, or NULL */
	const char	*text;		/* its line of -h */
};
struct cmd_help {			/* what -h and a usage error print */
	const char		*name;
	const char		*operands;	/* may mention options, too */
	const struct cmd_opt	*opts;		/* the last has the letter 0 */
	const char		*again;		/* may be repeated */
	const char		*verbs;		/* more lines of -h */
};
extern int cmd_quiet;			/* -q: status and errors only */
extern int cmd_ended;			/* by cmd_end() */
extern void (*cmd_erase)(void);		/* called before output, or NULL */
/* Receives each error instead of stderr, and NULL when the command ends by one;
 * the status is then 3.  Or NULL. */
extern void (*cmd_failing)(const char *);
void	cmd_start(const struct cmd_help *, char **);
void	cmd_option(int);		/* CMD_OPTIONS, and wrong options */
void	cmd_say(const char *, ...) CMD_PRINTFLIKE;	/* not with -q */
void	cmd_error(const char *, ...) CMD_PRINTFLIKE;	/* status 2 */
CMD_NORETURN void cmd_die(const char *, ...) CMD_PRINTFLIKE;
CMD_NORETURN void cmd_usage(void);	/* the synopsis on stderr, status 2 */
void	cmd_nooptions(char **, int);	/* refuses options among operands */
void	cmd_no(void);			/* status 1, the answer is no */
void	cmd_certain(void);		/* status 1 in spite of errors so far */
int	cmd_status(void);		/* so far */
void	cmd_failed(void);		/* status 2, with a message of cmd_say */
void	cmd_stdin(const char *);	/* "-p", ...: refuses a second reader */
struct certstore *cmd_open(int);	/* flags of certstore_open(3) */
struct certstore *cmd_tryopen(int, struct certstore_error *);	/* no message */
struct certstore *cmd_openwriter(int);	/* writer.c: with cmd_syslog */
extern void (*cmd_syslog)(void *, const char *);
CMD_NORETURN void cmd_lost(void);	/* writing to stdout failed: errno */
extern void (*cmd_idle)(void);		/* called before a flush, or NULL */
void	cmd_flush(void);		/* flushes stdout */
int	cmd_end(void);			/* closes stdout; the exit status */
char	**cmd_argv(size_t *);		/* argv[0] and the options */
const char *cmd_clean(const char *, char *, size_t);	/* for a message */

/*
 * operand.c: operands that are names, and for "-" the first field of each line
 * of stdin.  cmd_operand() returns the next one, valid until the next call, or
 * NULL; cmd_operands_all() returns copies of all, with NULL after the last.
 */
struct cmd_operands {
	/* returns the option that reads this file, for a message; or NULL */
	const char *(*option)(const char *);
	int	 files;			/* operands may be files, too */
	char	**argv;
	size_t	 lineno;
	int	 reading;		/* stdin */
	char	 line[1024];
};
void	cmd_operands_start(struct cmd_operands *, char **);
int	cmd_operand_isfile(const struct cmd_operands *, const char *,
	    void (*)(const char *, ...));	/* cmd_say or cmd_error */
void	cmd_operand_failed(const struct cmd_operands *, const char *,
	    const struct certstore_error *);
const char *cmd_operand(struct cmd_operands *);
char	**cmd_operands_all(struct cmd_operands *, size_t *);
size_t	cmd_operands_unique(char **, size_t);
int	cmd_operands_match(char **, const char *);
void	cmd_operands_free(char **);

/* clock.c: milliseconds since some moment; the argument of -W, within limits. */
int64_t	cmd_clock(void);
unsigned int cmd_seconds(const char *, unsigned int, unsigned int);

/*
 * progress.c: shows the progress of long work on a terminal.  Call cmd_erase
 * before any other output; cmd_say() and the like do.
 */
void	cmd_progress(struct certstore *);

/*
 * input.c: whole files.  There is one buffer: data is valid until the next file
 * is read.  cmd_input() returns 0, or -1 with a message.
 */
struct cmd_input {
	const char	*label;		/* the path, or "stdin" */
	const char	*data;
	size_t		 len;
	unsigned int	 mode;		/* if others can access it, else 0 */
};
int	cmd_input(const char *, const char *, struct cmd_input *);
int	cmd_input_max(const char *, const char *, size_t, struct cmd_input *);
void	cmd_input_wipe(void);
unsigned int cmd_input_open(int, const char *);	/* the mode above */

/* memory.c: the command ends with status 2 if libcrypto gets no memory.  For what
 * only reads; call it before libcrypto is used. */
void	cmd_memory_watch(void);

/* paste.c: the same for what is pasted on a terminal: "certificates". */
int	cmd_paste(const char *, struct cmd_input *);

/*
 * beside.c: files that are not in the store, such as a.crt for a.csr.  Name: of
 * that, malloc'ed.  May: can it be written (1: replaced)?  1, or 0 with a
 * message.  Add writes it under another name: 0, or -1 with a message.  Commit
 * gives all their names, on disk, and replaces none without force; what failed
 * has no path then.
 */
struct cmd_beside {
	struct cmd_besidefile {
		char	*path, *tmp;
	}	*v;
	size_t	 n, size;
	int	 force;
};
char	*cmd_beside_name(const char *);
int	cmd_beside_may(const char *, int);
int	cmd_beside_add(struct cmd_beside *, const char *, const char *, size_t,
	    mode_t);
void	cmd_beside_commit(struct cmd_beside *);
void	cmd_beside_free(struct cmd_beside *);

/*
 * template.c: options that say what a certificate contains: 1, or 0 for others.
 * Check ends the command where the library refused an argument; failissuer says
 * why -A cannot sign.
 */
int	cmd_template_option(struct certstore_template *, int, const char *);
void	cmd_template_check(int, int, const struct certstore_error *);
void	cmd_template_failissuer(const char *, const struct certstore_error *);

/*
 * confine.c: gives up what a command does not need.  cmd_nocore() comes before
 * keys and passphrases, cmd_confine() when all files but the store's are open:
 * the store that is written, one more file, or NULL; whether TCP is needed.  Not
 * for commands that run programs.
 */
void	cmd_nocore(void);
void	cmd_confine(const struct certstore *, const char *, int);
void	cmd_confine_beside(const struct certstore *, const char *const *,
	    size_t);			/* more files; no TCP */

/* secret.c: passphrases, and a terminal that does not show them. */
#define CMD_PASSPHRASE_MAX	1024
struct cmd_secret {
	char	 text[CMD_PASSPHRASE_MAX + 1];
	size_t	 len;
};
void	cmd_secret_read(struct cmd_secret *, const char *, const char *);
void	cmd_secret_check(const char *, const char *, unsigned int);
void	cmd_secret_wipe(struct cmd_secret *);
/* get of struct certstore_passphrase: from a file, from the terminal */
int	cmd_secret_get(void *, const char *, char *, size_t);
int	cmd_secret_ask(void *, const char *, char *, size_t);
struct certstore_passphrase cmd_secret_passphrase(const char *);
void	cmd_echo_off(int);
void	cmd_echo_on(void);

/* text.c: a growing text that ends with NUL. */
struct cmd_text {
	char	*p;
	size_t	 len;
	size_t	 size;
};
void	cmd_text_add(struct cmd_text *, const char *, size_t);
void	cmd_text_adds(struct cmd_text *, const char *);
void	cmd_text_clean(struct cmd_text *, const char *);
void	cmd_text_word(struct cmd_text *, const char *);	/* for a shell */
void	cmd_text_store(struct cmd_text *);	/* " -d STORE", if used */
size_t	cmd_text_width(const char *);
void	cmd_text_free(struct cmd_text *);

/*
 * hook.c: programs that are not ours.  Open: 1, 0 there is none at that path,
 * -1 and why; nobody but root and the user of this process may be able to change
 * the program or its path.  Run: 0 if it said 0, else -1 and why; the input is
 * all of its stdin, argv[0] its name.
 */
#define CMD_HOOK_MARK	"CERTSTORE_HOOK"	/* in the environment: of whom */
struct cmd_hook {
	const char	*store;		/* for its environment: CERTSTORE */
	const char	*user;		/* and whose hook it is, or NULL */
	char		*path;		/* without links */
	int		 fd;		/* or -1 */
	struct cmd_text	 out;		/* of its stdout and stderr */
	struct cmd_text	*answer;	/* of its stdout alone, or NULL */
	int		 interrupted;	/* this process got that signal */
	char		**env;		/* more variables, or NULL */
	char		 why[512];
};
int	cmd_hook_open(struct cmd_hook *, const char *);
int	cmd_hook_env(struct cmd_hook *, const char *);
void	cmd_hook_print(struct cmd_hook *, const char *, int);
int	cmd_hook_run(struct cmd_hook *, char **, const char *, unsigned int);
void	cmd_hook_close(struct cmd_hook *);

/* field.c: the fields of a record: names and values. */
enum cmd_field {
	CMD_NAME, CMD_KIND, CMD_ENDS, CMD_LEFT, CMD_STARTS, CMD_NAMES,
	CMD_SUBJECT, CMD_ISSUER, CMD_SERIAL, CMD_KEY, CMD_FINGERPRINT,
	CMD_SPKI, CMD_SPC, CMD_TN, CMD_TNAUTH, CMD_X5U, CMD_ORIGIN, CMD_TENANTS,
	CMD_USERS, CMD_GROUP, CMD_DEFAULT, CMD_HOST, CMD_HOW, CMD_ORDER,
	CMD_REVOKED,
	CMD_DIR, CMD_CERTFILE, CMD_KEYFILE, CMD_COMBINEDFILE, CMD_CAFILE,
	CMD_NFIELD
};
struct cmd_item {			/* the source of a record */
	const struct certstore_entry	*entry;
	const char			*how;	/* NULL: the entry's */
	int64_t				 now;
};
extern const char *const cmd_field_names[CMD_NFIELD];
void	cmd_field_text(struct cmd_text *, const struct cmd_item *,
	    enum cmd_field);
#define CMD_STRING_LEN	80
const char *cmd_field_string(const struct cmd_item *, enum cmd_field,
	    char [CMD_STRING_LEN]);
int	cmd_field_value(const struct cmd_item *, enum cmd_field, size_t,
	    const char **);
int	cmd_field_time(const struct cmd_item *, enum cmd_field, int64_t *);
char	*cmd_field_path(const struct cmd_item *, enum cmd_field);
int64_t	cmd_field_left(const struct cmd_item *);	/* days, rounded down */

/*
 * record.c: records on stdout: fields with tabs between, a table on a terminal,
 * JSON, or a line for each field.
 */
enum cmd_form { CMD_TABS, CMD_TABLE, CMD_PAIRS, CMD_JSON };
struct cmd_records {
	enum cmd_form	 form;
	int		 json;			/* -j */
	int		 nul;			/* -0 */
	int		 pairs;			/* a line for each field */
	const char	*also;			/* further values of -o */
	unsigned char	 field[CMD_NFIELD];
	size_t		 nfield;
	/* set by cmd_records_start() and later */
	int		 terminal;
	int		 colour;
	int64_t		 now;
	int		 headed;		/* the header is printed */
	size_t		 nrow;
	size_t		 width[CMD_NFIELD];
	struct cmd_text	 text;			/* a record, or table cells */
};
void	cmd_records_fields(struct cmd_records *, const char *);	/* -o */
void	cmd_records_start(struct cmd_records *, const char *);
void	cmd_records_put(struct cmd_records *, const struct certstore_entry *,
	    const char *);
void	cmd_records_end(struct cmd_records *);

/* assign.c: the assignments behind the names; one of them, to a set. */
char	**cmd_assignments(char **);
const char *cmd_assignment(char *, enum certstore_set_how *);
void	cmd_assign(struct certstore_set *, char *);

/* anchors.c: sets the argument of -T, or NULL: the default set; or ends. */
int	cmd_anchors_ispath(const char *);
void	cmd_anchors(struct certstore_verify *, const char *);

/* attempt.c: a renewal that failed, of an entry that was named or not. */
void	cmd_attempt_failed(struct certstore_due *,
	    const struct certstore_renewal *, const char *, int);

/*
 * renewal.c: cert-renew.  certstore_renew(3), what takes a certificate that is
 * held: 1, 0 there is none, -1, and certstore_crl_publish(3); or NULL to run
 * another program that has them.
 */
struct cmd_renewer {
	int	(*renew)(struct certstore *, const char *, const char *,
		    const struct certstore_passphrase *, int,
		    void (*)(void *, const char *), void *,
		    struct certstore_error *);
	int	(*take)(struct certstore *, const char *,
		    struct certstore_error *);
	int	(*publish)(struct certstore *, const char *,
		    const struct certstore_span *,
		    const struct certstore_passphrase *, int,
		    void (*)(void *, const struct certstore_crl *), void *,
		    struct certstore_error *);
};
int	cmd_renewal(int, char **, const struct cmd_renewer *);

/* orders.c: entries whose certificates come by ACME, for cert-acme. */
#define CMD_RENEWAL	"CERTSTORE_RENEWAL"	/* in its environment */
struct cmd_orders {
	const char	*store, *within;	/* -e, or NULL */
	int		 force, named, verbose;
	int64_t		 seconds;		/* -W */
	struct { char *account, *name; } *v;
	size_t		 n, size;
};
void	cmd_orders_add(struct cmd_orders *, const char *, const char *);
void	cmd_orders_run(struct cmd_orders *, void (*)(void *, const char *),
	    void *);

/*
 * taken.c: 1 if a server still sends what one of these entries had before, and
 * which; it asks for so many seconds.
 */
int	cmd_taken_not(struct certstore *, const char *const *, size_t,
	    unsigned int, char *, size_t);

/*
 * monitor.c: cert-check for a monitor: counts findings; then a line for Nagios,
 * with its status, and why it is unknown or NULL; or metrics, with this status
 * and what expires within a span, or NULL.
 */
#define CMD_CODES_MAX	128
struct cmd_monitor {
	enum { CMD_NOMONITOR, CMD_NAGIOS, CMD_METRICS } form;
	const char	*file;		/* of metrics, or NULL */
	size_t		 n[3];		/* by severity */
	size_t		 codes[CMD_CODES_MAX][3];
	size_t		 named[3];	/* in names */
	struct cmd_text	 names[3];	/* the first of each severity */
	const char	*unknown;	/* why not all was looked at, or NULL */
	int64_t		 ends;		/* the first end, INT64_MAX: none */
};
const char *cmd_severity(enum certstore_severity);
void	cmd_monitor_parse(struct cmd_monitor *, const char *);	/* -M */
void	cmd_monitor_add(struct cmd_monitor *,
	    const struct certstore_finding *);
int	cmd_monitor_nagios(struct cmd_monitor *, const char *, int64_t);
void	cmd_monitor_metrics(struct cmd_monitor *, struct certstore *,
	    const struct certstore_span *, int64_t, int);
void	cmd_monitor_free(struct cmd_monitor *);

/*
 * checkargs.c: cert-check: reads the options; returns the index of the first
 * operand.
 */
struct cmd_check {
	struct certstore_span	 within[2];	/* -e: warning, critical */
	int			 nwithin;
	int			 json, verbose, repair, force, dryrun;
	int64_t			 when, now;	/* -w; the same as a time */
	struct cmd_monitor	 monitor;
};
int	cmd_check_options(struct cmd_check *, int, char **);

/* worker.c: programs that commands run, wherever PATH points. */
#define CMD_WORKER_LEN	8192
int	cmd_worker_find(const char *, char [CMD_WORKER_LEN]);

/* json.c, table.c: two of the forms. */
void	cmd_json_string(struct cmd_text *, const char *);	/* NULL: null */
void	cmd_json(const struct cmd_records *, const struct cmd_item *,
	    struct cmd_text *);
int	cmd_table_colour(void);
void	cmd_table_add(struct cmd_records *, const struct cmd_item *);
void	cmd_table_print(const struct cmd_records *);
void	cmd_table_pairs(struct cmd_records *, const struct cmd_item *);

#endif
