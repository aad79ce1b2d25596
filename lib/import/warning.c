/*
 * warning.c: warnings about a certificate that is imported, and about what it
 * replaces: lines that begin with the name of the entry.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/x509v3.h>

#include "import/private.h"

#define CHAIN_MAX 8192
#define PEM_MARKERS \
	(sizeof("-----BEGIN CERTIFICATE-----\n" \
		"-----END CERTIFICATE-----\n") - \
	    1)
#define LEVEL2 "servers at security level 2 refuse it"

/* Adds a line for the entry; 0 or -1, to be or'ed. */
static int remark(struct cs_buf *, const struct cs_info *, const char *, ...)
    CS_PRINTFLIKE(3, 4);

static int
remark(struct cs_buf *b, const struct cs_info *info, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cs_buf_printf(b, "%s: %s\n", info->name, text);
}

int
cs_warning_times(struct cs_buf *b, const struct cs_info *info, int64_t now)
{
	char when[CERTSTORE_TIME_LEN];
	size_t i;
	int bad = 0;

	if (info->ends < now)
		bad |= remark(b, info, "expired %s",
		    certstore_time_format(info->ends, when));
	if (info->starts > now)
		bad |= remark(b, info, "not yet valid (valid from %s)",
		    certstore_time_format(info->starts, when));
	for (i = 0; i < info->nissuing; i++)
		if (info->issuing[i].ends < now)
			bad |= remark(b, info,
			    "its issuer \"%.*s\" expired "
			    "%s",
			    cs_escape_fit(info->issuing[i].subject,
				CS_SUBJECT_LEN),
			    info->issuing[i].subject,
			    certstore_time_format(info->issuing[i].ends, when));
	return bad;
}

static int
remarkweak(struct cs_buf *b, const struct cs_info *info, X509 *x509,
    STACK_OF(X509) *chain)
{
	char text[120];
	int bad = 0, i;

	if (cs_strength_text(x509, text, sizeof(text)))
		bad |= remark(b, info, "%s: " LEVEL2, text);
	for (i = 0; i < sk_X509_num(chain); i++) {
		if ((size_t)i < info->nissuing &&
		    cs_strength_text(sk_X509_value(chain, i), text,
			sizeof(text)))
			bad |= remark(b, info,
			    "its issuer \"%.*s\" has a "
			    "%s: " LEVEL2,
			    cs_escape_fit(info->issuing[i].subject,
				CS_SUBJECT_LEN),
			    info->issuing[i].subject, text);
	}
	return bad;
}

static int
remarknames(struct cs_buf *b, const struct cs_info *info)
{
	const char *cn = info->cn != NULL ? info->cn : "";

	if (info->serves && info->nsan == 0)
		return remark(b, info,
		    "no subject alternative name: clients "
		    "refuse it%s%.*s%s",
		    *cn != '\0' ? ", old ones use the CN \"" : "",
		    cs_escape_fit(cn, CS_SUBJECT_LEN), cn,
		    *cn != '\0' ? "\"" : "");
	if (cs_names_hashost(info->san, info->nsan) && info->usage.n > 0 &&
	    !cs_info_has_usage(info, "server") &&
	    !cs_info_has_usage(info, "any"))
		return remark(b, info,
		    "it has host names, but its extended "
		    "key usage has no serverAuth: clients refuse it");
	return 0;
}

/* DNS names that no client can match; the first is named. */
static int
remarkflaws(struct cs_buf *b, const struct cs_info *info)
{
	const char *flaw, *first = NULL, *name = NULL;
	char quoted[CS_QUOTE_LEN], more[48] = "";
	size_t i, n = 0;

	for (i = 0; i < info->nsan; i++) {
		flaw = cs_name_certflaw(info->san[i].type, info->san[i].value);
		if (flaw == NULL || n++ > 0)
			continue;
		first = flaw;
		name = info->san[i].value;
	}
	if (n == 0)
		return 0;
	if (n > 1)
		snprintf(more, sizeof(more), " (and %zu more)", n - 1);
	return remark(b, info, "its DNS name %s%s %s: no client matches it",
	    cs_escape_quote(quoted, name), more, first);
}

/* A key that TLS peers refuse by default. */
static int
remarkkey(struct cs_buf *b, const struct cs_info *info, X509 *x509)
{
	EVP_PKEY *pkey = X509_get0_pubkey(x509);
	char name[80];

	if (pkey == NULL || strcmp(info->kind, "mail") == 0 ||
	    cs_strength_istls(pkey))
		return 0;
	cs_key_name(pkey, name, sizeof(name));
	return remark(b, info,
	    "TLS servers and clients refuse its key (%s) by default: use p256, "
	    "p384 or RSA",
	    name);
}

/* Is its CN the name of a host, with a dot? */
static int
iscnhost(const struct cs_info *info)
{
	char host[CS_HOST_MAX + 1];

	return info->cn != NULL && strchr(info->cn, '.') != NULL &&
	    cs_name_certhost(info->cn, host) == 1;
}

