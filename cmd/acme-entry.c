/*
 * acme-entry.c: one ACME order for one entry, RFC 8555 section 7.4, from where
 * an earlier process left it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "entry.h"

#define ROUNDS_MAX 8	 /* of an order, until it is given up */
#define POLL_SECONDS 600 /* for what the CA does */

struct state {
	struct job *job;
	struct session *session;
	struct certstore_order *order;
	const char *name;
	char *why;
	char *account;			 /* its name */
	char *method[ENTRY_METHODS_MAX]; /* words */
	size_t nmethod;
	char *profile, *chain; /* acmeprofile=, chain=, or NULL */
	char *url;	       /* of the order */
	int late;	       /* less than half of the time to renew is left */
};

static int
failstate(struct state *s, const char *msg)
{
	snprintf(s->why, METHOD_WHY_LEN, "%s", msg);
	return -1;
}

/* Keeps the last problem document for people, see cert-renew -nv. */
void
entry_keepproblem(struct certstore_order *order, const json_t *problem)
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
isofentry(const struct state *s, const struct acme_error *err)
{
	const json_t *problem = acme_problem(s->session->acme);

	if (err->why == ACME_DOWN)
		return err->status >= 500 && s->url != NULL;
	return err->why == ACME_LIMITED &&
	    json_array_size(acme_json_array(problem, "subproblems")) > 0;
}

/* The outcome of a request that failed. */
static enum outcome
failrequest(struct state *s, const struct acme_error *err)
{
	entry_keepproblem(s->order, acme_problem(s->session->acme));
	failstate(s, err->msg);
	if (!isofentry(s, err) && session_stop(s->session, err)) {
		s->session->nwaiting++;
		return WAITING;
	}
	return err->why == ACME_LATER ? LATER : FAILED;
}

/* Copies a property that is kept: one value, or the words of method. */
static int
takeprop(struct state *s, const char *prop, const char *value)
{
	char **to = NULL;

	if (strcmp(prop, "acme") == 0)
		to = &s->account;
	else if (strcmp(prop, "acmeprofile") == 0)
		to = &s->profile;
	else if (strcmp(prop, "chain") == 0)
		to = &s->chain;
	else if (strcmp(prop, "method") == 0 && s->nmethod < ENTRY_METHODS_MAX)
		to = &s->method[s->nmethod++];
	if (to == NULL || *to != NULL)
		return 0;
	return (*to = strdup(value)) == NULL ? failstate(s, "no memory") : 0;
}

static void
dropprops(struct state *s)
{
	free(s->account);
	free(s->profile);
	free(s->chain);
	while (s->nmethod > 0) {
		free(s->method[--s->nmethod]);
		s->method[s->nmethod] = NULL;
	}
	s->account = s->profile = s->chain = NULL;
}

/* Reads what is kept of the entry; none if there is no entry yet. */
static int
readprops(struct state *s)
{
	struct certstore_error err;
	struct certstore_props *props;
	const char *prop, *value;
	int rv = 0;

	dropprops(s);
	if ((props = certstore_props_read(s->job->store, s->name, &err)) ==
	    NULL)
		return err.code == CERTSTORE_ENOENTRY ||
			err.code == CERTSTORE_ENOSTORE ?
		    0 :
		    failstate(s, err.msg);
	while (rv == 0 && certstore_props_next(props, &prop, &value, &err) == 1)
		rv = takeprop(s, prop, value);
	certstore_props_free(props);
	return rv;
}

/* Is it due, as an entry without a certificate is?  1, 0, or -1 if it is held
 * or must not be renewed. */
static int
isentrydue(struct state *s)
{
	const struct certstore_renewal *r;
	struct certstore_error err;
	struct certstore_due *due;
	char when[CERTSTORE_TIME_LEN];
	int rv = 1;

	if (s->job->force)
		return 1;
	due = certstore_due_new(s->job->store, CERTSTORE_NOW, &err);
	if (due == NULL ||
	    (s->job->within != NULL &&
		certstore_due_set_within(due, s->job->within, &err) == -1) ||
	    certstore_due_add(due, s->name, &err) == -1 ||
	    certstore_due_next(due, &r, &err) != 1) {
		/* there is no entry yet */
		rv = due != NULL &&
			(err.code == CERTSTORE_ENOENTRY ||
			    err.code == CERTSTORE_ENOSTORE) ?
		    1 :
		    failstate(s, err.msg);
	} else if (r->state == CERTSTORE_DUE_HELD ||
	    (r->state == CERTSTORE_DUE_NEVER &&
		strncmp(r->why, "renew=", 6) == 0)) {
		snprintf(s->why, METHOD_WHY_LEN,
		    "is not renewed: %s: use -f to order a certificate",
		    r->why);
		rv = -1;
	} else if (r->state == CERTSTORE_DUE_LATER) {
		snprintf(s->why, METHOD_WHY_LEN,
		    "has a certificate that is not due before %s: use -f to "
		    "order another",
		    certstore_time_format(r->due, when));
		rv = 0;
	} else
		s->late = r->late;
	certstore_due_free(due);
	return rv;
}

