/*
 * newprops.c: the props of what is to be written: those of the entry that is
 * replaced, or the defaults of the store, with the changes asked for.
 */
#include <stdio.h>
#include <string.h>

#include "store/private.h"

static int
isword(const struct cs_propline *l, const char *word)
{
	return strlen(word) == l->wordlen &&
	    memcmp(word, l->word, l->wordlen) == 0;
}

static int
addtext(struct cs_buf *b, const struct cs_propline *l)
{
	return cs_buf_add(b, l->text, l->textlen) | cs_buf_add(b, "\n", 1);
}

/*
 * The group of a new entry is for servers: nobody else is to read the key of a
 * CA, or one that waits, signs calls or protects mail.
 */
static int
readdefaults(struct certstore *store, const struct cs_put *put,
    struct cs_buf *text, struct certstore_error *err)
{
	struct cs_buf all = { 0 };
	struct cs_propline l;
	size_t pos = 0;
	int bad = 0, rv;

	if ((rv = cs_settings_read(store, "@new", &all, err)) == 0 &&
	    (rv = cs_props_check("@new", &all, err)) == 0) {
		while (cs_props_nextline(&all, &pos, &l))
			if (!isword(&l, "group") || cs_put_serves(put))
				bad |= addtext(text, &l);
		if (bad != 0)
			rv = cs_fail_nomem(err);
	}
	cs_buf_free(&all);
	return rv;
}

/*
 * Does what replaces an entry have a key that its group must not read?  The
 * group of a TLS server is not that of another key, and the key of a CA is for
 * no group that it was not given to.
 */
int
cs_newprops_dropsgroup(const struct cs_put *put,
    const struct certstore_entry *entry)
{
	const struct cs_info *info = &entry->info;
	const char *kind;
	size_t len = 0;

	if (info->kind == NULL || cs_put_serves(put) ||
	    (kind = cs_info_find(&put->file[CS_INFO], "kind", &len)) == NULL)
		return 0;
	return info->serves ||
	    (len == 2 && memcmp(kind, "ca", 2) == 0 &&
		strcmp(info->kind, "ca") != 0);
}

/*
 * Does what replaces an entry have another certificate?  Hold and
 * revoked are about the one that served.  Nothing is known of a damaged entry.
 */
static int
hasnewcert(const struct cs_put *put, const struct certstore_entry *entry)
{
	const char *old = entry->info.fingerprint, *new;
	size_t len = 0;

	if (entry->info.kind == NULL ||
	    (new = cs_info_find(&put->file[CS_INFO], "fingerprint", &len)) ==
		NULL)
		return 0;
	return old == NULL || strlen(old) != len || memcmp(old, new, len) != 0;
}

#define BY_HAND "put in by hand"
#define HOLD_MAX (7 * CS_DAY)

/*
 * Does somebody put a certificate into an entry that gets its own by ACME, which
 * must not be replaced at once?
 */
static int
isbyhand(const struct cs_put *put, const struct certstore_entry *entry)
{
	size_t len;

	return put->origin != NULL && strcmp(put->origin, "acme") != 0 &&
	    hasnewcert(put, entry) &&
	    cs_info_find(&put->file[CS_PROPS], "acme", &len) != NULL;
}

/* Holds renewal for a week, but not into the last quarter of its time. */
static int
addhold(struct cs_put *put)
{
	struct cs_info new = { 0 };
	struct certstore_error ignored;
	char when[CERTSTORE_TIME_LEN];
	int64_t now = certstore_time_now(), until = 0;
	int rv = 0;

	if (cs_buf_copy(&new.text, &put->file[CS_INFO]) == -1 ||
	    cs_info_parse(&new, &ignored) == -1)
		rv = -1;
	else
		until = new.ends - cs_due_span(&new) / 4;
	if (until > now + HOLD_MAX)
		until = now + HOLD_MAX;
	if (rv == 0 && until > now)
		rv = cs_buf_printf(&put->file[CS_PROPS],
		    "hold %s " BY_HAND "\n",
		    certstore_time_format(until, when));
	cs_info_free(&new);
	return rv;
}

