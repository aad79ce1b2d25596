/*
 * certstore.h: the library under the cert-* commands.
 *
 * Each function is described in the manual, section 3; certstore(3) is the
 * way in.  Times are seconds since the epoch, in UTC.  Unless a page says
 * otherwise an int function gives 0 or -1, a pointer function NULL on failure,
 * an iterator 1, 0 at the end or -1, and the error is filled in exactly when
 * the call failed.
 */
#ifndef CERTSTORE_H
#define CERTSTORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CERTSTORE_VERSION	"0.1.0"	/* of this header */
#define CERTSTORE_DEFAULT_PATH	"/var/lib/certstore"

/* Codes exist where a caller would act differently. */
enum certstore_code {
	CERTSTORE_OK = 0,
	CERTSTORE_EARGUMENT,	/* an argument is not of the form it must have */
	CERTSTORE_ENOSTORE,	/* there is no store at that path */
	CERTSTORE_ENOENTRY,	/* no entry of that name */
	CERTSTORE_EEXIST,	/* the entry exists; a flag replaces it */
	CERTSTORE_EREFUSED,	/* a rule forbids it */
	CERTSTORE_EINPUT,	/* input that cannot be understood */
	CERTSTORE_EPASSPHRASE,	/* a passphrase is missing or wrong */
	CERTSTORE_EBUSY,	/* another writer has the lock, or ignored it */
	CERTSTORE_ECHANGED,	/* another writer changed the entry meanwhile */
	CERTSTORE_EUNSAFE,	/* owner or mode of the store */
	CERTSTORE_EDAMAGED,	/* the entry is damaged or changed by hand */
	CERTSTORE_ESYSTEM,	/* a system call failed: errnum says why */
	CERTSTORE_ECRYPTO	/* libcrypto failed */
};

struct certstore_error {
	enum certstore_code code;
	int errnum;
	char msg[512];
};

/*
 * The flags of a function are its own, and their bits too: one of another
 * function is refused like one that is unknown, with CERTSTORE_EARGUMENT.
 */
enum certstore_open_flags {
	CERTSTORE_OPEN_WRITE = 1 << 0,		/* entries will be changed */
	CERTSTORE_OPEN_CREATE = 1 << 1		/* make the store when absent */
};
enum certstore_match_flags {
	CERTSTORE_MATCH_FALLBACK = 1 << 5,	/* fall back to the default */
	CERTSTORE_MATCH_WINNER = 1 << 6		/* the first one is enough */
};
enum certstore_remove_flags {
	CERTSTORE_REMOVE_FORCE = 1 << 10,	/* also what is used or absent */
	CERTSTORE_REMOVE_DRYRUN = 1 << 11	/* decide, but change nothing */
};
enum certstore_set_flags {
	CERTSTORE_SET_FORCE = 1 << 12,		/* a CA's key to a group, too */
	CERTSTORE_SET_DRYRUN = 1 << 13,		/* decide, but change nothing */
	CERTSTORE_SET_IFNEEDED = 1 << 14	/* only where there is no value */
};
enum certstore_revert_flags {
	CERTSTORE_REVERT_FORCE = 1 << 23,	/* also to what is less fit */
	CERTSTORE_REVERT_DRYRUN = 1 << 24	/* decide, but change nothing */
};
enum certstore_create_flags {
	CERTSTORE_CREATE_FORCE = 1 << 15,	/* replace an existing entry */
	CERTSTORE_CREATE_DRYRUN = 1 << 16,	/* decide, but change nothing */
	CERTSTORE_CREATE_IFNEEDED = 1 << 17,	/* leave alone what serves */
	CERTSTORE_CREATE_REQUEST = 1 << 18	/* a request (CSR) */
};
enum certstore_import_flags {
	CERTSTORE_IMPORT_FORCE = 1 << 20,	/* replace existing entries */
	CERTSTORE_IMPORT_DRYRUN = 1 << 21,	/* decide, but change nothing */
	CERTSTORE_IMPORT_IFNEEDED = 1 << 22	/* only by what is better */
};
enum certstore_trust_flags {
	CERTSTORE_TRUST_FORCE = 1 << 25,	/* override a refusal */
	CERTSTORE_TRUST_DRYRUN = 1 << 26	/* decide, but change nothing */
};
enum certstore_renew_flags {
	CERTSTORE_RENEW_FORCE = 1 << 27,	/* also what ends earlier */
	CERTSTORE_RENEW_DRYRUN = 1 << 28	/* decide, but change nothing */
};
enum certstore_deploy_flags {
	CERTSTORE_DEPLOY_FORCE = 1 << 29,	/* also what was delivered */
	CERTSTORE_DEPLOY_DRYRUN = 1 << 30	/* decide, but change nothing */
};
enum certstore_account_flags {
	CERTSTORE_ACCOUNT_SHARED = 1 << 2,	/* lock it, as an order does */
	CERTSTORE_ACCOUNT_EXCLUSIVE = 1 << 3	/* lock it to change its key */
};
enum certstore_jws_flags {
	CERTSTORE_JWS_JWK = 1 << 4,		/* the key instead of its URL */
	CERTSTORE_JWS_NEWKEY = 1 << 7		/* by the key of a rollover */
};
enum certstore_order_flags {
	CERTSTORE_ORDER_FORCE = 1 << 8,		/* also what would be held */
	CERTSTORE_ORDER_DRYRUN = 1 << 9,	/* decide, but change nothing */
	CERTSTORE_ORDER_KEEP = 1 << 19		/* the names; the request */
};

