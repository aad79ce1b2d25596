/*
 * test-profile.c: the lines of profile files, who may have written them, and how
 * they go together with what a template has.
 */
#include <sys/stat.h>

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "issue/private.h"
#include "tap.h"
#include "scratch.h"

static struct certstore_template *
parsed(const char *text, size_t len)
{
	struct certstore_template *t = certstore_template_new(&err);
	struct cs_buf b = { 0 };

	if (t == NULL || cs_buf_add(&b, text, len) == -1)
		bail("no memory");
	cs_error_clear(&err);
	if (cs_profileline_parse(t, "FILE", &b, &err) == -1) {
		certstore_template_free(t);
		t = NULL;
	}
	cs_buf_free(&b);
	if (ERR_peek_error() != 0)
		bail("the error queue is not empty: %.80s", text);
	return t;
}

#define BOM "\xef\xbb\xbf"
#define EXT "extension 1.3.6.1.5.5.7.1.24=3003020105\n"

/* Lines, and what the message says. */
static const struct {
	const char *text;
	const char *says;
} refused[] = { { "-t\n", "FILE:1: -t the argument is missing" },
	{ "# x\n\n  -t p257\n", "FILE:3: -t \"p257\": " },
	{ "-t p256\n-t p256", "FILE:2: -t is there twice: remove one" },
	{ "-l 1y\r\n-l 2y\r\n", "FILE:2: -l is there twice" },
	{ "-P server\n-P server\n", "FILE:2: -P is there twice" },
	{ "-c\n-c\n", "FILE:2: -c is there twice" },
	{ "-c x\n", "FILE:1: -c takes no argument" },
	{ "-l 1/3\n", "FILE:1: -l life: cannot be a part" },
	{ "-l 2020-01-01\n", "FILE:1: -l " }, { "-l soon\n", "FILE:1: -l " },
	{ "-P vpn\n", "FILE:1: -P \"vpn\": unknown profile: use server, " },
	{ "-P ../server\n", "unknown profile" }, { "-S O\n", "FILE:1: -S " },
	{ "-S \"O=Example\"\n", "FILE:1: -S " }, { "-S O=a\xff\n", "UTF-8" },
	{ "-s a..b\n", "FILE:1: -s " }, { "-C permit=\n", "FILE:1: -C " },
	{ "-A ca\n", "FILE:1: -A does not describe a certificate: remove" },
	{ "-K key\n", "-K does not" }, { "-p file\n", "-p does not" },
	{ "-E file\n", "-E does not" }, { "-d /\n", "-d does not" },
	{ "-f\n", "-f does not" }, { "-n\n", "-n does not" },
	{ "-q\n", "-q does not" }, { "-i\n", "-i does not" },
	{ "-N\n", "-N does not" }, { "-R\n", "-R does not" },
	{ "-u\n", "-u does not" }, { "-x\n", "-x does not" },
	{ "-e 1/3\n", "-e does not" }, { "-h\n", "-h does not" },
	{ "-V\n", "-V does not" }, { "-\n", "FILE:1: - unknown line" },
	{ "--\n", "FILE:1: -- does not" },
	{ "-tp256\n", "FILE:1: -tp256 unknown line: use an option and a" },
	{ "www.example.com\n", "www.example.com unknown line" },
	{ "t p256\n", "FILE:1: t unknown line" },
	{ "evil\x1b[2J x\n", "FILE:1: \"evil\\033[2J\" unknown line" },
	{ "keyusage\n", "FILE:1: keyusage has no word" },
	{ "keyusage , ,\n", "FILE:1: keyusage has no word" },
	{ "keyusage keyCertSign\n", "keyCertSign: is for a CA: use -c" },
	{ "keyusage cRLSign\n", "is for a CA" },
	{ "keyusage sign\n", "\"sign\": unknown key usage" },
	{ "purpose\n", "FILE:1: purpose has no word" },
	{ "purpose CN\n", "\"CN\": unknown purpose" },
	{ "purpose TLS\n", "unknown purpose" },
	{ "purpose 1\n", "\"1\": unknown purpose" },
	{ "purpose 1.2.x\n", "unknown purpose" },
	{ "purpose 9.1\n", "unknown purpose" },
	{ "purpose 2.5.29.37.0\n", "would be for every purpose" },
	{ "extension\n", "FILE:1: extension is not an object identifier" },
	{ "extension 1.2.3\n", "use OID=HEX" },
	{ "extension =0500\n", "use OID=HEX" },
	{ "extension tlsfeature=0500\n", "use OID=HEX" },
	{ "extension 1.2.3=\n", "not DER" },
	{ "extension 1.2.3=05\n", "not DER" },
	{ "extension 1.2.3=0500x\n", "not DER" },
	{ "extension 1.2.3=05:00\n", "not DER" },
	{ "extension 1.2.3=050\n", "not DER" },
	{ "extension 1.2.3=0500 0500\n", "not DER" },
	{ "extension 1.2.3=05000500\n", "not DER" },
	{ "extension 1.2.3=3080\n", "not DER" },
	{ "extension 1.2.3=30800000\n", "not DER" },
	{ "extension 1.2.3=0281010a\n", "not DER" },
	{ "extension 1.2.3=3003020205\n", "not DER" },
	{ "extension 1.2.3=300402030100\n", "not DER" },
	{ "extension 1.2.3=0284ffffffff\n", "not DER" },
	{ EXT EXT, "FILE:2: extension the extension is there twice" },
	{ "extension 1.3.6.1.5.5.7.1.24=0500\n", "malformed for this" },
	{ "extension 2.5.29.32=3000\n", "malformed for this" },
	{ "extension critical,1.2.3=0500\n", "remove critical" },
	{ "extension 2.5.29.19=30030101ff\n", "use -c for a CA" },
	{ "extension 2.5.29.15=03020106\n", "use keyusage" },
	{ "extension 2.5.29.37=3000\n", "use purpose" },
	{ "extension 2.5.29.17=3000\n", "use -s" },
	{ "extension 2.5.29.14=0400\n", "key identifiers" },
	{ "extension 2.5.29.35=3000\n", "key identifiers" },
	{ "extension 2.5.29.30=3000\n", "use -C" },
	{ "extension 2.5.29.031=3000\n", "crlurl of the CA" },
	{ "extension 2.5.29.31=3000\n", "crlurl of the CA" },
	{ "extension 1.3.6.1.5.5.7.1.1=3000\n", "aiaurl of the CA" },
	{ "extension 1.3.6.1.5.5.7.1.26=3000\n", "-s spc:CODE" },
	{ "extension 1.3.6.1.5.5.7.1.14=3000\n", "proxy" },
	{ "extension 1.3.6.1.4.1.11129.2.4.2=0400\n", "a log signs it" },
	{ "extension 1.3.6.1.4.1.11129.2.4.3=0500\n", "precertificates" },
	{ "-c\n-P server\n",
	    "FILE: -P, keyusage and purpose are not for a CA" },
	{ "-c\nkeyusage digitalSignature\n", "not for a CA" },
	{ "-c\npurpose serverAuth\n", "not for a CA" },
	{ "-C pathlen=0\n", "FILE: constraints are for a CA" },
	{ "-P shaken\npurpose 1.2.3\n", "signs calls has no keyusage" },
	{ "-P shaken\nkeyusage digitalSignature\n", "has no keyusage" },
	{ "-P shaken\n-t rsa:2048\n", "FILE: calls are signed by ES256" },
	{ "-P shaken\n-s a.example\n", "has no host names" } };

