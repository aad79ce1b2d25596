/*
 * cert-verify: verifies certificates for a host, a purpose and a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpsl.h>

#include "cmd.h"

static const struct cmd_opt opts[] = {
	{ 'H', "host", "the certificate must be for this host or address" },
	{ 'i', "file", "verify the first certificate in this file" },
	{ 'j', NULL, "print JSON, one object for each certificate" },
	{ 'L', "crlfile", "check revocation by the CRLs in this file" },
	{ 'P', "profile",
	    "server, client, peer, mail, ca, shaken, webpki or any" },
	{ 'p', "file", "passphrase file for a PKCS#12 file" },
	{ 'T', "anchors",
	    "trust this set, or what is in this file or directory" },
	{ 'v', NULL, "print the path and warnings, too" },
	{ 'w', "time", "verify as of this time: a date, a time, @seconds" },
	{ 0, NULL, NULL }
};

static const struct cmd_help help = {
	.name = "cert-verify",
	.operands = "[name ... | -i file]",
	.opts = opts,
	.again = "L",
};

struct verify {
	struct certstore_verify *v;
	struct cmd_text text;
	struct cmd_secret secret;
	struct certstore_passphrase pass;
	int haspass;
	int json;
	int verbose;
};

/* Whether the domain is a public suffix: no certificate may cover *.domain. */
static int
issuffix(void *arg, const char *domain)
{
	const psl_ctx_t *psl = psl_builtin();

	(void)arg;
	return psl != NULL &&
	    psl_is_public_suffix2(psl, domain,
		PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 1;
}

static void
puttext(struct cmd_text *t, const char *s)
{
	cmd_text_clean(t, s);
}

static void
putfield(struct cmd_text *t, const char *s)
{
	cmd_text_adds(t, "\t");
	puttext(t, s);
}

/* Whether several certificates in the path have this subject. */
static int
isshared(struct verify *verify, const char *subject, int depth)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	const char *other;
	size_t i;
	int n = 0;

	if (depth == -1)
		return 0;
	for (i = 0; certstore_verify_path(verify->v, i, &entry, &err) == 1;
	     i++) {
		other = certstore_entry_subject(entry);
		n += other != NULL && strcmp(other, subject) == 0;
	}
	return n > 1;
}

/*
 * Adds the subject of a certificate, or its fingerprint if it has no subject.
 * If several in the path have the same subject, such as a server and its CA,
 * its position in the path follows.
 */
static void
putwhose(struct verify *verify, const char *subject, const char *fingerprint,
    int depth)
{
	struct cmd_text *t = &verify->text;
	char place[32];

	cmd_text_adds(t, "\t");
	if (subject != NULL && subject[0] != '\0') {
		puttext(t, subject);
		snprintf(place, sizeof(place), " [%d]", depth);
		cmd_text_adds(t, isshared(verify, subject, depth) ? place : "");
	} else if (fingerprint != NULL) {
		cmd_text_adds(t, "sha256:");
		puttext(t, fingerprint);
	} else
		cmd_text_adds(t, "-");
}

static void
flushline(struct cmd_text *t)
{
	cmd_text_adds(t, "\n");
	if (cmd_erase != NULL)
		cmd_erase();
	if (fwrite_unlocked(t->p, 1, t->len, stdout) != t->len)
		cmd_lost();
	t->len = 0;
}

static void
showpath(struct verify *verify, const char *name)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	struct cmd_text *t = &verify->text;
	char ends[CERTSTORE_TIME_LEN], depth[32];
	size_t i;
	int rv;

	for (i = 0;
	     (rv = certstore_verify_path(verify->v, i, &entry, &err)) == 1;
	     i++) {
		puttext(t, name);
		snprintf(depth, sizeof(depth), "%zu", i);
		putfield(t, "path");
		putwhose(verify, certstore_entry_subject(entry),
		    certstore_entry_fingerprint(entry), -1);
		putfield(t, depth);
		cmd_text_adds(t, "\tends ");
		cmd_text_adds(t,
		    certstore_time_format(certstore_entry_ends(entry), ends));
		flushline(t);
	}
	if (rv == -1)
		cmd_error("%s", err.msg);
}

static void
showlines(struct verify *verify, const char *name, int good)
{
	const struct certstore_reason *why;
	struct cmd_text *t = &verify->text;
	size_t i;

	for (i = 0; certstore_verify_reason(verify->v, i, &why) == 1; i++) {
		puttext(t, name);
		putfield(t, why->warning ? "warning" : "error");
		putwhose(verify, why->subject, why->fingerprint, why->depth);
		putfield(t, why->section);
		putfield(t, why->text);
		flushline(t);
	}
	if (!verify->verbose)
		return;
	puttext(t, name);
	putfield(t, good ? "good" : "bad");
	putfield(t, certstore_verify_profile(verify->v));
	flushline(t);
	showpath(verify, name);
}

static void
jsonkey(struct cmd_text *t, const char *name, const char *value)
{
	cmd_text_adds(t, "\"");
	cmd_text_adds(t, name);
	cmd_text_adds(t, "\":");
	cmd_json_string(t, value);
}

