/*
 * cert-report: the store as one HTML page: what there is, when it expires, who
 * issued and who uses it, and what is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"

static const struct cmd_opt opts[] = {
	{ 'e', "within", "what expires within 30d, 1/3, a date, 0 is marked" },
	{ 'w', "time", "as of this time" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-report",
	.operands = "",
	.opts = opts,
};

/* The first pass over the store: all that is counted. */
static void
countentries(struct report *r, struct timeline *timeline, struct chains *chains)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	struct certstore_error err;
	enum report_state state;
	const char *which;
	int64_t ends;
	int rv;

	if ((list = certstore_list_new(r->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1) { /* the second pass reports it */
			r->nunread++;
			continue;
		}
		r->nentry++;
		state = entry_state(r, entry, &which, &ends);
		r->n[state]++;
		timeline_add(timeline, entry, state);
		chains_add(chains, entry, state);
	}
	certstore_list_free(list);
}

static void
printreport(struct report *r)
{
	struct timeline *timeline = timeline_new(r);
	struct chains *chains = chains_new();
	struct findings *findings;

	countentries(r, timeline, chains);
	/* what a warning would tell, the page tells, too */
	certstore_set_warn(r->store, NULL, NULL);
	findings = findings_read(r);
	page_begin(r, findings_count(findings));
	findings_print(r, findings);
	timeline_print(r, timeline);
	entry_print(r);
	chains_print(r, chains);
	trust_print(r);
	page_end(r);
	findings_free(findings);
	timeline_free(timeline);
	chains_free(chains);
}

int
main(int argc, char *argv[])
{
	struct report r = { .withintext = "30d" };
	struct certstore_error err;
	int ch;

	r.now = certstore_time_now();
	cmd_start(&help, argv);
	cmd_memory_watch();
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "e:w:")) != -1) {
		switch (ch) {
		case 'e':
			r.withintext = optarg;
			break;
		case 'w':
			if (certstore_time_parse(optarg, &r.now, &err) == -1)
				cmd_die("-w %s", err.msg);
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	if (certstore_span_parse(r.withintext, &r.within, &err) == -1)
		cmd_die("-e %s", err.msg);
	if (optind < argc)
		cmd_usage();
	cmd_nocore();
	r.store = cmd_open(0);
	cmd_confine(NULL, NULL, 0);
	cmd_progress(r.store);
	printreport(&r);
	cmd_text_free(&r.page);
	certstore_close(r.store);
	return cmd_end();
}
