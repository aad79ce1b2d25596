/*
 * cert-show: prints entries, one part of them, or certificates and keys from a
 * file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define FIELDS \
	"name,kind,ends,starts,names,subject,issuer,serial,key," \
	"fingerprint,spc,tn,tnauth,tenants,users,group,default,certfile,keyfile,cafile"

static const struct cmd_opt opts[] = {
	{ '0', NULL, "end each record with a NUL byte" },
	{ 'i', "file", "show the certificates in this file" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'K', "key", "show the public key of this private key" },
	{ 'o', "field,... | part",
	    "or text cert chain fullchain ca root csr pubkey tlsa" },
	{ 'p', "file", "passphrase file for the key or PKCS#12 file" },
	{ 'v', NULL, "all fields" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-show",
	.operands = "name ... | -i file | -K key",
	.opts = opts,
};

static const char *const parts[] = { "text", "cert", "chain", "fullchain", "ca",
	"root", "csr", "pubkey", "tlsa", NULL };

struct show {
	struct cmd_records out;
	const char *part; /* NULL: fields */
	const char *file; /* -i or -K, as in messages */
	struct cmd_secret secret;
	struct certstore_passphrase pass;
	int haspass;
};

static int
ispart(const char *s)
{
	size_t i;

	for (i = 0; parts[i] != NULL; i++) {
		if (strcmp(parts[i], s) == 0)
			return 1;
	}
	return 0;
}

static void
showpart(struct show *show, const struct certstore_entry *entry)
{
	const char *name = certstore_entry_name(entry);
	struct certstore_error err;
	char clean[256], *text = NULL;
	size_t len = 0;
	int rv;

	rv = certstore_entry_part(entry, show->part, &text, &len, &err);
	if (rv == -1)
		cmd_error("%s", err.msg);
	if (rv == 0) {
		cmd_say("%s: has no %s",
		    cmd_clean(name != NULL ? name : show->file, clean,
			sizeof(clean)),
		    show->part);
		cmd_no();
	}
	if (rv == 1 && !cmd_quiet) {
		fwrite(text, 1, len, stdout);
		if (show->out.nul)
			putchar('\0');
	}
	free(text);
}

static void
showentry(struct show *show, const struct certstore_entry *entry)
{
	if (show->part != NULL)
		showpart(show, entry);
	else
		cmd_records_put(&show->out, entry, NULL);
}

/* Returns the option that shows a file: -K for a private key, else -i. */
static const char *
optionfor(const char *file)
{
	struct certstore_certs *certs;
	struct certstore_entry *key = NULL;
	struct certstore_error err;
	struct cmd_input in;
	int iskey = 0;

	if (cmd_input(file, "-i", &in) == -1)
		return "-i";
	certs = certstore_certs_read(in.label, in.data, in.len, NULL, &err);
	if (certs == NULL && err.code == CERTSTORE_EINPUT) {
		key = certstore_key_read(in.label, in.data, in.len, NULL, &err);
		iskey = key != NULL || err.code == CERTSTORE_EPASSPHRASE;
	}
	cmd_input_wipe();
	certstore_entry_free(key);
	certstore_certs_free(certs);
	return iskey ? "-K" : "-i";
}

static void
shownames(struct show *show, char **argv)
{
	struct cmd_operands names = { .option = optionfor };
	struct certstore_entry *entry;
	struct certstore_error err;
	struct certstore *store;
	const char *name;

	cmd_operands_start(&names, argv);
	store = cmd_open(0);
	while ((name = cmd_operand(&names)) != NULL) {
		if ((entry = certstore_entry_get(store, name, &err)) == NULL)
			cmd_operand_failed(&names, name, &err);
		else
			showentry(show, entry);
		certstore_entry_free(entry);
	}
	certstore_close(store);
}

static void
showcerts(struct show *show, const char *file)
{
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct certstore_error err;
	struct cmd_input in;
	int rv;

	if (cmd_input(file, "-i", &in) == -1)
		return;
	certs = certstore_certs_read(in.label, in.data, in.len,
	    show->haspass ? &show->pass : NULL, &err);
	cmd_input_wipe();
	if (certs == NULL) {
		cmd_error("%s", err.msg);
		return;
	}
	show->file = in.label;
	while ((rv = certstore_certs_next(certs, &entry, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			continue;
		}
		showentry(show, entry);
		if (certstore_entry_flaw(entry) != NULL)
			cmd_error("%s", certstore_entry_flaw(entry));
	}
	certstore_certs_free(certs);
}

static void
showkey(struct show *show, const char *file)
{
	struct certstore_entry *entry;
	struct certstore_error err;
	struct cmd_input in;

	if (cmd_input(file, "-K", &in) == -1)
		return;
	entry = certstore_key_read(in.label, in.data, in.len,
	    show->haspass ? &show->pass : NULL, &err);
	cmd_input_wipe();
	show->file = in.label;
	if (entry == NULL) {
		cmd_error("%s", err.msg);
	} else {
		cmd_secret_check("-K", file, in.mode);
		showentry(show, entry);
	}
	certstore_entry_free(entry);
}

int
main(int argc, char *argv[])
{
	static struct show show;
	const char *certs = NULL, *key = NULL, *fields = FIELDS, *pass = NULL;
	int ch;

	cmd_start(&help, argv);
	cmd_memory_watch();
	show.out.also = "; or one part alone: "
			"text cert chain fullchain ca root csr pubkey tlsa";
	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "0i:jK:o:p:v")) != -1) {
		switch (ch) {
		case '0':
			show.out.nul = 1;
			break;
		case 'i':
			certs = optarg;
			break;
		case 'j':
			show.out.json = 1;
			break;
		case 'K':
			key = optarg;
			break;
		case 'o':
			show.part = ispart(optarg) ? optarg : NULL;
			if (show.part == NULL)
				cmd_records_fields(&show.out, optarg);
			break;
		case 'p':
			pass = optarg;
			break;
		case 'v':
			fields = NULL;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	cmd_nooptions(argv + optind, 0);
	if ((certs != NULL) + (key != NULL) + (argc > optind) != 1)
		cmd_usage();
	if (show.part != NULL && show.out.json) {
		cmd_error("-j: a part (-o %s) has no JSON form", show.part);
		cmd_usage();
	}

	cmd_nocore();
	if (pass != NULL) {
		cmd_secret_read(&show.secret, pass, "-p");
		show.pass.get = cmd_secret_get;
		show.pass.arg = &show.secret;
		show.haspass = 1;
	}
	cmd_confine(NULL, NULL, 0);
	show.out.pairs = 1;
	cmd_records_start(&show.out, fields);
	if (certs != NULL)
		showcerts(&show, certs);
	else if (key != NULL)
		showkey(&show, key);
	else
		shownames(&show, argv + optind);
	cmd_secret_wipe(&show.secret);
	cmd_records_end(&show.out);
	return cmd_end();
}
