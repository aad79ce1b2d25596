/*
 * write.c: writes and removes entries.  Everything of a generation is on disk
 * before the link leads to it; one rename(2) of that link is the switch.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define BULK 16 /* entries from which one syncfs is cheaper */

static const mode_t modes[CS_NFILE] = { 0644, 0600, 0600, 0644, 0644, 0644,
	0600, 0644, 0644, 0644 };

/* A value of what will be info; malloc'ed. */
static char *
value(const struct cs_buf *b, const char *key)
{
	const char *line, *next;
	size_t len = strlen(key);

	for (line = b->p; line != NULL && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (strncmp(line, key, len) == 0)
			return strndup(line + len, (size_t)(next - line) - len);
		next += *next == '\n';
	}
	return NULL;
}

/* The first generation that is free, or 0. */
static unsigned long
freegen(struct certstore *store, const char *name, unsigned long from)
{
	char dir[CS_GENDIR];
	unsigned long gen;

	for (gen = from; gen != 0; gen++) {
		cs_generation_dir(dir, name, gen);
		if (faccessat(store->certs, dir, F_OK, AT_SYMLINK_NOFOLLOW) ==
		    -1)
			return errno == ENOENT ? gen : 0;
	}
	errno = EOVERFLOW;
	return 0;
}

/* What the entry is now, once its directory is a generation again. */
static int
loadwhole(struct certstore *store, const char *name,
    struct certstore_entry *entry, struct certstore_error *err)
{
	int rv;

	rv = cs_entry_load(store, name, entry, err);
	if (strcmp(entry->gendir, name) != 0)
		return rv;
	if (cs_repair_entry(store, name, err) == -1)
		return -1;
	return cs_entry_load(store, name, entry, err);
}

/* Is the entry still what the caller decided upon? */
static int
unchanged(const struct certstore_entry *now, const struct cs_put *put,
    struct certstore_error *err)
{
	struct cs_identity id;

	if (cs_entry_identify(now, &id, err) == -1)
		return -1;
	if (id.gen == put->seen.gen &&
	    memcmp(id.hash, put->seen.hash, sizeof(id.hash)) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_ECHANGED,
	    "%s: another writer changed the entry meanwhile: try again",
	    put->name);
}

int
cs_write_failcombined(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: combined/%s.pem is not its link, but something else: "
	    "mv -n %s/combined/%s.pem %s/%s.pem.moved",
	    name, name, store->word, name, store->word, name);
}

/* combined/ is for links of the entries only, and theirs alone. */
static int
checkcombined(const struct certstore *store, const struct cs_put *put,
    struct certstore_error *err)
{
	const char *p = put->file[CS_INFO].p;

	if (p == NULL || put->file[CS_PRIVKEY].p == NULL ||
	    (strncmp(p, "serves\n", 7) != 0 && strstr(p, "\nserves\n") == NULL))
		return 0;
	if (cs_recover_incombined(store, put->name) != -1)
		return 0;
	return errno == EEXIST ? cs_write_failcombined(store, put->name, err) :
				 cs_fail_errno(err, "%s: combined", put->name);
}

/*
 * Under the lock: is the entry still what the caller decided upon?  Which
 * generation is to be written, which one replaces it, which one is kept: the
 * newest earlier one whose certificate differs.
 */
static int
check(struct certstore *store, struct cs_put *put, struct certstore_error *err)
{
	struct certstore_entry old = { 0 };
	char *fingerprint = NULL;
	int rv = -1;

	if (loadwhole(store, put->name, &old, err) == -1 &&
	    err->code != CERTSTORE_ENOENTRY &&
	    (err->code != CERTSTORE_EDAMAGED || old.gendir[0] == '\0'))
		goto out;
	if (unchanged(&old, put, err) == -1)
		goto out;
	if (checkcombined(store, put, err) == -1)
		goto out;
	put->before = cs_generation_number(old.gendir, put->name);
	put->kept = put->before;
	fingerprint = value(&put->file[CS_INFO], "fingerprint ");
	if (err->code == CERTSTORE_OK &&
	    (old.info.fingerprint == NULL ||
		(fingerprint != NULL &&
		    strcmp(fingerprint, old.info.fingerprint) == 0)))
		put->kept = old.info.kept;
	put->gen = freegen(store, put->name, put->before + 1);
	if (put->gen == 0) {
		cs_fail_errno(err, "%s: certs/.%s@", put->name, put->name);
		goto out;
	}
	cs_error_clear(err);
	rv = 0;
out:
	free(fingerprint);
	cs_entry_done(&old);
	return rv;
}

