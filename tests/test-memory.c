/*
 * test-memory.c: each allocation of a call fails once.  The call must say so,
 * leak nothing, leave libcrypto's error queue empty and the store as whole as
 * it was.  The Makefile hands the library our malloc with the linker's --wrap.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "input.h"
#include "tap.h"
#include "scratch.h"

void *__real_malloc(size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void __wrap_free(void *);
void __wrap_freezero(void *, size_t);
void *__wrap_recallocarray(void *, size_t, size_t, size_t);
char *__wrap_strdup(const char *);
char *__wrap_strndup(const char *, size_t);
int __wrap_vasprintf(char **, const char *, va_list);
int __wrap_asprintf(char **, const char *, ...);
int __wrap___vasprintf_chk(char **, int, const char *, va_list);
int __wrap___asprintf_chk(char **, int, const char *, ...);

/* The allocations of the library and those of libcrypto. */
enum owner { OURS, CRYPTO, OWNERS };
static size_t count[OWNERS]; /* how many there were */
static size_t fail[OWNERS];  /* the one that fails, from 1; 0: none */
static long live[OWNERS];    /* what is not freed */

static void *
allocate(enum owner owner, void *old, size_t size)
{
	void *p;

	if (++count[owner] == fail[owner]) {
		errno = ENOMEM;
		return NULL;
	}
	p = __real_realloc(old, size == 0 ? 1 : size);
	if (p != NULL && old == NULL)
		live[owner]++;
	return p;
}

static void
release(enum owner owner, void *p)
{
	if (p != NULL)
		live[owner]--;
	__real_free(p);
}

void *
__wrap_malloc(size_t size)
{
	return allocate(OURS, NULL, size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *p;

	if ((p = allocate(OURS, NULL, n * size)) != NULL)
		memset(p, 0, n * size);
	return p;
}

void *
__wrap_realloc(void *old, size_t size)
{
	return allocate(OURS, old, size);
}

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return allocate(OURS, old, n * size);
}

void
__wrap_free(void *p)
{
	release(OURS, p);
}

/* Those of a libbsd that is shared would not come here. */
void
__wrap_freezero(void *p, size_t size)
{
	if (p != NULL)
		explicit_bzero(p, size);
	release(OURS, p);
}

void *
__wrap_recallocarray(void *old, size_t n, size_t more, size_t size)
{
	void *p = __wrap_calloc(more, size);

	if (p != NULL && old != NULL) {
		memcpy(p, old, (n < more ? n : more) * size);
		__wrap_freezero(old, n * size);
	}
	return p;
}

char *
__wrap_strndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *p;

	if ((p = allocate(OURS, NULL, len + 1)) == NULL)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

__attribute__((format(printf, 2, 0))) int
__wrap_vasprintf(char **out, const char *fmt, va_list ap)
{
	va_list again;
	size_t size;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	size = (size_t)n + 1;
	if ((*out = allocate(OURS, NULL, size)) == NULL)
		return -1;
	return vsnprintf(*out, size, fmt, ap);
}

__attribute__((format(printf, 2, 3))) int
__wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = __wrap_vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}

/* What -D_FORTIFY_SOURCE makes of both. */
__attribute__((format(printf, 3, 0))) int
__wrap___vasprintf_chk(char **out, int flag, const char *fmt, va_list ap)
{
	(void)flag;
	return __wrap_vasprintf(out, fmt, ap);
}

__attribute__((format(printf, 3, 4))) int
__wrap___asprintf_chk(char **out, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = __wrap_vasprintf(out, fmt, ap);
	va_end(ap);
	return n;
}

static void *
cryptomalloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return allocate(CRYPTO, NULL, size);
}

static void *
cryptorealloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return allocate(CRYPTO, old, size);
}

static void
cryptofree(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	release(CRYPTO, p);
}

/* What a call returns that gave a wrong answer instead of an error. */
#define WRONG (-2)

/* A server's key and certificates, and a request, as PEM. */
static struct cs_buf pem;
static struct cs_buf anchor;
static char *csr;

static int
create(struct certstore *store)
{
	struct certstore_template *tmpl;
	int rv = -1;

	if ((tmpl = certstore_template_new(&err)) == NULL)
		return -1;
	if (certstore_template_set_type(tmpl, "p256", &err) == 0 &&
	    certstore_template_add_san(tmpl, "made.example", &err) == 0 &&
	    certstore_template_set_issuer(tmpl, "ca", &err) == 0)
		rv = certstore_create(store, "made", tmpl,
		    CERTSTORE_CREATE_FORCE, NULL, &err);
	certstore_template_free(tmpl);
	return rv;
}

