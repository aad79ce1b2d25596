/*
 * given.c: a certificate that is given to a set: parsed once, its name, what
 * its trust settings allow, and whether it becomes an anchor or a helper.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "trust/private.h"

X509 *
cs_given_parse(struct cs_given *g)
{
	char hex[65], where[CS_TRUST_WHERE];

	if (g->x509 != NULL || g->err.code != CERTSTORE_OK)
		return g->x509;
	cs_item_where(g->pem, where, sizeof(where));
	g->x509 = cs_cert_parse(where, g->pem->der, g->pem->derlen, &g->err);
	/* what is later checked is encoded from the X509, not from the input */
	if (g->x509 != NULL &&
	    (cs_cert_fingerprint(g->x509, hex) == -1 ||
		strcmp(hex, g->fingerprint) != 0)) {
		cs_fail(&g->err, CERTSTORE_EINPUT,
		    "%s: is not encoded as DER (RFC 5280 section 4.1): use "
		    "openssl x509 to encode it again",
		    where);
		X509_free(g->x509);
		g->x509 = NULL;
	}
	return g->x509;
}

void
cs_given_name(const struct certstore_trust *t, const struct cs_given *g,
    char name[CS_NAME_MAX + 1])
{
	char base[CS_ANCHOR_BASE + 1] = "";

	if (g->x509 != NULL)
		cs_anchor_base(g->x509, base);
	cs_trustset_name(&t->set, base[0] != '\0' ? base : "unnamed",
	    base[0] != '\0', g->fingerprint, name);
}

static int
byfingerprint(const void *a, const void *b)
{
	const struct cs_given *const *x = a, *const *y = b;

	return memcmp((*x)->fingerprint, (*y)->fingerprint, 64);
}

static int
addlimited(struct certstore_trust *t, const struct cs_change *c)
{
	const struct cs_given **v;
	size_t i, n = t->nlimited;

	for (i = 0; i < c->n; i++)
		n += (size_t)c->given[i].hasuses;
	if (n == t->nlimited)
		return 0;
	if ((v = reallocarray(t->limited, n, sizeof(*v))) == NULL)
		return -1;
	t->limited = v;
	for (i = 0; i < c->n; i++)
		if (c->given[i].hasuses)
			t->limited[t->nlimited++] = &c->given[i];
	return 0;
}

int
cs_given_limits(struct certstore_trust *t)
{
	size_t i;

	t->nlimited = 0;
	for (i = 0; i < t->nchange; i++)
		if (t->change[i].verb != CS_TRUST_DISTRUST &&
		    addlimited(t, &t->change[i]) == -1)
			return -1;
	if (t->nlimited > 1)
		qsort(t->limited, t->nlimited, sizeof(*t->limited),
		    byfingerprint);
	return 0;
}

/*
 * The strictest trust settings of all copies of a certificate that were given:
 * 1, or 0 if none has any.
 */
static int
usesgiven(const struct certstore_trust *t, const struct cs_given *g,
    struct cs_uses *uses)
{
	size_t from = 0, mid, to = t->nlimited;

