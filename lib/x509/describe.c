/*
 * describe.c: describes a certificate, a request or a key as info has it, in
 * lines "key value" that are safe to print.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "x509/private.h"

#define PIECE 32 /* octets in hex at a time */

/* These append one line and give 0 or -1, so that results can be or'ed. */

static int
addtextline(struct cs_buf *buf, const char *key, const void *text, size_t len)
{
	int bad;

	bad = cs_buf_adds(buf, key);
	bad |= cs_buf_add(buf, " ", 1);
	bad |= cs_print_escape(buf, text, len);
	bad |= cs_buf_add(buf, "\n", 1);
	return bad;
}

static int
addhex(struct cs_buf *buf, const char *before, const unsigned char *p, int len)
{
	char hex[2 * PIECE + 1];
	int bad, n;

	bad = cs_buf_adds(buf, before);
	for (; len > 0; p += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		cs_hex(hex, p, (size_t)n);
		bad |= cs_buf_adds(buf, hex);
	}
	bad |= cs_buf_add(buf, "\n", 1);
	return bad;
}

static int
addoctets(struct cs_buf *buf, const char *key, const ASN1_STRING *s)
{
	int bad;

	if (s == NULL || ASN1_STRING_length(s) == 0)
		return 0;
	bad = cs_buf_adds(buf, key);
	bad |= addhex(buf, " ", ASN1_STRING_get0_data(s),
	    ASN1_STRING_length(s));
	return bad;
}

/* Adds a name, and ends the line. */
static int
endname(struct cs_buf *buf, const X509_NAME *name)
{
	int bad;

	bad = cs_cert_name_text(name, buf);
	bad |= cs_buf_add(buf, "\n", 1);
	return bad;
}

static int
addnameline(struct cs_buf *buf, const char *key, const X509_NAME *name)
{
	int bad;

	if (X509_NAME_entry_count(name) == 0)
		return 0;
	bad = cs_buf_printf(buf, "%s ", key);
	bad |= endname(buf, name);
	return bad;
}

static int
addnamehash(struct cs_buf *buf, const char *key, const X509_NAME *name)
{
	unsigned long hash;
	int ok = 0;

	hash = X509_NAME_hash_ex(name, NULL, NULL, &ok);
	return ok == 1 ? cs_buf_printf(buf, "%s %08lx\n", key, hash) : -1;
}

static int
addtimeline(struct cs_buf *buf, const char *key, int64_t secs)
{
	char text[CERTSTORE_TIME_LEN];

	return cs_buf_printf(buf, "%s %lld %s\n", key, (long long)secs,
	    certstore_time_format(secs, text));
}

/* The serial number in hex; libcrypto keeps the sign apart, and no leading
 * 00. */
static int
addserial(struct cs_buf *buf, const ASN1_INTEGER *serial)
{
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);

	return addhex(buf,
	    ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ? "serial -" :
							     "serial ",
	    p, len);
}

static int
addkeyline(struct cs_buf *buf, EVP_PKEY *pkey)
{
	char name[80];

	cs_key_name(pkey, name, sizeof(name));
	return cs_buf_printf(buf, "key %s\n", name);
}

static int
addsanip(struct cs_buf *buf, const ASN1_OCTET_STRING *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (!cs_asn1_ip(ip, text))
		return addhex(buf, "san other ip:", ASN1_STRING_get0_data(ip),
		    ASN1_STRING_length(ip));
	return cs_buf_printf(buf, "san ip %s\n", text);
}

