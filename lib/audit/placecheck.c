/*
 * placecheck.c: what is one for the whole store: who can change its directories,
 * what no command made, what an interrupted writer left, the default entry, and
 * generations of entries that are not there.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"

#define AGED 120 /* seconds: an intent is not that of a living writer */

struct place {
	struct certstore_audit *audit;
	struct certstore_error *err;
	const char *dir; /* that is read, or "" */
	int fd;
	int locked; /* no writer works */
	size_t n;
};

/* The files of the store, and whether only the owner may see a directory. */
static const struct known {
	const char *name;
	int private;
} known[] = { { "certs", 0 }, { "combined", 0 }, { "index", 0 },
	{ "default", 0 }, { "trust", 0 }, { "trusts", 0 }, { "renewal", 0 },
	{ "acme", 1 }, { "x5u", 0 }, { "hooks", 0 }, { "deployed", 0 },
	{ "lost", 1 }, { "issued", 1 }, { "revoked", 0 }, { "crl", 0 },
	{ "profiles", 0 }, { ".pending", 0 }, { ".links", 0 }, { ".lock", 0 },
	{ "props", 0 }, { "log", 0 }, { "lost+found", 0 } };
#define NKNOWN (sizeof(known) / sizeof(known[0]))

static const struct known *
findknown(const char *file)
{
	size_t i;

	/* those that were rotated */
	if (strncmp(file, "log.", 4) == 0 || strncmp(file, "log-", 4) == 0)
		file = "log";
	for (i = 0; i < NKNOWN; i++)
		if (strcmp(known[i].name, file) == 0)
			return &known[i];
	return NULL;
}

/* A directory, whose files and directories nobody else may write. */
struct below {
	struct place *in;
	const char *path; /* in the store */
	int depth;	  /* of directories to look into */
	int open;	  /* all must be able to read them, once written */
	int found;	  /* one is enough */
};

static int lookbelow(struct place *, const char *, int, int);

/* May all read what they need of a trust set, a CRL, ...? */
static int
lookclosed(struct certstore_audit *audit, const char *path,
    const struct stat *st, struct certstore_error *err)
{
	int isdir = S_ISDIR(st->st_mode);
	mode_t want = isdir ? 0555 : 0444;

	if ((want & ~st->st_mode) == 0)
		return 0;
	return cs_finding_add(audit, CS_CODE_FILE_CLOSED, "@store", err,
	    "%s has mode %04o, and others than its owner need it: "
	    "chmod %s %s/%s",
	    path, (unsigned int)(st->st_mode & 07777), isdir ? "a+rx" : "a+r",
	    certstore_path(audit->store), path);
}

