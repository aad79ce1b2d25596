/*
 * test-key.c: keys read, refused, made, written and named.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
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

	made = cs_key_generate("p256", &err);
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
		pkey = cs_key_generate(made[i].type, &err);
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
	ok(cs_key_generate("rsa:512", &err) == NULL &&
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

	pkey = cs_key_generate(NULL, &err);
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

int
main(void)
{
	testtypes();
	testfiles();
	testnolegacy();
	testspki();
	testder();
	testdek();
	testmade();
	testweak();
	testencrypt();
	testfail();
	return tap_done();
}
