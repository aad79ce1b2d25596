/*
 * log.c: STORE/log, certstore(5): a line of JSON for each change, written under
 * the lock after the switch and before the intent goes.  A line that cannot be
 * written is a warning, and stops no change.
 */
#include <sys/stat.h>
#include <sys/utsname.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"
#include "system.h"

#define FILE_MODE 0640
#define GROUP "adm" /* reads logs, on Debian */
#define LOGINUID "/proc/self/loginuid"
#define NOBODY "4294967295" /* who did not log in */
#define FOREIGN_MAX 64	    /* bytes of a text that is not ours */
#define TAIL (64 * 1024)    /* bytes that are searched for a line */
#define CHUNK (64 * 1024)
#define NOT_BEGUN INT64_MIN	     /* no line was read yet */
#define PLACE_MAX UINT64_C(0xffffff) /* lines that have places of their own */

/* Adds "name":"text", of a text of any bytes, and a comma. */
static int
addforeign(struct cs_buf *line, const char *name, const char *text)
{
	char clean[4 * FOREIGN_MAX + 1];

	certstore_escape(clean, sizeof(clean), text,
	    strnlen(text, FOREIGN_MAX));
	return cs_buf_printf(line, "\"%s\":", name) |
	    cs_escape_json(line, clean) | cs_buf_adds(line, ",");
}

/* Adds the user that logged in, as a number: sudo(8) does not change it. */
static int
addlogin(struct cs_buf *line)
{
	struct cs_buf b = { 0 };
	int rv = 0;

	if (cs_file_record(AT_FDCWD, LOGINUID, FOREIGN_MAX, &b) == 0 &&
	    b.len > 0 && strspn(b.p, "0123456789") == b.len &&
	    strcmp(b.p, NOBODY) != 0)
		rv = cs_buf_printf(line, "\"login\":%s,", b.p);
	cs_buf_free(&b);
	return rv;
}

/* Sets what all lines of this process have: who changes something, and how. */
static int
composewho(struct certstore *store)
{
	const char *sudo = secure_getenv("SUDO_USER");
	struct cs_buf *who = &store->logwho;
	struct utsname host;
	int bad = 0;

	cs_buf_reset(who);
	if (uname(&host) == 0)
		bad |= addforeign(who, "host", host.nodename);
	bad |= cs_buf_printf(who, "\"uid\":%lu,", (unsigned long)geteuid());
	bad |= addlogin(who);
	if (sudo != NULL && *sudo != '\0')
		bad |= addforeign(who, "claimed", sudo);
	if (store->command != NULL)
		bad |= addforeign(who, "command", store->command);
	return bad == 0 ? 0 : -1;
}

/* Makes the file, for the group of those who read logs if that is possible. */
static int
makelog(const struct certstore *store)
{
	const struct cs_buf empty = { 0 };
	gid_t gid;

	if (cs_mode_findgroup(GROUP, &gid) == 1) {
		if (cs_file_write(store->fd, CS_LOG_FILE, &empty, FILE_MODE,
			gid, NULL) == 0)
			return 0;
		if (errno != EPERM ||
		    cs_file_remove(store->fd, CS_LOG_FILE) == -1)
			return -1;
	}
	return cs_file_write(store->fd, CS_LOG_FILE, &empty, FILE_MODE,
	    (gid_t)-1, NULL);
}

/* Opens the log once for as long as the lock is held.  -1: errno. */
static int
openlogfile(struct certstore *store)
{
	if (store->log != -1)
		return 0;
	store->log = cs_file_open(store->fd, CS_LOG_FILE, 1, &store->logsize);
	if (store->log == -1 && errno == ENOENT && makelog(store) == 0)
		store->log = cs_file_open(store->fd, CS_LOG_FILE, 1,
		    &store->logsize);
	return store->log == -1 ? -1 : 0;
}

/* Does the file end in the middle of a line, as after a power failure? */
static int
istorn(const struct certstore *store)
{
	char c = '\n';

	return store->logsize > 0 &&
	    pread(store->log, &c, 1, (off_t)store->logsize - 1) == 1 &&
	    c != '\n';
}

