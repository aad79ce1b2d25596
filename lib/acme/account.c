/*
 * account.c: STORE/acme/accounts, certstore(5): accounts of ACME servers.  A key
 * is on disk before the caller can sign anything with it, so that no account is
 * made whose key is lost.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "acme/private.h"

#define KEY_FILE "key.pem"
#define NEWKEY_FILE "key.new"
#define VALUES_FILE "account"
#define LOCK_FILE "lock"
#define KEYFILE_MAX 65536
#define VALUEFILE_MAX 65536
#define LOCK_SECONDS 60
#define SAMEHOST_MAX 99 /* accounts whose name is made from one host */

/* A system call failed, for a file of an account, or for its directory: "". */
static int
failaccount(const struct certstore_account *a, const char *file,
    struct certstore_error *err)
{
	return cs_fail_errno(err,
	    "%s/" CS_ACME_DIR "/" CS_ACCOUNTS_DIR "/%s%s%s",
	    certstore_path(a->store), a->name, *file == '\0' ? "" : "/", file);
}

/* The path of a file, for messages. */
static int
namefile(const struct certstore_account *a, const char *file, struct cs_buf *b,
    struct certstore_error *err)
{
	return cs_buf_printf(b, "%s/" CS_ACME_DIR "/" CS_ACCOUNTS_DIR "/%s/%s",
		   certstore_path(a->store), a->name, file) == -1 ?
	    cs_fail_nomem(err) :
	    0;
}

