/*
 * values.c: the lines in the file of an account, certstore(5): read, changed,
 * written, and checked, since some of them are sent or signed.
 */
#include <stdlib.h>
#include <string.h>

#include "acme/private.h"

#define VALUE_MAX CS_URL_MAX

static const char *
valuetextflaw(const char *s)
{
	char escaped[2];
	size_t len = strlen(s);

	if (len > VALUE_MAX)
		return "is longer than 2048 bytes";
	if (certstore_escape(escaped, sizeof(escaped), s, len) != len ||
	    *s == ' ' || s[len - 1] == ' ')
		return "has a blank at an end, a control character, a "
		       "backslash or a byte that is not UTF-8: remove it";
	return NULL;
}

/* Printable ASCII without blanks. */
static const char *
valuewordflaw(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f || *s == '"' || *s == '\\')
			return "has a character other than printable ASCII, "
			       "a quote or a backslash: use %XX";
	return NULL;
}

/* RFC 8555 section 7.3: one address, without header fields. */
static const char *
contactflaw(const char *s)
{
	static const char mailto[] = "mailto:";
	const char *flaw = valuewordflaw(s);
	size_t n;

	if (flaw != NULL)
		return flaw;
	n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
	if (n == 0 || s[n] != ':')
		return "is not a URL: use mailto:ADDRESS";
	if (strncmp(s, mailto, strlen(mailto)) != 0)
		return NULL;
	s += strlen(mailto);
	if (strpbrk(s, ",?") != NULL || strchr(s, '@') == NULL || *s == '@' ||
	    s[strlen(s) - 1] == '@')
		return "is not one e-mail address: use mailto:USER@HOST, and "
		       "one contact for each";
	return NULL;
}

static const char *
accountflaw(const char *s)
{
	if (strcmp(s, "valid") == 0 || strcmp(s, "deactivated") == 0 ||
	    strcmp(s, "revoked") == 0)
		return NULL;
	return "is not the status of an account: use valid, deactivated or "
	       "revoked";
}

static const char *
momentflaw(const char *s)
{
	struct certstore_error err;
	int64_t when;

	return certstore_time_parse(s, &when, &err) == 0 ?
	    NULL :
	    "is not a time: use 2027-01-31T12:00:00Z";
}

static const struct {
	const char *key;
	const char *(*flaw)(const char *);
	int many;
} keys[] = { { "directory", cs_weburl_flaw, 0 }, { "url", cs_weburl_flaw, 0 },
	{ "contact", contactflaw, 1 }, { "proxy", valuewordflaw, 0 },
	{ "ca", valuetextflaw, 0 }, { "eab", valuetextflaw, 0 },
	{ "terms", valuewordflaw, 0 }, { "created", momentflaw, 0 },
	{ "status", accountflaw, 0 }, { "retry", momentflaw, 0 } };
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* The number of a key, or NKEYS. */
static size_t
valuekey(const char *key)
{
	size_t i;

	for (i = 0; i < NKEYS && strcmp(keys[i].key, key) != 0; i++)
		;
	return i;
}

/* What is wrong with the value of a known key. */
static const char *
valueflaw(size_t key, const char *value)
{
	const char *flaw = valuetextflaw(value);

	return flaw != NULL ? flaw : keys[key].flaw(value);
}

void
cs_values_done(struct cs_value *v)
{
	free(v->key);
	free(v->value);
	v->key = v->value = NULL;
}

static int
copyvalue(struct cs_value *to, const char *key, enum certstore_set_how how,
    const char *value)
{
	to->how = how;
	to->key = strdup(key);
	to->value = strdup(value);
	if (to->key != NULL && to->value != NULL)
		return 0;
	cs_values_done(to);
	return -1;
}

/* A change as the caller has it, checked and normalised. */
int
cs_values_make(struct cs_value *v, const char *key, enum certstore_set_how how,
    const char *value, struct certstore_error *err)
{
	char text[CERTSTORE_TIME_LEN];
	const char *flaw;
	size_t i = valuekey(key);
	int64_t when;

	v->key = v->value = NULL;
	if (i == NKEYS)
		return cs_name_refuse(key,
		    "is not a property of an account: use those of "
		    "certstore(5)",
		    err);
	if (how != CERTSTORE_SET_REPLACE && !keys[i].many)
		return cs_name_refuse(key,
		    "has one value: replace it, or remove it by an empty one",
		    err);
	if (how != CERTSTORE_SET_REPLACE && *value == '\0')
		return cs_name_refuse(key, "the value is empty: use one", err);
	/* not the value: a proxy may have a password */
	if (*value != '\0' && (flaw = valueflaw(i, value)) != NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT, "%s: the value %s",
		    key, flaw);
	if (*value != '\0' && keys[i].flaw == momentflaw) {
		if (certstore_time_parse(value, &when, err) == -1)
			return -1;
		value = certstore_time_format(when, text);
	}
	if (copyvalue(v, key, how, value) == -1)
		return cs_fail_nomem(err);
	if (*value != '\0' && keys[i].flaw == cs_weburl_flaw)
		cs_weburl_lower(v->value);
	return 0;
}

