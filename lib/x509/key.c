/*
 * key.c: private and public keys: read, made, written, named.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "x509/private.h"

#define WHERE_LEN 512
#define ENCRYPT_ITER 600000 /* PBKDF2 with HMAC-SHA-256 */
#define P256_LEN 32	    /* of a number */

/* The key types that can be made, the default first. */
static const struct {
	const char *name;
	const char *group;
	unsigned int bits;
} types[] = { { "p256", "P-256", 0 }, { "p384", "P-384", 0 },
	{ "rsa:2048", NULL, 2048 }, { "rsa:3072", NULL, 3072 },
	{ "rsa:4096", NULL, 4096 }, { "ed25519", NULL, 0 } };
#define NTYPES (sizeof(types) / sizeof(types[0]))

static int
failkey(const char *where, const char *what, struct certstore_error *err)
{
	ERR_clear_error();
	return cs_fail(err, CERTSTORE_EINPUT, "%s: %s", where, what);
}

/* Whether one SEQUENCE is all there is. */
static int
iswhole(const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	long n;
	int tag, class, form;

	form = ASN1_get_object(&p, &n, &tag, &class, (long)len);
	ERR_clear_error();
	return form == V_ASN1_CONSTRUCTED && tag == V_ASN1_SEQUENCE &&
	    class == V_ASN1_UNIVERSAL && p + n == der + len;
}

/*
 * What a key is by what follows its version number (RFC 5915, 8017, 5958):
 * labels don't tell, keys are found under those of others.
 */
static int
tagof(const unsigned char *der, size_t len)
{
	const unsigned char *end = der + len, *p = der;
	long n;
	int class, tag;

	if ((ASN1_get_object(&p, &n, &tag, &class, (long)len) & 0x80) != 0 ||
	    (ASN1_get_object(&p, &n, &tag, &class, end - p) & 0x80) != 0 ||
	    tag != V_ASN1_INTEGER || n >= end - p)
		return V_ASN1_UNDEF;
	return p[n] & V_ASN1_PRIMITIVE_TAG;
}

/* The algorithm of PKCS#8, version 1; of version 2 pkey is the key. */
static int
pkcs8type(const unsigned char *der, size_t len, EVP_PKEY **pkey)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *p8;
	const ASN1_OBJECT *obj;
	int type = NID_undef;

	if ((p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len)) != NULL) {
		if (PKCS8_pkey_get0(&obj, NULL, NULL, NULL, p8) == 1)
			type = OBJ_obj2nid(obj);
	} else if ((p8 = cs_pkcs8_version2(der, len)) != NULL)
		*pkey = EVP_PKCS82PKEY_ex(p8, NULL, NULL);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return type;
}

/* Told the type, libcrypto needs a third of the instructions: 1.4 for 4.6
 * million. */
static EVP_PKEY *
decodekey(const unsigned char *der, size_t len)
{
	const unsigned char *p = der;
	EVP_PKEY *pkey = NULL;
	int type = NID_undef;

	switch (tagof(der, len)) {
	case V_ASN1_OCTET_STRING:
		type = EVP_PKEY_EC;
		break;
	case V_ASN1_INTEGER:
		type = EVP_PKEY_RSA;
		break;
	case V_ASN1_SEQUENCE:
		type = pkcs8type(der, len, &pkey);
		break;
	}
	if (pkey == NULL && type != NID_undef)
		pkey = d2i_PrivateKey_ex(type, NULL, &p, (long)len, NULL, NULL);
	if (pkey == NULL) {
		p = der;
		pkey = d2i_AutoPrivateKey_ex(NULL, &p, (long)len, NULL, NULL);
	}
	return pkey;
}

static int
checkwhole(const struct cs_pem *pem, const char *where,
    struct certstore_error *err)
{
	if (iswhole(pem->der, pem->derlen))
		return 0;
	return failkey(where,
	    "the key is cut, or bytes follow it: copy it again", err);
}

static EVP_PKEY *
parseclear(const struct cs_pem *pem, const char *where,
    struct certstore_error *err)
{
	EVP_PKEY *pkey;

