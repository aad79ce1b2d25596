/*
 * reuse.c: is the certificate or the request of an entry what a template asks
 * for, so that -u makes no new one?  Only what is asked for is compared, not
 * defaults; the entry may have more.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

static int unfit(struct cs_reuse *, const char *, ...) CS_PRINTFLIKE(2, 3);

/* Sets why it is not reused.  Always 0. */
static int
unfit(struct cs_reuse *reuse, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reuse->why, sizeof(reuse->why), fmt, ap);
	va_end(ap);
	return 0;
}

/* Is the SAN there, byte for byte?  Names are mostly in the order in which they
 * are asked for: the search begins at *next, behind the last one found. */
static int
hasspelled(const struct cs_info *info, const struct cs_san *san, size_t *next)
{
	size_t i, k;

	for (k = 0; k < info->nsan; k++) {
		i = (*next + k) % info->nsan;
		if (info->san[i].type == san->type &&
		    strcmp(info->san[i].value, san->value) == 0) {
			*next = i + 1;
			return 1;
		}
	}
	return 0;
}

/* The first name that is asked for and not covered (RFC 9525 section 6.3), or
 * NULL. */
static const char *
uncovered(const struct cs_info *info, const struct certstore_template *t)
{
	const struct cs_san *names;
	struct cs_san cn;
	size_t i, n, next = 0;

	names = cs_names_of(info, &cn, &n);
	for (i = 0; i < t->nsan; i++)
		if (!hasspelled(info, &t->san[i], &next) &&
		    !cs_names_cover(names, n, t->san[i].type, t->san[i].value))
			return t->san[i].value;
	return NULL;
}

/* Is it the key that is asked for, or of the type; any if neither is. */
static int
hasaskedkey(const struct cs_info *info, const struct certstore_template *asked)
{
	struct certstore_error ignored;
	char spki[CS_HASH_LEN];

	if (asked->pkey == NULL)
		return asked->type[0] == '\0' ||
		    (info->key != NULL && strcmp(info->key, asked->type) == 0);
	if (cs_key_spki(asked->pkey, spki, &ignored) == -1)
		return 0;
	return (info->spki != NULL && strcmp(info->spki, spki) == 0) ||
	    (info->samekey != NULL && strcmp(info->samekey, spki) == 0);
}

/* Does it sign calls for all that is asked for?  The list is freed. */
static int
samecalls(struct cs_tnauth *has, const struct certstore_template *asked,
    struct cs_reuse *reuse)
{
	const char *lacks = cs_tnauth_outside(&asked->calls, has);
	int rv = 1;

	if (lacks != NULL)
		rv = unfit(reuse, "does not sign calls for %s", lacks);
	cs_tnauth_free(has);
	return rv;
}

/* Does its extended key usage allow the profile, if there is one?  What signs
 * calls needs none. */
static int
coversprofile(const struct cs_info *info, const char *profile)
{
	if (info->usage.n == 0 || *profile == '\0' ||
	    strcmp(profile, "shaken") == 0 || cs_info_has_usage(info, "any"))
		return 1;
	if (strcmp(profile, "peer") == 0)
		return cs_info_has_usage(info, "server") &&
		    cs_info_has_usage(info, "client");
	return cs_info_has_usage(info,
	    strcmp(profile, "mail") == 0 ? "email" : profile);
}

/*
 * Is it signed by the issuer, by the files or else by its signature?  1, 0, -1.
 */
static int
sameissuer(const struct certstore_entry *entry, struct cs_issuer *is,
    struct certstore_error *err)
{
	X509 *x509;
	int rv;

	if ((rv = cs_issuer_isabove(is, entry, err)) != 0)
		return rv;
	if (cs_issuer_read(is, err) == -1 ||
	    (x509 = cs_keep_cert(entry, err)) == NULL)
		return -1;
	rv = cs_cert_is_signed_by(x509, sk_X509_value(is->certs, 0)) == 1;
	X509_free(x509);
	return rv;
}

static int
hasconstraints(const struct certstore_template *t)
{
	return t->permit != NULL || t->exclude != NULL || t->pathlen >= 0;
}

/*
 * Has it all constraints that are asked for, and permits nothing else?  1 or 0.
 */
