/*
 * csr.c: a request that others made (RFC 2986), for a CA of the store: parsed,
 * proven, and what of it becomes part of a template.  Nothing else of it gets
 * into a certificate.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

#define NAMES_MAX 1000 /* of one request */
#define LEFT_MAX 400   /* bytes of the list of what was left out */

static int failcsr(const struct cs_csr *, struct certstore_error *,
    const char *, ...) CS_PRINTFLIKE(3, 4);

/* Refuses a request.  Always -1. */
static int
failcsr(const struct cs_csr *csr, struct certstore_error *err, const char *fmt,
    ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return cs_fail(err, CERTSTORE_EREFUSED, "%s: %s", csr->name, why);
}

/* Adds to the list of what the certificate will not have, once. */
static void
leavetext(struct cs_csr *csr, const char *what)
{
	struct cs_buf *left = &csr->left;
	char q[CS_QUOTE_LEN];
	const char *at;
	size_t len;

	certstore_escape(q, sizeof(q), what, strlen(what));
	len = strlen(q);
	for (at = left->p; at != NULL && (at = strstr(at, q)) != NULL;
	     at += len)
		if ((at == left->p || at[-1] == ' ') &&
		    (at[len] == ',' || at[len] == '\0'))
			return;
	if (csr->more)
		return;
	csr->more = left->len + len > LEFT_MAX;
	(void)cs_buf_printf(left, "%s%s", left->len > 0 ? ", " : "",
	    csr->more ? "and more" : q);
}

static void
leaveobject(struct cs_csr *csr, const char *before, const ASN1_OBJECT *obj)
{
	char name[80], text[120];
	int nid = OBJ_obj2nid(obj);

	if (nid == NID_undef)
		OBJ_obj2txt(name, sizeof(name), obj, 1);
	snprintf(text, sizeof(text), "%s%s", before,
	    nid == NID_undef ? name : OBJ_nid2sn(nid));
	leavetext(csr, text);
}

/* The only request of an input. */
static int
readonlycsr(struct cs_csr *csr, const char *label, const void *data, size_t len,
    struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	const struct cs_pem *pem = NULL;
	char where[512];
	size_t i, n = 0;
	int rv = -1;

	if (cs_pem_read_csr(label, data, len, &pems, err) == -1)
		goto out;
	for (i = 0; i < pems.n; i++)
		if (pems.v[i].type == CS_PEM_CSR) {
			pem = &pems.v[i];
			n++;
		}
	if (n != 1) {
		cs_fail(err, CERTSTORE_EINPUT, "%s: %s", csr->name,
		    n == 0 ? "there is no request (PKCS#10) in it" :
			     "has more than one request: use a file for each");
		goto out;
	}
	cs_item_where(pem, where, sizeof(where));
	csr->req = cs_cert_parse_csr(where, pem->der, pem->derlen, err);
	rv = csr->req == NULL ? -1 : 0;
out:
	cs_item_free(&pems);
	return rv;
}

/* What is wrong with a public key, whoever uses it, or NULL. */
static const char *
keyflaw(EVP_PKEY *pkey)
{
	static const char *const kinds[] = { "RSA", "RSA-PSS", "EC", "ED25519",
		"ED448" };
	const char *flaw = NULL;
	BIGNUM *e = NULL;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (EVP_PKEY_is_a(pkey, kinds[i]))
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return "is of a kind that cannot sign";
	if (cs_strength_isweak(pkey))
		return "is weak";
	if (i < 2 &&
	    (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1 ||
		!BN_is_odd(e) || BN_is_one(e)))
		flaw = "has an exponent that is even, or below 3";
	BN_free(e);
	if (!cs_key_setnamed(pkey))
		flaw = "is on a curve without a name (RFC 5480 section 2.1.1)";
	ERR_clear_error();
	return flaw;
}

/* Has the sender the private key, and is it one that can be used? */
static int
proveowner(struct cs_csr *csr, struct certstore_error *err)
{
	const char *flaw;
	char name[80];

	if (X509_REQ_get_version(csr->req) != X509_REQ_VERSION_1)
		return failcsr(csr, err,
		    "its version is %ld, not 0 (RFC 2986 section 4.1)",
		    X509_REQ_get_version(csr->req));
	if ((csr->pkey = X509_REQ_get0_pubkey(csr->req)) == NULL)
		return failcsr(csr, err,
		    "its public key is malformed, or of an unknown kind");
	if ((flaw = keyflaw(csr->pkey)) != NULL) {
		cs_key_name(csr->pkey, name, sizeof(name));
		return failcsr(csr, err,
		    "its key (%s) %s: make another request with a key of type "
		    "p256 or rsa:2048",
		    name, flaw);
	}
	if (X509_REQ_verify(csr->req, csr->pkey) != 1)
		return failcsr(csr, err,
		    "its signature does not verify: it was changed on the way, "
		    "or who made it does not have the private key");
	return 0;
}

