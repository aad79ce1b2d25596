/*
 * test-pem.c: pasted text is read, in linear time, and no damage results in
 * another DER than the original one.
 */
#include <ctype.h>
#include <time.h>

#include "pems.h"

#define BOM "\xef\xbb\xbf"

/* What is done to the good text, in this order; all of it is understood. */
static const struct {
	const char *name;
	struct {
		const char *from;
		const char *to;
	} change[4];
	const char *before;
	const char *after;
} understood[] = {
	{ "as it is", { { NULL, NULL } }, "", "" },
	{ "CRLF", { { "\n", "\r\n" } }, "", "" },
	{ "CR alone", { { "\n", "\r" } }, "", "" },
	{ "CR CR LF", { { "\n", "\r\r\n" } }, "", "" },
	{ "blanks in front", { { "\n", "\n \t " } }, "\t", "" },
	{ "blanks behind", { { "\n", "\t \n" } }, "", "" },
	{ "no-break and zero width spaces",
	    { { "\n", "\xc2\xa0\n\xe2\x80\x8b" } }, "", "" },
	{ "double spacing", { { "\n", "\n\n" } }, "", "" },
	{ "blank lines with blanks", { { "\n", "\n  \n\t\n" } }, "\n\n", "" },
	{ "a BOM", { { NULL, NULL } }, BOM, "" },
	{ "BOMs of files run together", { { "-----BEGIN", BOM "-----BEGIN" } },
	    "", "" },
	{ "END glued to BEGIN", { { "-----\n-----BEGIN", "----------BEGIN" } },
	    "", "" },
	{ "END glued to a BOM and BEGIN",
	    { { "-----\n-----BEGIN", "-----" BOM "-----BEGIN" } }, "", "" },
	{ "markers and base64 in one line", { { "\n", " " } }, "", "" },
	{ "all in one line, lines marked by two blanks", { { "\n", "  " } },
	    "PEM: ", " and so on" },
	{ "JSON", { { "\n", "\\n" } }, "{\"pem\": \"", "\"}" },
	{ "JSON with \\r\\n and \\/", { { "\n", "\\r\\n" }, { "/", "\\/" } },
	    "{\"pem\":\"", "\",\"note\":\"-\"}\n" },
	{ "JSON within JSON", { { "\n", "\\\\n" }, { "/", "\\\\/" } },
	    "\"{\\\"pem\\\":\\\"", "\\\"}\"" },
	{ "JSON with \\u002B",
	    { { "\n", "\\n" }, { "+", "\\u002B" }, { "=", "\\u003d" } }, "[\"",
	    "\"]" },
	{ "JSON with \\ufeff, \\u000d, and what is no digit",
	    { { "\n", "\\u000d\\u000A" } }, "[\"\\ufeff", "\\u00zz\\u123" },
	{ "JSON, an array of lines", { { "\n", "\",\n  \"" } }, "[\n  \"",
	    "\"]" },
	{ "strings of C", { { "\n", "\\n\"\n    \"" } }, "= \"", "\";" },
	{ "single quotes and CRLF", { { "\n", "\\n'\r\n'" } }, "'", "'" },
	{ "a shell's backslashes", { { "\n", "\\\n" } }, "", "" },
	{ "mail quoting", { { "\n", "\n> " } }, "> ", "" },
	{ "nested mail quoting", { { "\n", "\n>> > " } }, "> > ", "" },
	{ "mail quoting with CRLF", { { "\n", "\r\n>" } }, ">", "" },
	{ "OpenPGP's dashes",
	    { { "-----BEGIN", "- -----BEGIN" }, { "-----END", "- -----END" } },
	    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n",
	    "-----BEGIN PGP SIGNATURE-----\n\niQEz\n=abcd\n-----END PGP "
	    "SIGNATURE-----\n" },
	{ "bag attributes",
	    { { "-----BEGIN",
		"Bag Attributes\n    localKeyID: 54 69 6D\nKey Attributes: <No "
		"Attributes>\nsubject=CN = a\n-----BEGIN" } },
	    "", "" },
	{ "prose before and after", { { NULL, NULL } },
	    "Dear Sir,\nhere it is -- in the END - at last:\n\n",
	    "\n--\nYours, BEGIN & END Ltd - since 1990\n" },
	{ "comments",
	    { { "-----BEGIN", "# -----BEGIN X-----\n-----BEGIN" },
		{ "CERTIFICATE-----\n", "CERTIFICATE-----\n# yes\n" } },
	    "#!/bin/sh\n", "" },
	{ "HTML around", { { NULL, NULL } }, "<html><pre>", "</pre></html>" },
	{ "YAML", { { "\n", "\n      " } }, "cert: |\n      ", "\nnext: 1\n" },
	{ "no padding", { { "=", "" } }, "", "" },
	{ "padding on a line of its own", { { "=\n", "\n=\n" } }, "", "" },
	{ "blanks in markers",
	    { { "-----BEGIN ", "----- BEGIN  " }, { "-----END", "----- END" } },
	    "", "" },
	{ "dashes as a word processor makes them",
	    { { "-----BEGIN", "\xe2\x80\x94\xe2\x80\x93-BEGIN" },
		{ "-----END", "\xe2\x80\x94\xe2\x80\x94-END" },
		{ "-----\n", "\xe2\x80\x93\xe2\x80\x93\n" } },
	    "", "" },
	{ "one long dash", { { "-----", "\xe2\x80\x94" } }, "", "" },
	{ "labels of other times",
	    { { "BEGIN CERT", "BEGIN X509 CERT" },
		{ "END CERT", "END X509 CERT" } },
	    "", "" },
	{ "blocks of no use", { { NULL, NULL } },
	    "-----BEGIN WHATEVER-----\n!\n-----END WHATEVER-----\n", "" },
	{ "a horizontal rule", { { NULL, NULL } },
	    "--------------------\n-----BEGINNING-----\n", "----------\n" },
};

