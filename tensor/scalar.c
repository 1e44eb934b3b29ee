/* Scalar expressions: hash-consed, with what is known of each, and substitution.
 *
 * The range that a reduction binds is numbered by the height of its body, so that
 *
 *     sum(x[i, r] for r < 8)   and   sum(x[i, s] for s < 8)
 *
 * are the same pointer (a locally nameless form: Charguéraud 2012, "The locally nameless
 * representation"). Nothing that is put in for another range can be caught by it, since what is
 * put in has no bound range free. */

#include "tensor/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lang/pointer_map.h"

enum { BUCKETS = 1 << 14 };

const TensorOpInfo tensor_ops[NUM_TENSOR_OPS] = {
#define OP(name, nargs, prec, text, a, b, c, doc) { #name, nargs, prec, text, { a, b, c }, doc },
#include "tensor/ops.h"
#undef OP
};

TensorGraph *
tensor_graph_new(Arena *arena)
{
	TensorGraph *g = NEW(arena, TensorGraph);

	g->arena = arena;
	g->bucket = NEWS(arena, Scalar *, BUCKETS);
	return g;
}

/* ---- what is known of an expression ---- */

static bool
is_reduction(TensorOp op)
{
	return op == X_SUM || op == X_RMAX;
}

/* The least interval around the four products, sums, ... of bounds. */
static Interval
corner_hull(TensorOp op, Interval a, Interval b)
{
	Interval v = { INFINITY, -INFINITY };

	for (int i = 0; i < 4; i++) {
		double arg[] = { i & 1 ? a.lo : a.hi, i & 2 ? b.lo : b.hi };
		double x = tensor_apply(op, arg);
		v = interval_hull(v, (Interval){ x, x });
	}
	return v;
}

/* Are all operands integers, and the divisor, if it is one, a positive constant? */
static bool
takes_integers(const Scalar *e)
{
	for (int i = 0; i < e->narg; i++)
		if (!e->arg[i]->integer)
			return false;
	return (e->op != X_FLOOR && e->op != X_MOD)
	       || (e->arg[1]->op == X_CONST && e->arg[1]->value > 0);
}

static void
bound_values(Scalar *e)
{
	switch (e->op) {
	case X_CONST:
		e->integer = e->value == floor(e->value) && fabs(e->value) < 0x1p53;
		e->values = (Interval){ e->value, e->value };
		return;
	case X_RANGE:
		e->integer = true;
		e->values = (Interval){ 0, e->extent - 1 };
		return;
	case X_LOAD: /* what is outside of it is 0 */
		e->integer = e->tensor->integer;
		e->values = interval_hull(e->tensor->values, (Interval){ 0, 0 });
		return;
	case X_LT:
	case X_EQ:
		e->integer = true;
		e->values = (Interval){ 0, 1 };
		return;
	case X_WHERE:
		e->integer = e->arg[1]->integer && e->arg[2]->integer;
		e->values = interval_hull(e->arg[1]->values, e->arg[2]->values);
		return;
	case X_STOP:
	case X_RMAX:
		e->integer = e->arg[0]->integer;
		e->values = e->arg[0]->values;
		return;
	case X_SUM:
		e->integer = e->arg[0]->integer;
		e->values = (Interval){ e->arg[0]->values.lo * e->arg[1]->extent,
			                e->arg[0]->values.hi * e->arg[1]->extent };
		e->integer = e->integer && interval_max_abs(e->values) < 0x1p53;
		return;
	case X_ADD:
	case X_SUB:
	case X_MUL:
	case X_MAX:
	case X_FLOOR: e->integer = takes_integers(e); break;
	case X_MOD:
		e->integer = takes_integers(e);
		e->values = (Interval){ 0, e->arg[1]->values.hi - 1 };
		return;
	default: return;
	}
	if (e->integer)
		e->values = corner_hull(e->op, e->arg[0]->values, e->arg[1]->values);
	e->integer = e->integer && interval_max_abs(e->values) < 0x1p53;
}

