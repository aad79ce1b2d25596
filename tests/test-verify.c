/*
 * test-verify.c: the rules of verification, for any purpose, for servers, and
 * for the public web.  A root, an intermediate and an end-entity are good; each
 * row of the tables makes one of them bad.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "x509/private.h"
#include "made.h"

#define WHEN 1780000000 /* 2026-05-28 */
#define HOST "www.example.com"
#define EXTS_MAX 12

enum who { ROOT, CA, LEAF, NWHO };

struct row {
	const char *what;
	enum who who;
	const char *exts[6]; /* name, value, ...; "" takes the extension out */
	void (*spoil)(X509 *);
	const char *any, *server, *webpki; /* codes; ~ before warnings */
};

/*
 * OpenSSL 3.0 loses the policyConstraints of a certificate without policies
 * when it caches them; the sanitizer sees no more of the stack than this.
 */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:CRYPTO_zalloc\nleak:ASN1_STRING_set\n";
}

static EVP_PKEY *keys[NWHO];
static const char *const subjects[NWHO] = { "Root", "CA", HOST };

static const char *const usual[NWHO][EXTS_MAX] = {
	[ROOT] = { "basicConstraints", "critical,CA:TRUE", "keyUsage",
	    "critical,keyCertSign,cRLSign", "subjectKeyIdentifier", "hash",
	    NULL },
	[CA] = { "basicConstraints", "critical,CA:TRUE,pathlen:0", "keyUsage",
	    "critical,keyCertSign,cRLSign", "subjectKeyIdentifier", "hash",
	    "authorityKeyIdentifier", "keyid", NULL },
	[LEAF] = { "keyUsage", "critical,digitalSignature", "extendedKeyUsage",
	    "serverAuth", "subjectKeyIdentifier", "hash",
	    "authorityKeyIdentifier", "keyid", "subjectAltName", "DNS:" HOST,
	    NULL },
};

static const char *
instead(const struct row *row, const char *name)
{
	size_t i;

	for (i = 0; row->exts[i] != NULL; i += 2)
		if (strcmp(row->exts[i], name) == 0)
			return row->exts[i + 1];
	return NULL;
}

/* The usual extensions, those of the row in their place or behind them. */
static X509 *
mk(const struct row *row, enum who who, X509 *issuer)
{
	const char *exts[EXTS_MAX + 8], *value;
	size_t i, j, n = 0;

	for (i = 0; usual[who][i] != NULL; i += 2) {
		value = who == row->who ? instead(row, usual[who][i]) : NULL;
		if (value != NULL && *value == '\0')
			continue;
		exts[n++] = usual[who][i];
		exts[n++] = value != NULL ? value : usual[who][i + 1];
	}
	for (i = 0; who == row->who && row->exts[i] != NULL; i += 2) {
		for (j = 0; j < n; j += 2)
			if (strcmp(exts[j], row->exts[i]) == 0)
				break;
		if (j < n || *row->exts[i + 1] == '\0')
			continue;
		exts[n++] = row->exts[i];
		exts[n++] = row->exts[i + 1];
	}
	exts[n] = NULL;
	return mkcert(keys[who], subjects[who], issuer, exts);
}

static void
sign(X509 *x509, enum who issuer)
{
	if (X509_sign(x509, keys[issuer],
		EVP_PKEY_is_a(keys[issuer], "ED25519") ? NULL : EVP_sha256()) <=
	    0)
		bail("a certificate cannot be signed");
}

static void
pem(struct cs_buf *buf, X509 *x509)
{
	struct certstore_error err;

	if (cs_cert_encode(buf, x509, &err) == -1)
		bail("%s", err.msg);
}

struct world {
	struct cs_buf anchors, chain;
	int other; /* this libcrypto makes or reads no such certificate */
};

static void
mkworld(struct world *w, const struct row *row)
{
	X509 *x[NWHO];
	long version;

	memset(w, 0, sizeof(*w));
	x[ROOT] = mk(row, ROOT, NULL);
	x[CA] = mk(row, CA, x[ROOT]);
	x[LEAF] = mk(row, LEAF, x[CA]);
	/* What it spoils in an issuer is not the other's fault. */
	if (row->spoil != NULL)
		row->spoil(x[row->who]);
	X509_set_issuer_name(x[LEAF], X509_get_subject_name(x[CA]));
	version = X509_get_version(x[LEAF]);
	sign(x[ROOT], ROOT);
	sign(x[CA], ROOT);
	sign(x[LEAF], CA);
	w->other = X509_get_version(x[LEAF]) != version ||
	    ASN1_TIME_check(X509_get0_notAfter(x[LEAF])) != 1;
	pem(&w->anchors, x[ROOT]);
	pem(&w->chain, x[LEAF]);
	pem(&w->chain, x[CA]);
	X509_free(x[ROOT]);
	X509_free(x[CA]);
	X509_free(x[LEAF]);
}

static void
freeworld(struct world *w)
{
	cs_buf_free(&w->anchors);
	cs_buf_free(&w->chain);
}

static int
issuffix(void *arg, const char *domain)
{
	return strcmp(domain, arg) == 0;
}

/* The codes, errors first. */
static const char *
codes(const struct certstore_verify *v)
{
	static char buf[512];
	const struct certstore_reason *r;
	size_t i;

	buf[0] = '\0';
	for (i = 0; certstore_verify_reason(v, i, &r) == 1; i++)
		snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf), "%s%s%s",
		    i > 0 ? " " : "", r->warning ? "~" : "", r->code);
	return buf;
}

static void
judge(const struct row *row, const struct world *w, const char *profile,
    const char *want)
{
	static char suffix[] = "co.example";
	struct certstore_verify *v;
	struct certstore_error err;
	int good, rv;

	if ((v = certstore_verify_new(NULL, &err)) == NULL)
		bail("%s", err.msg);
	certstore_verify_set_time(v, WHEN, &err);
	certstore_verify_set_suffix(v, issuffix, suffix, &err);
	if (certstore_verify_set_profile(v, profile, &err) == -1 ||
	    certstore_verify_add_anchors(v, "anchors", w->anchors.p,
		w->anchors.len, &err) == -1)
		bail("%s", err.msg);
	rv = certstore_verify_certs(v, "chain", w->chain.p, w->chain.len, NULL,
	    &err);
	good = *want == '\0' || *want == '~';
	is_int(rv, good, "%s, %s: %s", row->what, profile,
	    good ? "good" : "bad");
	is_str(codes(v), want, "%s, %s: why", row->what, profile);
	is_str(certstore_verify_profile(v), profile, "%s is what was judged",
	    profile);
	ok(ERR_peek_error() == 0, "the queue of libcrypto is empty");
	certstore_verify_free(v);
}

/* A SAN with HOST and mail whose length is given. */
#define SAN_MAIL(len) \
	"30:1a:82:0f:77:77:77:2e:65:78:61:6d:70:6c:65:2e:63:6f:6d:81:" len

static void
serialzero(X509 *x509)
{
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 0);
}

static void
serialnegative(X509 *x509)
{
	ASN1_INTEGER_set(X509_get_serialNumber(x509), -5);
}

static void
setserial(X509 *x509, int bytes)
{
	BIGNUM *bn = BN_new();

	BN_one(bn);
	BN_lshift(bn, bn, 8 * bytes - 2);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x509));
	BN_free(bn);
}

static void
serial20(X509 *x509)
{
	setserial(x509, 20);
}

static void
serial21(X509 *x509)
{
	setserial(x509, 21);
}

static void
expired(X509 *x509)
{
	ASN1_TIME_set(X509_getm_notAfter(x509), WHEN - 1);
}

static void
endsnow(X509 *x509)
{
	ASN1_TIME_set(X509_getm_notAfter(x509), WHEN);
}

