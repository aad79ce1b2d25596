/*
 * acme-http.c: HTTPS requests through libcurl: no other protocol, no redirect,
 * limits of time and size, and only checked header fields.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "acme.h"

#define CONNECT_SECONDS 30
#define ANSWER_SECONDS 100
#define HEADERS_MAX (64 * 1024)
#define LINKS_MAX 32
#define HELD_MAX 512 /* of a field that is kept until the end */

/* Of SSL_VERIFYRESULT: X509_V_ERR_... of OpenSSL's x509_vfy.h. */
enum {
	NOT_YET_VALID = 9,
	HAS_EXPIRED = 10,
	SELF_SIGNED_LEAF = 18,
	SELF_SIGNED_IN_CHAIN = 19,
	NO_LOCAL_ISSUER = 20,
	NO_LEAF_SIGNATURE = 21
};

struct acme_http {
	CURL *curl;
	struct curl_slist *get, *post; /* header fields of requests */
	struct acme_answer *answer;    /* of the request that runs */
	const char *url;
	size_t nheader, nlink, size;
	char retry[HELD_MAX]; /* Retry-After, read with Date */
	int large, bymemory;  /* why a transfer was cut */
	int proxied;	      /* a request went through a proxy */
	char error[CURL_ERROR_SIZE];
};

void
acme_answer_free(struct acme_answer *answer)
{
	struct acme_link *link;

	while ((link = answer->links) != NULL) {
		answer->links = link->next;
		free(link);
	}
	free(answer->body);
	free(answer->location);
	free(answer->nonce);
	memset(answer, 0, sizeof(*answer));
}

/* Makes a relative reference absolute.  NULL: it is no good URL. */
static char *
resolve(const char *base, const char *url)
{
	CURLU *u;
	char *full = NULL, *copy = NULL;

	if ((u = curl_url()) == NULL)
		return NULL;
	if (curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &full, 0) == CURLUE_OK &&
	    acme_url_is(full))
		copy = strdup(full);
	curl_free(full);
	curl_url_cleanup(u);
	return copy;
}

/* The links of a Link field, in their order; what is too much is left out. */
static int
keeplinks(struct acme_http *http, const char *field)
{
	struct acme_link *link, **last = &http->answer->links;
	char target[ACME_URL_MAX], rel[128], *url;
	size_t ulen;

	while (*last != NULL)
		last = &(*last)->next;
	while (http->nlink < LINKS_MAX &&
	    acme_link_next(&field, target, sizeof(target), rel, sizeof(rel))) {
		if ((url = resolve(http->url, target)) == NULL)
			continue;
		ulen = strlen(url) + 1;
		if ((link = malloc(sizeof(*link) + ulen + strlen(rel) + 1)) ==
		    NULL) {
			free(url);
			return -1;
		}
		link->next = NULL;
		memcpy(link->url, url, ulen);
		link->rel = link->url + ulen;
		memcpy(link->rel, rel, strlen(rel) + 1);
		free(url);
		*last = link;
		last = &link->next;
		http->nlink++;
	}
	return 0;
}

static int
keepfield(struct acme_http *http, const char *name, const char *value)
{
	struct acme_answer *answer = http->answer;

	if (strcasecmp(name, "Replay-Nonce") == 0 && acme_nonce_is(value)) {
		free(answer->nonce);
		return (answer->nonce = strdup(value)) == NULL ? -1 : 0;
	}
	if (strcasecmp(name, "Location") == 0) {
		free(answer->location);
		answer->location = resolve(http->url, value);
	} else if (strcasecmp(name, "Link") == 0)
		return keeplinks(http, value);
	else if (strcasecmp(name, "Date") == 0)
		answer->date = acme_date_parse(value);
	else if (strcasecmp(name, "Retry-After") == 0)
		snprintf(http->retry, sizeof(http->retry), "%s", value);
	return 0;
}

/* One line of the header, with its CR LF. */
static size_t
takeheader(char *p, size_t one, size_t n, void *arg)
{
	struct acme_http *http = arg;
	char line[4096], *value;
	size_t len = n;

	if ((http->nheader += n) > HEADERS_MAX) {
		http->large = 1;
		return 0;
	}
	/* a new status line: what came before was 1xx */
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		acme_answer_free(http->answer);
		http->nlink = 0;
		http->retry[0] = '\0';
		return n * one;
	}
	while (len > 0 &&
	    (p[len - 1] == '\r' || p[len - 1] == '\n' || p[len - 1] == ' ' ||
		p[len - 1] == '\t'))
		len--;
	if (len == 0 || len >= sizeof(line) || memchr(p, '\0', len) != NULL)
		return n * one;
	memcpy(line, p, len);
	line[len] = '\0';
	if ((value = strchr(line, ':')) == NULL)
		return n * one;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (keepfield(http, line, value) == -1) {
		http->bymemory = 1;
		return 0;
	}
	return n * one;
}

