/*
 * test-cert.c: certificates parsed strictly, compared, and their names.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "x509/x509.h"
#include "made.h"
#include "tap.h"

/* Bytes in front, behind and missing. */
static void
teststrict(void)
{
	struct certstore_error err;
	unsigned char *der = NULL;
	X509 *again, *x509;
	int len;

	x509 = selfsigned("a", NULL);
	len = i2d_X509(x509, &der);
	der = OPENSSL_realloc(der, (size_t)len + 2);
	der[len] = der[len + 1] = 0;
	again = cs_cert_parse("f:1", der, (size_t)len, &err);
	ok(again != NULL && cs_cert_same(again, x509), "all of it");
	X509_free(again);
	ok(cs_cert_parse("f:1", der, (size_t)len + 1, &err) == NULL,
	    "a byte behind it");
	is_str(err.msg,
	    "f:1: 1 byte follows the certificate: copy it again "
	    "without them",
	    "says so");
	ok(cs_cert_parse("f:1", der, (size_t)len + 2, &err) == NULL &&
		strstr(err.msg, "2 bytes follow the certificate") != NULL,
	    "two");
	ok(cs_cert_parse("f:1", der, (size_t)len - 1, &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "a byte less");
	ok(cs_cert_parse("f:1", der, 0, &err) == NULL, "nothing");
	ok(cs_cert_parse("f:1", der + 1, (size_t)len - 1, &err) == NULL,
	    "another beginning");
	ok(ERR_peek_error() == 0, "the queue is empty");
	OPENSSL_free(der);
	X509_free(x509);
}

/* What d2i_X509 lets pass. */
static void
testmalformed(void)
{
	struct certstore_error err;
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext = NULL;
	unsigned char *der = NULL;
	X509 *x509;
	int len;

	x509 = mkcert(key1, "a", NULL, NULL);
	ASN1_OCTET_STRING_set(octets, (const unsigned char *)"\x30\x05x", 3);
	X509_EXTENSION_create_by_NID(&ext, NID_subject_alt_name, 0, octets);
	X509_add_ext(x509, ext, -1);
	X509_sign(x509, key1, EVP_sha256());
	len = i2d_X509(x509, &der);
	ok(cs_cert_parse("f", der, (size_t)len, &err) == NULL &&
		strstr(err.msg, "extension") != NULL,
	    "SANs that are no SANs");
	OPENSSL_free(der);
	der = NULL;
	X509_free(x509);
	x509 = mkcert(key1, "a", NULL, NULL);
	ASN1_STRING_set(X509_getm_notAfter(x509), "271301000000Z", -1);
	X509_sign(x509, key1, EVP_sha256());
	len = i2d_X509(x509, &der);
	ok(cs_cert_parse("f", der, (size_t)len, &err) == NULL &&
		strstr(err.msg, "validity") != NULL,
	    "a thirteenth month");
	ok(ERR_peek_error() == 0, "the queue is empty");
	OPENSSL_free(der);
	X509_free(x509);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(octets);
}

static const struct {
	const char *time;
	int64_t secs;
} times[] = {
	{ "700101000000Z", 0 },
	{ "500101000000Z", -631152000 },
	{ "491231235959Z", 2524607999 },
	{ "20500101000000Z", 2524608000 },
	{ "20380119031408Z", 2147483648 },
	{ "21000301000000Z", 4107542400 },
	{ "99991231235959Z", 253402300799 },
};

static void
testtimes(void)
{
	struct cs_info info = { 0 };
	X509 *x509;
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		x509 = mkcert(key1, "a", NULL, NULL);
		ASN1_TIME_set_string(X509_getm_notAfter(x509), times[i].time);
		x509 = finish(x509, key1, EVP_sha256());
		is_int(cs_cert_ends(x509), times[i].secs, "%s", times[i].time);
		describe(&info, x509, NULL);
		is_int(info.ends, times[i].secs, "described");
		X509_free(x509);
	}
	cs_info_free(&info);
}

/* The same names, another key: XiVO's recipe, in version 1. */
static void
testsamename(void)
{
	struct cs_info info = { 0 };
	X509 *ca, *x509;

	ca = mkcert(key1, "xivo", NULL, NULL);
	X509_set_version(ca, X509_VERSION_1);
	ca = finish(ca, key1, EVP_sha256());
	x509 = mkcert(key2, "xivo", ca, NULL);
	X509_set_version(x509, X509_VERSION_1);
	x509 = finish(x509, key1, EVP_sha256());
	ok(cs_cert_is_ca(ca), "a root of version 1 is a CA");
	ok(cs_cert_is_self_signed(ca), "and signed by itself");
	ok(!cs_cert_is_ca(x509), "what it issued to its own name is not");
	ok(!cs_cert_is_self_signed(x509), "nor is that signed by itself");
	ok(cs_cert_is_signed_by(x509, ca), "but by the root");
	ok(!cs_cert_is_signed_by(ca, x509), "not the other way");
	describe(&info, x509, NULL);
	is_str(info.kind, "server", "it is a server's");
	X509_free(x509);
	X509_free(ca);
	cs_info_free(&info);
}

