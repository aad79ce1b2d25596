/*
 * revert.c: goes back to the kept generations of entries, certstore_revert(3):
 * all names of one call or none, each as a new generation with the files of the
 * kept one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define HOLD_MAX (7 * CS_DAY)
#define REASON "reverted" /* of a hold that is set here */
#define SUBJECT_MAX 140	  /* bytes in a message */
#define WHY_SIZE 300

/* What one put is made of. */
struct source {
	struct certstore_entry kept;
	struct cs_propchange change[2]; /* hold, unless until is 0; revoked */
	size_t nchange;
	int64_t until;
};

/* What goes into one transaction. */
struct reversal {
	struct certstore *store;
	int flags;
	struct cs_strings names; /* sorted, each once */
	struct cs_put *put;
	struct source *source;
	struct cs_buf warnings; /* printed when all is done */
};

static int
faildamagedkept(const struct certstore_entry *kept, const char *name,
    struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: its kept generation is damaged: restore the files of "
	    "%s/certs/%s from a backup",
	    name, kept->store->path, kept->gendir);
}

/*
 * Loads the kept generation, if there is one with another certificate.  The
 * remedies of cs_info_load() are for the live one.
 */
static int
loadkept(const struct certstore_entry *live, struct certstore_entry *kept,
    struct certstore_error *err)
{
	const struct cs_info *info = &live->info;
	struct certstore *store = live->store;

	kept->store = store;
	kept->epoch = live->epoch;
	if (info->fingerprint != NULL && info->kept != 0) {
		cs_generation_dir(kept->gendir, info->name, info->kept);
		if (cs_info_load(store, kept->gendir, info->name, &kept->info,
			err) == 0) {
			if (kept->info.fingerprint != NULL &&
			    strcmp(kept->info.fingerprint, info->fingerprint) !=
				0)
				return 0;
		} else
			return err->code == CERTSTORE_EDAMAGED ?
			    faildamagedkept(kept, info->name, err) :
			    -1;
	}
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: no earlier certificate is kept: use cert-import%s -f -N %s "
	    "with another one",
	    info->name, cs_store_option(store), info->name);
}

/* Is that the certificate of the kept generation?  0 also if it is damaged. */
int
cs_revert_iskept(const struct certstore_entry *live, const char *fingerprint)
{
	struct certstore_entry kept = { 0 };
	struct certstore_error ignored;
	int rv;

	rv = loadkept(live, &kept, &ignored) == 0 &&
	    strcmp(kept.info.fingerprint, fingerprint) == 0;
	cs_entry_done(&kept);
	return rv;
}

/* A reason against the kept certificate: a warning if it is overridden. */
static int
refusekept(struct reversal *r, const char *name, const char *why,
    struct certstore_error *err)
{
	if ((r->flags & CERTSTORE_REVERT_FORCE) == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the kept certificate %s: use -f to go back to it",
		    name, why);
	return cs_buf_printf(&r->warnings, "%s: the kept certificate %s\n",
		   name, why) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

/* The certificate, and those that are served with it. */
static int
checkkepttimes(struct reversal *r, const struct certstore_entry *kept,
    struct certstore_error *err)
{
	const struct certstore_span none = { .type = CERTSTORE_SPAN_FOR };
	const struct cs_info *info = &kept->info;
	char when[CERTSTORE_TIME_LEN], why[WHY_SIZE];
	int64_t ends, now = certstore_time_now();
	const char *issuer;

