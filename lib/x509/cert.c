/*
 * cert.c: certificates and requests: parsed strictly, encoded, compared, and
 * what one certificate or its issuer tells.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "x509/private.h"

#define V1_SELF_SIGNED 3 /* X509_check_ca(3): a root of version 1 */

int
cs_cert_time(const ASN1_TIME *t, int64_t *secs)
{
	struct certstore_error err;
	struct tm tm;
	char text[80];

	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	if (sizeof(time_t) >= sizeof(*secs)) {
		*secs = timegm(&tm);
		return 0;
	}
	/* timegm(3) knows nothing after 2038 */
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec);
	return certstore_time_parse(text, secs, &err);
}

/* Is the i-th extension a second one of its kind? */
int
cs_cert_istwice(const STACK_OF(X509_EXTENSION) *exts, int i)
{
	const ASN1_OBJECT *obj;
	int j;

	obj = X509_EXTENSION_get_object(sk_X509_EXTENSION_value(exts, i));
	for (j = 0; j < i; j++)
		if (OBJ_cmp(obj,
			X509_EXTENSION_get_object(
			    sk_X509_EXTENSION_value(exts, j))) == 0)
			return 1;
	return 0;
}

/* Is an extension that libcrypto knows malformed, or an empty list where RFC
 * 5280 sections 4.2.1.4 and 4.2.2.1 want an element? */
int
cs_cert_isbad(X509_EXTENSION *ext)
{
	const X509V3_EXT_METHOD *method;
	const ASN1_OCTET_STRING *data;
	const unsigned char *p;
	void *value;
	int len, nid, rv = 0;

	if ((method = X509V3_EXT_get(ext)) == NULL || method->it == NULL)
		return 0;
	data = X509_EXTENSION_get_data(ext);
	p = ASN1_STRING_get0_data(data);
	len = ASN1_STRING_length(data);
	value = ASN1_item_d2i(NULL, &p, len, ASN1_ITEM_ptr(method->it));
	if (value == NULL || p != ASN1_STRING_get0_data(data) + len)
		rv = 1;
	nid = method->ext_nid;
	if (value != NULL &&
	    (nid == NID_info_access || nid == NID_sinfo_access))
		rv |= sk_ACCESS_DESCRIPTION_num(value) == 0;
	if (value != NULL && nid == NID_certificate_policies)
		rv |= sk_POLICYINFO_num(value) == 0;
	ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
	ERR_clear_error();
	return rv;
}

/* Fails with the first extension that is malformed or there twice. */
static int
failextension(const char *where, X509 *x509, struct certstore_error *err)
{
	const STACK_OF(X509_EXTENSION) *exts = X509_get0_extensions(x509);
	X509_EXTENSION *ext = NULL;
	char name[80];
	int i, twice = 0;

	for (i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		ext = sk_X509_EXTENSION_value(exts, i);
		if ((twice = cs_cert_istwice(exts, i)) || cs_cert_isbad(ext))
			break;
	}
	if (i >= sk_X509_EXTENSION_num(exts))
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: an extension of "
		    "the certificate is malformed (RFC 5280 section 4.2)",
		    where);
	OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(ext), 0);
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: the extension \"%s\" of "
	    "the certificate is %s (RFC 5280 section 4.2)",
	    where, name, twice ? "there twice" : "malformed");
}

/* Checks what d2i does not: both times, then all extensions. */
static int
checkvalidity(const char *where, X509 *x509, struct certstore_error *err)
{
	int64_t secs;

	if (cs_cert_time(X509_get0_notBefore(x509), &secs) == 0 &&
	    cs_cert_time(X509_get0_notAfter(x509), &secs) == 0)
		return 0;
	ERR_clear_error();
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: the validity of the certificate is malformed (RFC 5280 "
	    "section 4.1.2.5)",
	    where);
}

static int
checkextforms(const char *where, X509 *x509, struct certstore_error *err)
{
	int bad = X509_check_purpose(x509, -1, 0) != 1;

	ERR_clear_error();
	return bad ? failextension(where, x509, err) : 0;
}

