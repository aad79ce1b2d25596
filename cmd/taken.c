/*
 * taken.c: whether servers took a change that they were told of.  cert-probe
 * asks them, a program of its own, since only it needs libssl.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "system.h"

#define WAIT_MAX 10 /* for a server that was told, seconds */
#define FIRST_MS 200

/* Has the entry an endpoint, and one user only who is told: whose else is it? */
static int
isclear(struct certstore *store, const char *name)
{
	const char *prop, *unit, *value;
	struct certstore_error err;
	struct certstore_props *props;
	size_t endpoints = 0, users = 0;

	if (*name == '@' ||
	    (props = certstore_props_read(store, name, &err)) == NULL)
		return 0;
	while (certstore_props_next(props, &prop, &value, &err) == 1) {
		endpoints += strcmp(prop, "endpoint") == 0;
		users += strcmp(prop, "user") == 0 &&
		    certstore_user_type(value, &unit) != CERTSTORE_USER_NOTE;
	}
	certstore_props_free(props);
	return endpoints > 0 && users == 1;
}

/* The n-th field of a line, counted from 0; 0 if there is none. */
static int
fieldof(const char *line, size_t n, char *field, size_t size)
{
	const char *end = line + strcspn(line, "\n");
	const char *p = line;

	for (; n > 0; n--) {
		p = memchr(p, '\t', (size_t)(end - p));
		if (p++ == NULL)
			return 0;
	}
	snprintf(field, size, "%.*s", (int)strcspn(p, "\t\n"), p);
	return 1;
}

/* Looks in the output of cert-probe for an earlier certificate: 1 and what. */
static int
findold(const char *out, char *what, size_t size)
{
	char place[600], address[64], name[256], state[16];

	for (; out != NULL && *out != '\0';
	     out += strcspn(out, "\n"), out += *out == '\n') {
		if (!fieldof(out, 3, state, sizeof(state)) ||
		    strcmp(state, "old") != 0)
			continue;
		(void)fieldof(out, 0, place, sizeof(place));
		(void)fieldof(out, 1, address, sizeof(address));
		(void)fieldof(out, 2, name, sizeof(name));
		snprintf(what, size,
		    "%s: still sends an earlier certificate of %s at %s", place,
		    name, address);
		return 1;
	}
	return 0;
}

static void
sleepms(long ms)
{
	const struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/*
 * Do servers still send what an entry had before, some seconds after they were
 * told?  Returns 1 and which one does; 0 if not, or if that cannot be asked.
 */
int
cmd_taken_not(struct certstore *store, const char *const *names, size_t n,
    unsigned int seconds, char *what, size_t size)
{
	struct cmd_hook hook = { .fd = -1, .store = certstore_path(store) };
	char path[CMD_WORKER_LEN], wait[16], d[] = "-d", w[] = "-W";
	size_t argc = 0, first, i;
	int64_t end;
	long ms;
	char **argv;
	int old = 0;

	if (cmd_worker_find("cert-probe", path) == -1 ||
	    (hook.fd = open(path, O_PATH | O_CLOEXEC)) == -1)
		return 0;
	if (seconds > WAIT_MAX)
		seconds = WAIT_MAX;
	snprintf(wait, sizeof(wait), "%u", seconds);
	argv = reallocarray(NULL, n + 6, sizeof(*argv));
	hook.path = strdup(path);
	if (argv == NULL || hook.path == NULL)
		cmd_die("no memory left");
	argv[argc++] = path;
	argv[argc++] = d;
	argv[argc++] = strdup(certstore_path(store));
	argv[argc++] = w;
	argv[argc++] = wait;
	first = argc;
	for (i = 0; i < n; i++)
		if (isclear(store, names[i]) &&
		    (argv[argc++] = strdup(names[i])) == NULL)
			cmd_die("no memory left");
	argv[argc] = NULL;
	end = cmd_clock() + seconds * INT64_C(1000);
	for (ms = FIRST_MS; argc > first && argv[2] != NULL; ms *= 2) {
		(void)cmd_hook_run(&hook, argv, "", 3 * seconds);
		if (hook.interrupted != 0)
			cmd_die("interrupted: run it again");
		old = findold(hook.out.p, what, size);
		if (!old || cmd_clock() + ms > end)
			break;
		sleepms(ms);
	}
	free(argv[2]);
	for (i = first; i < argc; i++)
		free(argv[i]);
	free(argv);
	cmd_hook_close(&hook);
	return old;
}
