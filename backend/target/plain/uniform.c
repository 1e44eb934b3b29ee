/* One shape for all layers, for loops that assume it: every layer gets as many
 * heads and neurons as the largest, and keys and values one size. What is added
 * is 0, and adds 0. */

#include "backend/file/write.h"
#include "lang/interval.h"

#include <string.h>

static TwLayer
largest_layer(const TwModel *m)
{
	TwLayer l = { 0 };

	for (int n = 0; n < m->nlayer; n++) {
		l.heads = max_int(l.heads, m->layer[n].heads);
		l.dk = max_int(l.dk, max_int(m->layer[n].dk, m->layer[n].dv));
		l.neurons = max_int(l.neurons, m->layer[n].neurons);
	}
	l.dv = l.dk;
	return l;
}

/* A matrix of blocks, each block put into the corner of a larger one:
 * (rows, size) blocks side by side, `count` of them, become (rows2, size2). */
static float *
pad_blocks(Arena *a, const float *from, int rows, int count, int size, int rows2, int count2,
           int size2)
{
	size_t wide = (size_t)count2 * (size_t)size2;
	float *to = arena_alloc(a, (size_t)rows2 * wide * sizeof *to);

	for (int r = 0; from && r < rows; r++)
		for (int c = 0; c < count; c++)
			memcpy(to + (size_t)r * wide + (size_t)c * (size_t)size2,
			       from + ((size_t)r * (size_t)count + (size_t)c) * (size_t)size,
			       (size_t)size * sizeof *to);
	return to;
}

static void
pad_layer(Arena *a, TwLayer *l, const TwLayer *to, int d)
{
	int h = l->heads, h2 = to->heads, s2 = to->dk;

	if (h2) {
		l->wq = pad_blocks(a, l->wq, d, h, l->dk, d, h2, s2);
		l->bq = pad_blocks(a, l->bq, 1, h, l->dk, 1, h2, s2);
		l->wk = pad_blocks(a, l->wk, d, h, l->dk, d, h2, s2);
		l->bk = pad_blocks(a, l->bk, 1, h, l->dk, 1, h2, s2);
		l->wv = pad_blocks(a, l->wv, d, h, l->dv, d, h2, s2);
		l->bv = pad_blocks(a, l->bv, 1, h, l->dv, 1, h2, s2);
		/* wo: each head's block of rows is one block of dv * d numbers */
		l->wo = pad_blocks(a, l->wo, 1, h, l->dv * d, 1, h2, s2 * d);
	}
	if (to->neurons) {
		l->w1 = pad_blocks(a, l->w1, d, 1, l->neurons, d, 1, to->neurons);
		l->b1 = pad_blocks(a, l->b1, 1, 1, l->neurons, 1, 1, to->neurons);
		l->w2 = pad_blocks(a, l->w2, l->neurons, 1, d, to->neurons, 1, d);
		l->b2 = pad_blocks(a, l->b2, 1, 1, d, 1, 1, d);
	}
	l->heads = h2;
	l->dk = l->dv = s2;
	l->neurons = to->neurons;
}

const TwModel *
model_uniform(Arena *a, const TwModel *m)
{
	TwModel *copy = NEW(a, TwModel);
	TwLayer to = largest_layer(m);

	*copy = *m;
	copy->layer = arena_alloc(a, ((size_t)m->nlayer + 1) * sizeof *copy->layer);
	for (int n = 0; n < m->nlayer; n++) {
		copy->layer[n] = m->layer[n];
		pad_layer(a, &copy->layer[n], &to, m->d_model);
	}
	return copy;
}
