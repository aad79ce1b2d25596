/*
 * test-refuse.c: input that could have two meanings is refused with file, line,
 * reason and remedy.
 */
#include "pems.h"

#define BOM "\xef\xbb\xbf"

/*
 * What is done to the text, and what the message says.  The text: certificate
 * on lines 1 to 11, EC PARAMETERS 12 to 14, its key 15 to 19, the encrypted
 * key 20 to 27, the CA from 28.
 */
static const struct {
	const char *name;
	const char *from;
	const char *to;
	int nth;
	const char *want;
} refused[] = {
	{ "four dashes", "-----BEGIN", "----BEGIN", 1,
	    "text:1: 4 dashes instead of 5: the marker is `-----BEGIN "
	    "CERTIFICATE-----`" },
	{ "six dashes", "-----BEGIN", "------BEGIN", 3,
	    "text:15: 6 dashes instead of 5: the marker is `-----BEGIN EC "
	    "PRIVATE KEY-----`" },
	{ "four dashes at END", "END CERTIFICATE-----", "END CERTIFICATE----",
	    1,
	    "text:11: 4 dashes instead of 5: the marker is `-----END "
	    "CERTIFICATE-----`" },
	{ "one dash behind", "BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE-", 1,
	    "text:1: 1 dash instead of 5" },
	{ "no dash behind", "BEGIN CERTIFICATE-----", "BEGIN CERTIFICATE", 1,
	    "text:1: 0 dashes instead of 5" },
	{ "no dash in front", "-----BEGIN", "BEGIN", 1,
	    "text:1: 0 dashes instead of 5" },
	{ "nine dashes between", "-----\n-----BEGIN", "---------BEGIN", 1,
	    "text:11: 9 dashes instead of 5" },
	{ "no END", "-----END CERTIFICATE-----\n", "", 1,
	    "text:1: no `-----END CERTIFICATE-----` for this BEGIN" },
	{ "no last END", "-----END CERTIFICATE-----\n", "", 2,
	    "text:28: no `-----END CERTIFICATE-----` for this BEGIN" },
	{ "no BEGIN", "-----BEGIN CERTIFICATE-----\n", "", 1,
	    "text:10: `-----END CERTIFICATE-----` without its BEGIN" },
	{ "another END", "END CERTIFICATE", "END X509 CRL", 1,
	    "text:11: `-----END X509 CRL-----` where `-----END "
	    "CERTIFICATE-----` belongs (BEGIN is line 1)" },
	{ "a mistyped END", "END CERTIFICATE", "END CERTIFICAT\x1b", 1,
	    "text:11: `-----END CERTIFICAT\\033-----` where" },
	{ "bad base64", "/EWyXy", "/EW!Xy", 1,
	    "text:6: `!` is not base64: copy `CERTIFICATE` again" },
	{ "bad base64, a control", "\nMII", "\nMI\x1bI", 1,
	    "text:2: `\\033` is not base64" },
	{ "bad base64, UTF-8", "\nMII", "\nMI\xc3\xa9I", 1,
	    "text:2: `\xc3\xa9` is not base64" },
	{ "bad base64, no UTF-8", "\nMII", "\nMI\xe9I", 1,
	    "text:2: `\\351` is not base64" },
	{ "HTML in base64", "\nMII", "\n<br>MII", 1,
	    "text:2: `<` is not base64" },
	{ "base64 for URLs", "\nMII", "\nMI_", 1, "text:2: `_` is not base64" },
	{ "a colon", "\nMII", "\nM:I", 1, "text:2: `:` is not base64" },
	{ "a dash", "\nMII", "\nMI-", 1, "text:2: `-` is not base64" },
	{ "a lost character", "/EWyXy", "/EWyX", 1,
	    "text:1: truncated: the DER says" },
	{ "one character too many", "\nMII", "\nMIII", 1, "text:1: " },
	{ "padding inside", "\nMII", "\nMI=I", 1,
	    "text:2: base64 continues after its `=`" },
	{ "padding too long", "=\n-----END EC PRIV", "===\n-----END EC PRIV", 1,
	    "text:15: truncated: " },
	{ "nothing inside", "-----END EC PRIVATE KEY-----",
	    "-----END EC PRIVATE KEY-----\n-----BEGIN PRIVATE "
	    "KEY-----\n-----END PRIVATE KEY-----",
	    1, "text:20: nothing between BEGIN and END of `PRIVATE KEY`" },
	{ "nothing inside, in one line", "-----END EC PRIVATE KEY-----",
	    "-----END EC PRIVATE KEY-----\n-----BEGIN PRIVATE "
	    "KEY----------END PRIVATE KEY-----",
	    1, "text:20: nothing between BEGIN and END of `PRIVATE KEY`" },
	{ "bytes after the DER", "-----END EC PRIV", "AAAA-----END EC PRIV", 1,
	    "text:" },
	{ "no first line", "\nMII", "\nxII", 1, "text:1: not DER" },
	{ "DEK-Info of another key", "DEK-Info", "DEX-Info", 1,
	    "text:20: Proc-Type and DEK-Info go together" },
	{ "no Proc-Type", "Proc-Type: 4,ENCRYPTED\n", "", 1,
	    "text:20: Proc-Type and DEK-Info go together" },
	{ "a damaged Proc-Type", "4,ENCRYPTED", "4,ENCRYPTEX", 1,
	    "text:21: Proc-Type is damaged" },
	{ "a damaged DEK-Info", "DEK-Info: ", "DEK-Info: (", 1,
	    "text:22: DEK-Info is damaged" },
	{ "a DEK-Info that is too long", "DEK-Info: ",
	    "DEK-Info: AES-128-CBC-AES-128-CBC-AES-128-CBC-AES-128-CBC-AES-128-"
	    "CBC-AES-128-CBC-AES-128-CBC-AES-128-CBC-",
	    1, "text:22: DEK-Info is damaged" },
	{ "an encrypted certificate", "-----BEGIN CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n", 1,
	    "text:1: Proc-Type and DEK-Info go together" },
	{ "a wrong label", " EC PRIVATE KEY", " CERTIFICATE", 0,
	    "text:15: labelled `CERTIFICATE`, but it holds a private key" },
	{ "a label of SSH", " EC PRIVATE KEY", " OPENSSH PRIVATE KEY", 0,
	    "text:15: an SSH key: " },
};

