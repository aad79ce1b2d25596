/*
 * informed.c: who was told of an entry, on all hosts that share the store: what the
 * ledgers of their directories have, by entry and user.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/private.h"

struct tolduser {
	char *name, *user;
};

struct certstore_told {
	struct tolduser *v; /* sorted; one for each host */
	size_t n, size, next;
};

struct toldhost {
	struct certstore_told *told;
	int all; /* the directory of all hosts */
	struct certstore_error *err;
};

static int
addinformed(struct certstore_told *told, const char *name, const char *user)
{
	struct tolduser *v;

	v = cs_array_extend(told->v, told->n, &told->size, sizeof(*v));
	if (v == NULL)
		return -1;
	told->v = v;
	v += told->n++;
	v->name = strdup(name);
	v->user = strdup(user);
	return v->name == NULL || v->user == NULL ? -1 : 0;
}

/* What one user of a host was told of. */
static int
taketolduser(struct toldhost *in, int dir, const char *user)
{
	struct cs_ledger ledger;
	size_t i;
	int rv = 0;

	if (cs_ledger_read(dir, user, &ledger, in->err) == -1)
		return -1;
	for (i = 0; i < ledger.n && rv == 0; i++)
		if ((rv = addinformed(in->told, ledger.v[i].name, user)) == -1)
			cs_fail_nomem(in->err);
	cs_ledger_free(&ledger);
	return rv;
}

static int
taketoldhost(void *arg, const char *host)
{
	struct cs_strings users = { 0 };
	struct toldhost *in = arg;
	int dir, rv = 0;
	size_t i;

	if ((dir = cs_file_opendir(in->all, host)) == -1)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ?
		    0 :
		    -1;
	if (cs_ledger_users(dir, &users) == -1)
		rv = -1;
	for (i = 0; i < users.n && rv == 0; i++)
		rv = taketolduser(in, dir, users.v[i]);
	cs_strings_free(&users);
	close(dir);
	return rv;
}

static int
comparetold(const void *a, const void *b)
{
	const struct tolduser *x = a, *y = b;
	int rv = strcmp(x->name, y->name);

	return rv != 0 ? rv : strcmp(x->user, y->user);
}

struct certstore_told *
certstore_told_new(struct certstore *store, struct certstore_error *err)
{
	struct toldhost in = { .err = err };
	struct certstore_told *told;
	int rv = 0;

	cs_error_clear(err);
	if ((told = calloc(1, sizeof(*told))) == NULL) {
		cs_fail_nomem(err);
		return NULL;
	}
	in.told = told;
	if ((in.all = cs_store_opendir(store, "deployed", 0)) != -1) {
		rv = cs_file_each(in.all, ".", taketoldhost, &in);
		close(in.all);
	} else if (errno != ENOENT)
		rv = -1;
	if (rv == -1) {
		if (err->code == CERTSTORE_OK)
			cs_fail_errno(err, "%s/deployed",
			    certstore_path(store));
		certstore_told_free(told);
		return NULL;
	}
	if (told->n > 0)
		qsort(told->v, told->n, sizeof(*told->v), comparetold);
	return told;
}

int
certstore_told_next(struct certstore_told *told, const char **name,
    const char **user, size_t *hosts)
{
	const struct tolduser *v;

	*name = *user = NULL;
	*hosts = 0;
	if (told->next == told->n) {
		told->next = 0;
		return 0;
	}
	v = &told->v[told->next];
	*name = v->name;
	*user = v->user;
	for (;
	     told->next < told->n && comparetold(v, &told->v[told->next]) == 0;
	     told->next++)
		++*hosts;
	return 1;
}

void
certstore_told_free(struct certstore_told *told)
{
	if (told == NULL)
		return;
	while (told->n-- > 0) {
		free(told->v[told->n].name);
		free(told->v[told->n].user);
	}
	free(told->v);
	free(told);
}
