/*
 * test-issue.c: certificates and requests made by templates, as libcrypto sees
 * them.
 */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "x509/private.h"
#include "issue/private.h"
#include "tap.h"

static struct certstore_error err;

static struct certstore_template *
newtemplate(void)
{
	struct certstore_template *t = certstore_template_new(&err);

	if (t == NULL)
		bail("template: %s", err.msg);
	return t;
}

static int
strict(X509 *x509, X509 *ca)
{
	X509_STORE *anchors = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rv;

	X509_STORE_add_cert(anchors, ca);
	X509_STORE_CTX_init(ctx, anchors, x509, NULL);
	X509_STORE_CTX_set_flags(ctx,
	    X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	rv = X509_verify_cert(ctx);
	if (rv != 1)
		printf("# %s\n",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(anchors);
	return rv;
}

/* What a template makes of an entry name; NULL and err when refused. */
static X509 *
issue(const char *name, const struct certstore_template *t,
    const struct cs_issuer *is)
{
	struct certstore_template full;
	struct cs_san own;
	EVP_PKEY *pkey;
	X509 *x509 = NULL;

	cs_error_clear(&err);
	if (cs_template_resolve(&full, &own, t, name, &err) == -1)
		bail("resolve: %s", err.msg);
	pkey = cs_key_generate(NULL, full.type, &err);
	if (pkey != NULL)
		x509 = cs_issue_cert(NULL, name, &full, pkey, is, &err);
	EVP_PKEY_free(pkey);
	free(own.value);
	return x509;
}

static const char *
subjectof(X509 *x509)
{
	static struct cs_buf buf;

	cs_buf_reset(&buf);
	cs_cert_name_text(X509_get_subject_name(x509), &buf);
	return buf.p;
}

/* The SANs with blanks between, "DNS:a IP:7f000001", '!' first if critical. */
static const char *
sansof(X509 *x509)
{
	static char text[1024];
	GENERAL_NAMES *names;
	const ASN1_STRING *s;
	char hex[128];
	int critical, i, type;

	names = X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, NULL);
	strcpy(text, critical == 1 ? "!" : "");
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i),
		    &type);
		if (i > 0)
			strcat(text, " ");
		strcat(text,
		    type == GEN_DNS	  ? "DNS:" :
			type == GEN_IPADD ? "IP:" :
			type == GEN_EMAIL ? "EMAIL:" :
					    "URI:");
		if (type == GEN_IPADD) {
			cs_hex(hex, ASN1_STRING_get0_data(s),
			    (size_t)ASN1_STRING_length(s));
			strcat(text, hex);
		} else {
			strncat(text, (const char *)ASN1_STRING_get0_data(s),
			    (size_t)ASN1_STRING_length(s));
		}
	}
	GENERAL_NAMES_free(names);
	return text;
}

