/* The backward pass over the equations of runtime/model.h, in doubles, from the states that a
 * session has kept (reverse accumulation; Linnainmaa 1970):
 *
 *     dx       of a state: what the layer behind it says, to begin with the seeds
 *     dn       = dx w2'         n = relu(x w1 + b1)     dx += (n > 0 ? dn : 0) w1'
 *     dr       = dx wo'         r = softmax(q k') v     dx += dq wq' + dk wk' + dv wv'
 *
 * Queries, keys, values, weights and neurons are computed anew, all places of a layer at once. */

#include "runtime/gradient.h"
#include "runtime/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct TwGradient {
	const TwModel *m;
	int places;
	double **state;  /* (2 * nlayer + 1) (places, d_model) */
	double **head;   /* (nlayer) (places, heads * dv) by what heads read; NULL: it has none */
	double **neuron; /* (nlayer) (places, neurons); NULL: it has none */
	double *named;   /* (nnamed, places - 1) */
};

/* A layer at work; all arrays of (places, width). */
typedef struct BackwardPass {
	TwGradient *g;
	const TwKept *kept;
	double *q, *k, *v, *dq, *dk, *dv; /* heads side by side */
	double *weight;                   /* (places) of one head at one place */
} BackwardPass;

static double *
doubles(size_t rows, size_t width)
{
	return calloc(rows * width + 1, sizeof(double));
}

static const float *
kept_at(const BackwardPass *b, int state, int place)
{
	return b->kept->state(b->kept->session, state, place);
}

/* y += x w, or the other way round, y += x w': w is (in, out). */
static void
add_row_times(double *y, const double *x, const float *w, int in, int out)
{
	for (int i = 0; i < in; i++)
		for (int o = 0; o < out && x[i] != 0; o++)
			y[o] += x[i] * (double)w[(size_t)i * (size_t)out + (size_t)o];
}

static void
add_transposed(double *x, const double *y, const float *w, int in, int out)
{
	for (int i = 0; i < in; i++)
		for (int o = 0; o < out; o++)
			x[i] += y[o] * (double)w[(size_t)i * (size_t)out + (size_t)o];
}

/* ---- neurons ---- */

static void
through_neurons(BackwardPass *b, int n)
{
	TwGradient *g = b->g;
	const TwLayer *l = &g->m->layer[n];
	size_t d = (size_t)g->m->d_model, neurons = (size_t)l->neurons;

	for (int p = 0; p < g->places; p++) {
		double *dn = g->neuron[n] + (size_t)p * neurons;
		const double *behind = g->state[2 * n + 2] + (size_t)p * d;
		const float *x = kept_at(b, 2 * n + 1, p);
		add_transposed(dn, behind, l->w2, l->neurons, (int)d);
		for (size_t j = 0; j < neurons; j++) {
			double sum = (double)l->b1[j];
			for (size_t c = 0; c < d; c++)
				sum += (double)x[c] * (double)l->w1[c * neurons + j];
			for (size_t c = 0; c < d && sum > 0; c++)
				g->state[2 * n + 1][(size_t)p * d + c] +=
					dn[j] * (double)l->w1[c * neurons + j];
		}
	}
}

/* ---- heads ---- */

static void
project_places(const BackwardPass *b, int state, double *to, const float *w, const float *bias,
               int width)
{
	int d = b->g->m->d_model;

	for (int p = 0; p < b->g->places; p++) {
		const float *x = kept_at(b, state, p);
		double *row = to + (size_t)p * (size_t)width;
		for (int o = 0; o < width; o++)
			row[o] = (double)bias[o];
		for (int c = 0; c < d; c++) {
			double one = (double)x[c];
			add_row_times(row, &one, w + (size_t)c * (size_t)width, 1, width);
		}
	}
}

static double
dot(const double *a, const double *b, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}

/* The softmax of one head at place p over n places, into b->weight. */
static void
softmax_of_head(const BackwardPass *b, const TwLayer *l, int h, int p, int n)
{
	size_t width = (size_t)l->heads * (size_t)l->dk, at = (size_t)h * (size_t)l->dk;
	double most = -INFINITY, sum = 0;

	for (int u = 0; u < n; u++) {
		b->weight[u] = dot(b->q + (size_t)p * width + at, b->k + (size_t)u * width + at,
		                   l->dk);
		most = b->weight[u] > most ? b->weight[u] : most;
	}
	for (int u = 0; u < n; u++)
		sum += b->weight[u] = exp(b->weight[u] - most);
	for (int u = 0; u < n; u++)
		b->weight[u] /= sum;
}

/* What flows to head h's reading at place p goes on to its query, and the keys and values of n
 * places. */
