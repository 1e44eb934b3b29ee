/* The equations of runtime/model.h in index notation, the weights as parameters, so that what was
 * compiled can be learned further, and taken apart:
 *
 *     param layers.0.w1 [11][9] = 0
 *     l0.neurons [t < 16][j < 9] = where(0 < l0.sum[t, j], l0.sum[t, j], 0)
 *     x.2 [t < 16][c < 11] = x.1[t, c] + sum(l0.neurons[t, r] * layers.0.w2[r, c] for r < 9) + ...
 *
 * <bos>, which stands before every text, is the same for all of them: what is computed of it has no
 * axis of positions; it comes next to nothing, and has no score. Of a neuron whose sum is 0 the
 * gradient is 0, as elsewhere (PyTorch). */

#include "backend/model_tensors.h"

#include <assert.h>
#include <string.h>

#include "lang/text.h"
#include "runtime/memory_pool.h"
#include "runtime/onnx_graph.h"
#include "tensor/train/train.h"

/* Of scores, which are kept for all pairs of positions, each head and each text of a batch. */
enum { MOST_SCORES = 1 << 20 };

typedef struct ModelText {
	const TwModel *m;
	int positions;
	int state; /* the last that was put, by its number */
	TextBuilder text;
} ModelText;

#define PUT(b, ...) text_addf(&(b)->text, __VA_ARGS__)

/* x.0, of the text and of <bos>. */
static void
put_embedding(ModelText *b)
{
	const TwModel *m = b->m;
	int rows = m->nvocab + 2, d = m->d_model;

	PUT(b, "input token [%d] int 0..%d\n", b->positions, m->nvocab - 1);
	PUT(b, "param embed.token [%d][%d] = 0\n", rows, d);
	PUT(b, "param embed.position [%d][%d] = 0\n", m->context + 1, d);
	PUT(b, "bos.0 [c < %d] = embed.token[%d, c] + embed.position[0, c]\n", d, rows - 1);
	PUT(b, "x.0 [t < %d][c < %d] = embed.token[token[t], c] + embed.position[t + 1, c]\n",
	    b->positions, d);
}

/* Queries, keys or values of layer n, all heads side by side in the weights: l0.q, l0.bos.q. */
static void
put_projection(ModelText *b, int n, const char *of, int size)
{
	int heads = b->m->layer[n].heads, d = b->m->d_model;

	PUT(b, "param layers.%d.w%s [%d][%d] = 0\n", n, of, d, heads * size);
	PUT(b, "param layers.%d.b%s [%d] = 0\n", n, of, heads * size);
	PUT(b,
	    "l%d.%s [t < %d][h < %d][k < %d] = sum(x.%d[t, r] * layers.%d.w%s[r, h * %d + k] "
	    "for r < %d) + layers.%d.b%s[h * %d + k]\n",
	    n, of, b->positions, heads, size, b->state, n, of, size, d, n, of, size);
	if (*of != 'q')
		PUT(b,
		    "l%d.bos.%s [h < %d][k < %d] = sum(bos.%d[r] * layers.%d.w%s[r, h * %d + k] "
		    "for r < %d) + layers.%d.b%s[h * %d + k]\n",
		    n, of, heads, size, b->state, n, of, size, d, n, of, size);
}

/* What each head reads: the softmax over <bos> and what may be seen. */
static void
put_heads(ModelText *b, int n)
{
	const TwLayer *l = &b->m->layer[n];
	int p = b->positions, h = l->heads;

	PUT(b, "l%d.scores [h < %d][t < %d][u < %d] = ", n, h, p, p);
	if (!b->m->bidirectional)
		PUT(b, "where(t < u, %d, ", TW_HIDDEN);
	PUT(b, "sum(l%d.q[t, h, r] * l%d.k[u, h, r] for r < %d)%s\n", n, n, l->dk,
	    b->m->bidirectional ? "" : ")");
	PUT(b, "l%d.first [h < %d][t < %d] = sum(l%d.q[t, h, r] * l%d.bos.k[h, r] for r < %d)\n", n,
	    h, p, n, n, l->dk);
	PUT(b,
	    "l%d.most [h < %d][t < %d] = stop(max(max(l%d.scores[h, t, r] for r < %d), "
	    "l%d.first[h, t]))\n",
	    n, h, p, n, p, n);
	PUT(b,
	    "l%d.exp [h < %d][t < %d][u < %d] = exp(l%d.scores[h, t, u] - l%d.most[h, t])\n"
	    "l%d.exp.first [h < %d][t < %d] = exp(l%d.first[h, t] - l%d.most[h, t])\n",
	    n, h, p, p, n, n, n, h, p, n, n);
	PUT(b,
	    "l%d.all [h < %d][t < %d] = sum(l%d.exp[h, t, r] for r < %d) + l%d.exp.first[h, t]\n",
	    n, h, p, n, p, n);
	PUT(b,
	    "l%d.weight [h < %d][t < %d][u < %d] = l%d.exp[h, t, u] / l%d.all[h, t]\n"
	    "l%d.weight.first [h < %d][t < %d] = l%d.exp.first[h, t] / l%d.all[h, t]\n",
	    n, h, p, p, n, n, n, h, p, n, n);
	PUT(b,
	    "l%d.read [t < %d][h < %d][k < %d] = sum(l%d.weight[h, t, r] * l%d.v[r, h, k] "
	    "for r < %d) + l%d.weight.first[h, t] * l%d.bos.v[h, k]\n",
	    n, p, h, l->dv, n, n, p, n, n);
}

