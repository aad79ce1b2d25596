/*
 * test-misuse.c: calls that no command makes, and entries that lost a file: each
 * is refused, and the message says why.
 */
#include <string.h>

#include "input.h"
#include "tap.h"
#include "scratch.h"

static struct certstore *store;

static void
refused(int rv, enum certstore_code code, const char *says)
{
	if (!ok(rv == -1 && err.code == code && strstr(err.msg, says) != NULL,
		"refused: %s", says))
		printf("# rv %d code %d: %s\n", rv, err.code, err.msg);
	cs_error_clear(&err);
}

static struct certstore_template *
newtemplate(void)
{
	struct certstore_template *t;

	if ((t = certstore_template_new(&err)) == NULL)
		bail("%s", err.msg);
	return t;
}

/* Makes an entry with a host, or a request for one. */
static void
makeentry(const char *name, int flags)
{
	struct certstore_template *t = newtemplate();
	char *csr = NULL;

	if (certstore_template_add_san(t, "a.example", &err) == -1 ||
	    certstore_create(store, name, t, flags,
		(flags & CERTSTORE_CREATE_REQUEST) != 0 ? &csr : NULL,
		&err) == -1)
		bail("%s: %s", name, err.msg);
	free(csr);
	certstore_template_free(t);
}

static void
test_accounts(void)
{
	struct certstore_account *a;
	char value[1900];
	int i, rv = 0;

	a = certstore_account_new(store, "acct", "https://ca.example/dir",
	    &err);
	if (a == NULL)
		bail("%s", err.msg);
	refused(certstore_account_set(a, "contact", CERTSTORE_SET_ADD, "",
		    &err),
	    CERTSTORE_EARGUMENT, "the value is empty");
	for (i = 0; rv == 0 && i < 50; i++) {
		memset(value, 'a' + i % 26, sizeof(value));
		snprintf(value, sizeof(value), "mailto:%d", i);
		value[strlen(value)] = 'x';
		memcpy(value + sizeof(value) - 12, "@example.org", 12);
		value[sizeof(value) - 1] = '\0';
		rv = certstore_account_set(a, "contact", CERTSTORE_SET_ADD,
		    value, &err);
	}
	refused(rv == 0 ? certstore_account_save(a, &err) : 0,
	    CERTSTORE_EARGUMENT, "too many values");
	certstore_account_free(a);
}

static void
test_orders(void)
{
	struct certstore_template *t = newtemplate();
	struct certstore_set *set;
	struct certstore_order *o;

	if ((o = certstore_order_open(store, "ordered", &err)) == NULL)
		bail("%s", err.msg);
	refused(certstore_order_setup(o, "", &err), CERTSTORE_EARGUMENT,
	    "a set-up without a text");
	refused(certstore_order_set(o, "ari-next", "1", &err),
	    CERTSTORE_EREFUSED, "has no certificate");
	refused(certstore_order_finish(o, "", 0, 0, &err), CERTSTORE_EREFUSED,
	    "no request of an ACME order waits");
	refused(certstore_order_request(o, t, NULL, CERTSTORE_ORDER_KEEP, &err),
	    CERTSTORE_EARGUMENT, "use one");
	refused(certstore_order_request(o, t, NULL, 0, &err),
	    CERTSTORE_EARGUMENT, "no name to order a certificate for");
	if ((set = certstore_set_new(store, 0, &err)) == NULL ||
	    certstore_set_change(set, "default", CERTSTORE_SET_REPLACE, "yes",
		&err) == -1 ||
	    certstore_template_add_san(t, "o.example", &err) == -1)
		bail("%s", err.msg);
	refused(certstore_order_request(o, t, set, 0, &err),
	    CERTSTORE_EARGUMENT, "cannot be set with an order");
	refused(certstore_set_add(set, "../x", &err), CERTSTORE_EARGUMENT,
	    "../x");
	refused(certstore_set_commit(set, &err), CERTSTORE_EARGUMENT, "../x");
	refused(certstore_order_request(o, t, set, 0, &err),
	    CERTSTORE_EARGUMENT, "../x");
	if (certstore_template_add_san(t, "email:a@example.org", &err) == -1)
		bail("%s", err.msg);
	refused(certstore_order_request(o, t, NULL, 0, &err),
	    CERTSTORE_EARGUMENT, "for host names and addresses");
	certstore_set_free(set);
	certstore_order_close(o);
	certstore_template_free(t);
	makeentry("waiting", CERTSTORE_CREATE_REQUEST);
	if ((o = certstore_order_open(store, "waiting", &err)) == NULL)
		bail("%s", err.msg);
	refused(certstore_order_request(o, NULL, NULL, CERTSTORE_ORDER_KEEP,
		    &err),
	    CERTSTORE_EREFUSED, "has no certificate");
	certstore_order_close(o);
}

