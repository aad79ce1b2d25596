/*
 * resolve.c: the names in certs/: which entries there are, which one is the
 * default, and which directory a name stands for.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "store/private.h"

/* Are two names one file, on a file system that ignores case? */
static int
isfolded(const struct certstore *store, const char *a, const char *b)
{
	struct stat x, y;

	return strcasecmp(a, b) == 0 &&
	    fstatat(store->certs, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(store->certs, b, &y, AT_SYMLINK_NOFOLLOW) == 0 &&
	    x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/*
 * A link that no writer made for this name is not followed, replaced or
 * removed: it may be the only one to another entry.
 */
static int
failforeign(const struct certstore *store, const char *name, const char *dir,
    struct certstore_error *err)
{
	char owner[CS_NAME_MAX + 1], q[CS_QUOTE_LEN];
	const char *p = store->word;

	if (cs_generation_owner(dir, owner) == 0)
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: its link leads to %s, which is not an entry: check "
		    "what that is, then rm %s/certs/%s",
		    name, cs_escape_quote(q, dir), p, name);
	if (isfolded(store, owner, name))
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: is the entry %s, since this file system ignores "
		    "case: use that name, or another one",
		    name, owner);
	if (faccessat(store->certs, owner, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: its link leads to the entry %s: rm %s/certs/%s", name,
		    owner, p, name);
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: its link is that of the entry %s: mv %s/certs/%s "
	    "%s/certs/%s",
	    name, owner, p, name, p, owner);
}

/*
 * Is it something in certs/ that is no copy of an entry: not a directory, or
 * one without any file of an entry?
 */
int
cs_resolve_isstray(const struct certstore *store, const char *name)
{
	char path[CS_GENDIR + 16];
	struct stat st;
	size_t i;

	if (fstatat(store->certs, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    S_ISLNK(st.st_mode))
		return 0;
	for (i = 0; i < CS_NFILE && S_ISDIR(st.st_mode); i++) {
		snprintf(path, sizeof(path), "%s/%s", name, cs_file_names[i]);
		if (faccessat(store->certs, path, F_OK, AT_SYMLINK_NOFOLLOW) ==
			0 ||
		    errno != ENOENT)
			return 0;
	}
	return 1;
}

static int
failstray(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: is not an entry, but something else in certs: mv -n "
	    "%s/certs/%s %s/%s.moved",
	    name, store->word, name, store->word, name);
}

/* A tool that follows links has put an entry back. */
static int
failcopied(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: was copied without its link: use cert-check -r%s %s", name,
	    store->option, name);
}

struct cs_link
cs_resolve_link(struct certstore *store, const char *name)
{
	struct cs_link link = { store, store->certs, name, name, &store->gens,
		NULL };

	return link;
}

int
cs_resolve_entry(struct certstore *store, const char *name, char dir[CS_GENDIR],
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(store, name);
	unsigned long gen;
	int rv;

	if (cs_name_check(name, err) == -1)
		return -1;
	if (store->certs != -1) {
		rv = cs_generation_current(&link, dir, &gen);
		if (rv == CS_LINK_GENERATION)
			return 0;
		if (rv == CS_LINK_FOREIGN)
			return failforeign(store, name, dir, err);
		if (rv == CS_LINK_DIRECTORY)
			return cs_resolve_isstray(store, name) ?
			    failstray(store, name, err) :
			    failcopied(store, name, err);
		if (rv == -1)
			return cs_fail_errno(err, "%s", name);
	}
	return cs_fail(err, CERTSTORE_ENOENTRY,
	    "%s: there is no such entry: use cert-list%s to see the entries",
	    name, store->option);
}

