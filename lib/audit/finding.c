/*
 * finding.c: the findings that were made and are to be given, and which of them
 * are only notes by the property ignore.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"

#define CRL "@crl/" /* what the CA ignores */

static int addfinding(struct certstore_audit *, enum certstore_severity,
    enum cs_code, const char *, struct certstore_error *, const char *, va_list)
    __attribute__((__format__(__printf__, 6, 0)));

void
cs_finding_drop(struct certstore_audit *audit, size_t from)
{
	while (audit->nqueue > from) {
		free(audit->queue[--audit->nqueue].name);
		free(audit->queue[audit->nqueue].text);
	}
	if (from == 0)
		audit->nextfinding = 0;
}

/* What could not be looked at, which is returned behind the queue. */
void
cs_finding_fail(struct certstore_audit *audit,
    const struct certstore_error *why)
{
	audit->incomplete = audit->failed = 1;
	audit->why = *why;
}

/* Is what to do cert-check -r and nothing before it? */
static int
tellsrepair(const char *text)
{
	const char *command = strstr(text, ": cert-check");

	if (command == NULL)
		command = strstr(text, ": use cert-check");
	return command != NULL && strstr(command, " -r") != NULL;
}

static int
addfinding(struct certstore_audit *audit, enum certstore_severity severity,
    enum cs_code code, const char *name, struct certstore_error *err,
    const char *fmt, va_list ap)
{
	struct cs_finding *f;

	f = cs_array_extend(audit->queue, audit->nqueue, &audit->size,
	    sizeof(*f));
	if (f == NULL)
		return cs_fail_nomem(err);
	audit->queue = f;
	f += audit->nqueue;
	memset(f, 0, sizeof(*f));
	if (vasprintf(&f->text, fmt, ap) == -1)
		return cs_fail_nomem(err);
	if ((f->name = strdup(name)) == NULL) {
		free(f->text);
		return cs_fail_nomem(err);
	}
	f->code = code;
	f->severity = severity;
	f->repairs = tellsrepair(f->text);
	audit->nqueue++;
	return 0;
}

int
cs_finding_add(struct certstore_audit *audit, enum cs_code code,
    const char *name, struct certstore_error *err, const char *fmt, ...)
{
	va_list ap;
	int rv;

	va_start(ap, fmt);
	rv = addfinding(audit, cs_code_line(code)->severity, code, name, err,
	    fmt, ap);
	va_end(ap);
	return rv;
}

int
cs_finding_addas(struct certstore_audit *audit,
    enum certstore_severity severity, enum cs_code code, const char *name,
    struct certstore_error *err, const char *fmt, ...)
{
	va_list ap;
	int rv;

	va_start(ap, fmt);
	rv = addfinding(audit, severity, code, name, err, fmt, ap);
	va_end(ap);
	return rv;
}

const char *
cs_finding_text(const char *msg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(msg, name, len) == 0 &&
		strncmp(msg + len, ": ", 2) == 0 ?
	    msg + len + 2 :
	    msg;
}

/* Adds the codes of a value, "a,b". */
static int
addcodes(struct cs_strings *codes, const char *value)
{
	char word[64];
	size_t len;

	for (;; value += len + 1) {
		len = strcspn(value, ",");
		snprintf(word, sizeof(word), "%.*s",
		    len < sizeof(word) ? (int)len : (int)sizeof(word) - 1,
		    value);
		if (cs_strings_add(codes, word) == -1)
			return -1;
		if (value[len] == '\0')
			return 0;
	}
}

/* Reads what a name ignores, unless it is what was read last. */
static int
readignored(struct certstore_audit *audit, struct cs_ignored *ignored,
    const char *name, struct certstore_error *err)
{
	const char *prop, *value;
	struct certstore_props *props;
	struct certstore_error why;
	int bad = 0;

	if (ignored->name != NULL && strcmp(ignored->name, name) == 0)
		return 0;
	free(ignored->name);
	cs_strings_free(&ignored->codes);
	if ((ignored->name = strdup(name)) == NULL)
		return cs_fail_nomem(err);
	/* of an entry that is damaged they cannot be read */
	if ((props = certstore_props_read(audit->store,
		 strncmp(name, CRL, strlen(CRL)) == 0 ? name + strlen(CRL) :
							name,
		 &why)) == NULL)
		return 0;
	while (certstore_props_next(props, &prop, &value, &why) == 1)
		if (strcmp(prop, "ignore") == 0)
			bad |= addcodes(&ignored->codes, value);
	certstore_props_free(props);
	cs_strings_sort(&ignored->codes);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

int
cs_finding_judge(struct certstore_audit *audit, struct certstore_error *err)
{
	struct cs_ignored *all = &audit->ignored[0], *own = &audit->ignored[1];
	struct cs_finding *f;
	const char *word;
	size_t i;

	for (i = 0; i < audit->nqueue; i++) {
		f = &audit->queue[i];
		if (readignored(audit, all, "@store", err) == -1)
			return -1;
		if (strchr(f->name, '/') == NULL || f->name[0] == '@') {
			if (readignored(audit, own, f->name, err) == -1)
				return -1;
		} else
			cs_strings_free(&own->codes);
		word = cs_code_line(f->code)->word;
		if (!cs_strings_has(&all->codes, word) &&
		    !cs_strings_has(&own->codes, word))
			continue;
		f->ignored = 1;
		f->severity = CERTSTORE_NOTE;
	}
	return 0;
}
