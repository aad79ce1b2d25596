/*
 * tel.c: telephone numbers as a TNAuthList has them (RFC 8226 section 9): 1 to
 * 15 of 0 to 9, * and #; as text NUMBER, or a range START+COUNT of digits; and
 * service provider codes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const char digits[] = "0123456789";

/* Are these bytes one number?  1 or 0. */
int
cs_tel_isnumber(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len && p[i] != '\0'; i++)
		if (strchr("0123456789*#", p[i]) == NULL)
			return 0;
	return i == len && len >= 1 && len <= CS_TEL_MAX;
}

/* The value of at most CS_TEL_MAX digits. */
static uint64_t
valueof(const char *p, size_t len)
{
	uint64_t n = 0;

	while (len-- > 0)
		n = n * 10 + (uint64_t)(*p++ - '0');
	return n;
}

/* What is wrong with a range of numbers, or NULL. */
const char *
cs_tel_rangeflaw(const char *start, size_t len, uint64_t count)
{
	uint64_t limit = 1;
	size_t i;

	if (!cs_tel_isnumber(start, len))
		return "a range does not start with a number of 1 to 15 digits";
	for (i = 0; i < len; i++, limit *= 10)
		if (strchr(digits, start[i]) == NULL)
			return "a range starts with * or #";
	if (count < 2)
		return "a range has fewer than two numbers";
	if (count >= limit || valueof(start, len) + count >= limit)
		return "a range ends behind the last number of its length";
	return NULL;
}

/* The value of a count as text, or 0 if it is none. */
static uint64_t
countof(const char *text)
{
	size_t n = strlen(text);

	return n == 0 || n > CS_TEL_MAX || strspn(text, digits) != n ?
	    0 :
	    valueof(text, n);
}

/*
 * Splits NUMBER or START+COUNT; count is 1 of a single number.  Returns the
 * length of the number, or 0 if it is neither.
 */
static size_t
splitrange(const char *text, uint64_t *count)
{
	size_t len = strcspn(text, "+");

	*count = 1;
	if (text[len] == '\0')
		return cs_tel_isnumber(text, len) ? len : 0;
	*count = countof(text + len + 1);
	return cs_tel_rangeflaw(text, len, *count) == NULL ? len : 0;
}

/*
 * Are all numbers of the second text, a number or a range, in the first?
 * Returns how many numbers the first has, or 0.
 */
uint64_t
cs_tel_covers(const char *outer, const char *inner)
{
	uint64_t count, from, of, start;
	size_t len;

	if ((len = splitrange(outer, &count)) == 0 ||
	    splitrange(inner, &of) != len)
		return 0;
	if (count == 1)
		return of == 1 && memcmp(outer, inner, len) == 0;
	if (strspn(inner, digits) < len)
		return 0;
	start = valueof(outer, len);
	from = valueof(inner, len);
	return from >= start && from + of <= start + count ? count : 0;
}

/*
 * Makes a number of one as people and SIP write it: without the leading + and
 * the visual separators of RFC 3966 section 5.1.1.  Returns NULL, or what is
 * wrong with it.
 */
const char *
cs_tel_read(const char *text, char out[CS_TEL_MAX + 1])
{
	size_t n = 0;

	for (text += *text == '+'; *text != '\0'; text++) {
		if (strchr("-.()", *text) != NULL)
			continue;
		if (!cs_tel_isnumber(text, 1))
			return "a telephone number has digits, * and #, and "
			       "- . ( ) between them";
		if (n == CS_TEL_MAX)
			return "a telephone number has at most 15 digits";
		out[n++] = *text;
	}
	out[n] = '\0';
	return n == 0 ? "there is no telephone number" : NULL;
}

/*
 * Makes a number, or a range START+COUNT, of one as it is typed, with START in
 * the form of cs_tel_read().  Returns NULL, or what is wrong with it.
 */
const char *
cs_tel_readrange(const char *text, char out[CS_TEL_RANGE_MAX + 1])
{
	char number[CS_TEL_MAX + 1], start[64];
	const char *flaw, *plus = strchr(text + (*text == '+'), '+');
	size_t len = plus == NULL ? strlen(text) : (size_t)(plus - text);
	uint64_t count;

	if (len >= sizeof(start))
		return "a telephone number has at most 15 digits";
	memcpy(start, text, len);
	start[len] = '\0';
	if ((flaw = cs_tel_read(start, number)) != NULL)
		return flaw;
	if (plus == NULL) {
		memcpy(out, number, sizeof(number));
		return NULL;
	}
	if ((count = countof(plus + 1)) == 0)
		return "a range is a number, + and a count, as in "
		       "12155550000+100";
	snprintf(out, CS_TEL_RANGE_MAX + 1, "%s+%llu", number,
	    (unsigned long long)count);
	return cs_tel_rangeflaw(number, strlen(number), count);
}

/*
 * The form of a service provider code that compares equal, and is a name in
 * index/: 1 to 16 of 0-9 and A-Z, in upper case.  A certificate may hold any
 * other: 1, or 0.
 */
int
cs_tel_code(const char *code, char key[CS_SPC_MAX + 1])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *p;
	size_t i;

	for (i = 0; code[i] != '\0'; i++) {
		p = strchr(letters, code[i]);
		if (i == CS_SPC_MAX ||
		    (p == NULL && strchr(digits, code[i]) == NULL))
			return 0;
		key[i] = p == NULL ? code[i] : letters[(p - letters) % 26 + 26];
	}
	key[i] = '\0';
	return i > 0;
}