static void
test_refused(void)
{
	struct certstore_template *t;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		t = parsed(refused[i].text, strlen(refused[i].text));
		ok(t == NULL && err.code == CERTSTORE_EREFUSED &&
			strstr(err.msg, refused[i].says) != NULL,
		    "refused: %s", refused[i].says);
		if (t != NULL || strstr(err.msg, refused[i].says) == NULL)
			printf("# %s%s\n", refused[i].text,
			    t == NULL ? err.msg : "taken");
		certstore_template_free(t);
	}
	t = parsed("-t p256\0\n", 9);
	ok(t == NULL && strstr(err.msg, "FILE:1: has a NUL byte") != NULL,
	    "a NUL byte");
	certstore_template_free(t);
}

/* The profile, how many purposes stay beside it, and the key usage. */
static const struct {
	const char *text;
	const char *profile;
	int purposes;
	unsigned int usage;
} taken[] = { { "", "server", 0, 0 }, { BOM "# only this\r\n", "server", 0, 0 },
	{ "\n \t\n#\n", "server", 0, 0 }, { "-P client", "client", 0, 0 },
	{ "-c\n", "", 0, 0 }, { "purpose 1.2.3\n", "", 1, 0 },
	{ "purpose codeSigning\n", "", 1, 0 },
	{ "purpose serverAuth\n", "server", 0, 0 },
	{ "purpose CLIENTAUTH,serverauth\n", "peer", 0, 0 },
	{ "-P server\npurpose clientAuth\n", "peer", 0, 0 },
	{ "purpose clientAuth\n-P server\n", "peer", 0, 0 },
	{ "-P peer\npurpose clientAuth serverAuth\n", "peer", 0, 0 },
	{ "-P client\npurpose emailProtection\n", "mail", 1, 0 },
	{ "-P mail\npurpose clientAuth\n", "mail", 1, 0 },
	{ "-P mail\npurpose serverAuth\n", "server", 1, 0 },
	{ "purpose ipsecIKE ipsecIKE 1.3.6.1.5.5.7.3.17\n", "", 1, 0 },
	{ "purpose ipsecIKE\npurpose serverAuth,1.2.3\n", "server", 2, 0 },
	{ "keyusage digitalSignature\n", "server", 0, CS_USAGE_SIGN },
	{ "keyusage\tnonRepudiation , keyAgreement\n", "server", 0,
	    CS_USAGE_COMMIT | CS_USAGE_AGREE },
	{ "keyusage encipherOnly\nkeyusage decipheronly dataEncipherment\n",
	    "server", 0,
	    CS_USAGE_ENCIPHERONLY | CS_USAGE_DECIPHERONLY | CS_USAGE_DATA } };

