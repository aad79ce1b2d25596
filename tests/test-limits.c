/*
 * test-limits.c: issuing and verification agree: random constraints of CAs, of
 * which one issued the other, with random names: a certificate that is issued
 * is good, and one that is refused would be bad.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "x509/private.h"
#include "issue/private.h"
#include "tap.h"

#define CASES 200

static struct certstore_error err;
static EVP_PKEY *keys[3]; /* root, CA below it, end-entity */
static uint32_t seed;

static uint32_t
any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

static const char *const limits[] = { "example.com", "www.example.com",
	"foo.example.com", "FOO.Example.Com", "b.foo.example.com", "com",
	"example.org", "example", "dns:10.0.0.1.example.com", "10.0.0.0/8",
	"10.1.0.0/16", "192.0.2.1", "192.0.2.128/25", "0.0.0.0/0",
	"2001:db8::/32", "2001:db8::1/128", "::/0", "::ffff:0:0/96",
	"email:example.com", "email:.example.com", "email:EXAMPLE.com",
	"sip@example.com", "email:org", "uri:example.com", "uri:.example.com",
	"uri:www.example.com", "uri:org" };
#define NLIMITS (sizeof(limits) / sizeof(limits[0]))

static const char *const sans[] = { "example.com", "www.example.com",
	"WWW.EXAMPLE.COM", "*.example.com", "foo.example.com",
	"*.foo.example.com", "b.foo.example.com", "a.b.foo.example.com",
	"*.b.foo.example.com", "example.com.", "badexample.com", "example.org",
	"*.example.org", "localhost", "host", "10.1.2.3", "10.2.3.4",
	"192.0.2.1", "192.0.2.129", "2001:db8::1", "2001:db8::2", "2001:db9::1",
	"::ffff:10.0.0.1", "sip@example.com", "SIP@example.com",
	"me@www.example.com", "me@example.org", "email:me@EXAMPLE.COM",
	"email:\"a b\"@example.com", "https://example.com/",
	"https://www.example.com:8443/a/b", "https://a.www.example.com",
	"https://example.com:443", "https://user@example.com/",
	"https://192.0.2.1/", "https://[2001:db8::1]/", "https://example.com./",
	"https://example.org?www.example.com", "sip:alice@example.com",
	"urn:example:com", "https://EXAMPLE.com#a:b" };
#define NSANS (sizeof(sans) / sizeof(sans[0]))

static const char *const subjects[] = { "CN=example.com", "CN=foo.example.com",
	"CN=www.example.org", "CN=Joe", "CN=10.1.2.3", "CN=*.example.com",
	"emailAddress=me@example.org", "emailAddress=sip@example.com",
	"O=Example" };
#define NSUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static const char *const profiles[] = { "server", "client", "peer", "mail" };

/* What was asked for, for the message of a case that fails. */
static char said[1024];

static void
say(const char *what, const char *value)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, " %s%s", what, value);
}

static struct certstore_template *
newtemplate(void)
{
	struct certstore_template *t = certstore_template_new(&err);

	if (t == NULL)
		bail("%s", err.msg);
	return t;
}

/* A CA with or without the constraints of its twin. */
struct ca {
	X509 *x509, *twin;
};

static X509 *
issue(const char *name, const struct certstore_template *t, EVP_PKEY *pkey,
    EVP_PKEY *signer, X509 *ca, X509 *above)
{
	char issuer[] = "issuer";
	struct cs_issuer is = { .complete = 1, .ends = INT64_MAX };
	struct certstore_template full;
	struct cs_san own = { 0 };
	X509 *x509 = NULL;

	if (cs_template_resolve(&full, &own, t, name, &err) == -1)
		return NULL;
	is.entry.info.name = issuer;
	is.certs = sk_X509_new_null();
	is.pkey = signer;
	if (ca != NULL) {
		is.ends = cs_cert_ends(ca);
		sk_X509_push(is.certs, ca);
	}
	if (above != NULL)
		sk_X509_push(is.certs, above);
	x509 = cs_issue_cert(NULL, name, &full, pkey, ca == NULL ? NULL : &is,
	    &err);
	sk_X509_free(is.certs);
	free(own.value);
	return x509;
}

