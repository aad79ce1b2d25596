/*
 * extra.c: what a certificate has beyond its built-in profile: another key
 * usage, further purposes, and extensions that are given as they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bsd/string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

#define DEPTH 32 /* of DER */
#define OID_MAX 128

/* RFC 5280 section 4.2.1.3, without those of a CA. */
static const struct {
	const char *name;
	unsigned int bit;
} usages[] = { { "digitalSignature", CS_USAGE_SIGN },
	{ "nonRepudiation", CS_USAGE_COMMIT },
	{ "contentCommitment", CS_USAGE_COMMIT },
	{ "keyEncipherment", CS_USAGE_ENCIPHER },
	{ "dataEncipherment", CS_USAGE_DATA },
	{ "keyAgreement", CS_USAGE_AGREE },
	{ "encipherOnly", CS_USAGE_ENCIPHERONLY },
	{ "decipherOnly", CS_USAGE_DECIPHERONLY } };
#define NUSAGES (sizeof(usages) / sizeof(usages[0]))

/* Extended key usages by name, whatever names libcrypto knows. */
static const struct {
	const char *name;
	const char *oid;
} purposes[] = { { "serverAuth", "1.3.6.1.5.5.7.3.1" },
	{ "clientAuth", "1.3.6.1.5.5.7.3.2" },
	{ "codeSigning", "1.3.6.1.5.5.7.3.3" },
	{ "emailProtection", "1.3.6.1.5.5.7.3.4" },
	{ "ipsecEndSystem", "1.3.6.1.5.5.7.3.5" },
	{ "ipsecTunnel", "1.3.6.1.5.5.7.3.6" },
	{ "ipsecUser", "1.3.6.1.5.5.7.3.7" },
	{ "timeStamping", "1.3.6.1.5.5.7.3.8" },
	{ "OCSPSigning", "1.3.6.1.5.5.7.3.9" },
	{ "eapOverPPP", "1.3.6.1.5.5.7.3.13" },
	{ "eapOverLAN", "1.3.6.1.5.5.7.3.14" },
	{ "ipsecIKE", "1.3.6.1.5.5.7.3.17" },
	{ "sipDomain", "1.3.6.1.5.5.7.3.20" },
	{ "documentSigning", "1.3.6.1.5.5.7.3.36" },
	{ "ikeIntermediate", "1.3.6.1.5.5.8.2.2" },
	{ "smartcardLogon", "1.3.6.1.4.1.311.20.2.2" } };
#define NPURPOSES (sizeof(purposes) / sizeof(purposes[0]))

/* Extensions that are written by other means, or never, and what to use. */
static const struct {
	const char *oid;
	const char *remedy;
} ours[] = { { "2.5.29.14", "each certificate has its key identifiers" },
	{ "2.5.29.35", "each certificate has its key identifiers" },
	{ "2.5.29.15", "use keyusage" }, { "2.5.29.37", "use purpose" },
	{ "2.5.29.17", "use -s" }, { "2.5.29.19", "use -c for a CA" },
	{ "2.5.29.30", "use -C" },
	{ "1.3.6.1.5.5.7.1.26", "use -P shaken and -s spc:CODE" },
	{ "2.5.29.31", "use the property crlurl of the CA" },
	{ "1.3.6.1.5.5.7.1.1", "use the property aiaurl of the CA" },
	{ "2.5.29.33", "it must be critical, and of a CA" },
	{ "2.5.29.36", "it must be critical, and of a CA" },
	{ "2.5.29.54", "it must be critical, and of a CA" },
	{ "1.3.6.1.5.5.7.1.14", "proxy certificates are not supported" },
	{ "1.3.6.1.4.1.11129.2.4.2", "a log signs it for one certificate" },
	{ "1.3.6.1.4.1.11129.2.4.3", "it is for precertificates" } };
#define NOURS (sizeof(ours) / sizeof(ours[0]))

void
cs_extra_free(struct cs_extra *x)
{
	sk_ASN1_OBJECT_pop_free(x->purposes, ASN1_OBJECT_free);
	sk_X509_EXTENSION_pop_free(x->exts, X509_EXTENSION_free);
	memset(x, 0, sizeof(*x));
}

int
cs_extra_isset(const struct cs_extra *x)
{
	return x->usage != 0 || x->purposes != NULL || x->exts != NULL;
}

/* Takes an object that the caller allocated: 0, or -1 without memory. */
static int
pushpurpose(struct cs_extra *x, ASN1_OBJECT *obj)
{
	if (obj == NULL)
		return -1;
	if ((x->purposes == NULL &&
		(x->purposes = sk_ASN1_OBJECT_new_null()) == NULL) ||
	    sk_ASN1_OBJECT_push(x->purposes, obj) <= 0) {
		ASN1_OBJECT_free(obj);
		return -1;
	}
	return 0;
}

