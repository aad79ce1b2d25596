/*
 * marker.c: finds -----BEGIN X----- and -----END X----- in a line, also such
 * that have the wrong number of dashes, and knows what the labels stand for.
 */
#include <string.h>

#include <bsd/string.h>

#include "pem/private.h"

static const struct label {
	const char *name;
	int type;
} labels[] = { { "CERTIFICATE", CS_PEM_CERT },
	{ "X509 CERTIFICATE", CS_PEM_CERT },
	{ "TRUSTED CERTIFICATE", CS_PEM_CERT }, { "PRIVATE KEY", CS_PEM_KEY },
	{ "RSA PRIVATE KEY", CS_PEM_KEY }, { "EC PRIVATE KEY", CS_PEM_KEY },
	{ "DSA PRIVATE KEY", CS_PEM_KEY },
	{ "ENCRYPTED PRIVATE KEY", CS_PEM_KEY_PKCS8ENC },
	{ "CERTIFICATE REQUEST", CS_PEM_CSR },
	{ "NEW CERTIFICATE REQUEST", CS_PEM_CSR },
	{ "PUBLIC KEY", CS_PEM_PUBKEY }, { "PKCS7", CS_PEM_PKCS7 },
	{ "PKCS #7 SIGNED DATA", CS_PEM_PKCS7 }, { "CMS", CS_PEM_PKCS7 },
	{ "PKCS12", CS_PEM_PKCS12 }, { "X509 CRL", CS_PEM_SKIPPED },
	{ "EC PARAMETERS", CS_PEM_SKIPPED },
	{ "DSA PARAMETERS", CS_PEM_SKIPPED },
	{ "DH PARAMETERS", CS_PEM_SKIPPED },
	{ "RSA PUBLIC KEY", CS_PEM_PUBKEY },
	{ "OPENSSH PRIVATE KEY", CS_PEM_OPENSSH } };

static size_t
dashes(const char *s, size_t n, size_t i)
{
	size_t start = i;

	while (i < n && s[i] == '-')
		i++;
	return i - start;
}

static size_t
blanks(const char *s, size_t n, size_t i)
{
	size_t start = i;

	while (i < n && s[i] == ' ')
		i++;
	return i - start;
}

static int
islabelword(const char *s, size_t n, size_t i, const char *word)
{
	size_t len = strlen(word);

	return n - i >= len && memcmp(s + i, word, len) == 0;
}

/* How much of s a name takes, whatever blanks are in either; 0: not that. */
static size_t
namelen(const char *s, size_t n, const char *name)
{
	size_t i = 0;

	for (; *name != '\0'; name++) {
		if (*name == ' ')
			continue;
		i += blanks(s, n, i);
		if (i == n || s[i] != *name)
			return 0;
		i++;
	}
	return i;
}

/* The known label that takes most of s, and where it ends. */
static const struct label *
findlabel(const char *s, size_t n, size_t *len)
{
	const struct label *found = NULL;
	size_t i, used;

	*len = 0;
	for (i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		used = namelen(s, n, labels[i].name);
		if (used > *len) {
			*len = used;
			found = &labels[i];
		}
	}
	return found;
}

/* A label we don't know ends with the first two dashes. */
static int
unknownlabel(const char *s, size_t n, size_t *i, char name[CS_MARKER_LABEL])
{
	size_t len = 0, start = *i;

	/* -----BEGINNING is none. */
	if (start < n && s[start] != ' ' && s[start] != '-')
		return -1;
	start += blanks(s, n, start);
	while (start + len < n && !islabelword(s, n, start + len, "--")) {
		if (++len >= CS_MARKER_LABEL)
			return -1;
	}
	*i = start + len;
	while (len > 0 && s[start + len - 1] == ' ')
		len--;
	memcpy(name, s + start, len);
	name[len] = '\0';
	return 0;
}

/* The label and the dashes behind it, from i; -1: text like any other. */
static int
readlabel(const char *s, size_t n, size_t i, struct cs_marker *m)
{
	const struct label *label;
	size_t len;

	if ((label = findlabel(s + i, n - i, &len)) != NULL) {
		m->next = i + len + blanks(s, n, i + len);
		m->trail = dashes(s, n, m->next);
	}
	/* What goes on without a dash may be a longer label. */
	if ((label == NULL || (m->trail == 0 && m->next < n)) &&
	    m->lead == CS_MARKER_DASHES &&
	    unknownlabel(s, n, &i, m->label) == 0) {
		m->type = CS_PEM_SKIPPED;
		m->trail = dashes(s, n, i);
		m->next = i + m->trail;
		return 0;
	}
	/* Too few dashes are an error; hardly any are a turn of phrase. */
	if (label == NULL || m->lead + m->trail < 3)
		return -1;
	m->type = label->type;
	strlcpy(m->label, label->name, sizeof(m->label));
	m->next += m->trail;
	return 0;
}

/* What follows the dashes in front, which end at i: 1 a marker, 0 text. */
static int
readmarker(const char *s, size_t n, size_t i, struct cs_marker *m)
{
	if (m->lead > 0)
		i += blanks(s, n, i);
	if (islabelword(s, n, i, "BEGIN"))
		m->end = 0;
	else if (islabelword(s, n, i, "END"))
		m->end = 1;
	else
		return 0;
	i += strlen(m->end ? "END" : "BEGIN");
	if (readlabel(s, n, i, m) == -1)
		return 0;
	/* ----------: the end of this one and the beginning of the next */
	if (m->trail == 2 * CS_MARKER_DASHES &&
	    (islabelword(s, n, m->next, "BEGIN") ||
		islabelword(s, n, m->next, "END"))) {
		m->trail -= CS_MARKER_DASHES;
		m->next -= CS_MARKER_DASHES;
	}
	return 1;
}

/* The first marker in the line at or behind from: 1, or 0 if there is none. */
int
cs_marker_find(const char *s, size_t n, size_t from, struct cs_marker *m)
{
	size_t i = from;

	/* Base64, nearly all of the text, has no dash, and markers have. */
	if (from < n && memchr(s + from, '-', n - from) == NULL)
		return 0;
	while (i < n) {
		m->at = i;
		m->lead = dashes(s, n, i);
		if (m->lead > 0 || s[i] == 'B' || s[i] == 'E') {
			if (readmarker(s, n, i + m->lead, m))
				return 1;
		}
		i += m->lead > 0 ? m->lead : 1;
	}
	return 0;
}