	if (info->starts > now) {
		snprintf(why, sizeof(why), "is not yet valid (valid from %s)",
		    certstore_time_format(info->starts, when));
		if (refusekept(r, info->name, why, err) == -1)
			return -1;
	}
	if (!certstore_entry_ends_within(kept, &none, now, &issuer, &ends))
		return 0;
	certstore_time_format(ends, when);
	if (issuer == NULL)
		snprintf(why, sizeof(why), "expired %s", when);
	else
		snprintf(why, sizeof(why),
		    "has the issuer \"%.*s\", expired %s",
		    cs_escape_fit(issuer, SUBJECT_MAX), issuer, when);
	return refusekept(r, info->name, why, err);
}

/* Adds the values that a list lacks to text; 0 or -1, to be or'ed. */
static int
addlacking(struct cs_buf *text, const struct cs_list *had,
    const struct cs_list *has)
{
	size_t i, k;
	int bad = 0;

	for (i = 0; i < had->n; i++) {
		for (k = 0; k < has->n; k++)
			if (strcmp(had->v[i], has->v[k]) == 0)
				break;
		if (k == has->n)
			bad |= cs_buf_printf(text, "%s%s",
			    text->len > 0 ? ", " : "", had->v[i]);
	}
	return bad;
}

/* The names that what serves has and the kept one lacks, as text. */
static int
listlacking(struct cs_buf *text, const struct cs_info *live,
    const struct cs_info *kept)
{
	const struct cs_san *san;
	struct cs_san cn;
	size_t i, n;
	int bad = 0;

	if (strcmp(live->kind, "ca") == 0)
		return 0;
	if (strcmp(live->kind, "shaken") == 0)
		return addlacking(text, &live->spcs, &kept->spcs) |
		    addlacking(text, &live->tns, &kept->tns);
	san = cs_names_of(kept, &cn, &n);
	if (cs_names_lost(text, san, n, live) == -1)
		return -1;
	for (i = 0; i < live->nsan; i++)
		if (live->san[i].type == CS_SAN_EMAIL &&
		    !cs_names_have(san, n, CS_SAN_EMAIL, live->san[i].value))
			bad |= cs_buf_printf(text, "%s%s",
			    text->len > 0 ? ", " : "", live->san[i].value);
	return bad;
}

static int
checkkeptnames(struct reversal *r, const struct cs_info *live,
    const struct cs_info *kept, struct certstore_error *err)
{
	char why[WHY_SIZE];
	struct cs_buf text = { 0 };
	int rv = 0;

	if (listlacking(&text, live, kept) != 0)
		rv = cs_fail_nomem(err);
	else if (text.len > 0) {
		snprintf(why, sizeof(why), "does not cover %.*s",
		    cs_escape_fit(text.p, WHY_SIZE - 32), text.p);
		rv = refusekept(r, live->name, why, err);
	}
	cs_buf_free(&text);
	return rv;
}

/* Was it revoked, while it served or after that?  1 and when, 0, -1. */
static int
iskeptrevoked(const struct certstore_entry *kept, const struct cs_info *live,
    const char **when, struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	int rv;

	*when = kept->info.revoked;
	if (*when != NULL)
		return 1;
	*when = "since then";
	if (live->acme == NULL)
		return 0;
	if ((rv = cs_orderstate_read(kept->store, live->name, &text, err)) == 1)
		rv = cs_orderstate_is(&text, "revoked", kept->info.fingerprint);
	cs_buf_free(&text);
	return rv;
}

/* May the kept certificate serve in the place of the live one? */
static int
checkkept(struct reversal *r, const struct cs_info *live,
    const struct certstore_entry *kept, struct certstore_error *err)
{
	const struct cs_info *info = &kept->info;
	char why[WHY_SIZE];
	const char *when;
	int revoked;

	if (checkkepttimes(r, kept, err) == -1 ||
	    (revoked = iskeptrevoked(kept, live, &when, err)) == -1)
		return -1;
	if (revoked) {
		snprintf(why, sizeof(why), "was revoked %.*s",
		    cs_escape_fit(when, SUBJECT_MAX), when);
		if (refusekept(r, live->name, why, err) == -1)
			return -1;
	}
	if (strcmp(live->kind, info->kind) != 0) {
		snprintf(why, sizeof(why), "is of kind %s, not %s", info->kind,
		    live->kind);
		if (refusekept(r, live->name, why, err) == -1)
			return -1;
	} else if (checkkeptnames(r, live, info, err) == -1)
		return -1;
	if (live->haskey && !info->haskey &&
	    refusekept(r, live->name, "has no private key", err) == -1)
		return -1;
	if (live->serves && !live->weak && (!info->serves || info->weak) &&
	    refusekept(r, live->name,
		info->serves ? "is refused by servers at security level 2" :
			       "is not for TLS servers",
		err) == -1)
		return -1;
	if (strcmp(live->kind, "ca") == 0 && live->spki != NULL &&
	    info->spki != NULL && strcmp(live->spki, info->spki) != 0)
		return refusekept(r, live->name,
		    "has another key: certificates that the present one issued "
		    "have no issuer then",
		    err);
	return 0;
}

/*
 * What is written gets an info of its own, so the files must be those that the
 * kept info describes: by contents, not by size and time.
 */
static int
checkkeptfiles(const struct cs_put *put, const struct certstore_entry *kept,
    struct certstore_error *err)
{
	const struct cs_buf *chain = &put->file[CS_FULLCHAIN];
	const struct cs_buf *key = &put->file[CS_PRIVKEY];
	struct cs_buf both = { 0 };
	char hex[CS_HASH_LEN];
	int rv, same;

