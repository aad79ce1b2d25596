/*
 * issuedrepair.c: repairs the records of what CAs of the store have signed: of
 * entries that have none, and those that are damaged.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/private.h"
#include "issue/issue.h"

/* Says in an entry that its CA has revoked it, as its props do when they are
 * written anew. */
static int
repairmark(struct cs_repair *r, const struct certstore_entry *entry,
    struct certstore_error *err)
{
	struct certstore_set *set;
	struct cs_issuer is;
	struct cs_revocation found;
	STACK_OF(X509) *certs = NULL;
	char serial[CS_SERIAL_LEN], value[CS_REVOKED_LEN];
	int rv;

	if (entry->info.revoked != NULL || entry->info.self ||
	    entry->info.serial == NULL || !cs_revoked_isused(r->store) ||
	    cs_issued_serial(serial, entry->info.serial) == -1)
		return 0;
	if ((rv = cs_cert_read(entry, CS_FULLCHAIN, &certs, err)) == 1)
		rv = cs_issuer_find(&is, entry, sk_X509_value(certs, 0), err);
	sk_X509_pop_free(certs, X509_free);
	if (rv != 1)
		return rv;
	rv = cs_revoked_find(r->store, is.entry.info.spki, serial, &found);
	cs_issuer_close(&is);
	if (rv != 1)
		return 0;
	if (cs_told_acts(r)) {
		if ((set = certstore_set_new(r->store, CERTSTORE_SET_IFNEEDED,
			 err)) == NULL)
			return -1;
		if (certstore_set_change(set, "revoked", CERTSTORE_SET_REPLACE,
			cs_revoked_text(&found, value), err) == -1 ||
		    certstore_set_add(set, entry->info.name, err) == -1 ||
		    certstore_set_commit(set, err) == -1)
			rv = -1;
		certstore_set_free(set);
	}
	if (rv != -1)
		cs_told_add(r, entry->info.name, "revoked", 0,
		    "its CA has revoked it, and the entry did not say so");
	return rv == -1 ? -1 : 0;
}

/* Records that a CA of the store has signed the certificate of an entry. */
int
cs_issuedrepair_entry(struct cs_repair *r, const char *name,
    const struct certstore_entry *entry, struct certstore_error *err)
{
	struct cs_buf desc = { 0 }, info = { 0 };
	struct cs_issued record = { .name = name, .desc = &desc };
	struct cs_issuer is;
	int rv;

	if ((rv = repairmark(r, entry, err)) == -1 ||
	    (rv = cs_issuedcheck_lacks(entry, &is, err)) != 1)
		return rv;
	record.signer = is.entry.info.spki;
	if (cs_told_acts(r) &&
	    ((rv = cs_entry_read(entry, CS_INFO, &info, err)) != 1 ||
		(rv = cs_entry_read(entry, CS_CERT, &record.pem, err)) != 1))
		goto out;
	if (cs_info_description(&desc, &info, NULL) == -1)
		rv = cs_fail_nomem(err);
	else if (cs_told_acts(r))
		rv = cs_issued_add(r->store, &record, 1, err);
	if (rv != -1)
		cs_told_add(r, name, "issued", 0,
		    "%s had no record of what it has signed",
		    is.entry.info.name);
out:
	cs_issuer_close(&is);
	cs_buf_free(&record.pem);
	cs_buf_free(&info);
	cs_buf_free(&desc);
	return rv == -1 ? -1 : 0;
}

/* One CA whose records are repaired. */
struct records {
	struct cs_repair *r;
	const char *spki;
	struct certstore_entry entry;
	struct certstore_error *err;
};

/* The certificate of a damaged record, if it has the serial number: 1, or 0. */
static int
describerecord(const struct cs_buf *text, const char *serial,
    struct cs_buf *desc, struct cs_buf *pem)
{
	STACK_OF(X509) *certs;
	struct certstore_error ignored;
	char own[CS_SERIAL_LEN];
	int rv = 0;

