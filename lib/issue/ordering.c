/*
 * ordering.c: the request of an ACME order, which waits in an entry like any
 * other, but is marked: it is nobody else's.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "issue/private.h"

/* What the order is to be like where nothing else was asked for. */
struct model {
	struct cs_info info;	  /* of the waiting request, if there is one */
	const struct cs_info *is; /* that, or the certificate's; or NULL */
	X509_REQ *req;
	X509 *x509;
};

static void
freemodel(struct model *m)
{
	cs_info_free(&m->info);
	X509_REQ_free(m->req);
	X509_free(m->x509);
}

/* Reads the request that waits, else the certificate. */
static int
readmodel(struct cs_create *job, struct model *m, struct certstore_error *err)
{
	const struct cs_info *old = &job->old.info;
	struct cs_buf pem = { 0 };
	int rv = 0;

	if (!job->exists)
		return 0;
	if (old->hasrequest) {
		rv = cs_entry_read(&job->old, CS_REQUEST_CSR, &pem, err);
		if (rv == 1 &&
		    ((m->req = cs_cert_csr_frompem(job->name, &pem, err)) ==
			    NULL ||
			cs_describe_csr(&m->info.text, m->req, 1, err) == -1 ||
			cs_info_parse(&m->info, err) == -1))
			rv = -1;
		m->is = rv == 1 ? &m->info : NULL;
	}
	cs_buf_free(&pem);
	if (rv != -1 && old->fingerprint != NULL) {
		if ((m->x509 = cs_keep_cert(&job->old, err)) == NULL)
			return -1;
		if (m->is == NULL)
			m->is = old;
	}
	return rv == -1 ? -1 : 0;
}

/* RFC 8555 section 7.1.3, RFC 8738 */
static int
isidentifier(enum cs_san_type type)
{
	return type == CS_SAN_DNS || type == CS_SAN_IP;
}

/* Does it sign calls? */
static int
ismodelcalls(const struct model *m)
{
	return m->is != NULL && m->is->spcs.n + m->is->tns.n > 0;
}

/* What it is for, as asked, else as the model; not another kind of entry. */
static int
fillprofile(struct cs_create *job, const struct model *m,
    struct certstore_template *t, struct certstore_error *err)
{
	const char *flaw, *kind = job->old.info.kind;
	const char *profile = job->asked->profile;
	struct certstore_template asked = *job->asked;
	int calls, was;

	if (*profile == '\0')
		profile = ismodelcalls(m) ? "shaken" : "server";
	calls = strcmp(profile, "shaken") == 0;
	if (!calls && strcmp(profile, "server") != 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: an ACME order is for a server, or for calls: use the "
		    "profile server or shaken",
		    job->name);
	was = m->x509 != NULL && strcmp(kind, "shaken") == 0;
	if (m->x509 != NULL && was != calls && !job->order->fresh)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %s: use another entry, or -f to replace it", job->name,
		    was ? "signs calls" : "does not sign calls");
	strlcpy(t->profile, profile, sizeof(t->profile));
	strlcpy(asked.profile, profile, sizeof(asked.profile));
	flaw = cs_calls_flaw(&asked);
	return flaw == NULL ?
	    0 :
	    cs_fail(err, CERTSTORE_EARGUMENT, "%s: %s", job->name, flaw);
}

static int
fillnames(struct cs_create *job, const struct cs_info *model,
    struct certstore_template *t, struct certstore_error *err)
{
	const struct certstore_template *from = &job->full;
	const struct cs_san *san = from->san;
	size_t i, n = from->nsan;
	char q[CS_QUOTE_LEN];

	if (cs_calls_signs(t))
		return cs_calls_add(t, job->asked,
		    cs_calls_has(job->asked) ? NULL : model, err);
	if (job->asked->nsan == 0 && model != NULL) {
		san = model->san;
		n = model->nsan;
	}
	for (i = 0; i < n; i++) {
		if (isidentifier(san[i].type)) {
			if (cs_template_addsan(t, san[i].type, san[i].value) ==
			    -1)
				return cs_fail_nomem(err);
		} else if (model == NULL || san != model->san)
			return cs_fail(err, CERTSTORE_EARGUMENT,
			    "%s: %s: an ACME order is for host names and "
			    "addresses",
			    job->name, cs_escape_quote(q, san[i].value));
	}
	if (t->nsan > 0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: there is no name to order a certificate for: use -s with a "
	    "host",
	    job->name);
}

