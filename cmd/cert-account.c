/*
 * cert-account: lists, makes, shows, changes and closes accounts of ACME
 * servers.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme.h"
#include "cmd.h"

static const struct cmd_opt opts[] = { { 'f', NULL,
					   "deactivate an account that entries "
					   "use" },
	{ 'j', NULL, "print JSON, one object per line" },
	{ 'n', NULL, "print what would be changed, change nothing" },
	{ 'q', NULL, "print errors only" },
	{ 'T', "ca", "who signs the server's certificate: file or trust set" },
	{ 'u', NULL, "new: leave alone an account that is good" },
	{ 'v', NULL, "show: ask the CA, too" },
	{ 'x', NULL, "exit 1 if nothing was changed" },
	{ 'y', NULL, "agree to the terms of service of the CA" },
	{ 0, NULL, NULL } };

static const struct cmd_help help = {
	.name = "cert-account",
	.operands = "list [account ...]|new account [prop=value ...]|"
		    "show account ...|set account prop=value ...|"
		    "roll account [key=file]|deactivate account ...",
	.opts = opts,
	.verbs = "  account is a name or the URL of a directory; the "
		 "properties are contact,\n"
		 "  directory, proxy and ca; new takes eab=KID:FILE and "
		 "key=FILE, too\n",
};

struct options {
	int force, json, dryrun, ifneeded, ask, mustchange, agreed;
	char *ca; /* -T, absolute */
};
static struct options opt;
static struct certstore *store;
static int changed; /* some account */

/* What assignments have that is not a value of the account. */
struct given {
	char *kid;
	struct cmd_secret hmackey;
	struct cmd_input key;
	int haskey;
};

static struct certstore_error cerr;
static struct acme_error err;

static void
printchanged(const char *name)
{
	changed = 1;
	if (!cmd_quiet)
		printf("%s\n", name);
}

/* A file is kept with its whole path; a name without slash and dot is a set. */
static char *
keptpath(const char *ca)
{
	char dir[PATH_MAX], *path;

	if (*ca == '\0' || *ca == '/' || strpbrk(ca, "/.") == NULL)
		path = strdup(ca);
	else if (getcwd(dir, sizeof(dir)) == NULL)
		cmd_die("the current directory: not readable: use an absolute "
			"path");
	else if (asprintf(&path, "%s/%s", dir, ca) == -1)
		path = NULL;
	if (path == NULL)
		cmd_die("no memory left");
	return path;
}

/* Reads KID:FILE. */
static void
readeab(struct given *given, char *text)
{
	char *file = strchr(text, ':');

	if (file == NULL || file == text || file[1] == '\0')
		cmd_die("eab: use eab=KID:FILE, with the HMAC key in FILE");
	*file++ = '\0';
	given->kid = text;
	cmd_secret_read(&given->hmackey, file, "eab=");
}

static void
readgivenkey(struct given *given, const char *file)
{
	char clean[256];

	if (cmd_input(file, "key=", &given->key) == -1)
		exit(cmd_end());
	if (given->key.mode != 0)
		cmd_say("key=%s: others can access it (mode %04o)",
		    cmd_clean(file, clean, sizeof(clean)), given->key.mode);
	given->haskey = 1;
}

static void
setgivenvalue(struct certstore_account *account, const char *prop,
    enum certstore_set_how how, const char *value)
{
	char *path = strcmp(prop, "ca") == 0 ? keptpath(value) : NULL;

	if (certstore_account_set(account, prop, how,
		path == NULL ? value : path, &cerr) == -1)
		cmd_die("%s", cerr.msg);
	free(path);
}

/*
 * Applies prop=value, prop+=value or prop-=value to the account, or keeps what
 * is no value of it.
 */
static void
assign(struct certstore_account *account, struct given *given, char *operand)
{
	static const char *const known[] = { "contact", "directory", "proxy",
		"ca" };
	enum certstore_set_how how;
	char clean[128], *value = strchr(operand, '=') + 1;
	size_t i;

	(void)cmd_assignment(operand, &how);
	if (given != NULL && how == CERTSTORE_SET_REPLACE &&
	    strcmp(operand, "eab") == 0) {
		readeab(given, value);
		return;
	}
	if (given != NULL && how == CERTSTORE_SET_REPLACE &&
	    strcmp(operand, "key") == 0) {
		readgivenkey(given, value);
		return;
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(operand, known[i]) == 0)
			break;
	if (i == sizeof(known) / sizeof(known[0]))
		cmd_die("%s: not a property that can be set%s: use contact, "
			"directory, proxy or ca",
		    cmd_clean(operand, clean, sizeof(clean)),
		    strcmp(operand, "key") == 0 ?
			" (cert-account roll has it)" :
			" here");
	setgivenvalue(account, operand, how, value);
}

