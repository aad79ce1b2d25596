/*
 * propread.c: the properties of an entry, or the settings of the store, one
 * value after the other: certstore_props_read(3).
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

struct certstore_props {
	struct cs_buf text;
	size_t pos;
	int isdefault; /* not yet returned by next */
};

/* Lines of one property one behind the other. */
static int
groupvalues(struct cs_buf *to, const struct cs_buf *from)
{
	struct cs_propline l, seen;
	size_t again, first, pos = 0;
	int bad = 0, known;

	for (first = 0; cs_props_nextline(from, &pos, &l); first = pos) {
		known = 0;
		for (again = 0; again < first && !known &&
		     cs_props_nextline(from, &again, &seen);)
			known = seen.wordlen == l.wordlen &&
			    memcmp(seen.word, l.word, l.wordlen) == 0;
		if (known)
			continue;
		for (again = first; cs_props_nextline(from, &again, &seen);)
			if (seen.wordlen == l.wordlen &&
			    memcmp(seen.word, l.word, l.wordlen) == 0)
				bad |= cs_buf_add(to, seen.text, seen.textlen) |
				    cs_buf_add(to, "\n", 1);
	}
	return bad == 0 ? 0 : -1;
}

struct certstore_props *
certstore_props_read(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct certstore_props *props;
	struct certstore_entry entry = { 0 };
	struct cs_buf text = { 0 };
	char now[CS_NAME_MAX + 1];
	int rv;

	cs_error_clear(err);
	if ((props = calloc(1, sizeof(*props))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if (cs_store_refresh(store, err) == -1)
		rv = -1;
	else if (cs_settings_issection(name))
		rv = cs_settings_read(store, name, &text, err);
	else if ((rv = cs_entry_load(store, name, &entry, err)) == 0 &&
	    (rv = cs_props_text(&entry, &text, err)) == 0 &&
	    (rv = cs_resolve_defaultname(store, now, err)) == 0)
		props->isdefault = strcmp(now, name) == 0;
	if (rv == 0 && groupvalues(&props->text, &text) == -1)
		rv = cs_fail_nomem(err);
	cs_entry_done(&entry);
	cs_buf_free(&text);
	if (rv == 0)
		return props;
	certstore_props_free(props);
	return NULL;
}

/*
 * Lines without a value or with a NUL byte are skipped, and those that pass for
 * the default.  A NUL byte takes the place of the blank or newline behind each
 * word and value, so that both stay valid with props.
 */
int
certstore_props_next(struct certstore_props *props, const char **prop,
    const char **value, struct certstore_error *err)
{
	struct cs_propline l;
	char *text = props->text.p;

	cs_error_clear(err);
	if (props->isdefault) {
		props->isdefault = 0;
		*prop = "default";
		*value = "yes";
		return 1;
	}
	while (cs_props_nextline(&props->text, &props->pos, &l)) {
		if (l.len == 0 || memchr(l.text, '\0', l.textlen) != NULL)
			continue;
		text[l.word - text + (ptrdiff_t)l.wordlen] = '\0';
		text[l.value - text + (ptrdiff_t)l.len] = '\0';
		if (strcmp(l.word, "default") == 0)
			continue;
		*prop = l.word;
		*value = l.value;
		return 1;
	}
	*prop = *value = NULL;
	return 0;
}

void
certstore_props_free(struct certstore_props *props)
{
	if (props == NULL)
		return;
	cs_buf_free(&props->text);
	free(props);
}
