/*
 * batch.c: many entries of one template, made together: all of them or none.
 * Each has its own name, key and, beside those of the template, names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "issue/private.h"

struct batchentry {
	char *name;
	char **sans;
	size_t nsan;
	int prepared; /* as it is to be written, but for a dry run */
	int wanted;   /* it is to be written */
	struct cs_put put;
	struct cs_life life;
	struct cs_buf cautions;
};
struct certstore_batch {
	struct certstore *store;
	const struct certstore_template *asked;
	int flags;
	int slow; /* making a key takes long */
	struct cs_issuer issuer;
	int hasissuer;
	EVP_PKEY *trial; /* for tests of what has slow keys */
	struct batchentry *v;
	size_t n, size;
	char **sorted; /* names */
	size_t sortedsize;
};

/* Opens the CA that signs all, if there is one, and its key. */
static int
openbatchissuer(struct certstore_batch *b, struct certstore_error *err)
{
	const struct certstore_template *t = b->asked;
	struct cs_issuer *is = &b->issuer;

	if (cs_store_refresh(b->store, err) == -1)
		return -1;
	if (t->issuer == NULL)
		return 0;
	if (cs_issuer_open(is, b->store, t->issuer, err) == -1)
		return -1;
	b->hasissuer = 1;
	if (cs_issuer_read(is, err) == -1 ||
	    cs_issuer_judge(is, t->ca, err) == -1 ||
	    cs_issuer_key(is, &t->pass, err) == -1)
		return -1;
	cs_life_warn(b->store, NULL, t, is);
	return 0;
}

struct certstore_batch *
certstore_batch_new(struct certstore *store,
    const struct certstore_template *tmpl, int flags,
    struct certstore_error *err)
{
	struct certstore_batch *b;

	cs_error_clear(err);
	if ((b = calloc(1, sizeof(*b))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	b->store = store;
	b->asked = tmpl;
	b->flags = flags;
	b->slow = strncmp(tmpl->type, "rsa:", 4) == 0;
	if (cs_error_flags(flags,
		CERTSTORE_CREATE_FORCE | CERTSTORE_CREATE_DRYRUN |
		    CERTSTORE_CREATE_IFNEEDED,
		err) == -1 ||
	    cs_template_check(tmpl, err) == -1)
		goto fail;
	if (tmpl->pkey != NULL) {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "one key is not for many entries: use a template without "
		    "a key");
		goto fail;
	}
	if (cs_crypto_check(err) == 0 && openbatchissuer(b, err) == 0)
		return b;
fail:
	certstore_batch_free(b);
	ERR_clear_error();
	return NULL;
}

/* Drops what was prepared. */
static void
unprepare(struct batchentry *e)
{
	cs_put_free(&e->put);
	memset(&e->put, 0, sizeof(e->put));
	cs_buf_free(&e->cautions);
	e->prepared = e->wanted = 0;
}

static void
freebatchentry(struct batchentry *e)
{
	size_t i;

	unprepare(e);
	for (i = 0; i < e->nsan; i++)
		free(e->sans[i]);
	free(e->sans);
	free(e->name);
	memset(e, 0, sizeof(*e));
}

void
certstore_batch_free(struct certstore_batch *b)
{
	size_t i;

	if (b == NULL)
		return;
	for (i = 0; i < b->n; i++)
		freebatchentry(&b->v[i]);
	free(b->v);
	free(b->sorted);
	EVP_PKEY_free(b->trial);
	if (b->hasissuer)
		cs_issuer_close(&b->issuer);
	free(b);
}

/* Without a CN, and without a name that could be one, an entry is told from the
 * others by its name as CN. */
static int
addbatchsubject(struct certstore_template *t,
    const struct certstore_template *asked, const char *name,
    struct certstore_error *err)
{
	struct cs_buf typed = { NULL, 0, 0 };
	size_t i;
	int rv;

	if (cs_subject_inherit(t, asked) == -1)
		return cs_fail_nomem(err);
	for (i = 0; i < t->nsubject; i++)
		if (strcmp(t->subject[i].attr, "CN") == 0)
			return 0;
	if (t->nsan > 0 || cs_calls_has(t))
		return 0;
	if (cs_buf_printf(&typed, "CN=%s", name) == -1)
		rv = cs_fail_nomem(err);
	else
		rv = cs_subject_add(t, typed.p, err);
	cs_buf_free(&typed);
	return rv;
}

/* A shallow copy of the template with names and subject of its own. */
static int
addbatchnames(struct certstore_template *t,
    const struct certstore_template *asked, const struct batchentry *e,
    struct certstore_error *err)
{
	size_t i;

