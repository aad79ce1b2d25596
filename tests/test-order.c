/*
 * test-order.c: certstore_order(3): the states that an entry and its order can
 * be in, and what each command does with them.
 */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"
#include "tap.h"
#include "scratch.h"

#define DAY 86400

static struct certstore *store;
static char warned[2048];
static EVP_PKEY *cakey;
static X509 *ca;
static long serial = 100;

/* Stand before libc's, so that a process can die before any of them. */
static int killat;

static void
count(void)
{
	if (killat > 0 && --killat == 0)
		_exit(99);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	count();
	return (int)syscall(SYS_renameat, from, old, to, new);
}

int
symlinkat(const char *text, int dir, const char *name)
{
	count();
	return (int)syscall(SYS_symlinkat, text, dir, name);
}

int
unlinkat(int dir, const char *name, int flags)
{
	count();
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

int
fsync(int fd)
{
	count();
	return (int)syscall(SYS_fsync, fd);
}

static void
warn(void *arg, const char *msg)
{
	size_t len = strlen(warned);

	(void)arg;
	snprintf(warned + len, sizeof(warned) - len, "%s|", msg);
}

static X509 *
newcert(const X509_NAME *subject, EVP_PKEY *pkey, long days)
{
	X509 *x509 = X509_new();

	if (x509 == NULL || X509_set_version(x509, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial) != 1 ||
	    X509_set_subject_name(x509, subject) != 1 ||
	    X509_set_pubkey(x509, pkey) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(x509), -3600) == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(x509), days * DAY) == NULL)
		bail("a certificate cannot be made");
	return x509;
}

static void
extend(X509 *x509, const char *name, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, ca == NULL ? x509 : ca, x509, NULL, NULL, 0);
	if ((ext = X509V3_EXT_nconf(NULL, &ctx, name, value)) == NULL ||
	    X509_add_ext(x509, ext, -1) != 1)
		bail("%s = %s is not an extension", name, value);
	X509_EXTENSION_free(ext);
}

static void
makeca(void)
{
	X509_NAME *name = X509_NAME_new();

	cakey = cs_key_generate(NULL, "p256", &err);
	X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
	    (const unsigned char *)"ACME Root", -1, -1, 0);
	ca = newcert(name, cakey, 3650);
	X509_set_issuer_name(ca, name);
	extend(ca, "basicConstraints", "critical,CA:TRUE");
	extend(ca, "keyUsage", "critical,keyCertSign");
	extend(ca, "subjectKeyIdentifier", "hash");
	if (X509_sign(ca, cakey, EVP_sha256()) <= 0)
		bail("the CA cannot be signed");
	X509_NAME_free(name);
}

/* The certificate for a request, with these names, and the CA. */
static void
sign(struct cs_buf *pem, const struct certstore_order *order, const char *names,
    long days, EVP_PKEY *other)
{
	const void *der;
	const unsigned char *p;
	size_t len;
	X509_REQ *req;
	X509_NAME *none = X509_NAME_new();
	X509 *x509;

	if (certstore_order_csr(order, &der, &len, &err) == -1)
		bail("%s", err.msg);
	p = der;
	if ((req = d2i_X509_REQ(NULL, &p, (long)len)) == NULL)
		bail("the CSR cannot be read");
	x509 = newcert(none, other != NULL ? other : X509_REQ_get0_pubkey(req),
	    days);
	X509_set_issuer_name(x509, X509_get_subject_name(ca));
	extend(x509, "keyUsage", "critical,digitalSignature");
	extend(x509, "extendedKeyUsage", "serverAuth");
	extend(x509, "subjectKeyIdentifier", "hash");
	extend(x509, "authorityKeyIdentifier", "keyid");
	extend(x509, "subjectAltName", names);
	if (X509_sign(x509, cakey, EVP_sha256()) <= 0)
		bail("a certificate cannot be signed");
	cs_buf_reset(pem);
	if (cs_cert_encode(pem, x509, &err) == -1 ||
	    cs_cert_encode(pem, ca, &err) == -1)
		bail("%s", err.msg);
	X509_free(x509);
	X509_NAME_free(none);
	X509_REQ_free(req);
}

static struct certstore_order *
begin(const char *name)
{
	struct certstore_order *order;

	warned[0] = '\0';
	if ((order = certstore_order_open(store, name, &err)) == NULL)
		bail("%s", err.msg);
	return order;
}

/* Changes of properties: prop=value ..., NULL. */
static struct certstore_set *
changes(const char *const *words)
{
	struct certstore_set *set = certstore_set_new(store, 0, &err);
	char prop[64];
	const char *eq;

	for (; set != NULL && *words != NULL; words++) {
		eq = strchr(*words, '=');
		snprintf(prop, sizeof(prop), "%.*s", (int)(eq - *words),
		    *words);
		if (certstore_set_change(set, prop, CERTSTORE_SET_REPLACE,
			eq + 1, &err) == -1)
			bail("%s", err.msg);
	}
	return set;
}

/* A request for names, or NULL, with changes; 1, 0, -1. */
static int
request(struct certstore_order *order, const char *const *names,
    const char *const *words, int flags)
{
	struct certstore_template *t = NULL;
	struct certstore_set *set = words == NULL ? NULL : changes(words);
	int rv;

	if (names != NULL) {
		t = certstore_template_new(&err);
		for (; *names != NULL; names++)
			if (certstore_template_add_san(t, *names, &err) == -1)
				bail("%s", err.msg);
	}
	rv = certstore_order_request(order, t, set, flags, &err);
	if (rv == -1)
		printf("# %s\n", err.msg);
	certstore_set_free(set);
	certstore_template_free(t);
	return rv;
}

static void
refused(int rv, enum certstore_code code, const char *says)
{
	if (!ok(rv == -1 && err.code == code && strstr(err.msg, says) != NULL,
		"refused: %s", says))
		printf("# rv %d code %d: %s\n", rv, err.code, err.msg);
}

