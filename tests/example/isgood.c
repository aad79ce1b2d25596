/*
 * isgood: whether the chain in a file is good for a server of that name, by
 * the trust anchors of a store, and if not, why.  Status 0: it is good, 1: it
 * is not, 2: that cannot be told.  A program outside the tree, built with
 *
 *	cc isgood.c $(pkg-config --cflags --libs libcertstore)
 */
#include <stdio.h>

#include <certstore.h>

static struct certstore_error err;

/* One byte more than the library takes, which then says so. */
static char data[CERTSTORE_INPUT_MAX + 1];

/* The number of bytes in data, or -1, which was said. */
static long
readfile(const char *file)
{
	FILE *f;
	size_t len;

	if ((f = fopen(file, "rb")) == NULL) {
		perror(file);
		return -1;
	}
	len = fread(data, 1, sizeof(data), f);
	if (ferror(f)) {
		perror(file);
		fclose(f);
		return -1;
	}
	fclose(f);
	return (long)len;
}

/* Why it is not good, or not quite, then the path from the server upwards. */
static int
explain(struct certstore_verify *verify)
{
	const struct certstore_entry *entry;
	const struct certstore_reason *why;
	const char *subject;
	size_t i;
	int rv;

	for (i = 0; certstore_verify_reason(verify, i, &why) == 1; i++)
		printf("%s: %s (%s)\n", why->warning ? "warning" : "error",
		    why->text, why->section);
	for (i = 0; (rv = certstore_verify_path(verify, i, &entry, &err)) == 1;
	     i++) {
		subject = certstore_entry_subject(entry);
		printf("path: %s\n", subject == NULL ? "" : subject);
	}
	return rv;
}

/* 1 it is good, 0 it is not, or -1. */
static int
judge(struct certstore *store, const char *host, const char *file, size_t len)
{
	struct certstore_verify *verify;
	int rv = -1;

	if ((verify = certstore_verify_new(store, &err)) == NULL)
		return -1;
	if (certstore_verify_set_host(verify, host, &err) == 0)
		rv = certstore_verify_certs(verify, file, data, len, NULL,
		    &err);
	if (rv != -1 && explain(verify) == -1)
		rv = -1;
	certstore_verify_free(verify);
	return rv;
}

int
main(int argc, char *argv[])
{
	struct certstore *store;
	long len;
	int rv;

	if (argc != 4) {
		fprintf(stderr, "usage: isgood store host file\n");
		return 2;
	}
	if ((len = readfile(argv[3])) == -1)
		return 2;
	if ((store = certstore_open(argv[1], 0, &err)) == NULL) {
		fprintf(stderr, "isgood: %s\n", err.msg);
		return 2;
	}
	if ((rv = judge(store, argv[2], argv[3], (size_t)len)) == -1)
		fprintf(stderr, "isgood: %s\n", err.msg);
	certstore_close(store);
	if (fclose(stdout) != 0) {
		perror("isgood: stdout");
		return 2;
	}
	return rv == -1 ? 2 : !rv;
}
