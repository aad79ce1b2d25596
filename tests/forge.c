/*
 * forge.c: makes good and bad certificates from a text, for tests of path
 * building.  Each line of stdin is one certificate:
 *
 *	file subject[:key] issuer[:key] [word ...]
 *
 * It is added to file as PEM.  subject and issuer are common names; a key has
 * the same name unless one is given.  The same key name is the same P-256 key;
 * "rsaN" and "rsaN-..." are public RSA keys of N bits with an exponent of 64
 * bits, without a private key, so their signatures are random bytes.  A subject
 * that begins with "leaf" is a server leaf.example.com, all others are CAs.
 * The words:
 *
 *	times=N		N certificates: "%" in the line is their number
 *	ski=ID aki=ID	key identifiers, "-": none; default: those of the keys
 *	san=NAMES	these names instead, as in openssl's configuration
 *	sans=N		N names n0.leaf.example.com ... instead
 *	permit=N exclude=N	constraints of N names c0.example.com ...
 *	twin		followed by its copy with the other valid signature
 *	NAME=VALUE	an extension as in openssl's configuration
 *
 * and the flaws: badsig (signed with another key), ca (no basicConstraints),
 * constraint (other names permitted), critical (unknown extension), eku (not
 * for servers), expired, future, notca, sha1, sign (not among the key usages).
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define KEYS_MAX 4096
#define WORDS_MAX 32
#define TIMES_MAX 100000

struct key {
	char *name;
	EVP_PKEY *pkey;
	X509_PUBKEY *pub; /* encoding it again takes longer than signing */
	int fake;	  /* cannot sign */
};

static struct key keys[KEYS_MAX];
static size_t nkey;
static unsigned long serial;

static int
number(const char *text)
{
	const char *bad;
	int n;

	n = (int)strtonum(text, 1, TIMES_MAX, &bad);
	if (bad != NULL)
		errx(2, "%s: is %s", text, bad);
	return n;
}

static EVP_PKEY *
fakersa(int bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	OSSL_PARAM *params;
	EVP_PKEY *pkey = NULL;

	if (BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) != 1 ||
	    BN_hex2bn(&e, "ffffffffffffffc5") == 0 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
	    (params = OSSL_PARAM_BLD_to_param(bld)) == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		errx(2, "no RSA key of %d bits", bits);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return pkey;
}

static struct key *
keyof(const char *name)
{
	struct key *key;
	char *bits;
	size_t i;

	for (i = 0; i < nkey; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	if (nkey == KEYS_MAX)
		errx(2, "more than %d keys", KEYS_MAX);
	key = &keys[nkey++];
	key->name = strdup(name);
	key->fake = strncmp(name, "rsa", 3) == 0;
	if (key->fake) {
		bits = strdup(name + 3);
		bits[strcspn(bits, "-")] = '\0';
		key->pkey = fakersa(number(bits));
		free(bits);
	} else
		key->pkey = EVP_EC_gen("P-256");
	if (key->pkey == NULL || X509_PUBKEY_set(&key->pub, key->pkey) != 1)
		errx(2, "%s: no key", name);
	return key;
}

static void
usekey(X509 *x509, const struct key *key)
{
	const unsigned char *bits;
	unsigned char *copy;
	const void *param;
	X509_ALGOR *algor;
	ASN1_OBJECT *oid;
	int len, type;

	X509_PUBKEY_get0_param(&oid, &bits, &len, &algor, key->pub);
	X509_ALGOR_get0(NULL, &type, &param, algor);
	copy = OPENSSL_memdup(bits, (size_t)len);
	if (copy == NULL ||
	    X509_PUBKEY_set0_param((X509_PUBKEY *)(uintptr_t)
				       X509_get_X509_PUBKEY(x509),
		OBJ_dup(oid), type,
		type == V_ASN1_OBJECT ? OBJ_dup(param) : NULL, copy, len) != 1)
		errx(2, "%s: no public key", key->name);
}

static void
extend(X509 *x509, const char *name, const char *value)
{
	X509_EXTENSION *ext;
	CONF *conf = NCONF_new(NULL);
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x509, x509, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf); /* or there are no policies */
	ext = X509V3_EXT_nconf(conf, &ctx, name, value);
	if (ext == NULL || X509_add_ext(x509, ext, -1) != 1)
		errx(2, "%s=%s: no such extension", name, value);
	X509_EXTENSION_free(ext);
	NCONF_free(conf);
}

