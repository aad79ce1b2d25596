/*
 * strength.c: how strong keys and signatures are, in bits of security.
 */
#include <stdio.h>
#include <string.h>

#include "x509/private.h"

int
cs_strength_isweak(EVP_PKEY *pkey)
{
	return pkey != NULL &&
	    EVP_PKEY_get_security_bits(pkey) < CS_SECURITY_MIN;
}

int
cs_strength_signature(X509 *x509, const char **digest)
{
	int bits, md;

	if (X509_get_signature_info(x509, &md, NULL, &bits, NULL) != 1)
		return -1;
	*digest = md == NID_undef ? "unknown" : OBJ_nid2sn(md);
	return bits;
}

/* Why security level 2 refuses it: 1 and the text, or 0.  The signature of a
 * self-signed certificate does not matter. */
int
cs_strength_text(X509 *x509, char *text, size_t size)
{
	EVP_PKEY *pkey = X509_get0_pubkey(x509);
	const char *digest;
	char name[80];
	int bits;

	if (cs_strength_isweak(pkey)) {
		cs_key_name(pkey, name, sizeof(name));
		snprintf(text, size, "weak key (%s)", name);
		return 1;
	}
	bits = cs_strength_signature(x509, &digest);
	if (bits == -1 || bits >= CS_SECURITY_MIN ||
	    cs_cert_is_self_signed(x509))
		return 0;
	snprintf(text, size, "weak signature (%s)", digest);
	return 1;
}

/*
 * Do TLS peers take the key of an end-entity with the groups and signature
 * algorithms that they have by default (RFC 8446 section 4.2.3)?  Measured with
 * OpenSSL 3.0: other curves and DSA fail each handshake, as server and as
 * client.  A CA may have such a key.
 */
int
cs_strength_istls(EVP_PKEY *pkey)
{
	static const char *const kinds[] = { "RSA", "RSA-PSS", "ED25519",
		"ED448" };
	static const char *const curves[] = { "p256", "p384", "p521" };
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_is_a(pkey, kinds[i]))
			return 1;
	cs_key_name(pkey, name, sizeof(name));
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(name, curves[i]) == 0)
			return 1;
	return 0;
}