static void
through_reading(BackwardPass *b, const TwLayer *l, int h, int p, int n, const double *dr)
{
	size_t keys = (size_t)l->heads * (size_t)l->dk, values = (size_t)l->heads * (size_t)l->dv;
	size_t key = (size_t)h * (size_t)l->dk, value = (size_t)h * (size_t)l->dv;
	double mean = 0;

	softmax_of_head(b, l, h, p, n);
	for (int u = 0; u < n; u++)
		mean += b->weight[u] * dot(dr, b->v + (size_t)u * values + value, l->dv);
	for (int u = 0; u < n; u++) {
		const double *v = b->v + (size_t)u * values + value;
		double score = b->weight[u] * (dot(dr, v, l->dv) - mean);
		for (int j = 0; j < l->dv; j++)
			b->dv[(size_t)u * values + value + (size_t)j] += b->weight[u] * dr[j];
		for (size_t j = key; j < key + (size_t)l->dk; j++) {
			b->dq[(size_t)p * keys + j] += score * b->k[(size_t)u * keys + j];
			b->dk[(size_t)u * keys + j] += score * b->q[(size_t)p * keys + j];
		}
	}
}

static bool
room_for_heads(BackwardPass *b, const TwLayer *l)
{
	size_t n = (size_t)b->g->places, keys = (size_t)l->heads * (size_t)l->dk,
	       values = (size_t)l->heads * (size_t)l->dv;

	b->q = doubles(n, keys);
	b->k = doubles(n, keys);
	b->v = doubles(n, values);
	b->dq = doubles(n, keys);
	b->dk = doubles(n, keys);
	b->dv = doubles(n, values);
	b->weight = doubles(n, 1);
	return b->q && b->k && b->v && b->dq && b->dk && b->dv && b->weight;
}

