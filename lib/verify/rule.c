/*
 * rule.c: the rules for certificates and paths, how severe a breach of each is,
 * and the list of those that were broken.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/private.h"

#define PKIX "RFC 5280 section "
#define BR "CABF BR "

/* The three letters: for profile any, for a purpose, for the public web.  E:
 * error, W: warning, -: not reported. certstore(7) has the table. */
const struct cs_rule_text cs_rules[CS_NRULE] = {
	[CS_RULE_UNTRUSTED] = { "untrusted", "EEE", PKIX "6.1",
	    "has no path to a trust anchor" },
	[CS_RULE_SELF_SIGNED] = { "self-signed", "EEE", PKIX "6.1",
	    "is self-signed and not a trust anchor" },
	[CS_RULE_DISTRUSTED] = { "distrusted", "EEE", PKIX "6.1",
	    "is distrusted in this store" },
	[CS_RULE_ANCHOR_USE] = { "anchor-use", "EEE", PKIX "6.1.1",
	    "is not a trust anchor for this purpose" },
	[CS_RULE_GAVE_UP] = { "gave-up", "EEE", "RFC 4158 section 3",
	    "has more possible issuers than are tried" },
	[CS_RULE_TOO_LONG] = { "too-long", "EEE", "RFC 4158 section 3",
	    "the path is longer than 32 certificates" },
	[CS_RULE_SIGNATURE] = { "signature", "EEE", PKIX "6.1.3",
	    "is not signed by the key of its issuer" },
	[CS_RULE_AKI_MISMATCH] = { "aki-mismatch", "EEE", PKIX "4.2.1.1",
	    "has an authority key identifier that does not match its issuer" },
	[CS_RULE_NOT_YET] = { "not-yet-valid", "EEE", PKIX "4.1.2.5",
	    "is not yet valid" },
	[CS_RULE_EXPIRED] = { "expired", "EEE", PKIX "4.1.2.5", "is expired" },
	[CS_RULE_NOT_CA] = { "not-ca", "EEE", PKIX "4.2.1.9",
	    "issued a certificate, but is not a CA" },
	[CS_RULE_V1_ANCHOR] = { "v1-anchor", "WWE", PKIX "6.1.4",
	    "is a trust anchor of version 1, which cannot be marked as a CA" },
	[CS_RULE_CERT_SIGN] = { "cert-sign", "EEE", PKIX "4.2.1.3",
	    "issued a certificate, but its key usage has no keyCertSign" },
	[CS_RULE_PATH_LENGTH] = { "path-length", "EEE", PKIX "4.2.1.9",
	    "has more CAs below it than its path length allows" },
	[CS_RULE_CONSTRAINED] = { "constrained", "EEE", PKIX "4.2.1.10",
	    "has a name that the name constraints of an issuer forbid" },
	[CS_RULE_CONSTRAINED_WILDCARD] = { "constrained-wildcard", "EEE",
	    PKIX "4.2.1.10",
	    "has a wildcard for a name that the name constraints of an "
	    "issuer forbid" },
	[CS_RULE_POLICY] = { "policy", "EEE", PKIX "6.1.5",
	    "no policy is valid along the path, and one is required" },

	[CS_RULE_HOST] = { "host", "EEE", "RFC 9525 section 6",
	    "is not for this host" },
	[CS_RULE_PURPOSE] = { "purpose", "-EE", PKIX "4.2.1.12",
	    "is not for this purpose" },
	[CS_RULE_PURPOSE_CA] = { "purpose-ca", "-EE", PKIX "4.2.1.12",
	    "is a CA that is not for this purpose" },
	[CS_RULE_NO_CA] = { "no-ca", "-E-", PKIX "4.2.1.9", "is not a CA" },
	[CS_RULE_USAGE] = { "usage", "-EE", PKIX "4.2.1.3",
	    "has a key usage that does not allow this purpose" },
	[CS_RULE_USAGE_CA] = { "usage-ca", "-WE", PKIX "4.2.1.3",
	    "is a CA whose key usage does not allow this purpose" },
	[CS_RULE_TNAUTHLIST] = { "tnauthlist", "-E-", "RFC 8226 section 9",
	    "has no TNAuthList" },
	[CS_RULE_TNAUTHLIST_BAD] = { "tnauthlist-malformed", "-E-",
	    "RFC 8226 section 9", "has a malformed TNAuthList" },
	[CS_RULE_DELEGATE] = { "delegate", "-E-", "RFC 9060 section 4.1",
	    "has numbers or codes that its issuer does not have" },
	[CS_RULE_DELEGATE_UNSURE] = { "delegate-unsure", "-W-",
	    "RFC 9060 section 4.1",
	    "has numbers, and it cannot be checked whether they belong to the "
	    "service provider code of its issuer" },

	[CS_RULE_MALFORMED] = { "malformed", "EEE", PKIX "4.2",
	    "has a malformed extension" },
	[CS_RULE_TIME_BAD] = { "time-bad", "EEE", PKIX "4.1.2.5",
	    "has a malformed validity" },
	[CS_RULE_DUPLICATE] = { "duplicate", "EEE", PKIX "4.2",
	    "has an extension twice" },
	[CS_RULE_UNKNOWN_CRITICAL] = { "unknown-critical", "EEE", PKIX "4.2",
	    "has an unknown critical extension" },
	[CS_RULE_PROXY] = { "proxy", "EEE", "RFC 3820 section 3",
	    "is a proxy certificate" },
	[CS_RULE_ALGORITHM_MISMATCH] = { "algorithm-mismatch", "WEE",
	    PKIX "4.1.1.2", "names two different signature algorithms" },
	[CS_RULE_VERSION] = { "version", "-WE", PKIX "4.1.2.1",
	    "is not of version 3" },
	[CS_RULE_EXTENSIONS_VERSION] = { "extensions-version", "WEE",
	    PKIX "4.1.2.1", "has extensions, but is not of version 3" },
	[CS_RULE_SERIAL] = { "serial", "WEE", PKIX "4.1.2.2",
	    "has a serial number that is not allowed" },
	[CS_RULE_TIME_FORM] = { "time-form", "-WE", PKIX "4.1.2.5",
	    "has a year before 2050 as GeneralizedTime, or a later one as "
	    "UTCTime" },
	[CS_RULE_TIME_ORDER] = { "time-order", "EEE", PKIX "4.1.2.5",
	    "expires before it becomes valid" },
	[CS_RULE_LIFE] = { "life", "--E", BR "6.3.2",
	    "is valid for longer than allowed" },
	[CS_RULE_UNIQUE_ID] = { "unique-id", "-WE", PKIX "4.1.2.8",
	    "has unique identifiers" },
	[CS_RULE_ISSUER_EMPTY] = { "issuer-empty", "WEE", PKIX "4.1.2.4",
	    "has an empty issuer" },
	[CS_RULE_SUBJECT_EMPTY] = { "subject-empty", "WEE", PKIX "4.1.2.6",
	    "has an empty subject, and is a CA or has no subject "
	    "alternative name" },

	[CS_RULE_AKI_MISSING] = { "aki-missing", "WEE", PKIX "4.2.1.1",
	    "has no authority key identifier" },
	[CS_RULE_AKI_CRITICAL] = { "aki-critical", "WEE", PKIX "4.2.1.1",
	    "has a critical authority key identifier" },
	[CS_RULE_AKI_KEYID] = { "aki-keyid", "--E", BR "7.1.2.11.1",
	    "has an authority key identifier without key identifier" },
	[CS_RULE_AKI_ISSUER] = { "aki-issuer", "--E", BR "7.1.2.11.1",
	    "has an authority key identifier with issuer or serial number" },
	[CS_RULE_AKI_ROOT] = { "aki-root", "--E", BR "7.1.2.1.3",
	    "is self-signed, and its two key identifiers differ" },
	[CS_RULE_AKI_ANCHOR] = { "aki-anchor", "-WE", PKIX "4.2.1.1",
	    "is a trust anchor that another CA signed, without authority key "
	    "identifier" },
	[CS_RULE_SKI_MISSING] = { "ski-missing", "WEE", PKIX "4.2.1.2",
	    "is a CA without subject key identifier" },
	[CS_RULE_SKI_CRITICAL] = { "ski-critical", "WEE", PKIX "4.2.1.2",
	    "has a critical subject key identifier" },

	[CS_RULE_CA_NOT_CRITICAL] = { "ca-not-critical", "WEE", PKIX "4.2.1.9",
	    "is a CA, but its basic constraints are not "
	    "critical" },
	[CS_RULE_CA_USAGE_MISSING] = { "ca-usage-missing", "-WE",
	    PKIX "4.2.1.3", "is a CA without key usage" },
	[CS_RULE_CA_LEAF] = { "ca-leaf", "-WE", BR "7.1.2.7.8",
	    "is a CA in the place of an end-entity" },
	[CS_RULE_NON_CA_CERT_SIGN] = { "non-ca-cert-sign", "WEE",
	    PKIX "4.2.1.3", "has keyCertSign, but is not a CA" },
	[CS_RULE_PATHLEN_NON_CA] = { "pathlen-non-ca", "WEE", PKIX "4.2.1.9",
	    "has a path length, but is not a CA" },
	[CS_RULE_PATHLEN_CERT_SIGN] = { "pathlen-cert-sign", "WEE",
	    PKIX "4.2.1.9", "has a path length, but not keyCertSign" },
	[CS_RULE_POLICY_NOT_CRITICAL] = { "policy-not-critical", "WEE",
	    PKIX "4.2.1.11",
	    "has policy constraints or inhibitAnyPolicy that are not "
	    "critical" },
	[CS_RULE_POLICY_EMPTY] = { "policy-empty", "WEE", PKIX "4.2.1.11",
	    "has empty policy constraints" },
	[CS_RULE_POLICY_BAD] = { "policy-bad", "EEE", PKIX "4.2.1.4",
	    "has policies that contradict each other" },
	[CS_RULE_POLICY_QUALIFIER] = { "policy-qualifier", "EEE",
	    PKIX "4.2.1.4", "has critical policies with an unknown qualifier" },

	[CS_RULE_EKU_EMPTY] = { "eku-empty", "WEE", PKIX "4.2.1.12",
	    "has an empty extended key usage" },
	[CS_RULE_EKU_MISSING] = { "eku-missing", "--E", BR "7.1.2.7.10",
	    "has no extended key usage" },
	[CS_RULE_EKU_ANY] = { "eku-any", "-WE", BR "7.1.2.7.10",
	    "has anyExtendedKeyUsage" },
	[CS_RULE_EKU_OTHER] = { "eku-other", "--E", BR "7.1.2.7.10",
	    "is also for other purposes" },
	[CS_RULE_EKU_CRITICAL] = { "eku-critical", "--E", BR "7.1.2.7.6",
	    "has a critical extended key usage" },
	[CS_RULE_EKU_ROOT] = { "eku-root", "--E", BR "7.1.2.1.2",
	    "is a root with extended key usage" },

	[CS_RULE_SAN_MISSING] = { "san-missing", "-WE", PKIX "4.2.1.6",
	    "has neither a DNS name nor an IP address" },
	[CS_RULE_SAN_EMPTY] = { "san-empty", "WEE", PKIX "4.2.1.6",
	    "has an empty list of subject alternative names" },
	[CS_RULE_SAN_NOT_CRITICAL] = { "san-not-critical", "WEE",
	    PKIX "4.2.1.6",
	    "has no subject, but its subject alternative "
	    "names are not critical" },
	[CS_RULE_SAN_CRITICAL] = { "san-critical", "--E", BR "7.1.2.7.12",
	    "has a subject, but its subject alternative names are "
	    "critical" },
	[CS_RULE_SAN_DNS] = { "san-dns", "WEE", PKIX "4.2.1.6",
	    "has a malformed DNS name" },
	[CS_RULE_SAN_IP] = { "san-ip", "WEE", PKIX "4.2.1.6",
	    "has a malformed IP address" },
	[CS_RULE_SAN_EMAIL] = { "san-email", "WEE", PKIX "4.2.1.6",
	    "has a malformed e-mail address" },
	[CS_RULE_SAN_URI] = { "san-uri", "WEE", PKIX "4.2.1.6",
	    "has a malformed URI" },
	[CS_RULE_SAN_TYPE] = { "san-type", "--E", BR "7.1.2.7.12",
	    "has a name that is neither a DNS name nor an IP address" },
	[CS_RULE_SAN_SUFFIX] = { "san-suffix", "-WE", BR "3.2.2.6",
	    "has a wildcard for a public suffix" },
	[CS_RULE_CN] = { "cn", "-WE", BR "7.1.4.3",
	    "has a common name that repeats none of its names" },

	[CS_RULE_NC_LEAF] = { "nc-leaf", "WEE", PKIX "4.2.1.10",
	    "is not a CA, but has name constraints" },
	[CS_RULE_NC_EMPTY] = { "nc-empty", "WEE", PKIX "4.2.1.10",
	    "has empty name constraints" },
	[CS_RULE_NC_NOT_CRITICAL] = { "nc-not-critical", "WEW", PKIX "4.2.1.10",
	    "has name constraints that are not critical" },
	[CS_RULE_NC_RANGE] = { "nc-range", "EEE", PKIX "4.2.1.10",
	    "has a name constraint with minimum or maximum" },
	[CS_RULE_NC_DNS] = { "nc-dns", "WEE", PKIX "4.2.1.10",
	    "has a malformed DNS name as name constraint" },
	[CS_RULE_NC_IP] = { "nc-ip", "EEE", PKIX "4.2.1.10",
	    "has a malformed network as name constraint" },
	[CS_RULE_NC_EMAIL] = { "nc-email", "WEE", PKIX "4.2.1.10",
	    "has a malformed e-mail address as name constraint" },
	[CS_RULE_NC_URI] = { "nc-uri", "WEE", PKIX "4.2.1.10",
	    "has a malformed URI host as name constraint" },
	[CS_RULE_NC_UNSUPPORTED] = { "nc-unsupported", "EEE", PKIX "4.2.1.10",
	    "has a name that an unsupported name constraint of an issuer "
	    "may forbid" },

	[CS_RULE_NC_MANY] = { "nc-many", "EEE", PKIX "4.2.1.10",
	    "has too many names for the number of name constraints" },

	[CS_RULE_KEY_UNKNOWN] = { "key-unknown", "EEE", PKIX "4.1.2.7",
	    "has a key that cannot be read" },
	[CS_RULE_KEY_WEAK] = { "key-weak", "EEE", "RFC 9325 section 4.5",
	    "has a weak key" },
	[CS_RULE_KEY_OLD] = { "key-old", "W--", "RFC 9325 section 4.5",
	    "has a key that is too weak for TLS" },
	[CS_RULE_DIGEST_OLD] = { "digest-old", "W--", "RFC 9155 section 2",
	    "is signed with a digest that is too weak for TLS" },
	[CS_RULE_DIGEST_WEAK] = { "digest-weak", "EEE", "RFC 9155 section 2",
	    "is signed with a weak digest" },
	[CS_RULE_KEY_TLS] = { "key-tls", "WEE", "RFC 8446 section 4.2.3",
	    "has a key that TLS peers refuse by default" },
	[CS_RULE_KEY_ALGORITHM] = { "key-algorithm", "-WE", BR "7.1.3.1",
	    "has a key of a type that browsers refuse" },
	[CS_RULE_RSA_SIZE] = { "rsa-size", "-WE", BR "6.1.5",
	    "has an RSA key whose size is not a multiple of 8" },
	[CS_RULE_RSA_EXPONENT] = { "rsa-exponent", "EEE", BR "6.1.6",
	    "has an RSA key whose exponent is even, or below 3" },
	[CS_RULE_EXPLICIT_CURVE] = { "explicit-curve", "EEE",
	    "RFC 5480 section 2.1.1",
	    "has a key on a curve that is not named" },

	[CS_RULE_REVOKED] = { "revoked", "EEE", PKIX "6.3", "is revoked" },
	[CS_RULE_CRL_MISSING] = { "crl-missing", "EEE", PKIX "6.3",
	    "is covered by none of the CRLs" },
	[CS_RULE_CRL_UNCOVERED] = { "crl-missing", "WWW", PKIX "6.3",
	    "is covered by none of the CRLs of the trust set" },
	[CS_RULE_CRL_EXPIRED] = { "crl-expired", "EEE", PKIX "5.1.2.5",
	    "has only an expired CRL" },
	[CS_RULE_CRL_NOT_YET] = { "crl-not-yet-valid", "EEE", PKIX "5.1.2.4",
	    "has only a CRL that is not yet valid" },
	[CS_RULE_CRL_SIGNATURE] = { "crl-signature", "EEE", PKIX "6.3.3",
	    "has a CRL whose signature is wrong" },
	[CS_RULE_CRL_SIGN] = { "crl-sign", "EEE", PKIX "4.2.1.3",
	    "has a CRL whose issuer has no cRLSign in its key usage" },
	[CS_RULE_CRL_SCOPE] = { "crl-scope", "EEE", PKIX "5.2.5",
	    "has only CRLs for other certificates or reasons" },
	[CS_RULE_CRL_EXTENSION] = { "crl-extension", "EEE", PKIX "5.2",
	    "has a CRL with an unknown critical extension" },
	[CS_RULE_CRL_NUMBER] = { "crl-number", "WEE", PKIX "5.2.3",
	    "has a CRL without number, or with a critical one" },
	[CS_RULE_CRL_PATH] = { "crl-path", "EEE", PKIX "6.3.3",
	    "has a CRL whose issuer does not verify" },
	[CS_RULE_OTHER] = { "other", "EEE", PKIX "6.1",
	    "is refused by OpenSSL" },
};

