/*
 * table.c: records on a terminal: a header, columns, the days that are left,
 * colour.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[m"
#define SOON 30 /* days before expiry */

int
cmd_table_colour(void)
{
	const char *s;

	if ((s = getenv("NO_COLOR")) != NULL && *s != '\0')
		return 0;
	s = getenv("TERM");
	return s != NULL && *s != '\0' && strcmp(s, "dumb") != 0;
}

/* Adds the value of a field; the days that are left follow the expiry. */
static void
addcell(struct cmd_text *t, const struct cmd_item *item, enum cmd_field field)
{
	char buf[40];
	int64_t when;

	cmd_field_text(t, item, field);
	if (field != CMD_ENDS || !cmd_field_time(item, field, &when))
		return;
	if (when < item->now)
		snprintf(buf, sizeof(buf), " (expired)");
	else
		snprintf(buf, sizeof(buf), " (%lldd)",
		    (long long)cmd_field_left(item));
	cmd_text_adds(t, buf);
}

static const char *
colourof(const struct cmd_records *r, const struct cmd_item *item,
    enum cmd_field field)
{
	int64_t when;

	if (!r->colour || (field != CMD_ENDS && field != CMD_LEFT) ||
	    !cmd_field_time(item, field, &when))
		return "";
	if (when < item->now)
		return RED;
	return cmd_field_left(item) < SOON ? YELLOW : "";
}

/*
 * Adds a row.  Cells are kept as colour NUL value NUL until the widths of the
 * columns are known.
 */
void
cmd_table_add(struct cmd_records *r, const struct cmd_item *item)
{
	const char *colour;
	size_t i, start, width;

	for (i = 0; i < r->nfield; i++) {
		colour = colourof(r, item, r->field[i]);
		cmd_text_add(&r->text, colour, strlen(colour) + 1);
		start = r->text.len;
		addcell(&r->text, item, r->field[i]);
		if (r->text.len == start)
			cmd_text_add(&r->text, "-", 1);
		cmd_text_add(&r->text, "\0", 1);
		width = cmd_text_width(r->text.p + start);
		if (width > r->width[i])
			r->width[i] = width;
	}
	r->nrow++;
}

static void
printblanks(size_t n)
{
	while (n-- > 0)
		putchar_unlocked(' ');
}

static void
printheader(const struct cmd_records *r, size_t *width)
{
	const char *s;
	size_t i, len;

	for (i = 0; i < r->nfield; i++) {
		len = strlen(cmd_field_names[r->field[i]]);
		width[i] = r->width[i] > len ? r->width[i] : len;
	}
	if (r->headed)
		return;
	for (i = 0; i < r->nfield; i++) {
		s = cmd_field_names[r->field[i]];
		len = strlen(s);
		for (; *s != '\0'; s++)
			putchar_unlocked(toupper((unsigned char)*s));
		if (i + 1 < r->nfield)
			printblanks(width[i] - len + 2);
	}
	putchar_unlocked('\n');
}

void
cmd_table_print(const struct cmd_records *r)
{
	size_t i, row, width[CMD_NFIELD];
	const char *colour, *p = r->text.p;

	printheader(r, width);
	for (row = 0; row < r->nrow; row++) {
		for (i = 0; i < r->nfield; i++) {
			colour = p;
			p += strlen(p) + 1;
			printf("%s%s%s", colour, p,
			    *colour != '\0' ? PLAIN : "");
			if (i + 1 < r->nfield)
				printblanks(width[i] - cmd_text_width(p) + 2);
			p += strlen(p) + 1;
		}
		putchar_unlocked('\n');
	}
}

/* Adds a line for each field that has a value, aligned on a terminal. */
void
cmd_table_pairs(struct cmd_records *r, const struct cmd_item *item)
{
	struct cmd_text value = { NULL, 0, 0 };
	int aligned = r->terminal && !r->nul;
	const char *colour, *name;
	size_t i, n;

	for (i = 0; i < r->nfield; i++) {
		value.len = 0;
		if (aligned)
			addcell(&value, item, r->field[i]);
		else
			cmd_field_text(&value, item, r->field[i]);
		if (value.len == 0)
			continue;
		name = cmd_field_names[r->field[i]];
		cmd_text_adds(&r->text, name);
		for (n = strlen(name); aligned && n < 14; n++)
			cmd_text_add(&r->text, " ", 1);
		if (!aligned)
			cmd_text_add(&r->text, "\t", 1);
		colour = colourof(r, item, r->field[i]);
		cmd_text_adds(&r->text, colour);
		cmd_text_add(&r->text, value.p, value.len);
		cmd_text_adds(&r->text, *colour != '\0' ? PLAIN : "");
		cmd_text_add(&r->text, "\n", 1);
	}
	cmd_text_free(&value);
}
