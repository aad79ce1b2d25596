/*
 * algorithm.c: the rules for keys and digests: how strong they are, and of
 * which kind.
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "verify/private.h"

#define KEY_MIN 80
#define DIGEST_MIN 63 /* SHA-1 */

static int
checkrsa(const struct cs_asked *asked, struct cs_node *node, EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;
	int bad = 0, bits = EVP_PKEY_get_bits(pkey);

	if (bits % 8 != 0)
		bad |= cs_rule_note(asked, node, CS_RULE_RSA_SIZE, "%d bits",
		    bits);
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	    (!BN_is_odd(e) || BN_is_one(e)))
		bad |= cs_rule_note(asked, node, CS_RULE_RSA_EXPONENT, NULL);
	BN_free(e);
	return bad;
}

/*
 * What is below security level 2 is an error.  It is looked for here as well as
 * by libcrypto, so that a better issuer is tried first.  With profile any it is
 * a warning, but for keys below 80 bits of security and for MD5, which anybody
 * can break.
 */
static int
checkstrength(const struct cs_asked *asked, struct cs_node *node,
    EVP_PKEY *pkey)
{
	int any = asked->profile == CS_PROFILE_ANY, bad = 0, bits;
	const char *digest;
	char name[80];

	if ((bits = EVP_PKEY_get_security_bits(pkey)) < CS_SECURITY_MIN) {
		cs_key_name(pkey, name, sizeof(name));
		bad |= cs_rule_note(asked, node,
		    any && bits >= KEY_MIN ? CS_RULE_KEY_OLD : CS_RULE_KEY_WEAK,
		    "%s", name);
	}
	if (node->anchor)
		return bad;
	bits = cs_strength_signature(node->x509, &digest);
	if (bits != -1 && bits < CS_SECURITY_MIN)
		bad |= cs_rule_note(asked, node,
		    any && bits >= DIGEST_MIN ? CS_RULE_DIGEST_OLD :
						CS_RULE_DIGEST_WEAK,
		    "%s", digest);
	return bad;
}

static int
checktls(const struct cs_asked *asked, struct cs_node *node, EVP_PKEY *pkey)
{
	char name[80];

	switch (asked->profile) {
	case CS_PROFILE_MAIL:
	case CS_PROFILE_CA:
	case CS_PROFILE_SHAKEN:
		return 0;
	default:
		break;
	}
	if (!node->leaf || cs_strength_istls(pkey))
		return 0;
	cs_key_name(pkey, name, sizeof(name));
	return cs_rule_note(asked, node, CS_RULE_KEY_TLS, "%s", name);
}

/* The keys that BR sections 6.1.5 and 7.1.3.1 allow: RSA, and EC on three
 * curves. */
int
cs_algorithm_check(const struct cs_asked *asked, struct cs_node *node)
{
	EVP_PKEY *pkey = X509_get0_pubkey(node->x509);
	char name[80];
	int bad = 0, isrsa;

	if (pkey == NULL) {
		ERR_clear_error();
		return cs_rule_note(asked, node, CS_RULE_KEY_UNKNOWN, NULL);
	}
	bad |= checkstrength(asked, node, pkey);
	bad |= checktls(asked, node, pkey);
	isrsa = EVP_PKEY_is_a(pkey, "RSA");
	if (isrsa || EVP_PKEY_is_a(pkey, "RSA-PSS"))
		bad |= checkrsa(asked, node, pkey);
	cs_key_name(pkey, name, sizeof(name));
	if (!isrsa && strcmp(name, "p256") != 0 && strcmp(name, "p384") != 0 &&
	    strcmp(name, "p521") != 0 &&
	    (asked->profile == CS_PROFILE_WEBPKI || EVP_PKEY_is_a(pkey, "DSA")))
		bad |= cs_rule_note(asked, node, CS_RULE_KEY_ALGORITHM, "%s",
		    name);
	ERR_clear_error();
	return bad;
}
