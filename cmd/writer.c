/*
 * writer.c: opens the store to change it; what is changed goes to syslog(3) if
 * the settings of the store have it.  A file of its own, so that readers need no
 * function for it.
 */
#include <syslog.h>

#include "cmd.h"

static void
putsyslog(void *arg, const char *line)
{
	(void)arg;
	syslog(LOG_AUTHPRIV | LOG_NOTICE, "%s", line);
}

struct certstore *
cmd_openwriter(int flags)
{
	cmd_syslog = putsyslog;
	return cmd_open(flags);
}
