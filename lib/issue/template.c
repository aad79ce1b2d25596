/*
 * template.c: what is to be made.  Each setter checks its argument, so that a
 * template without failed setters is well-formed.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

#include "issue/private.h"

struct certstore_template *
certstore_template_new(struct certstore_error *err)
{
	struct certstore_template *t;

	cs_error_clear(err);
	if ((t = calloc(1, sizeof(*t))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	t->pathlen = -1;
	return t;
}

static void
wipesecret(char *secret)
{
	if (secret != NULL)
		freezero(secret, strlen(secret));
}

void
certstore_template_free(struct certstore_template *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->nsan; i++)
		free(t->san[i].value);
	for (i = 0; i < t->nsubject; i++)
		free(t->subject[i].value);
	free(t->san);
	free(t->subject);
	sk_GENERAL_SUBTREE_pop_free(t->permit, GENERAL_SUBTREE_free);
	sk_GENERAL_SUBTREE_pop_free(t->exclude, GENERAL_SUBTREE_free);
	cs_tnauth_free(&t->calls);
	cs_extra_free(&t->extra);
	free(t->issuer);
	wipesecret(t->encrypt);
	wipesecret(t->opened);
	EVP_PKEY_free(t->pkey);
	free(t);
}

int
certstore_template_set_ca(struct certstore_template *t,
    struct certstore_error *err)
{
	cs_error_clear(err);
	t->ca = 1;
	return 0;
}

/* The only private key of an input; other items are ignored. */
static EVP_PKEY *
onlykey(const char *label, struct cs_pems *pems,
    const struct certstore_passphrase *pass, char **opened,
    struct certstore_error *err)
{
	struct cs_pem *key = NULL;
	EVP_PKEY *pkey;
	char q[CS_QUOTE_LEN];
	size_t i;

	for (i = 0; i < pems->n; i++) {
		if (!cs_item_iskey(&pems->v[i]))
			continue;
		if (key != NULL) {
			cs_fail(err, CERTSTORE_EINPUT,
			    "%s: more than one private key: use one",
			    cs_escape_quote(q, label));
			return NULL;
		}
		key = &pems->v[i];
	}
	if (key == NULL) {
		cs_fail(err, CERTSTORE_EINPUT, "%s: no private key in it",
		    cs_escape_quote(q, label));
		return NULL;
	}
	pkey = cs_key_parse(key, pass, err);
	*opened = key->passphrase;
	key->passphrase = NULL;
	return pkey;
}

/* The key of -K.  A passphrase is asked for only if that was set before. */
static int
setownkey(struct certstore_template *t, const char *label, const void *data,
    size_t len, struct certstore_error *err)
{
	struct cs_pems pems = { NULL, 0, 0 };
	EVP_PKEY *pkey = NULL;
	char *opened = NULL, q[CS_QUOTE_LEN];
	int rv = -1;

	if (cs_crypto_check(err) == 0 &&
	    cs_pem_read(label, data, len, &t->pass, &pems, err) == 0)
		pkey = onlykey(label, &pems, &t->pass, &opened, err);
	cs_item_free(&pems);
	if (pkey == NULL)
		goto out;
	if (EVP_PKEY_can_sign(pkey) != 1) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: a key that cannot sign: use RSA, EC or Ed25519",
		    cs_escape_quote(q, label));
		goto out;
	}
	if (!cs_keypair_matches(pkey)) {
		cs_fail(err, CERTSTORE_EINPUT,
		    "%s: this private key is damaged, its public part does "
		    "not match: copy it again",
		    cs_escape_quote(q, label));
		goto out;
	}
	if (!cs_key_setnamed(pkey)) {
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: a key on a curve without a name: use P-256 or P-384",
		    cs_escape_quote(q, label));
		goto out;
	}
	EVP_PKEY_free(t->pkey);
	wipesecret(t->opened);
	t->pkey = pkey;
	t->opened = opened;
	pkey = NULL;
	opened = NULL;
	rv = 0;
out:
	wipesecret(opened);
	EVP_PKEY_free(pkey);
	return rv;
}

int
certstore_template_set_passphrase(struct certstore_template *t,
    const struct certstore_passphrase *pass, struct certstore_error *err)
{
	cs_error_clear(err);
	t->pass = *pass;
	return 0;
}

/* Duplicates are ignored. */
int
cs_template_addsan(struct certstore_template *t, enum cs_san_type type,
    const char *value)
{
	struct cs_san *v;
	size_t i;

	for (i = 0; i < t->nsan; i++)
		if (t->san[i].type == type &&
		    strcmp(t->san[i].value, value) == 0)
			return 0;
	v = cs_array_extend(t->san, t->nsan, &t->sansize, sizeof(*v));
	if (v == NULL)
		return -1;
	t->san = v;
	v += t->nsan;
	v->type = type;
	if ((v->value = strdup(value)) == NULL)
		return -1;
	t->nsan++;
	return 0;
}

