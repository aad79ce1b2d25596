/*
 * progress.c: the progress of long work: one line on a terminal, erased before
 * other output.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define FIRST 1000 /* ms before anything is shown */
#define AGAIN 100  /* ms between two lines of the same work */

static struct {
	int64_t began, shown;
	const char *what;
	size_t len; /* of the line that is shown */
} line;

static void
eraseline(void)
{
	if (line.len == 0)
		return;
	fprintf(stderr, "\r%*s\r", (int)line.len, "");
	line.len = 0;
}

static void
showline(void *arg, const char *what, size_t done, size_t total)
{
	char text[128];
	int64_t t = cmd_clock();
	size_t had = line.len;

	(void)arg;
	if (t - line.began < FIRST ||
	    (what == line.what && t - line.shown < AGAIN))
		return;
	line.what = what;
	line.shown = t;
	if (total == 0)
		snprintf(text, sizeof(text), "%s, %lld s", what,
		    (long long)(t - line.began) / 1000);
	else
		snprintf(text, sizeof(text), "%s, %zu of %zu", what, done,
		    total);
	line.len = strlen(text);
	fprintf(stderr, "\r%s%*s", text,
	    had > line.len ? (int)(had - line.len) : 0, "");
	if (had > line.len)
		line.len = had;
}

/*
 * Shows progress from now on, if stderr is a terminal; call it after the
 * options.  Not if stdout is a pipe: its reader may write on the same terminal.
 */
void
cmd_progress(struct certstore *store)
{
	struct stat st;

	if (cmd_quiet || !isatty(STDERR_FILENO) ||
	    fstat(STDOUT_FILENO, &st) == -1 || S_ISFIFO(st.st_mode) ||
	    S_ISSOCK(st.st_mode))
		return;
	line.began = cmd_clock();
	cmd_erase = eraseline;
	certstore_set_progress(store, showline, NULL);
}