static int
lookbelowfile(void *arg, const char *file)
{
	struct below *below = arg;
	struct certstore_audit *audit = below->in->audit;
	size_t had = audit->nqueue;
	char path[PATH_MAX];
	struct stat st;

	if (below->found ||
	    cs_file_join(path, sizeof(path), below->path, file) == -1 ||
	    fstatat(audit->root, path, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    S_ISLNK(st.st_mode))
		return 0;
	if (cs_filecheck_public(audit, "@store", path, &st, below->in->err) ==
		-1 ||
	    (audit->nqueue == had && below->open && below->in->locked &&
		lookclosed(audit, path, &st, below->in->err) == -1))
		return -1;
	below->found = audit->nqueue != had;
	return !below->found && below->depth > 1 && S_ISDIR(st.st_mode) ?
	    lookbelow(below->in, path, below->depth - 1, below->open) :
	    0;
}

static int
lookbelow(struct place *in, const char *path, int depth, int open)
{
	struct below below = { in, path, depth, open, 0 };

	if (cs_file_each(in->audit->root, path, lookbelowfile, &below) == 0)
		return 0;
	if (in->err->code != CERTSTORE_OK)
		return -1;
	if (errno == EACCES)
		in->audit->unread = 1;
	return errno == ENOENT || errno == ENOTDIR || errno == EACCES ?
	    0 :
	    cs_fail_errno(in->err, "%s/%s", certstore_path(in->audit->store),
		path);
}

/* What can be forged if others can write there; entries are looked at by
 * themselves, and what is for the owner alone is closed at the top. */
static int
lookwritable(struct place *in)
{
	static const struct {
		const char *path;
		int depth; /* of a CA or key its directory only: many files */
		int open;
	} places[] = { { "trusts", 3, 1 }, { "crl", 2, 1 }, { "revoked", 1, 1 },
		{ "deployed", 2, 0 }, { "renewal", 1, 0 }, { "x5u", 1, 1 },
		{ "index", 1, 1 } };
	size_t i;
	int rv = 0;

	for (i = 0; i < sizeof(places) / sizeof(places[0]) && rv == 0; i++)
		rv = lookbelow(in, places[i].path, places[i].depth,
		    places[i].open);
	return rv;
}

/* A file of the store's own directory. */
static int
lookroot(void *arg, const char *file)
{
	struct place *in = arg;
	const struct known *k = findknown(file);
	char name[CS_NAME_MAX + 1];
	struct stat st;

	if (fstatat(in->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ?
		    0 :
		    cs_fail_errno(in->err, "%s/%s",
			certstore_path(in->audit->store), file);
	if (k == NULL && cs_generation_owner(file, name) == 1 &&
	    strcmp(name, "trust") == 0)
		return cs_filecheck_public(in->audit, "@store", file, &st,
			   in->err) == -1 ||
			(in->locked &&
			    lookclosed(in->audit, file, &st, in->err) == -1) ?
		    -1 :
		    lookbelow(in, file, 2, 1);
	/* of a writer at work, or one that was interrupted */
	if (k == NULL && file[0] == '.' &&
	    (strstr(file, "@link") != NULL || strstr(file, "@new") != NULL ||
		strcmp(file, ".index") == 0 || strcmp(file, ".default") == 0))
		return !in->locked ?
		    0 :
		    cs_finding_add(in->audit, CS_CODE_INTERRUPTED, "@store",
			in->err, "%s was left over: cert-check%s -r", file,
			cs_store_option(in->audit->store));
	if (k == NULL)
		return cs_finding_add(in->audit, CS_CODE_UNKNOWN_FILE, "@store",
		    in->err, "%s: no command made it: remove it", file);
	if (!S_ISDIR(st.st_mode) || strcmp(file, "lost+found") == 0)
		return strcmp(file, ".lock") == 0 || S_ISDIR(st.st_mode) ?
		    0 :
		    cs_filecheck_public(in->audit, "@store", file, &st,
			in->err);
	if (k->private && (st.st_mode & 077) != 0)
		return cs_finding_add(in->audit, CS_CODE_ACCOUNT_READABLE,
		    "@store", in->err,
		    "%s has mode %04o, not 0700: "
		    "cert-check%s -r",
		    file, (unsigned int)(st.st_mode & 07777),
		    cs_store_option(in->audit->store));
	return cs_filecheck_public(in->audit, "@store", file, &st, in->err);
}

/* A file of .pending/ while no writer works, or an old one. */
static int
lookpending(void *arg, const char *file)
{
	struct place *in = arg;
	struct stat st;

	if (fstatat(in->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    (!in->locked && st.st_ctim.tv_sec + AGED > certstore_time_now()))
		return 0;
	return cs_finding_add(in->audit, CS_CODE_INTERRUPTED, "@store", in->err,
	    ".pending/%s was left over by a writer: cert-check%s -r", file,
	    cs_store_option(in->audit->store));
}

static int
countlost(void *arg, const char *file)
{
	struct place *in = arg;

	if (file[0] != '.') {
		in->n++;
		return 0;
	}
	return !in->locked ?
	    0 :
	    cs_finding_add(in->audit, CS_CODE_INTERRUPTED, "@store", in->err,
		"lost/%s was left over by a repair: "
		"cert-check%s -r",
		file, cs_store_option(in->audit->store));
}

/* A hook, or the environment of one, which may hold passwords. */
static int
lookhook(void *arg, const char *file)
{
	struct place *in = arg;
	size_t len = strlen(file);
	char label[300];
	struct stat st;

	if (fstatat(in->fd, file, &st, 0) == -1)
		return 0;
	snprintf(label, sizeof(label), "hooks/%s", file);
	if (len > 4 && strcmp(file + len - 4, ".env") == 0 &&
	    (st.st_mode & 077) != 0)
		return cs_finding_add(in->audit, CS_CODE_ACCOUNT_READABLE,
		    "@store", in->err,
		    "%s has mode %04o, not 0600: chmod 600 %s/%s", label,
		    (unsigned int)(st.st_mode & 07777),
		    certstore_path(in->audit->store), label);
	if (st.st_uid == 0)
		st.st_uid = in->audit->owner;
	return cs_filecheck_public(in->audit, "@store", label, &st, in->err);
}

/* A profile: who can write it, then its name and lines. */
static int
lookprofile(void *arg, const char *file)
{
	struct place *in = arg;
	struct certstore_audit *audit = in->audit;
	struct certstore_error why;
	size_t had = audit->nqueue;
	char label[300];
	struct stat st;

	if (*file == '.' ||
	    fstatat(in->fd, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	snprintf(label, sizeof(label), "profiles/%s", file);
	if (st.st_uid == 0)
		st.st_uid = audit->owner;
	if (cs_filecheck_public(audit, "@store", label, &st, in->err) == -1)
		return -1;
	if (audit->nqueue != had)
		return 0;
	if (!cs_name_isvalid(file))
		return cs_finding_add(audit, CS_CODE_PROFILE_BAD, "@store",
		    in->err, "%s: not the name of a profile: remove it", label);
	if (cs_profileline_check(audit->store, file, &why) == 0)
		return 0;
	if (why.code == CERTSTORE_ESYSTEM && why.errnum == EACCES)
		return 0;
	if (why.code == CERTSTORE_ESYSTEM) {
		*in->err = why;
		return -1;
	}
	return cs_finding_add(audit, CS_CODE_PROFILE_BAD, "@store", in->err,
	    "%s", why.msg);
}

/* Chains for calls: the name is the hash of the file. */
static int
lookx5u(void *arg, const char *file)
{
	struct place *in = arg;
	char hex[CS_HASH_LEN], want[CS_HASH_LEN + 8];
	struct cs_buf b = { 0 };
	int rv = 0;

	if (file[0] == '.' && !in->locked)
		return 0;
	if (cs_file_read(in->fd, file, CS_RECORD_MAX, &b) == -1)
		snprintf(want, sizeof(want), "%s", "");
	else {
		cs_hash(hex, b.p, b.len);
		snprintf(want, sizeof(want), "%s.pem", hex);
	}
	if (strcmp(want, file) != 0)
		rv = cs_finding_add(in->audit, CS_CODE_X5U_DAMAGED, "@store",
		    in->err,
		    "x5u/%s: its name is not the SHA-256 of the file: rm "
		    "%s/x5u/%s",
		    file, certstore_path(in->audit->store), file);
	cs_buf_free(&b);
	return rv;
}

/* A file of crl/: NAME.pem and .der, .NAME, and ..NAME@N. */
static int
lookcrlfile(void *arg, const char *file)
{
	struct place *in = arg;
	char name[CS_NAME_MAX + 8];
	size_t len = strlen(file), dots = strspn(file, ".");
	const char *at = strchr(file, '@');

	if (at != NULL && strcmp(at, "@link") == 0)
		return !in->locked ?
		    0 :
		    cs_finding_add(in->audit, CS_CODE_INTERRUPTED, "@store",
			in->err, "crl/%s was left over: cert-check%s -r", file,
			cs_store_option(in->audit->store));
	if (dots == 0 && len > 4 &&
	    (strcmp(file + len - 4, ".pem") == 0 ||
		strcmp(file + len - 4, ".der") == 0))
		len -= 4;
	else if (dots == 2 && at != NULL)
		len = (size_t)(at - file);
	else if (dots != 1)
		len = 0;
	if (len > dots && len - dots < sizeof(name)) {
		memcpy(name, file + dots, len - dots);
		name[len - dots] = '\0';
		if (cs_name_isvalid(name))
			return 0;
	}
	return cs_finding_add(in->audit, CS_CODE_UNKNOWN_FILE, "@store",
	    in->err, "crl/%s: no command made it: remove it", file);
}

/* Calls fn for each file of a directory, if it is there and can be read. */
static int
eachplace(struct place *in, const char *dir, int (*fn)(void *, const char *))
{
	int rv;

	in->dir = dir;
	in->fd = cs_file_opendir(in->audit->root, dir);
	if (in->fd == -1) {
		if (errno == EACCES)
			in->audit->unread = 1;
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ?
		    0 :
		    cs_fail_errno(in->err, "%s/%s",
			certstore_path(in->audit->store), dir);
	}
	rv = cs_file_each(in->fd, ".", fn, in);
	if (rv == -1 && in->err->code == CERTSTORE_OK)
		cs_fail_errno(in->err, "%s/%s",
		    certstore_path(in->audit->store), dir);
	cs_file_close(&in->fd);
	return rv;
}

/* Locks out writers, if none works; read-only, as a confined process may.  -1:
 * that cannot be told. */
static int
takelock(const struct certstore_audit *audit)
{
	int fd;

	fd = openat(audit->root, ".lock",
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd != -1 &&
	    (flock(fd, LOCK_SH | LOCK_NB) == -1 ||
		cs_mount_lockserved(fd, 1) == -1))
		cs_file_close(&fd);
	return fd;
}

static int
lookdefault(struct certstore_audit *audit, struct certstore_error *err)
{
	char name[CS_NAME_MAX + 1];
	struct stat st;
	int rv;

	if (fstatat(audit->root, "default", &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 :
					 cs_fail_errno(err, "%s/default",
					     certstore_path(audit->store));
	if (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode))
		return cs_finding_add(audit, CS_CODE_DEFAULT_DANGLING, "@store",
		    err, "default is a file, not a link: rm %s/default",
		    certstore_path(audit->store));
	if ((rv = cs_resolve_default(audit->store, name)) == -1)
		return errno == EISDIR ?
		    cs_finding_add(audit, CS_CODE_LINK_FOLLOWED, "@store", err,
			"default is a directory, not a link: cert-check%s -r",
			cs_store_option(audit->store)) :
		    cs_fail_errno(err, "%s/default",
			certstore_path(audit->store));
	if (rv == 1 && faccessat(audit->certs, name, F_OK, 0) == 0)
		return 0;
	return cs_finding_add(audit, CS_CODE_DEFAULT_DANGLING, "@store", err,
	    "default leads to no entry: cert-set%s NAME default=yes",
	    cs_store_option(audit->store));
}

/* The settings in STORE/props. */
static int
looksettings(struct certstore_audit *audit, struct certstore_error *err)
{
	static const char *const sections[] = { "@store", "@new", "@trust" };
	struct certstore_error why;
	struct cs_buf text = { 0 };
	size_t i;
	int rv = 0;

	for (i = 0; i < 3 && rv == 0; i++) {
		cs_buf_reset(&text);
		if (cs_settings_read(audit->store, sections[i], &text, err) ==
		    -1)
			rv = -1;
		else if (cs_props_check(sections[i], &text, &why) == -1)
			rv = cs_finding_add(audit, CS_CODE_PROPS_BAD,
			    sections[i], err, "%s", why.msg);
		else
			rv = cs_entrycheck_ignore(audit, sections[i], &text,
			    err);
	}
	cs_buf_free(&text);
	return rv;
}

/* Can lines be added to the log? */
static int
looklog(struct certstore_audit *audit, struct certstore_error *err)
{
	struct stat st;

	if (audit->logerror == 0 || audit->logerror == EACCES)
		return 0;
	if (fstatat(audit->root, "log", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode))
		return cs_finding_add(audit, CS_CODE_UNKNOWN_FILE, "@store",
		    err,
		    "log is not a regular file, and no change has a line: "
		    "remove it");
	errno = audit->logerror;
	return cs_fail_errno(err, "%s/log", certstore_path(audit->store));
}

static int
lookstate(struct place *in)
{
	struct certstore_audit *audit = in->audit;
	struct certstore_error why;
	struct stat st;

	if (fstat(audit->root, &st) == -1)
		return cs_fail_errno(in->err, "%s",
		    certstore_path(audit->store));
	if (cs_filecheck_public(audit, "@store", ".", &st, in->err) == -1)
		return -1;
	if (geteuid() == audit->owner &&
	    cs_parents_check(audit->store, &why) == -1) {
		if (why.code != CERTSTORE_EUNSAFE)
			*in->err = why;
		if (why.code != CERTSTORE_EUNSAFE ||
		    cs_finding_add(audit, CS_CODE_STORE_UNSAFE, "@store",
			in->err, "%s", why.msg) == -1)
			return -1;
	}
	return 0;
}

int
cs_placecheck_store(struct certstore_audit *audit, struct certstore_error *err)
{
	struct place in = { .audit = audit, .err = err, .fd = -1 };
	int lock, rv = -1;

	lock = takelock(audit);
	in.locked = lock != -1;
	if (lookstate(&in) == -1 || eachplace(&in, ".", lookroot) == -1 ||
	    eachplace(&in, ".pending", lookpending) == -1 ||
	    eachplace(&in, "hooks", lookhook) == -1 ||
	    eachplace(&in, "profiles", lookprofile) == -1 ||
	    eachplace(&in, "x5u", lookx5u) == -1 ||
	    eachplace(&in, "crl", lookcrlfile) == -1 ||
	    lookwritable(&in) == -1 || lookdefault(audit, err) == -1 ||
	    looksettings(audit, err) == -1 || looklog(audit, err) == -1)
		goto out;
	in.n = 0;
	if ((rv = eachplace(&in, "lost", countlost)) == 0 && in.n > 0)
		rv = cs_finding_add(audit, CS_CODE_LOST, "@store", err,
		    "lost has %zu key%s: cert-import takes one out, rm removes "
		    "it",
		    in.n, in.n == 1 ? "" : "s");
out:
	cs_file_close(&lock);
	return rv;
}

/* Files in certs/ that are of no entry. */
int
cs_placecheck_certs(struct certstore_audit *audit, struct certstore_error *err)
{
	const char *file, *option = cs_store_option(audit->store);
	char name[CS_NAME_MAX + 1];
	struct stat st;
	size_t i;
	int rv = 0;

	for (i = 0; rv == 0 && i < audit->files.n; i++) {
		file = audit->files.v[i];
		if (cs_name_isvalid(file))
			continue;
		if (cs_generation_owner(file, name) == 1) {
			if (cs_strings_has(&audit->files, name) ||
			    cs_entrycheck_ispending(audit, name) ||
			    fstatat(audit->certs, name, &st,
				AT_SYMLINK_NOFOLLOW) == 0 ||
			    fstatat(audit->certs, file, &st,
				AT_SYMLINK_NOFOLLOW) == -1)
				continue;
			rv = cs_finding_add(audit, CS_CODE_GENERATION_ORPHAN,
			    name, err,
			    "certs/%s has no link: cert-check%s -r %s to make "
			    "it an entry again, cert-check%s -rf to move its "
			    "key away",
			    file, option, name, option);
			/* not by -r alone */
			if (rv == 0)
				audit->queue[audit->nqueue - 1].repairs = 0;
			continue;
		}
		if (strstr(file, "@link") != NULL ||
		    fstatat(audit->certs, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		rv = cs_finding_add(audit, CS_CODE_UNKNOWN_FILE, "@store", err,
		    "certs/%s: no command made it: remove it", file);
	}
	return rv;
}
