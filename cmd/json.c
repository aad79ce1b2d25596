/*
 * json.c: a record as one JSON object (RFC 8259) without newlines.  A field
 * without a value is null.  New versions only add keys.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/*
 * Adds a string, or null for NULL.  cmd_text_clean() leaves no control
 * characters, so only the quote and the backslash need an escape.
 */
void
cmd_json_string(struct cmd_text *t, const char *s)
{
	char *raw;
	size_t i, start;

	if (s == NULL) {
		cmd_text_adds(t, "null");
		return;
	}
	cmd_text_add(t, "\"", 1);
	start = t->len;
	cmd_text_clean(t, s);
	if (t->len > start && strpbrk(t->p + start, "\"\\") != NULL) {
		if ((raw = strdup(t->p + start)) == NULL)
			cmd_die("no memory left");
		t->len = start;
		for (i = 0; raw[i] != '\0'; i++) {
			if (raw[i] == '"' || raw[i] == '\\')
				cmd_text_add(t, "\\", 1);
			cmd_text_add(t, raw + i, 1);
		}
		free(raw);
	}
	cmd_text_add(t, "\"", 1);
}

static void
addnumber(struct cmd_text *t, int64_t n)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%lld", (long long)n);
	cmd_text_adds(t, buf);
}

static void
addkey(struct cmd_text *t, const char *key)
{
	cmd_text_adds(t, "\"");
	cmd_text_adds(t, key);
	cmd_text_adds(t, "\":");
}

/* Adds "ends":"2027-01-31T12:00:00Z","ends_epoch":1801396800 */
static void
addtimemembers(struct cmd_text *t, const struct cmd_item *item,
    enum cmd_field field)
{
	char buf[CERTSTORE_TIME_LEN];
	int64_t when;
	int is;

	is = cmd_field_time(item, field, &when);
	addkey(t, cmd_field_names[field]);
	cmd_json_string(t, is ? certstore_time_format(when, buf) : NULL);
	cmd_text_adds(t, ",\"");
	cmd_text_adds(t, cmd_field_names[field]);
	cmd_text_adds(t, "_epoch\":");
	if (is)
		addnumber(t, when);
	else
		cmd_text_adds(t, "null");
}

static void
addsans(struct cmd_text *t, const struct certstore_entry *entry)
{
	const char *type, *value;
	size_t i;

	cmd_text_adds(t, "[");
	for (i = 0; certstore_entry_san(entry, i, &type, &value); i++) {
		cmd_text_adds(t, i > 0 ? ",{" : "{");
		addkey(t, "type");
		cmd_json_string(t, type);
		cmd_text_adds(t, ",");
		addkey(t, "value");
		cmd_json_string(t, value);
		cmd_text_adds(t, "}");
	}
	cmd_text_adds(t, "]");
}

static void
addlist(struct cmd_text *t, const struct cmd_item *item, enum cmd_field field)
{
	const char *value;
	size_t i;

	cmd_text_adds(t, "[");
	for (i = 0; cmd_field_value(item, field, i, &value) == 1; i++) {
		if (i > 0)
			cmd_text_adds(t, ",");
		cmd_json_string(t, value);
	}
	cmd_text_adds(t, "]");
}

static void
addfield(struct cmd_text *t, const struct cmd_item *item, enum cmd_field field)
{
	char buf[CMD_STRING_LEN], *path;
	const char *s;
	int64_t when;

	switch (field) {
	case CMD_LEFT:
		if (cmd_field_time(item, field, &when))
			addnumber(t, cmd_field_left(item));
		else
			cmd_text_adds(t, "null");
		break;
	case CMD_NAMES:
		addsans(t, item->entry);
		break;
	case CMD_SPC:
	case CMD_TN:
	case CMD_TENANTS:
	case CMD_USERS:
		addlist(t, item, field);
		break;
	case CMD_DEFAULT:
		cmd_text_adds(t,
		    certstore_entry_is_default(item->entry) ? "true" : "false");
		break;
	default:
		s = cmd_field_string(item, field, buf);
		path = s == NULL ? cmd_field_path(item, field) : NULL;
		cmd_json_string(t, s != NULL ? s : path);
		free(path);
		break;
	}
}

void
cmd_json(const struct cmd_records *r, const struct cmd_item *item,
    struct cmd_text *t)
{
	size_t i;

	cmd_text_adds(t, "{");
	for (i = 0; i < r->nfield; i++) {
		if (i > 0)
			cmd_text_adds(t, ",");
		if (r->field[i] == CMD_STARTS || r->field[i] == CMD_ENDS) {
			addtimemembers(t, item, r->field[i]);
			continue;
		}
		addkey(t, cmd_field_names[r->field[i]]);
		addfield(t, item, r->field[i]);
	}
	cmd_text_adds(t, "}");
}
