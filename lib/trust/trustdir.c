/*
 * trustdir.c: the trust anchors as a directory, certstore(5): read, and
 * written as a new generation, which one rename(2) of the link trust makes the
 * live one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "trust/private.h"

#define TRIES 3 /* a generation may be removed while it is read */
#define SUFFIX ".pem"
#define HELPERS "untrusted"
#define CRLS "crls"
#define CRLS_FILE "crls.pem"

/* A generation while it is read. */
struct dir {
	const struct cs_trustname *tn;
	const char *sub; /* "", HELPERS "/" or CRLS "/" */
	int fd;
	struct cs_strings names;
	struct cs_strings links; /* where the hash links lead */
	struct cs_buf buf;
};

static int
takefilename(void *arg, const char *name)
{
	return cs_strings_add(arg, name);
}

/* The NAME in "NAME.pem" of an anchor: 1, or 0. */
static int
isanchorfile(const char *file, char name[CS_NAME_MAX + 1])
{
	size_t len = strlen(file), n = strlen(SUFFIX);

	if (len <= n || len - n > CS_NAME_MAX ||
	    strcmp(file + len - n, SUFFIX) != 0)
		return 0;
	memcpy(name, file, len - n);
	name[len - n] = '\0';
	return cs_name_isvalid(name) && strcmp(name, "bundle") != 0;
}

/* Reads one file of the directory: 0, or -1 and errno. */
static int
readsetfile(struct dir *d, const char *file, size_t max)
{
	return cs_file_read(d->fd, file, max, &d->buf);
}

/* Notes a damaged file for whoever uses the set; the rest is still read. */
static int
notebad(struct dir *d, struct cs_trustset *set, const char *file,
    const char *why)
{
	char msg[512];

	snprintf(msg, sizeof(msg),
	    "%s/%s%s: %s: use cert-trust%s add to add it again%s%s%s",
	    d->tn->path, d->sub, file, why, d->tn->option,
	    d->tn->named ? "" : ", or cert-trust",
	    d->tn->named ? "" : d->tn->option,
	    d->tn->named ? "" : " update for those of the system");
	set->dirty = 1;
	return cs_strings_add(&set->bad, msg);
}

/* Adds the certificate in d->buf to the set. */
static int
takeanchor(struct dir *d, struct cs_trustset *set, const char *file,
    const char *name)
{
	struct certstore_error ignored;
	struct cs_pems pems = { 0 };
	const struct cs_pem *pem;
	struct cs_buf again = { 0 };
	struct cs_uses uses;
	char hex[65], why[100];
	int rv = 0;

	if (cs_pem_read(file, d->buf.p, d->buf.len, NULL, &pems, &ignored) ==
		-1 ||
	    pems.n != 1 || pems.v[0].type != CS_PEM_CERT) {
		rv = notebad(d, set, file, "is not one certificate");
		goto out;
	}
	pem = &pems.v[0];
	cs_hash(hex, pem->der, pem->derlen);
	if (cs_uses_read(pem, &uses) == -1) {
		rv = -1;
	} else if (cs_uses_forbid(&uses, CS_USE_SERVER, why, sizeof(why))) {
		rv = notebad(d, set, file, why);
	} else if (cs_trustset_byfingerprint(set, hex) != NULL ||
	    cs_trustset_byname(set, name) != NULL) {
		set->dirty = 1; /* distrusted was edited, or it is twice */
	} else if (cs_trustset_add(set, name, hex, pem->der, pem->derlen,
		       d->sub[0] != '\0' ? CS_ANCHOR_HELPER :
					   CS_ANCHOR_ADDED) == NULL ||
	    cs_pem_encode(&again, "CERTIFICATE", pem->der, pem->derlen) == -1) {
		rv = -1;
	} else if (again.len != d->buf.len ||
	    memcmp(again.p, d->buf.p, again.len) != 0) {
		set->dirty = 1;
	}
out:
	cs_buf_free(&again);
	cs_item_free(&pems);
	return rv;
}