static void
jsonnumber(struct cmd_text *t, const char *name, int64_t n)
{
	char buf[64];

	snprintf(buf, sizeof(buf), ",\"%s\":%lld", name, (long long)n);
	cmd_text_adds(t, buf);
}

/* Adds the JSON keys "subject" and "fingerprint" of a certificate. */
static void
jsonwhose(struct cmd_text *t, const char *subject, const char *fingerprint)
{
	char hex[80];

	jsonkey(t, "subject", subject);
	if (fingerprint != NULL)
		snprintf(hex, sizeof(hex), "sha256:%s", fingerprint);
	cmd_text_adds(t, ",");
	jsonkey(t, "fingerprint", fingerprint != NULL ? hex : NULL);
}

static void
jsonreasons(struct verify *verify)
{
	const struct certstore_reason *why;
	struct cmd_text *t = &verify->text;
	size_t i;

	cmd_text_adds(t, ",\"reasons\":[");
	for (i = 0; certstore_verify_reason(verify->v, i, &why) == 1; i++) {
		cmd_text_adds(t, i > 0 ? ",{" : "{");
		jsonkey(t, "severity", why->warning ? "warning" : "error");
		cmd_text_adds(t, ",");
		jsonkey(t, "code", why->code);
		cmd_text_adds(t, ",");
		jsonwhose(t, why->subject, why->fingerprint);
		if (why->depth == -1)
			cmd_text_adds(t, ",\"depth\":null");
		else
			jsonnumber(t, "depth", why->depth);
		cmd_text_adds(t, ",");
		jsonkey(t, "section", why->section);
		cmd_text_adds(t, ",");
		jsonkey(t, "text", why->text);
		cmd_text_adds(t, "}");
	}
	cmd_text_adds(t, "]");
}

static void
jsonpath(struct verify *verify)
{
	const struct certstore_entry *entry;
	struct certstore_error err;
	struct cmd_text *t = &verify->text;
	char ends[CERTSTORE_TIME_LEN];
	size_t i;
	int rv;

	cmd_text_adds(t, ",\"path\":[");
	for (i = 0;
	     (rv = certstore_verify_path(verify->v, i, &entry, &err)) == 1;
	     i++) {
		cmd_text_adds(t, i > 0 ? ",{" : "{");
		jsonwhose(t, certstore_entry_subject(entry),
		    certstore_entry_fingerprint(entry));
		cmd_text_adds(t, ",");
		jsonkey(t, "ends",
		    certstore_time_format(certstore_entry_ends(entry), ends));
		jsonnumber(t, "ends_epoch", certstore_entry_ends(entry));
		cmd_text_adds(t, "}");
	}
	cmd_text_adds(t, "]");
	if (rv == -1)
		cmd_error("%s", err.msg);
}

static void
showjson(struct verify *verify, const char *name, int good)
{
	struct cmd_text *t = &verify->text;

	cmd_text_adds(t, "{");
	jsonkey(t, "name", name);
	cmd_text_adds(t, ",");
	jsonkey(t, "verdict", good ? "good" : "bad");
	cmd_text_adds(t, ",");
	jsonkey(t, "profile", certstore_verify_profile(verify->v));
	cmd_text_adds(t,
	    certstore_verify_is_anchored(verify->v) ? ",\"anchored\":true" :
						      ",\"anchored\":false");
	jsonreasons(verify);
	jsonpath(verify);
	cmd_text_adds(t, "}");
	flushline(t);
}

static void
showverdict(struct verify *verify, const char *name, int rv,
    const struct certstore_error *err)
{
	if (rv == -1) {
		cmd_error("%s", err->msg);
		return;
	}
	if (rv == 0)
		cmd_no();
	if (cmd_quiet)
		return;
	if (verify->json)
		showjson(verify, name, rv);
	else
		showlines(verify, name, rv);
}

static void
verifyentry(struct verify *verify, const struct certstore_entry *entry)
{
	struct certstore_error err;
	int rv;

	rv = certstore_verify_entry(verify->v, entry, &err);
	showverdict(verify, certstore_entry_name(entry), rv, &err);
}

static const char *
optionfor(const char *file)
{
	(void)file;
	return "-i";
}

static void
verifynames(struct verify *verify, struct certstore *store,
    struct cmd_operands *names)
{
	struct certstore_entry *entry;
	struct certstore_error err;
	const char *name;

	while ((name = cmd_operand(names)) != NULL) {
		if ((entry = certstore_entry_get(store, name, &err)) == NULL)
			cmd_operand_failed(names, name, &err);
		else
			verifyentry(verify, entry);
		certstore_entry_free(entry);
	}
}

