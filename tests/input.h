/*
 * input.h: reading the files of unit tests, writing DER, and a callback that
 * answers with a passphrase.
 */
#ifndef INPUT_H
#define INPUT_H

#include <openssl/err.h>

#include "pem/private.h"
#include "tap.h"

#define DATA "tests/data/pem/"
#define KEYS "tests/data/keys/"

__attribute__((unused)) static void
readfile(const char *path, struct cs_buf *buf)
{
	char piece[4096];
	FILE *fp;
	size_t n;

	cs_buf_reset(buf);
	if ((fp = fopen(path, "r")) == NULL)
		bail("%s: cannot be read", path);
	while ((n = fread(piece, 1, sizeof(piece), fp)) > 0) {
		if (cs_buf_add(buf, piece, n) == -1)
			bail("no memory");
	}
	fclose(fp);
}

__attribute__((unused)) static int
issame(const struct cs_pem *a, const struct cs_pem *b)
{
	return a->type == b->type && a->derlen == b->derlen &&
	    memcmp(a->der, b->der, a->derlen) == 0;
}

/* Hexadecimal of DER: the contents get tag and length before them. */
__attribute__((unused)) static void
enclose(struct cs_buf *text, const char *tag)
{
	struct cs_buf out = { 0 };
	size_t n = text->len / 2;

	cs_buf_printf(&out, "%s%s%0*zx", tag,
	    n > 255	? "82" :
		n > 127 ? "81" :
			  "",
	    n > 255 ? 4 : 2, n);
	cs_buf_add(&out, text->p == NULL ? "" : text->p, text->len);
	cs_buf_free(text);
	*text = out;
}

/* Returns the passphrase, or -1 if it is NULL; counts the calls. */
struct answer {
	const char *passphrase;
	int asked;
	char what[256];
};

__attribute__((unused)) static int
answer(void *arg, const char *what, char *buf, size_t size)
{
	struct answer *a = arg;

	a->asked++;
	snprintf(a->what, sizeof(a->what), "%s", what);
	if (a->passphrase == NULL)
		return -1;
	return snprintf(buf, size, "%s", a->passphrase);
}

/* Whether the legacy provider is installed, for some keys and PKCS#12. */
__attribute__((unused)) static int
haslegacy(void)
{
	struct cs_old old = { 0 };
	int has;

	has = cs_decrypt_old(&old) != NULL;
	cs_decrypt_old_done(&old);
	ERR_clear_error();
	return has;
}

#endif
