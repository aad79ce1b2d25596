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

static int
opendirs(struct certstore *store)
{
	char text[16];

	if ((store->certs = cs_file_opendir(store->fd, "certs")) == -1)
		return -1;
	store->index = cs_file_opendir(store->fd, "index");
	store->intact = store->index != -1 &&
	    cs_file_readlink(store->fd, ".links", text, sizeof(text)) != -1;
	return 0;
}

/* The path as it was given, but absolute: it is printed and linked to. */
static char *
absolute(const char *path)
{
	char *cwd, *p = NULL;

	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (path[0] == '/')
		return strdup(path);
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
	if (store->fd != -1 && opendirs(store) == 0)
		return store;
	if (errno == ENOENT && (flags & CERTSTORE_CREATE) != 0)
		return store;
	if (errno == ENOENT)
		nostore(store, err);
	else
		cs_fail_errno(err, "%s", store->path);
	certstore_close(store);
	return NULL;
}

static void
closedirs(struct certstore *store)
{
	int *const fds[] = { &store->fd, &store->certs, &store->index,
		&store->combined, &store->pending, &store->lock };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] != -1)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

void
certstore_close(struct certstore *store)
{
	if (store == NULL)
		return;
	closedirs(store);
	free(store->defname);
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

struct highest {
	struct certstore *store;
	const char *name;
	unsigned long below;
	unsigned long gen;
};

static int
takehighest(void *arg, const char *dir)
{
	struct highest *h = arg;
	unsigned long gen;

	gen = cs_store_generation(dir, h->name);
	if (gen > h->gen && gen < h->below)
		h->gen = gen;
	return 0;
}

/*
 * The highest complete generation of a name whose link was lost: 1, 0 there is
 * none, -1.  Only where the links of the store can't be believed.
 */
int
cs_store_complete(struct certstore *store, const char *name, unsigned long *gen)
{
	struct highest h = { store, name, (unsigned long)-1, 0 };
	struct certstore_error err;
	struct cs_info info = { 0 };
	char dir[CS_GENDIR];
	int rv = 0;

	for (;;) {
		h.gen = 0;
		if (cs_file_each(store->certs, ".", takehighest, &h) == -1) {
			rv = -1;
			break;
		}
		if (h.gen == 0)
			break;
		cs_store_gendir(dir, name, h.gen);
		if (cs_info_load(store->certs, dir, name, &info, &err) == 0) {
			*gen = h.gen;
			rv = 1;
			break;
		}
		h.below = h.gen;
	}
	cs_info_free(&info);
	return rv;
}

int
cs_store_resolve(struct certstore *store, const char *name, char dir[CS_GENDIR],
    struct certstore_error *err)
{
	unsigned long gen;

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
		if (!store->intact &&
		    cs_store_complete(store, name, &gen) == 1) {
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
	    strcmp(name, ".pending") != 0 && strcmp(name, ".links") != 0;
}

/* The directory of the store itself, made durable in its parent. */
static int
makestore(struct certstore *store, struct certstore_error *err)
{
	char *parent, *slash;
	int fd;

	if (cs_file_mkdir(AT_FDCWD, store->path, &store->fd) == -1)
		return cs_fail_errno(err, "%s", store->path);
	if ((parent = strdup(store->path)) == NULL)
		return cs_fail_nomem(err);
	slash = strrchr(parent, '/');
	slash[slash == parent] = '\0';
	if ((fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1) {
		fsync(fd);
		close(fd);
	}
	free(parent);
	return 0;
}

/* What a store has, made where it is missing; then opened anew. */
static int
layout(struct certstore *store, struct certstore_error *err)
{
	int fresh;

	fresh = faccessat(store->fd, "certs", F_OK, AT_SYMLINK_NOFOLLOW) == -1;
	if (store->certs != -1)
		close(store->certs);
	if (store->index != -1)
		close(store->index);
	store->certs = store->index = -1;
	if (cs_file_mkdir(store->fd, ".pending", &store->pending) == -1 ||
	    cs_file_mkdir(store->fd, "combined", &store->combined) == -1 ||
	    (fresh &&
		(cs_file_mkdir(store->fd, "index", &store->index) == -1 ||
		    cs_index_make(store) == -1 ||
		    cs_file_link(store->fd, ".lock", ".links") == -1 ||
		    cs_file_mkdir(store->fd, "certs", NULL) == -1 ||
		    fsync(store->fd) == -1)))
		return cs_fail_errno(err, "%s", store->path);
	if (store->index != -1)
		close(store->index);
	if (opendirs(store) == -1)
		return cs_fail_errno(err, "%s/certs", store->path);
	if (ours(store, store->certs, "/certs", err) == -1 ||
	    ours(store, store->pending, "/.pending", err) == -1 ||
	    ours(store, store->combined, "/combined", err) == -1 ||
	    (store->index != -1 &&
		ours(store, store->index, "/index", err) == -1))
		return -1;
	return 0;
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
	if (store->fd == -1 && makestore(store, err) == -1)
		goto fail;
	if (ours(store, store->fd, "", err) == -1)
		goto fail;
	if (store->certs == -1 &&
	    cs_file_each(store->fd, ".", isforeign, NULL) != 0) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is not a store and not "
		    "empty: name a new or an empty directory",
		    store->path);
		goto fail;
	}
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
	if (layout(store, err) == -1 || cs_recover_all(store, err) == -1 ||
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
	int *const fds[] = { &store->combined, &store->pending, &store->lock };
	size_t i;

	if (--store->depth > 0)
		return;
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] != -1)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
