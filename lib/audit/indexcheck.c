/*
 * indexcheck.c: what is surplus in index/ and combined/: looked for only if
 * there are more links than the entries call for.  And which entries share a key
 * or a host.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"

struct walk {
	struct certstore_audit *audit;
	struct certstore_error *err;
	size_t n;
	int combined; /* the directory, or -1 */
	char key[CS_KEY_MAX + 1];
	struct cs_strings names;
};

static int
failwalk(struct walk *in, const char *what)
{
	return in->err->code != CERTSTORE_OK ?
	    -1 :
	    cs_fail_errno(in->err, "%s/%s", certstore_path(in->audit->store),
		what);
}

/*
 * Is a link surplus, and no writer at work on its entry?  The entry may have been
 * read before a writer changed it: it is read again, and once more, since a
 * writer may have been faster than that.  1, 0, -1.
 */
static int
issurplusnow(struct walk *in, const char *path, const char *name)
{
	struct certstore *store = in->audit->store;
	char owner[CS_NAME_MAX + 1];
	int i, rv = 1;

	for (i = 0; i < 2 && rv == 1; i++)
		if ((rv = cs_purge_link(store, path, 0, owner)) == 1 &&
		    cs_entrycheck_ispending(in->audit, name))
			rv = 0;
	return rv;
}

static int
addsurplus(void *arg, const char *path, const char *name)
{
	struct walk *in = arg;
	int rv;

	if (name == NULL)
		return cs_finding_add(in->audit, CS_CODE_UNKNOWN_FILE, "@store",
		    in->err, "index/%s: is not a link of an entry: remove it",
		    path);
	if ((rv = issurplusnow(in, path, name)) != 1)
		return rv;
	return cs_finding_add(in->audit, CS_CODE_INDEX_SURPLUS, name, in->err,
	    "index/%s leads to it, but it does not call for that: "
	    "cert-check%s -r",
	    path, cs_store_option(in->audit->store));
}

static int
countfile(void *arg, const char *file)
{
	struct walk *in = arg;

	(void)file;
	in->n++;
	return 0;
}

/* A file in combined/ that is not the link of an entry that serves TLS. */
static int
lookcombined(void *arg, const char *file)
{
	struct walk *in = arg;
	struct certstore_audit *audit = in->audit;
	char name[CS_NAME_MAX + 1], text[CS_GENDIR + 32], want[CS_GENDIR + 32];
	size_t len = strlen(file);
	struct certstore_error why;

	if (len <= 4 || len - 4 > CS_NAME_MAX ||
	    strcmp(file + len - 4, ".pem") != 0)
		return cs_finding_add(audit, CS_CODE_UNKNOWN_FILE, "@store",
		    in->err,
		    "combined/%s: is not a link of an entry: remove it, since "
		    "servers read the whole directory",
		    file);
	snprintf(name, sizeof(name), "%.*s", (int)len - 4, file);
	snprintf(want, sizeof(want), "../certs/%s/combined.pem", name);
	if (cs_file_readlink(in->combined, file, text, sizeof(text)) == -1 ||
	    strcmp(text, want) != 0)
		return cs_finding_add(audit, CS_CODE_UNKNOWN_FILE, "@store",
		    in->err,
		    "combined/%s: is not the link of an entry: remove it, "
		    "since servers read the whole directory",
		    file);
	if (cs_entrycheck_ispending(audit, name) ||
	    cs_entry_glance(audit->store, name, &audit->entry, &why) == 0 ||
	    why.code != CERTSTORE_ENOENTRY)
		return 0;
	return cs_finding_add(audit, CS_CODE_COMBINED_SURPLUS, name, in->err,
	    "combined/%s leads to no entry: cert-check%s -r", file,
	    cs_store_option(audit->store));
}

static int
takename(void *arg, const char *file)
{
	struct walk *in = arg;

	return cs_name_isvalid(file) ? cs_strings_add(&in->names, file) : 0;
}

