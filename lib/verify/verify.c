/*
 * verify.c: the public calls of certstore_verify(3): settings, the question,
 * and the reasons of the answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "verify/private.h"

/* A reason as the caller gets it. */
struct worded {
	struct certstore_reason reason;
	char *text, *subject;
	char fingerprint[CS_HASH_LEN];
};

/* The settings that can fail. */
enum setting { PROFILE, HOST, ANCHORS, CRLS, NSETTING };

struct certstore_verify {
	struct certstore *store; /* or NULL */
	struct cs_asked asked;
	int hastime;		 /* else it is now */
	enum cs_profile profile; /* as set; NONE: from the certificate */
	struct cs_anchors anchors;
	int opened;				 /* the anchors */
	struct certstore_error failed[NSETTING]; /* of the last call of each */
	struct cs_search search;		 /* the last one */
	struct cs_lazycerts
	    certs;	       /* it borrows from these: the first is judged */
	struct cs_cache cache; /* of earlier verifications */
	struct worded *reasons;
	size_t nreason;
	struct certstore_entry entry; /* what path gave */
};

struct certstore_verify *
certstore_verify_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_verify *v;

	cs_error_clear(err);
	if (cs_crypto_check(err) == -1)
		return NULL;
	if ((v = calloc(1, sizeof(*v))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	v->store = store;
	v->asked.store = store;
	cs_anchors_init(&v->anchors);
	v->certs.cache = &v->cache;
	return v;
}

/* Forgets the last answer. */
static void
forgetanswer(struct certstore_verify *v)
{
	size_t i;

	for (i = 0; i < v->nreason; i++) {
		free(v->reasons[i].text);
		free(v->reasons[i].subject);
	}
	free(v->reasons);
	v->reasons = NULL;
	v->nreason = 0;
	cs_path_free(&v->search);
	cs_lazycerts_free(&v->certs);
	v->asked.profile = CS_PROFILE_NONE;
}

/* Fails with the error of a setting: without it a bad certificate could pass. */
static int
checksettings(struct certstore_verify *v, struct certstore_error *err)
{
	static const char *const names[NSETTING] = {
		[PROFILE] = "the profile",
		[HOST] = "the host",
		[ANCHORS] = "the trust anchors",
		[CRLS] = "the CRLs",
	};
	int i;

	for (i = 0; i < NSETTING; i++) {
		if (v->failed[i].code == CERTSTORE_OK)
			continue;
		cs_fail(err, v->failed[i].code,
		    "an earlier call that sets %s failed: %s", names[i],
		    v->failed[i].msg);
		err->errnum = v->failed[i].errnum;
		return -1;
	}
	return 0;
}

void
certstore_verify_free(struct certstore_verify *v)
{
	if (v == NULL)
		return;
	forgetanswer(v);
	cs_entry_done(&v->entry);
	cs_anchors_close(&v->anchors);
	cs_cache_free(&v->cache);
	sk_X509_CRL_pop_free(v->asked.crls, X509_CRL_free);
	free(v);
}

int
certstore_verify_set_profile(struct certstore_verify *v, const char *name,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	int rv;

	cs_error_clear(err);
	if ((rv = cs_rule_profile(name, &v->profile)) == -1)
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not a profile: use server, client, peer, mail, ca, "
		    "shaken, any or webpki",
		    cs_escape_quote(q, name));
	return cs_error_keep(&v->failed[PROFILE], rv, err);
}

int
certstore_verify_set_host(struct certstore_verify *v, const char *host,
    struct certstore_error *err)
{
	struct cs_asked *asked = &v->asked;
	const char *flaw;
	int rv = 0;

	cs_error_clear(err);
	asked->iplen = 0;
	if (!cs_name_ip(host, asked->host, asked->ip, &asked->iplen) &&
	    (flaw = cs_name_askedflaw(host, asked->host)) != NULL)
		rv = cs_name_refuse(host, flaw, err);
	asked->hashost = rv == 0;
	return cs_error_keep(&v->failed[HOST], rv, err);
}

int
certstore_verify_set_time(struct certstore_verify *v, int64_t when,
    struct certstore_error *err)
{
	cs_error_clear(err);
	v->asked.when = when;
	v->hastime = when != CERTSTORE_NOW;
	return 0;
}

int
certstore_verify_set_suffix(struct certstore_verify *v,
    int (*is)(void *, const char *), void *arg, struct certstore_error *err)
{
	cs_error_clear(err);
	v->asked.suffix = is;
	v->asked.suffixarg = arg;
	return 0;
}

/* Opens a trust set of the store, NULL for the default one, or a directory. */
static int
openanchors(struct certstore_verify *v, const char *path,
    struct certstore_error *err)
{
	forgetanswer(v); /* it borrows from them */
	cs_anchors_close(&v->anchors);
	v->opened = 0;
	if (v->store == NULL && (path == NULL || strpbrk(path, "/.") == NULL))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "no trust anchors were given");
	if (cs_anchors_open(&v->anchors, v->store, path, err) == -1)
		return -1;
	v->opened = 1;
	return 0;
}

