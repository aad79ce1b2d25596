/*
 * test-import.c: certstore_import(3) in a program: plans, other writers between
 * plan and commit, and passphrases that are asked for only if needed.  For
 * accepted and refused input see import.bats.
 */
#include <sys/syscall.h>

#include <fcntl.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "x509/private.h"
#include "tap.h"
#include "scratch.h"

static EVP_PKEY *key;
static int asked;

/*
 * What happens, once, before the library opens a file whose path ends so.  The
 * library takes this function for libc's.
 */
static void (*meanwhile)(void);
static const char *opening;

int openhooked(int, const char *, int, ...) __asm__("openat");
/* what glibc makes of it with -D_FILE_OFFSET_BITS=64 */
int openhooked64(int, const char *, int, ...) __asm__("openat64")
    __attribute__((alias("openat")));

int
openhooked(int dirfd, const char *name, int flags, ...)
{
	void (*fn)(void) = meanwhile;
	size_t len = strlen(name), n;
	va_list ap;
	int mode = 0;

	if (fn != NULL && (n = strlen(opening)) <= len &&
	    strcmp(name + len - n, opening) == 0) {
		meanwhile = NULL;
		fn();
	}
	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, int);
	va_end(ap);
	return (int)syscall(SYS_openat, dirfd, name, flags, mode);
}

/* "phones", and counts. */
static int
answer(void *arg, const char *what, char *buf, size_t size)
{
	(void)what;
	asked++;
	if (arg == NULL || size < 7)
		return -1;
	memcpy(buf, "phones", 7);
	return 6;
}

static int warned;

static void
count(void *arg, const char *msg)
{
	(void)arg;
	(void)msg;
	warned++;
}

/* A certificate of a public key for a host that ends with a year. */
static void
certof(struct cs_buf *pem, const char *host, const char *year, EVP_PKEY *pub)
{
	X509 *x509 = X509_new();
	/* const since OpenSSL 4 */
	X509_NAME *name = (X509_NAME *)(uintptr_t)X509_get_subject_name(x509);
	X509_EXTENSION *ext;
	char text[64];

	snprintf(text, sizeof(text), "DNS:%s", host);
	ext = X509V3_EXT_nconf(NULL, NULL, "subjectAltName", text);
	snprintf(text, sizeof(text), "%s0101000000Z", year);
	X509_set_version(x509, X509_VERSION_3);
	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)host, -1, -1, 0);
	X509_set_issuer_name(x509, name);
	ASN1_TIME_set_string(X509_getm_notBefore(x509), "20200101000000Z");
	ASN1_TIME_set_string(X509_getm_notAfter(x509), text);
	X509_set_pubkey(x509, pub);
	X509_add_ext(x509, ext, -1);
	if (X509_sign(x509, key, EVP_sha256()) <= 0 ||
	    cs_cert_encode(pem, x509, &err) == -1)
		bail("no certificate");
	X509_EXTENSION_free(ext);
	X509_free(x509);
}

/* A self-signed one, and its key. */
static void
pairof(struct cs_buf *pem, const char *host, const char *year, const char *pass)
{
	certof(pem, host, year, key);
	if (cs_key_encode(pem, key, pass, &err) == -1)
		bail("%s", err.msg);
}

/* An import of that. */
static struct certstore_import *
started(struct certstore *store, int flags, const struct cs_buf *pem)
{
	struct certstore_import *im;

	im = certstore_import_new(store, flags, &err);
	if (im == NULL ||
	    certstore_import_add(im, "pair.pem", pem->p, pem->len, &err) == -1)
		bail("%s", err.msg);
	return im;
}

static struct certstore_import *
given(struct certstore *store, int flags, const char *host, const char *year)
{
	struct certstore_import *im;
	struct cs_buf pem = { 0 };

	pairof(&pem, host, year, NULL);
	im = started(store, flags, &pem);
	cs_buf_free(&pem);
	return im;
}

static void
plan(struct certstore_import *im)
{
	if (certstore_import_plan(im, &err) == -1)
		bail("%s", err.msg);
}

