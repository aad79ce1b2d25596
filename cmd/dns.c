/*
 * dns.c: questions to the authoritative servers of a name, RFC 1034 and RFC
 * 1035, over UDP and, if an answer is too long for that, over TCP.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kind.h"

#define ANSWER_MAX 65535
#define NSERVER 16
#define NREFERRAL 6 /* of a zone to one below it */
#define NALIAS 8
#define CAA 257
#define TRIES 2
#define TIMEOUT_MS 2000
#define RESOLVER_SECONDS 3 /* for the first try */

struct server {
	char name[NS_MAXDNAME];
	struct sockaddr_storage ss;
	socklen_t len;
};

struct servers {
	struct server server[NSERVER];
	size_t n;
};

struct answer {
	unsigned char data[ANSWER_MAX];
	int len;
	ns_msg msg;
};

static int
samename(const char *a, const char *b)
{
	size_t alen = strlen(a), blen = strlen(b);

	if (alen > 0 && a[alen - 1] == '.')
		alen--;
	if (blen > 0 && b[blen - 1] == '.')
		blen--;
	return alen == blen && strncasecmp(a, b, alen) == 0;
}

/* The next record of a section with this type, from *i on: 1 or 0. */
static int
nextrecord(struct answer *a, ns_sect section, int type, int *i, ns_rr *rr)
{
	while (*i < ns_msg_count(a->msg, section))
		if (ns_parserr(&a->msg, section, (*i)++, rr) == -1)
			return 0;
		else if ((int)ns_rr_type(*rr) == type &&
		    ns_rr_class(*rr) == ns_c_in)
			return 1;
	return 0;
}

/* The name that is all, or the first part, of a record's data: 0 or -1. */
static int
nameof(const struct answer *a, const ns_rr *rr, char name[NS_MAXDNAME])
{
	return ns_name_uncompress(ns_msg_base(a->msg), ns_msg_end(a->msg),
		   ns_rr_rdata(*rr), name, NS_MAXDNAME) == -1 ?
	    -1 :
	    0;
}

/* Asks the recursive resolver: 0 or -1. */
static int
askresolver(const char *name, int type, struct answer *a)
{
	unsigned char query[NS_PACKETSZ];
	struct __res_state state;
	int len, rv = -1;

	memset(&state, 0, sizeof(state));
	if (res_ninit(&state) == -1)
		return -1;
	state.retrans = RESOLVER_SECONDS;
	state.retry = TRIES;
	len = res_nmkquery(&state, ns_o_query, name, ns_c_in, type, NULL, 0,
	    NULL, query, sizeof(query));
	if (len > 0) {
		a->len = res_nsend(&state, query, len, a->data,
		    sizeof(a->data));
		if (a->len > 0 && ns_initparse(a->data, a->len, &a->msg) == 0)
			rv = 0;
	}
	res_nclose(&state);
	return rv;
}

/* Waits for the socket: 1, or 0 after the time-out or a signal. */
static int
ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return !method_stop && poll(&pfd, 1, TIMEOUT_MS) == 1;
}

/* Reads len bytes: 0 or -1. */
static int
readbytes(int fd, unsigned char *p, size_t len)
{
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if (!ready(fd, POLLIN) || (n = read(fd, p, len)) <= 0)
			return -1;
	return 0;
}

/* RFC 1035 section 4.2.2: each message after its length.  0 or -1. */
static int
exchangetcp(int fd, const unsigned char *query, size_t len, struct answer *a)
{
	unsigned char prefixed[2 + NS_PACKETSZ], size[2];

	prefixed[0] = (unsigned char)(len >> 8);
	prefixed[1] = (unsigned char)len;
	memcpy(prefixed + 2, query, len);
	if (!ready(fd, POLLOUT) ||
	    send(fd, prefixed, len + 2, MSG_NOSIGNAL) != (ssize_t)len + 2 ||
	    readbytes(fd, size, 2) == -1)
		return -1;
	a->len = size[0] << 8 | size[1];
	return readbytes(fd, a->data, (size_t)a->len);
}

