/*
 * test-trust.c: certstore_trust(3) in a program: names of anchors, the contents
 * of the files of a set, two writers at once, and a directory that somebody
 * else changed.  For the command see trust.bats.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "trust/private.h"
#include "tap.h"
#include "made.h"
#include "scratch.h"

static const char *const caexts[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign", NULL };
static int warned;

static void
count(void *arg, const char *msg)
{
	(void)arg;
	(void)msg;
	warned++;
}

/* A CA, its own issuer, as PEM. */
static void
pemof(struct cs_buf *pem, const char *cn)
{
	X509 *x509;

	x509 = selfsigned(cn, caexts);
	if (cs_cert_encode(pem, x509, &err) == -1)
		bail("%s", err.msg);
	X509_free(x509);
}

static void
test_names(void)
{
	static const struct {
		const char *cn, *base;
	} t[] = { { "ISRG Root X1", "ISRG_Root_X1" },
		{ "Go Daddy Root - G2", "Go_Daddy_Root_-_G2" }, { "../x", "x" },
		{ ".hidden", "hidden" }, { "a\nb", "a_b" }, { "-f", "f" },
		{ "x.", "x" }, { "Class (Gold)", "Class_Gold" },
		{ "a  b", "a_b" }, { "../../etc/passwd", "etc_passwd" },
		{ "T\xc3\x9cV", "T_V" }, { "\xe4\xb8\xad", "" }, { "", "" },
		{ "bundle", "bundle" }, { "a/b", "a_b" }, { "__x__", "x" },
		{ "sha256:00", "sha256_00" }, { "list", "list" } };
	char base[CS_ANCHOR_BASE + 1];
	X509 *x509;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		x509 = selfsigned(t[i].cn, NULL);
		cs_anchor_base(x509, base);
		is_str(base, t[i].base, "case %zu is called that", i);
		X509_free(x509);
	}
	x509 = mkcert(key1, "", NULL, NULL);
	X509_NAME_add_entry_by_txt((X509_NAME *)(uintptr_t)
				       X509_get_subject_name(x509),
	    "organizationName", MBSTRING_UTF8, (const unsigned char *)"Org Ltd",
	    -1, -1, 0);
	cs_anchor_base(x509, base);
	is_str(base, "Org_Ltd", "without a CN the organization names it");
	X509_free(x509);
}

static void
test_suffix(void)
{
	static const char one[] = "0123456789abcdef0123456789abcdef"
				  "0123456789abcdef0123456789abcdef";
	static const char two[] = "0123456789abcdef0123456789abcdef"
				  "0123456789abcdef0123456789abcde0";
	struct cs_trustset set = { 0 };
	char name[CS_NAME_MAX + 1], longest[CS_ANCHOR_BASE + 1];

	cs_trustset_name(&set, "A", 1, one, name);
	is_str(name, "A", "a free name is taken as it is");
	cs_trustset_add(&set, "A", one, NULL, 0, CS_ANCHOR_DISTRUSTED);
	cs_trustset_name(&set, "A", 1, two, name);
	is_str(name, "A-01234567", "a taken one gets eight digits");
	cs_trustset_add(&set, name, two, NULL, 0, CS_ANCHOR_DISTRUSTED);
	cs_trustset_name(&set, "A", 1, two, name);
	is_str(name, "A-0123456789abcdef", "or more");
	cs_trustset_name(&set, "bundle", 1, one, name);
	is_str(name, "bundle-01234567", "bundle.pem is all of them");
	cs_trustset_name(&set, "unknown", 0, one, name);
	is_str(name, "unknown-01234567", "a name that says nothing");
	memset(longest, 'a', CS_ANCHOR_BASE);
	longest[CS_ANCHOR_BASE] = '\0';
	cs_trustset_name(&set, longest, 0, one, name);
	ok(cs_name_isvalid(name), "the longest is an entry's name");
	cs_trustset_free(&set);
}

