/*
 * objection.c: what is wrong with the certificate that a CA sent for an ACME
 * order: it is refused, or it is held.
 */
#include <string.h>

#include "import/private.h"

/*
 * Adds the reasons to hold it, beside the usual warnings, one a line: a name
 * that was requested is missing, or it replaces one that is valid as long.
 */
int
cs_objection_add(const struct cs_planning *job, struct cs_buf *why)
{
	const struct cs_info *wanted = job->im->answer->wanted;
	char new[CERTSTORE_TIME_LEN], was[CERTSTORE_TIME_LEN];
	const struct cs_info *info = &job->a->entry.info;
	const struct cs_info *old = &job->old.info;
	const struct cs_san *names;
	struct cs_buf list = { 0 };
	struct cs_san cn;
	int bad = 0, lost;
	size_t n;

	names = cs_names_of(info, &cn, &n);
	lost = strcmp(info->kind, "shaken") == 0 ?
	    0 :
	    cs_names_lost(&list, names, n, wanted);
	if (lost > 0)
		bad |= cs_buf_printf(why,
		    "%s: does not cover %s, which was requested\n",
		    job->a->name, list.p);
	if (old->fingerprint != NULL &&
	    cs_revert_iskept(&job->old, info->fingerprint))
		bad |= cs_buf_printf(why,
		    "%s: is the earlier certificate, which is kept\n",
		    job->a->name);
	if (old->fingerprint != NULL && info->ends <= old->ends)
		bad |= cs_buf_printf(why,
		    "%s: expires %s, not after the one that it replaces: %s\n",
		    job->a->name, certstore_time_format(info->ends, new),
		    certstore_time_format(old->ends, was));
	cs_buf_free(&list);
	return lost == -1 || bad != 0 ? -1 : 0;
}

/* Is it a certificate for the request of the order? */
int
cs_objection_check(const struct certstore_import *im,
    const struct cs_pool_cert *cert, struct certstore_error *err)
{
	const struct cs_ordered *order = im->answer;

	if (cert->ca)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent the certificate of a CA", order->name);
	if (!cs_poolcert_haskey(cert, order->spki))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent a certificate for another key",
		    order->name);
	return 0;
}