	if (checkwhole(pem, where, err) == -1)
		return NULL;
	if ((pkey = decodekey(pem->der, pem->derlen)) == NULL) {
		failkey(where,
		    "this private key is damaged or of an unknown "
		    "kind: copy it again",
		    err);
		return NULL;
	}
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *
parsepkcs8enc(struct cs_pem *pem, const char *where,
    const struct certstore_passphrase *ask, struct certstore_error *err)
{
	PKCS8_PRIV_KEY_INFO *p8;
	EVP_PKEY *pkey;

	p8 = cs_decrypt_pkcs8(where, pem->der, pem->derlen, ask,
	    &pem->passphrase, err);
	if (p8 == NULL)
		return NULL;
	if ((pkey = EVP_PKCS82PKEY_ex(p8, NULL, NULL)) == NULL)
		failkey(where,
		    "the decrypted key is damaged or of an unknown kind: "
		    "copy it again",
		    err);
	PKCS8_PRIV_KEY_INFO_free(p8);
	ERR_clear_error();
	return pkey;
}

static int
iskey(const unsigned char *der, size_t len)
{
	EVP_PKEY *pkey = NULL;

	if (iswhole(der, len))
		pkey = decodekey(der, len);
	ERR_clear_error();
	EVP_PKEY_free(pkey);
	return pkey != NULL;
}

static EVP_PKEY *
parsedek(struct cs_pem *pem, const char *where,
    const struct certstore_passphrase *ask, struct certstore_error *err)
{
	EVP_PKEY *pkey;
	unsigned char *der;
	size_t len;

	der = cs_decrypt_dek(where, pem->dek, pem->der, pem->derlen, ask, iskey,
	    &len, &pem->passphrase, err);
	if (der == NULL)
		return NULL;
	if ((pkey = decodekey(der, len)) == NULL)
		cs_fail_nomem(err);
	ERR_clear_error();
	OPENSSL_clear_free(der, pem->derlen);
	return pkey;
}

/*
 * An EC key has one form here, whatever it came in: the curve by name (RFC 5480
 * section 2.1.1), where it has one, and the whole point.
 */
static void
unify(EVP_PKEY *pkey)
{
	char text[80];

	if (!EVP_PKEY_is_a(pkey, "EC"))
		return;
	ERR_set_mark();
	if (EVP_PKEY_get_utf8_string_param(pkey,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, text, sizeof(text),
		NULL) == 1 &&
	    strcmp(text, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) !=
		0)
		(void)EVP_PKEY_set_utf8_string_param(pkey,
		    OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
		    OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
	if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING,
		text, sizeof(text), NULL) == 1 &&
	    strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) != 0 &&
	    EVP_PKEY_get_group_name(pkey, text, sizeof(text), NULL) == 1 &&
	    OBJ_length(OBJ_nid2obj(OBJ_sn2nid(text))) > 0)
		(void)EVP_PKEY_set_utf8_string_param(pkey,
		    OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP);
	ERR_pop_to_mark();
}

EVP_PKEY *
cs_key_parse(struct cs_pem *pem, const struct certstore_passphrase *ask,
    struct certstore_error *err)
{
	EVP_PKEY *pkey = NULL;
	char buf[WHERE_LEN];
	const char *where;

	ERR_clear_error();
	where = cs_item_where(pem, buf, sizeof(buf));
	switch (pem->type) {
	case CS_PEM_KEY:
		pkey = parseclear(pem, where, err);
		break;
	case CS_PEM_KEY_PKCS8ENC:
		pkey = parsepkcs8enc(pem, where, ask, err);
		break;
	case CS_PEM_KEY_DEK:
		pkey = parsedek(pem, where, ask, err);
		break;
	default:
		failkey(where, "this is not a private key", err);
		break;
	}
	if (pkey != NULL)
		unify(pkey);
	return pkey;
}

