/*
 * hostile.c: a library to preload: what code that an attacker brought into a
 * command would try.  At the end of the process, and with HOSTILE=start at its
 * start, it prints on stderr each of these that works:
 *
 *	make PATH	for a file in the directory $HOSTILE_DIR
 *	write PATH, truncate PATH, remove PATH
 *			for the file $HOSTILE_DIR/victim
 *	connect		to the port $HOSTILE_PORT of 127.0.0.1
 *	run		/bin/true
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
trywriting(const char *dir)
{
	char made[4096], victim[4096];
	int fd;

	snprintf(made, sizeof(made), "%s/made", dir);
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	if ((fd = open(made, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) != -1) {
		fprintf(stderr, "hostile: make %s\n", made);
		close(fd);
	}
	if ((fd = open(victim, O_WRONLY | O_CLOEXEC)) != -1) {
		fprintf(stderr, "hostile: write %s\n", victim);
		close(fd);
	}
	if (truncate(victim, 1) == 0)
		fprintf(stderr, "hostile: truncate %s\n", victim);
	if (unlink(victim) == 0)
		fprintf(stderr, "hostile: remove %s\n", victim);
}

static void
tryconnect(const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return;
	if (connect(fd, (const struct sockaddr *)&sin, sizeof(sin)) == 0)
		fprintf(stderr, "hostile: connect\n");
	close(fd);
}

static void
tryrunning(void)
{
	char program[] = "/bin/true";
	char *argv[] = { program, NULL }, *env[] = { NULL };
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		(void)execve(program, argv, env);
		_exit(127);
	}
	if (pid != -1 && waitpid(pid, &status, 0) == pid && status == 0)
		fprintf(stderr, "hostile: run\n");
}

static void
tryall(void)
{
	const char *dir = getenv("HOSTILE_DIR"), *port = getenv("HOSTILE_PORT");

	if (dir != NULL)
		trywriting(dir);
	if (port != NULL)
		tryconnect(port);
	tryrunning();
}

__attribute__((constructor)) static void
trybefore(void)
{
	const char *when = getenv("HOSTILE");

	if (when != NULL && strcmp(when, "start") == 0)
		tryall();
}

__attribute__((destructor)) static void
tryafter(void)
{
	tryall();
}