static int
isextensions(int nid)
{
	return nid == NID_ext_req || nid == NID_ms_ext_req;
}

/* Reads the extensions that are asked for (RFC 2985 section 5.4.2); of all other
 * attributes only the name is used. */
static int
readattributes(struct cs_csr *csr, struct certstore_error *err)
{
	const ASN1_OBJECT *obj;
	int i, n = 0;

	for (i = 0; i < X509_REQ_get_attr_count(csr->req); i++) {
		obj = X509_ATTRIBUTE_get0_object(
		    X509_REQ_get_attr(csr->req, i));
		if (isextensions(OBJ_obj2nid(obj)))
			n++;
		else
			leaveobject(csr, "", obj);
	}
	if (n == 0)
		return 0;
	if (n > 1)
		return failcsr(csr, err, "has two lists of extensions");
	csr->exts = X509_REQ_get_extensions(csr->req);
	if (csr->exts == NULL)
		return failcsr(csr, err, "its list of extensions is malformed");
	for (i = 0; i < sk_X509_EXTENSION_num(csr->exts); i++)
		if (cs_cert_istwice(csr->exts, i))
			return failcsr(csr, err,
			    "asks for an extension twice (RFC 5280 section "
			    "4.2)");
	return 0;
}

int
cs_csr_read(struct cs_csr *csr, const char *label, const void *data, size_t len,
    struct certstore_error *err)
{
	memset(csr, 0, sizeof(*csr));
	ERR_clear_error();
	if ((csr->name = cs_item_label(label)) == NULL)
		return cs_fail_nomem(err);
	if (readonlycsr(csr, label, data, len, err) == -1 ||
	    proveowner(csr, err) == -1 || readattributes(csr, err) == -1)
		return -1;
	ERR_clear_error();
	return 0;
}

void
cs_csr_free(struct cs_csr *csr)
{
	sk_X509_EXTENSION_pop_free(csr->exts, X509_EXTENSION_free);
	X509_REQ_free(csr->req);
	cs_buf_free(&csr->left);
	free(csr->name);
	memset(csr, 0, sizeof(*csr));
}

/* Decodes an extension that is asked for: 1, 0 there is none, -1. */
static int
decodeasked(const struct cs_csr *csr, int nid, void *out,
    struct certstore_error *err)
{
	X509_EXTENSION *ext;
	void **value = out;
	int at;

	*value = NULL;
	if ((at = X509v3_get_ext_by_NID(csr->exts, nid, -1)) < 0)
		return 0;
	ext = sk_X509_EXTENSION_value(csr->exts, at);
	if (!cs_cert_isbad(ext) && (*value = X509V3_EXT_d2i(ext)) != NULL)
		return 1;
	return failcsr(csr, err, "its %s is malformed", OBJ_nid2sn(nid));
}

/* A CA is made only where that was asked for by who signs. */
static int
checkcaasked(struct cs_csr *csr, const struct certstore_template *t,
    struct certstore_error *err)
{
	BASIC_CONSTRAINTS *bc;
	char text[80];
	int rv;

	rv = decodeasked(csr, NID_basic_constraints, &bc, err);
	if (rv == 1 && bc->ca != 0 && !t->ca)
		rv = failcsr(csr, err,
		    "asks for a CA: use -c to sign it as one");
	if (rv == 1 && bc->pathlen != NULL &&
	    ASN1_INTEGER_get(bc->pathlen) != t->pathlen) {
		snprintf(text, sizeof(text), "pathlen=%ld",
		    ASN1_INTEGER_get(bc->pathlen));
		leavetext(csr, text);
	}
	BASIC_CONSTRAINTS_free(bc);
	return rv == -1 ? -1 : 0;
}

