/*
 * naming.c: what an imported certificate is called when nobody says: like the
 * entry that has its key, else by its first name.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "import/private.h"

/* "*.example.com" is "_.example.com"; 0 if there is no name that can be. */
static int
fromdns(const struct cs_info *info, char name[CS_HOST_MAX + 1])
{
	const char *host;
	size_t i, n = info->nsan > 0 ? info->nsan : info->cn != NULL;

	for (i = 0; i < n; i++) {
		if (info->nsan > 0 && info->san[i].type != CS_SAN_DNS)
			continue;
		host = info->nsan > 0 ? info->san[i].value : info->cn;
		if (cs_name_certhost(host, name) != 1)
			continue;
		if (name[0] == '*')
			name[0] = '_';
		return 1;
	}
	return 0;
}

/* "2001:db8::1" is "2001-db8--1". */
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

/* Lower case; a run of what a name can't have becomes one "-". */
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
derive(const struct cs_pool_cert *cert, const struct cs_info *info,
    char name[CS_HOST_MAX + 1])
{
	return (fromdns(info, name) && cs_name_isvalid(name)) ||
	    fromip(info, name) || cs_cert_called(cert->x509, fromtext, name);
}

/* The holders of a sort: how many, and one; the one called name if there is
 * such. */
static size_t
count(const struct cs_keyowners *h, int waits, int shares, const char *name,
    const struct cs_keyowner **one)
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

/* An answer to a request goes where that waits, whatever -N says. */
static int
checkwaiting(const struct certstore_import *im, const struct cs_pool_cert *cert,
    const struct cs_keyowners *h, struct certstore_error *err)
{
	const struct cs_keyowner *has, *waiting;

	if (cert->key != NULL || count(h, 1, 0, im->name, &waiting) == 0 ||
	    strcmp(waiting->name, im->name) == 0 ||
	    count(h, 0, 0, im->name, &has) > 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: answers the "
	    "request that waits in %s: leave out -N",
	    im->name, waiting->name);
}

/*
 * The entry of the same key and names: one where a request waits, else one that
 * has them; *from is NULL if there is none.  A lone request is answered with
 * whatever names.
 */
static int
choose(const struct cs_pool_cert *cert, const struct cs_keyowners *h,
    const char *derived, const char **from, struct certstore_error *err)
{
	const struct cs_keyowner *one;
	char which[sizeof(err->msg)];
	size_t n;

	*from = NULL;
	if ((n = count(h, 1, 1, derived, &one)) == 0 &&
	    (n = count(h, 0, 1, derived, &one)) == 0 && h->n == 1 &&
	    h->v[0].waits) {
		one = &h->v[0];
		n = 1;
	}
	if (n > 1)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %zu entries have its "
		    "key and names (%s, ...): use -N with the one it is for",
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
		named = derive(cert, info, derived);
		if (choose(cert, h, named ? derived : NULL, &from, err) == -1)
			return NULL;
		if (from == NULL && named)
			from = derived;
	}
	if (from == NULL) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: no entry name can be "
		    "made of its names: give it one with -N",
		    cs_pool_name(cert, which, sizeof(which)));
		return NULL;
	}
	if ((name = strdup(from)) == NULL)
		cs_fail_nomem(err);
	return name;
}

static int
comparesan(const void *a, const void *b)
{
	const struct cs_san *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return strcasecmp(x->value, y->value);
}

/* The names, sorted, each once. */
static struct cs_san *
names(const struct cs_info *info, size_t *n)
{
	struct cs_san *v;
	size_t i, kept = 0;

	*n = 0;
	if ((v = calloc(info->nsan + 1, sizeof(*v))) == NULL)
		return NULL;
	for (i = 0; i < info->nsan; i++)
		v[i] = info->san[i];
	qsort(v, info->nsan, sizeof(*v), comparesan);
	for (i = 0; i < info->nsan; i++)
		if (kept == 0 || comparesan(&v[kept - 1], &v[i]) != 0)
			v[kept++] = v[i];
	if (info->nsan == 0 && info->cn != NULL) {
		v[0].type = CS_SAN_DNS;
		v[0].value = info->cn;
		kept = 1;
	}
	*n = kept;
	return v;
}

