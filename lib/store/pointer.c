/*
 * pointer.c: URLs that others read in a certificate or a PASSporT: the directory
 * x5u, and where a CA publishes its CRL and its certificate.
 */
#include <string.h>
#include <strings.h>

#include "store/private.h"

/* What is wrong with a URL of this scheme, such as "https://"; or NULL. */
const char *
cs_pointer_urlflaw(const char *url, const char *scheme)
{
	const char *host = url + strlen(scheme);
	size_t i;

	if (strncasecmp(url, scheme, strlen(scheme)) != 0)
		return strcmp(scheme, "https://") == 0 ?
		    "is not an https: URL" :
		    "is not an http: or https: URL";
	for (i = 0; url[i] != '\0'; i++)
		if (url[i] <= ' ' || url[i] > '~')
			return "has a character that is not allowed in a URL";
	if (*host == '/' || *host == '\0')
		return "has no host";
	return strpbrk(host, "#@\"<>\\") != NULL ?
	    "has a user, a fragment, or a character that is not allowed" :
	    NULL;
}

/* The same of crlurl and aiaurl. */
const char *
cs_pointer_flaw(const char *url)
{
	return cs_pointer_urlflaw(url,
	    strncasecmp(url, "https:", 6) == 0 ? "https://" : "http://");
}
