/*
 * test-container.c: DER, PKCS#7 and PKCS#12 become items; those that would take
 * too long to open are refused before.
 */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "x509/x509.h"
#include "input.h"
#include "tap.h"

static int
readpems(const struct cs_buf *in, const struct certstore_passphrase *ask,
    struct cs_pems *list, struct certstore_error *err)
{
	char *exact;
	int rv;

	/* Of exactly this size, so that a byte read behind it is noticed. */
	if ((exact = malloc(in->len + (in->len == 0))) == NULL)
		bail("no memory");
	memcpy(exact, in->p, in->len);
	memset(list, 0, sizeof(*list));
	memset(err, 0, sizeof(*err));
	rv = cs_pem_read("file", exact, in->len, ask, list, err);
	free(exact);
	if (ERR_peek_error() != 0)
		bail("the queue of libcrypto is not empty");
	return rv;
}

/* The one item of a PEM file. */
static void
readone(const char *path, struct cs_pems *list)
{
	struct cs_buf in = { NULL, 0, 0 };
	struct certstore_error err;

	readfile(path, &in);
	if (readpems(&in, NULL, list, &err) == -1 || list->n != 1)
		bail("%s: %s", path, err.msg);
	cs_buf_free(&in);
}

#define RC2 1 /* needs the legacy provider */

/* The passphrase of all is "phones"; "-": there is nobody to ask. */
static const struct {
	const char *file;
	const char *passphrase;
	const char *want; /* k key c certificate a its CA; or the message */
	int asked;
	int needs;
} files[] = {
	{ "p7b.pem", "-", "ca", 0, 0 },
	{ "ber.p7", "-", "ac", 0, 0 },
	{ "crl.p7b", "-", "file: PKCS#7 without certificates", 0, 0 },
	{ "aes.p12", "phones", "cak", 1, 0 },
	{ "aes.p12", "bones", "file: the passphrase does not open it", 1, 0 },
	{ "aes.p12", "", "file: the passphrase does not open it", 1, 0 },
	{ "aes.p12", NULL, "use -p with its passphrase", 1, 0 },
	{ "aes.p12", "-", "use -p with its passphrase", 0, 0 },
	{ "empty.p12", "-", "cak", 0, 0 },
	{ "plain.p12", "-", "cak", 0, 0 },
	{ "3des.p12", "phones", "cak", 1, 0 },
	{ "rc2.p12", "phones", "cak", 1, RC2 },
	{ "rc2.p12", "bones", "file: the passphrase does not open it", 1, 0 },
	{ "rc2nomac.p12", "bones", "file: the passphrase does not open it", 1,
	    RC2 },
	{ "certs.p12", "phones", "a", 1, 0 },
	{ "costly.p12", "phones", "more than 10000000 iterations", 0, 0 },
	{ "costlymac.p12", "phones", "more than 10000000 iterations", 0, 0 },
};

static void
contents(const struct cs_pems *got, char text[16])
{
	static const char *const paths[] = { DATA "key.pem", DATA "cert.pem",
		DATA "ca.pem" };
	struct cs_pems want;
	size_t i, j;

	memset(text, '\0', 16);
	for (i = 0; i < got->n && i < 15; i++) {
		text[i] = '?';
		for (j = 0; j < 3; j++) {
			readone(paths[j], &want);
			if (issame(&got->v[i], &want.v[0]))
				text[i] = "kca"[j];
			cs_item_free(&want);
		}
	}
}

