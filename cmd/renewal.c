/*
 * renewal.c: what cert-renew does, but for the renewal itself, which needs
 * libcrypto: that function is an argument.  Without it the same command with it
 * is run when something is due, which is rare.
 */
#include <sys/utsname.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

#define WORKER "renew-due"
#define CRL "@crl/"
#define CLOCK_MIN 20 /* entries, of which not half have expired */

static const struct cmd_opt opts[] = {
	{ 'e', "within", "renew what expires within 30d, 1/3, a date" },
	{ 'f', NULL, "renew also what is not due, held or waits" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'n', NULL, "print when entries are due and why, renew nothing" },
	{ 'p', "file", "passphrase file for the key of a CA" },
	{ 'v', NULL, "report also what is not renewed, and why" },
	{ 'W', "seconds", "begin no renewal after so many seconds: 3600" },
	{ 'w', "time", "what is due at this time" },
	{ 'x', NULL, "exit 1 if nothing was renewed" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-renew",
	.operands = "[name ...]",
	.opts = opts,
};

struct renew {
	const struct cmd_renewer *renewer; /* NULL: run the worker */
	char **argv;
	struct certstore *store;
	struct certstore_due *due;
	struct certstore_passphrase pass;
	const char *passfile;
	int force, named, table, json, verbose, mustchange;
	int64_t when; /* -w */
	time_t limit; /* -W */
	struct cmd_orders orders;
	char *host; /* that is to renew, or NULL: this one */
	size_t nrenewed, ncrl, left;
};

/* The name of a state, as in the output. */
static const char *
statename(const struct certstore_renewal *r)
{
	static const char *const names[] = { [CERTSTORE_DUE_LATER] = "later",
		[CERTSTORE_DUE_NOW] = "due",
		[CERTSTORE_DUE_WAITING] = "failed",
		[CERTSTORE_DUE_HELD] = "held",
		[CERTSTORE_DUE_NEVER] = "never" };

	return names[r->state];
}

static const char *
formattime(int64_t when, char buf[CERTSTORE_TIME_LEN])
{
	return when == 0 ? "-" : certstore_time_format(when, buf);
}

static void
addtime(struct cmd_text *t, const char *key, int64_t when)
{
	char buf[CERTSTORE_TIME_LEN];

	cmd_text_adds(t, ",");
	cmd_json_string(t, key);
	cmd_text_adds(t, ":");
	cmd_json_string(t, when == 0 ? NULL : certstore_time_format(when, buf));
}

static void
putjson(const struct certstore_renewal *r)
{
	struct cmd_text t = { NULL, 0, 0 };
	char failed[32];

	cmd_text_adds(&t, "{\"name\":");
	cmd_json_string(&t, r->name);
	cmd_text_adds(&t, ",\"state\":");
	cmd_json_string(&t, statename(r));
	addtime(&t, "ends", r->ends);
	addtime(&t, "due", r->due);
	addtime(&t, "next", r->next);
	cmd_text_adds(&t, ",\"why\":");
	cmd_json_string(&t, r->why);
	snprintf(failed, sizeof(failed), ",\"failed\":%u", r->failed);
	cmd_text_adds(&t, failed);
	addtime(&t, "since", r->since);
	cmd_text_adds(&t, ",\"error\":");
	cmd_json_string(&t, r->text);
	cmd_text_adds(&t, "}\n");
	fwrite(t.p, 1, t.len, stdout);
	cmd_text_free(&t);
}

/* A line of the table; with -v what went wrong, too. */
static void
putrow(const struct renew *rn, const struct certstore_renewal *r)
{
	char ends[CERTSTORE_TIME_LEN], due[CERTSTORE_TIME_LEN];
	char next[CERTSTORE_TIME_LEN], why[512];

	if (rn->json) {
		putjson(r);
		return;
	}
	printf("%s\t%s\t%s\t%s\t%s\t%s\n", r->name, statename(r),
	    formattime(r->ends, ends), formattime(r->due, due),
	    formattime(r->next, next), cmd_clean(r->why, why, sizeof(why)));
	if (rn->verbose && r->text != NULL)
		cmd_say("%s: failed %u times since %s: %s", r->name, r->failed,
		    formattime(r->since, due), r->text);
}

/* A CRL as a renewal: its name is "@crl/" and that of the CA. */
struct crlrow {
	struct certstore_renewal r;
	char name[256];
};

static void
setcrlrow(struct crlrow *row, const struct certstore_crl *crl, int64_t when)
{
	int64_t left = crl->ends - certstore_time_now();

	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), CRL "%s", crl->name);
	row->r.name = row->name;
	row->r.ends = crl->ends;
	row->r.due = row->r.next = crl->due;
	row->r.why = crl->why;
	row->r.state = crl->due == 0 ? CERTSTORE_DUE_NEVER :
	    crl->due <= when	     ? CERTSTORE_DUE_NOW :
				       CERTSTORE_DUE_LATER;
	row->r.late = crl->unpublished > 0 ||
	    left < (crl->ends - crl->starts) / 6;
}

