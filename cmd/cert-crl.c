/*
 * cert-crl: makes the CRLs of CAs and publishes them.
 */
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'l', "life", "until the next update: 30d" },
	{ 'n', NULL, "print what would be made, change nothing" },
	{ 'p', "file", "passphrase file for the key of a CA" },
	{ 'q', NULL, "print errors only" },
	{ 'x', NULL, "exit 1 if no CRL was made" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-crl",
	.operands = "[ca ...]",
	.opts = opts,
};

struct crls {
	struct certstore *store;
	const struct certstore_span *life; /* or NULL */
	struct certstore_passphrase pass;
	int dryrun;
	size_t nmade;
};

/* A line for a CRL that was made. */
static void
printmade(void *arg, const struct certstore_crl *crl)
{
	char ends[CERTSTORE_TIME_LEN];
	struct crls *c = arg;

	c->nmade++;
	if (cmd_quiet)
		return;
	printf("%s\t%s\t%zu\t%s/crl/%s.pem\n", crl->name,
	    certstore_time_format(crl->ends, ends), crl->revoked,
	    certstore_path(c->store), crl->name);
	cmd_flush();
}

static int
makeone(struct crls *c, const char *name, struct certstore_error *err)
{
	return certstore_crl_publish(c->store, name, c->life, &c->pass,
	    c->dryrun, printmade, c, err);
}

/* Those that have one, or revoked something. */
static void
makeall(struct crls *c)
{
	const struct certstore_crl *crl;
	struct certstore_crls *crls;
	struct certstore_error err;
	int rv;

	if ((crls = certstore_crls_new(c->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_crls_next(crls, &crl, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else if (crl->due == 0)
			cmd_say("%s: no CRL is made: %s", crl->name, crl->why);
		else if (makeone(c, crl->name, &err) == -1)
			cmd_error("%s", err.msg);
	}
	certstore_crls_free(crls);
}

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct crls c = { 0 };
	struct certstore_span life;
	struct certstore_error err;
	const char *name, *passfile = NULL;
	char **names;
	int ch, mustchange = 0;
	size_t i, n;

	cmd_start(&help, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "l:np:x")) != -1) {
		switch (ch) {
		case 'l':
			if (certstore_span_parse(optarg, &life, &err) == -1)
				cmd_die("-l: %s", err.msg);
			c.life = &life;
			break;
		case 'n':
			c.dryrun = 1;
			break;
		case 'p':
			passfile = optarg;
			break;
		case 'x':
			mustchange = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	cmd_operands_start(&ops, argv + optind);
	c.pass = cmd_secret_passphrase(passfile);
	c.store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	cmd_confine(c.store, NULL, 0);
	cmd_progress(c.store);
	if (optind == argc) {
		makeall(&c);
	} else {
		names = cmd_operands_all(&ops, &n);
		n = cmd_operands_unique(names, n);
		for (i = 0; i < n; i++) {
			name = names[i];
			if (makeone(&c, name, &err) == -1)
				cmd_operand_failed(&ops, name, &err);
		}
		cmd_operands_free(names);
	}
	if (c.nmade == 0 && mustchange)
		cmd_no();
	certstore_close(c.store);
	return cmd_end();
}
