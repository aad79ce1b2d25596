/*
 * ahead.c: items of a list that are read one after the other, or, where reading
 * them is waiting, several at once by threads.  The caller gets them in the
 * order of the list in both cases.
 *
 * A local disk answers in microseconds, and no thread is ever made.  A network
 * file system may take a millisecond for each small call, and what counts then
 * is how many are under way.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/base.h"

#define SAMPLE 8      /* items by which it is decided, twice */
#define SLOW 6	      /* of them are slow */
#define MOMENT 250000 /* nanoseconds that an item may take */
#define WORKERS 16
#define SLOTS 64 /* items that were read and are not used yet */

enum state { EMPTY, READ, FAILED };

struct worker {
	struct cs_ahead *ahead;
	void *own; /* of cs_aheadcalls.begin() */
	pthread_t thread;
};

struct cs_ahead {
	const struct cs_aheadcalls *calls;
	void *arg;
	const struct cs_strings *names;
	/* before it is decided */
	int decided, looks; /* the first or second time */
	int nread, nslow;
	int64_t began, waited, cpu;
	/* what the threads share, under the mutex */
	pthread_mutex_t mutex;
	pthread_cond_t room, news;
	int stop;
	size_t taken; /* the next that a thread takes */
	size_t used;  /* the one that the caller has */
	size_t running;
	enum state state[SLOTS];
	char *slots;
	struct worker workers[WORKERS];
	size_t nworker; /* the caller's alone */
};

static int64_t
nanoseconds(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static char *
slotof(const struct cs_ahead *a, size_t i)
{
	return a->slots + i % SLOTS * a->calls->size;
}

/* A thread: takes one name after the other, as far as there is room. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	struct cs_ahead *a = w->ahead;
	size_t i;
	int rv;

	pthread_mutex_lock(&a->mutex);
	while (!a->stop && a->taken < a->names->n) {
		if (a->taken >= a->used + SLOTS) {
			pthread_cond_wait(&a->room, &a->mutex);
			continue;
		}
		i = a->taken++;
		pthread_mutex_unlock(&a->mutex);
		rv = a->calls->read(w->own, a->names->v[i], slotof(a, i));
		pthread_mutex_lock(&a->mutex);
		a->state[i % SLOTS] = rv == 1 ? READ : FAILED;
		pthread_cond_broadcast(&a->news);
	}
	a->running--;
	pthread_cond_broadcast(&a->news);
	pthread_mutex_unlock(&a->mutex);
	return NULL;
}

static int
startworker(struct cs_ahead *a, struct worker *w)
{
	w->ahead = a;
	if ((w->own = a->calls->begin(a->arg)) == NULL)
		return -1;
	if (pthread_create(&w->thread, NULL, work, w) == 0)
		return 0;
	a->calls->end(w->own);
	return -1;
}

/* Makes the threads, which get no signal.  If there can be none the caller goes
 * on alone. */
static void
startworkers(struct cs_ahead *a, size_t from)
{
	sigset_t all, was;

	if ((a->slots = calloc(SLOTS, a->calls->size)) == NULL)
		return;
	a->taken = a->used = from;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &was);
	pthread_mutex_lock(&a->mutex);
	while (a->nworker < WORKERS &&
	    startworker(a, &a->workers[a->nworker]) == 0)
		a->nworker++;
	a->running = a->nworker;
	pthread_mutex_unlock(&a->mutex);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
}

/* The names are borrowed, and stay as they are.  NULL: no memory. */
struct cs_ahead *
cs_ahead_new(const struct cs_strings *names, const struct cs_aheadcalls *calls,
    void *arg)
{
	/* each function of pthread.h that is called costs the start of every
	 * command, so these are few */
	static const pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static const pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct cs_ahead *a;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return NULL;
	a->names = names;
	a->calls = calls;
	a->arg = arg;
	a->mutex = mutex;
	a->room = a->news = cond;
	return a;
}

/*
 * The item of a name, by its place in the list, which only grows; it is the
 * caller's until the next call.  NULL: the caller reads it itself, and then
 * calls cs_ahead_done().
 */
void *
cs_ahead_get(struct cs_ahead *a, size_t i)
{
	enum state state;

	if (a->nworker == 0) {
		if (!a->decided)
			a->began = nanoseconds(CLOCK_MONOTONIC);
		return NULL;
	}
	pthread_mutex_lock(&a->mutex);
	for (; a->used < i; a->used++)
		a->state[a->used % SLOTS] = EMPTY;
	pthread_cond_broadcast(&a->room);
	while (a->state[i % SLOTS] == EMPTY && a->running > 0)
		pthread_cond_wait(&a->news, &a->mutex);
	state = a->state[i % SLOTS];
	pthread_mutex_unlock(&a->mutex);
	return state == READ ? slotof(a, i) : NULL;
}

/*
 * The caller has read the item at this place.  If nearly all of the first were
 * slow, some more are read to find out whether that was waiting.
 */
void
cs_ahead_done(struct cs_ahead *a, size_t i)
{
	int64_t took;

	if (a->decided)
		return;
	took = nanoseconds(CLOCK_MONOTONIC) - a->began;
	a->waited += took;
	a->nslow += took > MOMENT;
	if (++a->nread < SAMPLE)
		return;
	a->decided = a->nslow < SLOW || a->looks > 0 ||
	    a->names->n - i < WORKERS;
	if (!a->decided) {
		a->cpu = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
		a->looks = 1;
		a->nread = a->nslow = 0;
		a->waited = 0;
	} else if (a->looks > 0 && a->nslow >= SLOW &&
	    a->waited - (nanoseconds(CLOCK_THREAD_CPUTIME_ID) - a->cpu) >
		SAMPLE * MOMENT)
		startworkers(a, i + 1);
}

void
cs_ahead_free(struct cs_ahead *a)
{
	size_t i;

	if (a == NULL)
		return;
	if (a->nworker > 0) {
		pthread_mutex_lock(&a->mutex);
		a->stop = 1;
		pthread_cond_broadcast(&a->room);
		pthread_mutex_unlock(&a->mutex);
	}
	for (i = 0; i < a->nworker; i++) {
		pthread_join(a->workers[i].thread, NULL);
		a->calls->end(a->workers[i].own);
	}
	for (i = 0; a->slots != NULL && i < SLOTS; i++)
		a->calls->clean(slotof(a, i));
	free(a->slots);
	free(a);
}