/* Are they for the same?  Without any names the subject says it: 1, 0, -1 no
 * memory. */
int
cs_naming_same(const struct cs_info *a, const struct cs_info *b)
{
	struct cs_san *v, *w;
	size_t i, n, m;
	int same = -1;

	v = names(a, &n);
	w = names(b, &m);
	if (v != NULL && w != NULL) {
		same = n == m;
		for (i = 0; i < n && same; i++)
			same = comparesan(&v[i], &w[i]) == 0;
		if (n == 0 && m == 0)
			same = strcmp(a->subject != NULL ? a->subject : "",
				   b->subject != NULL ? b->subject : "") == 0;
	}
	free(v);
	free(w);
	return same;
}

/*
 * By what one certificate is known from others of its key: its hosts, else its
 * other names, else its subject, and always by that if it is a CA.
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

static int
ishost(const struct cs_san *san)
{
	return san->type == CS_SAN_DNS || san->type == CS_SAN_IP;
}

/* Puts them into v, if that is not NULL; how many.  The values are of info. */
static size_t
identify(const struct cs_info *info, struct ident *v)
{
	size_t hosts = 0, i, n = 0;
	int ca = info->kind != NULL && strcmp(info->kind, "ca") == 0;

	for (i = 0; i < info->nsan; i++)
		hosts += (size_t)ishost(&info->san[i]);
	for (i = 0; i < info->nsan && !ca; i++) {
		if (hosts > 0 && !ishost(&info->san[i]))
			continue;
		if (v != NULL) {
			v[n].type = (int)info->san[i].type;
			v[n].value = info->san[i].value;
		}
		n++;
	}
	if (n == 0) {
		ca |= info->nsan > 0 || info->cn == NULL;
		if (v != NULL) {
			v->type = ca ? SUBJECT : (int)CS_SAN_DNS;
			v->value = ca ? info->subject : info->cn;
			if (v->value == NULL)
				v->value = "";
		}
		n = 1;
	}
	return n;
}

int
cs_naming_shares(const struct cs_info *a, const struct cs_info *b)
{
	struct ident *v, *w;
	size_t i, n, m;
	int shares = -1;

	n = identify(a, NULL);
	m = identify(b, NULL);
	v = reallocarray(NULL, n, sizeof(*v));
	w = reallocarray(NULL, m, sizeof(*w));
	if (v != NULL && w != NULL) {
		identify(a, v);
		identify(b, w);
		qsort(w, m, sizeof(*w), compareident);
		shares = 0;
		for (i = 0; i < n && !shares; i++)
			shares = bsearch(&v[i], w, m, sizeof(*w),
				     compareident) != NULL;
	}
	free(v);
	free(w);
	return shares;
}

/* Each certificate claims its names, the best first; one that finds a name
 * claimed is superfluous. */
static void
claim(struct cs_pool_cert *cert, struct ident *own, size_t n,
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

int
cs_naming_sort(struct cs_pool_cert **v, size_t n, struct certstore_error *err)
{
	struct cs_info *infos;
	struct ident *names = NULL, *own = NULL;
	size_t i, kept = 0, most = 0, m, total = 0;
	int rv = -1;

	if ((infos = calloc(n, sizeof(*infos))) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < n; i++) {
		if (cs_describe_shown(&infos[i].text, v[i]->x509, err) == -1 ||
		    cs_info_parse(&infos[i], err) == -1)
			goto out;
		m = identify(&infos[i], NULL);
		total += m;
		most = m > most ? m : most;
	}
	names = calloc(total + 1, sizeof(*names));
	own = calloc(most + 1, sizeof(*own));
	if (names == NULL || own == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	for (i = m = 0; i < n; i++)
		m += identify(&infos[i], names + m);
	qsort(names, total, sizeof(*names), compareident);
	for (i = 0; i < total; i++)
		if (kept == 0 || compareident(&names[kept - 1], &names[i]) != 0)
			names[kept++] = names[i];
	for (i = 0; i < n; i++) {
		m = identify(&infos[i], own);
		claim(v[i], own, m, names, kept);
	}
	rv = 0;
out:
	for (i = 0; i < n; i++)
		cs_info_free(&infos[i]);
	free(infos);
	free(names);
	free(own);
	return rv;
}
