/*
 * cert-acme: gets certificates from ACME servers, RFC 8555: one order for each
 * entry.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "entry.h"

static const struct cmd_opt opts[] = {
	{ 'A', "account", "an account, or the URL of an ACME directory" },
	{ 'e', "within", "with -u: renew what expires within this time" },
	{ 'f', NULL, "order also what is not due, or would be held" },
	{ 'K', "key", "use the private key in this file" },
	{ 'l', "life", "ask for this validity, as 90d" },
	{ 'm', "method",
	    "webroot:DIR, http, hook:PROGRAM, dns-persist, tkauth:PROGRAM" },
	{ 'n', NULL, "print what would be ordered, order nothing" },
	{ 'P', "profile", "server, or shaken for what signs calls" },
	{ 'S', "attr=value", "subject attribute, as CN=Name" },
	{ 's', "san", "a host, an address, spc:CODE or tel:NUMBER" },
	{ 'T', "ca", "who signs the server's certificate: file or trust set" },
	{ 't', "type", "p256, p384, rsa:2048, rsa:3072, rsa:4096" },
	{ 'u', NULL,
	    "keep an entry that has what is asked for and is not due" },
	{ 'v', NULL, "report also what is not ordered, and why" },
	{ 'W', "seconds", "end after so many seconds: 3600" },
	{ 'x', NULL, "exit 1 if nothing was changed" },
	{ 'y', NULL, "agree to the terms of service of the CA" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-acme",
	.operands = "name ... [prop[+-]=value ...]",
	.opts = opts,
	.again = "mSs",
};

#define ORDERS_MAX 100 /* of a run without names */

struct call {
	struct job job;
	struct certstore_span within;
	const char *keyfile, *life;
	int mustchange, describes;
	size_t nchanged, norders;
};

static struct certstore_error err;

static void
checkarg(int opt, int rv)
{
	if (rv == -1)
		cmd_die("-%c %s", opt, err.msg);
}

static void
stop(int sig)
{
	(void)sig;
	method_stop = acme_stop = 1;
}

