/*
 * cert-sign: signs requests that others made, by a CA of the store.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'A', "ca", "sign with the key of this CA entry" },
	{ 'C', "constraint",
	    "of a CA: pathlen=N, permit=NAME or exclude=NAME" },
	{ 'c', NULL, "make a CA" },
	{ 'f', NULL, "sign again, and replace a certificate file" },
	{ 'l', "life", "validity: a duration as 90d or 1y, or an end date" },
	{ 'n', NULL, "check everything, sign nothing" },
	{ 'P', "profile",
	    "server, client, peer, mail, shaken, or a file in profiles" },
	{ 'p', "file", "passphrase file for the key of the CA" },
	{ 'q', NULL, "print errors, but no warnings and no list of files" },
	{ 'S', "attr=value",
	    "subject attribute, instead of the requested one" },
	{ 's', "san", "name, instead of those that are requested" },
	{ 'v', NULL, "print what each certificate contains" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-sign",
	.operands = "[file ...]",
	.opts = opts,
	.again = "CSs",
};

struct job {
	struct certstore *store;
	struct certstore_template *template;
	struct certstore_sign *sign;
	const char *issuer;
	const char *passfile;
	const char *profile;
	int flags, verbose;
	char **files; /* requests */
	char **paths; /* where their certificates go */
	size_t n;
};

static struct certstore_error err;

static void
readsignoptions(struct job *job, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv,
		    "+:" CMD_OPTIONS "A:C:cfl:nP:p:S:s:v")) != -1) {
		switch (ch) {
		case 'f':
			job->flags |= CERTSTORE_CREATE_FORCE;
			break;
		case 'n':
			job->flags |= CERTSTORE_CREATE_DRYRUN;
			break;
		case 'P':
			job->profile = optarg;
			break;
		case 'p':
			job->passfile = optarg;
			break;
		case 'v':
			job->verbose = 1;
			break;
		default:
			if (ch == 'A')
				job->issuer = optarg;
			if (!cmd_template_option(job->template, ch, optarg))
				cmd_option(ch);
			break;
		}
	}
	if (job->issuer == NULL)
		cmd_die("use -A with the CA that is to sign");
}

/* Makes the passphrase of the CA known, or how to ask for it. */
static void
setpassphrase(struct job *job)
{
	const struct certstore_passphrase pass = cmd_secret_passphrase(
	    job->passfile);

	cmd_template_check('p',
	    certstore_template_set_passphrase(job->template, &pass, &err),
	    &err);
}

/* The fields of a certificate that matter to who signs it. */
static const enum cmd_field shown[] = { CMD_SUBJECT, CMD_NAMES, CMD_SPC, CMD_TN,
	CMD_KIND, CMD_KEY, CMD_ENDS, CMD_ISSUER };

/* Adds them with this before each, and its name if named, and this after. */
static void
describe(struct cmd_text *t, const struct certstore_entry *entry,
    const char *before, int named, const char *after)
{
	struct cmd_item item = { entry, NULL, 0 };
	struct cmd_text value = { NULL, 0, 0 };
	char name[16];
	size_t i;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		value.len = 0;
		cmd_field_text(&value, &item, shown[i]);
		if (value.len == 0)
			continue;
		cmd_text_adds(t, before);
		snprintf(name, sizeof(name), "%-8s ",
		    cmd_field_names[shown[i]]);
		if (named)
			cmd_text_adds(t, name);
		cmd_text_add(t, value.p, value.len);
		cmd_text_adds(t, after);
	}
	cmd_text_free(&value);
}

static void
printcontents(const char *label, const struct certstore_entry *entry)
{
	struct cmd_text t = { NULL, 0, 0 };

	cmd_text_clean(&t, label);
	cmd_text_adds(&t, ":");
	describe(&t, entry, " ", 0, ";");
	t.p[t.len - 1] = '\0';
	cmd_say("%s", t.p);
	cmd_text_free(&t);
}

/* Shows on the terminal what is to be signed.  Returns 1 if that is agreed to;
 * the answer is not read from stdin, where the request comes from. */
