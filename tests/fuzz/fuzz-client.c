/*
 * fuzz-client.c: what an ACME server sends: values of header fields, and JSON.
 * What is accepted is safe in a line, and a time to wait for is near.
 */
#include <stdlib.h>
#include <string.h>

#include "acme.h"
#include "fuzz.h"

#define NOW 1800000000

static void
judge_field(const char *text)
{
	char target[ACME_URL_MAX], rel[128], place[300];
	const char *p = text;
	int64_t when;

	while (acme_link_next(&p, target, sizeof(target), rel, sizeof(rel)))
		(void)acme_link_is(rel, "alternate");
	when = acme_retry_parse(text, NOW, acme_date_parse(text));
	HOLDS(when == 0 || (when >= NOW && when <= NOW + 7 * 24 * 3600));
	HOLDS(!acme_nonce_is(text) || strpbrk(text, "\r\n\"\\ ") == NULL);
	HOLDS(!acme_url_is(text) || strpbrk(text, "\r\n\"\\ #") == NULL);
	(void)acme_url_place(text, place, sizeof(place));
}

static void
judge_json(const char *text, size_t len)
{
	struct acme_error err;
	const char *key;
	char line[200];
	json_t *json, *value;

	json = acme_json_parse(text, len, "url", &err);
	if (json == NULL) {
		HOLDS(err.why != ACME_OK && err.msg[0] != '\0');
		return;
	}
	acme_problem_text(json, line, sizeof(line));
	HOLDS(strlen(line) < sizeof(line));
	HOLDS(strpbrk(line, "\r\n\x1b") == NULL);
	json_object_foreach(json, key, value)
	{
		(void)acme_json_time(json, key);
		(void)acme_json_url(json, key);
		(void)acme_json_item(acme_json_array(json, key), 0);
	}
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text;

	if ((text = malloc(len + 1)) == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	judge_field(text);
	judge_json(text, len);
	free(text);
	return 0;
}
