/*
 * test-memory.c: each allocation and each system call of a call fails once.  The
 * call must report it, leak nothing, leave libcrypto's error queue empty and the
 * store readable, and succeed afterwards.  FAULTS=all fails all of the
 * library's; FAULTS=ways, of those that have the same callers, the first and the
 * last; else those of some calls are a sample.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "failing.h"
#include "input.h"
#include "tap.h"
#include "scratch.h"

#define FIRST 4 /* how many fail even if only a sample does */

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
static struct cs_buf crl;
static struct cs_buf given;
static char *csr;

/* An option of cert-create and its value, as "-s web.example". */
static int
setoption(struct certstore_template *tmpl, const char *option)
{
	const char *value = option + 3;

	switch (option[1]) {
	case 'A':
		return certstore_template_set_issuer(tmpl, value, &err);
	case 'C':
		return certstore_template_add_constraint(tmpl, value, &err);
	case 'P':
		return certstore_template_set_profile(tmpl, value, &err);
	case 'S':
		return certstore_template_add_subject(tmpl, value, &err);
	case 'c':
		return certstore_template_set_ca(tmpl, &err);
	case 's':
		return certstore_template_add_san(tmpl, value, &err);
	default:
		return certstore_template_set_type(tmpl, value, &err);
	}
}

/* A template with such options, up to NULL; or NULL. */
static struct certstore_template *
maketemplate(const char *const *option)
{
	struct certstore_template *tmpl;

	tmpl = certstore_template_new(&err);
	for (; tmpl != NULL && *option != NULL; option++)
		if (setoption(tmpl, *option) == -1) {
			certstore_template_free(tmpl);
			tmpl = NULL;
		}
	return tmpl;
}

static int
createwith(struct certstore *store, const char *name,
    const char *const *options, int flags, char **request)
{
	struct certstore_template *tmpl;
	int rv;

	if ((tmpl = maketemplate(options)) == NULL)
		return -1;
	rv = certstore_create(store, name, tmpl, flags, request, &err);
	certstore_template_free(tmpl);
	return rv;
}

static const char *const underca[] = { "-A ca", NULL };
static const char *const web[] = { "-s web.example", "-A ca", NULL };

static int
create(struct certstore *store)
{
	static const char *const options[] = { "-t p256", "-s made.example",
		"-A ca", NULL };

	return createwith(store, "made", options, CERTSTORE_CREATE_FORCE, NULL);
}

static int
createmany(struct certstore *store)
{
	static const char *const sans[] = { "many.example", "192.0.2.1" };
	struct certstore_template *tmpl;
	struct certstore_batch *batch;
	int rv = -1;

	if ((tmpl = maketemplate(underca)) == NULL)
		return -1;
	batch = certstore_batch_new(store, tmpl, CERTSTORE_CREATE_FORCE, &err);
	if (batch != NULL &&
	    certstore_batch_add(batch, "one.example", NULL, 0, &err) == 0 &&
	    certstore_batch_add(batch, "two", sans, 2, &err) == 0)
		rv = certstore_batch_commit(batch, &err);
	certstore_batch_free(batch);
	certstore_template_free(tmpl);
	return rv;
}

/* Signs a request: the chain is added to a buffer. */
static int
answerrequest(struct certstore *store, const void *request, size_t len,
    struct cs_buf *to)
{
	const struct certstore_entry *entry;
	struct certstore_template *tmpl;
	struct certstore_sign *job;
	const char *chain, *label;
	int rv = -1;

	if ((tmpl = maketemplate(underca)) == NULL)
		return -1;
	job = certstore_sign_new(store, tmpl, CERTSTORE_CREATE_FORCE, &err);
	if (job != NULL &&
	    certstore_sign_add(job, "csr", request, len, &err) == 0 &&
	    certstore_sign_commit(job, &err) == 0)
		while ((rv = certstore_sign_next(job, &label, &entry, &chain,
			    &err)) == 1)
			if (cs_buf_adds(to, chain) == -1) {
				rv = cs_fail_nomem(&err);
				break;
			}
	certstore_sign_free(job);
	certstore_template_free(tmpl);
	return rv;
}

static int
sign(struct certstore *store)
{
	struct cs_buf answer = { 0 };
	int rv;

	rv = answerrequest(store, csr, strlen(csr), &answer);
	cs_buf_free(&answer);
	return rv;
}