static void
checkassignments(char **argv)
{
	char clean[128];

	for (; *argv != NULL; argv++)
		if (strchr(*argv, '=') == NULL)
			cmd_die("%s: one account at a time, then prop=value",
			    cmd_clean(*argv, clean, sizeof(clean)));
}

/* The directory of the operands, before the account is made; NULL: none. */
static const char *
givendirectory(char **argv)
{
	const char *directory = NULL;

	for (; *argv != NULL; argv++)
		if (strncmp(*argv, "directory=", 10) == 0)
			directory = *argv + 10;
	return directory;
}

static void
saveaccount(struct certstore_account *account)
{
	if (certstore_account_save(account, &cerr) == -1)
		cmd_die("%s", cerr.msg);
}

/*
 * An account that was closed gets another key, which the CA does not know.
 * What was interrupted goes on with the key that is there.
 */
static void
replacekey(struct certstore_account *account, const struct given *given)
{
	static const char *const gone[] = { "url", "status", "terms", "eab" };
	const char *label = given->haskey ? given->key.label : NULL;
	const char *data = given->haskey ? given->key.data : NULL;
	size_t i;

	if (!certstore_account_has_newkey(account) &&
	    certstore_account_newkey(account, label, data, given->key.len,
		&cerr) == -1)
		cmd_die("%s", cerr.msg);
	for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		setgivenvalue(account, gone[i], CERTSTORE_SET_REPLACE, "");
	saveaccount(account);
	if (certstore_account_takenew(account, &cerr) == -1)
		cmd_die("%s", cerr.msg);
	cmd_say("%s: the old account is closed: this one has a new key",
	    certstore_account_name(account));
}

static int
isclosed(const struct certstore_account *account)
{
	const char *status = certstore_account_value(account, "status", 0);

	return status != NULL && strcmp(status, "valid") != 0;
}

/*
 * Whether the CA has an account of the key that is here, or was brought along.
 * Returns 1 or 0; after an account that is closed its key is another one.
 */
static int
findaccount(struct acme *acme, struct certstore_account *account,
    const struct given *given)
{
	int found = -1;

	if (!isclosed(account))
		found = acme_account_find(acme, 0, &err);
	else
		err.why = ACME_CLOSED;
	if (found != -1)
		return found;
	if (err.why != ACME_CLOSED)
		cmd_die("%s", err.msg);
	replacekey(account, given);
	return 0;
}

static void
registeraccount(struct acme *acme, const struct given *given)
{
	if (acme_account_make(acme, opt.agreed, given->kid, given->hmackey.text,
		&err) == -1)
		cmd_die("%s", err.msg);
}

/* A key that was brought along: the CA may have an account of it. */
static int
takeaccount(struct acme *acme, struct certstore_account *account,
    const struct given *given)
{
	if (acme_account_keepproxy(acme, &err) == -1)
		cmd_die("%s", err.msg);
	saveaccount(account);
	if (!findaccount(acme, account, given))
		return 0;
	if (certstore_account_value(account, "contact", 0) != NULL &&
	    acme_account_contacts(acme, &err) == -1)
		cmd_die("%s", err.msg);
	return 1;
}

/* Makes an account that is not in the store. */
static void
makeaccount(struct acme *acme, struct certstore_account *account,
    const struct given *given)
{
	if (given->haskey &&
	    certstore_account_set_key(account, given->key.label,
		given->key.data, given->key.len, &cerr) == -1)
		cmd_die("%s", cerr.msg);
	if (opt.dryrun && !given->haskey &&
	    acme_account_allowed(acme, opt.agreed, given->kid, &err) == -1)
		cmd_die("%s", err.msg);
	if (!opt.dryrun &&
	    (!given->haskey || !takeaccount(acme, account, given)))
		registeraccount(acme, given);
	printchanged(certstore_account_name(account));
}

