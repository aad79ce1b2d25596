/*
 * constraint.c: name constraints (RFC 5280, section 4.2.1.10): as typed, as
 * an extension of a CA, and held against the names of a new certificate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

static int
give(char **out, const char *type, const char *value,
    struct certstore_error *err)
{
	struct cs_buf b = { NULL, 0, 0 };

	if (cs_buf_printf(&b, "%s:%s", type, value) == -1)
		return cs_fail_nomem(err);
	*out = b.p;
	return 0;
}

static int
refuse(const char *text, const char *flaw, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	return cs_fail(err, CERTSTORE_EARGUMENT, "%s: %s",
	    cs_escape_quote(q, text), flaw);
}

/*
 * addr/bits, or an address alone; nothing may be set behind the prefix.  out
 * takes the normal form, raw address and mask, rawlen the bytes of one.
 */
static int
network(const char *text, char *out, size_t size, unsigned char raw[32],
    size_t *rawlen, struct certstore_error *err)
{
	char addr[INET6_ADDRSTRLEN + 8], norm[CS_HOST_MAX + 1];
	const char *slash;
	char *end;
	size_t i, len;
	long bits, left;
	int mask;

	slash = strchr(text, '/');
	len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	if (len >= sizeof(addr))
		return refuse(text, "not an IP network: use 10.0.0.0/8", err);
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (cs_name_ip(addr, norm, raw, rawlen) != 1)
		return refuse(text, "not an IP network: use 10.0.0.0/8", err);
	bits = (long)*rawlen * 8;
	if (slash != NULL) {
		left = bits;
		bits = strtol(slash + 1, &end, 10);
		if (slash[1] < '0' || slash[1] > '9' || *end != '\0' ||
		    end - slash > 4 || bits > left)
			return refuse(text,
			    "the prefix is a number of bits, "
			    "at most 32 for IPv4, 128 for IPv6",
			    err);
	}
	snprintf(out, size, "%s/%ld", norm, bits);
	for (i = 0; i < *rawlen; i++) {
		left = bits - (long)i * 8;
		mask = left >= 8 ? 0xff : left <= 0 ? 0 : 0xff00 >> left & 0xff;
		if ((raw[i] & ~mask) != 0)
			return refuse(text,
			    "bits are set behind the prefix: "
			    "use the first address of the network",
			    err);
		raw[*rawlen + i] = (unsigned char)mask;
	}
	return 0;
}

/* A host, or where a leading dot has a meaning, all hosts below one. */
static int
domain(const char *text, int dot, char *out, struct certstore_error *err)
{
	if (text[0] == '.' && !dot)
		return refuse(text,
		    "a leading dot: leave it out, the names "
		    "below are covered (RFC 5280, section 4.2.1.10)",
		    err);
	if (text[0] == '.') {
		out[0] = '.';
		return cs_name_host(text + 1, 0, 1, out + 1, err);
	}
	return cs_name_host(text, 0, 1, out, err);
}

static int
mailbox(const char *text, char **out, struct certstore_error *err)
{
	enum cs_san_type type;
	struct cs_buf b = { NULL, 0, 0 };
	char *value = NULL;
	int rv;

	if (cs_buf_printf(&b, "email:%s", text) == -1)
		return cs_fail_nomem(err);
	rv = cs_name_san(b.p, &type, &value, err);
	cs_buf_free(&b);
	if (rv == 0)
		rv = give(out, "email", value, err);
	free(value);
	return rv;
}

/* What the prefix forces, else the shape says; text goes behind the prefix. */
static enum cs_san_type
classify(const char **text)
{
	char ip[INET6_ADDRSTRLEN];
	size_t len;
	int t;

	for (t = CS_SAN_DNS; t < CS_SAN_OTHER; t++) {
		len = strlen(cs_san_names[t]);
		if (strncasecmp(*text, cs_san_names[t], len) == 0 &&
		    (*text)[len] == ':') {
			*text += len + 1;
			return (enum cs_san_type)t;
		}
	}
	if (strchr(*text, '/') != NULL ||
	    cs_name_ip(*text, ip, NULL, NULL) == 1)
		return CS_SAN_IP;
	return strchr(*text, '@') != NULL ? CS_SAN_EMAIL : CS_SAN_DNS;
}

