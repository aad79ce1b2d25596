/*
 * calls.c: templates for what signs calls, RFC 8226.
 */
#include <stdio.h>
#include <string.h>

#include <bsd/string.h>

#include "issue/private.h"

/* Is it an end-entity that signs calls? */
int
cs_calls_signs(const struct certstore_template *t)
{
	return !t->ca && strcmp(t->profile, "shaken") == 0;
}

/* The CN that verifiers of calls expect, ATIS-1000080 section 6.4.1: 1, or 0. */
int
cs_calls_cn(const struct certstore_template *t, char cn[CS_CALLS_CN])
{
	if (!cs_calls_signs(t) || t->calls.spc.n == 0)
		return 0;
	snprintf(cn, CS_CALLS_CN, "SHAKEN %s", t->calls.spc.v[0]);
	return 1;
}

/* Does it have a TNAuthList? */
int
cs_calls_has(const struct certstore_template *t)
{
	return t->calls.spc.n + t->calls.tn.n > 0;
}

const char *
cs_calls_flaw(const struct certstore_template *t)
{
	char type[80];

	if (!cs_calls_signs(t))
		return NULL;
	if (t->nsan > 0)
		return "a certificate that signs calls has no host names: use "
		       "-s spc:CODE or -s tel:NUMBER";
	strlcpy(type, t->type, sizeof(type));
	if (t->pkey != NULL)
		cs_key_name(t->pkey, type, sizeof(type));
	return type[0] == '\0' || strcmp(type, "p256") == 0 ?
	    NULL :
	    "calls are signed by ES256, with a key of type p256: remove -t or "
	    "-K";
}

/* Adds the calls that are asked for, and those of info, which may be NULL. */
int
cs_calls_add(struct certstore_template *t,
    const struct certstore_template *asked, const struct cs_info *info,
    struct certstore_error *err)
{
	const struct cs_tnauth *calls = &asked->calls;
	size_t i;
	int bad = 0;

	for (i = 0; i < calls->spc.n; i++)
		bad |= cs_strings_add(&t->calls.spc, calls->spc.v[i]);
	for (i = 0; i < calls->tn.n; i++)
		bad |= cs_strings_add(&t->calls.tn, calls->tn.v[i]);
	if (info != NULL)
		bad |= cs_tnauth_addinfo(&t->calls, info);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}
