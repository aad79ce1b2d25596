/*
 * test-describe.c: the lines of info for certificates and requests.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "x509/private.h"
#include "input.h"
#include "made.h"
#include "tap.h"

static const char vodia[] =
    "kind server\n"
    "key rsa:2048\n"
    "spki "
    "bfa7e929f035b2709811cbf49eb0246f776693cfbfa6c01550fe44ed3b1306b4\n"
    "fingerprint "
    "3ffd552a8a7073d65b0613165d47bc9a996b1966d1dd77f9770acae3eaeebe19\n"
    "serial 85aaa98944b47af0\n"
    "starts 1468677552 2016-07-16T13:59:12Z\n"
    "ends 1557151152 2019-05-06T13:59:12Z\n"
    "subject emailAddress=info@vodia.com,CN=localhost,"
    "O=Vodia Networks\\, Inc,L=Woburn,ST=MA,C=US\n"
    "issuer emailAddress=info@vodia.com,CN=Vodia Root CA,"
    "O=Vodia Networks\\, Inc,L=Woburn,ST=Massachusetts,C=US\n"
    "subjecthash 92326b25\n"
    "issuerhash 5e8f6c19\n"
    "serves\n"
    "cn localhost\n";

static void
testvodia(void)
{
	struct certstore_error err;
	struct cs_buf buf = { 0 };
	struct cs_info info = { 0 };
	STACK_OF(X509) *certs;

	readfile("tests/data/vodia-localhost.pem", &buf);
	certs = cs_cert_stack("vodia", &buf, 0, &err);
	is_int(sk_X509_num(certs), 1, "the Vodia fixture");
	cs_describe_cert(&info.text, certs, &err);
	is_str(info.text.p, vodia, "is described");
	sk_X509_pop_free(certs, X509_free);
	cs_info_free(&info);
	cs_buf_free(&buf);
}

static const struct {
	const char *bytes; /* of the magnitude */
	size_t len;
	int negative;
	const char *want;
} serials[] = {
	{ "\1", 1, 0, "01" },
	{ "\0", 1, 0, "00" },
	{ "\x85\xaa", 2, 0, "85aa" }, /* 00 85 aa in DER */
	{ "\x0f\xff", 2, 0, "0fff" },
	{ "\5", 1, 1, "-05" },
	{ "\x80", 1, 1, "-80" },
	{ "0123456789abcdef0123", 20, 0,
	    "3031323334353637383961626364656630313233" },
};

static void
testserials(void)
{
	struct cs_info info = { 0 };
	X509 *x509;
	BIGNUM *bn;
	size_t i;

	for (i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		x509 = mkcert(key1, "a", NULL, NULL);
		bn = BN_bin2bn((const unsigned char *)serials[i].bytes,
		    (int)serials[i].len, NULL);
		BN_set_negative(bn, serials[i].negative);
		BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x509));
		BN_free(bn);
		x509 = finish(x509, key1, EVP_sha256());
		describe(&info, x509, NULL);
		is_str(info.serial, serials[i].want, "a serial");
		X509_free(x509);
	}
	cs_info_free(&info);
}

static const struct {
	int gen;
	const char *bytes;
	size_t len;
	const char *want;
} sans[] = {
	{ GEN_DNS, NAMEOF("a.example"), "san dns a.example" },
	{ GEN_DNS, NAMEOF("*.example"), "san dns *.example" },
	{ GEN_DNS, NAMEOF("a.example\0.evil"), "san dns a.example\\000.evil" },
	{ GEN_DNS, NAMEOF("a\nsan dns b"), "san dns a\\nsan dns b" },
	{ GEN_DNS, NAMEOF("../certs/victim"), "san dns ../certs/victim" },
	{ GEN_DNS, NAMEOF("m\303\274nchen.de"), "san dns m\303\274nchen.de" },
	{ GEN_DNS, NAMEOF("m\374nchen.de"), "san dns m\\374nchen.de" },
	{ GEN_DNS, NAMEOF(""), "san dns " },
	{ GEN_EMAIL, NAMEOF("a@b.example"), "san email a@b.example" },
	{ GEN_URI, NAMEOF("sip:a@b.example"), "san uri sip:a@b.example" },
	{ GEN_IPADD, NAMEOF("\300\0\2\1"), "san ip 192.0.2.1" },
	{ GEN_IPADD, NAMEOF("\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1"),
	    "san ip 2001:db8::1" },
	{ GEN_IPADD, NAMEOF("\300\0\2"), "san other ip:c00002" },
	{ GEN_IPADD, NAMEOF("\300\0\2\0\377\377\377\0"),
	    "san other ip:c0000200ffffff00" },
};