/* Gives the normal form, "ip:10.0.0.0/8", malloc'ed. */
int
cs_constraint_parse(const char *text, char **out, struct certstore_error *err)
{
	const char *typed = text;
	char value[CS_HOST_MAX + 8];
	unsigned char raw[32];
	enum cs_san_type type;
	size_t rawlen;
	int rv;

	*out = NULL;
	type = classify(&text);
	if (*text == '\0')
		return refuse(typed, "names nothing: use dns:example.com", err);
	if (type == CS_SAN_IP)
		rv = network(text, value, sizeof(value), raw, &rawlen, err);
	else if (type == CS_SAN_EMAIL && strchr(text, '@') != NULL)
		return mailbox(text, out, err);
	else
		rv = domain(text, type != CS_SAN_DNS, value, err);
	if (rv == -1)
		return -1;
	return give(out, cs_san_names[type], value, err);
}

/* A subtree for what cs_constraint_parse() gave. */
static GENERAL_SUBTREE *
subtree(const char *constraint, struct certstore_error *err)
{
	GENERAL_SUBTREE *sub = NULL;
	ASN1_STRING *s = NULL;
	char norm[CS_HOST_MAX + 8];
	unsigned char raw[32];
	const char *value;
	size_t rawlen;
	int type, ok;

	value = strchr(constraint, ':') + 1;
	if (strncmp(constraint, "ip:", 3) == 0) {
		type = GEN_IPADD;
		if (network(value, norm, sizeof(norm), raw, &rawlen, err) == -1)
			return NULL;
		s = ASN1_STRING_type_new(V_ASN1_OCTET_STRING);
		ok = s != NULL &&
		    ASN1_STRING_set(s, raw, (int)(2 * rawlen)) == 1;
	} else {
		type = constraint[0] == 'd' ? GEN_DNS :
		    constraint[0] == 'e'    ? GEN_EMAIL :
					      GEN_URI;
		s = ASN1_STRING_type_new(V_ASN1_IA5STRING);
		ok = s != NULL && ASN1_STRING_set(s, value, -1) == 1;
	}
	if (!ok || (sub = GENERAL_SUBTREE_new()) == NULL) {
		ASN1_STRING_free(s);
		cs_fail_crypto(err, CERTSTORE_ECRYPTO, "name constraints");
		return NULL;
	}
	GENERAL_NAME_set0_value(sub->base, type, s);
	return sub;
}

static int
fill(STACK_OF(GENERAL_SUBTREE) **trees, char *const *v, size_t n,
    struct certstore_error *err)
{
	GENERAL_SUBTREE *sub;
	size_t i;

	if (n == 0)
		return 0;
	if ((*trees = sk_GENERAL_SUBTREE_new_null()) == NULL)
		return cs_fail_nomem(err);
	for (i = 0; i < n; i++) {
		if ((sub = subtree(v[i], err)) == NULL)
			return -1;
		if (sk_GENERAL_SUBTREE_push(*trees, sub) <= 0) {
			GENERAL_SUBTREE_free(sub);
			return cs_fail_nomem(err);
		}
	}
	return 0;
}

/* The extension is critical, as RFC 5280 wants it. */
int
cs_constraint_add(STACK_OF(X509_EXTENSION) **exts,
    const struct certstore_template *t, struct certstore_error *err)
{
	NAME_CONSTRAINTS *nc = NULL;
	int rv = -1;

	if (t->npermit == 0 && t->nexclude == 0)
		return 0;
	if ((nc = NAME_CONSTRAINTS_new()) == NULL)
		return cs_fail_nomem(err);
	if (fill(&nc->permittedSubtrees, t->permit, t->npermit, err) == -1 ||
	    fill(&nc->excludedSubtrees, t->exclude, t->nexclude, err) == -1)
		goto out;
	if (X509V3_add1_i2d(exts, NID_name_constraints, nc, 1, 0) != 1) {
		cs_fail_crypto(err, CERTSTORE_ECRYPTO, "name constraints");
		goto out;
	}
	rv = 0;
out:
	NAME_CONSTRAINTS_free(nc);
	return rv;
}

/* The certificate with one SAN and no subject, to hold that SAN alone up. */
static X509 *
single(X509 *x509, GENERAL_NAME *gen)
{
	GENERAL_NAMES *one = NULL;
	X509_NAME *empty = NULL;
	X509 *copy = NULL, *fresh = NULL;
	unsigned char *der = NULL;
	const unsigned char *p;
	int i, len, pushed = 0;

	if ((copy = X509_dup(x509)) == NULL ||
	    (empty = X509_NAME_new()) == NULL ||
	    (one = sk_GENERAL_NAME_new_null()) == NULL ||
	    (pushed = sk_GENERAL_NAME_push(one, gen)) <= 0)
		goto out;
	i = X509_get_ext_by_NID(copy, NID_subject_alt_name, -1);
	X509_EXTENSION_free(X509_delete_ext(copy, i));
	if (X509_add1_ext_i2d(copy, NID_subject_alt_name, one, 1, 0) != 1 ||
	    X509_set_subject_name(copy, empty) != 1 ||
	    i2d_re_X509_tbs(copy, NULL) <= 0)
		goto out;
	if ((len = i2d_X509(copy, &der)) <= 0)
		goto out;
	p = der;
	if ((fresh = d2i_X509(NULL, &p, len)) != NULL)
		X509_check_purpose(fresh, -1, 0);
out:
	OPENSSL_free(der);
	sk_GENERAL_NAME_free(one);
	X509_NAME_free(empty);
	X509_free(copy);
	return fresh;
}

