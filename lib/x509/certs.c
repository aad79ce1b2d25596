/*
 * certs.c: certificates and keys that are not in the store, each as an entry to
 * be shown.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "x509/private.h"

#define WHERE_LEN 512

struct certstore_certs {
	struct cs_pems pems;
	size_t next;
	struct certstore_entry entry; /* what certstore_certs_next() gave */
};

static void
resetshown(struct certstore_entry *entry)
{
	cs_info_reset(&entry->info);
	free(entry->pem);
	free(entry->flaw);
	entry->pem = entry->flaw = NULL;
}

/* Moves the buffer into the entry. */
static void
setpem(struct certstore_entry *entry, struct cs_buf *buf)
{
	entry->pem = buf->p;
	memset(buf, 0, sizeof(*buf));
}

static int
setcert(struct certstore_entry *entry, const struct cs_pem *pem,
    struct certstore_error *err)
{
	struct cs_buf buf = { 0 };
	X509 *x509 = NULL;
	char where[WHERE_LEN];
	int rv = -1;

	cs_item_where(pem, where, sizeof(where));
	x509 = cs_cert_decode(where, pem->der, pem->derlen, err);
	if (x509 == NULL || cs_cert_check(where, x509, &entry->flaw, err) == -1)
		goto out;
	if (cs_describe_shown(&entry->info.text, x509, err) == -1 ||
	    cs_info_parse(&entry->info, err) == -1 ||
	    cs_cert_encode(&buf, x509, err) == -1)
		goto out;
	setpem(entry, &buf);
	rv = 0;
out:
	cs_buf_free(&buf);
	X509_free(x509);
	return rv;
}

static int
setkeyentry(struct certstore_entry *entry, EVP_PKEY *pkey,
    struct certstore_error *err)
{
	struct cs_buf buf = { 0 };

	if (cs_describe_key(&entry->info.text, pkey, err) == -1 ||
	    cs_info_parse(&entry->info, err) == -1 ||
	    cs_key_encode_public(&buf, pkey, err) == -1) {
		cs_buf_free(&buf);
		return -1;
	}
	setpem(entry, &buf);
	return 0;
}

struct certstore_certs *
certstore_certs_read(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *ask, struct certstore_error *err)
{
	struct certstore_certs *certs;
	size_t i;

	cs_error_clear(err);
	if (cs_crypto_check(err) == -1)
		return NULL;
	if ((certs = calloc(1, sizeof(*certs))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if (cs_pem_read(label, data, len, ask, &certs->pems, err) == -1) {
		certstore_certs_free(certs);
		return NULL;
	}
	for (i = 0; i < certs->pems.n; i++) {
		if (certs->pems.v[i].type == CS_PEM_CERT)
			return certs;
	}
	cs_fail(err, CERTSTORE_EINPUT,
	    "%s: there is no certificate in it: use a file that holds one",
	    label);
	certstore_certs_free(certs);
	return NULL;
}

/* Gives the next certificate; after an error it goes on with the one behind. */
int
certstore_certs_next(struct certstore_certs *certs,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	const struct cs_pem *pem;

	cs_error_clear(err);
	*entry = NULL;
	resetshown(&certs->entry);
	while (certs->next < certs->pems.n) {
		pem = &certs->pems.v[certs->next++];
		if (pem->type != CS_PEM_CERT)
			continue;
		if (setcert(&certs->entry, pem, err) == -1)
			return -1;
		*entry = &certs->entry;
		return 1;
	}
	certs->next = 0;
	return 0;
}

void
certstore_certs_free(struct certstore_certs *certs)
{
	if (certs == NULL)
		return;
	cs_item_free(&certs->pems);
	resetshown(&certs->entry);
	cs_info_free(&certs->entry.info);
	free(certs);
}

/* The public or private key of an item; *is: does it hold one? */
static EVP_PKEY *
blockkey(struct cs_pem *pem, const struct certstore_passphrase *ask, int *is,
    struct certstore_error *err)
{
	*is = 1;
	if (cs_item_iskey(pem))
		return cs_key_parse(pem, ask, err);
	if (pem->type == CS_PEM_PUBKEY)
		return cs_key_parse_public(pem, err);
	*is = 0;
	return NULL;
}

/* The first key of the input, as its public part. */
struct certstore_entry *
certstore_key_read(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *ask, struct certstore_error *err)
{
	struct cs_pems pems = { 0 };
	struct certstore_entry *entry = NULL;
	EVP_PKEY *pkey = NULL;
	size_t i;
	int is = 0;

	cs_error_clear(err);
	if (cs_crypto_check(err) == -1 ||
	    cs_pem_read(label, data, len, ask, &pems, err) == -1)
		goto out;
	for (i = 0; i < pems.n && !is; i++)
		pkey = blockkey(&pems.v[i], ask, &is, err);
	if (!is)
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no key in it: use a file that holds one",
		    label);
	if (pkey == NULL)
		goto out;
	if ((entry = calloc(1, sizeof(*entry))) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	if (setkeyentry(entry, pkey, err) == -1) {
		certstore_entry_free(entry);
		entry = NULL;
	}
out:
	EVP_PKEY_free(pkey);
	cs_item_free(&pems);
	return entry;
}
