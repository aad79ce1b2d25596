/*
 * weburl.c: URLs of ACME servers: their form, and which of them have names.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "acme/private.h"

#define SCHEME "https://"

static const struct {
	const char *name, *directory;
} known[] = { { "letsencrypt",
		  "https://acme-v02.api.letsencrypt.org/directory" },
	{ "letsencrypt-staging",
	    "https://acme-staging-v02.api.letsencrypt.org/directory" },
	{ "google", "https://dv.acme-v02.api.pki.goog/directory" },
	{ "zerossl", "https://acme.zerossl.com/v2/DV90" },
	{ "sslcom", "https://acme.ssl.com/sslcom-dv-rsa" } };
#define NKNOWN (sizeof(known) / sizeof(known[0]))

static int
ishexdigit(char c)
{
	return c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* A port of 1 to 65535, or nothing, up to len. */
static int
isportnumber(const char *s, size_t len)
{
	unsigned long n = 0;
	size_t i;

	if (len == 0)
		return 1;
	if (*s != ':' || len == 1 || len > 6)
		return 0;
	for (i = 1; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		n = n * 10 + (unsigned long)(s[i] - '0');
	}
	return n > 0 && n <= 65535;
}

static const char *
authorityflaw(const char *s, size_t len)
{
	char host[CS_HOST_MAX + 1], ip[INET6_ADDRSTRLEN], out[CS_HOST_MAX + 1];
	size_t n = *s == '[' ? strcspn(s, "]") + 1 : strcspn(s, ":/?");

	if (memchr(s, '@', len) != NULL)
		return "has a user name, which a URL of an ACME server has "
		       "not: remove it";
	if (n > len || n >= sizeof(host))
		return "has no host name: use https://HOST/PATH";
	memcpy(host, s, n);
	host[n] = '\0';
	if (!cs_name_isascii(host) ||
	    (!cs_name_ip(host, ip, NULL, NULL) &&
		cs_name_hostflaw(host, 0, 0, out) != NULL))
		return "has no valid host name: use https://HOST/PATH";
	if (!isportnumber(s + n, len - n))
		return "has no valid port: use 1 to 65535";
	return NULL;
}

const char *
cs_weburl_flaw(const char *s)
{
	size_t i;

	if (strncasecmp(s, SCHEME, strlen(SCHEME)) != 0)
		return "is not a URL of an ACME server: use https://...";
	if (strlen(s) > CS_URL_MAX)
		return "is longer than the 2048 bytes of a URL";
	for (i = 0; s[i] != '\0'; i++) {
		if (s[i] <= ' ' || s[i] >= 0x7f ||
		    strchr("\"<>\\^`{|}", s[i]) != NULL)
			return "has a character that is not allowed in a URL "
			       "(RFC 3986): use %XX";
		if (s[i] == '%' &&
		    (!ishexdigit(s[i + 1]) || !ishexdigit(s[i + 2])))
			return "has a % that is not followed by two hex "
			       "digits (RFC 3986)";
		if (s[i] == '#')
			return "has a fragment, which is not sent: remove #...";
	}
	s += strlen(SCHEME);
	return authorityflaw(s, strcspn(s, "/?"));
}

void
cs_weburl_lower(char *s)
{
	size_t i, end;

	end = strlen(SCHEME) + strcspn(s + strlen(SCHEME), "/?");
	for (i = 0; i < end; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			s[i] = (char)(s[i] - 'A' + 'a');
}

const char *
cs_weburl_known(const char *name)
{
	size_t i;

	for (i = 0; i < NKNOWN; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].directory;
	return NULL;
}

/* "_" and "-" stand for what no name of an account has. */
void
cs_weburl_name(const char *url, char name[CS_NAME_MAX + 1])
{
	size_t i, n = 0;

	for (i = 0; i < NKNOWN; i++)
		if (strcmp(known[i].directory, url) == 0) {
			strlcpy(name, known[i].name, CS_NAME_MAX + 1);
			return;
		}
	url += strlen(SCHEME);
	for (i = 0; url[i] != '\0' && strchr("/?", url[i]) == NULL; i++) {
		if (n == CS_NAME_MAX)
			break;
		if (url[i] != '[' && url[i] != ']')
			name[n++] = url[i] == ':' ? '-' : url[i];
	}
	name[n] = '\0';
	if (name[0] == '-')
		name[0] = '_';
	while (n > 0 && name[n - 1] == '.')
		name[--n] = '\0';
}
