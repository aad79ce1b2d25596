/*
 * report-entry.c: a row for each entry.  Many rows are grouped, each group in a
 * table of its own that is opened by its name, so that a browser lays out only
 * what is looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define GROUP 200     /* rows, if there are more than MOST */
#define MOST 300      /* rows in one table */
#define NAMES_SHOWN 4 /* host names of an entry; the others are folded */
#define NAME_LEN 256
#define YEAR 365
#define USES 32 /* of one entry, that were told */

struct rows {
	struct report *r;
	struct cmd_text text; /* of the group */
	char first[NAME_LEN], last[NAME_LEN];
	size_t n, nstate[REPORT_NSTATE];
	int hasdefault; /* found */
	struct certstore_told *told;
	struct {
		const char *user;
		size_t hosts;
	} use[USES];
	size_t nuse;
	struct { /* the next one */
		const char *name, *user;
		size_t hosts;
	} next;
};

static const char *const classes[] = { "expired", "soon", "early", "valid",
	"waiting" };

/* The state; and if it is that of another certificate of the chain, its
 * subject and end. */
enum report_state
entry_state(const struct report *r, const struct certstore_entry *entry,
    const char **which, int64_t *ends)
{
	int within;

	*which = NULL;
	*ends = 0;
	if (certstore_entry_fingerprint(entry) == NULL)
		return REPORT_WAITING;
	within = certstore_entry_ends_within(entry, &r->within, r->now, which,
	    ends);
	if (certstore_entry_ends(entry) < r->now ||
	    (within == 1 && *ends < r->now))
		return REPORT_EXPIRED;
	if (within == 1)
		return REPORT_SOON;
	*which = NULL;
	return certstore_entry_starts(entry) > r->now ? REPORT_EARLY :
							REPORT_VALID;
}

static long long
daysleft(const struct report *r, int64_t ends)
{
	int64_t secs = ends - r->now;

	return (long long)(secs / 86400 - (secs % 86400 < 0));
}

/* Adds "expired 3 days ago" or "12 days left", in the form of its state. */
void
entry_ends(struct cmd_text *t, const struct report *r, enum report_state state,
    int64_t ends)
{
	long long days = daysleft(r, ends);

	html_print(t, "<span class=\"s %s\">", classes[state]);
	if (state == REPORT_EARLY)
		cmd_text_adds(t, "not yet valid");
	else if (ends < r->now && days == -1)
		cmd_text_adds(t, "expired today");
	else if (ends < r->now)
		html_print(t, "expired %lld day%s ago", -days - 1,
		    days == -2 ? "" : "s");
	else if (days >= 2 * YEAR)
		html_print(t, "%lld years left", days / YEAR);
	else
		html_print(t, "%lld day%s left", days, days == 1 ? "" : "s");
	cmd_text_adds(t, "</span>");
}

static void
addvalue(struct cmd_text *t, const char *label, const char *value)
{
	html_print(t, "<div><i>%s</i> ", label);
	html_text(t, value);
	cmd_text_adds(t, "</div>");
}

/* The first names, and the others behind their number. */
static void
addentrysans(struct cmd_text *t, const struct certstore_entry *entry, size_t n)
{
	const char *type, *value;
	int folded = n > NAMES_SHOWN + 1;
	size_t i;

	for (i = 0; certstore_entry_san(entry, i, &type, &value); i++) {
		if (folded && i == NAMES_SHOWN)
			html_print(t, "<details><summary>%zu more</summary>",
			    n - NAMES_SHOWN);
		cmd_text_adds(t, "<div>");
		html_text(t, value);
		cmd_text_adds(t, "</div>");
	}
	cmd_text_adds(t, folded ? "</details>" : "");
}

/* Adds the subject, or what it has beside the names that were added. */
static void
addsubject(struct cmd_text *t, const char *subject, size_t nname, int iscn)
{
	int cnfirst = strncmp(subject, "CN=", 3) == 0;

	if (nname == 0)
		html_name(t, subject);
	else if (cnfirst && iscn)
		html_rest(t, subject);
	else if (*subject != '\0' && (!cnfirst || html_hasmore(subject)))
		addvalue(t, "subject", subject);
}

static void
addnames(struct cmd_text *t, const struct certstore_entry *entry)
{
	const char *subject = certstore_entry_subject(entry);
	const char *type, *value;
	size_t i, n = 0;
	int iscn = 0;

	for (; certstore_entry_san(entry, n, &type, &value); n++)
		iscn |= strcmp(type, "cn") == 0;
	addentrysans(t, entry, n);
	if (subject != NULL)
		addsubject(t, subject, n, iscn);
	for (i = 0; certstore_entry_spc(entry, i, &value); i++)
		addvalue(t, "service provider code", value);
	for (i = 0; certstore_entry_tn(entry, i, &value); i++)
		addvalue(t, "telephone number", value);
}

