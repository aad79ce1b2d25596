/*
 * marker.c: finds -----BEGIN X----- and -----END X----- in a line, also with a
 * wrong number of dashes, and the type of the label.
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

/* How many of a character stand at i. */
static size_t
countrun(const char *s, size_t n, size_t i, char c)
{
	size_t start = i;

	while (i < n && s[i] == c)
		i++;
	return i - start;
}

static int
islabelword(const char *s, size_t n, size_t i, const char *word)
{
	size_t len = strlen(word);

	return n - i >= len && memcmp(s + i, word, len) == 0;
}

/*
 * The length of a label at the start of s, where blanks in either do not count;
 * 0 if s does not start with it.
 */
static size_t
namelen(const char *s, size_t n, const char *name)
{
	size_t i = 0;

	for (; *name != '\0'; name++) {
		if (*name == ' ')
			continue;
		i += countrun(s, n, i, ' ');
		if (i == n || s[i] != *name)
			return 0;
		i++;
	}
	return i;
}

/* Finds the longest known label at the start of s, and its length there. */
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

/*
 * Copies an unknown label at *i, which ends before "--", and moves *i after it:
 * 0, or -1 if this is not a label.
 */
static int
unknownlabel(const char *s, size_t n, size_t *i, char name[CS_MARKER_LABEL])
{
	size_t len = 0, start = *i;

	/* -----BEGINNING is not a marker */
	if (start < n && s[start] != ' ' && s[start] != '-')
		return -1;
	start += countrun(s, n, start, ' ');
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

/* Reads the label at i and the dashes after it: 0, or -1: not a marker. */
static int
readlabel(const char *s, size_t n, size_t i, struct cs_marker *m)
{
	const struct label *label;
	size_t len;

	if ((label = findlabel(s + i, n - i, &len)) != NULL) {
		m->next = i + len + countrun(s, n, i + len, ' ');
		m->trail = countrun(s, n, m->next, '-');
	}
	/* without a dash after it this may be a longer, unknown label */
	if ((label == NULL || (m->trail == 0 && m->next < n)) &&
	    m->lead == CS_MARKER_DASHES &&
	    unknownlabel(s, n, &i, m->label) == 0) {
		m->type = CS_PEM_SKIPPED;
		m->trail = countrun(s, n, i, '-');
		m->next = i + m->trail;
		return 0;
	}
	/* takemarker() refuses a wrong number of dashes; fewer than three are
	 * ordinary text */
	if (label == NULL || m->lead + m->trail < 3)
		return -1;
	m->type = label->type;
	strlcpy(m->label, label->name, sizeof(m->label));
	m->next += m->trail;
	return 0;
}

/* Reads what follows the dashes, at i: 1, or 0 if it is not a marker. */
static int
readmarker(const char *s, size_t n, size_t i, struct cs_marker *m)
{
	if (m->lead > 0)
		i += countrun(s, n, i, ' ');
	if (islabelword(s, n, i, "BEGIN"))
		m->end = 0;
	else if (islabelword(s, n, i, "END"))
		m->end = 1;
	else
		return 0;
	i += strlen(m->end ? "END" : "BEGIN");
	if (readlabel(s, n, i, m) == -1)
		return 0;
	/* ten dashes: the next marker follows on the same line */
	if (m->trail == 2 * CS_MARKER_DASHES &&
	    (islabelword(s, n, m->next, "BEGIN") ||
		islabelword(s, n, m->next, "END"))) {
		m->trail -= CS_MARKER_DASHES;
		m->next -= CS_MARKER_DASHES;
	}
	return 1;
}

/* Finds the first marker in a line, from there on: 1, or 0: there is none. */
int
cs_marker_find(const char *s, size_t n, size_t from, struct cs_marker *m)
{
	size_t i = from;

	/* base64, nearly all of the text, has no dash */
	if (from < n && memchr(s + from, '-', n - from) == NULL)
		return 0;
	while (i < n) {
		m->at = i;
		m->lead = countrun(s, n, i, '-');
		if (m->lead > 0 || s[i] == 'B' || s[i] == 'E') {
			if (readmarker(s, n, i + m->lead, m))
				return 1;
		}
		i += m->lead > 0 ? m->lead : 1;
	}
	return 0;
}
