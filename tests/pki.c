/*
 * pki.c: makes and shows keys and certificates as the commands of openssl do,
 * many in one process: starting openssl takes longer than the work itself.
 * tests/pki.bash has shell functions for most commands.
 *
 *	pki command [argument ...] [-- command [argument ...]] ...
 *
 * key FILE [TYPE]
 *	A private key: p256 (the default), p384, ed25519, rsa:BITS.
 * cert FILE KEY SUBJECT [WORD ...]
 *	A certificate for the key in the file KEY; if KEY does not exist, a p256
 *	key is made.  SUBJECT is as in openssl req -subj.  The words:
 *	ca=FILE key=FILE	the issuer; else it is self-signed
 *	days=N			from now, 30 by default
 *	from=TIME to=TIME	instead: YYYYMMDDHHMMSSZ
 *	md=NAME			the digest, sha256 by default
 *	v1			version 1, without extensions
 *	csr			a request with these extensions instead
 *	copy			the other extensions of the request, too
 *	NAME=VALUE		an extension as in openssl's configuration
 * answer FILE REQUEST [WORD ...]
 *	The same for a request, with its key and subject.
 * crl FILE ca=FILE key=FILE [WORD ...]
 *	A CRL with these certificates and the words of cert, and
 *	number=HEX		its number; none by default
 *	revoke=FILE		a certificate; of another CA: an entry with its
 *				certificateIssuer
 *	reason			the entries have a critical reasonCode
 * fingerprint FILE
 *	SHA-256 of its first certificate, in lower case without colons.
 * subjects FILE
 *	The subject of each certificate in it, one a line, as in RFC 2253.
 * spki FILE
 *	The public key of the first certificate, request or key, as PEM.
 * pair KEY FILE
 *	Fails unless the first certificate in FILE is for that private key.
 * entry DIR [FILE]
 *	Fails unless privkey.pem and fullchain.pem of this directory match,
 *	combined.pem has both, and its certificate is the first in FILE.
 * asterisk certs|crls DIR
 *	What Asterisk does with ca_path and crl_path: each symbolic link in DIR
 *	is one certificate or CRL, or all of it fails.  Prints how many.
 * anchors DIR
 *	Fails unless the directory is as certstore(5) has trust: one certificate
 *	in each NAME.pem, in the form of openssl x509; for each one link by its
 *	hash; bundle.pem, all of them by name; distrusted, ends, shipped; no
 *	more.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>
#include <openssl/conf.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#define WORDS_MAX 64

static FILE *
openfile(const char *file, const char *mode)
{
	FILE *f = fopen(file, mode);

	if (f == NULL)
		err(2, "%s", file);
	return f;
}

static void
closefile(FILE *f, const char *file)
{
	if (fclose(f) == EOF)
		err(2, "%s", file);
}

static int
number(const char *text)
{
	const char *bad;
	int n;

	n = (int)strtonum(text, 0, 1000000, &bad);
	if (bad != NULL)
		errx(2, "%s: is %s", text, bad);
	return n;
}

/* Keys. */

static EVP_PKEY *
makekey(const char *type)
{
	EVP_PKEY *pkey = NULL;

	if (strcmp(type, "p256") == 0)
		pkey = EVP_EC_gen("P-256");
	else if (strcmp(type, "p384") == 0)
		pkey = EVP_EC_gen("P-384");
	else if (strcmp(type, "ed25519") == 0)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (strncmp(type, "rsa:", 4) == 0)
		pkey = EVP_RSA_gen((unsigned int)number(type + 4));
	if (pkey == NULL)
		errx(2, "%s: no key of this type", type);
	return pkey;
}

static void
writekey(const char *file, EVP_PKEY *pkey)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	FILE *f;

	if (fd == -1 || (f = fdopen(fd, "w")) == NULL ||
	    PEM_write_PKCS8PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		err(2, "%s", file);
	closefile(f, file);
}

static EVP_PKEY *
readkey(const char *file)
{
	FILE *f = openfile(file, "r");
	EVP_PKEY *pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL);

	if (pkey == NULL)
		errx(2, "%s: no private key", file);
	closefile(f, file);
	return pkey;
}

static EVP_PKEY *
havekey(const char *file)
{
	EVP_PKEY *pkey;

	if (access(file, F_OK) == 0)
		return readkey(file);
	pkey = makekey("p256");
	writekey(file, pkey);
	return pkey;
}

/* Certificates. */

