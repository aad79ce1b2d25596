/*
 * publish.c: publishes the CRL of a CA in crl/, certstore(5), and tells the trust
 * sets that it is an anchor of.
 *
 * crl/NAME.pem has the CRLs of the issuers in the chain of NAME behind its own:
 * servers check the whole chain, and refuse all clients if one is missing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "ca/private.h"
#include "trust/trust.h"

#define LIFE (30 * CS_DAY)
#define LIFE_ENCRYPTED (365 * CS_DAY) /* no cron job can sign */
#define CHAIN_MAX 32		      /* issuers */

/* One CRL while it is made. */
struct publishing {
	struct certstore *store;
	const struct cs_publish *how;
	struct cs_issuer is;
	struct cs_setname tn;
	int encrypted;
	int open;	       /* the last issuer is not in the store */
	struct cs_crlinfo was; /* gen 0: there was none */
	struct cs_crlinfo crl; /* the new one */
	struct cs_buf der;
};

/* A generation of files while it is written. */
struct fileset {
	const struct cs_setname *tn;
	struct cs_setgen gen;
};

/* Adds the names of the issuers, nearest first.  open: the last of them is not
 * self-signed, or has no key here. */
static int
findissuers(struct publishing *p, struct certstore_error *err)
{
	struct cs_issuer up[2] = { 0 };
	const struct certstore_entry *entry = &p->is.entry;
	X509 *x509 = sk_X509_value(p->is.certs, 0);
	size_t i;
	int rv = 0;

	for (i = 0; !entry->info.self && i < CHAIN_MAX; i++) {
		cs_issuer_close(&up[i % 2]);
		rv = cs_issuer_find(&up[i % 2], entry, x509, err);
		if (rv != 1)
			break;
		entry = &up[i % 2].entry;
		x509 = sk_X509_value(up[i % 2].certs, 0);
		if (cs_strings_add(&p->crl.chain, entry->info.name) == -1) {
			rv = cs_fail_nomem(err);
			break;
		}
	}
	p->open = !entry->info.self;
	cs_issuer_close(&up[0]);
	cs_issuer_close(&up[1]);
	return rv == -1 ? -1 : 0;
}

/* Refuses a CA that took over the name of another: the certificates of that one
 * are still checked by this file. */
static int
refuseother(const struct publishing *p, struct certstore_error *err)
{
	char ends[CERTSTORE_TIME_LEN];

	if (p->was.gen == 0 || p->was.ends < certstore_time_now() ||
	    (strcmp(p->was.spki, p->crl.spki) == 0 &&
		strcmp(p->was.issuer, p->crl.issuer) == 0))
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is the CRL of another CA that had this name, and is current "
	    "until %s: create the new CA under another name",
	    p->tn.path, certstore_time_format(p->was.ends, ends));
}

/* Is the CRL that is replaced of this CA? */
static int
isown(const struct publishing *p)
{
	return p->was.number != 0 && strcmp(p->was.spki, p->crl.spki) == 0;
}

/* Refuses to admit again what the last CRL had: files in revoked are only added,
 * and some are missing, as after a restore. */
static int
refuselost(const struct publishing *p, struct certstore_error *err)
{
	const char *name = p->is.entry.info.name;
	size_t n;

	if (!isown(p))
		return 0;
	if (cs_crlinfo_recorded(p->store, p->crl.spki, &n) == -1)
		return cs_fail_errno(err, "%s/revoked",
		    certstore_path(p->store));
	if (n >= p->was.recorded)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: %zu of %zu revocations are not recorded in revoked any more, "
	    "and a new CRL would admit them: use cert-check%s @crl/%s to see "
	    "one",
	    name, p->was.recorded - n, p->was.recorded,
	    cs_store_option(p->store), name);
}

/* Reads the CRL that is replaced. */
static int
readbefore(struct publishing *p, struct certstore_error *err)
{
	cs_crlinfo_done(&p->was);
	if (cs_crlinfo_read(p->store, p->is.entry.info.name, &p->was, err) !=
	    -1)
		return refuseother(p, err) == -1 ? -1 : refuselost(p, err);
	/* a damaged one is replaced */
	if (err->code != CERTSTORE_EDAMAGED || p->was.gen == 0)
		return -1;
	cs_error_clear(err);
	return 0;
}

/* This and next update, and a number that is higher than any before, also after
 * the store was restored. */
