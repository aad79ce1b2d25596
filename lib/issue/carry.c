/*
 * carry.c: what a new generation takes over from the one before: its props, a
 * request that waits, the pair that serves.
 */
#include "issue/private.h"

/* The old props, or none, with this origin; NULL: the old one. */
int
cs_carry_props(struct cs_create *job, const char *origin,
    struct certstore_error *err)
{
	return cs_props_carry(&job->put.file[CS_PROPS],
	    job->exists ? &job->old : NULL, job->name, origin, err);
}

int
cs_carry_file(struct cs_create *job, enum cs_file file,
    struct certstore_error *err)
{
	return cs_entry_read(&job->old, file, &job->put.file[file], err) == -1 ?
	    -1 :
	    0;
}

int
cs_carry_waiting(struct cs_create *job, const char *spki,
    struct certstore_error *err)
{
	if (cs_buf_printf(&job->put.file[CS_INFO], "request %s\n", spki) == -1)
		return cs_fail_nomem(err);
	return 0;
}

/* A request that waits goes on waiting. */
int
cs_carry_request(struct cs_create *job, struct certstore_error *err)
{
	const struct cs_info *info = &job->old.info;

	if (!job->exists || job->damaged || !info->hasrequest ||
	    info->request == NULL)
		return 0;
	if (cs_carry_file(job, CS_REQUEST_KEY, err) == -1 ||
	    cs_carry_file(job, CS_REQUEST_CSR, err) == -1)
		return -1;
	return cs_carry_waiting(job, info->request, err);
}

/* Where the certificate ends in fullchain.pem. */
static int
setleaf(struct cs_put *put, X509 *x509, struct certstore_error *err)
{
	struct cs_buf pem = { NULL, 0, 0 };
	int rv;

	if ((rv = cs_cert_encode(&pem, x509, err)) == 0)
		put->leaf = pem.len;
	cs_buf_free(&pem);
	return rv;
}

/* The pair that serves stays as it is, described anew. */
int
cs_carry_pair(struct cs_create *job, struct certstore_error *err)
{
	STACK_OF(X509) *certs;
	int i, rv;

	for (i = CS_FULLCHAIN; i <= CS_CA; i++)
		if (i != CS_COMBINED && (i != CS_CA || job->old.info.hasca) &&
		    cs_carry_file(job, (enum cs_file)i, err) == -1)
			return -1;
	certs = cs_cert_stack(job->name, &job->put.file[CS_FULLCHAIN], err);
	if (certs == NULL)
		return -1;
	rv = setleaf(&job->put, sk_X509_value(certs, 0), err) == -1 ||
		cs_describe_cert(&job->put.file[CS_INFO], certs, err) == -1 ?
	    -1 :
	    0;
	sk_X509_pop_free(certs, X509_free);
	return rv;
}
