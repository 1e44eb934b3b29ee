#include "runtime/sparse.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static size_t
nonzeros(const float *w, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += w[i] != 0;
	return count;
}

bool
tw_sparse_init(TwSparse *s, const float *w, int in, int out)
{
	size_t n = nonzeros(w, (size_t)in * (size_t)out);
	int at = 0;

	*s = (TwSparse){ .in = in, .out = out };
	s->start = malloc(((size_t)in + 1) * sizeof *s->start);
	s->column = malloc((n + 1) * sizeof *s->column);
	s->value = malloc((n + 1) * sizeof *s->value);
	if (n > INT_MAX || !s->start || !s->column || !s->value)
		return false;
	for (int i = 0; i < in; i++) {
		s->start[i] = at;
		for (int j = 0; j < out; j++, w++)
			if (*w != 0) {
				s->column[at] = j;
				s->value[at++] = *w;
			}
	}
	s->start[in] = at;
	return true;
}

void
tw_sparse_free(TwSparse *s)
{
	free(s->start);
	free(s->column);
	free(s->value);
}

/* Every number, as an engine does that knows nothing of zeros. */
static void
add_dense(float *restrict y, const float *restrict x, const TwSparse *w)
{
	const float *row = w->dense;

	for (int i = 0; i < w->in; i++, row += w->out)
		for (int j = 0; j < w->out; j++)
			y[j] += x[i] * row[j];
}

void
tw_sparse_add(float *y, const float *x, const TwSparse *w)
{
	if (w->dense) {
		add_dense(y, x, w);
		return;
	}
	for (int i = 0; i < w->in; i++) {
		if (x[i] == 0)
			continue;
		for (int e = w->start[i]; e < w->start[i + 1]; e++)
			y[w->column[e]] += x[i] * w->value[e];
	}
}
