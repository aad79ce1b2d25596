/*
 * monitor.c: the answer of cert-check for a monitor: one line for Nagios, or
 * metrics (OpenMetrics) for the textfile collector of node_exporter.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define LINE_MAX_BYTES 1000 /* of Nagios: 1024 with the rest */
#define NAMES_MAX 10

static const char *const severities[] = { [CERTSTORE_NOTE] = "note",
	[CERTSTORE_WARNING] = "warning",
	[CERTSTORE_CRITICAL] = "critical" };

const char *
cmd_severity(enum certstore_severity severity)
{
	return severities[severity];
}

void
cmd_monitor_parse(struct cmd_monitor *m, const char *text)
{
	char clean[128];

	if (strcmp(text, "nagios") == 0)
		m->form = CMD_NAGIOS;
	else if (strcmp(text, "metrics") == 0)
		m->form = CMD_METRICS;
	else if (strncmp(text, "metrics:", 8) == 0 && text[8] != '\0') {
		m->form = CMD_METRICS;
		m->file = text + 8;
	} else
		cmd_die("-M %s: use nagios, metrics or metrics:file",
		    cmd_clean(text, clean, sizeof(clean)));
}

/* Counts a finding, and keeps the first names of each severity. */
void
cmd_monitor_add(struct cmd_monitor *m, const struct certstore_finding *f)
{
	enum certstore_severity s = f->severity;
	const char *code;
	enum certstore_severity usual;
	size_t i;

	m->n[s]++;
	for (i = 0;
	     certstore_audit_code(i, &code, &usual, &(const char *){ 0 }); i++)
		if (strcmp(code, f->code) == 0 && i < CMD_CODES_MAX)
			m->codes[i][s]++;
	if (m->named[s] == NAMES_MAX)
		return;
	m->named[s]++;
	cmd_text_adds(&m->names[s], m->names[s].len > 0 ? ", " : "");
	cmd_text_clean(&m->names[s], f->name);
	cmd_text_adds(&m->names[s], ": ");
	cmd_text_adds(&m->names[s], f->code);
}

/* What ends the text begins perfdata. */
static void
replacebars(char *p)
{
	for (; *p != '\0'; p++)
		if (*p == '|' || (unsigned char)*p < ' ' || *p == '\177')
			*p = '/';
}

/* Cuts a text to so many bytes, not inside of a character. */
static void
cuttext(char *p, size_t max)
{
	if (strlen(p) <= max)
		return;
	while (max > 0 && ((unsigned char)p[max] & 0xc0) == 0x80)
		max--;
	p[max] = '\0';
}

int
cmd_monitor_nagios(struct cmd_monitor *m, const char *unknown, int64_t now)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL",
		"UNKNOWN" };
	char line[4096], perf[256], days[64] = "";
	int status = m->n[CERTSTORE_CRITICAL] > 0 ? 2 :
	    m->n[CERTSTORE_WARNING] > 0		  ? 1 :
						    0;
	const char *critical = m->names[CERTSTORE_CRITICAL].p;
	const char *warning = m->names[CERTSTORE_WARNING].p;
	size_t max = NAMES_MAX - m->named[CERTSTORE_CRITICAL];

	if (unknown != NULL)
		status = 3;
	if (m->ends != INT64_MAX)
		snprintf(days, sizeof(days), " days_left=%lld",
		    (long long)((m->ends - now) / 86400 -
			((m->ends - now) % 86400 < 0)));
	snprintf(perf, sizeof(perf), " | critical=%zu warning=%zu note=%zu%s",
	    m->n[CERTSTORE_CRITICAL], m->n[CERTSTORE_WARNING],
	    m->n[CERTSTORE_NOTE], days);
	if (m->named[CERTSTORE_WARNING] > max)
		warning = max == 0 ? NULL : warning;
	snprintf(line, sizeof(line),
	    "CERTSTORE %s: %s%s%zu critical, %zu "
	    "warning%s%s%s%s",
	    words[status], unknown == NULL ? "" : unknown,
	    unknown == NULL ? "" : ": ", m->n[CERTSTORE_CRITICAL],
	    m->n[CERTSTORE_WARNING],
	    critical != NULL || warning != NULL ? ": " : "",
	    critical == NULL ? "" : critical,
	    critical != NULL && warning != NULL ? ", " : "",
	    warning == NULL ? "" : warning);
	replacebars(line);
	cuttext(line, LINE_MAX_BYTES - strlen(perf));
	printf("%s%s\n", line, perf);
	return status;
}

