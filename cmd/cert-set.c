/*
 * cert-set: shows and changes the properties of entries: what their
 * certificates do not contain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static const struct cmd_opt opts[] = { { '0', NULL,
					   "end each record with a NUL byte" },
	{ 'f', NULL, "override a refusal: give a group the key of a CA" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'n', NULL, "print what would be changed, change nothing" },
	{ 'o', "prop,...", "print these properties only" },
	{ 'q', NULL, "print errors only" },
	{ 'u', NULL, "set a value only if there is none" },
	{ 'v', NULL, "print properties that cert-set does not know, too" },
	{ 'x', NULL, "exit 1 if nothing was changed" }, { 0, NULL, NULL } };

static const struct cmd_help help = {
	.name = "cert-set",
	.operands = "name ... [prop[+-]=value ...]",
	.opts = opts,
};

struct show {
	const char *only; /* -o, or NULL */
	int all;	  /* -v */
	int json;
	int nul;
	int named; /* several entries: each line has the name */
};

static void
changeentries(struct certstore *store, char **names, char **changes, int flags,
    const struct show *show, int mustchange)
{
	struct certstore_error err;
	struct certstore_set *set;
	const char *name;
	int n;

	if ((set = certstore_set_new(store, flags, &err)) == NULL)
		cmd_die("%s", err.msg);
	for (; *changes != NULL; changes++)
		cmd_assign(set, *changes);
	for (; *names != NULL; names++)
		if (certstore_set_add(set, *names, &err) == -1)
			cmd_die("%s", err.msg);
	if ((n = certstore_set_commit(set, &err)) == -1)
		cmd_die("%s", err.msg);
	while (!cmd_quiet && certstore_set_next(set, &name, &err) == 1)
		printf("%s%c", name, show->nul ? '\0' : '\n');
	if (n == 0 && mustchange)
		cmd_no();
	certstore_set_free(set);
}

/* Whether cert-set can set this property. */
static int
isknown(const char *prop)
{
	static const char *const known[] = { "tenant", "user", "group", "x5u",
		"endpoint", "renew", "life", "keepkey", "hold", "revoked",
		"crlurl", "aiaurl", "acme", "method", "acmeprofile", "chain",
		"ignore", "renewhost", "log", "note" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], prop) == 0)
			return 1;
	return strncmp(prop, "x-", 2) == 0;
}

static int
isin(const char *list, const char *prop)
{
	size_t len;

	for (; *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if (strlen(prop) == len && strncmp(prop, list, len) == 0)
			return 1;
	}
	return 0;
}

static int
isshown(const struct show *show, const char *prop)
{
	if (show->only != NULL)
		return isin(show->only, prop);
	if (strcmp(prop, "default") == 0)
		return 0;
	return isknown(prop) || show->all;
}

/*
 * Adds a value unchanged, so that it can be used in another call; one with
 * unprintable characters is escaped.
 */
static void
addpropvalue(struct cmd_text *t, const char *value)
{
	const char *p;
	size_t len = strlen(value), slashes = 0;

	for (p = value; *p != '\0'; p++)
		slashes += *p == '\\';
	if (certstore_escape(NULL, 0, value, len) == len + slashes)
		cmd_text_adds(t, value);
	else
		cmd_text_clean(t, value);
}

static void
addline(struct cmd_text *t, const struct show *show, const char *name,
    const char *prop, int more, const char *value)
{
	if (show->named) {
		cmd_text_clean(t, name);
		cmd_text_adds(t, "\t");
	}
	cmd_text_clean(t, prop);
	cmd_text_adds(t, more ? "+=" : "=");
	addpropvalue(t, value);
	cmd_text_add(t, show->nul ? "" : "\n", 1);
}

static int
issingle(const char *prop)
{
	static const char *const lists[] = { "tenant", "user", "endpoint",
		"method", "ignore" };
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(prop, lists[i]) == 0)
			return 0;
	return strcmp(prop, "default") == 0 ||
	    (isknown(prop) && strncmp(prop, "x-", 2) != 0);
}