static int
isagreed(struct job *job)
{
	const struct certstore_entry *entry;
	const char *chain, *label;
	struct cmd_text t = { NULL, 0, 0 };
	char answer[16];
	FILE *tty;
	int yes;

	if (certstore_sign_next(job->sign, &label, &entry, &chain, &err) != 1)
		cmd_die("%s", err.msg);
	if ((tty = fopen("/dev/tty", "r+e")) == NULL)
		cmd_die("/dev/tty: %s: use a file instead of pasting",
		    strerror(errno));
	describe(&t, entry, "", 1, "\n");
	fprintf(tty, "%ssign it with %s? [y/N] ", t.p, job->issuer);
	fflush(tty);
	yes = fgets(answer, sizeof(answer), tty) != NULL &&
	    (strcasecmp(answer, "y\n") == 0 ||
		strcasecmp(answer, "yes\n") == 0);
	fclose(tty);
	cmd_text_free(&t);
	return yes;
}

/* Adds the only request.  Returns 1 if it is to be signed. */
static int
addone(struct job *job, const char *file)
{
	int pasted = strcmp(file, "-") == 0 && isatty(STDIN_FILENO), rv;
	struct cmd_input in;

	if (pasted)
		rv = cmd_paste("a request", &in);
	else
		rv = cmd_input(file, "the request", &in);
	if (rv == 0 &&
	    (rv = certstore_sign_add(job->sign, in.label, in.data, in.len,
		 &err)) == -1)
		cmd_error("%s", err.msg);
	cmd_input_wipe();
	if (rv == -1)
		return 0;
	if (pasted && (job->flags & CERTSTORE_CREATE_DRYRUN) == 0 &&
	    !isagreed(job)) {
		cmd_say("nothing was signed");
		cmd_no();
		return 0;
	}
	return 1;
}

/* Signs one request, and prints its certificate and chain. */
static void
signone(struct job *job, const char *file)
{
	const struct certstore_entry *entry;
	const char *chain, *label;

	if (!addone(job, file))
		return;
	cmd_progress(job->store);
	if (certstore_sign_commit(job->sign, &err) == -1 ||
	    certstore_sign_next(job->sign, &label, &entry, &chain, &err) != 1) {
		cmd_error("%s", err.msg);
		return;
	}
	if (job->verbose)
		printcontents(label, entry);
	if (chain != NULL && fputs(chain, stdout) == EOF)
		cmd_lost();
}

static int
bypath(const void *a, const void *b)
{
	return strcmp(**(char **const *)a, **(char **const *)b);
}

/* Removes those whose certificate would have the path of another one. */
static void
refusesame(struct job *job)
{
	char ***sorted, clean[256];
	size_t i;

	sorted = reallocarray(NULL, job->n, sizeof(*sorted));
	if (sorted == NULL)
		cmd_die("no memory left");
	for (i = 0; i < job->n; i++)
		sorted[i] = &job->paths[i];
	qsort(sorted, job->n, sizeof(*sorted), bypath);
	for (i = 1; i < job->n; i++)
		if (strcmp(*sorted[i], *sorted[i - 1]) == 0)
			cmd_die("%s: would be written twice: rename one of the "
				"requests",
			    cmd_clean(*sorted[i], clean, sizeof(clean)));
	free(sorted);
}

/* Adds all requests whose certificates can be written. */
static void
addmany(struct job *job)
{
	struct cmd_input in;
	size_t i;

	refusesame(job);
	for (i = 0; i < job->n; i++) {
		if (!cmd_beside_may(job->paths[i],
			(job->flags & CERTSTORE_CREATE_FORCE) != 0) ||
		    cmd_input(job->files[i], "the request", &in) == -1)
			continue;
		if (certstore_sign_add(job->sign, in.label, in.data, in.len,
			&err) == -1)
			cmd_error("%s", err.msg);
		cmd_input_wipe();
	}
}

