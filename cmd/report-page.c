/*
 * report-page.c: begin and end of the page, its summary, and its style.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sha2.h>

#include "report.h"

const char page_style[] =
#include "report-css.inc"
    ;

static const struct {
	const char *id, *title;
} sections[] = { { "findings", "Findings" }, { "ends", "Ends" },
	{ "entries", "Entries" }, { "chains", "Chains" },
	{ "anchors", "Anchors" } };

/*
 * Nothing is loaded, run or sent, whatever a name in the page may be, and only
 * this style is in force: Content Security Policy, section 2.3.1, has its hash
 * in base64.
 */
static void
addpolicy(struct cmd_text *t)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t hash[SHA256_DIGEST_LENGTH + 1] = { 0 };
	SHA2_CTX ctx;
	uint32_t bits;
	size_t i;

	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)page_style, strlen(page_style));
	SHA256Final(hash, &ctx);
	cmd_text_adds(t,
	    "<meta http-equiv=\"Content-Security-Policy\" content=\""
	    "default-src 'none'; base-uri 'none'; form-action 'none'; "
	    "style-src 'sha256-");
	for (i = 0; i < sizeof(hash); i += 3) {
		bits = (uint32_t)(hash[i] << 16 | hash[i + 1] << 8 |
		    hash[i + 2]);
		html_print(t, "%c%c%c%c", digits[bits >> 18],
		    digits[bits >> 12 & 63], digits[bits >> 6 & 63],
		    i + 3 == sizeof(hash) ? '=' : digits[bits & 63]);
	}
	cmd_text_adds(t, "'\">\n");
}

static void
addhead(struct cmd_text *t, const char *host)
{
	size_t i;

	cmd_text_adds(t,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n");
	addpolicy(t);
	cmd_text_adds(t,
	    "<meta name=\"viewport\" content=\"width=device-width, "
	    "initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"robots\" content=\"noindex\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n"
	    "<title>Certificates of ");
	html_text(t, host);
	cmd_text_adds(t, "</title>\n<style>");
	cmd_text_adds(t, page_style);
	cmd_text_adds(t,
	    "</style>\n</head>\n<body>\n"
	    "<a class=\"skip\" href=\"#main\">Skip to the summary</a>\n"
	    "<header>\n<div class=\"wrap\">\n<h1>Certificates <span>of ");
	html_text(t, host);
	cmd_text_adds(t, "</span></h1>\n<nav aria-label=\"Parts\">\n");
	for (i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		html_print(t, "<a href=\"#%s\">%s</a>\n", sections[i].id,
		    sections[i].title);
	cmd_text_adds(t, "</nav>\n</div>\n</header>\n<main id=\"main\">\n");
}

/* One sentence: is there something to do? */
static void
addverdict(struct report *r, const size_t severity[3])
{
	struct cmd_text *t = &r->page;
	int bad = r->n[REPORT_EXPIRED] > 0 || severity[CERTSTORE_CRITICAL] > 0;
	int soon = r->n[REPORT_SOON] > 0 || severity[CERTSTORE_WARNING] > 0;
	int unread = r->nunread > 0 || cmd_status() != 0;

	html_print(t, "<p class=\"verdict %s\"><strong>%s</strong> ",
	    bad || unread ? "expired" :
		soon	  ? "soon" :
			    "valid",
	    bad || unread ? "Something is wrong." :
		soon	  ? "Something needs attention." :
			    "All is well.");
	html_plural(t, r->n[REPORT_EXPIRED], "entry is expired,",
	    "entries are expired,");
	cmd_text_adds(t, " ");
	html_plural(t, r->n[REPORT_SOON], "expires", "expire");
	cmd_text_adds(t,
	    r->within.type == CERTSTORE_SPAN_AT ? " by " : " within ");
	html_text(t, r->withintext);
	if (r->within.type == CERTSTORE_SPAN_PART)
		cmd_text_adds(t, " of the validity");
	html_print(t, "; findings: %zu critical, ",
	    severity[CERTSTORE_CRITICAL]);
	html_plural(t, severity[CERTSTORE_WARNING], "warning", "warnings");
	cmd_text_adds(t, ".");
	if (unread)
		cmd_text_adds(t,
		    " Not all could be read: this page is not complete.");
	cmd_text_adds(t, "</p>\n");
}

static void
addtile(struct cmd_text *t, const char *class, size_t n, const char *label)
{
	html_print(t, "<li class=\"%s\"><b>%zu</b> %s</li>\n",
	    n > 0 ? class : "none", n, label);
}

void
page_begin(struct report *r, const size_t severity[3])
{
	static const char *const labels[] = { "expired", "expiring soon",
		"not yet valid", "valid", "waiting" };
	static const char *const classes[] = { "expired", "soon", "early",
		"valid", "waiting" };
	char host[256] = "this host", when[CERTSTORE_TIME_LEN];
	struct cmd_text *t = &r->page;
	size_t i;

	(void)gethostname(host, sizeof(host) - 1);
	addhead(t, host);
	cmd_text_adds(t,
	    "<section aria-labelledby=\"summary\">\n"
	    "<h2 id=\"summary\" class=\"aural\">Summary</h2>\n");
	addverdict(r, severity);
	cmd_text_adds(t, "<ul class=\"tiles\">\n");
	addtile(t, "all", r->nentry, r->nentry == 1 ? "entry" : "entries");
	for (i = 0; i < REPORT_NSTATE; i++)
		addtile(t, classes[i], r->n[i], labels[i]);
	cmd_text_adds(t, "</ul>\n<p class=\"asof\">As of ");
	certstore_time_format(r->now, when);
	html_print(t, "<time datetime=\"%s\">%.10s %.8s UTC</time>", when, when,
	    when + 11);
	cmd_text_adds(t, ". Store: <code>");
	html_text(t, certstore_path(r->store));
	cmd_text_adds(t, "</code></p>\n</section>\n");
}

/* Begins a part; the end of a section is left to the next one. */
void
page_section(struct report *r, const char *id, const char *title)
{
	html_print(&r->page,
	    "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id,
	    title);
}

void
page_end(struct report *r)
{
	cmd_text_adds(&r->page,
	    "</main>\n<footer><p>Made by cert-report of certstore " CERTSTORE_VERSION
	    ". Times are UTC. No private key and no "
	    "passphrase is in this page.</p></footer>\n"
	    "</body>\n</html>\n");
	html_end(r);
}