static int
remarkextensions(struct cs_buf *b, const struct cs_info *info, X509 *x509)
{
	int bad = 0;

	if (strcmp(info->kind, "ca") == 0 && info->haskey && info->self &&
	    (X509_get_extension_flags(x509) & EXFLAG_KUSAGE) == 0 &&
	    iscnhost(info))
		bad |= remark(b, info,
		    "it is marked as a CA, as openssl req -x509 does by "
		    "default, so it matches no host: use cert-create -s to "
		    "make one for a server");
	if ((X509_get_extension_flags(x509) & EXFLAG_CRITICAL) != 0)
		bad |= remark(b, info,
		    "a critical extension that libcrypto does not know: "
		    "clients refuse it");
	return bad;
}

/* A TNAuthList that verifiers refuse. */
static int
remarktnauth(struct cs_buf *b, const struct cs_info *info, X509 *x509)
{
	struct cs_tnauth list;
	const char *why;
	int rv;

	rv = cs_tnauth_read(X509_get0_extensions(x509), &list, &why);
	cs_tnauth_free(&list);
	if (why == NULL)
		return rv == -1 ? -1 : 0;
	return remark(b, info,
	    "its TNAuthList is malformed: %s: it cannot sign calls", why);
}

/* The bytes of the chain as PEM. */
static size_t
chainsize(const struct cs_info *info, X509 *x509, STACK_OF(X509) *chain)
{
	size_t i, len, size = 0;
	int n;

	for (i = 0; i <= info->nissuing; i++) {
		n = i2d_X509(i == 0 ? x509 : sk_X509_value(chain, (int)i - 1),
		    NULL);
		len = n <= 0 ? 0 : ((size_t)n + 2) / 3 * 4;
		size += len + (len + 63) / 64 + PEM_MARKERS;
	}
	return size;
}

/* ATIS-1000080 section 6.4.1: one code, and the CN has it as a word. */
static int
remarkcode(struct cs_buf *b, const struct cs_info *info, X509 *x509)
{
	const char *code = info->spcs.v[0];
	char key[CS_SPC_MAX + 1], q[CS_QUOTE_LEN], shown[CS_QUOTE_LEN];
	int bad = 0;

	if (info->spcs.n > 1)
		bad |= remark(b, info,
		    "it has %zu service provider codes: verifiers expect one",
		    info->spcs.n);
	if (!cs_tel_code(code, key))
		bad |= remark(b, info,
		    "its service provider code %s is not 1 to 16 letters and "
		    "digits: it is not in the index",
		    cs_escape_quote(shown, code));
	if (!cs_tnauth_isnamed(X509_get_subject_name(x509), code, q))
		bad |= remark(b, info,
		    "its CN %s does not contain its service provider code %s: "
		    "verifiers may refuse it",
		    q, cs_escape_quote(shown, code));
	return bad;
}

/* What verifiers of calls expect: RFC 8226, ATIS-1000080 section 6.4.1. */
static int
remarkcalls(struct cs_buf *b, const struct cs_info *info, X509 *x509,
    STACK_OF(X509) *chain)
{
	size_t size = chainsize(info, x509, chain);
	uint32_t usage = X509_get_key_usage(x509);
	int bad = 0;

	if (info->key == NULL || strcmp(info->key, "p256") != 0)
		bad |= remark(b, info,
		    "its key (%s) cannot sign calls: ES256 needs p256",
		    info->key == NULL ? "" : info->key);
	if (info->spcs.n > 0)
		bad |= remarkcode(b, info, x509);
	if (info->ski == NULL)
		bad |= remark(b, info,
		    "no subject key identifier: verifiers may refuse it");
	if (usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0)
		bad |= remark(b, info,
		    "its key usage does not have digitalSignature: verifiers "
		    "may refuse it");
	if (size > CHAIN_MAX)
		bad |= remark(b, info,
		    "its chain has %zu bytes: Asterisk fetches at most %d",
		    size, CHAIN_MAX);
	return bad;
}

/* Adds the warnings about a certificate, but for its times.  A chain without its root is complete:
 * it does not have to be served. */
int
cs_warning_cert(struct cs_buf *b, const struct cs_info *info, X509 *x509,
    STACK_OF(X509) *chain, int complete)
{
	const char *issuer = info->issuer != NULL ? info->issuer : "";
	int bad = 0, ca, shaken;

	ca = strcmp(info->kind, "ca") == 0;
	shaken = strcmp(info->kind, "shaken") == 0;
	if (X509_get_version(x509) == X509_VERSION_1 && !ca)
		bad |= remark(b, info,
		    "a certificate of version 1, without "
		    "extensions: some clients refuse it");
	bad |= remarkweak(b, info, x509, chain);
	bad |= remarkextensions(b, info, x509) | remarktnauth(b, info, x509);
	if (shaken)
		bad |= remarkcalls(b, info, x509, chain);
	if (!ca && !shaken)
		bad |= remarkkey(b, info, x509) | remarknames(b, info) |
		    remarkflaws(b, info);
	if (!complete && sk_X509_num(chain) <= 0 && !info->self)
		bad |= remark(b, info,
		    "chain incomplete: its issuer \"%.*s\" is missing: "
		    "import it too",
		    cs_escape_fit(issuer, CS_SUBJECT_LEN), issuer);
	return bad;
}

