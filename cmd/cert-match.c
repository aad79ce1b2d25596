/*
 * cert-match: finds the entry for a host name, an address or a fingerprint.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ '0', NULL, "end each record with a NUL byte" },
	{ 'a', NULL, "print all candidates, and why each lost" },
	{ 'D', NULL, "fall back to the default entry" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'k', "kind", "only entries of these kinds" },
	{ 'o', "field,...", "print these fields; a wrong name lists them all" },
	{ 't', "type", "only keys of this type: ec, rsa, p256, rsa:2048, ..." },
	{ 'w', "time", "answer as of this time: a date, a time, @seconds" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-match",
	.operands = "host ...",
	.opts = opts,
};

static void
answerhost(struct certstore_match *match, const struct cmd_operands *hosts,
    const char *host, int all, struct cmd_records *out)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	char clean[256];
	int answered, found;

	/* after an error about one entry others may still match */
	if ((found = certstore_match_ask(match, host, &err)) == -1)
		cmd_operand_failed(hosts, host, &err);
	if (found == 0) {
		cmd_say("%s: no entry matches",
		    cmd_clean(host, clean, sizeof(clean)));
		(void)cmd_operand_isfile(hosts, host, cmd_say);
		cmd_no();
	}
	answered = found != 2;
	while (certstore_match_next(match, &entry, &err) == 1) {
		cmd_records_put(out, entry, NULL);
		answered |= strcmp(certstore_entry_kind(entry), "shaken") != 0;
		if (!all)
			break;
	}
	/* an expired certificate serves, but signs no calls */
	if (!answered)
		cmd_no();
}

int
main(int argc, char *argv[])
{
	struct cmd_operands hosts = { 0 };
	struct cmd_records out = { 0 };
	struct certstore_match *match;
	struct certstore_error err;
	struct certstore *store;
	const char *host, *kinds = NULL, *type = NULL;
	int64_t when = CERTSTORE_NOW;
	int all = 0, ch, flags = 0;

	cmd_start(&help, argv);
	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "0aDjk:o:t:w:")) != -1) {
		switch (ch) {
		case '0':
			out.nul = 1;
			break;
		case 'a':
			all = 1;
			break;
		case 'D':
			flags |= CERTSTORE_MATCH_FALLBACK;
			break;
		case 'j':
			out.json = 1;
			break;
		case 'k':
			if (certstore_kinds_check(optarg, &err) == -1)
				cmd_die("-k %s", err.msg);
			kinds = optarg;
			break;
		case 'o':
			cmd_records_fields(&out, optarg);
			break;
		case 't':
			type = optarg;
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
	if (argc == optind)
		cmd_usage();
	cmd_operands_start(&hosts, argv + optind);

	if (!all)
		flags |= CERTSTORE_MATCH_WINNER;
	store = cmd_open(0);
	cmd_confine(NULL, NULL, 0);
	match = certstore_match_new(store, when, kinds, flags, &err);
	if (match == NULL)
		cmd_die("%s", err.msg);
	if (certstore_match_set_type(match, type, &err) == -1)
		cmd_die("-t %s", err.msg);
	cmd_records_start(&out,
	    all ? "name,kind,ends,names,how" : "name,kind,ends,names");
	while ((host = cmd_operand(&hosts)) != NULL)
		answerhost(match, &hosts, host, all, &out);
	cmd_records_end(&out);
	certstore_match_free(match);
	certstore_close(store);
	return cmd_end();
}