	cs_hash(hex, chain->p, chain->len);
	same = strcmp(hex, kept->info.filehash) == 0;
	rv = cs_entry_read(kept, CS_COMBINED, &both, err);
	if (rv == 1 && key->p != NULL)
		same = same && both.len == key->len + chain->len &&
		    memcmp(both.p, key->p, key->len) == 0 &&
		    memcmp(both.p + key->len, chain->p, chain->len) == 0;
	cs_buf_free(&both);
	if (rv == -1)
		return -1;
	return same ? 0 : faildamagedkept(kept, put->name, err);
}

/*
 * Renewal would replace at once what was due when it was replaced: it is held
 * until a quarter of the time is left that is planned for it.  A later hold of
 * the user's stays.
 */
static int
composehold(const struct certstore_entry *live, struct source *from,
    struct certstore_error *err)
{
	const struct cs_info *info = &from->kept.info;
	struct cs_info now = { 0 };
	struct cs_props props;
	char text[sizeof(REASON) + CERTSTORE_TIME_LEN],
	    when[CERTSTORE_TIME_LEN];
	const char *reason, *hold = text;
	int64_t time = certstore_time_now(), until;
	int rv = 0;

	if (cs_props_read(live, &props, err) == -1)
		return -1;
	from->until = info->ends - cs_due_span(info) / 4;
	if (from->until > time + HOLD_MAX)
		from->until = time + HOLD_MAX;
	if (from->until <= time || info->revoked != NULL)
		from->until = 0;
	now.hold = props.value[CS_PROP_HOLD];
	if (cs_due_hold(&now, &until, &reason) && until > time &&
	    until > from->until && strcmp(reason, REASON) != 0) {
		from->until = until;
		hold = now.hold;
	}
	if (from->until != 0) {
		snprintf(text, sizeof(text), "%s " REASON,
		    certstore_time_format(from->until, when));
		rv = cs_propedit_parse(&from->change[from->nchange++], "hold",
		    CERTSTORE_SET_REPLACE, hold, err);
	}
	if (rv == 0 && info->revoked != NULL)
		rv = cs_propedit_parse(&from->change[from->nchange++],
		    "revoked", CERTSTORE_SET_REPLACE, info->revoked, err);
	cs_props_free(&props);
	return rv;
}

static int
remarkhold(struct reversal *r, const char *name, const struct source *from,
    struct certstore_error *err)
{
	char when[CERTSTORE_TIME_LEN];
	int bad;