static size_t
takebody(char *p, size_t one, size_t n, void *arg)
{
	struct acme_http *http = arg;
	struct acme_answer *answer = http->answer;
	size_t need = answer->len + n + 1;
	char *body;

	if (need > CERTSTORE_INPUT_MAX) {
		http->large = 1;
		return 0;
	}
	if (need > http->size || answer->body == NULL) {
		http->size = need < 4096 ? 4096 : 2 * need;
		if ((body = realloc(answer->body, http->size)) == NULL) {
			http->bymemory = 1;
			return 0;
		}
		answer->body = body;
	}
	memcpy(answer->body + answer->len, p, n);
	answer->len += n;
	answer->body[answer->len] = '\0';
	return n * one;
}

/* No program that a command runs gets the connection. */
static curl_socket_t
opensocket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)arg;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
}

static int
hasfiles(const char *dir)
{
	struct dirent *de;
	DIR *dp;
	int has = 0;

	if (dir == NULL || (dp = opendir(dir)) == NULL)
		return 0;
	while (!has && (de = readdir(dp)) != NULL)
		has = de->d_name[0] != '.';
	closedir(dp);
	return has;
}

static int
hastext(const char *file)
{
	struct stat st;

	return file != NULL && stat(file, &st) == 0 && st.st_size > 0 &&
	    access(file, R_OK) == 0;
}

static const char *
fromenv(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

/*
 * Whom the connection trusts: the file if there is one, else that of
 * SSL_CERT_FILE or SSL_CERT_DIR, else what the system has.
 */
static int
choosetrust(struct acme_http *http, const char *file, struct acme_error *err)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	const char *dir = NULL;
	char clean[256];

	if (file == NULL) {
		file = fromenv("SSL_CERT_FILE");
		dir = fromenv("SSL_CERT_DIR");
	}
	if (file == NULL && dir == NULL) {
		file = hastext(info->cainfo) ? info->cainfo : NULL;
		dir = hasfiles(info->capath) ? info->capath : NULL;
		if (file == NULL && dir == NULL)
			return acme_fail(err, ACME_LOCAL,
			    "no CA certificates on this host: install "
			    "ca-certificates, or use -T with a file");
	} else if (file != NULL && !hastext(file)) {
		certstore_escape(clean, sizeof(clean), file, strlen(file));
		return acme_fail(err, ACME_LOCAL, "%s: %s", clean,
		    access(file, R_OK) == 0 ? "is empty" : strerror(errno));
	}
	curl_easy_setopt(http->curl, CURLOPT_CAINFO, file);
	curl_easy_setopt(http->curl, CURLOPT_CAPATH, dir);
	return 0;
}

/* The proxy that the environment has for https; NULL: none. */
static const char *
envproxy(void)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY" };
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((value = fromenv(names[i])) != NULL)
			return value;
	return NULL;
}

/*
 * The proxy of the environment, if requests went through it: that is not so if
 * NO_PROXY has the host.  For free(3); NULL: none.
 */
char *
acme_http_proxy(struct acme_http *http)
{
	const char *proxy = envproxy();

	return proxy == NULL || !http->proxied ? NULL : strdup(proxy);
}

/* Makes requests that trust the CAs of a file, and a proxy; either or NULL. */
struct acme_http *
acme_http_new(const char *cafile, const char *proxy, struct acme_error *err)
{
	struct acme_http *http;
	char agent[128];
	CURL *curl;

	if ((http = calloc(1, sizeof(*http))) == NULL ||
	    (http->curl = curl = curl_easy_init()) == NULL ||
	    (http->get = curl_slist_append(NULL, "Accept-Language: en")) ==
		NULL ||
	    (http->post = curl_slist_append(NULL, "Accept-Language: en")) ==
		NULL ||
	    curl_slist_append(http->post,
		"Content-Type: application/jose+json") == NULL ||
	    curl_slist_append(http->post, "Expect:") == NULL) {
		acme_fail(err, ACME_LOCAL, "no memory left");
		acme_http_free(http);
		return NULL;
	}
	snprintf(agent, sizeof(agent), "certstore/%s libcurl/%s",
	    certstore_version(), curl_version_info(CURLVERSION_NOW)->version);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, agent);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_SECONDS);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
	    (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, opensocket);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, takeheader);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, takebody);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
	if (envproxy() == NULL && proxy != NULL)
		curl_easy_setopt(curl, CURLOPT_PROXY, proxy);
	if (choosetrust(http, cafile, err) == -1) {
		acme_http_free(http);
		return NULL;
	}
	return http;
}

