/*
 * audit.c: what is wrong with a store, one finding after the other,
 * certstore_audit(3): first each entry, then what is one for the whole store.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"

#define NPHASE 10 /* behind the entries */

struct certstore_audit *
certstore_audit_new(struct certstore *store, int64_t when,
    struct certstore_error *err)
{
	struct certstore_audit *audit;

	cs_error_clear(err);
	if (cs_crypto_check(err) == -1)
		return NULL;
	if ((audit = calloc(1, sizeof(*audit))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	audit->store = store;
	audit->when = when == CERTSTORE_NOW ? certstore_time_now() : when;
	audit->root = audit->certs = audit->signerdir = -1;
	cs_store_allowcopy(store);
	audit->ends = INT64_MAX;
	return audit;
}

void
certstore_audit_free(struct certstore_audit *audit)
{
	size_t i;

	if (audit == NULL)
		return;
	cs_ahead_free(audit->ahead);
	cs_finding_drop(audit, 0);
	free(audit->queue);
	for (i = 0; i < 2; i++) {
		free(audit->ignored[i].name);
		cs_strings_free(&audit->ignored[i].codes);
	}
	cs_file_close(&audit->root);
	cs_file_close(&audit->certs);
	cs_file_close(&audit->signerdir);
	certstore_list_free(audit->ending);
	cs_trustset_free(&audit->distrusted);
	cs_log_done(&audit->told);
	cs_entry_done(&audit->entry);
	cs_strings_free(&audit->names);
	cs_strings_free(&audit->files);
	cs_strings_free(&audit->entries);
	cs_strings_free(&audit->owncrls);
	free(audit->group);
	free(audit->signer);
	free(audit);
}

int
certstore_audit_set_within(struct certstore_audit *audit,
    const struct certstore_span *warning, const struct certstore_span *critical,
    int only, struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_time_checkspan(warning, err) == -1 ||
	    (critical != NULL && cs_time_checkspan(critical, err) == -1))
		return -1;
	audit->within[0] = *warning;
	audit->nwithin = 1;
	if (critical != NULL)
		audit->within[audit->nwithin++] = *critical;
	audit->endsonly = only;
	return 0;
}

/* Is it what a finding can be about, beside an entry? */
static int
isplace(const char *name)
{
	return strcmp(name, "@store") == 0 || strcmp(name, "@new") == 0 ||
	    strcmp(name, "@trust") == 0 ||
	    (strncmp(name, "@trust/", 7) == 0 &&
		cs_trustname_isvalid(name + 7)) ||
	    (strncmp(name, "@crl/", 5) == 0 && cs_name_isvalid(name + 5));
}

int
certstore_audit_add(struct certstore_audit *audit, const char *name,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	cs_error_clear(err);
	if (name[0] != '@' && cs_name_check(name, err) == -1)
		return -1;
	if (name[0] == '@' && !isplace(name))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: cannot be checked: use the name of an entry, @store, "
		    "@trust, @trust/SET or @crl/CA",
		    cs_escape_quote(q, name));
	audit->named = 1;
	return cs_strings_add(&audit->names, name) == -1 ? cs_fail_nomem(err) :
							   0;
}

static int
takeanyfile(void *arg, const char *file)
{
	return cs_strings_add(arg, file);
}

static int
opendirectories(struct certstore_audit *audit, struct certstore_error *err)
{
	struct stat st;

	audit->root = cs_store_opendir(audit->store, ".", 0);
	audit->certs = cs_store_opendir(audit->store, "certs", 0);
	if (audit->root == -1 || audit->certs == -1 ||
	    fstat(audit->root, &st) == -1)
		return cs_fail_errno(err, "%s", certstore_path(audit->store));
	audit->owner = st.st_uid;
	audit->orders = cs_orderstate_isused(audit->store);
	/* who may not read it, does not find out */
	if ((audit->indexed = cs_indexed_isknown(audit->store)) == -1 &&
	    errno != EACCES)
		return cs_fail_errno(err, "%s/index",
		    certstore_path(audit->store));
	return 0;
}

/* Has the store entries, but no links, as a copy?  Nothing else can be asked
 * then. */
