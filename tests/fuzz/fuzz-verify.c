/*
 * fuzz-verify.c: any bytes as a chain, as trust anchors and as CRLs at once,
 * so that paths are found and judged whatever their signatures.  Verdict and
 * reasons must agree, and all of it be fit to print.  A libFuzzer target.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "fuzz.h"
#include "verify/private.h"

#define WHEN 1800000000 /* all of tests/data/verify is valid */

static int
issuffix(void *arg, const char *domain)
{
	(void)arg;
	return strcmp(domain, "com") == 0;
}

static void
judge_text(const char *s)
{
	for (; s != NULL && *s != '\0'; s++)
		HOLDS((unsigned char)*s >= 0x20 && *s != 0x7f);
}

static void
judge_answer(struct certstore_verify *v, int good)
{
	const struct certstore_entry *entry;
	const struct certstore_reason *r;
	struct certstore_error err;
	int errors = 0, n = 0;
	size_t i;

	for (i = 0; certstore_verify_path(v, i, &entry, &err) == 1; i++) {
		judge_text(certstore_entry_subject(entry));
		HOLDS(certstore_entry_fingerprint(entry) != NULL);
		n++;
	}
	HOLDS(n > 0 && n <= CS_PATH_MAX);
	for (i = 0; certstore_verify_reason(v, i, &r) == 1; i++) {
		HOLDS(r->depth < n && r->code != NULL && r->section != NULL);
		judge_text(r->subject);
		judge_text(r->text);
		errors += !r->warning;
	}
	HOLDS(good == (errors == 0));
	HOLDS(!good || certstore_verify_is_anchored(v));
}

static void
verify(const uint8_t *data, size_t len, const char *profile, int crls)
{
	struct certstore_verify *v;
	struct certstore_error err;
	int rv;

	memset(&err, 0, sizeof(err));
	if ((v = certstore_verify_new(NULL, &err)) == NULL)
		abort();
	certstore_verify_set_time(v, WHEN, &err);
	certstore_verify_set_suffix(v, issuffix, NULL, &err);
	HOLDS(certstore_verify_set_profile(v, profile, &err) == 0);
	HOLDS(certstore_verify_set_host(v, "www.example.com", &err) == 0);
	if (certstore_verify_add_anchors(v, "fuzz", data, len, &err) == 0) {
		if (crls)
			certstore_verify_add_crl(v, "fuzz", data, len, &err);
		rv = certstore_verify_certs(v, "fuzz", data, len, NULL, &err);
		HOLDS(rv >= -1 && rv <= 1);
		if (rv == -1)
			judge_text(err.msg);
		else
			judge_answer(v, rv);
	}
	HOLDS(ERR_peek_error() == 0);
	certstore_verify_free(v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	verify(data, len, "any", 1);
	verify(data, len, "server", 0);
	verify(data, len, "webpki", 0);
	verify(data, len, "ca", 1);
	return 0;
}
