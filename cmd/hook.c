/*
 * hook.c: runs a program that is not ours: a hook of the administrator's, or
 * systemctl.  It gets a clean environment, a session of its own and a limited
 * time, and nothing of ours but its input.
 */
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/unistd.h>

#include "cmd.h"

#define OUTPUT_MAX 65536
#define LINGER_MS 1000 /* output is read so long after the end */
#define GRACE_MS 5000  /* between SIGTERM and SIGKILL, and after it */
#define ERROR_FD 3     /* in the child */
#define PROGRAM_FD 4

static const char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			   "/usr/bin:/sbin:/bin";
/* What else a program gets of our environment. */
static const char *const passed[] = { "HOME", "TMPDIR", "SSL_CERT_FILE",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy",
	"no_proxy" };
#define NPASSED (sizeof(passed) / sizeof(passed[0]))

static int
refuse(struct cmd_hook *hook, const char *what)
{
	snprintf(hook->why, sizeof(hook->why), "%s", what);
	return -1;
}

static int
fail(struct cmd_hook *hook, const char *what)
{
	snprintf(hook->why, sizeof(hook->why), "%s: %s", what, strerror(errno));
	return -1;
}

/* May nobody but root and this user change the file or directory?  0 or -1. */
static int
checksafe(struct cmd_hook *hook, int fd, const char *name, uid_t rootuid)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return fail(hook, name);
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != rootuid)
		snprintf(hook->why, sizeof(hook->why),
		    "%s: belongs to user %lu: chown it to root or to the "
		    "owner of the store",
		    name, (unsigned long)st.st_uid);
	else if ((st.st_mode & 022) != 0 &&
	    (!S_ISDIR(st.st_mode) || (st.st_mode & S_ISVTX) == 0))
		snprintf(hook->why, sizeof(hook->why),
		    "%s: has mode %04o, so that others can change it: chmod "
		    "go-w it",
		    name, (unsigned int)st.st_mode & 07777);
	else
		return 0;
	return -1;
}