/* Until when such a hold lasts that was just set: 1 or 0. */
int
cs_newprops_setshold(const struct cs_put *put,
    const struct certstore_entry *entry, char when[CERTSTORE_TIME_LEN])
{
	const char *hold;
	size_t len = 0, n;

	if (!isbyhand(put, entry) ||
	    (hold = cs_info_find(&put->file[CS_PROPS], "hold", &len)) == NULL)
		return 0;
	n = strcspn(hold, " \n");
	snprintf(when, CERTSTORE_TIME_LEN, "%.*s", (int)n, hold);
	return 1;
}

/* Until when a hold lasted that what replaces an entry ends: 1 or 0. */
int
cs_newprops_endshold(const struct cs_put *put,
    const struct certstore_entry *entry, int64_t *until)
{
	const char *reason;
	size_t len;

	return hasnewcert(put, entry) &&
	    cs_info_find(&put->file[CS_PROPS], "hold", &len) == NULL &&
	    cs_due_hold(&entry->info, until, &reason) &&
	    *until > certstore_time_now();
}

/* Has the CA of the store that signed it revoked it?  Then the props say so. */
static int
addrevoked(const struct certstore *store, struct cs_put *put)
{
	char serial[CS_SERIAL_LEN], text[CS_REVOKED_LEN];
	struct cs_revocation r;
	size_t len;

	if (put->signer[0] == '\0' || !cs_revoked_isused(store) ||
	    cs_info_find(&put->file[CS_PROPS], "revoked", &len) != NULL ||
	    cs_issued_described(serial, &put->file[CS_INFO]) == -1 ||
	    cs_revoked_find(store, put->signer, serial, &r) != 1)
		return 0;
	return cs_buf_printf(&put->file[CS_PROPS], "revoked %s\n",
	    cs_revoked_text(&r, text));
}

int
cs_newprops_compose(struct certstore *store, struct cs_put *put,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	const char *origin = put->origin;
	struct cs_buf *to = &put->file[CS_PROPS];
	struct cs_buf text = { 0 };
	struct cs_propline l;
	size_t i, len, pos = 0;
	int bad = 0, changed = 0, drops, isnew, rv = -1;

	if (entry == NULL) {
		if (readdefaults(store, put, &text, err) == -1)
			goto out;
	} else if (cs_props_text(entry, &text, err) == -1 ||
	    cs_props_check(put->name, &text, err) == -1)
		goto out;
	cs_buf_reset(to);
	if (origin == NULL && entry != NULL)
		origin = entry->info.origin;
	if (origin != NULL && *origin != '\0')
		bad = cs_buf_printf(to, "origin %s\n", origin);
	drops = entry != NULL && cs_newprops_dropsgroup(put, entry);
	isnew = entry != NULL && hasnewcert(put, entry);
	while (cs_props_nextline(&text, &pos, &l))
		if (!isword(&l, "origin") && !(drops && isword(&l, "group")) &&
		    !(isnew && (isword(&l, "hold") || isword(&l, "revoked"))))
			bad |= addtext(to, &l);
	for (i = 0; i < put->nchange && bad == 0; i++) {
		if ((rv = cs_propedit_apply(to, &put->change[i])) == -1)
			bad = -1;
		changed |= rv == 1;
	}
	if (bad == 0)
		bad = addrevoked(store, put);
	if (bad == 0 && entry != NULL && isbyhand(put, entry) &&
	    cs_info_find(to, "hold", &len) == NULL)
		bad = addhold(put);
	rv = bad == 0 ? changed : cs_fail_nomem(err);
	if (rv == 1)
		rv = cs_propedit_checksize(put->name, to, &text, err) == -1 ?
		    -1 :
		    1;
out:
	cs_buf_free(&text);
	return rv;
}
