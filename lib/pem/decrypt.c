/*
 * decrypt.c: opens encrypted private keys, PKCS#8 and the traditional form.
 * The cost of opening is checked before a passphrase is asked for.
 */
#include <limits.h>
#include <string.h>

#include <bsd/stdlib.h>

#include <openssl/asn1t.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs12err.h>

#include "pem/private.h"

#define SALT_LEN 8 /* bytes, in the traditional form */
#define BOM "\xef\xbb\xbf"

_Static_assert(CS_PASSPHRASE_MAX <= PEM_BUFSIZE, "see giveform()");

/* Bits of the form of a passphrase: what an editor may have added is kept. */
#define KEEP_CR 1
#define KEEP_BOM 2
#define NFORMS 4

/* The value of a count; 0 if it is not positive, UINT64_MAX if too large. */
static uint64_t
positivecount(const ASN1_INTEGER *ai)
{
	uint64_t n;

	if (ai == NULL || ASN1_STRING_type(ai) == V_ASN1_NEG_INTEGER)
		return 0;
	return ASN1_INTEGER_get_uint64(&n, ai) == 1 ? n : UINT64_MAX;
}

/* Parses the parameters of an algorithm as a SEQUENCE of this type, or NULL. */
static void *
unpackparams(const X509_ALGOR *alg, const ASN1_ITEM *it)
{
	const ASN1_STRING *seq;
	const unsigned char *p;
	const void *val;
	int type;

	X509_ALGOR_get0(NULL, &type, &val, alg);
	if (type != V_ASN1_SEQUENCE)
		return NULL;
	seq = val;
	p = ASN1_STRING_get0_data(seq);
	return ASN1_item_d2i(NULL, &p, ASN1_STRING_length(seq), it);
}

/* The cost of scrypt, N * r * p (RFC 7914 section 2), or 0 if unknown. */
static uint64_t
scryptcost(const X509_ALGOR *alg)
{
	SCRYPT_PARAMS *sp = NULL;
	uint64_t n, r, p, cost;

	if ((sp = unpackparams(alg, ASN1_ITEM_rptr(SCRYPT_PARAMS))) == NULL)
		return 0;
	n = positivecount(sp->costParameter);
	r = positivecount(sp->blockSize);
	p = positivecount(sp->parallelizationParameter);
	if (n == 0 || r == 0 || p == 0)
		cost = 0;
	else if (n > CS_ITERATIONS_MAX || r > CS_ITERATIONS_MAX / n ||
	    p > CS_ITERATIONS_MAX / (n * r))
		cost = UINT64_MAX;
	else
		cost = n * r * p;
	SCRYPT_PARAMS_free(sp);
	return cost;
}

/*
 * The number of iterations of a key derivation, or 0 if unknown.  PBES2 has the
 * key derivation as a parameter (RFC 8018 section 6.2), all other algorithms
 * have the count itself.
 */
static uint64_t
iterations(const X509_ALGOR *alg)
{
	PBE2PARAM *p2 = NULL;
	PBKDF2PARAM *kdf = NULL;
	PBEPARAM *p1 = NULL;
	const ASN1_OBJECT *obj;
	uint64_t n = 0;

	X509_ALGOR_get0(&obj, NULL, NULL, alg);
	if (OBJ_obj2nid(obj) != NID_pbes2) {
		if ((p1 = unpackparams(alg, ASN1_ITEM_rptr(PBEPARAM))) != NULL)
			n = positivecount(p1->iter);
		goto out;
	}
	if ((p2 = unpackparams(alg, ASN1_ITEM_rptr(PBE2PARAM))) == NULL)
		goto out;
	X509_ALGOR_get0(&obj, NULL, NULL, p2->keyfunc);
	if (OBJ_obj2nid(obj) == NID_id_scrypt)
		n = scryptcost(p2->keyfunc);
	else if (OBJ_obj2nid(obj) == NID_id_pbkdf2 &&
	    (kdf = unpackparams(p2->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM))) !=
		NULL)
		n = positivecount(kdf->iter);
out:
	PBEPARAM_free(p1);
	PBKDF2PARAM_free(kdf);
	PBE2PARAM_free(p2);
	return n;
}

int
cs_decrypt_check(const char *where, const X509_ALGOR *alg,
    struct certstore_error *err)
{
	uint64_t n;

