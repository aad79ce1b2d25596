/*
 * export.c: an entry as PKCS#12 (RFC 7292): its private key, its certificate and
 * the issuers in its chain, encrypted with a passphrase.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "issue/private.h"

/* How a file is encrypted.  The same passphrase opens key, certificates and MAC,
 * so that all three have to be equally expensive to try. */
static const struct form {
	int cipher; /* of key and certificates */
	int saltlen, iterations;
	const EVP_MD *(*mac)(void);
} forms[] = {
	/* PBES2 with AES-256-CBC, and PBKDF2 with HMAC-SHA-256 (RFC 8018) */
	[CERTSTORE_EXPORT_MODERN] = { NID_aes_256_cbc, 16, 200000, EVP_sha256 },
	/* for Windows before 10 version 1709, Server 2016, old macOS and iOS */
	[CERTSTORE_EXPORT_LEGACY] = { NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 8,
	    50000, EVP_sha1 },
};

static int
isallascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 0x7f)
			return 0;
	return 1;
}

/*
 * The MAC is computed from the passphrase in UTF-16 (RFC 7292 appendix B.1), the
 * keys of PBES2 from its bytes: programs disagree about both.
 */
static int
judgepassphrase(const struct certstore *store, enum certstore_export_form form,
    const char *encrypt, struct certstore_error *err)
{
	if (*encrypt == '\0')
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "passphrase: is empty: use one that is not");
	if (strlen(encrypt) >= CS_PASSPHRASE_MAX)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "passphrase: longer than %d bytes", CS_PASSPHRASE_MAX - 1);
	if (isallascii(encrypt))
		return 0;
	if (form == CERTSTORE_EXPORT_LEGACY)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "passphrase: not all of it is ASCII, which old programs "
		    "encode each in their own way: use letters, digits and "
		    "signs of ASCII");
	cs_warn(store,
	    "passphrase: not all of it is ASCII: some programs cannot open the "
	    "file with it");
	return 0;
}

/* May its key leave the store? */
static int
judgekey(const struct cs_issuer *is, int force, struct certstore_error *err)
{
	const char *name = is->entry.info.name;
	X509 *x509 = sk_X509_value(is->certs, 0);
	int64_t now = certstore_time_now();
	char when[CERTSTORE_TIME_LEN];

	if (cs_cert_is_ca(x509) == 1 && !force)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is a CA, and who has its key issues certificates that "
		    "this store does not know of: use -f to export it, or "
		    "cert-show -o cert for its certificate",
		    name);
	if (is->entry.info.revoked != NULL)
		cs_warn(is->entry.store, "%s: was revoked at %s", name,
		    is->entry.info.revoked);
	if (cs_cert_ends(x509) < now)
		cs_warn(is->entry.store, "%s: expired %s", name,
		    certstore_time_format(cs_cert_ends(x509), when));
	else if (cs_cert_starts(x509) > now)
		cs_warn(is->entry.store, "%s: is not valid before %s", name,
		    certstore_time_format(cs_cert_starts(x509), when));
	return 0;
}

/* Encrypts and encodes: 0, or -1 if libcrypto fails. */
static int
encodepkcs12(const struct cs_issuer *is, const struct form *form,
    const char *encrypt, unsigned char **der, int *len)
{
	STACK_OF(X509) *above = NULL;
	PKCS12 *p12 = NULL;
	int rv = -1;

	if ((above = sk_X509_dup(is->certs)) == NULL)
		goto out;
	/* the first is the entry's own; -1: the MAC follows */
	p12 = PKCS12_create(encrypt, is->entry.info.name, is->pkey,
	    sk_X509_shift(above), above, form->cipher, form->cipher,
	    form->iterations, -1, 0);
	if (p12 == NULL ||
	    PKCS12_set_mac(p12, encrypt, -1, NULL, form->saltlen,
		form->iterations, form->mac()) != 1 ||
	    (*len = i2d_PKCS12(p12, der)) <= 0)
		goto out;
	rv = 0;
out:
	PKCS12_free(p12);
	sk_X509_free(above);
	return rv;
}

/* An audit wants to know that a key has left the store. */
static int
logexport(struct certstore *store, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	const struct cs_logline line = { .name = entry->info.name,
		.reason = "export",
		.old = entry->info.fingerprint,
		.new = entry->info.fingerprint };

	if (cs_lock_take(store, err) == -1)
		return -1;
	cs_log_add(store, &line);
	cs_lock_release(store);
	return 0;
}

static int
copyder(const unsigned char *from, int n, void **der, size_t *len,
    struct certstore_error *err)
{
	if ((*der = malloc((size_t)n)) == NULL)
		return cs_fail_nomem(err);
	memcpy(*der, from, (size_t)n);
	*len = (size_t)n;
	return 0;
}

int
certstore_export(struct certstore *store, const char *name,
    enum certstore_export_form form, int force, const char *encrypt,
    const struct certstore_passphrase *passphrase, void **der, size_t *len,
    struct certstore_error *err)
{
	struct cs_issuer is = { 0 };
	unsigned char *p = NULL;
	int n = 0, rv = -1;

	*der = NULL;
	*len = 0;
	cs_error_clear(err);
	ERR_clear_error();
	if (form != CERTSTORE_EXPORT_MODERN && form != CERTSTORE_EXPORT_LEGACY)
		return cs_fail(err, CERTSTORE_EARGUMENT, "unknown form %d",
		    (int)form);
	if (judgepassphrase(store, form, encrypt, err) == -1 ||
	    cs_store_refresh(store, err) == -1 ||
	    cs_issuer_open(&is, store, name, err) == -1)
		return -1;
	if (cs_issuer_read(&is, err) == -1 || judgekey(&is, force, err) == -1 ||
	    cs_issuer_key(&is, passphrase, err) == -1)
		goto out;
	if (encodepkcs12(&is, &forms[form], encrypt, &p, &n) == -1)
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: the PKCS#12 file cannot be made", name);
	else if (copyder(p, n, der, len, err) == 0 &&
	    (rv = logexport(store, &is.entry, err)) == -1) {
		free(*der);
		*der = NULL;
		*len = 0;
	}
out:
	OPENSSL_free(p);
	cs_issuer_close(&is);
	ERR_clear_error();
	return rv;
}
