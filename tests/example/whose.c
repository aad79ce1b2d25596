/*
 * whose: which entry of a store answers for a host, and where its certificate
 * and key are.  Status 0: one that is valid, 1: none, 2: that cannot be told.
 * A program outside the tree, built with
 *
 *	cc whose.c $(pkg-config --cflags --libs libcertstore)
 */
#include <stdio.h>
#include <stdlib.h>

#include <certstore.h>

static struct certstore_error err;

static void
print(const struct certstore_entry *entry)
{
	char *path = certstore_entry_path(entry, CERTSTORE_COMBINED);

	printf("%s %s %s\n", certstore_entry_name(entry),
	    certstore_entry_how(entry), path == NULL ? "-" : path);
	free(path);
}

/* 1 it is valid, 2 it is expired or not yet valid, 0 none, or -1. */
static int
answer(struct certstore *store, const char *host)
{
	struct certstore_match *match;
	const struct certstore_entry *entry;
	int rv;

	match = certstore_match_new(store, CERTSTORE_NOW, NULL,
	    CERTSTORE_MATCH_WINNER, &err);
	if (match == NULL)
		return -1;
	rv = certstore_match_ask(match, host, &err);
	if (rv > 0 && certstore_match_next(match, &entry, &err) == 1)
		print(entry);
	certstore_match_free(match);
	return rv;
}

int
main(int argc, char *argv[])
{
	struct certstore *store;
	int rv;

	if (argc != 3) {
		fprintf(stderr, "usage: whose store host\n");
		return 2;
	}
	if ((store = certstore_open(argv[1], 0, &err)) == NULL) {
		fprintf(stderr, "whose: %s\n", err.msg);
		return 2;
	}
	if ((rv = answer(store, argv[2])) == -1)
		fprintf(stderr, "whose: %s\n", err.msg);
	certstore_close(store);
	if (fclose(stdout) != 0) {
		perror("whose: stdout");
		return 2;
	}
	return rv == -1 ? 2 : rv != 1;
}
