/*
 * time.c: times commands in turn: A B C A B C ..., so that whatever else the
 * machine does falls on all of them.  The works are read from stdin, one a
 * line, fields between tabs:
 *
 *	label	status	before	command ...
 *
 * status is what the command has to exit with.  before is a line for sh(1)
 * that is run outside of the clock, or "-".  The words of the command are
 * between blanks, a word ";" starts a further process, and "%" becomes the
 * number of the round with seven digits.  With -n the rounds are numbered
 * from that number on.  Prints for each work
 *
 *	label	median	least	median of user and system time	largest memory
 *
 * in microseconds and KiB.  The first round only warms the caches.
 */
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bsd/stdlib.h>

#define WORKS_MAX 64
#define WORDS_MAX 64

struct work {
	char *line; /* holds all that follows */
	char *label;
	char *before;
	char *words[WORDS_MAX]; /* NULL behind each process */
	size_t nword;
	int status;
	double *wall;
	double *cpu;
	long rss;
};

static posix_spawn_file_actions_t actions;
extern char **environ;

static double
now(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(2, "clock_gettime");
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double
usecs(struct timeval tv)
{
	return (double)tv.tv_sec * 1e6 + (double)tv.tv_usec;
}

static long
number(const char *text, long min)
{
	const char *bad;
	long n;

	n = (long)strtonum(text, min, 9999999, &bad);
	if (bad != NULL)
		errx(2, "%s: is %s", text, bad);
	return n;
}

/* The next field of a line, which it cuts. */
static char *
field(char **p, const char *between)
{
	char *s;

	while ((s = strsep(p, between)) != NULL && *s == '\0')
		;
	return s;
}

static void
parse(struct work *w, char *line)
{
	char *p = line, *status, *word;

	w->line = line;
	line[strcspn(line, "\n")] = '\0';
	w->label = field(&p, "\t");
	status = field(&p, "\t");
	w->before = field(&p, "\t");
	if (w->before == NULL || p == NULL)
		errx(2, "a work has label, status, before, command");
	w->status = (int)number(status, 0);
	while ((word = field(&p, " ")) != NULL) {
		if (w->nword + 2 > WORDS_MAX)
			errx(2, "%s: too many words", w->label);
		w->words[w->nword++] = strcmp(word, ";") == 0 ? NULL : word;
	}
	w->words[w->nword] = NULL;
}

/* The words of one process with the number of the round in them. */
static void
fill(char *argv[WORDS_MAX], char *words[], long round)
{
	const char *s;
	char *p;
	size_t i;

	for (i = 0; words[i] != NULL; i++) {
		if ((p = malloc(8 * strlen(words[i]) + 1)) == NULL)
			err(2, NULL);
		argv[i] = p;
		for (s = words[i]; *s != '\0'; s++) {
			if (*s == '%')
				p += sprintf(p, "%07ld", round);
			else
				*p++ = *s;
		}
		*p = '\0';
	}
	argv[i] = NULL;
}

/* One process; its status is checked, what it used is added up. */
static size_t
run(struct work *w, size_t at, long round, double *wall, double *cpu)
{
	struct rusage used;
	char *argv[WORDS_MAX];
	double begun;
	size_t i;
	pid_t pid;
	int errnum, status;

	fill(argv, w->words + at, round);
	begun = now();
	errnum = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	if (errnum != 0)
		errx(2, "%s: %s", argv[0], strerror(errnum));
	if (wait4(pid, &status, 0, &used) == -1)
		err(2, "wait4");
	*wall += now() - begun;
	*cpu += usecs(used.ru_utime) + usecs(used.ru_stime);
	if (used.ru_maxrss > w->rss)
		w->rss = used.ru_maxrss;
	for (i = 0; argv[i] != NULL; i++)
		free(argv[i]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != w->status)
		errx(2, "%s: status %#x instead of %d", w->label,
		    (unsigned int)status, w->status);
	return at + i + 1;
}

static void
prepare(const struct work *w, long round)
{
	char *argv[WORDS_MAX], *words[2] = { w->before, NULL };

	if (strcmp(w->before, "-") == 0)
		return;
	fill(argv, words, round);
	if (system(argv[0]) != 0)
		errx(2, "%s: failed: %s", w->label, argv[0]);
	free(argv[0]);
}

static void
once(struct work *w, long round, double *wall, double *cpu)
{
	size_t at = 0;

	prepare(w, round);
	*wall = *cpu = 0;
	while (at < w->nword)
		at = run(w, at, round, wall, cpu);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
report(struct work *w, size_t n)
{
	qsort(w->wall, n, sizeof(*w->wall), compare);
	qsort(w->cpu, n, sizeof(*w->cpu), compare);
	printf("%s\t%.1f\t%.1f\t%.1f\t%ld\n", w->label, w->wall[n / 2],
	    w->wall[0], w->cpu[n / 2], w->rss);
	free(w->wall);
	free(w->cpu);
	free(w->line);
}

static size_t
readworks(struct work *works, size_t rounds)
{
	char *line = NULL;
	size_t n = 0, size = 0;

	while (getline(&line, &size, stdin) != -1) {
		if (n == WORKS_MAX)
			errx(2, "over %d works", WORKS_MAX);
		parse(&works[n], line);
		works[n].wall = calloc(rounds, sizeof(double));
		works[n].cpu = calloc(rounds, sizeof(double));
		if (works[n].wall == NULL || works[n].cpu == NULL)
			err(2, NULL);
		n++;
		line = NULL;
		size = 0;
	}
	free(line);
	return n;
}

static void
usage(void)
{
	fputs("usage: time [-n first] rounds <works\n", stderr);
	exit(2);
}

int
main(int argc, char *argv[])
{
	static struct work works[WORKS_MAX];
	double wall, cpu;
	long first = 0, r, rounds;
	size_t i, n;
	int ch;

	while ((ch = getopt(argc, argv, "n:")) != -1) {
		if (ch != 'n')
			usage();
		first = number(optarg, 0);
	}
	if (argc - optind != 1)
		usage();
	rounds = number(argv[optind], 1);
	n = readworks(works, (size_t)rounds);
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY,
		0) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY,
		0) != 0 ||
	    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY,
		0) != 0)
		err(2, "posix_spawn");
	for (r = -1; r < rounds; r++) {
		for (i = 0; i < n; i++) {
			once(&works[i], first + r + 1, &wall, &cpu);
			if (r == -1)
				continue;
			works[i].wall[r] = wall;
			works[i].cpu[r] = cpu;
		}
	}
	for (i = 0; i < n; i++)
		report(&works[i], (size_t)rounds);
	return 0;
}
