/*
 * template.c: the options of cert-create and cert-sign that say what a
 * certificate contains.
 */
#include <sys/stat.h>

#include <stdlib.h>

#include "cmd.h"

static struct certstore_error err;

/* Ends the command if the library refused the argument of an option. */
void
cmd_template_check(int opt, int rv, const struct certstore_error *why)
{
	if (rv == -1)
		cmd_die("-%c %s", opt, why->msg);
}

static struct certstore_span
parsespan(int opt, const char *text)
{
	struct certstore_span sp;

	cmd_template_check(opt, certstore_span_parse(text, &sp, &err), &err);
	return sp;
}

/* Reports why the argument of -A cannot sign: it is a file, or as why says. */
void
cmd_template_failissuer(const char *issuer, const struct certstore_error *why)
{
	struct cmd_text t = { NULL, 0, 0 };
	char clean[256];
	struct stat st;

	if ((why->code != CERTSTORE_ENOENTRY &&
		why->code != CERTSTORE_EARGUMENT) ||
	    stat(issuer, &st) == -1 || S_ISDIR(st.st_mode)) {
		cmd_error(why->code == CERTSTORE_EARGUMENT ? "-A %s" : "%s",
		    why->msg);
		return;
	}
	cmd_text_adds(&t, "cert-import");
	cmd_text_store(&t);
	cmd_text_adds(&t, " ");
	cmd_text_word(&t, issuer);
	cmd_error("-A %s: is a file, not a CA entry: import it with its key "
		  "and use the name that is printed: %s",
	    cmd_clean(issuer, clean, sizeof(clean)), t.p);
	cmd_text_free(&t);
}

/*
 * Passes an option about the contents of the certificate to the template.
 * Returns 1, or 0 for any other option.
 */
int
cmd_template_option(struct certstore_template *t, int opt, const char *arg)
{
	struct certstore_span sp;
	int rv;

	switch (opt) {
	case 'A':
		if (certstore_template_set_issuer(t, arg, &err) == 0)
			return 1;
		cmd_template_failissuer(arg, &err);
		exit(cmd_end());
	case 'C':
		rv = certstore_template_add_constraint(t, arg, &err);
		break;
	case 'c':
		rv = certstore_template_set_ca(t, &err);
		break;
	case 'e':
		sp = parsespan(opt, arg);
		rv = certstore_template_set_within(t, &sp, &err);
		break;
	case 'l':
		sp = parsespan(opt, arg);
		rv = certstore_template_set_life(t, &sp, &err);
		break;
	case 'S':
		rv = certstore_template_add_subject(t, arg, &err);
		break;
	case 's':
		rv = certstore_template_add_san(t, arg, &err);
		break;
	case 't':
		rv = certstore_template_set_type(t, arg, &err);
		break;
	default:
		return 0;
	}
	cmd_template_check(opt, rv, &err);
	return 1;
}
