/*
 * trustname.c: which trust set of a store: the default one, STORE/trust, or
 * one by name, STORE/trusts/SET.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DEFAULT "trust"

/*
 * Not what would be mistaken for a verb of cert-trust(1), for the store or for
 * the default set, whose intent is "@trust".
 */
int
cs_trustname_isvalid(const char *name)
{
	static const char *const taken[] = { DEFAULT, "store", "list", "add",
		"rm", "distrust", "update", "reset" };
	size_t i, len = strlen(name);

	if (len == 0 || len > CS_TRUSTNAME_MAX || strspn(name, LETTERS) == 0 ||
	    strspn(name, LETTERS "0123456789-") != len)
		return 0;
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(name, taken[i]) == 0)
			return 0;
	return 1;
}

int
cs_trustname_isintent(const char *file)
{
	return strcmp(file, CS_TRUST_INTENT) == 0 ||
	    (file[0] == '@' && cs_trustname_isvalid(file + 1));
}

static int
refusename(const char *name, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: is not the name of a trust set: use at most %d of a-z, 0-9 "
	    "and \"-\", a letter first, and no verb of cert-trust, \"trust\" "
	    "or \"store\"",
	    cs_escape_quote(q, name), CS_TRUSTNAME_MAX);
}

int
cs_trustname_init(struct cs_setname *tn, struct certstore *store,
    const char *name, struct certstore_error *err)
{
	memset(tn, 0, sizeof(*tn));
	if (name != NULL && !cs_trustname_isvalid(name))
		return refusename(name, err);
	tn->store = store;
	tn->named = name != NULL;
	snprintf(tn->intent, sizeof(tn->intent), "@%s",
	    tn->named ? name : DEFAULT);
	if (asprintf(&tn->path, "%s/%s%s", store->path,
		tn->named ? "trusts/" : "", tn->intent + 1) == -1)
		tn->path = NULL;
	if (asprintf(&tn->option, "%s%s%s", store->option,
		tn->named ? " -T " : "", tn->named ? name : "") == -1)
		tn->option = NULL;
	if (tn->path != NULL && tn->option != NULL)
		return 0;
	cs_trustname_done(tn);
	return cs_fail_nomem(err);
}

int
cs_trustname_absent(const struct cs_setname *tn, struct certstore_error *err)
{
	return cs_fail(err, CERTSTORE_ENOENTRY,
	    "%s: there is no such trust set: use cert-trust%s add to make it",
	    tn->path, tn->option);
}

void
cs_trustname_done(struct cs_setname *tn)
{
	free(tn->path);
	free(tn->option);
	memset(tn, 0, sizeof(*tn));
}
