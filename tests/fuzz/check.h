#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include "tests/fuzz/program.h"

/* What became of a program; from DIFFERS on it is a fault of ours. */
typedef enum Fate {
	FINE = 20,   /* none of the statuses that a fault of the process itself has */
	REFUSED,     /* with an error that names a limit */
	ENDLESS,     /* its meaning takes too long to find */
	DIFFERS,     /* evaluator and meaning */
	UNTRUE,      /* an assert of what the ranges say fails */
	MISCOMPILED, /* transformer and evaluator */
	UNSURE,      /* look-ups and softmax */
	UNLOADABLE,
	UNTIDY,        /* twc fmt changes the meaning, or its own output */
	DISORDERED,    /* other weights when independent lines are in another order */
	REFUSED_BADLY, /* within limits, not as one should */
	BEYOND,        /* larger than its limits */
	CRASHED,
	HUNG,
} Fate;

/* Says on `why`, in a line, what is wrong. Writes a model and what is expected of it to
 * judge/SEED.onnx and .json unless judge is NULL. */
Fate check_sample(const Sample *, const char *judge, FILE *why);

#endif