struct certstore;
struct certstore_entry;

/* The version of the library that runs. */
const char *certstore_version(void);

/* The store: certstore_open(3). */
struct certstore *certstore_open(const char *path, int flags,
    struct certstore_error *err);
void certstore_close(struct certstore *store);
const char *certstore_path(const struct certstore *store);
void certstore_set_warn(struct certstore *store,
    void (*warn)(void *arg, const char *message), void *arg);
void certstore_set_log(struct certstore *store, const char *command,
    void (*log)(void *arg, const char *line), void *arg);
void certstore_set_progress(struct certstore *store,
    void (*progress)(void *arg, const char *what, size_t done, size_t total),
    void *arg);

#define CERTSTORE_NOW	INT64_MIN	/* as a time: when it is asked */

/* Entries: certstore_entry(3). */
struct certstore_entry *certstore_entry_get(struct certstore *store,
    const char *name, struct certstore_error *err);
void certstore_entry_free(struct certstore_entry *entry);
const char *certstore_entry_name(const struct certstore_entry *entry);
const char *certstore_entry_kind(const struct certstore_entry *entry);
const char *certstore_entry_subject(const struct certstore_entry *entry);
const char *certstore_entry_issuer(const struct certstore_entry *entry);
const char *certstore_entry_serial(const struct certstore_entry *entry);
const char *certstore_entry_key(const struct certstore_entry *entry);
const char *certstore_entry_fingerprint(const struct certstore_entry *entry);
const char *certstore_entry_spki(const struct certstore_entry *entry);
const char *certstore_entry_ski(const struct certstore_entry *entry);
const char *certstore_entry_aki(const struct certstore_entry *entry);
const char *certstore_entry_origin(const struct certstore_entry *entry);
const char *certstore_entry_order(const struct certstore_entry *entry,
	    int64_t *since);	/* of ACME; or NULL */
const char *certstore_entry_revoked(const struct certstore_entry *entry);
const char *certstore_entry_group(const struct certstore_entry *entry);
const char *certstore_entry_host(const struct certstore_entry *entry);
const char *certstore_entry_how(const struct certstore_entry *entry);
const char *certstore_entry_tnauth(const struct certstore_entry *entry);
const char *certstore_entry_flaw(const struct certstore_entry *entry);
int64_t certstore_entry_starts(const struct certstore_entry *entry);
int64_t certstore_entry_ends(const struct certstore_entry *entry);
int certstore_entry_san(const struct certstore_entry *entry, size_t i,
    const char **type, const char **value);
int certstore_entry_tenant(const struct certstore_entry *entry, size_t i,
    const char **host);
int certstore_entry_user(const struct certstore_entry *entry, size_t i,
    const char **user);
int certstore_entry_spc(const struct certstore_entry *entry, size_t i,
    const char **code);
int certstore_entry_tn(const struct certstore_entry *entry, size_t i,
    const char **numbers);
int certstore_entry_issuing(const struct certstore_entry *entry, size_t i,
    const char **subject, int64_t *ends);
int certstore_entry_is_kind(const struct certstore_entry *entry,
    const char *kinds);
int certstore_entry_is_selfsigned(const struct certstore_entry *entry);
int certstore_entry_is_default(const struct certstore_entry *entry);
int certstore_entry_is_valid(const struct certstore_entry *entry,
    int64_t when);
int certstore_entry_has_key(const struct certstore_entry *entry);
int certstore_entry_had(const struct certstore_entry *entry,
    const char *fingerprint);

