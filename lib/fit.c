/*
 * fit.c: whether an entry, or a request that waits, is what a template asks
 * for, so that nothing new is needed.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto.h"

static int
hassan(const struct cs_info *info, const struct cs_san_own *san)
{
	size_t i;

	for (i = 0; i < info->nsan; i++)
		if (info->san[i].type == san->type &&
		    strcmp(info->san[i].value, san->value) == 0)
			return 1;
	return 0;
}

static int
samenames(const struct cs_info *info, const struct certstore_template *t)
{
	size_t i;

	if (info->nsan != t->nsan)
		return 0;
	for (i = 0; i < t->nsan; i++)
		if (!hassan(info, &t->san[i]))
			return 0;
	return 1;
}

/* By its name or, one label of it, by a wildcard (RFC 9525, section 6.3). */
static int
covers(const struct cs_info *info, const struct cs_san_own *san)
{
	char wild[CS_HOST_MAX + 2];
	const char *dot;

	if (cs_info_covers(info, san->type, san->value))
		return 1;
	if (san->type != CS_SAN_DNS || san->value[0] == '*' ||
	    (dot = strchr(san->value, '.')) == NULL)
		return 0;
	snprintf(wild, sizeof(wild), "*%s", dot);
	return cs_info_covers(info, CS_SAN_DNS, wild);
}

/* The first name that is asked for and not covered, or NULL. */
static const char *
uncovered(const struct cs_info *info, const struct certstore_template *t)
{
	size_t i;

	for (i = 0; i < t->nsan; i++)
		if (!covers(info, &t->san[i]))
			return t->san[i].value;
	return NULL;
}

static int
samekey(const struct cs_info *info, const struct certstore_template *t)
{
	struct certstore_error ignored;
	char spki[65];

	if (t->pkey == NULL)
		return info->key != NULL && strcmp(info->key, t->type) == 0;
	return info->spki != NULL &&
	    cs_key_spki(t->pkey, spki, &ignored) == 0 &&
	    strcmp(info->spki, spki) == 0;
}

/* How many of the profile's purposes the entry has; n: how many there are. */
static size_t
purposes(const struct cs_info *info, const char *profile, size_t *n)
{
	if (strcmp(profile, "peer") == 0) {
		*n = 2;
		return (size_t)(cs_info_has_usage(info, "server") +
		    cs_info_has_usage(info, "client"));
	}
	*n = 1;
	return (size_t)cs_info_has_usage(info,
	    strcmp(profile, "mail") == 0 ? "email" : profile);
}

static int
isca(const struct cs_info *info)
{
	return strcmp(info->kind, "ca") == 0;
}

static int
sameprofile(const struct cs_info *info, const struct certstore_template *t)
{
	size_t n;

	if (isca(info) || t->ca)
		return isca(info) && t->ca;
	return purposes(info, t->profile, &n) == n && info->usage.n == n;
}

/* Others put more into a certificate, or do not say what it is for. */
static int
coversprofile(const struct cs_info *info, const struct certstore_template *t)
{
	size_t n;

	return info->usage.n == 0 || cs_info_has_usage(info, "any") ||
	    purposes(info, t->profile, &n) == n;
}

/* By its signature, as the files say or as it is: 1, 0, -1. */
static int
sameissuer(const struct certstore_entry *entry, struct cs_issuer *is,
    struct certstore_error *err)
{
	STACK_OF(X509) *certs;
	struct cs_buf buf = { NULL, 0, 0 };
	int rv;

	if (is == NULL)
		return entry->info.self;
	if ((rv = cs_issuer_isabove(is, entry, err)) != 0)
		return rv;
	if (cs_issuer_read(is, err) == -1)
		return -1;
	if ((rv = cs_entry_read(entry, CS_FULLCHAIN, &buf, err)) == 1) {
		certs = cs_cert_stack(entry->info.name, &buf, err);
		rv = certs == NULL ?
		    -1 :
		    cs_cert_is_signed_by(sk_X509_value(certs, 0),
			sk_X509_value(is->certs, 0)) == 1;
		sk_X509_pop_free(certs, X509_free);
	}
	cs_buf_free(&buf);
	return rv;
}

/* Too little of its life is left. */
static int
runsout(const struct certstore_entry *entry, const struct certstore_template *t)
{
	static const struct certstore_span third = { CERTSTORE_SPAN_PART, 0, 1,
		3 };
	const char *subject;
	int64_t ends;

	return certstore_entry_ends_within(entry,
	    t->haswithin ? &t->within : &third, certstore_time_now(), &subject,
	    &ends);
}