/*
 * The CN for a subject that has one of its own: of what signs calls a new one if
 * that does not have the code; else none unless it was asked for, since CAs copy
 * one of the names there.  NULL: as it is.
 */
static const char *
replacecn(const struct cs_create *job, const struct model *m,
    const struct certstore_template *t, const X509_NAME *name,
    char cn[CS_CALLS_CN])
{
	char q[CS_QUOTE_LEN];

	if (cs_calls_signs(t))
		return name != NULL && cs_calls_cn(t, cn) &&
			!cs_tnauth_isnamed(name, t->calls.spc.v[0], q) ?
		    cn :
		    NULL;
	return name == NULL || (m->req == NULL && !job->order->keepcn) ? "" :
									 NULL;
}

static int
fillsubject(struct cs_create *job, const struct model *m,
    struct certstore_template *t, struct certstore_error *err)
{
	struct certstore_template *without;
	char attr[CS_CALLS_CN + 3], buf[CS_CALLS_CN];
	const X509_NAME *name = NULL;
	const char *cn;
	int rv;

	/* adds an empty CN if none was given */
	if (job->asked->nsubject > 0)
		return cs_subject_merge(t, job->asked, NULL, err);
	if (m->req != NULL)
		name = X509_REQ_get_subject_name(m->req);
	else if (m->x509 != NULL)
		name = X509_get_subject_name(m->x509);
	if ((without = certstore_template_new(err)) == NULL)
		return -1;
	rv = 0;
	if ((cn = replacecn(job, m, t, name, buf)) != NULL) {
		snprintf(attr, sizeof(attr), "CN=%s", cn);
		rv = certstore_template_add_subject(without, attr, err);
	}
	if (rv == 0)
		rv = cs_subject_merge(t, without, name, err);
	certstore_template_free(without);
	return rv;
}

/* Does the entry, with the changes, have the property keepkey=yes?  1, 0, -1. */
static int
keepsordered(struct cs_create *job, struct certstore_error *err)
{
	const struct cs_ordering *order = job->order;
	struct certstore_props *props;
	const char *prop, *value;
	int keep = 0;
	size_t i;

	if (!job->exists || job->old.info.fingerprint == NULL ||
	    !job->old.info.haskey || order->fresh)
		return 0;
	if ((props = certstore_props_read(job->store, job->name, err)) == NULL)
		return -1;
	while (certstore_props_next(props, &prop, &value, err) == 1)
		if (strcmp(prop, "keepkey") == 0)
			keep = strcmp(value, "yes") == 0;
	certstore_props_free(props);
	for (i = 0; i < order->nchange; i++)
		if (strcmp(order->change[i].prop, "keepkey") == 0)
			keep = strcmp(order->change[i].value, "yes") == 0;
	return keep;
}

static int
fillkey(struct cs_create *job, const struct model *m,
    struct certstore_template *t, struct certstore_error *err)
{
	struct certstore_error ignored;
	struct cs_buf pem = { 0 };
	int keep;

	strlcpy(t->type, job->asked->type, sizeof(t->type));
	if (job->asked->pkey != NULL) {
		if (EVP_PKEY_up_ref(job->asked->pkey) != 1)
			return cs_fail_nomem(err);
		t->pkey = job->asked->pkey;
		return 0;
	}
	if (t->type[0] == '\0' && !cs_calls_signs(t) && m->is != NULL &&
	    m->is->key != NULL && cs_key_type_check(m->is->key, &ignored) == 0)
		strlcpy(t->type, m->is->key, sizeof(t->type));
	if (t->type[0] == '\0')
		strlcpy(t->type, job->full.type, sizeof(t->type));
	if (job->asked->type[0] != '\0')
		return 0;
	if ((keep = keepsordered(job, err)) != 1)
		return keep;
	if (cs_entry_read(&job->old, CS_PRIVKEY, &pem, err) == 1)
		t->pkey = cs_issuer_pair(job->name, &pem, m->x509,
		    &job->asked->pass, err);
	cs_buf_free(&pem);
	return t->pkey == NULL ? -1 : 0;
}

