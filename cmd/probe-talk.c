/*
 * probe-talk.c: the dialogues before TLS: STARTTLS and what other protocols
 * have for it.  Each is a table of steps: what is sent, and what the answer must
 * be.  All that a server sends is limited, and escaped in messages.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cmd.h"
#include "probe.h"

#define LINE_MAX_BYTES 2048
#define QUOTED 120 /* of an answer in a message, bytes */

/*
 * A step: expect reads the answer from t->in: how many bytes it has, 0 if more
 * must come, or -1 and why.
 */
struct probe_step {
	const char *send; /* "%s" is the server's name; or NULL */
	size_t len;	  /* of what is sent if it is binary, else 0 */
	long (*expect)(struct probe_talk *, const struct probe_step *);
	const char *good; /* how the last line of the answer begins */
	const char *more; /* and one with others behind it, or NULL */
	const char *need; /* a word that must be in one of them, or NULL */
};

static long expectlines(struct probe_talk *, const struct probe_step *);
static long expectirc(struct probe_talk *, const struct probe_step *);
static long expectxml(struct probe_talk *, const struct probe_step *);
static long expectldap(struct probe_talk *, const struct probe_step *);
static long expectpostgres(struct probe_talk *, const struct probe_step *);
static long expectmysql(struct probe_talk *, const struct probe_step *);

#define LINES(send, good, more, need) \
	{ \
		send, 0, expectlines, good, more, need \
	}
#define END \
	{ \
		NULL, 0, NULL, NULL, NULL, NULL \
	}

/* RFC 3207, RFC 2033; the host names itself to nobody. */
static const struct probe_step smtp[] = {
	LINES(NULL, "220", NULL, NULL),
	LINES("EHLO cert-probe.invalid\r\n", "250", NULL, "STARTTLS"),
	LINES("STARTTLS\r\n", "220", NULL, NULL),
	END,
};
static const struct probe_step lmtp[] = {
	LINES(NULL, "220", NULL, NULL),
	LINES("LHLO cert-probe.invalid\r\n", "250", NULL, "STARTTLS"),
	LINES("STARTTLS\r\n", "220", NULL, NULL),
	END,
};
/* RFC 9051 section 6.2.1 */
static const struct probe_step imap[] = {
	LINES(NULL, "* OK", NULL, NULL),
	LINES("a STARTTLS\r\n", "a OK", "*", NULL),
	END,
};
/* RFC 2595 section 4 */
static const struct probe_step pop3[] = {
	LINES(NULL, "+OK", NULL, NULL),
	LINES("STLS\r\n", "+OK", NULL, NULL),
	END,
};
/* RFC 4217 section 4 */
static const struct probe_step ftp[] = {
	LINES(NULL, "220", NULL, NULL),
	LINES("AUTH TLS\r\n", "234", NULL, NULL),
	END,
};
/* RFC 4642 section 2.2; 200 or 201 is the greeting. */
static const struct probe_step nntp[] = {
	LINES(NULL, "20", NULL, NULL),
	LINES("STARTTLS\r\n", "382", NULL, NULL),
	END,
};
/* RFC 5804 section 2.2 */
static const struct probe_step sieve[] = {
	LINES(NULL, "OK", "\"", "\"STARTTLS\""),
	LINES("STARTTLS\r\n", "OK", NULL, NULL),
	END,
};
static const struct probe_step irc[] = {
	{ "STARTTLS\r\n", 0, expectirc, NULL, NULL, NULL },
	END,
};
/* RFC 6120 section 5.4 */
#define STREAM(ns) \
	"<?xml version='1.0'?><stream:stream to='%s' xmlns='" ns "' " \
	"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