static int
sameconstraints(const STACK_OF(X509_EXTENSION) *exts,
    const struct certstore_template *asked, struct cs_reuse *reuse)
{
	const STACK_OF(GENERAL_SUBTREE) *permit, *exclude;
	const GENERAL_SUBTREE *tree;
	NAME_CONSTRAINTS *nc;
	char text[CS_CONSTRAINT_LEN];
	int rv = 1;

	if (!hasconstraints(asked))
		return 1;
	nc = X509V3_get_d2i(exts, NID_name_constraints, NULL, NULL);
	permit = nc == NULL ? NULL : nc->permittedSubtrees;
	exclude = nc == NULL ? NULL : nc->excludedSubtrees;
	if (asked->pathlen >= 0 &&
	    asked->pathlen != cs_constraint_pathlen(exts))
		rv = unfit(reuse, "does not have pathlen=%d", asked->pathlen);
	else if ((tree = cs_constraint_lacks(permit, asked->permit)) != NULL)
		rv = unfit(reuse, "does not permit %s",
		    cs_constraint_spell(tree, text));
	else if (asked->permit != NULL &&
	    (tree = cs_constraint_lacks(asked->permit, permit)) != NULL)
		rv = unfit(reuse, "permits %s, too",
		    cs_constraint_spell(tree, text));
	else if ((tree = cs_constraint_lacks(exclude, asked->exclude)) != NULL)
		rv = unfit(reuse, "does not exclude %s",
		    cs_constraint_spell(tree, text));
	NAME_CONSTRAINTS_free(nc);
	ERR_clear_error();
	return rv;
}

static int
samesubject(const X509_NAME *subject, const struct certstore_template *asked,
    struct cs_reuse *reuse)
{
	const char *attr = cs_subject_lacks(subject, asked);

	return attr == NULL ?
	    1 :
	    unfit(reuse, "has a different %s in its subject", attr);
}

static int
sameextra(const STACK_OF(X509_EXTENSION) *exts, EVP_PKEY *pkey,
    const struct certstore_template *asked, struct cs_reuse *reuse)
{
	char why[160];

	return cs_extra_lacks(asked, exts, pkey, why, sizeof(why)) ?
	    unfit(reuse, "%s", why) :
	    1;
}

/* Compares what info does not have: subject, constraints, what a profile file
 * adds.  The subject of an imported certificate was chosen by its CA, and is not
 * compared. */
static int
samecontents(const struct certstore_entry *entry,
    const struct certstore_template *asked, int imported,
    struct cs_reuse *reuse, struct certstore_error *err)
{
	int rv = 1, subject = !imported && asked->nsubject > 0;
	X509 *x509;

	if (!subject && !hasconstraints(asked) &&
	    !cs_extra_isset(&asked->extra))
		return 1;
	if ((x509 = cs_keep_cert(entry, err)) == NULL)
		return -1;
	if (subject)
		rv = samesubject(X509_get_subject_name(x509), asked, reuse);
	if (rv == 1)
		rv = sameconstraints(X509_get0_extensions(x509), asked, reuse);
	if (rv == 1)
		rv = sameextra(X509_get0_extensions(x509),
		    X509_get0_pubkey(x509), asked, reuse);
	X509_free(x509);
	ERR_clear_error();
	return rv;
}

int
cs_reuse_isencrypted(const struct certstore_entry *entry, enum cs_file file,
    struct certstore_error *err)
{
	struct cs_buf pem = { NULL, 0, 0 };
	int rv;

	if ((rv = cs_entry_read(entry, file, &pem, err)) == 1)
		rv = cs_key_isencrypted(&pem);
	cs_buf_free(&pem);
	return rv;
}

/* Is the key encrypted with the passphrase that is asked for? -u does not
 * change a passphrase. */
static int
sameencryption(const struct certstore_entry *entry, enum cs_file file,
    const struct certstore_template *asked, struct cs_reuse *reuse,
    struct certstore_error *err)
{
	struct certstore_passphrase pass = cs_decrypt_known(asked->encrypt);
	struct cs_buf pem = { NULL, 0, 0 };
	EVP_PKEY *pkey = NULL;
	int rv;

	if (asked->encrypt == NULL)
		return 1;
	if ((rv = cs_reuse_isencrypted(entry, file, err)) != 1)
		return rv == -1 ?
		    -1 :
		    unfit(reuse, "has a key that is not encrypted");
	if (cs_entry_read(entry, file, &pem, err) == 1)
		pkey = cs_key_frompem(entry->info.name, &pem, &pass, err);
	cs_buf_free(&pem);
	if (pkey == NULL && err->code == CERTSTORE_EPASSPHRASE) {
		unfit(reuse, "has a key with another passphrase");
		reuse->refused = 1;
		cs_fail(err, CERTSTORE_EPASSPHRASE,
		    "%s: its key is encrypted with another passphrase: use "
		    "that one with -E, or -f to make a new key",
		    entry->info.name);
	}
	rv = pkey == NULL ? -1 : 1;
	EVP_PKEY_free(pkey);
	return rv;
}

