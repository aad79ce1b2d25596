/*
 * test-renew.c: certstore_renew(3): what is the same in the new certificate,
 * what is not, whose chains follow, and what is refused.
 */
#include <sys/time.h>

#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "issue/private.h"
#include "tap.h"
#include "scratch.h"

#define DAY 86400

static struct certstore *store;
static char warned[2048], changes[1024];

/* Stands before libc's, so that years can pass. */
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

static void
changed(void *arg, const char *name)
{
	size_t len = strlen(changes);

	(void)arg;
	snprintf(changes + len, sizeof(changes) - len, "%s%s",
	    len > 0 ? " " : "", name);
}

static int
passphrase(void *arg, const char *what, char *buf, size_t size)
{
	(void)what;
	return arg == NULL ? -1 : snprintf(buf, size, "%s", (char *)arg);
}

static int
renewal(const char *name, int flags, const char *secret)
{
	char copy[64];
	struct certstore_passphrase pass = { passphrase, NULL };
	int rv;

	if (secret != NULL) {
		snprintf(copy, sizeof(copy), "%s", secret);
		pass.arg = copy;
	}
	warned[0] = changes[0] = '\0';
	rv = certstore_renew(store, name, NULL, &pass, flags, changed, NULL,
	    &err);
	is_int((long long)ERR_peek_error(), 0, "libcrypto's queue is empty");
	if (rv == -1)
		printf("# %s: %s\n", name, err.msg);
	if (warned[0] != '\0')
		printf("# %s\n", warned);
	return rv;
}

static void
renewed(const char *name, const char *want)
{
	is_int(renewal(name, 0, NULL), 0, "%s is renewed", name);
	is_str(changes, want, "and what depends on it");
}

static void
refused(const char *name, int flags, enum certstore_code code, const char *says)
{
	int rv = renewal(name, flags, NULL);

	if (!ok(rv == -1 && err.code == code && strstr(err.msg, says) != NULL,
		"refused: %s: %s", name, says))
		printf("# rv %d code %d: %s\n", rv, err.code, err.msg);
	is_str(changes, "", "nothing is changed");
}

/* A file of an entry, or the rest of a line of it; "" if there is none. */
static char *
text(const char *name, enum cs_file file, const char *key)
{
	static char out[8][16384];
	static unsigned int turn;
	struct certstore_entry entry = { 0 };
	struct cs_buf buf = { 0 };
	char *to = out[turn++ % 8], *p;
	size_t n = key == NULL ? 0 : strlen(key);

	to[0] = '\0';
	if (cs_store_refresh(store, &err) == -1 ||
	    cs_entry_load(store, name, &entry, &err) == -1)
		bail("%s: %s", name, err.msg);
	if (cs_entry_read(&entry, file, &buf, &err) == 1 && buf.len > 0) {
		if (key == NULL)
			snprintf(to, sizeof(out[0]), "%s", buf.p);
		else {
			for (p = buf.p; p != NULL && strncmp(p, key, n) != 0;)
				if ((p = strchr(p, '\n')) != NULL)
					p++;
			if (p != NULL)
				snprintf(to, sizeof(out[0]), "%.*s",
				    (int)strcspn(p + n, "\n"), p + n);
		}
	}
	cs_buf_free(&buf);
	cs_entry_done(&entry);
	return to;
}

/* One argument as on the command line: "c", "s=host", "A=ca". */
static void
apply(struct certstore_template *t, const char *arg)
{
	const char *key, *value = arg + 2;
	struct certstore_span span;
	int rv = -1;

	switch (arg[0]) {
	case 'c':
		rv = certstore_template_set_ca(t, &err);
		break;
	case 'A':
		rv = certstore_template_set_issuer(t, value, &err);
		break;
	case 'C':
		rv = certstore_template_add_constraint(t, value, &err);
		break;
	case 'E':
		rv = certstore_template_set_encrypt(t, value, &err);
		break;
	case 'K':
		key = text(value, CS_PRIVKEY, NULL);
		rv = certstore_template_set_key(t, value, key, strlen(key),
		    &err);
		break;
	case 'P':
		rv = certstore_template_set_profile(t, value, &err);
		break;
	case 's':
		rv = certstore_template_add_san(t, value, &err);
		break;
	case 'S':
		rv = certstore_template_add_subject(t, value, &err);
		break;
	case 't':
		rv = certstore_template_set_type(t, value, &err);
		break;
	case 'l':
		rv = certstore_span_parse(value, &span, &err);
		if (rv == 0)
			rv = certstore_template_set_life(t, &span, &err);
		break;
	}
	if (rv == -1)
		bail("%s: %s", arg, err.msg);
}

static void
make(const char *name, int flags, const char *args)
{
	struct certstore_template *t = certstore_template_new(&err);
	char copy[512], *arg, *csr = NULL, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", args);
	while ((arg = strsep(&rest, " ")) != NULL)
		if (*arg != '\0')
			apply(t, arg);
	if (certstore_create(store, name, t, flags, &csr, &err) != 1)
		bail("%s %s: %s", name, args, err.msg);
	free(csr);
	certstore_template_free(t);
}

static X509 *
cert(const char *name)
{
	struct certstore_entry entry = { 0 };
	X509 *x509;

	if (cs_store_refresh(store, &err) == -1 ||
	    cs_entry_load(store, name, &entry, &err) == -1 ||
	    (x509 = cs_keep_cert(&entry, &err)) == NULL)
		bail("%s: %s", name, err.msg);
	cs_entry_done(&entry);
	return x509;
}

