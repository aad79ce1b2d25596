/*
 * repairs.c: repairs what can be repaired without losing anything: first what
 * needs no libcrypto, then files that can be made of others, properties that are
 * not in force, and the files of trust sets.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"
#include "import/import.h"

struct certstore_repair {
	struct cs_repair in;
};

struct certstore_repair *
certstore_repair_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_repair *repair;

	cs_error_clear(err);
	if ((repair = calloc(1, sizeof(*repair))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	repair->in.store = store;
	cs_store_allowcopy(store);
	return repair;
}

void
certstore_repair_free(struct certstore_repair *repair)
{
	if (repair == NULL)
		return;
	cs_strings_free(&repair->in.names);
	free(repair);
}

int
certstore_repair_add(struct certstore_repair *repair, const char *name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_name_check(name, err) == -1)
		return -1;
	return cs_strings_add(&repair->in.names, name) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

void
certstore_repair_set_dryrun(struct certstore_repair *repair)
{
	repair->in.dry = 1;
}

void
certstore_repair_set_force(struct certstore_repair *repair)
{
	repair->in.force = 1;
}

/* Is a file of an entry there, and not empty? */
static int
hasfile(const struct certstore_entry *entry, enum cs_file file)
{
	struct stat st;

	return cs_entry_stat(entry, file, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && st.st_size > 0;
}

/*
 * The first file of an entry that is missing or empty, and made of the others;
 * NULL if there is none.  An empty chain.pem is one.
 */
static const char *
missingfile(const struct certstore_entry *entry)
{
	static const enum cs_file files[] = { CS_CA, CS_CERT, CS_CHAIN };
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (!entry->info.haschain)
			continue;
		if (cs_entry_stat(entry, files[i], &st) == -1 ?
			errno == ENOENT :
			st.st_size == 0 && files[i] != CS_CHAIN)
			return cs_file_names[files[i]];
	}
	return NULL;
}

/* The hash of fullchain.pem, or NULL if there is no info that has it. */
static const char *
writtenhash(const struct cs_info *info)
{
	return info->name == NULL || info->kind == NULL || info->file == NULL ||
		strcmp(info->file, cs_file_names[CS_FULLCHAIN]) != 0 ?
	    NULL :
	    info->filehash;
}

/*
 * Reads the certificates: of fullchain.pem as it was written or, if that is
 * missing, of its parts; without an info, as it is.  1, 0, -1.
 */
static int
readbelieved(const struct certstore_entry *entry, struct cs_buf *chain,
    struct certstore_error *err)
{
	const char *hash = writtenhash(&entry->info);
	struct cs_buf rest = { 0 };
	char hex[CS_HASH_LEN];
	int rv;

	if (hasfile(entry, CS_FULLCHAIN))
		rv = cs_entry_read(entry, CS_FULLCHAIN, chain, err);
	else if (hash == NULL || !hasfile(entry, CS_CERT))
		return 0;
	else if ((rv = cs_entry_read(entry, CS_CERT, chain, err)) == 1 &&
	    (rv = cs_entry_read(entry, CS_CHAIN, &rest, err)) == 1 &&
	    cs_buf_add(chain, rest.p, rest.len) == -1)
		rv = cs_fail_nomem(err);
	if (rv == 1 && hash != NULL) {
		cs_hash(hex, chain->p, chain->len);
		rv = strcmp(hex, hash) == 0;
	}
	cs_buf_free(&rest);
	return rv;
}

/*
 * Reads the key and the certificates of an entry of which other files are to be
 * made: 1, 0 they are not there, or cannot be believed, -1.
 */
static int
readsource(const struct certstore_entry *entry, struct cs_buf *b,
    struct certstore_error *err)
{
	struct cs_buf chain = { 0 };
	struct stat st;
	int rv;

	/* a request may get lost */
	if (cs_entry_stat(entry, CS_REQUEST_KEY, &st) == 0 ||
	    cs_entry_stat(entry, CS_REQUEST_CSR, &st) == 0)
		return 0;
	rv = readbelieved(entry, &chain, err);
	if (rv == 1 && !hasfile(entry, CS_PRIVKEY))
		rv = hasfile(entry, CS_COMBINED) ?
		    cs_entry_read(entry, CS_COMBINED, b, err) :
		    0;
	else if (rv == 1 &&
	    (rv = cs_entry_read(entry, CS_PRIVKEY, b, err)) == 1 &&
	    cs_buf_add(b, chain.p, chain.len) == -1)
		rv = cs_fail_nomem(err);
	cs_buf_free(&chain);
	return rv;
}

/* The origin in the props of an entry: malloc'ed, "" if there is none; NULL: no
 * memory. */
static char *
originof(const struct certstore_entry *entry)
{
	struct certstore_error ignored;
	struct cs_buf b = { 0 };
	struct cs_propline line;
	char *origin = NULL;
	size_t at = 0;

	if (cs_entry_read(entry, CS_PROPS, &b, &ignored) == 1)
		while (origin == NULL && cs_props_nextline(&b, &at, &line))
			if (line.wordlen == strlen("origin") &&
			    memcmp(line.word, "origin", line.wordlen) == 0)
				origin = strndup(line.value, line.len);
	cs_buf_free(&b);
	return origin != NULL ? origin : strdup("");
}

