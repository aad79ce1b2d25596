/*
 * test-keyform.c: keys to and from ASN.1, against what libcrypto's encoders
 * and decoders make of the same.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "x509/private.h"
#include "input.h"

struct der {
	unsigned char *p;
	int len;
};

static void
freeder(struct der *der)
{
	OPENSSL_clear_free(der->p, der->len > 0 ? (size_t)der->len : 0);
	der->p = NULL;
	der->len = 0;
}

static int
sameder(const struct der *a, const struct der *b)
{
	if (a->len <= 0 || b->len <= 0)
		return a->len <= 0 && b->len <= 0;
	return a->len == b->len && memcmp(a->p, b->p, (size_t)a->len) == 0;
}

/* PKCS#8 by libcrypto. */
static struct der
pkcs8(EVP_PKEY *pkey)
{
	struct der der = { NULL, 0 };
	PKCS8_PRIV_KEY_INFO *p8;

	if ((p8 = EVP_PKEY2PKCS8(pkey)) != NULL)
		der.len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der.p);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return der;
}

static int
samepublic(EVP_PKEY *a, EVP_PKEY *b)
{
	struct der ours = { NULL, 0 }, want = { NULL, 0 };
	int same;

	ours.len = cs_keyform_spki(a, &ours.p);
	want.len = i2d_PUBKEY(b, &want.p);
	same = sameder(&ours, &want);
	freeder(&ours);
	freeder(&want);
	return same;
}

static int
sameprivate(EVP_PKEY *a, EVP_PKEY *b)
{
	struct der ours = { NULL, 0 }, want;
	PKCS8_PRIV_KEY_INFO *p8;
	int same;

	if ((p8 = cs_keyform_wrap(a)) != NULL)
		ours.len = i2d_PKCS8_PRIV_KEY_INFO(p8, &ours.p);
	PKCS8_PRIV_KEY_INFO_free(p8);
	want = pkcs8(b);
	same = sameder(&ours, &want);
	freeder(&ours);
	freeder(&want);
	return same;
}

static EVP_PKEY *
parse(const struct der *der)
{
	char label[] = "k", none[] = "";
	struct cs_pem pem = { .type = CS_PEM_KEY,
		.label = label,
		.pemlabel = none,
		.der = der->p,
		.derlen = (size_t)der->len };
	struct certstore_error err;

	return cs_key_parse(&pem, NULL, &err);
}

static EVP_PKEY *
decode(const struct der *der)
{
	const unsigned char *p = der->p;

	return d2i_AutoPrivateKey(NULL, &p, der->len);
}

/* As we read an EC key: the curve by name, the point whole. */
static void
unify(EVP_PKEY *pkey)
{
	char group[80];

	if (!EVP_PKEY_is_a(pkey, "EC"))
		return;
	EVP_PKEY_set_utf8_string_param(pkey,
	    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	    strncmp(group, "Oakley", 6) != 0) /* they have no OID */
		EVP_PKEY_set_utf8_string_param(pkey,
		    OSSL_PKEY_PARAM_EC_ENCODING, "named_curve");
}

/* Read by us and by libcrypto it is the same key, or none. */
static int
sameread(const struct der *der)
{
	EVP_PKEY *ours, *want;
	int same;

	ours = parse(der);
	if ((want = decode(der)) != NULL)
		unify(want);
	if (ours != NULL && want != NULL)
		same = samepublic(ours, want) && samepublic(want, ours) &&
		    sameprivate(ours, want) && sameprivate(want, ours);
	else
		same = ours == NULL && want == NULL;
	EVP_PKEY_free(ours);
	EVP_PKEY_free(want);
	ERR_clear_error();
	return same;
}

/* All there is about one key, which it frees. */
static void
compare(EVP_PKEY *pkey, const char *name)
{
	struct der der;

	if (pkey == NULL)
		bail("%s: can't be made", name);
	ok(samepublic(pkey, pkey), "%s: its SubjectPublicKeyInfo", name);
	ok(sameprivate(pkey, pkey), "%s: its PKCS#8", name);
	der = pkcs8(pkey);
	ok(sameread(&der), "%s: read from PKCS#8", name);
	freeder(&der);
	if ((der.len = i2d_PrivateKey(pkey, &der.p)) > 0)
		ok(sameread(&der), "%s: read from its own form", name);
	freeder(&der);
	ERR_clear_error();
	EVP_PKEY_free(pkey);
}

