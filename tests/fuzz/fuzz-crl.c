/*
 * fuzz-crl.c: any CRLs, given to a trust set one after the other.  The input is
 * CRLs as DER, each behind a byte: which CA or helper of the set signs it
 * again, if any, and whether it is forced.  What is accepted must be newer than
 * what it replaces and be found by its links, and OpenSSL must be able to check
 * a certificate with it.  A libFuzzer target.
 */
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "fuzz.h"
#include "trust/private.h"

#define GIVEN_MAX 8
#define DAY (24 * 60 * 60)
#define SIGNER 0x3 /* of the byte before a CRL: 3 leaves it as it is */
#define FORCE 0x4

/* Two CAs of one name, and one that signs indirect CRLs only. */
enum who { ONE, TWIN, HELPER, WHO };
static struct {
	EVP_PKEY *pkey;
	X509 *x509;
	char fingerprint[65];
	unsigned char *der;
	int len;
} who[WHO];
static X509 *leaf; /* issued by ONE */

static X509 *
makecert(const char *cn, EVP_PKEY *pkey, X509 *issuer, EVP_PKEY *key,
    const char *basic, const char *usage)
{
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	size_t i;
	const struct {
		int nid;
		const char *value;
	} exts[] = {
		{ NID_subject_key_identifier, "hash" },
		{ NID_basic_constraints, basic },
		{ NID_key_usage, usage },
	};

	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), issuer == NULL ? 1 : 2);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x509,
	    issuer == NULL ? name : X509_get_subject_name(issuer));
	X509_gmtime_adj(X509_getm_notBefore(x509), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(x509), 1000L * DAY);
	X509_set_pubkey(x509, pkey);
	X509V3_set_ctx(&ctx, issuer == NULL ? x509 : issuer, x509, NULL, NULL,
	    0);
	for (i = 0; i < sizeof(exts) / sizeof(exts[0]); i++) {
		ext = X509V3_EXT_conf_nid(NULL, &ctx, exts[i].nid,
		    exts[i].value);
		HOLDS(ext != NULL);
		X509_add_ext(x509, ext, -1);
		X509_EXTENSION_free(ext);
	}
	HOLDS(X509_sign(x509, key, EVP_sha256()) > 0);
	return x509;
}

static void
makeall(void)
{
	static const char *const cn[WHO] = { "CA", "CA", "signer" };
	EVP_PKEY *pkey;
	int i;

	for (i = 0; i < WHO; i++) {
		who[i].pkey = pkey = EVP_EC_gen("P-256");
		who[i].x509 = makecert(cn[i], pkey, NULL, pkey,
		    i == HELPER ? "critical,CA:FALSE" : "critical,CA:TRUE",
		    i == HELPER ? "critical,cRLSign" :
				  "critical,keyCertSign,cRLSign");
		who[i].len = i2d_X509(who[i].x509, &who[i].der);
		HOLDS(who[i].len > 0);
		cs_hash(who[i].fingerprint, who[i].der, (size_t)who[i].len);
	}
	pkey = EVP_EC_gen("P-256");
	leaf = makecert("leaf", pkey, who[ONE].x509, who[ONE].pkey,
	    "critical,CA:FALSE", "critical,digitalSignature");
	EVP_PKEY_free(pkey);
}

/* Takes the next CRL of the input: 1 and its DER, or 0. */
static int
readcrl(const uint8_t **p, const uint8_t *end, unsigned int *how,
    struct cs_pem *pem)
{
	X509_CRL *crl;
	int by, ok = 1;

	memset(pem, 0, sizeof(*pem));
	if (*p == end)
		return 0;
	*how = *(*p)++;
	if ((crl = d2i_X509_CRL(NULL, p, end - *p)) == NULL)
		return 0;
	by = (int)(*how & SIGNER);
	if (by != SIGNER)
		ok = X509_CRL_set_issuer_name(crl,
			 X509_get_subject_name(who[by].x509)) == 1 &&
		    X509_CRL_sign(crl, who[by].pkey, EVP_sha256()) > 0;
	if (ok)
		ok = (by = i2d_X509_CRL(crl, &pem->der)) > 0;
	pem->type = CS_PEM_CRL;
	pem->label = (char *)"fuzz";
	pem->derlen = ok ? (size_t)by : 0;
	X509_CRL_free(crl);
	ERR_clear_error();
	return ok;
}

