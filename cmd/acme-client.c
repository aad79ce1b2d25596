/*
 * acme-client.c: requests to an ACME server: the directory, nonces, signatures,
 * problem documents, and how long to wait for what takes time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "acme.h"
#include "cmd.h"

#define PLACES_MAX 16
#define NONCES_MAX 300 /* until a request is given up */
#define PAUSE_MIN 50   /* ms */
#define PAUSE_MAX 5000
#define LIMIT 600 /* s */

struct acme {
	struct certstore_account *account;
	struct acme_http *http;
	json_t *directory, *problem;
	char *nonce;
	char place[PLACES_MAX][300]; /* host:port of what the directory has */
	size_t nplace;
	int64_t skew, until; /* ms of the monotonic clock */
};

volatile sig_atomic_t acme_stop;

/* Keeps what each answer has, whatever it is: a nonce, and the time. */
static void
keepcommon(struct acme *acme, struct acme_answer *answer)
{
	if (answer->nonce != NULL) {
		free(acme->nonce);
		acme->nonce = answer->nonce;
		answer->nonce = NULL;
	}
	if (answer->date != 0)
		acme->skew = certstore_time_now() - answer->date;
}

static enum acme_why
whyof(const struct acme_error *err)
{
	if (strcmp(err->type, "accountDoesNotExist") == 0)
		return ACME_NOACCOUNT;
	if (strcmp(err->type, "userActionRequired") == 0)
		return ACME_TERMS;
	if (strcmp(err->type, "rateLimited") == 0 || err->status == 429)
		return ACME_LIMITED;
	if (err->status >= 500)
		return ACME_DOWN;
	return ACME_REFUSED;
}

/* What the user must read, RFC 8555 section 7.3.3. */
static const char *
findterms(const json_t *problem, const struct acme_answer *answer)
{
	const struct acme_link *link;
	const char *url;

	for (link = answer->links; link != NULL; link = link->next)
		if (acme_link_is(link->rel, "terms-of-service"))
			return link->url;
	url = acme_json_url(problem, "instance");
	return url == NULL ? "" : url;
}

