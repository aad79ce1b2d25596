/*
 * acme-order.c: orders, authorizations and certificates, RFC 8555 section 7.4
 * and 7.5, renewal information, RFC 9773, and revocation.  The form of each
 * object is checked here; what it asks for is the caller's affair.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme.h"

#define ITEMS_MAX 1000 /* authorizations, and challenges of one */
#define TOKEN_MAX 128

static int
isword(const char *list, const char *word)
{
	return word != NULL && acme_link_is(list, word);
}

/* Each must be a text with a URL at the CA. */
static int
checkurls(struct acme *acme, const json_t *urls)
{
	const char *url;
	json_t *item;
	size_t i;

	if (json_array_size(urls) == 0 || json_array_size(urls) > ITEMS_MAX)
		return 0;
	json_array_foreach(urls, i,
	    item) if ((url = json_string_value(item)) == NULL ||
	    !acme_host_is(acme, url)) return 0;
	return 1;
}

/* A URL at the CA, or NULL. */
static const char *
ownurl(struct acme *acme, const json_t *json, const char *key)
{
	const char *url = acme_json_url(json, key);

	return url != NULL && acme_host_is(acme, url) ? url : NULL;
}

/*
 * RFC 8555 section 7.1.3: "status" is one of that section, "authorizations" are
 * URLs at the CA, and so are "finalize", and "certificate" if it is valid.
 * Returns the order, or NULL, and then it is freed.
 */
static json_t *
checkorder(struct acme *acme, json_t *order, const char *url,
    struct acme_error *err)
{
	const char *status = acme_json_string(order, "status"), *bad = NULL;

	if (order == NULL)
		return NULL;
	if (!isword("pending ready processing valid invalid", status))
		bad = "status";
	else if (!checkurls(acme, acme_json_array(order, "authorizations")))
		bad = "authorizations";
	else if (ownurl(acme, order, "finalize") == NULL)
		bad = "finalize";
	else if (strcmp(status, "valid") == 0 &&
	    ownurl(acme, order, "certificate") == NULL)
		bad = "certificate";
	if (bad == NULL)
		return order;
	acme_fail(err, ACME_ODD,
	    "%s: not an order: \"%s\" is missing or wrong (RFC 8555 section "
	    "7.1.3)",
	    url, bad);
	json_decref(order);
	return NULL;
}

/*
 * Makes an order, section 7.4, from the whole payload: identifiers and perhaps
 * notAfter, replaces, profile.  Takes the payload; NULL is no memory.  Gives
 * the order's URL for free(3).
 */
json_t *
acme_order_new(struct acme *acme, json_t *payload, char **urlp,
    struct acme_error *err)
{
	struct acme_answer answer = { 0 };
	json_t *order = NULL;
	const char *url;

	*urlp = NULL;
	if (payload == NULL)
		acme_fail(err, ACME_LOCAL, "no memory left");
	else if ((url = acme_resource(acme, "newOrder", err)) != NULL &&
	    (order = acme_ask(acme, url, payload, &answer, err)) != NULL &&
	    (*urlp = acme_location(acme, &answer, "the order", err)) == NULL) {
		json_decref(order);
		order = NULL;
	}
	order = checkorder(acme, order, *urlp, err);
	acme_answer_free(&answer);
	json_decref(payload);
	if (order == NULL) {
		free(*urlp);
		*urlp = NULL;
	}
	return order;
}

json_t *
acme_order_get(struct acme *acme, const char *url, struct acme_error *err)
{
	return checkorder(acme, acme_ask(acme, url, NULL, NULL, err), url, err);
}

/* Waits until its status is none of these, which have blanks between them. */
json_t *
acme_order_wait(struct acme *acme, const char *url, const char *busy,
    struct acme_error *err)
{
	return checkorder(acme, acme_wait(acme, url, busy, err), url, err);
}

/* Sends the request, base64url of DER.  The order may be processing then: the
 * time that the CA names for the first look at it has passed. */
json_t *
acme_order_finalize(struct acme *acme, const json_t *order, const char *csr,
    struct acme_error *err)
{
	const char *url = acme_json_string(order, "finalize");
	json_t *payload = json_pack("{ss}", "csr", csr), *next;
	struct acme_answer answer;
	int64_t retry;