static struct certstore_account *
newaccount(struct certstore *store, int flags, struct certstore_error *err)
{
	struct certstore_account *a;

	if ((a = calloc(1, sizeof(*a))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	a->store = store;
	a->flags = flags;
	a->dir = a->lock = -1;
	return a;
}

void
certstore_account_free(struct certstore_account *a)
{
	if (a == NULL)
		return;
	EVP_PKEY_free(a->newkey);
	EVP_PKEY_free(a->pkey);
	cs_values_free(&a->changes);
	cs_values_free(&a->values);
	cs_file_close(&a->lock);
	cs_file_close(&a->dir);
	free(a);
}

/* Reads its lines. */
static int
readvalues(const struct certstore_account *a, struct cs_values *values,
    struct certstore_error *err)
{
	struct cs_buf b = { 0 }, label = { 0 };
	int rv;

	if (cs_file_read(a->dir, VALUES_FILE, VALUEFILE_MAX, &b) == -1)
		rv = failaccount(a, VALUES_FILE, err);
	else if ((rv = namefile(a, VALUES_FILE, &label, err)) == 0)
		rv = cs_values_parse(values, label.p, &b, err);
	cs_buf_free(&label);
	cs_buf_free(&b);
	return rv;
}

/* Makes the text of the file, if it can be read again. */
static int
composetext(const struct certstore_account *a, const struct cs_values *values,
    struct cs_buf *text, struct certstore_error *err)
{
	if (cs_values_compose(text, values) == -1)
		return cs_fail_nomem(err);
	if (text->len > VALUEFILE_MAX)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "account %s: has too many values: remove some", a->name);
	return 0;
}

/* The names that are in a directory, those of accounts only. */
static int
takeaccount(void *arg, const char *name)
{
	return cs_name_isvalid(name) ? cs_strings_add(arg, name) : 0;
}

/* Sorted; none if there is no directory. */
static int
listnames(const struct certstore *store, struct cs_strings *names,
    struct certstore_error *err)
{
	int fd, rv;

	fd = cs_acmedir_open(store, CS_ACCOUNTS_DIR, CS_ACMEDIR_READ, err);
	if (fd == -1) {
		if (err->errnum != ENOENT)
			return -1;
		cs_error_clear(err);
		return 0;
	}
	if ((rv = cs_file_each(fd, ".", takeaccount, names)) == -1)
		cs_fail_errno(err, "%s/" CS_ACME_DIR "/" CS_ACCOUNTS_DIR,
		    certstore_path(store));
	close(fd);
	cs_strings_sort(names);
	return rv;
}

/* Opens the directory of an account and reads its lines: 1, 0 none, -1. */
static int
loadaccount(struct certstore_account *a, const char *name,
    struct certstore_error *err)
{
	int fd;

	strlcpy(a->name, name, sizeof(a->name));
	fd = cs_acmedir_open(a->store, CS_ACCOUNTS_DIR,
	    a->flags == 0 ? CS_ACMEDIR_READ : CS_ACMEDIR_WRITE, err);
	if (fd != -1) {
		a->dir = cs_file_opendir(fd, name);
		if (a->dir == -1)
			failaccount(a, "", err);
		close(fd);
	}
	if (a->dir == -1 && err->errnum == ENOENT) {
		cs_error_clear(err);
		return 0;
	}
	return a->dir == -1 || readvalues(a, &a->values, err) == -1 ? -1 : 1;
}

/* Is it there, and cannot be read now? */
static int
isunreadable(const struct certstore_error *err)
{
	switch (err->errnum) {
	case EACCES:
	case EIO:
	case EMFILE:
	case ENFILE:
	case ESTALE:
		return 1;
	default:
		return 0;
	}
}

/*
 * The names of all accounts that have a directory URL, with a blank between:
 * how many, or -1.  One that is damaged must not stop all others.  Where one
 * cannot be read, it is not said that there is none: a second account would be
 * made.
 */
static int
findbyurl(struct certstore *store, const char *url, struct cs_buf *found,
    struct certstore_error *err)
{
	struct certstore_error unread = { 0 };
	struct cs_strings names = { 0 };
	struct certstore_account *a;
	const char *its;
	size_t i;
	int n = 0, rv;

	if (listnames(store, &names, err) == -1)
		n = -1;
	for (i = 0; n != -1 && i < names.n; i++) {
		if ((a = newaccount(store, 0, err)) == NULL) {
			n = -1;
			break;
		}
		rv = loadaccount(a, names.v[i], err);
		if (rv == -1 && cs_error_isnomem(err))
			n = -1;
		else if (rv == -1) {
			if (isunreadable(err))
				unread = *err;
			else
				cs_warn(store, "%s", err->msg);
			cs_error_clear(err);
		}
		its = rv == 1 ? cs_values_get(&a->values, "directory", 0) :
				NULL;
		if (its != NULL && strcmp(its, url) == 0) {
			if (cs_buf_printf(found, "%s%s", n > 0 ? " " : "",
				a->name) == -1)
				n = cs_fail_nomem(err);
			else
				n++;
		}
		certstore_account_free(a);
	}
	cs_strings_free(&names);
	if (unread.code == CERTSTORE_OK || n == -1)
		return n;
	if (n > 0) {
		cs_warn(store, "%s", unread.msg);
		return n;
	}
	*err = unread;
	return -1;
}

static int
iswebaddress(const char *account)
{
	return strpbrk(account, ":/") != NULL;
}

/* Checks a URL and makes it normal; malloc'ed. */
static char *
normalurl(const char *url, struct certstore_error *err)
{
	const char *flaw = cs_weburl_flaw(url);
	char *copy;

	if (flaw != NULL) {
		cs_name_refuse(url, flaw, err);
		return NULL;
	}
	if ((copy = strdup(url)) == NULL)
		cs_fail_nomem(err);
	else
		cs_weburl_lower(copy);
	return copy;
}

static int
lockaccount(struct certstore_account *a, struct certstore_error *err)
{
	int shared = (a->flags & CERTSTORE_ACCOUNT_SHARED) != 0;

	if ((a->flags &
		(CERTSTORE_ACCOUNT_SHARED | CERTSTORE_ACCOUNT_EXCLUSIVE)) == 0)
		return 0;
	a->lock = cs_lock_await(a->store, a->dir, LOCK_FILE, shared,
	    LOCK_SECONDS, "waiting for the account");
	if (a->lock != -1)
		return 0;
	if (errno != EWOULDBLOCK)
		return failaccount(a, LOCK_FILE, err);
	return cs_fail(err, CERTSTORE_EBUSY,
	    shared ?
		"account %s: its key has been changed by another command for "
		"%d s: try again" :
		"account %s: an order has used it for %d s: try again when "
		"cert-acme or cert-renew is done",
	    a->name, LOCK_SECONDS);
}

/* By URL: the one that has it as its directory. */
static int
loadbyurl(struct certstore_account *a, const char *url,
    struct certstore_error *err)
{
	struct cs_buf found = { 0 };
	char *normal;
	int n, rv = -1;

	if ((normal = normalurl(url, err)) == NULL)
		return -1;
	n = findbyurl(a->store, normal, &found, err);
	if (n == 1)
		rv = loadaccount(a, found.p, err);
	else if (n == 0)
		rv = 0;
	else if (n > 1)
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: several accounts have this directory: use the name "
		    "of one: %s",
		    url, found.p);
	cs_buf_free(&found);
	free(normal);
	return rv;
}

