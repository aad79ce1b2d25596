/*
 * san.c: the names of a certificate: their form (RFC 5280 section 4.2.1.6),
 * and whether one of them is the host asked for (RFC 9525 section 6).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "verify/private.h"

#define SHOWN_MAX 3 /* names in a message */

/* A Mailbox of RFC 2821 section 4.1.2, ASCII. */
static int
isemailsan(const char *s)
{
	const char *at = strrchr(s, '@'), *p;
	struct certstore_error err;
	char host[CS_HOST_MAX + 1];

	if (at == NULL || at == s)
		return 0;
	for (p = s; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			return 0;
	if (*s == '"') {
		if (at - s < 2 || at[-1] != '"')
			return 0;
	} else if (strcspn(s, "@ ()<>[]:;,\\\"") != (size_t)(at - s) ||
	    *s == '.' || at[-1] == '.' || strstr(s, "..") != NULL)
		return 0;
	if (at[1] == '[')
		return at[strlen(at) - 1] == ']';
	return at[1] != '*' && cs_name_host(at + 1, 0, 1, host, &err) == 0;
}

/* Absolute, with a scheme and something behind it (RFC 3986). */
static int
isurisan(const char *s)
{
	size_t n, i;

	n = strspn(s,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789+-.");
	if (n == 0 || s[n] != ':' || s[n + 1] == '\0' ||
	    strchr("0123456789+-.", s[0]) != NULL)
		return 0;
	for (i = n; s[i] != '\0'; i++)
		if (s[i] <= ' ' || s[i] > '~' || strchr("\"<>\\^`{|}", s[i]))
			return 0;
	return strncmp(s + n, "://", 3) != 0 ||
	    (s[n + 3] != '\0' && s[n + 3] != '/');
}

/* Is a wildcard for a public suffix?  A single label is one for the public web,
 * but may be the domain of a private network. */
static int
issuffix(const struct cs_asked *asked, const char *wildcard)
{
	const char *domain = wildcard + 2;

	if (asked->profile == CS_PROFILE_WEBPKI && strchr(domain, '.') == NULL)
		return 1;
	return asked->suffix != NULL &&
	    asked->suffix(asked->suffixarg, domain) == 1;
}

static int
checkdnssan(const struct cs_asked *asked, struct cs_node *node,
    const ASN1_STRING *s)
{
	char q[CS_QUOTE_LEN], *name = cs_asn1_text(s);
	enum cs_rule rule = CS_NRULE;
	int bad = 0;

	if (name == NULL && errno == ENOMEM)
		return -1;
	/* the preferred name syntax of RFC 1034 */
	if (name == NULL || !cs_name_isdns(name, 1))
		rule = CS_RULE_SAN_DNS;
	else if (strncmp(name, "*.", 2) == 0 && issuffix(asked, name))
		rule = CS_RULE_SAN_SUFFIX;
	if (rule != CS_NRULE)
		bad = cs_rule_note(asked, node, rule, "%s",
		    cs_asn1_quote(s, q));
	free(name);
	return bad;
}

static int
checktextsan(const struct cs_asked *asked, struct cs_node *node,
    const ASN1_STRING *s, enum cs_rule rule, int (*is)(const char *))
{
	char q[CS_QUOTE_LEN], *name = cs_asn1_text(s);
	int bad = 0;

	if (name == NULL && errno == ENOMEM)
		return -1;
	if (name == NULL || !is(name))
		bad = cs_rule_note(asked, node, rule, "%s",
		    cs_asn1_quote(s, q));
	free(name);
	return bad;
}

static int
checkform(const struct cs_asked *asked, struct cs_node *node,
    const GENERAL_NAME *gn)
{
	const ASN1_STRING *s;
	char ip[INET6_ADDRSTRLEN];
	int type;

	s = GENERAL_NAME_get0_value(gn, &type);
	switch (type) {
	case GEN_DNS:
		return checkdnssan(asked, node, s);
	case GEN_EMAIL:
		return checktextsan(asked, node, s, CS_RULE_SAN_EMAIL,
		    isemailsan);
	case GEN_URI:
		return checktextsan(asked, node, s, CS_RULE_SAN_URI, isurisan);
	case GEN_IPADD:
		if (cs_asn1_ip(s, ip))
			return 0;
		return cs_rule_note(asked, node, CS_RULE_SAN_IP, "%d octets",
		    ASN1_STRING_length(s));
	default:
		return 0;
	}
}

/*
 * Is it the host or address that is asked for (RFC 9525 sections 6.3 and 6.5)?
 */
static int
isaskedhost(const struct cs_asked *asked, const GENERAL_NAME *gn)
{
	const ASN1_STRING *s;
	char *name;
	int type, yes;

	s = GENERAL_NAME_get0_value(gn, &type);
	if (asked->iplen > 0)
		return type == GEN_IPADD &&
		    (size_t)ASN1_STRING_length(s) == asked->iplen &&
		    memcmp(ASN1_STRING_get0_data(s), asked->ip, asked->iplen) ==
		    0;
	if (type != GEN_DNS)
		return 0;
	errno = 0;
	if ((name = cs_asn1_text(s)) == NULL)
		return errno == ENOMEM ? -1 : 0;
	yes = cs_name_covers(name, asked->host);
	free(name);
	return yes;
}

static int
addnothost(const struct cs_asked *asked, struct cs_node *node,
    const GENERAL_NAMES *names)
{
	char q[CS_QUOTE_LEN], ip[INET6_ADDRSTRLEN];
	struct cs_buf b = { NULL, 0, 0 };
	const ASN1_STRING *s;
	const char *shown;
	int bad, i, n = 0, type;

	bad = cs_buf_adds(&b, asked->host);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i),
		    &type);
		if (type == GEN_DNS) {
			shown = cs_asn1_quote(s, q);
		} else if (type == GEN_IPADD && cs_asn1_ip(s, ip)) {
			shown = ip;
		} else
			continue;
		if (n++ < SHOWN_MAX)
			bad |= cs_buf_printf(&b, "%s%s",
			    n == 1 ? "; it is for " : ", ", shown);
	}
	if (n > SHOWN_MAX)
		bad |= cs_buf_printf(&b, " and %d more", n - SHOWN_MAX);
	if (bad == 0)
		bad = cs_rule_note(asked, node, CS_RULE_HOST, "%s", b.p);
	cs_buf_free(&b);
	return bad;
}

