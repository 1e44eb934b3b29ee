#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

/* The same random numbers in every run: Knuth's linear congruential generator of 64 bits
 * (MMIX, 1999), of which the upper bits are taken. */

#include <stdint.h>

/* From 0 to n - 1. */
static inline int
below(int n)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (int)((state >> 33) % (uint64_t)n);
}

#endif