/* A label value: of OpenMetrics, with three escapes. */
static void
addlabel(struct cmd_text *t, const char *value)
{
	char c[3] = "\\?";

	for (; *value != '\0'; value++) {
		c[1] = *value == '\n' ? 'n' : *value;
		if (*value == '"' || *value == '\\' || *value == '\n')
			cmd_text_add(t, c, 2);
		else
			cmd_text_add(t, value, 1);
	}
}

static void
addhead(struct cmd_text *t, const char *name, const char *help)
{
	cmd_text_adds(t, "# HELP ");
	cmd_text_adds(t, name);
	cmd_text_adds(t, " ");
	cmd_text_adds(t, help);
	cmd_text_adds(t, "\n# TYPE ");
	cmd_text_adds(t, name);
	cmd_text_adds(t, " gauge\n");
}

/* A sample, with up to two labels. */
static void
addsample(struct cmd_text *t, const char *name, const char *label,
    const char *value, const char *label2, const char *value2, long long n)
{
	char number[32];

	cmd_text_adds(t, name);
	if (label != NULL) {
		cmd_text_adds(t, "{");
		cmd_text_adds(t, label);
		cmd_text_adds(t, "=\"");
		addlabel(t, value);
		if (label2 != NULL) {
			cmd_text_adds(t, "\",");
			cmd_text_adds(t, label2);
			cmd_text_adds(t, "=\"");
			addlabel(t, value2);
		}
		cmd_text_adds(t, "\"}");
	}
	snprintf(number, sizeof(number), " %lld\n", n);
	cmd_text_adds(t, number);
}

static const char *const kinds[] = { "server", "ca", "client", "peer", "mail",
	"shaken", "self", "other", "waiting" };
#define NKIND (sizeof(kinds) / sizeof(kinds[0]))
static const char *const roles[] = { "certificate", "chain", "key" };

/* Counts entries; adds what expires within -e. */
static void
addentries(struct cmd_monitor *m, struct certstore *store,
    const struct certstore_span *within, int64_t now, struct cmd_text *t)
{
	static const char name[] = "certstore_not_after_seconds";
	const struct certstore_entry *entry;
	struct cmd_text expiring = { NULL, 0, 0 };
	struct certstore_list *list;
	struct certstore_error err;
	size_t i, n[NKIND] = { 0 }, nrole[3] = { 0 };
	const char *which, *kind;
	int64_t ends;
	int rv;

	if ((list = certstore_list_new(store, &err)) == NULL)
		cmd_die("%s", err.msg);
	while ((rv = certstore_list_next(list, &entry, &err)) != 0) {
		if (rv == -1) /* it has a finding */
			continue;
		kind = certstore_entry_kind(entry);
		for (i = 0; i < NKIND; i++)
			n[i] += strcmp(kinds[i], kind) == 0;
		nrole[0] += certstore_entry_fingerprint(entry) != NULL;
		for (i = 0; certstore_entry_issuing(entry, i, &which, &ends);
		     i++)
			nrole[1]++;
		nrole[2] += certstore_entry_has_key(entry) == 1;
		if (within != NULL &&
		    certstore_entry_ends_within(entry, within, now, &which,
			&ends) == 1)
			addsample(&expiring, name, "name",
			    certstore_entry_name(entry), "role",
			    roles[which != NULL], (long long)ends);
	}
	certstore_list_free(list);
	addhead(t, "certstore_entries", "Entries of the store by kind.");
	for (i = 0; i < NKIND; i++)
		addsample(t, "certstore_entries", "kind", kinds[i], NULL, NULL,
		    (long long)n[i]);
	addhead(t, "certstore_objects", "Certificates and keys by role.");
	for (i = 0; i < 3; i++)
		addsample(t, "certstore_objects", "role", roles[i], NULL, NULL,
		    (long long)nrole[i]);
	if (within != NULL) {
		addhead(t, name, "End of what expires within the limit.");
		cmd_text_add(t, expiring.p == NULL ? "" : expiring.p,
		    expiring.len);
	}
	if (m->ends != INT64_MAX) {
		addhead(t, "certstore_first_not_after_seconds",
		    "End of the certificate that expires first.");
		addsample(t, "certstore_first_not_after_seconds", NULL, NULL,
		    NULL, NULL, (long long)m->ends);
	}
	cmd_text_free(&expiring);
}

