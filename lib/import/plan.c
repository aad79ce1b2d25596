/*
 * plan.c: plans one imported certificate as an entry: its files, and what
 * happens to the entry that has its name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "import/private.h"

/* Becomes it an entry, or is it one, of a CA with its key?  1, 0, -1. */
static int
issigningca(const struct certstore_import *im, const char *spki,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error ignored;
	struct cs_strings names = { 0 };
	int rv = 0;
	size_t i;

	for (i = 0; i < im->pool.nca; i++)
		if (im->pool.ca[i]->key != NULL &&
		    strcmp(im->pool.ca[i]->spki, spki) == 0)
			return 1;
	if (cs_search_index(im->store, "spki", spki, &names) == -1)
		return cs_fail_errno(err, "%s/index",
		    certstore_path(im->store));
	for (i = 0; i < names.n && rv == 0; i++)
		rv = cs_entry_glance(im->store, names.v[i], &entry, &ignored) ==
			0 &&
		    entry.info.haskey && strcmp(entry.info.kind, "ca") == 0;
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return rv;
}

/*
 * What a CA of the store has signed is recorded, whoever asked it to.  The last
 * answer is kept: many certificates have one issuer.
 */
static int
recordsigner(struct cs_planning *job, struct certstore_error *err)
{
	struct certstore_import *im = job->im;
	struct cs_put *put = &job->a->put;
	char spki[CS_HASH_LEN];
	int rv;

	put->signer[0] = '\0';
	if (job->a->entry.info.self || sk_X509_num(job->above.above) == 0)
		return 0;
	if (cs_cert_spki(X509_get_X509_PUBKEY(
			     sk_X509_value(job->above.above, 0)),
		spki) == -1)
		return cs_fail_nomem(err);
	if (strcmp(im->signer, spki) != 0) {
		if ((rv = issigningca(im, spki, err)) == -1)
			return -1;
		memcpy(im->signer, spki, sizeof(spki));
		im->records = rv;
	}
	if (im->records)
		memcpy(put->signer, spki, sizeof(spki));
	return 0;
}

/* Makes the files of the certificate, and their description. */
static int
makeplanfiles(struct cs_planning *job, struct certstore_error *err)
{
	struct cs_info *info = &job->a->entry.info;

	if (cs_chain_files(&job->a->put, job->cert->x509, job->above.chain,
		job->above.above, job->key.p != NULL ? &job->key : NULL,
		err) == -1)
		return -1;
	cs_info_reset(info);
	if (cs_buf_copy(&info->text, &job->a->put.file[CS_INFO]) == -1)
		return cs_fail_nomem(err);
	return cs_info_parse(info, err) == -1 ? -1 : recordsigner(job, err);
}

static int
loadold(struct cs_planning *job, struct certstore_error *err)
{
	const char *fingerprint;

	job->was = CS_WAS_PRESENT;
	if (cs_entry_load(job->im->store, job->a->name, &job->old, err) == -1) {
		if (err->code == CERTSTORE_ENOENTRY)
			job->was = CS_WAS_ABSENT;
		else if (err->code == CERTSTORE_EDAMAGED &&
		    job->old.gendir[0] != '\0' &&
		    (job->im->flags & CERTSTORE_IMPORT_FORCE) != 0)
			job->was = CS_WAS_DAMAGED;
		else
			return -1;
	}
	cs_error_clear(err);
	fingerprint = job->old.info.fingerprint;
	job->isold = job->was == CS_WAS_PRESENT && fingerprint != NULL &&
	    strcmp(fingerprint, job->a->entry.info.fingerprint) == 0;
	cs_entry_identify(&job->old, &job->a->put.seen);
	return 0;
}

static int
addcertsof(struct cs_planning *job, enum cs_file file, STACK_OF(X509) *to,
    struct certstore_error *err)
{
	STACK_OF(X509) *certs;
	int rv;

