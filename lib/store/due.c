/*
 * due.c: when an entry is to be renewed, and the properties that change it.
 */
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define SHORT_LIFE (10 * CS_DAY)

static const char *
yesnoflaw(const char *value)
{
	return strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 ?
	    NULL :
	    "is not yes or no";
}

const char *
cs_due_keepkeyflaw(const char *value)
{
	return yesnoflaw(value);
}

/* A duration or a part of the validity; not a date, and not nothing. */
static int
readwithin(const char *value, struct certstore_span *span)
{
	struct certstore_error ignored;

	if (certstore_span_parse(value, span, &ignored) == -1 ||
	    span->type == CERTSTORE_SPAN_AT)
		return 0;
	return span->type == CERTSTORE_SPAN_FOR ? span->secs > 0 :
						  span->num > 0;
}

const char *
cs_due_renewflaw(const char *value)
{
	struct certstore_span span;

	return yesnoflaw(value) == NULL || readwithin(value, &span) ?
	    NULL :
	    "is not yes, no, or how long before its end, as 30d or 1/3";
}

const char *
cs_due_lifeflaw(const char *value)
{
	struct certstore_span span;

	return readwithin(value, &span) && span.type == CERTSTORE_SPAN_FOR ?
	    NULL :
	    "is not a duration, as 90d";
}

/* Reads "2027-01-31T12:00:00Z some reason": 1 or 0. */
static int
readhold(const char *value, int64_t *until)
{
	struct certstore_error ignored;
	char time[CERTSTORE_TIME_LEN];
	size_t len = strcspn(value, " ");

	if (len >= sizeof(time))
		return 0;
	memcpy(time, value, len);
	time[len] = '\0';
	return certstore_time_parse(time, until, &ignored) == 0;
}

const char *
cs_due_holdflaw(const char *value)
{
	int64_t until;

	return readhold(value, &until) ?
	    NULL :
	    "does not begin with a time, as 2027-01-31T12:00:00Z";
}

/* Until when renewal is held; the reason, which may be empty. */
int
cs_due_hold(const struct cs_info *info, int64_t *until, const char **reason)
{
	if (info->hold == NULL || !readhold(info->hold, until))
		return 0;
	*reason = info->hold + strcspn(info->hold, " ");
	*reason += **reason == ' ';
	return 1;
}

/* When it was revoked, or 0. */
static int64_t
readrevoked(const struct cs_info *info)
{
	int64_t when;

	return info->revoked != NULL && readhold(info->revoked, &when) ? when :
									 0;
}

/* How long before the end a certificate is renewed that has no other rule. */
int64_t
cs_due_span(const struct cs_info *info)
{
	int64_t life = info->ends - info->starts;

	return life < SHORT_LIFE ? life / 2 : life / 3;
}

/*
 * Up to a tenth of the span, by the name: what was made on one day is not due
 * on one day.
 */
static int64_t
spreaddue(const struct cs_info *info, int64_t span)
{
	char hex[CS_HASH_LEN];

	cs_hash(hex, info->name, strlen(info->name));
	hex[4] = '\0';
	return span / 10 * (int64_t)strtoul(hex, NULL, 16) / 65536;
}

/*
 * Does the request of an ACME order wait?  It is for a first certificate, or was
 * asked for and failed, or the CA has not finished: there is something to do,
 * whatever the certificate is.
 */
int
cs_due_waits(const struct cs_info *info)
{
	return info->acme != NULL && info->hasrequest && info->ordered;
}

int64_t
cs_due_at(const struct cs_info *info, const struct certstore_span *within)
{
	struct certstore_span own;
	int64_t life = info->ends - info->starts, revoked, span;
	int asked = within != NULL;

	if (info->fingerprint == NULL || cs_due_waits(info))
		return 0;
	if ((revoked = readrevoked(info)) > 0)
		return revoked;
	if (within == NULL && info->renew != NULL &&
	    readwithin(info->renew, &own))
		within = &own;
	span = cs_due_span(info);
	if (within == NULL)
		return info->ends - span - spreaddue(info, span);
	if (within->type == CERTSTORE_SPAN_AT)
		return info->ends <= within->secs ? info->starts : info->ends;
	if (within->type == CERTSTORE_SPAN_FOR)
		span = within->secs;
	else
		span = life * (int64_t)within->num / (int64_t)within->den;
	/* else each new certificate would be due at once */
	return info->ends - (asked || span < life ? span : life / 2);
}

const char *
cs_due_never(const struct cs_info *info, int named)
{
	int yes = info->renew != NULL && cs_due_renewflaw(info->renew) == NULL;

	if (yes && strcmp(info->renew, "no") == 0)
		return "renew=no";
	if (info->fingerprint == NULL)
		return info->acme != NULL && info->ordered ?
		    NULL :
		    "has no certificate yet";
	if (info->acme != NULL)
		return NULL;
	if (!info->haskey)
		return "has no private key";
	if (yes || named)
		return NULL;
	if (info->origin == NULL || strcmp(info->origin, "create") != 0)
		return "was imported";
	return info->self && strcmp(info->kind, "ca") != 0 ? "is self-signed" :
							     NULL;
}

int
cs_due_moment(const struct cs_info *info, int64_t *when)
{
	const char *reason;
	int64_t until;

	if (cs_due_never(info, 0) != NULL)
		return 0;
	*when = cs_due_at(info, NULL);
	if (cs_due_hold(info, &until, &reason) && until > *when)
		*when = until;
	return 1;
}
