/*
 * fuzz-import.c: any bytes through the whole of an import into a store.  Of
 * what becomes an entry, info says the same as libcrypto, the files belong
 * together, and each host name and key is found.  A libFuzzer target.
 */
#include <arpa/inet.h>
#include <sys/stat.h>

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <certstore.h>

#include "fuzz.h"

#define NAMES_MAX 64

static char place[] = "/tmp/certstore-fuzz.XXXXXX";
static char memory[] = "/dev/shm/certstore-fuzz.XXXXXX";
static struct certstore *store;
static struct certstore_match *match;

static void
removestore(void)
{
	char command[80];
	const char *path = certstore_path(store);

	snprintf(command, sizeof(command), "rm -rf %s", path);
	certstore_match_free(match);
	certstore_close(store);
	(void)!system(command);
}

static void
openstore(void)
{
	const int flags = CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE;
	struct certstore_error err;
	const char *path;

	path = access("/dev/shm", W_OK) == 0 ? mkdtemp(memory) : mkdtemp(place);
	HOLDS(path != NULL);
	HOLDS((store = certstore_open(path, flags, &err)) != NULL);
	match = certstore_match_new(store, CERTSTORE_NOW, NULL, 0, &err);
	HOLDS(match != NULL);
	atexit(removestore);
}

static int
isprintable(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~' || *text == '\\')
			return 0;
	return 1;
}

/* The text in hexadecimal. */
static void
isdigest(const char *hex, const unsigned char *md, unsigned int len)
{
	char digits[3];
	unsigned int i;

	HOLDS(strlen(hex) == 2 * (size_t)len);
	for (i = 0; i < len; i++) {
		snprintf(digits, sizeof(digits), "%02x", md[i]);
		HOLDS(memcmp(hex + 2 * i, digits, 2) == 0);
	}
}

static void
judge_time(int64_t have, const ASN1_TIME *at)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(at, &tm) == 1)
		HOLDS(have == (int64_t)timegm(&tm));
}

static void
judge_name(const char *have, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char text[4096];
	int len;

	HOLDS(bio != NULL);
	HOLDS(X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0);
	len = BIO_read(bio, text, sizeof(text) - 1);
	BIO_free(bio);
	text[len > 0 ? len : 0] = '\0';
	if (len < (int)sizeof(text) - 1 && isprintable(text))
		HOLDS(have != NULL ? strcmp(have, text) == 0 : len <= 0);
}

static void
judge_serial(const char *have, const ASN1_INTEGER *serial)
{
	BIGNUM *bn = NULL, *want = ASN1_INTEGER_to_BN(serial, NULL);

	HOLDS(want != NULL && have != NULL);
	HOLDS(BN_hex2bn(&bn, have) == (int)strlen(have));
	HOLDS(BN_cmp(bn, want) == 0);
	BN_free(bn);
	BN_free(want);
}

/* Is a name of the certificate among those of info, and found? */
static void
judge_dns(const struct certstore_entry *entry, const ASN1_IA5STRING *dns)
{
	const struct certstore_entry *found;
	const char *type, *value;
	struct certstore_error err;
	char host[256];
	size_t i;
	int len = ASN1_STRING_length(dns), rv;

	if (len <= 0 || len >= (int)sizeof(host))
		return;
	memcpy(host, ASN1_STRING_get0_data(dns), (size_t)len);
	host[len] = '\0';
	if (strlen(host) != (size_t)len || !isprintable(host))
		return;
	for (i = 0; certstore_entry_san(entry, i, &type, &value) == 1; i++)
		if (strcmp(type, "dns") == 0 && strcasecmp(value, host) == 0)
			break;
	HOLDS(certstore_entry_san(entry, i, &type, &value) == 1);
	if (i >= 1000 || strchr(host, '*') != NULL ||
	    !certstore_entry_is_kind(entry, "server") ||
	    !certstore_entry_has_key(entry))
		return;
	rv = certstore_match_ask(match, host, &err);
	HOLDS(rv == 1 || (rv == -1 && err.code != CERTSTORE_EDAMAGED));
	if (rv == 1)
		HOLDS(certstore_match_next(match, &found, &err) == 1);
}