static X509 *
readcert(const char *file)
{
	FILE *f = openfile(file, "r");
	X509 *x509 = PEM_read_X509(f, NULL, NULL, NULL);

	if (x509 == NULL)
		errx(2, "%s: no certificate", file);
	closefile(f, file);
	return x509;
}

/* /type=value/type=value, with \ before what is meant as it is. */
static X509_NAME *
makename(const char *text)
{
	X509_NAME *name = X509_NAME_new();
	const char *c = text;
	char *type, *value, *to;

	if (*c == '/')
		c++;
	while (*c != '\0') {
		type = to = strdup(c);
		for (; *c != '\0' && *c != '/'; c++) {
			if (*c == '\\' && c[1] != '\0')
				c++;
			*to++ = *c;
		}
		*to = '\0';
		if (*c == '/')
			c++;
		if ((value = strchr(type, '=')) == NULL)
			errx(2, "%s: no subject", text);
		*value++ = '\0';
		if (X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
			(const unsigned char *)value, -1, -1, 0) != 1)
			errx(2, "%s: no subject", text);
		free(type);
	}
	return name;
}

static void
extend(X509V3_CTX *ctx, STACK_OF(X509_EXTENSION) *exts, const char *word)
{
	const char *value = strchr(word, '=');
	X509_EXTENSION *ext;
	char *name;

	if (value == NULL)
		errx(2, "%s: not a word of cert", word);
	name = strndup(word, (size_t)(value - word));
	ext = X509V3_EXT_nconf(NULL, ctx, name, value + 1);
	if (ext == NULL || sk_X509_EXTENSION_push(exts, ext) < 1)
		errx(2, "%s: no such extension", word);
	free(name);
}

struct plan {
	const char *ca, *cakey;
	const char *from, *to;
	const char *md;
	int days;
	int v1, csr, copy;
	const char *ext[WORDS_MAX];
	int next;
	const char *number;
	const char *revoked[WORDS_MAX];
	int nrevoked, reason;
};

static void
schedule(struct plan *plan, const char *word)
{
	if (strncmp(word, "ca=", 3) == 0)
		plan->ca = word + 3;
	else if (strncmp(word, "key=", 4) == 0)
		plan->cakey = word + 4;
	else if (strncmp(word, "from=", 5) == 0)
		plan->from = word + 5;
	else if (strncmp(word, "to=", 3) == 0)
		plan->to = word + 3;
	else if (strncmp(word, "md=", 3) == 0)
		plan->md = word + 3;
	else if (strncmp(word, "days=", 5) == 0)
		plan->days = number(word + 5);
	else if (strncmp(word, "number=", 7) == 0)
		plan->number = word + 7;
	else if (strncmp(word, "revoke=", 7) == 0 && plan->nrevoked < WORDS_MAX)
		plan->revoked[plan->nrevoked++] = word + 7;
	else if (strcmp(word, "v1") == 0)
		plan->v1 = 1;
	else if (strcmp(word, "reason") == 0)
		plan->reason = 1;
	else if (strcmp(word, "csr") == 0)
		plan->csr = 1;
	else if (strcmp(word, "copy") == 0)
		plan->copy = 1;
	else if (plan->next == WORDS_MAX)
		errx(2, "%s: too many words", word);
	else
		plan->ext[plan->next++] = word;
}

static const EVP_MD *
digest(const struct plan *plan, EVP_PKEY *signer)
{
	const EVP_MD *md;

	if (EVP_PKEY_is_a(signer, "ED25519"))
		return NULL;
	md = EVP_get_digestbyname(plan->md);
	if (md == NULL)
		errx(2, "%s: no digest", plan->md);
	return md;
}

static void
date(ASN1_TIME *from, ASN1_TIME *to, const struct plan *plan)
{
	X509_gmtime_adj(from, 0);
	X509_time_adj_ex(to, plan->days, 0, NULL);
	if ((plan->from != NULL &&
		ASN1_TIME_set_string_X509(from, plan->from) != 1) ||
	    (plan->to != NULL && ASN1_TIME_set_string_X509(to, plan->to) != 1))
		errx(2, "%s, %s: no times", plan->from, plan->to);
}

