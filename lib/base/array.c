/*
 * array.c: makes room in an array.
 */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

void *
cs_array_extend(void *v, size_t n, size_t *size, size_t each)
{
	size_t more = *size == 0 ? 8 : *size * 2;
	char *p;

	if (n < *size)
		return v;
	if ((p = reallocarray(v, more, each)) == NULL)
		return NULL;
	memset(p + *size * each, 0, (more - *size) * each);
	*size = more;
	return p;
}
