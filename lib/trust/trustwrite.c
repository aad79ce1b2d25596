/*
 * trustwrite.c: writes a trust set as a new generation, which one rename(2) of
 * its link makes the live one; certstore(5).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "trust/private.h"

/* A new generation while it is written. */
struct writing {
	const struct cs_setname *tn;
	struct cs_setgen gen;
	int fd;		 /* where files are written: of gen, or below it */
	const char *sub; /* "", CS_TRUST_HELPERS "/" or CS_TRUST_CRLS "/" */
	struct cs_buf bundle;
	struct links *links; /* open addressing, by hash */
	size_t nlinks;
	struct cs_setends first; /* what ends first */
};

/* How many anchors have a subject of that hash; n 0: a free slot. */
struct links {
	unsigned long hash;
	size_t n;
};

static int
newlinks(struct writing *w, size_t n)
{
	for (w->nlinks = 64; w->nlinks < 2 * n; w->nlinks *= 2)
		continue;
	w->links = calloc(w->nlinks, sizeof(*w->links));
	return w->links == NULL ? -1 : 0;
}

static size_t
countlink(struct writing *w, unsigned long hash)
{
	size_t i;

	for (i = hash & (w->nlinks - 1); w->links[i].n > 0;
	     i = (i + 1) & (w->nlinks - 1))
		if (w->links[i].hash == hash)
			break;
	w->links[i].hash = hash;
	return w->links[i].n++;
}

/* Syncs a file that was written, if its generation is not synced as a whole; rv
 * is what writing it returned. */
static int
finishfile(const struct writing *w, const char *name, int rv, int fd,
    struct certstore_error *err)
{
	if (rv == 0 && !w->gen.bulk) {
		rv = fsync(fd);
		close(fd);
	}
	return rv == 0 ?
	    0 :
	    cs_fail_errno(err, "%s/%s%s", w->tn->path, w->sub, name);
}

static int
writesetfile(struct writing *w, const char *name, const struct cs_buf *b,
    struct certstore_error *err)
{
	int fd = -1, rv;

	rv = cs_file_write(w->fd, name, b, 0644, (gid_t)-1,
	    w->gen.bulk ? NULL : &fd);
	return finishfile(w, name, rv, fd, err);
}

/* Begins a directory below the generation; endsub() goes back. */
static int
beginsub(struct writing *w, const char *name, const char *sub,
    struct certstore_error *err)
{
	if (cs_file_newdir(w->gen.fd, name, &w->fd) == -1) {
		w->fd = w->gen.fd;
		return cs_fail_errno(err, "%s/%s", w->tn->path, name);
	}
	w->sub = sub;
	return 0;
}

static int
endsub(struct writing *w, int rv, struct certstore_error *err)
{
	if (rv == 0 && !w->gen.bulk && fsync(w->fd) == -1)
		rv = cs_fail_errno(err, "%s/%s", w->tn->path, w->sub);
	cs_file_close(&w->fd);
	w->fd = w->gen.fd;
	w->sub = "";
	return rv;
}

static int
writelink(struct writing *w, const char *file, X509 *x509,
    struct certstore_error *err)
{
	unsigned long hash;
	char link[CS_ANCHOR_LINK];
	int ok = 0;

	hash = X509_NAME_hash_ex(X509_get_subject_name(x509), NULL, NULL, &ok);
	if (ok != 1)
		return cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s/%s: its subject cannot be hashed", w->tn->path, file);
	cs_anchor_link(link, hash, countlink(w, hash));
	if (cs_file_link(w->fd, file, link) == -1)
		return cs_fail_errno(err, "%s/%s%s", w->tn->path, w->sub, link);
	return 0;
}

static int
writeanchor(struct writing *w, const struct cs_anchor *a,
    struct certstore_error *err)
{
	char file[CS_NAME_MAX + sizeof(CS_TRUST_SUFFIX)];
	struct cs_buf pem = { 0 };
	X509 *x509;
	int rv = -1;

	snprintf(file, sizeof(file), "%s" CS_TRUST_SUFFIX, a->name);
	if ((x509 = cs_cert_parse(file, a->der, a->derlen, err)) == NULL)
		return -1;
	cs_setends_note(&w->first, cs_cert_ends(x509), INT64_MAX);
	if (cs_pem_encode(&pem, "CERTIFICATE", a->der, a->derlen) == -1 ||
	    (cs_trustset_isanchor(a) &&
		cs_buf_add(&w->bundle, pem.p, pem.len) == -1))
		cs_fail_nomem(err);
	else if (writesetfile(w, file, &pem, err) == 0 &&
	    writelink(w, file, x509, err) == 0)
		rv = 0;
	cs_buf_free(&pem);
	X509_free(x509);
	return rv;
}

