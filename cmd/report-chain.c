/*
 * report-chain.c: which CA issued what, as trees.  A CA is an entry, or known
 * from the issuer of entries only.  Of other certificates that it issued the
 * first names are kept, and the number.
 *
 * Issuers are found by name and key identifier, RFC 5280 sections 4.2.1.1 and
 * 4.2.1.2: no signature is verified here.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define NAMES 24   /* of what a CA issued */
#define DEEPEST 16 /* levels that are printed */
#define MOST 500   /* CAs that are printed */

struct ca {
	char *subject, *ski; /* ski: "" unknown */
	char *entry;	     /* its name; NULL: not in the store */
	char *issuer, *aki;  /* NULL: self-signed, or unknown */
	enum report_state state;
	int64_t ends;
	char *name[NAMES]; /* of what it issued */
	size_t n, ncopy;
	struct ca *first, *next, *parent; /* CAs below, beside and above it */
	int merged;			  /* with another one */
};

struct chains {
	void *byname; /* CAs by subject and ski */
	struct ca **v;
	size_t n, size;
	size_t nself;
	size_t nshown;
};

static char *
copystring(const char *s)
{
	char *copy;

	if ((copy = strdup(s == NULL ? "" : s)) == NULL)
		cmd_die("no memory left");
	return copy;
}

struct chains *
chains_new(void)
{
	struct chains *chains;

	if ((chains = calloc(1, sizeof(*chains))) == NULL)
		cmd_die("no memory left");
	return chains;
}

static int
compareca(const void *a, const void *b)
{
	const struct ca *x = a, *y = b;
	int rv = strcmp(x->subject, y->subject);

	return rv != 0 ? rv : strcmp(x->ski, y->ski);
}

/* The CA of this name and key, which is added if it is new. */
static struct ca *
takeca(struct chains *chains, const char *subject, const char *ski)
{
	struct ca *ca, **found, key = { 0 };

	key.subject = copystring(subject);
	key.ski = copystring(ski);
	if ((found = tsearch(&key, &chains->byname, compareca)) == NULL)
		cmd_die("no memory left");
	if (*found != &key) {
		free(key.subject);
		free(key.ski);
		return *found;
	}
	if ((ca = malloc(sizeof(*ca))) == NULL)
		cmd_die("no memory left");
	*ca = key;
	*found = ca;
	if (chains->n == chains->size) {
		chains->size = chains->size == 0 ? 64 : 2 * chains->size;
		chains->v = reallocarray(chains->v, chains->size,
		    sizeof(*chains->v));
		if (chains->v == NULL)
			cmd_die("no memory left");
	}
	chains->v[chains->n++] = ca;
	return ca;
}

static void
addca(struct chains *chains, const struct certstore_entry *entry,
    enum report_state state)
{
	struct ca *ca;

	ca = takeca(chains, certstore_entry_subject(entry),
	    certstore_entry_ski(entry));
	if (ca->entry != NULL) { /* the same CA in a second entry */
		ca->ncopy++;
		return;
	}
	ca->entry = copystring(certstore_entry_name(entry));
	ca->state = state;
	ca->ends = certstore_entry_ends(entry);
	free(ca->issuer); /* what a chain told */
	ca->issuer = NULL;
	if (certstore_entry_is_selfsigned(entry))
		return;
	ca->issuer = copystring(certstore_entry_issuer(entry));
	ca->aki = copystring(certstore_entry_aki(entry));
}

/* A certificate that is not a CA: who issued it, and who issued that CA. */
static void
addissued(struct chains *chains, const struct certstore_entry *entry)
{
	const char *above = NULL, *issuer = NULL;
	struct ca *ca;
	int64_t ends;

	ca = takeca(chains, certstore_entry_issuer(entry),
	    certstore_entry_aki(entry));
	if (ca->n < NAMES)
		ca->name[ca->n] = copystring(certstore_entry_name(entry));
	ca->n++;
	if (ca->entry != NULL || ca->issuer != NULL || ca->ends != 0)
		return;
	if (certstore_entry_issuing(entry, 0, &issuer, &ends) == 1 &&
	    strcmp(issuer, ca->subject) == 0)
		ca->ends = ends;
	if (certstore_entry_issuing(entry, 1, &above, &ends) == 1)
		ca->issuer = copystring(above);
}

