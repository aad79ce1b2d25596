/*
 * cert-renew: renews the certificates that are due.  As a rule none is, so this
 * program is linked without libcrypto, and runs renew-due if one is.
 */
#include <stddef.h>

#include "cmd.h"

int
main(int argc, char *argv[])
{
	return cmd_renewal(argc, argv, NULL);
}
