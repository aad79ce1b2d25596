/*
 * filecheck.c: the files of an entry, as far as their metadata tells: which are
 * there, whose they are, and who can read and write them.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"

int
cs_filecheck_public(struct certstore_audit *audit, const char *name,
    const char *path, const struct stat *st, struct certstore_error *err)
{
	const char *store = certstore_path(audit->store);
	const char *shown = strcmp(path, ".") == 0 ? "the store" : path;

	if (st->st_uid != audit->owner)
		return cs_finding_add(audit, CS_CODE_OWNER, name, err,
		    "%s belongs to uid %lu: chown -h %lu %s/%s", shown,
		    (unsigned long)st->st_uid, (unsigned long)audit->owner,
		    store, path);
	if ((st->st_mode & 022) != 0 && !S_ISLNK(st->st_mode))
		return cs_finding_add(audit, CS_CODE_WRITABLE, name, err,
		    "others can write %s: chmod go-w %s/%s", shown, store,
		    path);
	return 0;
}

/* A file of an entry that all may read, or its directory, if file is NULL. */
static int
lookopen(struct certstore_audit *audit, const char *file, const struct stat *st,
    mode_t want, struct certstore_error *err)
{
	const char *option = cs_store_option(audit->store);
	const char *name = audit->entry.info.name;
	char path[CS_GENDIR + NAME_MAX + 16];

	if (st->st_uid == audit->owner && (st->st_mode & 022) == 0 &&
	    (want & ~st->st_mode) == 0)
		return 0;
	if (file == NULL)
		snprintf(path, sizeof(path), "certs/%s", audit->entry.gendir);
	else
		snprintf(path, sizeof(path), "certs/%s/%s", name, file);
	if (st->st_uid != audit->owner)
		return cs_filecheck_public(audit, name, path, st, err);
	if ((st->st_mode & 022) != 0)
		return cs_finding_add(audit, CS_CODE_WRITABLE, name, err,
		    "others can write %s: cert-check%s -r %s", path, option,
		    name);
	return cs_finding_add(audit, CS_CODE_FILE_CLOSED, name, err,
	    "%s has mode %04o, and others than its owner need it: "
	    "cert-check%s -r %s",
	    path, (unsigned int)(st->st_mode & 07777), option, name);
}

/*
 * Who can read a file with a private key, in an open directory: its owner, and
 * this group, or -1.
 */
int
cs_filecheck_key(struct certstore_audit *audit, const char *name,
    const char *label, int dir, const char *file, const struct stat *st,
    gid_t gid, struct certstore_error *err)
{
	unsigned int mode = st->st_mode & 07777;
	mode_t want = gid == (gid_t)-1 ? 0 : 040;
	int kept = strchr(label, '/') != NULL; /* not in the live generation */

	if (st->st_uid != audit->owner)
		return cs_finding_add(audit, CS_CODE_OWNER, name, err,
		    "%s belongs to uid %lu: chown -h %lu %s/certs/%s%s%s",
		    label, (unsigned long)st->st_uid,
		    (unsigned long)audit->owner, certstore_path(audit->store),
		    kept ? "" : name, kept ? "" : "/", label);
	if ((st->st_mode & 077 & ~want) != 0)
		return cs_finding_add(audit, CS_CODE_KEY_READABLE, name, err,
		    "%s has mode %04o, not %04o: cert-check%s -r %s", label,
		    mode, (unsigned int)(0600 | want),
		    cs_store_option(audit->store), name);
	if ((st->st_mode & want) != 0 && st->st_gid != gid)
		return cs_finding_add(audit, CS_CODE_KEY_READABLE, name, err,
		    "%s belongs to another group: cert-check%s -r %s", label,
		    cs_store_option(audit->store), name);
	/* without rights for the group an access control list has none */
	if ((st->st_mode & 070) != 0 && cs_file_hasacl(dir, file) == 1)
		return cs_finding_add(audit, CS_CODE_KEY_READABLE, name, err,
		    "%s has an access control list: cert-check%s -r %s", label,
		    cs_store_option(audit->store), name);
	if (st->st_nlink > 1)
		return cs_finding_add(audit, CS_CODE_HARD_LINK, name, err,
		    "%s has %lu names: find / -xdev -inum %llu", label,
		    (unsigned long)st->st_nlink,
		    (unsigned long long)st->st_ino);
	if ((st->st_mode & 0400) == 0 || (want & ~st->st_mode) != 0)
		return cs_finding_add(audit, CS_CODE_KEY_CLOSED, name, err,
		    "%s has mode %04o, not %04o: cert-check%s -r %s", label,
		    mode, (unsigned int)(0600 | want),
		    cs_store_option(audit->store), name);
	return 0;
}