enum certstore_file {
	CERTSTORE_DIRECTORY,
	CERTSTORE_FULLCHAIN,
	CERTSTORE_PRIVKEY,
	CERTSTORE_COMBINED,
	CERTSTORE_CA
};
char *certstore_entry_url(const struct certstore_entry *entry);
char *certstore_entry_path(const struct certstore_entry *entry,
    enum certstore_file file);
int certstore_entry_part(const struct certstore_entry *entry, const char *part,
    char **data, size_t *len, struct certstore_error *err);
int certstore_kinds_check(const char *kinds, struct certstore_error *err);

/* All entries, or those that expire soon, by name: certstore_list(3). */
struct certstore_list;
struct certstore_span;
struct certstore_list *certstore_list_new(struct certstore *store,
    struct certstore_error *err);
struct certstore_list *certstore_list_ending(struct certstore *store,
    const struct certstore_span *within, int64_t now,
    struct certstore_error *err);
int certstore_list_next(struct certstore_list *list,
    const struct certstore_entry **entry, struct certstore_error *err);
void certstore_list_free(struct certstore_list *list);

/* What a CA of the store has signed: certstore_list(3). */
struct certstore_issued;
struct certstore_issued *certstore_issued_new(struct certstore *store,
    const char *ca, struct certstore_error *err);
int certstore_issued_next(struct certstore_issued *issued,
    const struct certstore_entry **entry, struct certstore_error *err);
void certstore_issued_free(struct certstore_issued *issued);

/* Which entry answers for a name: certstore_match(3). */
struct certstore_match;
struct certstore_match *certstore_match_new(struct certstore *store,
    int64_t when, const char *kinds, int flags, struct certstore_error *err);
int certstore_match_set_type(struct certstore_match *match, const char *type,
    struct certstore_error *err);
int certstore_match_ask(struct certstore_match *match, const char *question,
    struct certstore_error *err);
int certstore_match_next(struct certstore_match *match,
    const struct certstore_entry **entry, struct certstore_error *err);
void certstore_match_free(struct certstore_match *match);

/* Removal: certstore_remove(3). */
int certstore_remove(struct certstore *store, const char *const *names,
    size_t n, int flags,
    void (*failed)(void *arg, const char *name,
	const struct certstore_error *err),
    void *arg, struct certstore_error *err);

/* Back to the kept generations: certstore_revert(3). */
int certstore_revert(struct certstore *store, const char *const *names,
    size_t n, int flags, struct certstore_error *err);

/* What no certificate says: certstore_set(3). */
enum certstore_set_how {
	CERTSTORE_SET_REPLACE,
	CERTSTORE_SET_ADD,
	CERTSTORE_SET_REMOVE
};
struct certstore_set;
struct certstore_set *certstore_set_new(struct certstore *store, int flags,
    struct certstore_error *err);
void certstore_set_free(struct certstore_set *set);
int certstore_set_add(struct certstore_set *set, const char *name,
    struct certstore_error *err);
int certstore_set_change(struct certstore_set *set, const char *prop,
    enum certstore_set_how how, const char *value,
    struct certstore_error *err);
int certstore_set_commit(struct certstore_set *set,
    struct certstore_error *err);
int certstore_set_next(struct certstore_set *set, const char **name,
    struct certstore_error *err);
enum certstore_user_type {	/* how a user is told of a change */
	CERTSTORE_USER_NOTE,	/* with a slash: not at all */
	CERTSTORE_USER_HOOK,	/* by its hook */
	CERTSTORE_USER_RELOAD,	/* UNIT.service: by its hook, or a reload */
	CERTSTORE_USER_RESTART,	/* restart:UNIT.service */
	CERTSTORE_USER_BAD	/* not a name */
};
enum certstore_user_type certstore_user_type(const char *user,
    const char **unit);
char *certstore_user_hook(const struct certstore *store, const char *user,
    size_t i);
#define CERTSTORE_HOST_LEN	254
struct certstore_endpoint {	/* [protocol:]host:port[=name] */
	char protocol[16];		/* that says STARTTLS, or "" */
	char host[CERTSTORE_HOST_LEN];	/* or an address, without brackets */
	int address;			/* which one */
	char port[6];
	char name[CERTSTORE_HOST_LEN];	/* that a client asks for, or "" */
};
int certstore_endpoint_parse(const char *text,
    const struct certstore_entry *entry, struct certstore_endpoint *endpoint,
    struct certstore_error *err);
struct certstore_props;
struct certstore_props *certstore_props_read(struct certstore *store,
    const char *name, struct certstore_error *err);
int certstore_props_next(struct certstore_props *props, const char **prop,
    const char **value, struct certstore_error *err);