/* A line without its newline. */
static int
composeline(struct cs_buf *line, const struct certstore *store,
    const struct cs_logline *c, int recovered)
{
	char now[CERTSTORE_TIME_LEN];
	int bad;

	bad = cs_buf_printf(line, "{\"time\":\"%s\",%s",
	    certstore_time_format(certstore_time_now(), now), store->logwho.p);
	/* names need no escape */
	bad |= cs_buf_printf(line, "\"%s\":\"%s\",",
	    c->account ? "account" : "entry", c->name);
	if (c->gen != 0)
		bad |= cs_buf_printf(line, "\"generation\":%lu,", c->gen);
	if (c->reason != NULL)
		bad |= cs_buf_printf(line, "\"reason\":\"%s\",", c->reason);
	if (c->old != NULL && *c->old != '\0')
		bad |= cs_buf_printf(line, "\"old\":\"%.64s\",", c->old);
	if (c->new != NULL && * c->new != '\0')
		bad |= cs_buf_printf(line, "\"new\":\"%.64s\",", c->new);
	if (recovered)
		bad |= cs_buf_adds(line, "\"by\":\"recovered\",");
	if (bad == 0)
		line->p[line->len - 1] = '}';
	return bad == 0 ? 0 : -1;
}

/* Adds a line in one write(2), a new file's first line before it. */
static int
appendline(struct certstore *store, const struct cs_buf *line)
{
	char now[CERTSTORE_TIME_LEN];
	struct cs_buf b = { 0 };
	int bad = 0, rv = -1;

	if (openlogfile(store) == -1)
		return -1;
	if (store->logsize == 0)
		bad = cs_buf_printf(&b, "{\"time\":\"%s\",\"begin\":true}\n",
		    certstore_time_format(certstore_time_now(), now));
	else if (istorn(store))
		bad = cs_buf_adds(&b, "\n");
	bad |= cs_buf_printf(&b, "%s\n", line->p);
	if (bad != 0)
		errno = ENOMEM;
	else if ((rv = cs_file_append(store->log, store->logsize, &b)) == 0)
		store->logsize += (int64_t)b.len;
	cs_buf_free(&b);
	return rv;
}

/* Warns once for all changes that are made under the lock. */
static void
warnlog(struct certstore *store)
{
	if (store->logfailed)
		return;
	store->logfailed = 1;
	if (errno == ELOOP || errno == EISDIR || errno == EINVAL)
		cs_warn(store,
		    "%s/" CS_LOG_FILE
		    ": is not a regular file, and this change "
		    "is not in the log: remove it",
		    store->path);
	else
		cs_warn(store,
		    "%s/" CS_LOG_FILE ": this change is not in the log: %s",
		    store->path, strerror(errno));
}

/* Is each line given to the caller, too?  If @store has log=syslog. */
static int
givesline(struct certstore *store)
{
	struct certstore_error ignored;
	struct cs_buf lines = { 0 };
	struct cs_propline l;
	size_t pos = 0;

	if (store->logline == NULL || store->loggives != -1)
		return store->logline != NULL && store->loggives;
	store->loggives = 0;
	if (cs_settings_read(store, "@store", &lines, &ignored) == 0)
		while (cs_props_nextline(&lines, &pos, &l))
			if (l.wordlen == 3 && memcmp(l.word, "log", 3) == 0)
				store->loggives = l.len ==
					strlen(CS_LOG_SYSLOG) &&
				    memcmp(l.value, CS_LOG_SYSLOG, l.len) == 0;
	cs_buf_free(&lines);
	return store->loggives;
}

static void
addline(struct certstore *store, const struct cs_logline *c, int recovered)
{
	struct cs_buf line = { 0 };

	if ((store->logwho.len == 0 && composewho(store) == -1) ||
	    composeline(&line, store, c, recovered) == -1) {
		errno = ENOMEM;
		warnlog(store);
	} else {
		if (!store->logfailed && appendline(store, &line) == -1)
			warnlog(store);
		if (givesline(store) &&
		    (cs_buf_add(&store->loglines, line.p, line.len) |
			cs_buf_adds(&store->loglines, "\n")) != 0) {
			errno = ENOMEM;
			warnlog(store);
		}
	}
	cs_buf_free(&line);
}

/* Under the lock: adds a line for a change of this writer. */
void
cs_log_add(struct certstore *store, const struct cs_logline *c)
{
	addline(store, c, 0);
}

/* A line of the log: 1 if it is about a generation, whose name and number. */
static int
readlogline(const char *line, size_t len, const char **name, size_t *namelen,
    unsigned long *gen, int *removed)
{
	static const char entry[] = "\"entry\":\"",
			  number[] = "\",\"generation\":",
			  removal[] = ",\"reason\":\"" CS_LOG_REMOVE "\"";
	const char *end = line + len, *p;

	if ((p = memmem(line, len, entry, strlen(entry))) == NULL)
		return 0;
	*name = p + strlen(entry);
	if ((p = memchr(*name, '"', (size_t)(end - *name))) == NULL ||
	    (size_t)(end - p) <= strlen(number) ||
	    memcmp(p, number, strlen(number)) != 0)
		return 0;
	*namelen = (size_t)(p - *name);
	*gen = 0;
	for (p += strlen(number); p < end && *p >= '0' && *p <= '9'; p++)
		*gen = *gen * 10 + (unsigned long)(*p - '0');
	*removed = (size_t)(end - p) >= strlen(removal) &&
	    memcmp(p, removal, strlen(removal)) == 0;
	return 1;
}

