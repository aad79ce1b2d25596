/*
 * parsecheck.c: the certificates and keys of an entry, parsed: the order of the
 * chain, the key against the certificate, info against both, weak algorithms.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "audit/private.h"

struct parts {
	struct certstore_audit *audit;
	struct certstore_error *err;
	const char *name;
	STACK_OF(X509) *certs;
	struct cs_buf chain, key, other;
};

/* Is the certificate signed by another one of the chain? */
static int
hasissuer(const struct parts *in, X509 *x509)
{
	int i;

	for (i = 0; i < sk_X509_num(in->certs); i++)
		if (sk_X509_value(in->certs, i) != x509 &&
		    cs_cert_is_signed_by(x509, sk_X509_value(in->certs, i)) ==
			1)
			return 1;
	return 0;
}

/* Each certificate is followed by its issuer (RFC 8446 section 4.4.2). */
static int
lookchain(struct parts *in)
{
	struct cs_buf subject = { 0 };
	int i, found, rv = 0;
	X509 *x509;

	for (i = 0; rv == 0 && i + 1 < sk_X509_num(in->certs); i++) {
		x509 = sk_X509_value(in->certs, i);
		if (cs_cert_is_signed_by(x509,
			sk_X509_value(in->certs, i + 1)) == 1)
			continue;
		found = hasissuer(in, x509);
		cs_buf_reset(&subject);
		if (cs_cert_name_text(X509_get_subject_name(x509), &subject) ==
		    -1)
			rv = cs_fail_nomem(in->err);
		else
			rv = cs_finding_add(in->audit,
			    found ? CS_CODE_CHAIN_ORDER : CS_CODE_CHAIN_GAP,
			    in->name, in->err,
			    found ? "%s is not followed by its issuer: "
				    "cert-import%s -f -N %s "
				    "%s/certs/%s/combined.pem" :
				    "the issuer of %s is missing: "
				    "cert-import%s -f -N %s "
				    "%s/certs/%s/combined.pem and the file "
				    "with the issuer",
			    subject.p, cs_store_option(in->audit->store),
			    in->name, certstore_path(in->audit->store),
			    in->name);
	}
	cs_buf_free(&subject);
	return rv;
}

static int
lookstrength(struct parts *in)
{
	struct cs_buf subject = { 0 };
	char text[128];
	int i, rv = 0;
	X509 *x509;

	for (i = 0; rv == 0 && i < sk_X509_num(in->certs); i++) {
		x509 = sk_X509_value(in->certs, i);
		if (!cs_strength_text(x509, text, sizeof(text)))
			continue;
		cs_buf_reset(&subject);
		if (cs_cert_name_text(X509_get_subject_name(x509), &subject) ==
		    -1)
			rv = cs_fail_nomem(in->err);
		else
			rv = cs_finding_add(in->audit,
			    strncmp(text, "weak key", 8) == 0 ?
				CS_CODE_WEAK_KEY :
				CS_CODE_WEAK_SIGNATURE,
			    in->name, in->err,
			    "%s: %s: servers at security level 2 refuse it",
			    subject.p, text);
	}
	cs_buf_free(&subject);
	return rv;
}

/* Reads a file of the entry that may be secret: 1, 0 it is not there or may not
 * be read, -1. */
static int
readpart(struct parts *in, enum cs_file file, struct cs_buf *b)
{
	struct certstore_error why;
	int rv;

	rv = cs_entry_read(&in->audit->entry, file, b, &why);
	if (rv == -1 && why.errnum == EACCES) {
		in->audit->unread = 1;
		return 0;
	}
	if (rv == -1)
		*in->err = why;
	return rv;
}

/* The private key against a public one: 1 it matches, 0, -1 not known. */
static int
matches(const struct parts *in, const char *label, EVP_PKEY *pub)
{
	struct certstore_error why;
	EVP_PKEY *pkey;
	int rv;

	if (pub == NULL || cs_key_isencrypted(&in->key))
		return -1;
	pkey = cs_key_frompem(label, &in->key, NULL, &why);
	rv = pkey != NULL && EVP_PKEY_eq(pkey, pub) == 1;
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return rv;
}

/* Has a file of the entry another size or time than when it was written? */
static int
isrewritten(const struct certstore_audit *audit, enum cs_file file,
    const struct cs_written *was)
{
	struct stat st;

	return cs_entry_stat(&audit->entry, file, &st) == -1 ||
	    (was->size != 0 &&
		(was->size != st.st_size || was->sec != st.st_mtim.tv_sec ||
		    was->nsec != st.st_mtim.tv_nsec));
}

