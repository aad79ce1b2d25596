/*
 * method-hook.c: hook:PROGRAM[,WORD...], a program that sets up the answer:
 *
 *	PROGRAM WORD... add|wait|del TYPE IDENTIFIER NAME TARGET VALUE TOKEN
 *
 * For dns-01, NAME is where the CA looks, TARGET where CNAME records lead from
 * there, or NAME, and VALUE the text.  For another type NAME and TARGET are the
 * path in the URL of http-01, or the identifier.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kind.h"

#define HOOK_SECONDS 300
#define DNS_SECONDS 120 /* until all name servers must have a record */
#define POLL_SECONDS 2
#define WORDS_MAX 16
#define CHALLENGE "_acme-challenge."

/* In a note: method, then what the program gets. */
enum {
	NOTE_TYPE = 1,
	NOTE_IDENTIFIER,
	NOTE_NAME,
	NOTE_TARGET,
	NOTE_VALUE,
	NOTE_TOKEN,
	NOTE_LEN
};

struct program {
	char *type;
	char *text;	       /* the program and its words, with NUL between */
	char *word[WORDS_MAX]; /* [0] is the program */
	size_t nword;
	struct cmd_hook hook;
};

/* "http-01:" before the program: the type of challenge if it is not dns-01. */
static const char *
taketype(struct program *p, const char *arg)
{
	static const char *const types[] = { "http-01", "tls-alpn-01",
		"dns-01" };
	size_t i, len;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		len = strlen(types[i]);
		if (strncmp(arg, types[i], len) == 0 && arg[len] == ':') {
			p->type = kind_print("%s", types[i]);
			return arg + len + 1;
		}
	}
	p->type = kind_print("dns-01");
	return arg;
}

/* The program becomes an absolute path if it is a path. */
static int
parsehook(struct method *m, const char *arg, struct method_why *why)
{
	const char *words;
	struct program *p;
	char *path, *rest;
	size_t len;

	p = m->state = kind_alloc(sizeof(*p));
	p->hook.fd = -1;
	words = taketype(p, arg == NULL ? "" : arg);
	len = strcspn(words, ",");
	path = kind_print("%.*s", (int)len, words);
	if (memchr(words, '/', len) != NULL) {
		rest = kind_absolute(path);
		free(path);
		path = rest;
		free(m->word);
		m->word = kind_print("hook:%.*s%s%s", (int)(words - arg), arg,
		    path, words + len);
	}
	rest = p->text = kind_print("%s%s", path, words + len);
	free(path);
	while (rest != NULL && p->nword < WORDS_MAX)
		p->word[p->nword++] = strsep(&rest, ",");
	path = p->word[0];
	if (rest == NULL && *path != '\0' && path[strlen(path) - 1] != '/')
		return 0;
	return kind_fail(why,
	    "-m %s: use hook:PROGRAM, and up to %d words after commas", m->word,
	    WORDS_MAX - 1);
}

static int
canhook(const struct method *m, const struct method_task *task)
{
	const struct program *p = m->state;

	return strcmp(task->type, p->type) == 0 &&
	    (strcmp(p->type, "dns-01") == 0 ? !task->isip : !task->wildcard);
}

static const char *
programof(const struct method *m)
{
	const struct program *p = m->state;

	return p->word[0];
}

/* Hooks for dehydrated may replace the records of a name that is set up. */
static int
isserial(const struct method *m)
{
	const char *name = strrchr(programof(m), '/');

	return strcmp(name == NULL ? programof(m) : name + 1, "dehydrated") ==
	    0;
}

/* Opens the file if it is there: 1, 0, -1 and why. */
static int
openhook(struct method *m, const char *file, struct method_why *why)
{
	struct program *p = m->state;
	int rv;

	if ((rv = cmd_hook_open(&p->hook, file)) == -1)
		kind_fail(why, "%s: %s", file, p->hook.why);
	return rv;
}

/* In the store, in /etc, and of this package. */
static int
findhook(struct method *m, struct method_why *why)
{
	const char *program = programof(m);
	char *file, shipped[CMD_WORKER_LEN], *worker;
	size_t i;
	int rv = 0;

	if (*program == '/')
		rv = openhook(m, program, why);
	else {
		for (i = 0; rv == 0 &&
		     (file = certstore_user_hook(m->store, program, i)) != NULL;
		     i++) {
			rv = openhook(m, file, why);
			free(file);
		}
		worker = kind_print("hooks/%s", program);
		if (rv == 0 && cmd_worker_find(worker, shipped) == 0)
			rv = openhook(m, shipped, why);
		free(worker);
	}
	if (rv == 0)
		kind_fail(why,
		    "%s: there is no such hook: use its path, or put it into "
		    "%s/hooks or /etc/certstore/hooks",
		    m->word, certstore_path(m->store));
	return rv == 1 ? 0 : -1;
}

/* Of the store, or of this host. */
static int
readenv(struct method *m, struct method_why *why)
{
	const char *name = strrchr(programof(m), '/');
	struct program *p = m->state;
	char *file;
	int i, rv = 0;

	name = name == NULL ? programof(m) : name + 1;
	for (i = 0; i < 2 && rv == 0; i++) {
		file = i == 0 ?
		    kind_print("%s/hooks/%s.env", certstore_path(m->store),
			name) :
		    kind_print("/etc/certstore/hooks.d/%s.env", name);
		if ((rv = cmd_hook_env(&p->hook, file)) == -1)
			kind_fail(why, "%s", p->hook.why);
		free(file);
	}
	return rv == -1 ? -1 : 0;
}

