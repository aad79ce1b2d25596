/*
 * below.c: the entries that have the certificate of a CA in their chains.  They
 * are written again, with the new one in its place, together with the CA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "renew/private.h"

/* Adds the keys by which what a CA issued is found: 1 if one is new, 0, -1. */
static int
addissuerkeys(struct cs_strings *keys, const struct cs_info *info,
    struct certstore_error *err)
{
	struct cs_buf key = { 0 };
	const char *value[2] = { info->ski, info->subjecthash };
	int i, rv = 0;

	for (i = 0; i < 2 && rv != -1; i++) {
		cs_buf_reset(&key);
		if (value[i] == NULL)
			continue;
		if (cs_buf_printf(&key, "%d %s", i, value[i]) == -1)
			rv = cs_fail_nomem(err);
		else if (!cs_strings_has(keys, key.p)) {
			if (cs_strings_add(keys, key.p) == -1)
				rv = cs_fail_nomem(err);
			else
				rv = 1;
			cs_strings_sort(keys);
		}
	}
	cs_buf_free(&key);
	return rv;
}

/* May one of the CAs have issued it, by key identifier or name?  1, 0, -1. */
static int
isissued(const struct cs_strings *keys, const struct cs_info *info,
    struct certstore_error *err)
{
	struct cs_buf key = { 0 };
	const char *value[2] = { info->aki, info->issuerhash };
	int i, rv = 0;

	for (i = 0; i < 2 && rv == 0 && !info->self; i++) {
		cs_buf_reset(&key);
		if (value[i] == NULL)
			continue;
		if (cs_buf_printf(&key, "%d %s", i, value[i]) == -1)
			rv = cs_fail_nomem(err);
		else
			rv = cs_strings_has(keys, key.p);
	}
	cs_buf_free(&key);
	return rv;
}

/* Reads the store once: 1 if a CA was found whose own entries may come before
 * it, 0, -1. */
static int
readstore(struct cs_reissue *r, struct cs_strings *keys, int warn,
    struct certstore_error *err)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	const struct cs_info *info;
	int again = 0, more, rv = 0;

	if ((list = certstore_list_new(r->all->store, err)) == NULL)
		return -1;
	while (
	    (more = certstore_list_next(list, &entry, err)) != 0 && rv != -1) {
		if (more == -1 && err->code == CERTSTORE_ESYSTEM) {
			rv = -1;
			break;
		}
		if (more == -1) {
			if (warn)
				(void)cs_buf_printf(&r->cautions, "%s\n",
				    err->msg);
			continue;
		}
		info = &entry->info;
		if (strcmp(info->name, r->name) == 0 ||
		    (rv = isissued(keys, info, err)) != 1)
			continue;
		if (cs_strings_add(&r->names, info->name) == -1)
			rv = cs_fail_nomem(err);
		else if (strcmp(info->kind, "ca") == 0 &&
		    (rv = addissuerkeys(keys, info, err)) == 1)
			again = 1;
	}
	certstore_list_free(list);
	return rv == -1 ? -1 : again;
}

int
cs_below_find(struct cs_reissue *r, struct certstore_error *err)
{
	struct cs_strings keys = { 0 };
	int rv, warn = 1;

	if ((rv = addissuerkeys(&keys, &r->old.info, err)) != -1)
		do {
			cs_strings_free(&r->names);
			rv = readstore(r, &keys, warn, err);
			warn = 0;
		} while (rv == 1);
	cs_strings_free(&keys);
	cs_strings_sort(&r->names);
	return rv;
}

/* Replaces a text behind the first bytes of a file: how often, or -1. */
static int
replacetext(struct cs_buf *file, size_t from, const struct cs_buf *was,
    const struct cs_buf *fresh)
{
	struct cs_buf to = { 0 };
	const char *end, *found, *p;
	int bad, n = 0;

	if (file->p == NULL)
		return 0;
	p = file->p + from;
	end = file->p + file->len;
	bad = cs_buf_add(&to, file->p, from);
	while (
	    (found = memmem(p, (size_t)(end - p), was->p, was->len)) != NULL) {
		bad |= cs_buf_add(&to, p, (size_t)(found - p));
		bad |= cs_buf_add(&to, fresh->p, fresh->len);
		p = found + was->len;
		n++;
	}
	bad |= cs_buf_add(&to, p, (size_t)(end - p));
	if (bad != 0 || n == 0) {
		cs_buf_free(&to);
		return bad != 0 ? -1 : 0;
	}
	cs_buf_free(file);
	*file = to;
	return n;
}

/* Does a certificate name its issuer by the serial number of the old one (RFC
 * 5280 section 4.2.1.1)?  It would not verify with the new one. */
