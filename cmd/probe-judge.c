/*
 * probe-judge.c: compares the certificate that a server sends with the entries
 * that it may serve, and verifies its chain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"

/* The names by which probe-tls.c asks for a type of key. */
static const char *
familyof(const struct certstore_entry *entry)
{
	static const char *const families[] = { "ed25519", "ed448", "rsa" };
	const char *key = certstore_entry_key(entry);
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (key != NULL &&
		    strncmp(key, families[i], strlen(families[i])) == 0)
			return families[i];
	return "ec";
}

void
probe_judge_open(struct probe_judge *j, struct certstore *store,
    const char *anchors)
{
	struct certstore_error err;

	j->store = store;
	if ((j->match = certstore_match_new(store, CERTSTORE_NOW, NULL, 0,
		 &err)) == NULL ||
	    (j->verify = certstore_verify_new(store, &err)) == NULL ||
	    certstore_verify_set_profile(j->verify, "server", &err) == -1)
		cmd_die("%s", err.msg);
	if (anchors != NULL)
		cmd_anchors(j->verify, anchors);
}

void
probe_judge_close(struct probe_judge *j)
{
	certstore_certs_free(j->certs);
	certstore_match_free(j->match);
	certstore_verify_free(j->verify);
	cmd_text_free(&j->text);
}

static int
isexpected(const struct probe_expected *x, const char *name)
{
	size_t i;

	for (i = 0; i < x->n; i++)
		if (strcmp(certstore_entry_name(x->v[i]), name) == 0)
			return 1;
	return 0;
}

/* Adds an entry, which the list then owns. */
void
probe_expected_add(struct probe_expected *x, struct certstore_entry *entry)
{
	x->v = reallocarray(x->v, x->n + 1, sizeof(struct certstore_entry *));
	if (x->v == NULL)
		cmd_die("no memory left");
	x->v[x->n++] = entry;
}

static void
addtype(struct probe_target *t, const struct certstore_entry *entry, int needed)
{
	const char *family = familyof(entry);
	size_t i;

	if (certstore_entry_fingerprint(entry) == NULL)
		return;
	for (i = 0; i < t->ntype; i++)
		if (strcmp(t->type[i], family) == 0)
			return;
	t->needed[t->ntype] = needed;
	t->type[t->ntype++] = family;
}

/* The rule that an entry was found by, without the reason against it. */
static void
ruleof(const struct certstore_entry *entry, char rule[64])
{
	const char *how = certstore_entry_how(entry);

	snprintf(rule, 64, "%.*s", how == NULL ? 0 : (int)strcspn(how, ":"),
	    how == NULL ? "" : how);
}

/*
 * The entries that match the name, and the types of their keys: of those that
 * are as near to the name as the best one, and valid.
 */
static int
addmatches(struct probe_judge *j, struct probe_target *t, const char *question)
{
	const struct certstore_entry *entry;
	struct certstore_entry *own;
	struct certstore_error err;
	char best[64] = "", rule[64];
	int rv;

	if (certstore_match_ask(j->match, question, &err) == -1) {
		cmd_error("%s", err.msg);
		return -1;
	}
	while ((rv = certstore_match_next(j->match, &entry, &err)) == 1) {
		ruleof(entry, rule);
		if (best[0] == '\0')
			memcpy(best, rule, sizeof(best));
		if (strcmp(rule, best) == 0 &&
		    certstore_entry_is_valid(entry, CERTSTORE_NOW))
			addtype(t, entry, 0);
		if (isexpected(&t->expected, certstore_entry_name(entry)))
			continue;
		own = certstore_entry_get(j->store, certstore_entry_name(entry),
		    &err);
		if (own == NULL)
			return cmd_error("%s", err.msg), -1;
		probe_expected_add(&t->expected, own);
	}
	if (rv == -1)
		cmd_error("%s", err.msg);
	return rv;
}

/*
 * A name that has certificates of one type only is asked for any, as clients
 * do: another type that the server has would be found.
 */
