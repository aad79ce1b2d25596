/*
 * item.c: the list of items from an input, and their names in messages.  An
 * item may be a key, so it is wiped when it is freed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "pem/private.h"

#define NAME_SHOWN 200 /* bytes of a file name in a message */

int
cs_item_refuse(struct cs_reader *r, size_t line, const char *fmt, ...)
{
	char msg[sizeof(r->err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (r->outer != 0)
		line = r->outer;
	if (line == 0)
		return cs_fail(r->err, CERTSTORE_EINPUT, "%s: %s",
		    r->proto.label, msg);
	return cs_fail(r->err, CERTSTORE_EINPUT, "%s:%zu: %s", r->proto.label,
	    line, msg);
}

char *
cs_item_label(const char *label)
{
	size_t len = strlen(label), size = NAME_SHOWN + sizeof("...");
	size_t skip = 0;
	char *s;

	if (len > NAME_SHOWN)
		skip = len - NAME_SHOWN;
	/* begin with a whole UTF-8 character */
	while (
	    certstore_escape(NULL, 0, label + skip, len - skip) > NAME_SHOWN ||
	    (skip > 0 && ((unsigned char)label[skip] & 0xc0) == 0x80))
		skip++;
	if ((s = malloc(size)) == NULL)
		return NULL;
	strlcpy(s, skip > 0 ? "..." : "", size);
	certstore_escape(s + strlen(s), size - strlen(s), label + skip,
	    len - skip);
	return s;
}

static void
wipeitem(struct cs_pem *item)
{
	free(item->label);
	free(item->pemlabel);
	free(item->dek);
	if (item->passphrase != NULL)
		freezero(item->passphrase, strlen(item->passphrase));
	free(item->aux);
	freezero(item->der, item->derlen);
	memset(item, 0, sizeof(*item));
}

int
cs_item_add(struct cs_pems *list, const struct cs_pem *from,
    enum cs_pem_type type, const unsigned char *der, size_t len)
{
	struct cs_pem *item;

	item = cs_array_extend(list->v, list->n, &list->size, sizeof(*item));
	if (item == NULL)
		return -1;
	list->v = item;
	item += list->n;
	item->type = type;
	item->line = from->line;
	item->derlen = len;
	if ((item->label = strdup(from->label)) == NULL ||
	    (item->pemlabel = strdup(from->pemlabel)) == NULL ||
	    (item->der = malloc(len > 0 ? len : 1)) == NULL) {
		wipeitem(item);
		return -1;
	}
	memcpy(item->der, der, len);
	list->n++;
	return 0;
}

void
cs_item_drop(struct cs_pems *list, size_t n)
{
	while (list->n > n)
		wipeitem(&list->v[--list->n]);
}

void
cs_item_free(struct cs_pems *list)
{
	cs_item_drop(list, 0);
	free(list->v);
	memset(list, 0, sizeof(*list));
}

int
cs_item_iskey(const struct cs_pem *item)
{
	return item->type == CS_PEM_KEY || item->type == CS_PEM_KEY_PKCS8ENC ||
	    item->type == CS_PEM_KEY_DEK;
}

const char *
cs_item_where(const struct cs_pem *item, char *buf, size_t size)
{
	if (item->line == 0)
		strlcpy(buf, item->label, size);
	else
		snprintf(buf, size, "%s:%zu", item->label, item->line);
	return buf;
}