static int64_t
ends(const char *name)
{
	return atoll(text(name, CS_INFO, "ends "));
}

static int64_t
life(const char *name)
{
	return ends(name) - atoll(text(name, CS_INFO, "starts "));
}

/* As a client does it: the root alone is trusted, the rest was sent. */
static int
verifies(const char *name)
{
	struct cs_buf fullbuf = { 0 }, cabuf = { 0 };
	STACK_OF(X509) *full, *ca;
	X509_STORE *anchors = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rv;

	cs_buf_adds(&fullbuf, text(name, CS_FULLCHAIN, NULL));
	cs_buf_adds(&cabuf, text(name, CS_CA, NULL));
	if ((full = cs_cert_stack(name, &fullbuf, 0, &err)) == NULL ||
	    (ca = cs_cert_stack(name, &cabuf, 0, &err)) == NULL)
		bail("%s", err.msg);
	X509_STORE_add_cert(anchors, sk_X509_value(ca, sk_X509_num(ca) - 1));
	X509_STORE_CTX_init(ctx, anchors, sk_X509_value(full, 0), full);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CHECK_SS_SIGNATURE);
	rv = X509_verify_cert(ctx);
	if (rv != 1)
		printf("# %s: %s\n", name,
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(anchors);
	sk_X509_pop_free(ca, X509_free);
	sk_X509_pop_free(full, X509_free);
	cs_buf_free(&fullbuf);
	cs_buf_free(&cabuf);
	return rv;
}

static int
samename(const X509_NAME *a, const X509_NAME *b)
{
	const unsigned char *p, *q;
	size_t n, m;

	return X509_NAME_get0_der(a, &p, &n) == 1 &&
	    X509_NAME_get0_der(b, &q, &m) == 1 && n == m &&
	    memcmp(p, q, n) == 0;
}

/* Is the second the first again: all is equal, in order, but what has to be
 * new?  The extension that may be missing in it is drop. */
static void
isagain(X509 *a, X509 *b, int samekey, int drop)
{
	const STACK_OF(X509_EXTENSION) *v = X509_get0_extensions(a);
	const STACK_OF(X509_EXTENSION) *w = X509_get0_extensions(b);
	X509_ALGOR *p, *q;
	X509_EXTENSION *x, *y;
	int i, j = 0, nid, same = 1;

	is_int(X509_get_version(b), X509_get_version(a), "version");
	ok(samename(X509_get_subject_name(a), X509_get_subject_name(b)),
	    "subject, octet by octet");
	ok(ASN1_INTEGER_cmp(X509_get0_serialNumber(a),
	       X509_get0_serialNumber(b)) != 0,
	    "another serial number");
	is_int(EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)), samekey,
	    samekey ? "the same key" : "another key");
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &p, X509_get_X509_PUBKEY(a));
	X509_PUBKEY_get0_param(NULL, NULL, NULL, &q, X509_get_X509_PUBKEY(b));
	ok(X509_ALGOR_cmp(p, q) == 0, "with the same parameters");
	ok(cs_cert_ends(b) > cs_cert_ends(a), "ends later");
	for (i = 0; i < sk_X509_EXTENSION_num(v); i++) {
		x = sk_X509_EXTENSION_value(v, i);
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(x));
		if (nid == drop && drop != NID_undef)
			continue;
		y = sk_X509_EXTENSION_value(w, j++);
		if (y == NULL ||
		    OBJ_cmp(X509_EXTENSION_get_object(x),
			X509_EXTENSION_get_object(y)) != 0 ||
		    X509_EXTENSION_get_critical(x) !=
			X509_EXTENSION_get_critical(y) ||
		    (nid != NID_authority_key_identifier &&
			(nid != NID_subject_key_identifier || samekey) &&
			ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(x),
			    X509_EXTENSION_get_data(y)) != 0))
			same = 0;
	}
	ok(same && j == (w == NULL ? 0 : sk_X509_EXTENSION_num(w)),
	    "%d extensions, in order, octet by octet", j);
}

/* Renews after so many days, and compares. */
static void
again(const char *name, int days, int samekey, const char *want)
{
	X509 *a = cert(name), *b;

	ahead += (time_t)days * DAY;
	renewed(name, want);
	b = cert(name);
	isagain(a, b, samekey, NID_undef);
	X509_free(a);
	X509_free(b);
}

static void
testkinds(void)
{
	char key[16384];

	make("root", 0, "c l=3650d S=O=Exämple S=CN=Root");
	make("www", 0,
	    "A=root l=90d s=www.example s=10.0.0.1 s=a@www.example "
	    "S=O=X S=CN=www.example t=p384");
	snprintf(key, sizeof(key), "%s", text("www", CS_PRIVKEY, NULL));
	again("www", 61, 0, "www");
	ok(strcmp(key, text("www", CS_PRIVKEY, NULL)) != 0, "a new key");
	is_int(life("www"), 90 * DAY + 300, "as long as before");
	is_str(text("www", CS_INFO, "kept "), "1", "the old one is kept");
	is_str(text("www", CS_PROPS, "origin "), "create", "the same origin");
	is_str(text("www", CS_PROPS, "life "), "", "the certificate tells all");
	is_int(verifies("www"), 1, "verifies");

	setprop("www", "keepkey", "yes");
	snprintf(key, sizeof(key), "%s", text("www", CS_PRIVKEY, NULL));
	again("www", 61, 1, "www");
	is_str(text("www", CS_PRIVKEY, NULL), key, "keepkey=yes");

	setprop("www", "life", "30d");
	again("www", 61, 1, "www");
	is_int(life("www"), 30 * DAY + 300, "life=30d");

	make("mail", 0, "A=root P=mail s=me@example.org l=90d");
	again("mail", 61, 1, "mail");
	setprop("mail", "keepkey", "no");
	again("mail", 61, 0, "mail");

	make("own", 0, "s=own.example l=90d");
	again("own", 61, 1, "own");
	make("rsa", 0, "A=root s=rsa.example l=90d t=rsa:2048");
	again("rsa", 61, 0, "rsa");
	make("ed", 0, "A=root s=ed.example l=90d t=ed25519");
	again("ed", 61, 0, "ed");
}

