/*
 * needed.c: whether an audit is needed to tell what expires.  As a rule nothing
 * does; who only asks for that needs no libcrypto.
 */
#include <errno.h>

#include "audit/private.h"

/* Does an entry expire, or its chain?  1, 0, -1. */
static int
hasending(struct certstore *store, const struct certstore_span *within,
    int64_t when, struct certstore_error *err)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	int rv;

	list = certstore_list_ending(store, within, when, err);
	if (list == NULL)
		return -1;
	rv = certstore_list_next(list, &entry, err);
	certstore_list_free(list);
	return rv;
}

int64_t
cs_needed_until(const struct certstore_span *span, int64_t when)
{
	switch (span->type) {
	case CERTSTORE_SPAN_AT:
		return span->secs;
	case CERTSTORE_SPAN_FOR:
		return when + span->secs;
	default: /* a part of the validity ends at any time */
		return INT64_MAX;
	}
}

/* Does a certificate or CRL of a trust set expire, or may it?  1, 0, -1. */
static int
issetending(struct certstore *store, const char *name, int64_t when,
    int64_t until, struct certstore_error *err)
{
	struct cs_setends first;
	struct cs_setgen live;
	struct cs_setname tn;
	int rv;

	if (cs_trustname_init(&tn, store, name, err) == -1)
		return -1;
	if ((rv = cs_setgen_open(&tn, &live, err)) == 1) {
		rv = cs_setends_read(live.fd, &first) == -1 ||
		    first.ends < when || first.ends <= until ||
		    first.late < when;
		cs_file_close(&live.fd);
	}
	cs_trustname_done(&tn);
	return rv;
}

/* Likewise, of all trust sets. */
static int
hassets(struct certstore *store, int64_t when, int64_t until,
    struct certstore_error *err)
{
	struct cs_strings names = { 0 };
	size_t i;
	int rv;

	if (cs_setgen_names(store, &names) == -1)
		return cs_fail_errno(err, "%s/trusts", certstore_path(store));
	rv = issetending(store, NULL, when, until, err);
	for (i = 0; i < names.n && rv == 0; i++)
		rv = issetending(store, names.v[i], when, until, err);
	cs_strings_free(&names);
	return rv;
}

/* Does something expire that a CA has signed?  1, 0, -1. */
static int
hasissued(struct certstore *store, int64_t when, int64_t until,
    struct certstore_error *err)
{
	struct cs_strings cas = { 0 };
	size_t i;
	int rv;

	rv = cs_issued_signers(store, &cas);
	for (i = 0; i < cas.n && rv == 0; i++)
		rv = cs_issued_isending(store, cas.v[i], when, until);
	cs_strings_free(&cas);
	if (rv == -1 && errno == EACCES)
		return 0;
	return rv == -1 ?
	    cs_fail_errno(err, "%s/issued", certstore_path(store)) :
	    rv;
}

/* Is a CRL of a CA to be made again?  1, 0, -1. */
static int
hascrls(struct certstore *store, int64_t when, struct certstore_error *err)
{
	const struct certstore_crl *crl;
	struct certstore_crls *crls;
	int rv;

	if ((crls = certstore_crls_new(store, err)) == NULL)
		return -1;
	while ((rv = certstore_crls_next(crls, &crl, err)) == 1)
		if (crl->number != 0 &&
		    (crl->ends < when || (crl->due != 0 && crl->due < when)))
			break;
	certstore_crls_free(crls);
	return rv;
}

int
certstore_audit_isneeded(struct certstore *store,
    const struct certstore_span *within, int64_t when,
    struct certstore_error *err)
{
	int64_t now = when == CERTSTORE_NOW ? certstore_time_now() : when;
	int fd, rv;

	cs_error_clear(err);
	/* it would read all entries, and perhaps twice */
	if (within->type == CERTSTORE_SPAN_PART)
		return 1;
	if ((fd = cs_store_opendir(store, "certs", 0)) == -1)
		return cs_fail_errno(err, "%s/certs", certstore_path(store));
	cs_file_close(&fd);
	rv = hasending(store, within, when, err);
	if (rv == 0)
		rv = hasissued(store, now, cs_needed_until(within, now), err);
	if (rv == 0)
		rv = hascrls(store, now, err);
	return rv == 0 ?
	    hassets(store, now, cs_needed_until(within, now), err) :
	    rv;
}
