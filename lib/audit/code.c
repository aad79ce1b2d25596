/*
 * code.c: the codes of findings, as cert-check(1) lists them.
 */
#include <string.h>

#include "audit/private.h"

#define NOTE CERTSTORE_NOTE
#define WARNING CERTSTORE_WARNING
#define CRITICAL CERTSTORE_CRITICAL

static const struct cs_codeline lines[CS_NCODE] = {
	[CS_CODE_ACCOUNT_READABLE] = { "account-readable", CRITICAL,
	    "others can read the keys of ACME accounts, or passwords of hooks" },
	[CS_CODE_CHAIN_GAP] = { "chain-gap", WARNING,
	    "a certificate of the chain was not issued by any in it" },
	[CS_CODE_CHAIN_ORDER] = { "chain-order", WARNING,
	    "the certificates of the chain are not in order" },
	[CS_CODE_CHANGED_BY_HAND] = { "changed-by-hand", CRITICAL,
	    "fullchain.pem or request.csr is not what info was made from" },
	[CS_CODE_COMBINED_DIFFERS] = { "combined-differs", CRITICAL,
	    "combined.pem is not the key and the certificates" },
	[CS_CODE_COMBINED_MISSING] = { "combined-missing", CRITICAL,
	    "an entry that serves TLS has no link in combined" },
	[CS_CODE_COMBINED_SURPLUS] = { "combined-surplus", CRITICAL,
	    "combined has a link of an entry that does not serve TLS" },
	[CS_CODE_CRL_DAMAGED] = { "crl-damaged", CRITICAL,
	    "a file of crl is not the CRL that was made" },
	[CS_CODE_CRL_EXPIRED] = { "crl-expired", CRITICAL,
	    "a CRL expired: servers refuse all clients of its CA" },
	[CS_CODE_CRL_EXPIRES] = { "crl-expires", CRITICAL,
	    "a CRL expires soon, and there is no newer one" },
	[CS_CODE_CRL_LATE] = { "crl-late", WARNING,
	    "the CRL of a CA should have been made again" },
	[CS_CODE_CRL_UNCOVERED] = { "crl-uncovered", WARNING,
	    "a trust set has CRLs, but none of this CA" },
	[CS_CODE_CRL_UNPUBLISHED] = { "crl-unpublished", CRITICAL,
	    "a CA revoked something that is in no CRL" },
	[CS_CODE_DEFAULT_DANGLING] = { "default-dangling", CRITICAL,
	    "the link default leads to no entry" },
	[CS_CODE_DELIVERY_PENDING] = { "delivery-pending", WARNING,
	    "a user was not told of a change" },
	[CS_CODE_DISTRUSTED] = { "distrusted", CRITICAL,
	    "a certificate in the chain is distrusted" },
	[CS_CODE_EXPIRED] = { "expired", CRITICAL, "a certificate expired" },
	[CS_CODE_EXPIRES] = { "expires", WARNING,
	    "a certificate expires within the time of -e" },
	[CS_CODE_FILE_CLOSED] = { "file-closed", WARNING,
	    "others cannot read a file that is no secret" },
	[CS_CODE_FILE_MISSING] = { "file-missing", CRITICAL,
	    "a file of the entry is missing" },
	[CS_CODE_GENERATION_ORPHAN] = { "generation-orphan", WARNING,
	    "a generation that no entry uses" },
	[CS_CODE_GROUP_UNKNOWN] = { "group-unknown", WARNING,
	    "the group of the keys does not exist on this host" },
	[CS_CODE_HARD_LINK] = { "hard-link", WARNING,
	    "a private key has another name somewhere" },
	[CS_CODE_INDEX_MISSING] = { "index-missing", CRITICAL,
	    "an entry lacks links in index, and may not be found" },
	[CS_CODE_INDEX_SURPLUS] = { "index-surplus", WARNING,
	    "index has links that no entry calls for" },
	[CS_CODE_INFO_DAMAGED] = { "info-damaged", CRITICAL,
	    "info is missing or cannot be read" },
	[CS_CODE_INFO_DIFFERS] = { "info-differs", CRITICAL,
	    "info is not what the certificate says" },
	[CS_CODE_INTERRUPTED] = { "interrupted", WARNING,
	    "a writer was interrupted" },
	[CS_CODE_ISSUED_EXPIRES] = { "issued-expires", WARNING,
	    "what a CA has signed and no entry has expires within the time of "
	    "-e" },
	[CS_CODE_ISSUED_MISSING] = { "issued-missing", WARNING,
	    "a CA has no whole record of what it has signed" },
	[CS_CODE_ISSUER_ENDS_FIRST] = { "issuer-ends-first", NOTE,
	    "a certificate of the chain expires before the first one" },
	[CS_CODE_KEPT_MISSING] = { "kept-missing", NOTE,
	    "the kept generation is missing: cert-revert has none" },
	[CS_CODE_KEY_CHANGED] = { "key-changed", WARNING,
	    "a private key is not the file that was written, and cannot be read" },
	[CS_CODE_KEY_CLOSED] = { "key-closed", WARNING,
	    "the group cannot read the private key" },
	[CS_CODE_KEY_MISMATCH] = { "key-mismatch", CRITICAL,
	    "a private key does not match its certificate or request" },
	[CS_CODE_KEY_READABLE] = { "key-readable", CRITICAL,
	    "others than the owner and the group can read a private key" },
	[CS_CODE_KEY_SHARED] = { "key-shared", NOTE,
	    "several entries have one private key" },
	[CS_CODE_KEYS_UNREAD] = { "keys-unread", NOTE,
	    "private keys were not looked at, since this user may not read them" },
	[CS_CODE_LINK_DANGLING] = { "link-dangling", CRITICAL,
	    "the link of an entry leads to no generation" },
	[CS_CODE_LINK_FOLLOWED] = { "link-followed", CRITICAL,
	    "an entry is a directory: a copy followed its link" },
	[CS_CODE_LINK_FOREIGN] = { "link-foreign", CRITICAL,
	    "the link of an entry leads elsewhere" },
	[CS_CODE_LINKS_LOST] = { "links-lost", CRITICAL,
	    "the store was copied by a tool that follows or drops links" },
	[CS_CODE_LOST] = { "lost", NOTE,
	    "keys that a repair moved out of the way" },
	[CS_CODE_NOT_YET_VALID] = { "not-yet-valid", WARNING,
	    "a certificate is not yet valid" },
	[CS_CODE_ORDER_HELD] = { "order-held", WARNING,
	    "a certificate came and is held" },
	[CS_CODE_ORDER_LEFTOVER] = { "order-leftover", WARNING,
	    "what proved control of a name was not removed" },
	[CS_CODE_ORDER_STUCK] = { "order-stuck", WARNING,
	    "an ACME order makes no progress" },
	[CS_CODE_OWNER] = { "owner", CRITICAL,
	    "a file belongs to another user than the store" },
	[CS_CODE_PARTS_DIFFER] = { "parts-differ", WARNING,
	    "cert.pem, chain.pem or ca.pem is not of fullchain.pem" },
	[CS_CODE_PROFILE_BAD] = { "profile-bad", WARNING,
	    "a profile is malformed or a link, and is refused" },
	[CS_CODE_PROPS_BAD] = { "props-bad", WARNING,
	    "a line of props is malformed, and writers refuse it" },
	[CS_CODE_PROPS_NOT_IN_FORCE] = { "props-not-in-force", WARNING,
	    "props were changed by hand and are not in force" },
	[CS_CODE_RENEWAL_FAILED] = { "renewal-failed", WARNING,
	    "renewal failed" },
	[CS_CODE_RENEWAL_LATE] = { "renewal-late", WARNING,
	    "a certificate should have been renewed" },
	[CS_CODE_REQUEST_WAITS] = { "request-waits", WARNING,
	    "a request has waited for its certificate for a month" },
	[CS_CODE_REVOKED] = { "revoked", CRITICAL,
	    "the certificate was revoked" },
	[CS_CODE_REVOKED_LOST] = { "revoked-lost", CRITICAL,
	    "what a CRL has is not recorded: the next one admits it" },
	[CS_CODE_REVOKED_UNMARKED] = { "revoked-unmarked", CRITICAL,
	    "a CA of the store has revoked it, and the entry does not say so" },
	[CS_CODE_STATE_ORPHAN] = { "state-orphan", NOTE,
	    "a record about an entry that does not exist" },
	[CS_CODE_STORE_UNSAFE] = { "store-unsafe", CRITICAL,
	    "others can change the path of the store" },
	[CS_CODE_TENANT_SHARED] = { "tenant-shared", WARNING,
	    "several entries have one tenant" },
	[CS_CODE_TENANT_UNCOVERED] = { "tenant-uncovered", WARNING,
	    "the certificate does not cover a tenant" },
	[CS_CODE_TRUST_DAMAGED] = { "trust-damaged", CRITICAL,
	    "a file of a trust set is damaged" },
	[CS_CODE_TRUST_DIFFERS] = { "trust-differs", WARNING,
	    "files or links of a trust set are missing or surplus" },
	[CS_CODE_TWINS_DIFFER] = { "twins-differ", NOTE,
	    "RSA and ECDSA certificates of one host differ in names or end" },
	[CS_CODE_UNKNOWN_FILE] = { "unknown-file", WARNING,
	    "a file that no command made" },
	[CS_CODE_UNLOGGED] = { "unlogged", WARNING,
	    "a change that no line of the log tells of" },
	[CS_CODE_WEAK_KEY] = { "weak-key", WARNING, "a key is weak" },
	[CS_CODE_WEAK_SIGNATURE] = { "weak-signature", WARNING,
	    "a signature is weak" },
	[CS_CODE_WRITABLE] = { "writable", CRITICAL,
	    "others can write to a file or directory" },
	[CS_CODE_X5U_DAMAGED] = { "x5u-damaged", CRITICAL,
	    "a chain for calls is not what its name says" },
	[CS_CODE_X5U_MISSING] = { "x5u-missing", CRITICAL,
	    "the chain for calls of an entry is missing" },
};

const struct cs_codeline *
cs_code_line(enum cs_code code)
{
	return &lines[code];
}

int
cs_code_isword(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < CS_NCODE; i++)
		if (strlen(lines[i].word) == len &&
		    memcmp(lines[i].word, word, len) == 0)
			return 1;
	return 0;
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
