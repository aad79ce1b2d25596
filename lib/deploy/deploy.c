/*
 * deploy.c: who is to be told of which change, certstore_deploy(3).  What a
 * user needs is compared with what the ledger of this host says; nothing is
 * known of events, so that also what was changed by hand is found, and what was
 * missed once is found again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/private.h"

/* A user of an entry or a trust set. */
struct use {
	char *user, *name;
};

struct change {
	char *name;
	const char *verb, *why;
	char value[CS_HASH_LEN]; /* of what is about to be delivered */
	int done;
};

struct certstore_deploy {
	struct certstore *store;
	int flags;
	struct certstore_error failed; /* of a name that was not taken */
	struct cs_strings names;       /* only these, if there are any */
	enum { START, ENTRIES, ABSENT, USERS, END } phase;
	struct certstore_list *list;
	size_t nextname;
	struct cs_strings absent; /* names that are not those of an entry */
	struct use *uses;	  /* sorted */
	size_t nuse, usesize;
	size_t firstuse; /* of the current user, if it has any */
	struct cs_strings users;
	size_t nextuser;
	/* of the user that next returned */
	const char *user;
	struct cs_ledger ledger;
	int dir;  /* of the ledgers, or -1 */
	int lock; /* or -1 */
	struct change *change;
	size_t nchange, changesize;
};

static const char changed[] = "changed", removed[] = "removed";
static const char fresh[] = "was not delivered yet";
static const char forced[] = "was delivered before";

