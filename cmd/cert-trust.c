/*
 * cert-trust: lists, adds, removes and distrusts trust anchors, follows the
 * shipped list, and resets the anchors to it.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define SHIPPED "/etc/ssl/certs/ca-certificates.crt"
#define NAMED 8 /* names in one line */

static const struct cmd_opt opts[] = {
	{ '0', NULL, "list: end each record with a NUL byte" },
	{ 'f', NULL, "add: override a refusal; rm: a missing one is no error" },
	{ 'j', NULL, "list: print JSON, one object per line" },
	{ 'n', NULL, "print the same, change nothing" },
	{ 'o', "field,...",
	    "list: print these fields; a wrong name lists them all" },
	{ 'p', "file", "passphrase file for a PKCS#12 file" },
	{ 'T', "set", "this trust set, not the default one" },
	{ 'x', NULL, "exit 1 if nothing was changed" }, { 0, NULL, NULL }
};

static const struct cmd_help help = {
	.name = "cert-trust",
	.operands =
	    "list [pattern ...] | add [file ...] | rm anchor ... | distrust anchor ... | update [file] | reset [file]",
	.opts = opts,
	.verbs =
	    "  list           print anchors and distrusted certificates\n"
	    "  add            add the certificates in these files, or on stdin\n"
	    "  rm             remove these anchors\n"
	    "  distrust       remove these, and never add them again\n"
	    "  update         follow the shipped list, or this one\n"
	    "  reset          keep only the shipped list, or this one\n",
};

struct options {
	struct cmd_records out;
	const char *passfile;
	const char *set;
	struct certstore_passphrase pass;
	int flags;
	int tell; /* -x: 1 if nothing was changed */
	int fields;
};

/* One change of the anchors, while its operands are passed to the library. */
struct change {
	struct certstore *store;
	const struct options *opt;
	struct certstore_trust *trust;
	int many; /* several operands */
};

static struct certstore_error err;

static struct certstore_trust *
begintrust(struct certstore *store, const struct options *opt)
{
	struct certstore_trust *trust;

	if ((trust = certstore_trust_new(store, opt->set, opt->flags, &err)) ==
		NULL ||
	    (opt->passfile != NULL &&
		certstore_trust_set_passphrase(trust, &opt->pass, &err) == -1))
		cmd_die("%s", err.msg);
	return trust;
}

