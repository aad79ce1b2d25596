/*
 * remove.c: which entries may be removed: not those that others depend on,
 * unless these are removed in the same call.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include "store/private.h"

/* A CA that may be removed if all entries are that it has issued. */
struct ca {
	size_t i; /* its place in names */
	char *subjecthash;
	char *ski;
	size_t *need; /* places in names of those that need it */
	size_t n, size;
};

struct removal {
	struct certstore *store;
	const char *const *names;
	size_t n;
	int flags;
	struct certstore_error *errs;
	struct certstore_entry entry; /* the last that was loaded */
	char **x5u; /* with FORCE: hashes of the chains in x5u/, or NULL */
	const char *const **byname; /* names in order */
	struct ca *ca;		    /* by hash of the subject */
	size_t nca, casize;
};

static int
comparenames(const void *a, const void *b)
{
	const char *const *const *x = a, *const *const *y = b;

	return strcmp(**x, **y);
}

/* The place of a name in names: 1, or 0. */
static int
findname(const struct removal *rm, const char *name, size_t *i)
{
	size_t from = 0, to = rm->n, at;
	int c;

	while (from < to) {
		at = from + (to - from) / 2;
		*i = (size_t)(rm->byname[at] - rm->names);
		if ((c = strcmp(name, rm->names[*i])) == 0)
			return 1;
		if (c < 0)
			to = at;
		else
			from = at + 1;
	}
	return 0;
}

static int
compareca(const void *a, const void *b)
{
	const struct ca *x = a, *y = b;

	return strcmp(x->subjecthash, y->subjecthash);
}

static int
addca(struct removal *rm, size_t i, const struct cs_info *info)
{
	struct ca *v, ca = { .i = i };

	if (info->subjecthash == NULL)
		return 0;
	if ((v = cs_array_extend(rm->ca, rm->nca, &rm->casize, sizeof(*v))) ==
	    NULL)
		return -1;
	rm->ca = v;
	if ((ca.subjecthash = strdup(info->subjecthash)) == NULL ||
	    (info->ski != NULL && (ca.ski = strdup(info->ski)) == NULL)) {
		free(ca.subjecthash);
		return -1;
	}
	rm->ca[rm->nca++] = ca;
	return 0;
}

static int
addneed(struct ca *ca, size_t i)
{
	size_t *v;

	if ((v = cs_array_extend(ca->need, ca->n, &ca->size, sizeof(*v))) ==
	    NULL)
		return -1;
	ca->need = v;
	ca->need[ca->n++] = i;
	return 0;
}

static void
refuseneeded(const struct removal *rm, const struct ca *ca, const char *who)
{
	if (rm->errs[ca->i].code == CERTSTORE_OK)
		cs_fail(&rm->errs[ca->i], CERTSTORE_EREFUSED,
		    "%s: issued %s, which needs it: remove that too, or use "
		    "-f",
		    rm->names[ca->i], who);
}

/*
 * Notes for each CA that may have issued an entry that it is needed: by key
 * identifier, by name where there is none (RFC 5280 section 4.2.1.1).
 */
static int
relateissuer(struct removal *rm, const char *name, const struct cs_info *info)
{
	struct ca key = { 0 }, *ca, *end = rm->ca + rm->nca;
	char hash[64];
	size_t i;
	int goes;

	if (info->self || info->issuerhash == NULL ||
	    strlen(info->issuerhash) >= sizeof(hash))
		return 0;
	strlcpy(hash, info->issuerhash, sizeof(hash));
	key.subjecthash = hash;
	ca = bsearch(&key, rm->ca, rm->nca, sizeof(*ca), compareca);
	if (ca == NULL)
		return 0;
	while (ca > rm->ca && compareca(&key, ca - 1) == 0)
		ca--;
	goes = findname(rm, name, &i) && rm->errs[i].code == CERTSTORE_OK;
	for (; ca < end && compareca(&key, ca) == 0; ca++) {
		if (info->aki != NULL && ca->ski != NULL &&
		    strcmp(info->aki, ca->ski) != 0)
			continue;
		if (!goes)
			refuseneeded(rm, ca, name);
		else if (addneed(ca, i) == -1)
			return -1;
	}
	return 0;
}

/* An entry without a readable issuer may need any of the CAs: refuses all. */
static void
refuseunknown(struct removal *rm, const char *name)
{
	struct certstore_error *err;
	size_t i;

	if (findname(rm, name, &i) && rm->errs[i].code == CERTSTORE_OK)
		return;
	for (i = 0; i < rm->nca; i++) {
		err = &rm->errs[rm->ca[i].i];
		if (err->code == CERTSTORE_OK)
			cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: %s is damaged, and may need it: check it "
			    "with cert-show %s, or use -f",
			    rm->names[rm->ca[i].i], name, name);
	}
}

/*
 * Refuses CAs that others need: reads the store once for all of them; then
 * again as long as one more is refused, for those that issued it.
 */