/* Adds a range to a sorted set. */
static int
add_free(Scalar **to, int n, Scalar *r)
{
	int i = n;

	for (int k = 0; k < n; k++)
		if (to[k] == r)
			return n;
	for (; i > 0 && to[i - 1]->number > r->number; i--)
		to[i] = to[i - 1];
	to[i] = r;
	return n + 1;
}

static void
collect_free(TensorGraph *g, Scalar *e)
{
	int n = 0, most = e->op == X_RANGE;

	for (int i = 0; i < e->narg; i++)
		most += e->arg[i]->nfree;
	if (!most)
		return;
	e->free = NEWS(g->arena, Scalar *, most);
	if (e->op == X_RANGE)
		n = add_free(e->free, n, e);
	for (int i = 0; i < (is_reduction(e->op) ? 1 : e->narg); i++)
		for (int k = 0; k < e->arg[i]->nfree; k++)
			if (!is_reduction(e->op) || e->arg[i]->free[k] != e->arg[1])
				n = add_free(e->free, n, e->arg[i]->free[k]);
	e->nfree = n;
}

bool
scalar_depends(const Scalar *e, const Scalar *range)
{
	for (int i = 0; i < e->nfree; i++)
		if (e->free[i] == range)
			return true;
	return false;
}

bool
scalar_is(const Scalar *e, double value)
{
	return e->op == X_CONST && e->value == value;
}

/* ---- hash-consing (Filliâtre and Conchon 2006, "Type-safe modular hash-consing") ---- */

static unsigned
hash(const Scalar *e)
{
	uint64_t bits, h = (uint64_t)e->op * 31 + (uint64_t)e->number;

	memcpy(&bits, &e->value, sizeof bits);
	h = h * 1000003 + (uint64_t)e->extent;
	h = h * 1000003 + (e->tensor ? (uint64_t)e->tensor->id + 1 : 0);
	h = h * 1000003 + bits;
	for (int i = 0; i < e->narg; i++)
		h = h * 1000003 + (uint64_t)e->arg[i]->id;
	return (unsigned)((h ^ h >> 29) * 0x9e3779b97f4a7c15u >> 50);
}

static bool
is_same(const Scalar *a, const Scalar *b)
{
	return a->op == b->op && a->narg == b->narg
	       && !memcmp(&a->value, &b->value, sizeof a->value) && a->number == b->number
	       && a->extent == b->extent && a->tensor == b->tensor && a->order == b->order
	       && (!a->narg || !memcmp(a->arg, b->arg, sizeof *a->arg * (size_t)a->narg));
}

Scalar *
scalar_cons(TensorGraph *g, const Scalar *like)
{
	unsigned h = hash(like);
	Scalar *e;

	for (e = g->bucket[h]; e; e = e->next)
		if (is_same(e, like))
			return e;
	e = NEW(g->arena, Scalar);
	*e = *like;
	e->id = ++g->nscalar;
	if (e->narg) {
		e->arg = NEWS(g->arena, Scalar *, e->narg);
		memcpy(e->arg, like->arg, sizeof *e->arg * (size_t)e->narg);
	}
	for (int i = 0; i < e->narg; i++)
		e->height = max_int(e->height, e->arg[i]->height);
	e->height += is_reduction(e->op);
	collect_free(g, e);
	bound_values(e);
	e->next = g->bucket[h];
	return g->bucket[h] = e;
}

Scalar *
scalar_const(TensorGraph *g, double value)
{
	/* There is one 0: adding it to -0 makes it. */
	return scalar_cons(g, &(Scalar){ .op = X_CONST, .value = value + 0.0 });
}

Scalar *
scalar_range(TensorGraph *g, int number, int extent)
{
	return scalar_cons(g, &(Scalar){ .op = X_RANGE, .number = number, .extent = extent });
}

Scalar *
scalar_axis(TensorGraph *g, int axis, int extent)
{
	return scalar_range(g, axis, extent);
}

Scalar *
scalar_fresh(TensorGraph *g, int extent)
{
	return scalar_range(g, FREE_RANGE + g->nfresh++, extent);
}

static Scalar *
build(TensorGraph *g, const Scalar *like)
{
	Scalar *simpler = g->as_written ? NULL : scalar_simplify(g, like);

	return simpler ? simpler : scalar_cons(g, like);
}

