/*
 * names.c: the names of a certificate, as info or a template has them: which
 * hosts they cover (RFC 9525 section 6.3), and which of another's they lack.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "store/private.h"

#define LISTED_MAX 5 /* in one message */
#define SHOWN_MAX 60 /* bytes of each */

/* Its SANs, or where it has none its common name as a DNS name, in cn. */
const struct cs_san *
cs_names_of(const struct cs_info *info, struct cs_san *cn, size_t *n)
{
	*n = info->nsan;
	if (info->nsan > 0 || info->cn == NULL)
		return info->san;
	cn->type = CS_SAN_DNS;
	cn->value = (char *)(uintptr_t)info->cn;
	*n = 1;
	return cn;
}

/* Is one of the names a host or an address? */
int
cs_names_hashost(const struct cs_san *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].type == CS_SAN_DNS || v[i].type == CS_SAN_IP)
			return 1;
	return 0;
}

/* Is it one of the names?  A DNS name is given normalised. */
int
cs_names_have(const struct cs_san *v, size_t n, enum cs_san_type type,
    const char *value)
{
	char host[CS_HOST_MAX + 1];
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].type == type &&
		    (type != CS_SAN_DNS ?
			    strcmp(v[i].value, value) == 0 :
			    cs_name_certhost(v[i].value, host) == 1 &&
				strcmp(host, value) == 0))
			return 1;
	return 0;
}

/* The same, or does a wildcard among them stand for it? */
int
cs_names_cover(const struct cs_san *v, size_t n, enum cs_san_type type,
    const char *value)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (v[i].type == type &&
		    (type != CS_SAN_DNS ? strcmp(v[i].value, value) == 0 :
					  cs_name_covers(v[i].value, value)))
			return 1;
	return 0;
}

/*
 * How many hosts and addresses of old the names do not cover, or -1 without
 * memory; the first few are added to list as text.  What is no host name, so
 * that no client asks for it, does not count.
 */
int
cs_names_lost(struct cs_buf *list, const struct cs_san *v, size_t n,
    const struct cs_info *old)
{
	char host[CS_HOST_MAX + 1];
	const struct cs_san *had;
	const char *value;
	struct cs_san cn;
	size_t i, lost = 0, nhad;
	int bad = 0;

	had = cs_names_of(old, &cn, &nhad);
	for (i = 0; i < nhad; i++) {
		value = had[i].value;
		if (had[i].type == CS_SAN_DNS) {
			if (cs_name_certhost(value, host) != 1)
				continue;
			value = host;
		} else if (had[i].type != CS_SAN_IP)
			continue;
		if (cs_names_cover(v, n, had[i].type, value))
			continue;
		if (lost++ < LISTED_MAX)
			bad |= cs_buf_printf(list, "%s%.*s",
			    lost > 1 ? ", " : "",
			    cs_escape_fit(had[i].value, SHOWN_MAX),
			    had[i].value);
	}
	if (lost > LISTED_MAX)
		bad |= cs_buf_printf(list, " and %zu more", lost - LISTED_MAX);
	return bad == 0 ? (int)(lost > INT_MAX ? INT_MAX : lost) : -1;
}
