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

#include "import.h"

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

static int
isheld(const struct cs_holders *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (strcmp(h->v[i], name) == 0)
			return 1;
	return 0;
}

char *
cs_naming_choose(const struct certstore_import *im,
    const struct cs_pool_cert *cert, const struct cs_info *info,
    const struct cs_holders *h, struct certstore_error *err)
{
	char derived[CS_HOST_MAX + 1], which[sizeof(err->msg)], *name;
	const char *from = derived;

	if (im->name != NULL) {
		if (h->waiting != NULL && cert->key == NULL &&
		    strcmp(h->waiting, im->name) != 0) {
			cs_fail(err, CERTSTORE_EREFUSED,
			    "%s: answers the "
			    "request that waits in %s: leave out -N",
			    im->name, h->waiting);
			return NULL;
		}
		from = im->name;
	} else if (h->waiting != NULL) {
		from = h->waiting;
	} else if (h->n == 1) {
		from = h->v[0];
	} else if (!derive(cert, info, derived)) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: no entry name can be "
		    "made of its names: give it one with -N",
		    cs_pool_name(cert, which, sizeof(which)));
		return NULL;
	} else if (h->n > 1 && !isheld(h, derived)) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: %zu entries have its "
		    "key (%s, %s%s): say with -N which one it is for",
		    cs_pool_name(cert, which, sizeof(which)), h->n, h->v[0],
		    h->v[1], h->n > 2 ? ", ..." : "");
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
