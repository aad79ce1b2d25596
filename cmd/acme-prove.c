/*
 * acme-prove.c: proves to a CA that the names of an order are ours: chooses a
 * challenge for each, sets them all up, lets the CA look once, and undoes them.
 */
#include <arpa/inet.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/stdlib.h>

#include "cmd.h"
#include "entry.h"

#define CALLS "TNAuthList" /* RFC 9448 section 3 */
#define TKAUTH "tkauth-01"
#define CAA_ERROR "urn:ietf:params:acme:error:caa"

/* An authorization that is to be proved. */
struct proof {
	char *url;	  /* of the authorization */
	json_t *authz;	  /* that, of which the task has parts */
	const char *name; /* for messages */
	char *token, *authorization, *txt, *fingerprint;
	struct method_task task;
	struct method *method;
	const char *challenge; /* its URL */
	char *note, *answer;   /* to the challenge, a secret */
};

struct proving {
	struct job *job;
	struct session *session;
	struct certstore_order *order;
	struct method *methods[ENTRY_METHODS_MAX];
	size_t nmethod;
	struct proof *proofs;
	size_t nproof;
	char *why;
	const char *flaw;	    /* of a challenge that was offered */
	struct acme_error *err;	    /* of a request that failed */
	int probes;		    /* there is no order */
	char doubt[METHOD_WHY_LEN]; /* what we saw ourselves, or "" */
};

static int
failprove(struct proving *p, const char *msg)
{
	snprintf(p->why, METHOD_WHY_LEN, "%s", msg);
	return -1;
}

/* A request failed. */
static int
failrequest(struct proving *p)
{
	return failprove(p, p->err->msg);
}

static void
freeproof(struct proof *f)
{
	free(f->url);
	json_decref(f->authz);
	free(f->token);
	free(f->authorization);
	free(f->txt);
	free(f->fingerprint);
	free(f->note);
	if (f->answer != NULL)
		freezero(f->answer, strlen(f->answer));
}

/* The set-up that was made last: it may be within what another one made. */
static int
lastleftover(const struct certstore_order *order, const char **text)
{
	const char *next;
	size_t i;

	*text = NULL;
	for (i = 0; certstore_order_leftover(order, i, &next) == 1; i++)
		*text = next;
	return *text != NULL;
}

/* Undoes what was set up, now or by an earlier process. */
int
prove_undo(struct job *job, struct certstore_order *order)
{
	struct certstore_error err, failed = { 0 };
	struct method_why why;
	const char *text;
	char *note;
	int rv = 0, same = 0;

	while (!same && lastleftover(order, &text)) {
		if (method_undo(job->store, text, &why) == -1) {
			cmd_say("%s", why.msg);
			rv = -1;
		}
		/* a warning is given once */
		note = strdup(text);
		if (certstore_order_undone(order, text, &err) == -1) {
			/* all is undone, even if the entry was removed */
			failed = err;
			same = note == NULL ||
			    (lastleftover(order, &text) &&
				strcmp(text, note) == 0);
		}
		free(note);
	}
	if (failed.code != CERTSTORE_OK) {
		cmd_error("%s", failed.msg);
		rv = -1;
	}
	return rv;
}

static int
makemethods(struct proving *p, const char *const *words, size_t n)
{
	struct method_why why;

	if (n > ENTRY_METHODS_MAX)
		return failprove(p, "has too many methods");
	for (; p->nmethod < n; p->nmethod++) {
		p->methods[p->nmethod] = method_new(p->job->store,
		    words[p->nmethod], &why);
		if (p->methods[p->nmethod] == NULL)
			return failprove(p, why.msg);
	}
	return 0;
}

/* Is an identifier of this type for calls? */
static int
iscalls(const char *type)
{
	return strcmp(type, CALLS) == 0;
}

/* A record that names the account; 0: it has a form that is not known. */
static int
takepersist(struct proving *p, struct proof *f, const json_t *challenge)
{
	f->task.issuer = json_string_value(
	    json_array_get(acme_json_array(challenge, "issuer-domain-names"),
		0));
	f->task.account = certstore_account_value(p->session->account, "url",
	    0);
	return f->task.issuer != NULL && f->task.account != NULL;
}