static int
adoptsan(struct certstore_template *t, struct cs_csr *csr,
    const GENERAL_NAME *gn, struct certstore_error *err)
{
	struct certstore_error why;
	enum cs_san_type type;
	struct cs_buf typed = { NULL, 0, 0 };
	char *text = NULL, *value = NULL, ip[INET6_ADDRSTRLEN];
	const void *raw;
	int kind, rv = -1;

	raw = GENERAL_NAME_get0_value(gn, &kind);
	type = cs_asn1_santype(kind);
	if (type == CS_SAN_OTHER) {
		if (kind == GEN_OTHERNAME)
			leaveobject(csr, "the name of type ",
			    ((const OTHERNAME *)raw)->type_id);
		else
			leavetext(csr,
			    kind == GEN_DIRNAME ? "the directory name" :
						  "a name of another type");
		return 0;
	}
	if (type == CS_SAN_IP ? !cs_asn1_ip(raw, ip) :
				memchr(ASN1_STRING_get0_data(raw), '\0',
				    (size_t)ASN1_STRING_length(raw)) != NULL)
		return failcsr(csr, err, "asks for a name that is malformed");
	text = type == CS_SAN_IP ? strdup(ip) : cs_asn1_text(raw);
	if (text == NULL)
		return cs_fail_nomem(err);
	if (cs_buf_printf(&typed, "%s:%s", cs_san_names[type], text) == -1)
		cs_fail_nomem(err);
	else if (cs_name_san(typed.p, &type, &value, &why) == -1 &&
	    cs_error_isnomem(&why))
		cs_fail_nomem(err);
	else if (value == NULL)
		failcsr(csr, err, "asks for a name that is refused: %s",
		    why.msg);
	else if (cs_template_addsan(t, type, value) == -1)
		cs_fail_nomem(err);
	else
		rv = 0;
	cs_buf_free(&typed);
	free(value);
	free(text);
	return rv;
}

/* The names, unless the template has some. */
static int
adoptnames(struct certstore_template *t, struct cs_csr *csr,
    struct certstore_error *err)
{
	GENERAL_NAMES *names;
	const char *why;
	int calls, i, rv;

	calls = cs_tnauth_isin(csr->exts) && (t->ca || cs_calls_signs(t));
	if (t->nsan > 0 || cs_calls_has(t))
		return 0;
	if (calls && cs_tnauth_read(csr->exts, &t->calls, &why) != 1)
		return why == NULL ?
		    cs_fail_nomem(err) :
		    failcsr(csr, err, "its TNAuthList is malformed: %s", why);
	rv = decodeasked(csr, NID_subject_alt_name, &names, err);
	if (rv == 1 && cs_calls_signs(t)) {
		leavetext(csr, "subjectAltName");
		rv = 0;
	}
	if (rv == 1 && sk_GENERAL_NAME_num(names) > NAMES_MAX)
		rv = failcsr(csr, err, "asks for more than %d names",
		    NAMES_MAX);
	for (i = 0; rv == 1 && i < sk_GENERAL_NAME_num(names); i++)
		if (adoptsan(t, csr, sk_GENERAL_NAME_value(names, i), err) ==
		    -1)
			rv = -1;
	GENERAL_NAMES_free(names);
	return rv == -1 ? -1 : 0;
}

/*
 * The attributes of the subject, but of kinds that are given.  Without a CN it
 * stays so, unless it is that of what signs calls.
 */
static int
adoptsubject(struct certstore_template *t,
    const struct certstore_template *asked, struct cs_csr *csr,
    struct certstore_error *err)
{
	const X509_NAME *name = X509_REQ_get_subject_name(csr->req);
	const X509_NAME_ENTRY *ne;
	struct certstore_error why;
	const ASN1_OBJECT *obj;
	int cn = 0, i, rv;
	size_t k;

	for (i = 0; i < X509_NAME_entry_count(name); i++) {
		ne = X509_NAME_get_entry(name, i);
		obj = X509_NAME_ENTRY_get_object(ne);
		cn |= OBJ_obj2nid(obj) == NID_commonName;
		if ((rv = cs_subject_take(t, asked, ne, &why)) == 0)
			leaveobject(csr, "", obj);
		else if (rv == -1 && cs_error_isnomem(&why))
			return cs_fail_nomem(err);
		else if (rv == -1)
			return failcsr(csr, err,
			    "asks for a subject that is refused: %s: use -S "
			    "%s= to omit it",
			    why.msg, OBJ_nid2sn(OBJ_obj2nid(obj)));
	}
	if (cs_subject_inherit(t, asked) == -1)
		return cs_fail_nomem(err);
	for (k = 0; k < asked->nsubject; k++)
		cn |= strcmp(asked->subject[k].attr, "CN") == 0;
	return cn || (cs_calls_signs(t) && t->calls.spc.n > 0) ?
	    0 :
	    cs_subject_add(t, "CN=", err);
}

/* A TLS peer has to take the key; what signs calls needs another one. */
static int
checkkeyuse(const struct cs_csr *csr, const struct certstore_template *t,
    struct certstore_error *err)
{
	const char *flaw;
	char name[80];

	if ((flaw = cs_template_flaw(t)) != NULL)
		return failcsr(csr, err, "%s", flaw);
	if (t->ca || cs_calls_signs(t) || strcmp(t->profile, "mail") == 0 ||
	    (t->profile[0] == '\0' && t->extra.purposes != NULL) ||
	    cs_strength_istls(csr->pkey))
		return 0;
	cs_key_name(csr->pkey, name, sizeof(name));
	return failcsr(csr, err,
	    "TLS servers and clients refuse its key (%s) by default (RFC 8446 "
	    "section 4.2.3): make another request with a key of type p256 or "
	    "rsa:2048",
	    name);
}

