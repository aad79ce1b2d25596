/*
 * user.c: who uses an entry, a property: how cert-deploy(1) tells this user of
 * a change, and whether this host has what is needed for that.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

#define SERVICE ".service"
#define RESTART "restart:"
#define WORD_MAX 200 /* it becomes a file name */

/* A word that can be a file name: with "\x2d" for "-" as systemd writes it. */
static int
isuserword(const char *p)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-@";

	if (*p == '\0' || *p == '.' || *p == '-' || strlen(p) > WORD_MAX)
		return 0;
	for (; *p != '\0'; p++) {
		if (*p == '\\' && p[1] == 'x' && p[2] != '\0' &&
		    strchr(hex, p[2]) != NULL && p[3] != '\0' &&
		    strchr(hex, p[3]) != NULL)
			p += 3;
		else if (strchr(chars, *p) == NULL)
			return 0;
	}
	return 1;
}

static int
isservice(const char *word)
{
	size_t len = strlen(word), n = strlen(SERVICE);

	return len > n && strcmp(word + len - n, SERVICE) == 0;
}

enum certstore_user_type
certstore_user_type(const char *user, const char **unit)
{
	const char *word = user;

	*unit = NULL;
	if (strchr(user, '/') != NULL)
		return CERTSTORE_USER_NOTE;
	if (strncmp(user, RESTART, strlen(RESTART)) == 0)
		word += strlen(RESTART);
	if (!isuserword(word) || (word != user && !isservice(word)))
		return CERTSTORE_USER_BAD;
	if (!isservice(word))
		return CERTSTORE_USER_HOOK;
	*unit = word;
	return word == user ? CERTSTORE_USER_RELOAD : CERTSTORE_USER_RESTART;
}

/* The paths where the hook of a user may be: the first one that is there. */
char *
certstore_user_hook(const struct certstore *store, const char *user, size_t i)
{
	char *path;

	if (i > 1 ||
	    asprintf(&path, "%s/hooks/%s", i == 0 ? store->path : CS_USER_ETC,
		user) == -1)
		return NULL;
	return path;
}

/* Where systemd reads units: systemd.unit(5). */
static const char *const unitdirs[] = { "/etc/systemd/system",
	"/run/systemd/system", "/run/systemd/generator",
	"/run/systemd/generator.early", "/run/systemd/generator.late",
	"/run/systemd/transient", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system" };

/* Is there a file of the unit, or of its template for a name with "@"? */
static int
hasunit(const char *unit)
{
	const char *at = strchr(unit, '@');
	char path[WORD_MAX + 64];
	size_t i;

	for (i = 0; i < sizeof(unitdirs) / sizeof(unitdirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", unitdirs[i], unit);
		if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return 1;
		if (at == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%.*s@" SERVICE, unitdirs[i],
		    (int)(at - unit), unit);
		if (access(path, F_OK) == 0)
			return 1;
	}
	return 0;
}

static int
hashook(const struct certstore *store, const char *user)
{
	char *path;
	size_t i;
	int rv = 0;

	for (i = 0;
	     rv == 0 && (path = certstore_user_hook(store, user, i)) != NULL;
	     i++) {
		rv = access(path, F_OK) == 0;
		free(path);
	}
	return rv;
}

void
cs_user_warn(const struct certstore *store, const char *user)
{
	char q[CS_QUOTE_LEN], service[WORD_MAX + sizeof(SERVICE)];
	const char *unit;

	cs_escape_quote(q, user);
	switch (certstore_user_type(user, &unit)) {
	case CERTSTORE_USER_NOTE:
		return;
	case CERTSTORE_USER_BAD:
		cs_warn(store,
		    "user %s: is not the name of a hook or unit: cert-deploy "
		    "cannot reach it: use a name, or a path for a note",
		    q);
		return;
	case CERTSTORE_USER_HOOK:
	case CERTSTORE_USER_RELOAD:
	case CERTSTORE_USER_RESTART:
		break;
	}
	if (hashook(store, user) || (unit != NULL && hasunit(unit)))
		return;
	snprintf(service, sizeof(service), "%s" SERVICE, user);
	if (unit == NULL && hasunit(service))
		cs_warn(store,
		    "user %s: there is no hook of that name on this host: use "
		    "%s for the unit",
		    q, service);
	else
		cs_warn(store,
		    "user %s: there is no hook and no unit of that name on "
		    "this host: add %s/hooks/%s",
		    q, store->path, user);
}
