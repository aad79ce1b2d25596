/*
 * acme-issue.c: one ACME order at the CA, RFC 8555 section 7.4, from where an
 * earlier process left it: found or made, proved, finalized, its certificate
 * taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "entry.h"

#define ROUNDS_MAX 8	 /* of an order, until it is given up */
#define POLL_SECONDS 600 /* for what the CA does */

int
issue_fail(struct issue *s, const char *msg)
{
	snprintf(s->why, METHOD_WHY_LEN, "%s", msg);
	return -1;
}

/* Keeps the last problem document for people, see cert-renew -nv. */
void
issue_keepproblem(struct certstore_order *order, const json_t *problem)
{
	struct certstore_error ignored;
	char *text;

	if (problem == NULL || (text = acme_json_text(problem)) == NULL)
		return;
	(void)certstore_order_set(order, "last", text, &ignored);
	free(text);
}

/*
 * Is it of this entry alone?  So is a limit that names an identifier, and a 5xx
 * for an order that was made: it would stop all others for ever.
 */
static int
isofentry(const struct issue *s, const struct acme_error *err)
{
	const json_t *problem = acme_problem(s->session->acme);

	if (err->why == ACME_DOWN)
		return err->status >= 500 && s->url != NULL;
	return err->why == ACME_LIMITED &&
	    json_array_size(acme_json_array(problem, "subproblems")) > 0;
}

/* The outcome of a request that failed. */
enum outcome
issue_failrequest(struct issue *s, const struct acme_error *err)
{
	issue_keepproblem(s->order, acme_problem(s->session->acme));
	issue_fail(s, err->msg);
	if (!isofentry(s, err) && session_stop(s->session, err)) {
		s->session->nwaiting++;
		return WAITING;
	}
	return err->why == ACME_LATER ? LATER : FAILED;
}

static json_t *
identifiers(const struct certstore_order *order)
{
	const char *type, *value;
	json_t *list = json_array();
	size_t i;

	for (i = 0; certstore_order_identifier(order, i, &type, &value) == 1;
	     i++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s}", "type", type, "value", value));
	return list;
}

/* Which certificate the order replaces, RFC 9773 section 5; NULL: none. */
static char *
replacedid(struct issue *s)
{
	const char *from = certstore_order_value(s->order, "cert-account");
	struct certstore_entry *entry;
	struct certstore_error err;
	char *certid;

	if (from == NULL || !session_is(s->session, from) ||
	    (entry = certstore_entry_get(s->job->store, s->name, &err)) == NULL)
		return NULL;
	certid = window_isold(s->order, entry) ?
	    NULL :
	    certstore_entry_certid(entry, &err);
	certstore_entry_free(entry);
	return certid;
}

/* The payload of newOrder; NULL without memory. */
static json_t *
makepayload(struct issue *s, const char *replaces)
{
	char after[CERTSTORE_TIME_LEN];
	json_t *payload;

	payload = json_pack("{s:o}", "identifiers", identifiers(s->order));
	if (payload == NULL)
		return NULL;
	if (s->profile != NULL)
		json_object_set_new(payload, "profile",
		    json_string(s->profile));
	if (s->job->life > 0)
		json_object_set_new(payload, "notAfter",
		    json_string(certstore_time_format(
			certstore_time_now() + s->job->life, after)));
	if (replaces != NULL)
		json_object_set_new(payload, "replaces", json_string(replaces));
	return payload;
}

/* Does the CA have the profile?  Else the error names those that it has. */
static int
checkprofile(struct issue *s, struct acme_error *err)
{
	json_t *profiles = acme_json_object(acme_meta(s->session->acme),
	    "profiles");
	char list[300];
	const char *name;
	json_t *value;
	size_t len = 0;

	if (s->profile == NULL || json_object_get(profiles, s->profile) != NULL)
		return 0;
	list[0] = '\0';
	json_object_foreach(profiles, name, value)
	{
		len = strlen(list);
		snprintf(list + len, sizeof(list) - len, "%s",
		    len == 0 ? "" : ", ");
		len = strlen(list);
		certstore_escape(list + len, sizeof(list) - len, name,
		    strlen(name));
	}
	return acme_fail(err, ACME_LOCAL,
	    "acmeprofile=%s: the CA does not have it: %s%s", s->profile,
	    len == 0 ? "it has no profiles" : "it has ", list);
}

