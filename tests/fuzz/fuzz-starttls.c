/*
 * fuzz-starttls.c: what a server says before TLS.  The first byte chooses the
 * protocol, and the others are given in pieces of the length that the second
 * one tells.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "probe.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const protocols[] = { "ftp", "imap", "irc", "ldap",
		"lmtp", "mysql", "nntp", "pop3", "postgres", "sieve", "smtp",
		"xmpp", "xmpp-server" };
	struct probe_talk *talk;
	size_t n, piece, pos;
	char *in;
	int rv = 0;

	if (len < 2)
		return 0;
	piece = 1 + data[1] * (size_t)(data[1] % 8 + 1);
	if ((talk = malloc(sizeof(*talk))) == NULL)
		abort();
	HOLDS(probe_talk_start(talk,
		  protocols[data[0] % (sizeof(protocols) / sizeof(*protocols))],
		  "name.example") == 0);
	for (pos = 2; rv == 0 && pos < len; pos += n) {
		n = len - pos < piece ? len - pos : piece;
		/* exactly as long, so that a read beyond it is seen */
		if ((in = malloc(n)) == NULL)
			abort();
		memcpy(in, data + pos, n);
		HOLDS(talk->outlen <= sizeof(talk->out));
		talk->outlen = 0;
		rv = probe_talk_feed(talk, in, n);
		HOLDS(talk->inlen <= sizeof(talk->in));
		free(in);
	}
	if (rv == 1)
		HOLDS(talk->inlen == 0);
	if (rv == -1) {
		HOLDS(talk->why[0] != '\0');
		n = strlen(talk->why);
		HOLDS(certstore_escape(NULL, 0, talk->why, n) >= n);
		for (pos = 0; pos < n; pos++)
			HOLDS((unsigned char)talk->why[pos] >= ' ' &&
			    talk->why[pos] != 0x7f);
	}
	free(talk);
	return 0;
}
