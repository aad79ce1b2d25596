/*
 * time.c: parses and prints times and spans.  The calendar is our own: with
 * TZ=right/UTC gmtime_r(3) and timegm(3) of glibc count leap seconds (27 by
 * 2026), and both read the time zone of the system first.
 */
#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

#define HOUR ((int64_t)3600)
#define YEAR (365 * CS_DAY)
#define FIRST (-INT64_C(62135596800)) /* 0001-01-01T00:00:00Z */
#define LAST INT64_C(253402300799)    /* 9999-12-31T23:59:59Z */
#define PART_MAX 1000000	      /* so that life * num has room */

#define REMEDY \
	"use 36h, 90d, 2w or 1y, a part as 1/3 or 33%, or a date as " \
	"2027-01-31"
#define REMEDY_AT "use 2027-01-31, 2027-01-31T12:00:00Z, @EPOCH or now"

static int
monthdays(int y, int m)
{
	static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		return 29;
	return days[m - 1];
}

/*
 * Seconds since the epoch for a date of the Gregorian calendar, from the year 0
 * on.  Years begin in March here, so that the leap day is the last.
 */
static int64_t
fromdate(int y, int m, int d, int h, int min, int s)
{
	int64_t day, year = m > 2 ? y : (int64_t)y - 1;
	int months = (m + 9) % 12; /* since March */

	day = year * 365 + year / 4 - year / 100 + year / 400;
	day += (months * 153 + 2) / 5 + d - 1;
	day -= 719468; /* days from 0000-03-01 to the epoch */
	return day * CS_DAY + h * HOUR + min * 60 + s;
}

static void
putdigits(char *p, int n, int64_t v)
{
	while (n-- > 0) {
		p[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/*
 * Writes a time as in RFC 3339.  A time outside the years 1 to 9999 becomes the
 * first or last second of them.
 */
const char *
certstore_time_format(int64_t t, char out[CERTSTORE_TIME_LEN])
{
	int64_t day, secs;
	int y, m;

	if (t < FIRST)
		t = FIRST;
	else if (t > LAST)
		t = LAST;
	day = (t - FIRST) / CS_DAY;
	secs = (t - FIRST) % CS_DAY;
	y = (int)(day * 400 / 146097) + 1; /* correct, or one too low */
	if (fromdate(y + 1, 1, 1, 0, 0, 0) <= t)
		y++;
	day -= (fromdate(y, 1, 1, 0, 0, 0) - FIRST) / CS_DAY;
	for (m = 1; day >= monthdays(y, m); m++)
		day -= monthdays(y, m);
	memcpy(out, "0000-00-00T00:00:00Z", sizeof("0000-00-00T00:00:00Z"));
	putdigits(out, 4, y);
	putdigits(out + 5, 2, m);
	putdigits(out + 8, 2, day + 1);
	putdigits(out + 11, 2, secs / HOUR);
	putdigits(out + 14, 2, secs / 60 % 60);
	putdigits(out + 17, 2, secs % 60);
	return out;
}

int64_t
certstore_time_now(void)
{
	return (int64_t)time(NULL);
}

/* The take functions read at *p and move it on.  This one takes n digits. */
static int
takedigits(const char **p, int n, int *v)
{
	*v = 0;
	while (n-- > 0) {
		if (!isdigit((unsigned char)**p))
			return 0;
		*v = *v * 10 + (*(*p)++ - '0');
	}
	return 1;
}

/* Takes a number of any length; INT64_MAX if it is larger. */
static int
takeinteger(const char **p, int64_t *v)
{
	int digit;

	if (!isdigit((unsigned char)**p))
		return 0;
	for (*v = 0; isdigit((unsigned char)**p); (*p)++) {
		digit = **p - '0';
		if (*v > (INT64_MAX - digit) / 10)
			*v = INT64_MAX;
		else
			*v = *v * 10 + digit;
	}
	return 1;
}

static int
isdate(const char *s)
{
	int y;

	return takedigits(&s, 4, &y) && *s == '-';
}

/* Takes "Z", "+hh:mm", "-hh:mm" or nothing; east: seconds east of UTC. */
static const char *
takezone(const char **p, int *east)
{
	int h, min, sign;

	*east = 0;
	if (**p == '\0')
		return NULL;
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		return NULL;
	}
	if (**p != '+' && **p != '-')
		return "the time has something after it: end it with Z or a "
		       "zone as +02:00";
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!takedigits(p, 2, &h) || *(*p)++ != ':' ||
	    !takedigits(p, 2, &min) || h > 23 || min > 59)
		return "the zone is not of the form +hh:mm: use Z or +02:00";
	*east = sign * (h * 3600 + min * 60);
	return NULL;
}

/* Takes "hh:mm" or "hh:mm:ss". */
static const char *
takeclock(const char **p, int *h, int *min, int *s)
{
	static const char form[] = "the time of day is malformed: use the "
				   "form 12:00 or 12:00:00";

	*s = 0;
	if (!takedigits(p, 2, h) || *(*p)++ != ':' || !takedigits(p, 2, min))
		return form;
	if (**p == ':') {
		(*p)++;
		if (!takedigits(p, 2, s))
			return form;
	}
	if (*h > 23 || *min > 59 || *s > 59)
		return "there is no such time of day: use 00:00:00 to 23:59:59";
	return NULL;
}

/*
 * Reads a date, or a date and time as in RFC 3339, where seconds and zone are
 * optional and a blank may replace T; UTC without a zone.  A date alone is the
 * last second of that day.  Returns what is wrong, or NULL.
 */
static const char *
dateflaw(const char *p, int64_t *t)
{
	const char *flaw;
	int y, m, d, h = 23, min = 59, s = 59, east = 0;

	if (!takedigits(&p, 4, &y) || *p++ != '-' || !takedigits(&p, 2, &m) ||
	    *p++ != '-' || !takedigits(&p, 2, &d))
		return "the date is malformed: use the form 2027-01-31";
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > monthdays(y, m))
		return "there is no such day: correct year, month or day";
	if (*p == 'T' || *p == 't' || *p == ' ') {
		p++;
		if ((flaw = takeclock(&p, &h, &min, &s)) != NULL ||
		    (flaw = takezone(&p, &east)) != NULL)
			return flaw;
	}
	if (*p != '\0')
		return "the date has something after it: use the form "
		       "2027-01-31T12:00:00Z for a time of day";
	*t = fromdate(y, m, d, h, min, s) - east;
	if (*t < FIRST || *t > LAST)
		return "in UTC this is outside the years 1 to 9999: use a "
		       "time within";
	return NULL;
}

