/*
 * request.c: requests for a CA elsewhere, which wait in an entry.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "issue/private.h"

static X509_REQ *
readrequest(const struct cs_create *job, struct cs_buf *pem,
    struct certstore_error *err)
{
	struct certstore_error why;
	X509_REQ *req;
	int rv;

	if (cs_crypto_check(err) == -1 ||
	    (rv = cs_entry_read(&job->old, CS_REQUEST_CSR, pem, err)) == -1)
		return NULL;
	if (rv == 1 &&
	    (req = cs_cert_csr_frompem(job->name, pem, &why)) != NULL)
		return req;
	cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: request.csr cannot be read: use -f to make a new request",
	    job->name);
	return NULL;
}

/* Is a new request needed: 1, 0 and the waiting one in csr, -1. */
int
cs_request_needed(struct cs_create *job, char **csr,
    struct certstore_error *err)
{
	struct cs_buf pem = { NULL, 0, 0 };
	X509_REQ *req;
	int rv = -1;

	if (!job->old.info.hasrequest)
		return !cs_reuse_answered(&job->old, job->asked, &job->t);
	if ((req = readrequest(job, &pem, err)) == NULL)
		goto out;
	if ((rv = cs_reuse_haskey(&job->old, CS_REQUEST_KEY,
		 job->old.info.request, &job->reuse, err)) != 1) {
		job->reuse.refused = rv == 0;
		if (rv == 0)
			rv = cs_fail(err, CERTSTORE_EDAMAGED,
			    "%s: its request %s, so an answer cannot be "
			    "used: use -f to make a new one",
			    job->name, job->reuse.why);
		goto out;
	}
	if ((rv = cs_reuse_request(&job->old, req, job->asked, &job->t,
		 &job->reuse, err)) == 0) {
		job->reuse.refused = 1;
		rv = cs_fail(err, CERTSTORE_EEXIST,
		    "%s: another request waits, which %s: use -f to make a "
		    "new one",
		    job->name, job->reuse.why);
	} else if (rv == 1) {
		rv = 0;
		if (csr != NULL && (*csr = strdup(pem.p)) == NULL)
			rv = cs_fail_nomem(err);
	}
out:
	X509_REQ_free(req);
	cs_buf_free(&pem);
	return rv;
}

static int
encoderequest(struct cs_create *job, X509_REQ *req, struct certstore_error *err)
{
	if (cs_pem_encode_item(&job->put.file[CS_REQUEST_CSR],
		"CERTIFICATE REQUEST", ASN1_ITEM_rptr(X509_REQ), req,
		err) == -1)
		return -1;
	return cs_key_encode(&job->put.file[CS_REQUEST_KEY], job->pkey,
	    cs_newkey_passphrase(job), err);
}

int
cs_request_make(struct cs_create *job, char **csr, struct certstore_error *err)
{
	X509_REQ *req;
	char *pem = NULL, spki[CS_HASH_LEN];
	int rv = -1;

	if (cs_newkey_make(job, err) == -1)
		return -1;
	job->put.reason = "request";
	req = cs_issue_request(job->name, &job->t, job->pkey, err);
	if (req == NULL)
		return -1;
	cs_caution_names(&job->cautions, job->name, &job->t, 1);
	cs_caution_calls(&job->cautions, job->name, &job->t,
	    X509_REQ_get_subject_name(req));
	if (job->exists && !job->damaged)
		cs_caution_request(&job->cautions, &job->old, &job->t);
	if (!job->exists || job->old.info.fingerprint == NULL)
		job->put.origin = job->order != NULL ? "acme" : "create";
	if (encoderequest(job, req, err) == -1)
		goto out;
	if ((job->flags & CERTSTORE_CREATE_DRYRUN) != 0) {
		if (cs_write_check(job->store, &job->put, 1, err) == -1)
			goto out;
		if (job->order != NULL &&
		    (*csr = strdup(job->put.file[CS_REQUEST_CSR].p)) == NULL)
			cs_fail_nomem(err);
		else
			rv = 1;
		goto out;
	}
	if (job->exists && job->old.info.fingerprint != NULL) {
		if (cs_repeat_pair(&job->put, &job->old, err) == -1 ||
		    cs_key_spki(job->pkey, spki, err) == -1)
			goto out;
		if (cs_repeat_requestline(&job->put, spki,
			job->order != NULL) == -1) {
			cs_fail_nomem(err);
			goto out;
		}
	} else if (cs_describe_csr(&job->put.file[CS_INFO], req,
		       job->order != NULL, err) == -1)
		goto out;
	if ((pem = strdup(job->put.file[CS_REQUEST_CSR].p)) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	if (cs_write_entries(job->store, &job->put, 1, err) == 0) {
		if (csr != NULL) {
			*csr = pem;
			pem = NULL;
		}
		rv = 1;
	}
out:
	if (rv == 1)
		cs_warn_lines(job->store, &job->cautions);
	free(pem);
	X509_REQ_free(req);
	return rv;
}
