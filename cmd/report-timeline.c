/*
 * report-timeline.c: how many certificates expire in which week of a year, as
 * SVG and as a table, and which are the next ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report.h"

#define DAY INT64_C(86400)
#define WEEK (7 * DAY)
#define WEEKS 53
#define NEXT 6 /* that are named */
#define NAME_LEN 256

/* Of the drawing: percent of its width, pixels of its height. */
#define FIRST 7.0 /* the first week; what expired is before it */
#define STEP 1.64 /* a week */
#define BASE 150  /* the line on which bars stand */
#define HIGHEST 120

struct bar {
	size_t n;
	size_t soon; /* of these */
};

struct timeline {
	const struct report *r;
	struct bar expired, later, week[WEEKS];
	struct {
		char name[NAME_LEN];
		enum report_state state;
		int64_t ends;
	} next[NEXT]; /* sorted by end */
	size_t nnext;
};

struct timeline *
timeline_new(const struct report *r)
{
	struct timeline *tl;

	if ((tl = calloc(1, sizeof(*tl))) == NULL)
		cmd_die("no memory left");
	tl->r = r;
	return tl;
}

void
timeline_free(struct timeline *tl)
{
	free(tl);
}

/* Keeps those that expire next. */
static void
keepnext(struct timeline *tl, const struct certstore_entry *entry,
    enum report_state state)
{
	int64_t ends = certstore_entry_ends(entry);
	size_t i = tl->nnext;

	if (i == NEXT && ends >= tl->next[NEXT - 1].ends)
		return;
	if (i < NEXT)
		tl->nnext++;
	else
		i--;
	for (; i > 0 && tl->next[i - 1].ends > ends; i--)
		tl->next[i] = tl->next[i - 1];
	snprintf(tl->next[i].name, NAME_LEN, "%s", certstore_entry_name(entry));
	tl->next[i].state = state;
	tl->next[i].ends = ends;
}

void
timeline_add(struct timeline *tl, const struct certstore_entry *entry,
    enum report_state state)
{
	int64_t ends = certstore_entry_ends(entry), week;
	struct bar *bar = &tl->later;

	if (state == REPORT_WAITING)
		return;
	week = (ends - tl->r->now) / WEEK;
	if (ends < tl->r->now)
		bar = &tl->expired;
	else if (week < WEEKS)
		bar = &tl->week[week];
	bar->n++;
	bar->soon += state == REPORT_SOON;
	if (bar != &tl->expired)
		keepnext(tl, entry, state);
}

/* The bars of weeks are compared with each other only: of what expired and of
 * what expires later there may be far more. */
static size_t
highest(const struct timeline *tl)
{
	size_t i, most = 1;

	for (i = 0; i < WEEKS; i++)
		if (tl->week[i].n > most)
			most = tl->week[i].n;
	return most;
}

/* A rectangle; one certificate is still seen beside thousands. */
static int
addrect(struct cmd_text *t, double x, double width, int base, size_t n,
    size_t most, const char *class)
{
	int height;

	if (n == 0)
		return 0;
	if (n > most)
		n = most;
	height = (int)((double)n * HIGHEST / (double)most + 0.5);
	if (height < 4)
		height = 4;
	html_print(t,
	    "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%d\" "
	    "height=\"%d\" rx=\"2\"/>",
	    class, x, width, base - height, height);
	return height;
}

static void
addbar(struct cmd_text *t, const struct bar *bar, double x, double width,
    size_t most, const char *class, const char *what)
{
	int height;

	if (bar->n == 0)
		return;
	html_print(t, "<g><title>%s: %zu</title>", what, bar->n);
	height = addrect(t, x, width, BASE, bar->soon, most, "soon");
	height += addrect(t, x, width, BASE - height, bar->n - bar->soon, most,
	    class);
	html_print(t,
	    "<text class=\"count%s\" x=\"%.2f%%\" y=\"%d\">%zu</text>",
	    width < 3 ? " small" : "", x + width / 2, BASE - 5 - height,
	    bar->n);
	cmd_text_adds(t, "</g>\n");
}

static void
formatday(char text[16], int64_t when)
{
	char all[CERTSTORE_TIME_LEN];

	certstore_time_format(when, all);
	snprintf(text, 16, "%.10s", all);
}

/* A line and a name where a month begins. */
static void
addmonths(struct cmd_text *t, const struct timeline *tl)
{
	static const char *const names[] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t end = tl->r->now + WEEKS * WEEK;
	time_t when = (time_t)tl->r->now;
	struct tm tm;
	int first = 1, i;
	double x;

	if (gmtime_r(&when, &tm) == NULL)
		return;
	tm.tm_mday = 1;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	for (i = 0; i < 14; i++) {
		if (++tm.tm_mon == 12) {
			tm.tm_mon = 0;
			tm.tm_year++;
		}
		if ((when = timegm(&tm)) >= end)
			break;
		x = FIRST + STEP * (double)(when - tl->r->now) / (double)WEEK;
		if (x > FIRST + STEP * WEEKS - 3)
			break;
		html_print(t,
		    "<line class=\"month\" x1=\"%.2f%%\" x2=\"%.2f%%\" "
		    "y1=\"20\" y2=\"%d\"/><text class=\"label%s\" x=\"%.2f%%\" "
		    "y=\"%d\">%s</text>\n",
		    x, x, BASE + 6, i % 3 == 0 ? "" : " small", x, BASE + 22,
		    names[tm.tm_mon]);
		if (tm.tm_mon == 0 || first)
			html_print(t,
			    "<text class=\"label year small\" x=\"%.2f%%\" "
			    "y=\"%d\">%d</text>\n",
			    x, BASE + 37, tm.tm_year + 1900);
		first = 0;
	}
}

