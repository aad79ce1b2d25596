/*
 * acme-entry.c: one ACME order for one entry, RFC 8555 section 7.4, from where
 * an earlier process left it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "cmd.h"
#include "entry.h"

#define METHODS_MAX 16
#define ARI_WAIT (6 * 3600) /* RFC 9773 section 4.3.3 */

struct state {
	struct job *job;
	struct session *session;
	struct certstore_order *order;
	const char *name;
	char *why;
	char *account;		   /* its name */
	char *method[METHODS_MAX]; /* words */
	size_t nmethod;
	char *profile, *chain; /* acmeprofile=, chain=, or NULL */
	char *url;	       /* of the order */
};

static int
failstate(struct state *s, const char *msg)
{
	snprintf(s->why, METHOD_WHY_LEN, "%s", msg);
	return -1;
}

/* Keeps the last problem document for people, see cert-renew -nv. */
static void
keepproblem(struct state *s)
{
	struct certstore_error ignored;
	char *text;

	if (s->session == NULL || s->session->acme == NULL ||
	    acme_problem(s->session->acme) == NULL)
		return;
	if ((text = acme_json_text(acme_problem(s->session->acme))) != NULL)
		(void)certstore_order_set(s->order, "last", text, &ignored);
	free(text);
}

/*
 * A limit of the account, or a CA that does not answer, stops all orders there;
 * what names an identifier is of this entry alone.
 */
static int
isofaccount(const struct state *s, const struct acme_error *err)
{
	const json_t *problem = acme_problem(s->session->acme);

	if (err->why == ACME_DOWN)
		return 1;
	return err->why == ACME_LIMITED &&
	    json_array_size(acme_json_array(problem, "subproblems")) == 0;
}

static void
stopsession(struct session *session, const struct acme_error *err)
{
	struct certstore_error ignored;
	char retry[CERTSTORE_TIME_LEN];

	session->until = err->retry > 0 ? err->retry :
					  certstore_time_now() + 3600;
	free(session->why);
	session->why = strdup(err->msg);
	certstore_time_format(session->until, retry);
	if (certstore_account_set(session->account, "retry",
		CERTSTORE_SET_REPLACE, retry, &ignored) == 0)
		(void)certstore_account_save(session->account, &ignored);
}

