/*
 * limits.c: name constraints (RFC 5280 section 4.2.1.10): their form, and what
 * X509_verify_cert() does not see when it applies them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "verify.h"

#define COMPARED_MAX (1 << 20) /* X509_verify_cert()'s limit, too */

static int
ishostname(const char *s)
{
	struct certstore_error err;
	char host[CS_HOST_MAX + 1];
	const char *p;

	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p >= 0x80)
			return 0;
	return p > s && p[-1] != '.' && cs_name_host(s, 0, 1, host, &err) == 0;
}

/* Empty stands for all names; a leading dot is for URIs and mail only. */
static int
isdns(const char *s)
{
	return *s == '\0' || ishostname(s);
}

static int
isdomain(const char *s)
{
	return *s == '\0' || ishostname(*s == '.' ? s + 1 : s);
}

/* A mailbox, all mailboxes of a host, or of all hosts in a domain. */
static int
isemail(const char *s)
{
	const char *at = strchr(s, '@');

	if (at == NULL)
		return isdomain(s);
	return at > s && ishostname(at + 1);
}

/* The network and a mask of leading ones (RFC 4632). */
static int
isnetwork(const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int i, len = ASN1_STRING_length(s), zero = 0;
	unsigned char m;

	if (len != 8 && len != 32)
		return 0;
	for (i = len / 2; i < len; i++) {
		for (m = 0x80; m != 0; m >>= 1) {
			if ((p[i] & m) == 0)
				zero = 1;
			else if (zero)
				return 0;
		}
	}
	return 1;
}

/* The text of a name without NUL, else NULL; for free(). */
static char *
text(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);

	return memchr(p, '\0', len) != NULL ? NULL : strndup(p, len);
}

static int
base(const struct cs_asked *asked, struct cs_node *node, const GENERAL_NAME *gn)
{
	char q[CS_QUOTE_LEN], *s;
	const ASN1_STRING *str;
	enum cs_rule rule;
	int bad = 0, good, type;

	str = GENERAL_NAME_get0_value(gn, &type);
	if (type == GEN_IPADD) {
		if (isnetwork(str))
			return 0;
		return cs_rule_add(&node->own, asked, CS_RULE_NC_IP, node->x509,
		    NULL);
	}
	if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI)
		return 0;
	rule = type == GEN_DNS ? CS_RULE_NC_DNS :
	    type == GEN_EMAIL  ? CS_RULE_NC_EMAIL :
				 CS_RULE_NC_URI;
	s = text(str);
	good = s != NULL &&
	    (type == GEN_DNS	      ? isdns(s) :
		    type == GEN_EMAIL ? isemail(s) :
					isdomain(s));
	if (!good)
		bad = cs_rule_add(&node->own, asked, rule, node->x509, "%s",
		    cs_names_quote(str, q));
	free(s);
	return bad;
}

static int
subtrees(const struct cs_asked *asked, struct cs_node *node,
    STACK_OF(GENERAL_SUBTREE) *trees)
{
	GENERAL_SUBTREE *tree;
	int bad = 0, i;

	if (trees != NULL && sk_GENERAL_SUBTREE_num(trees) == 0)
		bad |= cs_rule_add(&node->own, asked, CS_RULE_NC_EMPTY,
		    node->x509, NULL);
	node->nlimit += trees == NULL ? 0 :
					(size_t)sk_GENERAL_SUBTREE_num(trees);
	for (i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		tree = sk_GENERAL_SUBTREE_value(trees, i);
		if (tree->maximum != NULL ||
		    (tree->minimum != NULL &&
			ASN1_INTEGER_get(tree->minimum) != 0))
			bad |= cs_rule_add(&node->own, asked, CS_RULE_NC_RANGE,
			    node->x509, NULL);
		bad |= base(asked, node, tree->base);
	}
	return bad;
}

int
cs_limits_check(const struct cs_asked *asked, struct cs_node *node)
{
	NAME_CONSTRAINTS *nc;
	int bad = 0, critical;

	nc = X509_get_ext_d2i(node->x509, NID_name_constraints, &critical,
	    NULL);
	ERR_clear_error();
	if (nc == NULL)
		return 0;
	if ((X509_get_extension_flags(node->x509) & EXFLAG_CA) == 0)
		bad |= cs_rule_add(&node->own, asked, CS_RULE_NC_LEAF,
		    node->x509, NULL);
	if (nc->permittedSubtrees == NULL && nc->excludedSubtrees == NULL)
		bad |= cs_rule_add(&node->own, asked, CS_RULE_NC_EMPTY,
		    node->x509, NULL);
	if (critical != 1)
		bad |= cs_rule_add(&node->own, asked, CS_RULE_NC_NOT_CRITICAL,
		    node->x509, NULL);
	bad |= subtrees(asked, node, nc->permittedSubtrees);
	bad |= subtrees(asked, node, nc->excludedSubtrees);
	NAME_CONSTRAINTS_free(nc);
	return bad;
}

/*
 * *.example.com stands for foo.example.com, too; libcrypto compares it as if
 * the asterisk were a name.
 */
static int
hits(const ASN1_STRING *wildcard, const ASN1_STRING *excluded)
{
	const char *w = (const char *)ASN1_STRING_get0_data(wildcard);
	const char *e = (const char *)ASN1_STRING_get0_data(excluded);
	size_t elen = (size_t)ASN1_STRING_length(excluded);
	size_t wlen = (size_t)ASN1_STRING_length(wildcard), label;

	if (wlen < 3 || w[0] != '*' || w[1] != '.' || elen < wlen)
		return 0;
	label = elen - (wlen - 1);
	return memchr(e, '.', label) == NULL &&
	    strncasecmp(e + label, w + 1, wlen - 1) == 0;
}

