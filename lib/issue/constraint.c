/*
 * constraint.c: the name constraints (RFC 5280 section 4.2.1.10) of a CA that
 * is to be made: as they are typed, spelled, compared and merged; and those of
 * the CAs above, held against what they are to issue.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

/*
 * From addr/bits, or an address alone, to the octets of address and mask (RFC
 * 5280 section 4.2.1.10), len of both together; bits behind the prefix must be
 * 0.
 */
static int
parsenetwork(const char *text, unsigned char raw[32], size_t *len,
    struct certstore_error *err)
{
	static const char flaw[] = "not an IP network: use 10.0.0.0/8";
	char addr[INET6_ADDRSTRLEN + 8], norm[INET6_ADDRSTRLEN];
	const char *slash;
	char *end;
	size_t i, n;
	long bits, left;
	int mask;

	slash = strchr(text, '/');
	n = slash == NULL ? strlen(text) : (size_t)(slash - text);
	if (n >= sizeof(addr))
		return cs_name_refuse(text, flaw, err);
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (cs_name_ip(addr, norm, raw, &n) != 1)
		return cs_name_refuse(text, flaw, err);
	bits = (long)n * 8;
	if (slash != NULL) {
		left = bits;
		bits = strtol(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' ||
		    end - slash > 4 || bits > left)
			return cs_name_refuse(text,
			    "the prefix is a number of bits, "
			    "at most 32 for IPv4, 128 for IPv6",
			    err);
	}
	for (i = 0; i < n; i++) {
		left = bits - (long)i * 8;
		mask = left >= 8 ? 0xff : left <= 0 ? 0 : 0xff00 >> left & 0xff;
		if ((raw[i] & ~mask) != 0)
			return cs_name_refuse(text,
			    "bits are set after the prefix: use the first "
			    "address of the network",
			    err);
		raw[n + i] = (unsigned char)mask;
	}
	*len = 2 * n;
	return 0;
}

/* A host, or where a leading dot has a meaning, all hosts below one. */
static int
parsedomain(const char *text, int dot, char *out, struct certstore_error *err)
{
	if (text[0] == '.' && !dot)
		return cs_name_refuse(text,
		    "a leading dot: remove it, the names below are covered "
		    "(RFC 5280, section 4.2.1.10)",
		    err);
	if (text[0] == '.')
		*out++ = *text++;
	return cs_name_host(text, 0, 1, out, err);
}

static int
parsemailbox(const char *text, char **out, struct certstore_error *err)
{
	enum cs_san_type type;
	struct cs_buf b = { NULL, 0, 0 };
	int rv;

	if (cs_buf_printf(&b, "email:%s", text) == -1)
		return cs_fail_nomem(err);
	rv = cs_name_san(b.p, &type, out, err);
	cs_buf_free(&b);
	return rv;
}

/*
 * The type by the prefix, else by the shape; text is moved behind the prefix.
 */
static enum cs_san_type
constrainedtype(const char **text)
{
	enum cs_san_type type;
	char ip[INET6_ADDRSTRLEN];
	size_t n;

	if ((n = cs_name_prefix(*text, &type)) > 0) {
		*text += n;
		return type;
	}
	if (strchr(*text, '/') != NULL ||
	    cs_name_ip(*text, ip, NULL, NULL) == 1)
		return CS_SAN_IP;
	return strchr(*text, '@') != NULL ? CS_SAN_EMAIL : CS_SAN_DNS;
}

/* Takes over the name, which may be NULL. */
static int
addsubtree(STACK_OF(GENERAL_SUBTREE) **trees, GENERAL_NAME *name,
    struct certstore_error *err)
{
	GENERAL_SUBTREE *tree = NULL;

	if (name == NULL ||
	    (*trees == NULL &&
		(*trees = sk_GENERAL_SUBTREE_new_null()) == NULL) ||
	    (tree = GENERAL_SUBTREE_new()) == NULL ||
	    sk_GENERAL_SUBTREE_push(*trees, tree) <= 0) {
		GENERAL_SUBTREE_free(tree);
		GENERAL_NAME_free(name);
		ERR_clear_error();
		return cs_fail_nomem(err);
	}
	GENERAL_NAME_free(tree->base);
	tree->base = name;
	return 0;
}

/* Adds one as it is typed, "dns:example.com" or "10.0.0.0/8". */
int
cs_constraint_add(STACK_OF(GENERAL_SUBTREE) **trees, const char *text,
    struct certstore_error *err)
{
	char domain[CS_HOST_MAX + 8], *mailbox = NULL;
	const char *typed = text, *value = domain;
	unsigned char raw[32];
	enum cs_san_type type;
	size_t len = 0;
	int rv;

	type = constrainedtype(&text);
	if (*text == '\0')
		return cs_name_refuse(typed, "is empty: use dns:example.com",
		    err);
	if (type == CS_SAN_IP) {
		rv = parsenetwork(text, raw, &len, err);
	} else if (type == CS_SAN_EMAIL && strchr(text, '@') != NULL) {
		if ((rv = parsemailbox(text, &mailbox, err)) == 0)
			value = mailbox;
	} else {
		rv = parsedomain(text, type != CS_SAN_DNS, domain, err);
	}
	if (rv == 0 && type == CS_SAN_IP)
		rv = addsubtree(trees, cs_asn1_name(type, raw, len), err);
	else if (rv == 0)
		rv = addsubtree(trees, cs_asn1_name(type, value, strlen(value)),
		    err);
	free(mailbox);
	return rv;
}