/* RFC 9447 section 3.1: "tkauth-type", and perhaps "token-authority", a URL. */
static int
taketkauth(struct proving *p, struct proof *f, const json_t *challenge)
{
	struct certstore_error err;

	f->task.tkauth = acme_json_string(challenge, "tkauth-type");
	f->task.authority = acme_json_url(challenge, "token-authority");
	if (f->task.authority == NULL &&
	    json_object_get(challenge, "token-authority") != NULL) {
		p->flaw = "the token authority that the CA names is not an "
			  "https URL";
		return 0;
	}
	free(f->fingerprint);
	f->fingerprint = certstore_account_fingerprint(p->session->account,
	    &err);
	f->task.fingerprint = f->fingerprint;
	return f->task.tkauth != NULL && f->fingerprint != NULL;
}

static int
taketoken(struct proving *p, struct proof *f, const char *token)
{
	struct certstore_account *account = p->session->account;
	struct certstore_error err;

	if (token == NULL)
		return 0;
	free(f->authorization);
	free(f->txt);
	f->authorization = certstore_account_authorization(account, token,
	    &err);
	f->txt = certstore_account_txt(account, token, &err);
	f->task.token = token;
	f->task.authorization = f->authorization;
	f->task.txt = f->txt;
	return f->authorization != NULL && f->txt != NULL;
}

/*
 * Fills in a task for a challenge; 0: it has a form that is not known.  A token
 * proves a TNAuthList and nothing else does: what a CA calls a host name is
 * never given to the program that gets tokens.
 */
static int
taketask(struct proving *p, struct proof *f, const json_t *challenge)
{
	const json_t *identifier = acme_json_object(f->authz, "identifier");
	const char *type = acme_json_string(challenge, "type");

	if (type == NULL ||
	    iscalls(acme_json_string(identifier, "type")) !=
		(strcmp(type, TKAUTH) == 0))
		return 0;
	memset(&f->task, 0, sizeof(f->task));
	f->task.type = type;
	f->task.name = acme_json_string(identifier, "value");
	f->task.wildcard = json_is_true(json_object_get(f->authz, "wildcard"));
	f->task.isip = strcmp(acme_json_string(identifier, "type"), "ip") == 0;
	if (strcmp(type, "dns-persist-01") == 0)
		return takepersist(p, f, challenge);
	if (strcmp(type, TKAUTH) == 0)
		return taketkauth(p, f, challenge);
	return taketoken(p, f, acme_json_string(challenge, "token"));
}

/* The first method that can do one of the challenges. */
static int
choosechallenge(struct proving *p, struct proof *f)
{
	const json_t *challenges = acme_json_array(f->authz, "challenges");
	const json_t *challenge;
	size_t i, k;

	for (i = 0; i < p->nmethod; i++)
		for (k = 0; k < json_array_size(challenges); k++) {
			challenge = json_array_get(challenges, k);
			f->challenge = acme_json_url(challenge, "url");
			if (f->challenge == NULL ||
			    !taketask(p, f, challenge) ||
			    !method_can(p->methods[i], &f->task))
				continue;
			f->method = p->methods[i];
			return 0;
		}
	snprintf(p->why, METHOD_WHY_LEN, "%s: %s", f->name,
	    p->flaw != NULL ? p->flaw :
			      "none of the methods can do a challenge that "
			      "the CA offers: add another with -m");
	return -1;
}

/*
 * Was an identifier ordered?  A CA may want the proof of a domain above the one
 * that was ordered, RFC 8555 section 7.1.3, but of nothing else: it becomes an
 * argument of hooks, and a part of their commands.
 */