/* Does a path, relative to the store, lead to certs/? */
static int
iscerts(const struct certstore *store, const char *path)
{
	struct stat a, b;

	while (strncmp(path, "./", 2) == 0)
		path += 1 + strspn(path + 1, "/");
	if (strcmp(path, "certs") == 0)
		return 1;
	return store->certs != -1 && fstatat(store->fd, path, &a, 0) == 0 &&
	    fstat(store->certs, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

/* The NAME in ".../certs/NAME" or ".../certs/.NAME@N", if N is live: 1 or 0. */
static int
namedby(const struct certstore *store, char *text, char name[CS_NAME_MAX + 1])
{
	char now[CS_GENDIR], *base, *at;
	size_t len = strlen(text);

	while (len > 1 && text[len - 1] == '/')
		text[--len] = '\0';
	if ((base = strrchr(text, '/')) == NULL)
		return 0;
	*base++ = '\0';
	if (strlen(base) >= CS_GENDIR || !iscerts(store, text))
		return 0;
	if (base[0] == '.' && (at = strrchr(base, '@')) != NULL) {
		if ((size_t)(at - base) > CS_NAME_MAX + 1)
			return 0;
		snprintf(name, CS_NAME_MAX + 1, "%.*s", (int)(at - base) - 1,
		    base + 1);
		return cs_name_isvalid(name) && store->certs != -1 &&
		    cs_file_readlink(store->certs, name, now, sizeof(now)) !=
		    -1 &&
		    strcmp(now, base) == 0;
	}
	if (!cs_name_isvalid(base))
		return 0;
	snprintf(name, CS_NAME_MAX + 1, "%s", base);
	return 1;
}

/* The entry that default leads to by other links: 1, 0, -1. */
static int
leadsto(struct certstore *store, char name[CS_NAME_MAX + 1])
{
	struct cs_buf b = { 0 };
	struct stat is, def;
	const char *p;
	size_t len;
	int rv = 0;

	if (cs_file_read(store->fd, "default/info", CS_RECORD_MAX, &b) == -1) {
		cs_buf_free(&b);
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ?
		    0 :
		    -1;
	}
	if ((p = cs_info_find(&b, "name", &len)) != NULL) {
		snprintf(name, CS_NAME_MAX + 1, "%.*s", (int)len, p);
		rv = cs_name_isvalid(name);
	}
	cs_buf_free(&b);
	return rv && store->certs != -1 &&
	    fstatat(store->fd, "default", &def, 0) == 0 &&
	    fstatat(store->certs, name, &is, 0) == 0 &&
	    def.st_dev == is.st_dev && def.st_ino == is.st_ino;
}

/*
 * The entry that the link default leads to: 1, 0 there is none, -1 and errno.
 */
int
cs_resolve_default(struct certstore *store, char name[CS_NAME_MAX + 1])
{
	char text[PATH_MAX];

	if (store->fd == -1)
		return 0;
	if (cs_file_readlink(store->fd, "default", text, sizeof(text)) == -1) {
		if (errno == EINVAL)
			errno = EISDIR; /* as a copy makes it */
		return errno == ENOENT ? 0 : -1;
	}
	return namedby(store, text, name) ? 1 : leadsto(store, name);
}

/* The same for a message, and "" for none: 0 or -1. */
int
cs_resolve_defaultname(struct certstore *store, char name[CS_NAME_MAX + 1],
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_resolve_default(store, name)) == -1)
		return cs_fail_errno(err, "%s/default", store->path);
	if (rv == 0)
		*name = '\0';
	return 0;
}

static int
takeentryname(void *arg, const char *file)
{
	return cs_name_isvalid(file) ? cs_strings_add(arg, file) : 0;
}

int
cs_resolve_names(struct certstore *store, struct cs_strings *list,
    struct certstore_error *err)
{
	memset(list, 0, sizeof(*list));
	if (store->certs == -1)
		return 0;
	if (cs_file_each(store->certs, ".", takeentryname, list) == -1) {
		cs_fail_errno(err, "%s/certs", store->path);
		cs_strings_free(list);
		return -1;
	}
	cs_strings_sort(list);
	return 0;
}
