#ifndef RUNTIME_LANES_H
#define RUNTIME_LANES_H

/* Sixteen places or texts side by side, one in each lane of a vector: V holds one number of the
 * stream for all of them, and an affine map reads each of its weights once for sixteen. With
 * compiler vectors (GCC, "Using Vector Instructions through Built-in Functions") the same source
 * is compiled for several processors, and chosen once; each product is rounded, and each sum goes
 * in the order that is written here, so all give the same bits.
 *
 * A map that is mostly zeros goes through its nonzeros. One that is not is packed, and multiplied
 * as a matrix: TW_TILE rows at a time, whose sums stay in registers (the inner kernel of Goto and
 * van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication"). */

#include "runtime/specialize.h"

#include <math.h>
#include <string.h>

typedef float V __attribute__((vector_size(TW_LANES * sizeof(float)), may_alias));
typedef int32_t M __attribute__((vector_size(TW_LANES * sizeof(float)), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE V
blend(M mask, V a, V b)
{
	return (V)(((M)a & mask) | ((M)b & ~mask));
}

INLINE V
broadcast(float x)
{
	return (V){ 0 } + x;
}

INLINE V
lanes_dot(const TwAffine *f, int i, const V *x, V sum)
{
	const TwTerm *t = f->term + f->start[i], *end = f->term + f->start[i + 1];
	V a = broadcast(0), b = broadcast(0), c = broadcast(0);

	for (; end - t >= 4; t += 4) { /* four sums, so that none waits for the one before */
		sum += t[0].w * x[t[0].at];
		a += t[1].w * x[t[1].at];
		b += t[2].w * x[t[2].at];
		c += t[3].w * x[t[3].at];
	}
	for (; t < end; t++)
		sum += t->w * x[t->at];
	return sum + a + (b + c);
}

INLINE void
lanes_scatter(const TwAffine *f, int i, V v, V *x)
{
	for (int t = f->start[i]; t < f->start[i + 1]; t++)
		x[f->term[t].at] += v * f->term[t].w;
}

/* Rows first .. first + TW_TILE - 1 of a packed map, without biases: each one chain of sums. */
INLINE void
lanes_tile(const TwAffine *f, int first, const V *x, V *to)
{
	const float *w = f->packed + (size_t)first * (size_t)f->width;
	V sum[TW_TILE] = { { 0 } };

	for (int k = 0; k < f->width; k++, w += TW_TILE)
#pragma GCC unroll 8
		for (int i = 0; i < TW_TILE; i++)
			sum[i] += w[i] * x[f->column[k]];
	for (int i = 0; i < TW_TILE; i++)
		to[i] = sum[i];
}

/* y = f x + bias of each row. */
INLINE void
lanes_affine(const TwAffine *f, const float *bias, const V *x, V *y)
{
	V tile[TW_TILE];

	for (int i = 0; i < f->n && !f->packed; i++)
		y[i] = lanes_dot(f, i, x, broadcast(bias[i]));
	for (int i = 0; i < f->n && f->packed; i += TW_TILE) {
		lanes_tile(f, i, x, tile);
		for (int j = 0; j < TW_TILE && i + j < f->n; j++)
			y[i + j] = tile[j] + bias[i + j];
	}
}

/* x[column[i]] += row i of f y + bias */
INLINE void
lanes_add(const TwAffine *f, const int *column, const V *y, V *x)
{
	V tile[TW_TILE];

	for (int i = 0; i < f->n && !f->packed; i++)
		x[column[i]] += lanes_dot(f, i, y, broadcast(f->bias[i]));
	for (int i = 0; i < f->n && f->packed; i += TW_TILE) {
		lanes_tile(f, i, y, tile);
		for (int j = 0; j < TW_TILE && i + j < f->n; j++)
			x[column[i + j]] += tile[j] + f->bias[i + j];
	}
}

INLINE void
lanes_mlp(const TwFastLayer *s, V *x, V *u, V *neuron)
{
	lanes_affine(&s->linear, s->linear.bias, x, u);
	for (int i = 0; i < s->nneuron; i++) {
		V v = u[s->sum[i]] + s->bias[i];
		neuron[i] = blend(v > broadcast(0), v, broadcast(0));
	}
	lanes_add(&s->out_t, s->out_t_column, neuron, x);
}

/* ---- softmax: sixteen places read at a time */

/* Keys of n places in blocks of sixteen, (nkey, 16) each, and values, (n, nvalue) or, if these are
 * fewer than sixteen, in blocks too. */
typedef struct TwReadPlaces {
	const float *key, *value;
	int nkey, nvalue, n;
} TwReadPlaces;

/* The mean of the values, weighted with softmax of query and keys, into `read` (nvalue); score:
 * room for n, rounded up to sixteen. */
typedef void TwAttend(const TwReadPlaces *, const float *query, float *score, float *read);

/* A vector anywhere. */
typedef float U __attribute__((vector_size(TW_LANES * sizeof(float)), may_alias, aligned(4)));

INLINE V
larger(V a, V b)
{
	return blend(a > b, a, b);
}

/* e^x for x <= 0, 0 where a float has no digits left: 2^n e^r with |r| <= ln(2) / 2, and Taylor's
 * series of e^r, which is within 2^-23 there. */
INLINE V
lanes_exp(V x)
{
	const V round = broadcast(12582912.0f); /* 1.5 * 2^23: adding it leaves a whole number */
	M digits = x > broadcast(-87);
	x = blend(digits, x, broadcast(-87));
	V n = x * 1.44269504f + round;
	M whole = (M)n - (M)round;
	n -= round;
	V r = x - n * 0.693359375f + n * 2.12194440e-4f;
	V e = broadcast(1.0f / 5040) * r + 1.0f / 720;
	e = e * r + 1.0f / 120;
	e = e * r + 1.0f / 24;
	e = e * r + 1.0f / 6;
	e = e * r + 0.5f;
	e = e * r + 1;
	e = e * r + 1;
	return (V)((M)(e * (V)((whole + 127) << 23)) & digits);
}

INLINE V
block_scores(const TwReadPlaces *p, const float *query, int block)
{
	const U *key = (const U *)(p->key + (size_t)block * (size_t)p->nkey * TW_LANES);
	V a = broadcast(0), b = a, c = a, d = a;
	int i = 0;

	for (; i + 4 <= p->nkey; i += 4) {
		a += query[i] * key[i];
		b += query[i + 1] * key[i + 1];
		c += query[i + 2] * key[i + 2];
		d += query[i + 3] * key[i + 3];
	}
	for (; i < p->nkey; i++)
		a += query[i] * key[i];
	return a + b + (c + d);
}

/* Lanes that are places of the text. */
INLINE M
places_in_block(int n, int block)
{
	M lane = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

	return lane + block * TW_LANES < n;
}

INLINE float
greatest_lane(V x)
{
	float best = x[0];

	for (int i = 1; i < TW_LANES; i++)
		best = x[i] > best ? x[i] : best;
	return best;
}

INLINE void
few_values(const TwReadPlaces *p, const float *weight, float *read)
{
	int blocks = (p->n + TW_LANES - 1) / TW_LANES;

	for (int j = 0; j < p->nvalue; j++) {
		V sum = broadcast(0);
		for (int b = 0; b < blocks; b++)
			sum += ((const U *)weight)[b]
			       * ((const U *)p->value)[(size_t)b * (size_t)p->nvalue + (size_t)j];
		read[j] = 0;
		for (int i = 0; i < TW_LANES; i++)
			read[j] += sum[i];
	}
}

INLINE void
many_values(const TwReadPlaces *p, const float *score, float *read)
{
	memset(read, 0, (size_t)p->nvalue * sizeof *read);
	for (int i = 0; i < p->n; i++) {
		const float *value = p->value + (size_t)i * (size_t)p->nvalue;
		if (score[i] == 0)
			continue;
		int j = 0;
		for (; j + TW_LANES <= p->nvalue; j += TW_LANES)
			*(U *)(read + j) += score[i] * *(const U *)(value + j);
		for (; j < p->nvalue; j++)
			read[j] += score[i] * value[j];
	}
}

INLINE void
lanes_attend(const TwReadPlaces *p, const float *query, float *score, float *read)
{
	int blocks = (p->n + TW_LANES - 1) / TW_LANES;
	U *at = (U *)score;
	V top = broadcast(-INFINITY), total = broadcast(0);
	float sum = 0;

	for (int b = 0; b < blocks; b++) {
		at[b] = blend(places_in_block(p->n, b), block_scores(p, query, b),
		              broadcast(-INFINITY));
		top = larger(at[b], top);
	}
	float best = greatest_lane(top);
	for (int b = 0; b < blocks; b++) {
		at[b] = lanes_exp(at[b] - best);
		total += at[b];
	}
	for (int i = 0; i < TW_LANES; i++)
		sum += total[i];
	if (p->nvalue < TW_LANES)
		few_values(p, score, read);
	else
		many_values(p, score, read);
	for (int j = 0; j < p->nvalue; j++)
		read[j] /= sum;
}

/* ---- the kernels that are called from elsewhere, for this processor */

typedef struct TwLaneKernels {
	void (*affine)(const TwAffine *, const V *x, V *y); /* with its biases */
	void (*mlp)(const TwFastLayer *, V *x, V *u, V *neuron);
	TwAttend *attend;
} TwLaneKernels;

/* The processor's: 0 portable, 1 x86-64-v3, 2 x86-64-v4. */
int tw_vector_level(bool portable);

#endif
