/*
 * method-http.c: http[:[ADDRESS:]PORT], a responder of our own, RFC 8555
 * section 8.3.  The ports are bound here; acme-responder, which has neither keys
 * in its memory nor privileges, answers.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "kind.h"

#define WORKER "acme-responder"
#define PORT_FD 3 /* of the responder: one or two sockets from here */
#define BACKLOG 64
#define ANSWER_MS 10000

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct responder {
	union address address[2]; /* v4 and v6 apart */
	size_t naddress;
	int port;
	int fd[2]; /* that are bound */
	size_t nfd;
	int line; /* to the responder, or -1 */
	pid_t pid;
};

static int
failhttp(const struct method *m, struct method_why *why)
{
	return kind_fail(why,
	    "-m %s: use http, http:PORT, http:ADDRESS:PORT or "
	    "http:[ADDRESS]:PORT",
	    m->word);
}

/* An address without brackets: 0 or -1. */
static int
addaddress(struct responder *r, const char *text)
{
	union address *a = &r->address[r->naddress++];

	if (inet_pton(AF_INET, text, &a->in.sin_addr) == 1) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)r->port);
	} else if (inet_pton(AF_INET6, text, &a->in6.sin6_addr) == 1) {
		a->in6.sin6_family = AF_INET6;
		a->in6.sin6_port = htons((uint16_t)r->port);
	} else
		return -1;
	return 0;
}

/* A null pointer stands for port 80 of all addresses. */
static int
parsehttp(struct method *m, const char *arg, struct method_why *why)
{
	const char *bad, *port;
	struct responder *r;
	char host[INET6_ADDRSTRLEN + 2];
	size_t len;

	r = m->state = kind_alloc(sizeof(*r));
	r->line = -1;
	if (arg == NULL)
		arg = "80";
	port = strrchr(arg, ':');
	port = port == NULL ? arg : port + 1;
	r->port = (int)strtonum(port, 1, 65535, &bad);
	if (bad != NULL || *port < '0' || *port > '9')
		return failhttp(m, why);
	if (port == arg)
		return addaddress(r, "0.0.0.0") == -1 ||
			addaddress(r, "::") == -1 ?
		    failhttp(m, why) :
		    0;
	len = (size_t)(port - arg) - 1;
	if (len >= 2 && *arg == '[' && arg[len - 1] == ']') {
		arg++;
		len -= 2;
	} else if (memchr(arg, ':', len) != NULL)
		return failhttp(m, why);
	if (len >= sizeof(host))
		return failhttp(m, why);
	memcpy(host, arg, len);
	host[len] = '\0';
	return addaddress(r, host) == -1 ? failhttp(m, why) : 0;
}

static int
canhttp(const struct method *m, const struct method_task *task)
{
	(void)m;
	return strcmp(task->type, "http-01") == 0 && !task->wildcard;
}

/* Says why the port cannot be bound, from errno. */
static int
failbind(const struct method *m, struct method_why *why)
{
	const struct responder *r = m->state;
	char owner[128];
	int errnum = errno;

	if (errnum == EADDRINUSE) {
		kind_portowner(r->port, owner, sizeof(owner));
		return kind_fail(why,
		    "%s: port %d is used by %s: use -m webroot:DIR with the "
		    "directory that it serves",
		    m->word, r->port,
		    owner[0] == '\0' ? "another program" : owner);
	}
	if (errnum == EACCES)
		return kind_fail(why,
		    "%s: port %d: %s: use -m http:8080 and a redirect, or "
		    "give the program CAP_NET_BIND_SERVICE",
		    m->word, r->port, strerror(errnum));
	return kind_fail(why, "%s: port %d: %s", m->word, r->port,
	    strerror(errnum));
}

