/*
 * store.c: an open store: where it is, which directories of it are open, and
 * how it speaks to its caller.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

const char *const cs_file_names[CS_NFILE] = { "fullchain.pem", "privkey.pem",
	"combined.pem", "ca.pem", "cert.pem", "chain.pem", "request.key",
	"request.csr", "info", "props" };

const char *const cs_index_names[CS_NINDEX] = { "host", "spki", "ski",
	"subject", "spc", "tn", "tenant", CS_INDEX_NEXT, CS_INDEX_ENDS };

/* Is .links a link?  1, 0, -1 if that cannot be read. */
static int
haslinks(const struct certstore *store)
{
	char text[16];

	if (cs_file_readlink(store->fd, ".links", text, sizeof(text)) == -1)
		return errno == ENOENT || errno == EINVAL ? 0 : -1;
	return 1;
}

/*
 * Opens certs/ and index/: NULL, or the name of what cannot be opened, and
 * errno.
 */
static const char *
opendirs(struct certstore *store)
{
	if ((store->certs = cs_file_opendir(store->fd, "certs")) == -1)
		return "/certs";
	store->index = cs_file_opendir(store->fd, "index");
	if (store->index == -1 && errno != ENOENT && errno != ENOTDIR)
		return "/index";
	return (store->linked = haslinks(store)) == -1 ? "/.links" : NULL;
}

/* Are both descriptors of one directory?  -1 is of none. */
static int
issamedir(int a, int b)
{
	struct stat one, two;

	return a != -1 && b != -1 && fstat(a, &one) == 0 &&
	    fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
	    one.st_ino == two.st_ino;
}

/* Replaces the open directories by those that were opened now. */
static void
takedirs(struct certstore *store, const struct certstore *now)
{
	if (!issamedir(now->certs, store->certs))
		store->epoch++;
	cs_file_close(&store->certs);
	cs_file_close(&store->index);
	cs_file_close(&store->trusts);
	cs_file_close(&store->crls);
	store->certs = now->certs;
	store->index = now->index;
	store->linked = now->linked;
	store->compared = 0;
}

/* Opens certs/ and index/ again: another writer may have replaced them. */
const char *
cs_store_reopen(struct certstore *store)
{
	struct certstore now = { .fd = store->fd, .certs = -1, .index = -1 };
	const char *what;

	if ((what = opendirs(&now)) == NULL) {
		takedirs(store, &now);
	} else {
		cs_file_close(&now.certs);
		cs_file_close(&now.index);
	}
	return what;
}

int
cs_store_sync(const struct certstore *store, int fd)
{
	return store->syncall ? syncfs(fd) : fsync(fd);
}

int
cs_store_opendir(const struct certstore *store, const char *name, int make)
{
	int fd;

	fd = cs_file_opendir(store->fd, name);
	if (fd != -1 || errno != ENOENT || !make)
		return fd;
	if (cs_file_mkdir(store->fd, name, &fd) == 0 &&
	    cs_store_sync(store, store->fd) == -1)
		cs_file_close(&fd);
	return fd;
}

/* The path as it was given, made absolute: for messages and links. */
static char *
absolutepath(const char *path)
{
	char cwd[PATH_MAX], *p;

	if (path[0] == '/')
		return strdup(path);
	while (strncmp(path, "./", 2) == 0)
		path += 1 + strspn(path + 1, "/");
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return NULL;
	return asprintf(&p, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path) ==
		-1 ?
	    NULL :
	    p;
}

static int
nostore(const struct certstore *store, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_ENOSTORE,
	    "%s: there is no store: use -d or CERTSTORE for another, or "
	    "cert-create, cert-import or cert-trust to make one",
	    store->path);
}

/*
 * Opens what the path leads to now, and closes what is not there.  -1: errno,
 * and what could not be opened below the path.
 */
static int
opennow(struct certstore *store, const char **what)
{
	struct certstore now = { .certs = -1, .index = -1 };
	struct stat st = { 0 };
	int errnum, rv = -1;

	*what = "";
	now.fd = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (now.fd != -1 && fstat(now.fd, &st) == 0 &&
	    (*what = opendirs(&now)) == NULL)
		rv = 0;
	errnum = errno;
	if (rv == -1 && errnum != ENOENT) {
		cs_file_close(&now.fd);
		cs_file_close(&now.certs);
		cs_file_close(&now.index);
	} else {
		cs_file_close(&store->fd);
		store->fd = now.fd;
		takedirs(store, &now);
		cs_stamp_take(&store->at, &st);
	}
	errno = errnum;
	return rv;
}

