/*
 * cmd.c: start, common options, messages and end of every command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

int cmd_quiet;
int cmd_ended;
void (*cmd_erase)(void);
void (*cmd_idle)(void);
void (*cmd_syslog)(void *, const char *);
void (*cmd_failing)(const char *);

static const char *name;
static const struct cmd_help *help;
static const char *storepath;
static const char *reader;
static char **args;
static int status;
static char outbuf[64 * 1024];

/*
 * Keeps the next open(2) from becoming stdin, stdout or stderr: each of them
 * that is closed becomes a descriptor on which reads or writes fail, so that
 * lost output is still an error.
 */
static void
holdstandard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	}
}

static void printmessage(const char *, va_list)
    __attribute__((__format__(__printf__, 1, 0)));

/*
 * Prints one line on stderr, without characters that control a terminal.
 * Backslashes stay: they begin escapes that the library made.
 */
static void
printmessage(const char *fmt, va_list ap)
{
	char line[1024], out[4 * sizeof(line)];
	size_t len = 0, run;
	const char *p;

	vsnprintf(line, sizeof(line), fmt, ap);
	out[0] = '\0';
	for (p = line; *p != '\0'; p += run) {
		if ((run = strcspn(p, "\\")) > 0) {
			len += certstore_escape(out + len, sizeof(out) - len, p,
			    run);
		} else {
			out[len++] = *p;
			run = 1;
		}
	}
	if (cmd_erase != NULL)
		cmd_erase();
	/* keeps the order if both are one file; cmd_end() reports a failure */
	(void)fflush(stdout);
	fprintf(stderr, "%s: %.*s\n", name, (int)len, out);
}

void
cmd_say(const char *fmt, ...)
{
	va_list ap;

	if (cmd_quiet)
		return;
	va_start(ap, fmt);
	printmessage(fmt, ap);
	va_end(ap);
}

static void fail(const char *, va_list)
    __attribute__((__format__(__printf__, 1, 0)));

static void
fail(const char *fmt, va_list ap)
{
	char line[1024];

	if (cmd_failing == NULL) {
		printmessage(fmt, ap);
		status = 2;
		return;
	}
	vsnprintf(line, sizeof(line), fmt, ap);
	status = 3;
	cmd_failing(line);
}

void
cmd_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(fmt, ap);
	va_end(ap);
}

void
cmd_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(fmt, ap);
	va_end(ap);
	if (cmd_failing != NULL)
		cmd_failing(NULL);
	exit(cmd_end());
}

/* The order of options in the manual pages: digits, then A a B b and so on. */
static const char letters[] =
    "0AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVvWwXxYyZz";

static const struct cmd_opt common[] = {
	{ 'd', "store", "use this store" },
	{ 'h', NULL, "print this and exit" },
	{ 'q', NULL, "print errors only" },
	{ 'V', NULL, "print the version and exit" },
	{ 0, NULL, NULL },
};

/* Finds an option by its letter, the command's own first; NULL: none. */
static const struct cmd_opt *
findopt(char letter)
{
	const struct cmd_opt *opt;

	for (opt = help->opts; opt->letter != 0; opt++)
		if (opt->letter == letter)
			return opt;
	for (opt = common; opt->letter != 0; opt++)
		if (opt->letter == letter)
			return opt;
	return NULL;
}

/*
 * Finds an option that has brackets of its own in the synopsis; NULL for -h, -V
 * and an option that the operands mention.
 */
static const struct cmd_opt *
findbracketed(char letter)
{
	const struct cmd_opt *opt = findopt(letter);
	const char text[] = { '-', letter, ' ', '\0' };

	if (letter == 'h' || letter == 'V' ||
	    strstr(help->operands, text) != NULL)
		return NULL;
	return opt;
}

/* Prints a word of the synopsis, on a new, indented line if it is too long. */
static void
putword(FILE *fp, const char *word, size_t len, size_t *column)
{
	const size_t indent = strlen("usage: ") + 4;

	if (*column + 1 + len > 79) {
		fprintf(fp, "\n%*s", (int)indent, "");
		*column = indent;
	} else
		*column += (size_t)fprintf(fp, " ");
	*column += (size_t)fprintf(fp, "%.*s", (int)len, word);
}

static void
printsynopsis(FILE *fp)
{
	const struct cmd_opt *opt;
	const char *end, *p;
	char word[80] = "[-";
	size_t column, len = 2;
	int again;

	column = (size_t)fprintf(fp, "usage: %s", name);
	for (p = letters; *p != '\0'; p++)
		if ((opt = findbracketed(*p)) != NULL && opt->arg == NULL)
			word[len++] = *p;
	word[len++] = ']';
	putword(fp, word, len, &column);
	for (p = letters; *p != '\0'; p++) {
		if ((opt = findbracketed(*p)) == NULL || opt->arg == NULL)
			continue;
		again = help->again != NULL && strchr(help->again, *p) != NULL;
		snprintf(word, sizeof(word), "[-%c %s]%s", *p, opt->arg,
		    again ? "..." : "");
		putword(fp, word, strlen(word), &column);
	}
	/* lines break only after "|" */
	for (p = help->operands; *p != '\0'; p = end + strspn(end, " ")) {
		end = p + strcspn(p, "|");
		end += *end == '|';
		putword(fp, p, (size_t)(end - p), &column);
	}
	fputc('\n', fp);
}