/* To make one takes the URL of a directory, or the name of a CA. */
static void
failabsent(const struct certstore *store, const char *account, int known,
    struct certstore_error *err)
{
	char *word;

	if (!known && !iswebaddress(account))
		cs_fail(err, CERTSTORE_ENOENTRY,
		    "account %s: does not exist: use one that "
		    "cert-account%s list prints, or the URL of a directory",
		    account, cs_store_option(store));
	else if ((word = cs_escape_word(account)) == NULL)
		cs_fail_nomem(err);
	else {
		cs_fail(err, CERTSTORE_ENOENTRY,
		    "account %s: does not exist: cert-account%s new %s",
		    account, cs_store_option(store), word);
		free(word);
	}
}

struct certstore_account *
certstore_account_open(struct certstore *store, const char *account, int flags,
    struct certstore_error *err)
{
	struct certstore_account *a;
	const char *known = cs_weburl_known(account);
	int rv;

	cs_error_clear(err);
	if (cs_error_flags(flags,
		CERTSTORE_ACCOUNT_SHARED | CERTSTORE_ACCOUNT_EXCLUSIVE,
		err) == -1 ||
	    (!iswebaddress(account) && cs_name_check(account, err) == -1))
		return NULL;
	if (flags == (CERTSTORE_ACCOUNT_SHARED | CERTSTORE_ACCOUNT_EXCLUSIVE)) {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "flags: a lock is shared or exclusive: use one");
		return NULL;
	}
	if ((a = newaccount(store, flags, err)) == NULL)
		return NULL;
	if (iswebaddress(account))
		rv = loadbyurl(a, account, err);
	else if ((rv = loadaccount(a, account, err)) == 0 && known != NULL)
		rv = loadbyurl(a, known, err);
	if (rv == 0)
		failabsent(store, account, known != NULL, err);
	if (rv == 1 && lockaccount(a, err) == 0) {
		/* it may have changed while this waited */
		cs_values_free(&a->values);
		if (readvalues(a, &a->values, err) == 0)
			return a;
	}
	certstore_account_free(a);
	return NULL;
}

/* Only in memory, until it is saved. */
struct certstore_account *
certstore_account_new(struct certstore *store, const char *name,
    const char *directory, struct certstore_error *err)
{
	char now[CERTSTORE_TIME_LEN];
	struct certstore_account *a;

	cs_error_clear(err);
	if (directory == NULL && name != NULL)
		directory = cs_weburl_known(name);
	if (directory == NULL) {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "account %s: has no directory: use "
		    "directory=https://...",
		    name == NULL ? "" : name);
		return NULL;
	}
	if (name != NULL && cs_name_check(name, err) == -1)
		return NULL;
	if ((a = newaccount(store, CERTSTORE_ACCOUNT_EXCLUSIVE, err)) == NULL)
		return NULL;
	certstore_time_format(certstore_time_now(), now);
	if (certstore_account_set(a, "directory", CERTSTORE_SET_REPLACE,
		directory, err) == -1 ||
	    certstore_account_set(a, "created", CERTSTORE_SET_REPLACE, now,
		err) == -1)
		goto fail;
	if (name != NULL)
		strlcpy(a->name, name, sizeof(a->name));
	else
		cs_weburl_name(certstore_account_value(a, "directory", 0),
		    a->name);
	a->named = name != NULL;
	if (cs_name_check(a->name, err) == 0)
		return a;
fail:
	certstore_account_free(a);
	return NULL;
}

const char *
certstore_account_name(const struct certstore_account *a)
{
	return a->name;
}

const char *
certstore_account_value(const struct certstore_account *a, const char *key,
    size_t i)
{
	return cs_values_get(&a->values, key, i);
}

int
certstore_account_set(struct certstore_account *a, const char *key,
    enum certstore_set_how how, const char *value, struct certstore_error *err)
{
	struct cs_value change;

	cs_error_clear(err);
	if (cs_values_make(&change, key, how, value, err) == -1)
		return -1;
	if (cs_values_apply(&a->values, &change) == -1) {
		(void)cs_values_add(&a->changes, &change);
		return cs_fail_nomem(err);
	}
	return cs_values_add(&a->changes, &change) == -1 ? cs_fail_nomem(err) :
							   0;
}