static void
test_understood(void)
{
	struct cs_buf text = { NULL, 0, 0 }, damaged = { NULL, 0, 0 };
	struct cs_pems want;
	size_t i, j;

	maketext(&text);
	oracle(&text, &want);
	is_int((long long)want.n, 4, "libcrypto sees four blocks");
	for (i = 0; i < sizeof(understood) / sizeof(understood[0]); i++) {
		for (j = 0; j < 4 && understood[i].change[j].from != NULL; j++)
			replace(&text, understood[i].change[j].from,
			    understood[i].change[j].to, 0);
		cs_buf_reset(&damaged);
		cs_buf_adds(&damaged, understood[i].before);
		cs_buf_add(&damaged, text.p, text.len);
		cs_buf_adds(&damaged, understood[i].after);
		check_same(&damaged, &want, understood[i].name);
		maketext(&text);
	}
	cs_buf_free(&damaged);
	cs_buf_free(&text);
	cs_item_free(&want);
}

/* Damage that no replacement of strings makes. */
static void
test_joined(void)
{
	struct cs_buf text = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	struct cs_pems want;
	size_t i;

	addfile(&text, DATA "cert.pem");
	addfile(&text, DATA "sec1.pem");
	oracle(&text, &want);
	is_int((long long)want.n, 2, "libcrypto sees two blocks");
	cs_buf_add(&out, text.p, text.len - 1);
	check_same(&out, &want, "no last newline");
	/* A newline is kept only beside a marker. */
	cs_buf_reset(&out);
	for (i = 0; i < text.len; i++) {
		if (text.p[i] != '\n' || text.p[i - 1] == '-' ||
		    text.p[i + 1] == '-')
			cs_buf_add(&out, text.p + i, 1);
	}
	check_same(&out, &want, "base64 in one line");
	replace(&out, "\n", "", 0);
	check_same(&out, &want, "nothing between markers and base64");
	replace(&out, " ", "", 0);
	check_same(&out, &want, "no blank at all");
	cs_buf_free(&out);
	cs_buf_free(&text);
	cs_item_free(&want);
}

/* Appends text as base64, in lines of so many characters. */
static void
addbase64(struct cs_buf *out, const struct cs_buf *text, size_t width,
    const char *newline)
{
	unsigned char *line = malloc(text->len * 4 / 3 + 8);
	size_t i, n;

	n = (size_t)EVP_EncodeBlock(line, (const unsigned char *)text->p,
	    (int)text->len);
	for (i = 0; i < n; i += width) {
		cs_buf_add(out, line + i, n - i < width ? n - i : width);
		cs_buf_adds(out, newline);
	}
	free(line);
}