static void
test_files(void)
{
	struct cs_buf in = { NULL, 0, 0 };
	struct cs_pems got;
	struct certstore_error err;
	struct certstore_passphrase ask;
	struct answer a;
	char path[128], text[16];
	size_t i;
	int legacy = haslegacy(), rv;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].needs == RC2 && !legacy) {
			skip("%s: no legacy provider here", files[i].file);
			continue;
		}
		snprintf(path, sizeof(path), DATA "%s", files[i].file);
		readfile(path, &in);
		a = (struct answer){ .passphrase = files[i].passphrase };
		ask = (struct certstore_passphrase){ answer, &a };
		rv = readpems(&in,
		    a.passphrase != NULL && strcmp(a.passphrase, "-") == 0 ?
			NULL :
			&ask,
		    &got, &err);
		contents(&got, text);
		if (rv == 0)
			is_str(text, files[i].want, "%s", files[i].file);
		else if (!ok(strstr(err.msg, files[i].want) != NULL, "%s: %s",
			     files[i].file, files[i].want))
			printf("# got: %s\n", err.msg);
		is_int(a.asked, files[i].asked, "%s: asked", files[i].file);
		if (a.asked > 0)
			is_str(a.what, "file", "%s: for what", files[i].file);
		if (strstr(files[i].want, "passphrase") != NULL)
			is_int(err.code, CERTSTORE_EPASSPHRASE, "%s: the code",
			    files[i].file);
		cs_item_free(&got);
	}
	cs_buf_free(&in);
}

/* Where the legacy provider cannot be loaded, that is said. */
static void
test_nolegacy(void)
{
	struct cs_buf in = { NULL, 0, 0 };
	struct cs_pems got;
	struct certstore_error err;
	struct answer a = { .passphrase = "phones" };
	struct certstore_passphrase ask = { answer, &a };
	EVP_CIPHER *cipher;

	setenv("OPENSSL_MODULES", "/nonexistent", 1);
	readfile(DATA "rc2.p12", &in);
	is_int(readpems(&in, &ask, &got, &err), -1, "no legacy provider");
	is_int(err.code, CERTSTORE_EINPUT, "input that cannot be opened");
	ok(strstr(err.msg, "file: PKCS#12 encrypted with ") == err.msg &&
		strstr(err.msg,
		    "needs OpenSSL's legacy provider: export it again with "
		    "AES") != NULL,
	    "says so: %s", err.msg);
	cs_item_free(&got);
	unsetenv("OPENSSL_MODULES");
	/* What was loaded for one file is not there for others. */
	cipher = EVP_CIPHER_fetch(NULL, "RC2-40-CBC", NULL);
	ok(cipher == NULL, "the provider is not left loaded");
	ERR_clear_error();
	cipher = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	ok(cipher != NULL, "the default provider is still there");
	EVP_CIPHER_free(cipher);
	cs_buf_free(&in);
}

/* Each kind as DER; what is one byte longer or shorter is refused. */
static void
test_der(void)
{
	static const struct {
		const char *file;
		enum cs_pem_type type;
	} kinds[] = {
		{ DATA "cert.pem", CS_PEM_CERT },
		{ "tests/data/vodia-localhost.pem", CS_PEM_CERT }, /* v1 */
		{ DATA "csr.pem", CS_PEM_CSR },
		{ DATA "key.pem", CS_PEM_KEY },
		{ DATA "ed25519.pem", CS_PEM_KEY },
		{ DATA "sec1.pem", CS_PEM_KEY },
		{ "tests/data/keys/pkcs1.pem", CS_PEM_KEY },
		{ "tests/data/keys/pbes2.pem", CS_PEM_KEY_PKCS8ENC },
		{ "tests/data/keys/public.pem", CS_PEM_PUBKEY },
	};
	struct cs_buf in = { NULL, 0, 0 };
	struct cs_pems want, got;
	struct certstore_error err;
	char where[80];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		readfile(kinds[i].file, &in);
		if (readpems(&in, NULL, &want, &err) == -1)
			bail("%s", err.msg);
		cs_buf_reset(&in);
		cs_buf_add(&in, want.v[0].der, want.v[0].derlen);
		is_int(readpems(&in, NULL, &got, &err), 0, "%s as DER",
		    kinds[i].file);
		ok(got.n == 1 && issame(&got.v[0], &want.v[0]) &&
			got.v[0].type == kinds[i].type && got.v[0].line == 0 &&
			strcmp(got.v[0].pemlabel, "") == 0,
		    "is the same");
		is_str(got.n != 1 ?
			NULL :
			cs_item_where(&got.v[0], where, sizeof(where)),
		    "file", "and has no line");
		cs_item_free(&got);
		in.len--;
		is_int(readpems(&in, NULL, &got, &err), -1, "truncated");
		ok(strstr(err.msg, "file: truncated: the DER says") != NULL,
		    "is called that");
		cs_item_free(&got);
		in.len++;
		cs_buf_adds(&in, "\n");
		is_int(readpems(&in, NULL, &got, &err), -1, "a byte after it");
		ok(strstr(err.msg, "file: 1 byte after the DER") != NULL,
		    "is named");
		cs_item_free(&got);
		cs_item_free(&want);
	}
	cs_buf_free(&in);
}

