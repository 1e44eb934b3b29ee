#ifndef LANG_NPY_H
#define LANG_NPY_H

/* Arrays of numbers as NumPy saves them. */

#include "lang/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum { NPY_DIMS = 8 };

typedef struct Npy {
	int ndim;
	int64_t dim[NPY_DIMS];
	int64_t n;  /* numbers: the product of all */
	bool whole; /* its type is of integers or truth values */
	double *x;  /* (n) the last dimension runs fastest */
} Npy;

/* False, and why, if the bytes are not such an array. */
bool npy_read(Arena *, const void *bytes, size_t size, Npy *, const char **why);

#endif
