/* A model on a text: what model.h says in equations, in floats, with nothing left out but
 * products with 0.
 *
 *     x = sum over the token's rows(embed.token[row]) + embed.position[place]
 *     for each layer: x += heads; x += relu(x w1 + b1) w2 + b2
 *
 * It shares nothing with runtime/, which finds out what heads look up and is held against this
 * elsewhere. The terms are added in their order; that any order gives the same is what the
 * bounds prove, so the sums of absolute terms are kept beside. */

#include "backend/verify/verify.h"

#include <math.h>
#include <string.h>

/* A matrix of (in, out), by column: what is not 0. */
typedef struct SparseColumns {
	int in, out;
	int *first; /* (out + 2) of each column in row[] and w[] */
	int *row;
	float *w;
	double *unit; /* (out) the largest power of two that all weights and the bias are multiples
	                 of */
} SparseColumns;

/* The largest power of two that x is a multiple of; 0 is one of any. */
static double
weight_unit(double x)
{
	int e;

	if (x == 0)
		return INFINITY;
	x = frexp(fabs(x), &e) * 0x1p53;
	for (e -= 53; fmod(x, 2) == 0; x /= 2)
		e++;
	return ldexp(1, e);
}

/* Two passes by rows, as the matrix lies: how many there are in each column, then which. */
static SparseColumns
sparse_columns(Arena *arena, const float *w, const float *bias, int in, int out)
{
	SparseColumns s = { in,   out,  NEWS(arena, int, out + 2),
		            NULL, NULL, NEWS(arena, double, out + 1) };

	for (int j = 0; j < out; j++)
		s.unit[j] = weight_unit(bias ? (double)bias[j] : 0);
	for (int i = 0; w && i < in; i++)
		for (int j = 0; j < out; j++)
			s.first[j + 2] += w[(size_t)i * (size_t)out + (size_t)j] != 0;
	for (int j = 0; j < out; j++)
		s.first[j + 2] += s.first[j + 1];
	s.row = NEWS(arena, int, s.first[out + 1] + 1);
	s.w = NEWS(arena, float, s.first[out + 1] + 1);
	for (int i = 0; w && i < in; i++) {
		for (int j = 0; j < out; j++) {
			float v = w[(size_t)i * (size_t)out + (size_t)j];
			if (v == 0)
				continue;
			s.row[s.first[j + 1]] = i;
			s.w[s.first[j + 1]++] = v;
			s.unit[j] = fmin(s.unit[j], weight_unit((double)v));
		}
	}
	return s;
}

/* The unit in which a bound is proved: of integers; 1 of others. */
static double
integer_unit(double unit)
{
	return unit < 1 ? 1 : unit < EXACT_MAX ? unit : EXACT_MAX;
}

/* y = x w + bias, and the largest sums of absolute terms; of integers in units. */
static void
multiply(const SparseColumns *s, const float *x, const float *bias, float *y, double *most)
{
	for (int j = 0; j < s->out; j++) {
		float sum = bias ? bias[j] : 0;
		double size = fabs((double)sum);
		for (int i = s->first[j]; i < s->first[j + 1]; i++) {
			sum += s->w[i] * x[s->row[i]];
			size += fabs((double)s->w[i] * (double)x[s->row[i]]);
		}
		y[j] = sum;
		most[j] = fmax(most[j], size / integer_unit(s->unit[j]));
	}
}

/* ---- one layer ---- */

typedef struct LayerMatrices {
	SparseColumns q, k, v, o, w1, w2;
} LayerMatrices;

struct SparseModel {
	const TwModel *m;
	LayerMatrices *layer;
	SparseColumns head, *label;
};

SparseModel *
sparse_model(Arena *arena, const TwModel *m)
{
	SparseModel *s = NEW(arena, SparseModel);
	int d = m->d_model;

	s->m = m;
	s->layer = NEWS(arena, LayerMatrices, m->nlayer + 1);
	s->label = NEWS(arena, SparseColumns, m->nlabel + 1);
	for (int i = 0; i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		int qk = l->heads * l->dk, vs = l->heads * l->dv, n = l->neurons;
		s->layer[i] = (LayerMatrices){ sparse_columns(arena, l->wq, l->bq, d, qk),
			                       sparse_columns(arena, l->wk, l->bk, d, qk),
			                       sparse_columns(arena, l->wv, l->bv, d, vs),
			                       sparse_columns(arena, l->wo, NULL, vs, d),
			                       sparse_columns(arena, l->w1, l->b1, d, n),
			                       sparse_columns(arena, l->w2, l->b2, n, d) };
	}
	if (m->emits)
		s->head = sparse_columns(arena, m->head_w, m->head_b, d, m->nvocab + 2);
	for (int i = 0; i < m->nlabel; i++)
		s->label[i] = sparse_columns(arena, m->label[i].w, m->label[i].b, d, 1);
	return s;
}

