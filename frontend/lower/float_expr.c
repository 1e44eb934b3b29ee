/* Operators, functions and sums of floats. Each gives a scalar expression; a sum is a tensor of its
 * own, since what it is summed over may be many.
 *
 *     a * b + 1                  a[t] * b[t] + 1
 *     sum(x[i] for i in 0..<8)   sum(x[t, i] for i < 8), as a tensor over t
 *     x[i] < 0                   a condition, V_MASK: 0 or 1 */

#include <string.h>

#include "frontend/lower/lower.h"

static bool
is_whole_number(const Value *v)
{
	return v->kind == V_INDEX || v->kind == V_INT;
}

static bool
is_number_among_floats(const Value *v)
{
	return is_numeric(v) || v->kind == V_FLOAT || v->kind == V_INDEX;
}

static bool
is_condition(const Value *v)
{
	return v->kind == V_MASK || v->kind == V_BOOL;
}

/* ---- operators ---- */

static Value *
float_power(Lower *L, const Value *a, const Value *b)
{
	if (!b->known || b->kind != V_INT || b->num < 0 || b->num > 24)
		return fail_here(L, "the exponent of a float is a constant, 0 to 24");
	Scalar *e = float_const(L, 1);
	for (int64_t i = 0; i < b->num; i++)
		e = scalar_binary(float_graph(L), X_MUL, e, a->e);
	return v_scalar(L, a->kind, e);
}

static TensorOp
float_operator(AstKind kind)
{
	switch (kind) {
	case N_ADD: return X_ADD;
	case N_SUB: return X_SUB;
	case N_MUL: return X_MUL;
	case N_DIV: return X_DIV;
	case N_FLOOR: return X_FLOOR;
	default: return X_MOD;
	}
}

Value *
float_arith(Lower *L, AstKind kind, Value *a, Value *b)
{
	Value *bad = is_number_among_floats(a) ? b : a;

	if (!is_number_among_floats(bad))
		return fail_here(L, "%s is no number%s", v_kind(bad),
		                 is_condition(bad)      ? "; write float(c) for 0 or 1"
		                 : bad->kind == V_TOKEN ? "; use ord(t) or id(t)"
		                                        : "");
	if (kind == N_POW)
		return float_power(L, a, b);
	bool whole = is_whole_number(a) && is_whole_number(b);
	Scalar *x = scalar_of(L, a), *y = x ? scalar_of(L, b) : NULL;
	if (!y)
		return &v_error;
	if (kind == N_FLOOR || kind == N_MOD)
		if (!whole || y->op != X_CONST || y->value <= 0)
			return fail_here(L, "// and %% of an index are by a positive constant, and "
			                    "a float has neither");
	return v_scalar(L, whole && kind != N_DIV ? V_INDEX : V_FLOAT,
	                scalar_binary(float_graph(L), float_operator(kind), x, y));
}

static Scalar *
negation(Lower *L, Scalar *e)
{
	return scalar_binary(float_graph(L), X_SUB, float_const(L, 1), e);
}

Value *
float_not(Lower *L, const Value *a)
{
	return v_scalar(L, V_MASK, negation(L, a->e));
}

Value *
float_compare(Lower *L, Relation r, Value *a, Value *b)
{
	Scalar *x = scalar_of(L, a), *y = x ? scalar_of(L, b) : NULL;
	bool swapped = r == R_GT || r == R_LE;

	if (!y)
		return &v_error;
	Scalar *e = scalar_binary(float_graph(L), r <= R_NE ? X_EQ : X_LT, swapped ? y : x,
	                          swapped ? x : y);
	return v_scalar(L, V_MASK, r == R_NE || r == R_LE || r == R_GE ? negation(L, e) : e);
}

Value *
float_logic(Lower *L, bool is_and, Value *a, Value *b)
{
	Scalar *x = scalar_of(L, a), *y = x ? scalar_of(L, b) : NULL;

	if (!y)
		return &v_error;
	return v_scalar(L, V_MASK,
	                is_and ? scalar_where(float_graph(L), x, y, float_const(L, 0))
	                       : scalar_where(float_graph(L), x, float_const(L, 1), y));
}