/* Verifies all entries except those that have no certificate yet. */
static void
verifyall(struct verify *verify, struct certstore *store)
{
	const struct certstore_entry *entry;
	struct certstore_list *list;
	struct certstore_error err;
	int rv;

	if ((list = certstore_list_new(store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1)
			cmd_error("%s", err.msg);
		else if (certstore_entry_fingerprint(entry) != NULL)
			verifyentry(verify, entry);
	}
	certstore_list_free(list);
}

static void
verifyfile(struct verify *verify, const char *file)
{
	struct certstore_error err;
	struct cmd_input in;
	char label[1024];
	int rv;

	if (cmd_input(file, "-i", &in) == -1)
		return;
	snprintf(label, sizeof(label), "%s", in.label);
	rv = certstore_verify_certs(verify->v, label, in.data, in.len,
	    verify->haspass ? &verify->pass : NULL, &err);
	cmd_input_wipe();
	showverdict(verify, label, rv, &err);
}

static void
addcrl(struct certstore_verify *v, const char *path)
{
	struct certstore_error err;
	struct cmd_input in;

	if (cmd_input_max(path, "-L", CERTSTORE_CRL_MAX, &in) == -1)
		exit(cmd_end());
	if (certstore_verify_add_crl(v, in.label, in.data, in.len, &err) == -1)
		cmd_die("%s", err.msg);
	cmd_input_wipe();
}

/* The arguments of the options. */
struct asked {
	const char *anchors, *file, *host, *pass, *profile;
	const char **crls;
	size_t ncrl;
	int64_t when;
};

static void
readverifyoptions(struct verify *verify, struct asked *asked, int argc,
    char **argv)
{
	struct certstore_error err;
	int ch;

	while ((ch = getopt(argc, argv, "+:" CMD_OPTIONS "H:i:jL:P:p:T:vw:")) !=
	    -1) {
		switch (ch) {
		case 'H':
			asked->host = optarg;
			break;
		case 'i':
			asked->file = optarg;
			break;
		case 'j':
			verify->json = 1;
			break;
		case 'L':
			asked->crls[asked->ncrl++] = optarg;
			break;
		case 'P':
			asked->profile = optarg;
			break;
		case 'p':
			asked->pass = optarg;
			break;
		case 'T':
			asked->anchors = optarg;
			break;
		case 'v':
			verify->verbose = 1;
			break;
		case 'w':
			if (certstore_time_parse(optarg, &asked->when, &err) ==
			    -1)
				cmd_die("-w %s", err.msg);
			break;
		default:
			cmd_option(ch);
			break;
		}
	}
	cmd_nooptions(argv + optind, 0);
	if (asked->file != NULL && argc > optind)
		cmd_usage();
	if (asked->file == NULL && asked->pass != NULL) {
		cmd_error("-p: is for the file of -i: remove it or add -i");
		cmd_usage();
	}
}

static void
setupverify(struct verify *verify, const struct asked *asked,
    struct certstore *store)
{
	struct certstore_error err;
	size_t i;

	if ((verify->v = certstore_verify_new(store, &err)) == NULL)
		cmd_die("%s", err.msg);
	if (certstore_verify_set_time(verify->v, asked->when, &err) == -1)
		cmd_die("-w %s", err.msg);
	if (certstore_verify_set_suffix(verify->v, issuffix, NULL, &err) == -1)
		cmd_die("%s", err.msg);
	if (asked->profile != NULL &&
	    certstore_verify_set_profile(verify->v, asked->profile, &err) == -1)
		cmd_die("-P %s", err.msg);
	if (asked->host != NULL &&
	    certstore_verify_set_host(verify->v, asked->host, &err) == -1)
		cmd_die("-H %s", err.msg);
	cmd_anchors(verify->v, asked->anchors);
	for (i = 0; i < asked->ncrl; i++)
		addcrl(verify->v, asked->crls[i]);
	if (asked->pass != NULL) {
		cmd_secret_read(&verify->secret, asked->pass, "-p");
		verify->pass.get = cmd_secret_get;
		verify->pass.arg = &verify->secret;
		verify->haspass = 1;
	}
}

int
main(int argc, char *argv[])
{
	static struct verify verify;
	struct asked asked = { .when = CERTSTORE_NOW };
	struct cmd_operands names = { .option = optionfor };
	struct certstore *store = NULL;

	cmd_start(&help, argv);
	cmd_memory_watch();
	asked.crls = calloc((size_t)argc + 1, sizeof(*asked.crls));
	if (asked.crls == NULL)
		cmd_die("no memory left");
	readverifyoptions(&verify, &asked, argc, argv);
	cmd_operands_start(&names, argv + optind);

	cmd_nocore();
	if (asked.file == NULL || asked.anchors == NULL ||
	    !cmd_anchors_ispath(asked.anchors))
		store = cmd_open(0);
	cmd_confine(NULL, NULL, 0);
	if (store != NULL)
		cmd_progress(store);
	setupverify(&verify, &asked, store);
	if (asked.file != NULL)
		verifyfile(&verify, asked.file);
	else if (argc > optind)
		verifynames(&verify, store, &names);
	else
		verifyall(&verify, store);
	cmd_secret_wipe(&verify.secret);
	cmd_text_free(&verify.text);
	certstore_verify_free(verify.v);
	certstore_close(store);
	free(asked.crls);
	return cmd_end();
}
