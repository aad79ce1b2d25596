/*
 * assign.c: operands that are names, and behind them assignments of properties.
 */
#include <stdio.h>
#include <string.h>

#include "cmd.h"

/*
 * Returns the first assignment, prop=value, prop+=value or prop-=value.  The
 * names come before it: they are moved down by one, over the last option or
 * argv[0], so that NULL ends them.  Ends the command without a name.
 */
char **
cmd_assignments(char **operands)
{
	char **p, **changes, clean[128];

	for (p = operands; *p != NULL && strchr(*p, '=') == NULL; p++)
		;
	if (p == operands)
		cmd_usage();
	changes = p;
	for (; *p != NULL; p++)
		if (strchr(*p, '=') == NULL)
			cmd_die("%s: names come before the assignments",
			    cmd_clean(*p, clean, sizeof(clean)));
	memmove(operands - 1, operands,
	    (size_t)(changes - operands) * sizeof(*operands));
	changes[-1] = NULL;
	return changes;
}

/*
 * Cuts prop=value, prop+=value or prop-=value behind prop.  Returns the value,
 * and what is to be done with it.
 */
const char *
cmd_assignment(char *operand, enum certstore_set_how *how)
{
	char *equals = strchr(operand, '='), *end = equals;

	*how = CERTSTORE_SET_REPLACE;
	if (equals > operand && equals[-1] == '+')
		*how = CERTSTORE_SET_ADD;
	else if (equals > operand && equals[-1] == '-')
		*how = CERTSTORE_SET_REMOVE;
	if (*how != CERTSTORE_SET_REPLACE)
		end--;
	*end = '\0';
	return equals + 1;
}

/* Ends the command if one of these codes, with commas between, is none. */
static void
checkcodes(const char *value)
{
	enum certstore_severity severity;
	const char *code, *text;
	char clean[128], word[64];
	size_t i, len;

	for (; *value != '\0'; value += len + (value[len] == ',')) {
		len = strcspn(value, ",");
		for (i = 0; certstore_audit_code(i, &code, &severity, &text);
		     i++)
			if (strlen(code) == len &&
			    memcmp(code, value, len) == 0)
				break;
		if (code != NULL)
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60),
		    value);
		cmd_die("ignore: %s is not a code: see cert-check(1)",
		    cmd_clean(word, clean, sizeof(clean)));
	}
}

/* Adds an assignment, which is cut, to a set; ends the command if it cannot be
 * made. */
void
cmd_assign(struct certstore_set *set, char *operand)
{
	struct certstore_error err;
	enum certstore_set_how how;
	const char *value = cmd_assignment(operand, &how);

	if (certstore_set_change(set, operand, how, value, &err) == -1)
		cmd_die("%s", err.msg);
	if (strcmp(operand, "ignore") == 0 && how != CERTSTORE_SET_REMOVE)
		checkcodes(value);
}