static int
dependants(struct removal *rm, struct certstore_error *err)
{
	const struct certstore_entry *entry;
	const struct cs_info *info;
	struct certstore_list *list;
	const char *name;
	int more, news, rv = 0;
	struct ca *ca;
	size_t i;

	if (rm->nca == 0)
		return 0;
	qsort(rm->ca, rm->nca, sizeof(*rm->ca), compareca);
	if ((list = certstore_list_new(rm->store, err)) == NULL)
		return -1;
	while (
	    rv == 0 && (more = certstore_list_next(list, &entry, err)) != 0) {
		name = cs_list_last(list, &info);
		if (more == -1 && err->code == CERTSTORE_ESYSTEM)
			rv = -1; /* the entry may depend on a CA */
		else if (info->kind == NULL)
			refuseunknown(rm, name);
		else if (relateissuer(rm, name, info) == -1)
			rv = cs_fail_nomem(err);
	}
	certstore_list_free(list);
	do {
		news = 0;
		for (ca = rm->ca; rv == 0 && ca < rm->ca + rm->nca; ca++)
			for (i = 0;
			     i < ca->n && rm->errs[ca->i].code == CERTSTORE_OK;
			     i++)
				if (rm->errs[ca->need[i]].code !=
				    CERTSTORE_OK) {
					refuseneeded(rm, ca,
					    rm->names[ca->need[i]]);
					news = 1;
				}
	} while (news);
	return rv;
}

static int
refusedefault(const struct removal *rm, const char *name,
    struct certstore_error *err)
{
	char now[CS_NAME_MAX + 1];

	if (cs_resolve_defaultname(rm->store, now, err) == -1)
		return -1;
	if (strcmp(now, name) != 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is the default entry: use -f to remove it", name);
}

/*
 * Refuses an entry that props, as they are now, say is used.  Also a damaged
 * one.
 */
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
		    "%s: is used by %s: use -f to remove it", name,
		    cs_escape_quote(q, props.users.v[0]));
	cs_props_free(&props);
	return rv;
}

/* What an order has set up would stay: files, DNS records. */
static int
refuseorder(const struct certstore_entry *entry, struct certstore_error *err)
{
	const char *name = entry->info.name;
	struct cs_buf text = { 0 };
	struct cs_underway way;
	size_t len;
	int rv;

	if ((rv = cs_orderstate_underway(entry, &way, err)) == 1)
		rv = cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: an ACME order is under way since %s: use -f to remove "
		    "it",
		    name, way.since);
	else if (rv == 0 &&
	    (rv = cs_orderstate_read(entry->store, name, &text, err)) == 1)
		rv = cs_orderstate_find(&text, "setup", &len) == NULL ?
		    0 :
		    cs_fail(err, CERTSTORE_EREFUSED,
			"%s: something that was set up for an ACME order "
			"remains: use cert-acme%s -u %s to undo it, or -f",
			name, cs_store_option(entry->store), name);
	cs_buf_free(&text);
	return rv;
}

static int
mayremove(struct removal *rm, size_t i, struct certstore_error *err)
{
	const struct certstore_entry *entry = &rm->entry;
	const char *name = rm->names[i];

	if ((rm->flags & CERTSTORE_REMOVE_FORCE) != 0)
		return 0;
	if (refusedefault(rm, name, err) == -1 ||
	    refuseused(entry, name, err) == -1 || refuseorder(entry, err) == -1)
		return -1;
	if (strcmp(entry->info.kind, "ca") == 0 &&
	    addca(rm, i, &entry->info) == -1)
		return cs_fail_nomem(err);
	return 0;
}

/*
 * Has a name no link, but a generation that may hold a key?  1, 0, -1 refused.
 */
static int
isorphan(const struct removal *rm, const char *name,
    struct certstore_error *err)
{
	struct certstore *store = rm->store;
	struct cs_link link;
	char dir[CS_GENDIR];
	unsigned long gen;

