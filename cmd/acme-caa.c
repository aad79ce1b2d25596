/*
 * acme-caa.c: whether CAA records let the CA of a session issue.  The CA
 * decides: this is for a message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "entry.h"

#define IDENTITIES_MAX 16

/* Returns 1 and which record is in the way, or 0. */
int
caa_forbids(const struct session *session, const struct method_task *task,
    struct method_why *why)
{
	const char *issuers[IDENTITIES_MAX + 1];
	const json_t *list;
	size_t i, n = 0;

	why->msg[0] = '\0';
	/* records are of host names */
	if (strcmp(task->type, "tkauth-01") == 0)
		return 0;
	list = acme_json_array(acme_meta(session->acme), "caaIdentities");
	for (i = 0; i < json_array_size(list) && n < IDENTITIES_MAX; i++)
		if ((issuers[n] = acme_json_item(list, i)) != NULL)
			n++;
	issuers[n] = NULL;
	return n > 0 && method_caa(task, issuers, why) == 1;
}
