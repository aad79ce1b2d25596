/*
 * newkey.c: the private key of an entry that is made: given or generated, and
 * with which passphrase it is written.
 */
#include <string.h>

#include <bsd/string.h>

#include "issue/private.h"

/* The passphrase of the new key, or NULL.  The key of a CA stays encrypted as
 * it was given; that of a server cannot be. */
const char *
cs_newkey_passphrase(const struct cs_create *job)
{
	if (job->t.encrypt != NULL || !job->t.ca)
		return job->t.encrypt;
	return job->asked->opened;
}

/* The key of the template, or a new one.  A dry run makes the fastest kind,
 * since its key is thrown away. */
int
cs_newkey_make(struct cs_create *job, struct certstore_error *err)
{
	const char *wanted;
	char type[80];

	wanted = (job->flags & CERTSTORE_CREATE_DRYRUN) != 0 ? "p256" :
							       job->t.type;
	if (job->pkey != NULL && job->t.pkey == NULL &&
	    strcmp(job->type, wanted) != 0) {
		EVP_PKEY_free(job->pkey); /* another type is kept now */
		job->pkey = NULL;
	}
	if (job->pkey != NULL)
		return 0;
	if (cs_crypto_check(err) == -1)
		return -1;
	if (job->t.pkey == NULL) {
		strlcpy(job->type, wanted, sizeof(job->type));
		job->pkey = cs_key_generate(job->store, wanted, err);
		return job->pkey == NULL ? -1 : 0;
	}
	if (EVP_PKEY_up_ref(job->t.pkey) != 1)
		return cs_fail_nomem(err);
	job->pkey = job->t.pkey;
	if (cs_strength_isweak(job->pkey)) {
		cs_key_name(job->pkey, type, sizeof(type));
		cs_warn(job->store,
		    "%s: the key is weak (%s): servers and "
		    "clients at security level 2 refuse it",
		    job->name, type);
	}
	return 0;
}