/* The outcome of a request that failed. */
static enum outcome
failrequest(struct state *s, const struct acme_error *err)
{
	if (isofaccount(s, err)) {
		stopsession(s->session, err);
		s->session->nwaiting++;
		failstate(s, err->msg);
		return LATER;
	}
	keepproblem(s);
	failstate(s, err->msg);
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
	else if (strcmp(prop, "method") == 0 && s->nmethod < METHODS_MAX)
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

/* Asks the CA when it wants the certificate replaced, RFC 9773. */
static void
askwindow(struct state *s)
{
	const struct certstore_entry *entry;
	struct certstore_entry *got;
	struct certstore_error err;
	struct acme_error aerr;
	struct acme_ari ari;
	const char *known = certstore_order_value(s->order, "ari-next");
	char start[32], end[32], next[32], point[32], *certid = NULL;
	int64_t now = certstore_time_now();

	if (acme_resource(s->session->acme, "renewalInfo", &aerr) == NULL ||
	    (known != NULL && strtoll(known, NULL, 10) > now))
		return;
	if ((got = certstore_entry_get(s->job->store, s->name, &err)) == NULL)
		return;
	entry = got;
	if (certstore_entry_ends(entry) > now)
		certid = certstore_entry_certid(entry, &err);
	certstore_entry_free(got);
	if (certid == NULL)
		return;
	memset(&ari, 0, sizeof(ari));
	if (acme_ari(s->session->acme, certid, &ari, &aerr) == -1) {
		if (s->job->verbose)
			cmd_say("%s: %s", s->name, aerr.msg);
		ari.start = ari.end = 0;
		ari.retry = now + ARI_WAIT;
	}
	free(certid);
	snprintf(next, sizeof(next), "%lld",
	    (long long)(ari.retry > now ? ari.retry : now + ARI_WAIT));
	(void)certstore_order_set(s->order, "ari-next", next, &err);
	if (ari.start == 0 || ari.start >= ari.end)
		return;
	snprintf(start, sizeof(start), "%lld", (long long)ari.start);
	snprintf(end, sizeof(end), "%lld", (long long)ari.end);
	known = certstore_order_value(s->order, "ari-start");
	if (known != NULL && strcmp(known, start) == 0 &&
	    (known = certstore_order_value(s->order, "ari-end")) != NULL &&
	    strcmp(known, end) == 0)
		return;
	/* drawn once for a window, or else the first runs would take all */
	snprintf(point, sizeof(point), "%lld",
	    (long long)(ari.start +
		(int64_t)((double)(ari.end - ari.start) *
		    ((double)arc4random() / 4294967296.0))));
	if (known != NULL && *ari.explanation != '\0')
		cmd_say("%s: the CA has moved its renewal: %s", s->name,
		    ari.explanation);
	(void)certstore_order_set(s->order, "ari-start", start, &err);
	(void)certstore_order_set(s->order, "ari-end", end, &err);
	(void)certstore_order_set(s->order, "ari-point", point, &err);
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
	}
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
	return rv == -1 || csr != NULL;
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

	if (from == NULL || strcmp(from, s->account) != 0 ||
	    (entry = certstore_entry_get(s->job->store, s->name, &err)) == NULL)
		return NULL;
	certid = certstore_entry_certid(entry, &err);
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

/* A new order; if the CA does not accept what it replaces, one without. */
static json_t *
makeorder(struct state *s, struct acme_error *err)
{
	struct acme *acme = s->session->acme;
	struct acme_error ignored;
	char *certid = NULL;
	json_t *order;

	if (acme_resource(acme, "renewalInfo", &ignored) != NULL)
		certid = replacedid(s);
	order = acme_order_new(acme, makepayload(s, certid), &s->url, err);
	if (order == NULL && certid != NULL && err->why == ACME_REFUSED)
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
	const char *status, *url = certstore_order_value(s->order, "url");
	json_t *order;

	err->why = ACME_OK;
	if (url == NULL)
		return NULL;
	free(s->url);
	if ((s->url = strdup(url)) == NULL)
		return NULL;
	order = acme_order_get(s->session->acme, url, err);
	if (order == NULL &&
	    (err->why == ACME_DOWN || err->why == ACME_LIMITED ||
		err->why == ACME_CLOSED || err->why == ACME_LOCAL))
		return NULL;
	err->why = ACME_OK;
	status = acme_json_string(order, "status");
	if (status != NULL && strcmp(status, "invalid") != 0)
		return order;
	json_decref(order);
	dropurl(s);
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
	struct certstore_entry *entry;
	struct certstore_error err;
	char *encoded, *pem = NULL, *text;
	size_t len;

	if ((entry = certstore_entry_get(s->job->store, s->name, &err)) ==
		NULL ||
	    certstore_entry_part(entry, "csr", &pem, &len, &err) == -1) {
		certstore_entry_free(entry);
		failstate(s, err.msg);
		return NULL;
	}
	certstore_entry_free(entry);
	encoded = NULL;
	if ((text = strndup(pem, len)) != NULL)
		encoded = acme_base64url(text);
	free(pem);
	free(text);
	if (encoded == NULL)
		failstate(s, "no memory left");
	return encoded;
}

/* Is an issuer of that name in the chain? */
static int
haschain(const char *label, const char *pem, size_t len, const char *name)
{
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct certstore_error err;
	int found = 0;

	if ((certs = certstore_certs_read(label, pem, len, NULL, &err)) == NULL)
		return 0;
	while (!found && certstore_certs_next(certs, &entry, &err) == 1)
		found = strstr(certstore_entry_issuer(entry), name) != NULL;
	certstore_certs_free(certs);
	return found;
}

/*
 * The certificate with the chain that is preferred; if there is none, the
 * default and a line about it.
 */
static int
download(struct state *s, const char *url, struct acme_answer *answer,
    struct acme_error *err)
{
	const struct acme_link *link;
	struct acme_answer other;

	if (acme_certificate(s->session->acme, url, answer, err) == -1)
		return -1;
	if (s->chain == NULL ||
	    haschain(s->name, answer->body, answer->len, s->chain))
		return 0;
	for (link = answer->links; link != NULL; link = link->next) {
		if (!acme_link_is(link->rel, "alternate") ||
		    acme_certificate(s->session->acme, link->url, &other,
			err) == -1)
			continue;
		if (haschain(s->name, other.body, other.len, s->chain)) {
			acme_answer_free(answer);
			*answer = other;
			return 0;
		}
		acme_answer_free(&other);
	}
	cmd_say("%s: the CA offers no chain with \"%s\": its default is used",
	    s->name, s->chain);
	return 0;
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

	if (url == NULL) {
		failstate(s, "the order is valid, but has no certificate");
		return FAILED;
	}
	if (download(s, url, &answer, &aerr) == -1)
		return failrequest(s, &aerr);
	rv = certstore_order_finish(s->order, answer.body, answer.len,
	    s->job->force ? CERTSTORE_ORDER_FORCE : 0, &err);
	acme_answer_free(&answer);
	if (rv == -1)
		return failerror(s, &err);
	if (rv == 1)
		return ISSUED;
	held = certstore_order_value(s->order, "held");
	snprintf(s->why, METHOD_WHY_LEN,
	    "its new certificate is held: %s: use cert-renew -f %s to take it",
	    held == NULL ? "" : held, s->name);
	return HELD;
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
	dropurl(s);
	return FAILED;
}

/* Goes on with an order from whatever state it has; the caller's to free. */
static enum outcome
continueorder(struct state *s, json_t **order)
{
	struct acme *acme = s->session->acme;
	struct acme_error aerr;
	struct certstore_error err;
	const char *status;
	char *csr;
	json_t *next;

	while ((status = acme_json_string(*order, "status")) != NULL) {
		if (strcmp(status, "valid") == 0)
			return takecertificate(s, *order);
		if (strcmp(status, "pending") == 0) {
			if (prove_order(s->job, s->session, s->order, *order,
				(const char *const *)s->method, s->nmethod,
				s->why) == -1) {
				keepproblem(s);
				return FAILED;
			}
			next = acme_order_wait(acme, s->url, "pending", &aerr);
		} else if (strcmp(status, "ready") == 0) {
			if ((csr = encoderequest(s)) == NULL)
				return FAILED;
			/* from here on the CA may have signed it */
			if (certstore_order_set(s->order, "status",
				"processing", &err) == -1) {
				free(csr);
				return failerror(s, &err);
			}
			next = acme_order_finalize(acme, *order, csr, &aerr);
			free(csr);
			if (next == NULL && aerr.why == ACME_REFUSED)
				dropurl(s);
		} else if (strcmp(status, "processing") == 0)
			next = acme_order_wait(acme, s->url, "processing",
			    &aerr);
		else
			return failorder(s, *order);
		if (next == NULL)
			return failrequest(s, &aerr);
		json_decref(*order);
		*order = next;
	}
	failstate(s, "the order has no status");
	return FAILED;
}

static enum outcome
runorder(struct state *s)
{
	struct acme_error aerr;
	struct certstore_error err;
	enum outcome rv;
	json_t *order;

	order = findorder(s, &aerr);
	if (order == NULL && aerr.why != ACME_OK)
		return failrequest(s, &aerr);
	if (order == NULL) {
		if ((order = makeorder(s, &aerr)) == NULL)
			return failrequest(s, &aerr);
		if (certstore_order_set(s->order, "url", s->url, &err) == -1) {
			json_decref(order);
			return failerror(s, &err);
		}
	}
	rv = continueorder(s, &order);
	json_decref(order);
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
	if (account == NULL) {
		snprintf(s->why, METHOD_WHY_LEN,
		    "has no account: use -A with the URL of an ACME directory, "
		    "or a name as letsencrypt");
		return -1;
	}
	s->session = session_find(s->job, account, msg, sizeof(msg));
	return s->session == NULL ? failstate(s, msg) : 0;
}

static enum outcome
issuelocked(struct state *s)
{
	struct certstore_error err;
	int due;

	(void)prove_undo(s->job, s->order);
	if (readprops(s) == -1 || findsession(s) == -1)
		return FAILED;
	if (s->session->until > certstore_time_now() && !s->job->force) {
		s->session->nwaiting++;
		return LATER;
	}
	if (s->session->acme == NULL)
		return failstate(s, s->session->why), FAILED;
	if (s->job->ifneeded)
		askwindow(s);
	due = isentrydue(s);
	if (due == -1)
		return FAILED;
	if (due == 0 && !lacksgiven(s))
		return s->job->ifneeded ? keepgiven(s) : FAILED;
	if (s->job->dryrun)
		return CHANGED;
	if (certstore_order_request(s->order, s->job->tmpl, s->job->props,
		s->job->force ? CERTSTORE_ORDER_FORCE : 0, &err) == -1)
		return failerror(s, &err);
	/* the props now have what was given */
	if (readprops(s) == -1)
		return FAILED;
	return runorder(s);
}

enum outcome
entry_issue(struct job *job, const char *name, char *why)
{
	struct state s = { .job = job, .name = name, .why = why };
	struct certstore_error err;
	enum outcome rv;

	*why = '\0';
	s.order = certstore_order_open(job->store, name, &err);
	if (s.order == NULL) {
		failstate(&s, err.msg);
		return err.code == CERTSTORE_EBUSY && job->unattended ?
		    UNCHANGED :
		    FAILED;
	}
	rv = issuelocked(&s);
	certstore_order_close(s.order);
	dropprops(&s);
	free(s.url);
	return rv;
}
