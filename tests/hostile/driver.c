/* usage: file|prompt RUNS SEED FILE...
 *
 * A target without libFuzzer, for a short round that is the same each time: RUNS
 * inputs, each one of the files changed one to five times. */

#include "tests/hostile/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20 };

static uint64_t state;

size_t
LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t most)
{
	size_t at = hostile_pick(&state, n + 1), k = 1 + hostile_pick(&state, 8);

	switch (hostile_pick(&state, 4)) {
	case 0: /* bits */
		for (size_t i = at; i < n && i < at + k; i++)
			bytes[i] ^= (uint8_t)(1 << hostile_pick(&state, 8));
		return n;
	case 1: /* other bytes */
		for (size_t i = at; i < n && i < at + k; i++)
			bytes[i] = (uint8_t)hostile_pick(&state, 256);
		return n;
	case 2: /* fewer */
		k = k < n - at ? k : n - at;
		memmove(bytes + at, bytes + at + k, n - at - k);
		return n - k;
	default: /* more */
		if (n + k > most)
			return n;
		memmove(bytes + at + k, bytes + at, n - at);
		for (size_t i = at; i < at + k; i++)
			bytes[i] = (uint8_t)hostile_pick(&state, 256);
		return n + k;
	}
}

static size_t
read_seed_file(const char *path, uint8_t *bytes)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(bytes, 1, MOST, f) : 0;

	if (!f)
		perror(path);
	else
		fclose(f);
	return n;
}

int
main(int argc, char **argv)
{
	static uint8_t bytes[MOST];
	long runs = argc > 3 ? atol(argv[1]) : 0;

	if (runs < 1)
		return fputs("usage: file|prompt RUNS SEED FILE...\n", stderr), 2;
	state = state_of((unsigned)atol(argv[2]));
	LLVMFuzzerInitialize(&argc, &argv);
	for (long i = 0; i < runs; i++) {
		size_t n = read_seed_file(argv[3 + hostile_pick(&state, (size_t)argc - 3)], bytes);
		for (size_t times = 1 + hostile_pick(&state, 5); times > 0; times--)
			n = LLVMFuzzerCustomMutator(bytes, n, MOST,
			                            (unsigned)hostile_pick(&state, 1u << 30));
		uint8_t *copy = malloc(n ? n : 1); /* so that ASan sees its end */
		if (!copy)
			return 2;
		LLVMFuzzerTestOneInput(memcpy(copy, bytes, n), n);
		free(copy);
	}
	printf("%ld inputs\n", runs);
	return 0;
}
