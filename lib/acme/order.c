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

#define LOCK "lock"
#define VALUE_MAX 8192

static const char *const orderfiles[] = { "state", CS_ORDER_HELD, LOCK };

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

const char *
cs_order_find(const struct certstore_order *order, const char *key, size_t i)
{
	size_t k;

	for (k = 0; k < order->keys.n; k++)
		if (strcmp(order->keys.v[k], key) == 0 && i-- == 0)
			return order->values.v[k];
	return NULL;
}

int
cs_order_change(struct certstore_order *order, const char *key,
    enum certstore_set_how how, const char *value, struct certstore_error *err)
{
	return cs_orderwrite_change(&order->text, key, how, value) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

int
cs_order_droplines(struct certstore_order *order, int what,
    struct certstore_error *err)
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
	if (cs_order_droplines(order, 2, err) == -1)
		return -1;
	return fingerprint == NULL ?
	    0 :
	    cs_order_change(order, "cert-fingerprint", CERTSTORE_SET_REPLACE,
		fingerprint, err);
}

/* The order's certificate serves: what is kept of the order is about that. */
int
cs_order_conclude(struct certstore_order *order, const char *fingerprint,
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
	rv = bad != 0 ? cs_fail_nomem(err) :
			cs_order_droplines(order, 1 | 2, err);
	if (rv == 0)
		rv = begincert(order, fingerprint, err);
	if (rv == 0 && cs_buf_add(&order->text, text.p, text.len) == -1)
		rv = cs_fail_nomem(err);
	if (rv == 0 && order->fingerprint[0] != '\0' && fingerprint != NULL &&
	    strcmp(order->fingerprint, fingerprint) != 0)
		rv = cs_order_change(order, "replaced", CERTSTORE_SET_REPLACE,
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
		return cs_order_conclude(order, info->fingerprint, err);
	if (!ours && cs_order_droplines(order, 1, err) == -1)
		return -1;
	if (!cs_orderstate_is(&order->text, "cert-fingerprint",
		info->fingerprint))
		return cs_order_droplines(order, 2, err);
	return 0;
}

void
cs_order_forget(struct certstore_order *order)
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
int
cs_order_takerequest(struct certstore_order *order, const struct cs_buf *pem,
    struct certstore_error *err)
{
	X509_REQ *req;
	int len = 0, rv = -1;

	cs_order_forget(order);
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
int
cs_order_load(struct certstore_order *order, struct certstore_error *err)
{
	struct certstore_entry entry = { 0 };
	struct cs_buf pem = { 0 };
	int rv = -1;

	cs_order_forget(order);
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
		rv = cs_order_takerequest(order, &pem, err);
out:
	cs_buf_free(&pem);
	cs_entry_done(&entry);
	return rv;
}

int
cs_order_fail(const struct certstore_order *order, const char *file,
    struct certstore_error *err)
{
	return cs_fail_errno(err, "%s/acme/orders/%s%s%s",
	    certstore_path(order->store), order->name, *file == '\0' ? "" : "/",
	    file);
}

int
cs_order_removeheld(struct certstore_order *order, struct certstore_error *err)
{
	return cs_file_remove(order->dir, CS_ORDER_HELD) == -1 ?
	    cs_order_fail(order, CS_ORDER_HELD, err) :
	    0;
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

int
cs_order_lock(struct certstore_order *order, struct certstore_error *err)
{
	char note[64];

	if ((order->lock = cs_file_lock(order->dir, LOCK, 0)) == -1)
		return errno == EWOULDBLOCK ? failrunning(order, err) :
					      cs_order_fail(order, LOCK, err);
	snprintf(note, sizeof(note), "%lld %d", (long long)certstore_time_now(),
	    (int)getpid());
	cs_file_note(order->lock, note);
	return 0;
}

/* Makes and opens the directory of the order; the store is locked. */
int
cs_order_opendir(struct certstore_order *order, struct certstore_error *err)
{
	int orders, rv;

	orders = cs_acmedir_open(order->store, "orders", CS_ACMEDIR_MAKE, err);
	if (orders == -1)
		return -1;
	rv = cs_file_mkprivate(orders, order->name, &order->dir);
	if (rv == -1 || (rv = fsync(orders)) == -1)
		cs_order_fail(order, "", err);
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
	rv = cs_order_opendir(order, err);
	cs_lock_release(store);
	if (rv == -1 || cs_order_lock(order, err) == -1 ||
	    cs_order_load(order, err) == -1)
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
	    faccessat(order->dir, CS_ORDER_HELD, F_OK, AT_SYMLINK_NOFOLLOW) ==
		-1 &&
	    (parent = openat(order->dir, "..",
		 O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1) {
		(void)cs_file_rmdir(parent, order->name, orderfiles, 3);
		close(parent);
	}
	cs_file_close(&order->lock);
	cs_file_close(&order->dir);
	cs_order_forget(order);
	cs_buf_free(&order->text);
	cs_strings_free(&order->keys);
	cs_strings_free(&order->values);
	free(order->name);
	free(order);
}

/* Writes the state, which is on disk then. */
int
cs_order_write(struct certstore_order *order, struct certstore_error *err)
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
			rv = cs_order_write(order, err);
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
	    cs_order_change(order, key, CERTSTORE_SET_REPLACE, text, err) == 0)
		rv = isofcert(key) || isofentry(key) || value == NULL ?
		    cs_order_write(order, err) :
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
	if (cs_order_change(order, "setup", how, clean, err) == 0)
		rv = cs_order_write(order, err);
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
	*text = cs_order_find(order, "setup", i);
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