/* One of two single values; the condition, or both of them, may be exact. */
Value *
float_if(Lower *L, const Value *c, Value *a, Value *b)
{
	bool conditions = is_condition(a) && is_condition(b);

	if (!conditions && (!is_number_among_floats(a) || !is_number_among_floats(b)))
		return fail_here(L, "the branches do not go together: %s and %s", v_show(L, a),
		                 v_show(L, b));
	Scalar *x = scalar_of(L, a), *y = x ? scalar_of(L, b) : NULL;
	Scalar *e = y ? scalar_of(L, (Value *)(uintptr_t)c) : NULL;
	if (!e)
		return &v_error;
	return v_scalar(L,
	                conditions                                 ? V_MASK
	                : is_whole_number(a) && is_whole_number(b) ? V_INDEX
	                                                           : V_FLOAT,
	                scalar_where(float_graph(L), e, x, y));
}

/* ---- functions ---- */

typedef struct FloatFunction {
	TensorOp op;
} FloatFunction;

static Value *
function_leaf(Lower *L, Value *v, void *data)
{
	const FloatFunction *f = data;
	Scalar *e = scalar_of(L, v);

	if (is_condition(v))
		return fail_here(L, "%s takes a number, not %s", tensor_ops[f->op].text, v_kind(v));
	return e ? v_float(L, scalar_unary(float_graph(L), f->op, e)) : &v_error;
}

/* Of an array it is the array of them. */
Value *
float_function(Lower *L, TensorOp op, Value *v)
{
	return v_map(L, v, function_leaf, &(FloatFunction){ op });
}

Value *
float_relu(Lower *L, const Value *v)
{
	return v_float(L, scalar_binary(float_graph(L), X_MAX, v->e, float_const(L, 0)));
}

/* Without its sign. */
Value *
float_size(Lower *L, const Value *v)
{
	TensorGraph *g = float_graph(L);
	Scalar *minus = scalar_binary(g, X_SUB, float_const(L, 0), v->e);

	return v_scalar(L, v->kind, scalar_binary(g, X_MAX, v->e, minus));
}

/* The greater of single values, or of arrays element by element. */
static Value *
greater_leaf(Lower *L, Value *a, Value *b, void *least)
{
	TensorGraph *g = float_graph(L);
	bool whole = is_whole_number(a) && is_whole_number(b);

	if (!is_number_among_floats(a) || !is_number_among_floats(b))
		return fail_here(L, "%s takes numbers, not %s", least ? "min" : "max",
		                 v_kind(is_number_among_floats(a) ? b : a));
	Scalar *x = scalar_of(L, a), *y = x ? scalar_of(L, b) : NULL, *zero = float_const(L, 0);
	if (!y)
		return &v_error;
	if (!least)
		return v_scalar(L, whole ? V_INDEX : V_FLOAT, scalar_binary(g, X_MAX, x, y));
	x = scalar_binary(g, X_MAX, scalar_binary(g, X_SUB, zero, x),
	                  scalar_binary(g, X_SUB, zero, y));
	return v_scalar(L, whole ? V_INDEX : V_FLOAT, scalar_binary(g, X_SUB, zero, x));
}

Value *
float_extreme(Lower *L, int n, Value *const *item, bool least)
{
	Value *v = item[0];

	for (int i = 1; i < n; i++)
		v = v_join(L, v, item[i], greater_leaf, least ? (void *)item : NULL);
	return v;
}

/* ---- sums, and what else goes over many ---- */

typedef struct Reduction {
	const char *which;
	int n;
	Scalar *const *range; /* (n) */
	Scalar *guard;        /* or NULL */
} Reduction;

