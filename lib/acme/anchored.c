/*
 * anchored.c: whether a new certificate is trusted where the old one was.
 */
#include <string.h>

#include "acme/private.h"

#define SYSTEM "/etc/ssl/certs"

/* A verification by the store's anchors, or the system's; without any of them
 * it fails. */
static struct certstore_verify *
newverify(struct certstore *store)
{
	struct certstore_error ignored;
	struct certstore_verify *verify;

	if ((verify = certstore_verify_new(store, &ignored)) == NULL)
		return NULL;
	if (certstore_verify_set_anchors(verify, NULL, &ignored) == -1)
		(void)certstore_verify_set_anchors(verify, SYSTEM, &ignored);
	return verify;
}

/* Only a chain that surely led to an anchor counts, and one that surely leads
 * to none. */
int
cs_anchored_check(struct certstore *store, const char *name, const void *pem,
    size_t len, struct cs_buf *why, struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_verify *verify;
	struct certstore_entry *old;
	int loses = 0;

	old = certstore_entry_get(store, name, &ignored);
	if (old != NULL && certstore_entry_fingerprint(old) != NULL &&
	    (verify = newverify(store)) != NULL) {
		loses = certstore_verify_entry(verify, old, &ignored) != -1 &&
		    certstore_verify_is_anchored(verify) &&
		    certstore_verify_certs(verify, name, pem, len, NULL,
			&ignored) != -1 &&
		    !certstore_verify_is_anchored(verify);
		certstore_verify_free(verify);
	}
	certstore_entry_free(old);
	if (!loses)
		return 0;
	return cs_buf_printf(why,
		   "%s: leads to no trust anchor, as the one that it replaces "
		   "does\n",
		   name) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}
