/*
 * add.c: adds certificates and CRLs to a set: issuers before what they issued,
 * whatever their order is.
 */
#include <stdio.h>
#include <string.h>

#include "trust/private.h"

static int
sayremark(struct certstore_trust *t, const struct cs_anchor *a,
    const char *where)
{
	if ((a->origin & CS_ANCHOR_HELPER) != 0)
		return cs_result_say(t, a->name, "same",
		    "%s: %s: is a helper already", where, a->name);
	if (a->origin == CS_ANCHOR_SHIPPED)
		return cs_result_say(t, a->name, "same",
		    "%s: %s: is an anchor already, from the shipped list: "
		    "use -f to keep it when the list drops it",
		    where, a->name);
	return cs_result_say(t, a->name, "same", "%s: %s: is an anchor already",
	    where, a->name);
}

static int
addgiven(struct certstore_trust *t, struct cs_given *g)
{
	int force = (t->flags & CERTSTORE_TRUST_FORCE) != 0;
	char name[CS_NAME_MAX + 1], where[CS_TRUST_WHERE], why[100];
	struct cs_anchor *a;
	int rv;

	cs_item_where(g->pem, where, sizeof(where));
	a = cs_trustset_byfingerprint(&t->set, g->fingerprint);
	if (a == NULL)
		return cs_given_take(t, g, CS_ANCHOR_ADDED) == -1 ? -1 : 0;
	if (a->der != NULL && cs_given_isbarred(t, g, why, sizeof(why)))
		return cs_result_say(t, a->name, "refused",
		    "%s: %s: is an anchor already, but here %s: use "
		    "cert-trust%s rm %s to remove it",
		    where, a->name, why, t->tn.option, a->name);
	if (a->der == NULL && !force)
		return cs_result_say(t, a->name, "refused",
		    "%s: %s: is distrusted: use -f to trust it again", where,
		    a->name);
	if (a->der != NULL && (!force || a->origin != CS_ANCHOR_SHIPPED))
		return sayremark(t, a, where);
	if (a->der != NULL) {
		a->origin |= CS_ANCHOR_ADDED;
		return cs_result_say(t, a->name, "kept",
		    "%s: stays an anchor when the shipped list drops it",
		    a->name);
	}
	snprintf(name, sizeof(name), "%s", a->name);
	cs_trustset_drop(a);
	rv = cs_given_take(t, g, CS_ANCHOR_ADDED);
	if (rv == -1)
		return -1;
	return cs_result_say(t, name, rv == 1 ? "same" : "lifted",
	    "%s: is no longer distrusted", name);
}

/* Is there a certificate with this subject among all that are to be added? */
static int
isgiven(struct certstore_trust *t, const X509_NAME *name)
{
	struct cs_change *c;
	size_t i, k;
	X509 *x509;

	for (i = 0; i < t->nchange; i++) {
		c = &t->change[i];
		for (k = 0; k < c->n && c->verb == CS_TRUST_ADD; k++)
			if ((x509 = cs_given_parse(&c->given[k])) != NULL &&
			    X509_NAME_cmp(X509_get_subject_name(x509), name) ==
				0)
				return 1;
	}
	return 0;
}

/* Must an intermediate wait for its issuer, which is given behind it? */
static int
iswaiting(struct certstore_trust *t, struct cs_given *g)
{
	return cs_trustset_byfingerprint(&t->set, g->fingerprint) == NULL &&
	    cs_given_parse(g) != NULL && cs_cert_is_ca(g->x509) &&
	    !cs_cert_is_self_signed(g->x509) &&
	    isgiven(t, X509_get_issuer_name(g->x509)) &&
	    !cs_given_ishelper(t, g->x509);
}

/* Adds those that waited and need no longer, or all: how many, or -1. */
static int
addwaiting(struct certstore_trust *t, int all)
{
	struct cs_given *g;
	size_t i, k;
	int n = 0;

	for (i = 0; i < t->nchange; i++)
		for (k = 0; k < t->change[i].n; k++) {
			g = &t->change[i].given[k];
			if (!g->waits || (!all && iswaiting(t, g)))
				continue;
			g->waits = 0;
			n++;
			if (addgiven(t, g) == -1)
				return -1;
		}
	return n;
}

/* Takes a CRL.  One of a CA that had none is judged by cs_change_finish(). */
static int
addcrl(struct certstore_trust *t, const struct cs_pem *pem)
{
	int force = (t->flags & CERTSTORE_TRUST_FORCE) != 0, rv;
	char name[CS_NAME_MAX + 8], where[CS_TRUST_WHERE];
	struct certstore_error err;

	rv = cs_crl_give(&t->set, pem, force, name, &err);
	if (rv == 0)
		return cs_result_say(t, name, "refused", "%s", err.msg);
	if (rv == 2)
		return cs_result_say(t, name, "same",
		    "%s: %s: is there already",
		    cs_item_where(pem, where, sizeof(where)), name);
	if (rv == 1)
		return cs_result_add(t, name, "added");
	return rv == -1 ? -1 : 0;
}

int
cs_add_apply(struct certstore_trust *t, struct cs_change *c)
{
	size_t i;
	int rv;

	if (cs_given_saykeys(t, c) == -1)
		return -1;
	for (i = 0; i < c->n; i++) {
		c->given[i].waits = iswaiting(t, &c->given[i]);
		if (!c->given[i].waits && addgiven(t, &c->given[i]) == -1)
			return -1;
	}
	do
		rv = addwaiting(t, 0);
	while (rv > 0);
	return rv;
}

/* The CRLs of all files that are added, since their signers are there by now. */
static int
addcrls(struct certstore_trust *t)
{
	struct cs_change *c;
	size_t i, k;

	for (i = 0; i < t->nchange; i++) {
		c = &t->change[i];
		for (k = 0; k < c->pems.n && c->ncrl > 0; k++)
			if (c->pems.v[k].type == CS_PEM_CRL &&
			    addcrl(t, &c->pems.v[k]) == -1)
				return -1;
	}
	return 0;
}

int
cs_add_finish(struct certstore_trust *t)
{
	return addwaiting(t, 1) == -1 ? -1 : addcrls(t);
}
