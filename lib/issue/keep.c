/*
 * keep.c: what -u keeps of an entry that it replaces: all that was not asked to
 * be different.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

/* The end-entity certificate of an entry. */
X509 *
cs_keep_cert(const struct certstore_entry *entry, struct certstore_error *err)
{
	STACK_OF(X509) *certs;
	X509 *x509 = NULL;
	int rv;

	if ((rv = cs_cert_read(entry, CS_FULLCHAIN, &certs, err)) == 1)
		x509 = sk_X509_shift(certs);
	else if (rv == 0)
		cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: fullchain.pem is missing: use -f to replace the "
		    "entry",
		    entry->info.name);
	sk_X509_pop_free(certs, X509_free);
	return x509;
}

/* The constraints that are asked for; if none are, those of the old CA.  What
 * the old one excludes stays excluded. */
static int
mergeconstraints(struct certstore_template *t,
    const struct certstore_template *asked, X509 *x509,
    struct certstore_error *err)
{
	NAME_CONSTRAINTS *has;
	int rv = 0;

	t->pathlen = asked->pathlen;
	if (t->pathlen < 0)
		t->pathlen = cs_constraint_pathlen(X509_get0_extensions(x509));
	has = X509_get_ext_d2i(x509, NID_name_constraints, NULL, NULL);
	ERR_clear_error();
	if (cs_constraint_merge(&t->permit, asked->permit, err) == -1 ||
	    cs_constraint_merge(&t->exclude, asked->exclude, err) == -1 ||
	    (has != NULL && asked->permit == NULL &&
		cs_constraint_merge(&t->permit, has->permittedSubtrees, err) ==
		    -1) ||
	    (has != NULL &&
		cs_constraint_merge(&t->exclude, has->excludedSubtrees, err) ==
		    -1))
		rv = -1;
	NAME_CONSTRAINTS_free(has);
	return rv;
}

static int
mergesans(struct certstore_template *t, const struct certstore_template *full,
    const struct cs_info *info, struct certstore_error *err)
{
	size_t i;
	int bad = 0;

	for (i = 0; i < full->nsan; i++)
		bad |= cs_template_addsan(t, full->san[i].type,
		    full->san[i].value);
	for (i = 0; i < info->nsan; i++)
		if (info->san[i].type != CS_SAN_OTHER)
			bad |= cs_template_addsan(t, info->san[i].type,
			    info->san[i].value);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

static int
mergesecrets(struct certstore_template *t,
    const struct certstore_template *asked, const struct cs_info *info,
    struct certstore_error *err)
{
	struct certstore_error ignored;

	strlcpy(t->type, asked->type, sizeof(t->type));
	if (t->type[0] == '\0' && info->key != NULL &&
	    cs_key_type_check(info->key, &ignored) == 0)
		strlcpy(t->type, info->key, sizeof(t->type));
	t->pass = asked->pass;
	if (asked->pkey != NULL && EVP_PKEY_up_ref(asked->pkey) == 1)
		t->pkey = asked->pkey;
	if (asked->encrypt != NULL)
		t->encrypt = strdup(asked->encrypt);
	if (asked->issuer != NULL)
		t->issuer = strdup(asked->issuer);
	return (asked->pkey != NULL && t->pkey == NULL) ||
		(asked->encrypt != NULL && t->encrypt == NULL) ||
		(asked->issuer != NULL && t->issuer == NULL) ?
	    cs_fail_nomem(err) :
	    0;
}

/* The template as asked (and as resolved, full), with what the certificate of
 * the entry has beyond it. */
struct certstore_template *
cs_keep_make(const struct certstore_template *asked,
    const struct certstore_template *full, const struct certstore_entry *entry,
    X509 *x509, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	struct certstore_template *t;

	if ((t = certstore_template_new(err)) == NULL)
		return NULL;
	t->ca = asked->ca;
	t->life = asked->life;
	t->haslife = asked->haslife;
	t->within = asked->within;
	t->haswithin = asked->haswithin;
	strlcpy(t->profile, full->ca ? "" : full->profile, sizeof(t->profile));
	if (cs_extra_merge(&t->extra, &full->extra) == -1) {
		certstore_template_free(t);
		cs_fail_nomem(err);
		return NULL;
	}
	if (cs_extra_keep(t, x509, err) == -1 ||
	    mergesecrets(t, asked, info, err) == -1 ||
	    mergesans(t, full, info, err) == -1 ||
	    cs_calls_add(t, asked, info, err) == -1 ||
	    cs_subject_merge(t, asked, X509_get_subject_name(x509), err) ==
		-1 ||
	    (asked->ca && mergeconstraints(t, asked, x509, err) == -1)) {
		certstore_template_free(t);
		return NULL;
	}
	return t;
}
