/*
 * idn.c: converts U-labels to A-labels with libidn2 (RFC 5891 lookup after
 * UTS 46 mapping).  libidn2 is loaded for the first name that is not ASCII:
 * without such names it is not needed.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include <bsd/string.h>
#include <idn2.h>

#include "base/base.h"

#define INPUT_MAX 1024 /* bytes: no host name is that long in UTF-8 */

/*
 * The only static state of the library: set once for all threads, read-only
 * afterwards, never unloaded.
 */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static __typeof__(idn2_lookup_u8) *lookup;
static __typeof__(idn2_free) *release;

static void
loadidn(void)
{
	void *dl, *f, *g;

	if ((dl = dlopen("libidn2.so.0", RTLD_NOW | RTLD_LOCAL)) == NULL ||
	    (f = dlsym(dl, "idn2_lookup_u8")) == NULL ||
	    (g = dlsym(dl, "idn2_free")) == NULL)
		return;
	/* C has no cast from void * to a function; POSIX says this works. */
	memcpy(&lookup, &f, sizeof(lookup));
	memcpy(&release, &g, sizeof(release));
}

/* Callers compare the address: this is not a flaw of the name. */
const char cs_idn_nomem[] = "not enough memory";

static const char *
idnflaw(int rc)
{
	switch (rc) {
	case IDN2_MALLOC:
		return cs_idn_nomem;
	case IDN2_ENCODING_ERROR:
		return "is not UTF-8: use UTF-8 or the A-label (xn--...)";
	case IDN2_TOO_BIG_LABEL:
	case IDN2_PUNYCODE_BIG_OUTPUT:
		return "has a label longer than 63 bytes as A-label: shorten "
		       "it";
	case IDN2_TOO_BIG_DOMAIN:
		return "is longer than 253 bytes as A-labels: shorten it";
	case IDN2_HYPHEN_STARTEND:
		return "has a label that starts or ends with a hyphen: "
		       "remove the hyphen";
	default:
		return "has a character or label that is not allowed in an "
		       "internationalised host name (RFC 5892): correct it";
	}
}

/*
 * Converts a name, perhaps with a wildcard or a trailing dot, to out.  Returns
 * NULL, or the flaw.  The caller checks the syntax of the result.
 */
const char *
cs_idn_toascii(const char *s, char *out, size_t size)
{
	uint8_t *ascii = NULL;
	size_t len;
	int rc;

	out[0] = '\0';
	if (strlen(s) > INPUT_MAX)
		return idnflaw(IDN2_TOO_BIG_DOMAIN);
	pthread_once(&once, loadidn);
	if (lookup == NULL)
		return "is not ASCII and libidn2 is missing: install "
		       "libidn2-0, or use the A-label (xn--...)";
	rc = lookup((const uint8_t *)s, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK)
		return idnflaw(rc);
	len = strlcpy(out, (const char *)ascii, size);
	release(ascii);
	if (len < size)
		return NULL;
	out[0] = '\0';
	return idnflaw(IDN2_TOO_BIG_DOMAIN);
}
