/*
 * asn1.c: ASN.1 strings and names of certificates, as text and from text.
 */
#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>

#include "x509/private.h"

/* A copy for free(); NULL if there is a NUL in it, or no memory. */
char *
cs_asn1_text(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);

	return memchr(p, '\0', len) != NULL ? NULL : strndup(p, len);
}

/* In quotes and escaped for a message; what is too long is cut. */
const char *
cs_asn1_quote(const ASN1_STRING *s, char out[CS_QUOTE_LEN])
{
	size_t n;

	out[0] = '"';
	n = certstore_escape(out + 1, CS_QUOTE_LEN - 2,
	    (const char *)ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s));
	if (n > CS_QUOTE_LEN - 3)
		n = strlen(out + 1);
	memcpy(out + 1 + n, "\"", 2);
	return out;
}

/* The octets of an iPAddress (RFC 5280 section 4.2.1.6): 1, or 0 and "" if
 * they are neither 4 nor 16. */
int
cs_asn1_ip(const ASN1_STRING *s, char out[INET6_ADDRSTRLEN])
{
	int len = ASN1_STRING_length(s);

	out[0] = '\0';
	return (len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(s),
		out, INET6_ADDRSTRLEN) != NULL;
}

/* The last attribute of a kind as UTF-8, for OPENSSL_free(): its length, or
 * 0 or less if there is none or it is no text. */
int
cs_asn1_last(const X509_NAME *name, int nid, unsigned char **text)
{
	int at = -1, next;

	*text = NULL;
	while ((next = X509_NAME_get_index_by_NID(name, nid, at)) >= 0)
		at = next;
	if (at < 0)
		return 0;
	return ASN1_STRING_to_UTF8(text,
	    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

static const int gentypes[CS_SAN_OTHER] = { [CS_SAN_DNS] = GEN_DNS,
	[CS_SAN_IP] = GEN_IPADD,
	[CS_SAN_EMAIL] = GEN_EMAIL,
	[CS_SAN_URI] = GEN_URI };

/* CS_SAN_DNS of GEN_DNS and so on, else CS_SAN_OTHER. */
enum cs_san_type
cs_asn1_santype(int type)
{
	int t;

	for (t = 0; t < CS_SAN_OTHER && gentypes[t] != type; t++)
		;
	return (enum cs_san_type)t;
}

/* A name of these octets, or NULL without memory. */
GENERAL_NAME *
cs_asn1_name(enum cs_san_type type, const void *p, size_t len)
{
	GENERAL_NAME *name = NULL;
	ASN1_STRING *s;

	s = ASN1_STRING_type_new(
	    type == CS_SAN_IP ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
	if (s == NULL || ASN1_STRING_set(s, p, (int)len) != 1 ||
	    (name = GENERAL_NAME_new()) == NULL) {
		ASN1_STRING_free(s);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, gentypes[type], s);
	return name;
}
