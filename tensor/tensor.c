/* Tensors: leaves, and definitions by a scalar over ranges that become their axes. */

#include "tensor/internal.h"

#include <assert.h>
#include <string.h>

int64_t
tensor_size(const TensorNode *t)
{
	int64_t n = 1;

	for (int i = 0; i < t->rank; i++)
		n *= t->dim[i];
	return n;
}

TensorNode *
tensor_find(const TensorGraph *g, const char *name)
{
	const char *key = intern_find(g->arena, name, strlen(name));

	return key ? map_get(&g->names, key) : NULL;
}

/* The name, or the first of name.2, name.3, ... that is free. */
static const char *
free_name(TensorGraph *g, const char *name)
{
	const char *tried = name;

	for (int i = 2; tensor_find(g, tried); i++)
		tried = arena_fmt(g->arena, "%s.%d", name, i);
	return intern(g->arena, tried, strlen(tried));
}

static TensorNode *
tensor_new(TensorGraph *g, TensorKind kind, const char *name, int rank, const int *dim)
{
	TensorNode *t = NEW(g->arena, TensorNode);

	assert(rank <= RANK_MAX);
	t->kind = kind;
	t->name = free_name(g, name);
	t->id = g->ntensor;
	t->rank = rank;
	for (int i = 0; i < rank; i++)
		t->dim[i] = dim[i];
	map_put(g->arena, &g->names, t->name, t);
	GROW(g->arena, g->tensor, g->captensor, g->ntensor + 1);
	return g->tensor[g->ntensor++] = t;
}

TensorNode *
tensor_input(TensorGraph *g, const char *name, int rank, const int *dim)
{
	return tensor_new(g, TENSOR_INPUT, name, rank, dim);
}

TensorNode *
tensor_param(TensorGraph *g, const char *name, int rank, const int *dim)
{
	return tensor_new(g, TENSOR_PARAM, name, rank, dim);
}

TensorNode *
tensor_table(TensorGraph *g, const char *name, int rank, const int *dim, const double *table)
{
	TensorNode *t = tensor_new(g, TENSOR_TABLE, name, rank, dim);
	int64_t n = tensor_size(t);

	t->table = table;
	t->integer = true;
	t->values = (Interval){ table[0], table[0] };
	for (int64_t i = 0; i < n; i++) {
		t->integer = t->integer && scalar_const(g, table[i])->integer;
		t->values = interval_hull(t->values, (Interval){ table[i], table[i] });
	}
	return t;
}

static bool
tensor_has_shape(const TensorNode *t, int rank, const int *dim)
{
	return t->rank == rank && (!rank || !memcmp(t->dim, dim, sizeof *dim * (size_t)rank));
}

/* Is it just the tensor that it loads, element by element? */
static bool
is_copy(const Scalar *body, int rank, Scalar *const *axis)
{
	if (body->op != X_LOAD || body->narg != rank)
		return false;
	for (int i = 0; i < rank; i++)
		if (body->arg[i] != axis[i] || axis[i]->extent != body->tensor->dim[i])
			return false;
	return true;
}

TensorNode *
tensor_define(TensorGraph *g, const char *name, Scalar *body, int rank, Scalar *const *axis)
{
	int dim[RANK_MAX];
	TensorNode *t, *first;

	assert(rank <= RANK_MAX);
	if (is_copy(body, rank, axis) && !g->as_written)
		return body->tensor;
	for (int i = 0; i < rank; i++) {
		dim[i] = axis[i]->extent;
		body = scalar_substitute(g, body, axis[i], scalar_axis(g, i, dim[i]));
	}
	first = map_get(&g->bodies, body);
	for (t = first; t; t = t->same)
		if (tensor_has_shape(t, rank, dim))
			return t;
	t = tensor_new(g, TENSOR_BODY, name, rank, dim);
	t->body = body;
	t->integer = body->integer;
	t->values = body->values;
	t->same = first;
	map_put(g->arena, &g->bodies, body, t);
	return t;
}

void
tensor_output(TensorGraph *g, TensorNode *t)
{
	for (int i = 0; i < g->noutput; i++)
		if (g->output[i] == t)
			return;
	GROW(g->arena, g->output, g->capoutput, g->noutput + 1);
	g->output[g->noutput++] = t;
}

void
tensor_carry(TensorGraph *g, TensorNode *leaf, TensorNode *next)
{
	assert(!leaf->body && !leaf->table && tensor_has_shape(next, leaf->rank, leaf->dim));
	GROW(g->arena, g->carry, g->capcarry, g->ncarry + 1);
	g->carry[g->ncarry++] = (TensorCarry){ .leaf = leaf, .next = next };
	tensor_output(g, next);
}
