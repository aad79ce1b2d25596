/*
 * ledger.c: what was delivered on this host, certstore(5): a file for each user
 * in STORE/deployed/HOST.  A store may be shared by several hosts, and copied
 * to others, so each reads and writes its own directory only.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/private.h"

#define DIR_NAME "deployed"
#define ID_FILE "/etc/machine-id"
#define ID_MAX 4096
#define HOST_LEN 12
#define FILE_MODE 0644
#define LEDGER_MAX ((size_t)256 * 1024 * 1024) /* of millions of entries */
#define FIRST_WAIT 60	  /* seconds after the first failure */
#define LONGEST_WAIT 3600 /* and at most */
#define LOCK "@lock"	  /* behind the name of a user */

/* Names this host: 0, or -1 and errno. */
static int
namehost(char host[HOST_LEN + 1])
{
	char name[256], hex[CS_HASH_LEN];
	struct cs_buf id = { 0 };
	const char *p = "";
	size_t len = 0;

	if (cs_file_follow(AT_FDCWD, ID_FILE, ID_MAX, &id) == 0) {
		p = id.p;
		len = strcspn(p, "\n");
	}
	/* "uninitialized" until the first boot of an image is over */
	if (len < 32) {
		if (gethostname(name, sizeof(name)) == -1) {
			cs_buf_free(&id);
			return -1;
		}
		name[sizeof(name) - 1] = '\0';
		p = name;
		len = strlen(name);
	}
	cs_hash(hex, p, len);
	cs_buf_free(&id);
	memcpy(host, hex, HOST_LEN);
	host[HOST_LEN] = '\0';
	return 0;
}

static int
checkledgerdir(const struct certstore *store, int fd, const char *sub,
    struct certstore_error *err)
{
	int rv;

	if ((rv = cs_file_isours(fd)) == 1)
		return 0;
	if (rv == -1)
		return cs_fail_errno(err, "%s/" DIR_NAME "%s",
		    certstore_path(store), sub);
	return cs_fail(err, CERTSTORE_EUNSAFE,
	    "%s/" DIR_NAME "%s: belongs to another user or others can write "
	    "it: chown it and chmod go-w",
	    certstore_path(store), sub);
}

int
cs_ledger_opendir(const struct certstore *store, int make,
    struct certstore_error *err)
{
	char host[HOST_LEN + 1], sub[HOST_LEN + 2];
	int all, fd = -1, made = 0;

	if (namehost(host) == -1)
		return cs_fail_errno(err, "host name");
	snprintf(sub, sizeof(sub), "/%s", host);
	if ((all = cs_store_opendir(store, DIR_NAME, make)) == -1)
		return cs_fail_errno(err, "%s/" DIR_NAME,
		    certstore_path(store));
	if (make && checkledgerdir(store, all, "", err) == -1)
		goto out;
	if ((fd = cs_file_opendir(all, host)) == -1 && errno == ENOENT && make)
		made = cs_file_mkdir(all, host, &fd) == 0;
	if (fd == -1 || (made && fsync(all) == -1)) {
		cs_fail_errno(err, "%s/" DIR_NAME "%s", certstore_path(store),
		    sub);
		cs_file_close(&fd);
	} else if (make && checkledgerdir(store, fd, sub, err) == -1)
		cs_file_close(&fd);
out:
	close(all);
	return fd;
}

static int
takeuser(void *arg, const char *file)
{
	const char *unit;

	switch (certstore_user_type(file, &unit)) {
	case CERTSTORE_USER_HOOK:
	case CERTSTORE_USER_RELOAD:
	case CERTSTORE_USER_RESTART:
		return cs_strings_add(arg, file);
	case CERTSTORE_USER_NOTE:
	case CERTSTORE_USER_BAD:
		break;
	}
	return 0;
}

/* The users that have a ledger. */
int
cs_ledger_users(int dir, struct cs_strings *users)
{
	return cs_file_each(dir, ".", takeuser, users);
}

static int
isledgerkey(const struct cs_propline *l, const char *key)
{
	return strlen(key) == l->wordlen &&
	    memcmp(key, l->word, l->wordlen) == 0;
}

