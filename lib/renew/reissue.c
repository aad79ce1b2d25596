/*
 * reissue.c: the certificate of one entry again: how long it is valid, whose
 * key it has, and the files of its entry.
 */
#include <string.h>

#include "renew/private.h"

/*
 * The validity begins a little before the moment of the signature, cs_sign.c:
 * what was asked for is less.  A certificate that was cut shows less than that.
 */
int64_t
cs_reissue_life(const struct cs_info *info, int cut)
{
	int64_t life = info->ends - info->starts, least;

	if (life > 2 * CS_BACK)
		life -= CS_BACK;
	least = strcmp(info->kind, "ca") == 0 ? CS_LIFE_CA : CS_LIFE;
	return life <= 0 || (cut && life < least) ? least : life;
}

static int
hasend(STACK_OF(X509) *certs, int from, int64_t ends)
{
	int i;

	for (i = from; i < sk_X509_num(certs); i++)
		if (cs_cert_ends(sk_X509_value(certs, i)) == ends)
			return 1;
	return 0;
}

/* Is the end of the old certificate that of one above it? */
static int
wascut(const struct cs_reissue *r)
{
	return r->hasissuer &&
	    (hasend(r->was, 1, r->old.info.ends) ||
		hasend(r->issuer.certs, 0, r->old.info.ends));
}

void
cs_reissue_plan(struct cs_reissue *r)
{
	r->asked = r->wishes.life > 0 ?
	    r->wishes.life :
	    cs_reissue_life(&r->old.info, wascut(r));
	r->now = certstore_time_now();
	r->until = r->now + r->asked;
	if (r->until > CS_YEAR_9999)
		r->until = CS_YEAR_9999;
}

int
cs_reissue_iscut(const struct cs_reissue *r)
{
	return r->hasissuer && r->until > r->issuer.ends;
}

/* A certificate that serves is not replaced by one that ends before it, unless
 * it was revoked. */
static int
checkend(const struct cs_reissue *r, struct certstore_error *err)
{
	const char *option = cs_store_option(r->all->store);
	char new[CERTSTORE_TIME_LEN], old[CERTSTORE_TIME_LEN];
	int64_t until = cs_reissue_iscut(r) ? r->issuer.ends : r->until;

	if (until > r->old.info.ends || r->force ||
	    (r->old.info.revoked != NULL && until > r->now))
		return 0;
	certstore_time_format(until, new);
	certstore_time_format(r->old.info.ends, old);
	if (cs_reissue_iscut(r) && r->why.code != CERTSTORE_OK)
		return cs_fail(err, r->why.code,
		    "%s: expires %s, with its CA, which cannot be renewed: %s",
		    r->name, old, r->why.msg);
	if (cs_reissue_iscut(r))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: expires %s, and a new certificate would expire with "
		    "its CA %s, %s: renew the CA first",
		    r->name, old, r->issuer.entry.info.name, new);
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: expires %s, and a new certificate would expire %s: use "
	    "cert-set%s %s life=90d for a longer life, or -f to renew it now",
	    r->name, old, new, option, r->name);
}

/* Was it revoked since others have its key? */
int
cs_reissue_iscompromised(const struct cs_info *info)
{
	const char *reason;

	if (info->revoked == NULL)
		return 0;
	reason = info->revoked + strcspn(info->revoked, " ");
	return *reason == ' ' && strcmp(reason + 1, "keyCompromise") == 0;
}

/* Does it keep its key?  A CA and a self-signed certificate are trusted by it,
 * and mail that was encrypted for it can be read with no other. */
static int
keepskey(const struct cs_reissue *r)
{
	const struct cs_info *info = &r->old.info;

	if (cs_reissue_iscompromised(info))
		return 0;
	if (info->self || strcmp(info->kind, "ca") == 0)
		return 1;
	return r->wishes.keepkey != -1 ? r->wishes.keepkey :
					 strcmp(info->kind, "mail") == 0;
}

/* The key that stays, where it is needed for the signature or can be compared
 * without a passphrase; else NULL. */
static int
keepkey(struct cs_reissue *r, EVP_PKEY **pkey, struct certstore_error *err)
{
	*pkey = NULL;
	if (!r->old.info.self && cs_key_isencrypted(&r->pem))
		return 0;
	*pkey = cs_issuer_pair(r->name, &r->pem, r->x509, r->all->pass, err);
	return *pkey == NULL ? -1 : 0;
}

/* A new key of the same type, once for all tries, unless that is weak. */
static int
generatekey(struct cs_reissue *r, struct certstore_error *err)
{
	EVP_PKEY *was = X509_get0_pubkey(r->x509);
	char type[80];

	if (r->pkey == NULL && was != NULL && !cs_strength_isweak(was))
		r->pkey = cs_key_again(r->all->store, was, err);
	if (r->pkey != NULL)
		return 0;
	cs_key_name(was, type, sizeof(type));
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: a new key of type %s cannot be made: use cert-set%s %s "
	    "keepkey=yes to keep the one it has, or cert-create%s -f for "
	    "another type",
	    r->name, type, cs_store_option(r->all->store), r->name,
	    cs_store_option(r->all->store));
}

/* A new key of the same type, which takes the place of the old one; a dry run
 * makes none. */
static int
makekey(struct cs_reissue *r, EVP_PKEY **pkey, struct certstore_error *err)
{
	*pkey = NULL;
	if (cs_key_isencrypted(&r->pem))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: its key is encrypted, and a new one would not be: use "
		    "cert-set%s %s keepkey=yes to keep it",
		    r->name, cs_store_option(r->all->store), r->name);
	if (r->all->dryrun)
		return 0;
	cs_buf_free(&r->pem);
	if (generatekey(r, err) == -1 ||
	    cs_key_encode(&r->pem, r->pkey, NULL, err) == -1)
		return -1;
	*pkey = r->pkey;
	return EVP_PKEY_up_ref(r->pkey) == 1 ? 0 : cs_fail_nomem(err);
}

/* May the issuer sign it, and its key. */
static int
openissuer(struct cs_reissue *r, struct certstore_error *err)
{
	int isca = strcmp(r->old.info.kind, "ca") == 0;

	if (!r->hasissuer)
		return 0;
	if (cs_issuer_judge(&r->issuer, isca, err) == -1)
		return -1;
	return cs_issuer_key(&r->issuer, r->all->pass, err);
}

static int
makefiles(struct cs_reissue *r, EVP_PKEY *pkey, struct certstore_error *err)
{
	const struct cs_issuer *is = r->hasissuer ? &r->issuer : NULL;
	struct cs_put *put = r->put;

	r->fresh = cs_copy_cert(r->all->store, r->name, r->x509, pkey, r->now,
	    r->until, is, err);
	if (r->fresh == NULL || (!r->force && cs_retrust_check(r, err) == -1))
		return -1;
	put->name = r->name;
	cs_entry_identify(&r->old, &put->seen);
	if (cs_issuer_files(put, r->fresh, is, &r->pem, err) == -1 ||
	    cs_repeat_request(put, &r->old, err) == -1)
		return -1;
	if (cs_reissue_iscut(r) && r->wishes.life == 0)
		cs_life_record(r->life, put, r->asked);
	return 0;
}

int
cs_reissue_make(struct cs_reissue *r, struct certstore_error *err)
{
	EVP_PKEY *pkey = NULL;
	int rv = -1;

	if (checkend(r, err) == 0 && openissuer(r, err) == 0 &&
	    (keepskey(r) ? keepkey : makekey)(r, &pkey, err) == 0)
		rv = makefiles(r, pkey, err);
	EVP_PKEY_free(pkey);
	return rv;
}
