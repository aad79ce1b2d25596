/*
 * trustset.c: the set of trust anchors and of distrusted certificates, in
 * memory, and the files distrusted and shipped.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "trust/private.h"

#define SHA256 "sha256:"
#define HEX_LEN (CS_HASH_LEN - 1)
#define NAME_UNIT 8	   /* digits of the fingerprint in a name, or more */
#define ADDED_WORD "added" /* in the file shipped: also added by hand */

static void
freeanchor(struct cs_anchor *a)
{
	free(a->name);
	free(a->der);
	X509_free(a->x509);
	memset(a, 0, sizeof(*a));
}

void
cs_trustset_freecrl(struct cs_crl *c)
{
	free(c->name);
	X509_CRL_free(c->crl);
	memset(c, 0, sizeof(*c));
}

void
cs_trustset_free(struct cs_trustset *set)
{
	while (set->n > 0)
		freeanchor(&set->v[--set->n]);
	while (set->ncrl > 0)
		cs_trustset_freecrl(&set->crls[--set->ncrl]);
	free(set->crls);
	free(set->crllinks);
	free(set->v);
	free(set->slots);
	cs_strings_free(&set->bad);
	memset(set, 0, sizeof(*set));
}

/*
 * Two hash tables with open addressing in one array: by name and by
 * fingerprint.  A slot holds the place of an anchor from 1 on, or 0.  A dropped
 * anchor keeps its slots until the set is sorted.
 */
static size_t
hashtext(const char *s, size_t len)
{
	uint64_t h = 14695981039346656037u;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

static void
insertslot(size_t *table, size_t size, size_t hash, size_t place)
{
	while (table[hash & (size - 1)] != 0)
		hash++;
	table[hash & (size - 1)] = place;
}

static void
enterslot(struct cs_trustset *set, size_t i)
{
	const struct cs_anchor *a = &set->v[i];

	insertslot(set->slots, set->nslot, hashtext(a->name, strlen(a->name)),
	    i + 1);
	insertslot(set->slots + set->nslot, set->nslot,
	    hashtext(a->fingerprint, HEX_LEN), i + 1);
}

/* Makes the tables anew, as large as the array needs. */
static int
reindex(struct cs_trustset *set)
{
	size_t i, n = 2 * set->size, *slots;

	if (n != set->nslot) {
		if ((slots = calloc(2 * n, sizeof(*slots))) == NULL)
			return -1;
		free(set->slots);
		set->slots = slots;
		set->nslot = n;
	} else
		memset(set->slots, 0, 2 * n * sizeof(*set->slots));
	for (i = 0; i < set->n; i++)
		enterslot(set, i);
	return 0;
}

struct cs_anchor *
cs_trustset_byname(const struct cs_trustset *set, const char *name)
{
	size_t h, i;

	if (set->nslot == 0)
		return NULL;
	for (h = hashtext(name, strlen(name));
	     (i = set->slots[h & (set->nslot - 1)]) != 0; h++)
		if (!set->v[i - 1].gone &&
		    strcmp(set->v[i - 1].name, name) == 0)
			return &set->v[i - 1];
	return NULL;
}

struct cs_anchor *
cs_trustset_byfingerprint(const struct cs_trustset *set, const char *hex)
{
	const size_t *slots;
	size_t h, i;

	if (set->nslot == 0)
		return NULL;
	slots = set->slots + set->nslot;
	for (h = hashtext(hex, HEX_LEN); (i = slots[h & (set->nslot - 1)]) != 0;
	     h++)
		if (!set->v[i - 1].gone &&
		    memcmp(set->v[i - 1].fingerprint, hex, HEX_LEN) == 0)
			return &set->v[i - 1];
	return NULL;
}

int
cs_trustset_find(const struct cs_trustset *set, const char *text,
    struct cs_anchor **a, char hex[65], struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	struct cs_anchor *named;

	named = cs_trustset_byname(set, text);
	if (!cs_anchor_fingerprint(text, hex)) {
		*a = named;
		return named != NULL;
	}
	*a = cs_trustset_byfingerprint(set, hex);
	if (named != NULL && named != *a)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: is the name of an anchor and a fingerprint: use "
		    "sha256:%s for the one or for the other",
		    cs_escape_quote(q, text), named->fingerprint);
	return *a != NULL;
}

