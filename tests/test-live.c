/*
 * test-live.c: open handles of certstore_trust(3) and certstore_verify(3) see
 * changes of the anchors by other processes, and a failed call does not change
 * the result of the next one.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "made.h"
#include "scratch.h"

#define WHEN 1780000000 /* 2026-05-28 */

static const char *const caexts[] = { "basicConstraints", "critical,CA:TRUE",
	"keyUsage", "critical,keyCertSign", "subjectKeyIdentifier", "hash",
	NULL };
static const char *const leafexts[] = { "keyUsage", "critical,digitalSignature",
	"extendedKeyUsage", "serverAuth", "subjectKeyIdentifier", "hash",
	"authorityKeyIdentifier", "keyid", "subjectAltName",
	"DNS:www.example.com", NULL };
static struct cs_buf a, b, leaf;
static const char *set; /* the trust set that change() writes */

static void
encode(struct cs_buf *pem, X509 *x509, const char *file)
{
	FILE *f;

	if (cs_cert_encode(pem, x509, &err) == -1)
		bail("%s", err.msg);
	if ((f = fopen(path("%s", file), "w")) == NULL ||
	    fwrite(pem->p, 1, pem->len, f) != pem->len || fclose(f) != 0)
		bail("%s", file);
}

/* Two CAs, and what the first one signed. */
static void
mkpems(void)
{
	X509 *ca, *other, *x509;

	ca = selfsigned("A", caexts);
	encode(&a, ca, "a.pem");
	other = finish(mkcert(key2, "B", NULL, caexts), key2, EVP_sha256());
	encode(&b, other, "b.pem");
	x509 = finish(mkcert(key2, "www.example.com", ca, leafexts), key1,
	    EVP_sha256());
	encode(&leaf, x509, "leaf.pem");
	X509_free(ca);
	X509_free(other);
	X509_free(x509);
}

enum what { ADD, UPDATE, RESET, REMOVE, DISTRUST };

