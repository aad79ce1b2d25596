/*
 * crl.c: the CRLs of a trust set: which CA or helper of the set signed one,
 * which of two is the newer one, which CAs have none, and the links by which
 * OpenSSL finds them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "trust/private.h"

#define NO_END INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

void
cs_crl_link(char link[CS_ANCHOR_LINK], unsigned long hash, size_t n)
{
	snprintf(link, CS_ANCHOR_LINK, "%08lx.r%zu", hash, n);
}

int
cs_crl_islink(const char *file, unsigned long *hash, size_t *n)
{
	char again[CS_ANCHOR_LINK];

	if (sscanf(file, "%8lx.r%zu", hash, n) != 2)
		return 0;
	cs_crl_link(again, *hash, *n);
	return strcmp(again, file) == 0;
}

/* The SHA-256 of a name and a public key. */
static int
hashsigner(const X509_NAME *name, X509 *x509, char hex[CS_HASH_LEN])
{
	struct cs_buf b = { 0 };
	const unsigned char *der;
	char spki[CS_HASH_LEN];
	size_t len;
	int rv = -1;

	if (X509_NAME_get0_der(name, &der, &len) == 1 &&
	    cs_cert_spki(X509_get_X509_PUBKEY(x509), spki) == 0 &&
	    cs_buf_add(&b, der, len) == 0 && cs_buf_adds(&b, spki) == 0) {
		cs_hash(hex, b.p, b.len);
		rv = 0;
	}
	cs_buf_free(&b);
	return rv;
}

/*
 * The anchor or helper whose key signed a CRL, or NULL.  One that the authority
 * key identifier excludes is not it: OpenSSL does not find such a CRL.  An
 * indirect CRL is accepted only of a signer whose key usage names cRLSign.
 */
static struct cs_anchor *
findsigner(struct cs_trustset *set, X509_CRL *crl, int indirect)
{
	const X509_NAME *name = X509_CRL_get_issuer(crl);
	struct cs_anchor *signer = NULL;
	AUTHORITY_KEYID *akid;
	EVP_PKEY *pkey;
	size_t i;
	X509 *x509;

	akid = X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL,
	    NULL);
	for (i = 0; i < set->n && signer == NULL; i++) {
		if ((x509 = cs_trustset_parse(&set->v[i])) == NULL ||
		    X509_NAME_cmp(X509_get_subject_name(x509), name) != 0 ||
		    !cs_anchor_signscrls(x509, indirect) ||
		    X509_check_akid(x509, akid) != X509_V_OK ||
		    (pkey = X509_get0_pubkey(x509)) == NULL)
			continue;
		if (X509_CRL_verify(crl, pkey) == 1)
			signer = &set->v[i];
	}
	AUTHORITY_KEYID_free(akid);
	ERR_clear_error();
	return signer;
}

/* What kind it is (RFC 5280 section 5.2.5), and its scope: issuer, key,
 * distribution point, delta or not.  0, or -1. */
static int
findscope(struct cs_crl *c, X509 *signer)
{
	ISSUING_DIST_POINT *idp;
	const ASN1_OCTET_STRING *raw;
	struct cs_buf b = { 0 };
	int at, bad, delta;

	if (hashsigner(X509_CRL_get_issuer(c->crl), signer, c->signer) == -1)
		return -1;
	at = X509_CRL_get_ext_by_NID(c->crl, NID_delta_crl, -1);
	delta = at >= 0;
	bad = cs_buf_printf(&b, "%s %d ", c->signer, delta);
	idp = X509_CRL_get_ext_d2i(c->crl, NID_issuing_distribution_point, NULL,
	    NULL);
	c->kind = delta ? CS_CRL_PARTIAL : CS_CRL_WHOLE;
	if (idp != NULL && idp->indirectCRL > 0)
		c->kind = CS_CRL_INDIRECT;
	else if (idp != NULL &&
	    (idp->onlyuser > 0 || idp->onlyCA > 0 || idp->onlyattr > 0 ||
		idp->onlysomereasons != NULL || idp->distpoint != NULL))
		c->kind = CS_CRL_PARTIAL;
	ISSUING_DIST_POINT_free(idp);
	at = X509_CRL_get_ext_by_NID(c->crl, NID_issuing_distribution_point,
	    -1);
	if (at >= 0) {
		raw = X509_EXTENSION_get_data(X509_CRL_get_ext(c->crl, at));
		bad |= cs_buf_add(&b, ASN1_STRING_get0_data(raw),
		    (size_t)ASN1_STRING_length(raw));
	}
	if (bad == 0)
		cs_hash(c->scope, b.p, b.len);
	cs_buf_free(&b);
	ERR_clear_error();
	return bad == 0 ? 0 : -1;
}

