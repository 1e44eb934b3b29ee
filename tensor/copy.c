/* Part of a graph, in another graph: what some tensors need and no more.
 *
 * A builder that tries things out leaves behind what it did not use. It marks what it needs,
 * makes the leaves itself, in the order and by the names that it wants, and has the rest copied.
 */

#include "tensor/internal.h"

typedef struct Copier {
	TensorGraph *to;
	TensorNode *const *now;
	Map done; /* scalars -> their copies */
} Copier;

static void
mark_loads(const Scalar *e, bool *live, Map *seen, Arena *arena)
{
	if (map_get(seen, e))
		return;
	map_put(arena, seen, e, (void *)(uintptr_t)e);
	if (e->op == X_LOAD)
		live[e->tensor->id] = true;
	for (int i = 0; i < e->narg; i++)
		mark_loads(e->arg[i], live, seen, arena);
}

void
tensor_mark_live(const TensorGraph *g, bool *live)
{
	for (int i = g->ntensor - 1; i >= 0; i--)
		if (live[i] && g->tensor[i]->body)
			mark_loads(g->tensor[i]->body, live, &(Map){ 0 }, g->arena);
}

static Scalar *
copy_scalar(Copier *c, const Scalar *e)
{
	Scalar *arg[RANK_MAX], *to = map_get(&c->done, e);

	if (to)
		return to;
	for (int i = 0; i < e->narg; i++)
		arg[i] = copy_scalar(c, e->arg[i]);
	switch (e->op) {
	case X_CONST: to = scalar_const(c->to, e->value); break;
	case X_RANGE: to = scalar_range(c->to, e->number, e->extent); break;
	case X_LOAD: to = scalar_load(c->to, c->now[e->tensor->id], arg); break;
	default: to = scalar_rebuild(c->to, e, arg); break;
	}
	map_put(c->to->arena, &c->done, e, to);
	return to;
}

void
tensor_copy_live(const TensorGraph *from, const bool *live, TensorGraph *to, TensorNode **now)
{
	Copier c = { .to = to, .now = now };

	for (int i = 0; i < from->ntensor; i++) {
		const TensorNode *t = from->tensor[i];
		Scalar *axis[RANK_MAX];
		if (!live[i] || now[i])
			continue;
		if (t->kind == TENSOR_TABLE) {
			now[i] = tensor_table(to, t->name, t->rank, t->dim, t->table);
			continue;
		}
		for (int k = 0; k < t->rank; k++)
			axis[k] = scalar_axis(to, k, t->dim[k]);
		now[i] = tensor_define(to, t->name, copy_scalar(&c, t->body), t->rank, axis);
	}
}