int
certstore_account_set_key(struct certstore_account *a, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	EVP_PKEY *pkey;

	cs_error_clear(err);
	if (a->dir != -1)
		return cs_fail(err, CERTSTORE_EEXIST,
		    "account %s: has a key already: cert-account%s roll %s "
		    "replaces it",
		    a->name, cs_store_option(a->store), a->name);
	if ((pkey = cs_jwk_parse(label, data, len, err)) == NULL)
		return -1;
	EVP_PKEY_free(a->pkey);
	a->pkey = pkey;
	return 0;
}

/* Writes a file that must not exist, and syncs it. */
static int
writenewfile(const struct certstore_account *a, int dir, const char *name,
    const struct cs_buf *b, struct certstore_error *err)
{
	int fd, rv;

	if (cs_file_write(dir, name, b, 0600, (gid_t)-1, &fd) == -1)
		return failaccount(a, name, err);
	if ((rv = fsync(fd)) == -1)
		failaccount(a, name, err);
	close(fd);
	return rv;
}

/* The name of the directory before it is whole. */
static void
asidedir(char tmp[CS_NAME_MAX + 8], const char *name)
{
	snprintf(tmp, CS_NAME_MAX + 8, ".%s@new", name);
}

/* All files of a new account, on disk; a->dir and a->lock are open then. */
static int
fillaccount(struct certstore_account *a, int all, struct certstore_error *err)
{
	char tmp[CS_NAME_MAX + 8];
	struct cs_buf key = { 0 }, text = { 0 };
	int rv = -1;

	asidedir(tmp, a->name);
	if (a->pkey == NULL &&
	    (cs_crypto_check(err) == -1 ||
		(a->pkey = cs_key_generate(a->store, NULL, err)) == NULL))
		goto out;
	if (cs_key_encode(&key, a->pkey, NULL, err) == -1)
		goto out;
	if (composetext(a, &a->values, &text, err) == -1)
		goto out;
	if (cs_file_rmtree(all, tmp) == -1 ||
	    cs_file_mkprivate(all, tmp, &a->dir) == -1 ||
	    (a->lock = cs_file_lock(a->dir, LOCK_FILE, 0)) == -1) {
		failaccount(a, "", err);
		goto out;
	}
	if (writenewfile(a, a->dir, KEY_FILE, &key, err) == -1 ||
	    writenewfile(a, a->dir, VALUES_FILE, &text, err) == -1)
		goto out;
	if ((rv = fsync(a->dir)) == -1)
		failaccount(a, "", err);
out:
	cs_buf_free(&key);
	cs_buf_free(&text);
	return rv;
}