void
chains_add(struct chains *chains, const struct certstore_entry *entry,
    enum report_state state)
{
	if (certstore_entry_fingerprint(entry) == NULL ||
	    certstore_entry_subject(entry) == NULL ||
	    certstore_entry_issuer(entry) == NULL)
		return;
	if (certstore_entry_is_kind(entry, "ca"))
		addca(chains, entry, state);
	else if (certstore_entry_is_selfsigned(entry))
		chains->nself++;
	else
		addissued(chains, entry);
}

/* CAs by name, those in the store first. */
static int
sortca(const void *a, const void *b)
{
	const struct ca *x = *(struct ca *const *)a;
	const struct ca *y = *(struct ca *const *)b;

	if ((x->entry == NULL) != (y->entry == NULL))
		return x->entry == NULL ? 1 : -1;
	if (x->entry != NULL)
		return strcmp(x->entry, y->entry);
	return compareca(x, y);
}

static int
comparesubject(const void *a, const void *b)
{
	return strcmp(((const struct ca *)a)->subject,
	    ((const struct ca *)b)->subject);
}

/* The CA of this name and key; without a key identifier one of this name. */
static struct ca *
findca(const struct chains *chains, void *const *bysubject, const char *subject,
    const char *ski)
{
	struct ca **found, key = { 0 };

	if (subject == NULL)
		return NULL;
	key.subject = copystring(subject);
	key.ski = copystring(ski);
	found = tfind(&key, &chains->byname, compareca);
	if (found == NULL && *key.ski == '\0')
		found = tfind(&key, bysubject, comparesubject);
	free(key.subject);
	free(key.ski);
	return found == NULL ? NULL : *found;
}

static int
isabove(const struct ca *ca, const struct ca *of)
{
	for (; of != NULL; of = of->parent)
		if (of == ca)
			return 1;
	return 0;
}

/* What names no key of its issuer, is moved to an entry of this name. */
static void
mergeca(struct chains *chains, void *const *bysubject, struct ca *ca)
{
	struct ca *other;
	size_t i;

	if (ca->entry != NULL || *ca->ski != '\0' ||
	    (other = *(struct ca **)tfind(ca, bysubject, comparesubject)) ==
		ca ||
	    other->entry == NULL)
		return;
	for (i = 0; i < ca->n && i < NAMES; i++)
		if (other->n + i < NAMES)
			other->name[other->n + i] = ca->name[i];
		else
			free(ca->name[i]);
	other->n += ca->n;
	ca->n = 0;
	ca->merged = 1;
	chains->nshown++;
}

/* Makes trees; CAs that issued each other are not closed to a circle. */
static void
joinchains(struct chains *chains)
{
	void *bysubject = NULL;
	struct ca *ca, *parent;
	size_t i;

	if (chains->n == 0)
		return;
	qsort(chains->v, chains->n, sizeof(*chains->v), sortca);
	for (i = 0; i < chains->n; i++)
		if (tsearch(chains->v[i], &bysubject, comparesubject) == NULL)
			cmd_die("no memory left");
	for (i = chains->n; i-- > 0;) {
		ca = chains->v[i];
		mergeca(chains, &bysubject, ca);
		parent = ca->merged ?
		    NULL :
		    findca(chains, &bysubject, ca->issuer, ca->aki);
		if (parent == NULL || isabove(ca, parent))
			continue;
		ca->parent = parent;
		ca->next = parent->first;
		parent->first = ca;
	}
	for (i = 0; i < chains->n; i++)
		(void)tdelete(chains->v[i], &bysubject, comparesubject);
}