static int
createmany(struct certstore *store)
{
	static const char *const sans[] = { "many.example", "192.0.2.1" };
	struct certstore_template *tmpl;
	struct certstore_batch *batch = NULL;
	int rv = -1;

	if ((tmpl = certstore_template_new(&err)) == NULL)
		return -1;
	if (certstore_template_set_issuer(tmpl, "ca", &err) == 0)
		batch = certstore_batch_new(store, tmpl, CERTSTORE_CREATE_FORCE,
		    &err);
	if (batch != NULL &&
	    certstore_batch_add(batch, "one.example", NULL, 0, &err) == 0 &&
	    certstore_batch_add(batch, "two", sans, 2, &err) == 0)
		rv = certstore_batch_commit(batch, &err);
	certstore_batch_free(batch);
	certstore_template_free(tmpl);
	return rv;
}

static int
sign(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_template *tmpl;
	struct certstore_sign *job = NULL;
	const char *chain, *label;
	int rv = -1;

	if ((tmpl = certstore_template_new(&err)) == NULL)
		return -1;
	if (certstore_template_set_issuer(tmpl, "ca", &err) == 0)
		job = certstore_sign_new(store, tmpl, CERTSTORE_CREATE_FORCE,
		    &err);
	if (job != NULL &&
	    certstore_sign_add(job, "csr", csr, strlen(csr), &err) == 0 &&
	    certstore_sign_commit(job, &err) == 0)
		while ((rv = certstore_sign_next(job, &label, &entry, &chain,
			    &err)) == 1)
			;
	certstore_sign_free(job);
	certstore_template_free(tmpl);
	return rv;
}

/* The file is in the store since makestore(). */
static int
profile(struct certstore *store)
{
	struct certstore_template *tmpl;
	int rv = -1;

	if ((tmpl = certstore_template_new(&err)) == NULL)
		return -1;
	if (certstore_template_add_subject(tmpl, "OU=a", &err) == 0)
		rv = certstore_template_load_profile(tmpl, store, "vpn", &err);
	certstore_template_free(tmpl);
	return rv;
}

static int
import(struct certstore *store)
{
	struct certstore_import *im;
	int rv = -1;

	im = certstore_import_new(store, CERTSTORE_IMPORT_FORCE, &err);
	if (im == NULL)
		return -1;
	if (certstore_import_set_name(im, "given", &err) == 0 &&
	    certstore_import_add(im, "pem", pem.p, pem.len, &err) == 0 &&
	    certstore_import_plan(im, &err) == 0)
		rv = certstore_import_commit(im, &err);
	certstore_import_free(im);
	return rv;
}

static int
list(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_list *li;
	int rv;

	if ((li = certstore_list_new(store, &err)) == NULL)
		return -1;
	while ((rv = certstore_list_next(li, &entry, &err)) == 1)
		;
	certstore_list_free(li);
	return rv;
}

static int
match(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_match *m;
	int rv = -1;

	m = certstore_match_new(store, CERTSTORE_NOW, "server", 0, &err);
	if (m == NULL)
		return -1;
	if (certstore_match_ask(m, "web.example", &err) != -1)
		while ((rv = certstore_match_next(m, &entry, &err)) == 1)
			;
	certstore_match_free(m);
	return rv;
}

static int
setprops(struct certstore *store)
{
	static int turn;
	struct certstore_set *set;
	int rv = -1;

	if ((set = certstore_set_new(store, 0, &err)) == NULL)
		return -1;
	if (certstore_set_add(set, "web", &err) == 0 &&
	    certstore_set_change(set, "user", CERTSTORE_SET_REPLACE,
		turn++ % 2 == 0 ? "one" : "two", &err) == 0 &&
	    certstore_set_change(set, "note", CERTSTORE_SET_REPLACE, "r",
		&err) == 0)
		rv = certstore_set_commit(set, &err);
	certstore_set_free(set);
	return rv == -1 ? -1 : 0;
}

static int
renew(struct certstore *store)
{
	return certstore_renew(store, "made", NULL, NULL, CERTSTORE_RENEW_FORCE,
	    NULL, NULL, &err);
}

static int
revert(struct certstore *store)
{
	static const char *const names[] = { "made" };

	return certstore_revert(store, names, 1, CERTSTORE_REVERT_FORCE, &err);
}