/* 0 if the generation may have been removed, else -1. */
static int
failread(struct dir *d, const char *file, struct certstore_error *err)
{
	if (errno == ENOENT || errno == ESTALE)
		return 0;
	return cs_fail_errno(err, "%s/%s%s", d->tn->path, d->sub, file);
}

/* Files of a set that hold no anchor. */
static int
isotherfile(const char *file)
{
	static const char *const others[] = { "bundle.pem", "distrusted",
		"shipped", HELPERS, CRLS };
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(file, others[i]) == 0)
			return 1;
	return 0;
}

/* Reads each anchor, and where the hash links lead. */
static int
readanchors(struct dir *d, struct cs_trustset *set, struct certstore_error *err)
{
	char name[CS_NAME_MAX + 1], text[CS_GENDIR];
	const char *file;
	size_t i;

	for (i = 0; i < d->names.n; i++) {
		file = d->names.v[i];
		if (cs_anchor_islink(file)) {
			if (cs_file_readlink(d->fd, file, text, sizeof(text)) ==
			    -1)
				set->dirty = 1;
			else if (cs_strings_add(&d->links, text) == -1)
				goto nomem;
		} else if (!isanchorfile(file, name)) {
			set->dirty |= d->sub[0] != '\0' || !isotherfile(file);
		} else if (readsetfile(d, file, CS_RECORD_MAX) == 0) {
			if (takeanchor(d, set, file, name) == -1)
				goto nomem;
		} else if (errno == EINVAL || errno == EFBIG ||
		    errno == ELOOP) {
			if (notebad(d, set, file, "is not a plain file") == -1)
				goto nomem;
		} else {
			return failread(d, file, err);
		}
	}
	return 1;
nomem:
	return cs_fail_nomem(err);
}

/* Is bundle.pem all anchors by name?  Else the set is dirty. */
static int
checkbundle(struct dir *d, struct cs_trustset *set, struct certstore_error *err)
{
	struct cs_buf bundle = { 0 };
	const struct cs_anchor *a;
	int bad = cs_buf_adds(&bundle, "");
	size_t i;

	for (i = 0; i < set->n; i++) {
		a = &set->v[i];
		if (cs_trustset_isanchor(a))
			bad |= cs_pem_encode(&bundle, "CERTIFICATE", a->der,
			    a->derlen);
	}
	if (bad == 0 &&
	    (readsetfile(d, "bundle.pem", CS_BUNDLE_MAX) == -1 ||
		d->buf.len != bundle.len ||
		memcmp(d->buf.p, bundle.p, bundle.len) != 0))
		set->dirty = 1;
	cs_buf_free(&bundle);
	return bad == 0 ? 1 : cs_fail_nomem(err);
}

/*
 * Is there one hash link for each anchor?  Whether its hash is right is not
 * checked.
 */
static void
checklinks(struct dir *d, struct cs_trustset *set)
{
	unsigned int origin = d->sub[0] != '\0' ? CS_ANCHOR_HELPER : 0;
	char name[CS_NAME_MAX + 1];
	size_t i, n = 0;

	for (i = 0; i < set->n; i++)
		n += set->v[i].der != NULL &&
		    (set->v[i].origin & CS_ANCHOR_HELPER) == origin;
	if (d->links.n != n)
		set->dirty = 1;
	cs_strings_sort(&d->links);
	if (d->links.n != n)
		set->dirty = 1;
	for (i = 0; i < d->links.n && !set->dirty; i++)
		if (!isanchorfile(d->links.v[i], name) ||
		    cs_trustset_byname(set, name) == NULL)
			set->dirty = 1;
}

/*
 * Reads a file that has to be there: 1, 0 the generation may have been removed,
 * -1.
 */
static int
readrecord(struct dir *d, struct cs_trustset *set, const char *file,
    int (*parse)(struct cs_trustset *, const char *, const struct cs_buf *,
	struct certstore_error *),
    struct certstore_error *err)
{
	char label[512];

