/*
 * gen.c: makes stores of any size for the benchmarks: a CA, and entries with
 * certificates of their own that it really signed, written by the library's
 * own cs_write_entries(), a thousand in one call.  The entry of number 42 is
 * e0000042 and answers for e0000042.example.com and its www.; the first 18
 * share shared18.example.com, the 2,000 from number 1,000 on
 * shared2000.example.com.
 *
 *	gen [-c] store STORE FIRST LAST	adds the entries FIRST to LAST
 *	gen [-c] files STORE DIR FIRST LAST
 *					writes what an import of them would
 *					take: DIR/e0000042.pem, key first
 *
 * With -c they sign calls: the entry of number 42 for the service provider code
 * 042H, of 900 codes, and the first 18 also for 12155550000 to 12155550099.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#include "issue/private.h"
#include "x509/private.h"

#define CA "bench-ca"
#define BATCH 1000 /* entries of one put */
#define SHARED18 18
#define SHARED2000 1000
#define CODES 900
#define NUMBER_MAX 9999999

struct gen {
	struct certstore *store;
	struct cs_issuer ca;
	int calls; /* -c */
};

static struct certstore_error error;

static void
check(int ok)
{
	if (!ok)
		errx(2, "%s", error.msg);
}

static long
number(const char *text)
{
	const char *bad;
	long n;

	n = (long)strtonum(text, 0, NUMBER_MAX, &bad);
	if (bad != NULL)
		errx(2, "%s: is %s", text, bad);
	return n;
}

static void
makeca(struct certstore *store)
{
	struct certstore_entry *entry;
	struct certstore_template *t;

	if ((entry = certstore_entry_get(store, CA, &error)) != NULL) {
		certstore_entry_free(entry);
		return;
	}
	check((t = certstore_template_new(&error)) != NULL);
	check(certstore_template_set_ca(t, &error) == 0);
	check(certstore_create(store, CA, t, 0, NULL, &error) == 1);
	certstore_template_free(t);
}

/* Each entry is to be renewed: that costs its writer the most. */
static void
setrenewal(struct certstore *store)
{
	struct certstore_set *set;

	set = certstore_set_new(store, 0, &error);
	check(set != NULL);
	check(certstore_set_add(set, "@new", &error) == 0);
	check(certstore_set_change(set, "renew", CERTSTORE_SET_REPLACE, "yes",
		  &error) == 0);
	check(certstore_set_commit(set, &error) != -1);
	certstore_set_free(set);
}

static void
start(struct gen *gen, const char *path)
{
	gen->store = certstore_open(path,
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE, &error);
	check(gen->store != NULL);
	setrenewal(gen->store);
	makeca(gen->store);
	check(cs_issuer_open(&gen->ca, gen->store, CA, &error) == 0);
	check(cs_issuer_read(&gen->ca, &error) == 0);
	check(cs_issuer_key(&gen->ca, NULL, &error) == 0);
}

static void
finish(struct gen *gen)
{
	cs_issuer_close(&gen->ca);
	certstore_close(gen->store);
}

static void
addcalls(struct certstore_template *t, long i)
{
	char code[32];

	check(certstore_template_set_profile(t, "shaken", &error) == 0);
	snprintf(code, sizeof(code), "spc:%03ldH", i % CODES);
	check(certstore_template_add_san(t, code, &error) == 0);
	if (i < SHARED18)
		check(certstore_template_add_san(t, "tel:12155550000+100",
			  &error) == 0);
}

static void
addhosts(struct certstore_template *t, const char *name, long i)
{
	char san[64];

	snprintf(san, sizeof(san), "%s.example.com", name);
	check(certstore_template_add_san(t, san, &error) == 0);
	snprintf(san, sizeof(san), "www.%s.example.com", name);
	check(certstore_template_add_san(t, san, &error) == 0);
	if (i < SHARED18)
		check(certstore_template_add_san(t, "shared18.example.com",
			  &error) == 0);
	if (i >= SHARED2000 && i < SHARED2000 + 2000)
		check(certstore_template_add_san(t, "shared2000.example.com",
			  &error) == 0);
}

