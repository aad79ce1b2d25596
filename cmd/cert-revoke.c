/*
 * cert-revoke: takes back what CAs of the store have signed, and makes their
 * CRLs; what others have signed is for acme-revoke, which is run for it.
 */
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cmd.h"
#include "system.h"

static const struct cmd_opt opts[] = {
	{ 'A', "ca", "the CA that has signed it, for serial numbers" },
	{ 'f', NULL, "also what is protected" },
	{ 'i', "file", "revoke the certificate in this file, or \"-\"" },
	{ 'K', "key", "ACME: sign with the certificate's key in this file" },
	{ 'n', NULL, "print what would be revoked, revoke nothing" },
	{ 'p', "file", "passphrase file for the key of a CA" },
	{ 'q', NULL, "print errors only" },
	{ 'w', "time", "when it was revoked, if not now" },
	{ 'x', NULL, "exit 1 if all were revoked before" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-revoke",
	.operands = "name ... [reason=WORD]",
	.opts = opts,
};

#define HOLD "certificateHold"

struct call {
	struct certstore *store;
	const char *ca, *certfile, *keyfile, *reason;
	struct certstore_passphrase pass;
	struct cmd_input in; /* of -i */
	int force, dryrun, mustchange, haswhen;
	int held; /* the reason is one that only others know */
	int64_t when;
	struct certstore_revoke *own;
	struct cmd_text foreign; /* names for acme-revoke, each ended by NUL */
	size_t nforeign, made;
};

static struct certstore_error err;

static void
setassignment(struct call *c, char *assignment)
{
	enum certstore_set_how how;
	const char *value = cmd_assignment(assignment, &how);
	char clean[128];

	if (strcmp(assignment, "reason") != 0 || how != CERTSTORE_SET_REPLACE)
		cmd_die("%s: is not known: use reason=WORD",
		    cmd_clean(assignment, clean, sizeof(clean)));
	c->reason = value;
}

static void
openown(struct call *c)
{
	if ((c->own = certstore_revoke_new(c->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	if (c->force)
		certstore_revoke_set_force(c->own);
	if (c->dryrun)
		certstore_revoke_set_dryrun(c->own);
	if ((c->ca != NULL &&
		certstore_revoke_set_ca(c->own, c->ca, &err) == -1) ||
	    (c->haswhen &&
		certstore_revoke_set_time(c->own, c->when, &err) == -1))
		cmd_die("%s", err.msg);
}

/* A CA elsewhere may know one that ours do not. */
static void
setreason(struct call *c)
{
	char clean[128];

	if (c->reason == NULL ||
	    certstore_revoke_set_reason(c->own, c->reason, &err) == 0)
		return;
	if (strcasecmp(c->reason, HOLD) != 0 || c->ca != NULL)
		cmd_die("reason=%s%s",
		    cmd_clean(c->reason, clean, sizeof(clean)),
		    strchr(err.msg, ':'));
	c->held = 1;
}

static void
checkhold(const struct call *c, const char *name)
{
	if (c->held)
		cmd_die("%s: a CA of the store revokes for good: use another "
			"reason than " HOLD,
		    name);
}

static void
leaveforeign(struct call *c, const char *name)
{
	cmd_text_add(&c->foreign, name, strlen(name) + 1);
	c->nforeign++;
}

static void
addname(struct call *c, const struct cmd_operands *ops, const char *name)
{
	switch (certstore_revoke_add(c->own, name, &err)) {
	case 1:
		checkhold(c, name);
		break;
	case 0:
		leaveforeign(c, name);
		break;
	default:
		cmd_operand_failed(ops, name, &err);
		break;
	}
}

/* The certificate in a file; one of an ACME CA is revoked for an entry, whose
 * account is used. */
static void
addfile(struct call *c, char **names, size_t n)
{
	if (n > 1)
		cmd_die("-i and -K are for one name");
	switch (certstore_revoke_add_cert(c->own, c->in.label, c->in.data,
	    c->in.len, &err)) {
	case 1:
		checkhold(c, c->in.label);
		break;
	case 0:
		if (n == 0)
			cmd_die("%s: no CA of the store has signed this "
				"certificate: add the name of an entry whose "
				"ACME account is to revoke it",
			    c->in.label);
		leaveforeign(c, names[0]);
		break;
	default:
		cmd_die("%s", err.msg);
	}
}

/* Makes the CRL of each CA once. */
static void
publishcrls(struct call *c)
{
	const struct certstore_revocation *r;
	struct cmd_text done = { NULL, 0, 0 };
	size_t at;

	while (certstore_revoke_next(c->own, &r) == 1) {
		if (r->ca == NULL) {
			cmd_error("%s: recorded, not published: its CA is not "
				  "in the store",
			    r->name);
			continue;
		}
		for (at = 0; at < done.len; at += strlen(done.p + at) + 1)
			if (strcmp(done.p + at, r->ca) == 0)
				break;
		if (at < done.len)
			continue;
		cmd_text_add(&done, r->ca, strlen(r->ca) + 1);
		if (certstore_crl_publish(c->store, r->ca, NULL, &c->pass, 0,
			NULL, NULL, &err) == -1)
			cmd_error("%s: recorded, not published: %s: use "
				  "cert-crl %s",
			    r->ca, err.msg, r->ca);
	}
	cmd_text_free(&done);
}

static void
printrevoked(const struct call *c)
{
	const struct certstore_revocation *r;

	while (certstore_revoke_next(c->own, &r) == 1) {
		if (r->before)
			cmd_say("%s: was revoked before", r->name);
		if (r->below > 0)
			cmd_say("%s: is a CA: %zu certificate%s that it has "
				"signed %s refused with it",
			    r->name, r->below, r->below == 1 ? "" : "s",
			    r->below == 1 ? "is" : "are");
		if (!cmd_quiet)
			printf("%s\n", r->name);
	}
	cmd_flush();
}

/* All that CAs of the store have signed, in one step. */
static void
revokeown(struct call *c)
{
	int made;

	if ((made = certstore_revoke_commit(c->own, &err)) == -1) {
		cmd_error("%s", err.msg);
		return;
	}
	c->made += (size_t)made;
	printrevoked(c);
	if (!c->dryrun)
		publishcrls(c);
}

/* In the child: the file of -i was read, and is given again. */
static void
execforeign(struct call *c)
{
	char path[CMD_WORKER_LEN], **argv, reason[64];
	size_t at, n = 0;
	int fd;

	argv = calloc(c->nforeign + 16, sizeof(*argv));
	if (argv == NULL)
		cmd_die("%s", strerror(errno));
	if (cmd_worker_find("acme-revoke", path) == -1)
		cmd_die("acme-revoke: %s: install it, on Debian with "
			"certstore-acme",
		    strerror(errno));
	argv[n++] = (char *)(uintptr_t) "cert-revoke";
	if (c->force)
		argv[n++] = (char *)(uintptr_t) "-f";
	if (c->dryrun)
		argv[n++] = (char *)(uintptr_t) "-n";
	if (cmd_quiet)
		argv[n++] = (char *)(uintptr_t) "-q";
	if (c->certfile != NULL) {
		if ((fd = memfd_create("certificate", 0)) == -1 ||
		    write(fd, c->in.data, c->in.len) != (ssize_t)c->in.len ||
		    lseek(fd, 0, SEEK_SET) == -1 || dup2(fd, 0) == -1)
			cmd_die("%s: %s", c->in.label, strerror(errno));
		argv[n++] = (char *)(uintptr_t) "-i";
		argv[n++] = (char *)(uintptr_t) "-";
	}
	if (c->keyfile != NULL) {
		argv[n++] = (char *)(uintptr_t) "-K";
		argv[n++] = (char *)(uintptr_t)c->keyfile;
	}
	argv[n++] = (char *)(uintptr_t) "-d";
	argv[n++] = (char *)(uintptr_t)certstore_path(c->store);
	for (at = 0; at < c->foreign.len; at += strlen(c->foreign.p + at) + 1)
		argv[n++] = c->foreign.p + at;
	if (c->reason != NULL) {
		snprintf(reason, sizeof(reason), "reason=%.50s", c->reason);
		argv[n++] = reason;
	}
	execv(path, argv);
	cmd_die("acme-revoke: %s", strerror(errno));
}

/* What no CA of the store has signed. */
static void
revokeforeign(struct call *c)
{
	int status;
	pid_t pid;

	if (c->nforeign == 0)
		return;
	if (c->haswhen)
		cmd_die("-w: an ACME CA sets the time itself");
	cmd_flush();
	if ((pid = fork()) == -1)
		cmd_die("acme-revoke: %s", strerror(errno));
	if (pid == 0)
		execforeign(c);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		cmd_error("acme-revoke: killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		cmd_failed();
	else
		c->made += c->nforeign;
}

/* The operands before the assignments, which with -i may be none. */
static char **
splitoperands(const struct call *c, char **operands)
{
	if (c->certfile != NULL &&
	    (*operands == NULL || strchr(*operands, '=') != NULL))
		return operands;
	return cmd_assignments(operands);
}

int
main(int argc, char *argv[])
{
	struct call c = { 0 };
	struct cmd_operands ops = { 0 };
	const char *passfile = NULL;
	char **assignments, **names = NULL;
	size_t i, n = 0;
	int ch;

	cmd_start(&help, argv);
	cmd_nocore();
	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "A:fi:K:np:w:x")) != -1) {
		switch (ch) {
		case 'A':
			c.ca = optarg;
			break;
		case 'f':
			c.force = 1;
			break;
		case 'i':
			c.certfile = optarg;
			break;
		case 'K':
			c.keyfile = optarg;
			break;
		case 'n':
			c.dryrun = 1;
			break;
		case 'p':
			passfile = optarg;
			break;
		case 'w':
			if (certstore_time_parse(optarg, &c.when, &err) == -1)
				cmd_die("-w %s", err.msg);
			c.haswhen = 1;
			break;
		case 'x':
			c.mustchange = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	assignments = splitoperands(&c, argv + optind);
	n = assignments == argv + optind ? 0 : 1;
	for (; *assignments != NULL; assignments++)
		setassignment(&c, *assignments);
	if (c.certfile != NULL && cmd_input(c.certfile, "-i", &c.in) == -1)
		return cmd_end();
	c.pass = cmd_secret_passphrase(passfile);
	if (n != 0)
		cmd_operands_start(&ops, argv + optind - 1);
	c.store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	if (c.ca != NULL)
		cmd_confine(c.store, NULL, 0);
	if (n != 0) {
		names = cmd_operands_all(&ops, &n);
		n = cmd_operands_unique(names, n);
	}
	openown(&c);
	setreason(&c);
	if (c.certfile != NULL)
		addfile(&c, names, n);
	else
		for (i = 0; i < n; i++)
			addname(&c, &ops, names[i]);
	if (c.nforeign == 0 && c.keyfile != NULL)
		cmd_die("-K: a CA of the store needs no key to revoke what it "
			"has signed");
	if (c.nforeign == 0 && c.ca == NULL)
		cmd_confine(c.store, NULL, 0);
	revokeown(&c);
	revokeforeign(&c);
	if (c.made == 0 && c.mustchange)
		cmd_no();
	certstore_revoke_free(c.own);
	cmd_text_free(&c.foreign);
	if (names != NULL)
		cmd_operands_free(names);
	cmd_input_wipe();
	certstore_close(c.store);
	return cmd_end();
}