/* Is the last line of the tail about this name the one of this change? */
static int
isintail(const struct cs_logline *c, const char *tail, size_t len)
{
	const char *end = tail + len, *name, *next;
	int found = 0, removal, removed;
	unsigned long gen;
	size_t n;

	removal = c->reason != NULL && strcmp(c->reason, CS_LOG_REMOVE) == 0;
	for (; tail < end; tail = next + 1) {
		if ((next = memchr(tail, '\n', (size_t)(end - tail))) == NULL)
			break;
		if (readlogline(tail, (size_t)(next - tail), &name, &n, &gen,
			&removed) &&
		    strlen(c->name) == n && memcmp(c->name, name, n) == 0)
			found = gen == c->gen && removed == removal;
	}
	return found;
}

/*
 * Under the lock: adds a line for a change that was made before, perhaps by
 * another writer, unless it has one: numbers begin again after a removal, so
 * the last line about the name is compared.
 */
void
cs_log_recover(struct certstore *store, const struct cs_logline *c)
{
	off_t from;
	ssize_t n;
	char *tail;
	int found = 0;

	if (openlogfile(store) == 0 && store->logsize > 0 &&
	    (tail = malloc(TAIL)) != NULL) {
		from = store->logsize > TAIL ? store->logsize - TAIL : 0;
		n = pread(store->log, tail, TAIL, from);
		found = n > 0 && isintail(c, tail, (size_t)n);
		free(tail);
	}
	if (!found)
		addline(store, c, 1);
}

/* The lock is released: gives the lines, which may take long. */
void
cs_log_close(struct certstore *store)
{
	char *line, *nl;

	cs_file_close(&store->log);
	cs_buf_free(&store->logwho);
	store->logfailed = 0;
	store->loggives = -1;
	for (line = store->loglines.p;
	     line != NULL && (nl = strchr(line, '\n')) != NULL; line = nl + 1) {
		*nl = '\0';
		store->logline(store->loglinearg, line);
	}
	cs_buf_free(&store->loglines);
}

/* FNV-1a of a name and the number of a generation. */
static uint64_t
hashchange(const char *name, size_t len, unsigned long gen)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) *
		    UINT64_C(0x100000001b3);
	for (i = 0; i < sizeof(gen); i++, gen >>= 8)
		hash = (hash ^ (gen & 0xff)) * UINT64_C(0x100000001b3);
	return hash;
}

static int
comparehashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The time in the first line, or the end of all times. */
static int64_t
readbegin(const char *text, size_t len)
{
	static const char first[] = "{\"time\":\"";
	struct certstore_error ignored;
	char time[CERTSTORE_TIME_LEN];
	const char *end;
	int64_t when;

	if (len < strlen(first) || memcmp(text, first, strlen(first)) != 0)
		return INT64_MAX;
	text += strlen(first);
	end = memchr(text, '"', len - strlen(first));
	if (end == NULL || (size_t)(end - text) >= sizeof(time))
		return INT64_MAX;
	memcpy(time, text, (size_t)(end - text));
	time[end - text] = '\0';
	return certstore_time_parse(time, &when, &ignored) == 0 ? when :
								  INT64_MAX;
}

/* Of a change; its lowest bits are the place of its line, which sorts them. */
static uint64_t
placechange(uint64_t hash, uint64_t place)
{
	return (hash & ~PLACE_MAX) | (place < PLACE_MAX ? place : PLACE_MAX);
}

/* A line: what it makes live, or that an entry was removed, as generation 0. */
static int
addtold(void *arg, const char *line, size_t len)
{
	struct cs_logtold *told = arg;
	const char *name;
	unsigned long gen;
	uint64_t *v;
	int removed;
	size_t n;

	if (told->begin == NOT_BEGUN)
		told->begin = readbegin(line, len);
	if (!readlogline(line, len, &name, &n, &gen, &removed))
		return 0;
	v = cs_array_extend(told->v, told->n, &told->size, sizeof(*v));
	if (v == NULL) {
		errno = ENOMEM;
		return -1;
	}
	told->v = v;
	v[told->n] = placechange(hashchange(name, n, removed ? 0 : gen),
	    told->n + 1);
	told->n++;
	return 0;
}

