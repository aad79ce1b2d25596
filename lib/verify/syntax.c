/*
 * syntax.c: what RFC 5280 sections 4.1 and 4.2 ask of the form of a
 * certificate, as far as X509_verify_cert() does not look at it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "verify/private.h"

#define EXTENSIONS_MAX 200
#define SERIAL_MAX 20 /* octets */

static int
checkextensions(const struct cs_asked *asked, struct cs_node *node)
{
	const STACK_OF(X509_EXTENSION) *exts;
	X509_EXTENSION *ext;
	char oid[80];
	int bad = 0, i, n;

	exts = X509_get0_extensions(node->x509);
	n = sk_X509_EXTENSION_num(exts);
	if (n > EXTENSIONS_MAX)
		return cs_rule_note(asked, node, CS_RULE_MALFORMED,
		    "%d extensions", n);
	for (i = 0; i < n; i++) {
		ext = sk_X509_EXTENSION_value(exts, i);
		OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(ext),
		    0);
		if (cs_cert_isbad(ext))
			bad |= cs_rule_note(asked, node, CS_RULE_MALFORMED,
			    "%s", oid);
		if (cs_cert_istwice(exts, i))
			bad |= cs_rule_note(asked, node, CS_RULE_DUPLICATE,
			    "%s", oid);
	}
	if (n > 0 && X509_get_version(node->x509) != X509_VERSION_3)
		bad |= cs_rule_note(asked, node, CS_RULE_EXTENSIONS_VERSION,
		    NULL);
	if (X509_check_purpose(node->x509, -1, 0) != 1)
		bad |= cs_rule_note(asked, node, CS_RULE_MALFORMED, NULL);
	ERR_clear_error();
	return bad;
}

/* The serial number of an anchor is not part of a path (section 6.1.1 (d)). */
static int
checkserial(const struct cs_asked *asked, struct cs_node *node)
{
	const ASN1_INTEGER *no = X509_get0_serialNumber(node->x509);
	const char *flaw = NULL;
	int len = ASN1_STRING_length(no);
	const unsigned char *p = ASN1_STRING_get0_data(no);

	if (node->anchor && (!node->leaf || asked->profile == CS_PROFILE_CA))
		return 0;
	/* 20 octets hold 159 bits: DER adds a zero octet before 0x80 */
	if (len > SERIAL_MAX || (len == SERIAL_MAX && (p[0] & 0x80) != 0))
		flaw = "longer than 20 octets";
	if (ASN1_STRING_type(no) == V_ASN1_NEG_INTEGER)
		flaw = "negative";
	else if (len == 0 || (len == 1 && p[0] == 0))
		flaw = "zero";
	if (flaw == NULL)
		return 0;
	return cs_rule_note(asked, node, CS_RULE_SERIAL, "%s", flaw);
}

/* To the second, in UTC (sections 4.1.2.5.1 and 4.1.2.5.2). */
static int
isutcseconds(const ASN1_TIME *t)
{
	int len = ASN1_STRING_type(t) == V_ASN1_UTCTIME ? 13 : 15;

	return ASN1_TIME_check(t) == 1 && ASN1_STRING_length(t) == len &&
	    ASN1_STRING_get0_data(t)[len - 1] == 'Z';
}

/* UTCTime through 2049, GeneralizedTime from then on. */
static int
istimeform(const ASN1_TIME *t)
{
	const char *year = (const char *)ASN1_STRING_get0_data(t);

	return ASN1_STRING_type(t) == V_ASN1_UTCTIME ||
	    strncmp(year, "2050", 4) >= 0 || strncmp(year, "1950", 4) < 0;
}

/* The longest validity by the day it begins (BR section 6.3.2); earlier limits
 * do not matter any more. */
