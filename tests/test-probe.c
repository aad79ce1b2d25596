/*
 * test-probe.c: the dialogues before TLS, with what servers say, and with what
 * they must not say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe.h"
#include "tap.h"

#define BYTES(s) s, sizeof(s) - 1

/*
 * One dialogue: what is sent at the start, then in turn what the server answers
 * and what is sent then.
 */
static const struct {
	const char *protocol;
	struct {
		const char *in;
		size_t inlen;
		const char *out; /* how it begins */
	} turn[4];
	const char *first; /* how what is sent before that begins, or "" */
} good[] = {
	{ "smtp",
	    { { BYTES("220-a\r\n220 b\r\n"), "EHLO cert-probe.invalid\r\n" },
		{ BYTES("250-a\r\n250-StartTLS\r\n250 OK\r\n"),
		    "STARTTLS\r\n" },
		{ BYTES("220 go\r\n"), "" } },
	    "" },
	{ "smtp",
	    { { BYTES("220\n"), "EHLO " }, { BYTES("250 STARTTLS\n"), "ST" },
		{ BYTES("220\n"), "" } },
	    "" },
	{ "lmtp",
	    { { BYTES("220 b\r\n"), "LHLO " },
		{ BYTES("250-x\r\n250 STARTTLS\r\n"), "STARTTLS\r\n" },
		{ BYTES("220 go\r\n"), "" } },
	    "" },
	{ "imap",
	    { { BYTES("* OK [CAPABILITY IMAP4rev1] hello\r\n"),
		  "a STARTTLS\r\n" },
		{ BYTES("* CAPABILITY x\r\na OK begin\r\n"), "" } },
	    "" },
	{ "pop3",
	    { { BYTES("+OK\r\n"), "STLS\r\n" }, { BYTES("+OK go\r\n"), "" } },
	    "" },
	{ "ftp",
	    { { BYTES("220-hello\r\n 234 there\r\nyou\r\n220 .\r\n"),
		  "AUTH TLS\r\n" },
		{ BYTES("234 go\r\n"), "" } },
	    "" },
	{ "nntp",
	    { { BYTES("200 hello\r\n"), "STARTTLS\r\n" },
		{ BYTES("382 go\r\n"), "" } },
	    "" },
	{ "nntp",
	    { { BYTES("201 no posting\r\n"), "ST" },
		{ BYTES("382 go\r\n"), "" } },
	    "" },
	{ "sieve",
	    { { BYTES("\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n"),
		  "STARTTLS\r\n" },
		{ BYTES("OK \"begin\"\r\n"), "" } },
	    "" },
	{ "irc",
	    { { BYTES(":a NOTICE * :*** Looking up\r\n"
		      ":a 670 * :STARTTLS successful\r\n"),
		"" } },
	    "STARTTLS\r\n" },
	{ "xmpp",
	    { { BYTES("<?xml version='1.0'?><stream:stream from='x'>"
		      "<stream:features><starttls xmlns='urn:x'><required/>"
		      "</starttls></stream:features>"),
		  "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" },
		{ BYTES("<proceed xmlns='urn:x'/>"), "" } },
	    "<?xml version='1.0'?><stream:stream to='name.example' "
	    "xmlns='jabber:client' " },
	{ "xmpp-server",
	    { { BYTES("<stream:features><starttls/></stream:features>"),
		  "<starttls " },
		{ BYTES("<proceed xmlns='urn:x'/>"), "" } },
	    "<?xml version='1.0'?><stream:stream to='name.example' "
	    "xmlns='jabber:server' " },
	{ "ldap",
	    { { BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0"),
		"" } },
	    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
	    "1.3.6.1.4.1.1466.20037" },
	{ "ldap",
	    { { BYTES("\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07"
		      "\x0a\x01\0\x04\0\x04\0"),
		"" } },
	    "\x30\x1d" },
	{ "postgres", { { BYTES("S"), "" } }, NULL },
	{ "mysql",
	    { { BYTES("\x1a\0\0\0\x0a"
		      "5.5\0"
		      "\1\0\0\0"
		      "12345678\0"
		      "\xff\xff\x08\x02\0\x0f\x80\x15"),
		"\x20" } },
	    "" },
};