/* Decodes an object of libcrypto; all of the input must be used. */
static void *
decodeall(const char *where, const char *what, const ASN1_ITEM *it,
    const unsigned char *der, size_t len, struct certstore_error *err)
{
	const unsigned char *p = der;
	void *item = NULL;
	size_t rest;

	ERR_clear_error();
	if (len <= CERTSTORE_INPUT_MAX)
		item = ASN1_item_d2i(NULL, &p, (long)len, it);
	ERR_clear_error();
	if (item == NULL) {
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the %s is damaged or cut: copy it again", where, what);
		return NULL;
	}
	if ((rest = (size_t)(der + len - p)) == 0)
		return item;
	cs_fail(err, CERTSTORE_EINPUT,
	    "%s: %zu byte%s follow%s the %s: copy it again without them", where,
	    rest, rest == 1 ? "" : "s", rest == 1 ? "s" : "", what);
	ASN1_item_free(item, it);
	return NULL;
}

/* Whatever times and extensions are. */
X509 *
cs_cert_decode(const char *where, const unsigned char *der, size_t len,
    struct certstore_error *err)
{
	return decodeall(where, "certificate", ASN1_ITEM_rptr(X509), der, len,
	    err);
}

X509 *
cs_cert_parse(const char *where, const unsigned char *der, size_t len,
    struct certstore_error *err)
{
	X509 *x509;

	if ((x509 = cs_cert_decode(where, der, len, err)) == NULL)
		return NULL;
	if (checkvalidity(where, x509, err) == 0 &&
	    checkextforms(where, x509, err) == 0)
		return x509;
	X509_free(x509);
	return NULL;
}

X509_REQ *
cs_cert_parse_csr(const char *where, const unsigned char *der, size_t len,
    struct certstore_error *err)
{
	return decodeall(where, "request", ASN1_ITEM_rptr(X509_REQ), der, len,
	    err);
}

/* The request in a PEM file of the store. */
X509_REQ *
cs_cert_csr_frompem(const char *label, const struct cs_buf *buf,
    struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	X509_REQ *csr = NULL;
	size_t i;

	if (cs_pem_read(label, buf->p, buf->len, NULL, &pems, err) == -1)
		goto out;
	for (i = 0; i < pems.n && pems.v[i].type != CS_PEM_CSR; i++)
		;
	if (i < pems.n)
		csr = cs_cert_parse_csr(label, pems.v[i].der, pems.v[i].derlen,
		    err);
	else
		cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: there is no request in it", label);
out:
	cs_item_free(&pems);
	return csr;
}

/* Appends PEM. */
int
cs_cert_encode(struct cs_buf *buf, X509 *x509, struct certstore_error *err)
{
	return cs_pem_encode_item(buf, "CERTIFICATE", ASN1_ITEM_rptr(X509),
	    x509, err);
}

/* The certificates of a PEM file of ours.  shown: extensions may be malformed. */
STACK_OF(X509) *
cs_cert_stack(const char *label, const struct cs_buf *buf, int shown,
    struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	STACK_OF(X509) *certs = NULL;
	X509 *x509 = NULL;
	char where[512];
	size_t i;
	int rv = -1;

	if (cs_pem_read(label, buf->p, buf->len, NULL, &pems, err) == -1)
		goto out;
	if ((certs = sk_X509_new_null()) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	for (i = 0; i < pems.n; i++) {
		if (pems.v[i].type != CS_PEM_CERT)
			continue;
		cs_item_where(&pems.v[i], where, sizeof(where));
		x509 = (shown ? cs_cert_decode : cs_cert_parse)(where,
		    pems.v[i].der, pems.v[i].derlen, err);
		if (x509 == NULL)
			goto out;
		if (sk_X509_push(certs, x509) <= 0) {
			X509_free(x509);
			cs_fail_nomem(err);
			goto out;
		}
	}
	if (sk_X509_num(certs) == 0)
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: there is no certificate "
		    "in it",
		    label);
	else
		rv = 0;
out:
	if (rv == -1) {
		sk_X509_pop_free(certs, X509_free);
		certs = NULL;
		ERR_clear_error();
	}
	cs_item_free(&pems);
	return certs;
}

/* Checks a certificate that is only shown: a malformed extension is no error,
 * but is told in flaw, malloc'ed. */
