/*
 * method-tkauth.c: tkauth:PROGRAM[,WORD...], a program that gets the token of a
 * token authority, such as the policy administrator of STIR/SHAKEN, RFC 9447
 * and 9448, and prints it:
 *
 *	PROGRAM WORD... token TYPE TNAUTHLIST FINGERPRINT CA AUTHORITY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"

#define TOKEN_MAX 16384 /* bytes */

struct tkauth {
	struct kind_program program;
	struct cmd_text token; /* as it was printed, or nothing */
};

static int
parsetkauth(struct method *m, const char *arg, struct method_why *why)
{
	struct tkauth *t;

	t = m->state = kind_alloc(sizeof(*t));
	t->program.hook.answer = &t->token;
	return kind_program_parse(m, &t->program, arg == NULL ? "" : arg, why);
}

/* The only type of token there is for telephone numbers, RFC 9447 section 3. */
static int
cantkauth(const struct method *m, const struct method_task *task)
{
	(void)m;
	return strcmp(task->type, "tkauth-01") == 0 && task->tkauth != NULL &&
	    strcmp(task->tkauth, "atc") == 0;
}

static int
begintkauth(struct method *m, struct method_why *why)
{
	struct tkauth *t = m->state;

	return kind_program_begin(m, &t->program, why);
}

/* Three parts of base64url, RFC 7515 section 7.1: what is wrong, or NULL. */
static const char *
tokenflaw(const char *token)
{
	size_t dots = 0, len = strlen(token), n;

	if (len == 0)
		return "printed no token";
	if (len > TOKEN_MAX)
		return "printed more than a token";
	for (; *token != '\0'; token += n) {
		n = strspn(token,
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "abcdefghijklmnopqrstuvwxyz"
		    "0123456789-_");
		if (n == 0 || (token[n] != '\0' && token[n] != '.') ||
		    (token[n] == '.' && (dots++ == 2 || token[n + 1] == '\0')))
			return "printed what is not a token (RFC 7519)";
		n += token[n] == '.';
	}
	return dots == 2 ? NULL : "printed what is not a token (RFC 7519)";
}

static void
forgettoken(struct tkauth *t)
{
	if (t->token.p != NULL)
		explicit_bzero(t->token.p, t->token.size);
	cmd_text_free(&t->token);
	memset(&t->token, 0, sizeof(t->token));
}

/* Gets a token, which is good for one authorization. */
static int
setuptkauth(struct method *m, const struct method_task *task,
    const struct kind_note *note, struct method_why *why)
{
	struct tkauth *t = m->state;
	const char *flaw;
	char *words[6];
	size_t i;
	int rv;

	(void)note;
	words[0] = kind_print("token");
	words[1] = kind_print("%s", task->type);
	words[2] = kind_print("%s", task->name);
	words[3] = kind_print("%s", task->fingerprint);
	words[4] = kind_print("false");
	words[5] = kind_print("%s",
	    task->authority == NULL ? "" : task->authority);
	rv = kind_program_run(m, &t->program, words, 6, why);
	for (i = 0; i < 6; i++)
		free(words[i]);
	if (rv == 0) {
		cmd_text_adds(&t->token, "");
		if (t->token.len > 0 && t->token.p[t->token.len - 1] == '\n')
			t->token.p[--t->token.len] = '\0';
		if ((flaw = tokenflaw(t->token.p)) != NULL)
			rv = kind_fail(why, "%s: %s", m->word, flaw);
	}
	if (rv == -1)
		forgettoken(t);
	return rv;
}

/* RFC 9447 section 3.1 */
static char *
answertkauth(struct method *m)
{
	struct tkauth *t = m->state;
	char *text = kind_print("{\"tkauth\":\"%s\"}", t->token.p);

	forgettoken(t);
	return text;
}

static void
endtkauth(struct method *m)
{
	struct tkauth *t = m->state;

	if (t == NULL)
		return;
	forgettoken(t);
	kind_program_end(&t->program);
	free(t);
	m->state = NULL;
}

const struct kind kind_tkauth = {
	.name = "tkauth",
	.parse = parsetkauth,
	.can = cantkauth,
	.begin = begintkauth,
	.setup = setuptkauth,
	.answer = answertkauth,
	.end = endtkauth,
};
