/*
 * create.c: makes an entry, or a request in one.  All is decided and made
 * before the lock is taken; if the entry changed meanwhile it is decided again,
 * the last time under the lock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/err.h>

#include "issue/private.h"

#define TRIES 4 /* the last one with the lock */

/* Which parts of a template do not go together, or have no effect. */
static int
checkparts(const struct certstore_template *t, int flags,
    struct certstore_error *err)
{
	const char *flaw;

	if ((flaw = cs_template_flaw(t)) != NULL)
		;
	else if (t->pkey != NULL && t->type[0] != '\0')
		flaw = "a type is for a new key: remove -t or -K";
	else if (t->haswithin && (flags & CERTSTORE_CREATE_IFNEEDED) == 0)
		flaw = "-e is used only with -u: add -u or remove -e";
	else if ((flags & CERTSTORE_CREATE_REQUEST) != 0 && t->issuer != NULL)
		flaw = "a request is signed by the CA that it is sent to: "
		       "remove -A or -R";
	else if ((flags & CERTSTORE_CREATE_REQUEST) != 0 && t->haslife == 1)
		flaw = "the CA that signs a request sets the validity: "
		       "remove -l or -R";
	return flaw == NULL ? 0 : cs_fail(err, CERTSTORE_EARGUMENT, "%s", flaw);
}

/* With -e as long as -l each call would find the last certificate due. */
static int
checklife(const struct certstore_template *t, struct certstore_error *err)
{
	int64_t life, now, within;

	if (!t->haswithin)
		return 0;
	if (t->within.type == CERTSTORE_SPAN_PART) {
		if (t->within.num < t->within.den)
			return 0;
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%u/%u: each new certificate would already be due: use a "
		    "smaller part with -e, as 1/3",
		    t->within.num, t->within.den);
	}
	now = certstore_time_now();
	life = cs_life_asked(t, now);
	within = t->within.type == CERTSTORE_SPAN_AT ? t->within.secs - now :
						       t->within.secs;
	if (within < life)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "a new certificate would also expire within the time of -e: use "
	    "less with -e or more with -l");
}

static int
checkasked(struct cs_create *job, struct certstore_error *err)
{
	if (cs_error_flags(job->flags,
		CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_DRYRUN |
		    CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_REQUEST,
		err) == -1 ||
	    cs_template_check(job->asked, err) == -1 ||
	    cs_name_check(job->name, err) == -1 ||
	    checkparts(job->asked, job->flags, err) == -1 ||
	    checklife(job->asked, err) == -1)
		return -1;
	if (job->asked->issuer != NULL &&
	    strcmp(job->asked->issuer, job->name) == 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: cannot be its own CA: remove -A", job->name);
	return cs_template_resolve(&job->full, &job->own, job->asked, job->name,
	    err);
}

/* Is a file of the old entry missing or empty?  1, 0, -1. */
static int
lacksfile(const struct cs_create *job, enum cs_file file,
    struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };
	int rv;

	if ((rv = cs_entry_read(&job->old, file, &b, err)) != -1)
		rv = rv == 0 || b.len == 0;
	cs_buf_free(&b);
	return rv;
}

/*
 * May a damaged entry be replaced: 0, or -1 with the error of before.  With -f
 * yes, but not by a request, which leaves the pair in place; with -u only if
 * its key is lost or not its own, since then the rest tells what the entry was.
 */
static int
mayreplacedamaged(struct cs_create *job, struct certstore_error *err)
{
	struct certstore_error was = *err;
	const struct cs_info *info = &job->old.info;
	int rv = 0;

	cs_error_clear(err);
	if ((job->flags & CERTSTORE_CREATE_FORCE) != 0) {
		rv = (job->flags & CERTSTORE_CREATE_REQUEST) == 0 ?
		    1 :
		    lacksfile(job, CS_FULLCHAIN, err);
		job->damaged = rv == 1;
	} else if (job->flags == CERTSTORE_CREATE_IFNEEDED ||
	    job->flags ==
		(CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_DRYRUN)) {
		if (info->fingerprint != NULL && info->haskey &&
		    (rv = cs_reuse_haskey(&job->old, CS_PRIVKEY, info->spki,
			 &job->reuse, err)) != -1)
			rv = !rv;
	}
	if (rv == 0)
		*err = was;
	return rv == 1 ? 0 : -1;
}