static int
settimes(struct publishing *p, struct certstore_error *err)
{
	const struct certstore_span *life = p->how->life;
	int64_t now = certstore_time_now(), ends;

	p->crl.starts = now - CS_BACK;
	if (life != NULL)
		ends = life->type == CERTSTORE_SPAN_AT ? life->secs :
		    life->secs > CS_YEAR_9999 - now    ? CS_YEAR_9999 :
							 now + life->secs;
	else if (isown(p))
		ends = p->crl.starts + (p->was.ends - p->was.starts);
	else
		ends = now + (p->encrypted ? LIFE_ENCRYPTED : LIFE);
	if (ends <= now)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: the CRL would expire at once: use a later end",
		    p->is.entry.info.name);
	p->crl.ends = ends > CS_YEAR_9999 ? CS_YEAR_9999 : ends;
	p->crl.number = (uint64_t)now;
	if (p->was.number >= p->crl.number)
		p->crl.number = p->was.number + 1;
	return 0;
}

static int
makecrl(struct publishing *p, struct certstore_error *err)
{
	return settimes(p, err) == -1 ?
	    -1 :
	    cs_newcrl_make(&p->der, p->store, &p->is, &p->crl,
		isown(p) ? p->was.starts : 0, err);
}

/* Adds the CRL in crl/.NAME as PEM: 1, 0 there is none, -1. */
static int
addpublished(struct cs_buf *pem, struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct cs_buf der = { 0 };
	struct cs_setname tn;
	struct cs_setgen live;
	int rv;

	if (cs_crlname_init(&tn, store, name, err) == -1)
		return -1;
	if ((rv = cs_setgen_open(&tn, &live, err)) == 1) {
		if (cs_file_read(live.fd, CS_CRL_DER, CERTSTORE_CRL_MAX,
			&der) == -1)
			rv = cs_fail_errno(err, "%s", tn.path);
		else if (cs_pem_encode(pem, "X509 CRL",
			     (const unsigned char *)der.p, der.len) == -1)
			rv = cs_fail_nomem(err);
		cs_file_close(&live.fd);
	}
	cs_buf_free(&der);
	cs_crlname_done(&tn);
	return rv;
}

/* What crl/NAME.pem contains. */
static int
composepem(struct cs_buf *pem, struct certstore *store,
    const struct cs_buf *der, const struct cs_strings *chain,
    struct certstore_error *err)
{
	size_t i;

	if (cs_pem_encode(pem, "X509 CRL", (const unsigned char *)der->p,
		der->len) == -1)
		return cs_fail_nomem(err);
	for (i = 0; i < chain->n; i++)
		if (addpublished(pem, store, chain->v[i], err) == -1)
			return -1;
	return 0;
}

static int
writecrlfile(const struct fileset *fs, const char *file, const struct cs_buf *b,
    struct certstore_error *err)
{
	int fd = -1, rv;

	rv = cs_file_write(fs->gen.fd, file, b, 0644, (gid_t)-1,
	    fs->gen.bulk ? NULL : &fd);
	if (rv == 0 && !fs->gen.bulk)
		rv = fsync(fd);
	cs_file_close(&fd);
	return rv == 0 ? 0 : cs_fail_errno(err, "%s", fs->tn->path);
}

/* Writes all files of a CRL and switches to them; under the lock. */
static int
writefiles(const struct cs_setname *tn, const struct cs_crlinfo *info,
    const struct cs_buf *der, struct certstore_error *err)
{
	struct fileset fs = { .tn = tn, .gen = { .fd = -1 } };
	struct cs_buf pem = { 0 }, text = { 0 };
	int rv = -1;

	if (composepem(&pem, tn->store, der, &info->chain, err) == -1)
		goto out;
	if (cs_crlinfo_compose(&text, info) == -1)
		cs_fail_nomem(err);
	else if (cs_setgen_begin(tn, info->gen, 3, &fs.gen, err) == 0 &&
	    writecrlfile(&fs, CS_CRL_DER, der, err) == 0 &&
	    writecrlfile(&fs, CS_CRL_PEM, &pem, err) == 0 &&
	    writecrlfile(&fs, CS_CRL_INFO, &text, err) == 0 &&
	    cs_setgen_commit(tn, &fs.gen, err) == 0)
		rv = cs_recover_all(tn->store, err);
	if (rv == -1)
		(void)cs_recover_abandon(tn->store, err);
	cs_file_close(&fs.gen.fd);
out:
	cs_buf_free(&pem);
	cs_buf_free(&text);
	return rv;
}

/* Writes crl/NAME.pem of a CA again, if its chain has this issuer. */
static int
refreshone(struct certstore *store, const char *name, const char *issuer,
    struct certstore_error *err)
{
	struct cs_crlinfo info = { 0 };
	struct cs_setname tn = { 0 };
	struct cs_setgen live = { .fd = -1 };
	struct cs_buf der = { 0 };
	size_t i;
	int rv;

