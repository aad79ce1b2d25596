/*
 * settings.c: STORE/props, certstore(5): what holds for the store as a whole
 * and for entries to come.  A line begins with its section:
 *
 *	@new group ssl-cert
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define FILE_NAME "props"
#define TMP ".props@new" /* of a writer; one left behind is written over */
#define FILE_MODE 0644

/* The whole file; empty if there is none. */
static int
readsettings(struct certstore *store, struct cs_buf *text,
    struct certstore_error *err)
{
	cs_buf_reset(text);
	if (store->fd == -1 ||
	    cs_file_record(store->fd, FILE_NAME, CS_RECORD_MAX, text) == 0)
		return 0;
	if (errno == ENOENT)
		return 0;
	return cs_fail_errno(err, "%s/" FILE_NAME, store->path);
}

static int
isinsection(const struct cs_propline *l, const char *section)
{
	return strlen(section) == l->wordlen &&
	    memcmp(section, l->word, l->wordlen) == 0;
}

int
cs_settings_read(struct certstore *store, const char *section,
    struct cs_buf *lines, struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	struct cs_propline l;
	size_t pos = 0;
	int bad = 0, rv;

	if ((rv = readsettings(store, &text, err)) == 0) {
		while (cs_props_nextline(&text, &pos, &l))
			if (isinsection(&l, section))
				bad |= cs_buf_add(lines, l.value, l.len) |
				    cs_buf_add(lines, "\n", 1);
		if (bad != 0)
			rv = cs_fail_nomem(err);
	}
	cs_buf_free(&text);
	return rv;
}

/* The file with other lines in this section, which come last. */
static int
composesettings(struct cs_buf *to, const struct cs_buf *text,
    const char *section, const struct cs_buf *lines)
{
	struct cs_propline l;
	size_t pos = 0;
	int bad = 0;

	while (cs_props_nextline(text, &pos, &l)) {
		if (isinsection(&l, section))
			continue;
		bad |= cs_buf_add(to, l.text, l.textlen);
		bad |= cs_buf_add(to, "\n", 1);
	}
	for (pos = 0; cs_props_nextline(lines, &pos, &l);) {
		bad |= cs_buf_printf(to, "%s ", section);
		bad |= cs_buf_add(to, l.text, l.textlen);
		bad |= cs_buf_add(to, "\n", 1);
	}
	return bad == 0 ? 0 : -1;
}

/* One rename(2) puts it in place. */
static int
replacesettings(struct certstore *store, const struct cs_buf *text)
{
	int fd = -1, rv;

	if (cs_file_remove(store->fd, TMP) == -1 ||
	    cs_file_write(store->fd, TMP, text, FILE_MODE, (gid_t)-1, &fd) ==
		-1)
		return -1;
	rv = fsync(fd);
	close(fd);
	if (rv == -1 || cs_file_rename(store->fd, TMP, FILE_NAME) == -1)
		return -1;
	return cs_store_sync(store, store->fd);
}

int
cs_settings_change(struct certstore *store, const char *section,
    const struct cs_propchange *change, size_t n, int dryrun,
    struct certstore_error *err)
{
	struct cs_buf lines = { 0 }, text = { 0 }, to = { 0 };
	int changed = 0, one, rv = -1;
	size_t i;

	if (readsettings(store, &text, err) == -1 ||
	    cs_settings_read(store, section, &lines, err) == -1 ||
	    cs_props_check(section, &lines, err) == -1)
		goto out;
	for (i = 0; i < n; i++) {
		if ((one = cs_propedit_apply(&lines, &change[i])) == -1) {
			cs_fail_nomem(err);
			goto out;
		}
		changed |= one;
	}
	if (changed && composesettings(&to, &text, section, &lines) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	if (cs_propedit_checksize(section, &to, &text, err) == -1)
		goto out;
	if (changed && !dryrun) {
		if (replacesettings(store, &to) == -1) {
			cs_fail_errno(err, "%s/" FILE_NAME, store->path);
			goto out;
		}
	}
	rv = changed;
out:
	cs_buf_free(&lines);
	cs_buf_free(&text);
	cs_buf_free(&to);
	return rv;
}