	*t = *asked;
	t->san = NULL;
	t->subject = NULL;
	t->nsan = t->sansize = t->nsubject = t->subjectsize = 0;
	memset(&t->calls, 0, sizeof(t->calls));
	for (i = 0; i < asked->nsan; i++)
		if (cs_template_addsan(t, asked->san[i].type,
			asked->san[i].value) == -1)
			return cs_fail_nomem(err);
	if (cs_calls_add(t, asked, NULL, err) == -1)
		return -1;
	for (i = 0; i < e->nsan; i++)
		if (certstore_template_add_san(t, e->sans[i], err) == -1)
			return -1;
	return addbatchsubject(t, asked, e->name, err);
}

static void
dropbatchnames(struct certstore_template *t)
{
	size_t i;

	for (i = 0; i < t->nsan; i++)
		free(t->san[i].value);
	for (i = 0; i < t->nsubject; i++)
		free(t->subject[i].value);
	free(t->san);
	free(t->subject);
	cs_tnauth_free(&t->calls);
}

/* Takes over what the job made. */
static void
takeput(struct batchentry *e, struct cs_create *job, int prepared)
{
	e->prepared = prepared;
	e->wanted = 1;
	e->put = job->put;
	e->life = job->life;
	e->cautions = job->cautions;
	memset(&job->put, 0, sizeof(job->put));
	memset(&job->cautions, 0, sizeof(job->cautions));
}

/*
 * Makes the key and the files of an entry, or, trial, checks whether they could
 * be made.  Which generation it was decided upon is known in both cases.
 */
static int
preparebatch(struct certstore_batch *b, struct batchentry *e, int trial,
    struct certstore_error *err)
{
	struct certstore_template t;
	struct cs_create job = { .store = b->store,
		.name = e->name,
		.flags = b->flags | (trial ? CERTSTORE_CREATE_DRYRUN : 0),
		.asked = &t,
		.lent = b->hasissuer ? &b->issuer : NULL };
	int rv;