static int
loadexisting(struct cs_create *job, struct certstore_error *err)
{
	struct certstore_error ignored;

	job->exists = 1;
	job->damaged = job->uncombined = 0;
	if (cs_entry_load(job->store, job->name, &job->old, err) == 0)
		return 0;
	if (err->code == CERTSTORE_ENOENTRY) {
		job->exists = 0;
		cs_error_clear(err);
		return 0;
	}
	/* combined.pem can be written anew from the rest */
	if (err->code == CERTSTORE_EDAMAGED &&
	    (job->flags &
		(CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_FORCE)) ==
		CERTSTORE_CREATE_IFNEEDED &&
	    cs_entry_glance(job->store, job->name, &job->old, &ignored) == 0) {
		job->uncombined = 1;
		cs_error_clear(err);
		return 0;
	}
	/* without a generation there is nothing that -f could replace */
	return err->code == CERTSTORE_EDAMAGED && job->old.gendir[0] != '\0' ?
	    mayreplacedamaged(job, err) :
	    -1;
}

/*
 * The issuer of the old certificate is to sign the new one, too: 1, 0 to leave
 * all as it is, -1.  If it is not here, an old certificate that does not work
 * is replaced all the same.
 */
static int
findissuer(struct cs_create *job, X509 *x509, struct certstore_error *err)
{
	const char *issuer = job->old.info.issuer;
	char why[sizeof(job->reuse.why)];
	int rv;

	if (issuer == NULL)
		issuer = "";
	if ((rv = cs_issuer_find(&job->issuer, &job->old, x509, err)) != 0) {
		job->hasissuer = job->inherited = rv == 1;
		return rv;
	}
	if (!job->reuse.works) {
		memcpy(why, job->reuse.why, sizeof(why));
		snprintf(job->reuse.why, sizeof(job->reuse.why),
		    "%.60s, and its CA \"%.100s\" is not in the store with "
		    "its key",
		    why, issuer);
		return 1;
	}
	if (job->reuse.due) {
		cs_warn(job->store,
		    "%s: %s, and its CA \"%.100s\" is not in the store with "
		    "its key: renew it with that CA, or use -f to make "
		    "another",
		    job->name, job->reuse.why, issuer);
		return 0;
	}
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: %s, and its CA \"%.100s\" is not in the store with its "
	    "key: use -f to make a self-signed one",
	    job->name, job->reuse.why, issuer);
}

/*
 * Makes a template of what is asked for and what the old entry has beyond it.
 */
static int
keepold(struct cs_create *job, struct certstore_error *err)
{
	X509 *x509;
	int rv = -1;

	if (job->t.ca && cs_newkey_passphrase(job) == NULL &&
	    (rv = cs_reuse_isencrypted(&job->old, CS_PRIVKEY, err)) != 0)
		return rv == -1 ? -1 :
				  cs_fail(err, CERTSTORE_EREFUSED,
				      "%s: %s, and its key is encrypted: "
				      "use -E to encrypt the new one",
				      job->name, job->reuse.why);
	if ((x509 = cs_keep_cert(&job->old, err)) == NULL)
		return -1;
	job->kept = cs_keep_make(job->asked, &job->full, &job->old, x509, err);
	if (job->kept == NULL)
		rv = -1;
	else if (job->asked->issuer != NULL || job->old.info.self)
		rv = 1;
	else
		rv = findissuer(job, x509, err);
	X509_free(x509);
	if (rv == 1) {
		job->t = *job->kept;
		if (job->t.type[0] == '\0')
			strlcpy(job->t.type, job->full.type,
			    sizeof(job->t.type));
	}
	return rv;
}

/* With CERTSTORE_CREATE_IFNEEDED: 1 to make a new one, 0 to keep the old one,
 * -1. */
