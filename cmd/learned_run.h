#ifndef CMD_LEARNED_RUN_H
#define CMD_LEARNED_RUN_H

/* twrun of a model that twc train has written. */

#include <stdbool.h>

typedef struct LearnedRun {
	const char *model, *prompt;
	bool sample;             /* draw by chance, at temperature 1 unless it is said */
	const char *temperature; /* a number, or NULL */
	int top_k, seed;
	bool json; /* in place of going on: what can come next, with its scores */
	int limit; /* of printed tokens */
	bool cc;   /* by the C compiler */
} LearnedRun;

/* Is it such a file? False for what cannot be read. */
bool is_learned_file(const char *path);
/* Prints how the prompt goes on; the exit status. */
int learned_run(const LearnedRun *);

#endif