static void
test_taken(void)
{
	struct certstore_template *t;
	size_t i;

	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		t = parsed(taken[i].text, strlen(taken[i].text));
		if (!ok(t != NULL, "taken: %zu", i)) {
			printf("# %s\n", err.msg);
			continue;
		}
		is_str(t->profile, taken[i].profile, "profile");
		is_int(sk_ASN1_OBJECT_num(t->extra.purposes) < 0 ?
			0 :
			sk_ASN1_OBJECT_num(t->extra.purposes),
		    taken[i].purposes, "further purposes");
		ok(t->extra.usage == taken[i].usage, "key usage");
		certstore_template_free(t);
	}
}

static EVP_PKEY *
newkey(const char *type)
{
	EVP_PKEY *pkey;
	struct certstore *store = opened(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);

	if ((pkey = cs_key_generate(store, type, &err)) == NULL)
		bail("%s: %s", type, err.msg);
	certstore_close(store);
	return pkey;
}

/* Which key usage remains for a type of key; 0: refused. */
static void
test_usage(void)
{
	EVP_PKEY *ec = newkey("p256"), *ed = newkey("ed25519");
	EVP_PKEY *rsa = newkey("rsa:2048");
	const unsigned int all = CS_USAGE_SIGN | CS_USAGE_ENCIPHER |
	    CS_USAGE_DATA | CS_USAGE_AGREE | CS_USAGE_DECIPHERONLY;
	const struct {
		const char *profile;
		unsigned int own;
		EVP_PKEY *pkey;
		unsigned int want;
	} t[] = { { "server", 0, ec, CS_USAGE_SIGN },
		{ "server", 0, rsa, CS_USAGE_SIGN | CS_USAGE_ENCIPHER },
		{ "peer", 0, rsa, CS_USAGE_SIGN | CS_USAGE_ENCIPHER },
		{ "client", 0, rsa, CS_USAGE_SIGN },
		{ "mail", 0, rsa, CS_USAGE_SIGN | CS_USAGE_ENCIPHER },
		{ "mail", 0, ec, CS_USAGE_SIGN | CS_USAGE_AGREE },
		{ "mail", 0, ed, CS_USAGE_SIGN }, { "", 0, rsa, CS_USAGE_SIGN },
		{ "server", all, ec,
		    CS_USAGE_SIGN | CS_USAGE_AGREE | CS_USAGE_DECIPHERONLY },
		{ "server", all, rsa,
		    CS_USAGE_SIGN | CS_USAGE_ENCIPHER | CS_USAGE_DATA },
		{ "server", all, ed, CS_USAGE_SIGN },
		{ "server", CS_USAGE_ENCIPHER, rsa, CS_USAGE_ENCIPHER },
		{ "server", CS_USAGE_ENCIPHER, ec, 0 },
		{ "server", CS_USAGE_COMMIT, rsa, 0 },
		{ "client", CS_USAGE_ENCIPHER, rsa, 0 },
		{ "peer", CS_USAGE_ENCIPHER, rsa, 0 },
		{ "client", CS_USAGE_AGREE, ec, CS_USAGE_AGREE },
		{ "mail", CS_USAGE_COMMIT, ed, CS_USAGE_COMMIT },
		{ "mail", CS_USAGE_ENCIPHER, rsa, CS_USAGE_ENCIPHER },
		{ "", CS_USAGE_DATA, rsa, CS_USAGE_DATA },
		{ "", CS_USAGE_DATA, ec, 0 } };
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ok(cs_extension_usage(t[i].profile, t[i].own, t[i].pkey) ==
			t[i].want,
		    "key usage %zu of profile \"%s\"", i, t[i].profile);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(rsa);
}