int
cs_values_add(struct cs_values *list, struct cs_value *value)
{
	struct cs_value *v;

	v = cs_array_extend(list->v, list->n, &list->size, sizeof(*v));
	if (v == NULL) {
		cs_values_done(value);
		return -1;
	}
	list->v = v;
	list->v[list->n++] = *value;
	return 0;
}

/* Removes all values of a key, or for a value only that. */
static void
removevalues(struct cs_values *list, const char *key, const char *value)
{
	size_t i, n = 0;

	for (i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].key, key) == 0 &&
		    (value == NULL || strcmp(list->v[i].value, value) == 0))
			cs_values_done(&list->v[i]);
		else
			list->v[n++] = list->v[i];
	}
	list->n = n;
}

int
cs_values_apply(struct cs_values *list, const struct cs_value *change)
{
	struct cs_value copy;

	removevalues(list, change->key,
	    change->how == CERTSTORE_SET_REPLACE ? NULL : change->value);
	if (change->how == CERTSTORE_SET_REMOVE || *change->value == '\0')
		return 0;
	if (copyvalue(&copy, change->key, change->how, change->value) == -1)
		return -1;
	return cs_values_add(list, &copy);
}

const char *
cs_values_get(const struct cs_values *list, const char *key, size_t i)
{
	size_t k;

	for (k = 0; k < list->n; k++)
		if (strcmp(list->v[k].key, key) == 0 && i-- == 0)
			return list->v[k].value;
	return NULL;
}

/* Takes a line: what is wrong with it, or NULL. */
static const char *
takeline(struct cs_values *list, char *line)
{
	struct cs_value v;
	char *value = strchr(line, ' ');
	const char *flaw;
	size_t i;

	if (value == NULL || value == line || value[1] == '\0')
		return "is not a key and its value";
	*value++ = '\0';
	i = valuekey(line);
	flaw = i == NKEYS ? valuetextflaw(value) : valueflaw(i, value);
	if (flaw == NULL && i < NKEYS && !keys[i].many &&
	    cs_values_get(list, line, 0) != NULL)
		flaw = "is there twice";
	if (flaw == NULL &&
	    (copyvalue(&v, line, CERTSTORE_SET_ADD, value) == -1 ||
		cs_values_add(list, &v) == -1))
		flaw = cs_idn_nomem;
	return flaw;
}

/*
 * Lines with an unknown key are kept: of a later version.  Empty lines are
 * ignored.
 */
int
cs_values_parse(struct cs_values *list, const char *label, struct cs_buf *text,
    struct certstore_error *err)
{
	char *end, *line = text->p;
	const char *flaw = NULL;
	size_t n = 0;

	if (text->len > 0 && memchr(text->p, '\0', text->len) != NULL)
		flaw = "has a NUL byte";
	for (; text->len > 0 && flaw == NULL && *line != '\0'; line = end) {
		end = line + strcspn(line, "\n");
		if (*end == '\n')
			*end++ = '\0';
		n++;
		if (*line != '\0')
			flaw = takeline(list, line);
	}
	if (flaw == cs_idn_nomem)
		return cs_fail_nomem(err);
	if (flaw == NULL)
		return 0;
	return cs_fail(err, CERTSTORE_EDAMAGED, "%s:%zu: this line %s", label,
	    n, flaw);
}

int
cs_values_compose(struct cs_buf *b, const struct cs_values *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (cs_buf_printf(b, "%s %s\n", list->v[i].key,
			list->v[i].value) == -1)
			return -1;
	return 0;
}

void
cs_values_free(struct cs_values *list)
{
	while (list->n > 0)
		cs_values_done(&list->v[--list->n]);
	free(list->v);
	memset(list, 0, sizeof(*list));
}
