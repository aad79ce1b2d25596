/*
 * report-finding.c: what is wrong with the store, certstore_audit(3).
 */
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define MOST 100 /* of each severity that are printed */

struct finding {
	char *name, *code, *text;
};

struct findings {
	struct finding *v[3]; /* by severity */
	size_t kept[3], n[3];
	size_t ignored;
};

static char *
copytext(const char *s)
{
	char *copy;

	if ((copy = strdup(s)) == NULL)
		cmd_die("no memory left");
	return copy;
}

static void
keepfinding(struct findings *all, const struct certstore_finding *f)
{
	enum certstore_severity s = f->severity;
	struct finding *v;

	if (f->ignored) {
		all->ignored++;
		return;
	}
	if (++all->n[s] > MOST)
		return;
	if (all->v[s] == NULL &&
	    (all->v[s] = calloc(MOST, sizeof(*all->v[s]))) == NULL)
		cmd_die("no memory left");
	v = &all->v[s][all->kept[s]++];
	v->name = copytext(f->name);
	v->code = copytext(f->code);
	v->text = copytext(f->text);
}

/* Looks at one part: all of it, only at what expires, or at what is named. */
static void
readaudit(struct report *r, struct findings *all, int only, const char *name)
{
	const struct certstore_finding *f;
	struct certstore_audit *audit;
	struct certstore_error err;
	int rv;

	if ((audit = certstore_audit_new(r->store, r->now, &err)) == NULL)
		cmd_die("%s", err.msg);
	if ((name == NULL &&
		certstore_audit_set_within(audit, &r->within, NULL, only,
		    &err) == -1) ||
	    (name != NULL && certstore_audit_add(audit, name, &err) == -1))
		cmd_die("%s", err.msg);
	while ((rv = certstore_audit_next(audit, &f, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else
			keepfinding(all, f);
	}
	certstore_audit_free(audit);
}

/*
 * A look at each file of many entries takes several times as long as all the
 * rest, and is left to cert-check.
 */
struct findings *
findings_read(struct report *r)
{
	struct findings *all;

	if ((all = calloc(1, sizeof(*all))) == NULL)
		cmd_die("no memory left");
	readaudit(r, all, r->nentry > REPORT_MANY, NULL);
	if (r->nentry > REPORT_MANY)
		readaudit(r, all, 0, "@store");
	return all;
}

const size_t *
findings_count(const struct findings *all)
{
	return all->n;
}

static void
addfinding(struct cmd_text *t, const struct finding *f, const char *class,
    const char *word)
{
	html_print(t,
	    "<tr><td><span class=\"s %s\">%s</span>"
	    "<th scope=\"row\">",
	    class, word);
	if (f->name[0] == '@' || strchr(f->name, '/') != NULL)
		html_text(t, f->name);
	else
		html_link(t, f->name);
	cmd_text_adds(t, "<td><code>");
	html_text(t, f->code);
	cmd_text_adds(t, "</code><td>");
	html_text(t, f->text);
	cmd_text_adds(t, "\n");
}

static void
addtable(struct report *r, const struct findings *all)
{
	static const char *const words[] = { "note", "warning", "critical" };
	static const char *const classes[] = { "note", "soon", "expired" };
	struct cmd_text *t = &r->page;
	size_t i;
	int s;

	cmd_text_adds(t,
	    "<table class=\"cards findings\">\n<caption class=\"aural\">What "
	    "is wrong, and what to do</caption>\n<thead><tr>"
	    "<th scope=\"col\">Severity<th scope=\"col\">Of what"
	    "<th scope=\"col\">Code<th scope=\"col\">What is wrong, and what to "
	    "do</thead>\n<tbody>\n");
	for (s = CERTSTORE_CRITICAL; s >= CERTSTORE_NOTE; s--) {
		for (i = 0; i < all->kept[s]; i++)
			addfinding(t, &all->v[s][i], classes[s], words[s]);
		if (all->n[s] > all->kept[s])
			html_print(t,
			    "<tr><td><span class=\"s %s\">%s</span>"
			    "<td colspan=\"3\">and %zu more: use cert-check\n",
			    classes[s], words[s], all->n[s] - all->kept[s]);
		html_flush(r);
	}
	cmd_text_adds(t, "</tbody></table>\n");
}

void
findings_print(struct report *r, const struct findings *all)
{
	struct cmd_text *t = &r->page;

	page_section(r, "findings", "Findings");
	if (all->n[0] + all->n[1] + all->n[2] > 0)
		addtable(r, all);
	else
		cmd_text_adds(t,
		    "<p><span class=\"s valid\">Nothing was "
		    "found.</span></p>\n");
	if (all->ignored > 0) {
		cmd_text_adds(t, "<p class=\"more\">");
		html_plural(t, all->ignored, "finding is", "findings are");
		cmd_text_adds(t, " ignored by a property.</p>\n");
	}
	if (r->nentry > REPORT_MANY)
		html_print(t,
		    "<p class=\"more\">Of a store with more than %d entries "
		    "this is what expires, and what is wrong with the store as "
		    "a whole. Use cert-check to look at the files and links of "
		    "each entry, at renewals and at deliveries.</p>\n",
		    REPORT_MANY);
	cmd_text_adds(t, "</section>\n");
}

void
findings_free(struct findings *all)
{
	size_t i;
	int s;

	for (s = 0; s < 3; s++) {
		for (i = 0; i < all->kept[s]; i++) {
			free(all->v[s][i].name);
			free(all->v[s][i].code);
			free(all->v[s][i].text);
		}
		free(all->v[s]);
	}
	free(all);
}
