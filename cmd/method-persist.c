/*
 * method-persist.c: dns-persist, a TXT record that stays and names the account:
 * draft-ietf-acme-dns-persist.  The operator makes it once; there is no token.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define VALIDATION "_validation-persist."

static int
canpersist(const struct method *m, const struct method_task *task)
{
	(void)m;
	return strcmp(task->type, "dns-persist-01") == 0 && !task->isip;
}

/* The next parameter behind a semicolon, without blanks around: 1 or 0. */
static int
nextpart(const char **rest, const char **part, size_t *len)
{
	const char *p = *rest;

	if (p == NULL)
		return 0;
	p += strspn(p, " \t");
	*part = p;
	*len = strcspn(p, ";");
	*rest = p[*len] == ';' ? p + *len + 1 : NULL;
	while (*len > 0 && (p[*len - 1] == ' ' || p[*len - 1] == '\t'))
		(*len)--;
	return 1;
}

/* The value of "key=" at the start of a part, or NULL. */
static const char *
valueof(const char *part, size_t *len, const char *key)
{
	size_t n = strlen(key);

	if (*len < n || strncasecmp(part, key, n) != 0)
		return NULL;
	*len -= n;
	return part + n;
}

static int
istext(const char *p, size_t len, const char *text)
{
	return len == strlen(text) && memcmp(p, text, len) == 0;
}

/* Does a record allow this account of this CA to do this? */
static int
allows(const char *text, const struct method_task *task)
{
	const char *part, *rest = text, *value;
	int account = 0, wildcard = 0;
	size_t len, n;

	if (!nextpart(&rest, &part, &len) || len != strlen(task->issuer) ||
	    strncasecmp(part, task->issuer, len) != 0)
		return 0;
	while (nextpart(&rest, &part, &len)) {
		n = len;
		if ((value = valueof(part, &n, "accounturi=")) != NULL)
			account = istext(value, n, task->account);
		n = len;
		if ((value = valueof(part, &n, "policy=")) != NULL)
			wildcard = n == 8 &&
			    strncasecmp(value, "wildcard", n) == 0;
		n = len;
		if ((value = valueof(part, &n, "persistUntil=")) != NULL &&
		    strtoll(value, NULL, 10) < certstore_time_now())
			return 0;
	}
	return account && (wildcard || !task->wildcard);
}

static int
hasrecord(const struct dns_txt *txt, void *arg)
{
	size_t i;

	for (i = 0; i < txt->n; i++)
		if (allows(txt->text[i], arg))
			return 1;
	return 0;
}

/* That no server has the record is sure; then the CA need not be asked. */
static int
lookpersist(struct method *m, const struct method_task *task,
    struct method_why *why)
{
	struct method_task wanted = *task;
	char *name, server[256] = "";
	enum dns_found found;
	const char *above;

	(void)m;
	name = kind_print(VALIDATION "%s", task->name);
	found = dns_look(name, hasrecord, &wanted, server, sizeof(server));
	free(name);
	/* one with policy=wildcard is also for the names below it */
	wanted.wildcard = 1;
	above = task->name;
	while (found == DNS_SOME && (above = strchr(above, '.')) != NULL &&
	    strchr(++above, '.') != NULL) {
		name = kind_print(VALIDATION "%s", above);
		if (dns_look(name, hasrecord, &wanted, server,
			sizeof(server)) == DNS_ALL)
			found = DNS_ALL;
		free(name);
	}
	if (kind_stopped(why) == -1)
		return -1;
	if (found == DNS_ALL)
		return 0;
	kind_fail(why,
	    "%s: %s: add it: " VALIDATION "%s. IN TXT \"%s; accounturi=%s%s\"",
	    task->name,
	    found == DNS_SOME ? "the record for dns-persist is missing" :
				"no name server answers here for the record",
	    task->name, task->issuer, task->account,
	    task->wildcard ? "; policy=wildcard" : "");
	return found == DNS_SOME ? -1 : 1;
}

const struct kind kind_persist = {
	.name = "dns-persist",
	.can = canpersist,
	.look = lookpersist,
};
