/*
 * test-create.c: certstore_create(3): entries and the CAs that issue them: what
 * is allowed, verifies, or is refused.
 */
#include <sys/time.h>

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "issue/private.h"
#include "tap.h"
#include "scratch.h"

static struct certstore *store;
static char warned[1024];

/* Stands before libc's, so that a clock can be wrong. */
static time_t ahead;

time_t
time(time_t *t)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	tv.tv_sec += ahead;
	if (t != NULL)
		*t = tv.tv_sec;
	return tv.tv_sec;
}

static void
warn(void *arg, const char *msg)
{
	size_t len = strlen(warned);

	(void)arg;
	snprintf(warned + len, sizeof(warned) - len, "%s|", msg);
}

static int
passphrase(void *arg, const char *what, char *buf, size_t size)
{
	(void)what;
	return arg == NULL ? -1 : snprintf(buf, size, "%s", (char *)arg);
}

/* One argument as on the command line: "c", "s=host", "A=ca". */
static int
apply(struct certstore_template *t, const char *arg)
{
	struct certstore_passphrase pass = { passphrase, NULL };
	struct certstore_span span;
	const char *value = arg + 2;

	switch (arg[0]) {
	case 'c':
		return certstore_template_set_ca(t, &err);
	case 'A':
		return certstore_template_set_issuer(t, value, &err);
	case 'C':
		return certstore_template_add_constraint(t, value, &err);
	case 'E':
		return certstore_template_set_encrypt(t, value, &err);
	case 'P':
		return certstore_template_set_profile(t, value, &err);
	case 'p':
		pass.arg = strdup(value);
		return certstore_template_set_passphrase(t, &pass, &err);
	case 's':
		return certstore_template_add_san(t, value, &err);
	case 'S':
		return certstore_template_add_subject(t, value, &err);
	case 't':
		return certstore_template_set_type(t, value, &err);
	case 'e':
	case 'l':
		if (certstore_span_parse(value, &span, &err) == -1)
			return -1;
		return arg[0] == 'e' ?
		    certstore_template_set_within(t, &span, &err) :
		    certstore_template_set_life(t, &span, &err);
	default:
		bail("unknown argument %s", arg);
	}
}

static char *csr;

/* Blanks separate the arguments; what certstore_create() gives. */
static int
create(const char *name, int flags, const char *args)
{
	struct certstore_template *t = certstore_template_new(&err);
	char copy[512], *arg, *rest = copy;
	int rv = 0;

	warned[0] = '\0';
	free(csr);
	csr = NULL;
	snprintf(copy, sizeof(copy), "%s", args);
	while (rv == 0 && (arg = strsep(&rest, " ")) != NULL)
		if (*arg != '\0')
			rv = apply(t, arg);
	if (rv == 0)
		rv = certstore_create(store, name, t, flags, &csr, &err);
	else
		printf("# %s: %s\n", args, err.msg);
	free(t->pass.arg);
	certstore_template_free(t);
	return rv;
}

static void
must(const char *name, int flags, const char *args)
{
	if (create(name, flags, args) != 1)
		bail("%s %s: %s", name, args, err.msg);
}

static void
refused(const char *name, int flags, const char *args, enum certstore_code code,
    const char *says)
{
	int rv = create(name, flags, args);

	if (!ok(rv == -1 && err.code == code && strstr(err.msg, says) != NULL,
		"refused: %s %s: %s", name, args, says))
		printf("# rv %d code %d: %s\n", rv, err.code, err.msg);
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
}

static STACK_OF(X509) *
certsof(const char *name, enum cs_file file)
{
	struct certstore_entry entry = { 0 };
	STACK_OF(X509) *certs = NULL;
	struct cs_buf buf = { NULL, 0, 0 };

	if (cs_entry_load(store, name, &entry, &err) == -1)
		bail("%s: %s", name, err.msg);
	if (cs_entry_read(&entry, file, &buf, &err) == 1 &&
	    (certs = cs_cert_stack(name, &buf, 0, &err)) == NULL)
		bail("%s: %s", name, err.msg);
	cs_buf_free(&buf);
	cs_entry_done(&entry);
	return certs;
}

/* As a client does it: the root alone is trusted, the rest was sent. */
static int
verifies(const char *name)
{
	STACK_OF(X509) *full = certsof(name, CS_FULLCHAIN);
	STACK_OF(X509) *ca = certsof(name, CS_CA);
	X509_STORE *anchors = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rv;

	X509_STORE_add_cert(anchors,
	    ca == NULL ? sk_X509_value(full, 0) :
			 sk_X509_value(ca, sk_X509_num(ca) - 1));
	X509_STORE_CTX_init(ctx, anchors, sk_X509_value(full, 0), full);
	X509_STORE_CTX_set_flags(ctx,
	    X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE);
	rv = X509_verify_cert(ctx);
	if (rv != 1)
		printf("# %s: %s\n", name,
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(anchors);
	sk_X509_pop_free(ca, X509_free);
	sk_X509_pop_free(full, X509_free);
	return rv;
}

static int
count(const char *name, enum cs_file file)
{
	STACK_OF(X509) *certs = certsof(name, file);
	int n = certs == NULL ? 0 : sk_X509_num(certs);

	sk_X509_pop_free(certs, X509_free);
	return n;
}

/* A line of info or props, or all of another file; "" if there is none. */
static const char *
text(const char *name, enum cs_file file, const char *key)
{
	static struct cs_buf buf;
	static char line[256];
	struct certstore_entry entry = { 0 };
	char *p;

	cs_buf_reset(&buf);
	line[0] = '\0';
	if (cs_entry_load(store, name, &entry, &err) == -1)
		return "absent";
	if (cs_entry_read(&entry, file, &buf, &err) != 1)
		buf.len = 0;
	cs_entry_done(&entry);
	if (key == NULL)
		return buf.len == 0 ? "" : buf.p;
	if (buf.len > 0 && (p = strstr(buf.p, key)) != NULL &&
	    (p == buf.p || p[-1] == '\n')) {
		p += strlen(key);
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(p, "\n"), p);
	}
	return line;
}

static char *
spki(const char *name)
{
	static char copy[4][80];
	static int turn;
	char *p = copy[turn++ % 4];

	snprintf(p, 80, "%s", text(name, CS_INFO, "spki "));
	return p;
}

static int64_t
ends(const char *name)
{
	return strtoll(text(name, CS_INFO, "ends "), NULL, 10);
}

