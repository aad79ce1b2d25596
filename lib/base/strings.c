/*
 * strings.c: a growing list of strings.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* Adds a copy.  -1: no memory. */
int
cs_strings_add(struct cs_strings *list, const char *s)
{
	char **v;

	v = cs_array_extend(list->v, list->n, &list->size, sizeof(*v));
	if (v == NULL)
		return -1;
	list->v = v;
	if ((list->v[list->n] = strdup(s)) == NULL)
		return -1;
	list->n++;
	return 0;
}

static int
comparestrings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts the list and removes duplicates. */
void
cs_strings_sort(struct cs_strings *list)
{
	size_t i, n = 0;

	if (list->n > 1)
		qsort(list->v, list->n, sizeof(*list->v), comparestrings);
	for (i = 0; i < list->n; i++) {
		if (n > 0 && strcmp(list->v[n - 1], list->v[i]) == 0)
			free(list->v[i]);
		else
			list->v[n++] = list->v[i];
	}
	list->n = n;
}

/* Whether a sorted list has this string: 1 or 0. */
int
cs_strings_has(const struct cs_strings *list, const char *s)
{
	return list->n > 0 &&
	    bsearch(&s, list->v, list->n, sizeof(*list->v), comparestrings) !=
	    NULL;
}

void
cs_strings_free(struct cs_strings *list)
{
	while (list->n > 0)
		free(list->v[--list->n]);
	free(list->v);
	memset(list, 0, sizeof(*list));
}