/*
 * Completes an account that is in the store, makes it again if it is unknown to
 * the CA or closed, or agrees to terms that have changed.
 */
static void
completeaccount(struct acme *acme, struct certstore_account *account,
    const struct given *given)
{
	const char *agreed, *terms = acme_terms(acme);
	const char *name = certstore_account_name(account);
	int waskept, found;

	waskept = certstore_account_value(account, "url", 0) != NULL;
	if (opt.dryrun) {
		if (!waskept || isclosed(account))
			printchanged(name);
		return;
	}
	if (!isclosed(account) && acme_account_settle(acme, &err) == -1 &&
	    err.why != ACME_CLOSED && err.why != ACME_NOACCOUNT)
		cmd_die("%s", err.msg);
	found = findaccount(acme, account, given);
	agreed = certstore_account_value(account, "terms", 0);
	if (!found ||
	    (opt.agreed && terms != NULL &&
		(agreed == NULL || strcmp(agreed, terms) != 0)))
		registeraccount(acme, given);
	else if (waskept && !opt.ifneeded)
		cmd_die("%s: exists: use cert-account set to change it, or -u",
		    name);
	else if (waskept)
		return;
	printchanged(name);
}

static void
newaccount(char **argv)
{
	static struct given given;
	struct certstore_account *account;
	const char *directory = givendirectory(argv + 1);
	struct acme *acme;
	int exists = 1;

	checkassignments(argv + 1);
	account = certstore_account_open(store, argv[0],
	    CERTSTORE_ACCOUNT_EXCLUSIVE, &cerr);
	if (account == NULL && cerr.code == CERTSTORE_ENOENTRY) {
		exists = 0;
		account = acme_account_new(store, argv[0], directory, &cerr);
	}
	if (account == NULL)
		cmd_die("%s", cerr.msg);
	if (opt.ca != NULL)
		setgivenvalue(account, "ca", CERTSTORE_SET_REPLACE, opt.ca);
	while (*++argv != NULL)
		assign(account, &given, *argv);
	if ((acme = acme_open(store, account, &err)) == NULL)
		cmd_die("%s", err.msg);
	acme_show_skew(acme);
	if (exists)
		completeaccount(acme, account, &given);
	else
		makeaccount(acme, account, &given);
	cmd_secret_wipe(&given.hmackey);
	cmd_input_wipe();
	acme_close(acme);
	certstore_account_free(account);
}

/* All values of a property, one after the other. */
static void
joinvalues(const struct certstore_account *account, const char *prop,
    struct cmd_text *t)
{
	const char *value;
	size_t i;

	cmd_text_adds(t, "");
	for (i = 0; (value = certstore_account_value(account, prop, i)) != NULL;
	     i++) {
		cmd_text_adds(t, value);
		cmd_text_adds(t, "\n");
	}
}

static int
samevalues(const struct certstore_account *a, const struct certstore_account *b,
    const char *prop)
{
	struct cmd_text one = { NULL, 0, 0 }, two = { NULL, 0, 0 };
	int same;

	joinvalues(a, prop, &one);
	joinvalues(b, prop, &two);
	same = strcmp(one.p, two.p) == 0;
	cmd_text_free(&one);
	cmd_text_free(&two);
	return same;
}

/* The server at a new URL must have the account, or gets it. */
static void
moveaccount(struct acme *acme)
{
	static struct given none;
	int found;

	if ((found = acme_account_find(acme, 0, &err)) == -1)
		cmd_die("%s", err.msg);
	if (!found)
		registeraccount(acme, &none);
}

/* Makes the changes at the CA, before they are kept. */
static void
changeatca(struct certstore_account *account, int moved, int contacts)
{
	struct acme *acme;

	if ((acme = acme_open(store, account, &err)) == NULL)
		cmd_die("%s", err.msg);
	acme_show_skew(acme);
	if (acme_account_settle(acme, &err) == -1)
		cmd_die("%s", err.msg);
	if (moved)
		moveaccount(acme);
	if (contacts && acme_account_contacts(acme, &err) == -1)
		cmd_die("%s", err.msg);
	acme_close(acme);
}

