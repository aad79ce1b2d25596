/*
 * crlname.c: the CRL of a CA as a set of files: crl/.NAME.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

int
cs_crlname_isintent(const char *file)
{
	size_t len = strlen(CS_CRL_INTENT);

	return strncmp(file, CS_CRL_INTENT, len) == 0 &&
	    cs_name_isvalid(file + len);
}

int
cs_crlname_init(struct cs_setname *tn, struct certstore *store,
    const char *name, struct certstore_error *err)
{
	memset(tn, 0, sizeof(*tn));
	if (cs_name_check(name, err) == -1)
		return -1;
	tn->store = store;
	tn->named = 1;
	snprintf(tn->intent, sizeof(tn->intent), CS_CRL_INTENT "%s", name);
	if (asprintf(&tn->path, "%s/" CS_CRL_DIR "/%s.pem", store->path,
		name) == -1)
		tn->path = NULL;
	if ((tn->option = strdup(store->option)) != NULL && tn->path != NULL)
		return 0;
	cs_crlname_done(tn);
	return cs_fail_nomem(err);
}

void
cs_crlname_done(struct cs_setname *tn)
{
	free(tn->path);
	free(tn->option);
	memset(tn, 0, sizeof(*tn));
}