/* A member of the row that certstore_due_next(3) gives for a name. */
static const struct certstore_renewal *
duerow(struct certstore_due **due, const char *name)
{
	const struct certstore_renewal *r;

	*due = certstore_due_new(store, CERTSTORE_NOW, &err);
	while (certstore_due_next(*due, &r, &err) == 1)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

static int
isthere(const char *path)
{
	struct stat st;
	char full[300];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return lstat(full, &st) == 0;
}

static char *
infoline(const char *name, const char *key)
{
	static char value[200];
	struct certstore_entry entry = { 0 };
	struct cs_buf text = { 0 };
	const char *p;
	size_t len = 0;

	value[0] = '\0';
	if (cs_entry_load(store, name, &entry, &err) == 0 &&
	    cs_entry_read(&entry, CS_INFO, &text, &err) == 1 &&
	    (p = cs_info_find(&text, key, &len)) != NULL)
		snprintf(value, sizeof(value), "%.*s", (int)len, p);
	cs_buf_free(&text);
	cs_entry_done(&entry);
	return value;
}

static const char *const www[] = { "www.example.com", "192.0.2.1",
	"a.example.com", NULL };
static const char *const props[] = { "acme=letsencrypt", "method=http", NULL };

/* From nothing to a certificate, and to the next one. */
static void
testfirst(void)
{
	const struct certstore_renewal *r;
	struct certstore_order *order = begin("www"), *other;
	struct certstore_due *due;
	struct cs_buf pem = { 0 };
	const char *text, *type, *value;
	const void *der;
	char spki[CS_HASH_LEN];
	size_t len;

	refused(certstore_order_set(order, "url", "https://x", &err),
	    CERTSTORE_EREFUSED, "no request");
	refused(certstore_order_csr(order, &der, &len, &err),
	    CERTSTORE_EREFUSED, "no request");
	is_int(request(order, www, props, CERTSTORE_ORDER_DRYRUN), 1,
	    "a dry run");
	ok(!isthere("store/certs/www"), "makes no entry");
	is_int(certstore_order_csr(order, &der, &len, &err), 0, "but a CSR");
	sign(&pem, order, "DNS:www.example.com", 90, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "whose answer is only checked");
	ok(strstr(warned, "does not cover") != NULL, "says so: %s", warned);
	warned[0] = '\0';
	is_int(request(order, www, props, 0), 1, "a request is made");
	ok(strstr(infoline("www", "request"), " acme") != NULL, "it is marked");
	is_str(infoline("www", "acme"), "letsencrypt",
	    "the account is written with it");
	is_str(infoline("www", "origin"), "acme", "the origin");
	is_int(certstore_order_identifier(order, 0, &type, &value), 1, "names");
	is_str(value, "a.example.com", "sorted");
	certstore_order_identifier(order, 2, &type, &value);
	is_str(type, "ip", "addresses last");
	is_int(certstore_order_identifier(order, 3, &type, &value), 0, "three");
	ok((other = certstore_order_open(store, "www", &err)) == NULL &&
		err.code == CERTSTORE_EBUSY &&
		strstr(err.msg, "runs since 20") != NULL,
	    "another order does not wait: %s", err.msg);
	certstore_order_close(other);

	is_int(certstore_order_set(order, "account", "letsencrypt", &err), 0,
	    "the account");
	is_int(certstore_order_set(order, "url", "https://ca/1", &err), 0,
	    "the URL");
	is_int(certstore_order_set(order, "last", "a\nb\033", &err), 0,
	    "a problem");
	is_str(certstore_order_value(order, "last"), "a\\nb\\033",
	    "is escaped");
	refused(certstore_order_set(order, "spki", "x", &err),
	    CERTSTORE_EARGUMENT, "not a key");
	is_int(certstore_order_setup(order, "file /x y", &err), 0, "a set-up");
	certstore_order_close(order);

	r = duerow(&due, "www");
	ok(r != NULL && r->state == CERTSTORE_DUE_NOW && r->late &&
		strcmp(r->why, "waiting") == 0 &&
		strcmp(r->acme, "letsencrypt") == 0,
	    "a first order is due now");
	ok(isthere("store/index/next/1970-01/01/www"), "by its link");
	is_int(certstore_due_failed(due, "www", "no", &err), 0, "it fails");
	certstore_due_free(due);
	r = duerow(&due, "www");
	ok(r != NULL && r->state == CERTSTORE_DUE_WAITING && r->failed == 1,
	    "and waits for the next try");
	certstore_due_free(due);

	order = begin("www");
	is_str(certstore_order_value(order, "url"), "https://ca/1",
	    "the order goes on");
	is_int(certstore_order_leftover(order, 0, &text), 1, "a leftover");
	is_str(text, "file /x y", "as it was noted");
	is_int(certstore_order_undone(order, text, &err), 0, "is undone");
	is_int(certstore_order_leftover(order, 0, &text), 0, "and forgotten");
	snprintf(spki, sizeof(spki), "%.64s", infoline("www", "request"));
	is_int(request(order, NULL, NULL, 0), 0, "the request is found");
	is_int(request(order, www, NULL, 0), 0, "also by its names");
	ok(strncmp(infoline("www", "request"), spki, 64) == 0, "as it was");
	is_str(certstore_order_value(order, "url"), "https://ca/1",
	    "with its order");

	sign(&pem, order, "DNS:www.example.com,DNS:a.example.com,IP:192.0.2.1",
	    90, cakey);
	refused(certstore_order_finish(order, pem.p, pem.len, 0, &err),
	    CERTSTORE_EREFUSED, "another key");
	sign(&pem, order, "DNS:www.example.com,DNS:a.example.com,IP:192.0.2.1",
	    90, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len,
		   CERTSTORE_ORDER_DRYRUN, &err),
	    1, "a dry run: %s", err.msg);
	is_str(infoline("www", "kind"), "waiting", "changes nothing");
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "the certificate serves: %s", err.msg);
	is_str(warned, "", "without a word");
	is_str(infoline("www", "kind"), "server", "a server");
	is_str(infoline("www", "request"), "", "no request");
	is_str(infoline("www", "origin"), "acme", "the origin");
	ok(certstore_order_value(order, "url") == NULL, "no order");
	is_str(certstore_order_value(order, "cert-account"), "letsencrypt",
	    "the account is known");
	is_int(request(order, NULL, NULL, 0), 1, "the next request");
	is_int(certstore_order_identifier(order, 2, &type, &value), 1,
	    "has the names of the certificate");
	is_str(infoline("www", "key"), "p256", "and its key type");
	ok(certstore_order_value(order, "subject-cn") == NULL, "but no CN");
	sign(&pem, order, "DNS:www.example.com,DNS:a.example.com,IP:192.0.2.1",
	    64, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "one that ends earlier is held");
	ok(strstr(certstore_order_value(order, "held"), "expires") != NULL,
	    "with the reason: %s", certstore_order_value(order, "held"));
	certstore_order_close(order);
	r = duerow(&due, "www");
	certstore_due_free(due);
	due = certstore_due_new(store, CERTSTORE_NOW, &err);
	certstore_due_add(due, "www", &err);
	certstore_due_next(due, &r, &err);
	ok(r->state == CERTSTORE_DUE_HELD &&
		strstr(r->why, "held: expires") != NULL,
	    "and not ordered again: %s", r->why);
	certstore_due_free(due);
	order = begin("www");
	is_int(certstore_order_take(order, 0, &err), 1, "it is taken: %s",
	    err.msg);
	ok(strstr(warned, "expires") != NULL, "with a warning");
	ok(!isthere("store/acme/orders/www/held.pem"), "nothing is held");
	refused(certstore_order_take(order, 0, &err), CERTSTORE_EREFUSED,
	    "no certificate is held");
	certstore_order_close(order);
	cs_buf_free(&pem);
}