static int
forbids(const NAME_CONSTRAINTS *nc, const ASN1_STRING *wildcard)
{
	const GENERAL_NAME *gn;
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(nc->excludedSubtrees); i++) {
		gn = sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, i)->base;
		if (gn->type == GEN_DNS && hits(wildcard, gn->d.dNSName))
			return 1;
	}
	return 0;
}

/* Text that means to libcrypto what it means to everybody else. */
static int
isplain(const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int i, len = ASN1_STRING_length(s);

	for (i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return 0;
	return len == 0 || p[len - 1] != '.';
}

/*
 * To libcrypto the host ends before the first colon, wherever that is, or else
 * before a slash.  What has a user, or no host name, is refused where URIs are
 * constrained.
 */
static int
isplainuri(const ASN1_STRING *s)
{
	char *uri = text(s), *host;
	int plain = 0;
	size_t n;

	if (uri != NULL && (host = strchr(uri, ':')) != NULL &&
	    strncmp(host, "://", 3) == 0) {
		host += 3;
		n = strcspn(host, ":");
		if (host[n] == '\0')
			n = strcspn(host, "/");
		else
			n += 1 + strspn(host + n + 1, "0123456789");
		plain = host[n] == '\0' || strchr("/?#", host[n]) != NULL;
		host[strcspn(host, ":/")] = '\0';
		plain = plain && ishostname(host);
	}
	free(uri);
	return plain;
}

/* Of which types there are constraints, and excluded ones that say nothing to
 * libcrypto: a bit each. */
struct limited {
	const NAME_CONSTRAINTS *nc;
	unsigned int types, odd;
};

static int
isbase(const ASN1_STRING *s)
{
	return isplain(s) &&
	    memchr(ASN1_STRING_get0_data(s), '*',
		(size_t)ASN1_STRING_length(s)) == NULL;
}

static unsigned int
bit(int type)
{
	return type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI ?
	    1U << type :
	    0;
}

static void
survey(struct limited *l, const STACK_OF(GENERAL_SUBTREE) *trees, int excluded)
{
	const GENERAL_NAME *gn;
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		gn = sk_GENERAL_SUBTREE_value(trees, i)->base;
		l->types |= bit(gn->type);
		if (excluded && bit(gn->type) != 0 && !isbase(gn->d.ia5))
			l->odd |= bit(gn->type);
	}
}

/* A name that is held against constraints in vain: it is not what it seems,
 * or what is excluded is not. */
static int
evades(const struct limited *l, int type, const ASN1_STRING *s)
{
	if ((l->types & bit(type)) == 0)
		return 0;
	return (l->odd & bit(type)) != 0 ||
	    !(type == GEN_URI ? isplainuri(s) : isplain(s));
}

static int
alternative(const struct cs_asked *asked, X509 *x509, const struct limited *l,
    const GENERAL_NAME *gn, struct cs_reasons *out)
{
	char q[CS_QUOTE_LEN];
	enum cs_rule rule;

	if (evades(l, gn->type, gn->d.ia5))
		rule = CS_RULE_NC_UNSUPPORTED;
	else if (gn->type == GEN_DNS && forbids(l->nc, gn->d.dNSName))
		rule = CS_RULE_CONSTRAINED_WILDCARD;
	else
		return 0;
	return cs_rule_add(out, asked, rule, x509, "%s",
	    cs_names_quote(gn->d.ia5, q));
}

/* All names of one certificate against the constraints of one above it. */
static int
names(const struct cs_asked *asked, X509 *x509, const struct limited *l,
    struct cs_reasons *out)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	char q[CS_QUOTE_LEN];
	GENERAL_NAMES *alts;
	const ASN1_STRING *s;
	int at = -1, bad = 0, i;

	alts = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(alts); i++)
		bad |= alternative(asked, x509, l,
		    sk_GENERAL_NAME_value(alts, i), out);
	GENERAL_NAMES_free(alts);
	while ((at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress,
		    at)) >= 0) {
		s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
		if (evades(l, GEN_EMAIL, s))
			bad |= cs_rule_add(out, asked, CS_RULE_NC_UNSUPPORTED,
			    x509, "%s", cs_names_quote(s, q));
	}
	return bad;
}

int
cs_limits_path(const struct cs_asked *asked, struct cs_node *const *path, int n,
    struct cs_reasons *out)
{
	struct limited l;
	NAME_CONSTRAINTS *nc;
	int bad = 0, i, j;

	for (i = 1; i < n; i++) {
		nc = X509_get_ext_d2i(path[i]->x509, NID_name_constraints, NULL,
		    NULL);
		l = (struct limited){ .nc = nc };
		if (nc != NULL) {
			survey(&l, nc->permittedSubtrees, 0);
			survey(&l, nc->excludedSubtrees, 1);
		}
		for (j = 0; nc != NULL && j < i; j++) {
			/* RFC 5280 section 6.1.3 (b) */
			if (j > 0 &&
			    (X509_get_extension_flags(path[j]->x509) &
				EXFLAG_SI) != 0)
				continue;
			if (path[j]->nname * path[i]->nlimit > COMPARED_MAX) {
				bad |= cs_rule_add(out, asked, CS_RULE_NC_MANY,
				    path[j]->x509, NULL);
				continue;
			}
			bad |= names(asked, path[j]->x509, &l, out);
		}
		NAME_CONSTRAINTS_free(nc);
	}
	ERR_clear_error();
	return bad;
}