static void
startsnow(X509 *x509)
{
	ASN1_TIME_set(X509_getm_notBefore(x509), WHEN);
	ASN1_TIME_set(X509_getm_notAfter(x509), WHEN + 100 * 86400);
}

static void
future(X509 *x509)
{
	ASN1_TIME_set(X509_getm_notBefore(x509), WHEN + 1);
	ASN1_TIME_set(X509_getm_notAfter(x509), WHEN + 100 * 86400);
}

static void
generalized(X509 *x509)
{
	ASN1_TIME_set_string(X509_getm_notAfter(x509), "20270101000000Z");
}

static void
noseconds(X509 *x509)
{
	/* ASN1_TIME_set_string() of OpenSSL 3.5 refuses it */
	ASN1_STRING_set(X509_getm_notAfter(x509), "2701010000Z", -1);
}

static void
fraction(X509 *x509)
{
	ASN1_TIME_set_string(X509_getm_notAfter(x509), "20500101000000.5Z");
}

static void
offset(X509 *x509)
{
	ASN1_TIME_set_string(X509_getm_notBefore(x509), "200101000000-0500");
}

static void
longlife(X509 *x509)
{
	ASN1_TIME_set_string(X509_getm_notAfter(x509), "280101000000Z");
}

static void
nosubject(X509 *x509)
{
	X509_NAME *name = X509_NAME_new();

	X509_set_subject_name(x509, name);
	X509_NAME_free(name);
}

static void
othercn(X509 *x509)
{
	X509_NAME *name = X509_NAME_new();

	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)"other.example.com", -1, -1, 0);
	X509_set_subject_name(x509, name);
	X509_NAME_free(name);
}

static void
version1(X509 *x509)
{
	while (X509_get_ext_count(x509) > 0)
		X509_EXTENSION_free(X509_delete_ext(x509, 0));
	X509_set_version(x509, X509_VERSION_1);
}

static void
version2(X509 *x509)
{
	X509_set_version(x509, X509_VERSION_2);
}

static void
twice(X509 *x509)
{
	addext(x509, x509, "1.2.3.4", "DER:05:00");
	addext(x509, x509, "1.2.3.4", "DER:05:00");
}

static void
usekey(X509 *x509, const char *type)
{
	struct certstore_error err;
	EVP_PKEY *pkey;

	if ((pkey = cs_key_generate(NULL, type, &err)) == NULL)
		bail("%s", err.msg);
	X509_set_pubkey(x509, pkey);
	EVP_PKEY_free(pkey);
}

static void
ed25519(X509 *x509)
{
	usekey(x509, "ed25519");
}

static void
setcurve(X509 *x509, const char *curve)
{
	EVP_PKEY *pkey = EVP_EC_gen(curve);

	if (pkey == NULL)
		bail("%s: no such curve", curve);
	X509_set_pubkey(x509, pkey);
	EVP_PKEY_free(pkey);
}

static void
brainpool(X509 *x509)
{
	setcurve(x509, "brainpoolP384r1");
}

static void
koblitz(X509 *x509)
{
	setcurve(x509, "secp256k1");
}

static void
p224(X509 *x509)
{
	setcurve(x509, "secp224r1");
}

static void
setrsa(X509 *x509, unsigned int bits)
{
	EVP_PKEY *pkey = EVP_RSA_gen(bits);

	X509_set_pubkey(x509, pkey);
	EVP_PKEY_free(pkey);
}

static void
rsa1024(X509 *x509)
{
	setrsa(x509, 1024);
}

static void
rsa2052(X509 *x509)
{
	setrsa(x509, 2052);
}

/* An RSA key with this exponent, which need not be one. */
static void
setexponent(X509 *x509, unsigned long e)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048), *other = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM params[3];
	unsigned char number[256];
	BIGNUM *n = NULL;

	EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n);
	BN_bn2nativepad(n, number, sizeof(number));
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, number,
	    sizeof(number));
	params[1] = OSSL_PARAM_construct_ulong(OSSL_PKEY_PARAM_RSA_E, &e);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &other, EVP_PKEY_PUBLIC_KEY, params) != 1 ||
	    X509_set_pubkey(x509, other) != 1)
		bail("an RSA key with exponent %lu", e);
	BN_free(n);
	EVP_PKEY_free(other);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
}

static void
exponent1(X509 *x509)
{
	setexponent(x509, 1);
}

static void
exponent4(X509 *x509)
{
	setexponent(x509, 4);
}

static void
endsbefore(X509 *x509)
{
	ASN1_TIME_set(X509_getm_notBefore(x509), WHEN - 100);
	ASN1_TIME_set(X509_getm_notAfter(x509), WHEN - 200);
}

static void
before1950(X509 *x509)
{
	ASN1_TIME_set_string(X509_getm_notBefore(x509), "19400101000000Z");
}

/* More extensions than anybody needs. */
static void
extensions(X509 *x509)
{
	char oid[32];
	int i;

	for (i = 0; i <= 200; i++) {
		snprintf(oid, sizeof(oid), "1.2.3.4.%d", i);
		addext(x509, x509, oid, "DER:05:00");
	}
}

/* A CN that is no text. */
static void
brokencn(X509 *x509)
{
	X509_NAME *name = X509_NAME_new();

	X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_BIT_STRING,
	    (const unsigned char *)"abc", 3, -1, 0);
	X509_set_subject_name(x509, name);
	X509_NAME_free(name);
}

