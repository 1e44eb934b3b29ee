/* The model as its equations say it (runtime/model.h): at each place, softmax(q K') V over
 * the KV cache of all places, then the MLP. The matrices are sparse all the same. */

#include "runtime/dense.h"
#include "runtime/specialize.h"
#include "runtime/load.h"
#include "runtime/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct DenseLayer {
	TwSparse q, k, v, o, w1, w2;
	float *key;   /* (heads, dk, places) */
	float *value; /* (heads, places, dv) */
} DenseLayer;

struct TwDense {
	const TwModel *m;
	int places;            /* context + 1 */
	int used;              /* places filled, <bos> among them */
	bool stale;            /* tokens were fed that are not computed yet */
	bool every_zero;       /* zeros are multiplied too */
	DenseLayer *layer;     /* (nlayer) */
	TwSparse head, *label; /* (nlabel) */

	int *at;         /* (places) their numbers */
	int *row;        /* (places, nfield) */
	float *number;   /* (places, ninput) */
	float *x;        /* (places, d_model) the residual stream */
	float *state;    /* (2 * nlayer + 1, places, d_model) the stream after each half of a
	                  * layer; NULL without trace */
	float *query;    /* (heads * dk) of one place, of the widest layer */
	float *read;     /* (heads * dv) */
	float *weight;   /* (places) of one head */
	float *neuron;   /* (neurons) */
	float *kv;       /* (heads * (dk or dv)) a key or value, heads side by side */
	float *logits;   /* (nvocab + 2) */
	float *answer;   /* (columns) of one label */
	void *memory;    /* all of the above, */
	size_t reserved; /* and how large that is */
};

/* ---- memory */

static uint64_t
greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The KV cache first. */
static void
lay_out_dense(TwDense *s, TwLayout *to, bool trace)
{
	const TwModel *m = s->m;
	uint64_t places = (uint64_t)s->places, d = (uint64_t)m->d_model, keys = 0, values = 0,
		 neurons = 0, columns = 0;

	for (int n = 0; n < m->nlayer; n++) {
		const TwLayer *l = &m->layer[n];
		uint64_t k = (uint64_t)l->heads * (uint64_t)l->dk,
			 v = (uint64_t)l->heads * (uint64_t)l->dv;
		s->layer[n].key = tw_layout_floats(to, k * places);
		s->layer[n].value = tw_layout_floats(to, v * places);
		keys = greater(keys, k);
		values = greater(values, v);
		neurons = greater(neurons, (uint64_t)l->neurons);
	}
	for (int i = 0; i < m->nlabel; i++)
		columns = greater(columns, (uint64_t)m->label[i].columns);
	s->row = tw_layout_take(to, places * (uint64_t)m->nfield, sizeof *s->row);
	s->at = tw_layout_take(to, places, sizeof *s->at);
	s->number = tw_layout_floats(to, places * (uint64_t)m->ninput);
	s->x = tw_layout_floats(to, places * d);
	s->state = trace ? tw_layout_floats(to, (2 * (uint64_t)m->nlayer + 1) * places * d) : NULL;
	s->query = tw_layout_floats(to, keys);
	s->read = tw_layout_floats(to, values);
	s->weight = tw_layout_floats(to, places);
	s->neuron = tw_layout_floats(to, neurons);
	s->kv = tw_layout_floats(to, greater(keys, values));
	s->logits = tw_layout_floats(to, (uint64_t)m->nvocab + 2);
	s->answer = tw_layout_floats(to, columns);
}

static bool
dense_allocate(TwDense *s, bool trace, char **error)
{
	TwLayout to = { 0 };

	lay_out_dense(s, &to, trace);
	if (to.too_large)
		return tw_refuse(error, "the model needs too much memory to run");
	s->reserved = to.used;
	s->memory = tw_reserve(to.used);
	if (!s->memory)
		return tw_refuse(error, "out of memory");
	to = (TwLayout){ .memory = s->memory };
	lay_out_dense(s, &to, trace);
	return true;
}

static bool
dense_matrix(const TwDense *s, TwSparse *w, const float *dense, int in, int out)
{
	if (!s->every_zero)
		return tw_sparse_init(w, dense, in, out);
	*w = (TwSparse){ .in = in, .out = out, .dense = dense };
	return true;
}

static bool
compress_layer(const TwDense *p, DenseLayer *s, const TwLayer *l)
{
	int keys = l->heads * l->dk, values = l->heads * l->dv, d = p->m->d_model;

	if (l->heads
	    && !(dense_matrix(p, &s->q, l->wq, d, keys) && dense_matrix(p, &s->k, l->wk, d, keys)
	         && dense_matrix(p, &s->v, l->wv, d, values)
	         && dense_matrix(p, &s->o, l->wo, values, d)))
		return false;
	return !l->neurons
	       || (dense_matrix(p, &s->w1, l->w1, d, l->neurons)
	           && dense_matrix(p, &s->w2, l->w2, l->neurons, d));
}