/* The file is in the store since makestore(). */
static int
profile(struct certstore *store)
{
	static const char *const options[] = { "-S OU=a", NULL };
	struct certstore_template *tmpl;
	int rv;

	if ((tmpl = maketemplate(options)) == NULL)
		return -1;
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
	    certstore_set_change(set, "default", CERTSTORE_SET_REPLACE,
		turn % 2 == 0 ? "yes" : "no", &err) == 0 &&
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
	answers = rv == 0; /* it is revoked */
	while (
	    rv != -1 && (rv = certstore_verify_path(v, i++, &entry, &err)) == 1)
		;
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

static struct certstore_account *
openaccount(struct certstore *store, int flags)
{
	return certstore_account_open(store, "acct", flags, &err);
}

static int
newaccount(struct certstore *store)
{
	struct certstore_account *a;
	int rv = -1;

	a = certstore_account_new(store, "acct", "https://ca.example/dir",
	    &err);
	if (a == NULL)
		return -1;
	if (certstore_account_set(a, "contact", CERTSTORE_SET_ADD,
		"mailto:a@example.org", &err) == 0)
		rv = certstore_account_save(a, &err);
	if (rv == 0 &&
	    (rv = certstore_account_set(a, "url", CERTSTORE_SET_REPLACE,
		 "https://ca.example/acct/1", &err)) == 0)
		rv = certstore_account_save(a, &err);
	certstore_account_free(a);
	return rv;
}

static int
countaccounts(struct certstore *store)
{
	struct certstore_accounts *list;
	const char *name;
	int rv;

	if ((list = certstore_accounts_new(store, &err)) == NULL)
		return -1;
	while ((rv = certstore_accounts_next(list, &name, &err)) == 1)
		answers++;
	certstore_accounts_free(list);
	return rv;
}

/* By its URL, with a new key that is thrown away. */
static int
useaccount(struct certstore *store)
{
	static const char url[] = "https://ca.example/order";
	static const char key[] = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";
	struct certstore_account *a;
	char *text[7] = { NULL };
	size_t i, n = 0;
	int rv = -1;

	a = certstore_account_open(store, "https://ca.example/dir",
	    CERTSTORE_ACCOUNT_EXCLUSIVE, &err);
	if (a == NULL)
		return -1;
	if (certstore_account_newkey(a, NULL, NULL, 0, &err) == 0 &&
	    (text[n++] = certstore_account_jws(a, url, "bm9uY2U", "{}", 0,
		 &err)) != NULL &&
	    (text[n++] = certstore_account_jws(a, url, "bm9uY2U", NULL,
		 CERTSTORE_JWS_JWK, &err)) != NULL &&
	    (text[n++] = certstore_account_eab(a, "kid", key, url, &err)) !=
		NULL &&
	    (text[n++] = certstore_account_rollover(a, url, &err)) != NULL &&
	    (text[n++] = certstore_account_fingerprint(a, &err)) != NULL &&
	    (text[n++] = certstore_account_authorization(a, "token", &err)) !=
		NULL &&
	    (text[n++] = certstore_account_txt(a, "token", &err)) != NULL)
		rv = certstore_account_dropnew(a, &err);
	for (i = 0; i < n; i++)
		free(text[i]);
	certstore_account_free(a);
	return rv;
}

static int
rollaccount(struct certstore *store)
{
	struct certstore_account *a;
	int rv = -1;

	if ((a = openaccount(store, CERTSTORE_ACCOUNT_EXCLUSIVE)) == NULL)
		return -1;
	if (certstore_account_newkey(a, NULL, NULL, 0, &err) == 0)
		rv = certstore_account_takenew(a, &err);
	certstore_account_free(a);
	return rv;
}

static void
dropaccounts(void)
{
	sh("rm -rf store/acme/accounts");
}

static void
dropkey(void)
{
	sh("rm -f store/acme/accounts/acct/key.new");
}

/* Requests a certificate, and holds or takes one. */
static int
order(struct certstore *store)
{
	static const char *const options[] = { "-s ordered.example", NULL };
	const char *type, *value;
	struct certstore_template *tmpl;
	struct certstore_order *o;
	struct cs_buf answer = { 0 };
	const void *der;
	size_t i, len;
	int rv = -1;

	if ((tmpl = maketemplate(options)) == NULL)
		return -1;
	if ((o = certstore_order_open(store, "ordered", &err)) == NULL) {
		certstore_template_free(tmpl);
		return -1;
	}
	if (certstore_order_request(o, tmpl, NULL, CERTSTORE_ORDER_FORCE,
		&err) == -1 ||
	    certstore_order_set(o, "account", "acct", &err) == -1 ||
	    certstore_order_set(o, "status", "processing", &err) == -1 ||
	    certstore_order_setup(o, "http token", &err) == -1 ||
	    certstore_order_undone(o, "http token", &err) == -1 ||
	    certstore_order_csr(o, &der, &len, &err) == -1)
		goto out;
	for (i = 0; certstore_order_identifier(o, i, &type, &value); i++)
		;
	if (answerrequest(store, der, len, &answer) == -1 ||
	    certstore_order_finish(o, answer.p, answer.len, 0, &err) == -1 ||
	    (certstore_order_value(o, "held") != NULL &&
		certstore_order_take(o, 0, &err) == -1))
		goto out;
	rv = certstore_order_set(o, "ari-next", "9999999999", &err);
out:
	cs_buf_free(&answer);
	certstore_order_close(o);
	certstore_template_free(tmpl);
	return rv;
}

/* A renewal with the names that it has, which is given up. */
static int
abandon(struct certstore *store)
{
	struct certstore_order *o;
	int rv = -1;

	if ((o = certstore_order_open(store, "ordered", &err)) == NULL)
		return -1;
	if (certstore_order_request(o, NULL, NULL, CERTSTORE_ORDER_KEEP,
		&err) != -1)
		rv = certstore_order_abandon(o, 0, &err);
	certstore_order_close(o);
	return rv;
}

/* The order is another one each time. */
static void
dropordered(void)
{
	static const char *const name = "ordered";
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);

	sh("rm -rf store/acme/orders");
	(void)certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
	    NULL, &err);
	certstore_close(store);
}

