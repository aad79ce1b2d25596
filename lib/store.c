/*
 * store.c: the store as a place: where it is, whose it is, its lock, and which
 * directory a name stands for.  The only one that knows the names in it.
 */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define LOCK_SECONDS 60

const char *const cs_file_names[CS_NFILE] = { "fullchain.pem", "privkey.pem",
	"combined.pem", "ca.pem", "request.key", "request.csr", "info",
	"props" };

/*
 * Are index/ and the links to be believed?  1, 0, or -1: what can't be read is
 * not what isn't there.
 */
static int
isintact(const struct certstore *store)
{
	char text[16];

	if (store->index == -1)
		return 0;
	if (cs_file_readlink(store->fd, ".links", text, sizeof(text)) == -1)
		return errno == ENOENT || errno == EINVAL ? 0 : -1;
	return cs_index_isthere(store);
}

/* Gives the name of what can't be opened, and errno, or NULL. */
static const char *
opendirs(struct certstore *store)
{
	if ((store->certs = cs_file_opendir(store->fd, "certs")) == -1)
		return "/certs";
	store->index = cs_file_opendir(store->fd, "index");
	if (store->index == -1 && errno != ENOENT && errno != ENOTDIR)
		return "/index";
	return (store->intact = isintact(store)) == -1 ? "/index" : NULL;
}

/* The path as it was given, but absolute: it is printed and linked to. */
static char *
absolute(const char *path)
{
	char *cwd, *p = NULL;

	if (path[0] == '/')
		return strdup(path);
	while (strncmp(path, "./", 2) == 0)
		path += 1 + strspn(path + 1, "/");
	if ((cwd = getcwd(NULL, 0)) == NULL)
		return NULL;
	if (asprintf(&p, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path) == -1)
		p = NULL;
	free(cwd);
	return p;
}

static int
nostore(const struct certstore *store, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_ENOSTORE,
	    "%s: there is no store: name "
	    "another with -d or CERTSTORE, or make one with cert-create or "
	    "cert-import",
	    store->path);
}

struct certstore *
certstore_open(const char *path, int flags, struct certstore_error *err)
{
	struct certstore *store;
	const char *what = "";
	size_t len;

	cs_error_clear(err);
	if (path == NULL && (path = secure_getenv("CERTSTORE")) == NULL)
		path = CERTSTORE_DEFAULT_PATH;
	if (*path == '\0') {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "the path of the store is "
		    "empty: name one with -d or CERTSTORE");
		return NULL;
	}
	if ((store = calloc(1, sizeof(*store))) == NULL ||
	    (store->path = absolute(path)) == NULL) {
		cs_fail_nomem(err);
		free(store);
		return NULL;
	}
	for (len = strlen(store->path); len > 1 && store->path[len - 1] == '/';
	     len--)
		store->path[len - 1] = '\0';
	store->flags = flags;
	store->fd = store->certs = store->index = -1;
	store->combined = store->pending = store->lock = -1;
	store->fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd != -1 && (what = opendirs(store)) == NULL)
		return store;
	if (errno == ENOENT && (flags & CERTSTORE_CREATE) != 0)
		return store;
	if (errno == ENOENT)
		nostore(store, err);
	else
		cs_fail_errno(err, "%s%s", store->path, what);
	certstore_close(store);
	return NULL;
}

static void
closefd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
certstore_close(struct certstore *store)
{
	if (store == NULL)
		return;
	closefd(&store->fd);
	closefd(&store->certs);
	closefd(&store->index);
	closefd(&store->combined);
	closefd(&store->pending);
	closefd(&store->lock);
	cs_store_forget(store);
	cs_mend_forget(store);
	free(store->path);
	free(store);
}

const char *
certstore_path(const struct certstore *store)
{
	return store->path;
}

void
certstore_set_warn(struct certstore *store, void (*fn)(void *, const char *),
    void *arg)
{
	store->warn = fn;
	store->warnarg = arg;
}