/* An answer to this query? */
static int
isanswer(const unsigned char *query, struct answer *a, const char *name)
{
	ns_rr rr;

	return a->len >= NS_HFIXEDSZ && memcmp(a->data, query, 2) == 0 &&
	    ns_initparse(a->data, a->len, &a->msg) == 0 &&
	    ns_msg_getflag(a->msg, ns_f_qr) &&
	    ns_parserr(&a->msg, ns_s_qd, 0, &rr) == 0 &&
	    samename(ns_rr_name(rr), name);
}

static int
exchangeudp(int fd, const unsigned char *query, size_t len, struct answer *a,
    const char *name)
{
	int i;

	for (i = 0; i < TRIES && !method_stop; i++) {
		if (send(fd, query, len, 0) == -1)
			return -1;
		while (ready(fd, POLLIN)) {
			a->len = (int)recv(fd, a->data, sizeof(a->data), 0);
			if (a->len == -1)
				return -1;
			if (isanswer(query, a, name))
				return 0;
		}
	}
	return -1;
}

static int
connectserver(const struct server *s, int type)
{
	const struct sockaddr *sa = (const struct sockaddr *)&s->ss;
	int fd;

	fd = socket(sa->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, sa, s->len) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/*
 * Asks a server without recursion.  0 is an answer, also that there is no such
 * name; -1: the server does not answer for the name.
 */
static int
askserver(const struct server *s, const char *name, int type, struct answer *a)
{
	unsigned char query[NS_PACKETSZ];
	struct __res_state state;
	int fd, len, rv = -1;

	memset(&state, 0, sizeof(state));
	if (res_ninit(&state) == -1)
		return -1;
	state.options &= ~(
	    unsigned long)(RES_RECURSE | RES_USE_EDNS0 | RES_USE_DNSSEC);
	len = res_nmkquery(&state, ns_o_query, name, ns_c_in, type, NULL, 0,
	    NULL, query, sizeof(query));
	res_nclose(&state);
	if (len <= 0)
		return -1;
	if ((fd = connectserver(s, SOCK_DGRAM)) == -1)
		return -1;
	rv = exchangeudp(fd, query, (size_t)len, a, name);
	close(fd);
	if (rv == 0 && ns_msg_getflag(a->msg, ns_f_tc)) {
		if ((fd = connectserver(s, SOCK_STREAM)) == -1)
			return -1;
		rv = exchangetcp(fd, query, (size_t)len, a);
		close(fd);
		if (rv == 0 && !isanswer(query, a, name))
			rv = -1;
	}
	if (rv == 0 && ns_msg_getflag(a->msg, ns_f_rcode) != ns_r_noerror &&
	    ns_msg_getflag(a->msg, ns_f_rcode) != ns_r_nxdomain)
		rv = -1;
	return rv;
}

/* Adds the addresses of a name server. */
static void
addserver(struct servers *to, const char *name)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV };
	struct addrinfo *ai, *list;

	if (getaddrinfo(name, "53", &hints, &list) != 0)
		return;
	for (ai = list; ai != NULL && to->n < NSERVER; ai = ai->ai_next) {
		struct server *s = &to->server[to->n++];

		snprintf(s->name, sizeof(s->name), "%s", name);
		memcpy(&s->ss, ai->ai_addr, ai->ai_addrlen);
		s->len = ai->ai_addrlen;
	}
	freeaddrinfo(list);
}

/* Adds the servers of the NS records in a section. */
static void
addservers(struct servers *to, struct answer *a, ns_sect section)
{
	char name[NS_MAXDNAME];
	ns_rr rr;
	int i = 0;

	while (nextrecord(a, section, ns_t_ns, &i, &rr))
		if (nameof(a, &rr, name) == 0)
			addserver(to, name);
}

