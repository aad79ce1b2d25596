/*
 * name.c: checks entry names, host names and subject alternative names.  A
 * function whose name ends in flaw returns what is wrong, as a constant string,
 * or NULL: so checking the names of a certificate formats no text.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define LABEL_MAX 63			    /* RFC 1035 section 2.3.4 */
#define LOCAL_MAX 64			    /* RFC 5321 section 4.5.3.1.1 */
#define URI_MAX 2048			    /* bytes; ours */
#define LOCAL_CHARS "!#$%&'*+-/=?^_`{|}~."  /* RFC 5322 section 3.2.3 */
#define URI_CHARS "-._~:/?#[]@!$&'()*+,;=%" /* RFC 3986 section 2 */

static const char portflaw[] = "has a port, which is not part of a host "
			       "name: remove it";
static const char urlflaw[] = "is a URL: use only its host name, or put "
			      "uri: before it";

const char *const cs_san_names[] = { "dns", "ip", "email", "uri", "other" };

/* Sets the error: the text that was typed, and the flaw.  Returns -1. */
int
cs_name_refuse(const char *s, const char *flaw, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	if (flaw == cs_idn_nomem)
		return cs_fail_nomem(err);
	return cs_fail(err, CERTSTORE_EARGUMENT, "%s: %s",
	    cs_escape_quote(q, s), flaw);
}