static void
spell(const GENERAL_NAME *gen, char *out, size_t size)
{
	const ASN1_STRING *s;
	char ip[INET6_ADDRSTRLEN];
	int type, len;

	s = GENERAL_NAME_get0_value(gen, &type);
	len = type == GEN_IPADD ? ASN1_STRING_length(s) : 0;
	if (len == 4 || len == 16) {
		inet_ntop(len == 4 ? AF_INET : AF_INET6,
		    ASN1_STRING_get0_data(s), ip, sizeof(ip));
		certstore_escape(out, size, ip, strlen(ip));
	} else if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI) {
		certstore_escape(out, size,
		    (const char *)ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	} else
		certstore_escape(out, size, "a name", 6);
}

/* Which name it is that nc does not let pass. */
static void
blame(X509 *x509, NAME_CONSTRAINTS *nc, char *out, size_t size)
{
	GENERAL_NAMES *names;
	X509 *probe;
	int i, rv = X509_V_OK;

	certstore_escape(out, size, "the subject", 11);
	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names) && rv == X509_V_OK; i++) {
		probe = single(x509, sk_GENERAL_NAME_value(names, i));
		if (probe != NULL)
			rv = NAME_CONSTRAINTS_check(probe, nc);
		if (rv != X509_V_OK)
			spell(sk_GENERAL_NAME_value(names, i), out, size);
		X509_free(probe);
	}
	GENERAL_NAMES_free(names);
}

static int
hasdns(X509 *x509)
{
	GENERAL_NAMES *names;
	int i, n = 0;

	names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (sk_GENERAL_NAME_value(names, i)->type == GEN_DNS)
			n++;
	GENERAL_NAMES_free(names);
	return n > 0;
}

static int
ismalformed(void *arg, enum cs_subtree what, const ASN1_STRING *s)
{
	(void)arg;
	(void)what;
	(void)s;
	return 1;
}

struct culprit {
	char *text;
	size_t size;
};

static int
takename(void *arg, enum cs_subtree what, const ASN1_STRING *s)
{
	struct culprit *culprit = arg;

	(void)what;
	certstore_escape(culprit->text, culprit->size,
	    (const char *)ASN1_STRING_get0_data(s),
	    (size_t)ASN1_STRING_length(s));
	return 1;
}

/* The common name is one where there is no host name, but not a CA's. */
static int
isoutside(X509 *x509, NAME_CONSTRAINTS *nc, char *culprit, size_t size)
{
	struct culprit c = { culprit, size };
	int rv;

	X509_check_purpose(x509, -1, 0); /* it looks at what that caches */
	rv = NAME_CONSTRAINTS_check(x509, nc);
	if (rv == X509_V_OK && !cs_cert_is_ca(x509) && !hasdns(x509))
		rv = NAME_CONSTRAINTS_check_CN(x509, nc);
	if (rv == X509_V_OK)
		return cs_subtree_names(x509, nc, takename, &c);
	blame(x509, nc, culprit, size);
	return 1;
}

/*
 * Refuses a certificate with a name that ca, which stands above it, does not
 * permit, by the rules of who verifies it.  The messages call them name and
 * caname.
 */
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
		outside = isoutside(x509, nc, culprit, sizeof(culprit));
	NAME_CONSTRAINTS_free(nc);
	if (malformed)
		return cs_fail_crypto(err, CERTSTORE_EREFUSED,
		    "%s: the name constraints of %s are malformed or not "
		    "critical (RFC 5280 section 4.2.1.10): sign with another "
		    "CA",
		    name, caname);
	if (!outside) {
		ERR_clear_error();
		return 0;
	}
	return cs_fail_crypto(err, CERTSTORE_EREFUSED,
	    "%s: %s is outside the name constraints of %s: leave it out or "
	    "sign with another CA",
	    name, culprit, caname);
}
