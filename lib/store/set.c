/*
 * set.c: changes what no certificate tells of entries, certstore_set(3): all
 * names of one call or none, and each as a generation of the same files.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define DEFAULT_ASIDE ".default@link" /* of cs_file_aside() */

struct certstore_set {
	struct certstore *store;
	int flags;
	struct certstore_error failed; /* of a name or change not taken */
	struct cs_strings names;       /* in the order given, each once */
	struct cs_propchange *change;
	size_t nchange, changesize;
	int makedefault;	/* 1; -1: no longer */
	unsigned char *changed; /* of each name */
	size_t next;
};

/* What goes into one transaction; the entries belong to the puts. */
struct batch {
	struct certstore_set *set;
	struct cs_put *put;
	size_t n;
	char isdefault[CS_NAME_MAX + 1]; /* the default entry, or "" */
	const char *todefault; /* a name that becomes it, or "": none does */
	struct cs_buf settings;
	int newsettings;
};

struct certstore_set *
certstore_set_new(struct certstore *store, int flags,
    struct certstore_error *err)
{
	struct certstore_set *set;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_SET_FORCE | CERTSTORE_SET_DRYRUN |
		    CERTSTORE_SET_IFNEEDED,
		err) == -1)
		return NULL;
	if ((set = calloc(1, sizeof(*set))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	set->store = store;
	set->flags = flags;
	return set;
}

void
certstore_set_free(struct certstore_set *set)
{
	if (set == NULL)
		return;
	while (set->nchange > 0)
		cs_propedit_free(&set->change[--set->nchange]);
	free(set->change);
	free(set->changed);
	cs_strings_free(&set->names);
	free(set);
}

/* What failed once makes commit fail. */
static int
failset(struct certstore_set *set, const struct certstore_error *err)
{
	set->failed = *err;
	return -1;
}

int
certstore_set_add(struct certstore_set *set, const char *name,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	cs_error_clear(err);
	if (*name == '@' && !cs_settings_issection(name)) {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: no such settings: use @new, @store, @trust or "
		    "@trust/SET",
		    cs_escape_quote(q, name));
		return failset(set, err);
	}
	if (*name != '@' && cs_name_check(name, err) == -1)
		return failset(set, err);
	if (cs_strings_add(&set->names, name) == -1) {
		cs_fail_nomem(err);
		return failset(set, err);
	}
	return 0;
}

static int
changedefault(struct certstore_set *set, enum certstore_set_how how,
    const char *value, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	if (how == CERTSTORE_SET_REPLACE && strcmp(value, "yes") == 0)
		set->makedefault = 1;
	else if (how == CERTSTORE_SET_REPLACE &&
	    (*value == '\0' || strcmp(value, "no") == 0))
		set->makedefault = -1;
	else
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "default: %s: use default=yes or default=no",
		    cs_escape_quote(q, value));
	return 0;
}

int
certstore_set_change(struct certstore_set *set, const char *prop,
    enum certstore_set_how how, const char *value, struct certstore_error *err)
{
	struct cs_propchange change, *v;
	int rv;

	cs_error_clear(err);
	if (strcmp(prop, "default") == 0) {
		rv = changedefault(set, how, value, err);
		return rv == -1 ? failset(set, err) : 0;
	}
	if (cs_propedit_parse(&change, prop, how, value, err) == -1)
		return failset(set, err);
	change.unset = (set->flags & CERTSTORE_SET_IFNEEDED) != 0;
	v = cs_array_extend(set->change, set->nchange, &set->changesize,
	    sizeof(*v));
	if (v == NULL) {
		cs_propedit_free(&change);
		cs_fail_nomem(err);
		return failset(set, err);
	}
	set->change = v;
	v[set->nchange++] = change;
	return 0;
}

/* The changes, for an entry that is written with them; borrowed. */
int
cs_set_changes(const struct certstore_set *set,
    const struct cs_propchange **change, size_t *n, struct certstore_error *err)
{
	if (set->failed.code != CERTSTORE_OK) {
		*err = set->failed;
		return -1;
	}
	if (set->makedefault != 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "default: cannot be set with an order: use cert-set when "
		    "there is a certificate");
	*change = set->change;
	*n = set->nchange;
	return 0;
}

/* Is it one value that an entry is to have? */
static int
givesvalue(const struct cs_propchange *c, const char *prop)
{
	return strcmp(c->prop, prop) == 0 && *c->value != '\0' &&
	    c->how != CERTSTORE_SET_REMOVE;
}

