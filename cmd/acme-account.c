/*
 * acme-account.c: the account at its CA, RFC 8555 section 7.3: found, made,
 * changed, its key changed, and closed.  The key is on disk before the server
 * sees it, and the server decides which of two keys is the account's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme.h"
#include "cmd.h"

static int
localfailure(struct acme_error *err, const struct certstore_error *cerr)
{
	return acme_fail(err, ACME_LOCAL, "%s", cerr->msg);
}

/* Sets one value of the account, or removes it; it is not saved yet. */
static int
setaccountvalue(struct acme *acme, const char *key, const char *value,
    struct acme_error *err)
{
	struct certstore_error cerr;

	if (certstore_account_set(acme_account(acme), key,
		CERTSTORE_SET_REPLACE, value == NULL ? "" : value, &cerr) == -1)
		return localfailure(err, &cerr);
	return 0;
}

static int
saveaccount(struct acme *acme, struct acme_error *err)
{
	struct certstore_error cerr;

	if (certstore_account_save(acme_account(acme), &cerr) == -1)
		return localfailure(err, &cerr);
	return 0;
}

static const char *
value(const struct acme *acme, const char *key)
{
	return certstore_account_value(acme_account(acme), key, 0);
}

static const char *
name(const struct acme *acme)
{
	return certstore_account_name(acme_account(acme));
}

static int
isclosed(const char *status)
{
	return status != NULL &&
	    (strcmp(status, "deactivated") == 0 ||
		strcmp(status, "revoked") == 0);
}

/* Keeps that the account is closed.  Always -1: nothing can be done with it. */
static int
closedaccount(struct acme *acme, const char *status, struct acme_error *err)
{
	if (setaccountvalue(acme, "status", status, err) == -1 ||
	    saveaccount(acme, err) == -1)
		return -1;
	return acme_fail(err, ACME_CLOSED,
	    "%s: the account is %s: make a new one with cert-account new %s",
	    name(acme), status, name(acme));
}

/*
 * Keeps the URL and status of an account that the server has sent.  Returns 1,
 * or -1; with ACME_NEWKEY 0 if the key has another account than ours.
 */
static int
keepaccount(struct acme *acme, const struct acme_answer *answer, int flags,
    struct acme_error *err)
{
	const char *ours = value(acme, "url");
	char *url;
	const char *status;
	json_t *json = NULL;
	int rv = -1;

	if ((url = acme_location(acme, answer, "the account", err)) == NULL)
		return -1;
	if ((flags & ACME_NEWKEY) != 0 && ours != NULL &&
	    strcmp(ours, url) != 0) {
		rv = 0;
		goto out;
	}
	if ((json = acme_json_parse(answer->body, answer->len, url, err)) ==
	    NULL)
		goto out;
	/* RFC 8555 section 7.1.2; some servers leave it out */
	status = acme_json_string(json, "status");
	if (isclosed(status)) {
		closedaccount(acme, status, err);
		goto out;
	}
	if (setaccountvalue(acme, "url", url, err) == -1 ||
	    setaccountvalue(acme, "status", "valid", err) == -1)
		goto out;
	if (saveaccount(acme, err) == 0)
		rv = 1;
out:
	json_decref(json);
	free(url);
	return rv;
}

/* What newAccount gets, beside the flags of the caller, RFC 8555 section 7.3. */
static int
addcontacts(struct acme *acme, json_t *payload)
{
	json_t *list = json_array();
	const char *contact;
	size_t i;

	for (i = 0; (contact = certstore_account_value(acme_account(acme),
			 "contact", i)) != NULL;
	     i++)
		if (json_array_append_new(list, json_string(contact)) == -1)
			break;
	if (contact != NULL) {
		json_decref(list);
		return -1;
	}
	return json_object_set_new(payload, "contact", list);
}

/*
 * Sends the payload to newAccount, signed by the account's key, or by that of a
 * rollover with ACME_NEWKEY.  Takes the payload; NULL: no memory.
 */