/* What the reduction takes of an element. */
static Scalar *
reduced_element(Lower *L, const Reduction *r, Scalar *e, bool extreme)
{
	TensorGraph *g = float_graph(L);

	if (!strcmp(r->which, "all"))
		e = negation(L, e);
	if (!strcmp(r->which, "min"))
		e = scalar_binary(g, X_SUB, float_const(L, 0), e);
	double none = !extreme ? 0 : e->integer ? e->values.lo - 1 : -1e30;
	return r->guard ? scalar_where(g, r->guard, e, float_const(L, none)) : e;
}

/* What the reduction makes of the sum or the greatest. */
static Value *
reduced_result(Lower *L, const char *which, Scalar *e, double count, bool whole)
{
	TensorGraph *g = float_graph(L);

	if (!strcmp(which, "mean"))
		return v_float(L, scalar_binary(g, X_MUL, e, float_const(L, 1 / count)));
	if (!strcmp(which, "min"))
		e = scalar_binary(g, X_SUB, float_const(L, 0), e);
	if (!strcmp(which, "count"))
		return v_scalar(L, V_INDEX, e);
	if (!strcmp(which, "any"))
		return v_scalar(L, V_MASK, scalar_binary(g, X_LT, float_const(L, 0), e));
	if (!strcmp(which, "all"))
		return v_scalar(L, V_MASK, scalar_binary(g, X_EQ, float_const(L, 0), e));
	return v_scalar(L, whole && e->integer ? V_INDEX : V_FLOAT, e);
}

static Value *
reduce_leaf(Lower *L, Value *v, void *data)
{
	const Reduction *r = data;
	bool extreme = !strcmp(r->which, "max") || !strcmp(r->which, "min");
	bool asks = !strcmp(r->which, "count") || !strcmp(r->which, "any")
	            || !strcmp(r->which, "all");
	double count = 1;
	Scalar *e = scalar_of(L, v);

	if (!e)
		return &v_error;
	if (is_condition(v) != asks)
		return fail_here(L, "%s takes %s, not %s", r->which,
		                 asks ? "conditions" : "numbers", v_kind(v));
	e = reduced_element(L, r, e, extreme);
	for (int i = 0; i < r->n; i++)
		count *= r->range[i]->extent;
	for (int i = r->n - 1; i > 0; i--)
		e = scalar_reduce(float_graph(L), extreme ? X_RMAX : X_SUM, e, r->range[i]);
	if (extreme)
		e = define_scalar(L, scalar_reduce(float_graph(L), X_RMAX, e, r->range[0]),
		                  r->which, 0, NULL);
	else
		e = sum_of_factors(L, e, r->range[0], r->which, 0, NULL);
	if (!e)
		return &v_error;
	return reduced_result(L, r->which, e, count, is_whole_number(v));
}

static Value *
reduce_over(Lower *L, const char *which, int n, Scalar *const *range, Scalar *guard, Value *v)
{
	Reduction r = { which, n, range, guard };

	return v_map(L, v, reduce_leaf, &r);
}

Value *
float_reduce(Lower *L, const char *which, const Value *rows)
{
	if (rows->kind == V_ERROR)
		return &v_error;
	return reduce_over(L, which, 1, &rows->axis, NULL, rows->item[0]);
}

/* Without any element to take, what `else` says. */
static Value *
value_or_else(Lower *L, Env *env, const char *which, Value *any, Value *v, const Ast *otherwise)
{
	if (!otherwise)
		return fail_here(L,
		                 "this may be the %s of nothing: say what it is then, %s(… else d)",
		                 which, which);
	Value *d = eval(L, env, otherwise);
	return d->kind == V_ERROR ? d : choose_value(L, any, v, d);
}

Value *
reduce_rolled(Lower *L, const char *which, Env *env, const Ast *over, const Rolled *r)
{
	bool extreme = !strcmp(which, "max") || !strcmp(which, "min");

	if (r->guard && !strcmp(which, "mean"))
		return fail_here(L, "a mean of floats has no 'where'; divide a sum by a count");
	Value *v = reduce_over(L, which, r->n, r->range, r->guard, r->value);
	if (!r->guard || !extreme || v->kind == V_ERROR)
		return v;
	Value *any = reduce_over(L, "any", r->n, r->range, NULL, v_scalar(L, V_MASK, r->guard));
	return any->kind == V_ERROR ? any : value_or_else(L, env, which, any, v, over->kid[2]);
}