/* The first entry in a list with another name, or NULL. */
static const char *
findother(const struct cs_strings *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->n; i++)
		if (*names->v[i] != '@' && strcmp(names->v[i], name) != 0)
			return names->v[i];
	return NULL;
}

/* Warns if another entry has the tenant, or gets it by the same call. */
static int
warnshared(const struct certstore_set *set, const char *name,
    const char *tenant, struct certstore_error *err)
{
	struct certstore *store = set->store;
	struct cs_strings names = { 0 };
	const char *other;

	if (cs_search_index(store, "tenant", tenant, &names) == -1)
		return cs_fail_errno(err, "%s/index/tenant", store->path);
	if ((other = findother(&names, name)) != NULL ||
	    (other = findother(&set->names, name)) != NULL)
		cs_warn(store,
		    "%s: tenant %s: %s has this tenant, too: use "
		    "cert-match -a %s to see which one is chosen",
		    name, tenant, other, tenant);
	cs_strings_free(&names);
	return 0;
}

static int
isstoreprop(const char *prop)
{
	return strcmp(prop, "renewhost") == 0 || strcmp(prop, "log") == 0;
}

/* Rules that hold for an entry whose property is changed. */
static int
checkentry(const struct certstore_set *set, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	const struct cs_propchange *c;
	struct certstore_endpoint endpoint;
	const struct cs_san *san;
	struct cs_san cn;
	size_t i, n;

	for (i = 0; i < set->nchange; i++) {
		c = &set->change[i];
		if (givesvalue(c, "endpoint") &&
		    certstore_endpoint_parse(c->value, entry, &endpoint, err) ==
			-1)
			return -1;
		if (isstoreprop(c->prop))
			return cs_fail(err, CERTSTORE_EARGUMENT,
			    "%s: %s: is a property of @store", info->name,
			    c->prop);
		if ((givesvalue(c, "crlurl") || givesvalue(c, "aiaurl")) &&
		    strcmp(info->kind, "ca") != 0)
			return cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: is not a CA: %s is a property of CAs",
			    info->name, c->prop);
		if (givesvalue(c, "group") && strcmp(info->kind, "ca") == 0 &&
		    (set->flags & CERTSTORE_SET_FORCE) == 0)
			return cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: is a CA, and all members of group %s could "
			    "sign with its key: use -f to set it",
			    info->name, c->value);
		if (!givesvalue(c, "tenant"))
			continue;
		san = cs_names_of(info, &cn, &n);
		if (info->fingerprint != NULL &&
		    !cs_names_cover(san, n, CS_SAN_DNS, c->value))
			cs_warn(set->store,
			    "%s: tenant %s: is not among the names of its "
			    "certificate: clients that check the name refuse it",
			    info->name, c->value);
		if (warnshared(set, info->name, c->value, err) == -1)
			return -1;
	}
	if (set->makedefault != 1)
		return 0;
	if (!info->haskey || info->fingerprint == NULL || !info->serves)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: cannot be the default: %s", info->name,
		    !info->haskey || info->fingerprint == NULL ?
			"it has no certificate or no private key" :
			"its certificate is not for TLS servers");
	return 0;
}

/* Properties that are about one certificate are none of a section's. */
static int
checksection(const struct certstore_set *set, const char *section,
    struct certstore_error *err)
{
	const char *prop = NULL;
	size_t i;

	if (set->makedefault != 0)
		prop = "default";
	for (i = 0; i < set->nchange && prop == NULL; i++) {
		prop = set->change[i].prop;
		if (strcmp(prop, "note") == 0 || strncmp(prop, "x-", 2) == 0 ||
		    (strcmp(prop, "user") == 0 &&
			cs_settings_istrust(section)) ||
		    (strcmp(section, "@new") == 0 &&
			(strcmp(prop, "group") == 0 ||
			    strcmp(prop, "user") == 0 ||
			    strcmp(prop, "x5u") == 0 ||
			    strcmp(prop, "life") == 0 ||
			    strcmp(prop, "keepkey") == 0 ||
			    strcmp(prop, "renew") == 0)) ||
		    (strcmp(section, "@store") == 0 && isstoreprop(prop)) ||
		    (strcmp(section, "@new") != 0 &&
			strcmp(prop, "ignore") == 0))
			prop = NULL;
	}
	if (prop == NULL)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT, "%s: %s: is a property of %s",
	    section, prop, isstoreprop(prop) ? "@store" : "entries");
}

/*
 * Sets what the default entry becomes if this name is changed; 1, or 0 if the
 * name is what was asked for.
 */
