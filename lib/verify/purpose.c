/*
 * purpose.c: whether key usage and extended key usage allow what the
 * certificate is to be used for (RFC 5280 sections 4.2.1.3 and 4.2.1.12).
 */
#include <openssl/err.h>

#include "verify/private.h"

#define SIGNS KU_DIGITAL_SIGNATURE

/* What each profile wants: 0 for no purpose or any usage. */
static const struct want {
	uint32_t purpose;
	uint32_t usage; /* one of these bits */
} wants[] = {
	[CS_PROFILE_NONE] = { 0, 0 },
	[CS_PROFILE_ANY] = { 0, 0 },
	[CS_PROFILE_SERVER] = { XKU_SSL_SERVER,
	    SIGNS | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT },
	[CS_PROFILE_CLIENT] = { XKU_SSL_CLIENT, SIGNS | KU_KEY_AGREEMENT },
	[CS_PROFILE_PEER] = { XKU_SSL_SERVER | XKU_SSL_CLIENT,
	    SIGNS | KU_KEY_AGREEMENT },
	[CS_PROFILE_MAIL] = { XKU_SMIME,
	    SIGNS | KU_NON_REPUDIATION | KU_KEY_ENCIPHERMENT |
		KU_KEY_AGREEMENT },
	[CS_PROFILE_CA] = { 0, KU_KEY_CERT_SIGN },
	[CS_PROFILE_SHAKEN] = { 0, SIGNS },
	[CS_PROFILE_WEBPKI] = { XKU_SSL_SERVER,
	    SIGNS | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT },
};

static const char *
purposewords(uint32_t purposes)
{
	switch (purposes) {
	case XKU_SSL_SERVER:
		return "serverAuth";
	case XKU_SSL_CLIENT:
		return "clientAuth";
	case XKU_SMIME:
		return "emailProtection";
	default:
		return "serverAuth, clientAuth";
	}
}

/* Extended key usage by the rules of the public web (BR section 7.1.2). */
static int
checkwebpki(const struct cs_asked *asked, struct cs_node *node, uint32_t eku)
{
	int bad = 0, i;

	if (!node->leaf && node->anchor &&
	    (X509_get_extension_flags(node->x509) & EXFLAG_SI) != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_EKU_ROOT, NULL);
	if (!node->leaf)
		return bad;
	i = X509_get_ext_by_NID(node->x509, NID_ext_key_usage, -1);
	if (X509_EXTENSION_get_critical(X509_get_ext(node->x509, i)) != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_EKU_CRITICAL, NULL);
	if ((eku &
		(XKU_CODE_SIGN | XKU_SMIME | XKU_TIMESTAMP | XKU_OCSP_SIGN)) !=
	    0)
		bad |= cs_rule_note(asked, node, CS_RULE_EKU_OTHER, NULL);
	return bad;
}

/* anyExtendedKeyUsage allows every purpose, though RFC 5280 section 4.2.1.12
 * lets applications refuse it; for the public web it does not. */
static int
checkextended(const struct cs_asked *asked, struct cs_node *node)
{
	const struct want *want = &wants[asked->profile];
	EXTENDED_KEY_USAGE *list;
	uint32_t eku, lacks;
	int bad = 0, n;

	if ((X509_get_extension_flags(node->x509) & EXFLAG_XKUSAGE) == 0)
		return node->leaf ?
		    cs_rule_note(asked, node, CS_RULE_EKU_MISSING, NULL) :
		    0;
	eku = X509_get_extended_key_usage(node->x509);
	if (eku == 0) {
		list = X509_get_ext_d2i(node->x509, NID_ext_key_usage, NULL,
		    NULL);
		n = sk_ASN1_OBJECT_num(list);
		EXTENDED_KEY_USAGE_free(list);
		if (n == 0)
			bad |= cs_rule_note(asked, node, CS_RULE_EKU_EMPTY,
			    NULL);
	}
	bad |= checkwebpki(asked, node, eku);
	if (node->leaf && (eku & XKU_ANYEKU) != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_EKU_ANY, NULL);
	lacks = want->purpose & ~eku;
	if (lacks != 0 && (eku & XKU_ANYEKU) == 0)
		bad |= cs_rule_note(asked, node,
		    node->leaf ? CS_RULE_PURPOSE : CS_RULE_PURPOSE_CA,
		    "it lacks %s", purposewords(lacks));
	return bad;
}

/* The uses that an anchor's trust settings must allow for a profile. */
unsigned int
cs_purpose_uses(enum cs_profile profile)
{
	uint32_t purpose = wants[profile].purpose;
	unsigned int uses = 0;

	if ((purpose & XKU_SSL_SERVER) != 0)
		uses |= CS_USE_SERVER;
	if ((purpose & XKU_SSL_CLIENT) != 0)
		uses |= CS_USE_CLIENT;
	if ((purpose & XKU_SMIME) != 0)
		uses |= CS_USE_MAIL;
	return uses;
}

/* The TNAuthList of what signs calls, RFC 8226 section 9. */
static int
checktnauth(const struct cs_asked *asked, struct cs_node *node)
{
	struct cs_tnauth list;
	const char *why;
	int rv;

	if ((rv = cs_tnauth_read(X509_get0_extensions(node->x509), &list,
		 &why)) == -1)
		return -1;
	cs_tnauth_free(&list);
	if (rv == 1)
		return 0;
	return why == NULL ?
	    cs_rule_note(asked, node, CS_RULE_TNAUTHLIST, NULL) :
	    cs_rule_note(asked, node, CS_RULE_TNAUTHLIST_BAD, "%s", why);
}

int
cs_purpose_check(const struct cs_asked *asked, struct cs_node *node)
{
	const struct want *want = &wants[asked->profile];
	uint32_t flags = X509_get_extension_flags(node->x509);
	int bad;

	bad = checkextended(asked, node);
	if (!node->leaf)
		return bad;
	if (asked->profile == CS_PROFILE_CA && (flags & EXFLAG_CA) == 0)
		bad |= cs_rule_note(asked, node, CS_RULE_NO_CA, NULL);
	else if (want->usage != 0 &&
	    (X509_get_key_usage(node->x509) & want->usage) == 0)
		bad |= cs_rule_note(asked, node,
		    (flags & EXFLAG_CA) != 0 ? CS_RULE_USAGE_CA : CS_RULE_USAGE,
		    NULL);
	if (asked->profile == CS_PROFILE_SHAKEN)
		bad |= checktnauth(asked, node);
	return bad;
}

/* A delegate signs calls for a part of what its issuer may. */
static int
checkdelegate(const struct cs_asked *asked, X509 *x509, X509 *issuer,
    struct cs_reasons *out)
{
	char which[CS_QUOTE_LEN];
	int rv;

	if ((rv = cs_tnauth_delegate(x509, issuer, which)) <= 0)
		return rv;
	return cs_rule_add(out, asked,
	    rv == CS_DELEGATE_UNSURE ? CS_RULE_DELEGATE_UNSURE :
				       CS_RULE_DELEGATE,
	    x509, "%s", which);
}

int
cs_purpose_path(const struct cs_asked *asked, struct cs_node *const *path,
    int n, struct cs_reasons *out)
{
	int bad = 0, i;

	for (i = 1; asked->profile == CS_PROFILE_SHAKEN && i < n; i++)
		bad |= checkdelegate(asked, path[i - 1]->x509, path[i]->x509,
		    out);
	return bad;
}
