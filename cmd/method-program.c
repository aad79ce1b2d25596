/*
 * method-program.c: the program of a method that runs one, PROGRAM[,WORD...]:
 * where it is found, its credentials, and how it is run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kind.h"

#define PROGRAM_SECONDS 300

int
kind_program_parse(struct method *m, struct kind_program *p, const char *words,
    struct method_why *why)
{
	size_t before = strlen(m->word) - strlen(words);
	size_t len = strcspn(words, ",");
	char *path, *rest;

	p->hook.fd = -1;
	path = kind_print("%.*s", (int)len, words);
	if (memchr(words, '/', len) != NULL) {
		rest = kind_absolute(path);
		free(path);
		path = rest;
		rest = kind_print("%.*s%s%s", (int)before, m->word, path,
		    words + len);
		free(m->word);
		m->word = rest;
	}
	rest = p->text = kind_print("%s%s", path, words + len);
	free(path);
	while (rest != NULL && p->nword < KIND_PROGRAM_WORDS)
		p->word[p->nword++] = strsep(&rest, ",");
	path = p->word[0];
	if (rest == NULL && *path != '\0' && path[strlen(path) - 1] != '/')
		return 0;
	return kind_fail(why,
	    "-m %s: use %s:PROGRAM, and up to %d words after commas", m->word,
	    m->kind->name, KIND_PROGRAM_WORDS - 1);
}

/* Opens the file if it is there: 1, 0, -1 and why. */
static int
openprogram(struct kind_program *p, const char *file, struct method_why *why)
{
	int rv;

	if ((rv = cmd_hook_open(&p->hook, file)) == -1)
		kind_fail(why, "%s: %s", file, p->hook.why);
	return rv;
}

const char *
kind_program_name(const struct kind_program *p)
{
	const char *slash = strrchr(p->word[0], '/');

	return slash == NULL ? p->word[0] : slash + 1;
}

/* In the store, in /etc, and of this package. */
static int
findprogram(struct method *m, struct kind_program *p, struct method_why *why)
{
	const char *program = p->word[0];
	char *file, shipped[CMD_WORKER_LEN], *worker;
	size_t i;
	int rv = 0;

	if (*program == '/')
		rv = openprogram(p, program, why);
	else {
		for (i = 0; rv == 0 &&
		     (file = certstore_user_hook(m->store, program, i)) != NULL;
		     i++) {
			rv = openprogram(p, file, why);
			free(file);
		}
		worker = kind_print("hooks/%s", program);
		if (rv == 0 && cmd_worker_find(worker, shipped) == 0)
			rv = openprogram(p, shipped, why);
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
readprogramenv(struct method *m, struct kind_program *p, struct method_why *why)
{
	const char *name = kind_program_name(p);
	char *file;
	int i, rv = 0;

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

int
kind_program_begin(struct method *m, struct kind_program *p,
    struct method_why *why)
{
	return findprogram(m, p, why) == -1 || readprogramenv(m, p, why) == -1 ?
	    -1 :
	    0;
}

/* Runs the program with its own words and these; its output goes to stderr. */
int
kind_program_run(struct method *m, struct kind_program *p, char *const *words,
    size_t n, struct method_why *why)
{
	char *argv[KIND_PROGRAM_WORDS + KIND_WORDS + 1];
	int quiet = cmd_quiet, rv;
	size_t i, k = 0;

	if (kind_program_begin(m, p, why) == -1)
		return -1;
	for (i = 0; i < p->nword; i++)
		argv[k++] = p->word[i];
	argv[0] = p->hook.path;
	for (i = 0; i < n && i < KIND_WORDS; i++)
		argv[k++] = words[i];
	argv[k] = NULL;
	p->hook.store = certstore_path(m->store);
	rv = cmd_hook_run(&p->hook, argv, "", PROGRAM_SECONDS);
	if (rv == -1)
		kind_fail(why, "%s: %s %s %s: %s", m->word, words[0], words[1],
		    words[2], p->hook.why);
	/* what failed is printed even with -q, but the caller judges it */
	cmd_quiet = quiet && rv == 0;
	cmd_hook_print(&p->hook, p->word[0], 0);
	cmd_quiet = quiet;
	why->interrupted = p->hook.interrupted != 0;
	if (why->interrupted)
		method_stop = p->hook.interrupted;
	return rv;
}

void
kind_program_end(struct kind_program *p)
{
	cmd_hook_close(&p->hook);
	free(p->text);
	p->text = NULL;
}
