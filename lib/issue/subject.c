/*
 * subject.c: attributes of a distinguished name, typed as attr=value.  Their
 * types and upper bounds are those of RFC 5280 appendix A, or of X.520.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "issue/private.h"

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
findattr(const char *name)
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
countchars(const char *value)
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
isalphabetic(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int
checkvalue(const struct attr *a, const char *value, struct certstore_error *err)
{
	const char *sn = OBJ_nid2sn(a->nid);
	long n;

	if ((n = countchars(value)) == -1)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: the value is not valid UTF-8", sn);
	if (n == -2)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: a control character in the value: remove it", sn);
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
	if (a->syntax == IA5 && !cs_name_isascii(value))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: only ASCII is allowed here (IA5String)", sn);
	if (a->nid == NID_pkcs9_emailAddress && strchr(value, '@') == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: not a mail address: use user@host", sn);
	return 0;
}

static void
trimblanks(const char **text, size_t *len)
{
	for (; *len > 0 && **text == ' '; ++*text)
		--*len;
	while (*len > 0 && (*text)[*len - 1] == ' ')
		--*len;
}

/* The attribute with this name of len bytes, without blanks around it. */
static const struct attr *
findpart(const char *text, size_t len)
{
	char name[64];

	trimblanks(&text, &len);
	if (len == 0 || len >= sizeof(name))
		return NULL;
	memcpy(name, text, len);
	name[len] = '\0';
	return findattr(name);
}

/* The separator before a further attribute, as in "CN=a,O=b" (RFC 4514),
 * "CN=a+O=b" or "/CN=a/O=b" (openssl), or NULL. */
static const char *
furtherattr(const char *text)
{
	const char *end;

	for (;;) {
		if ((text += strcspn(text, ",;+/")), *text == '\0')
			return NULL;
		end = text + 1 + strcspn(text + 1, ",;+/=");
		if (*end == '=' &&
		    findpart(text + 1, (size_t)(end - text - 1)) != NULL)
			return text;
		text++;
	}
}

/* " -S ATTR=value", quoted for a shell if need be: 0, or -1 if it cannot. */
static int
addoption(struct cs_buf *b, const char *p, size_t len)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789"
				    "=,.:/@+_-";
	const char *quote = "", *value = memchr(p, '=', len);
	size_t attrlen, i;

	for (i = 0; i < len; i++)
		if (p[i] < ' ' || p[i] >= 0x7f || p[i] == '\'')
			return -1;
	if (value == NULL)
		return -1;
	attrlen = (size_t)(value++ - p);
	len -= attrlen + 1;
	trimblanks(&p, &attrlen);
	trimblanks(&value, &len);
	for (i = 0; i < len; i++)
		if (strchr(plain, value[i]) == NULL)
			quote = "'";
	return cs_buf_printf(b, " -S %s%.*s=%.*s%s", quote, (int)attrlen, p,
	    (int)len, value, quote);
}

/*
 * Refuses several attributes in one argument; the message has each with its -S.
 */
static int
refusemany(const char *text, struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };
	const char *next, *p;
	char q[CS_QUOTE_LEN];
	int bad = 0;

	for (p = text + (*text == '/'); p != NULL;
	     p = next == NULL ? NULL : next + 1) {
		next = furtherattr(p);
		bad |= addoption(&b, p,
		    next == NULL ? strlen(p) : (size_t)(next - p));
	}
	if (bad != 0 || b.len > 200)
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not one attribute: use -S for each",
		    cs_escape_quote(q, text));
	else
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is not one attribute: use%s", cs_escape_quote(q, text),
		    b.p);
	cs_buf_free(&b);
	return -1;
}

/*
 * Refuses quotes, backslashes and blanks that other tools want around a value.
 */
static int
checkquoting(const char *text, const char *value, struct certstore_error *err)
{
	size_t len = strlen(value);
	char q[CS_QUOTE_LEN];
	const char *flaw = NULL, *p;

	if (len > 0 && (value[0] == ' ' || value[len - 1] == ' '))
		flaw = "the value begins or ends with a blank: remove the "
		       "blank";
	if (len > 1 && value[0] == '"' && value[len - 1] == '"')
		flaw = "the value is used as it is: remove its quotes";
	for (p = strchr(value, '\\'); p != NULL; p = strchr(p + 2, '\\')) {
		if (p[1] == '\0' || strchr(",;+\"\\<>=# ", p[1]) != NULL)
			flaw = "the value is used as it is: remove the "
			       "backslash";
		if (p[1] == '\0')
			break;
	}
	return flaw == NULL ? 0 :
			      cs_fail(err, CERTSTORE_EARGUMENT, "%s: %s",
				  cs_escape_quote(q, text), flaw);
}

