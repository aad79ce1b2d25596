/*
 * test-escape.c: certstore_escape and the quoting for messages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIBBSD_OPENBSD_VIS /* says it knows that strnunvis differs */
#include <bsd/vis.h>

#include "store/private.h"
#include "tap.h"

#define TEXT(s) s, sizeof(s) - 1

static const struct {
	const char *in;
	size_t len;
	const char *out;
} cases[] = {
	{ TEXT(""), "" },
	{ TEXT("plain text, \"quoted\" ~"), "plain text, \"quoted\" ~" },
	{ TEXT("a\\b"), "a\\\\b" },
	{ TEXT("a\nb\tc\rd"), "a\\nb\\tc\\rd" },
	{ TEXT("\a\b\v\f"), "\\a\\b\\v\\f" },
	{ TEXT("a\0b"), "a\\000b" },
	{ TEXT("\033[31m"), "\\033[31m" },
	{ TEXT("\177"), "\\177" },
	{ TEXT("m\303\274nchen"), "m\303\274nchen" },
	{ TEXT("\342\202\254 \360\237\246\206"),
	    "\342\202\254 \360\237\246\206" },
	/* C1: CSI as one character. */
	{ TEXT("\302\2331m"), "\\302\\2331m" },
	{ TEXT("\302\240"), "\302\240" },
	/* not UTF-8: latin-1, a lone continuation, cut, too long a form */
	{ TEXT("m\374nchen"), "m\\374nchen" },
	{ TEXT("\200"), "\\200" },
	{ TEXT("\303"), "\\303" },
	{ TEXT("\342\202"), "\\342\\202" },
	{ TEXT("\342\202a"), "\\342\\202a" },
	{ TEXT("\300\257"), "\\300\\257" },
	{ TEXT("\340\200\257"), "\\340\\200\\257" },
	{ TEXT("\360\200\200\257"), "\\360\\200\\200\\257" },
	/* surrogates, beyond U+10FFFF, bytes UTF-8 never has */
	{ TEXT("\355\240\200"), "\\355\\240\\200" },
	{ TEXT("\355\237\277"), "\355\237\277" },
	{ TEXT("\364\217\277\277"), "\364\217\277\277" },
	{ TEXT("\364\220\200\200"), "\\364\\220\\200\\200" },
	{ TEXT("\370\210\200\200\200"), "\\370\\210\\200\\200\\200" },
	{ TEXT("\376\377"), "\\376\\377" },
	/* a bad byte does not take the good one behind it along */
	{ TEXT("\303\303\274"), "\\303\303\274" },
	/* not seen, or turning the direction */
	{ TEXT("\302\255"), "\\302\\255" },
	{ TEXT("\330\234"), "\\330\\234" },
	{ TEXT("\342\200\212"), "\342\200\212" },
	{ TEXT("\342\200\213"), "\\342\\200\\213" },
	{ TEXT("\342\200\217"), "\\342\\200\\217" },
	{ TEXT("\342\200\220"), "\342\200\220" },
	{ TEXT("\342\200\250"), "\\342\\200\\250" },
	{ TEXT("\342\200\251"), "\\342\\200\\251" },
	{ TEXT("\342\200\252"), "\\342\\200\\252" },
	{ TEXT("a\342\200\256b"), "a\\342\\200\\256b" },
	{ TEXT("\342\200\257"), "\342\200\257" },
	{ TEXT("\342\201\240"), "\\342\\201\\240" },
	{ TEXT("\342\201\246"), "\\342\\201\\246" },
	{ TEXT("\342\201\251"), "\\342\\201\\251" },
	{ TEXT("\357\273\277"), "\\357\\273\\277" },
	{ TEXT("\363\240\201\201"), "\\363\\240\\201\\201" },
};

static void
test_cases(void)
{
	char out[256], back[256];
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		n = certstore_escape(out, sizeof(out), cases[i].in,
		    cases[i].len);
		is_str(out, cases[i].out, "case %zu", i);
		is_int((long long)n, (long long)strlen(cases[i].out),
		    "case %zu: length", i);
		is_int(strunvis(back, out), (long long)cases[i].len,
		    "case %zu: unvis(3) length", i);
		ok(memcmp(back, cases[i].in, cases[i].len) == 0,
		    "case %zu: unvis(3) gives the bytes back", i);
	}
}

