/*
 * hash.c: SHA-256 as text, computed and parsed, without libcrypto.
 */
#include <ctype.h>
#include <stdint.h>

#include <sha2.h>

#include "base/base.h"

void
cs_hash(char hex[CS_HASH_LEN], const void *p, size_t len)
{
	unsigned char md[SHA256_DIGEST_LENGTH];
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, p, len);
	SHA256Final(md, &ctx);
	cs_hex(hex, md, sizeof(md));
}

int
cs_hash_read(const char *text, char hex[CS_HASH_LEN])
{
	const char *p;
	size_t n = 0;

	for (p = text; *p != '\0'; p++) {
		if (*p == ':' && n > 0 && n % 2 == 0 && p[-1] != ':')
			continue;
		if (!isxdigit((unsigned char)*p) || n == CS_HASH_LEN - 1)
			return 0;
		hex[n++] = (char)tolower((unsigned char)*p);
	}
	hex[n] = '\0';
	return n == CS_HASH_LEN - 1 && p[-1] != ':';
}
