/*
 * fuzz.h: what the fuzzers have in common.  With libFuzzer's main each also
 * runs the files it is given: build-fuzz/pem FILE ...
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define HOLDS(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #cond); \
			abort(); \
		} \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#endif
