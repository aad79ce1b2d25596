/*
 * starve.c: a library to preload: the allocation number $STARVE of the process
 * fails, counted from the start of main(); with STARVE=N+ all from there on.
 * With STARVE=0 it prints on stderr how many there were.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *(*real)(void *, size_t);
static size_t count, failing;
static int counting, lasting;

static __attribute__((__constructor__)) void
begincount(void)
{
	const char *env = getenv("STARVE");
	char *end;

	if (env == NULL)
		return;
	failing = strtoul(env, &end, 10);
	lasting = *end == '+';
	counting = 1;
}

static __attribute__((__destructor__)) void
printcount(void)
{
	if (counting && failing == 0)
		fprintf(stderr, "%zu\n", count);
}

static int
isstarved(void)
{
	if (!counting)
		return 0;
	count++;
	if (failing == 0 || count < failing || (count > failing && !lasting))
		return 0;
	errno = ENOMEM;
	return 1;
}

static void *
allocate(void *old, size_t size)
{
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "realloc");
	return real(old, size == 0 && old == NULL ? 1 : size);
}

void *
malloc(size_t size)
{
	return isstarved() ? NULL : allocate(NULL, size);
}

void *
calloc(size_t n, size_t size)
{
	void *p;

	if (isstarved() || (size != 0 && n > SIZE_MAX / size) ||
	    (p = allocate(NULL, n * size)) == NULL)
		return NULL;
	return memset(p, 0, n * size);
}

void *
realloc(void *old, size_t size)
{
	return isstarved() ? NULL : allocate(old, size);
}