/* A line "entry NAME HASH"; what is malformed was not delivered. */
static int
readdelivered(struct cs_ledger *ledger, const struct cs_propline *l)
{
	char name[CS_NAME_MAX + 1], value[CS_HASH_LEN];
	size_t len = l->len;

	while (len > 0 && l->value[len - 1] != ' ')
		len--;
	if (len < 2 || len - 1 > CS_NAME_MAX || l->len - len >= sizeof(value))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)(len - 1), l->value);
	snprintf(value, sizeof(value), "%.*s", (int)(l->len - len),
	    l->value + len);
	return cs_ledger_set(ledger, name, value);
}

static int
readledgerline(struct cs_ledger *ledger, const struct cs_propline *l)
{
	if (l->len == 0)
		return 0;
	if (isledgerkey(l, "entry"))
		return readdelivered(ledger, l);
	if (isledgerkey(l, "failed"))
		ledger->failed = (unsigned int)strtoul(l->value, NULL, 10);
	else if (isledgerkey(l, "pending"))
		snprintf(ledger->pending, sizeof(ledger->pending), "%.*s",
		    (int)(l->len < CS_HASH_LEN ? l->len : 0), l->value);
	else if (isledgerkey(l, "since"))
		ledger->since = strtoll(l->value, NULL, 10);
	else if (isledgerkey(l, "tried"))
		ledger->tried = strtoll(l->value, NULL, 10);
	else if (isledgerkey(l, "next"))
		ledger->next = strtoll(l->value, NULL, 10);
	else if (isledgerkey(l, "text") && ledger->text == NULL)
		return (ledger->text = strndup(l->value, l->len)) == NULL ? -1 :
									    0;
	return 0;
}

int
cs_ledger_read(int dir, const char *user, struct cs_ledger *ledger,
    struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	struct cs_propline l;
	size_t pos = 0;
	int rv = 0;

	memset(ledger, 0, sizeof(*ledger));
	if (cs_file_record(dir, user, LEDGER_MAX, &text) == -1) {
		if (errno != ENOENT)
			rv = cs_fail_errno(err, DIR_NAME ": %s", user);
		goto out;
	}
	while (rv == 0 && cs_props_nextline(&text, &pos, &l))
		rv = readledgerline(ledger, &l);
	if (rv == -1) {
		cs_ledger_free(ledger);
		cs_fail_nomem(err);
	}
	/* the clock was ahead: this cannot be waited for */
	if (ledger->next > certstore_time_now() + LONGEST_WAIT)
		ledger->next = 0;
out:
	cs_buf_free(&text);
	return rv;
}

static int
addledgertime(struct cs_buf *b, const char *key, int64_t when)
{
	char text[CERTSTORE_TIME_LEN];

	return cs_buf_printf(b, "%s %lld %s\n", key, (long long)when,
	    certstore_time_format(when, text));
}

static int
composeledger(struct cs_buf *b, const struct cs_ledger *ledger)
{
	int bad = 0;
	size_t i;

	for (i = 0; i < ledger->n; i++)
		bad |= cs_buf_printf(b, "entry %s %s\n", ledger->v[i].name,
		    ledger->v[i].value);
	if (ledger->failed > 0)
		bad |= cs_buf_printf(b, "failed %u\n", ledger->failed) |
		    cs_buf_printf(b, "pending %s\n", ledger->pending) |
		    addledgertime(b, "since", ledger->since) |
		    addledgertime(b, "tried", ledger->tried) |
		    addledgertime(b, "next", ledger->next) |
		    cs_buf_printf(b, "text %s\n", ledger->text);
	return bad == 0 ? 0 : -1;
}

static void
lockname(char name[NAME_MAX + 1], const char *user)
{
	snprintf(name, NAME_MAX + 1, ".%s" LOCK, user);
}

/* With its lock, which is held: who waits for it takes a new one. */
static int
removeledger(int dir, const char *user)
{
	char lock[NAME_MAX + 1];

	lockname(lock, user);
	return cs_file_remove(dir, user) == -1 ? -1 : cs_file_remove(dir, lock);
}

int
cs_ledger_write(int dir, const char *user, const struct cs_ledger *ledger,
    struct certstore_error *err)
{
	struct cs_buf b = { 0 };
	int rv;

