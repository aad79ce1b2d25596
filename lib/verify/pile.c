/*
 * pile.c: many certificates, of which few are needed: a bundle of roots, what
 * somebody sent.  Most of what it takes to decode one is its key, so that is
 * left until the certificate is asked for.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "verify/verify.h"

#define WHOLE_MAX 4 /* for fewer the context costs more than it saves */

/* A context in which no key is known. */
static int
setup(struct cs_pile *pile)
{
	if (pile->ctx != NULL)
		return 0;
	if ((pile->ctx = OSSL_LIB_CTX_new()) == NULL ||
	    (pile->null = OSSL_PROVIDER_load(pile->ctx, "null")) == NULL)
		return -1;
	return 0;
}

/* NULL also if it can't be decoded. */
static X509 *
shallow(struct cs_pile *pile, const struct cs_pem *pem)
{
	const unsigned char *p = pem->der;
	X509 *x509;

	if (setup(pile) == -1 || (x509 = X509_new_ex(pile->ctx, NULL)) == NULL)
		return NULL;
	/* It frees what it was given when it fails. */
	if (d2i_X509(&x509, &p, (long)pem->derlen) == NULL)
		return NULL;
	if (p == pem->der + pem->derlen)
		return x509;
	X509_free(x509);
	return NULL;
}

static int
grow(struct cs_pile *pile)
{
	struct cs_piled *v;
	size_t size = pile->size == 0 ? 16 : pile->size * 2;

	if (pile->n < pile->size)
		return 0;
	if ((v = reallocarray(pile->v, size, sizeof(*v))) == NULL)
		return -1;
	pile->v = v;
	pile->size = size;
	return 0;
}

/* The whole of it, perhaps one that was seen before. */
static X509 *
whole(struct cs_pile *pile, const struct cs_pem *pem,
    struct certstore_error *err)
{
	char where[512];
	X509 *x509;

	x509 = cs_cert_decode(cs_item_where(pem, where, sizeof(where)),
	    pem->der, pem->derlen, err);
	if (x509 != NULL && pile->n > 0 && pile->seen != NULL)
		cs_seen_add(pile->seen, pem->der, pem->derlen, x509);
	return x509;
}

static X509 *
seen(struct cs_pile *pile, const struct cs_pem *pem)
{
	X509 *x509 = NULL;

	if (pile->n > 0 && pile->seen != NULL)
		x509 = cs_seen_find(pile->seen, pem->der, pem->derlen);
	return x509 != NULL && X509_up_ref(x509) == 1 ? x509 : NULL;
}

int
cs_pile_add(struct cs_pile *pile, const struct cs_pem *pem,
    struct certstore_error *err)
{
	struct cs_piled *piled;

	if (grow(pile) == -1)
		return cs_fail_nomem(err);
	piled = &pile->v[pile->n];
	memset(piled, 0, sizeof(*piled));
	if ((piled->hasuses = cs_uses_read(pem, &piled->uses)) == -1)
		return cs_fail_nomem(err);
	piled->x509 = seen(pile, pem);
	piled->whole = piled->x509 != NULL;
	if (!piled->whole && pile->n >= WHOLE_MAX)
		piled->x509 = shallow(pile, pem);
	ERR_clear_error();
	if (piled->x509 == NULL) {
		piled->x509 = whole(pile, pem, err);
		piled->whole = 1;
	}
	if (piled->x509 == NULL)
		return -1;
	pile->n++;
	pile->nuses += (size_t)piled->hasuses;
	return 0;
}

/* All behind the first n. */
void
cs_pile_drop(struct cs_pile *pile, size_t n)
{
	while (pile->n > n) {
		X509_free(pile->v[--pile->n].x509);
		pile->nuses -= (size_t)pile->v[pile->n].hasuses;
	}
}

/* All certificates of a text, or none. */
int
cs_pile_read(struct cs_pile *pile, const char *label, const void *data,
    size_t len, const struct certstore_passphrase *ask,
    struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	size_t before = pile->n, i;
	int rv;

	rv = cs_pem_read(label, data, len, ask, &pems, err);
	for (i = 0; i < pems.n && rv == 0; i++)
		if (pems.v[i].type == CS_PEM_CERT)
			rv = cs_pile_add(pile, &pems.v[i], err);
	if (rv == -1)
		cs_pile_drop(pile, before);
	cs_item_free(&pems);
	return rv;
}

const X509_NAME *
cs_pile_subject(const struct cs_pile *pile, size_t i)
{
	return X509_get_subject_name(pile->v[i].x509);
}

X509 *
cs_pile_get(struct cs_pile *pile, size_t i, struct certstore_error *err)
{
	struct cs_piled *piled = &pile->v[i];
	unsigned char *der = NULL;
	X509 *whole = NULL;
	int len;

	if (piled->whole)
		return piled->x509;
	ERR_clear_error();
	if ((len = i2d_X509(piled->x509, &der)) > 0)
		whole = cs_cert_decode("pile", der, (size_t)len, err);
	else
		cs_fail_crypto(err, CERTSTORE_ECRYPTO, "pile");
	OPENSSL_free(der);
	if (whole == NULL)
		return NULL;
	X509_free(piled->x509);
	piled->x509 = whole;
	piled->whole = 1;
	return whole;
}

void
cs_pile_free(struct cs_pile *pile)
{
	cs_pile_drop(pile, 0);
	free(pile->v);
	if (pile->null != NULL)
		OSSL_PROVIDER_unload(pile->null);
	OSSL_LIB_CTX_free(pile->ctx);
	pile->v = NULL;
	pile->ctx = NULL;
	pile->null = NULL;
	pile->size = 0;
}