static void
addissuer(struct cmd_text *t, const struct certstore_entry *entry)
{
	const char *issuer = certstore_entry_issuer(entry);

	if (certstore_entry_is_selfsigned(entry))
		cmd_text_adds(t, "self-signed");
	else if (certstore_entry_fingerprint(entry) == NULL || issuer == NULL)
		cmd_text_adds(t, "<span class=\"no\">none yet</span>");
	else
		html_name(t, issuer);
}

static void
addkey(struct cmd_text *t, const struct certstore_entry *entry)
{
	const char *key = certstore_entry_key(entry);

	html_text(t, key == NULL ? "unknown" : key);
	if (certstore_entry_has_key(entry) == 1)
		cmd_text_adds(t, "<div class=\"yes\">has its key</div>");
	else if (certstore_entry_fingerprint(entry) == NULL)
		cmd_text_adds(t, "<div class=\"yes\">key waits</div>");
	else
		cmd_text_adds(t, "<div class=\"no\">no private key</div>");
}

static void
addends(struct cmd_text *t, const struct report *r,
    const struct certstore_entry *entry, enum report_state state,
    const char *which, int64_t when)
{
	const char *order;
	int64_t since;

	if (state == REPORT_WAITING) {
		order = certstore_entry_order(entry, &since);
		cmd_text_adds(t,
		    "<span class=\"s waiting\">request waits"
		    "</span>");
		if (order != NULL)
			addvalue(t, "ACME order", order);
		return;
	}
	html_date(t, certstore_entry_ends(entry));
	cmd_text_adds(t, " ");
	if (which == NULL) {
		entry_ends(t, r, state, certstore_entry_ends(entry));
		return;
	}
	entry_ends(t, r, state, when);
	cmd_text_adds(t, "<div><i>chain</i> ");
	html_name(t, which);
	cmd_text_adds(t, " ends ");
	html_date(t, when);
	cmd_text_adds(t, "</div>");
}

/* On how many hosts this user was told of the entry. */
static size_t
counttold(const struct rows *rows, const char *user)
{
	size_t i;

	for (i = 0; i < rows->nuse; i++)
		if (strcmp(rows->use[i].user, user) == 0)
			return rows->use[i].hosts;
	return 0;
}

static void
nexttold(struct rows *rows)
{
	if (certstore_told_next(rows->told, &rows->next.name, &rows->next.user,
		&rows->next.hosts) != 1)
		rows->next.name = NULL;
}

/* Takes what was told of this entry; both come sorted by name. */
static void
taketold(struct rows *rows, const char *name)
{
	int rv;

	rows->nuse = 0;
	while (rows->next.name != NULL &&
	    (rv = strcmp(rows->next.name, name)) <= 0) {
		if (rv == 0 && rows->nuse < USES) {
			rows->use[rows->nuse].user = rows->next.user;
			rows->use[rows->nuse++].hosts = rows->next.hosts;
		}
		nexttold(rows);
	}
}

/* Properties that only props has; reading them costs as much as the entry. */
static void
addprops(struct rows *rows, const char *name)
{
	struct cmd_text *t = &rows->text;
	struct certstore_props *props;
	const char *prop, *value;
	struct certstore_error err;

	if ((props = certstore_props_read(rows->r->store, name, &err)) == NULL)
		return;
	while (certstore_props_next(props, &prop, &value, &err) == 1) {
		if (strcmp(prop, "endpoint") == 0)
			addvalue(t, "endpoint", value);
		else if (strcmp(prop, "note") == 0)
			addvalue(t, "note", value);
	}
	certstore_props_free(props);
}

static void
adduses(struct rows *rows, const struct certstore_entry *entry)
{
	const char *name = certstore_entry_name(entry), *value;
	struct cmd_text *t = &rows->text;
	size_t hosts, i;
	char *url;

	taketold(rows, name);
	for (i = 0; certstore_entry_user(entry, i, &value); i++) {
		cmd_text_adds(t, "<div><i>user</i> ");
		html_text(t, value);
		if ((hosts = counttold(rows, value)) > 0) {
			cmd_text_adds(t, " <small>told on ");
			html_plural(t, hosts, "host", "hosts");
			cmd_text_adds(t, "</small>");
		}
		cmd_text_adds(t, "</div>");
	}
	if ((value = certstore_entry_group(entry)) != NULL)
		addvalue(t, "group", value);
	for (i = 0; certstore_entry_tenant(entry, i, &value); i++)
		addvalue(t, "tenant", value);
	if ((url = certstore_entry_url(entry)) != NULL)
		addvalue(t, "x5u", url);
	free(url);
	if (rows->r->nentry <= REPORT_MANY)
		addprops(rows, name);
}

