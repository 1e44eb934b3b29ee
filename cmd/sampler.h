#ifndef CMD_SAMPLER_H
#define CMD_SAMPLER_H

#include "cmd/cmd.h"

enum { SAMPLE_TRIES = 50 }; /* for one text that keeps the asserts */

typedef struct PromptSampler {
	const Graph *g;
	Eval *eval;
	uint64_t state;
	int *text;      /* (context + 1, nfield) */
	double *number; /* (context, ninput) */
	int n;          /* tokens of the prompt */
} PromptSampler;

void sampler_open(PromptSampler *, Arena *, const Graph *, uint64_t seed);
/* A text that the program is for, its answer behind it: how long it has become; -1 where none was
 * found. */
int sampler_text(PromptSampler *);
void sampler_close(PromptSampler *);

#endif