void
cmd_usage(void)
{
	printsynopsis(stderr);
	if (cmd_failing != NULL)
		cmd_die("wrong usage");
	status = 2;
	exit(cmd_end());
}

/*
 * Refuses an option among the operands: "cert-rm name -n" must not remove
 * anything.  With files, "--" before the operands allows such names.
 */
void
cmd_nooptions(char **argv, int files)
{
	char clean[128];

	if (files && argv > args && strcmp(argv[-1], "--") == 0)
		return;
	for (; *argv != NULL; argv++) {
		if ((*argv)[0] != '-' || (*argv)[1] == '\0')
			continue;
		cmd_clean(*argv, clean, sizeof(clean));
		if (files)
			cmd_error(
			    "%s: not a name: options come before the operands; a "
			    "file of that name is ./%s",
			    clean, clean);
		else
			cmd_error(
			    "%s: not a name: options come before the operands",
			    clean);
		cmd_usage();
	}
}

void
cmd_text_store(struct cmd_text *t)
{
	if (storepath == NULL)
		return;
	cmd_text_adds(t, " -d ");
	cmd_text_word(t, storepath);
}

char **
cmd_argv(size_t *n)
{
	*n = (size_t)optind;
	if (optind > 1 && strcmp(args[optind - 1], "--") == 0)
		--*n;
	return args;
}

int
cmd_status(void)
{
	return status;
}

void
cmd_failed(void)
{
	status = 2;
}

void
cmd_no(void)
{
	if (status == 0)
		status = 1;
}

void
cmd_certain(void)
{
	status = 1;
}

/* Prints the synopsis and a line for each option, and ends the command. */
static void
printhelp(void)
{
	const struct cmd_opt *opt;
	const char *p;
	int len, width = 0;

	printsynopsis(stdout);
	for (p = letters; *p != '\0'; p++)
		if ((opt = findopt(*p)) != NULL && opt->arg != NULL &&
		    (len = (int)strlen(opt->arg)) > width)
			width = len;
	for (p = letters; *p != '\0'; p++)
		if ((opt = findopt(*p)) != NULL)
			printf("  -%c %-*s  %s\n", *p, width,
			    opt->arg == NULL ? "" : opt->arg, opt->text);
	if (help->verbs != NULL)
		fputs(help->verbs, stdout);
	exit(cmd_end());
}

static void
printversion(void)
{
	printf("%s (certstore) %s\n", name, CERTSTORE_VERSION);
	exit(cmd_end());
}

void
cmd_start(const struct cmd_help *cmdhelp, char **argv)
{
	help = cmdhelp;
	name = help->name;
	args = argv;
	holdstandard();
	setvbuf(stdout, outbuf, _IOFBF, sizeof(outbuf));
	opterr = 0;
}

/* Handles --help and --version, which getopt(3) returns as the option "-". */
static void
longoption(const char *arg)
{
	char clean[128];

	if (strcmp(arg, "--help") == 0)
		printhelp();
	if (strcmp(arg, "--version") == 0)
		printversion();
	cmd_error("%s: no such option", cmd_clean(arg, clean, sizeof(clean)));
}

void
cmd_option(int ch)
{
	switch (ch) {
	case 'd':
		storepath = optarg;
		return;
	case 'q':
		cmd_quiet = 1;
		return;
	case 'h':
		printhelp();
		break;
	case 'V':
		printversion();
		break;
	case ':':
		cmd_error("-%c: needs an argument", optopt);
		break;
	default:
		if (optopt == '-' && args[optind] != NULL)
			longoption(args[optind]);
		else if (optopt > ' ' && optopt < 0x7f)
			cmd_error("-%c: no such option", optopt);
		else
			cmd_error("no such option");
		break;
	}
	cmd_usage();
}

void
cmd_stdin(const char *who)
{
	if (reader != NULL)
		cmd_die("stdin: %s and %s cannot both read it: use a file for "
			"one of them",
		    reader, who);
	reader = who;
}

static void
printwarning(void *arg, const char *msg)
{
	(void)arg;
	cmd_say("%s", msg);
}

struct certstore *
cmd_tryopen(int flags, struct certstore_error *err)
{
	return certstore_open(storepath, flags, err);
}

struct certstore *
cmd_open(int flags)
{
	struct certstore *store;
	struct certstore_error err;

	if ((store = cmd_tryopen(flags, &err)) == NULL)
		cmd_die("%s", err.msg);
	certstore_set_warn(store, printwarning, NULL);
	certstore_set_log(store, name, cmd_syslog, NULL);
	return store;
}

void
cmd_lost(void)
{
	cmd_error("stdout: %s", strerror(errno));
	exit(status);
}

void
cmd_flush(void)
{
	if (cmd_idle != NULL)
		cmd_idle();
	if (fflush(stdout) != 0)
		cmd_lost();
}

int
cmd_end(void)
{
	int bad;

	cmd_ended = 1;
	if (cmd_erase != NULL)
		cmd_erase();
	bad = ferror(stdout);
	errno = 0;
	if (fclose(stdout) != 0 || bad) {
		/* the errno of an earlier failure is lost */
		if (errno != 0)
			cmd_error("stdout: %s", strerror(errno));
		else
			cmd_error("stdout: output was lost");
	}
	return status;
}

/* Escapes foreign text for a message, cut at size.  Returns buf. */
const char *
cmd_clean(const char *s, char *buf, size_t size)
{
	certstore_escape(buf, size, s, strlen(s));
	return buf;
}