int
cs_cert_check(const char *where, X509 *x509, char **flaw,
    struct certstore_error *err)
{
	struct certstore_error why;

	if (checkvalidity(where, x509, err) == -1)
		return -1;
	if (checkextforms(where, x509, &why) == 0)
		return 0;
	if ((*flaw = strdup(why.msg)) == NULL)
		return cs_fail_nomem(err);
	return 0;
}

int
cs_cert_read(const struct certstore_entry *entry, enum cs_file file,
    STACK_OF(X509) **certs, struct certstore_error *err)
{
	struct cs_buf buf = { NULL, 0, 0 };
	int rv;

	*certs = NULL;
	rv = cs_entry_read(entry, file, &buf, err);
	if (rv == 1 &&
	    (*certs = cs_cert_stack(entry->info.name, &buf, 0, err)) == NULL)
		rv = -1;
	cs_buf_free(&buf);
	return rv;
}

/* Is it a server certificate as "openssl req -x509" makes it: a CA by its basic
 * constraints, but without keyUsage, self-signed and with a host name? */
static int
isplainreq(X509 *x509)
{
	GENERAL_NAMES *names;
	int i, type, host = 0;

	if ((X509_get_extension_flags(x509) & EXFLAG_KUSAGE) != 0)
		return 0;
	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		type = sk_GENERAL_NAME_value(names, i)->type;
		host |= type == GEN_DNS || type == GEN_IPADD;
	}
	GENERAL_NAMES_free(names);
	return host && cs_cert_is_self_signed(x509) == 1;
}

/* Is it a CA?  Of version 1 only a self-signed one is, by its signature:
 * libcrypto compares only the names. */
int
cs_cert_is_ca(X509 *x509)
{
	int ca;

	ERR_clear_error();
	ca = X509_check_ca(x509);
	if ((X509_get_extension_flags(x509) & EXFLAG_CA) != 0)
		ca = !isplainreq(x509);
	else if (ca == V1_SELF_SIGNED)
		ca = cs_cert_is_self_signed(x509);
	ERR_clear_error();
	return ca > 0;
}

static int
isverified(X509 *x509, X509 *issuer)
{
	EVP_PKEY *pkey;
	int yes;

	pkey = X509_get0_pubkey(issuer);
	yes = pkey != NULL && X509_verify(x509, pkey) == 1;
	ERR_clear_error();
	return yes;
}

int
cs_cert_is_self_signed(X509 *x509)
{
	return X509_NAME_cmp(X509_get_subject_name(x509),
		   X509_get_issuer_name(x509)) == 0 &&
	    isverified(x509, x509);
}

/* Do the key identifiers of issuer and certificate match, where both are there
 * (RFC 5280 section 4.2.1.1)? */
int
cs_cert_mayissue(X509 *issuer, X509 *x509)
{
	const ASN1_OCTET_STRING *aki, *ski;

	aki = X509_get0_authority_key_id(x509);
	ski = X509_get0_subject_key_id(issuer);
	return aki == NULL || ski == NULL ||
	    ASN1_OCTET_STRING_cmp(aki, ski) == 0;
}

int
cs_cert_is_signed_by(X509 *x509, X509 *issuer)
{
	return X509_NAME_cmp(X509_get_issuer_name(x509),
		   X509_get_subject_name(issuer)) == 0 &&
	    cs_cert_mayissue(issuer, x509) && isverified(x509, issuer);
}

int
cs_cert_same(X509 *a, X509 *b)
{
	return X509_cmp(a, b) == 0;
}

/* SHA-256 of the certificate, 0 or -1 without memory. */
int
cs_cert_fingerprint(X509 *x509, char hex[CS_HASH_LEN])
{
	unsigned char *der = NULL;
	int len;

	hex[0] = '\0';
	if ((len = i2d_X509(x509, &der)) > 0)
		cs_hash(hex, der, (size_t)len);
	OPENSSL_free(der);
	ERR_clear_error();
	return len > 0 ? 0 : -1;
}

/*
 * SHA-256 of the SubjectPublicKeyInfo (RFC 7469 section 2.4) as the
 * certificate has it: the key need not be of a known kind.  -1: no memory.
 */
