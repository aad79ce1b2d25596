/*
 * test-register.c: lib/store/issued.c and revoked.c: what CAs have signed and
 * revoked, also where the files were damaged.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "tap.h"
#include "scratch.h"

static const char spki[] = "11111111111111111111111111111111"
			   "11111111111111111111111111111111";
static const char other[] = "22222222222222222222222222222222"
			    "22222222222222222222222222222222";

static void
testserials(void)
{
	char out[CS_SERIAL_LEN], many[CS_SERIAL_LEN + 2];

	ok(cs_issued_serial(out, "00AbC0") == 0 && strcmp(out, "abc0") == 0,
	    "lower case, without leading zeros");
	ok(cs_issued_serial(out, "000") == 0 && strcmp(out, "0") == 0, "zero");
	ok(cs_issued_serial(out, "") == -1 &&
		cs_issued_serial(out, "-1") == -1 &&
		cs_issued_serial(out, "../x") == -1 &&
		cs_issued_serial(out, "0x1f") == -1,
	    "what is no serial number");
	memset(many, 'f', sizeof(many));
	many[CS_SERIAL_LEN] = '\0';
	ok(cs_issued_serial(out, many) == -1, "too long");
	many[0] = many[1] = '0';
	ok(cs_issued_serial(out, many) == 0, "long, with zeros");
}

static void
testwords(void)
{
	int i, n = 0;

	for (i = -1; i < 20; i++)
		if (cs_revoked_word(i) != NULL &&
		    cs_revoked_reason(cs_revoked_word(i)) == i)
			n++;
	ok(n == 10, "ten reasons have a word");
	ok(cs_revoked_reason("KEYCOMPROMISE") == 1 &&
		cs_revoked_reason("7") == -1 && cs_revoked_reason("") == -1,
	    "a word in any case, no number");
}

/* A description as cs_describe_cert() gives it. */
static void
describe(struct cs_buf *b, const char *serial)
{
	cs_buf_reset(b);
	cs_buf_printf(b,
	    "kind server\nkey p256\nspki %s\nfingerprint %s\nserial %s\n"
	    "starts 1700000000 x\nends 1800000000 x\nsubject CN=%s\n"
	    "issuing 1 2 3\n",
	    other, other, serial, serial);
}

static int
add(struct certstore *store, const char *serial, const char *name,
    const char *pem)
{
	struct cs_buf desc = { 0 };
	struct cs_issued is = { spki, name, &desc, { NULL, 0, 0 } };
	int rv;

	if (serial == NULL)
		cs_buf_adds(&desc, "kind server\nserial 5ab\n");
	else
		describe(&desc, serial);
	cs_buf_adds(&is.pem, pem);
	rv = cs_issued_add(store, &is, 1, &err);
	cs_buf_free(&desc);
	cs_buf_free(&is.pem);
	return rv;
}

#define PEM \
	"-----BEGIN CERTIFICATE-----\nAAAA\n" \
	"-----END CERTIFICATE-----\n"

