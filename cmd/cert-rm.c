/*
 * cert-rm: removes entries, with every file, link and copy of each.
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'f', NULL, "remove used entries; a missing one is no error" },
	{ 'n', NULL, "report what would be refused, remove nothing" },
	{ 'q', NULL, "print errors, but no warnings" }, { 0, NULL, NULL }
};

static const struct cmd_help help = {
	.name = "cert-rm",
	.operands = "name ...",
	.opts = opts,
};

static void
reportfailed(void *ops, const char *name, const struct certstore_error *err)
{
	cmd_operand_failed(ops, name, err);
}

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct certstore_error err;
	struct certstore *store;
	char **names;
	int ch, flags = 0;
	size_t n;

	cmd_start(&help, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "fn")) != -1) {
		switch (ch) {
		case 'f':
			flags |= CERTSTORE_REMOVE_FORCE;
			break;
		case 'n':
			flags |= CERTSTORE_REMOVE_DRYRUN;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	if (argc == optind)
		cmd_usage();
	cmd_operands_start(&ops, argv + optind);

	store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	cmd_confine(store, NULL, 0);
	names = cmd_operands_all(&ops, &n);
	cmd_progress(store);
	n = cmd_operands_unique(names, n);
	(void)certstore_remove(store, (const char *const *)names, n, flags,
	    reportfailed, &ops, &err);
	cmd_operands_free(names);
	certstore_close(store);
	return cmd_end();
}
