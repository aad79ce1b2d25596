/*
 * cert-revert: goes back to the certificates and keys that entries had before.
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'f', NULL, "also if the earlier certificate is less fit" },
	{ 'n', NULL, "print what would be changed, change nothing" },
	{ 'q', NULL, "print errors only" },
	{ 'x', NULL, "exit 1 if nothing was changed" }, { 0, NULL, NULL }
};

static const struct cmd_help help = {
	.name = "cert-revert",
	.operands = "name ...",
	.opts = opts,
};

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct certstore_error err;
	struct certstore *store;
	char **names;
	int ch, flags = 0, mustchange = 0;
	size_t i, n;

	cmd_start(&help, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "fnx")) != -1) {
		switch (ch) {
		case 'f':
			flags |= CERTSTORE_REVERT_FORCE;
			break;
		case 'n':
			flags |= CERTSTORE_REVERT_DRYRUN;
			break;
		case 'x':
			mustchange = 1;
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
	if (certstore_revert(store, (const char *const *)names, n, flags,
		&err) == -1)
		cmd_die("%s", err.msg);
	for (i = 0; i < n && !cmd_quiet; i++)
		printf("%s\n", names[i]);
	if (n == 0 && mustchange)
		cmd_no();
	cmd_operands_free(names);
	certstore_close(store);
	return cmd_end();
}
