/*
 * fuzz-pem.c: any bytes as PEM, DER, PKCS#7, PKCS#12.  What is accepted must
 * come out the same when it is written and read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "x509/x509.h"
#include "fuzz.h"

static int
answer(void *arg, const char *what, char *buf, size_t size)
{
	(void)arg;
	(void)what;
	return snprintf(buf, size, "phones");
}

/* What every refusal keeps to: file, reason, one line of printable text. */
static void
judge_error(const struct certstore_error *err)
{
	const unsigned char *p = (const unsigned char *)err->msg;

	HOLDS(err->code == CERTSTORE_EINPUT ||
	    err->code == CERTSTORE_EPASSPHRASE);
	HOLDS(strlen(err->msg) < sizeof(err->msg) - 1);
	HOLDS(strncmp(err->msg, "fuzz:", 5) == 0);
	for (; *p != '\0'; p++)
		HOLDS(*p >= 0x20 && *p != 0x7f);
}

static const char *
labelof(const struct cs_pem *item)
{
	switch (item->type) {
	case CS_PEM_CERT:
		return "CERTIFICATE";
	case CS_PEM_KEY:
		return "PRIVATE KEY";
	case CS_PEM_KEY_PKCS8ENC:
		return "ENCRYPTED PRIVATE KEY";
	case CS_PEM_CSR:
		return "CERTIFICATE REQUEST";
	case CS_PEM_PUBKEY:
		return "PUBLIC KEY";
	default:
		HOLDS(item->type == CS_PEM_KEY_DEK && item->dek != NULL);
		return NULL;
	}
}

static void
judge_item(const struct cs_pem *item)
{
	struct cs_pems again = { NULL, 0, 0 };
	struct cs_buf text = { NULL, 0, 0 };
	struct certstore_error err;
	const char *label;
	char where[64];

	HOLDS(item->der != NULL && item->derlen > 0);
	HOLDS(
	    strncmp(cs_item_where(item, where, sizeof(where)), "fuzz", 4) == 0);
	if ((label = labelof(item)) == NULL)
		return;
	if (cs_pem_encode(&text, label, item->der, item->derlen) == -1)
		abort();
	/* What is written takes more room than what came in. */
	if (text.len <= CERTSTORE_INPUT_MAX) {
		HOLDS(cs_pem_read("again", text.p, text.len, NULL, &again,
			  &err) == 0);
		HOLDS(again.n == 1 && again.v[0].type == item->type);
		HOLDS(again.v[0].derlen == item->derlen);
		HOLDS(memcmp(again.v[0].der, item->der, item->derlen) == 0);
	}
	cs_item_free(&again);
	cs_buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct certstore_passphrase ask = { answer, NULL };
	struct cs_pems list = { NULL, 0, 0 };
	struct certstore_error err;
	size_t i;

	memset(&err, 0, sizeof(err));
	if (cs_pem_read("fuzz", data, len, &ask, &list, &err) == -1) {
		judge_error(&err);
		HOLDS(list.n == 0);
	} else {
		HOLDS(list.n > 0);
	}
	HOLDS(ERR_peek_error() == 0);
	for (i = 0; i < list.n; i++)
		judge_item(&list.v[i]);
	cs_item_free(&list);
	return 0;
}
