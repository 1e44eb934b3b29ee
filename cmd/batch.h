#ifndef CMD_BATCH_H
#define CMD_BATCH_H

/* Many prompts, one a line, over all cores. Each worker takes the next chunk of lines,
 * writes their answers into a buffer of its own, and prints that when its turn comes: so
 * the answers are in the order of the prompts, and however long the input is, only one
 * chunk a worker is in memory. */

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