static int
isordered(const struct proving *p, const char *type, const char *value)
{
	const char *orderedtype, *ordered;
	unsigned char address[16], given[16];
	size_t i, len = strlen(value), n;
	int family = strchr(value, ':') == NULL ? AF_INET : AF_INET6;

	for (i = 0; certstore_order_identifier(p->order, i, &orderedtype,
			&ordered) == 1;
	     i++) {
		if (strcmp(type, orderedtype) != 0)
			continue;
		n = strlen(ordered);
		if (strcmp(type, "dns") == 0 && len > 0 && len < n &&
		    ordered[n - len - 1] == '.' &&
		    strcasecmp(ordered + n - len, value) == 0)
			return 1;
		if (strcmp(type, "ip") == 0 &&
		    inet_pton(family, value, given) == 1 &&
		    inet_pton(family, ordered, address) == 1 &&
		    memcmp(address, given, family == AF_INET ? 4 : 16) == 0)
			return 1;
		if (iscalls(type) ? strcmp(value, ordered) == 0 :
				    strcasecmp(value, ordered) == 0)
			return 1;
	}
	return 0;
}

/* Takes the identifier of an authorization. */
static int
takeidentifier(struct proving *p, struct proof *f)
{
	const json_t *identifier = acme_json_object(f->authz, "identifier");
	const char *type = acme_json_string(identifier, "type");
	const char *value = acme_json_string(identifier, "value");
	char clean[80];

	f->name = iscalls(type) ? CALLS : value;
	if (isordered(p, type, value))
		return 0;
	snprintf(p->why, METHOD_WHY_LEN,
	    "the CA asks for the proof of %s, which was not ordered",
	    iscalls(type) ? "a TNAuthList" :
			    cmd_clean(value, clean, sizeof(clean)));
	return -1;
}

/* What an authorization needs: 1, 0 nothing, -1. */
static int
readauthorization(struct proving *p, const char *url)
{
	struct proof *f = &p->proofs[p->nproof];
	json_t *authz;

	if ((authz = acme_authz_get(p->session->acme, url, p->err)) == NULL)
		return failrequest(p);
	if (strcmp(acme_json_string(authz, "status"), "valid") == 0) {
		json_decref(authz);
		return 0;
	}
	memset(f, 0, sizeof(*f));
	p->nproof++;
	f->authz = authz;
	if ((f->url = strdup(url)) == NULL)
		return failprove(p, "no memory left");
	return takeidentifier(p, f) == -1 || choosechallenge(p, f) == -1 ? -1 :
									   1;
}

/* Begins each method that is used, before anything is set up. */
static int
beginmethods(struct proving *p)
{
	struct method_why why;
	size_t i, k;

	for (i = 0; i < p->nmethod; i++) {
		for (k = 0; k < p->nproof; k++)
			if (p->proofs[k].method == p->methods[i])
				break;
		if (k < p->nproof && method_begin(p->methods[i], &why) == -1)
			return failprove(p, why.msg);
	}
	return 0;
}

static int
setupproof(struct proving *p, struct proof *f)
{
	struct certstore_error err;
	struct method_why why;

	if ((f->note = method_note(f->method, &f->task, &why)) == NULL)
		return failprove(p, why.msg);
	if (*f->note != '\0' &&
	    certstore_order_setup(p->order, f->note, &err) == -1)
		return failprove(p, err.msg);
	if (method_setup(f->method, &f->task, f->note, &why) == -1)
		return failprove(p, why.msg);
	f->answer = method_answer(f->method);
	return 0;
}

/*
 * Waits until it can be seen, and looks: only for a better message, since the
 * CA may see what we do not.
 */
static int
lookatproof(struct proving *p, struct proof *f)
{
	struct method_why why;
	int rv;

	if ((rv = method_wait(f->method, &f->task, f->note, &why)) == 0)
		rv = method_look(f->method, &f->task, &why);
	if (rv == 1 && (p->job->verbose || p->probes))
		cmd_say("%s", why.msg);
	if (rv == 1)
		snprintf(p->doubt, sizeof(p->doubt), "%s", why.msg);
	if (rv == -1 && (why.interrupted || !p->job->force))
		return failprove(p, why.msg);
	return 0;
}