static void
testrefused(void)
{
	char was[16384];

	refused("nobody", 0, CERTSTORE_ENOENTRY, "nobody");
	refused("www", 1, CERTSTORE_EARGUMENT, "flag");
	make("asked", CERTSTORE_CREATE_REQUEST, "s=asked.example");
	refused("asked", 0, CERTSTORE_EREFUSED, "has no certificate yet");
	make("brief", 0, "s=brief.example l=90d");
	setprop("brief", "life", "1d");
	refused("brief", 0, CERTSTORE_EREFUSED, "life=90d for a longer life");
	is_int(renewal("brief", CERTSTORE_RENEW_FORCE, NULL), 0, "with -f");
	is_int(life("brief"), DAY + 300, "is shorter");

	snprintf(was, sizeof(was), "%s", text("www", CS_INFO, NULL));
	is_int(renewal("www", CERTSTORE_RENEW_DRYRUN, NULL), 0, "a dry run");
	is_str(changes, "www", "tells what would change");
	is_str(text("www", CS_INFO, NULL), was, "and changes nothing");

	make("lost", 0, "c l=90d");
	make("orphan", 0, "A=lost s=orphan.example l=30d");
	sh("rm store/certs/lost; rm -r store/certs/.lost@1");
	refused("orphan", 0, CERTSTORE_EREFUSED,
	    "its CA \"CN=lost\" is not in the store with its key");
}

/* An encrypted key is asked for only where it signs. */
static void
testencrypted(void)
{
	char key[16384];

	make("locked", 0, "c l=900d E=secret");
	snprintf(key, sizeof(key), "%s", text("locked", CS_PRIVKEY, NULL));
	ahead += 300 * (time_t)DAY;
	refused("locked", 0, CERTSTORE_EPASSPHRASE, "locked");
	is_int(renewal("locked", 0, "secret"), 0, "with its passphrase");
	is_str(text("locked", CS_PRIVKEY, NULL), key, "the file is the same");
	make("inner", 0, "c A=root l=90d E=other");
	snprintf(key, sizeof(key), "%s", text("inner", CS_PRIVKEY, NULL));
	again("inner", 31, 1, "inner");
	is_str(text("inner", CS_PRIVKEY, NULL), key, "not asked for");
}

/* How often a text is in another. */
static int
times(const char *in, const char *what)
{
	int n = 0;

	for (; (in = strstr(in, what)) != NULL; in += strlen(what))
		n++;
	return n;
}

/* The PEM of an entry's certificate. */
static void
pemof(const char *name, char out[16384])
{
	char *end;

	snprintf(out, 16384, "%s", text(name, CS_FULLCHAIN, NULL));
	end = strstr(out, "-----END CERTIFICATE-----\n");
	end[26] = '\0';
}

/* Replaces a text wherever it is. */
static void
swap(char file[16384], const char *from, const char *to)
{
	char rest[16384], *at = file;

	while ((at = strstr(at, from)) != NULL) {
		snprintf(rest, sizeof(rest), "%s", at + strlen(from));
		snprintf(at, (size_t)(file + 16384 - at), "%s%s", to, rest);
		at += strlen(to);
	}
}

/* A renewed CA takes its old place in all chains, and nothing else is new. */
static void
testbelow(void)
{
	static const char *const names[] = { "b-sub", "b-one", "b-two", NULL };
	char was[16384], now[16384], file[16384], key[16384], csr[16384];
	int i;

	make("b-root", 0, "c l=2000d");
	make("b-sub", 0, "c A=b-root l=1000d C=pathlen=0");
	make("b-one", 0, "A=b-root s=one.example l=900d");
	make("b-two", 0, "A=b-sub s=two.example l=900d");
	make("b-two", CERTSTORE_CREATE_FORCE, "A=b-sub s=two.example l=900d");
	make("b-two", CERTSTORE_CREATE_REQUEST, "s=two.example");
	setprop("b-two", "user", "nginx");
	pemof("b-root", was);
	ahead += 100 * (time_t)DAY;
	for (i = 0; names[i] != NULL; i++) {
		snprintf(file, sizeof(file), "%s", text(names[i], CS_CA, NULL));
		is_int(times(file, was), 1, "%s has the root", names[i]);
	}
	snprintf(key, sizeof(key), "%s", text("b-two", CS_PRIVKEY, NULL));
	snprintf(csr, sizeof(csr), "%s", text("b-two", CS_REQUEST_CSR, NULL));
	is_str(text("b-two", CS_INFO, "kept "), "1", "kept");
	is_str(text("b-two", CS_INFO, "generation "), "4", "and now");
	renewed("b-root", "b-one b-root b-sub b-two");
	pemof("b-root", now);
	swap(file, was, now);
	is_str(text("b-two", CS_CA, NULL), file, "replaced in ca.pem");
	is_str(text("b-two", CS_PRIVKEY, NULL), key, "the same key");
	is_str(text("b-two", CS_REQUEST_CSR, NULL), csr, "and request");
	is_str(text("b-two", CS_INFO, "kept "), "1", "kept as before");
	is_str(text("b-two", CS_INFO, "generation "), "5", "written once");
	is_str(text("b-two", CS_INFO, "pair "), "", "its chain is new");
	is_str(text("b-two", CS_PROPS, "user "), "nginx", "the same props");
	is_str(text("b-two", CS_PROPS, "life "), "", "and no life");

	pemof("b-sub", was);
	snprintf(file, sizeof(file), "%s", text("b-two", CS_COMBINED, NULL));
	is_int(times(file, was), 1, "combined.pem has the intermediate");
	renewed("b-sub", "b-sub b-two");
	pemof("b-sub", now);
	swap(file, was, now);
	is_str(text("b-two", CS_COMBINED, NULL), file, "in combined.pem");
	ok(strstr(text("b-two", CS_FULLCHAIN, NULL), now) != NULL &&
		strstr(text("b-two", CS_CHAIN, NULL), now) != NULL,
	    "in fullchain.pem and chain.pem");
	is_int(atoll(strchr(text("b-two", CS_INFO, "issuing "), ' ') == NULL ?
		       "0" :
		       text("b-two", CS_INFO, "issuing ")),
	    ends("b-sub"), "info knows its end");
	for (i = 0; names[i] != NULL; i++)
		is_int(verifies(names[i]), 1, "%s verifies", names[i]);
}

