/*
 * path.c: builds paths from a certificate to a trust anchor, depth first and
 * with backtracking (RFC 4158).  Candidates are found by subject; key
 * identifiers and the rules they break only rank them.  Signatures, paths and
 * steps of one search are limited.
 */
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "verify/private.h"

#define PATHS_MAX 50	/* that are judged in one search */
#define STEPS_MAX 20000 /* ways that are tried */

/* Added up, what makes an issuer less likely; the highest counts most. */
enum {
	UNKNOWN_KEYID = 1,
	NO_ANCHOR = 2,
	SELF_ISSUED = 4,
	OTHER_KEYID = 8,
	BAD = 16
};

enum { NONE = 0, GOOD = 1, STOP = 2 }; /* results of a search; -1 failed */

/* A hash of the signature, which orders certificates in the same way whatever
 * input they come from. */
static uint64_t
orderof(const X509 *x509)
{
	const ASN1_BIT_STRING *sig;
	uint64_t order = 14695981039346656037u;
	const unsigned char *p;
	int i;

	X509_get0_signature(&sig, NULL, x509);
	p = ASN1_STRING_get0_data(sig);
	for (i = 0; i < ASN1_STRING_length(sig); i++)
		order = (order ^ p[i]) * 1099511628211u;
	return order;
}

static struct cs_node *
newnode(struct cs_search *s, X509 *x509, int leaf, int anchor)
{
	struct cs_node **v, *node;

	v = cs_array_extend(s->nodes, s->nnode, &s->nodesize, sizeof(*v));
	if (v == NULL)
		return NULL;
	s->nodes = v;
	if ((node = calloc(1, sizeof(*node))) == NULL)
		return NULL;
	node->x509 = x509;
	node->order = orderof(x509);
	node->leaf = leaf;
	node->anchor = anchor;
	s->nodes[s->nnode++] = node;
	return node;
}

/* The node of a certificate in this place, made if it is not there. */
static struct cs_node *
findnode(struct cs_search *s, X509 *x509, int leaf, int anchor)
{
	struct cs_node *node;
	size_t i;

	for (i = 0; i < s->nnode; i++) {
		node = s->nodes[i];
		if (node->x509 == x509 && node->leaf == leaf &&
		    node->anchor == anchor)
			return node;
	}
	return newnode(s, x509, leaf, anchor);
}

static int
checktrustuses(struct cs_search *s, struct cs_node *node)
{
	struct cs_uses uses;
	char why[100];

	if (!node->anchor || !cs_anchors_uses(s->anchors, node->x509, &uses) ||
	    !cs_uses_forbid(&uses, cs_purpose_uses(s->asked->profile), why,
		sizeof(why)))
		return 0;
	return cs_rule_note(s->asked, node, CS_RULE_ANCHOR_USE, "%s", why);
}

/* Applies, once, the rules that do not depend on the path. */
static int
checknode(struct cs_search *s, struct cs_node *node)
{
	int bad, yes;

	if (node->checked)
		return 0;
	node->checked = 1;
	X509_check_purpose(node->x509, -1, 0); /* decodes its extensions */
	node->cost = cs_signature_cost(X509_get0_pubkey(node->x509));
	ERR_clear_error();
	bad = cs_syntax_check(s->asked, node);
	bad |= cs_algorithm_check(s->asked, node);
	/* the other rules rely on well-formed extensions */
	if ((X509_get_extension_flags(node->x509) & EXFLAG_INVALID) == 0) {
		bad |= cs_san_check(s->asked, node);
		bad |= cs_nameconstraint_check(s->asked, node);
		bad |= cs_purpose_check(s->asked, node);
	}
	bad |= checktrustuses(s, node);
	if ((yes = cs_anchors_distrust(s->anchors, node->x509)) == 1)
		bad |= cs_rule_note(s->asked, node, CS_RULE_DISTRUSTED, NULL);
	return bad == 0 && yes != -1 ? 0 : cs_fail_nomem(s->err);
}

