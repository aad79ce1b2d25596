/*
 * issuedkey.c: issued/SPKI/keys/KK/KEY, a link to the serial numbers of what a
 * CA has signed for one public key, the newest first.  So a request that was
 * signed before is found without reading all that the CA has signed.  Losing a
 * link does no harm.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/private.h"

#define KEYS "keys"
#define DIR_MAX (CS_HASH_LEN + 32)
#define SERIALS_MAX 1000 /* bytes; about 30 of them */

/* "issued/SPKI/keys/KK": the first two digits of the key. */
static void
composekeydir(char dir[DIR_MAX], const char *signer, const char *key)
{
	snprintf(dir, DIR_MAX, "issued/%s/" KEYS "/%.2s", signer, key);
}

/* The serial numbers, with commas between: 1, 0 there are none, -1 and errno. */
static int
readserials(const struct certstore *store, const char *signer, const char *key,
    char serials[SERIALS_MAX])
{
	char dir[DIR_MAX], path[DIR_MAX + CS_HASH_LEN];

	composekeydir(dir, signer, key);
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	if (cs_file_readlink(store->fd, path, serials, SERIALS_MAX) != -1)
		return 1;
	return errno == ENOENT || errno == ENOTDIR || errno == EINVAL ? 0 : -1;
}

static int
equallist(const struct cs_list *a, const struct cs_list *b)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n && strcmp(a->v[i], b->v[i]) == 0; i++)
		;
	return i == a->n && i == b->n;
}

/* Has one the names of the other, and is it of that kind?  Without any name the
 * subject counts. */
static int
samenames(const struct cs_info *a, const struct cs_info *b)
{
	size_t i;

	if (a->nsan != b->nsan || strcmp(a->kind, b->kind) != 0 ||
	    !equallist(&a->spcs, &b->spcs) || !equallist(&a->tns, &b->tns))
		return 0;
	for (i = 0; i < a->nsan; i++)
		if (!cs_names_have(b->san, b->nsan, a->san[i].type,
			a->san[i].value))
			return 0;
	return a->nsan + a->spcs.n + a->tns.n > 0 ||
	    strcmp(a->subject == NULL ? "" : a->subject,
		b->subject == NULL ? "" : b->subject) == 0;
}

/*
 * Has the CA signed a certificate with the key and the names of another one that
 * is valid now and not revoked?  1 and its serial number, 0, -1.
 */
int
cs_issuedkey_find(const struct certstore *store, const char *signer,
    const struct cs_info *like, char serial[CS_SERIAL_LEN],
    struct certstore_error *err)
{
	struct certstore_entry old = { 0 };
	struct cs_revocation revoked;
	char own[CS_SERIAL_LEN], serials[SERIALS_MAX], *next, *one;
	int rv;

	if ((rv = readserials(store, signer, like->spki, serials)) == -1)
		return cs_fail_errno(err, "%s/issued/%s/" KEYS, store->path,
		    signer);
	if (rv == 0)
		return 0;
	for (rv = 0, next = serials;
	     rv == 0 && (one = strsep(&next, ",")) != NULL;) {
		if (cs_issued_serial(own, one) == -1)
			continue;
		rv = cs_issued_read(store, signer, own, &old, err);
		if (rv == 1 &&
		    (!samenames(&old.info, like) ||
			!cs_info_isvalid(&old.info, certstore_time_now())))
			rv = 0;
		if (rv == 1 &&
		    cs_revoked_find(store, signer, own, &revoked) == 1)
			rv = 0;
		if (rv == 1)
			memcpy(serial, own, sizeof(own));
	}
	cs_entry_done(&old);
	return rv;
}

/* Opens "issued/SPKI/keys/KK"; what is above keys is there. */
static int
openkeydir(const struct certstore *store, const char *signer, const char *key,
    int *fd)
{
	char dir[DIR_MAX], *slash;

	composekeydir(dir, signer, key);
	if ((*fd = cs_file_opendir(store->fd, dir)) != -1)
		return 0;
	slash = strrchr(dir, '/');
	*slash = '\0';
	if (cs_file_mkprivate(store->fd, dir, NULL) == -1)
		return -1;
	*slash = '/';
	return cs_file_mkprivate(store->fd, dir, fd);
}

/* Notes the serial number of a certificate that was recorded, by its key: 0, or
 * -1 and errno.  It is not on disk when it returns. */
int
cs_issuedkey_add(const struct certstore *store, const char *signer,
    const struct cs_info *info)
{
	char new[SERIALS_MAX], old[SERIALS_MAX], own[CS_SERIAL_LEN];
	int fd, rv;

	if (cs_issued_serial(own, info->serial) == -1) {
		errno = EINVAL;
		return -1;
	}
	if ((rv = readserials(store, signer, info->spki, old)) == -1)
		return -1;
	if ((size_t)snprintf(new, sizeof(new), "%s%s%s", own,
		rv == 1 ? "," : "", rv == 1 ? old : "") >= sizeof(new))
		*strrchr(new, ',') = '\0';
	if (openkeydir(store, signer, info->spki, &fd) == -1)
		return -1;
	rv = cs_file_link(fd, new, info->spki);
	cs_file_close(&fd);
	return rv;
}