/* A certificate that was cut does not get shorter and shorter. */
static void
testratchet(void)
{
	int64_t end = 0;
	int i;

	make("r-root", 0, "c l=1000d");
	make("r-sub", 0, "c A=r-root");
	make("r-www", 0, "A=r-sub s=r.example l=400d");
	is_str(text("r-sub", CS_PROPS, "life "), "3650d", "cut: life is kept");
	is_str(text("r-www", CS_PROPS, "life "), "", "not cut");
	/* each at a third of the life that is left */
	for (i = 0; i < 20; i++) {
		ahead += 267 * (time_t)DAY;
		if (renewal("r-www", 0, NULL) != 0 || ends("r-www") <= end)
			break;
		end = ends("r-www");
		if (life("r-www") != 400 * DAY + 300)
			break;
	}
	is_int(i, 20, "twenty lives, each of 400 days");
	is_str(text("r-sub", CS_PROPS, "life "), "3650d", "still");
	is_int(verifies("r-www"), 1, "verifies");

	/* without its CA's key the end is that of the CA, once */
	make("s-root", 0, "c l=400d");
	make("s-www", 0, "A=s-root s=s.example l=100d");
	setprop("s-root", "renew", "no");
	ahead += 70 * (time_t)DAY;
	for (i = 0; i < 20 && renewal("s-www", 0, NULL) == 0; i++)
		ahead += 70 * (time_t)DAY;
	is_int(i, 5, "five renewals");
	is_int(ends("s-www"), ends("s-root"), "up to the end of the CA");
	ok(strstr(err.msg, "renew the CA first") != NULL, "says so");
	is_str(text("s-www", CS_PROPS, "life "), "100d", "its life is known");

	/* one that was made before props had a life */
	make("t-root", 0, "c l=100d");
	make("t-www", 0, "A=t-root s=t.example");
	setprop("t-www", "life", "");
	ahead += 40 * (time_t)DAY;
	renewed("t-root", "t-root t-www");
	is_str(text("t-www", CS_PROPS, "life "), "397d",
	    "at least the default");
	is_int(verifies("t-www"), 1, "verifies");
}

/* A CA that is used up is renewed first, and the one above it before that. */
static void
testclimb(void)
{
	char was[16384];

	make("c-root", 0, "c l=900d");
	make("c-sub", 0, "c A=c-root l=900d");
	make("c-www", 0, "A=c-sub s=c.example l=300d");
	ahead += 250 * (time_t)DAY;
	renewed("c-www", "c-www");
	ahead += 250 * (time_t)DAY;
	snprintf(was, sizeof(was), "%s", text("c-www", CS_INFO, NULL));
	is_int(renewal("c-www", CERTSTORE_RENEW_DRYRUN, NULL), 0, "a dry run");
	is_str(changes, "c-www", "it is not cut");
	ahead += 200 * (time_t)DAY;
	is_int(renewal("c-www", CERTSTORE_RENEW_DRYRUN, NULL), 0, "a dry run");
	is_str(changes, "c-root c-sub c-www", "tells of all");
	is_str(text("c-www", CS_INFO, NULL), was, "and changes nothing");
	renewed("c-www", "c-root c-sub c-www");
	is_int(life("c-www"), 300 * DAY + 300, "all of its life");
	is_str(text("c-sub", CS_PROPS, "life "), "900d", "the CA was cut once");
	is_int(verifies("c-www"), 1, "verifies");
	ok(strstr(text("c-www", CS_INFO, "kept "), "2") != NULL ||
		text("c-www", CS_INFO, "kept ")[0] != '\0',
	    "the old one is kept");

	/* all are expired */
	ahead += 3000 * (time_t)DAY;
	renewed("c-www", "c-root c-sub c-www");
	is_int(verifies("c-www"), 1, "verifies");
}

/* A certificate of another maker. */
struct foreign {
	const char *name;
	const char *type;  /* of its key: "rsa", "pss", "ed448", a curve */
	const char *above; /* who signed it; NULL: itself */
	long version;
	int mbstring;	      /* the type of the common name */
	const char *exts[16]; /* name, value, ... */
};

#define PATHLEN0 "critical,CA:TRUE,pathlen:0"
#define V3 X509_VERSION_3