static void
addissuednames(struct cmd_text *t, const struct ca *ca)
{
	size_t i, n = ca->n < NAMES ? ca->n : NAMES;

	if (ca->n == 0)
		return;
	cmd_text_adds(t, "<details><summary>");
	html_plural(t, ca->n, "certificate", "certificates");
	cmd_text_adds(t, "</summary><p>");
	for (i = 0; i < n; i++) {
		cmd_text_adds(t, i > 0 ? ", " : "");
		html_link(t, ca->name[i]);
	}
	if (ca->n > n)
		html_print(t, " and %zu more", ca->n - n);
	cmd_text_adds(t, "</p></details>");
}

static void
addcaitem(struct report *r, struct chains *chains, struct ca *ca, int depth)
{
	struct cmd_text *t = &r->page;
	struct ca *below;

	chains->nshown++;
	html_print(t, "<li class=\"%s\"><span class=\"ca\">",
	    ca->entry == NULL ? "foreign" : "own");
	if (ca->entry != NULL) {
		html_link(t, ca->entry);
		cmd_text_adds(t, " ");
		entry_ends(t, r, ca->state, ca->ends);
		if (ca->ncopy > 0)
			html_print(t, " <small>and in %zu more</small>",
			    ca->ncopy);
	} else
		cmd_text_adds(t, "<i>not an entry</i>");
	cmd_text_adds(t, "<span class=\"dn\">");
	html_name(t, ca->subject);
	if (ca->entry == NULL && ca->ends != 0) {
		cmd_text_adds(t, " ends ");
		html_date(t, ca->ends);
	}
	cmd_text_adds(t, "</span></span>");
	if (ca->entry != NULL && ca->issuer != NULL && ca->parent == NULL) {
		cmd_text_adds(t, "<div><i>issuer</i> ");
		html_name(t, ca->issuer);
		cmd_text_adds(t, "</div>");
	}
	addissuednames(t, ca);
	if (ca->first != NULL && depth == DEEPEST)
		cmd_text_adds(t, "<p>and CAs below it</p>");
	else if (ca->first != NULL) {
		cmd_text_adds(t, "\n<ul>\n");
		for (below = ca->first; below != NULL && chains->nshown < MOST;
		     below = below->next)
			addcaitem(r, chains, below, depth + 1);
		cmd_text_adds(t, "</ul>");
	}
	cmd_text_adds(t, "\n");
	html_flush(r);
}

void
chains_print(struct report *r, struct chains *chains)
{
	struct cmd_text *t = &r->page;
	size_t i;

	joinchains(chains);
	page_section(r, "chains", "Chains");
	if (chains->n > 0)
		cmd_text_adds(t, "<ul class=\"tree\">\n");
	for (i = 0; i < chains->n && chains->nshown < MOST; i++)
		if (chains->v[i]->parent == NULL && !chains->v[i]->merged)
			addcaitem(r, chains, chains->v[i], 0);
	if (chains->n > 0)
		cmd_text_adds(t, "</ul>\n");
	if (chains->n > chains->nshown)
		html_print(t, "<p class=\"more\">And %zu more CAs.</p>\n",
		    chains->n - chains->nshown);
	cmd_text_adds(t, "<p class=\"more\">");
	if (chains->nself > 0) {
		html_plural(t, chains->nself, "self-signed certificate",
		    "self-signed certificates");
		cmd_text_adds(t, " of other kinds. ");
	}
	cmd_text_adds(t,
	    "Issuers are found by name and key identifier; "
	    "cert-verify verifies signatures.</p>\n</section>\n");
}

void
chains_free(struct chains *chains)
{
	struct ca *ca;
	size_t i;

	while (chains->n > 0) {
		ca = chains->v[--chains->n];
		(void)tdelete(ca, &chains->byname, compareca);
		for (i = 0; i < ca->n && i < NAMES; i++)
			free(ca->name[i]);
		free(ca->subject);
		free(ca->ski);
		free(ca->entry);
		free(ca->issuer);
		free(ca->aki);
		free(ca);
	}
	free(chains->v);
	free(chains);
}