/* Reads what follows the number in "1/3" or "33%". */
static const char *
partflaw(const char *p, int64_t num, struct certstore_span *span)
{
	int64_t den = 100;

	if (*p++ == '/' && !takeinteger(&p, &den))
		return "the part is not a fraction: use 1/3 or 33%";
	if (*p != '\0')
		return "the part has something after it: use 1/3 or 33%";
	if (den == 0)
		return "a part of zero parts does not exist: use 1/3 or 33%";
	if (den > PART_MAX)
		return "the part is finer than 1/1000000: use 1/3 or 33%";
	if (num > den)
		return "the part is more than the whole: use 1/3 or 33%";
	span->type = CERTSTORE_SPAN_PART;
	span->num = (unsigned int)num;
	span->den = (unsigned int)den;
	return NULL;
}

/* Reads what follows the number in "90d"; at most 9999 years. */
static const char *
lengthflaw(const char *p, int64_t n, struct certstore_span *span)
{
	int64_t unit;

	span->type = CERTSTORE_SPAN_FOR;
	switch (*p) {
	case 'h':
		unit = HOUR;
		break;
	case 'd':
		unit = CS_DAY;
		break;
	case 'w':
		unit = 7 * CS_DAY;
		break;
	case 'y':
		unit = YEAR;
		break;
	default:
		return "has an unknown unit: " REMEDY;
	}
	if (p[1] != '\0')
		return "has something after the unit: " REMEDY;
	if (n > 9999 * YEAR / unit)
		return "is longer than 9999y: use a shorter duration";
	span->secs = n * unit;
	return NULL;
}

int
certstore_span_parse(const char *s, struct certstore_span *span,
    struct certstore_error *err)
{
	const char *flaw, *p = s;
	int64_t n;

	memset(span, 0, sizeof(*span));
	if (isdate(s)) {
		span->type = CERTSTORE_SPAN_AT;
		flaw = dateflaw(s, &span->secs);
	} else if (!takeinteger(&p, &n)) {
		flaw = *s == '-' || *s == '+' ?
		    "a duration has no sign: " REMEDY :
		    "is not a duration or a "
		    "date: " REMEDY;
	} else if (*p == '/' || *p == '%') {
		flaw = partflaw(p, n, span);
	} else if (*p == '\0' && n == 0) {
		span->type = CERTSTORE_SPAN_FOR;
		flaw = NULL;
	} else if (*p == '\0') {
		flaw = "a number without a unit: use 90d, 36h, 2w or 1y";
	} else {
		flaw = lengthflaw(p, n, span);
	}
	if (flaw == NULL)
		return 0;
	memset(span, 0, sizeof(*span));
	return cs_name_refuse(s, flaw, err);
}

/* Checks a span that the caller of the library may have filled in itself. */
int
cs_time_checkspan(const struct certstore_span *span,
    struct certstore_error *err)
{
	int64_t secs = span->secs;

	if ((span->type == CERTSTORE_SPAN_AT && secs >= FIRST &&
		secs <= LAST) ||
	    (span->type == CERTSTORE_SPAN_FOR && secs >= 0 &&
		secs <= 9999 * YEAR) ||
	    (span->type == CERTSTORE_SPAN_PART && span->den > 0 &&
		span->num <= span->den && span->den <= PART_MAX))
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "span: its members are not those of a span: fill it in with "
	    "certstore_span_parse()");
}

/* Reads the seconds since the epoch that follow "@". */
static const char *
epochflaw(const char *p, int64_t *t)
{
	int before = *p == '-';

	p += before;
	if (!takeinteger(&p, t) || *p != '\0')
		return "the epoch time is not a whole number of seconds: use "
		       "@1800000000";
	if (before)
		*t = -*t;
	if (*t < FIRST || *t > LAST)
		return "this is outside the years 1 to 9999: use a time "
		       "within";
	return NULL;
}

int
certstore_time_parse(const char *s, int64_t *t, struct certstore_error *err)
{
	const char *flaw = NULL;

	*t = 0;
	if (strcmp(s, "now") == 0)
		*t = certstore_time_now();
	else if (*s == '@')
		flaw = epochflaw(s + 1, t);
	else if (isdate(s))
		flaw = dateflaw(s, t);
	else
		flaw = "is not a time: " REMEDY_AT;
	if (flaw == NULL)
		return 0;
	*t = 0;
	return cs_name_refuse(s, flaw, err);
}