static void
testchains(void)
{
	must("root", 0, "c S=CN=Same S=O=Same");
	must("one", 0, "A=root S=CN=Same S=O=Same s=one.example");
	is_int(verifies("one"), 1, "CA and server of the same CN and O verify");
	is_int(count("one", CS_FULLCHAIN), 1, "the root is not served");
	is_int(count("one", CS_CA), 1, "but kept");
	is_int(count("root", CS_CA), 1, "a root is its own ca.pem");
	is_str(text("one", CS_INFO, "kind "), "server", "kind");
	is_str(text("root", CS_INFO, "kind "), "ca", "kind of a CA");
	is_str(text("one", CS_PROPS, "origin "), "create", "origin");
	must("mid", 0, "c A=root C=pathlen=1");
	must("low", 0, "c A=mid");
	must("two", 0, "A=low s=two.example t=ed25519");
	is_int(verifies("two"), 1, "two CAs between");
	is_int(count("two", CS_FULLCHAIN), 3, "both are served");
	is_int(count("two", CS_CA), 3, "all are kept");
	is_int(count("low", CS_FULLCHAIN), 2, "a CA: itself and what is above");
	is_int(verifies("low"), 1, "a CA of a CA");
	must("rsa", 0, "A=low s=rsa.example t=rsa:2048 P=peer");
	is_int(verifies("rsa"), 1, "RSA below EC");
	must("p384", 0, "c t=p384");
	must("client", 0, "A=p384 P=client S=CN=Alice");
	is_int(verifies("client"), 1, "a client");
	must("self", 0, "s=self.example");
	is_str(text("self", CS_INFO, "kind "), "self", "self-signed");
	is_int(verifies("self"), 1, "verifies");
	ok(strncmp(text("self", CS_COMBINED, NULL),
	       "-----BEGIN PRIVATE KEY-----\n", 28) == 0,
	    "combined: the key first");
	/* What a CA entry lost is found in the store. */
	sh("rm -f store/certs/low/ca.pem");
	must("three", 0, "A=low s=three.example");
	is_int(count("three", CS_CA), 3, "found by their key identifiers");
}

static void
testissuers(void)
{
	must("zero", 0, "c C=pathlen=0");
	refused("x", 0, "c A=zero", CERTSTORE_EREFUSED, "path length 0");
	must("zero1", 0, "A=zero s=zero.example");
	is_int(verifies("zero1"), 1, "but an end-entity");
	refused("x", 0, "c A=low", CERTSTORE_EREFUSED,
	    "an issuer in its chain");
	refused("x", 0, "A=one s=x.example", CERTSTORE_EREFUSED, "not a CA");
	refused("x", 0, "A=none s=x.example", CERTSTORE_ENOENTRY, "none:");
	refused("x", 0, "A=x s=x.example", CERTSTORE_EARGUMENT, "its own CA");
	must("keyless", 0, "c");
	sh("sed -i 's/^has key/has/' store/certs/keyless/info && "
	   "rm store/certs/keyless/privkey.pem");
	refused("x", 0, "A=keyless s=x.example", CERTSTORE_EREFUSED,
	    "not in the store");
	must("other", 0, "c");
	sh("cp store/certs/root/privkey.pem store/certs/other/");
	refused("x", 0, "A=other s=x.example", CERTSTORE_EREFUSED,
	    "does not match the certificate");
	refused("x", 0, "A=root", CERTSTORE_EREFUSED, "without a name");
	must("server.example", 0, "A=root");
	is_str(text("x", CS_INFO, ""), "absent",
	    "nothing was made of all this");
}

static void
testconstraints(void)
{
	must("nc", 0,
	    "c C=permit=example.com C=permit=10.0.0.0/8 "
	    "C=exclude=bad.example.com C=permit=email:example.com");
	must("nc1", 0, "A=nc s=a.example.com s=*.a.example.com s=10.1.2.3");
	is_int(verifies("nc1"), 1, "inside");
	refused("x", 0, "A=nc s=a.example.com s=a.example.org",
	    CERTSTORE_EREFUSED, "a.example.org is outside");
	refused("x", 0, "A=nc s=a.bad.example.com", CERTSTORE_EREFUSED,
	    "a.bad.example.com is outside");
	refused("x", 0, "A=nc s=*.example.com", CERTSTORE_EREFUSED,
	    "*.example.com is outside");
	refused("x", 0, "A=nc s=192.0.2.1", CERTSTORE_EREFUSED,
	    "192.0.2.1 is outside");
	refused("x", 0, "A=nc s=a@example.org s=b.example.com",
	    CERTSTORE_EREFUSED, "a@example.org is outside");
	refused("x", 0, "A=nc P=client s=sip:a.example.com S=CN=a.example.org",
	    CERTSTORE_EREFUSED, "the subject is outside");
	refused("x", 0, "A=nc s=a.example.com S=emailAddress=a@b.example",
	    CERTSTORE_EREFUSED, "the subject is outside");
	must("ncmid", 0, "c A=nc");
	refused("x", 0, "A=ncmid s=a.example.org", CERTSTORE_EREFUSED,
	    "outside the name constraints");
	must("nc2", 0, "A=ncmid s=a.example.com");
	is_int(verifies("nc2"), 1, "through a CA between");
}

static void
testlives(void)
{
	must("short", 0, "c l=30d");
	must("s1", 0, "A=short s=s.example l=29d");
	is_str(warned, "", "inside the CA's life: no warning");
	must("s2", 0, "A=short s=s.example");
	is_int(ends("s2"), ends("short"), "cut to the CA's end");
	ok(strstr(warned, "with its CA short") != NULL, "says so: %s", warned);
	is_str(text("s2", CS_PROPS, "life "), "397d", "its life is in props");
	must("s2", CERTSTORE_CREATE_FORCE, "A=short s=s.example l=20d");
	is_str(text("s2", CS_PROPS, "life "), "", "until another is asked for");
	must("s2", CERTSTORE_CREATE_FORCE, "A=short s=s.example l=1000h");
	is_str(text("s2", CS_PROPS, "life "), "1000h", "as it was asked for");
	must("long", 0, "c A=short l=20y");
	is_int(ends("long"), ends("short"), "a CA too");
	is_str(text("long", CS_PROPS, "life "), "7300d", "and its life");
	must("l1", 0, "A=long s=l.example");
	is_int(verifies("l1"), 1, "verifies");
}