/* A new order; if the CA does not accept what it replaces, one without. */
static json_t *
makeorder(struct issue *s, struct acme_error *err)
{
	struct acme *acme = s->session->acme;
	struct acme_error ignored;
	char *certid = NULL;
	json_t *order;

	if (checkprofile(s, err) == -1)
		return NULL;
	if (acme_resource(acme, "renewalInfo", &ignored) != NULL)
		certid = replacedid(s);
	order = acme_order_new(acme, makepayload(s, certid), &s->url, err);
	if (order == NULL && certid != NULL && err->why == ACME_REFUSED &&
	    strcmp(err->type, "badNonce") != 0)
		order = acme_order_new(acme, makepayload(s, NULL), &s->url,
		    err);
	free(certid);
	return order;
}

/* The order is dead: the next one is new, with the same request. */
void
issue_drop(struct issue *s)
{
	struct certstore_error ignored;

	(void)certstore_order_set(s->order, "status", "invalid", &ignored);
	(void)certstore_order_set(s->order, "url", NULL, &ignored);
}

/* The order of an earlier process, if it still is of use. */
static json_t *
findorder(struct issue *s, struct acme_error *err)
{
	const char *account = certstore_order_value(s->order, "account");
	const char *status, *url = certstore_order_value(s->order, "url");
	json_t *order;

	err->why = ACME_OK;
	if (url == NULL || account == NULL || !session_is(s->session, account))
		return NULL;
	free(s->url);
	if ((s->url = strdup(url)) == NULL)
		return NULL;
	order = acme_order_get(s->session->acme, url, err);
	if (order == NULL && err->why != ACME_REFUSED && err->why != ACME_ODD)
		return NULL;
	err->why = ACME_OK;
	status = acme_json_string(order, "status");
	if (status != NULL && strcmp(status, "invalid") != 0)
		return order;
	json_decref(order);
	issue_drop(s);
	free(s->url);
	s->url = NULL;
	return NULL;
}

enum outcome
issue_failerror(struct issue *s, const struct certstore_error *err)
{
	issue_fail(s, err->msg);
	return FAILED;
}

/* The request in the form of section 7.4. */
static char *
encoderequest(struct issue *s)
{
	struct certstore_error err;
	const void *der;
	char *encoded;
	size_t len;

	if (certstore_order_csr(s->order, &der, &len, &err) == -1) {
		issue_fail(s, err.msg);
		return NULL;
	}
	if ((encoded = acme_base64url_der(der, len)) == NULL)
		issue_fail(s, "no memory left");
	return encoded;
}

/* The certificate is of no use: the next run makes a new order. */
static enum outcome
failcertificate(struct issue *s, const struct certstore_error *err)
{
	if (err->code == CERTSTORE_EINPUT || err->code == CERTSTORE_EREFUSED)
		issue_drop(s);
	return issue_failerror(s, err);
}

static enum outcome
takecertificate(struct issue *s, const json_t *order)
{
	const char *url = acme_json_url(order, "certificate");
	struct acme_answer answer;
	struct acme_error aerr;
	struct certstore_error err;
	const char *held;
	int rv;

	if (chain_get(s->session->acme, s->name, s->chain, url, &answer,
		&aerr) == -1) {
		acme_answer_free(&answer);
		if (aerr.why == ACME_ODD || aerr.why == ACME_REFUSED)
			issue_drop(s);
		return issue_failrequest(s, &aerr);
	}
	rv = certstore_order_finish(s->order, answer.body, answer.len,
	    s->job->force ? CERTSTORE_ORDER_FORCE : 0, &err);
	acme_answer_free(&answer);
	if (rv == -1)
		return failcertificate(s, &err);
	if (rv == 1) {
		if (!s->job->dryrun)
			window_begin(s->session, s->order);
		return ISSUED;
	}
	held = certstore_order_value(s->order, "held");
	snprintf(s->why, METHOD_WHY_LEN,
	    "its new certificate is held: %s: use cert-renew -f %s to take it",
	    held == NULL ? "" : held, s->name);
	return HELD;
}

/*
 * The CA does not want this key, RFC 8555 section 6.7: the next one is new, and
 * the message says so.
 */
static void
judgekey(struct issue *s, const char *type, char *msg, size_t size)
{
	static const char urn[] = "urn:ietf:params:acme:error:";
	struct certstore_error ignored;
	size_t len = strlen(msg);

	if (type != NULL && strncmp(type, urn, strlen(urn)) == 0)
		type += strlen(urn);
	if (type != NULL &&
	    (strcmp(type, "badPublicKey") == 0 ||
		strcmp(type, "badCSR") == 0)) {
		(void)certstore_order_set(s->order, "newkey", "yes", &ignored);
		snprintf(msg + len, size - len, ": the next key is new");
	}
}

