/*
 * test-template.c: accepted and refused arguments of a template, normalised.
 */
#include <string.h>

#include <openssl/err.h>

#include "issue/private.h"
#include "tap.h"

static struct certstore_error err;

static struct certstore_template *
newtemplate(void)
{
	struct certstore_template *t = certstore_template_new(&err);

	if (t == NULL)
		bail("template: %s", err.msg);
	return t;
}

/* want: the value kept, or NULL and what the message says. */
static const struct {
	const char *text;
	const char *attr;
	const char *value;
	const char *says;
} subjects[] = { { "CN=host", "CN", "host", NULL },
	{ "cn=host", "CN", "host", NULL },
	{ "commonName=host", "CN", "host", NULL },
	{ "2.5.4.3=host", "CN", "host", NULL },
	{ "O=Vodia Networks, Inc", "O", "Vodia Networks, Inc", NULL },
	{ "O=a=b=c", "O", "a=b=c", NULL },
	{ "O=M\xc3\xbcller", "O", "M\xc3\xbcller", NULL },
	{ "O=", "O", "", NULL }, { "C=", "C", "", NULL },
	{ "C=FR", "C", "FR", NULL }, { "OU=x", "OU", "x", NULL },
	{ "L=x", "L", "x", NULL }, { "ST=x", "ST", "x", NULL },
	{ "street=x", "street", "x", NULL },
	{ "postalCode=12345", "postalCode", "12345", NULL },
	{ "DC=example", "DC", "example", NULL },
	{ "UID=u1", "UID", "u1", NULL }, { "SN=Doe", "SN", "Doe", NULL },
	{ "GN=Jo", "GN", "Jo", NULL }, { "title=Dr", "title", "Dr", NULL },
	{ "serialNumber=12-34", "serialNumber", "12-34", NULL },
	{ "emailAddress=a@b.example", "emailAddress", "a@b.example", NULL },
	{ "organizationIdentifier=VATDE-1", "organizationIdentifier", "VATDE-1",
	    NULL },
	{ "", NULL, NULL, "not a subject attribute" },
	{ "host", NULL, NULL, "not a subject attribute" },
	{ "=host", NULL, NULL, "unknown subject attribute" },
	{ "XX=host", NULL, NULL, "unknown subject attribute" },
	{ "SHA256=host", NULL, NULL, "unknown subject attribute" },
	{ "1.2.3.4=host", NULL, NULL, "unknown subject attribute" },
	{ "C=FRA", NULL, NULL, "two letters" },
	{ "C=F", NULL, NULL, "two letters" },
	{ "C=F1", NULL, NULL, "two letters" },
	{ "C=\xc3\xa9\xc3\xa9", NULL, NULL, "two letters" },
	{ "O=\xff", NULL, NULL, "UTF-8" }, { "O=\xc3", NULL, NULL, "UTF-8" },
	{ "O=\xc0\xaf", NULL, NULL, "UTF-8" },
	{ "O=\xed\xa0\x80", NULL, NULL, "UTF-8" },
	{ "O=\xf4\x90\x80\x80", NULL, NULL, "UTF-8" },
	{ "O=a\nb", NULL, NULL, "control character" },
	{ "O=a\x7f", NULL, NULL, "control character" },
	{ "O=\xc2\x85", NULL, NULL, "control character" },
	{ "CN=foo,O=Example", NULL, NULL, "use -S CN=foo -S O=Example" },
	{ "CN=foo, O=My Example, C=FR", NULL, NULL,
	    "use -S CN=foo -S 'O=My Example' -S C=FR" },
	{ "CN=foo+ou = x", NULL, NULL, "use -S CN=foo -S ou=x" },
	{ "CN=foo;2.5.4.10=x", NULL, NULL, "use -S CN=foo -S 2.5.4.10=x" },
	{ "/CN=foo/O=bar", NULL, NULL, "use -S CN=foo -S O=bar" },
	{ "/CN=foo", NULL, NULL, "use -S CN=foo" },
	{ "CN=foo/emailAddress=a@b.example", NULL, NULL,
	    "use -S CN=foo -S emailAddress=a@b.example" },
	{ "C=FR,O=x", NULL, NULL, "use -S C=FR -S O=x" },
	{ "CN=M\xc3\xbcller,O=x", NULL, NULL, "use -S for each" },
	{ "CN=it's,O=x", NULL, NULL, "use -S for each" },
	{ "CN=a\nb,O=x", NULL, NULL, "use -S for each" },
	{ "cn = foo", NULL, NULL, "use CN=, without blanks" },
	{ "cn =foo", NULL, NULL, "use CN=, without blanks" },
	{ " cn=foo", NULL, NULL, "use CN=, without blanks" },
	{ "cn= foo", NULL, NULL, "remove the blank" },
	{ "O=foo ", NULL, NULL, "remove the blank" },
	{ "O=Vodia Networks\\, Inc", NULL, NULL, "remove the backslash" },
	{ "O=\"Vodia Networks, Inc\"", NULL, NULL, "remove its quotes" },
	{ "O=AT+T, a/b; k=d", "O", "AT+T, a/b; k=d", NULL },
	{ "description=x, y=1", "description", "x, y=1", NULL },
	{ "serialNumber=a_b", NULL, NULL, "PrintableString" },
	{ "emailAddress=host", NULL, NULL, "not a mail address" },
	{ "emailAddress=\xc3\xa9@b.example", NULL, NULL, "ASCII" } };