int
cs_key_match(EVP_PKEY *pkey, char hex[CS_HASH_LEN], struct certstore_error *err)
{
	EVP_PKEY *copy;
	int rv;

	if ((copy = EVP_PKEY_dup(pkey)) == NULL)
		return cs_fail_nomem(err);
	unify(copy);
	rv = cs_key_spki(copy, hex, err);
	EVP_PKEY_free(copy);
	return rv;
}

EVP_PKEY *
cs_key_parse_public(const struct cs_pem *pem, struct certstore_error *err)
{
	EVP_PKEY *pkey = NULL;
	char buf[WHERE_LEN];
	const unsigned char *p = pem->der;
	const char *where;

	ERR_clear_error();
	where = cs_item_where(pem, buf, sizeof(buf));
	if (checkwhole(pem, where, err) == -1)
		return NULL;
	if (strcmp(pem->pemlabel, "RSA PUBLIC KEY") == 0)
		pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)pem->derlen);
	else
		pkey = d2i_PUBKEY_ex(NULL, &p, (long)pem->derlen, NULL, NULL);
	if (pkey == NULL)
		failkey(where,
		    "this public key is damaged or of an unknown "
		    "kind: copy it again",
		    err);
	ERR_clear_error();
	return pkey;
}

/* Text of ours, in which a block says so. */
int
cs_key_isencrypted(const struct cs_buf *pem)
{
	return pem->p != NULL && strstr(pem->p, "ENCRYPTED") != NULL;
}

/* The label names an entry, whose file has one block: no line. */
EVP_PKEY *
cs_key_frompem(const char *label, const struct cs_buf *buf,
    const struct certstore_passphrase *ask, struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	EVP_PKEY *pkey = NULL;
	size_t i;

	if (cs_pem_read(label, buf->p, buf->len, ask, &pems, err) == -1)
		goto out;
	for (i = 0; i < pems.n && !cs_item_iskey(&pems.v[i]); i++)
		;
	if (i < pems.n) {
		pems.v[i].line = 0;
		pkey = cs_key_parse(&pems.v[i], ask, err);
	} else
		failkey(label, "there is no private key in it", err);
out:
	cs_item_free(&pems);
	return pkey;
}

static int
typefind(const char *name, size_t *i)
{
	for (*i = 0; *i < NTYPES; (*i)++) {
		if (strcmp(types[*i].name, name) == 0)
			return 0;
	}
	return -1;
}

int
cs_key_type_check(const char *name, struct certstore_error *err)
{
	char quoted[CS_QUOTE_LEN];
	size_t i;

	if (typefind(name, &i) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: not a key type: use "
	    "p256, p384, rsa:2048, rsa:3072, rsa:4096 or ed25519",
	    cs_escape_quote(quoted, name));
}

static int
searching(EVP_PKEY_CTX *ctx)
{
	cs_progress(EVP_PKEY_CTX_get_app_data(ctx), "searching for a key", 0,
	    0);
	return 1;
}