static void
testsans(void)
{
	struct cs_info info = { 0 };
	size_t i;

	for (i = 0; i < sizeof(sans) / sizeof(sans[0]); i++) {
		GENERAL_NAMES *names = GENERAL_NAMES_new();
		GENERAL_NAME *gn = GENERAL_NAME_new();
		ASN1_STRING *s = ASN1_STRING_type_new(sans[i].gen == GEN_IPADD ?
			V_ASN1_OCTET_STRING :
			V_ASN1_IA5STRING);
		X509 *x509 = mkcert(key1, "not.this", NULL, NULL);
		char line[256];

		ASN1_STRING_set(s, sans[i].bytes, (int)sans[i].len);
		GENERAL_NAME_set0_value(gn, sans[i].gen, s);
		sk_GENERAL_NAME_push(names, gn);
		X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0);
		GENERAL_NAMES_free(names);
		x509 = finish(x509, key1, EVP_sha256());
		describe(&info, x509, NULL);
		is_int((long long)info.nsan, 1, "SAN %zu is one", i);
		ok(info.cn == NULL, "without the CN");
		snprintf(line, sizeof(line), "san %s %s",
		    cs_san_names[info.san[0].type], info.san[0].value);
		is_str(line, sans[i].want, "its text");
		X509_free(x509);
	}
	cs_info_free(&info);
}

static void
testothers(void)
{
	static const char *const exts[] = { "subjectAltName",
		"DNS:a.example,otherName:1.3.6.1.5.5.7.8.5;UTF8:a@b,"
		"otherName:1.2.3.4;INTEGER:7,RID:1.2.3,DNS:b.example",
		NULL };
	static const char *const want[] = { "a.example",
		"1.3.6.1.5.5.7.8.5=a@b", "1.2.3.4", "rid:1.2.3", "b.example" };
	struct cs_info info = { 0 };
	X509 *x509;
	size_t i;

	x509 = selfsigned("x", exts);
	describe(&info, x509, NULL);
	is_int((long long)info.nsan, 5, "SANs of several types");
	for (i = 0; i < info.nsan && i < 5; i++)
		is_str(info.san[i].value, want[i], "in order");
	X509_free(x509);
	cs_info_free(&info);
}

#define EKU "extendedKeyUsage"
#define BC "basicConstraints"
#define KU "keyUsage"
#define TN "1.3.6.1.5.5.7.1.26"

/* Signed by another, unless the kind is self. */
static const struct {
	const char *exts[7];
	int self;
	const char *kind;
	int serves;
	const char *usage; /* words run together */
} kinds[] = {
	{ { NULL }, 0, "server", 1, "" },
	{ { EKU, "serverAuth" }, 0, "server", 1, "server" },
	{ { EKU, "anyExtendedKeyUsage" }, 0, "server", 1, "any" },
	{ { EKU, "serverAuth,clientAuth" }, 0, "peer", 1, "serverclient" },
	{ { EKU, "clientAuth" }, 0, "client", 0, "client" },
	{ { EKU, "clientAuth,emailProtection" }, 0, "mail", 0, "clientemail" },
	{ { EKU, "emailProtection" }, 0, "mail", 0, "email" },
	{ { EKU, "serverAuth,emailProtection" }, 0, "server", 1,
	    "serveremail" },
	{ { EKU, "codeSigning,timeStamping,OCSPSigning,1.2.3.4" }, 0, "other",
	    0, "codetimeocsp1.2.3.4" },
	{ { BC, "CA:TRUE" }, 0, "ca", 0, "" },
	{ { BC, "CA:TRUE" }, 1, "ca", 0, "" },
	{ { BC, "CA:TRUE", KU, "digitalSignature" }, 0, "ca", 0, "" },
	{ { BC, "CA:FALSE" }, 1, "self", 1, "" },
	{ { KU, "keyCertSign" }, 1, "ca", 0, "" },
	{ { EKU, "serverAuth" }, 1, "self", 1, "server" },
	{ { EKU, "clientAuth" }, 1, "self", 0, "client" },
	{ { TN, "DER:3008a006160438313848" }, 0, "shaken", 0, "" },
	{ { TN, "DER:ffff" }, 0, "shaken", 0, "" },
	{ { TN, "DER:3008a006160438313848", BC, "CA:TRUE" }, 0, "ca", 0, "" },
};