	unprepare(e);
	if (trial && b->trial != NULL && EVP_PKEY_up_ref(b->trial) == 1) {
		job.pkey = b->trial;
		snprintf(job.type, sizeof(job.type), "p256");
	}
	rv = addbatchnames(&t, b->asked, e, err);
	if (rv == 0)
		rv = cs_create_prepare(&job, err);
	if (rv == 1)
		takeput(e, &job, !trial);
	else if (rv == 0) {
		e->prepared = 1;
		e->put.seen = job.put.seen;
	}
	if (trial && b->trial == NULL && job.pkey != NULL &&
	    EVP_PKEY_up_ref(job.pkey) == 1)
		b->trial = job.pkey;
	cs_create_done(&job);
	dropbatchnames(&t);
	return rv == -1 ? -1 : 0;
}

/* Where a name is among the sorted ones, or would be. */
static size_t
findbatchname(const struct certstore_batch *b, const char *name, int *found)
{
	size_t low = 0, high = b->n, mid;
	int order;

	*found = 0;
	while (low < high) {
		mid = low + (high - low) / 2;
		order = strcmp(b->sorted[mid], name);
		if (order == 0) {
			*found = 1;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int
copynames(struct batchentry *e, const char *name, const char *const *sans,
    size_t nsan)
{
	if ((e->name = strdup(name)) == NULL ||
	    (e->sans = calloc(nsan + 1, sizeof(*e->sans))) == NULL)
		return -1;
	for (; e->nsan < nsan; e->nsan++)
		if ((e->sans[e->nsan] = strdup(sans[e->nsan])) == NULL)
			return -1;
	return 0;
}

/* Checks an entry, and makes it in memory if that does not take long. */
int
certstore_batch_add(struct certstore_batch *b, const char *name,
    const char *const *sans, size_t nsan, struct certstore_error *err)
{
	struct batchentry *e, *v;
	char **sorted, q[CS_QUOTE_LEN];
	int found, trial;
	size_t at;

	cs_error_clear(err);
	trial = b->slow || (b->flags & CERTSTORE_CREATE_DRYRUN) != 0;
	v = cs_array_extend(b->v, b->n, &b->size, sizeof(*v));
	if (v == NULL)
		return cs_fail_nomem(err);
	b->v = v;
	sorted = cs_array_extend(b->sorted, b->n, &b->sortedsize,
	    sizeof(*sorted));
	if (sorted == NULL)
		return cs_fail_nomem(err);
	b->sorted = sorted;
	at = findbatchname(b, name, &found);
	if (found)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is there twice: remove one", cs_escape_quote(q, name));
	e = &v[b->n];
	if (copynames(e, name, sans, nsan) == -1)
		cs_fail_nomem(err);
	else if (preparebatch(b, e, trial, err) == 0) {
		memmove(sorted + at + 1, sorted + at,
		    (b->n - at) * sizeof(*sorted));
		sorted[at] = e->name;
		b->n++;
		return 0;
	}
	freebatchentry(e);
	return -1;
}

/* Is the entry still what was decided upon?  1, 0, -1. */
static int
isbatchfresh(struct certstore_batch *b, const struct batchentry *e,
    struct certstore_error *err)
{
	struct certstore_entry now = { 0 };
	int rv;

	(void)cs_entry_load(b->store, e->name, &now, err);
	rv = cs_error_isnomem(err) ?
	    -1 :
	    cs_entry_unchanged(&now, e->name, &e->put.seen, err) == 0;
	cs_entry_done(&now);
	cs_error_clear(err);
	return rv;
}

/* Makes what was only checked, or with the lock what another writer changed. */
static int
preparepending(struct certstore_batch *b, int locked,
    struct certstore_error *err)
{
	struct batchentry *e;
	size_t i;
	int rv;

	for (i = 0; i < b->n; i++) {
		e = &b->v[i];
		if (e->prepared && !locked)
			continue;
		rv = 0;
		if (e->prepared && (rv = isbatchfresh(b, e, err)) == -1)
			return -1;
		if (!locked)
			cs_progress(b->store, "making keys", i, b->n);
		if (rv == 0 && preparebatch(b, e, 0, err) == -1)
			return -1;
	}
	return 0;
}

/* All that is to be written, in one array; or NULL, no memory.  What a dry run
 * only would repeat has no files. */
static struct cs_put *
collectputs(const struct certstore_batch *b, size_t *n)
{
	struct batchentry *e;
	struct cs_put *puts;
	size_t i;

	*n = 0;
	if ((puts = calloc(b->n + 1, sizeof(*puts))) == NULL)
		return NULL;
	for (i = 0; i < b->n; i++) {
		e = &b->v[i];
		if (!e->wanted || e->put.file[CS_INFO].p == NULL)
			continue;
		if (e->put.nchange > 0) {
			e->life.change.value = e->life.text;
			e->put.change = &e->life.change;
		}
		puts[(*n)++] = e->put;
	}
	return puts;
}

/* Writes all, or checks whether that could be done. */
static int
writebatch(struct certstore_batch *b, struct certstore_error *err)
{
	struct cs_put *puts;
	size_t i, k = 0, n;
	int rv = 0;

	if ((puts = collectputs(b, &n)) == NULL)
		return cs_fail_nomem(err);
	if (n > 0)
		rv = (b->flags & CERTSTORE_CREATE_DRYRUN) != 0 ?
		    cs_write_check(b->store, puts, n, err) :
		    cs_write_entries(b->store, puts, n, err);
	/* what writing added is theirs to free */
	for (i = 0; i < b->n && k < n; i++)
		if (b->v[i].wanted && b->v[i].put.file[CS_INFO].p != NULL)
			b->v[i].put = puts[k++];
	free(puts);
	return rv;
}

/* 1 written (CERTSTORE_CREATE_DRYRUN: it would have been), 0 none is needed,
 * -1. */
int
certstore_batch_commit(struct certstore_batch *b, struct certstore_error *err)
{
	int dry = (b->flags & CERTSTORE_CREATE_DRYRUN) != 0, rv = 0, wanted = 0;
	size_t i;

	cs_error_clear(err);
	if (dry)
		rv = writebatch(b, err);
	else if ((rv = preparepending(b, 0, err)) == 0 &&
	    (rv = cs_lock_take(b->store, err)) == 0) {
		if ((rv = preparepending(b, 1, err)) == 0)
			rv = writebatch(b, err);
		cs_lock_release(b->store);
	}
	for (i = 0; i < b->n && rv == 0; i++) {
		wanted |= b->v[i].wanted;
		cs_warn_lines(b->store, &b->v[i].cautions);
	}
	if (rv == 0)
		cs_error_clear(err);
	return rv == -1 ? -1 : wanted;
}