/* The group of the entry, or -1; looked up once for entries in a row. */
static int
findgid(struct certstore_audit *audit, gid_t *gid, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;

	*gid = (gid_t)-1;
	if (info->group == NULL)
		return 0;
	if (audit->group == NULL || strcmp(audit->group, info->group) != 0) {
		free(audit->group);
		if ((audit->group = strdup(info->group)) == NULL)
			return cs_fail_nomem(err);
		audit->gid = (gid_t)-1;
		if (cs_mode_findgroup(info->group, &audit->gid) == -1)
			return cs_fail_errno(err, "%s: group %s", info->name,
			    info->group);
	}
	*gid = audit->gid;
	if (*gid != (gid_t)-1)
		return 0;
	return cs_finding_add(audit, CS_CODE_GROUP_UNKNOWN, info->name, err,
	    "there is no group %s: create it, or cert-set%s %s group=",
	    info->group, cs_store_option(audit->store), info->name);
}

/* Is a file part of the entry, as info tells? */
static int
isexpected(const struct cs_info *info, enum cs_file file)
{
	switch (file) {
	case CS_FULLCHAIN:
		return info->haschain;
	case CS_PRIVKEY:
		return info->haskey;
	case CS_COMBINED:
		return info->haskey && info->haschain;
	case CS_CA:
		return info->hasca || info->hasparts;
	case CS_CERT:
	case CS_CHAIN:
		return info->hasparts;
	case CS_REQUEST_KEY:
	case CS_REQUEST_CSR:
		return info->hasrequest;
	case CS_INFO:
		return 1;
	case CS_PROPS:
	case CS_NFILE:
		break;
	}
	return 0;
}

/* Has a file the size and time that it had when it was written? */
int
cs_filecheck_isas(const struct cs_written *was, const struct stat *st)
{
	return was->size == st->st_size && was->sec == st->st_mtim.tv_sec &&
	    was->nsec == st->st_mtim.tv_nsec;
}

static int
ischanged(const struct cs_written *was, const struct stat *st)
{
	return was->size != 0 && !cs_filecheck_isas(was, st);
}

struct look {
	struct certstore_audit *audit;
	struct certstore_error *err;
	struct stat *seen; /* by file; st_mode is 0 of one not looked at yet */
	gid_t gid;
	unsigned int there; /* files, 1 << CS_PRIVKEY and so on */
	off_t size[CS_NFILE];
	int suspect; /* a key file was changed */
};

/* A file of the entry, or CS_NFILE for another one; its path, its metadata. */
static int
judgefile(struct look *in, int i, const char *file, const char *path,
    const struct stat *st)
{
	struct certstore_audit *audit = in->audit;
	const struct cs_info *info = &audit->entry.info;

	if (i == CS_NFILE || !S_ISREG(st->st_mode) ||
	    (i != CS_PROPS && !isexpected(info, (enum cs_file)i)))
		return cs_finding_add(audit, CS_CODE_UNKNOWN_FILE, info->name,
		    in->err,
		    i == CS_NFILE || !S_ISREG(st->st_mode) ?
			"certs/%s/%s: is not a file of the entry: remove it" :
			"certs/%s/%s: is not a file of the entry, as info "
			"has it: move it away, since a key may be in it",
		    info->name, file);
	in->there |= 1u << i;
	in->size[i] = st->st_size;
	if (cs_mode_of((enum cs_file)i, (gid_t)-1) == 0600) {
		in->suspect |= (i == CS_PRIVKEY &&
				   ischanged(&info->privkey, st)) ||
		    (i == CS_COMBINED && ischanged(&info->combined, st));
		return cs_filecheck_key(audit, info->name, file, audit->certs,
		    path, st, i == CS_REQUEST_KEY ? (gid_t)-1 : in->gid,
		    in->err);
	}
	/* props are people's, who may hide them */
	return lookopen(audit, file, st, i == CS_PROPS ? 0 : 0444, in->err);
}