static const struct foreign foreigns[] = {
	/* as old tools made them */
	{ "f-v1", "rsa", NULL, X509_VERSION_1, MBSTRING_ASC, { NULL } },
	{ "f-v1leaf", "rsa", "f-v1", V3, MBSTRING_ASC,
	    { "subjectAltName", "DNS:v1.example", "1.3.6.1.4.1.11129.2.4.2",
		"DER:04020000" } },
	{ "f-weak", "weak", "f-v1", V3, MBSTRING_ASC,
	    { "subjectAltName", "DNS:weak.example" } },
	{ "f-serial", "rsa", "f-v1", V3, MBSTRING_ASC,
	    { "subjectAltName", "DNS:serial.example", "subjectKeyIdentifier",
		"0102", "authorityKeyIdentifier", "issuer:always" } },
	{ "f-pss", "pss", NULL, V3, V_ASN1_T61STRING,
	    { "subjectKeyIdentifier", "0102030405", "keyUsage",
		"critical,keyCertSign,cRLSign,digitalSignature",
		"basicConstraints", PATHLEN0, "nameConstraints",
		"critical,permitted;DNS:example,excluded;DNS:bad.example" } },
	{ "f-pssleaf", "pss", "f-pss", V3, V_ASN1_BMPSTRING,
	    { "subjectAltName", "DNS:pss.example,otherName:1.2.3;UTF8:x",
		"authorityKeyIdentifier", "keyid" } },
	{ "f-leaf", "P-521", "f-pss", V3, V_ASN1_UNIVERSALSTRING,
	    { "1.2.3.4.5", "critical,DER:0500", "extendedKeyUsage",
		"critical,serverAuth", "authorityKeyIdentifier",
		"keyid:always,issuer:always", "subjectAltName",
		"critical,DNS:leaf.example,IP:::1", "certificatePolicies",
		"1.2.3.4", "subjectKeyIdentifier", "hash", "tlsfeature",
		"status_request" } },
	{ "f-ed", "ED448", NULL, V3, MBSTRING_UTF8,
	    { "basicConstraints", "CA:TRUE", "subjectKeyIdentifier", "hash",
		"authorityKeyIdentifier", "keyid:always,issuer:always" } },
	{ "f-edleaf", "ED448", "f-ed", V3, MBSTRING_UTF8,
	    { "subjectAltName", "DNS:ed.example", "authorityKeyIdentifier",
		"keyid:always,issuer:always", "1.3.6.1.5.5.7.1.26",
		"ASN1:SEQUENCE:list" } },
};
#define NFOREIGN (sizeof(foreigns) / sizeof(foreigns[0]))

static struct {
	X509 *x509;
	EVP_PKEY *pkey;
} made[NFOREIGN];

static EVP_PKEY *
foreignkey(const char *type)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *pkey = NULL;

	if (strcmp(type, "rsa") == 0)
		return EVP_RSA_gen(2048);
	if (strcmp(type, "weak") == 0)
		return EVP_RSA_gen(1024);
	if (strcmp(type, "ED448") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	if (strcmp(type, "pss") != 0)
		return EVP_EC_gen(type);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	if (EVP_PKEY_keygen_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_keygen_md(ctx, EVP_sha384()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(ctx, EVP_sha384()) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, 48) != 1 ||
	    EVP_PKEY_generate(ctx, &pkey) != 1)
		bail("no RSASSA-PSS key");
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static void
addforeign(X509 *x509, X509 *issuer, const char *name, const char *value)
{
	static const char text[] = "[list]\nspc=EXP:0,IA5:1234\n";
	CONF *conf = NCONF_new(NULL);
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	long line;

	NCONF_load_bio(conf, bio, &line);
	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	ext = X509V3_EXT_nconf(conf, &ctx, name, value);
	if (ext == NULL)
		bail("%s = %s is not an extension", name, value);
	X509_add_ext(x509, ext, -1);
	X509_EXTENSION_free(ext);
	NCONF_free(conf);
	BIO_free(bio);
}

static size_t
foreignof(const char *name)
{
	size_t i;

	for (i = 0; i < NFOREIGN; i++)
		if (strcmp(foreigns[i].name, name) == 0)
			return i;
	bail("%s", name);
}

static void
forge(size_t i)
{
	const struct foreign *f = &foreigns[i];
	size_t above = f->above == NULL ? i : foreignof(f->above);
	X509_NAME *name = X509_NAME_new();
	X509 *x509 = X509_new();
	const EVP_MD *md = EVP_sha256();
	int k;

	made[i].x509 = x509;
	made[i].pkey = foreignkey(f->type);
	X509_NAME_add_entry_by_txt(name, "O", V_ASN1_PRINTABLESTRING,
	    (const unsigned char *)f->name, -1, -1, 0);
	if (f->mbstring == V_ASN1_UNIVERSALSTRING)
		X509_NAME_add_entry_by_txt(name, "CN", f->mbstring,
		    (const unsigned char *)"\0\0\0f\0\0\0x", 8, -1, 0);
	else if (f->mbstring == V_ASN1_BMPSTRING)
		X509_NAME_add_entry_by_txt(name, "CN", f->mbstring,
		    (const unsigned char *)"\0f\0x", 4, -1, 0);
	else
		X509_NAME_add_entry_by_txt(name, "CN", f->mbstring,
		    (const unsigned char *)f->name, -1, -1, 0);
	X509_set_version(x509, f->version);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), (long)i + 1);
	X509_set_subject_name(x509, name);
	X509_set_issuer_name(x509, X509_get_subject_name(made[above].x509));
	ASN1_TIME_set(X509_getm_notBefore(x509), time(NULL));
	ASN1_TIME_set(X509_getm_notAfter(x509),
	    time(NULL) + (f->above == NULL ? 1000 : 90) * (time_t)DAY);
	X509_set_pubkey(x509, made[i].pkey);
	for (k = 0; f->exts[k] != NULL; k += 2)
		addforeign(x509, made[above].x509, f->exts[k], f->exts[k + 1]);
	if (EVP_PKEY_is_a(made[above].pkey, "RSA-PSS"))
		md = EVP_sha384();
	if (EVP_PKEY_is_a(made[above].pkey, "ED448"))
		md = NULL;
	if (X509_sign(x509, made[above].pkey, md) <= 0)
		bail("%s: cannot be signed", f->name);
	X509_NAME_free(name);
}