	snprintf(label, sizeof(label), "%.400s/%s", d->tn->path, file);
	if (readsetfile(d, file, CS_RECORD_MAX) == -1) {
		if (errno == ENOENT || errno == ESTALE) {
			cs_fail(err, CERTSTORE_EDAMAGED,
			    "%s: is missing: restore it, or remove this set "
			    "with its .%s@* and start again",
			    label, d->tn->intent + 1);
			return 0;
		}
		return cs_fail_errno(err, "%s", label);
	}
	return parse(set, label, &d->buf, err) == -1 ? -1 : 1;
}

static void
closesetdir(struct dir *d)
{
	cs_file_close(&d->fd);
	cs_strings_free(&d->names);
	cs_strings_free(&d->links);
	cs_buf_free(&d->buf);
}

/* Opens a directory of the generation and reads its names: 1, 0 it is not
 * there, as if there is nothing in it, -1. */
static int
opensub(const struct dir *d, const char *name, struct dir *sub,
    struct certstore_error *err)
{
	sub->tn = d->tn;
	if ((sub->fd = cs_file_opendir(d->fd, name)) == -1 && errno == ENOENT)
		return 0;
	if (sub->fd == -1 ||
	    cs_file_each(sub->fd, ".", takefilename, &sub->names) == -1)
		return cs_fail_errno(err, "%s/%s", d->tn->path, name);
	cs_strings_sort(&sub->names);
	return 1;
}

/* Reads the helpers: 1, 0 the generation may have been removed, -1. */
static int
readhelpers(struct dir *d, struct cs_trustset *set, struct certstore_error *err)
{
	struct dir sub = { .sub = HELPERS "/" };
	int rv;

	rv = opensub(d, HELPERS, &sub, err);
	if (rv == 0)
		rv = 1;
	else if (rv == 1 && (rv = readanchors(&sub, set, err)) == 1)
		checklinks(&sub, set);
	closesetdir(&sub);
	return rv;
}

/* Reads one CRL: 1, 0 the generation may have been removed, -1. */
static int
readcrl(struct dir *d, struct cs_trustset *set, const char *file,
    struct certstore_error *err)
{
	struct certstore_error ignored;
	struct cs_pems pems = { 0 };
	char name[CS_NAME_MAX + 1];
	int rv;

	if (readsetfile(d, file, CERTSTORE_CRL_MAX) == -1)
		return failread(d, file, err);
	snprintf(name, sizeof(name), "%.*s", (int)strlen(file) - 4, file);
	if (cs_pem_read_crls(file, d->buf.p, d->buf.len, &pems, &ignored) ==
		-1 ||
	    pems.n != 1 || pems.v[0].type != CS_PEM_CRL)
		rv = notebad(d, set, file, "is not one CRL") == -1 ? -1 : 1;
	else if ((rv = cs_crl_load(set, name, &pems.v[0])) == 0) {
		set->dirty = 1; /* its CA is no longer there */
		rv = 1;
	}
	cs_item_free(&pems);
	return rv == -1 ? cs_fail_nomem(err) : rv;
}

/* A link HASH.rN: if it does not lead to a CRL that was read, it is made
 * again. */
static int
readcrllink(struct dir *d, struct cs_trustset *set, const char *file)
{
	char text[CS_GENDIR];
	struct cs_crl *c;
	unsigned long hash;
	size_t n;

	if (!cs_crl_islink(file, &hash, &n))
		return 0;
	if (cs_file_readlink(d->fd, file, text, sizeof(text)) == -1 ||
	    (c = cs_crl_byname(set, text)) == NULL || c->hash != hash) {
		set->dirty = 1;
		return 0;
	}
	return cs_crl_addlink(set, hash, n, (size_t)(c - set->crls));
}

/* Has each CRL a link? */
static int
arelinked(const struct cs_trustset *set)
{
	size_t i, k;

	for (i = 0; i < set->ncrl; i++) {
		for (k = 0; k < set->ncrllink; k++)
			if (set->crllinks[k].crl == i)
				break;
		if (k == set->ncrllink)
			return 0;
	}
	return 1;
}