/* Takes an extension, as above. */
static int
pushext(struct cs_extra *x, X509_EXTENSION *ext)
{
	if (ext == NULL)
		return -1;
	if ((x->exts == NULL &&
		(x->exts = sk_X509_EXTENSION_new_null()) == NULL) ||
	    sk_X509_EXTENSION_push(x->exts, ext) <= 0) {
		X509_EXTENSION_free(ext);
		return -1;
	}
	return 0;
}

static int
listhas(const STACK_OF(ASN1_OBJECT) *list, const ASN1_OBJECT *obj)
{
	int i;

	for (i = 0; i < sk_ASN1_OBJECT_num(list); i++)
		if (OBJ_cmp(sk_ASN1_OBJECT_value(list, i), obj) == 0)
			return 1;
	return 0;
}

/* The extension of this type in a list, borrowed, or NULL. */
static X509_EXTENSION *
findext(const STACK_OF(X509_EXTENSION) *list, const ASN1_OBJECT *type)
{
	int i = X509v3_get_ext_by_OBJ(list, type, -1);

	return i < 0 ? NULL : sk_X509_EXTENSION_value(list, i);
}

int
cs_extra_addusage(struct cs_extra *x, const char *name,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	size_t i;

	for (i = 0; i < NUSAGES; i++)
		if (strcasecmp(usages[i].name, name) == 0)
			break;
	if (i < NUSAGES) {
		x->usage |= usages[i].bit;
		return 0;
	}
	if (strcasecmp(name, "keyCertSign") == 0 ||
	    strcasecmp(name, "cRLSign") == 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is for a CA: use -c alone", name);
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: unknown key usage: use digitalSignature, keyEncipherment, "
	    "keyAgreement or another one of RFC 5280",
	    cs_escape_quote(q, name));
}

/* An object of dotted numbers, or NULL. */
static ASN1_OBJECT *
parseoid(const char *text)
{
	ASN1_OBJECT *obj = NULL;

	if (strlen(text) < OID_MAX && text[strspn(text, "0123456789.")] == '\0')
		obj = OBJ_txt2obj(text, 1);
	ERR_clear_error();
	return obj;
}

int
cs_extra_addpurpose(struct cs_extra *x, const char *name,
    struct certstore_error *err)
{
	ASN1_OBJECT *obj;
	char q[CS_QUOTE_LEN];
	size_t i;

	for (i = 0; i < NPURPOSES; i++)
		if (strcasecmp(purposes[i].name, name) == 0)
			break;
	obj = parseoid(i < NPURPOSES ? purposes[i].oid : name);
	if (obj == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: unknown purpose: use serverAuth, clientAuth, "
		    "ipsecIKE or an object identifier as 1.3.6.1.5.5.7.3.17",
		    cs_escape_quote(q, name));
	if (OBJ_obj2nid(obj) == NID_anyExtendedKeyUsage) {
		ASN1_OBJECT_free(obj);
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: would be for every purpose: use those that are "
		    "needed",
		    cs_escape_quote(q, name));
	}
	if (listhas(x->purposes, obj)) {
		ASN1_OBJECT_free(obj);
		return 0;
	}
	return pushpurpose(x, obj) == 0 ? 0 : cs_fail_nomem(err);
}

/* Is it one or more (many) elements of DER and nothing else, X.690 section 10.1:
 * definite lengths, in as few octets as possible?  1 or 0. */
static int
isder(const unsigned char *p, long len, int many, int depth)
{
	const unsigned char *end = p + len, *start;
	int class, n, ret, tag;
	long size;

	for (n = 0; p < end; n++) {
		start = p;
		ret = ASN1_get_object(&p, &size, &tag, &class, end - p);
		if ((ret & ~V_ASN1_CONSTRUCTED) != 0 || size > end - p ||
		    (n > 0 && !many) ||
		    ASN1_object_size((ret & V_ASN1_CONSTRUCTED) != 0, (int)size,
			tag) != p - start + size)
			return 0;
		if ((ret & V_ASN1_CONSTRUCTED) != 0 &&
		    (depth == 0 || !isder(p, size, 1, depth - 1)))
			return 0;
		p += size;
	}
	return many || n == 1;
}

static int
ishex(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len % 2 == 0 &&
	    text[strspn(text, "0123456789abcdefABCDEF")] == '\0';
}

/* What is to be used instead of an extension, or NULL. */
static const char *
remedyof(const ASN1_OBJECT *type)
{
	char oid[OID_MAX];
	size_t i;

	OBJ_obj2txt(oid, sizeof(oid), type, 1);
	for (i = 0; i < NOURS; i++)
		if (strcmp(ours[i].oid, oid) == 0)
			return ours[i].remedy;
	return NULL;
}