static void
import(size_t i)
{
	struct certstore_import *im;
	struct cs_buf pem = { 0 };

	if (cs_cert_encode(&pem, made[i].x509, &err) == -1 ||
	    cs_key_encode(&pem, made[i].pkey, NULL, &err) == -1 ||
	    (im = certstore_import_new(store, CERTSTORE_IMPORT_FORCE, &err)) ==
		NULL ||
	    certstore_import_set_name(im, foreigns[i].name, &err) == -1 ||
	    certstore_import_add(im, "pem", pem.p, pem.len, &err) == -1 ||
	    certstore_import_commit(im, &err) != 1)
		bail("%s: %s", foreigns[i].name, err.msg);
	certstore_import_free(im);
	cs_buf_free(&pem);
}

/* What others made is copied as it is, with a key like the one it had. */
static void
testforeign(void)
{
	X509 *a, *b;
	size_t i;

	for (i = 0; i < NFOREIGN; i++) {
		forge(i);
		import(i);
	}
	ahead += 61 * (time_t)DAY;
	for (i = 0; i < NFOREIGN; i++) {
		if (foreigns[i].above == NULL)
			continue;
		if (strcmp(foreigns[i].type, "weak") == 0) {
			refused(foreigns[i].name, 0, CERTSTORE_EREFUSED,
			    "a new key of type rsa:1024 cannot be made");
			continue;
		}
		a = cert(foreigns[i].name);
		renewed(foreigns[i].name, foreigns[i].name);
		b = cert(foreigns[i].name);
		isagain(a, b, 0, NID_ct_precert_scts);
		is_str(text(foreigns[i].name, CS_INFO, "key "),
		    strcmp(foreigns[i].type, "pss") == 0     ? "rsa-pss:2048" :
			strcmp(foreigns[i].type, "rsa") == 0 ? "rsa:2048" :
			strcmp(foreigns[i].type, "P-521") == 0 ? "p521" :
								 "ed448",
		    "its type");
		is_str(text(foreigns[i].name, CS_PROPS, "origin "), "import",
		    "its origin");
		if (strcmp(foreigns[i].name, "f-serial") == 0)
			is_int(ASN1_INTEGER_cmp(X509_get0_authority_serial(b),
				   X509_get0_serialNumber(
				       made[foreignof("f-v1")].x509)),
			    0, "the serial number of a CA without SKI");
		else
			ok(X509_get0_authority_serial(b) == NULL,
			    "no serial number");
		X509_free(a);
		X509_free(b);
	}
	is_int(verifies("f-v1leaf"), 1, "verifies");
	is_int(verifies("f-pssleaf"), 1, "verifies");
	is_int(verifies("f-edleaf"), 1, "verifies");

	/* the old certificate of the CA is named by its serial number */
	import(foreignof("f-leaf"));
	import(foreignof("f-edleaf"));
	ahead += 300 * (time_t)DAY;
	again("f-v1", 0, 1, "f-v1 f-v1leaf f-weak");
	again("f-pss", 0, 1, "f-pss f-pssleaf");
	ok(strstr(warned, "f-leaf: names its issuer by serial number") != NULL,
	    "says so: %s", warned);
	again("f-ed", 0, 1, "f-ed");
	renewed("f-edleaf", "f-edleaf");
	is_int(verifies("f-edleaf"), 1, "verifies");
	is_int(verifies("f-v1leaf"), 1 - 1, "it is expired");
	renewed("f-v1leaf", "f-v1leaf");
	is_int(verifies("f-v1leaf"), 1, "verifies");
	for (i = 0; i < NFOREIGN; i++) {
		X509_free(made[i].x509);
		EVP_PKEY_free(made[i].pkey);
	}
}

/* Is the certificate of an entry an anchor of a set? */
static int
isanchor(const char *set, const char *fingerprint)
{
	struct certstore_trust *trust;
	char id[80];
	int rv;

	trust = certstore_trust_new(store, set, 0, &err);
	snprintf(id, sizeof(id), "sha256:%s", fingerprint);
	rv = certstore_trust_has(trust, id, &err);
	certstore_trust_free(trust);
	return rv;
}

static void
trusting(const char *set, const char *pem)
{
	struct certstore_trust *trust;

	trust = certstore_trust_new(store, set, CERTSTORE_TRUST_FORCE, &err);
	if (trust == NULL ||
	    certstore_trust_add(trust, "pem", pem, strlen(pem), &err) == -1 ||
	    certstore_trust_commit(trust, &err) == -1)
		bail("%s", err.msg);
	certstore_trust_free(trust);
}

