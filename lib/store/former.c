/*
 * former.c: the earlier certificates of an entry: that of the kept generation,
 * and those that the log tells of.
 */
#include <stdio.h>
#include <string.h>

#include "store/private.h"

#define LOG_MAX (16 * 1024 * 1024) /* a larger one is not searched */

/* Has the log a line about the entry with this certificate?  0 also if it cannot
 * be read: it is for those who may read logs. */
static int
islogged(const struct certstore *store, const char *name,
    const char *fingerprint)
{
	char entry[CS_NAME_MAX + 16], hex[80];
	struct cs_buf b = { 0 };
	const char *end, *line, *nl;
	size_t len;
	int rv = 0;

	snprintf(entry, sizeof(entry), "\"entry\":\"%s\"", name);
	snprintf(hex, sizeof(hex), "\"%.64s\"", fingerprint);
	if (store->fd != -1 &&
	    cs_file_read(store->fd, CS_LOG_FILE, LOG_MAX, &b) == 0 &&
	    b.p != NULL) {
		end = b.p + b.len;
		for (line = b.p; rv == 0 && line < end; line += len + 1) {
			nl = memchr(line, '\n', (size_t)(end - line));
			len = (size_t)((nl == NULL ? end : nl) - line);
			rv = memmem(line, len, hex, strlen(hex)) != NULL &&
			    memmem(line, len, entry, strlen(entry)) != NULL;
		}
	}
	cs_buf_free(&b);
	return rv;
}

int
certstore_entry_had(const struct certstore_entry *entry,
    const char *fingerprint)
{
	return entry->store != NULL &&
	    (cs_revert_iskept(entry, fingerprint) ||
		islogged(entry->store, entry->info.name, fingerprint));
}