/* Is it, byte for byte, one of the names?  An address as inet_ntop(3) writes
 * it. */
static int
repeatsname(const char *cn, size_t len, const GENERAL_NAMES *names)
{
	char ip[INET6_ADDRSTRLEN];
	const ASN1_STRING *s;
	const char *p;
	size_t n;
	int i, type;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i),
		    &type);
		if (type == GEN_DNS || type == GEN_EMAIL) {
			p = (const char *)ASN1_STRING_get0_data(s);
			n = (size_t)ASN1_STRING_length(s);
		} else if (type == GEN_IPADD && cs_asn1_ip(s, ip)) {
			p = ip;
			n = strlen(ip);
		} else
			continue;
		if (n == len && memcmp(p, cn, n) == 0)
			return 1;
	}
	return 0;
}

/* A common name that looks like a host has to repeat a SAN; for the public web
 * each common name (BR section 7.1.4.3). */
static int
checkcn(const struct cs_asked *asked, struct cs_node *node,
    const GENERAL_NAMES *names)
{
	const X509_NAME *subject = X509_get_subject_name(node->x509);
	char host[CS_HOST_MAX + 1], q[CS_QUOTE_LEN];
	unsigned char *cn = NULL;
	int at = -1, bad = 0, len;

	while (bad == 0 &&
	    (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >=
		0) {
		len = ASN1_STRING_to_UTF8(&cn,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
		if (len < 0)
			continue;
		if ((asked->profile == CS_PROFILE_WEBPKI ||
			(memchr(cn, '.', (size_t)len) != NULL &&
			    cs_name_certhost((const char *)cn, host))) &&
		    !repeatsname((const char *)cn, (size_t)len, names))
			bad = cs_rule_note(asked, node, CS_RULE_CN, "%s",
			    cs_escape_quote(q, (const char *)cn));
		OPENSSL_free(cn);
		cn = NULL;
	}
	ERR_clear_error();
	return bad;
}

static int
asksserver(const struct cs_asked *asked)
{
	return asked->profile == CS_PROFILE_SERVER ||
	    asked->profile == CS_PROFILE_PEER ||
	    asked->profile == CS_PROFILE_WEBPKI;
}

/* The rules for the names of a TLS server. */
static int
checkserver(const struct cs_asked *asked, struct cs_node *node,
    const GENERAL_NAMES *names, int critical)
{
	const X509_NAME *subject = X509_get_subject_name(node->x509);
	int bad = 0, hosts = 0, i, others = 0, type;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		type = sk_GENERAL_NAME_value(names, i)->type;
		if (type == GEN_DNS || type == GEN_IPADD)
			hosts++;
		else
			others++;
	}
	if (hosts == 0)
		bad |= cs_rule_note(asked, node, CS_RULE_SAN_MISSING, NULL);
	if (others > 0)
		bad |= cs_rule_note(asked, node, CS_RULE_SAN_TYPE, NULL);
	if (critical == 1 && X509_NAME_entry_count(subject) > 0)
		bad |= cs_rule_note(asked, node, CS_RULE_SAN_CRITICAL, NULL);
	return bad | checkcn(asked, node, names);
}

/* The SANs of issuers are checked, too, since name constraints apply to them;
 * those of anchors are not. */
int
cs_san_check(const struct cs_asked *asked, struct cs_node *node)
{
	GENERAL_NAMES *names;
	int bad = 0, critical, i, n = 0, yes;

	node->nname = (size_t)X509_NAME_entry_count(
	    X509_get_subject_name(node->x509));
	if (node->anchor && !node->leaf)
		return 0;
	names = X509_get_ext_d2i(node->x509, NID_subject_alt_name, &critical,
	    NULL);
	ERR_clear_error();
	node->nname += names == NULL ? 0 : (size_t)sk_GENERAL_NAME_num(names);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		errno = 0; /* ENOMEM: cs_asn1_text() had no memory */
		bad |= checkform(asked, node, sk_GENERAL_NAME_value(names, i));
		if (!node->leaf || !asked->hashost)
			continue;
		yes = isaskedhost(asked, sk_GENERAL_NAME_value(names, i));
		if (yes == -1)
			bad = -1;
		else
			n += yes;
	}
	if (node->leaf && asked->hashost && n == 0)
		bad |= addnothost(asked, node, names);
	if (node->leaf && asksserver(asked))
		bad |= checkserver(asked, node, names, critical);
	GENERAL_NAMES_free(names);
	return bad;
}