static void
testkinds(void)
{
	struct certstore_error err;
	struct cs_info info = { 0 }, shown = { 0 };
	char words[256];
	X509 *issuer, *x509;
	size_t i, k;

	issuer = finish(mkcert(key2, "ca", NULL, NULL), key2, EVP_sha256());
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		x509 = mkcert(key1, "a", kinds[i].self ? NULL : issuer,
		    kinds[i].exts);
		x509 = finish(x509, kinds[i].self ? key1 : key2, EVP_sha256());
		describe(&info, x509, NULL);
		is_str(info.kind, kinds[i].kind, "kind %zu", i);
		is_int(info.serves, kinds[i].serves, "serves");
		is_int(info.self, kinds[i].self, "self");
		words[0] = '\0';
		for (k = 0; k < info.usage.n; k++)
			strcat(words, info.usage.v[k]);
		is_str(words, kinds[i].usage, "its usages");
		is_int(cs_describe_shown(&shown.text, x509, &err), 0, "shown");
		is_int(cs_info_parse(&shown, &err), 0, "it is read again");
		is_str(shown.kind, kinds[i].kind, "the kind is the same");
		is_int(shown.serves, kinds[i].serves, "and serves");
		cs_info_reset(&shown);
		X509_free(x509);
	}
	X509_free(issuer);
	cs_info_free(&shown);
	cs_info_free(&info);
}

static const struct {
	const char *der;  /* "DER:" and hexadecimal digits */
	const char *want; /* the codes, the numbers; NULL: malformed */
} lists[] = {
	{ "3008a006160438313848", "818H;" },
	{ "3008a006160438313868", "818h;" }, /* lower case stays */
	{ "3010a006160438313848a006160437303941", "818H 709A;" },
	{ "300fa20d160b3132313535353530313030", ";12155550100" },
	{ "3005a203160123", ";#" },
	{ "3014a1123010160b3132313535353530303030020164", ";12155550000+100" },
	/* what follows count is skipped */
	{ "3016a1143012160b31323135353535303030300201640500",
	    ";12155550000+100" },
	{ "301ca11a3018160f39393939393939393939393939393002050000000002",
	    NULL }, /* a count in too many octets */
	{ "3018a1163014160f393939393939393939393939393930020109",
	    ";999999999999990+9" },
	{ "3018a1163014160f39393939393939393939393939393002010a", NULL },
	{ "3005a203160120", NULL },				  /* a blank */
	{ "3014a212161031323334353637383930313233343536", NULL }, /* 16 */
	{ "3000", NULL },					  /* no entry */
	{ "3004a0021600", NULL }, /* an empty code */
	{ "3004a2021600", NULL },
	{ "3005a0031601ff", NULL },	      /* not ASCII */
	{ "3006130438313848", NULL },	      /* PrintableString without tag */
	{ "3006800438313848", NULL },	      /* an implicit tag */
	{ "3008a006130438313848", NULL },     /* the wrong string */
	{ "3008a0061604383138480500", NULL }, /* more behind it */
	{ "308008a006160438313848", NULL },
	{ "3080a0061604383138480000", NULL }, /* BER: indefinite length */
	{ "308108a006160438313848", NULL },   /* BER: a long length */
	{ "3008a306160438313848", NULL },     /* another tag */
	{ "300aa1083006160130020101", NULL }, /* a range of one */
	{ "300aa1083006160130020100", NULL },
	{ "300aa10830061601300201fe", NULL }, /* a negative count */
	{ "300aa108300616012a020102", NULL }, /* a range from * */
	{ "300aa1083006160131020109", NULL }, /* 1 + 9 has two digits */
	{ "300aa1083006160131020108", ";1+8" },
	{ "3012a110300e160131020900ffffffffffffffff", NULL },
	{ "3013a111300f160131020a010000000000000000", NULL },
	{ "3007a1053003160131", NULL },
	{ "3013a011160f2e2e2f2e2e2f63657274732f782020", "../../certs/x  ;" },
	{ "3011a00f160d2e2e2f2e2e2f63657274732f78", "../../certs/x;" },
	{ "3006a00416020041", "\\000A;" },
	{ "ffff", NULL },
};

