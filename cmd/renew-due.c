/*
 * renew-due.c: cert-renew with the function that renews, and with libcrypto;
 * run by cert-renew.
 */
#include <stdio.h>

#include "cmd.h"

/* Takes the certificate that is held, if there is one: 1, 0, -1. */
static int
takeheld(struct certstore *store, const char *name, struct certstore_error *err)
{
	struct certstore_error ignored;
	struct certstore_order *order;
	char now[32];
	int rv = 0;

	if ((order = certstore_order_open(store, name, err)) == NULL)
		return -1;
	if (certstore_order_value(order, "held") != NULL)
		rv = certstore_order_take(order, 0, err);
	/* the CA is to be asked when it wants a renewal */
	snprintf(now, sizeof(now), "%lld", (long long)certstore_time_now());
	if (rv == 1)
		(void)certstore_order_set(order, "ari-next", now, &ignored);
	certstore_order_close(order);
	return rv;
}

int
main(int argc, char *argv[])
{
	static const struct cmd_renewer renewer = { certstore_renew, takeheld,
		certstore_crl_publish };

	return cmd_renewal(argc, argv, &renewer);
}