/* Refuses a file that would be too large to be read again. */
static int
checksize(const struct writing *w, const struct cs_buf *b, size_t max,
    struct certstore_error *err)
{
	if (b->len <= max)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: would be larger than %zu bytes: nothing is changed",
	    w->tn->path, max);
}

/* The file that is written last: nothing else has been added since. */
static int
writeends(struct writing *w, struct certstore_error *err)
{
	struct cs_buf ends = { 0 };
	int rv;

	rv = cs_setends_compose(&ends, &w->first) == -1 ?
	    cs_fail_nomem(err) :
	    writesetfile(w, CS_TRUST_ENDS, &ends, err);
	cs_buf_free(&ends);
	return rv;
}

static int
writerecords(struct writing *w, const struct cs_trustset *set,
    struct certstore_error *err)
{
	struct cs_buf distrusted = { 0 }, shipped = { 0 };
	int rv = -1;

	if (cs_buf_adds(&w->bundle, "") == -1 ||
	    cs_trustset_write_distrusted(set, &distrusted) != 0 ||
	    cs_trustset_write_shipped(set, &shipped) != 0)
		cs_fail_nomem(err);
	else if (checksize(w, &w->bundle, CS_BUNDLE_MAX, err) == 0 &&
	    checksize(w, &distrusted, CS_RECORD_MAX, err) == 0 &&
	    checksize(w, &shipped, CS_RECORD_MAX, err) == 0 &&
	    writesetfile(w, "bundle.pem", &w->bundle, err) == 0 &&
	    writesetfile(w, "distrusted", &distrusted, err) == 0 &&
	    writesetfile(w, "shipped", &shipped, err) == 0)
		rv = writeends(w, err);
	cs_buf_free(&distrusted);
	cs_buf_free(&shipped);
	return rv;
}

static int
writehelpers(struct writing *w, const struct cs_trustset *set,
    struct certstore_error *err)
{
	size_t i, n = 0;
	int rv = 0;

	memset(w->links, 0, w->nlinks * sizeof(*w->links));
	for (i = 0; i < set->n && rv == 0; i++) {
		if ((set->v[i].origin & CS_ANCHOR_HELPER) == 0 ||
		    set->v[i].der == NULL)
			continue;
		if (n++ == 0 &&
		    beginsub(w, CS_TRUST_HELPERS, CS_TRUST_HELPERS "/", err) ==
			-1)
			return -1;
		rv = writeanchor(w, &set->v[i], err);
	}
	return n == 0 ? 0 : endsub(w, rv, err);
}

/* Writes one file of others, in the generation that is replaced or in this one;
 * they may be large. */
static int
writecopies(struct writing *w, const char *name, int from,
    const char *const *names, size_t n, struct certstore_error *err)
{
	int fd = -1, rv;

	rv = cs_file_concat(w->fd, name, from, names, n, 0644,
	    w->gen.bulk ? NULL : &fd);
	return finishfile(w, name, rv, fd, err);
}

static int
writecrl(struct writing *w, const struct cs_crl *c, int live, const char *file,
    struct certstore_error *err)
{
	struct cs_buf pem = { 0 };
	int rv = -1;

	if (c->pem == NULL)
		return writecopies(w, file, live, &file, 1, err);
	if (cs_pem_encode(&pem, "X509 CRL", c->pem->der, c->pem->derlen) == -1)
		cs_fail_nomem(err);
	else if (checksize(w, &pem, CERTSTORE_CRL_MAX, err) == 0)
		rv = writesetfile(w, file, &pem, err);
	cs_buf_free(&pem);
	return rv;
}

static int
writecrllinks(struct writing *w, const struct cs_trustset *set,
    const struct cs_strings *files, struct certstore_error *err)
{
	char link[CS_ANCHOR_LINK];
	size_t i;

	for (i = 0; i < set->ncrllink; i++) {
		cs_crl_link(link, set->crllinks[i].hash, set->crllinks[i].n);
		if (cs_file_link(w->fd, files->v[set->crllinks[i].crl], link) ==
		    -1)
			return cs_fail_errno(err, "%s/%s%s", w->tn->path,
			    w->sub, link);
	}
	return 0;
}