/* Does the entry lack what was given on the command line? */
static int
lacksgiven(struct state *s)
{
	struct certstore_error err;
	char *csr = NULL;
	int rv;

	if (s->job->tmpl == NULL)
		return 0;
	rv = certstore_create(s->job->store, s->name, s->job->tmpl,
	    CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED |
		CERTSTORE_CREATE_DRYRUN,
	    &csr, &err);
	free(csr);
	return rv != 0 || csr != NULL;
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
replacedid(struct state *s)
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
makepayload(struct state *s, const char *replaces)
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
checkprofile(struct state *s, struct acme_error *err)
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
makeorder(struct state *s, struct acme_error *err)
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
static void
dropurl(struct state *s)
{
	struct certstore_error ignored;

	(void)certstore_order_set(s->order, "status", "invalid", &ignored);
	(void)certstore_order_set(s->order, "url", NULL, &ignored);
}

/* The order of an earlier process, if it still is of use. */
static json_t *
findorder(struct state *s, struct acme_error *err)
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
	dropurl(s);
	free(s->url);
	s->url = NULL;
	return NULL;
}

static enum outcome
failerror(struct state *s, const struct certstore_error *err)
{
	failstate(s, err->msg);
	return FAILED;
}

/* The request in the form of section 7.4. */
static char *
encoderequest(struct state *s)
{
	struct certstore_error err;
	const void *der;
	char *encoded;
	size_t len;

	if (certstore_order_csr(s->order, &der, &len, &err) == -1) {
		failstate(s, err.msg);
		return NULL;
	}
	if ((encoded = acme_base64url_der(der, len)) == NULL)
		failstate(s, "no memory left");
	return encoded;
}

/* The certificate is of no use: the next run makes a new order. */
static enum outcome
failcertificate(struct state *s, const struct certstore_error *err)
{
	if (err->code == CERTSTORE_EINPUT || err->code == CERTSTORE_EREFUSED)
		dropurl(s);
	return failerror(s, err);
}

static enum outcome
takecertificate(struct state *s, const json_t *order)
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
			dropurl(s);
		return failrequest(s, &aerr);
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
judgekey(struct state *s, const char *type, char *msg, size_t size)
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
failorder(struct state *s, const json_t *order)
{
	char text[700];

	text[0] = '\0';
	acme_problem_text(json_object_get(order, "error"), text, sizeof(text));
	snprintf(s->why, METHOD_WHY_LEN, "CA says %s",
	    text[0] == '\0' ? "that the order is invalid" : text);
	entry_keepproblem(s->order, json_object_get(order, "error"));
	judgekey(s, acme_json_string(acme_json_object(order, "error"), "type"),
	    s->why, METHOD_WHY_LEN);
	dropurl(s);
	return FAILED;
}

/* Proves the names of a pending order, and waits until the CA has seen it. */
static json_t *
proveorder(struct state *s, const json_t *order, struct acme_error *err)
{
	if (prove_order(s->job, s->session, s->order, order,
		(const char *const *)s->method, s->nmethod, s->why, err) == -1)
		return NULL;
	return acme_order_wait(s->session->acme, s->url, "pending", err);
}

/* Sends the request of an order that is ready. */
static json_t *
finalizeorder(struct state *s, const json_t *order, struct acme_error *err)
{
	struct certstore_error cerr;
	char *csr = encoderequest(s);
	json_t *next = NULL;

	err->why = ACME_OK;
	if (csr == NULL)
		return NULL;
	/* from here on the CA may have signed it */
	if (certstore_order_set(s->order, "status", "processing", &cerr) == -1)
		failstate(s, cerr.msg);
	else
		next = acme_order_finalize(s->session->acme, order, csr, err);
	free(csr);
	if (next == NULL && err->why == ACME_REFUSED) {
		judgekey(s, err->type, err->msg, sizeof(err->msg));
		dropurl(s);
	}
	return next;
}

