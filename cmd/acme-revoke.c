/*
 * acme-revoke.c: cert-revoke for certificates that no CA of the store has
 * signed: has them revoked by the ACME CA that issued them, RFC 8555 section
 * 7.6.  cert-revoke runs it, and has checked its operands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cmd.h"
#include "entry.h"

static const struct cmd_opt opts[] = {
	{ 'f', NULL, "also what nothing else in the store can replace" },
	{ 'i', "file", "revoke the certificate in this file, or \"-\"" },
	{ 'K', "key", "sign with the certificate's key in this file" },
	{ 'n', NULL, "print what would be revoked, revoke nothing" },
	{ 'q', NULL, "print errors only" }, { 0, NULL, NULL }
};

static const struct cmd_help help = {
	.name = "cert-revoke",
	.operands = "name ... [reason=WORD]",
	.opts = opts,
};

#define KEY_COMPROMISE 1

/* RFC 5280 section 5.3.1, without what only a delta CRL has. */
static const struct {
	const char *word;
	int code;
} reasons[] = {
	{ "unspecified", 0 },
	{ "keyCompromise", KEY_COMPROMISE },
	{ "cACompromise", 2 },
	{ "affiliationChanged", 3 },
	{ "superseded", 4 },
	{ "cessationOfOperation", 5 },
	{ "certificateHold", 6 },
	{ "privilegeWithdrawn", 9 },
	{ "aACompromise", 10 },
};

struct call {
	struct job job;
	int reason;
	struct certstore_certs *certs;	     /* -i */
	const struct certstore_entry *given; /* its first certificate */
	struct cmd_input keyfile;	     /* -K; no data: not given */
};

/* One name: its entry, and what is revoked, which may be another one. */
struct target {
	const char *name;
	struct certstore_entry *entry;
	const struct certstore_entry *cert;
	struct certstore_order *order;
	char *account;
};

static struct certstore_error err;

static void
setreason(struct call *c, char *assignment)
{
	enum certstore_set_how how;
	const char *value = cmd_assignment(assignment, &how);
	char clean[128];
	size_t i, n = sizeof(reasons) / sizeof(reasons[0]);

	if (strcmp(assignment, "reason") != 0 || how != CERTSTORE_SET_REPLACE)
		cmd_die("%s: is not known: use reason=WORD",
		    cmd_clean(assignment, clean, sizeof(clean)));
	for (i = 0; i < n; i++)
		if (strcasecmp(value, reasons[i].word) == 0) {
			c->reason = reasons[i].code;
			return;
		}
	cmd_die("reason=%s: is not a reason: use one of unspecified, "
		"keyCompromise, affiliationChanged, superseded, "
		"cessationOfOperation, privilegeWithdrawn",
	    cmd_clean(value, clean, sizeof(clean)));
}

/* The first certificate of the file is the one that is meant. */
static void
readcertificate(struct call *c, const char *path)
{
	struct cmd_input in;

	if (cmd_input(path, "-i", &in) == -1)
		exit(cmd_end());
	c->certs = certstore_certs_read(in.label, in.data, in.len, NULL, &err);
	cmd_input_wipe();
	if (c->certs == NULL)
		cmd_die("%s", err.msg);
	switch (certstore_certs_next(c->certs, &c->given, &err)) {
	case 0:
		cmd_die("%s: has no certificate", in.label);
	case -1:
		cmd_die("%s", err.msg);
	default:
		break;
	}
}

static void
readrevokerkey(struct call *c, const char *path)
{
	if (cmd_input(path, "-K", &c->keyfile) == -1)
		exit(cmd_end());
	cmd_secret_check("-K", path, c->keyfile.mode);
}

