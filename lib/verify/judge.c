/*
 * judge.c: judges one path by X509_verify_cert(), which is given this path and
 * no other certificate, and by the rules that libcrypto does not have.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "verify/private.h"

#define AUTH_LEVEL 2 /* with profile any algorithm.c decides */
#define STRICT_FLAGS \
	(X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN | \
	    X509_V_FLAG_POLICY_CHECK)
#define CRL_FLAGS \
	(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL | \
	    X509_V_FLAG_EXTENDED_CRL_SUPPORT | X509_V_FLAG_USE_DELTAS)

struct judging {
	struct cs_search *s;
	struct cs_reasons *out;
	int anchored;
	STACK_OF(X509_CRL) *crls; /* those asked for and those of the set */
	int unspecified;	  /* X509_V_ERR_UNSPECIFIED */
	int failed;		  /* no memory */
	int unread;		  /* what the store revoked: the error is set */
};

/* The rule that an error of libcrypto stands for. */
static const struct {
	int error;
	enum cs_rule rule;
} errors[] = {
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, CS_RULE_UNTRUSTED },
	{ X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, CS_RULE_UNTRUSTED },
	{ X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, CS_RULE_UNTRUSTED },
	{ X509_V_ERR_CERT_UNTRUSTED, CS_RULE_UNTRUSTED },
	{ X509_V_ERR_CERT_CHAIN_TOO_LONG, CS_RULE_UNTRUSTED },
	{ X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, CS_RULE_SELF_SIGNED },
	{ X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, CS_RULE_SELF_SIGNED },
	{ X509_V_ERR_CERT_SIGNATURE_FAILURE, CS_RULE_SIGNATURE },
	{ X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, CS_RULE_KEY_UNKNOWN },
	{ X509_V_ERR_PATH_LENGTH_EXCEEDED, CS_RULE_PATH_LENGTH },
	{ X509_V_ERR_PERMITTED_VIOLATION, CS_RULE_CONSTRAINED },
	{ X509_V_ERR_EXCLUDED_VIOLATION, CS_RULE_CONSTRAINED },
	{ X509_V_ERR_SUBTREE_MINMAX, CS_RULE_NC_RANGE },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE, CS_RULE_NC_UNSUPPORTED },
	{ X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX, CS_RULE_NC_UNSUPPORTED },
	{ X509_V_ERR_UNSUPPORTED_NAME_SYNTAX, CS_RULE_NC_UNSUPPORTED },
	{ X509_V_ERR_NO_EXPLICIT_POLICY, CS_RULE_POLICY },
	{ X509_V_ERR_INVALID_POLICY_EXTENSION, CS_RULE_POLICY_BAD },
	{ X509_V_ERR_INVALID_EXTENSION, CS_RULE_MALFORMED },
	{ X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION, CS_RULE_UNKNOWN_CRITICAL },
	{ X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED, CS_RULE_PROXY },
	{ X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH, CS_RULE_SIGNATURE },
	{ X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY,
	    CS_RULE_ALGORITHM_MISMATCH },
	{ X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3, CS_RULE_EXTENSIONS_VERSION },
	{ X509_V_ERR_ISSUER_NAME_EMPTY, CS_RULE_ISSUER_EMPTY },
	{ X509_V_ERR_SUBJECT_NAME_EMPTY, CS_RULE_SUBJECT_EMPTY },
	{ X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER, CS_RULE_AKI_MISSING },
	{ X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL, CS_RULE_AKI_CRITICAL },
	{ X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, CS_RULE_SKI_MISSING },
	{ X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL, CS_RULE_SKI_CRITICAL },
	{ X509_V_ERR_CA_BCONS_NOT_CRITICAL, CS_RULE_CA_NOT_CRITICAL },
	{ X509_V_ERR_CA_CERT_MISSING_KEY_USAGE, CS_RULE_CA_USAGE_MISSING },
	{ X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA,
	    CS_RULE_NON_CA_CERT_SIGN },
	{ X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA, CS_RULE_PATHLEN_NON_CA },
	{ X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN,
	    CS_RULE_PATHLEN_CERT_SIGN },
	{ X509_V_ERR_EMPTY_SUBJECT_ALT_NAME, CS_RULE_SAN_EMPTY },
	{ X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL, CS_RULE_SAN_NOT_CRITICAL },
	{ X509_V_ERR_EE_KEY_TOO_SMALL, CS_RULE_KEY_WEAK },
	{ X509_V_ERR_CA_KEY_TOO_SMALL, CS_RULE_KEY_WEAK },
	{ X509_V_ERR_CA_MD_TOO_WEAK, CS_RULE_DIGEST_WEAK },
	{ X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, CS_RULE_EXPLICIT_CURVE },
	{ X509_V_ERR_CERT_REVOKED, CS_RULE_REVOKED },
	{ X509_V_ERR_UNABLE_TO_GET_CRL, CS_RULE_CRL_MISSING },
	{ X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, CS_RULE_CRL_PATH },
	{ X509_V_ERR_CRL_PATH_VALIDATION_ERROR, CS_RULE_CRL_PATH },
	{ X509_V_ERR_CRL_HAS_EXPIRED, CS_RULE_CRL_EXPIRED },
	{ X509_V_ERR_CRL_NOT_YET_VALID, CS_RULE_CRL_NOT_YET },
	{ X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD, CS_RULE_CRL_NOT_YET },
	{ X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD, CS_RULE_CRL_EXPIRED },
	{ X509_V_ERR_CRL_SIGNATURE_FAILURE, CS_RULE_CRL_SIGNATURE },
	{ X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE, CS_RULE_CRL_SIGNATURE },
	{ X509_V_ERR_KEYUSAGE_NO_CRL_SIGN, CS_RULE_CRL_SIGN },
	{ X509_V_ERR_DIFFERENT_CRL_SCOPE, CS_RULE_CRL_SCOPE },
	{ X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, CS_RULE_CRL_EXTENSION },
};