/* Has an entry a critical extension that OpenSSL does not know?  It knows one. */
static int
hasstrangeentry(X509_CRL *crl)
{
	const STACK_OF(X509_REVOKED) *all = X509_CRL_get_REVOKED(crl);
	const STACK_OF(X509_EXTENSION) *exts;
	X509_EXTENSION *ext;
	int i, k;

	for (i = 0; i < sk_X509_REVOKED_num(all); i++) {
		exts = X509_REVOKED_get0_extensions(
		    sk_X509_REVOKED_value(all, i));
		for (k = 0; k < sk_X509_EXTENSION_num(exts); k++) {
			ext = sk_X509_EXTENSION_value(exts, k);
			if (X509_EXTENSION_get_critical(ext) &&
			    OBJ_obj2nid(X509_EXTENSION_get_object(ext)) !=
				NID_certificate_issuer)
				return 1;
		}
	}
	return 0;
}

/* Why servers would refuse a CRL, and with it all clients of its CA; or NULL. */
static const char *
formflaw(X509_CRL *crl)
{
	static const int known[] = { NID_issuing_distribution_point,
		NID_delta_crl, NID_authority_key_identifier, NID_crl_number };
	const STACK_OF(X509_EXTENSION) *exts = X509_CRL_get0_extensions(crl);
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	X509_EXTENSION *ext;
	int64_t t;
	int i, nid;
	size_t k;

	if (cs_cert_time(X509_CRL_get0_lastUpdate(crl), &t) == -1 ||
	    (next != NULL && cs_cert_time(next, &t) == -1))
		return "a malformed time (RFC 5280 section 5.1.2.4)";
	for (i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		ext = sk_X509_EXTENSION_value(exts, i);
		nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		for (k = 0; k < 4 && known[k] != nid; k++)
			continue;
		if (k == 4 && X509_EXTENSION_get_critical(ext))
			return "a critical extension that servers do not know "
			       "(RFC 5280 section 5.2)";
		if (k < 4 && (cs_cert_isbad(ext) || cs_cert_istwice(exts, i)))
			return "an extension that is malformed, or there twice "
			       "(RFC 5280 section 5.2)";
	}
	return hasstrangeentry(crl) ?
	    "an entry with a critical extension that servers do not know "
	    "(RFC 5280 section 5.3)" :
	    NULL;
}

static int
isindirect(X509_CRL *crl)
{
	ISSUING_DIST_POINT *idp;
	int rv;

	idp = X509_CRL_get_ext_d2i(crl, NID_issuing_distribution_point, NULL,
	    NULL);
	rv = idp != NULL && idp->indirectCRL > 0;
	ISSUING_DIST_POINT_free(idp);
	return rv;
}

/*
 * Parses a CRL and finds its signer: 1, 0 and err if it is refused, -1 without
 * memory.
 */
static int
parsecrl(struct cs_trustset *set, const struct cs_pem *pem, struct cs_crl *c,
    struct cs_anchor **signer, struct certstore_error *err)
{
	const unsigned char *p = pem->der;
	char where[CS_TRUST_WHERE];
	const char *flaw;
	int ok = 0;

