/*
 * test-chain.c: chains of given certificates and from the store, and CAs of
 * other programs, with properties that certstore does not write.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "x509/private.h"
#include "issue/private.h"
#include "tap.h"
#include "scratch.h"

static struct certstore *store;

enum { A, B, C, D, NKEYS };
static EVP_PKEY *keys[NKEYS];

enum { NOIDS = 1, NOUSAGE = 2, NOCERTSIGN = 4, NOTCA = 8, SOFT = 16 };

static void
extend(X509 *x509, int nid, const char *value, X509 *issuer)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (ext == NULL || X509_add_ext(x509, ext, -1) != 1)
		bail("extension %s", value);
	X509_EXTENSION_free(ext);
}

/* A certificate of key `k`, CN as given, by issuer (NULL: itself) and key. */
static X509 *
craft(const char *cn, int k, X509 *issuer, int by, int64_t from, int64_t until,
    int flags)
{
	static int serial;
	int64_t now = certstore_time_now();
	unsigned char *der = NULL;
	X509_NAME *name = X509_NAME_new();
	X509 *x509 = X509_new(), *fresh;
	int len;

	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_subject_name(x509, name);
	X509_set_issuer_name(x509,
	    issuer == NULL ? name : X509_get_subject_name(issuer));
	ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)(now + from));
	ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)(now + until));
	X509_set_pubkey(x509, keys[k]);
	extend(x509, NID_basic_constraints,
	    (flags & NOTCA) != 0    ? "critical,CA:FALSE" :
		(flags & SOFT) != 0 ? "CA:TRUE" :
				      "critical,CA:TRUE",
	    NULL);
	if ((flags & NOUSAGE) == 0)
		extend(x509, NID_key_usage,
		    (flags & (NOCERTSIGN | NOTCA)) != 0 ?
			"critical,digitalSignature" :
			"critical,keyCertSign,cRLSign",
		    NULL);
	if ((flags & NOIDS) == 0) {
		extend(x509, NID_subject_key_identifier, "hash", NULL);
		if (issuer == NULL || X509_get0_subject_key_id(issuer) != NULL)
			extend(x509, NID_authority_key_identifier, "keyid",
			    issuer == NULL ? x509 : issuer);
	}
	if (X509_sign(x509, keys[by], EVP_sha256()) <= 0 ||
	    (len = i2d_X509(x509, &der)) <= 0)
		bail("%s cannot be signed", cn);
	fresh = cs_cert_parse(cn, der, (size_t)len, &err);
	OPENSSL_free(der);
	X509_free(x509);
	X509_NAME_free(name);
	if (fresh == NULL)
		bail("%s: %s", cn, err.msg);
	return fresh;
}

#define DAYS(n) ((n)*CS_DAY)

static STACK_OF(X509) *
pool(X509 *a, X509 *b, X509 *c)
{
	STACK_OF(X509) *certs = sk_X509_new_null();

	if (a != NULL)
		X509_add_cert(certs, a, X509_ADD_FLAG_UP_REF);
	if (b != NULL)
		X509_add_cert(certs, b, X509_ADD_FLAG_UP_REF);
	if (c != NULL)
		X509_add_cert(certs, c, X509_ADD_FLAG_UP_REF);
	return certs;
}

static int
holds(STACK_OF(X509) *certs, int i, X509 *x509)
{
	return i < sk_X509_num(certs) &&
	    cs_cert_same(sk_X509_value(certs, i), x509);
}

/* What stands above x509: chain must be nchain, above these two (or less). */
static void
chained(struct certstore *from, X509 *x509, STACK_OF(X509) *given, int nchain,
    X509 *first, X509 *second, int complete, const char *what)
{
	STACK_OF(X509) *chain, *above;
	int done, n = (first != NULL) + (second != NULL);

	if (cs_chain_build(from, x509, given, &chain, &above, &done, &err) ==
	    -1)
		bail("%s: %s", what, err.msg);
	ok(sk_X509_num(chain) == nchain && sk_X509_num(above) == n &&
		(first == NULL || holds(above, 0, first)) &&
		(second == NULL || holds(above, 1, second)) && done == complete,
	    "%s", what);
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(above, X509_free);
	sk_X509_pop_free(given, X509_free);
}