static const struct probe_step xmpp[] = {
	{ STREAM("jabber:client"), 0, expectxml, "</stream:features",
	    "<stream:error", "<starttls" },
	{ STARTTLS, 0, expectxml, "<proceed", "<failure", NULL },
	END,
};
static const struct probe_step xmppserver[] = {
	{ STREAM("jabber:server"), 0, expectxml, "</stream:features",
	    "<stream:error", "<starttls" },
	{ STARTTLS, 0, expectxml, "<proceed", "<failure", NULL },
	END,
};
/* RFC 4511 section 4.14.1: an ExtendedRequest 1.3.6.1.4.1.1466.20037 */
static const struct probe_step ldap[] = {
	{ "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
	  "1.3.6.1.4.1.1466.20037",
	    31, expectldap, NULL, NULL, NULL },
	END,
};
/* SSLRequest, PostgreSQL's "Message Formats" */
static const struct probe_step postgres[] = {
	{ "\0\0\0\x08\x04\xd2\x16\x2f", 8, expectpostgres, NULL, NULL, NULL },
	END,
};
/* Protocol::SSLRequest: no answer; 4.1, SSL, 16 MiB, utf8mb4 */
static const struct probe_step mysql[] = {
	{ NULL, 0, expectmysql, NULL, NULL, NULL },
	{ "\x20\0\0\x01\0\x8a\0\0\0\0\0\x01\x2d"
	  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    36, NULL, NULL, NULL, NULL },
	END,
};

static const struct {
	const char *protocol;
	const struct probe_step *steps;
} dialects[] = { { "ftp", ftp }, { "imap", imap }, { "irc", irc },
	{ "ldap", ldap }, { "lmtp", lmtp }, { "mysql", mysql },
	{ "nntp", nntp }, { "pop3", pop3 }, { "postgres", postgres },
	{ "sieve", sieve }, { "smtp", smtp }, { "xmpp", xmpp },
	{ "xmpp-server", xmppserver } };

static long
failtalk(struct probe_talk *t, const char *what)
{
	snprintf(t->why, sizeof(t->why), "%s", what);
	return -1;
}

/* Quotes an answer that is not what it must be. */
static long
failanswer(struct probe_talk *t, const char *answer, size_t len)
{
	char shown[4 * QUOTED + 8];

	certstore_escape(shown, sizeof(shown), answer,
	    len > QUOTED ? QUOTED : len);
	snprintf(t->why, sizeof(t->why), "answers \"%.300s%s\"", shown,
	    len > QUOTED ? "..." : "");
	return -1;
}

static int
isprefix(const char *line, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return n <= len && strncasecmp(line, prefix, n) == 0;
}

static int
containsword(const char *line, size_t len, const char *word)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (isprefix(line + i, len - i, word))
			return 1;
	return 0;
}

/* The next line at *pos, without CR and LF, and *pos behind it: 1, 0, -1. */
static int
takeline(struct probe_talk *t, size_t *pos, const char **line, size_t *len)
{
	const char *nl;

	*line = t->in + *pos;
	nl = memchr(*line, '\n', t->inlen - *pos);
	*len = nl == NULL ? t->inlen - *pos : (size_t)(nl - *line);
	if (*len > LINE_MAX_BYTES) {
		snprintf(t->why, sizeof(t->why),
		    "sends a line of more than %d bytes", LINE_MAX_BYTES);
		return -1;
	}
	if (nl == NULL)
		return 0;
	*pos += *len + 1;
	if (*len > 0 && (*line)[*len - 1] == '\r')
		--*len;
	return 1;
}

/*
 * One reply.  Where it begins with digits, a hyphen behind them announces
 * further lines, and the last one has the digits without a hyphen.
 */
static long
expectlines(struct probe_talk *t, const struct probe_step *step)
{
	int code = isdigit((unsigned char)step->good[0]), good, rv;
	const char *line;
	size_t len, pos = 0;

	t->found = t->inside = 0;
	while ((rv = takeline(t, &pos, &line, &len)) == 1) {
		if (step->need != NULL && containsword(line, len, step->need))
			t->found = 1;
		good = isprefix(line, len, step->good);
		if (good && code && len > 3 && line[3] == '-')
			t->inside = 1;
		else if (good && step->need != NULL && !t->found)
			return failtalk(t, "does not offer STARTTLS");
		else if (good)
			return (long)pos;
		else if (!t->inside &&
		    (step->more == NULL || !isprefix(line, len, step->more)))
			return failanswer(t, line, len);
	}
	return rv;
}