	cs_item_where(pem, where, sizeof(where));
	c->crl = d2i_X509_CRL(NULL, &p, (long)pem->derlen);
	if (c->crl == NULL || p != pem->der + pem->derlen) {
		ERR_clear_error();
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the CRL is damaged: copy it again", where);
		return 0;
	}
	flaw = formflaw(c->crl);
	ERR_clear_error();
	if (flaw != NULL) {
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: the CRL has %s: use one without", where, flaw);
		return 0;
	}
	*signer = findsigner(set, c->crl, isindirect(c->crl));
	if (*signer == NULL) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CRL is signed by no CA and no helper of this "
		    "set: add the certificate that signed it first",
		    where);
		return 0;
	}
	cs_hash(c->fingerprint, pem->der, pem->derlen);
	c->hash = X509_NAME_hash_ex(X509_CRL_get_issuer(c->crl), NULL, NULL,
	    &ok);
	ERR_clear_error();
	return ok == 1 && findscope(c, (*signer)->x509) == 0 ? 1 : -1;
}

static struct cs_crl *
appendcrl(struct cs_trustset *set, const char *name, const struct cs_crl *from)
{
	struct cs_crl *v;

	v = cs_array_extend(set->crls, set->ncrl, &set->crlsize, sizeof(*v));
	if (v == NULL)
		return NULL;
	set->crls = v;
	v += set->ncrl;
	*v = *from;
	if ((v->name = strdup(name)) == NULL)
		return NULL;
	set->ncrl++;
	return v;
}

int
cs_crl_addlink(struct cs_trustset *set, unsigned long hash, size_t n, size_t i)
{
	struct cs_crllink *v;

	v = cs_array_extend(set->crllinks, set->ncrllink, &set->crllinksize,
	    sizeof(*v));
	if (v == NULL)
		return -1;
	set->crllinks = v;
	v[set->ncrllink].hash = hash;
	v[set->ncrllink].n = n;
	v[set->ncrllink++].crl = i;
	return 0;
}

int
cs_crl_load(struct cs_trustset *set, const char *name, const struct cs_pem *pem)
{
	struct cs_crl c = { 0 };
	struct cs_anchor *signer;
	struct certstore_error ignored;
	int rv;

	if ((rv = parsecrl(set, pem, &c, &signer, &ignored)) == 1 &&
	    appendcrl(set, name, &c) != NULL)
		return 1;
	X509_CRL_free(c.crl);
	return rv == 0 ? 0 : -1;
}

/* The next N for a hash: running servers look only behind the last they saw. */
static size_t
nextlink(const struct cs_trustset *set, unsigned long hash)
{
	size_t i, n = 0;

	for (i = 0; i < set->ncrllink; i++)
		if (set->crllinks[i].hash == hash && set->crllinks[i].n >= n)
			n = set->crllinks[i].n + 1;
	return n;
}

int64_t
cs_crl_starts(const struct cs_crl *c)
{
	int64_t t;

	return cs_cert_time(X509_CRL_get0_lastUpdate(c->crl), &t) == 0 ? t : 0;
}

int64_t
cs_crl_ends(const struct cs_crl *c)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(c->crl);
	int64_t t;

	if (next == NULL)
		return NO_END;
	return cs_cert_time(next, &t) == 0 ? t : 0;
}

int64_t
cs_crl_late(const struct cs_crl *c)
{
	int64_t starts = cs_crl_starts(c), ends = cs_crl_ends(c);

	return ends >= NO_END ? INT64_MAX : ends - (ends - starts) / 3;
}

/*
 * Is the CRL newer than one of the same scope: 1 it is, 0 it is older, -1 its
 * number is lower, but its thisUpdate is later.
 */
static int
isnewer(const struct cs_crl *c, const struct cs_crl *old)
{
	ASN1_INTEGER *one, *two;
	int cmp = 0, later;

	later = cs_crl_starts(c) > cs_crl_starts(old);
	one = X509_CRL_get_ext_d2i(c->crl, NID_crl_number, NULL, NULL);
	two = X509_CRL_get_ext_d2i(old->crl, NID_crl_number, NULL, NULL);
	if (one != NULL && two != NULL)
		cmp = ASN1_INTEGER_cmp(one, two);
	ASN1_INTEGER_free(one);
	ASN1_INTEGER_free(two);
	ERR_clear_error();
	if (cmp == 0)
		return later;
	return cmp > 0 ? 1 : -later;
}