/* All CRLs in one file, if no CA lacks one: servers that read it refuse the
 * clients of such a CA. */
static int
writecrlspem(struct writing *w, struct cs_trustset *set,
    const struct cs_strings *files, struct certstore_error *err)
{
	struct cs_buf names = { 0 };
	const char **v;
	size_t i, n = 0, uncovered;
	int rv;

	if ((v = calloc(files->n + 1, sizeof(*v))) == NULL ||
	    cs_crl_uncovered(set, &names, &uncovered) == -1) {
		free(v);
		cs_buf_free(&names);
		return cs_fail_nomem(err);
	}
	for (i = 0; i < set->ncrl; i++)
		if (!set->crls[i].gone)
			v[n++] = files->v[i];
	rv = uncovered > 0 ? 0 :
			     writecopies(w, CS_TRUST_ALLCRLS, w->fd, v, n, err);
	free(v);
	cs_buf_free(&names);
	return rv;
}

/* The CRLs of the generation that is replaced: its directory, or -1. */
static int
openlivecrls(const struct cs_setname *tn)
{
	struct certstore_error ignored;
	struct cs_setgen live;
	int fd = -1;

	if (cs_setgen_open(tn, &live, &ignored) == 1)
		fd = cs_file_opendir(live.fd, CS_TRUST_CRLS);
	cs_file_close(&live.fd);
	return fd;
}

/* Writes crls/; files: the name of each, by its place. */
static int
fillcrls(struct writing *w, struct cs_trustset *set,
    const struct cs_strings *files, struct certstore_error *err)
{
	int live = openlivecrls(w->tn), rv = 0;
	size_t i;

	for (i = 0; i < set->ncrl && rv == 0; i++)
		if (!set->crls[i].gone) {
			cs_setends_note(&w->first, cs_crl_ends(&set->crls[i]),
			    cs_crl_late(&set->crls[i]));
			rv = writecrl(w, &set->crls[i], live, files->v[i], err);
		}
	cs_file_close(&live);
	if (rv == 0)
		rv = writecrllinks(w, set, files, err);
	if (rv == 0)
		rv = writecrlspem(w, set, files, err);
	return rv;
}

static int
writecrls(struct writing *w, struct cs_trustset *set,
    struct certstore_error *err)
{
	struct cs_strings files = { 0 };
	char file[CS_NAME_MAX + 8];
	size_t i, n = 0;
	int rv = 0;

	for (i = 0; i < set->ncrl && rv == 0; i++) {
		n += !set->crls[i].gone;
		snprintf(file, sizeof(file), "%s.crl", set->crls[i].name);
		if (cs_strings_add(&files, file) == -1)
			rv = cs_fail_nomem(err);
	}
	if (rv == 0 && n > 0 &&
	    (rv = beginsub(w, CS_TRUST_CRLS, CS_TRUST_CRLS "/", err)) == 0)
		rv = endsub(w, fillcrls(w, set, &files, err), err);
	cs_strings_free(&files);
	return rv;
}

static int
writedir(struct writing *w, struct cs_trustset *set,
    struct certstore_error *err)
{
	size_t i;

	w->fd = w->gen.fd;
	for (i = 0; i < set->n; i++)
		if (cs_trustset_isanchor(&set->v[i]) &&
		    writeanchor(w, &set->v[i], err) == -1)
			return -1;
	if (writehelpers(w, set, err) == -1 || writecrls(w, set, err) == -1)
		return -1;
	return writerecords(w, set, err);
}

/*
 * Replaces the live set, under the lock: the caller has checked that it is
 * current.
 */
int
cs_trustwrite_set(const struct cs_setname *tn, struct cs_trustset *set,
    struct certstore_error *err)
{
	struct writing w = { .tn = tn,
		.sub = "",
		.gen = { .fd = -1 },
		.first = CS_SETENDS_NEVER };
	int rv = -1;

	if (newlinks(&w, set->n) == -1)
		return cs_fail_nomem(err);
	if (cs_setgen_begin(tn, set->gen, set->n + 2 * set->ncrl, &w.gen,
		err) == 0 &&
	    writedir(&w, set, err) == 0 &&
	    cs_setgen_commit(tn, &w.gen, err) == 0)
		rv = cs_recover_all(tn->store, err);
	if (rv == -1)
		(void)cs_recover_abandon(tn->store, err);
	cs_file_close(&w.gen.fd);
	cs_buf_free(&w.bundle);
	free(w.links);
	return rv;
}
