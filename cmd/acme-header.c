/*
 * acme-header.c: header fields of answers, and URLs.  They are parsed strictly;
 * what is malformed is as if it was missing.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "acme.h"

/* The longest limit in use is a week: what is longer is a mistake. */
#define RETRY_MAX ((int64_t)7 * 24 * 3600)

static const char *
skipblanks(const char *p)
{
	return p + strspn(p, " \t");
}

/*
 * Reads a token or a quoted string, RFC 9110 section 5.6; what does not fit is
 * cut.  Returns where it ends, or NULL if it is malformed.
 */
static const char *
readvalue(const char *p, char *out, size_t size)
{
	size_t len = 0, n;

	if (*p != '"') {
		n = strcspn(p, " \t;,=\"");
		snprintf(out, size, "%.*s", (int)n, p);
		return n == 0 ? NULL : p + n;
	}
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return NULL;
		if (len + 1 < size)
			out[len++] = *p;
	}
	out[len] = '\0';
	return p + 1;
}

/*
 * Gets the next link of a Link field, RFC 8288 section 3: its target as it
 * stands, and its relation types.  Returns 1, or 0 at the end or where the
 * field is malformed.
 */
int
acme_link_next(const char **field, char *target, size_t tsize, char *rel,
    size_t rsize)
{
	const char *p = *field + strspn(*field, " \t,");
	char name[32], value[256];
	size_t n;
	int has = 0;

	*rel = '\0';
	if (*p != '<' || p[n = strcspn(p, ">")] == '\0' || n > tsize)
		return 0;
	snprintf(target, tsize, "%.*s", (int)n - 1, p + 1);
	for (p = skipblanks(p + n + 1); *p == ';'; p = skipblanks(p)) {
		p = skipblanks(p + 1);
		if (*p == ';' || *p == ',' || *p == '\0')
			continue;
		if ((p = readvalue(p, name, sizeof(name))) == NULL)
			return 0;
		value[0] = '\0';
		p = skipblanks(p);
		if (*p == '=' &&
		    (p = readvalue(skipblanks(p + 1), value, sizeof(value))) ==
			NULL)
			return 0;
		/* section 3.3: only the first rel counts */
		if (strcasecmp(name, "rel") == 0 && !has) {
			snprintf(rel, rsize, "%s", value);
			has = 1;
		}
	}
	if (*p != ',' && *p != '\0')
		return 0;
	*field = p;
	return 1;
}

/* Whether a type is among relation types, with blanks between them. */
int
acme_link_is(const char *rel, const char *type)
{
	size_t n;

	for (; *rel != '\0'; rel += n) {
		rel += strspn(rel, " ");
		n = strcspn(rel, " ");
		if (n == strlen(type) && strncasecmp(rel, type, n) == 0)
			return 1;
	}
	return 0;
}

/*
 * A date as "Thu, 15 Jan 2099 08:00:00 GMT", which a time_t of 32 bits does not
 * have; 0 if it is none.
 */
static int64_t
parsefixdate(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct certstore_error ignored;
	char clock[9], iso[64], month[4];
	const char *m;
	int day, year;
	int64_t when;

	if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %8[0-9:] GMT", &day,
		month, &year, clock) != 4 ||
	    strlen(month) != 3 || (m = strstr(months, month)) == NULL ||
	    (m - months) % 3 != 0)
		return 0;
	snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%sZ", year,
	    (int)(m - months) / 3 + 1, day, clock);
	return certstore_time_parse(iso, &when, &ignored) == -1 ? 0 : when;
}

/* An HTTP date, RFC 9110 section 5.6.7; 0 if malformed or before 2000. */
int64_t
acme_date_parse(const char *text)
{
	int64_t when;

	/* curl_getdate() takes much else, but no other begins like this */
	if (!isalpha((unsigned char)*text) || strlen(text) > 40)
		return 0;
	if ((when = parsefixdate(text)) == 0)
		when = curl_getdate(text, NULL);
	return when < 946684800 ? 0 : when;
}

/*
 * The time of a Retry-After field, RFC 9110 section 10.2.3: seconds, or a date,
 * which is compared with that of the answer if it has one.  Returns a time
 * between now and a week later, or 0 if the field is malformed.
 */
int64_t
acme_retry_parse(const char *text, int64_t now, int64_t date)
{
	int64_t when, secs;
	size_t n = strspn(text, "0123456789");

	if (n > 0 && text[n] == '\0')
		secs = n > 9 ? RETRY_MAX : atol(text);
	else if ((when = acme_date_parse(text)) != 0)
		secs = when - (date != 0 ? date : now);
	else
		return 0;
	if (secs < 0)
		secs = 0;
	return now + (secs > RETRY_MAX ? RETRY_MAX : secs);
}

/* RFC 8555 section 6.5.1: base64url. */
int
acme_nonce_is(const char *text)
{
	size_t n;

	n = strspn(text,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_");
	return n > 0 && n <= 1024 && text[n] == '\0';
}

/* Gets HOST:PORT of a URL, the port always.  Returns 0 or -1. */
int
acme_url_place(const char *url, char *place, size_t size)
{
	CURLU *u;
	char *host = NULL, *port = NULL;
	int rv = -1;

	place[0] = '\0';
	if ((u = curl_url()) == NULL)
		return -1;
	if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
		CURLUE_OK &&
	    (size_t)snprintf(place, size, "%s:%s", host, port) < size)
		rv = 0;
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return rv;
}

/*
 * Whether a text is an absolute https URL without user and fragment, of
 * characters that RFC 3986 allows: safe in a line, a file and a JWS.
 */
int
acme_url_is(const char *url)
{
	CURLU *u;
	char place[300];
	const char *p;
	int good;

	if (strncmp(url, "https://", 8) != 0 || strlen(url) >= ACME_URL_MAX)
		return 0;
	for (p = url; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}#", *p) != NULL)
			return 0;
	if ((u = curl_url()) == NULL)
		return 0;
	good = curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) ==
	    CURLUE_OK;
	curl_url_cleanup(u);
	return good && acme_url_place(url, place, sizeof(place)) == 0;
}
