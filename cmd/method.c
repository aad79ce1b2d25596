/*
 * method.c: the methods of -m: which kind a word is, and the notes by which
 * what a method set up can be undone by another process.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kind.h"

volatile sig_atomic_t method_stop;

static const struct kind *const kinds[] = { &kind_webroot, &kind_http,
	&kind_hook, &kind_tkauth, &kind_persist };
#define NKIND (sizeof(kinds) / sizeof(kinds[0]))

int
kind_fail(struct method_why *why, const char *fmt, ...)
{
	char text[2 * METHOD_WHY_LEN];
	struct cmd_text clean = { NULL, 0, 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cmd_text_clean(&clean, text);
	snprintf(why->msg, sizeof(why->msg), "%s", clean.p);
	cmd_text_free(&clean);
	why->interrupted = 0;
	return -1;
}

int
kind_stopped(struct method_why *why)
{
	if (!method_stop)
		return 0;
	kind_fail(why, "interrupted");
	why->interrupted = 1;
	return -1;
}

int64_t
kind_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec;
}

void *
kind_alloc(size_t size)
{
	void *p;

	if ((p = calloc(1, size)) == NULL)
		cmd_die("no memory left");
	return p;
}

char *
kind_print(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	if (vasprintf(&p, fmt, ap) == -1)
		cmd_die("no memory left");
	va_end(ap);
	return p;
}

/* Links stay as they are: they may be meant to move. */
char *
kind_absolute(const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/' || getcwd(cwd, sizeof(cwd)) == NULL)
		return kind_print("%s", path);
	return kind_print("%s/%s", cwd, path);
}

/* Length of the kind at the start of a word, which a colon or NUL ends. */
static const struct kind *
findkind(const char *word)
{
	size_t i, len = strcspn(word, ":");

	for (i = 0; i < NKIND; i++)
		if (strlen(kinds[i]->name) == len &&
		    strncmp(kinds[i]->name, word, len) == 0)
			return kinds[i];
	return NULL;
}

struct method *
method_new(struct certstore *store, const char *word, struct method_why *why)
{
	const char *arg = strchr(word, ':');
	struct method *m;

	m = kind_alloc(sizeof(*m));
	m->store = store;
	m->word = kind_print("%s", word);
	if ((m->kind = findkind(word)) == NULL) {
		kind_fail(why,
		    "-m \"%s\": is not a method: use webroot:DIR, "
		    "http[:[ADDRESS:]PORT], hook:PROGRAM[,WORD...], "
		    "tkauth:PROGRAM[,WORD...] or dns-persist",
		    word);
		goto bad;
	}
	if (arg != NULL && m->kind->parse == NULL) {
		kind_fail(why, "-m \"%s\": use \"%s\" alone", word,
		    m->kind->name);
		goto bad;
	}
	if (m->kind->parse != NULL &&
	    m->kind->parse(m, arg == NULL ? NULL : arg + 1, why) == -1)
		goto bad;
	return m;
bad:
	method_end(m);
	return NULL;
}

const char *
method_word(const struct method *m)
{
	return m->word;
}

int
method_can(const struct method *m, const struct method_task *task)
{
	return m->kind->can(m, task);
}

int
method_begin(struct method *m, struct method_why *why)
{
	m->limit = 0;
	return m->kind->begin == NULL ? 0 : m->kind->begin(m, why);
}

int
method_serial(const struct method *m)
{
	return m->kind->serial != NULL && m->kind->serial(m);
}

void
kind_note_add(struct kind_note *note, const char *word)
{
	note->word[note->n++] = kind_print("%s", word);
}

static void
freenote(struct kind_note *note)
{
	while (note->n > 0)
		free(note->word[--note->n]);
}

/* Words with a space between; of other bytes a % and two hexadecimal digits. */
static char *
writenote(const struct kind_note *note)
{
	struct cmd_text t = { NULL, 0, 0 };
	const char *p;
	char hex[4];
	size_t i;

	for (i = 0; i < note->n; i++) {
		cmd_text_adds(&t, i > 0 ? " " : "");
		for (p = note->word[i]; *p != '\0'; p++) {
			if (*p > ' ' && *p <= '~' && *p != '%') {
				cmd_text_add(&t, p, 1);
				continue;
			}
			snprintf(hex, sizeof(hex), "%%%02x",
			    (unsigned int)(unsigned char)*p);
			cmd_text_adds(&t, hex);
		}
	}
	return t.p;
}

