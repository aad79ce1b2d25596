/*
 * scratch.h: a store in a temporary directory, with entries that are not real
 * certificates, for the tests of lib/store.  Include it in one file of a
 * program, after tap.h.
 */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/private.h"

static char root[64];
static struct certstore_error err;

__attribute__((format(printf, 1, 2))) static inline const char *
path(const char *fmt, ...)
{
	static char buf[4][512];
	static unsigned int turn;
	char *p = buf[turn++ % 4];
	size_t n;
	va_list ap;

	n = (size_t)snprintf(p, 512, "%s/", root);
	va_start(ap, fmt);
	vsnprintf(p + n, 512 - n, fmt, ap);
	va_end(ap);
	return p;
}

static inline struct certstore *
opened(int flags)
{
	struct certstore *store;

	store = certstore_open(path("store"), flags, &err);
	if (store == NULL)
		bail("open: %s", err.msg);
	return store;
}

/* The identity of an entry for a writer that has seen this generation. */
static inline struct cs_identity
identity(struct certstore *store, const char *name, unsigned long gen)
{
	struct certstore_entry entry = { 0 };
	struct cs_identity id = { 0 };

	if (gen != 0) {
		(void)cs_entry_load(store, name, &entry, &err);
		cs_entry_identify(&entry, &id);
		cs_entry_done(&entry);
		id.gen = gen;
	}
	return id;
}

/* Sets a property of an entry as another writer, with its own handle. */
static inline void
setprop(const char *name, const char *prop, const char *value)
{
	struct certstore *other = opened(CERTSTORE_OPEN_WRITE);
	struct certstore_set *set = certstore_set_new(other, 0, &err);

	if (set == NULL || certstore_set_add(set, name, &err) == -1 ||
	    certstore_set_change(set, prop, CERTSTORE_SET_REPLACE, value,
		&err) == -1 ||
	    certstore_set_commit(set, &err) != 1)
		bail("%s: %s=%s: %s", name, prop, value, err.msg);
	certstore_set_free(set);
	certstore_close(other);
}

/*
 * Prepares an entry whose certificate is `cert`, with these lines of info.  If
 * they do not begin with the kind, it is a server that is valid now.
 */
static inline void
prepare(struct cs_put *p, struct certstore *store, const char *name,
    unsigned long seen, const char *cert, const char *lines)
{
	memset(p, 0, sizeof(*p));
	p->name = name;
	p->seen = identity(store, name, seen);
	cs_buf_adds(&p->file[CS_FULLCHAIN], cert);
	cs_buf_adds(&p->file[CS_PRIVKEY], "key");
	cs_buf_adds(&p->file[CS_COMBINED], "key and certificate");
	if (strncmp(lines, "kind ", 5) != 0)
		cs_buf_adds(&p->file[CS_INFO],
		    "kind server\nserves\n"
		    "starts 1 x\nends 9999999999 x\n");
	cs_buf_printf(&p->file[CS_INFO], "fingerprint %s\nspki 5p%s\n%s", cert,
	    cert, lines);
}

/* Writes it. */
static inline int
put(struct certstore *store, const char *name, unsigned long seen,
    const char *cert, const char *lines)
{
	struct cs_put p;
	int rv;

	prepare(&p, store, name, seen, cert, lines);
	rv = cs_write_entries(store, &p, 1, &err);
	cs_put_free(&p);
	return rv;
}

/* Runs a command line in the temporary directory. */
static inline void
sh(const char *cmd)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd '%s' && { %s; }", root, cmd);
	if (system(line) != 0)
		bail("%s", cmd);
}

static inline void
makescratch(void)
{
	/* a file system in memory needs no time to sync */
	snprintf(root, sizeof(root), "%s/certstore-test.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(root) == NULL)
		bail("mkdtemp");
}

static inline void
removescratch(void)
{
	sh("rm -rf ../${PWD##*/}");
}

#endif