static int
addconstraint(struct certstore_template *t, const char *text,
    struct certstore_error *err)
{
	const char *flaw;
	char q[CS_QUOTE_LEN];
	long long n;

	if (strncmp(text, "permit=", 7) == 0)
		return cs_constraint_add(&t->permit, text + 7, err);
	if (strncmp(text, "exclude=", 8) == 0)
		return cs_constraint_add(&t->exclude, text + 8, err);
	if (strncmp(text, "pathlen=", 8) != 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: unknown constraint: use pathlen=0, "
		    "permit=example.com or exclude=10.0.0.0/8",
		    cs_escape_quote(q, text));
	n = strtonum(text + 8, 0, 99, &flaw);
	if (flaw != NULL || text[8] < '0' || text[8] > '9')
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: not a path length: use a number from 0 to 99",
		    cs_escape_quote(q, text));
	t->pathlen = (int)n;
	return 0;
}

/* Remembers whether a setter failed: cs_template_check() then refuses the
 * template until that setter succeeds, and for an adder always. */
static int
concludesetter(struct certstore_template *t, enum cs_setter setter, int rv,
    struct certstore_error *err)
{
	if (rv == -1 || setter < CS_ADD_SAN)
		cs_error_keep(&t->failed[setter], rv, err);
	if (rv == 0)
		cs_error_clear(err);
	return rv;
}

/* Fails with the first error of a setter. */
int
cs_template_check(const struct certstore_template *t,
    struct certstore_error *err)
{
	size_t i;

	for (i = 0; i < CS_NSETTER; i++)
		if (t->failed[i].code != CERTSTORE_OK)
			return cs_fail(err, t->failed[i].code,
			    "an earlier call for this template failed: %s",
			    t->failed[i].msg);
	return 0;
}

int
certstore_template_set_type(struct certstore_template *t, const char *type,
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_key_type_check(type, err)) == 0)
		strlcpy(t->type, type, sizeof(t->type));
	return concludesetter(t, CS_SET_TYPE, rv, err);
}

int
cs_template_isprofile(const char *profile)
{
	static const char *const profiles[] = { "server", "client", "peer",
		"mail", "shaken" };
	size_t i;

	for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (strcmp(profile, profiles[i]) == 0)
			return 1;
	return 0;
}

int
cs_template_concludeprofile(struct certstore_template *t, int rv,
    struct certstore_error *err)
{
	return concludesetter(t, CS_SET_PROFILE, rv, err);
}

int
certstore_template_set_profile(struct certstore_template *t,
    const char *profile, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];
	int rv = 0;

	if (cs_template_isprofile(profile))
		strlcpy(t->profile, profile, sizeof(t->profile));
	else
		rv = cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: unknown profile: use server, client, peer, mail or "
		    "shaken",
		    cs_escape_quote(q, profile));
	return cs_template_concludeprofile(t, rv, err);
}

int
certstore_template_set_life(struct certstore_template *t,
    const struct certstore_span *life, struct certstore_error *err)
{
	char when[CERTSTORE_TIME_LEN];
	int rv;

	rv = cs_time_checkspan(life, err);
	if (rv == 0 && life->type == CERTSTORE_SPAN_PART)
		rv = cs_fail(err, CERTSTORE_EARGUMENT,
		    "life: cannot be a part: use a duration or a date, as "
		    "in 90d or 2027-01-31");
	else if (rv == 0 && life->type == CERTSTORE_SPAN_FOR && life->secs <= 0)
		rv = cs_fail(err, CERTSTORE_EARGUMENT,
		    "life: is zero: use 90d, 36h, 2w or 1y");
	else if (rv == 0 && life->type == CERTSTORE_SPAN_AT &&
	    life->secs <= certstore_time_now())
		rv = cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: the end is in the past: use a time in the future",
		    certstore_time_format(life->secs, when));
	else if (rv == 0) {
		t->life = *life;
		t->haslife = 1;
	}
	return concludesetter(t, CS_SET_LIFE, rv, err);
}

int
certstore_template_set_within(struct certstore_template *t,
    const struct certstore_span *within, struct certstore_error *err)
{
	int rv;

	if ((rv = cs_time_checkspan(within, err)) == 0) {
		t->within = *within;
		t->haswithin = 1;
	}
	return concludesetter(t, CS_SET_WITHIN, rv, err);
}