/* Copies the type of ACME's own problems. */
static void
copytype(struct acme_error *err, const json_t *problem)
{
	static const char urn[] = "urn:ietf:params:acme:error:";
	const char *type = acme_json_string(problem, "type");

	if (type == NULL || strncmp(type, urn, sizeof(urn) - 1) != 0)
		return;
	type += sizeof(urn) - 1;
	if (strlen(type) < sizeof(err->type) &&
	    type[strspn(type,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0')
		strcpy(err->type, type);
}

/* Whether the answer is what was asked for: 0, or -1 and what it is else. */
static int
judge(struct acme *acme, const char *url, const struct acme_answer *answer,
    struct acme_error *err)
{
	struct acme_error ignored;
	char place[300], text[700];
	size_t len;

	json_decref(acme->problem);
	acme->problem = NULL;
	/* also of a nonce that was refused before */
	memset(err, 0, sizeof(*err));
	if (answer->status >= 200 && answer->status < 300)
		return 0;
	if (answer->status >= 300 && answer->status < 400)
		return acme_fail(err, ACME_ODD,
		    "%s: redirects%s%s: redirects are refused: use the URL of "
		    "the directory itself",
		    url, answer->location == NULL ? "" : " to ",
		    answer->location == NULL ? "" : answer->location);
	acme_fail(err, ACME_REFUSED, "%s: HTTP status %ld", url,
	    answer->status);
	err->status = answer->status;
	err->retry = answer->retry;
	acme->problem = acme_json_parse(answer->body, answer->len, url,
	    &ignored);
	if (acme->problem != NULL) {
		copytype(err, acme->problem);
		acme_problem_text(acme->problem, text, sizeof(text));
		acme_url_place(url, place, sizeof(place));
		len = strlen(place);
		if (len > 4 && strcmp(place + len - 4, ":443") == 0)
			place[len - 4] = '\0';
		if (text[0] != '\0')
			snprintf(err->msg, sizeof(err->msg),
			    "%.80s: CA says %s", place, text);
	}
	err->why = whyof(err);
	if (err->why == ACME_TERMS)
		snprintf(err->url, sizeof(err->url), "%s",
		    findterms(acme->problem, answer));
	return -1;
}

int
acme_get(struct acme *acme, const char *url, struct acme_answer *answer,
    struct acme_error *err)
{
	if (acme_http_send(acme->http, ACME_GET, url, NULL, answer, err) == -1)
		return -1;
	keepcommon(acme, answer);
	return judge(acme, url, answer, err);
}

static void
addplace(struct acme *acme, const char *url)
{
	char *place = acme->place[acme->nplace];

	if (acme->nplace < PLACES_MAX &&
	    acme_url_place(url, place, sizeof(acme->place[0])) == 0)
		acme->nplace++;
}

/* Whether a URL of an answer is at a host that the directory names. */
int
acme_host_is(const struct acme *acme, const char *url)
{
	char place[300];
	size_t i;

	if (!acme_url_is(url) ||
	    acme_url_place(url, place, sizeof(place)) == -1)
		return 0;
	for (i = 0; i < acme->nplace; i++)
		if (strcasecmp(place, acme->place[i]) == 0)
			return 1;
	return 0;
}

static int
readdirectory(struct acme *acme, const char *url, struct acme_error *err)
{
	static const char *const needed[] = { "newNonce", "newAccount",
		"newOrder" };
	struct acme_answer answer;
	const char *key;
	json_t *value;
	size_t i;

	if (acme_get(acme, url, &answer, err) == 0)
		acme->directory = acme_json_parse(answer.body, answer.len, url,
		    err);
	acme_answer_free(&answer);
	if (acme->directory == NULL)
		return -1;
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (acme_json_url(acme->directory, needed[i]) == NULL)
			return acme_fail(err, ACME_ODD,
			    "%s: not an ACME directory: it has no https URL "
			    "\"%s\" (RFC 8555 section 7.1.1)",
			    url, needed[i]);
	addplace(acme, url);
	json_object_foreach(acme->directory, key,
	    value) if (acme_json_url(acme->directory, key) != NULL)
	    addplace(acme, json_string_value(value));
	return 0;
}

/*
 * The file of the CAs that sign the server's certificate: the account's, which
 * is a file (with a slash or dot) or a trust set of the store.  NULL: none, or
 * no memory.
 */
static char *
cafile(struct certstore *store, const char *ca)
{
	char *path;

	if (ca == NULL)
		return NULL;
	if (strpbrk(ca, "/.") != NULL)
		return strdup(ca);
	if (asprintf(&path, "%s/trusts/%s/bundle.pem", certstore_path(store),
		ca) == -1)
		return NULL;
	return path;
}

/* Connects to the directory of an account, which stays the caller's. */
struct acme *
acme_open(struct certstore *store, struct certstore_account *account,
    struct acme_error *err)
{
	const char *ca = certstore_account_value(account, "ca", 0);
	const char *url = certstore_account_value(account, "directory", 0);
	struct acme *acme = calloc(1, sizeof(*acme));
	char *file = cafile(store, ca);

	if (acme == NULL || (ca != NULL && file == NULL))
		acme_fail(err, ACME_LOCAL, "no memory left");
	else if (url == NULL)
		acme_fail(err, ACME_LOCAL, "%s: the account has no directory",
		    certstore_account_name(account));
	else
		acme->http = acme_http_new(file,
		    certstore_account_value(account, "proxy", 0), err);
	free(file);
	if (acme == NULL || acme->http == NULL) {
		free(acme);
		return NULL;
	}
	acme->account = account;
	acme_limit(acme, LIMIT);
	if (readdirectory(acme, url, err) == -1) {
		acme_close(acme);
		return NULL;
	}
	return acme;
}

void
acme_close(struct acme *acme)
{
	if (acme == NULL)
		return;
	acme_http_free(acme->http);
	json_decref(acme->directory);
	json_decref(acme->problem);
	free(acme->nonce);
	free(acme);
}

struct certstore_account *
acme_account(const struct acme *acme)
{
	return acme->account;
}

/* The URL of a resource; NULL: the server has none. */
const char *
acme_resource(const struct acme *acme, const char *name, struct acme_error *err)
{
	const char *url = acme_json_url(acme->directory, name);

	if (url == NULL)
		acme_fail(err, ACME_REFUSED, "%s: the server has no \"%s\"",
		    certstore_account_value(acme->account, "directory", 0),
		    name);
	return url;
}

json_t *
acme_meta(const struct acme *acme)
{
	return acme_json_object(acme->directory, "meta");
}

/* The URL of the terms of service, RFC 8555 section 7.1.1; perhaps http. */
const char *
acme_terms(const struct acme *acme)
{
	const char *p,
	    *url = acme_json_string(acme_meta(acme), "termsOfService");

	if (url == NULL || *url == '\0' || strlen(url) >= ACME_URL_MAX)
		return NULL;
	for (p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			return NULL;
	return url;
}

int
acme_wants_eab(const struct acme *acme)
{
	return json_is_true(
	    json_object_get(acme_meta(acme), "externalAccountRequired"));
}

char *
acme_proxy(struct acme *acme)
{
	return acme_http_proxy(acme->http);
}

int64_t
acme_skew(const struct acme *acme)
{
	return acme->skew;
}

const json_t *
acme_problem(const struct acme *acme)
{
	return acme->problem;
}

void
acme_limit(struct acme *acme, int64_t seconds)
{
	acme->until = cmd_clock() + seconds * 1000;
}

/* Takes the nonce of the last answer, or asks for one: RFC 8555 section 7.2. */
static char *
takenonce(struct acme *acme, struct acme_error *err)
{
	struct acme_answer answer;
	const char *url;
	char *nonce;
	int rv = 0;

	if (acme->nonce == NULL) {
		if ((url = acme_resource(acme, "newNonce", err)) == NULL)
			return NULL;
		rv = acme_http_send(acme->http, ACME_HEAD, url, NULL, &answer,
		    err);
		if (rv == 0) {
			keepcommon(acme, &answer);
			rv = judge(acme, url, &answer, err);
		}
		acme_answer_free(&answer);
		if (rv == 0 && acme->nonce == NULL)
			rv = acme_fail(err, ACME_ODD,
			    "%s: no nonce in the answer (RFC 8555 section 7.2)",
			    url);
	}
	nonce = rv == 0 ? acme->nonce : NULL;
	if (nonce != NULL)
		acme->nonce = NULL;
	return nonce;
}

/* By the account, or by a key that is no account's. */
static char *
signpayload(struct acme *acme, const struct acme_key *key, const char *url,
    const char *nonce, const char *payload, int flags,
    struct certstore_error *err)
{
	if (key == NULL)
		return certstore_account_jws(acme->account, url, nonce, payload,
		    flags, err);
	return certstore_key_jws(key->label, key->data, key->len, NULL, url,
	    nonce, payload, err);
}

static int
sendsigned(struct acme *acme, const struct acme_key *key, const char *url,
    const char *payload, int flags, struct acme_answer *answer,
    struct acme_error *err)
{
	struct certstore_error cerr;
	char *jws, *nonce;
	int n, rv;

	memset(answer, 0, sizeof(*answer));
	for (n = 0; n < NONCES_MAX; n++) {
		if ((nonce = takenonce(acme, err)) == NULL)
			return -1;
		jws = signpayload(acme, key, url, nonce, payload, flags, &cerr);
		free(nonce);
		if (jws == NULL)
			return acme_fail(err, ACME_LOCAL, "%s", cerr.msg);
		rv = acme_http_send(acme->http, ACME_POST, url, jws, answer,
		    err);
		free(jws);
		if (rv == -1)
			return -1;
		keepcommon(acme, answer);
		if ((rv = judge(acme, url, answer, err)) == 0 ||
		    strcmp(err->type, "badNonce") != 0)
			return rv;
		acme_answer_free(answer);
	}
	return -1;
}

/*
 * Sends a signed request, RFC 8555 section 6.2; without payload it is a
 * POST-as-GET.  A refused nonce is replaced, section 6.5.  Returns 0 if the
 * status is 2xx; the answer is for acme_answer_free() in any case.
 */
int
acme_send(struct acme *acme, const char *url, const char *payload, int flags,
    struct acme_answer *answer, struct acme_error *err)
{
	return sendsigned(acme, NULL, url, payload, flags, answer, err);
}

/* The same, signed by the key of a certificate, section 7.6. */
int
acme_send_key(struct acme *acme, const struct acme_key *key, const char *url,
    const char *payload, struct acme_answer *answer, struct acme_error *err)
{
	return sendsigned(acme, key, url, payload, 0, answer, err);
}

/* A copy of the Location of an answer, for free(3); what it is, for errors. */
char *
acme_location(const struct acme *acme, const struct acme_answer *answer,
    const char *what, struct acme_error *err)
{
	char *url;

	if (answer->location == NULL || !acme_host_is(acme, answer->location)) {
		acme_fail(err, ACME_ODD,
		    "%s: the server gives %s no https URL of its own",
		    certstore_account_value(acme->account, "directory", 0),
		    what);
		return NULL;
	}
	if ((url = strdup(answer->location)) == NULL)
		acme_fail(err, ACME_LOCAL, "no memory left");
	return url;
}

/*
 * Sleeps before the n-th look, from 0, at what takes time: until the server
 * wants to be asked again, or longer each time.  Returns 0, or -1 if that is
 * beyond the limit, or a signal was caught.
 */
int
acme_pause(struct acme *acme, unsigned int n, int64_t retry, const char *url,
    struct acme_error *err)
{
	struct timespec t;
	int64_t ms = n < 7 ? PAUSE_MIN << n : PAUSE_MAX;
	int64_t now = certstore_time_now();

	if (retry > now)
		ms = (retry - now) * 1000;
	if (cmd_clock() + ms > acme->until) {
		acme_fail(err, ACME_LATER, "%s: not done yet", url);
		err->retry = now + ms / 1000;
		return -1;
	}
	t.tv_sec = (time_t)(ms / 1000);
	t.tv_nsec = (long)(ms % 1000) * 1000000;
	if (acme_stop || (nanosleep(&t, NULL) == -1 && errno == EINTR))
		return acme_fail(err, ACME_LATER, "%s: not done yet", url);
	return 0;
}