/* Why the CA does not believe that a name is ours. */
static int
failauthorization(struct proving *p, const struct proof *f, const json_t *authz)
{
	const json_t *challenge, *list = acme_json_array(authz, "challenges");
	const char *type;
	struct method_why caa;
	char text[700];
	size_t i;

	text[0] = '\0';
	for (i = 0; i < json_array_size(list) && text[0] == '\0'; i++) {
		challenge = json_array_get(list, i);
		if (json_object_get(challenge, "error") == NULL)
			continue;
		acme_problem_text(json_object_get(challenge, "error"), text,
		    sizeof(text));
		issue_keepproblem(p->order,
		    json_object_get(challenge, "error"));
		type = acme_json_string(acme_json_object(challenge, "error"),
		    "type");
		if (type != NULL && strcmp(type, CAA_ERROR) == 0 &&
		    caa_forbids(p->session, &f->task, &caa))
			snprintf(p->doubt, sizeof(p->doubt), "%s", caa.msg);
	}
	snprintf(p->why, METHOD_WHY_LEN, "%s: CA says %s (%s)%s%.300s", f->name,
	    text[0] == '\0' ? "that it is not proved" : text, f->task.type,
	    p->doubt[0] == '\0' ? "" : "; from here: ", p->doubt);
	return -1;
}

/* Lets the CA look at some of them, and waits for what it says. */
static int
letlook(struct proving *p, struct proof **v, size_t n)
{
	const char *status;
	json_t *authz;
	size_t i;
	int rv = 0;

	for (i = 0; i < n; i++)
		if (acme_challenge_answer(p->session->acme, v[i]->challenge,
			v[i]->answer, p->err) == -1)
			return failrequest(p);
	for (i = 0; i < n; i++) {
		authz = acme_authz_wait(p->session->acme, v[i]->url, p->err);
		if (authz == NULL)
			return failrequest(p);
		status = acme_json_string(authz, "status");
		if (rv == 0 && (status == NULL || strcmp(status, "valid") != 0))
			rv = failauthorization(p, v[i], authz);
		json_decref(authz);
	}
	return rv;
}

static int
provesome(struct proving *p, struct proof **v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (setupproof(p, v[i]) == -1)
			return -1;
	for (i = 0; i < n; i++)
		if (lookatproof(p, v[i]) == -1)
			return -1;
	return letlook(p, v, n);
}

/* All at once, but those whose method can do one name after the other only. */
static int
proveall(struct proving *p)
{
	struct proof *f, **together;
	size_t i, n = 0;
	int rv;

	if (beginmethods(p) == -1)
		return -1;
	together = calloc(p->nproof, sizeof(*together));
	if (together == NULL)
		return failprove(p, "no memory left");
	rv = 0;
	for (i = 0; i < p->nproof && rv == 0; i++) {
		f = &p->proofs[i];
		if (!method_serial(f->method)) {
			together[n++] = f;
			continue;
		}
		rv = provesome(p, &f, 1);
		(void)prove_undo(p->job, p->order);
	}
	if (rv == 0 && n > 0)
		rv = provesome(p, together, n);
	free(together);
	return rv;
}

static void
endproving(struct proving *p)
{
	size_t i;

	if (p->order != NULL)
		(void)prove_undo(p->job, p->order);
	for (i = 0; i < p->nmethod; i++)
		method_end(p->methods[i]);
	for (i = 0; i < p->nproof; i++)
		freeproof(&p->proofs[i]);
	free(p->proofs);
}

int
prove_order(struct job *job, struct session *session,
    struct certstore_order *order, const json_t *json, const char *const *words,
    size_t nword, char *why, struct acme_error *err)
{
	struct proving p = { .job = job,
		.session = session,
		.order = order,
		.why = why,
		.err = err };
	const json_t *urls = acme_json_array(json, "authorizations");
	size_t i, n = json_array_size(urls);
	int rv = -1;

	err->why = ACME_OK;
	p.proofs = calloc(n + 1, sizeof(*p.proofs));
	if (p.proofs == NULL) {
		failprove(&p, "no memory left");
		return -1;
	}
	if (makemethods(&p, words, nword) == -1)
		goto out;
	for (i = 0; i < n; i++)
		if (readauthorization(&p,
			json_string_value(json_array_get(urls, i))) == -1)
			goto out;
	rv = p.nproof == 0 ? 0 : proveall(&p);
out:
	endproving(&p);
	return rv;
}

