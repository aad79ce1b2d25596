/*
 * signing.c: certstore_sign(3): requests that others made, signed by a CA of the
 * store.  All are signed in memory; then all are recorded together, before any
 * certificate is given out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "issue/private.h"

#define NOTES_MAX 16 /* of different kinds */

struct signing {
	char *label;
	struct cs_buf desc, pem;
	struct cs_buf like; /* what two requests for the same have in common */
	char *refused;	    /* why it was not recorded, or NULL */
	enum certstore_code code;
	int recorded;
};
/* What is the same for many requests is told once. */
struct note {
	char *first;
	char *left;
	size_t n;
};
struct certstore_sign {
	struct certstore *store;
	int flags;
	struct certstore_template t; /* as asked, shallow */
	struct cs_issuer issuer;
	char signer[CS_HASH_LEN];
	struct cs_buf chain; /* what follows each certificate */
	struct signing *v;
	size_t n, size;
	struct note notes[NOTES_MAX];
	size_t nnote;
	size_t next;
	struct certstore_entry entry; /* what certstore_sign_next() gave */
};

/* Opens the CA, and its key. */
static int
opensigningca(struct certstore_sign *sign, struct certstore_error *err)
{
	struct cs_issuer *is = &sign->issuer;
	int i, n;

	if (sign->t.issuer == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "a request is signed by a CA: use -A with its entry");
	if (cs_store_refresh(sign->store, err) == -1 ||
	    cs_issuer_open(is, sign->store, sign->t.issuer, err) == -1 ||
	    cs_issuer_read(is, err) == -1 ||
	    cs_issuer_judge(is, sign->t.ca, err) == -1 ||
	    cs_issuer_key(is, &sign->t.pass, err) == -1)
		return -1;
	if (cs_cert_spki(X509_get_X509_PUBKEY(sk_X509_value(is->certs, 0)),
		sign->signer) == -1)
		return cs_fail_nomem(err);
	n = sk_X509_num(is->certs) - (is->complete ? 1 : 0);
	for (i = 0; i < n; i++)
		if (cs_cert_encode(&sign->chain, sk_X509_value(is->certs, i),
			err) == -1)
			return -1;
	return 0;
}

struct certstore_sign *
certstore_sign_new(struct certstore *store,
    const struct certstore_template *tmpl, int flags,
    struct certstore_error *err)
{
	struct certstore_sign *sign;
	const char *flaw = NULL;