/* What the CA said of an order that it gave up. */
static enum outcome
failorder(struct issue *s, const json_t *order)
{
	char text[700];

	text[0] = '\0';
	acme_problem_text(json_object_get(order, "error"), text, sizeof(text));
	snprintf(s->why, METHOD_WHY_LEN, "CA says %s",
	    text[0] == '\0' ? "that the order is invalid" : text);
	issue_keepproblem(s->order, json_object_get(order, "error"));
	judgekey(s, acme_json_string(acme_json_object(order, "error"), "type"),
	    s->why, METHOD_WHY_LEN);
	issue_drop(s);
	return FAILED;
}

/* Proves the names of a pending order, and waits until the CA has seen it. */
static json_t *
proveorder(struct issue *s, const json_t *order, struct acme_error *err)
{
	if (prove_order(s->job, s->session, s->order, order,
		(const char *const *)s->method, s->nmethod, s->why, err) == -1)
		return NULL;
	return acme_order_wait(s->session->acme, s->url, "pending", err);
}

/* Sends the request of an order that is ready. */
static json_t *
finalizeorder(struct issue *s, const json_t *order, struct acme_error *err)
{
	struct certstore_error cerr;
	char *csr = encoderequest(s);
	json_t *next = NULL;

	err->why = ACME_OK;
	if (csr == NULL)
		return NULL;
	/* from here on the CA may have signed it */
	if (certstore_order_set(s->order, "status", "processing", &cerr) == -1)
		issue_fail(s, cerr.msg);
	else
		next = acme_order_finalize(s->session->acme, order, csr, err);
	free(csr);
	if (next == NULL && err->why == ACME_REFUSED) {
		judgekey(s, err->type, err->msg, sizeof(err->msg));
		issue_drop(s);
	}
	return next;
}

/*
 * Goes on with an order from whatever state it has; the caller's to free.  The
 * error is ACME_OK if why was said already.
 */
static enum outcome
continueorder(struct issue *s, json_t **order)
{
	struct acme_error aerr;
	const char *status;
	json_t *next;
	int n;

	for (n = 0; n < ROUNDS_MAX; n++) {
		status = acme_json_string(*order, "status");
		if (strcmp(status, "valid") == 0)
			return takecertificate(s, *order);
		if (strcmp(status, "pending") == 0)
			next = proveorder(s, *order, &aerr);
		else if (strcmp(status, "ready") == 0)
			next = finalizeorder(s, *order, &aerr);
		else if (strcmp(status, "processing") == 0)
			next = acme_order_wait(s->session->acme, s->url,
			    "processing", &aerr);
		else
			return failorder(s, *order);
		if (next == NULL)
			return aerr.why == ACME_OK ?
			    FAILED :
			    issue_failrequest(s, &aerr);
		json_decref(*order);
		*order = next;
	}
	issue_drop(s);
	issue_fail(s, "the order comes to no end at the CA");
	return FAILED;
}

/* How long the CA may take: no longer than this process. */
static void
limitpolls(struct issue *s)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = s->job->deadline - now.tv_sec;
	acme_limit(s->session->acme, left < POLL_SECONDS ? left : POLL_SECONDS);
}

/* Makes an order, of which the next run knows. */
static json_t *
beginorder(struct issue *s, struct acme_error *err)
{
	struct certstore_error cerr;
	json_t *order;

	if (certstore_order_set(s->order, "account",
		certstore_account_name(s->session->account), &cerr) == -1) {
		acme_fail(err, ACME_LOCAL, "%s", cerr.msg);
		return NULL;
	}
	if ((order = makeorder(s, err)) == NULL)
		return NULL;
	if (certstore_order_set(s->order, "url", s->url, &cerr) == -1) {
		acme_fail(err, ACME_LOCAL, "%s", cerr.msg);
		json_decref(order);
		return NULL;
	}
	return order;
}

enum outcome
issue_run(struct issue *s)
{
	struct acme_error aerr;
	enum outcome rv;
	json_t *order;

	limitpolls(s);
	order = findorder(s, &aerr);
	if (order == NULL && aerr.why == ACME_OK)
		order = beginorder(s, &aerr);
	if (order == NULL)
		return issue_failrequest(s, &aerr);
	rv = continueorder(s, &order);
	json_decref(order);
	return rv;
}