static void
testpassphrase(void)
{
	const char *pem;

	must("locked", 0, "c E=secret");
	pem = text("locked", CS_PRIVKEY, NULL);
	ok(strncmp(pem, "-----BEGIN ENCRYPTED PRIVATE KEY", 32) == 0,
	    "an encrypted key");
	pem = text("locked", CS_COMBINED, NULL);
	ok(strncmp(pem, "-----BEGIN ENCRYPTED PRIVATE KEY", 32) == 0 &&
		strstr(pem, "BEGIN PRIVATE") == NULL,
	    "also in combined.pem");
	refused("x", 0, "A=locked s=x.example", CERTSTORE_EPASSPHRASE,
	    "locked");
	refused("x", 0, "A=locked s=x.example p=wrong", CERTSTORE_EPASSPHRASE,
	    "locked");
	must("opened", 0, "A=locked s=x.example p=secret");
	is_int(verifies("opened"), 1, "the right passphrase");
	is_int(create("opened", CERTSTORE_CREATE_IFNEEDED,
		   "A=locked s=x.example"),
	    0, "not asked for where nothing is needed");
}

static char waiting[256];

/* Another writer makes entry "race" anew. */
static void
request(const char *args)
{
	struct certstore *was = store;
	const char *name = "race";

	store = opened(CERTSTORE_OPEN_WRITE);
	(void)certstore_remove(store, &name, 1, CERTSTORE_REMOVE_FORCE, NULL,
	    NULL, &err);
	must(name, CERTSTORE_CREATE_REQUEST, args);
	snprintf(waiting, sizeof(waiting), "%s",
	    text(name, CS_REQUEST_KEY, NULL));
	certstore_close(store);
	store = was;
}

/* Asked once all is decided. */
static int
intervene(void *arg, const char *what, char *buf, size_t size)
{
	int *times = arg;

	(void)what;
	if ((*times)++ == 0)
		request("s=other.example");
	return snprintf(buf, size, "secret");
}

/* The number of a generation is used again after a removal. */
static void
testidentity(void)
{
	struct certstore_passphrase pass = { intervene, NULL };
	struct certstore_template *t = certstore_template_new(&err);
	int times = 0;

	must("race", 0, "s=race.example");
	pass.arg = &times;
	certstore_template_add_san(t, "race.example", &err);
	certstore_template_set_issuer(t, "locked", &err);
	certstore_template_set_passphrase(t, &pass, &err);
	is_int(certstore_create(store, "race", t, CERTSTORE_CREATE_FORCE, NULL,
		   &err),
	    1, "replaced");
	is_int(times, 2, "decided anew");
	is_str(text("race", CS_REQUEST_KEY, NULL), waiting,
	    "the request of another writer waits on");
	ok(strstr(waiting, "PRIVATE KEY") != NULL, "which has a key");
	certstore_template_free(t);
}

static void
testparts(void)
{
	refused("x", 0, "s=x.example C=pathlen=0", CERTSTORE_EARGUMENT,
	    "constraints are for a CA");
	refused("x", 0, "s=x.example E=secret", CERTSTORE_EARGUMENT,
	    "only the key of a CA");
	refused("x", 0, "c P=server", CERTSTORE_EARGUMENT, "a profile");
	refused("x", 0, "s=x.example e=30d", CERTSTORE_EARGUMENT, "-u");
	refused("x", CERTSTORE_CREATE_IFNEEDED, "s=x.example e=30d l=30d",
	    CERTSTORE_EARGUMENT, "would also expire within");
	refused("x", CERTSTORE_CREATE_REQUEST, "s=x.example A=root",
	    CERTSTORE_EARGUMENT, "a request is signed");
	refused("x", CERTSTORE_CREATE_REQUEST, "s=x.example l=30d",
	    CERTSTORE_EARGUMENT, "sets the validity");
	refused("../x", 0, "s=x.example", CERTSTORE_EARGUMENT, "entry name");
	is_str(text("x", CS_INFO, ""), "absent",
	    "nothing was made of all this");
}

static void
testagain(void)
{
	char *before = spki("self");

	refused("self", 0, "s=self.example", CERTSTORE_EEXIST,
	    "use -f to replace");
	is_int(create("self", CERTSTORE_CREATE_DRYRUN | CERTSTORE_CREATE_FORCE,
		   "s=self.example"),
	    1, "a dry run says what it would do");
	is_str(spki("self"), before, "and does nothing");
	sh("printf 'note kept\\norigin create\\ntenant t.example\\n' "
	   ">store/certs/self/props");
	must("self", CERTSTORE_CREATE_FORCE, "s=self.example");
	ok(strcmp(spki("self"), before) != 0, "replaced");
	is_str(text("self", CS_PROPS, NULL),
	    "origin create\nnote kept\ntenant t.example\n", "props are kept");
	is_int(create("dry", CERTSTORE_CREATE_DRYRUN, "s=a.example t=rsa:4096"),
	    1, "a dry run of a new one");
	is_str(text("dry", CS_INFO, ""), "absent", "makes nothing");
	refused("dry", CERTSTORE_CREATE_DRYRUN, "A=nc s=a.example.org",
	    CERTSTORE_EREFUSED, "outside");
	must("root2", 0, "c");
	must("root2", CERTSTORE_CREATE_FORCE, "c");
	ok(strstr(warned, "certificates of the old CA") != NULL,
	    "another key for a CA: %s", warned);
}

/* What a setter refused is not left out in silence. */
static void
testunfilled(void)
{
	static const struct {
		const char *bad, *good;
	} cases[] = { { "P=x", "P=peer" }, { "t=x", "t=p256" },
		{ "A=../x", "A=root" }, { "l=1/3", "l=30d" }, { "E=", NULL },
		{ "s=a..b", NULL }, { "S=XX=1", NULL }, { "C=x=1", NULL } };
	struct certstore_template *t;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if ((t = certstore_template_new(&err)) == NULL ||
		    apply(t, "s=unfilled.example") == -1)
			bail("template: %s", err.msg);
		is_int(apply(t, cases[i].bad), -1, "%s fails", cases[i].bad);
		is_int(apply(t, "s=further.example"), 0, "another setter");
		is_int(certstore_create(store, "unfilled", t, 0, NULL, &err),
		    -1, "%s: so nothing is made", cases[i].bad);
		ok(err.code == CERTSTORE_EARGUMENT &&
			strstr(err.msg,
			    "an earlier call for this template failed: ") !=
			    NULL,
		    "and why: %s", err.msg);
		is_int(certstore_create(store, "unfilled", t,
			   CERTSTORE_CREATE_DRYRUN | CERTSTORE_CREATE_FORCE,
			   NULL, &err),
		    -1, "nor the next time");
		if (cases[i].good != NULL) {
			is_int(apply(t, cases[i].good), 0, "%s", cases[i].good);
			is_int(certstore_create(store, "unfilled", t,
				   CERTSTORE_CREATE_DRYRUN, NULL, &err),
			    1, "mends it");
		}
		certstore_template_free(t);
	}
	t = certstore_template_new(&err);
	is_int(certstore_template_set_key(t, "k", "text", 4, &err), -1,
	    "no key");
	is_int(apply(t, "s=a.example"), 0, "a name");
	is_int(certstore_create(store, "unfilled", t, 0, NULL, &err), -1,
	    "not with a key that was not wanted");
	is_int(err.code, CERTSTORE_EINPUT, "the code of the failure");
	certstore_template_free(t);
	is_str(text("unfilled", CS_INFO, ""), "absent", "no such entry");
}

