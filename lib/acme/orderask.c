/*
 * orderask.c: what an ACME order asks for: the key and the names of its
 * request.  See order.c.
 */
#include <stdio.h>
#include <string.h>

#include "acme/private.h"
#include "issue/issue.h"

/* Is the state about the request, its key and its names? */
static int
isstateof(const struct certstore_order *order)
{
	const char *name, *type, *value;
	size_t i, len;

	if (!cs_orderstate_is(&order->text, "spki", order->wanted.request))
		return 0;
	for (i = 0; certstore_order_identifier(order, i, &type, &name); i++) {
		value = cs_order_find(order, "identifier", i);
		len = strlen(type);
		if (value == NULL || strncmp(value, type, len) != 0 ||
		    value[len] != ' ' || strcmp(value + len + 1, name) != 0)
			return 0;
	}
	return cs_order_find(order, "identifier", i) == NULL;
}

/* A new order begins with the request. */
static int
beginorder(struct certstore_order *order, struct certstore_error *err)
{
	const char *name, *type;
	size_t i;
	int bad;

	if (cs_order_removeheld(order, err) == -1 ||
	    cs_order_droplines(order, 1, err) == -1)
		return -1;
	bad = cs_buf_printf(&order->text, "spki %s\nsince %lld\n",
	    order->wanted.request, (long long)certstore_time_now());
	for (i = 0; certstore_order_identifier(order, i, &type, &name); i++)
		bad |= cs_buf_printf(&order->text, "identifier %s %s\n", type,
		    name);
	if (order->hascn)
		bad |= cs_buf_adds(&order->text, "subject-cn yes\n");
	return bad == 0 ? cs_order_write(order, err) : cs_fail_nomem(err);
}

/* Adds a name to a template. */
static int
askname(struct certstore_template *t, const char *type, const char *value,
    struct certstore_error *err)
{
	char san[CS_HOST_MAX + 16];

	if (strcmp(type, "dns") != 0 && strcmp(type, "ip") != 0)
		return 0;
	snprintf(san, sizeof(san), "%s:%s", type, value);
	return certstore_template_add_san(t, san, err);
}

/* Is it of a TNAuthList, "spc:818H" or "tel:12155550000"? */
static int
iscall(const char *name)
{
	return strncmp(name, "spc:", 4) == 0 || strncmp(name, "tel:", 4) == 0;
}

/* Asks for the calls of an entry. */
static int
askcalls(struct certstore_template *t, const char *type,
    const struct cs_list *list, struct certstore_error *err)
{
	char call[CS_QUOTE_LEN];
	size_t i;

	for (i = 0; i < list->n; i++) {
		snprintf(call, sizeof(call), "%s:%s", type, list->v[i]);
		if (certstore_template_add_san(t, call, err) == -1)
			return -1;
	}
	return list->n == 0 ? 0 :
			      certstore_template_set_profile(t, "shaken", err);
}

/* Asks for names and key type of the certificate. */
static int
askasis(const struct certstore_order *order, struct certstore_template *t,
    struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_entry *entry;
	const char *key, *type, *value;
	size_t i;
	int rv = 0;

	if ((entry = certstore_entry_get(order->store, order->name, err)) ==
	    NULL)
		return -1;
	if (certstore_entry_fingerprint(entry) == NULL)
		rv = cs_fail(err, CERTSTORE_EREFUSED, "%s: has no certificate",
		    order->name);
	for (i = 0; rv == 0 && certstore_entry_san(entry, i, &type, &value);
	     i++)
		rv = askname(t, type, value, err);
	if (rv == 0 &&
	    (askcalls(t, "spc", &entry->info.spcs, err) == -1 ||
		askcalls(t, "tel", &entry->info.tns, err) == -1))
		rv = -1;
	if (rv == 0 && (key = certstore_entry_key(entry)) != NULL &&
	    certstore_template_set_type(t, key, &ignored) == -1)
		(void)certstore_template_set_type(t, "p256", &ignored);
	certstore_entry_free(entry);
	return rv;
}

/* Asks for the names that were put aside. */
static int
askwish(const struct certstore_order *order, struct certstore_template *t,
    struct certstore_error *err)
{
	const char *wish;
	size_t i;