static int
revokecerts(struct certstore *store)
{
	const struct certstore_revocation *row;
	struct certstore_revoke *rev;
	int rv = -1;

	if ((rev = certstore_revoke_new(store, &err)) == NULL)
		return -1;
	if (certstore_revoke_set_reason(rev, "superseded", &err) == 0 &&
	    certstore_revoke_add(rev, "made", &err) != -1 &&
	    certstore_revoke_add_cert(rev, "pem", pem.p, pem.len, &err) != -1)
		rv = certstore_revoke_commit(rev, &err);
	while (rv != -1 && certstore_revoke_next(rev, &row) == 1)
		answers++;
	certstore_revoke_free(rev);
	return rv;
}

static int
publish(struct certstore *store)
{
	return certstore_crl_publish(store, "ca", NULL, NULL, 0, NULL, NULL,
	    &err);
}

static int
crls(struct certstore *store)
{
	const struct certstore_crl *one;
	struct certstore_crls *list;
	int rv;

	if ((list = certstore_crls_new(store, &err)) == NULL)
		return -1;
	while ((rv = certstore_crls_next(list, &one, &err)) == 1)
		answers += one->revoked;
	certstore_crls_free(list);
	return rv;
}

static int
issued(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_issued *list;
	int rv;

	if ((list = certstore_issued_new(store, "ca", &err)) == NULL)
		return -1;
	while ((rv = certstore_issued_next(list, &entry, &err)) == 1)
		answers++;
	certstore_issued_free(list);
	return rv;
}

static int export(struct certstore *store)
{
	void *der;
	size_t len;

	if (certstore_export(store, "web", CERTSTORE_EXPORT_MODERN, 1, "secret",
		NULL, &der, &len, &err) == -1)
		return -1;
	free(der);
	return 0;
}

static int
removemade(struct certstore *store)
{
	static const char *const names[] = { "made", "many" };

	return certstore_remove(store, names, 1, CERTSTORE_REMOVE_FORCE, NULL,
	    NULL, &err);
}

