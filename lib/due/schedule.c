/*
 * schedule.c: which entries are due, which are not and why, certstore_due(3).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "due/private.h"

/* An entry; its strings belong to it. */
struct item {
	struct certstore_renewal row;
	struct certstore_entry entry;
	struct cs_attempt attempt;
	char why[160];
};

struct certstore_due {
	struct certstore *store;
	int64_t when, begun;
	struct certstore_span within;
	int haswithin;
	struct cs_strings names;
	int named, searched;
	struct item **items;
	size_t nitem, size, next;
	size_t nname; /* names that became items */
	struct cs_ahead *ahead;
};

struct certstore_due *
certstore_due_new(struct certstore *store, int64_t when,
    struct certstore_error *err)
{
	struct certstore_due *due;

	cs_error_clear(err);
	if ((due = calloc(1, sizeof(*due))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	due->store = store;
	due->begun = certstore_time_now();
	due->when = when == CERTSTORE_NOW ? due->begun : when;
	return due;
}

static void
freeitem(struct item *item)
{
	cs_attempt_done(&item->attempt);
	cs_entry_done(&item->entry);
	free(item);
}

void
certstore_due_free(struct certstore_due *due)
{
	if (due == NULL)
		return;
	cs_ahead_free(due->ahead);
	while (due->nitem > 0)
		freeitem(due->items[--due->nitem]);
	free(due->items);
	cs_strings_free(&due->names);
	free(due);
}

int
certstore_due_set_within(struct certstore_due *due,
    const struct certstore_span *within, struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_time_checkspan(within, err) == -1)
		return -1;
	due->within = *within;
	due->haswithin = 1;
	return 0;
}

int
certstore_due_add(struct certstore_due *due, const char *name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_name_check(name, err) == -1)
		return -1;
	due->named = 1;
	return cs_strings_add(&due->names, name) == -1 ? cs_fail_nomem(err) : 0;
}

int
certstore_due_add_all(struct certstore_due *due, struct certstore_error *err)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	int rv;

	cs_error_clear(err);
	if ((list = certstore_list_new(due->store, err)) == NULL)
		return -1;
	while ((rv = certstore_list_next(list, &entry, err)) != 0) {
		if (rv == -1)
			cs_warn(due->store, "%s", err->msg);
		else if (cs_strings_add(&due->names,
			     certstore_entry_name(entry)) == -1) {
			certstore_list_free(list);
			return cs_fail_nomem(err);
		}
	}
	certstore_list_free(list);
	cs_error_clear(err);
	due->searched = 1;
	return 0;
}

/* Which rule makes it due. */
static void
nameorigin(const struct certstore_due *due, struct item *item)
{
	const struct cs_info *info = &item->entry.info;

	if (info->fingerprint == NULL || cs_due_waits(info))
		snprintf(item->why, sizeof(item->why), "waiting");
	else if (info->revoked != NULL)
		snprintf(item->why, sizeof(item->why), "revoked");
	else if (due->haswithin)
		snprintf(item->why, sizeof(item->why), "within");
	else if (info->renew != NULL && strcmp(info->renew, "yes") != 0)
		snprintf(item->why, sizeof(item->why), "renew=%.60s",
		    info->renew);
	else
		snprintf(item->why, sizeof(item->why), "%s",
		    cs_due_span(info) > (info->ends - info->starts) / 3 ?
			"half" :
			"third");
}

/*
 * What is known of the ACME order: the point that was drawn for the certificate
 * that serves (RFC 9773 section 4.2), or the next time to ask for one, and
 * whether a new certificate is held.
 */
static void
judgeorder(const struct certstore_due *due, struct item *item)
{
	const struct cs_info *info = &item->entry.info;
	struct certstore_renewal *r = &item->row;
	struct certstore_error ignored;
	struct cs_buf text = { 0 };
	const char *held;
	int64_t next, point;
	size_t len = 0;

	if (cs_orderstate_read(due->store, info->name, &text, &ignored) != 1)
		goto out;
	if (cs_orderstate_is(&text, "cert-fingerprint", info->fingerprint)) {
		point = cs_orderstate_time(&text, "ari-point");
		next = cs_orderstate_time(&text, "ari-next");
		if (point != 0 && !due->haswithin &&
		    (point < r->due || info->renew == NULL ||
			strcmp(info->renew, "yes") == 0)) {
			r->due = point;
			snprintf(item->why, sizeof(item->why), "ari");
		}
		r->next = next != 0 && next < r->due ? next : r->due;
	}
	if (cs_orderstate_isours(&text, info) &&
	    (held = cs_orderstate_find(&text, "held", &len)) != NULL) {
		r->state = CERTSTORE_DUE_HELD;
		r->next = 0;
		snprintf(item->why, sizeof(item->why), "held: %.*s",
		    cs_escape_fit(held, len < 140 ? (int)len : 140), held);
	}
out:
	cs_buf_free(&text);
}