static void
testsignedby(void)
{
	static const char *const caexts[] = { "basicConstraints", "CA:TRUE",
		"subjectKeyIdentifier", "hash", NULL };
	static const char *const otherexts[] = { "basicConstraints", "CA:TRUE",
		"subjectKeyIdentifier", "0102", NULL };
	static const char *const exts[] = { "authorityKeyIdentifier", "keyid",
		NULL };
	struct cs_info info = { 0 }, cainfo = { 0 };
	X509 *ca, *other, *renamed, *x509;

	ca = selfsigned("ca", caexts);
	other = selfsigned("ca", otherexts);
	renamed = selfsigned("Other", caexts);
	x509 = finish(mkcert(key2, "a", ca, exts), key1, EVP_sha256());
	ok(cs_cert_is_signed_by(x509, ca), "signed by the CA");
	ok(!cs_cert_is_signed_by(x509, other), "its AKI means another");
	ok(!cs_cert_is_signed_by(x509, renamed), "its issuer is another");
	describe(&info, x509, ca);
	describe(&cainfo, ca, NULL);
	ok(info.aki != NULL && strcmp(info.aki, cainfo.ski) == 0,
	    "its AKI is the CA's SKI");
	is_str(info.issuerhash, cainfo.subjecthash, "its issuer's hash");
	is_int((long long)info.nissuing, 1, "the chain is described");
	is_str(info.issuing[0].fingerprint, cainfo.fingerprint, "by its print");
	is_str(info.issuing[0].subject, "CN=ca", "and its name");
	is_int(info.issuing[0].ends, cs_cert_ends(ca), "and its end");
	ok(cs_cert_same(ca, ca) && !cs_cert_same(ca, other), "same");
	X509_free(x509);
	X509_free(renamed);
	X509_free(other);
	X509_free(ca);
	cs_info_free(&info);
	cs_info_free(&cainfo);
}

static const struct {
	int type;
	const char *bytes;
	size_t len;
	const char *want;
} names[] = {
	{ V_ASN1_UTF8STRING, NAMEOF("Inc, \"a+b\" <c>; d=e"),
	    "O=Inc\\, \\\"a\\+b\\\" \\<c\\>\\; d=e" },
	{ V_ASN1_UTF8STRING, NAMEOF("M\303\274ller"), "O=M\303\274ller" },
	{ V_ASN1_UTF8STRING, NAMEOF(" x "), "O=\\ x\\ " },
	{ V_ASN1_UTF8STRING, NAMEOF("#x"), "O=\\#x" },
	{ V_ASN1_UTF8STRING, NAMEOF("back\\slash"), "O=back\\\\slash" },
	{ V_ASN1_UTF8STRING, NAMEOF("a\nb\033[2J\0c"), "O=a\\0Ab\\1B[2J\\00c" },
	{ V_ASN1_UTF8STRING, NAMEOF("a\342\200\256b"), "O=a\\E2\\80\\AEb" },
	{ V_ASN1_UTF8STRING, NAMEOF("bad \374 \303"), "O=bad \\FC \\C3" },
	{ V_ASN1_T61STRING, NAMEOF("M\374ller"), "O=M\303\274ller" },
	{ V_ASN1_BMPSTRING, NAMEOF("\0M\0\374"), "O=M\303\274" },
	{ V_ASN1_PRINTABLESTRING, NAMEOF("plain"), "O=plain" },
	{ V_ASN1_IA5STRING, NAMEOF("a\200b"), "O=a\\C2\\80b" },
};

static void
testnames(void)
{
	struct cs_buf buf = { 0 };
	X509_NAME *name;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		name = X509_NAME_new();
		X509_NAME_add_entry_by_NID(name, NID_organizationName,
		    names[i].type, (const unsigned char *)names[i].bytes,
		    (int)names[i].len, -1, 0);
		cs_buf_reset(&buf);
		is_int(cs_cert_name_text(name, &buf), 0, "name %zu", i);
		is_str(buf.p, names[i].want, "as text");
		X509_NAME_free(name);
	}
	name = X509_NAME_new();
	cs_buf_reset(&buf);
	is_int(cs_cert_name_text(name, &buf), 0, "an empty name");
	is_str(buf.p, "", "is nothing");
	X509_NAME_free(name);
	cs_buf_free(&buf);
}

/* The same bytes as a string of another type, or not of theirs at all. */
static void
testbadname(void)
{
	struct certstore_error err;
	unsigned char *der = NULL, *p;
	X509 *x509;
	int len;

	x509 = selfsigned("findme", NULL);
	len = i2d_X509(x509, &der);
	p = memmem(der, (size_t)len, "findme", 6);
	p[0] = 0xff;
	ok(cs_cert_parse("f", der, (size_t)len, &err) == NULL,
	    "a UTF8String that is no UTF-8");
	OPENSSL_free(der);
	der = NULL;
	X509_free(x509);
	x509 = selfsigned("odd", NULL);
	len = i2d_X509(x509, &der);
	p = memmem(der, (size_t)len, "odd", 3);
	p[-2] = V_ASN1_BMPSTRING;
	ok(cs_cert_parse("f", der, (size_t)len, &err) == NULL,
	    "a BMPString of odd length");
	ok(ERR_peek_error() == 0, "the queue is empty");
	OPENSSL_free(der);
	X509_free(x509);
}

int
main(void)
{
	mkkeys();
	teststrict();
	testmalformed();
	testtimes();
	testsamename();
	testsignedby();
	testnames();
	testbadname();
	freekeys();
	return tap_done();
}
