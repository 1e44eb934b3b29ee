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

/* A vector anywhere. */
typedef float U __attribute__((vector_size(TW_LANES * sizeof(float)), may_alias, aligned(4)));

#define INLINE static inline __attribute__((always_inline))

INLINE V
blend(M mask, V a, V b)
{
	return (V)(((M)a & mask) | ((M)b & ~mask));
}

INLINE M
numbers_of_lanes(void)
{
	return (M){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
}

INLINE V
lane_ramp(void)
{
	return (V){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
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

/* ---- a packed map of one vector: each weight is read once, and multiplied in the order in which
 * they stand
 *
 *     packed     w00 w10 w20 w30 w40 w50  w01 w11 ...     six rows of column 0, of column 1, ...
 *     repeated   x0  x0  x0  x0  x0  x0   x1  x1  ...
 *
 * Three vectors hold eight columns; what they add up to is added up by rows in the end. */
enum { AT_ONCE = 3 * TW_LANES / TW_TILE };

INLINE void
repeat_input(const TwAffine *f, const float *x, float *repeated)
{
	int k = 0;

	for (; k < f->width; k++)
		for (int i = 0; i < TW_TILE; i++)
			*repeated++ = x[f->column[k]];
	for (; k % AT_ONCE; k++)
		for (int i = 0; i < TW_TILE; i++)
			*repeated++ = 0;
}

INLINE void
multiply_tile(const float *packed, const float *repeated, int width, float *to)
{
	const U *w = (const U *)packed, *x = (const U *)repeated;
	V sum[3] = { { 0 } };

	for (int k = 0; k < width; k += AT_ONCE, w += 3, x += 3)
		for (int i = 0; i < 3; i++)
			sum[i] += w[i] * x[i];
	for (int i = 0; i < TW_TILE; i++) {
		to[i] = 0;
		for (int k = 0; k < AT_ONCE; k++) {
			int at = k * TW_TILE + i;
			to[i] += sum[at / TW_LANES][at % TW_LANES];
		}
	}
}

/* y = f x + bias; repeated: room (specialized->repeated). */
INLINE void
lanes_times(const TwAffine *f, const float *bias, const float *x, float *repeated, float *y)
{
	float tile[TW_TILE];

	repeat_input(f, x, repeated);
	for (int i = 0; i < f->n; i += TW_TILE) {
		multiply_tile(f->packed + (size_t)i * (size_t)f->width, repeated, f->width, tile);
		for (int j = 0; j < TW_TILE && i + j < f->n; j++)
			y[i + j] = tile[j] + bias[i + j];
	}
}

INLINE V
lanes_relu(V x)
{
	return blend(x > broadcast(0), x, broadcast(0));
}

/* What a neuron of a block adds to so many columns; w: its numbers, u: its sum, with its bias. */
INLINE void
lanes_neuron(V u, const float *w, int columns, V *sum)
{
	V r = lanes_relu(u);

#pragma GCC unroll 4
	for (int c = 0; c < columns; c++)
		sum[c] += w[1 + c] * r;
}

/* A block of neurons that add to so many columns, into `to`; *term and *number are those of the
 * next block then. Two sums or neurons at a time, so that none waits for the one before. */
INLINE void
lanes_block(const TwNeuronBlock *b, int columns, const TwTerm **term, const float **number,
            const V *x, V *to)
{
	const TwTerm *t = *term;
	const float *w = *number;
	int n = b->terms, sums = b->sums, size = 1 + columns;
	V sum[TW_BLOCK_COLUMNS] = { { 0 } }, other[TW_BLOCK_COLUMNS] = { { 0 } };

	for (; sums > 1 && b->neurons == 1; sums -= 2, t += 2 * n, w += 2 * size) {
		V u = broadcast(w[0]), v = broadcast(w[size]);
		for (int k = 0; k < n; k++) {
			u += t[k].w * x[t[k].at];
			v += t[k + n].w * x[t[k + n].at];
		}
		lanes_neuron(u, w, columns, sum);
		lanes_neuron(v, w + size, columns, other);
	}
	for (; sums > 0; sums--) {
		int left = b->neurons;
		V u = broadcast(0);
		for (int k = 0; k < n; k++, t++)
			u += t->w * x[t->at];
		for (; left > 1; left -= 2, w += 2 * size) {
			lanes_neuron(u + w[0], w, columns, sum);
			lanes_neuron(u + w[size], w + size, columns, other);
		}
		if (left) {
			lanes_neuron(u + w[0], w, columns, sum);
			w += size;
		}
	}
#pragma GCC unroll 4
	for (int c = 0; c < columns; c++)
		to[b->column[c]] += sum[c] + other[c];
	*term = t;
	*number = w;
}

INLINE void
lanes_blocks(const TwFastLayer *s, V *x, V *to)
{
	const TwNeuronBlock *b = s->blocks.block, *end = b + s->blocks.n;
	const TwTerm *term = s->blocks.term;
	const float *number = s->blocks.number;

	for (int i = 0; i < s->out_t.n; i++)
		to[i] = broadcast(s->out_t.bias[i]);
	for (; b < end; b++)
		switch (b->columns) {
		case 1: lanes_block(b, 1, &term, &number, x, to); break;
		case 2: lanes_block(b, 2, &term, &number, x, to); break;
		case 3: lanes_block(b, 3, &term, &number, x, to); break;
		default: lanes_block(b, TW_BLOCK_COLUMNS, &term, &number, x, to);
		}
	for (int i = 0; i < s->out_t.n; i++)
		x[s->out_t_column[i]] += to[i];
}

INLINE void
lanes_mlp(const TwFastLayer *s, V *x, V *u, V *neuron)
{
	if (s->blocks.n) {
		lanes_blocks(s, x, neuron);
		return;
	}
	lanes_affine(&s->linear, s->linear.bias, x, u);
	for (int i = 0; i < s->nneuron; i++)
		neuron[i] = lanes_relu(u[s->sum[i]] + s->bias[i]);
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

/* The lanes of x, each exchanged with the one `by` from it, by = 8, 4, 2, 1. */
#define EXCHANGED(x, by) \
	__builtin_shufflevector(x, x, 0 ^ by, 1 ^ by, 2 ^ by, 3 ^ by, 4 ^ by, 5 ^ by, 6 ^ by, \
	                        7 ^ by, 8 ^ by, 9 ^ by, 10 ^ by, 11 ^ by, 12 ^ by, 13 ^ by, \
	                        14 ^ by, 15 ^ by)

INLINE V
larger(V a, V b)
{
	return blend(a > b, a, b);
}

/* What takes a score out of a comparison in the lanes where x, a whole number, is below 0: 0 where
 * it is not. Masks are kept out of these loops: compilers take them apart into sixteen numbers. */
INLINE V
hidden_below_0(V x)
{
	x *= -(float)TW_HIDDEN * 1e20f;
	return blend(x < broadcast(0), x, broadcast(0));
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
	return numbers_of_lanes() + block * TW_LANES < n;
}

/* Of all lanes, in four steps: what is greatest, and their sum. */
INLINE float
greatest_lane(V x)
{
	x = larger(x, EXCHANGED(x, 8));
	x = larger(x, EXCHANGED(x, 4));
	x = larger(x, EXCHANGED(x, 2));
	x = larger(x, EXCHANGED(x, 1));
	return x[0];
}

INLINE float
sum_of_lanes(V x)
{
	x += EXCHANGED(x, 8);
	x += EXCHANGED(x, 4);
	x += EXCHANGED(x, 2);
	x += EXCHANGED(x, 1);
	return x[0];
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
		read[j] = sum_of_lanes(sum);
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
	float sum = sum_of_lanes(total);
	if (p->nvalue < TW_LANES)
		few_values(p, score, read);
	else
		many_values(p, score, read);
	for (int j = 0; j < p->nvalue; j++)
		read[j] /= sum;
}

/* Sixteen queries side by side in place of sixteen keys: nothing is gathered, and no lanes are
 * added up. Places first .. first + 15 ask, each of which sees the places up to its own or, in a
 * bidirectional text, all; <bos> sees itself alone. */
INLINE V
scores_of_place(const TwReadPlaces *p, const V *query, int j)
{
	const float *key = p->key + (size_t)(j / TW_LANES) * (size_t)p->nkey * TW_LANES
	                   + j % TW_LANES;
	V a = broadcast(0), b = a;
	int i = 0;

	for (; i + 2 <= p->nkey; i += 2) {
		a += query[i] * key[i * TW_LANES];
		b += query[i + 1] * key[(i + 1) * TW_LANES];
	}
	if (i < p->nkey)
		a += query[i] * key[i * TW_LANES];
	return a + b;
}

INLINE void
add_weighted(const TwReadPlaces *p, int j, V weight, V *read)
{
	bool few = p->nvalue < TW_LANES;
	const float *value = p->value
	                     + (size_t)(few ? j / TW_LANES * TW_LANES : j) * (size_t)p->nvalue
	                     + (few ? j % TW_LANES : 0);

	for (int i = 0; i < p->nvalue; i++)
		read[i] += weight * value[few ? i * TW_LANES : i];
}

INLINE void
lanes_attend_many(const TwReadPlaces *p, const V *query, int first, bool all, V *score, V *read)
{
	int n = all || p->n < first + TW_LANES ? p->n : first + TW_LANES;
	V top = broadcast(-INFINITY), total = broadcast(0);

	for (int j = 0; j < n; j++) {
		score[j] = scores_of_place(p, query, j);
		if (!all && j > first)
			score[j] += hidden_below_0(lane_ramp() - (float)(j - first));
		else if (all && first == 0 && j > 0)
			score[j] += hidden_below_0(lane_ramp() - 1);
		top = larger(score[j], top);
	}
	memset(read, 0, (size_t)p->nvalue * sizeof *read);
	for (int j = 0; j < n; j++) {
		V weight = lanes_exp(score[j] - top);
		total += weight;
		add_weighted(p, j, weight, read);
	}
	for (int i = 0; i < p->nvalue; i++)
		read[i] /= total;
}

/* ---- look-ups of a whole text that is short: each of sixteen places against all places */

/* What a head of TW_LOOKUP_KEYED or TW_LOOKUP_MEAN projects of n places, in blocks of `rows`
 * vectors. */
typedef struct TwTextKeys {
	const TwHead *head;
	const V *block;
	int rows, n;
} TwTextKeys;

/* The rows of one place: row i is [i * TW_LANES]. */
INLINE const float *
rows_of_place(const TwTextKeys *t, int j)
{
	return (const float *)(t->block + (size_t)(j / TW_LANES) * (size_t)t->rows) + j % TW_LANES;
}

/* What the scores of <bos> have more, for places first .. first + 15. */
INLINE V
shifts_of_bos(const TwTextKeys *t, int first)
{
	V shift = broadcast(0);

	for (int i = 0; i < TW_LANES && first + i < t->n; i++)
		shift[i] = t->head->window.bos_shift[first + i];
	return shift;
}

/* Below 0 where place j is not seen from places first .. first + 15. */
INLINE V
window_lead(const TwWindow *w, int first, int j)
{
	V from = *(const U *)(w->from + first), to = *(const U *)(w->to + first);

	return -larger(from - (float)j, (float)j - to);
}

/* The scores of place j, and of what is not seen. */
INLINE V
scores_in_text(const TwTextKeys *t, const V *query, int first, int j, V *outside)
{
	const TwHead *h = t->head;
	const float *row = rows_of_place(t, j), *key = row + h->key * TW_LANES;
	V a = broadcast(row[h->priority * TW_LANES]), b = broadcast(0);
	int i = 0;

	for (; i + 2 <= h->nkey; i += 2) {
		a += query[i] * key[i * TW_LANES];
		b += query[i + 1] * key[(i + 1) * TW_LANES];
	}
	if (i < h->nkey)
		a += query[i] * key[i * TW_LANES];
	a += b;
	if (!h->window.order)
		return a;
	a -= h->window.own[j];
	if (j == 0)
		return a + shifts_of_bos(t, first);
	V lead = window_lead(&h->window, first, j);
	*outside = larger(a + hidden_below_0(-lead - 1), *outside);
	return a + hidden_below_0(lead);
}

/* Is it certain what each place reads? near: 0, or how much nearer a score is than TW_GAP. */
INLINE bool
is_certain(const TwTextKeys *t, int first, const V *top, const V *second, const V *outside,
           const V *near)
{
	const TwHead *h = t->head;
	bool ok = true;

	for (int i = first == 0; i < TW_LANES && first + i < t->n; i++) {
		float best = (*top)[i];
		ok = ok
		     && (h->lookup == TW_LOOKUP_MEAN ? (*near)[i] == 0
		                                     : best - (*second)[i] >= TW_GAP);
		if (h->window.order)
			ok = ok && best - ((*outside)[i] - h->window.outside) >= TW_GAP;
	}
	return ok;
}

/* Reads (nvalue) at places first .. first + 15. False where that is not certain. score: room for n.
 * Scores are equal or apart by TW_GAP: what is less than 1 behind the greatest has the weight 1. */
INLINE bool
lanes_search_text(const TwTextKeys *t, int first, V *score, V *read)
{
	const TwHead *h = t->head;
	const V *query = t->block + (size_t)(first / TW_LANES) * (size_t)t->rows + h->query;
	V top = broadcast(-INFINITY), second = top, outside = top, count = broadcast(0),
	  near = broadcast(0);

	for (int j = 0; j < t->n; j++) {
		V x = score[j] = scores_in_text(t, query, first, j, &outside);
		second = larger(blend(x > top, top, x), second);
		top = larger(x, top);
	}
	memset(read, 0, (size_t)h->nvalue * sizeof *read);
	for (int j = 0; j < t->n; j++) {
		const float *value = rows_of_place(t, j) + h->value * TW_LANES;
		V weight = larger(score[j] - top + 1, broadcast(0));
		near = larger(larger(score[j] - top + TW_GAP, broadcast(0)) - weight * TW_GAP,
		              near);
		count += weight;
		for (int i = 0; i < h->nvalue; i++)
			read[i] += weight * value[i * TW_LANES];
	}
	for (int i = 0; i < h->nvalue; i++) {
		read[i] /= count;
		if (first == 0) /* <bos> sees itself alone */
			read[i][0] = rows_of_place(t, 0)[(h->value + i) * TW_LANES];
	}
	return is_certain(t, first, &top, &second, &outside, &near);
}

/* ---- the kernels that are called from elsewhere, for this processor */

typedef struct TwLaneKernels {
	void (*affine)(const TwAffine *, const V *x, V *y); /* with its biases */
	void (*mlp)(const TwFastLayer *, V *x, V *u, V *neuron);
	TwAttend *attend;
	void (*attend_many)(const TwReadPlaces *, const V *query, int first, bool all, V *score,
	                    V *read);
	/* of a packed map, of one vector */
	void (*times)(const TwAffine *, const float *bias, const float *x, float *repeated,
	              float *y);
	/* whether it is certain in all lanes */
	bool (*search_text)(const TwTextKeys *, int first, V *score, V *read);
} TwLaneKernels;

/* What a head of TW_LOOKUP_SOFTMAX has of the first n places (decode_step.c). */
TwReadPlaces tw_cached_places(const TwHead *, const TwActivations *, int n);

/* What of the processor's is used with a session's flags: 0 portable, 1 x86-64-v3, 2 x86-64-v4. */
int tw_vector_level(unsigned flags);

#endif