/* Was the key changed after info, which is written last? */
static int
istouched(const struct certstore_entry *entry)
{
	struct stat info, st;

	return cs_entry_stat(entry, CS_INFO, &info) == -1 ||
	    cs_entry_stat(entry, CS_PRIVKEY, &st) == -1 ||
	    st.st_ctim.tv_sec > info.st_ctim.tv_sec ||
	    (st.st_ctim.tv_sec == info.st_ctim.tv_sec &&
		st.st_ctim.tv_nsec > info.st_ctim.tv_nsec);
}

/*
 * Is it the key that was written with info?  Time stamps are coarse, so that
 * combined.pem must begin with it, too.  0 may be wrong, for a copied store; 1
 * saves decoding the key, which costs more than all else.
 */
static int
isasmade(const struct certstore_entry *entry, const struct cs_buf *pem)
{
	struct certstore_error ignored;
	struct cs_buf combined = { NULL, 0, 0 };
	int rv;

	rv = pem->len > 0 && !istouched(entry) &&
	    cs_entry_read(entry, CS_COMBINED, &combined, &ignored) == 1 &&
	    combined.len > pem->len &&
	    memcmp(combined.p, pem->p, pem->len) == 0;
	cs_buf_free(&combined);
	return rv;
}

/* Is there a key, and is it the one with this SHA-256?  An encrypted one only
 * has to be there.  1, 0, -1. */
int
cs_reuse_haskey(const struct certstore_entry *entry, enum cs_file file,
    const char *spki, struct cs_reuse *reuse, struct certstore_error *err)
{
	struct certstore_error flaw;
	struct cs_buf pem = { NULL, 0, 0 };
	char hex[CS_HASH_LEN] = "";
	EVP_PKEY *pkey = NULL;
	int rv;

	if ((rv = cs_entry_read(entry, file, &pem, err)) == -1)
		goto out;
	if (rv == 0 || pem.len == 0) {
		rv = unfit(reuse, "has no private key");
	} else if ((file == CS_PRIVKEY && isasmade(entry, &pem)) ||
	    cs_key_isencrypted(&pem)) {
		rv = 1;
	} else if ((pkey = cs_key_frompem(entry->info.name, &pem, NULL,
			&flaw)) == NULL) {
		rv = unfit(reuse, "has a damaged private key");
	} else if (cs_key_spki(pkey, hex, err) == -1) {
		rv = -1;
	} else if (spki == NULL || strcmp(hex, spki) != 0 ||
	    !cs_keypair_matches(pkey))
		rv = unfit(reuse, "has a private key that does not match");
out:
	EVP_PKEY_free(pkey);
	cs_buf_free(&pem);
	ERR_clear_error();
	return rv;
}

/* Is it valid now, with its key, whatever is asked for? */
static int
worksnow(const struct certstore_entry *entry, struct cs_reuse *reuse,
    struct certstore_error *err)
{
	static const struct certstore_span now = { CERTSTORE_SPAN_FOR, 0, 0,
		0 };
	const struct cs_info *info = &entry->info;
	char when[CERTSTORE_TIME_LEN];
	const char *subject;
	int64_t ends;

	if (info->fingerprint == NULL || !info->haskey)
		return unfit(reuse, "has no certificate or no private key");
	if (info->starts > certstore_time_now())
		return unfit(reuse, "is not yet valid (valid from %s)",
		    certstore_time_format(info->starts, when));
	if (certstore_entry_ends_within(entry, &now, certstore_time_now(),
		&subject, &ends))
		return unfit(reuse, "expired %s",
		    certstore_time_format(ends, when));
	return cs_reuse_haskey(entry, CS_PRIVKEY, info->spki, reuse, err);
}

/* CAs, servers, mail and what signs calls never replace each other. */
static int
samekind(const struct cs_info *info, const struct certstore_template *t,
    struct cs_reuse *reuse)
{
	if ((strcmp(info->kind, "ca") == 0) != (t->ca != 0))
		return unfit(reuse, t->ca ? "is not a CA" : "is a CA");
	if ((strcmp(info->kind, "shaken") == 0) != cs_calls_signs(t))
		return unfit(reuse,
		    cs_calls_signs(t) ? "does not sign calls" : "signs calls");
	if (t->ca || coversprofile(info, t->profile))
		return 1;
	if (strcmp(t->profile, "mail") == 0)
		return unfit(reuse, "is not for mail");
	if (cs_info_has_usage(info, "email"))
		return unfit(reuse, "is for mail");
	return 1;
}

