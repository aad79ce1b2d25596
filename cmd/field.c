/*
 * field.c: the names of the fields of a record, and their values for an entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

const char *const cmd_field_names[CMD_NFIELD] = { "name", "kind", "ends",
	"left", "starts", "names", "subject", "issuer", "serial", "key",
	"fingerprint", "spki", "spc", "tn", "tnauth", "x5u", "origin",
	"tenants", "users", "group", "default", "host", "how", "order",
	"revoked", "dir", "certfile", "keyfile", "combinedfile", "cafile" };

/* Writes sha256:HEX or spki:HEX, as cert-match takes it; NULL stays NULL. */
static const char *
prefixhash(const char *prefix, const char *hex, char buf[CMD_STRING_LEN])
{
	if (hex == NULL)
		return NULL;
	snprintf(buf, CMD_STRING_LEN, "%s:%s", prefix, hex);
	return buf;
}

/* "failed since 2026-11-27T06:00:00Z" */
static const char *
nameorder(const struct certstore_entry *entry, char buf[CMD_STRING_LEN])
{
	char when[CERTSTORE_TIME_LEN];
	const char *state;
	int64_t since;

	if ((state = certstore_entry_order(entry, &since)) == NULL ||
	    since == 0)
		return state;
	snprintf(buf, CMD_STRING_LEN, "%s since %s", state,
	    certstore_time_format(since, when));
	return buf;
}

/* The value of a field that is one text; NULL: no value, or another field. */
const char *
cmd_field_string(const struct cmd_item *item, enum cmd_field field,
    char buf[CMD_STRING_LEN])
{
	switch (field) {
	case CMD_NAME:
		return certstore_entry_name(item->entry);
	case CMD_KIND:
		return certstore_entry_kind(item->entry);
	case CMD_SUBJECT:
		return certstore_entry_subject(item->entry);
	case CMD_ISSUER:
		return certstore_entry_issuer(item->entry);
	case CMD_SERIAL:
		return certstore_entry_serial(item->entry);
	case CMD_KEY:
		return certstore_entry_key(item->entry);
	case CMD_FINGERPRINT:
		return prefixhash("sha256",
		    certstore_entry_fingerprint(item->entry), buf);
	case CMD_SPKI:
		return prefixhash("spki", certstore_entry_spki(item->entry),
		    buf);
	case CMD_TNAUTH:
		return certstore_entry_tnauth(item->entry);
	case CMD_ORIGIN:
		return certstore_entry_origin(item->entry);
	case CMD_GROUP:
		return certstore_entry_group(item->entry);
	case CMD_HOST:
		return certstore_entry_host(item->entry);
	case CMD_REVOKED:
		return certstore_entry_revoked(item->entry);
	case CMD_ORDER:
		return nameorder(item->entry, buf);
	case CMD_HOW:
		return item->how != NULL ? item->how :
					   certstore_entry_how(item->entry);
	default:
		return NULL;
	}
}

/* Returns 1 and the time if the field is a time and has a value, else 0. */
int
cmd_field_time(const struct cmd_item *item, enum cmd_field field, int64_t *t)
{
	/* a waiting request has no fingerprint; a distrusted certificate may
	 * have nothing but its fingerprint */
	if (certstore_entry_fingerprint(item->entry) == NULL ||
	    (certstore_entry_key(item->entry) == NULL &&
		certstore_entry_ends(item->entry) == 0))
		return 0;
	if (field == CMD_STARTS)
		*t = certstore_entry_starts(item->entry);
	else if (field == CMD_ENDS || field == CMD_LEFT)
		*t = certstore_entry_ends(item->entry);
	else
		return 0;
	return 1;
}

int64_t
cmd_field_left(const struct cmd_item *item)
{
	int64_t days, secs;

	secs = certstore_entry_ends(item->entry) - item->now;
	days = secs / 86400;
	return secs % 86400 < 0 ? days - 1 : days;
}