/* As EVP_RSA_gen(3); the search may take long. */
static EVP_PKEY *
searchrsa(const struct certstore *store, unsigned int bits)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;

	if ((ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL)) != NULL &&
	    EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1) {
		EVP_PKEY_CTX_set_app_data(ctx, (void *)(uintptr_t)store);
		EVP_PKEY_CTX_set_cb(ctx, searching);
		if (EVP_PKEY_generate(ctx, &pkey) != 1)
			pkey = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* With NULL or "" of the default type; a store shows the progress. */
EVP_PKEY *
cs_key_generate(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	EVP_PKEY *pkey;
	size_t i = 0;

	if (name != NULL && name[0] != '\0' && typefind(name, &i) == -1) {
		cs_key_type_check(name, err);
		return NULL;
	}
	ERR_clear_error();
	if (types[i].group != NULL)
		pkey = EVP_EC_gen(types[i].group);
	else if (types[i].bits != 0)
		pkey = searchrsa(store, types[i].bits);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (pkey == NULL)
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: the key cannot be made", types[i].name);
	return pkey;
}

/* A key on the same curve, or of the same bits and limits (RFC 4055 section 1.2).
 * Of a curve only the name: libcrypto 3.0 leaks what else it is given. */
static EVP_PKEY *
generatelike(EVP_PKEY *like)
{
	char group[80];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params = NULL;

	if (EVP_PKEY_get_group_name(like, group, sizeof(group), NULL) == 1)
		return EVP_EC_gen(group);
	/* Ed448 and others have no parameters */
	if (EVP_PKEY_todata(like, EVP_PKEY_KEY_PARAMETERS, &params) != 1)
		params = NULL;
	if ((ctx = EVP_PKEY_CTX_new_from_pkey(NULL, like, NULL)) != NULL &&
	    EVP_PKEY_keygen_init(ctx) == 1 &&
	    (!EVP_PKEY_is_a(like, "RSA-PSS") ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx,
		    EVP_PKEY_get_bits(like)) == 1) &&
	    (params == NULL || EVP_PKEY_CTX_set_params(ctx, params) == 1) &&
	    EVP_PKEY_generate(ctx, &pkey) != 1)
		pkey = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

EVP_PKEY *
cs_key_again(const struct certstore *store, EVP_PKEY *like,
    struct certstore_error *err)
{
	EVP_PKEY *pkey = NULL;
	char type[80];
	size_t i;

	ERR_clear_error();
	cs_key_name(like, type, sizeof(type));
	if (typefind(type, &i) == 0)
		return cs_key_generate(store, type, err);
	if (like != NULL)
		pkey = generatelike(like);
	if (pkey == NULL)
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: the key cannot be made", type);
	ERR_clear_error();
	return pkey;
}

int
cs_key_encode(struct cs_buf *buf, EVP_PKEY *pkey, const char *pass,
    struct certstore_error *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	X509_SIG *sig = NULL;
	int rv = -1;

	ERR_clear_error();
	if (pass != NULL &&
	    (pass[0] == '\0' || strlen(pass) > CS_PASSPHRASE_MAX))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "the new passphrase "
		    "is empty or too long: use 1 to %d bytes",
		    CS_PASSPHRASE_MAX);
	if ((p8 = EVP_PKEY2PKCS8(pkey)) == NULL ||
	    (pass != NULL &&
		(sig = PKCS8_encrypt(-1, EVP_aes_256_cbc(), pass,
		     (int)strlen(pass), NULL, 0, ENCRYPT_ITER, p8)) == NULL))
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the private key cannot be encoded");
	else if (sig == NULL)
		rv = cs_pem_encode_item(buf, "PRIVATE KEY",
		    ASN1_ITEM_rptr(PKCS8_PRIV_KEY_INFO), p8, err);
	else
		rv = cs_pem_encode_item(buf, "ENCRYPTED PRIVATE KEY",
		    ASN1_ITEM_rptr(X509_SIG), sig, err);
	X509_SIG_free(sig);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return rv;
}

int
cs_key_iswritten(const struct cs_pem *pem)
{
	static const unsigned char head[] = { 0x30, 0x81, 0x87, 0x02, 0x01,
		0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
		0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04,
		P256_LEN };
	static const unsigned char mid[] = { 0xa1, 0x44, 0x03, 0x42, 0x00,
		0x04 };

	return pem->type == CS_PEM_KEY &&
	    pem->derlen ==
	    sizeof(head) + P256_LEN + sizeof(mid) + 2 * P256_LEN &&
	    memcmp(pem->der, head, sizeof(head)) == 0 &&
	    memcmp(pem->der + sizeof(head) + P256_LEN, mid, sizeof(mid)) == 0;
}

int
cs_key_encode_public(struct cs_buf *buf, EVP_PKEY *pkey,
    struct certstore_error *err)
{
	unsigned char *der = NULL;
	int len, rv = -1;