static void
readtrustoptions(struct options *opt, int argc, char **argv)
{
	int ch;

	while (
	    (ch = getopt(argc, argv, "+:" CMD_OPTIONS "0fjno:p:T:x")) != -1) {
		switch (ch) {
		case '0':
			opt->out.nul = 1;
			break;
		case 'f':
			opt->flags |= CERTSTORE_TRUST_FORCE;
			break;
		case 'j':
			opt->out.json = 1;
			break;
		case 'n':
			opt->flags |= CERTSTORE_TRUST_DRYRUN;
			break;
		case 'o':
			cmd_records_fields(&opt->out, optarg);
			opt->fields = 1;
			break;
		case 'p':
			opt->passfile = optarg;
			break;
		case 'T':
			opt->set = optarg;
			break;
		case 'x':
			opt->tell = 1;
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
}

/* Ends the command: the option does not belong to this verb. */
static void
refuseoption(const char *option, const char *verb)
{
	cmd_error("%s: not an option of cert-trust %s", option, verb);
	cmd_usage();
}

/* Whether the verb reads a shipped list. */
static int
followslist(const char *verb)
{
	return strcmp(verb, "update") == 0 || strcmp(verb, "reset") == 0;
}

static void
checkoptions(const struct options *opt, const char *verb, int hasfile)
{
	int list = strcmp(verb, "list") == 0;
	int reads = strcmp(verb, "add") == 0 || followslist(verb) ||
	    strcmp(verb, "distrust") == 0;

	if (!list && opt->out.nul)
		refuseoption("-0", verb);
	if (!list && opt->out.json)
		refuseoption("-j", verb);
	if (!list && opt->fields)
		refuseoption("-o", verb);
	if (!reads && opt->passfile != NULL)
		refuseoption("-p", verb);
	if ((opt->flags & CERTSTORE_TRUST_FORCE) != 0 &&
	    strcmp(verb, "add") != 0 && strcmp(verb, "rm") != 0)
		refuseoption("-f", verb);
	if (list && (opt->flags & CERTSTORE_TRUST_DRYRUN) != 0)
		refuseoption("-n", verb);
	if (list && opt->tell)
		refuseoption("-x", verb);
	if (opt->set != NULL && followslist(verb) && !hasfile) {
		cmd_error("cert-trust -T %s %s: use a file: only the default "
			  "set follows the list of the system",
		    opt->set, verb);
		cmd_usage();
	}
}

static void
listanchors(struct certstore_trust *trust, struct options *opt, char **argv)
{
	const struct certstore_entry *entry;
	struct cmd_operands ops = { .files = 1 };
	char **patterns = NULL;
	size_t n, shown = 0;
	int rv;

	cmd_operands_start(&ops, argv);
	if (*argv != NULL)
		patterns = cmd_operands_all(&ops, &n);
	cmd_records_start(&opt->out, "name,origin,ends,subject");
	while ((rv = certstore_trust_next(trust, &entry, &err)) != 0) {
		if (rv == -1) {
			cmd_error("%s", err.msg);
		} else if (cmd_operands_match(patterns,
			       certstore_entry_name(entry))) {
			cmd_records_put(&opt->out, entry, NULL);
			shown++;
		}
	}
	cmd_records_end(&opt->out);
	if (patterns != NULL)
		cmd_operands_free(patterns);
	if (shown == 0 && *argv != NULL)
		cmd_no();
}

typedef int givefn(struct certstore_trust *, const char *, const void *, size_t,
    struct certstore_error *);

/*
 * Passes the contents of a file to fn.  Returns 0, or -1 with a message.
 * After a failed call a change cannot be committed, so with several operands
 * each is first tried on a change of its own, which is then freed.
 */
static int
givefile(struct change *c, const char *file, givefn *fn)
{
	struct certstore_trust *trial;
	struct cmd_input in;
	int rv;

	if (strcmp(file, "-") == 0 && isatty(STDIN_FILENO))
		cmd_say("paste certificates, then press Enter and Ctrl-D");
	if ((rv = cmd_input_max(file, "the operand \"-\"",
		 fn == certstore_trust_add ? CERTSTORE_CRL_MAX :
					     CERTSTORE_INPUT_MAX,
		 &in)) == 0 &&
	    c->many) {
		trial = begintrust(c->store, c->opt);
		rv = fn(trial, in.label, in.data, in.len, &err);
		certstore_trust_free(trial);
		if (rv == -1)
			cmd_error("%s", err.msg);
	}
	if (rv == 0 &&
	    (rv = fn(c->trust, in.label, in.data, in.len, &err)) == -1)
		cmd_error("%s", err.msg);
	cmd_input_wipe();
	return rv;
}

static int
addfiles(struct change *c, char **argv)
{
	if (*argv == NULL)
		return givefile(c, "-", certstore_trust_add);
	if (!c->many)
		return givefile(c, *argv, certstore_trust_add);
	for (; *argv != NULL; argv++)
		(void)givefile(c, *argv, certstore_trust_add);
	return 0;
}

static int
isfilename(const char *text)
{
	struct stat st;

	return strchr(text, '/') != NULL ||
	    (stat(text, &st) == 0 && !S_ISDIR(st.st_mode));
}

/*
 * Returns 1 with a message if the name is that of a file and not of an anchor,
 * else 0.
 */
static int
failfile(struct certstore_trust *trust, const char *name)
{
	struct cmd_text word = { NULL, 0, 0 };
	char clean[256];

	if (!isfilename(name) || access(name, F_OK) == -1 ||
	    (strchr(name, '/') == NULL &&
		certstore_trust_has(trust, name, &err) != 0))
		return 0;
	cmd_text_word(&word, name);
	cmd_error("%s: is a file, not an anchor: use what this prints: "
		  "cert-show -i %s -o fingerprint",
	    cmd_clean(name, clean, sizeof(clean)), word.p);
	cmd_text_free(&word);
	return 1;
}

static int
removeall(struct change *c, char **argv)
{
	struct cmd_operands ops = { .files = 1 };
	const char *name;

	cmd_operands_start(&ops, argv);
	while ((name = cmd_operand(&ops)) != NULL) {
		if (!failfile(c->trust, name) &&
		    certstore_trust_remove(c->trust, name, &err) == -1)
			cmd_die("%s", err.msg);
	}
	return 0;
}

/*
 * Distrusts an anchor by name, a fingerprint, or the certificates in a file.
 * Refuses a text that is both an anchor and a file.
 */
static int
distrustone(struct change *c, const char *text)
{
	char clean[256];
	int has = 0, isfile;

	isfile = isfilename(text);
	if (strchr(text, '/') == NULL &&
	    (has = certstore_trust_has(c->trust, text, &err)) == -1) {
		cmd_error("%s", err.msg);
		return -1;
	}
	if (has && isfile) {
		cmd_clean(text, clean, sizeof(clean));
		cmd_error("%s: is both an anchor and a file: use ./%s for the "
			  "file, or sha256: and the fingerprint for the anchor",
		    clean, clean);
		return -1;
	}
	if (isfile)
		return givefile(c, text, certstore_trust_distrust_certs);
	if (certstore_trust_distrust(c->trust, text, &err) == -1)
		cmd_die("%s", err.msg);
	return 0;
}

static int
distrustall(struct change *c, char **argv)
{
	struct cmd_operands ops = { .files = 1 };
	const char *text;
	int rv = 0;

	cmd_operands_start(&ops, argv);
	while ((text = cmd_operand(&ops)) != NULL)
		rv = distrustone(c, text);
	return c->many ? 0 : rv;
}

/* Prints a line such as "3 added: a, b, c"; nothing if there is none. */
static void
printcount(struct certstore_trust *trust, const char *action, const char *what)
{
	struct cmd_text text = { NULL, 0, 0 };
	const char *did, *name, *why;
	size_t i, n = 0;

	for (i = 0; certstore_trust_result(trust, i, &name, &did, &why) == 1;
	     i++) {
		if (strcmp(did, action) != 0 || n++ >= NAMED)
			continue;
		cmd_text_adds(&text, n > 1 ? ", " : "");
		cmd_text_adds(&text, name);
	}
	if (n > NAMED)
		cmd_say("%zu %s: %s and %zu more", n, what, text.p, n - NAMED);
	else if (n > 0)
		cmd_say("%zu %s: %s", n, what, text.p);
	cmd_text_free(&text);
}

/* Whether the name is printed: the caller could not know it. */
static int
isprinted(const char *verb, const char *action)
{
	if (strcmp(verb, "add") == 0)
		return strcmp(action, "added") == 0 ||
		    strcmp(action, "kept") == 0;
	return followslist(verb) &&
	    (strcmp(action, "added") == 0 || strcmp(action, "removed") == 0 ||
		strcmp(action, "dropped") == 0);
}

/*
 * Prints the results.  An update or reset that changed nothing prints only
 * errors, so that cron sends no mail.
 */
static void
printresults(struct certstore_trust *trust, const char *verb, int changed)
{
	const char *action, *name, *text;
	int silent = followslist(verb) && changed == 0;
	size_t i;

	for (i = 0;
	     certstore_trust_result(trust, i, &name, &action, &text) == 1;
	     i++) {
		if (strcmp(action, "refused") == 0)
			cmd_error("%s", text);
		else if (text != NULL && !silent)
			cmd_say("%s", text);
		if (!cmd_quiet && isprinted(verb, action))
			puts(name);
	}
	if (followslist(verb)) {
		printcount(trust, "added", "added");
		printcount(trust, "removed", "removed, no longer in the list");
		printcount(trust, "dropped", "removed, added by hand");
	}
}

/*
 * Passes all operands to the library, before anything is changed.  Returns 0,
 * or -1 with a message if there is nothing to commit.
 */
static int
giveall(struct change *c, const char *verb, char **argv)
{
	const char *file = *argv != NULL ? *argv : SHIPPED;

	/* the operand "-" of distrust is a list of names on stdin */
	c->many = *argv != NULL &&
	    (argv[1] != NULL ||
		(strcmp(verb, "distrust") == 0 && strcmp(*argv, "-") == 0));
	if (strcmp(verb, "add") == 0)
		return addfiles(c, argv);
	if (strcmp(verb, "rm") == 0)
		return removeall(c, argv);
	if (strcmp(verb, "distrust") == 0)
		return distrustall(c, argv);
	if (strcmp(verb, "update") == 0)
		return givefile(c, file, certstore_trust_update);
	return givefile(c, file, certstore_trust_reset);
}

static void
changeanchors(struct certstore_trust *trust, struct certstore *store,
    const struct options *opt, const char *verb, char **argv)
{
	struct change c = { .store = store, .opt = opt, .trust = trust };
	int changed;

	if (giveall(&c, verb, argv) == -1)
		return;
	if ((changed = certstore_trust_commit(trust, &err)) == -1) {
		cmd_error("%s", err.msg);
		return;
	}
	printresults(trust, verb, changed);
	if (changed == 0 && opt->tell)
		cmd_no();
}

/*
 * Returns the flags of certstore_open(3) for a verb.  Ends the command if the
 * verb does not exist or the number of operands is wrong.
 */
static int
openflags(const char *verb, char **argv)
{
	char clean[128];

	if (strcmp(verb, "list") == 0)
		return 0;
	if (strcmp(verb, "add") == 0)
		return CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE;
	if (followslist(verb) && (*argv == NULL || argv[1] == NULL))
		return CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE;
	if (strcmp(verb, "rm") == 0 || strcmp(verb, "distrust") == 0) {
		if (*argv != NULL)
			return CERTSTORE_OPEN_WRITE;
	} else if (!followslist(verb))
		cmd_error(
		    "%s: no such verb: use list, add, rm, distrust, update "
		    "or reset",
		    cmd_clean(verb, clean, sizeof(clean)));
	cmd_usage();
}

int
main(int argc, char *argv[])
{
	static struct cmd_secret secret;
	static struct options opt;
	struct certstore_trust *trust;
	struct certstore *store;
	const char *verb;
	int flags;

	cmd_start(&help, argv);
	cmd_nocore();
	readtrustoptions(&opt, argc, argv);
	argv += optind;
	if ((verb = *argv) == NULL)
		cmd_usage();
	cmd_nooptions(++argv, 1);
	flags = openflags(verb, argv);
	checkoptions(&opt, verb, *argv != NULL);
	if (opt.passfile != NULL)
		cmd_secret_read(&secret, opt.passfile, "-p");
	opt.pass.get = cmd_secret_get;
	opt.pass.arg = &secret;

	store = cmd_openwriter(flags);
	cmd_confine(flags == 0 ? NULL : store, NULL, 0);
	trust = begintrust(store, &opt);
	if (flags == 0)
		listanchors(trust, &opt, argv);
	else
		changeanchors(trust, store, &opt, verb, argv);
	certstore_trust_free(trust);
	cmd_secret_wipe(&secret);
	certstore_close(store);
	return cmd_end();
}