/* Imports the key and the certificates of an entry again: 1, 0 that is refused,
 * so that the audit reports it, -1. */
static int
importagain(struct cs_repair *r, const char *name,
    const struct certstore_entry *entry, const struct cs_buf *b,
    struct certstore_error *err)
{
	struct certstore_import *im;
	struct certstore_error why;
	char *origin;
	int rv = 0;

	if ((origin = originof(entry)) == NULL)
		return cs_fail_nomem(err);

	im = certstore_import_new(r->store,
	    CERTSTORE_IMPORT_FORCE |
		(cs_told_acting(r) ? 0 : CERTSTORE_IMPORT_DRYRUN),
	    err);
	if (im == NULL) {
		free(origin);
		return -1;
	}
	cs_import_keeporigin(im, origin);
	if (certstore_import_set_name(im, name, &why) == 0 &&
	    certstore_import_add(im, name, b->p, b->len, &why) == 0 &&
	    certstore_import_plan(im, &why) != -1) {
		rv = 1;
		if (certstore_import_commit(im, err) == -1)
			rv = -1;
	}
	certstore_import_free(im);
	free(origin);
	return rv;
}

/* Files that can be made of others. */
static int
repairfiles(struct cs_repair *r, const char *name,
    const struct certstore_entry *entry, int damaged,
    struct certstore_error *err)
{
	const char *what = NULL;
	struct cs_buf b = { 0 };
	int rv;

	if (!damaged && (what = missingfile(entry)) == NULL)
		return 0;
	rv = readsource(entry, &b, err);
	if (rv == 1 && (rv = importagain(r, name, entry, &b, err)) == 1)
		cs_told_add(r, name, "files", 0,
		    "%s was missing or damaged, and was made of its other "
		    "files",
		    damaged ? "a file" : what);
	cs_buf_free(&b);
	return rv == -1 ? -1 : 0;
}

/* Puts the props in force: a generation with the same files. */
static int
repairprops(struct cs_repair *r, const char *name,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_set *set;
	char why[CS_PROPS_WHY];
	int rv = 0;

	/* malformed ones are for the audit */
	if (cs_props_changed(entry, why, &ignored) != 1)
		return 0;
	if (cs_told_acts(r)) {
		if ((set = certstore_set_new(r->store, 0, err)) == NULL)
			return -1;
		if (certstore_set_add(set, name, err) == -1 ||
		    certstore_set_commit(set, err) == -1)
			rv = -1;
		certstore_set_free(set);
	}
	if (rv == 0)
		cs_told_add(r, name, "props", 0, "%s, not in force", why);
	return rv;
}

/*
 * Adds a line to the log for a generation that no line tells of, as after a
 * restore: from then on it is known.
 */
static int
repairline(struct cs_repair *r, const char *name, unsigned long gen,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_logline line = { .name = name, .reason = CS_LOG_REPAIR };

	if (cs_told_acts(r) && cs_lock_take(r->store, err) == -1)
		return -1;
	if (cs_entry_load(r->store, name, &entry, err) == 0 &&
	    entry.info.gen == gen) {
		line.gen = gen;
		line.new = entry.info.fingerprint;
		if (cs_told_acts(r))
			cs_log_add(r->store, &line);
		cs_told_add(r, name, "log", 0,
		    "no line of the log told of generation %lu", gen);
	}
	cs_entry_done(&entry);
	if (cs_told_acts(r))
		cs_lock_release(r->store);
	return 0;
}

static int
repaircontents(struct cs_repair *r, struct cs_logtold *told, const char *name,
    struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error why;
	unsigned long unlogged = 0;
	int damaged, rv = 0;

	damaged = cs_entry_load(r->store, name, &entry, &why) == -1;
	if (damaged && why.code != CERTSTORE_EDAMAGED) {
		if (why.code != CERTSTORE_ENOENTRY) {
			*err = why;
			rv = -1;
		}
	} else if (entry.gendir[0] != '\0') {
		rv = repairfiles(r, name, &entry, damaged, err);
		if (rv == 0 && !damaged)
			rv = repairprops(r, name, &entry, err);
		if (rv == 0 && !damaged)
			rv = cs_issuedrepair_entry(r, name, &entry, err);
		if (rv == 0 && cs_log_lacks(r->store, told, &entry.info) != 0)
			unlogged = entry.info.gen;
	}
	cs_entry_done(&entry);
	return unlogged != 0 ? repairline(r, name, unlogged, err) : rv;
}