/* There is none while nobody else writes: the lock has seen to that. */
static int
begin(struct certstore *store, struct cs_put *put, struct certstore_error *err)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, put->name, put->gen);
	if (cs_file_newlink(store->pending, dir, put->name) == 0)
		return 0;
	return cs_lock_failintent(store, put->name, err);
}

/*
 * Does a directory in certs/ hold the generation that was written?  By its
 * info, which is read: of the rest a network file system may tell what it
 * remembers.
 */
static int
holds(const struct certstore *store, const char *dir, const struct cs_put *put,
    struct certstore_error *err)
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
	/* parsing cuts a text: that cuts this one alike */
	if (cs_info_parse(&info, err) == -1)
		goto out;
	if (info.text.len == put->info.text.len && info.text.len > 0 &&
	    memcmp(info.text.p, put->info.text.p, info.text.len) == 0)
		rv = 0;
	else
		cs_lock_lost(store, put->name, err);
out:
	cs_info_free(&info);
	return rv;
}

/*
 * Is what was written still there, and not taken back by a writer that has
 * another lock?  Who takes something back first takes its intent.
 */
int
cs_write_verify(struct certstore *store, const struct cs_put *put, int switched,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, put->name, put->gen);
	if (cs_lock_intent(store, put->name, dir, err) == -1)
		return -1;
	return holds(store, switched ? put->name : dir, put, err);
}