static const struct row rows[] = {
	{ "nothing spoilt", LEAF, { NULL }, NULL, "", "", "" },

	/* times: both ends are inside */
	{ "ended a second ago", LEAF, { NULL }, expired, "expired", "expired",
	    "expired" },
	{ "ends now", LEAF, { NULL }, endsnow, "", "", "" },
	{ "starts now", LEAF, { NULL }, startsnow, "", "", "" },
	{ "starts in a second", LEAF, { NULL }, future, "not-yet-valid",
	    "not-yet-valid", "not-yet-valid" },
	{ "ends at a minute", LEAF, { NULL }, noseconds, "time-bad", "time-bad",
	    "time-bad" },
	{ "ends between seconds", CA, { NULL }, fraction, "time-bad",
	    "time-bad", "time-bad" },
	{ "started in another zone", ROOT, { NULL }, offset, "time-bad",
	    "time-bad", "time-bad" },
	{ "a CA that ended", CA, { NULL }, expired, "expired", "expired",
	    "expired" },
	{ "a root that ended", ROOT, { NULL }, expired, "expired", "expired",
	    "expired" },
	{ "GeneralizedTime before 2050", LEAF, { NULL }, generalized, "",
	    "~time-form", "time-form" },
	{ "ends before it starts", LEAF, { NULL }, endsbefore,
	    "time-order expired", "time-order expired", "time-order expired" },
	{ "starts before 1950", LEAF, { NULL }, before1950, "", "", "" },
	{ "two years", LEAF, { NULL }, longlife, "", "", "life" },

	/* numbers and versions */
	{ "serial 0", LEAF, { NULL }, serialzero, "~serial", "serial",
	    "serial" },
	{ "serial -5", LEAF, { NULL }, serialnegative, "~serial", "serial",
	    "serial" },
	{ "serial of 20 octets", LEAF, { NULL }, serial20, "", "", "" },
	{ "serial of 21 octets", LEAF, { NULL }, serial21, "~serial", "serial",
	    "serial" },
	{ "an anchor with serial 0", ROOT, { NULL }, serialzero, "", "", "" },
	{ "version 2", LEAF, { NULL }, version2, "~extensions-version",
	    "extensions-version ~version", "extensions-version version" },
	{ "a root of version 1", ROOT, { NULL }, version1, "~v1-anchor",
	    "~v1-anchor", "v1-anchor" },
	{ "a CA of version 1", CA, { NULL }, version1, "not-ca",
	    "not-ca ~version", "not-ca version" },

	/* extensions */
	{ "one twice", LEAF, { NULL }, twice, "duplicate", "duplicate",
	    "duplicate" },
	{ "unknown, critical", LEAF, { "1.2.3.4", "critical,DER:05:00", NULL },
	    NULL, "unknown-critical", "unknown-critical", "unknown-critical" },
	{ "unknown", LEAF, { "1.2.3.4", "DER:05:00", NULL }, NULL, "", "", "" },
	{ "SAN that is none", LEAF, { "subjectAltName", "DER:05:00", NULL },
	    NULL, "malformed", "malformed", "malformed" },
	{ "AIA without anything", LEAF,
	    { "authorityInfoAccess", "DER:30:00", NULL }, NULL, "malformed",
	    "malformed", "malformed" },

	{ "two hundred", LEAF, { NULL }, extensions, "malformed", "malformed",
	    "malformed" },

	/* key identifiers */
	{ "AKI with the issuer's serial number", LEAF,
	    { "authorityKeyIdentifier", "keyid,issuer:always", NULL }, NULL, "",
	    "", "aki-issuer" },
	{ "no AKI", LEAF, { "authorityKeyIdentifier", "", NULL }, NULL,
	    "~aki-missing", "aki-missing", "aki-missing" },
	{ "AKI of another key", LEAF,
	    { "authorityKeyIdentifier", "DER:30:04:80:02:01:02", NULL }, NULL,
	    "aki-mismatch", "aki-mismatch", "aki-mismatch" },
	{ "a root's AKI of another key", ROOT,
	    { "authorityKeyIdentifier", "DER:30:04:80:02:01:02", NULL }, NULL,
	    "", "", "aki-root" },
#if OPENSSL_VERSION_MAJOR < 4 /* which adds no empty AKI */
	{ "a root's AKI without key", ROOT,
	    { "authorityKeyIdentifier", "DER:30:00", NULL }, NULL, "", "",
	    "aki-keyid" },
#endif

	/* CAs */
	{ "basic constraints not critical", CA,
	    { "basicConstraints", "CA:TRUE", NULL }, NULL, "~ca-not-critical",
	    "ca-not-critical", "ca-not-critical" },
	{ "a CA that is none", CA, { "basicConstraints", "CA:FALSE", NULL },
	    NULL, "not-ca ~non-ca-cert-sign", "not-ca non-ca-cert-sign",
	    "not-ca non-ca-cert-sign" },
	{ "a CA without basic constraints", CA,
	    { "basicConstraints", "", NULL }, NULL, "not-ca ~non-ca-cert-sign",
	    "not-ca non-ca-cert-sign", "not-ca non-ca-cert-sign" },
	{ "a CA without key usage", CA,
	    { "keyUsage", "", "basicConstraints", "critical,CA:TRUE", NULL },
	    NULL, "", "~ca-usage-missing", "ca-usage-missing" },
	{ "a CA that may not sign", CA,
	    { "keyUsage", "critical,cRLSign", "basicConstraints",
		"critical,CA:TRUE", NULL },
	    NULL, "cert-sign", "cert-sign", "cert-sign" },
	{ "a CA with subject only in its SAN", CA, { NULL }, nosubject,
	    "~issuer-empty ~subject-empty", "issuer-empty subject-empty",
	    "issuer-empty subject-empty" },
	{ "a CA as end-entity", LEAF,
	    { "basicConstraints", "critical,CA:TRUE", "keyUsage",
		"critical,keyCertSign,digitalSignature", NULL },
	    NULL, "", "~ca-leaf", "ca-leaf" },
	{ "an end-entity that may sign", LEAF,
	    { "keyUsage", "critical,keyCertSign,digitalSignature", NULL }, NULL,
	    "~non-ca-cert-sign", "non-ca-cert-sign", "non-ca-cert-sign" },
	{ "policy constraints not critical", CA,
	    { "policyConstraints", "inhibitPolicyMapping:0", NULL }, NULL,
	    "~policy-not-critical", "policy-not-critical",
	    "policy-not-critical" },
	{ "policy constraints that say nothing", CA,
	    { "policyConstraints", "critical,DER:30:00", NULL }, NULL,
	    "policy-bad ~policy-empty", "policy-empty policy-bad",
	    "policy-empty policy-bad" },
	{ "a policy required, and none there", CA,
	    { "policyConstraints", "critical,requireExplicitPolicy:0", NULL },
	    NULL, "policy", "policy", "policy" },

	{ "an anchor that requires a policy", ROOT,
	    { "policyConstraints", "critical,requireExplicitPolicy:0", NULL },
	    NULL, "policy", "policy", "policy" },
	{ "an anchor that requires one from the third on", ROOT,
	    { "policyConstraints", "critical,requireExplicitPolicy:2", NULL },
	    NULL, "policy", "policy", "policy" },
	{ "an anchor that requires one below the path", ROOT,
	    { "policyConstraints", "critical,requireExplicitPolicy:3", NULL },
	    NULL, "", "", "" },
	{ "an anchor that inhibits, and requires nothing", ROOT,
	    { "policyConstraints", "critical,inhibitPolicyMapping:0",
		"inhibitAnyPolicy", "critical,0", NULL },
	    NULL, "", "", "" },
	/* 1.2.3.4 with the qualifiers cps, 1.2.3.5 */
	{ "a qualifier that is known", LEAF,
	    { "certificatePolicies",
		"critical,DER:30:1a:30:18:06:03:2a:03:04:30:11:30:0f:06:08:2b:"
		"06:01:05:05:07:02:01:16:03:61:62:63",
		NULL },
	    NULL, "", "", "" },
	{ "a qualifier that is not known", LEAF,
	    { "certificatePolicies",
		"critical,DER:30:12:30:10:06:03:2a:03:04:30:09:30:07:06:03:2a:"
		"03:05:05:00",
		NULL },
	    NULL, "policy-qualifier", "policy-qualifier", "policy-qualifier" },
	{ "the same, not critical", LEAF,
	    { "certificatePolicies",
		"DER:30:12:30:10:06:03:2a:03:04:30:09:30:07:06:03:2a:03:05:05:00",
		NULL },
	    NULL, "", "", "" },
	{ "the same in a CA", CA,
	    { "certificatePolicies",
		"critical,DER:30:12:30:10:06:03:2a:03:04:30:09:30:07:06:03:2a:"
		"03:05:05:00",
		NULL },
	    NULL, "policy-qualifier", "policy-qualifier", "policy-qualifier" },
	{ "the same in an anchor", ROOT,
	    { "certificatePolicies",
		"critical,DER:30:12:30:10:06:03:2a:03:04:30:09:30:07:06:03:2a:"
		"03:05:05:00",
		NULL },
	    NULL, "policy-qualifier", "policy-qualifier", "policy-qualifier" },

	/* what it may be used for */
	{ "for clients", LEAF, { "extendedKeyUsage", "clientAuth", NULL }, NULL,
	    "", "purpose", "purpose" },
	{ "for any purpose", LEAF,
	    { "extendedKeyUsage", "anyExtendedKeyUsage", NULL }, NULL, "",
	    "~eku-any", "eku-any" },
	{ "for no purpose", LEAF, { "extendedKeyUsage", "DER:30:00", NULL },
	    NULL, "~eku-empty", "eku-empty purpose", "eku-empty purpose" },
	{ "without purpose", LEAF, { "extendedKeyUsage", "", NULL }, NULL, "",
	    "", "eku-missing" },
	{ "with a critical purpose", LEAF,
	    { "extendedKeyUsage", "critical,serverAuth", NULL }, NULL, "", "",
	    "eku-critical" },
	{ "for mail, too", LEAF,
	    { "extendedKeyUsage", "serverAuth,emailProtection", NULL }, NULL,
	    "", "", "eku-other" },
	{ "a CA for mail", CA, { "extendedKeyUsage", "emailProtection", NULL },
	    NULL, "", "purpose-ca", "purpose-ca" },
	{ "a root with purpose", ROOT,
	    { "extendedKeyUsage", "serverAuth", NULL }, NULL, "", "",
	    "eku-root" },
	{ "a usage that no server can do with", LEAF,
	    { "keyUsage", "critical,cRLSign", NULL }, NULL, "", "usage",
	    "usage" },

	/* names */
	{ "no SAN", LEAF, { "subjectAltName", "", NULL }, NULL, "",
	    "~san-missing ~cn", "san-missing cn" },
	{ "critical SAN", LEAF,
	    { "subjectAltName", "critical,DNS:" HOST, NULL }, NULL, "", "",
	    "san-critical" },
	{ "no subject, SAN not critical", LEAF, { NULL }, nosubject,
	    "~san-not-critical", "san-not-critical", "san-not-critical" },
	{ "no subject, SAN critical", LEAF,
	    { "subjectAltName", "critical,DNS:" HOST, NULL }, nosubject, "", "",
	    "" },
	{ "another name as CN", LEAF, { NULL }, othercn, "", "~cn", "cn" },
	{ "an underscore", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:a_b.example.com", NULL },
	    NULL, "~san-dns", "san-dns", "san-dns" },
	{ "an empty label", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:a..example.com", NULL }, NULL,
	    "~san-dns", "san-dns", "san-dns" },
	{ "a leading dot", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:.example.com", NULL }, NULL,
	    "~san-dns", "san-dns", "san-dns" },
	{ "an address as DNS name", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:192.0.2.1", NULL }, NULL,
	    "~san-dns", "san-dns", "san-dns" },
	{ "half a wildcard", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:f*.example.com", NULL }, NULL,
	    "~san-dns", "san-dns", "san-dns" },
	{ "a wildcard", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:*.example.com", NULL }, NULL,
	    "", "", "" },
	{ "a wildcard for a public suffix", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:*.co.example", NULL }, NULL,
	    "", "~san-suffix", "san-suffix" },
	{ "a wildcard for a top level", LEAF,
	    { "subjectAltName", "DNS:" HOST ",DNS:*.lan", NULL }, NULL, "", "",
	    "san-suffix" },
	{ "an address of five octets", LEAF,
	    { "subjectAltName", "DER:30:07:87:05:01:02:03:04:05", NULL }, NULL,
	    "~san-ip", "san-ip ~cn", "san-ip cn" },
	{ "mail", LEAF,
	    { "subjectAltName", "DNS:" HOST ",email:a@b@c.d", NULL }, NULL,
	    "~san-email", "san-email", "san-email san-type" },
	{ "mail without @", LEAF,
	    { "subjectAltName", "DNS:" HOST ",email:abc", NULL }, NULL,
	    "~san-email", "san-email", "san-email san-type" },
	{ "mail with a control character", LEAF,
	    { "subjectAltName", "DER:" SAN_MAIL("07") ":61:01:40:62:2e:63:64",
		NULL },
	    NULL, "~san-email", "san-email", "san-email san-type" },
	{ "mail to an address", LEAF,
	    { "subjectAltName", "DNS:" HOST ",email:a@[192.0.2.1]", NULL },
	    NULL, "", "", "san-type" },
	{ "mail to half an address", LEAF,
	    { "subjectAltName", "DNS:" HOST ",email:a@[192.0.2.1", NULL }, NULL,
	    "~san-email", "san-email", "san-email san-type" },
	{ "a quoted mailbox", LEAF,
	    { "subjectAltName", "DNS:" HOST ",email:\"a\"@example.com", NULL },
	    NULL, "", "", "san-type" },
	{ "half a quoted mailbox", LEAF,
	    { "subjectAltName", "DNS:" HOST ",email:\"a@example.com", NULL },
	    NULL, "~san-email", "san-email", "san-email san-type" },
	{ "a CN that is no text", LEAF, { NULL }, brokencn, "", "", "" },
	{ "no URI", LEAF, { "subjectAltName", "DNS:" HOST ",URI:/path", NULL },
	    NULL, "~san-uri", "san-uri", "san-uri san-type" },

	/* name constraints */
	{ "permitted", CA,
	    { "nameConstraints", "critical,permitted;DNS:example.com", NULL },
	    NULL, "", "", "" },
	{ "not permitted", CA,
	    { "nameConstraints", "critical,permitted;DNS:example.org", NULL },
	    NULL, "constrained", "constrained", "constrained" },
	{ "excluded", CA,
	    { "nameConstraints", "critical,excluded;DNS:example.com", NULL },
	    NULL, "constrained", "constrained", "constrained" },
	{ "constraints not critical", CA,
	    { "nameConstraints", "permitted;DNS:example.com", NULL }, NULL,
	    "~nc-not-critical", "nc-not-critical", "~nc-not-critical" },
	{ "constraints of an end-entity", LEAF,
	    { "nameConstraints", "critical,permitted;DNS:example.com", NULL },
	    NULL, "~nc-leaf", "nc-leaf", "nc-leaf" },
	{ "empty constraints", CA,
	    { "nameConstraints", "critical,DER:30:00", NULL }, NULL,
	    "~nc-empty", "nc-empty", "nc-empty" },
	{ "no permitted name", CA,
	    { "nameConstraints", "critical,DER:30:02:a0:00", NULL }, NULL,
	    "~nc-empty", "nc-empty", "nc-empty" },
	{ "constraints with a maximum", CA,
	    { "nameConstraints",
		"critical,DER:30:14:a0:12:30:10:82:0b:65:78:61:6d:70:6c:65:2e:"
		"63:6f:6d:81:01:05",
		NULL },
	    NULL, "nc-range nc-range", "nc-range nc-range",
	    "nc-range nc-range" },
	{ "a dot before a constraint", CA,
	    { "nameConstraints", "critical,permitted;DNS:.example.com", NULL },
	    NULL, "~nc-dns", "nc-dns", "nc-dns" },
	{ "a mask with holes", CA,
	    { "nameConstraints", "critical,excluded;IP:10.0.0.0/255.0.255.0",
		NULL },
	    NULL, "nc-ip", "nc-ip", "nc-ip" },
	{ "no mailbox as constraint", CA,
	    { "nameConstraints", "critical,excluded;email:a@b@example.com",
		NULL },
	    NULL, "~nc-email", "nc-email", "nc-email" },

	/* keys */
	{ "RSA of 1024 bits", LEAF, { NULL }, rsa1024, "~key-old", "key-weak",
	    "key-weak" },
	{ "RSA with exponent 1", LEAF, { NULL }, exponent1, "rsa-exponent",
	    "rsa-exponent", "rsa-exponent" },
	{ "RSA with exponent 4", LEAF, { NULL }, exponent4, "rsa-exponent",
	    "rsa-exponent", "rsa-exponent" },
	{ "RSA of 2052 bits", LEAF, { NULL }, rsa2052, "", "~rsa-size",
	    "rsa-size" },
	{ "Ed25519", LEAF, { NULL }, ed25519, "", "", "key-algorithm" },
	{ "Brainpool", LEAF, { NULL }, brainpool, "~key-tls", "key-tls",
	    "key-tls key-algorithm" },
	{ "secp256k1", LEAF, { NULL }, koblitz, "~key-tls", "key-tls",
	    "key-tls key-algorithm" },
	{ "P-224", LEAF, { NULL }, p224, "~key-tls", "key-tls",
	    "key-tls key-algorithm" },
};