/* Where t is the position here and u that of the where: u is visible, and the condition holds. */
static Scalar *
condition_there(Lower *L, const Value *cond, int bound)
{
	TensorGraph *g = float_graph(L);
	int outer = L->bound;

	L->bound = bound;
	Scalar *e = scalar_of(L, (Value *)(uintptr_t)cond);
	L->bound = outer;
	return e ? scalar_where(g, scalar_binary(g, X_LT, position_range(L), there_range(L, bound)),
	                        float_const(L, 0), e)
	         : NULL;
}

/* sum(e for j where c), e a float: over the visible positions. */
Value *
float_over(Lower *L, const char *which, Value *v, const Value *cond, int bound, Env *env,
           const Ast *otherwise)
{
	bool mean = !strcmp(which, "mean");
	bool sure = cond->node && is_present(L, v_pos(L, op1(L, OP_LATEST, cond->node), 0));
	Value *n = v_int(L, 1);

	if (L->g->bidirectional)
		return fail_here(L, "a bidirectional model has no floats over positions");
	Scalar *c = condition_there(L, cond, bound), *u = there_range(L, bound);
	if (!c)
		return &v_error;
	v = reduce_over(L, mean ? "sum" : which, 1, &u, c, v);
	if (mean) {
		Value *one = v_float(L, float_const(L, 1));
		n = reduce_over(L, "sum", 1, &u, c, one);
		if (n->kind == V_ERROR || v->kind == V_ERROR)
			return &v_error;
		n = v_float(L, scalar_binary(float_graph(L), X_MAX, n->e, one->e));
		v = arith(L, N_DIV, v, n, NULL, NULL);
	}
	if (sure || (!mean && strcmp(which, "max") && strcmp(which, "min")) || v->kind == V_ERROR)
		return v;
	Value *any = reduce_over(L, "any", 1, &u, NULL, v_scalar(L, V_MASK, c));
	return any->kind == V_ERROR ? any : value_or_else(L, env, which, any, v, otherwise);
}

/* best i in … by e where c, first i in … where c: the number of the greatest, the last (or first)
 * of those that may be chosen; -1 where there is none. r->value is the score, or NULL. */
Value *
float_pick(Lower *L, bool first, int64_t lo, const Rolled *r)
{
	TensorGraph *g = float_graph(L);
	Scalar *i = r->range[0], *hit = r->guard ? r->guard : float_const(L, 1);
	double none = r->guard ? first ? -i->extent : -1 : first ? 1 - i->extent : 0;

	if (r->value) {
		Scalar *e = scalar_of(L, r->value), *most;
		if (!e)
			return &v_error;
		if (r->guard)
			e = scalar_where(g, r->guard, e, float_const(L, -1e30));
		most = define_scalar(L, scalar_reduce(g, X_RMAX, e, i), "best", 0, NULL);
		if (!most)
			return &v_error;
		hit = scalar_where(g, hit, scalar_binary(g, X_EQ, e, most), float_const(L, 0));
	}
	Scalar *number = first ? scalar_binary(g, X_SUB, float_const(L, 0), i) : i;
	number = scalar_where(g, hit, number, float_const(L, none));
	number = define_scalar(L, scalar_reduce(g, X_RMAX, number, i), "which", 0, NULL);
	if (!number)
		return &v_error;
	Scalar *found = scalar_binary(g, X_EQ, number, float_const(L, none));
	number = first ? scalar_binary(g, X_SUB, float_const(L, (double)lo), number)
	               : scalar_binary(g, X_ADD, number, float_const(L, (double)lo));
	if (r->guard)
		number = scalar_where(g, found, float_const(L, -1), number);
	return v_scalar(L, V_INDEX, number);
}