/*
 * Finds the servers of the zone that the name above this one is in: the name
 * itself is never asked for.  That zone may delegate the name.
 */
static void
findservers(const char *name, struct servers *to, struct answer *a)
{
	char zone[NS_MAXDNAME];
	ns_rr rr;
	int i;

	to->n = 0;
	while (to->n == 0 && !method_stop &&
	    (name = strchr(name, '.')) != NULL && *++name != '\0') {
		if (askresolver(name, ns_t_soa, a) == -1)
			return;
		i = 0;
		if (!nextrecord(a, ns_s_an, ns_t_soa, &i, &rr)) {
			i = 0;
			if (!nextrecord(a, ns_s_ns, ns_t_soa, &i, &rr))
				continue;
		}
		snprintf(zone, sizeof(zone), "%s", ns_rr_name(rr));
		if (askresolver(zone, ns_t_ns, a) == 0)
			addservers(to, a, ns_s_an);
	}
}

/* Does the answer only say that servers of a zone below know? */
static int
isreferral(struct answer *a)
{
	ns_rr rr;
	int i = 0;

	return !ns_msg_getflag(a->msg, ns_f_aa) &&
	    ns_msg_count(a->msg, ns_s_an) == 0 &&
	    nextrecord(a, ns_s_ns, ns_t_ns, &i, &rr);
}

/* Finds the servers that have the name itself. */
static void
findauthorities(const char *name, int type, struct servers *to,
    struct answer *a)
{
	int found, n;
	size_t i;

	findservers(name, to, a);
	for (n = 0; n < NREFERRAL; n++) {
		found = 0;
		for (i = 0; i < to->n && !found; i++)
			found = askserver(&to->server[i], name, type, a) == 0;
		if (!found || !isreferral(a))
			return;
		to->n = 0;
		addservers(to, a, ns_s_ns);
	}
}

/* Follows the aliases in an answer: 1 if there is one. */
static int
followalias(struct answer *a, const char *name, char end[DNS_NAME_LEN])
{
	char next[NS_MAXDNAME];
	int i, n, found;
	ns_rr rr;

	snprintf(end, DNS_NAME_LEN, "%s", name);
	for (n = 0; n < NALIAS; n++) {
		for (i = 0, found = 0;
		     !found && nextrecord(a, ns_s_an, ns_t_cname, &i, &rr);)
			found = samename(ns_rr_name(rr), end) &&
			    nameof(a, &rr, next) == 0;
		if (!found)
			break;
		snprintf(end, DNS_NAME_LEN, "%s", next);
	}
	return n > 0;
}

int
dns_alias(const char *name, char end[DNS_NAME_LEN])
{
	struct servers *to = kind_alloc(sizeof(*to));
	struct answer *a = kind_alloc(sizeof(*a));
	char next[DNS_NAME_LEN];
	int found = 1, n;
	size_t i;

	snprintf(end, DNS_NAME_LEN, "%s", name);
	for (n = 0; n < NALIAS && found; n++) {
		findauthorities(end, ns_t_cname, to, a);
		found = 0;
		for (i = 0; i < to->n && !found && !method_stop; i++)
			found = askserver(&to->server[i], end, ns_t_cname, a) ==
				0 &&
			    followalias(a, end, next);
		if (found)
			snprintf(end, DNS_NAME_LEN, "%s", next);
	}
	free(a);
	free(to);
	return !samename(name, end);
}

static char *
copybytes(const unsigned char *p, size_t len)
{
	char *text = kind_alloc(len + 1);

	memcpy(text, p, len);
	return text;
}

/* Reads a CAA record, RFC 8659 section 4.1, that is not malformed. */
static void
readcaa(const ns_rr *rr, struct dns_caa *caa)
{
	const unsigned char *p = ns_rr_rdata(*rr);
	size_t len = ns_rr_rdlen(*rr);
	struct caa_record *r = &caa->record[caa->n];

	if (len < 2 || p[1] == 0 || (size_t)p[1] + 2 > len)
		return;
	r->flags = p[0];
	r->tag = copybytes(p + 2, p[1]);
	r->value = copybytes(p + 2 + p[1], len - 2 - p[1]);
	caa->n++;
}

