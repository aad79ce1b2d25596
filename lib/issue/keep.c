/*
 * keep.c: what -u keeps of an entry that it replaces: what the entry has and
 * nobody asked to be otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <bsd/string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"

/* The certificate of an entry. */
X509 *
cs_keep_cert(const struct certstore_entry *entry, struct certstore_error *err)
{
	STACK_OF(X509) *certs = NULL;
	struct cs_buf buf = { NULL, 0, 0 };
	X509 *x509 = NULL;

	if (cs_entry_read(entry, CS_FULLCHAIN, &buf, err) == 1 &&
	    (certs = cs_cert_stack(entry->info.name, &buf, err)) != NULL)
		x509 = sk_X509_shift(certs);
	else if (err->code == CERTSTORE_OK)
		cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: fullchain.pem is missing: -f replaces the entry",
		    entry->info.name);
	sk_X509_pop_free(certs, X509_free);
	cs_buf_free(&buf);
	return x509;
}

/* "ip:10.0.0.0/8" of an address and a mask of len bytes together; or none. */
static int
spellnetwork(const unsigned char *p, int len, struct cs_buf *b)
{
	char text[INET6_ADDRSTRLEN];
	int bits = 0, i, n = len / 2;

	if (len != 8 && len != 32)
		return 0;
	for (i = 0; i < 8 * n; i++)
		if ((p[n + i / 8] & 0x80 >> i % 8) != 0)
			bits++;
	inet_ntop(n == 4 ? AF_INET : AF_INET6, p, text, sizeof(text));
	return cs_buf_printf(b, "ip:%s/%d", text, bits);
}

/* As cs_constraint_parse() spells it; what it does not know is left out. */
static int
addtree(char ***trees, size_t *n, const GENERAL_NAME *base)
{
	struct cs_buf b = { NULL, 0, 0 };
	const ASN1_STRING *s;
	const unsigned char *p;
	char **v;
	int bad = 0, len, type;

	s = GENERAL_NAME_get0_value(base, &type);
	if (type != GEN_DNS && type != GEN_EMAIL && type != GEN_URI &&
	    type != GEN_IPADD)
		return 0;
	p = ASN1_STRING_get0_data(s);
	len = ASN1_STRING_length(s);
	if (type == GEN_IPADD)
		bad = spellnetwork(p, len, &b);
	else
		bad = cs_buf_printf(&b, "%s:%.*s",
		    type == GEN_DNS	  ? "dns" :
			type == GEN_EMAIL ? "email" :
					    "uri",
		    len, (const char *)p);
	if (bad == 0 && b.p != NULL) {
		if ((v = reallocarray(*trees, *n + 1, sizeof(*v))) == NULL) {
			cs_buf_free(&b);
			return -1;
		}
		*trees = v;
		v[(*n)++] = b.p;
		return 0;
	}
	cs_buf_free(&b);
	return bad;
}

static int
addtrees(char ***trees, size_t *n, STACK_OF(GENERAL_SUBTREE) *subtrees)
{
	int i;

	for (i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++)
		if (addtree(trees, n,
			sk_GENERAL_SUBTREE_value(subtrees, i)->base) == -1)
			return -1;
	return 0;
}

/* Adds those of a certificate or request to a template that has none. */
int
cs_keep_constraints(struct certstore_template *t,
    const STACK_OF(X509_EXTENSION) *exts, struct certstore_error *err)
{
	BASIC_CONSTRAINTS *bc;
	NAME_CONSTRAINTS *nc;
	int rv = 0;

	bc = X509V3_get_d2i(exts, NID_basic_constraints, NULL, NULL);
	if (bc != NULL && bc->pathlen != NULL)
		t->pathlen = (int)ASN1_INTEGER_get(bc->pathlen);
	nc = X509V3_get_d2i(exts, NID_name_constraints, NULL, NULL);
	if (nc != NULL &&
	    (addtrees(&t->permit, &t->npermit, nc->permittedSubtrees) == -1 ||
		addtrees(&t->exclude, &t->nexclude, nc->excludedSubtrees) ==
		    -1))
		rv = cs_fail_nomem(err);
	NAME_CONSTRAINTS_free(nc);
	BASIC_CONSTRAINTS_free(bc);
	ERR_clear_error();
	return rv;
}

static int
copytrees(char ***to, size_t *nto, char *const *from, size_t n)
{
	char **v;
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < *nto; k++)
			if (strcmp((*to)[k], from[i]) == 0)
				break;
		if (k < *nto)
			continue;
		if ((v = reallocarray(*to, *nto + 1, sizeof(*v))) == NULL)
			return -1;
		*to = v;
		if ((v[*nto] = strdup(from[i])) == NULL)
			return -1;
		++*nto;
	}
	return 0;
}

/* What is asked for; of each kind that is not, what the CA has. */
static int
mergeconstraints(struct certstore_template *t,
    const struct certstore_template *asked, X509 *x509,
    struct certstore_error *err)
{
	struct certstore_template *has;
	int rv = -1;

