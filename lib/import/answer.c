/*
 * answer.c: is a certificate with the key of a waiting request the answer to
 * it?  With a key that is kept, each earlier certificate has that key, too.
 */
#include <string.h>

#include <openssl/err.h>

#include "import/private.h"

/* Describes the request as info would. */
static int
describerequest(struct cs_planning *job, struct cs_info *request,
    struct certstore_error *err)
{
	struct cs_buf csr = { 0 };
	X509_REQ *req = NULL;
	int rv;

	rv = cs_entry_read(&job->old, CS_REQUEST_CSR, &csr, err);
	if (rv == 0)
		rv = cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: its request.csr is missing: use cert-create -f -R to "
		    "make a new request",
		    job->a->name);
	if (rv == 1 &&
	    ((req = cs_cert_csr_frompem(job->a->name, &csr, err)) == NULL ||
		cs_describe_csr(&request->text, req, 0, err) == -1 ||
		cs_info_parse(request, err) == -1))
		rv = -1;
	X509_REQ_free(req);
	cs_buf_free(&csr);
	ERR_clear_error();
	return rv == 1 ? 0 : -1;
}

/* Does it lack hosts, addresses or calls that were requested? */
static int
checkrequested(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_info *info = &job->a->entry.info;
	struct cs_info request = { 0 };
	struct cs_buf list = { 0 };
	const char *lacks = "does not cover";
	const struct cs_san *names;
	struct cs_san cn;
	int lost, rv = -1;
	size_t n;

	if (describerequest(job, &request, err) == -1)
		goto out;
	if (request.nsan > 0) {
		names = cs_names_of(info, &cn, &n);
		lost = cs_names_lost(&list, names, n, &request);
	} else {
		lacks = "does not sign calls for";
		lost = cs_tnauth_lost(&list, info, &request);
	}
	if (lost == -1)
		cs_fail_nomem(err);
	else if (lost > 0)
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %s %s, which was requested: use -f to import it",
		    job->a->name, lacks, list.p);
	else
		rv = 0;
out:
	cs_buf_free(&list);
	cs_info_free(&request);
	return rv;
}

/*
 * With -f all that has the key of the request is the answer.  Else it covers
 * what was requested; and if the key is not new, it is not the kept certificate
 * and expires later than the one that serves: a CA that sends an old certificate
 * must not take a site back.
 */
int
cs_answer_check(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_info *info = &job->a->entry.info;
	const struct cs_info *old = &job->old.info;
	char new[CERTSTORE_TIME_LEN], was[CERTSTORE_TIME_LEN];

	if ((job->im->flags & CERTSTORE_IMPORT_FORCE) != 0)
		return 0;
	if (checkrequested(job, err) == -1)
		return -1;
	if (old->fingerprint == NULL || old->spki == NULL ||
	    strcmp(old->spki, info->spki) != 0)
		return 0;
	if (cs_revert_iskept(&job->old, info->fingerprint))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is the earlier certificate, which is kept, and not "
		    "the answer to the request: use cert-revert%s %s to go "
		    "back to it",
		    job->a->name, cs_store_option(job->im->store),
		    job->a->name);
	if (info->ends <= old->ends)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: expires %s, not later than the certificate that it "
		    "would replace: %s: use -f to import it",
		    job->a->name, certstore_time_format(info->ends, new),
		    certstore_time_format(old->ends, was));
	return 0;
}