/* What is no end-entity of TLS may have a key on any curve. */
static void
testcurves(void)
{
	static const struct {
		enum who who;
		const char *profile;
		int tls;
	} t[] = { { LEAF, "server", 0 }, { LEAF, "client", 0 },
		{ LEAF, "peer", 0 }, { LEAF, "mail", 1 }, { LEAF, "ca", 1 },
		{ LEAF, "shaken", 1 }, { CA, "server", 1 },
		{ ROOT, "server", 1 } };
	struct row row = { .what = "curves" };
	struct certstore_verify *v;
	struct certstore_error err;
	struct world w;
	EVP_PKEY *key;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		key = keys[t[i].who];
		keys[t[i].who] = EVP_EC_gen("brainpoolP256r1");
		mkworld(&w, &row);
		v = certstore_verify_new(NULL, &err);
		certstore_verify_set_time(v, WHEN, &err);
		certstore_verify_set_profile(v, t[i].profile, &err);
		certstore_verify_add_anchors(v, "anchors", w.anchors.p,
		    w.anchors.len, &err);
		certstore_verify_certs(v, "chain", w.chain.p, w.chain.len, NULL,
		    &err);
		is_int(strstr(codes(v), "key-tls") == NULL, t[i].tls,
		    "Brainpool as %s: %s", t[i].profile, codes(v));
		certstore_verify_free(v);
		freeworld(&w);
		EVP_PKEY_free(keys[t[i].who]);
		keys[t[i].who] = key;
	}
}

