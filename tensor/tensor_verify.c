/* Does a graph of tensors keep what tensor.h promises? For tests, and for whoever builds one. */

#include "tensor/internal.h"

typedef struct TensorVerifier {
	const TensorNode *tensor;
	Map seen;
	Arena *arena;
	const char *fault;
} TensorVerifier;

static const char *
range_fault(const Scalar *e, const TensorNode *t)
{
	for (int i = 0; i < e->nfree; i++) {
		const Scalar *r = e->free[i];
		if (r->number >= BOUND_RANGE)
			return "a range that nothing binds";
		if (r->number >= t->rank)
			return "an axis that the tensor has not";
		if (r->extent != t->dim[r->number])
			return "an axis of another extent";
	}
	return NULL;
}

static const char *
own_fault(const Scalar *e, const TensorNode *t)
{
	int nargs = tensor_ops[e->op].nargs;

	if (nargs >= 0 && e->narg != nargs)
		return "a wrong number of operands";
	if (e->op == X_LOAD) {
		if (e->narg != e->tensor->rank)
			return "a wrong number of indices";
		if (e->tensor->id >= t->id)
			return "a load of what stands below";
		for (int i = 0; i < e->narg; i++)
			if (!e->arg[i]->integer)
				return "an index that is no integer";
	}
	if (e->op == X_SUM || e->op == X_RMAX) {
		if (e->narg != 2 || e->arg[1]->op != X_RANGE)
			return "a reduction without a range";
		if (e->arg[1]->number != BOUND_RANGE + e->arg[0]->height)
			return "a reduction's range is not numbered by its height";
	}
	return NULL;
}

static void
verify_scalar(TensorVerifier *v, Scalar *e)
{
	if (v->fault || map_get(&v->seen, e))
		return;
	map_put(v->arena, &v->seen, e, e);
	for (int i = 0; i < e->narg; i++)
		verify_scalar(v, e->arg[i]);
	if (!v->fault)
		v->fault = own_fault(e, v->tensor);
}

static const char *
tensor_fault(const TensorGraph *g, const TensorNode *t)
{
	TensorVerifier v = { .tensor = t, .arena = g->arena };

	if (t->rank < 0 || t->rank > RANK_MAX)
		return "a wrong number of axes";
	for (int i = 0; i < t->rank; i++)
		if (t->dim[i] < 1)
			return "an axis without elements";
	if ((t->kind == TENSOR_BODY) != (t->body != NULL))
		return "a leaf with a body, or none where one must be";
	if (!t->body)
		return NULL;
	verify_scalar(&v, t->body);
	return v.fault ? v.fault : range_fault(t->body, t);
}

const char *
tensor_graph_verify(const TensorGraph *g)
{
	for (int i = 0; i < g->ntensor; i++) {
		const char *fault = g->tensor[i]->id != i ? "a number that is not its place"
		                                          : tensor_fault(g, g->tensor[i]);
		if (fault)
			return arena_fmt(g->arena, "%s: %s", g->tensor[i]->name, fault);
	}
	return NULL;
}