/*
 * Goes on with an order from whatever state it has; the caller's to free.  The
 * error is ACME_OK if why was said already.
 */
static enum outcome
continueorder(struct state *s, json_t **order)
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
			return aerr.why == ACME_OK ? FAILED :
						     failrequest(s, &aerr);
		json_decref(*order);
		*order = next;
	}
	dropurl(s);
	failstate(s, "the order comes to no end at the CA");
	return FAILED;
}

/* How long the CA may take: no longer than this process. */
static void
limitpolls(struct state *s)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = s->job->deadline - now.tv_sec;
	acme_limit(s->session->acme, left < POLL_SECONDS ? left : POLL_SECONDS);
}

/* Makes an order, of which the next run knows. */
static json_t *
beginorder(struct state *s, struct acme_error *err)
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

static enum outcome
runorder(struct state *s)
{
	struct acme_error aerr;
	enum outcome rv;
	json_t *order;

	limitpolls(s);
	order = findorder(s, &aerr);
	if (order == NULL && aerr.why == ACME_OK)
		order = beginorder(s, &aerr);
	if (order == NULL)
		return failrequest(s, &aerr);
	rv = continueorder(s, &order);
	json_decref(order);
	return rv;
}

/* Is a certificate ordered with other names than the one that serves has? */
static int
iswish(const struct state *s)
{
	const char *hastype, *type, *has, *value;
	struct certstore_entry *entry;
	struct certstore_error err;
	size_t i, k;
	int same = 1;

	/* which is one name for all calls */
	if (certstore_order_identifier(s->order, 0, &type, &value) == 1 &&
	    strcmp(type, "TNAuthList") == 0)
		return certstore_order_request(s->order, NULL, NULL,
			   CERTSTORE_ORDER_KEEP | CERTSTORE_ORDER_DRYRUN,
			   &err) == 1;
	entry = certstore_entry_get(s->job->store, s->name, &err);
	if (entry == NULL || certstore_entry_fingerprint(entry) == NULL) {
		certstore_entry_free(entry);
		return 0;
	}
	for (i = 0; same &&
	     certstore_order_identifier(s->order, i, &type, &value) == 1;
	     i++) {
		same = 0;
		for (k = 0; !same &&
		     certstore_entry_san(entry, k, &hastype, &has) == 1;
		     k++)
			same = strcmp(hastype, type) == 0 &&
			    strcmp(has, value) == 0;
	}
	certstore_entry_free(entry);
	return !same;
}

/*
 * The names that were asked for cannot be had, and time runs out: the names of
 * the certificate are ordered, by a request of their own.
 */
static enum outcome
keepnames(struct state *s)
{
	char failed[METHOD_WHY_LEN];
	struct certstore_error err;
	enum outcome rv;

	snprintf(failed, sizeof(failed), "%s", s->why);
	dropurl(s);
	free(s->url);
	s->url = NULL;
	if (certstore_order_request(s->order, NULL, NULL, CERTSTORE_ORDER_KEEP,
		&err) == -1)
		return failerror(s, &err);
	if ((rv = runorder(s)) == ISSUED)
		cmd_say("%s: %s: renewed with the names that it had; the next "
			"order is for those that were asked for",
		    s->name, failed);
	return rv;
}

/* With what is kept and nothing else to do: the properties that were given. */
static enum outcome
keepgiven(struct state *s)
{
	struct certstore_error err;
	int n;

	if (s->job->props == NULL)
		return UNCHANGED;
	if (certstore_set_add(s->job->props, s->name, &err) == -1 ||
	    (n = certstore_set_commit(s->job->props, &err)) == -1)
		return failerror(s, &err);
	return n > 0 ? CHANGED : UNCHANGED;
}

/* The session of the account that was given, or is kept. */
static int
findsession(struct state *s)
{
	const char *account = s->job->account;
	char msg[METHOD_WHY_LEN];

	if (account == NULL)
		account = s->account;
	if (account == NULL)
		return failstate(s,
		    "has no account: use -A with the URL of an ACME directory, "
		    "or a name as letsencrypt");
	s->session = session_find(s->job, account, msg, sizeof(msg));
	return s->session == NULL ? failstate(s, msg) : 0;
}

