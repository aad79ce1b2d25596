/*
 * remove.c: what may be removed.  Refused is what others depend on, unless
 * they go in the same call.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct removal {
	struct certstore *store;
	const char *const *names;
	size_t n;
	int flags;
	struct certstore_error *errs;
	struct certstore_entry entry; /* the last that was looked at */
};

/* Does it go, or is it gone, in this call? */
static int
goes(const struct removal *rm, const char *name)
{
	size_t i;

	for (i = 0; i < rm->n; i++)
		if (strcmp(rm->names[i], name) == 0)
			return rm->errs[i].code == CERTSTORE_OK;
	return 0;
}

/* RFC 5280 section 4.2.1.1: by key identifier, by name where there is none. */
static int
isissuer(const struct cs_info *ca, const struct cs_info *info)
{
	if (info->self || info->issuerhash == NULL || ca->subjecthash == NULL ||
	    strcmp(info->issuerhash, ca->subjecthash) != 0)
		return 0;
	return info->aki == NULL || ca->ski == NULL ||
	    strcmp(info->aki, ca->ski) == 0;
}

/* The first entry that depends on a CA and does not go: cost as the store. */
static int
dependant(const struct removal *rm, const struct certstore_entry *ca,
    struct certstore_error *err)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	struct certstore_error ignored;
	int more, rv = 0;

	if ((list = certstore_list_new(rm->store, err)) == NULL)
		return -1;
	while ((more = certstore_list_next(list, &entry, &ignored)) != 0) {
		if (more == -1 && ignored.code == CERTSTORE_ESYSTEM) {
			*err = ignored; /* it may depend on the CA */
			rv = -1;
			break;
		}
		if (more == -1 || goes(rm, entry->info.name) ||
		    !isissuer(&ca->info, &entry->info))
			continue;
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: has issued %s, "
		    "which needs it: remove that too, or -f",
		    ca->info.name, entry->info.name);
		break;
	}
	certstore_list_free(list);
	return rv;
}

static int
refusedefault(const struct removal *rm, const char *name,
    struct certstore_error *err)
{
	char now[CS_NAME_MAX + 1];
	int rv;

	if ((rv = cs_store_default(rm->store, now)) == -1)
		return cs_fail_errno(err, "%s/default", rm->store->path);
	if (rv == 0 || strcmp(now, name) != 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is the default entry: -f removes it all the same", name);
}

/* By whom props name now; also of an entry that is damaged. */
static int
refuseused(const struct certstore_entry *entry, const char *name,
    struct certstore_error *err)
{
	struct cs_props props;
	char q[CS_QUOTE_LEN];
	int rv = 0;

	if (cs_props_read(entry, &props, err) == -1)
		return -1;
	if (props.users.n > 0)
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is used by %s: -f removes it all the same", name,
		    cs_escape_quote(q, props.users.v[0]));
	cs_props_free(&props);
	return rv;
}

static int
mayremove(const struct removal *rm, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const char *name = entry->info.name;

	if ((rm->flags & CERTSTORE_FORCE) != 0)
		return 0;
	if (refusedefault(rm, name, err) == -1 ||
	    refuseused(entry, name, err) == -1)
		return -1;
	if (strcmp(entry->info.kind, "ca") == 0)
		return dependant(rm, entry, err);
	return 0;
}

/* Sets the error of one name that may not go; 1 if that is news. */
static int
decide(struct removal *rm, size_t i)
{
	struct certstore_error *err = &rm->errs[i];
	int force = (rm->flags & CERTSTORE_FORCE) != 0;

	if (err->code != CERTSTORE_OK)
		return 0;
	if (cs_entry_load(rm->store, rm->names[i], &rm->entry, err) == 0) {
		if (mayremove(rm, &rm->entry, err) == 0)
			cs_error_clear(err);
	} else {
		cs_info_reset(&rm->entry.info);
		if (err->code == CERTSTORE_EDAMAGED &&
		    rm->entry.gendir[0] != '\0') {
			cs_error_clear(err);
			if (!force && refusedefault(rm, rm->names[i], err) == 0)
				(void)refuseused(&rm->entry, rm->names[i], err);
		} else if (err->code == CERTSTORE_ENOENTRY && force)
			cs_error_clear(err);
	}
	return err->code != CERTSTORE_OK;
}

/* With -f nobody minds that one is gone already. */
static int
removeall(struct removal *rm)
{
	size_t count, i;

	count = cs_txn_remove(rm->store, rm->names, rm->n, &rm->entry.info,
	    rm->errs);
	for (i = 0; i < rm->n; i++)
		if (rm->errs[i].code == CERTSTORE_ENOENTRY &&
		    (rm->flags & CERTSTORE_FORCE) != 0)
			cs_error_clear(&rm->errs[i]);
	return (int)count;
}

/*
 * All is decided first, again as long as some name is refused: what that one
 * needs must stay too.
 */
int
certstore_remove(struct certstore *store, const char *const *names, size_t n,
    int flags, struct certstore_error *errs)
{
	struct removal rm = { .store = store,
		.names = names,
		.n = n,
		.flags = flags,
		.errs = errs };
	int bad = 0, count = 0, dry, news;
	struct certstore_error err;
	size_t i;

	for (i = 0; i < n; i++)
		cs_error_clear(&errs[i]);
	if (n == 0)
		return 0;
	dry = (flags & CERTSTORE_DRYRUN) != 0;
	if ((dry ? cs_lock_check(store, &err) : cs_lock_take(store, &err)) ==
	    -1) {
		for (i = 0; i < n; i++)
			errs[i] = err;
		return -1;
	}
	do {
		news = 0;
		for (i = 0; i < n; i++) {
			cs_progress(store, "checking", i, n);
			news |= decide(&rm, i);
		}
	} while (news);
	if (!dry) {
		count = removeall(&rm);
		cs_lock_release(store);
	}
	cs_entry_done(&rm.entry);
	for (i = 0; i < n; i++) {
		bad |= errs[i].code != CERTSTORE_OK;
		count += dry && errs[i].code == CERTSTORE_OK;
	}
	return bad ? -1 : count;
}
