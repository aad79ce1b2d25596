/*
 * revocation.c: is a certificate revoked by a CA of the store?  Without one that
 * ever revoked something, nothing is computed.
 */
#include <errno.h>
#include <string.h>

#include "x509/private.h"

/* The serial number as a file name; -1: negative, or too long. */
static int
composeserial(const X509 *x509, char out[CS_SERIAL_LEN])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);
	char hex[2 * CS_SERIAL_LEN];

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER || len < 1 ||
	    len >= CS_SERIAL_LEN / 2)
		return -1;
	cs_hex(hex, p, (size_t)len);
	return cs_issued_serial(out, hex);
}

/* 1, 0, -1 and errno.  What is damaged in revoked/ is held to be revoked, at any
 * time. */
int
cs_revocation_find(const struct certstore *store, const X509 *x509,
    const X509 *issuer, struct cs_revocation *r)
{
	char serial[CS_SERIAL_LEN], spki[CS_HASH_LEN];
	int rv;

	memset(r, 0, sizeof(*r));
	if (store == NULL || !cs_revoked_isused(store) ||
	    composeserial(x509, serial) == -1)
		return 0;
	if (cs_cert_spki(X509_get_X509_PUBKEY(issuer), spki) == -1) {
		errno = ENOMEM;
		return -1;
	}
	rv = cs_revoked_find(store, spki, serial, r);
	return rv == -1 && errno == EBADMSG ? 1 : rv;
}
