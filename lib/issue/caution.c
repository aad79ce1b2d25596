/*
 * caution.c: warnings of cert-create: what is replaced, what is lost by that,
 * and names that no client looks for.  They are lines, added to a buffer;
 * without memory a warning is left out.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "issue/private.h"

/* Is the common name one of the SANs, or no host name at all? */
static int
isanynamed(const struct certstore_template *t, const char *cn)
{
	char host[CS_HOST_MAX + 1];
	size_t i;

	if (!cs_name_ip(cn, host, NULL, NULL) &&
	    (strchr(cn, '.') == NULL ||
		cs_name_hostflaw(cn, 1, 0, host) != NULL))
		return 1;
	for (i = 0; i < t->nsan; i++)
		if (strcmp(t->san[i].value, host) == 0)
			return 1;
	return 0;
}

static void
cautioncn(struct cs_buf *b, const char *name,
    const struct certstore_template *t, int request, const char *cn)
{
	const char *quote = *cn == '*' ? "'" : "";
	char host[CS_HOST_MAX + 1], q[CS_QUOTE_LEN];

	cs_escape_quote(q, cn);
	if (request && cs_name_ip(cn, host, NULL, NULL))
		(void)cs_buf_printf(b,
		    "%s: the common name %s is an address: public CAs "
		    "refuse such a request: use -s for it\n",
		    name, q);
	else if (!isanynamed(t, cn))
		(void)cs_buf_printf(b,
		    "%s: the common name %s is no subject alternative name, "
		    "and clients use only those: add -s %s%s%s\n",
		    name, q, quote, cn, quote);
}

/* Warns of names that were asked for and that no client looks for. */
void
cs_caution_names(struct cs_buf *b, const char *name,
    const struct certstore_template *t, int request)
{
	size_t i;

	for (i = 0; i < t->nsubject && cs_template_serves(t); i++)
		if (strcmp(t->subject[i].attr, "CN") == 0 &&
		    t->subject[i].value[0] != '\0')
			cautioncn(b, name, t, request, t->subject[i].value);
}

/* Warns of what verifiers of calls expect, ATIS-1000080 section 6.4.1. */
void
cs_caution_calls(struct cs_buf *b, const char *name,
    const struct certstore_template *t, const X509_NAME *subject)
{
	const struct cs_strings *codes = &t->calls.spc;
	char q[CS_QUOTE_LEN];

	if (t->ca || codes->n == 0)
		return;
	if (codes->n > 1)
		(void)cs_buf_printf(b,
		    "%s: has %zu service provider codes: verifiers expect "
		    "one\n",
		    name, codes->n);
	if (!cs_tnauth_isnamed(subject, codes->v[0], q))
		(void)cs_buf_printf(b,
		    "%s: the common name %s does not contain the service "
		    "provider code: verifiers may refuse it: use -S 'CN=SHAKEN "
		    "%s'\n",
		    name, q, codes->v[0]);
}

static void
cautionlost(struct cs_buf *b, const struct certstore_entry *old,
    const struct certstore_template *t)
{
	struct cs_buf list = { NULL, 0, 0 };
	struct cs_tnauth calls = { 0 };
	const char *first;

	if (cs_tnauth_addinfo(&calls, &old->info) == 0 &&
	    (first = cs_tnauth_outside(&calls, &t->calls)) != NULL)
		(void)cs_buf_printf(b, "%s: no longer signs calls for %s\n",
		    old->info.name, first);
	cs_tnauth_free(&calls);
	if (cs_names_lost(&list, t->san, t->nsan, &old->info) > 0)
		(void)cs_buf_printf(b, "%s: no longer covers %s\n",
		    old->info.name, list.p);
	cs_buf_free(&list);
}

/* Has the new CA fewer constraints than the old one? */
static void
cautionconstraints(struct cs_buf *b, const struct certstore_entry *old,
    const struct certstore_template *t)
{
	struct certstore_error ignored;
	NAME_CONSTRAINTS *has = NULL;
	X509 *x509;

	if ((x509 = cs_keep_cert(old, &ignored)) == NULL)
		return;
	has = X509_get_ext_d2i(x509, NID_name_constraints, NULL, NULL);
	ERR_clear_error();
	if ((has != NULL && has->permittedSubtrees != NULL &&
		t->permit == NULL) ||
	    (has != NULL && has->excludedSubtrees != NULL &&
		t->exclude == NULL) ||
	    (t->pathlen < 0 &&
		cs_constraint_pathlen(X509_get0_extensions(x509)) >= 0))
		(void)cs_buf_printf(b,
		    "%s: no longer has the constraints it had: use -C to "
		    "set them\n",
		    old->info.name);
	NAME_CONSTRAINTS_free(has);
	X509_free(x509);
}

/* Warns of what -f takes away that was not mentioned; is: the issuer of the new
 * certificate, or NULL. */
void
cs_caution_force(struct cs_buf *b, const struct certstore_entry *old,
    const struct certstore_template *asked, const struct certstore_template *t,
    const struct cs_issuer *is)
{
	const struct cs_info *info = &old->info;
	struct certstore_error ignored;

	if (info->fingerprint == NULL)
		return;
	if (!t->ca)
		cautionlost(b, old, t);
	else if (strcmp(info->kind, "ca") == 0)
		cautionconstraints(b, old, t);
	if (!info->self && is == NULL)
		(void)cs_buf_printf(b,
		    "%s: was signed by \"%.200s\", and is now self-signed: "
		    "use -A to sign with a CA\n",
		    info->name, info->issuer == NULL ? "" : info->issuer);
	if (asked->type[0] == '\0' && asked->pkey == NULL &&
	    info->key != NULL && strcmp(info->key, t->type) != 0)
		(void)cs_buf_printf(b,
		    "%s: had a key of type %s, and now has %s\n", info->name,
		    info->key, t->type);
	if (t->ca && t->encrypt == NULL &&
	    cs_reuse_isencrypted(old, CS_PRIVKEY, &ignored) == 1)
		(void)cs_buf_printf(b,
		    "%s: its key was encrypted, and the new one is not: use "
		    "-E to encrypt it\n",
		    info->name);
}

/* Warns of what a new request takes away or makes weaker. */
void
cs_caution_request(struct cs_buf *b, const struct certstore_entry *old,
    const struct certstore_template *t)
{
	const struct cs_info *info = &old->info;
	struct certstore_error ignored;

	if (info->hasrequest && !info->ordered)
		(void)cs_buf_printf(b,
		    "%s: an answer to the earlier request no longer "
		    "matches: send this one\n",
		    info->name);
	if (t->ca && t->encrypt == NULL && info->fingerprint != NULL &&
	    cs_reuse_isencrypted(old, CS_PRIVKEY, &ignored) == 1)
		(void)cs_buf_printf(b,
		    "%s: its key is encrypted, and that of the request is "
		    "not: use -E to encrypt it\n",
		    info->name);
}

/*
 * Warns when a CA gets another key: what it issued was signed by the old one.
 */
void
cs_caution_ca(struct cs_buf *b, const struct certstore_entry *old,
    EVP_PKEY *pkey)
{
	const struct cs_info *info = &old->info;
	struct certstore_error ignored;
	char spki[CS_HASH_LEN];

	if (info->spki == NULL || info->fingerprint == NULL ||
	    strcmp(info->kind, "ca") != 0)
		return;
	if (cs_key_spki(pkey, spki, &ignored) == 0 &&
	    strcmp(spki, info->spki) != 0)
		(void)cs_buf_printf(b,
		    "%s: certificates of the old CA do not verify with the "
		    "new one: sign them again\n",
		    info->name);
}
