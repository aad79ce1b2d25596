/*
 * input.c: reads files whole, bounded, into a buffer that is wiped: there may
 * be a key in them.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

/* One byte more than is allowed, so that the library can tell. */
static char buffer[CERTSTORE_INPUT_MAX + 1];
static size_t filled;

static int
fill(int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	while (filled < sizeof(buffer)) {
		n = read(fd, buffer + filled, sizeof(buffer) - filled);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		filled += (size_t)n;
	}
	return 0;
}

/* who asks, for when it is not the only one that wants stdin. */
int
cmd_input(const char *path, const char *who, struct cmd_input *in)
{
	char clean[256];
	int error, fd = STDIN_FILENO, isstdin = strcmp(path, "-") == 0, rv = -1;

	cmd_input_wipe();
	in->label = isstdin ? "stdin" : path;
	in->data = buffer;
	in->len = 0;
	if (isstdin)
		cmd_stdin(who);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd != -1)
		rv = fill(fd);
	error = errno;
	if (!isstdin && fd != -1)
		close(fd);
	if (rv == -1) {
		cmd_error("%s: %s", cmd_clean(in->label, clean, sizeof(clean)),
		    error == EISDIR ? "is a directory: name the files in it" :
				      strerror(error));
		return -1;
	}
	in->len = filled;
	return 0;
}

void
cmd_input_wipe(void)
{
	explicit_bzero(buffer, filled);
	filled = 0;
}
