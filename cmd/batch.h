#ifndef CMD_BATCH_H
#define CMD_BATCH_H

/* Many prompts, one a line, over all cores. Each worker takes the next chunk of lines,
 * writes their answers into a buffer of its own, and goes on; they are printed in the order of the
 * prompts. However long the input or a line of it is, only a few chunks a worker are in memory.
 * Where no more lines are there yet, those that are there are answered. A line that is refused has
 * an empty answer, and is told with its number; the others go on. */

#include "runtime/tw.h"

#include <stdbool.h>
#include <stdio.h>

/* What answers, made for each worker. */
typedef struct Answerer {
	void *(*open)(void *arg, char **error);
	/* The answers of n prompts, appended to out; of one that has a reason in why[] not to be
	 * answered, or that is given one (malloc'ed), an empty line. 0; or, with a line in *error,
	 * what the command exits with at once, because of prompt *bad. */
	int (*answer)(void *worker, char **prompt, int n, FILE *out, char **why, int *bad,
	              char **error);
	void (*close)(void *worker); /* one at a time */
	void *arg;
} Answerer;

typedef struct LineInput {
	int fd;
	const char *name;
	long lines; /* 0: not known */
} LineInput;

/* 0; 1 where lines were refused; or what the command exits with after saying why. */
int answer_lines(const LineInput *, const Answerer *, int threads);

#endif