static void
softmax_of_scores(float *score, int n)
{
	float top = score[0], sum = 0;

	for (int i = 1; i < n; i++)
		top = score[i] > top ? score[i] : top;
	for (int i = 0; i < n; i++)
		sum += score[i] = expf(score[i] - top);
	for (int i = 0; i < n; i++)
		score[i] /= sum;
}

static double
score_unit(const LayerMatrices *w, const TwLayer *l, int head)
{
	double unit = INFINITY;

	for (int d = 0; d < l->dk; d++) {
		double q = w->q.unit[head * l->dk + d], k = w->k.unit[head * l->dk + d];
		if (q != INFINITY && k != INFINITY)
			unit = fmin(unit, q * k);
	}
	return unit >= 1 && unit != INFINITY ? unit : 1;
}

/* What the head reads at a place, into read (dv). */
static void
run_head(const ModelRun *r, const LayerMatrices *w, int layer, int head, int here, float *read)
{
	const TwLayer *l = &r->m->layer[layer];
	LayerRun *run = &r->layer[layer];
	int n = here && r->m->bidirectional ? r->places : here + 1, qk = l->heads * l->dk,
	    vs = l->heads * l->dv;
	double unit = score_unit(w, l, head), *most = &run->sum[SUM_SCORE][head];
	float score[PLACES_MAX];

	for (int there = 0; there < n; there++) {
		double size = 0;
		score[there] = 0;
		for (int d = 0; d < l->dk; d++) {
			float q = run->q[here * qk + head * l->dk + d],
			      k = run->k[there * qk + head * l->dk + d];
			score[there] += q * k;
			size += fabs((double)q * (double)k);
		}
		*most = fmax(*most, size / unit);
	}
	softmax_of_scores(score, n);
	memset(read, 0, (size_t)l->dv * sizeof *read);
	for (int there = 0; there < n; there++)
		for (int d = 0; d < l->dv && score[there] != 0; d++)
			read[d] += score[there] * run->v[there * vs + head * l->dv + d];
}

/* What is written is added to what stands there: both count for the sum. */
static void
add_into(const SparseColumns *s, const float *y, const float *bias, const float *before,
         float *after, double *most)
{
	for (int j = 0; j < s->out; j++) {
		float sum = before[j] + (bias ? bias[j] : 0);
		double size = fabs((double)before[j]) + (bias ? fabs((double)bias[j]) : 0);
		for (int i = s->first[j]; i < s->first[j + 1]; i++) {
			sum += s->w[i] * y[s->row[i]];
			size += fabs((double)s->w[i] * (double)y[s->row[i]]);
		}
		after[j] = sum;
		most[j] = fmax(most[j], size);
	}
}

static void
run_attention(ModelRun *r, Arena *arena, const LayerMatrices *w, int layer)
{
	const TwLayer *l = &r->m->layer[layer];
	LayerRun *run = &r->layer[layer];
	int d = r->m->d_model, qk = l->heads * l->dk, vs = l->heads * l->dv;
	float *from = r->stream[state_before(layer)], *to = r->stream[state_after_attention(layer)];
	float *read = NEWS(arena, float, vs + 1);

	for (int p = 0; p < r->places; p++) {
		multiply(&w->q, from + p * d, l->bq, run->q + p * qk, run->sum[SUM_QUERY]);
		multiply(&w->k, from + p * d, l->bk, run->k + p * qk, run->sum[SUM_KEY]);
		multiply(&w->v, from + p * d, l->bv, run->v + p * vs, run->sum[SUM_VALUE]);
	}
	for (int p = 0; p < r->places; p++) {
		for (int h = 0; h < l->heads; h++)
			run_head(r, w, layer, h, p, read + h * l->dv);
		add_into(&w->o, read, NULL, from + p * d, to + p * d,
		         run->sum[SUM_ATTENTION_WRITE]);
	}
}

static void
run_mlp(ModelRun *r, const LayerMatrices *w, int layer)
{
	const TwLayer *l = &r->m->layer[layer];
	LayerRun *run = &r->layer[layer];
	int d = r->m->d_model, n = l->neurons;
	float *from = r->stream[state_after_attention(layer)],
	      *to = r->stream[state_after_mlp(layer)];

	for (int p = 0; p < r->places; p++) {
		float *y = run->neuron + p * n;
		multiply(&w->w1, from + p * d, l->b1, y, run->sum[SUM_NEURON]);
		for (int i = 0; i < n; i++)
			y[i] = y[i] > 0 ? y[i] : 0;
		add_into(&w->w2, y, n ? l->b2 : NULL, from + p * d, to + p * d,
		         run->sum[SUM_MLP_WRITE]);
	}
}

