/*
 * cert-rm: removes entries, with every file, link and copy of each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const char usage[] = "usage: cert-rm [-fnq] [-d store] name ...\n";

struct names {
	char **v;
	size_t n;
	size_t size;
};

static void
collect(struct names *names, struct cmd_operands *ops)
{
	const char *name;

	while ((name = cmd_operand(ops)) != NULL) {
		if (names->n == names->size) {
			names->size = names->size == 0 ? 64 : names->size * 2;
			names->v = reallocarray(names->v, names->size,
			    sizeof(*names->v));
			if (names->v == NULL)
				cmd_die("no memory left");
		}
		if ((names->v[names->n++] = strdup(name)) == NULL)
			cmd_die("no memory left");
	}
}

static int
byname(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A name given twice is one name. */
static void
unify(struct names *names)
{
	size_t i, n = 0;

	if (names->n > 0)
		qsort(names->v, names->n, sizeof(*names->v), byname);
	for (i = 0; i < names->n; i++) {
		if (n > 0 && strcmp(names->v[i], names->v[n - 1]) == 0)
			free(names->v[i]);
		else
			names->v[n++] = names->v[i];
	}
	names->n = n;
}

static void
freenames(struct names *names)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct names names = { 0 };
	struct certstore_error *errs;
	struct certstore *store;
	int ch, flags = 0;
	size_t i;

	cmd_start("cert-rm", usage, argc, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "fn")) != -1) {
		switch (ch) {
		case 'f':
			flags |= CERTSTORE_FORCE;
			break;
		case 'n':
			flags |= CERTSTORE_DRYRUN;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	ops.argv = argv + optind;
	if (argc == optind)
		cmd_usage();

	store = cmd_open(CERTSTORE_WRITE);
	collect(&names, &ops);
	unify(&names);
	if ((errs = calloc(names.n + 1, sizeof(*errs))) == NULL)
		cmd_die("no memory left");
	if (names.n > 0)
		(void)certstore_remove(store, (const char *const *)names.v,
		    names.n, flags, errs);
	for (i = 0; i < names.n; i++) {
		if (errs[i].code != CERTSTORE_OK)
			cmd_error("%s", errs[i].msg);
	}
	free(errs);
	freenames(&names);
	certstore_close(store);
	return cmd_end();
}