static const struct {
	const char *protocol, *in;
	size_t inlen;
	const char *why;
} bad[] = {
	{ "smtp", BYTES("554 no\x1b[2J\r\n"), "answers \"554 no\\033[2J\"" },
	{ "smtp", BYTES("\r\n"), "answers \"\"" },
	{ "smtp", BYTES("220 a\r\n\v250-x\r\n250 y\r\n"),
	    "does not offer STARTTLS" },
	{ "smtp", BYTES("220 a\r\n\v250 STARTTLS\r\n\v454 later\r\n"),
	    "answers \"454 later\"" },
	{ "smtp", BYTES("220 a\r\n\v250 STARTTLS\r\n\v220 go\r\n250 RSET\r\n"),
	    "in clear after STARTTLS" },
	{ "imap", BYTES("* BYE busy\r\n"), "answers \"* BYE busy\"" },
	{ "imap", BYTES("* PREAUTH in\r\n"), "answers \"* PREAUTH in\"" },
	{ "imap", BYTES("* OK\r\n\va BAD what\r\n"), "answers \"a BAD what\"" },
	{ "imap", BYTES("* OK\r\n\va OK\r\n* 1 EXISTS"),
	    "in clear after STARTTLS" },
	{ "pop3", BYTES("-ERR\r\n"), "answers \"-ERR\"" },
	{ "pop3", BYTES("+OK\r\n\v-ERR no\r\n"), "answers \"-ERR no\"" },
	{ "ftp", BYTES("220 x\r\n\v530 no\r\n"), "answers \"530 no\"" },
	{ "nntp", BYTES("400 no\r\n"), "answers \"400 no\"" },
	{ "sieve", BYTES("\"SASL\" \"PLAIN\"\r\nOK\r\n"),
	    "does not offer STARTTLS" },
	{ "sieve", BYTES("BYE\r\n"), "answers \"BYE\"" },
	{ "irc", BYTES(":a 691 * :no\r\n"), "answers \":a 691 * :no\"" },
	{ "irc", BYTES("ERROR :bye\r\n"), "answers \"ERROR :bye\"" },
	{ "irc", BYTES(":a 670 x\r\n:a 001 x\r\n"), "in clear" },
	{ "xmpp", BYTES("<stream:features></stream:features>"),
	    "does not offer STARTTLS" },
	{ "xmpp", BYTES("<stream:error><host-unknown/></stream:error>"),
	    "answers \"<stream:error><host-unknown/></stream:error>\"" },
	{ "xmpp", BYTES("<starttls/></stream:features>\v<failure xmlns='x'/>"),
	    "answers \"<failure" },
	{ "xmpp", BYTES("<starttls/></stream:features>\v<proceed/><x>"),
	    "in clear" },
	{ "ldap", BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\0\x04\0"),
	    "LDAP result 2" },
	{ "ldap", BYTES("HTTP/1.1"), "does not answer as LDAP" },
	{ "ldap", BYTES("\x30\x85\0\0\0\0\0"), "does not answer as LDAP" },
	{ "ldap", BYTES("\x30\x84\xff\xff\xff\xff"),
	    "does not answer as LDAP" },
	{ "ldap", BYTES("\x30\x00"), "does not answer STARTTLS" },
	{ "ldap", BYTES("\x30\x03\x02\x01\x01"), "does not answer STARTTLS" },
	{ "ldap", BYTES("\x30\x05\x02\x01\x01\x78\x07\x0a\x01\0"),
	    "does not answer STARTTLS" },
	{ "ldap", BYTES("\x30\x07\x02\x01\x01\x78\x02\x0a\x01\0"),
	    "does not answer STARTTLS" },
	{ "ldap", BYTES("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0x"),
	    "in clear" },
	{ "postgres", BYTES("N"), "does not offer TLS" },
	{ "postgres", BYTES("Ex\x07"), "answers \"Ex\\a\"" },
	{ "postgres", BYTES("SX"), "in clear" },
	{ "mysql", BYTES("\x05\0\0\0\xff\x15\x04no"), "answers \"no\"" },
	{ "mysql", BYTES("\x03\0\0\0\xff\x15\x04"), "answers \"\"" },
	{ "mysql", BYTES("\x01\0\0\0\xff"), "does not greet as MySQL" },
	{ "mysql", BYTES("\xff\xff\xff\0\x0a"), "does not greet as MySQL" },
	{ "mysql", BYTES("220 a\r\n"), "does not greet as MySQL" },
	{ "mysql",
	    BYTES("\x04\0\0\0\x0a"
		  "5.5"),
	    "does not greet as MySQL" },
	{ "mysql",
	    BYTES("\x05\0\0\0\x0a"
		  "5.5\0"),
	    "does not greet as MySQL" },
	{ "mysql",
	    BYTES("\x14\0\0\0\x0a"
		  "5.5\0"
		  "\1\0\0\0"
		  "12345678\0"
		  "\xff\xf7"),
	    "does not offer TLS" },
	{ "mysql",
	    BYTES("\x14\0\0\0\x0a"
		  "5.5\0"
		  "\1\0\0\0"
		  "12345678\0"
		  "\xff\xffx"),
	    "in clear" },
};