	if ((rv = cs_crlinfo_read(store, name, &info, err)) != 1)
		goto out;
	for (i = 0; i < info.chain.n; i++)
		if (strcmp(info.chain.v[i], issuer) == 0)
			break;
	if (i == info.chain.n)
		goto out;
	if ((rv = cs_crlname_init(&tn, store, name, err)) == -1 ||
	    (rv = cs_setgen_open(&tn, &live, err)) != 1)
		goto out;
	if (cs_file_read(live.fd, CS_CRL_DER, CERTSTORE_CRL_MAX, &der) == -1)
		rv = cs_fail_errno(err, "%s", tn.path);
	else
		rv = writefiles(&tn, &info, &der, err);
out:
	cs_file_close(&live.fd);
	cs_buf_free(&der);
	cs_crlname_done(&tn);
	cs_crlinfo_done(&info);
	return rv == -1 ? -1 : 0;
}

/* The same of all CAs. */
static int
refreshissued(struct certstore *store, const char *issuer,
    struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	int rv = 0;
	size_t i;

	if (cs_setgen_crls(store, &names) == -1)
		rv = cs_fail_errno(err, "%s/crl", certstore_path(store));
	for (i = 0; i < names.n && rv == 0; i++) {
		if (strcmp(names.v[i], issuer) == 0)
			continue;
		if (refreshone(store, names.v[i], issuer, err) == -1 &&
		    err->code != CERTSTORE_EDAMAGED)
			rv = -1;
		else if (err->code == CERTSTORE_EDAMAGED) {
			cs_warn(store, "%s", err->msg);
			cs_error_clear(err);
		}
	}
	cs_strings_free(&names);
	return rv;
}

/* Under the lock: makes the CRL again if another writer came between, and writes
 * it. */
static int
commitcrl(struct publishing *p, struct certstore_error *err)
{
	unsigned long gen = p->was.gen;
	uint64_t number = p->was.number;
	size_t recorded;

	if (readbefore(p, err) == -1)
		return -1;
	if (cs_crlinfo_recorded(p->store, p->crl.spki, &recorded) == -1)
		return cs_fail_errno(err, "%s/revoked",
		    certstore_path(p->store));
	if ((gen != p->was.gen || number != p->was.number ||
		recorded != p->crl.recorded) &&
	    makecrl(p, err) == -1)
		return -1;
	p->crl.gen = p->was.gen;
	return writefiles(&p->tn, &p->crl, &p->der, err) == -1 ?
	    -1 :
	    refreshissued(p->store, p->is.entry.info.name, err);
}

static void
givecrl(const struct publishing *p)
{
	const struct certstore_crl crl = { .name = p->is.entry.info.name,
		.number = p->crl.number,
		.starts = p->crl.starts,
		.ends = p->crl.ends,
		.revoked = p->crl.count,
		.due = cs_crlinfo_due(&p->crl),
		.why = "third" };

	if (p->how->made != NULL)
		p->how->made(p->how->arg, &crl);
}

/* Adds the CRL to a trust set if the CA is an anchor of it.  Its other CAs may
 * have none. */
static int
addtoset(const struct publishing *p, const char *set,
    struct certstore_error *err)
{
	const char *action, *name, *text;
	struct certstore_trust *trust;
	char label[CS_NAME_MAX + 16];
	int rv;
	size_t i;

	trust = certstore_trust_new(p->store, set, CERTSTORE_TRUST_FORCE, err);
	if (trust == NULL)
		return -1;
	snprintf(label, sizeof(label), "crl/%s.der", p->is.entry.info.name);
	rv = certstore_trust_has(trust, p->is.entry.info.fingerprint, err);
	if (rv == 1 &&
	    (certstore_trust_add(trust, label, p->der.p, p->der.len, err) ==
		    -1 ||
		certstore_trust_commit(trust, err) == -1))
		rv = -1;
	for (i = 0; rv == 1 &&
	     certstore_trust_result(trust, i, &name, &action, &text) == 1;
	     i++)
		if (strcmp(action, "refused") == 0)
			rv = cs_fail(err, CERTSTORE_EREFUSED, "%s", text);
	certstore_trust_free(trust);
	return rv == -1 ? -1 : 0;
}