static const char *const profiles[] = { "", "any", "server", "client", "peer",
	"mail", "ca", "shaken", "webpki" };

int
cs_rule_profile(const char *name, enum cs_profile *profile)
{
	int i;

	for (i = CS_PROFILE_ANY; i <= CS_PROFILE_WEBPKI; i++) {
		if (strcmp(name, profiles[i]) == 0) {
			*profile = (enum cs_profile)i;
			return 0;
		}
	}
	return -1;
}

const char *
cs_rule_profile_name(enum cs_profile profile)
{
	return profiles[profile];
}

static char
severityof(const struct cs_asked *asked, enum cs_rule rule)
{
	const char *how = cs_rules[rule].how;

	switch (asked->profile) {
	case CS_PROFILE_ANY:
		return how[0];
	case CS_PROFILE_WEBPKI:
		return how[2];
	default:
		return how[1];
	}
}

static struct cs_reason *
newreason(struct cs_reasons *list)
{
	struct cs_reason *v;

	v = cs_array_extend(list->v, list->n, &list->size, sizeof(*v));
	if (v == NULL)
		return NULL;
	list->v = v;
	memset(&list->v[list->n], 0, sizeof(*list->v));
	return &list->v[list->n];
}

static int
hasreason(const struct cs_reasons *list, enum cs_rule rule, const X509 *x509)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].rule == rule && list->v[i].x509 == x509)
			return 1;
	return 0;
}