/* The names, key type and subject that are asked for, else the model's. */
static int
filltemplate(struct cs_create *job, const struct model *m,
    struct certstore_error *err)
{
	struct certstore_template *t;

	if ((t = job->kept = certstore_template_new(err)) == NULL)
		return -1;
	if (fillprofile(job, m, t, err) == -1 ||
	    fillnames(job, m->is, t, err) == -1 ||
	    fillsubject(job, m, t, err) == -1 || fillkey(job, m, t, err) == -1)
		return -1;
	job->t = *t;
	return 0;
}

/* Has the waiting request exactly these names, and signs these calls? */
static int
hasnames(const struct cs_info *request, const struct certstore_template *t)
{
	struct cs_tnauth calls = { 0 };
	size_t i;
	int same;

	same = cs_tnauth_addinfo(&calls, request) == 0 &&
	    cs_tnauth_outside(&calls, &t->calls) == NULL &&
	    cs_tnauth_outside(&t->calls, &calls) == NULL;
	cs_tnauth_free(&calls);
	if (!same || request->nsan != t->nsan)
		return 0;
	for (i = 0; i < t->nsan; i++)
		if (!cs_names_have(request->san, request->nsan, t->san[i].type,
			t->san[i].value))
			return 0;
	return 1;
}

/* Is the waiting request what is asked for, with its key?  1, 0, -1. */
static int
canwaitlonger(struct cs_create *job, const struct model *m,
    struct certstore_error *err)
{
	int rv;

	if (m->req == NULL || job->order->fresh || !hasnames(&m->info, &job->t))
		return 0;
	rv = cs_reuse_haskey(&job->old, CS_REQUEST_KEY, job->old.info.request,
	    &job->reuse, err);
	if (rv == 1)
		rv = cs_reuse_request(&job->old, m->req, job->asked, &job->t,
		    &job->reuse, err);
	return rv;
}

/* 1 to make a request, 0 to leave the one that waits, -1. */
int
cs_ordering_decide(struct cs_create *job, char **csr,
    struct certstore_error *err)
{
	struct model m = { 0 };
	struct cs_buf pem = { 0 };
	int rv = -1;

	if (job->exists && job->old.info.hasrequest && !job->old.info.ordered)
		return cs_fail(err, CERTSTORE_EEXIST,
		    "%s: a request waits that is not of an ACME order: import "
		    "its answer with cert-import, or order for another entry",
		    job->name);
	if (readmodel(job, &m, err) == -1 || filltemplate(job, &m, err) == -1 ||
	    (rv = canwaitlonger(job, &m, err)) == -1)
		goto out;
	rv = !rv;
	if (rv == 0 && csr != NULL) {
		if (cs_entry_read(&job->old, CS_REQUEST_CSR, &pem, err) != 1)
			rv = -1;
		else if ((*csr = strdup(pem.p)) == NULL)
			rv = cs_fail_nomem(err);
	}
out:
	freemodel(&m);
	cs_buf_free(&pem);
	ERR_clear_error();
	return rv;
}

/* What cert-create -R does not touch unless -f was given, or not at all. */
int
cs_ordering_protect(struct cs_create *job, struct certstore_error *err)
{
	struct cs_underway way;
	int rv;

	if (!job->exists || job->damaged || !job->old.info.hasrequest ||
	    !job->old.info.ordered)
		return 0;
	if ((rv = cs_orderstate_underway(&job->old, &way, err)) == -1)
		return -1;
	if (rv == 1 && way.signs)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: an ACME order is under way since %s, and the CA may "
		    "have signed its request: use cert-acme%s -u %s to finish "
		    "it",
		    job->name, way.since, cs_store_option(job->store),
		    job->name);
	if ((job->flags & CERTSTORE_CREATE_FORCE) == 0)
		return cs_fail(err, CERTSTORE_EEXIST,
		    "%s: %s%s: use cert-acme%s -u %s to finish it, or -f to "
		    "replace its request",
		    job->name,
		    rv == 1 ? "an ACME order is under way since " :
			      "the request of an ACME order waits",
		    way.since, cs_store_option(job->store), job->name);
	if (rv == 1)
		(void)cs_buf_printf(&job->cautions,
		    "%s: an ACME order is under way since %s: its request is "
		    "replaced, and the order ends\n",
		    job->name, way.since);
	return 0;
}
