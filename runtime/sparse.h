#ifndef RUNTIME_SPARSE_H
#define RUNTIME_SPARSE_H

/* Matrices in compressed sparse rows (CSR). A compiled model is mostly zeros, and so are
 * its activations, so y += x W goes through those rows of W where x is not 0. */

typedef struct TwSparse {
	int in, out;
	int *start; /* (in + 1): row i is entries start[i] .. start[i + 1] - 1 */
	int *column;
	float *value;
	const float *dense; /* NULL, or the matrix itself, of which zeros count too */
} TwSparse;

/* False if memory ran out, or the nonzeros are more than an int counts. */
_Bool tw_sparse_init(TwSparse *, const float *w, int in, int out);
void tw_sparse_free(TwSparse *);
void tw_sparse_add(float *y, const float *x, const TwSparse *w);

static inline float
tw_dot(const float *a, const float *b, int n)
{
	float sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

#endif