	if (from->until != 0)
		bad = cs_buf_printf(&r->warnings,
		    "%s: is not renewed until %s: use cert-set%s %s hold= to "
		    "end this\n",
		    name, certstore_time_format(from->until, when),
		    cs_store_option(r->store), name);
	else
		bad = cs_buf_printf(&r->warnings,
		    "%s: its renewal is not held: the certificate %s %s\n",
		    name,
		    from->kept.info.revoked != NULL ? "was revoked" : "expires",
		    from->kept.info.revoked != NULL ?
			from->kept.info.revoked :
			certstore_time_format(from->kept.info.ends, when));
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

/* The CA is making a certificate, which would replace the kept one at once. */
static int
checkorder(const struct certstore_entry *live, struct certstore_error *err)
{
	struct cs_underway way;

	if (cs_orderstate_underway(live, &way, err) == -1)
		return -1;
	return !way.processing ?
	    0 :
	    cs_fail(err, CERTSTORE_EREFUSED,
		"%s: an ACME order is under way since %s, and the CA makes a "
		"certificate: use cert-acme%s -u %s to finish it",
		live->info.name, way.since, cs_store_option(live->store),
		live->info.name);
}

static int
composeput(struct reversal *r, size_t i, struct certstore_error *err)
{
	struct cs_put *put = &r->put[i];
	struct source *from = &r->source[i];
	struct certstore_entry live = { 0 };
	int rv = -1;

	put->name = r->names.v[i];
	put->reason = "revert";
	if (cs_entry_load(r->store, put->name, &live, err) == -1 ||
	    checkorder(&live, err) == -1 ||
	    loadkept(&live, &from->kept, err) == -1 ||
	    cs_repeat_pair(put, &from->kept, err) == -1 ||
	    checkkeptfiles(put, &from->kept, err) == -1 ||
	    checkkept(r, &live.info, &from->kept, err) == -1 ||
	    composehold(&live, from, err) == -1 ||
	    remarkhold(r, put->name, from, err) == -1)
		goto out;
	cs_entry_identify(&live, &put->seen);
	put->origin = from->kept.info.origin;
	put->change = from->change;
	put->nchange = from->nchange;
	rv = cs_repeat_request(put, &live, err);
out:
	cs_entry_done(&live);
	return rv;
}

/* Under the lock, or for a dry run without. */
static int
revertall(struct reversal *r, int dryrun, struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < r->names.n; i++) {
		cs_progress(r->store, "reading", i, r->names.n);
		if (composeput(r, i, err) == -1)
			return -1;
	}
	if ((dryrun ?
		    cs_write_check(r->store, r->put, r->names.n, err) :
		    cs_write_entries(r->store, r->put, r->names.n, err)) == -1)
		return -1;
	cs_warn_lines(r->store, &r->warnings);
	return 0;
}

static int
startreversal(struct reversal *r, const char *const *names, size_t n,
    struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (cs_strings_add(&r->names, names[i]) == -1)
			return cs_fail_nomem(err);
	cs_strings_sort(&r->names);
	r->put = calloc(r->names.n + 1, sizeof(*r->put));
	r->source = calloc(r->names.n + 1, sizeof(*r->source));
	return r->put != NULL && r->source != NULL ? 0 : cs_fail_nomem(err);
}

static void
freereversal(struct reversal *r)
{
	size_t i;

	for (i = 0; i < r->names.n; i++) {
		if (r->put != NULL)
			cs_put_free(&r->put[i]);
		if (r->source == NULL)
			continue;
		cs_entry_done(&r->source[i].kept);
		while (r->source[i].nchange > 0)
			cs_propedit_free(
			    &r->source[i].change[--r->source[i].nchange]);
	}
	free(r->put);
	free(r->source);
	cs_strings_free(&r->names);
	cs_buf_free(&r->warnings);
}

/* How many entries went back, or would; all of them or none. */
int
certstore_revert(struct certstore *store, const char *const *names, size_t n,
    int flags, struct certstore_error *err)
{
	struct reversal r = { .store = store, .flags = flags };
	int dryrun = (flags & CERTSTORE_REVERT_DRYRUN) != 0, locked = 0;
	int rv = -1;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_REVERT_FORCE | CERTSTORE_REVERT_DRYRUN, err) == -1)
		return -1;
	if (n == 0)
		return 0;
	if (startreversal(&r, names, n, err) == -1 ||
	    cs_store_refresh(store, err) == -1)
		goto out;
	/* a store that is not there has no entry, and is not created */
	if (!dryrun && cs_store_isthere(store)) {
		if (cs_lock_take(store, err) == -1)
			goto out;
		locked = 1;
	}
	rv = revertall(&r, dryrun, err) == -1 ? -1 : (int)r.names.n;
	if (locked)
		cs_lock_release(store);
out:
	freereversal(&r);
	return rv;
}
