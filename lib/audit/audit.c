/*
 * audit.c: what is wrong with a store, one finding after the other,
 * certstore_audit(3): first each entry, then what is one for the whole store.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"

enum { START, ENTRIES, STORE, END };

struct certstore_audit *
certstore_audit_new(struct certstore *store, int64_t when,
    struct certstore_error *err)
{
	struct certstore_audit *audit;

	cs_error_clear(err);
	if ((audit = calloc(1, sizeof(*audit))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	audit->store = store;
	audit->when = when == CERTSTORE_NOW ? certstore_time_now() : when;
	return audit;
}

void
certstore_audit_free(struct certstore_audit *audit)
{
	if (audit == NULL)
		return;
	cs_finding_clear(audit);
	free(audit->queue);
	cs_entry_done(&audit->entry);
	cs_strings_free(&audit->names);
	cs_strings_free(&audit->entries);
	free(audit);
}

int
certstore_audit_set_within(struct certstore_audit *audit,
    const struct certstore_span *warning, const struct certstore_span *critical,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_time_checkspan(warning, err) == -1 ||
	    (critical != NULL && cs_time_checkspan(critical, err) == -1))
		return -1;
	audit->within[0] = *warning;
	audit->nwithin = 1;
	if (critical != NULL)
		audit->within[audit->nwithin++] = *critical;
	return 0;
}

int
certstore_audit_add(struct certstore_audit *audit, const char *name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_name_check(name, err) == -1)
		return -1;
	return cs_strings_add(&audit->names, name) == -1 ? cs_fail_nomem(err) :
							   0;
}

static int
lookstart(struct certstore_audit *audit, struct certstore_error *err)
{
	audit->phase = ENTRIES;
	if (audit->names.n == 0)
		return cs_resolve_names(audit->store, &audit->entries, err);
	cs_strings_sort(&audit->names);
	audit->entries = audit->names;
	memset(&audit->names, 0, sizeof(audit->names));
	return 0;
}

static int
lookentry(struct certstore_audit *audit, struct certstore_error *err)
{
	if (audit->nextentry < audit->entries.n)
		return cs_auditentry_look(audit,
		    audit->entries.v[audit->nextentry++], err);
	audit->phase = END;
	return 0;
}

/* One more finding, or none, is in the queue. */
static int
lookmore(struct certstore_audit *audit, struct certstore_error *err)
{
	cs_finding_clear(audit);
	return audit->phase == START ? lookstart(audit, err) :
				       lookentry(audit, err);
}

static void
givefinding(struct certstore_audit *audit, const struct cs_finding *f)
{
	const struct cs_codeline *line = cs_code_line(f->code);

	audit->given.severity = f->severity;
	audit->given.name = f->name;
	audit->given.code = line->word;
	audit->given.text = f->text;
	audit->given.repairs = line->repairs;
	audit->given.ignored = f->ignored;
}

int
certstore_audit_next(struct certstore_audit *audit,
    const struct certstore_finding **finding, struct certstore_error *err)
{
	cs_error_clear(err);
	*finding = NULL;
	while (audit->nextfinding == audit->nqueue) {
		if (audit->phase == END)
			return 0;
		if (lookmore(audit, err) == -1)
			return -1;
	}
	givefinding(audit, &audit->queue[audit->nextfinding++]);
	*finding = &audit->given;
	return 1;
}
