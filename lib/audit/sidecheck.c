/*
 * sidecheck.c: entries looked at side by side, where reading them is waiting:
 * each thread has a copy of the audit and a handle of the store.  Only what is
 * in order is taken from them: the caller looks again at any other entry.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"

/* What is known of an entry that is in order. */
struct slot {
	size_t nindex, ncombined;
	int64_t ends, filesec;
	unsigned long gen;
	int users, hasrsa, hasother, unread;
};

static void *
beginside(void *arg)
{
	const struct certstore_audit *whole = arg;
	struct certstore_audit *side;
	struct certstore_error err;

	if ((side = malloc(sizeof(*side))) == NULL)
		return NULL;
	*side = *whole;
	/* what it would change, or free */
	memset(&side->entry, 0, sizeof(side->entry));
	memset(&side->told, 0, sizeof(side->told));
	side->haslog = 0;
	side->queue = NULL;
	side->nqueue = side->size = side->nextfinding = 0;
	side->group = side->signer = NULL;
	side->signerdir = -1;
	side->store = certstore_open(certstore_path(whole->store), 0, &err);
	if (side->store != NULL)
		return side;
	free(side);
	return NULL;
}

static int
lookside(void *arg, const char *name, void *to)
{
	struct certstore_audit *side = arg;
	struct slot *slot = to;

	side->nindex = side->ncombined = 0;
	side->ends = INT64_MAX;
	side->users = side->hasrsa = side->hasother = side->unread = 0;
	if (!cs_entrycheck_isclean(side, name))
		return 0;
	slot->nindex = side->nindex;
	slot->ncombined = side->ncombined;
	slot->ends = side->ends;
	slot->filesec = side->entry.info.filesec;
	slot->gen = side->entry.info.gen;
	slot->users = side->users;
	slot->hasrsa = side->hasrsa;
	slot->hasother = side->hasother;
	slot->unread = side->unread;
	return 1;
}

static void
endside(void *arg)
{
	struct certstore_audit *side = arg;

	cs_finding_drop(side, 0);
	free(side->queue);
	free(side->group);
	free(side->signer);
	cs_file_close(&side->signerdir);
	cs_entry_done(&side->entry);
	certstore_close(side->store);
	free(side);
}

static void
cleanside(void *slot)
{
	(void)slot;
}

const struct cs_aheadcalls cs_sidecheck_calls = { sizeof(struct slot),
	beginside, lookside, endside, cleanside };

/* Takes over what a thread knows, if the log tells of it, too: 1, 0. */
int
cs_sidecheck_take(struct certstore_audit *audit, const char *name,
    const void *from)
{
	const struct slot *slot = from;
	const struct cs_info info = { .name = name,
		.gen = slot->gen,
		.filesec = slot->filesec };

	if (audit->haslog == 1 &&
	    cs_log_lacks(audit->store, &audit->told, &info))
		return 0;
	audit->nindex += slot->nindex;
	audit->ncombined += slot->ncombined;
	if (slot->ends < audit->ends)
		audit->ends = slot->ends;
	audit->users |= slot->users;
	audit->hasrsa |= slot->hasrsa;
	audit->hasother |= slot->hasother;
	audit->unread |= slot->unread;
	return 1;
}
