/*
 * test-part.c: certificates and keys that are not in the store, and the parts
 * of an entry.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "x509/private.h"
#include "tap.h"

/* root signs middle, middle signs leaf; fake is leaf with forging names. */
static EVP_PKEY *key;
static X509 *root, *middle, *leaf, *fake;
static struct cs_buf rootpem, middlepem, leafpem, fakepem, keypem, csrpem;

static X509 *
mkcert(const char *cn, const char *san, X509 *issuer)
{
	X509_NAME *name = X509_NAME_new();
	X509 *x509 = X509_new();
	GENERAL_NAMES *names;
	GENERAL_NAME *gn;
	ASN1_STRING *s;

	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 7);
	X509_set_subject_name(x509, name);
	X509_set_issuer_name(x509,
	    issuer == NULL ? name : X509_get_subject_name(issuer));
	ASN1_TIME_set_string(X509_getm_notBefore(x509), "260101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(x509), "270101000000Z");
	X509_set_pubkey(x509, key);
	if (san != NULL) {
		names = GENERAL_NAMES_new();
		gn = GENERAL_NAME_new();
		s = ASN1_STRING_type_new(V_ASN1_IA5STRING);
		ASN1_STRING_set(s, san, -1);
		GENERAL_NAME_set0_value(gn, GEN_DNS, s);
		sk_GENERAL_NAME_push(names, gn);
		X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0);
		GENERAL_NAMES_free(names);
	}
	X509_sign(x509, key, EVP_sha256());
	X509_NAME_free(name);
	return x509;
}

static void
mkcsr(void)
{
	X509_REQ *csr = X509_REQ_new();
	unsigned char *der = NULL;
	int len;

	X509_REQ_set_pubkey(csr, key);
	X509_REQ_sign(csr, key, EVP_sha256());
	len = i2d_X509_REQ(csr, &der);
	cs_pem_encode(&csrpem, "CERTIFICATE REQUEST", der, (size_t)len);
	OPENSSL_free(der);
	X509_REQ_free(csr);
}

static void
setup(void)
{
	struct certstore_error err;

	key = cs_key_generate(NULL, "p256", &err);
	root = mkcert("root", NULL, NULL);
	middle = mkcert("middle", NULL, root);
	leaf = mkcert("leaf", "a.example", middle);
	fake = mkcert("leaf\033[2J", "x\n    Subject: CN = bank.example",
	    middle);
	cs_cert_encode(&rootpem, root, &err);
	cs_cert_encode(&middlepem, middle, &err);
	cs_cert_encode(&leafpem, leaf, &err);
	cs_cert_encode(&fakepem, fake, &err);
	cs_key_encode(&keypem, key, NULL, &err);
	mkcsr();
}

static void
cleanup(void)
{
	X509_free(root);
	X509_free(middle);
	X509_free(leaf);
	X509_free(fake);
	EVP_PKEY_free(key);
	cs_buf_free(&rootpem);
	cs_buf_free(&middlepem);
	cs_buf_free(&leafpem);
	cs_buf_free(&fakepem);
	cs_buf_free(&keypem);
	cs_buf_free(&csrpem);
}

/* Nobody is to be asked. */
static int
nobody(void *arg, const char *what, char *buf, size_t size)
{
	(void)what;
	(void)buf;
	(void)size;
	++*(int *)arg;
	return -1;
}

/* Compares one part with what it should be; NULL: there is none. */
static void
part(const struct certstore_entry *entry, const char *name, const char *want)
{
	struct certstore_error err;
	char *data;
	size_t len;
	int rv;

	rv = certstore_entry_part(entry, name, &data, &len, &err);
	is_int(rv, want != NULL, "part %s", name);
	if (rv == -1)
		printf("# %s\n", err.msg);
	is_str(data, want, "its text");
	is_int((long long)len, want == NULL ? 0 : (long long)strlen(want),
	    "its length");
	ok(ERR_peek_error() == 0, "the queue is empty");
	free(data);
}