/* The name of the attribute is not copied, but OBJ_nid2sn()'s; -1: no memory. */
static int
appendattr(struct certstore_template *t, const char *attr, const char *value)
{
	struct cs_attr *v;

	v = cs_array_extend(t->subject, t->nsubject, &t->subjectsize,
	    sizeof(*v));
	if (v == NULL)
		return -1;
	t->subject = v;
	v += t->nsubject;
	v->attr = attr;
	if ((v->value = strdup(value)) == NULL)
		return -1;
	t->nsubject++;
	return 0;
}

/* Adds attr=value.  The value may hold commas and `='; an empty one is kept and
 * means that the attribute is left out. */
int
cs_subject_add(struct certstore_template *t, const char *text,
    struct certstore_error *err)
{
	const struct attr *a;
	const char *eq;
	char shown[80];
	size_t len;

	eq = strchr(text, '=');
	len = eq == NULL ? strlen(text) : (size_t)(eq - text);
	certstore_escape(shown, sizeof(shown), text, len);
	if (eq == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "\"%s\": not a subject attribute: use attr=value, as in "
		    "O=Example",
		    shown);
	if (text[0] == '/' && findpart(text + 1, len - 1) != NULL)
		return refusemany(text, err);
	if ((a = findpart(text, len)) == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "\"%s\": unknown subject attribute: use CN, O, OU, L, ST, C, "
		    "emailAddress or another name X.520 knows",
		    shown);
	if (furtherattr(eq + 1) != NULL)
		return refusemany(text, err);
	if (text[0] == ' ' || eq[-1] == ' ')
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "\"%s\": a blank beside an attribute's name: use %s=, "
		    "without blanks",
		    shown, OBJ_nid2sn(a->nid));
	if (checkquoting(text, eq + 1, err) == -1)
		return -1;
	if (eq[1] != '\0' && checkvalue(a, eq + 1, err) == -1)
		return -1;
	if (appendattr(t, OBJ_nid2sn(a->nid), eq + 1) == -1)
		return cs_fail_nomem(err);
	return 0;
}

/* Adds an attribute that cs_subject_add() checked, or a default common name. */
static int
addattr(X509_NAME *name, const char *attr, const char *value,
    struct certstore_error *err)
{
	static const int types[] = { [TEXT] = V_ASN1_UTF8STRING,
		[PRINTABLE] = V_ASN1_PRINTABLESTRING,
		[IA5] = V_ASN1_IA5STRING,
		[COUNTRY] = V_ASN1_PRINTABLESTRING };
	const struct attr *a = findattr(attr);
	unsigned char country[3];
	const unsigned char *p;
	int i;

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

/* Adds the attributes of a template, then cn (or NULL) if it has no CN. */
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
		    addattr(name, t->subject[i].attr, t->subject[i].value,
			err) == -1)
			return -1;
	}
	if (given || cn == NULL)
		return 0;
	return addattr(name, "CN", cn, err);
}

/*
 * The value in UTF-8, malloc'ed; NULL for what cs_subject_add() would refuse, and
 * why.
 */
static char *
textofattr(const struct attr *a, const X509_NAME_ENTRY *ne,
    struct certstore_error *why)
{
	unsigned char *utf8 = NULL;
	char *value = NULL;
	int len;

	len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(ne));
	if (len <= 0 || memchr(utf8, '\0', (size_t)len) != NULL)
		cs_fail(why, CERTSTORE_EARGUMENT, "%s: the value is no text",
		    OBJ_nid2sn(a->nid));
	else if ((value = strndup((char *)utf8, (size_t)len)) == NULL)
		cs_fail_nomem(why);
	OPENSSL_free(utf8);
	ERR_clear_error();
	if (value != NULL && checkvalue(a, value, why) == -1) {
		free(value);
		value = NULL;
	}
	return value;
}

/* Has the name the values of the template for this attribute, and no others? */
static int
hasvalues(const X509_NAME *name, const struct attr *a,
    const struct certstore_template *t)
{
	const char *sn = OBJ_nid2sn(a->nid);
	struct certstore_error ignored;
	char *value;
	size_t i;
	int at = -1, same = 1;

	for (i = 0; i < t->nsubject && same; i++) {
		if (strcmp(t->subject[i].attr, sn) != 0 ||
		    t->subject[i].value[0] == '\0')
			continue;
		at = X509_NAME_get_index_by_NID(name, a->nid, at);
		value = at < 0 ?
		    NULL :
		    textofattr(a, X509_NAME_get_entry(name, at), &ignored);
		if (value == NULL)
			return 0;
		same = a->syntax == COUNTRY ?
		    strcasecmp(value, t->subject[i].value) == 0 :
		    strcmp(value, t->subject[i].value) == 0;
		free(value);
	}
	return same && X509_NAME_get_index_by_NID(name, a->nid, at) < 0;
}