/* Why the times of a CRL are refused, or NULL. */
static const char *
timeflaw(const struct cs_crl *c)
{
	int64_t now = certstore_time_now();

	if (cs_crl_starts(c) > now)
		return "is not yet valid: check the clock of this host and of "
		       "the CA";
	if (cs_crl_ends(c) < now)
		return "is expired, and servers would refuse all clients of "
		       "this CA: use the current one";
	return NULL;
}

/* The CRL of the same scope in the set, or NULL. */
static struct cs_crl *
findcrl(const struct cs_trustset *set, const struct cs_crl *c)
{
	size_t i;

	for (i = 0; i < set->ncrl; i++)
		if (!set->crls[i].gone &&
		    strcmp(set->crls[i].scope, c->scope) == 0)
			return &set->crls[i];
	return NULL;
}

struct cs_crl *
cs_crl_byname(const struct cs_trustset *set, const char *file)
{
	size_t i, len;

	for (i = 0; i < set->ncrl; i++) {
		len = strlen(set->crls[i].name);
		if (!set->crls[i].gone &&
		    strncmp(set->crls[i].name, file, len) == 0 &&
		    strcmp(file + len, ".crl") == 0)
			return &set->crls[i];
	}
	return NULL;
}

/* The name of its file: that of the signer, with digits if there are several. */
static void
namecrl(const struct cs_trustset *set, const struct cs_crl *c,
    const struct cs_anchor *signer, char name[CS_NAME_MAX + 1])
{
	char file[CS_NAME_MAX + 8];

	snprintf(name, CS_NAME_MAX + 1, "%.190s", signer->name);
	snprintf(file, sizeof(file), "%s.crl", name);
	if (cs_crl_byname(set, file) != NULL)
		snprintf(name, CS_NAME_MAX + 1, "%.190s-%.8s", signer->name,
		    c->scope);
}

/* Takes a CRL that was parsed and is good: 1 it replaces one, 3 it does not,
 * -1. */
static int
takecrl(struct cs_trustset *set, struct cs_crl *c, struct cs_crl *old,
    const struct cs_anchor *signer)
{
	char name[CS_NAME_MAX + 1];
	int rv = old != NULL && !old->fresh ? 1 : 3;
	size_t i;

	if (old != NULL) {
		c->name = old->name;
		c->fresh = old->fresh;
		old->name = NULL;
		cs_trustset_freecrl(old);
		*old = *c;
	} else {
		namecrl(set, c, signer, name);
		c->fresh = 1;
		if ((old = appendcrl(set, name, c)) == NULL)
			return -1;
	}
	c->crl = NULL;
	c->name = NULL;
	i = (size_t)(old - set->crls);
	return cs_crl_addlink(set, old->hash, nextlink(set, old->hash), i) ==
		-1 ?
	    -1 :
	    rv;
}

int
cs_crl_give(struct cs_trustset *set, const struct cs_pem *pem, int force,
    char name[CS_NAME_MAX + 8], struct certstore_error *err)
{
	struct cs_crl c = { .pem = pem }, *old;
	struct cs_anchor *signer;
	char where[CS_TRUST_WHERE];
	const char *flaw = NULL;
	int newer = 1, rv;

	cs_item_where(pem, where, sizeof(where));
	snprintf(name, CS_NAME_MAX + 8, "%s", "");
	if ((rv = parsecrl(set, pem, &c, &signer, err)) != 1) {
		X509_CRL_free(c.crl);
		return rv;
	}
	snprintf(name, CS_NAME_MAX + 8, "%s.crl", signer->name);
	if ((old = findcrl(set, &c)) != NULL) {
		snprintf(name, CS_NAME_MAX + 8, "%s.crl", old->name);
		rv = strcmp(old->fingerprint, c.fingerprint) == 0 ? 2 : 1;
		newer = isnewer(&c, old);
	}
	if (rv == 1 && (flaw = timeflaw(&c)) == NULL) {
		if (newer == 0)
			flaw = "is older than the one of this set: use the "
			       "current one";
		else if (newer == -1 && !force)
			flaw = "is newer than the one of this set but has a "
			       "lower number, as after the CA was restored "
			       "from a backup: use -f to add it";
	}
	if (flaw != NULL) {
		cs_fail(err, CERTSTORE_EREFUSED, "%s: %s: the CRL %s", where,
		    name, flaw);
		rv = 0;
	}
	if (rv == 1)
		rv = takecrl(set, &c, old, signer);
	X509_CRL_free(c.crl);
	return rv;
}

