/*
 * probe-net.c: host names to addresses, connections, and what happens on them,
 * for many targets side by side.  getaddrinfo(3) blocks: a child process calls
 * it.
 */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "probe.h"

#define NSLOT 64    /* at once */
#define NADDRESS 16 /* of one host */

/* The answer of a resolver, one write(2). */
struct addresses {
	int rc; /* of getaddrinfo(3) */
	size_t n;
	struct {
		struct sockaddr_storage ss;
		socklen_t len;
	} v[NADDRESS];
};

enum phase { FREE, RESOLVING, CONNECTING, TALKING, SHAKING };

struct slot {
	enum phase phase;
	struct probe_target *target;
	struct probe_question *q; /* NULL: a resolver */
	int fd;
	short events;
	int64_t limit;
	pid_t pid;
	int last; /* TLS begins when all is sent */
	struct probe_talk talk;
	struct probe_tls tls;
};

struct run {
	struct probe_target **v;
	size_t n;
	size_t first;	/* not all before are done */
	size_t started; /* nor begun from here on */
	int scarce;	/* no descriptor or process left: wait for an end */
	unsigned int seconds;
	struct slot slot[NSLOT];
};

static void
findaddresses(const struct certstore_endpoint *e, int flags,
    struct addresses *found)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICSERV | flags,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *ai, *list = NULL;

	memset(found, 0, sizeof(*found));
	found->rc = getaddrinfo(e->host, e->port, &hints, &list);
	for (ai = list; ai != NULL && found->n < NADDRESS; ai = ai->ai_next) {
		if (ai->ai_addrlen > sizeof(found->v[0].ss))
			continue;
		memcpy(&found->v[found->n].ss, ai->ai_addr, ai->ai_addrlen);
		found->v[found->n++].len = ai->ai_addrlen;
	}
	if (list != NULL)
		freeaddrinfo(list);
}

/* What is wrong with a target that has no address. */
static void
failtarget(struct probe_target *t, const char *what)
{
	snprintf(t->why, sizeof(t->why), "%s", what);
	t->state = PROBE_DONE;
}

/* A question for each address and type; or the target is done. */
static void
makequestions(struct probe_target *t, const struct addresses *found)
{
	struct probe_question *q;
	size_t a, i;

	if (found->rc != 0 || found->n == 0) {
		snprintf(t->why, sizeof(t->why), "%s: %s",
		    found->rc == 0 ? "has no address" : gai_strerror(found->rc),
		    found->rc == EAI_AGAIN ? "try again, or correct "
					     "/etc/resolv.conf" :
					     "correct the host");
		t->state = PROBE_DONE;
		return;
	}
	t->question = calloc(found->n * t->ntype, sizeof(*t->question));
	if (t->question == NULL)
		cmd_die("no memory left");
	for (a = 0; a < found->n; a++)
		for (i = 0; i < t->ntype; i++) {
			q = &t->question[t->nquestion++];
			q->ss = found->v[a].ss;
			q->len = found->v[a].len;
			q->type = t->type[i];
			q->needed = t->needed[i];
			if (getnameinfo((struct sockaddr *)&q->ss, q->len,
				q->address, sizeof(q->address), NULL, 0,
				NI_NUMERICHOST) != 0)
				q->address[0] = '\0';
		}
	t->state = PROBE_OPEN;
}

/* Has a question to the address of this one an answer? */
static int
isanswered(const struct probe_target *t, const struct probe_question *q)
{
	size_t i;

	for (i = 0; i < t->nquestion; i++)
		if (t->question[i].chain != NULL &&
		    strcmp(t->question[i].address, q->address) == 0)
			return 1;
	return 0;
}

/* Another question to the same address is asked, or will be. */
static int
isopen(const struct probe_target *t, const struct probe_question *q)
{
	size_t i;

	for (i = 0; i < t->nquestion; i++)
		if (t->question[i].state != PROBE_DONE &&
		    strcmp(t->question[i].address, q->address) == 0)
			return 1;
	return 0;
}