/* The first attribute of a template whose values the name has not, or NULL. */
const char *
cs_subject_lacks(const X509_NAME *name, const struct certstore_template *t)
{
	const struct attr *a;
	size_t i;

	for (i = 0; i < t->nsubject; i++)
		if ((a = findattr(t->subject[i].attr)) != NULL &&
		    !hasvalues(name, a, t))
			return t->subject[i].attr;
	return NULL;
}

static int
hasattr(const struct certstore_template *t, const char *attr)
{
	size_t i;

	for (i = 0; i < t->nsubject; i++)
		if (strcmp(t->subject[i].attr, attr) == 0)
			return 1;
	return 0;
}

/* Puts the attributes of another template before its own, but for those of which
 * it has some. */
int
cs_subject_inherit(struct certstore_template *t,
    const struct certstore_template *from)
{
	struct certstore_template both = { .pathlen = -1 };
	size_t i;
	int bad = 0;

	for (i = 0; i < from->nsubject; i++)
		if (!hasattr(t, from->subject[i].attr))
			bad |= appendattr(&both, from->subject[i].attr,
			    from->subject[i].value);
	for (i = 0; i < t->nsubject; i++)
		bad |= appendattr(&both, t->subject[i].attr,
		    t->subject[i].value);
	for (i = 0; i < t->nsubject; i++)
		free(t->subject[i].value);
	free(t->subject);
	t->subject = both.subject;
	t->nsubject = both.nsubject;
	t->subjectsize = both.subjectsize;
	return bad == 0 ? 0 : -1;
}

/*
 * Adds the attributes of asked, then those of a name that asked does not have.
 * An address as CN is left out, since defaultcn() decides on that; a name
 * without CN stays so, unless it is that of what signs calls.
 */
int
cs_subject_merge(struct certstore_template *t,
    const struct certstore_template *asked, const X509_NAME *name,
    struct certstore_error *err)
{
	const X509_NAME_ENTRY *ne;
	const struct attr *a;
	struct certstore_error ignored;
	char ip[CS_HOST_MAX + 1], *value;
	const char *sn;
	size_t k;
	int bad = 0, cn = 0, i;

	for (k = 0; k < asked->nsubject; k++)
		bad |= appendattr(t, asked->subject[k].attr,
		    asked->subject[k].value);
	for (i = 0; name != NULL && i < X509_NAME_entry_count(name); i++) {
		ne = X509_NAME_get_entry(name, i);
		sn = OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(ne)));
		cn |= strcmp(sn, "CN") == 0;
		if (hasattr(asked, sn) || (a = findattr(sn)) == NULL ||
		    (value = textofattr(a, ne, &ignored)) == NULL)
			continue;
		if (a->nid != NID_commonName ||
		    !cs_name_ip(value, ip, NULL, NULL))
			bad |= appendattr(t, sn, value);
		free(value);
	}
	if (!cn && !hasattr(asked, "CN") && !cs_calls_signs(t))
		bad |= appendattr(t, "CN", "");
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

/*
 * Adds an attribute of a request, unless asked has one of its kind: 1; 0 if a
 * subject cannot have it here; -1 if cs_subject_add() would refuse the value.
 * An address as CN is left out, see cs_subject_merge().
 */
int
cs_subject_take(struct certstore_template *t,
    const struct certstore_template *asked, const X509_NAME_ENTRY *ne,
    struct certstore_error *err)
{
	const struct attr *a;
	char ip[CS_HOST_MAX + 1], *value;
	const char *sn;
	int rv = 1;

	sn = OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(ne)));
	if ((a = findattr(sn)) == NULL)
		return 0;
	if (hasattr(asked, sn) ||
	    ASN1_STRING_length(X509_NAME_ENTRY_get_data(ne)) == 0)
		return 1;
	if ((value = textofattr(a, ne, err)) == NULL)
		return -1;
	if ((a->nid != NID_commonName || !cs_name_ip(value, ip, NULL, NULL)) &&
	    appendattr(t, sn, value) == -1)
		rv = cs_fail_nomem(err);
	free(value);
	return rv;
}