void certstore_props_free(struct certstore_props *props);

/* Who is to be told of a change: certstore_deploy(3). */
struct certstore_deploy;
struct certstore_deploy *certstore_deploy_new(struct certstore *store,
    int flags, struct certstore_error *err);
void certstore_deploy_free(struct certstore_deploy *deploy);
int certstore_deploy_add(struct certstore_deploy *deploy, const char *name,
    struct certstore_error *err);
int certstore_deploy_next(struct certstore_deploy *deploy, const char **user,
    struct certstore_error *err);
int certstore_deploy_change(const struct certstore_deploy *deploy, size_t i,
    const char **name, const char **verb, const char **why);
int certstore_deploy_failure(const struct certstore_deploy *deploy,
    const char **text, unsigned int *times, int64_t *since, int64_t *next);
int certstore_deploy_begin(struct certstore_deploy *deploy,
    unsigned int seconds, struct certstore_error *err);
int certstore_deploy_delivered(struct certstore_deploy *deploy,
    const char *verb, struct certstore_error *err);
int certstore_deploy_failed(struct certstore_deploy *deploy, const char *text,
    struct certstore_error *err);
struct certstore_told;
struct certstore_told *certstore_told_new(struct certstore *store,
    struct certstore_error *err);
int certstore_told_next(struct certstore_told *told, const char **name,
    const char **user, size_t *hosts);
void certstore_told_free(struct certstore_told *told);

/* Times, limits and lives: certstore_time(3). */
enum certstore_span_type {
	CERTSTORE_SPAN_AT,	/* a point in time: secs since the epoch */
	CERTSTORE_SPAN_FOR,	/* that many secs */
	CERTSTORE_SPAN_PART	/* num/den of a life */
};
struct certstore_span {
	enum certstore_span_type type;
	int64_t secs;
	unsigned int num;
	unsigned int den;
};
#define CERTSTORE_TIME_LEN	32
int certstore_span_parse(const char *text, struct certstore_span *span,
    struct certstore_error *err);
int certstore_time_parse(const char *text, int64_t *when,
    struct certstore_error *err);
const char *certstore_time_format(int64_t when, char out[CERTSTORE_TIME_LEN]);
int64_t certstore_time_now(void);
int certstore_entry_ends_within(const struct certstore_entry *entry,
    const struct certstore_span *limit, int64_t now, const char **which,
    int64_t *ends);

/* When entries are renewed: certstore_due(3). */
enum certstore_due_state {
	CERTSTORE_DUE_LATER,	/* not yet */
	CERTSTORE_DUE_NOW,
	CERTSTORE_DUE_WAITING,	/* a renewal failed: next is the next try */
	CERTSTORE_DUE_HELD,	/* by its property hold: next is the end of it */
	CERTSTORE_DUE_NEVER	/* for the reason in why */
};
struct certstore_renewal {
	const char *name;
	const char *fingerprint;	/* of its certificate, or NULL */
	enum certstore_due_state state;
	int64_t ends;		/* the certificate */
	int64_t due;		/* 0: never */
	int64_t next;		/* when there is something to do; 0: never */
	const char *why;	/* which rule makes it due, or why it is not */
	int late;		/* less is left than half of the usual */
	unsigned int failed;	/* how often renewal failed */
	int64_t since;		/* the first time */
	const char *text;	/* the error of the last time, or NULL */
	const char *acme;	/* the ACME account that renews it, or NULL */
};
struct certstore_due;
struct certstore_due *certstore_due_new(struct certstore *store, int64_t when,
    struct certstore_error *err);
void certstore_due_free(struct certstore_due *due);
int certstore_due_set_within(struct certstore_due *due,
    const struct certstore_span *within, struct certstore_error *err);
int certstore_due_add(struct certstore_due *due, const char *name,
    struct certstore_error *err);
int certstore_due_add_all(struct certstore_due *due,
    struct certstore_error *err);
int certstore_due_next(struct certstore_due *due,
    const struct certstore_renewal **renewal, struct certstore_error *err);
int certstore_due_failed(struct certstore_due *due, const char *name,
    const char *text, struct certstore_error *err);
void certstore_due_renewed(struct certstore_due *due, const char *name);

/* Text that is safe to print: certstore_escape(3). */
size_t certstore_escape(char *dst, size_t size, const char *src, size_t len);

/*
 * Asked for a passphrase: what it opens, a buffer, its size.  Gives the
 * length, or -1 when there is none.
 */
struct certstore_passphrase {
	int (*get)(void *arg, const char *what, char *buf, size_t size);
	void *arg;
};