static void
request(const char *file, EVP_PKEY *pkey, X509_NAME *name,
    const struct plan *plan)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	X509_REQ *req = X509_REQ_new();
	FILE *f = openfile(file, "w");
	X509V3_CTX ctx;
	int i;

	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, pkey);
	X509V3_set_ctx(&ctx, NULL, NULL, req, NULL, 0);
	for (i = 0; i < plan->next; i++)
		extend(&ctx, exts, plan->ext[i]);
	if ((plan->next > 0 && X509_REQ_add_extensions(req, exts) != 1) ||
	    X509_REQ_sign(req, pkey, digest(plan, pkey)) <= 0 ||
	    PEM_write_X509_REQ(f, req) != 1)
		errx(2, "%s: cannot be made", file);
	closefile(f, file);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
}

/*
 * What has its subject and key becomes a certificate, signed with pkey if there
 * is no CA.
 */
static void
certify(const char *file, X509 *x509, EVP_PKEY *pkey, const struct plan *plan,
    const STACK_OF(X509_EXTENSION) *asked)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	X509 *ca = NULL;
	EVP_PKEY *signer = pkey;
	uint64_t serial;
	FILE *f;
	X509V3_CTX ctx;
	int i;

	if ((plan->ca == NULL) != (plan->cakey == NULL))
		errx(2, "%s: ca= and key= go together", file);
	if (plan->ca != NULL) {
		ca = readcert(plan->ca);
		signer = readkey(plan->cakey);
	} else if (signer == NULL)
		errx(2, "%s: ca= is missing", file);
	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		errx(2, "no random bytes");
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1);
	X509_set_version(x509, plan->v1 ? X509_VERSION_1 : X509_VERSION_3);
	X509_set_issuer_name(x509,
	    X509_get_subject_name(ca != NULL ? ca : x509));
	date(X509_getm_notBefore(x509), X509_getm_notAfter(x509), plan);
	X509V3_set_ctx(&ctx, ca != NULL ? ca : x509, x509, NULL, NULL, 0);
	/* One by one: some look at those that are there. */
	for (i = 0; i < plan->next; i++) {
		extend(&ctx, exts, plan->ext[i]);
		X509_add_ext(x509, sk_X509_EXTENSION_value(exts, i), -1);
	}
	for (i = 0; plan->copy && i < sk_X509_EXTENSION_num(asked); i++) {
		X509_EXTENSION *ext = sk_X509_EXTENSION_value(asked, i);

		if (X509_get_ext_by_OBJ(x509, X509_EXTENSION_get_object(ext),
			-1) == -1)
			X509_add_ext(x509, ext, -1);
	}
	if (X509_sign(x509, signer, digest(plan, signer)) <= 0)
		errx(2, "%s: cannot be signed", file);
	f = openfile(file, "w");
	if (PEM_write_X509(f, x509) != 1)
		err(2, "%s", file);
	closefile(f, file);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (ca != NULL) {
		X509_free(ca);
		EVP_PKEY_free(signer);
	}
}

/* argv: file, key, subject, words */
static void
make(int argc, char **argv)
{
	struct plan plan = { .md = "sha256", .days = 30 };
	X509_NAME *name = makename(argv[2]);
	EVP_PKEY *pkey = havekey(argv[1]);
	X509 *x509 = X509_new();
	int i;

	for (i = 3; i < argc; i++)
		schedule(&plan, argv[i]);
	if (plan.csr)
		request(argv[0], pkey, name, &plan);
	else {
		X509_set_subject_name(x509, name);
		X509_set_pubkey(x509, pkey);
		certify(argv[0], x509, pkey, &plan, NULL);
	}
	X509_free(x509);
	X509_NAME_free(name);
	EVP_PKEY_free(pkey);
}

static X509_REQ *
readrequest(const char *file)
{
	FILE *f = openfile(file, "r");
	X509_REQ *req = PEM_read_X509_REQ(f, NULL, NULL, NULL);

	if (req == NULL)
		errx(2, "%s: no request", file);
	closefile(f, file);
	return req;
}

/* argv: file, request, words */
static void
answer(int argc, char **argv)
{
	struct plan plan = { .md = "sha256", .days = 30 };
	STACK_OF(X509_EXTENSION) *exts;
	X509_REQ *req = readrequest(argv[1]);
	X509 *x509 = X509_new();
	int i;

	for (i = 2; i < argc; i++)
		schedule(&plan, argv[i]);
	X509_set_subject_name(x509, X509_REQ_get_subject_name(req));
	X509_set_pubkey(x509, X509_REQ_get0_pubkey(req));
	exts = X509_REQ_get_extensions(req);
	certify(argv[0], x509, NULL, &plan, exts);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_free(x509);
	X509_REQ_free(req);
}

/* What they are. */