static int
sendaccount(struct acme *acme, json_t *payload, int flags,
    struct acme_answer *answer, struct acme_error *err)
{
	const char *url = acme_resource(acme, "newAccount", err);
	char *text = payload == NULL ? NULL : acme_json_text(payload);
	int rv = -1;

	memset(answer, 0, sizeof(*answer));
	if (url != NULL && text == NULL)
		acme_fail(err, ACME_LOCAL, "no memory left");
	else if (url != NULL)
		rv = acme_send(acme, url, text, flags | ACME_JWK, answer, err);
	free(text);
	json_decref(payload);
	return rv;
}

/*
 * Finds the account of the key, section 7.3.1, or with ACME_NEWKEY of the key
 * of a rollover.  Returns 1, 0 if the server has none, or -1.
 */
int
acme_account_find(struct acme *acme, int flags, struct acme_error *err)
{
	struct acme_answer answer;
	int rv;

	rv = sendaccount(acme, json_pack("{sb}", "onlyReturnExisting", 1),
	    flags, &answer, err);
	if (rv == 0)
		rv = keepaccount(acme, &answer, flags, err);
	else if (err->why == ACME_NOACCOUNT)
		rv = 0;
	/* Boulder: 403 for the key of a deactivated account */
	else if (strcmp(err->type, "unauthorized") == 0)
		rv = closedaccount(acme, "deactivated", err);
	acme_answer_free(&answer);
	return rv;
}

static int
addbinding(struct acme *acme, json_t *payload, const char *kid,
    const char *hmackey, struct acme_error *err)
{
	const char *url = acme_resource(acme, "newAccount", err);
	struct certstore_error cerr;
	json_t *json;
	char *jws;

	if (url == NULL)
		return -1;
	if ((jws = certstore_account_eab(acme_account(acme), kid, hmackey, url,
		 &cerr)) == NULL)
		return localfailure(err, &cerr);
	json = json_loads(jws, 0, NULL);
	free(jws);
	if (json_object_set_new(payload, "externalAccountBinding", json) == -1)
		return acme_fail(err, ACME_LOCAL, "no memory left");
	return 0;
}

/*
 * Makes an account of the key, with the contacts of the account, or finds the
 * one that the key has: section 7.3.  agreed: to the terms of service.
 */
int
acme_account_register(struct acme *acme, int agreed, const char *kid,
    const char *hmackey, struct acme_error *err)
{
	struct acme_answer answer = { 0 };
	json_t *payload = json_object();
	int rv = -1;

	if ((agreed &&
		json_object_set_new(payload, "termsOfServiceAgreed",
		    json_true()) == -1) ||
	    addcontacts(acme, payload) == -1) {
		json_decref(payload);
		return acme_fail(err, ACME_LOCAL, "no memory left");
	}
	if (kid != NULL && addbinding(acme, payload, kid, hmackey, err) == -1) {
		json_decref(payload);
		return -1;
	}
	rv = sendaccount(acme, payload, 0, &answer, err);
	if (rv == 0 && agreed && acme_terms(acme) != NULL)
		rv = setaccountvalue(acme, "terms", acme_terms(acme), err);
	if (rv == 0 && kid != NULL)
		rv = setaccountvalue(acme, "eab", kid, err);
	if (rv == 0)
		rv = keepaccount(acme, &answer, 0, err) == 1 ? 0 : -1;
	acme_answer_free(&answer);
	return rv;
}

/*
 * Whether an account may be made: the terms of service are agreed to, and there
 * is an external account if the CA wants one.
 */
int
acme_account_allowed(struct acme *acme, int agreed, const char *kid,
    struct acme_error *err)
{
	const char *terms = acme_terms(acme);

	if (terms != NULL && !agreed) {
		acme_fail(err, ACME_TERMS,
		    "%s: the CA has terms of service: read %s, and use -y to "
		    "agree",
		    name(acme), terms);
		snprintf(err->url, sizeof(err->url), "%s", terms);
		return -1;
	}
	if (acme_wants_eab(acme) && kid == NULL)
		return acme_fail(err, ACME_LOCAL,
		    "%s: this CA needs an external account: use cert-account "
		    "new %s eab=KID:FILE, with what it gives its customers",
		    name(acme), name(acme));
	return 0;
}