/* Looks at a file, which is of the entry, or CS_NFILE.  -1 and errno. */
static int
statfile(struct look *in, int i, const char *file)
{
	char path[CS_GENDIR + NAME_MAX + 1];
	struct stat st = { 0 }, *seen = i == CS_NFILE ? &st : &in->seen[i];

	if (cs_file_join(path, sizeof(path), in->audit->entry.gendir, file) ==
	    -1)
		return -1;
	if (seen->st_mode == 0 &&
	    fstatat(in->audit->certs, path, seen, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	return judgefile(in, i, file, path, seen);
}

/* A file that is in the directory of the entry. */
static int
lookfile(void *arg, const char *file)
{
	struct look *in = arg;
	int i;

	for (i = 0; i < CS_NFILE; i++)
		if (strcmp(file, cs_file_names[i]) == 0)
			break;
	if (statfile(in, i, file) == 0)
		return 0;
	return in->err->code != CERTSTORE_OK ?
	    -1 :
	    cs_fail_errno(in->err, "%s: %s", in->audit->entry.info.name, file);
}

/* A file that is made of the others, unless a request could get lost by that. */
static int
misspart(struct look *in, const char *file)
{
	struct certstore_audit *audit = in->audit;
	const struct cs_info *info = &audit->entry.info;
	const char *store = certstore_path(audit->store);

	if (!info->hasrequest)
		return cs_finding_add(audit, CS_CODE_FILE_MISSING, info->name,
		    in->err, "%s is missing or empty: cert-check%s -r %s", file,
		    cs_store_option(audit->store), info->name);
	return cs_finding_add(audit, CS_CODE_FILE_MISSING, info->name, in->err,
	    "%s is missing or empty: cert-import%s -f -N %s "
	    "%s/certs/%s/privkey.pem %s/certs/%s/fullchain.pem",
	    file, cs_store_option(audit->store), info->name, store, info->name,
	    store, info->name);
}

/* What is not there, or has not the size of its parts. */
static int
looksizes(struct look *in)
{
	struct certstore_audit *audit = in->audit;
	const struct cs_info *info = &audit->entry.info;
	const off_t *size = in->size;
	int i;

	for (i = 0; i < CS_NFILE; i++)
		if (isexpected(info, (enum cs_file)i) &&
		    ((in->there & 1u << i) == 0 ||
			(size[i] == 0 && i != CS_CHAIN)))
			return misspart(in, cs_file_names[i]);
	if (info->props.size != 0 && (in->there & 1u << CS_PROPS) == 0)
		return cs_finding_add(audit, CS_CODE_FILE_MISSING, info->name,
		    in->err,
		    "props is missing, and the next change drops what it said: "
		    "restore it from a backup, or set it again by cert-set%s "
		    "%s",
		    cs_store_option(audit->store), info->name);
	if (isexpected(info, CS_COMBINED) &&
	    size[CS_COMBINED] != size[CS_PRIVKEY] + size[CS_FULLCHAIN])
		return cs_parsecheck_combined(audit, in->err);
	if (info->hasparts &&
	    size[CS_FULLCHAIN] != size[CS_CERT] + size[CS_CHAIN])
		return cs_finding_add(audit, CS_CODE_PARTS_DIFFER, info->name,
		    in->err,
		    "cert.pem and chain.pem are not fullchain.pem: "
		    "cert-import%s -f -N %s %s/certs/%s/combined.pem",
		    cs_store_option(audit->store), info->name,
		    certstore_path(audit->store), info->name);
	if (in->suspect && !audit->named)
		return cs_parsecheck_key(audit, in->err);
	return 0;
}

/*
 * A writer makes info last: has nothing been added to the directory since?  An
 * entry that was named is read in any case.
 */
static int
isuntouched(struct look *in, const struct stat *dir)
{
	const struct timespec *added = &dir->st_mtim;
	struct stat *info = &in->seen[CS_INFO];

	return !in->audit->named &&
	    cs_entry_stat(&in->audit->entry, CS_INFO, info) == 0 &&
	    (added->tv_sec < info->st_mtim.tv_sec ||
		(added->tv_sec == info->st_mtim.tv_sec &&
		    added->tv_nsec <= info->st_mtim.tv_nsec));
}

/* The files that info tells of, and props. */
static int
lookknown(struct look *in)
{
	int i, rv = 0;

	for (i = 0; i < CS_NFILE && rv == 0; i++)
		if (i == CS_PROPS ||
		    isexpected(&in->audit->entry.info, (enum cs_file)i))
			rv = lookfile(in, cs_file_names[i]);
	return rv;
}

/* The files of the entry that cs_entry_examine() loaded. */
int
cs_filecheck_entry(struct certstore_audit *audit, struct stat *seen,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	struct look in = { .audit = audit, .err = err, .seen = seen };
	const char *dir = audit->entry.gendir;
	struct stat st;
	int rv;

	if (fstatat(audit->certs, dir, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return cs_fail_errno(err, "%s", info->name);
	if (lookopen(audit, NULL, &st, 0555, err) == -1 ||
	    findgid(audit, &in.gid, err) == -1)
		return -1;
	rv = isuntouched(&in, &st) ?
	    lookknown(&in) :
	    cs_file_each(audit->certs, dir, lookfile, &in);
	if (rv == -1)
		return err->code != CERTSTORE_OK ?
		    -1 :
		    cs_fail_errno(err, "%s", info->name);
	return looksizes(&in);
}