	rv = cs_cert_read(&job->old, file, &certs, err);
	if (rv == 1 && X509_add_certs(to, certs, X509_ADD_FLAG_UP_REF) != 1)
		rv = cs_fail_nomem(err);
	sk_X509_pop_free(certs, X509_free);
	return rv == -1 ? -1 : 0;
}

/* Drops expired issuers of the old entry and, if the input has issuers, all but
 * roots. */
static void
dropunfit(STACK_OF(X509) *more, int given)
{
	int64_t now = certstore_time_now();
	X509 *x509;
	int i;

	for (i = sk_X509_num(more) - 1; i >= 0; i--) {
		x509 = sk_X509_value(more, i);
		if (cs_cert_ends(x509) < now ||
		    (given && !cs_cert_is_self_signed(x509)))
			X509_free(sk_X509_delete(more, i));
	}
}

/* Completes the chain of a certificate from that of the old entry. */
static int
completechain(struct cs_planning *job, struct certstore_error *err)
{
	STACK_OF(X509) *more;
	int had, rv = -1;

	if (job->above.complete || job->was != CS_WAS_PRESENT ||
	    (!job->old.info.haschain && !job->old.info.hasca))
		return 0;
	had = sk_X509_num(job->above.above);
	if ((more = sk_X509_new_null()) == NULL)
		return cs_fail_nomem(err);
	if (addcertsof(job, CS_FULLCHAIN, more, err) == -1 ||
	    (job->old.info.hasca && addcertsof(job, CS_CA, more, err) == -1))
		goto out;
	/* the same certificate alone asks for no other chain */
	if (had > 0 || !job->isold ||
	    (job->im->flags & CERTSTORE_IMPORT_FORCE) != 0)
		dropunfit(more, had > 0);
	if (cs_issuers_build(&job->im->pool, job->im->store, job->cert, more,
		&job->above, err) == -1)
		goto out;
	rv = sk_X509_num(job->above.above) > had ? makeplanfiles(job, err) : 0;
out:
	sk_X509_pop_free(more, X509_free);
	return rv;
}

/* Has the entry exactly these files?  1, 0, -1. */
static int
isplanwritten(struct cs_planning *job, struct certstore_error *err)
{
	static const enum cs_file files[] = { CS_FULLCHAIN, CS_CERT, CS_CHAIN,
		CS_CA, CS_PRIVKEY };
	struct cs_buf had = { 0 }, want;
	size_t i;
	int rv = 1, there;

	for (i = 0; i < sizeof(files) / sizeof(files[0]) && rv == 1; i++) {
		want = cs_put_contents(&job->a->put, files[i]);
		cs_buf_reset(&had);
		there = cs_entry_read(&job->old, files[i], &had, err);
		if (there == -1)
			rv = -1;
		else if (there == (want.p != NULL) && want.len == had.len &&
		    (had.len == 0 || memcmp(want.p, had.p, had.len) == 0))
			continue;
		else
			rv = files[i] == CS_PRIVKEY && had.len > 0 &&
			    (!job->cert->ca || job->cert->key == NULL) &&
			    cs_keyfile_fits(job, &had);
	}
	cs_buf_free(&had);
	return rv;
}

/* Is combined.pem the private key and the certificates, as far as there is one?
 * 1, 0, -1. */
static int
iscombinedwhole(const struct certstore_entry *old, struct certstore_error *err)
{
	struct cs_buf combined = { 0 }, key = { 0 }, chain = { 0 };
	int rv;

	if (!old->info.haskey || !old->info.haschain)
		return 1;
	if ((rv = cs_entry_read(old, CS_COMBINED, &combined, err)) == 1 &&
	    (rv = cs_entry_read(old, CS_PRIVKEY, &key, err)) == 1 &&
	    (rv = cs_entry_read(old, CS_FULLCHAIN, &chain, err)) == 1)
		rv = combined.len == key.len + chain.len &&
		    memcmp(combined.p, key.p, key.len) == 0 &&
		    memcmp(combined.p + key.len, chain.p, chain.len) == 0;
	cs_buf_free(&combined);
	cs_buf_free(&key);
	cs_buf_free(&chain);
	return rv;
}