/* What was not changed since it was written is right. */
int
cs_parsecheck_combined(struct certstore_audit *audit,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	const char *store = certstore_path(audit->store);

	if (isrewritten(audit, CS_PRIVKEY, &info->privkey) &&
	    !isrewritten(audit, CS_COMBINED, &info->combined))
		return cs_finding_add(audit, CS_CODE_COMBINED_DIFFERS,
		    info->name, err,
		    "privkey.pem was changed by hand, and combined.pem was "
		    "not: cert-import%s -f -N %s %s/certs/%s/combined.pem",
		    cs_store_option(audit->store), info->name, store,
		    info->name);
	return cs_finding_add(audit, CS_CODE_COMBINED_DIFFERS, info->name, err,
	    "combined.pem is not privkey.pem and fullchain.pem: "
	    "cert-import%s -f -N %s %s/certs/%s/privkey.pem "
	    "%s/certs/%s/fullchain.pem",
	    cs_store_option(audit->store), info->name, store, info->name, store,
	    info->name);
}

/* The key in privkey.pem is another one; the right one may be in combined.pem. */
static int
addmismatch(struct parts *in, X509 *x509)
{
	const char *option = cs_store_option(in->audit->store);

	cs_buf_reset(&in->key);
	if (in->audit->entry.info.haschain &&
	    readpart(in, CS_COMBINED, &in->key) == 1 &&
	    matches(in, "combined.pem", X509_get0_pubkey(x509)) == 1)
		return cs_finding_add(in->audit, CS_CODE_KEY_MISMATCH, in->name,
		    in->err,
		    "privkey.pem is not the key of the certificate: "
		    "cert-import%s -f -N %s %s/certs/%s/combined.pem",
		    option, in->name, certstore_path(in->audit->store),
		    in->name);
	return cs_finding_add(in->audit, CS_CODE_KEY_MISMATCH, in->name,
	    in->err,
	    "privkey.pem is not the key of the certificate: restore "
	    "it, or use cert-import%s -f -N %s with the right key",
	    option, in->name);
}

static int
lookkey(struct parts *in)
{
	X509 *x509 = sk_X509_value(in->certs, 0);
	int rv;

	if (!in->audit->entry.info.haskey ||
	    (rv = readpart(in, CS_PRIVKEY, &in->key)) == 0)
		return 0;
	if (rv == -1)
		return -1;
	if (matches(in, "privkey.pem", X509_get0_pubkey(x509)) == 0)
		return addmismatch(in, x509);
	if (!in->audit->entry.info.haschain ||
	    (rv = readpart(in, CS_COMBINED, &in->other)) != 1)
		return rv == -1 ? -1 : 0;
	if (in->other.len == in->key.len + in->chain.len &&
	    memcmp(in->other.p, in->key.p, in->key.len) == 0 &&
	    memcmp(in->other.p + in->key.len, in->chain.p, in->chain.len) == 0)
		return 0;
	return cs_parsecheck_combined(in->audit, in->err);
}

/* cert.pem and chain.pem are fullchain.pem. */
static int
lookparts(struct parts *in)
{
	struct cs_buf both = { 0 };
	int rv;

	if (!in->audit->entry.info.hasparts)
		return 0;
	if ((rv = readpart(in, CS_CERT, &both)) == 1)
		rv = readpart(in, CS_CHAIN, &in->other);
	if (rv == 1 && cs_buf_add(&both, in->other.p, in->other.len) == -1)
		rv = cs_fail_nomem(in->err);
	if (rv == 1)
		rv = both.len == in->chain.len &&
			memcmp(both.p, in->chain.p, both.len) == 0 ?
		    0 :
		    cs_finding_add(in->audit, CS_CODE_PARTS_DIFFER, in->name,
			in->err,
			"cert.pem and chain.pem are not fullchain.pem: "
			"cert-import%s -f -N %s %s/certs/%s/combined.pem",
			cs_store_option(in->audit->store), in->name,
			certstore_path(in->audit->store), in->name);
	cs_buf_free(&both);
	return rv;
}

/* Is one of ca.pem an issuer, or the certificate itself if none is known? */
static int
lookissuers(struct parts *in)
{
	const struct certstore_entry *entry = &in->audit->entry;
	STACK_OF(X509) *cas = NULL;
	struct certstore_error why;
	int found = 0, i, k, rv;

	if (!entry->info.hasparts)
		return 0;
	if ((rv = readpart(in, CS_CA, &in->other)) != 1)
		return rv;
	if (cs_cert_read(entry, CS_CA, &cas, &why) != 1)
		cas = NULL;
	for (i = 0; i < sk_X509_num(cas) && !found; i++)
		for (k = 0; k < sk_X509_num(in->certs) && !found; k++)
			found = X509_cmp(sk_X509_value(cas, i),
				    sk_X509_value(in->certs, k)) == 0 ||
			    cs_cert_is_signed_by(sk_X509_value(in->certs, k),
				sk_X509_value(cas, i)) == 1;
	sk_X509_pop_free(cas, X509_free);
	ERR_clear_error();
	if (found)
		return 0;
	return cs_finding_add(in->audit, CS_CODE_PARTS_DIFFER, in->name,
	    in->err,
	    "ca.pem has no issuer of fullchain.pem: cert-import%s -f -N %s "
	    "%s/certs/%s/%s",
	    cs_store_option(in->audit->store), in->name,
	    certstore_path(in->audit->store), in->name,
	    cs_file_names[entry->info.haskey ? CS_COMBINED : CS_FULLCHAIN]);
}

