/*
 * mode.c: owner, group and mode of the files of a generation: keys are for the
 * owner alone, or for the group that props name.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>

#include "store/private.h"

static const mode_t modes[CS_NFILE] = { 0644, 0600, 0600, 0644, 0644, 0644,
	0600, 0644, 0644, 0644 };

/* The group of that name: 1, 0 there is none, -1 and errno. */
int
cs_mode_findgroup(const char *name, gid_t *gid)
{
	struct group gr, *found = NULL;
	struct cs_buf buf = { 0 };
	int errnum;

	do { /* a group with many members needs much room */
		errnum = ENOMEM;
		if (cs_buf_reserve(&buf, 2 * buf.size + 1024) == 0)
			errnum = getgrnam_r(name, &gr, buf.p, buf.size, &found);
	} while (errnum == ERANGE && buf.size < CS_RECORD_MAX);
	if (found != NULL)
		*gid = found->gr_gid;
	cs_buf_free(&buf);
	errno = errnum;
	return found != NULL ? 1 : errnum == 0 ? 0 : -1;
}

int
cs_mode_group(const char *entry, const char *name, gid_t *gid,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	int rv;

	*gid = (gid_t)-1;
	if (name == NULL || (rv = cs_mode_findgroup(name, gid)) == 1)
		return 0;
	if (rv == -1)
		return cs_fail_errno(err, "%s: group %s", entry,
		    cs_escape_quote(q, name));
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: there is no group %s, which its props or those of @new "
	    "name: create the group, or set another with cert-set",
	    entry, cs_escape_quote(q, name));
}

static int
issecret(enum cs_file file)
{
	return modes[file] == 0600;
}

/*
 * The mode of a file whose keys are for a group (-1: none).  No server reads
 * the key of a request before there is a certificate for it.
 */
mode_t
cs_mode_of(enum cs_file file, gid_t group)
{
	if (!issecret(file) || file == CS_REQUEST_KEY || group == (gid_t)-1)
		return modes[file];
	return 0640;
}

int
cs_mode_differ(const struct certstore_entry *entry, enum cs_file file,
    gid_t gid, char why[CS_PROPS_WHY], struct certstore_error *err)
{
	const char *name = cs_file_names[file];
	char path[CS_GENDIR + 16];
	struct stat st, store;
	mode_t want = cs_mode_of(file, gid) & 077;
	int rv;

	snprintf(path, sizeof(path), "%s/%s", entry->gendir, name);
	if (fstatat(entry->store->certs, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ?
		    0 :
		    cs_fail_errno(err, "%s: %s", entry->info.name, name);
	if (!S_ISREG(st.st_mode))
		return 0;
	if (fstat(entry->store->certs, &store) == -1)
		return cs_fail_errno(err, "%s/certs", entry->store->path);
	if (st.st_uid != store.st_uid) {
		snprintf(why, CS_PROPS_WHY, "%s belongs to another user", name);
		return 1;
	}
	if (!issecret(file)) {
		if ((st.st_mode & 022) == 0)
			return 0;
		snprintf(why, CS_PROPS_WHY, "%s can be written by others",
		    name);
		return 1;
	}
	if ((st.st_mode & 077) != want || (st.st_mode & 0400) == 0) {
		snprintf(why, CS_PROPS_WHY, "%s has mode %04o, not %04o", name,
		    (unsigned int)(st.st_mode & 07777),
		    (unsigned int)(0600 | want));
		return 1;
	}
	if (want == 0)
		return 0;
	if (st.st_gid != gid) {
		snprintf(why, CS_PROPS_WHY, "%s belongs to another group",
		    name);
		return 1;
	}
	if ((rv = cs_file_hasacl(entry->store->certs, path)) == -1)
		return cs_fail_errno(err, "%s: %s", entry->info.name, name);
	if (rv == 1)
		snprintf(why, CS_PROPS_WHY, "%s has an access control list",
		    name);
	return rv;
}

static int
statkey(const struct certstore *store, const char *name, unsigned long gen,
    enum cs_file file, char path[CS_GENDIR + 16], struct stat *st)
{
	char dir[CS_GENDIR];

	cs_generation_dir(dir, name, gen);
	snprintf(path, CS_GENDIR + 16, "%s/%s", dir, cs_file_names[file]);
	return fstatat(store->certs, path, st, AT_SYMLINK_NOFOLLOW);
}

/*
 * Lets nobody but the owner read the keys of a generation: 1, 0 that was so, -1
 * and errno.
 */
int
cs_mode_close(struct certstore *store, const char *name, unsigned long gen,
    int sync)
{
	char path[CS_GENDIR + 16];
	struct stat st;
	size_t i;
	int closed = 0;

	for (i = 0; i < CS_NFILE; i++) {
		if (!issecret((enum cs_file)i))
			continue;
		if (statkey(store, name, gen, (enum cs_file)i, path, &st) ==
		    -1) {
			if (errno == ENOENT)
				continue;
			return -1;
		}
		if (!S_ISREG(st.st_mode) || (st.st_mode & 077) == 0)
			continue;
		if (cs_file_restrict(store->certs, path, sync) == -1)
			return -1;
		closed = 1;
	}
	return closed;
}

static int
tightenone(struct certstore *store, const struct cs_info *info,
    unsigned long gen)
{
	char live[CS_GENDIR + 16], path[CS_GENDIR + 16];
	struct stat now, st;
	size_t i;
	int rv = 0;

	for (i = 0; i < CS_NFILE && gen != 0 && rv != -1; i++) {
		if (!issecret((enum cs_file)i))
			continue;
		if (statkey(store, info->name, gen, (enum cs_file)i, path,
			&st) == -1) {
			rv = errno == ENOENT ? 0 : -1;
			continue;
		}
		if (!S_ISREG(st.st_mode) || (st.st_mode & 077) == 0)
			continue;
		if (i != CS_REQUEST_KEY && (st.st_mode & 077) == 040 &&
		    statkey(store, info->name, info->gen, CS_PRIVKEY, live,
			&now) == 0 &&
		    (now.st_mode & 077) == 040 && now.st_gid == st.st_gid &&
		    (rv = cs_file_hasacl(store->certs, path)) == 0)
			continue;
		if (rv != -1)
			rv = cs_file_restrict(store->certs, path, 1);
	}
	return rv == -1 ? -1 : 0;
}

/*
 * A generation that is kept or held may have the same key as the live one:
 * nobody may read it there who may not, or no longer, read it in the live one.
 */
int
cs_mode_tighten(struct certstore *store, const struct cs_info *info)
{
	size_t i;
	int rv;

	rv = tightenone(store, info, info->kept);
	for (i = 0; i < info->nheld && rv == 0; i++)
		rv = tightenone(store, info, info->held[i].gen);
	return rv;
}

int
cs_mode_isopen(const struct certstore *store, const char *dir,
    enum cs_file file, gid_t gid)
{
	char path[CS_GENDIR + 16];
	struct stat st;

	if (!issecret(file))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", dir, cs_file_names[file]);
	if (fstatat(store->certs, path, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(st.st_mode) || (st.st_mode & 077) == 0)
		return 0;
	return file == CS_REQUEST_KEY || (st.st_mode & 077) != 040 ||
	    st.st_gid != gid || cs_file_hasacl(store->certs, path) != 0;
}