static void
put_attention(ModelText *b, int n)
{
	const TwLayer *l = &b->m->layer[n];
	int d = b->m->d_model;

	put_projection(b, n, "q", l->dk);
	put_projection(b, n, "k", l->dk);
	put_projection(b, n, "v", l->dv);
	put_heads(b, n);
	PUT(b, "param layers.%d.wo [%d][%d] = 0\n", n, l->heads * l->dv, d);
	PUT(b,
	    "x.%d [t < %d][c < %d] = x.%d[t, c] + sum(sum(l%d.read[t, r, s] * "
	    "layers.%d.wo[r * %d + s, c] for s < %d) for r < %d)\n",
	    2 * n + 1, b->positions, d, b->state, n, n, l->dv, l->dv, l->heads);
	PUT(b,
	    "bos.%d [c < %d] = bos.%d[c] + sum(sum(l%d.bos.v[r, s] * "
	    "layers.%d.wo[r * %d + s, c] for s < %d) for r < %d)\n",
	    2 * n + 1, d, b->state, n, n, l->dv, l->dv, l->heads);
	b->state = 2 * n + 1;
}

/* The neurons of layer n, and what they add: of the text ("l0.", "x", "[t < 16]", "t, ") or of
 * <bos>. */
static void
put_neurons(ModelText *b, int n, const char *prefix, const char *state, const char *axis,
            const char *at)
{
	int d = b->m->d_model, neurons = b->m->layer[n].neurons;

	PUT(b,
	    "%ssum %s[j < %d] = sum(%s.%d[%sr] * layers.%d.w1[r, j] for r < %d) + "
	    "layers.%d.b1[j]\n",
	    prefix, axis, neurons, state, b->state, at, n, d, n);
	PUT(b, "%sneurons %s[j < %d] = where(0 < %ssum[%sj], %ssum[%sj], 0)\n", prefix, axis,
	    neurons, prefix, at, prefix, at);
	PUT(b,
	    "%s.%d %s[c < %d] = %s.%d[%sc] + sum(%sneurons[%sr] * layers.%d.w2[r, c] for r < %d) "
	    "+ layers.%d.b2[c]\n",
	    state, 2 * n + 2, axis, d, state, b->state, at, prefix, at, n, neurons, n);
}

static void
put_mlp(ModelText *b, int n)
{
	Arena *a = b->text.arena;
	int d = b->m->d_model, neurons = b->m->layer[n].neurons;

	PUT(b, "param layers.%d.w1 [%d][%d] = 0\nparam layers.%d.b1 [%d] = 0\n", n, d, neurons, n,
	    neurons);
	PUT(b, "param layers.%d.w2 [%d][%d] = 0\nparam layers.%d.b2 [%d] = 0\n", n, neurons, d, n,
	    d);
	put_neurons(b, n, arena_fmt(a, "l%d.", n), "x", arena_fmt(a, "[t < %d]", b->positions),
	            "t, ");
	put_neurons(b, n, arena_fmt(a, "l%d.bos.", n), "bos", "", "");
	b->state = 2 * n + 2;
}

static const char *
model_text(Arena *a, const TwModel *m, int positions)
{
	ModelText b = { .m = m, .positions = positions, .text = { .arena = a } };
	int rows = m->nvocab + 2;

	put_embedding(&b);
	for (int n = 0; n < m->nlayer; n++) {
		if (m->layer[n].heads)
			put_attention(&b, n);
		if (m->layer[n].neurons)
			put_mlp(&b, n);
	}
	PUT(&b, "param head.w [%d][%d] = 0\nparam head.b [%d] = 0\n", m->d_model, rows, rows);
	PUT(&b,
	    "scores [t < %d][v < %d] = sum(x.%d[t, r] * head.w[r, v] for r < %d) + head.b[v]\n"
	    "output scores\n",
	    positions, m->nvocab + 1, b.state, m->d_model);
	return b.text.s;
}