/* For the next one: a CA, and what needs it. */
static int
createbelow(struct certstore *store)
{
	static const char *const top[] = { "-c", "-S CN=Top", NULL };
	static const char *const below[] = { "-s below.example", "-A top",
		NULL };

	return createwith(store, "top", top, 0, NULL) == -1 ?
	    -1 :
	    createwith(store, "below", below, 0, NULL);
}

/* Both may be removed together: all entries are asked. */
static int
mayremove(struct certstore *store)
{
	static const char *const names[] = { "below", "top" };

	return certstore_remove(store, names, 2, CERTSTORE_REMOVE_DRYRUN, NULL,
	    NULL, &err);
}

static int
props(struct certstore *store)
{
	struct certstore_props *list;
	const char *prop, *value;
	int rv;

	if ((list = certstore_props_read(store, "web", &err)) == NULL)
		return -1;
	while ((rv = certstore_props_next(list, &prop, &value, &err)) == 1)
		answers++;
	certstore_props_free(list);
	return rv;
}

/* Removed, distrusted and with a CRL. */
static int
change(struct certstore *store)
{
	const struct certstore_entry *entry;
	const char *name, *action, *text;
	struct certstore_trust *tr;
	size_t i;
	int rv = -1;

	tr = certstore_trust_new(store, NULL, CERTSTORE_TRUST_FORCE, &err);
	if (tr == NULL)
		return -1;
	if (certstore_trust_add(tr, "pem", anchor.p, anchor.len, &err) != -1 &&
	    certstore_trust_add(tr, "crl", crl.p, crl.len, &err) != -1 &&
	    certstore_trust_distrust_certs(tr, "pem", pem.p, pem.len, &err) !=
		-1)
		rv = certstore_trust_commit(tr, &err);
	for (i = 0;
	     rv != -1 && certstore_trust_result(tr, i, &name, &action, &text);
	     i++)
		;
	while (rv == 1 && certstore_trust_next(tr, &entry, &err) == 1)
		;
	certstore_trust_free(tr);
	return rv;
}

static void
droptrust(void)
{
	sh("rm -rf store/trust store/.trust@*");
}

/* An entry, against the anchors and CRLs of a set. */
static int
verifyset(struct certstore *store)
{
	const struct certstore_reason *reason;
	struct certstore_entry *entry;
	struct certstore_verify *v;
	size_t i;
	int rv = -1;

	if ((entry = certstore_entry_get(store, "web", &err)) == NULL)
		return -1;
	if ((v = certstore_verify_new(store, &err)) != NULL &&
	    certstore_verify_set_anchors(v, NULL, &err) == 0 &&
	    certstore_verify_set_profile(v, "server", &err) == 0 &&
	    certstore_verify_add_crl(v, "crl", crl.p, crl.len, &err) == 0)
		rv = certstore_verify_entry(v, entry, &err);
	for (i = 0; rv != -1 && certstore_verify_reason(v, i, &reason); i++)
		answers++;
	certstore_verify_free(v);
	certstore_entry_free(entry);
	return rv;
}

static int
parts(struct certstore *store)
{
	static const char *const names[] = { "text", "cert", "chain",
		"fullchain", "ca", "root", "pubkey", "tlsa" };
	struct certstore_entry *entry;
	char *data;
	size_t i, len;
	int rv = 0;

	if ((entry = certstore_entry_get(store, "web", &err)) == NULL)
		return -1;
	for (i = 0; i < sizeof(names) / sizeof(names[0]) && rv != -1; i++) {
		rv = certstore_entry_part(entry, names[i], &data, &len, &err);
		if (rv != -1) {
			answers += len;
			free(data);
		}
	}
	certstore_entry_free(entry);
	return rv;
}

static int
certs(struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_certs *list;
	int rv;

	(void)store;
	list = certstore_certs_read("pem", pem.p, pem.len, NULL, &err);
	if (list == NULL)
		return -1;
	while ((rv = certstore_certs_next(list, &entry, &err)) == 1)
		answers++;
	certstore_certs_free(list);
	return rv;
}

static int
createca(struct certstore *store)
{
	static const char *const options[] = { "-c", "-S CN=Sub",
		"-S O=Org, Inc", "-S C=DE", "-C pathlen=1",
		"-C permit=DNS:example.org", "-C exclude=IP:10.0.0.0/8",
		"-A ca", NULL };

	return createwith(store, "sub", options, CERTSTORE_CREATE_FORCE, NULL);
}