/* Makes an extension, not critical, whose value is DER in hex: 1, 0 for another
 * text, -1 without memory. */
static int
makeext(const ASN1_OBJECT *type, const char *hex, X509_EXTENSION **ext)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	unsigned char *der = NULL;
	long len;
	int rv = -1;

	*ext = NULL;
	if (!ishex(hex))
		rv = 0;
	else if (value == NULL || (der = OPENSSL_hexstr2buf(hex, &len)) == NULL)
		rv = -1;
	else if (!isder(der, len, 0, DEPTH))
		rv = 0;
	else if (ASN1_OCTET_STRING_set(value, der, (int)len) == 1 &&
	    (*ext = X509_EXTENSION_create_by_OBJ(NULL, type, 0, value)) != NULL)
		rv = 1;
	OPENSSL_free(der);
	ASN1_OCTET_STRING_free(value);
	ERR_clear_error();
	return rv;
}

static int
addext(struct cs_extra *x, const ASN1_OBJECT *type, const char *hex,
    struct certstore_error *err)
{
	X509_EXTENSION *ext;
	const char *remedy = remedyof(type);
	int rv;

	if (remedy != NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "this extension cannot be given as it is: %s", remedy);
	if (findext(x->exts, type) != NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "the extension is there twice (RFC 5280, section 4.2): "
		    "remove one");
	if ((rv = makeext(type, hex, &ext)) == -1)
		return cs_fail_nomem(err);
	if (rv == 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "the value is not DER: use its hexadecimal digits, as in "
		    "1.3.6.1.5.5.7.1.24=3003020105");
	if (cs_cert_isbad(ext)) {
		X509_EXTENSION_free(ext);
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "the value is malformed for this extension: correct it");
	}
	return pushext(x, ext) == 0 ? 0 : cs_fail_nomem(err);
}

int
cs_extra_addext(struct cs_extra *x, const char *text,
    struct certstore_error *err)
{
	const char *value = strchr(text, '=');
	ASN1_OBJECT *type = NULL;
	char oid[OID_MAX];
	int rv;

	if (strncmp(text, "critical", strlen("critical")) == 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "a critical extension is refused by all who do not know "
		    "it: remove critical");
	if (value != NULL && (size_t)(value - text) < sizeof(oid)) {
		memcpy(oid, text, (size_t)(value - text));
		oid[value - text] = '\0';
		type = parseoid(oid);
	}
	if (type == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "is not an object identifier and a value: use OID=HEX, as "
		    "in 1.3.6.1.5.5.7.1.24=3003020105");
	rv = addext(x, type, value + 1, err);
	ASN1_OBJECT_free(type);
	return rv;
}

/* Adds what the first lacks; its own key usage, if it has one, stays. */
int
cs_extra_merge(struct cs_extra *to, const struct cs_extra *from)
{
	const ASN1_OBJECT *obj;
	X509_EXTENSION *ext;
	int bad = 0, i;

	if (to->usage == 0)
		to->usage = from->usage;
	for (i = 0; i < sk_ASN1_OBJECT_num(from->purposes); i++) {
		obj = sk_ASN1_OBJECT_value(from->purposes, i);
		if (!listhas(to->purposes, obj))
			bad |= pushpurpose(to, OBJ_dup(obj));
	}
	for (i = 0; i < sk_X509_EXTENSION_num(from->exts); i++) {
		ext = sk_X509_EXTENSION_value(from->exts, i);
		if (findext(to->exts, X509_EXTENSION_get_object(ext)) == NULL)
			bad |= pushext(to, X509_EXTENSION_dup(ext));
	}
	return bad;
}

/* Removes a purpose: 1, or 0 if it is not there. */
static int
takepurpose(struct cs_extra *x, int nid)
{
	int i;

	for (i = 0; i < sk_ASN1_OBJECT_num(x->purposes); i++)
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(x->purposes, i)) == nid)
			break;
	if (i >= sk_ASN1_OBJECT_num(x->purposes))
		return 0;
	ASN1_OBJECT_free(sk_ASN1_OBJECT_delete(x->purposes, i));
	if (sk_ASN1_OBJECT_num(x->purposes) == 0) {
		sk_ASN1_OBJECT_free(x->purposes);
		x->purposes = NULL;
	}
	return 1;
}

/*
 * Makes purposes that a built-in profile has that profile, by which the kind of
 * the entry is known, certstore(7); the others stay beside it.
 */
