/*
 * waiting.c: how far the ACME order is whose request waits in an entry.
 */
#include <string.h>

#include "due/private.h"

/* The state of the order, of which nothing may be known. */
static const char *
nameorder(const struct certstore_entry *entry, int64_t *since)
{
	struct certstore_error ignored;
	struct cs_buf text = { 0 };
	const char *state = "waiting";
	size_t len;

	if (cs_orderstate_read(entry->store, entry->info.name, &text,
		&ignored) == 1 &&
	    cs_orderstate_isours(&text, &entry->info)) {
		*since = cs_orderstate_time(&text, "since");
		if (cs_orderstate_find(&text, "held", &len) != NULL)
			state = "held";
		else if (cs_orderstate_is(&text, "status", "processing"))
			state = "processing";
		else if (cs_orderstate_find(&text, "url", &len) != NULL)
			state = "pending";
	}
	cs_buf_free(&text);
	return state;
}

const char *
certstore_entry_order(const struct certstore_entry *entry, int64_t *since)
{
	const struct cs_info *info = &entry->info;
	struct cs_attempt attempt;
	const char *state;

	*since = 0;
	if (entry->store == NULL || info->name == NULL || !info->hasrequest ||
	    !info->ordered)
		return NULL;
	state = nameorder(entry, since);
	if (strcmp(state, "held") != 0 &&
	    cs_attempt_read(entry->store, info, certstore_time_now(),
		&attempt) == 1) {
		state = "failed";
		*since = attempt.since;
		cs_attempt_done(&attempt);
	}
	return state;
}
