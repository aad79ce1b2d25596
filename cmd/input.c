/*
 * input.c: reads whole files of limited size.  They may contain a key, so the
 * buffer is wiped.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static char *buffer;
static size_t filled, room;

static int
fillbuffer(int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	while (filled < room) {
		n = read(fd, buffer + filled, room - filled);
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

/*
 * The mode of a regular file that others can access, else 0.  0 also for
 * /dev/fd/3 and the like: the mode of that file is the caller's affair.
 */
unsigned int
cmd_input_open(int fd, const char *path)
{
	struct stat st;

	if (strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0 ||
	    fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    (st.st_mode & 077) == 0)
		return 0;
	return st.st_mode & 07777;
}

/*
 * Reads a file of at most max bytes; "-" is stdin.  who is the option or
 * operand that reads it, for the message if two of them use stdin.  Of a longer
 * file one byte more than max is read: the library refuses it then.
 */
int
cmd_input_max(const char *path, const char *who, size_t max,
    struct cmd_input *in)
{
	char clean[256];
	int error, fd = STDIN_FILENO, isstdin = strcmp(path, "-") == 0, rv = -1;

	cmd_input_wipe();
	if ((buffer = malloc(max + 1)) == NULL)
		cmd_die("no memory left");
	room = max + 1;
	in->label = isstdin ? "stdin" : path;
	in->data = buffer;
	in->len = in->mode = 0;
	if (isstdin)
		cmd_stdin(who);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd != -1)
		rv = fillbuffer(fd);
	error = errno;
	if (!isstdin && fd != -1) {
		in->mode = cmd_input_open(fd, path);
		close(fd);
	}
	if (rv == -1) {
		cmd_error("%s: %s", cmd_clean(in->label, clean, sizeof(clean)),
		    error == EISDIR ? "is a directory: use the files in it" :
				      strerror(error));
		return -1;
	}
	in->len = filled;
	return 0;
}

int
cmd_input(const char *path, const char *who, struct cmd_input *in)
{
	return cmd_input_max(path, who, CERTSTORE_INPUT_MAX, in);
}

void
cmd_input_wipe(void)
{
	if (buffer != NULL)
		explicit_bzero(buffer, filled);
	free(buffer);
	buffer = NULL;
	filled = room = 0;
}