/* The same subject and key twice would be a loop (RFC 4158 section 2.4.2). */
static int
isloop(const struct cs_search *s, X509 *x509)
{
	X509 *p;
	int i;

	for (i = 0; i < s->n; i++) {
		p = s->path[i]->x509;
		if (X509_cmp(p, x509) == 0)
			return 1;
		if (i > 0 &&
		    X509_NAME_cmp(X509_get_subject_name(p),
			X509_get_subject_name(x509)) == 0 &&
		    cs_signature_samekey(p, x509))
			return 1;
	}
	return 0;
}

static int
rankissuer(X509 *x509, const struct cs_node *node)
{
	const ASN1_OCTET_STRING *aki, *ski;
	int n = 0;

	aki = X509_get0_authority_key_id(x509);
	ski = X509_get0_subject_key_id(node->x509);
	if (aki == NULL || ski == NULL)
		n |= UNKNOWN_KEYID;
	else if (ASN1_OCTET_STRING_cmp(aki, ski) != 0)
		n |= OTHER_KEYID;
	if (!node->anchor) {
		n |= NO_ANCHOR;
		if ((X509_get_extension_flags(node->x509) & EXFLAG_SI) != 0)
			n |= SELF_ISSUED;
	}
	if (node->own.nerror > 0)
		n |= BAD;
	return n;
}

/*
 * Ranks candidates: by rank, then the cheaper key first, since a slow one may
 * be meant to exhaust the budget, then by the certificates themselves, so that
 * their order in the input does not matter.
 */
static int
compareissuers(const void *a, const void *b)
{
	const struct cs_candidate *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank - y->rank;
	if (x->node->cost != y->node->cost)
		return x->node->cost - y->node->cost;
	if (x->node->order != y->node->order)
		return x->node->order < y->node->order ? -1 : 1;
	return X509_cmp(x->node->x509, y->node->x509);
}

/* Adds a possible issuer of node. */
static int
addissuer(struct cs_search *s, struct cs_node *node, struct cs_node *issuer)
{
	struct cs_candidate *c = &node->issuers[node->nissuer];

	if (checknode(s, issuer) == -1)
		return -1;
	c->node = issuer;
	c->rank = rankissuer(node->x509, issuer);
	node->nissuer++;
	return 0;
}

/* Adds the untrusted certificates with the issuer's name, but copies of
 * anchors. */
static int
addfromuntrusted(struct cs_search *s, struct cs_node *node,
    STACK_OF(X509) *anchors)
{
	const X509_NAME *name = X509_get_issuer_name(node->x509);
	X509 *x509;
	size_t i;
	int j;

	for (i = 1; i < s->untrusted->n; i++) {
		if (X509_NAME_cmp(cs_lazycerts_subject(s->untrusted, i),
			name) != 0)
			continue;
		if ((x509 = cs_lazycerts_get(s->untrusted, i, s->err)) == NULL)
			return -1;
		for (j = 0; j < sk_X509_num(anchors); j++)
			if (X509_cmp(sk_X509_value(anchors, j), x509) == 0)
				break;
		if (j < sk_X509_num(anchors))
			continue;
		if (s->lazynodes[i] == NULL &&
		    (s->lazynodes[i] = newnode(s, x509, 0, 0)) == NULL)
			return cs_fail_nomem(s->err);
		if (addissuer(s, node, s->lazynodes[i]) == -1)
			return -1;
	}
	return 0;
}

static int
addfromanchors(struct cs_search *s, struct cs_node *node,
    STACK_OF(X509) *anchors)
{
	struct cs_node *issuer;
	int i;

	for (i = 0; i < sk_X509_num(anchors); i++) {
		issuer = findnode(s, sk_X509_value(anchors, i), 0, 1);
		if (issuer == NULL)
			return cs_fail_nomem(s->err);
		if (addissuer(s, node, issuer) == -1)
			return -1;
	}
	return 0;
}

/* Collects all certificates with the issuer's name, the most likely first. */
static int
gatherissuers(struct cs_search *s, struct cs_node *node)
{
	STACK_OF(X509) *anchors;
	size_t n;
	int rv = -1;

	if (node->gathered)
		return 0;
	node->gathered = 1;
	if ((anchors = sk_X509_new_null()) == NULL)
		return cs_fail_nomem(s->err);
	if (cs_anchors_find(s->anchors, X509_get_issuer_name(node->x509),
		anchors, s->err) == -1)
		goto out;
	n = (size_t)sk_X509_num(anchors) + s->untrusted->n;
	node->issuers = calloc(n, sizeof(*node->issuers));
	if (node->issuers == NULL) {
		cs_fail_nomem(s->err);
		goto out;
	}
	if (addfromanchors(s, node, anchors) == -1 ||
	    addfromuntrusted(s, node, anchors) == -1)
		goto out;
	qsort(node->issuers, (size_t)node->nissuer, sizeof(*node->issuers),
	    compareissuers);
	rv = 0;
out:
	sk_X509_free(anchors);
	return rv;
}

