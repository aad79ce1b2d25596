/*
 * orders.c: gives the entries that come from ACME servers to cert-acme, one run
 * of it for each account.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "system.h"

#define ARGS_MAX 16

/* Copies text to what is sorted and freed. */
static char *
copytext(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		cmd_die("%s", strerror(errno));
	return copy;
}

void
cmd_orders_add(struct cmd_orders *orders, const char *account, const char *name)
{
	void *v;

	if (orders->n == orders->size) {
		orders->size = orders->size * 2 + 16;
		v = reallocarray(orders->v, orders->size, sizeof(*orders->v));
		if (v == NULL)
			cmd_die("%s", strerror(errno));
		orders->v = v;
	}
	orders->v[orders->n].account = copytext(account);
	orders->v[orders->n++].name = copytext(name);
}

/* A file with the names of an account, which stay in their order. */
static int
writenames(const struct cmd_orders *orders, const char *account)
{
	size_t i;
	int fd;

	if ((fd = memfd_create("names", MFD_CLOEXEC)) == -1)
		cmd_die("%s", strerror(errno));
	for (i = 0; i < orders->n; i++)
		if (strcmp(orders->v[i].account, account) == 0 &&
		    dprintf(fd, "%s\n", orders->v[i].name) < 0)
			cmd_die("%s", strerror(errno));
	(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

/* In the child: cert-acme reads the names, and its output is read here. */
static void
execacme(const struct cmd_orders *orders, pid_t parent, int in, int out)
{
	char limit[32], path[CMD_WORKER_LEN];
	const char *argv[ARGS_MAX];
	size_t n = 0;

	/* it must not go on alone; an order that is interrupted is continued */
	if (system_followparent(SIGTERM) == -1 || getppid() != parent)
		_exit(2);
	if (cmd_worker_find("cert-acme", path) == -1) {
		fprintf(stderr,
		    "cert-renew: cert-acme: %s: install it, on "
		    "Debian with certstore-acme\n",
		    strerror(errno));
		_exit(2);
	}
	if (dup2(in, 0) == -1 || dup2(out, 1) == -1 ||
	    setenv(CMD_RENEWAL, orders->named ? "named" : "due", 1) == -1) {
		fprintf(stderr, "cert-renew: %s: %s\n", path, strerror(errno));
		_exit(2);
	}
	argv[n++] = "cert-acme";
	argv[n++] = orders->force ? "-f" : "-u";
	if (cmd_quiet)
		argv[n++] = "-q";
	if (orders->verbose)
		argv[n++] = "-v";
	if (orders->within != NULL) {
		argv[n++] = "-e";
		argv[n++] = orders->within;
	}
	snprintf(limit, sizeof(limit), "%lld", (long long)orders->seconds);
	argv[n++] = "-W";
	argv[n++] = limit;
	argv[n++] = "-d";
	argv[n++] = orders->store;
	argv[n++] = "-";
	argv[n] = NULL;
	execv(path, (char *const *)(uintptr_t)argv);
	fprintf(stderr, "cert-renew: %s: %s\n", path, strerror(errno));
	_exit(2);
}

/* One run; a name that it prints was changed. */
static void
runacme(const struct cmd_orders *orders, const char *account,
    void (*changed)(void *, const char *), void *arg)
{
	char line[1024];
	int in, out[2], status;
	FILE *fp;
	pid_t parent = getpid(), pid;

	in = writenames(orders, account);
	cmd_flush();
	if (pipe2(out, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		cmd_die("cert-acme: %s", strerror(errno));
	if (pid == 0)
		execacme(orders, parent, in, out[1]);
	close(in);
	close(out[1]);
	if ((fp = fdopen(out[0], "r")) == NULL)
		cmd_die("cert-acme: %s", strerror(errno));
	while (fgets(line, sizeof(line), fp) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		changed(arg, line);
	}
	fclose(fp);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		cmd_error("cert-acme: account %s: killed by signal %d", account,
		    WTERMSIG(status));
	else if (WEXITSTATUS(status) == 2)
		cmd_failed();
	else if (WEXITSTATUS(status) != 0)
		/* without -x it never is 1: a loader, or a sanitizer */
		cmd_error("cert-acme: account %s: ended with status %d",
		    account, WEXITSTATUS(status));
}

void
cmd_orders_run(struct cmd_orders *orders, void (*changed)(void *, const char *),
    void *arg)
{
	size_t i, k;

	for (i = 0; i < orders->n; i++) {
		/* the first of its account */
		for (k = 0;
		     strcmp(orders->v[k].account, orders->v[i].account) != 0;)
			k++;
		if (k == i)
			runacme(orders, orders->v[i].account, changed, arg);
	}
	for (i = 0; i < orders->n; i++) {
		free(orders->v[i].account);
		free(orders->v[i].name);
	}
	free(orders->v);
	orders->v = NULL;
	orders->n = orders->size = 0;
}
