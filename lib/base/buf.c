/*
 * buf.c: a growing buffer.  It may contain a key, so memory is wiped before it
 * is freed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>

#include "base/base.h"

/* Makes room for so many more bytes and a NUL.  -1: no memory. */
int
cs_buf_reserve(struct cs_buf *b, size_t more)
{
	size_t size;
	char *p;

	if (more < b->size - b->len)
		return 0;
	if (more > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
		return -1;
	size = b->size < 256 ? 256 : b->size;
	while (size <= b->len + more)
		size *= 2;
	if ((p = malloc(size)) == NULL)
		return -1;
	if (b->p != NULL) {
		memcpy(p, b->p, b->len);
		freezero(b->p, b->size);
	}
	p[b->len] = '\0';
	b->p = p;
	b->size = size;
	return 0;
}

int
cs_buf_add(struct cs_buf *b, const void *data, size_t len)
{
	if (cs_buf_reserve(b, len) == -1)
		return -1;
	if (len > 0)
		memcpy(b->p + b->len, data, len);
	b->len += len;
	b->p[b->len] = '\0';
	return 0;
}

int
cs_buf_adds(struct cs_buf *b, const char *s)
{
	return cs_buf_add(b, s, strlen(s));
}

int
cs_buf_printf(struct cs_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || cs_buf_reserve(b, (size_t)n) == -1)
		return -1;
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, b->size - b->len, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

int
cs_buf_copy(struct cs_buf *b, const struct cs_buf *from)
{
	cs_buf_reset(b);
	return from->p == NULL ? 0 : cs_buf_add(b, from->p, from->len);
}

void
cs_buf_reset(struct cs_buf *b)
{
	b->len = 0;
	if (b->p != NULL)
		b->p[0] = '\0';
}

void
cs_buf_free(struct cs_buf *b)
{
	freezero(b->p, b->size);
	b->p = NULL;
	b->len = b->size = 0;
}

void
cs_hex(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}
