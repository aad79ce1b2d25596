/*
 * info.c: the derived record of an entry, certstore(5): read, and checked
 * against the file it was made from.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

enum how {
	TEXT,
	TIME,
	NUMBER,
	FLAG,
	WORDS,
	LINE,
	REQUEST,
	SAN,
	ISSUING,
	HELD,
	FILEOF,
	KEYFILE,
	WRITTEN,
	HAS
};

#define PATH_SIZE (CS_GENDIR + 32)
#define AT(member) offsetof(struct cs_info, member)

#define KEY(key, how, at) \
	{ \
		key, sizeof(key) - 1, how, at \
	}

/*
 * In the order in which info is written: findkey() begins behind the last hit.
 */
static const struct key {
	const char *key;
	size_t len;
	enum how how;
	size_t at;
} keys[] = {
	KEY("name", TEXT, AT(name)),
	KEY("generation", NUMBER, AT(gen)),
	KEY("before", NUMBER, AT(before)),
	KEY("kept", NUMBER, AT(kept)),
	KEY("held", HELD, 0),
	KEY("pair", NUMBER, AT(pair)),
	KEY("file", FILEOF, AT(file)),
	KEY("has", HAS, 0),
	KEY("kind", TEXT, AT(kind)),
	KEY("key", TEXT, AT(key)),
	KEY("spki", TEXT, AT(spki)),
	KEY("samekey", TEXT, AT(samekey)),
	KEY("request", REQUEST, 0),
	KEY("fingerprint", TEXT, AT(fingerprint)),
	KEY("serial", TEXT, AT(serial)),
	KEY("starts", TIME, AT(starts)),
	KEY("ends", TIME, AT(ends)),
	KEY("subject", TEXT, AT(subject)),
	KEY("issuer", TEXT, AT(issuer)),
	KEY("subjecthash", TEXT, AT(subjecthash)),
	KEY("issuerhash", TEXT, AT(issuerhash)),
	KEY("ski", TEXT, AT(ski)),
	KEY("aki", TEXT, AT(aki)),
	KEY("self", FLAG, AT(self)),
	KEY("serves", FLAG, AT(serves)),
	KEY("weak", FLAG, AT(weak)),
	KEY("usage", WORDS, AT(usage)),
	KEY("cn", TEXT, AT(cn)),
	KEY("san", SAN, 0),
	KEY("spc", LINE, AT(spcs)),
	KEY("tn", LINE, AT(tns)),
	KEY("tnauth", TEXT, AT(tnauth)),
	KEY("issuing", ISSUING, 0),
	KEY("origin", TEXT, AT(origin)),
	KEY("tenant", LINE, AT(tenants)),
	KEY("user", LINE, AT(users)),
	KEY("group", TEXT, AT(group)),
	KEY("x5u", TEXT, AT(x5u)),
	KEY("renew", TEXT, AT(renew)),
	KEY("hold", TEXT, AT(hold)),
	KEY("acme", TEXT, AT(acme)),
	KEY("revoked", TEXT, AT(revoked)),
	KEY("crlurl", TEXT, AT(crlurl)),
	KEY("aiaurl", TEXT, AT(aiaurl)),
	KEY("keyfile", KEYFILE, 0),
	KEY("props", WRITTEN, AT(props)),
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static const struct key *
findkey(const char *key, size_t len, size_t *last)
{
	size_t i, n;

	for (i = *last, n = 0; n < NKEYS; n++, i = i + 1 == NKEYS ? 0 : i + 1)
		if (keys[i].len == len && memcmp(keys[i].key, key, len) == 0) {
			*last = i;
			return &keys[i];
		}
	return NULL;
}

/* As strtoll(3), in the C locale and without leading blanks. */
static int64_t
readint(const char *p, char **end)
{
	int minus = *p == '-';
	int64_t n = 0;

	for (p += minus; *p >= '0' && *p <= '9'; p++)
		n = n > (INT64_MAX - 9) / 10 ? INT64_MAX : n * 10 + (*p - '0');
	if (end != NULL)
		*end = (char *)(uintptr_t)p;
	return minus ? -n : n;
}

static int
addtolist(struct cs_list *list, const char *value)
{
	const char **v;

	v = cs_array_extend(list->v, list->n, &list->size, sizeof(*v));
	if (v == NULL)
		return -1;
	list->v = v;
	v[list->n++] = value;
	return 0;
}

/* "server client": each word to the list; cuts the text. */
static int
readwords(struct cs_list *list, char *text)
{
	char *last, *word;

	for (word = strtok_r(text, " ", &last); word != NULL;
	     word = strtok_r(NULL, " ", &last))
		if (addtolist(list, word) == -1)
			return -1;
	return 0;
}

/* "SPKI" or "SPKI acme" */
static void
readowner(struct cs_info *info, char *text)
{
	size_t len = strcspn(text, " ");

	info->request = text;
	info->ordered = strcmp(text + len, " acme") == 0;
	text[len] = '\0';
}

static int
readsan(struct cs_info *info, char *text)
{
	struct cs_san *san;
	char *value;
	int type;

	if ((value = strchr(text, ' ')) == NULL)
		return 0;
	*value++ = '\0';
	for (type = CS_SAN_DNS; type < CS_SAN_OTHER; type++)
		if (strcmp(text, cs_san_names[type]) == 0)
			break;
	san = cs_array_extend(info->san, info->nsan, &info->sansize,
	    sizeof(*san));
	if (san == NULL)
		return -1;
	info->san = san;
	san[info->nsan].type = (enum cs_san_type)type;
	san[info->nsan++].value = value;
	return 0;
}

static int
readheld(struct cs_info *info, const char *text)
{
	struct cs_held *v;
	char *p;

	v = cs_array_extend(info->held, info->nheld, &info->heldsize,
	    sizeof(*v));
	if (v == NULL)
		return -1;
	info->held = v;
	v += info->nheld++;
	v->gen = (unsigned long)readint(text, &p);
	v->until = *p == ' ' ? readint(p + 1, NULL) : 0;
	return 0;
}

static int
readissuing(struct cs_info *info, char *text)
{
	struct cs_issuing *v;
	char *p;

	v = cs_array_extend(info->issuing, info->nissuing, &info->issuingsize,
	    sizeof(*v));
	if (v == NULL)
		return -1;
	info->issuing = v;
	v += info->nissuing++;
	v->ends = readint(text, &p);
	v->fingerprint = v->subject = "";
	if (*p != ' ')
		return 0;
	v->fingerprint = p + 1;
	if ((p = strchr(p + 1, ' ')) != NULL) {
		*p = '\0';
		v->subject = p + 1;
	}
	return 0;
}

/* "fullchain.pem SIZE SEC.NSEC SHA256" */
static void
readfile(struct cs_info *info, char *text)
{
	char *p;

	if ((p = strchr(text, ' ')) == NULL)
		return;
	*p++ = '\0';
	info->filesize = readint(p, &p);
	info->filesec = readint(p + (*p == ' '), &p);
	if (*p == '.')
		info->filensec = (long)readint(p + 1, &p);
	if (*p != ' ')
		return;
	info->file = text;
	info->filehash = p + 1;
}

/* "SIZE SEC.NSEC" */
static void
readwritten(struct cs_written *at, const char *text)
{
	char *p;

	at->size = readint(text, &p);
	at->sec = readint(p + (*p == ' '), &p);
	at->nsec = *p == '.' ? (long)readint(p + 1, NULL) : 0;
}

/* "privkey.pem SIZE SEC.NSEC" */
static void
readkeyfile(struct cs_info *info, const char *text)
{
	struct cs_written *at;
	size_t len = strcspn(text, " ");

	if (len == strlen("privkey.pem") &&
	    strncmp(text, "privkey.pem", len) == 0)
		at = &info->privkey;
	else if (len == strlen("combined.pem") &&
	    strncmp(text, "combined.pem", len) == 0)
		at = &info->combined;
	else
		return;
	text += len;
	readwritten(at, text + (*text == ' '));
}

static void
readhas(struct cs_info *info, const char *text)
{
	info->haskey = strstr(text, "key") != NULL;
	info->haschain = strstr(text, "chain") != NULL;
	info->hasca = strstr(text, "ca") != NULL;
	info->hasrequest = strstr(text, "request") != NULL;
	info->hasparts = strstr(text, "parts") != NULL;
}

static int
setvalue(struct cs_info *info, const struct key *key, char *value)
{
	char *at = (char *)info + key->at;
	int rv = 0;

	switch (key->how) {
	case TEXT:
		*(const char **)(void *)at = value;
		break;
	case TIME:
		*(int64_t *)(void *)at = readint(value, NULL);
		break;
	case NUMBER:
		*(unsigned long *)(void *)at = (unsigned long)readint(value,
		    NULL);
		break;
	case FLAG:
		*(int *)(void *)at = 1;
		break;
	case LINE:
		rv = addtolist((struct cs_list *)(void *)at, value);
		break;
	case WORDS:
		rv = readwords((struct cs_list *)(void *)at, value);
		break;
	case REQUEST:
		readowner(info, value);
		break;
	case SAN:
		rv = readsan(info, value);
		break;
	case ISSUING:
		rv = readissuing(info, value);
		break;
	case HELD:
		rv = readheld(info, value);
		break;
	case FILEOF:
		readfile(info, value);
		break;
	case KEYFILE:
		readkeyfile(info, value);
		break;
	case WRITTEN:
		readwritten((struct cs_written *)(void *)at, value);
		break;
	case HAS:
		readhas(info, value);
		break;
	}
	return rv;
}

static void
clearinfo(struct cs_info *info)
{
	struct cs_info old = *info;

	memset(info, 0, sizeof(*info));
	info->text = old.text;
	info->usage.v = old.usage.v;
	info->usage.size = old.usage.size;
	info->tenants.v = old.tenants.v;
	info->tenants.size = old.tenants.size;
	info->users.v = old.users.v;
	info->users.size = old.users.size;
	info->spcs.v = old.spcs.v;
	info->spcs.size = old.spcs.size;
	info->tns.v = old.tns.v;
	info->tns.size = old.tns.size;
	info->san = old.san;
	info->sansize = old.sansize;
	info->held = old.held;
	info->heldsize = old.heldsize;
	info->issuing = old.issuing;
	info->issuingsize = old.issuingsize;
}

#define FIRST_LINE "certstore 1\n"
#define FIRST_LEN (sizeof(FIRST_LINE) - 1)

static int
isinfo(const struct cs_info *info)
{
	return info->text.len >= FIRST_LEN &&
	    memcmp(info->text.p, FIRST_LINE, FIRST_LEN) == 0;
}

/*
 * Parses lines "key value" in info->text, which is cut into strings.  Unknown
 * keys are skipped: a later version may add some.
 */
int
cs_info_parse(struct cs_info *info, struct certstore_error *err)
{
	const struct key *key;
	char *end, *line, *next, *value;
	size_t last = 0;

	clearinfo(info);
	if (info->text.p == NULL)
		return 0;
	end = info->text.p + info->text.len;
	line = info->text.p + (isinfo(info) ? FIRST_LEN : 0);
	for (; line < end; line = next) {
		if ((next = memchr(line, '\n', (size_t)(end - line))) == NULL)
			next = end;
		else
			*next++ = '\0';
		for (value = line; *value != '\0' && *value != ' '; value++)
			;
		key = findkey(line, (size_t)(value - line), &last);
		if (*value == ' ')
			*value++ = '\0';
		if (key != NULL && setvalue(info, key, value) == -1)
			return cs_fail_nomem(err);
	}
	return 0;
}

const char *
cs_info_find(const struct cs_buf *text, const char *key, size_t *len)
{
	size_t keylen = strlen(key);
	const char *line, *next;

	for (line = text->p; line != NULL && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (strncmp(line, key, keylen) == 0 &&
		    (line[keylen] == ' ' || line + keylen == next)) {
			line += keylen + (line[keylen] == ' ');
			*len = (size_t)(next - line);
			return line;
		}
		next += *next == '\n';
	}
	return NULL;
}

void
cs_info_reset(struct cs_info *info)
{
	cs_buf_reset(&info->text);
	clearinfo(info);
}

void
cs_info_free(struct cs_info *info)
{
	cs_buf_free(&info->text);
	free(info->usage.v);
	free(info->tenants.v);
	free(info->users.v);
	free(info->spcs.v);
	free(info->tns.v);
	free(info->san);
	free(info->held);
	free(info->issuing);
	memset(info, 0, sizeof(*info));
}

static int
isgonefile(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR || errnum == ESTALE ||
	    errnum == ELOOP;
}

/*
 * Is the file still the one that info was made from?  Yes if size and mtime
 * agree; if only the size does, as after a restore, the hash decides.  1, 0,
 * -1.  seen: as for cs_entry_examine(), or NULL.
 */
static int
checkfile(int fd, const char *dir, const struct cs_info *info,
    struct stat *seen)
{
	char hex[CS_HASH_LEN], path[PATH_SIZE];
	struct cs_buf b = { 0 };
	struct stat st;

	if (info->file == NULL || strchr(info->file, '/') != NULL ||
	    cs_file_join(path, sizeof(path), dir, info->file) == -1)
		return 0;
	if (fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return isgonefile(errno) ? 0 : -1;
	if (!S_ISREG(st.st_mode) || st.st_size != info->filesize)
		return 0;
	if (seen != NULL)
		seen[strcmp(info->file, cs_file_names[CS_REQUEST_CSR]) == 0 ?
			CS_REQUEST_CSR :
			CS_FULLCHAIN] = st;
	if (st.st_mtim.tv_sec == info->filesec &&
	    st.st_mtim.tv_nsec == info->filensec)
		return 1;
	if (cs_file_read(fd, path, CS_RECORD_MAX, &b) == -1) {
		cs_buf_free(&b);
		return isgonefile(errno) ? 0 : -1;
	}
	cs_hash(hex, b.p, b.len);
	cs_buf_free(&b);
	return strcmp(hex, info->filehash) == 0;
}

/*
 * The size of a file of a generation: 1, 0 there is no such regular file, -1.
 */
static int
filesize(int fd, const char *dir, enum cs_file which, int64_t *size,
    struct stat *seen)
{
	char path[PATH_SIZE];
	struct stat st;

	*size = 0;
	if (cs_file_join(path, sizeof(path), dir, cs_file_names[which]) == -1)
		return 0;
	if (fstatat(fd, path, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return isgonefile(errno) ? 0 : -1;
	if (!S_ISREG(st.st_mode))
		return 0;
	*size = st.st_size;
	if (seen != NULL)
		seen[which] = st;
	return 1;
}

/*
 * Is the private key there that info names, or without one that of the request?
 * 1, 0 and which file is missing, -1.  all: both keys and combined.pem, as far
 * as sizes tell.
 */
static int
checkkeyfiles(int fd, const char *dir, const struct cs_info *info, int all,
    enum cs_file *which, struct stat *seen)
{
	int64_t key = 0, size = 0;
	int rv = 1;

	if (info->haskey) {
		*which = CS_PRIVKEY;
		rv = filesize(fd, dir, *which, &key, seen);
		if (rv != 1 || key == 0)
			return rv == -1 ? -1 : 0;
	}
	if (info->hasrequest && (all || !info->haskey)) {
		*which = CS_REQUEST_KEY;
		rv = filesize(fd, dir, *which, &size, seen);
		if (rv != 1 || size == 0)
			return rv == -1 ? -1 : 0;
	}
	if (info->haskey && info->haschain && all) {
		*which = CS_COMBINED; /* the key, and fullchain.pem */
		rv = filesize(fd, dir, *which, &size, seen);
		if (rv == 1 && size != key + info->filesize)
			return 0;
	}
	return rv;
}

static int
isfilethere(int fd, const char *dir, enum cs_file which)
{
	int64_t size;

	return filesize(fd, dir, which, &size, NULL) == 1 && size > 0;
}

/*
 * Sets the error of a damaged entry, and which of its files can be imported
 * again; bad is the file that cannot be believed.
 */
static int
faildamaged(const struct certstore *store, const char *dir, const char *name,
    enum cs_file bad, struct certstore_error *err, const char *what)
{
	const char *at = store->word;
	const char *in = store->linked ? name : dir;
	const char *file[2] = { NULL, NULL };

	if (bad != CS_COMBINED && isfilethere(store->certs, dir, CS_COMBINED)) {
		file[0] = cs_file_names[CS_COMBINED];
	} else if (bad == CS_COMBINED &&
	    isfilethere(store->certs, dir, CS_PRIVKEY)) {
		file[0] = cs_file_names[CS_PRIVKEY];
		file[1] = cs_file_names[CS_FULLCHAIN];
	} else if (!isfilethere(store->certs, dir, CS_PRIVKEY) &&
	    bad != CS_PRIVKEY) {
		if (isfilethere(store->certs, dir, CS_CERT))
			file[0] = cs_file_names[CS_CERT];
		else if (isfilethere(store->certs, dir, CS_FULLCHAIN))
			file[0] = cs_file_names[CS_FULLCHAIN];
	}
	if (file[0] == NULL)
		return cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s: %s: restore its files from a backup", name, what);
	return cs_fail(err, CERTSTORE_EDAMAGED,
	    "%s: %s: import it again: "
	    "cert-import -d %s -f -N %s %s/certs/%s/%s%s%s%s%s%s%s",
	    name, what, at, name, at, in, file[0], file[1] == NULL ? "" : " ",
	    file[1] == NULL ? "" : at, file[1] == NULL ? "" : "/certs/",
	    file[1] == NULL ? "" : in, file[1] == NULL ? "" : "/",
	    file[1] == NULL ? "" : file[1]);
}

int
cs_info_load(const struct certstore *store, const char *dir, const char *name,
    struct cs_info *info, struct certstore_error *err)
{
	char path[PATH_SIZE], what[64];
	enum cs_file which = CS_PRIVKEY;
	int fd = store->certs, rv;

	clearinfo(info);
	if (cs_file_join(path, sizeof(path), dir, "info") == -1)
		return faildamaged(store, dir, name, CS_INFO, err,
		    "its link does not name a generation");
	if (cs_file_record(fd, path, CS_RECORD_MAX, &info->text) == -1) {
		if (errno == ENOMEM)
			return cs_fail_nomem(err);
		if (!isgonefile(errno) && errno != EINVAL && errno != EFBIG &&
		    errno != EISDIR && errno != EAGAIN)
			return cs_fail_errno(err, "%s: info", name);
		return faildamaged(store, dir, name, CS_INFO, err,
		    errno == ENOENT ? "its info is missing" :
				      "its info is not a plain file, or too "
				      "large");
	}
	if (!isinfo(info))
		return faildamaged(store, dir, name, CS_INFO, err,
		    "its info has another format");
	if (cs_info_parse(info, err) == -1)
		return -1;
	if (info->name == NULL || strcmp(info->name, name) != 0 ||
	    info->kind == NULL)
		return faildamaged(store, dir, name, CS_INFO, err,
		    "its info is that of another entry");
	if ((rv = checkfile(fd, dir, info, NULL)) == -1)
		return cs_fail_errno(err, "%s: %s", name, info->file);
	if (rv == 0 && info->file == NULL)
		return faildamaged(store, dir, name, CS_INFO, err,
		    "its info is cut short");
	if (rv == 0) {
		which = strcmp(info->file, "request.csr") == 0 ?
		    CS_REQUEST_CSR :
		    CS_FULLCHAIN;
		snprintf(what, sizeof(what), "%s %s", cs_file_names[which],
		    isfilethere(fd, dir, which) ? "was changed by hand" :
						  "is missing or empty");
		return faildamaged(store, dir, name, CS_FULLCHAIN, err, what);
	}
	if ((rv = checkkeyfiles(fd, dir, info, 1, &which, NULL)) == -1)
		return cs_fail_errno(err, "%s: %s", name, cs_file_names[which]);
	if (rv == 0) {
		snprintf(what, sizeof(what), "%s is %s", cs_file_names[which],
		    isfilethere(fd, dir, which) ? "not the key and the "
						  "certificates" :
						  "missing or empty");
		return faildamaged(store, dir, name, which, err, what);
	}
	return 0;
}

/*
 * As cs_info_load(), but by way of the link, which saves to read it: for a store
 * whose links can be believed.  all: as in checkkeyfiles().  1, or 0:
 * cs_info_load() gives the error.
 */
int
cs_info_current(int fd, const char *name, int all, struct cs_info *info,
    char dir[CS_GENDIR], struct stat *seen)
{
	struct certstore_error err;
	enum cs_file which;
	char path[PATH_SIZE];

	clearinfo(info);
	if (cs_file_join(path, sizeof(path), name, "info") == -1 ||
	    cs_file_record(fd, path, CS_RECORD_MAX, &info->text) == -1 ||
	    !isinfo(info) || cs_info_parse(info, &err) == -1 ||
	    info->name == NULL || strcmp(info->name, name) != 0 ||
	    info->kind == NULL || info->gen == 0)
		return 0;
	cs_generation_dir(dir, name, info->gen);
	return checkfile(fd, dir, info, seen) == 1 &&
	    checkkeyfiles(fd, dir, info, all, &which, seen) == 1;
}

static int
beginswith(const char *line, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && memcmp(line, word, n) == 0 &&
	    (len == n || line[n] == ' ');
}

/* Is it a line that cs_put_compose() adds to the description? */
static int
iscomposed(const char *line, size_t len)
{
	static const char *const words[] = { "certstore", "name", "generation",
		"before", "kept", "held", "pair", "file", "keyfile", "has",
		"origin", "tenant", "user", "group", "x5u", "renew", "hold",
		"acme", "revoked", "crlurl", "aiaurl", "props" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (beginswith(line, len, words[i]))
			return 1;
	return 0;
}

/* Copies the lines that describe certificate and request. */
int
cs_info_description(struct cs_buf *desc, const struct cs_buf *text,
    const char *without)
{
	const char *end, *line, *next;
	size_t len;
	int bad = 0;

	if (text->p == NULL)
		return 0;
	end = text->p + text->len;
	for (line = text->p; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next == NULL ? end : next + 1;
		len = (size_t)(next - line);
		len -= next[-1] == '\n';
		if (!iscomposed(line, len) &&
		    (without == NULL || !beginswith(line, len, without)))
			bad |= cs_buf_add(desc, line, len) |
			    cs_buf_add(desc, "\n", 1);
	}
	return bad == 0 ? 0 : -1;
}

/* Does its extended key usage have this word? */
int
cs_info_has_usage(const struct cs_info *info, const char *word)
{
	size_t i;

	for (i = 0; i < info->usage.n; i++)
		if (strcmp(info->usage.v[i], word) == 0)
			return 1;
	return 0;
}

/* The first and the last second are valid: RFC 5280 section 4.1.2.5. */
int
cs_info_isvalid(const struct cs_info *info, int64_t when)
{
	return info->fingerprint != NULL && info->starts <= when &&
	    when <= info->ends;
}

int64_t
cs_info_ends(const struct cs_info *info, const char **subject)
{
	int64_t ends = info->ends;
	size_t i;

	*subject = NULL;
	for (i = 0; i < info->nissuing; i++)
		if (info->issuing[i].ends < ends) {
			ends = info->issuing[i].ends;
			*subject = info->issuing[i].subject;
		}
	return ends;
}
