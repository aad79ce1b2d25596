/*
 * subtree.c: name constraints (RFC 5280 section 4.2.1.10), for signing and for
 * verifying: their form, which names they forbid where libcrypto's
 * NAME_CONSTRAINTS_check() does not see it, and which one it refuses.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "x509/private.h"

/* Empty stands for all names; a leading dot is for URIs and mail only. */
static int
isdnsbase(const char *s)
{
	return *s == '\0' || cs_name_isdns(s, 0);
}

static int
isdomainbase(const char *s)
{
	return *s == '\0' || cs_name_isdns(*s == '.' ? s + 1 : s, 0);
}

/* A mailbox, all mailboxes of a host, or of all hosts in a domain. */
static int
isemailbase(const char *s)
{
	const char *at = strchr(s, '@');

	if (at == NULL)
		return isdomainbase(s);
	return at > s && cs_name_isdns(at + 1, 0);
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

static int
isgoodbase(int type, const ASN1_STRING *str)
{
	char *s = cs_asn1_text(str);
	int good;

	good = s != NULL &&
	    (type == GEN_DNS	      ? isdnsbase(s) :
		    type == GEN_EMAIL ? isemailbase(s) :
					isdomainbase(s));
	free(s);
	return good;
}

static int
checkbase(const GENERAL_NAME *gn, cs_subtree_fn *fn, void *arg)
{
	const ASN1_STRING *str;
	int type;

	str = GENERAL_NAME_get0_value(gn, &type);
	switch (type) {
	case GEN_IPADD:
		return isnetwork(str) ? 0 : fn(arg, CS_SUBTREE_IP, NULL);
	case GEN_DNS:
		return isgoodbase(type, str) ? 0 : fn(arg, CS_SUBTREE_DNS, str);
	case GEN_EMAIL:
		return isgoodbase(type, str) ? 0 :
					       fn(arg, CS_SUBTREE_EMAIL, str);
	case GEN_URI:
		return isgoodbase(type, str) ? 0 : fn(arg, CS_SUBTREE_URI, str);
	default:
		return 0;
	}
}

static int
checktrees(const STACK_OF(GENERAL_SUBTREE) *trees, cs_subtree_fn *fn, void *arg)
{
	const GENERAL_SUBTREE *tree;
	int i, rv = 0;

	if (trees != NULL && sk_GENERAL_SUBTREE_num(trees) == 0)
		rv |= fn(arg, CS_SUBTREE_EMPTY, NULL);
	for (i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		tree = sk_GENERAL_SUBTREE_value(trees, i);
		if (tree->maximum != NULL ||
		    (tree->minimum != NULL &&
			ASN1_INTEGER_get(tree->minimum) != 0))
			rv |= fn(arg, CS_SUBTREE_RANGE, NULL);
		rv |= checkbase(tree->base, fn, arg);
	}
	return rv;
}

int
cs_subtree_form(const NAME_CONSTRAINTS *nc, cs_subtree_fn *fn, void *arg)
{
	int rv = 0;

	if (nc->permittedSubtrees == NULL && nc->excludedSubtrees == NULL)
		rv |= fn(arg, CS_SUBTREE_EMPTY, NULL);
	rv |= checktrees(nc->permittedSubtrees, fn, arg);
	rv |= checktrees(nc->excludedSubtrees, fn, arg);
	ERR_clear_error();
	return rv;
}

/* Does the wildcard stand for an excluded name? libcrypto compares the asterisk
 * as if it were a label. */
static int
wildcardhits(const ASN1_STRING *wildcard, const ASN1_STRING *excluded)
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
forbidswildcard(const NAME_CONSTRAINTS *nc, const ASN1_STRING *wildcard)
{
	const GENERAL_NAME *gn;
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(nc->excludedSubtrees); i++) {
		gn = sk_GENERAL_SUBTREE_value(nc->excludedSubtrees, i)->base;
		if (gn->type == GEN_DNS &&
		    wildcardhits(wildcard, gn->d.dNSName))
			return 1;
	}
	return 0;
}