static void
testrows(void)
{
	struct world w;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mkworld(&w, &rows[i]);
		if (w.other) {
			skip("%s: not with this libcrypto", rows[i].what);
			freeworld(&w);
			continue;
		}
		judge(&rows[i], &w, "any", rows[i].any);
		judge(&rows[i], &w, "server", rows[i].server);
		judge(&rows[i], &w, "webpki", rows[i].webpki);
		freeworld(&w);
	}
}

/* Whom a certificate with these names is for. */
static void
testhosts(void)
{
	static const struct {
		const char *san, *host;
		int good;
	} t[] = {
		{ "DNS:www.example.com", "www.example.com", 1 },
		{ "DNS:www.example.com", "WWW.example.com.", 1 },
		{ "DNS:WWW.Example.Com", "www.example.com", 1 },
		{ "DNS:example.com", "www.example.com", 0 },
		{ "DNS:*.example.com", "www.example.com", 1 },
		{ "DNS:*.example.com", "a.www.example.com", 0 },
		{ "DNS:*.example.com", "example.com", 0 },
		{ "DNS:w*.example.com", "www.example.com", 0 },
		{ "DNS:www.*.com", "www.example.com", 0 },
		{ "DNS:192.0.2.1", "192.0.2.1", 0 },
		{ "IP:192.0.2.1", "192.0.2.1", 1 },
		{ "IP:192.0.2.2", "192.0.2.1", 0 },
		{ "IP:2001:db8::1", "[2001:DB8:0::1]", 1 },
		{ "email:www@example.com", "www.example.com", 0 },
	};
	static const char *const refused[] = { "", ".example.com",
		"*.example.com", "a..b", "1.2.3.4.5", "a b" };
	struct row row = { .what = "names", .who = LEAF };
	struct certstore_verify *v;
	struct certstore_error err;
	const struct certstore_reason *r;
	struct world w;
	size_t i;

	row.exts[0] = "subjectAltName";
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		row.exts[1] = t[i].san;
		mkworld(&w, &row);
		v = certstore_verify_new(NULL, &err);
		certstore_verify_set_time(v, WHEN, &err);
		certstore_verify_set_profile(v, "any", &err);
		certstore_verify_add_anchors(v, "anchors", w.anchors.p,
		    w.anchors.len, &err);
		is_int(certstore_verify_set_host(v, t[i].host, &err), 0,
		    "%s can be asked for", t[i].host);
		is_int(certstore_verify_certs(v, "chain", w.chain.p,
			   w.chain.len, NULL, &err),
		    t[i].good, "%s for %s", t[i].san, t[i].host);
		if (!t[i].good) {
			certstore_verify_reason(v, 0, &r);
			is_str(r->code, "host", "%s for %s: why", t[i].san,
			    t[i].host);
			is_int(r->depth, 0, "it is the first certificate");
			is_str(r->subject, "CN=" HOST, "it has a subject");
		}
		certstore_verify_free(v);
		freeworld(&w);
	}
	v = certstore_verify_new(NULL, &err);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		is_int(certstore_verify_set_host(v, refused[i], &err), -1,
		    "\"%s\" is no question", refused[i]);
	certstore_verify_free(v);
}

/* The path, and what cannot be told. */
static void
testanswers(void)
{
	static const struct row row = { .what = "good", .who = LEAF };
	const struct certstore_entry *entry;
	struct certstore_verify *v;
	struct certstore_error err;
	struct world w, other;

	mkworld(&w, &row);
	mkworld(&other, &row);
	v = certstore_verify_new(NULL, &err);
	certstore_verify_set_time(v, WHEN, &err);
	is_int(certstore_verify_certs(v, "chain", w.chain.p, w.chain.len, NULL,
		   &err),
	    -1, "nothing can be told without anchors");
	is_int(err.code, CERTSTORE_EARGUMENT, "and the error says so");
	if (certstore_verify_add_anchors(v, "anchors", w.anchors.p,
		w.anchors.len, &err) == -1)
		bail("%s", err.msg);
	is_int(certstore_verify_certs(v, "chain", "rubbish", 7, NULL, &err), -1,
	    "rubbish is neither good nor bad");
	is_int(certstore_verify_certs(v, "chain", w.chain.p, w.chain.len, NULL,
		   &err),
	    1, "with anchors it can be told");
	is_str(certstore_verify_profile(v), "server",
	    "the purpose is the certificate's");
	is_int(certstore_verify_is_anchored(v), 1, "it leads to an anchor");
	is_int(certstore_verify_path(v, 0, &entry, &err), 1, "a path");
	is_str(certstore_entry_subject(entry), "CN=" HOST, "from it");
	is_int(certstore_verify_path(v, 2, &entry, &err), 1, "of three");
	is_str(certstore_entry_subject(entry), "CN=Root", "to the root");
	is_int(certstore_verify_path(v, 3, &entry, &err), 0, "and no more");
	/* The anchor alone, judged as what it is. */
	is_int(certstore_verify_certs(v, "root", w.anchors.p, w.anchors.len,
		   NULL, &err),
	    1, "an anchor is good");
	is_str(certstore_verify_profile(v), "ca", "as a CA");
	is_int(certstore_verify_path(v, 1, &entry, &err), 0,
	    "its path is itself");
	/* Another hierarchy with the same names. */
	certstore_verify_free(v);
	v = certstore_verify_new(NULL, &err);
	certstore_verify_set_time(v, WHEN, &err);
	EVP_PKEY_free(keys[ROOT]);
	keys[ROOT] = cs_key_generate(NULL, "p256", &err);
	freeworld(&other);
	mkworld(&other, &row);
	certstore_verify_add_anchors(v, "anchors", other.anchors.p,
	    other.anchors.len, &err);
	is_int(certstore_verify_certs(v, "chain", w.chain.p, w.chain.len, NULL,
		   &err),
	    0, "the name of an anchor is not enough");
	is_str(codes(v), "signature aki-mismatch", "and why");
	certstore_verify_free(v);
	freeworld(&w);
	freeworld(&other);
}