static EVP_PKEY *
with(EVP_PKEY *pkey, const char *param, const char *value)
{
	if (EVP_PKEY_set_utf8_string_param(pkey, param, value) != 1)
		bail("%s: %s", param, value);
	return pkey;
}

static EVP_PKEY *
withoutpublic(EVP_PKEY *pkey)
{
	if (EVP_PKEY_set_int_param(pkey, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC,
		0) != 1)
		bail("include-public");
	return pkey;
}

static EVP_PKEY *
rsa(const char *type, int primes)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_primes(ctx, primes) != 1)
		bail("%s", type);
	EVP_PKEY_generate(ctx, &pkey);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* One that takes long to make. */
static EVP_PKEY *
stored(const char *file)
{
	FILE *f = fopen(file, "r");
	EVP_PKEY *pkey;

	if (f == NULL ||
	    (pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL)) == NULL)
		bail("%s: no key", file);
	fclose(f);
	return pkey;
}

static void
testkinds(void)
{
	static const char *const types[] = { "p256", "p384", "ed25519",
		"rsa:2048" };
	struct certstore_error err;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		compare(cs_key_generate(types[i], &err), types[i]);
	compare(stored(KEYS "rsa3072.pem"), "rsa:3072");
	compare(stored(KEYS "rsa4096.pem"), "rsa:4096");
	compare(EVP_EC_gen("P-521"), "p521");
	compare(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "ed448");
	compare(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "x25519");
	compare(EVP_PKEY_Q_keygen(NULL, NULL, "SM2"), "sm2");
	compare(rsa("RSA-PSS", 2), "rsa-pss");
	compare(EVP_RSA_gen(1024), "rsa:1024");
	compare(rsa("RSA", 3), "rsa of three primes");
}

static void
testec(void)
{
	static const char *const form =
	    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT;
	EC_builtin_curve *curves;
	size_t i, n;

	compare(with(EVP_EC_gen("P-256"), form, "compressed"), "compressed");
	compare(with(EVP_EC_gen("P-256"), form, "hybrid"), "hybrid");
	compare(with(EVP_EC_gen("P-256"), OSSL_PKEY_PARAM_EC_ENCODING,
		    "explicit"),
	    "explicit parameters");
	compare(withoutpublic(EVP_EC_gen("P-256")), "no public part");
	compare(withoutpublic(with(EVP_EC_gen("P-384"), form, "compressed")),
	    "no public part, compressed");
	n = EC_get_builtin_curves(NULL, 0);
	if ((curves = calloc(n, sizeof(*curves))) == NULL)
		bail("no memory");
	EC_get_builtin_curves(curves, n);
	for (i = 0; i < n; i++) {
		EVP_PKEY *pkey = EVP_EC_gen(OBJ_nid2sn(curves[i].nid));

		ERR_clear_error();
		if (pkey != NULL) /* not all have keys for themselves */
			compare(pkey, OBJ_nid2sn(curves[i].nid));
	}
	free(curves);
}

/* Of an EC or RSA key: libcrypto writes it as it came, we as it has to be. */
static int
isversion(const struct der *der, int i)
{
	return i >= 2 && i + 1 < der->len &&
	    (memcmp(der->p + i - 2, "\x02\x01\x01\x04", 4) == 0 ||
		memcmp(der->p + i - 2, "\x02\x01\x00\x02", 4) == 0);
}

/*
 * Each byte of a key in turn has some of its bits changed, in three ways where
 * the forms are, in one of them farther on, where there are numbers.
 */
static void
testdamaged(EVP_PKEY *pkey, int own, const char *name)
{
	static const unsigned char bits[] = { 0x01, 0x20, 0xff };
	struct der der = { NULL, 0 };
	int differ = 0, i;
	size_t j;

	if (own)
		der.len = i2d_PrivateKey(pkey, &der.p);
	else
		der = pkcs8(pkey);
	for (i = 0; i < der.len; i++)
		for (j = 0; j < sizeof(bits) && !isversion(&der, i); j++) {
			if (i >= 80 && i + 20 < der.len && (size_t)i % 3 != j)
				continue;
			der.p[i] ^= bits[j];
			if (!sameread(&der)) {
				printf("# byte %d, bits %02x\n", i, bits[j]);
				differ++;
			}
			der.p[i] ^= bits[j];
		}
	ok(der.len > 0 && differ == 0, "%s, damaged: as libcrypto reads it",
	    name);
	freeder(&der);
	EVP_PKEY_free(pkey);
}