/* Another writer's change. */
static void
change(enum what what, const struct cs_buf *pem, const char *name)
{
	struct certstore *store = opened(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	struct certstore_trust *t;
	int rv = -1;

	t = certstore_trust_new(store, set, CERTSTORE_TRUST_FORCE, &err);
	if (what == ADD)
		rv = certstore_trust_add(t, "in", pem->p, pem->len, &err);
	else if (what == UPDATE)
		rv = certstore_trust_update(t, "in", pem->p, pem->len, &err);
	else if (what == RESET)
		rv = certstore_trust_reset(t, "in", pem->p, pem->len, &err);
	else if (what == REMOVE)
		rv = certstore_trust_remove(t, name, &err);
	else
		rv = certstore_trust_distrust(t, name, &err);
	if (rv == -1 || certstore_trust_commit(t, &err) < 1)
		bail("%s", err.msg);
	certstore_trust_free(t);
	certstore_close(store);
}

static const char *
listing(struct certstore_trust *t)
{
	static char text[200];
	const struct certstore_entry *entry;
	size_t len = 0;
	int rv;

	text[0] = '\0';
	while ((rv = certstore_trust_next(t, &entry, &err)) != 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
		    len > 0 ? " " : "",
		    rv == 1 ? certstore_entry_name(entry) : "bad");
	return text;
}

static int
has(struct certstore_trust *t, const char *name)
{
	return certstore_trust_has(t, name, &err);
}

static void
repairstore(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_repair *repair = certstore_repair_new(store, &err);

	if (certstore_repair_run(repair, NULL, NULL, NULL, &err) == -1)
		bail("repair: %s", err.msg);
	certstore_repair_free(repair);
	certstore_close(store);
}

static void
test_trust(struct certstore *store)
{
	struct certstore_trust *t = certstore_trust_new(store, NULL, 0, &err);
	const struct certstore_entry *entry;

	is_str(listing(t), "", "no anchors");
	is_int(has(t, "A"), 0, "A is none");
	change(ADD, &a, NULL);
	is_int(has(t, "A"), 1, "another writer added it");
	is_str(listing(t), "A", "and it is listed");
	change(ADD, &b, NULL);
	is_int(certstore_trust_next(t, &entry, &err), 1, "a listing begins");
	is_str(certstore_entry_name(entry), "A", "with A");
	change(DISTRUST, NULL, "A");
	is_int(has(t, "B"), 1, "asked in between");
	is_int(certstore_trust_next(t, &entry, &err), 1, "it goes on");
	is_str(certstore_entry_name(entry), "B", "with B");
	is_int(certstore_trust_next(t, &entry, &err), 0, "to its end");
	change(ADD, &a, NULL);
	change(REMOVE, NULL, "B");
	is_int(has(t, "B"), 0, "removed");
	is_str(listing(t), "A", "and not listed");

	/* one that is read while the link leads to nothing */
	sh("mv store/trust kept; ln -s .trust@99 store/trust");
	is_int(has(t, "A"), -1, "a link to nothing: cannot be told");
	is_int(certstore_trust_next(t, &entry, &err), -1, "nor listed");
	is_int(has(t, "A"), -1, "nor told after that");
	is_int(certstore_trust_next(t, &entry, &err), 0, "the end");
	is_int(certstore_trust_next(t, &entry, &err), -1, "and again");
	is_int(has(t, "A"), -1, "nor told");
	sh("rm store/trust; mv kept store/trust");
	is_int(has(t, "A"), 1, "whole again: told");
	is_int(certstore_trust_next(t, &entry, &err), 0, "the end of before");
	is_str(listing(t), "A", "whole again: listed");

	/* the same number once more */
	sh("rm -rf store/trust store/.trust@*");
	is_int(has(t, "A"), 0, "all gone");
	change(ADD, &b, NULL);
	is_int(has(t, "B"), 1, "begun anew");
	is_str(listing(t), "B", "and listed");
	sh("cp -RL store/trust copy; rm store/trust; mv copy store/trust");
	is_int(has(t, "B"), -1, "a copy that followed the link");
	repairstore();
	is_int(has(t, "B"), 1, "is repaired");
	change(ADD, &a, NULL);
	is_int(has(t, "A"), 1, "and goes on");
	certstore_trust_free(t);
}

static const char *
results(struct certstore_trust *t)
{
	static char text[200];
	const char *action, *name, *why;
	size_t i;

	text[0] = '\0';
	for (i = 0; certstore_trust_result(t, i, &name, &action, &why) == 1;
	     i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s %s,", action, name);
	return text;
}

/* A change that was not taken keeps the others from being made. */
static void
test_refused(struct certstore *store)
{
	static const char *const what[] = { "add", "update", "reset",
		"distrust" };
	int (*fn[])(struct certstore_trust *, const char *, const void *,
	    size_t, struct certstore_error *) = { certstore_trust_add,
		certstore_trust_update, certstore_trust_reset,
		certstore_trust_distrust_certs };
	struct certstore_trust *t;
	size_t i;
	int n;

	for (i = 0; i < 4; i++) {
		t = certstore_trust_new(store, NULL, 0, &err);
		certstore_trust_remove(t, "A", &err);
		is_int(fn[i](t, "garbage", "x", 1, &err), -1, "%s: garbage",
		    what[i]);
		certstore_trust_remove(t, "B", &err);
		for (n = 0; n < 2; n++) {
			is_int(certstore_trust_commit(t, &err), -1,
			    "nothing is committed");
			is_int(err.code, CERTSTORE_EINPUT, "and why: %s",
			    err.msg);
			is_str(results(t), "", "no results");
		}
		is_str(listing(t), "A B", "the anchors are as before");
		is_int(has(t, "A"), 1, "and can be asked for");
		certstore_trust_free(t);
	}
}

static struct certstore_verify *
begun(struct certstore *store, const char *dir)
{
	struct certstore_verify *v = certstore_verify_new(store, &err);

	certstore_verify_set_time(v, WHEN, &err);
	if (dir != NULL &&
	    certstore_verify_set_anchors(v, path("%s", dir), &err))
		bail("%s", err.msg);
	return v;
}

static int
ask(struct certstore_verify *v)
{
	return certstore_verify_certs(v, "leaf", leaf.p, leaf.len, NULL, &err);
}

static void
test_store(struct certstore *store)
{
	struct certstore_verify *v = begun(store, NULL);

	change(RESET, &a, NULL);
	is_int(ask(v), 1, "A is an anchor");
	change(RESET, &b, NULL);
	is_int(ask(v), 0, "reset to B");
	change(ADD, &a, NULL);
	is_int(ask(v), 1, "A added");
	change(DISTRUST, NULL, "A");
	is_int(ask(v), 0, "A distrusted");
	change(ADD, &a, NULL);
	is_int(ask(v), 1, "A trusted again");
	sh("mv store/trust kept");
	sh("mkdir away; mv store/.trust@* away");
	is_int(ask(v), -1, "no anchors: cannot be told");
	is_int(ask(v), -1, "the second time neither");
	sh("mv away/.trust@* store; mv kept store/trust; rmdir away");
	is_int(ask(v), 1, "they are back");
	sh("cp -RL store/trust copy; rm store/trust; mv copy store/trust");
	is_int(ask(v), -1, "a copy that followed the link");
	repairstore();
	is_int(ask(v), 1, "is repaired");
	sh("echo x >>store/trust/distrusted");
	is_int(ask(v), -1, "a damaged list of what is distrusted");
	is_int(ask(v), -1, "the second time, too");
	sh("sed -i \\$d store/trust/distrusted");
	is_int(ask(v), 1, "mended");
	change(RESET, &b, NULL);
	change(ADD, &a, NULL);
	is_int(ask(v), 1, "a link again");
	sh("cat b.pem >store/trust/A.pem");
	is_int(ask(v), 0, "a file changed by hand");
	sh("echo x >store/trust/A.pem");
	is_int(ask(v), -1, "damaged");
	is_int(ask(v), -1, "the second time, too");
	sh("cat a.pem >store/trust/A.pem");
	is_int(ask(v), 1, "put back");
	certstore_verify_free(v);
}

/* A trust set by name; the default one says what is distrusted everywhere. */
static void
test_set(struct certstore *store)
{
	struct certstore_verify *v = begun(store, NULL);
	struct certstore_trust *t = certstore_trust_new(store, "phones", 0,
	    &err);
	const struct certstore_entry *entry;

	ok(certstore_trust_new(store, "trust", 0, &err) == NULL &&
		err.code == CERTSTORE_EARGUMENT,
	    "not the name of a set");
	is_int(certstore_trust_next(t, &entry, &err), -1, "no such set");
	is_int(err.code, CERTSTORE_ENOENTRY, "%s", err.msg);
	is_int(certstore_trust_next(t, &entry, &err), 0, "and then the end");
	is_int(has(t, "A"), -1, "nothing is in it");
	is_int(certstore_verify_set_anchors(v, "phones", &err), -1, "nor here");
	is_int(ask(v), -1, "cannot be told");
	set = "phones";
	change(ADD, &b, NULL);
	change(ADD, &a, NULL);
	is_str(listing(t), "A B", "another writer made it");
	is_int(certstore_verify_set_anchors(v, "phones", &err), 0, "opened");
	is_int(ask(v), 1, "A is an anchor of it");
	set = NULL;
	change(DISTRUST, NULL, "A");
	is_int(ask(v), 0, "A distrusted in every set");
	is_str(listing(t), "B", "and removed from this one");
	change(ADD, &a, NULL);
	is_int(ask(v), 0, "trusted again, but not in this set");
	set = "phones";
	change(ADD, &a, NULL);
	is_int(ask(v), 1, "and now in this set, too");
	change(DISTRUST, NULL, "A");
	is_int(ask(v), 0, "distrusted in this set");
	set = NULL;
	is_int(certstore_verify_set_anchors(v, NULL, &err), 0, "default set");
	is_int(ask(v), 1, "where it is trusted");
	certstore_trust_free(t);
	certstore_verify_free(v);
}

/* A directory that somebody else looks after. */
static void
test_directory(const char *how)
{
	struct certstore_verify *v;
	char cmd[200];

	sh("mkdir dir; cp a.pem b.pem dir");
	snprintf(cmd, sizeof(cmd), "%s", how);
	sh(cmd);
	v = begun(NULL, "dir");
	is_int(ask(v), 1, "%s: A is there", how);
	sh("echo '-----BEGIN CERTIFICATE-----' >dir/a.pem");
	is_int(ask(v), -1, "damaged");
	is_int(ask(v), -1, "the second time, too");
	sh("cat b.pem >dir/a.pem");
	sh(cmd);
	is_int(ask(v), 0, "another content");
	sh("cp a.pem new; mv new dir/a.pem");
	sh(cmd);
	is_int(ask(v), 1, "another file");
	sh("rm -r dir");
	is_int(ask(v), -1, "no directory");
	sh("mkdir dir; cp b.pem dir");
	sh(cmd);
	is_int(ask(v), 0, "another directory");
	sh("cp a.pem dir");
	sh(cmd);
	is_int(ask(v), 1, "a file more");
	certstore_verify_add_anchors(v, "b", b.p, b.len, &err);
	is_int(ask(v), 1, "and another beside the directory");
	sh("rm dir/a.pem; find dir -xtype l -delete");
	is_int(ask(v), 0, "and one less");
	certstore_verify_add_anchors(v, "a", a.p, a.len, &err);
	is_int(ask(v), 1, "that is given instead");
	certstore_verify_free(v);
	sh("rm -r dir");
}

int
main(void)
{
	struct certstore *store;

	makescratch();
	mkkeys();
	mkpems();
	change(ADD, &a, NULL);
	sh("rm -r store/trust store/.trust@*");
	store = opened(0);
	test_trust(store);
	test_refused(store);
	test_store(store);
	test_set(store);
	test_directory("true");
	test_directory("openssl rehash dir >rehash.log 2>&1");
	ok(ERR_peek_error() == 0, "libcrypto's error queue is empty");
	certstore_close(store);
	cs_buf_free(&a);
	cs_buf_free(&b);
	cs_buf_free(&leaf);
	freekeys();
	removescratch();
	return tap_done();
}
