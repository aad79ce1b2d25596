/*
 * crypto.c: copies the error queue of libcrypto to the caller's error, and
 * checks whether libcrypto has the algorithms that we need.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/conf.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/base.h"
#include "system.h"

/*
 * Sets the error to the message and the oldest entry of the queue, which is
 * the cause: later entries only name the functions that passed it on.
 */
int
cs_fail_crypto(struct certstore_error *err, enum certstore_code code,
    const char *fmt, ...)
{
	char buf[128];
	const char *reason = NULL;
	unsigned long e;
	va_list ap;
	size_t len;

	if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE) {
		ERR_clear_error();
		return cs_fail_nomem(err);
	}
	err->code = code;
	err->errnum = 0;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	cs_escape_message(err->msg);
	if ((e = ERR_peek_error()) != 0) {
		if (ERR_SYSTEM_ERROR(e)) {
			err->errnum = ERR_GET_REASON(e);
			reason = system_strerror(err->errnum, buf, sizeof(buf));
		} else {
			reason = ERR_reason_error_string(e);
		}
	}
	ERR_clear_error();
	if (reason != NULL) {
		len = strlen(err->msg);
		snprintf(err->msg + len, sizeof(err->msg) - len, ": %s",
		    reason);
	}
	return -1;
}

/* Whether a digest and a key decoder can be found: both need a provider. */
static int
hasproviders(void)
{
	OSSL_DECODER *decoder = NULL;
	EVP_MD *md;

	if ((md = EVP_MD_fetch(NULL, "SHA2-256", NULL)) != NULL)
		decoder = OSSL_DECODER_fetch(NULL, "EC",
		    "input=der,structure=SubjectPublicKeyInfo");
	OSSL_DECODER_free(decoder);
	EVP_MD_free(md);
	return decoder != NULL;
}

/*
 * Checks whether libcrypto has algorithms.  Without a provider its functions
 * fail with a wrong reason (malformed certificate, no memory), so call this
 * first.  libcrypto keeps what it has fetched: a second call is cheap.
 */
int
cs_crypto_check(struct certstore_error *err)
{
	char clean[256], *file;
	int nomem;

	/* without its context libcrypto crashes */
	if (OSSL_LIB_CTX_get0_global_default() == NULL)
		return cs_fail_nomem(err);
	if (hasproviders())
		return 0;
	nomem = ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE;
	ERR_clear_error();
	if (nomem)
		return cs_fail_nomem(err);
	file = CONF_get1_default_config_file();
	if (file == NULL)
		return cs_fail_nomem(err);
	certstore_escape(clean, sizeof(clean), file, strlen(file));
	OPENSSL_free(file);
	if (EVP_default_properties_is_fips_enabled(NULL))
		return cs_fail(err, CERTSTORE_ECRYPTO,
		    "%s: OpenSSL may use only algorithms with fips=yes, and "
		    "has none: install and activate the FIPS module, or "
		    "remove fips=yes from default_properties there",
		    clean);
	return cs_fail(err, CERTSTORE_ECRYPTO,
	    "%s: OpenSSL has no algorithms with this configuration: "
	    "activate the default provider there, or run this with "
	    "OPENSSL_CONF=/dev/null",
	    clean);
}