static void
addfindings(const struct cmd_monitor *m, struct cmd_text *t)
{
	enum certstore_severity usual;
	const char *code, *text;
	size_t i;
	int s;

	addhead(t, "certstore_findings", "Findings by severity.");
	for (s = CERTSTORE_NOTE; s <= CERTSTORE_CRITICAL; s++)
		addsample(t, "certstore_findings", "severity", severities[s],
		    NULL, NULL, (long long)m->n[s]);
	addhead(t, "certstore_findings_by_code",
	    "Findings by code and severity.");
	for (i = 0; certstore_audit_code(i, &code, &usual, &text); i++)
		for (s = CERTSTORE_NOTE; s <= CERTSTORE_CRITICAL; s++)
			if (m->codes[i][s] > 0)
				addsample(t, "certstore_findings_by_code",
				    "code", code, "severity", severities[s],
				    (long long)m->codes[i][s]);
}

/*
 * Writes a file by rename in its directory, mode 0644: a reader sees all of it
 * or what was there before.  A device or the like is not replaced.
 */
static void
replacefile(const char *path, const struct cmd_text *t)
{
	const char *base = strrchr(path, '/');
	char clean[256], *tmp;
	struct stat st;
	size_t len = 0;
	ssize_t n = 0;
	int fd;

	cmd_clean(path, clean, sizeof(clean));
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		cmd_die("%s: is not a regular file: use -M metrics to write to "
			"standard output",
		    clean);
	base = base == NULL ? path : base + 1;
	if (asprintf(&tmp, "%.*s.%s.%ld", (int)(base - path), path, base,
		(long)getpid()) == -1)
		cmd_die("no memory left");
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	if (fd == -1)
		cmd_die("%s: %s", clean, strerror(errno));
	while (len < t->len && (n = write(fd, t->p + len, t->len - len)) > 0)
		len += (size_t)n;
	if (len < t->len || fchmod(fd, 0644) == -1 || close(fd) == -1 ||
	    rename(tmp, path) == -1) {
		n = errno;
		(void)unlink(tmp);
		cmd_die("%s: %s", clean, strerror((int)n));
	}
	free(tmp);
}

void
cmd_monitor_metrics(struct cmd_monitor *m, struct certstore *store,
    const struct certstore_span *within, int64_t now, int status)
{
	struct cmd_text t = { NULL, 0, 0 };

	addentries(m, store, within, now, &t);
	addfindings(m, &t);
	addhead(&t, "certstore_check_status",
	    "Exit status of the last cert-check.");
	addsample(&t, "certstore_check_status", NULL, NULL, NULL, NULL, status);
	addhead(&t, "certstore_check_timestamp_seconds",
	    "When cert-check ran last.");
	addsample(&t, "certstore_check_timestamp_seconds", NULL, NULL, NULL,
	    NULL, (long long)certstore_time_now());
	cmd_text_adds(&t, "# EOF\n");
	if (m->file != NULL)
		replacefile(m->file, &t);
	else if (fwrite(t.p, 1, t.len, stdout) != t.len)
		cmd_lost();
	cmd_text_free(&t);
}

void
cmd_monitor_free(struct cmd_monitor *m)
{
	size_t i;

	for (i = 0; i < 3; i++)
		cmd_text_free(&m->names[i]);
}