static int
hasbase(const STACK_OF(GENERAL_SUBTREE) *trees, GENERAL_NAME *base)
{
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(trees); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_SUBTREE_value(trees, i)->base,
			base) == 0)
			return 1;
	return 0;
}

/* The first that is wanted and is not there, borrowed, or NULL. */
const GENERAL_SUBTREE *
cs_constraint_lacks(const STACK_OF(GENERAL_SUBTREE) *has,
    const STACK_OF(GENERAL_SUBTREE) *wanted)
{
	const GENERAL_SUBTREE *tree;
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(wanted); i++) {
		tree = sk_GENERAL_SUBTREE_value(wanted, i);
		if (!hasbase(has, tree->base))
			return tree;
	}
	return NULL;
}

/* Adds those of the second that the first lacks. */
int
cs_constraint_merge(STACK_OF(GENERAL_SUBTREE) **to,
    const STACK_OF(GENERAL_SUBTREE) *from, struct certstore_error *err)
{
	GENERAL_NAME *base;
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(from); i++) {
		base = sk_GENERAL_SUBTREE_value(from, i)->base;
		if (!hasbase(*to, base) &&
		    addsubtree(to, GENERAL_NAME_dup(base), err) == -1)
			return -1;
	}
	return 0;
}

/* As cs_constraint_add() takes it: "ip:10.0.0.0/8". */
const char *
cs_constraint_spell(const GENERAL_SUBTREE *tree, char out[CS_CONSTRAINT_LEN])
{
	enum cs_san_type type = cs_asn1_santype(tree->base->type);
	char value[CS_CONSTRAINT_LEN - 16];
	const unsigned char *p;
	const ASN1_STRING *s;
	int bits = 0, i, len;

	s = GENERAL_NAME_get0_value(tree->base, NULL);
	if (type == CS_SAN_OTHER) {
		snprintf(out, CS_CONSTRAINT_LEN, "names of another kind");
		return out;
	}
	p = ASN1_STRING_get0_data(s);
	len = ASN1_STRING_length(s);
	if (type == CS_SAN_IP && (len == 8 || len == 32)) {
		for (i = 0; i < 4 * len; i++)
			bits += (p[len / 2 + i / 8] & 0x80 >> i % 8) != 0;
		inet_ntop(len == 8 ? AF_INET : AF_INET6, p, value,
		    sizeof(value));
		snprintf(out, CS_CONSTRAINT_LEN, "ip:%s/%d", value, bits);
		return out;
	}
	certstore_escape(value, sizeof(value), (const char *)p, (size_t)len);
	snprintf(out, CS_CONSTRAINT_LEN, "%s:%s", cs_san_names[type], value);
	return out;
}

/* The path length of basic constraints, or -1. */
int
cs_constraint_pathlen(const STACK_OF(X509_EXTENSION) *exts)
{
	BASIC_CONSTRAINTS *bc;
	int n = -1;

	bc = X509V3_get_d2i(exts, NID_basic_constraints, NULL, NULL);
	if (bc != NULL && bc->pathlen != NULL)
		n = (int)ASN1_INTEGER_get(bc->pathlen);
	BASIC_CONSTRAINTS_free(bc);
	ERR_clear_error();
	return n;
}

static int
ismalformed(void *arg, enum cs_subtree what, const ASN1_STRING *s)
{
	(void)arg;
	(void)what;
	(void)s;
	return 1;
}

/* Refuses a certificate with a name that the name constraints of ca, which is
 * above it, do not permit.  Messages call them name and caname. */
int
cs_constraint_check(const char *name, X509 *x509, const char *caname, X509 *ca,
    struct certstore_error *err)
{
	NAME_CONSTRAINTS *nc;
	char culprit[256];
	int crit, malformed, outside = 0;

	nc = X509_get_ext_d2i(ca, NID_name_constraints, &crit, NULL);
	if (nc == NULL && crit == -1)
		return 0;
	malformed = nc == NULL || crit != 1 ||
	    cs_subtree_form(nc, ismalformed, NULL) != 0;
	if (!malformed)
		outside = cs_subtree_outside(x509, nc, culprit,
		    sizeof(culprit));
	NAME_CONSTRAINTS_free(nc);
	if (malformed)
		return cs_fail_crypto(err, CERTSTORE_EREFUSED,
		    "%s: the name constraints of %s are malformed or not "
		    "critical (RFC 5280 section 4.2.1.10): use another CA",
		    name, caname);
	ERR_clear_error();
	return !outside ?
	    0 :
	    cs_fail(err, CERTSTORE_EREFUSED,
		"%s: %s is outside the name constraints of %s: remove it or "
		"use another CA",
		name, culprit, caname);
}
