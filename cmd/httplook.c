/*
 * httplook.c: looks whether the answer to an http-01 challenge can be fetched,
 * from each address of the name apart, as a CA does: RFC 8555 section 8.3.
 *
 * This host may not see what the CA sees, so no answer is only a warning.  A wrong
 * answer from a public address is what the CA would get, too.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "kind.h"

#define NREDIRECT 10
#define SECONDS 10L
#define ANSWER_MAX 8192
#define ADDRESS_LEN INET6_ADDRSTRLEN

struct look {
	CURL *curl;
	const struct method_task *task;
	char address[ADDRESS_LEN];
	char url[2048];
	char body[ANSWER_MAX];
	size_t len;
	char error[CURL_ERROR_SIZE];
};

static const struct prefix {
	const char *net;
	int bits;
} private4[] = {
	/* RFC 6890 and the registries that it made */
	{ "0.0.0.0", 8 },
	{ "10.0.0.0", 8 },
	{ "100.64.0.0", 10 },
	{ "127.0.0.0", 8 },
	{ "169.254.0.0", 16 },
	{ "172.16.0.0", 12 },
	{ "192.0.0.0", 24 },
	{ "192.0.2.0", 24 },
	{ "192.168.0.0", 16 },
	{ "198.18.0.0", 15 },
	{ "198.51.100.0", 24 },
	{ "203.0.113.0", 24 },
	{ "224.0.0.0", 3 },
};

static int
ispublic4(const struct in_addr *in)
{
	struct in_addr net;
	size_t i;

	for (i = 0; i < sizeof(private4) / sizeof(private4[0]); i++)
		if (inet_pton(AF_INET, private4[i].net, &net) == 1 &&
		    ((ntohl(in->s_addr) ^ ntohl(net.s_addr)) >>
			(32 - private4[i].bits)) == 0)
			return 0;
	return 1;
}

/* Of IPv6 only 2000::/3 is given out; 2001:db8::/32 is for documents. */
static int
ispublic(const char *text)
{
	struct in6_addr in6;
	struct in_addr in;
	const unsigned char *b = in6.s6_addr;

	if (inet_pton(AF_INET, text, &in) == 1)
		return ispublic4(&in);
	if (inet_pton(AF_INET6, text, &in6) != 1)
		return 0;
	return (b[0] & 0xe0) == 0x20 &&
	    !(b[0] == 0x20 && b[1] == 0x01 && b[2] == 0x0d && b[3] == 0xb8);
}

static size_t
keepbody(char *data, size_t size, size_t n, void *arg)
{
	struct look *look = arg;
	size_t len = size * n;

	if (len > sizeof(look->body) - 1 - look->len)
		len = sizeof(look->body) - 1 - look->len;
	memcpy(look->body + look->len, data, len);
	look->len += len;
	look->body[look->len] = '\0';
	return len < size * n ? 0 : len;
}

static int
stopfetch(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return method_stop != 0;
}

static void
setoptions(struct look *look)
{
	CURL *c = look->curl;

	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, SECONDS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "cert-acme");
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keepbody);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, look);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, stopfetch);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, look->error);
}

/* A redirect that a CA follows goes to port 80 or 443. */
static int
isallowed(const char *url)
{
	char *port = NULL, *scheme = NULL;
	CURLU *u = curl_url();
	int rv = 0;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		CURLUE_OK)
		rv = (strcmp(scheme, "http") == 0 ||
			 strcmp(scheme, "https") == 0) &&
		    (strcmp(port, "80") == 0 || strcmp(port, "443") == 0);
	curl_free(port);
	curl_free(scheme);
	curl_url_cleanup(u);
	return rv;
}

/* RFC 8555 section 8.3: white space at the end is ignored. */
static int
isright(const struct look *look)
{
	size_t len = strlen(look->task->authorization);

	return look->len >= len &&
	    memcmp(look->body, look->task->authorization, len) == 0 &&
	    look->body[len + strspn(look->body + len, " \t\r\n")] == '\0';
}

