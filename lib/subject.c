/*
 * subject.c: the attributes of a distinguished name, from `attr=value` as
 * typed to X509_NAME.  Types and upper bounds are those of RFC 5280, appendix
 * A, and of X.520 where that is silent.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "crypto.h"

enum syntax {
	TEXT, /* UTF8String */
	PRINTABLE,
	IA5,
	COUNTRY /* ISO 3166, two letters */
};

static const struct attr {
	int nid;
	enum syntax syntax;
	size_t max; /* characters */
} attrs[] = { { NID_commonName, TEXT, 64 }, { NID_organizationName, TEXT, 64 },
	{ NID_organizationalUnitName, TEXT, 64 },
	{ NID_countryName, COUNTRY, 2 }, { NID_stateOrProvinceName, TEXT, 128 },
	{ NID_localityName, TEXT, 128 }, { NID_streetAddress, TEXT, 128 },
	{ NID_postalCode, TEXT, 40 }, { NID_postOfficeBox, TEXT, 40 },
	{ NID_pkcs9_emailAddress, IA5, 255 },
	{ NID_serialNumber, PRINTABLE, 64 }, { NID_domainComponent, IA5, 63 },
	{ NID_userId, TEXT, 256 }, { NID_surname, TEXT, 32768 },
	{ NID_givenName, TEXT, 32768 }, { NID_initials, TEXT, 32768 },
	{ NID_generationQualifier, TEXT, 32768 }, { NID_name, TEXT, 32768 },
	{ NID_pseudonym, TEXT, 128 }, { NID_title, TEXT, 64 },
	{ NID_dnQualifier, PRINTABLE, 64 }, { NID_description, TEXT, 1024 },
	{ NID_telephoneNumber, PRINTABLE, 32 },
	{ NID_businessCategory, TEXT, 128 },
	{ NID_organizationIdentifier, TEXT, 256 },
	{ NID_jurisdictionCountryName, COUNTRY, 2 },
	{ NID_jurisdictionStateOrProvinceName, TEXT, 128 },
	{ NID_jurisdictionLocalityName, TEXT, 128 } };

/* By short name, long name or dotted OID; RFC 4512: case does not matter. */
static const struct attr *
find(const char *name)
{
	size_t i;
	int nid;

	nid = OBJ_txt2nid(name);
	ERR_clear_error();
	for (i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (attrs[i].nid == nid ||
		    strcasecmp(OBJ_nid2sn(attrs[i].nid), name) == 0 ||
		    strcasecmp(OBJ_nid2ln(attrs[i].nid), name) == 0)
			return &attrs[i];
	return NULL;
}

/* Characters in value; -1 if it is not UTF-8, -2 if one is a control. */
static long
length(const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t left = strlen(value);
	unsigned long c;
	long n = 0;
	int used;

	while (left > 0) {
		used = UTF8_getc(p, left > 6 ? 6 : (int)left, &c);
		if (used <= 0 || c > 0x10ffff)
			return -1;
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			return -2;
		p += used;
		left -= (size_t)used;
		n++;
	}
	return n;
}

static int
isprintablestring(const char *s)
{
	return s[strspn(s,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "abcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")] == '\0';
}

static int
isascii7(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return 0;
	return 1;
}

static int
isalphabetic(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int
check(const struct attr *a, const char *value, struct certstore_error *err)
{
	const char *sn = OBJ_nid2sn(a->nid);
	long n;

	if ((n = length(value)) == -1)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: the value is not valid UTF-8", sn);
	if (n == -2)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: a control character in the value: leave it out", sn);
	if (a->syntax == COUNTRY) {
		if (n != 2 || !isalphabetic(value[0]) ||
		    !isalphabetic(value[1]))
			return cs_fail(err, CERTSTORE_EARGUMENT,
			    "%s: a country is two letters of ISO 3166, "
			    "as in %s=FR",
			    sn, sn);
		return 0;
	}
	if ((size_t)n > a->max)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: %ld characters, X.520 allows %zu: shorten it", sn, n,
		    a->max);
	if (a->syntax == PRINTABLE && !isprintablestring(value))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: only letters, digits, space and '()+,-./:=? are "
		    "allowed here (PrintableString)",
		    sn);
	if (a->syntax == IA5 && !isascii7(value))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: only ASCII is allowed here (IA5String)", sn);
	if (a->nid == NID_pkcs9_emailAddress && strchr(value, '@') == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: not a mail address: say user@host", sn);
	return 0;
}

/*
 * The value may hold commas and `='; an empty one is kept, since it says that
 * the attribute is to be left out.  Both results are malloc'ed.
 */
int
cs_subject_parse(const char *text, char **attr, char **value,
    struct certstore_error *err)
{
	const struct attr *a;
	const char *eq;
	char name[64], shown[80];
	size_t len;

	*attr = *value = NULL;
	eq = strchr(text, '=');
	len = eq == NULL ? strlen(text) : (size_t)(eq - text);
	certstore_escape(shown, sizeof(shown), text, len);
	if (eq == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "\"%s\": not a subject attribute: say attr=value, as in "
		    "O=Example",
		    shown);
	a = NULL;
	if (len > 0 && len < sizeof(name)) {
		memcpy(name, text, len);
		name[len] = '\0';
		a = find(name);
	}
	if (a == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "\"%s\": unknown subject attribute: say CN, O, OU, L, ST, C, "
		    "emailAddress or another name X.520 knows",
		    shown);
	if (eq[1] != '\0' && check(a, eq + 1, err) == -1)
		return -1;
	*attr = strdup(OBJ_nid2sn(a->nid));
	*value = strdup(eq + 1);
	if (*attr == NULL || *value == NULL) {
		free(*attr);
		free(*value);
		*attr = *value = NULL;
		return cs_fail_nomem(err);
	}
	return 0;
}

static int
add(X509_NAME *name, const char *attr, const char *value,
    struct certstore_error *err)
{
	static const int types[] = { [TEXT] = V_ASN1_UTF8STRING,
		[PRINTABLE] = V_ASN1_PRINTABLESTRING,
		[IA5] = V_ASN1_IA5STRING,
		[COUNTRY] = V_ASN1_PRINTABLESTRING };
	const struct attr *a;
	unsigned char country[3];
	const unsigned char *p;
	int i;

	if ((a = find(attr)) == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: unknown subject attribute", attr);
	if (check(a, value, err) == -1)
		return -1;
	p = (const unsigned char *)value;
	if (a->syntax == COUNTRY) {
		for (i = 0; i < 2; i++)
			country[i] = (unsigned char)value[i] &
			    0xdf; /* upper case */
		country[2] = '\0';
		p = country;
	}
	if (X509_NAME_add_entry_by_NID(name, a->nid, types[a->syntax], p, -1,
		-1, 0) != 1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO, "%s", attr);
	return 0;
}

/* The attributes in their order, then cn (may be NULL) if none was given. */
int
cs_subject_build(X509_NAME *name, const struct certstore_template *t,
    const char *cn, struct certstore_error *err)
{
	size_t i;
	int given = 0;

	for (i = 0; i < t->nsubject; i++) {
		if (strcmp(t->subject[i].attr, "CN") == 0)
			given = 1;
		if (t->subject[i].value[0] != '\0' &&
		    add(name, t->subject[i].attr, t->subject[i].value, err) ==
			-1)
			return -1;
	}
	if (given || cn == NULL)
		return 0;
	return add(name, "CN", cn, err);
}
