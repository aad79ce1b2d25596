/*
 * slow.c: a library to preload: a store on a file system that is slow.  Each
 * info that is opened takes SLOW microseconds of waiting and BUSY of work, on a
 * clock of its own that nothing else moves.  At the end the process prints on
 * stderr how many threads were made, and how many opened one at the same time.
 */
#include <sys/syscall.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ATONCE 8 /* that many threads meet once */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t met = PTHREAD_COND_INITIALIZER;
static long long wall, cpu; /* nanoseconds */
static int threads, opening, most;

static long long
microseconds(const char *name)
{
	const char *text = getenv(name);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	long long at;

	if (id != CLOCK_MONOTONIC && id != CLOCK_THREAD_CPUTIME_ID)
		return (int)syscall(SYS_clock_gettime, id, ts);
	pthread_mutex_lock(&mutex);
	at = id == CLOCK_MONOTONIC ? wall : cpu;
	pthread_mutex_unlock(&mutex);
	ts->tv_sec = (time_t)(at / 1000000000);
	ts->tv_nsec = (long)(at % 1000000000);
	return 0;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*fn)(void *), void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *),
	    void *);

	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	pthread_mutex_lock(&mutex);
	threads++;
	pthread_mutex_unlock(&mutex);
	return real(thread, attr, fn, arg);
}

/* Waits as long as it takes until so many do, but not for ever. */
static void
take(void)
{
	struct timespec until;
	long long busy = microseconds("BUSY");

	pthread_mutex_lock(&mutex);
	wall += (microseconds("SLOW") + busy) * 1000;
	cpu += busy * 1000;
	if (++opening > most)
		most = opening;
	pthread_cond_broadcast(&met);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	while (threads > 0 && most < ATONCE &&
	    pthread_cond_timedwait(&met, &mutex, &until) != ETIMEDOUT)
		continue;
	opening--;
	pthread_mutex_unlock(&mutex);
}

static void
takeinfo(const char *path)
{
	const char *base = strrchr(path, '/');

	if (base != NULL && strcmp(base, "/info") == 0)
		take();
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	takeinfo(path);
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

/* The same with _FORTIFY_SOURCE. */
int __openat_2(int, const char *, int);
int
__openat_2(int dir, const char *path, int flags)
{
	takeinfo(path);
	return (int)syscall(SYS_openat, dir, path, flags);
}

static void __attribute__((destructor)) report(void)
{
	dprintf(2, "threads %d at once %d\n", threads, most);
}