/* What a CRL of the set was before another was given. */
struct was {
	char scope[65];
	char fingerprint[65];
	ASN1_INTEGER *number;
	int64_t starts;
};

static ASN1_INTEGER *
numberof(const struct cs_crl *c)
{
	ASN1_INTEGER *number;

	number = X509_CRL_get_ext_d2i(c->crl, NID_crl_number, NULL, NULL);
	ERR_clear_error();
	return number;
}

static size_t
savecrls(const struct cs_trustset *set, struct was was[GIVEN_MAX])
{
	size_t i;

	for (i = 0; i < set->ncrl; i++) {
		memcpy(was[i].scope, set->crls[i].scope, 65);
		memcpy(was[i].fingerprint, set->crls[i].fingerprint, 65);
		was[i].number = numberof(&set->crls[i]);
		was[i].starts = cs_crl_starts(&set->crls[i]);
	}
	return set->ncrl;
}

/* One that was replaced is older. */
static void
judge_newer(const struct was *was, const struct cs_crl *c, int force)
{
	ASN1_INTEGER *number = numberof(c);
	int cmp = 0;

	if (number != NULL && was->number != NULL)
		cmp = ASN1_INTEGER_cmp(number, was->number);
	HOLDS(cmp > 0 || cs_crl_starts(c) > was->starts);
	HOLDS(cmp >= 0 || force);
	ASN1_INTEGER_free(number);
}

static void
judge_given(const struct cs_trustset *set, const struct was *was, size_t n,
    const struct cs_pem *pem, int rv, int force)
{
	char hex[65];
	size_t at = set->ncrl, i;

	cs_hash(hex, pem->der, pem->derlen);
	HOLDS(rv >= 0 && rv <= 3);
	HOLDS(set->ncrl == n || (rv == 3 && set->ncrl == n + 1));
	for (i = 0; i < set->ncrl; i++) {
		if (strcmp(set->crls[i].fingerprint, hex) == 0)
			at = i;
		if (i < n)
			HOLDS(strcmp(was[i].scope, set->crls[i].scope) == 0);
		if (i < n && (rv == 0 || rv == 2))
			HOLDS(strcmp(was[i].fingerprint,
				  set->crls[i].fingerprint) == 0);
	}
	HOLDS(rv == 0 || at < set->ncrl);
	if ((rv == 1 || rv == 3) && at < n)
		judge_newer(&was[at], &set->crls[at], force);
}

/* Each scope once; the links of a hash count from 0 and lead to one. */
static void
judge_links(const struct cs_trustset *set)
{
	char file[CS_NAME_MAX + 8], link[CS_ANCHOR_LINK];
	const struct cs_crllink *l, *other;
	unsigned long hash;
	size_t i, k, n;

	for (i = 0; i < set->ncrl; i++) {
		HOLDS(cs_name_isvalid(set->crls[i].name));
		snprintf(file, sizeof(file), "%s.crl", set->crls[i].name);
		HOLDS(set->crls[i].gone ||
		    cs_crl_byname(set, file) == &set->crls[i]);
		for (k = 0; k < i; k++)
			HOLDS(set->crls[i].gone || set->crls[k].gone ||
			    strcmp(set->crls[i].scope, set->crls[k].scope) !=
				0);
	}
	for (i = 0; i < set->ncrllink; i++) {
		l = &set->crllinks[i];
		HOLDS(l->crl < set->ncrl && !set->crls[l->crl].gone);
		HOLDS(set->crls[l->crl].hash == l->hash);
		for (k = n = 0; k < set->ncrllink; k++) {
			other = &set->crllinks[k];
			HOLDS(k == i || other->hash != l->hash ||
			    other->n != l->n);
			n += other->hash == l->hash && other->n < l->n;
		}
		HOLDS(n == l->n);
		cs_crl_link(link, l->hash, l->n);
		HOLDS(cs_crl_islink(link, &hash, &k));
		HOLDS(hash == l->hash && k == l->n);
	}
}