int
certstore_template_set_issuer(struct certstore_template *t, const char *name,
    struct certstore_error *err)
{
	return concludesetter(t, CS_SET_ISSUER,
	    cs_name_set(&t->issuer, name, err), err);
}

int
certstore_template_set_key(struct certstore_template *t, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	return concludesetter(t, CS_SET_KEY,
	    setownkey(t, label, data, len, err), err);
}

int
certstore_template_set_encrypt(struct certstore_template *t,
    const char *passphrase, struct certstore_error *err)
{
	char *copy;
	int rv = 0;

	if (passphrase[0] == '\0')
		rv = cs_fail(err, CERTSTORE_EARGUMENT,
		    "passphrase: is empty: use one that is not, or do not "
		    "encrypt the key");
	else if (strlen(passphrase) >= CS_PASSPHRASE_MAX)
		rv = cs_fail(err, CERTSTORE_EARGUMENT,
		    "passphrase: longer than %d bytes", CS_PASSPHRASE_MAX - 1);
	else if ((copy = strdup(passphrase)) == NULL)
		rv = cs_fail_nomem(err);
	else {
		wipesecret(t->encrypt);
		t->encrypt = copy;
	}
	return concludesetter(t, CS_SET_ENCRYPT, rv, err);
}

int
certstore_template_add_san(struct certstore_template *t, const char *san,
    struct certstore_error *err)
{
	enum cs_san_type type;
	char *value = NULL;
	int rv;

	cs_error_clear(err);
	if ((rv = cs_tnauth_add(&t->calls, san, err)) != 0)
		rv = rv == 1 ? 0 : -1;
	else if ((rv = cs_name_san(san, &type, &value, err)) == 0 &&
	    (rv = cs_template_addsan(t, type, value)) == -1)
		cs_fail_nomem(err);
	free(value);
	return concludesetter(t, CS_ADD_SAN, rv, err);
}

int
certstore_template_add_subject(struct certstore_template *t, const char *text,
    struct certstore_error *err)
{
	return concludesetter(t, CS_ADD_SUBJECT, cs_subject_add(t, text, err),
	    err);
}

int
certstore_template_add_constraint(struct certstore_template *t,
    const char *text, struct certstore_error *err)
{
	return concludesetter(t, CS_ADD_CONSTRAINT, addconstraint(t, text, err),
	    err);
}

/* Which parts do not go together, or have no effect, whatever is made; or
 * NULL. */
const char *
cs_template_flaw(const struct certstore_template *t)
{
	const char *flaw;

	if ((flaw = cs_calls_flaw(t)) != NULL)
		;
	else if (!t->ca &&
	    (t->pathlen >= 0 || t->permit != NULL || t->exclude != NULL))
		flaw = "constraints are for a CA: add -c or remove -C";
	else if (!t->ca && t->encrypt != NULL)
		flaw = "only the key of a CA can be encrypted, since a "
		       "server cannot ask for a passphrase: add -c or "
		       "remove -E";
	else if (t->ca &&
	    (t->profile[0] != '\0' || t->extra.usage != 0 ||
		t->extra.purposes != NULL))
		flaw = "a profile is not for a CA: remove -P or -c";
	else if (cs_calls_has(t) && !t->ca && !cs_calls_signs(t))
		flaw = "codes and numbers are for a certificate that signs "
		       "calls: add -P shaken, or -c for a CA of delegates";
	return flaw;
}

/* Is it for a TLS server?  Of a resolved template. */
int
cs_template_serves(const struct certstore_template *t)
{
	return !t->ca &&
	    (strcmp(t->profile, "server") == 0 ||
		strcmp(t->profile, "peer") == 0);
}

/* Is the entry's name a host?  A single label is not, but for localhost. */
static int
isownhost(const char *name)
{
	return strchr(name, '.') != NULL || strcmp(name, "localhost") == 0;
}

int
cs_template_resolve(struct certstore_template *full, struct cs_san *own,
    const struct certstore_template *t, const char *name,
    struct certstore_error *err)
{
	*full = *t;
	own->value = NULL;
	if (full->type[0] == '\0')
		strlcpy(full->type, "p256", sizeof(full->type));
	if (full->profile[0] == '\0' && full->extra.purposes == NULL)
		strlcpy(full->profile, "server", sizeof(full->profile));
	if (t->ca || cs_calls_signs(t) || t->nsan > 0 || !isownhost(name))
		return 0;
	if (cs_name_san(name, &own->type, &own->value, err) == -1) {
		if (cs_error_isnomem(err))
			return -1;
		cs_error_clear(err);
		return 0;
	}
	full->san = own;
	full->nsan = 1;
	return 0;
}