static void
teststream(void)
{
	static const char bad[] = "-----BEGIN CERTIFICATE-----\n"
				  "MAMCAQU=\n"
				  "-----END CERTIFICATE-----\n";
	struct certstore_error err;
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct cs_buf buf = { 0 }, encrypted = { 0 };
	int asked = 0;
	struct certstore_passphrase ask = { nobody, &asked };

	cs_key_encode(&encrypted, key, "secret", &err);
	cs_buf_copy(&buf, &leafpem);
	cs_buf_add(&buf, encrypted.p, encrypted.len);
	cs_buf_adds(&buf, bad);
	cs_buf_add(&buf, middlepem.p, middlepem.len);
	certs = certstore_certs_read("in", buf.p, buf.len, &ask, &err);
	if (certs == NULL)
		bail("%s", err.msg);
	is_int(certstore_certs_next(certs, &entry, &err), 1, "the first");
	is_str(certstore_entry_subject(entry), "CN=leaf", "is the leaf");
	part(entry, "cert", leafpem.p);
	is_int(certstore_certs_next(certs, &entry, &err), -1, "the bad one");
	ok(entry == NULL && strstr(err.msg, "in:") == err.msg, "is named");
	is_int(certstore_certs_next(certs, &entry, &err), 1, "behind it");
	is_str(certstore_entry_subject(entry), "CN=middle", "comes the next");
	is_int(certstore_certs_next(certs, &entry, &err), 0, "the end");
	is_int(certstore_certs_next(certs, &entry, &err), 1, "begins again");
	is_int(asked, 0, "no passphrase was asked for");
	certstore_certs_free(certs);
	ok(certstore_certs_read("in", keypem.p, keypem.len, NULL, &err) ==
		    NULL &&
		err.code == CERTSTORE_EINPUT &&
		strstr(err.msg, "no certificate") != NULL,
	    "a key alone is refused");
	ok(certstore_certs_read("in", "", 0, NULL, &err) == NULL &&
		err.code == CERTSTORE_EINPUT,
	    "so is nothing");
	certstore_certs_free(NULL);
	cs_buf_free(&buf);
	cs_buf_free(&encrypted);
}

static void
testkey(void)
{
	struct certstore_error err;
	struct certstore_entry *entry;
	struct cs_buf buf = { 0 }, public = { 0 };
	char *text, hex[65], tlsa[128];
	size_t len;
	int asked = 0;
	struct certstore_passphrase ask = { nobody, &asked };

	cs_key_spki(key, hex, &err);
	snprintf(tlsa, sizeof(tlsa), "3 1 1 %s\n", hex);
	cs_key_encode_public(&public, key, &err);
	cs_buf_copy(&buf, &leafpem);
	cs_buf_add(&buf, keypem.p, keypem.len);
	entry = certstore_key_read("k", buf.p, buf.len, NULL, &err);
	if (entry == NULL)
		bail("%s", err.msg);
	is_str(certstore_entry_key(entry), "p256", "a key behind something");
	is_str(certstore_entry_spki(entry), hex, "its SPKI");
	part(entry, "pubkey", public.p);
	part(entry, "tlsa", tlsa);
	part(entry, "cert", NULL);
	part(entry, "fullchain", NULL);
	part(entry, "root", NULL);
	part(entry, "csr", NULL);
	is_int(certstore_entry_part(entry, "text", &text, &len, &err), 1,
	    "its text");
	ok(text != NULL && strstr(text, "Public-Key") != NULL &&
		strstr(text, "priv") == NULL,
	    "is the public side");
	free(text);
	certstore_entry_free(entry);
	cs_buf_reset(&buf);
	cs_key_encode(&buf, key, "secret", &err);
	ok(certstore_key_read("k", buf.p, buf.len, &ask, &err) == NULL &&
		err.code == CERTSTORE_EPASSPHRASE,
	    "an encrypted key is asked for");
	is_int(asked, 1, "once");
	ok(certstore_key_read("k", leafpem.p, leafpem.len, NULL, &err) ==
		    NULL &&
		err.code == CERTSTORE_EINPUT,
	    "a certificate is no key");
	cs_buf_free(&buf);
	cs_buf_free(&public);
}

/* Not in the store. */
static void
testoutside(void)
{
	struct certstore_error err;
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct cs_buf both = { 0 };

	cs_buf_copy(&both, &rootpem);
	cs_buf_add(&both, leafpem.p, leafpem.len);
	certs = certstore_certs_read("in", both.p, both.len, NULL, &err);
	certstore_certs_next(certs, &entry, &err);
	part(entry, "root", rootpem.p);
	part(entry, "cert", rootpem.p);
	part(entry, "fullchain", rootpem.p);
	part(entry, "chain", NULL);
	part(entry, "ca", NULL);
	part(entry, "csr", NULL);
	certstore_certs_next(certs, &entry, &err);
	part(entry, "root", NULL);
	part(entry, "fullchain", leafpem.p);
	certstore_certs_free(certs);
	cs_buf_free(&both);
}

static void
testrefused(void)
{
	static const char *const bad[] = { "", "privkey", "key", "combined",
		"Cert", "text ", "\033[2J" };
	struct certstore_entry entry = { 0 };
	struct certstore_error err;
	char *data;
	size_t i, len;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(certstore_entry_part(&entry, bad[i], &data, &len, &err) ==
			    -1 &&
			err.code == CERTSTORE_EARGUMENT &&
			strstr(err.msg, "fullchain") != NULL &&
			strchr(err.msg, '\033') == NULL && data == NULL,
		    "part %zu is refused", i);
}

