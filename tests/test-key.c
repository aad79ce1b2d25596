/*
 * test-key.c: parsing, refusing, generating, writing and naming keys.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "x509/private.h"
#include "input.h"
#include "tap.h"

#define NEEDED "the key is encrypted: use -p with its passphrase"
#define WRONG "the passphrase does not open the key"
#define COSTLY "more than 10000000 iterations"
#define UNKNOWN "damaged or unknown (RFC 8018)"

/* passphrase "-": there is nobody to ask. */
static const struct {
	const char *file;
	const char *passphrase;
	enum certstore_code code;
	const char *want; /* the key's name, or what the message says */
	int asked;
	int old; /* needs the legacy provider */
} files[] = {
	{ "p256", "-", CERTSTORE_OK, "p256", 0, 0 },
	{ "p256", "phones", CERTSTORE_OK, "p256", 0, 0 },
	{ "sec1", "-", CERTSTORE_OK, "p256", 0, 0 },
	{ "pkcs1", "-", CERTSTORE_OK, "rsa:2048", 0, 0 },
	{ "ed25519", "-", CERTSTORE_OK, "ed25519", 0, 0 },
	{ "pbes2", "phones", CERTSTORE_OK, "p256", 1, 0 },
	{ "pbes2", "-", CERTSTORE_EPASSPHRASE, NEEDED, 0, 0 },
	{ "pbes2", NULL, CERTSTORE_EPASSPHRASE, NEEDED, 1, 0 },
	{ "pbes2", "Phones", CERTSTORE_EPASSPHRASE, WRONG, 1, 0 },
	{ "pbes2", "", CERTSTORE_EPASSPHRASE, WRONG, 1, 0 },
	{ "pbes2-sha1", "phones", CERTSTORE_OK, "p256", 1, 0 },
	{ "scrypt", "phones", CERTSTORE_OK, "p256", 1, 0 },
	{ "scrypt", "x", CERTSTORE_EPASSPHRASE, WRONG, 1, 0 },
	{ "pbes1-3des", "phones", CERTSTORE_OK, "p256", 1, 0 },
	{ "pbes1-3des", "x", CERTSTORE_EPASSPHRASE, WRONG, 1, 0 },
	{ "pbes1-rc2", "phones", CERTSTORE_OK, "p256", 1, 1 },
	{ "pbes1-rc2", "x", CERTSTORE_EPASSPHRASE, WRONG, 1, 1 },
	{ "pbes1-rc2", "-", CERTSTORE_EPASSPHRASE, NEEDED, 0, 0 },
	{ "pbes1-des", "phones", CERTSTORE_OK, "p256", 1, 1 },
	{ "pbes2-17m", "phones", CERTSTORE_EINPUT, COSTLY, 0, 0 },
	{ "scrypt-costly", "phones", CERTSTORE_EINPUT, COSTLY, 0, 0 },
	{ "pbes2-negative", "phones", CERTSTORE_EINPUT, UNKNOWN, 0, 0 },
	{ "pbes2-unknown", "phones", CERTSTORE_EINPUT, UNKNOWN, 0, 0 },
	{ "dek-aes256", "phones", CERTSTORE_OK, "rsa:2048", 1, 0 },
	{ "dek-aes256", "x", CERTSTORE_EPASSPHRASE, WRONG, 1, 0 },
	{ "dek-aes256", "-", CERTSTORE_EPASSPHRASE, NEEDED, 0, 0 },
	{ "dek-aes256", NULL, CERTSTORE_EPASSPHRASE, NEEDED, 1, 0 },
	{ "dek-des3", "phones", CERTSTORE_OK, "rsa:2048", 1, 0 },
	{ "dek-des", "phones", CERTSTORE_OK, "rsa:2048", 1, 1 },
	{ "dek-des", "x", CERTSTORE_EPASSPHRASE, WRONG, 1, 1 },
	{ "dek-ec", "phones", CERTSTORE_OK, "p256", 1, 0 },
	{ "public", "-", CERTSTORE_EINPUT, "there is no private key", 0, 0 },
};