/* Reads the CRLs, whose signers have been read. */
static int
readcrls(struct dir *d, struct cs_trustset *set, struct certstore_error *err)
{
	struct dir sub = { .sub = CRLS "/" };
	const char *file;
	size_t i, len;
	int rv;

	rv = opensub(d, CRLS, &sub, err);
	if (rv == 0)
		rv = 1;
	for (i = 0; i < sub.names.n && rv == 1; i++) {
		file = sub.names.v[i];
		len = strlen(file);
		if (len > 4 && len - 4 <= CS_NAME_MAX &&
		    strcmp(file + len - 4, ".crl") == 0)
			rv = readcrl(&sub, set, file, err);
		else if (strcmp(file, CRLS_FILE) == 0)
			set->hascrlspem = 1;
	}
	for (i = 0; i < sub.names.n && rv == 1; i++)
		if (readcrllink(&sub, set, sub.names.v[i]) == -1)
			rv = cs_fail_nomem(err);
	if (rv == 1 && !arelinked(set)) {
		set->dirty = 1;
		if (cs_crl_renumber(set) == -1)
			rv = cs_fail_nomem(err);
	}
	closesetdir(&sub);
	return rv;
}

static int
loaddir(struct dir *d, struct cs_trustset *set, struct certstore_error *err)
{
	int rv;

	if (cs_file_each(d->fd, ".", takefilename, &d->names) == -1)
		return cs_fail_errno(err, "%s", d->tn->path);
	cs_strings_sort(&d->names);
	rv = readrecord(d, set, "distrusted", cs_trustset_read_distrusted, err);
	if (rv == 1)
		rv = readanchors(d, set, err);
	if (rv == 1)
		rv = readrecord(d, set, "shipped", cs_trustset_read_shipped,
		    err);
	if (rv != 1)
		return rv;
	checklinks(d, set);
	if ((rv = readhelpers(d, set, err)) != 1 ||
	    (rv = readcrls(d, set, err)) != 1)
		return rv;
	cs_trustset_sort(set);
	return checkbundle(d, set, err);
}

/*
 * Reads the live set: 1, 0 there is none, and it is empty, -1.  If a file is missing,
 * the generation may have been removed while it was read: then it is read
 * again.
 */
int
cs_trustdir_load(const struct cs_trustname *tn, struct cs_trustset *set,
    struct certstore_error *err)
{
	struct dir d = { .tn = tn, .sub = "", .fd = -1 };
	struct cs_trustgen live;
	int i, rv = 0;

	for (i = 0; i < TRIES && rv == 0; i++) {
		cs_trustset_free(set);
		rv = cs_trustgen_open(tn, &live, err);
		if (rv == 0) {
			cs_error_clear(err);
			return 0; /* there is no set */
		}
		if (rv == -1)
			return -1;
		set->gen = live.gen;
		set->stamp = live.stamp;
		set->dirty = live.gen == 0;
		cs_fail(err, CERTSTORE_ECHANGED,
		    "%s: keeps changing: try again", tn->path);
		d.fd = live.fd;
		rv = loaddir(&d, set, err);
		closesetdir(&d);
	}
	if (rv == 1) {
		cs_error_clear(err);
		return 1;
	}
	cs_trustset_free(set);
	return -1;
}

/*
 * Reads what is distrusted and nothing else of the live set: 1, 0 there is no
 * such set, -1.
 */
int
cs_trustdir_distrusted(const struct cs_trustname *tn, struct cs_trustset *set,
    struct certstore_error *err)
{
	struct dir d = { .tn = tn, .sub = "", .fd = -1 };
	struct cs_trustgen live;
	int i, rv = 0;

	for (i = 0; i < TRIES && rv == 0; i++) {
		cs_trustset_free(set);
		if ((rv = cs_trustgen_open(tn, &live, err)) != 1)
			return rv;
		set->gen = live.gen;
		set->stamp = live.stamp;
		d.fd = live.fd;
		rv = readrecord(&d, set, "distrusted",
		    cs_trustset_read_distrusted, err);
		closesetdir(&d);
	}
	return rv == 1 ? 1 : -1;
}

