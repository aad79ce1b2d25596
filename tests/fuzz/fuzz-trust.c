/*
 * fuzz-trust.c: any text as one of the two files that say of fingerprints
 * which they are, and as a fingerprint that somebody typed.  What is accepted
 * is written again as it was, or in the order of names.  A libFuzzer target.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "trust/private.h"

static void
judge_error(const struct certstore_error *err)
{
	const unsigned char *p = (const unsigned char *)err->msg;

	HOLDS(err->code == CERTSTORE_EDAMAGED);
	HOLDS(strncmp(err->msg, "fuzz:", 5) == 0);
	for (; *p != '\0'; p++)
		HOLDS(*p >= 0x20 && *p != 0x7f);
}

/* Whether hex is 64 digits, lower case. */
static int
isdigest(const char *hex)
{
	return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

static void
judge_distrusted(const uint8_t *data, size_t len)
{
	struct cs_trustset again = { 0 }, set = { 0 };
	struct cs_buf b = { 0 }, out = { 0 };
	struct certstore_error err;
	size_t i;

	if (cs_buf_add(&b, data, len) == -1)
		abort();
	if (cs_trustset_read_distrusted(&set, "fuzz", &b, &err) == -1) {
		judge_error(&err);
	} else {
		for (i = 0; i < set.n; i++) {
			HOLDS(cs_name_isvalid(set.v[i].name));
			HOLDS(isdigest(set.v[i].fingerprint));
			HOLDS(cs_trustset_byname(&set, set.v[i].name) ==
			    &set.v[i]);
			HOLDS(cs_trustset_byfingerprint(&set,
				  set.v[i].fingerprint) == &set.v[i]);
		}
		HOLDS(cs_trustset_write_distrusted(&set, &out) == 0);
		HOLDS(out.len == len);
		HOLDS(len == 0 || memcmp(out.p, data, len) == 0);
		cs_trustset_sort(&set);
		cs_buf_reset(&out);
		HOLDS(cs_trustset_write_distrusted(&set, &out) == 0);
		HOLDS(out.len == len);
		HOLDS(cs_trustset_read_distrusted(&again, "fuzz", &out, &err) ==
		    0);
		HOLDS(again.n == set.n);
	}
	cs_buf_free(&b);
	cs_buf_free(&out);
	cs_trustset_free(&set);
	cs_trustset_free(&again);
}

static void
judge_shipped(const uint8_t *data, size_t len)
{
	struct cs_trustset set = { 0 };
	struct certstore_error err;
	struct cs_buf b = { 0 };

	if (cs_buf_add(&b, data, len) == -1)
		abort();
	if (cs_trustset_read_shipped(&set, "fuzz", &b, &err) == -1)
		judge_error(&err);
	else
		HOLDS(set.n == 0 && set.dirty == (len > 0));
	cs_buf_free(&b);
	cs_trustset_free(&set);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char again[65], hex[65], *s;

	judge_distrusted(data, len);
	judge_shipped(data, len);
	if ((s = malloc(len + 1)) == NULL)
		return 0;
	if (len > 0)
		memcpy(s, data, len);
	s[len] = '\0';
	if (cs_anchor_fingerprint(s, hex)) {
		HOLDS(isdigest(hex));
		HOLDS(cs_anchor_fingerprint(hex, again));
		HOLDS(strcmp(hex, again) == 0);
	} else {
		HOLDS(hex[0] == '\0');
	}
	free(s);
	return 0;
}