#define HEX \
	"0123456789abcdef0123456789abcdef" \
	"0123456789abcdef0123456789abcdef"

static void
test_fingerprints(void)
{
	static const struct {
		const char *text;
		int is;
	} t[] = { { HEX, 1 }, { "sha256:" HEX, 1 }, { "SHA256:" HEX, 1 },
		{ "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:"
		  "89:AB:CD:EF:01:23:45:67:89:AB:CD:EF",
		    1 },
		{ "sha256 Fingerprint=01:23:45:67:89:AB:CD:EF:01:23:45:67:89:"
		  "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF",
		    1 },
		{ "", 0 }, { "sha256:", 0 }, { HEX "0", 0 }, { HEX ":", 0 },
		{ ":" HEX, 0 }, { "spki:" HEX, 0 }, { "sha256: " HEX, 0 },
		{ "01::23", 0 }, { "0:123", 0 },
		{ "0123456789abcdef0123456789abcdef01234567", 0 } };
	char hex[65];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_int(cs_anchor_fingerprint(t[i].text, hex), t[i].is,
		    "\"%s\" is a fingerprint", t[i].text);
		is_str(hex, t[i].is ? HEX : "", "and which");
	}
}

static int
parsed(int (*fn)(struct cs_trustset *, const char *, const struct cs_buf *,
	   struct certstore_error *),
    const char *text, size_t len)
{
	struct cs_trustset set = { 0 };
	struct cs_buf b = { 0 };
	int rv;

	cs_buf_add(&b, text, len);
	rv = fn(&set, "f", &b, &err);
	if (rv == -1)
		rv = err.code == CERTSTORE_EDAMAGED &&
			strncmp(err.msg, "f:", 2) == 0 ?
		    -1 :
		    -2;
	else
		rv = (int)set.n;
	cs_buf_free(&b);
	cs_trustset_free(&set);
	return rv;
}

static void
test_records(void)
{
	static const struct {
		const char *text;
		size_t len;
		int n;
	} t[] = { { NAMEOF(""), 0 }, { NAMEOF("sha256:" HEX " a\n"), 1 },
		{ NAMEOF("sha256:" HEX " a"), -1 },
		{ NAMEOF("sha256:" HEX "\n"), -1 },
		{ NAMEOF("sha256:" HEX " \n"), -1 },
		{ NAMEOF("sha256:" HEX "  a\n"), -1 },
		{ NAMEOF("sha256:" HEX " a b\n"), -1 },
		{ NAMEOF("sha256:" HEX " ../a\n"), -1 },
		{ NAMEOF("sha256:" HEX " .a\n"), -1 },
		{ NAMEOF("sha256:" HEX "0 a\n"), -1 },
		{ NAMEOF("sha256:0" HEX " a\n"), -1 },
		{ NAMEOF("SHA256:" HEX " a\n"), -1 },
		{ NAMEOF(HEX " a\n"), -1 }, { NAMEOF("\n"), -1 },
		{ NAMEOF("sha256:" HEX " a\n\n"), -1 },
		{ NAMEOF("sha256:" HEX " a\r\n"), -1 },
		{ NAMEOF("sha256:" HEX "\0a\n"), -1 },
		{ NAMEOF("sha256:" HEX " a\0\n"), -1 },
		{ NAMEOF("sha256:" HEX " a\nsha256:" HEX " b\n"), -1 },
		{ NAMEOF("sha256:"), -1 }, { NAMEOF("sha256:0\n"), -1 } };
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		is_int(parsed(cs_trustset_read_distrusted, t[i].text, t[i].len),
		    t[i].n, "distrusted: case %zu", i);
	is_int(parsed(cs_trustset_read_shipped, NAMEOF("sha256:" HEX "\n")), 0,
	    "shipped: a fingerprint that no anchor has");
	is_int(parsed(cs_trustset_read_shipped,
		   NAMEOF("sha256:" HEX " added\n")),
	    0, "shipped: added, too");
	is_int(parsed(cs_trustset_read_shipped, NAMEOF("sha256:" HEX " a\n")),
	    -1, "shipped: another word");
	is_int(parsed(cs_trustset_read_shipped, NAMEOF("sha256:" HEX)), -1,
	    "shipped: cut");
}