static int
hasallasked(const struct certstore_entry *entry,
    const struct certstore_template *asked, const struct certstore_template *t,
    struct cs_issuer *is, int imported, struct cs_reuse *reuse,
    struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	struct cs_tnauth calls = { 0 };
	const char *name;
	char q[CS_QUOTE_LEN];
	int rv;

	if ((name = uncovered(info, t)) != NULL)
		return unfit(reuse, "does not cover %s",
		    cs_escape_quote(q, name));
	if (cs_tnauth_addinfo(&calls, info) == -1)
		return cs_fail_nomem(err);
	if (!samecalls(&calls, asked, reuse))
		return 0;
	if (!hasaskedkey(info, asked) && asked->pkey != NULL)
		return unfit(reuse, "has another key");
	if (!hasaskedkey(info, asked))
		return unfit(reuse, "has another key: %s, not %s", info->key,
		    asked->type);
	if (!t->ca && !coversprofile(info, t->profile))
		return unfit(reuse, "is not for a %s", t->profile);
	if (is != NULL && (rv = sameissuer(entry, is, err)) != 1)
		return rv == -1 ?
		    -1 :
		    unfit(reuse, "is not signed by %s", is->entry.info.name);
	if (is != NULL && is->entry.info.ends < certstore_time_now())
		return unfit(reuse, "is signed by %s, which is expired",
		    is->entry.info.name);
	if ((rv = samecontents(entry, asked, imported, reuse, err)) != 1)
		return rv;
	return sameencryption(entry, CS_PRIVKEY, asked, reuse, err);
}

/* Is enough of its validity left? */
static int
lastslongenough(const struct certstore_entry *entry,
    const struct certstore_template *t, struct cs_reuse *reuse)
{
	static const struct certstore_span third = { CERTSTORE_SPAN_PART, 0, 1,
		3 };
	char when[CERTSTORE_TIME_LEN];
	const char *subject;
	int64_t ends;

	if (!certstore_entry_ends_within(entry,
		t->haswithin ? &t->within : &third, certstore_time_now(),
		&subject, &ends))
		return 1;
	reuse->due = 1;
	return unfit(reuse, "expires %s", certstore_time_format(ends, when));
}

int
cs_reuse_entry(const struct certstore_entry *entry,
    const struct certstore_template *asked, const struct certstore_template *t,
    struct cs_issuer *is, struct cs_reuse *reuse, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	int imported, rv;

	memset(reuse, 0, sizeof(*reuse));
	imported = info->origin == NULL || strcmp(info->origin, "create") != 0;
	reuse->none = info->fingerprint == NULL && !imported;
	if (reuse->none)
		return 0;
	if ((rv = samekind(info, t, reuse)) == 0)
		reuse->refused = 1;
	else if ((rv = worksnow(entry, reuse, err)) == 1) {
		reuse->works = 1;
		rv = hasallasked(entry, asked, t, is, imported, reuse, err);
		if (rv == 1)
			rv = lastslongenough(entry, t, reuse);
	}
	if (rv == 0 && imported)
		reuse->refused = 1;
	if (rv == 0 && reuse->refused)
		cs_fail(err, CERTSTORE_EEXIST, "%s: %s%s: use -f to replace it",
		    info->name, imported ? "was imported and " : "",
		    reuse->why);
	return rv == 0 && reuse->refused ? -1 : rv;
}

/* Could a new one not end later, because its CA ends?  Then none is made. */
int
cs_reuse_isclamped(const struct certstore_entry *entry, struct cs_issuer *is,
    struct certstore_error *err)
{
	char ends[CERTSTORE_TIME_LEN];

	if (cs_issuer_read(is, err) == -1)
		return -1;
	if (is->ends > entry->info.ends)
		return 0;
	cs_warn(entry->store,
	    "%s: expires %s, with its CA %s: renew the CA first",
	    entry->info.name, certstore_time_format(entry->info.ends, ends),
	    is->entry.info.name);
	return 1;
}

int
cs_reuse_answered(const struct certstore_entry *entry,
    const struct certstore_template *asked, const struct certstore_template *t)
{
	struct certstore_error ignored;
	struct cs_reuse reuse;

	return !entry->info.self &&
	    cs_reuse_entry(entry, asked, t, NULL, &reuse, &ignored) == 1;
}

static int
hasgeneralname(GENERAL_NAMES *names, GENERAL_NAME *gen)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), gen) == 0)
			return 1;
	return 0;
}

