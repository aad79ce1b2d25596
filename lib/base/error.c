/*
 * error.c: sets the caller's error.  Its buffer has a fixed size, so setting it
 * cannot fail.  Bytes of labels and paths that control a terminal are escaped.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "system.h"

void
cs_error_clear(struct certstore_error *err)
{
	err->code = CERTSTORE_OK;
	err->errnum = 0;
	err->msg[0] = '\0';
}

int
cs_fail(struct certstore_error *err, enum certstore_code code, const char *fmt,
    ...)
{
	va_list ap;

	err->code = code;
	err->errnum = 0;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	cs_escape_message(err->msg);
	return -1;
}

/* A long path is cut, so that the reason is there. */
int
cs_fail_errno(struct certstore_error *err, const char *fmt, ...)
{
	char buf[128];
	const char *reason;
	int errnum = errno;
	size_t len, max;
	va_list ap;

	err->code = CERTSTORE_ESYSTEM;
	err->errnum = errnum;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	cs_escape_message(err->msg);
	reason = system_strerror(errnum, buf, sizeof(buf));
	max = sizeof(err->msg) - sizeof(": ") - strlen(reason);
	if ((len = strlen(err->msg)) > max)
		for (len = max; len > 0 && (err->msg[len] & 0xc0) == 0x80;)
			len--; /* no part of a character */
	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", reason);
	return -1;
}

int
cs_fail_nomem(struct certstore_error *err)
{
	errno = ENOMEM;
	return cs_fail_errno(err, "no memory left");
}

int
cs_error_isnomem(const struct certstore_error *err)
{
	return err->code == CERTSTORE_ESYSTEM && err->errnum == ENOMEM;
}

int
cs_error_flags(int flags, int known, struct certstore_error *err)
{
	if ((flags & ~known) == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "flags: 0x%x is not a flag of this function: use those of its "
	    "manual page",
	    (unsigned int)(flags & ~known));
}

int
cs_error_keep(struct certstore_error *kept, int rv,
    const struct certstore_error *err)
{
	if (rv == -1)
		*kept = *err;
	else
		cs_error_clear(kept);
	return rv;
}

const char *
certstore_version(void)
{
	return CERTSTORE_VERSION;
}
