/*
 * write.c: writes entries.  Everything of a generation is on disk before the
 * link leads to it; one rename(2) of that link is the switch.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

#define BULK 16 /* entries from which one syncfs is cheaper */

/* Warns of properties that end because of what replaces an entry. */
static void
warnprops(const struct certstore *store, const struct cs_put *put,
    const struct certstore_entry *old)
{
	const char *group = old->info.group;
	char q[CS_QUOTE_LEN], when[CERTSTORE_TIME_LEN];
	int64_t until;
	size_t len;

	if (group != NULL && cs_newprops_dropsgroup(put, old))
		cs_warn(store,
		    "%s: its key is no longer that of a TLS server, and group "
		    "%s cannot read it: use cert-set%s %s group=GROUP to "
		    "allow it",
		    put->name, cs_escape_quote(q, group),
		    cs_store_option(store), put->name);
	if (cs_newprops_endshold(put, old, &until))
		cs_warn(store, "%s: its new certificate ends the hold until %s",
		    put->name, certstore_time_format(until, when));
	if (put->signer[0] != '\0' && old->info.revoked == NULL &&
	    cs_info_find(&put->file[CS_PROPS], "revoked", &len) != NULL)
		cs_warn(store,
		    "%s: this certificate was revoked by its CA: replace it",
		    put->name);
	if (cs_newprops_setshold(put, old, when))
		cs_warn(store,
		    "%s: ACME does not replace this certificate before %s: use "
		    "cert-set%s %s hold= to end this",
		    put->name, when, cs_store_option(store), put->name);
}

/*
 * Under the lock: is the entry still what the caller decided upon?  Sets which
 * generation is written, which one it replaces, and which one is kept: the
 * newest earlier one with another certificate.
 */
static int
checkput(struct certstore *store, struct cs_put *put,
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(store, put->name);
	struct certstore_error flaw;
	struct certstore_entry old = { 0 };
	const char *fingerprint;
	size_t len = 0;
	int rv = -1;

	if (cs_entry_load(store, put->name, &old, err) == -1 &&
	    err->code != CERTSTORE_ENOENTRY &&
	    (err->code != CERTSTORE_EDAMAGED || old.gendir[0] == '\0'))
		goto out;
	if (cs_entry_unchanged(&old, put->name, &put->seen, err) == -1)
		goto out;
	if (cs_combined_check(store, put, err) == -1)
		goto out;
	if (cs_newprops_compose(store, put, old.gendir[0] == '\0' ? NULL : &old,
		&flaw) == -1) {
		*err = flaw;
		goto out;
	}
	if (cs_held_add(put, &old.info) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	warnprops(store, put, &old);
	put->before = cs_generation_number(old.gendir, put->name);
	snprintf(put->old, sizeof(put->old), "%s",
	    old.info.fingerprint == NULL ? "" : old.info.fingerprint);
	put->kept = put->before;
	if (old.info.group != NULL &&
	    !cs_props_isgroup(&put->file[CS_PROPS], old.info.group)) {
		put->closes[0] = put->before;
		put->closes[1] = old.info.kept;
	}
	fingerprint = cs_info_find(&put->file[CS_INFO], "fingerprint", &len);
	if (err->code == CERTSTORE_OK &&
	    (old.info.fingerprint == NULL ||
		(fingerprint != NULL && strlen(old.info.fingerprint) == len &&
		    memcmp(fingerprint, old.info.fingerprint, len) == 0)))
		put->kept = old.info.kept;
	if (cs_generation_free(&link, put->before + 1, &put->gen) == -1) {
		cs_fail_errno(err, "%s: certs/.%s@", put->name, put->name);
		goto out;
	}
	cs_error_clear(err);
	rv = 0;
out:
	cs_entry_done(&old);
	return rv;
}

/*
 * Does a directory in certs/ hold the generation that was written?  Its info is
 * read: of the rest a network file system may have a cache.
 */
static int
holdsput(const struct certstore *store, const char *dir,
    const struct cs_put *put, struct certstore_error *err)
{
	char path[CS_GENDIR + 16];
	struct cs_info info = { 0 };
	int rv = -1;

	snprintf(path, sizeof(path), "%s/info", dir);
	if (cs_file_record(store->certs, path, CS_RECORD_MAX, &info.text) ==
		-1 &&
	    errno != ENOENT && errno != ENOTDIR && errno != ESTALE) {
		cs_fail_errno(err, "%s: info", put->name);
		goto out;
	}
	/* parsing cuts the text into strings, as it did put->info.text */
	if (cs_info_parse(&info, err) == -1)
		goto out;
	if (info.text.len == put->info.text.len && info.text.len > 0 &&
	    memcmp(info.text.p, put->info.text.p, info.text.len) == 0)
		rv = 0;
	else
		cs_fence_lost(store, put->name, err);
out:
	cs_info_free(&info);
	return rv;
}

/*
 * Is what was written still there, and not taken back by a writer that has
 * another lock?  That one takes the intent first.
 */
static int
verifyput(struct certstore *store, const struct cs_put *put, int switched,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, put->name, put->gen);
	if (cs_fence_intent(store, put->name, dir, err) == -1)
		return -1;
	return holdsput(store, switched ? put->name : dir, put, err);
}

