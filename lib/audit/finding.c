/*
 * finding.c: the findings that were made and are to be given.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"

void
cs_finding_clear(struct certstore_audit *audit)
{
	while (audit->nqueue > 0) {
		free(audit->queue[--audit->nqueue].name);
		free(audit->queue[audit->nqueue].text);
	}
	audit->nextfinding = 0;
}

int
cs_finding_add(struct certstore_audit *audit, enum cs_code code,
    const char *name, struct certstore_error *err, const char *fmt, ...)
{
	struct cs_finding *f;
	va_list ap;
	int len;

	f = cs_array_extend(audit->queue, audit->nqueue, &audit->size,
	    sizeof(*f));
	if (f == NULL)
		return cs_fail_nomem(err);
	audit->queue = f;
	f += audit->nqueue;
	memset(f, 0, sizeof(*f));
	va_start(ap, fmt);
	len = vasprintf(&f->text, fmt, ap);
	va_end(ap);
	if (len == -1)
		return cs_fail_nomem(err);
	if ((f->name = strdup(name)) == NULL) {
		free(f->text);
		return cs_fail_nomem(err);
	}
	f->code = code;
	f->severity = cs_code_line(code)->severity;
	audit->nqueue++;
	return 0;
}