/* Does info describe the certificates?  Only -f asks for another one: 1, 0, -1. */
static int
isdescribed(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_buf *want = &job->a->put.file[CS_INFO];
	struct cs_buf had = { 0 }, text = { 0 };
	int rv;

	if ((job->im->flags & CERTSTORE_IMPORT_FORCE) == 0)
		return 1;
	if ((rv = cs_entry_read(&job->old, CS_INFO, &text, err)) == 1)
		rv = cs_info_description(&had, &text, "request") == -1 ?
		    cs_fail_nomem(err) :
		    had.len == want->len &&
			memcmp(had.p, want->p, had.len) == 0;
	cs_buf_free(&text);
	cs_buf_free(&had);
	return rv;
}

/* Does the entry match its props, modes included?  1, 0, -1. */
static int
arepropsinforce(struct cs_planning *job, struct certstore_error *err)
{
	char why[CS_PROPS_WHY];
	int rv;

	if ((rv = cs_props_differ(&job->old, why, err)) != 1)
		return rv == -1 ? -1 : 1;
	if (cs_buf_printf(&job->a->remarks,
		"%s: %s: rewritten with the same certificate\n", job->a->name,
		why) == -1)
		return cs_fail_nomem(err);
	return 0;
}

/* Without -N an entry is replaced only by a certificate for the same names. */
static int
checkidentity(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_info *info = &job->a->entry.info;
	const struct cs_info *old = &job->old.info;
	const char *subject = old->subject != NULL ? old->subject : "";
	int same;

	if (job->im->name != NULL)
		return 0;
	if (cs_poolcert_haskey(job->cert, old->spki) ||
	    cs_poolcert_haskey(job->cert, old->samekey))
		same = cs_ident_shares(info, old);
	else
		same = cs_ident_same(info, old);
	if (same == -1)
		return cs_fail_nomem(err);
	if (same)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: the entry of that name has other names (\"%.*s\"): use -N "
	    "with another entry name, or -f -N %s to replace that entry",
	    job->a->name, cs_escape_fit(subject, CS_SUBJECT_LEN), subject,
	    job->a->name);
}

static int
decideaction(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_info *old = &job->old.info;
	struct cs_plan *a = job->a;
	char when[CERTSTORE_TIME_LEN];
	int bad, same;

	a->action = job->was == CS_WAS_DAMAGED ? "replace" : "new";
	if (job->im->answer != NULL) {
		a->action = "answer";
		return 0;
	}
	if (job->was != CS_WAS_PRESENT)
		return 0;
	if (job->isold) {
		/* only the chain or the key can differ */
		a->action = "replace";
		if ((same = isplanwritten(job, err)) == 1 &&
		    (same = iscombinedwhole(&job->old, err)) == 1 &&
		    (same = isdescribed(job, err)) == 1)
			same = arepropsinforce(job, err);
		if (same == 1)
			a->action = "same";
		return same == -1 ? -1 : 0;
	}
	if (cs_poolcert_haskey(job->cert, old->request)) {
		a->action = "answer";
		return cs_answer_check(job, err);
	}
	if (old->fingerprint == NULL) /* it only waits */
		return checkidentity(job, err);
	a->action = "replace";
	if (checkidentity(job, err) == -1)
		return -1;
	if ((job->im->flags & CERTSTORE_IMPORT_IFNEEDED) != 0) {
		bad = cs_warning_worse(&a->remarks, &a->entry.info, old,
		    certstore_time_now());
		if (bad == 1)
			a->action = "kept";
		return bad == -1 ? cs_fail_nomem(err) : 0;
	}
	if ((job->im->flags & CERTSTORE_IMPORT_FORCE) == 0)
		return cs_fail(err, CERTSTORE_EEXIST,
		    "%s: the entry has another certificate, which expires "
		    "%s: use -f to replace it",
		    a->name, certstore_time_format(old->ends, when));
	return 0;
}

