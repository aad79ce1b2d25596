/*
 * record.c: records on stdout, one for each entry: their fields and their
 * form.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static int
findfield(const char *s, size_t len)
{
	int i;

	for (i = 0; i < CMD_NFIELD; i++) {
		if (strncmp(cmd_field_names[i], s, len) == 0 &&
		    cmd_field_names[i][len] == '\0')
			return i;
	}
	return -1;
}

static void
nosuchfield(const struct cmd_records *r, const char *s, size_t len)
{
	struct cmd_text all = { NULL, 0, 0 };
	char clean[128];
	int i;

	for (i = 0; i < CMD_NFIELD; i++) {
		cmd_text_adds(&all, " ");
		cmd_text_adds(&all, cmd_field_names[i]);
	}
	certstore_escape(clean, sizeof(clean), s, len);
	cmd_error("\"%s\": no such field: use%s%s", clean, all.p,
	    r->also == NULL ? "" : r->also);
	cmd_text_free(&all);
	cmd_usage();
}

/* Reads the argument of -o: field names with commas between, each once. */
void
cmd_records_fields(struct cmd_records *r, const char *list)
{
	size_t len;
	int field;

	r->nfield = 0;
	for (;;) {
		len = strcspn(list, ",");
		if ((field = findfield(list, len)) == -1)
			nosuchfield(r, list, len);
		if (memchr(r->field, field, r->nfield) != NULL) {
			cmd_error("\"%s\": given twice",
			    cmd_field_names[field]);
			cmd_usage();
		}
		r->field[r->nfield++] = (unsigned char)field;
		if (list[len] == '\0')
			return;
		list += len + 1;
	}
}

static void
allfields(struct cmd_records *r)
{
	for (r->nfield = 0; r->nfield < CMD_NFIELD; r->nfield++)
		r->field[r->nfield] = (unsigned char)r->nfield;
}

static struct cmd_records *idling;

/*
 * Prints the table so far, when the command waits for a question to be typed.
 * The header is printed once.
 */
static void
printidle(void)
{
	if (idling->nrow == 0)
		return;
	cmd_table_print(idling);
	idling->headed = 1;
	idling->nrow = 0;
	idling->text.len = 0;
}

/*
 * Begins the output, after the options.  defaults are the fields without -o;
 * NULL: all.
 */
void
cmd_records_start(struct cmd_records *r, const char *defaults)
{
	r->terminal = isatty(STDOUT_FILENO);
	r->colour = r->terminal && !r->nul && cmd_table_colour();
	r->now = certstore_time_now();
	if (r->json)
		r->form = CMD_JSON;
	else if (r->pairs && r->nfield == 0)
		r->form = CMD_PAIRS;
	else if (r->terminal && !r->nul)
		r->form = CMD_TABLE;
	else
		r->form = CMD_TABS;
	if (r->form == CMD_TABLE && isatty(STDIN_FILENO)) {
		idling = r;
		cmd_idle = printidle;
	}
	if (r->nfield == 0 && (r->json || defaults == NULL))
		allfields(r);
	else if (r->nfield == 0)
		cmd_records_fields(r, defaults);
}

static void
addtabs(struct cmd_records *r, const struct cmd_item *item)
{
	size_t i;

	for (i = 0; i < r->nfield; i++) {
		if (i > 0)
			cmd_text_add(&r->text, "\t", 1);
		cmd_field_text(&r->text, item, r->field[i]);
	}
}

/* Prints a record.  how is the value of that field; NULL: the entry's. */
void
cmd_records_put(struct cmd_records *r, const struct certstore_entry *entry,
    const char *how)
{
	struct cmd_item item = { entry, how, certstore_time_now() };

	if (cmd_quiet)
		return;
	if (r->form == CMD_TABLE) {
		cmd_table_add(r, &item);
		return;
	}
	r->text.len = 0;
	switch (r->form) {
	case CMD_JSON:
		cmd_json(r, &item, &r->text);
		break;
	case CMD_PAIRS:
		if (r->nrow > 0 && !r->nul)
			cmd_text_add(&r->text, "\n", 1);
		cmd_table_pairs(r, &item);
		break;
	default:
		addtabs(r, &item);
		break;
	}
	if (r->nul)
		cmd_text_add(&r->text, "\0", 1);
	else if (r->form != CMD_PAIRS)
		cmd_text_add(&r->text, "\n", 1);
	/* end at once if output is lost: stdin may have no end */
	if (fwrite_unlocked(r->text.p, 1, r->text.len, stdout) != r->text.len)
		cmd_lost();
	r->nrow++;
}

void
cmd_records_end(struct cmd_records *r)
{
	if (cmd_erase != NULL)
		cmd_erase();
	if (r->form == CMD_TABLE && r->nrow > 0)
		cmd_table_print(r);
	if (idling == r)
		cmd_idle = NULL;
	cmd_text_free(&r->text);
}
