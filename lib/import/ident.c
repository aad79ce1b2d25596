/*
 * ident.c: what a certificate is for, compared with another: its hosts, else
 * its other names, else its subject.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "import/private.h"

/* One of these; of a CA it is always the subject. */
struct ident {
	int type; /* cs_san_type, or SUBJECT */
	const char *value;
	struct cs_pool_cert *holder;
};
#define SUBJECT (CS_SAN_OTHER + 1)

static int
compareident(const void *a, const void *b)
{
	const struct ident *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->type == SUBJECT ? strcmp(x->value, y->value) :
				    strcasecmp(x->value, y->value);
}

/* Sorts them and drops duplicates: how many are left. */
static size_t
sortidents(struct ident *v, size_t n)
{
	size_t i, kept = 0;

	qsort(v, n, sizeof(*v), compareident);
	for (i = 0; i < n; i++)
		if (kept == 0 || compareident(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	return kept;
}

/* At least one, sorted, for free(), or NULL without memory.  Values point into
 * info. */
static struct ident *
listidents(const struct cs_info *info, size_t *n)
{
	const struct cs_san *names;
	struct ident *v;
	struct cs_san cn;
	size_t nname, i;
	int hosts, ca = info->kind != NULL && strcmp(info->kind, "ca") == 0;

	*n = 0;
	names = cs_names_of(info, &cn, &nname);
	if ((v = calloc(nname + 1, sizeof(*v))) == NULL)
		return NULL;
	hosts = cs_names_hashost(names, nname);
	for (i = 0; i < nname && !ca; i++) {
		if (hosts && !cs_names_hashost(&names[i], 1))
			continue;
		v[*n].type = (int)names[i].type;
		v[(*n)++].value = names[i].value;
	}
	if (*n == 0) {
		v->type = SUBJECT;
		v->value = info->subject != NULL ? info->subject : "";
		*n = 1;
	}
	*n = sortidents(v, *n);
	return v;
}

/* Counts what a and b are for, in n[0] and n[1]: how many both have, or -1
 * without memory. */
static int
countshared(const struct cs_info *a, const struct cs_info *b, size_t n[2])
{
	struct ident *v, *w;
	size_t i;
	int shared = -1;

	v = listidents(a, &n[0]);
	w = listidents(b, &n[1]);
	if (v != NULL && w != NULL)
		for (i = 0, shared = 0; i < n[0]; i++)
			shared += bsearch(&v[i], w, n[1], sizeof(*w),
				      compareident) != NULL;
	free(v);
	free(w);
	return shared;
}

int
cs_ident_same(const struct cs_info *a, const struct cs_info *b)
{
	size_t n[2];
	int shared;

	if ((shared = countshared(a, b, n)) == -1)
		return -1;
	return (size_t)shared == n[0] && n[0] == n[1];
}

int
cs_ident_shares(const struct cs_info *a, const struct cs_info *b)
{
	size_t n[2];
	int shared;

	return (shared = countshared(a, b, n)) > 0 ? 1 : shared;
}

/* Called for the best certificate of a key first: each claims its names, and
 * one that finds a name claimed is superfluous. */
static void
claimidents(struct cs_pool_cert *cert, const struct ident *own, size_t n,
    struct ident *names, size_t nnames)
{
	struct ident *name;
	size_t i;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < n && cert->newer == NULL; i++) {
			name = bsearch(&own[i], names, nnames, sizeof(*names),
			    compareident);
			if (name == NULL)
				continue;
			if (pass == 0)
				cert->newer = name->holder;
			else
				name->holder = cert;
		}
}

/* What one of several certificates of a key is for. */
struct purpose {
	struct cs_info info;
	struct ident *v;
	size_t n;
};

static int
findpurpose(struct purpose *p, X509 *x509, struct certstore_error *err)
{
	if (cs_describe_shown(&p->info.text, x509, err) == -1 ||
	    cs_info_parse(&p->info, err) == -1)
		return -1;
	if ((p->v = listidents(&p->info, &p->n)) == NULL)
		return cs_fail_nomem(err);
	return 0;
}

int
cs_ident_sort(struct cs_pool_cert **v, size_t n, struct certstore_error *err)
{
	struct purpose *p;
	struct ident *all = NULL;
	size_t i, total = 0;
	int rv = -1;

	if ((p = calloc(n, sizeof(*p))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < n; i++) {
		if (findpurpose(&p[i], v[i]->x509, err) == -1)
			goto out;
		total += p[i].n;
	}
	if ((all = reallocarray(NULL, total, sizeof(*all))) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	for (i = 0, total = 0; i < n; total += p[i++].n)
		memcpy(all + total, p[i].v, p[i].n * sizeof(*all));
	total = sortidents(all, total);
	for (i = 0; i < n; i++)
		claimidents(v[i], p[i].v, p[i].n, all, total);
	rv = 0;
out:
	for (i = 0; i < n; i++) {
		cs_info_free(&p[i].info);
		free(p[i].v);
	}
	free(p);
	free(all);
	return rv;
}
