#include "runtime/dense.h"
#include "runtime/specialize.h"
#include "runtime/load.h"
#include "runtime/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Layer {
	TwSparse q, k, v, o, w1, w2;
	float *key;   /* (heads, places, dk) */
	float *value; /* (heads, places, dv) */
} Layer;

struct TwPlain {
	const TwModel *m;
	int places; /* context + 1 */
	int used;   /* places filled, <bos> among them */
	bool stale; /* tokens were fed that are not computed yet */
	bool dense;
	size_t bytes;
	Layer *layer;          /* (nlayer) */
	TwSparse head, *label; /* (nlabel) */

	int *row;      /* (places, nfield) */
	float *number; /* (places, ninput) */
	float *x;      /* (places, d_model) the stream */
	float *state;  /* (2 * nlayer + 1, places, d_model), or NULL: what it was */
	float *query;  /* (heads * dk) of one place, of the widest layer */
	float *read;   /* (heads * dv) */
	float *weight; /* (places) of one head */
	float *neuron; /* (neurons) */
	float *fresh;  /* (heads * (dk or dv)) a key or value, heads side by side */
	float *logits; /* (nvocab + 2) */
	float *answer; /* (columns) of one label */
	float *memory; /* all of the above */
};

/* ---- memory: laid out twice, first to measure */

static const size_t largest_session = (size_t)4 << 30;

static float *
take(float *memory, size_t *used, double count)
{
	size_t at = *used;

	*used = count < (double)largest_session ? at + (size_t)count : largest_session;
	return memory ? memory + at : NULL;
}

static int
max(int a, int b)
{
	return a > b ? a : b;
}

static size_t
lay_out(TwPlain *s, float *memory, bool trace)
{
	const TwModel *m = s->m;
	double places = s->places, keys = 0, values = 0;
	int neurons = 0, columns = 0;
	size_t used = 0;

	for (int n = 0; n < m->nlayer && used < largest_session; n++) {
		const TwLayer *l = &m->layer[n];
		double k = (double)l->heads * l->dk, v = (double)l->heads * l->dv;
		s->layer[n].key = take(memory, &used, k * places);
		s->layer[n].value = take(memory, &used, v * places);
		keys = fmax(keys, k);
		values = fmax(values, v);
		neurons = max(neurons, l->neurons);
	}
	for (int i = 0; i < m->nlabel; i++)
		columns = max(columns, m->label[i].columns);
	s->x = take(memory, &used, places * m->d_model);
	s->number = take(memory, &used, places * m->ninput);
	s->state = take(memory, &used, trace ? (2.0 * m->nlayer + 1) * places * m->d_model : 0);
	s->query = take(memory, &used, keys);
	s->read = take(memory, &used, values);
	s->weight = take(memory, &used, places);
	s->neuron = take(memory, &used, neurons);
	s->fresh = take(memory, &used, fmax(keys, values));
	s->logits = take(memory, &used, m->nvocab + 2);
	s->answer = take(memory, &used, columns);
	return used;
}

static bool
allocate(TwPlain *s, bool trace, char **error)
{
	size_t n = lay_out(s, NULL, trace);

	if (n >= largest_session / sizeof(float))
		return tw_refuse(error, "the model needs too much memory to run");
	s->bytes = (n + 1) * sizeof *s->memory
	           + (size_t)(s->places * s->m->nfield) * sizeof *s->row;
	s->memory = calloc(n + 1, sizeof *s->memory);
	if (!s->memory || !s->row)
		return tw_refuse(error, "out of memory");
	lay_out(s, s->memory, trace);
	if (!trace)
		s->state = NULL;
	return true;
}

static bool
matrix(const TwPlain *s, TwSparse *w, const float *dense, int in, int out)
{
	if (!s->dense)
		return tw_sparse_init(w, dense, in, out);
	*w = (TwSparse){ .in = in, .out = out, .dense = dense };
	return true;
}

static bool
compress_layer(const TwPlain *p, Layer *s, const TwLayer *l)
{
	int keys = l->heads * l->dk, values = l->heads * l->dv, d = p->m->d_model;

	if (l->heads
	    && !(matrix(p, &s->q, l->wq, d, keys) && matrix(p, &s->k, l->wk, d, keys)
	         && matrix(p, &s->v, l->wv, d, values) && matrix(p, &s->o, l->wo, values, d)))
		return false;
	return !l->neurons
	       || (matrix(p, &s->w1, l->w1, d, l->neurons)
	           && matrix(p, &s->w2, l->w2, l->neurons, d));
}

