/*
 * entrycheck.c: what is wrong with an entry: its link, its files, what info and
 * props say, and the links by which it is found.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"

#define TRIES 4			    /* the entry may be changed meanwhile */
#define REQUEST_WAITS (30 * CS_DAY) /* for its certificate */

/* Does a writer work on an entry, or was it interrupted?  1, 0. */
int
cs_entrycheck_ispending(const struct certstore_audit *audit, const char *name)
{
	static const char *const suffixes[] = { "", "@taken", "@rm",
		"@rm@taken" };
	char path[CS_NAME_MAX + 32];
	size_t i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(path, sizeof(path), ".pending/%s%s", name,
		    suffixes[i]);
		if (faccessat(audit->root, path, F_OK, AT_SYMLINK_NOFOLLOW) ==
		    0)
			return 1;
	}
	return 0;
}

/* Where the link leads; "" if it is no link of an entry. */
static int
readentrylink(const struct certstore_audit *audit, const char *name,
    char text[CS_GENDIR], struct certstore_error *err)
{
	if (cs_file_readlink(audit->certs, name, text, CS_GENDIR) != -1)
		return 0;
	text[0] = '\0';
	return errno == ENOENT || errno == EINVAL || errno == ENAMETOOLONG ?
	    0 :
	    cs_fail_errno(err, "%s/certs/%s", certstore_path(audit->store),
		name);
}

/* What has the name of an entry is no link. */
static int
lookdirectory(struct certstore_audit *audit, const char *name,
    struct certstore_error *err)
{
	struct stat st;