/* A proxy of the environment is kept: cron and timers have none. */
int
acme_account_keepproxy(struct acme *acme, struct acme_error *err)
{
	char *proxy;
	int rv;

	if (value(acme, "proxy") != NULL || (proxy = acme_proxy(acme)) == NULL)
		return 0;
	rv = setaccountvalue(acme, "proxy", proxy, err);
	free(proxy);
	return rv;
}

/*
 * Makes an account that may not be in the store yet, if it is allowed: its key
 * is on disk before the CA sees it.  Arguments as of acme_account_register().
 */
int
acme_account_make(struct acme *acme, int agreed, const char *kid,
    const char *hmackey, struct acme_error *err)
{
	if (acme_account_allowed(acme, agreed, kid, err) == -1 ||
	    acme_account_keepproxy(acme, err) == -1 ||
	    saveaccount(acme, err) == -1)
		return -1;
	return acme_account_register(acme, agreed, kid, hmackey, err);
}

/*
 * Asks the server which of two keys is the account's.  Returns 1 if it is the
 * new one, 0, or -1.
 */
static int
choosekey(struct acme *acme, struct acme_error *err)
{
	struct certstore_account *account = acme_account(acme);
	struct certstore_error cerr;
	int found;

	if ((found = acme_account_find(acme, ACME_NEWKEY, err)) == -1)
		return -1;
	if (found)
		return certstore_account_takenew(account, &cerr) == -1 ?
		    localfailure(err, &cerr) :
		    1;
	if (value(acme, "url") != NULL) {
		if ((found = acme_account_find(acme, 0, err)) == -1)
			return -1;
		if (!found)
			return acme_fail(err, ACME_NOACCOUNT,
			    "%s: the CA knows neither key.pem nor key.new",
			    name(acme));
	}
	return certstore_account_dropnew(account, &cerr) == -1 ?
	    localfailure(err, &cerr) :
	    0;
}

/*
 * Ends a rollover that was interrupted.  Returns 1 if the new key is the
 * account's, 0, or -1.  The account has to be open with
 * CERTSTORE_ACCOUNT_EXCLUSIVE.
 */
int
acme_account_settle(struct acme *acme, struct acme_error *err)
{
	int new;

	if (!certstore_account_has_newkey(acme_account(acme)))
		return 0;
	if ((new = choosekey(acme, err)) == -1)
		return -1;
	cmd_say("%s: a change of the key was interrupted: %s", name(acme),
	    new ? "the CA has the new one" : "the CA still has the old one");
	return new;
}

/*
 * The account is unknown to the server, as after its installation anew: makes
 * it again with the same key, once, if nothing stands against it.
 */
static int
reviveaccount(struct acme *acme, const struct acme_error *why,
    struct acme_error *err)
{
	const char *terms = acme_terms(acme), *agreed = value(acme, "terms");

	if (acme_wants_eab(acme) ||
	    (terms != NULL && (agreed == NULL || strcmp(terms, agreed) != 0)))
		return acme_fail(err, ACME_NOACCOUNT,
		    "%s: make the account again with cert-account new %s",
		    why->msg, name(acme));
	if (acme_account_register(acme, terms != NULL, NULL, NULL, err) == -1)
		return -1;
	cmd_say("%s: the CA did not know the account any more: with the same "
		"key it is now %s",
	    name(acme), value(acme, "url"));
	return 0;
}

/* Whether "unauthorized" is about the account: Boulder and RFC 8555 7.3.6. */
static int
checkaccount(struct acme *acme, struct acme_error *err)
{
	struct acme_error why;
	struct acme_answer answer;
	const char *status;
	json_t *json = NULL;
	int rv = 0;

	if (acme_send(acme, value(acme, "url"), NULL, 0, &answer, &why) == -1) {
		if (strcmp(why.type, "unauthorized") == 0)
			rv = closedaccount(acme, "deactivated", err);
	} else if ((json = acme_json_parse(answer.body, answer.len, "",
			&why)) != NULL &&
	    isclosed(status = acme_json_string(json, "status")))
		rv = closedaccount(acme, status, err);
	json_decref(json);
	acme_answer_free(&answer);
	return rv;
}