/* Does a whole CRL of the set tell what this CA revoked?  1, 0, -1. */
static int
iscovered(const struct cs_trustset *set, X509 *x509)
{
	char signer[CS_HASH_LEN];
	size_t i;

	if (hashsigner(X509_get_subject_name(x509), x509, signer) == -1)
		return -1;
	for (i = 0; i < set->ncrl; i++)
		if (!set->crls[i].gone && set->crls[i].kind == CS_CRL_WHOLE &&
		    strcmp(set->crls[i].signer, signer) == 0)
			return 1;
	return 0;
}

int
cs_crl_uncovered(struct cs_trustset *set, struct cs_buf *names, size_t *n)
{
	size_t i;
	X509 *x509;
	int rv;

	*n = 0;
	for (i = 0; i < set->n; i++) {
		if ((x509 = cs_trustset_parse(&set->v[i])) == NULL ||
		    !cs_cert_is_ca(x509) ||
		    (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) == 0)
			continue;
		if ((rv = iscovered(set, x509)) == -1)
			return -1;
		if (rv == 1)
			continue;
		if ((*n)++ < 8 &&
		    cs_buf_printf(names, "%s%s", *n > 1 ? ", " : "",
			set->v[i].name) == -1)
			return -1;
	}
	if (*n > 8 && cs_buf_printf(names, " and %zu more", *n - 8) == -1)
		return -1;
	return 0;
}

int
cs_crl_isorphan(struct cs_trustset *set, const struct cs_crl *c)
{
	char signer[CS_HASH_LEN];
	size_t i;
	X509 *x509;

	for (i = 0; i < set->n; i++)
		if (!set->v[i].gone &&
		    (x509 = cs_trustset_parse(&set->v[i])) != NULL &&
		    hashsigner(X509_get_subject_name(x509), x509, signer) ==
			0 &&
		    strcmp(signer, c->signer) == 0)
			return 0;
	return 1;
}

/* The first CRL that is left with this hash, or ncrl. */
static size_t
firstofhash(const struct cs_trustset *set, unsigned long hash)
{
	size_t i;

	for (i = 0; i < set->ncrl; i++)
		if (!set->crls[i].gone && set->crls[i].hash == hash)
			break;
	return i;
}

/* A CRL that is left takes the links of one that is gone: a server that starts
 * reads them from r0 without a gap. */
void
cs_crl_closegaps(struct cs_trustset *set)
{
	struct cs_crllink *l;
	size_t i, n = 0;

	for (i = 0; i < set->ncrllink; i++) {
		l = &set->crllinks[i];
		if (set->crls[l->crl].gone)
			l->crl = firstofhash(set, l->hash);
		if (l->crl < set->ncrl)
			set->crllinks[n++] = *l;
	}
	set->ncrllink = n;
}

int
cs_crl_renumber(struct cs_trustset *set)
{
	size_t i;

	set->ncrllink = 0;
	for (i = 0; i < set->ncrl; i++)
		if (!set->crls[i].gone &&
		    cs_crl_addlink(set, set->crls[i].hash,
			nextlink(set, set->crls[i].hash), i) == -1)
			return -1;
	return 0;
}