/* Joins the items of a list with blanks. */
static void
joinlist(char text[256], const struct cs_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, list->v[i]);
	}
}

static int
readlist(const X509 *x509, struct cs_tnauth *list, const char **why)
{
	return cs_tnauth_read(X509_get0_extensions(x509), list, why);
}

static void
testtnauth(void)
{
	const char *exts[3] = { TN, NULL, NULL };
	struct cs_info info = { 0 };
	struct cs_tnauth list;
	char der[256], text[256];
	const char *why;
	X509 *x509;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		snprintf(der, sizeof(der), "DER:%s", lists[i].der);
		exts[1] = der;
		x509 = selfsigned("x", exts);
		describe(&info, x509, NULL);
		is_str(info.kind, "shaken", "%s", lists[i].der);
		text[0] = '\0';
		joinlist(text, &info.spcs);
		strcat(text, ";");
		joinlist(text, &info.tns);
		is_str(text, lists[i].want == NULL ? ";" : lists[i].want,
		    "its codes and numbers");
		is_int(readlist(x509, &list, &why), lists[i].want != NULL,
		    "well-formed or not");
		ok((why == NULL) == (lists[i].want != NULL), "and why");
		is_int(info.tnauth != NULL, lists[i].want == NULL,
		    "info has why");
		is_int((long long)ERR_peek_error(), 0, "the queue is empty");
		cs_tnauth_free(&list);
		X509_free(x509);
	}
	x509 = mkcert(key1, "x", NULL, exts);
	addext(x509, x509, TN, "DER:3008a006160438313848");
	is_int(readlist(x509, &list, &why), 0, "a list twice");
	is_str(why, "it is there twice", "is malformed");
	X509_free(x509);
	x509 = mkcert(key1, "x", NULL, NULL);
	is_int(readlist(x509, &list, &why), 0, "no list");
	ok(why == NULL && !cs_tnauth_isin(X509_get0_extensions(x509)),
	    "is none");
	X509_free(x509);
	cs_info_free(&info);
}

static const struct {
	const char *outer, *inner;
	unsigned long long n;
} covers[] = {
	{ "12155550000+100", "12155550000", 100 },
	{ "12155550000+100", "12155550099", 100 },
	{ "12155550000+100", "12155550100", 0 },
	{ "12155550000+100", "12155549999", 0 },
	{ "12155550000+100", "12155550050+50", 100 },
	{ "12155550000+100", "12155550050+51", 0 },
	{ "12155550000+100", "2155550000", 0 },
	{ "12155550000+100", "1215555000#", 0 },
	{ "*21", "*21", 1 },
	{ "*21", "*22", 0 },
	{ "12155550000", "12155550000+2", 0 },
	{ "00+50", "07", 50 },
	{ "999999999999990+9", "999999999999998", 9 },
	{ "999999999999990+9", "999999999999999", 0 },
	{ "12155550000+", "12155550000", 0 },
	{ "", "", 0 },
};

static const struct {
	const char *text, *number;
} questions[] = {
	{ "+12155550100", "12155550100" },
	{ "12155550100", "12155550100" },
	{ "+1-(215)-555.0100", "12155550100" },
	{ "*21#", "*21#" },
	{ "123456789012345", "123456789012345" },
	{ "1234567890123456", NULL },
	{ "", NULL },
	{ "+", NULL },
	{ "-.()", NULL },
	{ "+1 215", NULL },
	{ "++1", NULL },
	{ "1+1", NULL },
	{ "1215555010A", NULL },
	{ "+12155550100;ext=1", NULL },
};