static int
choosedefault(struct batch *b, const char *name)
{
	const struct certstore_set *set = b->set;
	int is = strcmp(b->isdefault, name) == 0;

	if (set->makedefault == 0 || is == (set->makedefault == 1) ||
	    ((set->flags & CERTSTORE_SET_IFNEEDED) != 0 &&
		*b->isdefault != '\0'))
		return 0;
	b->todefault = set->makedefault == 1 ? name : "";
	return 1;
}

/* One name: what has to be written goes to the batch. */
static int
prepareentry(struct batch *b, size_t i, struct certstore_error *err)
{
	struct certstore_set *set = b->set;
	const char *name = set->names.v[i];
	struct certstore_entry entry = { 0 };
	struct cs_put *put = &b->put[b->n];
	char why[CS_PROPS_WHY];
	int rv = -1;

	memset(put, 0, sizeof(*put));
	put->name = name;
	put->reason = "set";
	put->change = set->change;
	put->nchange = set->nchange;
	if (cs_entry_load(set->store, name, &entry, err) == -1 ||
	    checkentry(set, &entry, err) == -1 ||
	    (rv = cs_newprops_compose(set->store, put, &entry, err)) == -1)
		goto out;
	if (choosedefault(b, name))
		set->changed[i] = 1;
	/* what was edited by hand takes effect, too */
	if (rv == 0 && (rv = cs_props_differ(&entry, why, err)) == 1)
		cs_warn(set->store, "%s: %s: rewritten", name, why);
	if (rv == 1) {
		set->changed[i] = 1;
		b->n++;
		cs_entry_identify(&entry, &put->seen);
		rv = cs_repeat_files(put, &entry, err);
	}
out:
	if (rv == -1 || b->n == 0 || &b->put[b->n - 1] != put)
		cs_put_free(put);
	cs_entry_done(&entry);
	return rv == -1 ? -1 : 0;
}

/* Warns if a section is that of a trust set that is not there. */
static int
warnset(struct certstore *store, const char *section,
    struct certstore_error *err)
{
	struct cs_setname tn;
	struct stat st;

	if (!cs_settings_istrust(section) || strchr(section, '/') == NULL)
		return 0;
	if (cs_trustname_init(&tn, store, strchr(section, '/') + 1, err) == -1)
		return -1;
	if (cs_setgen_stat(&tn, &st) == 0)
		cs_warn(store,
		    "%s: there is no such trust set: use cert-trust%s add to "
		    "make it",
		    section, tn.option);
	cs_trustname_done(&tn);
	return 0;
}

/* Changes a section in memory. */
static int
preparesection(struct batch *b, size_t i, struct certstore_error *err)
{
	struct certstore_set *set = b->set;
	const char *name = set->names.v[i];
	int rv;

	if (checksection(set, name, err) == -1 ||
	    (b->settings.p == NULL &&
		cs_settings_load(set->store, &b->settings, err) == -1) ||
	    (rv = cs_settings_edit(&b->settings, name, set->change,
		 set->nchange, err)) == -1)
		return -1;
	set->changed[i] = (unsigned char)rv;
	b->newsettings |= rv;
	return rv == 1 ? warnset(set->store, name, err) : 0;
}

/* Makes all that takes space, so that a full disk changes nothing. */
static int
preparerenames(const struct batch *b, struct certstore_error *err)
{
	struct certstore *store = b->set->store;
	char text[CS_NAME_MAX + 8];

	if (b->newsettings && cs_settings_prepare(store, &b->settings) == -1)
		return cs_fail_errno(err, "%s/props", store->path);
	if (b->todefault == NULL || *b->todefault == '\0')
		return 0;
	snprintf(text, sizeof(text), "certs/%s", b->todefault);
	if (cs_file_aside(store->fd, text, "default") == -1)
		return cs_fail_errno(err, "%s/default", store->path);
	return 0;
}

static void
cancelrenames(const struct batch *b)
{
	struct certstore *store = b->set->store;

	if (b->newsettings)
		cs_settings_cancel(store);
	if (b->todefault != NULL)
		(void)cs_file_remove(store->fd, DEFAULT_ASIDE);
}

static void
logsections(const struct certstore_set *set)
{
	struct cs_logline change = { .reason = "set" };
	size_t i;

	for (i = 0; i < set->names.n; i++) {
		change.name = set->names.v[i];
		if (*change.name == '@' && set->changed[i])
			cs_log_add(set->store, &change);
	}
}

/* The settings and the default entry change last.  No intent tells of them, so
 * their lines of the log come first: one too many is better than a change that
 * no line tells of. */