/* A listening socket, or -1 and errno. */
static int
listenon(const union address *a)
{
	int errnum, fd, one = 1;
	socklen_t len;

	len = a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
	fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return -1;
	/* another program that listens is still found */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a->sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		    sizeof(one));
	if (bind(fd, &a->sa, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}

/* Binds all addresses; a family that this host lacks is left out if it can. */
static int
bindall(struct method *m, struct method_why *why)
{
	struct responder *r = m->state;
	size_t i;
	int fd;

	for (i = 0; i < r->naddress; i++) {
		if ((fd = listenon(&r->address[i])) != -1)
			r->fd[r->nfd++] = fd;
		else if (r->naddress == 1 ||
		    (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
			return failbind(m, why);
	}
	return r->nfd > 0 ? 0 : failbind(m, why);
}

/* In the child: the line is stdin, the sockets begin at PORT_FD. */
CMD_NORETURN static void
runresponder(const struct responder *r, int line, const char *path)
{
	char name[] = WORKER, *argv[] = { name, NULL }, *env[] = { NULL };
	int fd[3], i, null;

	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		_exit(127);
	/* above all that they are moved to */
	line = fcntl(line, F_DUPFD_CLOEXEC, 10);
	for (i = 0; i < (int)r->nfd; i++)
		fd[i] = fcntl(r->fd[i], F_DUPFD_CLOEXEC, 10);
	if (dup2(line, 0) == -1 || dup2(null, 1) == -1 || dup2(null, 2) == -1)
		_exit(127);
	for (i = 0; i < (int)r->nfd; i++)
		if (dup2(fd[i], PORT_FD + i) == -1)
			_exit(127);
	closefrom(PORT_FD + (int)r->nfd);
	(void)execve(path, argv, env);
	_exit(127);
}

/*
 * Waits for the one byte that the responder sends when it is ready, and after
 * each message: 0 or -1.
 */
static int
waitready(struct method *m, struct method_why *why)
{
	struct responder *r = m->state;
	struct pollfd pfd = { .fd = r->line, .events = POLLIN };
	int64_t limit = kind_clock() + ANSWER_MS / 1000;
	char byte;

	while (poll(&pfd, 1, 200) <= 0)
		if (kind_stopped(why) == -1)
			return -1;
		else if (kind_clock() > limit)
			break;
	if (recv(r->line, &byte, 1, MSG_DONTWAIT) == 1)
		return 0;
	return kind_fail(why, "%s: " WORKER " has ended or hangs", m->word);
}

static int
startresponder(struct method *m, struct method_why *why)
{
	char path[CMD_WORKER_LEN];
	struct responder *r = m->state;
	int line[2];

	if (cmd_worker_find(WORKER, path) == -1)
		return kind_fail(why, "%s: %s: install certstore again", path,
		    strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) == -1)
		return kind_fail(why, "%s: %s", path, strerror(errno));
	if ((r->pid = fork()) == 0)
		runresponder(r, line[1], path);
	close(line[1]);
	r->line = line[0];
	if (r->pid == -1)
		return kind_fail(why, "%s: %s", path, strerror(errno));
	return waitready(m, why);
}

static void
stopresponder(struct responder *r)
{
	if (r->line != -1)
		close(r->line);
	r->line = -1;
	while (r->nfd > 0)
		close(r->fd[--r->nfd]);
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		while (waitpid(r->pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	r->pid = 0;
}

/* Both processes have the sockets until the end: nobody else can bind them. */
static int
beginhttp(struct method *m, struct method_why *why)
{
	struct responder *r = m->state;

	if (r->pid > 0)
		return 0;
	if (bindall(m, why) == 0 && startresponder(m, why) == 0)
		return 0;
	stopresponder(r);
	return -1;
}

static int
setuphttp(struct method *m, const struct method_task *task,
    const struct kind_note *note, struct method_why *why)
{
	const struct responder *r = m->state;
	char *text;
	ssize_t n;

	(void)note;
	text = kind_print("%s %s", task->token, task->authorization);
	n = send(r->line, text, strlen(text), MSG_NOSIGNAL);
	free(text);
	if (n == -1)
		return kind_fail(why, "%s: " WORKER ": %s", m->word,
		    strerror(errno));
	return waitready(m, why);
}

static void
endhttp(struct method *m)
{
	if (m->state != NULL)
		stopresponder(m->state);
	free(m->state);
	m->state = NULL;
}

const struct kind kind_http = {
	.name = "http",
	.parse = parsehttp,
	.can = canhttp,
	.begin = beginhttp,
	.setup = setuphttp,
	.end = endhttp,
};