static const struct {
	const char *name;
	const char *profile;
	const char *args[5]; /* attr=value; a SAN where there is no '=' */
	const char *subject;
	const char *sans; /* NULL: refused */
} names[] = { { "www.example.com", "server", { NULL }, "CN=www.example.com",
		  "DNS:www.example.com" },
	{ "localhost", "server", { NULL }, "CN=localhost", "DNS:localhost" },
	{ "192.0.2.1", "server", { NULL }, "CN=192.0.2.1", "IP:c0000201" },
	{ "phones", "server", { NULL }, NULL, NULL },
	{ "phones", "peer", { NULL }, NULL, NULL },
	{ "a_b.example", "server", { NULL }, NULL, NULL },
	{ "phones", "server", { "voip.example", "O=X" }, "CN=voip.example,O=X",
	    "DNS:voip.example" },
	{ "www.example.com", "server", { "a.example" }, "CN=a.example",
	    "DNS:a.example" },
	{ "phones", "server", { "*.example.com", "::1" }, "CN=*.example.com",
	    "DNS:*.example.com IP:00000000000000000000000000000001" },
	{ "phones", "server", { "m\xc3\xbcnchen.de" }, "CN=xn--mnchen-3ya.de",
	    "DNS:xn--mnchen-3ya.de" },
	{ "phones", "server", { "CN=", "a.example" }, "", "!DNS:a.example" },
	{ "phones", "server", { "CN=me", "CN=you", "a.example" },
	    "CN=you,CN=me", "DNS:a.example" },
	{ "phones", "server", { "CN=Z", "C=fr", "O=", "O=A, B", "a.example" },
	    "O=A\\, B,C=FR,CN=Z", "DNS:a.example" },
	{ "phones", "server", { "sip:a@b.example", "a@b.example" }, NULL,
	    NULL },
	{ "phones", "peer", { "a@b.example" }, NULL, NULL },
	{ "phones", "client", { "sip:a@b.example", "a@b.example" }, "",
	    "!URI:sip:a@b.example EMAIL:a@b.example" },
	{ "phones", "server", { "192.0.2.1", "a@b.example", "b.example" },
	    "CN=b.example", "IP:c0000201 EMAIL:a@b.example DNS:b.example" },
	{ "phones", "server",
	    { "a123456789.b123456789.c123456789.d123456789.e123456789"
	      ".f12345.com",
		"b.example" },
	    "",
	    "!DNS:a123456789.b123456789.c123456789.d123456789.e123456789"
	    ".f12345.com DNS:b.example" },
	{ "alice", "client", { NULL }, NULL, NULL },
	{ "alice", "client", { "CN=Alice" }, "CN=Alice", "" },
	{ "alice", "mail", { "a@b.example" }, "", "!EMAIL:a@b.example" } };

static void
testnames(void)
{
	struct certstore_template *t;
	X509 *x509;
	size_t i, j;
	int rv;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].args[0] != NULL && skipidn(names[i].args[0]))
			continue;
		t = newtemplate();
		certstore_template_set_profile(t, names[i].profile, &err);
		for (j = 0; j < 5 && names[i].args[j] != NULL; j++) {
			if (strchr(names[i].args[j], '=') != NULL)
				rv = certstore_template_add_subject(t,
				    names[i].args[j], &err);
			else
				rv = certstore_template_add_san(t,
				    names[i].args[j], &err);
			if (rv == -1)
				bail("%s: %s", names[i].args[j], err.msg);
		}
		x509 = issue(names[i].name, t, NULL);
		if (names[i].sans == NULL) {
			ok(x509 == NULL && err.code == CERTSTORE_EREFUSED,
			    "names %zu refused: %s", i, err.msg);
		} else if (ok(x509 != NULL, "names %zu: %s", i, err.msg)) {
			is_str(subjectof(x509), names[i].subject, "subject");
			is_str(sansof(x509), names[i].sans, "names");
			is_int(strict(x509, x509), 1, "verifies");
		}
		X509_free(x509);
		certstore_template_free(t);
	}
}

#define DS KU_DIGITAL_SIGNATURE