static int
fitcreated(const struct certstore_entry *entry,
    const struct certstore_template *t, struct cs_issuer *is,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	char ends[CERTSTORE_TIME_LEN];
	int rv;

	if (info->fingerprint == NULL || !info->haskey || !samenames(info, t) ||
	    !samekey(info, t) || !sameprofile(info, t))
		return 0;
	if ((rv = sameissuer(entry, is, err)) != 1)
		return rv;
	if (!runsout(entry, t))
		return 1;
	if (is != NULL && cs_issuer_read(is, err) == -1)
		return -1;
	/* A new one could not end later: no use in one at each call. */
	if (is != NULL && is->ends <= info->ends &&
	    info->ends > certstore_time_now()) {
		cs_warn(entry->store,
		    "%s: ends %s, with its CA %s: renew the "
		    "CA first",
		    info->name, certstore_time_format(info->ends, ends),
		    is->entry.info.name);
		return 1;
	}
	return 0;
}

static int
refuse(const struct cs_info *info, struct certstore_error *err,
    const char *what, const char *arg)
{
	char q[CS_QUOTE_LEN];

	return cs_fail(err, CERTSTORE_EEXIST,
	    "%s: was imported and %s%s%s: -f replaces it", info->name, what,
	    arg == NULL ? "" : " ", arg == NULL ? "" : cs_escape_quote(q, arg));
}

/* Of what somebody else made only what was asked for is judged. */
static int
fitimported(const struct certstore_entry *entry,
    const struct certstore_template *asked, const struct certstore_template *t,
    struct cs_issuer *is, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	const char *name;
	char ends[CERTSTORE_TIME_LEN];
	int ca, rv;

	ca = isca(info);
	if (info->fingerprint == NULL || !info->haskey)
		return refuse(info, err, "has no pair of certificate and key",
		    NULL);
	if (ca != (t->ca != 0))
		return refuse(info, err, ca ? "is a CA" : "is not a CA", NULL);
	if ((name = uncovered(info, t)) != NULL)
		return refuse(info, err, "does not cover", name);
	if ((asked->type[0] != '\0' || asked->pkey != NULL) &&
	    !samekey(info, t))
		return refuse(info, err, "has another key", NULL);
	if (!ca && !coversprofile(info, t))
		return refuse(info, err, "is not for a", t->profile);
	if (is != NULL) {
		if ((rv = sameissuer(entry, is, err)) == -1)
			return -1;
		if (rv == 0)
			return refuse(info, err, "not signed by",
			    is->entry.info.name);
	}
	if (runsout(entry, t))
		return refuse(info, err, "ends",
		    certstore_time_format(info->ends, ends));
	return 1;
}

int
cs_fit_entry(const struct certstore_entry *entry,
    const struct certstore_template *asked, const struct certstore_template *t,
    struct cs_issuer *is, struct certstore_error *err)
{
	const char *origin = entry->info.origin;

	if (origin != NULL && strcmp(origin, "create") == 0)
		return fitcreated(entry, t, is, err);
	return fitimported(entry, asked, t, is, err);
}

int
cs_fit_answered(const struct certstore_entry *entry,
    const struct certstore_template *asked, const struct certstore_template *t)
{
	struct certstore_error ignored;

	return !entry->info.self &&
	    fitimported(entry, asked, t, NULL, &ignored) == 1;
}

static int
contains(GENERAL_NAMES *names, GENERAL_NAME *gen)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), gen) == 0)
			return 1;
	return 0;
}

/* The same names, and the key or key type: 1 or 0. */
int
cs_fit_request(X509_REQ *req, const struct certstore_template *t)
{
	STACK_OF(X509_EXTENSION) *exts;
	GENERAL_NAMES *has, *wants;
	EVP_PKEY *pkey;
	char type[80];
	int i, fits;

	exts = X509_REQ_get_extensions(req);
	has = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	wants = cs_extension_sans(t);
	fits = wants != NULL &&
	    (has == NULL ? 0 : sk_GENERAL_NAME_num(has)) ==
		sk_GENERAL_NAME_num(wants);
	for (i = 0; fits && i < sk_GENERAL_NAME_num(wants); i++)
		fits = contains(has, sk_GENERAL_NAME_value(wants, i));
	pkey = X509_REQ_get0_pubkey(req);
	if (t->pkey != NULL)
		fits = fits && pkey != NULL && EVP_PKEY_eq(pkey, t->pkey) == 1;
	else {
		cs_key_name(pkey, type, sizeof(type));
		fits = fits && strcmp(type, t->type) == 0;
	}
	GENERAL_NAMES_free(wants);
	GENERAL_NAMES_free(has);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	ERR_clear_error();
	return fits;
}
