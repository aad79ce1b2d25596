/*
 * part.c: the parts of an entry that can be shown.  No private key is read
 * here.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "x509/private.h"

#define LABEL_LEN (CS_NAME_MAX + 32)

/* Reads a file of the entry, or what an entry outside of the store has instead:
 * 1, 0 there is none, -1. */
static int
readpartfile(const struct certstore_entry *entry, enum cs_file file,
    struct cs_buf *buf, char label[LABEL_LEN], struct certstore_error *err)
{
	if (entry->store != NULL) {
		snprintf(label, LABEL_LEN, "%s/%s", certstore_entry_name(entry),
		    cs_file_names[file]);
		return cs_entry_read(entry, file, buf, err);
	}
	snprintf(label, LABEL_LEN, "the certificate");
	if (file != CS_FULLCHAIN || entry->pem == NULL ||
	    entry->info.fingerprint == NULL)
		return 0;
	return cs_buf_adds(buf, entry->pem) == -1 ? cs_fail_nomem(err) : 1;
}

static int
readcerts(const struct certstore_entry *entry, enum cs_file file,
    STACK_OF(X509) **certs, struct certstore_error *err)
{
	struct cs_buf buf = { 0 };
	char label[LABEL_LEN];
	int rv;

	rv = readpartfile(entry, file, &buf, label, err);
	if (rv == 1 &&
	    (*certs = cs_cert_stack(label, &buf, entry->store == NULL, err)) ==
		NULL)
		rv = -1;
	cs_buf_free(&buf);
	return rv;
}

static int
readcsr(const struct certstore_entry *entry, X509_REQ **csr,
    struct certstore_error *err)
{
	struct cs_buf buf = { 0 };
	char label[LABEL_LEN];
	int rv;

	rv = readpartfile(entry, CS_REQUEST_CSR, &buf, label, err);
	if (rv == 1 && (*csr = cs_cert_csr_frompem(label, &buf, err)) == NULL)
		rv = -1;
	cs_buf_free(&buf);
	return rv;
}

/* Adds the certificates from first to before last, as far as there are any: 1,
 * 0 there are none, -1. */
static int
putcerts(struct cs_buf *out, STACK_OF(X509) *certs, int first, int last,
    struct certstore_error *err)
{
	int i;

	for (i = first; i < last && i < sk_X509_num(certs); i++) {
		if (cs_cert_encode(out, sk_X509_value(certs, i), err) == -1)
			return -1;
	}
	return i > first;
}

/* The issuers, as in ca.pem; the certificate itself where none is known. */
static int
getca(const struct certstore_entry *entry, STACK_OF(X509) *certs,
    struct cs_buf *out, struct certstore_error *err)
{
	STACK_OF(X509) *above = NULL;
	int rv;

	rv = readcerts(entry, CS_CA, &above, err);
	if (rv == 1)
		rv = putcerts(out, above, 0, INT_MAX, err);
	else if (rv == 0 && entry->store != NULL)
		rv = putcerts(out, certs, 0, 1, err);
	sk_X509_pop_free(above, X509_free);
	return rv;
}

/* The root: the last of ca.pem, or the certificate itself; 0 if it is not
 * self-signed. */
static int
getroot(const struct certstore_entry *entry, STACK_OF(X509) *certs,
    struct cs_buf *out, struct certstore_error *err)
{
	STACK_OF(X509) *above = NULL;
	X509 *root;
	int rv;

	rv = readcerts(entry, CS_CA, &above, err);
	if (rv == -1)
		goto out;
	root = rv == 1 ? sk_X509_value(above, sk_X509_num(above) - 1) :
			 sk_X509_value(certs, 0);
	rv = 0;
	if (root != NULL && cs_cert_is_self_signed(root))
		rv = cs_cert_encode(out, root, err) == -1 ? -1 : 1;
out:
	sk_X509_pop_free(above, X509_free);
	return rv;
}

static int
getcsr(const struct certstore_entry *entry, STACK_OF(X509) *certs,
    struct cs_buf *out, struct certstore_error *err)
{
	X509_REQ *csr = NULL;
	int rv;

	(void)certs;
	if ((rv = readcsr(entry, &csr, err)) == 1 &&
	    cs_pem_encode_item(out, "CERTIFICATE REQUEST",
		ASN1_ITEM_rptr(X509_REQ), csr, err) == -1)
		rv = -1;
	X509_REQ_free(csr);
	return rv;
}

/* The SubjectPublicKeyInfo as it is, so that any kind of key will do. */
static int
putpub(struct cs_buf *out, const X509_PUBKEY *pub, struct certstore_error *err)
{
	return cs_pem_encode_item(out, "PUBLIC KEY",
		   ASN1_ITEM_rptr(X509_PUBKEY), pub, err) == -1 ?
	    -1 :
	    1;
}