/* SHA-256 of the key of a request, where info does not have it. */
static int
requestkey(const char *label, const struct cs_buf *csr, char hex[CS_HASH_LEN],
    struct certstore_error *err)
{
	X509_REQ *req;
	EVP_PKEY *pkey;
	int rv = -1;

	if ((req = cs_cert_csr_frompem(label, csr, err)) != NULL &&
	    (pkey = X509_REQ_get0_pubkey(req)) != NULL)
		rv = cs_key_spki(pkey, hex, err);
	X509_REQ_free(req);
	ERR_clear_error();
	return rv;
}

/* Carries over a waiting request for another key. */
static int
carryrequest(struct cs_planning *job, struct certstore_error *err)
{
	struct cs_buf *file = job->a->put.file;
	const char *request = job->old.info.request;
	char hex[CS_HASH_LEN];
	int rv;

	if (job->was == CS_WAS_ABSENT || strcmp(job->a->action, "answer") == 0)
		return 0;
	rv = cs_entry_read(&job->old, CS_REQUEST_KEY, &file[CS_REQUEST_KEY],
	    err);
	if (rv == 1)
		rv = cs_entry_read(&job->old, CS_REQUEST_CSR,
		    &file[CS_REQUEST_CSR], err);
	if (rv == 1 && (job->was == CS_WAS_DAMAGED || request == NULL)) {
		rv = requestkey(job->a->name, &file[CS_REQUEST_CSR], hex,
			 err) == 0;
		request = hex;
	}
	if (rv == 0) {
		cs_buf_free(&file[CS_REQUEST_KEY]);
		cs_buf_free(&file[CS_REQUEST_CSR]);
	}
	if (rv == 1 &&
	    cs_repeat_requestline(&job->a->put, request,
		job->old.info.ordered) == -1)
		return cs_fail_nomem(err);
	return rv == -1 ? -1 : 0;
}

/* A new entry for names that an ACME entry serves: servers that use the files of
 * that one do not see it. */
static int
remarkordered(struct cs_planning *job)
{
	const struct cs_info *info = &job->a->entry.info;
	struct certstore *store = job->im->store;
	struct certstore_entry entry = { 0 };
	struct certstore_error ignored;
	struct cs_strings names = { 0 };
	size_t i;
	int bad = 0;

	if (info->nsan == 0 || !cs_orderstate_isused(store) ||
	    cs_search_index(store, "host", info->san[0].value, &names) == -1)
		return 0;
	for (i = 0; i < names.n && bad == 0; i++)
		if (cs_entry_glance(store, names.v[i], &entry, &ignored) == 0 &&
		    entry.info.acme != NULL &&
		    cs_ident_shares(info, &entry.info) == 1)
			bad = cs_buf_printf(&job->a->remarks,
			    "%s: the ACME entry %s serves these names: use "
			    "-f -N %s to put it there\n",
			    job->a->name, names.v[i], names.v[i]);
	cs_entry_done(&entry);
	cs_strings_free(&names);
	return bad;
}

/* Adds the warnings about the certificate and about what it replaces.  A CA
 * sends the chain that there is: only its root may be missing. */