	if (store->tidy || !cs_name_isvalid(name))
		return 0;
	link = cs_resolve_link(store, name);
	if (cs_generation_highest(&link, &gen) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	if (gen == 0)
		return 0;
	if ((rm->flags & CERTSTORE_REMOVE_FORCE) != 0)
		return 1;
	cs_generation_dir(dir, name, gen);
	return cs_fail(err, CERTSTORE_ENOENTRY,
	    "%s: there is no such entry, but %s of one without its link: "
	    "use -f to remove it, or cert-check -r%s %s to restore it",
	    name, dir, store->option, name);
}

/* Sets the error of one name that may not go. */
static void
decideremoval(struct removal *rm, size_t i)
{
	struct certstore_error *err = &rm->errs[i];
	int force = (rm->flags & CERTSTORE_REMOVE_FORCE) != 0;

	if (cs_entry_load(rm->store, rm->names[i], &rm->entry, err) == 0) {
		if (mayremove(rm, i, err) != 0)
			return;
		cs_error_clear(err);
		if (force && rm->entry.info.x5u != NULL &&
		    rm->entry.info.filehash != NULL &&
		    (rm->x5u[i] = strdup(rm->entry.info.filehash)) == NULL)
			cs_fail_nomem(err);
		return;
	}
	cs_info_reset(&rm->entry.info);
	if (err->code == CERTSTORE_EDAMAGED && rm->entry.gendir[0] != '\0') {
		cs_error_clear(err);
		if (!force && refusedefault(rm, rm->names[i], err) == 0)
			(void)refuseused(&rm->entry, rm->names[i], err);
	} else if (err->code == CERTSTORE_ENOENTRY &&
	    isorphan(rm, rm->names[i], err) != -1 && force)
		cs_error_clear(err);
}

/*
 * Verifiers fetch the chains of calls that were signed before a removal: only
 * FORCE removes them, too.
 */
static void
removechains(struct removal *rm)
{
	struct certstore_error *err;
	size_t i;

	for (i = 0; i < rm->n; i++) {
		err = &rm->errs[i];
		if (rm->x5u[i] != NULL && err->code == CERTSTORE_OK &&
		    cs_x5u_remove(rm->store, rm->x5u[i]) == -1)
			cs_fail_errno(err, "%s: x5u/%s.pem", rm->names[i],
			    rm->x5u[i]);
	}
}

/* With FORCE a name that is not there is no error. */
static int
removedecided(struct removal *rm)
{
	size_t count, i;

	count = cs_unlink_entries(rm->store, rm->names, rm->n, &rm->entry.info,
	    rm->errs);
	removechains(rm);
	for (i = 0; i < rm->n; i++)
		if (rm->errs[i].code == CERTSTORE_ENOENTRY &&
		    (rm->flags & CERTSTORE_REMOVE_FORCE) != 0)
			cs_error_clear(&rm->errs[i]);
	return (int)count;
}

static void
freeremoval(struct removal *rm)
{
	size_t i;

	while (rm->nca > 0) {
		free(rm->ca[--rm->nca].subjecthash);
		free(rm->ca[rm->nca].ski);
		free(rm->ca[rm->nca].need);
	}
	for (i = 0; i < rm->n && rm->x5u != NULL; i++)
		free(rm->x5u[i]);
	free(rm->x5u);
	free(rm->ca);
	free(rm->byname);
	free(rm->errs);
	cs_entry_done(&rm->entry);
}

/*
 * Decides for all names first: a CA has to stay if an entry does that needs it.
 */
static void
decideremovals(struct removal *rm)
{
	struct certstore_error err;
	size_t i;

	if ((rm->byname = calloc(rm->n, sizeof(*rm->byname))) == NULL) {
		for (i = 0; i < rm->n; i++)
			cs_fail_nomem(&rm->errs[i]);
		return;
	}
	for (i = 0; i < rm->n; i++) {
		cs_progress(rm->store, "checking", i, rm->n);
		rm->byname[i] = &rm->names[i];
		decideremoval(rm, i);
	}
	qsort(rm->byname, rm->n, sizeof(*rm->byname), comparenames);
	if (dependants(rm, &err) == 0)
		return;
	for (i = 0; i < rm->nca; i++)
		if (rm->errs[rm->ca[i].i].code == CERTSTORE_OK)
			rm->errs[rm->ca[i].i] = err;
}

/* The number of removed entries; with DRYRUN 0; -1 if none could be. */
static int
runremoval(struct removal *rm, int dry, struct certstore_error *err)
{
	int count = 0;

	if (cs_error_flags(rm->flags,
		CERTSTORE_REMOVE_FORCE | CERTSTORE_REMOVE_DRYRUN, err) == -1)
		return -1;
	if (rm->n == 0)
		return 0;
	if ((rm->errs = calloc(rm->n, sizeof(*rm->errs))) == NULL ||
	    (rm->x5u = calloc(rm->n, sizeof(*rm->x5u))) == NULL)
		return cs_fail_nomem(err);
	if ((dry ? cs_lock_check(rm->store, err) :
		   cs_lock_take(rm->store, err)) == -1)
		return -1;
	decideremovals(rm);
	if (!dry) {
		count = removedecided(rm);
		cs_lock_release(rm->store);
	}
	return count;
}

int
certstore_remove(struct certstore *store, const char *const *names, size_t n,
    int flags,
    void (*failed)(void *, const char *, const struct certstore_error *),
    void *arg, struct certstore_error *err)
{
	struct removal rm = { .store = store,
		.names = names,
		.n = n,
		.flags = flags };
	const struct certstore_error *each, *first = NULL;
	int count, dry = (flags & CERTSTORE_REMOVE_DRYRUN) != 0, rv;
	struct certstore_error all;
	size_t i;

	cs_error_clear(err);
	rv = count = runremoval(&rm, dry, &all);
	if (rv == -1)
		first = &all;
	for (i = 0; i < n; i++) {
		each = rv == -1 ? &all : &rm.errs[i];
		if (each->code == CERTSTORE_OK) {
			count += dry;
			continue;
		}
		if (first == NULL)
			first = each;
		if (failed != NULL)
			failed(arg, names[i], each);
	}
	if (first != NULL)
		*err = *first;
	freeremoval(&rm);
	return err->code == CERTSTORE_OK ? count : -1;
}
