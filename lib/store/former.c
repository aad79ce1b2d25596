/*
 * former.c: the earlier certificates of an entry: that of the kept generation,
 * and those that the log tells of.
 */
#include <stdio.h>
#include <string.h>

#include "store/private.h"

/* What a line has that is about an entry with a certificate. */
struct former {
	char entry[CS_NAME_MAX + 16], hex[80];
};

static int
isofformer(void *arg, const char *line, size_t len)
{
	const struct former *f = arg;

	return memmem(line, len, f->hex, strlen(f->hex)) != NULL &&
	    memmem(line, len, f->entry, strlen(f->entry)) != NULL;
}

/* Has the log a line about the entry with this certificate?  0 also if it cannot
 * be read: it is for those who may read logs. */
static int
islogged(const struct certstore *store, const char *name,
    const char *fingerprint)
{
	struct former f;

	snprintf(f.entry, sizeof(f.entry), "\"entry\":\"%s\"", name);
	snprintf(f.hex, sizeof(f.hex), "\"%.64s\"", fingerprint);
	return cs_log_each(store, isofformer, &f) == 1;
}

int
certstore_entry_had(const struct certstore_entry *entry,
    const char *fingerprint)
{
	return entry->store != NULL &&
	    (cs_revert_iskept(entry, fingerprint) ||
		islogged(entry->store, entry->info.name, fingerprint));
}
