/*
 * test-memory.c: each allocation and each system call of a call fails once.  The
 * call must report it, leak nothing, leave libcrypto's error queue empty and the
 * store readable, and succeed afterwards.  FAULTS=all fails all of them, else
 * those of some calls are a sample.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "failing.h"
#include "input.h"
#include "tap.h"
#include "scratch.h"

/* What a call returns that gave a wrong answer instead of an error. */
#define WRONG (-2)

#define FIRST 16 /* how many fail even if only a sample does */

/* What a call answered, which a failure must not change without a warning. */
static size_t answers, warnings;

static void
countwarning(void *arg, const char *message)
{
	(void)arg;
	if (*message != '\0')
		warnings++;
}

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
		answers += strlen(certstore_entry_name(entry));
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
			answers++;
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

/* The same without a host.  It may be called bad if libcrypto got no memory:
 * tests/starve.bats has what prevents that. */
static int
verifychain(struct certstore *store)
{
	struct certstore_verify *v;
	int rv = -1;

	if ((v = certstore_verify_new(store, &err)) == NULL)
		return -1;
	if (certstore_verify_add_anchors(v, "pem", anchor.p, anchor.len,
		&err) == 0)
		rv = certstore_verify_certs(v, "pem", pem.p, pem.len, NULL,
		    &err);
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
			answers++;
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
			answers++;
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

struct sweep {
	const char *name;
	int (*call)(struct certstore *);
	int flags;
	size_t step[OWNERS]; /* without FAULTS every step-th fails; 0: none */
	void (*prepare)(void);
};

/* One call on a store that is opened for it. */
static int
called(int (*call)(struct certstore *), int flags)
{
	struct certstore *store;
	int rv;

	cs_error_clear(&err);
	answers = warnings = 0;
	if ((store = certstore_open(path("store"), flags, &err)) == NULL)
		return -1;
	certstore_set_warn(store, countwarning, NULL);
	rv = call(store);
	certstore_close(store);
	return rv;
}

/* The same with nothing that fails. */
static int
succeeds(const struct sweep *s)
{
	if (s->prepare != NULL)
		s->prepare();
	return called(s->call, s->flags) != -1;
}

/* Fails each allocation or system call, or of many the first and some others. */
static void
starve(const struct sweep *s, enum owner owner)
{
	static const char *const what[] = { "allocations",
		"allocations of libcrypto", "system calls" };
	size_t n, wrong = 0, mute = 0, leaks = 0, dirty = 0, harmed = 0;
	size_t hidden = 0, last = 0, step = s->step[owner], right;
	long before;
	int rv;

	if (getenv("FAULTS") != NULL)
		step = 1;
	if (!succeeds(s) || !succeeds(s)) {
		ok(0, "%s: %s", s->name, err.msg);
		return;
	}
	right = answers;
	for (n = 1;; n += n < FIRST ? 1 : step) {
		if (s->prepare != NULL)
			s->prepare();
		before = live[owner];
		count[owner] = 0;
		fail[owner] = n;
		rv = called(s->call, s->flags);
		fail[owner] = 0;
		if (count[owner] < n)
			break;
		last = n;
		if (getenv("TRACE") != NULL)
			printf("# %s %d %zu: %d %s, live %ld, queue %s\n",
			    s->name, owner, n, rv, err.msg,
			    live[owner] - before,
			    ERR_reason_error_string(ERR_peek_error()));
		if (rv == -1 && err.msg[0] == '\0')
			mute++;
		if (rv == -1 && owner == OURS &&
		    strstr(err.msg, "memory") == NULL)
			wrong++;
		if (rv == WRONG ||
		    (rv != -1 && answers != right && warnings == 0))
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
	ok(mute == 0 && wrong == 0, "%s: of %zu %s each fails, and it says so",
	    s->name, last, what[owner]);
	if (mute + wrong + hidden > 0)
		printf("# %zu without a message, %zu with another, %zu "
		       "successes\n",
		    mute, wrong, hidden);
	is_int((long long)leaks, 0, "%s: nothing leaks", s->name);
	is_int((long long)dirty, 0, "%s: no error of libcrypto is left",
	    s->name);
	is_int((long long)harmed, 0, "%s: the store can be read", s->name);
	ok(succeeds(s), "%s: then it works: %s", s->name, err.msg);
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
main(int argc, char *argv[])
{
	static const struct sweep t[] = { { "list", list, 0, { 1, 0, 1 },
					      NULL },
		{ "match", match, 0, { 1, 0, 1 }, NULL },
		{ "set", setprops, CERTSTORE_OPEN_WRITE, { 1, 0, 1 }, NULL },
		{ "create", create, CERTSTORE_OPEN_WRITE, { 1, 67, 1 }, NULL },
		{ "create many", createmany, CERTSTORE_OPEN_WRITE, { 1, 97, 1 },
		    NULL },
		{ "sign", sign, CERTSTORE_OPEN_WRITE, { 1, 67, 1 }, NULL },
		{ "profile", profile, 0, { 1, 1, 1 }, NULL },
		{ "import", import, CERTSTORE_OPEN_WRITE, { 1, 67, 1 }, NULL },
		{ "renew", renew, CERTSTORE_OPEN_WRITE, { 1, 67, 1 }, NULL },
		{ "revert", revert, CERTSTORE_OPEN_WRITE, { 1, 0, 1 }, NULL },
		{ "trust", trust, CERTSTORE_OPEN_WRITE, { 1, 29, 1 }, NULL },
		{ "verify", verify, 0, { 1, 0, 1 }, NULL },
		{ "verify a chain", verifychain, 0, { 0, 67, 0 }, NULL },
		{ "audit", audit, 0, { 1, 29, 1 }, NULL },
		{ "due", due, 0, { 1, 0, 1 }, NULL },
		{ "deploy", deploy, CERTSTORE_OPEN_WRITE, { 1, 0, 1 }, NULL } };
	enum owner owner;
	size_t i;

	if (CRYPTO_set_mem_functions(cryptomalloc, cryptorealloc, cryptofree) !=
	    1)
		bail("libcrypto keeps its own malloc");
	makescratch();
	makestore();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (owner = OURS; owner < OWNERS; owner++)
			if (t[i].step[owner] != 0 &&
			    (argc < 2 || strcmp(argv[1], t[i].name) == 0))
				starve(&t[i], owner);
	}
	cs_buf_free(&pem);
	cs_buf_free(&anchor);
	free(csr);
	removescratch();
	return tap_done();
}