static void
writefile(const char *file, const char *text)
{
	FILE *fp = fopen(file, "w");

	if (fp == NULL || fputs(text, fp) == EOF || fclose(fp) == EOF)
		bail("%s", file);
}

/* Refused as it is now, and the message has the text. */
static void
refuses(const char *text)
{
	struct certstore *store = opened(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	struct certstore_template *t = certstore_template_new(&err);

	ok(certstore_template_load_profile(t, store, "vpn", &err) == -1 &&
		strstr(err.msg, text) != NULL,
	    "%s", text);
	if (strstr(err.msg, text) == NULL)
		printf("# %s\n", err.msg);
	ok(cs_template_check(t, &err) == -1, "and the template stays so");
	certstore_template_free(t);
	certstore_close(store);
}

static void
test_files(void)
{
	struct certstore *store;
	struct certstore_template *t;
	FILE *fp;
	int i;

	refuses("\"vpn\": unknown profile: use server, client, peer, mail or "
		"shaken, or add the file ");
	if (symlink("/tmp", path("store/profiles")) == -1)
		bail("symlink");
	refuses("store/profiles: is a symbolic link: use a directory");
	unlink(path("store/profiles"));
	writefile(path("store/profiles"), "");
	refuses("store/profiles: is of another type: use a directory");
	unlink(path("store/profiles"));
	mkdir(path("store/profiles"), 0700);
	writefile(path("store/profiles/vpn"), "-t p384\n");
	chmod(path("store/profiles"), 0730);
	refuses("store/profiles: others can write it: chmod go-w");
	chmod(path("store/profiles"), 0755);
	chmod(path("store/profiles/vpn"), 0602);
	refuses("store/profiles/vpn: others can write it: chmod go-w");
	chmod(path("store/profiles/vpn"), 0644);
	if (geteuid() == 0) {
		sh("chown 12 store/profiles/vpn");
		refuses("store/profiles/vpn: belongs to uid 12: chown it to "
			"uid 0");
		sh("chown 0 store/profiles/vpn");
	} else
		skip("only root has files of others");
	rename(path("store/profiles/vpn"), path("store/profiles/other"));
	if (symlink("other", path("store/profiles/vpn")) == -1)
		bail("symlink");
	refuses("store/profiles/vpn: is a symbolic link: use a regular file");
	unlink(path("store/profiles/vpn"));
	if (mkfifo(path("store/profiles/vpn"), 0600) == -1)
		bail("mkfifo");
	refuses("store/profiles/vpn: is of another type");
	unlink(path("store/profiles/vpn"));
	if ((fp = fopen(path("store/profiles/vpn"), "w")) == NULL)
		bail("fopen");
	for (i = 0; i < 65537; i++)
		putc('\n', fp);
	fclose(fp);
	refuses("store/profiles/vpn: larger than 65536 bytes");
	writefile(path("store/profiles/vpn"), "-t p384\n-t");
	refuses("store/profiles/vpn:2: -t the argument is missing");

	writefile(path("store/profiles/server"), "-P client\n");
	store = opened(CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	t = certstore_template_new(&err);
	ok(certstore_template_load_profile(t, store, "server", &err) == 0 &&
		strcmp(t->profile, "server") == 0,
	    "a built-in profile stays what it is");
	is_int(certstore_template_load_profile(t, store, "../props", &err), -1,
	    "a name that is a path");
	ok(strstr(err.msg, "add the file") == NULL, "%s", err.msg);
	is_int(certstore_template_load_profile(t, store, "other", &err), 0,
	    "a file");
	is_int(cs_template_check(t, &err), 0, "and the template is as new");
	is_str(t->type, "p384", "its lines");
	certstore_template_free(t);
	certstore_close(store);
}

static char *
subjectof(const struct certstore_template *t)
{
	static char text[512];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < t->nsubject; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s=%s,",
		    t->subject[i].attr, t->subject[i].value);
	return text;
}

/* What is set before wins, or is added to. */
static void
test_together(void)
{
	const struct certstore_span year = { CERTSTORE_SPAN_FOR, 31536000, 0,
		0 };
	struct certstore *store = opened(
	    CERTSTORE_OPEN_WRITE | CERTSTORE_OPEN_CREATE);
	struct certstore_template *t = certstore_template_new(&err);

	writefile(path("store/profiles/vpn"),
	    "-t p384\n-l 90d\n-S O=File\n-S OU=a\n-S OU=b\n-S C=FR\n"
	    "-s file.example.com\n-s both.example.com\n-P client\n"
	    "purpose ipsecIKE\nkeyusage digitalSignature\n" EXT);
	is_int(certstore_template_load_profile(t, store, "vpn", &err), 0,
	    "alone");
	is_str(t->type, "p384", "type");
	ok(t->life.secs == 90 * CS_DAY && t->haslife == 2, "life");
	is_str(subjectof(t), "O=File,OU=a,OU=b,C=FR,", "subject");
	is_int((int)t->nsan, 2, "names");
	certstore_template_free(t);

	t = certstore_template_new(&err);
	certstore_template_set_type(t, "rsa:2048", &err);
	certstore_template_set_life(t, &year, &err);
	certstore_template_add_subject(t, "CN=me", &err);
	certstore_template_add_subject(t, "OU=c", &err);
	certstore_template_add_subject(t, "C=", &err);
	certstore_template_add_san(t, "me.example.com", &err);
	certstore_template_add_san(t, "both.example.com", &err);
	is_int(certstore_template_load_profile(t, store, "vpn", &err), 0,
	    "behind others");
	is_str(t->type, "rsa:2048", "type");
	ok(t->life.secs == year.secs && t->haslife == 1, "life");
	is_str(t->profile, "client", "profile");
	is_str(subjectof(t), "O=File,CN=me,OU=c,C=,", "subject");
	is_int((int)t->nsan, 3, "names");
	is_str(t->san[0].value, "me.example.com", "its own name first");
	is_int(sk_X509_EXTENSION_num(t->extra.exts), 1, "extensions");
	is_int(certstore_template_load_profile(t, store, "vpn", &err), 0,
	    "twice");
	is_int(sk_X509_EXTENSION_num(t->extra.exts), 1, "is as once");
	certstore_template_free(t);

	writefile(path("store/profiles/vpn"),
	    "-c\n-C pathlen=1\n-C permit=example.com\n");
	t = certstore_template_new(&err);
	is_int(certstore_template_load_profile(t, store, "vpn", &err), -1,
	    "of a CA");
	is_str(err.msg, "vpn: is a profile for a CA: add -c", "needs -c");
	certstore_template_set_ca(t, &err);
	certstore_template_add_constraint(t, "pathlen=0", &err);
	certstore_template_add_constraint(t, "permit=example.org", &err);
	is_int(certstore_template_load_profile(t, store, "vpn", &err), 0,
	    "which is set before");
	ok(t->ca && t->pathlen == 0 && sk_GENERAL_SUBTREE_num(t->permit) == 2,
	    "constraints");
	certstore_template_free(t);
	certstore_close(store);
}

int
main(void)
{
	makescratch();
	mkdir(path("store"), 0755);
	test_refused();
	test_taken();
	test_usage();
	test_files();
	test_together();
	removescratch();
	return tap_done();
}