static void
run_layer(ModelRun *r, Arena *arena, const LayerMatrices *w, int layer)
{
	const TwLayer *l = &r->m->layer[layer];
	LayerRun *run = &r->layer[layer];
	int qk = l->heads * l->dk, vs = l->heads * l->dv, n = l->neurons,
	    all = r->m->d_model + qk + vs + n + l->heads;

	run->q = NEWS(arena, float, r->places *qk + 1);
	run->k = NEWS(arena, float, r->places *qk + 1);
	run->v = NEWS(arena, float, r->places *vs + 1);
	run->neuron = NEWS(arena, float, r->places *n + 1);
	for (int kind = 0; kind <= SUM_MLP_WRITE; kind++)
		run->sum[kind] = NEWS(arena, double, all + 1);
	run_attention(r, arena, w, layer);
	run_mlp(r, w, layer);
}

/* ---- the ends ---- */

/* Written anew here, as the rest of the run is: it shares no code with the runtime. */
void
add_place(const TwModel *m, int place, float *x)
{
	for (int i = 0; !m->by_digits && i < m->d_model; i++)
		x[i] += m->embed_position[(size_t)place * (size_t)m->d_model + (size_t)i];
	for (int n = 0; n < m->npart; n++) {
		const TwPlacePart *part = &m->part[n];
		int row = (place < part->digit.back ? 0 : place - part->digit.back)
		          / part->digit.divide;
		row = part->digit.saturate && row >= part->digit.modulo ? part->digit.modulo - 1
		                                                        : row % part->digit.modulo;
		for (int i = 0; i < part->ncolumn; i++)
			x[part->column[i]] += part->table[row * part->ncolumn + i];
	}
}

static void
run_embedding(ModelRun *r, const SampleText *text)
{
	const TwModel *m = r->m;
	int d = m->d_model;

	for (int p = 0; p < r->places; p++) {
		float *place = memset(r->stream[0] + p * d, 0, (size_t)d * sizeof *place);
		add_place(m, p, place);
		for (int i = 0; i < d; i++) {
			float x = place[i];
			double size = fabs((double)x);
			for (int f = 0; !m->ninput && f < m->nfield; f++) {
				int row = p ? text->row[(p - 1) * m->nfield + f] : m->nvocab + 1;
				float y = m->embed_token[(size_t)row * (size_t)d + (size_t)i];
				x += y;
				size += fabs((double)y);
			}
			for (int k = 0; p && k < m->ninput; k++) {
				float y = (float)text->number[(p - 1) * m->ninput + k]
				          * m->embed_input[k * d + i];
				x += y;
				size += fabs((double)y);
			}
			r->stream[0][p * d + i] = x;
			r->embedding_sum[i] = fmax(r->embedding_sum[i], size);
		}
	}
}

static void
run_outputs(ModelRun *r, Arena *arena, const SparseModel *s)
{
	const TwModel *m = r->m;
	int d = m->d_model, rows = m->nvocab + 2;
	const float *last = r->stream[last_state(m->nlayer)];

	if (m->emits)
		r->logits = NEWS(arena, float, r->places *rows);
	for (int p = 0; p < r->places; p++) {
		if (m->emits)
			multiply(&s->head, last + p * d, m->head_b, r->logits + p * rows,
			         r->logit_sum);
		for (int i = 0; i < m->nlabel; i++)
			multiply(&s->label[i], last + p * d, m->label[i].b,
			         r->label + p * m->nlabel + i, r->label_sum + i);
	}
}

ModelRun *
run_model(const SparseModel *s, Arena *arena, const SampleText *text)
{
	const TwModel *m = s->m;
	ModelRun *r = NEW(arena, ModelRun);
	int states = last_state(m->nlayer) + 1;

	*r = (ModelRun){ .m = m,
		         .places = text->n + 1,
		         .stream = NEWS(arena, float *, states),
		         .layer = NEWS(arena, LayerRun, m->nlayer + 1),
		         .label = NEWS(arena, float, (text->n + 1) * m->nlabel + 1),
		         .logit_sum = NEWS(arena, double, m->nvocab + 3),
		         .label_sum = NEWS(arena, double, m->nlabel + 1),
		         .embedding_sum = NEWS(arena, double, m->d_model + 1) };
	for (int i = 0; i < states; i++)
		r->stream[i] = NEWS(arena, float, r->places * m->d_model);
	run_embedding(r, text);
	for (int l = 0; l < m->nlayer; l++)
		run_layer(r, arena, &s->layer[l], l);
	run_outputs(r, arena, s);
	return r;
}