static void
testifneeded(void)
{
	static const struct {
		int rv;
		const char *args;
		const char *why;
	} cases[] = {
		{ 0, "s=b.example s=a.example", "the same in another order" },
		{ 0, "s=a.example s=B.example", "the same in another case" },
		{ 0, "s=a.example s=b.example t=p256", "the default type" },
		{ 0, "s=a.example s=b.example e=100d", "life enough" },
		{ 1, "s=a.example s=b.example S=O=x", "another subject" },
		{ 0, "s=a.example", "a name less" },
		{ 1, "s=a.example s=c.example", "another name" },
		{ 1, "s=a.example s=b.example t=p384", "another type" },
		{ 1, "s=a.example s=b.example P=peer", "another profile" },
		{ 1, "s=a.example s=b.example A=root", "another issuer" },
		{ -1, "c", "a CA" },
		{ 1, "s=a.example s=b.example e=396d", "life left too short" }
	};
	size_t i;

	is_int(create("need", CERTSTORE_CREATE_IFNEEDED,
		   "s=a.example s=b.example"),
	    1, "-u: made");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (i == sizeof(cases) / sizeof(cases[0]) - 1)
			must("need", CERTSTORE_CREATE_FORCE,
			    "s=a.example s=b.example l=395d");
		is_int(create("need",
			   CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_DRYRUN,
			   cases[i].args),
		    cases[i].rv, "-u: %s", cases[i].why);
	}
	is_int(create("need", CERTSTORE_CREATE_IFNEEDED, "s=c.example"), 1,
	    "replaced without -f");
	is_str(text("need", CS_INFO, "san dns "), "c.example", "by the new");
	is_int(create("one", CERTSTORE_CREATE_IFNEEDED, "A=root s=one.example"),
	    0, "its CA's certificate");
	must("root", CERTSTORE_CREATE_FORCE, "c S=CN=Same S=O=Same");
	is_int(create("one",
		   CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_DRYRUN,
		   "A=root s=one.example"),
	    1, "the CA got another key");
	is_int(create("s2", CERTSTORE_CREATE_IFNEEDED,
		   "A=short s=s.example e=31d"),
	    0, "no new one could end later");
	ok(strstr(warned, "renew the CA first") != NULL, "says so: %s", warned);
}

/* name: "names key issuer kind" of what it is now. */
static const char *
now(const char *name)
{
	static char line[512];
	struct certstore_entry *entry;
	const char *type, *value;
	size_t i;

	if ((entry = certstore_entry_get(store, name, &err)) == NULL)
		bail("%s: %s", name, err.msg);
	line[0] = '\0';
	for (i = 0; certstore_entry_san(entry, i, &type, &value) == 1; i++)
		if (strcmp(type, "cn") != 0)
			snprintf(line + strlen(line),
			    sizeof(line) - strlen(line), "%s%s",
			    i > 0 ? "," : "", value);
	snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s %s %s",
	    certstore_entry_key(entry), certstore_entry_issuer(entry),
	    certstore_entry_kind(entry));
	certstore_entry_free(entry);
	return line;
}

/* Makes entry "kept" anew, with a key of another type. */
static int
retype(void *arg, const char *what, char *buf, size_t size)
{
	struct certstore *was = store;
	int *times = arg;

	(void)what;
	if ((*times)++ == 0) {
		store = opened(CERTSTORE_OPEN_WRITE);
		must("kept", CERTSTORE_CREATE_FORCE, "t=p384 s=kept.example");
		certstore_close(store);
		store = was;
	}
	return snprintf(buf, size, "secret");
}

/* -u keeps the type of key that there is when it replaces the entry. */
static void
testretype(void)
{
	struct certstore_passphrase pass = { retype, NULL };
	struct certstore_template *t = certstore_template_new(&err);
	int times = 0;

	must("kept", 0, "t=p256 s=kept.example");
	pass.arg = &times;
	certstore_template_add_san(t, "kept.example", &err);
	certstore_template_set_issuer(t, "locked", &err);
	certstore_template_set_passphrase(t, &pass, &err);
	is_int(certstore_create(store, "kept", t, CERTSTORE_CREATE_IFNEEDED,
		   NULL, &err),
	    1, "replaced, since the issuer is another");
	is_int(times, 2, "decided anew");
	is_str(now("kept"), "kept.example p384 CN=locked server",
	    "with a key of the type that another writer chose");
	certstore_template_free(t);
}

/* Gives entry "noted" a property, and says the passphrase. */
static int
annotate(void *arg, const char *what, char *buf, size_t size)
{
	int *times = arg;

	(void)what;
	(*times)++;
	setprop("noted", "note", "meanwhile");
	return snprintf(buf, size, "secret");
}

/* A property that another writer sets does not make a decision void. */
static void
testnoted(void)
{
	struct certstore_passphrase pass = { annotate, NULL };
	struct certstore_template *t = certstore_template_new(&err);
	int times = 0;

	must("noted", 0, "t=p256 s=noted.example");
	setprop("noted", "user", "nginx");
	pass.arg = &times;
	certstore_template_add_san(t, "noted.example", &err);
	certstore_template_set_issuer(t, "locked", &err);
	certstore_template_set_passphrase(t, &pass, &err);
	is_int(certstore_create(store, "noted", t, CERTSTORE_CREATE_FORCE, NULL,
		   &err),
	    1, "replaced");
	is_int(times, 1, "in one try");
	is_str(text("noted", CS_PROPS, "user "), "nginx", "what it had");
	is_str(text("noted", CS_PROPS, "note "), "meanwhile",
	    "what it was given meanwhile");
	certstore_template_free(t);
}

/* One meeting on an entry after the other. */
struct meeting {
	int flags; /* beside CERTSTORE_CREATE_IFNEEDED; FORCE: instead of it */
	const char *args;
	int rv;
	const char *says; /* on one line, or NULL: nothing is said */
	const char *is;	  /* after; NULL: as before */
};

