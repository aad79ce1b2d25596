/*
 * anchor.c: one certificate as a trust anchor: what it is called, and whether
 * it may be one.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "trust/private.h"

#define ISSUER_SHOWN 100 /* bytes, in a message */

static int
isbaseletter(int c)
{
	return c < 0x80 && (isalnum(c) || c == '.' || c == '-');
}

/* Makes "ISRG_Root_X1" of "ISRG Root X1": other characters become one "_". */
static int
basefromtext(void *arg, const unsigned char *text, size_t len)
{
	char *base = arg;
	size_t i, n = 0;
	int c;

	for (i = 0; i < len && n < CS_ANCHOR_BASE; i++) {
		c = text[i];
		if (n == 0 ? c < 0x80 && isalnum(c) : isbaseletter(c))
			base[n++] = (char)c;
		else if (n > 0 && base[n - 1] != '_')
			base[n++] = '_';
	}
	while (n > 0 && !isalnum((unsigned char)base[n - 1]))
		n--;
	base[n] = '\0';
	return n > 0;
}

void
cs_anchor_base(X509 *x509, char base[CS_ANCHOR_BASE + 1])
{
	base[0] = '\0';
	(void)cs_cert_called(x509, basefromtext, base);
}

/*
 * Reads "sha256:HEX", HEX alone, or what openssl x509 -fingerprint prints: 1 or
 * 0.
 */
int
cs_anchor_fingerprint(const char *text, char hex[65])
{
	static const char *const prefixes[] = { "sha256:",
		"sha256 fingerprint=" };
	size_t i, len;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i]);
		if (strncasecmp(text, prefixes[i], len) == 0) {
			text += len;
			break;
		}
	}
	if (cs_hash_read(text, hex))
		return 1;
	hex[0] = '\0';
	return 0;
}

/* As openssl rehash names them: HASH.N, N counting from 0 for each hash. */
void
cs_anchor_link(char link[CS_ANCHOR_LINK], unsigned long hash, size_t n)
{
	snprintf(link, CS_ANCHOR_LINK, "%08lx.%zu", hash, n);
}

int
cs_anchor_islink(const char *file)
{
	size_t n;

	if (strspn(file, "0123456789abcdef") != 8 || file[8] != '.')
		return 0;
	n = strspn(file + 9, "0123456789");
	return n > 0 && file[9 + n] == '\0';
}

/* The reasons against an anchor, joined with "; ", cut to the size of text. */
struct reasons {
	char text[300];
	size_t len;
};

static void because(struct reasons *, const char *, ...) CS_PRINTFLIKE(2, 3);

static void
because(struct reasons *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(r->text + r->len, sizeof(r->text) - r->len, "%s",
	    r->len > 0 ? "; " : "");
	r->len += (size_t)n;
	if (r->len >= sizeof(r->text))
		r->len = sizeof(r->text) - 1;
	va_start(ap, fmt);
	n = vsnprintf(r->text + r->len, sizeof(r->text) - r->len, fmt, ap);
	va_end(ap);
	r->len += (size_t)n;
	if (r->len >= sizeof(r->text))
		r->len = sizeof(r->text) - 1;
}

static void
becauseissued(struct reasons *r, X509 *x509)
{
	struct cs_buf issuer = { 0 };

	(void)cs_cert_name_text(X509_get_issuer_name(x509), &issuer);
	if (issuer.len > 0)
		because(r, "is not self-signed: its issuer is \"%.*s%s\"",
		    cs_escape_fit(issuer.p, ISSUER_SHOWN), issuer.p,
		    issuer.len > ISSUER_SHOWN ? "..." : "");
	else
		because(r, "is not self-signed");
	cs_buf_free(&issuer);
}

static void
becauseaged(struct reasons *r, X509 *x509)
{
	char weak[120], when[CERTSTORE_TIME_LEN];
	int64_t now = certstore_time_now();

	if (cs_cert_ends(x509) < now)
		because(r, "expired %s",
		    certstore_time_format(cs_cert_ends(x509), when));
	if (cs_cert_starts(x509) > now)
		because(r, "is not yet valid (valid from %s)",
		    certstore_time_format(cs_cert_starts(x509), when));
	if (cs_strength_text(x509, weak, sizeof(weak)))
		because(r, "has a %s, below security level 2", weak);
}

/*
 * May a certificate be an anchor?  An end-entity never.  Validity and strength
 * are not checked in a shipped list: its maker decides, and a wrong clock must
 * not empty the set.
 */
int
cs_anchor_judge(const char *what, X509 *x509, int how,
    struct certstore_error *err)
{
	struct reasons r = { "", 0 };
	int ca, self;

	ca = cs_cert_is_ca(x509);
	self = cs_cert_is_self_signed(x509);
	if (!ca && (how & CS_JUDGE_HELPER) == 0 && X509_check_ca(x509) != 1) {
		ERR_clear_error();
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is not a CA (RFC 5280 section 4.2.1.9) and cannot "
		    "be an anchor: %s",
		    what,
		    self ? "use cert-create -c to make a CA, and let it "
			   "sign for the server" :
			   "add the CA that issued it");
	}
	ERR_clear_error();
	if ((how & CS_JUDGE_FORCE) != 0)
		return 0;
	if (!ca && (how & CS_JUDGE_HELPER) == 0)
		because(&r,
		    "is for a server, and openssl req -x509 marked it as a "
		    "CA by default");
	if (!self && (how & CS_JUDGE_HELPER) == 0)
		becauseissued(&r, x509);
	if ((how & CS_JUDGE_SHIPPED) == 0)
		becauseaged(&r, x509);
	if (r.len == 0)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED, "%s: %s: %s", what, r.text,
	    (how & CS_JUDGE_SHIPPED) != 0 ?
		"left out: use cert-trust -f add to add it" :
		"use -f to add it");
}

int
cs_anchor_signscrls(X509 *x509, int explicit)
{
	uint32_t usage = X509_get_key_usage(x509);

	if (usage == UINT32_MAX)
		return !explicit;
	return (usage & KU_CRL_SIGN) != 0;
}

int
cs_anchor_isbarred(const struct cs_setname *tn, const struct cs_uses *uses,
    char *why, size_t size)
{
	if (!cs_uses_forbid(uses, CS_USE_SERVER, why, size))
		return 0;
	return !tn->named || cs_uses_forbid(uses, CS_USE_CLIENT, why, size);
}