	n = iterations(alg);
	ERR_clear_error();
	if (n == 0)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: its encryption parameters are damaged or unknown "
		    "(RFC 8018): encrypt it again, as with AES",
		    where);
	if (n > CS_ITERATIONS_MAX)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: opening it would "
		    "take more than %d iterations: encrypt it again with "
		    "fewer",
		    where, CS_ITERATIONS_MAX);
	return 0;
}

int
cs_decrypt_ask(const char *where, const struct certstore_passphrase *ask,
    struct cs_opener *o, const char *what, struct certstore_error *err)
{
	memset(o, 0, sizeof(*o));
	o->len = -1;
	if (ask != NULL && ask->get != NULL)
		o->len = ask->get(ask->arg, where, o->text, CS_PASSPHRASE_MAX);
	if (o->len >= 0 && o->len <= CS_PASSPHRASE_MAX)
		return 0;
	cs_decrypt_wipe(o);
	return cs_fail(err, CERTSTORE_EPASSPHRASE,
	    "%s: %s encrypted: use -p with its passphrase", where, what);
}

/*
 * Sets the next form of the passphrase: first without a byte order mark and a
 * final CR, then with one of them, then with both.  Returns 1, 0 at the end.
 */
int
cs_decrypt_form(struct cs_opener *o)
{
	int bom, cr;

	bom = o->len >= (int)strlen(BOM) &&
	    memcmp(o->text, BOM, strlen(BOM)) == 0;
	cr = o->len > 0 && o->text[o->len - 1] == '\r';
	for (; o->form < NFORMS; o->form++) {
		if (((o->form & KEEP_CR) != 0 && !cr) ||
		    ((o->form & KEEP_BOM) != 0 && !bom))
			continue;
		o->pass = o->text;
		o->passlen = o->len;
		if (cr && (o->form & KEEP_CR) == 0)
			o->passlen--;
		if (bom && (o->form & KEEP_BOM) == 0) {
			o->pass += strlen(BOM);
			o->passlen -= (int)strlen(BOM);
		}
		o->form++;
		return 1;
	}
	return 0;
}

void
cs_decrypt_wipe(struct cs_opener *o)
{
	OPENSSL_cleanse(o, sizeof(*o));
}

/* Copies the passphrase that opened the key; NULL if it was empty. */
static int
noteopened(const struct cs_opener *o, char **opened,
    struct certstore_error *err)
{
	*opened = NULL;
	if (o->passlen > 0 &&
	    (*opened = strndup(o->pass, (size_t)o->passlen)) == NULL)
		return cs_fail_nomem(err);
	return 0;
}

static int
failwrong(const char *where, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EPASSPHRASE,
	    "%s: the passphrase does not open the key", where);
}

/* Loads the providers on the first call. */
OSSL_LIB_CTX *
cs_decrypt_old(struct cs_old *old)
{
	if (old->ctx != NULL)
		return old->ctx;
	if ((old->ctx = OSSL_LIB_CTX_new()) == NULL ||
	    (old->now = OSSL_PROVIDER_load(old->ctx, "default")) == NULL ||
	    (old->legacy = OSSL_PROVIDER_load(old->ctx, "legacy")) == NULL)
		cs_decrypt_old_done(old);
	return old->ctx;
}

/* Frees the context; the providers have to be unloaded before. */
void
cs_decrypt_old_done(struct cs_old *old)
{
	if (old->legacy != NULL)
		OSSL_PROVIDER_unload(old->legacy);
	if (old->now != NULL)
		OSSL_PROVIDER_unload(old->now);
	OSSL_LIB_CTX_free(old->ctx);
	memset(old, 0, sizeof(*old));
}

static int
failold(const char *where, const char *cipher, struct certstore_error *err)
{
	char buf[128];

	certstore_escape(buf, sizeof(buf), cipher, strlen(cipher));
	return cs_fail(err, CERTSTORE_EINPUT,
	    "%s: the key is encrypted with "
	    "%s, which needs OpenSSL's legacy provider: encrypt it again, as "
	    "with AES",
	    where, buf);
}

