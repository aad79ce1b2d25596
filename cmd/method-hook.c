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

#define DNS_SECONDS 120 /* until all name servers must have a record */
#define POLL_SECONDS 2
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

struct hook {
	char *type;
	struct kind_program program;
};

/* "http-01:" before the program: the type of challenge if it is not dns-01. */
static const char *
taketype(struct hook *h, const char *arg)
{
	static const char *const types[] = { "http-01", "tls-alpn-01",
		"dns-01" };
	size_t i, len;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		len = strlen(types[i]);
		if (strncmp(arg, types[i], len) == 0 && arg[len] == ':') {
			h->type = kind_print("%s", types[i]);
			return arg + len + 1;
		}
	}
	h->type = kind_print("dns-01");
	return arg;
}

static int
parsehook(struct method *m, const char *arg, struct method_why *why)
{
	struct hook *h;

	h = m->state = kind_alloc(sizeof(*h));
	return kind_program_parse(m, &h->program,
	    taketype(h, arg == NULL ? "" : arg), why);
}

static int
canhook(const struct method *m, const struct method_task *task)
{
	const struct hook *h = m->state;

	return strcmp(task->type, h->type) == 0 &&
	    (strcmp(h->type, "dns-01") == 0 ? !task->isip : !task->wildcard);
}

/* Hooks for dehydrated may replace the records of a name that is set up. */
static int
isserial(const struct method *m)
{
	const struct hook *h = m->state;

	return strcmp(kind_program_name(&h->program), "dehydrated") == 0;
}

static int
beginhook(struct method *m, struct method_why *why)
{
	struct hook *h = m->state;

	return kind_program_begin(m, &h->program, why);
}

static int
notehook(struct method *m, const struct method_task *task,
    struct kind_note *note, struct method_why *why)
{
	const struct hook *h = m->state;
	char *name, target[DNS_NAME_LEN];
	int isdns = strcmp(h->type, "dns-01") == 0;

	(void)why;
	if (isdns)
		name = kind_print(CHALLENGE "%s", task->name);
	else if (strcmp(h->type, "http-01") == 0)
		name = kind_print("/.well-known/acme-challenge/%s",
		    task->token);
	else
		name = kind_print("%s", task->name);
	kind_note_add(note, h->type);
	kind_note_add(note, task->name);
	kind_note_add(note, name);
	kind_note_add(note,
	    isdns && dns_alias(name, target) == 1 ? target : name);
	kind_note_add(note, isdns ? task->txt : task->authorization);
	kind_note_add(note, task->token);
	free(name);
	return 1;
}

static int
runhook(struct method *m, char *verb, const struct kind_note *note,
    struct method_why *why)
{
	struct hook *h = m->state;
	char *words[NOTE_LEN];

	if (note->n != NOTE_LEN)
		return kind_fail(why, "%s: the note of it is malformed",
		    m->word);
	memcpy(words, note->word, sizeof(words));
	words[0] = verb;
	return kind_program_run(m, &h->program, words, NOTE_LEN, why);
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
	struct hook *h = m->state;

	if (h == NULL)
		return;
	kind_program_end(&h->program);
	free(h->type);
	free(h);
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