	if (composeledger(&b, ledger) == -1)
		rv = cs_fail_nomem(err);
	else if ((rv = b.len > 0 ? cs_file_replace(dir, user, &b, FILE_MODE) :
				   removeledger(dir, user)) == -1)
		cs_fail_errno(err, DIR_NAME ": %s", user);
	cs_buf_free(&b);
	return rv;
}

/* The place of a name, or where it would be; they are sorted. */
static size_t
findplace(const struct cs_ledger *ledger, const char *name, int *found)
{
	size_t at, from = 0, to = ledger->n;
	int rv;

	*found = 0;
	while (from < to) {
		at = from + (to - from) / 2;
		if ((rv = strcmp(ledger->v[at].name, name)) == 0) {
			*found = 1;
			return at;
		}
		if (rv < 0)
			from = at + 1;
		else
			to = at;
	}
	return from;
}

const char *
cs_ledger_find(const struct cs_ledger *ledger, const char *name)
{
	int found;
	size_t at = findplace(ledger, name, &found);

	return found ? ledger->v[at].value : NULL;
}

int
cs_ledger_set(struct cs_ledger *ledger, const char *name, const char *value)
{
	struct cs_delivered *v;
	int found;
	size_t at = findplace(ledger, name, &found);

	v = ledger->v == NULL ? NULL : ledger->v + at;
	if (found && value == NULL) {
		free(v->name);
		memmove(v, v + 1, (--ledger->n - at) * sizeof(*v));
		return 0;
	}
	if (value == NULL)
		return 0;
	if (!found) {
		v = cs_array_extend(ledger->v, ledger->n, &ledger->size,
		    sizeof(*v));
		if (v == NULL)
			return -1;
		ledger->v = v;
		v += at;
		memmove(v + 1, v, (ledger->n - at) * sizeof(*v));
		memset(v, 0, sizeof(*v));
		ledger->n++;
		if ((v->name = strdup(name)) == NULL)
			return -1;
	}
	snprintf(v->value, sizeof(v->value), "%s", value);
	return 0;
}

/* A minute after the first failure, then twice as long each time. */
void
cs_ledger_fail(struct cs_ledger *ledger, const char *pending, const char *text,
    int64_t now)
{
	char line[CS_MESSAGE_LEN];
	int64_t wait = FIRST_WAIT;
	unsigned int i;

	for (i = 0; i < ledger->failed && wait < LONGEST_WAIT; i++)
		wait *= 2;
	if (ledger->failed++ == 0 || ledger->since > now)
		ledger->since = now;
	ledger->tried = now;
	ledger->next = now + (wait < LONGEST_WAIT ? wait : LONGEST_WAIT);
	snprintf(ledger->pending, sizeof(ledger->pending), "%s", pending);
	snprintf(line, sizeof(line), "%s", text);
	cs_escape_message(line);
	free(ledger->text);
	ledger->text = strdup(line);
}

void
cs_ledger_succeed(struct cs_ledger *ledger)
{
	free(ledger->text);
	ledger->text = NULL;
	ledger->pending[0] = '\0';
	ledger->failed = 0;
	ledger->since = ledger->tried = ledger->next = 0;
}

void
cs_ledger_free(struct cs_ledger *ledger)
{
	while (ledger->n > 0)
		free(ledger->v[--ledger->n].name);
	free(ledger->v);
	free(ledger->text);
	memset(ledger, 0, sizeof(*ledger));
}

/* One run for a user at a time; waits so many seconds for another one. */
int
cs_ledger_lock(const struct certstore *store, int dir, const char *user,
    unsigned int seconds, int *fd, struct certstore_error *err)
{
	char name[NAME_MAX + 1];

	lockname(name, user);
	*fd = cs_lock_await(store, dir, name, 0, seconds,
	    "waiting for another cert-deploy");
	if (*fd != -1)
		return 0;
	if (errno != EWOULDBLOCK)
		return cs_fail_errno(err, DIR_NAME ": %s", name);
	return cs_fail(err, CERTSTORE_EBUSY,
	    "%s: another cert-deploy has run for %u s: try again when it has "
	    "ended",
	    user, seconds);
}