static void
meet(const char *name, const struct meeting *m, size_t n)
{
	char was[512];
	size_t i;
	int flags, rv;

	for (i = 0; i < n; i++) {
		flags = m[i].flags;
		if (flags != CERTSTORE_CREATE_FORCE)
			flags |= CERTSTORE_CREATE_IFNEEDED;
		was[0] = '\0';
		if (m[i].is == NULL)
			snprintf(was, sizeof(was), "%s %s", spki(name),
			    now(name));
		rv = create(name, flags, m[i].args);
		is_int(rv, m[i].rv, "%s %zu: %s", name, i, m[i].args);
		if (rv == -1)
			ok(m[i].says != NULL &&
				strstr(err.msg, m[i].says) != NULL,
			    "refused: %s", err.msg);
		else if (m[i].says == NULL)
			is_str(warned, "", "nothing to say");
		else
			ok(strstr(warned, m[i].says) != NULL, "says %s",
			    warned);
		if (m[i].is != NULL)
			is_str(now(name), m[i].is, "and is");
		else
			ok(strncmp(was, spki(name), 64) == 0 &&
				strcmp(was + strlen(spki(name)) + 1,
				    now(name)) == 0,
			    "stays %s", now(name));
	}
}

#define MEET(name, m) meet(name, m, sizeof(m) / sizeof((m)[0]))

/* A package, which asks for little, and an admin, who had reasons. */
static void
testmeetings(void)
{
	static const struct meeting app[] = {
		{ CERTSTORE_CREATE_FORCE,
		    "A=top-CA t=rsa:2048 S=O=X l=395d s=a.example s=b.example",
		    1, NULL, "a.example,b.example rsa:2048 CN=top-CA server" },
		{ 0, "s=a.example", 0, NULL, NULL },
		{ 0, "", 0, NULL, NULL },
		{ 0, "s=a.example e=396d", 1, "app: expires ",
		    "a.example,b.example rsa:2048 CN=top-CA server" },
		{ 0, "s=a.example s=c.example", 1,
		    "app: does not cover \"c.example\": replaced",
		    "a.example,c.example,b.example rsa:2048 CN=top-CA server" },
		{ 0, "s=b.example", 0, NULL, NULL },
		/* Two with another -t each: only who asks gets. */
		{ 0, "t=p384 s=a.example", 1,
		    "app: has another key: rsa:2048, not p384: replaced",
		    "a.example,c.example,b.example p384 CN=top-CA server" },
		{ 0, "s=a.example", 0, NULL, NULL },
		{ 0, "t=p384 s=a.example", 0, NULL, NULL },
		{ 0, "A=else-CA s=a.example", 1,
		    "app: is not signed by else-CA: replaced",
		    "a.example,c.example,b.example p384 CN=else-CA server" },
		{ 0, "A=else-CA s=a.example", 0, NULL, NULL },
		{ 0, "P=client s=a.example", 1,
		    "app: is not for a client: replaced",
		    "a.example,c.example,b.example p384 CN=else-CA peer" },
		{ 0, "s=a.example", 0, NULL, NULL },
		{ 0, "P=peer s=a.example", 0, NULL, NULL },
		{ 0, "S=O=X s=a.example", 0, NULL, NULL },
		{ 0, "S=OU=Y s=a.example", 1, "app: has a different OU in its",
		    "a.example,c.example,b.example p384 CN=else-CA peer" },
		{ 0, "S=O=X s=a.example", 0, NULL, NULL },
		{ 0, "S=O=X S=OU=Y s=a.example", 0, NULL, NULL },
		{ 0, "S=O= s=a.example", 1, "app: has a different O in its",
		    "a.example,c.example,b.example p384 CN=else-CA peer" },
		{ 0, "S=O= s=a.example", 0, NULL, NULL },
		{ 0, "c", -1, "app: is not a CA: use -f to replace it", NULL },
		{ 0, "P=mail s=a@b.example", -1,
		    "app: is not for mail: use -f to replace it", NULL },
		/* What is kept is not for an issuer that forbids it. */
		{ 0, "A=sub-CA s=a.sub.example", -1, "use -f to make only what",
		    NULL },
		{ CERTSTORE_CREATE_FORCE, "s=a.example", 1,
		    "app: no longer covers c.example, b.example|",
		    "a.example p256 CN=a.example self" },
		{ CERTSTORE_CREATE_FORCE, "s=a.example", 1, NULL,
		    "a.example p256 CN=a.example self" },
		{ 0, "A=top-CA s=a.example", 1, "app: is not signed by top-CA",
		    "a.example p256 CN=top-CA server" },
		{ CERTSTORE_CREATE_FORCE, "t=rsa:2048 s=a.example", 1,
		    "app: was signed by \"CN=top-CA\", and is now self-signed",
		    "a.example rsa:2048 CN=a.example self" },
		{ CERTSTORE_CREATE_FORCE, "s=a.example", 1,
		    "app: had a key of type rsa:2048, and now has p256",
		    "a.example p256 CN=a.example self" },
		{ CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_IFNEEDED,
		    "s=a.example", 0, NULL, NULL },
		{ CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_IFNEEDED,
		    "s=b.example", 1,
		    "app: does not cover \"b.example\": replaced|"
		    "app: no longer covers a.example",
		    "b.example p256 CN=b.example self" },
	};
	static const struct meeting ca[] = {
		{ CERTSTORE_CREATE_FORCE, "c", 1, NULL, " p256 CN=ca ca" },
		{ 0, "s=ca.example", -1, "ca: is a CA: use -f to replace it",
		    NULL },
		{ 0, "c C=pathlen=0", 1,
		    "ca: does not have pathlen=0: replaced", " p256 CN=ca ca" },
		{ 0, "c", 0, NULL, NULL },
		{ 0, "c C=permit=example.com C=permit=10.0.0.0/8", 1,
		    "ca: does not permit dns:example.com: replaced",
		    " p256 CN=ca ca" },
		{ 0, "c C=permit=10.0.0.0/8 C=permit=example.com C=pathlen=0",
		    0, NULL, NULL },
		{ 0, "c C=permit=10.0.0.0/8", 1,
		    "ca: permits dns:example.com, too: replaced",
		    " p256 CN=ca ca" },
		{ 0, "c C=exclude=2001:db8::/32", 1,
		    "ca: does not exclude ip:2001:db8::/32: replaced",
		    " p256 CN=ca ca" },
		{ 0, "c C=exclude=2001:db8::/32 C=permit=10.0.0.0/8", 0, NULL,
		    NULL },
		{ 0, "c C=pathlen=1", 1, "ca: does not have pathlen=1",
		    " p256 CN=ca ca" },
		{ 0, "c E=one l=3640d", 1,
		    "ca: has a key that is not encrypted: repl",
		    " p256 CN=ca ca" },
		{ 0, "c E=one C=pathlen=1 C=permit=10.0.0.0/8", 0, NULL, NULL },
		{ 0, "c", 0, NULL, NULL },
		{ 0, "c E=two", -1, "encrypted with another passphrase", NULL },
		{ 0, "c e=3649d", -1, "use -E to encrypt the new one", NULL },
		{ 0, "c e=3649d E=one t=p384", 1, "ca: has another key",
		    " p384 CN=ca ca" },
		{ CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_IFNEEDED,
		    "c E=two C=pathlen=1 C=permit=10.0.0.0/8", 1,
		    "ca: has a key with another passphrase: replaced",
		    " p256 CN=ca ca" },
		{ CERTSTORE_CREATE_FORCE, "c", 1,
		    "ca: no longer has the constraints it had",
		    " p256 CN=ca ca" },
		{ CERTSTORE_CREATE_FORCE, "c E=one", 1,
		    "certificates of the old CA", " p256 CN=ca ca" },
		{ CERTSTORE_CREATE_FORCE, "c", 1,
		    "ca: its key was encrypted, and", " p256 CN=ca ca" },
		/* An intermediate stays one. */
		{ CERTSTORE_CREATE_FORCE, "c A=top-CA", 1,
		    "certificates of the old CA", " p256 CN=top-CA ca" },
		{ 0, "c", 0, NULL, NULL },
		{ 0, "c C=pathlen=0", 1, "ca: does not have pathlen=0",
		    " p256 CN=top-CA ca" },
	};

	must("top-CA", 0, "c");
	must("else-CA", 0, "c");
	must("sub-CA", 0, "c C=permit=sub.example");
	MEET("app", app);
	MEET("ca", ca);
	must("mail", 0, "P=mail s=a@b.example");
	refused("mail", CERTSTORE_CREATE_IFNEEDED, "s=b.example",
	    CERTSTORE_EEXIST, "mail: is for mail: use -f to replace it");
}

