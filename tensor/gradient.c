/* The gradient as a rewrite of the graph into more of the same graph: reverse accumulation
 * (Linnainmaa 1970; Griewank and Walther 2008, "Evaluating Derivatives"), on tensors.
 *
 * For T[o] = ... S[e(o, r)] ... the adjoint of S gets
 *
 *     dS[s] += sum over o and r of where(e(o, r) == s, dT[o] * d(...)/dS, 0)
 *
 * which the simplifier solves (solve.c): a transpose gives a transpose, a broadcast a sum, a
 * matrix product two, a convolution a correlation; what cannot be solved, as for a look-up
 * embed[ids[t], c], stays such a sum, a scatter. Within a body the operators' rows say what
 * flows on (ops.h). */

#include "tensor/internal.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

enum { RANGES_MAX = 64 };

/* What flows to a tensor, over the ranges `axis`. */
typedef struct Adjoint {
	bool wanted; /* it is asked for, or something that is asked for flows into it */
	Scalar *axis[RANK_MAX];
	int n, cap;
	Scalar **part; /* (n) its terms */
} Adjoint;

typedef struct Backward {
	TensorGraph *g;
	Adjoint *of;           /* by tensor */
	Scalar *whole, *value; /* the body of the tensor, and the tensor itself, at its axes */
	const TensorNode *at;  /* that tensor */
	Scalar *const *axis;   /* (its rank) */
	Map values;            /* scalars -> as_value() of them */
} Backward;

/* A level of a body: what is within the same reductions. */
typedef struct Level {
	int nrange;
	Scalar *range[RANGES_MAX]; /* (nrange) the axes, and the ranges of reductions outside */
	int n, cap;
	Scalar **order; /* (n) operands first */
	Map seen;       /* what is in `order` */
	Map adjoint;    /* what flows to each */
} Level;

/* ---- what flows to a tensor that is read ---- */

static void
adjoint_add(Backward *b, const Scalar *load, Scalar *flow, const Level *l)
{
	TensorGraph *g = b->g;
	TensorNode *t = load->tensor;
	Adjoint *a = &b->of[t->id];

	for (int i = t->rank - 1; i >= 0; i--) {
		Scalar *here = scalar_binary(g, X_EQ, a->axis[i], load->arg[i]);
		flow = scalar_where(g, here, flow, scalar_const(g, 0));
	}
	/* Axes are summed innermost: they are solved for first, and the reductions, which are
	 * shorter mostly, stay. */
	for (int i = 0; i < l->nrange; i++)
		flow = scalar_reduce(g, X_SUM, flow, l->range[i]);
	if (scalar_is(flow, 0))
		return;
	GROW(g->arena, a->part, a->cap, a->n + 1);
	a->part[a->n++] = flow;
}

/* ---- through a body ---- */

/* Does what flows to e flow on to a tensor that is wanted? `seen` has what leads to none. */
static bool
is_wanted(const Backward *b, Scalar *e, Map *seen)
{
	if (map_get(seen, e))
		return false;
	if (e->op == X_LOAD && b->of[e->tensor->id].wanted)
		return true;
	for (int i = 0; i < e->narg && i < 3; i++)
		if (*tensor_ops[e->op].gradient[i] && is_wanted(b, e->arg[i], seen))
			return true;
	map_put(b->g->arena, seen, e, e);
	return false;
}

static void
order_level(Backward *b, Level *l, Scalar *e)
{
	if (map_get(&l->seen, e))
		return;
	map_put(b->g->arena, &l->seen, e, e);
	if (e->op != X_SUM && e->op != X_RMAX)
		for (int i = 0; i < e->narg; i++)
			order_level(b, l, e->arg[i]);
	GROW(b->g->arena, l->order, l->cap, l->n + 1);
	l->order[l->n++] = e;
}

static bool
has_only_its_axes(const Backward *b, const Scalar *e)
{
	for (int i = 0; i < e->nfree; i++) {
		bool own = false;
		for (int k = 0; k < b->at->rank && !own; k++)
			own = b->axis[k] == e->free[i];
		if (!own)
			return false;
	}
	return true;
}

