/*
 * check-store.c: cert-check with libcrypto, for all but the rule that nothing
 * expires; run by cert-check.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

struct check {
	struct cmd_check is;
	struct certstore *store;
	struct certstore_audit *audit;
	struct certstore_repair *repairs; /* with -r */
	int found;			  /* a warning, or what is critical */
	struct cmd_text text;		  /* a line of output */
};

/* A line on stdout; what it begins with stands in the place of a severity. */
static void
putline(struct check *check, const char *first,
    const struct certstore_finding *f)
{
	struct cmd_text *t = &check->text;

	t->len = 0;
	if (check->is.json) {
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
		if (check->is.monitor.form != CMD_NOMONITOR)
			cmd_monitor_add(&check->is.monitor, finding);
		else if (!cmd_quiet && (!finding->ignored || check->is.verbose))
			putline(check, cmd_severity(finding->severity),
			    finding);
	}
	check->is.monitor.ends = certstore_audit_ends(check->audit);
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

	check->found |= repaired->left || check->is.dryrun;
	if (!cmd_quiet && check->is.monitor.form == CMD_NOMONITOR)
		putline(check,
		    repaired->left	 ? "warning" :
			check->is.dryrun ? "repairable" :
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
startaudit(struct check *check, struct cmd_operands *ops, int all)
{
	struct certstore_error err;
	const char *name;
	size_t n = 0;

	check->audit = certstore_audit_new(check->store, check->is.when, &err);
	if (check->audit == NULL)
		cmd_die("%s", err.msg);
	if (check->is.nwithin > 0 &&
	    certstore_audit_set_within(check->audit, &check->is.within[0],
		check->is.nwithin > 1 ? &check->is.within[1] : NULL,
		check->is.monitor.form != CMD_METRICS, &err) == -1)
		cmd_die("-e %s", err.msg);
	if (check->is.repair &&
	    (check->repairs = certstore_repair_new(check->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	if (check->is.force)
		certstore_repair_set_force(check->repairs);
	if (check->is.dryrun)
		certstore_repair_set_dryrun(check->repairs);
	while ((name = cmd_operand(ops)) != NULL) {
		if (check->is.repair && *name == '@')
			cmd_error("%s: only entries are repaired by name: use "
				  "cert-check -r without a name",
			    name);
		else if (certstore_audit_add(check->audit, name, &err) == -1 ||
		    (check->is.repair &&
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

	if (check->is.monitor.form == CMD_NAGIOS)
		return cmd_monitor_nagios(&check->is.monitor,
		    check->is.monitor.unknown, check->is.now);
	if (check->is.monitor.form == CMD_METRICS)
		cmd_monitor_metrics(&check->is.monitor, check->store,
		    check->is.nwithin > 0 ? &check->is.within[0] : NULL,
		    check->is.now,
		    cmd_status() > status ? cmd_status() : status);
	return status;
}

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct check check = { 0 };
	int all, ended, first, nagios, status;

	first = cmd_check_options(&check.is, argc, argv);
	if (!check.is.repair)
		cmd_memory_watch();
	nagios = check.is.monitor.form == CMD_NAGIOS;
	cmd_operands_start(&ops, argv + first);
	cmd_nocore();
	check.store = cmd_openwriter(
	    check.is.repair ? CERTSTORE_OPEN_WRITE : 0);
	cmd_confine(check.is.repair ? check.store : NULL, check.is.monitor.file,
	    0);
	cmd_progress(check.store);
	all = startaudit(&check, &ops, argc == first);
	if (all && check.is.repair)
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
	cmd_monitor_free(&check.is.monitor);
	cmd_text_free(&check.text);
	certstore_close(check.store);
	ended = cmd_end();
	return nagios && ended < 3 ? status : ended;
}
