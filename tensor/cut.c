/* A learned program with parts of what it computes replaced by numbers of one's own, to see what
 * they are good for (ablation; as in Meyes et al. 2019, "Ablation Studies in Artificial Neural
 * Networks"):
 *
 *     hidden [t < 16][j < 64] = max(...)        hidden.2 [t < 16][j < 64] =
 *                                                   where(mask[j], to[j], hidden[t, j])
 *
 * Or the value along a direction alone, as of a number that stands in several columns: the stream
 * moves along it, no further than it takes. All that reads the tensor reads the new one. */

#include "tensor/learned.h"

static Scalar *
load_rest(TensorGraph *g, const TensorNode *x, const char *name, const double *number,
          Scalar *const *axis)
{
	if (x->rank < 2)
		return scalar_const(g, number[0]);
	return scalar_load(g, tensor_table(g, name, x->rank - 1, x->dim + 1, number), axis + 1);
}

/* x + along (level - along . x) / |along|^2 */
static Scalar *
moved_along(TensorGraph *g, TensorNode *x, const LearnedCut *c, Scalar *const *axis)
{
	Scalar *r = scalar_fresh(g, x->dim[1]), *at[] = { axis[0], r };
	TensorNode *along = tensor_table(g, "along", 1, x->dim + 1, c->along);
	double square = 0;

	for (int i = 0; i < x->dim[1]; i++)
		square += c->along[i] * c->along[i];
	Scalar *is = scalar_binary(g, X_MUL, scalar_load(g, along, &r), scalar_load(g, x, at));
	Scalar *lacks = scalar_binary(g, X_SUB, scalar_const(g, c->level),
	                              scalar_reduce(g, X_SUM, is, r));
	TensorNode *step = tensor_define(
		g, "cut.step", scalar_binary(g, X_DIV, lacks, scalar_const(g, square)), 1, axis);
	Scalar *move = scalar_binary(g, X_MUL, scalar_load(g, step, axis),
	                             scalar_load(g, along, axis + 1));
	return scalar_binary(g, X_ADD, scalar_load(g, x, axis), move);
}

static TensorNode *
cut_tensor(TensorGraph *g, TensorNode *x, const LearnedCut *c)
{
	Scalar *axis[RANK_MAX], *body;

	for (int i = 0; i < x->rank; i++)
		axis[i] = scalar_fresh(g, x->dim[i]);
	if (c->along) {
		body = moved_along(g, x, c, axis);
	} else {
		body = load_rest(g, x, "cut.to", c->to, axis);
		if (c->mask)
			body = scalar_where(g, load_rest(g, x, "cut.mask", c->mask, axis), body,
			                    scalar_load(g, x, axis));
	}
	return tensor_define(g, x->name, body, x->rank, axis);
}

static TensorNode *
same_leaf(TensorGraph *g, const TensorNode *t)
{
	TensorNode *to = t->kind == TENSOR_PARAM ? tensor_param(g, t->name, t->rank, t->dim)
	                                         : tensor_input(g, t->name, t->rank, t->dim);

	to->integer = t->integer;
	to->values = t->values;
	to->spread = t->spread;
	to->init = t->init;
	return to;
}

static void
copy_tables(Learned *to, const Learned *from, TensorNode **now)
{
	Arena *a = to->graph->arena;

	to->input = NEWS(a, LearnedInput, from->ninput + 1);
	to->param = NEWS(a, LearnedParam, from->nparam + 1);
	to->value = NEWS(a, LearnedValue, from->nvalue + 1);
	to->ninput = from->ninput;
	to->nparam = from->nparam;
	to->nvalue = from->nvalue;
	for (int i = 0; i < from->ninput; i++) {
		to->input[i] = from->input[i];
		to->input[i].tensor = now[from->input[i].tensor->id];
	}
	for (int i = 0; i < from->nparam; i++) {
		to->param[i] = from->param[i];
		to->param[i].tensor = now[from->param[i].tensor->id];
	}
	for (int i = 0; i < from->nvalue; i++) {
		to->value[i] = from->value[i];
		if (to->value[i].tensor)
			to->value[i].tensor = now[from->value[i].tensor->id];
	}
	to->scores = from->scores ? now[from->scores->id] : NULL;
	to->loss = from->loss ? now[from->loss->id] : NULL;
}

/* What is computed up to tensor `last`, but for what is computed already. */
static void
copy_up_to(const Learned *from, const bool *live, int last, Learned *to, TensorNode **now)
{
	TensorGraph *g = from->graph;
	bool *some = NEWS(to->graph->arena, bool, g->ntensor + 1);

	for (int i = 0; i <= last; i++)
		some[i] = live[i];
	tensor_copy_live(g, some, to->graph, now);
}

Learned *
learned_cut(Arena *a, const Learned *from, int n, const LearnedCut *cut)
{
	TensorGraph *g = from->graph;
	Learned *to = learned_new(a, from->context);
	TensorNode **now = NEWS(a, TensorNode *, g->ntensor + 1);
	bool *live = NEWS(a, bool, g->ntensor + 1);

	for (int i = 0; i < from->nvalue; i++)
		if (from->value[i].tensor)
			live[from->value[i].tensor->id] = true;
	if (from->scores)
		live[from->scores->id] = true;
	if (from->loss)
		live[from->loss->id] = true;
	tensor_mark_live(g, live);
	TensorNode **leaf = NEWS(a, TensorNode *, g->ntensor + 1);
	for (int i = 0; i < g->ntensor; i++) {
		TensorKind kind = g->tensor[i]->kind;
		if (kind == TENSOR_INPUT || kind == TENSOR_PARAM)
			now[i] = leaf[i] = same_leaf(to->graph, g->tensor[i]);
	}
	for (int i = 0; i < n; i++) {
		int id = cut[i].tensor->id;
		copy_up_to(from, live, id, to, now);
		if (now[id])
			now[id] = cut_tensor(to->graph, now[id], &cut[i]);
	}
	copy_up_to(from, live, g->ntensor - 1, to, now);
	for (int i = 0; i < g->ntensor; i++)
		if (leaf[i])
			now[i] = leaf[i]; /* what is fed goes into the leaf */
	copy_tables(to, from, now);
	return to;
}