/* Clocks that are wrong, and what has ended. */
static void
testclocks(void)
{
	static const struct meeting early[] = {
		{ 0, "s=a.example", 1, "early: is not yet valid (valid from ",
		    "a.example,b.example p384 CN=early-CA server" },
		{ 0, "s=a.example", 0, NULL, NULL },
	};
	static const struct meeting late[] = {
		{ 0, "s=a.example", 1, "early: expired ",
		    "a.example,b.example p384 CN=early-CA server" },
		{ 0, "s=a.example", 0, NULL, NULL },
	};

	must("early-CA", 0, "c");
	ahead = 1000 * CS_DAY;
	must("early", 0, "A=early-CA t=p384 s=a.example s=b.example");
	must("early-self", 0, "s=a.example");
	ahead = 0;
	MEET("early", early);
	is_int(create("early-self", CERTSTORE_CREATE_IFNEEDED, "s=a.example"),
	    1, "self-signed, not valid yet");
	ok(strstr(warned, "early-self: is not yet valid (valid from ") != NULL,
	    "says so: %s", warned);
	is_int(create("early-self", CERTSTORE_CREATE_IFNEEDED, "s=a.example"),
	    0, "once");
	ahead = 400 * CS_DAY;
	MEET("early", late);
	is_int(create("early-self", CERTSTORE_CREATE_IFNEEDED, "s=a.example"),
	    1, "self-signed, ended");
	ahead = 0;
	must("early-CA", CERTSTORE_CREATE_FORCE, "c");
	ahead = 3000 * CS_DAY;
	must("future-CA", 0, "c");
	must("future", 0, "A=future-CA s=a.example");
	ahead = 0;
	refused("future", CERTSTORE_CREATE_IFNEEDED, "s=a.example",
	    CERTSTORE_EREFUSED, "check the clock");
	refused("future", CERTSTORE_CREATE_IFNEEDED, "A=future-CA s=a.example",
	    CERTSTORE_EREFUSED, "check the clock");
}

/* A key that is lost, or is that of something else. */
static void
testkeys(void)
{
	static const struct {
		const char *how, *says;
	} cases[] = { { "rm store/certs/key/privkey.pem",
			  "key: has no private key: replaced" },
		{ ": >store/certs/key/privkey.pem",
		    "key: has no private key: replaced" },
		{ "echo x >store/certs/key/privkey.pem",
		    "key: has a damaged private key: replaced" },
		{ "cat store/certs/key2/privkey.pem "
		  ">store/certs/key/privkey.pem",
		    "key: has a private key that does not match: replaced" },
		/* as if within one tick of the clock */
		{ "cat store/certs/key3/privkey.pem "
		  ">store/certs/key/privkey.pem; touch store/certs/key/info",
		    "key: has a private key that does not match: replaced" },
		{ "echo x >store/certs/key/privkey.pem; "
		  "touch store/certs/key/info",
		    "key: has a damaged private key: replaced" } };
	size_t i;

	must("key2", 0, "s=a.example");
	must("key3", 0, "t=p384 s=a.example");
	must("key", 0, "A=top-CA t=p384 s=a.example s=b.example");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sh(cases[i].how);
		is_int(create("key", CERTSTORE_CREATE_IFNEEDED, "s=a.example"),
		    1, "%s", cases[i].how);
		ok(strstr(warned, cases[i].says) != NULL, "says so: %s",
		    warned);
		is_str(now("key"), "a.example,b.example p384 CN=top-CA server",
		    "as it was");
		is_int(create("key", CERTSTORE_CREATE_IFNEEDED, "s=a.example"),
		    0, "whole again");
	}
	sh("touch store/certs/key/privkey.pem");
	is_int(create("key", CERTSTORE_CREATE_IFNEEDED, "s=a.example"), 0,
	    "touched is not changed");
	must("reqkey", CERTSTORE_CREATE_REQUEST, "s=a.example");
	sh("rm store/certs/reqkey/request.key");
	refused("reqkey", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "s=a.example", CERTSTORE_EDAMAGED, "reqkey");
	must("reqkey", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE,
	    "s=a.example");
	sh("cat store/certs/key2/privkey.pem "
	   ">store/certs/reqkey/request.key");
	refused("reqkey", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "s=a.example", CERTSTORE_EDAMAGED,
	    "has a private key that does not match, so an answer cannot be used");
	is_int(create("reqkey",
		   CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED |
		       CERTSTORE_CREATE_FORCE,
		   "s=a.example"),
	    1, "use -f to make a new one");
}