/* The judgement a callback belongs to, also in the path of a CRL's issuer. */
static struct judging *
judgingof(X509_STORE_CTX *ctx)
{
	X509_STORE_CTX *parent;

	while ((parent = X509_STORE_CTX_get0_parent_ctx(ctx)) != NULL)
		ctx = parent;
	return X509_STORE_CTX_get_app_data(ctx);
}

static int
indexof(const struct cs_search *s, const X509 *x509)
{
	int i;

	for (i = 0; i < s->n && x509 != NULL; i++)
		if (X509_cmp(s->path[i]->x509, x509) == 0)
			return i;
	return -1;
}

static void
addreason(struct judging *j, enum cs_rule rule, X509 *x509, const char *detail)
{
	int i, rv;

	/* The certificate as the path has it: anchors may be copies. */
	if ((i = indexof(j->s, x509)) != -1)
		x509 = j->s->path[i]->x509;
	else
		x509 = NULL;
	if (detail == NULL)
		rv = cs_rule_add(j->out, j->s->asked, rule, x509, NULL);
	else
		rv = cs_rule_add(j->out, j->s->asked, rule, x509, "%s", detail);
	if (rv == -1)
		j->failed = 1;
}

/* The reason for a path that does not reach an anchor, or lacks a CRL. */
static void
addmissing(struct judging *j, enum cs_rule rule, X509 *x509)
{
	const X509_NAME *issuer = X509_get_issuer_name(x509);
	struct cs_buf b = { NULL, 0, 0 };
	int bad, i;

	if (rule == CS_RULE_CRL_MISSING || rule == CS_RULE_CRL_UNCOVERED) {
		bad = cs_buf_adds(&b, "it needs one of ");
		bad |= cs_cert_name_text(issuer, &b);
	} else if (rule == CS_RULE_UNTRUSTED) {
		bad = cs_buf_adds(&b, "it needs the certificate of ");
		bad |= cs_cert_name_text(issuer, &b);
		bad |= cs_buf_adds(&b, ", in the chain or as an anchor");
	} else if ((i = indexof(j->s, x509)) != -1 && i + 1 < j->s->n)
		bad = cs_buf_adds(&b,
		    "it has its issuer's name and no authority key "
		    "identifier, and is treated as its own issuer");
	else
		bad = 0;
	if (bad != 0)
		j->failed = 1;
	else
		addreason(j, rule, x509, b.p);
	cs_buf_free(&b);
}

