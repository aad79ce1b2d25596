/*
 * hash.c: SHA-256 as text, without libcrypto.
 */
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
