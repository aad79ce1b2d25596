/*
 * parse.c: what a command has to have done by libcrypto, with the system calls
 * it cannot do without, and nothing else, as anchors.
 *
 *	parse cert FILE			one certificate, printed
 *	parse d2i FILE COUNT		one certificate, so many times
 *	parse rsa BITS			EVP_RSA_gen()
 *	parse import STORE NAME FILE	key and certificate from a file, then
 *					the files and links of an entry, with
 *					an fsync of each and of each directory
 *	parse bulk DIR FROM		the same for all files of a directory,
 *					without any fsync
 *
 * import writes into a store what `bare remove` can remove, but no entries:
 * use one that nobody needs.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define INFO_LEN 700 /* of an entry with two names */

/* Key and certificate, in this order, as gen writes them. */
struct pair {
	char text[65536];
	size_t len;
	const char *cert; /* where it begins in text */
	char spki[65];
};

static void
slurp(struct pair *pair, const char *file)
{
	ssize_t n;
	int fd;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1 ||
	    (n = read(fd, pair->text, sizeof(pair->text) - 1)) == -1)
		err(2, "%s", file);
	pair->len = (size_t)n;
	pair->text[n] = '\0';
	close(fd);
	pair->cert = strstr(pair->text, "-----BEGIN CERT");
}

static void
hashkey(struct pair *pair, X509 *x509)
{
	unsigned char md[EVP_MAX_MD_SIZE], *der = NULL;
	unsigned int i, mdlen;
	int len;

	len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	if (len <= 0 ||
	    EVP_Digest(der, (size_t)len, md, &mdlen, EVP_sha256(), NULL) != 1)
		errx(2, "hash");
	OPENSSL_free(der);
	for (i = 0; i < mdlen; i++)
		snprintf(pair->spki + 2 * i, 3, "%02x", md[i]);
}

/* d2i of both; the decoder is left to find the type of the key out. */
static void
parsepair(struct pair *pair, const char *file)
{
	unsigned char *key, *cert;
	const unsigned char *p;
	char *name, *header;
	long keylen, certlen;
	EVP_PKEY *pkey;
	X509 *x509;
	BIO *bio;

	slurp(pair, file);
	if ((bio = BIO_new_mem_buf(pair->text, (int)pair->len)) == NULL ||
	    PEM_read_bio(bio, &name, &header, &key, &keylen) != 1)
		errx(2, "%s: no key", file);
	OPENSSL_free(name);
	OPENSSL_free(header);
	if (PEM_read_bio(bio, &name, &header, &cert, &certlen) != 1)
		errx(2, "%s: no certificate", file);
	OPENSSL_free(name);
	OPENSSL_free(header);
	BIO_free(bio);
	p = key;
	pkey = d2i_AutoPrivateKey(NULL, &p, keylen);
	p = cert;
	x509 = d2i_X509(NULL, &p, certlen);
	if (pkey == NULL || x509 == NULL)
		errx(2, "%s: d2i", file);
	hashkey(pair, x509);
	OPENSSL_free(key);
	OPENSSL_free(cert);
	EVP_PKEY_free(pkey);
	X509_free(x509);
}

static int
writefile(int dir, const char *name, const void *p, size_t len)
{
	int fd;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, p, len) != (ssize_t)len ||
	    fchmod(fd, 0600) == -1)
		err(2, "%s", name);
	return fd;
}

/*
 * The eight files of a generation; kept open where they are to be synced.  It
 * is one of a certificate without intermediates: chain.pem is empty.
 */