static void
testsubjects(void)
{
	struct certstore_template *t;
	char *text, longest[80];
	size_t i;
	int rv;

	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		t = newtemplate();
		rv = certstore_template_add_subject(t, subjects[i].text, &err);
		if (subjects[i].says != NULL) {
			ok(rv == -1 && err.code == CERTSTORE_EARGUMENT &&
				strstr(err.msg, subjects[i].says) != NULL,
			    "%zu: refused: %s", i, err.msg);
		} else if (is_int(rv, 0, "subject %zu", i)) {
			is_str(t->subject[0].attr, subjects[i].attr, "attr");
			is_str(t->subject[0].value, subjects[i].value, "value");
		}
		certstore_template_free(t);
	}
	t = newtemplate();
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "CN=", 3);
	longest[3 + 64] = '\0';
	is_int(certstore_template_add_subject(t, longest, &err), 0,
	    "64 characters");
	longest[3 + 64] = 'a';
	longest[3 + 65] = '\0';
	is_int(certstore_template_add_subject(t, longest, &err), -1,
	    "65 characters");
	ok(strstr(err.msg, "CN: 65 characters, X.520 allows 64") != NULL,
	    "says so: %s", err.msg);
	/* Characters, not bytes. */
	if ((text = malloc(3 + 2 * 64 + 1)) == NULL)
		bail("malloc");
	memcpy(text, "CN=", 4);
	for (i = 0; i < 64; i++)
		strcat(text, "\xc3\xa9");
	is_int(certstore_template_add_subject(t, text, &err), 0,
	    "64 characters of two bytes");
	free(text);
	certstore_template_free(t);
}

static const struct {
	const char *text;
	const char *want; /* NULL: says */
	const char *says;
} constraints[] = { { "permit=example.com", "dns:example.com", NULL },
	{ "permit=dns:Example.COM.", "dns:example.com", NULL },
	{ "permit=DNS:example.com", "dns:example.com", NULL },
	{ "permit=m\xc3\xbcnchen.de", "dns:xn--mnchen-3ya.de", NULL },
	{ "permit=10.0.0.0/8", "ip:10.0.0.0/8", NULL },
	{ "permit=ip:10.0.0.0/8", "ip:10.0.0.0/8", NULL },
	{ "permit=192.0.2.1", "ip:192.0.2.1/32", NULL },
	{ "permit=0.0.0.0/0", "ip:0.0.0.0/0", NULL },
	{ "permit=10.16.0.0/12", "ip:10.16.0.0/12", NULL },
	{ "permit=2001:DB8::/32", "ip:2001:db8::/32", NULL },
	{ "permit=::1", "ip:::1/128", NULL },
	{ "permit=a@example.com", "email:a@example.com", NULL },
	{ "permit=email:example.com", "email:example.com", NULL },
	{ "permit=email:.example.com", "email:.example.com", NULL },
	{ "permit=uri:example.com", "uri:example.com", NULL },
	{ "permit=uri:.example.com", "uri:.example.com", NULL },
	{ "permit=", NULL, "\"\": is empty" },
	{ "exclude=email:", NULL, "\"email:\": is empty" },
	{ "exclude=IP:", NULL, "\"IP:\": is empty" },
	{ "permit=.example.com", NULL, "leading dot" },
	{ "permit=*.example.com", NULL, "wildcard" },
	{ "permit=a b", NULL, "character" },
	{ "permit=10.0.0.1/8", NULL, "after the prefix" },
	{ "permit=10.0.0.0/33", NULL, "number of bits" },
	{ "permit=10.0.0.0/-1", NULL, "number of bits" },
	{ "permit=10.0.0.0/", NULL, "number of bits" },
	{ "permit=10.0.0.0/8x", NULL, "number of bits" },
	{ "permit=2001:db8::/129", NULL, "number of bits" },
	{ "permit=ip:example.com", NULL, "not an IP network" },
	{ "permit=uri:http://example.com/", NULL, "character" },
	{ "pathlen=", NULL, "from 0 to 99" },
	{ "pathlen=-1", NULL, "from 0 to 99" },
	{ "pathlen=+1", NULL, "from 0 to 99" },
	{ "pathlen=100", NULL, "from 0 to 99" },
	{ "pathlen=1x", NULL, "from 0 to 99" },
	{ "example.com", NULL, "unknown constraint" },
	{ "", NULL, "unknown constraint" } };