/* Notices are passed over; 670 is RPL_STARTTLS, and other numbers refuse it. */
static long
expectirc(struct probe_talk *t, const struct probe_step *step)
{
	static const char *const refusals[] = { " 691 ", " 451 ", " 421 " };
	const char *line;
	size_t i, len, pos = 0;
	int rv;

	(void)step;
	while ((rv = takeline(t, &pos, &line, &len)) == 1) {
		if (containsword(line, len, " 670 "))
			return (long)pos;
		for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
			if (containsword(line, len, refusals[i]) ||
			    isprefix(line, len, "ERROR"))
				return failanswer(t, line, len);
	}
	return rv;
}

/*
 * Looks for the tag that ends the answer.  There is no parser of XML: where a
 * server sends tags in other forms, TLS is not begun.
 */
static long
expectxml(struct probe_talk *t, const struct probe_step *step)
{
	const char *bad, *end, *tag;

	bad = memmem(t->in, t->inlen, step->more, strlen(step->more));
	if (bad != NULL)
		return failanswer(t, bad, t->inlen - (size_t)(bad - t->in));
	tag = memmem(t->in, t->inlen, step->good, strlen(step->good));
	if (tag == NULL ||
	    (end = memchr(tag, '>', t->inlen - (size_t)(tag - t->in))) == NULL)
		return 0;
	if (step->need != NULL &&
	    memmem(t->in, (size_t)(tag - t->in), step->need,
		strlen(step->need)) == NULL)
		return failtalk(t, "does not offer STARTTLS");
	return end + 1 - t->in;
}

/*
 * Reads the head of an element of BER at *pos, of at most two bytes of length:
 * 1 and its length, 0 if more must come, -1 if it is none with that tag.
 */
static int
takeber(const struct probe_talk *t, size_t *pos, unsigned char tag, size_t *len)
{
	const unsigned char *p = (const unsigned char *)t->in + *pos;
	size_t left = t->inlen - *pos, n, i;

	if (left > 0 && p[0] != tag)
		return -1;
	if (left < 2)
		return 0;
	*len = p[1];
	n = 0;
	if (p[1] >= 0x80) {
		n = p[1] & 0x7f;
		if (n < 1 || n > 4)
			return -1;
		if (left < 2 + n)
			return 0;
		for (*len = i = 0; i < n; i++)
			*len = *len << 8 | p[2 + i];
	}
	*pos += 2 + n;
	return *len <= PROBE_TALK_IN ? 1 : -1;
}

/* The LDAPMessage 1 with an ExtendedResponse, RFC 4511 section 4.12. */
static long
expectldap(struct probe_talk *t, const struct probe_step *step)
{
	const unsigned char *in = (const unsigned char *)t->in;
	size_t end, len, pos = 0;
	int rv;

	(void)step;
	if ((rv = takeber(t, &pos, 0x30, &len)) == 0)
		return 0;
	if (rv == -1)
		return failtalk(t, "does not answer as LDAP");
	end = pos + len;
	if (t->inlen < end)
		return 0;
	if (takeber(t, &pos, 0x02, &len) != 1 || len != 1 || pos >= end ||
	    in[pos++] != 1 || takeber(t, &pos, 0x78, &len) != 1 ||
	    pos + len > end || takeber(t, &pos, 0x0a, &len) != 1 || len != 1 ||
	    pos >= end)
		return failtalk(t, "does not answer STARTTLS as LDAP does");
	if (in[pos] == 0)
		return (long)end;
	snprintf(t->why, sizeof(t->why),
	    "refuses STARTTLS with the LDAP result %u", in[pos]);
	return -1;
}

