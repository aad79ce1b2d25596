/*
 * bare.c: the system calls of a command and nothing else, as anchors: no
 * checks, no libcrypto.
 *
 *	bare list STORE		readdir, and for each entry open info, read,
 *				fstatat of certificate and key, close
 *	bare ask STORE		for each host on stdin readlink in index/,
 *				open info, read, close
 *	bare remove STORE NAME	what `parse import` made, with its fsyncs
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char info[16384];

static void
list(int certs)
{
	struct dirent *de;
	struct stat st;
	char path[300];
	DIR *dir;
	int fd;

	if ((dir = fdopendir(dup(certs))) == NULL)
		err(2, "fdopendir");
	while ((de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/info", de->d_name);
		if ((fd = openat(certs, path, O_RDONLY | O_CLOEXEC)) == -1 ||
		    read(fd, info, sizeof(info)) == -1)
			err(2, "%s", path);
		snprintf(path, sizeof(path), "%s/fullchain.pem", de->d_name);
		if (fstatat(certs, path, &st, 0) == -1)
			err(2, "%s", path);
		snprintf(path, sizeof(path), "%s/privkey.pem", de->d_name);
		if (fstatat(certs, path, &st, 0) == -1 && errno != ENOENT)
			err(2, "%s", path);
		close(fd);
	}
	closedir(dir);
}

static void
ask(int store)
{
	char host[256], link[300], path[600];
	ssize_t n;
	int fd;

	while (fgets(host, sizeof(host), stdin) != NULL) {
		host[strcspn(host, "\n")] = '\0';
		snprintf(path, sizeof(path), "index/host/%s", host);
		if ((n = readlinkat(store, path, link, sizeof(link) - 1)) == -1)
			err(2, "%s", path);
		link[n] = '\0';
		snprintf(path, sizeof(path), "certs/%s/info",
		    strrchr(link, '/') + 1);
		if ((fd = openat(store, path, O_RDONLY | O_CLOEXEC)) == -1 ||
		    read(fd, info, sizeof(info)) == -1)
			err(2, "%s", path);
		close(fd);
	}
}

static int
opendirat(int fd, const char *name)
{
	int dir;

	dir = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		err(2, "%s", name);
	return dir;
}

static void
drop(int fd, const char *path, int flag)
{
	if (unlinkat(fd, path, flag) == -1)
		err(2, "%s", path);
}

static void
syncdir(int fd)
{
	if (fsync(fd) == -1)
		err(2, "fsync");
}

/* The links of index/ that info calls for. */
static void
dropindex(int index)
{
	char path[300], *line, *last;

	for (line = strtok_r(info, "\n", &last); line != NULL;
	     line = strtok_r(NULL, "\n", &last)) {
		if (strncmp(line, "san dns ", 8) == 0)
			snprintf(path, sizeof(path), "host/%s", line + 8);
		else if (strncmp(line, "spki ", 5) == 0)
			snprintf(path, sizeof(path), "spki/%s", line + 5);
		else
			continue;
		if (unlinkat(index, path, 0) == -1)
			err(2, "%s", path);
	}
}

static void
removeentry(int store, int certs, const char *name)
{
	static const char *const files[] = { "fullchain.pem", "privkey.pem",
		"combined.pem", "ca.pem", "cert.pem", "chain.pem", "info",
		"props" };
	char path[300], gen[256];
	int combined, fd, index, pending;
	size_t i;
	ssize_t n;

	pending = opendirat(store, ".pending");
	combined = opendirat(store, "combined");
	index = opendirat(store, "index");
	if ((fd = openat(store, ".lock", O_RDWR | O_CLOEXEC)) == -1 ||
	    flock(fd, LOCK_EX) == -1)
		err(2, ".lock");
	if ((n = readlinkat(certs, name, gen, sizeof(gen) - 1)) == -1)
		err(2, "%s", name);
	gen[n] = '\0';
	snprintf(path, sizeof(path), "%s/info", gen);
	if ((fd = openat(certs, path, O_RDONLY | O_CLOEXEC)) == -1 ||
	    read(fd, info, sizeof(info) - 1) == -1)
		err(2, "%s", path);
	close(fd);
	if (symlinkat(gen, pending, name) == -1)
		err(2, ".pending/%s", name);
	syncdir(pending);
	snprintf(path, sizeof(path), "%s.pem", name);
	drop(combined, path, 0);
	syncdir(combined);
	drop(certs, name, 0);
	syncdir(certs);
	dropindex(index);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", gen, files[i]);
		drop(certs, path, 0);
	}
	drop(certs, gen, AT_REMOVEDIR);
	drop(pending, name, 0);
}

int
main(int argc, char *argv[])
{
	int certs, store;

	if (argc < 3)
		goto usage;
	store = opendirat(AT_FDCWD, argv[2]);
	certs = opendirat(store, "certs");
	if (strcmp(argv[1], "list") == 0 && argc == 3)
		list(certs);
	else if (strcmp(argv[1], "ask") == 0 && argc == 3)
		ask(store);
	else if (strcmp(argv[1], "remove") == 0 && argc == 4)
		removeentry(store, certs, argv[3]);
	else
		goto usage;
	return 0;
usage:
	fputs("usage: bare list STORE\n"
	      "       bare ask STORE <HOSTS\n"
	      "       bare remove STORE NAME\n",
	    stderr);
	return 2;
}
