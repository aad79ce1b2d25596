/*
 * cert-create: makes a key and its certificate, a CA, or a request.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define LINE_LENGTH 65536

static const struct cmd_opt opts[] = {
	{ 'A', "ca", "sign with the key of this CA entry" },
	{ 'C', "constraint",
	    "of a CA: pathlen=N, permit=NAME or exclude=NAME" },
	{ 'c', NULL, "make a CA" },
	{ 'E', "file", "passphrase file to encrypt the key of the CA with" },
	{ 'e', "within", "with -u: replace an entry that expires within this" },
	{ 'f', NULL, "replace an entry, or a waiting request" },
	{ 'K', "key", "use the private key in this file" },
	{ 'l', "life", "validity: a duration as 90d or 1y, or an end date" },
	{ 'n', NULL, "check everything, change nothing" },
	{ 'P', "profile",
	    "server, client, peer, mail, shaken, or a file in profiles" },
	{ 'p', "file", "passphrase file for the key of the CA or of -K" },
	{ 'R', NULL, "make a request (CSR) for another CA, and print it" },
	{ 'S', "attr=value", "subject attribute, as CN=Name or O=Example" },
	{ 's', "san", "host, address, email:, uri:; to sign calls spc:, tel:" },
	{ 't', "type", "p256, p384, rsa:2048, rsa:3072, rsa:4096 or ed25519" },
	{ 'u', NULL, "keep an entry that has what is asked for" },
	{ 'x', NULL, "exit 1 if nothing was changed" }, { 0, NULL, NULL }
};

static const struct cmd_help help = {
	.name = "cert-create",
	.operands = "name",
	.opts = opts,
	.again = "CSs",
};

struct create {
	struct certstore_template *template;
	const char *issuer;
	const char *keyfile;
	const char *profile;
	const char *passfile;
	const char *encryptfile;
	int flags;
	int tell; /* -x: 1 if nothing was changed */
};

static struct certstore_error err;

static void
checkarg(int opt, int rv)
{
	cmd_template_check(opt, rv, &err);
}

static void
readcreateoptions(struct create *c, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv,
		    "+:" CMD_OPTIONS "A:C:cE:e:fK:l:nP:p:RS:s:t:ux")) != -1) {
		switch (ch) {
		case 'E':
			c->encryptfile = optarg;
			break;
		case 'f':
			c->flags |= CERTSTORE_CREATE_FORCE;
			break;
		case 'K':
			c->keyfile = optarg;
			break;
		case 'n':
			c->flags |= CERTSTORE_CREATE_DRYRUN;
			break;
		case 'P':
			c->profile = optarg;
			break;
		case 'p':
			c->passfile = optarg;
			break;
		case 'R':
			c->flags |= CERTSTORE_CREATE_REQUEST;
			break;
		case 'u':
			c->flags |= CERTSTORE_CREATE_IFNEEDED;
			break;
		case 'x':
			c->tell = 1;
			break;
		default:
			if (ch == 'A')
				c->issuer = optarg;
			if (!cmd_template_option(c->template, ch, optarg))
				cmd_option(ch);
			break;
		}
	}
}

static void
setkeyfile(struct certstore_template *t, const char *file)
{
	struct cmd_input in;
	int rv;

	if (cmd_input(file, "-K", &in) == -1)
		exit(cmd_end());
	rv = certstore_template_set_key(t, in.label, in.data, in.len, &err);
	cmd_input_wipe();
	if (rv == -1)
		cmd_die("%s", err.msg);
	cmd_secret_check("-K", file, in.mode);
}

/*
 * Reads the passphrases and the key of -K.  The terminal is asked only for the
 * passphrase of a CA's key, so cmd_secret_ask() is set after -K has been read.
 */
static void
readsecrets(struct create *c)
{
	static struct cmd_secret open, encrypt;
	struct certstore_passphrase pass = { cmd_secret_get, &open };

	if (c->encryptfile != NULL) {
		cmd_secret_read(&encrypt, c->encryptfile, "-E");
		checkarg('E',
		    certstore_template_set_encrypt(c->template, encrypt.text,
			&err));
		cmd_secret_wipe(&encrypt);
	}
	if (c->passfile != NULL) {
		cmd_secret_read(&open, c->passfile, "-p");
		checkarg('p',
		    certstore_template_set_passphrase(c->template, &pass,
			&err));
	}
	if (c->keyfile != NULL)
		setkeyfile(c->template, c->keyfile);
	if (c->passfile == NULL && c->issuer != NULL) {
		pass.get = cmd_secret_ask;
		checkarg('A',
		    certstore_template_set_passphrase(c->template, &pass,
			&err));
	}
}

/*
 * Prints the request.  It is already in the store with its key, and stays
 * there if it cannot be printed.
 */