static void
testconstraints(void)
{
	struct certstore_template *t;
	char text[CS_CONSTRAINT_LEN];
	size_t i;
	int rv;

	for (i = 0; i < sizeof(constraints) / sizeof(constraints[0]); i++) {
		if (skipidn(constraints[i].text))
			continue;
		t = newtemplate();
		rv = certstore_template_add_constraint(t, constraints[i].text,
		    &err);
		if (constraints[i].want == NULL)
			ok(rv == -1 && err.code == CERTSTORE_EARGUMENT &&
				strstr(err.msg, constraints[i].says) != NULL,
			    "\"%s\" refused: %s", constraints[i].text, err.msg);
		else if (is_int(rv, 0, "%s", constraints[i].text))
			is_str(cs_constraint_spell(
				   sk_GENERAL_SUBTREE_value(t->permit, 0),
				   text),
			    constraints[i].want, "an earlier call");
		certstore_template_free(t);
	}
	t = newtemplate();
	is_int(t->pathlen, -1, "no path length");
	is_int(certstore_template_add_constraint(t, "pathlen=0", &err), 0,
	    "pathlen=0");
	is_int(t->pathlen, 0, "kept");
	is_int(certstore_template_add_constraint(t, "exclude=x.example", &err),
	    0, "exclude");
	is_str(cs_constraint_spell(sk_GENERAL_SUBTREE_value(t->exclude, 0),
		   text),
	    "dns:x.example", "kept");
	certstore_template_free(t);
}

static void
testsetters(void)
{
	struct certstore_template *t = newtemplate();
	static const struct certstore_span nospan[] = {
		{ CERTSTORE_SPAN_PART, 0, 1, 0 },
		{ CERTSTORE_SPAN_PART, 0, 4, 3 },
		{ CERTSTORE_SPAN_PART, 0, 1, 1000001 },
		{ CERTSTORE_SPAN_FOR, -1, 0, 0 },
		{ CERTSTORE_SPAN_FOR, INT64_MAX, 0, 0 },
		{ CERTSTORE_SPAN_AT, INT64_MAX, 0, 0 },
		{ (enum certstore_span_type)7, 90, 1, 1 },
	};
	struct certstore_span span = { CERTSTORE_SPAN_PART, 0, 1, 3 };
	size_t i;

	is_int(certstore_template_set_life(t, &span, &err), -1,
	    "a part is no life");
	is_int(certstore_template_set_within(t, &span, &err), 0, "but a limit");
	for (i = 0; i < sizeof(nospan) / sizeof(nospan[0]); i++)
		ok(certstore_template_set_within(t, &nospan[i], &err) == -1 &&
			err.code == CERTSTORE_EARGUMENT &&
			certstore_template_set_life(t, &nospan[i], &err) == -1,
		    "no span: %zu", i);
	is_int(cs_template_check(t, &err), -1, "nothing is made: %s", err.msg);
	is_int(certstore_template_set_within(t, &span, &err), 0, "a span");
	span.type = CERTSTORE_SPAN_FOR;
	is_int(certstore_template_set_life(t, &span, &err), -1, "no life");
	span.type = CERTSTORE_SPAN_AT;
	span.secs = certstore_time_now() - 1;
	is_int(certstore_template_set_life(t, &span, &err), -1, "a past end");
	is_int(err.code, CERTSTORE_EARGUMENT, "is an argument's fault");
	is_int(t->haslife, 0, "nothing kept of all these");
	is_int(certstore_template_set_profile(t, "x", &err), -1, "profile");
	is_int(certstore_template_set_type(t, "x", &err), -1, "type");
	is_int(certstore_template_set_type(t, "rsa:2048", &err), 0, "type");
	is_int(certstore_template_set_issuer(t, "../x", &err), -1, "issuer");
	is_int(certstore_template_set_encrypt(t, "", &err), -1,
	    "empty passphrase");
	is_int(certstore_template_set_key(t, "k", "text", 4, &err), -1,
	    "no key in it");
	is_int(certstore_template_add_san(t, "a b", &err), -1, "no host");
	is_int(certstore_template_add_san(t, "A.example", &err), 0, "host");
	is_int(certstore_template_add_san(t, "dns:a.example.", &err), 0,
	    "again");
	is_int((long long)t->nsan, 1, "once");
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	certstore_template_free(t);
	certstore_template_free(NULL);
}

int
main(void)
{
	testsubjects();
	testconstraints();
	testsetters();
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	return tap_done();
}