static int
renameall(const struct batch *b, struct certstore_error *err)
{
	struct certstore *store = b->set->store;
	struct cs_logline change = { 0 };
	int rv;

	if (!b->newsettings && b->todefault == NULL)
		return 0;
	if (cs_fence_verify(store, err) == -1)
		return -1;
	logsections(b->set);
	if (b->newsettings && cs_settings_switch(store) == -1)
		return cs_fail_errno(err, "%s/props", store->path);
	if (b->todefault == NULL)
		return 0;
	change.name = *b->todefault != '\0' ? b->todefault : b->isdefault;
	change.reason = *b->todefault != '\0' ? "default" : "no-default";
	cs_log_add(store, &change);
	if (*b->todefault != '\0')
		rv = cs_file_rename(store->fd, DEFAULT_ASIDE, "default");
	else
		rv = cs_file_remove(store->fd, "default");
	if (rv == -1 || cs_store_sync(store, store->fd) == -1)
		return cs_fail_errno(err, "%s/default", store->path);
	return 0;
}

/* Under the lock. */
static int
writeall(struct batch *b, struct certstore_error *err)
{
	struct certstore *store = b->set->store;

	if (preparerenames(b, err) == 0 &&
	    (b->n == 0 || cs_write_entries(store, b->put, b->n, err) == 0) &&
	    renameall(b, err) == 0)
		return 0;
	cancelrenames(b);
	return -1;
}

/* Under the lock, or for a dry run without. */
static int
changeall(struct certstore_set *set, int dryrun, struct certstore_error *err)
{
	struct batch b = { .set = set };
	size_t i;
	int rv = -1;

	b.put = calloc(set->names.n, sizeof(*b.put));
	if (b.put == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	if (cs_resolve_defaultname(set->store, b.isdefault, err) == -1)
		goto out;
	for (i = 0; i < set->names.n; i++) {
		cs_progress(set->store, "reading", i, set->names.n);
		if ((*set->names.v[i] == '@' ? preparesection(&b, i, err) :
					       prepareentry(&b, i, err)) == -1)
			goto out;
	}
	rv = dryrun ? cs_write_check(set->store, b.put, b.n, err) :
		      writeall(&b, err);
out:
	for (i = 0; i < b.n; i++)
		cs_put_free(&b.put[i]);
	free(b.put);
	cs_buf_free(&b.settings);
	return rv;
}

/* Warns of users that cert-deploy(1) cannot tell of a change. */
static void
warnusers(const struct certstore_set *set)
{
	size_t i;

	for (i = 0; i < set->nchange; i++)
		if (givesvalue(&set->change[i], "user"))
			cs_user_warn(set->store, set->change[i].value);
}

/* No store is created for a name of an entry, which cannot be in it. */
static int
checkstore(const struct certstore_set *set, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	const char *name = findother(&set->names, "");
	int rv;

	if (name == NULL || cs_store_isthere(set->store))
		return 0;
	rv = cs_entry_load(set->store, name, &entry, err);
	cs_entry_done(&entry);
	return rv;
}

/* How many names were changed, or would be. */
int
certstore_set_commit(struct certstore_set *set, struct certstore_error *err)
{
	int dryrun = (set->flags & CERTSTORE_SET_DRYRUN) != 0, n = 0, rv;
	size_t i;

	cs_error_clear(err);
	if (set->failed.code != CERTSTORE_OK) {
		*err = set->failed;
		return -1;
	}
	set->next = 0;
	if (set->names.n == 0)
		return 0;
	cs_strings_sort(&set->names);
	if (set->makedefault == 1 && set->names.n > 1)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "default=yes: only one entry can be the default: use "
		    "one name");
	free(set->changed);
	if ((set->changed = calloc(set->names.n + 1, 1)) == NULL)
		return cs_fail_nomem(err);
	if (cs_store_refresh(set->store, err) == -1 ||
	    checkstore(set, err) == -1 ||
	    (!dryrun && cs_lock_take(set->store, err) == -1))
		return -1;
	rv = changeall(set, dryrun, err);
	if (!dryrun)
		cs_lock_release(set->store);
	if (rv == -1) {
		memset(set->changed, 0, set->names.n);
		return -1;
	}
	for (i = 0; i < set->names.n; i++)
		n += set->changed[i];
	if (n > 0)
		warnusers(set);
	return n;
}

/* The names that were changed, sorted: 1, or 0 at the end. */
int
certstore_set_next(struct certstore_set *set, const char **name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	*name = NULL;
	while (set->changed != NULL && set->next < set->names.n)
		if (set->changed[set->next++]) {
			*name = set->names.v[set->next - 1];
			return 1;
		}
	return 0;
}
