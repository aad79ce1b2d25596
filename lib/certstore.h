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

#define CERTSTORE_VERSION	"0.1.0"
#define CERTSTORE_DEFAULT_PATH	"/var/lib/certstore"

/* Codes exist where a caller would act differently. */
enum certstore_code {
	CERTSTORE_OK = 0,
	CERTSTORE_EARGUMENT,	/* an argument is not of the form it must have */
	CERTSTORE_ENOSTORE,	/* there is no store at that path */
	CERTSTORE_ENOENTRY,	/* no entry of that name */
	CERTSTORE_EEXIST,	/* the entry exists; CERTSTORE_FORCE replaces */
	CERTSTORE_EREFUSED,	/* a rule forbids it */
	CERTSTORE_EINPUT,	/* input that can't be understood */
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

/* Flags; each function names those it heeds. */
#define CERTSTORE_WRITE		0x01	/* open: entries will be changed */
#define CERTSTORE_CREATE	0x02	/* open: make the store when absent */
#define CERTSTORE_FORCE		0x04	/* override the refusal that says so */
#define CERTSTORE_DRYRUN	0x08	/* decide and report, change nothing */
#define CERTSTORE_IFNEEDED	0x10	/* create, import: only what is better */
#define CERTSTORE_REQUEST	0x20	/* create: make a request (CSR) */
#define CERTSTORE_FALLBACK	0x40	/* match: fall back to the default */
#define CERTSTORE_WINNER	0x80	/* match: the first candidate is enough */

struct certstore;
struct certstore_entry;

/* The store: certstore_open(3). */
struct certstore *certstore_open(const char *, int, struct certstore_error *);
void certstore_close(struct certstore *);
const char *certstore_path(const struct certstore *);
void certstore_set_warn(struct certstore *,
    void (*)(void *, const char *), void *);
void certstore_set_progress(struct certstore *,
    void (*)(void *, const char *, size_t, size_t), void *);

/* Entries: certstore_entry(3). */
struct certstore_entry *certstore_entry_get(struct certstore *, const char *,
    struct certstore_error *);
void certstore_entry_free(struct certstore_entry *);
const char *certstore_entry_name(const struct certstore_entry *);
const char *certstore_entry_kind(const struct certstore_entry *);
const char *certstore_entry_subject(const struct certstore_entry *);
const char *certstore_entry_issuer(const struct certstore_entry *);
const char *certstore_entry_serial(const struct certstore_entry *);
const char *certstore_entry_key(const struct certstore_entry *);
const char *certstore_entry_fingerprint(const struct certstore_entry *);
const char *certstore_entry_spki(const struct certstore_entry *);
const char *certstore_entry_origin(const struct certstore_entry *);
const char *certstore_entry_group(const struct certstore_entry *);
const char *certstore_entry_host(const struct certstore_entry *);
const char *certstore_entry_how(const struct certstore_entry *);
const char *certstore_entry_flaw(const struct certstore_entry *);
int64_t certstore_entry_starts(const struct certstore_entry *);
int64_t certstore_entry_ends(const struct certstore_entry *);
int certstore_entry_san(const struct certstore_entry *, size_t,
    const char **, const char **);
int certstore_entry_tenant(const struct certstore_entry *, size_t,
    const char **);
int certstore_entry_user(const struct certstore_entry *, size_t,
    const char **);
int certstore_entry_issuing(const struct certstore_entry *, size_t,
    const char **, int64_t *);
int certstore_entry_is_kind(const struct certstore_entry *, const char *);
int certstore_entry_is_default(const struct certstore_entry *);
int certstore_entry_has_key(const struct certstore_entry *);

enum certstore_file {
	CERTSTORE_DIRECTORY,
	CERTSTORE_FULLCHAIN,
	CERTSTORE_PRIVKEY,
	CERTSTORE_COMBINED,
	CERTSTORE_CA
};
char *certstore_entry_path(const struct certstore_entry *,
    enum certstore_file);
int certstore_entry_part(const struct certstore_entry *, const char *,
    char **, size_t *, struct certstore_error *);
int certstore_kinds_check(const char *, struct certstore_error *);

/* All entries, by name: certstore_list(3). */
struct certstore_list;
struct certstore_list *certstore_list_new(struct certstore *,
    struct certstore_error *);
int certstore_list_next(struct certstore_list *,
    const struct certstore_entry **, struct certstore_error *);
void certstore_list_free(struct certstore_list *);

/* Which entry answers for a name: certstore_match(3). */
#define CERTSTORE_NOW	INT64_MIN	/* at the time of each question */
struct certstore_match;
struct certstore_match *certstore_match_new(struct certstore *, int64_t,
    const char *, int, struct certstore_error *);
int certstore_match_ask(struct certstore_match *, const char *,
    struct certstore_error *);
int certstore_match_next(struct certstore_match *,
    const struct certstore_entry **);
void certstore_match_free(struct certstore_match *);

/* Removal: certstore_remove(3). */
int certstore_remove(struct certstore *, const char *const *, size_t, int,
    struct certstore_error *);

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
int certstore_span_parse(const char *, struct certstore_span *,
    struct certstore_error *);
int certstore_time_parse(const char *, int64_t *, struct certstore_error *);
const char *certstore_time_format(int64_t, char [CERTSTORE_TIME_LEN]);
int64_t certstore_time_now(void);
int certstore_entry_ends_within(const struct certstore_entry *,
    const struct certstore_span *, int64_t, const char **, int64_t *);

/* Text that is safe to print: certstore_escape(3). */
size_t certstore_escape(char *, size_t, const char *, size_t);

/*
 * Asked for a passphrase: what it opens, a buffer, its size.  Gives the
 * length, or -1 when there is none.
 */
struct certstore_passphrase {
	int (*get)(void *, const char *, char *, size_t);
	void *arg;
};

/* What to make: certstore_create(3). */
struct certstore_template;
struct certstore_template *certstore_template_new(struct certstore_error *);
void certstore_template_free(struct certstore_template *);
int certstore_template_set_ca(struct certstore_template *,
    struct certstore_error *);
int certstore_template_set_type(struct certstore_template *, const char *,
    struct certstore_error *);
int certstore_template_set_profile(struct certstore_template *, const char *,
    struct certstore_error *);
int certstore_template_set_life(struct certstore_template *,
    const struct certstore_span *, struct certstore_error *);
int certstore_template_set_within(struct certstore_template *,
    const struct certstore_span *, struct certstore_error *);
int certstore_template_set_issuer(struct certstore_template *, const char *,
    struct certstore_error *);
int certstore_template_set_key(struct certstore_template *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_template_set_encrypt(struct certstore_template *, const char *,
    struct certstore_error *);
int certstore_template_set_passphrase(struct certstore_template *,
    const struct certstore_passphrase *, struct certstore_error *);
int certstore_template_add_san(struct certstore_template *, const char *,
    struct certstore_error *);
int certstore_template_add_subject(struct certstore_template *, const char *,
    struct certstore_error *);
int certstore_template_add_constraint(struct certstore_template *,
    const char *, struct certstore_error *);
int certstore_create(struct certstore *, const char *,
    const struct certstore_template *, int, char **,
    struct certstore_error *);

/* What people have becomes entries: certstore_import(3). */
struct certstore_import;
struct certstore_import *certstore_import_new(struct certstore *, int,
    struct certstore_error *);
void certstore_import_free(struct certstore_import *);
int certstore_import_set_name(struct certstore_import *, const char *,
    struct certstore_error *);
int certstore_import_set_passphrase(struct certstore_import *,
    const struct certstore_passphrase *, struct certstore_error *);
int certstore_import_add(struct certstore_import *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_import_set_key(struct certstore_import *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_import_plan(struct certstore_import *,
    struct certstore_error *);
int certstore_import_next(struct certstore_import *,
    const struct certstore_entry **, const char **);
int certstore_import_commit(struct certstore_import *,
    struct certstore_error *);
#define CERTSTORE_INPUT_MAX	(1024 * 1024)

/* Certificates and keys that are not in the store: certstore_certs(3). */
struct certstore_certs;
struct certstore_certs *certstore_certs_read(const char *, const void *,
    size_t, const struct certstore_passphrase *, struct certstore_error *);
int certstore_certs_next(struct certstore_certs *,
    const struct certstore_entry **, struct certstore_error *);
void certstore_certs_free(struct certstore_certs *);
struct certstore_entry *certstore_key_read(const char *, const void *,
    size_t, const struct certstore_passphrase *, struct certstore_error *);

/* Whom the servers trust: certstore_trust(3). */
struct certstore_trust;
struct certstore_trust *certstore_trust_new(struct certstore *, int,
    struct certstore_error *);
void certstore_trust_free(struct certstore_trust *);
int certstore_trust_set_passphrase(struct certstore_trust *,
    const struct certstore_passphrase *, struct certstore_error *);
int certstore_trust_next(struct certstore_trust *,
    const struct certstore_entry **, struct certstore_error *);
int certstore_trust_has(struct certstore_trust *, const char *,
    struct certstore_error *);
int certstore_trust_add(struct certstore_trust *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_trust_update(struct certstore_trust *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_trust_reset(struct certstore_trust *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_trust_remove(struct certstore_trust *, const char *,
    struct certstore_error *);
int certstore_trust_distrust(struct certstore_trust *, const char *,
    struct certstore_error *);
int certstore_trust_distrust_certs(struct certstore_trust *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_trust_commit(struct certstore_trust *,
    struct certstore_error *);
int certstore_trust_result(struct certstore_trust *, const char **,
    const char **, const char **);
/* Is it good, for whom, and if not, why: certstore_verify(3). */
struct certstore_verify;
struct certstore_reason {
	const char *code;		/* one word: "expired" */
	const char *section;		/* "RFC 5280 section 4.1.2.5" */
	const char *text;		/* what is wrong with the certificate */
	const char *subject;		/* whose certificate; NULL: the path */
	const char *fingerprint;	/* its SHA-256, or NULL */
	int depth;			/* its place in the path, or -1 */
	int warning;			/* it is good all the same */
};
struct certstore_verify *certstore_verify_new(struct certstore *,
    struct certstore_error *);
void certstore_verify_free(struct certstore_verify *);
int certstore_verify_set_profile(struct certstore_verify *, const char *,
    struct certstore_error *);
int certstore_verify_set_host(struct certstore_verify *, const char *,
    struct certstore_error *);
void certstore_verify_set_time(struct certstore_verify *, int64_t);
void certstore_verify_set_suffix(struct certstore_verify *,
    int (*)(void *, const char *), void *);
int certstore_verify_set_anchors(struct certstore_verify *, const char *,
    struct certstore_error *);
int certstore_verify_add_anchors(struct certstore_verify *, const char *,
    const void *, size_t, struct certstore_error *);
#define CERTSTORE_CRL_MAX	(64 * 1024 * 1024)
int certstore_verify_add_crl(struct certstore_verify *, const char *,
    const void *, size_t, struct certstore_error *);
int certstore_verify_entry(struct certstore_verify *,
    const struct certstore_entry *, struct certstore_error *);
int certstore_verify_certs(struct certstore_verify *, const char *,
    const void *, size_t, const struct certstore_passphrase *,
    struct certstore_error *);
const char *certstore_verify_profile(const struct certstore_verify *);
int certstore_verify_reason(const struct certstore_verify *, size_t,
    struct certstore_reason *);
int certstore_verify_path(struct certstore_verify *, size_t,
    const struct certstore_entry **, struct certstore_error *);
int certstore_verify_is_anchored(const struct certstore_verify *);

#ifdef __cplusplus
}
#endif

#endif