/* What is asked for changes: another request, without the old order. */
static void
testchanged(void)
{
	static const char *const less[] = { "a.example.com", NULL };
	static const char *const more[] = { "a.example.com", "www.example.com",
		"z.example.com", "192.0.2.1", NULL };
	struct certstore_order *order = begin("www");
	struct cs_buf pem = { 0 };
	const char *type, *value;
	char spki[CS_HASH_LEN];

	is_int(request(order, less, NULL, 0), 1, "fewer names");
	certstore_order_set(order, "url", "https://ca/2", &err);
	snprintf(spki, sizeof(spki), "%.64s", infoline("www", "request"));
	is_int(request(order, NULL, NULL, 0), 0, "the wish stays");
	is_int(request(order, www, NULL, 0), 1, "again more");
	ok(certstore_order_value(order, "url") == NULL, "a new order");
	ok(strncmp(infoline("www", "request"), spki, 64) != 0, "a new key");
	is_int(request(order, more, NULL, 0), 1, "a name that cannot be had");
	is_int(request(order, NULL, NULL, CERTSTORE_ORDER_KEEP), 1,
	    "the certificate as it is: %s", err.msg);
	is_int(certstore_order_identifier(order, 3, &type, &value), 0,
	    "has its names");
	is_str(certstore_order_value(order, "wish"), "dns:a.example.com",
	    "the others are known");
	is_int(request(order, NULL, NULL, CERTSTORE_ORDER_KEEP), 0, "found");
	is_int(request(order, NULL, NULL, 0), 0, "found");
	sign(&pem, order, "DNS:www.example.com,DNS:a.example.com,IP:192.0.2.1",
	    100, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "it serves");
	certstore_order_close(order);
	order = begin("www");
	is_int(request(order, NULL, NULL, 0), 1, "the next request");
	is_int(certstore_order_identifier(order, 3, &type, &value), 1,
	    "has the others");
	is_str(certstore_order_value(order, "wish"), NULL, "which are no wish");
	is_int(request(order, www, NULL, 0), 1, "without it");
	certstore_order_set(order, "url", "https://ca/3", &err);
	is_int(request(order, NULL, NULL, CERTSTORE_ORDER_FORCE), 1, "forced");
	ok(certstore_order_value(order, "url") == NULL, "a new order");
	sign(&pem, order, "DNS:www.example.com,DNS:a.example.com", 120, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "a name is missing");
	ok(strstr(certstore_order_value(order, "held"),
	       "does not cover 192.0.2.1, which was requested") != NULL,
	    "held: %s", certstore_order_value(order, "held"));
	is_int(certstore_order_abandon(order, 0, &err), 0, "given up: %s",
	    err.msg);
	ok(!isthere("store/acme/orders/www/held.pem"), "nothing is held");
	is_str(infoline("www", "request"), "", "no request");
	is_str(infoline("www", "kind"), "server", "the certificate serves");
	certstore_order_close(order);
	cs_buf_free(&pem);
}

static int
createrequest(const char *name, int flags)
{
	struct certstore_template *t = certstore_template_new(&err);
	int rv;

	warned[0] = '\0';
	certstore_template_add_san(t, "www.example.com", &err);
	rv = certstore_create(store, name, t, flags, NULL, &err);
	certstore_template_free(t);
	return rv;
}