static int
decideneeded(struct cs_create *job, struct certstore_error *err)
{
	int force = job->flags & CERTSTORE_CREATE_FORCE, rv;

	rv = cs_reuse_entry(&job->old, job->asked, &job->t,
	    job->hasissuer ? &job->issuer : NULL, &job->reuse, err);
	if (rv == -1 && force && job->reuse.refused)
		cs_error_clear(err);
	else if (rv != 0)
		return rv == -1 ? -1 : 0;
	else if (!force && !job->reuse.none && (rv = keepold(job, err)) != 1)
		return rv;
	if (!job->reuse.due || !job->hasissuer)
		return 1;
	rv = cs_reuse_isclamped(&job->old, &job->issuer, err);
	return rv == -1 ? -1 : !rv;
}

/* 1 to make a new one, 0 to keep the old one, -1. */
static int
decidecreate(struct cs_create *job, char **csr, struct certstore_error *err)
{
	int force = job->flags & CERTSTORE_CREATE_FORCE;
	int request = job->flags & CERTSTORE_CREATE_REQUEST, rv;

	if (job->order != NULL)
		return cs_ordering_decide(job, csr, err);
	if (request && cs_ordering_protect(job, err) == -1)
		return -1;
	if (!job->exists || job->damaged)
		return 1;
	if ((job->flags & CERTSTORE_CREATE_IFNEEDED) != 0) {
		if (!request)
			return decideneeded(job, err);
		rv = cs_request_needed(job, csr, err);
		if (rv != -1 || !force || !job->reuse.refused)
			return rv;
		cs_error_clear(err);
		return 1;
	}
	if (force || (request && !job->old.info.hasrequest))
		return 1;
	if (request)
		return cs_fail(err, CERTSTORE_EEXIST,
		    "%s: a request already waits: use cert-show%s -o csr %s "
		    "to print it, or -f to make a new one",
		    job->name, cs_store_option(job->store), job->name);
	return cs_fail(err, CERTSTORE_EEXIST,
	    "%s: the entry exists: use -f to replace it, or -u to keep it "
	    "if it has what is asked for",
	    job->name);
}

/*
 * A certificate that was cut to the end of a CA does not tell its life: the
 * props do, until another one is asked for.
 */
static void
recordlife(struct cs_create *job, X509 *x509)
{
	if (job->hasissuer && cs_cert_ends(x509) == job->issuer.ends)
		cs_life_record(&job->life, &job->put,
		    cs_life_asked(&job->t, certstore_time_now()));
	else if (job->t.haslife)
		cs_life_record(&job->life, &job->put, 0);
}

static int
makeentryfiles(struct cs_create *job, X509 *x509, struct certstore_error *err)
{
	struct cs_buf pem = { NULL, 0, 0 };
	int rv = -1;

	if (cs_key_encode(&pem, job->pkey, cs_newkey_passphrase(job), err) ==
		0 &&
	    cs_issuer_files(&job->put, x509,
		job->hasissuer ? &job->issuer : NULL, &pem, err) == 0 &&
	    (!job->exists || job->damaged ||
		cs_repeat_request(&job->put, &job->old, err) == 0))
		rv = 0;
	job->put.origin = "create";
	recordlife(job, x509);
	cs_buf_free(&pem);
	return rv;
}

/* Writes the new generation, unless whoever runs many jobs does. */
static int
writeput(struct cs_create *job, struct certstore_error *err)
{
	if (job->deferred)
		return 0;
	return (job->flags & CERTSTORE_CREATE_DRYRUN) != 0 ?
	    cs_write_check(job->store, &job->put, 1, err) :
	    cs_write_entries(job->store, &job->put, 1, err);
}

/* Writes a generation with the same certificate, keys and request: 1 or -1. */
static int
repeatentry(struct cs_create *job, struct certstore_error *err)
{
	if ((job->flags & CERTSTORE_CREATE_DRYRUN) != 0)
		return 1;
	if (cs_repeat_files(&job->put, &job->old, err) == -1 ||
	    writeput(job, err) == -1)
		return -1;
	return 1;
}

/*
 * The old certificate or request is kept: writes a new generation with it if
 * the props were edited, a mode is wrong or combined.pem is missing.  1
 * written, 0 not needed, -1.
 */