/* A new generation while it is written. */
struct writing {
	const struct cs_trustname *tn;
	struct cs_trustgen gen;
	int fd;		 /* where files are written: of gen, or below it */
	const char *sub; /* "", HELPERS "/" or CRLS "/" */
	struct cs_buf bundle;
	struct links *links; /* open addressing, by hash */
	size_t nlinks;
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

static int
writesetfile(struct writing *w, const char *name, const struct cs_buf *b,
    struct certstore_error *err)
{
	int fd, rv;

	rv = cs_file_write(w->fd, name, b, 0644, (gid_t)-1,
	    w->gen.bulk ? NULL : &fd);
	if (rv == 0 && !w->gen.bulk) {
		rv = fsync(fd);
		close(fd);
	}
	return rv == 0 ?
	    0 :
	    cs_fail_errno(err, "%s/%s%s", w->tn->path, w->sub, name);
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
		    "%s/%s: its subject can't be hashed", w->tn->path, file);
	cs_anchor_link(link, hash, countlink(w, hash));
	if (cs_file_link(w->fd, file, link) == -1)
		return cs_fail_errno(err, "%s/%s%s", w->tn->path, w->sub, link);
	return 0;
}

static int
writeanchor(struct writing *w, const struct cs_anchor *a,
    struct certstore_error *err)
{
	char file[CS_NAME_MAX + sizeof(SUFFIX)];
	struct cs_buf pem = { 0 };
	X509 *x509;
	int rv = -1;

	snprintf(file, sizeof(file), "%s" SUFFIX, a->name);
	if ((x509 = cs_cert_parse(file, a->der, a->derlen, err)) == NULL)
		return -1;
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
		rv = 0;
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
		if (n++ == 0 && beginsub(w, HELPERS, HELPERS "/", err) == -1)
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
	int fd, rv;

	rv = cs_file_concat(w->fd, name, from, names, n, 0644,
	    w->gen.bulk ? NULL : &fd);
	if (rv == 0 && !w->gen.bulk) {
		rv = fsync(fd);
		close(fd);
	}
	return rv == 0 ?
	    0 :
	    cs_fail_errno(err, "%s/%s%s", w->tn->path, w->sub, name);
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
	rv = uncovered > 0 ? 0 : writecopies(w, CRLS_FILE, w->fd, v, n, err);
	free(v);
	cs_buf_free(&names);
	return rv;
}

/* The CRLs of the generation that is replaced: its directory, or -1. */
static int
openlivecrls(const struct cs_trustname *tn)
{
	struct certstore_error ignored;
	struct cs_trustgen live;
	int fd = -1;

	if (cs_trustgen_open(tn, &live, &ignored) == 1)
		fd = cs_file_opendir(live.fd, CRLS);
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
		if (!set->crls[i].gone)
			rv = writecrl(w, &set->crls[i], live, files->v[i], err);
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
	if (rv == 0 && n > 0 && (rv = beginsub(w, CRLS, CRLS "/", err)) == 0)
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
cs_trustdir_write(const struct cs_trustname *tn, struct cs_trustset *set,
    struct certstore_error *err)
{
	struct writing w = { .tn = tn, .sub = "", .gen = { .fd = -1 } };
	int rv = -1;

	if (newlinks(&w, set->n) == -1)
		return cs_fail_nomem(err);
	if (cs_trustgen_begin(tn, set->gen, set->n + 2 * set->ncrl, &w.gen,
		err) == 0 &&
	    writedir(&w, set, err) == 0 &&
	    cs_trustgen_commit(tn, &w.gen, err) == 0)
		rv = cs_recover_all(tn->store, err);
	if (rv == -1)
		(void)cs_recover_abandon(tn->store, err);
	cs_file_close(&w.gen.fd);
	cs_buf_free(&w.bundle);
	free(w.links);
	return rv;
}