static void
setaccount(char **argv)
{
	struct certstore_account *account, *before;
	int moved, contacts, other;

	checkassignments(argv + 1);
	if ((account = certstore_account_open(store, argv[0],
		 CERTSTORE_ACCOUNT_EXCLUSIVE, &cerr)) == NULL ||
	    (before = certstore_account_open(store,
		 certstore_account_name(account), 0, &cerr)) == NULL)
		cmd_die("%s", cerr.msg);
	if (opt.ca != NULL)
		setgivenvalue(account, "ca", CERTSTORE_SET_REPLACE, opt.ca);
	while (*++argv != NULL)
		assign(account, NULL, *argv);
	moved = !samevalues(account, before, "directory");
	contacts = !samevalues(account, before, "contact");
	other = !samevalues(account, before, "proxy") ||
	    !samevalues(account, before, "ca");
	if (!opt.dryrun && (moved || contacts) &&
	    certstore_account_value(account, "url", 0) != NULL)
		changeatca(account, moved, contacts);
	if (!opt.dryrun && (moved || contacts || other))
		saveaccount(account);
	if (moved || contacts || other)
		printchanged(certstore_account_name(account));
	certstore_account_free(before);
	certstore_account_free(account);
}

static void
rollkey(char **argv)
{
	static struct given given;
	struct certstore_account *account;
	struct acme *acme;
	int settled;

	if (argv[1] != NULL) {
		if (strncmp(argv[1], "key=", 4) != 0 || argv[2] != NULL)
			cmd_usage();
		readgivenkey(&given, argv[1] + 4);
	}
	if ((account = certstore_account_open(store, argv[0],
		 CERTSTORE_ACCOUNT_EXCLUSIVE, &cerr)) == NULL)
		cmd_die("%s", cerr.msg);
	if ((acme = acme_open(store, account, &err)) == NULL)
		cmd_die("%s", err.msg);
	acme_show_skew(acme);
	settled = opt.dryrun ? 0 : acme_account_settle(acme, &err);
	if (settled == -1)
		cmd_die("%s", err.msg);
	if (!opt.dryrun && !settled) {
		if (certstore_account_newkey(account,
			given.haskey ? given.key.label : NULL,
			given.haskey ? given.key.data : NULL, given.key.len,
			&cerr) == -1)
			cmd_die("%s", cerr.msg);
		if (acme_account_roll(acme, &err) == -1)
			cmd_die("%s%s", err.msg,
			    certstore_account_has_newkey(account) ?
				": the next command asks the CA which key it "
				"has" :
				"");
	}
	printchanged(certstore_account_name(account));
	cmd_input_wipe();
	acme_close(acme);
	certstore_account_free(account);
}

/* Whether a value of the property acme is this account. */
static int
isaccount(const char *value, const char *account)
{
	struct certstore_account *its;
	struct certstore_error ignored;
	int is = strcmp(value, account) == 0;

	/* letsencrypt may be another name of it */
	if (!is &&
	    (its = certstore_account_open(store, value, 0, &ignored)) != NULL) {
		is = strcmp(certstore_account_name(its), account) == 0;
		certstore_account_free(its);
	}
	return is;
}

/* Whether an entry orders from the account. */
static int
usesaccount(const char *entry, const char *account)
{
	struct certstore_props *props;
	const char *prop, *value;
	int uses = 0;

	if ((props = certstore_props_read(store, entry, &cerr)) == NULL)
		cmd_die("%s", cerr.msg);
	while (!uses && certstore_props_next(props, &prop, &value, &cerr) == 1)
		uses = strcmp(prop, "acme") == 0 && isaccount(value, account);
	certstore_props_free(props);
	return uses;
}

/* How many entries order from the account; the name of the first, free(3). */
static size_t
countusers(const char *account, char **first)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	size_t n = 0;
	int rv;

	*first = NULL;
	if ((list = certstore_list_new(store, &cerr)) == NULL)
		cmd_die("%s", cerr.msg);
	while ((rv = certstore_list_next(list, &entry, &cerr)) != 0) {
		if (rv == -1) {
			cmd_error("%s", cerr.msg);
			continue;
		}
		if (!usesaccount(certstore_entry_name(entry), account))
			continue;
		if (n++ == 0 &&
		    (*first = strdup(certstore_entry_name(entry))) == NULL)
			cmd_die("no memory left");
	}
	certstore_list_free(list);
	return n;
}

