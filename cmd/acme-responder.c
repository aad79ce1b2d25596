/*
 * acme-responder.c: answers http-01 challenges, RFC 8555 section 8.3, for
 * cert-acme, which gives it sockets that listen, tokens and answers.
 *
 * stdin is a socket whose messages are "TOKEN ANSWER"; each is followed by a byte
 * back, as is the start.  At its end this program ends.  It has no privileges
 * before it reads anything.
 */
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

#include "system.h"

#define PORT_FD 3
#define NPORT 2
#define PREFIX "/.well-known/acme-challenge/"
#define MESSAGE_MAX 4096
#define NOBODY 65534
#define IDLE_SECONDS 10
#define CONNECTIONS 256
#define MEMORY 8192 /* for a connection */

struct challenge {
	struct challenge *next;
	char *token;
	char *answer;
};
static struct challenge *challenges;

/* Makes the root directory an empty one, which has no name any more. */
static void
hidefiles(void)
{
	char dir[] = "/tmp/certstore.XXXXXXXX";

	if (mkdtemp(dir) == NULL)
		return;
	if (chdir(dir) == 0 && rmdir(dir) == 0)
		(void)!chroot(".");
	else
		(void)rmdir(dir);
}

/* In a user namespace nobody may be unknown: user_namespaces(7). */
static int
innamespace(void)
{
	unsigned long inside, outside, count = 0;
	FILE *f;

	if ((f = fopen("/proc/self/uid_map", "re")) == NULL)
		return 0;
	if (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) != 3)
		count = UINT32_MAX;
	fclose(f);
	return count != UINT32_MAX;
}

/* A user of its own, which a package makes, or else nobody. */
static int
becomenobody(void)
{
	const struct passwd *pw;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;
	int tolerate = innamespace();

	if ((pw = getpwnam("_certstore")) != NULL ||
	    (pw = getpwnam("nobody")) != NULL) {
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	hidefiles();
	if (setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0)
		return 0;
	return tolerate ? 0 : -1;
}

/* 0, or -1: privileges are left. */
static int
droprights(void)
{
	const struct rlimit zero = { 0, 0 };

	if (geteuid() == 0 && becomenobody() == -1)
		return -1;
	if (system_dropcapabilities() == -1)
		return -1;
	(void)setrlimit(RLIMIT_CORE, &zero);
	(void)setrlimit(RLIMIT_NPROC, &zero);
	(void)setrlimit(RLIMIT_FSIZE, &zero);
	return 0;
}

/*
 * Signals of a terminal are for cert-acme, which undoes first.  With cert-acme
 * this program ends: by the signal, and by the end of stdin if cert-acme ended
 * before it was asked for.
 */
static int
followparent(void)
{
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	return system_followparent(SIGKILL);
}

static const char *
findanswer(const char *url)
{
	const struct challenge *c;

	if (strncmp(url, PREFIX, sizeof(PREFIX) - 1) != 0)
		return NULL;
	for (c = challenges; c != NULL; c = c->next)
		if (strcmp(url + sizeof(PREFIX) - 1, c->token) == 0)
			return c->answer;
	return NULL;
}

static enum MHD_Result
reply(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *len,
    void **state)
{
	static const char missing[] = "not found\n", refused[] = "use GET\n";
	struct MHD_Response *response;
	const char *answer;
	enum MHD_Result rv;
	unsigned int status = MHD_HTTP_OK;

	(void)arg;
	(void)version;
	(void)data;
	(void)state;
	*len = 0;
	answer = findanswer(url);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		answer = refused;
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
	} else if (answer == NULL) {
		answer = missing;
		status = MHD_HTTP_NOT_FOUND;
	}
	response = MHD_create_response_from_buffer(strlen(answer),
	    (void *)(uintptr_t)answer, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
	    "application/octet-stream");
	MHD_add_response_header(response, "Connection", "close");
	rv = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return rv;
}

/* Reads one message: 1, 0 at the end, -1. */
static int
readmessage(void)
{
	char buf[MESSAGE_MAX + 1], *answer = buf;
	struct challenge *c;
	ssize_t n;

	n = recv(0, buf, MESSAGE_MAX, 0);
	if (n <= 0)
		return n == -1 && errno == EINTR ? 1 : (int)n;
	buf[n] = '\0';
	(void)strsep(&answer, " ");
	if (answer == NULL || (c = calloc(1, sizeof(*c))) == NULL ||
	    (c->token = strdup(buf)) == NULL ||
	    (c->answer = strdup(answer)) == NULL)
		return -1;
	c->next = challenges;
	challenges = c;
	return send(0, "", 1, MSG_NOSIGNAL) == 1 ? 1 : -1;
}

static struct MHD_Daemon *
startport(int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, reply, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned int)IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned int)CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)MEMORY, MHD_OPTION_END);
}

int
main(void)
{
	struct MHD_Daemon *port[NPORT];
	struct pollfd pfd[1 + NPORT] = { { .events = POLLIN } };
	const union MHD_DaemonInfo *info;
	MHD_UNSIGNED_LONG_LONG wait;
	int error, i, n = 0, ms;
	socklen_t len = sizeof(error);

	if (getsockopt(0, SOL_SOCKET, SO_TYPE, &error, &len) == -1 ||
	    error != SOCK_SEQPACKET) {
		fprintf(stderr, "acme-responder: is run by cert-acme only\n");
		return 2;
	}
	if (droprights() == -1 || followparent() == -1)
		return 2;
	for (; n < NPORT &&
	     getsockopt(PORT_FD + n, SOL_SOCKET, SO_TYPE, &error, &len) == 0;
	     n++) {
		if ((port[n] = startport(PORT_FD + n)) == NULL)
			return 2;
		info = MHD_get_daemon_info(port[n], MHD_DAEMON_INFO_EPOLL_FD);
		pfd[1 + n].fd = info->epoll_fd;
		pfd[1 + n].events = POLLIN;
	}
	if (send(0, "", 1, MSG_NOSIGNAL) != 1)
		return 2;
	for (;;) {
		ms = IDLE_SECONDS * 1000;
		for (i = 0; i < n; i++)
			if (MHD_get_timeout(port[i], &wait) == MHD_YES &&
			    wait < (MHD_UNSIGNED_LONG_LONG)ms)
				ms = (int)wait;
		if (poll(pfd, (nfds_t)n + 1, ms) == -1 && errno != EINTR)
			return 2;
		if (pfd[0].revents != 0 && (i = readmessage()) != 1)
			return i == 0 ? 0 : 2;
		for (i = 0; i < n; i++)
			MHD_run(port[i]);
	}
}