void
cs_warn(const struct certstore *store, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	if (store == NULL || store->warn == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	store->warn(store->warnarg, msg);
}

/* ".NAME@12" of that name: 12, else 0. */
unsigned long
cs_store_generation(const char *text, const char *name)
{
	size_t len = strlen(name);
	unsigned long gen;
	char *end;

	if (text[0] != '.' || strncmp(text + 1, name, len) != 0 ||
	    text[len + 1] != '@' || !isdigit((unsigned char)text[len + 2]))
		return 0;
	errno = 0;
	gen = strtoul(text + len + 2, &end, 10);
	return errno == 0 && *end == '\0' ? gen : 0;
}

void
cs_store_gendir(char dir[CS_GENDIR], const char *name, unsigned long gen)
{
	snprintf(dir, CS_GENDIR, ".%s@%lu", name, gen);
}

int
cs_store_resolve(struct certstore *store, const char *name, char dir[CS_GENDIR],
    struct certstore_error *err)
{
	unsigned long gen;
	int rv;

	if (cs_name_check(name, err) == -1)
		return -1;
	if (store->certs != -1) {
		if (cs_file_readlink(store->certs, name, dir, CS_GENDIR) !=
		    -1) {
			if (cs_store_generation(dir, name) != 0)
				return 0;
			return cs_fail(err, CERTSTORE_EDAMAGED,
			    "%s: its link "
			    "certs/%s leads elsewhere: remove the link and "
			    "import the entry again",
			    name, name);
		}
		if (errno == EINVAL) {
			snprintf(dir, CS_GENDIR, "%s", name);
			return 0;
		}
		if (errno != ENOENT)
			return cs_fail_errno(err, "%s", name);
		rv = store->intact ? 0 : cs_mend_find(store, name, &gen);
		if (rv == -1)
			return cs_fail_errno(err, "%s", name);
		if (rv == 1) {
			cs_store_gendir(dir, name, gen);
			return 0;
		}
	}
	return cs_fail(err, CERTSTORE_ENOENTRY,
	    "%s: there is no such entry: "
	    "cert-list names those there are",
	    name);
}

/* The entry that a copied default, a real directory, is. */
static int
copieddefault(struct certstore *store, char *name, size_t size)
{
	struct cs_buf b = { 0 };
	const char *p;
	int rv = -1;

	if (cs_file_read(store->fd, "default/info", CS_RECORD_MAX, &b) == 0 &&
	    (p = strstr(b.p, "\nname ")) != NULL) {
		snprintf(name, size, "%.*s", (int)strcspn(p + 6, "\n"), p + 6);
		rv = 0;
	}
	cs_buf_free(&b);
	return rv;
}

const char *
cs_store_default(struct certstore *store)
{
	char text[CS_NAME_MAX + 16], copied[CS_NAME_MAX + 16];
	const char *name = NULL;

	if (store->defknown || store->fd == -1)
		return store->defname;
	store->defknown = 1;
	if (cs_file_readlink(store->fd, "default", text, sizeof(text)) != -1) {
		if (strncmp(text, "certs/", 6) == 0)
			name = text + 6;
	} else if (errno == EINVAL &&
	    copieddefault(store, copied, sizeof(copied)) == 0)
		name = copied;
	if (name != NULL && cs_name_isvalid(name))
		store->defname = strdup(name);
	return store->defname;
}

/* It may be another one by now. */
void
cs_store_forget(struct certstore *store)
{
	free(store->defname);
	store->defname = NULL;
	store->defknown = 0;
}

struct names {
	int lost; /* take generations without link too */
	char **v;
	size_t n;
	size_t size;
};

static int
takename(void *arg, const char *file)
{
	struct names *names = arg;
	char name[CS_NAME_MAX + 1];
	size_t len = strlen(file), size;
	const char *at;
	char **v;

	if (file[0] == '.') {
		if (!names->lost || (at = strrchr(file, '@')) == NULL ||
		    (size_t)(at - file) > CS_NAME_MAX + 1)
			return 0;
		len = (size_t)(at - file) - 1;
		memcpy(name, file + 1, len);
		name[len] = '\0';
		if (cs_store_generation(file, name) == 0)
			return 0;
		file = name;
	}
	if (!cs_name_isvalid(file))
		return 0;
	if (names->n == names->size) {
		size = names->size == 0 ? 64 : names->size * 2;
		if ((v = reallocarray(names->v, size, sizeof(*v))) == NULL)
			return -1;
		names->v = v;
		names->size = size;
	}
	if ((names->v[names->n] = strdup(file)) == NULL)
		return -1;
	names->n++;
	return 0;
}

static int
comparename(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
cs_store_names(struct certstore *store, char ***v, size_t *n,
    struct certstore_error *err)
{
	struct names names = { !store->intact, NULL, 0, 0 };
	size_t i, kept = 0;

	*v = NULL;
	*n = 0;
	if (store->certs == -1)
		return 0;
	if (cs_file_each(store->certs, ".", takename, &names) == -1) {
		cs_fail_errno(err, "%s/certs", store->path);
		cs_store_names_free(names.v, names.n);
		return -1;
	}
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), comparename);
	for (i = 0; i < names.n; i++) {
		if (kept > 0 && strcmp(names.v[kept - 1], names.v[i]) == 0)
			free(names.v[i]);
		else
			names.v[kept++] = names.v[i];
	}
	*v = names.v;
	*n = kept;
	return 0;
}

void
cs_store_names_free(char **v, size_t n)
{
	while (n > 0)
		free(v[--n]);
	free(v);
}

