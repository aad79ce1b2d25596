/*
 * x5u.c: x5u/HEX.pem, the chains that verifiers of calls fetch (RFC 8225
 * section 4.3).  HEX is the SHA-256 of the file, so that a URL never changes
 * its content: verifiers keep what they fetched for a day.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define DIRECTORY "x5u"
#define FILENAME (CS_HASH_LEN + sizeof(DIRECTORY "/.pem"))

/* What is wrong with the URL of the directory, or NULL. */
const char *
cs_x5u_flaw(const char *url)
{
	static const char scheme[] = "https://";
	const char *flaw = cs_pointer_urlflaw(url, scheme);

	if (flaw != NULL)
		return flaw;
	if (strchr(url, '?') != NULL)
		return "has a query";
	return url[strlen(url) - 1] != '/' ||
		strchr(url + strlen(scheme), '/') == NULL ?
	    "does not end with /" :
	    NULL;
}

/* Has it a chain to be fetched? */
static int
haschain(const struct cs_info *info)
{
	return info->x5u != NULL && strcmp(info->kind, "shaken") == 0 &&
	    info->haschain && info->filehash != NULL;
}

/* The URL of the chain for a PASSporT, malloc'ed, or NULL. */
char *
certstore_entry_url(const struct certstore_entry *entry)
{
	const struct cs_info *info = &entry->info;
	char *url;

	if (entry->store == NULL || !haschain(info) ||
	    cs_x5u_flaw(info->x5u) != NULL ||
	    asprintf(&url, "%s%s.pem", info->x5u, info->filehash) == -1)
		return NULL;
	return url;
}

/* Is the file there, with these bytes?  1, 0, -1. */
static int
isfile(int dir, const char *name, const struct cs_buf *want)
{
	struct cs_buf b = { 0 };
	int rv;

	rv = cs_file_read(dir, name, CS_RECORD_MAX, &b);
	if (rv == -1)
		rv = errno == ENOENT || errno == EFBIG ? 0 : -1;
	else
		rv = b.len == want->len && memcmp(b.p, want->p, b.len) == 0;
	cs_buf_free(&b);
	return rv;
}

/* A file takes its name with all its contents; a damaged one is replaced. */
static int
writechain(int dir, const char *name, const struct cs_buf *b, int sync)
{
	static const char tmp[] = ".new";
	int fd = -1, rv;

	if (cs_file_remove(dir, tmp) == -1 ||
	    cs_file_write(dir, tmp, b, 0644, (gid_t)-1, &fd) == -1)
		return -1;
	rv = sync && fsync(fd) == -1 ? -1 : 0;
	cs_file_close(&fd);
	if (rv == 0)
		rv = cs_file_rename(dir, tmp, name);
	return rv;
}

/*
 * Writes the chain of an entry before the switch: what has its URL can fetch
 * it.  Not sync: the caller syncs the whole file system.
 */
int
cs_x5u_add(struct certstore *store, const struct cs_put *put, int sync,
    struct certstore_error *err)
{
	const struct cs_buf *chain = &put->file[CS_FULLCHAIN];
	char name[FILENAME];
	int fd = -1, fresh, rv;

	if (!haschain(&put->info))
		return 0;
	fresh = faccessat(store->fd, DIRECTORY, F_OK, AT_SYMLINK_NOFOLLOW) ==
	    -1;
	if (cs_file_mkdir(store->fd, DIRECTORY, &fd) == -1)
		return cs_fail_errno(err, "%s/" DIRECTORY, store->path);
	if (cs_fence_ours(store, fd, "/" DIRECTORY, err) == -1) {
		close(fd);
		return -1;
	}
	snprintf(name, sizeof(name), "%s.pem", put->info.filehash);
	if ((rv = isfile(fd, name, chain)) == 0)
		rv = writechain(fd, name, chain, sync);
	if (rv != -1 && sync)
		rv = fsync(fd) == -1 || (fresh && fsync(store->fd) == -1) ? -1 :
									    0;
	close(fd);
	return rv == -1 ?
	    cs_fail_errno(err, "%s: " DIRECTORY "/%s", put->name, name) :
	    0;
}

/* Removes the chain of this hash: 0, or -1 and errno. */
int
cs_x5u_remove(struct certstore *store, const char *hash)
{
	char path[FILENAME];

	snprintf(path, sizeof(path), DIRECTORY "/%s.pem", hash);
	return cs_file_remove(store->fd, path);
}