static const struct {
	const char *profile; /* NULL: a CA */
	const char *type;
	uint32_t usage;
	uint32_t purpose;
	int signature;
} profiles[] = { { "server", "p256", DS, XKU_SSL_SERVER,
		     NID_ecdsa_with_SHA256 },
	{ "client", "p256", DS, XKU_SSL_CLIENT, NID_ecdsa_with_SHA256 },
	{ "peer", "p384", DS, XKU_SSL_SERVER | XKU_SSL_CLIENT,
	    NID_ecdsa_with_SHA384 },
	{ "mail", "p256", DS | KU_KEY_AGREEMENT, XKU_SMIME,
	    NID_ecdsa_with_SHA256 },
	{ "server", "ed25519", DS, XKU_SSL_SERVER, NID_ED25519 },
	{ "mail", "ed25519", DS, XKU_SMIME, NID_ED25519 },
	{ "server", "rsa:2048", DS | KU_KEY_ENCIPHERMENT, XKU_SSL_SERVER,
	    NID_sha256WithRSAEncryption },
	{ "peer", "rsa:2048", DS | KU_KEY_ENCIPHERMENT,
	    XKU_SSL_SERVER | XKU_SSL_CLIENT, NID_sha256WithRSAEncryption },
	{ "client", "rsa:2048", DS, XKU_SSL_CLIENT,
	    NID_sha256WithRSAEncryption },
	{ "mail", "rsa:2048", DS | KU_KEY_ENCIPHERMENT, XKU_SMIME,
	    NID_sha256WithRSAEncryption },
	{ NULL, "p256", KU_KEY_CERT_SIGN | KU_CRL_SIGN, UINT32_MAX,
	    NID_ecdsa_with_SHA256 },
	{ NULL, "rsa:2048", KU_KEY_CERT_SIGN | KU_CRL_SIGN, UINT32_MAX,
	    NID_sha256WithRSAEncryption },
	{ NULL, "ed25519", KU_KEY_CERT_SIGN | KU_CRL_SIGN, UINT32_MAX,
	    NID_ED25519 } };

static int
iscritical(X509 *x509, int nid)
{
	int i = X509_get_ext_by_NID(x509, nid, -1);

	return i == -1 ? -1 :
			 X509_EXTENSION_get_critical(X509_get_ext(x509, i));
}

static void
testserial(X509 *x509)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);

	ok(!BN_is_negative(bn) && BN_num_bits(bn) <= 127 &&
		BN_num_bits(bn) > 64,
	    "serial of %d bits", BN_num_bits(bn));
	BN_free(bn);
}

static void
testprofiles(void)
{
	struct certstore_template *t;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len;
	X509 *x509;
	size_t i;
	int ca;

	for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		t = newtemplate();
		if ((ca = profiles[i].profile == NULL))
			certstore_template_set_ca(t, &err);
		else
			certstore_template_set_profile(t, profiles[i].profile,
			    &err);
		certstore_template_set_type(t, profiles[i].type, &err);
		x509 = issue("a.example", t, NULL);
		if (x509 == NULL)
			bail("profile %zu: %s", i, err.msg);
		is_int(X509_get_version(x509), X509_VERSION_3, "%s %s",
		    ca ? "CA" : profiles[i].profile, profiles[i].type);
		is_int(X509_get_key_usage(x509), profiles[i].usage, "usage");
		is_int(X509_get_extended_key_usage(x509), profiles[i].purpose,
		    "purpose");
		is_int(X509_get_signature_nid(x509), profiles[i].signature,
		    "signature");
		is_int(iscritical(x509, NID_basic_constraints), 1,
		    "basicConstraints are critical");
		is_int(iscritical(x509, NID_key_usage), 1, "keyUsage too");
		is_int(iscritical(x509, NID_subject_alt_name), ca ? -1 : 0,
		    "names are not");
		is_int(X509_check_ca(x509), ca, "CA");
		is_int(X509_get_pathlen(x509), -1, "no path length");
		X509_pubkey_digest(x509, EVP_sha1(), md, &len);
		ok(ASN1_STRING_length(X509_get0_subject_key_id(x509)) == 20 &&
			memcmp(ASN1_STRING_get0_data(
				   X509_get0_subject_key_id(x509)),
			    md, 20) == 0,
		    "SKI by method 1");
		ok(X509_get0_authority_key_id(x509) != NULL &&
			ASN1_STRING_cmp(X509_get0_authority_key_id(x509),
			    X509_get0_subject_key_id(x509)) == 0,
		    "AKI is the SKI");
		testserial(x509);
		is_int(strict(x509, x509), 1, "verifies");
		X509_free(x509);
		certstore_template_free(t);
	}
}