/*
 * Sends a request of the account; as acme_send().  An account that the server
 * has lost is made again, and one that is closed is told from other refusals.
 */
int
acme_post(struct acme *acme, const char *url, const char *payload,
    struct acme_answer *answer, struct acme_error *err)
{
	struct acme_error why;
	int own;

	memset(answer, 0, sizeof(*answer));
	if (value(acme, "url") == NULL)
		return acme_fail(err, ACME_NOACCOUNT,
		    "%s: the account is not complete: use cert-account new %s",
		    name(acme), name(acme));
	own = strcmp(url, value(acme, "url")) == 0;
	if (acme_send(acme, url, payload, 0, answer, err) == 0)
		return 0;
	if (err->why == ACME_NOACCOUNT) {
		why = *err;
		if (reviveaccount(acme, &why, err) == -1)
			return -1;
		acme_answer_free(answer);
		return acme_send(acme, own ? value(acme, "url") : url, payload,
		    0, answer, err);
	}
	if (strcmp(err->type, "unauthorized") == 0) {
		why = *err;
		if (checkaccount(acme, err) == 0)
			*err = why;
	}
	return -1;
}

/*
 * Sends a payload, or NULL, and returns the JSON of the answer.  The answer
 * itself is for acme_answer_free() in any case; NULL: it is not needed.
 */
json_t *
acme_ask(struct acme *acme, const char *url, const json_t *payload,
    struct acme_answer *answer, struct acme_error *err)
{
	struct acme_answer own = { 0 };
	json_t *json = NULL;
	char *text = NULL;

	if (answer == NULL)
		answer = &own;
	memset(answer, 0, sizeof(*answer));
	if (payload != NULL && (text = acme_json_text(payload)) == NULL)
		acme_fail(err, ACME_LOCAL, "no memory left");
	else if (acme_post(acme, url, text, answer, err) == 0)
		json = acme_json_parse(answer->body, answer->len, url, err);
	free(text);
	acme_answer_free(&own);
	return json;
}

/*
 * Asks until the status of an object is none of these, which have blanks
 * between them.  The error is ACME_LATER if it takes too long.
 */
json_t *
acme_wait(struct acme *acme, const char *url, const char *while_,
    struct acme_error *err)
{
	struct acme_answer answer;
	const char *status;
	unsigned int n;
	int64_t retry;
	json_t *json;

	for (n = 0;; n++) {
		json = acme_ask(acme, url, NULL, &answer, err);
		retry = answer.retry;
		acme_answer_free(&answer);
		if (json == NULL)
			return NULL;
		status = acme_json_string(json, "status");
		if (status == NULL || !acme_link_is(while_, status))
			return json;
		json_decref(json);
		if (acme_pause(acme, n, retry, url, err) == -1)
			return NULL;
	}
}

/* Asks about the account itself; its URL may change meanwhile. */
static json_t *
askaccount(struct acme *acme, const json_t *payload, struct acme_error *err)
{
	const char *url = value(acme, "url");
	char *copy = strdup(url == NULL ? "" : url);
	json_t *json = NULL;

	if (copy == NULL)
		acme_fail(err, ACME_LOCAL, "no memory left");
	else
		json = acme_ask(acme, copy, payload, NULL, err);
	free(copy);
	return json;
}