/*
 * A group that loses an entry cannot read its keys from here on, even if what
 * follows fails, as on a full disk.
 */
static int
closekeys(struct certstore *store, const struct cs_put *puts, size_t n,
    int bulk, struct certstore_error *err)
{
	unsigned long gen;
	size_t i, k;
	int closed = 0, rv;

	for (i = 0; i < n; i++)
		for (k = 0; k < 2 + puts[i].nheld; k++) {
			gen = k < 2 ? puts[i].closes[k] :
				      puts[i].held[k - 2].gen;
			if (puts[i].closes[0] == 0 || gen == 0)
				continue;
			rv = cs_mode_close(store, puts[i].name, gen, !bulk);
			if (rv == -1)
				return cs_fail_errno(err,
				    "%s: mode of its keys", puts[i].name);
			closed |= rv;
		}
	if (closed && bulk && syncfs(store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	return 0;
}

/*
 * Writes all files and links of index/, in any order: no link leads to them
 * yet.  Then one wait for the disk.
 */
static int
writeputs(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	int bulk = store->syncall ||
	    (n >= BULK && cs_file_hassyncfs(store->fd));
	struct cs_issued issued;
	struct cs_link link;
	size_t i;

	if (closekeys(store, puts, n, bulk, err) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		link = cs_resolve_link(store, puts[i].name);
		if (cs_generation_begin(&link, puts[i].gen, err) == -1)
			return -1;
	}
	for (i = 0; i < n; i++) {
		cs_progress(store, "writing", i, n);
		if (cs_put_write(store, &puts[i], !bulk, err) == -1)
			return -1;
		if (cs_x5u_add(store, &puts[i], !bulk, err) == -1)
			return -1;
		if (cs_issued_ofput(&issued, &puts[i]) &&
		    cs_issued_write(store, &issued,
			bulk ? NULL : puts[i].recorded, err) == -1)
			return -1;
		if (cs_index_add(store, &puts[i].info) == -1)
			return cs_fail_errno(err, "%s: index", puts[i].name);
		link = cs_resolve_link(store, puts[i].name);
		if (store->syncall && puts[i].before != 0 &&
		    cs_generation_prepare(&link, puts[i].gen) == -1)
			return cs_fail_errno(err, "%s", puts[i].name);
		if (!bulk && n >= BULK && cs_put_sync(&puts[i], err) == -1)
			return -1;
	}
	for (i = 0; i < n && !bulk; i++)
		cs_put_await(&puts[i]);
	for (i = 0; i < n && !bulk; i++)
		if (cs_put_sync(&puts[i], err) == -1)
			return -1;
	cs_progress(store, "waiting for the disk", 0, 0);
	if (bulk ? syncfs(store->fd) == -1 :
		   fsync(store->certs) == -1 || fsync(store->pending) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (bulk)
		cs_index_synced(store);
	if (cs_index_sync(store) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	return 0;
}

/* Removes from combined/, before the switch, what will not serve after it. */
static int
uncombine(struct certstore *store, const struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (puts[i].before == 0 ||
		    (puts[i].info.serves && !puts[i].info.weak))
			continue;
		if (verifyput(store, &puts[i], 0, err) == -1)
			return -1;
		if (cs_combined_update(store, puts[i].name, NULL) == -1)
			return cs_fail_errno(err, "%s: combined", puts[i].name);
	}
	if (cs_combined_sync(store) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	return 0;
}

/*
 * Takes back a generation whose link this writer did not switch, or that
 * another writer has by now: the link made aside, and, mine, its intent; then
 * the links in index/ that the entry as it is now does not call for.
 */
static void
withdrawlinks(const struct cs_link *link, const struct cs_put *put, int mine)
{
	struct certstore *store = link->store;
	struct certstore_entry entry = { 0 };
	struct certstore_error err;
	char dir[CS_GENDIR], now[CS_GENDIR + 8], tmp[CS_NAME_MAX + 16];

	cs_generation_dir(dir, put->name, put->gen);
	snprintf(tmp, sizeof(tmp), ".%s@link", put->name);
	if (!cs_generation_has(link, put->gen, "info") &&
	    cs_file_readlink(store->certs, tmp, now, sizeof(now)) != -1 &&
	    strcmp(now, dir) == 0)
		(void)cs_file_remove(store->certs, tmp);
	if (mine && cs_fence_intent(store, put->name, dir, &err) == 0)
		(void)cs_file_remove(store->pending, put->name);
	if (cs_entry_load(store, put->name, &entry, &err) == 0)
		(void)cs_index_drop(store, &put->info, &entry.info);
	else if (err.code == CERTSTORE_ENOENTRY)
		(void)cs_index_drop(store, &put->info, NULL);
	cs_entry_done(&entry);
}

/*
 * Takes back this writer's own generation when another writer is at work: no
 * link is left that leads to what that one removed, and no key that no link
 * leads to.
 */
static void
withdraw(struct certstore *store, const struct cs_put *put)
{
	struct cs_link link = cs_resolve_link(store, put->name);
	struct certstore_error ignored;
	char dir[CS_GENDIR], now[CS_GENDIR];
	unsigned long live;
	int mine, rv;

	rv = cs_generation_current(&link, now, &live);
	if (rv == -1 || rv == CS_LINK_DIRECTORY)
		return;
	if (live != put->gen) {
		if (put->info.text.len == 0)
			return;
		cs_generation_dir(dir, put->name, put->gen);
		mine = holdsput(store, dir, put, &ignored) == 0;
		if (!mine || cs_file_rmtree(store->certs, dir) == 0)
			withdrawlinks(&link, put, mine);
		return;
	}
	if (cs_generation_has(&link, put->gen, "info"))
		return;
	if (put->before != 0 && cs_generation_has(&link, put->before, "info")) {
		(void)cs_generation_lead(&link, put->before);
	} else {
		(void)cs_combined_update(store, put->name, NULL);
		(void)cs_file_remove(store->certs, put->name);
	}
}

static int
switchone(struct certstore *store, const struct cs_put *put,
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(store, put->name);

	if (verifyput(store, put, 0, err) == -1)
		return -1;
	if (cs_generation_switch(&link, put->before, put->gen) == 0)
		return 0;
	return errno == EEXIST ? cs_fence_lost(store, put->name, err) :
				 cs_fail_errno(err, "%s", put->name);
}

/*
 * From here on all entries are switched, by the next writer if need be: the
 * links of several cannot be renamed in one step.
 */
static int
beginswitch(struct certstore *store, size_t n, struct certstore_error *err)
{
	if (n < 2)
		return 0;
	if (cs_fence_verify(store, err) == -1)
		return -1;
	if (cs_file_newlink(store->pending, ".", CS_SWITCHED) == -1)
		return cs_fence_failintent(store, CS_SWITCHED, err);
	if (cs_store_sync(store, store->pending) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	return 0;
}

/* Switches all links; checks the lock every BULK entries. */
static int
switchall(struct certstore *store, const struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		cs_progress(store, "switching", i, n);
		if ((i % BULK == 0 && cs_fence_verify(store, err) == -1) ||
		    switchone(store, &puts[i], err) == -1)
			return -1;
	}
	if (cs_store_sync(store, store->certs) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	return 0;
}

/*
 * Takes back what was begun, as far as it is still this writer's; marked: it
 * has made the mark that all entries are switched.
 */
static void
abandon(struct certstore *store, const struct cs_put *puts, size_t n,
    int marked, const struct certstore_error *why)
{
	size_t i;

	store->tidy = 0;
	if (cs_recover_abandon(store, why))
		return;
	if (marked && cs_fence_isplace(store))
		(void)cs_file_remove(store->pending, CS_SWITCHED);
	for (i = 0; i < n && cs_fence_isplace(store); i++)
		if (puts[i].gen != 0)
			withdraw(store, &puts[i]);
}

static void
logput(struct certstore *store, const struct cs_put *put)
{
	const struct cs_logline change = { .name = put->name,
		.gen = put->gen,
		.reason = put->reason,
		.old = put->old,
		.new = put->info.fingerprint };

	cs_log_add(store, &change);
}

/*
 * Removes what the switch has replaced, and the intents.  Whether all of it is
 * still this writer's is asked once the switch is on disk, and before the
 * generation that was live is removed.
 */
static int
finishputs(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	struct cs_todo todo = { 0 };
	const char **names;
	size_t i;
	int rv = -1;

	if ((names = reallocarray(NULL, n + 1, sizeof(*names))) == NULL)
		return cs_fail_nomem(err);
	names[n] = CS_SWITCHED;
	for (i = 0; i < n; i++) {
		names[i] = puts[i].name;
		if (verifyput(store, &puts[i], 1, err) == -1)
			goto out;
		if (cs_combined_update(store, names[i], &puts[i].info) == -1) {
			cs_settle_fail(store, names[i], err);
			goto out;
		}
	}
	for (i = 0; i < n; i++)
		logput(store, &puts[i]);
	for (i = 0; i < n; i++) {
		cs_progress(store, "finishing", i, n);
		if (puts[i].before != 0 &&
		    verifyput(store, &puts[i], 1, err) == -1)
			goto out;
		if (cs_settle_finish(store, &puts[i].info, &todo) == -1) {
			cs_settle_fail(store, names[i], err);
			goto out;
		}
	}
	if (cs_fence_verify(store, err) == 0)
		rv = cs_settle_conclude(store, names, n > 1 ? n + 1 : n, &todo,
		    err);
out:
	free(names);
	cs_settle_done(&todo);
	return rv;
}

int
cs_write_entries(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	size_t i;
	int begun = 0, marked = 0, rv = -1;

	for (i = 0; i < n; i++)
		cs_put_begin(&puts[i]);
	if (cs_lock_take(store, err) == -1)
		return -1;
	cs_index_synced(store);
	for (i = 0; i < n; i++)
		if (checkput(store, &puts[i], err) == -1)
			goto out;
	begun = 1;
	if (writeputs(store, puts, n, err) == -1 ||
	    uncombine(store, puts, n, err) == -1 ||
	    beginswitch(store, n, err) == -1)
		goto out;
	marked = n > 1;
	if (switchall(store, puts, n, err) == -1)
		goto out;
	/* the next writer finishes what fails from here on */
	if ((rv = finishputs(store, puts, n, err)) == 0 ||
	    err->code != CERTSTORE_EBUSY)
		begun = 0;
	if (rv == -1)
		store->tidy = 0;
out:
	for (i = 0; i < n; i++) {
		cs_put_close(&puts[i]);
		if (begun && puts[i].closes[0] != 0)
			cs_warn(store,
			    "%s: its group can no longer read its keys, but "
			    "the change failed: repeat the command",
			    puts[i].name);
	}
	if (begun)
		abandon(store, puts, n, marked, err);
	cs_lock_release(store);
	return rv;
}

int
cs_write_check(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_entry old = { 0 };
	gid_t group;
	size_t i;
	int rv = 0;

	if (cs_lock_check(store, err) == -1)
		return -1;
	for (i = 0; i < n && rv != -1; i++) {
		if (store->certs != -1)
			(void)cs_entry_load(store, puts[i].name, &old,
			    &ignored);
		rv = cs_newprops_compose(store, &puts[i],
		    old.gendir[0] == '\0' ? NULL : &old, err);
		if (rv != -1 && old.gendir[0] != '\0')
			warnprops(store, &puts[i], &old);
		if (rv != -1)
			rv = cs_props_group(puts[i].name,
			    &puts[i].file[CS_PROPS], &group, err);
		if (rv != -1 && store->fd != -1)
			rv = cs_combined_check(store, &puts[i], err);
		cs_entry_done(&old);
		memset(&old, 0, sizeof(old));
	}
	return rv;
}
