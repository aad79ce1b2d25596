/*
 * auditentry.c: what is wrong with an entry, as far as it can be seen without
 * parsing its certificates.
 */
#include <string.h>

#include "audit/private.h"

/* The text of an error without the name of the entry before it. */
static const char *
textwithout(const char *msg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(msg, name, len) == 0 &&
		strncmp(msg + len, ": ", 2) == 0 ?
	    msg + len + 2 :
	    msg;
}

/* A certificate of the entry, or the subject of one in its chain. */
static int
lookend(struct certstore_audit *audit, const char *name, const char *subject,
    int64_t ends, struct certstore_error *err)
{
	char text[CERTSTORE_TIME_LEN];

	if (ends >= audit->when)
		return 0;
	return cs_finding_add(audit, CS_CODE_EXPIRED, name, err,
	    "%s%s expired at %s", subject == NULL ? "" : "chain: ",
	    subject == NULL ? "the certificate" : subject,
	    certstore_time_format(ends, text));
}

int
cs_auditentry_look(struct certstore_audit *audit, const char *name,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	struct certstore_error why;
	size_t i;
	int rv = 0;

	if (cs_entry_load(audit->store, name, &audit->entry, &why) == -1) {
		if (why.code != CERTSTORE_EDAMAGED) {
			*err = why;
			return -1;
		}
		return cs_finding_add(audit, CS_CODE_DAMAGED, name, err, "%s",
		    textwithout(why.msg, name));
	}
	if (info->fingerprint != NULL)
		rv = lookend(audit, name, NULL, info->ends, err);
	for (i = 0; rv == 0 && i < info->nissuing; i++)
		rv = lookend(audit, name, info->issuing[i].subject,
		    info->issuing[i].ends, err);
	return rv;
}
