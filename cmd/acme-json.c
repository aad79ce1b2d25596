/*
 * acme-json.c: JSON of answers.  Duplicate names are refused, and a value of
 * another type is as if it was missing: callers need not look.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme.h"

int
acme_fail(struct acme_error *err, enum acme_why why, const char *fmt, ...)
{
	va_list ap;

	memset(err, 0, sizeof(*err));
	err->why = why;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return -1;
}

/* Parses an object; url is where it comes from, for the message. */
json_t *
acme_json_parse(const char *text, size_t len, const char *url,
    struct acme_error *err)
{
	json_error_t jerr;
	json_t *json;

	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &jerr);
	if (json_is_object(json))
		return json;
	if (json == NULL && json_error_code(&jerr) == json_error_out_of_memory)
		acme_fail(err, ACME_LOCAL, "no memory left");
	else
		acme_fail(err, ACME_ODD, "%s: the answer is not a JSON object",
		    url);
	json_decref(json);
	return NULL;
}

const char *
acme_json_string(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

/* A URL that is https and safe in a line, or NULL. */
const char *
acme_json_url(const json_t *json, const char *key)
{
	const char *url = acme_json_string(json, key);

	return url != NULL && acme_url_is(url) ? url : NULL;
}

/* An item of an array; "" if it is no text. */
const char *
acme_json_item(const json_t *array, size_t i)
{
	const char *text = json_string_value(json_array_get(array, i));

	return text == NULL ? "" : text;
}

json_t *
acme_json_array(const json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	return json_is_array(value) ? value : NULL;
}

json_t *
acme_json_object(const json_t *json, const char *key)
{
	json_t *value = json_object_get(json, key);

	return json_is_object(value) ? value : NULL;
}

/* The compact text of a value, for free(3); NULL: no memory. */
char *
acme_json_text(const json_t *json)
{
	return json_dumps(json, JSON_COMPACT);
}

/* Appends text to a line, escaped, cut at its size. */
static void
addclean(char *line, size_t size, const char *text)
{
	size_t len = strlen(line);

	certstore_escape(line + len, size - len, text, strlen(text));
}

static void
addplain(char *line, size_t size, const char *text)
{
	size_t len = strlen(line);

	snprintf(line + len, size - len, "%s", text);
}

/* Adds "detail" (type), RFC 7807; the URN of ACME's own types is left out. */
static void
addproblem(char *line, size_t size, const json_t *problem)
{
	static const char urn[] = "urn:ietf:params:acme:error:";
	const char *detail = acme_json_string(problem, "detail");
	const char *type = acme_json_string(problem, "type");

	if (detail == NULL)
		detail = acme_json_string(problem, "title");
	if (detail != NULL && *detail != '\0') {
		addplain(line, size, "\"");
		addclean(line, size, detail);
		addplain(line, size, "\"");
	}
	if (type == NULL)
		return;
	if (strncmp(type, urn, sizeof(urn) - 1) == 0)
		type += sizeof(urn) - 1;
	addplain(line, size, detail == NULL ? "(" : " (");
	addclean(line, size, type);
	addplain(line, size, ")");
}

/*
 * Writes a problem document, RFC 7807, as one escaped line, with the
 * subproblems of RFC 8555 section 6.7.1: "detail" (type); NAME: "detail" (type)
 */
void
acme_problem_text(const json_t *problem, char *line, size_t size)
{
	const char *name;
	json_t *sub;
	size_t i;

	line[0] = '\0';
	addproblem(line, size, problem);
	json_array_foreach(acme_json_array(problem, "subproblems"), i, sub)
	{
		addplain(line, size, "; ");
		name = acme_json_string(acme_json_object(sub, "identifier"),
		    "value");
		if (name != NULL) {
			addclean(line, size, name);
			addplain(line, size, ": ");
		}
		addproblem(line, size, sub);
	}
}

/* A time of RFC 3339, UTC or with an offset; 0 if it is none. */
int64_t
acme_json_time(const json_t *json, const char *key)
{
	const char *text = acme_json_string(json, key);
	struct certstore_error err;
	char sign, utc[CERTSTORE_TIME_LEN];
	unsigned int hours = 0, minutes = 0;
	int64_t when, offset;
	size_t n;
	int end = 0;

	/* YYYY-MM-DDThh:mm:ss, a fraction, then Z or +hh:mm */
	if (text == NULL || strlen(text) < 20)
		return 0;
	snprintf(utc, sizeof(utc), "%.19sZ", text);
	utc[10] = utc[10] == 't' ? 'T' : utc[10];
	if (utc[10] != 'T' || certstore_time_parse(utc, &when, &err) == -1)
		return 0;
	text += 19;
	if (*text == '.') {
		if ((n = strspn(text + 1, "0123456789")) == 0)
			return 0;
		text += n + 1;
	}
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return when;
	if (sscanf(text, "%c%2u:%2u%n", &sign, &hours, &minutes, &end) != 3 ||
	    end != 6 || text[6] != '\0' || (sign != '+' && sign != '-') ||
	    hours > 23 || minutes > 59)
		return 0;
	offset = (int64_t)hours * 3600 + (int64_t)minutes * 60;
	return sign == '+' ? when - offset : when + offset;
}
