/*
 * cert-export: writes an entry with its private key as a PKCS#12 file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'E', "file", "passphrase file that encrypts the PKCS#12 file" },
	{ 'f', NULL, "replace the file; also export a CA" },
	{ 'P', "form", "modern, or legacy for old systems" },
	{ 'p', "file", "passphrase file for the key in the store" },
	{ 'q', NULL, "print errors, but no warnings" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-export",
	.operands = "name file",
	.opts = opts,
};

static enum certstore_export_form
parseform(const char *word)
{
	char clean[256];

	if (strcmp(word, "modern") == 0)
		return CERTSTORE_EXPORT_MODERN;
	if (strcmp(word, "legacy") != 0)
		cmd_die("-P %s: use modern or legacy",
		    cmd_clean(word, clean, sizeof(clean)));
	return CERTSTORE_EXPORT_LEGACY;
}

static void
printdata(const char *data, size_t len)
{
	if (fwrite(data, 1, len, stdout) != len)
		cmd_lost();
}

/* Only its owner can read the file. */
static void
writefile(const char *path, const char *data, size_t len, int force)
{
	struct cmd_beside out = { .force = force };

	if (cmd_beside_add(&out, path, data, len, 0600) == 0)
		cmd_beside_commit(&out);
	cmd_beside_free(&out);
}

int
main(int argc, char *argv[])
{
	static struct cmd_secret encrypt;
	struct certstore_passphrase pass;
	enum certstore_export_form form = CERTSTORE_EXPORT_MODERN;
	const char *encryptfile = NULL, *passfile = NULL, *path;
	struct certstore_error err;
	struct certstore *store;
	void *der;
	size_t len;
	int ch, force = 0, printed;

	cmd_start(&help, argv);
	cmd_nocore();
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "E:fP:p:")) != -1) {
		switch (ch) {
		case 'E':
			encryptfile = optarg;
			break;
		case 'f':
			force = 1;
			break;
		case 'P':
			form = parseform(optarg);
			break;
		case 'p':
			passfile = optarg;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	cmd_nooptions(argv + optind, 1);
	if (argc - optind != 2)
		cmd_usage();
	if (encryptfile == NULL)
		cmd_die("use -E with the file of a passphrase for the PKCS#12 "
			"file");
	path = argv[optind + 1];
	printed = strcmp(path, "-") == 0;
	if (printed && isatty(STDOUT_FILENO))
		cmd_die("-: is a terminal: use a file");
	if (!printed && !cmd_beside_may(path, force))
		return cmd_end();
	cmd_secret_read(&encrypt, encryptfile, "-E");
	pass = cmd_secret_passphrase(passfile);

	store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	cmd_confine(store, printed ? NULL : path, 0);
	if (certstore_export(store, argv[optind], form, force, encrypt.text,
		&pass, &der, &len, &err) == -1)
		cmd_error("%s", err.msg);
	else if (printed)
		printdata(der, len);
	else
		writefile(path, der, len, force);
	free(der);
	cmd_secret_wipe(&encrypt);
	certstore_close(store);
	return cmd_end();
}