static int
trust(struct certstore *store)
{
	struct certstore_trust *tr;
	int rv = -1;

	tr = certstore_trust_new(store, "set", CERTSTORE_TRUST_FORCE, &err);
	if (tr == NULL)
		return -1;
	if (certstore_trust_reset(tr, "pem", anchor.p, anchor.len, &err) == 0)
		rv = certstore_trust_commit(tr, &err);
	certstore_trust_free(tr);
	return rv == -1 ? -1 : 0;
}

static int
verify(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_verify *v;
	size_t i = 0;
	int rv = -1;

	if ((v = certstore_verify_new(store, &err)) == NULL)
		return -1;
	if (certstore_verify_set_host(v, "web.example", &err) == 0 &&
	    certstore_verify_add_anchors(v, "pem", anchor.p, anchor.len,
		&err) == 0)
		rv = certstore_verify_certs(v, "pem", pem.p, pem.len, NULL,
		    &err);
	if (rv == 0) {
		certstore_verify_free(v);
		return WRONG; /* it is good */
	}
	while (rv == 1)
		rv = certstore_verify_path(v, i++, &entry, &err);
	certstore_verify_free(v);
	return rv;
}

static int
audit(struct certstore *store)
{
	const struct certstore_finding *finding;
	struct certstore_audit *au;
	int rv = -1;

	if ((au = certstore_audit_new(store, CERTSTORE_NOW, &err)) == NULL)
		return -1;
	if (certstore_audit_add(au, "web", &err) == 0)
		while ((rv = certstore_audit_next(au, &finding, &err)) == 1)
			;
	certstore_audit_free(au);
	return rv;
}

static int
due(struct certstore *store)
{
	const struct certstore_renewal *renewal;
	struct certstore_due *d;
	int rv = -1;

	if ((d = certstore_due_new(store, CERTSTORE_NOW, &err)) == NULL)
		return -1;
	if (certstore_due_add_all(d, &err) == 0)
		while ((rv = certstore_due_next(d, &renewal, &err)) == 1)
			;
	certstore_due_free(d);
	return rv;
}

static int
deploy(struct certstore *store)
{
	struct certstore_deploy *d;
	const char *user;
	int rv;

	d = certstore_deploy_new(store, CERTSTORE_DEPLOY_FORCE, &err);
	if (d == NULL)
		return -1;
	while ((rv = certstore_deploy_next(d, &user, &err)) == 1) {
		if ((rv = certstore_deploy_begin(d, 1, &err)) == -1 ||
		    (rv = certstore_deploy_delivered(d, "told", &err)) == -1)
			break;
	}
	certstore_deploy_free(d);
	return rv;
}

/* One call on a store that is opened for it. */
static int
called(int (*call)(struct certstore *), int flags)
{
	struct certstore *store;
	int rv;

	cs_error_clear(&err);
	if ((store = certstore_open(path("store"), flags, &err)) == NULL)
		return -1;
	rv = call(store);
	certstore_close(store);
	return rv;
}

/* Fails each allocation, or each step-th, of a call. */
static void
starve(const char *name, int (*call)(struct certstore *), int flags,
    enum owner owner, size_t step)
{
	size_t n, wrong = 0, mute = 0, leaks = 0, dirty = 0, harmed = 0;
	size_t hidden = 0, done;
	long before;
	int rv;

	if (called(call, flags) == -1 || called(call, flags) == -1) {
		ok(0, "%s: %s", name, err.msg);
		return;
	}
	for (n = 1;; n += step) {
		before = live[owner];
		count[owner] = 0;
		fail[owner] = n;
		rv = called(call, flags);
		fail[owner] = 0;
		done = count[owner];
		if (done < n)
			break;
		if (getenv("TRACE") != NULL)
			printf("# %s %d %zu: %d %s, live %ld\n", name, owner, n,
			    rv, err.msg, live[owner] - before);
		if (rv == -1 && err.msg[0] == '\0')
			mute++;
		if (rv == -1 && owner == OURS &&
		    strstr(err.msg, "memory") == NULL)
			wrong++;
		if (rv == WRONG)
			wrong++;
		if (rv != -1)
			hidden++;
		if (owner == OURS && live[owner] != before)
			leaks++;
		if (ERR_peek_error() != 0) {
			dirty++;
			ERR_clear_error();
		}
		if (called(list, 0) == -1)
			harmed++;
	}
	ok(mute == 0 && wrong == 0, "%s: %zu allocations fail, and it says so",
	    name, n - 1);
	if (mute + wrong + hidden > 0)
		printf("# %zu without a message, %zu with another, %zu "
		       "successes\n",
		    mute, wrong, hidden);
	is_int((long long)leaks, 0, "%s: nothing leaks", name);
	is_int((long long)dirty, 0, "%s: no error of libcrypto is left", name);
	is_int((long long)harmed, 0, "%s: the store can be read", name);
	ok(called(call, flags) != -1, "%s: then it works: %s", name, err.msg);
}