static void
writegen(int certs, const char *gen, const char *name, const struct pair *pair,
    int keep[8])
{
	const char *cert = pair->cert;
	char info[INFO_LEN];
	size_t certlen = strlen(cert);
	int dir, fd, i, n = 0;

	memset(info, '\n', sizeof(info));
	fd = snprintf(info, sizeof(info),
	    "spki %s\nsan dns %s.example.com\nsan dns www.%s.example.com",
	    pair->spki, name, name);
	if (fd > 0 && (size_t)fd < sizeof(info))
		info[fd] = '\n';
	if (mkdirat(certs, gen, 0755) == -1 ||
	    (dir = openat(certs, gen, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) ==
		-1)
		err(2, "%s", gen);
	for (i = 0; i < 8; i++) {
		switch (i) {
		case 0:
			fd = writefile(dir, "fullchain.pem", cert, certlen);
			break;
		case 1:
			fd = writefile(dir, "privkey.pem", pair->text,
			    (size_t)(cert - pair->text));
			break;
		case 2:
			fd = writefile(dir, "combined.pem", pair->text,
			    pair->len);
			break;
		case 3:
			fd = writefile(dir, "ca.pem", cert, certlen);
			break;
		case 4:
			fd = writefile(dir, "cert.pem", cert, certlen);
			break;
		case 5:
			close(writefile(dir, "chain.pem", "", 0));
			continue;
		case 6:
			fd = writefile(dir, "info", info, sizeof(info));
			break;
		default:
			fd = writefile(dir, "props", "origin import\n", 14);
			break;
		}
		if (keep != NULL) {
			sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
			keep[n++] = fd;
		} else
			close(fd);
	}
	if (keep != NULL)
		keep[n] = dir;
	else
		close(dir);
}

static int
opendirat(int fd, const char *name)
{
	int dir;

	dir = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		err(2, "%s", name);
	return dir;
}

static void
syncclose(int fd)
{
	if (fsync(fd) == -1)
		err(2, "fsync");
	close(fd);
}

static void
makelink(int dir, const char *text, const char *sub, const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s%s", sub, name);
	if (symlinkat(text, dir, path) == -1)
		err(2, "%s", path);
}

struct dirs {
	int store, certs, pending, combined, host, spki;
};

static void
opendirs(struct dirs *d, const char *path)
{
	int index;

	d->store = opendirat(AT_FDCWD, path);
	d->certs = opendirat(d->store, "certs");
	d->pending = opendirat(d->store, ".pending");
	d->combined = opendirat(d->store, "combined");
	index = opendirat(d->store, "index");
	d->host = opendirat(index, "host");
	d->spki = opendirat(index, "spki");
	close(index);
}

static void
linkindex(const struct dirs *d, const struct pair *pair, const char *name)
{
	char host[300], text[300];

	snprintf(text, sizeof(text), "../../certs/%s", name);
	snprintf(host, sizeof(host), "%s.example.com", name);
	makelink(d->host, text, "", host);
	makelink(d->host, text, "www.", host);
	makelink(d->spki, text, "", pair->spki);
}

static void
linkcombined(const struct dirs *d, const char *name)
{
	char file[300], text[300];

	snprintf(file, sizeof(file), "%s.pem", name);
	snprintf(text, sizeof(text), "../certs/%s/combined.pem", name);
	makelink(d->combined, text, "", file);
}

/* In the order of certstore(5). */
static void
import(const char *store, const char *name, const char *file)
{
	static struct pair pair;
	struct dirs d;
	char gen[300];
	int i, keep[8], lock;

	parsepair(&pair, file);
	opendirs(&d, store);
	if ((lock = openat(d.store, ".lock", O_RDWR | O_CLOEXEC)) == -1 ||
	    flock(lock, LOCK_EX) == -1)
		err(2, ".lock");
	snprintf(gen, sizeof(gen), ".%s@1", name);
	makelink(d.pending, gen, "", name);
	writegen(d.certs, gen, name, &pair, keep);
	linkindex(&d, &pair, name);
	for (i = 0; i < 8; i++)
		syncclose(keep[i]);
	if (fsync(d.certs) == -1 || fsync(d.pending) == -1)
		err(2, "fsync");
	syncclose(d.host);
	syncclose(d.spki);
	makelink(d.certs, gen, "", name);
	syncclose(d.certs);
	linkcombined(&d, name);
	syncclose(d.combined);
	if (unlinkat(d.pending, name, 0) == -1)
		err(2, "%s", name);
}

static void
bulk(const char *path, const char *from)
{
	static const char *const subs[] = { "", "/certs", "/.pending",
		"/combined", "/index", "/index/host", "/index/spki" };
	static struct pair pair;
	struct dirent *de;
	struct dirs d;
	char dir[4096], gen[300], name[256];
	size_t i;
	DIR *files;

	for (i = 0; i < sizeof(subs) / sizeof(subs[0]); i++) {
		snprintf(dir, sizeof(dir), "%s%s", path, subs[i]);
		if (mkdir(dir, 0755) == -1 && errno != EEXIST)
			err(2, "%s", dir);
	}
	opendirs(&d, path);
	if ((files = opendir(from)) == NULL)
		err(2, "%s", from);
	while ((de = readdir(files)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(dir, sizeof(dir), "%s/%s", from, de->d_name);
		parsepair(&pair, dir);
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(de->d_name, "."), de->d_name);
		snprintf(gen, sizeof(gen), ".%s@1", name);
		writegen(d.certs, gen, name, &pair, NULL);
		linkindex(&d, &pair, name);
		makelink(d.certs, gen, "", name);
		linkcombined(&d, name);
	}
	closedir(files);
}

static X509 *
readcert(const char *file)
{
	X509 *x509 = NULL;
	BIO *bio;

	if ((bio = BIO_new_file(file, "r")) != NULL)
		x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (x509 == NULL)
		errx(2, "%s: no certificate", file);
	BIO_free(bio);
	return x509;
}

static void
showcert(const char *file)
{
	X509 *x509 = readcert(file);

	X509_NAME_print_ex_fp(stdout, X509_get_subject_name(x509), 0,
	    XN_FLAG_RFC2253);
	X509_free(x509);
}

static void
repeat(const char *file, long count)
{
	X509 *x509 = readcert(file);
	const unsigned char *p;
	unsigned char *der = NULL;
	int len;

	len = i2d_X509(x509, &der);
	X509_free(x509);
	for (; len > 0 && count > 0; count--) {
		p = der;
		X509_free(d2i_X509(NULL, &p, len));
	}
	OPENSSL_free(der);
}

int
main(int argc, char *argv[])
{
	const char *what = argc > 2 ? argv[1] : "";

	if (strcmp(what, "cert") == 0 && argc == 3)
		showcert(argv[2]);
	else if (strcmp(what, "d2i") == 0 && argc == 4)
		repeat(argv[2], strtol(argv[3], NULL, 10));
	else if (strcmp(what, "rsa") == 0 && argc == 3)
		EVP_PKEY_free(
		    EVP_RSA_gen((unsigned int)strtoul(argv[2], NULL, 10)));
	else if (strcmp(what, "import") == 0 && argc == 5)
		import(argv[2], argv[3], argv[4]);
	else if (strcmp(what, "bulk") == 0 && argc == 4)
		bulk(argv[2], argv[3]);
	else {
		fputs("usage: parse cert FILE\n"
		      "       parse d2i FILE COUNT\n"
		      "       parse rsa BITS\n"
		      "       parse import STORE NAME FILE\n"
		      "       parse bulk DIR FROM\n",
		    stderr);
		return 2;
	}
	return 0;
}
