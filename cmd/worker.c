/*
 * worker.c: finds programs of this package that are not commands.  Neither PATH
 * nor argv[0] has a say in that.
 */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"

/*
 * The path of a worker, or of a command that a worker runs: beside this program,
 * as in the source tree, or installed.  If there is none, the path where it
 * should be; returns 0, or -1 and errno.
 */
int
cmd_worker_find(const char *name, char path[CMD_WORKER_LEN])
{
	static const char *const places[] = { "", "../libexec/certstore/",
		"../../bin/" };
	char self[PATH_MAX];
	ssize_t len;
	size_t i;

	len = readlink("/proc/self/exe", self, sizeof(self));
	while (len > 0 && self[len - 1] != '/')
		len--;
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && len > 0; i++) {
		snprintf(path, CMD_WORKER_LEN, "%.*s%s%s", (int)len, self,
		    places[i], name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	snprintf(path, CMD_WORKER_LEN, "%s/certstore/%s", CMD_LIBEXECDIR, name);
	return access(path, X_OK);
}
