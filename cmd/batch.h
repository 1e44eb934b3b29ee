#ifndef CMD_BATCH_H
#define CMD_BATCH_H

/* Many prompts, one a line, over all cores. A worker takes the next lines, works
 * out what they say into a text of its own, and prints it when its turn comes:
 * the answers are in order, and however long the input is, only so many lines as
 * there are workers are in memory. */

#include "runtime/tw.h"

#include <stdio.h>

/* What answers, made for each worker. */
typedef struct Answerer {
	void *(*open)(void *arg, char **error);
	/* The answers of n prompts, appended to out; 0. Or, with a line in *error, what
	 * the command exits with, because of prompt *bad; those before it are in out. */
	int (*answer)(void *worker, char **prompt, int n, FILE *out, int *bad, char **error);
	void (*close)(void *worker); /* one at a time */
	void *arg;
} Answerer;

typedef struct LineInput {
	FILE *file;
	const char *name;
	long lines; /* 0: not known */
} LineInput;

/* 0, or what the command exits with after saying why. */
int answer_lines(const LineInput *, const Answerer *, int threads);

#endif