static const struct {
	int64_t end; /* secs since the epoch; 0: life */
	int64_t life;
	int ca;
	int type;					     /* 0: refused */
} times[] = { { INT64_C(2524607999), 0, 0, V_ASN1_UTCTIME }, /* 2049-12-31 */
	{ INT64_C(2524608000), 0, 0, V_ASN1_GENERALIZEDTIME },
	{ INT64_C(253402300799), 0, 0, V_ASN1_GENERALIZEDTIME },
	{ INT64_C(253402300800), 0, 0, 0 }, { 0, 1, 0, V_ASN1_UTCTIME },
	{ 0, 90 * CS_DAY, 0, V_ASN1_UTCTIME },
	{ 0, 100 * 365 * CS_DAY, 1, V_ASN1_GENERALIZEDTIME },
	{ 0, 9999 * 365 * CS_DAY, 0, 0 }, { 0, 0, 0, V_ASN1_UTCTIME },
	{ 0, 0, 1, V_ASN1_UTCTIME } };

static void
testtimes(void)
{
	struct certstore_template *t;
	struct certstore_span span;
	int64_t before, until;
	X509 *x509;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		t = newtemplate();
		if (times[i].ca)
			certstore_template_set_ca(t, &err);
		span.type = times[i].end != 0 ? CERTSTORE_SPAN_AT :
						CERTSTORE_SPAN_FOR;
		span.secs = times[i].end != 0 ? times[i].end : times[i].life;
		if (span.secs != 0 &&
		    certstore_template_set_life(t, &span, &err) == -1) {
			is_int(times[i].type, 0, "no life: %s", err.msg);
			certstore_template_free(t);
			continue;
		}
		before = certstore_time_now();
		x509 = issue("a.example", t, NULL);
		if (times[i].type == 0) {
			ok(x509 == NULL && err.code == CERTSTORE_EREFUSED,
			    "time %zu refused: %s", i, err.msg);
		} else if (ok(x509 != NULL, "time %zu", i)) {
			until = times[i].end;
			if (until == 0)
				until = before +
				    (times[i].life != 0 ? times[i].life :
					    times[i].ca ? 3650 * CS_DAY :
							  397 * CS_DAY);
			ok(cs_cert_ends(x509) >= until &&
				cs_cert_ends(x509) <= until + 5,
			    "ends then");
			ok(cs_cert_starts(x509) >= before - 300 &&
				cs_cert_starts(x509) <= before - 295,
			    "began five minutes ago");
			is_int(ASN1_STRING_type(X509_get0_notAfter(x509)),
			    times[i].type, "type of notAfter");
		}
		X509_free(x509);
		certstore_template_free(t);
	}
	/* A template may be older than the end it names. */
	t = newtemplate();
	t->haslife = 1;
	t->life.type = CERTSTORE_SPAN_AT;
	t->life.secs = certstore_time_now() - 10;
	x509 = issue("a.example", t, NULL);
	ok(x509 == NULL && strstr(err.msg, "past") != NULL, "past: %s",
	    err.msg);
	certstore_template_free(t);
}

static void
testca(void)
{
	struct certstore_template *t = newtemplate();
	NAME_CONSTRAINTS *nc;
	X509 *x509;
	int critical;

	certstore_template_set_ca(t, &err);
	certstore_template_add_constraint(t, "pathlen=0", &err);
	certstore_template_add_constraint(t, "permit=example.com", &err);
	certstore_template_add_constraint(t, "permit=10.0.0.0/8", &err);
	certstore_template_add_constraint(t, "exclude=email:x.example", &err);
	if ((x509 = issue("My-CA", t, NULL)) == NULL)
		bail("CA: %s", err.msg);
	is_str(subjectof(x509), "CN=My-CA", "a CA's CN is its entry's name");
	is_int(X509_get_pathlen(x509), 0, "path length");
	nc = X509_get_ext_d2i(x509, NID_name_constraints, &critical, NULL);
	ok(nc != NULL && critical == 1, "critical name constraints");
	is_int(sk_GENERAL_SUBTREE_num(nc->permittedSubtrees), 2, "permitted");
	is_int(sk_GENERAL_SUBTREE_num(nc->excludedSubtrees), 1, "excluded");
	ok(memcmp(ASN1_STRING_get0_data(
		      sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, 1)
			  ->base->d.iPAddress),
	       "\x0a\0\0\0\xff\0\0\0", 8) == 0,
	    "address and mask");
	NAME_CONSTRAINTS_free(nc);
	X509_free(x509);
	certstore_template_add_subject(t, "CN=", &err);
	x509 = issue("My-CA", t, NULL);
	ok(x509 == NULL && err.code == CERTSTORE_EREFUSED,
	    "a CA needs a subject: %s", err.msg);
	certstore_template_free(t);
}