static int
namesserial(STACK_OF(X509) *certs, X509 *old)
{
	const ASN1_INTEGER *serial;
	X509 *x509;
	int i;

	for (i = 0; i < sk_X509_num(certs); i++) {
		x509 = sk_X509_value(certs, i);
		serial = X509_get0_authority_serial(x509);
		if (serial != NULL &&
		    ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(old)) ==
			0 &&
		    !cs_cert_same(x509, old) &&
		    X509_NAME_cmp(X509_get_issuer_name(x509),
			X509_get_subject_name(old)) == 0)
			return 1;
	}
	return 0;
}

/* Replaces the certificate in the files of an entry: 1, 0 it is not there or
 * has to stay, -1. */
static int
replacecert(struct cs_reissue *r, struct cs_put *put,
    struct certstore_error *err)
{
	STACK_OF(X509) *certs = NULL;
	struct cs_buf *full = &put->file[CS_FULLCHAIN];
	struct cs_buf fresh = { 0 }, was = { 0 };
	int infull, inca, rv = -1;

	if (cs_cert_encode(&was, r->x509, err) == -1 ||
	    cs_cert_encode(&fresh, r->fresh, err) == -1)
		goto out;
	infull = replacetext(full, put->leaf, &was, &fresh);
	inca = replacetext(&put->file[CS_CA], 0, &was, &fresh);
	if (infull == -1 || inca == -1) {
		cs_fail_nomem(err);
		goto out;
	}
	rv = 0;
	if (infull == 0 && inca == 0)
		goto out;
	rv = -1;
	if ((certs = cs_cert_stack(put->name, full, 0, err)) == NULL)
		goto out;
	rv = 0;
	if (namesserial(certs, r->x509)) {
		(void)cs_buf_printf(&r->cautions,
		    "%s: names its issuer by serial number (RFC 5280 section "
		    "4.2.1.1), and keeps the old certificate of %s until it "
		    "is renewed\n",
		    put->name, r->name);
		goto out;
	}
	cs_buf_free(&put->file[CS_INFO]);
	rv = cs_describe_cert(&put->file[CS_INFO], certs, err) == -1 ? -1 : 1;
out:
	sk_X509_pop_free(certs, X509_free);
	cs_buf_free(&was);
	cs_buf_free(&fresh);
	return rv;
}

/*
 * That the end of a certificate was that of its CA is not seen any more when
 * the chain has the new one: its props keep its life.
 */
static int
keeplife(struct cs_reissue *r, const struct certstore_entry *entry,
    struct cs_put *put, struct cs_life *life, struct certstore_error *err)
{
	struct cs_wishes wishes;

	if (entry->info.ends != r->old.info.ends)
		return 0;
	if (cs_wishes_read(r->all->store, put->name, &wishes, err) == -1)
		return -1;
	if (wishes.life == 0)
		cs_life_record(life, put, cs_reissue_life(&entry->info, 1));
	return 0;
}

/* 1, 0 this entry is left out, -1. */
static int
rewritebelow(struct cs_reissue *r, const char *name, struct cs_put *put,
    struct cs_life *life, struct certstore_error *err)
{
	struct certstore *store = r->all->store;
	struct certstore_entry entry = { 0 };
	int rv = -1;

	put->name = name;
	if (cs_entry_load(store, name, &entry, err) == -1)
		goto out;
	rv = 0;
	if (entry.info.fingerprint == NULL)
		goto out;
	cs_entry_identify(&entry, &put->seen);
	if ((rv = cs_repeat_pair(put, &entry, err)) == -1 ||
	    (rv = replacecert(r, put, err)) != 1)
		goto out;
	rv = -1;
	/* what is refused for one entry must not keep the CA from all others */
	if (cs_repeat_request(put, &entry, err) == 0 &&
	    keeplife(r, &entry, put, life, err) == 0 &&
	    cs_write_check(store, put, 1, err) == 0)
		rv = 1;
out:
	cs_entry_done(&entry);
	if (rv == -1 &&
	    (err->code == CERTSTORE_EDAMAGED ||
		err->code == CERTSTORE_EREFUSED)) {
		(void)cs_buf_printf(&r->cautions,
		    "%s (it keeps the old certificate of %s)\n", err->msg,
		    r->name);
		rv = 0;
	} else if (rv == -1 && err->code == CERTSTORE_ENOENTRY)
		rv = 0;
	return rv;
}

int
cs_below_make(struct cs_reissue *r, struct certstore_error *err)
{
	size_t i;
	int rv;

	for (i = 0; i < r->names.n; i++) {
		rv = rewritebelow(r, r->names.v[i], &r->put[r->nput],
		    &r->life[r->nput], err);
		if (rv == -1)
			return -1;
		if (rv == 1) {
			r->nput++;
			continue;
		}
		cs_put_free(&r->put[r->nput]);
		memset(&r->put[r->nput], 0, sizeof(*r->put));
	}
	cs_error_clear(err);
	return 0;
}
