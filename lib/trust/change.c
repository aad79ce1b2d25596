/*
 * change.c: applies a change to the set of trust anchors: which rule holds for
 * each certificate or name, and the result and message for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "trust/private.h"

/*
 * Adds a result: 0, or -1 without memory.  The action is one of those in
 * certstore_trust(3).
 */
static int
noteresult(struct certstore_trust *t, const char *name, const char *action)
{
	struct cs_result *r;

	r = cs_array_extend(t->result, t->nresult, &t->resultsize, sizeof(*r));
	if (r == NULL)
		return -1;
	t->result = r;
	r += t->nresult;
	memset(r, 0, sizeof(*r));
	r->action = action;
	if ((r->name = strdup(name)) == NULL)
		return -1;
	t->nresult++;
	t->count += strcmp(action, "same") != 0 &&
	    strcmp(action, "refused") != 0 && strcmp(action, "left out") != 0;
	return 0;
}

/* The same, with a message. */
static int sayresult(struct certstore_trust *, const char *, const char *,
    const char *, ...) CS_PRINTFLIKE(4, 5);

static int
sayresult(struct certstore_trust *t, const char *name, const char *action,
    const char *fmt, ...)
{
	char *text;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len == -1)
		return -1;
	if (noteresult(t, name, action) == -1) {
		free(text);
		return -1;
	}
	t->result[t->nresult - 1].text = text;
	return 0;
}

/* Parses a given certificate once: NULL and g->err if it is refused. */
static X509 *
parsegiven(struct cs_given *g)
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