static int
repairtrust(struct cs_repair *r, const char *name, struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_trust *t;
	char shown[CS_TRUSTNAME_MAX + 16];
	int rv = 0;

	/* what is damaged is for the audit */
	if (cs_trust_isdirty(r->store, name, &ignored) != 1)
		return 0;
	snprintf(shown, sizeof(shown), "@trust%s%s", name == NULL ? "" : "/",
	    name == NULL ? "" : name);
	if (cs_told_acts(r)) {
		if ((t = certstore_trust_new(r->store, name, 0, err)) == NULL)
			return -1;
		rv = certstore_trust_commit(t, err) == -1 ? -1 : 0;
		certstore_trust_free(t);
	}
	if (rv == 0)
		cs_told_add(r, shown, "files", 0,
		    "files or links were not those of its anchors");
	return rv;
}

static int
repairtrusts(struct cs_repair *r, struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	if (cs_setgen_names(r->store, &names) == -1)
		return cs_fail_errno(err, "%s/trusts",
		    certstore_path(r->store));
	rv = repairtrust(r, NULL, err);
	for (i = 0; i < names.n && rv == 0; i++)
		rv = repairtrust(r, names.v[i], err);
	cs_strings_free(&names);
	return rv;
}

static int
takechain(void *arg, const char *file)
{
	return strlen(file) == CS_HASH_LEN - 1 + strlen(".pem") &&
		strcmp(file + CS_HASH_LEN - 1, ".pem") == 0 ?
	    cs_strings_add(arg, file) :
	    0;
}

/* Has the certificate in a file ended a day ago?  1, 0 also if it cannot be
 * read. */
static int
isendedchain(int dir, const char *file)
{
	const struct certstore_entry *entry;
	struct certstore_error ignored;
	struct certstore_certs *certs;
	struct cs_buf b = { 0 };
	int rv = 0;

	if (cs_file_read(dir, file, CS_RECORD_MAX, &b) == 0 &&
	    (certs = certstore_certs_read(file, b.p, b.len, NULL, &ignored)) !=
		NULL) {
		if (certstore_certs_next(certs, &entry, &ignored) == 1)
			rv = certstore_entry_ends(entry) + CS_DAY <
			    certstore_time_now();
		certstore_certs_free(certs);
	}
	cs_buf_free(&b);
	return rv;
}

/* Chains for calls that nobody verifies any more. */
static int
repairchains(struct cs_repair *r, struct certstore_error *err)
{
	struct cs_strings chains = { 0 };
	size_t i;
	int dir, rv = 0;

	if ((dir = cs_store_opendir(r->store, "x5u", 0)) == -1)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ?
		    0 :
		    cs_fail_errno(err, "%s/x5u", certstore_path(r->store));
	if (cs_file_each(dir, ".", takechain, &chains) == -1)
		rv = -1;
	for (i = 0; i < chains.n && rv == 0; i++) {
		if (!isendedchain(dir, chains.v[i]))
			continue;
		if (cs_told_acts(r))
			rv = cs_file_remove(dir, chains.v[i]);
		cs_told_add(r, "@store", "state", 0,
		    "x5u/%s is a chain that expired", chains.v[i]);
	}
	if (rv == -1)
		cs_fail_errno(err, "%s/x5u", certstore_path(r->store));
	cs_strings_free(&chains);
	cs_file_close(&dir);
	return rv;
}

static int
repairmore(struct cs_repair *r, struct certstore_error *err)
{
	struct certstore_error flaw;
	struct cs_strings all = { 0 };
	const struct cs_strings *names = &r->names;
	struct cs_logtold told;
	size_t i;
	int rv = 0;

	/* one that cannot be read is for the audit */
	(void)cs_log_load(r->store, &told, &flaw);
	if (r->names.n == 0 || r->copied) {
		names = &all;
		if ((rv = cs_resolve_names(r->store, &all, err)) == 0 &&
		    (rv = repairtrusts(r, err)) == 0 &&
		    (rv = repairchains(r, err)) == 0)
			rv = cs_issuedrepair_records(r, err);
	}
	for (i = 0; i < names->n && rv == 0; i++) {
		cs_progress(r->store, "checking files", i, names->n);
		if (repaircontents(r, &told, names->v[i], &flaw) == 0 ||
		    flaw.code == CERTSTORE_ENOENTRY ||
		    flaw.code == CERTSTORE_ECHANGED)
			continue; /* another writer was faster */
		r->nfailed++;
		if (r->failed != NULL)
			r->failed(r->arg, names->v[i], &flaw);
	}
	cs_log_done(&told);
	cs_strings_free(&all);
	return rv;
}

/* How many things were repaired, or would be; -1 if something could not be. */
int
certstore_repair_run(struct certstore_repair *repair,
    void (*told)(void *, const struct certstore_repaired *),
    void (*failed)(void *, const char *, const struct certstore_error *),
    void *arg, struct certstore_error *err)
{
	struct cs_repair *r = &repair->in;

	cs_error_clear(err);
	r->told = told;
	r->failed = failed;
	r->arg = arg;
	r->count = r->nfailed = 0;
	if (cs_repair_store(r, err) == -1)
		return -1;
	/* of a copy, all else is looked at when its links are made */
	if ((!r->copied || !r->dry) && cs_store_isthere(r->store) &&
	    (repairmore(r, err) == -1 || cs_repair_conclude(r, err) == -1))
		return -1;
	return (int)r->count;
}