/* Those of <ctype.h> depend on the locale, except isdigit(3). */
static char
tolower_ascii(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int
isalpha_ascii(char c)
{
	c = tolower_ascii(c);
	return c >= 'a' && c <= 'z';
}

static int
isalnum_ascii(char c)
{
	return isalpha_ascii(c) || isdigit((unsigned char)c);
}

static int
ischarof(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

int
cs_name_isascii(const char *s)
{
	while (*s != '\0') {
		if ((unsigned char)*s++ >= 0x80)
			return 0;
	}
	return 1;
}

static const char *
nameflaw(const char *s)
{
	size_t i;

	if (*s == '\0')
		return "is empty: use an entry name";
	if (!isalnum_ascii(*s) && *s != '_')
		return "an entry name starts with a letter, a digit or an "
		       "underscore: use another";
	for (i = 0; s[i] != '\0'; i++) {
		if (i == CS_NAME_MAX)
			return "is longer than the 200 bytes of an entry "
			       "name: use a shorter one";
		if (!isalnum_ascii(s[i]) && !ischarof(s[i], "._-"))
			return "an entry name has only letters, digits and "
			       "\"._-\": use another";
	}
	if (s[i - 1] == '.')
		return "an entry name does not end with a dot: remove it";
	return NULL;
}

int
cs_name_isvalid(const char *s)
{
	return nameflaw(s) == NULL;
}

int
cs_name_check(const char *s, struct certstore_error *err)
{
	const char *flaw = nameflaw(s);

	return flaw == NULL ? 0 : cs_name_refuse(s, flaw, err);
}

int
cs_name_set(char **name, const char *s, struct certstore_error *err)
{
	char *copy;

	if (cs_name_check(s, err) == -1)
		return -1;
	if ((copy = strdup(s)) == NULL)
		return cs_fail_nomem(err);
	free(*name);
	*name = copy;
	return 0;
}

static const char *
charflaw(char c, int strict)
{
	if (c == '*')
		return "a wildcard must be the whole first label: use "
		       "*.example.com";
	if (c == '_' && strict)
		return "has an underscore, which is not allowed in a host "
		       "name (RFC 1123): use a hyphen";
	return "has a character that is not allowed in a host name (RFC "
	       "1123): use letters, digits, hyphens and dots";
}

/* Checks a label of n bytes and writes it to out in lower case. */
static const char *
labelflaw(const char *p, size_t n, int strict, char *out)
{
	size_t i;

	if (n == 0)
		return "has an empty label: use one dot between labels";
	if (n > LABEL_MAX)
		return "has a label longer than 63 bytes (RFC 1035): shorten "
		       "it";
	for (i = 0; i < n; i++) {
		if (!isalnum_ascii(p[i]) && p[i] != '-' &&
		    (p[i] != '_' || strict))
			return charflaw(p[i], strict);
		out[i] = tolower_ascii(p[i]);
	}
	if (p[0] == '-' || p[n - 1] == '-')
		return "has a label that starts or ends with a hyphen (RFC "
		       "1123): remove the hyphen";
	return NULL;
}

/*
 * Whether a label is a number, such as 1 or 0x7f: as the last label of a host
 * name it makes the name an IPv4 address for some programs.
 */
static int
isnumber(const char *p, size_t n)
{
	size_t i;

	if (n >= 2 && p[0] == '0' && tolower_ascii(p[1]) == 'x') {
		for (i = 2; i < n; i++) {
			if (!ischarof(tolower_ascii(p[i]), "0123456789abcdef"))
				return 0;
		}
		return 1;
	}
	for (i = 0; i < n; i++) {
		if (!isdigit((unsigned char)p[i]))
			return 0;
	}
	return 1;
}

/*
 * Checks an ASCII host of len bytes and writes it to out, len + 1 bytes, in
 * lower case.
 */
static const char *
hostflaw(const char *s, size_t len, int wildcard, int strict, char *out)
{
	const char *flaw;
	size_t end, start = 0;

	if (len == 0)
		return "is empty: use a host name";
	if (len > CS_HOST_MAX)
		return "is longer than the 253 bytes of a host name "
		       "(RFC 1035): shorten it";
	if (s[0] == '.')
		return "starts with a dot: remove it";
	if (s[0] == '*' && len > 1 && s[1] == '.') {
		if (!wildcard)
			return "a wildcard is not one host: use one host "
			       "name";
		memcpy(out, "*.", 2);
		start = 2;
	}
	for (;; start = end + 1) {
		end = start;
		while (end < len && s[end] != '.')
			end++;
		flaw = labelflaw(s + start, end - start, strict, out + start);
		if (flaw != NULL)
			return flaw;
		if (end == len)
			break;
		out[end] = '.';
	}
	if (isnumber(s + start, end - start))
		return "ends in a number, so that it looks like an IPv4 "
		       "address: use a host name, or four numbers up to 255";
	out[len] = '\0';
	return NULL;
}

const char *
cs_name_hostflaw(const char *s, int wildcard, int strict, char *out)
{
	char ascii[CS_HOST_MAX + 2]; /* with a trailing dot */
	const char *flaw;
	size_t len;

	out[0] = '\0';
	if (!cs_name_isascii(s)) {
		if ((flaw = cs_idn_toascii(s, ascii, sizeof(ascii))) != NULL)
			return flaw;
		s = ascii;
	}
	len = strlen(s);
	if (len > 1 && s[len - 1] == '.')
		len--;
	if ((flaw = hostflaw(s, len, wildcard, strict, out)) != NULL)
		out[0] = '\0';
	return flaw;
}

int
cs_name_host(const char *s, int wildcard, int strict, char *out,
    struct certstore_error *err)
{
	const char *flaw = cs_name_hostflaw(s, wildcard, strict, out);

	return flaw == NULL ? 0 : cs_name_refuse(s, flaw, err);
}

/* A trailing dot is allowed in a question, not in a certificate. */
int
cs_name_certhost(const char *s, char *out)
{
	if (hostflaw(s, strlen(s), 1, 0, out) == NULL)
		return 1;
	out[0] = '\0';
	return 0;
}

/* As names of certificates and constraints must be (RFC 5280 section 4.2.1.6). */
int
cs_name_isdns(const char *s, int wildcard)
{
	char host[CS_HOST_MAX + 1];

	return hostflaw(s, strlen(s), wildcard, 1, host) == NULL;
}

int
cs_name_covers(const char *name, const char *host)
{
	char own[CS_HOST_MAX + 1];
	const char *dot = strchr(host, '.');

	if (!cs_name_certhost(name, own))
		return 0;
	if (strcmp(own, host) == 0)
		return 1;
	/* "*" stands for the first label of host (RFC 9525 section 6.3) */
	return own[0] == '*' && host[0] != '*' && dot != NULL && dot != host &&
	    strcmp(own + 1, dot) == 0;
}

int
cs_name_ip(const char *s, char *out, unsigned char *raw, size_t *rawlen)
{
	unsigned char addr[16];
	char text[INET6_ADDRSTRLEN];
	size_t len;
	int family;

	out[0] = '\0';
	if (*s == '[') {
		len = strlen(++s);
		if (len < 2 || len > sizeof(text) || s[len - 1] != ']')
			return 0;
		memcpy(text, s, len - 1);
		text[len - 1] = '\0';
		s = text;
		family = AF_INET6;
	} else {
		family = strchr(s, ':') != NULL ? AF_INET6 : AF_INET;
	}
	if (inet_pton(family, s, addr) != 1 ||
	    inet_ntop(family, addr, out, INET6_ADDRSTRLEN) == NULL)
		return 0;
	len = family == AF_INET ? 4 : 16;
	if (raw != NULL)
		memcpy(raw, addr, len);
	if (rawlen != NULL)
		*rawlen = len;
	return 1;
}

int
cs_name_isloopback(const char *s)
{
	static const unsigned char six[16] = { [15] = 1 };
	static const char name[] = "localhost";
	unsigned char raw[16];
	char host[CS_HOST_MAX + 1];
	size_t len;

	if (cs_name_ip(s, host, raw, &len))
		return len == 4 ? raw[0] == 127 : memcmp(raw, six, 16) == 0;
	if (!cs_name_certhost(s, host))
		return 0;
	len = strlen(host);
	if (len < strlen(name) || strcmp(host + len - strlen(name), name) != 0)
		return 0;
	return len == strlen(name) || host[len - strlen(name) - 1] == '.';
}

/* The length of "scheme" before the colon (RFC 3986 section 3.1), or 0. */
static size_t
schemelen(const char *s)
{
	size_t n = 0;

	if (!isalpha_ascii(s[0]))
		return 0;
	while (isalnum_ascii(s[n]) || ischarof(s[n], "+-."))
		n++;
	return s[n] == ':' ? n : 0;
}

/* Whether the n bytes are one of these words, in any case; NULL ends them. */
static int
iswordof(const char *s, size_t n, const char *const *words)
{
	size_t k;

	for (; *words != NULL; words++) {
		for (k = 0; k < n && tolower_ascii(s[k]) == (*words)[k]; k++)
			;
		if (k == n && (*words)[n] == '\0')
			return 1;
	}
	return 0;
}

/*
 * Whether a text is host:port, where port is a number, which a path may follow,
 * or the name of a service.  Some texts could be a URI, too: one label and a
 * number are host:port except for schemes with numbers, such as tel:110; with
 * the name of a service only a text with a dot before the colon is host:port.
 */
static int
hasport(const char *s)
{
	static const char *const numbered[] = { "tel", "sip", "sips", "sms",
		"fax", "modem", "callto", "h323", NULL };
	const char *behind, *colon;
	char label[LABEL_MAX];
	size_t digits, n;

	colon = s[0] == '[' ? strrchr(s, ':') : strchr(s, ':');
	if (colon == NULL || colon == s)
		return 0;
	n = (size_t)(colon - s);
	digits = strspn(colon + 1, "0123456789");
	behind = colon + 1 + digits;
	if (digits >= 1 && digits <= 5 && (*behind == '\0' || *behind == '/'))
		return s[0] == '[' ? colon[-1] == ']' :
				     memchr(s, '.', n) != NULL ||
			(n <= LABEL_MAX && labelflaw(s, n, 0, label) == NULL &&
			    !iswordof(s, n, numbered));
	if (memchr(s, '.', n) == NULL || !isalpha_ascii(colon[1]))
		return 0;
	for (behind = colon + 1; isalnum_ascii(*behind) || *behind == '-';)
		behind++;
	return *behind == '\0';
}

/* Whether a text is the URL of a server, where its host should be used. */
static int
isurl(const char *s)
{
	static const char *const schemes[] = { "http", "https", "ws", "wss",
		"ftp", "ftps", "ldap", "ldaps", NULL };
	size_t n = schemelen(s);

	return n > 0 && iswordof(s, n, schemes);
}

const char *
cs_name_askedflaw(const char *s, char *out)
{
	const char *flaw = cs_name_hostflaw(s, 0, 0, out);

	if (flaw == NULL)
		return NULL;
	return hasport(s) ? portflaw :
	    isurl(s)	  ? "is a URL: use only its host name" :
			    flaw;
}

/* The functions below check a SAN without its prefix, and normalise it to
 * out. */

static const char *
dnsflaw(const char *s, char *out)
{
	char ip[INET6_ADDRSTRLEN];

	if (cs_name_ip(s, ip, NULL, NULL))
		return "an IP address is not a DNS name (RFC 9525): use ip: "
		       "before it";
	if (hasport(s))
		return portflaw;
	if (isurl(s))
		return urlflaw;
	if (strchr(s, '/') != NULL)
		return "has a slash: use only the host name";
	return cs_name_hostflaw(s, 1, 1, out);
}

static const char *
ipflaw(const char *s, char *out)
{
	if (cs_name_ip(s, out, NULL, NULL))
		return NULL;
	if (strchr(s, '%') != NULL)
		return "has a zone, which is valid on one host only: remove "
		       "the percent sign and what follows";
	if (strchr(s, '/') != NULL)
		return "a network is not one address: use a single address";
	if (hasport(s))
		return portflaw;
	return "is not an IP address: use the form 192.0.2.1 or 2001:db8::1";
}

static const char *
localflaw(const char *s, size_t n)
{
	size_t i;

	if (n == 0)
		return "has nothing before the @: use the form "
		       "user@example.com";
	if (n > LOCAL_MAX)
		return "has more than 64 bytes before the @ (RFC 5321): "
		       "shorten it";
	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return "is not ASCII before the @, which is not "
			       "supported (RFC 8398): use an ASCII address";
		if (!isalnum_ascii(s[i]) && !ischarof(s[i], LOCAL_CHARS))
			return "has a character that is not allowed in an "
			       "address (RFC 5322): use the form "
			       "user@example.com";
	}
	return NULL;
}

/* The local part keeps its case (RFC 5321 section 2.4). */
static const char *
emailflaw(const char *s, char *out)
{
	const char *at = strrchr(s, '@'), *flaw;
	size_t n;

	if (at == NULL)
		return "has no @: use the form user@example.com";
	n = (size_t)(at - s);
	if ((flaw = localflaw(s, n)) != NULL)
		return flaw;
	if (hasport(at + 1))
		return portflaw;
	memcpy(out, s, n + 1);
	return cs_name_hostflaw(at + 1, 0, 1, out + n + 1);
}

/* Only the scheme is case-insensitive (RFC 3986 section 6.2.2.1). */
static const char *
uriflaw(const char *s, char *out)
{
	size_t i, scheme = schemelen(s);

	if (scheme == 0)
		return "has no scheme (RFC 5280): use the form "
		       "sip:user@example.com";
	if (s[scheme + 1] == '\0')
		return "has nothing after its scheme (RFC 5280): use the "
		       "form sip:user@example.com";
	for (i = 0; s[i] != '\0'; i++) {
		if (i == URI_MAX)
			return "is longer than the 2048 bytes allowed for a "
			       "URI here: shorten it";
		if (!isalnum_ascii(s[i]) && !ischarof(s[i], URI_CHARS))
			return "has a character that is not allowed in a "
			       "URI (RFC 3986): use %XX";
		out[i] = i < scheme ? tolower_ascii(s[i]) : s[i];
	}
	out[i] = '\0';
	return NULL;
}

/*
 * The length of the prefix "dns:", "ip:", "email:" or "uri:" of s, in any case,
 * and its type; or 0.
 */
size_t
cs_name_prefix(const char *s, enum cs_san_type *type)
{
	const char *name;
	size_t i;
	int t;

	for (t = CS_SAN_DNS; t < CS_SAN_OTHER; t++) {
		name = cs_san_names[t];
		i = 0;
		while (name[i] != '\0' && tolower_ascii(s[i]) == name[i])
			i++;
		if (name[i] == '\0' && s[i] == ':') {
			*type = (enum cs_san_type)t;
			return i + 1;
		}
	}
	return 0;
}

/*
 * Whether a text is meant as an IP address, even a wrong one such as
 * fe80::1%eth0, which would be a valid URI.
 */
static int
looksip(const char *s)
{
	const char *first = strchr(s, ':');
	size_t n;

	if (*s == '[')
		return 1;
	if (first != NULL && strchr(first + 1, ':') != NULL)
		n = strspn(s, "0123456789abcdefABCDEF:.");
	else if (memchr(s, '.', (n = strspn(s, "0123456789."))) == NULL)
		return 0;
	return n > 0 && (s[n] == '\0' || s[n] == '%' || s[n] == '/');
}

static int
isblankended(const char *s)
{
	static const char blanks[] = " \t\r\n";

	return ischarof(*s, blanks) ||
	    (*s != '\0' && ischarof(s[strlen(s) - 1], blanks));
}

static enum cs_san_type
santypeof(const char *s)
{
	if (looksip(s))
		return CS_SAN_IP;
	if (schemelen(s) > 0 && !hasport(s))
		return CS_SAN_URI;
	return strchr(s, '@') != NULL ? CS_SAN_EMAIL : CS_SAN_DNS;
}

int
cs_name_san(const char *s, enum cs_san_type *type, char **out,
    struct certstore_error *err)
{
	char text[URI_MAX + 1]; /* a URI is the longest */
	const char *flaw, *part = s;
	size_t n;

	*out = NULL;
	if ((n = cs_name_prefix(s, type)) > 0)
		part += n;
	else
		*type = santypeof(s);
	if (isblankended(part))
		return cs_name_refuse(s,
		    "begins or ends with a blank: remove the blank", err);
	if (n == 0 && *type == CS_SAN_URI && isurl(s))
		return cs_name_refuse(s, urlflaw, err);
	switch (*type) {
	case CS_SAN_IP:
		flaw = ipflaw(part, text);
		break;
	case CS_SAN_EMAIL:
		flaw = emailflaw(part, text);
		break;
	case CS_SAN_URI:
		flaw = uriflaw(part, text);
		break;
	default:
		flaw = dnsflaw(part, text);
		break;
	}
	if (flaw != NULL)
		return cs_name_refuse(s, flaw, err);
	if ((*out = strdup(text)) == NULL)
		return cs_fail_nomem(err);
	return 0;
}

/* Writes the host in an e-mail address or URI to out.  Returns 1 or 0. */
int
cs_name_hostof(enum cs_san_type type, const char *s, char out[CS_HOST_MAX + 1])
{
	static const char *const bare[] = { "sip", "sips", "mailto", "xmpp",
		NULL };
	char text[CS_HOST_MAX + 1];
	const char *at;
	size_t n;

	out[0] = '\0';
	if (type == CS_SAN_URI) {
		n = schemelen(s);
		if (strncmp(s + n, "://", 3) == 0)
			s += n + 3;
		else if (iswordof(s, n, bare))
			s += n + 1;
		else
			return 0;
	}
	n = strcspn(s, "/?#;");
	if ((at = memchr(s, '@', n)) != NULL) {
		n -= (size_t)(at + 1 - s);
		s = at + 1;
	} else if (type != CS_SAN_URI)
		return 0;
	if (s[0] != '[')
		n = strcspn(s, ":/?#;");
	else if ((at = strchr(s, ']')) != NULL)
		n = (size_t)(at + 1 - s);
	if (n == 0 || n >= sizeof(text))
		return 0;
	memcpy(text, s, n);
	text[n] = '\0';
	return cs_name_ip(text, out, NULL, NULL) ||
	    cs_name_hostflaw(text, 0, 1, out) == NULL;
}

/*
 * Why this name of a certificate never matches (RFC 9525 section 6.3), or
 * NULL; always NULL for types other than DNS.  s may be escaped.
 */
const char *
cs_name_certflaw(enum cs_san_type type, const char *s)
{
	char ip[INET6_ADDRSTRLEN], out[CS_HOST_MAX + 1];
	size_t len = strlen(s);

	if (type != CS_SAN_DNS)
		return NULL;
	if (cs_name_ip(s, ip, NULL, NULL))
		return "is an IP address, and clients compare addresses "
		       "only with names of type IP address";
	if (!cs_name_isascii(s))
		return "is not ASCII, and clients compare names in other "
		       "scripts only as A-labels (RFC 5890)";
	if (len > 1 && s[len - 1] == '.')
		return "ends with a dot, which is not allowed in a "
		       "certificate";
	if (len > CS_HOST_MAX)
		return "is longer than the 253 bytes of a host name";
	return hostflaw(s, len, 1, 0, out);
}

/* A port: 1 to 65535, without a leading zero. */
int
cs_name_isport(const char *p, size_t len)
{
	char text[6];

	if (len == 0 || len > 5 || strspn(p, "0123456789") < len)
		return 0;
	memcpy(text, p, len);
	text[len] = '\0';
	return *text != '0' && atol(text) <= 65535;
}