/* Calls fn for each CRL, if no entry was named. */
static void
eachcrl(struct renew *rn,
    void (*fn)(struct renew *, const struct certstore_renewal *))
{
	const struct certstore_crl *crl;
	struct certstore_crls *crls;
	struct certstore_error err;
	struct crlrow row;
	int rv;

	if (rn->named)
		return;
	if ((crls = certstore_crls_new(rn->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_crls_next(crls, &crl, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			continue;
		}
		setcrlrow(&row, crl,
		    rn->when == CERTSTORE_NOW ? certstore_time_now() :
						rn->when);
		fn(rn, &row.r);
	}
	certstore_crls_free(crls);
}

static void
countcrl(struct renew *rn, const struct certstore_renewal *r)
{
	rn->ncrl += r->state == CERTSTORE_DUE_NOW;
}

static void
putcrl(struct renew *rn, const struct certstore_renewal *r)
{
	countcrl(rn, r);
	if (!cmd_quiet && (rn->verbose || r->state != CERTSTORE_DUE_NEVER))
		putrow(rn, r);
}

static void
printtable(struct renew *rn)
{
	const struct certstore_renewal *r;
	struct certstore_error err;
	size_t n = 0;
	int rv;

	while ((rv = certstore_due_next(rn->due, &r, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			continue;
		}
		n += r->state == CERTSTORE_DUE_NOW;
		if (!cmd_quiet &&
		    (rn->named || rn->verbose ||
			r->state != CERTSTORE_DUE_NEVER))
			putrow(rn, r);
	}
	eachcrl(rn, putcrl);
	if (n + rn->ncrl == 0 && rn->mustchange)
		cmd_no();
}

/*
 * What is said of an entry that is not renewed.  An error if it was named and
 * something prevents it.
 */
static void
explain(const struct renew *rn, const struct certstore_renewal *r)
{
	char next[CERTSTORE_TIME_LEN], why[512];
	void (*say)(const char *, ...) = cmd_say;

	cmd_clean(r->why, why, sizeof(why));
	formattime(r->next, next);
	if (rn->named &&
	    (r->state == CERTSTORE_DUE_HELD || r->state == CERTSTORE_DUE_NEVER))
		say = cmd_error;
	else if (!rn->named && !rn->verbose)
		return;
	switch (r->state) {
	case CERTSTORE_DUE_LATER:
		say("%s: is not due before %s: use -f to renew it now", r->name,
		    next);
		break;
	case CERTSTORE_DUE_WAITING:
		say("%s: failed %u times, next try %s: %s", r->name, r->failed,
		    next, r->text);
		break;
	case CERTSTORE_DUE_HELD:
		/* without a time a new certificate is held, see cert-acme */
		if (r->next == 0)
			say("%s: %s: use -f to take it", r->name, why);
		else
			say("%s: %s: not renewed before %s: use -f, or remove "
			    "its property hold",
			    r->name, why, next);
		break;
	default:
		say("%s: is not renewed: %s", r->name, why);
		break;
	}
}

/* Is it to be renewed in this run? */
static int
isdue(const struct renew *rn, const struct certstore_renewal *r)
{
	switch (r->state) {
	case CERTSTORE_DUE_NOW:
		return 1;
	case CERTSTORE_DUE_WAITING:
		return rn->named || rn->force;
	case CERTSTORE_DUE_LATER:
		if (rn->force)
			return rn->named;
		/* the CA is to be asked when it wants a renewal */
		return r->acme != NULL && r->next < r->due &&
		    r->next <= certstore_time_now();
	case CERTSTORE_DUE_HELD:
		return rn->named && rn->force;
	default:
		return 0;
	}
}

static void
printrenewed(void *arg, const char *name)
{
	struct renew *rn = arg;
	struct cmd_text t = { NULL, 0, 0 };

	rn->nrenewed++;
	if (cmd_quiet)
		return;
	if (rn->json) {
		cmd_text_adds(&t, "{\"name\":");
		cmd_json_string(&t, name);
		cmd_text_adds(&t, "}\n");
		fwrite(t.p, 1, t.len, stdout);
		cmd_text_free(&t);
	} else
		printf("%s\n", name);
}

static int
cancontinue(const struct renew *rn)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return rn->limit == 0 || now.tv_sec < rn->limit;
}

/* Does a certificate that was due a quarter of the usual time ago prove that
 * the host that is to renew it does not? */
static int
isoverdue(const struct certstore_renewal *r)
{
	return r->failed == 0 &&
	    certstore_time_now() - r->due > (r->ends - r->due) / 4;
}

/*
 * Renews an entry, or leaves it to cert-acme, which comes last: it may take
 * long.
 */
static void
renewone(struct renew *rn, const struct certstore_renewal *r)
{
	int flags = rn->force ? CERTSTORE_RENEW_FORCE : 0, rv = 0;
	struct certstore_error err = { 0 };

	if (r->acme != NULL && rn->force)
		rv = rn->renewer->take(rn->store, r->name, &err);
	if (rv == 1)
		printrenewed(rn, r->name);
	else if (rv == 0 && r->acme != NULL)
		cmd_orders_add(&rn->orders, r->acme, r->name);
	else if (rv == 0)
		rv = rn->renewer->renew(rn->store, r->name, r->fingerprint,
		    &rn->pass, flags, printrenewed, rn, &err);
	/* of another user: nothing can be renewed, and nothing counted there */
	if (rv == -1 && err.code == CERTSTORE_EUNSAFE)
		cmd_die("%s", err.msg);
	if (rv == -1)
		cmd_attempt_failed(rn->due, r, err.msg, rn->named);
	else if (r->acme == NULL || rv == 1) {
		certstore_due_renewed(rn->due, r->name);
		cmd_flush();
	}
}

static void
printcrl(void *arg, const struct certstore_crl *crl)
{
	struct crlrow row;

	setcrlrow(&row, crl, crl->starts);
	printrenewed(arg, row.name);
	cmd_flush();
}

/* Makes a CRL that is due.  It is an error if it cannot be made and lacks
 * revocations, or soon expires; else people are told of it. */
static void
renewcrl(struct renew *rn, const struct certstore_renewal *r)
{
	char ends[CERTSTORE_TIME_LEN];
	struct certstore_error err;

	if (r->state == CERTSTORE_DUE_LATER) {
		if (rn->verbose)
			cmd_say(
			    "%s: is not due before %s: use cert-crl to make "
			    "it now",
			    r->name, formattime(r->due, ends));
	} else if (r->state == CERTSTORE_DUE_NEVER) {
		explain(rn, r);
	} else if (rn->host != NULL) {
		if (isoverdue(r))
			cmd_error("%s: is due, and was not made by %s, which "
				  "renewhost of @store names",
			    r->name, rn->host);
		else if (rn->verbose)
			cmd_say("%s: is due: made by %s", r->name, rn->host);
	} else if (!cancontinue(rn)) {
		rn->left++;
	} else if (rn->renewer != NULL &&
	    rn->renewer->publish(rn->store, r->name + strlen(CRL), NULL,
		&rn->pass, 0, printcrl, rn, &err) == -1) {
		(r->late ? cmd_error : cmd_say)("%s: %s; next update %s",
		    r->name, err.msg,
		    r->ends == 0 ? "there is no CRL yet" :
				   certstore_time_format(r->ends, ends));
	}
}

static void
runorders(struct renew *rn)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	rn->orders.store = certstore_path(rn->store);
	rn->orders.force = rn->force;
	rn->orders.named = rn->named;
	rn->orders.verbose = rn->verbose;
	rn->orders.seconds = now.tv_sec < rn->limit ? rn->limit - now.tv_sec :
						      1;
	cmd_orders_run(&rn->orders, printrenewed, rn);
}

/* Renews all that are due, or with a host that has to, says so. */
static void
renewall(struct renew *rn)
{
	const struct certstore_renewal *r;
	const char *host = rn->host;
	struct certstore_error err;

	/* countdue() has read them all */
	while (certstore_due_next(rn->due, &r, &err) == 1) {
		if (!isdue(rn, r)) {
			explain(rn, r);
		} else if (host != NULL) {
			if (isoverdue(r))
				cmd_error("%s: is due, and was not renewed by "
					  "%s, which renewhost of @store names",
				    r->name, host);
			else if (rn->verbose)
				cmd_say("%s: is due: renewed by %s", r->name,
				    host);
		} else if (!cancontinue(rn)) {
			rn->left++;
		} else
			renewone(rn, r);
	}
	eachcrl(rn, renewcrl);
	if (rn->orders.n > 0)
		runorders(rn);
	if (rn->left > 0)
		cmd_say("%zu more are due: the next run continues", rn->left);
	if (rn->nrenewed == 0 && rn->mustchange)
		cmd_no();
}

/* How many are to be renewed; dies if that is because the clock is wrong. */
static size_t
countdue(struct renew *rn)
{
	const struct certstore_renewal *r;
	struct certstore_error err;
	char now[CERTSTORE_TIME_LEN];
	size_t expired = 0, n = 0;
	int rv;

	while ((rv = certstore_due_next(rn->due, &r, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
		} else if (isdue(rn, r)) {
			n++;
			expired += r->ends < certstore_time_now();
		}
	}
	if (n > CLOCK_MIN && expired > n / 2 && !rn->force)
		cmd_die("%zu of the %zu certificates that are due have "
			"expired at %s: is the clock right? use -f to renew "
			"them",
		    expired, n,
		    certstore_time_format(certstore_time_now(), now));
	eachcrl(rn, countcrl);
	return n + rn->ncrl;
}

/* The host that is to renew, malloc'ed, or NULL if this one is. */
static char *
findhost(struct certstore *store)
{
	struct certstore_error err;
	struct certstore_props *props;
	const char *prop, *value;
	struct utsname name;
	char *host = NULL;

	if ((props = certstore_props_read(store, "@store", &err)) == NULL)
		cmd_die("%s", err.msg);
	while (host == NULL &&
	    certstore_props_next(props, &prop, &value, &err) == 1)
		if (strcmp(prop, "renewhost") == 0 && uname(&name) == 0 &&
		    strcmp(value, name.nodename) != 0 &&
		    (host = strdup(value)) == NULL)
			cmd_die("%s", strerror(errno));
	certstore_props_free(props);
	return host;
}

static void
runworker(char **argv)
{
	char path[CMD_WORKER_LEN];

	cmd_flush();
	if (cmd_worker_find(WORKER, path) == 0)
		execv(path, argv);
	cmd_die("%s: %s: install certstore again", path, strerror(errno));
}

/* That of -p; without, the terminal is asked if entries were named. */
static void
takepassphrase(struct renew *rn)
{
	static struct cmd_secret secret;

	if (rn->passfile == NULL) {
		rn->pass.get = rn->named ? cmd_secret_ask : NULL;
		return;
	}
	cmd_nocore();
	cmd_secret_read(&secret, rn->passfile, "-p");
	rn->pass.get = cmd_secret_get;
	rn->pass.arg = &secret;
}

static void
startlimit(struct renew *rn, const char *arg)
{
	unsigned int seconds = cmd_seconds(arg, 1, INT_MAX);

	rn->limit = (time_t)(cmd_clock() / 1000 + seconds);
}

int
cmd_renewal(int argc, char **argv, const struct cmd_renewer *renewer)
{
	struct renew rn = { .renewer = renewer,
		.argv = argv,
		.when = CERTSTORE_NOW };
	struct cmd_operands ops = { 0 };
	struct certstore_span within;
	struct certstore_error err;
	const char *limit = "3600", *name;
	int ch, haswithin = 0;

	cmd_start(&help, argv);
	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "e:fjnp:vW:w:x")) != -1) {
		switch (ch) {
		case 'e':
			if (certstore_span_parse(optarg, &within, &err) == -1)
				cmd_die("-e: %s", err.msg);
			haswithin = 1;
			rn.orders.within = optarg;
			break;
		case 'f':
			rn.force = 1;
			break;
		case 'j':
			rn.json = 1;
			break;
		case 'n':
			rn.table = 1;
			break;
		case 'p':
			rn.passfile = optarg;
			break;
		case 'v':
			rn.verbose = 1;
			break;
		case 'W':
			limit = optarg;
			break;
		case 'w':
			if (certstore_time_parse(optarg, &rn.when, &err) == -1)
				cmd_die("-w: %s", err.msg);
			break;
		case 'x':
			rn.mustchange = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	startlimit(&rn, limit);
	rn.named = optind < argc;
	/* before names are read, which may be on stdin */
	if (renewer == NULL && rn.named && !rn.table)
		runworker(argv);
	cmd_operands_start(&ops, argv + optind);
	rn.store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	rn.due = certstore_due_new(rn.store, rn.when, &err);
	if (rn.due == NULL ||
	    (haswithin &&
		certstore_due_set_within(rn.due, &within, &err) == -1))
		cmd_die("%s", err.msg);
	while ((name = cmd_operand(&ops)) != NULL)
		if (certstore_due_add(rn.due, name, &err) == -1)
			cmd_operand_failed(&ops, name, &err);
	if (!rn.named && (rn.table || rn.verbose) &&
	    certstore_due_add_all(rn.due, &err) == -1)
		cmd_die("%s", err.msg);
	if (rn.table) {
		printtable(&rn);
	} else {
		if (countdue(&rn) > 0 &&
		    (rn.host = findhost(rn.store)) == NULL) {
			if (renewer == NULL)
				runworker(argv);
			takepassphrase(&rn);
		}
		renewall(&rn);
	}
	free(rn.host);
	certstore_due_free(rn.due);
	certstore_close(rn.store);
	return cmd_end();
}
