/*
 * hook.c: runs a program that is not ours: a hook of the administrator's, or
 * systemctl.  It gets a clean environment, a session of its own and a limited
 * time, and nothing of ours but its input.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <ctype.h>
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

#include <bsd/stdlib.h>
#include <bsd/unistd.h>

#include "cmd.h"
#include "system.h"

#define OUTPUT_MAX 65536
#define ENV_MAX 16384  /* bytes of a file with variables */
#define LINGER_MS 1000 /* output is read so long after the end */
#define GRACE_MS 5000  /* between SIGTERM and SIGKILL, and after it */
#define ERROR_FD 3     /* in the child */
#define PROGRAM_FD 4
#define NSIGNAL 4 /* that are caught while a program runs */

static const char searchpath[] =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
    "/sbin:/bin";
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

/* Opens a path without links and checks it and all that leads to it: 0, -1. */
static int
openpath(struct cmd_hook *hook, char *real)
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
	hook->fd = dir;
	return 0;
bad:
	close(dir);
	return -1;
}

int
cmd_hook_open(struct cmd_hook *hook, const char *file)
{
	struct stat st;

	if (hook->fd != -1)
		close(hook->fd);
	hook->fd = -1;
	free(hook->path);
	if ((hook->path = realpath(file, NULL)) != NULL) {
		if (openpath(hook, hook->path) == -1)
			return -1;
		if (fstat(hook->fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    (st.st_mode & 0111) != 0)
			return 1;
		return refuse(hook, "is not an executable file: chmod +x it");
	}
	if (errno == ENOENT && lstat(file, &st) == 0)
		return refuse(hook, "is a link to nothing");
	return errno == ENOENT || errno == ENOTDIR ? 0 : fail(hook, file);
}

static void
freesecrets(struct cmd_hook *hook)
{
	size_t i;

	for (i = 0; hook->env != NULL && hook->env[i] != NULL; i++)
		freezero(hook->env[i], strlen(hook->env[i]));
	free(hook->env);
	hook->env = NULL;
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
	freesecrets(hook);
}

/* Each line of what the program printed; of one that failed also with -q. */
void
cmd_hook_print(struct cmd_hook *hook, const char *who, int failed)
{
	char *line, *rest = hook->out.p;

	if (hook->out.len == 0)
		return;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		if (failed)
			cmd_error("%s: %s", who, line);
		else
			cmd_say("%s: %s", who, line);
	}
}

static int
isname(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalpha((unsigned char)s[i]) && s[i] != '_' &&
		    (i == 0 || !isdigit((unsigned char)s[i])))
			return 0;
	return len > 0;
}

/* Makes hook->env of the lines; the message never has what is in them. */
static int
readvariables(struct cmd_hook *hook, char *text, size_t len, const char *file)
{
	char *line, *value;
	size_t i, lineno = 0, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == '\n';
	if ((hook->env = calloc(n + 2, sizeof(*hook->env))) == NULL)
		cmd_die("no memory left");
	n = 0;
	while ((line = strsep(&text, "\n")) != NULL) {
		lineno++;
		if (*line == '\0' || *line == '#')
			continue;
		value = strchr(line, '=');
		if (value == NULL || !isname(line, (size_t)(value - line))) {
			snprintf(hook->why, sizeof(hook->why),
			    "%s: line %zu: is not KEY=VALUE", file, lineno);
			return -1;
		}
		if ((hook->env[n++] = strdup(line)) == NULL)
			cmd_die("no memory left");
	}
	return 1;
}

/*
 * Takes more variables for the program from a file with lines KEY=VALUE: 1, 0
 * there is no such file, -1 and why.  The file and its path must be as safe as a
 * hook's; only its owner may read it.
 */
int
cmd_hook_env(struct cmd_hook *hook, const char *file)
{
	char buf[ENV_MAX + 1], *path;
	struct cmd_hook own = { .fd = -1 };
	struct stat st;
	ssize_t n = -1;
	int fd = -1, rv;

	freesecrets(hook);
	if ((path = realpath(file, NULL)) == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 :
							     fail(hook, file);
	if (openpath(&own, path) == -1) {
		rv = refuse(hook, own.why);
		goto out;
	}
	if (fstat(own.fd, &st) == -1)
		rv = fail(hook, path);
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		snprintf(hook->why, sizeof(hook->why), "%s: %s", path,
		    S_ISREG(st.st_mode) ? "others can read it: chmod 600 it" :
					  "is not a file");
		rv = -1;
	} else if ((fd = system_reopen(own.fd)) == -1 ||
	    (n = read(fd, buf, sizeof(buf))) == -1)
		rv = fail(hook, path);
	else if (n > ENV_MAX || memchr(buf, '\0', (size_t)n) != NULL) {
		snprintf(hook->why, sizeof(hook->why),
		    "%s: is not a text of at most %d bytes", path, ENV_MAX);
		rv = -1;
	} else {
		buf[n] = '\0';
		rv = readvariables(hook, buf, (size_t)n, path);
	}
out:
	explicit_bzero(buf, sizeof(buf));
	if (fd != -1)
		close(fd);
	if (own.fd != -1)
		close(own.fd);
	free(path);
	return rv;
}