static int64_t
lifemax(int64_t starts)
{
	static const struct {
		int64_t from;
		int days;
	} limits[] = {
		{ 1868140800, 47 },  /* 2029-03-15 */
		{ 1805068800, 100 }, /* 2027-03-15 */
		{ 1773532800, 200 }, /* 2026-03-15 */
		{ 1598918400, 398 }, /* 2020-09-01 */
		{ 1519862400, 825 }, /* 2018-03-01 */
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (starts >= limits[i].from)
			return limits[i].days * CS_DAY;
	return INT64_MAX;
}

static int
checktimes(const struct cs_asked *asked, struct cs_node *node)
{
	char t[CERTSTORE_TIME_LEN];
	int64_t ends, starts;
	int bad = 0;

	if (!isutcseconds(X509_get0_notBefore(node->x509)) ||
	    !isutcseconds(X509_get0_notAfter(node->x509)))
		return cs_rule_note(asked, node, CS_RULE_TIME_BAD, NULL);
	starts = cs_cert_starts(node->x509);
	ends = cs_cert_ends(node->x509);
	if (!istimeform(X509_get0_notBefore(node->x509)) ||
	    !istimeform(X509_get0_notAfter(node->x509)))
		bad |= cs_rule_note(asked, node, CS_RULE_TIME_FORM, NULL);
	if (ends < starts)
		bad |= cs_rule_note(asked, node, CS_RULE_TIME_ORDER, NULL);
	else if (node->leaf && ends - starts >= lifemax(starts))
		bad |= cs_rule_note(asked, node, CS_RULE_LIFE,
		    "%lld days, at most %lld",
		    (long long)((ends - starts + 1) / CS_DAY),
		    (long long)(lifemax(starts) / CS_DAY));
	/* both ends count: section 4.1.2.5 */
	if (asked->when < starts)
		bad |= cs_rule_note(asked, node, CS_RULE_NOT_YET,
		    "it is valid from %s", certstore_time_format(starts, t));
	if (asked->when > ends)
		bad |= cs_rule_note(asked, node, CS_RULE_EXPIRED,
		    "it expired %s", certstore_time_format(ends, t));
	return bad;
}

static int
checkkeyids(const struct cs_asked *asked, struct cs_node *node)
{
	const ASN1_OCTET_STRING *keyid, *ski;
	const GENERAL_NAMES *names;
	int bad = 0, hasaki;

	ski = X509_get0_subject_key_id(node->x509);
	keyid = X509_get0_authority_key_id(node->x509);
	names = X509_get0_authority_issuer(node->x509);
	hasaki = X509_get_ext_by_NID(node->x509, NID_authority_key_identifier,
		     -1) >= 0;
	/* libcrypto requires it of all but the last of a path */
	if (node->anchor && keyid == NULL && !node->leaf &&
	    X509_get_version(node->x509) == X509_VERSION_3 &&
	    (X509_get_extension_flags(node->x509) & EXFLAG_SI) == 0)
		bad |= cs_rule_note(asked, node, CS_RULE_AKI_ANCHOR, NULL);
	if (hasaki && keyid == NULL)
		bad |= cs_rule_note(asked, node, CS_RULE_AKI_KEYID, NULL);
	if (names != NULL || X509_get0_authority_serial(node->x509) != NULL)
		bad |= cs_rule_note(asked, node, CS_RULE_AKI_ISSUER, NULL);
	if (keyid != NULL && ski != NULL && node->anchor &&
	    (X509_get_extension_flags(node->x509) & EXFLAG_SI) != 0 &&
	    ASN1_OCTET_STRING_cmp(keyid, ski) != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_AKI_ROOT, NULL);
	return bad;
}

static int
isnotcritical(X509 *x509, int nid)
{
	int i;

	if ((i = X509_get_ext_by_NID(x509, nid, -1)) < 0)
		return 0;
	return X509_EXTENSION_get_critical(X509_get_ext(x509, i)) == 0;
}

/* What OpenSSL asks for before version 4, too, of paths of more than one. */
static int
checkcritical(const struct cs_asked *asked, struct cs_node *node)
{
	X509 *x509 = node->x509;
	int bad = 0;

	if (node->leaf && node->anchor)
		return 0;
	if ((X509_get_extension_flags(x509) & EXFLAG_CA) != 0 &&
	    isnotcritical(x509, NID_basic_constraints))
		bad |= cs_rule_note(asked, node, CS_RULE_CA_NOT_CRITICAL, NULL);
	if (X509_NAME_entry_count(X509_get_subject_name(x509)) == 0 &&
	    isnotcritical(x509, NID_subject_alt_name))
		bad |= cs_rule_note(asked, node, CS_RULE_SAN_NOT_CRITICAL,
		    NULL);
	return bad;
}

static int
checkqualifiers(const struct cs_asked *asked, struct cs_node *node,
    const POLICYINFO *policy)
{
	const ASN1_OBJECT *id;
	char oid[80];
	int i, nid;

	for (i = 0; i < sk_POLICYQUALINFO_num(policy->qualifiers); i++) {
		id = sk_POLICYQUALINFO_value(policy->qualifiers, i)->pqualid;
		nid = OBJ_obj2nid(id);
		if (nid == NID_id_qt_cps || nid == NID_id_qt_unotice)
			continue;
		OBJ_obj2txt(oid, sizeof(oid), id, 0);
		return cs_rule_note(asked, node, CS_RULE_POLICY_QUALIFIER, "%s",
		    oid);
	}
	return 0;
}

/* Each qualifier of critical policies must be known (section 4.2.1.4). */
static int
checkcriticalpolicies(const struct cs_asked *asked, struct cs_node *node)
{
	CERTIFICATEPOLICIES *list;
	int bad = 0, critical, i;

	list = X509_get_ext_d2i(node->x509, NID_certificate_policies, &critical,
	    NULL);
	for (i = 0; critical == 1 && i < sk_POLICYINFO_num(list); i++)
		bad |= checkqualifiers(asked, node,
		    sk_POLICYINFO_value(list, i));
	CERTIFICATEPOLICIES_free(list);
	return bad;
}

static int
checkpolicies(const struct cs_asked *asked, struct cs_node *node)
{
	POLICY_CONSTRAINTS *pc;
	int bad = checkcriticalpolicies(asked, node);

	if (isnotcritical(node->x509, NID_policy_constraints) ||
	    isnotcritical(node->x509, NID_inhibit_any_policy))
		bad |= cs_rule_note(asked, node, CS_RULE_POLICY_NOT_CRITICAL,
		    NULL);
	pc = X509_get_ext_d2i(node->x509, NID_policy_constraints, NULL, NULL);
	if (pc != NULL && pc->requireExplicitPolicy == NULL &&
	    pc->inhibitPolicyMapping == NULL)
		bad |= cs_rule_note(asked, node, CS_RULE_POLICY_EMPTY, NULL);
	POLICY_CONSTRAINTS_free(pc);
	return bad;
}

/* The rules for a certificate that issued another one of the path. */
static int
checkissuer(const struct cs_asked *asked, struct cs_node *node)
{
	uint32_t flags = X509_get_extension_flags(node->x509);
	int bad = 0;

	if (node->anchor && (flags & EXFLAG_V1) != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_V1_ANCHOR, NULL);
	else if ((flags & EXFLAG_CA) == 0)
		bad |= cs_rule_note(asked, node, CS_RULE_NOT_CA, NULL);
	if ((X509_get_key_usage(node->x509) & KU_KEY_CERT_SIGN) == 0)
		bad |= cs_rule_note(asked, node, CS_RULE_CERT_SIGN, NULL);
	return bad;
}

int
cs_syntax_check(const struct cs_asked *asked, struct cs_node *node)
{
	const ASN1_BIT_STRING *iuid, *suid;
	int bad;

	bad = checkextensions(asked, node);
	bad |= checkserial(asked, node);
	bad |= checktimes(asked, node);
	if ((X509_get_extension_flags(node->x509) & EXFLAG_INVALID) != 0)
		return bad;
	bad |= checkkeyids(asked, node);
	bad |= checkcritical(asked, node);
	bad |= checkpolicies(asked, node);
	if (!node->leaf)
		bad |= checkissuer(asked, node);
	else if (asked->profile != CS_PROFILE_CA &&
	    (X509_get_extension_flags(node->x509) & EXFLAG_CA) != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_CA_LEAF, NULL);
	if (!node->anchor && X509_get_version(node->x509) != X509_VERSION_3)
		bad |= cs_rule_note(asked, node, CS_RULE_VERSION, NULL);
	X509_get0_uids(node->x509, &iuid, &suid);
	if (iuid != NULL || suid != NULL)
		bad |= cs_rule_note(asked, node, CS_RULE_UNIQUE_ID, NULL);
	return bad;
}