static int
iscopied(const struct certstore_audit *audit)
{
	char name[CS_NAME_MAX + 1], text[16];
	size_t i;

	if (cs_file_readlink(audit->root, ".links", text, sizeof(text)) != -1 ||
	    (errno != ENOENT && errno != EINVAL))
		return 0;
	for (i = 0; i < audit->files.n; i++)
		if (cs_name_isvalid(audit->files.v[i]) ||
		    cs_generation_owner(audit->files.v[i], name) == 1)
			return 1;
	return 0;
}

/* Of what was named only the entries, or all of the store. */
static int
lookstart(struct certstore_audit *audit, struct certstore_error *err)
{
	size_t i;

	if (opendirectories(audit, err) == -1)
		return -1;
	if (audit->endsonly && !audit->named) {
		audit->ending = certstore_list_ending(audit->store,
		    &audit->within[0], audit->when, err);
		return audit->ending == NULL ? -1 : 0;
	}
	if (cs_file_each(audit->certs, ".", takeanyfile, &audit->files) == -1)
		return cs_fail_errno(err, "%s/certs",
		    certstore_path(audit->store));
	cs_strings_sort(&audit->files);
	if (iscopied(audit)) {
		audit->phase = NPHASE + 2;
		return cs_finding_add(audit, CS_CODE_LINKS_LOST, "@store", err,
		    ".links is missing: the links were lost or followed by a "
		    "copy: cert-check%s -r",
		    cs_store_option(audit->store));
	}
	cs_strings_sort(&audit->names);
	if (cs_trustcheck_begin(audit, err) == -1)
		return -1;
	/* cs_placecheck_store() reports why it cannot be read */
	audit->haslog = cs_log_load(audit->store, &audit->told, err);
	audit->logerror = audit->haslog == -1 ? err->errnum : 0;
	cs_error_clear(err);
	if (!audit->named)
		return cs_resolve_names(audit->store, &audit->entries, err);
	for (i = 0; i < audit->names.n; i++)
		if (audit->names.v[i][0] != '@' &&
		    cs_strings_add(&audit->entries, audit->names.v[i]) == -1)
			return cs_fail_nomem(err);
	return 0;
}

/* One of those that may expire: 1 there was one, 0, -1. */
static int
lookending(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct certstore_entry *entry;
	int rv;

	if ((rv = certstore_list_next(audit->ending, &entry, err)) == 1)
		return cs_endcheck_entry(audit, entry, err) == -1 ? -1 : 1;
	if (rv == 0) {
		certstore_list_free(audit->ending);
		audit->ending = NULL;
	}
	return rv;
}

/* The next of all entries, which a thread may have looked at: 0, -1. */
static int
looknext(struct certstore_audit *audit, size_t i, struct certstore_error *err)
{
	const char *name = audit->entries.v[i];
	const void *slot;
	int rv;

	if (audit->ahead == NULL &&
	    (audit->ahead = cs_ahead_new(&audit->entries, &cs_sidecheck_calls,
		 audit)) == NULL)
		return cs_fail_nomem(err);
	slot = cs_ahead_get(audit->ahead, i);
	if (slot != NULL && cs_sidecheck_take(audit, name, slot))
		return 0;
	rv = cs_entrycheck_look(audit, name, err);
	cs_ahead_done(audit->ahead, i);
	return rv;
}

static int
lookentry(struct certstore_audit *audit, struct certstore_error *err)
{
	const char *name;
	struct certstore_entry *entry;
	size_t i;
	int rv;

	if (audit->ending != NULL)
		return lookending(audit, err);
	if (audit->nextentry == audit->entries.n) {
		cs_ahead_free(audit->ahead);
		audit->ahead = NULL;
		return 0;
	}
	cs_progress(audit->store, "checking", audit->nextentry,
	    audit->entries.n);
	i = audit->nextentry++;
	name = audit->entries.v[i];
	if (!audit->endsonly && !audit->named)
		return looknext(audit, i, err) == -1 ? -1 : 1;
	if (!audit->endsonly)
		return cs_entrycheck_look(audit, name, err) == -1 ? -1 : 1;
	if ((entry = certstore_entry_get(audit->store, name, err)) == NULL)
		return -1;
	rv = cs_endcheck_entry(audit, entry, err);
	certstore_entry_free(entry);
	return rv == -1 ? -1 : 1;
}