static void
testissued(void)
{
	struct certstore *store = opened(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	struct certstore_entry e = { 0 };
	char longest[CS_SERIAL_LEN + 1], ca[80];
	const struct certstore_entry *one;
	struct certstore_issued *list;
	struct stat st;

	ok(cs_issued_has(store, spki, "abc") == 0 &&
		cs_issued_read(store, spki, "abc", &e, &err) == 0,
	    "nothing was signed");
	ok(add(store, "0abc", NULL, PEM) == 0, "one is recorded");
	ok(cs_issued_has(store, spki, "abc") == 1 &&
		cs_issued_has(store, other, "abc") == 0,
	    "it is there, of this CA");
	ok(cs_issued_read(store, spki, "abc", &e, &err) == 1 &&
		strcmp(e.info.name, "serial:abc") == 0 &&
		strcmp(e.info.subject, "CN=0abc") == 0 &&
		e.info.nissuing == 0 && strcmp(e.pem, PEM) == 0,
	    "and is read");
	ok(stat(path("store/issued/%s/bc/abc.pem", spki), &st) == 0 &&
		(st.st_mode & 07777) == 0600,
	    "its file is the owner's");
	ok(stat(path("store/issued/%s/bc", spki), &st) == 0 &&
		(st.st_mode & 07777) == 0700,
	    "and its directory");
	ok(access(path("store/issued/%s/ends/2027-01", spki), F_OK) == 0,
	    "the month in which it expires");
	ok(add(store, "abc", NULL,
	       "-----BEGIN CERTIFICATE-----\nBBBB\n"
	       "-----END CERTIFICATE-----\n") == -1 &&
		err.code == CERTSTORE_EREFUSED,
	    "a serial number is given once");
	ok(add(store, "0abc", NULL, PEM) == 0, "again the same is no error");
	memset(longest, 'f', CS_SERIAL_LEN);
	longest[CS_SERIAL_LEN] = '\0';
	ok(add(store, longest, NULL, PEM) == -1 &&
		err.code == CERTSTORE_EREFUSED,
	    "nor one that is too long");
	ok(add(store, "-1f", NULL, PEM) == -1 && err.code == CERTSTORE_EREFUSED,
	    "a negative number cannot be recorded");
	ok(add(store, "7", "www", PEM) == 0 &&
		cs_issued_read(store, spki, "7", &e, &err) == 1 &&
		strcmp(e.info.name, "www") == 0,
	    "one digit, of an entry");
	ok(access(path("store/issued/%s/07/7.pem", spki), F_OK) == 0,
	    "in a directory of two");
	/* one goes while they are listed */
	add(store, "fbc", NULL, PEM);
	snprintf(ca, sizeof(ca), "spki:%s", spki);
	if ((list = certstore_issued_new(store, ca, &err)) == NULL)
		bail("%s", err.msg);
	ok(certstore_issued_next(list, &one, &err) == 1 &&
		strcmp(certstore_entry_name(one), "serial:7") == 0 &&
		certstore_issued_next(list, &one, &err) == 1 &&
		strcmp(certstore_entry_name(one), "serial:abc") == 0,
	    "those of a CA, by their last digits");
	unlink(path("store/issued/%s/bc/fbc.pem", spki));
	ok(certstore_issued_next(list, &one, &err) == 0 && one == NULL,
	    "but one that is gone since: %s", err.msg);
	certstore_issued_free(list);
	ok(truncate(path("store/issued/%s/07/7.pem", spki), 60) == 0 &&
		cs_issued_read(store, spki, "7", &e, &err) == -1 &&
		err.code == CERTSTORE_EDAMAGED,
	    "one that was cut short is damaged");
	ok(add(store, NULL, NULL, PEM) == 0 &&
		cs_issued_has(store, spki, "5ab") == 1,
	    "one that does not expire is in no month");
	chmod(path("store/issued/%s/bc", spki), 0777);
	ok(add(store, "dbc", NULL, PEM) == -1 && err.code == CERTSTORE_EUNSAFE,
	    "a directory that others can write is refused");
	cs_entry_done(&e);
	certstore_close(store);
}

static int
count(void *arg, const struct cs_revocation *r)
{
	char *seen = arg;

	strcat(seen, r->serial);
	strcat(seen, " ");
	return 0;
}

static void
spoil(const char *serial, const char *text)
{
	FILE *fp = fopen(path("store/revoked/%s/%s", spki, serial), "w");

	if (fp == NULL)
		bail("%s", serial);
	fputs(text, fp);
	fclose(fp);
}

static void
testrevoked(void)
{
	struct certstore *store = opened(CERTSTORE_OPEN_WRITE);
	struct cs_revocation many[40] = { { .serial = "b",
					      .issuer = "0a",
					      .when = 1700000000,
					      .ends = 1800000000,
					      .reason = 1 },
		{ .serial = "a", .issuer = "0b", .when = 1700000001 } },
			     r;
	static const char *const bad[] = { "", "certstore 1\n",
		"certstore 2\nrevoked 1 x\nissuer x\n",
		"certstore 1\nrevoked 1 x\n", "certstore 1\nissuer x\n",
		"certstore 1\nrevoked x\nissuer x\n",
		"certstore 1\nrevoked 1 x\nissuer x\nreason no\n",
		"certstore 1\nrevoked 1 x\nissuer x", NULL };
	char seen[512] = "", longer[200];
	struct stat st;
	int i, n = 0;

	ok(cs_revoked_find(store, spki, "a", &r) == 0 &&
		cs_revoked_each(store, spki, count, seen, &err) == 0 &&
		*seen == '\0',
	    "nothing is revoked");
	ok(cs_revoked_add(store, spki, many, 2, &err) == 2, "two are new");
	ok(cs_revoked_add(store, spki, many, 1, &err) == 0,
	    "and revoked only once");
	ok(cs_revoked_find(store, spki, "b", &r) == 1 && r.reason == 1 &&
		r.when == 1700000000 && r.ends == 1800000000 &&
		strcmp(r.issuer, "0a") == 0,
	    "with all that was said");
	ok(cs_revoked_find(store, spki, "a", &r) == 1 && r.reason == 0 &&
		r.ends == 0,
	    "or only what is known");
	ok(cs_revoked_each(store, spki, count, seen, &err) == 0 &&
		strcmp(seen, "a b ") == 0,
	    "by serial number: %s", seen);
	ok(stat(path("store/revoked/%s/a", spki), &st) == 0 &&
		(st.st_mode & 07777) == 0644 &&
		stat(path("store/revoked/%s", spki), &st) == 0 &&
		(st.st_mode & 07777) == 0755,
	    "for all to read");
	for (i = 0; bad[i] != NULL; i++) {
		spoil("b", bad[i]);
		if (cs_revoked_find(store, spki, "b", &r) == -1 &&
		    errno == EBADMSG)
			n++;
	}
	ok(n == i, "%d of %d damaged files are told", n, i);
	ok(cs_revoked_each(store, spki, count, seen, &err) == -1 &&
		err.code == CERTSTORE_EDAMAGED,
	    "and end the list");
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, "certstore 1\nrevoked 1 x\nissuer ", 31);
	longer[sizeof(longer) - 2] = '\n';
	longer[sizeof(longer) - 1] = '\0';
	spoil("b", longer);
	ok(cs_revoked_find(store, spki, "b", &r) == -1 && errno == EBADMSG,
	    "an issuer that is too long");
	ok(cs_revoked_add(store, spki, many, 1, &err) == 1 &&
		cs_revoked_find(store, spki, "b", &r) == 1,
	    "revoked again, it is whole");
	unlink(path("store/revoked/%s/b", spki));
	ok(symlink("/etc/passwd", path("store/revoked/%s/b", spki)) == 0 &&
		cs_revoked_find(store, spki, "b", &r) == -1,
	    "a link is not followed");
	unlink(path("store/revoked/%s/b", spki));
	for (i = 0; i < 40; i++) {
		many[i] = many[1];
		snprintf(many[i].serial, sizeof(many[i].serial), "%x", 16 + i);
	}
	many[39] = many[0]; /* given twice */
	ok(cs_revoked_add(store, spki, many, 40, &err) == 39, "many at once");
	snprintf(many[0].serial, sizeof(many[0].serial), "fff");
	ok(cs_revoked_add(store, spki, many, 40, &err) == 1,
	    "of which one is new");
	chmod(path("store/revoked/%s", spki), 0777);
	ok(cs_revoked_add(store, spki, many, 1, &err) == -1 &&
		err.code == CERTSTORE_EUNSAFE,
	    "not where others can write");
	certstore_close(store);
}

int
main(void)
{
	testserials();
	testwords();
	makescratch();
	testissued();
	testrevoked();
	removescratch();
	return tap_done();
}