static int
addremarks(struct cs_planning *job, struct certstore_error *err)
{
	struct cs_plan *a = job->a;
	const struct cs_info *info = &a->entry.info;
	const struct cs_ordered *answer = job->im->answer;
	int bad = 0;

	if (answer == NULL)
		bad = cs_warning_times(&a->remarks, info, certstore_time_now());
	bad |= cs_warning_cert(&a->remarks, info, job->cert->x509,
	    job->above.chain, answer != NULL || job->above.complete);
	if (answer != NULL)
		bad |= cs_objection_add(&a->objections, info, &job->old,
		    answer->wanted);
	else if (job->was == CS_WAS_ABSENT && job->im->name == NULL)
		bad |= remarkordered(job);
	else if (job->was == CS_WAS_PRESENT)
		bad |= cs_warning_change(&a->remarks, info, &job->old.info);
	if (job->cert->ca && cs_key_isencrypted(&a->put.file[CS_PRIVKEY]))
		bad |= cs_buf_printf(&a->remarks,
		    "%s: the key of a CA stays "
		    "encrypted with its passphrase: no server can use it\n",
		    a->name);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

int
cs_plan_changes(const struct cs_plan *a)
{
	return strcmp(a->action, "same") != 0 && strcmp(a->action, "kept") != 0;
}

/*
 * Sets the record: of the new generation, or of the old one if nothing changes.
 */
static int
recordplan(struct cs_planning *job, struct certstore_error *err)
{
	const struct timespec untimed = { 0, 0 };
	struct certstore_entry *entry = &job->a->entry;

	if (!cs_plan_changes(job->a)) {
		cs_info_free(&entry->info);
		cs_put_free(&job->a->put);
		*entry = job->old;
		memset(&job->old, 0, sizeof(job->old));
	} else {
		job->a->put.origin = job->im->answer != NULL ? "acme" :
							       "import";
		if (job->im->answer != NULL &&
		    job->old.info.fingerprint != NULL)
			job->a->put.reason = "renew";
		if (job->im->origin != NULL) {
			job->a->put.origin = job->im->origin;
			job->a->put.reason = CS_LOG_REPAIR;
		}
		if (cs_newprops_compose(job->im->store, &job->a->put,
			job->was == CS_WAS_ABSENT ? NULL : &job->old,
			err) == -1 ||
		    carryrequest(job, err) == -1 ||
		    cs_keyfile_check(job, err) == -1)
			return -1;
		cs_info_reset(&entry->info);
		if (cs_put_compose(&entry->info.text, &job->a->put, &untimed,
			err) == -1 ||
		    cs_info_parse(&entry->info, err) == -1)
			return -1;
		entry->store = job->im->store;
		if (addremarks(job, err) == -1)
			return -1;
	}
	entry->how = job->a->action;
	return 0;
}

int
cs_plan_make(struct certstore_import *im, struct cs_plan *a,
    const struct cs_pool_cert *cert, struct certstore_error *err)
{
	struct cs_planning job = { .im = im, .a = a, .cert = cert };
	int rv = -1;

	a->cert = cert;
	if (im->answer != NULL && cs_objection_check(im, cert, err) == -1)
		goto out;
	if (cs_keyowner_find(im->store, cert, &job.holders, err) == -1 ||
	    cs_keyfile_take(&job, err) == -1 ||
	    cs_issuers_build(&im->pool, im->store, cert, NULL, &job.above,
		err) == -1 ||
	    makeplanfiles(&job, err) == -1)
		goto out;
	a->name = cs_naming_choose(im, cert, &a->entry.info, &job.holders, err);
	if (a->name == NULL)
		goto out;
	a->put.name = a->name;
	a->put.reason = "import";
	if (loadold(&job, err) == -1 || completechain(&job, err) == -1 ||
	    cs_issuers_use(&im->pool, job.above.above, err) == -1 ||
	    cs_keyfile_settle(&job, err) == -1 ||
	    decideaction(&job, err) == -1 || recordplan(&job, err) == -1)
		goto out;
	rv = 0;
out:
	cs_issuers_free(&job.above);
	cs_entry_done(&job.old);
	cs_buf_free(&job.key);
	cs_keyowner_free(&job.holders);
	ERR_clear_error();
	return rv;
}

void
cs_plan_free(struct cs_plan *a)
{
	cs_put_free(&a->put);
	cs_entry_done(&a->entry);
	cs_buf_free(&a->remarks);
	cs_buf_free(&a->objections);
	free(a->name);
	memset(a, 0, sizeof(*a));
}