static bool
compress(TwDense *s)
{
	const TwModel *m = s->m;

	for (int n = 0; n < m->nlayer; n++)
		if (!compress_layer(s, &s->layer[n], &m->layer[n]))
			return false;
	for (int i = 0; i < m->nlabel; i++)
		if (!dense_matrix(s, &s->label[i], m->label[i].w, m->d_model, m->label[i].columns))
			return false;
	return !m->emits || dense_matrix(s, &s->head, m->head_w, m->d_model, m->nvocab + 2);
}

TwDense *
tw_dense_open(const TwModel *m, bool trace, bool every_zero, char **error)
{
	TwDense *s = calloc(1, sizeof *s);

	if (!s) {
		tw_refuse(error, "out of memory");
		return NULL;
	}
	s->m = m;
	s->every_zero = every_zero;
	s->places = m->context + 1;
	s->layer = calloc((size_t)m->nlayer + 1, sizeof *s->layer);
	s->label = calloc((size_t)m->nlabel + 1, sizeof *s->label);
	if (!s->layer || !s->label || !dense_allocate(s, trace, error) || !compress(s)) {
		tw_refuse(error, "out of memory");
		tw_dense_close(s);
		return NULL;
	}
	s->used = -1;
	tw_dense_reset(s);
	return s;
}

void
tw_dense_close(TwDense *s)
{
	if (!s)
		return;
	for (int n = 0; s->layer && n < s->m->nlayer; n++) {
		DenseLayer *l = &s->layer[n];
		TwSparse *all[] = { &l->q, &l->k, &l->v, &l->o, &l->w1, &l->w2 };
		for (int i = 0; i < 6; i++)
			tw_sparse_free(all[i]);
	}
	for (int i = 0; s->label && i < s->m->nlabel; i++)
		tw_sparse_free(&s->label[i]);
	tw_sparse_free(&s->head);
	free(s->layer);
	free(s->label);
	tw_release(s->memory, s->reserved);
	free(s);
}

/* ---- the forward pass, for places from .. to - 1 */

static float *
stream(const TwDense *s, int place)
{
	return s->x + (size_t)place * (size_t)s->m->d_model;
}

static void
dense_affine(float *y, const float *x, const TwSparse *w, const float *b)
{
	memcpy(y, b, (size_t)w->out * sizeof *y);
	tw_sparse_add(y, x, w);
}

static void
dense_embed_numbers(TwDense *s, int place)
{
	size_t d = (size_t)s->m->d_model;
	const float *number = s->number + (size_t)place * (size_t)s->m->ninput;
	float *x = memset(stream(s, place), 0, d * sizeof *x);

	tw_add_place(s->m, s->at[place], x);

	for (int n = 0; n < s->m->ninput; n++)
		for (size_t i = 0; i < d; i++)
			x[i] += number[n] * s->m->embed_input[(size_t)n * d + i];
}

static void
dense_embed(TwDense *s, int place)
{
	if (s->m->ninput)
		dense_embed_numbers(s, place);
	else
		tw_embed(s->m, s->row + (size_t)place * (size_t)s->m->nfield, s->at[place],
		         stream(s, place));
}

/* All heads have theirs side by side; in the cache each head has a block. */
static void
cache_key_value(TwDense *s, int n, int place)
{
	const TwLayer *l = &s->m->layer[n];
	DenseLayer *c = &s->layer[n];
	size_t places = (size_t)s->places, at = (size_t)place, dv = (size_t)l->dv;

	dense_affine(s->kv, stream(s, place), &c->k, l->bk);
	for (size_t d = 0; d < (size_t)l->heads * (size_t)l->dk; d++)
		c->key[d * places + at] = s->kv[d];
	dense_affine(s->kv, stream(s, place), &c->v, l->bv);
	for (size_t h = 0; h < (size_t)l->heads; h++)
		memcpy(c->value + (h * places + at) * dv, s->kv + h * dv, dv * sizeof *s->kv);
}

static void
softmax(float *x, int n)
{
	float top = x[0], sum = 0;

	for (int i = 1; i < n; i++)
		if (x[i] > top)
			top = x[i];
	for (int i = 0; i < n; i++) {
		x[i] = x[i] - top > -TW_GAP ? expf(x[i] - top) : 0;
		sum += x[i];
	}
	for (int i = 0; i < n; i++)
		x[i] /= sum;
}

/* Most of a query is 0: heads are padded to the widest of their layer. */
static void
score_places(TwDense *s, const float *query, const float *key, int dk, int n)
{
	memset(s->weight, 0, (size_t)n * sizeof *s->weight);
	for (int d = 0; d < dk; d++, key += s->places)
		if (query[d] != 0 || s->every_zero)
			for (int i = 0; i < n; i++)
				s->weight[i] += query[d] * key[i];
}