/* The hosts of old that info does not cover: how many, or -1; the first few are
 * added to list. */
static int
listlost(struct cs_buf *list, const struct cs_info *info,
    const struct cs_info *old)
{
	const struct cs_san *names;
	struct cs_san cn;
	size_t n;

	names = cs_names_of(info, &cn, &n);
	return cs_names_lost(list, names, n, old);
}

/* Are its names those of hosts? */
static int
hashosts(const struct cs_info *info)
{
	return strcmp(info->kind, "ca") != 0 &&
	    strcmp(info->kind, "shaken") != 0;
}

static int
remarklost(struct cs_buf *b, const struct cs_info *info,
    const struct cs_info *old)
{
	struct cs_buf list = { 0 };
	int bad = 0, lost;

	if ((lost = listlost(&list, info, old)) > 0)
		bad = remark(b, info,
		    old->fingerprint == NULL ?
			"does not cover %s, which was requested" :
			"no longer covers %s",
		    list.p);
	cs_buf_free(&list);
	return lost == -1 ? -1 : bad;
}

int
cs_warning_change(struct cs_buf *b, const struct cs_info *info,
    const struct cs_info *old)
{
	char new[CERTSTORE_TIME_LEN], was[CERTSTORE_TIME_LEN];
	int bad = 0;

	if (hashosts(info))
		bad |= remarklost(b, info, old);
	if (old->fingerprint == NULL)
		return bad;
	if (info->ends < old->ends)
		bad |= remark(b, info,
		    "expires %s, earlier than the one that it replaces: %s",
		    certstore_time_format(info->ends, new),
		    certstore_time_format(old->ends, was));
	if (info->starts < old->starts)
		bad |= remark(b, info,
		    "is older (%s) than the one that it replaces: %s",
		    certstore_time_format(info->starts, new),
		    certstore_time_format(old->starts, was));
	return bad;
}

#define KEPT "kept: the certificate given "
#define TAKE ": use -f without -u to replace it"

/* Is info better than old in anything? */
static int
gainsanything(const struct cs_info *info, const struct cs_info *old)
{
	struct cs_buf list = { 0 };
	int n;

	n = listlost(&list, old, info);
	cs_buf_free(&list);
	return n != 0 || info->starts > old->starts || info->ends > old->ends ||
	    (old->weak && !info->weak) || (info->haskey && !old->haskey) ||
	    (info->serves && !old->serves);
}

int
cs_warning_worse(struct cs_buf *b, const struct cs_info *info,
    const struct cs_info *old, int64_t now)
{
	char new[CERTSTORE_TIME_LEN], was[CERTSTORE_TIME_LEN];
	struct cs_buf list = { 0 };
	int bad = 0, lost = 0, worse = 1;

	if (hashosts(info))
		lost = listlost(&list, info, old);
	if ((strcmp(info->kind, "ca") == 0) != (strcmp(old->kind, "ca") == 0))
		bad = remark(b, old, KEPT "is of kind %s, not %s" TAKE,
		    info->kind, old->kind);
	else if (old->serves && !info->serves)
		bad = remark(b, old, KEPT "is not for TLS servers" TAKE);
	else if (info->weak && !old->weak)
		bad = remark(b, old, KEPT "is weak" TAKE);
	else if (lost > 0)
		bad = remark(b, old, KEPT "does not cover %s" TAKE, list.p);
	else if (cs_info_isvalid(info, now) && !cs_info_isvalid(old, now))
		worse = 0;
	else if (info->starts > now && cs_info_isvalid(old, now))
		bad = remark(b, old,
		    KEPT "is not yet valid (valid from %s)" TAKE,
		    certstore_time_format(info->starts, new));
	else if (info->starts < old->starts)
		bad = remark(b, old, KEPT "is older: %s, not %s" TAKE,
		    certstore_time_format(info->starts, new),
		    certstore_time_format(old->starts, was));
	else if (info->ends < old->ends)
		bad = remark(b, old, KEPT "expires earlier: %s, not %s" TAKE,
		    certstore_time_format(info->ends, new),
		    certstore_time_format(old->ends, was));
	else if (!gainsanything(info, old))
		bad = remark(b, old, KEPT "is no better" TAKE);
	else
		worse = 0;
	cs_buf_free(&list);
	return lost == -1 || bad != 0 ? -1 : worse;
}
