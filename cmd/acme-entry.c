/*
 * acme-entry.c: a certificate for one entry: whether one is to be ordered, with
 * what is kept of the entry and what was given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "entry.h"

/* Copies a property that is kept: one value, or the words of method. */
static int
takeprop(struct issue *s, const char *prop, const char *value)
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
	return (*to = strdup(value)) == NULL ? issue_fail(s, "no memory") : 0;
}

static void
dropprops(struct issue *s)
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
readprops(struct issue *s)
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
		    issue_fail(s, err.msg);
	while (rv == 0 && certstore_props_next(props, &prop, &value, &err) == 1)
		rv = takeprop(s, prop, value);
	certstore_props_free(props);
	return rv;
}

/* Is it due, as an entry without a certificate is?  1, 0, or -1 if it is held
 * or must not be renewed. */
static int
isentrydue(struct issue *s)
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
		    issue_fail(s, err.msg);
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
lacksgiven(struct issue *s)
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

/* Is a certificate ordered with other names than the one that serves has? */
static int
iswish(const struct issue *s)
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
keepnames(struct issue *s)
{
	char failed[METHOD_WHY_LEN];
	struct certstore_error err;
	enum outcome rv;

	snprintf(failed, sizeof(failed), "%s", s->why);
	issue_drop(s);
	free(s->url);
	s->url = NULL;
	if (certstore_order_request(s->order, NULL, NULL, CERTSTORE_ORDER_KEEP,
		&err) == -1)
		return issue_failerror(s, &err);
	if ((rv = issue_run(s)) == ISSUED)
		cmd_say("%s: %s: renewed with the names that it had; the next "
			"order is for those that were asked for",
		    s->name, failed);
	return rv;
}

/* With what is kept and nothing else to do: the properties that were given. */
static enum outcome
keepgiven(struct issue *s)
{
	struct certstore_error err;
	int n;

	if (s->job->props == NULL)
		return UNCHANGED;
	if (certstore_set_add(s->job->props, s->name, &err) == -1 ||
	    (n = certstore_set_commit(s->job->props, &err)) == -1)
		return issue_failerror(s, &err);
	return n > 0 ? CHANGED : UNCHANGED;
}

/* The session of the account that was given, or is kept. */
static int
findsession(struct issue *s)
{
	const char *account = s->job->account;
	char msg[METHOD_WHY_LEN];

	if (account == NULL)
		account = s->account;
	if (account == NULL)
		return issue_fail(s,
		    "has no account: use -A with the URL of an ACME directory, "
		    "or a name as letsencrypt");
	s->session = session_find(s->job, account, msg, sizeof(msg));
	return s->session == NULL ? issue_fail(s, msg) : 0;
}

static enum outcome
issuelocked(struct issue *s)
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
		return issue_failerror(s, &err);
	/* the props now have what was given */
	if (readprops(s) == -1)
		return FAILED;
	rv = issue_run(s);
	if (rv == FAILED && s->late && s->job->tmpl == NULL && iswish(s))
		rv = keepnames(s);
	return rv;
}

/* The methods that were given, instead of those that are kept. */
static int
takemethods(struct issue *s)
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
			return issue_fail(s, "no memory left");
	return 0;
}

/*
 * A whole order at another CA, with a key that is thrown away: nothing of it is
 * kept but the account.
 */
static enum outcome
tryother(struct issue *s)
{
	struct session *session = s->session;
	struct acme_error aerr;
	enum outcome rv;

	(void)prove_undo(s->job, s->order);
	if (certstore_account_value(session->account, "url", 0) == NULL &&
	    acme_account_make(session->acme, s->job->agreed, NULL, NULL,
		&aerr) == -1)
		return issue_failrequest(s, &aerr);
	if ((rv = issue_run(s)) == ISSUED)
		return CHANGED;
	if (rv != HELD)
		return rv;
	issue_fail(s, "the certificate would be held");
	return FAILED;
}

/* Does -A name another account than the entry has? */
static int
isother(const struct issue *s)
{
	return s->job->account != NULL && s->account != NULL &&
	    !session_is(s->session, s->account);
}

/* What an order needs, without one: nothing is changed. */
static enum outcome
tryorder(struct issue *s)
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
		return issue_failerror(s, &err);
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
	struct issue s = { .job = job, .name = name, .why = why };
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
		issue_fail(&s, err.msg);
		return err.code == CERTSTORE_EBUSY ? LATER : FAILED;
	}
	rv = issuelocked(&s);
	certstore_order_close(s.order);
	dropprops(&s);
	free(s.url);
	return rv;
}