int
cs_cert_spki(const X509_PUBKEY *pub, char hex[CS_HASH_LEN])
{
	unsigned char *der = NULL;
	int len;

	if ((len = i2d_X509_PUBKEY(pub, &der)) > 0)
		cs_hash(hex, der, (size_t)len);
	OPENSSL_free(der);
	ERR_clear_error();
	return len > 0 ? 0 : -1;
}

/* SHA-256 of its key as cs_key_parse() would encode it, to find the private
 * key; of an unknown kind of key as it is. */
int
cs_cert_match(X509 *x509, char hex[CS_HASH_LEN])
{
	const X509_PUBKEY *pub = X509_get_X509_PUBKEY(x509);
	struct certstore_error ignored;
	const unsigned char *point;
	const ASN1_OBJECT *curve;
	EVP_PKEY *pkey;
	X509_ALGOR *alg;
	int len, rv = -1, type;

	if (X509_PUBKEY_get0_param(NULL, &point, &len, &alg, pub) == 1) {
		X509_ALGOR_get0(&curve, &type, NULL, alg);
		if (OBJ_obj2nid(curve) == NID_X9_62_id_ecPublicKey &&
		    (type != V_ASN1_OBJECT || len < 1 || point[0] != 4) &&
		    (pkey = X509_get0_pubkey(x509)) != NULL)
			rv = cs_key_match(pkey, hex, &ignored);
	}
	ERR_clear_error();
	return rv == 0 ? 0 : cs_cert_spki(pub, hex);
}

int64_t
cs_cert_starts(X509 *x509)
{
	int64_t secs;

	return cs_cert_time(X509_get0_notBefore(x509), &secs) == -1 ? 0 : secs;
}

int64_t
cs_cert_ends(X509 *x509)
{
	int64_t secs;

	return cs_cert_time(X509_get0_notAfter(x509), &secs) == -1 ? 0 : secs;
}

/* RFC 5280 section 4.1.2.5: both ends count. */
int
cs_cert_isvalid(X509 *x509, int64_t when)
{
	return cs_cert_starts(x509) <= when && when <= cs_cert_ends(x509);
}

/* Adds the character at p if it is safe to print, else its first byte as in RFC
 * 4514 section 2.4: how many bytes of p were used. */
static size_t
addchar(struct cs_buf *buf, const char *p, size_t len, int *bad)
{
	unsigned char c = (unsigned char)*p;
	char seen[32];
	size_t n;

	n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n <= len &&
	    (c == '\\' || certstore_escape(seen, sizeof(seen), p, n) == n)) {
		*bad |= cs_buf_add(buf, p, n);
		return n;
	}
	*bad |= cs_buf_printf(buf, "\\%02X", c);
	return 1;
}

/* Adds a name in RFC 4514 order, escaped. */
int
cs_cert_name_text(const X509_NAME *name, struct cs_buf *buf)
{
	const unsigned long flags = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
	BIO *bio = NULL;
	char *p;
	long len;
	int bad = -1;

	ERR_clear_error();
	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		goto out;
	if (X509_NAME_print_ex(bio, name, 0, flags) < 0)
		goto out;
	len = BIO_get_mem_data(bio, &p);
	bad = cs_buf_add(buf, "", 0);
	while (len > 0) {
		size_t n = addchar(buf, p, (size_t)len, &bad);

		p += n;
		len -= (long)n;
	}
out:
	BIO_free(bio);
	ERR_clear_error();
	return bad == 0 ? 0 : -1;
}

/* Calls take with the last CN, else OU, else O, in UTF-8, until it gives 1: 1,
 * or 0 if it never did. */
int
cs_cert_called(X509 *x509, int (*take)(void *, const unsigned char *, size_t),
    void *arg)
{
	static const int nids[] = { NID_commonName, NID_organizationalUnitName,
		NID_organizationName };
	const X509_NAME *subject = X509_get_subject_name(x509);
	unsigned char *text;
	int len, taken = 0;
	size_t i;

	for (i = 0; i < sizeof(nids) / sizeof(nids[0]) && !taken; i++) {
		if ((len = cs_asn1_last(subject, nids[i], &text)) > 0)
			taken = take(arg, text, (size_t)len);
		OPENSSL_free(text);
	}
	ERR_clear_error();
	return taken;
}