/* Is the store's directory unchanged since it was opened? */
static int
isasbefore(const struct certstore *store)
{
	struct stat st;

	return store->certs != -1 && store->linked &&
	    stat(store->path, &st) == 0 && cs_stamp_holds(&store->at, &st);
}

/* By errno: 0 if the store is still to be created, else -1. */
static int
istomake(const struct certstore *store, const char *what,
    struct certstore_error *err)
{
	if (errno == ENOENT && (store->flags & CERTSTORE_OPEN_CREATE) != 0)
		return 0;
	if (errno == ENOTDIR && *what != '\0')
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s%s: is a link or a file: move the directory back, and "
		    "link to the whole store instead",
		    store->path, what);
	if (errno != ENOENT && (errno != ENOTDIR || *what != '\0'))
		return cs_fail_errno(err, "%s%s", store->path, what);
	if (*what != '\0')
		return nostore(store, err);
	if (cs_store_refuseplace(store, err) == -1)
		return -1;
	return nostore(store, err);
}

static int
isentryfile(void *arg, const char *file)
{
	(void)arg;
	return cs_name_isvalid(file) || strchr(file, '@') != NULL;
}

static int
istrustfile(void *arg, const char *file)
{
	(void)arg;
	return strncmp(file, "trust", 5) == 0 ||
	    strncmp(file, ".trust@", 7) == 0;
}

int
cs_store_iscopied(const struct certstore *store)
{
	int rv;

	if (store->certs == -1 || store->linked)
		return 0;
	rv = cs_file_each(store->certs, ".", isentryfile, NULL);
	return rv != 0 ? rv : cs_file_each(store->fd, ".", istrustfile, NULL);
}

void
cs_store_allowcopy(struct certstore *store)
{
	store->repairs = 1;
}

/* A copy without its links is for cert-check -r alone. */
int
cs_store_refusecopy(const struct certstore *store, struct certstore_error *err)
{
	int rv;

	if (store->repairs || (rv = cs_store_iscopied(store)) == 0)
		return 0;
	if (rv == -1)
		return cs_fail_errno(err, "%s", store->path);
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: was copied without its links: use cert-check -r%s to make "
	    "them again",
	    store->path, store->option);
}

/*
 * Makes an open store the same as one that is opened now.  certs/, index/,
 * default and .links are all in the store's own directory, so that usually its
 * stamp tells that nothing changed.
 */
int
cs_store_refresh(struct certstore *store, struct certstore_error *err)
{
	const char *what;

	store->compared = 0;
	if (store->depth > 0 || isasbefore(store))
		return 0;
	if (opennow(store, &what) == 0)
		return cs_store_refusecopy(store, err);
	return istomake(store, what, err);
}

static int
failparent(const struct certstore *store, const char *parent,
    struct certstore_error *err)
{
	char *word;

	if ((word = cs_escape_word(parent)) == NULL)
		return cs_fail_nomem(err);
	cs_fail(err, CERTSTORE_ENOSTORE,
	    "%s: the directory %s does not exist: mkdir -p %s", store->path,
	    parent, word);
	free(word);
	return -1;
}

int
cs_store_refuseplace(const struct certstore *store, struct certstore_error *err)
{
	char *parent, *slash;
	struct stat st;
	int isdir, rv = 0;

	/* another writer may have created it meanwhile */
	isdir = stat(store->path, &st) == 0 && S_ISDIR(st.st_mode);
	if (!isdir && lstat(store->path, &st) == 0 && !S_ISDIR(st.st_mode))
		return cs_fail(err, CERTSTORE_ENOSTORE,
		    S_ISLNK(st.st_mode) ?
			"%s: is a link to no directory: remove it, or make "
			"the directory" :
			"%s: is not a directory: use -d or CERTSTORE for "
			"another",
		    store->path);
	if (isdir || (store->flags & CERTSTORE_OPEN_CREATE) == 0)
		return 0;
	if ((parent = strdup(store->path)) == NULL)
		return cs_fail_nomem(err);
	if ((slash = strrchr(parent, '/')) != NULL && slash != parent) {
		*slash = '\0';
		if (stat(parent, &st) == -1 && errno == ENOENT)
			rv = failparent(store, parent, err);
		else if (stat(parent, &st) == 0 && !S_ISDIR(st.st_mode))
			rv = cs_fail(err, CERTSTORE_ENOSTORE,
			    "%s: %s is not a directory: use -d or CERTSTORE "
			    "for another",
			    store->path, parent);
	}
	free(parent);
	return rv;
}

