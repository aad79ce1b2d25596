/*
 * ordertake.c: the end of an ACME order: its certificate is taken or held, or it
 * is given up.  See order.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme/private.h"
#include "import/import.h"

/* The reasons to hold a certificate, on one line. */
static char *
joinreasons(const struct certstore_order *order, const struct cs_buf *why)
{
	size_t len = strlen(order->name);
	struct cs_buf text = { 0 };
	struct cs_propline l;
	size_t pos = 0;
	int bad = 0;

	while (cs_props_nextline(why, &pos, &l)) {
		if (l.textlen > len + 2 && l.text[len] == ':') {
			l.text += len + 2;
			l.textlen -= len + 2;
		}
		bad |= cs_buf_printf(&text, "%s%.*s", text.len > 0 ? "; " : "",
		    (int)l.textlen, l.text);
	}
	if (bad != 0)
		cs_buf_free(&text);
	return text.p;
}

/* Keeps a certificate that is not to serve unless somebody says so. */
static int
holdanswer(struct certstore_order *order, const void *pem, size_t len,
    const struct cs_buf *why, struct certstore_error *err)
{
	struct cs_buf b = { 0 };
	char *text;
	int rv = -1;

	if ((text = joinreasons(order, why)) == NULL ||
	    cs_buf_add(&b, pem, len) == -1)
		cs_fail_nomem(err);
	else if (cs_file_replace(order->dir, CS_ORDER_HELD, &b, 0600) == -1)
		cs_order_fail(order, CS_ORDER_HELD, err);
	else
		rv = certstore_order_set(order, "held", text, err);
	free(text);
	cs_buf_free(&b);
	return rv;
}

/* The new certificate serves. */
static int
recordanswer(struct certstore_order *order, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	int rv;

	rv = cs_entry_load(order->store, order->name, &entry, err);
	if (rv == 0)
		rv = cs_order_conclude(order, entry.info.fingerprint, err);
	if (rv == 0) {
		snprintf(order->fingerprint, sizeof(order->fingerprint), "%s",
		    entry.info.fingerprint);
		cs_order_forget(order);
		rv = cs_order_write(order, err);
	}
	cs_entry_done(&entry);
	return rv == 0 ? cs_order_removeheld(order, err) : -1;
}

/* The answer to the request of a dry run, whose key is thrown away. */
static int
checkdryanswer(const struct certstore_order *order, const void *pem, size_t len,
    struct certstore_error *err)
{
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct certstore_entry none = { 0 };
	struct cs_buf why = { 0 };
	struct cs_info info;
	int rv = -1;

	if ((certs = certstore_certs_read(order->name, pem, len, NULL, err)) ==
		NULL ||
	    certstore_certs_next(certs, &entry, err) != 1)
		goto out;
	info = entry->info;
	info.name = order->name;
	if (info.spki == NULL || strcmp(info.spki, order->wanted.request) != 0)
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: the CA sent a certificate for another key",
		    order->name);
	else if (cs_objection_add(&why, &info, &none, &order->wanted) == -1)
		cs_fail_nomem(err);
	else
		rv = why.len == 0;
	cs_warn_lines(order->store, &why);
out:
	certstore_certs_free(certs);
	cs_buf_free(&why);
	return rv;
}

int
certstore_order_finish(struct certstore_order *order, const void *pem,
    size_t len, int flags, struct certstore_error *err)
{
	struct cs_ordered answer = { .name = order->name,
		.wanted = &order->wanted };
	struct certstore_error ignored;
	int rv;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_ORDER_FORCE | CERTSTORE_ORDER_DRYRUN, err) == -1)
		return -1;
	if (order->der == NULL)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: no request of an ACME order waits", order->name);
	if (order->dry)
		return checkdryanswer(order, pem, len, err);
	answer.spki = order->wanted.request;
	answer.force = (flags & CERTSTORE_ORDER_FORCE) != 0;
	answer.dryrun = (flags & CERTSTORE_ORDER_DRYRUN) != 0;
	rv = cs_anchored_check(order->store, order->name, pem, len, &answer.why,
	    err);
	if (rv == 0)
		rv = cs_ordered_import(order->store, &answer, pem, len, err);
	if (rv == 0 && !answer.dryrun &&
	    holdanswer(order, pem, len, &answer.why, err) == -1)
		rv = -1;
	/* the certificate serves, whatever becomes of the state */
	if (rv == 1 && !answer.dryrun && recordanswer(order, &ignored) == -1)
		cs_warn(order->store, "%s", ignored.msg);
	cs_buf_free(&answer.why);
	return rv;
}

int
certstore_order_take(struct certstore_order *order, int flags,
    struct certstore_error *err)
{
	struct cs_buf pem = { 0 };
	int rv = -1;

	cs_error_clear(err);
	if (cs_error_flags(flags, CERTSTORE_ORDER_DRYRUN, err) == -1)
		return -1;
	if (certstore_order_value(order, "held") == NULL)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: no certificate is held", order->name);
	if (cs_file_read(order->dir, CS_ORDER_HELD, CERTSTORE_INPUT_MAX,
		&pem) == -1)
		cs_order_fail(order, CS_ORDER_HELD, err);
	else
		rv = certstore_order_finish(order, pem.p, pem.len,
		    flags | CERTSTORE_ORDER_FORCE, err);
	cs_buf_free(&pem);
	return rv;
}

/* Removes the entry.  Its directory of orders goes with it, so another one is
 * made and locked before anybody else can have it. */
static int
removeentry(struct certstore_order *order, struct certstore_error *err)
{
	const char *name = order->name;

	if (certstore_remove(order->store, &name, 1, CERTSTORE_REMOVE_FORCE,
		NULL, NULL, err) == -1)
		return -1;
	cs_file_close(&order->lock);
	cs_file_close(&order->dir);
	return cs_order_opendir(order, err) == -1 ? -1 :
						    cs_order_lock(order, err);
}

/* Removes our request; an entry that is nothing else is removed. */
static int
withdrawrequest(struct certstore_order *order, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_put put = { .name = order->name, .reason = "request" };
	int rv = -1;

	if (cs_lock_take(order->store, err) == -1)
		return -1;
	if (cs_entry_load(order->store, order->name, &entry, err) == -1) {
		if (err->code == CERTSTORE_ENOENTRY)
			rv = 0;
	} else if (!entry.info.hasrequest || !entry.info.ordered)
		rv = 0;
	else if (entry.info.fingerprint == NULL)
		rv = removeentry(order, err);
	else if (cs_repeat_pair(&put, &entry, err) == 0) {
		cs_entry_identify(&entry, &put.seen);
		rv = cs_write_entries(order->store, &put, 1, err);
	}
	cs_lock_release(order->store);
	cs_put_free(&put);
	cs_entry_done(&entry);
	return rv;
}

int
certstore_order_abandon(struct certstore_order *order, int flags,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (cs_error_flags(flags, CERTSTORE_ORDER_KEEP, err) == -1 ||
	    cs_order_load(order, err) == -1)
		return -1;
	if ((flags & CERTSTORE_ORDER_KEEP) == 0 &&
	    withdrawrequest(order, err) == -1)
		return -1;
	cs_error_clear(err);
	cs_order_forget(order);
	if (cs_order_removeheld(order, err) == -1 ||
	    cs_order_droplines(order, 1, err) == -1)
		return -1;
	return cs_order_write(order, err);
}
