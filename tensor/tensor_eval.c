/* The reference: every tensor element by element, by a walk over its expression, on doubles. It
 * shares nothing with the kernels but the operators' names, and takes no care to be fast. */

#include "tensor/internal.h"

#include <math.h>

typedef struct Place {
	double **value; /* of the tensors, by id */
	int axis[RANK_MAX];
	int bound[BOUND_RANGE]; /* by height */
} Place;

double
tensor_apply(TensorOp op, const double *a)
{
	switch (op) {
	case X_ADD: return a[0] + a[1];
	case X_SUB: return a[0] - a[1];
	case X_MUL: return a[0] * a[1];
	case X_DIV: return a[0] / a[1];
	case X_FLOOR: return floor(a[0] / a[1]);
	case X_MOD: return a[0] - a[1] * floor(a[0] / a[1]);
	case X_MAX: return a[0] < a[1] ? a[1] : a[0];
	case X_EXP: return exp(a[0]);
	case X_LOG: return log(a[0]);
	case X_SQRT: return sqrt(a[0]);
	case X_SIN: return sin(a[0]);
	case X_TANH: return tanh(a[0]);
	case X_STOP: return a[0];
	case X_LT: return a[0] < a[1];
	case X_EQ: return a[0] == a[1];
	case X_WHERE: return a[0] ? a[1] : a[2];
	default: return NAN; /* those of their own form */
	}
}

static double eval_scalar(Place *, const Scalar *);

static double
eval_load(Place *p, const Scalar *e)
{
	int64_t at = 0;
	bool outside = false;

	for (int i = 0; i < e->narg; i++) {
		double x = eval_scalar(p, e->arg[i]);
		outside |= !(x >= 0 && x < e->tensor->dim[i]);
		at = outside ? 0 : at * e->tensor->dim[i] + (int64_t)x;
	}
	return outside ? 0 : p->value[e->tensor->id][at];
}

static double
eval_reduction(Place *p, const Scalar *e)
{
	const Scalar *range = e->arg[1];
	double all = e->op == X_SUM ? 0 : -INFINITY;

	for (int i = 0; i < range->extent; i++) {
		p->bound[range->number - BOUND_RANGE] = i;
		double x = eval_scalar(p, e->arg[0]);
		all = e->op == X_SUM ? all + x : max_double(all, x);
	}
	return all;
}

static double
eval_scalar(Place *p, const Scalar *e)
{
	double arg[3];

	switch (e->op) {
	case X_CONST: return e->value;
	case X_RANGE:
		return e->number < BOUND_RANGE ? p->axis[e->number]
		                               : p->bound[e->number - BOUND_RANGE];
	case X_LOAD: return eval_load(p, e);
	case X_SUM:
	case X_RMAX: return eval_reduction(p, e);
	case X_WHERE: return eval_scalar(p, e->arg[eval_scalar(p, e->arg[0]) ? 1 : 2]);
	default:
		for (int i = 0; i < e->narg; i++)
			arg[i] = eval_scalar(p, e->arg[i]);
		return tensor_apply(e->op, arg);
	}
}

static void
eval_tensor(Place *p, const TensorNode *t, double *to)
{
	int64_t n = tensor_size(t);

	for (int64_t k = 0; k < n; k++) {
		int64_t rest = k;
		for (int i = t->rank - 1; i >= 0; i--) {
			p->axis[i] = (int)(rest % t->dim[i]);
			rest /= t->dim[i];
		}
		to[k] = t->kind == TENSOR_TABLE ? t->table[k] : eval_scalar(p, t->body);
	}
}

void
tensor_eval(const TensorGraph *g, double **value)
{
	Place p = { .value = value };

	for (int i = 0; i < g->ntensor; i++) {
		const TensorNode *t = g->tensor[i];
		if (t->kind == TENSOR_INPUT || t->kind == TENSOR_PARAM)
			continue;
		if (!value[i])
			value[i] = NEWS(g->arena, double, tensor_size(t));
		eval_tensor(&p, t, value[i]);
	}
}
