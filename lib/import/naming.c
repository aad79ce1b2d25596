/*
 * naming.c: the entry name for an imported certificate without -N: that of the
 * entry that has its key, else its first name.
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
		    cs_poolcert_name(cert, which, sizeof(which)), n, one->name);
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
		    cs_poolcert_name(cert, which, sizeof(which)));
		return NULL;
	}
	if ((name = strdup(from)) == NULL)
		cs_fail_nomem(err);
	return name;
}
