/*
 * profileline.c: the lines of a profile file, certstore(5): those options of
 * cert-create(1) that describe a certificate, and what these cannot say.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#include <openssl/err.h>

#include "issue/private.h"

#define DIR_NAME "profiles"

/* The lines that are there at most once. */
enum single { ONCE_C, ONCE_L, ONCE_P, ONCE_T, NONCE };

struct lines {
	struct certstore_template *t;
	int seen[NONCE];
};

static int
setonce(struct lines *in, enum single which, struct certstore_error *err)
{
	if (in->seen[which])
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "is there twice: remove one");
	in->seen[which] = 1;
	return 0;
}

static int
setlifeline(struct certstore_template *t, const char *value,
    struct certstore_error *err)
{
	struct certstore_span life;

	if (certstore_span_parse(value, &life, err) == -1)
		return -1;
	return certstore_template_set_life(t, &life, err);
}

/* An option of cert-create(1). */
static int
setoptionline(struct lines *in, char letter, const char *value,
    struct certstore_error *err)
{
	struct certstore_template *t = in->t;

	if (letter != '\0' && strchr("ClPSst", letter) != NULL &&
	    *value == '\0')
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "the argument is missing: add it");
	switch (letter) {
	case 'C':
		return certstore_template_add_constraint(t, value, err);
	case 'c':
		if (*value != '\0')
			return cs_fail(err, CERTSTORE_EARGUMENT,
			    "takes no argument: remove it");
		return setonce(in, ONCE_C, err) == -1 ?
		    -1 :
		    certstore_template_set_ca(t, err);
	case 'l':
		return setonce(in, ONCE_L, err) == -1 ?
		    -1 :
		    setlifeline(t, value, err);
	case 'P':
		return setonce(in, ONCE_P, err) == -1 ?
		    -1 :
		    certstore_template_set_profile(t, value, err);
	case 'S':
		return certstore_template_add_subject(t, value, err);
	case 's':
		return certstore_template_add_san(t, value, err);
	case 't':
		return setonce(in, ONCE_T, err) == -1 ?
		    -1 :
		    certstore_template_set_type(t, value, err);
	default:
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "does not describe a certificate: remove this line, only "
		    "-C, -c, -l, -P, -S, -s and -t can be in a profile");
	}
}

/* Calls fn for each of the words, which are cut. */
static int
eachword(struct cs_extra *x, char *words,
    int (*fn)(struct cs_extra *, const char *, struct certstore_error *),
    struct certstore_error *err)
{
	char *word;
	int n = 0;

	for (; (word = strsep(&words, " \t,")) != NULL;)
		if (*word != '\0' && n++ >= 0 && fn(x, word, err) == -1)
			return -1;
	return n > 0 ? 0 :
		       cs_fail(err, CERTSTORE_EARGUMENT,
			   "has no word behind it: add one or remove this "
			   "line");
}

/* One line, whose word and value are strings. */
static int
setprofileline(struct lines *in, const char *word, char *value,
    struct certstore_error *err)
{
	if (word[0] == '-' && word[1] != '\0' && word[2] == '\0')
		return setoptionline(in, word[1], value, err);
	if (strcmp(word, "keyusage") == 0)
		return eachword(&in->t->extra, value, cs_extra_addusage, err);
	if (strcmp(word, "purpose") == 0)
		return eachword(&in->t->extra, value, cs_extra_addpurpose, err);
	if (strcmp(word, "extension") == 0)
		return cs_extra_addext(&in->t->extra, value, err);
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "unknown line: use an option and a blank, as in \"-t p256\", or "
	    "keyusage, purpose or extension");
}

/* Names file, line and word before the reason.  Always -1. */
static int
refuseprofileline(const char *label, size_t n, const char *word,
    struct certstore_error *err)
{
	struct certstore_error was = *err;
	char q[CS_QUOTE_LEN];
	const char *p;

	if (cs_error_isnomem(&was))
		return -1;
	for (p = word; *p > ' ' && *p < 0x7f && *p != '"'; p++)
		;
	return cs_fail(err, CERTSTORE_EREFUSED, "%s:%zu: %.60s %s", label, n,
	    *p == '\0' && *word != '\0' ? word : cs_escape_quote(q, word),
	    was.msg);
}

/* Cuts a line into word and value, and reads it. */
static int
readprofileline(struct lines *in, const char *label, size_t n,
    const struct cs_propline *l, struct certstore_error *err)
{
	char *value = NULL, *word = NULL;
	int rv;

	if (memchr(l->text, '\0', l->textlen) != NULL)
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s:%zu: has a NUL byte: remove it", label, n);
	if ((word = strndup(l->word, l->wordlen)) == NULL ||
	    (value = strndup(l->value, l->len)) == NULL) {
		free(word);
		return cs_fail_nomem(err);
	}
	if ((rv = setprofileline(in, word, value, err)) == -1)
		refuseprofileline(label, n, word, err);
	free(value);
	free(word);
	return rv;
}

/* Which lines exclude each other, or NULL. */
static const char *
conflictof(const struct certstore_template *t, int hasprofile)
{
	if (t->ca &&
	    (hasprofile || t->extra.usage != 0 || t->extra.purposes != NULL))
		return "-P, keyusage and purpose are not for a CA: remove -c "
		       "or them";
	if (!t->ca &&
	    (t->pathlen >= 0 || t->permit != NULL || t->exclude != NULL))
		return "constraints are for a CA: add -c or remove -C";
	if (cs_calls_signs(t) &&
	    (t->extra.usage != 0 || t->extra.purposes != NULL))
		return "a certificate that signs calls has no keyusage and "
		       "no purpose: remove them";
	return cs_calls_flaw(t);
}