/* The name of a new certificate in the set and in messages. */
static void
namegiven(const struct certstore_trust *t, const struct cs_given *g,
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
cs_change_limits(struct certstore_trust *t)
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

/* Do its trust settings forbid it as an anchor of the set?  1 and why, or 0. */
static int
isbarred(const struct certstore_trust *t, const struct cs_given *g, char *why,
    size_t size)
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

/*
 * Is it a helper: an intermediate below a CA of the set, or one that is no CA
 * but says that it signs CRLs?
 */
static int
ishelper(struct certstore_trust *t, X509 *x509)
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

/*
 * Checks and adds a certificate that is not in the set: 1, 0 refused, with a
 * result, -1.
 */
static int
takecert(struct certstore_trust *t, struct cs_given *g, unsigned int origin)
{
	char name[CS_NAME_MAX + 1], where[CS_TRUST_WHERE];
	char what[CS_TRUST_WHERE + CS_NAME_MAX + 8], why[100];
	int how;

	if (parsegiven(g) == NULL)
		return sayresult(t, "", "refused", "%s", g->err.msg);
	namegiven(t, g, name);
	cs_item_where(g->pem, where, sizeof(where));
	snprintf(what, sizeof(what), "%s: %s", where, name);
	if (origin == CS_ANCHOR_ADDED && ishelper(t, g->x509))
		origin = CS_ANCHOR_HELPER;
	how = origin == CS_ANCHOR_SHIPPED	    ? CS_JUDGE_SHIPPED :
	    (t->flags & CERTSTORE_TRUST_FORCE) != 0 ? CS_JUDGE_FORCE :
						      0;
	how |= origin == CS_ANCHOR_HELPER ? CS_JUDGE_HELPER : 0;
	if (cs_trustset_byfingerprint(&t->everywhere, g->fingerprint) != NULL)
		return sayresult(t, name,
		    how == CS_JUDGE_SHIPPED ? "left out" : "refused",
		    "%s: is distrusted in every set: use cert-trust%s -f add "
		    "and then rm to lift that",
		    what, t->common.option);
	if (g->err.code == CERTSTORE_OK)
		(void)cs_anchor_judge(what, g->x509, how, &g->err);
	if (g->err.code == CERTSTORE_OK && isbarred(t, g, why, sizeof(why)))
		cs_fail(&g->err, CERTSTORE_EREFUSED,
		    "%s: is not an anchor for %s: %s: use openssl x509 "
		    "to remove them",
		    what, t->tn.named ? "TLS" : "servers", why);
	if (g->err.code != CERTSTORE_OK)
		return sayresult(t, name,
		    how == CS_JUDGE_SHIPPED ? "left out" : "refused", "%s",
		    g->err.msg);
	if (cs_trustset_add(&t->set, name, g->fingerprint, g->pem->der,
		g->pem->derlen, origin) == NULL)
		return -1;
	if (origin == CS_ANCHOR_HELPER)
		return sayresult(t, name, "added",
			   "%s: is a helper, not an anchor: it completes "
			   "paths and signs CRLs",
			   name) == -1 ?
		    -1 :
		    1;
	if (origin == CS_ANCHOR_ADDED && isnarrowed(t, g, why, sizeof(why)))
		return sayresult(t, name, "added",
			   "%s: %s, and the set does not keep them: it is an "
			   "anchor for whatever uses the set",
			   what, why) == -1 ?
		    -1 :
		    1;
	return noteresult(t, name, "added") == -1 ? -1 : 1;
}

static int
sayremark(struct certstore_trust *t, const struct cs_anchor *a,
    const char *where)
{
	if ((a->origin & CS_ANCHOR_HELPER) != 0)
		return sayresult(t, a->name, "same",
		    "%s: %s: is a helper already", where, a->name);
	if (a->origin == CS_ANCHOR_SHIPPED)
		return sayresult(t, a->name, "same",
		    "%s: %s: is an anchor already, from the shipped list: "
		    "use -f to keep it when the list drops it",
		    where, a->name);
	return sayresult(t, a->name, "same", "%s: %s: is an anchor already",
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
		return takecert(t, g, CS_ANCHOR_ADDED) == -1 ? -1 : 0;
	if (a->der != NULL && isbarred(t, g, why, sizeof(why)))
		return sayresult(t, a->name, "refused",
		    "%s: %s: is an anchor already, but here %s: use "
		    "cert-trust%s rm %s to remove it",
		    where, a->name, why, t->tn.option, a->name);
	if (a->der == NULL && !force)
		return sayresult(t, a->name, "refused",
		    "%s: %s: is distrusted: use -f to trust it again", where,
		    a->name);
	if (a->der != NULL && (!force || a->origin != CS_ANCHOR_SHIPPED))
		return sayremark(t, a, where);
	if (a->der != NULL) {
		a->origin |= CS_ANCHOR_ADDED;
		return sayresult(t, a->name, "kept",
		    "%s: stays an anchor when the shipped list drops it",
		    a->name);
	}
	snprintf(name, sizeof(name), "%s", a->name);
	cs_trustset_drop(a);
	rv = takecert(t, g, CS_ANCHOR_ADDED);
	if (rv == -1)
		return -1;
	return sayresult(t, name, rv == 1 ? "same" : "lifted",
	    "%s: is no longer distrusted", name);
}

/* Adds a result for each private key in the input: it is not stored. */
static int
saykeys(struct certstore_trust *t, const struct cs_change *c)
{
	char where[CS_TRUST_WHERE];
	int rv = 0;
	size_t i;

	for (i = 0; i < c->pems.n && rv == 0; i++)
		if (cs_item_iskey(&c->pems.v[i]))
			rv = sayresult(t, "", "left out",
			    "%s: a private key: is not stored: remove it "
			    "from this file",
			    cs_item_where(&c->pems.v[i], where, sizeof(where)));
	return rv;
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
			if ((x509 = parsegiven(&c->given[k])) != NULL &&
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
	    parsegiven(g) != NULL && cs_cert_is_ca(g->x509) &&
	    !cs_cert_is_self_signed(g->x509) &&
	    isgiven(t, X509_get_issuer_name(g->x509)) && !ishelper(t, g->x509);
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
		return sayresult(t, name, "refused", "%s", err.msg);
	if (rv == 2)
		return sayresult(t, name, "same", "%s: %s: is there already",
		    cs_item_where(pem, where, sizeof(where)), name);
	if (rv == 1)
		return noteresult(t, name, "added");
	return rv == -1 ? -1 : 0;
}

static int
applyadd(struct certstore_trust *t, struct cs_change *c)
{
	size_t i;
	int rv;

	if (saykeys(t, c) == -1)
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

/* Drops helpers and CRLs whose CA is no longer in the set. */
static int
droporphans(struct certstore_trust *t)
{
	char name[CS_NAME_MAX + 8];
	struct cs_anchor *a;
	struct cs_crl *c;
	int again = 1;
	X509 *x509;
	size_t i;

	while (again) {
		again = 0;
		for (i = 0; i < t->set.n; i++) {
			a = &t->set.v[i];
			if (a->gone || (a->origin & CS_ANCHOR_HELPER) == 0 ||
			    (x509 = cs_trustset_parse(a)) == NULL ||
			    !cs_cert_is_ca(x509) ||
			    cs_trustset_hasissuer(&t->set, x509))
				continue;
			cs_trustset_drop(a);
			again = 1;
			if (sayresult(t, a->name, "removed",
				"%s: was a helper below a CA that is no longer "
				"in the set",
				a->name) == -1)
				return -1;
		}
	}
	for (i = 0; i < t->set.ncrl; i++) {
		c = &t->set.crls[i];
		if (c->gone || !cs_crl_isorphan(&t->set, c))
			continue;
		c->gone = 1;
		snprintf(name, sizeof(name), "%s.crl", c->name);
		if (noteresult(t, name, "removed") == -1)
			return -1;
	}
	return 0;
}

/* A CRL of a CA that had none: refused while other CAs have none, unless it is
 * indirect, which may be about all of them. */
static int
judgefresh(struct certstore_trust *t, struct cs_crl *c, const char *names,
    size_t uncovered)
{
	char name[CS_NAME_MAX + 8], where[CS_TRUST_WHERE];

	snprintf(name, sizeof(name), "%s.crl", c->name);
	cs_item_where(c->pem, where, sizeof(where));
	c->fresh = 0;
	if (uncovered == 0 || c->kind == CS_CRL_INDIRECT)
		return noteresult(t, name, "added");
	if ((t->flags & CERTSTORE_TRUST_FORCE) != 0)
		return sayresult(t, name, "added",
		    "%s: %s: these CAs have no CRL, and there is no "
		    "crls/crls.pem until they have: %s",
		    where, name, names);
	c->gone = 1;
	return sayresult(t, name, "refused",
	    "%s: %s: these CAs of the set have no CRL, and servers that check "
	    "CRLs refuse all their clients: %s: add theirs in the same call, "
	    "or use -f",
	    where, name, names);
}

int
cs_change_finish(struct certstore_trust *t)
{
	struct cs_buf names = { 0 };
	size_t i, n = 0;
	int rv = -1;

	if (addwaiting(t, 1) == -1 || addcrls(t) == -1 ||
	    droporphans(t) == -1 || cs_buf_adds(&names, "") == -1)
		goto out;
	for (i = 0; i < t->set.ncrl && n == 0; i++)
		if (!t->set.crls[i].gone &&
		    cs_crl_uncovered(&t->set, &names, &n) == -1)
			goto out;
	for (i = 0; i < t->set.ncrl; i++)
		if (t->set.crls[i].fresh && !t->set.crls[i].gone &&
		    judgefresh(t, &t->set.crls[i], names.p, n) == -1)
			goto out;
	if (n > 0 && t->set.hascrlspem && t->count > 0 && !t->told)
		cs_warn(t->tn.store,
		    "%s/crls/crls.pem: is removed, since these CAs have no "
		    "CRL: %s",
		    t->tn.path, names.p);
	cs_crl_closegaps(&t->set);
	for (i = 0; i < t->nchange; i++)
		if (t->change[i].verb == CS_TRUST_RESET &&
		    cs_crl_renumber(&t->set) == -1)
			goto out;
	rv = 0;
out:
	cs_buf_free(&names);
	return rv;
}

/* Removes a CRL, named by its file: 1, 0 there is none, -1. */
static int
removecrl(struct certstore_trust *t, const char *file)
{
	struct cs_crl *c = cs_crl_byname(&t->set, file);

	if (c == NULL)
		return 0;
	c->gone = 1;
	return sayresult(t, file, "removed",
		   "%s: is no longer checked: what it revokes is accepted",
		   file) == -1 ?
	    -1 :
	    1;
}

/* Was the name removed in this commit already?  Duplicates are ignored. */
static int
isremoved(const struct certstore_trust *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->nresult; i++)
		if (strcmp(t->result[i].name, name) == 0 &&
		    strcmp(t->result[i].action, "removed") == 0)
			return 1;
	return 0;
}

static int
applyremove(struct certstore_trust *t, const char *text)
{
	int force = (t->flags & CERTSTORE_TRUST_FORCE) != 0, found, rv;
	struct certstore_error err;
	char hex[65], q[CS_QUOTE_LEN];
	struct cs_anchor *a;

	if ((rv = removecrl(t, text)) != 0)
		return rv == 1 ? 0 : -1;
	found = cs_trustset_find(&t->set, text, &a, hex, &err);
	if (found == -1)
		return sayresult(t, text, "refused", "%s", err.msg);
	if (found == 1 && a->der == NULL)
		return sayresult(t, a->name, force ? "same" : "refused",
		    "%s: is distrusted, not an anchor: use cert-trust%s -f "
		    "add with its file to trust it again",
		    a->name, t->tn.option);
	if (found == 0 && (force || isremoved(t, text)))
		return noteresult(t, text, "same");
	if (found == 0)
		return sayresult(t, text, "refused",
		    "%s: there is no such anchor: use cert-trust%s list to "
		    "see the anchors",
		    cs_escape_quote(q, text), t->tn.option);
	if ((a->origin & CS_ANCHOR_SHIPPED) != 0)
		rv = sayresult(t, a->name, "removed",
		    "%s: is in the shipped list, and the next update adds "
		    "it again: use cert-trust%s distrust sha256:%s to keep "
		    "it out",
		    a->name, t->tn.option, a->fingerprint);
	else
		rv = noteresult(t, a->name, "removed");
	cs_trustset_drop(a);
	return rv;
}

/* Distrusts an anchor: its name stays, its certificate does not. */
static int
distrustanchor(struct certstore_trust *t, struct cs_anchor *a)
{
	if (a->der == NULL)
		return sayresult(t, a->name, "same",
		    "%s: is distrusted already", a->name);
	free(a->der);
	a->der = NULL;
	a->derlen = 0;
	a->origin = CS_ANCHOR_DISTRUSTED;
	return noteresult(t, a->name, "distrusted");
}

static int
distrustother(struct certstore_trust *t, const char *name, const char *hex)
{
	if (cs_trustset_add(&t->set, name, hex, NULL, 0,
		CS_ANCHOR_DISTRUSTED) == NULL)
		return -1;
	return sayresult(t, name, "distrusted",
	    "%s: is not an anchor, and is distrusted from now on", name);
}

static int
distrustcert(struct certstore_trust *t, struct cs_given *g)
{
	char name[CS_NAME_MAX + 1];
	struct cs_anchor *a;

	a = cs_trustset_byfingerprint(&t->set, g->fingerprint);
	if (a != NULL)
		return distrustanchor(t, a);
	if (parsegiven(g) == NULL)
		return sayresult(t, "", "refused", "%s", g->err.msg);
	namegiven(t, g, name);
	return distrustother(t, name, g->fingerprint);
}

static int
distrusttext(struct certstore_trust *t, const char *text)
{
	char hex[65], name[CS_NAME_MAX + 1], q[CS_QUOTE_LEN];
	struct certstore_error err;
	struct cs_anchor *a;
	int found;

	found = cs_trustset_find(&t->set, text, &a, hex, &err);
	if (found == -1)
		return sayresult(t, text, "refused", "%s", err.msg);
	if (found == 1)
		return distrustanchor(t, a);
	if (hex[0] == '\0')
		return sayresult(t, text, "refused",
		    "%s: is neither the name of an anchor nor the SHA-256 "
		    "fingerprint or file of another certificate: use "
		    "cert-trust%s list to see the anchors",
		    cs_escape_quote(q, text), t->tn.option);
	cs_trustset_name(&t->set, "unknown", 0, hex, name);
	return distrustother(t, name, hex);
}

static int
applydistrust(struct certstore_trust *t, struct cs_change *c)
{
	size_t i;

	if (c->given == NULL)
		return distrusttext(t, c->text);
	for (i = 0; i < c->n; i++)
		if (distrustcert(t, &c->given[i]) == -1)
			return -1;
	return 0;
}

/*
 * An anchor that is in the list: 1 it stays, 0 it is distrusted or left out,
 * -1. For a reset the message about anchors added by hand comes later.
 */
static int
keeplisted(struct certstore_trust *t, struct cs_given *g, struct cs_anchor *a,
    int exact)
{
	char where[CS_TRUST_WHERE], why[100];

	if (a->der == NULL) {
		a->listed = 1;
		return 0;
	}
	if ((a->origin & CS_ANCHOR_HELPER) != 0)
		return 0;
	if (isbarred(t, g, why, sizeof(why)))
		return sayresult(t, a->name, "left out",
		    "%s: %s: is not an anchor for %s: %s",
		    cs_item_where(g->pem, where, sizeof(where)), a->name,
		    t->tn.named ? "TLS" : "servers", why);
	a->listed = 1;
	if (exact || (a->origin & CS_ANCHOR_SHIPPED) != 0)
		return 1;
	a->origin |= CS_ANCHOR_SHIPPED;
	return sayresult(t, a->name, "shipped",
		   "%s: was added by hand, and is now in the shipped list too",
		   a->name) == -1 ?
	    -1 :
	    1;
}

/* Adds what the list has; returns how many of it are anchors, or -1. */
static int
takelist(struct certstore_trust *t, struct cs_change *c)
{
	struct cs_anchor *a;
	int rv, usable = 0;
	size_t i;

	for (i = 0; i < t->set.n; i++)
		t->set.v[i].listed = 0;
	for (i = 0; i < c->n; i++) {
		a = cs_trustset_byfingerprint(&t->set, c->given[i].fingerprint);
		if (a != NULL) {
			rv = keeplisted(t, &c->given[i], a,
			    c->verb == CS_TRUST_RESET);
		} else {
			rv = takecert(t, &c->given[i], CS_ANCHOR_SHIPPED);
			if (rv == 1)
				t->set.v[t->set.n - 1].listed = 1;
		}
		if (rv == -1)
			return -1;
		usable += rv == 1;
	}
	return usable;
}

/* Reset: an anchor that was added by hand. */
static int
dropown(struct certstore_trust *t, struct cs_anchor *a)
{
	if (a->listed) {
		a->origin = CS_ANCHOR_SHIPPED;
		return sayresult(t, a->name, "shipped",
		    "%s: is from the shipped list from now on", a->name);
	}
	if (!t->told)
		cs_warn(t->tn.store, "%s: was added by hand: is removed",
		    a->name);
	cs_trustset_drop(a);
	return noteresult(t, a->name, "dropped");
}

/* An anchor that the list lacks or that was added by hand. */
static int
dropunlisted(struct certstore_trust *t, struct cs_anchor *a, int exact)
{
	if (exact && (a->origin & CS_ANCHOR_ADDED) != 0)
		return dropown(t, a);
	if (a->listed || a->origin == CS_ANCHOR_ADDED ||
	    (a->origin & CS_ANCHOR_HELPER) != 0)
		return 0;
	if ((a->origin & CS_ANCHOR_ADDED) != 0) {
		a->origin = CS_ANCHOR_ADDED;
		return sayresult(t, a->name, "kept",
		    "%s: is no longer in the shipped list, but stays: it was "
		    "added by hand",
		    a->name);
	}
	cs_trustset_drop(a);
	return noteresult(t, a->name, "removed");
}

/* Update keeps what was added by hand; reset leaves exactly the list. */
static int
applylist(struct certstore_trust *t, struct cs_change *c,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	struct cs_anchor *a;
	int usable;
	size_t i;

	if (saykeys(t, c) == -1 || (usable = takelist(t, c)) == -1)
		return cs_fail_nomem(err);
	if (usable == 0)
		return cs_fail(err, CERTSTORE_EINPUT,
		    "%s: no certificate in it can be an anchor: the anchors "
		    "stay as they are",
		    cs_escape_quote(q, c->text));
	for (i = 0; i < t->set.n; i++) {
		a = &t->set.v[i];
		if (!a->gone && a->der != NULL &&
		    dropunlisted(t, a, c->verb == CS_TRUST_RESET) == -1)
			return cs_fail_nomem(err);
	}
	return 0;
}

int
cs_change_apply(struct certstore_trust *t, struct cs_change *c,
    struct certstore_error *err)
{
	int rv = -1;

	switch (c->verb) {
	case CS_TRUST_UPDATE:
	case CS_TRUST_RESET:
		return applylist(t, c, err);
	case CS_TRUST_ADD:
		rv = applyadd(t, c);
		break;
	case CS_TRUST_REMOVE:
		rv = applyremove(t, c->text);
		break;
	case CS_TRUST_DISTRUST:
		rv = applydistrust(t, c);
		break;
	}
	return rv == -1 ? cs_fail_nomem(err) : 0;
}