/* Is the CRL that is checked one of the set?  Whoever signed it was accepted
 * when it was added, and need not have the trust anchor of the path. */
static int
isofset(const struct judging *j, X509_STORE_CTX *ctx)
{
	X509_STORE_CTX *parent;
	X509_CRL *crl;
	int i;

	while ((parent = X509_STORE_CTX_get0_parent_ctx(ctx)) != NULL)
		ctx = parent;
	if ((crl = X509_STORE_CTX_get0_current_crl(ctx)) == NULL)
		return 0;
	for (i = 0; i < sk_X509_CRL_num(j->s->anchors->crls); i++)
		if (sk_X509_CRL_value(j->s->anchors->crls, i) == crl)
			return 1;
	return 0;
}

/* A set need not have CRLs of all its CAs; who gives some asks for all. */
static enum cs_rule
softened(const struct judging *j, enum cs_rule rule)
{
	if ((rule == CS_RULE_CRL_MISSING || rule == CS_RULE_CRL_SCOPE) &&
	    sk_X509_CRL_num(j->s->asked->crls) <= 0)
		return CS_RULE_CRL_UNCOVERED;
	return rule;
}

/* Called for each error: adds its reason and goes on, to find the others. */
static int
collecterror(int ok, X509_STORE_CTX *ctx)
{
	struct judging *j = judgingof(ctx);
	int depth, error;
	enum cs_rule rule;
	size_t i;
	X509 *x509;

	if (ok == 1)
		return 1;
	error = X509_STORE_CTX_get_error(ctx);
	depth = X509_STORE_CTX_get_error_depth(ctx);
	x509 = X509_STORE_CTX_get_current_cert(ctx);
	if (error == X509_V_ERR_OUT_OF_MEM) {
		j->failed = 1;
		return 0;
	}
	if (isofset(j, ctx) &&
	    (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL ||
		error == X509_V_ERR_CRL_PATH_VALIDATION_ERROR))
		return 1;
	if (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL) {
		addreason(j, CS_RULE_CRL_PATH, NULL,
		    X509_verify_cert_error_string(error));
		return 1;
	}
	/* a trust anchor needs no CRL */
	if (j->anchored && depth == j->s->n - 1 &&
	    (error == X509_V_ERR_UNABLE_TO_GET_CRL ||
		error == X509_V_ERR_CRL_HAS_EXPIRED ||
		error == X509_V_ERR_DIFFERENT_CRL_SCOPE ||
		error == X509_V_ERR_CRL_NOT_YET_VALID))
		return 1;
	/* syntax.c gives the reason, or nameconstraint.c */
	if (error == X509_V_ERR_INVALID_CA)
		return 1;
	if (error == X509_V_ERR_UNSPECIFIED) {
		j->unspecified = 1;
		return 1;
	}
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].error != error)
			continue;
		rule = softened(j, errors[i].rule);
		if (x509 != NULL &&
		    (rule == CS_RULE_UNTRUSTED || rule == CS_RULE_SELF_SIGNED ||
			rule == CS_RULE_CRL_MISSING ||
			rule == CS_RULE_CRL_UNCOVERED))
			addmissing(j, rule, x509);
		else
			addreason(j, rule, x509, NULL);
		return 1;
	}
	addreason(j, CS_RULE_OTHER, x509, X509_verify_cert_error_string(error));
	return 1;
}

#if OPENSSL_VERSION_MAJOR < 4
typedef X509 certificate;
#else
typedef const X509 certificate;
#endif

/* Replaces X509_check_issued(): for a certificate of the path only the next one
 * is its issuer; for the issuer of a CRL any that libcrypto takes. */
