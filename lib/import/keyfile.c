/*
 * keyfile.c: the private key of an imported entry: from the input or from the
 * store, encrypted or in clear.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "import/private.h"

/* Decrypts a key of the store that is for a server now. */
static int
decryptkey(struct cs_planning *job, struct certstore_error *err)
{
	struct cs_pool *pool = &job->im->pool;
	EVP_PKEY *pkey;
	int rv;

	pkey = cs_key_frompem(job->keylabel, &job->key, &pool->pass, err);
	if (pkey == NULL)
		return -1;
	cs_buf_free(&job->key);
	rv = cs_key_encode(&job->key, pkey, NULL, err);
	EVP_PKEY_free(pkey);
	return rv;
}

/*
 * Takes the key of the input, else of the store.  A server cannot ask for a
 * passphrase, so its key is stored in clear; that of a CA stays as it was
 * given.
 */
int
cs_keyfile_take(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_pool_cert *cert = job->cert;
	char name[sizeof(err->msg)];
	const char *pass;
	int rv;

	if (cert->key != NULL) {
		pass = cert->ca ? cert->key->passphrase : NULL;
		if (pass != NULL || !cs_key_iswritten(cert->key->pem))
			return cs_key_encode(&job->key, cert->key->pkey, pass,
			    err);
		if (cs_pem_encode(&job->key, "PRIVATE KEY", cert->key->pem->der,
			cert->key->pem->derlen) == -1)
			return cs_fail_nomem(err);
		return 0;
	}
	rv = cs_keyowner_key(job->im->store, &job->holders, &job->key,
	    job->keylabel, sizeof(job->keylabel), err);
	job->fromstore = rv == 1;
	if (job->fromstore && !cert->ca && cs_key_isencrypted(&job->key))
		return decryptkey(job, err);
	if (rv == -1 || job->fromstore || cert->ca)
		return rv == -1 ? -1 : 0;
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: its private key is missing, and no waiting request has it: "
	    "add the key",
	    cs_poolcert_name(cert, name, sizeof(name)));
}

/* The passphrase of the key in the input. */
static struct certstore_passphrase
inputpass(const struct cs_planning *job)
{
	return cs_decrypt_known(
	    job->cert->key != NULL ? job->cert->key->passphrase : NULL);
}

/* Is the key file of the entry that of the certificate?  If it cannot be
 * decrypted it is believed to be. */
int
cs_keyfile_fits(struct cs_planning *job, const struct cs_buf *pem)
{
	struct certstore_passphrase pass = inputpass(job);
	struct certstore_error err;
	EVP_PKEY *pkey;
	int fits;

	if (!job->cert->ca && cs_key_isencrypted(pem))
		return 0;
	pkey = cs_key_frompem(job->a->name, pem, &pass, &err);
	if (pkey == NULL)
		return err.code == CERTSTORE_EPASSPHRASE;
	fits = X509_check_private_key(job->cert->x509, pkey) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return fits;
}

/* Does the passphrase of the key in the input decrypt the store's, too? */
static int
samepassphrase(struct cs_planning *job, const struct cs_buf *had)
{
	struct certstore_passphrase pass = inputpass(job);
	struct certstore_error ignored;
	EVP_PKEY *pkey;

	pkey = cs_key_frompem(job->a->name, had, &pass, &ignored);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return pkey != NULL;
}

static int
tellkey(struct cs_planning *job, const char *what, struct certstore_error *err)
{
	if (cs_buf_printf(&job->a->remarks, "%s: %s\n", job->a->name, what) ==
	    -1)
		return cs_fail_nomem(err);
	return 0;
}

/* The key of a CA that both store and input have, by: encrypted in the store,
 * encrypted in the input, -f.  Without -f an encrypted key stays encrypted. */
static const struct outcome {
	int keep; /* keep that of the store */
	const char *say;
} outcomes[2][2][2] = {
	[0][0] = { { 1, NULL }, { 1, NULL } },
	[0][1] = { { 1,
		       "the key of the CA stays unencrypted as it was: use "
		       "-f to store it encrypted, as given" },
	    { 0, NULL } },
	[1][0] = { { 1,
		       "the key of the CA stays encrypted as it was: use -f "
		       "to store it unencrypted, as given" },
	    { 0,
		"the key of the CA is no longer encrypted: it was given "
		"unencrypted" } },
	[1][1] = { { 1,
		       "the key of the CA keeps its passphrase: use -f to "
		       "encrypt it with the one given" },
	    { 0, "the key of the CA now has the passphrase that was given" } },
};

/* Which of two files of the same key is stored? */
static int
choosekey(struct cs_planning *job, struct cs_buf *had,
    struct certstore_error *err)
{
	struct cs_buf *key = &job->a->put.file[CS_PRIVKEY];
	struct outcome out;
	int force = (job->im->flags & CERTSTORE_IMPORT_FORCE) != 0;
	int is = cs_key_isencrypted(key), was = cs_key_isencrypted(had);

	out = outcomes[was][is][force];
	if (was && is && samepassphrase(job, had))
		out = outcomes[0][0][force];
	else if (!was && is && !job->isold)
		out = outcomes[0][1][1]; /* it comes with the certificate */
	if (out.say != NULL && tellkey(job, out.say, err) == -1)
		return -1;
	if (out.keep) {
		cs_buf_free(key);
		*key = *had;
		memset(had, 0, sizeof(*had));
	}
	return 0;
}

/* Settles the key of a CA against the one that the entry has, or waits with. */
int
cs_keyfile_settle(struct cs_planning *job, struct certstore_error *err)
{
	const struct cs_info *old = &job->old.info;
	struct cs_buf had = { 0 };
	enum cs_file file;
	int rv;

	if (!job->cert->ca || job->cert->key == NULL ||
	    job->was != CS_WAS_PRESENT)
		return 0;
	file = cs_poolcert_haskey(job->cert, old->request) ? CS_REQUEST_KEY :
							     CS_PRIVKEY;
	if ((rv = cs_entry_read(&job->old, file, &had, err)) == 1) {
		rv = 0;
		if (file == CS_PRIVKEY &&
		    !cs_poolcert_haskey(job->cert, old->spki) &&
		    !cs_poolcert_haskey(job->cert, old->samekey)) {
			if (cs_key_isencrypted(&had) &&
			    !cs_key_isencrypted(&job->a->put.file[CS_PRIVKEY]))
				rv = tellkey(job,
				    "the key of the CA is not encrypted, "
				    "but the key that it replaces was",
				    err);
		} else if (cs_keyfile_fits(job, &had))
			rv = choosekey(job, &had, err);
	}
	cs_buf_free(&had);
	return rv;
}

/* Is the key from the store still that of the certificate? */
int
cs_keyfile_check(struct cs_planning *job, struct certstore_error *err)
{
	struct cs_pool *pool = &job->im->pool;
	EVP_PKEY *pkey;
	int fits;

	if (!job->fromstore)
		return 0;
	pkey = cs_key_frompem(job->keylabel, &job->key, &pool->pass, err);
	if (pkey == NULL)
		return -1;
	fits = X509_check_private_key(job->cert->x509, pkey) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (!fits)
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: was changed by hand, it is not the key that info "
		    "names: add the private key",
		    job->keylabel);
	return 0;
}