static void
testfiles(void)
{
	struct answer a;
	struct certstore_passphrase ask = { answer, &a };
	struct certstore_error err;
	struct cs_buf buf = { 0 };
	char name[80], path[256];
	EVP_PKEY *pkey;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *pass = files[i].passphrase;
		int nobody = pass != NULL && strcmp(pass, "-") == 0;

		if (files[i].old && !haslegacy()) {
			skip("%s: no legacy provider here", files[i].file);
			continue;
		}
		memset(&a, 0, sizeof(a));
		a.passphrase = pass;
		cs_error_clear(&err);
		snprintf(path, sizeof(path), KEYS "%s.pem", files[i].file);
		readfile(path, &buf);
		pkey = cs_key_frompem("k.pem", &buf, nobody ? NULL : &ask,
		    &err);
		is_int(err.code, files[i].code, "%s with %s", files[i].file,
		    pass == NULL ? "(no answer)" : pass);
		if (pkey != NULL) {
			cs_key_name(pkey, name, sizeof(name));
			is_str(name, files[i].want, "%s: its name",
			    files[i].file);
		} else if (!ok(strstr(err.msg, files[i].want) != NULL &&
				   strncmp(err.msg, "k.pem", 5) == 0,
			       "%s: says what and where", files[i].file))
			printf("# %s\n", err.msg);
		is_int(a.asked, files[i].asked, "%s: questions", files[i].file);
		if (a.asked > 0)
			ok(strcmp(a.what, "k.pem") == 0,
			    "%s: the question names it", files[i].file);
		ok(ERR_peek_error() == 0, "%s: the queue is empty",
		    files[i].file);
		EVP_PKEY_free(pkey);
	}
	cs_buf_free(&buf);
}

/* Where the legacy provider is not installed, that is what is said. */
static void
testnolegacy(void)
{
	static const char *const olds[] = { "pbes1-rc2", "pbes1-des",
		"dek-des" };
	struct answer a = { "phones", 0, "" };
	struct certstore_passphrase ask = { answer, &a };
	struct certstore_error err;
	struct cs_buf buf = { 0 };
	char path[256];
	size_t i;

	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	for (i = 0; i < sizeof(olds) / sizeof(olds[0]); i++) {
		snprintf(path, sizeof(path), KEYS "%s.pem", olds[i]);
		readfile(path, &buf);
		ok(cs_key_frompem("k", &buf, &ask, &err) == NULL &&
			err.code == CERTSTORE_EINPUT &&
			strstr(err.msg, "legacy provider") != NULL,
		    "%s without the legacy provider", olds[i]);
	}
	ok(ERR_peek_error() == 0, "the queue is empty");
	unsetenv("OPENSSL_MODULES");
	cs_buf_free(&buf);
}

/* The same key in all its forms has one SPKI. */
static void
testspki(void)
{
	static const char *const same[] = { "sec1", "pbes2", "dek-ec" };
	struct answer a = { "phones", 0, "" };
	struct certstore_passphrase ask = { answer, &a };
	struct certstore_error err;
	struct certstore_entry *entry;
	struct cs_buf buf = { 0 };
	char hex[65], path[256], want[65];
	EVP_PKEY *pkey;
	size_t i;

	readfile(KEYS "p256.pem", &buf);
	pkey = cs_key_frompem("p256", &buf, NULL, &err);
	is_int(cs_key_spki(pkey, want, &err), 0, "the SPKI of a key");
	EVP_PKEY_free(pkey);
	for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		snprintf(path, sizeof(path), KEYS "%s.pem", same[i]);
		readfile(path, &buf);
		pkey = cs_key_frompem(path, &buf, &ask, &err);
		cs_key_spki(pkey, hex, &err);
		is_str(hex, want, "%s has the same SPKI", same[i]);
		EVP_PKEY_free(pkey);
	}
	readfile(KEYS "public.pem", &buf);
	entry = certstore_key_read("public", buf.p, buf.len, NULL, &err);
	is_str(entry == NULL ? err.msg : certstore_entry_spki(entry), want,
	    "so has its public key");
	certstore_entry_free(entry);
	readfile(KEYS "public-pkcs1.pem", &buf);
	entry = certstore_key_read("public", buf.p, buf.len, NULL, &err);
	is_str(entry == NULL ? err.msg : certstore_entry_key(entry), "rsa:2048",
	    "a public key of PKCS#1");
	certstore_entry_free(entry);
	/* the algorithm is another one */
	cs_buf_reset(&buf);
	cs_buf_adds(&buf,
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MA0wBQYDK2UBAwQAAQID\n"
	    "-----END PUBLIC KEY-----\n");
	entry = certstore_key_read("public", buf.p, buf.len, NULL, &err);
	ok(entry == NULL && err.code == CERTSTORE_EINPUT &&
		strstr(err.msg, "this public key is damaged") != NULL,
	    "one of an unknown kind: %s", err.msg);
	cs_buf_free(&buf);
}