static int
isissuerinpath(X509_STORE_CTX *ctx, certificate *x509, certificate *issuer)
{
	struct judging *j = judgingof(ctx);
	int i;

	if ((i = indexof(j->s, x509)) == -1)
		return X509_check_issued(issuer, x509) == X509_V_OK;
	if (i + 1 < j->s->n)
		return X509_cmp(j->s->path[i + 1]->x509, issuer) == 0;
	return X509_cmp(x509, issuer) == 0 &&
	    (X509_get_extension_flags(x509) & EXFLAG_SS) != 0;
}

/*
 * Replaces libcrypto's check of signatures and times: signatures are checked
 * once in all paths, and both ends of the validity count (RFC 5280 section
 * 4.1.2.5).  The times of the path itself are for syntax.c.
 */
static int
checksignatures(X509_STORE_CTX *ctx)
{
	struct judging *j = judgingof(ctx);
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int i, own, n = sk_X509_num(chain), yes;
	X509 *x509;

	own = X509_STORE_CTX_get0_parent_ctx(ctx) == NULL;
	for (i = 0; i < n; i++) {
		x509 = sk_X509_value(chain, i);
		yes = i + 1 == n ?
		    1 :
		    cs_signature_check(j->s, x509, sk_X509_value(chain, i + 1));
		if (yes == -1)
			addreason(j, CS_RULE_GAVE_UP, NULL, NULL);
		else if (yes == 0)
			addreason(j, own ? CS_RULE_SIGNATURE : CS_RULE_CRL_PATH,
			    own ? x509 : NULL, NULL);
		if (!own && !cs_cert_isvalid(x509, j->s->asked->when))
			addreason(j, CS_RULE_CRL_PATH, NULL, "expired");
	}
	return 1;
}

/*
 * RFC 5280 section 5.2.3: each CRL of the path has a CRL number, not critical.
 */
static void
checkcrlnumbers(struct judging *j)
{
	X509_CRL *crl;
	int c, i, at;
	X509 *x509;

	for (c = 0; c < sk_X509_CRL_num(j->s->asked->crls); c++) {
		crl = sk_X509_CRL_value(j->s->asked->crls, c);
		at = X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1);
		if (at >= 0 &&
		    X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, at)) == 0)
			continue;
		for (i = 0; i + 1 < j->s->n; i++) {
			x509 = j->s->path[i]->x509;
			if (X509_NAME_cmp(X509_get_issuer_name(x509),
				X509_CRL_get_issuer(crl)) == 0)
				addreason(j, CS_RULE_CRL_NUMBER, x509, NULL);
		}
	}
}

/*
 * Two checks of a certificate against its issuer: the key identifiers are the
 * same where both are there, and its ECDSA signature is not the other form of a
 * distrusted one.
 */
static void
checkissuers(struct judging *j)
{
	const struct cs_search *s = j->s;
	int i, yes;

	for (i = 0; i + 1 < s->n; i++) {
		X509 *issuer = s->path[i + 1]->x509, *x509 = s->path[i]->x509;

		if (!cs_cert_mayissue(issuer, x509))
			addreason(j, CS_RULE_AKI_MISMATCH, x509, NULL);
		yes = cs_anchors_distrust_twin(s->anchors, x509, issuer);
		if (yes == 1)
			addreason(j, CS_RULE_DISTRUSTED, x509, NULL);
		else if (yes == -1)
			j->failed = 1;
	}
}

static int
comparecerts(const X509 *const *a, const X509 *const *b)
{
	return X509_cmp(*a, *b);
}

/* The issuer of a CRL may be any of the untrusted, sorted so that their order
 * in the input does not matter. */
static int
addcrlissuers(struct judging *j, STACK_OF(X509) *untrusted)
{
	struct cs_lazycerts *given = j->s->untrusted;
	X509 *x509;
	size_t i;

	for (i = 1; i < given->n; i++) {
		if ((x509 = cs_lazycerts_get(given, i, j->s->err)) == NULL ||
		    X509_add_cert(untrusted, x509, X509_ADD_FLAG_NO_DUP) != 1)
			return -1;
	}
	(void)sk_X509_set_cmp_func(untrusted, comparecerts);
	sk_X509_sort(untrusted);
	return 0;
}

