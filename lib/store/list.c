/*
 * list.c: all entries, or those that expire soon, by name.  A bad one does not
 * end the list.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/private.h"

struct certstore_list {
	struct certstore *store;
	struct cs_strings names;
	size_t next;
	int ending; /* only what expires within a span as of a time */
	struct certstore_span within;
	int64_t now;
	struct certstore_entry own, *entry; /* that one, or one of ahead */
	struct cs_ahead *ahead;		    /* NULL: not begun */
	unsigned int epoch;		    /* when that was begun */
};

/* What a thread has: certs/, which stays open while the store reopens it. */
struct reader {
	int certs;
};

static void *
beginlisting(void *arg)
{
	const struct certstore_list *list = arg;
	struct reader *r;

	if ((r = malloc(sizeof(*r))) == NULL)
		return NULL;
	r->certs = fcntl(list->store->certs, F_DUPFD_CLOEXEC, 0);
	if (r->certs == -1) {
		free(r);
		return NULL;
	}
	return r;
}

static int
readlisted(void *arg, const char *name, void *slot)
{
	const struct reader *r = arg;

	return cs_entry_peek(r->certs, name, slot);
}

static void
endlisting(void *arg)
{
	struct reader *r = arg;

	close(r->certs);
	free(r);
}

static void
cleanlisted(void *slot)
{
	cs_entry_done(slot);
}

static const struct cs_aheadcalls readers = { sizeof(struct certstore_entry),
	beginlisting, readlisted, endlisting, cleanlisted };

static struct certstore_list *
newlist(struct certstore *store, struct certstore_error *err)
{
	struct certstore_list *list;

	cs_error_clear(err);
	if ((list = calloc(1, sizeof(*list))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	list->store = store;
	list->entry = &list->own;
	if (cs_store_refresh(store, err) == 0)
		return list;
	free(list);
	return NULL;
}

struct certstore_list *
certstore_list_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_list *list;

	if ((list = newlist(store, err)) == NULL ||
	    cs_resolve_names(store, &list->names, err) == 0)
		return list;
	certstore_list_free(list);
	return NULL;
}

/* The names of entries that may expire within a span. */
static int
searchending(struct certstore_list *list, struct certstore_error *err)
{
	const struct certstore_span *within = &list->within;
	int64_t until = within->secs;

	/* a part of the validity ends at any time */
	if (within->type == CERTSTORE_SPAN_PART)
		return cs_resolve_names(list->store, &list->names, err);
	if (within->type == CERTSTORE_SPAN_FOR)
		until += list->now;
	return cs_search_moments(list->store, CS_INDEX_ENDS, until,
		   &list->names) == 0 ?
	    0 :
	    cs_fail_errno(err, "%s/index/" CS_INDEX_ENDS,
		certstore_path(list->store));
}

struct certstore_list *
certstore_list_ending(struct certstore *store,
    const struct certstore_span *within, int64_t now,
    struct certstore_error *err)
{
	struct certstore_list *list;

	if (cs_time_checkspan(within, err) == -1 ||
	    (list = newlist(store, err)) == NULL)
		return NULL;
	list->ending = 1;
	list->within = *within;
	list->now = now == CERTSTORE_NOW ? certstore_time_now() : now;
	if (searchending(list, err) == 0)
		return list;
	certstore_list_free(list);
	return NULL;
}

static int
isending(const struct certstore_list *list)
{
	const char *subject;
	int64_t ends;

	return !list->ending ||
	    certstore_entry_ends_within(list->entry, &list->within, list->now,
		&subject, &ends) == 1;
}

/* Loads the next entry, or takes it as a thread has read it. */
static int
loadnext(struct certstore_list *list, struct certstore_error *err)
{
	struct certstore *store = list->store;
	size_t i = list->next++;
	int rv;

	if (list->ahead != NULL && list->epoch != store->epoch) {
		cs_ahead_free(list->ahead);
		list->ahead = NULL;
	}
	if (list->ahead == NULL) {
		list->epoch = store->epoch;
		list->ahead = cs_ahead_new(&list->names, &readers, list);
		if (list->ahead == NULL)
			return cs_fail_nomem(err);
	}
	list->entry = cs_ahead_get(list->ahead, i);
	if (list->entry != NULL) {
		list->entry->store = store;
		list->entry->epoch = store->epoch;
		return 0;
	}
	list->entry = &list->own;
	rv = cs_entry_glance(store, list->names.v[i], list->entry, err);
	cs_ahead_done(list->ahead, i);
	return rv;
}

int
certstore_list_next(struct certstore_list *list,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	cs_error_clear(err);
	*entry = NULL;
	while (list->next < list->names.n) {
		cs_progress(list->store, "reading", list->next, list->names.n);
		if (loadnext(list, err) == 0) {
			if (!isending(list))
				continue;
			*entry = list->entry;
			return 1;
		}
		if (err->code == CERTSTORE_EDAMAGED &&
		    cs_resolve_isstray(list->store,
			list->names.v[list->next - 1]))
			cs_warn(list->store, "%s", err->msg);
		else if (err->code != CERTSTORE_ENOENTRY)
			return -1;
		cs_error_clear(err); /* removed since, or no entry */
	}
	list->next = 0;
	list->entry = &list->own;
	cs_ahead_free(list->ahead);
	list->ahead = NULL;
	return 0;
}

/*
 * The name that certstore_list_next() was at last, and its info as far as
 * known.
 */
const char *
cs_list_last(const struct certstore_list *list, const struct cs_info **info)
{
	*info = &list->entry->info;
	return list->names.v[list->next - 1];
}

void
certstore_list_free(struct certstore_list *list)
{
	if (list == NULL)
		return;
	cs_ahead_free(list->ahead);
	cs_entry_done(&list->own);
	cs_strings_free(&list->names);
	free(list);
}