static int
iskeyonly(const struct certstore_entry *entry)
{
	return entry->store == NULL && entry->pem != NULL &&
	    entry->info.fingerprint == NULL;
}

static int
getpubkey(const struct certstore_entry *entry, STACK_OF(X509) *certs,
    struct cs_buf *out, struct certstore_error *err)
{
	X509_REQ *csr = NULL;
	int rv;

	if (certs != NULL)
		return putpub(out,
		    X509_get_X509_PUBKEY(sk_X509_value(certs, 0)), err);
	if (iskeyonly(entry))
		return cs_buf_adds(out, entry->pem) == -1 ? cs_fail_nomem(err) :
							    1;
	if ((rv = readcsr(entry, &csr, err)) == 1)
		rv = putpub(out, X509_REQ_get_X509_PUBKEY(csr), err);
	X509_REQ_free(csr);
	return rv;
}

/* DANE-EE, SPKI, SHA-256 (RFC 6698 section 2.1, RFC 7671 section 5.1). */
static int
gettlsa(const struct certstore_entry *entry, STACK_OF(X509) *certs,
    struct cs_buf *out, struct certstore_error *err)
{
	(void)certs;
	if (entry->info.spki == NULL)
		return 0;
	if (cs_buf_printf(out, "3 1 1 %s\n", entry->info.spki) == -1)
		return cs_fail_nomem(err);
	return 1;
}

static int
putkeytext(struct cs_buf *out, const char *pem, struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	EVP_PKEY *pkey = NULL;
	int rv = -1;

	if (cs_pem_read("the key", pem, strlen(pem), NULL, &pems, err) == 0 &&
	    pems.n > 0 && (pkey = cs_key_parse_public(&pems.v[0], err)) != NULL)
		rv = cs_print_text(out, CS_PRINT_KEY, pkey, err) == -1 ? -1 : 1;
	EVP_PKEY_free(pkey);
	cs_item_free(&pems);
	return rv;
}

static int
getprose(const struct certstore_entry *entry, STACK_OF(X509) *certs,
    struct cs_buf *out, struct certstore_error *err)
{
	X509_REQ *csr = NULL;
	int rv;

	if (certs != NULL)
		return cs_print_text(out, CS_PRINT_CERT,
			   sk_X509_value(certs, 0), err) == -1 ?
		    -1 :
		    1;
	if (iskeyonly(entry))
		return putkeytext(out, entry->pem, err);
	if ((rv = readcsr(entry, &csr, err)) == 1)
		rv = cs_print_text(out, CS_PRINT_CSR, csr, err) == -1 ? -1 : 1;
	X509_REQ_free(csr);
	return rv;
}

/* A part is a range of the certificates of fullchain.pem, or what get makes of
 * them, which are NULL if there are none.  get returns 1, 0 the entry has no
 * such part, -1. */
static const struct part {
	const char *name;
	int (*get)(const struct certstore_entry *, STACK_OF(X509) *,
	    struct cs_buf *, struct certstore_error *);
	int first, last;
} parts[] = { { "text", getprose, 0, 0 }, { "cert", NULL, 0, 1 },
	{ "chain", NULL, 1, INT_MAX }, { "fullchain", NULL, 0, INT_MAX },
	{ "ca", getca, 0, 0 }, { "root", getroot, 0, 0 },
	{ "csr", getcsr, 0, 0 }, { "pubkey", getpubkey, 0, 0 },
	{ "tlsa", gettlsa, 0, 0 } };

static const struct part *
findpartnamed(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	}
	return NULL;
}

/* Gives 1, 0 when the entry has no such part, or -1. */
int
certstore_entry_part(const struct certstore_entry *entry, const char *name,
    char **data, size_t *len, struct certstore_error *err)
{
	STACK_OF(X509) *certs = NULL;
	struct cs_buf out = { 0 };
	const struct part *part;
	char quoted[CS_QUOTE_LEN];
	int rv;

	cs_error_clear(err);
	*data = NULL;
	*len = 0;
	if ((part = findpartnamed(name)) == NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: not a part: use "
		    "text, cert, chain, fullchain, ca, root, csr, pubkey or "
		    "tlsa",
		    cs_escape_quote(quoted, name));
	if (cs_crypto_check(err) == -1)
		return -1;
	if ((rv = readcerts(entry, CS_FULLCHAIN, &certs, err)) != -1)
		rv = part->get != NULL ?
		    part->get(entry, certs, &out, err) :
		    putcerts(&out, certs, part->first, part->last, err);
	if (rv == 1) {
		*data = out.p;
		*len = out.len;
	} else
		cs_buf_free(&out);
	sk_X509_pop_free(certs, X509_free);
	return rv;
}
