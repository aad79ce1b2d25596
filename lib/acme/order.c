/*
 * order.c: the state of an ACME order for an entry, certstore_order(3).  What
 * is written of an order holds only for the request whose key and names it
 * gives, and what is written of a certificate only for that one: the rest is as
 * if it were not there, and the next change removes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "acme/private.h"
#include "import/import.h"
#include "issue/issue.h"

#define LOCK "lock"
#define HELD "held.pem"
#define VALUE_MAX 8192

static const char *const orderfiles[] = { "state", HELD, LOCK };

/* Is a key about the certificate that serves, not about the order? */
static int
isofcert(const char *key)
{
	return strncmp(key, "ari-", 4) == 0 || strncmp(key, "cert-", 5) == 0;
}

/* Is it about the entry, whatever becomes of order and certificate? */
static int
isofentry(const char *key)
{
	static const char *const keys[] = { "setup", "last", "wish", "newkey",
		"replaced", "revoked" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return 1;
	return 0;
}

static int
addvalueof(struct cs_strings *to, const char *p, size_t len)
{
	char *copy = strndup(p, len);
	int rv = copy == NULL ? -1 : cs_strings_add(to, copy);

	free(copy);
	return rv;
}

/* Splits the text into keys and values, which the caller may point to. */
static int
splitstate(struct certstore_order *order, struct certstore_error *err)
{
	struct cs_propline l;
	size_t pos = 0;

	cs_strings_free(&order->keys);
	cs_strings_free(&order->values);
	while (cs_props_nextline(&order->text, &pos, &l))
		if (addvalueof(&order->keys, l.word, l.wordlen) == -1 ||
		    addvalueof(&order->values, l.value, l.len) == -1)
			return cs_fail_nomem(err);
	return 0;
}

const char *
certstore_order_value(const struct certstore_order *order, const char *key)
{
	size_t i;

	for (i = 0; i < order->keys.n; i++)
		if (strcmp(order->keys.v[i], key) == 0)
			return order->values.v[i];
	return NULL;
}

/* The i-th value of a key with several. */
static const char *
findvalue(const struct certstore_order *order, const char *key, size_t i)
{
	size_t k;

	for (k = 0; k < order->keys.n; k++)
		if (strcmp(order->keys.v[k], key) == 0 && i-- == 0)
			return order->values.v[k];
	return NULL;
}

static int
changevalue(struct certstore_order *order, const char *key,
    enum certstore_set_how how, const char *value, struct certstore_error *err)
{
	return cs_orderwrite_change(&order->text, key, how, value) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

/* Drops all lines about the order (1), about the certificate (2). */
static int
droplines(struct certstore_order *order, int what, struct certstore_error *err)
{
	struct cs_buf to = { 0 };
	size_t i;
	int bad = 0, cert;

	for (i = 0; i < order->keys.n; i++) {
		cert = isofcert(order->keys.v[i]);
		if (isofentry(order->keys.v[i]) || (what & (cert ? 2 : 1)) == 0)
			bad |= cs_buf_printf(&to, "%s %s\n", order->keys.v[i],
			    order->values.v[i]);
	}
	cs_buf_free(&order->text);
	order->text = to;
	return bad == 0 ? splitstate(order, err) : cs_fail_nomem(err);
}

/* What is written of the certificate is about this one from here on. */
static int
begincert(struct certstore_order *order, const char *fingerprint,
    struct certstore_error *err)
{
	if (cs_orderstate_is(&order->text, "cert-fingerprint", fingerprint))
		return 0;
	if (droplines(order, 2, err) == -1)
		return -1;
	return fingerprint == NULL ?
	    0 :
	    changevalue(order, "cert-fingerprint", CERTSTORE_SET_REPLACE,
		fingerprint, err);
}

/* The order's certificate serves: what is kept of the order is about that. */
static int
concludeorder(struct certstore_order *order, const char *fingerprint,
    struct certstore_error *err)
{
	const char *account = certstore_order_value(order, "account");
	const char *cn = certstore_order_value(order, "subject-cn");
	struct cs_buf text = { 0 };
	int bad = 0, rv;

	if (account != NULL)
		bad |= cs_buf_printf(&text, "cert-account %s\n", account);
	if (cn != NULL)
		bad |= cs_buf_printf(&text, "cert-cn %s\n", cn);
	rv = bad != 0 ? cs_fail_nomem(err) : droplines(order, 1 | 2, err);
	if (rv == 0)
		rv = begincert(order, fingerprint, err);
	if (rv == 0 && cs_buf_add(&order->text, text.p, text.len) == -1)
		rv = cs_fail_nomem(err);
	if (rv == 0 && order->fingerprint[0] != '\0' && fingerprint != NULL &&
	    strcmp(order->fingerprint, fingerprint) != 0)
		rv = changevalue(order, "replaced", CERTSTORE_SET_REPLACE,
		    order->fingerprint, err);
	cs_buf_free(&text);
	return rv == 0 ? splitstate(order, err) : -1;
}

/*
 * Compares the state with the entry as it is, and drops what is about another
 * request or certificate.  A certificate with the key of an order that was
 * finished is the answer: its writer was killed before it said so here.
 */
static int
validatestate(struct certstore_order *order, const struct cs_info *info,
    struct certstore_error *err)
{
	const char *status;
	int done, ours = cs_orderstate_isours(&order->text, info);

	if (splitstate(order, err) == -1)
		return -1;
	status = certstore_order_value(order, "status");
	done = !ours && status != NULL &&
	    (strcmp(status, "processing") == 0 ||
		strcmp(status, "valid") == 0) &&
	    cs_orderstate_is(&order->text, "spki", info->spki);
	if (done)
		return concludeorder(order, info->fingerprint, err);
	if (!ours && droplines(order, 1, err) == -1)
		return -1;
	if (!cs_orderstate_is(&order->text, "cert-fingerprint",
		info->fingerprint))
		return droplines(order, 2, err);
	return 0;
}

static void
forgetrequest(struct certstore_order *order)
{
	OPENSSL_free(order->der);
	order->der = NULL;
	order->derlen = 0;
	order->dry = 0;
	cs_buf_free(&order->calls);
	cs_info_free(&order->wanted);
}

/* RFC 8555 section 7.1.3: dns, then ip, by value. */
static int
compareidentifiers(const void *va, const void *vb)
{
	const struct cs_san *a = va, *b = vb;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return strcmp(a->value, b->value);
}

/* RFC 9448 section 3: the identifier for all that the request may sign. */
static int
takecalls(struct certstore_order *order, X509_REQ *req,
    struct certstore_error *err)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	struct cs_buf der = { 0 };
	int rv;

	if ((rv = cs_tnauth_encoded(exts, &der)) == 1)
		rv = cs_base64url_add(&order->calls, der.p, der.len);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	cs_buf_free(&der);
	return rv == -1 ? cs_fail_nomem(err) : 0;
}

/* Takes a CSR in PEM: its DER, its names. */
static int
takerequest(struct certstore_order *order, const struct cs_buf *pem,
    struct certstore_error *err)
{
	X509_REQ *req;
	int len = 0, rv = -1;

	forgetrequest(order);
	if ((req = cs_cert_csr_frompem(order->name, pem, err)) == NULL ||
	    cs_describe_csr(&order->wanted.text, req, 1, err) == -1 ||
	    cs_info_parse(&order->wanted, err) == -1 ||
	    takecalls(order, req, err) == -1)
		goto out;
	if ((len = i2d_X509_REQ(req, &order->der)) <= 0) {
		cs_fail_crypto(err, CERTSTORE_ECRYPTO,
		    "%s: its request cannot be encoded", order->name);
		goto out;
	}
	order->derlen = (size_t)len;
	order->hascn = X509_NAME_get_index_by_NID(X509_REQ_get_subject_name(
						      req),
			   NID_commonName, -1) >= 0;
	if (order->wanted.nsan > 1)
		qsort(order->wanted.san, order->wanted.nsan,
		    sizeof(*order->wanted.san), compareidentifiers);
	rv = 0;
out:
	X509_REQ_free(req);
	ERR_clear_error();
	return rv;
}

/* Reads state and request as they are now. */
static int
loadorder(struct certstore_order *order, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_buf pem = { 0 };
	int rv = -1;

	forgetrequest(order);
	if (cs_store_refresh(order->store, err) == -1)
		goto out;
	if (cs_entry_load(order->store, order->name, &entry, err) == -1) {
		if (err->code != CERTSTORE_ENOENTRY)
			goto out;
		cs_error_clear(err);
		cs_info_reset(&entry.info);
	}
	if (cs_orderstate_read(order->store, order->name, &order->text, err) ==
		-1 ||
	    validatestate(order, &entry.info, err) == -1)
		goto out;
	snprintf(order->fingerprint, sizeof(order->fingerprint), "%s",
	    entry.info.fingerprint == NULL ? "" : entry.info.fingerprint);
	if (!entry.info.hasrequest || !entry.info.ordered)
		rv = 0;
	else if ((rv = cs_entry_read(&entry, CS_REQUEST_CSR, &pem, err)) == 1)
		rv = takerequest(order, &pem, err);
out:
	cs_buf_free(&pem);
	cs_entry_done(&entry);
	return rv;
}

static int
failstate(const struct certstore_order *order, const char *file,
    struct certstore_error *err)
{
	return cs_fail_errno(err, "%s/acme/orders/%s%s%s",
	    certstore_path(order->store), order->name, *file == '\0' ? "" : "/",
	    file);
}

/* Another process has the lock: it noted since when, and its number. */
static int
failrunning(const struct certstore_order *order, struct certstore_error *err)
{
	char since[CERTSTORE_TIME_LEN];
	struct cs_buf note = { 0 };
	long long when = 0;
	int pid = 0;

	if (cs_file_read(order->dir, LOCK, 64, &note) == 0 && note.len > 0 &&
	    sscanf(note.p, "%lld %d", &when, &pid) == 2)
		cs_fail(err, CERTSTORE_EBUSY,
		    "%s: an order for it runs since %s (process %d)",
		    order->name, certstore_time_format(when, since), pid);
	else
		cs_fail(err, CERTSTORE_EBUSY, "%s: an order for it runs",
		    order->name);
	cs_buf_free(&note);
	return -1;
}

static int
lockorder(struct certstore_order *order, struct certstore_error *err)
{
	char note[64];

	if ((order->lock = cs_file_lock(order->dir, LOCK, 0)) == -1)
		return errno == EWOULDBLOCK ? failrunning(order, err) :
					      failstate(order, LOCK, err);
	snprintf(note, sizeof(note), "%lld %d", (long long)certstore_time_now(),
	    (int)getpid());
	cs_file_note(order->lock, note);
	return 0;
}

/* Makes and opens the directory of the order; the store is locked. */
static int
opendirectory(struct certstore_order *order, struct certstore_error *err)
{
	int orders, rv;

	orders = cs_acmedir_open(order->store, "orders", CS_ACMEDIR_MAKE, err);
	if (orders == -1)
		return -1;
	rv = cs_file_mkprivate(orders, order->name, &order->dir);
	if (rv == -1 || (rv = fsync(orders)) == -1)
		failstate(order, "", err);
	cs_file_close(&orders);
	return rv;
}

struct certstore_order *
certstore_order_open(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct certstore_order *order;
	int rv;

	cs_error_clear(err);
	if (cs_name_check(name, err) == -1 || cs_crypto_check(err) == -1)
		return NULL;
	if ((order = calloc(1, sizeof(*order))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	order->store = store;
	order->dir = order->lock = -1;
	/* checks who owns the store, and makes it */
	if (cs_name_set(&order->name, name, err) == -1 ||
	    cs_store_refresh(store, err) == -1 ||
	    cs_lock_take(store, err) == -1)
		goto fail;
	rv = opendirectory(order, err);
	cs_lock_release(store);
	if (rv == -1 || lockorder(order, err) == -1 ||
	    loadorder(order, err) == -1)
		goto fail;
	cs_error_clear(err);
	return order;
fail:
	certstore_order_close(order);
	return NULL;
}

/* A directory without a state is not left behind. */
void
certstore_order_close(struct certstore_order *order)
{
	int parent;

	if (order == NULL)
		return;
	if (order->lock != -1 &&
	    faccessat(order->dir, "state", F_OK, AT_SYMLINK_NOFOLLOW) == -1 &&
	    faccessat(order->dir, HELD, F_OK, AT_SYMLINK_NOFOLLOW) == -1 &&
	    (parent = openat(order->dir, "..",
		 O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1) {
		(void)cs_file_rmdir(parent, order->name, orderfiles, 3);
		close(parent);
	}
	cs_file_close(&order->lock);
	cs_file_close(&order->dir);
	forgetrequest(order);
	cs_buf_free(&order->text);
	cs_strings_free(&order->keys);
	cs_strings_free(&order->values);
	free(order->name);
	free(order);
}

/* Writes the state, which is on disk then. */
static int
writestate(struct certstore_order *order, struct certstore_error *err)
{
	if (splitstate(order, err) == -1)
		return -1;
	return cs_orderwrite_state(order->store, order->name, order->dir,
	    &order->text, err);
}

/* One line of printable text, malloc'ed; what is not is escaped. */
static char *
cleanvalue(const char *value, struct certstore_error *err)
{
	size_t i, len = strlen(value), slashes = 0;
	char *text;

	for (i = 0; i < len; i++)
		slashes += value[i] == '\\';
	if (len <= VALUE_MAX &&
	    certstore_escape(NULL, 0, value, len) == len + slashes)
		text = strdup(value);
	else if ((text = malloc(VALUE_MAX)) != NULL)
		certstore_escape(text, VALUE_MAX, value, len);
	if (text == NULL)
		cs_fail_nomem(err);
	return text;
}

static int
checkkey(const char *key, struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	if (*key != '\0' && strlen(key) < 64 &&
	    strspn(key, "abcdefghijklmnopqrstuvwxyz-") == strlen(key) &&
	    strcmp(key, "setup") != 0 && strcmp(key, "spki") != 0 &&
	    strcmp(key, "identifier") != 0 && strcmp(key, "since") != 0 &&
	    strcmp(key, "wish") != 0 && strcmp(key, "cert-fingerprint") != 0)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: is not a key that an order can set", cs_escape_quote(q, key));
}

/* Writes the state of an order whose request still waits. */
static int
writeorder(struct certstore_order *order, struct certstore_error *err)
{
	const struct cs_ordered ordered = { .name = order->name,
		.spki = order->wanted.request };
	struct certstore_entry entry = { 0 };
	int rv = -1;

	if (cs_lock_take(order->store, err) == -1)
		return -1;
	if (cs_entry_load(order->store, order->name, &entry, err) == 0 ||
	    err->code == CERTSTORE_ENOENTRY) {
		cs_error_clear(err);
		if (cs_ordered_check(&entry, &ordered, err) == 0)
			rv = writestate(order, err);
	}
	cs_lock_release(order->store);
	cs_entry_done(&entry);
	return rv;
}

int
certstore_order_set(struct certstore_order *order, const char *key,
    const char *value, struct certstore_error *err)
{
	char *text;
	int rv = -1;

	cs_error_clear(err);
	if (checkkey(key, err) == -1)
		return -1;
	if (order->dry)
		return 0;
	if (!isofcert(key) && !isofentry(key) && value != NULL &&
	    (order->wanted.request == NULL ||
		certstore_order_value(order, "spki") == NULL))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: no request of an ACME order waits", order->name);
	if (isofcert(key) && value != NULL && order->fingerprint[0] == '\0')
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: has no certificate", order->name);
	if ((text = cleanvalue(value == NULL ? "" : value, err)) == NULL)
		return -1;
	if ((!isofcert(key) || value == NULL ||
		begincert(order, order->fingerprint, err) == 0) &&
	    changevalue(order, key, CERTSTORE_SET_REPLACE, text, err) == 0)
		rv = isofcert(key) || isofentry(key) || value == NULL ?
		    writestate(order, err) :
		    writeorder(order, err);
	free(text);
	return rv;
}

static int
changesetup(struct certstore_order *order, enum certstore_set_how how,
    const char *text, struct certstore_error *err)
{
	char *clean;
	int rv = -1;

	cs_error_clear(err);
	if (*text == '\0')
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: a set-up without a text", order->name);
	if ((clean = cleanvalue(text, err)) == NULL)
		return -1;
	if (changevalue(order, "setup", how, clean, err) == 0)
		rv = writestate(order, err);
	free(clean);
	return rv;
}

int
certstore_order_setup(struct certstore_order *order, const char *text,
    struct certstore_error *err)
{
	return changesetup(order, CERTSTORE_SET_ADD, text, err);
}

int
certstore_order_undone(struct certstore_order *order, const char *text,
    struct certstore_error *err)
{
	return changesetup(order, CERTSTORE_SET_REMOVE, text, err);
}

int
certstore_order_leftover(const struct certstore_order *order, size_t i,
    const char **text)
{
	*text = findvalue(order, "setup", i);
	return *text != NULL;
}

int
certstore_order_identifier(const struct certstore_order *order, size_t i,
    const char **type, const char **value)
{
	const struct cs_info *wanted = &order->wanted;

	*type = *value = NULL;
	if (i < wanted->nsan) {
		*type = cs_san_names[wanted->san[i].type];
		*value = wanted->san[i].value;
	} else if (i == wanted->nsan && order->calls.len > 0) {
		*type = "TNAuthList";
		*value = order->calls.p;
	}
	return *type != NULL;
}

int
certstore_order_csr(const struct certstore_order *order, const void **der,
    size_t *len, struct certstore_error *err)
{
	cs_error_clear(err);
	*der = order->der;
	*len = order->derlen;
	if (order->der != NULL)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    "%s: no request of an ACME order waits", order->name);
}

/* Is the state about the request, its key and its names? */
static int
isstateof(const struct certstore_order *order)
{
	const char *name, *type, *value;
	size_t i, len;

	if (!cs_orderstate_is(&order->text, "spki", order->wanted.request))
		return 0;
	for (i = 0; certstore_order_identifier(order, i, &type, &name); i++) {
		value = findvalue(order, "identifier", i);
		len = strlen(type);
		if (value == NULL || strncmp(value, type, len) != 0 ||
		    value[len] != ' ' || strcmp(value + len + 1, name) != 0)
			return 0;
	}
	return findvalue(order, "identifier", i) == NULL;
}

static int
removeheld(struct certstore_order *order, struct certstore_error *err)
{
	return cs_file_remove(order->dir, HELD) == -1 ?
	    failstate(order, HELD, err) :
	    0;
}

/* A new order begins with the request. */
static int
beginorder(struct certstore_order *order, struct certstore_error *err)
{
	const char *name, *type;
	size_t i;
	int bad;

	if (removeheld(order, err) == -1 || droplines(order, 1, err) == -1)
		return -1;
	bad = cs_buf_printf(&order->text, "spki %s\nsince %lld\n",
	    order->wanted.request, (long long)certstore_time_now());
	for (i = 0; certstore_order_identifier(order, i, &type, &name); i++)
		bad |= cs_buf_printf(&order->text, "identifier %s %s\n", type,
		    name);
	if (order->hascn)
		bad |= cs_buf_adds(&order->text, "subject-cn yes\n");
	return bad == 0 ? writestate(order, err) : cs_fail_nomem(err);
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

	for (i = 0; (wish = findvalue(order, "wish", i)) != NULL; i++)
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

	if (order->der == NULL || findvalue(order, "wish", 0) != NULL)
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
	return bad == 0 ? writestate(order, err) : cs_fail_nomem(err);
}

/* A new request ends the wish, unless it is without it, and has a new key. */
static int
endwish(struct certstore_order *order, int asis, struct certstore_error *err)
{
	if (findvalue(order, "newkey", 0) == NULL &&
	    (asis || findvalue(order, "wish", 0) == NULL))
		return 0;
	if (changevalue(order, "newkey", CERTSTORE_SET_REPLACE, "", err) ==
		-1 ||
	    (!asis &&
		changevalue(order, "wish", CERTSTORE_SET_REPLACE, "", err) ==
		    -1))
		return -1;
	return writestate(order, err);
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
	    loadorder(order, err) == -1)
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
		if (takerequest(order, &pem, err) == -1)
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
	else if (cs_file_replace(order->dir, HELD, &b, 0600) == -1)
		failstate(order, HELD, err);
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
		rv = concludeorder(order, entry.info.fingerprint, err);
	if (rv == 0) {
		snprintf(order->fingerprint, sizeof(order->fingerprint), "%s",
		    entry.info.fingerprint);
		forgetrequest(order);
		rv = writestate(order, err);
	}
	cs_entry_done(&entry);
	return rv == 0 ? removeheld(order, err) : -1;
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
	if (cs_file_read(order->dir, HELD, CERTSTORE_INPUT_MAX, &pem) == -1)
		failstate(order, HELD, err);
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
	return opendirectory(order, err) == -1 ? -1 : lockorder(order, err);
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
	    loadorder(order, err) == -1)
		return -1;
	if ((flags & CERTSTORE_ORDER_KEEP) == 0 &&
	    withdrawrequest(order, err) == -1)
		return -1;
	cs_error_clear(err);
	forgetrequest(order);
	if (removeheld(order, err) == -1 || droplines(order, 1, err) == -1)
		return -1;
	return writestate(order, err);
}