static void
test_refused(void)
{
	struct cs_buf text = { NULL, 0, 0 };
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		maketext(&text);
		replace(&text, refused[i].from, refused[i].to, refused[i].nth);
		check_refused(&text, refused[i].want, refused[i].name);
	}
	cs_buf_free(&text);
}

#define N "no PEM block: a certificate begins with"

/* Input that holds nothing at all; a length where NULs are in it. */
static const struct {
	const char *name;
	const char *text;
	size_t len;
	const char *want;
} nothing[] = {
	{ "no byte", "", 0, "text: empty" },
	{ "blanks", BOM " \r\n\t\n", 0, "text: empty" },
	{ "prose", "Dear Sir, no certificate here.\n", 0, "text: " N },
	{ "prose that begins with a 0", "0 certificates follow: \x01\n", 0,
	    "text: " N },
	{ "HTML", "\n<!DOCTYPE html>\n<html>404</html>\n", 0,
	    "text: an HTML or XML page" },
	{ "an SSH key", "ssh-rsa AAAAB3NzaC1yc2E= a@b\n", 0,
	    "text: an SSH public key" },
	{ "an SSH key of RFC 4716", "---- BEGIN SSH2 PUBLIC KEY ----\n", 0,
	    "text: an SSH public key" },
	{ "PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\n", 0, "of PuTTY" },
	{ "base64 alone", "MIIBtjCCAV2gAwIBAgI=\n", 0,
	    "text: base64 without a BEGIN line" },
	{ "base64 of PEM behind other base64",
	    "QUJDLS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\n", 0, "text: " N },
	{ "a label that is too long",
	    "-----BEGIN AN ENVELOPE WITHIN AN ENVELOPE WITHIN AN ENVELOPE "
	    "WITHIN AN ENVELOPE WITHIN AN ENVELOPE-----\n",
	    0, "text: " N },
	{ "a comment", "#-----BEGIN CERTIFICATE-----\n", 0, "text: " N },
	{ "UTF-16, little end", "\xff\xfe-\0-\0-\0-\0-\0B\0", 14,
	    "text: UTF-16" },
	{ "UTF-16, big end", "\xfe\xff\0-\0-\0-", 8, "text: UTF-16" },
	{ "UTF-16 without a mark", "-\0-\0-\0-\0-\0B\0E\0G\0", 16,
	    "text: UTF-16" },
	{ "UTF-16 text", "D\0e\0a\0r\0 \0S\0i\0r\0", 16, "text: UTF-16" },
	{ "bytes", "\x01\x02\0\x04garbage", 11, "text: neither PEM nor DER" },
	{ "a Java keystore", "\xfe\xed\xfe\xed\0\0\0\2", 8, "keytool" },
	{ "an unknown block",
	    "-----BEGIN A\x1b[m-----\nx\n-----END A\x1b[m-----\n", 0,
	    "text: holds `A\\033[m`, but no certificate" },
};