static int
commit(struct certstore_import *im)
{
	int n = certstore_import_commit(im, &err);

	ok(ERR_peek_error() == 0, "the queue of libcrypto is empty");
	certstore_import_free(im);
	return n;
}

static void
testplan(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	const struct certstore_entry *entry;
	struct certstore_import *im;
	int i;

	im = given(store, CERTSTORE_IMPORT_DRYRUN, "dry.example.com", "2090");
	is_int(certstore_import_next(im, &entry, &err), -1,
	    "without a plan there is nothing to see");
	ok(entry == NULL && err.code == CERTSTORE_EARGUMENT, "%s", err.msg);
	is_int(certstore_import_plan(im, &err), 0, "a plan");
	is_int(err.code, CERTSTORE_OK, "no error");
	for (i = 0; i < 2; i++) {
		is_int(certstore_import_next(im, &entry, &err), 1, "its entry");
		is_str(certstore_entry_name(entry), "dry.example.com", "name");
		is_str(certstore_entry_kind(entry), "self", "kind");
		is_str(certstore_entry_origin(entry), "import", "origin");
		is_str(certstore_entry_how(entry), "new", "how");
		is_int(certstore_import_next(im, &entry, &err), 0, "end");
		ok(entry == NULL, "nothing is given out");
	}
	is_int(commit(im), 1, "a dry run counts");
	ok(access(path("store"), F_OK) == -1, "and makes no store");
	certstore_close(store);
}

/* A property set between plan and commit is kept, and stops nothing. */
static void
testnoted(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	struct certstore_import *im;
	struct certstore_props *props;
	const char *prop, *value;
	char name[16], text[901] = "";
	int i;

	im = given(store, 0, "noted.example.com", "2090");
	plan(im);
	is_int(commit(im), 1, "imported");
	im = given(store, CERTSTORE_IMPORT_FORCE, "noted.example.com", "2091");
	plan(im);
	setprop("noted.example.com", "note", "meanwhile");
	memset(text, 'x', 900); /* more than its props had room for */
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "x-%d", i);
		setprop("noted.example.com", name, text);
	}
	is_int(commit(im), 1, "replaced");
	props = certstore_props_read(store, "noted.example.com", &err);
	ok(props != NULL &&
		certstore_props_next(props, &prop, &value, &err) == 1 &&
		certstore_props_next(props, &prop, &value, &err) == 1 &&
		strcmp(prop, "note") == 0 && strcmp(value, "meanwhile") == 0,
	    "with what it was given meanwhile");
	certstore_props_free(props);
	certstore_close(store);
}

static void
testadd(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	const struct certstore_entry *entry;
	struct certstore_import *im;

	im = certstore_import_new(store, 0, &err);
	is_int(certstore_import_plan(im, &err), -1, "nothing given");
	is_int(err.code, CERTSTORE_EINPUT, "is refused");
	is_int(certstore_import_set_name(im, "../x", &err), -1, "a bad name");
	is_int(err.code, CERTSTORE_EARGUMENT, "is refused");
	certstore_import_free(im);

	im = given(store, CERTSTORE_IMPORT_DRYRUN, "a.example.com", "2090");
	plan(im);
	is_int(certstore_import_set_name(im, "other", &err), 0, "a name");
	is_int(certstore_import_next(im, &entry, &err), -1, "undoes the plan");
	is_int(certstore_import_plan(im, &err), 0, "another plan");
	is_int(certstore_import_next(im, &entry, &err), 1, "its entry");
	is_str(certstore_entry_name(entry), "other", "has the name");
	certstore_import_free(im);
	certstore_import_free(NULL);

	/* What a call that failed was to bring is missing. */
	im = given(store, CERTSTORE_IMPORT_DRYRUN, "a.example.com", "2090");
	plan(im);
	is_int(certstore_import_set_name(im, "../x", &err), -1, "a bad name");
	is_int(certstore_import_next(im, &entry, &err), -1, "undoes the plan");
	is_int(certstore_import_plan(im, &err), -1, "and there is no other");
	is_int(err.code, CERTSTORE_EARGUMENT, "as it is a bad name");
	ok(strstr(err.msg, "../x") != NULL, "which is named");
	is_int(certstore_import_commit(im, &err), -1, "nothing is written");
	is_int(certstore_import_set_name(im, "good", &err), 0, "a good one");
	is_int(certstore_import_plan(im, &err), 0, "mends that");
	is_int(certstore_import_set_key(im, "k.pem", "x", 1, &err), -1,
	    "a bad key");
	is_int(certstore_import_add(im, "y.pem", "y", 1, &err), -1,
	    "bad input");
	is_int(certstore_import_commit(im, &err), -1, "nothing is written");
	ok(strstr(err.msg, "k.pem") != NULL, "and the first is named");
	is_int(certstore_import_plan(im, &err), -1, "for good");
	is_int(err.code, CERTSTORE_EINPUT, "whatever is asked");
	certstore_import_free(im);
	certstore_close(store);
}