/* What to make: certstore_create(3). */
struct certstore_template;
struct certstore_template *certstore_template_new(struct certstore_error *err);
void certstore_template_free(struct certstore_template *tmpl);
int certstore_template_set_ca(struct certstore_template *tmpl,
    struct certstore_error *err);
int certstore_template_set_type(struct certstore_template *tmpl,
    const char *type, struct certstore_error *err);
int certstore_template_set_profile(struct certstore_template *tmpl,
    const char *profile, struct certstore_error *err);
int certstore_template_load_profile(struct certstore_template *tmpl,
    struct certstore *store, const char *name, struct certstore_error *err);
int certstore_template_set_life(struct certstore_template *tmpl,
    const struct certstore_span *life, struct certstore_error *err);
int certstore_template_set_within(struct certstore_template *tmpl,
    const struct certstore_span *within, struct certstore_error *err);
int certstore_template_set_issuer(struct certstore_template *tmpl,
    const char *name, struct certstore_error *err);
int certstore_template_set_key(struct certstore_template *tmpl,
    const char *label, const void *data, size_t len,
    struct certstore_error *err);
int certstore_template_set_encrypt(struct certstore_template *tmpl,
    const char *passphrase, struct certstore_error *err);
int certstore_template_set_passphrase(struct certstore_template *tmpl,
    const struct certstore_passphrase *passphrase, struct certstore_error *err);
int certstore_template_add_san(struct certstore_template *tmpl, const char *san,
    struct certstore_error *err);
int certstore_template_add_subject(struct certstore_template *tmpl,
    const char *attribute, struct certstore_error *err);
int certstore_template_add_constraint(struct certstore_template *tmpl,
    const char *constraint, struct certstore_error *err);
int certstore_create(struct certstore *store, const char *name,
    const struct certstore_template *tmpl, int flags, char **csr,
    struct certstore_error *err);

/* Many entries together: certstore_create(3). */
struct certstore_batch;
struct certstore_batch *certstore_batch_new(struct certstore *store,
    const struct certstore_template *tmpl, int flags,
    struct certstore_error *err);
int certstore_batch_add(struct certstore_batch *batch, const char *name,
    const char *const *sans, size_t n, struct certstore_error *err);
int certstore_batch_commit(struct certstore_batch *batch,
    struct certstore_error *err);
void certstore_batch_free(struct certstore_batch *batch);

/* Requests that others made: certstore_sign(3). */
struct certstore_sign;
struct certstore_sign *certstore_sign_new(struct certstore *store,
    const struct certstore_template *tmpl, int flags,
    struct certstore_error *err);