/* Hexadecimal of DER: the contents get tag and length before them. */
static void
enclose(struct cs_buf *text, const char *tag)
{
	struct cs_buf out = { 0 };
	size_t n = text->len / 2;

	cs_buf_printf(&out, "%s%s%02zx", tag, n > 127 ? "81" : "", n);
	cs_buf_add(&out, text->p == NULL ? "" : text->p, text->len);
	cs_buf_free(text);
	*text = out;
}

#define P256 "06082a8648ce3d030107"
#define P384 "06052b81040022"
#define ATTRIBUTES \
	"a00f300d0603551d0f31060304" \
	"03020080"

/* What others write, or nobody: RFC 5915 in other words. */
static const struct {
	const char *name;
	const char *version; /* of what is inside */
	const char *zero;    /* before the private part */
	const char *curve;   /* inside */
	const char *unused;  /* bits of the public part */
	const char *behind;  /* inside */
	const char *outer;   /* curve in PKCS#8, NULL: not in PKCS#8 */
	const char *attributes;
	int good;
} forms[] = {
	{ "PKCS#8", "01", "", "", "00", "", P256, "", 1 },
	{ "SEC1", "01", "", P256, "00", "", NULL, "", 1 },
	{ "the curve in both places", "01", "", P256, "00", "", P256, "", 1 },
	{ "another curve inside", "01", "", P384, "00", "", P256, "", 0 },
	{ "another curve outside", "01", "", P256, "00", "", P384, "", 1 },
	{ "the curve nowhere", "01", "", "", "00", "", NULL, "", 0 },
	{ "an unknown curve", "01", "", "", "00", "", "06032a0304", "", 0 },
	{ "no curve but a number", "01", "", "", "00", "", "020101", "", 0 },
	{ "a zero before the private part", "01", "00", "", "00", "", P256, "",
	    1 },
	{ "version 2", "02", "", "", "00", "", P256, "", 1 },
	{ "an unused bit", "01", "", "", "01", "", P256, "", 0 },
	{ "a byte behind, inside", "01", "", "", "00", "00", P256, "", 1 },
	{ "attributes", "01", "", "", "00", "", P256, ATTRIBUTES, 1 },
};

/* The parts of a P-256 key, in hexadecimal.  The last bit is set. */
static void
parts(char scalar[65], char point[131])
{
	unsigned char raw[65] = { 0 }, number[32];
	EVP_PKEY *pkey;
	BIGNUM *bn = NULL;
	size_t n;

	while ((raw[64] & 1) == 0) {
		pkey = EVP_EC_gen("P-256");
		if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY,
			&bn) != 1 ||
		    BN_bn2binpad(bn, number, sizeof(number)) !=
			sizeof(number) ||
		    EVP_PKEY_get_octet_string_param(pkey,
			OSSL_PKEY_PARAM_PUB_KEY, raw, sizeof(raw), &n) != 1)
			bail("the parts of a key");
		EVP_PKEY_free(pkey);
	}
	cs_hex(scalar, number, sizeof(number));
	cs_hex(point, raw, sizeof(raw));
	BN_free(bn);
}

static void
addenclosed(struct cs_buf *to, const char *tag, const char *a, const char *b)
{
	struct cs_buf text = { 0 };

	cs_buf_printf(&text, "%s%s", a, b);
	enclose(&text, tag);
	cs_buf_add(to, text.p, text.len);
	cs_buf_free(&text);
}

static void
addform(struct cs_buf *text, size_t i, const char *scalar, const char *point)
{
	struct cs_buf pub = { 0 };

	cs_buf_printf(text, "0201%s", forms[i].version);
	addenclosed(text, "04", forms[i].zero, scalar);
	if (forms[i].curve[0] != '\0')
		addenclosed(text, "a0", forms[i].curve, "");
	addenclosed(&pub, "03", forms[i].unused, point);
	addenclosed(text, "a1", pub.p, "");
	enclose(text, "30");
	cs_buf_adds(text, forms[i].behind);
	cs_buf_free(&pub);
}