static int
addtosets(const struct publishing *p, struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	if (cs_setgen_names(p->store, &names) == -1)
		rv = cs_fail_errno(err, "%s/trusts", certstore_path(p->store));
	else
		rv = addtoset(p, NULL, err);
	for (i = 0; i < names.n && rv == 0; i++)
		rv = addtoset(p, names.v[i], err);
	cs_strings_free(&names);
	return rv;
}

/* Reads the CA and its key, and the CRL that it has. */
static int
openca(struct publishing *p, const char *name, struct certstore_error *err)
{
	const struct cs_info *info = &p->is.entry.info;

	if (cs_issuer_read(&p->is, err) == -1 ||
	    cs_newcrl_judge(&p->is, err) == -1 ||
	    cs_crlname_init(&p->tn, p->store, name, err) == -1)
		return -1;
	snprintf(p->crl.spki, sizeof(p->crl.spki), "%s", info->spki);
	snprintf(p->crl.issuer, sizeof(p->crl.issuer), "%s", info->subjecthash);
	p->encrypted = cs_reuse_isencrypted(&p->is.entry, CS_PRIVKEY, err);
	if (p->encrypted == -1 || readbefore(p, err) == -1 ||
	    findissuers(p, err) == -1)
		return -1;
	return cs_issuer_key(&p->is, p->how->pass, err);
}

static int publishone(struct certstore *, const char *,
    const struct cs_publish *, int, struct certstore_error *);

/* Makes the CRLs of issuers that have none, and warns of those that cannot be
 * made: the file for servers is not complete without them. */
static void
publishissuers(const struct publishing *p, int depth)
{
	struct certstore_error err;
	struct cs_crlinfo info;
	const char *name;
	size_t i;
	int rv;

	for (i = p->crl.chain.n; i > 0; i--) {
		name = p->crl.chain.v[i - 1];
		rv = cs_crlinfo_read(p->store, name, &info, &err);
		cs_crlinfo_done(&info);
		if (rv == 1 || depth >= CHAIN_MAX ||
		    publishone(p->store, name, p->how, depth + 1, &err) == 0)
			continue;
		cs_warn(p->store,
		    "%s: lacks the CRL of %s, and servers refuse all clients "
		    "of %s without it: %s",
		    p->tn.path, name, p->is.entry.info.name, err.msg);
	}
	if (p->open)
		cs_warn(p->store,
		    "%s: lacks the CRL of the issuer of %s, whose key is not in "
		    "this store: add it for servers that check the whole chain",
		    p->tn.path,
		    p->crl.chain.n > 0 ? p->crl.chain.v[p->crl.chain.n - 1] :
					 p->is.entry.info.name);
}

static int
publishone(struct certstore *store, const char *name,
    const struct cs_publish *how, int depth, struct certstore_error *err)
{
	struct publishing p = { .store = store, .how = how };
	int rv = -1;

	if (cs_issuer_open(&p.is, store, name, err) == -1)
		return -1;
	if (openca(&p, name, err) == -1)
		goto out;
	publishissuers(&p, depth);
	if (makecrl(&p, err) == -1)
		goto out;
	if (how->dryrun) {
		rv = cs_lock_check(store, err);
	} else if ((rv = cs_lock_take(store, err)) == 0) {
		rv = commitcrl(&p, err);
		cs_lock_release(store);
	}
	if (rv == 0) {
		givecrl(&p);
		if (!how->dryrun)
			rv = addtosets(&p, err);
	}
out:
	cs_issuer_close(&p.is);
	cs_crlname_done(&p.tn);
	cs_crlinfo_done(&p.was);
	cs_crlinfo_done(&p.crl);
	cs_buf_free(&p.der);
	ERR_clear_error();
	return rv;
}

int
cs_publish_crl(struct certstore *store, const char *name,
    const struct cs_publish *how, struct certstore_error *err)
{
	return publishone(store, name, how, 0, err);
}

int
certstore_crl_publish(struct certstore *store, const char *ca,
    const struct certstore_span *life, const struct certstore_passphrase *pass,
    int dryrun, void (*made)(void *, const struct certstore_crl *), void *arg,
    struct certstore_error *err)
{
	const struct cs_publish how = { .pass = pass,
		.life = life,
		.dryrun = dryrun,
		.made = made,
		.arg = arg };

	cs_error_clear(err);
	if (life != NULL && cs_time_checkspan(life, err) == -1)
		return -1;
	if (life != NULL && life->type == CERTSTORE_SPAN_PART)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "a part of a validity is not the life of a CRL: use a "
		    "duration, as 30d, or a time");
	if (cs_publish_crl(store, ca, &how, err) == -1)
		return -1;
	cs_error_clear(err);
	return 0;
}
