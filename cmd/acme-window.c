/*
 * acme-window.c: when a CA wants a certificate to be replaced, RFC 9773: what
 * it says is kept in the state of the order, where the schedule finds it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "cmd.h"
#include "entry.h"

#define ARI_WAIT (6 * 3600) /* RFC 9773 section 4.3.3 */
#define ARI_MIN 60
#define ARI_MAX (24 * 3600)

/*
 * Was it replaced before, and cert-revert went back to it?  The CA must not be
 * asked about it again, RFC 9773 section 4.3.
 */
int
window_isold(const struct certstore_order *order,
    const struct certstore_entry *entry)
{
	const char *replaced = certstore_order_value(order, "replaced");
	const char *print = certstore_entry_fingerprint(entry);

	return replaced != NULL && print != NULL &&
	    strcmp(replaced, print) == 0;
}

/* The identifier of the certificate, if the CA may be asked about it, or NULL. */
static char *
servingid(struct certstore *store, const struct certstore_order *order,
    const char *name)
{
	struct certstore_entry *entry;
	struct certstore_error err;
	char *certid = NULL;

	if ((entry = certstore_entry_get(store, name, &err)) == NULL)
		return NULL;
	if (certstore_entry_ends(entry) > certstore_time_now() &&
	    !window_isold(order, entry))
		certid = certstore_entry_certid(entry, &err);
	certstore_entry_free(entry);
	return certid;
}

static void
settime(struct certstore_order *order, const char *key, int64_t when)
{
	struct certstore_error ignored;
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)when);
	(void)certstore_order_set(order, key, text, &ignored);
}

static int64_t
gettime(const struct certstore_order *order, const char *key)
{
	const char *text = certstore_order_value(order, key);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

/* Keeps a window, and a moment in it if the window is another than before. */
static void
keepwindow(struct certstore_order *order, const char *name,
    const struct acme_ari *ari)
{
	int64_t before = gettime(order, "ari-start");
	double part = (double)arc4random() / 4294967296.0;
	struct certstore_error ignored;
	int past;

	if (before == ari->start && gettime(order, "ari-end") == ari->end)
		return;
	/* in the past: it may have been revoked, and why */
	past = before != 0 && ari->end <= certstore_time_now();
	if (past)
		(void)certstore_order_set(order, "newkey", "yes", &ignored);
	if (past || (before != 0 && *ari->explanation != '\0'))
		cmd_say("%s: the CA has moved its renewal%s%s%s", name,
		    past ? " to the past: the next key is new" : "",
		    *ari->explanation == '\0' ? "" : ": ", ari->explanation);
	settime(order, "ari-start", ari->start);
	settime(order, "ari-end", ari->end);
	/* drawn once for a window, or else the first runs would take all */
	settime(order, "ari-point",
	    ari->start + (int64_t)((double)(ari->end - ari->start) * part));
}

/* What fails for a day is said, once; the certificate is due by its validity. */
static void
countfailure(const struct job *job, struct certstore_order *order,
    const char *name, const char *msg)
{
	int64_t now = certstore_time_now(), since;
	const char *known = certstore_order_value(order, "ari-failed");

	if (known == NULL)
		settime(order, "ari-failed", now);
	since = gettime(order, "ari-failed");
	if (since > 0 && now - since >= ARI_MAX) {
		cmd_say("%s: for a day the CA has not said when it wants a "
			"renewal: %s",
		    name, msg);
		/* that it was said, which is no time */
		settime(order, "ari-failed", 0);
	} else if (job->verbose)
		cmd_say("%s: %s", name, msg);
}

/* Asks the CA when it wants the certificate replaced, RFC 9773. */
void
window_ask(struct job *job, struct session *session,
    struct certstore_order *order, const char *name)
{
	struct acme *acme = session->acme;
	struct acme_error aerr;
	struct acme_ari ari;
	int64_t now = certstore_time_now(), wait = ARI_WAIT;
	struct certstore_error ignored;
	char *certid;

	if (acme_resource(acme, "renewalInfo", &aerr) == NULL) {
		/* or else each run would ask */
		if (certstore_order_value(order, "ari-next") != NULL)
			(void)certstore_order_set(order, "ari-next", NULL,
			    &ignored);
		return;
	}
	if (gettime(order, "ari-next") > now ||
	    (certid = servingid(job->store, order, name)) == NULL)
		return;
	if (acme_ari(acme, certid, &ari, &aerr) == 0) {
		/* section 4.3.2: within reason */
		if (ari.retry != 0)
			wait = ari.retry - now;
		if (wait < ARI_MIN)
			wait = ARI_MIN;
		if (wait > ARI_MAX)
			wait = ARI_MAX;
		keepwindow(order, name, &ari);
		(void)certstore_order_set(order, "ari-failed", NULL, &ignored);
	} else
		countfailure(job, order, name, aerr.msg);
	free(certid);
	settime(order, "ari-next", now + wait);
}

/* For a new certificate the next run of cert-renew asks. */
void
window_begin(struct session *session, struct certstore_order *order)
{
	struct acme_error ignored;

	if (acme_resource(session->acme, "renewalInfo", &ignored) != NULL)
		settime(order, "ari-next", certstore_time_now());
}