/* Sets all that the caller sees. */
static void
judgeitem(const struct certstore_due *due, struct item *item)
{
	const struct cs_info *info = &item->entry.info;
	struct certstore_renewal *r = &item->row;
	const char *never = cs_due_never(info, due->named), *reason;
	int64_t until;

	r->name = info->name;
	r->fingerprint = info->fingerprint;
	r->ends = info->ends;
	r->why = item->why;
	r->acme = info->acme;
	if (never != NULL) {
		r->state = CERTSTORE_DUE_NEVER;
		snprintf(item->why, sizeof(item->why), "%s", never);
		return;
	}
	nameorigin(due, item);
	r->due = cs_due_at(info, due->haswithin ? &due->within : NULL);
	if (r->due == 0)
		r->due = due->when;
	r->next = r->due;
	r->late = info->fingerprint == NULL ||
	    due->when > info->ends - cs_due_span(info) / 2;
	if (info->acme != NULL)
		judgeorder(due, item);
	if (r->state != CERTSTORE_DUE_HELD)
		r->state = r->due <= due->when ? CERTSTORE_DUE_NOW :
						 CERTSTORE_DUE_LATER;
	if (cs_attempt_read(due->store, info, due->begun, &item->attempt)) {
		r->failed = item->attempt.failed;
		r->since = item->attempt.since;
		r->text = item->attempt.text;
	}
	if (cs_due_hold(info, &until, &reason) && until > due->when) {
		r->state = CERTSTORE_DUE_HELD;
		r->next = until > r->due ? until : r->due;
		snprintf(item->why, sizeof(item->why), "held%s%s",
		    *reason == '\0' ? "" : ": ", reason);
	} else if (r->state == CERTSTORE_DUE_NOW && r->failed > 0 &&
	    item->attempt.next > due->when) {
		r->state = CERTSTORE_DUE_WAITING;
		r->next = item->attempt.next;
	}
}

/* What a thread has. */
struct reader {
	const struct certstore_due *due;
	int certs;
};

static void *
begindue(void *arg)
{
	const struct certstore_due *due = arg;
	struct reader *r;

	if ((r = malloc(sizeof(*r))) == NULL)
		return NULL;
	r->due = due;
	if ((r->certs = cs_store_opendir(due->store, "certs", 0)) != -1)
		return r;
	free(r);
	return NULL;
}

static int
readdue(void *arg, const char *name, void *slot)
{
	const struct reader *r = arg;
	struct item *item = slot;

	if (!cs_entry_peek(r->certs, name, &item->entry))
		return 0;
	item->entry.store = r->due->store;
	judgeitem(r->due, item);
	return 1;
}

static void
enddue(void *arg)
{
	struct reader *r = arg;

	close(r->certs);
	free(r);
}

static void
cleandue(void *slot)
{
	struct item *item = slot;

	cs_attempt_done(&item->attempt);
	cs_entry_done(&item->entry);
}

static const struct cs_aheadcalls readers = { sizeof(struct item), begindue,
	readdue, enddue, cleandue };

/* Takes over what a thread has read. */
static void
takeslot(struct item *item, struct item *slot)
{
	*item = *slot;
	memset(slot, 0, sizeof(*slot));
	item->row.why = item->why;
}

/* Reads an entry: 1, 0 there is nothing to say of it, -1. */
static int
readitem(struct certstore_due *due, size_t i, struct certstore_error *err)
{
	const char *name = due->names.v[i];
	struct item *item, *slot, **v;
	int rv = -1;

	v = cs_array_extend(due->items, due->nitem, &due->size, sizeof(*v));
	if (v != NULL)
		due->items = v;
	if (v == NULL || (item = calloc(1, sizeof(*item))) == NULL)
		return cs_fail_nomem(err);
	if ((slot = cs_ahead_get(due->ahead, i)) != NULL) {
		takeslot(item, slot);
		rv = 1;
	} else if (cs_entry_glance(due->store, name, &item->entry, err) == 0) {
		judgeitem(due, item);
		rv = 1;
	} else if (err->code == CERTSTORE_ENOENTRY && !due->named) {
		cs_error_clear(err); /* removed since */
		rv = 0;
	}
	cs_ahead_done(due->ahead, i);
	if (rv == 1)
		due->items[due->nitem++] = item;
	else
		freeitem(item);
	return rv;
}

