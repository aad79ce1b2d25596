/*
 * method.c: the methods of cert-acme without a CA.
 *
 *	method WORD TYPE NAME STEP ...
 *	method undo NOTE
 *
 * NAME with "*." is a wildcard.  A step is one of the functions of method.h, or
 * "pause", which reads a line of stdin; "note" and "answer" print those.  Each
 * other step prints its result, and its message.  After a signal the rest is left
 * out, but for undo.
 */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "method.h"

static const struct cmd_opt opts[] = { { 0, NULL, NULL } };
static const struct cmd_help help = {
	.name = "method",
	.operands = "word type name step ...",
	.opts = opts,
};

static struct method *method;
static char *note; /* or NULL */

static void
stop(int sig)
{
	method_stop = sig;
}

static const char *
setting(const char *name, const char *value)
{
	return getenv(name) != NULL ? getenv(name) : value;
}

static const char *
noted(void)
{
	return note == NULL ? "" : note;
}

static int
runstep(struct certstore *store, const char *step,
    const struct method_task *task, struct method_why *why)
{
	const char *issuers[] = { "other.example", task->issuer, NULL };
	char line[16];

	if (strcmp(step, "can") == 0)
		return method_can(method, task);
	if (strcmp(step, "serial") == 0)
		return method_serial(method);
	if (strcmp(step, "begin") == 0)
		return method_begin(method, why);
	if (strcmp(step, "note") == 0) {
		free(note);
		note = method_note(method, task, why);
		return note == NULL ? -1 : 0;
	}
	if (strcmp(step, "setup") == 0)
		return method_setup(method, task, noted(), why);
	if (strcmp(step, "answer") == 0) {
		free(note);
		note = method_answer(method);
		return 0;
	}
	if (strcmp(step, "wait") == 0)
		return method_wait(method, task, noted(), why);
	if (strcmp(step, "look") == 0)
		return method_look(method, task, why);
	if (strcmp(step, "caa") == 0)
		return method_caa(task, issuers, why);
	if (strcmp(step, "undo") == 0)
		return method_undo(store, noted(), why);
	if (strcmp(step, "pause") == 0)
		return read(0, line, sizeof(line)) > 0 ? 0 : -1;
	errx(2, "%s: no such step", step);
}

int
main(int argc, char *argv[])
{
	const struct sigaction action = { .sa_handler = stop };
	struct method_why why = { 0, "" };
	struct method_task task = { 0 };
	struct certstore *store;
	unsigned char ip[16];
	int i, rv = 0;

	cmd_start(&help, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	store = cmd_open(0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "undo") == 0) {
		rv = method_undo(store, argv[2], &why);
		printf("undo %d %s\n", rv, why.msg);
		goto out;
	}
	if (argc < 4)
		errx(2, "usage: method word type name step ...");
	task.type = argv[2];
	task.name = argv[3];
	if (strncmp(task.name, "*.", 2) == 0) {
		task.wildcard = 1;
		task.name += 2;
	}
	task.isip = inet_pton(AF_INET, task.name, ip) == 1 ||
	    inet_pton(AF_INET6, task.name, ip) == 1;
	task.token = setting("TOKEN", "tok_-1");
	task.authorization = setting("AUTHORIZATION", "tok_-1.thumb");
	task.txt = setting("TXT", "txt_-1");
	task.issuer = setting("ISSUER", "ca.example");
	task.account = setting("ACCOUNT", "https://ca.example/acct/1");
	task.tkauth = setting("TKAUTH", "atc");
	task.fingerprint = setting("FINGERPRINT", "SHA256 01:AB");
	task.authority = getenv("AUTHORITY");
	if ((method = method_new(store, argv[1], &why)) == NULL) {
		printf("new -1 %s\n", why.msg);
		rv = -1;
		goto out;
	}
	printf("new 0 %s\n", method_word(method));
	for (i = 4; i < argc; i++) {
		if (method_stop && strcmp(argv[i], "undo") != 0)
			continue;
		why.msg[0] = '\0';
		rv = runstep(store, argv[i], &task, &why);
		if (rv == 0 &&
		    (strcmp(argv[i], "note") == 0 ||
			strcmp(argv[i], "answer") == 0))
			printf("%s %s\n", argv[i], note);
		else
			printf("%s %d%s%s\n", argv[i], rv,
			    why.msg[0] == '\0' ? "" : " ", why.msg);
	}
out:
	free(note);
	method_end(method);
	certstore_close(store);
	return rv == -1 ? 2 : 0;
}
