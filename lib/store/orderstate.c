/*
 * orderstate.c: acme/orders/NAME, certstore(5): what is remembered of an ACME
 * order for an entry, and of its certificate.  It says nothing of the entry
 * unless it names the key of the request, or the certificate, that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define ORDERS "acme/orders"
#define STATE "state"

int
cs_orderstate_read(const struct certstore *store, const char *name,
    struct cs_buf *text, struct certstore_error *err)
{
	char path[sizeof(ORDERS) + CS_NAME_MAX + sizeof(STATE) + 2];

	cs_buf_reset(text);
	if (store->fd == -1)
		return 0;
	snprintf(path, sizeof(path), ORDERS "/%s/" STATE, name);
	if (cs_file_read(store->fd, path, CS_RECORD_MAX, text) == 0)
		return 1;
	cs_buf_reset(text);
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	return cs_fail_errno(err, "%s/%s", store->path, path);
}

/* Has the store anything of ACME?  As a rule not. */
int
cs_orderstate_isused(const struct certstore *store)
{
	return store->fd != -1 &&
	    faccessat(store->fd, "acme", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *
cs_orderstate_find(const struct cs_buf *text, const char *key, size_t *len)
{
	return text->p == NULL ? NULL : cs_info_find(text, key, len);
}

int
cs_orderstate_is(const struct cs_buf *text, const char *key, const char *value)
{
	const char *p;
	size_t len = 0;

	return value != NULL &&
	    (p = cs_orderstate_find(text, key, &len)) != NULL &&
	    strlen(value) == len && memcmp(p, value, len) == 0;
}

/* Seconds since the epoch, or 0. */
int64_t
cs_orderstate_time(const struct cs_buf *text, const char *key)
{
	const char *p;
	long long when;
	char *end;
	size_t len = 0;

	if ((p = cs_orderstate_find(text, key, &len)) == NULL)
		return 0;
	when = strtoll(p, &end, 10);
	return end == p + len && when > 0 && when <= INT64_C(253402300799) ?
	    when :
	    0;
}

/* When there is something to do for the certificate, 0: by its end alone. */
int64_t
cs_orderstate_moment(const struct cs_buf *text)
{
	int64_t next = cs_orderstate_time(text, "ari-next");
	int64_t point = cs_orderstate_time(text, "ari-point");

	return point != 0 && (next == 0 || point < next) ? point : next;
}

/* Removes all of it, and its link in index/next: -1 and errno. */
int
cs_orderstate_remove(struct certstore *store, const char *name)
{
	char path[sizeof(ORDERS) + CS_NAME_MAX + 2];
	struct certstore_error err;
	struct cs_buf text = { 0 };
	int64_t moment;
	int rv;

	if (faccessat(store->fd, ORDERS, F_OK, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	snprintf(path, sizeof(path), ORDERS "/%s", name);
	if (cs_orderstate_read(store, name, &text, &err) == 1 &&
	    (moment = cs_orderstate_moment(&text)) != 0)
		(void)cs_index_dropmoment(store, name, moment, 0, NULL);
	rv = cs_file_rmtree(store->fd, path);
	cs_buf_free(&text);
	return rv;
}

/* Is the state about the request that waits? */
int
cs_orderstate_isours(const struct cs_buf *text, const struct cs_info *info)
{
	return info->hasrequest && info->ordered &&
	    cs_orderstate_is(text, "spki", info->request);
}

int
cs_orderstate_underway(const struct certstore_entry *entry,
    struct cs_underway *way, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	struct cs_buf text = { 0 };
	size_t len;
	int rv;

	memset(way, 0, sizeof(*way));
	if (info->name == NULL || !info->hasrequest || !info->ordered)
		return 0;
	if ((rv = cs_orderstate_read(entry->store, info->name, &text, err)) ==
	    1) {
		rv = cs_orderstate_isours(&text, info) &&
		    !cs_orderstate_is(&text, "status", "invalid") &&
		    cs_orderstate_find(&text, "url", &len) != NULL;
		way->processing = cs_orderstate_is(&text, "status",
		    "processing");
		way->signs = way->processing ||
		    cs_orderstate_is(&text, "status", "valid");
		certstore_time_format(cs_orderstate_time(&text, "since"),
		    way->since);
	}
	cs_buf_free(&text);
	return rv;
}