/* Reads all that are named; after a failure the next call goes on. */
static int
readitems(struct certstore_due *due, struct certstore_error *err)
{
	if (due->ahead == NULL &&
	    (due->ahead = cs_ahead_new(&due->names, &readers, due)) == NULL)
		return cs_fail_nomem(err);
	while (due->nname < due->names.n)
		if (readitem(due, due->nname++, err) == -1)
			return -1;
	cs_ahead_free(due->ahead);
	due->ahead = NULL;
	return 0;
}

/* How much of the validity is left, in thousandths. */
static int64_t
partleft(const struct item *item, int64_t now)
{
	const struct cs_info *info = &item->entry.info;
	int64_t life = info->ends - info->starts;

	return life <= 0 ? 0 : (info->ends - now) * 1000 / life;
}

/* CAs first, so that what they issued is renewed once; then what is urgent. */
static int
compareitems(const void *va, const void *vb)
{
	const struct item *a = *(struct item *const *)va;
	const struct item *b = *(struct item *const *)vb;
	int ca = strcmp(a->entry.info.kind, "ca") == 0;
	int cb = strcmp(b->entry.info.kind, "ca") == 0;
	int64_t now = certstore_time_now();
	int64_t left = partleft(a, now) - partleft(b, now);

	if (ca != cb)
		return cb - ca;
	if (left != 0)
		return left < 0 ? -1 : 1;
	return strcmp(a->row.name, b->row.name);
}

/* The names that index/next has, if none were given. */
static int
searchnames(struct certstore_due *due, struct certstore_error *err)
{
	int64_t until = due->haswithin ? INT64_MAX : due->when;

	due->searched = 1;
	if (cs_store_refresh(due->store, err) == -1)
		return -1;
	if (cs_search_moments(due->store, CS_INDEX_NEXT, until, &due->names) ==
	    -1)
		return cs_fail_errno(err, "%s/index/next",
		    certstore_path(due->store));
	return 0;
}

int
certstore_due_next(struct certstore_due *due,
    const struct certstore_renewal **renewal, struct certstore_error *err)
{
	cs_error_clear(err);
	*renewal = NULL;
	if (!due->named && !due->searched && searchnames(due, err) == -1)
		return -1;
	if (due->nname == 0) /* renewed twice, the old pair would be lost */
		cs_strings_sort(&due->names);
	if (due->nname < due->names.n && readitems(due, err) == -1)
		return -1;
	if (due->next == 0 && due->nitem > 1)
		qsort(due->items, due->nitem, sizeof(struct item *),
		    compareitems);
	if (due->next == due->nitem) {
		due->next = 0;
		return 0;
	}
	*renewal = &due->items[due->next++]->row;
	return 1;
}

static struct item *
finditem(const struct certstore_due *due, const char *name)
{
	size_t i;

	for (i = 0; i < due->nitem; i++)
		if (strcmp(due->items[i]->row.name, name) == 0)
			return due->items[i];
	return NULL;
}

/* Does it have another certificate now than when it was judged? */
static int
isreplaced(const struct certstore_due *due, const struct item *item)
{
	const char *was = item->entry.info.fingerprint, *is;
	struct certstore_entry now = { 0 };
	struct certstore_error ignored;
	int rv = 0;

	if (cs_entry_glance(due->store, item->row.name, &now, &ignored) == 0) {
		is = now.info.fingerprint;
		rv = is != NULL && (was == NULL || strcmp(is, was) != 0);
	}
	cs_entry_done(&now);
	return rv;
}

/* Counts a failure, and updates the row; 1: another process renewed it. */
int
certstore_due_failed(struct certstore_due *due, const char *name,
    const char *text, struct certstore_error *err)
{
	struct item *item;

	cs_error_clear(err);
	if ((item = finditem(due, name)) == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: was not returned by certstore_due_next()", name);
	if (isreplaced(due, item))
		return 1;
	item->row.text = NULL;
	cs_attempt_done(&item->attempt);
	if (item->entry.info.fingerprint == NULL &&
	    item->entry.info.request == NULL)
		return 0;
	if (cs_backoff_add(due->store, &item->entry.info, due->begun, text,
		&item->attempt, err) == -1)
		return -1;
	item->row.failed = item->attempt.failed;
	item->row.since = item->attempt.since;
	item->row.next = item->attempt.next;
	item->row.text = item->attempt.text;
	item->row.state = CERTSTORE_DUE_WAITING;
	return 0;
}

/* Forgets the failures of an entry that was renewed. */
void
certstore_due_renewed(struct certstore_due *due, const char *name)
{
	cs_backoff_forget(due->store, name);
}