static void
printrequest(const char *name, const char *csr)
{
	struct cmd_text t = { NULL, 0, 0 };
	int error;

	(void)signal(SIGPIPE, SIG_IGN);
	if (fputs(csr, stdout) != EOF && fflush(stdout) != EOF)
		return;
	error = errno;
	cmd_text_adds(&t, "cert-show");
	cmd_text_store(&t);
	cmd_error("stdout: %s: the request waits in the store: use %s -o csr "
		  "%s to print it",
	    strerror(error), t.p, name);
	exit(2);
}

/* Refuses what is not for many entries. */
static void
checkmany(const struct create *c)
{
	cmd_stdin("the operand \"-\"");
	if ((c->flags & CERTSTORE_CREATE_REQUEST) != 0)
		cmd_die("-R: one request is printed, so it is not for a list: "
			"use cert-create -R for each name");
	if (c->keyfile != NULL)
		cmd_die("-K: one key is not for many entries: remove -K");
}

/* Adds a line: the name of an entry, then names for its certificate. */
static void
takedevice(struct certstore_batch *batch, char *line, size_t lineno)
{
	const char *name = NULL, **sans = NULL;
	size_t n = 0, size = 0;
	char *word;

	while ((word = strsep(&line, " \t\r\n")) != NULL) {
		if (*word == '\0')
			continue;
		if (name == NULL) {
			name = word;
			continue;
		}
		if (n == size) {
			size = size == 0 ? 8 : 2 * size;
			sans = reallocarray(sans, size, sizeof(*sans));
			if (sans == NULL)
				cmd_die("no memory left");
		}
		sans[n++] = word;
	}
	if (name != NULL &&
	    certstore_batch_add(batch, name, sans, n, &err) == -1)
		cmd_error("stdin:%zu: %s", lineno, err.msg);
	free(sans);
}

/* Reads a line for each entry.  Nothing is made if one of them is refused. */
static void
addlines(struct certstore_batch *batch)
{
	char *line = NULL;
	size_t lineno, size = 0;
	ssize_t len;

	for (lineno = 1; (len = getline(&line, &size, stdin)) != -1; lineno++) {
		if (len > LINE_LENGTH)
			cmd_error("stdin:%zu: is longer than %d bytes", lineno,
			    LINE_LENGTH);
		else if (strlen(line) != (size_t)len)
			cmd_error("stdin:%zu: has a NUL byte", lineno);
		else
			takedevice(batch, line, lineno);
	}
	if (ferror(stdin))
		cmd_error("stdin: %s", strerror(errno));
	free(line);
}

/* Makes an entry for each line of stdin, all of them or none. */
static void
createmany(struct create *c, struct certstore *store)
{
	struct certstore_batch *batch;
	int changed;

	batch = certstore_batch_new(store, c->template, c->flags, &err);
	if (batch == NULL && err.code == CERTSTORE_ENOENTRY)
		cmd_template_failissuer(c->issuer, &err);
	else if (batch == NULL)
		cmd_error("%s", err.msg);
	if (batch == NULL)
		return;
	addlines(batch);
	if (cmd_status() == 0) {
		changed = certstore_batch_commit(batch, &err);
		if (changed == -1)
			cmd_error("%s", err.msg);
		if (changed == 0 && c->tell)
			cmd_no();
	} else
		cmd_say("nothing was made");
	certstore_batch_free(batch);
}

/* Makes one entry, or its request. */
static void
createone(struct create *c, struct certstore *store, const char *name)
{
	char *csr = NULL;
	int changed;

	changed = certstore_create(store, name, c->template, c->flags, &csr,
	    &err);
	if (changed == -1 && err.code == CERTSTORE_ENOENTRY)
		cmd_template_failissuer(c->issuer, &err);
	else if (changed == -1)
		cmd_error("%s", err.msg);
	if (cmd_erase != NULL)
		cmd_erase();
	if (csr != NULL && !cmd_quiet)
		printrequest(name, csr);
	if (changed == 0 && c->tell)
		cmd_no();
	free(csr);
}

int
main(int argc, char *argv[])
{
	struct create c = { 0 };
	struct certstore *store;
	int many;

	cmd_start(&help, argv);
	cmd_nocore();
	if ((c.template = certstore_template_new(&err)) == NULL)
		cmd_die("%s", err.msg);
	readcreateoptions(&c, argc, argv);
	cmd_nooptions(argv + optind, 0);
	if (argc - optind != 1)
		cmd_usage();
	many = strcmp(argv[optind], "-") == 0;
	if (many)
		checkmany(&c);
	readsecrets(&c);

	store = cmd_openwriter(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	cmd_confine(store, NULL, 0);
	cmd_progress(store);
	if (c.profile != NULL)
		checkarg('P',
		    certstore_template_load_profile(c.template, store,
			c.profile, &err));
	if (many)
		createmany(&c, store);
	else
		createone(&c, store, argv[optind]);
	certstore_template_free(c.template);
	certstore_close(store);
	return cmd_end();
}