static int
namesasked(const STACK_OF(X509_EXTENSION) *exts,
    const struct certstore_template *t, struct cs_reuse *reuse,
    struct certstore_error *err)
{
	GENERAL_NAMES *has, *wants;
	char q[CS_QUOTE_LEN];
	int i, rv = 1;

	if ((wants = cs_extension_sans(t)) == NULL)
		return cs_fail_nomem(err);
	has = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	for (i = 0; rv == 1 && i < sk_GENERAL_NAME_num(wants); i++)
		if (!hasgeneralname(has, sk_GENERAL_NAME_value(wants, i)))
			rv = unfit(reuse, "does not have the name %s",
			    cs_escape_quote(q, t->san[i].value));
	GENERAL_NAMES_free(wants);
	GENERAL_NAMES_free(has);
	return rv;
}

static int
requestcalls(const STACK_OF(X509_EXTENSION) *exts,
    const struct certstore_template *asked, struct cs_reuse *reuse,
    struct certstore_error *err)
{
	struct cs_tnauth calls;
	const char *why;

	if (cs_tnauth_read(exts, &calls, &why) == -1)
		return cs_fail_nomem(err);
	return samecalls(&calls, asked, reuse);
}

static int
samepublickey(EVP_PKEY *pkey, const struct certstore_template *asked,
    struct cs_reuse *reuse)
{
	char type[80];

	if (asked->pkey != NULL &&
	    (pkey == NULL || EVP_PKEY_eq(pkey, asked->pkey) != 1))
		return unfit(reuse, "has another key");
	cs_key_name(pkey, type, sizeof(type));
	if (asked->pkey == NULL && asked->type[0] != '\0' &&
	    strcmp(type, asked->type) != 0)
		return unfit(reuse, "has another key: %s, not %s", type,
		    asked->type);
	return 1;
}

static int
haspurpose(const EXTENDED_KEY_USAGE *eku, int nid)
{
	int i;

	for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i)) == nid)
			return 1;
	return 0;
}

/* Is the request for a CA, or for the profile? */
static int
sameuse(const STACK_OF(X509_EXTENSION) *exts,
    const struct certstore_template *t, struct cs_reuse *reuse)
{
	BASIC_CONSTRAINTS *bc;
	EXTENDED_KEY_USAGE *eku;
	const char *p = t->profile;
	int ca, rv = 1;

	bc = X509V3_get_d2i(exts, NID_basic_constraints, NULL, NULL);
	ca = bc != NULL && bc->ca != 0;
	BASIC_CONSTRAINTS_free(bc);
	if (ca != (t->ca != 0))
		return unfit(reuse, t->ca ? "is not for a CA" : "is for a CA");
	if (!ca && cs_tnauth_isin(exts) != cs_calls_signs(t))
		return unfit(reuse,
		    cs_calls_signs(t) ? "is not for calls" : "is for calls");
	eku = X509V3_get_d2i(exts, NID_ext_key_usage, NULL, NULL);
	if (!ca && eku != NULL &&
	    ((cs_template_serves(t) && !haspurpose(eku, NID_server_auth)) ||
		((strcmp(p, "client") == 0 || strcmp(p, "peer") == 0) &&
		    !haspurpose(eku, NID_client_auth)) ||
		(strcmp(p, "mail") == 0 &&
		    !haspurpose(eku, NID_email_protect))))
		rv = unfit(reuse, "is not for %s%s",
		    strcmp(p, "mail") == 0 ? "" : "a ", p);
	EXTENDED_KEY_USAGE_free(eku);
	return rv;
}

/* Is the waiting request what is asked for?  1, 0 and why not, -1. */
int
cs_reuse_request(const struct certstore_entry *entry, X509_REQ *req,
    const struct certstore_template *asked, const struct certstore_template *t,
    struct cs_reuse *reuse, struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	int rv;

	memset(reuse, 0, sizeof(*reuse));
	if ((rv = namesasked(exts, t, reuse, err)) == 1 &&
	    (rv = requestcalls(exts, asked, reuse, err)) == 1 &&
	    (rv = samepublickey(X509_REQ_get0_pubkey(req), asked, reuse)) ==
		1 &&
	    (rv = sameuse(exts, t, reuse)) == 1 &&
	    (rv = samesubject(X509_REQ_get_subject_name(req), asked, reuse)) ==
		1 &&
	    (rv = sameconstraints(exts, asked, reuse)) == 1 &&
	    (rv = sameextra(exts, X509_REQ_get0_pubkey(req), asked, reuse)) ==
		1)
		rv = sameencryption(entry, CS_REQUEST_KEY, asked, reuse, err);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	ERR_clear_error();
	return rv;
}