static void
test_exports(void)
{
	char longer[1200];
	void *der;
	size_t len;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	makeentry("web", 0);
	refused(certstore_export(store, "web", CERTSTORE_EXPORT_MODERN, 0, "",
		    NULL, &der, &len, &err),
	    CERTSTORE_EARGUMENT, "is empty");
	refused(certstore_export(store, "web", CERTSTORE_EXPORT_MODERN, 0,
		    longer, NULL, &der, &len, &err),
	    CERTSTORE_EARGUMENT, "longer than");
	refused(certstore_export(store, "web", (enum certstore_export_form)7, 0,
		    "secret", NULL, &der, &len, &err),
	    CERTSTORE_EARGUMENT, "unknown form 7");
}

static void
test_templates(void)
{
	static const char digits[] = "permit=IP:1111111111111111111111111111111"
				     "111111111111111111111111111111111111111";
	struct certstore_template *t = newtemplate();
	struct cs_buf key = { 0 };
	char longer[1200];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	refused(certstore_template_set_encrypt(t, longer, &err),
	    CERTSTORE_EARGUMENT, "longer than");
	certstore_template_free(t);
	t = newtemplate();
	refused(certstore_template_add_constraint(t, digits, &err),
	    CERTSTORE_EARGUMENT, "");
	certstore_template_free(t);
	t = newtemplate();
	ok(certstore_sign_new(store, t, 0, &err) == NULL,
	    "a request is not signed without a CA");
	refused(-1, CERTSTORE_EARGUMENT, "is signed by a CA");
	readfile(path("store/certs/web/privkey.pem"), &key);
	if (certstore_template_set_key(t, "key", key.p, key.len, &err) == -1)
		bail("%s", err.msg);
	ok(certstore_batch_new(store, t, 0, &err) == NULL,
	    "one key is not for many");
	refused(-1, CERTSTORE_EARGUMENT, "one key is not for many");
	certstore_template_free(t);
	cs_buf_free(&key);
}

static void
test_due(void)
{
	struct certstore_due *due;

	if ((due = certstore_due_new(store, CERTSTORE_NOW, &err)) == NULL)
		bail("%s", err.msg);
	refused(certstore_due_failed(due, "nobody", "why", &err),
	    CERTSTORE_EARGUMENT, "was not returned");
	certstore_due_free(due);
}

static int
renewed(const char *name)
{
	return certstore_renew(store, name, NULL, NULL, CERTSTORE_RENEW_FORCE,
	    NULL, NULL, &err);
}

/* What was removed by hand. */
static void
test_missing(void)
{
	static const char *const gone = "gone";
	struct certstore_import *im = NULL;
	struct certstore_template *t;
	struct cs_buf pem = { 0 };

	makeentry("self", 0);
	sh("rm store/certs/self/fullchain.pem");
	refused(renewed("self"), CERTSTORE_EDAMAGED, "fullchain.pem");
	/* a CA without its key */
	t = newtemplate();
	if (certstore_template_set_ca(t, &err) == -1 ||
	    certstore_template_add_subject(t, "CN=Gone", &err) == -1 ||
	    certstore_create(store, gone, t, 0, NULL, &err) == -1)
		bail("%s", err.msg);
	certstore_template_free(t);
	readfile(path("store/certs/gone/fullchain.pem"), &pem);
	if (certstore_remove(store, &gone, 1, CERTSTORE_REMOVE_FORCE, NULL,
		NULL, &err) == -1 ||
	    (im = certstore_import_new(store, 0, &err)) == NULL ||
	    certstore_import_set_name(im, "keyless", &err) == -1 ||
	    certstore_import_add(im, "pem", pem.p, pem.len, &err) == -1 ||
	    certstore_import_plan(im, &err) == -1 ||
	    certstore_import_commit(im, &err) == -1)
		bail("%s", err.msg);
	refused(renewed("keyless"), CERTSTORE_EREFUSED,
	    "its private key is not in the store");
	certstore_import_free(im);
	cs_buf_free(&pem);
}

/* As free(3) takes it. */
static void
test_null(void)
{
	certstore_account_free(NULL);
	certstore_accounts_free(NULL);
	certstore_audit_free(NULL);
	certstore_batch_free(NULL);
	certstore_certs_free(NULL);
	certstore_close(NULL);
	certstore_crls_free(NULL);
	certstore_deploy_free(NULL);
	certstore_due_free(NULL);
	certstore_entry_free(NULL);
	certstore_import_free(NULL);
	certstore_issued_free(NULL);
	certstore_list_free(NULL);
	certstore_match_free(NULL);
	certstore_order_close(NULL);
	certstore_props_free(NULL);
	certstore_repair_free(NULL);
	certstore_revoke_free(NULL);
	certstore_set_free(NULL);
	certstore_sign_free(NULL);
	certstore_template_free(NULL);
	certstore_told_free(NULL);
	certstore_trust_free(NULL);
	certstore_trustsets_free(NULL);
	certstore_verify_free(NULL);
	ok(1, "nothing is freed");
}

int
main(void)
{
	makescratch();
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	test_accounts();
	test_orders();
	test_exports();
	test_templates();
	test_due();
	test_missing();
	test_null();
	certstore_close(store);
	removescratch();
	return tap_done();
}