/* The names of the entries that have KEY@, with the first one, sorted. */
static int
readsharing(struct walk *in, const char *sub, const char *file)
{
	char path[CS_INDEX_PATH + 16], text[CS_GENDIR + 32];
	const char *base;

	cs_strings_free(&in->names);
	snprintf(path, sizeof(path), "index/%s/%s", sub, file);
	if (cs_file_each(in->audit->root, path, takename, in) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	path[strlen(path) - 1] = '\0';
	if (cs_file_readlink(in->audit->root, path, text, sizeof(text)) != -1 &&
	    (base = strrchr(text, '/')) != NULL &&
	    cs_strings_add(&in->names, base + 1) == -1)
		return -1;
	cs_strings_sort(&in->names);
	return 0;
}

static int
isshared(const char *file)
{
	size_t len = strlen(file);

	return len > 1 && file[len - 1] == '@';
}

static int
lookkeys(void *arg, const char *file)
{
	struct walk *in = arg;
	size_t i;
	int rv;

	if (!isshared(file))
		return 0;
	rv = readsharing(in, "spki", file);
	for (i = 1; rv == 0 && i < in->names.n; i++)
		rv = cs_finding_add(in->audit, CS_CODE_KEY_SHARED,
		    in->names.v[i], in->err, "%s has the same key",
		    in->names.v[0]);
	return rv;
}

/* Do two entries of one host have keys of different types? */
static int
istwin(const struct cs_info *a, const struct cs_info *b)
{
	return a->key != NULL && b->key != NULL && a->fingerprint != NULL &&
	    b->fingerprint != NULL &&
	    (strncmp(a->key, "rsa", 3) == 0) !=
	    (strncmp(b->key, "rsa", 3) == 0);
}

/* What makes twins serve differently, or NULL. */
static const char *
twindifference(const struct cs_info *a, const struct cs_info *b)
{
	size_t i;

	if (a->ends - b->ends > CS_DAY || b->ends - a->ends > CS_DAY)
		return "expires at another time";
	if (a->nsan != b->nsan)
		return "has other names";
	for (i = 0; i < a->nsan; i++)
		if (!cs_names_have(b->san, b->nsan, a->san[i].type,
			a->san[i].value))
			return "has other names";
	return NULL;
}

static int
looktwins(void *arg, const char *file)
{
	struct walk *in = arg;
	struct certstore_audit *audit = in->audit;
	struct certstore_entry first = { 0 };
	struct certstore_error why;
	const char *what;
	size_t i;
	int rv;

	if (!isshared(file))
		return 0;
	if ((rv = readsharing(in, "host", file)) == 0 && in->names.n > 1 &&
	    cs_entry_glance(audit->store, in->names.v[0], &first, &why) == 0)
		for (i = 1; rv == 0 && i < in->names.n; i++) {
			if (cs_entry_glance(audit->store, in->names.v[i],
				&audit->entry, &why) == -1 ||
			    !istwin(&first.info, &audit->entry.info) ||
			    (what = twindifference(&first.info,
				 &audit->entry.info)) == NULL)
				continue;
			rv = cs_finding_add(audit, CS_CODE_TWINS_DIFFER,
			    in->names.v[i], in->err,
			    "%s has the host %.*s, too, by a key of another "
			    "type, and %s",
			    in->names.v[0], (int)strlen(file) - 1, file, what);
		}
	cs_entry_done(&first);
	return rv;
}

/* Calls fn for each file of a directory in the store, if it is there. */
static int
eachfile(struct walk *in, const char *path, int (*fn)(void *, const char *))
{
	if (cs_file_each(in->audit->root, path, fn, in) == 0 ||
	    (in->err->code == CERTSTORE_OK &&
		(errno == ENOENT || errno == ENOTDIR)))
		return 0;
	return failwalk(in, path);
}

/* What is not found in index/ is searched in all entries. */
static int
lookindexed(struct certstore_audit *audit, struct certstore_error *err)
{
	const char *name = audit->lacking;

	if (audit->indexed)
		return 0;
	return cs_finding_addas(audit, CERTSTORE_WARNING, CS_CODE_INDEX_MISSING,
	    "@store", err,
	    "index %s%s: what is not found there is searched in all entries: "
	    "cert-check%s -r",
	    name[0] == '\0' ? "may not list all entries" :
			      "does not list all entries, such as ",
	    name, cs_store_option(audit->store));
}

int
cs_indexcheck_store(struct certstore_audit *audit, struct certstore_error *err)
{
	struct walk in = { .audit = audit, .err = err, .combined = -1 };
	size_t n;
	int rv;

	if (lookindexed(audit, err) == -1)
		return -1;
	if (cs_linkcheck_count(audit->store, &n) == -1)
		return failwalk(&in, "index");
	if ((n != audit->nindex || audit->incomplete) &&
	    cs_purge_find(audit->store, NULL, addsurplus, &in) == -1)
		return failwalk(&in, "index");
	in.combined = cs_file_opendir(audit->root, "combined");
	rv = 0;
	if (in.combined != -1 &&
	    ((rv = eachfile(&in, "combined", countfile)) == -1 ||
		((in.n != audit->ncombined || audit->incomplete) &&
		    (rv = eachfile(&in, "combined", lookcombined)) == -1)))
		rv = -1;
	cs_file_close(&in.combined);
	if (rv == 0)
		rv = eachfile(&in, "index/spki", lookkeys);
	if (rv == 0 && audit->hasrsa && audit->hasother)
		rv = eachfile(&in, "index/host", looktwins);
	cs_strings_free(&in.names);
	return rv;
}