static char *
copyvariable(const char *text)
{
	char *p;

	if ((p = strdup(text)) == NULL)
		cmd_die("no memory left");
	return p;
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

/* Replaces a variable of that name; NULL ends the list. */
static void
setvariable(char **env, char *variable)
{
	size_t len = strcspn(variable, "=") + 1;

	for (; *env != NULL; env++)
		if (strncmp(*env, variable, len) == 0) {
			freezero(*env, strlen(*env));
			*env = variable;
			return;
		}
	*env = variable;
}

/* Makes the whole environment. */
static char **
makeenv(const struct cmd_hook *hook)
{
	const char *value;
	char **env;
	size_t i, more = 0;

	while (hook->env != NULL && hook->env[more] != NULL)
		more++;
	if ((env = calloc(NPASSED + 5 + more, sizeof(*env))) == NULL)
		cmd_die("no memory left");
	setvariable(env, variable("CERTSTORE", hook->store));
	if (hook->user != NULL)
		setvariable(env, variable(CMD_HOOK_MARK, hook->user));
	setvariable(env, variable("LANG", "C.UTF-8"));
	setvariable(env, variable("PATH", searchpath));
	for (i = 0; i < NPASSED; i++)
		if ((value = getenv(passed[i])) != NULL)
			setvariable(env, variable(passed[i], value));
	for (i = 0; i < more; i++)
		setvariable(env, copyvariable(hook->env[i]));
	return env;
}

/* In the child: never returns. */
CMD_NORETURN static void
runchild(const struct cmd_hook *hook, char **argv, char **env, int in,
    int answer, int out, int error)
{
	int errnum, i, program;
	sigset_t none;

	setsid();
	error = fcntl(error, F_DUPFD_CLOEXEC, 10);
	program = fcntl(hook->fd, F_DUPFD_CLOEXEC, 10);
	if (dup2(in, 0) == -1 || dup2(answer, 1) == -1 || dup2(out, 2) == -1 ||
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

/* The last signal that was caught, if it was not SIGCHLD. */
static volatile sig_atomic_t caught;

static void
catchsignal(int sig)
{
	if (sig != SIGCHLD)
		caught = sig;
}

/* A program that runs. */
struct run {
	struct cmd_hook *hook;
	pid_t pid;
	int out;       /* of the program, or -1 at its end */
	int answer;    /* likewise; its stdout, if that is apart */
	sigset_t mask; /* while it waits */
	int64_t limit; /* when something is to be done next */
	int kills;     /* signals that were sent */
	int stopped;   /* by a signal that this process got */
	int over, status;
};

/* Keeps the first OUTPUT_MAX bytes, and reads the rest. */
static void
readoutput(int *fd, struct cmd_text *t)
{
	char buf[4096], *nul;
	ssize_t n;

	n = read(*fd, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* what follows a NUL byte is another line */
	while (n > 0 && (nul = memchr(buf, '\0', (size_t)n)) != NULL)
		*nul = '\n';
	if (n <= 0) {
		close(*fd);
		*fd = -1;
	} else if (t->len < OUTPUT_MAX)
		cmd_text_add(t, buf,
		    (size_t)n < OUTPUT_MAX - t->len ? (size_t)n :
						      OUTPUT_MAX - t->len);
}

/* Sees whether the program has ended, and what was caught.  A signal ends it; one
 * that comes later changes nothing for it, but is not lost. */
static void
seesignals(struct run *run)
{
	int sig = caught;

	caught = 0;
	if (!run->over &&
	    waitpid(run->pid, &run->status, WNOHANG) == run->pid) {
		run->over = 1;
		run->limit = nowms() + LINGER_MS;
	}
	if (sig == 0)
		return;
	run->hook->interrupted = sig;
	if (!run->over && run->kills == 0) {
		run->stopped = 1;
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
	struct timespec wait;
	int64_t left;

	while (!run->over || run->out != -1 || run->answer != -1) {
		seesignals(run);
		if ((left = run->limit - nowms()) <= 0) {
			if (run->over || run->kills == 2)
				return;
			kill(-run->pid, run->kills++ == 0 ? SIGTERM : SIGKILL);
			run->limit += GRACE_MS;
			continue;
		}
		fds[0].fd = run->out;
		fds[1].fd = run->answer;
		wait.tv_sec = (time_t)(left / 1000);
		wait.tv_nsec = (long)(left % 1000) * 1000000;
		if (ppoll(fds, 2, &wait, &run->mask) <= 0)
			continue;
		if (fds[0].revents != 0)
			readoutput(&run->out, &run->hook->out);
		if (fds[1].revents != 0)
			readoutput(&run->answer, run->hook->answer);
	}
}

/* Sets why the program failed, if it did. */
static int
judgeend(const struct run *run, unsigned int seconds)
{
	struct cmd_hook *hook = run->hook;

	if (run->stopped)
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

/* A pipe whose end is read without waiting. */
static int
makepipe(int fd[2])
{
	return pipe2(fd, O_CLOEXEC) == -1 ||
		fcntl(fd[0], F_SETFL, O_NONBLOCK) == -1 ?
	    -1 :
	    0;
}

/* Gives the end to read to the caller, and closes the other. */
static int
takepipe(int fd[2])
{
	int end = fd[0];

	if (fd[1] != -1)
		close(fd[1]);
	fd[0] = fd[1] = -1;
	return end;
}

static void
closepipe(int fd[2])
{
	int end = takepipe(fd);

	if (end != -1)
		close(end);
}

/* Starts the program and waits until it runs: 0, -1 and why. */
static int
startprogram(struct run *run, char **argv, const char *input)
{
	int answer[2] = { -1, -1 }, error[2] = { -1, -1 }, out[2] = { -1, -1 };
	char **env = makeenv(run->hook);
	int apart = run->hook->answer != NULL, errnum = 0, in = -1, rv = -1;
	ssize_t n;

	if ((in = makeinput(input)) == -1 || makepipe(out) == -1 ||
	    (apart && makepipe(answer) == -1) ||
	    pipe2(error, O_CLOEXEC) == -1 || (run->pid = fork()) == -1) {
		fail(run->hook, "cannot be started");
		goto out;
	}
	if (run->pid == 0)
		runchild(run->hook, argv, env, in, apart ? answer[1] : out[1],
		    out[1], error[1]);
	close(error[1]);
	error[1] = -1;
	do
		n = read(error[0], &errnum, sizeof(errnum));
	while (n == -1 && errno == EINTR);
	run->out = takepipe(out);
	run->answer = takepipe(answer);
	rv = 0;
	if (n == sizeof(errnum)) {
		(void)waitpid(run->pid, &run->status, 0);
		errno = errnum;
		rv = fail(run->hook, "cannot be started");
	}
out:
	for (n = 0; env[n] != NULL; n++)
		freezero(env[n], strlen(env[n]));
	free(env);
	if (in != -1)
		close(in);
	closepipe(out);
	closepipe(answer);
	closepipe(error);
	return rv;
}

int
cmd_hook_run(struct cmd_hook *hook, char **argv, const char *input,
    unsigned int seconds)
{
	struct run run = { .hook = hook, .out = -1, .answer = -1 };
	static const int signals[] = { SIGCHLD, SIGHUP, SIGINT, SIGTERM };
	struct sigaction act = { .sa_handler = catchsignal };
	struct sigaction old[NSIGNAL];
	sigset_t mask, before;
	int i, rv = -1;

	hook->out.len = 0;
	if (hook->answer != NULL)
		hook->answer->len = 0;
	hook->why[0] = '\0';
	hook->interrupted = 0;
	caught = 0;
	sigemptyset(&mask);
	for (i = 0; i < NSIGNAL; i++)
		sigaddset(&mask, signals[i]);
	sigprocmask(SIG_BLOCK, &mask, &before);
	run.mask = before;
	sigemptyset(&act.sa_mask);
	for (i = 0; i < NSIGNAL; i++) {
		sigdelset(&run.mask, signals[i]);
		(void)sigaction(signals[i], &act, &old[i]);
	}
	if (startprogram(&run, argv, input) == 0) {
		run.limit = nowms() + (int64_t)seconds * 1000;
		watchprogram(&run);
		seesignals(&run);
		rv = judgeend(&run, seconds);
	}
	if (run.out != -1)
		close(run.out);
	if (run.answer != -1)
		close(run.answer);
	for (i = 0; i < NSIGNAL; i++)
		(void)sigaction(signals[i], &old[i], NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rv;
}
