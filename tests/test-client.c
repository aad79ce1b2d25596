/*
 * test-client.c: what the client of ACME makes of header fields, URLs and JSON
 * of a server.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme.h"
#include "tap.h"

#define NOW 1800000000 /* 2027-01-15T08:00:00Z */
#define WEEK (7 * 24 * 3600)

static void
retryafter(void)
{
	static const struct {
		const char *text;
		int64_t date, want; /* want: after NOW; -1: malformed */
	} t[] = { { "0", 0, 0 }, { "1", 0, 1 }, { "86400", 0, 86400 },
		{ "1000000000000", 0, WEEK },
		{ "99999999999999999999", 0, WEEK }, { "-1", 0, -1 },
		{ "", 0, -1 }, { "1.5", 0, -1 }, { "1 ", 0, -1 },
		{ "soon", 0, -1 }, { "0x10", 0, -1 },
		{ "Fri, 15 Jan 2027 08:01:00 GMT", 0, 60 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0, -1 },
		{ "Sat, 15 Jan 2000 08:00:00 GMT", 0, 0 },
		{ "Thu, 15 Jan 2099 08:00:00 GMT", 0, WEEK },
		/* the server's clock is a day behind */
		{ "Thu, 14 Jan 2027 08:00:05 GMT", NOW - 86400, 5 } };
	int64_t got;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		got = acme_retry_parse(t[i].text, NOW, t[i].date);
		ok(got == (t[i].want == -1 ? 0 : NOW + t[i].want),
		    "Retry-After: %s: %lld", t[i].text, (long long)(got - NOW));
	}
}

static void
links(void)
{
	static const struct {
		const char *field, *want; /* TARGET REL, ... */
	} t[] = { { "<https://a/1>;rel=\"alternate\"",
		      "https://a/1 alternate," },
		{ "<u>;rel=alternate", "u alternate," },
		{ "<u> ; a=b ; REL = \"x alternate\" ", "u x alternate," },
		{ "<u>;rel=\"a\";rel=\"b\"", "u a," },
		{ "<u>;rel=a, <v>;rel=b", "u a,v b," },
		{ "<u>;title=\"x, <y>; \\\"\";rel=b,<v>", "u b,v ," },
		{ "<u>,", "u ," }, { "<u>;;rel=a", "u a," }, { "<>", " ," },
		{ "", "" }, { "<u", "" }, { "u;rel=a", "" },
		{ "<u>;rel=\"a", "" }, { "<u>;rel=\"a\\", "" },
		{ "<u>;=a", "" }, { "<u> x", "" }, { "<u>;rel=", "" },
		{ ", ,<u>", "u ," } };
	char got[256], target[8], rel[32], big[64];
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		got[0] = '\0';
		p = t[i].field;
		while (acme_link_next(&p, big, sizeof(big), rel, sizeof(rel)))
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
			    "%s %s,", big, rel);
		is_str(got, t[i].want, "Link: %s", t[i].field);
	}
	p = "<12345678>;rel=a";
	ok(acme_link_next(&p, target, sizeof(target), rel, sizeof(rel)) == 0,
	    "a target that is too long");
	p = "<1234567>;rel=a";
	ok(acme_link_next(&p, target, sizeof(target), rel, sizeof(rel)) == 1,
	    "one that just fits: %s", target);
	ok(acme_link_is("up  Alternate x", "alternate"), "one of many");
	ok(!acme_link_is("alternates", "alternate"), "a longer one");
	ok(!acme_link_is("", "alternate"), "none");
}

