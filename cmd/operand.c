/*
 * operand.c: operands that are names or hosts; "-" stands for the lines of
 * stdin.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/*
 * No name begins with a hyphen, so that one here is an option that came too
 * late: "cert-rm name -n" must not remove anything.
 */
void
cmd_operands_start(struct cmd_operands *ops, char **argv)
{
	char clean[128];

	ops->argv = argv;
	for (; *argv != NULL; argv++) {
		if ((*argv)[0] != '-' || (*argv)[1] == '\0')
			continue;
		cmd_error("%s: not a name: options come before the operands",
		    cmd_clean(*argv, clean, sizeof(clean)));
		cmd_usage();
	}
}

/* Its length without the newline, or -1 at the end; too long or not text: 0. */
static int
readline(struct cmd_operands *ops)
{
	size_t len = 0, nul = 0;
	int c;

	ops->lineno++;
	while ((c = getc_unlocked(stdin)) != EOF && c != '\n') {
		if (c == '\0')
			nul++;
		if (len < sizeof(ops->line))
			ops->line[len++] = (char)c;
	}
	if (c == EOF && ferror(stdin)) {
		cmd_error("stdin: %s", strerror(errno));
		return -1;
	}
	if (c == EOF && len == 0)
		return -1;
	if (len == sizeof(ops->line) || nul > 0) {
		cmd_error("stdin:%zu: %s", ops->lineno,
		    nul > 0 ? "a NUL byte in the line" :
			      "the line is too long");
		return 0;
	}
	ops->line[len] = '\0';
	return (int)len;
}

/* The next line that is not blank, without the blanks around it. */
static const char *
nextline(struct cmd_operands *ops)
{
	static const char blanks[] = " \t\r\v\f";
	char *start;
	int len;

	while ((len = readline(ops)) != -1) {
		while (len > 0 && strchr(blanks, ops->line[len - 1]) != NULL)
			ops->line[--len] = '\0';
		start = ops->line + strspn(ops->line, blanks);
		if (len > 0 && *start != '\0')
			return start;
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

void
cmd_operands_free(char **v)
{
	size_t i;

	for (i = 0; v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

/* Does one of these shell patterns fit?  NULL: all do. */
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