int
probe_judge_find(struct probe_judge *j, struct probe_target *t)
{
	const char *question;
	size_t i;

	for (i = 0; i < t->expected.nowner; i++)
		addtype(t, t->expected.v[i], 1);
	question = t->e.name[0] != '\0' ? t->e.name : t->e.host;
	if (addmatches(j, t, question) == -1)
		return -1;
	if (t->ntype <= 1) {
		t->type[0] = NULL;
		t->needed[0] = 1;
		t->ntype = 1;
	}
	return 0;
}

static int
isfingerprint(const struct certstore_entry *entry, const char *fingerprint)
{
	const char *is = certstore_entry_fingerprint(entry);

	return is != NULL && strcmp(is, fingerprint) == 0;
}

/* Adds a part of the text behind those that are there. */
static void
addpart(struct probe_judge *j, const char *part)
{
	if (j->text.len > 0)
		cmd_text_adds(&j->text, "; ");
	cmd_text_clean(&j->text, part);
}

/* An entry of the store with this certificate, though it is not expected. */
static const char *
findforeign(struct probe_judge *j)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	char question[80];

	snprintf(question, sizeof(question), "spki:%s",
	    certstore_entry_spki(j->leaf));
	if (certstore_match_ask(j->match, question, &err) == -1)
		return NULL;
	while (certstore_match_next(j->match, &entry, &err) == 1)
		if (isfingerprint(entry, certstore_entry_fingerprint(j->leaf)))
			return certstore_entry_name(entry);
	return NULL;
}

/* Adds whose the certificate is that is not the right one. */
static void
addforeign(struct probe_judge *j)
{
	const char *name = findforeign(j), *subject;
	struct cmd_text t = { NULL, 0, 0 };

	if (name != NULL) {
		cmd_text_adds(&t, "sends that of the entry ");
		cmd_text_adds(&t, name);
	} else {
		subject = certstore_entry_subject(j->leaf);
		cmd_text_adds(&t, "sends that of ");
		cmd_text_adds(&t,
		    subject == NULL || *subject == '\0' ? "no subject" :
							  subject);
		subject = certstore_entry_issuer(j->leaf);
		cmd_text_adds(&t, ", issuer ");
		cmd_text_adds(&t, subject == NULL ? "" : subject);
		cmd_text_adds(&t, ", sha256:");
		cmd_text_adds(&t, certstore_entry_fingerprint(j->leaf));
	}
	addpart(j, t.p);
	cmd_text_free(&t);
}

/* Is an entry one of those that an answer may be?  See probe_judge_answer(). */
static int
counts(const struct probe_expected *x, size_t i, const struct probe_question *q)
{
	const char *family = familyof(x->v[i]);
	size_t k;

	if (q->lacks != NULL && q->needed)
		return i < x->nowner && strcmp(family, q->lacks) == 0;
	if (i < x->nowner)
		return 1;
	for (k = 0; k < x->nowner; k++)
		if (strcmp(familyof(x->v[k]), family) == 0)
			return 0;
	return 1;
}

/*
 * What the certificate is: that of an owner, or a twin of it, or of any entry
 * that matches where the target has no owner; an earlier one; another; or there
 * is none in the store.
 */
static void
comparecert(struct probe_judge *j, const struct probe_target *t,
    const struct probe_question *q)
{
	const char *fingerprint = certstore_entry_fingerprint(j->leaf);
	const struct probe_expected *x = &t->expected;
	const struct certstore_entry *first = NULL;
	size_t i;

	j->state = "none";
	j->name = NULL;
	for (i = 0; i < x->n; i++) {
		if (certstore_entry_fingerprint(x->v[i]) == NULL ||
		    !counts(x, i, q))
			continue;
		if (first == NULL)
			first = x->v[i];
		if (isfingerprint(x->v[i], fingerprint))
			j->state = "same";
		else if (certstore_entry_had(x->v[i], fingerprint))
			j->state = "old";
		else
			continue;
		j->name = certstore_entry_name(x->v[i]);
		return;
	}
	if (first == NULL)
		return;
	j->state = "other";
	j->name = certstore_entry_name(first);
	if (certstore_entry_spki(first) != NULL &&
	    strcmp(certstore_entry_spki(first),
		certstore_entry_spki(j->leaf)) == 0)
		addpart(j, "another certificate of the same key");
}

static const struct certstore_entry *
expectedby(const struct probe_target *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->expected.n; i++)
		if (strcmp(certstore_entry_name(t->expected.v[i]), name) == 0)
			return t->expected.v[i];
	return NULL;
}

