/*
 * repairs.c: repairs what can be repaired without losing anything.
 */
#include <stdlib.h>

#include "audit/private.h"

struct certstore_repair {
	struct cs_repair in;
};

struct certstore_repair *
certstore_repair_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_repair *repair;

	cs_error_clear(err);
	if ((repair = calloc(1, sizeof(*repair))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	repair->in.store = store;
	cs_store_allowcopy(store);
	return repair;
}

void
certstore_repair_free(struct certstore_repair *repair)
{
	if (repair == NULL)
		return;
	cs_strings_free(&repair->in.names);
	free(repair);
}

int
certstore_repair_add(struct certstore_repair *repair, const char *name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_name_check(name, err) == -1)
		return -1;
	return cs_strings_add(&repair->in.names, name) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

void
certstore_repair_set_dryrun(struct certstore_repair *repair)
{
	repair->in.dry = 1;
}

void
certstore_repair_set_force(struct certstore_repair *repair)
{
	repair->in.force = 1;
}

/* How many things were repaired, or would be; -1 if something could not be. */
int
certstore_repair_run(struct certstore_repair *repair,
    void (*told)(void *, const struct certstore_repaired *),
    void (*failed)(void *, const char *, const struct certstore_error *),
    void *arg, struct certstore_error *err)
{
	struct cs_repair *r = &repair->in;

	cs_error_clear(err);
	r->told = told;
	r->failed = failed;
	r->arg = arg;
	r->count = r->nfailed = 0;
	if (cs_repair_store(r, err) == -1)
		return -1;
	return (int)r->count;
}