static void
deactivateaccount(const char *operand)
{
	struct certstore_account *account;
	struct acme *acme;
	const char *name;
	char *first;
	size_t n;

	if ((account = certstore_account_open(store, operand,
		 CERTSTORE_ACCOUNT_EXCLUSIVE, &cerr)) == NULL) {
		cmd_error("%s", cerr.msg);
		return;
	}
	name = certstore_account_name(account);
	n = countusers(name, &first);
	if (n > 0 && !opt.force)
		cmd_error("%s: %zu %s from it, %s%s: give %s another account, "
			  "or use -f",
		    name, n, n == 1 ? "entry orders" : "entries order", first,
		    n == 1 ? "" : " the first", n == 1 ? "it" : "them");
	else if (isclosed(account))
		cmd_say("%s: is %s already", name,
		    certstore_account_value(account, "status", 0));
	else if ((acme = acme_open(store, account, &err)) == NULL)
		cmd_error("%s", err.msg);
	else {
		acme_show_skew(acme);
		if (!opt.dryrun &&
		    (acme_account_settle(acme, &err) == -1 ||
			acme_account_deactivate(acme, &err) == -1))
			cmd_error("%s", err.msg);
		else
			printchanged(name);
		acme_close(acme);
	}
	free(first);
	certstore_account_free(account);
}

/* Runs the verb; the number of operands was checked. */
static void
runverb(const char *verb, char **argv)
{
	const struct acme_show show = { store, opt.json, opt.ask };
	int named = *argv != NULL && argv[1] != NULL;

	if (strcmp(verb, "list") == 0)
		acme_show_list(&show, argv);
	else if (strcmp(verb, "new") == 0)
		newaccount(argv);
	else if (strcmp(verb, "set") == 0)
		setaccount(argv);
	else if (strcmp(verb, "roll") == 0)
		rollkey(argv);
	else if (strcmp(verb, "show") == 0) {
		for (; *argv != NULL; argv++)
			acme_show_account(&show, *argv, named);
	} else {
		for (; *argv != NULL; argv++)
			deactivateaccount(*argv);
	}
}

/*
 * Returns the flags of certstore_open(3) for a verb.  Ends the command if the
 * verb does not exist or has no account.
 */
static int
openflags(const char *verb, char **argv)
{
	static const char *const verbs[] = { "list", "new", "show", "set",
		"roll", "deactivate" };
	char clean[128];
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i]) == 0)
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0])) {
		cmd_error("%s: no such verb: use list, new, show, set, roll or "
			  "deactivate",
		    cmd_clean(verb, clean, sizeof(clean)));
		cmd_usage();
	}
	if (strcmp(verb, "list") == 0)
		return 0;
	if (*argv == NULL || strchr(*argv, '=') == *argv)
		cmd_usage();
	if (strcmp(verb, "set") == 0 && argv[1] == NULL && opt.ca == NULL)
		cmd_usage();
	if (strcmp(verb, "show") == 0)
		return opt.ask ? CERTSTORE_OPEN_WRITE : 0;
	if (strcmp(verb, "new") == 0)
		return CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE;
	return CERTSTORE_OPEN_WRITE;
}

static void
readaccountoptions(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "fjnT:uvxy")) != -1) {
		switch (ch) {
		case 'f':
			opt.force = 1;
			break;
		case 'j':
			opt.json = 1;
			break;
		case 'n':
			opt.dryrun = 1;
			break;
		case 'T':
			opt.ca = keptpath(optarg);
			break;
		case 'u':
			opt.ifneeded = 1;
			break;
		case 'v':
			opt.ask = 1;
			break;
		case 'x':
			opt.mustchange = 1;
			break;
		case 'y':
			opt.agreed = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
}

int
main(int argc, char *argv[])
{
	const char *verb;
	int flags;

	cmd_start(&help, argv);
	cmd_nocore();
	readaccountoptions(argc, argv);
	argv += optind;
	if ((verb = *argv) == NULL)
		cmd_usage();
	cmd_nooptions(++argv, 0);
	flags = openflags(verb, argv);
	store = cmd_openwriter(flags);
	cmd_confine(flags == 0 ? NULL : store, NULL, 1);
	runverb(verb, argv);
	if (opt.mustchange && !changed)
		cmd_no();
	certstore_close(store);
	free(opt.ca);
	return cmd_end();
}