	if (payload == NULL) {
		acme_fail(err, ACME_LOCAL, "no memory left");
		return NULL;
	}
	next = acme_ask(acme, url, payload, &answer, err);
	retry = answer.retry;
	json_decref(payload);
	acme_answer_free(&answer);
	next = checkorder(acme, next, url, err);
	if (next != NULL && retry > certstore_time_now() &&
	    strcmp(acme_json_string(next, "status"), "processing") == 0 &&
	    acme_pause(acme, 0, retry, url, err) == -1) {
		json_decref(next);
		next = NULL;
	}
	return next;
}

/*
 * Section 8: "type" and "url", at the CA, and if there is a "token" it has 1 to
 * 128 characters of base64url, as it may become a file name.
 */
static int
ischallenge(struct acme *acme, const json_t *challenge)
{
	const char *token = acme_json_string(challenge, "token");
	const char *type = acme_json_string(challenge, "type");

	if (type == NULL || ownurl(acme, challenge, "url") == NULL)
		return 0;
	if (json_object_get(challenge, "token") == NULL)
		return 1;
	return token != NULL && strlen(token) <= TOKEN_MAX &&
	    acme_nonce_is(token);
}

/*
 * Section 7.1.4: "status" is one of that section, "identifier" has "type" and
 * "value", and "challenges" are as above; those that are not are left out.
 */
static json_t *
checkauthz(struct acme *acme, json_t *authz, const char *url,
    struct acme_error *err)
{
	json_t *id, *challenges;
	const char *bad = NULL;
	size_t i;

	if (authz == NULL)
		return NULL;
	id = acme_json_object(authz, "identifier");
	challenges = acme_json_array(authz, "challenges");
	if (!isword("pending valid invalid deactivated expired revoked",
		acme_json_string(authz, "status")))
		bad = "status";
	else if (acme_json_string(id, "type") == NULL ||
	    acme_json_string(id, "value") == NULL)
		bad = "identifier";
	else if (challenges == NULL || json_array_size(challenges) > ITEMS_MAX)
		bad = "challenges";
	if (bad != NULL) {
		acme_fail(err, ACME_ODD,
		    "%s: not an authorization: \"%s\" is missing or wrong (RFC "
		    "8555 section 7.1.4)",
		    url, bad);
		json_decref(authz);
		return NULL;
	}
	for (i = json_array_size(challenges); i-- > 0;)
		if (!ischallenge(acme, json_array_get(challenges, i)))
			json_array_remove(challenges, i);
	return authz;
}

json_t *
acme_authz_get(struct acme *acme, const char *url, struct acme_error *err)
{
	return checkauthz(acme, acme_ask(acme, url, NULL, NULL, err), url, err);
}

/* Waits until it is no longer pending. */
json_t *
acme_authz_wait(struct acme *acme, const char *url, struct acme_error *err)
{
	return checkauthz(acme, acme_wait(acme, url, "pending processing", err),
	    url, err);
}

/* Gives up an authorization, section 7.5.2. */
int
acme_authz_deactivate(struct acme *acme, const char *url,
    struct acme_error *err)
{
	json_t *payload = json_pack("{ss}", "status", "deactivated"), *answer;

	if (payload == NULL)
		return acme_fail(err, ACME_LOCAL, "no memory left");
	answer = acme_ask(acme, url, payload, NULL, err);
	json_decref(payload);
	json_decref(answer);
	return answer == NULL ? -1 : 0;
}

/* Tells that a challenge can be tried, section 7.5.1; the payload is JSON. */
int
acme_challenge_answer(struct acme *acme, const char *url, const char *payload,
    struct acme_error *err)
{
	struct acme_answer answer;
	int rv;

	rv = acme_post(acme, url, payload, &answer, err);
	acme_answer_free(&answer);
	return rv;
}

/*
 * Gets a chain as PEM, section 7.4.2; the links of the answer with the relation
 * "alternate" are other chains.  The answer is for acme_answer_free().
 */