/* Text that libcrypto compares as a client would. */
static int
isplainname(const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int i, len = ASN1_STRING_length(s);

	for (i = 0; i < len; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return 0;
	return len == 0 || p[len - 1] != '.';
}

/*
 * Where URIs are constrained those with a user or without host name are
 * refused: to libcrypto the host ends before the first colon, else before a
 * slash.
 */
static int
isplainuri(const ASN1_STRING *s)
{
	char *uri = cs_asn1_text(s), *host;
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
		plain = plain && cs_name_isdns(host, 0);
	}
	free(uri);
	return plain;
}

/* Types of names, a bit each: constrained, all excluded, and with an excluded
 * base that libcrypto never matches. */
struct survey {
	unsigned int types, all, odd;
};

static unsigned int
typebit(int type)
{
	return type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI ?
	    1U << type :
	    0;
}

/* Is it a base that libcrypto can match with the host of a name? */
static int
iscompared(int type, const ASN1_STRING *str)
{
	const char *host;
	char *s = cs_asn1_text(str);
	int yes = 0;

	if (s != NULL && isplainname(str) && strchr(s, '*') == NULL) {
		host = type == GEN_EMAIL ? strrchr(s, '@') : NULL;
		host = host == NULL ? s : host + 1;
		yes = type == GEN_DNS ||
		    (*host != '\0' && strcmp(host, ".") != 0 &&
			strpbrk(host, ":/?#@[]") == NULL);
	}
	free(s);
	return yes;
}

static void
surveytrees(struct survey *v, const STACK_OF(GENERAL_SUBTREE) *trees,
    int excluded)
{
	const GENERAL_NAME *gn;
	unsigned int b;
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++) {
		gn = sk_GENERAL_SUBTREE_value(trees, i)->base;
		b = typebit(gn->type);
		v->types |= b;
		if (!excluded || b == 0)
			continue;
		if (ASN1_STRING_length(gn->d.ia5) == 0)
			v->all |= b;
		else if (!iscompared(gn->type, gn->d.ia5))
			v->odd |= b;
	}
}

/* Is the name, or an excluded base, one that libcrypto compares in vain? */
static int
evadestrees(const struct survey *v, int type, const ASN1_STRING *s)
{
	if ((v->types & typebit(type)) == 0)
		return 0;
	return (v->odd & typebit(type)) != 0 ||
	    !(type == GEN_URI ? isplainuri(s) : isplainname(s));
}

static int
judgename(const NAME_CONSTRAINTS *nc, const struct survey *v, int type,
    const ASN1_STRING *s, cs_subtree_fn *fn, void *arg)
{
	/* libcrypto matches an empty base with no address or URI */
	if ((v->all & typebit(type)) != 0)
		return fn(arg, CS_SUBTREE_EXCLUDED, s);
	if (evadestrees(v, type, s))
		return fn(arg, CS_SUBTREE_UNSUPPORTED, s);
	if (type == GEN_DNS && forbidswildcard(nc, s))
		return fn(arg, CS_SUBTREE_WILDCARD, s);
	return 0;
}

/* SmtpUTF8Mailbox (RFC 9598) is constrained as mail, too. */
static int
judgealtname(const NAME_CONSTRAINTS *nc, const struct survey *v,
    const GENERAL_NAME *gn, cs_subtree_fn *fn, void *arg)
{
	const ASN1_TYPE *value;

	if (typebit(gn->type) != 0)
		return judgename(nc, v, gn->type, gn->d.ia5, fn, arg);
	if (gn->type != GEN_OTHERNAME ||
	    OBJ_obj2nid(gn->d.otherName->type_id) != NID_id_on_SmtpUTF8Mailbox)
		return 0;
	value = gn->d.otherName->value;
	if (value->type != V_ASN1_UTF8STRING)
		return 0;
	if ((v->all & typebit(GEN_EMAIL)) != 0)
		return fn(arg, CS_SUBTREE_EXCLUDED, value->value.utf8string);
	if ((v->odd & typebit(GEN_EMAIL)) != 0)
		return fn(arg, CS_SUBTREE_UNSUPPORTED, value->value.utf8string);
	return 0;
}