struct certstore_deploy *
certstore_deploy_new(struct certstore *store, int flags,
    struct certstore_error *err)
{
	struct certstore_deploy *deploy;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_DEPLOY_FORCE | CERTSTORE_DEPLOY_DRYRUN, err) == -1)
		return NULL;
	if ((flags & CERTSTORE_DEPLOY_DRYRUN) == 0 &&
	    cs_lock_check(store, err) == -1)
		return NULL;
	if ((deploy = calloc(1, sizeof(*deploy))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	deploy->store = store;
	deploy->flags = flags;
	deploy->dir = deploy->lock = -1;
	return deploy;
}

/* Of the user that next returned. */
static void
forgetchanges(struct certstore_deploy *deploy)
{
	while (deploy->nchange > 0)
		free(deploy->change[--deploy->nchange].name);
	cs_ledger_free(&deploy->ledger);
}

static void
forgetuser(struct certstore_deploy *deploy)
{
	forgetchanges(deploy);
	cs_file_close(&deploy->lock);
	deploy->user = NULL;
}

void
certstore_deploy_free(struct certstore_deploy *deploy)
{
	if (deploy == NULL)
		return;
	forgetuser(deploy);
	cs_file_close(&deploy->dir);
	certstore_list_free(deploy->list);
	while (deploy->nuse > 0) {
		free(deploy->uses[--deploy->nuse].user);
		free(deploy->uses[deploy->nuse].name);
	}
	free(deploy->uses);
	free(deploy->change);
	cs_strings_free(&deploy->names);
	cs_strings_free(&deploy->absent);
	cs_strings_free(&deploy->users);
	free(deploy);
}

int
certstore_deploy_add(struct certstore_deploy *deploy, const char *name,
    struct certstore_error *err)
{
	int rv;

	cs_error_clear(err);
	if ((rv = *name == '@' ? 0 : cs_name_check(name, err)) == 0 &&
	    cs_strings_add(&deploy->names, name) == -1)
		rv = cs_fail_nomem(err);
	if (rv == -1)
		deploy->failed = *err;
	return rv;
}

/* Is it one of the names that were added, if there are any? */
static int
isselected(const struct certstore_deploy *deploy, const char *name)
{
	return deploy->names.n == 0 || cs_strings_has(&deploy->names, name);
}

static int
adduse(struct certstore_deploy *deploy, const char *name, const char *user)
{
	struct use *v;

	if (strchr(user, '/') != NULL) /* a note */
		return 0;
	v = cs_array_extend(deploy->uses, deploy->nuse, &deploy->usesize,
	    sizeof(*v));
	if (v == NULL)
		return -1;
	deploy->uses = v;
	v += deploy->nuse;
	v->user = strdup(user);
	v->name = strdup(name);
	deploy->nuse++;
	return v->user == NULL || v->name == NULL ? -1 : 0;
}

static int
addentryuses(struct certstore_deploy *deploy,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	const char *user;
	size_t i;

	for (i = 0; certstore_entry_user(entry, i, &user); i++)
		if (adduse(deploy, certstore_entry_name(entry), user) == -1)
			return cs_fail_nomem(err);
	return 0;
}

static int
addsetuse(void *arg, const char *section, const char *user)
{
	struct certstore_deploy *deploy = arg;

	if (!isselected(deploy, section) || adduse(deploy, section, user) == 0)
		return 0;
	return -1;
}

/* Reads all entries.  After -1 the next call goes on behind a damaged one. */
static int
readentries(struct certstore_deploy *deploy, struct certstore_error *err)
{
	const struct certstore_entry *entry;
	int rv;

	while ((rv = certstore_list_next(deploy->list, &entry, err)) == 1)
		if (addentryuses(deploy, entry, err) == -1)
			return -1;
	return rv;
}

/* The same for names that were added. */
static int
readselected(struct certstore_deploy *deploy, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	const char *name;
	int rv = 0;

	while (rv == 0 && deploy->nextname < deploy->names.n) {
		name = deploy->names.v[deploy->nextname++];
		if (*name != '@' &&
		    cs_entry_glance(deploy->store, name, &entry, err) == 0)
			rv = addentryuses(deploy, &entry, err);
		else if (*name != '@' && err->code != CERTSTORE_ENOENTRY)
			rv = -1;
		else if (cs_strings_add(&deploy->absent, name) == -1)
			rv = cs_fail_nomem(err);
	}
	cs_entry_done(&entry);
	return rv;
}

static int
compareuses(const void *a, const void *b)
{
	const struct use *one = a, *two = b;
	int rv;

	rv = strcmp(one->user, two->user);
	return rv != 0 ? rv : strcmp(one->name, two->name);
}

/* Adds the users that have a ledger. */
static int
addledgers(struct certstore_deploy *deploy, struct certstore_error *err)
{
	deploy->dir = cs_ledger_opendir(deploy->store, 0, err);
	if (deploy->dir == -1)
		return err->errnum == ENOENT ? 0 : -1;
	return cs_ledger_users(deploy->dir, &deploy->users) == -1 ?
	    cs_fail_errno(err, "%s/deployed", certstore_path(deploy->store)) :
	    0;
}

/* What comes behind the entries: the trust sets, and who no longer uses any. */
static int
findusers(struct certstore_deploy *deploy, struct certstore_error *err)
{
	size_t i;

	if (cs_settings_trustusers(deploy->store, addsetuse, deploy, err) !=
		0 ||
	    addledgers(deploy, err) == -1)
		return -1;
	for (i = 0; i < deploy->nuse; i++)
		if (cs_strings_add(&deploy->users, deploy->uses[i].user) == -1)
			return cs_fail_nomem(err);
	cs_strings_sort(&deploy->users);
	if (deploy->nuse > 0)
		qsort(deploy->uses, deploy->nuse, sizeof(*deploy->uses),
		    compareuses);
	return 0;
}

/* Does a use or a ledger have the name of what is no entry?  1, 0, -1. */
static int
isusedname(const struct certstore_deploy *deploy, const char *name,
    struct certstore_error *err)
{
	struct cs_ledger ledger;
	int has = 0;
	size_t i;

	for (i = 0; i < deploy->nuse; i++)
		if (strcmp(deploy->uses[i].name, name) == 0)
			return 1;
	for (i = 0; !has && deploy->dir != -1 && i < deploy->users.n; i++) {
		if (cs_ledger_read(deploy->dir, deploy->users.v[i], &ledger,
			err) == -1)
			return -1;
		has = cs_ledger_find(&ledger, name) != NULL;
		cs_ledger_free(&ledger);
	}
	return has;
}

/* Refuses the names of which nothing is known. */
static int
checkabsent(struct certstore_deploy *deploy, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	const char *name;
	int rv;

	while (deploy->absent.n > 0) {
		name = deploy->absent.v[deploy->absent.n - 1];
		if ((rv = isusedname(deploy, name, err)) == 0)
			rv = cs_fail(err, CERTSTORE_ENOENTRY, "%s: %s",
			    cs_escape_quote(q, name),
			    *name == '@' ? "has no user" : "no such entry");
		free(deploy->absent.v[--deploy->absent.n]);
		if (rv == -1)
			return -1;
	}
	return 0;
}

/* Adds a change of the current user. */
static int
addpending(struct certstore_deploy *deploy, const char *name, const char *verb,
    const char *why, const char *value, struct certstore_error *err)
{
	struct change *v;

	v = cs_array_extend(deploy->change, deploy->nchange,
	    &deploy->changesize, sizeof(*v));
	if (v == NULL)
		return cs_fail_nomem(err);
	deploy->change = v;
	v += deploy->nchange;
	if ((v->name = strdup(name)) == NULL)
		return cs_fail_nomem(err);
	v->verb = verb;
	v->why = why;
	v->done = 0;
	memcpy(v->value, value, sizeof(v->value));
	deploy->nchange++;
	return 0;
}

/* Compares what is there now with what was delivered. */
static int
comparename(struct certstore_deploy *deploy, const char *name,
    struct certstore_error *err)
{
	const char *had = cs_ledger_find(&deploy->ledger, name);
	char value[CS_HASH_LEN] = "";
	enum cs_use use;

	if (cs_value_of(deploy->store, name, deploy->user, &use, value, err) ==
	    -1)
		return -1;
	if (use == CS_USE_UNKNOWN || (use == CS_USE_NONE && had == NULL))
		return 0;
	if (use == CS_USE_NONE)
		return addpending(deploy, name, removed,
		    "it is gone, or has no such user any more", value, err);
	if (had == NULL)
		return addpending(deploy, name, changed, fresh, value, err);
	if (strcmp(had, value) != 0)
		return addpending(deploy, name, changed,
		    "differs from what was delivered", value, err);
	if ((deploy->flags & CERTSTORE_DEPLOY_FORCE) != 0)
		return addpending(deploy, name, changed, forced, value, err);
	return 0;
}

/* The changes of verb changed come first; each of them by name. */
static int
comparechanges(const void *a, const void *b)
{
	const struct change *one = a, *two = b;
	int rv;

	rv = strcmp(one->verb, two->verb);
	return rv != 0 ? rv : strcmp(one->name, two->name);
}

/* Hashes what is pending: a failure is that of these changes. */
static int
hashpending(const struct certstore_deploy *deploy, char hex[CS_HASH_LEN],
    struct certstore_error *err)
{
	const struct change *change;
	struct cs_buf text = { 0 };
	int bad = 0;
	size_t i;

	for (i = 0; i < deploy->nchange; i++) {
		change = &deploy->change[i];
		if (!change->done && change->why != forced)
			bad |= cs_buf_printf(&text, "%s %s %s\n", change->name,
			    change->verb, change->value);
	}
	cs_hash(hex, text.p, text.len);
	cs_buf_free(&text);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

/* Finds what is pending for the current user, as of now. */
static int
findpending(struct certstore_deploy *deploy, struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	char pending[CS_HASH_LEN];
	const char *unit;
	int bad = 0, rv = -1;
	size_t i;

	forgetchanges(deploy);
	if (deploy->dir != -1 &&
	    certstore_user_type(deploy->user, &unit) != CERTSTORE_USER_BAD &&
	    cs_ledger_read(deploy->dir, deploy->user, &deploy->ledger, err) ==
		-1)
		return -1;
	for (i = deploy->firstuse; i < deploy->nuse &&
	     strcmp(deploy->uses[i].user, deploy->user) == 0;
	     i++)
		bad |= cs_strings_add(&names, deploy->uses[i].name);
	for (i = 0; i < deploy->ledger.n; i++)
		if (isselected(deploy, deploy->ledger.v[i].name))
			bad |= cs_strings_add(&names, deploy->ledger.v[i].name);
	if (bad != 0) {
		cs_fail_nomem(err);
		goto out;
	}
	cs_strings_sort(&names);
	for (i = 0; i < names.n; i++)
		if (comparename(deploy, names.v[i], err) == -1)
			goto out;
	if (deploy->nchange > 0)
		qsort(deploy->change, deploy->nchange, sizeof(*deploy->change),
		    comparechanges);
	if ((rv = hashpending(deploy, pending, err)) == 0 &&
	    strcmp(pending, deploy->ledger.pending) != 0)
		cs_ledger_succeed(&deploy->ledger);
out:
	cs_strings_free(&names);
	return rv;
}

/* Finds all users: 0, or -1 for each entry or name that is not used. */
static int
scanstore(struct certstore_deploy *deploy, struct certstore_error *err)
{
	if (deploy->phase == START) {
		deploy->phase = END; /* if one of these fails */
		if (deploy->failed.code != CERTSTORE_OK) {
			*err = deploy->failed;
			return -1;
		}
		cs_strings_sort(&deploy->names);
		if (cs_store_refresh(deploy->store, err) == -1)
			return -1;
		if (deploy->names.n == 0 &&
		    (deploy->list = certstore_list_new(deploy->store, err)) ==
			NULL)
			return -1;
		deploy->phase = ENTRIES;
	}
	if (deploy->phase == ENTRIES) {
		if ((deploy->names.n == 0 ? readentries(deploy, err) :
					    readselected(deploy, err)) == -1)
			return -1;
		deploy->phase = END;
		if (findusers(deploy, err) == -1)
			return -1;
		deploy->phase = ABSENT;
	}
	if (deploy->phase == ABSENT) {
		if (checkabsent(deploy, err) == -1)
			return -1;
		deploy->phase = USERS;
	}
	return 0;
}

int
certstore_deploy_next(struct certstore_deploy *deploy, const char **user,
    struct certstore_error *err)
{
	cs_error_clear(err);
	*user = NULL;
	forgetuser(deploy);
	if (scanstore(deploy, err) == -1)
		return -1;
	while (deploy->phase == USERS && deploy->nextuser < deploy->users.n) {
		deploy->user = deploy->users.v[deploy->nextuser++];
		while (deploy->firstuse < deploy->nuse &&
		    strcmp(deploy->uses[deploy->firstuse].user, deploy->user) <
			0)
			deploy->firstuse++;
		if (findpending(deploy, err) == -1)
			return -1;
		if (deploy->nchange == 0)
			continue;
		*user = deploy->user;
		return 1;
	}
	return 0;
}

int
certstore_deploy_change(const struct certstore_deploy *deploy, size_t i,
    const char **name, const char **verb, const char **why)
{
	const struct change *change;

	*name = *verb = *why = NULL;
	if (i >= deploy->nchange)
		return 0;
	change = &deploy->change[i];
	*name = change->name;
	*verb = change->verb;
	*why = change->why;
	return 1;
}

/* 1, or 0 if nothing failed since the last success. */
int
certstore_deploy_failure(const struct certstore_deploy *deploy,
    const char **text, unsigned int *times, int64_t *since, int64_t *next)
{
	const struct cs_ledger *ledger = &deploy->ledger;

	*text = ledger->text == NULL ? "" : ledger->text;
	*times = ledger->failed;
	*since = ledger->since;
	*next = ledger->next;
	return ledger->failed > 0;
}

/*
 * Locks the ledger of the current user, and compares again: another run may
 * have delivered, and what is delivered now is what is there now.
 */
int
certstore_deploy_begin(struct certstore_deploy *deploy, unsigned int seconds,
    struct certstore_error *err)
{
	int dir;

	cs_error_clear(err);
	if (deploy->user == NULL ||
	    (deploy->flags & CERTSTORE_DEPLOY_DRYRUN) != 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "there is no user to deliver to, or this is a dry run");
	if ((dir = cs_ledger_opendir(deploy->store, 1, err)) == -1)
		return -1;
	cs_file_close(&deploy->dir);
	deploy->dir = dir;
	if (cs_ledger_lock(deploy->store, dir, deploy->user, seconds,
		&deploy->lock, err) == -1 ||
	    findpending(deploy, err) == -1)
		return -1;
	return deploy->nchange > 0;
}

/* After begin. */
static int
checkbegun(const struct certstore_deploy *deploy, struct certstore_error *err)
{
	if (deploy->lock != -1)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT, "no delivery was begun");
}

int
certstore_deploy_delivered(struct certstore_deploy *deploy, const char *verb,
    struct certstore_error *err)
{
	struct cs_ledger *ledger = &deploy->ledger;
	struct change *change;
	size_t i, left = 0;

	cs_error_clear(err);
	if (checkbegun(deploy, err) == -1)
		return -1;
	for (i = 0; i < deploy->nchange; i++) {
		change = &deploy->change[i];
		if (strcmp(change->verb, verb) != 0)
			left += !change->done;
		else if (cs_ledger_set(ledger, change->name,
			     change->verb == removed ? NULL : change->value) ==
		    -1)
			return cs_fail_nomem(err);
		else
			change->done = 1;
	}
	if (left == 0)
		cs_ledger_succeed(ledger);
	return cs_ledger_write(deploy->dir, deploy->user, ledger, err);
}

/* What was to be delivered once more, in vain, is as if it never was. */
static void
forgetforced(struct certstore_deploy *deploy)
{
	struct change *change;
	size_t i;

	for (i = 0; i < deploy->nchange; i++) {
		change = &deploy->change[i];
		if (change->done || change->why != forced)
			continue;
		(void)cs_ledger_set(&deploy->ledger, change->name, NULL);
		change->why = fresh;
	}
}

int
certstore_deploy_failed(struct certstore_deploy *deploy, const char *text,
    struct certstore_error *err)
{
	char pending[CS_HASH_LEN];

	cs_error_clear(err);
	if (checkbegun(deploy, err) == -1)
		return -1;
	forgetforced(deploy);
	if (hashpending(deploy, pending, err) == -1)
		return -1;
	cs_ledger_fail(&deploy->ledger, pending, text, certstore_time_now());
	if (deploy->ledger.text == NULL)
		return cs_fail_nomem(err);
	return cs_ledger_write(deploy->dir, deploy->user, &deploy->ledger, err);
}