/* Each name is compared with each constraint above it. */
static int
costofnames(const struct cs_search *s)
{
	size_t cost = 0, one;
	int i, j;

	for (i = 0; i < s->n; i++) {
		for (j = i + 1; j < s->n; j++) {
			one = s->path[i]->nname * s->path[j]->nconstraint;
			cost += (one < 1 << 20 ? one : 1 << 20) / 32;
		}
	}
	return cost > CS_COST_MAX ? CS_COST_MAX : (int)cost;
}

/* Judges the current path and keeps the answer if it is the best so far: GOOD,
 * STOP if another issuer cannot improve it, NONE, -1. */
static int
judgecurrent(struct cs_search *s, int anchored)
{
	struct cs_reasons reasons = { NULL, 0, 0, 0 };
	int better;

	/* at least one path is reported */
	if (s->nbest > 0 && (s->npath == PATHS_MAX || s->cost >= CS_COST_MAX)) {
		s->gaveup = 1;
		return NONE;
	}
	s->npath++;
	s->cost += costofnames(s);
	if (cs_judge_path(s, anchored, &reasons) == -1) {
		cs_rule_free(&reasons);
		return -1;
	}
	if (s->nbest == 0 || anchored != s->anchored)
		better = s->nbest == 0 || anchored;
	else if (anchored)
		better = reasons.nerror < s->reasons.nerror;
	else
		better = s->n > s->nbest;
	if (!better) {
		cs_rule_free(&reasons);
		return NONE;
	}
	cs_rule_free(&s->reasons);
	s->reasons = reasons;
	memcpy(s->best, s->path, sizeof(s->best));
	s->nbest = s->n;
	s->anchored = anchored;
	if (!anchored)
		return NONE;
	if (reasons.nerror == 0)
		return GOOD;
	/* all errors are those of the certificate itself */
	return s->path[0]->own.nerror == reasons.nerror ? STOP : NONE;
}

static int extendpath(struct cs_search *);

/*
 * Tries one issuer.  One that breaks a rule cannot make a good path: it is
 * tried only while there is nothing better to report.  With a choice of issuers
 * the signature is checked here, else by judge.c.
 */
static int
tryissuer(struct cs_search *s, const struct cs_candidate *c, int choice)
{
	X509 *x509 = s->path[s->n - 1]->x509;
	int rv;

	if (c->node->dead)
		return NONE;
	if ((c->rank & (BAD | OTHER_KEYID)) != 0 && s->anchored)
		return NONE;
	if (isloop(s, c->node->x509)) {
		s->cuts++;
		return NONE;
	}
	if ((choice || s->anchored) &&
	    cs_signature_check(s, x509, c->node->x509) != 1)
		return NONE;
	s->path[s->n++] = c->node;
	rv = extendpath(s);
	s->n--;
	return rv;
}

/* Tries all issuers of the last certificate of the path. */
static int
extendpath(struct cs_search *s)
{
	struct cs_node *last = s->path[s->n - 1];
	unsigned int cuts = s->cuts;
	int best = s->nbest, i, rv = NONE;

	if (last->anchor) {
		s->cuts++;
		return judgecurrent(s, 1);
	}
	if (s->n == CS_PATH_MAX) {
		s->cuts++;
		s->toolong = 1;
		return NONE;
	}
	if (++s->nstep > STEPS_MAX || s->cost >= CS_COST_MAX) {
		s->cuts++;
		s->gaveup = 1;
		return NONE;
	}
	if (gatherissuers(s, last) == -1)
		return -1;
	s->cost += last->nissuer;
	for (i = 0; i < last->nissuer && rv == NONE; i++)
		rv = tryissuer(s, &last->issuers[i], last->nissuer > 1);
	if (rv != NONE)
		return rv;
	if (s->cuts == cuts && !s->gaveup)
		last->dead = 1;
	/* no issuer led on: is this the longest path so far? */
	if (!s->anchored && s->nbest == best && s->n > best)
		rv = judgecurrent(s, 0);
	return rv;
}