static int
ours(const struct certstore *store, int fd, const char *sub,
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_isours(fd)) == -1)
		return cs_fail_errno(err, "%s%s", store->path, sub);
	if (rv == 0)
		return cs_fail(err, CERTSTORE_EUNSAFE,
		    "%s%s: belongs to "
		    "another user or others can write it: run this as its "
		    "owner, or chown it and chmod go-w",
		    store->path, sub);
	return 0;
}

static int
isforeign(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, ".lock") != 0 && strcmp(name, "certs") != 0 &&
	    strcmp(name, "index") != 0 && strcmp(name, "combined") != 0 &&
	    strcmp(name, ".pending") != 0 && strcmp(name, ".links") != 0 &&
	    strcmp(name, ".index") != 0;
}

/* The directory of the store itself is durable in its parent. */
static int
syncparent(const struct certstore *store)
{
	int fd, rv;

	if ((fd = cs_file_opendir(store->fd, "..")) == -1)
		return errno == EACCES ? 0 : -1;
	rv = fsync(fd);
	close(fd);
	return rv;
}

static int
subdir(const struct certstore *store, const char *name, int *fd, int *made)
{
	if ((*fd = cs_file_opendir(store->fd, name)) != -1)
		return 0;
	if (errno != ENOENT)
		return -1;
	*made = 1;
	return cs_file_mkdir(store->fd, name, fd);
}

/* What was opened for reading may have been replaced by another writer. */
static const char *
reopen(struct certstore *store)
{
	struct certstore now = *store;
	const char *what;

	now.certs = now.index = -1;
	if ((what = opendirs(&now)) == NULL) {
		closefd(&store->certs);
		closefd(&store->index);
		*store = now;
	} else {
		closefd(&now.certs);
		closefd(&now.index);
	}
	return what;
}

/* What a store has, made where it is missing; then opened anew. */
static int
layout(struct certstore *store, struct certstore_error *err)
{
	int certs = -1, fresh = 0, made = 0;
	const char *what;

	if (subdir(store, ".pending", &store->pending, &made) == -1)
		return cs_fail_errno(err, "%s/.pending", store->path);
	if (subdir(store, "combined", &store->combined, &made) == -1)
		return cs_fail_errno(err, "%s/combined", store->path);
	if (subdir(store, "certs", &certs, &fresh) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	close(certs);
	if ((what = reopen(store)) != NULL)
		return cs_fail_errno(err, "%s%s", store->path, what);
	if (fresh)
		store->intact = 0;
	if (ours(store, store->certs, "/certs", err) == -1 ||
	    ours(store, store->pending, "/.pending", err) == -1 ||
	    ours(store, store->combined, "/combined", err) == -1 ||
	    (store->index != -1 &&
		ours(store, store->index, "/index", err) == -1))
		return -1;
	if (made && store->intact && fsync(store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (!store->intact && syncparent(store) == -1)
		return cs_fail_errno(err, "%s/..", store->path);
	return 0;
}

static int
refuseforeign(const struct certstore *store, struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_each(store->fd, ".", isforeign, NULL)) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if (rv == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is not a store and not "
	    "empty: name a new or an empty directory",
	    store->path);
}

/*
 * The writer's lock; what a killed writer left is finished and what a copy
 * broke is mended before it is given.  It nests.
 */
int
cs_store_lock(struct certstore *store, struct certstore_error *err)
{
	if (store->depth++ > 0)
		return 0;
	if ((store->flags & (CERTSTORE_WRITE | CERTSTORE_CREATE)) == 0) {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: the store was opened for reading", store->path);
		goto fail;
	}
	if (store->fd == -1 &&
	    cs_file_mkdir(AT_FDCWD, store->path, &store->fd) == -1) {
		cs_fail_errno(err, "%s", store->path);
		goto fail;
	}
	if (ours(store, store->fd, "", err) == -1 ||
	    (store->certs == -1 && refuseforeign(store, err) == -1))
		goto fail;
	store->lock = cs_file_lock(store->fd, ".lock", LOCK_SECONDS);
	if (store->lock == -1) {
		if (errno == EWOULDBLOCK)
			cs_fail(err, CERTSTORE_EBUSY,
			    "%s: another writer has "
			    "held the lock for %d s: see which with "
			    "fuser -v %s/.lock",
			    store->path, LOCK_SECONDS, store->path);
		else
			cs_fail_errno(err, "%s/.lock", store->path);
		goto fail;
	}
	cs_store_forget(store);
	cs_mend_forget(store);
	if (layout(store, err) == -1 ||
	    (!store->intact && cs_mend_index(store, err) == -1) ||
	    cs_recover_all(store, err) == -1 ||
	    (!store->intact && cs_mend_store(store, err) == -1))
		goto fail;
	return 0;
fail:
	cs_store_unlock(store);
	return -1;
}

void
cs_store_unlock(struct certstore *store)
{
	if (--store->depth > 0)
		return;
	closefd(&store->combined);
	closefd(&store->pending);
	closefd(&store->lock);
}