/*
 * The CAA records of a name itself, from the resolver: nothing changes them
 * during an order.
 */
int
dns_caa(const char *name, struct dns_caa *caa)
{
	struct answer *a = kind_alloc(sizeof(*a));
	char end[DNS_NAME_LEN];
	int i = 0, rcode, rv = -1;
	ns_rr rr;

	dns_caa_free(caa);
	if (askresolver(name, CAA, a) == 0) {
		rcode = ns_msg_getflag(a->msg, ns_f_rcode);
		(void)followalias(a, name, end);
		while (caa->n < sizeof(caa->record) / sizeof(caa->record[0]) &&
		    nextrecord(a, ns_s_an, CAA, &i, &rr))
			if (samename(ns_rr_name(rr), end))
				readcaa(&rr, caa);
		if (rcode == ns_r_noerror || rcode == ns_r_nxdomain)
			rv = caa->n > 0;
	}
	free(a);
	return rv;
}

void
dns_caa_free(struct dns_caa *caa)
{
	while (caa->n > 0) {
		free(caa->record[--caa->n].tag);
		free(caa->record[caa->n].value);
	}
}

/* The strings of a TXT record, joined: RFC 1035 section 3.3.14. */
static char *
jointext(const ns_rr *rr)
{
	const unsigned char *p = ns_rr_rdata(*rr), *end;
	char *q, *text;
	size_t len;

	end = p + ns_rr_rdlen(*rr);
	q = text = kind_alloc((size_t)(end - p) + 1);
	while (p < end) {
		len = *p++;
		if (len > (size_t)(end - p))
			break;
		memcpy(q, p, len);
		q += len;
		p += len;
	}
	return text;
}

static void
readtexts(struct answer *a, const char *name, struct dns_txt *txt)
{
	ns_rr rr;
	int i = 0;

	txt->n = 0;
	while (txt->n < sizeof(txt->text) / sizeof(txt->text[0]) &&
	    nextrecord(a, ns_s_an, ns_t_txt, &i, &rr))
		if (samename(ns_rr_name(rr), name))
			txt->text[txt->n++] = jointext(&rr);
}

static void
freetexts(struct dns_txt *txt)
{
	while (txt->n > 0)
		free(txt->text[--txt->n]);
}

static enum dns_found
lookatserver(const char *name, int (*has)(const struct dns_txt *, void *),
    void *arg, char *server, size_t size, int depth)
{
	struct servers *to = kind_alloc(sizeof(*to));
	struct answer *a = kind_alloc(sizeof(*a));
	enum dns_found found = DNS_SILENT;
	char alias[DNS_NAME_LEN], next[DNS_NAME_LEN] = "";
	struct dns_txt txt;
	size_t i;

	findauthorities(name, ns_t_txt, to, a);
	for (i = 0; i < to->n && found != DNS_SOME; i++) {
		if (method_stop ||
		    askserver(&to->server[i], name, ns_t_txt, a) == -1)
			continue;
		if (followalias(a, name, alias)) {
			snprintf(next, sizeof(next), "%s", alias);
			continue;
		}
		readtexts(a, name, &txt);
		if (has(&txt, arg))
			found = DNS_ALL;
		else {
			found = DNS_SOME;
			snprintf(server, size, "%s", to->server[i].name);
		}
		freetexts(&txt);
	}
	free(a);
	free(to);
	if (*next != '\0' && found != DNS_SOME && depth < NALIAS)
		found = lookatserver(next, has, arg, server, size, depth + 1);
	return found;
}

enum dns_found
dns_look(const char *name, int (*has)(const struct dns_txt *, void *),
    void *arg, char *server, size_t size)
{
	return lookatserver(name, has, arg, server, size, 0);
}