/* A line for each certificate that has its file. */
static void
printlines(const struct cmd_beside *out, char **lines)
{
	size_t i;

	for (i = 0; i < out->n; i++) {
		if (out->v[i].path != NULL && !cmd_quiet &&
		    puts(lines[i]) == EOF)
			cmd_lost();
		free(lines[i]);
	}
	free(lines);
}

static char *
makeline(const char *label, const struct certstore_entry *entry)
{
	struct cmd_item item = { entry, NULL, 0 };
	struct cmd_text t = { NULL, 0, 0 };

	cmd_text_clean(&t, label);
	cmd_text_adds(&t, "\t");
	cmd_field_text(&t, &item, CMD_SERIAL);
	cmd_text_adds(&t, "\t");
	cmd_field_text(&t, &item, CMD_FINGERPRINT);
	return t.p;
}

/* Signs many requests together; then writes a certificate beside each. */
static void
signmany(struct job *job)
{
	struct cmd_beside out = { .force = (job->flags &
					       CERTSTORE_CREATE_FORCE) != 0 };
	const struct certstore_entry *entry;
	const char *chain, *label;
	char **lines, *path;
	int rv;

	cmd_progress(job->store);
	addmany(job);
	if (certstore_sign_commit(job->sign, &err) == -1) {
		cmd_error("%s", err.msg);
		return;
	}
	if ((lines = calloc(job->n, sizeof(*lines))) == NULL)
		cmd_die("no memory left");
	while ((rv = certstore_sign_next(job->sign, &label, &entry, &chain,
		    &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			continue;
		}
		if (job->verbose)
			printcontents(label, entry);
		if (chain == NULL)
			continue;
		path = cmd_beside_name(label);
		lines[out.n] = makeline(label, entry);
		if (cmd_beside_add(&out, path, chain, strlen(chain), 0644) ==
		    -1)
			free(lines[out.n]);
		free(path);
	}
	cmd_beside_commit(&out);
	if (cmd_erase != NULL)
		cmd_erase();
	printlines(&out, lines);
	cmd_beside_free(&out);
}

/* The paths of all certificates. */
static void
setpaths(struct job *job, char **files)
{
	size_t i;

	job->files = files;
	for (job->n = 0; files[job->n] != NULL; job->n++)
		if (strcmp(files[job->n], "-") == 0 &&
		    (job->n > 0 || files[1] != NULL))
			cmd_die("-: is standard input, which can be the only "
				"request");
	if (job->n < 2)
		return;
	if ((job->paths = calloc(job->n + 1, sizeof(*job->paths))) == NULL)
		cmd_die("no memory left");
	for (i = 0; i < job->n; i++)
		job->paths[i] = cmd_beside_name(files[i]);
}

int
main(int argc, char *argv[])
{
	struct job job = { 0 };
	size_t i;

	cmd_start(&help, argv);
	cmd_nocore();
	if ((job.template = certstore_template_new(&err)) == NULL)
		cmd_die("%s", err.msg);
	readsignoptions(&job, argc, argv);
	cmd_nooptions(argv + optind, 1);
	setpaths(&job, argv + optind);
	setpassphrase(&job);

	job.store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	cmd_confine_beside(job.store, (const char *const *)job.paths,
	    job.paths == NULL ? 0 : job.n);
	if (job.profile != NULL)
		cmd_template_check('P',
		    certstore_template_load_profile(job.template, job.store,
			job.profile, &err),
		    &err);
	job.sign = certstore_sign_new(job.store, job.template, job.flags, &err);
	if (job.sign == NULL && err.code == CERTSTORE_ENOENTRY)
		cmd_template_failissuer(job.issuer, &err);
	else if (job.sign == NULL)
		cmd_error("%s", err.msg);
	else if (job.paths == NULL)
		signone(&job, job.n == 0 ? "-" : job.files[0]);
	else
		signmany(&job);
	certstore_sign_free(job.sign);
	certstore_template_free(job.template);
	certstore_close(job.store);
	for (i = 0; job.paths != NULL && i < job.n; i++)
		free(job.paths[i]);
	free(job.paths);
	return cmd_end();
}
