/*
 * held.c: the earlier generations of what signs calls, which stay for a day.
 */
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define HELD_MAX 1000

/* Is a generation kept, or held for signers of calls?  1 or 0. */
int
cs_held_keeps(const struct cs_info *info, unsigned long gen)
{
	size_t i;

	for (i = 0; i < info->nheld; i++)
		if (info->held[i].gen == gen)
			return 1;
	return gen == info->kept;
}

/*
 * A signer of calls may have asked for a key, or its verifier for the chain,
 * just before the switch: what is replaced stays for a day, and of many
 * replacements in a day the last.
 */
int
cs_held_add(struct cs_put *put, const struct cs_info *old)
{
	int64_t now = certstore_time_now();
	size_t i = 0;

	free(put->held);
	put->nheld = 0;
	put->held = calloc(old->nheld + 1, sizeof(*put->held));
	if (put->held == NULL)
		return -1;
	if (old->nheld >= HELD_MAX)
		i = old->nheld - HELD_MAX + 1;
	for (; i < old->nheld; i++)
		if (old->held[i].until > now)
			put->held[put->nheld++] = old->held[i];
	if (old->gen != 0 && old->kind != NULL &&
	    strcmp(old->kind, "shaken") == 0) {
		put->held[put->nheld].gen = old->gen;
		put->held[put->nheld++].until = now + CS_DAY;
	}
	return 0;
}