struct cs_anchor *
cs_trustset_add(struct cs_trustset *set, const char *name,
    const char *fingerprint, const unsigned char *der, size_t derlen,
    unsigned int origin)
{
	struct cs_anchor *a;
	size_t size = set->size;

	a = cs_array_extend(set->v, set->n, &set->size, sizeof(*a));
	if (a == NULL)
		return NULL;
	set->v = a;
	if (set->size != size && reindex(set) == -1)
		return NULL;
	a += set->n;
	memset(a, 0, sizeof(*a));
	if ((a->name = strdup(name)) == NULL ||
	    (der != NULL && (a->der = malloc(derlen)) == NULL)) {
		freeanchor(a);
		return NULL;
	}
	if (der != NULL)
		memcpy(a->der, der, derlen);
	a->derlen = derlen;
	memcpy(a->fingerprint, fingerprint, sizeof(a->fingerprint));
	a->origin = origin;
	enterslot(set, set->n++);
	return a;
}

void
cs_trustset_drop(struct cs_anchor *a)
{
	a->gone = 1;
}

X509 *
cs_trustset_parse(struct cs_anchor *a)
{
	struct certstore_error ignored;

	if (a->gone || a->der == NULL)
		return NULL;
	if (a->x509 == NULL)
		a->x509 = cs_cert_parse(a->name, a->der, a->derlen, &ignored);
	return a->x509;
}

int
cs_trustset_hasissuer(struct cs_trustset *set, X509 *x509)
{
	size_t i;
	X509 *issuer;

	for (i = 0; i < set->n; i++)
		if (!set->v[i].gone &&
		    (issuer = cs_trustset_parse(&set->v[i])) != NULL &&
		    cs_cert_is_ca(issuer) && X509_cmp(issuer, x509) != 0 &&
		    cs_cert_is_signed_by(x509, issuer) == 1)
			return 1;
	ERR_clear_error();
	return 0;
}

int
cs_trustset_isanchor(const struct cs_anchor *a)
{
	return a->der != NULL && (a->origin & CS_ANCHOR_HELPER) == 0;
}

int
cs_trustset_isempty(const struct cs_trustset *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (!set->v[i].gone && cs_trustset_isanchor(&set->v[i]))
			return 0;
	return 1;
}

static int
byanchorname(const void *a, const void *b)
{
	const struct cs_anchor *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
cs_trustset_sort(struct cs_trustset *set)
{
	size_t i, n = 0;

	for (i = 0; i < set->n; i++) {
		if (set->v[i].gone)
			freeanchor(&set->v[i]);
		else
			set->v[n++] = set->v[i];
	}
	set->n = n;
	if (n > 1)
		qsort(set->v, n, sizeof(*set->v), byanchorname);
	if (set->size > 0)
		(void)reindex(set); /* of the same size: cannot fail */
}

/* Is no anchor called so?  "bundle" is not free: bundle.pem has all anchors. */
static int
isnamefree(const struct cs_trustset *set, const char *name)
{
	return strcmp(name, "bundle") != 0 &&
	    cs_trustset_byname(set, name) == NULL;
}

/*
 * A free name for a certificate: the base, if plain and free; else the base and
 * digits of the fingerprint.
 */
void
cs_trustset_name(const struct cs_trustset *set, const char *base, int plain,
    const char *fingerprint, char name[CS_NAME_MAX + 1])
{
	int n;

	snprintf(name, CS_NAME_MAX + 1, "%s", base);
	for (n = NAME_UNIT; (!plain || !isnamefree(set, name)) && n <= HEX_LEN;
	     n += NAME_UNIT) {
		snprintf(name, CS_NAME_MAX + 1, "%s-%.*s", base, n,
		    fingerprint);
		plain = 1;
	}
}

/*
 * A line "sha256:HEX", lower case, perhaps with a blank and more text.  Lines
 * are cut from next on.
 */
struct reading {
	const char *label;
	size_t line;
	char *next;
	char hex[HEX_LEN + 1];
	const char *rest;
};

static int
failline(const struct reading *r, const char *form, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s:%zu: is not a line \"%s\": correct it by hand", r->label,
	    r->line, form);
}

