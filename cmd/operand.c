/*
 * operand.c: operands that are names or hosts; "-" stands for the first field
 * of each line of stdin.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

/* Adds the command and its options as they were typed, quoted for a shell. */
static void
addcommand(struct cmd_text *t)
{
	char **argv;
	const char *base;
	size_t i, n;

	argv = cmd_argv(&n);
	base = strrchr(argv[0], '/');
	cmd_text_word(t, base == NULL ? argv[0] : base + 1);
	for (i = 1; i < n; i++) {
		cmd_text_adds(t, " ");
		cmd_text_word(t, argv[i]);
	}
}

/*
 * Returns 1 with a message, through say, if the operand is a file where a name
 * is needed, else 0.
 */
int
cmd_operand_isfile(const struct cmd_operands *ops, const char *operand,
    void (*say)(const char *, ...))
{
	struct cmd_text t = { NULL, 0, 0 };
	struct stat st;
	const char *option;
	char clean[256];

	if (ops->files || stat(operand, &st) == -1 || S_ISDIR(st.st_mode))
		return 0;
	option = ops->option == NULL ? NULL : ops->option(operand);
	if (option != NULL) {
		addcommand(&t);
		cmd_text_adds(&t, " ");
		cmd_text_adds(&t, option);
		cmd_text_adds(&t, " ");
		cmd_text_word(&t, operand);
	} else {
		cmd_text_adds(&t, "cert-show -i ");
		cmd_text_word(&t, operand);
		cmd_text_adds(&t, " -o fingerprint | cert-match");
		cmd_text_store(&t);
		cmd_text_adds(&t, " -");
	}
	say("%s: is a file, not a name: %s%s: %s",
	    cmd_clean(operand, clean, sizeof(clean)),
	    option != NULL ? "use " : "find its entry with",
	    option != NULL ? option : "", t.p);
	cmd_text_free(&t);
	return 1;
}

/* Reports why an operand failed: it is a file, or as the error says. */
void
cmd_operand_failed(const struct cmd_operands *ops, const char *operand,
    const struct certstore_error *err)
{
	if ((err->code != CERTSTORE_ENOENTRY &&
		err->code != CERTSTORE_EARGUMENT) ||
	    !cmd_operand_isfile(ops, operand, cmd_error))
		cmd_error("%s", err->msg);
}

/*
 * Begins with these operands.  Those with a slash that are files are reported
 * and left out, before a store is opened.
 */
void
cmd_operands_start(struct cmd_operands *ops, char **argv)
{
	char **from, **to;

	cmd_nooptions(argv, 0);
	ops->argv = argv;
	for (from = to = argv; *from != NULL; from++) {
		if (strchr(*from, '/') == NULL ||
		    !cmd_operand_isfile(ops, *from, cmd_error))
			*to++ = *from;
	}
	*to = NULL;
	if (to == argv && from != argv)
		exit(cmd_end());
}

/* Bytes of stdin that have been read and not used. */
static char ahead[64 * 1024];
static size_t begin, end;

/*
 * Fills ahead.  Returns 1, 0 at the end, or -1 and errno.  If it has to wait
 * for input, the answers so far are flushed first.
 */