/* The CA that signed is replaced, gone, or its key is locked. */
static void
testissuersgone(void)
{
	static const char *const gone[] = { "gone-CA" };

	must("gone-CA", 0, "c");
	must("gone", 0, "A=gone-CA l=395d s=a.example s=b.example");
	ahead = 100 * CS_DAY;
	must("gone-CA", CERTSTORE_CREATE_FORCE, "c l=5d");
	must("gone", CERTSTORE_CREATE_FORCE, "A=gone-CA s=a.example");
	sh("sed -i 's/^ends [0-9]*/ends 99999999999/' store/certs/gone/info");
	ahead = 110 * CS_DAY;
	refused("gone", CERTSTORE_CREATE_IFNEEDED, "A=gone-CA s=a.example",
	    CERTSTORE_EREFUSED, "gone-CA: expired ");
	ahead = 0;
	must("gone-CA", CERTSTORE_CREATE_FORCE, "c");
	must("gone", CERTSTORE_CREATE_FORCE,
	    "A=gone-CA l=395d s=a.example s=b.example");
	must("gone-CA", CERTSTORE_CREATE_FORCE, "c");
	is_int(create("gone", CERTSTORE_CREATE_IFNEEDED, "s=a.example"), 0,
	    "its CA has another key, which nobody asks about");
	is_int(create("gone",
		   CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_DRYRUN,
		   "A=gone-CA s=a.example"),
	    1, "it is asked for");
	ok(strstr(warned, "gone: is not signed by gone-CA: replaced") != NULL,
	    "says so: %s", warned);
	if (certstore_remove(store, gone, 1, CERTSTORE_REMOVE_FORCE, NULL, NULL,
		&err) == -1)
		bail("%s", err.msg);
	refused("gone", CERTSTORE_CREATE_IFNEEDED, "A=gone-CA s=a.example",
	    CERTSTORE_ENOENTRY, "gone-CA");
	is_int(create("gone", CERTSTORE_CREATE_IFNEEDED, "s=a.example e=396d"),
	    0, "due, and its CA is gone: it serves on");
	ok(strstr(warned, "its CA \"CN=gone-CA\" is not in the store") != NULL,
	    "says so: %s", warned);
	refused("gone", CERTSTORE_CREATE_IFNEEDED, "s=c.example",
	    CERTSTORE_EREFUSED,
	    "is not in the store with its key: use -f to make a self-signed one");
	ahead = 400 * CS_DAY;
	is_int(create("gone", CERTSTORE_CREATE_IFNEEDED, "s=a.example"), 1,
	    "ended, and its CA is gone: it is self-signed");
	ok(strstr(warned, "is not in the store with its key: replaced") != NULL,
	    "says so: %s", warned);
	is_str(now("gone"), "a.example,b.example p256 CN=a.example self",
	    "with its names");
	ahead = 0;
	must("shut-CA", 0, "c E=secret");
	must("shut-CA", CERTSTORE_CREATE_REQUEST, "c");
	ok(strstr(warned, "shut-CA: its key is encrypted, and that of") != NULL,
	    "a request's key in clear: %s", warned);
	must("shut", 0, "A=shut-CA l=395d p=secret s=a.example s=b.example");
	is_int(create("shut", CERTSTORE_CREATE_IFNEEDED, "s=a.example"), 0,
	    "nothing is needed: no passphrase");
	is_int(create("shut", CERTSTORE_CREATE_IFNEEDED, "s=a.example e=396d"),
	    0, "due, and nobody opens its CA's key: it serves on");
	ok(strstr(warned, "and cannot be renewed: shut-CA: ") != NULL,
	    "says so: %s", warned);
	refused("shut", CERTSTORE_CREATE_IFNEEDED, "s=c.example",
	    CERTSTORE_EPASSPHRASE, "shut-CA: ");
	is_int(create("shut", CERTSTORE_CREATE_IFNEEDED,
		   "p=secret s=a.example e=396d"),
	    1, "somebody does");
	ahead = 400 * CS_DAY;
	refused("shut", CERTSTORE_CREATE_IFNEEDED, "s=a.example",
	    CERTSTORE_EPASSPHRASE, "shut-CA: ");
	ahead = 0;
}

static void
testimported(void)
{
	must("imp", 0, "l=395d s=*.example.com s=i.example");
	sh("sed -i s/create/import/ store/certs/imp/props "
	   "store/certs/imp/info");
	is_int(create("imp", CERTSTORE_CREATE_IFNEEDED, "s=a.example.com"), 0,
	    "imported: it covers the name");
	is_int(create("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example t=p256"),
	    0, "and has the key type");
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=j.example",
	    CERTSTORE_EEXIST, "j.example");
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example t=p384",
	    CERTSTORE_EEXIST, "another key");
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example A=nc",
	    CERTSTORE_EEXIST, "not signed by");
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example P=client",
	    CERTSTORE_EEXIST, "not for a");
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "c", CERTSTORE_EEXIST,
	    "not a CA");
	is_int(create("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example S=O=x"), 0,
	    "whose subject others chose");
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example P=mail",
	    CERTSTORE_EEXIST, "imp: was imported and is not for mail: use -f");
	ahead = 400 * CS_DAY;
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example",
	    CERTSTORE_EEXIST, "imp: was imported and expired ");
	ahead = -10 * CS_DAY;
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example",
	    CERTSTORE_EEXIST,
	    "imp: was imported and is not yet valid (valid from ");
	ahead = 0;
	refused("imp", CERTSTORE_CREATE_IFNEEDED, "s=i.example e=396d",
	    CERTSTORE_EEXIST, "imp: was imported and expires ");
	must("impca", 0, "c");
	sh("sed -i s/create/import/ store/certs/impca/props "
	   "store/certs/impca/info");
	refused("impca", CERTSTORE_CREATE_IFNEEDED, "c C=pathlen=0",
	    CERTSTORE_EEXIST,
	    "impca: was imported and does not have pathlen=0: use -f");
	refused("impca", CERTSTORE_CREATE_IFNEEDED, "c E=x", CERTSTORE_EEXIST,
	    "impca: was imported and has a key that is not encrypted: use -f");
	is_int(create("imp", CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_FORCE,
		   "s=i.example"),
	    0, "-f -u: still only if needed");
	is_int(create("imp", CERTSTORE_CREATE_IFNEEDED | CERTSTORE_CREATE_FORCE,
		   "s=j.example"),
	    1, "and then replaced");
	is_str(text("imp", CS_PROPS, "origin "), "create", "origin changed");
}