/* Is the certificate a trust anchor itself?  1, 0, -1. */
static int
isanchoritself(struct cs_search *s, X509 *x509)
{
	STACK_OF(X509) *found;
	int i, rv = 0;

	if ((found = sk_X509_new_null()) == NULL)
		return cs_fail_nomem(s->err);
	if (cs_anchors_find(s->anchors, X509_get_subject_name(x509), found,
		s->err) == -1)
		rv = -1;
	for (i = 0; i < sk_X509_num(found) && rv == 0; i++)
		rv = X509_cmp(sk_X509_value(found, i), x509) == 0;
	sk_X509_free(found);
	return rv;
}

static int
startpath(struct cs_search *s, X509 *x509, int anchor)
{
	if ((s->path[0] = findnode(s, x509, 1, anchor)) == NULL)
		return cs_fail_nomem(s->err);
	s->n = 1;
	if (checknode(s, s->path[0]) == -1)
		return -1;
	return extendpath(s);
}

static int
searchpaths(struct cs_search *s, X509 *x509)
{
	int rv;

	if ((rv = isanchoritself(s, x509)) == 1)
		rv = startpath(s, x509, 1);
	return rv == NONE ? startpath(s, x509, 0) : rv;
}

/* Forgets all candidates, since there are more anchors now. */
static void
forgetissuers(struct cs_search *s)
{
	struct cs_node *node;
	size_t i;

	for (i = 0; i < s->nnode; i++) {
		node = s->nodes[i];
		free(node->issuers);
		node->issuers = NULL;
		node->nissuer = node->gathered = node->dead = 0;
	}
	s->nbest = 0;
}

/* The search budget is exhausted: the answer is that the certificate is bad
 * only if it breaks rules whatever its issuers are, else there is none. */
static int
failgaveup(struct cs_search *s)
{
	if (s->nomem)
		return cs_fail_nomem(s->err);
	if (s->nbest == 0 || s->best[0]->own.nerror == 0)
		return cs_fail(s->err, CERTSTORE_EREFUSED,
		    "%s: has more possible issuers than are tried: remove "
		    "certificates that are not in its chain",
		    s->label);
	if (cs_rule_add(&s->reasons, s->asked, CS_RULE_GAVE_UP, NULL, NULL) ==
	    -1)
		return cs_fail_nomem(s->err);
	return 0;
}

int
cs_path_search(struct cs_search *s, X509 *x509)
{
	int rv;

	s->lazynodes = calloc(s->untrusted->n, sizeof(*s->lazynodes));
	if (s->lazynodes == NULL)
		return cs_fail_nomem(s->err);
	rv = searchpaths(s, x509);
	if (rv == NONE && !s->anchored &&
	    (rv = cs_anchors_readall(s->anchors, s->err)) == 1) {
		forgetissuers(s);
		rv = searchpaths(s, x509);
	}
	/* an unreadable file may hold the missing anchor */
	if (rv == NONE && s->anchors->doubt.code != CERTSTORE_OK &&
	    s->path[0]->own.nerror == 0) {
		*s->err = s->anchors->doubt;
		return -1;
	}
	if (rv == NONE && s->gaveup)
		return failgaveup(s);
	if (rv == NONE && s->toolong &&
	    cs_rule_add(&s->reasons, s->asked, CS_RULE_TOO_LONG, NULL, NULL) ==
		-1)
		return cs_fail_nomem(s->err);
	return rv == STOP ? 0 : rv;
}

void
cs_path_free(struct cs_search *s)
{
	size_t i;

	for (i = 0; i < s->nnode; i++) {
		cs_rule_free(&s->nodes[i]->own);
		free(s->nodes[i]->issuers);
		free(s->nodes[i]);
	}
	free(s->nodes);
	free(s->lazynodes);
	free(s->checks);
	cs_rule_free(&s->reasons);
	memset(s, 0, sizeof(*s));
}