int certstore_sign_add(struct certstore_sign *sign, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_sign_commit(struct certstore_sign *sign,
    struct certstore_error *err);
int certstore_sign_next(struct certstore_sign *sign, const char **label,
    const struct certstore_entry **entry, const char **chain,
    struct certstore_error *err);
void certstore_sign_free(struct certstore_sign *sign);

/* An entry as PKCS#12: certstore_export(3). */
enum certstore_export_form { CERTSTORE_EXPORT_MODERN, CERTSTORE_EXPORT_LEGACY };
int certstore_export(struct certstore *store, const char *name,
    enum certstore_export_form form, int force, const char *encrypt,
    const struct certstore_passphrase *passphrase, void **der, size_t *len,
    struct certstore_error *err);

/* A certificate again, with a later end: certstore_renew(3). */
int certstore_renew(struct certstore *store, const char *name,
    const char *was, const struct certstore_passphrase *passphrase, int flags,
    void (*changed)(void *arg, const char *name), void *arg,
    struct certstore_error *err);

/* What CAs of the store have signed is taken back: certstore_revoke(3). */
struct certstore_revoke;
struct certstore_revocation {	/* the library's; it may grow */
	const char *name;	/* as it was asked for */
	const char *ca;		/* the entry of the CA, or NULL */
	const char *serial;	/* the number, in hexadecimal */
	int before;		/* it was revoked before */
	size_t below;		/* how many it has signed, if it is a CA */
};
struct certstore_revoke *certstore_revoke_new(struct certstore *store,
    struct certstore_error *err);
void certstore_revoke_free(struct certstore_revoke *revoke);
void certstore_revoke_set_force(struct certstore_revoke *revoke);
void certstore_revoke_set_dryrun(struct certstore_revoke *revoke);
int certstore_revoke_set_reason(struct certstore_revoke *revoke,
    const char *word, struct certstore_error *err);
int certstore_revoke_set_time(struct certstore_revoke *revoke, int64_t when,
    struct certstore_error *err);
int certstore_revoke_set_ca(struct certstore_revoke *revoke, const char *ca,
    struct certstore_error *err);
int certstore_revoke_add(struct certstore_revoke *revoke, const char *what,
    struct certstore_error *err);
int certstore_revoke_add_cert(struct certstore_revoke *revoke,
    const char *label, const void *data, size_t len,
    struct certstore_error *err);
int certstore_revoke_commit(struct certstore_revoke *revoke,
    struct certstore_error *err);
int certstore_revoke_next(struct certstore_revoke *revoke,
    const struct certstore_revocation **revocation);

/* The CRLs of CAs that are entries: certstore_crl(3). */
struct certstore_crls;
struct certstore_crl {		/* the library's; it may grow */
	const char *name;	/* of the CA */
	uint64_t number;	/* of the CRL; 0: there is none yet */
	int64_t starts;		/* its this update */
	int64_t ends;		/* its next update */
	size_t revoked;		/* how many certificates it revokes */
	size_t unpublished;	/* revocations that it lacks */
	int64_t due;		/* when it is made again; 0: never */
	const char *why;	/* which rule makes it due, or why it is not */
};
struct certstore_crls *certstore_crls_new(struct certstore *store,
    struct certstore_error *err);
int certstore_crls_next(struct certstore_crls *crls,
    const struct certstore_crl **crl, struct certstore_error *err);
void certstore_crls_free(struct certstore_crls *crls);
int certstore_crl_publish(struct certstore *store, const char *ca,
    const struct certstore_span *life,
    const struct certstore_passphrase *passphrase, int dryrun,
    void (*made)(void *arg, const struct certstore_crl *crl), void *arg,
    struct certstore_error *err);

/* What people have becomes entries: certstore_import(3). */
struct certstore_import;
struct certstore_import *certstore_import_new(struct certstore *store,
    int flags, struct certstore_error *err);
void certstore_import_free(struct certstore_import *import);
int certstore_import_set_name(struct certstore_import *import, const char *name,
    struct certstore_error *err);
int certstore_import_set_passphrase(struct certstore_import *import,
    const struct certstore_passphrase *passphrase, struct certstore_error *err);
int certstore_import_add(struct certstore_import *import, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_import_set_key(struct certstore_import *import, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_import_plan(struct certstore_import *import,
    struct certstore_error *err);
int certstore_import_next(struct certstore_import *import,
    const struct certstore_entry **entry, struct certstore_error *err);
int certstore_import_commit(struct certstore_import *import,
    struct certstore_error *err);
#define CERTSTORE_INPUT_MAX	(1024 * 1024)

/* Certificates and keys that are not in the store: certstore_certs(3). */
struct certstore_certs;
struct certstore_certs *certstore_certs_read(const char *label,
    const void *data, size_t len, const struct certstore_passphrase *passphrase,
    struct certstore_error *err);
int certstore_certs_next(struct certstore_certs *certs,
    const struct certstore_entry **entry, struct certstore_error *err);
void certstore_certs_free(struct certstore_certs *certs);
struct certstore_entry *certstore_key_read(const char *label, const void *data,
    size_t len, const struct certstore_passphrase *passphrase,
    struct certstore_error *err);

/* Whom the servers trust: certstore_trust(3). */
struct certstore_trust;
struct certstore_trust *certstore_trust_new(struct certstore *store,
    const char *set, int flags, struct certstore_error *err);
void certstore_trust_free(struct certstore_trust *trust);
int certstore_trust_set_passphrase(struct certstore_trust *trust,
    const struct certstore_passphrase *passphrase, struct certstore_error *err);
int certstore_trust_next(struct certstore_trust *trust,
    const struct certstore_entry **entry, struct certstore_error *err);
int certstore_trust_has(struct certstore_trust *trust, const char *anchor,
    struct certstore_error *err);
int certstore_trust_add(struct certstore_trust *trust, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_trust_update(struct certstore_trust *trust, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_trust_reset(struct certstore_trust *trust, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_trust_remove(struct certstore_trust *trust, const char *anchor,
    struct certstore_error *err);
int certstore_trust_distrust(struct certstore_trust *trust, const char *anchor,
    struct certstore_error *err);
int certstore_trust_distrust_certs(struct certstore_trust *trust,
    const char *label, const void *data, size_t len,
    struct certstore_error *err);
int certstore_trust_commit(struct certstore_trust *trust,
    struct certstore_error *err);
int certstore_trust_result(const struct certstore_trust *trust, size_t i,
    const char **name, const char **action, const char **text);

struct certstore_trustsets;
struct certstore_trustsets *certstore_trustsets_new(struct certstore *store,
    struct certstore_error *err);
int certstore_trustsets_next(struct certstore_trustsets *sets,
    const char **name);
void certstore_trustsets_free(struct certstore_trustsets *sets);

/* Is it good, for whom, and if not, why: certstore_verify(3). */
struct certstore_verify;
struct certstore_reason {		/* the library's; it may grow */
	const char *code;		/* one word: "expired" */
	const char *section;		/* "RFC 5280 section 4.1.2.5" */
	const char *text;		/* what is wrong with the certificate */
	const char *subject;		/* whose certificate; NULL: the path */
	const char *fingerprint;	/* its SHA-256, or NULL */
	int depth;			/* its place in the path, or -1 */
	int warning;			/* it is good all the same */
};
struct certstore_verify *certstore_verify_new(struct certstore *store,
    struct certstore_error *err);
void certstore_verify_free(struct certstore_verify *verify);
int certstore_verify_set_profile(struct certstore_verify *verify,
    const char *profile, struct certstore_error *err);
int certstore_verify_set_host(struct certstore_verify *verify, const char *host,
    struct certstore_error *err);
int certstore_verify_set_time(struct certstore_verify *verify, int64_t when,
    struct certstore_error *err);
int certstore_verify_set_suffix(struct certstore_verify *verify,
    int (*is)(void *arg, const char *domain), void *arg,
    struct certstore_error *err);
int certstore_verify_set_anchors(struct certstore_verify *verify,
    const char *set, struct certstore_error *err);
int certstore_verify_add_anchors(struct certstore_verify *verify,
    const char *label, const void *data, size_t len,
    struct certstore_error *err);
#define CERTSTORE_CRL_MAX	(64 * 1024 * 1024)
int certstore_verify_add_crl(struct certstore_verify *verify, const char *label,
    const void *data, size_t len, struct certstore_error *err);
int certstore_verify_entry(struct certstore_verify *verify,
    const struct certstore_entry *entry, struct certstore_error *err);
int certstore_verify_certs(struct certstore_verify *verify, const char *label,
    const void *data, size_t len, const struct certstore_passphrase *passphrase,
    struct certstore_error *err);
const char *certstore_verify_profile(const struct certstore_verify *verify);
int certstore_verify_reason(const struct certstore_verify *verify, size_t i,
    const struct certstore_reason **reason);
int certstore_verify_path(struct certstore_verify *verify, size_t i,
    const struct certstore_entry **entry, struct certstore_error *err);
int certstore_verify_is_anchored(const struct certstore_verify *verify);

/* Accounts of ACME servers, and what their keys sign: certstore_acme(3). */
struct certstore_accounts;
struct certstore_accounts *certstore_accounts_new(struct certstore *store,
    struct certstore_error *err);
int certstore_accounts_next(struct certstore_accounts *accounts,
    const char **name, struct certstore_error *err);
void certstore_accounts_free(struct certstore_accounts *accounts);
struct certstore_account;
struct certstore_account *certstore_account_open(struct certstore *store,
    const char *account, int flags, struct certstore_error *err);
struct certstore_account *certstore_account_new(struct certstore *store,
    const char *name, const char *directory, struct certstore_error *err);
void certstore_account_free(struct certstore_account *account);
const char *certstore_account_name(const struct certstore_account *account);
const char *certstore_account_value(const struct certstore_account *account,
    const char *key, size_t i);
int certstore_account_set(struct certstore_account *account, const char *key,
    enum certstore_set_how how, const char *value, struct certstore_error *err);
int certstore_account_set_key(struct certstore_account *account,
    const char *label, const void *data, size_t len,
    struct certstore_error *err);
int certstore_account_save(struct certstore_account *account,
    struct certstore_error *err);
int certstore_account_newkey(struct certstore_account *account,
    const char *label, const void *data, size_t len,
    struct certstore_error *err);
int certstore_account_has_newkey(const struct certstore_account *account);
int certstore_account_takenew(struct certstore_account *account,
    struct certstore_error *err);
int certstore_account_dropnew(struct certstore_account *account,
    struct certstore_error *err);
char *certstore_account_jws(struct certstore_account *account, const char *url,
    const char *nonce, const char *payload, int flags,
    struct certstore_error *err);
char *certstore_account_eab(struct certstore_account *account, const char *kid,
    const char *hmackey, const char *url, struct certstore_error *err);
char *certstore_account_rollover(struct certstore_account *account,
    const char *url, struct certstore_error *err);
char *certstore_account_thumbprint(struct certstore_account *account,
    struct certstore_error *err);
char *certstore_account_fingerprint(struct certstore_account *account,
    struct certstore_error *err);
char *certstore_account_authorization(struct certstore_account *account,
    const char *token, struct certstore_error *err);
char *certstore_account_txt(struct certstore_account *account,
    const char *token, struct certstore_error *err);
char *certstore_key_jws(const char *label, const void *data, size_t len,
    const struct certstore_passphrase *passphrase, const char *url,
    const char *nonce, const char *payload, struct certstore_error *err);
char *certstore_entry_certid(const struct certstore_entry *entry,
    struct certstore_error *err);

/* One ACME order for an entry: certstore_order(3). */
struct certstore_order;
struct certstore_order *certstore_order_open(struct certstore *store,
    const char *name, struct certstore_error *err);
void certstore_order_close(struct certstore_order *order);
const char *certstore_order_value(const struct certstore_order *order,
    const char *key);
int certstore_order_set(struct certstore_order *order, const char *key,
    const char *value, struct certstore_error *err);
int certstore_order_setup(struct certstore_order *order, const char *text,
    struct certstore_error *err);
int certstore_order_undone(struct certstore_order *order, const char *text,
    struct certstore_error *err);
int certstore_order_leftover(const struct certstore_order *order, size_t i,
    const char **text);
int certstore_order_request(struct certstore_order *order,
    const struct certstore_template *tmpl, const struct certstore_set *props,
    int flags, struct certstore_error *err);
int certstore_order_csr(const struct certstore_order *order, const void **der,
    size_t *len, struct certstore_error *err);
int certstore_order_identifier(const struct certstore_order *order, size_t i,
    const char **type, const char **value);
int certstore_order_finish(struct certstore_order *order, const void *pem,
    size_t len, int flags, struct certstore_error *err);
int certstore_order_take(struct certstore_order *order, int flags,
    struct certstore_error *err);
int certstore_order_abandon(struct certstore_order *order, int flags,
    struct certstore_error *err);

/* What is wrong with a store: certstore_audit(3). */
enum certstore_severity {
	CERTSTORE_NOTE,
	CERTSTORE_WARNING,
	CERTSTORE_CRITICAL
};
struct certstore_finding {		/* the library's; it may grow */
	enum certstore_severity severity;
	const char *name;	/* an entry, "@store", "@trust/SET", "@crl/CA", a path */
	const char *code;	/* one word: "expired" */
	const char *text;	/* what is wrong, and what to do */
	int repairs;		/* cert-check -r repairs it */
	int ignored;		/* a note, by the property ignore */
};
struct certstore_audit;
struct certstore_audit *certstore_audit_new(struct certstore *store,
    int64_t when, struct certstore_error *err);
void certstore_audit_free(struct certstore_audit *audit);
int certstore_audit_set_within(struct certstore_audit *audit,
    const struct certstore_span *warning,
    const struct certstore_span *critical, int only,
    struct certstore_error *err);
int certstore_audit_add(struct certstore_audit *audit, const char *name,
    struct certstore_error *err);
int certstore_audit_next(struct certstore_audit *audit,
    const struct certstore_finding **finding, struct certstore_error *err);
int certstore_audit_isneeded(struct certstore *store,
    const struct certstore_span *within, int64_t when,
    struct certstore_error *err);
int64_t certstore_audit_ends(const struct certstore_audit *audit);
int certstore_audit_code(size_t i, const char **code,
    enum certstore_severity *severity, const char **text);

/* Repairs a store: certstore_repair(3). */
struct certstore_repaired {		/* the library's; it may grow */
	const char *name;	/* an entry, "@store", "@trust/SET", "@crl/CA" */
	const char *what;	/* one word: "index" */
	const char *text;	/* what was wrong */
	int left;		/* it is not repaired, and why */
};
struct certstore_repair;
struct certstore_repair *certstore_repair_new(struct certstore *store,
    struct certstore_error *err);
void certstore_repair_free(struct certstore_repair *repair);
int certstore_repair_add(struct certstore_repair *repair, const char *name,
    struct certstore_error *err);
void certstore_repair_set_dryrun(struct certstore_repair *repair);
void certstore_repair_set_force(struct certstore_repair *repair);
int certstore_repair_run(struct certstore_repair *repair,
    void (*told)(void *arg, const struct certstore_repaired *repaired),
    void (*failed)(void *arg, const char *name,
	const struct certstore_error *why),
    void *arg, struct certstore_error *err);

#ifdef __cplusplus
}
#endif

#endif