/* PEM in base64, as it is kept where a value must be one word. */
static void
test_base64(void)
{
	struct cs_buf cert = { 0 }, key = { 0 }, both = { 0 }, out = { 0 };
	struct cs_buf again = { 0 };
	struct cs_pems want;

	addfile(&cert, DATA "cert.pem");
	addfile(&key, DATA "sec1.pem");
	cs_buf_copy(&both, &cert);
	cs_buf_add(&both, key.p, key.len);
	oracle(&both, &want);
	addbase64(&out, &both, SIZE_MAX, "");
	check_same(&out, &want, "base64 of PEM");
	cs_buf_reset(&out);
	addbase64(&out, &both, 76, "\n");
	check_same(&out, &want, "in lines");
	cs_buf_reset(&out);
	addbase64(&out, &both, 76, "\r\n   ");
	check_same(&out, &want, "with blanks");
	cs_buf_reset(&out);
	cs_buf_adds(&out, "apiVersion: v1\ndata:\n  tls.crt: ");
	addbase64(&out, &cert, SIZE_MAX, "\n");
	cs_buf_adds(&out, "  tls.key: ");
	addbase64(&out, &key, SIZE_MAX, "\n");
	cs_buf_adds(&out, "kind: Secret\n");
	check_same(&out, &want, "a secret of Kubernetes");
	cs_buf_reset(&out);
	cs_buf_adds(&out, "{ \"certificate\": \"");
	addbase64(&out, &cert, 64, "\\n");
	cs_buf_adds(&out, "\", \"key\": \"");
	addbase64(&out, &key, SIZE_MAX, "\" }\n");
	check_same(&out, &want, "JSON");
	cs_buf_reset(&out);
	addbase64(&out, &both, SIZE_MAX, "");
	addbase64(&again, &out, SIZE_MAX, "");
	check_refused(&again, "text: no PEM block", "base64 of base64");
	cs_buf_reset(&out);
	cs_buf_adds(&out, "\n\nx: ");
	both.len -= 60;
	addbase64(&out, &both, SIZE_MAX, "");
	check_refused(&out, "text:3: no `-----END EC PRIVATE KEY-----`",
	    "the line of what is cut");
	cs_buf_free(&cert);
	cs_buf_free(&key);
	cs_buf_free(&both);
	cs_buf_free(&out);
	cs_buf_free(&again);
	cs_item_free(&want);
}

static void
test_limit(void)
{
	struct cs_buf text = { NULL, 0, 0 };
	struct cs_pems want;
	char blanks[1024];

	memset(blanks, ' ', sizeof(blanks));
	readfile(DATA "cert.pem", &text);
	oracle(&text, &want);
	while (text.len + sizeof(blanks) <= CERTSTORE_INPUT_MAX)
		cs_buf_add(&text, blanks, sizeof(blanks));
	cs_buf_add(&text, blanks, CERTSTORE_INPUT_MAX - text.len);
	check_same(&text, &want, "1 MiB");
	cs_buf_adds(&text, "\n");
	check_refused(&text, "text: larger than 1048576 bytes",
	    "a byte more than 1 MiB");
	cs_buf_free(&text);
	cs_item_free(&want);
}