static const struct {
	const char *text, *range;
} ranges[] = {
	{ "+1-215-555-0000", "12155550000" },
	{ "+12155550000+100", "12155550000+100" },
	{ "12155550000+100", "12155550000+100" },
	{ "99+1", NULL },
	{ "99+2", NULL },
	{ "10+100", NULL },
	{ "1+99999999999999999", NULL },
	{ "12155550000+", NULL },
	{ "12155550000+1x", NULL },
	{ "12155550000+1+2", NULL },
	{ "*21+100", NULL },
	{ "+100", "100" },
	{ "++100", NULL },
	{ "x+100", NULL },
	{ "1----------------------------------------------------------------2",
	    NULL },
};

static void
testnumbers(void)
{
	char out[CS_TEL_MAX + 1], range[CS_TEL_RANGE_MAX + 1];
	size_t i;

	for (i = 0; i < sizeof(covers) / sizeof(covers[0]); i++)
		is_int((long long)cs_tel_covers(covers[i].outer,
			   covers[i].inner),
		    (long long)covers[i].n, "%s in %s", covers[i].inner,
		    covers[i].outer);
	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (questions[i].number == NULL)
			ok(cs_tel_read(questions[i].text, out) != NULL,
			    "\"%s\" is no number", questions[i].text);
		else if (ok(cs_tel_read(questions[i].text, out) == NULL,
			     "\"%s\" is a number", questions[i].text))
			is_str(out, questions[i].number, "as a list has it");
	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (ranges[i].range == NULL)
			ok(cs_tel_readrange(ranges[i].text, range) != NULL,
			    "\"%s\" is no range", ranges[i].text);
		else if (ok(cs_tel_readrange(ranges[i].text, range) == NULL,
			     "\"%s\" is a number or range", ranges[i].text))
			is_str(range, ranges[i].range, "as a list has it");
	ok(cs_tel_rangeflaw("1x", 2, 2) != NULL, "not a number");
}

static void
testsubject(void)
{
	struct cs_info info = { 0 };
	X509_NAME *name;
	X509 *x509;

	x509 = mkcert(key1, "", NULL, NULL);
	x509 = finish(x509, key1, EVP_sha256());
	describe(&info, x509, NULL);
	ok(info.subject == NULL && info.cn == NULL, "no subject, no CN");
	X509_free(x509);
	x509 = mkcert(key1, "one.example", NULL, NULL);
	name = (X509_NAME *)(uintptr_t)X509_get_subject_name(x509);
	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)"two.example", -1, -1, 0);
	x509 = finish(x509, key1, EVP_sha256());
	describe(&info, x509, NULL);
	is_str(info.cn, "two.example", "the last CN counts");
	X509_free(x509);
	cs_info_free(&info);
}

static void
testweak(void)
{
	struct cs_info info = { 0 };
	EVP_PKEY *rsa = EVP_RSA_gen(1024);
	X509 *ca, *oldca, *x509;

	ca = selfsigned("ca", NULL);
	oldca = finish(mkcert(key1, "ca", NULL, NULL), key1, EVP_sha1());
	describe(&info, oldca, NULL);
	ok(!info.weak, "a self-signature with SHA-1 doesn't matter");
	describe(&info, ca, NULL);
	ok(!info.weak, "P-256 with SHA-256 is not weak");
	x509 = finish(mkcert(rsa, "a", ca, NULL), key1, EVP_sha256());
	describe(&info, x509, NULL);
	ok(info.weak && strcmp(info.key, "rsa:1024") == 0, "RSA 1024 is");
	X509_free(x509);
	x509 = finish(mkcert(key2, "a", ca, NULL), key1, EVP_sha1());
	describe(&info, x509, NULL);
	ok(info.weak, "so is SHA-1");
	X509_free(ca);
	ca = finish(mkcert(key2, "b", oldca, NULL), key1, EVP_sha256());
	describe(&info, ca, x509);
	ok(info.weak, "and what is sent along");
	describe(&info, ca, oldca);
	ok(!info.weak, "but not a root");
	X509_free(x509);
	X509_free(oldca);
	X509_free(ca);
	EVP_PKEY_free(rsa);
	cs_info_free(&info);
}