/* A request is not what is asked for with one thing changed. */
static void
unfit(X509_REQ *req, const struct certstore_template *t,
    const struct certstore_template *full, const char *type,
    const char *profile, const char *more, const char *why)
{
	struct certstore_template asked = *t, wants = *full;
	struct cs_attr attr = { NULL, NULL };
	struct cs_san san = { CS_SAN_DNS, NULL };
	struct certstore_entry none = { 0 };
	struct cs_reuse fit;
	char copy[80], *eq;

	snprintf(copy, sizeof(copy), "%s", more == NULL ? "" : more);
	strcpy(asked.type, type);
	if (*profile != '\0')
		strcpy(wants.profile, profile);
	eq = strchr(copy, '=');
	if (eq != NULL)
		*eq++ = '\0';
	if (strcmp(copy, "c") == 0)
		wants.ca = 1;
	else if (strcmp(copy, "s") == 0) {
		san.value = eq;
		wants.san = &san;
		wants.nsan = 1;
	} else if (eq != NULL) {
		attr.attr = copy;
		attr.value = eq;
		asked.subject = &attr;
		asked.nsubject = 1;
	}
	is_int(cs_reuse_request(&none, req, &asked, &wants, &fit, &err), 0,
	    "not what is asked for: %s", why);
	ok(strstr(fit.why, why) != NULL, "why: %s", fit.why);
}

static void
testrequest(void)
{
	struct certstore_template *t = newtemplate(), full;
	struct certstore_entry none = { 0 };
	struct cs_reuse fit;
	STACK_OF(X509_EXTENSION) *exts;
	struct cs_san own;
	GENERAL_NAMES *sans;
	EVP_PKEY *pkey;
	X509_REQ *req;

	certstore_template_add_san(t, "a.example", &err);
	certstore_template_add_san(t, "192.0.2.1", &err);
	cs_template_resolve(&full, &own, t, "x", &err);
	pkey = cs_key_generate(NULL, "p256", &err);
	if ((req = cs_issue_request("x", &full, pkey, &err)) == NULL)
		bail("request: %s", err.msg);
	is_int(X509_REQ_verify(req, pkey), 1, "the request verifies");
	exts = X509_REQ_get_extensions(req);
	sans = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	is_int(sk_GENERAL_NAME_num(sans), 2, "and has both names");
	is_int(cs_reuse_request(&none, req, t, &full, &fit, &err), 1,
	    "it is what was asked for");
	full.nsan = 1;
	is_int(cs_reuse_request(&none, req, t, &full, &fit, &err), 1,
	    "and more than a part of it");
	full.nsan = 2;
	unfit(req, t, &full, "p384", "", NULL, "another key: p256, not p384");
	unfit(req, t, &full, "", "peer", NULL, "is not for a peer");
	unfit(req, t, &full, "", "mail", NULL, "is not for mail");
	unfit(req, t, &full, "", "", "s=b.example",
	    "does not have the name \"b.example\"");
	unfit(req, t, &full, "", "", "O=Example", "different O in its subject");
	unfit(req, t, &full, "", "", "CN=b.example", "different CN in its");
	unfit(req, t, &full, "", "", "CN=", "different CN in its");
	unfit(req, t, &full, "", "", "c", "is not for a CA");
	GENERAL_NAMES_free(sans);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	full.nsan = 0;
	req = cs_issue_request("x", &full, pkey, &err);
	ok(req == NULL && err.code == CERTSTORE_EREFUSED, "no name: %s",
	    err.msg);
	EVP_PKEY_free(pkey);
	certstore_template_free(t);
}