/* Reads a file of an entry. */
static void
readpart(struct certstore *store, const char *name, enum certstore_file file,
    struct cs_buf *buf)
{
	struct certstore_entry *entry;
	char *file_path;

	if ((entry = certstore_entry_get(store, name, &err)) == NULL)
		bail("%s", err.msg);
	if ((file_path = certstore_entry_path(entry, file)) == NULL)
		bail("%s: no path", name);
	readfile(file_path, buf);
	free(file_path);
	certstore_entry_free(entry);
}

/* A CA and a server that it issued. */
static void
makestore(void)
{
	struct certstore_template *tmpl;
	struct certstore *store;

	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	tmpl = certstore_template_new(&err);
	if (certstore_template_set_ca(tmpl, &err) == -1 ||
	    certstore_template_add_subject(tmpl, "CN=CA", &err) == -1 ||
	    certstore_create(store, "ca", tmpl, 0, NULL, &err) == -1)
		bail("%s", err.msg);
	certstore_template_free(tmpl);
	tmpl = certstore_template_new(&err);
	if (certstore_template_add_san(tmpl, "web.example", &err) == -1 ||
	    certstore_template_set_issuer(tmpl, "ca", &err) == -1 ||
	    certstore_create(store, "web", tmpl, 0, NULL, &err) == -1)
		bail("%s", err.msg);
	certstore_template_free(tmpl);
	tmpl = certstore_template_new(&err);
	if (certstore_template_add_san(tmpl, "away.example", &err) == -1 ||
	    certstore_template_add_subject(tmpl, "O=Away", &err) == -1 ||
	    certstore_create(store, "away", tmpl, CERTSTORE_CREATE_REQUEST,
		&csr, &err) == -1)
		bail("%s", err.msg);
	certstore_template_free(tmpl);
	sh("mkdir store/profiles; printf '%s\\n' '-t p384' '-S O=x' '-S OU=b' "
	   "'-s a.example' 'purpose 1.2.3 clientAuth' 'extension 1.2.3=0500' "
	   "'-P server' >store/profiles/vpn");
	readpart(store, "web", CERTSTORE_COMBINED, &pem);
	readpart(store, "ca", CERTSTORE_FULLCHAIN, &anchor);
	certstore_close(store);
}

int
main(void)
{
	static const struct {
		const char *name;
		int (*call)(struct certstore *);
		int flags;
		size_t step; /* of libcrypto's, which are many */
	} t[] = { { "list", list, 0, 0 }, { "match", match, 0, 0 },
		{ "set", setprops, CERTSTORE_OPEN_WRITE, 0 },
		{ "create", create, CERTSTORE_OPEN_WRITE, 67 },
		{ "create many", createmany, CERTSTORE_OPEN_WRITE, 97 },
		{ "sign", sign, CERTSTORE_OPEN_WRITE, 67 },
		{ "profile", profile, 0, 1 },
		{ "import", import, CERTSTORE_OPEN_WRITE, 67 },
		{ "renew", renew, CERTSTORE_OPEN_WRITE, 67 },
		{ "revert", revert, CERTSTORE_OPEN_WRITE, 0 },
		{ "trust", trust, CERTSTORE_OPEN_WRITE, 29 },
		{ "verify", verify, 0, 0 }, { "audit", audit, 0, 29 },
		{ "due", due, 0, 0 },
		{ "deploy", deploy, CERTSTORE_OPEN_WRITE, 0 } };
	size_t i;

	if (CRYPTO_set_mem_functions(cryptomalloc, cryptorealloc, cryptofree) !=
	    1)
		bail("libcrypto keeps its own malloc");
	makescratch();
	makestore();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		starve(t[i].name, t[i].call, t[i].flags, OURS, 1);
		if (t[i].step != 0)
			starve(t[i].name, t[i].call, t[i].flags, CRYPTO,
			    t[i].step);
	}
	cs_buf_free(&pem);
	cs_buf_free(&anchor);
	free(csr);
	removescratch();
	return tap_done();
}
