/*
 * test-time.c: parsing and printing times and spans.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/private.h"
#include "tap.h"

#define AT CERTSTORE_SPAN_AT
#define FOR CERTSTORE_SPAN_FOR
#define PART CERTSTORE_SPAN_PART

static const struct {
	const char *text;
	enum certstore_span_type type;
	int64_t secs;
	unsigned int num;
	unsigned int den;
} spans[] = {
	{ "0", FOR, 0, 0, 0 },
	{ "00", FOR, 0, 0, 0 },
	{ "0d", FOR, 0, 0, 0 },
	{ "36h", FOR, 129600, 0, 0 },
	{ "90d", FOR, 7776000, 0, 0 },
	{ "2w", FOR, 1209600, 0, 0 },
	{ "1y", FOR, 31536000, 0, 0 },
	{ "0090d", FOR, 7776000, 0, 0 },
	{ "9999y", FOR, 315328464000, 0, 0 },
	{ "1/3", PART, 0, 1, 3 },
	{ "33%", PART, 0, 33, 100 },
	{ "0%", PART, 0, 0, 100 },
	{ "100%", PART, 0, 100, 100 },
	{ "1/1", PART, 0, 1, 1 },
	{ "999999/1000000", PART, 0, 999999, 1000000 },
	{ "1970-01-01", AT, 86399, 0, 0 },
	{ "2027-01-31", AT, 1801439999, 0, 0 },
	{ "2027-01-31T12:00:00Z", AT, 1801396800, 0, 0 },
	{ "2027-01-31t12:00:00z", AT, 1801396800, 0, 0 },
	{ "2027-01-31 12:00:00", AT, 1801396800, 0, 0 },
	{ "2027-01-31 12:00", AT, 1801396800, 0, 0 },
	{ "2027-01-31T12:00Z", AT, 1801396800, 0, 0 },
	{ "2027-01-31T14:00+02:00", AT, 1801396800, 0, 0 },
	{ "2027-01-31T06:30:00-05:30", AT, 1801396800, 0, 0 },
	{ "2024-02-29", AT, 1709251199, 0, 0 },
	{ "2000-02-29T00:00:00Z", AT, 951782400, 0, 0 },
	{ "2050-01-01T00:00:00Z", AT, 2524608000, 0, 0 },
	{ "1969-12-31T23:59:59Z", AT, -1, 0, 0 },
	{ "0001-01-01T00:00:00Z", AT, -62135596800, 0, 0 },
	{ "9999-12-31", AT, 253402300799, 0, 0 },
};

/* Refused, and what the message has to say. */
static const struct {
	const char *text;
	const char *say;
} badspans[] = {
	{ "", "\"\": is not a duration or a date: use 36h, 90d, 2w or 1y" },
	{ "90", "\"90\": a number without a unit: use 90d, 36h, 2w or 1y" },
	{ "2027", "a number without a unit" },
	{ "-1d", "a duration has no sign" },
	{ "+1d", "a duration has no sign" },
	{ " 1d", "not a duration or a date" },
	{ "1d ", "after the unit" },
	{ "1 d", "unknown unit" },
	{ "1D", "unknown unit" },
	{ "1m", "unknown unit" },
	{ "1.5d", "unknown unit" },
	{ "1y6w", "after the unit" },
	{ "d", "not a duration or a date" },
	{ "forever", "not a duration or a date" },
	{ "a\033[31mb", "\"a\\033[31mb\": is not a duration or a date" },
	{ "10000y", "longer than 9999y" },
	{ "99999999999999999999999999d", "longer than 9999y" },
	{ "9223372036854775808h", "longer than 9999y" },
	{ "99999999999999999999999999", "without a unit" },
	{ "1/0", "zero parts" },
	{ "0/0", "zero parts" },
	{ "4/3", "more than the whole" },
	{ "101%", "more than the whole" },
	{ "99999999999999999999%", "more than the whole" },
	{ "1/1000001", "finer than" },
	{ "1/99999999999999999999", "finer than" },
	{ "1/", "not a fraction" },
	{ "1/-3", "not a fraction" },
	{ "1/3/4", "after it" },
	{ "33%%", "after it" },
	{ "1/3d", "after it" },
	{ "/3", "not a duration or a date" },
	{ "%", "not a duration or a date" },
	{ "2027-1-31", "date is malformed" },
	{ "2027-", "date is malformed" },
	{ "2027-01", "date is malformed" },
	{ "2027-01-", "date is malformed" },
	{ "2027-01-3", "date is malformed" },
	{ "2027-01/31", "date is malformed" },
	{ "12027-01-31", "unknown unit" },
	{ "31.01.2027", "unknown unit" },
	{ "2027-00-10", "no such day" },
	{ "2027-13-10", "no such day" },
	{ "2027-01-00", "no such day" },
	{ "2027-01-32", "no such day" },
	{ "2027-04-31", "no such day" },
	{ "2027-02-29", "no such day" },
	{ "2100-02-29", "no such day" },
	{ "0000-01-01", "no such day" },
	{ "2027-01-31T", "time of day is malformed" },
	{ "2027-01-31T12", "time of day is malformed" },
	{ "2027-01-31T1:00", "time of day is malformed" },
	{ "2027-01-31T12:0", "time of day is malformed" },
	{ "2027-01-31T12:00:", "time of day is malformed" },
	{ "2027-01-31T24:00:00Z", "no such time of day" },
	{ "2027-01-31T23:60:00Z", "no such time of day" },
	{ "2016-12-31T23:59:60Z", "no such time of day" },
	{ "2027-01-31T12:00:00.5Z", "something after it" },
	{ "2027-01-31T12:00:00ZZ", "something after it" },
	{ "2027-01-31T12:00:00 UTC", "something after it" },
	{ "2027-01-31Z", "something after it" },
	{ "2027-01-31x", "something after it" },
	{ "2027-01-31T12:00+0200", "zone is not of the form" },
	{ "2027-01-31T12:00+02", "zone is not of the form" },
	{ "2027-01-31T12:00+24:00", "zone is not of the form" },
	{ "2027-01-31T12:00-01:60", "zone is not of the form" },
	{ "0001-01-01T00:00:00+00:01", "outside the years 1 to 9999" },
	{ "9999-12-31T23:59:59-00:01", "outside the years 1 to 9999" },
};