/* Two writers who decided upon the same state. */
static void
testraces(void)
{
	struct certstore *one = opened(CERTSTORE_OPEN_CREATE);
	struct certstore *two = opened(CERTSTORE_OPEN_CREATE);
	struct certstore_import *a, *b;
	struct cs_buf pem = { 0 };

	pairof(&pem, "www.example.com", "2090", NULL);
	a = started(one, 0, &pem);
	b = started(two, 0, &pem);
	plan(a);
	plan(b);
	is_int(commit(a), 1, "the first writes");
	is_int(commit(b), 0, "the second finds it done");
	certstore_close(two);
	two = opened(CERTSTORE_OPEN_WRITE);
	cs_buf_free(&pem);

	a = given(one, CERTSTORE_IMPORT_FORCE, "www.example.com", "2091");
	b = given(two, CERTSTORE_IMPORT_FORCE, "www.example.com", "2092");
	plan(a);
	plan(b);
	is_int(commit(b), 1, "one replaces");
	is_int(commit(a), 1, "the other decides anew, and replaces");

	a = given(one, 0, "new.example.com", "2091");
	b = given(two, 0, "new.example.com", "2092");
	is_int(certstore_import_set_name(a, "new", &err), 0, "a name");
	is_int(certstore_import_set_name(b, "new", &err), 0, "the same");
	plan(a);
	plan(b);
	is_int(commit(b), 1, "one is first");
	is_int(commit(a), -1, "the other must not replace it");
	is_int(err.code, CERTSTORE_EEXIST, "without being told to");
	certstore_close(one);
	certstore_close(two);
}

/* An import into the entry race. */
static struct certstore_import *
race(struct certstore *store, int flags, const char *year)
{
	struct certstore_import *im;

	im = given(store, CERTSTORE_IMPORT_FORCE | flags, "race.example.com",
	    year);
	if (certstore_import_set_name(im, "race", &err) == -1)
		bail("%s", err.msg);
	return im;
}

/* Others replace the entry so often that the generation read is gone. */
static void
replaceit(void)
{
	static const char *const years[] = { "2094", "2095", "2096" };
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_error kept = err;
	size_t i;

	for (i = 0; i < 3; i++)
		is_int(commit(race(store, 0, years[i])), 1,
		    "another writer comes in between");
	certstore_close(store);
	err = kept;
}

static void
testmeanwhile(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	static const int flags[] = { 0, CERTSTORE_IMPORT_DRYRUN };
	const struct certstore_entry *entry;
	struct certstore_import *im;
	struct cs_buf pem = { 0 };
	size_t i;

	pairof(&pem, "race.example.com", "2093", NULL);
	for (i = 0; i < 2; i++) {
		im = started(store, CERTSTORE_IMPORT_FORCE, &pem);
		certstore_import_set_name(im, "race", &err);
		is_int(commit(im), 1, "an entry");
		im = started(store, CERTSTORE_IMPORT_FORCE | flags[i], &pem);
		certstore_import_set_name(im, "race", &err);
		opening = "/fullchain.pem";
		meanwhile = replaceit;
		is_int(certstore_import_plan(im, &err), 0,
		    "a plan is made anew");
		ok(meanwhile == NULL, "as the entry was replaced meanwhile");
		is_int(certstore_import_next(im, &entry, &err), 1, "its entry");
		is_str(certstore_entry_how(entry), "replace",
		    "is not the same any more");
		certstore_import_free(im);
	}
	cs_buf_free(&pem);
	certstore_close(store);
}