static int
rewriteentry(struct cs_create *job, struct certstore_error *err)
{
	char why[CS_PROPS_WHY];
	int rv;

	if (job->order != NULL) {
		rv = cs_newprops_compose(job->store, &job->put, &job->old, err);
		if (rv != 0)
			return rv == -1 ? -1 : repeatentry(job, err);
	}
	if ((rv = cs_props_differ(&job->old, why, err)) == -1)
		return -1;
	if (rv == 0 && job->uncombined)
		snprintf(why, sizeof(why), "combined.pem is missing");
	else if (rv == 0)
		return (job->flags & CERTSTORE_CREATE_DRYRUN) != 0 ?
		    0 :
		    cs_links_make(job->store, &job->old, err);
	cs_warn(job->store, "%s: %s: rewritten with the same key%s", job->name,
	    why, job->old.info.fingerprint != NULL ? " and certificate" : "");
	return repeatentry(job, err);
}

/* An error may be due to what -u kept and nobody asked for: says so.  Always
 * -1. */
static int
failkept(const struct cs_create *job, struct certstore_error *err)
{
	struct certstore_error was = *err;

	if (job->kept != NULL && was.code == CERTSTORE_EREFUSED)
		cs_fail(err, was.code,
		    "%.350s (-u keeps what the entry has: use -f to make "
		    "only what is asked for)",
		    was.msg);
	return -1;
}

static int
signcert(struct cs_create *job, X509 **x509, struct certstore_error *err)
{
	struct cs_issuer *is = job->hasissuer ? &job->issuer : NULL;

	if (is != NULL &&
	    (cs_issuer_read(is, err) == -1 ||
		cs_issuer_judge(is, job->t.ca, err) == -1 ||
		cs_issue_check(job->name, &job->t, is, err) == -1 ||
		cs_issuer_key(is, &job->t.pass, err) == -1))
		return failkept(job, err);
	if (cs_newkey_make(job, err) == -1)
		return -1;
	if (is != NULL && !job->deferred)
		cs_life_warn(job->store, job->name, &job->t, is);
	*x509 = cs_issue_cert(job->store, job->name, &job->t, job->pkey, is,
	    err);
	return *x509 == NULL ? failkept(job, err) : 0;
}

/* May the old certificate serve on?  Its issuer was found by -u, not given. */
static int
canwait(const struct cs_create *job, const struct certstore_error *err)
{
	return job->inherited && job->reuse.due &&
	    (err->code == CERTSTORE_EREFUSED ||
		err->code == CERTSTORE_EPASSPHRASE ||
		err->code == CERTSTORE_EDAMAGED);
}

static void
notecautions(struct cs_create *job, const X509 *x509)
{
	struct cs_buf *b = &job->cautions;

	cs_caution_names(b, job->name, &job->t, 0);
	cs_caution_calls(b, job->name, &job->t, X509_get_subject_name(x509));
	if (!job->exists || job->damaged)
		return;
	if (job->reuse.why[0] != '\0' && !job->reuse.none)
		(void)cs_buf_printf(b, "%s: %s: replaced\n", job->name,
		    job->reuse.why);
	if ((job->flags & CERTSTORE_CREATE_FORCE) != 0)
		cs_caution_force(b, &job->old, job->asked, &job->t,
		    job->hasissuer ? &job->issuer : NULL);
	cs_caution_ca(b, &job->old, job->pkey);
}

static int
makecert(struct cs_create *job, struct certstore_error *err)
{
	X509 *x509 = NULL;
	int rv = -1;

	if (signcert(job, &x509, err) == -1) {
		if (!canwait(job, err))
			return -1;
		cs_warn(job->store, "%s: %s, and cannot be renewed: %s",
		    job->name, job->reuse.why, err->msg);
		cs_error_clear(err);
		return rewriteentry(job, err);
	}
	notecautions(job, x509);
	if (makeentryfiles(job, x509, err) == 0 && writeput(job, err) == 0)
		rv = 1;
	if (rv == 1 && !job->deferred)
		cs_warn_lines(job->store, &job->cautions);
	X509_free(x509);
	return rv;
}