static void
judge_names(const struct certstore_entry *entry, const X509 *x509)
{
	GENERAL_NAMES *names;
	int critical, i;

	names = X509_get_ext_d2i(x509, NID_subject_alt_name, &critical, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			judge_dns(entry, name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
}

/* The file of an entry, or NULL. */
static FILE *
openfile(const struct certstore_entry *entry, enum certstore_file file)
{
	char *path = certstore_entry_path(entry, file);
	FILE *fp = NULL;

	if (path != NULL)
		HOLDS((fp = fopen(path, "r")) != NULL);
	free(path);
	return fp;
}

/* No passphrase. */
static int
refuse(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static void
judge_key(const struct certstore_entry *entry, const X509 *x509)
{
	EVP_PKEY *pkey;
	FILE *fp;

	fp = openfile(entry, CERTSTORE_PRIVKEY);
	HOLDS((fp != NULL) == certstore_entry_has_key(entry));
	if (fp == NULL)
		return;
	pkey = PEM_read_PrivateKey(fp, NULL, refuse, NULL);
	if (pkey != NULL)
		HOLDS(EVP_PKEY_eq(pkey, X509_get0_pubkey(x509)) == 1);
	EVP_PKEY_free(pkey);
	fclose(fp);
}

static void
judge_chain(const struct certstore_entry *entry, FILE *fp)
{
	X509 *x509;
	const char *subject;
	int64_t ends;
	size_t n = 0;

	while ((x509 = PEM_read_X509(fp, NULL, NULL, NULL)) != NULL) {
		HOLDS(
		    certstore_entry_issuing(entry, n++, &subject, &ends) == 1);
		judge_name(subject, X509_get_subject_name(x509));
		judge_time(ends, X509_get0_notAfter(x509));
		X509_free(x509);
	}
	HOLDS(certstore_entry_issuing(entry, n, &subject, &ends) == 0);
}

static void
judge_entry(const struct certstore_entry *entry)
{
	unsigned char md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned int mdlen;
	X509 *x509;
	FILE *fp;
	int len;

	HOLDS(certstore_entry_flaw(entry) == NULL);
	if ((fp = openfile(entry, CERTSTORE_FULLCHAIN)) == NULL) {
		HOLDS(certstore_entry_is_kind(entry, "waiting"));
		return;
	}
	x509 = PEM_read_X509(fp, NULL, NULL, NULL);
	HOLDS(x509 != NULL);
	HOLDS(X509_digest(x509, EVP_sha256(), md, &mdlen) == 1);
	isdigest(certstore_entry_fingerprint(entry), md, mdlen);
	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	HOLDS(len > 0);
	HOLDS(
	    EVP_Digest(der, (size_t)len, md, &mdlen, EVP_sha256(), NULL) == 1);
	OPENSSL_free(der);
	isdigest(certstore_entry_spki(entry), md, mdlen);
	judge_serial(certstore_entry_serial(entry),
	    X509_get0_serialNumber(x509));
	judge_name(certstore_entry_subject(entry), X509_get_subject_name(x509));
	judge_name(certstore_entry_issuer(entry), X509_get_issuer_name(x509));
	judge_time(certstore_entry_starts(entry), X509_get0_notBefore(x509));
	judge_time(certstore_entry_ends(entry), X509_get0_notAfter(x509));
	judge_names(entry, x509);
	judge_key(entry, x509);
	judge_chain(entry, fp);
	X509_free(x509);
	fclose(fp);
}

/* Judges all entries, and removes them. */
static void
judge_store(void)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	struct certstore_list *list;
	const char *names[NAMES_MAX];
	size_t i, n = 0;
	int rv;

	HOLDS((list = certstore_list_new(store, &err)) != NULL);
	while ((rv = certstore_list_next(list, &entry, &err)) == 1 &&
	    n < NAMES_MAX) {
		judge_entry(entry);
		HOLDS(
		    (names[n++] = strdup(certstore_entry_name(entry))) != NULL);
	}
	if (rv == -1)
		fprintf(stderr, "%s\n", err.msg);
	HOLDS(rv != -1);
	certstore_list_free(list);
	HOLDS(certstore_remove(store, names, n, CERTSTORE_REMOVE_FORCE, NULL,
		  NULL, &err) != -1);
	for (i = 0; i < n; i++)
		free((void *)(uintptr_t)names[i]);
	if (rv == 1)
		judge_store();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct certstore_import *import;
	struct certstore_error err;
	int done;

	if (store == NULL)
		openstore();
	if ((import = certstore_import_new(store, 0, &err)) == NULL)
		return 0;
	done = certstore_import_add(import, "fuzz", data, len, &err) == 0 &&
	    certstore_import_plan(import, &err) == 0 &&
	    certstore_import_commit(import, &err) != -1;
	certstore_import_free(import);
	HOLDS(ERR_peek_error() == 0);
	if (done)
		judge_store();
	ERR_clear_error();
	return 0;
}
