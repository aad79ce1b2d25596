/*
 * mount.c: where flock(2) holds for one host only.  Two hosts that write there
 * would both have the lock of a store.  So would the host that has the disk and
 * one that mounts it.
 */
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "system.h"

/* statfs(2) */
#define FUSE 0x65735546
#define NFS 0x6969
#define CIFS 0xff534d42
#define SMB2 0xfe534d42

/* Is a word in a list with commas? */
static int
hasoption(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *p;

	for (p = list; (p = strstr(p, word)) != NULL; p += len)
		if ((p == list || p[-1] == ',') &&
		    (p[len] == '\0' || p[len] == ','))
			return 1;
	return 0;
}

static int
islocal(const char *type, const char *options)
{
	static const char *const types[] = { "fuse.curlftpfs", "fuse.gcsfuse",
		"fuse.rclone", "fuse.s3fs", "fuse.sshfs" };
	static const struct {
		const char *type, *option;
	} with[] = { { "nfs", "local_lock=all" }, { "nfs", "local_lock=flock" },
		{ "nfs", "nolock" }, { "nfs4", "local_lock=all" },
		{ "nfs4", "local_lock=flock" }, { "cifs", "nobrl" },
		{ "smb3", "nobrl" } };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i]) == 0)
			return 1;
	for (i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		if (strcmp(type, with[i].type) == 0 &&
		    hasoption(options, with[i].option))
			return 1;
	return 0;
}

/*
 * Does a line of /proc/self/mountinfo, proc(5), say that a lock on this device
 * is local?  The line is cut up.  The type of the file system, or NULL.
 */
const char *
cs_mount_local(char *line, unsigned int major, unsigned int minor)
{
	char device[32], *options, *rest, *type;

	line[strcspn(line, "\n")] = '\0';
	snprintf(device, sizeof(device), " %u:%u ", major, minor);
	/* behind the numbers of the mount and of the one above */
	if ((rest = strchr(line, ' ')) == NULL ||
	    (rest = strchr(rest + 1, ' ')) == NULL ||
	    strncmp(rest, device, strlen(device)) != 0 ||
	    (type = strstr(rest, " - ")) == NULL)
		return NULL;
	type += 3;
	if ((rest = strchr(type, ' ')) == NULL)
		return NULL;
	*rest++ = '\0';
	options = strchr(rest, ' ');
	return islocal(type, options == NULL ? "" : options + 1) ? type : NULL;
}

/* Is it a file system where a lock may be one of another host? */
static int
isremote(int fd)
{
	switch (system_filesystem(fd)) {
	case FUSE:
	case NFS:
	case CIFS:
	case SMB2:
		return 1;
	default:
		return 0;
	}
}

/*
 * Locks a file on a disk of this host, which has the lock of flock(2), also
 * against those who mount the disk: what they lock by NFS is locked with
 * fcntl(2) here, which flock(2) does not see.  EWOULDBLOCK if one of them has
 * it; elsewhere, and where that cannot be locked, 0.
 */
int
cs_mount_lockserved(int fd, int shared)
{
	if (isremote(fd) || system_lockrange(fd, shared) != -1 ||
	    (errno != EAGAIN && errno != EACCES))
		return 0;
	errno = EWOULDBLOCK;
	return -1;
}

/* Is the lock of a file in this directory local?  1 and the type, or 0, also
 * where that cannot be told. */
int
cs_mount_islocal(int fd, char type[CS_MOUNT_TYPE])
{
	const char *is = NULL;
	char *line = NULL;
	FILE *mounts;
	size_t size = 0;
	struct stat st;

	if (!isremote(fd) || fstat(fd, &st) == -1 ||
	    (mounts = fopen("/proc/self/mountinfo", "re")) == NULL)
		return 0;
	while (is == NULL && getline(&line, &size, mounts) != -1)
		is = cs_mount_local(line, major(st.st_dev), minor(st.st_dev));
	if (is != NULL)
		snprintf(type, CS_MOUNT_TYPE, "%s", is);
	free(line);
	fclose(mounts);
	return is != NULL;
}
