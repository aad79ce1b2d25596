/*
 * nameconstraint.c: the rules for name constraints (RFC 5280 section 4.2.1.10)
 * that X509_verify_cert() does not have; subtree.c applies them.
 */
#include <stdlib.h>

#include <openssl/err.h>

#include "verify/private.h"

#define COMPARED_MAX (1 << 20) /* X509_verify_cert()'s limit, too */

/* Where reasons go, and for which certificate. */
struct subtreejudging {
	const struct cs_asked *asked;
	X509 *x509;
	struct cs_reasons *out;
};

static int
addsubtreereason(void *arg, enum cs_subtree what, const ASN1_STRING *s)
{
	static const enum cs_rule rules[] = {
		[CS_SUBTREE_EMPTY] = CS_RULE_NC_EMPTY,
		[CS_SUBTREE_RANGE] = CS_RULE_NC_RANGE,
		[CS_SUBTREE_DNS] = CS_RULE_NC_DNS,
		[CS_SUBTREE_IP] = CS_RULE_NC_IP,
		[CS_SUBTREE_EMAIL] = CS_RULE_NC_EMAIL,
		[CS_SUBTREE_URI] = CS_RULE_NC_URI,
		[CS_SUBTREE_EXCLUDED] = CS_RULE_CONSTRAINED,
		[CS_SUBTREE_WILDCARD] = CS_RULE_CONSTRAINED_WILDCARD,
		[CS_SUBTREE_UNSUPPORTED] = CS_RULE_NC_UNSUPPORTED,
	};
	const struct subtreejudging *j = arg;
	char q[CS_QUOTE_LEN];

	if (s == NULL)
		return cs_rule_add(j->out, j->asked, rules[what], j->x509,
		    NULL);
	return cs_rule_add(j->out, j->asked, rules[what], j->x509, "%s",
	    cs_asn1_quote(s, q));
}

static size_t
countsubtrees(const NAME_CONSTRAINTS *nc)
{
	int n = 0;

	if (nc->permittedSubtrees != NULL)
		n += sk_GENERAL_SUBTREE_num(nc->permittedSubtrees);
	if (nc->excludedSubtrees != NULL)
		n += sk_GENERAL_SUBTREE_num(nc->excludedSubtrees);
	return (size_t)n;
}

int
cs_nameconstraint_check(const struct cs_asked *asked, struct cs_node *node)
{
	struct subtreejudging j = { asked, node->x509, &node->own };
	NAME_CONSTRAINTS *nc;
	int bad = 0, critical;

	nc = X509_get_ext_d2i(node->x509, NID_name_constraints, &critical,
	    NULL);
	ERR_clear_error();
	if (nc == NULL)
		return 0;
	if ((X509_get_extension_flags(node->x509) & EXFLAG_CA) == 0)
		bad |= cs_rule_note(asked, node, CS_RULE_NC_LEAF, NULL);
	if (critical != 1)
		bad |= cs_rule_note(asked, node, CS_RULE_NC_NOT_CRITICAL, NULL);
	node->nconstraint = countsubtrees(nc);
	bad |= cs_subtree_form(nc, addsubtreereason, &j);
	NAME_CONSTRAINTS_free(nc);
	return bad;
}

int
cs_nameconstraint_path(const struct cs_asked *asked,
    struct cs_node *const *path, int n, struct cs_reasons *out)
{
	struct subtreejudging names = { asked, NULL, out };
	NAME_CONSTRAINTS *nc;
	int bad = 0, i, j;

	for (i = 1; i < n; i++) {
		nc = X509_get_ext_d2i(path[i]->x509, NID_name_constraints, NULL,
		    NULL);
		for (j = 0; nc != NULL && j < i; j++) {
			/* RFC 5280 section 6.1.3 (b): not self-issued ones, but
			 * for the last of the path */
			if (j > 0 &&
			    (X509_get_extension_flags(path[j]->x509) &
				EXFLAG_SI) != 0)
				continue;
			if (path[j]->nname * path[i]->nconstraint >
			    COMPARED_MAX) {
				bad |= cs_rule_add(out, asked, CS_RULE_NC_MANY,
				    path[j]->x509, NULL);
				continue;
			}
			names.x509 = path[j]->x509;
			bad |= cs_subtree_names(names.x509, nc,
			    addsubtreereason, &names);
		}
		NAME_CONSTRAINTS_free(nc);
	}
	ERR_clear_error();
	return bad;
}
