#ifndef CMD_LEARNED_BATCH_H
#define CMD_LEARNED_BATCH_H

/* A program with parameters on many texts, its learned half by kernels. */

#include "cmd/cmd.h"

typedef struct LearnedBatch LearnedBatch;

/* As twc train has left it in a file. NULL with a line on standard error. */
LearnedBatch *learned_batch_open(Arena *, const Graph *, const char *file, int batch);
void learned_batch_close(LearnedBatch *);
/* Texts of (length[i]) rows each, n of them, `batch` at most. */
void learned_batch_run(LearnedBatch *, int n, int *const *row, const int *length);
/* The evaluator on text i of them. */
Eval *learned_batch_eval(LearnedBatch *, int i);

#endif