static const struct {
	const char *text;
	int64_t secs;
} points[] = {
	{ "@0", 0 },
	{ "@1801396800", 1801396800 },
	{ "@-1", -1 },
	{ "@253402300799", 253402300799 },
	{ "@-62135596800", -62135596800 },
	{ "2027-01-31", 1801439999 },
	{ "2027-01-31T12:00:00Z", 1801396800 },
};

static const struct {
	const char *text;
	const char *say;
} badpoints[] = {
	{ "", "\"\": is not a time: use 2027-01-31" },
	{ "90d", "\"90d\": is not a time" },
	{ "0", "not a time" },
	{ "1801396800", "not a time" },
	{ "now ", "not a time" },
	{ "Now", "not a time" },
	{ "@", "whole number of seconds" },
	{ "@-", "whole number of seconds" },
	{ "@+1", "whole number of seconds" },
	{ "@1.5", "whole number of seconds" },
	{ "@ 1", "whole number of seconds" },
	{ "@--1", "whole number of seconds" },
	{ "@253402300800", "outside the years" },
	{ "@-62135596801", "outside the years" },
	{ "@99999999999999999999999", "outside the years" },
	{ "@-99999999999999999999999", "outside the years" },
	{ "2027-02-30", "no such day" },
};

static const struct {
	int64_t secs;
	const char *text;
} formats[] = {
	{ 0, "1970-01-01T00:00:00Z" },
	{ -1, "1969-12-31T23:59:59Z" },
	{ 951782399, "2000-02-28T23:59:59Z" },
	{ 951782400, "2000-02-29T00:00:00Z" },
	{ 4107542400, "2100-03-01T00:00:00Z" },
	{ 1801396800, "2027-01-31T12:00:00Z" },
	{ 2147483648, "2038-01-19T03:14:08Z" },
	{ 253402300799, "9999-12-31T23:59:59Z" },
	{ 253402300800, "9999-12-31T23:59:59Z" },
	{ INT64_MAX, "9999-12-31T23:59:59Z" },
	{ -62135596800, "0001-01-01T00:00:00Z" },
	{ -62135596801, "0001-01-01T00:00:00Z" },
	{ INT64_MIN, "0001-01-01T00:00:00Z" },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
test_spans(void)
{
	struct certstore_error err = { 0 };
	struct certstore_span got;
	size_t i;

	for (i = 0; i < COUNT(spans); i++) {
		memset(&got, 0x5a, sizeof(got));
		is_int(certstore_span_parse(spans[i].text, &got, &err), 0,
		    "span %s", spans[i].text);
		ok(got.type == spans[i].type && got.num == spans[i].num &&
			got.den == spans[i].den,
		    "span %s: type and part", spans[i].text);
		is_int(got.secs, spans[i].secs, "span %s: seconds",
		    spans[i].text);
	}
	for (i = 0; i < COUNT(badspans); i++) {
		memset(&got, 0x5a, sizeof(got));
		memset(&err, 0, sizeof(err));
		is_int(certstore_span_parse(badspans[i].text, &got, &err), -1,
		    "bad span %zu refused", i);
		is_int(err.code, CERTSTORE_EARGUMENT, "bad span %zu: code", i);
		ok(strstr(err.msg, badspans[i].say) != NULL, "bad span %zu: %s",
		    i, err.msg);
		ok(got.secs == 0 && got.num == 0 && got.den == 0,
		    "bad span %zu: nothing given out", i);
	}
}

static void
test_points(void)
{
	struct certstore_error err = { 0 };
	int64_t before, t;
	size_t i;

	for (i = 0; i < COUNT(points); i++) {
		t = 5;
		is_int(certstore_time_parse(points[i].text, &t, &err), 0,
		    "point %s", points[i].text);
		is_int(t, points[i].secs, "point %s: seconds", points[i].text);
	}
	for (i = 0; i < COUNT(badpoints); i++) {
		t = 5;
		memset(&err, 0, sizeof(err));
		is_int(certstore_time_parse(badpoints[i].text, &t, &err), -1,
		    "bad point %zu refused", i);
		is_int(err.code, CERTSTORE_EARGUMENT, "bad point %zu: code", i);
		ok(strstr(err.msg, badpoints[i].say) != NULL,
		    "bad point %zu: %s", i, err.msg);
		is_int(t, 0, "bad point %zu: nothing given out", i);
	}
	before = (int64_t)time(NULL);
	ok(certstore_time_parse("now", &t, &err) == 0 && t >= before &&
		t <= (int64_t)time(NULL),
	    "now is now");
	ok(certstore_time_now() >= before, "so is certstore_time_now");
}

static void
test_format(void)
{
	char out[CERTSTORE_TIME_LEN];
	size_t i;

	for (i = 0; i < COUNT(formats); i++)
		is_str(certstore_time_format(formats[i].secs, out),
		    formats[i].text, "format %lld", (long long)formats[i].secs);
}

/* Each day of 9999 years, back again, and against the C library, as far as its
 * time_t goes. */
static void
test_everyday(void)
{
	struct certstore_error err;
	char out[CERTSTORE_TIME_LEN], want[128];
	int64_t back, t;
	struct tm tm;
	time_t clock;
	int bad = 0;

	for (t = -62135596800 + 43210; t < 253402300800; t += CS_DAY) {
		certstore_time_format(t, out);
		if (certstore_time_parse(out, &back, &err) == -1 || back != t)
			bad++;
		clock = (time_t)t;
		if (clock != t)
			continue;
		if (gmtime_r(&clock, &tm) == NULL)
			bail("no gmtime_r");
		snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min, tm.tm_sec);
		if (strcmp(out, want) != 0)
			bad++;
	}
	is_int(bad, 0, "every day from 0001 to 9999, there and back");
}

/* A zone in the environment changes nothing, even one that counts leap seconds
 * in UTC, as glibc's timegm(3) and gmtime_r(3) do then. */
static void
test_zone(const char *zone)
{
	struct certstore_error err;
	char out[CERTSTORE_TIME_LEN];
	int64_t t;

	if (setenv("TZ", zone, 1) == -1)
		bail("no setenv");
	tzset();
	ok(certstore_time_parse("2027-01-31T12:00:00", &t, &err) == 0 &&
		t == 1801396800,
	    "TZ=%s does not matter for parsing", zone);
	is_str(certstore_time_format(t, out), "2027-01-31T12:00:00Z",
	    "TZ=%s does not matter for formatting", zone);
}

int
main(void)
{
	test_spans();
	test_points();
	test_format();
	test_everyday();
	test_zone("Pacific/Kiritimati");
	test_zone("right/UTC");
	return tap_done();
}