/* A name with a newline must not look like a line of ours. */
static void
testtext(void)
{
	struct certstore_error err;
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	char *data;
	size_t len;

	certs = certstore_certs_read("in", fakepem.p, fakepem.len, NULL, &err);
	certstore_certs_next(certs, &entry, &err);
	is_int(certstore_entry_part(entry, "text", &data, &len, &err), 1,
	    "a certificate with forging names as text");
	ok(strstr(data, "\n        Subject: CN = leaf") != NULL,
	    "its subject is there");
	ok(strstr(data, "\n    Subject: CN = bank") == NULL, "not the forged");
	ok(strstr(data, "DNS:x\\r    Subject: CN = bank") != NULL,
	    "which is seen as what it is");
	ok(strchr(data, '\033') == NULL && strchr(data, '\r') == NULL,
	    "no control bytes");
	is_int((long long)strlen(data), (long long)len, "its length");
	free(data);
	certstore_certs_free(certs);
}

static void
putentry(struct certstore *store, const char *name, struct cs_buf *fullchain,
    struct cs_buf *above, int waiting)
{
	struct certstore_error err;
	struct cs_put put = { 0 };
	STACK_OF(X509) *certs = NULL;

	put.name = name;
	if (fullchain != NULL) {
		cs_buf_copy(&put.file[CS_FULLCHAIN], fullchain);
		certs = cs_cert_stack(name, fullchain, 0, &err);
		cs_describe_cert(&put.file[CS_INFO], certs, &err);
		cs_buf_copy(&put.file[CS_PRIVKEY], &keypem);
	}
	if (above != NULL)
		cs_buf_copy(&put.file[CS_CA], above);
	if (waiting) {
		cs_buf_copy(&put.file[CS_REQUEST_KEY], &keypem);
		cs_buf_copy(&put.file[CS_REQUEST_CSR], &csrpem);
	}
	if (fullchain == NULL)
		cs_buf_adds(&put.file[CS_INFO], "kind waiting\nspki aa\n");
	if (cs_write_entries(store, &put, 1, &err) == -1)
		bail("%s: %s", name, err.msg);
	cs_put_free(&put);
	sk_X509_pop_free(certs, X509_free);
}

static void
testinside(void)
{
	char command[128], dir[] = "/tmp/test-part.XXXXXX", path[128];
	struct certstore_error err;
	struct certstore_entry *entry;
	struct certstore *store;
	struct cs_buf above = { 0 }, full = { 0 }, public = { 0 };

	if (mkdtemp(dir) == NULL)
		bail("no temporary directory");
	snprintf(path, sizeof(path), "%s/store", dir);
	store = certstore_open(path,
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE, &err);
	if (store == NULL)
		bail("%s", err.msg);
	cs_buf_copy(&full, &leafpem);
	cs_buf_add(&full, middlepem.p, middlepem.len);
	cs_buf_copy(&above, &middlepem);
	cs_buf_add(&above, rootpem.p, rootpem.len);
	cs_key_encode_public(&public, key, &err);
	putentry(store, "leaf", &full, &above, 0);
	putentry(store, "lone", &leafpem, NULL, 1);
	putentry(store, "self", &rootpem, NULL, 0);
	putentry(store, "wait", NULL, NULL, 1);

	entry = certstore_entry_get(store, "leaf", &err);
	part(entry, "cert", leafpem.p);
	part(entry, "chain", middlepem.p);
	part(entry, "fullchain", full.p);
	part(entry, "ca", above.p);
	part(entry, "root", rootpem.p);
	part(entry, "csr", NULL);
	part(entry, "pubkey", public.p);
	certstore_entry_free(entry);
	entry = certstore_entry_get(store, "lone", &err);
	part(entry, "chain", NULL);
	part(entry, "ca", leafpem.p);
	part(entry, "root", NULL);
	part(entry, "csr", csrpem.p);
	certstore_entry_free(entry);
	entry = certstore_entry_get(store, "self", &err);
	part(entry, "root", rootpem.p);
	part(entry, "ca", rootpem.p);
	certstore_entry_free(entry);
	entry = certstore_entry_get(store, "wait", &err);
	part(entry, "cert", NULL);
	part(entry, "root", NULL);
	part(entry, "csr", csrpem.p);
	part(entry, "pubkey", public.p);
	certstore_entry_free(entry);
	certstore_close(store);
	cs_buf_free(&above);
	cs_buf_free(&full);
	cs_buf_free(&public);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		printf("# %s is left behind\n", dir);
}

int
main(void)
{
	setup();
	teststream();
	testkey();
	testoutside();
	testrefused();
	testtext();
	testinside();
	cleanup();
	return tap_done();
}