/*
 * Makes a template of the one that is given, with what the request asks for and
 * the other has not: names, and attributes of the subject.  It is a shallow copy,
 * for cs_csr_drop().
 */
int
cs_csr_apply(struct certstore_template *t,
    const struct certstore_template *asked, struct cs_csr *csr,
    struct certstore_error *err)
{
	*t = *asked;
	t->subject = NULL;
	t->nsubject = t->subjectsize = 0;
	t->pkey = csr->pkey;
	if (checkcaasked(csr, t, err) == -1 || adoptnames(t, csr, err) == -1 ||
	    adoptsubject(t, asked, csr, err) == -1)
		return -1;
	return checkkeyuse(csr, t, err);
}

void
cs_csr_drop(struct certstore_template *t,
    const struct certstore_template *asked)
{
	size_t i;

	for (i = 0; i < t->nsubject; i++)
		free(t->subject[i].value);
	free(t->subject);
	if (t->san != asked->san) {
		for (i = 0; i < t->nsan; i++)
			free(t->san[i].value);
		free(t->san);
	}
	if (!cs_calls_has(asked))
		cs_tnauth_free(&t->calls);
}

/* Key usages that are asked for and not there. */
static void
leavekeyusage(struct cs_csr *csr, X509_EXTENSION *ext, X509 *x509)
{
	static const char *const names[] = { "digitalSignature",
		"nonRepudiation", "keyEncipherment", "dataEncipherment",
		"keyAgreement", "keyCertSign", "cRLSign", "encipherOnly",
		"decipherOnly" };
	ASN1_BIT_STRING *has, *wants;
	char text[40];
	int i;

	wants = X509V3_EXT_d2i(ext);
	has = X509_get_ext_d2i(x509, NID_key_usage, NULL, NULL);
	for (i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
		snprintf(text, sizeof(text), "keyUsage %s", names[i]);
		if (wants != NULL && ASN1_BIT_STRING_get_bit(wants, i) &&
		    (has == NULL || !ASN1_BIT_STRING_get_bit(has, i)))
			leavetext(csr, text);
	}
	ASN1_BIT_STRING_free(wants);
	ASN1_BIT_STRING_free(has);
}

static void
leavepurposes(struct cs_csr *csr, X509_EXTENSION *ext, X509 *x509)
{
	EXTENDED_KEY_USAGE *has, *wants;
	const ASN1_OBJECT *obj;
	int i, j;

	wants = X509V3_EXT_d2i(ext);
	has = X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
	for (i = 0; i < sk_ASN1_OBJECT_num(wants); i++) {
		obj = sk_ASN1_OBJECT_value(wants, i);
		for (j = 0; j < sk_ASN1_OBJECT_num(has); j++)
			if (OBJ_cmp(sk_ASN1_OBJECT_value(has, j), obj) == 0)
				break;
		if (j >= sk_ASN1_OBJECT_num(has))
			leaveobject(csr, "extendedKeyUsage ", obj);
	}
	EXTENDED_KEY_USAGE_free(wants);
	EXTENDED_KEY_USAGE_free(has);
}

/* Has the certificate an extension with the same value? */
static int
hassameext(X509 *x509, X509_EXTENSION *ext)
{
	int at;

	at = X509_get_ext_by_OBJ(x509, X509_EXTENSION_get_object(ext), -1);
	return at >= 0 &&
	    ASN1_STRING_cmp(X509_EXTENSION_get_data(ext),
		X509_EXTENSION_get_data(X509_get_ext(x509, at))) == 0;
}

/* Adds which extensions the certificate does not have as they were asked for.
 * Names and basic constraints were looked at before. */
void
cs_csr_compare(struct cs_csr *csr, X509 *x509)
{
	X509_EXTENSION *ext;
	int i;

	for (i = 0; i < sk_X509_EXTENSION_num(csr->exts); i++) {
		ext = sk_X509_EXTENSION_value(csr->exts, i);
		if (hassameext(x509, ext))
			continue;
		switch (OBJ_obj2nid(X509_EXTENSION_get_object(ext))) {
		case NID_subject_alt_name:
		case NID_basic_constraints:
			break;
		case NID_key_usage:
			leavekeyusage(csr, ext, x509);
			break;
		case NID_ext_key_usage:
			leavepurposes(csr, ext, x509);
			break;
		default:
			leaveobject(csr, "", X509_EXTENSION_get_object(ext));
		}
	}
	ERR_clear_error();
}