/* Cuts what is in the buffer into lines; len: what is left of the last one. */
static int
eachline(char *buf, size_t *len, int (*fn)(void *, const char *, size_t),
    void *arg)
{
	char *line = buf, *nl;
	int rv = 0;

	while (rv == 0 && (nl = memchr(line, '\n', *len)) != NULL) {
		rv = fn(arg, line, (size_t)(nl - line));
		*len -= (size_t)(nl + 1 - line);
		line = nl + 1;
	}
	memmove(buf, line, *len);
	return rv;
}

/*
 * Calls fn for each line, without its newline, until it returns other than 0,
 * and returns that.  One that does not fit the buffer is skipped.  0 also if
 * there is no log; -1 and errno.
 */
int
cs_log_each(const struct certstore *store,
    int (*fn)(void *, const char *, size_t), void *arg)
{
	size_t len = 0;
	char *buf;
	ssize_t n = 1;
	int fd, rv = 0;

	if (store->fd == -1)
		return 0;
	if ((fd = cs_file_open(store->fd, CS_LOG_FILE, 0, NULL)) == -1)
		return errno == ENOENT ? 0 : -1;
	if ((buf = malloc(CHUNK)) == NULL)
		n = rv = -1;
	while (n > 0 && rv == 0) {
		if (len == CHUNK)
			len = 0;
		do
			n = read(fd, buf + len, CHUNK - len);
		while (n == -1 && errno == EINTR);
		if (n == -1)
			rv = -1;
		if (n > 0) {
			len += (size_t)n;
			rv = eachline(buf, &len, fn, arg);
		}
	}
	cs_file_close(&fd);
	free(buf);
	return rv;
}

/*
 * Reads which changes the log has, 8 bytes for each: 1, 0 there is no log or
 * nothing is in it, -1.
 */
int
cs_log_load(struct certstore *store, struct cs_logtold *told,
    struct certstore_error *err)
{
	struct stat st;

	memset(told, 0, sizeof(*told));
	told->begin = NOT_BEGUN;
	/* before it is read: what comes later makes another size */
	if (fstatat(store->fd, CS_LOG_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		told->inode = st.st_ino;
		told->filesize = st.st_size;
	}
	if (cs_log_each(store, addtold, told) == -1) {
		cs_fail_errno(err, "%s/" CS_LOG_FILE, store->path);
		cs_log_done(told);
		return -1;
	}
	if (told->begin == NOT_BEGUN)
		told->begin = INT64_MAX;
	if (told->n > 1)
		qsort(told->v, told->n, sizeof(*told->v), comparehashes);
	return told->begin != INT64_MAX;
}

/* The place of the last line of a change, or 0. */
static uint64_t
findtold(const struct cs_logtold *told, const char *name, unsigned long gen)
{
	uint64_t hash = hashchange(name, strlen(name), gen) | PLACE_MAX;
	size_t high = told->n, i, low = 0;

	while (low < high) {
		i = low + (high - low) / 2;
		if (told->v[i] <= hash)
			low = i + 1;
		else
			high = i;
	}
	return low > 0 && (told->v[low - 1] | PLACE_MAX) == hash ?
	    told->v[low - 1] & PLACE_MAX :
	    0;
}

/* The time of what info describes is in info, which no copy changes. */
static int
lacksline(const struct cs_logtold *told, const struct cs_info *info)
{
	uint64_t place;

	if (info->name == NULL || info->gen == 0)
		return 0;
	place = findtold(told, info->name, info->gen);
	if (findtold(told, info->name, 0) > place)
		return CS_LOG_REMOVED;
	return place == 0 && info->filesec > told->begin;
}

/*
 * Should the log have a line of what made this generation, and lacks it?  Or
 * CS_LOG_REMOVED: the last it has of the entry is that it was removed.  What was
 * written since it was read is read.  0 also if there is no log, or it cannot be
 * read.
 */
int
cs_log_lacks(struct certstore *store, struct cs_logtold *told,
    const struct cs_info *info)
{
	struct certstore_error ignored;
	struct stat st;

	if (told->inode != 0 && !lacksline(told, info))
		return 0;
	if (fstatat(store->fd, CS_LOG_FILE, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	if (st.st_ino != told->inode || st.st_size != told->filesize) {
		cs_log_done(told);
		if (cs_log_load(store, told, &ignored) == -1)
			return 0;
	}
	return lacksline(told, info);
}

void
cs_log_done(struct cs_logtold *told)
{
	free(told->v);
	memset(told, 0, sizeof(*told));
	told->begin = INT64_MAX;
}