/* As an image it is described by its title and the sentence below it. */
static void
adddrawing(struct cmd_text *t, const struct timeline *tl)
{
	size_t i, most = highest(tl);
	char what[64], from[16];

	cmd_text_adds(t,
	    "<svg class=\"timeline\" role=\"img\" width=\"100%\" "
	    "height=\"206\" aria-describedby=\"figures\">\n"
	    "<title>Certificates that expire, by week</title>\n");
	cmd_text_adds(t,
	    "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
	    "patternUnits=\"userSpaceOnUse\" "
	    "patternTransform=\"rotate(45)\">"
	    "<rect width=\"6\" height=\"6\" class=\"ground\"/>"
	    "<rect width=\"3\" height=\"6\" class=\"stripe\"/>"
	    "</pattern></defs>\n");
	addmonths(t, tl);
	html_print(t,
	    "<line class=\"base\" x1=\"0\" x2=\"100%%\" y1=\"%d\" y2=\"%d\"/>\n"
	    "<line class=\"now\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"4\" "
	    "y2=\"%d\"/><text class=\"label now\" x=\"%.2f%%\" dx=\"5\" "
	    "y=\"12\">now</text>\n",
	    BASE, BASE, FIRST - 0.5, FIRST - 0.5, BASE + 6, FIRST - 0.5);
	addbar(t, &tl->expired, 1, 4, most, "expired", "expired");
	for (i = 0; i < WEEKS; i++) {
		formatday(from, tl->r->now + (int64_t)i * WEEK);
		snprintf(what, sizeof(what), "week from %s", from);
		addbar(t, &tl->week[i], FIRST + STEP * (double)i, STEP - 0.34,
		    most, "valid", what);
	}
	addbar(t, &tl->later, 95, 4, most, "later", "later");
	html_print(t,
	    "<text class=\"label left\" x=\"1%%\" y=\"%d\">expired</text>\n"
	    "<text class=\"label right\" x=\"99%%\" y=\"%d\">later</text>\n</svg>\n",
	    BASE + 37, BASE + 37);
	html_print(t,
	    "<p id=\"figures\" class=\"more\">%zu expired, %zu within a "
	    "year, %zu later.</p>\n",
	    tl->expired.n,
	    tl->r->nentry - tl->r->n[REPORT_WAITING] - tl->expired.n -
		tl->later.n,
	    tl->later.n);
}

static void
addbarline(struct cmd_text *t, const char *what, const struct bar *bar)
{
	if (bar->n > 0)
		html_print(t, "<tr><th scope=\"row\">%s<td>%zu\n", what,
		    bar->n);
}

/* The same figures as a table. */
static void
addfigures(struct cmd_text *t, const struct timeline *tl)
{
	char what[64], from[16], to[16];
	size_t i;

	cmd_text_adds(t,
	    "<details>\n<summary>The same as a table</summary>\n"
	    "<table>\n<caption class=\"aural\">Certificates that expire, by "
	    "week</caption>\n<thead><tr><th scope=\"col\">Week"
	    "<th scope=\"col\">Certificates</thead>\n<tbody>\n");
	addbarline(t, "expired", &tl->expired);
	for (i = 0; i < WEEKS; i++) {
		formatday(from, tl->r->now + (int64_t)i * WEEK);
		formatday(to, tl->r->now + (int64_t)(i + 1) * WEEK - DAY);
		snprintf(what, sizeof(what), "%s to %s", from, to);
		addbarline(t, what, &tl->week[i]);
	}
	addbarline(t, "later", &tl->later);
	cmd_text_adds(t, "</tbody></table>\n</details>\n");
}

static void
addnext(struct report *r, const struct timeline *tl)
{
	struct cmd_text *t = &r->page;
	size_t i;

	if (tl->nnext == 0)
		return;
	cmd_text_adds(t, "<h3>Next</h3>\n<ol class=\"next\">\n");
	for (i = 0; i < tl->nnext; i++) {
		cmd_text_adds(t, "<li>");
		html_link(t, tl->next[i].name);
		cmd_text_adds(t, " ");
		html_date(t, tl->next[i].ends);
		cmd_text_adds(t, " ");
		entry_ends(t, r,
		    tl->next[i].state == REPORT_EXPIRED ? REPORT_VALID :
							  tl->next[i].state,
		    tl->next[i].ends);
		cmd_text_adds(t, "\n");
	}
	cmd_text_adds(t, "</ol>\n");
}

void
timeline_print(struct report *r, const struct timeline *tl)
{
	page_section(r, "ends", "Ends");
	if (r->nentry == r->n[REPORT_WAITING])
		cmd_text_adds(&r->page, "<p>There is no certificate.</p>\n");
	else {
		adddrawing(&r->page, tl);
		addfigures(&r->page, tl);
		addnext(r, tl);
	}
	cmd_text_adds(&r->page, "</section>\n");
	html_flush(r);
}