/* name: prefix0suffix,prefix1suffix ... */
static void
extendmany(X509 *x509, const char *name, const char *flags, const char *prefix,
    const char *suffix, int count)
{
	char *text = NULL;
	size_t len;
	FILE *f;
	int i;

	if ((f = open_memstream(&text, &len)) == NULL)
		err(2, "open_memstream");
	fputs(flags, f);
	for (i = 0; i < count; i++)
		fprintf(f, "%s%s%d%s", i > 0 ? "," : "", prefix, i, suffix);
	if (fclose(f) == EOF)
		err(2, "fclose");
	extend(x509, name, text);
	free(text);
}

static ASN1_OCTET_STRING *
identifier(const char *id)
{
	ASN1_OCTET_STRING *os = ASN1_OCTET_STRING_new();
	unsigned char md[EVP_MAX_MD_SIZE];
	size_t len;

	if (EVP_Q_digest(NULL, "SHA256", NULL, id, strlen(id), md, &len) != 1 ||
	    ASN1_OCTET_STRING_set(os, md, 20) != 1)
		errx(2, "%s: no identifier", id);
	return os;
}

static void
identify(X509 *x509, const char *ski, const char *aki)
{
	AUTHORITY_KEYID *akid;
	ASN1_OCTET_STRING *os;

	if (strcmp(ski, "-") != 0) {
		os = identifier(ski);
		X509_add1_ext_i2d(x509, NID_subject_key_identifier, os, 0, 0);
		ASN1_OCTET_STRING_free(os);
	}
	if (strcmp(aki, "-") != 0) {
		akid = AUTHORITY_KEYID_new();
		akid->keyid = identifier(aki);
		X509_add1_ext_i2d(x509, NID_authority_key_identifier, akid, 0,
		    0);
		AUTHORITY_KEYID_free(akid);
	}
}

static void
named(X509 *x509, const char *cn, int (*set)(X509 *, const X509_NAME *))
{
	X509_NAME *name = X509_NAME_new();

	if (X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)cn, -1, -1, 0) != 1 ||
	    set(x509, name) != 1)
		errx(2, "%s: no name", cn);
	X509_NAME_free(name);
}

/* What certificates have that no word changes. */
static void
constant(X509 *x509, int leaf, const char *san, int sans)
{
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), ++serial);
	if (!leaf)
		return;
	extend(x509, "basicConstraints", "critical,CA:FALSE");
	extend(x509, "keyUsage", "critical,digitalSignature");
	extend(x509, "extendedKeyUsage", "serverAuth");
	if (sans == 0)
		extend(x509, "subjectAltName", san);
	else
		extendmany(x509, "subjectAltName", "", "DNS:n",
		    ".leaf.example.com", sans);
}

/* Noise of the right length under the right algorithm. */
static void
noise(X509 *x509, EVP_PKEY *pkey)
{
	const ASN1_BIT_STRING *sig;
	const X509_ALGOR *algs[2];
	size_t len = (size_t)(EVP_PKEY_get_bits(pkey) + 7) / 8;
	unsigned char *bytes = malloc(len);
	int i;

	if (bytes == NULL)
		err(2, "malloc");
	memset(bytes, 0x2b, len); /* odd, or a bit is cut off */
	X509_get0_signature(&sig, &algs[0], x509);
	algs[1] = X509_get0_tbs_sigalg(x509);
	for (i = 0; i < 2; i++)
		X509_ALGOR_set0((X509_ALGOR *)(uintptr_t)algs[i],
		    OBJ_nid2obj(NID_sha256WithRSAEncryption), V_ASN1_NULL,
		    NULL);
	ASN1_STRING_set((ASN1_BIT_STRING *)(uintptr_t)sig, bytes, (int)len);
	free(bytes);
}

