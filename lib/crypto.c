/*
 * crypto.c: turns the error queue of libcrypto into the caller's error.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "crypto.h"

/*
 * The oldest entry of the queue is the useful one: what follows only says who
 * passed it on.
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

	err->code = code;
	err->errnum = 0;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	cs_escape_message(err->msg);
	if ((e = ERR_peek_error()) != 0) {
		if (ERR_SYSTEM_ERROR(e)) {
			err->errnum = ERR_GET_REASON(e);
			reason = strerror_r(err->errnum, buf, sizeof(buf));
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