/*
 * After the end of a question: those that were refused are asked again or
 * dropped, see probe.h, and the target may be done.
 */
static void
settletarget(struct probe_target *t)
{
	struct probe_question *q;
	size_t i;
	int all = 1;

	for (i = 0; i < t->nquestion; i++) {
		q = &t->question[i];
		if (q->state == PROBE_DONE && q->lacks != NULL &&
		    q->type != NULL && !q->dropped) {
			if (q->needed || (!isopen(t, q) && !isanswered(t, q))) {
				q->type = NULL;
				q->state = PROBE_NEW;
			} else if (isanswered(t, q))
				q->dropped = 1;
		}
		all &= q->state == PROBE_DONE;
	}
	if (all)
		t->state = PROBE_DONE;
}

static void
freeslot(struct slot *s)
{
	if (s->phase == RESOLVING) {
		(void)kill(s->pid, SIGKILL);
		while (waitpid(s->pid, NULL, 0) == -1 && errno == EINTR)
			;
	}
	if (s->phase == SHAKING)
		probe_tls_free(&s->tls);
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	s->phase = FREE;
}

/* The question of a slot has no answer. */
static void
failslot(struct slot *s, const char *what)
{
	if (s->q == NULL)
		failtarget(s->target, what);
	else {
		snprintf(s->q->why, sizeof(s->q->why), "%s", what);
		s->q->state = PROBE_DONE;
		settletarget(s->target);
	}
	freeslot(s);
}

static void
endquestion(struct slot *s)
{
	struct probe_question *q = s->q;

	q->chain = s->tls.chain;
	q->chainlen = s->tls.len;
	s->tls.chain = NULL;
	q->state = PROBE_DONE;
	freeslot(s);
	settletarget(s->target);
}

/* What to do where there is no TLS: the last part of a message. */
static const char *
hintof(const struct slot *s)
{
	return s->target->e.protocol[0] != '\0' ?
	    "" :
	    ": if it has STARTTLS, add its protocol, such as smtp:";
}

static void
shake(struct slot *s)
{
	char why[PROBE_WHY];

	switch (probe_tls_step(&s->tls)) {
	case 1:
		endquestion(s);
		break;
	case 0:
		s->events = s->tls.events;
		break;
	default:
		if (s->tls.refused && s->q->type != NULL)
			s->q->lacks = s->q->type;
		snprintf(why, sizeof(why), "%.300s%s", s->tls.why,
		    s->tls.isnone ? hintof(s) : "");
		failslot(s, why);
		break;
	}
}

static void
beginshake(struct slot *s)
{
	if (probe_tls_start(&s->tls, s->fd, s->target->e.name, s->q->type) ==
	    -1) {
		failslot(s, s->tls.why);
		return;
	}
	s->phase = SHAKING;
	shake(s);
}

/* Sends what the dialogue wants to send, then waits for the answer. */
static void
talkout(struct slot *s)
{
	struct probe_talk *t = &s->talk;
	ssize_t n;

	while (t->outlen > 0) {
		n = send(s->fd, t->out, t->outlen, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			failslot(s, strerror(errno));
			return;
		}
		if (n <= 0) {
			s->events = POLLOUT;
			return;
		}
		t->outlen -= (size_t)n;
		memmove(t->out, t->out + n, t->outlen);
	}
	s->events = POLLIN;
	if (s->last)
		beginshake(s);
}

static void
talkin(struct slot *s)
{
	char buf[4096];
	ssize_t n;
	int rv;

	n = recv(s->fd, buf, sizeof(buf), 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		failslot(s,
		    n == 0 ? "closes the connection before TLS" :
			     strerror(errno));
		return;
	}
	if ((rv = probe_talk_feed(&s->talk, buf, (size_t)n)) == -1) {
		failslot(s, s->talk.why);
		return;
	}
	s->last = rv;
	talkout(s);
}