/* Does libcrypto describe the certificates as info does? */
static int
lookinfo(struct parts *in)
{
	struct cs_buf is = { 0 }, want = { 0 };
	struct certstore_error why;
	int rv;

	rv = readpart(in, CS_INFO, &in->other);
	if (rv == 1 && cs_info_description(&is, &in->other, "request") == -1)
		rv = cs_fail_nomem(in->err);
	if (rv == 1 && cs_describe_cert(&want, in->certs, &why) == 0 &&
	    (is.len != want.len || memcmp(is.p, want.p, is.len) != 0))
		rv = cs_finding_add(in->audit, CS_CODE_INFO_DIFFERS, in->name,
		    in->err,
		    "info does not describe fullchain.pem: "
		    "cert-import%s -f -N %s %s/certs/%s/combined.pem",
		    cs_store_option(in->audit->store), in->name,
		    certstore_path(in->audit->store), in->name);
	ERR_clear_error();
	cs_buf_free(&is);
	cs_buf_free(&want);
	return rv == -1 ? -1 : 0;
}

/* The key of a request that waits. */
static int
lookrequest(struct parts *in)
{
	struct certstore_error why;
	X509_REQ *csr = NULL;
	int rv;

	if (!in->audit->entry.info.hasrequest ||
	    (rv = readpart(in, CS_REQUEST_CSR, &in->other)) == 0)
		return 0;
	if (rv == 1 && (rv = readpart(in, CS_REQUEST_KEY, &in->key)) == 1) {
		csr = cs_cert_csr_frompem("request.csr", &in->other, &why);
		rv = csr == NULL ||
		    matches(in, "request.key", X509_REQ_get0_pubkey(csr)) == 0;
		if (rv == 1)
			rv = cs_finding_add(in->audit, CS_CODE_KEY_MISMATCH,
			    in->name, in->err,
			    "request.key is not the key of request.csr: "
			    "cert-create%s -R -f %s makes another request",
			    cs_store_option(in->audit->store), in->name);
	}
	X509_REQ_free(csr);
	ERR_clear_error();
	return rv == -1 ? -1 : 0;
}

/* Reads the certificates: 1, 0 there are none, -1. */
static int
openparts(struct parts *in, struct certstore_audit *audit,
    struct certstore_error *err)
{
	memset(in, 0, sizeof(*in));
	in->audit = audit;
	in->err = err;
	in->name = audit->entry.info.name;
	if (!audit->entry.info.haschain)
		return 0;
	if (readpart(in, CS_FULLCHAIN, &in->chain) == -1)
		return -1;
	return cs_cert_read(&audit->entry, CS_FULLCHAIN, &in->certs, err);
}

static void
closeparts(struct parts *in)
{
	sk_X509_pop_free(in->certs, X509_free);
	cs_buf_free(&in->chain);
	cs_buf_free(&in->key);
	cs_buf_free(&in->other);
}

int
cs_parsecheck_entry(struct certstore_audit *audit, struct certstore_error *err)
{
	struct parts in;
	int rv;

	rv = openparts(&in, audit, err);
	if (rv == 1 &&
	    (lookchain(&in) == -1 || lookstrength(&in) == -1 ||
		lookkey(&in) == -1 || lookparts(&in) == -1 ||
		lookissuers(&in) == -1 || lookinfo(&in) == -1))
		rv = -1;
	if (rv != -1)
		rv = lookrequest(&in);
	closeparts(&in);
	return rv == -1 ? -1 : 0;
}

int
cs_parsecheck_weak(struct certstore_audit *audit, struct certstore_error *err)
{
	struct parts in;
	int rv;

	if ((rv = openparts(&in, audit, err)) == 1)
		rv = lookstrength(&in);
	else if (rv == 0)
		rv = cs_finding_add(audit, CS_CODE_WEAK_KEY, in.name, err,
		    "weak key (%s)", audit->entry.info.key);
	closeparts(&in);
	return rv == -1 ? -1 : 0;
}

/* A key file that has another size or time than info tells. */
int
cs_parsecheck_key(struct certstore_audit *audit, struct certstore_error *err)
{
	int unread = audit->unread, rv;
	struct parts in;

	audit->unread = 0;
	if ((rv = openparts(&in, audit, err)) == 1)
		rv = lookkey(&in);
	if (rv != -1 && audit->unread)
		rv = cs_finding_add(audit, CS_CODE_KEY_CHANGED, in.name, err,
		    "privkey.pem or combined.pem was changed by hand: run "
		    "cert-check%s %s as the owner of the store",
		    cs_store_option(audit->store), in.name);
	audit->unread |= unread;
	closeparts(&in);
	return rv == -1 ? -1 : 0;
}
