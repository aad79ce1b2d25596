/*
 * issue.c: makes certificates (RFC 5280) and requests (RFC 2986) from a
 * template.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

#define CN_MAX 64

static int
isconstrained(const struct cs_issuer *is)
{
	int i;

	for (i = 0; is != NULL && i < sk_X509_num(is->certs); i++)
		if (X509_get_ext_by_NID(sk_X509_value(is->certs, i),
			NID_name_constraints, -1) != -1)
			return 1;
	return 0;
}

/*
 * The default common name, or NULL: of a CA the name of its entry; of what signs
 * calls its code, ATIS-1000080 section 6.4.1, or the name of its entry; else the
 * first DNS name, if it is not too long.  Without a DNS name it is the first
 * address, but not in a request, since public CAs refuse that, nor below name
 * constraints, since libcrypto compares it with those for DNS names.
 */
static const char *
defaultcn(const char *name, const struct certstore_template *t,
    const struct cs_issuer *is, int request, char buf[CN_MAX + 1])
{
	const char *address = NULL, *cn = NULL;
	size_t i;

	if (cs_calls_cn(t, buf))
		return buf;
	if (t->ca || cs_calls_signs(t))
		cn = name;
	for (i = 0; i < t->nsan && cn == NULL; i++) {
		if (t->san[i].type == CS_SAN_DNS)
			cn = t->san[i].value;
		else if (t->san[i].type == CS_SAN_IP && address == NULL)
			address = t->san[i].value;
	}
	if (cn == NULL && !request && !isconstrained(is))
		cn = address;
	return cn == NULL || strlen(cn) > CN_MAX ? NULL : cn;
}

/*
 * A server needs a DNS name or an address: clients look for no other name.  What
 * signs calls needs a TNAuthList.
 */
static int
checknames(const char *name, const struct certstore_template *t,
    struct certstore_error *err)
{
	char host[CS_HOST_MAX + 1], q[CS_QUOTE_LEN];
	const struct cs_san *first = t->san;

	if (cs_calls_signs(t) && !cs_calls_has(t))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: would sign calls for nobody: use -s spc:CODE or -s "
		    "tel:NUMBER",
		    name);
	if (!cs_template_serves(t) || cs_names_hashost(t->san, t->nsan))
		return 0;
	if (t->nsan == 0)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: a server certificate without a name: use -s with "
		    "its host",
		    name);
	if (!cs_name_hostof(first->type, first->value, host))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: a server certificate without a host: %s is none: "
		    "use -s with its host",
		    name, cs_escape_quote(q, first->value));
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: a server certificate without a host: %s is none: add -s "
	    "%s%s",
	    name, cs_escape_quote(q, first->value), host,
	    first->type == CS_SAN_EMAIL ? ", or use -P mail for one that "
					  "signs mail" :
					  "");
}

static X509_NAME *
makesubject(const char *name, const struct certstore_template *t,
    const struct cs_issuer *is, int request, struct certstore_error *err)
{
	X509_NAME *subject;
	char cn[CN_MAX + 1];

	if (checknames(name, t, err) == -1)
		return NULL;
	if ((subject = X509_NAME_new()) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	if (cs_subject_build(subject, t, defaultcn(name, t, is, request, cn),
		err) == -1)
		goto fail;
	if (X509_NAME_entry_count(subject) == 0 && t->ca) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: a CA without a subject (RFC 5280, section 4.1.2.6): "
		    "use -S CN=...",
		    name);
		goto fail;
	}
	if (X509_NAME_entry_count(subject) == 0 && t->nsan == 0) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: neither a subject nor a name: use -S CN=... or -s",
		    name);
		goto fail;
	}
	return subject;
fail:
	X509_NAME_free(subject);
	return NULL;
}

/* The validity, within that of all CAs above. */
static int
setvalidity(const char *name, X509 *x509, const struct certstore_template *t,
    const struct cs_issuer *is, struct certstore_error *err)
{
	char end[CERTSTORE_TIME_LEN];
	int64_t now, until;

	now = certstore_time_now();
	until = now + cs_life_asked(t, now);
	if (until <= now)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: would expire %s, which is in the past: use a time "
		    "in the future",
		    name, certstore_time_format(until, end));
	if (until > CS_YEAR_9999)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: would expire after the year 9999: use an earlier "
		    "end",
		    name);
	return cs_sign_times(name, x509, now, until, is, err);
}

