/*
 * method.c: the properties of an entry that gets its certificate by ACME: the
 * name of the account, and the ways to prove control of a name (RFC 8555
 * section 8), certstore(5).
 */
#include <arpa/inet.h>

#include <string.h>

#include "store/private.h"

const char *
cs_method_accountflaw(const char *value)
{
	return cs_name_isvalid(value) ?
	    NULL :
	    "is not the name of an account: use one that cert-account list "
	    "prints";
}

/* "PORT", "IPV4:PORT" or "[IPV6]:PORT" */
static int
isaddrport(const char *value)
{
	char addr[INET6_ADDRSTRLEN + 3], text[INET6_ADDRSTRLEN];
	const char *port = strrchr(value, ':');
	size_t len;

	if (port == NULL)
		return cs_name_isport(value, strlen(value));
	len = (size_t)(port - value);
	if (len == 0 || len >= sizeof(addr) ||
	    !cs_name_isport(port + 1, strlen(port + 1)))
		return 0;
	memcpy(addr, value, len);
	addr[len] = '\0';
	return cs_name_ip(addr, text, NULL, NULL) == 1 &&
	    (*addr == '[') == (strchr(text, ':') != NULL);
}

/* "PROGRAM", which is a path or a name in a directory of hooks, and words. */
static int
isprogram(const char *value)
{
	char name[CS_NAME_MAX + 1];
	size_t len;

	len = strcspn(value, ",");
	if (*value == '/')
		return len > 1 && value[len - 1] != '/';
	if (len >= sizeof(name))
		return 0;
	memcpy(name, value, len);
	name[len] = '\0';
	return cs_name_isvalid(name);
}

/* A program, and before it perhaps the type of challenge. */
static int
ishookcall(const char *value)
{
	static const char *const types[] = { "dns-01:", "http-01:",
		"tls-alpn-01:" };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strncmp(value, types[i], strlen(types[i])) == 0)
			return isprogram(value + strlen(types[i]));
	return isprogram(value);
}

const char *
cs_method_flaw(const char *value)
{
	const char *arg = strchr(value, ':');
	size_t len = arg == NULL ? strlen(value) : (size_t)(arg - value);

	if (arg != NULL)
		arg++;
	if (len == 7 && memcmp(value, "webroot", 7) == 0)
		return arg != NULL && *arg == '/' ?
		    NULL :
		    "has no absolute path: use webroot:DIRECTORY";
	if (len == 4 && memcmp(value, "http", 4) == 0)
		return arg == NULL || isaddrport(arg) ?
		    NULL :
		    "is not http, http:PORT or http:ADDRESS:PORT, with an "
		    "IPv6 address in brackets";
	if (len == 4 && memcmp(value, "hook", 4) == 0)
		return arg != NULL && ishookcall(arg) ?
		    NULL :
		    "names no program: use hook:PROGRAM, or hook:PROGRAM,WORD";
	if (len == 6 && memcmp(value, "tkauth", 6) == 0)
		return arg != NULL && isprogram(arg) ?
		    NULL :
		    "names no program: use tkauth:PROGRAM, or "
		    "tkauth:PROGRAM,WORD";
	if (strcmp(value, "dns-persist") == 0)
		return NULL;
	return "is not a method: use webroot:DIRECTORY, http, hook:PROGRAM, "
	       "tkauth:PROGRAM or dns-persist";
}