	cs_error_clear(err);
	ERR_clear_error();
	if ((sign = calloc(1, sizeof(*sign))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	sign->store = store;
	sign->flags = flags;
	sign->t = *tmpl;
	sign->t.type[0] = '\0';
	if (cs_error_flags(flags,
		CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_DRYRUN, err) == -1 ||
	    cs_template_check(tmpl, err) == -1)
		goto fail;
	if (tmpl->pkey != NULL || tmpl->encrypt != NULL)
		flaw = "the key is that of the request: use a template without "
		       "a key";
	else
		flaw = cs_template_flaw(tmpl);
	if (flaw != NULL) {
		cs_fail(err, CERTSTORE_EARGUMENT, "%s", flaw);
		goto fail;
	}
	if (cs_crypto_check(err) == -1 || opensigningca(sign, err) == -1)
		goto fail;
	cs_life_warn(store, NULL, &sign->t, &sign->issuer);
	return sign;
fail:
	certstore_sign_free(sign);
	ERR_clear_error();
	return NULL;
}

static void
freesigning(struct signing *s)
{
	free(s->label);
	free(s->refused);
	cs_buf_free(&s->desc);
	cs_buf_free(&s->pem);
	cs_buf_free(&s->like);
	memset(s, 0, sizeof(*s));
}

void
certstore_sign_free(struct certstore_sign *sign)
{
	size_t i;

	if (sign == NULL)
		return;
	for (i = 0; i < sign->n; i++)
		freesigning(&sign->v[i]);
	for (i = 0; i < sign->nnote; i++) {
		free(sign->notes[i].first);
		free(sign->notes[i].left);
	}
	free(sign->v);
	cs_buf_free(&sign->chain);
	cs_issuer_close(&sign->issuer);
	cs_entry_done(&sign->entry);
	free(sign);
}

/* The common name of the subject that is asked for or requested, or "". */
static const char *
commonname(const struct certstore_template *asked, const struct cs_csr *csr,
    char buf[CS_HOST_MAX + 1])
{
	unsigned char *text;
	size_t i;
	int len;

	for (i = 0; i < asked->nsubject; i++)
		if (strcmp(asked->subject[i].attr, "CN") == 0)
			return asked->subject[i].value;
	buf[0] = '\0';
	len = cs_asn1_last(X509_REQ_get_subject_name(csr->req), NID_commonName,
	    &text);
	if (len > 0 && len <= CS_HOST_MAX)
		snprintf(buf, CS_HOST_MAX + 1, "%.*s", len, (char *)text);
	OPENSSL_free(text);
	ERR_clear_error();
	return buf;
}

/* Signs it: by the rules of certstore_create(3), as if the entry had the name of
 * its CN. */
static X509 *
signcsr(struct certstore_sign *sign, struct cs_csr *csr,
    struct certstore_error *err)
{
	struct certstore_template t, full;
	struct cs_san own = { .value = NULL };
	char cn[CS_HOST_MAX + 1];
	X509 *x509 = NULL;

	if (cs_csr_apply(&t, &sign->t, csr, err) == 0 &&
	    cs_template_resolve(&full, &own, &t, commonname(&sign->t, csr, cn),
		err) == 0)
		x509 = cs_issue_cert(sign->store, csr->name, &full, csr->pkey,
		    &sign->issuer, err);
	free(own.value);
	cs_csr_drop(&t, &sign->t);
	if (x509 != NULL)
		cs_csr_compare(csr, x509);
	return x509;
}

/* Describes a certificate as info and the register have it. */
static int
describesigned(struct signing *s, X509 *x509, struct certstore_error *err)
{
	STACK_OF(X509) *one;
	int rv = -1;

	if ((one = sk_X509_new_null()) == NULL || sk_X509_push(one, x509) <= 0)
		cs_fail_nomem(err);
	else if (cs_describe_cert(&s->desc, one, err) == 0 &&
	    cs_cert_encode(&s->pem, x509, err) == 0)
		rv = 0;
	sk_X509_free(one);
	return rv;
}

static int
parsesigned(struct cs_info *info, const struct signing *s,
    struct certstore_error *err)
{
	cs_info_reset(info);
	if (cs_buf_copy(&info->text, &s->desc) == -1)
		return cs_fail_nomem(err);
	return cs_info_parse(info, err);
}

/* Was one signed for the same key and names that is still good?  0, -1. */
static int
checkduplicate(const struct certstore_sign *sign, const struct cs_info *info,
    const char *name, struct certstore_error *err)
{
	char serial[CS_SERIAL_LEN];
	int rv;

	if ((sign->flags & CERTSTORE_CREATE_FORCE) != 0)
		return 0;
	rv = cs_issuedkey_find(sign->store, sign->signer, info, serial, err);
	return rv != 1 ?
	    rv :
	    cs_fail(err, CERTSTORE_EEXIST,
		"%s: was signed before, as serial:%s, which is valid: use -f "
		"to sign it again",
		name, serial);
}

static int
comparewords(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Two requests are for the same if they have the same key, kind and names. */
static int
setlike(struct signing *s, const struct cs_info *info,
    struct certstore_error *err)
{
	const char **names = NULL;
	size_t i, n = 0;
	int bad;

	names = reallocarray(NULL, info->nsan + info->spcs.n + info->tns.n + 1,
	    sizeof(*names));
	if (names == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < info->nsan; i++)
		names[n++] = info->san[i].value;
	for (i = 0; i < info->spcs.n; i++)
		names[n++] = info->spcs.v[i];
	for (i = 0; i < info->tns.n; i++)
		names[n++] = info->tns.v[i];
	if (n == 0)
		names[n++] = info->subject == NULL ? "" : info->subject;
	qsort(names, n, sizeof(*names), comparewords);
	bad = cs_buf_printf(&s->like, "%s %s", info->spki, info->kind);
	for (i = 0; i < n; i++)
		bad |= cs_buf_printf(&s->like, "\n%s", names[i]);
	free(names);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

/* Notes what is left out, to be told when all is done. */
static void
noteleft(struct certstore_sign *sign, const struct cs_csr *csr)
{
	struct note *note;
	size_t i;

	if (csr->left.len == 0)
		return;
	for (i = 0; i < sign->nnote; i++)
		if (strcmp(sign->notes[i].left, csr->left.p) == 0) {
			sign->notes[i].n++;
			return;
		}
	if (i == NOTES_MAX) {
		cs_warn(sign->store, "%s: left out: %s", csr->name,
		    csr->left.p);
		return;
	}
	note = &sign->notes[i];
	note->first = strdup(csr->name);
	note->left = strdup(csr->left.p);
	note->n = 1;
	if (note->first != NULL && note->left != NULL) {
		sign->nnote++;
		return;
	}
	free(note->first);
	free(note->left);
}

int
certstore_sign_add(struct certstore_sign *sign, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	struct cs_csr csr = { 0 };
	struct signing *v, *s;
	X509 *x509 = NULL;
	int rv = -1;

	cs_error_clear(err);
	v = cs_array_extend(sign->v, sign->n, &sign->size, sizeof(*v));
	if (v == NULL)
		return cs_fail_nomem(err);
	sign->v = v;
	s = &v[sign->n];
	sign->next = 0;
	if ((s->label = strdup(label)) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	if (cs_csr_read(&csr, label, data, len, err) == 0 &&
	    (x509 = signcsr(sign, &csr, err)) != NULL &&
	    describesigned(s, x509, err) == 0 &&
	    parsesigned(&sign->entry.info, s, err) == 0 &&
	    setlike(s, &sign->entry.info, err) == 0 &&
	    checkduplicate(sign, &sign->entry.info, csr.name, err) == 0) {
		noteleft(sign, &csr);
		sign->n++;
		rv = 0;
	}
out:
	if (rv == -1)
		freesigning(s);
	X509_free(x509);
	cs_csr_free(&csr);
	ERR_clear_error();
	return rv;
}

/* Is it still to be recorded? */
static int
isunrecorded(const struct signing *s)
{
	return s->refused == NULL && !s->recorded;
}

/* It is not recorded: certstore_sign_next() tells why. */
static int
refusesigning(struct signing *s, const struct certstore_error *why,
    struct certstore_error *err)
{
	s->code = why->code;
	if ((s->refused = strdup(why->msg)) == NULL)
		return cs_fail_nomem(err);
	return 0;
}

static int
comparelike(const void *a, const void *b)
{
	const struct signing *x = *(struct signing *const *)a;
	const struct signing *y = *(struct signing *const *)b;
	int rv = strcmp(x->like.p, y->like.p);

	return rv != 0 ? rv : x < y ? -1 : x > y;
}

/* Refuses what was given twice. */
static int
refusetwice(struct certstore_sign *sign, struct certstore_error *err)
{
	struct certstore_error why;
	struct signing **sorted;
	char *name = NULL, *other = NULL;
	size_t i;
	int rv = 0;

	sorted = reallocarray(NULL, sign->n + 1, sizeof(*sorted));
	if (sorted == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < sign->n; i++)
		sorted[i] = &sign->v[i];
	qsort(sorted, sign->n, sizeof(*sorted), comparelike);
	for (i = 1; i < sign->n && rv == 0; i++) {
		if (sorted[i]->refused != NULL || sorted[i]->recorded ||
		    strcmp(sorted[i]->like.p, sorted[i - 1]->like.p) != 0)
			continue;
		name = cs_item_label(sorted[i]->label);
		other = cs_item_label(sorted[i - 1]->label);
		if (name == NULL || other == NULL)
			rv = cs_fail_nomem(err);
		else {
			cs_fail(&why, CERTSTORE_EEXIST,
			    "%s: asks for the same as %s: use -f to sign both",
			    name, other);
			rv = refusesigning(sorted[i], &why, err);
		}
		free(name);
		free(other);
	}
	free(sorted);
	return rv;
}

/* Under the lock: another one may have signed the same meanwhile. */
static int
refusesigned(struct certstore_sign *sign, struct certstore_error *err)
{
	struct cs_info *info = &sign->entry.info;
	struct certstore_error why;
	char *name;
	size_t i;
	int rv = 0;

	for (i = 0; i < sign->n && rv == 0; i++) {
		if (!isunrecorded(&sign->v[i]))
			continue;
		if ((name = cs_item_label(sign->v[i].label)) == NULL)
			return cs_fail_nomem(err);
		if ((rv = parsesigned(info, &sign->v[i], err)) == 0 &&
		    checkduplicate(sign, info, name, &why) == -1)
			rv = refusesigning(&sign->v[i], &why, err);
		free(name);
	}
	return rv;
}

/* Records all that is not refused. */
static int
recordsigned(struct certstore_sign *sign, struct certstore_error *err)
{
	struct cs_issued *v;
	size_t i, n = 0;
	int rv = 0;

	if ((v = reallocarray(NULL, sign->n + 1, sizeof(*v))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < sign->n; i++)
		if (isunrecorded(&sign->v[i]))
			v[n++] = (struct cs_issued){ .signer = sign->signer,
				.desc = &sign->v[i].desc,
				.pem = sign->v[i].pem };
	if (n > 0)
		rv = cs_issued_add(sign->store, v, n, err);
	free(v);
	for (i = 0; i < sign->n && rv == 0; i++) {
		if (!isunrecorded(&sign->v[i]))
			continue;
		sign->v[i].recorded = 1;
		rv = parsesigned(&sign->entry.info, &sign->v[i], err);
		/* it is signed: only a second one would not be refused */
		if (rv == 0 &&
		    cs_issuedkey_add(sign->store, sign->signer,
			&sign->entry.info) == -1)
			cs_warn(sign->store,
			    "%s/issued: the key of serial number %s is not "
			    "noted, so another request for it will not be "
			    "refused: %s",
			    certstore_path(sign->store),
			    sign->entry.info.serial, strerror(errno));
	}
	return rv;
}

/* Warns of what was left out, once. */
static void
tellnotes(struct certstore_sign *sign)
{
	struct note *note;
	size_t i;

	for (i = 0; i < sign->nnote; i++) {
		note = &sign->notes[i];
		if (note->n == 1)
			cs_warn(sign->store, "%s: left out: %s", note->first,
			    note->left);
		else
			cs_warn(sign->store, "%s and %zu more: left out: %s",
			    note->first, note->n - 1, note->left);
		free(note->first);
		free(note->left);
	}
	sign->nnote = 0;
}

/* Records what was added since the last call. */
int
certstore_sign_commit(struct certstore_sign *sign, struct certstore_error *err)
{
	int dry = (sign->flags & CERTSTORE_CREATE_DRYRUN) != 0, rv = 0;

	cs_error_clear(err);
	sign->next = 0;
	if ((sign->flags & CERTSTORE_CREATE_FORCE) == 0)
		rv = refusetwice(sign, err);
	if (rv == 0 && !dry && (rv = cs_lock_take(sign->store, err)) == 0) {
		if (refusesigned(sign, err) == -1 ||
		    recordsigned(sign, err) == -1)
			rv = -1;
		cs_lock_release(sign->store);
	} else if (rv == 0)
		rv = cs_lock_check(sign->store, err);
	if (rv == -1)
		return -1;
	tellnotes(sign);
	cs_error_clear(err);
	return 0;
}

/*
 * Gives the next one: 1, 0 at the end, -1 and why one is refused; the label is
 * that of the request in both cases.  The chain is NULL before it is recorded.
 */
int
certstore_sign_next(struct certstore_sign *sign, const char **label,
    const struct certstore_entry **entry, const char **chain,
    struct certstore_error *err)
{
	const struct signing *s;
	struct certstore_entry *e = &sign->entry;
	struct cs_buf pem = { NULL, 0, 0 };

	cs_error_clear(err);
	*label = NULL;
	*entry = NULL;
	*chain = NULL;
	if (sign->next == sign->n) {
		sign->next = 0;
		return 0;
	}
	tellnotes(sign);
	s = &sign->v[sign->next++];
	*label = s->label;
	if (s->refused != NULL)
		return cs_fail(err, s->code, "%s", s->refused);
	if (parsesigned(&e->info, s, err) == -1)
		return -1;
	if (cs_buf_copy(&pem, &s->pem) == -1 ||
	    cs_buf_add(&pem, sign->chain.p, sign->chain.len) == -1) {
		cs_buf_free(&pem);
		return cs_fail_nomem(err);
	}
	free(e->pem);
	e->pem = pem.p;
	*entry = e;
	if (s->recorded)
		*chain = e->pem;
	return 1;
}