/* What became of the changes: "added A" or "added A, refused ", ... */
static const char *
results(struct certstore_trust *t)
{
	static char text[400];
	const char *action, *name, *why;
	size_t i, len = 0;

	text[0] = '\0';
	for (i = 0; certstore_trust_result(t, i, &name, &action, &why) == 1;
	     i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s %s", len > 0 ? ", " : "", action, name);
	return text;
}

static const char *
listing(struct certstore *store)
{
	static char text[400];
	const struct certstore_entry *entry;
	struct certstore_trust *t;
	size_t len = 0;
	int rv;

	text[0] = '\0';
	t = certstore_trust_new(store, NULL, 0, &err);
	while ((rv = certstore_trust_next(t, &entry, &err)) != 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s:%s", len > 0 ? " " : "",
		    rv == 1 ? certstore_entry_name(entry) : "bad",
		    rv == 1 ? certstore_entry_origin(entry) : "");
	certstore_trust_free(t);
	return text;
}

static int
add(struct certstore_trust *t, const struct cs_buf *pem)
{
	return certstore_trust_add(t, "in", pem->p, pem->len, &err);
}

static struct certstore_trust *
begun(struct certstore *store)
{
	struct certstore_trust *t;

	if ((t = certstore_trust_new(store, NULL, CERTSTORE_TRUST_FORCE,
		 &err)) == NULL)
		bail("%s", err.msg);
	return t;
}

static void
test_changes(struct certstore *store, struct cs_buf *a, struct cs_buf *b)
{
	struct certstore_trust *t = begun(store);
	const struct certstore_entry *entry;
	char *file;

	is_str(listing(store), "", "at first there are none");
	is_int(certstore_trust_commit(t, &err), 0, "no change is none");
	ok(access(path("store/trust"), F_OK) == -1, "and makes nothing");
	add(t, a);
	add(t, b);
	add(t, a);
	is_int(certstore_trust_commit(t, &err), 2, "two are added");
	is_str(results(t), "added A, added B, same A", "and are told");
	is_str(listing(store), "A:added B:added", "and listed");
	is_int(certstore_trust_has(t, "A", &err), 1, "A is known");
	is_int(certstore_trust_has(t, "C", &err), 0, "C is not");
	certstore_trust_next(t, &entry, &err);
	is_str(certstore_entry_kind(entry), "ca", "an anchor is an entry");
	file = certstore_entry_path(entry, CERTSTORE_FULLCHAIN);
	is_str(file, path("store/trust/A.pem"), "with a file");
	free(file);
	ok(certstore_entry_path(entry, CERTSTORE_PRIVKEY) == NULL,
	    "and no key");
	is_int(certstore_entry_is_default(entry), 0, "never the default");
	certstore_trust_remove(t, "A", &err);
	certstore_trust_remove(t, "A", &err);
	certstore_trust_distrust(t, "B", &err);
	certstore_trust_distrust(t, HEX, &err);
	is_int(certstore_trust_commit(t, &err), 3, "each change counts once");
	is_str(results(t),
	    "removed A, same A, distrusted B, distrusted unknown-01234567",
	    "removed, distrusted");
	is_str(listing(store), "B:distrusted unknown-01234567:distrusted",
	    "no anchor is left");
	certstore_trust_free(t);
}

/* Each decides upon what there is when it writes. */
static void
test_writers(struct certstore *store, struct cs_buf *a, struct cs_buf *b)
{
	struct certstore_trust *t = begun(store), *u;
	struct certstore *other = opened(CERTSTORE_OPEN_WRITE);

	u = begun(other);
	certstore_trust_has(t, "A", &err);
	certstore_trust_has(u, "A", &err);
	add(t, a);
	add(u, b);
	add(u, a);
	is_int(certstore_trust_commit(t, &err), 1, "one writer adds A");
	is_int(certstore_trust_commit(u, &err), 1, "another B, and finds A");
	is_str(results(u), "added B, same B, same A", "as it was then");
	is_str(listing(store), "A:added B:added unknown-01234567:distrusted",
	    "both are there");
	certstore_trust_free(t);
	certstore_trust_free(u);
	certstore_close(other);
}

static void
test_damage(struct certstore *store, struct cs_buf *a)
{
	struct certstore_trust *t;

	warned = 0;
	certstore_set_warn(store, count, NULL);
	sh("echo x >store/trust/A.pem; : >store/trust/foreign");
	is_str(listing(store), "B:added unknown-01234567:distrusted bad:",
	    "a damaged anchor does not keep the others");
	t = begun(store);
	add(t, a);
	is_int(certstore_trust_commit(t, &err), 1, "it can be added again");
	is_int(warned, 1, "and is said");
	is_str(listing(store), "A:added B:added unknown-01234567:distrusted",
	    "the set is whole");
	ok(access(path("store/trust/foreign"), F_OK) == -1,
	    "and nothing else is in it");
	sh("rm store/trust/*.0");
	is_int(certstore_trust_commit(t, &err), 0, "lost links are no change");
	sh("test $(find store/trust/ -name '*.0' | wc -l) = 2");
	sh("mkdir keep; mv store/trust/distrusted keep");
	is_int(certstore_trust_commit(t, &err), -1, "a lost record is");
	is_int(err.code, CERTSTORE_EDAMAGED, "damage");
	sh("mv keep/distrusted store/trust");
	sh("echo x >>store/trust/distrusted");
	is_int(certstore_trust_commit(t, &err), -1, "and so is a bad line");
	ok(strstr(err.msg, "/trust/distrusted:2: ") != NULL, "%s", err.msg);
	sh("sed -i \\$d store/trust/distrusted");
	certstore_trust_free(t);
}

/* Repairs the store: how many things there were, or -1. */
static int
repaired(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_repair *repair = certstore_repair_new(store, &err);
	int n;

	n = certstore_repair_run(repair, NULL, NULL, NULL, &err);
	certstore_repair_free(repair);
	certstore_close(store);
	return n;
}

static void
test_copies(struct certstore *store)
{
	struct certstore_trust *t = begun(store);
	const char *whole = "A:added B:added unknown-01234567:distrusted";

	/* the link became a directory */
	sh("cp -RL store/trust copy; rm store/trust; mv copy store/trust");
	is_int(certstore_trust_commit(t, &err), -1, "it is not replaced");
	is_int(err.code, CERTSTORE_EDAMAGED, "%s", err.msg);
	ok(repaired() > 0, "it is repaired");
	ok(readlink(path("store/trust"), (char[64]){ 0 }, 64) > 0,
	    "a link again");
	is_str(listing(store), whole, "that leads to the same");
	/* the link is gone */
	sh("rm store/trust");
	is_int(certstore_trust_commit(t, &err), -1, "a lost link");
	is_int(err.code, CERTSTORE_EDAMAGED, "%s", err.msg);
	ok(repaired() > 0, "is repaired");
	certstore_trust_free(t);
	t = begun(store);
	is_int(certstore_trust_remove(t, "A", &err), 0, "and removed from");
	is_int(certstore_trust_commit(t, &err), 1, "%s", err.msg);
	is_str(listing(store), "B:added unknown-01234567:distrusted",
	    "by the next writer");
	sh("test $(find store -maxdepth 1 -name '.trust@*' | wc -l) = 2");
	sh("test -z \"$(ls -A store/.pending)\"");
	sh("rm store/trust; ln -s /etc store/trust");
	is_int(certstore_trust_commit(t, &err), -1, "it leads elsewhere");
	is_int(err.code, CERTSTORE_EDAMAGED, "which is damage");
	certstore_trust_free(t);
}

/* Another writer, once, while a commit has read the set and not yet locked. */
static struct cs_buf *other;

static void
begin_anew(void *arg, const char *msg)
{
	struct certstore *store;
	struct certstore_trust *t;

	(void)msg;
	if (other == NULL)
		return;
	sh("rm -r store/trust store/.trust@*");
	store = opened(CERTSTORE_OPEN_WRITE);
	t = begun(store);
	add(t, other);
	*(int *)arg = certstore_trust_commit(t, &err);
	certstore_trust_free(t);
	certstore_close(store);
	other = NULL;
}

/* The number of a generation is used again once there is none. */
static void
test_identity(struct cs_buf *a, struct cs_buf *b)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_trust *t = begun(store);
	int made = 0;

	sh("rm -rf store/trust store/.trust@*");
	add(t, a);
	is_int(certstore_trust_commit(t, &err), 1, "the first");
	sh("echo >store/trust/A.pem");
	other = b;
	certstore_set_warn(store, begin_anew, &made);
	add(t, a);
	is_int(certstore_trust_commit(t, &err), 1, "added");
	is_int(made, 1, "meanwhile the set was begun anew");
	is_str(listing(store), "A:added B:added", "and nothing of it is lost");
	certstore_trust_free(t);
	certstore_close(store);
}

