/*
 * put.c: one entry to be written: what goes into the files of its generation,
 * and how they get on disk.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

/* The file that CS_INFO describes. */
static enum cs_file
describedfile(const struct cs_put *put)
{
	return put->file[CS_FULLCHAIN].p != NULL ? CS_FULLCHAIN :
						   CS_REQUEST_CSR;
}

/*
 * Makes info: what put knows, the description that the caller gave, what props
 * say.  time is the mtime of the file that is described.
 */
int
cs_put_compose(struct cs_buf *b, const struct cs_put *put,
    const struct timespec *time, struct certstore_error *err)
{
	char hex[CS_HASH_LEN];
	const struct cs_buf *desc = &put->file[CS_INFO];
	enum cs_file which = describedfile(put);
	size_t i;
	int bad;

	cs_hash(hex, put->file[which].p, put->file[which].len);
	bad = cs_buf_printf(b, "certstore 1\nname %s\ngeneration %lu\n",
	    put->name, put->gen);
	if (put->before != 0)
		bad |= cs_buf_printf(b, "before %lu\n", put->before);
	if (put->kept != 0)
		bad |= cs_buf_printf(b, "kept %lu\n", put->kept);
	for (i = 0; i < put->nheld; i++)
		bad |= cs_buf_printf(b, "held %lu %lld\n", put->held[i].gen,
		    (long long)put->held[i].until);
	if (put->pair != 0)
		bad |= cs_buf_printf(b, "pair %lu\n", put->pair);
	bad |= cs_buf_printf(b, "file %s %zu %lld.%09ld %s\nhas%s%s%s%s%s\n",
	    cs_file_names[which], put->file[which].len, (long long)time->tv_sec,
	    time->tv_nsec, hex, put->file[CS_PRIVKEY].p != NULL ? " key" : "",
	    put->file[CS_FULLCHAIN].p != NULL ? " chain" : "",
	    put->file[CS_CA].p != NULL ? " ca" : "",
	    put->file[CS_FULLCHAIN].p != NULL ? " parts" : "",
	    put->file[CS_REQUEST_KEY].p != NULL ? " request" : "");
	bad |= cs_buf_add(b, desc->p, desc->len);
	bad |= cs_props_repeat(b, &put->file[CS_PROPS]);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

/* Adds size and time of a file to info, so that it need not be read to see that
 * it is as it was written. */
static int
addwritten(struct cs_put *put, int dir, enum cs_file which,
    struct certstore_error *err)
{
	const char *name = cs_file_names[which];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return cs_fail_errno(err, "%s: %s", put->name, name);
	return cs_buf_printf(&put->info.text, "%s%s %lld %lld.%09ld\n",
		   which == CS_PROPS ? "" : "keyfile ", name,
		   (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		   st.st_mtim.tv_nsec) == 0 ?
	    0 :
	    cs_fail_nomem(err);
}

static int
writeinfo(struct cs_put *put, int dir, int *fd, struct certstore_error *err)
{
	const char *from = cs_file_names[describedfile(put)];
	struct stat st;

	if (fstatat(dir, from, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return cs_fail_errno(err, "%s: %s", put->name, from);
	if (cs_put_compose(&put->info.text, put, &st.st_mtim, err) == -1)
		return -1;
	if (put->file[CS_PRIVKEY].p != NULL &&
	    (addwritten(put, dir, CS_PRIVKEY, err) == -1 ||
		(put->file[CS_FULLCHAIN].p != NULL &&
		    addwritten(put, dir, CS_COMBINED, err) == -1)))
		return -1;
	if (put->file[CS_PROPS].p != NULL &&
	    addwritten(put, dir, CS_PROPS, err) == -1)
		return -1;
	if (cs_file_write(dir, "info", &put->info.text,
		cs_mode_of(CS_INFO, (gid_t)-1), (gid_t)-1, fd) == -1)
		return cs_fail_errno(err, "%s: info", put->name);
	return cs_info_parse(&put->info, err);
}

/*
 * cert.pem and chain.pem are the two parts of fullchain.pem.  Servers that are
 * given a file of CAs do not start without one: if no issuer is known, ca.pem
 * holds the certificate itself.
 */
struct cs_buf
cs_put_contents(const struct cs_put *put, enum cs_file file)
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

/* combined.pem: the key, then the chain. */
static int
combinefiles(const struct cs_put *put, struct cs_buf *b)
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
failfile(const struct cs_put *put, int i, int given,
    struct certstore_error *err)
{
	if (given && errno == EPERM)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %s: you are not a member of the group in %s: use root "
		    "or another group",
		    put->name, cs_file_names[i],
		    put->before != 0 ? "its props" : "the props of @new");
	return cs_fail_errno(err, "%s: %s", put->name, cs_file_names[i]);
}

static int
writeputfile(struct cs_put *put, int i, gid_t group, int keep,
    struct certstore_error *err)
{
	struct cs_buf combined = { 0 };
	struct cs_buf b = cs_put_contents(put, (enum cs_file)i);
	mode_t mode = cs_mode_of((enum cs_file)i, group);
	int rv = 0;

	if (i == CS_COMBINED) {
		if (combinefiles(put, &combined) != 0) {
			cs_buf_free(&combined);
			return cs_fail_nomem(err);
		}
		b = combined;
	}
	if (b.p != NULL &&
	    cs_file_write(put->fd[CS_NFILE], cs_file_names[i], &b, mode,
		mode == 0640 ? group : (gid_t)-1,
		keep && b.len > 0 ? &put->fd[i] : NULL) == -1)
		rv = failfile(put, i, mode == 0640, err);
	cs_buf_free(&combined);
	return rv;
}

/* Nothing is open yet. */
void
cs_put_begin(struct cs_put *put)
{
	int i;

	for (i = 0; i <= CS_NFILE; i++)
		put->fd[i] = -1;
	for (i = 0; i < CS_NISSUED; i++)
		put->recorded[i] = -1;
}

/*
 * Writes all files of a generation.  keep: those with contents, and the
 * directory, are left open for cs_put_sync(); an empty file is on disk with its
 * directory.
 */
int
cs_put_write(struct certstore *store, struct cs_put *put, int keep,
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
		    cs_fence_lost(store, put->name, err) :
		    cs_fail_errno(err, "%s: certs/%s", put->name, name);
	for (i = 0; i < CS_NFILE; i++)
		if (i != CS_INFO &&
		    writeputfile(put, i, group, keep, err) == -1)
			return -1;
	if (writeinfo(put, put->fd[CS_NFILE], keep ? &put->fd[CS_INFO] : NULL,
		err) == -1)
		return -1;
	if (!keep)
		cs_file_close(&put->fd[CS_NFILE]);
	return 0;
}

/*
 * Waits until all contents are written, so that the first fsync(2) commits the
 * journal for all of these files and directories: ext4 adds the place of
 * contents to it when they arrive.
 */
void
cs_put_await(const struct cs_put *put)
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
syncput(const struct cs_put *put, int *fd, const char *what,
    struct certstore_error *err)
{
	if (*fd == -1)
		return 0;
	if (fsync(*fd) == -1)
		return cs_fail_errno(err, "%s: %s", put->name, what);
	cs_file_close(fd);
	return 0;
}

int
cs_put_sync(struct cs_put *put, struct certstore_error *err)
{
	int i;

	for (i = 0; i <= CS_NFILE; i++)
		if (syncput(put, &put->fd[i],
			i < CS_NFILE ? cs_file_names[i] : "directory",
			err) == -1)
			return -1;
	for (i = 0; i < CS_NISSUED; i++)
		if (syncput(put, &put->recorded[i], "issued", err) == -1)
			return -1;
	return 0;
}

void
cs_put_close(struct cs_put *put)
{
	int i;

	for (i = 0; i <= CS_NFILE; i++)
		cs_file_close(&put->fd[i]);
	for (i = 0; i < CS_NISSUED; i++)
		cs_file_close(&put->recorded[i]);
}

/* Does it have a key, and a certificate for TLS servers? */
int
cs_put_serves(const struct cs_put *put)
{
	size_t len;

	return put->file[CS_PRIVKEY].p != NULL &&
	    cs_info_find(&put->file[CS_INFO], "serves", &len) != NULL;
}

void
cs_put_free(struct cs_put *put)
{
	int i;

	for (i = 0; i < CS_NFILE; i++)
		cs_buf_free(&put->file[i]);
	free(put->held);
	put->held = NULL;
	put->nheld = 0;
	cs_info_free(&put->info);
}