static void
testbuild(void)
{
	X509 *top, *longer, *expired, *mid, *leaf, *cross, *other, *back;
	X509 *noids;

	top = craft("R", A, NULL, A, -1, DAYS(100), 0);
	longer = craft("R", A, NULL, A, -1, DAYS(200), 0);
	expired = craft("R", A, NULL, A, -10, -5, 0);
	other = craft("O", C, NULL, C, -1, DAYS(50), 0);
	cross = craft("R", A, other, C, -1, DAYS(50), 0);
	mid = craft("M", B, top, A, -1, DAYS(90), 0);
	leaf = craft("leaf", D, mid, B, -1, DAYS(80), NOTCA);
	back = craft("O", C, cross, A, -1, DAYS(300), 0);
	noids = craft("M", B, top, A, -1, DAYS(90), NOIDS);

	chained(NULL, top, NULL, 0, NULL, NULL, 1, "a root is complete");
	chained(NULL, leaf, NULL, 0, NULL, NULL, 0, "nothing known");
	chained(NULL, leaf, pool(top, mid, NULL), 1, mid, top, 1,
	    "leaf, intermediate, top, in any order");
	chained(NULL, leaf, pool(mid, NULL, NULL), 1, mid, NULL, 0,
	    "no root: the intermediate is still served");
	chained(NULL, leaf, pool(leaf, other, mid), 1, mid, NULL, 0,
	    "itself and strangers are left out");
	chained(NULL, mid, pool(top, longer, NULL), 0, longer, NULL, 1,
	    "of two roots the one that ends last");
	chained(NULL, mid, pool(expired, top, NULL), 0, top, NULL, 1,
	    "and one that is valid");
	chained(NULL, mid, pool(expired, NULL, NULL), 0, expired, NULL, 1,
	    "an expired one if there is no other");
	chained(NULL, mid, pool(cross, top, other), 0, top, NULL, 1,
	    "a root rather than its shorter cross-certificate");
	chained(NULL, mid, pool(cross, other, NULL), 1, cross, other, 1,
	    "which will do without it");
	chained(NULL, mid, pool(cross, back, NULL), 2, cross, back, 0,
	    "two that signed each other are no endless chain");
	chained(NULL, leaf, pool(noids, top, NULL), 1, noids, top, 1,
	    "an issuer without key identifiers");
	X509_free(noids);
	X509_free(back);
	X509_free(leaf);
	X509_free(mid);
	X509_free(cross);
	X509_free(other);
	X509_free(expired);
	X509_free(longer);
	X509_free(top);
}

static void
testdepth(void)
{
	STACK_OF(X509) *certs = sk_X509_new_null(), *chain, *above;
	X509 *x509 = NULL, *up = NULL;
	char cn[16];
	int complete, i;

	for (i = 0; i < 40; i++) {
		snprintf(cn, sizeof(cn), "%d", i);
		x509 = craft(cn, A, up, A, -1, DAYS(10), 0);
		sk_X509_push(certs, x509);
		up = x509;
	}
	is_int(cs_chain_build(NULL, x509, certs, &chain, &above, &complete,
		   &err),
	    0, "40 CAs one above the other");
	is_int(sk_X509_num(above), 16, "are taken to a depth of 16");
	sk_X509_pop_free(chain, X509_free);
	sk_X509_pop_free(above, X509_free);
	sk_X509_pop_free(certs, X509_free);
}

/* An entry of that certificate; its key, or none. */
static void
enter(const char *name, X509 *x509, int key)
{
	struct cs_put put = { .name = name };
	struct cs_buf pem = { NULL, 0, 0 };

	if (key != -1 && cs_key_encode(&pem, keys[key], NULL, &err) == -1)
		bail("%s: %s", name, err.msg);
	if (cs_chain_files(&put, x509, NULL, NULL, key == -1 ? NULL : &pem,
		&err) == -1 ||
	    cs_write_entries(store, &put, 1, &err) == -1)
		bail("%s: %s", name, err.msg);
	cs_put_free(&put);
	cs_buf_free(&pem);
}

static void
teststore(void)
{
	X509 *top, *mid, *leaf, *oldroot, *oldleaf;

	top = craft("SR", A, NULL, A, -1, DAYS(100), 0);
	mid = craft("SM", B, top, A, -1, DAYS(90), 0);
	leaf = craft("leaf", D, mid, B, -1, DAYS(80), NOTCA);
	oldroot = craft("Old", C, NULL, C, -1, DAYS(100), NOIDS | NOUSAGE);
	oldleaf = craft("leaf", D, oldroot, C, -1, DAYS(80), NOTCA | NOIDS);
	enter("sr", top, -1);
	enter("sm", mid, -1);
	enter("old", oldroot, C);
	is_int(access(path("store/certs/sr/privkey.pem"), F_OK), -1,
	    "a CA without key has no privkey.pem");
	is_int(access(path("store/certs/sr/combined.pem"), F_OK), -1,
	    "and no combined.pem");
	chained(store, leaf, NULL, 1, mid, top, 1,
	    "from the store by key identifier");
	chained(store, oldleaf, NULL, 0, oldroot, NULL, 1,
	    "and by name where there is none");
	chained(store, leaf, pool(mid, NULL, NULL), 1, mid, top, 1,
	    "what is missing is completed from the store");
	sh("echo junk >store/certs/sm/info");
	chained(store, leaf, NULL, 0, NULL, NULL, 0,
	    "a damaged entry is passed over");
	X509_free(oldleaf);
	X509_free(oldroot);
	X509_free(leaf);
	X509_free(mid);
	X509_free(top);
}