/* What a gradient asks for of the forward pass: the same, where each reduction is loaded from a
 * tensor of its own. Else it would be computed anew at every place of the gradient: the whole sum
 * of max(sum(...), 0), only to ask whether it is below 0. */
static Scalar *
as_value(Backward *b, Scalar *e)
{
	Scalar *arg[RANK_MAX], *to;

	if (!e->height)
		return e;
	if ((to = map_get(&b->values, e)))
		return to;
	if ((e->op == X_SUM || e->op == X_RMAX) && e->nfree && has_only_its_axes(b, e)) {
		const char *name = arena_fmt(b->g->arena, "%s.%s", b->at->name,
		                             e->op == X_SUM ? "sum" : "max");
		TensorNode *own = tensor_define(b->g, name, e, e->nfree, e->free);
		to = scalar_load(b->g, own, e->free);
	} else if (e->op == X_SUM || e->op == X_RMAX) {
		to = e;
	} else {
		for (int i = 0; i < e->narg; i++)
			arg[i] = as_value(b, e->arg[i]);
		to = scalar_rebuild(b->g, e, arg);
	}
	map_put(b->g->arena, &b->values, e, to);
	return to;
}

/* Does the text of a gradient ask for this operand? */
static bool
asks_for(const char *text, char letter)
{
	for (const char *s = text; *s; s++)
		if (*s == letter && (s == text || !isalpha((unsigned char)s[-1]))
		    && !isalpha((unsigned char)s[1]))
			return true;
	return false;
}

/* What operand i of e gets, in terms of values. */
static Scalar *
flow_to_operand(Backward *b, const Scalar *e, int i, Scalar *adjoint, Scalar *value)
{
	Scalar *arg[RANK_MAX], like = *e;

	for (int k = 0; k < e->narg; k++)
		arg[k] = k < 3 && asks_for(tensor_ops[e->op].gradient[i], (char)('a' + k))
		                 ? as_value(b, e->arg[k])
		                 : e->arg[k];
	like.arg = arg;
	return gradient_of_operand(b->g, &like, i, adjoint, value);
}

static void flow_back(Backward *, Scalar *root, Scalar *adjoint, Level *);

static void
into_reduction(Backward *b, Scalar *e, Scalar *adjoint, Scalar *value, const Level *outside)
{
	TensorGraph *g = b->g;
	Scalar *range = scalar_fresh(g, e->arg[1]->extent);
	Scalar *arg[] = { scalar_substitute(g, e->arg[0], e->arg[1], range), range };
	Scalar open = { .op = e->op, .narg = 2, .arg = arg };
	Level l = { .nrange = outside->nrange };

	assert(l.nrange < RANGES_MAX);
	memcpy(l.range, outside->range, sizeof l.range);
	l.range[l.nrange++] = range;
	flow_back(b, arg[0], flow_to_operand(b, &open, 0, adjoint, value), &l);
}

static void
into_operands(Backward *b, Scalar *e, Scalar *adjoint, Level *l)
{
	TensorGraph *g = b->g;
	bool asked = false;
	for (int i = 0; i < 3; i++)
		asked |= asks_for(tensor_ops[e->op].gradient[i], 'y');
	Scalar *value = e == b->whole ? b->value : asked ? as_value(b, e) : e;

	if (e->op == X_SUM || e->op == X_RMAX) {
		into_reduction(b, e, adjoint, value, l);
		return;
	}
	for (int i = 0; i < e->narg && i < 3; i++) {
		Scalar *flow = flow_to_operand(b, e, i, adjoint, value), *before;
		if (!flow)
			continue;
		before = map_get(&l->adjoint, e->arg[i]);
		map_put(g->arena, &l->adjoint, e->arg[i],
		        before ? scalar_binary(g, X_ADD, before, flow) : flow);
	}
}