static void
fingerprint(const char *file)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int len, i;
	X509 *x509 = readcert(file);

	if (X509_digest(x509, EVP_sha256(), md, &len) != 1)
		errx(2, "%s: no digest", file);
	for (i = 0; i < len; i++)
		printf("%02x", md[i]);
	putchar('\n');
	X509_free(x509);
}

static void
subjects(const char *file)
{
	FILE *f = openfile(file, "r");
	X509 *x509;

	while ((x509 = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		X509_NAME_print_ex_fp(stdout, X509_get_subject_name(x509), 0,
		    XN_FLAG_RFC2253);
		putchar('\n');
		X509_free(x509);
	}
	closefile(f, file);
}

/* The public key of the first block that has one. */
static void
spki(const char *file)
{
	FILE *f = openfile(file, "r");
	EVP_PKEY *pkey = NULL;
	X509_REQ *req;
	X509 *x509;

	if ((pkey = PEM_read_PrivateKey(f, NULL, NULL, NULL)) == NULL) {
		rewind(f);
		if ((x509 = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
			pkey = X509_get_pubkey(x509);
			X509_free(x509);
		}
	}
	if (pkey == NULL) {
		req = readrequest(file);
		pkey = X509_REQ_get_pubkey(req);
		X509_REQ_free(req);
	}
	if (pkey == NULL || PEM_write_PUBKEY(stdout, pkey) != 1)
		errx(2, "%s: no public key", file);
	EVP_PKEY_free(pkey);
	closefile(f, file);
}

static void
pair(const char *keyfile, const char *file)
{
	EVP_PKEY *pkey = readkey(keyfile);
	X509 *x509 = readcert(file);

	if (X509_check_private_key(x509, pkey) != 1)
		errx(1, "%s: not the key of %s", keyfile, file);
	X509_free(x509);
	EVP_PKEY_free(pkey);
}

static void
readall(const char *dir, const char *name, char **text, size_t *len)
{
	FILE *in, *out = open_memstream(text, len);
	char file[4096];
	int c;

	snprintf(file, sizeof(file), "%s/%s", dir, name);
	in = openfile(file, "r");
	while ((c = getc(in)) != EOF)
		putc(c, out);
	closefile(in, file);
	closefile(out, "memory");
}

static void
entry(const char *dir, const char *file)
{
	char privkey[4096], fullchain[4096], *key, *chain, *both;
	size_t klen, clen, len;
	X509 *x509, *other;

	snprintf(privkey, sizeof(privkey), "%s/privkey.pem", dir);
	snprintf(fullchain, sizeof(fullchain), "%s/fullchain.pem", dir);
	pair(privkey, fullchain);
	readall(dir, "privkey.pem", &key, &klen);
	readall(dir, "fullchain.pem", &chain, &clen);
	readall(dir, "combined.pem", &both, &len);
	if (len != klen + clen || memcmp(both, key, klen) != 0 ||
	    memcmp(both + klen, chain, clen) != 0)
		errx(1, "%s: combined.pem is not key and chain", dir);
	free(key);
	free(chain);
	free(both);
	if (file == NULL)
		return;
	x509 = readcert(fullchain);
	other = readcert(file);
	if (X509_cmp(x509, other) != 0)
		errx(1, "%s: not the certificate of %s", dir, file);
	X509_free(x509);
	X509_free(other);
}

/* Whether DIR/HASH.0 and so on lead to the file, which is to be once. */
static int
links(const char *dir, const char *name, unsigned long hash)
{
	char link[4096], to[4096];
	ssize_t len;
	int i, found = 0;

	for (i = 0;; i++) {
		snprintf(link, sizeof(link), "%s/%08lx.%d", dir, hash, i);
		len = readlink(link, to, sizeof(to) - 1);
		if (len == -1)
			return found;
		to[len] = '\0';
		found += strcmp(to, name) == 0;
	}
}

/* One anchor, to the end of all. */
static void
anchor(const char *dir, const char *name, BIO *all)
{
	char *pem, *text;
	size_t len;
	BIO *mem = BIO_new(BIO_s_mem());
	X509 *x509;
	long n;

	readall(dir, name, &text, &len);
	x509 = PEM_read_bio_X509(BIO_new_mem_buf(text, (int)len), NULL, NULL,
	    NULL);
	if (x509 == NULL || PEM_write_bio_X509(mem, x509) != 1)
		errx(1, "%s/%s: no certificate", dir, name);
	n = BIO_get_mem_data(mem, &pem);
	if (len != (size_t)n || memcmp(pem, text, len) != 0)
		errx(1, "%s/%s: not just one certificate", dir, name);
	if (links(dir, name, X509_subject_name_hash(x509)) != 1)
		errx(1, "%s/%s: not one link by its hash", dir, name);
	BIO_write(all, text, (int)len);
	X509_free(x509);
	BIO_free(mem);
	free(text);
}

static int
isanchor(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end != NULL && strcmp(end, ".pem") == 0 &&
	    strcmp(entry->d_name, "bundle.pem") != 0;
}

static int
isentry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	    strcmp(entry->d_name, "..") != 0;
}

/* Without the ending: "a-b" is behind "a". */
static int
byname(const struct dirent **a, const struct dirent **b)
{
	size_t alen = strlen((*a)->d_name) - 4, blen = strlen((*b)->d_name) - 4;
	int order = memcmp((*a)->d_name, (*b)->d_name,
	    alen < blen ? alen : blen);

	return order != 0 ? order : (alen > blen) - (alen < blen);
}

static void
anchors(const char *dir)
{
	static const char *const others[] = { "distrusted", "ends", "shipped" };
	struct dirent **list;
	struct stat st;
	char file[4096], *text, *bundle;
	BIO *all = BIO_new(BIO_s_mem());
	size_t len;
	int i, n, entries;
	long size;

	if (stat(dir, &st) == -1 || (st.st_mode & 07777) != 0755)
		errx(1, "%s: mode", dir);
	if ((n = scandir(dir, &list, isanchor, byname)) == -1)
		err(1, "%s", dir);
	for (i = 0; i < n; i++)
		anchor(dir, list[i]->d_name, all);
	readall(dir, "bundle.pem", &text, &len);
	size = BIO_get_mem_data(all, &bundle);
	if (len != (size_t)size || (len > 0 && memcmp(text, bundle, len) != 0))
		errx(1, "%s: the bundle is not all of them", dir);
	if ((entries = scandir(dir, &list, isentry, NULL)) == -1)
		err(1, "%s", dir);
	for (i = 0; i < entries; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, list[i]->d_name);
		if (lstat(file, &st) == -1)
			err(1, "%s", file);
		if (S_ISREG(st.st_mode) && (st.st_mode & 07777) != 0644)
			errx(1, "%s: mode", file);
	}
	for (i = 0; i < 3; i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, others[i]);
		if (stat(file, &st) == -1 || !S_ISREG(st.st_mode))
			errx(1, "%s: no file", file);
	}
	if (entries != 2 * n + 4)
		errx(1, "%s: more than that", dir);
}