/* The same of both, which may be missing? */
static int
issame(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Does it have this name, which is a wildcard?  Any other has been matched. */
static int
haswildcard(const struct certstore_entry *e, const char *wildcard)
{
	const char *type, *value;
	size_t i;

	for (i = 0; certstore_entry_san(e, i, &type, &value) == 1; i++)
		if (strcasecmp(value, wildcard) == 0)
			return 1;
	return 0;
}

/* Was its certificate revoked before? */
static int
isrevoked(const struct call *c, const struct certstore_entry *e)
{
	struct certstore_props *props;
	const char *prop, *value;
	int found = 0;

	props = certstore_props_read(c->job.store, certstore_entry_name(e),
	    &err);
	while (props != NULL && !found &&
	    certstore_props_next(props, &prop, &value, &err) == 1)
		found = strcmp(prop, "revoked") == 0;
	certstore_props_free(props);
	return found;
}

/*
 * Is there a valid certificate with a key for this name, other than the one
 * that is revoked?  After a compromise it must have another key, too.
 */
static int
hassuccessor(const struct call *c, struct certstore_match *match,
    const struct target *t, const char *type, const char *value)
{
	int wildcard = strncmp(value, "*.", 2) == 0;
	const struct certstore_entry *e;
	char question[300];

	/* a wildcard is no question, but a host below it is */
	snprintf(question, sizeof(question), "%s:%s%s", type,
	    wildcard ? "x" : "", value + wildcard);
	if (certstore_match_ask(match, question, &err) == -1)
		return 0;
	while (certstore_match_next(match, &e, &err) == 1)
		if (certstore_entry_is_valid(e, certstore_time_now()) &&
		    (!wildcard || haswildcard(e, value)) &&
		    !issame(certstore_entry_fingerprint(e),
			certstore_entry_fingerprint(t->cert)) &&
		    (c->reason != KEY_COMPROMISE ||
			!issame(certstore_entry_spki(e),
			    certstore_entry_spki(t->cert))) &&
		    !isrevoked(c, e))
			return 1;
	return 0;
}

static int
checksuccessors(const struct call *c, const struct target *t)
{
	struct certstore_match *match;
	const char *type, *value;
	int rv = 0;
	size_t i;

	if (c->job.force)
		return 0;
	match = certstore_match_new(c->job.store, CERTSTORE_NOW, NULL, 0, &err);
	if (match == NULL) {
		cmd_error("%s: %s", t->name, err.msg);
		return -1;
	}
	for (i = 0;
	     rv == 0 && certstore_entry_san(t->cert, i, &type, &value) == 1;
	     i++)
		if (!hassuccessor(c, match, t, type, value)) {
			cmd_error("%s: no other certificate%s in the store "
				  "serves %s: order one first with cert-acme "
				  "-f, or use -f",
			    t->name,
			    c->reason == KEY_COMPROMISE ? " with another key" :
							  "",
			    value);
			rv = -1;
		}
	certstore_match_free(match);
	return rv;
}

/* The account that the certificate came from, else that of the entry. */
static int
findaccount(const struct call *c, struct target *t)
{
	const char *from = NULL, *prop, *value;
	struct certstore_props *props;

	if (t->cert == t->entry)
		from = certstore_order_value(t->order, "cert-account");
	if (from != NULL && (t->account = strdup(from)) == NULL)
		cmd_die("no memory left");
	if (t->account != NULL)
		return 0;
	props = certstore_props_read(c->job.store, t->name, &err);
	while (props != NULL &&
	    certstore_props_next(props, &prop, &value, &err) == 1)
		if (strcmp(prop, "acme") == 0 && t->account == NULL &&
		    (t->account = strdup(value)) == NULL)
			cmd_die("no memory left");
	certstore_props_free(props);
	if (t->account != NULL)
		return 0;
	cmd_error("%s: has no ACME account: use cert-set %s acme=ACCOUNT",
	    t->name, t->name);
	return -1;
}

/* Sets a property of the entry; "" removes it.  Returns 1, 0 unchanged, -1. */
static int
setprop(const struct call *c, const char *name, const char *prop,
    const char *value)
{
	struct certstore_set *set;
	int rv = -1;

	if ((set = certstore_set_new(c->job.store, 0, &err)) != NULL &&
	    certstore_set_change(set, prop, CERTSTORE_SET_REPLACE, value,
		&err) == 0 &&
	    certstore_set_add(set, name, &err) == 0)
		rv = certstore_set_commit(set, &err);
	certstore_set_free(set);
	return rv;
}

/*
 * After a compromise the next key is new, whatever keepkey says, and a request
 * that waits with the old one is withdrawn.
 */
static int
dropkey(const struct call *c, const struct target *t)
{
	const char *spki = certstore_entry_spki(t->cert);
	int changed;

	if (issame(certstore_order_value(t->order, "spki"), spki) &&
	    certstore_order_abandon(t->order, 0, &err) == -1)
		return -1;
	if (!issame(certstore_entry_spki(t->entry), spki))
		return 0;
	if ((changed = setprop(c, t->name, "keepkey", "")) > 0)
		cmd_say("%s: keepkey is removed: the next key is new", t->name);
	return changed == -1 ? -1 : 0;
}

/* Whose key is it?  Its certificate must be the one that is revoked. */
static int
checkkey(const struct target *t, const struct cmd_input *in)
{
	struct certstore_entry *key;
	int same;

	if ((key = certstore_key_read(in->label, in->data, in->len, NULL,
		 &err)) == NULL) {
		cmd_error("%s", err.msg);
		return -1;
	}
	same = issame(certstore_entry_spki(key), certstore_entry_spki(t->cert));
	certstore_entry_free(key);
	if (same)
		return 0;
	cmd_error("%s: %s is not the key of the certificate", t->name,
	    in->label);
	return -1;
}

/*
 * The certificate's own key, if that is to sign: the one of -K, or after a
 * compromise that of the entry, which proves it.  Returns 1, 0 or -1.
 */
static int
findkey(const struct call *c, const struct target *t, struct cmd_input *in)
{
	char *path;
	int rv;

	if (c->keyfile.data != NULL) {
		*in = c->keyfile;
		return checkkey(t, in) == 0 ? 1 : -1;
	}
	if (c->reason != KEY_COMPROMISE || !certstore_entry_has_key(t->entry) ||
	    !issame(certstore_entry_spki(t->entry),
		certstore_entry_spki(t->cert)))
		return 0;
	if ((path = certstore_entry_path(t->entry, CERTSTORE_PRIVKEY)) == NULL)
		cmd_die("no memory left");
	rv = cmd_input(path, NULL, in);
	in->label = t->name; /* not the path, which ends here */
	free(path);
	return rv == 0 ? 1 : -1;
}

/* The certificate in base64url of its DER. */
static char *
encodecertificate(const struct target *t)
{
	char *encoded = NULL, *pem = NULL, *text;
	size_t len;

	if (certstore_entry_part(t->cert, "cert", &pem, &len, &err) == -1)
		return NULL;
	if ((text = strndup(pem, len)) == NULL ||
	    (encoded = acme_base64url(text)) == NULL)
		cmd_die("no memory left");
	free(text);
	free(pem);
	return encoded;
}

/* Sends the request; what it needs is read before dropkey() changes the entry. */
static int
askrevocation(struct call *c, const struct target *t, struct acme *acme)
{
	struct cmd_input in = { .label = t->name };
	struct acme_error aerr;
	struct acme_key key;
	char *cert;
	int own, rv = -1;

	if ((own = findkey(c, t, &in)) == -1)
		return -1;
	key = (struct acme_key){ in.label, in.data, in.len };
	if ((cert = encodecertificate(t)) == NULL ||
	    (c->reason == KEY_COMPROMISE && dropkey(c, t) == -1))
		cmd_error("%s", err.msg);
	else if (acme_revoke(acme, cert, c->reason, own ? &key : NULL, &aerr) ==
	    0)
		rv = 0;
	else if (strcmp(aerr.type, "alreadyRevoked") == 0) {
		cmd_say("%s: was revoked before", t->name);
		rv = 0;
	} else
		cmd_error("%s: %s%s", t->name, aerr.msg,
		    !own && strcmp(aerr.type, "unauthorized") == 0 ?
			": use -K with the key of the certificate" :
			"");
	free(cert);
	if (own && c->keyfile.data == NULL)
		cmd_input_wipe();
	return rv;
}

/*
 * From here on the entry is due, and any other answers before it; of another
 * certificate cert-revert has to know it, should it be the kept one.
 */
static void
markrevoked(const struct call *c, const struct target *t)
{
	const char *print = certstore_entry_fingerprint(t->cert);
	char now[CERTSTORE_TIME_LEN];
	int rv;

	if (issame(print, certstore_entry_fingerprint(t->entry)))
		rv = setprop(c, t->name, "revoked",
		    certstore_time_format(certstore_time_now(), now));
	else
		rv = certstore_order_set(t->order, "revoked", print, &err);
	if (rv == -1)
		cmd_error("%s: is revoked, but: %s", t->name, err.msg);
}

static int
revoketarget(struct call *c, struct target *t)
{
	char msg[METHOD_WHY_LEN];
	struct session *session;

	t->cert = c->given;
	if ((t->entry = certstore_entry_get(c->job.store, t->name, &err)) ==
		NULL ||
	    (t->order = certstore_order_open(c->job.store, t->name, &err)) ==
		NULL) {
		cmd_error("%s", err.msg);
		return -1;
	}
	if (t->cert == NULL)
		t->cert = t->entry;
	if (certstore_entry_fingerprint(t->cert) == NULL) {
		cmd_error("%s: has no certificate yet", t->name);
		return -1;
	}
	if (findaccount(c, t) == -1 || checksuccessors(c, t) == -1)
		return -1;
	if (c->job.dryrun)
		return 0;
	session = session_find(&c->job, t->account, msg, sizeof(msg));
	if (session == NULL || session->acme == NULL) {
		cmd_error("%s: %s", t->name,
		    session == NULL ? msg : session->why);
		return -1;
	}
	if (askrevocation(c, t, session->acme) == -1)
		return -1;
	markrevoked(c, t);
	return 0;
}

static void
revokeone(struct call *c, const char *name)
{
	struct target t = { .name = name };

	if (revoketarget(c, &t) == 0 && !cmd_quiet) {
		printf("%s\n", name);
		cmd_flush();
	}
	free(t.account);
	certstore_order_close(t.order);
	certstore_entry_free(t.entry);
}

int
main(int argc, char *argv[])
{
	const char *certfile = NULL, *keyfile = NULL;
	struct call c = { .job.existing = 1 };
	struct cmd_operands ops = { 0 };
	char **assignments, **names;
	size_t i, n;
	int ch;

	cmd_start(&help, argv);
	cmd_nocore();
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "fi:K:n")) != -1) {
		switch (ch) {
		case 'f':
			c.job.force = 1;
			break;
		case 'i':
			certfile = optarg;
			break;
		case 'K':
			keyfile = optarg;
			break;
		case 'n':
			c.job.dryrun = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	assignments = cmd_assignments(argv + optind);
	for (; *assignments != NULL; assignments++)
		setreason(&c, *assignments);
	if (certfile != NULL)
		readcertificate(&c, certfile);
	if (keyfile != NULL)
		readrevokerkey(&c, keyfile);
	cmd_operands_start(&ops, argv + optind - 1);
	c.job.store = cmd_openwriter(CERTSTORE_OPEN_WRITE);
	cmd_confine(c.job.store, NULL, 1);
	names = cmd_operands_all(&ops, &n);
	n = cmd_operands_unique(names, n);
	if (n > 1 && (certfile != NULL || keyfile != NULL))
		cmd_die("-i and -K are for one name");
	for (i = 0; i < n; i++)
		revokeone(&c, names[i]);
	session_end(&c.job);
	cmd_operands_free(names);
	cmd_input_wipe();
	certstore_certs_free(c.certs);
	certstore_close(c.job.store);
	return cmd_end();
}
