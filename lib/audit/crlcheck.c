/*
 * crlcheck.c: the CRLs of the store's own CAs: what is recorded as revoked but not
 * published, what was not made again in time, and what is not as it was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "audit/private.h"

#define PREFIX "@crl/"

/* Is this CRL of a trust set one that is published here?  1, 0, -1.  Those are
 * judged by themselves. */
int
cs_crlcheck_isown(struct certstore_audit *audit, const char *fingerprint)
{
	struct cs_strings names = { 0 };
	char path[CS_NAME_MAX + 16], hex[CS_HASH_LEN];
	struct cs_buf der = { 0 };
	size_t i;
	int bad = 0;

	if (!audit->hasowncrls) {
		audit->hasowncrls = 1;
		if (cs_setgen_crls(audit->store, &names) == -1)
			return 0;
		for (i = 0; i < names.n && !bad; i++) {
			snprintf(path, sizeof(path), "crl/%s.der", names.v[i]);
			if (cs_file_follow(audit->root, path, CERTSTORE_CRL_MAX,
				&der) == 0) {
				cs_hash(hex, der.p, der.len);
				bad = cs_strings_add(&audit->owncrls, hex);
			}
			cs_buf_free(&der);
		}
		cs_strings_free(&names);
		cs_strings_sort(&audit->owncrls);
	}
	return bad ? -1 : cs_strings_has(&audit->owncrls, fingerprint);
}

/* What ends: a CRL that is late is renewed by nobody. */
static int
lookcrlends(struct certstore_audit *audit, const char *name,
    const struct certstore_crl *crl, struct certstore_error *err)
{
	const char *option = cs_store_option(audit->store);
	char text[CERTSTORE_TIME_LEN];
	int i, soon = 0;

	certstore_time_format(crl->ends, text);
	if (crl->ends < audit->when)
		return cs_finding_add(audit, CS_CODE_CRL_EXPIRED, name, err,
		    crl->due == 0 ?
			"expired at %s: servers refuse all clients of this CA: "
			"%s: import it with its key, or remove crl/%s.pem" :
			"expired at %s: servers refuse all clients of this CA: "
			"cert-crl%s %s",
		    text, crl->due == 0 ? crl->why : option, crl->name);
	if (crl->due == 0 || audit->when <= crl->due)
		return 0;
	/* a new one always expires soon */
	for (i = 0; i < audit->nwithin; i++)
		if (cs_endcheck_iswithin(audit, i, crl->starts, crl->ends))
			soon = i + 1;
	if (soon > 0)
		return cs_finding_addas(audit,
		    soon == 2 ? CERTSTORE_CRITICAL : CERTSTORE_WARNING,
		    CS_CODE_CRL_EXPIRES, name, err,
		    "expires at %s, and is to be made again: cert-crl%s %s",
		    text, option, crl->name);
	if (audit->nwithin > 0 ||
	    audit->when <= crl->ends - (crl->ends - crl->starts) / 6)
		return 0;
	return cs_finding_add(audit, CS_CODE_CRL_LATE, name, err,
	    "should have been made again, and expires at %s: cert-crl%s %s",
	    text, option, crl->name);
}

static size_t
countrevoked(X509_CRL *x)
{
	int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(x));

	return n > 0 ? (size_t)n : 0;
}

/* Is the file what info says, and does it begin what servers read?  NULL and the
 * CRL, which the caller frees, or what is wrong. */
static const char *
findcrlflaw(struct certstore_audit *audit, const struct certstore_crl *crl,
    X509_CRL **x)
{
	struct cs_buf der = { 0 }, pem = { 0 }, own = { 0 };
	char path[CS_NAME_MAX + 16];
	const unsigned char *p;
	const char *flaw = "cannot be read";

	*x = NULL;
	snprintf(path, sizeof(path), "crl/%s.der", crl->name);
	if (cs_file_follow(audit->root, path, CERTSTORE_CRL_MAX, &der) == -1)
		goto out;
	snprintf(path, sizeof(path), "crl/%s.pem", crl->name);
	if (cs_file_follow(audit->root, path, CERTSTORE_CRL_MAX, &pem) == -1)
		goto out;
	flaw = NULL;
	p = (const unsigned char *)der.p;
	if (cs_pem_encode(&own, "X509 CRL", p, der.len) == -1)
		goto out;
	if (own.len > pem.len || memcmp(own.p, pem.p, own.len) != 0 ||
	    (*x = d2i_X509_CRL(NULL, &p, (long)der.len)) == NULL ||
	    p != (const unsigned char *)der.p + der.len ||
	    countrevoked(*x) != crl->revoked)
		flaw = "is not what was made";
out:
	ERR_clear_error();
	cs_buf_free(&der);
	cs_buf_free(&pem);
	cs_buf_free(&own);
	return flaw;
}

/* The first serial number of a CRL whose revocation is not recorded, or is
 * damaged, and how many there are: a CRL that is made now would not have them. */