/* Warnings come with the first plan, not again when it is made anew. */
static void
testwarnings(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_import *im;
	int before;

	certstore_set_warn(store, count, NULL);
	im = given(store, CERTSTORE_IMPORT_FORCE, "less.example.com", "2020");
	if (certstore_import_set_name(im, "new", &err) == -1)
		bail("%s", err.msg);
	plan(im);
	ok(warned > 0, "a plan warns");
	before = warned;
	plan(im);
	is_int(warned, before, "once");
	certstore_import_free(im);
	certstore_close(store);
}

static int
opens(const struct cs_buf *pem, void *arg)
{
	struct certstore_passphrase pass = { answer, arg };
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_import *im;
	int rv;

	asked = 0;
	im = certstore_import_new(store, CERTSTORE_IMPORT_DRYRUN, &err);
	if (im == NULL ||
	    certstore_import_set_passphrase(im, &pass, &err) == -1 ||
	    certstore_import_add(im, "x.pem", pem->p, pem->len, &err) == -1)
		bail("%s", err.msg);
	rv = certstore_import_plan(im, &err);
	ok(ERR_peek_error() == 0, "the queue of libcrypto is empty");
	certstore_import_free(im);
	certstore_close(store);
	return rv;
}

static void
testpassphrase(void)
{
	struct cs_buf pem = { 0 };
	char known[] = "known";

	pairof(&pem, "p.example.com", "2090", NULL);
	is_int(opens(&pem, known), 0,
	    "several entries have the key, with "
	    "other names");
	is_int(asked, 0, "a key in clear asks nobody");
	cs_buf_reset(&pem);
	pairof(&pem, "new.example.com", "2091", "phones");
	is_int(opens(&pem, NULL), -1, "nobody knows the passphrase");
	is_int(err.code, CERTSTORE_EPASSPHRASE, "and that is said");
	is_int(asked, 1, "asked once");
	opens(&pem, known);
	ok(err.code != CERTSTORE_EPASSPHRASE, "the passphrase opens it");
	is_int(asked, 1, "asked once");
	cs_buf_free(&pem);
}

/* What a plan let go is parsed again, but nobody asked again. */
static void
testagain(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_CREATE);
	struct certstore_passphrase pass = { answer, NULL };
	struct certstore_import *im;
	struct certstore_entry *entry;
	struct cs_buf pem = { 0 }, want = { 0 }, had = { 0 };
	static const char *const given[] = { NULL, "phones" };
	char known[] = "known";
	size_t i;

	pass.arg = known;
	asked = 0;
	for (i = 0; i < 2; i++) {
		cs_buf_reset(&pem);
		cs_buf_reset(&want);
		cs_buf_reset(&had);
		pairof(&pem, "again.example.com", i == 0 ? "2092" : "2093",
		    given[i]);
		im = started(store, CERTSTORE_IMPORT_FORCE, &pem);
		certstore_import_set_passphrase(im, &pass, &err);
		certstore_import_set_name(im, "first", &err);
		plan(im);
		certstore_import_set_name(im, "second", &err);
		plan(im);
		plan(im);
		is_int(commit(im), 1, "a third plan is written");
		entry = certstore_entry_get(store, "first", &err);
		ok(entry == NULL, "the first is not");
		entry = certstore_entry_get(store, "second", &err);
		if (entry == NULL)
			bail("%s", err.msg);
		cs_key_encode(&want, key, NULL, &err);
		is_int(cs_entry_read(entry, CS_PRIVKEY, &had, &err), 1,
		    "its key");
		is_str(had.p, want.p, "is the one");
		certstore_entry_free(entry);
	}
	is_int(asked, 1, "asked once");
	cs_buf_free(&pem);
	cs_buf_free(&want);
	cs_buf_free(&had);
	certstore_close(store);
}