/*
 * Without -P, and without a purpose that a built-in profile has, the purposes
 * are all that the certificate is for.
 */
int
cs_profileline_parse(struct certstore_template *t, const char *label,
    const struct cs_buf *text, struct certstore_error *err)
{
	struct lines in = { .t = t };
	struct cs_propline l;
	const char *flaw;
	size_t n = 0, pos = 0;

	while (cs_props_nextline(text, &pos, &l)) {
		n++;
		if (l.wordlen > 0 && l.word[0] != '#' &&
		    readprofileline(&in, label, n, &l, err) == -1)
			return -1;
	}
	if ((flaw = conflictof(t, in.seen[ONCE_P])) != NULL)
		return cs_fail(err, CERTSTORE_EREFUSED, "%s: %s", label, flaw);
	if (!t->ca && t->profile[0] == '\0' && t->extra.purposes == NULL)
		strlcpy(t->profile, "server", sizeof(t->profile));
	return cs_extra_fold(t) == 0 ? 0 : cs_fail_nomem(err);
}

/* A template of the lines of a file: 1, 0 there is no such file, -1. */
static int
readprofile(struct certstore *store, const char *name,
    struct certstore_template **t, struct certstore_error *err)
{
	struct cs_buf text = { NULL, 0, 0 };
	char *label = NULL;
	int rv;

	*t = NULL;
	if ((rv = cs_profile_read(store, name, &text, err)) != 1)
		goto out;
	rv = -1;
	if (asprintf(&label, "%s/" DIR_NAME "/%s", certstore_path(store),
		name) == -1) {
		label = NULL;
		cs_fail_nomem(err);
	} else if ((*t = certstore_template_new(err)) != NULL)
		rv = cs_profileline_parse(*t, label, &text, err) == 0 ? 1 : -1;
out:
	free(label);
	cs_buf_free(&text);
	return rv;
}

int
cs_profileline_check(struct certstore *store, const char *name,
    struct certstore_error *err)
{
	struct certstore_template *t;
	int rv;

	cs_error_clear(err);
	if (cs_template_isprofile(name))
		return cs_fail(err, CERTSTORE_EREFUSED,
		    "%s/" DIR_NAME "/%s: %s is built in, so that the file is "
		    "not used: rename it",
		    certstore_path(store), name, name);
	rv = readprofile(store, name, &t, err);
	certstore_template_free(t);
	ERR_clear_error();
	return rv == -1 ? -1 : 0;
}

/*
 * Adds what a profile has: single values that the template lacks, all of the
 * lists, and subject attributes of which it has none.  With a key of its own, it
 * needs no type.
 */
static int
inheritprofile(struct certstore_template *t,
    const struct certstore_template *from, struct certstore_error *err)
{
	size_t i;
	int bad = 0;

	strlcpy(t->profile, from->profile, sizeof(t->profile));
	if (t->type[0] == '\0' && t->pkey == NULL)
		strlcpy(t->type, from->type, sizeof(t->type));
	if (!t->haslife && from->haslife) {
		t->life = from->life;
		t->haslife = 2;
	}
	if (t->pathlen < 0)
		t->pathlen = from->pathlen;
	for (i = 0; i < from->nsan; i++)
		bad |= cs_template_addsan(t, from->san[i].type,
		    from->san[i].value);
	bad |= cs_subject_inherit(t, from);
	cs_extra_free(&t->extra);
	bad |= cs_extra_merge(&t->extra, &from->extra);
	if (bad != 0)
		return cs_fail_nomem(err);
	if (cs_calls_add(t, from, NULL, err) == -1 ||
	    cs_constraint_merge(&t->permit, from->permit, err) == -1 ||
	    cs_constraint_merge(&t->exclude, from->exclude, err) == -1)
		return -1;
	return 0;
}

/* A CA is made only where that was asked for, too. */
static int
checkcaprofile(const struct certstore_template *t,
    const struct certstore_template *from, const char *name,
    struct certstore_error *err)
{
	if (from->ca == t->ca)
		return 0;
	return cs_fail(err, CERTSTORE_EARGUMENT, "%s: %s", name,
	    from->ca ? "is a profile for a CA: add -c" :
		       "is not a profile for a CA: remove -c or use another");
}

static int
failunknown(const struct certstore *store, const char *name,
    struct certstore_error *err)
{
	char q[CS_QUOTE_LEN];

	if (!cs_name_isvalid(name))
		return cs_fail(err, CERTSTORE_EARGUMENT,
		    "%s: unknown profile: use server, client, peer, mail or "
		    "shaken",
		    cs_escape_quote(q, name));
	return cs_fail(err, CERTSTORE_EARGUMENT,
	    "%s: unknown profile: use server, client, peer, mail or shaken, "
	    "or add the file %s/" DIR_NAME "/%s",
	    cs_escape_quote(q, name), certstore_path(store), name);
}

int
certstore_template_load_profile(struct certstore_template *t,
    struct certstore *store, const char *name, struct certstore_error *err)
{
	struct certstore_template *from = NULL;
	int rv;

	cs_error_clear(err);
	if (cs_template_isprofile(name))
		return certstore_template_set_profile(t, name, err);
	rv = cs_name_isvalid(name) ? readprofile(store, name, &from, err) : 0;
	if (rv == 1 && (rv = checkcaprofile(t, from, name, err)) == 0)
		rv = inheritprofile(t, from, err);
	else if (rv == 0)
		rv = failunknown(store, name, err);
	certstore_template_free(from);
	ERR_clear_error();
	return cs_template_concludeprofile(t, rv, err);
}
