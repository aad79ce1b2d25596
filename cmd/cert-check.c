/*
 * cert-check: what is wrong with a store, and what expires.  As a rule nothing
 * expires, so this program is linked without libcrypto, and runs check-store for
 * all else.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

/* Is only asked for what expires, and nothing does?  Also 0 if that fails:
 * check-store reports why. */
static int
isquiet(const struct cmd_check *check)
{
	struct certstore_error err;
	struct certstore *store;
	int rv;

	if (check->nwithin == 0 || check->repair ||
	    check->monitor.form == CMD_METRICS)
		return 0;
	if ((store = cmd_tryopen(0, &err)) == NULL)
		return 0;
	rv = certstore_audit_isneeded(store, &check->within[0], check->when,
	    &err);
	certstore_close(store);
	return rv == 0;
}

int
main(int argc, char *argv[])
{
	char path[CMD_WORKER_LEN];
	struct cmd_check check;
	int ended, status = 0;

	if (cmd_check_options(&check, argc, argv) < argc || !isquiet(&check)) {
		if (cmd_worker_find("check-store", path) == 0)
			execv(path, argv);
		cmd_die("%s: %s: install certstore again", path,
		    strerror(errno));
	}
	if (check.monitor.form == CMD_NAGIOS)
		status = cmd_monitor_nagios(&check.monitor, NULL, check.now);
	cmd_monitor_free(&check.monitor);
	ended = cmd_end();
	return check.monitor.form == CMD_NAGIOS && ended < 3 ? status : ended;
}
