/*
 * orderwrite.c: changes of acme/orders/NAME/state, each of which is on disk when
 * it is done.
 */
#include <stdint.h>

#include "store/private.h"

#define FILE_NAME "state"

int
cs_orderwrite_change(struct cs_buf *text, const char *key,
    enum certstore_set_how how, const char *value)
{
	const struct cs_propchange change = { .prop = (char *)(uintptr_t)key,
		.how = how,
		.value = (char *)(uintptr_t)value };

	return cs_propedit_apply(text, &change);
}

/*
 * Replaces the state; index/next gets its moment before, and loses the one of
 * the state before it after that.
 */
int
cs_orderwrite_state(struct certstore *store, const char *name, int dir,
    const struct cs_buf *text, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_buf was = { 0 };
	int64_t next, old;
	int rv = -1;

	if (cs_orderstate_read(store, name, &was, err) == -1)
		goto out;
	old = cs_orderstate_moment(&was);
	next = cs_orderstate_moment(text);
	if (old != next) {
		if (cs_lock_take(store, err) == -1)
			goto out;
		if (next != 0 && cs_index_addmoment(store, name, next) == -1) {
			cs_fail_errno(err, "%s/index/next", store->path);
			goto unlock;
		}
	}
	rv = text->len > 0 ? cs_file_replace(dir, FILE_NAME, text, 0600) :
			     cs_file_remove(dir, FILE_NAME);
	if (rv == -1)
		cs_fail_errno(err, "%s/acme/orders/%s/" FILE_NAME, store->path,
		    name);
	else if (old != next && old != 0) {
		(void)cs_entry_load(store, name, &entry, err);
		cs_error_clear(err);
		(void)cs_index_dropmoment(store, name, old, next, &entry.info);
	}
unlock:
	if (old != next)
		cs_lock_release(store);
out:
	cs_entry_done(&entry);
	cs_buf_free(&was);
	return rv;
}
