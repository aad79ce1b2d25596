/*
 * certid.c: how a certificate is named in a question for renewal information
 * (RFC 9773 section 4.1).
 */
#include <stdlib.h>
#include <string.h>

#include "acme/private.h"

#define OCTETS_MAX 256

static int
hexvalue(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c == '\0' ? NULL : strchr(digits, c);

	return found == NULL ? -1 : (int)(found - digits);
}

/* Bytes of lower-case hex, behind one that is 0: how many, or 0. */
static size_t
readoctets(const char *hex, unsigned char out[OCTETS_MAX + 1])
{
	size_t i, n = strlen(hex) / 2;

	out[0] = 0;
	if (strlen(hex) % 2 != 0 || n > OCTETS_MAX)
		return 0;
	for (i = 0; i < n; i++) {
		int high = hexvalue(hex[2 * i]), low = hexvalue(hex[2 * i + 1]);

		if (high == -1 || low == -1)
			return 0;
		out[i + 1] = (unsigned char)(high << 4 | low);
	}
	return n;
}

char *
certstore_entry_certid(const struct certstore_entry *entry,
    struct certstore_error *err)
{
	unsigned char octets[OCTETS_MAX + 1];
	const struct cs_info *info = &entry->info;
	struct cs_buf b = { 0 };
	char *text = NULL;
	size_t n, sign;

	cs_error_clear(err);
	if (info->aki == NULL || (n = readoctets(info->aki, octets)) == 0) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the certificate has no authority key identifier, so "
		    "it has no ID for renewal information (RFC 9773 section "
		    "4.1)",
		    info->name);
		return NULL;
	}
	if (cs_base64url_add(&b, octets + 1, n) == -1 ||
	    cs_buf_adds(&b, ".") == -1)
		goto nomem;
	if (info->serial == NULL ||
	    (n = readoctets(info->serial, octets)) == 0) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the certificate has no positive serial number, so "
		    "it has no ID for renewal information (RFC 9773 section "
		    "4.1)",
		    info->name);
		goto out;
	}
	/* as in DER: a zero in front if the number would be negative */
	sign = octets[1] >= 0x80;
	if (cs_base64url_add(&b, octets + 1 - sign, n + sign) == -1 ||
	    (text = strdup(b.p)) == NULL)
		goto nomem;
	goto out;
nomem:
	cs_fail_nomem(err);
out:
	cs_buf_free(&b);
	return text;
}
