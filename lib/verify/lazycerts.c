/*
 * lazycerts.c: certificates whose public keys are decoded on demand, since that
 * is most of the work: of a bundle of roots few are needed.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "verify/private.h"

#define WHOLE_MAX 4 /* below that the context costs more than it saves */

/*
 * A library context without providers: X509 objects of it do not decode keys.
 */
static int
setupnullctx(struct cs_lazycerts *certs)
{
	if (certs->ctx != NULL)
		return 0;
	if ((certs->ctx = OSSL_LIB_CTX_new()) == NULL ||
	    (certs->null = OSSL_PROVIDER_load(certs->ctx, "null")) == NULL)
		return -1;
	return 0;
}

/*
 * Decodes all but the key; NULL without memory and for what cannot be decoded.
 */
static X509 *
decodeshallow(struct cs_lazycerts *certs, const struct cs_pem *pem)
{
	const unsigned char *p = pem->der;
	X509 *x509;

	if (setupnullctx(certs) == -1 ||
	    (x509 = X509_new_ex(certs->ctx, NULL)) == NULL)
		return NULL;
	/* d2i frees x509 when it fails */
	return d2i_X509(&x509, &p, (long)pem->derlen) == NULL ? NULL : x509;
}

/* Decodes all of it, and adds it to the cache unless it is the first. */
static X509 *
decodewhole(struct cs_lazycerts *certs, const struct cs_pem *pem,
    struct certstore_error *err)
{
	char where[512];
	X509 *x509;

	x509 = cs_cert_decode(cs_item_where(pem, where, sizeof(where)),
	    pem->der, pem->derlen, err);
	if (x509 != NULL && certs->n > 0 && certs->cache != NULL)
		cs_cache_add(certs->cache, pem->der, pem->derlen, x509);
	return x509;
}

static X509 *
findcached(struct cs_lazycerts *certs, const struct cs_pem *pem)
{
	X509 *x509 = NULL;

	if (certs->n > 0 && certs->cache != NULL)
		x509 = cs_cache_find(certs->cache, pem->der, pem->derlen);
	return x509 != NULL && X509_up_ref(x509) == 1 ? x509 : NULL;
}

static int
addlazycert(struct cs_lazycerts *certs, const struct cs_pem *pem,
    struct certstore_error *err)
{
	struct cs_lazycert *cert;

	cert = cs_array_extend(certs->v, certs->n, &certs->size, sizeof(*cert));
	if (cert == NULL)
		return cs_fail_nomem(err);
	certs->v = cert;
	cert += certs->n;
	memset(cert, 0, sizeof(*cert));
	if ((cert->hasuses = cs_uses_read(pem, &cert->uses)) == -1)
		return cs_fail_nomem(err);
	cert->x509 = findcached(certs, pem);
	cert->whole = cert->x509 != NULL;
	if (!cert->whole && certs->n >= WHOLE_MAX)
		cert->x509 = decodeshallow(certs, pem);
	ERR_clear_error();
	if (cert->x509 == NULL) {
		cert->x509 = decodewhole(certs, pem, err);
		cert->whole = 1;
	}
	if (cert->x509 == NULL)
		return -1;
	certs->n++;
	certs->nuses += (size_t)cert->hasuses;
	return 0;
}

/* Drops all behind the first n. */
void
cs_lazycerts_drop(struct cs_lazycerts *certs, size_t n)
{
	while (certs->n > n) {
		X509_free(certs->v[--certs->n].x509);
		certs->nuses -= (size_t)certs->v[certs->n].hasuses;
	}
}

/* Adds all certificates of a text, or none. */
int
cs_lazycerts_read(struct cs_lazycerts *certs, const char *label,
    const void *data, size_t len, const struct certstore_passphrase *ask,
    struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	size_t before = certs->n, i;
	int rv;

	rv = cs_pem_read(label, data, len, ask, &pems, err);
	for (i = 0; i < pems.n && rv == 0; i++)
		if (pems.v[i].type == CS_PEM_CERT)
			rv = addlazycert(certs, &pems.v[i], err);
	if (rv == -1)
		cs_lazycerts_drop(certs, before);
	cs_item_free(&pems);
	return rv;
}

const X509_NAME *
cs_lazycerts_subject(const struct cs_lazycerts *certs, size_t i)
{
	return X509_get_subject_name(certs->v[i].x509);
}

X509 *
cs_lazycerts_get(struct cs_lazycerts *certs, size_t i,
    struct certstore_error *err)
{
	struct cs_lazycert *cert = &certs->v[i];
	unsigned char *der = NULL;
	X509 *x509 = NULL;
	int len;

	if (cert->whole)
		return cert->x509;
	ERR_clear_error();
	if ((len = i2d_X509(cert->x509, &der)) > 0)
		x509 = cs_cert_decode("certificate", der, (size_t)len, err);
	else
		cs_fail_crypto(err, CERTSTORE_ECRYPTO, "certificate");
	OPENSSL_free(der);
	if (x509 == NULL)
		return NULL;
	X509_free(cert->x509);
	cert->x509 = x509;
	cert->whole = 1;
	return x509;
}

void
cs_lazycerts_free(struct cs_lazycerts *certs)
{
	cs_lazycerts_drop(certs, 0);
	free(certs->v);
	if (certs->null != NULL)
		OSSL_PROVIDER_unload(certs->null);
	OSSL_LIB_CTX_free(certs->ctx);
	certs->v = NULL;
	certs->ctx = NULL;
	certs->null = NULL;
	certs->size = 0;
}