	if ((certs = cs_cert_stack(serial, text, 0, &ignored)) == NULL)
		return 0;
	if (sk_X509_num(certs) == 1 &&
	    cs_describe_cert(desc, certs, &ignored) == 0 &&
	    cs_cert_encode(pem, sk_X509_value(certs, 0), &ignored) == 0 &&
	    cs_issued_described(own, desc) == 0)
		rv = strcmp(own, serial) == 0;
	sk_X509_pop_free(certs, X509_free);
	return rv;
}

/* The name of an entry in a record: malloc'ed, or NULL. */
static char *
nameofrecord(const struct cs_buf *text)
{
	const char *value;
	char *name = NULL;
	size_t len;

	if ((value = cs_info_find(text, "name", &len)) != NULL)
		name = strndup(value, len);
	if (name != NULL && cs_name_isvalid(name))
		return name;
	free(name);
	return NULL;
}

/* Ends it with a certificate?  Else its writer was interrupted, and nobody got
 * what it stands for. */
static int
iswholerecord(const struct cs_buf *text)
{
	static const char end[] = "-----END CERTIFICATE-----\n";

	return text->len >= sizeof(end) - 1 &&
	    memcmp(text->p + text->len - (sizeof(end) - 1), end,
		sizeof(end) - 1) == 0;
}

static int
mendrecord(struct records *in, const char *serial)
{
	struct cs_buf desc = { 0 }, text = { 0 };
	struct cs_issued record = { .signer = in->spki, .desc = &desc };
	struct cs_repair *r = in->r;
	char *name = NULL;
	int rv;

	if ((rv = cs_issued_text(r->store, in->spki, serial, &text)) == -1 ||
	    (iswholerecord(&text) &&
		!describerecord(&text, serial, &desc, &record.pem))) {
		r->leaves = 1;
		cs_told_add(r, "@store", "issued", 1,
		    "the certificate %s in issued/%s is damaged: restore the "
		    "file from a backup",
		    serial, in->spki);
		r->leaves = 0;
		rv = 0;
	} else if (record.pem.p == NULL) {
		if (cs_told_acts(r))
			rv = cs_issued_mend(r->store, in->spki, serial, NULL,
			    in->err);
		cs_told_add(r, "@store", "issued", 0,
		    "the certificate %s in issued/%s was never finished",
		    serial, in->spki);
	} else {
		record.name = name = nameofrecord(&text);
		if (cs_told_acts(r))
			rv = cs_issued_mend(r->store, in->spki, serial, &record,
			    in->err);
		cs_told_add(r, "@store", "issued", 0,
		    "the certificate %s in issued/%s was damaged", serial,
		    in->spki);
	}
	free(name);
	cs_buf_free(&record.pem);
	cs_buf_free(&text);
	cs_buf_free(&desc);
	return rv;
}

static int
lookrecord(void *arg, const char *serial)
{
	struct records *in = arg;
	int rv;

	rv = cs_issued_read(in->r->store, in->spki, serial, &in->entry,
	    in->err);
	if (rv != -1)
		return 0;
	return in->err->code == CERTSTORE_EDAMAGED ? mendrecord(in, serial) :
						     -1;
}

int
cs_issuedrepair_records(struct cs_repair *r, struct certstore_error *err)
{
	struct records in = { .r = r, .err = err };
	struct cs_strings cas = { 0 };
	size_t i;
	int rv = 0;

	if (cs_issued_signers(r->store, &cas) == -1)
		rv = cs_fail_errno(err, "%s/issued", certstore_path(r->store));
	for (i = 0; i < cas.n && rv == 0; i++) {
		in.spki = cas.v[i];
		rv = cs_issued_each(r->store, in.spki, lookrecord, &in, err);
	}
	cs_entry_done(&in.entry);
	cs_strings_free(&cas);
	return rv;
}