static size_t
findlost(struct certstore_audit *audit, const char *spki, X509_CRL *x,
    char first[CS_SERIAL_LEN])
{
	STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(x);
	char serial[CS_SERIAL_LEN], *hex;
	struct cs_revocation r;
	size_t n = 0;
	BIGNUM *bn;
	int i;

	for (i = 0; i < sk_X509_REVOKED_num(all); i++) {
		bn = ASN1_INTEGER_to_BN(X509_REVOKED_get0_serialNumber(
					    sk_X509_REVOKED_value(all, i)),
		    NULL);
		hex = bn == NULL ? NULL : BN_bn2hex(bn);
		if (hex != NULL && cs_issued_serial(serial, hex) == 0 &&
		    cs_revoked_find(audit->store, spki, serial, &r) != 1 &&
		    (errno == ENOENT || errno == EBADMSG) && n++ == 0)
			memcpy(first, serial, CS_SERIAL_LEN);
		OPENSSL_free(hex);
		BN_free(bn);
	}
	return n;
}

/* Is all that the CRL has recorded? */
static int
looklost(struct certstore_audit *audit, const char *name,
    const struct certstore_crl *crl, X509_CRL *x, struct certstore_error *err)
{
	char serial[CS_SERIAL_LEN];
	struct cs_crlinfo ci = { 0 };
	struct certstore_error ignored;
	size_t n = 0;

	if (x != NULL &&
	    cs_crlinfo_read(audit->store, crl->name, &ci, &ignored) == 1)
		n = findlost(audit, ci.spki, x, serial);
	ERR_clear_error();
	cs_crlinfo_done(&ci);
	if (n == 0)
		return 0;
	return cs_finding_add(audit, CS_CODE_REVOKED_LOST, name, err,
	    "%zu revocation%s of its CRL, such as that of %s, %s not recorded "
	    "in revoked: restore it from a backup, or cert-revoke%s -A %s "
	    "serial:%s",
	    n, n == 1 ? "" : "s", serial, n == 1 ? "is" : "are",
	    cs_store_option(audit->store), crl->name, serial);
}

static int
lookowncrl(struct certstore_audit *audit, const struct certstore_crl *crl,
    struct certstore_error *err)
{
	const char *flaw, *option = cs_store_option(audit->store);
	char name[sizeof(PREFIX) + CS_NAME_MAX];
	X509_CRL *x;
	int rv;

	snprintf(name, sizeof(name), PREFIX "%s", crl->name);
	if (audit->named && !cs_strings_has(&audit->names, name))
		return 0;
	if (crl->number != 0 && lookcrlends(audit, name, crl, err) == -1)
		return -1;
	if (audit->endsonly)
		return 0;
	if (crl->unpublished > 0 && crl->due != 0 &&
	    cs_finding_add(audit, CS_CODE_CRL_UNPUBLISHED, name, err,
		"%zu revocation%s recorded, but in no CRL, and servers accept "
		"what was revoked: cert-crl%s %s",
		crl->unpublished, crl->unpublished == 1 ? " is" : "s are",
		option, crl->name) == -1)
		return -1;
	if (crl->number == 0)
		return 0;
	if ((flaw = findcrlflaw(audit, crl, &x)) == NULL)
		rv = looklost(audit, name, crl, x, err);
	else
		rv = cs_finding_add(audit, CS_CODE_CRL_DAMAGED, name, err,
		    "crl/%s.pem or .der %s: cert-crl%s %s", crl->name, flaw,
		    option, crl->name);
	X509_CRL_free(x);
	return rv;
}

/* The first CRL that is asked for, is not one of these, and does not exist:
 * an error, or 0. */
static int
requirecrls(const struct certstore_audit *audit, const struct cs_strings *seen,
    struct certstore_error *err)
{
	char path[CS_NAME_MAX + 16];
	const char *ca;
	size_t i;

	for (i = 0; i < audit->names.n; i++) {
		if (strncmp(audit->names.v[i], PREFIX, strlen(PREFIX)) != 0)
			continue;
		ca = audit->names.v[i] + strlen(PREFIX);
		snprintf(path, sizeof(path), "crl/.%.200s", ca);
		if (!cs_strings_has(seen, ca) &&
		    faccessat(audit->root, path, F_OK, AT_SYMLINK_NOFOLLOW) ==
			-1 &&
		    errno == ENOENT)
			return cs_fail(err, CERTSTORE_ENOENTRY,
			    "%s/crl/%s.pem: there is no such CRL: use "
			    "cert-crl%s with the name of a CA to make one",
			    certstore_path(audit->store), ca,
			    cs_store_option(audit->store));
	}
	return 0;
}

/* All of them, or those that are asked for. */
int
cs_crlcheck_all(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct certstore_crl *crl;
	struct certstore_crls *crls;
	struct certstore_error why;
	struct cs_strings seen = { 0 };
	int rv;

	if ((crls = certstore_crls_new(audit->store, err)) == NULL)
		return -1;
	while ((rv = certstore_crls_next(crls, &crl, &why)) != 0) {
		if (rv == 1)
			rv = cs_strings_add(&seen, crl->name) == -1 ?
			    cs_fail_nomem(err) :
			    lookowncrl(audit, crl, err);
		else if (why.code == CERTSTORE_EDAMAGED)
			rv = cs_finding_add(audit, CS_CODE_CRL_DAMAGED,
			    "@store", err, "%s", why.msg);
		else
			*err = why;
		if (rv == -1)
			break;
	}
	certstore_crls_free(crls);
	cs_strings_sort(&seen);
	if (rv == 0)
		rv = requirecrls(audit, &seen, err);
	cs_strings_free(&seen);
	return rv;
}