/* Whose is the request, and what other commands do while an order runs. */
static void
testothers(void)
{
	static const char *const two[] = { "www.example.com", NULL };
	const int rf = CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE;
	struct certstore_order *order;
	const char *name = "mine";

	is_int(createrequest("mine", CERTSTORE_CREATE_REQUEST), 1,
	    "somebody's own request");
	order = begin("mine");
	refused(request(order, two, NULL, 0), CERTSTORE_EEXIST,
	    "not of an ACME order");
	refused(request(order, two, NULL, CERTSTORE_ORDER_FORCE),
	    CERTSTORE_EEXIST, "not of an ACME order");
	is_int(certstore_order_abandon(order, 0, &err), 0, "no order");
	certstore_order_close(order);
	ok(strcmp(infoline("mine", "kind"), "waiting") == 0, "it waits");
	ok(!isthere("store/acme/orders/mine"), "no state is left");
	is_int(certstore_remove(store, &name, 1, 0, NULL, NULL, &err), 1,
	    "it can be removed");

	order = begin("www");
	is_int(request(order, NULL, NULL, 0), 1, "a request");
	refused(createrequest("www", CERTSTORE_CREATE_REQUEST),
	    CERTSTORE_EEXIST, "the request of an ACME order waits");
	refused(createrequest("www",
		    CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED),
	    CERTSTORE_EEXIST, "the request of an ACME order waits");
	certstore_order_set(order, "url", "https://ca/4", &err);
	refused(createrequest("www", CERTSTORE_CREATE_REQUEST),
	    CERTSTORE_EEXIST, "an ACME order is under way since 20");
	name = "www";
	refused(certstore_remove(store, &name, 1, 0, NULL, NULL, &err),
	    CERTSTORE_EREFUSED, "an ACME order is under way since 20");
	is_int(certstore_revert(store, &name, 1, CERTSTORE_REVERT_DRYRUN, &err),
	    1, "back to the kept one: %s", err.msg);
	certstore_order_set(order, "status", "processing", &err);
	refused(certstore_revert(store, &name, 1, 0, &err), CERTSTORE_EREFUSED,
	    "an ACME order is under way since 20");
	refused(createrequest("www", rf), CERTSTORE_EREFUSED,
	    "may have signed its request");
	certstore_order_set(order, "status", "invalid", &err);
	is_int(certstore_remove(store, &name, 1, CERTSTORE_REMOVE_DRYRUN, NULL,
		   NULL, &err),
	    1, "one that failed is not under way");
	certstore_order_set(order, "status", "pending", &err);
	certstore_order_setup(order, "x", &err);
	is_int(createrequest("www", rf), 1, "forced: %s", err.msg);
	ok(strstr(warned, "an ACME order is under way since 20") != NULL,
	    "says so: %s", warned);
	certstore_order_close(order);
	order = begin("www");
	ok(certstore_order_value(order, "url") == NULL, "the order ends");
	refused(request(order, NULL, NULL, 0), CERTSTORE_EEXIST,
	    "not of an ACME order");
	certstore_order_close(order);
	refused(certstore_remove(store, &name, 1, 0, NULL, NULL, &err),
	    CERTSTORE_EREFUSED, "set up for an ACME order remains");
	is_int(certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
		   NULL, &err),
	    1, "removed");
	ok(!isthere("store/acme/orders/www"), "with its state");
}

/* The request goes while the CA signs; a killed writer; a kept key. */
static void
testlost(void)
{
	static const char *const one[] = { "b.example.com", NULL };
	static const char *const keep[] = { "keepkey=yes", NULL };
	const int rf = CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE;
	struct certstore_order *order = begin("b");
	struct cs_buf pem = { 0 }, state = { 0 };
	const char *name = "b";
	char path[300], spki[CS_HASH_LEN];
	int dir;

	is_int(request(order, one, props, 0), 1, "a request");
	sign(&pem, order, "DNS:b.example.com", 90, NULL);
	is_int(createrequest("b", rf), 1, "is replaced by somebody: %s",
	    err.msg);
	refused(certstore_order_set(order, "status", "processing", &err),
	    CERTSTORE_ECHANGED, "its request was removed or replaced");
	refused(certstore_order_finish(order, pem.p, pem.len, 0, &err),
	    CERTSTORE_ECHANGED, "its request was removed or replaced");
	certstore_order_close(order);
	is_int(certstore_remove(store, &name, 1, 0, NULL, NULL, &err), 1,
	    "removed: %s", err.msg);

	order = begin("b");
	is_int(request(order, one, props, 0), 1, "a request");
	certstore_order_set(order, "account", "letsencrypt", &err);
	certstore_order_set(order, "url", "https://ca/5", &err);
	certstore_order_set(order, "status", "valid", &err);
	cs_orderstate_read(store, "b", &state, &err);
	sign(&pem, order, "DNS:b.example.com", 90, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "finished");
	certstore_order_close(order);
	/* as if it had been killed behind the switch */
	snprintf(path, sizeof(path), "%s/store/acme/orders/b", root);
	dir = cs_file_openpath(path);
	is_int(cs_orderwrite_state(store, "b", dir, &state, &err), 0,
	    "the state of before");
	cs_file_close(&dir);
	order = begin("b");
	ok(certstore_order_value(order, "url") == NULL, "the order is over");
	is_str(certstore_order_value(order, "cert-account"), "letsencrypt",
	    "the certificate is its");

	is_int(request(order, NULL, keep, 0), 1, "the next, with keepkey=yes");
	snprintf(spki, sizeof(spki), "%s", infoline("b", "spki"));
	ok(strncmp(infoline("b", "request"), spki, 64) == 0, "the same key");
	refused(certstore_order_finish(order, pem.p, pem.len, 0, &err),
	    CERTSTORE_EREFUSED, "that it replaces");
	is_int(request(order, NULL, NULL, CERTSTORE_ORDER_FORCE), 1, "forced");
	ok(strncmp(infoline("b", "request"), spki, 64) != 0, "another key");
	is_int(certstore_order_abandon(order, CERTSTORE_ORDER_KEEP, &err), 0,
	    "given up");
	ok(infoline("b", "request")[0] != '\0', "the request waits on");
	is_int(request(order, NULL, NULL, 0), 0, "and is found");
	is_int(certstore_order_abandon(order, 0, &err), 0, "given up");
	certstore_order_close(order);
	cs_buf_free(&pem);
	cs_buf_free(&state);
}

#define SPC_818H "MAigBhYEODE4SA"
#define DER_818H "DER:3008a006160438313848"
#define DER_BOTH "DER:3010a006160438313848a00616043730394a"