static void
constrain(struct certstore_template *t)
{
	char text[100];
	uint32_t i, n = any(4);

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s=%s",
		    any(2) == 0 ? "permit" : "exclude", limits[any(NLIMITS)]);
		if (certstore_template_add_constraint(t, text, &err) == -1)
			bail("%s: %s", text, err.msg);
		say("", text);
	}
	if (any(4) == 0) {
		snprintf(text, sizeof(text), "pathlen=%u", any(2));
		certstore_template_add_constraint(t, text, &err);
		say("", text);
	}
}

static void
naming(struct certstore_template *t)
{
	uint32_t i, n = 1 + any(3);
	const char *text;

	for (i = 0; i < n; i++) {
		text = sans[any(NSANS)];
		if (certstore_template_add_san(t, text, &err) == 0)
			say("-s ", text);
		else
			cs_error_clear(&err);
	}
	if (any(3) > 0)
		return;
	text = subjects[any(NSUBJECTS)];
	if (certstore_template_add_subject(t, text, &err) == -1)
		bail("%s: %s", text, err.msg);
	say("-S ", text);
}

static void
encode(struct cs_buf *b, X509 *x509)
{
	if (x509 != NULL && cs_cert_encode(b, x509, &err) == -1)
		bail("%s", err.msg);
}

static char why[400];

static int
verify(X509 *x509, X509 *ca, X509 *root, const char *profile)
{
	struct cs_buf anchors = { 0 }, chain = { 0 };
	struct certstore_verify *v = certstore_verify_new(NULL, &err);
	const struct certstore_reason *r;
	size_t i;
	int rv;

	encode(&anchors, root);
	encode(&chain, x509);
	encode(&chain, ca);
	if (certstore_verify_set_profile(v, profile, &err) == -1 ||
	    certstore_verify_add_anchors(v, "anchors", anchors.p, anchors.len,
		&err) == -1)
		bail("%s", err.msg);
	rv = certstore_verify_certs(v, "chain", chain.p, chain.len, NULL, &err);
	why[0] = '\0';
	for (i = 0; certstore_verify_reason(v, i, &r) == 1; i++)
		if (!r->warning)
			snprintf(why + strlen(why), sizeof(why) - strlen(why),
			    "%s: %s; ", r->code, r->text);
	certstore_verify_free(v);
	cs_buf_free(&anchors);
	cs_buf_free(&chain);
	return rv;
}

/* Refused if and only if it would be bad.  The twin is what would have been
 * signed: by the same names and keys, but of CAs without constraints. */
static int
agree(X509 *x509, X509 *twin, X509 *ca, X509 *root, const char *profile)
{
	int good;

	if (twin == NULL)
		return x509 == NULL;
	good = verify(x509 != NULL ? x509 : twin, ca, root, profile);
	return good == (x509 != NULL);
}

static struct ca
mkca(const char *name, struct certstore_template *t, EVP_PKEY *pkey,
    EVP_PKEY *signer, const struct ca *above)
{
	struct certstore_template *plain = newtemplate();
	char text[200];
	struct ca ca;
	size_t i;

	certstore_template_set_ca(t, &err);
	certstore_template_set_ca(plain, &err);
	for (i = 0; i < t->nsan; i++)
		certstore_template_add_san(plain, t->san[i].value, &err);
	for (i = 0; i < t->nsubject; i++) {
		snprintf(text, sizeof(text), "%s=%s", t->subject[i].attr,
		    t->subject[i].value);
		certstore_template_add_subject(plain, text, &err);
	}
	ca.x509 = issue(name, t, pkey, signer,
	    above == NULL ? NULL : above->x509, NULL);
	ca.twin = issue(name, plain, pkey, signer,
	    above == NULL ? NULL : above->twin, NULL);
	certstore_template_free(plain);
	return ca;
}

static void
freeca(struct ca *ca)
{
	X509_free(ca->x509);
	X509_free(ca->twin);
}

/* One below the CAs; 1 if it was signed. */
static int
below(const struct ca *root, const struct ca *ca)
{
	struct certstore_template *t = newtemplate();
	EVP_PKEY *signer = keys[ca == NULL ? 0 : 1];
	const char *profile = profiles[any(4)];
	char refusal[sizeof(err.msg)];
	X509 *twin, *x509;
	int signs;

	say("; ", profile);
	if (any(8) == 0) {
		certstore_template_set_ca(t, &err);
		profile = "ca";
		say("", "-c");
	} else
		certstore_template_set_profile(t, profile, &err);
	naming(t);
	twin = issue("new.example.com", t, keys[2], signer,
	    ca == NULL ? root->twin : ca->twin, ca == NULL ? NULL : root->twin);
	x509 = issue("new.example.com", t, keys[2], signer,
	    ca == NULL ? root->x509 : ca->x509, ca == NULL ? NULL : root->x509);
	snprintf(refusal, sizeof(refusal), "%s", x509 == NULL ? err.msg : "");
	why[0] = '\0';
	ok(agree(x509, twin, ca == NULL ? NULL : ca->x509, root->x509, profile),
	    "%s:%s: %s%s", x509 != NULL ? "signed" : "refused", said, why,
	    refusal);
	signs = x509 != NULL;
	X509_free(twin);
	X509_free(x509);
	certstore_template_free(t);
	return signs;
}

