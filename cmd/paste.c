/*
 * paste.c: reads what a person pastes on a terminal.
 */
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define TTY_LINE 4095 /* bytes of a line that a terminal keeps */

/*
 * Returns 0, or -1 with a message if a line is so long that the terminal may
 * have dropped its end, which it does silently.
 */
static int
checklines(const struct cmd_input *in)
{
	const char *p = in->data, *end = in->data + in->len, *nl;
	size_t line;

	for (line = 1; p < end; line++, p = nl + 1) {
		if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL)
			nl = end;
		if (nl - p < TTY_LINE)
			continue;
		cmd_error(
		    "stdin:%zu: the terminal cut this line at %d bytes: use "
		    "a file instead",
		    line, TTY_LINE);
		return -1;
	}
	return 0;
}

/* Reads stdin, a terminal; what is a plural that says what to paste. */
int
cmd_paste(const char *what, struct cmd_input *in)
{
	int rv;

	cmd_say("paste %s, then press Enter and Ctrl-D (nothing is shown)",
	    what);
	cmd_echo_off(STDIN_FILENO);
	rv = cmd_input("-", "the operand \"-\"", in);
	cmd_echo_on();
	return rv == -1 ? -1 : checklines(in);
}