static void
ask(struct certstore_verify *v, const struct world *w, int good,
    const char *why, const char *what)
{
	struct certstore_error err;

	is_int(certstore_verify_certs(v, "chain", w->chain.p, w->chain.len,
		   NULL, &err),
	    good, "%s", what);
	is_str(codes(v), why, "%s: why", what);
}

/* One remembers of the others what they have in common, and no more. */
static void
testmany(void)
{
	static const struct row row = { .what = "good", .who = LEAF };
	const char *forged = "signature aki-mismatch";
	struct certstore_verify *v;
	struct certstore_error err;
	struct world first, next, other;
	EVP_PKEY *key = keys[ROOT];
	int i;

	mkworld(&first, &row);
	keys[ROOT] = cs_key_generate(NULL, "p256", &err);
	mkworld(&other, &row);
	EVP_PKEY_free(keys[ROOT]);
	keys[ROOT] = key;
	v = certstore_verify_new(NULL, &err);
	certstore_verify_set_time(v, WHEN, &err);
	certstore_verify_add_anchors(v, "anchors", first.anchors.p,
	    first.anchors.len, &err);
	for (i = 0; i < 150; i++) {
		mkworld(&next, &row);
		ask(v, &next, 1, "", "one more");
		freeworld(&next);
		if (i % 20 >= 3)
			continue;
		ask(v, &other, 0, forged, "a CA that the root did not sign");
		ask(v, &first, 1, "", "the first again");
	}
	certstore_verify_set_anchors(v, "/", &err);
	certstore_verify_add_anchors(v, "anchors", other.anchors.p,
	    other.anchors.len, &err);
	ask(v, &first, 0, forged, "the first, by other anchors");
	ask(v, &other, 1, "", "and the other");
	certstore_verify_free(v);
	freeworld(&first);
	freeworld(&other);
}

/* A handle with the anchors of a world. */
static struct certstore_verify *
begun(const struct world *w)
{
	struct certstore_verify *v;
	struct certstore_error err;

	if ((v = certstore_verify_new(NULL, &err)) == NULL)
		bail("%s", err.msg);
	certstore_verify_set_time(v, WHEN, &err);
	if (certstore_verify_add_anchors(v, "anchors", w->anchors.p,
		w->anchors.len, &err) == -1)
		bail("%s", err.msg);
	return v;
}

/* Certificates of a hierarchy: who is certified by whom, by number of key. */
struct link {
	const char *subject;
	int key;
	const char *issuer;
	int by;
	const char *const *exts;
};
static const char *const hub[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign,cRLSign", "subjectKeyIdentifier",
	"hash", "authorityKeyIdentifier", "keyid", NULL };
static const char *const hubnoaki[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign,cRLSign", "subjectKeyIdentifier",
	"hash", NULL };
static const char *const utf8mail[] = { "authorityKeyIdentifier", "keyid",
	"subjectAltName",
	"DNS:" HOST ",otherName:1.3.6.1.5.5.7.8.9;UTF8:a@example.com", NULL };
static const char *const ia5mail[] = { "authorityKeyIdentifier", "keyid",
	"subjectAltName",
	"DNS:" HOST ",otherName:1.3.6.1.5.5.7.8.9;IA5:a@example.com", NULL };
static const char *const hubmail[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign", "subjectKeyIdentifier", "hash",
	"authorityKeyIdentifier", "keyid", "nameConstraints",
	"critical,permitted;email:example.com", NULL };
static const char *const hubdns[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign", "subjectKeyIdentifier", "hash",
	"authorityKeyIdentifier", "keyid", "nameConstraints",
	"critical,permitted;DNS:example.com", NULL };
static const char *const hubnc[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign,cRLSign", "subjectKeyIdentifier",
	"hash", "authorityKeyIdentifier", "keyid", "nameConstraints",
	"critical,permitted;DNS:example.com", NULL };
static EVP_PKEY *pool[10];

static X509 *
mklink(const struct link *l)
{
	static int serial = 1000;
	X509 *issuer = mkcert(pool[l->by], l->issuer, NULL, hubnoaki), *x509;

	x509 = mkcert(pool[l->key], l->subject, issuer, l->exts);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	X509_free(issuer);
	return x509;
}

static void
addlink(struct cs_buf *buf, const struct link *l)
{
	X509 *x509 = mklink(l);

	if (X509_sign(x509, pool[l->by], EVP_sha256()) <= 0)
		bail("a certificate cannot be signed");
	pem(buf, x509);
	X509_free(x509);
}

static const struct link top = { "Root", 0, "Root", 0, hubnoaki };
static const struct link below = { HOST, 9, "CA", 1, usual[LEAF] };

static const struct hierarchy {
	const char *what;
	struct link links[5];
	const char *why;
	const char *const *leaf; /* else usual */
} hierarchies[] = {
	{ "as usual", { { "CA", 1, "Root", 0, hub } }, "", NULL },
	{ "keys of two CAs of one name, without end",
	    { { "CA", 1, "CA", 2, hub }, { "CA", 2, "CA", 1, hub },
		{ "CA", 1, "CA", 2, hub } },
	    "untrusted", NULL },
	{ "internationalised mail, and constraints of mail",
	    { { "CA", 1, "Root", 0, hubmail } }, "", utf8mail },
	{ "what should be such mail, and is not",
	    { { "CA", 1, "Root", 0, hubmail } }, "nc-unsupported", ia5mail },
	{ "internationalised mail, and constraints of hosts",
	    { { "CA", 1, "Root", 0, hubdns } }, "", utf8mail },
	{ "a self-issued CA below name constraints",
	    { { "CA", 1, "CA", 2, hub }, { "CA", 2, "Root", 0, hubnc } }, "",
	    NULL },
	{ "a self-issued CA without AKI",
	    { { "CA", 1, "CA", 2, hubnoaki }, { "CA", 2, "Root", 0, hub } },
	    "self-signed", NULL },
};

static void
testhierarchies(void)
{
	const struct hierarchy *h;
	struct certstore_verify *v;
	struct world w = { 0 };
	struct link l;
	size_t i, j;

	for (i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
		h = &hierarchies[i];
		cs_buf_reset(&w.anchors);
		cs_buf_reset(&w.chain);
		addlink(&w.anchors, &top);
		l = below;
		if (h->leaf != NULL)
			l.exts = h->leaf;
		addlink(&w.chain, &l);
		for (j = 0; h->links[j].subject != NULL; j++)
			addlink(&w.chain, &h->links[j]);
		v = begun(&w);
		ask(v, &w, *h->why == '\0' || *h->why == '~', h->why, h->what);
		certstore_verify_free(v);
	}
	freeworld(&w);
}

