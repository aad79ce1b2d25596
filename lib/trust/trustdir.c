/*
 * trustdir.c: reads the directory of a trust set, certstore(5): anchors,
 * helpers, CRLs and what is distrusted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "trust/private.h"

#define TRIES 3 /* a generation may be removed while it is read */

/* A generation while it is read. */
struct dir {
	const struct cs_setname *tn;
	const char *sub; /* "", CS_TRUST_HELPERS "/" or CS_TRUST_CRLS "/" */
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
	size_t len = strlen(file), n = strlen(CS_TRUST_SUFFIX);

	if (len <= n || len - n > CS_NAME_MAX ||
	    strcmp(file + len - n, CS_TRUST_SUFFIX) != 0)
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
	struct certstore_error err = { 0 };
	struct cs_pems pems = { 0 };
	const struct cs_pem *pem;
	struct cs_buf again = { 0 };
	struct cs_uses uses;
	char hex[65], why[100];
	int rv = 0;

	if (cs_pem_read(file, d->buf.p, d->buf.len, NULL, &pems, &err) == -1 ||
	    pems.n != 1 || pems.v[0].type != CS_PEM_CERT) {
		rv = cs_error_isnomem(&err) ?
		    -1 :
		    notebad(d, set, file, "is not one certificate");
		goto out;
	}
	pem = &pems.v[0];
	cs_hash(hex, pem->der, pem->derlen);
	if (cs_uses_read(pem, &uses) == -1) {
		rv = -1;
	} else if (cs_anchor_isbarred(d->tn, &uses, why, sizeof(why))) {
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
		"shipped", CS_TRUST_ENDS, CS_TRUST_HELPERS, CS_TRUST_CRLS };
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
	struct dir sub = { .sub = CS_TRUST_HELPERS "/" };
	int rv;

	rv = opensub(d, CS_TRUST_HELPERS, &sub, err);
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

/* Is the link HASH.rN there? */
static int
hascrllink(const struct cs_trustset *set, unsigned long hash, size_t n)
{
	size_t i;

	for (i = 0; i < set->ncrllink; i++)
		if (set->crllinks[i].hash == hash && set->crllinks[i].n == n)
			return 1;
	return 0;
}

/* A server that starts reads from 0 on until one is missing: a lower link that
 * is missing leads to the same CRL as the next.  0, -1 no memory. */
static int
fillcrllinks(struct cs_trustset *set)
{
	struct cs_crllink link;
	size_t i;

	for (i = 0; i < set->ncrllink; i++) {
		link = set->crllinks[i];
		if (link.n == 0 || hascrllink(set, link.hash, link.n - 1))
			continue;
		set->dirty = 1;
		if (cs_crl_addlink(set, link.hash, link.n - 1, link.crl) == -1)
			return -1;
	}
	return 0;
}

/* crls.pem is there while each CA has a CRL.  0, -1 no memory. */
static int
checkallcrls(struct cs_trustset *set)
{
	struct cs_buf names = { 0 };
	size_t n = 0;
	int rv;

	if (set->ncrl == 0)
		return 0;
	rv = cs_crl_uncovered(set, &names, &n);
	cs_buf_free(&names);
	if (rv == 0 && (n == 0) != (set->hascrlspem != 0))
		set->dirty = 1;
	return rv;
}

/* Had the set CRLs when it was written, and has none now?  0, -1 no memory. */
static int
checklost(struct dir *d, struct cs_trustset *set)
{
	static const struct cs_setends never = CS_SETENDS_NEVER;
	struct cs_setends was;
	char msg[512];

	if (cs_setends_written(d->fd, &was) == -1 || was.late == never.late)
		return 0;
	snprintf(msg, sizeof(msg),
	    "%s/" CS_TRUST_CRLS " has lost its CRLs, and what they revoke is "
	    "accepted: restore it, or use cert-trust%s add with the current "
	    "ones",
	    d->tn->path, d->tn->option);
	set->dirty = 1;
	return cs_strings_add(&set->bad, msg);
}

/* Reads the CRLs, whose signers have been read. */
static int
readcrls(struct dir *d, struct cs_trustset *set, struct certstore_error *err)
{
	struct dir sub = { .sub = CS_TRUST_CRLS "/" };
	const char *file;
	size_t i, len, n = 0;
	int rv;

	rv = opensub(d, CS_TRUST_CRLS, &sub, err);
	if (rv == 0)
		rv = 1;
	for (i = 0; i < sub.names.n && rv == 1; i++) {
		file = sub.names.v[i];
		len = strlen(file);
		if (len > 4 && len - 4 <= CS_NAME_MAX &&
		    strcmp(file + len - 4, ".crl") == 0) {
			rv = readcrl(&sub, set, file, err);
			n++;
		} else if (strcmp(file, CS_TRUST_ALLCRLS) == 0)
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
	if (rv == 1 &&
	    (fillcrllinks(set) == -1 || checkallcrls(set) == -1 ||
		(n == 0 && checklost(d, set) == -1)))
		rv = cs_fail_nomem(err);
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
 * Reads the live set, all of it or a part: 1, 0 there is none, and it is empty,
 * -1.  If a file is missing, the generation may have been removed while it was
 * read: then it is read again.
 */
static int
readlive(const struct cs_setname *tn, struct cs_trustset *set,
    int (*readpart)(struct dir *, struct cs_trustset *,
	struct certstore_error *),
    struct certstore_error *err)
{
	struct dir d = { .tn = tn, .sub = "", .fd = -1 };
	struct cs_setgen live;
	int i, rv = 0;

	for (i = 0; i < TRIES && rv == 0; i++) {
		cs_trustset_free(set);
		if ((rv = cs_setgen_open(tn, &live, err)) == -1)
			return -1;
		if (rv == 0) {
			cs_error_clear(err);
			return 0; /* there is no set */
		}
		set->gen = live.gen;
		set->stamp = live.stamp;
		set->dirty = live.gen == 0;
		cs_fail(err, CERTSTORE_ECHANGED,
		    "%s: keeps changing: try again", tn->path);
		d.fd = live.fd;
		rv = readpart(&d, set, err);
		closesetdir(&d);
	}
	if (rv == 1) {
		cs_error_clear(err);
		return 1;
	}
	cs_trustset_free(set);
	return -1;
}

int
cs_trustdir_load(const struct cs_setname *tn, struct cs_trustset *set,
    struct certstore_error *err)
{
	return readlive(tn, set, loaddir, err);
}

static int
readsetdistrusted(struct dir *d, struct cs_trustset *set,
    struct certstore_error *err)
{
	return readrecord(d, set, "distrusted", cs_trustset_read_distrusted,
	    err);
}

/* Reads what is distrusted and nothing else of the live set, likewise. */
int
cs_trustdir_distrusted(const struct cs_setname *tn, struct cs_trustset *set,
    struct certstore_error *err)
{
	return readlive(tn, set, readsetdistrusted, err);
}
