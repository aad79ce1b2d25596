/*
 * acme-chain.c: the certificate of an order, RFC 8555 section 7.4.2, and which
 * of the chains that the CA offers for it.
 */
#include <string.h>

#include "cmd.h"
#include "entry.h"

#define CHAIN_MAX 16

/* Is an issuer of that name in the chain? */
static int
haschain(const char *label, const char *pem, size_t len, const char *name)
{
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct certstore_error err;
	int found = 0;

	if ((certs = certstore_certs_read(label, pem, len, NULL, &err)) == NULL)
		return 0;
	while (!found && certstore_certs_next(certs, &entry, &err) == 1)
		found = strstr(certstore_entry_issuer(entry), name) != NULL;
	certstore_certs_free(certs);
	return found;
}

/*
 * The certificate with the chain that is preferred; if there is none, the
 * default and a line about it.
 */
static int
choosechain(struct acme *acme, const char *name, const char *chain,
    const char *url, struct acme_answer *answer, struct acme_error *err)
{
	const struct acme_link *link;
	struct acme_answer other;

	if (acme_certificate(acme, url, answer, err) == -1)
		return -1;
	if (chain == NULL || haschain(name, answer->body, answer->len, chain))
		return 0;
	for (link = answer->links; link != NULL; link = link->next) {
		if (!acme_link_is(link->rel, "alternate") ||
		    !acme_host_is(acme, link->url))
			continue;
		if (acme_certificate(acme, link->url, &other, err) == 0 &&
		    haschain(name, other.body, other.len, chain)) {
			acme_answer_free(answer);
			*answer = other;
			return 0;
		}
		acme_answer_free(&other);
	}
	cmd_say("%s: the CA offers no chain with \"%s\": its default is used",
	    name, chain);
	return 0;
}

/* Clients give up long before such a chain ends. */
static int
checkchain(const char *name, const struct acme_answer *answer,
    struct acme_error *err)
{
	const struct certstore_entry *entry;
	struct certstore_certs *certs;
	struct certstore_error cerr;
	size_t n = 0;

	certs = certstore_certs_read(name, answer->body, answer->len, NULL,
	    &cerr);
	/* the import says what else is wrong */
	if (certs == NULL)
		return 0;
	while (certstore_certs_next(certs, &entry, &cerr) == 1)
		n++;
	certstore_certs_free(certs);
	return n <= CHAIN_MAX ?
	    0 :
	    acme_fail(err, ACME_ODD, "the CA sent a chain of %zu certificates",
		n);
}

/*
 * Gets the certificate of an order with the chain that is preferred, or NULL.
 * The answer is for acme_answer_free(), also after an error.
 */
int
chain_get(struct acme *acme, const char *name, const char *chain,
    const char *url, struct acme_answer *answer, struct acme_error *err)
{
	if (choosechain(acme, name, chain, url, answer, err) == -1)
		return -1;
	return checkchain(name, answer, err);
}