/* What signs the calls of a TNAuthList, for the request, and the CA. */
static void
signcalls(struct cs_buf *pem, const struct certstore_order *order,
    const char *list, long days)
{
	const unsigned char *p;
	const void *der;
	size_t len;
	X509_REQ *req;
	X509 *x509;

	if (certstore_order_csr(order, &der, &len, &err) == -1)
		bail("%s", err.msg);
	p = der;
	if ((req = d2i_X509_REQ(NULL, &p, (long)len)) == NULL)
		bail("the CSR cannot be read");
	x509 = newcert(X509_REQ_get_subject_name(req),
	    X509_REQ_get0_pubkey(req), days);
	X509_set_issuer_name(x509, X509_get_subject_name(ca));
	extend(x509, "keyUsage", "critical,digitalSignature");
	extend(x509, "subjectKeyIdentifier", "hash");
	extend(x509, "authorityKeyIdentifier", "keyid");
	extend(x509, "1.3.6.1.5.5.7.1.26", list);
	if (X509_sign(x509, cakey, EVP_sha256()) <= 0)
		bail("a certificate cannot be signed");
	cs_buf_reset(pem);
	if (cs_cert_encode(pem, x509, &err) == -1 ||
	    cs_cert_encode(pem, ca, &err) == -1)
		bail("%s", err.msg);
	X509_free(x509);
	X509_REQ_free(req);
}

/* A request for calls, and perhaps of a type of key: 1, 0, -1. */
static int
requestcalls(struct certstore_order *order, const char *const *calls,
    const char *profile, const char *type)
{
	struct certstore_template *t = certstore_template_new(&err);
	int rv;

	for (; *calls != NULL; calls++)
		if (certstore_template_add_san(t, *calls, &err) == -1)
			bail("%s", err.msg);
	if (certstore_template_set_profile(t, profile, &err) == -1 ||
	    (type != NULL && certstore_template_set_type(t, type, &err) == -1))
		bail("%s", err.msg);
	rv = certstore_order_request(order, t, NULL, 0, &err);
	certstore_template_free(t);
	return rv;
}

/* What signs calls, RFC 9448: all of it is one identifier. */
static void
testcalls(void)
{
	const char *const one[] = { "spc:818H", NULL };
	const char *const other[] = { "spc:709J", NULL };
	const char *const more[] = { "tel:12155550000+100", "spc:818H",
		"tel:12155550042", NULL };
	const char *const hosts[] = { "www.example.com", NULL };
	struct certstore_order *order = begin("carrier");
	struct cs_buf pem = { 0 };
	const char *type, *value;
	char key[CS_HASH_LEN];

	is_int(requestcalls(order, one, "shaken", NULL), 1, "a request: %s",
	    err.msg);
	is_int(certstore_order_identifier(order, 0, &type, &value), 1, "has");
	is_str(type, "TNAuthList", "an identifier of RFC 9448 section 3");
	is_str(value, SPC_818H, "the list of RFC 8226 section 9");
	is_int(certstore_order_identifier(order, 1, &type, &value), 0, "one");
	is_str(certstore_order_value(order, "identifier"),
	    "TNAuthList " SPC_818H, "it is known");
	is_str(infoline("carrier", "subject"), "CN=SHAKEN 818H", "the CN");
	certstore_order_set(order, "url", "https://ca/1", &err);
	certstore_order_close(order);
	order = begin("carrier");
	snprintf(key, sizeof(key), "%.64s", infoline("carrier", "request"));
	is_int(request(order, NULL, NULL, 0), 0, "found again");
	is_int(requestcalls(order, one, "shaken", NULL), 0, "and again");
	is_str(certstore_order_value(order, "url"), "https://ca/1",
	    "with its order");
	is_int(requestcalls(order, other, "shaken", NULL), 1, "another list");
	ok(certstore_order_value(order, "url") == NULL, "is another order");
	is_str(infoline("carrier", "subject"), "CN=SHAKEN 709J", "its CN");
	ok(strncmp(infoline("carrier", "request"), key, 64) != 0, "its key");
	is_int(requestcalls(order, more, "shaken", NULL), 1, "with numbers");
	certstore_order_identifier(order, 0, &type, &value);
	is_str(value, "MBygBhYEODE4SKESMBAWCzEyMTU1NTUwMDAwAgFk",
	    "each of them once");
	is_int(requestcalls(order, one, "shaken", NULL), 1, "without");

	sign(&pem, order, "DNS:www.example.com", 17, NULL);
	refused(certstore_order_finish(order, pem.p, pem.len, 0, &err),
	    CERTSTORE_EREFUSED, "does not sign calls");
	signcalls(&pem, order, DER_BOTH, 17);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "a wider list is held");
	ok(strstr(certstore_order_value(order, "held"),
	       "signs calls for 709J, which was not requested") != NULL,
	    "with the reason: %s", certstore_order_value(order, "held"));
	signcalls(&pem, order, "DER:3008a00616043730394a", 17);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "another list is held");
	signcalls(&pem, order, DER_818H, 17);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "the one that was ordered serves: %s", err.msg);
	is_str(infoline("carrier", "kind"), "shaken", "it signs calls");
	certstore_order_close(order);

	order = begin("carrier");
	is_int(request(order, NULL, NULL, 0), 1, "the next needs nothing");
	certstore_order_identifier(order, 0, &type, &value);
	is_str(value, SPC_818H, "the same list");
	is_int(requestcalls(order, more, "shaken", NULL), 1, "more");
	is_int(request(order, NULL, NULL, CERTSTORE_ORDER_KEEP), 1,
	    "the certificate as it is: %s", err.msg);
	certstore_order_identifier(order, 0, &type, &value);
	is_str(value, SPC_818H, "has its list");
	is_str(certstore_order_value(order, "wish"), "spc:818H",
	    "the other is known");
	signcalls(&pem, order, DER_818H, 20);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "it serves");
	is_int(request(order, NULL, NULL, 0), 1, "the next one");
	certstore_order_identifier(order, 0, &type, &value);
	is_str(value, "MBygBhYEODE4SKESMBAWCzEyMTU1NTUwMDAwAgFk",
	    "has the other");

	refused(request(order, hosts, NULL, 0), CERTSTORE_EARGUMENT,
	    "no host names");
	refused(requestcalls(order, hosts, "server", NULL), CERTSTORE_EREFUSED,
	    "signs calls");
	refused(requestcalls(order, one, "shaken", "p384"), CERTSTORE_EARGUMENT,
	    "p256");
	refused(requestcalls(order, hosts, "client", NULL), CERTSTORE_EARGUMENT,
	    "profile server or shaken");
	is_int(certstore_order_abandon(order, 0, &err), 0, "given up");
	certstore_order_close(order);
	cs_buf_free(&pem);
}