static void
test_nothing(void)
{
	struct cs_buf text = { NULL, 0, 0 };
	size_t i;

	for (i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		cs_buf_reset(&text);
		cs_buf_add(&text, nothing[i].text,
		    nothing[i].len > 0 ? nothing[i].len :
					 strlen(nothing[i].text));
		check_refused(&text, nothing[i].want, nothing[i].name);
	}
	cs_buf_reset(&text);
	addfile(&text, DATA "crl.pem");
	check_refused(&text, "text: holds `X509 CRL`, but no", "a CRL alone");
	cs_buf_reset(&text);
	addfile(&text, DATA "openssh.pem");
	check_refused(&text, "text:1: an SSH key: ", "a key of OpenSSH");
	cs_buf_free(&text);
}

static size_t
linestart(const struct cs_buf *text, size_t line)
{
	size_t i;

	for (i = 0; i < text->len && line > 1; i++)
		line -= text->p[i] == '\n';
	return i;
}

static void
cutrange(struct cs_buf *text, size_t at, size_t n)
{
	memmove(text->p + at, text->p + at + n, text->len - at - n + 1);
	text->len -= n;
}

/* A line of base64 that is lost or cut is named as far as possible. */
static void
test_lines(void)
{
	struct cs_buf text = { NULL, 0, 0 };
	size_t at;

	readfile(DATA "cert.pem", &text);
	at = linestart(&text, 5);
	cutrange(&text, at, 65);
	check_refused(&text,
	    "text:1: truncated: the DER says 416 bytes, 368 are there: a line "
	    "is missing: copy it again",
	    "a line lost");
	readfile(DATA "cert.pem", &text);
	cutrange(&text, at, 4);
	check_refused(&text, "line 5 has 60 characters, the first has 64",
	    "a line cut");
	readfile(DATA "cert.pem", &text);
	at = linestart(&text, 2);
	cutrange(&text, at, 65);
	check_refused(&text, "text:1: not DER: the first line is missing",
	    "the first line lost");
	cs_buf_free(&text);
}

/* An SSH terminal in canonical mode keeps 4,095 bytes of a line. */
static void
test_terminal(void)
{
	struct cs_buf text = { NULL, 0, 0 };
	const char *want = "line 2 has exactly 4095 bytes, where a terminal "
			   "cuts a pasted line";

	cs_buf_adds(&text, "-----BEGIN CERTIFICATE-----\nMIIP/zCC");
	while (text.len < 28 + 4095)
		cs_buf_adds(&text, "A");
	check_refused(&text, want, "one line, END cut off");
	cs_buf_adds(&text, "\n-----END CERTIFICATE-----\n");
	check_refused(&text, want, "one line, its end cut off");
	replace(&text, "CCA", "CC", 1);
	check_refused(&text, "a line is missing", "not at 4,094 bytes");
	cs_buf_free(&text);
}

int
main(void)
{
	test_refused();
	test_nothing();
	test_lines();
	test_terminal();
	return tap_done();
}
