/*
 * fuzz-props.c: a first line PROP=VALUE, PROP+=VALUE or PROP-=VALUE, and the
 * lines of props or of the settings of a store.  What is accepted can be read
 * again and changes nothing when it is made again; other lines stay as they
 * were.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "store/private.h"

/* Lines with this word and value, or for NULL with any. */
static size_t
countlines(const struct cs_buf *text, const char *word, const char *value)
{
	struct cs_propline l;
	size_t n = 0, pos = 0, was = 0;

	for (; cs_props_nextline(text, &pos, &l); was = pos) {
		HOLDS(pos > was && pos <= text->len);
		HOLDS(l.text >= text->p && l.word >= l.text);
		HOLDS(l.value >= l.word + l.wordlen);
		HOLDS(l.value + l.len == l.text + l.textlen);
		HOLDS(l.text + l.textlen <= text->p + text->len);
		HOLDS(memchr(l.text, '\n', l.textlen) == NULL);
		if (word != NULL &&
		    (l.wordlen != strlen(word) ||
			memcmp(l.word, word, l.wordlen) != 0))
			continue;
		n += value == NULL ||
		    (l.len == strlen(value) &&
			memcmp(l.value, value, l.len) == 0);
	}
	return n;
}

/* A change that was accepted, made to a text. */
static void
judge_change(const struct cs_buf *text, const struct cs_propchange *c)
{
	struct certstore_error err;
	struct cs_buf now = { 0 };
	size_t others, values, same;
	int rv, was;

	was = cs_props_check("a", text, &err) == 0;
	others = countlines(text, NULL, NULL) - countlines(text, c->prop, NULL);
	if (cs_buf_add(&now, text->p, text->len) == -1)
		abort();
	rv = cs_propedit_apply(&now, c);
	HOLDS(rv == 0 || rv == 1);
	if (rv == 0)
		HOLDS(now.len == text->len &&
		    memcmp(now.p, text->p, now.len) == 0);
	values = countlines(&now, c->prop, NULL);
	same = countlines(&now, c->prop, c->value);
	HOLDS(countlines(&now, NULL, NULL) - values == others);
	if (c->how == CERTSTORE_SET_ADD)
		HOLDS(same >= 1);
	else if (c->how == CERTSTORE_SET_REMOVE)
		HOLDS(same == 0);
	else if (*c->value == '\0')
		HOLDS(values == 0);
	else
		HOLDS(values == 1 && same == 1);
	if (was)
		HOLDS(cs_props_check("a", &now, &err) == 0);
	HOLDS(cs_propedit_apply(&now, c) == 0);
	cs_buf_free(&now);
}

/* The same for a section of settings: the other one stays as it is. */
static void
judge_section(const struct cs_buf *text, const struct cs_propchange *c)
{
	struct certstore_error err;
	struct cs_buf all = { 0 };
	size_t other;
	int rv;

	if (cs_buf_add(&all, text->p, text->len) == -1)
		abort();
	other = countlines(&all, "@store", NULL);
	if ((rv = cs_settings_edit(&all, "@new", c, 1, &err)) == 1)
		rv = cs_settings_edit(&all, "@new", c, 1, &err);
	HOLDS(rv == 0 || err.code == CERTSTORE_EREFUSED);
	HOLDS(countlines(&all, "@store", NULL) == other);
	cs_buf_free(&all);
}

static int
contains(const struct cs_list *list, const char *value, size_t len)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strlen(list->v[i]) == len &&
		    memcmp(list->v[i], value, len) == 0)
			return 1;
	return 0;
}

/* What a writer takes is repeated by an info that can be read. */
static void
judge_info(const struct cs_buf *text)
{
	const struct timespec time = { 0, 0 };
	struct certstore_error err;
	struct cs_put put = { .name = "a", .gen = 1 };
	struct cs_propline l;
	size_t pos = 0;

	if (cs_props_check("a", text, &err) == -1) {
		HOLDS(err.code == CERTSTORE_EREFUSED);
		return;
	}
	if (cs_buf_add(&put.file[CS_PROPS], text->p, text->len) == -1 ||
	    cs_buf_adds(&put.file[CS_REQUEST_CSR], "csr") == -1 ||
	    cs_buf_adds(&put.file[CS_INFO], "kind waiting\n") == -1)
		abort();
	HOLDS(cs_put_compose(&put.info.text, &put, &time, &err) == 0);
	HOLDS(cs_info_parse(&put.info, &err) == 0);
	while (cs_props_nextline(text, &pos, &l)) {
		if (l.wordlen == 4 && memcmp(l.word, "user", 4) == 0)
			HOLDS(contains(&put.info.users, l.value, l.len));
		else if (l.wordlen == 6 && memcmp(l.word, "tenant", 6) == 0)
			HOLDS(contains(&put.info.tenants, l.value, l.len));
		else if (l.wordlen == 5 && memcmp(l.word, "group", 5) == 0)
			HOLDS(put.info.group != NULL &&
			    strlen(put.info.group) == l.len &&
			    memcmp(put.info.group, l.value, l.len) == 0);
	}
	cs_put_free(&put);
}

/* Cuts the assignment as cert-set does: 1, or 0 if it is none. */
static int
parse(struct cs_propchange *c, char *text)
{
	struct certstore_error err;
	enum certstore_set_how how = CERTSTORE_SET_REPLACE;
	char *end, *equals = strchr(text, '=');

	if (equals == NULL)
		return 0;
	end = equals;
	if (end > text && (end[-1] == '+' || end[-1] == '-'))
		how = *--end == '+' ? CERTSTORE_SET_ADD : CERTSTORE_SET_REMOVE;
	*end = '\0';
	if (cs_propedit_parse(c, text, how, equals + 1, &err) == 0)
		return 1;
	HOLDS(err.code == CERTSTORE_EARGUMENT);
	HOLDS(c->prop == NULL && c->value == NULL);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cs_buf text = { 0 };
	struct cs_propchange c;
	const uint8_t *nl;
	char *line;
	size_t n;

	nl = len == 0 ? NULL : memchr(data, '\n', len);
	n = nl == NULL ? len : (size_t)(nl - data);
	if ((line = malloc(n + 1)) == NULL)
		return 0;
	if (n > 0)
		memcpy(line, data, n);
	line[n] = '\0';
	if (nl != NULL)
		n++;
	if (cs_buf_add(&text, (const char *)data + n, len - n) == -1)
		abort();
	(void)countlines(&text, NULL, NULL);
	judge_info(&text);
	if (parse(&c, line)) {
		judge_change(&text, &c);
		judge_section(&text, &c);
		cs_propedit_free(&c);
	}
	cs_buf_free(&text);
	free(line);
	return 0;
}