static bool
compress(TwPlain *s)
{
	const TwModel *m = s->m;

	for (int n = 0; n < m->nlayer; n++)
		if (!compress_layer(s, &s->layer[n], &m->layer[n]))
			return false;
	for (int i = 0; i < m->nlabel; i++)
		if (!matrix(s, &s->label[i], m->label[i].w, m->d_model, m->label[i].columns))
			return false;
	return !m->emits || matrix(s, &s->head, m->head_w, m->d_model, m->nvocab + 2);
}

TwPlain *
tw_plain_open(const TwModel *m, bool trace, bool dense, char **error)
{
	TwPlain *s = calloc(1, sizeof *s);

	if (!s) {
		tw_refuse(error, "out of memory");
		return NULL;
	}
	s->m = m;
	s->dense = dense;
	s->places = m->context + 1;
	s->layer = calloc((size_t)m->nlayer + 1, sizeof *s->layer);
	s->label = calloc((size_t)m->nlabel + 1, sizeof *s->label);
	s->row = calloc((size_t)s->places * (size_t)m->nfield, sizeof *s->row);
	if (!s->layer || !s->label || !allocate(s, trace, error) || !compress(s)) {
		tw_refuse(error, "out of memory");
		tw_plain_close(s);
		return NULL;
	}
	s->used = -1;
	tw_plain_reset(s);
	return s;
}

void
tw_plain_close(TwPlain *s)
{
	if (!s)
		return;
	for (int n = 0; s->layer && n < s->m->nlayer; n++) {
		Layer *l = &s->layer[n];
		TwSparse *all[] = { &l->q, &l->k, &l->v, &l->o, &l->w1, &l->w2 };
		for (int i = 0; i < 6; i++)
			tw_sparse_free(all[i]);
	}
	for (int i = 0; s->label && i < s->m->nlabel; i++)
		tw_sparse_free(&s->label[i]);
	tw_sparse_free(&s->head);
	free(s->layer);
	free(s->label);
	free(s->row);
	free(s->memory);
	free(s);
}

/* ---- the forward pass, for places from .. to - 1 */

static float *
stream(const TwPlain *s, int place)
{
	return s->x + (size_t)place * (size_t)s->m->d_model;
}

static void
affine(float *y, const float *x, const TwSparse *w, const float *b)
{
	memcpy(y, b, (size_t)w->out * sizeof *y);
	tw_sparse_add(y, x, w);
}

static void
embed_numbers(TwPlain *s, int place)
{
	size_t d = (size_t)s->m->d_model;
	const float *number = s->number + (size_t)place * (size_t)s->m->ninput;
	float *x = memcpy(stream(s, place), s->m->embed_position + (size_t)place * d,
	                  d * sizeof *x);

	for (int n = 0; n < s->m->ninput; n++)
		for (size_t i = 0; i < d; i++)
			x[i] += number[n] * s->m->embed_input[(size_t)n * d + i];
}

static void
embed(TwPlain *s, int place)
{
	if (s->m->ninput)
		embed_numbers(s, place);
	else
		tw_embed(s->m, s->row + place * s->m->nfield, place, stream(s, place));
}

/* Heads side by side, into the cache, where each head has a block. */
static void
keep(const TwPlain *s, float *cache, const float *fresh, int place, int heads, int size)
{
	for (int h = 0; h < heads; h++)
		memcpy(cache + ((size_t)h * (size_t)s->places + (size_t)place) * (size_t)size,
		       fresh + (size_t)h * (size_t)size, (size_t)size * sizeof *cache);
}

static void
remember(TwPlain *s, int n, int place)
{
	const TwLayer *l = &s->m->layer[n];
	Layer *c = &s->layer[n];

	affine(s->fresh, stream(s, place), &c->k, l->bk);
	keep(s, c->key, s->fresh, place, l->heads, l->dk);
	affine(s->fresh, stream(s, place), &c->v, l->bv);
	keep(s, c->value, s->fresh, place, l->heads, l->dv);
}

static void
softmax(float *x, int n)
{
	float top = x[0], sum = 0;

	for (int i = 1; i < n; i++)
		if (x[i] > top)
			top = x[i];
	for (int i = 0; i < n; i++) {
		x[i] = expf(x[i] - top);
		sum += x[i];
	}
	for (int i = 0; i < n; i++)
		x[i] /= sum;
}