/* The value of a field that is a path, for free(3); NULL as above. */
char *
cmd_field_path(const struct cmd_item *item, enum cmd_field field)
{
	switch (field) {
	case CMD_DIR:
		return certstore_entry_path(item->entry, CERTSTORE_DIRECTORY);
	case CMD_CERTFILE:
		return certstore_entry_path(item->entry, CERTSTORE_FULLCHAIN);
	case CMD_KEYFILE:
		return certstore_entry_path(item->entry, CERTSTORE_PRIVKEY);
	case CMD_COMBINEDFILE:
		return certstore_entry_path(item->entry, CERTSTORE_COMBINED);
	case CMD_CAFILE:
		return certstore_entry_path(item->entry, CERTSTORE_CA);
	case CMD_X5U:
		return certstore_entry_url(item->entry);
	default:
		return NULL;
	}
}

/* Adds the next value of a list; its commas are escaped as \054. */
static void
joinvalue(struct cmd_text *t, int *n, const char *s)
{
	char *at, *value, *p;

	if ((*n)++ > 0)
		cmd_text_add(t, ",", 1);
	if (strchr(s, ',') == NULL) {
		cmd_text_clean(t, s);
		return;
	}
	if ((value = strdup(s)) == NULL)
		cmd_die("no memory left");
	for (at = value; (p = strchr(at, ',')) != NULL; at = p + 1) {
		*p = '\0';
		cmd_text_clean(t, at);
		cmd_text_adds(t, "\\054");
	}
	cmd_text_clean(t, at);
	free(value);
}

/*
 * Gets the i-th value, from 0, of a field that is a list of texts.  Returns 1,
 * 0 after the last one, or -1 if the field is not such a list.
 */
int
cmd_field_value(const struct cmd_item *item, enum cmd_field field, size_t i,
    const char **value)
{
	switch (field) {
	case CMD_SPC:
		return certstore_entry_spc(item->entry, i, value);
	case CMD_TN:
		return certstore_entry_tn(item->entry, i, value);
	case CMD_TENANTS:
		return certstore_entry_tenant(item->entry, i, value);
	case CMD_USERS:
		return certstore_entry_user(item->entry, i, value);
	default:
		return -1;
	}
}

static void
addlist(struct cmd_text *t, const struct cmd_item *item, enum cmd_field field)
{
	const char *type, *value;
	int n = 0;
	size_t i;

	for (i = 0; field == CMD_NAMES ?
		 certstore_entry_san(item->entry, i, &type, &value) :
		 cmd_field_value(item, field, i, &value);
	     i++)
		joinvalue(t, &n, value);
}

static void
addtimetext(struct cmd_text *t, const struct cmd_item *item,
    enum cmd_field field)
{
	char buf[CERTSTORE_TIME_LEN];
	int64_t when;

	if (cmd_field_time(item, field, &when))
		cmd_text_adds(t, certstore_time_format(when, buf));
}

static void
addleft(struct cmd_text *t, const struct cmd_item *item)
{
	char buf[32];
	int64_t when;

	if (!cmd_field_time(item, CMD_LEFT, &when))
		return;
	snprintf(buf, sizeof(buf), "%lldd", (long long)cmd_field_left(item));
	cmd_text_adds(t, buf);
}

/* Adds the value of a field as text, or nothing if it has none. */
void
cmd_field_text(struct cmd_text *t, const struct cmd_item *item,
    enum cmd_field field)
{
	char buf[CMD_STRING_LEN], *path;
	const char *s;

	switch (field) {
	case CMD_ENDS:
	case CMD_STARTS:
		addtimetext(t, item, field);
		break;
	case CMD_LEFT:
		addleft(t, item);
		break;
	case CMD_NAMES:
	case CMD_SPC:
	case CMD_TN:
	case CMD_TENANTS:
	case CMD_USERS:
		addlist(t, item, field);
		break;
	case CMD_DEFAULT:
		if (certstore_entry_is_default(item->entry))
			cmd_text_adds(t, "yes");
		break;
	default:
		if ((s = cmd_field_string(item, field, buf)) != NULL) {
			cmd_text_clean(t, s);
		} else if ((path = cmd_field_path(item, field)) != NULL) {
			cmd_text_clean(t, path);
			free(path);
		}
		break;
	}
}