int
certstore_verify_set_anchors(struct certstore_verify *v, const char *path,
    struct certstore_error *err)
{
	cs_error_clear(err);
	return cs_error_keep(&v->failed[ANCHORS], openanchors(v, path, err),
	    err);
}

int
certstore_verify_add_anchors(struct certstore_verify *v, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	cs_error_clear(err);
	v->opened = 1;
	if (cs_anchors_add(&v->anchors, label, data, len, err) == 0)
		return 0;
	return cs_error_keep(&v->failed[ANCHORS], -1, err);
}

int
certstore_verify_add_crl(struct certstore_verify *v, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	char clean[300];
	int n = -1;

	cs_error_clear(err);
	if (cs_pem_read_crls(label, data, len, &pems, err) == 0)
		n = cs_setcrls_add(&v->asked.crls, &pems, err);
	ERR_clear_error();
	cs_item_free(&pems);
	if (n == 0) {
		certstore_escape(clean, sizeof(clean), label, strlen(label));
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no CRL in it: use a file that holds one",
		    clean);
	}
	return n > 0 ? 0 : cs_error_keep(&v->failed[CRLS], -1, err);
}

static char *
subjectof(X509 *x509)
{
	const X509_NAME *name = X509_get_subject_name(x509);
	struct cs_buf b = { NULL, 0, 0 };

	if (X509_NAME_entry_count(name) > 0 &&
	    cs_cert_name_text(name, &b) == -1) {
		cs_buf_free(&b);
		return NULL;
	}
	return b.p != NULL ? b.p : strdup("");
}

static int
putreason(struct worded *to, const struct cs_reason *from)
{
	const struct cs_rule_text *rule = &cs_rules[from->rule];
	struct certstore_reason *r = &to->reason;

	r->code = rule->code;
	r->section = rule->rfc;
	r->depth = from->depth;
	r->warning = from->warning;
	if (asprintf(&to->text, "%s%s%s", rule->text,
		from->detail != NULL ? ": " : "",
		from->detail != NULL ? from->detail : "") == -1) {
		to->text = NULL;
		return -1;
	}
	r->text = to->text;
	if (from->x509 == NULL)
		return 0;
	if (cs_cert_fingerprint(from->x509, to->fingerprint) == -1 ||
	    (to->subject = subjectof(from->x509)) == NULL)
		return -1;
	r->subject = to->subject;
	r->fingerprint = to->fingerprint;
	return 0;
}

/* Errors before warnings, and each from the end-entity to the anchor. */
static int
comesbefore(const struct cs_reason *a, const struct cs_reason *b)
{
	if (a->warning != b->warning)
		return b->warning;
	return a->depth < b->depth;
}

static void
sortreasons(struct cs_reasons *list)
{
	struct cs_reason tmp;
	size_t i, j;

	for (i = 1; i < list->n; i++) {
		tmp = list->v[i];
		for (j = i; j > 0 && comesbefore(&tmp, &list->v[j - 1]); j--)
			list->v[j] = list->v[j - 1];
		list->v[j] = tmp;
	}
}

static int
makeanswer(struct certstore_verify *v, struct certstore_error *err)
{
	struct cs_reasons *list = &v->search.reasons;

	sortreasons(list);
	if ((v->reasons = calloc(list->n + 1, sizeof(*v->reasons))) == NULL)
		return cs_fail_nomem(err);
	for (; v->nreason < list->n; v->nreason++)
		if (putreason(&v->reasons[v->nreason], &list->v[v->nreason]) ==
		    -1) {
			v->nreason++;
			return cs_fail_nomem(err);
		}
	return 0;
}

/* Describes a certificate as info would. */
static int
describecert(struct cs_info *info, X509 *x509, struct certstore_error *err)
{
	if (x509 == NULL || cs_describe_shown(&info->text, x509, err) == -1)
		return -1;
	return cs_info_parse(info, err);
}

/* The profile for a certificate if none was set: any for one that names neither
 * a host nor a purpose. */
static enum cs_profile
profileof(const struct cs_info *info)
{
	enum cs_profile profile;

	if (info->kind == NULL)
		return CS_PROFILE_ANY;
	if (cs_rule_profile(info->kind, &profile) == 0 &&
	    profile != CS_PROFILE_SERVER)
		return profile;
	if (!info->serves)
		return CS_PROFILE_ANY;
	if (cs_info_has_usage(info, "server"))
		return CS_PROFILE_SERVER;
	return cs_names_hashost(info->san, info->nsan) ? CS_PROFILE_SERVER :
							 CS_PROFILE_ANY;
}

