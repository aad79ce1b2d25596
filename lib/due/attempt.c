/*
 * attempt.c: reads renewal/NAME, certstore(5): what is remembered of renewals
 * that failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "due/private.h"

#define FILE_MAX 4096

static int64_t
readnumber(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return *end == '\0' && n > 0 ? n : 0;
}

static int
setline(struct cs_attempt *a, const char *key, const char *value)
{
	if (strcmp(key, "failed") == 0)
		a->failed = (unsigned int)readnumber(value);
	else if (strcmp(key, "since") == 0)
		a->since = readnumber(value);
	else if (strcmp(key, "tried") == 0)
		a->tried = readnumber(value);
	else if (strcmp(key, "next") == 0)
		a->next = readnumber(value);
	else if (strcmp(key, "text") == 0 && a->text == NULL &&
	    (a->text = strdup(value)) == NULL)
		return -1;
	return 0;
}

/* Returns 1 if it is of this certificate, else 0; -1 without memory. */
static int
parselines(struct cs_attempt *a, struct cs_buf *b, const char *fingerprint)
{
	char *last, *line, *value;
	int ours = 0;

	for (line = strtok_r(b->p, "\n", &last); line != NULL;
	     line = strtok_r(NULL, "\n", &last)) {
		if ((value = strchr(line, ' ')) == NULL)
			continue;
		*value++ = '\0';
		if (strcmp(line, "certificate") == 0)
			ours = strcmp(value, fingerprint) == 0;
		else if (setline(a, line, value) == -1)
			return -1;
	}
	return ours;
}

/*
 * What was written while the clock was wrong must not stop renewal for years.
 */
static int
ispossible(const struct cs_attempt *a, int64_t now)
{
	return a->failed > 0 && a->tried <= now + CS_DAY &&
	    a->next <= now + 2 * CS_DAY;
}

/* What attempts are about: a certificate, or the request for the first one. */
const char *
cs_attempt_of(const struct cs_info *info)
{
	return info->fingerprint != NULL ? info->fingerprint : info->request;
}

/* What cannot be read is as if there were nothing: then it is tried again. */
int
cs_attempt_read(const struct certstore *store, const struct cs_info *info,
    int64_t now, struct cs_attempt *a)
{
	struct cs_buf b = { 0 };
	int fd, rv = 0;

	memset(a, 0, sizeof(*a));
	if (cs_attempt_of(info) == NULL ||
	    (fd = cs_store_opendir(store, CS_ATTEMPT_DIR, 0)) == -1)
		return 0;
	if (cs_file_read(fd, info->name, FILE_MAX, &b) == 0 && b.len > 0)
		rv = parselines(a, &b, cs_attempt_of(info)) == 1 &&
		    ispossible(a, now);
	cs_buf_free(&b);
	close(fd);
	if (rv == 0)
		cs_attempt_done(a);
	return rv;
}

void
cs_attempt_done(struct cs_attempt *a)
{
	free(a->text);
	memset(a, 0, sizeof(*a));
}
