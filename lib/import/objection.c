/*
 * objection.c: what is wrong with the certificate that a CA sent for an ACME
 * order: it is refused, or it is held.
 */
#include <string.h>

#include "import/private.h"

/* Adds a line if the first lacks names that the second has. */
static int
objectnames(struct cs_buf *why, const char *name, const char *what,
    const struct cs_info *has, const struct cs_info *wanted, const char *how)
{
	const struct cs_san *names;
	struct cs_buf list = { 0 };
	struct cs_san cn;
	int bad, lost;
	size_t n;

	names = cs_names_of(has, &cn, &n);
	bad = lost = cs_names_lost(&list, names, n, wanted);
	if (lost > 0)
		bad = cs_buf_printf(why, "%s: %s %s, which was %s\n", name,
		    what, list.p, how);
	cs_buf_free(&list);
	return bad == -1 ? -1 : 0;
}

/* Likewise of the calls that they sign. */
static int
objectcalls(struct cs_buf *why, const char *name, const char *what,
    const struct cs_info *has, const struct cs_info *wanted, const char *how)
{
	struct cs_buf first = { 0 };
	int bad;

	if ((bad = cs_tnauth_lost(&first, has, wanted)) == 1)
		bad = cs_buf_printf(why, "%s: %s %s, which was %s\n", name,
		    what, first.p, how);
	cs_buf_free(&first);
	return bad;
}

/*
 * Adds the reasons to hold a certificate, one a line: its names are not those
 * of the request, it is not valid now, or it replaces one that is valid as long.
 * What else there is to say of it, such as another issuer, is no reason.
 */
int
cs_objection_add(struct cs_buf *why, const struct cs_info *info,
    const struct certstore_entry *entry, const struct cs_info *wanted)
{
	char new[CERTSTORE_TIME_LEN], was[CERTSTORE_TIME_LEN];
	const struct cs_info *old = &entry->info;
	const char *name = info->name;
	int bad;

	bad = cs_warning_times(why, info, certstore_time_now());
	bad |= objectcalls(why, name, "does not sign calls for", info, wanted,
		   "requested") |
	    objectcalls(why, name, "signs calls for", wanted, info,
		"not requested");
	if (strcmp(info->kind, "shaken") != 0)
		bad |= objectnames(why, name, "does not cover", info, wanted,
			   "requested") |
		    objectnames(why, name, "covers", wanted, info,
			"not requested");
	if (old->fingerprint == NULL)
		return bad;
	if (cs_revert_iskept(entry, info->fingerprint))
		bad |= cs_buf_printf(why,
		    "%s: is the earlier certificate, which is kept\n", name);
	if (info->ends <= old->ends)
		bad |= cs_buf_printf(why,
		    "%s: expires %s, not after the one that it replaces: %s\n",
		    name, certstore_time_format(info->ends, new),
		    certstore_time_format(old->ends, was));
	return bad;
}

/* Is it a certificate for the request of the order? */
int
cs_objection_check(const struct certstore_import *im,
    const struct cs_pool_cert *cert, struct certstore_error *err)
{
	const struct cs_ordered *order = im->answer;
	int calls = order->wanted->spcs.n + order->wanted->tns.n > 0;

	if (cert->ca)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent the certificate of a CA", order->name);
	if (cs_tnauth_isin(X509_get0_extensions(cert->x509)) != calls)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent a certificate that %s", order->name,
		    calls ? "does not sign calls" : "signs calls");
	if (!cs_poolcert_haskey(cert, order->spki))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent a certificate for another key",
		    order->name);
	return 0;
}