/* A point of ARI, a certificate put in by hand. */
static void
testdue(void)
{
	const struct certstore_renewal *r;
	struct certstore_order *order = begin("b");
	struct certstore_template *t = certstore_template_new(&err);
	struct certstore_due *due;
	char when[32];

	ok(duerow(&due, "b") == NULL, "not due");
	certstore_due_free(due);
	snprintf(when, sizeof(when), "%lld",
	    (long long)certstore_time_now() + 40 * DAY);
	is_int(certstore_order_set(order, "ari-point", when, &err), 0, "later");
	ok(duerow(&due, "b") == NULL, "not due");
	certstore_due_free(due);
	snprintf(when, sizeof(when), "%lld",
	    (long long)certstore_time_now() - 60);
	is_int(certstore_order_set(order, "ari-next", when, &err), 0,
	    "there is something to ask");
	r = duerow(&due, "b");
	ok(r != NULL && r->state == CERTSTORE_DUE_LATER &&
		r->next < certstore_time_now() && strcmp(r->why, "ari") == 0,
	    "the row tells");
	certstore_due_free(due);
	is_int(certstore_order_set(order, "ari-point", when, &err), 0, "now");
	r = duerow(&due, "b");
	ok(r != NULL && r->state == CERTSTORE_DUE_NOW, "it is due");
	certstore_due_free(due);

	certstore_template_add_san(t, "b.example.com", &err);
	warned[0] = '\0';
	is_int(certstore_create(store, "b", t, CERTSTORE_CREATE_FORCE, NULL,
		   &err),
	    1, "by hand");
	ok(strstr(warned, "ACME does not replace this certificate before 20") !=
		NULL,
	    "says so: %s", warned);
	ok(strstr(infoline("b", "hold"), " put in by hand") != NULL, "held");
	is_str(infoline("b", "acme"), "letsencrypt", "still an entry of ACME");
	certstore_order_close(order);
	order = begin("b");
	ok(certstore_order_value(order, "ari-point") == NULL,
	    "the point was that of another certificate");
	is_int(certstore_order_set(order, "last", "x", &err), 0, "written");
	certstore_order_close(order);
	due = certstore_due_new(store, CERTSTORE_NOW, &err);
	certstore_due_add(due, "b", &err);
	certstore_due_next(due, &r, &err);
	ok(r->state == CERTSTORE_DUE_HELD, "renewal is held");
	certstore_due_free(due);
	certstore_template_free(t);
}

/* Answers that no CA should send. */
static void
testhostile(void)
{
	static const char *const one[] = { "c.example.com", NULL };
	struct certstore_order *order = begin("c");
	struct cs_buf pem = { 0 }, more = { 0 };

	is_int(request(order, one, NULL, 0), 1, "a request");
	refused(certstore_order_finish(order, "<html>", 6, 0, &err),
	    CERTSTORE_EINPUT, "");
	refused(certstore_order_finish(order, "", 0, 0, &err), CERTSTORE_EINPUT,
	    "");
	sign(&more, order, "DNS:c.example.com", 90, cakey);
	sign(&pem, order, "DNS:c.example.com", 90, NULL);
	cs_buf_add(&more, pem.p, pem.len);
	refused(certstore_order_finish(order, more.p, more.len, 0, &err),
	    CERTSTORE_EINPUT, "more than a certificate");
	cs_buf_reset(&more);
	cs_buf_add(&more, pem.p, pem.len);
	cs_key_encode(&more, cakey, NULL, &err);
	refused(certstore_order_finish(order, more.p, more.len, 0, &err),
	    CERTSTORE_EINPUT, "more than a certificate");
	cs_buf_reset(&more);
	cs_cert_encode(&more, ca, &err);
	is_int(certstore_order_finish(order, more.p, more.len, 0, &err), -1,
	    "a CA alone: %s", err.msg);
	sign(&pem, order, "DNS:c.example.com", -1, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "one that has expired is held");
	sign(&pem, order, "DNS:c.example.com,DNS:d.example.com", 90, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "a further name, too");
	ok(strstr(certstore_order_value(order, "held"),
	       "covers d.example.com, which was not requested") != NULL,
	    "with the reason: %s", certstore_order_value(order, "held"));
	/* the root need not be sent */
	sign(&pem, order, "DNS:c.example.com", 90, NULL);
	pem.len = (size_t)(strstr(pem.p + 1, "-----BEGIN") - pem.p);
	warned[0] = '\0';
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "a chain without its root is whole: %s", err.msg);
	is_str(warned, "", "and no warning");
	certstore_order_close(order);
	cs_buf_free(&more);
	cs_buf_free(&pem);
}