static void
pemof(const char *path, const char *label, struct cs_buf *out)
{
	struct cs_buf in = { NULL, 0, 0 };

	readfile(path, &in);
	cs_buf_reset(out);
	cs_pem_encode(out, label, (const unsigned char *)in.p, in.len);
	cs_buf_free(&in);
}

/* certutil -encode writes CERTIFICATE around anything. */
static void
test_labels(void)
{
	struct cs_buf in = { NULL, 0, 0 }, trusted = { 0 };
	struct cs_pems got;
	struct certstore_error err;
	char text[16], where[80];

	pemof(DATA "ber.p7", "CERTIFICATE", &in);
	readpems(&in, NULL, &got, &err);
	contents(&got, text);
	is_str(text, "ac", "PKCS#7 under CERTIFICATE");
	is_str(got.n == 0 ? NULL :
			    cs_item_where(&got.v[0], where, sizeof(where)),
	    "file:1", "where its certificates are");
	cs_item_free(&got);
	pemof(DATA "plain.p12", "PKCS12", &in);
	readpems(&in, NULL, &got, &err);
	contents(&got, text);
	is_str(text, "cak", "PKCS#12 as PEM");
	cs_item_free(&got);
	/* only a certificate has trust settings behind it */
	readfile(DATA "plain.p12", &in);
	cs_buf_add(&in, "0", 2); /* with its NUL, an empty SEQUENCE */
	cs_buf_copy(&trusted, &in);
	cs_buf_reset(&in);
	cs_pem_encode(&in, "TRUSTED CERTIFICATE",
	    (const unsigned char *)trusted.p, trusted.len);
	is_int(readpems(&in, NULL, &got, &err), -1, "PKCS#12 as trusted");
	ok(strstr(err.msg, "file:1: 2 bytes after the DER") != NULL, "%s",
	    err.msg);
	cs_item_free(&got);
	pemof(DATA "plain.p12", "PRIVATE KEY", &in);
	is_int(readpems(&in, NULL, &got, &err), -1, "PKCS#12 as a key");
	is_str(err.msg,
	    "file:1: labelled `PRIVATE KEY`, but it holds PKCS#12: correct the "
	    "label",
	    "is refused");
	cs_item_free(&got);
	cs_buf_free(&trusted);
	cs_buf_free(&in);
}

/* The DER of these octets in hexadecimal, read as a file. */
static int
readhex(const char *hex, const struct certstore_passphrase *ask,
    struct cs_pems *list, struct certstore_error *err)
{
	struct cs_buf in = { 0 };
	unsigned char *der;
	long len;
	int rv;

	if ((der = OPENSSL_hexstr2buf(hex, &len)) == NULL)
		bail("%s", hex);
	cs_buf_add(&in, der, (size_t)len);
	rv = readpems(&in, ask, list, err);
	cs_buf_free(&in);
	OPENSSL_free(der);
	return rv;
}