static void
testtrust(void)
{
	char a[80], b[80], was[16384];

	make("a-root", 0, "c l=1000d");
	make("a-www", 0, "A=a-root s=a.example l=300d");
	make("a-other", 0, "c l=1000d");
	pemof("a-root", was);
	trusting(NULL, was);
	trusting("phones", was);
	pemof("a-other", was);
	trusting("else", was);
	snprintf(a, sizeof(a), "%s", text("a-root", CS_INFO, "fingerprint "));
	ahead += 200 * (time_t)DAY;
	is_int(renewal("a-root", CERTSTORE_RENEW_DRYRUN, NULL), 0, "dry run");
	renewed("a-root", "a-root a-www");
	snprintf(b, sizeof(b), "%s", text("a-root", CS_INFO, "fingerprint "));
	ok(isanchor(NULL, a) == 1 && isanchor(NULL, b) == 1,
	    "both are anchors of the set");
	ok(isanchor("phones", a) == 1 && isanchor("phones", b) == 1,
	    "and of the one with a name");
	is_int(isanchor("else", b), 0, "not of another one");
	renewed("a-www", "a-www");
	sh("rm store/trusts/phones; ln -s .phones@9 store/trusts/phones");
	ahead += DAY;
	renewed("a-root", "a-root a-www");
	ok(strstr(warned, "a-root: the sets of trust anchors that have its") !=
		NULL,
	    "a set cannot be written: %s", warned);
	sh("rm -r store/trusts/phones store/trusts/.phones@*");
}

/* Another writer, while a passphrase is asked for. */
struct interference {
	const char *does;
	int times, asked;
};

static int
interfere(void *arg, const char *what, char *buf, size_t size)
{
	struct certstore_passphrase pass = { passphrase, NULL };
	struct certstore *was = store;
	struct interference *in = arg;
	char secret[] = "secret";

	(void)what;
	pass.arg = secret;
	if (in->asked++ < in->times) {
		store = opened(CERTSTORE_OPEN_WRITE);
		ahead += DAY;
		if (strcmp(in->does, "renews") == 0) {
			if (certstore_renew(store, "e-ca", NULL, &pass, 0, NULL,
				NULL, &err) == -1)
				bail("%s", err.msg);
		} else if (strcmp(in->does, "notes") == 0)
			setprop("e-ca", "note", "x");
		else if (strcmp(in->does, "below") == 0)
			make("e-www", CERTSTORE_CREATE_FORCE,
			    "s=e.example l=30d");
		else
			make("e-ca",
			    CERTSTORE_CREATE_REQUEST | CERTSTORE_CREATE_FORCE,
			    "c E=secret");
		certstore_close(store);
		store = was;
	}
	return snprintf(buf, size, "secret");
}

/* What another process renewed since it was judged is not renewed again. */
static void
judged(const char *was, int flags, const char *want)
{
	changes[0] = '\0';
	ahead += DAY;
	is_int(certstore_renew(store, "e-www", was, NULL, flags, changed, NULL,
		   &err),
	    0, "it was judged with %.4s", was);
	is_str(changes, want, "and changed is");
}

static void
meets(const char *does, int times, int flags, int asked, const char *want)
{
	struct interference in = { does, times, 0 };
	struct certstore_passphrase pass = { interfere, &in };

	warned[0] = changes[0] = '\0';
	ahead += DAY;
	is_int(certstore_renew(store, "e-ca", NULL, &pass, flags, changed, NULL,
		   &err),
	    0, "meanwhile another writer %s", does);
	is_int(in.asked, asked, "tries");
	is_str(changes, want, "and changed is");
}

static void
testwriters(void)
{
	make("e-ca", 0, "c l=1000d E=secret");
	make("e-www", 0, "s=e.example l=30d");
	judged("0000", 0, "");
	judged("0000", CERTSTORE_RENEW_FORCE, "e-www");
	judged(text("e-www", CS_INFO, "fingerprint "), 0, "e-www");
	meets("notes", 1, 0, 1, "e-ca");
	is_str(text("e-ca", CS_PROPS, "note "), "x", "its note is kept");
	meets("renews", 1, 0, 1, "");
	meets("renews", 1, CERTSTORE_RENEW_FORCE, 2, "e-ca");
	meets("asks a CA", 3, 0, 4, "e-ca");
	ok(text("e-ca", CS_REQUEST_CSR, NULL)[0] != '\0', "a request waits");
}

/* A CA that another root signs by now, which servers' clients do not trust. */
static void
testlosttrust(void)
{
	char a[16384];

	make("x-a", 0, "c l=1000d");
	make("x-b", 0, "c l=1000d");
	make("x-i", 0, "c A=x-a l=900d");
	make("x-www", 0, "A=x-i s=x.example l=300d");
	make("x-i", CERTSTORE_CREATE_FORCE, "c A=x-b K=x-i l=900d");
	ahead += 200 * (time_t)DAY;
	renewed("x-www", "x-www");
	make("x-i", CERTSTORE_CREATE_FORCE, "c A=x-a K=x-i l=700d");
	ahead += DAY;
	renewed("x-www", "x-www");
	pemof("x-a", a);
	trusting(NULL, a);
	make("x-i", CERTSTORE_CREATE_FORCE, "c A=x-b K=x-i l=700d");
	ahead += DAY;
	refused("x-www", 0, CERTSTORE_EREFUSED, "leads to a trust anchor");
	is_int(renewal("x-www", CERTSTORE_RENEW_FORCE, NULL), 0, "with -f");
	is_str(changes, "x-www", "it is renewed");
}