/* Empties the error queue: was the passphrase wrong? */
static int
iswrongpass(void)
{
	unsigned long e;
	int wrong = 0;

	while ((e = ERR_get_error()) != 0)
		wrong |= ERR_GET_LIB(e) == ERR_LIB_PKCS12 &&
		    ERR_GET_REASON(e) == PKCS12_R_PKCS12_CIPHERFINAL_ERROR;
	return wrong;
}

/* 1; 0 the passphrase is wrong: what was decrypted is malformed then, or could
 * not be; -1 it cannot be decrypted here. */
static int
decryptitem(OSSL_LIB_CTX *ctx, const X509_ALGOR *alg,
    const ASN1_OCTET_STRING *data, const ASN1_ITEM *it, const char *pass,
    int len, void **item)
{
	const unsigned char *p;
	unsigned char *der = NULL;
	int n = 0;

	*item = NULL;
	if (PKCS12_pbe_crypt_ex(alg, pass, len, ASN1_STRING_get0_data(data),
		ASN1_STRING_length(data), &der, &n, 0, ctx, NULL) == NULL)
		return iswrongpass() ? 0 : -1;
	p = der;
	*item = ASN1_item_d2i_ex(NULL, &p, n, it, ctx, NULL);
	if (*item == NULL && it == ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO))
		*item = cs_pkcs8_version2(der, (size_t)n);
	OPENSSL_clear_free(der, (size_t)n);
	ERR_clear_error();
	return *item != NULL;
}

int
cs_decrypt_item(struct cs_old *old, const X509_ALGOR *alg,
    const ASN1_OCTET_STRING *data, const ASN1_ITEM *it, const char *pass,
    int len, void **item)
{
	int rv;

	rv = decryptitem(NULL, alg, data, it, pass, len, item);
	if (rv == -1 && cs_decrypt_old(old) != NULL)
		rv = decryptitem(old->ctx, alg, data, it, pass, len, item);
	ERR_clear_error();
	return rv;
}

static PKCS8_PRIV_KEY_INFO *
openpkcs8(const char *where, const X509_SIG *sig, const char *pass, int len,
    struct certstore_error *err)
{
	struct cs_old old = { 0 };
	const ASN1_OCTET_STRING *data;
	const X509_ALGOR *alg;
	const ASN1_OBJECT *obj;
	char name[128];
	void *p8;
	int hasold, rv;

	X509_SIG_get0(sig, &alg, &data);
	rv = cs_decrypt_item(&old, alg, data,
	    ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO), pass, len, &p8);
	hasold = old.ctx != NULL;
	cs_decrypt_old_done(&old);
	if (rv == 1)
		return p8;
	X509_ALGOR_get0(&obj, NULL, NULL, alg);
	OBJ_obj2txt(name, sizeof(name), obj, 0);
	if (rv == 0)
		failwrong(where, err);
	else if (!hasold)
		failold(where, name, err);
	else
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the key is encrypted in a "
		    "way that libcrypto cannot open (%s)",
		    where, name);
	return NULL;
}

PKCS8_PRIV_KEY_INFO *
cs_decrypt_pkcs8(const char *where, const unsigned char *der, size_t len,
    const struct certstore_passphrase *ask, char **opened,
    struct certstore_error *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	X509_SIG *sig = NULL;
	const X509_ALGOR *alg;
	const unsigned char *p = der;
	struct cs_opener o;

	ERR_clear_error();
	if (len > LONG_MAX ||
	    (sig = d2i_X509_SIG(NULL, &p, (long)len)) == NULL ||
	    p != der + len) {
		ERR_clear_error();
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: this is not an encrypted "
		    "key in DER (RFC 5958 section 3): copy it again",
		    where);
		goto out;
	}
	X509_SIG_get0(sig, &alg, NULL);
	if (cs_decrypt_check(where, alg, err) == -1 ||
	    cs_decrypt_ask(where, ask, &o, "the key is", err) == -1)
		goto out;
	while (p8 == NULL && cs_decrypt_form(&o)) {
		p8 = openpkcs8(where, sig, o.pass, o.passlen, err);
		if (p8 == NULL && err->code != CERTSTORE_EPASSPHRASE)
			break;
	}
	if (p8 != NULL && noteopened(&o, opened, err) == -1) {
		PKCS8_PRIV_KEY_INFO_free(p8);
		p8 = NULL;
	}
	cs_decrypt_wipe(&o);
