/*
 * workcheck.c: work that is not done: renewals, ACME orders, deliveries; and
 * who can read the accounts.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/private.h"

#define RENEWAL_GRACE CS_DAY /* cert-renew runs each hour */
#define ORDER_GRACE CS_DAY
#define DELIVERY_GRACE 3600 /* seconds; cert-deploy runs each hour */

struct work {
	struct certstore_audit *audit;
	struct certstore_error *err;
	const char *dir;
	int fd;
	struct cs_strings names;
};

static int
lookrenewal(struct certstore_audit *audit, const struct certstore_renewal *r,
    struct certstore_error *err)
{
	enum certstore_severity severity;
	char text[CERTSTORE_TIME_LEN];

	severity = r->late && r->ends != 0 ? CERTSTORE_CRITICAL :
					     CERTSTORE_WARNING;
	if (r->state == CERTSTORE_DUE_HELD && r->next == 0)
		return cs_finding_add(audit, CS_CODE_ORDER_HELD, r->name, err,
		    "%s: cert-acme%s -f %s takes it", r->why,
		    cs_store_option(audit->store), r->name);
	if (r->state != CERTSTORE_DUE_NOW && r->state != CERTSTORE_DUE_WAITING)
		return 0;
	if (r->failed > 0)
		return cs_finding_addas(audit, severity, CS_CODE_RENEWAL_FAILED,
		    r->name, err, "failed %u times since %s: %s", r->failed,
		    certstore_time_format(r->since, text),
		    r->text == NULL ? "" : r->text);
	if (r->ends == 0 || r->due + RENEWAL_GRACE > audit->when)
		return 0;
	return cs_finding_addas(audit, severity, CS_CODE_RENEWAL_LATE, r->name,
	    err, "was due at %s: cert-renew%s, or renew=no",
	    certstore_time_format(r->due, text), cs_store_option(audit->store));
}

int
cs_workcheck_renewals(struct certstore_audit *audit,
    struct certstore_error *err)
{
	const struct certstore_renewal *r;
	struct certstore_due *due;
	int rv;

	if ((due = certstore_due_new(audit->store, audit->when, err)) == NULL)
		return -1;
	while ((rv = certstore_due_next(due, &r, err)) != 0) {
		/* a damaged entry has its own finding */
		if (rv == -1 && err->code == CERTSTORE_EDAMAGED)
			cs_error_clear(err);
		else if (rv == -1 || lookrenewal(audit, r, err) == -1)
			break;
	}
	certstore_due_free(due);
	return rv == 1 ? -1 : rv;
}

static int
takework(void *arg, const char *file)
{
	struct work *in = arg;

	return cs_name_isvalid(file) ? cs_strings_add(&in->names, file) : 0;
}

/* The names in a directory of the store: 1, 0 it is not there or may not be
 * read, -1. */
static int
opennames(struct work *in, const char *dir)
{
	in->dir = dir;
	cs_file_close(&in->fd);
	cs_strings_free(&in->names);
	in->fd = openat(in->audit->root, dir,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in->fd != -1 && cs_file_each(in->fd, ".", takework, in) == 0) {
		cs_strings_sort(&in->names);
		return 1;
	}
	if (errno == EACCES)
		in->audit->unread = 1;
	if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
		return 0;
	return cs_fail_errno(in->err, "%s/%s", certstore_path(in->audit->store),
	    dir);
}

static void
closenames(struct work *in)
{
	cs_file_close(&in->fd);
	cs_strings_free(&in->names);
}

/* A record about an entry that is not there. */
static int
addorphan(struct work *in, const char *name)
{
	return cs_finding_add(in->audit, CS_CODE_STATE_ORPHAN, name, in->err,
	    "%s/%s is about an entry that does not exist: cert-check%s -r",
	    in->dir, name, cs_store_option(in->audit->store));
}