static void
addrow(struct rows *rows, const struct certstore_entry *entry)
{
	const char *name = certstore_entry_name(entry), *which;
	struct cmd_text *t = &rows->text;
	enum report_state state;
	int64_t when;

	state = entry_state(rows->r, entry, &which, &when);
	rows->nstate[state]++;
	cmd_text_adds(t, "<tr id=\"e-");
	html_text(t, name);
	cmd_text_adds(t, "\"><th scope=\"row\">");
	html_text(t, name);
	cmd_text_adds(t, " <span class=\"kind\">");
	html_text(t, certstore_entry_kind(entry));
	cmd_text_adds(t, "</span>");
	if (!rows->hasdefault && certstore_entry_is_default(entry)) {
		cmd_text_adds(t, " <span class=\"kind\">default</span>");
		rows->hasdefault = 1;
	}
	cmd_text_adds(t, "<td>");
	addnames(t, entry);
	cmd_text_adds(t, "<td>");
	addissuer(t, entry);
	cmd_text_adds(t, "<td>");
	addkey(t, entry);
	cmd_text_adds(t, "<td>");
	addends(t, rows->r, entry, state, which, when);
	cmd_text_adds(t, "<td>");
	adduses(rows, entry);
	cmd_text_adds(t, "</tr>\n");
}

/* A row for what cannot be read. */
static void
addunread(struct rows *rows, const char *why)
{
	cmd_text_adds(&rows->text,
	    "<tr><th scope=\"row\"><span class=\"s expired\">not read</span>"
	    "<td colspan=\"5\">");
	html_text(&rows->text, why);
	cmd_text_adds(&rows->text, "</tr>\n");
}

static void
addsummary(struct rows *rows)
{
	struct cmd_text *t = &rows->r->page;

	cmd_text_adds(t, "<summary><b>");
	html_text(t, rows->first);
	cmd_text_adds(t, "</b> to <b>");
	html_text(t, rows->last);
	cmd_text_adds(t, "</b>, ");
	html_plural(t, rows->n, "entry", "entries");
	if (rows->nstate[REPORT_EXPIRED] > 0)
		html_print(t, ", <span class=\"s expired\">%zu expired</span>",
		    rows->nstate[REPORT_EXPIRED]);
	if (rows->nstate[REPORT_SOON] > 0)
		html_print(t,
		    ", <span class=\"s soon\">%zu expiring soon</span>",
		    rows->nstate[REPORT_SOON]);
	cmd_text_adds(t, "</summary>\n");
}

static void
putgroup(struct rows *rows)
{
	int folded = rows->r->nentry > MOST && rows->n > 0;
	struct cmd_text *t = &rows->r->page;

	if (rows->text.len == 0)
		return;
	if (folded) {
		cmd_text_adds(t, "<details class=\"group\">");
		addsummary(rows);
	}
	cmd_text_adds(t,
	    "<table class=\"cards entries\">\n<caption class=\"aural\">"
	    "Entries");
	if (folded) {
		cmd_text_adds(t, " from ");
		html_text(t, rows->first);
	}
	cmd_text_adds(t,
	    "</caption>\n<thead><tr><th scope=\"col\">Entry"
	    "<th scope=\"col\">Names<th scope=\"col\">Issuer"
	    "<th scope=\"col\">Key<th scope=\"col\">Ends"
	    "<th scope=\"col\">Used by</thead>\n<tbody>\n");
	cmd_text_add(t, rows->text.p, rows->text.len);
	cmd_text_adds(t, "</tbody></table>\n");
	cmd_text_adds(t, folded ? "</details>\n" : "");
	rows->text.len = rows->n = 0;
	memset(rows->nstate, 0, sizeof(rows->nstate));
	html_flush(rows->r);
}

static void
addentry(struct rows *rows, const struct certstore_entry *entry)
{
	const char *name = certstore_entry_name(entry);

	if (rows->n == 0)
		snprintf(rows->first, sizeof(rows->first), "%s", name);
	snprintf(rows->last, sizeof(rows->last), "%s", name);
	addrow(rows, entry);
	if (++rows->n == GROUP && rows->r->nentry > MOST)
		putgroup(rows);
}

void
entry_print(struct report *r)
{
	const struct certstore_entry *entry;
	struct rows rows = { .r = r };
	struct certstore_list *list;
	struct certstore_error err;
	int rv;

	page_section(r, "entries", "Entries");
	if (r->nentry + r->nunread == 0)
		cmd_text_adds(&r->page,
		    "<p>There is none: cert-create or cert-import makes "
		    "one.</p>\n");
	if ((list = certstore_list_new(r->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	if ((rows.told = certstore_told_new(r->store, &err)) == NULL)
		cmd_error("%s", err.msg);
	else
		nexttold(&rows);
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
			addunread(&rows, err.msg);
		} else
			addentry(&rows, entry);
	}
	certstore_list_free(list);
	putgroup(&rows);
	cmd_text_adds(&r->page, "</section>\n");
	certstore_told_free(rows.told);
	cmd_text_free(&rows.text);
}