static int back;

/* Another writer that does not see the lock of the first. */
static void
come_between(void *arg, const char *what, size_t done, size_t total)
{
	struct certstore *store;
	struct certstore_trust *t;

	(void)done;
	(void)total;
	if (other == NULL || strcmp(what, "switching") != 0)
		return;
	sh("mv store/.lock .lock");
	store = opened(CERTSTORE_OPEN_WRITE);
	t = begun(store);
	add(t, other);
	*(int *)arg = certstore_trust_commit(t, &err);
	certstore_trust_free(t);
	certstore_close(store);
	other = NULL;
	if (back)
		sh("mv -f .lock store/.lock");
}

static void
test_fencing(struct cs_buf *a, struct cs_buf *b)
{
	struct certstore *store;
	struct certstore_trust *t;
	int i, made;

	for (i = 0; i < 4; i++) {
		sh("rm -rf store");
		store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
		if (i % 2 == 1) {
			t = begun(store);
			add(t, a);
			certstore_trust_commit(t, &err);
			certstore_trust_remove(t, "A", &err);
			certstore_trust_commit(t, &err);
			certstore_trust_free(t);
		}
		t = begun(store);
		made = 0;
		back = i >= 2;
		other = b;
		certstore_set_progress(store, come_between, &made);
		add(t, a);
		is_int(certstore_trust_commit(t, &err), -1,
		    "%s, %s set: not done", i < 2 ? "no lock" : "its own lock",
		    i % 2 == 0 ? "first" : "another");
		is_int(err.code, CERTSTORE_EBUSY, "because of the other one");
		is_int(made, 1, "which was");
		is_str(listing(store), "B:added", "and is what is there");
		certstore_set_progress(store, NULL, NULL);
		is_int(certstore_trust_commit(t, &err), 1, "then it is done");
		is_str(listing(store), "A:added B:added", "beside that");
		sh("! find store/.pending -type l | grep .");
		certstore_trust_free(t);
		certstore_close(store);
	}
}

int
main(void)
{
	struct cs_buf a = { 0 }, b = { 0 };
	struct certstore *store;

	makescratch();
	mkkeys();
	test_names();
	test_suffix();
	test_fingerprints();
	test_records();
	pemof(&a, "A");
	pemof(&b, "B");
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	test_changes(store, &a, &b);
	test_writers(store, &a, &b);
	test_damage(store, &a);
	test_copies(store);
	test_identity(&a, &b);
	ok(ERR_peek_error() == 0, "libcrypto's error queue is empty");
	certstore_close(store);
	test_fencing(&a, &b);
	cs_buf_free(&a);
	cs_buf_free(&b);
	freekeys();
	removescratch();
	return tap_done();
}
