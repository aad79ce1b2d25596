/*
 * naming.c: the entry name for an imported certificate without -N: that of the
 * entry that has its key, else its first name; and what one certificate is for,
 * compared with another.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "import/private.h"

/* From the first DNS name, "_.example.com" for "*.example.com": 1 or 0. */
static int
fromdns(const struct cs_info *info, char name[CS_HOST_MAX + 1])
{
	const struct cs_san *names;
	struct cs_san cn;
	size_t i, n;

	names = cs_names_of(info, &cn, &n);
	for (i = 0; i < n; i++) {
		if (names[i].type != CS_SAN_DNS ||
		    cs_name_certhost(names[i].value, name) != 1)
			continue;
		if (name[0] == '*')
			name[0] = '_';
		return 1;
	}
	return 0;
}

/* From the first IP address, "2001-db8--1" for "2001:db8::1": 1 or 0. */
static int
fromip(const struct cs_info *info, char name[CS_HOST_MAX + 1])
{
	const char *ip;
	char *p;
	size_t i;

	for (i = 0; i < info->nsan; i++) {
		if (info->san[i].type != CS_SAN_IP)
			continue;
		ip = info->san[i].value;
		snprintf(name, CS_HOST_MAX + 1, "%s%s", *ip == ':' ? "0" : "",
		    ip);
		for (p = name; (p = strchr(p, ':')) != NULL;)
			*p = '-';
		if (cs_name_isvalid(name))
			return 1;
	}
	return 0;
}

/* From other text: lower case, each run of other characters is one "-". */
static int
fromtext(void *arg, const unsigned char *text, size_t len)
{
	char *name = arg;
	size_t i, n = 0;
	int c;

	for (i = 0; i < len && n < CS_NAME_MAX; i++) {
		c = text[i];
		if (c < 0x80 && (isalnum(c) || c == '_'))
			name[n++] = (char)tolower(c);
		else if (n > 0 && (c == '.' || c == '-') &&
		    isalnum((unsigned char)name[n - 1]))
			name[n++] = (char)c;
		else if (n > 0 && name[n - 1] != '-' && name[n - 1] != '.')
			name[n++] = '-';
	}
	while (n > 0 && (name[n - 1] == '-' || name[n - 1] == '.'))
		n--;
	name[n] = '\0';
	return n > 0 && cs_name_isvalid(name);
}

static int
derivename(const struct cs_pool_cert *cert, const struct cs_info *info,
    char name[CS_HOST_MAX + 1])
{
	return (fromdns(info, name) && cs_name_isvalid(name)) ||
	    fromip(info, name) || cs_cert_called(cert->x509, fromtext, name);
}

/* Counts the owners that wait or not, and have a name in common or not; one:
 * the one called name, else the first. */
static size_t
countowners(const struct cs_keyowners *h, int waits, int shares,
    const char *name, const struct cs_keyowner **one)
{
	size_t i, n = 0;

	*one = NULL;
	for (i = 0; i < h->n; i++) {
		if (h->v[i].waits != waits || h->v[i].shares < shares)
			continue;
		if (name != NULL && strcmp(h->v[i].name, name) == 0) {
			*one = &h->v[i];
			return 1;
		}
		if (n++ == 0)
			*one = &h->v[i];
	}
	return n;
}

/*
 * The answer to a waiting request must go to its entry: -N may name no other.
 */
static int
checkwaiting(const struct certstore_import *im, const struct cs_pool_cert *cert,
    const struct cs_keyowners *h, struct certstore_error *err)
{
	const struct cs_keyowner *has, *waiting;

	if (cert->key != NULL ||
	    countowners(h, 1, 0, im->name, &waiting) == 0 ||
	    strcmp(waiting->name, im->name) == 0 ||
	    countowners(h, 0, 0, im->name, &has) > 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: is the answer to the waiting request of %s: remove -N",
	    im->name, waiting->name);
}

/*
 * The entry with the same key and a name in common: where a request waits, else
 * with a certificate; the only owner of the key if that waits, whatever its
 * names.  NULL if there is none.
 */
static int
chooseowner(const struct cs_pool_cert *cert, const struct cs_keyowners *h,
    const char *derived, const char **from, struct certstore_error *err)
{
	const struct cs_keyowner *one;
	char which[sizeof(err->msg)];
	size_t n;

	*from = NULL;
	if ((n = countowners(h, 1, 1, derived, &one)) == 0 &&
	    (n = countowners(h, 0, 1, derived, &one)) == 0 && h->n == 1 &&
	    h->v[0].waits) {
		one = &h->v[0];
		n = 1;
	}
	if (n > 1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %zu entries have its key and names (%s, ...): use "
		    "-N with the right one",
		    cs_pool_name(cert, which, sizeof(which)), n, one->name);
	if (n == 1)
		*from = one->name;
	return 0;
}

char *
cs_naming_choose(const struct certstore_import *im,
    const struct cs_pool_cert *cert, const struct cs_info *info,
    const struct cs_keyowners *h, struct certstore_error *err)
{
	char derived[CS_HOST_MAX + 1], which[sizeof(err->msg)], *name;
	const char *from = im->name;
	int named;

	if (from != NULL) {
		if (checkwaiting(im, cert, h, err) == -1)
			return NULL;
	} else {
		named = derivename(cert, info, derived);
		if (chooseowner(cert, h, named ? derived : NULL, &from, err) ==
		    -1)
			return NULL;
		if (from == NULL && named)
			from = derived;
	}
	if (from == NULL) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: no entry name can be made of its names: use -N",
		    cs_pool_name(cert, which, sizeof(which)));
		return NULL;
	}
	if ((name = strdup(from)) == NULL)
		cs_fail_nomem(err);
	return name;
}

/*
 * What a certificate is for: its hosts, else its other names, else its subject,
 * and always that if it is a CA.
 */
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

static int
ishostsan(const struct cs_san *san)
{
	return san->type == CS_SAN_DNS || san->type == CS_SAN_IP;
}

/* At least one, sorted, for free(), or NULL without memory.  Values point into
 * info. */
static struct ident *
listidents(const struct cs_info *info, size_t *n)
{
	const struct cs_san *names;
	struct ident *v;
	struct cs_san cn;
	size_t countowners, hosts = 0, i;
	int ca = info->kind != NULL && strcmp(info->kind, "ca") == 0;

	*n = 0;
	names = cs_names_of(info, &cn, &countowners);
	if ((v = calloc(countowners + 1, sizeof(*v))) == NULL)
		return NULL;
	for (i = 0; i < countowners; i++)
		hosts += (size_t)ishostsan(&names[i]);
	for (i = 0; i < countowners && !ca; i++) {
		if (hosts > 0 && !ishostsan(&names[i]))
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
cs_naming_same(const struct cs_info *a, const struct cs_info *b)
{
	size_t n[2];
	int shared;

	if ((shared = countshared(a, b, n)) == -1)
		return -1;
	return (size_t)shared == n[0] && n[0] == n[1];
}

int
cs_naming_shares(const struct cs_info *a, const struct cs_info *b)
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
cs_naming_sort(struct cs_pool_cert **v, size_t n, struct certstore_error *err)
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