/* The result of one address: -1 if it is public and the answer wrong. */
static int
failanswer(struct look *look, long status, struct method_why *why)
{
	char at[ADDRESS_LEN + 8], *ip = NULL;
	int public;

	curl_easy_getinfo(look->curl, CURLINFO_PRIMARY_IP, &ip);
	public = ip != NULL && ispublic(ip);
	snprintf(at, sizeof(at), "%s", ip == NULL ? look->address : ip);
	look->body[strcspn(look->body, "\r\n")] = '\0';
	look->body[60] = '\0';
	kind_fail(why,
	    "%s at %s: answers %ld \"%s\" instead of the key authorization%s",
	    look->url, at, status, look->body,
	    public ? "" : ": goes on, since the address is private");
	return public ? -1 : 1;
}

/* The name has only this address, for both ports; NULL if it is an address. */
static struct curl_slist *
pinaddress(const struct look *look)
{
	static const int ports[] = { 80, 443 };
	struct curl_slist *hosts = NULL;
	char *host;
	size_t i;

	for (i = 0; i < 2 && !look->task->isip; i++) {
		host = kind_print("%s:%d:%s", look->task->name, ports[i],
		    look->address);
		hosts = curl_slist_append(hosts, host);
		free(host);
	}
	return hosts;
}

/* 0, 1 a warning, -1 a wrong answer from a public address. */
static int
lookat(struct look *look, struct method_why *why)
{
	struct curl_slist *hosts = pinaddress(look);
	char *next = NULL;
	CURLcode code = CURLE_OK;
	long status = 0;
	int i, rv;

	curl_easy_reset(look->curl);
	setoptions(look);
	curl_easy_setopt(look->curl, CURLOPT_RESOLVE, hosts);
	for (i = 0; i <= NREDIRECT; i++) {
		look->len = 0;
		look->body[0] = look->error[0] = '\0';
		status = 0;
		curl_easy_setopt(look->curl, CURLOPT_URL, look->url);
		code = curl_easy_perform(look->curl);
		curl_easy_getinfo(look->curl, CURLINFO_RESPONSE_CODE, &status);
		next = NULL;
		curl_easy_getinfo(look->curl, CURLINFO_REDIRECT_URL, &next);
		if ((code != CURLE_OK && code != CURLE_WRITE_ERROR) ||
		    next == NULL || !isallowed(next) ||
		    strlen(next) >= sizeof(look->url))
			break;
		snprintf(look->url, sizeof(look->url), "%s", next);
	}
	if (kind_stopped(why) == -1)
		rv = -1;
	else if (code != CURLE_OK && (code != CURLE_WRITE_ERROR || !status)) {
		kind_fail(why, "%s at %s: %s: goes on", look->url,
		    look->address,
		    look->error[0] != '\0' ? look->error :
					     curl_easy_strerror(code));
		rv = 1;
	} else if (status == 200 && isright(look))
		rv = 0;
	else
		rv = failanswer(look, status, why);
	curl_slist_free_all(hosts);
	return rv;
}

/* Each address apart; the worst result is returned. */
static int
lookatall(struct look *look, const struct addrinfo *ai, struct method_why *why)
{
	struct method_why one;
	int rv = 0, rv1;

	for (; ai != NULL && rv != -1; ai = ai->ai_next) {
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, look->address,
			sizeof(look->address), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		snprintf(look->url, sizeof(look->url),
		    strchr(look->task->name, ':') != NULL ?
			"http://[%s]/.well-known/acme-challenge/%s" :
			"http://%s/.well-known/acme-challenge/%s",
		    look->task->name, look->task->token);
		if ((rv1 = lookat(look, &one)) == -1 || (rv1 == 1 && rv == 0)) {
			*why = one;
			rv = rv1;
		}
	}
	return rv;
}

int
kind_look_http(struct method *m, const struct method_task *task,
    struct method_why *why)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct look *look = kind_alloc(sizeof(*look));
	struct addrinfo *list = NULL;
	int error, rv;

	(void)m;
	look->task = task;
	if ((error = getaddrinfo(task->name, NULL, &hints, &list)) != 0) {
		kind_fail(why, "%s: has no address here: %s: goes on",
		    task->name, gai_strerror(error));
		rv = 1;
	} else if ((look->curl = curl_easy_init()) == NULL) {
		kind_fail(why, "libcurl cannot start: goes on without a look");
		rv = 1;
	} else
		rv = lookatall(look, list, why);
	if (list != NULL)
		freeaddrinfo(list);
	curl_easy_cleanup(look->curl);
	free(look);
	return rv;
}