/* What signs calls: chains are fetched by the hash of the file. */
static void
testcalls(void)
{
	char path1[16384], path2[16384], list[16384];

	make("k-root", 0, "c l=1000d");
	make("k-pa", 0, "c A=k-root l=800d");
	make("k-sign", 0, "A=k-pa P=shaken s=spc:1234 S=CN=SHAKEN_1234 l=300d");
	setprop("k-sign", "x5u", "https://x.example/");
	is_str(text("k-sign", CS_INFO, "kind "), "shaken", "signs calls");
	snprintf(list, sizeof(list), "%s", text("k-sign", CS_INFO, "spc "));
	again("k-sign", 200, 0, "k-sign");
	is_str(text("k-sign", CS_INFO, "spc "), list, "the same TNAuthList");
	snprintf(path1, sizeof(path1), "test -f store/x5u/%.64s.pem",
	    strrchr(text("k-sign", CS_INFO, "file "), ' ') + 1);
	sh(path1);
	again("k-pa", 0, 1, "k-pa k-sign");
	snprintf(path2, sizeof(path2), "test -f store/x5u/%.64s.pem",
	    strrchr(text("k-sign", CS_INFO, "file "), ' ') + 1);
	ok(strcmp(path1, path2) != 0, "another chain has another URL");
	sh(path2);
	sh(path1); /* for a day */
	ok(text("k-sign", CS_INFO, "held ")[0] != '\0', "the old key is held");
	setprop("k-sign", "keepkey", "yes");
	again("k-sign", 200, 1, "k-sign");
}

/* What holds, whose passphrase is missing, and entries that cannot follow. */
static void
testothers(void)
{
	struct certstore_template *t = certstore_template_new(&err);
	struct certstore_passphrase pass = { passphrase, NULL };
	char secret[] = "secret", ca[16384];

	pass.arg = secret;
	make("p-root", 0, "c l=1000d E=secret");
	apply(t, "c");
	apply(t, "A=p-root");
	apply(t, "l=1000d");
	if (certstore_template_set_passphrase(t, &pass, &err) == -1 ||
	    certstore_create(store, "p-sub", t, 0, NULL, &err) != 1)
		bail("%s", err.msg);
	certstore_template_free(t);
	make("p-one", 0, "A=p-sub s=one.p.example l=900d");
	make("p-two", 0, "A=p-sub s=two.p.example l=900d");
	ahead += 700 * (time_t)DAY;

	/* the CA's own CA has a passphrase, which nobody says */
	setprop("p-one", "hold", "9999d broken");
	renewed("p-one", "p-one");
	ok(strstr(warned,
	       "p-one: expires with its CA, which cannot be "
	       "renewed: p-sub: expires") != NULL,
	    "says so: %s", warned);
	is_str(text("p-one", CS_PROPS, "hold "), "", "it is not held any more");
	is_str(text("p-one", CS_PROPS, "life "), "900d", "its life is known");
	ahead += DAY;
	refused("p-one", 0, CERTSTORE_EPASSPHRASE, "cannot be renewed");
	is_int(renewal("p-one", 0, "secret"), 0, "with the passphrase");
	is_str(changes, "p-one p-root p-sub p-two", "all are renewed");
	is_int(life("p-one"), 900 * DAY + 300, "for all of its life");

	/* what is wrong with one entry does not keep it from the others */
	sh("echo 'group no-such-group' >>store/certs/p-two/props");
	snprintf(ca, sizeof(ca), "%s", text("p-two", CS_CA, NULL));
	ahead += DAY;
	is_int(renewal("p-root", 0, "secret"), 0, "the root");
	is_str(changes, "p-one p-root p-sub", "but for one");
	ok(strstr(warned, "no-such-group") != NULL &&
		strstr(warned, "it keeps the old certificate of p-root") !=
		    NULL,
	    "says so: %s", warned);
	is_str(text("p-two", CS_CA, NULL), ca, "as before");

	/* name constraints of a CA hold for what was made before them */
	make("n-ca", 0, "c l=1000d");
	make("n-www", 0, "A=n-ca s=a.example l=90d");
	make("n-ca", CERTSTORE_CREATE_FORCE,
	    "c l=1000d K=n-ca C=permit=b.example");
	ahead += DAY;
	refused("n-www", 0, CERTSTORE_EREFUSED, "name constraints of n-ca");
}

/* What cannot be as before, and what is beside it. */
static void
testspecial(void)
{
	make("y-root", 0, "c l=3650d");
	make("y-www", 0, "A=y-root s=www.y.example l=90d");
	make("y-bad", 0, "A=y-root s=bad.y.example l=90d");
	sh("echo rubbish >store/certs/y-bad/info");
	ahead += 3000 * (time_t)DAY;
	is_int(renewal("y-root", 0, NULL), 0, "a CA beside a damaged entry");
	ok(strstr(warned, "y-bad: ") != NULL, "which is said: %s", warned);
	sh("rm -rf store/certs/y-bad store/certs/.y-bad@*");

	make("y-long", 0, "s=long.y.example l=90d");
	setprop("y-long", "life", "2920000d");
	renewed("y-long", "y-long");
	ok(strncmp(text("y-long", CS_INFO, "ends "), "253402300799 ", 13) == 0,
	    "a life ends with the year 9999");
}

int
main(void)
{
	makescratch();
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	certstore_set_warn(store, warn, NULL);
	testkinds();
	testrefused();
	testencrypted();
	testbelow();
	testratchet();
	testclimb();
	testforeign();
	testtrust();
	testwriters();
	testlosttrust();
	testcalls();
	testothers();
	testspecial();
	certstore_close(store);
	removescratch();
	return tap_done();
}
