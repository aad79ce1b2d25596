/*
 * takein: imports certificates and keys from files into a store, all or none,
 * and reports what became of each entry.  Status 0: they are in the store and
 * on disk, 2: failure.  A program outside the tree, built with
 *
 *	cc takein.c $(pkg-config --cflags --libs libcertstore)
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <stdio.h>
#include <string.h>

#include <certstore.h>

static struct certstore_error err;

/* One byte more than the library takes, which then says so. */
static char data[CERTSTORE_INPUT_MAX + 1];

static void
warn(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "takein: warning: %s\n", message);
}

/* Adds one file to the import: 0, or -1 and err. */
static int
addfile(struct certstore_import *import, const char *file)
{
	FILE *f;
	size_t len;
	int rv = -1;

	err.msg[0] = '\0';
	if ((f = fopen(file, "rb")) == NULL) {
		perror(file);
		return -1;
	}
	len = fread(data, 1, sizeof(data), f);
	if (ferror(f))
		perror(file);
	else
		rv = certstore_import_add(import, file, data, len, &err);
	fclose(f);
	return rv;
}

static int
takein(struct certstore_import *import, char *files[])
{
	const struct certstore_entry *entry;
	char ends[CERTSTORE_TIME_LEN];
	int rv;

	for (; *files != NULL; files++)
		if (addfile(import, *files) == -1)
			return -1;
	if (certstore_import_plan(import, &err) == -1 ||
	    certstore_import_commit(import, &err) == -1)
		return -1;
	while ((rv = certstore_import_next(import, &entry, &err)) == 1)
		printf("%s %s ends %s\n", certstore_entry_name(entry),
		    certstore_entry_how(entry),
		    certstore_time_format(certstore_entry_ends(entry), ends));
	return rv;
}

int
main(int argc, char *argv[])
{
	struct certstore_import *import = NULL;
	struct certstore *store;
	int rv = -1;

	if (argc < 3) {
		fprintf(stderr, "usage: takein store file ...\n");
		return 2;
	}
	store = certstore_open(argv[1],
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE, &err);
	if (store != NULL) {
		certstore_set_warn(store, warn, NULL);
		import = certstore_import_new(store, 0, &err);
	}
	if (import != NULL)
		rv = takein(import, argv + 2);
	explicit_bzero(data, sizeof(data));
	if (rv == -1 && err.msg[0] != '\0')
		fprintf(stderr, "takein: %s\n", err.msg);
	certstore_import_free(import);
	certstore_close(store);
	if (fclose(stdout) != 0) {
		perror("takein: stdout");
		return 2;
	}
	return rv == -1 ? 2 : 0;
}
