/*
 * cert-deploy: tells those who use an entry that it changed: by a hook, or by a
 * reload of a systemd unit, until they have been told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define SECONDS_MAX 86400
#define WHAT 1024		      /* why a delivery failed, bytes */
#define SYSTEMD "/run/systemd/system" /* sd_booted(3) */

static const struct cmd_opt opts[] = {
	{ 'f', NULL, "deliver also what was delivered, and do not wait" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'n', NULL, "print what is pending, and run nothing" },
	{ 'v', NULL, "print what is run" },
	{ 'W', "seconds", "let a hook run so long; 300 by default" },
	{ 'x', NULL, "exit 1 if nothing was pending" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-deploy",
	.operands = "[name ...]",
	.opts = opts,
};

struct delivery {
	struct certstore *store;
	struct certstore_deploy *deploy;
	const char *user;
	int dryrun, json, verbose;
	int now; /* also what waits after a failure */
	unsigned int seconds;
	struct cmd_hook hook;
	char *file; /* where the hook was found */
};

/* Names of those changes that have a verb; NULL: each change. */
static void
addchanges(const struct delivery *d, struct cmd_text *t, const char *only,
    const char *between, size_t max)
{
	const char *name, *verb, *why;
	size_t i, n = 0, more = 0;
	char count[32];

	for (i = 0; certstore_deploy_change(d->deploy, i, &name, &verb, &why);
	     i++) {
		if (only != NULL && strcmp(verb, only) != 0)
			continue;
		if (n == max) {
			more++;
			continue;
		}
		cmd_text_adds(t, n++ > 0 ? between : "");
		cmd_text_adds(t, name);
	}
	if (more > 0) {
		snprintf(count, sizeof(count), " and %zu more", more);
		cmd_text_adds(t, count);
	}
}

static int
hasverb(const struct delivery *d, const char *only)
{
	const char *name, *verb, *why;
	size_t i;

	for (i = 0; certstore_deploy_change(d->deploy, i, &name, &verb, &why);
	     i++)
		if (strcmp(verb, only) == 0)
			return 1;
	return 0;
}

static void
addtimemember(struct cmd_text *t, const char *key, int is, int64_t when)
{
	char line[3 * CERTSTORE_TIME_LEN], text[CERTSTORE_TIME_LEN];

	if (is)
		snprintf(line, sizeof(line), ",\"%s\":\"%s\",\"%s_epoch\":%lld",
		    key, certstore_time_format(when, text), key,
		    (long long)when);
	else
		snprintf(line, sizeof(line), ",\"%s\":null,\"%s_epoch\":null",
		    key, key);
	cmd_text_adds(t, line);
}

static void
addobject(const struct delivery *d, struct cmd_text *t, const char *name,
    const char *verb, const char *why)
{
	const char *text;
	char number[32];
	int64_t next, since;
	unsigned int times;
	int failed;

	failed = certstore_deploy_failure(d->deploy, &text, &times, &since,
	    &next);
	cmd_text_adds(t, "{\"name\":");
	cmd_json_string(t, name);
	cmd_text_adds(t, ",\"user\":");
	cmd_json_string(t, d->user);
	cmd_text_adds(t, ",\"verb\":");
	cmd_json_string(t, verb);
	cmd_text_adds(t, ",\"why\":");
	cmd_json_string(t, why);
	snprintf(number, sizeof(number), ",\"failed\":%u", times);
	cmd_text_adds(t, number);
	addtimemember(t, "since", failed, since);
	addtimemember(t, "next", failed, next);
	cmd_text_adds(t, ",\"text\":");
	cmd_json_string(t, failed ? text : NULL);
	cmd_text_adds(t, "}\n");
}

/* A line for each change that has a verb; NULL: each change. */
static void
printchanges(const struct delivery *d, const char *only)
{
	const char *name, *verb, *why;
	struct cmd_text t = { NULL, 0, 0 };
	size_t i;

	for (i = 0; !cmd_quiet &&
	     certstore_deploy_change(d->deploy, i, &name, &verb, &why);
	     i++) {
		if (only != NULL && strcmp(verb, only) != 0)
			continue;
		if (d->json) {
			addobject(d, &t, name, verb, why);
			continue;
		}
		cmd_text_clean(&t, name);
		cmd_text_adds(&t, "\t");
		cmd_text_clean(&t, d->user);
		cmd_text_adds(&t, "\t");
		cmd_text_adds(&t, verb);
		cmd_text_adds(&t, "\t");
		cmd_text_adds(&t, why);
		cmd_text_adds(&t, "\n");
	}
	if (t.len > 0 && fwrite(t.p, 1, t.len, stdout) != t.len)
		cmd_lost();
	cmd_text_free(&t);
}

/* Runs the open program: 0, or -1 and why; its output is kept. */
static int
runprogram(struct delivery *d, char **argv, const char *input)
{
	struct cmd_text t = { NULL, 0, 0 };
	size_t i;
	int rv;

	d->hook.store = certstore_path(d->store);
	d->hook.user = d->user;
	if (d->verbose) {
		for (i = 0; argv[i] != NULL; i++) {
			cmd_text_adds(&t, i > 0 ? " " : "");
			cmd_text_word(&t, argv[i]);
		}
		cmd_say("%s: running %s", d->user, t.p);
		cmd_text_free(&t);
	}
	rv = cmd_hook_run(&d->hook, argv, input, d->seconds);
	if (d->hook.interrupted != 0)
		cmd_die("%s: interrupted: run it again", d->user);
	return rv;
}

/* The changes with a verb are delivered, and cannot be lost any more. */
static int
keepdelivered(struct delivery *d, const char *verb)
{
	struct certstore_error err;

	if (certstore_deploy_delivered(d->deploy, verb, &err) == -1) {
		cmd_error("%s: was told, but this cannot be kept: %s", d->user,
		    err.msg);
		return -1;
	}
	printchanges(d, verb);
	return 0;
}

/*
 * Does a server that was told still send an earlier certificate of an entry that
 * changed?  1 and which one, or 0.
 */
static int
isnottaken(struct delivery *d, char *what, size_t size)
{
	const char *name, *verb, *why, **names;
	size_t i, n = 0;
	int rv;

	for (i = 0; certstore_deploy_change(d->deploy, i, &name, &verb, &why);
	     i++)
		;
	if ((names = reallocarray(NULL, i + 1, sizeof(*names))) == NULL)
		cmd_die("no memory left");
	for (i = 0; certstore_deploy_change(d->deploy, i, &name, &verb, &why);
	     i++)
		if (strcmp(verb, "changed") == 0)
			names[n++] = name;
	rv = cmd_taken_not(d->store, names, n, d->seconds, what, size);
	free(names);
	return rv;
}

/* What failed is tried again; says when. */
static void
keepfailed(struct delivery *d, const char *what)
{
	char from[CERTSTORE_TIME_LEN], again[CERTSTORE_TIME_LEN], times[96];
	struct cmd_text t = { NULL, 0, 0 };
	struct certstore_error err;
	int64_t next, since;
	const char *text;
	unsigned int n;

	if (certstore_deploy_failed(d->deploy, what, &err) == -1)
		cmd_error("%s", err.msg);
	certstore_deploy_failure(d->deploy, &text, &n, &since, &next);
	times[0] = '\0';
	if (n > 1)
		snprintf(times, sizeof(times), ", failed %u times since %s", n,
		    certstore_time_format(since, from));
	addchanges(d, &t, NULL, ", ", 5);
	cmd_error("%s: %s: pending: %s; next try %s%s", d->user, what, t.p,
	    certstore_time_format(next, again), times);
	cmd_text_free(&t);
}

/* The hook of the user: 1, 0 there is none, -1 and a message. */
static int
findhook(struct delivery *d)
{
	size_t i;
	int rv = 0;

	for (i = 0; rv == 0; i++) {
		free(d->file);
		d->file = certstore_user_hook(d->store, d->user, i);
		if (d->file == NULL)
			return 0;
		rv = cmd_hook_open(&d->hook, d->file);
	}
	return rv;
}

/* One run for each verb, of which "changed" is the first. */
static void
runhook(struct delivery *d)
{
	static const char *const verbs[] = { "changed", "removed" };
	char verb[16], *argv[3] = { d->file, verb, NULL };
	char what[WHAT];
	struct cmd_text names = { NULL, 0, 0 };
	size_t i;
	int rv = 0;

	for (i = 0; rv == 0 && i < 2; i++) {
		if (!hasverb(d, verbs[i]))
			continue;
		snprintf(verb, sizeof(verb), "%s", verbs[i]);
		names.len = 0;
		addchanges(d, &names, verbs[i], "\n", SIZE_MAX);
		cmd_text_adds(&names, "\n");
		rv = runprogram(d, argv, names.p);
		cmd_hook_print(&d->hook, d->user, rv == -1);
		if (rv == -1) {
			snprintf(what, sizeof(what), "%s %s: %s", d->file, verb,
			    d->hook.why);
			keepfailed(d, what);
		} else if (i == 0 && isnottaken(d, what, sizeof(what))) {
			keepfailed(d, what);
			rv = -1;
		} else
			rv = keepdelivered(d, verb);
	}
	cmd_text_free(&names);
}

/* What systemctl show prints: KEY=VALUE, a line each. */
struct unit {
	char load[32], active[32], reload[8];
};

static void
readunit(struct unit *unit, const char *text)
{
	const char *end;

	memset(unit, 0, sizeof(*unit));
	for (; text != NULL && *text != '\0'; text = end + (*end == '\n')) {
		end = text + strcspn(text, "\n");
		(void)sscanf(text, "LoadState=%31[a-z-]", unit->load);
		(void)sscanf(text, "ActiveState=%31[a-z-]", unit->active);
		(void)sscanf(text, "CanReload=%7[a-z]", unit->reload);
	}
}

static int
opensystemctl(struct delivery *d, char *what, size_t size)
{
	static const char *const files[] = { "/usr/bin/systemctl",
		"/bin/systemctl" };
	const char *offline = getenv("SYSTEMD_OFFLINE");
	int rv = 0;
	size_t i;

	if (access(SYSTEMD, F_OK) == -1 ||
	    (offline != NULL && strcmp(offline, "0") != 0)) {
		snprintf(what, size,
		    "systemd does not run here: add the hook %s/hooks/%s",
		    certstore_path(d->store), d->user);
		return -1;
	}
	for (i = 0; rv == 0 && i < 2; i++)
		rv = cmd_hook_open(&d->hook, files[i]);
	if (rv == 0)
		snprintf(what, size, "there is no %s", files[0]);
	if (rv == -1)
		snprintf(what, size, "%s", d->hook.why);
	return rv == 1 ? 0 : -1;
}

/* What to type for a unit that can only be restarted, as far as it fits. */
static void
addrestart(struct delivery *d, char *what, size_t size, const char *unit)
{
	struct cmd_text t = { NULL, 0, 0 };

	if (!hasverb(d, "changed"))
		return;
	cmd_text_adds(&t, ": to restart it instead, use cert-set");
	cmd_text_store(&t);
	cmd_text_adds(&t, " ");
	addchanges(d, &t, "changed", " ", SIZE_MAX);
	cmd_text_adds(&t, " user-=");
	cmd_text_word(&t, unit);
	cmd_text_adds(&t, " user+=restart:");
	cmd_text_word(&t, unit);
	if (t.len < 400)
		snprintf(what + strlen(what), size - strlen(what), "%s", t.p);
	cmd_text_free(&t);
}

/*
 * Reloads or restarts a unit, once for all changes: 1, 0 it does not run and
 * reads its files when it starts, -1 and why.
 */
static int
runsystemctl(struct delivery *d, const char *unit, int restart, char *what,
    size_t size)
{
	char *name = strdup(unit), *file = d->hook.path;
	char show[] = "show", property[] = "-pLoadState,ActiveState,CanReload";
	char noask[] = "--no-ask-password", mode[] = "--job-mode=replace";
	char verb[16], end[] = "--";
	char *ask[] = { file, show, property, end, name, NULL };
	char *act[] = { file, noask, mode, verb, end, name, NULL };
	struct unit is;
	int rv = -1;

	if (name == NULL)
		cmd_die("no memory left");
	snprintf(verb, sizeof(verb), "%s", restart ? "restart" : "reload");
	if (runprogram(d, ask, "") == -1) {
		cmd_hook_print(&d->hook, d->user, 1);
		snprintf(what, size, "systemctl show: %s", d->hook.why);
		goto out;
	}
	readunit(&is, d->hook.out.p);
	if (strcmp(is.load, "loaded") != 0)
		snprintf(what, size, "%s: is %s", unit,
		    is.load[0] == '\0' ? "not known to systemd" : is.load);
	else if (strcmp(is.active, "inactive") == 0 ||
	    strcmp(is.active, "failed") == 0)
		rv = 0;
	else if (!restart && strcmp(is.reload, "yes") != 0) {
		snprintf(what, size, "%s: cannot be reloaded", unit);
		addrestart(d, what, size, unit);
	} else if ((rv = runprogram(d, act, "")) == -1) {
		cmd_hook_print(&d->hook, d->user, 1);
		snprintf(what, size, "systemctl %s %s: %s", verb, unit,
		    d->hook.why);
	} else {
		cmd_hook_print(&d->hook, d->user, 0);
		rv = 1;
	}
out:
	free(name);
	return rv;
}

/*
 * Where only removals are pending and there is nobody to be told, they are done:
 * else they would be pending for ever.
 */
static void
forgetremoved(struct delivery *d, const char *what)
{
	cmd_say("%s: %s: nobody is told that its entries were removed", d->user,
	    what);
	(void)keepdelivered(d, "removed");
}

static void
rununit(struct delivery *d, const char *unit, int restart)
{
	char what[WHAT];
	int rv = -1;

	if (opensystemctl(d, what, sizeof(what)) == 0)
		rv = runsystemctl(d, unit, restart, what, sizeof(what));
	if (rv == -1) {
		if (hasverb(d, "changed"))
			keepfailed(d, what);
		else
			forgetremoved(d, what);
		return;
	}
	if (rv == 0 && d->verbose)
		cmd_say("%s: does not run: it reads its files when it starts",
		    d->user);
	if (rv == 1 && isnottaken(d, what, sizeof(what))) {
		keepfailed(d, what);
		return;
	}
	if (hasverb(d, "changed") && keepdelivered(d, "changed") == -1)
		return;
	if (hasverb(d, "removed"))
		(void)keepdelivered(d, "removed");
}

/* Tells the user, whose ledger is locked. */
static void
telluser(struct delivery *d)
{
	static const char none[] = "there is no hook and no unit of that name";
	enum certstore_user_type type;
	char what[WHAT];
	const char *unit;

	type = certstore_user_type(d->user, &unit);
	switch (findhook(d)) {
	case 1:
		runhook(d);
		return;
	case -1:
		snprintf(what, sizeof(what), "%s: %s", d->file, d->hook.why);
		keepfailed(d, what);
		return;
	}
	if (unit != NULL)
		rununit(d, unit, type == CERTSTORE_USER_RESTART);
	else if (hasverb(d, "changed"))
		keepfailed(d, none);
	else
		forgetremoved(d, none);
}

/* Whether the user has to wait, after a failure; with a message. */
static int
mustwait(const struct delivery *d)
{
	char again[CERTSTORE_TIME_LEN];
	int64_t next, since;
	const char *text;
	unsigned int n;

	if (!certstore_deploy_failure(d->deploy, &text, &n, &since, &next) ||
	    d->now || next <= certstore_time_now())
		return 0;
	cmd_say("%s: %s: waits until %s: use -f to try it now", d->user, text,
	    certstore_time_format(next, again));
	cmd_failed();
	return 1;
}

static void
deliveruser(struct delivery *d)
{
	char clean[256];
	struct certstore_error err;
	const char *unit;
	int rv;

	if (d->dryrun)
		printchanges(d, NULL);
	if (certstore_user_type(d->user, &unit) == CERTSTORE_USER_BAD) {
		cmd_error("\"%s\": is not the name of a hook or unit: use "
			  "cert-set to correct it",
		    cmd_clean(d->user, clean, sizeof(clean)));
		return;
	}
	if (mustwait(d))
		return;
	if (!d->dryrun) {
		rv = certstore_deploy_begin(d->deploy, d->seconds, &err);
		if (rv == -1)
			cmd_error("%s", err.msg);
		/* another run may have failed in the meantime */
		if (rv == 1 && !mustwait(d))
			telluser(d);
	} else if ((rv = findhook(d)) == -1)
		cmd_error("%s: %s: %s", d->user, d->file, d->hook.why);
	else if (rv == 0 && unit == NULL)
		cmd_error("%s: there is no hook and no unit of that name",
		    d->user);
	cmd_hook_close(&d->hook);
}

/* Returns how many users have something pending. */
static size_t
deliverall(struct delivery *d)
{
	struct certstore_error err;
	size_t n = 0;
	int rv;

	while ((rv = certstore_deploy_next(d->deploy, &d->user, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			continue;
		}
		n++;
		deliveruser(d);
	}
	return n;
}

/* Begins with these names, or with all; 0: none were given on stdin. */
static int
startdelivery(struct delivery *d, struct cmd_operands *ops, int all, int flags)
{
	struct certstore_error err;
	const char *name;
	size_t n = 0;

	d->deploy = certstore_deploy_new(d->store, flags, &err);
	if (d->deploy == NULL)
		cmd_die("%s", err.msg);
	while ((name = cmd_operand(ops)) != NULL) {
		if (certstore_deploy_add(d->deploy, name, &err) == -1)
			cmd_die("%s", err.msg);
		n++;
	}
	return all || n > 0;
}

int
main(int argc, char *argv[])
{
	struct delivery d = { .seconds = 300, .hook = { .fd = -1 } };
	struct cmd_operands ops = { 0 };
	int ch, flags = 0, mustchange = 0;
	const char *mark;
	char clean[128];
	size_t n = 0;

	cmd_start(&help, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "fjnvW:x")) != -1) {
		switch (ch) {
		case 'f':
			flags |= CERTSTORE_DEPLOY_FORCE;
			d.now = 1;
			break;
		case 'j':
			d.json = 1;
			break;
		case 'n':
			flags |= CERTSTORE_DEPLOY_DRYRUN;
			d.dryrun = 1;
			break;
		case 'v':
			d.verbose = 1;
			break;
		case 'W':
			d.seconds = cmd_seconds(optarg, 1, SECONDS_MAX);
			break;
		case 'x':
			mustchange = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	if ((mark = getenv(CMD_HOOK_MARK)) != NULL && !d.dryrun)
		cmd_die("runs already: this is the hook of %s",
		    cmd_clean(mark, clean, sizeof(clean)));
	cmd_operands_start(&ops, argv + optind);
	d.now |= argc > optind;
	d.store = cmd_openwriter(d.dryrun ? 0 : CERTSTORE_OPEN_WRITE);
	cmd_progress(d.store);
	if (startdelivery(&d, &ops, argc == optind, flags))
		n = deliverall(&d);
	if (n == 0 && mustchange)
		cmd_no();
	certstore_deploy_free(d.deploy);
	free(d.file);
	cmd_hook_close(&d.hook);
	certstore_close(d.store);
	return cmd_end();
}