static int
beginhook(struct method *m, struct method_why *why)
{
	return findhook(m, why) == -1 ? -1 : readenv(m, why);
}

static int
notehook(struct method *m, const struct method_task *task,
    struct kind_note *note, struct method_why *why)
{
	const struct program *p = m->state;
	char *name, target[DNS_NAME_LEN];
	int isdns = strcmp(p->type, "dns-01") == 0;

	(void)why;
	if (isdns)
		name = kind_print(CHALLENGE "%s", task->name);
	else if (strcmp(p->type, "http-01") == 0)
		name = kind_print("/.well-known/acme-challenge/%s",
		    task->token);
	else
		name = kind_print("%s", task->name);
	kind_note_add(note, p->type);
	kind_note_add(note, task->name);
	kind_note_add(note, name);
	kind_note_add(note,
	    isdns && dns_alias(name, target) == 1 ? target : name);
	kind_note_add(note, isdns ? task->txt : task->authorization);
	kind_note_add(note, task->token);
	free(name);
	return 1;
}

/* Runs the program, whose output goes to stderr. */
static int
runhook(struct method *m, char *verb, const struct kind_note *note,
    struct method_why *why)
{
	char *argv[WORDS_MAX + NOTE_LEN + 2];
	struct program *p = m->state;
	size_t i, n = 0;
	int quiet = cmd_quiet, rv;

	if (note->n != NOTE_LEN)
		return kind_fail(why, "%s: the note of it is malformed",
		    m->word);
	if (beginhook(m, why) == -1)
		return -1;
	for (i = 0; i < p->nword; i++)
		argv[n++] = p->word[i];
	argv[0] = p->hook.path;
	argv[n++] = verb;
	for (i = NOTE_TYPE; i < NOTE_LEN; i++)
		argv[n++] = note->word[i];
	argv[n] = NULL;
	p->hook.store = certstore_path(m->store);
	if ((rv = cmd_hook_run(&p->hook, argv, "", HOOK_SECONDS)) == -1)
		kind_fail(why, "%s: %s %s %s: %s", m->word, verb,
		    note->word[NOTE_TYPE], note->word[NOTE_IDENTIFIER],
		    p->hook.why);
	/* what failed is printed even with -q, but the caller judges it */
	cmd_quiet = quiet && rv == 0;
	cmd_hook_print(&p->hook, programof(m), 0);
	cmd_quiet = quiet;
	why->interrupted = p->hook.interrupted != 0;
	if (why->interrupted)
		method_stop = p->hook.interrupted;
	return rv;
}

static int
setuphook(struct method *m, const struct method_task *task,
    const struct kind_note *note, struct method_why *why)
{
	char verb[] = "add";

	(void)task;
	return runhook(m, verb, note, why);
}

static int
undohook(struct method *m, const struct kind_note *note, struct method_why *why)
{
	char verb[] = "del";

	return runhook(m, verb, note, why);
}

static int
hastext(const struct dns_txt *txt, void *arg)
{
	const char *value = arg;
	size_t i;

	for (i = 0; i < txt->n; i++)
		if (strcmp(txt->text[i], value) == 0)
			return 1;
	return 0;
}

/*
 * Waits until all authoritative servers have the record, since the CA may ask
 * any of them.  The time is that of all names of the order.
 */
static int
waitdns(struct method *m, const struct kind_note *note, struct method_why *why)
{
	const char *name = note->word[NOTE_NAME];
	char server[256];
	int i;

	if (m->limit == 0)
		m->limit = kind_clock() + DNS_SECONDS;
	for (;;) {
		switch (dns_look(name, hastext, note->word[NOTE_VALUE], server,
		    sizeof(server))) {
		case DNS_ALL:
			return 0;
		case DNS_SILENT:
			kind_fail(why,
			    "%s: no authoritative server answers here: goes "
			    "on without a look",
			    name);
			return kind_stopped(why) == -1 ? -1 : 1;
		case DNS_SOME:
			break;
		}
		if (kind_clock() >= m->limit) {
			kind_fail(why,
			    "%s: server %s still does not have the TXT record "
			    "after %d s: goes on",
			    name, server, DNS_SECONDS);
			return 1;
		}
		for (i = 0; i < POLL_SECONDS; i++) {
			if (kind_stopped(why) == -1)
				return -1;
			sleep(1);
		}
	}
}

static int
waithook(struct method *m, const struct method_task *task,
    const struct kind_note *note, struct method_why *why)
{
	char verb[] = "wait";

	if (runhook(m, verb, note, why) == -1)
		return -1;
	return strcmp(task->type, "dns-01") == 0 ? waitdns(m, note, why) : 0;
}

static void
endhook(struct method *m)
{
	struct program *p = m->state;

	if (p == NULL)
		return;
	cmd_hook_close(&p->hook);
	free(p->type);
	free(p->text);
	free(p);
	m->state = NULL;
}

const struct kind kind_hook = {
	.name = "hook",
	.parse = parsehook,
	.can = canhook,
	.begin = beginhook,
	.serial = isserial,
	.note = notehook,
	.setup = setuphook,
	.wait = waithook,
	.undo = undohook,
	.end = endhook,
};