/* Adds ,"tenant":["a.example" and for each further tenant ,"b.example" */
static void
addmember(struct cmd_text *t, const char *last, const char *prop,
    const char *value)
{
	if (strcmp(last, prop) != 0) {
		if (*last != '\0' && !issingle(last))
			cmd_text_adds(t, "]");
		cmd_text_adds(t, ",");
		cmd_json_string(t, prop);
		cmd_text_adds(t, issingle(prop) ? ":" : ":[");
	} else
		cmd_text_adds(t, ",");
	if (strcmp(prop, "default") == 0)
		cmd_text_adds(t, "true");
	else
		cmd_json_string(t, value);
}

static void
showone(struct certstore *store, const char *name, const struct show *show)
{
	struct certstore_error err;
	struct certstore_props *props;
	struct cmd_text t = { NULL, 0, 0 };
	const char *last = "", *prop, *value;

	if ((props = certstore_props_read(store, name, &err)) == NULL) {
		cmd_error("%s", err.msg);
		return;
	}
	if (show->json) {
		cmd_text_adds(&t, "{\"name\":");
		cmd_json_string(&t, name);
	}
	while (certstore_props_next(props, &prop, &value, &err) == 1) {
		if (!isshown(show, prop) ||
		    (issingle(prop) && strcmp(last, prop) == 0))
			continue;
		if (show->json)
			addmember(&t, last, prop, value);
		else
			addline(&t, show, name, prop, strcmp(last, prop) == 0,
			    value);
		last = prop;
	}
	if (show->json) {
		if (*last != '\0' && !issingle(last))
			cmd_text_adds(&t, "]");
		cmd_text_adds(&t, "}");
		cmd_text_add(&t, show->nul ? "" : "\n", 1);
	}
	if (!cmd_quiet && t.len > 0)
		fwrite(t.p, 1, t.len, stdout);
	cmd_text_free(&t);
	certstore_props_free(props);
}

static void
checkonly(const char *list)
{
	char clean[128], prop[64];
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		snprintf(prop, sizeof(prop), "%.*s", (int)len, list);
		if (!isknown(prop) && strcmp(prop, "default") != 0 &&
		    strcmp(prop, "origin") != 0) {
			cmd_error("\"%s\": no such property: use tenant, user, "
				  "group, x5u, endpoint, renew, life, keepkey, "
				  "hold, revoked, crlurl, aiaurl, acme, "
				  "method, acmeprofile, chain, ignore, log, "
				  "renewhost, note, default, origin or x-NAME",
			    cmd_clean(prop, clean, sizeof(clean)));
			cmd_usage();
		}
		if (list[len] == '\0')
			return;
	}
}

int
main(int argc, char *argv[])
{
	struct cmd_operands ops = { 0 };
	struct show show = { 0 };
	struct certstore *store;
	char **changes, **names;
	int ch, flags = 0, mustchange = 0;
	size_t i, n;

	cmd_start(&help, argv);
	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "0fjno:uvx")) != -1) {
		switch (ch) {
		case '0':
			show.nul = 1;
			break;
		case 'f':
			flags |= CERTSTORE_SET_FORCE;
			break;
		case 'j':
			show.json = 1;
			break;
		case 'n':
			flags |= CERTSTORE_SET_DRYRUN;
			break;
		case 'o':
			checkonly(optarg);
			show.only = optarg;
			break;
		case 'u':
			flags |= CERTSTORE_SET_IFNEEDED;
			break;
		case 'v':
			show.all = 1;
			break;
		case 'x':
			mustchange = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	changes = cmd_assignments(argv + optind);
	cmd_operands_start(&ops, argv + optind - 1);
	store = cmd_openwriter(*changes == NULL ?
		0 :
		CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	cmd_confine(*changes == NULL ? NULL : store, NULL, 0);
	names = cmd_operands_all(&ops, &n);
	if (*changes != NULL) {
		cmd_progress(store);
		changeentries(store, names, changes, flags, &show, mustchange);
	} else {
		show.named = n > 1;
		for (i = 0; i < n; i++)
			showone(store, names[i], &show);
	}
	cmd_operands_free(names);
	certstore_close(store);
	return cmd_end();
}
