/*
 * portowner.c: which program listens on a TCP port, from proc(5).
 */
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kind.h"

#define LISTENING 0x0a /* TCP_LISTEN in /proc/net/tcp */
#define NINODE 16

/* Adds inodes of sockets of that file that listen on the port. */
static size_t
findinodes(const char *file, unsigned int port, unsigned long *inode, size_t n)
{
	unsigned int local, state;
	unsigned long node;
	char line[512];
	FILE *f;

	if ((f = fopen(file, "re")) == NULL)
		return n;
	while (n < NINODE && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line,
			" %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s "
			"%*s %*s %*s %lu",
			&local, &state, &node) == 3 &&
		    local == port && state == LISTENING && node != 0)
			inode[n++] = node;
	fclose(f);
	return n;
}

/* Has the process a descriptor of one of these sockets? */
static int
hassocket(int proc, const char *pid, const unsigned long *inode, size_t n)
{
	char link[64], path[300], socket[64];
	struct dirent *de;
	ssize_t len;
	int dirfd, found = 0;
	size_t i;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/fd", pid);
	dirfd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1)
		return 0;
	if ((dir = fdopendir(dirfd)) == NULL) {
		close(dirfd);
		return 0;
	}
	while (!found && (de = readdir(dir)) != NULL) {
		len = readlinkat(dirfd, de->d_name, link, sizeof(link) - 1);
		if (len <= 0)
			continue;
		link[len] = '\0';
		for (i = 0; i < n && !found; i++) {
			snprintf(socket, sizeof(socket), "socket:[%lu]",
			    inode[i]);
			found = strcmp(link, socket) == 0;
		}
	}
	closedir(dir);
	return found;
}

static void
nameprocess(int proc, const char *pid, char *out, size_t size)
{
	char name[64], path[300];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/comm", pid);
	if ((fd = openat(proc, path, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	if ((len = read(fd, name, sizeof(name) - 1)) > 0) {
		name[len] = '\0';
		name[strcspn(name, "\n")] = '\0';
		snprintf(out, size, "%s (pid %s)", name, pid);
	}
	close(fd);
}

/* Those of other users can only be seen by root. */
void
kind_portowner(int port, char *out, size_t size)
{
	unsigned long inode[NINODE];
	struct dirent *de;
	size_t n;
	DIR *dir;

	out[0] = '\0';
	n = findinodes("/proc/net/tcp", (unsigned int)port, inode, 0);
	n = findinodes("/proc/net/tcp6", (unsigned int)port, inode, n);
	if (n == 0 || (dir = opendir("/proc")) == NULL)
		return;
	while (out[0] == '\0' && (de = readdir(dir)) != NULL)
		if (de->d_name[strspn(de->d_name, "0123456789")] == '\0' &&
		    hassocket(dirfd(dir), de->d_name, inode, n))
			nameprocess(dirfd(dir), de->d_name, out, size);
	closedir(dir);
}