static void
beginconnection(struct slot *s)
{
	const struct certstore_endpoint *e = &s->target->e;

	if (e->protocol[0] == '\0') {
		beginshake(s);
		return;
	}
	if (probe_talk_start(&s->talk, e->protocol,
		e->name[0] == '\0' ? e->host : e->name) == -1) {
		failslot(s, "has an unknown protocol");
		return;
	}
	s->phase = TALKING;
	talkout(s);
}

static void
failconnect(struct slot *s, int errnum)
{
	char why[PROBE_WHY];

	s->q->unreachable = errnum == ENETUNREACH || errnum == EADDRNOTAVAIL ||
	    errnum == EAFNOSUPPORT;
	snprintf(why, sizeof(why), "%s%s", strerror(errnum),
	    errnum == ECONNREFUSED ?
		": start the server, or correct the endpoint" :
		"");
	failslot(s, why);
}

static void
endconnect(struct slot *s)
{
	socklen_t len = sizeof(int);
	int errnum = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) == -1)
		errnum = errno;
	if (errnum != 0)
		failconnect(s, errnum);
	else
		beginconnection(s);
}

/* Is an error the lack of what a slot that ends gives back? */
static int
isscarce(struct run *r, int errnum)
{
	const struct slot *s;

	if (errnum != EMFILE && errnum != ENFILE && errnum != EAGAIN &&
	    errnum != ENOMEM && errnum != ENOBUFS)
		return 0;
	for (s = r->slot; s < r->slot + NSLOT; s++)
		if (s->phase != FREE)
			r->scarce = 1;
	return r->scarce;
}

static void
startconnect(struct run *r, struct slot *s, struct probe_target *t,
    struct probe_question *q)
{
	s->target = t;
	s->q = q;
	s->last = 0;
	s->limit = cmd_clock() + (int64_t)r->seconds * 1000;
	s->fd = socket(q->ss.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1 && isscarce(r, errno))
		return;
	s->phase = CONNECTING;
	q->state = PROBE_OPEN;
	if (s->fd == -1) {
		failconnect(s, errno);
		return;
	}
	s->events = POLLOUT;
	if (connect(s->fd, (struct sockaddr *)&q->ss, q->len) == 0)
		beginconnection(s);
	else if (errno != EINPROGRESS)
		failconnect(s, errno);
}

/* Starts a resolver for a name; an address needs none. */
static void
starttarget(struct run *r, struct slot *s, struct probe_target *t)
{
	struct addresses found;
	int errnum, fds[2];
	size_t i;

	r->started++;
	if (t->e.address) {
		findaddresses(&t->e, AI_NUMERICHOST, &found);
		makequestions(t, &found);
		return;
	}
	if (pipe2(fds, O_CLOEXEC) == -1) {
		errnum = errno;
		goto fail;
	}
	if ((s->pid = fork()) == -1) {
		errnum = errno;
		close(fds[0]);
		close(fds[1]);
		goto fail;
	}
	if (s->pid == 0) {
		/* it needs descriptors of its own */
		for (i = 0; i < NSLOT; i++)
			if (r->slot[i].fd != -1)
				close(r->slot[i].fd);
		findaddresses(&t->e, 0, &found);
		_exit(write(fds[1], &found, sizeof(found)) != sizeof(found));
	}
	close(fds[1]);
	t->state = PROBE_OPEN;
	s->phase = RESOLVING;
	s->target = t;
	s->q = NULL;
	s->fd = fds[0];
	s->events = POLLIN;
	s->limit = cmd_clock() + (int64_t)r->seconds * 1000;
	return;
fail:
	if (isscarce(r, errnum))
		r->started--;
	else
		failtarget(t, strerror(errnum));
}