#define LEFT(n, m) "the name of type 1.2." #n "." #m ", "
#define OTHER(n, m) "otherName:1.2." #n "." #m ";UTF8:x,"
#define NAMES(n) \
	OTHER(n, 1) \
	OTHER(n, 2) \
	OTHER(n, 3) \
	OTHER(n, 4) OTHER(n, 5) OTHER(n, 6) OTHER(n, 7) OTHER(n, 8) OTHER(n, 9)

/* Requests that no program makes, or a hostile one; what is said of them. */
static const struct {
	const char *what;
	const char *exts[5];	/* name, value, ... */
	int list;		/* TWO or NOLIST */
	const char *subject[5]; /* attribute, value, ... */
	const char *profile;
	const char *want; /* refused so, or left out */
} csrs[] = {
#define TWO 1
#define NOLIST 2
	{ "as usual", { "subjectAltName", "DNS:a.example", NULL }, 0,
	    { "CN", "a.example", NULL }, "", "" },
	{ "two lists of extensions",
	    { "subjectAltName", "DNS:a.example", NULL }, TWO, { NULL }, "",
	    "r: has two lists of extensions" },
	{ "no list", { NULL }, NOLIST, { NULL }, "",
	    "r: its list of extensions is malformed" },
	{ "an extension twice",
	    { "1.2.3.4", "DER:0500", "1.2.3.4", "DER:0500", NULL }, 0, { NULL },
	    "", "r: asks for an extension twice (RFC 5280 section 4.2)" },
	{ "no basic constraints", { "basicConstraints", "DER:0500", NULL }, 0,
	    { NULL }, "", "r: its basicConstraints is malformed" },
	{ "an address of five octets",
	    { "subjectAltName", "DER:300787050102030405", NULL }, 0, { NULL },
	    "", "r: asks for a name that is malformed" },
	{ "a NUL in a name", { "subjectAltName", "DER:30058203610062", NULL },
	    0, { NULL }, "", "r: asks for a name that is malformed" },
	{ "an attribute twice", { "subjectAltName", "DNS:a.example", NULL }, 0,
	    { "unstructuredName", "x", "unstructuredName", "y", NULL }, "",
	    "unstructuredName" },
	{ "names of types of which one begins with another",
	    { "subjectAltName",
		"DNS:a.example,otherName:1.2.3.4;"
		"UTF8:x,otherName:1.2.3;UTF8:y,RID:1.2.3",
		NULL },
	    0, { NULL }, "",
	    "the name of type 1.2.3.4, the name of type 1.2.3, a name of "
	    "another type" },
	{ "more names than are listed",
	    { "subjectAltName",
		"DNS:a.example," NAMES(1) NAMES(2)
		    NAMES(3) "otherName:1.2.9;UTF8:x",
		NULL },
	    0, { NULL }, "",
	    LEFT(1, 1) LEFT(1, 2) LEFT(1, 3) LEFT(1, 4) LEFT(1, 5) LEFT(1, 6)
		LEFT(1, 7) LEFT(1, 8) LEFT(1, 9) LEFT(2, 1) LEFT(2, 2)
		    LEFT(2, 3) LEFT(2, 4) LEFT(2, 5) LEFT(2, 6) "and more" },
	{ "a subject that no certificate can have",
	    { "subjectAltName", "DNS:a.example", NULL }, 0,
	    { "C", "France", NULL }, "",
	    "r: asks for a subject that is refused: C: a country is two "
	    "letters of ISO 3166, as in C=FR: use -S C= to omit it" },
	{ "host names of what signs calls",
	    { "subjectAltName", "DNS:a.example", "1.3.6.1.5.5.7.1.26",
		"DER:3008a006160438313848", NULL },
	    0, { NULL }, "shaken", "subjectAltName" },
	{ "a list of calls that is none",
	    { "1.3.6.1.5.5.7.1.26", "DER:0500", NULL }, 0, { NULL }, "shaken",
	    "r: its TNAuthList is malformed: it is not in the form of RFC "
	    "8226 section 9" },
};