/* As many certificates as a search has to limit. */
static void
testlimits(void)
{
	static char sans[40000], constraints[40000];
	const char *const many[] = { "keyUsage", "critical,digitalSignature",
		"authorityKeyIdentifier", "keyid", "subjectAltName", sans,
		NULL };
	const char *const limited[] = { "basicConstraints", "critical,CA:TRUE",
		"keyUsage", "critical,keyCertSign", "subjectKeyIdentifier",
		"hash", "authorityKeyIdentifier", "keyid", "nameConstraints",
		constraints, NULL };
	struct certstore_verify *v;
	struct certstore_error err;
	struct world w = { 0 };
	struct link l = { "0", 1, "1", 1, hub };
	char names[64][8];
	size_t i, j, n = 0, m = 0;

	addlink(&w.anchors, &top);
	/* 40 CAs, one above the other */
	for (i = 0; i < 42; i++)
		snprintf(names[i], sizeof(names[i]), "CA %zu", i);
	l.issuer = names[0];
	l.subject = HOST;
	l.exts = usual[LEAF];
	addlink(&w.chain, &l);
	l.exts = hub;
	for (i = 0; i < 40; i++) {
		l.subject = names[i];
		l.issuer = names[i + 1];
		addlink(&w.chain, &l);
	}
	v = begun(&w);
	ask(v, &w, 0, "too-long untrusted", "a path of 41 certificates");
	certstore_verify_free(v);

	/* each of eight CAs is certified by each other one */
	cs_buf_reset(&w.chain);
	l.subject = HOST;
	l.issuer = names[0];
	l.exts = usual[LEAF];
	addlink(&w.chain, &l);
	for (i = 0; i < 8; i++)
		for (j = 0; j < 8; j++) {
			l = (struct link){ names[i], (int)i + 1, names[j],
				(int)j + 1, hub };
			if (i != j)
				addlink(&w.chain, &l);
		}
	v = begun(&w);
	is_int(certstore_verify_certs(v, "chain", w.chain.p, w.chain.len, NULL,
		   &err),
	    -1, "too many paths");
	ok(err.code == CERTSTORE_EREFUSED &&
		strstr(err.msg, "more possible issuers than are tried") != NULL,
	    "%s", err.msg);
	certstore_verify_set_time(v, WHEN + 100 * 365 * (int64_t)86400, &err);
	is_int(certstore_verify_certs(v, "chain", w.chain.p, w.chain.len, NULL,
		   &err),
	    0, "of a certificate that has expired: %s", err.msg);
	ok(strncmp(codes(v), "expired gave-up ", 16) == 0, "why: %s", codes(v));
	certstore_verify_free(v);

	/* more names and constraints than are compared */
	for (i = 0; i < 1100; i++) {
		n += (size_t)snprintf(sans + n, sizeof(sans) - n,
		    "%sDNS:%zu.example.com", i > 0 ? "," : "", i);
		m += (size_t)snprintf(constraints + m, sizeof(constraints) - m,
		    "%spermitted;DNS:%zu.example.com",
		    i > 0 ? "," : "critical,", i);
	}
	cs_buf_reset(&w.chain);
	l = (struct link){ HOST, 9, "CA", 1, many };
	addlink(&w.chain, &l);
	l = (struct link){ "CA", 1, "Root", 0, limited };
	addlink(&w.chain, &l);
	v = begun(&w);
	ask(v, &w, 0, "nc-many ~cn", "1100 names and 1100 constraints");
	certstore_verify_free(v);

	/* an anchor that is no root, and has no AKI */
	cs_buf_reset(&w.anchors);
	l = (struct link){ "CA", 1, "Root", 0, hubnoaki };
	addlink(&w.anchors, &l);
	cs_buf_reset(&w.chain);
	addlink(&w.chain, &below);
	v = begun(&w);
	certstore_verify_set_profile(v, "webpki", &err);
	ask(v, &w, 0, "aki-anchor", "an intermediate as anchor");
	certstore_verify_free(v);
	freeworld(&w);
}

/* A CRL of this name by the key of somebody, with nothing in it. */
static void
addcrl(struct cs_buf *buf, const char *issuer, int by, int numbered)
{
	X509 *x509 = mkcert(pool[by], issuer, NULL, hubnoaki);
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, WHEN - 100);
	X509V3_CTX ctx;
	X509_EXTENSION *ext;
	BIO *out = BIO_new(BIO_s_mem());
	char *p;
	long len;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(x509));
	X509_CRL_set1_lastUpdate(crl, when);
	ASN1_TIME_set(when, WHEN + 100);
	X509_CRL_set1_nextUpdate(crl, when);
	X509V3_set_ctx(&ctx, x509, NULL, NULL, crl, 0);
	ext = X509V3_EXT_nconf(NULL, &ctx, "authorityKeyIdentifier", "keyid");
	X509_CRL_add_ext(crl, ext, -1);
	X509_EXTENSION_free(ext);
	if (numbered) {
		ext = X509V3_EXT_nconf(NULL, &ctx, "2.5.29.20", "DER:02:01:07");
		X509_CRL_add_ext(crl, ext, -1);
		X509_EXTENSION_free(ext);
	}
	if (X509_CRL_sign(crl, pool[by], EVP_sha256()) <= 0 ||
	    PEM_write_bio_X509_CRL(out, crl) != 1)
		bail("a CRL cannot be signed");
	len = BIO_get_mem_data(out, &p);
	cs_buf_add(buf, p, (size_t)len);
	BIO_free(out);
	ASN1_TIME_free(when);
	X509_CRL_free(crl);
	X509_free(x509);
}

/* CRLs of the root, and of the CA by a key of its own or another one. */
static void
testcrls(void)
{
	static const struct {
		const char *what;
		int numbered;
		struct link signer; /* subject NULL: the CA itself */
		int expired;
		const char *why;
	} t[] = {
		{ "CRLs with numbers", 1, { 0 }, 0, "" },
		{ "CRLs without numbers", 0, { 0 }, 0,
		    "crl-number crl-number" },
		{ "a CRL by another key of the CA", 1,
		    { "CA", 5, "Root", 0, hub }, 0, "" },
		{ "which has expired", 1, { "CA", 5, "Root", 0, hub }, 1,
		    "crl-path" },
		{ "which the root has not signed", 1,
		    { "CA", 5, "Other", 6, hub }, 0, "crl-path crl-path" },
	};
	static const struct link ca = { "CA", 1, "Root", 0, hub };
	struct certstore_verify *v;
	struct certstore_error err;
	struct cs_buf crls = { 0 };
	struct world w = { 0 };
	X509 *x509;
	size_t i;

	addlink(&w.anchors, &top);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		cs_buf_reset(&w.chain);
		cs_buf_reset(&crls);
		addlink(&w.chain, &below);
		addlink(&w.chain, &ca);
		if (t[i].signer.subject != NULL) {
			x509 = mklink(&t[i].signer);
			if (t[i].expired)
				expired(x509);
			X509_sign(x509, pool[t[i].signer.by], EVP_sha256());
			pem(&w.chain, x509);
			X509_free(x509);
		}
		addcrl(&crls, "Root", 0, t[i].numbered);
		addcrl(&crls, "CA", t[i].signer.subject != NULL ? 5 : 1,
		    t[i].numbered);
		v = begun(&w);
		if (certstore_verify_add_crl(v, "crls", crls.p, crls.len,
			&err) == -1)
			bail("%s", err.msg);
		ask(v, &w, *t[i].why == '\0', t[i].why, t[i].what);
		certstore_verify_free(v);
	}
	cs_buf_free(&crls);
	freeworld(&w);
}

/* No answer, nothing of an earlier one, and why. */
static void
noanswer(struct certstore_verify *v, const struct world *w, const char *why)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	const struct certstore_reason *r;

	is_int(certstore_verify_certs(v, "chain", w->chain.p, w->chain.len,
		   NULL, &err),
	    -1, "no answer without %s", why);
	ok(err.code == CERTSTORE_EARGUMENT || err.code == CERTSTORE_EINPUT ||
		err.code == CERTSTORE_ESYSTEM,
	    "the code is that of the setting");
	ok(strstr(err.msg, why) != NULL, "%s", err.msg);
	is_int(certstore_verify_reason(v, 0, &r), 0, "no reason");
	is_int(certstore_verify_path(v, 0, &entry, &err), 0, "no path");
	is_int(certstore_verify_is_anchored(v), 0, "no anchor");
	is_str(certstore_verify_profile(v), "", "no profile");
}

