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
int
cs_settings_load(struct certstore *store, struct cs_buf *all,
    struct certstore_error *err)
{
	cs_buf_reset(all);
	if (store->fd == -1 ||
	    cs_file_record(store->fd, FILE_NAME, CS_RECORD_MAX, all) == 0)
		return 0;
	if (errno == ENOENT)
		return 0;
	return cs_fail_errno(err, "%s/" FILE_NAME, store->path);
}

#define TRUST "@trust" /* or with a slash and the name of a set */

int
cs_settings_istrust(const char *name)
{
	size_t len = strlen(TRUST);

	return strncmp(name, TRUST, len) == 0 &&
	    (name[len] == '\0' ||
		(name[len] == '/' && cs_trustname_isvalid(name + len + 1)));
}

int
cs_settings_issection(const char *name)
{
	return strcmp(name, "@new") == 0 || strcmp(name, "@store") == 0 ||
	    cs_settings_istrust(name);
}

static int
isinsection(const struct cs_propline *l, const char *section)
{
	return strlen(section) == l->wordlen &&
	    memcmp(section, l->word, l->wordlen) == 0;
}

/* The lines of a section, without its name: 0, or -1 without memory. */
static int
copysection(struct cs_buf *lines, const struct cs_buf *all, const char *section)
{
	struct cs_propline l;
	size_t pos = 0;
	int bad = 0;

	while (cs_props_nextline(all, &pos, &l))
		if (isinsection(&l, section))
			bad |= cs_buf_add(lines, l.value, l.len) |
			    cs_buf_add(lines, "\n", 1);
	return bad == 0 ? 0 : -1;
}

int
cs_settings_read(struct certstore *store, const char *section,
    struct cs_buf *lines, struct certstore_error *err)
{
	struct cs_buf all = { 0 };
	int rv;

	if ((rv = cs_settings_load(store, &all, err)) == 0 &&
	    copysection(lines, &all, section) == -1)
		rv = cs_fail_nomem(err);
	cs_buf_free(&all);
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

int
cs_settings_edit(struct cs_buf *all, const char *section,
    const struct cs_propchange *change, size_t n, struct certstore_error *err)
{
	struct cs_buf lines = { 0 }, to = { 0 };
	int changed = 0, rv = -1;
	size_t i;

	if (copysection(&lines, all, section) == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	if (cs_props_check(section, &lines, err) == -1)
		goto out;
	for (i = 0; i < n; i++) {
		if ((rv = cs_propedit_apply(&lines, &change[i])) == -1) {
			cs_fail_nomem(err);
			goto out;
		}
		changed |= rv;
	}
	rv = changed;
	if (!changed)
		goto out;
	if (composesettings(&to, all, section, &lines) == -1) {
		rv = cs_fail_nomem(err);
		goto out;
	}
	if ((rv = cs_propedit_checksize(section, &to, all, err)) == -1)
		goto out;
	cs_buf_free(all);
	*all = to;
	memset(&to, 0, sizeof(to));
	rv = 1;
out:
	cs_buf_free(&lines);
	cs_buf_free(&to);
	return rv;
}

int
cs_settings_prepare(struct certstore *store, const struct cs_buf *all)
{
	int fd = -1, rv;

	if (cs_file_remove(store->fd, TMP) == -1 ||
	    cs_file_write(store->fd, TMP, all, FILE_MODE, (gid_t)-1, &fd) == -1)
		return -1;
	rv = fsync(fd);
	close(fd);
	return rv;
}

int
cs_settings_switch(struct certstore *store)
{
	if (cs_file_rename(store->fd, TMP, FILE_NAME) == -1)
		return -1;
	return cs_store_sync(store, store->fd);
}

void
cs_settings_cancel(struct certstore *store)
{
	(void)cs_file_remove(store->fd, TMP);
}

/* The section of a line, if that is one of a trust set: 1 or 0. */
static int
istrustline(const struct cs_propline *l,
    char section[sizeof(TRUST "/") + CS_TRUSTNAME_MAX])
{
	if (l->wordlen > strlen(TRUST "/") + CS_TRUSTNAME_MAX)
		return 0;
	memcpy(section, l->word, l->wordlen);
	section[l->wordlen] = '\0';
	return cs_settings_istrust(section);
}

/* Is it "user NAME"? */
static int
isuserline(const struct cs_propline *l)
{
	return l->wordlen == strlen("user") && l->len > 0 &&
	    memcmp(l->word, "user", l->wordlen) == 0;
}

int
cs_settings_trustusers(struct certstore *store,
    int (*fn)(void *, const char *, const char *), void *arg,
    struct certstore_error *err)
{
	char section[sizeof(TRUST "/") + CS_TRUSTNAME_MAX];
	struct cs_buf all = { 0 }, line = { 0 };
	struct cs_propline l, prop;
	size_t at, pos = 0;
	int rv;

	rv = cs_settings_load(store, &all, err);
	while (rv == 0 && cs_props_nextline(&all, &pos, &l)) {
		if (!istrustline(&l, section))
			continue;
		cs_buf_reset(&line);
		at = 0;
		if (cs_buf_add(&line, l.value, l.len) == -1)
			rv = cs_fail_nomem(err);
		else if (cs_props_nextline(&line, &at, &prop) &&
		    isuserline(&prop))
			rv = fn(arg, section, prop.value);
	}
	cs_buf_free(&all);
	cs_buf_free(&line);
	return rv;
}