static enum outcome
issuelocked(struct state *s)
{
	struct certstore_error err;
	enum outcome rv;
	int due;

	(void)prove_undo(s->job, s->order);
	if (readprops(s) == -1 || findsession(s) == -1)
		return FAILED;
	if (session_waits(s->session) &&
	    (!s->job->force || s->session->acme == NULL)) {
		s->session->nwaiting++;
		return WAITING;
	}
	if (s->job->ifneeded)
		window_ask(s->job, s->session, s->order, s->name);
	due = isentrydue(s);
	if (due == -1)
		return FAILED;
	if (due == 0 && !lacksgiven(s))
		return s->job->ifneeded ? keepgiven(s) : FAILED;
	if (certstore_order_request(s->order, s->job->tmpl, s->job->props,
		s->job->force ? CERTSTORE_ORDER_FORCE : 0, &err) == -1)
		return failerror(s, &err);
	/* the props now have what was given */
	if (readprops(s) == -1)
		return FAILED;
	rv = runorder(s);
	if (rv == FAILED && s->late && s->job->tmpl == NULL && iswish(s))
		rv = keepnames(s);
	return rv;
}

/* The methods that were given, instead of those that are kept. */
static int
takemethods(struct state *s)
{
	size_t i;

	if (s->job->nmethod == 0)
		return 0;
	for (i = 0; i < ENTRY_METHODS_MAX; i++) {
		free(s->method[i]);
		s->method[i] = NULL;
	}
	for (s->nmethod = 0; s->nmethod < s->job->nmethod; s->nmethod++)
		if ((s->method[s->nmethod] = strdup(
			 s->job->method[s->nmethod])) == NULL)
			return failstate(s, "no memory left");
	return 0;
}

/*
 * A whole order at another CA, with a key that is thrown away: nothing of it is
 * kept but the account.
 */
static enum outcome
tryother(struct state *s)
{
	struct session *session = s->session;
	struct acme_error aerr;
	enum outcome rv;

	(void)prove_undo(s->job, s->order);
	if (certstore_account_value(session->account, "url", 0) == NULL &&
	    acme_account_make(session->acme, s->job->agreed, NULL, NULL,
		&aerr) == -1)
		return failrequest(s, &aerr);
	if ((rv = runorder(s)) == ISSUED)
		return CHANGED;
	if (rv != HELD)
		return rv;
	failstate(s, "the certificate would be held");
	return FAILED;
}

/* Does -A name another account than the entry has? */
static int
isother(const struct state *s)
{
	return s->job->account != NULL && s->account != NULL &&
	    !session_is(s->session, s->account);
}

/* What an order needs, without one: nothing is changed. */
static enum outcome
tryorder(struct state *s)
{
	int due, flags = CERTSTORE_ORDER_DRYRUN, other;
	struct certstore_error err;

	if (readprops(s) == -1 || findsession(s) == -1)
		return FAILED;
	if (session_waits(s->session)) {
		s->session->nwaiting++;
		return WAITING;
	}
	if (!(other = isother(s))) {
		due = isentrydue(s);
		if (due == -1)
			return FAILED;
		if (due == 0 && !lacksgiven(s))
			return s->job->ifneeded ? UNCHANGED : FAILED;
	}
	if (other || s->job->force)
		flags |= CERTSTORE_ORDER_FORCE;
	/* a store is not made */
	if (access(certstore_path(s->job->store), F_OK) == 0 &&
	    ((s->order = certstore_order_open(s->job->store, s->name, &err)) ==
		    NULL ||
		certstore_order_request(s->order, s->job->tmpl,
		    other ? NULL : s->job->props, flags, &err) == -1))
		return failerror(s, &err);
	if (takemethods(s) == -1)
		return FAILED;
	if (other)
		return tryother(s);
	return prove_try(s->job, s->session, s->order,
		   (const char *const *)s->method, s->nmethod, s->why) == -1 ?
	    FAILED :
	    CHANGED;
}

enum outcome
entry_issue(struct job *job, const char *name, char *why)
{
	struct state s = { .job = job, .name = name, .why = why };
	struct certstore_error err;
	enum outcome rv;

	*why = '\0';
	if (job->dryrun) {
		rv = tryorder(&s);
		certstore_order_close(s.order);
		dropprops(&s);
		free(s.url);
		return rv;
	}
	/* before anything is made for a name that was misspelt */
	if (readprops(&s) == -1 || findsession(&s) == -1) {
		dropprops(&s);
		return FAILED;
	}
	s.order = certstore_order_open(job->store, name, &err);
	if (s.order == NULL) {
		failstate(&s, err.msg);
		return err.code == CERTSTORE_EBUSY ? LATER : FAILED;
	}
	rv = issuelocked(&s);
	certstore_order_close(s.order);
	dropprops(&s);
	free(s.url);
	return rv;
}