/* One head at one place reads places 0 .. n - 1. */
static void
read_head(TwPlain *s, const TwLayer *l, const Layer *c, int h, int n)
{
	const float *query = s->query + (size_t)h * (size_t)l->dk;
	const float *key = c->key + (size_t)h * (size_t)s->places * (size_t)l->dk;
	const float *value = c->value + (size_t)h * (size_t)s->places * (size_t)l->dv;
	float *read = s->read + (size_t)h * (size_t)l->dv;

	for (int i = 0; i < n; i++, key += l->dk)
		s->weight[i] = tw_dot(query, key, l->dk);
	softmax(s->weight, n);
	memset(read, 0, (size_t)l->dv * sizeof *read);
	for (int i = 0; i < n; i++, value += l->dv)
		if (s->weight[i] != 0)
			for (int j = 0; j < l->dv; j++)
				read[j] += s->weight[i] * value[j];
}

static void
attend(TwPlain *s, int n, int place)
{
	const TwLayer *l = &s->m->layer[n];
	const Layer *c = &s->layer[n];
	bool all = s->m->bidirectional && place > 0;

	affine(s->query, stream(s, place), &c->q, l->bq);
	for (int h = 0; h < l->heads; h++)
		read_head(s, l, c, h, all ? s->used : place + 1);
	tw_sparse_add(stream(s, place), s->read, &c->o);
}

static void
think(TwPlain *s, int n, int place)
{
	const TwLayer *l = &s->m->layer[n];
	float *x = stream(s, place);

	affine(s->neuron, x, &s->layer[n].w1, l->b1);
	for (int i = 0; i < l->neurons; i++)
		if (!(s->neuron[i] > 0))
			s->neuron[i] = 0;
	for (int i = 0; i < s->m->d_model; i++)
		x[i] += l->b2[i];
	tw_sparse_add(x, s->neuron, &s->layer[n].w2);
}

static void
note(TwPlain *s, int state, int from, int to)
{
	size_t d = (size_t)s->m->d_model;

	if (s->state)
		memcpy(s->state + ((size_t)state * (size_t)s->places + (size_t)from) * d,
		       stream(s, from), (size_t)(to - from) * d * sizeof *s->state);
}

static void
forward(TwPlain *s, int from, int to)
{
	const TwModel *m = s->m;

	for (int p = from; p < to; p++)
		embed(s, p);
	note(s, 0, from, to);
	for (int n = 0; n < m->nlayer; n++) {
		for (int p = from; m->layer[n].heads && p < to; p++)
			remember(s, n, p);
		for (int p = from; m->layer[n].heads && p < to; p++)
			attend(s, n, p);
		note(s, 2 * n + 1, from, to);
		for (int p = from; m->layer[n].neurons && p < to; p++)
			think(s, n, p);
		note(s, 2 * n + 2, from, to);
	}
	s->stale = false;
}

/* ---- feeding and asking */

static void
settle(TwPlain *s)
{
	if (s->stale)
		forward(s, 0, s->used);
}

void
tw_plain_reset(TwPlain *s)
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
fed(TwPlain *s)
{
	s->used++;
	s->stale = s->m->bidirectional;
	if (!s->stale)
		forward(s, s->used - 1, s->used);
}

void
tw_plain_feed(TwPlain *s, const int *row)
{
	memcpy(s->row + s->used * s->m->nfield, row, (size_t)s->m->nfield * sizeof *row);
	fed(s);
}

void
tw_plain_feed_numbers(TwPlain *s, const float *number)
{
	size_t n = (size_t)s->m->ninput;

	memcpy(s->number + (size_t)s->used * n, number, n * sizeof *number);
	fed(s);
}

const float *
tw_plain_logits(TwPlain *s)
{
	settle(s);
	affine(s->logits, stream(s, s->used - 1), &s->head, s->m->head_b);
	return s->logits;
}

const float *
tw_plain_label(TwPlain *s, int label, int i)
{
	settle(s);
	affine(s->answer, stream(s, i + 1), &s->label[label], s->m->label[label].b);
	return s->answer;
}

const float *
tw_plain_stream(TwPlain *s, int place)
{
	settle(s);
	return stream(s, place);
}

const float *
tw_plain_state(TwPlain *s, int state, int place)
{
	settle(s);
	return s->state
	       + ((size_t)state * (size_t)s->places + (size_t)place) * (size_t)s->m->d_model;
}

size_t
tw_plain_bytes(const TwPlain *s)
{
	return s->bytes;
}