static struct probe_talk talk;

/* Does what is to be sent begin so?  NULL: with anything.  Then it is sent. */
static int
sent(const char *want)
{
	size_t len = want == NULL ? 0 : strlen(want);
	int is = len <= talk.outlen;

	if (len > 0)
		is = is && memcmp(talk.out, want, len) == 0;
	else
		is = (talk.outlen == 0) == (want != NULL);
	talk.outlen = 0;
	return is;
}

/* The same dialogue in pieces of that many bytes. */
static void
rightly(size_t piece)
{
	size_t at, i, k, n;
	int last, rv, right;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		right = probe_talk_start(&talk, good[i].protocol,
			    "name.example") == 0 &&
		    sent(good[i].first);
		rv = 0;
		for (k = 0; k < 4 && good[i].turn[k].in != NULL; k++) {
			last = k == 3 || good[i].turn[k + 1].in == NULL;
			for (at = 0; at < good[i].turn[k].inlen; at += n) {
				right &= rv == 0;
				n = good[i].turn[k].inlen - at;
				if (n > piece)
					n = piece;
				rv = probe_talk_feed(&talk,
				    good[i].turn[k].in + at, n);
			}
			right &= rv == last;
			right &= sent(good[i].turn[k].out);
		}
		ok(right, "%s: %zu bytes at once: %d %s", good[i].protocol,
		    piece, rv, talk.why);
	}
}

/* A VT ends each piece that is given at once. */
static void
wrongly(void)
{
	const char *in, *vt;
	size_t i, left, n;
	int rv;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rv = probe_talk_start(&talk, bad[i].protocol, "name.example");
		in = bad[i].in;
		for (left = bad[i].inlen; rv == 0 && left > 0;) {
			vt = memchr(in, '\v', left);
			n = vt == NULL ? left : (size_t)(vt - in);
			rv = probe_talk_feed(&talk, in, n);
			n += vt != NULL;
			in += n;
			left -= n;
			if (left > 0 && rv == 0)
				ok(talk.outlen > 0, "%s: goes on",
				    bad[i].protocol);
			talk.outlen = 0;
		}
		ok(rv == -1 && left == 0 &&
			strstr(talk.why, bad[i].why) != NULL,
		    "%s refuses %zu: %d \"%s\"", bad[i].protocol, i, rv,
		    talk.why);
	}
}

/* What never ends is not read for ever. */
static void
endless(void)
{
	static const char *const words[] = { "ftp", "imap", "irc", "ldap",
		"lmtp", "mysql", "nntp", "pop3", "postgres", "sieve", "smtp",
		"xmpp", "xmpp-server" };
	static const char *const texts[] = { "x", "220-x\r\n", "* x\r\n",
		"\"x\"\r\n", "<x>", "\x30\x82\x40\0", "\0", "\r\n" };
	size_t i, k, n;
	int rv;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			rv = probe_talk_start(&talk, words[i], "x");
			for (n = 0; rv == 0 && n < 2 * PROBE_TALK_IN; n++)
				rv = probe_talk_feed(&talk, texts[k],
				    texts[k][0] == '\0' ? 1 : strlen(texts[k]));
			ok(rv == -1 && talk.why[0] != '\0', "%s: endless %zu",
			    words[i], k);
		}
	ok(probe_talk_start(&talk, "http", "x") == -1, "no such protocol");
}

int
main(void)
{
	rightly(1);
	rightly(7);
	rightly(10000);
	wrongly();
	endless();
	return tap_done();
}