static int
trycreate(struct cs_create *job, char **csr, struct certstore_error *err)
{
	int rv;

	job->t = job->full;
	if (cs_store_refresh(job->store, err) == -1 ||
	    loadexisting(job, err) == -1)
		return -1;
	if (job->asked->issuer != NULL) {
		if (job->lent != NULL)
			job->issuer = *job->lent;
		else if (cs_issuer_open(&job->issuer, job->store,
			     job->asked->issuer, err) == -1)
			return -1;
		job->hasissuer = 1;
	}
	if ((rv = decidecreate(job, csr, err)) == -1)
		return -1;
	job->put.name = job->name;
	job->put.reason = "create";
	cs_entry_identify(&job->old, &job->put.seen);
	if (job->order != NULL) {
		job->put.change = job->order->change;
		job->put.nchange = job->order->nchange;
	}
	if (rv == 0) {
		rv = rewriteentry(job, err);
		return job->order != NULL && rv == 1 ? 0 : rv;
	}
	if ((job->flags & CERTSTORE_CREATE_REQUEST) != 0)
		return cs_request_make(job, csr, err);
	return makecert(job, err);
}

static void
resetjob(struct cs_create *job)
{
	if (job->hasissuer && job->lent == NULL)
		cs_issuer_close(&job->issuer);
	job->hasissuer = job->inherited = 0;
	certstore_template_free(job->kept);
	job->kept = NULL;
	memset(&job->reuse, 0, sizeof(job->reuse));
	cs_buf_free(&job->cautions);
	cs_put_free(&job->put);
	memset(&job->put, 0, sizeof(job->put));
	cs_entry_done(&job->old);
	memset(&job->old, 0, sizeof(job->old));
}

/* Tries until no other writer comes between, the last time with the lock. */
static int
runcreate(struct cs_create *job, char **csr, struct certstore_error *err)
{
	int i, last, rv;

	rv = checkasked(job, err);
	for (i = 1; rv != -1; i++) {
		last = i == TRIES;
		if (last && (rv = cs_lock_take(job->store, err)) == -1)
			break;
		if (csr != NULL) {
			free(*csr);
			*csr = NULL;
		}
		rv = trycreate(job, csr, err);
		resetjob(job);
		if (last)
			cs_lock_release(job->store);
		if (rv != -1 || last || err->code != CERTSTORE_ECHANGED)
			break;
		cs_error_clear(err);
		rv = 0;
	}
	EVP_PKEY_free(job->pkey);
	free(job->own.value);
	ERR_clear_error();
	if (rv != -1)
		cs_error_clear(err);
	return rv;
}

/* Prepares one of many jobs: 1 its put is to be written, 0 not needed, -1.  What
 * it has is for cs_create_done(). */
int
cs_create_prepare(struct cs_create *job, struct certstore_error *err)
{
	job->deferred = 1;
	return checkasked(job, err) == -1 ? -1 : trycreate(job, NULL, err);
}

void
cs_create_done(struct cs_create *job)
{
	resetjob(job);
	EVP_PKEY_free(job->pkey);
	free(job->own.value);
	ERR_clear_error();
}

/* 1 made (CERTSTORE_CREATE_DRYRUN: it would have been), 0 not needed, -1. */
int
certstore_create(struct certstore *store, const char *name,
    const struct certstore_template *t, int flags, char **csr,
    struct certstore_error *err)
{
	struct cs_create job = { .store = store,
		.name = name,
		.flags = flags,
		.asked = t };

	cs_error_clear(err);
	ERR_clear_error();
	if (csr != NULL)
		*csr = NULL;
	return runcreate(&job, csr, err);
}

int
cs_create_order(struct certstore *store, const char *name,
    const struct cs_ordering *order, char **csr, struct certstore_error *err)
{
	struct certstore_template *none = NULL;
	struct cs_create job = { .store = store,
		.name = name,
		.flags = CERTSTORE_CREATE_REQUEST |
		    (order->dryrun ? CERTSTORE_CREATE_DRYRUN : 0),
		.asked = order->tmpl,
		.order = order };
	int rv;

	*csr = NULL;
	if (order->tmpl == NULL) {
		if ((none = certstore_template_new(err)) == NULL)
			return -1;
		job.asked = none;
	}
	rv = runcreate(&job, csr, err);
	certstore_template_free(none);
	return rv;
}
