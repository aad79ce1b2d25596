/*
 * cert-import: makes entries from files or pasted text.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'f', NULL, "replace existing entries" },
	{ 'K', "key", "use the private key in this file" },
	{ 'N', "name", "name the entry; the files must hold only one" },
	{ 'n', NULL, "report what would be done, change nothing" },
	{ 'p', "file", "passphrase file for encrypted keys and PKCS#12" },
	{ 'q', NULL, "print errors, but neither names nor warnings" },
	{ 'u', NULL, "replace an entry only by a better one" },
	{ 'v', NULL, "print a record for each entry, changed or not" },
	{ 'x', NULL, "exit 1 if nothing was changed" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-import",
	.operands = "[file ...]",
	.opts = opts,
};

struct import {
	const char *keyfile;
	const char *name;
	const char *passfile;
	int flags;
	int tell; /* -x: 1 if nothing was changed */
	int verbose;
};

static struct certstore_error err;

static void
readimportoptions(struct import *opt, int argc, char **argv)
{
	int ch;

	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "fK:N:np:uvx")) != -1) {
		switch (ch) {
		case 'f':
			opt->flags |= CERTSTORE_IMPORT_FORCE;
			break;
		case 'K':
			opt->keyfile = optarg;
			break;
		case 'N':
			opt->name = optarg;
			break;
		case 'n':
			opt->flags |= CERTSTORE_IMPORT_DRYRUN;
			break;
		case 'p':
			opt->passfile = optarg;
			break;
		case 'u':
			opt->flags |= CERTSTORE_IMPORT_IFNEEDED;
			break;
		case 'v':
			opt->verbose = 1;
			break;
		case 'x':
			opt->tell = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
}

/* Adds a file.  Returns 0, or -1 with a message. */
static int
addfile(struct certstore_import *im, const char *file)
{
	struct cmd_input in;
	int rv;

	if (strcmp(file, "-") == 0 && isatty(STDIN_FILENO))
		rv = cmd_paste("certificates and key", &in);
	else
		rv = cmd_input(file, "the operand \"-\"", &in);
	if (rv == 0) {
		rv = certstore_import_add(im, in.label, in.data, in.len, &err);
		if (rv == -1)
			cmd_error("%s", err.msg);
	}
	cmd_input_wipe();
	return rv;
}

static int
addkeyfile(struct certstore_import *im, const char *file)
{
	struct cmd_input in;
	int rv;

	if (cmd_input(file, "-K", &in) == -1)
		return -1;
	rv = certstore_import_set_key(im, in.label, in.data, in.len, &err);
	cmd_input_wipe();
	if (rv == -1)
		cmd_error("%s", err.msg);
	else
		cmd_secret_check("-K", file, in.mode);
	return rv;
}

/*
 * Adds the key and all files.  Returns 0, or -1 if any of them failed: entries
 * are planned only when all input has been read.
 */
static int
addfiles(struct certstore_import *im, const struct import *opt, char **files)
{
	int rv = 0;

	if (opt->keyfile != NULL && addkeyfile(im, opt->keyfile) == -1)
		rv = -1;
	if (*files == NULL)
		return addfile(im, "-") == -1 ? -1 : rv;
	for (; *files != NULL; files++) {
		if (addfile(im, *files) == -1)
			rv = -1;
	}
	return rv;
}

/*
 * Prints the result for each entry; without -v only the names of the changed
 * ones.
 */
static void
printresults(struct certstore_import *im, int verbose)
{
	struct cmd_records out = { 0 };
	const struct certstore_entry *entry;
	const char *action;

	if (cmd_erase != NULL)
		cmd_erase();
	cmd_records_start(&out, "name,how,kind,ends,names");
	while (certstore_import_next(im, &entry, &err) == 1) {
		action = certstore_entry_how(entry);
		if (verbose)
			cmd_records_put(&out, entry, NULL);
		else if (!cmd_quiet && strcmp(action, "same") != 0 &&
		    strcmp(action, "kept") != 0)
			puts(certstore_entry_name(entry));
	}
	cmd_records_end(&out);
}

int
main(int argc, char *argv[])
{
	static struct cmd_secret secret;
	struct certstore_passphrase pass = { cmd_secret_get, &secret };
	struct certstore_import *im;
	struct certstore *store;
	struct import opt = { 0 };
	int changed = -1;

	cmd_start(&help, argv);
	cmd_nocore();
	readimportoptions(&opt, argc, argv);
	cmd_nooptions(argv + optind, 1);
	if (opt.passfile != NULL)
		cmd_secret_read(&secret, opt.passfile, "-p");

	store = cmd_openwriter(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	cmd_confine(store, NULL, 0);
	if ((im = certstore_import_new(store, opt.flags, &err)) == NULL)
		cmd_die("%s", err.msg);
	if (opt.name != NULL &&
	    certstore_import_set_name(im, opt.name, &err) == -1)
		cmd_die("-N %s", err.msg);
	if (opt.passfile != NULL &&
	    certstore_import_set_passphrase(im, &pass, &err) == -1)
		cmd_die("%s", err.msg);
	if (addfiles(im, &opt, argv + optind) == 0) {
		cmd_progress(store);
		if (certstore_import_plan(im, &err) == -1)
			cmd_error("%s", err.msg);
		else if ((changed = certstore_import_commit(im, &err)) == -1)
			cmd_error("%s", err.msg);
		else
			printresults(im, opt.verbose);
	}
	if (changed == 0 && opt.tell)
		cmd_no();
	certstore_import_free(im);
	cmd_secret_wipe(&secret);
	certstore_close(store);
	return cmd_end();
}