	ERR_clear_error();
	if ((len = i2d_PUBKEY(pkey, &der)) > 0)
		rv = cs_pem_encode(buf, "PUBLIC KEY", der, (size_t)len);
	OPENSSL_free(der);
	if (rv == -1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the public key cannot be encoded");
	return 0;
}

/* Short names of curves; others go by OpenSSL's. */
static const char *
curvename(const char *group)
{
	if (strcmp(group, "prime256v1") == 0)
		return "p256";
	if (strcmp(group, "secp384r1") == 0)
		return "p384";
	if (strcmp(group, "secp521r1") == 0)
		return "p521";
	return group;
}

/* NULL is a key libcrypto doesn't know: "unknown". */
void
cs_key_name(EVP_PKEY *pkey, char *buf, size_t size)
{
	char group[80];
	const char *name;
	size_t i;

	ERR_set_mark();
	if (pkey == NULL || (name = EVP_PKEY_get0_type_name(pkey)) == NULL)
		name = "unknown";
	if (strcmp(name, "RSA") == 0 || strcmp(name, "RSA-PSS") == 0 ||
	    strcmp(name, "DSA") == 0)
		snprintf(buf, size, "%s:%d", name, EVP_PKEY_get_bits(pkey));
	else if (strcmp(name, "EC") == 0 &&
	    EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1)
		snprintf(buf, size, "%s", curvename(group));
	else
		snprintf(buf, size, "%s", name);
	ERR_pop_to_mark();
	for (i = 0; size > 0 && buf[i] != '\0'; i++) {
		if (buf[i] >= 'A' && buf[i] <= 'Z')
			buf[i] = (char)(buf[i] + ('a' - 'A'));
		else if (buf[i] <= ' ' || buf[i] >= 0x7f)
			buf[i] = '-';
	}
}

int
cs_key_fill(X509_PUBKEY *pub, EVP_PKEY *pkey)
{
	unsigned char *point = NULL;
	char text[80];
	size_t len;

	if (EVP_PKEY_get_group_name(pkey, text, sizeof(text), NULL) == 1 &&
	    strcmp(text, SN_X9_62_prime256v1) == 0 &&
	    EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING,
		text, sizeof(text), NULL) == 1 &&
	    strcmp(text, OSSL_PKEY_EC_ENCODING_GROUP) == 0 &&
	    (len = EVP_PKEY_get1_encoded_public_key(pkey, &point)) > 0 &&
	    X509_PUBKEY_set0_param(pub, OBJ_nid2obj(NID_X9_62_id_ecPublicKey),
		V_ASN1_OBJECT, OBJ_nid2obj(NID_X9_62_prime256v1), point,
		(int)len) == 1)
		return 1;
	OPENSSL_free(point);
	return 0;
}

/* An EC key is encoded by the name of its curve from now on (RFC 5480 section
 * 2.1.1): 1, or 0 if that has none.  Others stay as they are. */
int
cs_key_setnamed(EVP_PKEY *pkey)
{
	char group[80];
	int ok = 1;

	if (EVP_PKEY_is_a(pkey, "EC"))
		ok = EVP_PKEY_get_group_name(pkey, group, sizeof(group),
			 NULL) == 1 &&
		    EVP_PKEY_set_utf8_string_param(pkey,
			OSSL_PKEY_PARAM_EC_ENCODING,
			OSSL_PKEY_EC_ENCODING_GROUP) == 1;
	ERR_clear_error();
	return ok;
}

/* SubjectPublicKeyInfo: its length, or <= 0. */
static int
encodespki(EVP_PKEY *pkey, unsigned char **der)
{
	X509_PUBKEY *pub;
	int len;

	if ((pub = X509_PUBKEY_new()) == NULL)
		return -1;
	len = cs_key_fill(pub, pkey) ? i2d_X509_PUBKEY(pub, der) :
				       i2d_PUBKEY(pkey, der);
	X509_PUBKEY_free(pub);
	return len;
}

int
cs_key_spki(EVP_PKEY *pkey, char hex[CS_HASH_LEN], struct certstore_error *err)
{
	unsigned char *der = NULL;
	int len;

	ERR_clear_error();
	hex[0] = '\0';
	if ((len = encodespki(pkey, &der)) <= 0)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the public key cannot be encoded");
	cs_hash(hex, der, (size_t)len);
	OPENSSL_free(der);
	return 0;
}
