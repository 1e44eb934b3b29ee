#ifndef CMD_NPY_INPUT_H
#define CMD_NPY_INPUT_H

/* --input FILE.npy: what a model without tokens is fed. */

#include "lang/arena.h"
#include "runtime/model.h"

typedef struct Numbers {
	int ntext, n; /* texts, positions of each */
	double *x;    /* (ntext, n, ninput) as floats hold them */
} Numbers;

/* An array (n, ninput), (ntext, n, ninput), or (n) where one number is fed, all of it
 * what the inputs may be. False with a line on standard error, in the name of `program`. */
bool numbers_read(Arena *, const char *program, const char *path, const TwInput *, int ninput,
                  int context, Numbers *);

#endif
