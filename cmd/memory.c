/*
 * memory.c: ends a command that only reads when libcrypto gets no memory.  It
 * then often reports another error or none, and what is good would be called
 * bad.
 */
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cmd.h"

/* Without exit(3): libcrypto is busy, and would clean up. */
static void
endstarved(void)
{
	if (cmd_ended)
		return;
	cmd_error("no memory left");
	if (cmd_failing != NULL)
		cmd_failing(NULL);
	_exit(cmd_end());
}

static void *
allocate(size_t size, const char *file, int line)
{
	void *p = NULL;

	(void)file;
	(void)line;
	if (size > 0 && (p = malloc(size)) == NULL)
		endstarved();
	return p;
}

static void *
reallocate(void *old, size_t size, const char *file, int line)
{
	void *p = NULL;

	(void)file;
	(void)line;
	if (size == 0)
		free(old);
	else if ((p = realloc(old, size)) == NULL)
		endstarved();
	return p;
}

static void
release(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

void
cmd_memory_watch(void)
{
	(void)CRYPTO_set_mem_functions(allocate, reallocate, release);
}
