/*
 * uses.c: the trust settings that OpenSSL writes behind a certificate in BEGIN
 * TRUSTED CERTIFICATE (openssl x509 -addtrust, -addreject).  They count for a
 * trust anchor only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/err.h>

#include "x509/private.h"

static const struct {
	int nid;
	unsigned int use;
	const char *word;
} known[] = {
	{ NID_server_auth, CS_USE_SERVER, "serverAuth" },
	{ NID_client_auth, CS_USE_CLIENT, "clientAuth" },
	{ NID_email_protect, CS_USE_MAIL, "emailProtection" },
	{ NID_anyExtendedKeyUsage, CS_USE_ANY, "anyExtendedKeyUsage" },
};
#define NKNOWN (sizeof(known) / sizeof(known[0]))

static unsigned int
usesin(const STACK_OF(ASN1_OBJECT) *objects)
{
	unsigned int uses = 0;
	int i, nid;
	size_t j;

	for (i = 0; i < sk_ASN1_OBJECT_num(objects); i++) {
		nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(objects, i));
		for (j = 0; j < NKNOWN; j++)
			if (known[j].nid == nid)
				uses |= known[j].use;
	}
	return uses;
}

/* An empty list of trusted uses trusts none. */
static void
takesettings(struct cs_uses *uses, X509 *x509)
{
	const STACK_OF(ASN1_OBJECT) *trusts = X509_get0_trust_objects(x509);

	uses->limited = trusts != NULL;
	uses->trusts = usesin(trusts);
	uses->rejects = usesin(X509_get0_reject_objects(x509));
}

int
cs_uses_read(const struct cs_pem *pem, struct cs_uses *uses)
{
	const unsigned char *p;
	unsigned char *both;
	X509 *x509 = NULL;
	size_t len;

	memset(uses, 0, sizeof(*uses));
	if (pem->aux == NULL)
		return 0;
	len = pem->derlen + pem->auxlen;
	if ((both = malloc(len)) == NULL)
		return -1;
	memcpy(both, pem->der, pem->derlen);
	memcpy(both + pem->derlen, pem->aux, pem->auxlen);
	p = both;
	ERR_clear_error();
	x509 = d2i_X509_AUX(NULL, &p, (long)len);
	if (x509 != NULL && p == both + len)
		takesettings(uses, x509);
	else
		uses->damaged = 1;
	ERR_clear_error();
	X509_free(x509);
	free(both);
	return 1;
}

/* Merges two settings to the stricter. */
void
cs_uses_merge(struct cs_uses *to, const struct cs_uses *from)
{
	if (from->limited)
		to->trusts = to->limited ? to->trusts & from->trusts :
					   from->trusts;
	to->limited |= from->limited;
	to->rejects |= from->rejects;
	to->damaged |= from->damaged;
}

/* Does it refuse one of the uses wanted (0: anyExtendedKeyUsage), as
 * X509_check_trust(3) would?  1 and why, or 0. */
int
cs_uses_forbid(const struct cs_uses *uses, unsigned int wanted, char *why,
    size_t size)
{
	unsigned int any;
	size_t i;

	why[0] = '\0';
	if (uses->damaged) {
		strlcpy(why, "its trust settings are damaged", size);
		return 1;
	}
	if (wanted == 0)
		wanted = CS_USE_ANY;
	for (i = 0; i < NKNOWN && why[0] == '\0'; i++) {
		if ((wanted & known[i].use) == 0)
			continue;
		any = uses->rejects & CS_USE_ANY;
		if ((uses->rejects & known[i].use) != 0 || any != 0)
			snprintf(why, size, "its trust settings reject %s",
			    any != 0 ? "anyExtendedKeyUsage" : known[i].word);
		else if (uses->limited &&
		    (uses->trusts & (known[i].use | CS_USE_ANY)) == 0)
			snprintf(why, size, "its trust settings lack %s",
			    known[i].word);
	}
	return why[0] != '\0';
}