/* Reads the next line: 1, 0 at the end, -1 it is malformed. */
static int
readsetline(struct reading *r, const char *end)
{
	char *p = r->next, *nl;

	if (p == end)
		return 0;
	r->line++;
	if ((nl = memchr(p, '\n', (size_t)(end - p))) == NULL ||
	    memchr(p, '\0', (size_t)(nl - p)) != NULL)
		return -1;
	*nl = '\0';
	r->next = nl + 1;
	if (strncmp(p, SHA256, strlen(SHA256)) != 0)
		return -1;
	p += strlen(SHA256);
	if (strspn(p, "0123456789abcdef") != HEX_LEN)
		return -1;
	memcpy(r->hex, p, HEX_LEN);
	r->hex[HEX_LEN] = '\0';
	p += HEX_LEN;
	if (*p != '\0' && *p != ' ')
		return -1;
	r->rest = *p == ' ' ? p + 1 : p;
	return 1;
}

/*
 * Read before the anchors: what is distrusted is no anchor, whatever files are
 * there.
 */
int
cs_trustset_read_distrusted(struct cs_trustset *set, const char *label,
    const struct cs_buf *b, struct certstore_error *err)
{
	struct reading r = { .label = label, .next = b->p };
	int rv;

	while ((rv = readsetline(&r, b->p + b->len)) == 1) {
		if (!cs_name_isvalid(r.rest) ||
		    cs_trustset_byname(set, r.rest) != NULL ||
		    cs_trustset_byfingerprint(set, r.hex) != NULL)
			break;
		if (cs_trustset_add(set, r.rest, r.hex, NULL, 0,
			CS_ANCHOR_DISTRUSTED) == NULL)
			return cs_fail_nomem(err);
	}
	return rv == 0 ? 0 : failline(&r, "sha256:HEX NAME, each once", err);
}

/* Read after the anchors: those that it does not name were added by hand. */
int
cs_trustset_read_shipped(struct cs_trustset *set, const char *label,
    const struct cs_buf *b, struct certstore_error *err)
{
	struct reading r = { .label = label, .next = b->p };
	struct cs_anchor *a;
	int rv;

	while ((rv = readsetline(&r, b->p + b->len)) == 1) {
		if (*r.rest != '\0' && strcmp(r.rest, ADDED_WORD) != 0)
			break;
		a = cs_trustset_byfingerprint(set, r.hex);
		if (a == NULL || !cs_trustset_isanchor(a))
			set->dirty = 1;
		else
			a->origin = *r.rest == '\0' ?
			    CS_ANCHOR_SHIPPED :
			    CS_ANCHOR_SHIPPED | CS_ANCHOR_ADDED;
	}
	return rv == 0 ? 0 : failline(&r, "sha256:HEX [added]", err);
}

int
cs_trustset_write_distrusted(const struct cs_trustset *set, struct cs_buf *b)
{
	int bad = cs_buf_adds(b, "");
	size_t i;

	for (i = 0; i < set->n; i++)
		if (set->v[i].der == NULL)
			bad |= cs_buf_printf(b, SHA256 "%s %s\n",
			    set->v[i].fingerprint, set->v[i].name);
	return bad;
}

int
cs_trustset_write_shipped(const struct cs_trustset *set, struct cs_buf *b)
{
	const struct cs_anchor *a;
	int bad = cs_buf_adds(b, "");
	size_t i;

	for (i = 0; i < set->n; i++) {
		a = &set->v[i];
		if ((a->origin & CS_ANCHOR_SHIPPED) != 0)
			bad |= cs_buf_printf(b, SHA256 "%s%s\n", a->fingerprint,
			    (a->origin & CS_ANCHOR_ADDED) != 0 ?
				" " ADDED_WORD :
				"");
	}
	return bad;
}
