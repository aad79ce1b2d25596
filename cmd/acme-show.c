/*
 * acme-show.c: what is known of accounts, for cert-account list and show, and
 * what the CA says of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acme.h"
#include "cmd.h"

void
acme_show_skew(const struct acme *acme)
{
	int64_t skew = acme_skew(acme);

	if (skew > 600 || skew < -600)
		cmd_say("the clock of this host is %lld seconds %s that of the "
			"CA",
		    (long long)(skew < 0 ? -skew : skew),
		    skew < 0 ? "behind" : "ahead of");
}

/* A password in the URL of a proxy is not shown. */
static char *
withoutpassword(const char *url)
{
	const char *p = strstr(url, "://"), *at = strrchr(url, '@'), *colon;
	char *copy;

	p = p == NULL ? url : p + 3;
	colon = strchr(p, ':');
	if (at == NULL || colon == NULL || colon > at)
		copy = strdup(url);
	else if (asprintf(&copy, "%.*s***%s", (int)(colon + 1 - url), url,
		     at) == -1)
		copy = NULL;
	if (copy == NULL)
		cmd_die("no memory left");
	return copy;
}

static const char *
statusof(const struct certstore_account *account)
{
	const char *status = certstore_account_value(account, "status", 0);

	if (certstore_account_value(account, "url", 0) == NULL)
		return "incomplete";
	return status == NULL ? "valid" : status;
}

/* One property; what the account itself has not comes from value. */
static void
addprop(struct cmd_text *t, int json, const struct certstore_account *account,
    const char *prop, const char *value, int named)
{
	const char *name = certstore_account_name(account);
	char *shown;
	size_t i = 0;
	int many = strcmp(prop, "contact") == 0;

	if (value == NULL)
		value = certstore_account_value(account, prop, i++);
	if (json && (value != NULL || many)) {
		cmd_text_adds(t, ",");
		cmd_json_string(t, prop);
		cmd_text_adds(t, many ? ":[" : ":");
	}
	for (; value != NULL; value = i == 0 ?
		 NULL :
		 certstore_account_value(account, prop, i++)) {
		shown = strcmp(prop, "proxy") == 0 ? withoutpassword(value) :
						     NULL;
		if (json) {
			cmd_text_adds(t, i > 1 ? "," : "");
			cmd_json_string(t, shown == NULL ? value : shown);
		} else {
			cmd_text_adds(t, named ? name : "");
			cmd_text_adds(t, named ? "\t" : "");
			cmd_text_adds(t, prop);
			cmd_text_adds(t, i > 1 ? "+=" : "=");
			cmd_text_clean(t, shown == NULL ? value : shown);
			cmd_text_adds(t, "\n");
		}
		free(shown);
	}
	if (json && many)
		cmd_text_adds(t, "]");
}

/* Whether the CA has the contacts of the account, in any order. */
static int
samecontacts(const struct certstore_account *account, const json_t *json)
{
	const json_t *list = acme_json_array(json, "contact");
	const char *contact;
	size_t i, j, n = json_array_size(list);

	for (i = 0;
	     (contact = certstore_account_value(account, "contact", i)) != NULL;
	     i++) {
		for (j = 0; j < n; j++)
			if (strcmp(contact, acme_json_item(list, j)) == 0)
				break;
		if (j == n)
			return 0;
	}
	return i == n;
}

/* Reports what the CA has about the account, and about itself. */
static void
askca(const struct acme_show *show, const char *name)
{
	struct acme_error err;
	struct certstore_account *account;
	const char *agreed, *terms;
	struct acme *acme;
	json_t *json;

	if (acme_account_open(show->store, name, CERTSTORE_ACCOUNT_SHARED,
		&account, &acme, &err) == -1) {
		cmd_error("%s", err.msg);
		return;
	}
	acme_show_skew(acme);
	if ((json = acme_account_fetch(acme, &err)) == NULL)
		cmd_error("%s", err.msg);
	/* some CAs keep no contacts, and send none */
	else if (acme_json_array(json, "contact") != NULL &&
	    !samecontacts(account, json))
		cmd_say("%s: the CA has other contacts: set them again with "
			"cert-account set",
		    name);
	terms = acme_terms(acme);
	agreed = certstore_account_value(account, "terms", 0);
	if (json != NULL && terms != NULL && agreed != NULL &&
	    strcmp(terms, agreed) != 0)
		cmd_say("%s: the terms of service have changed: %s: read them, "
			"and agree with cert-account -y new %s",
		    name, terms, name);
	json_decref(json);
	acme_close(acme);
	certstore_account_free(account);
}

void
acme_show_account(const struct acme_show *show, const char *operand, int named)
{
	static const char *const props[] = { "directory", "url", "contact",
		"proxy", "ca", "eab", "terms", "created", "retry" };
	struct certstore_account *account;
	struct certstore_error err;
	struct cmd_text t = { NULL, 0, 0 };
	char *thumbprint;
	size_t i;

	if ((account = certstore_account_open(show->store, operand, 0, &err)) ==
	    NULL) {
		cmd_error("%s", err.msg);
		return;
	}
	if (show->ask) {
		askca(show, certstore_account_name(account));
		certstore_account_free(account);
		if ((account = certstore_account_open(show->store, operand, 0,
			 &err)) == NULL)
			cmd_die("%s", err.msg);
	}
	if (show->json) {
		cmd_text_adds(&t, "{\"name\":");
		cmd_json_string(&t, certstore_account_name(account));
	}
	addprop(&t, show->json, account, "status", statusof(account), named);
	for (i = 0; i < sizeof(props) / sizeof(props[0]); i++)
		addprop(&t, show->json, account, props[i], NULL, named);
	if ((thumbprint = certstore_account_thumbprint(account, &err)) == NULL)
		cmd_error("%s", err.msg);
	else
		addprop(&t, show->json, account, "thumbprint", thumbprint,
		    named);
	if (show->json)
		cmd_text_adds(&t, "}\n");
	if (!cmd_quiet && fwrite(t.p, 1, t.len, stdout) != t.len)
		cmd_lost();
	cmd_text_free(&t);
	free(thumbprint);
	certstore_account_free(account);
}

static void
listaccount(const struct acme_show *show, const char *name)
{
	struct certstore_account *account;
	struct certstore_error err;
	const char *directory;

	if (show->json) {
		acme_show_account(show, name, 0);
		return;
	}
	if ((account = certstore_account_open(show->store, name, 0, &err)) ==
	    NULL) {
		cmd_error("%s", err.msg);
		return;
	}
	directory = certstore_account_value(account, "directory", 0);
	if (!cmd_quiet)
		printf("%s\t%s\t%s\n", certstore_account_name(account),
		    statusof(account), directory == NULL ? "" : directory);
	certstore_account_free(account);
}

void
acme_show_list(const struct acme_show *show, char **argv)
{
	struct certstore_accounts *accounts;
	struct certstore_error err;
	const char *name;
	int rv;

	if (*argv != NULL) {
		for (; *argv != NULL; argv++)
			listaccount(show, *argv);
		return;
	}
	if ((accounts = certstore_accounts_new(show->store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_accounts_next(accounts, &name, &err)) == 1)
		listaccount(show, name);
	if (rv == -1)
		cmd_error("%s", err.msg);
	certstore_accounts_free(accounts);
}