static void
testder(void)
{
	char label[] = "k.der", none[] = "", rsa[] = "RSA PRIVATE KEY";
	struct cs_pem pem = { .type = CS_PEM_KEY,
		.label = label,
		.pemlabel = none };
	struct certstore_error err;
	unsigned char *der = NULL;
	EVP_PKEY *made, *pkey;
	int len;

	made = cs_key_generate(NULL, "p256", &err);
	len = i2d_PrivateKey(made, &der);
	der = OPENSSL_realloc(der, (size_t)len + 1);
	der[len] = 0;
	pem.der = der;
	pem.derlen = (size_t)len;
	pkey = cs_key_parse(&pem, NULL, &err);
	ok(pkey != NULL && EVP_PKEY_eq(pkey, made) == 1, "SEC1 in DER");
	EVP_PKEY_free(pkey);
	pem.pemlabel = rsa;
	pkey = cs_key_parse(&pem, NULL, &err);
	ok(pkey != NULL, "an EC key under the label of RSA");
	EVP_PKEY_free(pkey);
	pem.derlen = (size_t)len + 1;
	ok(cs_key_parse(&pem, NULL, &err) == NULL &&
		err.code == CERTSTORE_EINPUT && strstr(err.msg, "follow"),
	    "a byte behind the DER");
	pem.derlen = (size_t)len - 1;
	ok(cs_key_parse(&pem, NULL, &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "a byte less");
	pem.derlen = 0;
	ok(cs_key_parse(&pem, NULL, &err) == NULL, "nothing at all");
	pem.derlen = (size_t)len;
	der[2] ^= 0x1f;
	ok(cs_key_parse(&pem, NULL, &err) == NULL &&
		strstr(err.msg, "k.der: ") == err.msg,
	    "a damaged key");
	ok(ERR_peek_error() == 0, "the queue is empty");
	pem.type = CS_PEM_CERT;
	ok(cs_key_parse(&pem, NULL, &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "a certificate is no key");
	EVP_PKEY_free(made);
	OPENSSL_free(der);
}

static int
nothing(const unsigned char *der, size_t len)
{
	(void)der;
	return len > 0;
}

/* What DEK-Info may say wrongly. */
static void
testdek(void)
{
	static const char *const bad[] = { "", "AES-256-CBC", ",00",
		"AES-256-CBC,", "AES-256-CBC,00",
		"AES-256-CBC,0011223344556677889900112233445566",
		"AES-256-CBC,001122334455667788990011223344xx", "AES-256-ECB,",
		"AES-256-GCM,001122334455667788990011",
		"NO-SUCH\033-CBC,0011223344556677" };
	struct answer a = { "phones", 0, "" };
	struct certstore_passphrase ask = { answer, &a };
	unsigned char data[32] = { 0 };
	struct certstore_error err;
	char *opened = NULL;
	size_t i, len;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cs_error_clear(&err);
		ok(cs_decrypt_dek("k", bad[i], data, sizeof(data), &ask,
		       nothing, &len, &opened, &err) == NULL &&
			err.code == CERTSTORE_EINPUT &&
			strchr(err.msg, '\033') == NULL,
		    "DEK-Info %zu is refused", i);
	}
	ok(cs_decrypt_dek("k", "AES-256-CBC,00112233445566778899001122334455",
	       data, 0, &ask, nothing, &len, &opened, &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "no octet of a key is refused");
	is_int(a.asked, 0, "before anything is asked");
}

static const struct {
	const char *type;
	const char *name;
	int weak;
} made[] = {
	{ "", "p256", 0 },
	{ "p256", "p256", 0 },
	{ "p384", "p384", 0 },
	{ "rsa:2048", "rsa:2048", 0 },
	{ "rsa:3072", "rsa:3072", 0 },
	{ "rsa:4096", "rsa:4096", 0 },
	{ "ed25519", "ed25519", 0 },
};

static void
testmade(void)
{
	struct certstore_error err;
	struct cs_buf buf = { 0 };
	EVP_PKEY *again, *pkey;
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		pkey = cs_key_generate(NULL, made[i].type, &err);
		cs_key_name(pkey, name, sizeof(name));
		is_str(name, made[i].name, "\"%s\" makes one", made[i].type);
		is_int(cs_strength_isweak(pkey), made[i].weak, "%s: weak",
		    name);
		cs_buf_reset(&buf);
		is_int(cs_key_encode(&buf, pkey, NULL, &err), 0, "%s: written",
		    name);
		ok(strncmp(buf.p, "-----BEGIN PRIVATE KEY-----\n", 28) == 0,
		    "%s: as PKCS#8", name);
		again = cs_key_frompem("x", &buf, NULL, &err);
		ok(again != NULL && EVP_PKEY_eq(again, pkey) == 1,
		    "%s: read again", name);
		EVP_PKEY_free(again);
		EVP_PKEY_free(pkey);
	}
	cs_buf_free(&buf);
}

static void
testweak(void)
{
	EVP_PKEY *pkey;
	char name[80];

	pkey = EVP_RSA_gen(1024);
	cs_key_name(pkey, name, sizeof(name));
	is_str(name, "rsa:1024", "a short RSA key");
	is_int(cs_strength_isweak(pkey), 1, "is weak");
	EVP_PKEY_free(pkey);
	pkey = EVP_EC_gen("prime192v1");
	cs_key_name(pkey, name, sizeof(name));
	is_str(name, "prime192v1", "a curve without a name of ours");
	is_int(cs_strength_isweak(pkey), 1, "is weak, too");
	EVP_PKEY_free(pkey);
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	cs_key_name(pkey, name, sizeof(name));
	is_str(name, "ed448", "ed448");
	EVP_PKEY_free(pkey);
	cs_key_name(NULL, name, sizeof(name));
	is_str(name, "unknown", "a key libcrypto doesn't know");
}

static void
testtypes(void)
{
	static const char *const bad[] = { "", "rsa", "rsa:1024", "rsa:2048 ",
		"P256", "p-256", "ec", "\033[2J" };
	struct certstore_error err;
	size_t i;

	is_int(cs_key_type_check("p384", &err), 0, "p384 is a type");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(cs_key_type_check(bad[i], &err) == -1 &&
			err.code == CERTSTORE_EARGUMENT &&
			strstr(err.msg, "rsa:3072") != NULL &&
			strchr(err.msg, '\033') == NULL,
		    "type %zu is refused", i);
	ok(cs_key_generate(NULL, "rsa:512", &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "and none is made");
}

static void
testencrypt(void)
{
	struct answer a = { "p\303\244ss", 0, "" };
	struct certstore_passphrase ask = { answer, &a };
	struct certstore_error err;
	struct cs_buf buf = { 0 };
	EVP_PKEY *again, *pkey;
	char longer[CS_PASSPHRASE_MAX + 2];

	pkey = cs_key_generate(NULL, NULL, &err);
	is_int(cs_key_encode(&buf, pkey, "p\303\244ss", &err), 0, "encrypted");
	ok(strncmp(buf.p, "-----BEGIN ENCRYPTED PRIVATE KEY-----", 37) == 0,
	    "as PKCS#8");
	again = cs_key_frompem("x", &buf, &ask, &err);
	ok(again != NULL && EVP_PKEY_eq(again, pkey) == 1, "opened again");
	EVP_PKEY_free(again);
	ok(cs_key_frompem("x", &buf, NULL, &err) == NULL &&
		err.code == CERTSTORE_EPASSPHRASE,
	    "not without its passphrase");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	cs_buf_reset(&buf);
	ok(cs_key_encode(&buf, pkey, longer, &err) == -1 &&
		err.code == CERTSTORE_EARGUMENT && buf.len == 0,
	    "a passphrase that is too long");
	ok(cs_key_encode(&buf, pkey, "", &err) == -1 && buf.len == 0,
	    "an empty passphrase");
	is_int(cs_key_encode_public(&buf, pkey, &err), 0, "the public key");
	ok(strncmp(buf.p, "-----BEGIN PUBLIC KEY-----\n", 27) == 0, "as PEM");
	EVP_PKEY_free(pkey);
	cs_buf_free(&buf);
}

static void
testfail(void)
{
	struct certstore_error err;

	ERR_raise(ERR_LIB_X509, X509_R_INVALID_TRUST);
	ERR_raise(ERR_LIB_X509, X509_R_UNKNOWN_KEY_TYPE);
	is_int(cs_fail_crypto(&err, CERTSTORE_ECRYPTO, "%s: no", "x"), -1,
	    "a failure of libcrypto");
	is_str(err.msg, "x: no: invalid trust", "the oldest reason is said");
	ok(ERR_peek_error() == 0, "and the queue is empty");
	cs_fail_crypto(&err, CERTSTORE_EINPUT, "no reason");
	is_str(err.msg, "no reason", "an empty queue");
}

/* A key in DER, as a file would give it. */
static EVP_PKEY *
parseder(unsigned char *der, int len)
{
	char label[] = "k", none[] = "";
	struct cs_pem pem = { .type = CS_PEM_KEY,
		.label = label,
		.pemlabel = none,
		.der = der,
		.derlen = (size_t)len };
	struct certstore_error err;

	return cs_key_parse(&pem, NULL, &err);
}

/* Whether both are written alike. */
static int
samewritten(EVP_PKEY *a, EVP_PKEY *b)
{
	struct certstore_error err;
	struct cs_buf pem[2] = { { 0 }, { 0 } }, pub[2] = { { 0 }, { 0 } };
	int same;

	same = a != NULL && b != NULL && EVP_PKEY_eq(a, b) == 1 &&
	    cs_key_encode(&pem[0], a, NULL, &err) == 0 &&
	    cs_key_encode(&pem[1], b, NULL, &err) == 0 &&
	    strcmp(pem[0].p, pem[1].p) == 0 &&
	    cs_key_encode_public(&pub[0], a, &err) == 0 &&
	    cs_key_encode_public(&pub[1], b, &err) == 0 &&
	    strcmp(pub[0].p, pub[1].p) == 0;
	cs_buf_free(&pem[0]);
	cs_buf_free(&pem[1]);
	cs_buf_free(&pub[0]);
	cs_buf_free(&pub[1]);
	return same;
}

/* A key, which it frees: written, and read from PKCS#8 and from a form of its
 * own, it is the same key in the same form. */
static void
testround(EVP_PKEY *pkey, const char *name)
{
	struct certstore_error err;
	struct cs_buf pem = { 0 };
	char match[CS_HASH_LEN], spki[CS_HASH_LEN];
	EVP_PKEY *own, *read;
	unsigned char *der = NULL;
	int len;

	if (pkey == NULL)
		bail("%s: cannot be made", name);
	ok(cs_key_encode(&pem, pkey, NULL, &err) == 0, "%s: written", name);
	read = cs_key_frompem("k", &pem, NULL, &err);
	ok(read != NULL && EVP_PKEY_eq(read, pkey) == 1 &&
		cs_keypair_matches(read),
	    "%s: read again", name);
	ok(samewritten(read, read), "%s: written again", name);
	cs_key_match(pkey, match, &err);
	cs_key_spki(read, spki, &err);
	is_str(match, spki, "%s: its SPKI", name);
	if ((len = i2d_PrivateKey(pkey, &der)) > 0) {
		own = parseder(der, len);
		ok(samewritten(own, read), "%s: read from its own form", name);
		EVP_PKEY_free(own);
	}
	ERR_clear_error();
	OPENSSL_free(der);
	cs_buf_free(&pem);
	EVP_PKEY_free(read);
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
		testround(cs_key_generate(NULL, types[i], &err), types[i]);
	testround(stored(KEYS "rsa3072.pem"), "rsa:3072");
	testround(stored(KEYS "rsa4096.pem"), "rsa:4096");
	testround(EVP_EC_gen("P-521"), "p521");
	testround(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "ed448");
	testround(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "x25519");
	testround(EVP_PKEY_Q_keygen(NULL, NULL, "SM2"), "sm2");
	testround(rsa("RSA-PSS", 2), "rsa-pss");
	testround(EVP_RSA_gen(1024), "rsa:1024");
	testround(rsa("RSA", 3), "rsa of three primes");
}

static void
testec(void)
{
	static const char *const form =
	    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT;
	EC_builtin_curve *curves;
	size_t i, n;

	testround(with(EVP_EC_gen("P-256"), form, "compressed"), "compressed");
	testround(with(EVP_EC_gen("P-256"), form, "hybrid"), "hybrid");
	testround(with(EVP_EC_gen("P-256"), OSSL_PKEY_PARAM_EC_ENCODING,
		      "explicit"),
	    "explicit parameters");
	testround(withoutpublic(EVP_EC_gen("P-256")), "no public part");
	testround(withoutpublic(with(EVP_EC_gen("P-384"), form, "compressed")),
	    "no public part, compressed");
	n = EC_get_builtin_curves(NULL, 0);
	if ((curves = calloc(n, sizeof(*curves))) == NULL)
		bail("no memory");
	EC_get_builtin_curves(curves, n);
	for (i = 0; i < n; i++) {
		EVP_PKEY *pkey = EVP_EC_gen(OBJ_nid2sn(curves[i].nid));

		ERR_clear_error();
		/* not all have keys, not all an OID; SM2 is another kind */
		if (pkey != NULL && curves[i].nid != NID_sm2 &&
		    OBJ_length(OBJ_nid2obj(curves[i].nid)) > 0)
			testround(pkey, OBJ_nid2sn(curves[i].nid));
		else
			EVP_PKEY_free(pkey);
	}
	free(curves);
}

/* Each byte in turn has some of its bits changed: a key for us, if it is one
 * for libcrypto that tries all it knows; never more than that. */
static void
testdamaged(EVP_PKEY *pkey, int own, const char *name)
{
	static const unsigned char bits[] = { 0x01, 0x20, 0xff };
	EVP_PKEY *any, *ours;
	PKCS8_PRIV_KEY_INFO *p8;
	const unsigned char *p;
	unsigned char *der = NULL;
	int differ = 0, i, len;
	size_t j;

	p8 = EVP_PKEY2PKCS8(pkey);
	len = own ? i2d_PrivateKey(pkey, &der) :
		    i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
	for (i = 0; i < len; i++)
		for (j = 0; j < sizeof(bits); j++) {
			if (i >= 80 && i + 20 < len && (size_t)i % 3 != j)
				continue;
			der[i] ^= bits[j];
			ours = parseder(der, len);
			p = der;
			any = d2i_AutoPrivateKey(NULL, &p, len);
			if ((ours == NULL) != (any == NULL) ||
			    (ours != NULL && EVP_PKEY_eq(ours, any) != 1)) {
				printf("# byte %d, bits %02x\n", i, bits[j]);
				differ++;
			}
			EVP_PKEY_free(ours);
			EVP_PKEY_free(any);
			ERR_clear_error();
			der[i] ^= bits[j];
		}
	ok(len > 0 && differ == 0, "%s, damaged: as libcrypto reads it", name);
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(p8);
	EVP_PKEY_free(pkey);
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
	unsigned char *der;
	EVP_PKEY *pkey;
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
	der = OPENSSL_hexstr2buf(text.p, &len);
	pkey = parseder(der, (int)len);
	is_int(pkey != NULL, forms[i].good, "%s: taken or refused",
	    forms[i].name);
	if (pkey != NULL)
		ok(cs_keypair_matches(pkey), "%s: a pair", forms[i].name);
	EVP_PKEY_free(pkey);
	OPENSSL_free(der);
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

/* Files with one octet of the DER changed; the passphrase is right. */
static const struct {
	const char *file;
	size_t at;
	unsigned char to;
	enum certstore_code code;
	const char *want;
	int asked;
	int old; /* the message needs the legacy provider */
} patched[] = {
	{ "pbes2", 5, 0x04, CERTSTORE_EINPUT, "not an encrypted key in DER", 0,
	    0 },
	{ "pbes2", 16, 0x04, CERTSTORE_EINPUT, UNKNOWN, 0, 0 },
	{ "pbes2", 45, 0x93, CERTSTORE_EINPUT, UNKNOWN, 0, 0 },
	{ "pbes2", 73, 0x7f, CERTSTORE_EINPUT,
	    "encrypted in a way that libcrypto cannot open", 1, 1 },
	{ "scrypt", 43, 0x04, CERTSTORE_EINPUT, UNKNOWN, 0, 0 },
	{ "scrypt", 49, 0x00, CERTSTORE_EINPUT, UNKNOWN, 0, 0 },
};

static void
testpatched(void)
{
	struct answer a = { "phones", 0, "" };
	struct certstore_passphrase ask = { answer, &a };
	struct cs_pems items = { 0 };
	struct cs_buf buf = { 0 };
	struct certstore_error err;
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(patched) / sizeof(patched[0]); i++) {
		if (patched[i].old && !haslegacy()) {
			skip("%s: no legacy provider here", patched[i].file);
			continue;
		}
		snprintf(path, sizeof(path), KEYS "%s.pem", patched[i].file);
		readfile(path, &buf);
		if (cs_pem_read("k", buf.p, buf.len, NULL, &items, &err) == -1)
			bail("%s", err.msg);
		a.asked = 0;
		items.v[0].der[patched[i].at] = patched[i].to;
		ok(cs_key_parse(&items.v[0], &ask, &err) == NULL &&
			err.code == patched[i].code &&
			strstr(err.msg, patched[i].want) != NULL,
		    "%s with octet %zu changed: %s", patched[i].file,
		    patched[i].at, patched[i].want);
		is_int(a.asked, patched[i].asked, "questions");
		cs_item_free(&items);
	}
	ok(ERR_peek_error() == 0, "the queue is empty");
	cs_buf_free(&buf);
}

#define ED25519 "300506032b6570"
#define SEED "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SCALAR "04220420" SEED
#define LATER 2 /* from OpenSSL 3.5 on nobody looks at that */

/* PKCS#8 of version 2, by what is in it; PUBLIC is that of SEED. */
static const struct {
	const char *name;
	const char *body;
	const char *bits; /* the tag of the public part and what precedes it */
	const char *after;
	int good;
} secondforms[] = {
	{ "no public part", "020101" ED25519 SCALAR, NULL, "", 1 },
	{ "RFC 5958", "020101" ED25519 SCALAR, "812100", "", 1 },
	{ "as ring writes it", "020101" ED25519 SCALAR, "a123032100", "", 1 },
	{ "attributes before the public part", "020101" ED25519 SCALAR "a000",
	    "812100", "", 1 },
	{ "attributes that are none", "020101" ED25519 SCALAR "a0020500", NULL,
	    "", 1 },
	{ "an unused bit", "020101" ED25519 SCALAR, "812101", "", LATER },
	{ "an empty public part", "020101" ED25519 SCALAR "8100", NULL, "", 0 },
	{ "no BIT STRING", "020101" ED25519 SCALAR "a1020500", NULL, "", 0 },
	{ "another tag", "020101" ED25519 SCALAR, "822100", "", 0 },
	{ "something behind", "020101" ED25519 SCALAR, "812100", "0500", 0 },
	{ "half an element", "020101" ED25519 SCALAR "8150", NULL, "", 0 },
	{ "an unknown algorithm", "020101300506032b6501" SCALAR, "812100", "",
	    0 },
	{ "no algorithm", "0201010500" SCALAR, NULL, "", 0 },
	{ "version 3", "020102" ED25519 SCALAR, "812100", "", 0 },
	{ "no version", ED25519 SCALAR, "812100", "", 0 },
	{ "no SEQUENCE", "", NULL, "", 0 },
	{ "version 1 of an unknown algorithm", "020100300506032b6501" SCALAR,
	    NULL, "", 0 },
};

/* Encrypts anything as if it was a key, as quickly as possible. */
static unsigned char *
seal(const unsigned char *in, long inlen, int *len)
{
	X509_ALGOR *alg, *to;
	X509_SIG *sig = X509_SIG_new();
	ASN1_OCTET_STRING *data;
	unsigned char *der = NULL, *out = NULL;
	int n;

	alg = PKCS5_pbe2_set_iv(EVP_aes_128_cbc(), 1, NULL, 0, NULL,
	    NID_hmacWithSHA256);
	if (alg == NULL || sig == NULL ||
	    PKCS12_pbe_crypt(alg, "phones", 6, in, (int)inlen, &out, &n, 1) ==
		NULL)
		bail("a key cannot be encrypted");
	X509_SIG_getm(sig, &to, &data);
	if (X509_ALGOR_copy(to, alg) != 1 ||
	    ASN1_OCTET_STRING_set(data, out, n) != 1 ||
	    (*len = i2d_X509_SIG(sig, &der)) <= 0)
		bail("a key cannot be encrypted");
	OPENSSL_free(out);
	X509_ALGOR_free(alg);
	X509_SIG_free(sig);
	return der;
}

static void
testsecond(void)
{
	char label[] = "k", none[] = "", hex[65];
	struct answer a = { "phones", 0, "" };
	struct certstore_passphrase ask = { answer, &a };
	struct cs_pem sealed = { .type = CS_PEM_KEY_PKCS8ENC,
		.label = label,
		.pemlabel = none };
	struct cs_buf text = { 0 };
	struct certstore_error err;
	unsigned char *der, *seed, pub[32];
	EVP_PKEY *pkey, *want;
	size_t i, publen = sizeof(pub);
	long len;
	int n = 0;

	seed = OPENSSL_hexstr2buf(SEED, &len);
	want = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	EVP_PKEY_get_raw_public_key(want, pub, &publen);
	cs_hex(hex, pub, sizeof(pub));
	for (i = 0; i < sizeof(secondforms) / sizeof(secondforms[0]); i++) {
		cs_buf_reset(&text);
		cs_buf_adds(&text, secondforms[i].body);
		if (secondforms[i].bits != NULL)
			cs_buf_printf(&text, "%s%s", secondforms[i].bits, hex);
		cs_buf_adds(&text, secondforms[i].after);
		enclose(&text, text.len > 0 ? "30" : "05");
		der = OPENSSL_hexstr2buf(text.p, &len);
		pkey = parseder(der, (int)len);
		ok(pkey == NULL ?
			secondforms[i].good != 1 :
			secondforms[i].good && EVP_PKEY_eq(pkey, want) == 1,
		    "version 2: %s", secondforms[i].name);
		EVP_PKEY_free(pkey);
		sealed.der = seal(der, len, &n);
		sealed.derlen = (size_t)n;
		pkey = cs_key_parse(&sealed, &ask, &err);
		if (!ok(pkey == NULL ?
			    secondforms[i].good != 1 &&
				(strstr(err.msg, WRONG) != NULL ||
				    strstr(err.msg, "unknown kind") != NULL) :
			    secondforms[i].good && EVP_PKEY_eq(pkey, want) == 1,
			"and encrypted"))
			printf("# %s\n", err.msg);
		EVP_PKEY_free(pkey);
		free(sealed.passphrase);
		sealed.passphrase = NULL;
		OPENSSL_free(sealed.der);
		OPENSSL_free(der);
	}
	ok(ERR_peek_error() == 0, "the queue is empty");
	EVP_PKEY_free(want);
	OPENSSL_free(seed);
	cs_buf_free(&text);
}

/* What is kept as it came is what would be written. */
static void
testwritten(void)
{
	static const char *const others[] = { "p384", "ed25519" };
	struct certstore_error err;
	struct cs_buf pem = { 0 }, kept = { 0 };
	struct cs_pems items = { 0 };
	EVP_PKEY *pkey;
	size_t i;

	pkey = cs_key_generate(NULL, "p256", &err);
	cs_key_encode(&pem, pkey, NULL, &err);
	EVP_PKEY_free(pkey);
	if (cs_pem_read("k", pem.p, pem.len, NULL, &items, &err) == -1)
		bail("%s", err.msg);
	ok(cs_key_iswritten(&items.v[0]), "p256, as it is written");
	cs_pem_encode(&kept, "PRIVATE KEY", items.v[0].der, items.v[0].derlen);
	is_str(kept.p, pem.p, "and kept");
	for (i = 0; i < items.v[0].derlen; i++) {
		items.v[0].der[i] ^= 0x20;
		if (cs_key_iswritten(&items.v[0]) !=
		    ((i >= 36 && i < 68) || i >= 74))
			break;
		items.v[0].der[i] ^= 0x20;
	}
	is_int((int)i, 138, "not with another octet but in its numbers");
	items.v[0].type = CS_PEM_KEY_PKCS8ENC;
	ok(!cs_key_iswritten(&items.v[0]), "nor as something else");
	cs_item_free(&items);
	for (i = 0; i < 2; i++) {
		pkey = cs_key_generate(NULL, others[i], &err);
		cs_buf_reset(&pem);
		cs_key_encode(&pem, pkey, NULL, &err);
		EVP_PKEY_free(pkey);
		cs_pem_read("k", pem.p, pem.len, NULL, &items, &err);
		ok(!cs_key_iswritten(&items.v[0]), "nor %s", others[i]);
		cs_item_free(&items);
	}
	cs_buf_free(&kept);
	cs_buf_free(&pem);
}

/* What is only public has no private form. */
static void
testpublic(void)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256"), *pub;
	const unsigned char *p;
	unsigned char *der = NULL;
	struct certstore_error err;
	struct cs_buf buf = { 0 };
	int len;

	len = i2d_PUBKEY(pkey, &der);
	p = der;
	pub = d2i_PUBKEY(NULL, &p, len);
	ok(pub != NULL && EVP_PKEY_eq(pub, pkey) == 1, "a public key");
	ok(cs_key_encode(&buf, pub, NULL, &err) == -1 && buf.len == 0 &&
		err.code == CERTSTORE_ECRYPTO,
	    "has no private part to write");
	ok(ERR_peek_error() == 0, "the queue is empty");
	OPENSSL_free(der);
	EVP_PKEY_free(pub);
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
	EVP_PKEY *changed = NULL;
	int i;

	for (i = 0; i < 8; i++)
		EVP_PKEY_get_bn_param(pkey, names[i], &bn[i]);
	if (wrong > 0)
		BN_add_word(bn[wrong - 1], 2);
	for (i = 0; i < 8; i++)
		OSSL_PARAM_BLD_push_BN(bld, names[i], bn[i]);
	params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &changed, EVP_PKEY_KEYPAIR, params);
	for (i = 0; i < 8; i++)
		BN_free(bn[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return changed;
}

/* Its modulus and exponents, and no more. */
static EVP_PKEY *
withoutprimes(EVP_PKEY *pkey)
{
	static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
		OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn[3] = { NULL };
	OSSL_PARAM *params;
	EVP_PKEY *less = NULL;
	int i;

	for (i = 0; i < 3; i++) {
		EVP_PKEY_get_bn_param(pkey, names[i], &bn[i]);
		OSSL_PARAM_BLD_push_BN(bld, names[i], bn[i]);
	}
	params = OSSL_PARAM_BLD_to_param(bld);
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &less, EVP_PKEY_KEYPAIR, params) != 1)
		bail("an RSA key without primes");
	for (i = 0; i < 3; i++)
		BN_free(bn[i]);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return less;
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
		ok(wrong != NULL && cs_keypair_matches(wrong) == (i == 0),
		    "an RSA key, part %d wrong", i);
		EVP_PKEY_free(wrong);
	}
	wrong = withoutprimes(pkey);
	ok(cs_keypair_matches(wrong) == 0, "an RSA key without its primes");
	EVP_PKEY_free(wrong);
	EVP_PKEY_free(pkey);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	pkey = NULL;
	ok(EVP_PKEY_keygen_init(ctx) == 1 &&
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 1024) == 1 &&
		EVP_PKEY_generate(ctx, &pkey) == 1,
	    "an RSA-PSS key");
	EVP_PKEY_CTX_free(ctx);
	ok(cs_keypair_matches(pkey) == 1, "RSA-PSS");
	EVP_PKEY_free(pkey);
	pkey = EVP_EC_gen("P-384");
	ok(cs_keypair_matches(pkey) == 1, "EC");
	EVP_PKEY_free(pkey);
	pkey = cs_key_generate(NULL, "ed25519", &err);
	ok(cs_keypair_matches(pkey) == 1, "Ed25519");
	EVP_PKEY_free(pkey);
	ok(ERR_peek_error() == 0, "nothing is left in the queue");
}

int
main(void)
{
	struct certstore_error err;

	testtypes();
	testfiles();
	testnolegacy();
	testspki();
	testder();
	testdek();
	testmade();
	testweak();
	testencrypt();
	testkinds();
	testec();
	testforms();
	testpatched();
	testsecond();
	testwritten();
	testpublic();
	testpairs();
	testdamaged(EVP_EC_gen("P-256"), 0, "p256");
	testdamaged(EVP_EC_gen("P-256"), 1, "p256, SEC1");
	testdamaged(cs_key_generate(NULL, "ed25519", &err), 0, "ed25519");
	testdamaged(EVP_RSA_gen(512), 0, "rsa");
	testdamaged(EVP_RSA_gen(512), 1, "rsa, PKCS#1");
	testfail();
	return tap_done();
}
