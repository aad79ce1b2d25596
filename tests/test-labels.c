/*
 * test-labels.c: names of files, stores and questions with control characters:
 * errors, warnings and reasons have them escaped.
 */
#include <stdio.h>
#include <string.h>

#include "input.h"
#include "scratch.h"

#define EVIL "e\033[31mv\nil\x9b\377\342\200\256\\"

static int said; /* how many messages had something of EVIL */

/* No control byte, well-formed UTF-8, nothing unseen. */
static int
isclean(const char *s)
{
	char out[4096];
	size_t len = 0, run;

	for (; *s != '\0'; s += run) {
		if ((run = strcspn(s, "\\")) == 0) {
			out[len++] = '\\';
			run = 1;
			continue;
		}
		if (certstore_escape(out + len, sizeof(out) - len, s, run) !=
			run ||
		    memcmp(out + len, s, run) != 0)
			return 0;
		len += run;
	}
	return 1;
}

static void
check(const char *what, const char *msg)
{
	said += strstr(msg, "\\033[31m") != NULL;
	if (!isclean(msg) || strlen(msg) >= sizeof(err.msg))
		ok(0, "%s: %s", what, msg);
}

static void
warn(void *arg, const char *msg)
{
	check(arg, msg);
}

/* What a call that may fail says. */
#define SAYS(call) \
	do { \
		cs_error_clear(&err); \
		(void)(call); \
		check(#call, err.msg); \
	} while (0)

static int
ask(void *arg, const char *what, char *buf, size_t size)
{
	check("a question for a passphrase", what);
	return arg == NULL ? -1 : snprintf(buf, size, "wrong");
}

static void
testimport(struct certstore *store, const char *data, size_t len)
{
	struct certstore_passphrase pass = { ask, NULL };
	const struct certstore_entry *entry;
	struct certstore_import *im;

	im = certstore_import_new(store, 0, &err);
	SAYS(certstore_import_set_name(im, EVIL, &err));
	SAYS(certstore_import_set_passphrase(im, &pass, &err));
	SAYS(certstore_import_add(im, EVIL, data, len, &err));
	SAYS(certstore_import_set_key(im, EVIL, data, len, &err));
	SAYS(certstore_import_plan(im, &err));
	while (certstore_import_next(im, &entry, &err) == 1)
		check("action", certstore_entry_how(entry));
	SAYS(certstore_import_commit(im, &err));
	certstore_import_free(im);
}

static void
testtemplate(struct certstore *store, const char *data, size_t len)
{
	struct certstore_template *t;

	t = certstore_template_new(&err);
	SAYS(certstore_template_set_key(t, EVIL, data, len, &err));
	SAYS(certstore_template_set_issuer(t, EVIL, &err));
	SAYS(certstore_template_set_type(t, EVIL, &err));
	SAYS(certstore_template_set_profile(t, EVIL, &err));
	SAYS(certstore_template_set_encrypt(t, EVIL, &err));
	SAYS(certstore_template_add_san(t, EVIL, &err));
	SAYS(certstore_template_add_san(t, "email:" EVIL "@a", &err));
	SAYS(certstore_template_add_subject(t, EVIL, &err));
	SAYS(certstore_template_add_constraint(t, EVIL, &err));
	SAYS(certstore_create(store, EVIL, t, 0, NULL, &err));
	certstore_template_free(t);
}

static void
testtrust(struct certstore *store, const char *data, size_t len)
{
	const char *name, *action, *text;
	struct certstore_trust *t;
	size_t i;

	t = certstore_trust_new(store, NULL, 0, &err);
	SAYS(certstore_trust_add(t, EVIL, data, len, &err));
	SAYS(certstore_trust_reset(t, EVIL, data, len, &err));
	SAYS(certstore_trust_distrust_certs(t, EVIL, data, len, &err));
	SAYS(certstore_trust_remove(t, EVIL, &err));
	SAYS(certstore_trust_distrust(t, EVIL, &err));
	SAYS(certstore_trust_has(t, EVIL, &err));
	SAYS(certstore_trust_commit(t, &err));
	for (i = 0; certstore_trust_result(t, i, &name, &action, &text) == 1;
	     i++)
		check("result", text == NULL ? "" : text);
	certstore_trust_free(t);
}

static void
testverify(struct certstore *store, const char *data, size_t len)
{
	const struct certstore_reason *reason;
	struct certstore_verify *v;
	size_t i;

	v = certstore_verify_new(store, &err);
	SAYS(certstore_verify_set_anchors(v, EVIL, &err));
	certstore_verify_free(v);
	v = certstore_verify_new(store, &err);
	SAYS(certstore_verify_set_profile(v, EVIL, &err));
	SAYS(certstore_verify_set_host(v, EVIL, &err));
	SAYS(certstore_verify_add_anchors(v, EVIL, data, len, &err));
	SAYS(certstore_verify_add_crl(v, EVIL, data, len, &err));
	certstore_verify_free(v);
	v = certstore_verify_new(store, &err);
	SAYS(certstore_verify_certs(v, EVIL, data, len, NULL, &err));
	for (i = 0; certstore_verify_reason(v, i, &reason) == 1; i++)
		check("reason", reason->text);
	certstore_verify_free(v);
}

static void
testdata(struct certstore *store, const char *data, size_t len)
{
	struct certstore_passphrase pass = { ask, &pass };
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	int i;

	testimport(store, data, len);
	testtemplate(store, data, len);
	testtrust(store, data, len);
	testverify(store, data, len);
	certstore_entry_free(certstore_key_read(EVIL, data, len, &pass, &err));
	check("certstore_key_read", err.msg);
	certs = certstore_certs_read(EVIL, data, len, &pass, &err);
	check("certstore_certs_read", err.msg);
	for (i = 0; certs != NULL && i < 9; i++)
		SAYS(certstore_certs_next(certs, &entry, &err));
	certstore_certs_free(certs);
}

static void
testquestions(struct certstore *store)
{
	const char *const evil = EVIL;
	struct certstore_match *match;
	struct certstore_span span;
	int64_t when;

	SAYS(certstore_open(EVIL, 0, &err));
	SAYS(certstore_open("/dev/null/" EVIL, CERTSTORE_OPEN_CREATE, &err));
	SAYS(certstore_entry_get(store, EVIL, &err));
	SAYS(certstore_remove(store, &evil, 1, 0, NULL, NULL, &err));
	SAYS(certstore_kinds_check(EVIL, &err));
	SAYS(certstore_span_parse(EVIL, &span, &err));
	SAYS(certstore_time_parse(EVIL, &when, &err));
	SAYS(certstore_match_new(store, 0, EVIL, 0, &err));
	match = certstore_match_new(store, 0, NULL, 0, &err);
	SAYS(certstore_match_ask(match, EVIL, &err));
	SAYS(certstore_match_ask(match, "uri:" EVIL, &err));
	SAYS(certstore_match_ask(match, "a@" EVIL, &err));
	SAYS(certstore_match_ask(match, "sha256:" EVIL, &err));
	certstore_match_free(match);
}

/* A store at such a path, and one without anything it should have. */
static void
teststore(void)
{
	static char warned[] = "a warning";
	struct certstore_error ignored;
	struct certstore *store;
	struct certstore_list *list;
	const struct certstore_entry *entry;

	store = certstore_open(path("%s", EVIL), CERTSTORE_OPEN_CREATE, &err);
	if (store == NULL)
		bail("%s", err.msg);
	certstore_set_warn(store, warn, warned);
	ok(put(store, "a", 0, "cert", "san dns a.example.com\n") == 0, "made");
	sh("chmod 777 e*");
	ok(put(store, "b", 0, "cert", "") == -1, "refused");
	check("others can write it", err.msg);
	sh("chmod 755 e*; cd e*; echo x >>certs/a/fullchain.pem");
	SAYS(certstore_entry_get(store, "a", &err));
	testquestions(store);
	sh("cd e*/certs/a; rm info; mkdir info");
	list = certstore_list_new(store, &ignored);
	SAYS(certstore_list_next(list, &entry, &err));
	certstore_list_free(list);
	certstore_close(store);
	sh("rm -r e*; touch e");
	SAYS(certstore_open(path("e/%s", EVIL), 0, &err));
}

int
main(void)
{
	static const char *const files[] = { KEYS "p256.pem", KEYS "pbes2.pem",
		KEYS "dek-des.pem", DATA "../hostile/controls.pem",
		DATA "../hostile/nulltail.pem", DATA "../hostile/dupext.pem",
		DATA "../vodia-localhost.pem" };
	static char warned[] = "a warning";
	struct certstore *store;
	struct cs_buf buf = { 0 };
	size_t i;

	makescratch();
	store = opened(CERTSTORE_OPEN_CREATE);
	certstore_set_warn(store, warn, warned);
	testdata(store, "", 0);
	testdata(store, "\0", 1);
	testdata(store, "-----BEGIN CERTIFICATE-----\n", 28);
	testdata(store, "\x30\x80", 2);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		readfile(files[i], &buf);
		testdata(store, buf.p, buf.len);
		testdata(store, buf.p, buf.len - 70);
	}
	cs_buf_free(&buf);
	testquestions(store);
	certstore_close(store);
	teststore();
	ok(said > 100, "%d messages name what was given, escaped", said);
	removescratch();
	return tap_done();
}