/* TERM and INT undo what was set up before the process ends. */
static void
catchsignals(void)
{
	struct sigaction act = { .sa_handler = stop };

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* A template, as soon as an option describes the certificate. */
static struct certstore_template *
describe(struct call *c)
{
	c->describes = 1;
	if (c->job.tmpl == NULL &&
	    (c->job.tmpl = certstore_template_new(&err)) == NULL)
		cmd_die("%s", err.msg);
	return c->job.tmpl;
}

static void
setlife(struct call *c, const char *arg)
{
	struct certstore_span life;

	checkarg('l', certstore_span_parse(arg, &life, &err));
	if (life.type != CERTSTORE_SPAN_FOR || life.secs == 0)
		cmd_die("-l %s: is not a duration: use 90d", arg);
	c->job.life = life.secs;
	c->life = arg;
	c->describes = 1;
}

static void
setlimit(struct call *c, const char *arg)
{
	unsigned int seconds = cmd_seconds(arg, 1, INT_MAX);

	c->job.deadline = cmd_clock() / 1000 + seconds;
}

static void
readoption(struct call *c, int ch, char *arg)
{
	switch (ch) {
	case 'A':
		c->job.account = arg;
		break;
	case 'e':
		checkarg(ch, certstore_span_parse(arg, &c->within, &err));
		c->job.within = &c->within;
		break;
	case 'f':
		c->job.force = 1;
		break;
	case 'K':
		c->keyfile = arg;
		break;
	case 'l':
		setlife(c, arg);
		break;
	case 'm':
		if (c->job.nmethod == ENTRY_METHODS_MAX)
			cmd_die("-m: more than %d methods", ENTRY_METHODS_MAX);
		c->job.method[c->job.nmethod++] = arg;
		c->describes = 1;
		break;
	case 'n':
		c->job.dryrun = 1;
		break;
	case 'P':
		checkarg(ch,
		    certstore_template_set_profile(describe(c), arg, &err));
		break;
	case 'S':
		checkarg(ch,
		    certstore_template_add_subject(describe(c), arg, &err));
		break;
	case 's':
		checkarg(ch,
		    certstore_template_add_san(describe(c), arg, &err));
		break;
	case 'T':
		c->job.cafile = arg;
		break;
	case 't':
		checkarg(ch,
		    certstore_template_set_type(describe(c), arg, &err));
		break;
	case 'u':
		c->job.ifneeded = 1;
		break;
	case 'v':
		c->job.verbose = 1;
		break;
	case 'W':
		setlimit(c, arg);
		break;
	case 'x':
		c->mustchange = 1;
		break;
	case 'y':
		c->job.agreed = 1;
		break;
	default:
		cmd_option(ch);
		break;
	}
}

static void
readkey(struct call *c)
{
	struct cmd_input in;
	int rv;

	if (cmd_input(c->keyfile, "-K", &in) == -1)
		exit(cmd_end());
	rv = certstore_template_set_key(describe(c), in.label, in.data, in.len,
	    &err);
	cmd_input_wipe();
	if (rv == -1)
		cmd_die("%s", err.msg);
	cmd_secret_check("-K", c->keyfile, in.mode);
}

static struct certstore_set *
changes(struct call *c)
{
	if (c->job.props == NULL &&
	    (c->job.props = certstore_set_new(c->job.store, 0, &err)) == NULL)
		cmd_die("%s", err.msg);
	return c->job.props;
}

static void
change(struct call *c, const char *prop, enum certstore_set_how how,
    const char *value)
{
	if (certstore_set_change(changes(c), prop, how, value, &err) == -1)
		cmd_die("%s", err.msg);
}

/* What options and assignments leave in the properties of the entry. */
static void
keepoptions(struct call *c, char **assignments)
{
	struct method *method;
	struct method_why why;
	size_t i;

	for (i = 0; i < c->job.nmethod; i++) {
		method = method_new(c->job.store, c->job.method[i], &why);
		if (method == NULL)
			cmd_die("%s", why.msg);
		change(c, "method",
		    i == 0 ? CERTSTORE_SET_REPLACE : CERTSTORE_SET_ADD,
		    method_word(method));
		method_end(method);
	}
	if (c->life != NULL)
		change(c, "life", CERTSTORE_SET_REPLACE, c->life);
	for (; *assignments != NULL; assignments++)
		cmd_assign(c->job.props == NULL ? changes(c) : c->job.props,
		    *assignments);
}

/* What is said of a name: why, which does not begin with it, after it. */
static void
addname(char *line, size_t size, const char *name, const char *why)
{
	size_t len = strlen(name);

	snprintf(line, size, "%s%s%s",
	    strncmp(why, name, len) == 0 && why[len] == ':' ? "" : name,
	    strncmp(why, name, len) == 0 && why[len] == ':' ? "" : ": ", why);
}

/* Prints what became of a name, and sets the status. */
static void
report(struct call *c, struct certstore_due *due,
    const struct certstore_renewal *r, const char *name, enum outcome outcome,
    const char *why)
{
	char line[METHOD_WHY_LEN + 256];

	addname(line, sizeof(line), name, why);
	switch (outcome) {
	case ISSUED:
	case CHANGED:
		c->nchanged++;
		if (!cmd_quiet || c->job.unattended)
			printf("%s\n", name);
		if (outcome == ISSUED)
			certstore_due_renewed(due, name);
		cmd_flush();
		break;
	case UNCHANGED:
	case WAITING:
		if (c->job.verbose && *why != '\0')
			cmd_say("%s", line);
		break;
	case LATER:
		if (!c->job.unattended || c->job.named)
			cmd_error("%s", line);
		else if (c->job.verbose)
			cmd_say("%s", line);
		break;
	case HELD:
		cmd_error("%s", line);
		break;
	default:
		if (r != NULL && c->job.unattended)
			cmd_attempt_failed(due, r, line, c->job.named);
		else
			cmd_error("%s", line);
		break;
	}
}

static void
issueone(struct call *c, const char *name)
{
	const struct certstore_renewal *r = NULL;
	struct certstore_error ignored;
	struct certstore_due *due;
	enum outcome outcome;
	char why[METHOD_WHY_LEN];

	if ((due = certstore_due_new(c->job.store, CERTSTORE_NOW, &err)) ==
	    NULL)
		cmd_die("%s", err.msg);
	if (certstore_due_add(due, name, &err) == -1) {
		cmd_error("%s", err.msg);
	} else {
		(void)certstore_due_next(due, &r, &ignored);
		outcome = entry_issue(&c->job, name, why);
		c->norders += outcome == ISSUED || outcome == HELD ||
		    outcome == LATER || outcome == FAILED;
		report(c, due, r, name, outcome, why);
	}
	certstore_due_free(due);
}

/* Are there still names to be done? */
static int
mayissue(const struct call *c)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return !method_stop && now.tv_sec < c->job.deadline &&
	    (c->norders < ORDERS_MAX || !c->job.unattended || c->job.named);
}

