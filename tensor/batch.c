/* A graph of one text, or one picture, for many side by side:
 *
 *     input x [784]                        input x [12][784]
 *     param w [784][10] = 0                param w [784][10] = 0
 *     y [i < 10] =                         y [b < 12][i < 10] =
 *         sum(x[r] * w[r, i] for r < 784)      sum(x[b, r] * w[r, i] for r < 784)
 *
 * What depends on no input has no such axis (as `vmap` of JAX: Bradbury et al. 2018). */

#include "tensor/internal.h"

#include <assert.h>

typedef struct Batcher {
	TensorGraph *from, *g; /* the old one, the new one */
	TensorNode **now;
	bool *many; /* by the old tensors' numbers: it depends on an input */
	Scalar *text;
} Batcher;

static bool
depends_on_input(const Batcher *b, const Scalar *e, Map *seen)
{
	if (map_get(seen, e))
		return false;
	map_put(b->g->arena, seen, e, (void *)e);
	if (e->op == X_LOAD && b->many[e->tensor->id])
		return true;
	for (int i = 0; i < e->narg; i++)
		if (depends_on_input(b, e->arg[i], seen))
			return true;
	return false;
}

static Scalar *
batch_load(ScalarRewrite *r, const Scalar *e)
{
	Batcher *b = r->context;
	Scalar *index[RANK_MAX];
	int n = 0;

	if (b->many[e->tensor->id])
		index[n++] = b->text;
	for (int i = 0; i < e->narg; i++)
		index[n++] = scalar_rewrite(r, e->arg[i]);
	return scalar_load(b->g, b->now[e->tensor->id], index);
}

static TensorNode *
batch_body(Batcher *b, TensorNode *t, int batch)
{
	ScalarRewrite r = { .to = b->g, .load = batch_load, .context = b };
	Scalar *axis[RANK_MAX];
	int n = 0;

	b->text = scalar_fresh(b->g, batch);
	b->many[t->id] = depends_on_input(b, t->body, &(Map){ 0 });
	if (b->many[t->id])
		axis[n++] = b->text;
	assert(n + t->rank <= RANK_MAX);
	for (int i = 0; i < t->rank; i++) {
		axis[n] = scalar_fresh(b->g, t->dim[i]);
		map_put(b->g->arena, &r.done, scalar_axis(b->from, i, t->dim[i]), axis[n]);
		n++;
	}
	return tensor_define(b->g, t->name, scalar_rewrite(&r, t->body), n, axis);
}

static TensorNode *
batch_leaf(Batcher *b, const TensorNode *t, int batch)
{
	TensorNode *to;
	int dim[RANK_MAX] = { batch };

	if (t->kind == TENSOR_TABLE)
		return tensor_table(b->g, t->name, t->rank, t->dim, t->table);
	if (t->kind == TENSOR_PARAM) {
		to = tensor_param(b->g, t->name, t->rank, t->dim);
	} else {
		assert(t->rank < RANK_MAX);
		b->many[t->id] = true;
		for (int i = 0; i < t->rank; i++)
			dim[i + 1] = t->dim[i];
		to = tensor_input(b->g, t->name, t->rank + 1, dim);
	}
	to->integer = t->integer;
	to->values = t->values;
	to->spread = t->spread;
	to->init = t->init;
	return to;
}

TensorGraph *
tensor_batch(TensorGraph *from, int batch, TensorNode **now)
{
	Batcher b = { .from = from, .g = tensor_graph_new(from->arena), .now = now };

	b.many = NEWS(from->arena, bool, from->ntensor);
	for (int i = 0; i < from->ntensor; i++) {
		TensorNode *t = from->tensor[i];
		now[i] = t->body ? batch_body(&b, t, batch) : batch_leaf(&b, t, batch);
	}
	return b.g;
}