/* What other commands, or a hand, remove and change while an order runs. */
static void
testremoved(void)
{
	static const char *const one[] = { "e.example.com", NULL };
	struct certstore_order *order = begin("e");
	struct cs_buf pem = { 0 };
	const char *name = "e";
	char spki[CS_HASH_LEN];
	int fd;

	is_int(certstore_order_abandon(order, 0, &err), 0,
	    "without an entry there is nothing to give up");
	is_int(request(order, one, NULL, 0), 1, "a request");
	is_int(certstore_order_set(order, "last", "x", &err), 0, "a problem");
	is_int(certstore_order_abandon(order, 0, &err), 0, "given up: %s",
	    err.msg);
	ok(!isthere("store/certs/e"), "with the entry, which had nothing else");
	is_str(certstore_order_value(order, "last"), "x",
	    "what failed is known");
	ok(certstore_order_open(store, "e", &err) == NULL &&
		err.code == CERTSTORE_EBUSY,
	    "and the lock is kept");
	is_int(request(order, one, NULL, 0), 1, "a request");
	sign(&pem, order, "DNS:e.example.com", 90, NULL);
	is_int(certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
		   NULL, &err),
	    1, "its entry is removed");
	refused(certstore_order_set(order, "status", "processing", &err),
	    CERTSTORE_ECHANGED, "its request was removed or replaced");
	refused(certstore_order_finish(order, pem.p, pem.len, 0, &err),
	    CERTSTORE_ECHANGED, "its request was removed or replaced");
	certstore_order_close(order);

	order = begin("e");
	is_int(request(order, one, NULL, 0), 1, "a request");
	certstore_order_set(order, "url", "https://ca/6", &err);
	certstore_order_close(order);
	sh("sed -i '/^identifier/s/ e[.]/ f./' store/acme/orders/e/state");
	order = begin("e");
	is_int(request(order, NULL, NULL, 0), 0, "the request is found");
	ok(certstore_order_value(order, "url") == NULL,
	    "an order for other names is not its own");

	snprintf(spki, sizeof(spki), "%.64s", infoline("e", "request"));
	is_int(certstore_order_set(order, "newkey", "yes", &err), 0,
	    "the next key is to be new");
	certstore_order_set(order, "status", "processing", &err);
	is_int(request(order, NULL, NULL, 0), 0, "not while the CA signs");
	certstore_order_set(order, "status", "valid", &err);
	is_int(request(order, NULL, NULL, 0), 0, "nor when it has signed");
	certstore_order_set(order, "status", "invalid", &err);
	is_int(request(order, NULL, NULL, 0), 1, "but when it does not");
	ok(strncmp(infoline("e", "request"), spki, 64) != 0, "it is new");
	ok(certstore_order_value(order, "newkey") == NULL, "that is over");

	sign(&pem, order, "DNS:f.example.com", 90, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "a certificate is held");
	sh("rm store/acme/orders/e/held.pem");
	refused(certstore_order_take(order, 0, &err), CERTSTORE_ESYSTEM,
	    "acme/orders/e/held.pem");
	certstore_order_close(order);

	sh("rm store/certs/e/request.csr");
	ok(certstore_order_open(store, "e", &err) == NULL &&
		err.code == CERTSTORE_EDAMAGED,
	    "a request that is gone: %s", err.msg);
	is_int(certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
		   NULL, &err),
	    1, "removed");

	order = begin("e");
	is_int(request(order, one, NULL, CERTSTORE_ORDER_DRYRUN), 1, "dry");
	sign(&pem, order, "DNS:e.example.com", 90, cakey);
	refused(certstore_order_finish(order, pem.p, pem.len, 0, &err),
	    CERTSTORE_EREFUSED, "a certificate for another key");
	is_int(request(order, one, NULL, 0), 1, "a request");
	sign(&pem, order, "DNS:e.example.com", 90, NULL);
	sh("cd store/acme/orders/e; rm state; mkdir state");
	warned[0] = '\0';
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "the certificate serves");
	ok(strstr(warned, "acme/orders/e") != NULL,
	    "its state is not written: %s", warned);
	sh("rmdir store/acme/orders/e/state");
	certstore_order_close(order);
	order = begin("e");
	certstore_order_set(order, "last", "x", &err);
	certstore_order_close(order);
	fd = open(path("store/acme/orders/e/lock"),
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || flock(fd, LOCK_EX) == -1)
		bail("lock");
	ok(certstore_order_open(store, "e", &err) == NULL &&
		err.code == CERTSTORE_EBUSY,
	    "another holds the lock");
	is_str(err.msg, "e: an order for it runs", "and has not said since");
	close(fd);
	cs_buf_free(&pem);
}

/* A key that an order cannot have is followed by one that it can. */
static void
testkeytype(void)
{
	struct certstore_import *im = certstore_import_new(store, 0, &err);
	struct certstore_order *order;
	EVP_PKEY *pkey = EVP_EC_gen("P-521");
	X509_NAME *none = X509_NAME_new();
	X509 *x509 = newcert(none, pkey, 90);
	const unsigned char *p;
	struct cs_buf pem = { 0 };
	const void *der;
	char type[80];
	X509_REQ *req;
	size_t len;

	X509_set_issuer_name(x509, X509_get_subject_name(ca));
	extend(x509, "extendedKeyUsage", "serverAuth");
	extend(x509, "subjectAltName", "DNS:p521.example.com");
	X509_sign(x509, cakey, EVP_sha256());
	cs_cert_encode(&pem, x509, &err);
	cs_cert_encode(&pem, ca, &err);
	cs_key_encode(&pem, pkey, NULL, &err);
	if (certstore_import_set_name(im, "p521", &err) == -1 ||
	    certstore_import_add(im, "p", pem.p, pem.len, &err) == -1 ||
	    certstore_import_plan(im, &err) == -1 ||
	    certstore_import_commit(im, &err) == -1)
		bail("%s", err.msg);
	certstore_import_free(im);
	order = begin("p521");
	is_int(request(order, NULL, NULL, CERTSTORE_ORDER_KEEP), 1,
	    "a request for the names of one with P-521");
	if (certstore_order_csr(order, &der, &len, &err) == -1)
		bail("%s", err.msg);
	p = der;
	req = d2i_X509_REQ(NULL, &p, (long)len);
	cs_key_name(X509_REQ_get0_pubkey(req), type, sizeof(type));
	is_str(type, "p256", "has the usual key");
	certstore_order_close(order);
	X509_REQ_free(req);
	X509_NAME_free(none);
	X509_free(x509);
	EVP_PKEY_free(pkey);
	cs_buf_free(&pem);
}

static const char *const killed[] = { "k.example.com", NULL };