/* What flows to `root`, on to all that it is made of. Each is met once, after its readers. */
static void
flow_back(Backward *b, Scalar *root, Scalar *adjoint, Level *l)
{
	order_level(b, l, root);
	map_put(b->g->arena, &l->adjoint, root, adjoint);
	for (int i = l->n - 1; i >= 0; i--) {
		Scalar *e = l->order[i], *flow = map_get(&l->adjoint, e);
		if (!flow || scalar_is(flow, 0))
			continue;
		if (e->op != X_LOAD)
			into_operands(b, e, flow, l);
		else if (b->of[e->tensor->id].wanted)
			adjoint_add(b, e, flow, l);
	}
}

/* ---- from tensor to tensor ---- */

/* The adjoint at a->axis: a number, or a load of a tensor. Where there are several terms, each that
 * has a reduction is a tensor of its own, since it is a kernel of its own. */
static Scalar *
adjoint_of(Backward *b, TensorNode *t)
{
	TensorGraph *g = b->g;
	Adjoint *a = &b->of[t->id];
	Scalar *sum = scalar_const(g, 0);
	const char *name = arena_fmt(g->arena, "d.%s", t->name);

	for (int i = 0; i < a->n; i++) {
		Scalar *part = a->part[i];
		if (a->n > 1 && part->height)
			part = scalar_load(g, tensor_define(g, name, part, t->rank, a->axis),
			                   a->axis);
		sum = scalar_binary(g, X_ADD, sum, part);
	}
	return sum->op == X_CONST
	               ? sum
	               : scalar_load(g, tensor_define(g, name, sum, t->rank, a->axis), a->axis);
}

/* What flows to t goes on through its body. */
static void
through_tensor(Backward *b, TensorNode *t, Scalar *adjoint)
{
	TensorGraph *g = b->g;
	Level l = { .nrange = t->rank };

	b->whole = t->body;
	for (int i = 0; i < t->rank; i++) {
		l.range[i] = scalar_fresh(g, t->dim[i]);
		b->whole = scalar_substitute(g, b->whole, scalar_axis(g, i, t->dim[i]), l.range[i]);
		adjoint = scalar_substitute(g, adjoint, b->of[t->id].axis[i], l.range[i]);
	}
	b->at = t;
	b->axis = l.range;
	b->values = (Map){ 0 };
	b->value = scalar_load(g, t, l.range);
	flow_back(b, b->whole, adjoint, &l);
}

/* The loss flows to itself whole. */
static void
seed_adjoint(Backward *b, TensorNode *of)
{
	Adjoint *a = &b->of[of->id];

	GROW(b->g->arena, a->part, a->cap, 1);
	a->part[a->n++] = scalar_const(b->g, 1);
}

void
tensor_gradient(TensorGraph *g, TensorNode *of, int n, TensorNode *const *by, TensorNode **to)
{
	Backward b = { .g = g, .of = NEWS(g->arena, Adjoint, of->id + 1) };

	assert(!of->rank);
	for (int i = 0; i < n; i++) {
		to[i] = NULL;
		if (by[i]->id <= of->id)
			b.of[by[i]->id].wanted = true;
	}
	for (int i = 0; i <= of->id; i++) {
		TensorNode *t = g->tensor[i];
		b.of[i].wanted |= t->body && is_wanted(&b, t->body, &(Map){ 0 });
		for (int k = 0; k < t->rank; k++)
			b.of[i].axis[k] = scalar_fresh(g, t->dim[k]);
	}
	seed_adjoint(&b, of);
	for (int i = of->id; i >= 0; i--) {
		TensorNode *t = g->tensor[i];
		if (!b.of[i].wanted || !b.of[i].n)
			continue;
		Scalar *adjoint = adjoint_of(&b, t);
		for (int k = 0; k < n; k++)
			if (by[k] == t)
				to[k] = tensor_define(g, arena_fmt(g->arena, "d.%s", t->name),
				                      adjoint, t->rank, b.of[i].axis);
		if (t->body)
			through_tensor(&b, t, adjoint);
	}
}
