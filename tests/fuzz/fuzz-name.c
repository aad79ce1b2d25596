/*
 * fuzz-name.c: any text through all that judges names, times and what is safe
 * to print; what is accepted must be what its rules say, and stay the same
 * when judged again.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "store/private.h"

static int
isplain(const char *s)
{
	for (; *s != '\0'; s++) {
		if ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			return 0;
	}
	return 1;
}

/* What every refusal keeps to: one line of printable text. */
static void
judge_error(const struct certstore_error *err)
{
	const unsigned char *p = (const unsigned char *)err->msg;

	HOLDS(err->code == CERTSTORE_EARGUMENT);
	HOLDS(strlen(err->msg) < sizeof(err->msg) - 1);
	HOLDS(strstr(err->msg, "\": ") != NULL);
	for (; *p != '\0'; p++)
		HOLDS(*p >= 0x20 && *p != 0x7f);
}

static void
judge_escape(const char *s, size_t len)
{
	char small[16], *text;
	size_t need, size;

	need = certstore_escape(NULL, 0, s, len);
	HOLDS(need >= len && need <= 4 * len);
	if ((text = malloc(need + 1)) == NULL)
		abort();
	HOLDS(certstore_escape(text, need + 1, s, len) == need);
	HOLDS(strlen(text) == need);
	for (size = 1; size <= sizeof(small); size++) {
		HOLDS(certstore_escape(small, size, s, len) == need);
		HOLDS(strlen(small) < size);
		HOLDS(memcmp(small, text, strlen(small)) == 0);
	}
	free(text);
}

static void
judge_host(const char *s)
{
	struct certstore_error err;
	char again[CS_HOST_MAX + 1], out[CS_HOST_MAX + 1];
	int how;

	for (how = 0; how < 4; how++) {
		if (cs_name_host(s, how & 1, how & 2, out, &err) == -1) {
			judge_error(&err);
			HOLDS(out[0] == '\0');
			continue;
		}
		HOLDS(out[0] != '.' && strchr(out, '/') == NULL);
		HOLDS(isplain(out) && strchr(out, ' ') == NULL);
		HOLDS((how & 1) || strchr(out, '*') == NULL);
		HOLDS(cs_name_host(out, how & 1, how & 2, again, &err) == 0);
		HOLDS(strcmp(out, again) == 0);
		HOLDS(cs_name_certhost(out, again) == 1);
		HOLDS(strcmp(out, again) == 0);
	}
	if (cs_name_certhost(s, out)) {
		HOLDS(cs_name_host(s, 1, 0, again, &err) == 0);
		HOLDS(strcmp(out, again) == 0);
	}
	(void)cs_name_isloopback(s);
}

static void
judge_ip(const char *s)
{
	struct certstore_error err;
	unsigned char raw[16];
	char again[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];
	char host[CS_HOST_MAX + 1];
	size_t len;

	if (!cs_name_ip(s, out, raw, &len))
		return;
	HOLDS(len == 4 || len == 16);
	HOLDS(cs_name_ip(out, again, NULL, NULL) == 1);
	HOLDS(strcmp(out, again) == 0);
	HOLDS(cs_name_host(s, 1, 0, host, &err) == -1);
}

static void
judge_san(const char *s)
{
	struct certstore_error err;
	enum cs_san_type again, type;
	char *forced, *out, *same;
	size_t size;

	if (cs_name_san(s, &type, &out, &err) == -1) {
		judge_error(&err);
		HOLDS(out == NULL);
		return;
	}
	HOLDS(type < CS_SAN_OTHER && isplain(out));
	size = strlen(out) + sizeof("email:");
	if ((forced = malloc(size)) == NULL)
		abort();
	snprintf(forced, size, "%s:%s", cs_san_names[type], out);
	HOLDS(cs_name_san(forced, &again, &same, &err) == 0);
	HOLDS(again == type && strcmp(out, same) == 0);
	free(forced);
	free(out);
	free(same);
}

static void
judge_name(const char *s)
{
	struct certstore_error err;

	if (cs_name_check(s, &err) == -1) {
		judge_error(&err);
		HOLDS(!cs_name_isvalid(s));
		return;
	}
	HOLDS(cs_name_isvalid(s));
	HOLDS(*s != '\0' && *s != '.' && strlen(s) <= CS_NAME_MAX);
	HOLDS(strchr(s, '/') == NULL && strchr(s, '@') == NULL);
}

static void
judge_time(const char *s)
{
	struct certstore_error err;
	struct certstore_span span;
	char text[CERTSTORE_TIME_LEN];
	int64_t again, t;

	if (certstore_span_parse(s, &span, &err) == -1)
		judge_error(&err);
	else if (span.type == CERTSTORE_SPAN_PART)
		HOLDS(span.den > 0 && span.num <= span.den);
	else if (span.type == CERTSTORE_SPAN_FOR)
		HOLDS(span.secs >= 0);
	if (certstore_time_parse(s, &t, &err) == -1) {
		judge_error(&err);
		return;
	}
	certstore_time_format(t, text);
	HOLDS(certstore_time_parse(text, &again, &err) == 0 && again == t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *s;

	if ((s = malloc(len + 1)) == NULL)
		return 0;
	if (len > 0)
		memcpy(s, data, len);
	s[len] = '\0';
	judge_escape(s, len);
	judge_name(s);
	judge_host(s);
	judge_ip(s);
	judge_san(s);
	judge_time(s);
	free(s);
	return 0;
}