static const struct {
	const char *name;
	int by; /* whose signature: A is its own */
	int64_t from, until;
	int flags;
	const char *says; /* NULL: it may sign */
} cas[] = { { "good", A, -1, DAYS(10), 0, NULL },
	{ "noids", A, -1, DAYS(10), NOIDS, NULL },
	{ "nousage", A, -1, DAYS(10), NOUSAGE, NULL },
	{ "soft", A, -1, DAYS(10), SOFT | NOUSAGE | NOIDS, NULL },
	{ "young", A, -1, DAYS(10), 0, NULL },
	{ "expired", A, -100, -50, 0, "expired: expired" },
	{ "future", A, 1000, DAYS(10), 0, "is not yet valid (valid from" },
	{ "nosign", A, -1, DAYS(10), NOCERTSIGN, "keyUsage" },
	{ "notca", A, -1, DAYS(10), NOTCA, "is not a CA" },
	{ "foreign", B, -1, DAYS(10), NOIDS,
	    "certificate signature failure" } };

static void
testjudge(void)
{
	struct certstore_template *t;
	X509 *x509;
	size_t i;
	int rv;

	for (i = 0; i < sizeof(cas) / sizeof(cas[0]); i++) {
		x509 = craft(cas[i].name, A, NULL, cas[i].by, cas[i].from,
		    cas[i].until, cas[i].flags);
		enter(cas[i].name, x509, A);
		X509_free(x509);
		t = certstore_template_new(&err);
		certstore_template_set_issuer(t, cas[i].name, &err);
		rv = certstore_create(store, "made.example", t,
		    CERTSTORE_CREATE_FORCE, NULL, &err);
		if (cas[i].says == NULL)
			is_int(rv, 1, "%s: %s", cas[i].name, err.msg);
		else
			ok(rv == -1 && err.code == CERTSTORE_EREFUSED &&
				strstr(err.msg, cas[i].says) != NULL,
			    "refused: %s", err.msg);
		is_int((long long)ERR_peek_error(), 0,
		    "libcrypto's queue is empty");
		certstore_template_free(t);
	}
}

/* AKI of what an issuer without SKI signed is the hash of its key. */
static void
testkeyid(void)
{
	struct certstore_entry entry = { 0 };
	unsigned char md[EVP_MAX_MD_SIZE];
	struct certstore_template *t = certstore_template_new(&err);
	struct cs_issuer is;
	unsigned int len;
	char hex[2 * 20 + 1];

	certstore_template_set_issuer(t, "noids", &err);
	if (certstore_create(store, "byhash.example", t, 0, NULL, &err) != 1 ||
	    cs_issuer_open(&is, store, "noids", &err) == -1 ||
	    cs_issuer_read(&is, &err) == -1 ||
	    cs_entry_load(store, "byhash.example", &entry, &err) == -1)
		bail("%s", err.msg);
	ok(is.complete && sk_X509_num(is.certs) == 1, "it is its own root");
	X509_pubkey_digest(sk_X509_value(is.certs, 0), EVP_sha1(), md, &len);
	cs_hex(hex, md, len);
	is_str(entry.info.aki, hex, "AKI of an issuer without SKI");
	ok(entry.info.starts >= cs_cert_starts(sk_X509_value(is.certs, 0)),
	    "it does not start before its CA");
	cs_issuer_close(&is);
	cs_entry_done(&entry);
	certstore_template_free(t);
}

int
main(void)
{
	int i;

	for (i = 0; i < NKEYS; i++)
		if ((keys[i] = cs_key_generate(NULL, "p256", &err)) == NULL)
			bail("key: %s", err.msg);
	makescratch();
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	testbuild();
	testdepth();
	teststore();
	testjudge();
	testkeyid();
	certstore_close(store);
	removescratch();
	for (i = 0; i < NKEYS; i++)
		EVP_PKEY_free(keys[i]);
	return tap_done();
}