/* Every byte alone: nothing a terminal acts upon comes through. */
static void
test_bytes(void)
{
	char c, out[8];
	int b, bad = 0;
	size_t i, n;

	for (b = 0; b < 256; b++) {
		c = (char)b;
		n = certstore_escape(out, sizeof(out), &c, 1);
		if (n != strlen(out) || n == 0)
			bad++;
		for (i = 0; i < n; i++) {
			if (out[i] < 0x20 || out[i] == 0x7f)
				bad++;
		}
	}
	is_int(bad, 0, "each byte alone is printable ASCII when escaped");
}

/* What a cut may leave: a whole number of characters and escapes. */
static void
test_cut(void)
{
	static const char text[] = "a\n\303\274\001\342\202\254\\z";
	static const char full[] = "a\\n\303\274\\001\342\202\254\\\\z";
	static const size_t ends[] = { 0, 1, 3, 5, 9, 12, 14, 15 };
	char *out;
	size_t e, n, size, want;
	int bad = 0;

	is_int((long long)certstore_escape(NULL, 0, text, sizeof(text) - 1), 15,
	    "size 0 asks for the length");
	for (size = 1; size <= 17; size++) {
		if ((out = malloc(size)) == NULL)
			bail("no memory");
		n = certstore_escape(out, size, text, sizeof(text) - 1);
		want = 0;
		for (e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
			if (ends[e] < size)
				want = ends[e];
		}
		if (n != 15 || strlen(out) != want ||
		    memcmp(out, full, want) != 0)
			bad++;
		free(out);
	}
	is_int(bad, 0, "a cut is before a character or escape");
}

static void
test_quote(void)
{
	char q[CS_QUOTE_LEN], s[1000];
	size_t len;

	is_str(cs_escape_quote(q, "a\nb"), "\"a\\nb\"", "quoted");
	is_str(cs_escape_quote(q, ""), "\"\"", "quoted: empty");
	for (len = 140; len < 170; len++) {
		memset(s, 'x', len);
		s[len] = '\0';
		cs_escape_quote(q, s);
		if (strlen(q) == len + 2)
			continue;
		if (len < 150 || strlen(q) != CS_QUOTE_LEN - 1 ||
		    strcmp(q + CS_QUOTE_LEN - 5, "...\"") != 0)
			break;
	}
	is_int((long long)len, 170, "quoted: long text is cut and says so");
}

/* As a word of a shell, as a string of JSON, and cut between characters. */
static void
test_forms(void)
{
	static const struct {
		const char *text, *word, *json;
	} rows[] = {
		{ "", "''", "\"\"" },
		{ "a/b.c", "a/b.c", "\"a/b.c\"" },
		{ "a b", "'a b'", "\"a b\"" },
		{ "it's", "'it'\\''s'", "\"it's\"" },
		{ "a\"\\\n\037", "'a\"\\\n\037'",
		    "\"a\\\"\\\\\\u000a\\u001f\"" },
	};
	struct cs_buf b = { 0 };
	char *word;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cs_buf_reset(&b);
		if ((word = cs_escape_word(rows[i].text)) == NULL ||
		    cs_escape_json(&b, rows[i].text) == -1)
			bail("no memory");
		is_str(word, rows[i].word, "a word");
		is_str(b.p, rows[i].json, "a string of JSON");
		free(word);
	}
	cs_buf_free(&b);
	is_int(cs_escape_fit("a\303\274", 2), 1, "not within a character");
	is_int(cs_escape_fit("a\303\274", 3), 3, "all of it");
}

/* A long path is cut before the reason, and not in a character. */
static void
test_reason(void)
{
	static const char reason[] = ": No such file or directory";
	char path[801];
	struct certstore_error err;
	size_t i, len, shift;

	for (shift = 0; shift < 2; shift++) {
		memset(path, 'x', shift);
		for (i = shift; i + 2 < sizeof(path); i += 2)
			memcpy(path + i, "\303\244", 2);
		path[i] = '\0';
		errno = ENOENT;
		cs_fail_errno(&err, "%s", path);
		len = strlen(err.msg) - strlen(reason);
		ok(strcmp(err.msg + len, reason) == 0 &&
			strncmp(err.msg, path, len) == 0,
		    "the reason behind a long path");
		ok((len - shift) % 2 == 0 &&
			strlen(err.msg) + 3 > sizeof(err.msg),
		    "all of the path that there is room for: %zu", len);
	}
}

int
main(void)
{
	test_cases();
	test_bytes();
	test_cut();
	test_quote();
	test_forms();
	test_reason();
	return tap_done();
}