/* A root, perhaps a CA below it, and three certificates. */
static void
testone(int *nsigned, int *nrefused)
{
	struct certstore_template *t = newtemplate();
	struct ca root, ca = { NULL, NULL };
	size_t len;
	int i, two = any(2) == 0;

	snprintf(said, sizeof(said), " root");
	constrain(t);
	root = mkca("root", t, keys[0], keys[0], NULL);
	certstore_template_free(t);
	if (root.x509 == NULL || root.twin == NULL)
		bail("%s: %s", said, err.msg);
	if (two) {
		t = newtemplate();
		say("", "; CA");
		constrain(t);
		if (any(3) == 0)
			naming(t);
		ca = mkca(any(2) == 0 ? "ca.example.com" : "CA", t, keys[1],
		    keys[0], &root);
		certstore_template_free(t);
		ok(agree(ca.x509, ca.twin, NULL, root.x509, "ca"),
		    "a CA, %s:%s: %s", ca.x509 != NULL ? "signed" : "refused",
		    said, why);
	}
	len = strlen(said);
	for (i = 0; i < 3 && (!two || ca.x509 != NULL); i++) {
		if (below(&root, two ? &ca : NULL))
			++*nsigned;
		else
			++*nrefused;
		said[len] = '\0';
	}
	freeca(&root);
	freeca(&ca);
}

/* A client with one name, or NULL: it is none, or not signed. */
static X509 *
client(const char *san, X509 *ca)
{
	struct certstore_template *t = newtemplate();
	X509 *x509 = NULL;

	certstore_template_set_profile(t, "client", &err);
	if (certstore_template_add_san(t, san, &err) == 0)
		x509 = issue("joe", t, keys[2], keys[0], ca, NULL);
	certstore_template_free(t);
	return x509;
}

/* Each constraint with each name, so that none is missed. */
static void
testpairs(void)
{
	struct certstore_template *t;
	char text[100];
	struct ca root = { NULL, NULL };
	X509 *twins[NSANS] = { NULL }, *x509;
	size_t i, j;
	int bad;

	for (i = 0; i < 2 * NLIMITS; i++) {
		snprintf(text, sizeof(text), "%s=%s",
		    i % 2 == 0 ? "permit" : "exclude", limits[i / 2]);
		freeca(&root);
		t = newtemplate();
		certstore_template_add_constraint(t, text, &err);
		root = mkca("root", t, keys[0], keys[0], NULL);
		certstore_template_free(t);
		bad = 0;
		for (j = 0; j < NSANS; j++) {
			if (i == 0)
				twins[j] = client(sans[j], root.twin);
			x509 = client(sans[j], root.x509);
			if (!agree(x509, twins[j], NULL, root.x509, "client")) {
				bad = 1;
				printf("# %s, %s: %s\n", text, sans[j],
				    x509 != NULL ? why : "refused");
			}
			X509_free(x509);
		}
		ok(!bad, "%s: both agree on all names", text);
	}
	freeca(&root);
	for (j = 0; j < NSANS; j++)
		X509_free(twins[j]);
}

int
main(void)
{
	int i, nrefused = 0, nsigned = 0;

	for (i = 0; i < 3; i++)
		if ((keys[i] = cs_key_generate(NULL, "p256", &err)) == NULL)
			bail("%s", err.msg);
	testpairs();
	for (i = 0; i < CASES; i++) {
		seed = (uint32_t)i * 2654435761u + 1;
		testone(&nsigned, &nrefused);
	}
	printf("# %d signed, %d refused\n", nsigned, nrefused);
	ok(nsigned > CASES / 3 && nrefused > CASES / 3, "there were both");
	ok(ERR_peek_error() == 0, "libcrypto's error queue is empty");
	for (i = 0; i < 3; i++)
		EVP_PKEY_free(keys[i]);
	return tap_done();
}