/* A whole order, as cert-acme goes on with it after a kill; 0 or a number. */
static int
runorder(long days)
{
	struct certstore_order *order;
	struct cs_buf pem = { 0 };
	const char *text;
	int rv;

	if ((order = certstore_order_open(store, "k", &err)) == NULL)
		return 1;
	while (certstore_order_leftover(order, 0, &text))
		if (certstore_order_undone(order, text, &err) == -1)
			return 2;
	if (request(order, killed, props, 0) == -1)
		return 3;
	if (certstore_order_value(order, "url") == NULL &&
	    (certstore_order_set(order, "account", "x", &err) == -1 ||
		certstore_order_set(order, "url", "https://ca/k", &err) == -1))
		return 4;
	if (certstore_order_setup(order, "file", &err) == -1 ||
	    certstore_order_undone(order, "file", &err) == -1 ||
	    certstore_order_set(order, "status", "processing", &err) == -1)
		return 5;
	sign(&pem, order, "DNS:k.example.com", days, NULL);
	rv = certstore_order_finish(order, pem.p, pem.len, 0, &err);
	cs_buf_free(&pem);
	if (rv == 1)
		certstore_order_close(order);
	return rv == 1 ? 0 : 6;
}

/*
 * Killed before the n-th call that changes something, and then run again: one
 * of the legal states each time, with the key of what the CA may have signed,
 * and in the end a certificate and nothing else.
 */
static void
testkilled(void)
{
	struct certstore_entry entry;
	struct cs_buf state = { 0 };
	const char *name = "k";
	int bad = 0, status = 0;
	long days = 10;
	size_t len;
	pid_t pid;
	int n;

	for (n = 1; n < 400 && bad == 0; n++) {
		days += 2;
		fflush(stdout);
		if ((pid = fork()) == -1)
			bail("fork");
		if (pid == 0) {
			killat = n;
			_exit(runorder(days));
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			bail("waitpid");
		if (WEXITSTATUS(status) == 0)
			break;
		bad |= WEXITSTATUS(status) != 99;
		/* what the CA may have signed has its key here */
		memset(&entry, 0, sizeof(entry));
		if (cs_orderstate_read(store, "k", &state, &err) == 1 &&
		    cs_orderstate_is(&state, "status", "processing")) {
			bad |= cs_store_refresh(store, &err) == -1 ||
			    cs_entry_load(store, "k", &entry, &err) == -1 ||
			    !(cs_orderstate_is(&state, "spki",
				  entry.info.request) ||
				cs_orderstate_is(&state, "spki",
				    entry.info.spki));
			cs_entry_done(&entry);
		}
		days += 2;
		if (runorder(days) != 0) {
			printf("# %d: %s\n", n, err.msg);
			bad = 1;
		}
		bad |= strcmp(infoline("k", "kind"), "server") != 0 ||
		    infoline("k", "request")[0] != '\0' ||
		    (cs_orderstate_read(store, "k", &state, &err) == 1 &&
			(cs_orderstate_find(&state, "setup", &len) != NULL ||
			    cs_orderstate_find(&state, "spki", &len) != NULL));
		if (n % 2 == 0)
			bad |= certstore_remove(store, &name, 1, 0, NULL, NULL,
				   &err) == -1;
	}
	ok(bad == 0 && n > 20 && WEXITSTATUS(status) == 0,
	    "killed before %d calls, and run again", n - 1);
	if (bad != 0)
		printf("# %d: status %d: %s\n", n, WEXITSTATUS(status),
		    err.msg);
	cs_buf_free(&state);
}

/* How far the order of an entry is. */
static const char *
stateof(const char *name)
{
	struct certstore_entry *entry;
	const char *state;
	int64_t since;

	if ((entry = certstore_entry_get(store, name, &err)) == NULL)
		bail("%s", err.msg);
	state = certstore_entry_order(entry, &since);
	certstore_entry_free(entry);
	return state;
}

/* The old certificate leads to an anchor of the store, and the new one does not:
 * that of a test server of the CA. */
static void
testuntrusted(void)
{
	static const char *const one[] = { "t.example.com", NULL };
	struct certstore_order *order = begin("t");
	struct cs_buf pem = { 0 }, anchor = { 0 };
	struct certstore_trust *tr;
	EVP_PKEY *waskey = cakey;
	X509 *was = ca;

	tr = certstore_trust_new(store, NULL, 0, &err);
	if (tr == NULL || cs_cert_encode(&anchor, ca, &err) == -1 ||
	    certstore_trust_add(tr, "ca", anchor.p, anchor.len, &err) == -1 ||
	    certstore_trust_commit(tr, &err) != 1)
		bail("%s", err.msg);
	certstore_trust_free(tr);
	is_int(request(order, one, NULL, 0), 1, "a request");
	sign(&pem, order, "DNS:t.example.com", 90, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "one that leads to an anchor: %s", err.msg);
	is_int(request(order, NULL, NULL, 0), 1, "the next request");
	is_str(stateof("t"), "waiting", "waits");
	certstore_order_set(order, "url", "https://ca/t", &err);
	is_str(stateof("t"), "pending", "is ordered");
	certstore_order_set(order, "status", "processing", &err);
	is_str(stateof("t"), "processing", "is about to be issued");
	ca = NULL;
	makeca();
	sign(&pem, order, "DNS:t.example.com", 100, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 0,
	    "one that leads to none is held");
	ok(strstr(certstore_order_value(order, "held"),
	       "leads to no trust anchor, as the one that it replaces does") !=
		NULL,
	    "with the reason: %s", certstore_order_value(order, "held"));
	is_str(stateof("t"), "held", "and is seen to be held");
	X509_free(ca);
	EVP_PKEY_free(cakey);
	ca = was;
	cakey = waskey;
	sign(&pem, order, "DNS:t.example.com", 110, NULL);
	is_int(certstore_order_finish(order, pem.p, pem.len, 0, &err), 1,
	    "again one that leads to an anchor: %s", err.msg);
	certstore_order_close(order);
	cs_buf_free(&anchor);
	cs_buf_free(&pem);
}

int
main(void)
{
	makescratch();
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	certstore_set_warn(store, warn, NULL);
	makeca();
	testfirst();
	testchanged();
	testothers();
	testlost();
	testdue();
	testhostile();
	testcalls();
	testremoved();
	testkeytype();
	testkilled();
	testuntrusted();
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	X509_free(ca);
	EVP_PKEY_free(cakey);
	certstore_close(store);
	removescratch();
	return tap_done();
}