static void
free_heads(BackwardPass *b)
{
	double *all[] = { b->q, b->k, b->v, b->dq, b->dk, b->dv, b->weight };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

static bool
through_heads(BackwardPass *b, int n)
{
	TwGradient *g = b->g;
	const TwLayer *l = &g->m->layer[n];
	int d = g->m->d_model, keys = l->heads * l->dk, values = l->heads * l->dv;

	if (!room_for_heads(b, l))
		return false;
	project_places(b, 2 * n, b->q, l->wq, l->bq, keys);
	project_places(b, 2 * n, b->k, l->wk, l->bk, keys);
	project_places(b, 2 * n, b->v, l->wv, l->bv, values);
	for (int p = 0; p < g->places; p++) {
		double *dr = g->head[n] + (size_t)p * (size_t)values;
		int seen = g->m->bidirectional && p > 0 ? g->places : p + 1;
		add_transposed(dr, g->state[2 * n + 1] + (size_t)p * (size_t)d, l->wo, values, d);
		for (int h = 0; h < l->heads; h++)
			through_reading(b, l, h, p, seen, dr + h * l->dv);
	}
	for (int p = 0; p < g->places; p++) {
		double *dx = g->state[2 * n] + (size_t)p * (size_t)d;
		add_transposed(dx, b->dq + (size_t)p * (size_t)keys, l->wq, d, keys);
		add_transposed(dx, b->dk + (size_t)p * (size_t)keys, l->wk, d, keys);
		add_transposed(dx, b->dv + (size_t)p * (size_t)values, l->wv, d, values);
	}
	return true;
}

static bool
through_layer(TwGradient *g, const TwKept *kept, int n)
{
	BackwardPass b = { .g = g, .kept = kept };
	size_t size = (size_t)g->places * (size_t)g->m->d_model;
	bool ok = true;

	for (size_t i = 0; i < size; i++)
		g->state[2 * n + 1][i] += g->state[2 * n + 2][i];
	if (g->m->layer[n].neurons)
		through_neurons(&b, n);
	for (size_t i = 0; i < size; i++)
		g->state[2 * n][i] += g->state[2 * n + 1][i];
	if (g->m->layer[n].heads)
		ok = through_heads(&b, n);
	free_heads(&b);
	return ok;
}

/* ---- seeds ---- */

/* A column of a label, those of all labels counted through: its weights and how far apart they are.
 */
static const float *
label_column(const TwModel *m, int column, int *stride)
{
	int i = 0;

	while (column >= m->label[i].columns)
		column -= m->label[i++].columns;
	*stride = m->label[i].columns;
	return m->label[i].w + column;
}

static const char *
seed_is_none(const TwGradient *g, const TwSeed *s)
{
	const TwModel *m = g->m;
	int n = 0;

	switch (s->kind) {
	case TW_SEED_LOGIT: n = m->emits ? m->nvocab + 2 : 0; break;
	case TW_SEED_LABEL:
		for (int i = 0; i < m->nlabel; i++)
			n += m->label[i].columns;
		break;
	case TW_SEED_NAMED: n = m->nnamed; break;
	}
	if (s->id < 0 || s->id >= n)
		return "the model has no such output";
	if (s->token < 0 || s->token + 1 >= g->places)
		return "the text has no such token";
	if (s->kind == TW_SEED_NAMED && m->named[s->id].folded)
		return "the value does not stand in the stream";
	return isfinite(s->weight) ? NULL : "a weight is no number";
}

static void
plant_seed(TwGradient *g, const TwSeed *s)
{
	const TwModel *m = g->m;
	size_t d = (size_t)m->d_model, at = (size_t)(s->token + 1) * d;
	double *last = g->state[2 * m->nlayer] + at;
	int stride = m->nvocab + 2;
	const float *w = NULL;

	if (s->kind == TW_SEED_NAMED) {
		const TwNamed *v = &m->named[s->id];
		for (int i = 0; i < v->ncolumn; i++)
			g->state[v->state][at + (size_t)v->column[i]] += s->weight
			                                                 * (double)v->weight[i];
		return;
	}
	w = s->kind == TW_SEED_LOGIT ? m->head_w + s->id : label_column(m, s->id, &stride);
	for (size_t c = 0; c < d; c++)
		last[c] += s->weight * (double)w[c * (size_t)stride];
}

/* ---- all of it ---- */

/* Along the value's own direction: the least change of its columns that makes it greater by 1. */
static double
gradient_of_named(const TwGradient *g, const TwNamed *v, int place)
{
	const double *dx = g->state[v->state] + (size_t)place * (size_t)g->m->d_model;
	double sum = 0, square = 0;

	if (v->folded || !v->ncolumn)
		return NAN;
	for (int i = 0; i < v->ncolumn; i++) {
		sum += dx[v->column[i]] * (double)v->weight[i];
		square += (double)v->weight[i] * (double)v->weight[i];
	}
	return sum / square;
}

static bool
gradient_room(TwGradient *g)
{
	const TwModel *m = g->m;
	size_t n = (size_t)g->places, states = 2 * (size_t)m->nlayer + 1;
	bool ok;

	g->state = calloc(states, sizeof *g->state);
	g->head = calloc(states, sizeof *g->head);
	g->neuron = calloc(states, sizeof *g->neuron);
	g->named = doubles((size_t)m->nnamed, n);
	ok = g->state && g->head && g->neuron && g->named;
	for (size_t s = 0; ok && s < states; s++)
		ok = (g->state[s] = doubles(n, (size_t)m->d_model));
	for (int i = 0; ok && i < m->nlayer; i++) {
		const TwLayer *l = &m->layer[i];
		if (l->heads)
			ok = (g->head[i] = doubles(n, (size_t)l->heads * (size_t)l->dv));
		if (ok && l->neurons)
			ok = (g->neuron[i] = doubles(n, (size_t)l->neurons));
	}
	return ok;
}

TwGradient *
tw_gradient_open(const TwModel *m, const TwKept *kept, const TwSeed *seed, int n, char **error)
{
	TwGradient *g = calloc(1, sizeof *g);
	const char *why = NULL;

	if (g)
		*g = (TwGradient){ .m = m, .places = kept->n };
	for (int i = 0; g && i < n && !why; i++)
		why = seed_is_none(g, &seed[i]);
	bool ok = g && !why && gradient_room(g);
	for (int i = 0; ok && i < n; i++)
		plant_seed(g, &seed[i]);
	for (int l = m->nlayer - 1; ok && l >= 0; l--)
		ok = through_layer(g, kept, l);
	if (!ok) {
		tw_refuse(error, "%s", why ? why : "out of memory");
		tw_grad_free(g);
		return NULL;
	}
	for (int i = 0; i < m->nnamed; i++)
		for (int p = 1; p < g->places; p++)
			g->named[(size_t)i * (size_t)(g->places - 1) + (size_t)p - 1] =
				gradient_of_named(g, &m->named[i], p);
	return g;
}

void
tw_grad_free(TwGradient *g)
{
	if (!g)
		return;
	for (int s = 0; g->state && s <= 2 * g->m->nlayer; s++)
		free(g->state[s]);
	for (int i = 0; i < g->m->nlayer; i++) {
		free(g->head ? g->head[i] : NULL);
		free(g->neuron ? g->neuron[i] : NULL);
	}
	free(g->state);
	free(g->head);
	free(g->neuron);
	free(g->named);
	free(g);
}

const double *
tw_grad_all(const TwGradient *g)
{
	return g->named;
}

/* NULL where there is no such place. */
static const double *
row_of_place(const TwGradient *g, const double *all, int i, int width)
{
	return all && i >= -1 && i + 1 < g->places ? all + (size_t)(i + 1) * (size_t)width : NULL;
}

const double *
tw_grad_state(const TwGradient *g, int state, int i)
{
	bool is = state >= 0 && state <= 2 * g->m->nlayer;

	return row_of_place(g, is ? g->state[state] : NULL, i, g->m->d_model);
}

const double *
tw_grad_heads(const TwGradient *g, int layer, int i)
{
	bool is = layer >= 0 && layer < g->m->nlayer;

	return is ? row_of_place(g, g->head[layer], i,
	                         g->m->layer[layer].heads * g->m->layer[layer].dv)
	          : NULL;
}

const double *
tw_grad_neurons(const TwGradient *g, int layer, int i)
{
	bool is = layer >= 0 && layer < g->m->nlayer;

	return is ? row_of_place(g, g->neuron[layer], i, g->m->layer[layer].neurons) : NULL;
}
