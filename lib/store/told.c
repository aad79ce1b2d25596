/*
 * told.c: what a repair does and tells, and what it only tells.
 */
#include <stdarg.h>
#include <stdio.h>

#include "store/private.h"

int
cs_told_acting(const struct cs_repair *r)
{
	return !r->looks && !r->dry;
}

/* Something is to be repaired: is that to be done now?  1 or 0. */
int
cs_told_acts(struct cs_repair *r)
{
	r->acts = cs_told_acting(r);
	r->found = 1;
	return r->acts;
}

/* Tells what was repaired, or would be, or (left) is not. */
void
cs_told_add(struct cs_repair *r, const char *name, const char *what, int left,
    const char *fmt, ...)
{
	struct certstore_repaired done = { name, what, NULL, left };
	char text[CS_MESSAGE_LEN];
	va_list ap;

	if (left ? !r->leaves : r->looks)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cs_escape_message(text);
	done.text = text;
	r->count += !left;
	if (r->told != NULL)
		r->told(r->arg, &done);
}

int
cs_told_isnamed(const struct cs_repair *r, const char *name)
{
	return r->names.n > 0 && cs_strings_has(&r->names, name);
}