static int
writeinfo(struct cs_put *put, int dir, int *fd, struct certstore_error *err)
{
	const char *from;
	struct stat st;

	from =
	    cs_file_names[put->file[CS_FULLCHAIN].p != NULL ? CS_FULLCHAIN :
							      CS_REQUEST_CSR];
	if (fstatat(dir, from, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return cs_fail_errno(err, "%s: %s", put->name, from);
	if (cs_info_compose(&put->info.text, put, st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec, err) == -1)
		return -1;
	if (cs_file_write(dir, "info", &put->info.text, modes[CS_INFO],
		(gid_t)-1, fd) == -1)
		return cs_fail_errno(err, "%s: info", put->name);
	return cs_info_parse(&put->info, err);
}

/*
 * The certificate and what follows it are the parts of fullchain.pem.  Servers
 * that take a file of CAs do not start without: where no issuer is known, the
 * certificate stands for it.
 */
struct cs_buf
cs_write_contents(const struct cs_put *put, enum cs_file file)
{
	struct cs_buf b = put->file[CS_FULLCHAIN];
	size_t leaf = put->leaf == 0 ? b.len : put->leaf;

	if ((file != CS_CERT && file != CS_CHAIN && file != CS_CA) ||
	    (file == CS_CA && put->file[CS_CA].p != NULL))
		return put->file[file];
	if (file == CS_CHAIN && b.p != NULL) {
		b.p += leaf;
		b.len -= leaf;
	} else
		b.len = leaf;
	return b;
}

/* The key, then the chain. */
static int
combine(const struct cs_put *put, struct cs_buf *b)
{
	const struct cs_buf *key = &put->file[CS_PRIVKEY];
	const struct cs_buf *chain = &put->file[CS_FULLCHAIN];

	if (key->p == NULL || chain->p == NULL)
		return 0;
	return cs_buf_reserve(b, key->len + chain->len) |
	    cs_buf_add(b, key->p, key->len) |
	    cs_buf_add(b, chain->p, chain->len);
}

static int
writefile(struct cs_put *put, int i, gid_t group, int keep,
    struct certstore_error *err)
{
	struct cs_buf combined = { 0 };
	struct cs_buf b = cs_write_contents(put, (enum cs_file)i);
	gid_t gid = (gid_t)-1;
	mode_t mode = modes[i];
	int rv = 0;

	if (i == CS_COMBINED) {
		if (combine(put, &combined) != 0) {
			cs_buf_free(&combined);
			return cs_fail_nomem(err);
		}
		b = combined;
	}
	/* no server reads a key before its certificate is there */
	if (mode == 0600 && i != CS_REQUEST_KEY && group != (gid_t)-1) {
		mode = 0640;
		gid = group;
	}
	if (b.p != NULL &&
	    cs_file_write(put->fd[CS_NFILE], cs_file_names[i], &b, mode, gid,
		keep && b.len > 0 ? &put->fd[i] : NULL) == -1)
		rv = cs_fail_errno(err, "%s: %s", put->name, cs_file_names[i]);
	cs_buf_free(&combined);
	return rv;
}

/*
 * All files of a generation; keep: leaves them open for what syncs them.  An
 * empty one is on disk with its directory, as a link is.
 */
static int
writefiles(struct certstore *store, struct cs_put *put, int keep,
    struct certstore_error *err)
{
	char name[CS_GENDIR];
	gid_t group;
	int i;

	if (cs_props_group(put->name, &put->file[CS_PROPS], &group, err) == -1)
		return -1;
	cs_generation_dir(name, put->name, put->gen);
	if (cs_file_newdir(store->certs, name, &put->fd[CS_NFILE]) == -1)
		return errno == EEXIST ?
		    cs_lock_lost(store, put->name, err) :
		    cs_fail_errno(err, "%s: certs/%s", put->name, name);
	for (i = 0; i < CS_NFILE; i++)
		if (i != CS_INFO && writefile(put, i, group, keep, err) == -1)
			return -1;
	if (writeinfo(put, put->fd[CS_NFILE], keep ? &put->fd[CS_INFO] : NULL,
		err) == -1)
		return -1;
	if (!keep) {
		close(put->fd[CS_NFILE]);
		put->fd[CS_NFILE] = -1;
	}
	return 0;
}

/*
 * Once all contents are out, the first fsync(2) commits what the journal has
 * of all files and directories: ext4 notes where contents went as they arrive.
 */
static void
awaitfiles(const struct cs_put *put)
{
	int i;

	for (i = 0; i < CS_NFILE; i++)
		if (put->fd[i] != -1)
			(void)sync_file_range(put->fd[i], 0, 0,
			    SYNC_FILE_RANGE_WAIT_BEFORE |
				SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
}

static int
syncfiles(struct cs_put *put, struct certstore_error *err)
{
	int i;

	for (i = 0; i <= CS_NFILE; i++) {
		if (put->fd[i] == -1)
			continue;
		if (fsync(put->fd[i]) == -1)
			return cs_fail_errno(err, "%s: %s", put->name,
			    i < CS_NFILE ? cs_file_names[i] : "directory");
		close(put->fd[i]);
		put->fd[i] = -1;
	}
	return 0;
}

/* Only what is on disk may take the place of a link that is. */
static int
prepare(struct certstore *store, const struct cs_put *put)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, put->name, put->gen);
	return cs_file_aside(store->certs, dir, put->name);
}

/*
 * Files and links of index/, in no order that matters: nothing leads to them
 * yet.  Then one wait for all of it.
 */
static int
writeall(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	int bulk = store->whole || (n >= BULK && cs_file_hassyncfs(store->fd));
	int fresh = store->fresh;
	size_t i;

	for (i = 0; i < n; i++)
		if (begin(store, &puts[i], err) == -1)
			return -1;
	/* without .links a part of an entry could pass for one that lost its
	 * link, but for the intent */
	if (fresh && cs_repair_conclude(store, err) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		cs_progress(store, "writing", i, n);
		if (writefiles(store, &puts[i], !bulk, err) == -1)
			return -1;
		if (cs_index_add(store, &puts[i].info) == -1)
			return cs_fail_errno(err, "%s: index", puts[i].name);
		if (store->whole && puts[i].before != 0 &&
		    prepare(store, &puts[i]) == -1)
			return cs_fail_errno(err, "%s", puts[i].name);
		if (!bulk && n >= BULK && syncfiles(&puts[i], err) == -1)
			return -1;
	}
	for (i = 0; i < n && !bulk; i++)
		awaitfiles(&puts[i]);
	for (i = 0; i < n && !bulk; i++)
		if (syncfiles(&puts[i], err) == -1)
			return -1;
	cs_progress(store, "waiting for the disk", 0, 0);
	if (bulk ? syncfs(store->fd) == -1 :
		   fsync(store->certs) == -1 || fsync(store->pending) == -1 ||
		    (fresh && fsync(store->fd) == -1))
		return cs_fail_errno(err, "%s", store->path);
	if (bulk)
		cs_index_synced(store);
	if (cs_index_sync(store) == -1)
		return cs_fail_errno(err, "%s/index", store->path);
	return 0;
}

/* combined/ loses what will not serve before the entry changes. */
static int
uncombine(struct certstore *store, const struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (puts[i].before == 0 ||
		    (puts[i].info.serves && !puts[i].info.weak))
			continue;
		if (cs_write_verify(store, &puts[i], 0, err) == -1)
			return -1;
		if (cs_recover_combined(store, puts[i].name, NULL) == -1)
			return cs_fail_errno(err, "%s: combined", puts[i].name);
	}
	if (cs_recover_sync(store) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	return 0;
}

/* A link that was not there is not made over another writer's. */
static int
switchone(struct certstore *store, const struct cs_put *put,
    struct certstore_error *err)
{
	char dir[CS_GENDIR];
	int rv;

	if (cs_write_verify(store, put, 0, err) == -1)
		return -1;
	cs_generation_dir(dir, put->name, put->gen);
	if (put->before != 0)
		rv = cs_file_link(store->certs, dir, put->name);
	else
		rv = cs_file_newlink(store->certs, dir, put->name);
	if (rv == 0)
		return 0;
	/* or another writer has cleared away the link that was to replace it */
	if (errno == EEXIST || errno == ENOENT)
		return cs_lock_lost(store, put->name, err);
	return cs_fail_errno(err, "%s", put->name);
}

static int
hasinfo(const struct certstore *store, const char *dir)
{
	char path[CS_GENDIR + 16];

	snprintf(path, sizeof(path), "%s/info", dir);
	return faccessat(store->certs, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT;
}

/*
 * To a generation that is no more, or that another writer has by now: the link
 * to come; mine: and the intent.  Then those in index/ that nobody else calls
 * for.
 */
static void
withdrawlinks(struct certstore *store, const struct cs_put *put,
    const char *dir, int mine)
{
	struct certstore_entry entry = { 0 };
	struct certstore_error err;
	char now[CS_GENDIR + 8], tmp[CS_NAME_MAX + 16];

	snprintf(tmp, sizeof(tmp), ".%s@link", put->name);
	if (!hasinfo(store, dir) &&
	    cs_file_readlink(store->certs, tmp, now, sizeof(now)) != -1 &&
	    strcmp(now, dir) == 0)
		(void)cs_file_remove(store->certs, tmp);
	if (mine &&
	    cs_file_readlink(store->pending, put->name, now, sizeof(now)) !=
		-1 &&
	    strcmp(now, dir) == 0)
		(void)cs_file_remove(store->pending, put->name);
	if (cs_entry_load(store, put->name, &entry, &err) == 0)
		(void)cs_index_drop(store, &put->info, &entry.info);
	else if (err.code == CERTSTORE_ENOENTRY)
		(void)cs_index_drop(store, &put->info, NULL);
	cs_entry_done(&entry);
}

/*
 * Of this writer's own, once another one is at work: no link is to dangle
 * because that one took what it leads to, and no key to be left that nothing
 * leads to.
 */
static void
withdraw(struct certstore *store, const struct cs_put *put)
{
	struct certstore_error ignored;
	char before[CS_GENDIR], dir[CS_GENDIR], now[CS_GENDIR];
	int mine;

	cs_generation_dir(dir, put->name, put->gen);
	if (cs_file_readlink(store->certs, put->name, now, sizeof(now)) == -1) {
		if (errno != ENOENT)
			return;
		now[0] = '\0';
	}
	if (strcmp(now, dir) != 0) {
		if (put->info.text.len == 0)
			return;
		mine = holds(store, dir, put, &ignored) == 0;
		if (!mine || cs_file_rmtree(store->certs, dir) == 0)
			withdrawlinks(store, put, dir, mine);
		return;
	}
	if (hasinfo(store, dir))
		return;
	cs_generation_dir(before, put->name, put->before);
	if (put->before != 0 && hasinfo(store, before)) {
		(void)cs_file_link(store->certs, before, put->name);
	} else {
		(void)cs_recover_combined(store, put->name, NULL);
		(void)cs_file_remove(store->certs, put->name);
	}
}

/* The lock is looked at as often as time may have passed. */
static int
switchall(struct certstore *store, const struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < n; i++) {
		cs_progress(store, "switching", i, n);
		if ((i % BULK == 0 && cs_lock_verify(store, err) == -1) ||
		    switchone(store, &puts[i], err) == -1)
			return -1;
	}
	if (cs_store_sync(store, store->certs) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	return 0;
}

/* Takes back what was begun, unless there is another writer's work, too. */
static void
abandon(struct certstore *store, const struct cs_put *puts, size_t n,
    const struct certstore_error *why)
{
	struct certstore_error ignored;
	size_t i;

	store->tidy = 0;
	if (why->code != CERTSTORE_EBUSY &&
	    cs_lock_verify(store, &ignored) == 0) {
		(void)cs_recover_all(store, &ignored);
		return;
	}
	for (i = 0; i < n && cs_lock_isplace(store); i++)
		if (puts[i].gen != 0)
			withdraw(store, &puts[i]);
}

int
cs_write_entries(struct certstore *store, struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	size_t i;
	int begun = 0, k, rv = -1;

	for (i = 0; i < n; i++)
		for (k = 0; k <= CS_NFILE; k++)
			puts[i].fd[k] = -1;
	if (cs_lock_take(store, err) == -1)
		return -1;
	cs_index_synced(store);
	for (i = 0; i < n; i++)
		if (check(store, &puts[i], err) == -1)
			goto out;
	begun = 1;
	if (writeall(store, puts, n, err) == -1 ||
	    uncombine(store, puts, n, err) == -1 ||
	    switchall(store, puts, n, err) == -1)
		goto out;
	/* what fails now is left to the next writer */
	if ((rv = cs_recover_put(store, puts, n, err)) == 0 ||
	    err->code != CERTSTORE_EBUSY)
		begun = 0;
	if (rv == -1)
		store->tidy = 0;
out:
	for (i = 0; i < n; i++)
		for (k = 0; k <= CS_NFILE; k++)
			if (puts[i].fd[k] != -1)
				close(puts[i].fd[k]);
	if (begun)
		abandon(store, puts, n, err);
	cs_lock_release(store);
	return rv;
}

int
cs_write_check(struct certstore *store, const struct cs_put *puts, size_t n,
    struct certstore_error *err)
{
	gid_t group;
	size_t i;

	if (cs_lock_check(store, err) == -1)
		return -1;
	for (i = 0; i < n; i++)
		if (cs_props_group(puts[i].name, &puts[i].file[CS_PROPS],
			&group, err) == -1 ||
		    (store->fd != -1 &&
			checkcombined(store, &puts[i], err) == -1))
			return -1;
	return 0;
}

void
cs_write_free(struct cs_put *put)
{
	int i;

	for (i = 0; i < CS_NFILE; i++)
		cs_buf_free(&put->file[i]);
	cs_info_free(&put->info);
}

/* The highest generation of an entry that has lost its link. */
static int
resolveorphan(struct certstore *store, const char *name, char dir[CS_GENDIR],
    struct certstore_error *err)
{
	unsigned long gen;

	if (err->code != CERTSTORE_ENOENTRY || store->tidy)
		return -1;
	if (cs_generation_highest(store, name, &gen) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	if (gen == 0)
		return -1;
	cs_generation_dir(dir, name, gen);
	cs_error_clear(err);
	return 0;
}

/*
 * The intent to remove an entry: 1, 0 it is to go already, -1.  Where there is
 * no room for it, as when all inodes are in use, the entry's own link will do:
 * it is moved there once combined/ has let go.
 */
static int
intend(struct certstore *store, struct cs_going *going,
    struct certstore_error *err)
{
	const char *name = going->name;
	char dir[CS_GENDIR];

	if (cs_store_resolve(store, name, dir, err) == -1 &&
	    resolveorphan(store, name, dir, err) == -1)
		return -1;
	if (strcmp(dir, name) == 0 &&
	    (cs_repair_entry(store, name, err) == -1 ||
		cs_store_resolve(store, name, dir, err) == -1))
		return -1;
	going->gen = cs_generation_number(dir, name);
	snprintf(going->file, sizeof(going->file), "%s", name);
	snprintf(going->intent, sizeof(going->intent), "%s/rm", dir);
	if (cs_file_newlink(store->pending, going->intent, name) == 0)
		return 1;
	if (errno == EEXIST)
		return 0;
	if (errno != ENOSPC && errno != EDQUOT)
		return cs_lock_failintent(store, name, err);
	if (cs_file_readlink(store->certs, name, dir, sizeof(dir)) == -1)
		return cs_fail_errno(err, "%s", name);
	memcpy(going->intent, dir, sizeof(dir));
	snprintf(going->file, sizeof(going->file), "%s" CS_MOVED, name);
	going->moves = 1;
	return 1;
}

/* Are the intents still this writer's?  gone: also those that were links. */
static int
checkgoing(const struct certstore *store, const struct cs_going *going,
    size_t n, int gone, struct certstore_error *err)
{
	size_t i;

	if (cs_lock_verify(store, err) == -1)
		return -1;
	for (i = 0; i < n; i++)
		if ((gone || !going[i].moves) &&
		    cs_lock_intent(store, going[i].file, going[i].intent,
			err) == -1)
			return -1;
	return 0;
}

/* Of removals that did not come to their links: they may be another's now. */
static void
dropintents(struct certstore *store, const struct cs_going *going, size_t n)
{
	struct certstore_error ignored;
	size_t i;

	for (i = 0; i < n; i++)
		if (!going[i].moves &&
		    cs_lock_intent(store, going[i].file, going[i].intent,
			&ignored) == 0)
			(void)cs_file_remove(store->pending, going[i].file);
}

/*
 * Another writer took that for a dead one's removal, and the entry stays: its
 * link, and that in combined/, as it is now.
 */
static void
relink(struct certstore *store, const struct cs_going *going, size_t n)
{
	struct certstore_entry now = { 0 };
	struct certstore_error ignored;
	char dir[CS_GENDIR];
	size_t i;

	for (i = 0; i < n; i++) {
		if (cs_lock_intent(store, going[i].file, going[i].intent,
			&ignored) == 0)
			continue;
		cs_generation_dir(dir, going[i].name, going[i].gen);
		if (hasinfo(store, dir))
			(void)cs_file_newlink(store->certs, dir, going[i].name);
		if (cs_entry_load(store, going[i].name, &now, &ignored) == 0)
			(void)cs_recover_combined(store, going[i].name,
			    &now.info);
	}
	cs_entry_done(&now);
}

static int
unlinkone(struct certstore *store, const struct cs_going *going,
    struct certstore_error *err)
{
	char from[CS_NAME_MAX + 8], to[CS_NAME_MAX + 24], now[CS_GENDIR];
	int rv;

	if (!going->moves &&
	    cs_lock_intent(store, going->file, going->intent, err) == -1)
		return -1;
	if (cs_file_readlink(store->certs, going->name, now, sizeof(now)) !=
		-1 &&
	    cs_generation_number(now, going->name) != going->gen)
		return cs_lock_lost(store, going->name, err);
	snprintf(from, sizeof(from), "certs/%s", going->name);
	snprintf(to, sizeof(to), ".pending/%s", going->file);
	rv = going->moves ? cs_file_rename(store->fd, from, to) :
			    cs_file_remove(store->fd, from);
	return rv == -1 ? cs_fail_errno(err, "%s", going->name) : 0;
}

/*
 * Each of these waits for the one before: without its intent on disk an entry
 * would be lost half-way, and combined/ must not lead to what is gone.
 */
static int
removelinks(struct certstore *store, const struct cs_going *going, size_t n,
    struct certstore_error *err)
{
	int moved = 0;
	size_t i;

	cs_progress(store, "waiting for the disk", 0, 0);
	if (cs_store_sync(store, store->pending) == -1)
		goto fail;
	if (checkgoing(store, going, n, 0, err) == -1) {
		dropintents(store, going, n);
		return -1;
	}
	for (i = 0; i < n; i++)
		if (cs_recover_combined(store, going[i].name, NULL) == -1)
			goto fail;
	if (cs_recover_sync(store) == -1)
		goto fail;
	cs_progress(store, "switching", 0, n);
	if (cs_lock_verify(store, err) == -1)
		goto lost;
	for (i = 0; i < n; i++) {
		moved |= going[i].moves;
		if (unlinkone(store, &going[i], err) == -1)
			goto lost;
	}
	if (fsync(store->certs) == -1 || (moved && fsync(store->pending) == -1))
		goto fail;
	cs_progress(store, "removing", 0, n);
	if (checkgoing(store, going, n, 1, err) == -1)
		goto lost;
	return 0;
lost:
	if (err->code == CERTSTORE_EBUSY)
		relink(store, going, n);
	return -1;
fail:
	return cs_fail_errno(err, "%s", going[0].name);
}

/*
 * Removes those of the names that have no error; loaded is the record of one
 * of them, or NULL.  Gives how many went.
 */
size_t
cs_write_removal(struct certstore *store, const char *const *names, size_t n,
    const struct cs_info *loaded, struct certstore_error *errs)
{
	struct certstore_error err;
	struct cs_going *going;
	size_t count = 0, i, ngoing = 0;
	int rv;

	if ((going = calloc(n + 1, sizeof(*going))) == NULL ||
	    cs_lock_take(store, &err) == -1) {
		if (going == NULL)
			cs_fail_nomem(&err);
		for (i = 0; i < n; i++)
			errs[i] = err;
		free(going);
		return 0;
	}
	for (i = 0; i < n; i++) {
		if (errs[i].code != CERTSTORE_OK)
			continue;
		going[ngoing].name = names[i];
		going[ngoing].err = &errs[i];
		rv = intend(store, &going[ngoing], &errs[i]);
		ngoing += rv == 1;
	}
	if (ngoing > 0 && removelinks(store, going, ngoing, &err) == -1) {
		for (i = 0; i < ngoing; i++)
			*going[i].err = err;
		abandon(store, NULL, 0, &err);
	} else if (ngoing > 0)
		cs_recover_removed(store, going, ngoing, loaded);
	cs_lock_release(store);
	for (i = 0; i < ngoing; i++)
		count += going[i].err->code == CERTSTORE_OK;
	free(going);
	return count;
}