static int addreasonto(struct cs_reasons *, const struct cs_asked *,
    enum cs_rule, X509 *, const char *, va_list) CS_PRINTFLIKE(5, 0);

static int
addreasonto(struct cs_reasons *list, const struct cs_asked *asked,
    enum cs_rule rule, X509 *x509, const char *fmt, va_list ap)
{
	struct cs_reason *reason;
	char how = severityof(asked, rule);

	if (how == '-' || hasreason(list, rule, x509))
		return 0;
	if ((reason = newreason(list)) == NULL)
		return -1;
	if (fmt != NULL && vasprintf(&reason->detail, fmt, ap) == -1)
		return -1;
	reason->rule = rule;
	reason->warning = how == 'W';
	reason->x509 = x509;
	list->n++;
	list->nerror += how == 'E';
	return 0;
}

int
cs_rule_add(struct cs_reasons *list, const struct cs_asked *asked,
    enum cs_rule rule, X509 *x509, const char *fmt, ...)
{
	va_list ap;
	int rv;

	va_start(ap, fmt);
	rv = addreasonto(list, asked, rule, x509, fmt, ap);
	va_end(ap);
	return rv;
}

int
cs_rule_note(const struct cs_asked *asked, struct cs_node *node,
    enum cs_rule rule, const char *fmt, ...)
{
	va_list ap;
	int rv;

	va_start(ap, fmt);
	rv = addreasonto(&node->own, asked, rule, node->x509, fmt, ap);
	va_end(ap);
	return rv;
}

int
cs_rule_copy(struct cs_reasons *to, const struct cs_reasons *from)
{
	struct cs_reason *reason;
	size_t i;

	for (i = 0; i < from->n; i++) {
		if (hasreason(to, from->v[i].rule, from->v[i].x509))
			continue;
		if ((reason = newreason(to)) == NULL)
			return -1;
		*reason = from->v[i];
		if (reason->detail != NULL &&
		    (reason->detail = strdup(reason->detail)) == NULL)
			return -1;
		to->n++;
		to->nerror += !reason->warning;
	}
	return 0;
}

void
cs_rule_free(struct cs_reasons *list)
{
	while (list->n > 0)
		free(list->v[--list->n].detail);
	free(list->v);
	memset(list, 0, sizeof(*list));
}