/* Is a SkipCerts value there and below n? */
static int
skipsfewer(const ASN1_INTEGER *skip, int n)
{
	int64_t v;

	return skip != NULL && ASN1_INTEGER_get_int64(&v, skip) == 1 && v < n;
}

/* The policy constraints of the anchor, which libcrypto ignores (RFC 5937), as
 * flags: each is in force at once if it would be before the path ends. */
static unsigned long
policyflags(const struct judging *j)
{
	struct cs_node *const *path = j->s->path;
	POLICY_CONSTRAINTS *pc = NULL;
	ASN1_INTEGER *any = NULL;
	unsigned long flags = 0;
	int i, n = 1;
	X509 *anchor;

	if (!j->anchored || j->s->n == 1)
		return 0;
	for (i = 1; i + 1 < j->s->n; i++)
		n += (X509_get_extension_flags(path[i]->x509) & EXFLAG_SI) == 0;
	anchor = path[j->s->n - 1]->x509;
	pc = X509_get_ext_d2i(anchor, NID_policy_constraints, NULL, NULL);
	if (pc != NULL && skipsfewer(pc->requireExplicitPolicy, n + 1))
		flags |= X509_V_FLAG_EXPLICIT_POLICY;
	if (pc != NULL && skipsfewer(pc->inhibitPolicyMapping, n))
		flags |= X509_V_FLAG_INHIBIT_MAP;
	any = X509_get_ext_d2i(anchor, NID_inhibit_any_policy, NULL, NULL);
	if (skipsfewer(any, n))
		flags |= X509_V_FLAG_INHIBIT_ANY;
	POLICY_CONSTRAINTS_free(pc);
	ASN1_INTEGER_free(any);
	ERR_clear_error();
	return flags;
}

