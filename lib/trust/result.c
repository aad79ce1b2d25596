/*
 * result.c: what becomes of each certificate and name of a change: the results
 * of certstore_trust_commit(3).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/private.h"

int
cs_result_add(struct certstore_trust *t, const char *name, const char *action)
{
	struct cs_result *r;

	r = cs_array_extend(t->result, t->nresult, &t->resultsize, sizeof(*r));
	if (r == NULL)
		return -1;
	t->result = r;
	r += t->nresult;
	memset(r, 0, sizeof(*r));
	r->action = action;
	if ((r->name = strdup(name)) == NULL)
		return -1;
	t->nresult++;
	t->count += strcmp(action, "same") != 0 &&
	    strcmp(action, "refused") != 0 && strcmp(action, "left out") != 0;
	return 0;
}

int
cs_result_say(struct certstore_trust *t, const char *name, const char *action,
    const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len == -1)
		return -1;
	if (cs_result_add(t, name, action) == -1) {
		free(text);
		return -1;
	}
	t->result[t->nresult - 1].text = text;
	return 0;
}

int
cs_result_isremoved(const struct certstore_trust *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->nresult; i++)
		if (strcmp(t->result[i].name, name) == 0 &&
		    strcmp(t->result[i].action, "removed") == 0)
			return 1;
	return 0;
}

void
cs_result_drop(struct certstore_trust *t)
{
	while (t->nresult > 0) {
		free(t->result[--t->nresult].name);
		free(t->result[t->nresult].text);
	}
	t->count = 0;
}

int
certstore_trust_result(const struct certstore_trust *t, size_t i,
    const char **name, const char **action, const char **text)
{
	*name = *action = *text = NULL;
	if (i >= t->nresult)
		return 0;
	*name = t->result[i].name;
	*action = t->result[i].action;
	*text = t->result[i].text;
	return 1;
}