static int
fillahead(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (poll(&in, 1, 0) == 0)
		cmd_flush();
	while ((n = read(STDIN_FILENO, ahead, sizeof(ahead))) == -1) {
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			(void)poll(&in, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
	begin = 0;
	end = (size_t)n;
	return n > 0;
}

static const char blanks[] = " \t\r\v\f";

struct line {
	size_t len;  /* of the first field, more than was kept if too long */
	size_t nul;  /* NUL bytes */
	int further; /* there is a second field */
	int text;    /* what follows the first field is not only blanks */
};

/*
 * Takes a piece of a line, without newline: what belongs to the first field is
 * added to ops->line.
 */
static void
takefield(struct cmd_operands *ops, struct line *line, const char *p, size_t n)
{
	const char *tab;
	size_t i, field = n;

	for (i = 0; i < n; i++)
		line->nul += p[i] == '\0';
	if (line->further)
		field = 0;
	else if ((tab = memchr(p, '\t', n)) != NULL) {
		field = (size_t)(tab - p);
		line->further = 1;
	}
	for (i = 0; i < field; i++, line->len++)
		if (line->len < sizeof(ops->line))
			ops->line[line->len] = p[i];
	for (; i < n && !line->text; i++)
		line->text = strchr(blanks, p[i]) == NULL;
}

/* Reads a line.  Returns 1, or 0 at the end or, with a message, on an error. */
static int
readline(struct cmd_operands *ops, struct line *line)
{
	const char *newline = NULL;
	size_t n;
	int rv, some = 0;

	memset(line, 0, sizeof(*line));
	ops->lineno++;
	do {
		if (begin == end) {
			if ((rv = fillahead()) == 0)
				return some;
			if (rv == -1) {
				cmd_error("stdin: %s", strerror(errno));
				return 0;
			}
		}
		some = 1;
		newline = memchr(ahead + begin, '\n', end - begin);
		n = newline == NULL ? end - begin :
				      (size_t)(newline - ahead) - begin;
		takefield(ops, line, ahead + begin, n);
		begin += n + (newline != NULL);
	} while (newline == NULL);
	return 1;
}

/*
 * Returns the first field of the next line that is not blank, without the
 * blanks around it; NULL at the end.  A line with an empty first field is
 * reported and skipped.
 */
static const char *
nextline(struct cmd_operands *ops)
{
	struct line line;
	const char *flaw;
	char *start;

	while (readline(ops, &line)) {
		flaw = NULL;
		if (line.nul > 0)
			flaw = "a NUL byte in the line";
		else if (line.len >= sizeof(ops->line))
			flaw = "the line is too long";
		if (flaw == NULL) {
			while (line.len > 0 &&
			    strchr(blanks, ops->line[line.len - 1]) != NULL)
				line.len--;
			ops->line[line.len] = '\0';
			start = ops->line + strspn(ops->line, blanks);
			if (*start != '\0')
				return start;
			if (line.text)
				flaw = "the first field is empty";
		}
		if (flaw != NULL)
			cmd_error("stdin:%zu: %s", ops->lineno, flaw);
	}
	return NULL;
}

const char *
cmd_operand(struct cmd_operands *ops)
{
	const char *line;

	for (;;) {
		if (ops->reading) {
			if ((line = nextline(ops)) != NULL)
				return line;
			ops->reading = 0;
		}
		if (*ops->argv == NULL)
			return NULL;
		if (strcmp(*ops->argv, "-") != 0)
			return *ops->argv++;
		ops->argv++;
		if (ops->lineno == 0)
			cmd_stdin("the operand \"-\"");
		ops->reading = 1;
	}
}

char **
cmd_operands_all(struct cmd_operands *ops, size_t *n)
{
	char **v = NULL;
	const char *name;
	size_t size = 0;

	*n = 0;
	do {
		name = cmd_operand(ops);
		if (*n == size) {
			size = size == 0 ? 64 : size * 2;
			if ((v = reallocarray(v, size, sizeof(*v))) == NULL)
				cmd_die("no memory left");
		}
		v[*n] = NULL;
		if (name != NULL && (v[(*n)++] = strdup(name)) == NULL)
			cmd_die("no memory left");
	} while (name != NULL);
	return v;
}

static int
byname(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the names and removes duplicates.  Returns how many remain. */
size_t
cmd_operands_unique(char **v, size_t nname)
{
	size_t i, n = 0;

	qsort(v, nname, sizeof(*v), byname);
	for (i = 0; i < nname; i++) {
		if (n > 0 && strcmp(v[i], v[n - 1]) == 0)
			free(v[i]);
		else
			v[n++] = v[i];
	}
	v[n] = NULL;
	return n;
}

void
cmd_operands_free(char **v)
{
	size_t i;

	for (i = 0; v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

/* Whether one of these shell patterns matches; NULL: every name matches. */
int
cmd_operands_match(char **patterns, const char *name)
{
	if (patterns == NULL)
		return 1;
	for (; *patterns != NULL; patterns++) {
		if (fnmatch(*patterns, name, 0) == 0)
			return 1;
	}
	return 0;
}
