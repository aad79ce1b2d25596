/*
 * clock.c: time that passes, whatever happens to the date.
 */
#include <stdlib.h>
#include <time.h>

#include "cmd.h"

int64_t
cmd_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned int
cmd_seconds(const char *arg, unsigned int least, unsigned int most)
{
	char clean[64], *end;
	long long n = strtoll(arg, &end, 10);

	if (*arg < '0' || *arg > '9' || *end != '\0' || n < least || n > most)
		cmd_die("-W %s: use a number of seconds from %u to %u",
		    cmd_clean(arg, clean, sizeof(clean)), least, most);
	return (unsigned int)n;
}