/* Judges the first certificate; the others may be its issuers. */
static int
judgefirst(struct certstore_verify *v, const char *label,
    const struct cs_info *info, struct certstore_error *err)
{
	X509 *x509;
	int rv;

	if (!v->hastime)
		v->asked.when = certstore_time_now();
	v->asked.profile = v->profile;
	if (v->asked.profile == CS_PROFILE_NONE)
		v->asked.profile = v->asked.hashost ? CS_PROFILE_SERVER :
						      profileof(info);
	v->search.label = label;
	v->search.asked = &v->asked;
	v->search.anchors = &v->anchors;
	v->search.untrusted = &v->certs;
	v->search.err = err;
	if ((v->anchors.helpers.len > 0 &&
		cs_lazycerts_read(&v->certs, v->anchors.label,
		    v->anchors.helpers.p, v->anchors.helpers.len, NULL,
		    err) == -1) ||
	    (x509 = cs_lazycerts_get(&v->certs, 0, err)) == NULL ||
	    (rv = cs_path_search(&v->search, x509)) == -1 ||
	    makeanswer(v, err) == -1)
		return -1;
	cs_error_clear(err);
	return rv;
}

/* Prepares for a question: forgets the last answer, checks the settings, opens
 * or refreshes the anchors. */
static int
beginquestion(struct certstore_verify *v, struct certstore_error *err)
{
	cs_error_clear(err);
	forgetanswer(v);
	if (checksettings(v, err) == -1)
		return -1;
	if (!v->opened)
		return openanchors(v, NULL, err);
	return cs_anchors_refresh(&v->anchors, err);
}

/* A failure leaves no part of an answer. */
static int
finishquestion(struct certstore_verify *v, int rv)
{
	if (rv == -1)
		forgetanswer(v);
	ERR_clear_error();
	return rv;
}

static int
judgeentry(struct certstore_verify *v, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	static const enum cs_file files[] = { CS_FULLCHAIN, CS_CA };
	struct cs_buf b = { NULL, 0, 0 };
	size_t i;
	int rv = 0;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && rv != -1; i++) {
		if (files[i] == CS_CA && !entry->info.hasca)
			continue;
		if ((rv = cs_entry_read(entry, files[i], &b, err)) == 1)
			rv = cs_lazycerts_read(&v->certs, entry->info.name, b.p,
			    b.len, NULL, err);
		if (i == 0 && rv == 0 && v->certs.n == 0)
			rv = cs_fail(err, CERTSTORE_EINPUT,
			    "%s: has no certificate yet", entry->info.name);
	}
	cs_buf_free(&b);
	return rv == -1 ? -1 :
			  judgefirst(v, entry->info.name, &entry->info, err);
}

/* An entry of a list was not checked as a whole: 0, or -1 if it is damaged. */
static int
isentrywhole(const struct certstore_entry *entry, struct certstore_error *err)
{
	struct certstore_entry again = { 0 };
	int rv;

	if (entry->store == NULL || entry->info.name == NULL)
		return 0;
	rv = cs_entry_load(entry->store, entry->info.name, &again, err);
	cs_entry_done(&again);
	if (rv == -1 && err->code != CERTSTORE_EDAMAGED)
		rv = 0; /* it was replaced or removed since */
	if (rv == 0)
		cs_error_clear(err);
	return rv;
}

int
certstore_verify_entry(struct certstore_verify *v,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	if (beginquestion(v, err) == -1)
		return -1;
	return finishquestion(v,
	    isentrywhole(entry, err) == -1 ? -1 : judgeentry(v, entry, err));
}

static int
judgecerts(struct certstore_verify *v, const char *label, const void *data,
    size_t len, const struct certstore_passphrase *ask,
    struct certstore_error *err)
{
	struct cs_info info = { 0 };
	char clean[300];
	int rv = -1;

	certstore_escape(clean, sizeof(clean), label, strlen(label));
	if (cs_lazycerts_read(&v->certs, label, data, len, ask, err) == -1)
		return -1;
	if (v->certs.n == 0)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no certificate in it: use a file that "
		    "holds one",
		    clean);
	if (v->profile != CS_PROFILE_NONE || v->asked.hashost ||
	    describecert(&info, cs_lazycerts_get(&v->certs, 0, err), err) == 0)
		rv = judgefirst(v, clean, &info, err);
	cs_info_free(&info);
	return rv;
}

int
certstore_verify_certs(struct certstore_verify *v, const char *label,
    const void *data, size_t len, const struct certstore_passphrase *ask,
    struct certstore_error *err)
{
	if (beginquestion(v, err) == -1)
		return -1;
	return finishquestion(v, judgecerts(v, label, data, len, ask, err));
}

const char *
certstore_verify_profile(const struct certstore_verify *v)
{
	return cs_rule_profile_name(v->asked.profile);
}

int
certstore_verify_reason(const struct certstore_verify *v, size_t i,
    const struct certstore_reason **reason)
{
	*reason = NULL;
	if (i >= v->nreason)
		return 0;
	*reason = &v->reasons[i].reason;
	return 1;
}

/* The i-th certificate of the path, shown as an entry until the next call. */
int
certstore_verify_path(struct certstore_verify *v, size_t i,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	cs_error_clear(err);
	*entry = NULL;
	if (i >= (size_t)v->search.nbest)
		return 0;
	cs_info_reset(&v->entry.info);
	if (describecert(&v->entry.info, v->search.best[i]->x509, err) == -1)
		return -1;
	*entry = &v->entry;
	return 1;
}

int
certstore_verify_is_anchored(const struct certstore_verify *v)
{
	return v->search.anchored;
}