/* Opens a path without links and checks all that leads to it. */
static int
opensafe(struct cmd_hook *hook, char *real)
{
	struct stat st;
	char *name = real, *slash;
	int dir, fd;

	if ((dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1 ||
	    fstat(dir, &st) == -1)
		return fail(hook, "/");
	if (checksafe(hook, dir, "/", st.st_uid) == -1)
		goto bad;
	for (; name != NULL; name = slash) {
		name++;
		if ((slash = strchr(name, '/')) != NULL)
			*slash = '\0';
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		close(dir);
		if ((dir = fd) == -1)
			return fail(hook, real);
		if (checksafe(hook, dir, real, st.st_uid) == -1)
			goto bad;
		if (slash != NULL)
			*slash = '/';
	}
	if (fstat(dir, &st) == -1 || !S_ISREG(st.st_mode) ||
	    (st.st_mode & 0111) == 0) {
		refuse(hook, "is not an executable file: chmod +x it");
		goto bad;
	}
	hook->fd = dir;
	return 1;
bad:
	close(dir);
	return -1;
}

int
cmd_hook_open(struct cmd_hook *hook, const char *file)
{
	struct stat st;

	hook->fd = -1;
	free(hook->path);
	if ((hook->path = realpath(file, NULL)) != NULL)
		return opensafe(hook, hook->path);
	if (errno == ENOENT && lstat(file, &st) == 0)
		return refuse(hook, "is a link to nothing");
	return errno == ENOENT || errno == ENOTDIR ? 0 : fail(hook, file);
}

void
cmd_hook_close(struct cmd_hook *hook)
{
	if (hook->fd != -1)
		close(hook->fd);
	hook->fd = -1;
	free(hook->path);
	hook->path = NULL;
	cmd_text_free(&hook->out);
}

/* NAME=VALUE */
static char *
variable(const char *name, const char *value)
{
	char *p;

	if (asprintf(&p, "%s=%s", name, value) == -1)
		cmd_die("no memory left");
	return p;
}

/* Makes the whole environment; NULL ends it. */
static void
makeenv(const struct cmd_hook *hook, char *env[NPASSED + 5])
{
	const char *value;
	size_t i, n = 0;

	env[n++] = variable("CERTSTORE", hook->store);
	env[n++] = variable(CMD_HOOK_MARK, hook->user);
	env[n++] = variable("LANG", "C.UTF-8");
	env[n++] = strdup(path);
	for (i = 0; i < NPASSED; i++)
		if ((value = getenv(passed[i])) != NULL)
			env[n++] = variable(passed[i], value);
	env[n] = NULL;
}

/* In the child: never returns. */
CMD_NORETURN static void
runchild(const struct cmd_hook *hook, char **argv, char **env, int in, int out,
    int error)
{
	int errnum, i, program;
	sigset_t none;

	setsid();
	error = fcntl(error, F_DUPFD_CLOEXEC, 10);
	program = fcntl(hook->fd, F_DUPFD_CLOEXEC, 10);
	if (dup2(in, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1 ||
	    dup3(error, ERROR_FD, O_CLOEXEC) == -1 ||
	    dup3(program, PROGRAM_FD, O_CLOEXEC) == -1)
		_exit(127);
	closefrom(PROGRAM_FD + 1);
	for (i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (chdir("/") == 0) {
		(void)fexecve(PROGRAM_FD, argv, env);
		/* a script is opened by its interpreter, by a name */
		if (errno == ENOENT)
			(void)execve(hook->path, argv, env);
	}
	errnum = errno;
	(void)!write(ERROR_FD, &errnum, sizeof(errnum));
	_exit(127);
}

static int64_t
nowms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A program that runs. */
struct run {
	struct cmd_hook *hook;
	pid_t pid;
	int out;       /* of the program, or -1 at its end */
	int signals;   /* signalfd(2) */
	int64_t limit; /* when something is to be done next */
	int kills;     /* signals that were sent */
	int over, status;
};

/* Keeps the first OUTPUT_MAX bytes, and reads the rest. */
static void
readoutput(struct run *run)
{
	struct cmd_text *t = &run->hook->out;
	char buf[4096];
	ssize_t n;

	n = read(run->out, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(run->out);
		run->out = -1;
	} else if (t->len < OUTPUT_MAX)
		cmd_text_add(t, buf,
		    (size_t)n < OUTPUT_MAX - t->len ? (size_t)n :
						      OUTPUT_MAX - t->len);
}

static void
readsignal(struct run *run)
{
	struct signalfd_siginfo info;

	if (read(run->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		if (!run->over &&
		    waitpid(run->pid, &run->status, WNOHANG) == run->pid) {
			run->over = 1;
			run->limit = nowms() + LINGER_MS;
		}
	} else if (!run->over && run->kills == 0) {
		run->hook->interrupted = (int)info.ssi_signo;
		run->limit = nowms();
	}
}

/*
 * Reads until the program has ended and all its output is read, or a second
 * later: what it started in the background may keep the pipe open.  After the
 * time is over its process group is ended, unless it has itself ended.
 */
static void
watchprogram(struct run *run)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int64_t left;

	while (!run->over || run->out != -1) {
		if ((left = run->limit - nowms()) <= 0) {
			if (run->over || run->kills == 2)
				return;
			kill(-run->pid, run->kills++ == 0 ? SIGTERM : SIGKILL);
			run->limit += GRACE_MS;
			continue;
		}
		fds[0].fd = run->signals;
		fds[1].fd = run->out;
		if (poll(fds, 2, left > INT_MAX ? INT_MAX : (int)left) <= 0)
			continue;
		if (fds[0].revents != 0)
			readsignal(run);
		if (fds[1].revents != 0)
			readoutput(run);
	}
}

/* Sets why the program failed, if it did. */
static int
judgeend(const struct run *run, unsigned int seconds)
{
	struct cmd_hook *hook = run->hook;

	if (hook->interrupted != 0)
		return refuse(hook, "was interrupted");
	if (run->kills > 0)
		snprintf(hook->why, sizeof(hook->why),
		    "did not end within %u s%s", seconds,
		    run->over ? "" : ", nor by SIGKILL");
	else if (WIFSIGNALED(run->status))
		snprintf(hook->why, sizeof(hook->why), "ended by signal %d",
		    WTERMSIG(run->status));
	else if (WEXITSTATUS(run->status) != 0)
		snprintf(hook->why, sizeof(hook->why), "exit status %d",
		    WEXITSTATUS(run->status));
	else
		return 0;
	return -1;
}

/* A file without a name that holds the input: it needs no writer. */
static int
makeinput(const char *input)
{
	size_t len = strlen(input);
	ssize_t n;
	int fd;

	if ((fd = memfd_create("names", MFD_CLOEXEC)) == -1)
		return -1;
	while (len > 0 && (n = write(fd, input, len)) > 0) {
		input += n;
		len -= (size_t)n;
	}
	if (len == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Starts the program and waits until it runs: 0, -1 and why. */
static int
startprogram(struct run *run, char **argv, const char *input)
{
	char *env[NPASSED + 5];
	int error[2] = { -1, -1 }, errnum = 0, in = -1, out[2] = { -1, -1 };
	int rv = -1;
	ssize_t n;

	makeenv(run->hook, env);
	if ((in = makeinput(input)) == -1 || pipe2(out, O_CLOEXEC) == -1 ||
	    pipe2(error, O_CLOEXEC) == -1 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) == -1 ||
	    (run->pid = fork()) == -1) {
		fail(run->hook, "cannot be started");
		goto out;
	}
	if (run->pid == 0)
		runchild(run->hook, argv, env, in, out[1], error[1]);
	close(error[1]);
	error[1] = -1;
	do
		n = read(error[0], &errnum, sizeof(errnum));
	while (n == -1 && errno == EINTR);
	run->out = out[0];
	out[0] = -1;
	rv = 0;
	if (n == sizeof(errnum)) {
		(void)waitpid(run->pid, &run->status, 0);
		errno = errnum;
		rv = fail(run->hook, "cannot be started");
	}
out:
	for (n = 0; env[n] != NULL; n++)
		free(env[n]);
	if (in != -1)
		close(in);
	for (n = 0; n < 2; n++) {
		if (out[n] != -1)
			close(out[n]);
		if (error[n] != -1)
			close(error[n]);
	}
	return rv;
}

int
cmd_hook_run(struct cmd_hook *hook, char **argv, const char *input,
    unsigned int seconds)
{
	struct run run = { .hook = hook, .out = -1, .signals = -1 };
	sigset_t mask, before;
	int rv = -1;

	hook->out.len = 0;
	hook->why[0] = '\0';
	hook->interrupted = 0;
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &before);
	if ((run.signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK)) ==
	    -1)
		fail(hook, "cannot be started");
	else if (startprogram(&run, argv, input) == 0) {
		run.limit = nowms() + (int64_t)seconds * 1000;
		watchprogram(&run);
		rv = judgeend(&run, seconds);
	}
	if (run.out != -1)
		close(run.out);
	if (run.signals != -1)
		close(run.signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rv;
}