/* One head's query reads places 0 .. n - 1. */
static void
dense_read_head(TwDense *s, const TwLayer *l, const DenseLayer *c, int h, int n)
{
	const float *query = s->query + (size_t)h * (size_t)l->dk;
	const float *key = c->key + (size_t)h * (size_t)s->places * (size_t)l->dk;
	const float *value = c->value + (size_t)h * (size_t)s->places * (size_t)l->dv;
	float *read = s->read + (size_t)h * (size_t)l->dv;

	score_places(s, query, key, l->dk, n);
	softmax(s->weight, n);
	memset(read, 0, (size_t)l->dv * sizeof *read);
	for (int i = 0; i < n; i++, value += l->dv)
		if (s->weight[i] != 0)
			for (int j = 0; j < l->dv; j++)
				read[j] += s->weight[i] * value[j];
}

static void
dense_attention(TwDense *s, int n, int place)
{
	const TwLayer *l = &s->m->layer[n];
	const DenseLayer *c = &s->layer[n];
	bool all = s->m->bidirectional && place > 0;

	dense_affine(s->query, stream(s, place), &c->q, l->bq);
	for (int h = 0; h < l->heads; h++)
		dense_read_head(s, l, c, h, all ? s->used : place + 1);
	tw_sparse_add(stream(s, place), s->read, &c->o);
}

static void
dense_mlp(TwDense *s, int n, int place)
{
	const TwLayer *l = &s->m->layer[n];
	float *x = stream(s, place);

	dense_affine(s->neuron, x, &s->layer[n].w1, l->b1);
	for (int i = 0; i < l->neurons; i++)
		if (!(s->neuron[i] > 0))
			s->neuron[i] = 0;
	for (int i = 0; i < s->m->d_model; i++)
		x[i] += l->b2[i];
	tw_sparse_add(x, s->neuron, &s->layer[n].w2);
}

static void
trace_states(TwDense *s, int state, int from, int to)
{
	size_t d = (size_t)s->m->d_model;

	if (s->state)
		memcpy(s->state + ((size_t)state * (size_t)s->places + (size_t)from) * d,
		       stream(s, from), (size_t)(to - from) * d * sizeof *s->state);
}

static void
forward(TwDense *s, int from, int to)
{
	const TwModel *m = s->m;

	for (int p = from; p < to; p++)
		dense_embed(s, p);
	trace_states(s, 0, from, to);
	for (int n = 0; n < m->nlayer; n++) {
		for (int p = from; m->layer[n].heads && p < to; p++)
			cache_key_value(s, n, p);
		for (int p = from; m->layer[n].heads && p < to; p++)
			dense_attention(s, n, p);
		trace_states(s, 2 * n + 1, from, to);
		for (int p = from; m->layer[n].neurons && p < to; p++)
			dense_mlp(s, n, p);
		trace_states(s, 2 * n + 2, from, to);
	}
	s->stale = false;
}

/* ---- feeding and asking */

static void
run_pending(TwDense *s)
{
	if (s->stale)
		forward(s, 0, s->used);
}

void
tw_dense_reset(TwDense *s)
{
	bool first = s->used < 0;

	s->used = 1;
	for (int f = 0; f < s->m->nfield; f++)
		s->row[f] = s->m->nvocab + 1;
	s->stale = s->m->bidirectional;
	if (first)
		forward(s, 0, 1);
}

static void
fed_place(TwDense *s)
{
	s->used++;
	s->stale = s->m->bidirectional;
	if (!s->stale)
		forward(s, s->used - 1, s->used);
}

void
tw_dense_feed(TwDense *s, const int *row, int at)
{
	s->at[s->used] = at;
	memcpy(s->row + s->used * s->m->nfield, row, (size_t)s->m->nfield * sizeof *row);
	fed_place(s);
}

void
tw_dense_feed_numbers(TwDense *s, const float *number, int at)
{
	size_t n = (size_t)s->m->ninput;

	s->at[s->used] = at;
	memcpy(s->number + (size_t)s->used * n, number, n * sizeof *number);
	fed_place(s);
}

const float *
tw_dense_logits(TwDense *s)
{
	run_pending(s);
	dense_affine(s->logits, stream(s, s->used - 1), &s->head, s->m->head_b);
	return s->logits;
}

const float *
tw_dense_label(TwDense *s, int label, int i)
{
	run_pending(s);
	dense_affine(s->answer, stream(s, i + 1), &s->label[label], s->m->label[label].b);
	return s->answer;
}

const float *
tw_dense_stream(TwDense *s, int place)
{
	run_pending(s);
	return stream(s, place);
}

const float *
tw_dense_state(TwDense *s, int state, int place)
{
	run_pending(s);
	return s->state
	       + ((size_t)state * (size_t)s->places + (size_t)place) * (size_t)s->m->d_model;
}

size_t
tw_dense_bytes(const TwDense *s)
{
	return tw_used_bytes(s->memory, s->reserved);
}
