/*
 * passport.c: signs and verifies the token of a call, PASSporT (RFC 8225), with
 * ES256 and nothing else.
 *
 *	passport sign KEYFILE URL	prints a token
 *	passport verify CHAINFILE	of a token on stdin: 0, or 1
 *	passport url			of a token on stdin
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define TOKEN_MAX 4096
#define HALF 32 /* octets of r, and of s: RFC 7518 section 3.4 */

static void die(const char *) __attribute__((__noreturn__));

static void
die(const char *what)
{
	fprintf(stderr, "passport: %s\n", what);
	exit(2);
}

static void
encode(char *out, const void *p, size_t len)
{
	char *s;

	EVP_EncodeBlock((unsigned char *)out, p, (int)len);
	for (s = out; *s != '\0'; s++)
		*s = *s == '+' ? '-' : *s == '/' ? '_' : *s == '=' ? '\0' : *s;
}

static size_t
decode(unsigned char *out, const char *text, size_t len)
{
	char b64[TOKEN_MAX + 4];
	size_t i, pad = (4 - len % 4) % 4;
	int n;

	for (i = 0; i < len; i++)
		b64[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	memcpy(b64 + len, "===", pad);
	n = EVP_DecodeBlock(out, (unsigned char *)b64, (int)(len + pad));
	return n < 0 ? 0 : (size_t)n - pad;
}

static int
sign(const char *keyfile, const char *url)
{
	char text[TOKEN_MAX], token[2 * TOKEN_MAX];
	unsigned char der[128], raw[2 * HALF];
	const unsigned char *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *pkey;
	FILE *fp;

	if ((fp = fopen(keyfile, "r")) == NULL ||
	    (pkey = PEM_read_PrivateKey(fp, NULL, NULL, NULL)) == NULL)
		die("no key");
	snprintf(text, sizeof(text),
	    "{\"alg\":\"ES256\",\"ppt\":\"shaken\",\"typ\":\"passport\","
	    "\"x5u\":\"%s\"}",
	    url);
	encode(token, text, strlen(text));
	strcat(token, ".");
	snprintf(text, sizeof(text),
	    "{\"attest\":\"A\",\"dest\":{\"tn\":[\"12155550199\"]},"
	    "\"iat\":1443208345,\"orig\":{\"tn\":\"12155550100\"}}");
	encode(token + strlen(token), text, strlen(text));
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey) != 1 ||
	    EVP_DigestSign(ctx, der, &len, (unsigned char *)token,
		strlen(token)) != 1 ||
	    (sig = d2i_ECDSA_SIG(NULL, &p, (long)len)) == NULL ||
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, HALF) != HALF ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + HALF, HALF) != HALF)
		die("cannot sign");
	strcat(token, ".");
	encode(token + strlen(token), raw, sizeof(raw));
	printf("%s\n", token);
	fclose(fp);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return 0;
}

static int
verify(const char *chainfile, const char *token)
{
	const char *dot = strrchr(token, '.');
	unsigned char *der = NULL, raw[TOKEN_MAX];
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	X509 *x509;
	FILE *fp;
	int bad, len;

	if (dot == NULL || decode(raw, dot + 1, strlen(dot + 1)) != 2 * HALF)
		die("no token");
	if ((fp = fopen(chainfile, "r")) == NULL ||
	    (x509 = PEM_read_X509(fp, NULL, NULL, NULL)) == NULL)
		return 1;
	ECDSA_SIG_set0(sig, BN_bin2bn(raw, HALF, NULL),
	    BN_bin2bn(raw + HALF, HALF, NULL));
	len = i2d_ECDSA_SIG(sig, &der);
	bad = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL,
		  X509_get0_pubkey(x509)) != 1 ||
	    EVP_DigestVerify(ctx, der, (size_t)len, (const void *)token,
		(size_t)(dot - token)) != 1;
	fclose(fp);
	OPENSSL_free(der);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
	X509_free(x509);
	return bad;
}

static int
printurl(const char *token)
{
	char text[TOKEN_MAX];
	char *end, *url;

	text[decode((unsigned char *)text, token, strcspn(token, "."))] = '\0';
	if ((url = strstr(text, "\"x5u\":\"")) == NULL ||
	    (end = strchr(url += 7, '"')) == NULL)
		die("no x5u");
	printf("%.*s\n", (int)(end - url), url);
	return 0;
}

int
main(int argc, char *argv[])
{
	char token[TOKEN_MAX] = "";

	if (argc == 4 && strcmp(argv[1], "sign") == 0)
		return sign(argv[2], argv[3]);
	if (fgets(token, sizeof(token), stdin) == NULL)
		die("no token");
	token[strcspn(token, "\n")] = '\0';
	if (argc == 3 && strcmp(argv[1], "verify") == 0)
		return verify(argv[2], token);
	if (argc == 2 && strcmp(argv[1], "url") == 0)
		return printurl(token);
	die("sign KEYFILE URL | verify CHAINFILE | url");
}