/* Names and labels that an item carries. */
static void
test_item(void)
{
	struct cs_buf text = { NULL, 0, 0 };
	struct cs_pems got;
	struct certstore_error err;
	char name[1000], where[80];

	maketext(&text);
	parse(&text, &got, &err);
	is_int((long long)got.n, 4, "four items");
	is_str(cs_item_where(&got.v[1], where, sizeof(where)), "text:15",
	    "where the key is");
	is_str(got.v[1].pemlabel, "EC PRIVATE KEY", "its label");
	ok(got.v[1].dek == NULL, "it is not encrypted");
	is_int(got.v[2].type, CS_PEM_KEY_DEK, "the other is");
	ok(got.v[2].dek != NULL && strchr(got.v[2].dek, ',') != NULL,
	    "DEK-Info is there");
	cs_item_free(&got);
	cs_buf_reset(&text);
	addfile(&text, DATA "trusted.pem");
	addfile(&text, DATA "csr.pem");
	addfile(&text, KEYS "public.pem");
	addfile(&text, KEYS "pbes2.pem");
	replace(&text, "CERTIFICATE REQ", "NEW CERTIFICATE REQ", 0);
	if (cs_pem_read("a\nb", text.p, text.len, NULL, &got, &err) == -1)
		bail("%s", err.msg);
	is_int((long long)got.n, 4, "four more items");
	is_int(got.v[0].type, CS_PEM_CERT, "a trusted certificate");
	is_int((long long)got.v[0].derlen, 416, "without its settings");
	is_int(got.v[1].type, CS_PEM_CSR, "a request");
	is_int(got.v[2].type, CS_PEM_PUBKEY, "a public key");
	is_int(got.v[3].type, CS_PEM_KEY_PKCS8ENC, "an encrypted key");
	is_str(cs_item_where(&got.v[0], where, sizeof(where)), "a\\nb:1",
	    "the file's name is escaped");
	memset(name, '\x1b', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	is_int(cs_pem_read(name, "-----END", 8, NULL, &got, &err), -1,
	    "a long name of foreign bytes");
	ok(strstr(err.msg, "\\033:1: 0 dashes instead of 5") != NULL,
	    "leaves room for the message");
	/* Behind what is there, and nothing of what fails. */
	is_int(cs_pem_read("x", "-----BEGIN", 10, NULL, &got, &err), -1,
	    "a failure");
	is_int((long long)got.n, 4, "leaves the list as it was");
	is_int(cs_pem_read("x", text.p, text.len, NULL, &got, &err), 0, "more");
	is_int((long long)got.n, 8, "is appended");
	cs_item_free(&got);
	cs_buf_free(&text);
}

static void
test_encode(void)
{
	struct cs_buf text = { NULL, 0, 0 }, out = { NULL, 0, 0 };
	struct cs_pems got;
	struct certstore_error err;
	size_t i;

	maketext(&text);
	parse(&text, &got, &err);
	for (i = 0; i < got.n; i++) {
		if (got.v[i].type != CS_PEM_KEY_DEK)
			cs_pem_encode(&out, got.v[i].pemlabel, got.v[i].der,
			    got.v[i].derlen);
	}
	readfile(DATA "cert.pem", &text);
	ok(strncmp(out.p, text.p, text.len) == 0, "encoded as libcrypto does");
	cs_item_free(&got);
	is_int(parse(&out, &got, &err), 0, "what is encoded can be read");
	is_int((long long)got.n, 3, "all of it");
	cs_item_free(&got);
	cs_buf_reset(&out);
	cs_pem_encode(&out, "X", (const unsigned char *)"abcd", 4);
	is_str(out.p, "-----BEGIN X-----\nYWJjZA==\n-----END X-----\n",
	    "padding");
	cs_buf_free(&out);
	cs_buf_free(&text);
}

/* Damage that cannot be seen: one character of base64 for another. */
static int
isbase64(int c)
{
	return isalnum(c) || c == '+' || c == '/';
}

/*
 * One text that was damaged at one place: refused, or not another DER.  With
 * part, fewer items will do.
 */
static int
issafe(const struct cs_buf *text, const struct cs_pems *want, int part)
{
	struct cs_pems got;
	struct certstore_error err;
	int good;

	if (parse(text, &got, &err) == -1) {
		good = err.code == CERTSTORE_EINPUT && err.msg[0] != '\0';
		good = good && got.n == 0 && strchr(err.msg, '\n') == NULL;
	} else {
		good = isprefix(&got, want) && (part || got.n == want->n);
	}
	cs_item_free(&got);
	return good;
}

static void
test_mutations(void)
{
	static const char instead[] = " \n\r\"#>\\=-/:,<\0\x80\xff\xef";
	struct cs_buf text = { NULL, 0, 0 }, mutant = { NULL, 0, 0 };
	struct cs_pems want;
	size_t bad[4] = { 0 }, i, j;
	int c, was;

	maketext(&text);
	oracle(&text, &want);
	for (i = 0; i < text.len; i++) {
		was = (unsigned char)text.p[i];
		cs_buf_reset(&mutant);
		cs_buf_add(&mutant, text.p, i);
		bad[0] += !issafe(&mutant, &want, 1);
		cs_buf_add(&mutant, text.p + i + 1, text.len - i - 1);
		bad[1] += !issafe(&mutant, &want, 0);
		for (j = 0; j < 8 + sizeof(instead) - 1; j++) {
			c = j < 8 ? was ^ 1 << j : instead[j - 8];
			if (isbase64(was) && isbase64(c))
				continue;
			cs_buf_copy(&mutant, &text);
			mutant.p[i] = (char)c;
			bad[2] += !issafe(&mutant, &want, 0);
		}
		cs_buf_reset(&mutant);
		cs_buf_add(&mutant, text.p, i + 1);
		cs_buf_add(&mutant, text.p + i, text.len - i);
		bad[3] += !issafe(&mutant, &want, 0);
	}
	is_int((long long)bad[0], 0, "cut anywhere");
	is_int((long long)bad[1], 0, "a byte lost anywhere");
	is_int((long long)bad[2], 0, "a byte changed anywhere");
	is_int((long long)bad[3], 0, "a byte doubled anywhere");
	cs_buf_free(&mutant);
	cs_buf_free(&text);
	cs_item_free(&want);
}

/* CPU seconds for so many bytes of a pattern, closed as a block if given. */
static double
seconds(const char *pattern, size_t size)
{
	struct cs_buf text = { NULL, 0, 0 };
	struct cs_pems got;
	struct certstore_error err;
	clock_t start;

	while (text.len + strlen(pattern) <= size)
		cs_buf_adds(&text, pattern);
	start = clock();
	parse(&text, &got, &err);
	cs_item_free(&got);
	cs_buf_free(&text);
	return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void
test_linear(void)
{
	static const char *const patterns[] = { "-", "- ", " ", "\\", "\\n",
		"BEGIN ", "-BEGIN", "END CERT", "-BEGIN NEW CERTIFICATE", "\n",
		"---- BEGIN    CERTIFICATE", "-----BEGIN X-----", "=",
		"a:", "-----BEGIN X-----\n-----END X-----\n", ">", "\xe2\x80",
		"PGP SIGNED MESSAGE-----BEGIN PGP SIGNED MESSAGE-----" };
	char name[32];
	double large, small;
	size_t i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		small = seconds(patterns[i], CERTSTORE_INPUT_MAX / 16);
		large = seconds(patterns[i], CERTSTORE_INPUT_MAX);
		/* 16 times as much; what is quadratic takes 256 times. */
		certstore_escape(name, sizeof(name), patterns[i],
		    strlen(patterns[i]));
		ok(large < 64 * small + 0.5, "`%s`: linear", name);
	}
}

/* CRLs are skipped by all but who asks for them. */
static void
test_crls(void)
{
	struct cs_pems list = { NULL, 0, 0 };
	struct cs_buf text = { NULL, 0, 0 };
	struct certstore_error err;

	addfile(&text, DATA "cert.pem");
	addfile(&text, DATA "crl.pem");
	is_int(cs_pem_read("text", text.p, text.len, NULL, &list, &err), 0,
	    "a certificate and a CRL are understood");
	ok(list.n == 1 && list.v[0].type == CS_PEM_CERT, "as a certificate");
	cs_item_free(&list);
	is_int(cs_pem_read_crls("text", text.p, text.len, &list, &err), 0,
	    "also by who asks for CRLs");
	ok(list.n == 2 && list.v[1].type == CS_PEM_CRL, "who gets both");
	/* The same as DER. */
	cs_buf_reset(&text);
	cs_buf_add(&text, list.v[1].der, list.v[1].derlen);
	cs_item_free(&list);
	is_int(cs_pem_read("text", text.p, text.len, NULL, &list, &err), -1,
	    "DER of a CRL is refused");
	is_int(cs_pem_read_crls("text", text.p, text.len, &list, &err), 0,
	    "but not to who asks for CRLs");
	ok(list.n == 1 && list.v[0].type == CS_PEM_CRL, "as a CRL");
	cs_item_free(&list);
	cs_buf_free(&text);
}

int
main(void)
{
	test_crls();
	test_understood();
	test_joined();
	test_base64();
	test_limit();
	test_item();
	test_encode();
	test_mutations();
	test_linear();
	return tap_done();
}