/* Reads the answer, and j->leaf of it: 0, or -1 with a message. */
static int
readanswer(struct probe_judge *j, const struct probe_question *q,
    const char *label)
{
	struct certstore_error err;

	certstore_certs_free(j->certs);
	j->certs = certstore_certs_read(label, q->chain, q->chainlen, NULL,
	    &err);
	if (j->certs == NULL ||
	    certstore_certs_next(j->certs, &j->leaf, &err) != 1 ||
	    certstore_entry_fingerprint(j->leaf) == NULL ||
	    certstore_entry_spki(j->leaf) == NULL) {
		cmd_error("%s", err.msg);
		return -1;
	}
	return 0;
}

/* Does the server send a certificate with this subject behind the first? */
static int
sendsissuer(const struct probe_question *q, const char *subject)
{
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct certstore_error err;
	const char *is;
	size_t n = 0;
	int rv, found = 0;

	certs = certstore_certs_read("", q->chain, q->chainlen, NULL, &err);
	if (certs == NULL)
		return 0;
	while (
	    !found && (rv = certstore_certs_next(certs, &entry, &err)) != 0) {
		if (rv == -1 || n++ == 0)
			continue;
		is = certstore_entry_subject(entry);
		found = is != NULL && strcmp(is, subject) == 0;
	}
	certstore_certs_free(certs);
	return found;
}

/*
 * The right certificate, but not with its chain: clients that know only the
 * root refuse it.  Another chain is no fault if it leads to an anchor.
 */
static void
comparechain(struct probe_judge *j, const struct certstore_entry *entry,
    const struct probe_question *q)
{
	const char *subject;
	char line[400];
	int64_t ends;
	size_t i;

	for (i = 0; certstore_entry_issuing(entry, i, &subject, &ends); i++)
		if (subject != NULL && !sendsissuer(q, subject)) {
			snprintf(line, sizeof(line),
			    "sends no issuer %.200s: use fullchain.pem there",
			    subject);
			addpart(j, line);
			j->different = 1;
			return;
		}
}

/* Verifies the chain: j->verdict, and the reasons against it. */
static void
verifychain(struct probe_judge *j, const struct probe_target *t,
    const struct probe_question *q, const char *label)
{
	const struct certstore_reason *why;
	struct certstore_error err;
	char line[600];
	size_t i;

	j->verdict = -1;
	if (j->unjudged)
		return;
	if (certstore_verify_set_host(j->verify,
		t->e.name[0] != '\0' ? t->e.name : t->e.host, &err) == 0)
		j->verdict = certstore_verify_certs(j->verify, label, q->chain,
		    q->chainlen, NULL, &err);
	if (j->verdict == -1) {
		if (err.code == CERTSTORE_EREFUSED ||
		    err.code == CERTSTORE_ENOENTRY) {
			j->unjudged = 1;
			cmd_say("chains are not verified: %s", err.msg);
		} else
			addpart(j, err.msg);
		return;
	}
	for (i = 0; certstore_verify_reason(j->verify, i, &why) == 1; i++) {
		if (why->warning)
			continue;
		snprintf(line, sizeof(line), "%s: %.500s", why->code,
		    why->text);
		addpart(j, line);
	}
}

int
probe_judge_answer(struct probe_judge *j, const struct probe_target *t,
    const struct probe_question *q)
{
	char label[80], line[80];

	snprintf(label, sizeof(label), "%s", q->address);
	j->text.len = 0;
	j->leaf = NULL;
	if (readanswer(j, q, label) == -1)
		return -1;
	if (q->lacks != NULL && q->needed) {
		snprintf(line, sizeof(line),
		    "has no certificate with a key of type %s", q->lacks);
		addpart(j, line);
	}
	comparecert(j, t, q);
	j->different = strcmp(j->state, "same") != 0;
	if (strcmp(j->state, "old") == 0)
		addpart(j, "sends an earlier certificate of the entry");
	else if (j->different)
		addforeign(j);
	verifychain(j, t, q, label);
	if (!j->different && j->verdict != 1)
		comparechain(j, expectedby(t, j->name), q);
	return 0;
}