/* libcurl writes to sockets that the peer may have closed. */
static void
ignorepipe(struct sigaction *before)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigemptyset(&ignore.sa_mask);
	sigaction(SIGPIPE, &ignore, before);
}

void
acme_http_free(struct acme_http *http)
{
	struct sigaction before;

	if (http == NULL)
		return;
	ignorepipe(&before);
	curl_easy_cleanup(http->curl);
	sigaction(SIGPIPE, &before, NULL);
	curl_slist_free_all(http->get);
	curl_slist_free_all(http->post);
	free(http);
}

/* Why no answer came, and what helps. */
static int
failtransfer(struct acme_http *http, CURLcode code, struct acme_error *err)
{
	char clean[CURL_ERROR_SIZE], now[CERTSTORE_TIME_LEN];
	const char *text = curl_easy_strerror(code);
	long result = 0;

	if (http->bymemory || code == CURLE_OUT_OF_MEMORY)
		return acme_fail(err, ACME_LOCAL, "no memory left");
	if (http->large)
		return acme_fail(err, ACME_ODD, "%s: the answer is too large",
		    http->url);
	if (http->error[0] != '\0')
		text = http->error;
	certstore_escape(clean, sizeof(clean), text, strlen(text));
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return acme_fail(err, ACME_DOWN, "%s: %s", http->url, clean);
	curl_easy_getinfo(http->curl, CURLINFO_SSL_VERIFYRESULT, &result);
	switch (result) {
	case NOT_YET_VALID:
	case HAS_EXPIRED:
		return acme_fail(err, ACME_DOWN,
		    "%s: %s: is the clock right? It is %s here", http->url,
		    clean, certstore_time_format(certstore_time_now(), now));
	case SELF_SIGNED_LEAF:
	case SELF_SIGNED_IN_CHAIN:
	case NO_LOCAL_ISSUER:
	case NO_LEAF_SIGNATURE:
		return acme_fail(err, ACME_DOWN,
		    "%s: %s: use -T with the CA of this server, if you trust "
		    "it",
		    http->url, clean);
	default:
		return acme_fail(err, ACME_DOWN, "%s: %s", http->url, clean);
	}
}

/*
 * Sends a request, a POST with this body, and reads the answer, whatever its
 * status.  The answer is for acme_answer_free(), also after an error.
 */
int
acme_http_send(struct acme_http *http, enum acme_method method, const char *url,
    const char *body, struct acme_answer *answer, struct acme_error *err)
{
	struct sigaction before;
	CURLcode code;
	long connect = 0;

	memset(answer, 0, sizeof(*answer));
	if (!acme_url_is(url)) /* each that is not ours was checked */
		return acme_fail(err, ACME_LOCAL, "not an https URL");
	http->answer = answer;
	http->url = url;
	http->nheader = http->nlink = http->size = 0;
	http->large = http->bymemory = 0;
	http->error[0] = http->retry[0] = '\0';
	curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
	if (method == ACME_POST) {
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE,
		    (long)strlen(body));
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
	}
	curl_easy_setopt(http->curl, CURLOPT_NOBODY,
	    method == ACME_HEAD ? 1L : 0L);
	if (method == ACME_POST)
		curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER,
	    method == ACME_POST ? http->post : http->get);
	curl_easy_setopt(http->curl, CURLOPT_URL, url);
	ignorepipe(&before);
	code = curl_easy_perform(http->curl);
	sigaction(SIGPIPE, &before, NULL);
	if (code != CURLE_OK)
		return failtransfer(http, code, err);
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_easy_getinfo(http->curl, CURLINFO_HTTP_CONNECTCODE, &connect);
	if (connect != 0)
		http->proxied = 1;
	if (http->retry[0] != '\0')
		answer->retry = acme_retry_parse(http->retry,
		    certstore_time_now(), answer->date);
	if (answer->body == NULL && (answer->body = strdup("")) == NULL)
		return acme_fail(err, ACME_LOCAL, "no memory left");
	return 0;
}
