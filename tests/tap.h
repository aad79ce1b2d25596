/*
 * tap.h: TAP for unit tests: ok, is_str, is_int, skip, bail, and tap_done for
 * the return value of main.  Include it in one file of a program.
 */
#ifndef TAP_H
#define TAP_H

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_run;
static int tap_failed;

/* Counts and prints one result; returns whether it passed. */
__attribute__((format(printf, 4, 0), unused)) static int
tap_result(const char *file, int line, int pass, const char *fmt, va_list ap)
{
	printf("%sok %d - ", pass ? "" : "not ", ++tap_run);
	vprintf(fmt, ap);
	putchar('\n');
	if (!pass) {
		tap_failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return pass;
}

__attribute__((format(printf, 4, 5), unused)) static int
tap_ok(const char *file, int line, int pass, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pass = tap_result(file, line, pass, fmt, ap);
	va_end(ap);
	return pass;
}

__attribute__((format(printf, 5, 6), unused)) static int
tap_str(const char *file, int line, const char *got, const char *want,
    const char *fmt, ...)
{
	va_list ap;
	int pass;

	if (got == NULL || want == NULL)
		pass = got == want;
	else
		pass = strcmp(got, want) == 0;
	va_start(ap, fmt);
	tap_result(file, line, pass, fmt, ap);
	va_end(ap);
	if (!pass) {
		printf("#  got: %s\n", got == NULL ? "(null)" : got);
		printf("# want: %s\n", want == NULL ? "(null)" : want);
	}
	return pass;
}

__attribute__((format(printf, 5, 6), unused)) static int
tap_int(const char *file, int line, long long got, long long want,
    const char *fmt, ...)
{
	va_list ap;
	int pass;

	pass = got == want;
	va_start(ap, fmt);
	tap_result(file, line, pass, fmt, ap);
	va_end(ap);
	if (!pass)
		printf("#  got: %lld\n# want: %lld\n", got, want);
	return pass;
}

/* Skips a test that cannot run here, with the reason. */
__attribute__((format(printf, 1, 2), unused)) static void
skip(const char *fmt, ...)
{
	va_list ap;

	printf("ok %d # SKIP ", ++tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Skips a host name that needs libidn2, if that cannot be loaded, such as by a
 * static program: 1, or 0 it is tested. */
__attribute__((unused)) static int
skipidn(const char *host)
{
	void *dl;

	while ((*host & 0x80) == 0 && *host != '\0')
		host++;
	if (*host == '\0')
		return 0;
	if ((dl = dlopen("libidn2.so.0", RTLD_LAZY)) != NULL) {
		dlclose(dl);
		return 0;
	}
	skip("no libidn2: NOT TESTED");
	return 1;
}

/* Ends the program: the tests that follow would be meaningless. */
__attribute__((format(printf, 1, 2), noreturn, unused)) static void
bail(const char *fmt, ...)
{
	va_list ap;

	fputs("Bail out!  ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(255);
}

/* Prints the plan; main returns what this returns. */
__attribute__((unused)) static int
tap_done(void)
{
	printf("1..%d\n", tap_run);
	if (tap_failed > 0)
		printf("# %d of %d failed\n", tap_failed, tap_run);
	return tap_failed > 0;
}

/* ok(condition, fmt, ...), is_str(got, want, fmt, ...), is_int likewise. */
#define ok(cond, ...) tap_ok(__FILE__, __LINE__, !!(cond), __VA_ARGS__)
#define is_str(got, want, ...) \
	tap_str(__FILE__, __LINE__, (got), (want), __VA_ARGS__)
#define is_int(got, want, ...) \
	tap_int(__FILE__, __LINE__, (got), (want), __VA_ARGS__)

#endif
