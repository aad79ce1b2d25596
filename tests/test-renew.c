/*
 * test-renew.c: certstore_renew(3): what is the same in the new certificate,
 * what is not, whose chains follow, and what is refused.
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
	rv = certstore_renew(store, name, &pass, flags, changed, NULL, &err);
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

/* One argument as on the command line: "c", "s=host", "A=ca". */
static void
apply(struct certstore_template *t, const char *arg)
{
	const char *value = arg + 2;
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

/* A file of an entry, or the rest of a line of it; "" if there is none. */
static char *
text(const char *name, enum cs_file file, const char *key)
{
	static char out[8][16384];
	static unsigned int turn;
	struct certstore_entry entry = { 0 };
	struct cs_buf buf = { 0 };
	char *to = out[turn++ % 8], *p;

	to[0] = '\0';
	if (cs_store_refresh(store, &err) == -1 ||
	    cs_entry_load(store, name, &entry, &err) == -1)
		bail("%s: %s", name, err.msg);
	if (cs_entry_read(&entry, file, &buf, &err) == 1 && buf.len > 0) {
		if (key == NULL)
			snprintf(to, sizeof(out[0]), "%s", buf.p);
		else if ((p = strstr(buf.p, key)) != NULL &&
		    (p == buf.p || p[-1] == '\n')) {
			p += strlen(key);
			snprintf(to, sizeof(out[0]), "%.*s",
			    (int)strcspn(p, "\n"), p);
		}
	}
	cs_buf_free(&buf);
	cs_entry_done(&entry);
	return to;
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
	is_int(EVP_PKEY_parameters_eq(X509_get0_pubkey(a),
		   X509_get0_pubkey(b)) != 0,
	    1, "on the same curve");
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
	ok(same && j == sk_X509_EXTENSION_num(w),
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
	certstore_close(store);
	removescratch();
	return tap_done();
}