static void
revokecert(X509_CRL *crl, const char *file, int reason)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();
	ASN1_TIME *now = ASN1_TIME_set(NULL, time(NULL) - 60);
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	X509 *x509 = readcert(file);

	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(x509));
	X509_REVOKED_set_revocationDate(entry, now);
	GENERAL_NAME_set0_value(name, GEN_DIRNAME,
	    X509_NAME_dup(X509_get_issuer_name(x509)));
	sk_GENERAL_NAME_push(names, name);
	if (X509_NAME_cmp(X509_get_issuer_name(x509),
		X509_CRL_get_issuer(crl)) != 0 &&
	    X509_REVOKED_add1_ext_i2d(entry, NID_certificate_issuer, names, 1,
		0) != 1)
		errx(2, "%s: cannot be revoked", file);
	ASN1_ENUMERATED_set(code, CRL_REASON_KEY_COMPROMISE);
	if (reason &&
	    X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, code, 1, 0) != 1)
		errx(2, "%s: cannot be revoked", file);
	ASN1_ENUMERATED_free(code);
	X509_CRL_add0_revoked(crl, entry);
	GENERAL_NAMES_free(names);
	ASN1_TIME_free(now);
	X509_free(x509);
}

static void
revocations(int argc, char **argv)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	struct plan plan = { .days = 30, .md = "sha256" };
	ASN1_TIME *from = ASN1_TIME_set(NULL, time(NULL));
	ASN1_TIME *to = ASN1_TIME_set(NULL, time(NULL));
	X509_CRL *crl = X509_CRL_new();
	BIGNUM *bn = NULL;
	ASN1_INTEGER *no;
	EVP_PKEY *pkey;
	X509V3_CTX ctx;
	FILE *f;
	X509 *ca;
	int i;

	for (i = 1; i < argc; i++)
		schedule(&plan, argv[i]);
	if (plan.ca == NULL || plan.cakey == NULL)
		errx(2, "%s: ca= or key= is missing", argv[0]);
	ca = readcert(plan.ca);
	pkey = readkey(plan.cakey);
	date(from, to, &plan);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, to);
	for (i = 0; i < plan.nrevoked; i++)
		revokecert(crl, plan.revoked[i], plan.reason);
	X509V3_set_ctx(&ctx, ca, NULL, NULL, crl, 0);
	for (i = 0; i < plan.next; i++) {
		extend(&ctx, exts, plan.ext[i]);
		X509_CRL_add_ext(crl, sk_X509_EXTENSION_value(exts, i), -1);
	}
	if (plan.number != NULL) {
		BN_hex2bn(&bn, plan.number);
		no = BN_to_ASN1_INTEGER(bn, NULL);
		X509_CRL_add1_ext_i2d(crl, NID_crl_number, no, 0, 0);
		ASN1_INTEGER_free(no);
		BN_free(bn);
	}
	X509_CRL_sort(crl);
	f = openfile(argv[0], "w");
	if (X509_CRL_sign(crl, pkey, digest(&plan, pkey)) <= 0 ||
	    PEM_write_X509_CRL(f, crl) != 1)
		errx(2, "%s: cannot be made", argv[0]);
	closefile(f, argv[0]);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	X509_CRL_free(crl);
	EVP_PKEY_free(pkey);
	X509_free(ca);
}

