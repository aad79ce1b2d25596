/*
 * cert-check: what is wrong with a store, and what expires; repairs what can be
 * repaired.
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

struct check {
	struct certstore *store;
	struct certstore_audit *audit;
	struct certstore_repair *repairs; /* with -r */
	struct certstore_span within[2];
	int nwithin;
	int json, verbose;
	int repair, force, dryrun;
	int found;	      /* a warning, or what is critical */
	struct cmd_text text; /* a line of output */
};

static struct cmd_monitor monitor = { .ends = INT64_MAX };
static int64_t now; /* as of which time */

/* For Nagios: the first error is its answer. */
static void
keepfailure(const char *line)
{
	static char first[256];

	if (line == NULL)
		(void)cmd_monitor_nagios(&monitor, first, now);
	else if (first[0] == '\0')
		cmd_clean(line, first, sizeof(first));
	monitor.unknown = first;
}

/* Reads "30d" or "30d,7d": warning and critical. */
static void
readwithin(struct check *check, const char *text)
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

/* A line on stdout; what it begins with stands in the place of a severity. */
static void
putline(struct check *check, const char *first,
    const struct certstore_finding *f)
{
	struct cmd_text *t = &check->text;

	t->len = 0;
	if (check->json) {
		cmd_text_adds(t, "{\"severity\":");
		cmd_json_string(t, first);
		cmd_text_adds(t, ",\"name\":");
		cmd_json_string(t, f->name);
		cmd_text_adds(t, ",\"code\":");
		cmd_json_string(t, f->code);
		cmd_text_adds(t, ",\"text\":");
		cmd_json_string(t, f->text);
		cmd_text_adds(t, ",\"repairs\":");
		cmd_text_adds(t, f->repairs ? "true" : "false");
		cmd_text_adds(t, ",\"ignored\":");
		cmd_text_adds(t, f->ignored ? "true}\n" : "false}\n");
	} else {
		cmd_text_adds(t, first);
		cmd_text_adds(t, "\t");
		cmd_text_clean(t, f->name);
		cmd_text_adds(t, "\t");
		cmd_text_adds(t, f->code);
		cmd_text_adds(t, "\t");
		cmd_text_clean(t, f->text);
		cmd_text_adds(t, "\n");
	}
	if (cmd_erase != NULL)
		cmd_erase();
	if (fwrite(t->p, 1, t->len, stdout) != t->len)
		cmd_lost();
}

static void
printfindings(struct check *check)
{
	const struct certstore_finding *finding;
	struct certstore_error err;
	int rv;

	while ((rv = certstore_audit_next(check->audit, &finding, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			continue;
		}
		check->found |= finding->severity != CERTSTORE_NOTE;
		if (monitor.form != CMD_NOMONITOR)
			cmd_monitor_add(&monitor, finding);
		else if (!cmd_quiet && (!finding->ignored || check->verbose))
			putline(check, cmd_severity(finding->severity),
			    finding);
	}
	monitor.ends = certstore_audit_ends(check->audit);
}

/* A line for what was repaired, or would be, or cannot be. */
static void
putrepaired(void *arg, const struct certstore_repaired *repaired)
{
	const struct certstore_finding f = { .name = repaired->name,
		.code = repaired->what,
		.text = repaired->text,
		.repairs = !repaired->left };
	struct check *check = arg;

	check->found |= repaired->left || check->dryrun;
	if (!cmd_quiet && monitor.form == CMD_NOMONITOR)
		putline(check,
		    repaired->left    ? "warning" :
			check->dryrun ? "repairable" :
					"repaired",
		    &f);
}

static void
reportfailed(void *arg, const char *name, const struct certstore_error *why)
{
	(void)arg;
	(void)name;
	cmd_error("%s", why->msg);
}

static void
repairstore(struct check *check)
{
	struct certstore_error err;

	if (certstore_repair_run(check->repairs, putrepaired, reportfailed,
		check, &err) == -1)
		cmd_die("%s", err.msg);
}

/* Begins with these names, or with all; 0: none were given on stdin. */
static int
startaudit(struct check *check, struct cmd_operands *ops, int64_t when, int all)
{
	struct certstore_error err;
	const char *name;
	size_t n = 0;

	check->audit = certstore_audit_new(check->store, when, &err);
	if (check->audit == NULL)
		cmd_die("%s", err.msg);
	if (check->nwithin > 0 &&
	    certstore_audit_set_within(check->audit, &check->within[0],
		check->nwithin > 1 ? &check->within[1] : NULL,
		monitor.form != CMD_METRICS, &err) == -1)
		cmd_die("-e %s", err.msg);
	if (check->repair &&
	    (check->repairs = certstore_repair_new(check->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	if (check->force)
		certstore_repair_set_force(check->repairs);
	if (check->dryrun)
		certstore_repair_set_dryrun(check->repairs);
	while ((name = cmd_operand(ops)) != NULL) {
		if (certstore_audit_add(check->audit, name, &err) == -1 ||
		    (check->repair && *name != '@' &&
			certstore_repair_add(check->repairs, name, &err) == -1))
			cmd_error("%s", err.msg);
		else
			n++;
	}
	return all || n > 0;
}

/* Returns the status for Nagios. */
static int
answermonitor(struct check *check)
{
	int status = check->found;

	if (monitor.form == CMD_NAGIOS)
		return cmd_monitor_nagios(&monitor, monitor.unknown, now);
	if (monitor.form == CMD_METRICS)
		cmd_monitor_metrics(&monitor, check->store,
		    check->nwithin > 0 ? &check->within[0] : NULL, now,
		    cmd_status() > status ? cmd_status() : status);
	return status;
}

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct check check = { 0 };
	struct certstore_error err;
	int64_t when = CERTSTORE_NOW;
	int all, ch, ended, status;

	cmd_start(&help, argv);
	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "e:fjM:nrvw:")) != -1) {
		switch (ch) {
		case 'e':
			readwithin(&check, optarg);
			break;
		case 'f':
			check.force = 1;
			break;
		case 'j':
			check.json = 1;
			break;
		case 'M':
			cmd_monitor_parse(&monitor, optarg);
			if (monitor.form == CMD_NAGIOS)
				cmd_failing = keepfailure;
			break;
		case 'n':
			check.dryrun = 1;
			break;
		case 'r':
			check.repair = 1;
			break;
		case 'v':
			check.verbose = 1;
			break;
		case 'w':
			if (certstore_time_parse(optarg, &when, &err) == -1)
				cmd_die("-w %s", err.msg);
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	if ((check.force || check.dryrun) && !check.repair)
		cmd_die("-%c: only with -r", check.force ? 'f' : 'n');
	now = when == CERTSTORE_NOW ? certstore_time_now() : when;
	cmd_operands_start(&ops, argv + optind);
	cmd_nocore();
	check.store = cmd_openwriter(check.repair ? CERTSTORE_OPEN_WRITE : 0);
	cmd_confine(check.repair ? check.store : NULL, monitor.file, 0);
	cmd_progress(check.store);
	all = startaudit(&check, &ops, when, argc == optind);
	if (all && check.repair)
		repairstore(&check);
	/* what a warning would tell has a finding */
	certstore_set_warn(check.store, NULL, NULL);
	if (all)
		printfindings(&check);
	if (check.found)
		cmd_no();
	status = answermonitor(&check);
	certstore_audit_free(check.audit);
	certstore_repair_free(check.repairs);
	cmd_monitor_free(&monitor);
	cmd_text_free(&check.text);
	certstore_close(check.store);
	ended = cmd_end();
	return monitor.form == CMD_NAGIOS && ended < 3 ? status : ended;
}