static void
addextensions(X509_REQ *req, size_t i)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	const char *const *p;
	X509_EXTENSION *ext;

	for (p = csrs[i].exts; p[0] != NULL; p += 2) {
		ext = X509V3_EXT_nconf(NULL, NULL, p[0], p[1]);
		if (ext == NULL)
			bail("%s = %s is not an extension", p[0], p[1]);
		sk_X509_EXTENSION_push(exts, ext);
	}
	if (csrs[i].list == NOLIST)
		X509_REQ_add1_attr_by_NID(req, NID_ext_req, V_ASN1_OCTET_STRING,
		    (const unsigned char *)"x", 1);
	else
		X509_REQ_add_extensions_nid(req, exts, NID_ext_req);
	if (csrs[i].list == TWO)
		X509_REQ_add_extensions_nid(req, exts, NID_ms_ext_req);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

/* Reads a signed request and applies it: "", or what is refused or left. */
static void
readcsr(X509_REQ *req, const char *profile, const char *want, const char *what)
{
	struct certstore_template *t = newtemplate(), full = { 0 };
	struct cs_csr csr;
	unsigned char *der = NULL;
	int len = i2d_X509_REQ(req, &der), rv;

	if (len <= 0 ||
	    (*profile != '\0' &&
		certstore_template_set_profile(t, profile, &err) == -1))
		bail("%s", err.msg);
	rv = cs_csr_read(&csr, "r", der, (size_t)len, &err);
	if (rv == 0) {
		rv = cs_csr_apply(&full, t, &csr, &err);
		if (rv == 0)
			snprintf(err.msg, sizeof(err.msg), "%s",
			    csr.left.len > 0 ? csr.left.p : "");
		cs_csr_drop(&full, t);
	}
	is_str(err.msg, want, "%s", what);
	cs_csr_free(&csr);
	certstore_template_free(t);
	OPENSSL_free(der);
}

/* NULL: libcrypto refuses it. */
static EVP_PKEY *
fromparams(const char *type, int selection, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *pkey = NULL;

	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, selection, params) != 1)
		ERR_clear_error();
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static EVP_PKEY *
exponent1(void)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048), *odd;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL;

	EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_ulong(bld, OSSL_PKEY_PARAM_RSA_E, 1);
	odd = fromparams("RSA", EVP_PKEY_PUBLIC_KEY, bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	EVP_PKEY_free(pkey);
	return odd;
}

/* P-256 with another point as its generator, and the key 1. */
static EVP_PKEY *
nocurve(void)
{
	static const char *const parts[] = { OSSL_PKEY_PARAM_EC_P,
		OSSL_PKEY_PARAM_EC_A, OSSL_PKEY_PARAM_EC_B,
		OSSL_PKEY_PARAM_EC_ORDER, OSSL_PKEY_PARAM_EC_COFACTOR };
	EVP_PKEY *pkey = EVP_EC_gen("P-256"), *odd;
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn[5] = { NULL }, *one = BN_new();
	unsigned char point[65];
	size_t i, n;

	for (i = 0; i < 5; i++) {
		EVP_PKEY_get_bn_param(pkey, parts[i], &bn[i]);
		OSSL_PARAM_BLD_push_BN(bld, parts[i], bn[i]);
	}
	EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
	    sizeof(point), &n);
	OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_EC_FIELD_TYPE,
	    "prime-field", 0);
	OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_EC_GENERATOR,
	    point, n);
	OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point,
	    n);
	BN_one(one);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, one);
	odd = fromparams("EC", EVP_PKEY_KEYPAIR, bld);
	for (i = 0; i < 5; i++)
		BN_free(bn[i]);
	BN_free(one);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_free(pkey);
	return odd;
}

