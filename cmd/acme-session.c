/*
 * acme-session.c: the CAs that one call of cert-acme or cert-revoke speaks with:
 * their accounts, which cert-acme makes where there are none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "entry.h"

/* Is it the session of that account, given by name or directory? */
int
session_is(const struct session *s, const char *account)
{
	const char *directory = certstore_account_value(s->account, "directory",
	    0);

	return strcmp(certstore_account_name(s->account), account) == 0 ||
	    (directory != NULL && strcmp(directory, account) == 0);
}

/*
 * Keeps a limit or refusal of the account, or that the CA does not answer: no
 * more orders are made there, by a later process neither until the time that
 * the CA names, or for an hour.  Returns 0 if the error is of the entry alone.
 */
int
session_stop(struct session *s, const struct acme_error *err)
{
	struct certstore_error ignored;
	char retry[CERTSTORE_TIME_LEN];

	s->refused = err->why == ACME_TERMS || err->why == ACME_CLOSED ||
	    err->why == ACME_NOACCOUNT;
	if (!s->refused && err->why != ACME_DOWN && err->why != ACME_LIMITED)
		return 0;
	free(s->why);
	if (err->url[0] == '\0' || strstr(err->msg, err->url) != NULL)
		s->why = strdup(err->msg);
	else if (asprintf(&s->why, "%s: read %s", err->msg, err->url) == -1)
		s->why = NULL;
	if (s->refused)
		return 1;
	s->until = err->retry > 0 ? err->retry : certstore_time_now() + 3600;
	certstore_time_format(s->until, retry);
	/* an account that is not at the CA is not on disk either */
	if (certstore_account_value(s->account, "url", 0) != NULL &&
	    certstore_account_set(s->account, "retry", CERTSTORE_SET_REPLACE,
		retry, &ignored) == 0)
		(void)certstore_account_save(s->account, &ignored);
	return 1;
}

/* Does it take no orders now? */
int
session_waits(const struct session *s)
{
	return s->refused || s->acme == NULL || s->until > certstore_time_now();
}

/* A limit of an earlier process that still holds. */
static void
readlimit(struct session *s)
{
	const char *retry = certstore_account_value(s->account, "retry", 0);
	struct certstore_error ignored;
	int64_t until;

	if (retry == NULL ||
	    certstore_time_parse(retry, &until, &ignored) == -1)
		return;
	/* one of years is that of a wrong clock */
	if (until <= certstore_time_now() + 8 * 86400)
		s->until = until;
}

/*
 * Asks the CA which key an account has whose key was being changed, and opens
 * it again.
 */
static struct certstore_account *
settleaccount(struct job *job, struct certstore_account *a,
    struct certstore_error *err)
{
	struct acme_error aerr;
	struct acme *acme;
	char *name;

	if (!certstore_account_has_newkey(a))
		return a;
	name = strdup(certstore_account_name(a));
	certstore_account_free(a);
	a = NULL;
	err->code = CERTSTORE_ESYSTEM;
	err->errnum = 0;
	if (name == NULL)
		snprintf(err->msg, sizeof(err->msg), "no memory left");
	else if (acme_account_open(job->store, name, CERTSTORE_ACCOUNT_SHARED,
		     &a, &acme, &aerr) == -1)
		snprintf(err->msg, sizeof(err->msg), "%.511s", aerr.msg);
	else
		acme_close(acme);
	free(name);
	return a;
}

/* What was learned of the account before: it is of no use any more. */
static int
checkopen(struct session *s, struct acme_error *err)
{
	const char *status = certstore_account_value(s->account, "status", 0);
	const char *name = certstore_account_name(s->account);

	if (status == NULL || strcmp(status, "valid") == 0)
		return 0;
	return acme_fail(err, ACME_CLOSED,
	    "%s: the account is %s: make a new one with cert-account new %s",
	    name, status, name);
}

/* Connects to the CA, where there is an account then. */
static int
connectsession(struct job *job, struct session *s, struct acme_error *err)
{
	if (checkopen(s, err) == -1 ||
	    (s->acme = acme_open(job->store, s->account, err)) == NULL)
		return -1;
	if (job->existing ||
	    certstore_account_value(s->account, "url", 0) != NULL ||
	    (job->dryrun ?
		    acme_account_allowed(s->acme, job->agreed, NULL, err) :
		    acme_account_make(s->acme, job->agreed, NULL, NULL, err)) ==
		0)
		return 0;
	acme_close(s->acme);
	s->acme = NULL;
	return -1;
}

/* Opens the account, or makes one that is not on disk yet. */
static struct certstore_account *
openaccount(struct job *job, const char *account, struct certstore_error *err)
{
	struct certstore_account *a;
	struct certstore_error other;

	a = certstore_account_open(job->store, account,
	    CERTSTORE_ACCOUNT_SHARED, err);
	if (a != NULL)
		a = settleaccount(job, a, err);
	else if (err->code == CERTSTORE_ENOENTRY && !job->existing &&
	    (a = acme_account_new(job->store, account, NULL, &other)) == NULL &&
	    other.code != CERTSTORE_EARGUMENT) /* no CA of that name */
		*err = other;
	if (a != NULL && job->cafile != NULL &&
	    certstore_account_set(a, "ca", CERTSTORE_SET_REPLACE, job->cafile,
		err) == -1) {
		certstore_account_free(a);
		a = NULL;
	}
	return a;
}

void
session_end(struct job *job)
{
	struct session *s;

	while ((s = job->sessions) != NULL) {
		job->sessions = s->next;
		acme_close(s->acme);
		certstore_account_free(s->account);
		free(s->why);
		free(s);
	}
}

struct session *
session_find(struct job *job, const char *account, char *msg, size_t size)
{
	struct certstore_error err;
	struct acme_error aerr;
	struct session *s;

	for (s = job->sessions; s != NULL; s = s->next)
		if (session_is(s, account))
			return s;
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		snprintf(msg, size, "no memory left");
		return NULL;
	}
	if ((s->account = openaccount(job, account, &err)) == NULL) {
		snprintf(msg, size, "%s", err.msg);
		free(s);
		return NULL;
	}
	s->next = job->sessions;
	job->sessions = s;
	readlimit(s);
	if (connectsession(job, s, &aerr) == -1 && !session_stop(s, &aerr)) {
		s->refused = 1;
		s->why = strdup(aerr.msg);
	}
	return s;
}
