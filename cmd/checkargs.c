/*
 * checkargs.c: the options of cert-check, for the two programs that it is: one
 * that sees that nothing expires, and check-store, which does all the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'e', "within,...", "report what expires within 30d, 1/3, a date, 0" },
	{ 'f', NULL, "with -r: move what belongs to no entry to lost" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'M', "monitor", "answer a monitor: nagios, metrics, metrics:file" },
	{ 'n', NULL, "with -r: print what would be repaired" },
	{ 'r', NULL, "repair" },
	{ 'v', NULL, "print also what is ignored" },
	{ 'w', "time", "as of this time" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-check",
	.operands = "[name ...]",
	.opts = opts,
};

static struct cmd_check *checking;

/* For Nagios: the first error is its answer. */
static void
keepfailure(const char *line)
{
	static char first[256];

	if (line == NULL)
		(void)cmd_monitor_nagios(&checking->monitor, first,
		    checking->now);
	else if (first[0] == '\0')
		cmd_clean(line, first, sizeof(first));
	checking->monitor.unknown = first;
}

/* Reads "30d" or "30d,7d": warning and critical. */
static void
readwithin(struct cmd_check *check, const char *text)
{
	const char *comma = strchr(text, ',');
	struct certstore_error err;
	char *first;

	first = comma == NULL ? strdup(text) :
				strndup(text, (size_t)(comma - text));
	if (first == NULL)
		cmd_die("no memory left");
	if (certstore_span_parse(first, &check->within[0], &err) == -1 ||
	    (comma != NULL &&
		certstore_span_parse(comma + 1, &check->within[1], &err) == -1))
		cmd_die("-e %s", err.msg);
	check->nwithin = comma == NULL ? 1 : 2;
	free(first);
}

int
cmd_check_options(struct cmd_check *check, int argc, char **argv)
{
	struct certstore_error err;
	int ch;

	memset(check, 0, sizeof(*check));
	check->when = CERTSTORE_NOW;
	check->monitor.ends = INT64_MAX;
	checking = check;
	cmd_start(&help, argv);
	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "e:fjM:nrvw:")) != -1) {
		switch (ch) {
		case 'e':
			readwithin(check, optarg);
			break;
		case 'f':
			check->force = 1;
			break;
		case 'j':
			check->json = 1;
			break;
		case 'M':
			cmd_monitor_parse(&check->monitor, optarg);
			if (check->monitor.form == CMD_NAGIOS)
				cmd_failing = keepfailure;
			break;
		case 'n':
			check->dryrun = 1;
			break;
		case 'r':
			check->repair = 1;
			break;
		case 'v':
			check->verbose = 1;
			break;
		case 'w':
			if (certstore_time_parse(optarg, &check->when, &err) ==
			    -1)
				cmd_die("-w %s", err.msg);
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	if ((check->force || check->dryrun) && !check->repair)
		cmd_die("-%c: only with -r", check->force ? 'f' : 'n');
	check->now = check->when == CERTSTORE_NOW ? certstore_time_now() :
						    check->when;
	return optind;
}