static void
asterisk(const char *what, const char *dir)
{
	int crls = strcmp(what, "crls") == 0, n = 0;
	struct dirent *entry;
	X509_CRL *crl;
	struct stat st;
	DIR *d = opendir(dir);
	X509 *x509;
	FILE *f;

	if (d == NULL)
		err(1, "%s", dir);
	while ((entry = readdir(d)) != NULL) {
		if (fstatat(dirfd(d), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == -1)
			err(1, "%s/%s", dir, entry->d_name);
		if (!S_ISLNK(st.st_mode))
			continue;
		f = fdopen(openat(dirfd(d), entry->d_name, O_RDONLY), "r");
		if (f == NULL)
			err(1, "%s/%s", dir, entry->d_name);
		x509 = crls ? NULL : PEM_read_X509(f, NULL, NULL, NULL);
		crl = crls ? PEM_read_X509_CRL(f, NULL, NULL, NULL) : NULL;
		if (x509 == NULL && crl == NULL)
			errx(1, "%s/%s: not one of the %s", dir, entry->d_name,
			    what);
		X509_free(x509);
		X509_CRL_free(crl);
		fclose(f);
		n++;
	}
	closedir(d);
	printf("%d\n", n);
}

static void
obey(int argc, char **argv)
{
	EVP_PKEY *pkey;

	if (argc >= 2 && argc <= 3 && strcmp(argv[0], "key") == 0) {
		pkey = makekey(argc == 3 ? argv[2] : "p256");
		writekey(argv[1], pkey);
		EVP_PKEY_free(pkey);
	} else if (argc >= 4 && strcmp(argv[0], "cert") == 0)
		make(argc - 1, argv + 1);
	else if (argc >= 3 && strcmp(argv[0], "answer") == 0)
		answer(argc - 1, argv + 1);
	else if (argc >= 4 && strcmp(argv[0], "crl") == 0)
		revocations(argc - 1, argv + 1);
	else if (argc == 2 && strcmp(argv[0], "fingerprint") == 0)
		fingerprint(argv[1]);
	else if (argc == 2 && strcmp(argv[0], "subjects") == 0)
		subjects(argv[1]);
	else if (argc == 2 && strcmp(argv[0], "spki") == 0)
		spki(argv[1]);
	else if (argc == 3 && strcmp(argv[0], "pair") == 0)
		pair(argv[1], argv[2]);
	else if (argc >= 2 && argc <= 3 && strcmp(argv[0], "entry") == 0)
		entry(argv[1], argc == 3 ? argv[2] : NULL);
	else if (argc == 3 && strcmp(argv[0], "asterisk") == 0)
		asterisk(argv[1], argv[2]);
	else if (argc == 2 && strcmp(argv[0], "anchors") == 0)
		anchors(argv[1]);
	else
		errx(2, "%s: no command with %d arguments",
		    argc > 0 ? argv[0] : "nothing", argc - 1);
}

int
main(int argc, char **argv)
{
	int i, first = 1;

	/* The host's configuration has nothing to say here. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	for (i = 1; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], "--") != 0)
			continue;
		obey(i - first, argv + first);
		first = i + 1;
	}
	return 0;
}