/* Is something asked for that is not an entry? */
static int
isphaseasked(const struct certstore_audit *audit, const char *prefix)
{
	size_t i;

	if (!audit->named)
		return 1;
	for (i = 0; i < audit->names.n; i++)
		if (strncmp(audit->names.v[i], prefix, strlen(prefix)) == 0 ||
		    /* it is in the file of @store */
		    (strcmp(prefix, "@store") == 0 &&
			strcmp(audit->names.v[i], "@new") == 0))
			return 1;
	return 0;
}

static int
lookunread(struct certstore_audit *audit, struct certstore_error *err)
{
	if (!audit->unread && (geteuid() == 0 || geteuid() == audit->owner))
		return 0;
	return cs_finding_add(audit, CS_CODE_KEYS_UNREAD, "@store", err,
	    "keys not looked at: run it as the owner of the store");
}

static const struct {
	int (*look)(struct certstore_audit *, struct certstore_error *);
	const char *prefix; /* of the name that asks for it; NULL: all alone */
	int ends;	    /* also if only ends are asked for */
} phases[NPHASE] = {
	{ cs_indexcheck_store, NULL, 0 },
	{ cs_placecheck_certs, NULL, 0 },
	{ cs_placecheck_store, "@store", 0 },
	{ cs_trustcheck_sets, "@trust", 1 },
	{ cs_crlcheck_all, "@crl", 1 },
	{ cs_issuedcheck_ends, NULL, 1 },
	{ cs_workcheck_renewals, NULL, 0 },
	{ cs_workcheck_orders, NULL, 0 },
	{ cs_workcheck_deliveries, NULL, 0 },
	{ lookunread, "", 0 },
};

static int
isphase(const struct certstore_audit *audit, size_t i)
{
	if (audit->endsonly && !phases[i].ends)
		return 0;
	return phases[i].prefix == NULL ? !audit->named :
					  isphaseasked(audit, phases[i].prefix);
}

/*
 * Looks further: one more entry, or one more phase; the findings are in the
 * queue.  1, 0 at the end, -1.
 */
static int
lookmore(struct certstore_audit *audit, struct certstore_error *err)
{
	size_t i;
	int rv;

	cs_finding_drop(audit, 0);
	if (audit->phase == 0) {
		audit->phase++;
		if (lookstart(audit, err) == -1) {
			audit->phase = NPHASE + 2;
			return -1;
		}
		if (audit->nqueue > 0)
			return 1;
	}
	if (audit->phase == 1) {
		if ((rv = lookentry(audit, err)) != 0)
			return rv;
		audit->phase++;
	}
	i = audit->phase - 2;
	if (i >= NPHASE)
		return 0;
	audit->phase++;
	return isphase(audit, i) && phases[i].look(audit, err) == -1 ? -1 : 1;
}

int64_t
certstore_audit_ends(const struct certstore_audit *audit)
{
	return audit->ends;
}

static void
givefinding(struct certstore_audit *audit, const struct cs_finding *f)
{
	const struct cs_codeline *line = cs_code_line(f->code);

	audit->given.severity = f->severity;
	audit->given.name = f->name;
	audit->given.code = line->word;
	audit->given.text = f->text;
	audit->given.repairs = f->repairs;
	audit->given.ignored = f->ignored;
}

int
certstore_audit_next(struct certstore_audit *audit,
    const struct certstore_finding **finding, struct certstore_error *err)
{
	int rv;

	cs_error_clear(err);
	*finding = NULL;
	while (audit->nextfinding == audit->nqueue) {
		if (audit->failed) {
			audit->failed = 0;
			*err = audit->why;
			return -1;
		}
		if ((rv = lookmore(audit, err)) == 0)
			return 0;
		if (rv == -1) {
			cs_finding_fail(audit, err);
			cs_error_clear(err);
		}
		if (cs_finding_judge(audit, err) == -1)
			return -1;
	}
	givefinding(audit, &audit->queue[audit->nextfinding++]);
	*finding = &audit->given;
	return 1;
}
