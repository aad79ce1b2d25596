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

/* Does a record allow this account of this CA to do this? */
static int
allows(const char *text, const struct method_task *task)
{
	const char *part, *rest = text, *value;
	int account = 0, wildcard = 0;
	size_t len, n;

	if (!kind_part_next(&rest, &part, &len) ||
	    len != strlen(task->issuer) ||
	    strncasecmp(part, task->issuer, len) != 0)
		return 0;
	while (kind_part_next(&rest, &part, &len)) {
		n = len;
		if ((value = kind_part_value(part, &n, "accounturi=")) != NULL)
			account = kind_part_is(value, n, task->account);
		n = len;
		if ((value = kind_part_value(part, &n, "policy=")) != NULL)
			wildcard = n == 8 &&
			    strncasecmp(value, "wildcard", n) == 0;
		n = len;
		if ((value = kind_part_value(part, &n, "persistUntil=")) !=
			NULL &&
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