static void
testrequests(void)
{
	char *first, pair[80];

	is_int(create("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_DRYRUN,
		   "s=r.example"),
	    1, "a dry run of a request");
	ok(csr == NULL, "gives none, since its key is gone");
	must("req", CERTSTORE_CREATE_REQUEST, "s=r.example s=192.0.2.7");
	ok(csr != NULL &&
		strncmp(csr, "-----BEGIN CERTIFICATE REQUEST", 30) == 0,
	    "a request");
	is_str(text("req", CS_REQUEST_CSR, NULL), csr, "as in the entry");
	is_str(text("req", CS_INFO, "kind "), "waiting", "that waits");
	first = strdup(csr);
	refused("req", CERTSTORE_CREATE_REQUEST, "s=r.example",
	    CERTSTORE_EEXIST, "a request already waits");
	is_int(create("req",
		   CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
		   "s=192.0.2.7 s=r.example"),
	    0, "-u: it waits already");
	is_str(csr, first, "and is given again");
	refused("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "s=q.example", CERTSTORE_EEXIST, "another request");
	is_int(create("req",
		   CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
		   "s=r.example"),
	    0, "-u: nor for one of its names");
	refused("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "s=r.example t=p384", CERTSTORE_EEXIST,
	    "another request waits, which has another key: p256, not p384: use -f");
	refused("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "s=r.example S=O=x", CERTSTORE_EEXIST,
	    "different O in its subject");
	refused("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "c", CERTSTORE_EEXIST,
	    "another request waits, which is not for a CA");
	refused("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "P=peer s=r.example", CERTSTORE_EEXIST, "is not for a peer");
	must("req", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE,
	    "s=r.example");
	ok(strcmp(csr, first) != 0, "use -f to make a new one");
	ok(strstr(warned, "req: an answer to the earlier request") != NULL,
	    "and says what that means: %s", warned);
	free(first);
	first = strdup(csr);
	is_int(create("req", CERTSTORE_CREATE_IFNEEDED, "s=r.example"), 1,
	    "a pair that serves while the answer is awaited");
	is_str(text("req", CS_REQUEST_CSR, NULL), first, "which still is");
	is_str(text("req", CS_INFO, "kind "), "self", "but no longer its kind");
	ok(text("req", CS_INFO, "request ")[0] != '\0', "info tells the key");
	free(first);
	must("serving", 0, "A=nc s=s.example.com");
	snprintf(pair, sizeof(pair), "%s", spki("serving"));
	must("serving", CERTSTORE_CREATE_REQUEST, "s=s.example.com");
	is_str(spki("serving"), pair, "the old pair goes on serving");
	is_str(text("serving", CS_INFO, "kind "), "server", "as before");
	is_int(count("serving", CS_CA), 1, "with what is above it");
	ok(text("serving", CS_REQUEST_KEY, NULL)[0] != '\0', "and a new key");
	refused("serving", CERTSTORE_CREATE_REQUEST, "s=s.example.com",
	    CERTSTORE_EEXIST, "a request already waits");
	must("serving", CERTSTORE_CREATE_FORCE, "s=s.example.com");
	ok(text("serving", CS_REQUEST_KEY, NULL)[0] != '\0',
	    "a new pair does not lose what waits");
	must("req2", CERTSTORE_CREATE_REQUEST, "s=r.example t=p384");
	is_int(create("req2",
		   CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
		   "s=r.example"),
	    0, "-u: any key will do");
	must("careq", CERTSTORE_CREATE_REQUEST, "c E=secret C=pathlen=0");
	is_int(create("careq",
		   CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
		   "c E=secret C=pathlen=0"),
	    0, "-u: a CA's that waits");
	refused("careq", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "c C=permit=a.example", CERTSTORE_EEXIST,
	    "does not permit dns:a.example");
	refused("careq", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_IFNEEDED,
	    "c E=other", CERTSTORE_EPASSPHRASE, "another passphrase");
	must("careq", CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE,
	    "c E=secret");
	ok(strncmp(text("careq", CS_REQUEST_KEY, NULL), "-----BEGIN ENCRYPTED",
	       20) == 0,
	    "an encrypted key that waits");
}

static void
testdamaged(void)
{
	must("dam", 0, "s=d.example");
	sh("echo junk >>store/certs/dam/info && "
	   "echo junk >store/certs/dam/fullchain.pem");
	refused("dam", 0, "s=d.example", CERTSTORE_EDAMAGED, "dam");
	refused("dam", CERTSTORE_CREATE_IFNEEDED, "s=d.example",
	    CERTSTORE_EDAMAGED, "dam");
	must("dam", CERTSTORE_CREATE_FORCE, "s=d.example");
	is_int(verifies("dam"), 1, "-f makes it whole");
}

static size_t searched, wrote, wrong;

static void
progress(void *arg, const char *what, size_t done, size_t total)
{
	wrong += strcmp(arg, "arg") != 0;
	if (strcmp(what, "searching for a key") == 0) {
		searched++;
		wrong += done != 0 || total != 0; /* no end in sight */
	} else if (strcmp(what, "writing") == 0) {
		wrote++;
		wrong += done != 0 || total != 1;
	}
}

static void
testprogress(void)
{
	static char arg[] = "arg";

	certstore_set_progress(store, progress, arg);
	must("quick", 0, "s=quick.example");
	ok(searched == 0 && wrote == 1, "P-256 is not searched for");
	certstore_set_progress(store, NULL, NULL);
	must("slow", 0, "s=slow.example t=rsa:2048");
	ok(wrote == 1, "nobody listens");
	certstore_set_progress(store, progress, arg);
	must("slow", CERTSTORE_CREATE_FORCE, "s=slow.example t=rsa:2048");
	ok(searched > 2 && wrote == 2, "RSA is");
	ok(wrong == 0, "numbers and argument are right");
	certstore_set_progress(store, NULL, NULL);
}

int
main(void)
{
	makescratch();
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	certstore_set_warn(store, warn, NULL);
	refused("x", 0, "", CERTSTORE_EREFUSED, "without a name");
	sh("! test -e store");
	testchains();
	testissuers();
	testconstraints();
	testlives();
	testpassphrase();
	testidentity();
	testretype();
	testnoted();
	testparts();
	testagain();
	testunfilled();
	testifneeded();
	testmeetings();
	testclocks();
	testkeys();
	testissuersgone();
	testimported();
	testrequests();
	testdamaged();
	testprogress();
	free(csr);
	certstore_close(store);
	removescratch();
	return tap_done();
}
