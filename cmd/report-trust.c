/*
 * report-trust.c: the trust sets: what was added or distrusted by hand.  What
 * only the shipped list has is counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static void
addanchor(struct report *r, struct cmd_text *t,
    const struct certstore_entry *entry)
{
	const char *origin = certstore_entry_origin(entry);
	const char *subject = certstore_entry_subject(entry);
	const char *name = certstore_entry_name(entry);
	int64_t ends = certstore_entry_ends(entry);
	int distrusted = strcmp(origin, "distrusted") == 0;

	cmd_text_adds(t, "<tr><th scope=\"row\">");
	html_text(t, name == NULL ? "" : name);
	html_print(t, "<td><span class=\"s %s\">",
	    distrusted ? "expired" : "note");
	html_text(t, origin);
	cmd_text_adds(t, "</span><td>");
	if (subject != NULL)
		html_name(t, subject);
	else if (certstore_entry_fingerprint(entry) != NULL) {
		cmd_text_adds(t, "<small>SHA-256 ");
		html_text(t, certstore_entry_fingerprint(entry));
		cmd_text_adds(t, "</small>");
	}
	cmd_text_adds(t, "<td>");
	if (ends != 0) {
		html_date(t, ends);
		cmd_text_adds(t, " ");
		entry_ends(t, r, ends < r->now ? REPORT_EXPIRED : REPORT_VALID,
		    ends);
	}
	cmd_text_adds(t, "</tr>\n");
}

/* Prints one set, if there is one; set is NULL for the default. */
static void
printset(struct report *r, const char *set)
{
	const struct certstore_entry *entry;
	struct cmd_text rows = { NULL, 0, 0 }, *t = &r->page;
	struct certstore_trust *trust;
	struct certstore_error err;
	size_t shipped = 0, own = 0;
	int rv;

	if ((trust = certstore_trust_new(r->store, set, 0, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_trust_next(trust, &entry, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else if (strcmp(certstore_entry_origin(entry), "shipped") == 0)
			shipped++;
		else {
			own++;
			addanchor(r, &rows, entry);
		}
	}
	certstore_trust_free(trust);
	cmd_text_adds(t, "<h3>");
	cmd_text_adds(t, set == NULL ? "Default" : "Set ");
	html_text(t, set == NULL ? "" : set);
	html_print(t, "</h3>\n<p class=\"more\">");
	html_plural(t, shipped, "anchor is", "anchors are");
	html_print(t, " of the shipped list, %zu of one's own.</p>\n", own);
	if (own > 0) {
		cmd_text_adds(t,
		    "<table class=\"cards anchors\">\n"
		    "<caption class=\"aural\">Anchors of one's own</caption>\n"
		    "<thead><tr><th scope=\"col\">Anchor<th scope=\"col\">Origin"
		    "<th scope=\"col\">Subject<th scope=\"col\">Ends</thead>\n"
		    "<tbody>\n");
		cmd_text_add(t, rows.p, rows.len);
		cmd_text_adds(t, "</tbody></table>\n");
	}
	cmd_text_free(&rows);
	html_flush(r);
}

void
trust_print(struct report *r)
{
	struct certstore_trustsets *sets;
	struct certstore_error err;
	const char *name;

	page_section(r, "anchors", "Trust anchors");
	printset(r, NULL);
	if ((sets = certstore_trustsets_new(r->store, &err)) == NULL)
		cmd_error("%s", err.msg);
	while (sets != NULL && certstore_trustsets_next(sets, &name) == 1)
		printset(r, name);
	certstore_trustsets_free(sets);
	cmd_text_adds(&r->page, "</section>\n");
}