/* For calls. */
static int
createshaken(struct certstore *store)
{
	static const char *const options[] = { "-P shaken", "-s spc:818H",
		"-S CN=SHAKEN 818H", "-A ca", NULL };

	return createwith(store, "phone", options, CERTSTORE_CREATE_FORCE,
	    NULL);
}

/* Only if needed: it is not. */
static int
createneeded(struct certstore *store)
{
	return createwith(store, "web", web, CERTSTORE_CREATE_IFNEEDED, NULL);
}

static int
createrequest(struct certstore *store)
{
	static const char *const options[] = { "-s asked.example", NULL };
	char *text = NULL;
	int rv;

	rv = createwith(store, "asked", options,
	    CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE, &text);
	free(text);
	return rv;
}

/* What the CA answers to the request of "asked", in `given`. */
static void
makeanswer(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	static const char *const name = "asked";
	struct cs_buf b = { 0 };

	(void)certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
	    NULL, &err);
	if (createrequest(store) == -1)
		bail("%s", err.msg);
	readfile(path("store/certs/asked/request.csr"), &b);
	cs_buf_reset(&given);
	if (answerrequest(store, b.p, b.len, &given) == -1)
		bail("%s", err.msg);
	cs_buf_free(&b);
	certstore_close(store);
}

static int
importanswer(struct certstore *store)
{
	struct certstore_import *im;
	int rv = -1;

	if ((im = certstore_import_new(store, 0, &err)) == NULL)
		return -1;
	if (certstore_import_add(im, "pem", given.p, given.len, &err) == 0 &&
	    certstore_import_plan(im, &err) == 0)
		rv = certstore_import_commit(im, &err);
	certstore_import_free(im);
	return rv;
}

static int
fail1(struct certstore *store)
{
	const struct certstore_renewal *renewal;
	struct certstore_due *d;
	int rv = -1;

	if ((d = certstore_due_new(store, CERTSTORE_NOW, &err)) == NULL)
		return -1;
	if (certstore_due_add(d, "web", &err) == 0 &&
	    certstore_due_next(d, &renewal, &err) == 1)
		rv = certstore_due_failed(d, "web", "no", &err);
	certstore_due_free(d);
	return rv;
}

/* All of the store. */
static int
auditall(struct certstore *store)
{
	static const struct certstore_span within = { CERTSTORE_SPAN_FOR,
		86400L * 4000, 0, 0 };
	const struct certstore_finding *finding;
	struct certstore_audit *au;
	int rv = -1;

	if ((au = certstore_audit_new(store, CERTSTORE_NOW, &err)) == NULL)
		return -1;
	if (certstore_audit_set_within(au, &within, NULL, 0, &err) == 0)
		while ((rv = certstore_audit_next(au, &finding, &err)) == 1)
			answers++;
	certstore_audit_free(au);
	return rv;
}

static int
needed(struct certstore *store)
{
	static const struct certstore_span within = { CERTSTORE_SPAN_FOR,
		86400L * 10, 0, 0 };

	return certstore_audit_isneeded(store, &within, CERTSTORE_NOW, &err);
}

static int
ending(struct certstore *store)
{
	static const struct certstore_span within = { CERTSTORE_SPAN_FOR,
		86400L * 4000, 0, 0 };
	const struct certstore_entry *entry;
	struct certstore_list *li;
	int rv;

	li = certstore_list_ending(store, &within, CERTSTORE_NOW, &err);
	if (li == NULL)
		return -1;
	while ((rv = certstore_list_next(li, &entry, &err)) == 1)
		answers++;
	certstore_list_free(li);
	return rv;
}

static int
told(struct certstore *store)
{
	const char *name, *user;
	struct certstore_told *t;
	size_t hosts;
	int rv;

	if ((t = certstore_told_new(store, &err)) == NULL)
		return -1;
	while ((rv = certstore_told_next(t, &name, &user, &hosts)) == 1)
		answers++;
	certstore_told_free(t);
	return rv;
}

static int failedrepairs;

static void
countfailed(void *arg, const char *name, const struct certstore_error *why)
{
	(void)arg;
	(void)name;
	failedrepairs++;
	if (err.msg[0] == '\0')
		err = *why;
}

