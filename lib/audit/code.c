/*
 * code.c: the codes of findings, as cert-check(1) lists them.
 */
#include "audit/private.h"

#define NOTE CERTSTORE_NOTE
#define WARNING CERTSTORE_WARNING
#define CRITICAL CERTSTORE_CRITICAL

static const struct cs_codeline lines[CS_NCODE] = {
	[CS_CODE_COMBINED_MISSING] = { "combined-missing", CRITICAL, 1,
	    "an entry that serves TLS has no link in combined" },
	[CS_CODE_DAMAGED] = { "damaged", CRITICAL, 0,
	    "an entry cannot be used, since its files do not agree" },
	[CS_CODE_EXPIRED] = { "expired", CRITICAL, 0, "a certificate expired" },
	[CS_CODE_EXPIRES] = { "expires", WARNING, 0,
	    "a certificate expires within the time of -e" },
	[CS_CODE_INDEX_MISSING] = { "index-missing", CRITICAL, 1,
	    "an entry lacks links in index, and may not be found" },
	[CS_CODE_KEY_READABLE] = { "key-readable", CRITICAL, 1,
	    "others than the owner and the group can read a private key" },
	[CS_CODE_LINKS_LOST] = { "links-lost", CRITICAL, 1,
	    "the store was copied by a tool that follows or drops links" },
};

const struct cs_codeline *
cs_code_line(enum cs_code code)
{
	return &lines[code];
}

int
certstore_audit_code(size_t i, const char **code,
    enum certstore_severity *severity, const char **text)
{
	if (i >= CS_NCODE) {
		*code = *text = NULL;
		*severity = CERTSTORE_NOTE;
		return 0;
	}
	*code = lines[i].word;
	*severity = lines[i].severity;
	*text = lines[i].text;
	return 1;
}