Scalar *
scalar_load(TensorGraph *g, TensorNode *t, Scalar *const *index)
{
	Scalar *arg[RANK_MAX];

	for (int i = 0; i < t->rank; i++)
		arg[i] = index[i];
	return build(g, &(Scalar){ .op = X_LOAD, .tensor = t, .narg = t->rank, .arg = arg });
}

Scalar *
scalar_unary(TensorGraph *g, TensorOp op, Scalar *a)
{
	return build(g, &(Scalar){ .op = op, .narg = 1, .arg = (Scalar *[]){ a } });
}

Scalar *
scalar_binary(TensorGraph *g, TensorOp op, Scalar *a, Scalar *b)
{
	return build(g, &(Scalar){ .op = op, .narg = 2, .arg = (Scalar *[]){ a, b } });
}

Scalar *
scalar_where(TensorGraph *g, Scalar *condition, Scalar *yes, Scalar *no)
{
	Scalar *arg[] = { condition, yes, no };

	return build(g, &(Scalar){ .op = X_WHERE, .narg = 3, .arg = arg });
}

Scalar *
scalar_reduce_as(TensorGraph *g, TensorOp op, SumOrder order, Scalar *body, Scalar *range)
{
	Scalar *bound = scalar_range(g, BOUND_RANGE + body->height, range->extent);
	Scalar *arg[] = { scalar_substitute(g, body, range, bound), bound };

	/* What was put in may have simplified the body to one of less height. */
	if (arg[0]->height != body->height)
		return scalar_reduce_as(g, op, order, arg[0], bound);
	return build(g, &(Scalar){ .op = op, .order = order, .narg = 2, .arg = arg });
}

Scalar *
scalar_reduce(TensorGraph *g, TensorOp op, Scalar *body, Scalar *range)
{
	return scalar_reduce_as(g, op, ORDER_OPEN, body, range);
}

Scalar *
scalar_rebuild(TensorGraph *g, const Scalar *e, Scalar **arg)
{
	Scalar like = { .op = e->op, .tensor = e->tensor, .narg = e->narg, .arg = arg };

	return is_reduction(e->op) ? scalar_reduce_as(g, e->op, e->order, arg[0], arg[1])
	                           : build(g, &like);
}

static Scalar *
rewrite_operands(ScalarRewrite *r, const Scalar *e)
{
	Scalar *arg[3];

	for (int i = 0; i < e->narg; i++)
		arg[i] = scalar_rewrite(r, e->arg[i]);
	return scalar_rebuild(r->to, e, arg);
}

Scalar *
scalar_rewrite(ScalarRewrite *r, const Scalar *e)
{
	Scalar *to = map_get(&r->done, e);

	if (to)
		return to;
	switch (e->op) {
	case X_CONST: to = scalar_const(r->to, e->value); break;
	case X_RANGE: to = scalar_fresh(r->to, e->extent); break;
	case X_LOAD: to = r->load(r, e); break;
	default: to = rewrite_operands(r, e); break;
	}
	map_put(r->to->arena, &r->done, e, to);
	return to;
}

/* ---- substitution ---- */

typedef struct Substitution {
	TensorGraph *g;
	const Scalar *range;
	Scalar *to;
	Map done; /* expressions that depend on the range -> what they become */
} Substitution;

static Scalar *
substitute(Substitution *s, Scalar *e)
{
	Scalar *some[RANK_MAX], *r;

	if (e == s->range)
		return s->to;
	if (!scalar_depends(e, s->range))
		return e;
	if ((r = map_get(&s->done, e)))
		return r;
	for (int i = 0; i < e->narg; i++)
		some[i] = substitute(s, e->arg[i]);
	r = scalar_rebuild(s->g, e, some);
	map_put(s->g->arena, &s->done, e, r);
	return r;
}

Scalar *
scalar_substitute(TensorGraph *g, Scalar *e, const Scalar *range, Scalar *to)
{
	Substitution s = { .g = g, .range = range, .to = to };

	return range == to ? e : substitute(&s, e);
}
