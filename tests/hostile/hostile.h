#ifndef TESTS_HOSTILE_HOSTILE_H
#define TESTS_HOSTILE_HOSTILE_H

/* A target is what libFuzzer links against: what is tried with some bytes, and how
 * they are changed. driver.c runs the same without it. */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t most, unsigned seed);
/* Changes bytes without knowing what they are; libFuzzer's, or driver.c's. */
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t most);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Less than n, from a state that is not 0. */
static inline size_t
hostile_pick(uint64_t *r, size_t n)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return n ? (size_t)(*r >> 20) % n : 0;
}

/* A state of a seed. */
static inline uint64_t
state_of(unsigned seed)
{
	uint64_t r = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;

	for (int i = 0; i < 8; i++)
		hostile_pick(&r, 1);
	return r;
}

#endif