static void
testform(size_t i, const char *scalar, const char *point)
{
	struct cs_buf text = { 0 }, inner = { 0 };
	EVP_PKEY *pkey;
	struct der der;
	long len;

	addform(&inner, i, scalar, point);
	if (forms[i].outer != NULL) {
		cs_buf_adds(&text, "020100");
		addenclosed(&text, "30", "06072a8648ce3d0201", forms[i].outer);
		addenclosed(&text, "04", inner.p, "");
		cs_buf_adds(&text, forms[i].attributes);
		enclose(&text, "30");
	} else
		cs_buf_adds(&text, inner.p);
	der.p = OPENSSL_hexstr2buf(text.p, &len);
	der.len = (int)len;
	pkey = parse(&der);
	is_int(pkey != NULL, forms[i].good, "%s: taken or refused",
	    forms[i].name);
	if (strcmp(forms[i].version, "01") == 0)
		ok(sameread(&der), "%s: as libcrypto does", forms[i].name);
	EVP_PKEY_free(pkey);
	freeder(&der);
	cs_buf_free(&inner);
	cs_buf_free(&text);
}

static void
testforms(void)
{
	char scalar[65], point[131];
	size_t i;

	parts(scalar, point);
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		testform(i, scalar, point);
}

/* What is only public has no private form. */
static void
testpublic(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256"), *pub;
	const unsigned char *p;
	struct der der = { NULL, 0 };

	der.len = cs_keyform_spki(pkey, &der.p);
	p = der.p;
	pub = d2i_PUBKEY(NULL, &p, der.len);
	ok(pub != NULL && EVP_PKEY_eq(pub, pkey) == 1, "a public key");
	ok(samepublic(pub, pkey), "and what is made of it");
	ok(cs_keyform_wrap(pub) == NULL, "there is no private part");
	ERR_clear_error();
	EVP_PKEY_free(pub);
	freeder(&der);
	EVP_PKEY_free(pkey);
}

/* An RSA key of these eight parts, of which one, counted from 1, is two more
 * than it should be. */
static EVP_PKEY *
rsawrong(EVP_PKEY *pkey, int wrong)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
		OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
		OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn[8] = { NULL };
	OSSL_PARAM *params;
	EVP_PKEY *made = NULL;
	int i;

	for (i = 0; i < 8; i++)
		EVP_PKEY_get_bn_param(pkey, names[i], &bn[i]);
	if (wrong > 0)
		BN_add_word(bn[wrong - 1], 2);
	for (i = 0; i < 8; i++)
		OSSL_PARAM_BLD_push_BN(bld, names[i], bn[i]);
	params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_KEYPAIR, params);
	for (i = 0; i < 8; i++)
		BN_free(bn[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return made;
}

static void
testpairs(void)
{
	EVP_PKEY *pkey = EVP_RSA_gen(1024), *wrong;
	EVP_PKEY_CTX *ctx;
	struct certstore_error err;
	int i;

	for (i = 0; i <= 8; i++) {
		wrong = rsawrong(pkey, i);
		ok(wrong != NULL && cs_keyform_ispair(wrong) == (i == 0),
		    "an RSA key, part %d wrong", i);
		EVP_PKEY_free(wrong);
	}
	EVP_PKEY_free(pkey);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	pkey = NULL;
	ok(EVP_PKEY_keygen_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) == 1 &&
		EVP_PKEY_generate(ctx, &pkey) == 1,
	    "an RSA-PSS key");
	EVP_PKEY_CTX_free(ctx);
	ok(cs_keyform_ispair(pkey) == 1, "RSA-PSS");
	EVP_PKEY_free(pkey);
	pkey = EVP_EC_gen("P-384");
	ok(cs_keyform_ispair(pkey) == 1, "EC");
	EVP_PKEY_free(pkey);
	pkey = cs_key_generate("ed25519", &err);
	ok(cs_keyform_ispair(pkey) == 1, "Ed25519");
	EVP_PKEY_free(pkey);
	ok(ERR_peek_error() == 0, "nothing is left in the queue");
}

int
main(void)
{
	struct certstore_error err;

	testkinds();
	testec();
	testforms();
	testpublic();
	testpairs();
	testdamaged(EVP_EC_gen("P-256"), 0, "p256");
	testdamaged(EVP_EC_gen("P-256"), 1, "p256, SEC1");
	testdamaged(cs_key_generate("ed25519", &err), 0, "ed25519");
	testdamaged(EVP_RSA_gen(512), 0, "rsa");
	testdamaged(EVP_RSA_gen(512), 1, "rsa, PKCS#1");
	return tap_done();
}