/* A proof of a name without a CA: by the first method that can do any. */
static int
makeproof(struct proving *p, const char *type, const char *value)
{
	static const char *const types[] = { "http-01", "dns-01", "tls-alpn-01",
		"dns-persist-01", TKAUTH };
	struct proof *f = &p->proofs[p->nproof++];
	size_t i, k;

	f->task.wildcard = strncmp(value, "*.", 2) == 0;
	f->task.isip = strcmp(type, "ip") == 0;
	f->task.account = certstore_account_value(p->session->account, "url",
	    0);
	f->task.name = value + (f->task.wildcard ? 2 : 0);
	f->task.tkauth = "atc";
	f->name = iscalls(type) ? CALLS : value;
	for (i = 0; i < p->nmethod && f->method == NULL; i++)
		for (k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
			f->task.type = types[k];
			if (iscalls(type) == (strcmp(types[k], TKAUTH) == 0) &&
			    method_can(p->methods[i], &f->task)) {
				f->method = p->methods[i];
				break;
			}
		}
	if (f->method != NULL)
		return 0;
	snprintf(p->why, METHOD_WHY_LEN,
	    "%s: none of the methods can do it: add another with -m", f->name);
	return -1;
}

/* Sets up a token of our own, if that takes no program, and looks at it. */
static int
probeproof(struct proving *p, struct proof *f)
{
	const char *word = method_word(f->method);

	if (strncmp(word, "webroot:", 8) != 0 && strncmp(word, "http", 4) != 0)
		return 0;
	if (asprintf(&f->token, "certstore-%08x%08x", arc4random(),
		arc4random()) == -1 ||
	    asprintf(&f->authorization, "%s.test", f->token) == -1)
		return failprove(p, "no memory left");
	f->task.token = f->token;
	f->task.authorization = f->task.txt = f->authorization;
	return setupproof(p, f) == -1 ? -1 : lookatproof(p, f);
}

/* Begins all of them, one after the other: the names are not known. */
static int
trymethods(struct proving *p)
{
	struct method_why why;
	size_t i;

	for (i = 0; i < p->nmethod; i++)
		if (method_begin(p->methods[i], &why) == -1)
			return failprove(p, why.msg);
	return 0;
}

/* Is what the names of an order need there, and what would the CA see? */
static int
tryproofs(struct proving *p)
{
	const char *type, *value;
	struct method_why why;
	size_t i;

	for (i = 0; certstore_order_identifier(p->order, i, &type, &value) == 1;
	     i++)
		if (makeproof(p, type, value) == -1)
			return -1;
	if (beginmethods(p) == -1)
		return -1;
	for (i = 0; i < p->nproof; i++)
		if (probeproof(p, &p->proofs[i]) == -1)
			return -1;
	for (i = 0; i < p->nproof; i++)
		if (caa_forbids(p->session, &p->proofs[i].task, &why))
			cmd_say("%s", why.msg);
	return 0;
}

/*
 * Looks whether the names of a request could be proved, without an order; the
 * request is NULL if nothing is known of it.
 */
int
prove_try(struct job *job, struct session *session,
    struct certstore_order *order, const char *const *words, size_t nword,
    char *why)
{
	struct proving p = { .job = job,
		.session = session,
		.order = order,
		.probes = 1,
		.why = why };
	const char *type, *value;
	size_t n = 0;
	int rv;

	while (order != NULL &&
	    certstore_order_identifier(order, n, &type, &value) == 1)
		n++;
	p.proofs = calloc(n + 1, sizeof(*p.proofs));
	if (p.proofs == NULL)
		return failprove(&p, "no memory left");
	if (nword == 0)
		rv = failprove(&p, "has no method: use -m");
	else if ((rv = makemethods(&p, words, nword)) == 0)
		rv = order == NULL ? trymethods(&p) : tryproofs(&p);
	endproving(&p);
	return rv;
}