static int
purposeof(const struct certstore_template *t)
{
	if (t->ca || cs_calls_signs(t) || t->profile[0] == '\0')
		return X509_PURPOSE_ANY;
	if (strcmp(t->profile, "client") == 0)
		return X509_PURPOSE_SSL_CLIENT;
	if (strcmp(t->profile, "mail") == 0)
		return X509_PURPOSE_SMIME_SIGN;
	return X509_PURPOSE_SSL_SERVER;
}

/* Sets all but validity and signature. */
static int
fillcert(X509 *x509, const struct certstore_template *t, EVP_PKEY *pkey,
    X509_NAME *subject, const struct cs_issuer *is, struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	X509 *ca = is == NULL ? NULL : sk_X509_value(is->certs, 0);
	int i, rv = -1;

	exts = cs_extension_make(t, pkey, X509_NAME_entry_count(subject) == 0,
	    err);
	if (exts == NULL)
		return -1;
	if (X509_set_version(x509, X509_VERSION_3) != 1 ||
	    cs_sign_serial(x509) != 1 ||
	    X509_set_subject_name(x509, subject) != 1 ||
	    X509_set_issuer_name(x509,
		ca == NULL ? subject : X509_get_subject_name(ca)) != 1 ||
	    /* const since OpenSSL 4 */
	    (!cs_key_fill((X509_PUBKEY *)(uintptr_t)X509_get_X509_PUBKEY(x509),
		 pkey) &&
		X509_set_pubkey(x509, pkey) != 1))
		goto out;
	for (i = 0; i < sk_X509_EXTENSION_num(exts); i++)
		if (X509_add_ext(x509, sk_X509_EXTENSION_value(exts, i), -1) !=
		    1)
			goto out;
	if (cs_extension_keyids(x509, ca) == 1 &&
	    (is == NULL || cs_extension_pointers(x509, is)))
		rv = 0;
out:
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (rv == -1)
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "the certificate cannot be made");
	return rv;
}

int
cs_issue_check(const char *name, const struct certstore_template *t,
    const struct cs_issuer *is, struct certstore_error *err)
{
	X509_NAME *subject;

	subject = makesubject(name, t, is, 0, err);
	X509_NAME_free(subject);
	return subject == NULL ? -1 : 0;
}

X509 *
cs_issue_cert(struct certstore *store, const char *name,
    const struct certstore_template *t, EVP_PKEY *pkey,
    const struct cs_issuer *is, struct certstore_error *err)
{
	X509 *x509 = NULL, *fresh = NULL;
	X509_NAME *subject = NULL;
	EVP_PKEY *signer = is == NULL ? pkey : is->pkey;

	ERR_clear_error();
	if ((subject = makesubject(name, t, is, 0, err)) == NULL)
		goto out;
	if ((x509 = X509_new()) == NULL) {
		cs_fail_nomem(err);
		goto out;
	}
	if (fillcert(x509, t, pkey, subject, is, err) == -1 ||
	    setvalidity(name, x509, t, is, err) == -1)
		goto out;
	fresh = cs_sign_cert(store, name, x509, purposeof(t), signer, is, err);
out:
	X509_free(x509);
	X509_NAME_free(subject);
	ERR_clear_error();
	return fresh;
}

X509_REQ *
cs_issue_request(const char *name, const struct certstore_template *t,
    EVP_PKEY *pkey, struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	X509_NAME *subject = NULL;
	X509_REQ *req = NULL;
	int ok = 0;

	ERR_clear_error();
	if ((subject = makesubject(name, t, NULL, 1, err)) == NULL)
		return NULL;
	exts = cs_extension_make(t, pkey, X509_NAME_entry_count(subject) == 0,
	    err);
	if (exts == NULL)
		goto out;
	ok = (req = X509_REQ_new()) != NULL &&
	    X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
	    X509_REQ_set_subject_name(req, subject) == 1 &&
	    X509_REQ_set_pubkey(req, pkey) == 1 &&
	    X509_REQ_add_extensions(req, exts) == 1 &&
	    X509_REQ_sign(req, pkey, cs_sign_digest(pkey)) > 0;
	if (!ok) {
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: the request "
		    "cannot be made",
		    name);
		X509_REQ_free(req);
		req = NULL;
	}
out:
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_NAME_free(subject);
	ERR_clear_error();
	return req;
}
