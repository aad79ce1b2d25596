/*
 * lost.c: lost/, the keys of generations that a repair removes.  lost/SPKI.pem
 * has the key and its certificates, as combined.pem, or the key and its
 * request; SPKI is the SHA-256 of the public key, or that of the file if it is
 * not known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define DIRECTORY "lost"

/* Is a private key the very file of an entry? */
static int
iskeyof(struct certstore *store, const char *name, const struct cs_buf *key)
{
	static const enum cs_file files[] = { CS_PRIVKEY, CS_REQUEST_KEY };
	char path[CS_NAME_MAX + 32];
	struct cs_buf b = { 0 };
	int i, same = 0;

	/* what cannot be read is not the same, and the key is kept */
	for (i = 0; i < 2 && !same; i++) {
		cs_buf_reset(&b);
		snprintf(path, sizeof(path), "%s/%s", name,
		    cs_file_names[files[i]]);
		same = cs_file_read(store->certs, path, CS_RECORD_MAX, &b) ==
			0 &&
		    b.len == key->len && memcmp(b.p, key->p, b.len) == 0;
	}
	cs_buf_free(&b);
	return same;
}

/*
 * Is a private key in an entry: in this one, or in one that index/ lists by the
 * hash of its public key?  A link there can be stale, and info of another key.
 * 1, 0, -1 and errno.
 */
static int
isinuse(struct certstore *store, const char *name, const char *spki,
    const struct cs_buf *key)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	rv = iskeyof(store, name, key);
	if (rv == 1 || spki == NULL || store->index == -1 || !store->linked)
		return rv;
	rv = cs_search_index(store, "spki", spki, &names);
	for (i = 0; i < names.n && rv == 0; i++)
		rv = iskeyof(store, names.v[i], key);
	cs_strings_free(&names);
	return rv;
}

/* Has a file of lost/ this key as its first part? */
static int
islost(int dir, const char *file, const struct cs_buf *key)
{
	struct cs_buf b = { 0 };
	int rv;

	rv = cs_file_read(dir, file, CS_RECORD_MAX, &b) == 0 &&
	    b.len >= key->len && memcmp(b.p, key->p, key->len) == 0;
	cs_buf_free(&b);
	return rv;
}

/*
 * Writes lost/NAME.pem unless it is there with this key, or HASH.pem if it has
 * another one, under another name first: one that is there is whole.  On disk
 * when it returns, also the name of one that an interrupted repair has made.
 */
static int
writelost(struct certstore *store, const char *name, const struct cs_buf *key,
    const struct cs_buf *b)
{
	char file[CS_HASH_LEN + 8], hex[CS_HASH_LEN];
	int dir = -1, rv = -1;

	snprintf(file, sizeof(file), "%s.pem", name);
	if (cs_file_mkprivate(store->fd, DIRECTORY, &dir) == -1)
		return -1;
	if (faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !islost(dir, file, key)) {
		cs_hash(hex, b->p, b->len);
		snprintf(file, sizeof(file), "%s.pem", hex);
	}
	if ((islost(dir, file, key) ||
		cs_file_replace(dir, file, b, 0600) == 0) &&
	    fsync(dir) == 0 && fsync(store->fd) == 0)
		rv = 0;
	cs_file_close(&dir);
	return rv;
}

/*
 * Keeps a key of a generation and what belongs to it: 1, 0 there is no such
 * key, or an entry has it, -1 and errno.
 */
static int
keeplostkey(struct cs_repair *r, const char *name, const char *dir,
    const char *spki, enum cs_file key, enum cs_file more)
{
	struct cs_buf all = { 0 }, b = { 0 }, rest = { 0 };
	char path[CS_GENDIR + 16], hex[CS_HASH_LEN];
	int rv = -1;

	snprintf(path, sizeof(path), "%s/%s", dir, cs_file_names[key]);
	if (cs_file_read(r->store->certs, path, CS_RECORD_MAX, &b) == -1) {
		rv = errno == ENOENT ? 0 : -1;
		goto out;
	}
	if (b.len == 0) {
		rv = 0;
		goto out;
	}
	if ((rv = isinuse(r->store, name, spki, &b)) != 0) {
		rv = rv == -1 ? -1 : 0;
		goto out;
	}
	if (spki == NULL) {
		cs_hash(hex, b.p, b.len);
		spki = hex;
	}
	rv = -1;
	snprintf(path, sizeof(path), "%s/%s", dir, cs_file_names[more]);
	if (cs_buf_add(&all, b.p, b.len) == -1 ||
	    (cs_file_read(r->store->certs, path, CS_RECORD_MAX, &rest) == 0 &&
		cs_buf_add(&all, rest.p, rest.len) == -1))
		goto out;
	if (cs_told_acting(r) && writelost(r->store, spki, &b, &all) == -1)
		goto out;
	rv = 1;
out:
	cs_buf_free(&all);
	cs_buf_free(&rest);
	cs_buf_free(&b);
	return rv;
}

/*
 * Removes a generation of an entry, and keeps its keys unless an entry has
 * them.  0, or -1.
 */
int
cs_lost_move(struct cs_repair *r, const char *name, const char *dir,
    struct certstore_error *err)
{
	struct cs_link link = cs_resolve_link(r->store, name);
	unsigned long gen = cs_generation_number(dir, name);
	struct certstore_error ignored;
	struct cs_info info = { 0 };
	int key, rv = -1, wait = 0;

	if (cs_info_load(r->store, dir, name, &info, &ignored) == -1 &&
	    (info.name == NULL || strcmp(info.name, name) != 0))
		cs_info_reset(&info);
	key = keeplostkey(r, name, dir, info.haskey ? info.spki : NULL,
	    CS_PRIVKEY, CS_FULLCHAIN);
	if (key != -1)
		wait = keeplostkey(r, name, dir, info.request, CS_REQUEST_KEY,
		    CS_REQUEST_CSR);
	if (key == -1 || wait == -1 ||
	    (cs_told_acts(r) && cs_generation_remove(&link, gen) == -1)) {
		cs_fail_errno(err, "%s: generation %lu", name, gen);
		goto out;
	}
	cs_told_add(r, name, "generation", 0, "generation %lu was not used%s",
	    gen, key + wait > 0 ? ", and its key is in lost" : "");
	rv = 0;
out:
	cs_info_free(&info);
	return rv;
}