static void
urls(void)
{
	static const char *const good[] = { "https://a/", "https://a",
		"https://a.example.com:14000/dir?x=%20", "https://[::1]:9/d",
		"https://127.0.0.1/" };
	static const char *const bad[] = { "", "http://a/", "https://",
		"HTTPS://a/", "//a/", "/dir", "https://u@a/", "https://u:p@a/",
		"https://a/#f", "https://a/ b", "https://a/\n", "https://a/\"",
		"https://a/\xc3\xa4", "https://a:99999/", "https://a:x/",
		"file:///etc/passwd", "https:a", "https://a/\\" };
	char place[64], longer[ACME_URL_MAX + 2];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(acme_url_is(good[i]), "a URL: %s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!acme_url_is(bad[i]), "no URL: %zu", i);
	memset(longer, 'a', sizeof(longer) - 1);
	memcpy(longer, "https://a/", 10);
	longer[ACME_URL_MAX - 1] = '\0';
	ok(acme_url_is(longer), "the longest URL");
	longer[ACME_URL_MAX - 1] = 'a';
	longer[ACME_URL_MAX] = '\0';
	ok(!acme_url_is(longer), "a longer one");
	acme_url_place("https://A.example/x", place, sizeof(place));
	ok(strcasecmp(place, "a.example:443") == 0, "place: %s", place);
	acme_url_place("https://[::1]:9/x", place, sizeof(place));
	is_str(place, "[::1]:9", "place of an address");
}

static void
nonces(void)
{
	char nonce[1026];

	ok(acme_nonce_is("abcXYZ019-_"), "a nonce");
	ok(!acme_nonce_is(""), "an empty one");
	ok(!acme_nonce_is("a b") && !acme_nonce_is("a\n") &&
		!acme_nonce_is("a=") && !acme_nonce_is("a\"b"),
	    "other characters");
	memset(nonce, 'a', sizeof(nonce));
	nonce[1025] = '\0';
	ok(!acme_nonce_is(nonce), "one that is too long");
	nonce[1024] = '\0';
	ok(acme_nonce_is(nonce), "the longest");
}

static json_t *
parse(const char *text)
{
	struct acme_error err;

	return acme_json_parse(text, strlen(text), "u", &err);
}

static void
json(void)
{
	static const char *const bad[] = { "", "[]", "1", "null", "{", "{}x",
		"{\"a\":1,\"a\":1}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}",
		"{'a':1}", "{\"a\":1,}", "\xef\xbb\xbf{}" };
	char deep[8192], line[64];
	json_t *j;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(parse(bad[i]) == NULL, "no object: %zu", i);
	memset(deep, '[', sizeof(deep) - 1);
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = '\0';
	ok(parse(deep) == NULL, "8,000 brackets");
	j = parse("{\"s\":\"x\",\"n\":7,\"a\":[\"y\",8],\"o\":{},"
		  "\"u\":\"https://a/\",\"h\":\"http://a/\"}");
	is_str(acme_json_string(j, "s"), "x", "a string");
	ok(acme_json_string(j, "n") == NULL &&
		acme_json_string(j, "z") == NULL &&
		acme_json_string(NULL, "s") == NULL,
	    "what is none");
	ok(acme_json_array(j, "a") != NULL && acme_json_array(j, "o") == NULL &&
		acme_json_object(j, "a") == NULL &&
		acme_json_object(j, "o") != NULL,
	    "arrays and objects");
	is_str(acme_json_item(acme_json_array(j, "a"), 0), "y", "an item");
	is_str(acme_json_item(acme_json_array(j, "a"), 1), "",
	    "a number as item");
	is_str(acme_json_item(acme_json_array(j, "a"), 9), "", "no item");
	is_str(acme_json_url(j, "u"), "https://a/", "a URL");
	ok(acme_json_url(j, "h") == NULL && acme_json_url(j, "n") == NULL,
	    "no URL");
	json_decref(j);
	j = parse("{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":"
		  "\"a\\u001b\\nb\",\"subproblems\":[7,{\"identifier\":"
		  "{\"value\":\"h\"},\"detail\":\"c\"},{\"type\":\"x\"}]}");
	acme_problem_text(j, line, sizeof(line));
	ok(strstr(line, "(dns); ; h: \"c\"; (x)") != NULL &&
		strpbrk(line, "\x1b\n") == NULL,
	    "a problem: %s", line);
	acme_problem_text(j, line, 12);
	ok(strlen(line) < 12, "a problem that is cut: %s", line);
	json_decref(j);
}

static void
times(void)
{
	static const struct {
		const char *text;
		int64_t want;
	} t[] = { { "2027-01-15T08:00:00Z", NOW },
		{ "2027-01-15t08:00:00z", NOW },
		{ "2027-01-15T08:00:00.123456789Z", NOW },
		{ "2027-01-15T09:30:00+01:30", NOW },
		{ "2027-01-15T06:00:00-02:00", NOW },
		{ "2027-01-15T08:00:00", 0 }, { "2027-01-15T08:00:00.Z", 0 },
		{ "2027-13-15T08:00:00Z", 0 }, { "2027-01-15 08:00:00Z", 0 },
		{ "2027-01-15T08:00:00+1:30", 0 },
		{ "2027-01-15T08:00:00+01:30x", 0 },
		{ "2027-01-15T08:00:00+24:00", 0 }, { "now", 0 }, { "", 0 },
		{ "@1800000000000000000", 0 } };
	int64_t got;
	json_t *j;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		j = json_pack("{ss}", "t", t[i].text);
		got = acme_json_time(j, "t");
		ok(got == t[i].want, "time: %s: %lld", t[i].text,
		    (long long)got);
		json_decref(j);
	}
}

static void
base64url(void)
{
	char *text;

	text = acme_base64url(
	    "-----BEGIN X-----\nAa+/\nZz8=\n-----END X-----\n");
	is_str(text, "Aa-_Zz8", "PEM as base64url");
	free(text);
}

int
main(void)
{
	retryafter();
	links();
	urls();
	nonces();
	json();
	times();
	base64url();
	return tap_done();
}