int
cs_extra_fold(struct certstore_template *t)
{
	struct cs_extra *x = &t->extra;
	const char *p = t->profile;
	int client, mail, peer, server;

	if (t->ca || cs_calls_signs(t))
		return 0;
	peer = strcmp(p, "peer") == 0;
	client = takepurpose(x, NID_client_auth) || peer ||
	    strcmp(p, "client") == 0;
	mail = takepurpose(x, NID_email_protect) || strcmp(p, "mail") == 0;
	server = takepurpose(x, NID_server_auth) || peer ||
	    strcmp(p, "server") == 0;
	if (server)
		p = client ? "peer" : "server";
	else if (mail)
		p = "mail";
	else
		p = client ? "client" : "";
	strlcpy(t->profile, p, sizeof(t->profile));
	if ((server && mail &&
		pushpurpose(x, OBJ_nid2obj(NID_email_protect)) == -1) ||
	    (!server && mail && client &&
		pushpurpose(x, OBJ_nid2obj(NID_client_auth)) == -1))
		return -1;
	return 0;
}

/* The bits of a key usage, or 0 if there is none. */
static unsigned int
usagein(const STACK_OF(X509_EXTENSION) *exts)
{
	ASN1_BIT_STRING *bits;
	unsigned int usage = 0;
	int i;

	bits = X509V3_get_d2i(exts, NID_key_usage, NULL, NULL);
	for (i = 0; bits != NULL && i < CS_USAGE_NBITS; i++)
		if (ASN1_BIT_STRING_get_bit(bits, i) == 1)
			usage |= 1U << i;
	ASN1_BIT_STRING_free(bits);
	ERR_clear_error();
	return usage;
}

/*
 * Adds what a certificate has beyond the template: all purposes, its key usage
 * if that is not the one of the profile, and extensions that can be given.
 */
int
cs_extra_keep(struct certstore_template *t, X509 *x509,
    struct certstore_error *err)
{
	const STACK_OF(X509_EXTENSION) *exts = X509_get0_extensions(x509);
	struct cs_extra has = { 0 };
	X509_EXTENSION *ext;
	int bad = 0, i;

	ERR_clear_error();
	if (!t->ca && !cs_calls_signs(t)) {
		has.purposes = X509V3_get_d2i(exts, NID_ext_key_usage, NULL,
		    NULL);
		has.usage = usagein(exts);
		if (has.usage ==
		    cs_extension_usage(t->profile, 0, X509_get0_pubkey(x509)))
			has.usage = 0;
	}
	for (i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		ext = sk_X509_EXTENSION_value(exts, i);
		if (X509_EXTENSION_get_critical(ext) == 0 &&
		    remedyof(X509_EXTENSION_get_object(ext)) == NULL)
			bad |= pushext(&has, X509_EXTENSION_dup(ext));
	}
	bad |= cs_extra_merge(&t->extra, &has) | cs_extra_fold(t);
	cs_extra_free(&has);
	ERR_clear_error();
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

static int
sameext(X509_EXTENSION *a, X509_EXTENSION *b)
{
	return ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(a),
		   X509_EXTENSION_get_data(b)) == 0;
}

/* What the extensions of a certificate or a request, for this key, lack of what
 * a template asks for: 1 and "is not for 1.2.3", or 0. */
int
cs_extra_lacks(const struct certstore_template *t,
    const STACK_OF(X509_EXTENSION) *exts, EVP_PKEY *pkey, char *why,
    size_t size)
{
	const struct cs_extra *x = &t->extra;
	const ASN1_OBJECT *type;
	X509_EXTENSION *ext, *there;
	EXTENDED_KEY_USAGE *eku;
	char oid[OID_MAX];
	int i, lacks = 0;

	if (x->usage != 0 &&
	    usagein(exts) != cs_extension_usage(t->profile, x->usage, pkey)) {
		snprintf(why, size, "has another key usage");
		return 1;
	}
	eku = X509V3_get_d2i(exts, NID_ext_key_usage, NULL, NULL);
	for (i = 0; i < sk_ASN1_OBJECT_num(x->purposes) && !lacks; i++) {
		type = sk_ASN1_OBJECT_value(x->purposes, i);
		if ((lacks = !listhas(eku, type)) != 0) {
			OBJ_obj2txt(oid, sizeof(oid), type, 1);
			snprintf(why, size, "is not for %s", oid);
		}
	}
	for (i = 0; i < sk_X509_EXTENSION_num(x->exts) && !lacks; i++) {
		ext = sk_X509_EXTENSION_value(x->exts, i);
		type = X509_EXTENSION_get_object(ext);
		there = findext(exts, type);
		if ((lacks = there == NULL || !sameext(there, ext)) != 0) {
			OBJ_obj2txt(oid, sizeof(oid), type, 1);
			snprintf(why, size, "%s the extension %s",
			    there == NULL ? "lacks" : "has another value of",
			    oid);
		}
	}
	EXTENDED_KEY_USAGE_free(eku);
	ERR_clear_error();
	return lacks;
}