	for (i = 0; (wish = cs_order_find(order, "wish", i)) != NULL; i++)
		if (certstore_template_add_san(t, wish, err) == -1 ||
		    (iscall(wish) &&
			certstore_template_set_profile(t, "shaken", err) == -1))
			return -1;
	return 0;
}

/* Puts the names of the waiting request aside, on disk, for the next one. */
static int
keepwish(struct certstore_order *order, struct certstore_error *err)
{
	const struct cs_info *wanted = &order->wanted;
	size_t i;
	int bad = 0;

	if (order->der == NULL || cs_order_find(order, "wish", 0) != NULL)
		return 0;
	for (i = 0; i < wanted->nsan; i++)
		bad |= cs_buf_printf(&order->text, "wish %s:%s\n",
		    cs_san_names[wanted->san[i].type], wanted->san[i].value);
	for (i = 0; i < wanted->spcs.n; i++)
		bad |= cs_buf_printf(&order->text, "wish spc:%s\n",
		    wanted->spcs.v[i]);
	for (i = 0; i < wanted->tns.n; i++)
		bad |= cs_buf_printf(&order->text, "wish tel:%s\n",
		    wanted->tns.v[i]);
	return bad == 0 ? cs_order_write(order, err) : cs_fail_nomem(err);
}

/* A new request ends the wish, unless it is without it, and has a new key. */
static int
endwish(struct certstore_order *order, int asis, struct certstore_error *err)
{
	if (cs_order_find(order, "newkey", 0) == NULL &&
	    (asis || cs_order_find(order, "wish", 0) == NULL))
		return 0;
	if (cs_order_change(order, "newkey", CERTSTORE_SET_REPLACE, "", err) ==
		-1 ||
	    (!asis &&
		cs_order_change(order, "wish", CERTSTORE_SET_REPLACE, "",
		    err) == -1))
		return -1;
	return cs_order_write(order, err);
}

/* Must the next key be new?  Not while the CA may sign the waiting request. */
static int
needsnewkey(const struct certstore_order *order)
{
	const char *status = certstore_order_value(order, "status");

	return certstore_order_value(order, "newkey") != NULL &&
	    (status == NULL ||
		(strcmp(status, "processing") != 0 &&
		    strcmp(status, "valid") != 0));
}

int
certstore_order_request(struct certstore_order *order,
    const struct certstore_template *tmpl, const struct certstore_set *props,
    int flags, struct certstore_error *err)
{
	struct cs_ordering how = { .tmpl = tmpl };
	struct certstore_template *own = NULL;
	struct cs_buf pem = { 0 };
	int asis = (flags & CERTSTORE_ORDER_KEEP) != 0, rv = -1;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_ORDER_FORCE | CERTSTORE_ORDER_DRYRUN |
		    CERTSTORE_ORDER_KEEP,
		err) == -1 ||
	    cs_order_load(order, err) == -1)
		return -1;
	if (asis && tmpl != NULL)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: a template, and a certificate as it is: use one",
		    order->name);
	if (props != NULL &&
	    cs_set_changes(props, &how.change, &how.nchange, err) == -1)
		return -1;
	how.keepcn = certstore_order_value(order, "cert-cn") != NULL;
	how.fresh = (flags & CERTSTORE_ORDER_FORCE) != 0 || needsnewkey(order);
	how.dryrun = (flags & CERTSTORE_ORDER_DRYRUN) != 0;
	if (asis || (tmpl == NULL && order->der == NULL)) {
		if ((own = certstore_template_new(err)) == NULL)
			return -1;
		how.tmpl = own;
		if ((asis ? askasis(order, own, err) :
			    askwish(order, own, err)) == -1 ||
		    (asis && !how.dryrun && keepwish(order, err) == -1))
			goto out;
	}
	rv = cs_create_order(order->store, order->name, &how, &pem.p, err);
	if (rv != -1 && pem.p != NULL) {
		pem.len = strlen(pem.p);
		pem.size = pem.len + 1;
		if (cs_order_takerequest(order, &pem, err) == -1)
			rv = -1;
		else if (how.dryrun)
			order->dry = rv == 1;
		else if ((!isstateof(order) && beginorder(order, err) == -1) ||
		    (rv == 1 && endwish(order, asis, err) == -1))
			rv = -1;
	}
out:
	certstore_template_free(own);
	cs_buf_free(&pem);
	return rv;
}
