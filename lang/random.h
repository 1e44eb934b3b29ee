#ifndef LANG_RANDOM_H
#define LANG_RANDOM_H

/* Numbers that look random and are the same everywhere for the same seed: SplitMix64 (Steele, Lea
 * and Flood 2014, "Fast splittable pseudorandom number generators"). */

#include <stdint.h>

/* 0 .. n - 1; the state is the seed at first. */
static inline int
seeded_below(uint64_t *state, int n)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	return (int)(x % (uint64_t)n);
}

#endif
