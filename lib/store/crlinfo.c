/*
 * crlinfo.c: crl/.NAME/info, certstore(5): what the CRL of a CA contains, so that
 * who asks when it is to be made anew needs no libcrypto.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

#define FIRST "certstore 1\n"

static int
copycrlvalue(char *out, size_t size, const struct cs_propline *l)
{
	if (l->len >= size)
		return -1;
	memcpy(out, l->value, l->len);
	out[l->len] = '\0';
	return 0;
}

static int
iscrlword(const struct cs_propline *l, const char *word)
{
	return l->wordlen == strlen(word) &&
	    memcmp(l->word, word, l->wordlen) == 0;
}

/* Takes a line: 0, -1 it is malformed, or no memory. */
static int
takecrlline(struct cs_crlinfo *ci, const struct cs_propline *l)
{
	char name[CS_NAME_MAX + 1];

	if (iscrlword(l, "spki"))
		return copycrlvalue(ci->spki, sizeof(ci->spki), l);
	if (iscrlword(l, "issuer"))
		return copycrlvalue(ci->issuer, sizeof(ci->issuer), l);
	if (iscrlword(l, "number"))
		ci->number = strtoull(l->value, NULL, 10);
	else if (iscrlword(l, "starts"))
		ci->starts = strtoll(l->value, NULL, 10);
	else if (iscrlword(l, "ends"))
		ci->ends = strtoll(l->value, NULL, 10);
	else if (iscrlword(l, "count"))
		ci->count = strtoul(l->value, NULL, 10);
	else if (iscrlword(l, "recorded"))
		ci->recorded = strtoul(l->value, NULL, 10);
	else if (iscrlword(l, "chain"))
		return copycrlvalue(name, sizeof(name), l) == 0 &&
			cs_name_isvalid(name) ?
		    cs_strings_add(&ci->chain, name) :
		    -1;
	return 0;
}

static int
parsecrlinfo(struct cs_crlinfo *ci, const struct cs_buf *text)
{
	struct cs_propline l;
	size_t pos = 0;

	if (text->len < strlen(FIRST) ||
	    strncmp(text->p, FIRST, strlen(FIRST)) != 0)
		return -1;
	while (cs_props_nextline(text, &pos, &l))
		if (takecrlline(ci, &l) == -1)
			return -1;
	return ci->spki[0] != '\0' && ci->issuer[0] != '\0' &&
		ci->number != 0 && ci->starts != 0 && ci->ends > ci->starts ?
	    0 :
	    -1;
}

int
cs_crlinfo_read(struct certstore *store, const char *name,
    struct cs_crlinfo *ci, struct certstore_error *err)
{
	struct cs_buf text = { 0 };
	struct cs_setgen live;
	struct cs_setname tn;
	int rv;

	memset(ci, 0, sizeof(*ci));
	if (cs_crlname_init(&tn, store, name, err) == -1)
		return -1;
	if ((rv = cs_setgen_open(&tn, &live, err)) != 1)
		goto out;
	ci->gen = live.gen;
	if (cs_file_record(live.fd, CS_CRL_INFO, CS_RECORD_MAX, &text) == -1 &&
	    errno != ENOENT && errno != EINVAL)
		rv = cs_fail_errno(err, "%s/" CS_CRL_DIR "/.%s/" CS_CRL_INFO,
		    store->path, name);
	else if (parsecrlinfo(ci, &text) == -1)
		rv = cs_fail(err, CERTSTORE_EDAMAGED,
		    "%s/" CS_CRL_DIR "/.%s/" CS_CRL_INFO
		    ": is damaged: use cert-crl%s %s to make the CRL again",
		    store->path, name, store->option, name);
	cs_file_close(&live.fd);
out:
	cs_buf_free(&text);
	cs_crlname_done(&tn);
	return rv;
}

int
cs_crlinfo_compose(struct cs_buf *b, const struct cs_crlinfo *ci)
{
	char starts[CERTSTORE_TIME_LEN], ends[CERTSTORE_TIME_LEN];
	size_t i;
	int bad;

	bad = cs_buf_printf(b,
	    FIRST "spki %s\nissuer %s\nnumber %llu\nstarts %lld %s\n"
		  "ends %lld %s\ncount %zu\nrecorded %zu\n",
	    ci->spki, ci->issuer, (unsigned long long)ci->number,
	    (long long)ci->starts, certstore_time_format(ci->starts, starts),
	    (long long)ci->ends, certstore_time_format(ci->ends, ends),
	    ci->count, ci->recorded);
	for (i = 0; i < ci->chain.n; i++)
		bad |= cs_buf_printf(b, "chain %s\n", ci->chain.v[i]);
	return bad == 0 ? 0 : -1;
}

static int
countserial(void *arg, const char *file)
{
	char own[CS_SERIAL_LEN];
	size_t *n = arg;

	*n += cs_issued_serial(own, file) == 0 && strcmp(own, file) == 0;
	return 0;
}

int
cs_crlinfo_recorded(const struct certstore *store, const char *spki, size_t *n)
{
	char path[sizeof("revoked/") + CS_HASH_LEN];

	*n = 0;
	if (store->fd == -1)
		return 0;
	snprintf(path, sizeof(path), "revoked/%s", spki);
	if (cs_file_each(store->fd, path, countserial, n) == 0)
		return 0;
	return errno == ENOENT ? 0 : -1;
}

/* A third of its life before the end. */
int64_t
cs_crlinfo_due(const struct cs_crlinfo *ci)
{
	return ci->ends - (ci->ends - ci->starts) / 3;
}

void
cs_crlinfo_done(struct cs_crlinfo *ci)
{
	cs_strings_free(&ci->chain);
	memset(ci, 0, sizeof(*ci));
}