static void
endresolver(struct slot *s)
{
	struct addresses found;

	if (read(s->fd, &found, sizeof(found)) != sizeof(found)) {
		failslot(s, "its addresses cannot be looked up");
		return;
	}
	makequestions(s->target, &found);
	freeslot(s);
}

static void
timeoutslot(const struct run *r, struct slot *s)
{
	static const char *const what[] = {
		[RESOLVING] = "its addresses are not found within %u s: "
			      "correct /etc/resolv.conf, or use -W",
		[CONNECTING] = "no connection within %u s: is there a "
			       "firewall?  use -W to wait longer",
		[TALKING] = "no complete answer before TLS within %u s: "
			    "correct the protocol, or use -W to wait longer",
		[SHAKING] = "no complete TLS handshake within %u s"
	};
	char why[PROBE_WHY];
	const char *mark = strstr(what[s->phase], "%u");

	snprintf(why, sizeof(why), "%.*s%u%s%s", (int)(mark - what[s->phase]),
	    what[s->phase], r->seconds, mark + 2,
	    s->phase == SHAKING ? hintof(s) : "");
	failslot(s, why);
}

/* Begins what is next, if there is anything: 1, or 0. */
static int
beginwork(struct run *r, struct slot *s)
{
	struct probe_target *t;
	size_t i, k;

	for (i = r->first; i < r->started; i++) {
		t = r->v[i];
		for (k = 0; t->state == PROBE_OPEN && k < t->nquestion; k++)
			if (t->question[k].state == PROBE_NEW) {
				startconnect(r, s, t, &t->question[k]);
				return 1;
			}
	}
	if (r->started == r->n)
		return 0;
	starttarget(r, s, r->v[r->started]);
	return 1;
}

static void
continueslot(struct slot *s)
{
	switch (s->phase) {
	case RESOLVING:
		endresolver(s);
		break;
	case CONNECTING:
		endconnect(s);
		break;
	case TALKING:
		if (s->events == POLLOUT)
			talkout(s);
		else
			talkin(s);
		break;
	case SHAKING:
		shake(s);
		break;
	case FREE:
		break;
	}
}

/* Fills the slots, and waits until something happens on one of them. */
static void
runonce(struct run *r)
{
	struct pollfd fds[NSLOT];
	struct slot *at[NSLOT];
	int64_t left, least = INT_MAX, now;
	nfds_t i, n = 0;
	struct slot *s;

	r->scarce = 0;
	for (s = r->slot; s < r->slot + NSLOT; s++)
		while (s->phase == FREE && !r->scarce && beginwork(r, s))
			;
	now = cmd_clock();
	for (s = r->slot; s < r->slot + NSLOT; s++) {
		if (s->phase == FREE)
			continue;
		if ((left = s->limit - now) < least)
			least = left < 0 ? 0 : left;
		fds[n].fd = s->fd;
		fds[n].events = s->events;
		fds[n].revents = 0;
		at[n++] = s;
	}
	if (n == 0)
		return;
	(void)poll(fds, n, (int)least);
	now = cmd_clock();
	for (i = 0; i < n; i++) {
		if (at[i]->limit <= now)
			timeoutslot(r, at[i]);
		else if (fds[i].revents != 0)
			continueslot(at[i]);
	}
}

/* A write to a connection that was closed must not end the process. */
void
probe_run(struct probe_target **v, size_t n, unsigned int seconds,
    void (*done)(struct probe_target *))
{
	static struct run r;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	size_t i;

	memset(&r, 0, sizeof(r));
	r.v = v;
	r.n = n;
	r.seconds = seconds;
	for (i = 0; i < NSLOT; i++)
		r.slot[i].fd = -1;
	while (r.first < n) {
		sigaction(SIGPIPE, &ignore, &before);
		runonce(&r);
		sigaction(SIGPIPE, &before, NULL);
		for (; r.first < n && v[r.first]->state == PROBE_DONE;
		     r.first++)
			done(v[r.first]);
	}
}