/* What is one kind of DER is not another, whatever its label. */
static void
test_kinds(void)
{
	static const struct {
		const char *file;
		const char *label;
		const char *holds;
	} kinds[] = {
		{ DATA "cert.pem", "PRIVATE KEY", "a certificate" },
		{ DATA "crl.pem", "CERTIFICATE", "a revocation list (CRL)" },
		{ DATA "csr.pem", "CERTIFICATE", "a certificate request" },
		{ DATA "key.pem", "CERTIFICATE", "a private key" },
		{ "tests/data/keys/pbes2.pem", "CERTIFICATE",
		    "an encrypted private key" },
		{ "tests/data/keys/public.pem", "CERTIFICATE", "a public key" },
		{ DATA "p7b.pem", "PRIVATE KEY", "PKCS#7" },
	};
	struct cs_buf in = { 0 };
	struct cs_pems got;
	struct certstore_error err;
	char want[128], *end, *p;
	const char *begin;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		readfile(kinds[i].file, &in);
		/* the base64 of the file, between other lines */
		begin = strchr(in.p, '\n') + 1;
		end = strstr(in.p, "-----END");
		*end = '\0';
		p = NULL;
		if (asprintf(&p, "-----BEGIN %s-----\n%s-----END %s-----\n",
			kinds[i].label, begin, kinds[i].label) == -1)
			bail("no memory");
		cs_buf_reset(&in);
		cs_buf_adds(&in, p);
		free(p);
		snprintf(want, sizeof(want),
		    "file:1: labelled `%s`, but it holds %s: correct the label",
		    kinds[i].label, kinds[i].holds);
		is_int(readpems(&in, NULL, &got, &err), -1, "%s",
		    kinds[i].file);
		is_str(err.msg, want, "says what it holds");
		cs_item_free(&got);
	}
	/* what looks signed, and is nothing */
	is_int(readhex("300b300302010130000303000000", NULL, &got, &err), -1,
	    "a signed number");
	is_int(readhex("300430000500", NULL, &got, &err), -1, "a NULL behind");
	cs_item_free(&got);
	cs_buf_free(&in);
}

#define CERTBAG "060b2a864886f70d010c0a0103"
#define SAFEBAG "060b2a864886f70d010c0a0106"
#define SHROUDED "060b2a864886f70d010c0a0102"
#define X509CERT "060a2a864886f70d01091601"
#define P7DATA "06092a864886f70d010701"

/* Hexadecimal of a file's first block. */
static void
addhex(struct cs_buf *text, const char *path)
{
	struct cs_pems list;
	char *hex;
	size_t i;

	readone(path, &list);
	if ((hex = malloc(2 * list.v[0].derlen + 1)) == NULL)
		bail("no memory");
	for (i = 0; i < list.v[0].derlen; i++)
		snprintf(hex + 2 * i, 3, "%02x", list.v[0].der[i]);
	cs_buf_adds(text, hex);
	free(hex);
	cs_item_free(&list);
}

/* Makes of it the only contents of a SEQUENCE, behind its type, in [0]. */
static void
typed(struct cs_buf *text, const char *oid)
{
	struct cs_buf out = { 0 };

	enclose(text, "a0");
	cs_buf_printf(&out, "%s%s", oid, text->p);
	cs_buf_free(text);
	*text = out;
	enclose(text, "30");
}

/* SafeContents become PKCS#12 without a MAC, RFC 7292 section 4. */
static void
wrapbags(struct cs_buf *text)
{
	struct cs_buf out = { 0 };

	enclose(text, "30");
	enclose(text, "04");
	typed(text, P7DATA);
	enclose(text, "30");
	enclose(text, "04");
	typed(text, P7DATA);
	cs_buf_printf(&out, "020103%s", text->p);
	cs_buf_free(text);
	*text = out;
	enclose(text, "30");
}

