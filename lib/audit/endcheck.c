/*
 * endcheck.c: what expired, and what expires within a time.
 */
#include "audit/private.h"

int
cs_endcheck_iswithin(const struct certstore_audit *audit, int i, int64_t starts,
    int64_t ends)
{
	const struct certstore_span *span = &audit->within[i];

	if (span->type == CERTSTORE_SPAN_PART)
		return (double)(ends - audit->when) * span->den <
		    (double)(ends - starts) * span->num;
	return ends <= cs_needed_until(span, audit->when);
}

int
cs_endcheck_cert(struct certstore_audit *audit, const char *name,
    const char *subject, int64_t starts, int64_t ends,
    enum certstore_severity most, struct certstore_error *err)
{
	char text[CERTSTORE_TIME_LEN];
	int64_t days;
	enum certstore_severity severity;
	int i;

	certstore_time_format(ends, text);
	if (subject == NULL)
		subject = "the certificate";
	days = (ends - audit->when) / CS_DAY;
	/* the last second is valid: RFC 5280 section 4.1.2.5 */
	if (ends < audit->when)
		return cs_finding_addas(audit, most, CS_CODE_EXPIRED, name, err,
		    "%s expired at %s", subject, text);
	for (i = audit->nwithin - 1; i >= 0; i--) {
		if (!cs_endcheck_iswithin(audit, i, starts, ends))
			continue;
		severity = i == 0 ? CERTSTORE_WARNING : CERTSTORE_CRITICAL;
		if (severity > most)
			severity = most;
		return cs_finding_addas(audit, severity, CS_CODE_EXPIRES, name,
		    err, "%s expires at %s, in %lld day%s", subject, text,
		    (long long)days, days == 1 ? "" : "s");
	}
	return 0;
}

int
cs_endcheck_entry(struct certstore_audit *audit,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	const char *subject;
	int64_t ends;
	size_t i;
	int rv = 0;

	if (info->fingerprint == NULL)
		return 0;
	ends = cs_info_ends(info, &subject);
	if (ends < audit->ends)
		audit->ends = ends;
	rv = cs_endcheck_cert(audit, info->name, NULL, info->starts, info->ends,
	    CERTSTORE_CRITICAL, err);
	for (i = 0; rv == 0 && i < info->nissuing; i++)
		rv = cs_endcheck_cert(audit, info->name,
		    info->issuing[i].subject, info->starts,
		    info->issuing[i].ends, CERTSTORE_CRITICAL, err);
	return rv;
}