/* Decodes len bytes of a word in place of a copy; NULL if malformed. */
static char *
readword(const char *p, size_t len)
{
	char hex[3] = "", *end, *q, *word;
	const char *last = p + len;

	q = word = kind_alloc(len + 1);
	for (; p < last; p++) {
		if (*p != '%') {
			*q++ = *p;
			continue;
		}
		if (last - p < 3)
			goto bad;
		memcpy(hex, p + 1, 2);
		*q = (char)strtol(hex, &end, 16);
		if (end != hex + 2 || *q++ == '\0')
			goto bad;
		p += 2;
	}
	return word;
bad:
	free(word);
	return NULL;
}

/* 0 or -1; the caller frees the note in either case. */
static int
readnote(struct kind_note *note, const char *text, struct method_why *why)
{
	const char *p = text;
	size_t len;

	for (; note->n < KIND_WORDS; p += len + 1) {
		len = strcspn(p, " ");
		if ((note->word[note->n] = readword(p, len)) == NULL)
			break;
		note->n++;
		if (p[len] == '\0')
			return 0;
	}
	return kind_fail(why, "\"%s\": is not what a method set up", text);
}

char *
method_note(struct method *m, const struct method_task *task,
    struct method_why *why)
{
	struct kind_note note = { .n = 0 };
	char *text = NULL;
	int rv;

	if (m->kind->note == NULL)
		return kind_print("%s", "");
	kind_note_add(&note, m->word);
	rv = m->kind->note(m, task, &note, why);
	if (rv == 0)
		text = kind_print("%s", "");
	else if (rv == 1)
		text = writenote(&note);
	freenote(&note);
	return text;
}

/* Calls one function of the kind with the note. */
static int
callnoted(struct method *m, const struct method_task *task, const char *text,
    int (*fn)(struct method *, const struct method_task *,
	const struct kind_note *, struct method_why *),
    struct method_why *why)
{
	struct kind_note note = { .n = 0 };
	int rv = 0;

	if (kind_stopped(why) == -1)
		return -1;
	if (fn == NULL)
		return 0;
	if (*text != '\0')
		rv = readnote(&note, text, why);
	if (rv == 0)
		rv = fn(m, task, &note, why);
	freenote(&note);
	return rv;
}

int
method_setup(struct method *m, const struct method_task *task, const char *text,
    struct method_why *why)
{
	return callnoted(m, task, text, m->kind->setup, why);
}

char *
method_answer(struct method *m)
{
	return m->kind->answer == NULL ? kind_print("{}") : m->kind->answer(m);
}

int
method_wait(struct method *m, const struct method_task *task, const char *text,
    struct method_why *why)
{
	return callnoted(m, task, text, m->kind->wait, why);
}

int
method_look(struct method *m, const struct method_task *task,
    struct method_why *why)
{
	if (kind_stopped(why) == -1)
		return -1;
	if (strcmp(task->type, "http-01") == 0)
		return kind_look_http(m, task, why);
	return m->kind->look == NULL ? 0 : m->kind->look(m, task, why);
}

int
method_undo(struct certstore *store, const char *text, struct method_why *why)
{
	struct kind_note note = { .n = 0 };
	struct method *m = NULL;
	int rv = -1;

	if (*text == '\0')
		return 0;
	if (readnote(&note, text, why) == 0 &&
	    (m = method_new(store, note.word[0], why)) != NULL)
		rv = m->kind->undo == NULL ? 0 : m->kind->undo(m, &note, why);
	method_end(m);
	freenote(&note);
	return rv;
}

void
method_end(struct method *m)
{
	if (m == NULL)
		return;
	if (m->kind != NULL && m->kind->end != NULL)
		m->kind->end(m);
	free(m->word);
	free(m);
}