struct plan {
	const char *ski, *aki;
	const char *before, *after;
	const char *bc, *ku; /* of a CA; NULL: none */
	const EVP_MD *md;
	const char *san;
	int sans; /* if not 0: so many names instead */
	int badsig, twin;
};

/* What changes the certificate's shape; the rest is done by adorn. */
static void
shape(struct plan *plan, const char *word)
{
	if (strncmp(word, "ski=", 4) == 0)
		plan->ski = word + 4;
	else if (strncmp(word, "aki=", 4) == 0)
		plan->aki = word + 4;
	else if (strncmp(word, "san=", 4) == 0)
		plan->san = word + 4;
	else if (strncmp(word, "sans=", 5) == 0)
		plan->sans = number(word + 5);
	else if (strcmp(word, "badsig") == 0)
		plan->badsig = 1;
	else if (strcmp(word, "twin") == 0)
		plan->twin = 1;
	else if (strcmp(word, "ca") == 0)
		plan->bc = NULL;
	else if (strcmp(word, "notca") == 0)
		plan->bc = "critical,CA:FALSE";
	else if (strcmp(word, "sign") == 0)
		plan->ku = "critical,digitalSignature";
	else if (strcmp(word, "sha1") == 0)
		plan->md = EVP_sha1();
	else if (strcmp(word, "expired") == 0)
		plan->after = "20210101000000Z";
	else if (strcmp(word, "future") == 0)
		plan->before = "20400101000000Z";
}

static void
adorn(X509 *x509, char *word)
{
	static const char *const plain[] = { "badsig", "ca", "notca", "sign",
		"sha1", "expired", "future", "twin", NULL };
	static const char *const valued[] = { "ski=", "aki=", "san=", "sans=",
		"times=", NULL };
	char *value;
	int i;

	for (i = 0; plain[i] != NULL; i++) {
		if (strcmp(word, plain[i]) == 0)
			return;
	}
	for (i = 0; valued[i] != NULL; i++) {
		if (strncmp(word, valued[i], strlen(valued[i])) == 0)
			return;
	}
	if (strcmp(word, "constraint") == 0)
		extend(x509, "nameConstraints",
		    "critical,permitted;DNS:other.example.net");
	else if (strcmp(word, "critical") == 0)
		extend(x509, "1.3.6.1.4.1.55738.1", "critical,DER:0500");
	else if (strcmp(word, "eku") == 0)
		extend(x509, "extendedKeyUsage", "clientAuth");
	else if (strncmp(word, "permit=", 7) == 0)
		extendmany(x509, "nameConstraints", "critical,",
		    "permitted;DNS:c", ".example.com", number(word + 7));
	else if (strncmp(word, "exclude=", 8) == 0)
		extendmany(x509, "nameConstraints", "critical,",
		    "excluded;DNS:c", ".example.com", number(word + 8));
	else if ((value = strchr(word, '=')) != NULL) {
		*value = '\0';
		extend(x509, word, value + 1);
		*value = '=';
	} else
		errx(2, "%s: not a word of this language", word);
}

static void
output(const char *file, X509 *x509)
{
	FILE *f = fopen(file, "a");

	if (f == NULL || PEM_write_X509(f, x509) != 1 || fclose(f) == EOF)
		err(2, "%s", file);
}

/* (r, s) of ECDSA becomes (r, order - s). */
static void
negate(X509 *x509, EVP_PKEY *pkey)
{
	const ASN1_BIT_STRING *bits;
	const unsigned char *p;
	unsigned char *der = NULL;
	BIGNUM *order = NULL;
	ECDSA_SIG *sig;
	int len;

	X509_get0_signature(&bits, NULL, x509);
	p = ASN1_STRING_get0_data(bits);
	sig = d2i_ECDSA_SIG(NULL, &p, ASN1_STRING_length(bits));
	if (sig == NULL ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_ORDER, &order) != 1)
		errx(2, "no ECDSA signature");
	BN_sub(order, order, ECDSA_SIG_get0_s(sig));
	ECDSA_SIG_set0(sig, BN_dup(ECDSA_SIG_get0_r(sig)), order);
	len = i2d_ECDSA_SIG(sig, &der);
	ASN1_STRING_set((ASN1_BIT_STRING *)(uintptr_t)bits, der, len);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
}