static int
repair(struct certstore *store)
{
	struct certstore_repair *r;
	int rv;

	failedrepairs = 0;
	if ((r = certstore_repair_new(store, &err)) == NULL)
		return -1;
	certstore_repair_set_force(r);
	rv = certstore_repair_run(r, NULL, countfailed, NULL, &err);
	certstore_repair_free(r);
	return rv;
}

static int
lookrepair(struct certstore *store)
{
	struct certstore_repair *r;
	int rv;

	if ((r = certstore_repair_new(store, &err)) == NULL)
		return -1;
	certstore_repair_set_dryrun(r);
	rv = certstore_repair_run(r, NULL, countfailed, NULL, &err);
	certstore_repair_free(r);
	return rv;
}

static void
breakcopy(void)
{
	sh("rm -rf store; cp -a copied store");
}

static void
breakall(void)
{
	sh("rm -rf store; cp -a broken store; : >store/.lock");
}

static void
mendall(void)
{
	sh("rm -rf store; cp -a whole store; : >store/.lock");
}

/* The store as it is; without its links; and with leftovers of all kinds. */
static void
savestores(void)
{
	sh("cp -a store whole; cp -rL store copied 2>/dev/null; cp -a store broken");
	sh("cd broken; cp -a certs/web/ certs/.web@97; rm certs/made"
	   " combined/web.pem; ln -s ../certs/gone/combined.pem combined/gone.pem;"
	   " ln -s ../../certs/gone index/host/gone.example;"
	   " ln -s ../../certs/web index/host/never.example;"
	   " rm -f index/host/web.example; mkdir -p renewal lost"
	   " deployed/0123456789ab acme/orders/gone;"
	   " echo failed 1 >renewal/gone; echo x >lost/.x@new;"
	   " echo status valid >acme/orders/gone/state");
	sh("cd broken; chmod 644 certs/web/privkey.pem"
	   " acme/accounts/acct/key.pem; chmod 666 certs/web/fullchain.pem"
	   " profiles/vpn; rm certs/one.example/ca.pem;"
	   " echo >>certs/two/fullchain.pem; rm certs/phone/info;"
	   " touch -d '2 years ago' deployed/0123456789ab;"
	   " find trust/ -type l -delete; rm -f crl/*.r*; : >.x@new;"
	   " mkdir default; cp certs/web/info default; rm trusts/set;"
	   " echo note=x >>certs/web/props");
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
	if ((store = certstore_open("store", flags, &err)) == NULL)
		return -1;
	certstore_set_warn(store, countwarning, NULL);
	rv = call(store);
	certstore_close(store);
	return rv;
}

static int
isbroken(const struct sweep *s)
{
	return s->prepare == breakall || s->prepare == breakcopy;
}

/* The same with nothing that fails. */
static int
succeeds(const struct sweep *s)
{
	if (s->prepare != NULL)
		s->prepare();
	return called(s->call, s->flags) != -1;
}

/* Notes the ways to the allocations or system calls of a sweep. */
static void
noteways(const struct sweep *s, enum owner owner)
{
	nways = count[owner] = 0;
	noting = owner;
	(void)succeeds(s);
	noting = OWNERS;
}

/* Which one fails after the n-th; 0: none. */
static size_t
nextfault(size_t n, size_t step)
{
	if (nways > 0)
		return nextway(n);
	return n + (n < FIRST ? 1 : step);
}