static long
expectpostgres(struct probe_talk *t, const struct probe_step *step)
{
	(void)step;
	if (t->inlen == 0)
		return 0;
	switch (t->in[0]) {
	case 'S':
		return 1;
	case 'N':
		return failtalk(t, "does not offer TLS: use ssl = on there");
	default:
		return failanswer(t, t->in, t->inlen);
	}
}

/* Protocol::HandshakeV10, with the capability CLIENT_SSL. */
static long
expectmysql(struct probe_talk *t, const struct probe_step *step)
{
	const unsigned char *in = (const unsigned char *)t->in;
	const unsigned char *p;
	size_t len;

	(void)step;
	if (t->inlen < 5)
		return 0;
	len = in[0] | (size_t)in[1] << 8 | (size_t)in[2] << 16;
	if (len < 3 || len > PROBE_TALK_IN - 4 || in[3] != 0 ||
	    (in[4] != 10 && in[4] != 0xff))
		return failtalk(t, "does not greet as MySQL does");
	if (t->inlen < 4 + len)
		return 0;
	if (in[4] == 0xff) /* an error: number, text */
		return failanswer(t, t->in + 7, len - 3);
	/* version, NUL; thread 4, data 8, filler 1, capabilities 2 */
	p = memchr(in + 5, '\0', len - 1);
	if (p == NULL || (size_t)(in + 4 + len - p) < 1 + 4 + 8 + 1 + 2)
		return failtalk(t, "does not greet as MySQL does");
	p += 1 + 4 + 8 + 1;
	if ((p[1] & 0x08) == 0)
		return failtalk(t, "does not offer TLS");
	return (long)(4 + len);
}

/* Puts what a step sends into out. */
static void
sendstep(struct probe_talk *t)
{
	const struct probe_step *step = t->step;
	const char *name = t->name, *mark;
	int n;

	if (step->send == NULL)
		return;
	if (step->len > 0) {
		memcpy(t->out, step->send, step->len);
		t->outlen = step->len;
		return;
	}
	if ((mark = strstr(step->send, "%s")) == NULL)
		n = snprintf(t->out, sizeof(t->out), "%s", step->send);
	else
		n = snprintf(t->out, sizeof(t->out), "%.*s%s%s",
		    (int)(mark - step->send), step->send, name, mark + 2);
	t->outlen = (size_t)n < sizeof(t->out) ? (size_t)n : 0;
}

/* The steps that have nothing to wait for, too: 1 if that was the last. */
static int
beginstep(struct probe_talk *t)
{
	for (; t->step->send != NULL || t->step->expect != NULL; t->step++) {
		sendstep(t);
		if (t->step->expect != NULL)
			return 0;
	}
	return 1;
}

int
probe_talk_start(struct probe_talk *t, const char *protocol, const char *name)
{
	size_t i;

	memset(t, 0, sizeof(*t));
	t->name = name;
	for (i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (strcmp(dialects[i].protocol, protocol) == 0) {
			t->step = dialects[i].steps;
			(void)beginstep(t);
			return 0;
		}
	return -1;
}

/*
 * Nothing may follow the answer after which TLS begins: somebody between would
 * have put it there, in clear.
 */
int
probe_talk_feed(struct probe_talk *t, const char *data, size_t len)
{
	int done;
	long n;

	if (len > sizeof(t->in) - t->inlen) {
		failtalk(t, "sends too much before TLS");
		return -1;
	}
	if (len > 0)
		memcpy(t->in + t->inlen, data, len);
	t->inlen += len;
	if ((n = t->step->expect(t, t->step)) <= 0)
		return (int)n;
	t->inlen -= (size_t)n;
	memmove(t->in, t->in + n, t->inlen);
	t->step++;
	done = beginstep(t);
	if (t->inlen == 0)
		return done;
	if (done) {
		failtalk(t,
		    "sends text in clear after STARTTLS: somebody may have "
		    "put it there");
		return -1;
	}
	/* an answer before the question, such as a notice, stays */
	return 0;
}