out:
	X509_SIG_free(sig);
	return p8;
}

/*
 * Reads the cipher and its IV from DEK-Info (RFC 1421 section 4.6.1.3) to info.
 * The cipher comes from the legacy provider in old if no other has it.  Returns
 * it for EVP_CIPHER_free(), after the last use of info.
 */
static EVP_CIPHER *
dekcipher(const char *where, const char *dek, struct cs_old *old,
    EVP_CIPHER_INFO *info, struct certstore_error *err)
{
	EVP_CIPHER *cipher = NULL;
	char header[2 * CS_BLOCK_DEK], name[CS_BLOCK_DEK];
	int ivlen;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(dek, ","), dek);
	if ((cipher = EVP_CIPHER_fetch(NULL, name, NULL)) == NULL &&
	    cs_decrypt_old(old) != NULL)
		cipher = EVP_CIPHER_fetch(old->ctx, name, NULL);
	if (cipher == NULL) {
		ERR_clear_error();
		failold(where, name, err);
		return NULL;
	}
	snprintf(header, sizeof(header),
	    "Proc-Type: 4,ENCRYPTED\nDEK-Info: %s\n", dek);
	ivlen = EVP_CIPHER_get_iv_length(cipher);
	if (PEM_get_EVP_CIPHER_INFO(header, info) != 1 || ivlen < SALT_LEN ||
	    strlen(dek) != strlen(name) + 1 + 2 * (size_t)ivlen ||
	    (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0) {
		ERR_clear_error();
		EVP_CIPHER_free(cipher);
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the initialisation vector in DEK-Info is damaged: "
		    "copy the key again",
		    where);
		return NULL;
	}
	info->cipher = cipher;
	return cipher;
}

/* For PEM_do_header(): returns the current form of the passphrase. */
static int
giveform(char *buf, int size, int rwflag, void *arg)
{
	const struct cs_opener *o = arg;

	(void)rwflag;
	(void)size; /* PEM_BUFSIZE */
	memcpy(buf, o->pass, (size_t)o->passlen);
	return o->passlen;
}

unsigned char *
cs_decrypt_dek(const char *where, const char *dek, const unsigned char *in,
    size_t inlen, const struct certstore_passphrase *ask,
    int (*isright)(const unsigned char *, size_t), size_t *outlen,
    char **opened, struct certstore_error *err)
{
	EVP_CIPHER *cipher = NULL;
	struct cs_old old = { 0 };
	EVP_CIPHER_INFO info;
	unsigned char *out = NULL;
	struct cs_opener o;
	long len = 0;
	int right = 0;

	ERR_clear_error();
	if (inlen == 0 || inlen > CERTSTORE_INPUT_MAX) {
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the encrypted key is "
		    "empty or too long: copy it again",
		    where);
		goto out;
	}
	if ((cipher = dekcipher(where, dek, &old, &info, err)) == NULL ||
	    cs_decrypt_ask(where, ask, &o, "the key is", err) == -1)
		goto out;
	if ((out = OPENSSL_malloc(inlen)) == NULL)
		cs_fail_nomem(err);
	while (out != NULL && !right && cs_decrypt_form(&o)) {
		memcpy(out, in, inlen);
		len = (long)inlen;
		right = PEM_do_header(&info, out, &len, giveform, &o) == 1 &&
		    isright(out, (size_t)len);
		ERR_clear_error();
	}
	*outlen = (size_t)len;
	if (out != NULL && !right)
		failwrong(where, err);
	if (out != NULL && (!right || noteopened(&o, opened, err) == -1)) {
		OPENSSL_clear_free(out, inlen);
		out = NULL;
	}
	cs_decrypt_wipe(&o);
out:
	EVP_CIPHER_free(cipher);
	cs_decrypt_old_done(&old);
	return out;
}

static int
givepassphrase(void *arg, const char *what, char *buf, size_t size)
{
	const char *pass = arg;

	(void)what;
	if (pass == NULL || strlen(pass) > size)
		return -1;
	memcpy(buf, pass, strlen(pass));
	return (int)strlen(pass);
}

struct certstore_passphrase
cs_decrypt_known(char *pass)
{
	struct certstore_passphrase ask = { givepassphrase, pass };

	return ask;
}