/* The key's name behind the colon, else the name itself. */
static const char *
split(char *word)
{
	char *colon = strchr(word, ':');

	if (colon == NULL)
		return word;
	*colon = '\0';
	return colon + 1;
}

/* words: file, subject, issuer, ..., NULL */
static void
make(char **words)
{
	const char *skey = split(words[1]), *ikey = split(words[2]);
	struct plan plan = { .ski = skey,
		.aki = ikey,
		.md = EVP_sha256(),
		.before = "20200101000000Z",
		.after = "20600101000000Z",
		.bc = "critical,CA:TRUE",
		.ku = "critical,keyCertSign,cRLSign",
		.san = "DNS:leaf.example.com" };
	int leaf = strncmp(words[1], "leaf", 4) == 0;
	struct key *signer = keyof(ikey);
	X509 *x509 = X509_new();
	char **word;

	for (word = words + 3; *word != NULL; word++)
		shape(&plan, *word);
	named(x509, words[1], X509_set_subject_name);
	named(x509, words[2], X509_set_issuer_name);
	ASN1_TIME_set_string_X509(X509_getm_notBefore(x509), plan.before);
	ASN1_TIME_set_string_X509(X509_getm_notAfter(x509), plan.after);
	usekey(x509, keyof(skey));
	constant(x509, leaf, plan.san, plan.sans);
	if (!leaf && plan.bc != NULL)
		extend(x509, "basicConstraints", plan.bc);
	if (!leaf)
		extend(x509, "keyUsage", plan.ku);
	identify(x509, plan.ski, plan.aki);
	for (word = words + 3; *word != NULL; word++)
		adorn(x509, *word);
	if (signer->fake)
		noise(x509, signer->pkey);
	else if (X509_sign(x509,
		     plan.badsig ? keyof("noise")->pkey : signer->pkey,
		     plan.md) <= 0)
		errx(2, "%s: cannot be signed", words[1]);
	output(words[0], x509);
	if (plan.twin) {
		negate(x509, signer->pkey);
		output(words[0], x509);
	}
	X509_free(x509);
}

/* A word with "%" replaced by a number. */
static char *
counted(const char *word, int n)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f == NULL)
		err(2, "open_memstream");
	for (; *word != '\0'; word++) {
		if (*word == '%')
			fprintf(f, "%d", n);
		else
			putc(*word, f);
	}
	if (fclose(f) == EOF)
		err(2, "fclose");
	return text;
}

int
main(void)
{
	char *line = NULL, *words[WORDS_MAX], *copies[WORDS_MAX + 1];
	char *word;
	size_t size = 0, n, i;
	int times, t;

	while (getline(&line, &size, stdin) != -1) {
		times = 1;
		n = 0;
		for (word = strtok(line, " \t\n"); word != NULL;
		     word = strtok(NULL, " \t\n")) {
			if (n == WORDS_MAX)
				errx(2, "%s: too many words", words[0]);
			if (strncmp(word, "times=", 6) == 0)
				times = number(word + 6);
			words[n++] = word;
		}
		if (n == 0)
			continue;
		if (n < 3)
			errx(2, "%s: not file, subject, issuer", words[0]);
		for (t = 0; t < times; t++) {
			for (i = 0; i < n; i++)
				copies[i] = counted(words[i], t);
			copies[n] = NULL;
			make(copies);
			for (i = 0; i < n; i++)
				free(copies[i]);
		}
	}
	free(line);
	while (nkey > 0) {
		EVP_PKEY_free(keys[--nkey].pkey);
		X509_PUBKEY_free(keys[nkey].pub);
		free(keys[nkey].name);
	}
	return 0;
}
