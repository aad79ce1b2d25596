/*
 * sets.c: the names of all trust sets but the default one.
 */
#include <stdlib.h>

#include "trust/private.h"

struct certstore_trustsets {
	struct cs_strings names;
	size_t next;
};

struct certstore_trustsets *
certstore_trustsets_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_trustsets *sets;

	cs_error_clear(err);
	if ((sets = calloc(1, sizeof(*sets))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if (cs_store_refresh(store, err) == -1 ||
	    (cs_setgen_names(store, &sets->names) == -1 &&
		cs_fail_errno(err, "%s/trusts", certstore_path(store)) == -1)) {
		certstore_trustsets_free(sets);
		return NULL;
	}
	return sets;
}

int
certstore_trustsets_next(struct certstore_trustsets *sets, const char **name)
{
	*name = NULL;
	if (sets->next == sets->names.n) {
		sets->next = 0;
		return 0;
	}
	*name = sets->names.v[sets->next++];
	return 1;
}

void
certstore_trustsets_free(struct certstore_trustsets *sets)
{
	if (sets == NULL)
		return;
	cs_strings_free(&sets->names);
	free(sets);
}
