/*
 * list.c: all entries, by name.  A bad one does not end the list.
 */
#include <stdlib.h>

#include "store/private.h"

struct certstore_list {
	struct certstore *store;
	struct cs_strings names;
	size_t next;
	struct certstore_entry entry;
};

struct certstore_list *
certstore_list_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_list *list;

	cs_error_clear(err);
	if ((list = calloc(1, sizeof(*list))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	list->store = store;
	if (cs_store_refresh(store, err) == -1 ||
	    cs_resolve_names(store, &list->names, err) == -1) {
		free(list);
		return NULL;
	}
	return list;
}

int
certstore_list_next(struct certstore_list *list,
    const struct certstore_entry **entry, struct certstore_error *err)
{
	cs_error_clear(err);
	*entry = NULL;
	while (list->next < list->names.n) {
		cs_progress(list->store, "reading", list->next, list->names.n);
		if (cs_entry_glance(list->store, list->names.v[list->next++],
			&list->entry, err) == 0) {
			*entry = &list->entry;
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
	return 0;
}

/*
 * The name that certstore_list_next() was at last, and its info as far as
 * known.
 */
const char *
cs_list_last(const struct certstore_list *list, const struct cs_info **info)
{
	*info = &list->entry.info;
	return list->names.v[list->next - 1];
}

void
certstore_list_free(struct certstore_list *list)
{
	if (list == NULL)
		return;
	cs_entry_done(&list->entry);
	cs_strings_free(&list->names);
	free(list);
}
