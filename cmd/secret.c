/*
 * secret.c: passphrases from files, descriptors and the terminal; never from
 * the command line.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <bsd/readpassphrase.h>
#include <bsd/stdlib.h>

#include "cmd.h"

static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
static struct termios before;
static volatile sig_atomic_t echofd = -1;

static void
restoreecho(int sig)
{
	cmd_echo_on();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Turns echo off, until cmd_echo_on() or a signal that ends the process. */
void
cmd_echo_off(int fd)
{
	struct termios quiet;
	struct sigaction sa;
	size_t i;

	if (tcgetattr(fd, &before) == -1)
		return;
	echofd = fd;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], NULL, &sa) == 0 &&
		    sa.sa_handler == SIG_DFL)
			signal(signals[i], restoreecho);
	}
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	(void)tcsetattr(fd, TCSADRAIN, &quiet);
}

void
cmd_echo_on(void)
{
	int fd = echofd;

	echofd = -1;
	if (fd != -1)
		(void)tcsetattr(fd, TCSADRAIN, &before);
}

/* Warns if the mode of a secret file is not 0, see cmd_input_open(). */
void
cmd_secret_check(const char *option, const char *file, unsigned int mode)
{
	char clean[256];

	if (mode == 0)
		return;
	cmd_clean(file, clean, sizeof(clean));
	cmd_say("%s %s: others can access it (mode %04o): chmod go-rwx %s",
	    option, clean, mode, clean);
}

static int
openspec(const char *spec, const char *option)
{
	const char *bad = NULL;
	char clean[256];
	int fd;

	if (strcmp(spec, "-") == 0 || strcmp(spec, "fd:0") == 0) {
		cmd_stdin(option);
		return STDIN_FILENO;
	}
	if (strncmp(spec, "fd:", 3) == 0) {
		fd = (int)strtonum(spec + 3, 0, INT_MAX, &bad);
		if (bad != NULL)
			cmd_die("%s %s: not a descriptor number", option,
			    cmd_clean(spec, clean, sizeof(clean)));
		return fd;
	}
	if ((fd = open(spec, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		cmd_die("%s: %s", cmd_clean(spec, clean, sizeof(clean)),
		    strerror(errno));
	return fd;
}

/*
 * Reads up to the newline, one byte at a time: what follows is for the next
 * reader of the descriptor.  Returns 1, 0 at the end of the file, or -1.
 */
static ssize_t
readfirst(int fd, struct cmd_secret *secret)
{
	ssize_t n;
	char c;

	secret->len = 0;
	while ((n = read(fd, &c, 1)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 || c == '\n' || secret->len == CMD_PASSPHRASE_MAX)
			break;
		secret->text[secret->len++] = c;
	}
	secret->text[secret->len] = '\0';
	if (n == 1 && c != '\n') {
		errno = E2BIG;
		n = -1;
	}
	explicit_bzero(&c, 1);
	return n;
}

/* Removes what editors add to a file: a byte order mark, the CR of CR LF. */
static void
stripadded(struct cmd_secret *secret)
{
	static const char bom[] = { '\xef', '\xbb', '\xbf' };

	if (secret->len > 0 && secret->text[secret->len - 1] == '\r')
		secret->text[--secret->len] = '\0';
	if (secret->len < sizeof(bom) ||
	    memcmp(secret->text, bom, sizeof(bom)) != 0)
		return;
	secret->len -= sizeof(bom);
	memmove(secret->text, secret->text + sizeof(bom), secret->len + 1);
}

/*
 * Reads a passphrase from a file, "-" (stdin) or "fd:N"; spec is the argument
 * of the option, "-p" or "-E".  Ends the command on an error.
 */
void
cmd_secret_read(struct cmd_secret *secret, const char *spec, const char *option)
{
	char clean[256];
	int error, fd;
	ssize_t n;

	fd = openspec(spec, option);
	cmd_clean(spec, clean, sizeof(clean));
	if (isatty(fd))
		cmd_echo_off(fd);
	n = readfirst(fd, secret);
	error = errno;
	cmd_echo_on();
	if (n == -1 && error == E2BIG)
		cmd_die("%s %s: a passphrase has at most %d bytes", option,
		    clean, CMD_PASSPHRASE_MAX);
	if (n == -1)
		cmd_die("%s %s: %s", option, clean, strerror(error));
	if (strlen(secret->text) != secret->len)
		cmd_die("%s %s: a NUL byte in the passphrase", option, clean);
	/* -p is tried with and without them by the library */
	if (strcmp(option, "-E") == 0)
		stripadded(secret);
	if (secret->len == 0 && (n == 0 || strcmp(option, "-E") == 0))
		cmd_die("%s %s: %s: its first line must be the passphrase",
		    option, clean,
		    n == 0 ? "is empty" : "the first line is empty");
	if (strcmp(spec, "-") != 0 && strncmp(spec, "fd:", 3) != 0)
		cmd_secret_check(option, spec, cmd_input_open(fd, spec));
	if (fd > STDERR_FILENO)
		close(fd);
}

void
cmd_secret_wipe(struct cmd_secret *secret)
{
	explicit_bzero(secret, sizeof(*secret));
}

/* For struct certstore_passphrase: returns the passphrase in arg, which is a
 * struct cmd_secret. */
int
cmd_secret_get(void *arg, const char *what, char *buf, size_t size)
{
	const struct cmd_secret *secret = arg;

	(void)what;
	if (secret->len > size)
		return -1;
	memcpy(buf, secret->text, secret->len);
	return (int)secret->len;
}

/* The same, but asks on the terminal; -1 if there is none. */
int
cmd_secret_ask(void *arg, const char *what, char *buf, size_t size)
{
	char prompt[300];

	(void)arg;
	if (cmd_erase != NULL)
		cmd_erase();
	snprintf(prompt, sizeof(prompt), "passphrase of %s: ", what);
	if (readpassphrase(prompt, buf, size, RPP_REQUIRE_TTY) == NULL)
		return -1;
	return (int)strlen(buf);
}

/* That of -p, or without the file what the terminal gives: once in a run. */
struct certstore_passphrase
cmd_secret_passphrase(const char *file)
{
	static struct cmd_secret secret;
	struct certstore_passphrase pass = { cmd_secret_ask, NULL };

	cmd_nocore();
	if (file == NULL)
		return pass;
	cmd_secret_read(&secret, file, "-p");
	pass.get = cmd_secret_get;
	pass.arg = &secret;
	return pass;
}
