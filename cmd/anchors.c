/*
 * anchors.c: whom a verification trusts: the option -T.
 */
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "cmd.h"

/* Whether an argument of -T is a file or directory, not the name of a set. */
int
cmd_anchors_ispath(const char *anchors)
{
	return strcmp(anchors, "-") == 0 || strpbrk(anchors, "/.") != NULL;
}

void
cmd_anchors(struct certstore_verify *v, const char *path)
{
	struct certstore_error err;
	struct cmd_input in;
	struct stat st;
	char clean[512];
	int rv;

	if (path == NULL || !cmd_anchors_ispath(path) ||
	    (strcmp(path, "-") != 0 && stat(path, &st) == 0 &&
		S_ISDIR(st.st_mode))) {
		rv = certstore_verify_set_anchors(v, path, &err);
	} else {
		if (cmd_input(path, "-T", &in) == -1)
			exit(cmd_end());
		rv = certstore_verify_add_anchors(v, in.label, in.data, in.len,
		    &err);
		cmd_input_wipe();
		if (rv == -1 && err.code == CERTSTORE_EPASSPHRASE)
			cmd_die("-T %s: is encrypted: convert it to PEM with "
				"openssl pkcs12 -nokeys",
			    cmd_clean(in.label, clean, sizeof(clean)));
	}
	if (rv == -1)
		cmd_die("%s", err.msg);
}