static X509 *
issue(struct gen *gen, const char *name, long i, EVP_PKEY *pkey)
{
	struct certstore_template *t, full;
	struct cs_san own;
	X509 *x509;

	check((t = certstore_template_new(&error)) != NULL);
	if (gen->calls)
		addcalls(t, i);
	else
		addhosts(t, name, i);
	check(cs_template_resolve(&full, &own, t, name, &error) == 0);
	x509 = cs_issue_cert(gen->store, name, &full, pkey, &gen->ca, &error);
	check(x509 != NULL);
	free(own.value);
	certstore_template_free(t);
	return x509;
}

static void
makeput(struct gen *gen, struct cs_put *put, char *name, long i)
{
	struct cs_buf pem = { NULL, 0, 0 };
	EVP_PKEY *pkey;
	X509 *x509;

	put->name = name;
	snprintf(put->signer, sizeof(put->signer), "%s",
	    gen->ca.entry.info.spki);
	check((pkey = cs_key_generate(NULL, NULL, &error)) != NULL);
	x509 = issue(gen, name, i, pkey);
	check(cs_key_encode(&pem, pkey, NULL, &error) == 0);
	check(
	    cs_chain_files(put, x509, NULL, gen->ca.certs, &pem, &error) == 0);
	if (cs_buf_adds(&put->file[CS_PROPS], "origin create\n") == -1)
		err(2, NULL);
	cs_buf_free(&pem);
	X509_free(x509);
	EVP_PKEY_free(pkey);
}

static void
makestore(struct gen *gen, long first, long last)
{
	static char names[BATCH][16];
	struct cs_put *puts;
	long i;
	size_t j, n;

	if ((puts = calloc(BATCH, sizeof(*puts))) == NULL)
		err(2, NULL);
	for (i = first; i <= last;) {
		for (n = 0; n < BATCH && i <= last; n++, i++) {
			snprintf(names[n], sizeof(names[n]), "e%07ld", i);
			makeput(gen, &puts[n], names[n], i);
		}
		check(cs_write_entries(gen->store, puts, n, &error) == 0);
		for (j = 0; j < n; j++)
			cs_put_free(&puts[j]);
		memset(puts, 0, BATCH * sizeof(*puts));
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%ld ", i);
	}
	if (isatty(STDERR_FILENO))
		fputc('\r', stderr);
	free(puts);
}

static void
makefile(struct gen *gen, const char *dir, long i)
{
	struct cs_put put = { 0 };
	const struct cs_buf *key = &put.file[CS_PRIVKEY];
	const struct cs_buf *chain = &put.file[CS_FULLCHAIN];
	char name[16], path[1024];
	FILE *f;

	snprintf(name, sizeof(name), "e%07ld", i);
	makeput(gen, &put, name, i);
	snprintf(path, sizeof(path), "%s/%s.pem", dir, name);
	if ((f = fopen(path, "wx")) == NULL ||
	    fwrite(key->p, 1, key->len, f) != key->len ||
	    fwrite(chain->p, 1, chain->len, f) != chain->len || fclose(f) != 0)
		err(2, "%s", path);
	cs_put_free(&put);
}

int
main(int argc, char *argv[])
{
	struct gen gen = { 0 };
	long i, last;

	if (argc > 1 && strcmp(argv[1], "-c") == 0) {
		gen.calls = 1;
		argc--;
		argv++;
	}
	if (argc == 5 && strcmp(argv[1], "store") == 0) {
		start(&gen, argv[2]);
		makestore(&gen, number(argv[3]), number(argv[4]));
	} else if (argc == 6 && strcmp(argv[1], "files") == 0) {
		start(&gen, argv[2]);
		last = number(argv[5]);
		for (i = number(argv[4]); i <= last; i++)
			makefile(&gen, argv[3], i);
	} else {
		fputs("usage: gen [-c] store STORE FIRST LAST\n"
		      "       gen [-c] files STORE DIR FIRST LAST\n",
		    stderr);
		return 2;
	}
	finish(&gen);
	return 0;
}