static int
setupcontext(X509_STORE_CTX *ctx, X509_STORE *store, struct judging *j,
    STACK_OF(X509) *untrusted)
{
	const struct cs_asked *asked = j->s->asked;
	struct cs_node *const *path = j->s->path;
	X509_VERIFY_PARAM *param;
	unsigned long flags = STRICT_FLAGS | policyflags(j);
	int i, n = j->s->n;
	time_t when;

	X509_STORE_set_check_issued(store, isissuerinpath);
	X509_STORE_set_verify(store, checksignatures);
	X509_STORE_set_verify_cb(store, collecterror);
	if (j->anchored && X509_STORE_add_cert(store, path[n - 1]->x509) != 1)
		return -1;
	for (i = 1; i < n - j->anchored; i++)
		if (sk_X509_push(untrusted, path[i]->x509) <= 0)
			return -1;
	if (sk_X509_CRL_num(j->crls) > 0) {
		flags |= CRL_FLAGS;
		if (addcrlissuers(j, untrusted) == -1)
			return -1;
	}
	if (X509_STORE_CTX_init(ctx, store, path[0]->x509, untrusted) != 1)
		return -1;
	if (X509_STORE_CTX_set_app_data(ctx, j) != 1)
		return -1;
	X509_STORE_CTX_set0_crls(ctx, j->crls);
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_depth(param, 2 * CS_PATH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param,
	    asked->profile == CS_PROFILE_ANY ? 0 : AUTH_LEVEL);
	/* for CRLs, which with a time_t of 32 bits have no time after 2038 */
	when = (time_t)asked->when;
	X509_VERIFY_PARAM_set_time(param, when == asked->when ? when : 0);
	/* Without a DNS name in its SANs the common name of an end-entity is
	 * held against name constraints, as by OpenSSL's clients. */
	if ((X509_get_extension_flags(path[0]->x509) & EXFLAG_CA) != 0)
		X509_VERIFY_PARAM_set_hostflags(param,
		    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	/* anyPolicy is acceptable where a CA requires a policy */
	if (X509_VERIFY_PARAM_add0_policy(param, OBJ_nid2obj(NID_any_policy)) !=
	    1)
		return -1;
	return X509_VERIFY_PARAM_set_flags(param, flags) == 1 ? 0 : -1;
}

/* Without an error libcrypto must have verified exactly this path; anything
 * else is a reason by itself. */
static void
insistonpath(struct judging *j, X509_STORE_CTX *ctx, int verified)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
	int i, same;

	same = sk_X509_num(chain) == j->s->n;
	for (i = 0; same && i < j->s->n; i++)
		same = X509_cmp(sk_X509_value(chain, i), j->s->path[i]->x509) ==
		    0;
	if (j->out->nerror > 0)
		return;
	if (!j->anchored || verified != 1 || !same || j->unspecified)
		addreason(j, CS_RULE_OTHER, j->s->path[0]->x509,
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
}

/* The CRLs that were given, then those of the set; borrowed. */
static STACK_OF(X509_CRL) *
gathercrls(const struct cs_search *s)
{
	STACK_OF(X509_CRL) *all,
	    *from[2] = { s->asked->crls, s->anchors->crls };
	int i, k;

	if ((all = sk_X509_CRL_new_null()) == NULL)
		return NULL;
	for (k = 0; k < 2; k++)
		for (i = 0; i < sk_X509_CRL_num(from[k]); i++)
			if (sk_X509_CRL_push(all,
				sk_X509_CRL_value(from[k], i)) <= 0) {
				sk_X509_CRL_free(all);
				return NULL;
			}
	return all;
}

static int
istold(const struct judging *j, enum cs_rule rule, const X509 *x509)
{
	size_t i;

	for (i = 0; i < j->out->n; i++)
		if (j->out->v[i].rule == rule && j->out->v[i].x509 == x509)
			return 1;
	return 0;
}

/* What a CA of the store has revoked by then needs no CRL. */
static void
checkrevocations(struct judging *j)
{
	const struct cs_search *s = j->s;
	char text[64], when[CERTSTORE_TIME_LEN];
	struct cs_revocation r;
	int i, rv;

	for (i = 0; i + 1 < s->n; i++) {
		rv = cs_revocation_find(s->asked->store, s->path[i]->x509,
		    s->path[i + 1]->x509, &r);
		if (rv == -1) {
			cs_fail_errno(s->err, "%s/revoked",
			    certstore_path(s->asked->store));
			j->unread = 1;
			return;
		}
		if (rv != 1 || r.when > s->asked->when ||
		    istold(j, CS_RULE_REVOKED, s->path[i]->x509))
			continue;
		snprintf(text, sizeof(text), "by a CA of the store at %s",
		    certstore_time_format(r.when, when));
		addreason(j, CS_RULE_REVOKED, s->path[i]->x509, text);
	}
}

int
cs_judge_path(struct cs_search *s, int anchored, struct cs_reasons *out)
{
	struct judging j = { .s = s, .out = out, .anchored = anchored };
	STACK_OF(X509) *untrusted = NULL;
	X509_STORE_CTX *ctx = NULL;
	X509_STORE *store = NULL;
	size_t i;
	int n, rv = -1;

	ERR_clear_error();
	if ((j.crls = gathercrls(s)) == NULL ||
	    (store = X509_STORE_new()) == NULL ||
	    (ctx = X509_STORE_CTX_new()) == NULL ||
	    (untrusted = sk_X509_new_null()) == NULL ||
	    setupcontext(ctx, store, &j, untrusted) == -1)
		goto out;
	for (n = 0; n < s->n; n++)
		if (cs_rule_copy(out, &s->path[n]->own) == -1)
			goto out;
	n = X509_verify_cert(ctx);
	checkissuers(&j);
	checkcrlnumbers(&j);
	checkrevocations(&j);
	if (j.failed || j.unread ||
	    cs_nameconstraint_path(s->asked, s->path, s->n, out) != 0 ||
	    cs_purpose_path(s->asked, s->path, s->n, out) != 0)
		goto out;
	insistonpath(&j, ctx, n);
	if (j.failed)
		goto out;
	for (i = 0; i < out->n; i++)
		out->v[i].depth = indexof(s, out->v[i].x509);
	rv = 0;
out:
	sk_X509_free(untrusted);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_CRL_free(j.crls);
	ERR_clear_error();
	return rv == -1 && !j.unread ? cs_fail_nomem(s->err) : rv;
}