/* Fails each allocation or system call, or of many the first and some others. */
static void
starve(const struct sweep *s, enum owner owner)
{
	static const char *const what[] = { "allocations",
		"allocations of libcrypto", "system calls" };
	size_t n, wrong = 0, mute = 0, leaks = 0, dirty = 0, harmed = 0;
	size_t hidden = 0, last = 0, step = s->step[owner], right;
	const char *faults = getenv("FAULTS");
	long before;
	int rv;

	if (faults != NULL)
		step = owner == CRYPTO ? (step + 7) / 8 : 1;
	else if (getenv("CERTSTORE_SANITIZE") != NULL)
		step *= 4; /* four times as slow */
	mendall();
	if (!succeeds(s) || !succeeds(s)) {
		ok(0, "%s: %s", s->name, err.msg);
		return;
	}
	right = answers;
	nways = 0;
	if (faults != NULL && strcmp(faults, "ways") == 0)
		noteways(s, owner);
	for (n = 1; n != 0; n = nextfault(n, step)) {
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
			printf(
			    "# %s %d %zu: %d %s, live %ld, queue %s, answers %zu of %zu\n",
			    s->name, owner, n, rv, err.msg,
			    live[owner] - before,
			    ERR_error_string(ERR_peek_error(), NULL), answers,
			    right);
		if (rv == -1 && err.msg[0] == '\0')
			mute++;
		if (rv == -1 && owner == OURS && warnings == 0 &&
		    strstr(err.msg, "memory") == NULL)
			wrong++;
		if (rv != -1 && answers < right && warnings == 0 &&
		    owner != CRYPTO)
			wrong++;
		if (rv != -1)
			hidden++;
		if (owner == OURS && live[owner] != before)
			leaks++;
		if (ERR_peek_error() != 0) {
			dirty++;
			ERR_clear_error();
		}
		if (isbroken(s) ? called(s->call, s->flags) == -1 :
				  called(list, 0) == -1)
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
	is_int((long long)harmed, 0, "%s: then the store can be used", s->name);
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
	static int (*const fill[])(struct certstore *) = { create, createmany,
		publish, revokecerts, create, create, newaccount, order, trust,
		setprops, deploy, createca, createshaken, createbelow };
	static const char *const ca[] = { "-c", "-S CN=CA", NULL };
	static const char *const away[] = { "-s away.example", "-S O=Away",
		NULL };
	struct certstore *store;
	size_t i;

	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	if (createwith(store, "ca", ca, 0, NULL) == -1 ||
	    createwith(store, "web", web, 0, NULL) == -1 ||
	    createwith(store, "away", away, CERTSTORE_CREATE_REQUEST, &csr) ==
		-1)
		bail("%s", err.msg);
	sh("mkdir store/profiles; printf '%s\\n' '-t p384' '-S O=x' '-S OU=b' "
	   "'-s a.example' 'purpose 1.2.3 clientAuth' 'extension 1.2.3=0500' "
	   "'-P server' >store/profiles/vpn");
	readpart(store, "web", CERTSTORE_COMBINED, &pem);
	readpart(store, "ca", CERTSTORE_FULLCHAIN, &anchor);
	for (i = 0; i < sizeof(fill) / sizeof(fill[0]); i++)
		if (fill[i](store) == -1)
			bail("%zu: %s", i, err.msg);
	readfile(path("store/crl/ca.pem"), &crl);
	if (change(store) == -1)
		bail("%s", err.msg);
	certstore_close(store);
	savestores();
}

int
main(int argc, char *argv[])
{
	static const struct sweep t[] = {
		{ "list", list, 0, { 1, 0, 1 }, NULL },
		{ "match", match, 0, { 1, 0, 1 }, NULL },
		{ "set", setprops, CERTSTORE_OPEN_WRITE, { 1, 0, 1 }, NULL },
		{ "create", create, CERTSTORE_OPEN_WRITE, { 1, 197, 3 }, NULL },
		{ "create many", createmany, CERTSTORE_OPEN_WRITE,
		    { 1, 397, 7 }, NULL },
		{ "sign", sign, CERTSTORE_OPEN_WRITE, { 1, 197, 1 }, NULL },
		{ "profile", profile, 0, { 1, 1, 1 }, NULL },
		{ "import", import, CERTSTORE_OPEN_WRITE, { 1, 67, 1 }, NULL },
		{ "renew", renew, CERTSTORE_OPEN_WRITE, { 3, 397, 7 }, NULL },
		{ "revert", revert, CERTSTORE_OPEN_WRITE, { 1, 0, 1 }, NULL },
		{ "trust", trust, CERTSTORE_OPEN_WRITE, { 1, 29, 1 }, NULL },
		{ "verify", verify, 0, { 1, 0, 1 }, NULL },
		{ "verify a chain", verifychain, 0, { 0, 67, 0 }, NULL },
		{ "audit", audit, 0, { 1, 97, 1 }, NULL },
		{ "due", due, 0, { 1, 0, 1 }, NULL },
		{ "deploy", deploy, CERTSTORE_OPEN_WRITE, { 1, 0, 1 }, NULL },
		{ "told", told, 0, { 1, 0, 1 }, NULL },
		{ "account", newaccount, CERTSTORE_OPEN_WRITE, { 17, 197, 37 },
		    dropaccounts },
		{ "accounts", countaccounts, 0, { 1, 0, 1 }, NULL },
		{ "use account", useaccount, CERTSTORE_OPEN_WRITE, { 7, 67, 7 },
		    dropkey },
		{ "roll account", rollaccount, CERTSTORE_OPEN_WRITE,
		    { 7, 67, 7 }, dropkey },
		{ "order", order, CERTSTORE_OPEN_WRITE, { 67, 997, 67 },
		    dropordered },
		{ "abandon", abandon, CERTSTORE_OPEN_WRITE, { 37, 997, 37 },
		    NULL },
		{ "publish", publish, CERTSTORE_OPEN_WRITE, { 29, 4997, 197 },
		    mendall },
		{ "revoke", revokecerts, CERTSTORE_OPEN_WRITE,
		    { 197, 4997, 197 }, mendall },
		{ "crls", crls, 0, { 1, 0, 1 }, NULL },
		{ "issued", issued, 0, { 3, 0, 3 }, NULL },
		{ "export", export, CERTSTORE_OPEN_WRITE, { 37, 0, 37 }, NULL },
		{ "remove", removemade, CERTSTORE_OPEN_WRITE, { 37, 0, 97 },
		    mendall },
		{ "may be removed", mayremove, CERTSTORE_OPEN_WRITE,
		    { 1, 0, 3 }, NULL },
		{ "properties", props, 0, { 1, 0, 1 }, NULL },
		{ "change trust", change, CERTSTORE_OPEN_WRITE, { 37, 997, 37 },
		    droptrust },
		{ "verify with a set", verifyset, 0, { 1, 67, 1 }, NULL },
		{ "parts", parts, 0, { 3, 397, 3 }, NULL },
		{ "certificates", certs, 0, { 1, 39, 0 }, NULL },
		{ "create a CA", createca, CERTSTORE_OPEN_WRITE, { 7, 97, 7 },
		    NULL },
		{ "create for calls", createshaken, CERTSTORE_OPEN_WRITE,
		    { 7, 97, 7 }, NULL },
		{ "create if needed", createneeded, CERTSTORE_OPEN_WRITE,
		    { 1, 67, 1 }, NULL },
		{ "request", createrequest, CERTSTORE_OPEN_WRITE, { 7, 67, 7 },
		    NULL },
		{ "import an answer", importanswer, CERTSTORE_OPEN_WRITE,
		    { 97, 4997, 97 }, makeanswer },
		{ "fail to renew", fail1, CERTSTORE_OPEN_WRITE, { 1, 0, 1 },
		    NULL },
		{ "ending", ending, 0, { 1, 0, 1 }, NULL },
		{ "needed", needed, 0, { 1, 0, 1 }, NULL },
		{ "audit all", auditall, 0, { 197, 4997, 497 }, mendall },
		{ "audit what is broken", auditall, 0, { 497, 0, 997 },
		    breakall },
		{ "repair", repair, CERTSTORE_OPEN_WRITE, { 497, 0, 997 },
		    breakall },
		{ "look what to repair", lookrepair, CERTSTORE_OPEN_WRITE,
		    { 497, 0, 997 }, breakall },
		{ "repair a copy", repair, CERTSTORE_OPEN_WRITE,
		    { 497, 0, 997 }, breakcopy }
	};
	enum owner owner;
	size_t i;

	if (CRYPTO_set_mem_functions(cryptomalloc, cryptorealloc, cryptofree) !=
	    1)
		bail("libcrypto keeps its own malloc");
	makescratch();
	if (chdir(root) == -1)
		bail("chdir");
	makestore();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (owner = OURS; owner < OWNERS; owner++)
			if (t[i].step[owner] != 0 &&
			    (argc < 2 || strcmp(argv[1], t[i].name) == 0))
				starve(&t[i], owner);
	}
	cs_buf_free(&pem);
	cs_buf_free(&anchor);
	cs_buf_free(&crl);
	cs_buf_free(&given);
	free(csr);
	removescratch();
	return tap_done();
}