/* PKCS#12 with a key so many times. */
static void
repeat(const char *key, int times, struct cs_buf *out)
{
	struct cs_buf bag = { 0 };
	char path[128];

	cs_buf_reset(out);
	snprintf(path, sizeof(path), KEYS "%s.pem", key);
	addhex(&bag, path);
	typed(&bag, SHROUDED);
	while (times-- > 0)
		cs_buf_add(out, bag.p, bag.len);
	wrapbags(out);
	cs_buf_free(&bag);
}

/* Bags that no software writes. */
static void
test_bags(void)
{
	struct answer a = { .passphrase = "phones" };
	struct certstore_passphrase ask = { answer, &a };
	struct cs_buf bag = { 0 };
	struct cs_pems got;
	struct certstore_error err;
	char text[16];
	int depth, i;

	for (depth = 0; depth <= 5; depth++) {
		cs_buf_reset(&bag);
		addhex(&bag, DATA "cert.pem");
		enclose(&bag, "04");
		typed(&bag, X509CERT);
		typed(&bag, CERTBAG);
		for (i = 0; i < depth; i++) {
			enclose(&bag, "30");
			typed(&bag, SAFEBAG);
		}
		wrapbags(&bag);
		i = readhex(bag.p, NULL, &got, &err);
		contents(&got, text);
		if (depth < 5)
			is_str(text, "c", "a certificate in %d bags", depth);
		else
			ok(i == -1 &&
				strstr(err.msg, "bags within bags") != NULL,
			    "in five: %s", err.msg);
		cs_item_free(&got);
	}
	cs_buf_reset(&bag);
	wrapbags(&bag);
	is_int(readhex(bag.p, NULL, &got, &err), -1, "no bag");
	is_str(err.msg,
	    "file: PKCS#12 without certificates and keys: export it again",
	    "has nothing");
	cs_item_free(&got);
	repeat("pbes1-3des", 32, &bag);
	is_int(readhex(bag.p, &ask, &got, &err), 0, "32 encrypted keys");
	is_int((long long)got.n, 32, "are all read");
	cs_item_free(&got);
	repeat("pbes1-3des", 33, &bag);
	is_int(readhex(bag.p, &ask, &got, &err), -1, "33 are not");
	ok(strstr(err.msg, "more than 32 encrypted parts") != NULL, "%s",
	    err.msg);
	cs_item_free(&got);
	if (haslegacy()) {
		repeat("pbes1-rc2", 2, &bag);
		is_int(readhex(bag.p, &ask, &got, &err), 0, "two of RC2");
		is_int((long long)got.n, 2, "are read");
		cs_item_free(&got);
	} else
		skip("no legacy provider here");
	cs_buf_free(&bag);
}

/* Damage never gives another key or certificate. */
static void
test_mutations(void)
{
	static const char *const paths[] = { DATA "ber.p7", DATA "empty.p12",
		DATA "plain.p12" };
	struct cs_buf in = { NULL, 0, 0 };
	struct cs_pems got;
	struct certstore_error err;
	size_t i, j, bad;
	int rv;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		readfile(paths[i], &in);
		bad = 0;
		for (j = 0; j < in.len; j++) {
			in.p[j] ^= (char)(1 << j % 8);
			rv = readpems(&in, NULL, &got, &err);
			if (rv == -1 ? err.msg[0] == '\0' || got.n != 0 :
				       got.n == 0)
				bad++;
			cs_item_free(&got);
			in.p[j] ^= (char)(1 << j % 8);
		}
		is_int((long long)bad, 0, "%s, any bit changed", paths[i]);
		for (bad = 0; in.len > 0;) {
			in.len--;
			bad += readpems(&in, NULL, &got, &err) != -1;
			cs_item_free(&got);
		}
		is_int((long long)bad, 0, "%s, cut anywhere", paths[i]);
	}
	cs_buf_free(&in);
}

int
main(void)
{
	test_files();
	test_nolegacy();
	test_der();
	test_labels();
	test_kinds();
	test_bags();
	test_mutations();
	return tap_done();
}