int
cs_subtree_names(X509 *x509, const NAME_CONSTRAINTS *nc, cs_subtree_fn *fn,
    void *arg)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	struct survey v = { 0, 0, 0 };
	GENERAL_NAMES *alts;
	int at = -1, i, rv = 0;

	surveytrees(&v, nc->permittedSubtrees, 0);
	surveytrees(&v, nc->excludedSubtrees, 1);
	alts = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(alts); i++)
		rv |= judgealtname(nc, &v, sk_GENERAL_NAME_value(alts, i), fn,
		    arg);
	GENERAL_NAMES_free(alts);
	while ((at = X509_NAME_get_index_by_NID(subject, NID_pkcs9_emailAddress,
		    at)) >= 0)
		rv |= judgename(nc, &v, GEN_EMAIL,
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)),
		    fn, arg);
	ERR_clear_error();
	return rv;
}

static void
spellname(const GENERAL_NAME *gn, char *out, size_t size)
{
	const ASN1_STRING *s = GENERAL_NAME_get0_value(gn, NULL);
	enum cs_san_type type = cs_asn1_santype(gn->type);
	char ip[INET6_ADDRSTRLEN];

	if (type == CS_SAN_IP && cs_asn1_ip(s, ip))
		certstore_escape(out, size, ip, strlen(ip));
	else if (type == CS_SAN_IP || type == CS_SAN_OTHER)
		certstore_escape(out, size, "a name", 6);
	else
		certstore_escape(out, size,
		    (const char *)ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
}

/* Does libcrypto permit this name?  It is asked about a certificate that holds
 * this name alone; for that no other field is needed. */
static int
passesalone(GENERAL_NAME *gn, NAME_CONSTRAINTS *nc)
{
	GENERAL_NAMES *names = NULL;
	X509 *x509;
	int rv = X509_V_OK;

	if ((x509 = X509_new()) != NULL &&
	    (names = sk_GENERAL_NAME_new_null()) != NULL &&
	    sk_GENERAL_NAME_push(names, gn) > 0 &&
	    X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0) == 1) {
		(void)X509_check_purpose(x509, -1, 0);
		rv = NAME_CONSTRAINTS_check(x509, nc);
	}
	sk_GENERAL_NAME_free(names);
	X509_free(x509);
	return rv == X509_V_OK;
}

/* Writes the first name that libcrypto does not permit. */
static void
findculprit(const GENERAL_NAMES *names, NAME_CONSTRAINTS *nc, char *out,
    size_t size)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		if (passesalone(sk_GENERAL_NAME_value(names, i), nc))
			continue;
		spellname(sk_GENERAL_NAME_value(names, i), out, size);
		return;
	}
	certstore_escape(out, size, "the subject", 11);
}

struct culprit {
	char *text;
	size_t size;
};

static int
takeculprit(void *arg, enum cs_subtree what, const ASN1_STRING *s)
{
	struct culprit *culprit = arg;

	(void)what;
	certstore_escape(culprit->text, culprit->size,
	    (const char *)ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s));
	return 1;
}

static int
hasdns(const GENERAL_NAMES *names)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (sk_GENERAL_NAME_value(names, i)->type == GEN_DNS)
			return 1;
	return 0;
}

/*
 * Is a name of the certificate outside of the constraints: 1 and that name,
 * escaped, or 0. libcrypto takes the common name of an end-entity without DNS
 * name for a host.
 */
int
cs_subtree_outside(X509 *x509, NAME_CONSTRAINTS *nc, char *name, size_t size)
{
	struct culprit culprit = { name, size };
	GENERAL_NAMES *names;
	int rv;

	X509_check_purpose(x509, -1, 0); /* decodes the extensions */
	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	rv = NAME_CONSTRAINTS_check(x509, nc);
	if (rv == X509_V_OK && !cs_cert_is_ca(x509) && !hasdns(names))
		rv = NAME_CONSTRAINTS_check_CN(x509, nc);
	if (rv != X509_V_OK)
		findculprit(names, nc, name, size);
	GENERAL_NAMES_free(names);
	rv = rv != X509_V_OK ||
	    cs_subtree_names(x509, nc, takeculprit, &culprit) != 0;
	ERR_clear_error();
	return rv;
}