/* Why a CA takes no orders: for people only, if that will pass in time. */
static void
reportsession(const struct call *c, const struct session *s)
{
	const char *name = certstore_account_name(s->account);
	const char *why = s->why == NULL ? "an earlier run was told so" :
					   s->why;
	void (*say)(const char *, ...) = cmd_error;
	char line[METHOD_WHY_LEN + 256], until[CERTSTORE_TIME_LEN];

	addname(line, sizeof(line), name, why);
	if (s->refused && s->nwaiting > 1)
		cmd_error("%s (%zu names wait)", line, s->nwaiting);
	else if (s->refused)
		cmd_error("%s", line);
	else {
		if (c->job.unattended && !c->job.named)
			say = cmd_say;
		say("%s: %zu wait until %s: %s", name, s->nwaiting,
		    certstore_time_format(s->until, until), why);
	}
}

/* One line for each CA that takes no orders now. */
static void
reportwaiting(const struct call *c)
{
	const struct session *s;

	for (s = c->job.sessions; s != NULL; s = s->next)
		if (s->nwaiting > 0)
			reportsession(c, s);
}

int
main(int argc, char *argv[])
{
	static char letters[] = "+:" CMD_OPTIONS "A:e:fK:l:m:nP:S:s:T:t:uvW:xy";
	struct call c = { 0 };
	struct cmd_operands ops = { 0 };
	struct session *session;
	const char *renewal;
	char **assignments, msg[METHOD_WHY_LEN], **names;
	int ch;
	size_t i, n;

	cmd_start(&help, argv);
	cmd_nocore();
	setlimit(&c, "3600");
	while ((ch = getopt(argc, argv, letters)) != -1)
		readoption(&c, ch, optarg);
	if (c.keyfile != NULL)
		readkey(&c);
	if ((renewal = getenv(CMD_RENEWAL)) != NULL) {
		c.job.unattended = 1;
		c.job.named = strcmp(renewal, "named") == 0;
	}
	assignments = cmd_assignments(argv + optind);
	cmd_operands_start(&ops, argv + optind - 1);
	c.job.store = cmd_openwriter(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	names = cmd_operands_all(&ops, &n);
	n = cmd_operands_unique(names, n);
	if (n > 1 && (c.describes || *assignments != NULL))
		cmd_die("options and properties that describe an entry are for "
			"one name");
	keepoptions(&c, assignments);
	catchsignals();
	if (c.job.account != NULL && n > 0) {
		session = session_find(&c.job, c.job.account, msg, sizeof(msg));
		if (session == NULL)
			cmd_die("%s", msg);
		if (session->acme == NULL)
			cmd_die("%s", session->why);
		c.job.account = certstore_account_name(session->account);
		change(&c, "acme", CERTSTORE_SET_REPLACE, c.job.account);
	}
	for (i = 0; i < n && mayissue(&c); i++)
		issueone(&c, names[i]);
	if (i < n && !method_stop)
		cmd_say("%zu more are due: the next run continues", n - i);
	if (method_stop)
		cmd_error("interrupted: what was set up is undone");
	reportwaiting(&c);
	if (c.nchanged == 0 && c.mustchange)
		cmd_no();
	session_end(&c.job);
	cmd_operands_free(names);
	certstore_set_free(c.job.props);
	certstore_template_free(c.job.tmpl);
	certstore_close(c.job.store);
	return cmd_end();
}
