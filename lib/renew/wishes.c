/*
 * wishes.c: what the props of an entry say about its next certificate.
 */
#include <string.h>

#include "renew/private.h"

/* Malformed values are ignored here: they are refused when props are written. */
int
cs_wishes_read(struct certstore *store, const char *name, struct cs_wishes *w,
    struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_props *props;
	struct certstore_span span;
	const char *prop, *value;
	int rv;

	w->life = 0;
	w->keepkey = -1;
	if ((props = certstore_props_read(store, name, err)) == NULL)
		return -1;
	while ((rv = certstore_props_next(props, &prop, &value, err)) == 1) {
		if (strcmp(prop, "keepkey") == 0)
			w->keepkey = strcmp(value, "yes") == 0;
		else if (strcmp(prop, "life") == 0 &&
		    certstore_span_parse(value, &span, &ignored) == 0 &&
		    span.type == CERTSTORE_SPAN_FOR)
			w->life = span.secs;
	}
	certstore_props_free(props);
	return rv;
}
