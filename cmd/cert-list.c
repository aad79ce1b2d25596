/*
 * cert-list: prints the entries of the store, those that expire soon, or what a
 * CA has signed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ '0', NULL, "end each record with a NUL byte" },
	{ 'A', "ca",
	    "what this CA has signed, whether or not it has an entry" },
	{ 'e', "within",
	    "only entries that expire within 30d, 1/3, a date, 0" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'k', "kind", "only these kinds: server,ca,client,peer,mail,..." },
	{ 'o', "field,...", "print these fields; a wrong name lists them all" },
	{ 0, NULL, NULL },
};

static const struct cmd_help help = {
	.name = "cert-list",
	.operands = "[pattern ...]",
	.opts = opts,
};

struct filter {
	char **patterns;   /* ends with NULL; or NULL for all entries */
	const char *kinds; /* NULL: all */
	const char *ca;	   /* whose register is listed; NULL: entries */
	struct certstore_span within;
	int ending; /* within is set */
};

/*
 * Returns 1 if the entry passes the filter, else 0.  With -e, how receives
 * which certificate expires first.
 */
static int
passesfilter(const struct filter *filter, const struct certstore_entry *entry,
    int64_t now, struct cmd_text *how)
{
	const char *which = NULL;
	int64_t when;

	if (filter->kinds != NULL &&
	    !certstore_entry_is_kind(entry, filter->kinds))
		return 0;
	if (!filter->ending)
		return 1;
	if (certstore_entry_ends_within(entry, &filter->within, now, &which,
		&when) != 1)
		return 0;
	how->len = 0;
	cmd_text_adds(how, which == NULL ? "certificate" : "chain: ");
	cmd_text_adds(how, which == NULL ? "" : which);
	return 1;
}

static int
putentry(struct cmd_records *out, const struct filter *filter,
    const struct certstore_entry *entry, struct cmd_text *how)
{
	if (!passesfilter(filter, entry, out->now, how))
		return 0;
	cmd_records_put(out, entry, filter->ending ? how->p : NULL);
	return 1;
}

/* Prints the entries that pass the filter and returns their number. */
static size_t
listall(struct certstore *store, const struct filter *filter,
    struct cmd_records *out)
{
	const struct certstore_entry *entry;
	struct cmd_text how = { NULL, 0, 0 };
	struct certstore_error err;
	struct certstore_list *list;
	size_t n = 0;
	int rv;

	list = filter->ending ?
	    certstore_list_ending(store, &filter->within, out->now, &err) :
	    certstore_list_new(store, &err);
	if (list == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else if (cmd_operands_match(filter->patterns,
			     certstore_entry_name(entry)))
			n += (size_t)putentry(out, filter, entry, &how);
	}
	certstore_list_free(list);
	cmd_text_free(&how);
	return n;
}

static int
byname(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The same for operands that are all plain names: only these entries are read,
 * however many the store has.
 */
static size_t
listnamed(struct certstore *store, const struct filter *filter, size_t nname,
    struct cmd_records *out)
{
	struct cmd_text how = { NULL, 0, 0 };
	struct certstore_entry *entry;
	struct certstore_error err;
	char **names = filter->patterns;
	size_t i, n = 0;

	qsort(names, nname, sizeof(*names), byname);
	for (i = 0; i < nname; i++) {
		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		entry = certstore_entry_get(store, names[i], &err);
		if (entry != NULL)
			n += (size_t)putentry(out, filter, entry, &how);
		else if (err.code != CERTSTORE_ENOENTRY &&
		    err.code != CERTSTORE_EARGUMENT)
			cmd_error("%s", err.msg);
		certstore_entry_free(entry);
	}
	cmd_text_free(&how);
	return n;
}

/* Does a pattern match what a CA has signed: its name here, its subject or one of
 * the names that it is for? */
static int
matchesissued(char **patterns, const struct certstore_entry *entry)
{
	const char *type, *value;
	size_t i;

	if (cmd_operands_match(patterns, certstore_entry_name(entry)))
		return 1;
	value = certstore_entry_subject(entry);
	if (value != NULL && cmd_operands_match(patterns, value))
		return 1;
	for (i = 0; certstore_entry_san(entry, i, &type, &value) == 1; i++)
		if (cmd_operands_match(patterns, value))
			return 1;
	return 0;
}

/* Prints what a CA has signed. */
static size_t
listissued(struct certstore *store, const struct filter *filter,
    struct cmd_records *out)
{
	const struct certstore_entry *entry;
	struct cmd_text how = { NULL, 0, 0 };
	struct certstore_error err;
	struct certstore_issued *issued;
	size_t n = 0;
	int rv;

	if ((issued = certstore_issued_new(store, filter->ca, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_issued_next(issued, &entry, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else if (matchesissued(filter->patterns, entry))
			n += (size_t)putentry(out, filter, entry, &how);
	}
	certstore_issued_free(issued);
	cmd_text_free(&how);
	return n;
}

static int
plainnames(char **patterns)
{
	if (patterns == NULL)
		return 0;
	for (; *patterns != NULL; patterns++) {
		if (strpbrk(*patterns, "*?[\\") != NULL)
			return 0;
	}
	return 1;
}

int
main(int argc, char *argv[])
{
	struct cmd_operands patterns = { 0 };
	struct cmd_records out = { 0 };
	struct filter filter = { 0 };
	struct certstore_error err;
	struct certstore *store;
	size_t n, npattern = 0;
	int ch;

	cmd_start(&help, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "0A:e:jk:o:")) != -1) {
		switch (ch) {
		case '0':
			out.nul = 1;
			break;
		case 'A':
			filter.ca = optarg;
			break;
		case 'e':
			if (certstore_span_parse(optarg, &filter.within,
				&err) == -1)
				cmd_die("-e %s", err.msg);
			filter.ending = 1;
			break;
		case 'j':
			out.json = 1;
			break;
		case 'k':
			if (certstore_kinds_check(optarg, &err) == -1)
				cmd_die("-k %s", err.msg);
			filter.kinds = optarg;
			break;
		case 'o':
			cmd_records_fields(&out, optarg);
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	cmd_operands_start(&patterns, argv + optind);

	store = cmd_open(0);
	cmd_confine(NULL, NULL, 0);
	if (argc > optind)
		filter.patterns = cmd_operands_all(&patterns, &npattern);
	cmd_records_start(&out,
	    filter.ending ? "name,kind,ends,names,how" :
			    "name,kind,ends,names");
	if (out.form == CMD_TABLE || !out.terminal)
		cmd_progress(store);
	if (filter.ca != NULL)
		n = listissued(store, &filter, &out);
	else if (plainnames(filter.patterns))
		n = listnamed(store, &filter, npattern, &out);
	else
		n = listall(store, &filter, &out);
	cmd_records_end(&out);
	if (n == 0 &&
	    (argc > optind || filter.kinds != NULL || filter.ending ||
		filter.ca != NULL))
		cmd_no();
	if (filter.patterns != NULL)
		cmd_operands_free(filter.patterns);
	certstore_close(store);
	return cmd_end();
}
