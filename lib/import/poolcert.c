/*
 * poolcert.c: one certificate of the input, and its key.
 */
#include <stdio.h>
#include <string.h>

#include "import/private.h"

int
cs_poolcert_haskey(const struct cs_pool_cert *cert, const char *spki)
{
	return spki != NULL &&
	    (strcmp(spki, cert->spki) == 0 || strcmp(spki, cert->match) == 0);
}

const char *
cs_poolcert_name(const struct cs_pool_cert *cert, char *buf, size_t size)
{
	struct cs_buf subject = { 0 };
	char where[CS_WHERE_LEN];

	cs_item_where(cert->pem, where, sizeof(where));
	if (cs_cert_name_text(X509_get_subject_name(cert->x509), &subject) ==
		-1 ||
	    subject.len == 0)
		snprintf(buf, size, "%s: certificate", where);
	else
		snprintf(buf, size, "%s: certificate \"%.*s%s\"", where,
		    cs_escape_fit(subject.p, CS_SUBJECT_LEN), subject.p,
		    subject.len > CS_SUBJECT_LEN ? "..." : "");
	cs_buf_free(&subject);
	return buf;
}

/*
 * Frees an end-entity whose entry is planned: half of the memory for ten
 * thousand.  Keys that were encrypted stay, since decrypting would ask again.
 */
void
cs_poolcert_release(struct cs_pool_cert *cert)
{
	if (cert->ca)
		return;
	X509_free(cert->x509);
	cert->x509 = NULL;
	if (cert->key == NULL || cert->key->pem->type != CS_PEM_KEY)
		return;
	EVP_PKEY_free(cert->key->pkey);
	cert->key->pkey = NULL;
}

int
cs_poolcert_hold(struct cs_pool_cert *cert, struct certstore_error *err)
{
	const struct cs_pem *pem = cert->pem;
	struct cs_pool_key *key = cert->key;
	char where[CS_WHERE_LEN];

	if (cert->x509 == NULL)
		cert->x509 = cs_cert_parse(cs_item_where(pem, where,
					       sizeof(where)),
		    pem->der, pem->derlen, err);
	if (key != NULL && key->pkey == NULL)
		key->pkey = cs_key_parse(key->pem, NULL, err);
	return cert->x509 == NULL || (key != NULL && key->pkey == NULL) ? -1 :
									  0;
}