int
acme_certificate(struct acme *acme, const char *url, struct acme_answer *answer,
    struct acme_error *err)
{
	if (acme_post(acme, url, NULL, answer, err) == -1)
		return -1;
	if (strlen(answer->body) != answer->len || answer->len == 0)
		return acme_fail(err, ACME_ODD, "%s: not a certificate", url);
	return 0;
}

/*
 * Asks when the certificate with this identifier should be replaced, RFC 9773.
 * Without error, but with 0 as start and end: the CA has no such information.
 */
int
acme_ari(struct acme *acme, const char *certid, struct acme_ari *ari,
    struct acme_error *err)
{
	struct acme_answer answer = { 0 };
	const char *base, *explanation;
	char url[ACME_URL_MAX];
	json_t *json = NULL, *window;
	struct acme_error ignored;
	int n, rv = -1;

	memset(ari, 0, sizeof(*ari));
	if ((base = acme_resource(acme, "renewalInfo", &ignored)) == NULL)
		return 0;
	n = snprintf(url, sizeof(url), "%s/%s", base, certid);
	if (n < 0 || (size_t)n >= sizeof(url))
		return acme_fail(err, ACME_ODD, "%s: too long", base);
	if (acme_get(acme, url, &answer, err) == 0 &&
	    (json = acme_json_parse(answer.body, answer.len, url, err)) != NULL)
		rv = 0;
	ari->retry = answer.retry;
	window = acme_json_object(json, "suggestedWindow");
	ari->start = acme_json_time(window, "start");
	ari->end = acme_json_time(window, "end");
	/* section 4.2: a window that ends before it begins is none */
	if (ari->start == 0 || ari->end <= ari->start) {
		ari->start = ari->end = 0;
		if (rv == 0)
			rv = acme_fail(err, ACME_ODD,
			    "%s: no window (RFC 9773 section 4.2)", url);
	}
	if ((explanation = acme_json_url(json, "explanationURL")) != NULL)
		snprintf(ari->explanation, sizeof(ari->explanation), "%s",
		    explanation);
	json_decref(json);
	acme_answer_free(&answer);
	return rv;
}

/*
 * Revokes a certificate, base64url of DER, section 7.6; reason of RFC 5280.
 * Signed by the account, or by the certificate's own key if that is given.
 */
int
acme_revoke(struct acme *acme, const char *cert, int reason,
    const struct acme_key *key, struct acme_error *err)
{
	const char *url = acme_resource(acme, "revokeCert", err);
	struct acme_answer answer = { 0 };
	json_t *payload;
	char *text;
	int rv;

	if (url == NULL)
		return -1;
	payload = json_pack("{sssi}", "certificate", cert, "reason", reason);
	text = payload == NULL ? NULL : acme_json_text(payload);
	json_decref(payload);
	if (text == NULL)
		return acme_fail(err, ACME_LOCAL, "no memory left");
	rv = key == NULL ? acme_post(acme, url, text, &answer, err) :
			   acme_send_key(acme, key, url, text, &answer, err);
	acme_answer_free(&answer);
	free(text);
	return rv;
}

/* The base64url of the DER of one PEM block of ours, for free(3). */
char *
acme_base64url(const char *pem)
{
	char *out = malloc(strlen(pem) + 1), *p = out;
	const char *line;
	size_t n;

	if (out == NULL)
		return NULL;
	for (line = pem; *line != '\0'; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		if (*line == '-')
			continue;
		for (size_t i = 0; i < n; i++)
			if (line[i] == '+')
				*p++ = '-';
			else if (line[i] == '/')
				*p++ = '_';
			else if (line[i] != '=')
				*p++ = line[i];
	}
	*p = '\0';
	return out;
}

/* The base64url of DER, for free(3). */
char *
acme_base64url_der(const void *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz"
				     "0123456789-_";
	char *out = malloc(len / 3 * 4 + 5), *q = out;
	const unsigned char *p = data;
	unsigned int bits = 0, n = 0;

	if (out == NULL)
		return NULL;
	for (; len > 0; len--) {
		bits = bits << 8 | *p++;
		for (n += 8; n >= 6; n -= 6)
			*q++ = digits[bits >> (n - 6) & 63];
	}
	if (n > 0)
		*q++ = digits[bits << (6 - n) & 63];
	*q = '\0';
	return out;
}