/* "OID=value", or the OID alone if the value is no text. */
static int
addsanother(struct cs_buf *buf, const OTHERNAME *other)
{
	const ASN1_STRING *value;
	char oid[128];
	int bad, type;

	OBJ_obj2txt(oid, sizeof(oid), other->type_id, 1);
	bad = cs_buf_printf(buf, "san other %s", oid);
	type = ASN1_TYPE_get(other->value);
	if (type == V_ASN1_UTF8STRING || type == V_ASN1_IA5STRING ||
	    type == V_ASN1_PRINTABLESTRING) {
		value = other->value->value.asn1_string;
		bad |= cs_buf_add(buf, "=", 1);
		bad |= cs_print_escape(buf, ASN1_STRING_get0_data(value),
		    (size_t)ASN1_STRING_length(value));
	}
	bad |= cs_buf_add(buf, "\n", 1);
	return bad;
}

static int
addsanline(struct cs_buf *buf, const GENERAL_NAME *gn)
{
	const ASN1_STRING *s;
	const void *value;
	char oid[128];
	int bad, type;

	value = GENERAL_NAME_get0_value(gn, &type);
	s = value;
	switch (type) {
	case GEN_DNS:
		return addtextline(buf, "san dns", ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	case GEN_EMAIL:
		return addtextline(buf, "san email", ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	case GEN_URI:
		return addtextline(buf, "san uri", ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	case GEN_IPADD:
		return addsanip(buf, value);
	case GEN_OTHERNAME:
		return addsanother(buf, value);
	case GEN_DIRNAME:
		bad = cs_buf_adds(buf, "san other dirname:");
		bad |= endname(buf, value);
		return bad;
	case GEN_RID:
		OBJ_obj2txt(oid, sizeof(oid), value, 1);
		return cs_buf_printf(buf, "san other rid:%s\n", oid);
	default:
		return cs_buf_printf(buf, "san other type:%d\n", type);
	}
}

/* The last common name. */
static int
addcn(struct cs_buf *buf, const X509_NAME *subject)
{
	unsigned char *text;
	int bad = 0, len;

	if ((len = cs_asn1_last(subject, NID_commonName, &text)) > 0)
		bad = addtextline(buf, "cn", text, (size_t)len);
	OPENSSL_free(text);
	return bad;
}

/* The SANs; without that extension the common name. */
static int
addnames(struct cs_buf *buf, const STACK_OF(X509_EXTENSION) *exts,
    const X509_NAME *subject)
{
	GENERAL_NAMES *names;
	int bad = 0, crit, i;

	names = X509V3_get_d2i(exts, NID_subject_alt_name, &crit, NULL);
	if (names == NULL)
		return crit == -1 ? addcn(buf, subject) : 0;
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		bad |= addsanline(buf, sk_GENERAL_NAME_value(names, i));
	GENERAL_NAMES_free(names);
	return bad;
}

/* What it may sign calls for, or why its TNAuthList is malformed. */
static int
addtnauth(struct cs_buf *buf, const STACK_OF(X509_EXTENSION) *exts)
{
	struct cs_tnauth list;
	const char *why;
	size_t i;
	int bad;

	bad = cs_tnauth_read(exts, &list, &why) == -1;
	for (i = 0; i < list.spc.n; i++)
		bad |= cs_buf_printf(buf, "spc %s\n", list.spc.v[i]);
	for (i = 0; i < list.tn.n; i++)
		bad |= cs_buf_printf(buf, "tn %s\n", list.tn.v[i]);
	if (why != NULL)
		bad |= cs_buf_printf(buf, "tnauth malformed: %s\n", why);
	cs_tnauth_free(&list);
	return bad;
}

static int
addusageline(struct cs_buf *buf, const STACK_OF(X509_EXTENSION) *exts)
{
	static const struct {
		int nid;
		const char *word;
	} words[] = { { NID_server_auth, "server" },
		{ NID_client_auth, "client" }, { NID_email_protect, "email" },
		{ NID_code_sign, "code" }, { NID_time_stamp, "time" },
		{ NID_OCSP_sign, "ocsp" }, { NID_anyExtendedKeyUsage, "any" } };
	const size_t nwords = sizeof(words) / sizeof(words[0]);
	EXTENDED_KEY_USAGE *eku;
	const ASN1_OBJECT *obj;
	char oid[128];
	int bad, i;
	size_t w;

	eku = X509V3_get_d2i(exts, NID_ext_key_usage, NULL, NULL);
	if (eku == NULL)
		return 0;
	bad = cs_buf_adds(buf, "usage");
	for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		obj = sk_ASN1_OBJECT_value(eku, i);
		for (w = 0; w < nwords; w++) {
			if (words[w].nid == OBJ_obj2nid(obj))
				break;
		}
		OBJ_obj2txt(oid, sizeof(oid), obj, 1);
		bad |= cs_buf_printf(buf, " %s",
		    w < nwords ? words[w].word : oid);
	}
	bad |= cs_buf_adds(buf, i == 0 ? " none\n" : "\n");
	EXTENDED_KEY_USAGE_free(eku);
	return bad;
}

/* The kind of an end-entity; serves: may a TLS server use it?  Without extended
 * key usage it may be used for all. */
static const char *
kindof(X509 *x509, int self, int *serves)
{
	uint32_t eku;
	int server;

	*serves = 0;
	if (cs_tnauth_isin(X509_get0_extensions(x509)))
		return "shaken";
	eku = X509_get_extended_key_usage(x509);
	server = (eku & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
	*serves = server;
	if (self)
		return "self";
	if (eku != UINT32_MAX && (eku & XKU_SSL_SERVER) != 0 &&
	    (eku & XKU_SSL_CLIENT) != 0)
		return "peer";
	if (server)
		return "server";
	if ((eku & XKU_SMIME) != 0)
		return "mail";
	if ((eku & XKU_SSL_CLIENT) != 0)
		return "client";
	return "other";
}

static int
addissuingline(struct cs_buf *buf, X509 *x509)
{
	char hex[CS_HASH_LEN];
	int bad;

	if (cs_cert_fingerprint(x509, hex) == -1)
		return -1;
	bad = cs_buf_printf(buf, "issuing %lld %s ",
	    (long long)cs_cert_ends(x509), hex);
	bad |= endname(buf, X509_get_subject_name(x509));
	return bad;
}

/* Adds the lines on the certificate itself.  Whether a CA is self-signed is
 * verified only for the store, since it is most of the work. */
static int
addleaf(struct cs_buf *buf, X509 *x509, int stored)
{
	char fingerprint[CS_HASH_LEN], pub[CS_HASH_LEN];
	char same[CS_HASH_LEN];
	const X509_NAME *issuer = X509_get_issuer_name(x509);
	const X509_NAME *subject = X509_get_subject_name(x509);
	const char *kind = "ca";
	int bad, ca, self, serves = 0;

	if (cs_cert_spki(X509_get_X509_PUBKEY(x509), pub) == -1 ||
	    cs_cert_match(x509, same) == -1 ||
	    cs_cert_fingerprint(x509, fingerprint) == -1)
		return -1;
	ca = cs_cert_is_ca(x509);
	self = (stored || !ca) && cs_cert_is_self_signed(x509);
	if (!ca)
		kind = kindof(x509, self, &serves);
	bad = cs_buf_printf(buf, "kind %s\n", kind);
	bad |= addkeyline(buf, X509_get0_pubkey(x509));
	bad |= cs_buf_printf(buf, "spki %s\n", pub);
	if (strcmp(pub, same) != 0)
		bad |= cs_buf_printf(buf, "samekey %s\n", same);
	bad |= cs_buf_printf(buf, "fingerprint %s\n", fingerprint);
	bad |= addserial(buf, X509_get0_serialNumber(x509));
	bad |= addtimeline(buf, "starts", cs_cert_starts(x509));
	bad |= addtimeline(buf, "ends", cs_cert_ends(x509));
	bad |= addnameline(buf, "subject", subject);
	bad |= addnameline(buf, "issuer", issuer);
	bad |= addnamehash(buf, "subjecthash", subject);
	bad |= addnamehash(buf, "issuerhash", issuer);
	bad |= addoctets(buf, "ski", X509_get0_subject_key_id(x509));
	bad |= addoctets(buf, "aki", X509_get0_authority_key_id(x509));
	if (self)
		bad |= cs_buf_adds(buf, "self\n");
	if (serves)
		bad |= cs_buf_adds(buf, "serves\n");
	return bad;
}

static int
addrest(struct cs_buf *buf, X509 *x509)
{
	int bad;

	bad = addusageline(buf, X509_get0_extensions(x509));
	bad |= addnames(buf, X509_get0_extensions(x509),
	    X509_get_subject_name(x509));
	bad |= addtnauth(buf, X509_get0_extensions(x509));
	return bad;
}

/* errno was 0 before what failed. */
static int
faildescribe(const char *what, struct certstore_error *err)
{
	if (errno == ENOMEM) {
		ERR_clear_error();
		return cs_fail_nomem(err);
	}
	return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
	    "the %s cannot be described", what);
}

/* The first is the end-entity, the others are its chain. */
int
cs_describe_cert(struct cs_buf *buf, STACK_OF(X509) *certs,
    struct certstore_error *err)
{
	X509 *leaf = sk_X509_value(certs, 0);
	char why[80];
	int bad, i, weak = 0;

	ERR_clear_error();
	errno = 0;
	bad = addleaf(buf, leaf, 1);
	for (i = 0; i < sk_X509_num(certs) && !weak; i++)
		weak = cs_strength_text(sk_X509_value(certs, i), why,
		    sizeof(why));
	if (weak)
		bad |= cs_buf_adds(buf, "weak\n");
	bad |= addrest(buf, leaf);
	for (i = 1; i < sk_X509_num(certs); i++)
		bad |= addissuingline(buf, sk_X509_value(certs, i));
	if (bad != 0)
		return faildescribe("certificate", err);
	ERR_clear_error();
	return 0;
}

/* A certificate that is not in the store. */
int
cs_describe_shown(struct cs_buf *buf, X509 *x509, struct certstore_error *err)
{
	ERR_clear_error();
	errno = 0;
	if (addleaf(buf, x509, 0) != 0 || addrest(buf, x509) != 0)
		return faildescribe("certificate", err);
	ERR_clear_error();
	return 0;
}

int
cs_describe_csr(struct cs_buf *buf, X509_REQ *csr, int ordered,
    struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	const X509_NAME *subject = X509_REQ_get_subject_name(csr);
	EVP_PKEY *pkey = X509_REQ_get0_pubkey(csr);
	char pub[CS_HASH_LEN];
	int bad;

	ERR_clear_error();
	errno = 0;
	exts = X509_REQ_get_extensions(csr);
	bad = cs_cert_spki(X509_REQ_get_X509_PUBKEY(csr), pub);
	if (bad == 0) {
		bad |= cs_buf_adds(buf, "kind waiting\n");
		bad |= addkeyline(buf, pkey);
		bad |= cs_buf_printf(buf, "spki %s\nrequest %s%s\n", pub, pub,
		    ordered ? " acme" : "");
		bad |= addnameline(buf, "subject", subject);
		bad |= addnamehash(buf, "subjecthash", subject);
		if (cs_strength_isweak(pkey))
			bad |= cs_buf_adds(buf, "weak\n");
		bad |= addusageline(buf, exts);
		bad |= addnames(buf, exts, subject);
		bad |= addtnauth(buf, exts);
	}
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (bad != 0)
		return faildescribe("request", err);
	ERR_clear_error();
	return 0;
}

int
cs_describe_key(struct cs_buf *buf, EVP_PKEY *pkey, struct certstore_error *err)
{
	char hex[CS_HASH_LEN];
	int bad;

	if (cs_key_spki(pkey, hex, err) == -1)
		return -1;
	bad = addkeyline(buf, pkey);
	bad |= cs_buf_printf(buf, "spki %s\n", hex);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}