static int
countcovered(struct cs_trustset *set)
{
	struct cs_buf names = { 0 };
	size_t n;

	HOLDS(cs_crl_uncovered(set, &names, &n) == 0);
	cs_buf_free(&names);
	HOLDS(n <= 2);
	return 2 - (int)n;
}

/* A server that has one whole CRL of a CA can tell of its certificates. */
static void
judge_check(const struct cs_crl *c)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();
	int err;

	if (c->kind != CS_CRL_WHOLE ||
	    X509_CRL_verify(c->crl, who[ONE].pkey) != 1)
		goto out;
	HOLDS(X509_STORE_add_cert(store, who[ONE].x509) == 1);
	HOLDS(X509_STORE_add_crl(store, c->crl) == 1);
	HOLDS(X509_STORE_CTX_init(ctx, store, leaf, NULL) == 1);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK);
	(void)X509_verify_cert(ctx);
	err = X509_STORE_CTX_get_error(ctx);
	if (err != X509_V_OK && err != X509_V_ERR_CERT_REVOKED)
		fprintf(stderr, "%s\n", X509_verify_cert_error_string(err));
	HOLDS(err == X509_V_OK || err == X509_V_ERR_CERT_REVOKED);
out:
	ERR_clear_error();
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
}

static void
judge_message(const struct certstore_error *err)
{
	const unsigned char *p = (const unsigned char *)err->msg;

	HOLDS(strncmp(err->msg, "fuzz", 4) == 0);
	for (; *p != '\0'; p++)
		HOLDS(*p >= 0x20 && *p != 0x7f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const names[WHO] = { "CA", "CA-twin", "signer" };
	const uint8_t *end = data + len, *p = data;
	struct was was[GIVEN_MAX] = { 0 };
	struct cs_pem pems[GIVEN_MAX];
	struct cs_trustset set = { 0 };
	struct certstore_error err;
	char name[CS_NAME_MAX + 8];
	unsigned int how;
	int before, force, i, n, rv;
	size_t k, nwas;

	if (leaf == NULL)
		makeall();
	for (i = 0; i < WHO; i++)
		if (cs_trustset_add(&set, names[i], who[i].fingerprint,
			who[i].der, (size_t)who[i].len,
			i == HELPER ? CS_ANCHOR_HELPER : CS_ANCHOR_ADDED) ==
		    NULL)
			abort();
	cs_trustset_sort(&set);
	for (n = 0; n < GIVEN_MAX && readcrl(&p, end, &how, &pems[n]); n++) {
		force = (how & FORCE) != 0;
		nwas = savecrls(&set, was);
		memset(&err, 0, sizeof(err));
		rv = cs_crl_give(&set, &pems[n], force, name, &err);
		HOLDS(ERR_peek_error() == 0);
		if (rv == 0)
			judge_message(&err);
		judge_given(&set, was, nwas, &pems[n], rv, force);
		judge_links(&set);
		for (k = 0; k < nwas; k++)
			ASN1_INTEGER_free(was[k].number);
		if (rv == 1 || rv == 3)
			HOLDS(cs_crl_give(&set, &pems[n], force, name, &err) ==
			    2);
	}
	if (n < GIVEN_MAX)
		free(pems[n].der);
	for (k = 0; k < set.ncrl; k++) {
		judge_check(&set.crls[k]);
		HOLDS(!cs_crl_isorphan(&set, &set.crls[k]));
	}
	before = countcovered(&set);
	if (set.ncrl > 0)
		set.crls[len % set.ncrl].gone = 1;
	HOLDS(countcovered(&set) <= before);
	cs_crl_closegaps(&set);
	judge_links(&set);
	HOLDS(cs_crl_renumber(&set) == 0);
	judge_links(&set);
	cs_trustset_free(&set);
	while (n > 0)
		free(pems[--n].der);
	return 0;
}