	if ((has = certstore_template_new(err)) == NULL)
		return -1;
	if (cs_keep_constraints(has, X509_get0_extensions(x509), err) == -1)
		goto out;
	t->pathlen = asked->pathlen >= 0 ? asked->pathlen : has->pathlen;
	if (copytrees(&t->permit, &t->npermit, asked->permit, asked->npermit) ==
		-1 ||
	    (asked->npermit == 0 &&
		copytrees(&t->permit, &t->npermit, has->permit, has->npermit) ==
		    -1) ||
	    copytrees(&t->exclude, &t->nexclude, asked->exclude,
		asked->nexclude) == -1 ||
	    copytrees(&t->exclude, &t->nexclude, has->exclude, has->nexclude) ==
		-1) {
		cs_fail_nomem(err);
		goto out;
	}
	rv = 0;
out:
	certstore_template_free(has);
	return rv;
}

static int
addname(struct certstore_template *t, enum cs_san_type type, const char *value)
{
	struct cs_san_own *v;
	size_t i;

	for (i = 0; i < t->nsan; i++)
		if (t->san[i].type == type &&
		    strcmp(t->san[i].value, value) == 0)
			return 0;
	if ((v = reallocarray(t->san, t->nsan + 1, sizeof(*v))) == NULL)
		return -1;
	t->san = v;
	v[t->nsan].type = type;
	if ((v[t->nsan].value = strdup(value)) == NULL)
		return -1;
	t->nsan++;
	return 0;
}

static int
mergenames(struct certstore_template *t, const struct certstore_template *full,
    const struct cs_info *info, struct certstore_error *err)
{
	size_t i;
	int bad = 0;

	for (i = 0; i < full->nsan; i++)
		bad |= addname(t, full->san[i].type, full->san[i].value);
	for (i = 0; i < info->nsan; i++)
		if (info->san[i].type != CS_SAN_OTHER)
			bad |= addname(t, info->san[i].type,
			    info->san[i].value);
	return bad == 0 ? 0 : cs_fail_nomem(err);
}

/* One that is for both where the other was asked for or is there. */
static void
mergeprofile(struct certstore_template *t,
    const struct certstore_template *full, const struct cs_info *info)
{
	const char *profile = full->profile;
	int client, server;

	server = strcmp(profile, "client") != 0 ||
	    cs_info_has_usage(info, "server");
	client = strcmp(profile, "client") == 0 ||
	    cs_info_has_usage(info, "client");
	if (!full->ca && strcmp(profile, "mail") != 0 && server && client)
		profile = "peer";
	strlcpy(t->profile, full->ca ? "" : profile, sizeof(t->profile));
}

static int
mergesecrets(struct certstore_template *t,
    const struct certstore_template *asked, const struct cs_info *info,
    struct certstore_error *err)
{
	struct certstore_error ignored;

	strlcpy(t->type, asked->type, sizeof(t->type));
	if (t->type[0] == '\0' && info->key != NULL &&
	    cs_key_type_check(info->key, &ignored) == 0)
		strlcpy(t->type, info->key, sizeof(t->type));
	t->pass = asked->pass;
	t->haspass = asked->haspass;
	if (asked->pkey != NULL && EVP_PKEY_up_ref(asked->pkey) == 1)
		t->pkey = asked->pkey;
	if (asked->encrypt != NULL)
		t->encrypt = strdup(asked->encrypt);
	if (asked->issuer != NULL)
		t->issuer = strdup(asked->issuer);
	return (asked->pkey != NULL && t->pkey == NULL) ||
		(asked->encrypt != NULL && t->encrypt == NULL) ||
		(asked->issuer != NULL && t->issuer == NULL) ?
	    cs_fail_nomem(err) :
	    0;
}

/*
 * A template like the one that is asked for, full being that one resolved,
 * with what the entry's certificate has beyond it.
 */
struct certstore_template *
cs_keep_make(const struct certstore_template *asked,
    const struct certstore_template *full, const struct certstore_entry *entry,
    X509 *x509, struct certstore_error *err)
{
	const struct cs_info *info = &entry->info;
	struct certstore_template *t;

	if ((t = certstore_template_new(err)) == NULL)
		return NULL;
	t->ca = asked->ca;
	t->life = asked->life;
	t->haslife = asked->haslife;
	t->within = asked->within;
	t->haswithin = asked->haswithin;
	mergeprofile(t, full, info);
	if (mergesecrets(t, asked, info, err) == -1 ||
	    mergenames(t, full, info, err) == -1 ||
	    cs_subject_merge(t, asked, X509_get_subject_name(x509), err) ==
		-1 ||
	    (asked->ca && mergeconstraints(t, asked, x509, err) == -1)) {
		certstore_template_free(t);
		return NULL;
	}
	return t;
}
