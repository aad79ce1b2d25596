/*
 * probe-tls.c: the handshake of TLS, to see which certificates a server sends.
 * They are not verified here, and weak keys, old versions and old signatures
 * are no obstacle; but a server that has not the key does not get through.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "cmd.h"
#include "probe.h"

#define CIPHERS "ALL:!aNULL:!eNULL:!PSK:!SRP:@SECLEVEL=0"

/* Signatures by which a server of TLS 1.2 and 1.3 chooses its certificate. */
static struct {
	const char *type;
	char algorithms[200]; /* libssl takes no const */
} types[] = {
	{ "ec",
	    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA224:ECDSA+SHA1" },
	{ "ed25519", "ed25519" },
	{ "ed448", "ed448" },
	{ "rsa",
	    "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:rsa_pss_pss_sha256:"
	    "rsa_pss_pss_sha384:rsa_pss_pss_sha512:RSA+SHA256:RSA+SHA384:"
	    "RSA+SHA512:RSA+SHA224:RSA+SHA1" },
};

/* Adds what the server sends to the chain: 0, or -1. */
static int
keepchain(struct probe_tls *tls, STACK_OF(X509) *certs)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long len;
	int i, rv = -1;

	free(tls->chain);
	tls->chain = NULL;
	if (bio == NULL)
		return -1;
	for (i = 0; i < sk_X509_num(certs); i++)
		if (PEM_write_bio_X509(bio, sk_X509_value(certs, i)) != 1)
			goto out;
	if ((len = BIO_get_mem_data(bio, &data)) <= 0 ||
	    (tls->chain = malloc((size_t)len)) == NULL)
		goto out;
	memcpy(tls->chain, data, (size_t)len);
	tls->len = (size_t)len;
	rv = 0;
out:
	BIO_free(bio);
	return rv;
}

/* Called in place of a verification, when the certificates have arrived. */
static int
seecerts(X509_STORE_CTX *ctx, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx,
	    SSL_get_ex_data_X509_STORE_CTX_idx());

	(void)arg;
	if (ssl != NULL)
		(void)keepchain(SSL_get_app_data(ssl),
		    X509_STORE_CTX_get0_untrusted(ctx));
	return 1;
}

/* One for all connections: it takes time to make. */
static SSL_CTX *
makecontext(void)
{
	static SSL_CTX *ctx;

	if (ctx != NULL)
		return ctx;
	if ((ctx = SSL_CTX_new(TLS_client_method())) == NULL)
		return NULL;
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, seecerts, NULL);
	SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1 &&
	    SSL_CTX_set_max_proto_version(ctx, 0) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	ctx = NULL;
	return NULL;
}

static int
settype(SSL *ssl, const char *type)
{
	size_t i;

	if (type == NULL)
		return 0;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0)
			return SSL_set1_sigalgs_list(ssl,
				   types[i].algorithms) == 1 ?
			    0 :
			    -1;
	return -1;
}

int
probe_tls_start(struct probe_tls *tls, int fd, char *name, const char *type)
{
	SSL_CTX *ctx;
	SSL *ssl = NULL;

	memset(tls, 0, sizeof(*tls));
	ERR_clear_error();
	if ((ctx = makecontext()) == NULL || (ssl = SSL_new(ctx)) == NULL ||
	    SSL_set_app_data(ssl, tls) != 1 || SSL_set_fd(ssl, fd) != 1 ||
	    (*name != '\0' && SSL_set_tlsext_host_name(ssl, name) != 1) ||
	    settype(ssl, type) == -1) {
		snprintf(tls->why, sizeof(tls->why),
		    "libssl cannot begin a handshake");
		SSL_free(ssl);
		ERR_clear_error();
		return -1;
	}
	SSL_set_connect_state(ssl);
	tls->ssl = ssl;
	return 0;
}

/* What an alert of the server means here, RFC 8446 section 6.2. */
static void
explainalert(struct probe_tls *tls, int alert)
{
	const char *what = NULL;

	switch (alert) {
	case SSL_AD_HANDSHAKE_FAILURE:
		tls->refused = 1;
		what = "it has no certificate or cipher for this client";
		break;
	case SSL_AD_INSUFFICIENT_SECURITY:
		tls->refused = 1;
		break;
	case SSL_AD_UNRECOGNIZED_NAME:
		tls->refused = 1;
		what = "it does not know the name";
		break;
	case SSL_AD_PROTOCOL_VERSION:
		what = "it speaks no version of TLS from 1.0 to 1.3";
		break;
	}
	snprintf(tls->why, sizeof(tls->why),
	    "refuses the handshake with the alert \"%s\"%s%s",
	    SSL_alert_desc_string_long(alert), what == NULL ? "" : ": ",
	    what == NULL ? "" : what);
}

/* Sets why.  Returns 1 if the server gave the reason, by an alert, else 0. */
static int
explainfailure(struct probe_tls *tls, int error, int errnum)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_REASON(code);
	const char *text;

	if (error == SSL_ERROR_SSL && ERR_GET_LIB(code) == ERR_LIB_SSL &&
	    reason >= SSL_AD_REASON_OFFSET) {
		explainalert(tls, reason - SSL_AD_REASON_OFFSET);
		return 1;
	}
	if (error == SSL_ERROR_SYSCALL && errnum != 0 && errnum != ECONNRESET &&
	    errnum != EPIPE) {
		snprintf(tls->why, sizeof(tls->why), "TLS handshake: %s",
		    strerror(errnum));
		return 0;
	}
	if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN ||
	    reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		snprintf(tls->why, sizeof(tls->why),
		    "closes the connection during the TLS handshake");
		return 0;
	}
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG:
	case SSL_R_BAD_RECORD_TYPE:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_UNEXPECTED_MESSAGE:
		tls->isnone = 1;
		snprintf(tls->why, sizeof(tls->why), "does not speak TLS");
		return 0;
	}
	text = ERR_reason_error_string(code);
	snprintf(tls->why, sizeof(tls->why), "TLS handshake: %s",
	    text == NULL ? "it fails" : text);
	return 0;
}

/*
 * A server that wants a certificate of the client ends the handshake, but has
 * sent its own: that is enough.
 */
int
probe_tls_step(struct probe_tls *tls)
{
	SSL *ssl = tls->ssl;
	int error, errnum, rv;

	ERR_clear_error();
	errno = 0;
	rv = SSL_do_handshake(ssl);
	errnum = errno;
	if (rv == 1) {
		(void)SSL_shutdown(ssl);
		ERR_clear_error();
		if (tls->chain != NULL)
			return 1;
		snprintf(tls->why, sizeof(tls->why), "sends no certificate");
		return -1;
	}
	switch (error = SSL_get_error(ssl, rv)) {
	case SSL_ERROR_WANT_READ:
		tls->events = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		tls->events = POLLOUT;
		return 0;
	default:
		rv = explainfailure(tls, error, errnum);
		ERR_clear_error();
		return rv == 1 && tls->chain != NULL ? 1 : -1;
	}
}

void
probe_tls_free(struct probe_tls *tls)
{
	SSL_free(tls->ssl);
	free(tls->chain);
	memset(tls, 0, sizeof(*tls));
}
