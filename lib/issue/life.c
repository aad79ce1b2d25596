/*
 * life.c: how long a certificate is to be valid, and when that is a property of
 * its entry: an end that is that of a CA above does not tell.
 */
#include <stdio.h>

#include "issue/private.h"

#define HOUR ((int64_t)3600)

/* The seconds from now that a template asks for, or the default. */
int64_t
cs_life_asked(const struct certstore_template *t, int64_t now)
{
	if (!t->haslife)
		return t->ca ? CS_LIFE_CA : CS_LIFE;
	return t->life.type == CERTSTORE_SPAN_AT ? t->life.secs - now :
						   t->life.secs;
}

/*
 * Warns if the end that a template asks for is cut to that of the issuer, or if
 * what is NULL, that of all that it signs.  If the default ends up to a day
 * later, there is no warning: the default of a CA is as long.
 */
void
cs_life_warn(const struct certstore *store, const char *what,
    const struct certstore_template *t, const struct cs_issuer *is)
{
	char end[CERTSTORE_TIME_LEN], asked[CERTSTORE_TIME_LEN];
	const char *ca = is->entry.info.name;
	int64_t now = certstore_time_now(), until;

	until = now + cs_life_asked(t, now);
	if (until <= is->ends || (!t->haslife && until - is->ends <= CS_DAY))
		return;
	certstore_time_format(is->ends, end);
	certstore_time_format(until, asked);
	if (what == NULL)
		cs_warn(store,
		    "certificates expire %s, with their CA %s, not %s", end, ca,
		    asked);
	else
		cs_warn(store, "%s: expires %s, with its CA %s, not %s", what,
		    end, ca, asked);
}

/* Adds a change of props to what is written: life=SECS, in days or else hours,
 * rounded up; 0: none.  It has to stay until that is written. */
void
cs_life_record(struct cs_life *life, struct cs_put *put, int64_t secs)
{
	static char prop[] = "life";
	int64_t hours = (secs + HOUR - 1) / HOUR;

	if (secs <= 0)
		life->text[0] = '\0';
	else if (hours % 24 == 0)
		snprintf(life->text, sizeof(life->text), "%lldd",
		    (long long)(hours / 24));
	else
		snprintf(life->text, sizeof(life->text), "%lldh",
		    (long long)hours);
	life->change = (struct cs_propchange){ .prop = prop,
		.how = CERTSTORE_SET_REPLACE,
		.value = life->text };
	put->change = &life->change;
	put->nchange = 1;
}