/* A key on a curve without a name is no key for certificates of ours either. */
static void
testkey(EVP_PKEY *odd)
{
	struct certstore_template *t = newtemplate();
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long len;

	if (PEM_write_bio_PrivateKey(bio, odd, NULL, NULL, 0, NULL, NULL) != 1)
		bail("a key cannot be written");
	len = BIO_get_mem_data(bio, &p);
	ok(certstore_template_set_key(t, "k", p, (size_t)len, &err) == -1 &&
		err.code == CERTSTORE_EREFUSED,
	    "nor for our own");
	is_str(err.msg,
	    "\"k\": a key on a curve without a name: use P-256 or P-384",
	    "which is said");
	BIO_free(bio);
	certstore_template_free(t);
}

/* Adds an attribute to the subject of a request. */
static void
addattribute(X509_REQ *req, const char *attr, int type, const char *value,
    int len)
{
	X509_NAME *name = X509_NAME_dup(X509_REQ_get_subject_name(req));

	if (X509_NAME_add_entry_by_txt(name, attr, type,
		(const unsigned char *)value, len, -1, 0) != 1 ||
	    X509_REQ_set_subject_name(req, name) != 1)
		bail("%s=%s cannot be added", attr, value);
	X509_NAME_free(name);
}

static void
testcsrs(void)
{
	EVP_PKEY *pkey = cs_key_generate(NULL, "p256", &err), *odd;
	const char *const *p;
	X509_REQ *req;
	size_t i;

	for (i = 0; i < sizeof(csrs) / sizeof(csrs[0]); i++) {
		req = X509_REQ_new();
		for (p = csrs[i].subject; p[0] != NULL; p += 2)
			addattribute(req, p[0], V_ASN1_PRINTABLESTRING, p[1],
			    -1);
		addextensions(req, i);
		X509_REQ_set_pubkey(req, pkey);
		if (X509_REQ_sign(req, pkey, EVP_sha256()) <= 0)
			bail("a request cannot be signed");
		readcsr(req, csrs[i].profile, csrs[i].want, csrs[i].what);
		X509_REQ_free(req);
	}
	odd = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	req = X509_REQ_new();
	X509_REQ_set_pubkey(req, odd);
	X509_REQ_sign(req, pkey, EVP_sha256());
	readcsr(req, "",
	    "r: its key (x25519) is of a kind that cannot sign: make another "
	    "request with a key of type p256 or rsa:2048",
	    "a key that cannot sign");
	EVP_PKEY_free(odd);
	odd = exponent1();
	X509_REQ_set_pubkey(req, odd);
	readcsr(req, "",
	    "r: its key (rsa:2048) has an exponent that is even, or below 3: "
	    "make another request with a key of type p256 or rsa:2048",
	    "an RSA key with exponent 1");
	EVP_PKEY_free(odd);
	if ((odd = nocurve()) == NULL) /* since 4.0 */
		skip("libcrypto has no curves without a name");
	else {
		X509_REQ_set_pubkey(req, odd);
		readcsr(req, "",
		    "r: its key (ec) is on a curve without a name (RFC 5480 "
		    "section 2.1.1): make another request with a key of type "
		    "p256 or rsa:2048",
		    "a key on a curve without a name");
		testkey(odd);
	}
	EVP_PKEY_free(odd);
	addattribute(req, "O", V_ASN1_BIT_STRING, "\1", 1);
	X509_REQ_set_pubkey(req, pkey);
	X509_REQ_sign(req, pkey, EVP_sha256());
	readcsr(req, "",
	    "r: asks for a subject that is refused: O: the value is no text: "
	    "use -S O= to omit it",
	    "an organization that is a BIT STRING");
	X509_REQ_free(req);
	EVP_PKEY_free(pkey);
}

int
main(void)
{
	testnames();
	testprofiles();
	testtimes();
	testca();
	testrequest();
	testcsrs();
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	return tap_done();
}