/* Whether a name is taken: 1, 0, -1. */
static int
istaken(const struct certstore_account *a, int all, struct certstore_error *err)
{
	struct stat st;

	if (fstatat(all, a->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : failaccount(a, "", err);
}

/*
 * A name that was made from the URL gets a number if another directory of the
 * same host has it.
 */
static int
claimname(struct certstore_account *a, int all, struct certstore_error *err)
{
	const char *url = certstore_account_value(a, "directory", 0);
	struct cs_buf found = { 0 };
	char base[CS_NAME_MAX + 1];
	int n, rv;

	if (!a->named) {
		rv = findbyurl(a->store, url, &found, err);
		if (rv > 0)
			rv = cs_fail(err, CERTSTORE_EEXIST,
			    "%s: account %s has this directory: use a name "
			    "for another one",
			    url, found.p);
		cs_buf_free(&found);
		if (rv == -1)
			return -1;
	}
	strlcpy(base, a->name, sizeof(base));
	for (n = 2; (rv = istaken(a, all, err)) == 1; n++) {
		if (a->named || n > SAMEHOST_MAX)
			return cs_fail(err, CERTSTORE_EEXIST,
			    "account %s: exists: use another name", a->name);
		snprintf(a->name, sizeof(a->name), "%.*s-%d", CS_NAME_MAX - 3,
		    base, n);
	}
	return rv;
}

static void
logaccount(const struct certstore_account *a, const char *reason)
{
	const struct cs_logline change = { .name = a->name,
		.account = 1,
		.reason = reason };

	cs_log_add(a->store, &change);
}

/* The steps of one change, such as a new account, are one line of the log. */
static void
logvalues(struct certstore_account *a)
{
	if (!a->logged)
		logaccount(a, "account");
	a->logged = 1;
}

/* Makes the account, whole, by one rename. */
static int
makeaccount(struct certstore_account *a, struct certstore_error *err)
{
	char tmp[CS_NAME_MAX + 8];
	int all, rv = -1;

	if (cs_lock_take(a->store, err) == -1)
		return -1;
	all = cs_acmedir_open(a->store, CS_ACCOUNTS_DIR, CS_ACMEDIR_MAKE, err);
	if (all != -1 && claimname(a, all, err) == 0 &&
	    fillaccount(a, all, err) == 0) {
		asidedir(tmp, a->name);
		if (cs_file_rename(all, tmp, a->name) == 0 && fsync(all) == 0) {
			logvalues(a);
			rv = 0;
		} else
			failaccount(a, "", err);
	}
	if (rv == -1) {
		cs_file_close(&a->lock);
		cs_file_close(&a->dir);
	}
	cs_file_close(&all);
	cs_lock_release(a->store);
	return rv;
}

/* Makes the changes to the file as it is now: another order may have changed
 * it. */
static int
mergevalues(struct certstore_account *a, struct certstore_error *err)
{
	struct cs_values now = { 0 };
	struct cs_buf text = { 0 };
	size_t i;
	int rv;

	if (cs_lock_take(a->store, err) == -1)
		return -1;
	rv = readvalues(a, &now, err);
	for (i = 0; rv == 0 && i < a->changes.n; i++)
		if ((rv = cs_values_apply(&now, &a->changes.v[i])) == -1)
			cs_fail_nomem(err);
	if (rv == 0)
		rv = composetext(a, &now, &text, err);
	/* a line too many is better than a change that no line tells of */
	if (rv == 0)
		logvalues(a);
	if (rv == 0 &&
	    (rv = cs_file_replace(a->dir, VALUES_FILE, &text, 0600)) == -1)
		failaccount(a, VALUES_FILE, err);
	cs_lock_release(a->store);
	if (rv == 0) {
		cs_values_free(&a->values);
		a->values = now;
	} else
		cs_values_free(&now);
	cs_buf_free(&text);
	return rv;
}

int
certstore_account_save(struct certstore_account *a, struct certstore_error *err)
{
	int rv = 0;

	cs_error_clear(err);
	if (a->dir == -1)
		rv = makeaccount(a, err);
	else if (a->changes.n > 0)
		rv = mergevalues(a, err);
	if (rv == 0)
		cs_values_free(&a->changes);
	return rv;
}

/* Closes a key that others can read, which a copy may have opened. */
static int
protectkey(const struct certstore_account *a, const char *file,
    struct certstore_error *err)
{
	struct stat st;

	if (fstatat(a->dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return failaccount(a, file, err);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) == 0)
		return 0;
	if (cs_file_restrict(a->dir, file, 1) == -1)
		return failaccount(a, file, err);
	cs_warn(a->store,
	    "account %s: others could read %s, which is 0600 now: "
	    "cert-account%s roll %s makes a new key",
	    a->name, file, cs_store_option(a->store), a->name);
	return 0;
}

static EVP_PKEY *
readaccountkey(const struct certstore_account *a, const char *file,
    struct certstore_error *err)
{
	struct cs_buf b = { 0 }, label = { 0 };
	EVP_PKEY *pkey = NULL;

	if (namefile(a, file, &label, err) == 0 &&
	    protectkey(a, file, err) == 0) {
		if (cs_file_read(a->dir, file, KEYFILE_MAX, &b) == -1)
			cs_fail_errno(err, "%s", label.p);
		else
			pkey = cs_jwk_parse(label.p, b.p, b.len, err);
	}
	cs_buf_free(&label);
	cs_buf_free(&b);
	return pkey;
}

EVP_PKEY *
cs_account_key(struct certstore_account *a, int new,
    struct certstore_error *err)
{
	EVP_PKEY **pkey = new ? &a->newkey : &a->pkey;

	if (a->dir == -1) {
		cs_fail(err, CERTSTORE_EARGUMENT,
		    "account %s: save it before its key signs anything",
		    a->name);
		return NULL;
	}
	if (*pkey == NULL)
		*pkey = readaccountkey(a, new ? NEWKEY_FILE : KEY_FILE, err);
	return *pkey;
}

int
certstore_account_has_newkey(const struct certstore_account *a)
{
	struct stat st;

	return a->dir != -1 &&
	    fstatat(a->dir, NEWKEY_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether the caller may change the key. */
static int
checkalone(const struct certstore_account *a, int hasnew,
    struct certstore_error *err)
{
	if (a->dir == -1 || a->lock == -1 ||
	    (a->flags & CERTSTORE_ACCOUNT_EXCLUSIVE) == 0)
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "account %s: was not opened to change its key", a->name);
	if (certstore_account_has_newkey(a) == hasnew)
		return 0;
	return cs_fail(err, CERTSTORE_EREFUSED,
	    hasnew ? "account %s: has no new key" :
		     "account %s: has a new key, and it is not known which of "
		     "both the server has: ask it first",
	    a->name);
}

int
certstore_account_newkey(struct certstore_account *a, const char *label,
    const void *data, size_t len, struct certstore_error *err)
{
	struct cs_buf key = { 0 };
	EVP_PKEY *pkey = NULL, *old;
	int rv = -1;

	cs_error_clear(err);
	if (checkalone(a, 0, err) == -1 ||
	    (old = cs_account_key(a, 0, err)) == NULL)
		return -1;
	pkey = data == NULL ? cs_key_generate(a->store, NULL, err) :
			      cs_jwk_parse(label, data, len, err);
	if (pkey == NULL)
		return -1;
	if (EVP_PKEY_eq(pkey, old) == 1)
		cs_fail(err, CERTSTORE_EREFUSED,
		    "%s: is the key that account %s has: use another", label,
		    a->name);
	else if (cs_key_encode(&key, pkey, NULL, err) == 0 &&
	    (rv = cs_file_replace(a->dir, NEWKEY_FILE, &key, 0600)) == -1)
		failaccount(a, NEWKEY_FILE, err);
	cs_buf_free(&key);
	if (rv == -1) {
		EVP_PKEY_free(pkey);
		return -1;
	}
	EVP_PKEY_free(a->newkey);
	a->newkey = pkey;
	return 0;
}

int
certstore_account_takenew(struct certstore_account *a,
    struct certstore_error *err)
{
	struct certstore_error ignored;
	EVP_PKEY *pkey;

	cs_error_clear(err);
	if (checkalone(a, 1, err) == -1 ||
	    (pkey = cs_account_key(a, 1, err)) == NULL)
		return -1;
	if (cs_file_rename(a->dir, NEWKEY_FILE, KEY_FILE) == -1 ||
	    fsync(a->dir) == -1)
		return failaccount(a, KEY_FILE, err);
	EVP_PKEY_free(a->pkey);
	a->pkey = pkey;
	a->newkey = NULL;
	/* the key is changed, whether or not the store is free for a line */
	if (cs_lock_take(a->store, &ignored) == 0) {
		logaccount(a, "account-key");
		cs_lock_release(a->store);
	} else
		cs_warn(a->store,
		    "account %s: its new key is not in the log: %s", a->name,
		    ignored.msg);
	return 0;
}

int
certstore_account_dropnew(struct certstore_account *a,
    struct certstore_error *err)
{
	cs_error_clear(err);
	if (checkalone(a, 1, err) == -1)
		return -1;
	if (cs_file_remove(a->dir, NEWKEY_FILE) == -1 || fsync(a->dir) == -1)
		return failaccount(a, NEWKEY_FILE, err);
	EVP_PKEY_free(a->newkey);
	a->newkey = NULL;
	return 0;
}

struct certstore_accounts {
	struct cs_strings names;
	size_t next;
};

struct certstore_accounts *
certstore_accounts_new(struct certstore *store, struct certstore_error *err)
{
	struct certstore_accounts *list;

	cs_error_clear(err);
	if ((list = calloc(1, sizeof(*list))) == NULL)
		cs_fail_nomem(err);
	else if (listnames(store, &list->names, err) == -1) {
		certstore_accounts_free(list);
		list = NULL;
	}
	return list;
}

int
certstore_accounts_next(struct certstore_accounts *list, const char **name,
    struct certstore_error *err)
{
	cs_error_clear(err);
	*name = NULL;
	if (list->next == list->names.n) {
		list->next = 0;
		return 0;
	}
	*name = list->names.v[list->next++];
	return 1;
}

void
certstore_accounts_free(struct certstore_accounts *list)
{
	if (list == NULL)
		return;
	cs_strings_free(&list->names);
	free(list);
}
