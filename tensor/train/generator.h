#ifndef TENSOR_TRAIN_GENERATOR_H
#define TENSOR_TRAIN_GENERATOR_H

/* A learned program that says which token is likely next, fed a token at a time: what later
 * positions read of earlier ones is kept (tensor/decode.c). Where a text is longer than the
 * program's context its last half is fed again from position 0. */

#include "tensor/kernel/program.h"
#include "tensor/train/weights_file.h"

typedef struct Generator {
	int context, ntoken, nscore; /* rows that it reads, and that it scores */
	int position;                /* how many are fed since it began anew */
	int *text;                   /* (context) them */
	TensorGraph *g;
	TensorNode *token, *here, *scores;
	TensorProgram *program;
} Generator;

/* From what twc train has written, and the parameters are read where they lie. NULL, and why. */
Generator *generator_new(Arena *, const WeightsFile *, VectorLevel, const char **why);
/* The scores of what comes after this token: (nscore). */
const float *generator_feed(Generator *, int row);

/* Which row comes next: the one with the greatest score where the temperature is 0; else drawn from
 * softmax(scores / temperature), of the top_k greatest where top_k is not 0. The state is a seed at
 * first. */
int generator_choose(const float *scores, int n, double temperature, int top_k, uint64_t *state);

#endif