/* Sets how a command in a message names the store. */
static int
setword(struct certstore *store, int named)
{
	if ((store->word = cs_escape_word(store->path)) == NULL ||
	    asprintf(&store->option, "%s%s", named ? " -d " : "",
		named ? store->word : "") == -1)
		return -1;
	return 0;
}

struct certstore *
certstore_open(const char *path, int flags, struct certstore_error *err)
{
	struct certstore *store;
	const char *what;
	size_t len;
	int named = path != NULL;

	cs_error_clear(err);
	if (cs_error_flags(flags, CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE,
		err) == -1)
		return NULL;
	if (!named &&
	    ((path = secure_getenv("CERTSTORE")) == NULL || *path == '\0'))
		path = CERTSTORE_DEFAULT_PATH;
	if (*path == '\0') {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "the path of the store is empty: use a path, or remove "
		    "-d");
		return NULL;
	}
	if ((store = calloc(1, sizeof(*store))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if ((store->path = absolutepath(path)) == NULL) {
		cs_fail_errno(err, "%s: the current directory", path);
		free(store);
		return NULL;
	}
	for (len = strlen(store->path); len > 1 && store->path[len - 1] == '/';
	     len--)
		store->path[len - 1] = '\0';
	store->flags = flags;
	store->fd = store->certs = store->index = -1;
	store->combined = store->pending = store->lock = -1;
	store->trusts = store->crls = store->log = store->loggives = -1;
	if (setword(store, named) == -1)
		cs_fail_nomem(err);
	else if (opennow(store, &what) == 0 || istomake(store, what, err) == 0)
		return store;
	certstore_close(store);
	return NULL;
}

void
certstore_close(struct certstore *store)
{
	if (store == NULL)
		return;
	cs_file_close(&store->fd);
	cs_file_close(&store->certs);
	cs_file_close(&store->index);
	cs_file_close(&store->combined);
	cs_file_close(&store->pending);
	cs_file_close(&store->trusts);
	cs_file_close(&store->crls);
	cs_file_close(&store->lock);
	cs_strings_free(&store->shared);
	cs_strings_free(&store->gens.dirs);
	cs_strings_free(&store->unlinked);
	free(store->path);
	free(store->word);
	free(store->option);
	free(store);
}

const char *
certstore_path(const struct certstore *store)
{
	return store->path;
}

const char *
cs_store_option(const struct certstore *store)
{
	return store->option;
}

int
cs_store_isthere(const struct certstore *store)
{
	return store->fd != -1;
}

void
certstore_set_warn(struct certstore *store, void (*fn)(void *, const char *),
    void *arg)
{
	store->warn = fn;
	store->warnarg = arg;
}

void
certstore_set_progress(struct certstore *store,
    void (*fn)(void *, const char *, size_t, size_t), void *arg)
{
	store->progress = fn;
	store->progressarg = arg;
}

void
certstore_set_log(struct certstore *store, const char *command,
    void (*fn)(void *, const char *), void *arg)
{
	store->command = command;
	store->logline = fn;
	store->loglinearg = arg;
}

void
cs_progress(const struct certstore *store, const char *what, size_t done,
    size_t total)
{
	if (store != NULL && store->progress != NULL)
		store->progress(store->progressarg, what, done, total);
}

void
cs_warn_lines(const struct certstore *store, const struct cs_buf *lines)
{
	const char *line = lines->p;
	size_t len;

	for (; line != NULL && *line != '\0';
	     line += len + (line[len] != '\0')) {
		len = strcspn(line, "\n");
		cs_warn(store, "%.*s", (int)len, line);
	}
}

void
cs_warn(const struct certstore *store, const char *fmt, ...)
{
	char msg[CS_MESSAGE_LEN];
	va_list ap;

	if (store == NULL || store->warn == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	cs_escape_message(msg);
	store->warn(store->warnarg, msg);
}