/* Entry "w", made anew for a host, or a request for it; then csr is that. */
static void
makeanew(const char *host, int flags, char **csr)
{
	struct certstore *store = opened(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	struct certstore_template *t = certstore_template_new(&err);
	const char *name = "w";

	(void)certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
	    NULL, &err);
	if (certstore_template_add_san(t, host, &err) == -1 ||
	    certstore_create(store, name, t, flags, csr, &err) != 1)
		bail("%s", err.msg);
	certstore_template_free(t);
	certstore_close(store);
}

/* The key of "w", or the one that waits in it: its hash. */
static const char *
keyof(struct certstore *store, enum cs_file file)
{
	static char hex[2][65];
	static int turn;
	struct certstore_entry *entry;
	struct cs_buf pem = { 0 };
	EVP_PKEY *pkey = NULL;

	turn = !turn;
	hex[turn][0] = '\0';
	entry = certstore_entry_get(store, "w", &err);
	if (entry != NULL && cs_entry_read(entry, file, &pem, &err) == 1)
		pkey = cs_key_frompem("w", &pem, NULL, &err);
	if (pkey != NULL)
		cs_key_spki(pkey, hex[turn], &err);
	EVP_PKEY_free(pkey);
	cs_buf_free(&pem);
	certstore_entry_free(entry);
	return hex[turn];
}

/* A plan is about an entry; the number of its generation is used again. */
static void
testidentity(void)
{
	static const struct {
		const char *host;
		int flags;
		enum cs_file key;
	} t[] = { { "w.example.com", CERTSTORE_CREATE_REQUEST, CS_REQUEST_KEY },
		{ "v.example.com", CERTSTORE_CREATE_REQUEST, CS_REQUEST_KEY },
		{ "w.example.com", 0, CS_PRIVKEY },
		{ "v.example.com", 0, CS_PRIVKEY } };
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_import *im;
	struct cs_buf pem = { 0 };
	X509_REQ *req;
	char had[65], *csr;
	BIO *bio;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		makeanew("w.example.com", CERTSTORE_CREATE_REQUEST, &csr);
		bio = BIO_new_mem_buf(csr, -1);
		req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
		cs_buf_reset(&pem);
		certof(&pem, "w.example.com", "2095",
		    X509_REQ_get0_pubkey(req));
		X509_REQ_free(req);
		BIO_free(bio);
		free(csr);
		im = started(store, 0, &pem);
		plan(im);
		makeanew(t[i].host, t[i].flags, &csr);
		free(csr);
		snprintf(had, sizeof(had), "%s", keyof(store, t[i].key));
		is_int(commit(im), -1, "case %zu: an answer to what was", i);
		is_str(keyof(store, t[i].key), had, "its successor's key");
		ok(had[0] != '\0', "which is there");
		/* with -f it may replace a pair, and no request */
		cs_buf_reset(&pem);
		pairof(&pem, "w.example.com", "2096", NULL);
		makeanew("w.example.com", 0, NULL);
		im = started(store, CERTSTORE_IMPORT_FORCE, &pem);
		certstore_import_set_name(im, "w", &err);
		plan(im);
		makeanew(t[i].host, t[i].flags, NULL);
		snprintf(had, sizeof(had), "%s", keyof(store, t[i].key));
		is_int(commit(im), 1, "replaced, whatever it is by now");
		if (t[i].key == CS_REQUEST_KEY)
			is_str(keyof(store, t[i].key), had, "waits on");
	}
	cs_buf_free(&pem);
	certstore_close(store);
}

int
main(void)
{
	makescratch();
	if ((key = cs_key_generate(NULL, "p256", &err)) == NULL)
		bail("%s", err.msg);
	testplan();
	testnoted();
	testadd();
	testraces();
	testmeanwhile();
	testwarnings();
	testpassphrase();
	testagain();
	testidentity();
	EVP_PKEY_free(key);
	removescratch();
	return tap_done();
}
