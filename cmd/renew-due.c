/*
 * renew-due.c: cert-renew with the function that renews, and with libcrypto;
 * run by cert-renew.
 */
#include "cmd.h"

int
main(int argc, char *argv[])
{
	return cmd_renewal(argc, argv, certstore_renew);
}
