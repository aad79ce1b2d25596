/*
 * endpoint.c: where a certificate is served, a property:
 * [protocol:]host:port[=name].
 */
#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "store/private.h"

/* The protocols that begin without TLS, as openssl s_client calls them. */
static int
isstarttls(const char *p, size_t len)
{
	static const char *const words[] = { "ftp", "imap", "irc", "ldap",
		"lmtp", "mysql", "nntp", "pop3", "postgres", "sieve", "smtp",
		"xmpp", "xmpp-server" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && memcmp(words[i], p, len) == 0)
			return 1;
	return 0;
}

/*
 * Normalises a host name, or an address with or without brackets: 0, or -1 if it
 * is neither.
 */
static int
readhost(const char *p, size_t len, struct certstore_endpoint *e)
{
	char text[CS_HOST_MAX + 3];

	if (len == 0 || len >= sizeof(text))
		return -1;
	memcpy(text, p, len);
	text[len] = '\0';
	e->address = cs_name_ip(text, e->host, NULL, NULL);
	if (e->address)
		return 0;
	return cs_name_hostflaw(text, 0, 0, e->host) == NULL ? 0 : -1;
}

/* Reads an endpoint.  Returns what is wrong with it, or NULL. */
const char *
cs_endpoint_read(const char *text, struct certstore_endpoint *e)
{
	static const char form[] =
	    "is not [protocol:]host:port[=name], with a port of 1 to 65535 "
	    "and an IPv6 address in brackets";
	const char *colon, *end, *name, *next, *p = text;

	memset(e, 0, sizeof(*e));
	name = strchr(p, '=');
	end = name == NULL ? p + strlen(p) : name;
	if (*p != '[' && (colon = memchr(p, ':', (size_t)(end - p))) != NULL &&
	    (next = memchr(colon + 1, ':', (size_t)(end - colon - 1))) !=
		NULL) {
		/* an address of IPv6 without brackets */
		if (colon[1] != '[' &&
		    memchr(next + 1, ':', (size_t)(end - next - 1)) != NULL)
			return form;
		if (!isstarttls(p, (size_t)(colon - p)))
			return "has an unknown protocol: use ftp, imap, irc, "
			       "ldap, lmtp, mysql, nntp, pop3, postgres, "
			       "sieve, smtp, xmpp, xmpp-server";
		snprintf(e->protocol, sizeof(e->protocol), "%.*s",
		    (int)(colon - p), p);
		p = colon + 1;
	}
	if ((colon = memrchr(p, ':', (size_t)(end - p))) == NULL ||
	    !cs_name_isport(colon + 1, (size_t)(end - colon - 1)) ||
	    (*p != '[' && memchr(p, ':', (size_t)(colon - p)) != NULL))
		return form;
	snprintf(e->port, sizeof(e->port), "%.*s", (int)(end - colon - 1),
	    colon + 1);
	if (readhost(p, (size_t)(colon - p), e) == -1 ||
	    (name != NULL && cs_name_hostflaw(name + 1, 0, 0, e->name) != NULL))
		return form;
	return NULL;
}

/* What is wrong with the value of the property, or NULL. */
const char *
cs_endpoint_flaw(const char *text)
{
	struct certstore_endpoint e;

	return cs_endpoint_read(text, &e);
}

/*
 * Chooses the name that a client asks for, if the endpoint has none: the host if
 * the certificate covers it, else the first host name of the certificate.  That
 * is "" if it has only addresses.  Returns 0, or -1 if it has only wildcards.
 */
int
cs_endpoint_choose(struct certstore_endpoint *e, const struct cs_info *info)
{
	enum cs_san_type type = e->address ? CS_SAN_IP : CS_SAN_DNS;
	const struct cs_san *v;
	struct cs_san cn;
	size_t i, n, wild = 0;

	if (e->name[0] != '\0')
		return 0;
	v = cs_names_of(info, &cn, &n);
	if (n == 0 ||
	    (type == CS_SAN_DNS && cs_names_cover(v, n, type, e->host))) {
		if (type == CS_SAN_DNS)
			snprintf(e->name, sizeof(e->name), "%s", e->host);
		return 0;
	}
	for (i = 0; i < n; i++) {
		if (v[i].type != CS_SAN_DNS ||
		    cs_name_certhost(v[i].value, e->name) != 1)
			continue;
		if (e->name[0] != '*')
			return 0;
		wild++;
	}
	e->name[0] = '\0';
	return wild == 0 || cs_names_cover(v, n, type, e->host) ? 0 : -1;
}

int
certstore_endpoint_parse(const char *text, const struct certstore_entry *entry,
    struct certstore_endpoint *e, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	const char *flaw;

	cs_error_clear(err);
	cs_escape_quote(q, text);
	if ((flaw = cs_endpoint_read(text, e)) != NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT, "endpoint: %s: %s", q,
		    flaw);
	if (entry == NULL) {
		if (e->name[0] == '\0' && !e->address)
			snprintf(e->name, sizeof(e->name), "%s", e->host);
	} else if (cs_endpoint_choose(e, &entry->info) == -1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: endpoint: %s: its certificate has only wildcards: add "
		    "=name, a host name that it covers",
		    entry->info.name, q);
	return 0;
}