static int
hasentry(const struct certstore_audit *audit, const char *name)
{
	return faccessat(audit->certs, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT || cs_entrycheck_ispending(audit, name);
}

static int
lookorder(struct work *in, const char *name)
{
	struct certstore_audit *audit = in->audit;
	const char *option = cs_store_option(audit->store), *setup;
	char since[CERTSTORE_TIME_LEN];
	struct cs_buf text = { 0 };
	struct certstore_error why;
	size_t len = 0;
	int64_t begun;
	int ours, rv;

	if ((rv = cs_orderstate_read(audit->store, name, &text, &why)) != 1 ||
	    cs_entry_glance(audit->store, name, &audit->entry, &why) == -1) {
		cs_buf_free(&text);
		return 0;
	}
	rv = 0;
	ours = cs_orderstate_isours(&text, &audit->entry.info);
	begun = cs_orderstate_time(&text, "since");
	if (ours && cs_orderstate_find(&text, "held", &len) == NULL &&
	    begun != 0 && begun + ORDER_GRACE < audit->when)
		rv = cs_finding_add(audit, CS_CODE_ORDER_STUCK, name, in->err,
		    "the order is not done since %s: cert-acme%s %s",
		    certstore_time_format(begun, since), option, name);
	setup = cs_orderstate_find(&text, "setup", &len);
	if (rv == 0 && setup != NULL && !ours)
		rv = cs_finding_add(audit, CS_CODE_ORDER_LEFTOVER, name,
		    in->err, "was not undone: %.*s: cert-acme%s %s", (int)len,
		    setup, option, name);
	cs_buf_free(&text);
	return rv;
}

/* The files of an account, which is open. */
static int
lookaccountfile(struct work *in, int dir, const char *account, const char *file)
{
	char label[CS_NAME_MAX + 48];
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	snprintf(label, sizeof(label), "acme/accounts/%s/%s", account, file);
	if ((st.st_mode & 077) != 0)
		return cs_finding_add(in->audit, CS_CODE_ACCOUNT_READABLE,
		    "@store", in->err, "%s has mode %04o: cert-check%s -r",
		    label, (unsigned int)(st.st_mode & 07777),
		    cs_store_option(in->audit->store));
	return cs_filecheck_public(in->audit, "@store", label, &st, in->err);
}

static int
lookaccount(struct work *in, const char *account)
{
	static const char *const files[] = { ".", "key.pem", "key.new",
		"account", "lock" };
	size_t i;
	int dir, rv = 0;

	if ((dir = cs_file_opendir(in->fd, account)) == -1)
		return 0;
	for (i = 0; i < 5 && rv == 0; i++)
		rv = lookaccountfile(in, dir, account, files[i]);
	close(dir);
	return rv;
}

int
cs_workcheck_orders(struct certstore_audit *audit, struct certstore_error *err)
{
	struct work in = { .audit = audit, .err = err, .fd = -1 };
	size_t i;
	int rv;

	if ((rv = opennames(&in, "renewal")) != -1)
		rv = 0;
	for (i = 0; rv == 0 && i < in.names.n; i++)
		if (!hasentry(audit, in.names.v[i]))
			rv = addorphan(&in, in.names.v[i]);
	if (rv == 0 && (rv = opennames(&in, "acme/orders")) != -1)
		rv = 0;
	for (i = 0; rv == 0 && i < in.names.n; i++)
		rv = hasentry(audit, in.names.v[i]) ?
		    lookorder(&in, in.names.v[i]) :
		    addorphan(&in, in.names.v[i]);
	if (rv == 0 && (rv = opennames(&in, "acme/accounts")) != -1)
		rv = 0;
	for (i = 0; rv == 0 && i < in.names.n; i++)
		rv = lookaccount(&in, in.names.v[i]);
	closenames(&in);
	return rv;
}

/* How long ago an entry or a trust set was changed, in seconds. */
static int64_t
changedsince(const struct certstore_audit *audit, const char *name)
{
	char path[CS_NAME_MAX + 32];
	struct stat st;

	if (strcmp(name, "@trust") == 0)
		snprintf(path, sizeof(path), "trust");
	else if (name[0] == '@')
		snprintf(path, sizeof(path), "trusts/%.200s",
		    strchr(name, '/') == NULL ? "" : strchr(name, '/') + 1);
	else
		snprintf(path, sizeof(path), "certs/%.200s", name);
	if (fstatat(audit->root, path, &st, 0) == -1)
		return INT64_MAX;
	return audit->when - st.st_mtim.tv_sec;
}

static int
lookdelivery(struct certstore_audit *audit, struct certstore_deploy *deploy,
    const char *user, struct certstore_error *err)
{
	const char *name, *text, *verb, *why;
	char from[CERTSTORE_TIME_LEN];
	int64_t next, since;
	unsigned int times;
	size_t i;
	int failed, rv = 0;

	failed = certstore_deploy_failure(deploy, &text, &times, &since, &next);
	for (i = 0;
	     rv == 0 && certstore_deploy_change(deploy, i, &name, &verb, &why);
	     i++) {
		if (failed)
			rv = cs_finding_add(audit, CS_CODE_DELIVERY_PENDING,
			    name, err,
			    "user %s was not told, failed %u times since %s: "
			    "%s",
			    user, times, certstore_time_format(since, from),
			    text);
		else
			rv = cs_finding_addas(audit,
			    changedsince(audit, name) > DELIVERY_GRACE ?
				CERTSTORE_WARNING :
				CERTSTORE_NOTE,
			    CS_CODE_DELIVERY_PENDING, name, err,
			    "user %s was not told: %s: cert-deploy%s", user,
			    why, cs_store_option(audit->store));
	}
	return rv;
}

static int
isanyuser(void *arg, const char *section, const char *user)
{
	(void)arg;
	(void)section;
	(void)user;
	return 1;
}

int
cs_workcheck_deliveries(struct certstore_audit *audit,
    struct certstore_error *err)
{
	struct certstore_deploy *deploy;
	const char *user;
	int rv;

	/* reading all entries again is for stores with users */
	if (!audit->users &&
	    faccessat(audit->root, "deployed", F_OK, AT_SYMLINK_NOFOLLOW) ==
		-1 &&
	    (rv = cs_settings_trustusers(audit->store, isanyuser, NULL, err)) !=
		1)
		return rv;
	deploy = certstore_deploy_new(audit->store, CERTSTORE_DEPLOY_DRYRUN,
	    err);
	if (deploy == NULL)
		return -1;
	while ((rv = certstore_deploy_next(deploy, &user, err)) != 0) {
		if (rv == -1 && err->code == CERTSTORE_EDAMAGED)
			cs_error_clear(err);
		else if (rv == -1 ||
		    lookdelivery(audit, deploy, user, err) == -1)
			break;
	}
	certstore_deploy_free(deploy);
	return rv == 1 ? -1 : rv;
}