/* ---- the numbers ---- */

/* What each place adds to the stream, where it is known by its digits. */
static const float *
dense_positions(Arena *a, const TwModel *m)
{
	int64_t d = m->d_model;
	float *to = NEWS(a, float, (m->context + 1) * d);

	for (int place = 0; place <= m->context; place++)
		for (int i = 0; i < m->npart; i++) {
			const TwPlacePart *p = &m->part[i];
			const float *row = p->table + tw_place_digit(&p->digit, place) * p->ncolumn;
			for (int k = 0; k < p->ncolumn; k++)
				to[place * d + p->column[k]] += row[k];
		}
	return to;
}

typedef struct WeightList {
	TwPool pool;
	const TwModel *m;
	int n;
	TwWeight *w;
} WeightList;

static void
list_weights(void *arg)
{
	WeightList *l = arg;

	l->n = tw_weights(&l->pool, (TwModel *)l->m, &l->w);
}

static void
fill_weights(Arena *a, const TwModel *m, Learned *l)
{
	WeightList list = { .m = m };

	if (!tw_protect(&list.pool, NULL, list_weights, &list))
		arena_fail();
	for (int i = 0; i < l->nparam; i++) {
		LearnedParam *p = &l->param[i];
		if (m->by_digits && !strcmp(p->tensor->name, "embed.position"))
			p->value = dense_positions(a, m);
		for (int k = 0; k < list.n; k++)
			if (!strcmp(list.w[k].name, p->tensor->name))
				p->value = *list.w[k].data;
		assert(p->value);
	}
	tw_pool_free(&list.pool);
}

/* Why it has no such graph, or NULL. */
static const char *
has_no_graph(Arena *a, const TwModel *m, int positions)
{
	int heads = 0;

	if (!m->emits || !m->nvocab)
		return "it says of no token that it comes next";
	if (m->nfield > 1)
		return "its tokens are records";
	if (m->bidirectional)
		return "it reads what comes later";
	for (int n = 0; n < m->nlayer; n++)
		heads = m->layer[n].heads > heads ? m->layer[n].heads : heads;
	if ((int64_t)heads * positions * positions > MOST_SCORES)
		return arena_fmt(a, "%d heads with scores of %d positions each are too many", heads,
		                 positions);
	return NULL;
}

Learned *
learned_of_model(Arena *a, const TwModel *m, int positions, const char **why)
{
	if ((*why = has_no_graph(a, m, positions)))
		return NULL;
	const char *text = model_text(a, m, positions);
	Source *src = NEW(a, Source);
	*src = (Source){ m->name, text, (uint32_t)strlen(text) };
	Diags ds = { .arena = a, .src = src };
	TensorGraph *g = tensor_graph_read(src, a, &ds);
	assert(g);
	Learned *l = learned_of_graph(g, why);
	if (l)
		fill_weights(a, m, l);
	return l;
}

TensorNode *
model_state(const Learned *l, int state)
{
	char name[32];
	TensorNode *t = NULL;

	for (; !t && state >= 0; state--) {
		snprintf(name, sizeof name, "x.%d", state);
		t = tensor_find(l->graph, name);
	}
	return t;
}

/* ---- back ---- */

static bool
replace_weights(WeightList *l, const WeightsFile *f, Arena *a, const char **why)
{
	for (int i = 0; i < l->n; i++) {
		const TwWeight *w = &l->w[i];
		const FileWeights *from = weights_file_find(f, w->name);
		if (!strncmp(w->name, "labels.", 7))
			continue;
		bool fits = from && from->at && from->rank == w->ndim;
		for (int k = 0; fits && k < w->ndim; k++)
			fits = from->dim[k] == w->dim[k];
		if (!fits) {
			*why = arena_fmt(a, "it has no %s of the program's shape", w->name);
			return false;
		}
		*w->data = (float *)(uintptr_t)from->at;
	}
	return true;
}

TwModel *
model_with_weights(Arena *a, const TwModel *m, const WeightsFile *f, const char **why)
{
	TwModel *to = NEW(a, TwModel);
	WeightList list = { .m = to };

	*to = *m;
	to->layer = NEWS(a, TwLayer, m->nlayer + 1);
	memcpy(to->layer, m->layer, sizeof *m->layer * (size_t)m->nlayer);
	to->certificate = to->circuit = NULL;
	if (m->by_digits) { /* each place has numbers of its own now */
		to->by_digits = false;
		to->npart = 0;
		to->embed_position = (float *)(uintptr_t)dense_positions(a, m);
	}
	if (!tw_protect(&list.pool, NULL, list_weights, &list))
		arena_fail();
	bool ok = replace_weights(&list, f, a, why);
	tw_pool_free(&list.pool);
	return ok ? to : NULL;
}