/* The account as the server has it; its status is kept if it changed. */
json_t *
acme_account_fetch(struct acme *acme, struct acme_error *err)
{
	const char *status;
	json_t *json;

	if ((json = askaccount(acme, NULL, err)) == NULL)
		return NULL;
	status = acme_json_string(json, "status");
	if (isclosed(status)) {
		closedaccount(acme, status, err);
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Tells the server the contacts of the account, section 7.3.2. */
int
acme_account_contacts(struct acme *acme, struct acme_error *err)
{
	json_t *json = NULL, *payload = json_object();

	if (addcontacts(acme, payload) == -1)
		acme_fail(err, ACME_LOCAL, "no memory left");
	else
		json = askaccount(acme, payload, err);
	json_decref(payload);
	json_decref(json);
	return json == NULL ? -1 : 0;
}

/*
 * Makes the key that waits as key.new that of the account, section 7.3.5.  If
 * the server refuses it, it is removed; if that cannot be known it stays, and
 * the next acme_account_settle() asks.
 */
int
acme_account_roll(struct acme *acme, struct acme_error *err)
{
	const char *url = acme_resource(acme, "keyChange", err);
	struct certstore_account *account = acme_account(acme);
	struct certstore_error cerr;
	struct acme_answer answer = { 0 };
	struct acme_error why;
	char *inner = NULL;
	int rv = -1;

	if (url != NULL &&
	    (inner = certstore_account_rollover(account, url, &cerr)) == NULL)
		localfailure(err, &cerr);
	if (inner != NULL)
		rv = acme_post(acme, url, inner, &answer, err);
	free(inner);
	acme_answer_free(&answer);
	if (rv == 0)
		return certstore_account_takenew(account, &cerr) == -1 ?
		    localfailure(err, &cerr) :
		    0;
	if (err->why != ACME_DOWN && err->why != ACME_ODD)
		(void)certstore_account_dropnew(account, &cerr);
	else if (err->status != 0) {
		/* Pebble refuses with 500 what another account has */
		why = *err;
		if (choosekey(acme, err) == 1)
			return 0;
		*err = why;
	}
	return -1;
}

/* Closes the account for good, section 7.3.6. */
int
acme_account_deactivate(struct acme *acme, struct acme_error *err)
{
	json_t *json, *payload = json_pack("{ss}", "status", "deactivated");

	if (payload == NULL)
		return acme_fail(err, ACME_LOCAL, "no memory left");
	json = askaccount(acme, payload, err);
	json_decref(payload);
	/* it was closed before, and that is kept */
	if (json == NULL)
		return err->why == ACME_CLOSED ? 0 : -1;
	json_decref(json);
	if (setaccountvalue(acme, "status", "deactivated", err) == -1)
		return -1;
	return saveaccount(acme, err);
}

/* Begins an account, by its name or by the URL of its directory. */
struct certstore_account *
acme_account_new(struct certstore *store, const char *account,
    const char *directory, struct certstore_error *err)
{
	int isurl = strpbrk(account, ":/") != NULL;

	return certstore_account_new(store, isurl ? NULL : account,
	    isurl ? account : directory, err);
}

/*
 * Opens an account for orders or, with CERTSTORE_ACCOUNT_EXCLUSIVE, for a
 * change of its key, connects to its server, and ends a rollover that was
 * interrupted.  Free acme first, then account.
 */
int
acme_account_open(struct certstore *store, const char *account, int flags,
    struct certstore_account **accountp, struct acme **acmep,
    struct acme_error *err)
{
	struct certstore_error cerr;
	int use = flags, settled;

	for (;; use = flags) {
		*acmep = NULL;
		if ((*accountp = certstore_account_open(store, account, use,
			 &cerr)) == NULL)
			return localfailure(err, &cerr);
		if (use != CERTSTORE_ACCOUNT_EXCLUSIVE &&
		    certstore_account_has_newkey(*accountp)) {
			certstore_account_free(*accountp);
			use = CERTSTORE_ACCOUNT_EXCLUSIVE;
			if ((*accountp = certstore_account_open(store, account,
				 use, &cerr)) == NULL)
				return localfailure(err, &cerr);
		}
		if ((*acmep = acme_open(store, *accountp, err)) == NULL ||
		    (use == CERTSTORE_ACCOUNT_EXCLUSIVE &&
			(settled = acme_account_settle(*acmep, err)) == -1)) {
			acme_close(*acmep);
			certstore_account_free(*accountp);
			*acmep = NULL;
			*accountp = NULL;
			return -1;
		}
		if (use == flags)
			return 0;
		acme_close(*acmep);
		certstore_account_free(*accountp);
	}
}