/* A setting that failed leaves no check out. */
static void
testfailed(void)
{
	static const struct row row = { .what = "good", .who = LEAF };
	struct certstore_verify *v;
	struct certstore_error err;
	struct world w;

	mkworld(&w, &row);
	v = begun(&w);
	certstore_verify_set_host(v, "evil.example.net", &err);
	ask(v, &w, 0, "host", "another host");
	is_int(certstore_verify_set_host(v, "evil_.example..net", &err), -1,
	    "no host");
	noanswer(v, &w, "the host");
	noanswer(v, &w, "the host");
	certstore_verify_set_profile(v, "server", &err);
	noanswer(v, &w, "the host");
	certstore_verify_set_host(v, "evil.example.net", &err);
	ask(v, &w, 0, "host", "the host anew");

	is_int(certstore_verify_set_profile(v, "teapot", &err), -1,
	    "a teapot is no profile");
	noanswer(v, &w, "the profile");
	certstore_verify_set_host(v, HOST, &err);
	noanswer(v, &w, "the profile");
	certstore_verify_set_profile(v, "server", &err);
	ask(v, &w, 1, "", "the profile anew");

	is_int(certstore_verify_add_anchors(v, "none", "", 0, &err), -1,
	    "nothing is no anchor");
	noanswer(v, &w, "the trust anchors");
	certstore_verify_add_anchors(v, "anchors", w.anchors.p, w.anchors.len,
	    &err);
	noanswer(v, &w, "the trust anchors");
	certstore_verify_set_anchors(v, "/", &err);
	certstore_verify_add_anchors(v, "anchors", w.anchors.p, w.anchors.len,
	    &err);
	ask(v, &w, 1, "", "the anchors anew");
	is_int(certstore_verify_set_anchors(v, "/nonexistent", &err), -1,
	    "no directory");
	noanswer(v, &w, "the trust anchors");
	is_int(certstore_verify_set_anchors(v, NULL, &err), -1, "no store");
	noanswer(v, &w, "the trust anchors");
	certstore_verify_free(v);

	v = begun(&w);
	is_int(certstore_verify_add_crl(v, "chain", w.chain.p, w.chain.len,
		   &err),
	    -1, "certificates are no CRL");
	noanswer(v, &w, "the CRLs");
	certstore_verify_free(v);
	freeworld(&w);
}

/* Without a time it is that of the question. */
static void
testnow(void)
{
	static const struct row row = { .what = "good", .who = LEAF };
	struct certstore_verify *v;
	struct certstore_error err;
	struct world w;

	mkworld(&w, &row);
	v = certstore_verify_new(NULL, &err);
	certstore_verify_add_anchors(v, "anchors", w.anchors.p, w.anchors.len,
	    &err);
	certstore_verify_set_time(v, 0, &err);
	ask(v, &w, 0, "not-yet-valid not-yet-valid not-yet-valid", "in 1970");
	certstore_verify_set_time(v, WHEN, &err);
	ask(v, &w, 1, "", "in 2026");
	certstore_verify_free(v);
	freeworld(&w);
}

/* PEM with OpenSSL's trust settings. */
static void
settings(struct cs_buf *buf, const struct cs_buf *from, int nid, int reject)
{
	const ASN1_OBJECT *obj = OBJ_nid2obj(nid);
	BIO *bio = BIO_new_mem_buf(from->p, (int)from->len), *out;
	X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	char *p;
	long len;

	if (nid == NID_undef)
		X509_alias_set1(x509, (const unsigned char *)"alias", 5);
	else if (reject)
		X509_add1_reject_object(x509, obj);
	else
		X509_add1_trust_object(x509, obj);
	out = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_AUX(out, x509);
	len = BIO_get_mem_data(out, &p);
	cs_buf_add(buf, p, (size_t)len);
	BIO_free(out);
	BIO_free(bio);
	X509_free(x509);
}

/* An anchor is one for what its trust settings include. */
static void
testsettings(void)
{
	static const struct {
		int nid, reject;
		const char *profile, *why;
	} t[] = {
		{ NID_undef, 0, "server", "" },
		{ NID_server_auth, 0, "server", "" },
		{ NID_server_auth, 0, "webpki", "" },
		{ NID_server_auth, 0, "client", "lack clientAuth" },
		{ NID_server_auth, 0, "peer", "lack clientAuth" },
		{ NID_server_auth, 0, "mail", "lack emailProtection" },
		{ NID_server_auth, 0, "any", "lack anyExtendedKeyUsage" },
		{ NID_server_auth, 0, "ca", "lack anyExtendedKeyUsage" },
		{ NID_server_auth, 0, "shaken", "lack anyExtendedKeyUsage" },
		{ NID_client_auth, 0, "server", "lack serverAuth" },
		{ NID_email_protect, 0, "server", "lack serverAuth" },
		{ NID_email_protect, 0, "mail", "" },
		{ NID_code_sign, 0, "server", "lack serverAuth" },
		{ NID_anyExtendedKeyUsage, 0, "server", "" },
		{ NID_anyExtendedKeyUsage, 0, "any", "" },
		{ NID_server_auth, 1, "server", "reject serverAuth" },
		{ NID_server_auth, 1, "webpki", "reject serverAuth" },
		{ NID_server_auth, 1, "peer", "reject serverAuth" },
		{ NID_server_auth, 1, "client", "" },
		{ NID_server_auth, 1, "any", "" },
		{ NID_client_auth, 1, "server", "" },
		{ NID_client_auth, 1, "client", "reject clientAuth" },
		{ NID_email_protect, 1, "server", "" },
		{ NID_anyExtendedKeyUsage, 1, "server",
		    "reject anyExtendedKeyUsage" },
		{ NID_anyExtendedKeyUsage, 1, "any",
		    "reject anyExtendedKeyUsage" },
	};
	static const struct row row = { .what = "good", .who = LEAF };
	struct certstore_verify *v;
	struct certstore_error err;
	const struct certstore_reason *r;
	struct cs_buf anchors;
	const char *found;
	struct world w;
	size_t i, j;
	int copies;

	mkworld(&w, &row);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (copies = 0; copies < 3; copies++) {
			memset(&anchors, 0, sizeof(anchors));
			if (copies == 1)
				cs_buf_add(&anchors, w.anchors.p,
				    w.anchors.len);
			settings(&anchors, &w.anchors, t[i].nid, t[i].reject);
			if (copies == 2)
				cs_buf_add(&anchors, w.anchors.p,
				    w.anchors.len);
			v = certstore_verify_new(NULL, &err);
			certstore_verify_set_time(v, WHEN, &err);
			certstore_verify_set_profile(v, t[i].profile, &err);
			certstore_verify_add_anchors(v, "anchors", anchors.p,
			    anchors.len, &err);
			certstore_verify_certs(v, "chain", w.chain.p,
			    w.chain.len, NULL, &err);
			found = "";
			for (j = 0; certstore_verify_reason(v, j, &r) == 1; j++)
				if (strcmp(r->code, "anchor-use") == 0)
					found = strstr(r->text, "settings ") +
					    9;
			is_str(found, t[i].why, "settings %zu, %s", i,
			    t[i].profile);
			certstore_verify_free(v);
			cs_buf_free(&anchors);
		}
	}
	freeworld(&w);
}

int
main(void)
{
	struct certstore_error err;
	int i;

	for (i = 0; i < NWHO; i++)
		if ((keys[i] = cs_key_generate(NULL, "p256", &err)) == NULL)
			bail("%s", err.msg);
	for (i = 0; i < 10; i++)
		if ((pool[i] = cs_key_generate(NULL, "p256", &err)) == NULL)
			bail("%s", err.msg);
	testrows();
	testcurves();
	testhierarchies();
	testlimits();
	testcrls();
	testhosts();
	testanswers();
	testmany();
	testfailed();
	testnow();
	testsettings();
	for (i = 0; i < NWHO; i++)
		EVP_PKEY_free(keys[i]);
	for (i = 0; i < 10; i++)
		EVP_PKEY_free(pool[i]);
	return tap_done();
}