/* A name of a type that nobody uses: an ediPartyName. */
static void
testodd(void)
{
	static const char *const exts[] = { "subjectAltName",
		"DER:300aa508a1060c046e616d65", NULL };
	struct cs_info info = { 0 };
	X509 *x509 = selfsigned("odd", exts);

	describe(&info, x509, NULL);
	is_str(info.nsan == 1 ? info.san[0].value : NULL, "type:5",
	    "an ediPartyName");
	X509_free(x509);
	cs_info_free(&info);
}

static void
testcsr(void)
{
	struct certstore_error err;
	struct cs_info info = { 0 };
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	X509_REQ *again, *csr = X509_REQ_new();
	struct cs_buf pem = { 0 };
	unsigned char *der = NULL;
	EVP_PKEY *weak;
	char hex[65];
	int len;

	sk_X509_EXTENSION_push(exts,
	    X509V3_EXT_nconf_nid(NULL, NULL, NID_subject_alt_name,
		"DNS:a.example,IP:192.0.2.1"));
	X509_REQ_add_extensions(csr, exts);
	X509_NAME_add_entry_by_NID((X509_NAME *)(uintptr_t)
				       X509_REQ_get_subject_name(csr),
	    NID_commonName, MBSTRING_UTF8, (const unsigned char *)"a", -1, -1,
	    0);
	X509_REQ_set_pubkey(csr, key1);
	X509_REQ_sign(csr, key1, EVP_sha256());
	len = i2d_X509_REQ(csr, &der);
	der = OPENSSL_realloc(der, (size_t)len + 1);
	der[len] = 0;
	ok(cs_cert_parse_csr("r", der, (size_t)len + 1, &err) == NULL &&
		strstr(err.msg, "follows the request") != NULL,
	    "a byte behind a request");
	ok(cs_cert_parse_csr("r", der, (size_t)len - 1, &err) == NULL,
	    "a byte less");
	again = cs_cert_parse_csr("r", der, (size_t)len, &err);
	ok(again != NULL, "a request");
	cs_describe_csr(&info.text, again, 0, &err);
	cs_info_parse(&info, &err);
	is_str(info.kind, "waiting", "waits");
	is_str(info.subject, "CN=a", "its subject");
	is_int((long long)info.nsan, 2, "its names");
	cs_key_spki(key1, hex, &err);
	is_str(info.spki, hex, "its key");
	is_str(info.request, hex, "is asked for by");
	ok(!info.weak, "it is strong");
	weak = EVP_RSA_gen(1024);
	X509_REQ_set_pubkey(csr, weak);
	cs_info_reset(&info);
	cs_describe_csr(&info.text, csr, 0, &err);
	ok(strstr(info.text.p, "\nweak\n") != NULL,
	    "and RSA of 1024 bits weak");
	EVP_PKEY_free(weak);
	cs_buf_adds(&pem, "-----BEGIN CERTIFICATE-----\nMAA=\n");
	ok(cs_cert_csr_frompem("r", &pem, &err) == NULL, "half a block");
	cs_buf_reset(&pem);
	cs_key_encode(&pem, key1, NULL, &err);
	ok(cs_cert_csr_frompem("r", &pem, &err) == NULL &&
		err.code == CERTSTORE_EDAMAGED,
	    "a key is no request: %s", err.msg);
	cs_buf_free(&pem);
	ok(ERR_peek_error() == 0, "the queue is empty");
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	OPENSSL_free(der);
	X509_REQ_free(again);
	X509_REQ_free(csr);
	cs_info_free(&info);
}

int
main(void)
{
	mkkeys();
	testvodia();
	testserials();
	testodd();
	testsans();
	testothers();
	testkinds();
	testtnauth();
	testnumbers();
	testsubject();
	testweak();
	testcsr();
	freekeys();
	return tap_done();
}