	if (fstatat(audit->certs, name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
	    S_ISLNK(st.st_mode))
		return 0; /* it was changed meanwhile */
	return cs_finding_add(audit, CS_CODE_LINK_FOLLOWED, name, err,
	    "certs/%s is a directory, not a link: cert-check%s -r %s", name,
	    cs_store_option(audit->store), name);
}

/* The entry cannot be loaded: which of its parts is damaged? */
static int
lookdamage(struct certstore_audit *audit, const char *name, const char *text,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	struct certstore_error why;
	struct stat st;
	enum cs_code code;

	if (cs_entry_load(audit->store, name, &audit->entry, &why) == 0) {
		if (text[0] == '\0')
			return lookdirectory(audit, name, err);
		if (strcmp(text, audit->entry.gendir) == 0)
			return 0; /* by now it can */
		return cs_finding_add(audit, CS_CODE_INFO_DAMAGED, name, err,
		    "its link leads to %s, but info is of %s: cert-check%s -r "
		    "%s",
		    text, audit->entry.gendir, cs_store_option(audit->store),
		    name);
	}
	if (why.code == CERTSTORE_ENOENTRY && !audit->named)
		return 0; /* removed since */
	if (why.code != CERTSTORE_EDAMAGED) {
		*err = why;
		return -1;
	}
	if (text[0] == '\0' &&
	    fstatat(audit->certs, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISLNK(st.st_mode))
		code = S_ISDIR(st.st_mode) &&
			strstr(why.msg, "something else") == NULL ?
		    CS_CODE_LINK_FOLLOWED :
		    CS_CODE_UNKNOWN_FILE;
	else if (cs_generation_number(text, name) == 0)
		code = CS_CODE_LINK_FOREIGN;
	else if (fstatat(audit->certs, text, &st, AT_SYMLINK_NOFOLLOW) == -1)
		code = CS_CODE_LINK_DANGLING;
	else if (info->name == NULL || strcmp(info->name, name) != 0 ||
	    info->kind == NULL || info->file == NULL)
		code = CS_CODE_INFO_DAMAGED;
	else if (strstr(why.msg, "changed by hand") != NULL)
		code = CS_CODE_CHANGED_BY_HAND;
	else if (strstr(why.msg, "not the key") != NULL)
		code = CS_CODE_COMBINED_DIFFERS;
	else
		code = CS_CODE_FILE_MISSING;
	return cs_finding_add(audit, code, name, err, "%s",
	    cs_finding_text(why.msg, name));
}

/* Keys of a generation that is kept: no more can read them than the live ones. */
static int
lookkept(struct certstore_audit *audit, const char *dir,
    struct certstore_error *err)
{
	static const enum cs_file keys[] = { CS_PRIVKEY, CS_COMBINED,
		CS_REQUEST_KEY };
	const struct cs_info *info = &audit->entry.info;
	char label[CS_GENDIR + 16];
	struct stat st;
	size_t i;
	int fd, rv = 0;

	if ((fd = cs_file_opendir(audit->certs, dir)) == -1)
		return 0;
	for (i = 0; i < 3 && rv == 0; i++) {
		if (fstatat(fd, cs_file_names[keys[i]], &st,
			AT_SYMLINK_NOFOLLOW) == -1 ||
		    !S_ISREG(st.st_mode))
			continue;
		snprintf(label, sizeof(label), "%s/%s", dir,
		    cs_file_names[keys[i]]);
		rv = cs_filecheck_key(audit, info->name, label, fd,
		    cs_file_names[keys[i]], &st,
		    info->group != NULL && (st.st_mode & 077) != 0 &&
			    keys[i] != CS_REQUEST_KEY ?
			audit->gid :
			(gid_t)-1,
		    err);
	}
	close(fd);
	return rv;
}

/* The first of the files in certs/ that is not before a name. */
static size_t
findfile(const struct cs_strings *files, const char *name)
{
	size_t high = files->n, i, low = 0;

	while (low < high) {
		i = low + (high - low) / 2;
		if (strcmp(files->v[i], name) < 0)
			low = i + 1;
		else
			high = i;
	}
	return low;
}

/* The other generations of the entry. */
static int
lookgenerations(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	const struct cs_strings *files = &audit->files;
	char prefix[CS_GENDIR];
	unsigned long gen;
	int kept = info->kept == 0, rv = 0;
	size_t i, len;

	len = (size_t)snprintf(prefix, sizeof(prefix), ".%s@", info->name);
	for (i = findfile(files, prefix);
	     rv == 0 && i < files->n && strncmp(files->v[i], prefix, len) == 0;
	     i++) {
		gen = cs_generation_number(files->v[i], info->name);
		if (gen == 0 || gen == info->gen)
			continue;
		kept |= gen == info->kept;
		if (cs_held_keeps(info, gen))
			rv = lookkept(audit, files->v[i], err);
		else if (!cs_entrycheck_ispending(audit, info->name) &&
		    faccessat(audit->certs, files->v[i], F_OK,
			AT_SYMLINK_NOFOLLOW) == 0)
			rv = cs_finding_add(audit, CS_CODE_GENERATION_ORPHAN,
			    info->name, err,
			    "certs/%s is used by nothing: cert-check%s -r %s",
			    files->v[i], cs_store_option(audit->store),
			    info->name);
	}
	if (rv == 0 && !kept)
		rv = cs_finding_add(audit, CS_CODE_KEPT_MISSING, info->name,
		    err,
		    "the kept generation %lu is missing: cert-revert "
		    "cannot go back",
		    info->kept);
	return rv;
}

static int
looklinks(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	const char *option = cs_store_option(audit->store);
	char path[CS_INDEX_PATH];
	int rv;

	if ((rv = cs_linkcheck_index(audit->store, info, audit->orders, path,
		 &audit->nindex)) == -1)
		return cs_fail_errno(err, "%s: index", info->name);
	if (rv == 1) /* else it is told of the whole store */
		snprintf(audit->lacking, sizeof(audit->lacking), "%s",
		    info->name);
	if (rv == 1 && (audit->indexed || audit->named) &&
	    cs_finding_addas(audit,
		audit->indexed ? CERTSTORE_CRITICAL : CERTSTORE_WARNING,
		CS_CODE_INDEX_MISSING, info->name, err,
		"index/%s does not lead to it: cert-check%s -r %s", path,
		option, info->name) == -1)
		return -1;
	switch (cs_linkcheck_combined(audit->store, info->name, info,
	    &audit->ncombined)) {
	case -1:
		return cs_fail_errno(err, "%s: combined", info->name);
	case CS_LINKCHECK_MISSING:
		return cs_finding_add(audit, CS_CODE_COMBINED_MISSING,
		    info->name, err,
		    "combined/%s.pem is missing: cert-check%s -r %s",
		    info->name, option, info->name);
	case CS_LINKCHECK_SURPLUS:
		return cs_finding_add(audit, CS_CODE_COMBINED_SURPLUS,
		    info->name, err,
		    "combined/%s.pem is of what does not serve TLS: "
		    "cert-check%s -r %s",
		    info->name, option, info->name);
	case CS_LINKCHECK_FOREIGN:
		return cs_finding_add(audit, CS_CODE_COMBINED_MISSING,
		    info->name, err,
		    "combined/%s.pem is not its link, but something else: "
		    "mv -n %s/combined/%s.pem %s/%s.pem.moved; "
		    "cert-check%s -r %s",
		    info->name, certstore_path(audit->store), info->name,
		    certstore_path(audit->store), info->name, option,
		    info->name);
	}
	return 0;
}

/* The codes that ignore has, as far as they are codes. */
int
cs_entrycheck_ignore(struct certstore_audit *audit, const char *name,
    const struct cs_buf *text, struct certstore_error *err)
{
	struct cs_propline l;
	const char *p, *end;
	size_t len, pos = 0;

	while (cs_props_nextline(text, &pos, &l)) {
		if (l.wordlen != 6 || memcmp(l.word, "ignore", 6) != 0)
			continue;
		end = l.value + l.len;
		for (p = l.value; p < end; p += len + 1) {
			for (len = 0; p + len < end && p[len] != ','; len++)
				continue;
			if (!cs_code_isword(p, len))
				return cs_finding_add(audit, CS_CODE_PROPS_BAD,
				    name, err,
				    "ignore: %.*s is not a code: see "
				    "cert-check(1)",
				    len < 64 ? (int)len : 64, p);
		}
	}
	return 0;
}

/* Nobody has written them since info was made from them; those of an entry that
 * was named are read in any case. */
static int
lookprops(struct certstore_audit *audit, const struct stat *seen,
    struct certstore_error *err)
{
	const struct certstore_entry *entry = &audit->entry;
	const char *name = entry->info.name;
	struct certstore_error why;
	char text[CS_PROPS_WHY];
	struct cs_buf b = { 0 };
	int rv;

	if (!audit->named && entry->info.props.size != 0 &&
	    cs_filecheck_isas(&entry->info.props, seen))
		return 0;
	rv = cs_props_compare(entry, &b, text, &why);
	if (rv == 1)
		rv = cs_finding_add(audit, CS_CODE_PROPS_NOT_IN_FORCE, name,
		    err, "%s: cert-check%s -r %s puts them in force", text,
		    cs_store_option(audit->store), name);
	else if (rv == 0)
		rv = cs_entrycheck_ignore(audit, name, &b, err);
	else if (why.code == CERTSTORE_EREFUSED)
		rv = cs_finding_add(audit, CS_CODE_PROPS_BAD, name, err, "%s",
		    why.msg);
	else if (why.code == CERTSTORE_ECHANGED)
		rv = 0;
	else
		*err = why;
	cs_buf_free(&b);
	return rv;
}

static int
looktenants(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	const struct cs_san *san;
	struct cs_san cn;
	char path[CS_INDEX_PATH];
	const char *tenant;
	size_t i, n;
	int rv = 0;

	san = cs_names_of(info, &cn, &n);
	for (i = 0; i < info->tenants.n && rv == 0; i++) {
		tenant = info->tenants.v[i];
		if (info->fingerprint != NULL &&
		    !cs_names_cover(san, n, CS_SAN_DNS, tenant))
			rv = cs_finding_add(audit, CS_CODE_TENANT_UNCOVERED,
			    info->name, err,
			    "the certificate does not cover the tenant %s: "
			    "clients that check the name refuse it",
			    tenant);
		snprintf(path, sizeof(path), "index/tenant/%.200s@", tenant);
		if (rv == 0 && faccessat(audit->root, path, F_OK, 0) == 0)
			rv = cs_finding_add(audit, CS_CODE_TENANT_SHARED,
			    info->name, err,
			    "other entries have the tenant %s, too: "
			    "cert-match%s -a %s",
			    tenant, cs_store_option(audit->store), tenant);
	}
	return rv;
}

/* Chains for calls, RFC 8225: the file of this hash. */
static int
lookcalls(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	char path[CS_HASH_LEN + 16];
	struct stat st;

	if (info->x5u == NULL || strcmp(info->kind, "shaken") != 0 ||
	    !info->haschain || info->filehash == NULL)
		return 0;
	snprintf(path, sizeof(path), "x5u/%.64s.pem", info->filehash);
	if (fstatat(audit->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size == info->filesize)
		return 0;
	return cs_finding_add(audit, CS_CODE_X5U_MISSING, info->name, err,
	    "%s is missing or damaged: rm -f %s/%s; cert-set%s %s x5u=%s", path,
	    certstore_path(audit->store), path, cs_store_option(audit->store),
	    info->name, info->x5u);
}

/* Does the log tell of the generation? */
static int
looklogged(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	const char *option = cs_store_option(audit->store);
	int rv;

	rv = cs_log_lacks(audit->store, &audit->told, info);
	if (rv == CS_LOG_REMOVED) {
		rv = cs_finding_add(audit, CS_CODE_UNLOGGED, info->name, err,
		    "was restored after it was removed, as the log tells: "
		    "cert-check%s -r %s adds a line, cert-rm%s %s removes it",
		    option, info->name, option, info->name);
	} else if (rv == 1) {
		rv = cs_finding_add(audit, CS_CODE_UNLOGGED, info->name, err,
		    "no line of the log tells of generation %lu: it was "
		    "restored, or something else than these commands made it: "
		    "cert-check%s -r %s adds one",
		    info->gen, option, info->name);
	}
	return rv;
}

/* What the certificate itself says, as info has it; file is cert.pem. */
static int
lookcertificate(struct certstore_audit *audit, const struct stat *file,
    struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	char text[CERTSTORE_TIME_LEN];
	int ends = 0, rv;
	size_t i;

	rv = cs_endcheck_entry(audit, &audit->entry, err);
	if (rv == 0 && info->fingerprint != NULL && info->starts > audit->when)
		rv = cs_finding_add(audit, CS_CODE_NOT_YET_VALID, info->name,
		    err, "the certificate is not yet valid: it begins at %s",
		    certstore_time_format(info->starts, text));
	if (rv == 0 && audit->haslog == 1)
		rv = looklogged(audit, err);
	if (rv == 0 && info->revoked != NULL)
		rv = cs_finding_add(audit, CS_CODE_REVOKED, info->name, err,
		    "the certificate was revoked: replace it");
	if (rv == 0 && info->fingerprint != NULL &&
	    cs_trustset_byfingerprint(&audit->distrusted, info->fingerprint) !=
		NULL)
		rv = cs_finding_add(audit, CS_CODE_DISTRUSTED, info->name, err,
		    "the certificate is distrusted: cert-trust%s list",
		    cs_store_option(audit->store));
	for (i = 0; i < info->nissuing && rv == 0; i++) {
		ends |= info->issuing[i].ends < info->ends;
		if (cs_trustset_byfingerprint(&audit->distrusted,
			info->issuing[i].fingerprint) != NULL)
			rv = cs_finding_add(audit, CS_CODE_DISTRUSTED,
			    info->name, err,
			    "%s in its chain is distrusted: cert-trust%s list",
			    info->issuing[i].subject,
			    cs_store_option(audit->store));
	}
	if (rv == 0 && ends)
		rv = cs_finding_add(audit, CS_CODE_ISSUER_ENDS_FIRST,
		    info->name, err, "its chain expires before it");
	if (rv == 0 && info->weak && !audit->named)
		rv = cs_parsecheck_weak(audit, err);
	if (rv == 0)
		rv = cs_issuedcheck_entry(audit, file->st_size, err);
	return rv;
}

static int
lookwaiting(struct certstore_audit *audit, struct certstore_error *err)
{
	const struct cs_info *info = &audit->entry.info;
	char text[CERTSTORE_TIME_LEN];
	struct stat st;

	if (!info->hasrequest || info->ordered ||
	    cs_entry_stat(&audit->entry, CS_REQUEST_CSR, &st) == -1 ||
	    st.st_mtim.tv_sec + REQUEST_WAITS > audit->when)
		return 0;
	return cs_finding_add(audit, CS_CODE_REQUEST_WAITS, info->name, err,
	    "a request has waited since %s: import the answer, or "
	    "cert-rm%s it if there will be none",
	    certstore_time_format(st.st_mtim.tv_sec, text),
	    cs_store_option(audit->store));
}

/* Without keys of both types no host can have twins. */
static void
notekey(struct certstore_audit *audit)
{
	const struct cs_info *info = &audit->entry.info;

	if (info->key == NULL || info->fingerprint == NULL)
		return;
	if (strncmp(info->key, "rsa", 3) == 0)
		audit->hasrsa = 1;
	else
		audit->hasother = 1;
}

/* Looks once: 1, or 0 if it is not an entry or damaged; -1. */
static int
lookonce(struct certstore_audit *audit, const char *name, const char *text,
    struct certstore_error *err)
{
	struct certstore_error why;
	struct stat seen[CS_NFILE] = { 0 };
	int rv;

	if (text[0] == '\0' ||
	    cs_entry_examine(audit->store, name, &audit->entry, seen, &why) ==
		-1 ||
	    strcmp(text, audit->entry.gendir) != 0) {
		audit->incomplete = 1;
		return lookdamage(audit, name, text, err);
	}
	audit->users |= audit->entry.info.users.n > 0;
	notekey(audit);
	if ((rv = cs_filecheck_entry(audit, seen, err)) == 0 &&
	    (rv = lookwaiting(audit, err)) == 0 &&
	    (rv = lookcertificate(audit, &seen[CS_CERT], err)) == 0 &&
	    (rv = lookprops(audit, &seen[CS_PROPS], err)) == 0 &&
	    (rv = looktenants(audit, err)) == 0 &&
	    (rv = lookcalls(audit, err)) == 0 &&
	    (rv = lookgenerations(audit, err)) == 0)
		rv = looklinks(audit, err);
	if (rv == 0 && audit->named)
		rv = cs_parsecheck_entry(audit, err);
	return rv;
}

/*
 * Readers take no lock.  So what is found while a writer works on the entry may
 * be wrong: it is found again in an entry that was the same before and after.
 */
int
cs_entrycheck_look(struct certstore_audit *audit, const char *name,
    struct certstore_error *err)
{
	char after[CS_GENDIR], before[CS_GENDIR], last[CS_GENDIR] = "?";
	struct timespec nap = { 0, 20000000 };
	size_t nindex = audit->nindex, ncombined = audit->ncombined;
	int i, pending, rv;

	for (i = 0;; i++) {
		audit->nindex = nindex;
		audit->ncombined = ncombined;
		if (strcmp(audit->lacking, name) == 0)
			audit->lacking[0] = '\0';
		cs_finding_drop(audit, 0);
		cs_error_clear(err);
		pending = i > 0 && cs_entrycheck_ispending(audit, name);
		if (readentrylink(audit, name, before, err) == -1)
			return -1;
		rv = lookonce(audit, name, before, err);
		if (rv == 0 && audit->nqueue == 0)
			return 0;
		if (readentrylink(audit, name, after, err) == -1)
			return -1;
		pending |= cs_entrycheck_ispending(audit, name);
		if (i == TRIES ||
		    (!pending && strcmp(before, after) == 0 &&
			strcmp(before, last) == 0))
			return rv;
		memcpy(last, after, sizeof(last));
		if (pending)
			nanosleep(&nap, NULL);
	}
}

/* Is nothing wrong with it, and no writer at work?  1, or 0: it is to be looked
 * at with care. */
int
cs_entrycheck_isclean(struct certstore_audit *audit, const char *name)
{
	struct certstore_error err = { 0 };
	char text[CS_GENDIR];

	audit->incomplete = 0;
	audit->lacking[0] = '\0';
	cs_finding_drop(audit, 0);
	return readentrylink(audit, name, text, &err) == 0 &&
	    lookonce(audit, name, text, &err) == 0 && audit->nqueue == 0 &&
	    !audit->incomplete && audit->lacking[0] == '\0';
}