	memset(uses, 0, sizeof(*uses));
	while (from < to) {
		mid = from + (to - from) / 2;
		if (byfingerprint(&t->limited[mid], &g) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	for (mid = from;
	     mid < t->nlimited && byfingerprint(&t->limited[mid], &g) == 0;
	     mid++)
		cs_uses_merge(uses, &t->limited[mid]->uses);
	return mid > from;
}

int
cs_given_isbarred(const struct certstore_trust *t, const struct cs_given *g,
    char *why, size_t size)
{
	struct cs_uses uses;

	return usesgiven(t, g, &uses) &&
	    cs_anchor_isbarred(&t->tn, &uses, why, size);
}

/* Do its trust settings forbid a use in TLS?  The set does not keep them. */
static int
isnarrowed(const struct certstore_trust *t, const struct cs_given *g, char *why,
    size_t size)
{
	struct cs_uses uses;

	return usesgiven(t, g, &uses) &&
	    cs_uses_forbid(&uses, CS_USE_SERVER | CS_USE_CLIENT, why, size);
}

int
cs_given_ishelper(struct certstore_trust *t, X509 *x509)
{
	int rv;

	if (cs_cert_is_ca(x509))
		rv = !cs_cert_is_self_signed(x509) &&
		    cs_trustset_hasissuer(&t->set, x509);
	else
		rv = X509_check_ca(x509) == 0 && cs_anchor_signscrls(x509, 1);
	ERR_clear_error();
	return rv;
}

int
cs_given_take(struct certstore_trust *t, struct cs_given *g,
    unsigned int origin)
{
	char name[CS_NAME_MAX + 1], where[CS_TRUST_WHERE];
	char what[CS_TRUST_WHERE + CS_NAME_MAX + 8], why[100];
	int how;

	if (cs_given_parse(g) == NULL)
		return cs_result_say(t, "", "refused", "%s", g->err.msg);
	cs_given_name(t, g, name);
	cs_item_where(g->pem, where, sizeof(where));
	snprintf(what, sizeof(what), "%s: %s", where, name);
	if (origin == CS_ANCHOR_ADDED && cs_given_ishelper(t, g->x509))
		origin = CS_ANCHOR_HELPER;
	how = origin == CS_ANCHOR_SHIPPED	    ? CS_JUDGE_SHIPPED :
	    (t->flags & CERTSTORE_TRUST_FORCE) != 0 ? CS_JUDGE_FORCE :
						      0;
	how |= origin == CS_ANCHOR_HELPER ? CS_JUDGE_HELPER : 0;
	if (cs_trustset_byfingerprint(&t->everywhere, g->fingerprint) != NULL)
		return cs_result_say(t, name,
		    how == CS_JUDGE_SHIPPED ? "left out" : "refused",
		    "%s: is distrusted in every set: use cert-trust%s -f add "
		    "and then rm to lift that",
		    what, t->common.option);
	if (g->err.code == CERTSTORE_OK)
		(void)cs_anchor_judge(what, g->x509, how, &g->err);
	if (g->err.code == CERTSTORE_OK &&
	    cs_given_isbarred(t, g, why, sizeof(why)))
		cs_fail(&g->err, CERTSTORE_EREFUSED,
		    "%s: is not an anchor for %s: %s: use openssl x509 "
		    "to remove them",
		    what, t->tn.named ? "TLS" : "servers", why);
	if (g->err.code != CERTSTORE_OK)
		return cs_result_say(t, name,
		    how == CS_JUDGE_SHIPPED ? "left out" : "refused", "%s",
		    g->err.msg);
	if (cs_trustset_add(&t->set, name, g->fingerprint, g->pem->der,
		g->pem->derlen, origin) == NULL)
		return -1;
	if (origin == CS_ANCHOR_HELPER)
		return cs_result_say(t, name, "added",
			   "%s: is a helper, not an anchor: it completes "
			   "paths and signs CRLs",
			   name) == -1 ?
		    -1 :
		    1;
	if (origin == CS_ANCHOR_ADDED && isnarrowed(t, g, why, sizeof(why)))
		return cs_result_say(t, name, "added",
			   "%s: %s, and the set does not keep them: it is an "
			   "anchor for whatever uses the set",
			   what, why) == -1 ?
		    -1 :
		    1;
	return cs_result_add(t, name, "added") == -1 ? -1 : 1;
}

int
cs_given_saykeys(struct certstore_trust *t, const struct cs_change *c)
{
	char where[CS_TRUST_WHERE];
	int rv = 0;
	size_t i;

	for (i = 0; i < c->pems.n && rv == 0; i++)
		if (cs_item_iskey(&c->pems.v[i]))
			rv = cs_result_say(t, "", "left out",
			    "%s: a private key: is not stored: remove it "
			    "from this file",
			    cs_item_where(&c->pems.v[i], where, sizeof(where)));
	return rv;
}
