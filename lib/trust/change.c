/*
 * change.c: applies a change to the set: which rule holds for each anchor that
 * is removed, distrusted or in a list, and what follows for helpers and CRLs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/private.h"

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
			if (cs_result_say(t, a->name, "removed",
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
		if (cs_result_add(t, name, "removed") == -1)
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
		return cs_result_add(t, name, "added");
	if ((t->flags & CERTSTORE_TRUST_FORCE) != 0)
		return cs_result_say(t, name, "added",
		    "%s: %s: these CAs have no CRL, and there is no "
		    "crls/crls.pem until they have: %s",
		    where, name, names);
	c->gone = 1;
	return cs_result_say(t, name, "refused",
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

	if (cs_add_finish(t) == -1 || droporphans(t) == -1 ||
	    cs_buf_adds(&names, "") == -1)
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
	return cs_result_say(t, file, "removed",
		   "%s: is no longer checked: what it revokes is accepted",
		   file) == -1 ?
	    -1 :
	    1;
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
		return cs_result_say(t, text, "refused", "%s", err.msg);
	if (found == 1 && a->der == NULL)
		return cs_result_say(t, a->name, force ? "same" : "refused",
		    "%s: is distrusted, not an anchor: use cert-trust%s -f "
		    "add with its file to trust it again",
		    a->name, t->tn.option);
	if (found == 0 && (force || cs_result_isremoved(t, text)))
		return cs_result_add(t, text, "same");
	if (found == 0)
		return cs_result_say(t, text, "refused",
		    "%s: there is no such anchor: use cert-trust%s list to "
		    "see the anchors",
		    cs_escape_quote(q, text), t->tn.option);
	if ((a->origin & CS_ANCHOR_SHIPPED) != 0)
		rv = cs_result_say(t, a->name, "removed",
		    "%s: is in the shipped list, and the next update adds "
		    "it again: use cert-trust%s distrust sha256:%s to keep "
		    "it out",
		    a->name, t->tn.option, a->fingerprint);
	else
		rv = cs_result_add(t, a->name, "removed");
	cs_trustset_drop(a);
	return rv;
}

/* Distrusts an anchor: its name stays, its certificate does not. */
static int
distrustanchor(struct certstore_trust *t, struct cs_anchor *a)
{
	if (a->der == NULL)
		return cs_result_say(t, a->name, "same",
		    "%s: is distrusted already", a->name);
	free(a->der);
	a->der = NULL;
	a->derlen = 0;
	a->origin = CS_ANCHOR_DISTRUSTED;
	return cs_result_add(t, a->name, "distrusted");
}

static int
distrustother(struct certstore_trust *t, const char *name, const char *hex)
{
	if (cs_trustset_add(&t->set, name, hex, NULL, 0,
		CS_ANCHOR_DISTRUSTED) == NULL)
		return -1;
	return cs_result_say(t, name, "distrusted",
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
	if (cs_given_parse(g) == NULL)
		return cs_result_say(t, "", "refused", "%s", g->err.msg);
	cs_given_name(t, g, name);
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
		return cs_result_say(t, text, "refused", "%s", err.msg);
	if (found == 1)
		return distrustanchor(t, a);
	if (hex[0] == '\0')
		return cs_result_say(t, text, "refused",
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
	if (cs_given_isbarred(t, g, why, sizeof(why)))
		return cs_result_say(t, a->name, "left out",
		    "%s: %s: is not an anchor for %s: %s",
		    cs_item_where(g->pem, where, sizeof(where)), a->name,
		    t->tn.named ? "TLS" : "servers", why);
	a->listed = 1;
	if (exact || (a->origin & CS_ANCHOR_SHIPPED) != 0)
		return 1;
	a->origin |= CS_ANCHOR_SHIPPED;
	return cs_result_say(t, a->name, "shipped",
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
			rv = cs_given_take(t, &c->given[i], CS_ANCHOR_SHIPPED);
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
		return cs_result_say(t, a->name, "shipped",
		    "%s: is from the shipped list from now on", a->name);
	}
	if (!t->told)
		cs_warn(t->tn.store, "%s: was added by hand: is removed",
		    a->name);
	cs_trustset_drop(a);
	return cs_result_add(t, a->name, "dropped");
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
		return cs_result_say(t, a->name, "kept",
		    "%s: is no longer in the shipped list, but stays: it was "
		    "added by hand",
		    a->name);
	}
	cs_trustset_drop(a);
	return cs_result_add(t, a->name, "removed");
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

	if (cs_given_saykeys(t, c) == -1 || (usable = takelist(t, c)) == -1)
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
		rv = cs_add_apply(t, c);
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
